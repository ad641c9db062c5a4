package Test::Meta::Partitions;

# Sections for tests of queues over several lists: deliveries for accounts of
# a given partition, and whether each event is in the list of its account.

use strict;
use warnings;

use Compress::Raw::Zlib qw(crc32);
use Mojo::JSON qw(decode_json);
use Test::More;

use Test::Meta;
use Test::Meta::Util qw(spew);

# accounts by partition of 4, found by the checksum itself
my @OF4;
for my $id (1000 .. 1200) {
    push @{$OF4[crc32("$id") % 4]}, $id;
}

# NAME: an ACL file, there before Redis starts
config_verb acl_file => sub {
    my ($t, $name, $text) = @_;
    spew("$t->{dir}/$name", $text);
    $t->learn($text =~ />(\S+)/g);
    $t->{redis_login} = $1 if $text =~ /^user default .*>(\S+)/m;
};

# URI SIZE ID...: one Messenger event for each account, its text SIZE long; an ID
# pN is an account of partition N of 4, pN.K the Kth of them
verb deliver => sub {
    my ($t, $arg, $opts) = @_;
    my ($where, $size, @ids) = split ' ', $arg;
    my $n = 0;
    $t->{mine} = [map {
        my $id = /^p(\d)(?:\.(\d+))?$/ ? $OF4[$1][$2 // 0] : $_;
        $n++;
        [$id, '{"sender":{"id":"7"},"recipient":{"id":"8"},"message":{"mid":'
            . "\"m_$n\",\"text\":\"" . 'x' x $size . '"}}']
    } @ids];
    my $body = '{"object":"page","entry":[' . join(',', map {
        qq({"id":"$_->[0]","time":1763700000,"messaging":[$_->[1]]})
    } @{$t->{mine}}) . ']}';
    $t->run(post => "$where $opts", $body);
};

# NAME N: the events of the last delivery, each in the list of its account and
# nowhere else, in the order of the bytes
verb spread => sub {
    my ($t, $arg) = @_;
    my ($name, $parts) = split ' ', $arg;
    my (@want, %delivery);
    for my $i (0 .. $#{$t->{mine}}) {
        my ($id, $raw) = @{$t->{mine}[$i]};
        push @{$want[crc32($id) % $parts]}, "$i $id $raw";
    }
    for my $part (0 .. $parts - 1) {
        my @got = map {
            my $r = decode_json($_);
            is $r->{of}, scalar @{$t->{mine}}, 'of' if $r->{of} != @{$t->{mine}};
            $delivery{$r->{delivery}} = 1;
            my ($raw) = /"event":(.*)\}\z/s;
            "$r->{n} $r->{entry} $raw";
        } $t->{redis}->queue("$name:$part");
        is_deeply \@got, $want[$part] // [], "list $part of $parts";
    }
    is scalar keys %delivery, 1, 'one delivery id';
};

1;
