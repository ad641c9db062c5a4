# Redis restarts, forgets its scripts, refuses, is full: nothing is lost, nothing crashes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::HTTP;
use Test::Meta::Util qw(hold_port patience wait_for);

my $rules = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";
my @durable = ('--appendonly', 'yes', '--appendfsync', 'always');

sub answered {
    my ($rig) = @_;
    return [map { $_->{body}{message}{metadata} } grep { $_->{accepted} } $rig->graph->calls];
}

subtest 'a restart in the middle of a call' => sub {
    my $rig = Rig->new(redis => {options => [@durable]});
    $rig->graph->fault({times => 1, fault => {slow => 1500}});
    my $c = $rig->consumer(rules => $rules);
    $rig->push(messenger(id => 'm_1'), messenger(id => 'm_2'));
    $rig->graph->wait_calls(1);
    $rig->redis->restart;
    $rig->push(messenger(id => 'm_3'));
    $rig->settle;
    is_deeply answered($rig), [qw(m_1 m_2 m_3)], 'each is answered once, in order';
    is $rig->count_of->{worked}, 3, 'what finished meanwhile was acked afterwards';
    like $c->log, qr/trying again.*: back/s, 'said once, and when it was back';
    $rig->finish;
};

subtest 'away for longer than the lease' => sub {
    my $rig = Rig->new(redis => {options => [@durable]});
    $rig->graph->fault({times => 1, fault => {slow => 1000}});
    my ($port, $hold) = hold_port();
    my $holds = sub {
        my $http = Test::Meta::HTTP->new($port);
        $http->send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        return ($http->answer->{body} =~ /^meta_consumer_holds\{queue="\Q$Q\E"\} (\d)$/m)[0];
    };
    my $c = $rig->consumer(rules => $rules, more => qq(metrics: "127.0.0.1:$port"\n));
    $rig->push(messenger(id => 'm_1'), messenger(id => 'm_2'));
    $rig->graph->wait_calls(1);
    $rig->redis->stop;
    $c->wait_log(qr/outcome=worked/);
    sleep 7;
    is_deeply answered($rig), ['m_1'], 'nothing more is sent without a lease';
    is $holds->(), 0, 'and the metrics say that it has none';
    $rig->redis->start;
    $rig->settle;
    is_deeply answered($rig), [qw(m_1 m_2)], 'nobody else had it: no call is repeated';
    $rig->finish;
};

subtest 'restarts under load' => sub {
    my $rig = Rig->new(redis => {options => [@durable]});
    $rig->consumer(rules => $rules, log_level => 'warn');
    my @ids = map { "m_$_" } 1 .. 400;
    $rig->push(map { messenger(id => $_, user => ($_ =~ /(\d+)/)[0] % 20 + 1) } @ids);
    for my $round (1 .. 4) {
        my $more = $rig->accepted + 30;
        wait_for { $rig->accepted >= $more } 20;
        $rig->redis->restart;
    }
    $rig->settle(40);
    is_deeply [sort @{answered($rig)}], [sort @ids], 'each is answered exactly once';
    $rig->finish;
};

subtest 'scripts flushed' => sub {
    my $rig = Rig->new;
    $rig->consumer(rules => $rules);
    for my $round (1 .. 5) {
        $rig->push(messenger(id => "m_$round"));
        $rig->do('SCRIPT', 'FLUSH');
        $rig->settle;
    }
    is_deeply answered($rig), [map { "m_$_" } 1 .. 5], 'they are said again';
    unlike $rig->logs, qr/trying again/, 'on the same connection';
    $rig->finish;
};

subtest 'a full Redis' => sub {
    my $rig = Rig->new;
    $rig->push(map { messenger(id => "m_$_") } 1 .. 20);
    $rig->do('CONFIG', 'SET', 'maxmemory', 1000);
    is eval { $rig->do('SET', 'x', 'y'); 1 }, undef, 'it takes nothing more';
    my $c = $rig->consumer(rules => $rules);
    $rig->settle;
    is_deeply answered($rig), [map { "m_$_" } 1 .. 20], 'all is worked off';
    $c->wait_log(qr/waiting: OOM/);
    $rig->do('CONFIG', 'SET', 'maxmemory', 0);
    $rig->push(messenger(id => 'm_21'));
    $rig->do('CONFIG', 'SET', 'maxmemory', 1000);
    $rig->settle;
    is $rig->count_of->{worked}, 21, 'and what comes later, too';
    $rig->finish;
};

subtest 'a Redis that only reads' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $rules);
    $c->wait_log(qr/holds the lease/);
    $rig->push(messenger(id => 'm_1'));
    $rig->settle;
    $rig->do('REPLICAOF', '127.0.0.1', '1');
    $c->wait_log(qr/READONLY/);
    $rig->do('REPLICAOF', 'NO', 'ONE');
    $rig->push(messenger(id => 'm_2'));
    $rig->settle;
    is_deeply answered($rig), [qw(m_1 m_2)], 'it comes back';
    $rig->finish;
};

subtest 'a Redis that does not answer' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $rules);
    $c->wait_log(qr/holds the lease/);
    $rig->redis->pause;
    $c->wait_log(qr/no reply in time/, 20);
    $rig->redis->cont;
    $rig->push(messenger(id => 'm_1'));
    $rig->settle;
    is_deeply answered($rig), ['m_1'], 'the connection was given up';
    $rig->finish;
};

done_testing;
