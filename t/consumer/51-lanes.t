# Lanes: thousands wait on one that is stopped, cost the others nothing, and come when woken.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw(time);

use Driver qw(item $Q);
use Test::Meta::Util qw(patience wait_for);

subtest 'five thousand of a stopped lane in front of a hundred others' => sub {
    my $rig = Driver::rig();
    $rig->push((map { item(id => "s$_", keys => ["s" . $_ % 2500], do => ['hold stopped']) }
        1 .. 5000), map { item(id => "o$_", keys => ["o$_"]) } 1 .. 100);
    my $d = $rig->driver;
    ok +(wait_for { 100 == $d->over } 20), 'the others are worked';
    ok +(wait_for { !$rig->size('inflight') } 20), 'and nothing of it is left in the window';
    is $rig->size('held'), 5000, 'all of the lane wait';
    $rig->indexed;

    $d->tell('wake', $Q, 'stopped', 3);
    ok +(wait_for { 103 == $d->over }), 'three of them were woken';
    is_deeply [($d->over)[100 .. 102]], [qw(s1 s2 s3)], 'the oldest';
    ok +(wait_for { !$rig->size('inflight') }), 'who stood behind them stands on the lane now';
    $d->tell('wake', $Q, 'nothing', 3);
    ok +(wait_for { $d->tell('wake', $Q, 'stopped', 1_000_000); $d->over >= 2600 } 30),
        'all that stood on it, a window at a time';
    my $more = wait_for { $d->tell('wake', $Q, 'stopped', 10_000); $rig->quiet } 30;
    ok $more, 'the rest';
    my %at = do { my $n = 0; map { $_ => $n++ } $d->over };
    is scalar(grep { $at{"s$_"} > $at{'s' . ($_ + 2500)} } 1 .. 2500), 0, 'in order in each line';
    $rig->finish;
};

subtest 'woken ones leave room for new ones' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push(map { item(id => "s$_", keys => ["s$_"], do => ['hold x', 'sleep 500']) } 1 .. 600);
    ok +(wait_for { $rig->size('held') == 600 } 20), 'six hundred wait';
    $rig->push(map { item(id => "o$_", keys => ["o$_"], do => ['sleep 20']) } 1 .. 2000);
    $d->tell('wake', $Q, 'x', 600);
    ok +(wait_for { 300 <= grep { /^o/ } $d->over }), 'new ones are worked';
    cmp_ok scalar(grep { /^s/ } $d->over), '<', 600, 'while the others come';
    ok +(wait_for { $d->tell('wake', $Q, 'x', 600); $rig->quiet } 40), 'all come';
    is scalar(my @e = $d->over), 2600, 'all of them';
    $rig->finish;
};

subtest 'woken in the turn of the loop in which it was held' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push(map { item(id => $_, keys => ["k$_"], do => ["holdwake lane$_"]) } 1 .. 20);
    $rig->settle;
    is scalar(my @e = $d->over), 20, 'Redis knows that it waits when it is asked who does';
    $rig->finish;
};

subtest 'another holder is told of the lanes' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push(map { item(id => $_, keys => ["k$_"], do => ["hold lane$_"]) } 1 .. 450);
    ok +(wait_for { $rig->size('held') == 450 } 20), 'each on a lane of its own';
    is $d->stop('TERM'), '0', 'drained';
    my $e = $rig->driver;
    ok +(wait_for { 450 == $e->said('lane') }), 'each lane is told';
    my %told = map { $_->[2] => 1 } $e->said('lane');
    is scalar(keys %told), 450, 'once';
    $e->tell('wake', $Q, "lane$_", 1) for 1 .. 450;
    $rig->settle;
    $rig->finish;
};

subtest 'retries that come while the window is full' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push(map { item(id => $_, keys => ["k$_"], do => ['retry 300', 'sleep 30']) } 1 .. 1500);
    $rig->settle(40);
    is scalar(my @e = $d->over), 1500, 'all are worked';
    is scalar(my @b = $d->begun), 3000, 'each began twice';
    $rig->finish;
};

done_testing;
