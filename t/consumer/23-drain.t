# SIGTERM: calls on the wire finish, what waits is put back; a second one leaves at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw(time);

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(patience wait_for);

my $rules = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";

sub busy {
    my ($ms, %arg) = @_;
    my $rig = Rig->new;
    $rig->graph->fault({times => 1, fault => {slow => $ms}});
    my $c = $rig->consumer(rules => $rules, %arg);
    my @records = map { messenger(id => "m_$_") } 1 .. 5;
    $rig->push_to("{$Q}:urgent", messenger(id => 'm_urgent', user => '5'), $records[0]);
    $rig->graph->wait_calls(1);
    $rig->push(@records[1 .. 4]);
    wait_for { $rig->inflight >= 5 };
    return ($rig, $c, @records);
}

subtest 'one signal' => sub {
    my ($rig, $c, @records) = busy(1500);
    is $c->drain, '0', 'exit status 0';
    my @sent = map { $_->{body}{message}{metadata} } $rig->graph->calls;
    ok scalar(grep { $_ eq 'm_urgent' } @sent), 'what was on the wire has finished';
    is $rig->inflight, 0, 'nothing is in flight';
    my @left = $rig->redis->queue($Q);
    is_deeply \@left, [@records[5 - @left .. 4]], 'what waited is back at its place, in order';
    ok !$rig->do('EXISTS', "{$Q}:lease"), 'the lease is given back';

    $rig->consumer(rules => $rules);
    $rig->settle;
    is_deeply [grep { /\d/ } map { $_->{body}{message}{metadata} } $rig->graph->calls],
        [map { "m_$_" } 1 .. 5], 'the next one goes on';
    $rig->finish;
};

subtest 'a second signal' => sub {
    my ($rig, $c, @records) = busy(60000);
    $c->signal('TERM');
    $c->wait_log(qr/drains/);
    my $start = time;
    is $c->stop('TERM'), 'exit 3', 'exit status 3';
    cmp_ok time - $start, '<', 3 * patience(), 'at once';
    is $rig->inflight + $rig->llen + $rig->llen("{$Q}:urgent"), 6, 'losing nothing';
    my $next = $rig->consumer(rules => $rules);
    $start = time;
    $next->wait_log(qr/holds the lease/);
    cmp_ok time - $start, '<', 3 * patience(), 'the next one need not wait for it to be missed';
    $rig->settle;
    my (%sent, %unknown);
    $sent{$_->{body}{message}{metadata}}++ for $rig->graph->calls;
    $unknown{"$_->{reason} $_->{item}{id}"}++ for $rig->dead;
    is_deeply [grep { $sent{$_} > 1 } keys %sent], [], 'it sends nothing again';
    is_deeply [grep { !$sent{$_} && !$unknown{"ambiguous $_"} } qw(m_urgent m_1 m_2 m_3 m_4 m_5)],
        [], 'and works all the others';
    cmp_ok scalar keys %unknown, '<=', 2, 'only what was on the wire is ambiguous';
    is $rig->count_of->{worked} + keys %unknown, 6, 'each is counted once';
    $rig->finish;
};

subtest 'drain_timeout' => sub {
    my ($rig, $c) = busy(60000, more => "drain_timeout: 500ms\n");
    my $start = time;
    is $c->drain, 'exit 3', 'exit status 3';
    cmp_ok time - $start, '<', 4 * patience(), 'after drain_timeout';
    is $rig->inflight + $rig->llen + $rig->llen("{$Q}:urgent"), 6, 'losing nothing';
    $rig->finish;
};

subtest 'without work, and without Redis' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $rules);
    $c->wait_log(qr/holds the lease/);
    my $start = time;
    is $c->drain, '0', 'an idle one';
    my $d = $rig->consumer(rules => $rules, redis => "unix:@{[$rig->file('nobody.sock')]}");
    $d->wait_log(qr/trying again/);
    is $d->drain, '0', 'one that never saw Redis';
    cmp_ok time - $start, '<', 4 * patience(), 'at once';
    $rig->finish;
};

done_testing;
