# What a dead consumer left in flight comes back, in order, before new work.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw(time);

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(wait_for);

my $rules = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";

subtest 'kill -9 in the middle of a call' => sub {
    my $rig = Rig->new;
    $rig->graph->fault({times => 1, fault => {slow => 60000}});
    my $c = $rig->consumer(rules => $rules);
    $rig->push(messenger(id => 'm_crash'), messenger(id => 'm_behind'));
    $rig->graph->wait_calls(1);
    $c->stop('KILL');
    is $rig->inflight, 2, 'both are still in flight';

    $rig->push(messenger(id => 'm_new'));
    my $start = time;
    $rig->consumer(rules => $rules);
    $rig->settle;
    cmp_ok time - $start, '<', 10 * Test::Meta::Util::patience(), 'within ten seconds';
    is_deeply [map { $_->{body}{message}{metadata} } grep { $_->{accepted} } $rig->graph->calls],
        [qw(m_crash m_crash m_behind m_new)], 'in order, the old ones first';
    is_deeply $rig->count_of, {seq => 3, taken => 3, worked => 3}, 'taken once';
    $rig->finish;
};

subtest 'again and again under load' => sub {
    my $rig = Rig->new;
    my @ids = map { "m_$_" } 1 .. 300;
    $rig->push(map { messenger(id => $_, user => 1 + ($_ =~ /(\d+)/)[0] % 7) } @ids);
    for my $round (1 .. 3) {
        my $c = $rig->consumer(rules => $rules, log_level => 'error');
        my $more = $rig->accepted + 20;
        wait_for { $rig->accepted >= $more } 20;
        $c->stop('KILL');
    }
    $rig->consumer(rules => $rules, log_level => 'error');
    $rig->settle(40);
    my %seen;
    $seen{$_->{body}{message}{metadata}}++ for grep { $_->{accepted} } $rig->graph->calls;
    is_deeply [grep { !$seen{$_} } @ids], [], 'none is lost';
    cmp_ok scalar(grep { $seen{$_} > 1 } @ids), '<=', 3 * 7,
        'at most what was on the wire is repeated';
    is $rig->count_of->{worked}, 300, 'each is counted once';
    $rig->finish;
};

done_testing;
