# Claiming, yielding, pausing; and a random run whose accounting is sampled.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Driver qw(item $Q);
use Test::Meta::Util qw(patience wait_for);

subtest 'claim and yield' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver('--standby');
    my $e = $rig->driver('--standby');
    $rig->push(item(id => 1, keys => ['a'], do => ['sleep 1000']), map { item(id => $_,
        keys => ['a']) } 2 .. 5);
    $_->tell('stats', $Q) for $d, $e;
    $_->wait_log(qr/held=0/) for $d, $e;
    ok !$rig->do('EXISTS', "{$Q}:lease"), 'nobody competes unasked';

    $d->tell('claim', $Q);
    ok +(wait_for { $d->begun }), 'who claims it works';
    $e->tell('claim', $Q);
    $e->wait_log(qr/stands by/);
    $d->tell('yield', $Q);
    $d->wait_log(qr/given up/);
    ok +(wait_for { $d->over + $e->over == 5 }), 'the other one goes on';
    is_deeply [$d->over, $e->over], [1 .. 5], 'in order';
    is_deeply [map { $_->[2] } grep { $_->[1] eq '1' } $e->said('begin')],
        ['at=1 crashes=0 again'], 'what had begun goes on where it was, without a crash';

    $e->tell('yield', $Q);
    $e->wait_log(qr/given up/);
    $rig->push(item(id => 6));
    $d->tell('claim', $Q);
    ok +(wait_for { grep { $_ eq '6' } $d->over }), 'and back';
    $rig->finish;
};

subtest 'yield with all kinds of waiting' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push((map { item(id => "r$_", keys => ['r'], do => $_ == 1 ? ['retry 60000'] : []) }
        1 .. 5), (map { item(id => "w$_", keys => ['w'], do => ['sleep 400', 'mark', 'sleep 400']) }
        1 .. 5), map { item(id => "r$_", keys => ['r', 'w']) } 6 .. 9);
    ok +(wait_for { $rig->size('retry') == 1 && $rig->size('held') == 8 }), 'some wait';
    $d->tell('yield', $Q);
    $d->wait_log(qr/given up/);
    is $rig->size('inflight'), 0, 'nothing is in flight';
    is $rig->off, '0 0', 'all is accounted for';
    $rig->indexed;
    is_deeply [$rig->foremost], [], 'none waits for nobody';
    my ($r1) = grep { /"r1"/ } $rig->do('ZRANGE', "{$Q}:retry", 0, -1);
    $rig->do('ZADD', "{$Q}:retry", 1, $r1);
    my $e = $rig->driver;
    $rig->settle;
    my @all = ($d->over, $e->over);
    is_deeply [grep { /^w/ } @all], [map { "w$_" } 1 .. 5], 'in order';
    is_deeply [grep { /^r/ } @all], [map { "r$_" } 1 .. 9], 'both lines';
    unlike $e->log, qr/crashes=1/, 'it was no crash';
    $rig->finish;
};

subtest 'pause' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push(item(id => 'r', keys => ['r'], do => ['retry 200']),
        item(id => 'h', keys => ['h'], do => ['hold L']));
    ok +(wait_for { $rig->size('retry') && $rig->size('held') }), 'two wait';
    $d->tell('pause', $Q);
    $d->tell('stats', $Q);
    $d->wait_log(qr/paused=1/);
    $rig->push(map { item(id => $_) } 1 .. 5);
    $d->tell('wake', $Q, 'L', 1);
    my $until = time + 3;
    wait_for { time > $until } 5;
    is_deeply [$d->over], [], 'nothing is taken, nothing comes back';
    like $rig->do('HGET', "{$Q}:lease", 'owner'), qr/./, 'the lease is kept';
    $d->tell('go', $Q);
    $rig->settle;
    is scalar(my @e = $d->over), 7, 'then all of it';
    $rig->finish;
};

subtest 'a planned exit that leaves work behind is no crash' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push(item(id => 1, keys => ['a'], do => ['sleep 60000']));
    ok +(wait_for { $d->begun }), 'it works';
    $d->signal('TERM');
    $d->tell('drain');
    is $d->wait_exit(10), 'exit 3', 'it leaves';
    ok !$rig->do('EXISTS', "{$Q}:lease"), 'and gives the lease back';
    is $rig->size('inflight'), 1, 'it is in flight';
    my $e = $rig->driver;
    ok +(wait_for { $e->begun }), 'the next one has it';
    is +($e->said('begin'))[0][2], 'at=0 crashes=0 fresh', 'without a crash';
    $e->stop('KILL');
    $rig->{redis}->stop;
};

subtest 'a random run' => sub {
    my $rig = Driver::rig();
    my $seed = $ENV{META_T_SEED} // 11;
    srand $seed;
    diag "seed $seed" if $ENV{META_T_SEED};
    my @do = (([]) x 6, ['sleep 5'], ['retry 30'], ['hold L'], ['mark', 'sleep 2'], ['loose 20'],
        ['mark', 'retry 5', 'push out'], ['dead'], ['unmatched'], ['pass mine'], ['expired'],
        ['result answers'], ['hold M', 'mark', 'retry 1']);
    my $n = 3000;
    my (%line, %loose);
    my @records = map {
        my %keys = map { ('k' . int(rand(30)) => 1) } 0 .. (rand() < 0.15 ? 2 : 0);
        my $do = $do[rand @do];
        $loose{$_} = 1 if "@$do" =~ /loose/;
        my $id = $_;
        push @{$line{$_}}, $id for keys %keys;
        item(id => $id, keys => [sort keys %keys], do => $do)
    } 1 .. $n;
    my $d = $rig->driver('--dedupe');
    my $samples = my $wrong = 0;
    while (@records) {
        $rig->push(splice @records, 0, 1 + rand 60);
        $d->tell('wake', $Q, $_, 20) for qw(L M);
        $samples++;
        $wrong++ if $rig->off ne '0 0';
        if ($samples % 40 == 0) {
            $rig->indexed;
        }
    }
    ok +(wait_for { $d->tell('wake', $Q, $_, 500) for qw(L M);
        $samples++; $wrong++ if $rig->off ne '0 0'; $rig->quiet } 60), 'all is worked off';
    cmp_ok $samples, '>', 30, 'sampled';
    is $wrong, 0, 'at each sample all is accounted for';
    my %at = do { my $i = 0; map { $_ => $i++ } $d->over };
    is scalar(keys %at), $n, 'each has ended';
    my @order;
    for my $line (values %line) {
        my @in = grep { !$loose{$_} } @$line;
        push @order, map { "$in[$_ - 1]>$in[$_]" } grep { $at{$in[$_ - 1]} > $at{$in[$_]} }
            1 .. $#in;
    }
    is "@order", '', 'in order in each line';
    $rig->finish;
};

done_testing;
