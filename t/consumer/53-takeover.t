# Whatever dies, nothing is lost or overtaken: takeovers, poison, Redis, the index, a late holder.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Driver qw(item $Q);
use Scripts qw(envelope place);
use Test::Meta::Util qw(patience wait_for);

# what takes over needs not wait for the lease
sub dead {
    my ($rig, $d) = @_;
    $d->stop('KILL');
    $rig->do('HSET', "{$Q}:lease", until => 1);
}

# a state that consumers who died have left: who is in flight may be younger than who waits, where
# nobody has read it
subtest 'in flight behind those that wait' => sub {
    for my $lines (1, 0) {
        my $rig = Driver::rig();
        my @all = map { item(id => $_, keys => ['a'], do => ['sleep 1']) } 1 .. 4;
        $rig->do('ZADD', "{$Q}:retry", 1000 * time + 1000, '1 ' . envelope($all[0], 'a'));
        $rig->do('HSET', "{$Q}:held", 2, envelope($all[1], 'a'));
        $rig->do('HSET', "{$Q}:inflight", 3, $all[2], 4, $all[3]);
        $rig->do('HSET', "{$Q}:count", seq => 4, taken => 4);
        $rig->do('ZADD', "{$Q}:lines", map { (0, place('a', $_)) } 1, 2) if $lines;
        my $d = $rig->driver;
        $rig->settle;
        is_deeply [$d->over], [1 .. 4], 'in order, ' . ($lines ? 'by' : 'without') . ' the index';
        $rig->finish;
    }
};

subtest 'a suspect whose older one came to wait' => sub {
    my $rig = Driver::rig();
    my %do = (1 => ['sleep 100', 'retry 800'], 2 => ['sleep 600']);
    my %key = (1 => 'a', 2 => 'y', 3 => 'x', 4 => 'a');
    $rig->do('HSET', "{$Q}:inflight", map { ($_ => item(id => $_, keys => [$key{$_}],
        do => $do{$_} // ['sleep 1'])) } 1 .. 4);
    $rig->do('HSET', "{$Q}:count", seq => 4, taken => 4);
    $rig->do('HSET', "{$Q}:state", c1 => '1 old', c2 => '1 old', c3 => '2 old', c4 => '2 old');
    my $d = $rig->driver;
    $rig->settle;
    is_deeply [grep { /[14]/ } $d->over], [1, 4], 'goes behind it';
    $rig->finish;
};

subtest 'due before the one that it stands behind' => sub {
    my $rig = Driver::rig();
    my $now = time * 1000;
    my %at = (1 => ['a', $now + 1500], 2 => ['a', $now], 3 => ['b', $now], 4 => ['b', $now + 1]);
    for (sort keys %at) {
        my ($key, $due) = @{$at{$_}};
        $rig->do('ZADD', "{$Q}:retry", $due, "$_ " . envelope(item(id => $_, keys => [$key],
            do => ['sleep 50']), $key));
        $rig->do('ZADD', "{$Q}:lines", 0, place($key, $_));
    }
    $rig->do('HSET', "{$Q}:count", seq => 4, taken => 4);
    $rig->do('HSET', "{$Q}:state", c3 => '2 old');
    my $d = $rig->driver;
    $rig->settle;
    is_deeply [grep { /[12]/ } $d->over], [1, 2], 'waits for it';
    is_deeply [grep { /[34]/ } $d->over], [3, 4], 'and for one that is to be alone';
    $rig->finish;
};

subtest 'a takeover finds all that waits' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push(
        (map { item(id => "r$_", keys => ['r'], do => $_ == 1 ? ['retry 800'] : []) } 1 .. 4),
        (map { item(id => "h$_", keys => ['h'], do => $_ == 1 ? ['hold L'] : []) } 1 .. 4),
        (map { item(id => "w$_", keys => ['w'], do => $_ == 1 ? ['mark', 'sleep 60000'] : []) }
            1 .. 4));
    ok +(wait_for { $rig->size('held') == 7 && $rig->size('retry') == 1
        && $rig->size('inflight') == 4 }), 'all kinds of waiting';
    dead($rig, $d);
    my $e = $rig->driver;
    ok +(wait_for { 4 == grep { /^r/ } $e->over }), 'the retry and who stood behind it';
    is_deeply [map { $_->[2] } $e->said('lane')], ['L'], 'it is told of the lane';
    $e->tell('wake', $Q, 'L', 9);
    ok +(wait_for { 4 == grep { /^h/ } $e->over }), 'the lane';
    my ($w) = grep { $_->[1] eq 'w1' } $e->said('begin');
    is $w->[2], 'at=1 crashes=1 again', 'who was at work goes on where he was, with a crash';
    dead($rig, $e);
    $rig->do('HSET', "{$Q}:state", 'c9' => '0 x');
    my $f = $rig->driver;
    ok +(wait_for { grep { $_->[1] eq 'w1' } $f->said('begin') }), 'again';
    $f->stop('KILL');
    $rig->{redis}->stop;
};

subtest 'order over drains and takeovers' => sub {
    my $rig = Driver::rig();
    srand 5;
    my @ids = map { my $k = $_; map { "$k.$_" } 1 .. 60 } 0 .. 9;
    my @next = (1) x 10;
    while (my @left = grep { $next[$_] <= 60 } 0 .. 9) {
        my $k = $left[rand @left];
        my $do = [[], ['sleep 3'], ['retry 40'], ['mark', 'sleep 2'], ['mark', 'retry 10'],
            ['dead']]->[rand 6];
        $rig->push(item(id => "$k." . $next[$k]++, keys => ["k$k", rand() < 0.1 ? "k10" : ()],
            do => $do));
    }
    my @all;
    for my $round (1 .. 6) {
        my $d = $rig->driver;
        wait_for { $d->over >= 40 } 20;
        is $rig->off, '0 0', 'all is accounted for';
        if ($round % 2) {
            $d->stop('TERM', 20);
            $rig->indexed;
            is_deeply [$rig->foremost], [], 'none waits for nobody';
        } else {
            $d->stop('KILL');
            $rig->do('HSET', "{$Q}:lease", until => 1);
        }
        push @all, $d;
    }
    push @all, $rig->driver;
    $rig->settle(40);
    my (%seen, @wrong);
    my %last;
    for my $id (map { $_->over } @all) {
        my ($k, $n) = split /\./, $id;
        push @wrong, $id if $n < ($last{$k} // 0) - 0 && !$seen{$id};
        $last{$k} = $n if $n > ($last{$k} // 0);
        $seen{$id}++;
    }
    is "@wrong", '', 'in order in each line';
    is_deeply [grep { !$seen{$_} } @ids], [], 'none is lost';
    $rig->finish;
};

subtest 'poison' => sub {
    my $rig = Driver::rig();
    $rig->push(item(id => 'bad', keys => ['a'], do => ['crash']), item(id => 'a2', keys => ['a']),
        map { item(id => "g$_", keys => ["g$_"], do => ['sleep 300']) } 1 .. 5);
    for my $round (1 .. 3) {
        my $d = $rig->driver;
        is $d->wait_exit(20 * patience()), 'signal 9', "it died ($round)";
        $rig->do('HSET', "{$Q}:lease", until => 1);
        next if $round < 3;
        my @alone = grep { $_->[2] =~ /crashes=2/ } $d->said('begin');
        like $d->log, qr/worked alone/, 'the third time it is worked alone';
    }
    my $e = $rig->driver;
    $rig->settle;
    my ($said) = map { "@$_" } $e->said('poison');
    like $said, qr/^poison bad at=0 3 consumers died .*:(?: \S+:\d+:\S+){3}$/,
        'the fourth one is told to bury it, and who died';
    is $rig->size('dead'), 1, 'one is dead';
    like +($rig->do('LRANGE', "{$Q}:dead", 0, -1))[0], qr/"reason":"poison".*"id":"bad"/, 'it';
    ok scalar(grep { $_ eq 'a2' } $e->over), 'who stood behind it is worked';
    $rig->finish;
};

subtest 'poison that crashes who opens it' => sub {
    my $rig = Driver::rig();
    $rig->push(item(id => 'first', keys => ['a'], do => ['retry 1']),
        item(id => 'bad', keys => ['a'], do => ['open crash']), item(id => 'a3', keys => ['a']));
    for my $round (1 .. 4) {
        my $d = $rig->driver;
        is $d->wait_exit(20 * patience()), 'signal 9', "it died ($round)";
        $rig->do('HSET', "{$Q}:lease", until => 1);
    }
    my $e = $rig->driver;
    $rig->settle;
    is $rig->size('dead'), 1, 'one is dead';
    like +($rig->do('LRANGE', "{$Q}:dead", 0, -1))[0], qr/"answer":"4 consumers died/, 'unseen';
    like $e->log, qr/item 2 is buried unseen, outcome=poison/, 'and said so';
    is $rig->count->{worked}, 2, 'the others are worked';
    $rig->finish;
};

subtest 'suspects that are none' => sub {
    my $rig = Driver::rig();
    $rig->push(map { item(id => $_, keys => ['k' . $_ % 5], do => ['sleep 200']) } 1 .. 30);
    for my $round (1 .. 2) {
        my $d = $rig->driver;
        ok +(wait_for { $d->begun >= 3 } 20), 'it works';
        dead($rig, $d);
    }
    my $e = $rig->driver('q', 'other');
    $rig->push_to('other', map { item(id => "o$_") } 1 .. 20);
    $rig->settle(40);
    $rig->settle(20, 'other');
    is $rig->size('dead'), 0, 'none is dead';
    is $rig->count->{worked}, 30, 'all are worked';
    # begin and end of a suspect follow each other
    my @lines = grep { /^(?:begin|end) \d/ } split /\n/, $e->log;
    my $mixed = grep { $lines[$_] =~ /^begin (\d+) .*crashes=2/
        && ($lines[$_ + 1] // '') !~ /^end $1 / } 0 .. $#lines;
    is $mixed, 0, 'each alone';
    $rig->finish('q', 'other');
};

subtest 'a stopped holder that wakes changes nothing, and is no crash' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push(item(id => 1, keys => ['a'], do => ['sleep 300', 'mark', 'push out', 'retry 50']),
        item(id => 2, keys => ['a'], do => ['sleep 3000']));
    ok +(wait_for { $d->begun }), 'it has begun';
    $d->signal('STOP');
    my $e = $rig->driver;
    ok +(wait_for { $e->begun >= 3 } 20), 'another one has it';
    is +($e->said('begin'))[0][2], 'at=0 crashes=1 fresh', 'it looked like a crash';
    my $state = $rig->do('HGET', "{$Q}:state", 'c2');
    $d->signal('CONT');
    $d->wait_log(qr/the lease is lost/);
    ok +(wait_for { !$rig->do('HEXISTS', "{$Q}:state", 'c2') }), 'but was none: it is taken back';
    $rig->settle;
    is $rig->do('LLEN', 'out'), 1, 'pushed once';
    is_deeply [$e->over], [1, 2], 'worked by the other';
    is $rig->count->{worked}, 2, 'counted once';
    $rig->finish;
};

subtest 'Redis restarts and forgets its scripts' => sub {
    my $rig = Driver::rig(redis => ['--appendonly', 'yes', '--appendfsync', 'always']);
    my $d = $rig->driver;
    my @do = ([], ['retry 30'], ['mark', 'sleep 5'], ['push out'], ['mark', 'retry 20', 'mark']);
    $rig->push(map { item(id => $_, keys => ['k' . $_ % 23], do => $do[$_ % 5]) } 1 .. 2000);
    for my $round (1 .. 5) {
        my $more = $d->over + 150;
        wait_for { $d->over >= $more } 20;
        $round % 2 ? $rig->{redis}->restart : $rig->do('SCRIPT', 'FLUSH');
        is $rig->off, '0 0', 'all is accounted for';
    }
    $rig->settle(40);
    is $rig->count->{worked}, 2000, 'each is counted once';
    is $rig->do('LLEN', 'out'), 400, 'pushed once each';
    my %last;
    my @wrong = grep { my $k = $_ % 23; my $wrong = $_ < ($last{$k} // 0); $last{$k} = $_; $wrong }
        $d->over;
    is "@wrong", '', 'in order';
    unlike $d->log, qr/lease is lost/, 'it is the holder all the time';
    $rig->finish;
};

subtest 'the index is gone' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push((map { item(id => "a$_", keys => ['a'], do => $_ == 1 ? ['hold L'] : []) } 1 .. 400),
        (map { item(id => "b$_", keys => ['b'], do => $_ == 1 ? ['retry 1500'] : []) } 1 .. 400));
    ok +(wait_for { $rig->size('held') == 799 } 20), 'many wait';
    $rig->do('DEL', "{$Q}:lines");
    $rig->push(item(id => 'a401', keys => ['a']));
    ok +(wait_for { $rig->size('held') == 800 && $rig->size('lines') == 802 } 20),
        'it is made anew before anything is taken';
    $rig->indexed;
    $d->tell('wake', $Q, 'L', 1);
    $rig->settle(30);
    is_deeply [grep { /^a/ } $d->over], [map { "a$_" } 1 .. 401], 'in order';
    is_deeply [grep { /^b/ } $d->over], [map { "b$_" } 1 .. 400], 'both lines';
    $rig->finish;
};

subtest 'who stands in no line needs no index' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push(item(id => 1, keys => ['a'], do => ['loose 1500']));
    ok +(wait_for { $rig->size('retry') == 1 }), 'it waits';
    dead($rig, $d);
    $d = $rig->driver;
    $rig->settle;
    is_deeply [$d->over], [1], 'it comes after a takeover';
    unlike $d->log, qr/\[warn\].*made anew/, 'and nobody is told that something was gone';
    $rig->finish;
};

subtest 'a newer version' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver;
    $rig->push(item(id => 1, keys => ['a'], do => ['retry 300']), item(id => 2, keys => ['a']),
        item(id => 3, keys => ['a'], newer => 1), item(id => 4, keys => ['a']));
    $d->wait_log(qr/a record of a newer version/);
    ok +(wait_for { !$rig->do('EXISTS', "{$Q}:lease") } 20), 'the lease is given up';
    is $rig->off, '0 0', 'nothing is lost';
    $rig->indexed;
    is_deeply [$rig->foremost], [], 'none waits for nobody';
    is_deeply [grep { $_ > 2 } $d->over], [], 'nothing behind it was worked';
    $d->stop('TERM');
    $rig->{redis}->stop;
};

done_testing;
