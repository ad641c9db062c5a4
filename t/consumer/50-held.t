# What waits leaves the window, holds back its lines and nothing else, and comes back in order.

use strict;
use warnings;
use feature qw(state);

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw(time);

use Driver qw(item $Q);
use Test::Meta::Util qw(patience wait_for);

subtest 'a plain event' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push(map { item(id => $_, keys => ['a']) } 1 .. 5);
    $rig->settle;
    is_deeply [$d->over], [1 .. 5], 'one after another';
    is $rig->count->{worked}, 5, 'counted';
    ok !$rig->do('EXISTS', "{$Q}:$_"), "$_ was not touched" for qw(held retry lines state);
    $rig->finish;
};

subtest 'a retry holds back its line only' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push(item(id => 'a1', keys => ['a'], do => ['retry 1500']),
        (map { item(id => "a$_", keys => ['a']) } 2 .. 4),
        map { item(id => "b$_", keys => ['b']) } 1 .. 3);
    my $start = time;
    ok +(wait_for { (grep { /^b/ } $d->over) == 3 }), 'others are worked meanwhile';
    cmp_ok time - $start, '<', 1.2 * patience(), 'at once';
    is_deeply [grep { /^a/ } $d->over], [], 'its line waits';
    is $rig->size('retry'), 1, 'it waits for its time';
    is $rig->size('held'), 3, 'the others wait for it';
    is $rig->size('inflight'), 0, 'none in the window';
    $rig->push(item(id => 'a5', keys => ['a']));
    $rig->indexed;
    $rig->settle;
    cmp_ok time - $start, '>=', 1.4, 'not before its time';
    is_deeply [grep { /^a/ } $d->over], [map { "a$_" } 1 .. 5], 'in order, the late one too';
    is_deeply [map { $_->[2] } grep { $_->[1] eq 'a1' } $d->said('begin')],
        ['at=0 crashes=0 fresh', 'at=1 crashes=0 again'], 'it went on where it was';
    $rig->finish;
};

subtest 'several lines' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push(item(id => 1, keys => ['a', 'b'], do => ['retry 600']),
        item(id => 2, keys => ['b', 'c'], do => ['sleep 30', 'retry 200']),
        item(id => 3, keys => ['c', 'd', 'c']), item(id => 4, keys => ['d']),
        item(id => 5, keys => ['e']), item(id => 6, keys => ['a']), item(id => 7, keys => []));
    ok +(wait_for { (my @e = $d->over) == 2 }), 'who stands in other lines';
    is_deeply [sort $d->over], [5, 7], 'two of them';
    $rig->push(item(id => 8, keys => ['d', 'f']), item(id => 9, keys => ['f']));
    $rig->indexed;
    $rig->settle;
    my %at = map { state $n = 0; $_ => $n++ } $d->over;
    cmp_ok $at{$_->[0]}, '<', $at{$_->[1]}, "$_->[0] before $_->[1]"
        for [1, 2], [1, 6], [2, 3], [3, 4], [4, 8], [8, 9];
    $rig->finish;
};

subtest 'keys that try to break the index' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    my @keys = ('', "a\0", "a\0b", "\1lane", "a\1", "\2", 'a b', "1 2\n", 'x' x 600);
    $rig->push(map { my $k = $_; map { item(id => "$k.$_", keys => [$keys[$k]],
        do => $_ == 1 ? ['retry 300'] : []) } 1 .. 3 } 0 .. $#keys);
    ok +(wait_for { $rig->size('retry') == @keys && $rig->size('held') == 2 * @keys }),
        'each its own line';
    $rig->indexed;
    $rig->settle;
    for my $k (0 .. $#keys) {
        is_deeply [grep { /^$k\./ } $d->over], [map { "$k.$_" } 1 .. 3], "line $k in order";
    }
    $rig->finish;
};

subtest 'loose' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push(item(id => 1, keys => ['a'], do => ['loose 500']),
        map { item(id => $_, keys => ['a'], do => ['sleep 20']) } 2 .. 4);
    $rig->settle;
    is_deeply [$d->over], [2, 3, 4, 1], 'nobody waits for it';
    # and where its line went to Redis behind it
    $rig->push(item(id => 5, keys => ['a'], do => ['sleep 300', 'loose 100', 'loose 100']),
        map { item(id => $_, keys => ['a']) } 6 .. 600);
    $rig->settle;
    my @ended = grep { $_ > 5 } $d->over;
    is_deeply \@ended, [6 .. 600], 'in order';
    $rig->finish;
};

subtest 'a window full of one line' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push((map { item(id => "a$_", keys => ['a'], do => $_ == 1 ? ['sleep 60000'] : []) }
        1 .. 700), map { item(id => "b$_", keys => ["b$_"]) } 1 .. 300);
    ok +(wait_for { 300 == grep { /^b/ } $d->over }), 'the others pass it by meanwhile';
    $d->tell('hasten');
    $rig->settle;
    is_deeply [grep { /^a/ } $d->over], [map { "a$_" } 1 .. 700], 'and in its line the order';
    $rig->finish;
};

subtest 'sixteen megabytes of one line' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push((map { item(id => "a$_", keys => ['a'], pad => 3_000_000,
        do => $_ == 1 ? ['sleep 60000'] : []) } 1 .. 12), item(id => 'b', keys => ['b']));
    ok +(wait_for { $d->over }), 'an end';
    is +($d->over)[0], 'b', 'another passes them by';
    $d->tell('hasten');
    $rig->settle;
    is_deeply [grep { /^a/ } $d->over], [map { "a$_" } 1 .. 12], 'in order';
    $rig->finish;
};

subtest 'every end lets the next one come' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    my @ends = ('dead', 'unmatched', 'pass mine', 'expired', 'result answers', 'forget', 'mark',
        'push other', 'hold L', 'loose 50', 'retry 50');
    $rig->push(map { item(id => $_, keys => ['a'], do => $_ == 0 ? ['retry 200'] :
        $_ % 2 ? [$ends[$_ / 2]] : []) } 0 .. 2 * @ends);
    ok +(wait_for { $rig->do('ZCARD', "{$Q}:lines") && grep { /hold|L/ }
        $rig->do('ZRANGE', "{$Q}:lines", "[\1", "(\2", 'BYLEX') }), 'one stands on its lane';
    $d->tell('wake', $Q, 'L', 1);
    $rig->settle;
    my @ended = grep { $_ != 19 } $d->over;
    is_deeply \@ended, [grep { $_ != 19 } 0 .. 2 * @ends], 'in order';
    is $rig->count->{$_->[0]}, $_->[1], "$_->[0]: $_->[1]" for ['dead', 1], ['unmatched', 2],
        ['expired', 1];
    is_deeply [map { $rig->do('LLEN', $_) } qw(mine answers other)], [1, 1, 1], 'pushed once each';
    cmp_ok $rig->do('PTTL', 'answers'), '>', 0, 'for its time';
    $rig->finish;
};

done_testing;
