# Jobs whose consumer dies, that Meta puts off, that are overtaken, that wait too long: one result.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);

use Rig qw($PAGE);
use Test::Meta::Util qw(patience wait_for);

my $OUTBOX = 'meta:outbox';
my $SLOW = 1500 * patience();
my $json = JSON::PP->new->canonical->utf8;

# graph: more of its keys; more: of the file
sub start {
    my ($rig, $graph, $more) = @_;
    my $conf = $rig->conf(queues => qq([{name: "$OUTBOX", kind: jobs}]),
        rules => "unmatched: drop\npush_lists: [mine]\n", more => $more // '');
    $conf =~ s/^graph: \{/graph: {$graph, /m if $graph;
    return $rig->consumer(conf => $conf);
}

sub job {
    my ($id, %m) = @_;
    return $json->encode({v => 1, id => $id, account => $PAGE, to => '7290000000000001',
        do => [{reply => {text => $id}}], reply_to => "meta:reply:$id", %m});
}

# its result, and that there was no other
sub result {
    my ($rig, $id) = @_;
    my $answer = $rig->do('BLPOP', "meta:reply:$id", 20 * patience());
    is $rig->do('EXISTS', "meta:reply:$id"), 0, "$id: one result" if $answer;
    return $answer ? $json->decode($answer->[1]) : {};
}

sub texts { return [map { $_->[1] } grep { defined $_->[1] } $_[0]->sent] }

sub slow {
    my ($rig, $ms, $method) = @_;
    $rig->graph->fault({times => 1, fault => {slow => $ms},
        ($method ? (match => {method => $method}) : ())});
}

# people stop an account, and what waits for that is aside
sub pause_account {
    my ($rig) = @_;
    $rig->do('HSET', 'meta:control', "account:$PAGE", '{"until":null,"by":"test","why":"test"}');
}

sub resume_account { $_[0]->do('HDEL', 'meta:control', "account:$PAGE") }

# who was killed is not waited for: 22-lease.t shows that
sub kill_it {
    my ($rig, $c) = @_;
    $c->stop('KILL');
    $rig->do('DEL', "{$OUTBOX}:lease", 'meta:consumers');
}

sub leave {
    my ($rig) = @_;
    $rig->settle(20, $OUTBOX);
    $rig->finish(queues => [$OUTBOX]);
}


subtest 'kill -9 after each step' => sub {
    my $rig = Rig->new;
    my $c = start($rig);
    slow($rig, $SLOW);
    $rig->push_to($OUTBOX, job('steps', do => [{reply => {text => 'one'}},
        {push => {list => 'mine'}}, {graph => {method => 'GET', path => $PAGE}},
        {reply => {text => 'two'}}]));
    $rig->graph->wait_calls(1);
    pause_account($rig);
    ok wait_for(sub { $rig->held($OUTBOX) == 1 }, 20 * patience()), 'the first is done';
    kill_it($rig, $c);

    slow($rig, 60000, 'GET');
    $c = start($rig);
    resume_account($rig);
    $rig->graph->wait_calls(2, 20 * patience());
    is $rig->llen('mine'), 1, 'the second is done, the third under way';
    kill_it($rig, $c);

    slow($rig, $SLOW, 'GET');
    $c = start($rig);
    $rig->graph->wait_calls(3, 20 * patience());
    pause_account($rig);
    ok wait_for(sub { $rig->held($OUTBOX) == 1 }, 20 * patience()), 'it was done, being a read';
    kill_it($rig, $c);

    $c = start($rig);
    resume_account($rig);
    my $result = result($rig, 'steps');
    is $result->{state}, 'accepted', 'accepted';
    is_deeply [map { [@$_{qw(action ok)}] } @{$result->{results}}],
        [map { [$_, JSON::PP::true] } qw(reply push graph reply)], 'all of it';
    like $result->{results}[$_]{message}, qr/^m_/, 'with its message' for 0, 3;
    is_deeply texts($rig), [qw(one two)], 'each sent once';
    is $rig->llen('mine'), 1, 'pushed once';

    slow($rig, 60000);
    $rig->push_to($OUTBOX, job('wire'));
    $rig->graph->wait_calls(5, 20 * patience());
    kill_it($rig, $c);
    start($rig);
    is result($rig, 'wire')->{state}, 'ambiguous', 'a send that was on the wire is said to be that';
    leave($rig);
};


subtest 'what Meta puts off' => sub {
    my $rig = Rig->new;
    $rig->graph->fault({times => 1, fault => {code => 2}});
    start($rig);
    $rig->push_to($OUTBOX, job('again', idempotency_key => 'key-1'));
    ok wait_for(sub { $rig->graph->calls == 1 }, 20 * patience()), 'tried';
    $rig->push_to($OUTBOX, job('twin', idempotency_key => 'key-1', to => '7290000000000002'));
    my $result = result($rig, 'again');
    is_deeply [@$result{qw(state attempts)}], ['accepted', 2], 'is accepted later';
    is result($rig, 'twin')->{state}, 'duplicate', 'its twin waited for it';
    is_deeply texts($rig), ['again'], 'sent once';
    leave($rig);
};


subtest 'order' => sub {
    my $rig = Rig->new;
    $rig->push_to($OUTBOX, map { job("n$_", to => "729000000000000$_") } 1 .. 5);
    $rig->push_to("{$OUTBOX}:urgent", job('urgent', to => '7290000000000009'));
    my $c = start($rig, 'in_flight: 1');
    result($rig, $_) for qw(urgent n1 n2 n3 n4 n5);
    is_deeply texts($rig), [qw(urgent n1 n2 n3 n4 n5)], 'the urgent ones go first';
    is $c->drain, '0', 'drained';

    start($rig);
    $rig->graph->fault({times => 1, match => {body => 'k1'}, fault => {code => 2}});
    $rig->push_to($OUTBOX, map { job("k$_", key => 'order-9', to => "729000000000001$_") } 1 .. 3);
    $rig->push_to("{$OUTBOX}:urgent", job('beside', to => '7290000000000009'));
    is result($rig, 'beside')->{state}, 'accepted', 'another';
    result($rig, $_) for qw(k1 k2 k3);
    is_deeply [grep { /^k/ } @{texts($rig)}], [qw(k1 k2 k3)], 'those of one key one after another';
    leave($rig);
};


subtest 'too late when its turn comes' => sub {
    my $rig = Rig->new;
    pause_account($rig);
    my $until = int(1000 * (time + 2 * patience()));
    $rig->push_to($OUTBOX, job('held', expires => $until, do => [{reply => {text => 'held'}},
        {reply => {text => 'never'}}]), job('behind', expires => $until), job('after'));
    start($rig);
    ok wait_for(sub { $rig->held($OUTBOX) == 3 }, 20 * patience()), 'all wait';
    ok wait_for(sub { 1000 * time > $until }, 20 * patience()), 'too long';
    resume_account($rig);
    for my $id (qw(held behind)) {
        my $result = result($rig, $id);
        is_deeply [@$result{qw(ok state)}], [JSON::PP::false, 'expired'], $id;
        is_deeply [map { $_->{error}{class} } @{$result->{results}}], ['ours'], 'and why';
    }
    is result($rig, 'after')->{state}, 'accepted', 'what is behind them goes on';
    is_deeply texts($rig), ['after'], 'nothing else was sent';
    is $rig->accounted($OUTBOX)->{expired}, 2, 'counted';
    leave($rig);
};

# as the consumer writes it
sub letter {
    my ($id, $time) = @_;
    return qq({"v":1,"reason":"ambiguous","code":null,"subcode":null,"attempts":1,"time":$time,)
        . qq("answer":"x","done":1,"state":null,"item":{"v":1,"id":"$id","do":[]}});
}

subtest 'what is kept' => sub {
    my $rig = Rig->new;
    my ($dead, $state) = map { "{$OUTBOX}:$_" } qw(dead state);
    my @old = map { letter("old-$_", $_) } 1 .. 250;
    my @new = ('no letter', letter('new', int(1000 * time)));
    $rig->push_to($dead, $new[0], @old, $new[1]);
    $rig->do('HINCRBY', "{$OUTBOX}:count", $_, @old + @new) for qw(taken dead);
    $rig->do('HSET', $state, 'ref:old-1#2' => "9 $old[0]", 'ref:old-2' => "9 $old[1]",
        'ref:old-3' => "9 $old[0]", 'ref:new' => "9 $new[1]");
    start($rig, undef, "retention: {results: 1h, dead: 1h}\n");
    ok wait_for(sub { $rig->llen($dead) == @new }, 20 * patience()), 'old letters go';
    is_deeply [$rig->redis->queue($dead)], \@new, 'others stay';
    is_deeply [sort grep { /^ref:/ } keys %{$rig->state_of($OUTBOX)}], [qw(ref:new ref:old-3)],
        'so does what could settle them';
    is $rig->accounted($OUTBOX)->{dropped}, @old, 'they are counted as dropped';

    $rig->push_to($OUTBOX, job('kept'));
    $rig->settle(20, $OUTBOX);
    cmp_ok abs($rig->do('PTTL', 'meta:reply:kept') - 3600_000), '<', 600_000, 'results, too';
    leave($rig);
};

done_testing;
