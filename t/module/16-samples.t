# Every sample of ../shared/samples/payloads goes in when it is signed, gives as
# many events as it has, and each event is byte for byte what was sent.

use strict;
use warnings;

use Mojo::JSON qw(decode_json);
use Test::More;

use Test::Meta;
use Test::Meta::Util qw(root_dir slurp);

my $SAMPLES = root_dir() . '/../shared/samples/payloads';

config_verb needs_samples => sub {
    -e "$SAMPLES/index.tsv" or $_[0]->run(skip => "$SAMPLES is not there");
};

# decoded events that contract 4 finds in a decoded body, without their order
sub events_of {
    my ($body) = @_;
    my $entries = $body->{entry};
    return [$body] unless ref $entries eq 'ARRAY' && @$entries;
    my @events;
    for my $entry (@$entries) {
        my @inside = ref $entry eq 'HASH'
            ? map { ref $entry->{$_} eq 'ARRAY' ? @{$entry->{$_}} : () }
                qw(changes messaging standby)
            : ();
        push @events, @inside ? @inside : $entry;
    }
    return \@events;
}

# what went in stands in the list: count, bytes in their order, meaning
sub check_sample {
    my ($t, $name, $body, @records) = @_;
    my $want = events_of(decode_json($body));
    my $place = 0;
    my (@got, @wrong);

    push @wrong, sprintf '%d events, expected %d', scalar @records, scalar @$want
        if @records != @$want;
    for my $n (0 .. $#records) {
        my ($raw) = $records[$n] =~ /"event":(.*)\}\z/s;
        my $record = decode_json($records[$n]);
        my $at = index $body, $raw, $place;
        push @wrong, "event $n is not what was sent" if $at < 0;
        $place = $at + length $raw;
        push @wrong, "n and of: $record->{n}/$record->{of}"
            if $record->{n} != $n || $record->{of} != @$want;
        push @wrong, "keys of event $n"
            unless $records[$n] =~ /\A\{"v":1,"id":"[^"]+","app":"1234567890",
                "object":"[^"]*","entry":"[^"]*","time":(?:\d+|null),
                "field":"[^"]*","key":"[^"]*","delivery":"[0-9a-f]{32}",
                "n":\d+,"of":\d+,"received_at":\d{13},"event":/x;
        push @wrong, "event $n is longer by more than 2 KB"
            if length($records[$n]) > length($raw) + 2048;
        push @got, $record->{event};
    }
    my %seen;
    $seen{Mojo::JSON::encode_json($_)}++ for @got;
    $seen{Mojo::JSON::encode_json($_)}-- for @$want;
    push @wrong, 'not the events that are in it' if grep { $_ } values %seen;
    is join('; ', @wrong), '', $name;
}

verb all_samples => sub {
    my ($t) = @_;
    my @names = slurp("$SAMPLES/index.tsv") =~ /^(\S+\.json)\t/mg;
    ok @names > 100, scalar(@names) . ' samples';
    for my $name (@names) {
        my $body = slurp("$SAMPLES/$name");
        $t->{redis}->do('DEL', 'meta:events');
        $t->run(post => '/hook as=a', "\@file $SAMPLES/$name\n");
        $t->run(recv => 'a');
        is $t->{last}{status}, 200, "$name: 200"
            if $t->{last}{status} != 200;
        check_sample($t, $name, $t->{sent}{body},
            $t->{redis}->queue('meta:events'));
    }
};

run_blocks();

__DATA__

=== all of them
--- needs_samples
--- all_samples
