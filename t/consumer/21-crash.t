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
    is_deeply [map { $_->{body}{message}{metadata} } $rig->graph->calls],
        [qw(m_crash m_behind m_new)], 'each is sent once, in order, the old ones first';
    my @dead = $rig->dead;
    is_deeply [map { "$_->{reason} $_->{item}{id}" } @dead], ['ambiguous m_crash'],
        'of what was on the wire nobody knows whether it was done';
    is_deeply $rig->count_of, {seq => 3, taken => 3, worked => 2, dead => 1}, 'taken once';
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
    my (%seen, %dead);
    $seen{$_->{body}{message}{metadata}}++ for $rig->graph->calls;
    $dead{$_->{item}{id}} = $_->{reason} for $rig->dead;
    is_deeply [grep { $seen{$_} > 1 } keys %seen], [], 'nobody gets anything twice';
    is_deeply [grep { !$seen{$_} && !$dead{$_} } @ids], [], 'none is lost';
    is_deeply [grep { !/^(?:ambiguous|poison)$/ } values %dead], [],
        'dead is what was on the wire at a kill, and a suspect killed with';
    cmp_ok scalar(grep { $_ eq 'ambiguous' } values %dead), '<=', 3 * 7, 'at most one of a user';
    cmp_ok scalar(grep { $_ eq 'poison' } values %dead), '<=', 1, 'and one that was worked alone';
    my $count = $rig->count_of;
    is $count->{worked} + keys %dead, 300, 'each is counted once';
    is $count->{dead} // 0, scalar keys %dead, 'as one or the other';
    $rig->finish;
};

done_testing;
