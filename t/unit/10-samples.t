#!/usr/bin/perl

# What others' servers really sent: every sample becomes as many events as an
# independent reading of it counts, each event is byte for byte what was sent,
# and each record is JSON with its keys in the order of contract 4.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP;
use Test::More;

use Test::Meta::Util qw(made root_dir);

my @keys = qw(v id app object entry time field key delivery n of received_at event);

my $samples = root_dir() . "/../shared/samples/payloads";
my @files   = glob "$samples/*/*.json";

plan skip_all => 'no samples in ../shared/samples/payloads' if !@files;

my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my %records;

for my $line (records(made('unit'), @files)) {
    my ($file, $event, $record) = split /\t/, $line;

    push @{ $records{$file} }, [ pack('H*', $event // ''), pack('H*', $record // '') ];
}

for my $file (@files) {
    my ($name) = $file =~ m{payloads/(.*)};

    subtest $name => sub { sample($file, @{ $records{$file} // [] }) };
}

done_testing();

sub records {
    my ($build, @of) = @_;

    open my $out, '-|', "$build/unit/show_records", '-r', @of or die "show_records: $!\n";
    chomp(my @lines = <$out>);
    close $out;

    is($?, 0, 'show_records exits with 0');

    return @lines;
}

# the elements that contract 4 makes events of, as decoded values

sub events {
    my ($body) = @_;
    my $entries = $body->{entry};
    my @events;

    return $body if ref $entries ne 'ARRAY' || !@$entries;

    for my $entry (@$entries) {
        my @items;

        if (ref $entry eq 'HASH') {
            @items = map { @$_ } grep { ref eq 'ARRAY' } @$entry{qw(changes messaging standby)};
        }

        push @events, @items ? @items : $entry;
    }

    return @events;
}

sub sample {
    my ($file, @got) = @_;

    open my $in, '<:raw', $file or die "$file: $!\n";
    my $bytes = do { local $/; <$in> };

    my $body = $json->decode($bytes);
    my @want = events($body);
    my $from = 0;

    is(scalar @got, scalar @want, 'count of events');

    for my $n (0 .. $#want) {
        my ($event, $text) = @{ $got[$n] // [ '', '' ] };
        my $at = index $bytes, $event, $from;

        cmp_ok($at, '>=', 0, "event $n: the bytes as sent, in order");
        $from = $at + length $event;

        my $record = eval { $json->decode($text) } // {};

        is_deeply([ sort keys %$record ], [ sort @keys ], 'record is JSON and has its keys');
        like($text, qr/^\{"v":1,/, 'v is first');

        my @order = map { index $text, qq("$_":) } @keys;
        is_deeply(\@order, [ sort { $a <=> $b } @order ], 'keys in order');

        is($json->encode($record->{event}), $json->encode($want[$n]), 'the event it must be');
        ok(substr($text, -1 - length $event) eq "$event}", 'which ends the record');
        cmp_ok(length($text) - length($event), '<=', 2048, 'at most 2 KB longer');

        is($record->{n},      $n,                    'n');
        is($record->{of},     scalar @want,          'of');
        is($record->{object}, $body->{object} // '', 'object');
        like($record->{id}, qr/./, 'an id');

        ok(!defined $record->{time} || $record->{time} =~ /^\d{12,13}$/, 'time in milliseconds');
    }

    return;
}
