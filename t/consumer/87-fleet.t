# Several consumers share the partitions of a queue: who comes gets his share, who goes or dies
# leaves his to the others, and nothing else moves.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw(time);

use Fleet qw(held shared takings took entries beats);
use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(patience wait_for);

my $RULES = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";

sub queues { return qq([{name: "$Q", kind: events, partitions: $_[0]}]) }
sub lists  { return map { "$Q:$_" } 0 .. $_[0] - 1 }

sub answered {
    my ($rig) = @_;
    return sort map { $_->{body}{message}{metadata} } grep { $_->{accepted} } $rig->graph->calls;
}

subtest 'come, go and die' => sub {
    my $rig = Rig->new;
    my @lists = lists(4);
    my $n = 0;
    my @pushed;
    my $push = sub {
        for my $list (@lists) {
            push @pushed, 'm_' . $n++;
            $rig->push_to($list, messenger(id => $pushed[-1], user => $n));
        }
    };
    my @arg = (rules => $RULES, queues => queues(4));

    $push->();
    my $a = $rig->consumer(@arg);
    shared($rig, [$a], [4], \@lists, 'one alone has all');
    $push->();

    my $b = $rig->consumer(@arg);
    $push->();
    shared($rig, [$a, $b], [2, 2], \@lists, 'two have half each');
    is took(2, $b), 2, 'only what moves moved';
    is took(4, $a), 4, 'and the first took nothing again';

    $push->();
    my $c = $rig->consumer(@arg);
    shared($rig, [$a, $b, $c], [2, 1, 1], \@lists, 'the third gets one');
    is took(7, $a, $b, $c), 7, 'in one move';
    ok beats($rig, 3), 'three beats later';
    is took(7, $a, $b, $c), 7, 'nothing more has moved';
    $push->();

    my %entries = entries($rig);
    is scalar keys %entries, 3, 'all three are known';
    is_deeply [sort map { @{$_->{held}} } values %entries], [@lists], 'with what they hold';
    is_deeply $entries{$a->pid}{queues}, [$Q], 'and list';

    my $start = time;
    is $b->drain, '0', 'one leaves';
    %entries = entries($rig);
    ok !$entries{$b->pid}, 'it is not known any more';
    shared($rig, [$a, $c], [2, 2], \@lists, 'its share is taken', 15);
    cmp_ok time - $start, '<', 5 * patience(), 'at once';
    $push->();
    $rig->settle(20, $_) for @lists;

    $start = time;
    $c->stop('KILL');
    $push->();
    shared($rig, [$a], [4], \@lists, 'that of a dead one, too', 20);
    cmp_ok time - $start, '<', 10 * patience(), 'within ten seconds';
    $rig->settle(20, $_) for @lists;

    is_deeply [answered($rig)], [sort @pushed], 'each event was answered once';
    $rig->finish(queues => \@lists);
};

subtest 'nothing of it is on the wire when it is given up' => sub {
    my $rig = Rig->new;
    my @lists = lists(2);
    $rig->graph->fault({times => 2, fault => {slow => 4000}});
    $rig->push_to($_, messenger(id => "m_$_-1"), messenger(id => "m_$_-2"),
        messenger(id => "m_$_-3", user => '8')) for @lists;
    my @arg = (rules => $RULES, queues => queues(2));
    my $a = $rig->consumer(@arg);
    $rig->graph->wait_calls(4);
    my $b = $rig->consumer(@arg);
    $a->wait_log(qr/gives it up for another consumer/);
    is takings($b), 0, 'the call is awaited';
    my %held = shared($rig, [$a, $b], [1, 1], \@lists, 'then it goes over');
    my ($moved) = @{$held{$b->pid}};
    like $a->log, qr/queue=\Q$moved\E item=1 .*outcome=worked/, 'what had begun was finished';
    unlike $b->log, qr/were in flight/, 'and nothing was left in flight';
    $rig->settle(20, $_) for @lists;
    is_deeply [answered($rig)], [sort map { my $l = $_; map { "m_$l-$_" } 1 .. 3 } @lists],
        'each was answered once';
    $rig->finish(queues => \@lists);
};

subtest 'queues of one list are shared as well' => sub {
    my $rig = Rig->new;
    my @lists = qw(a b c);
    my @arg = (rules => $RULES, queues => '[{name: a}, {name: b}, {name: c}]');
    my $first = $rig->consumer(@arg);
    shared($rig, [$first], [3], \@lists, 'one has all');
    my $second = $rig->consumer(@arg);
    shared($rig, [$first, $second], [2, 1], \@lists, 'two share them');
    $second->wait_log(qr/queue a: stands by, \d{13}:\S+ holds it/);
    $rig->finish(queues => \@lists);
};

subtest 'a sleeper' => sub {
    my $rig = Rig->new;
    my @lists = lists(4);
    my @arg = (rules => $RULES, queues => queues(4));
    my @two = $rig->consumer(@arg);
    shared($rig, \@two, [4], \@lists, 'one has all');
    push @two, $rig->consumer(@arg);
    shared($rig, \@two, [2, 2], \@lists, 'two share');
    $two[0]->signal('STOP');
    shared($rig, [$two[1]], [4], \@lists, 'the other takes all', 20);
    $two[0]->signal('CONT');
    shared($rig, \@two, [2, 2], \@lists, 'who wakes gets his share again', 30);
    is took(4, $two[1]), 4, 'no list went to and fro';
    $rig->push_to($_, messenger(id => "m_$_")) for @lists;
    $rig->settle(20, $_) for @lists;
    is_deeply [answered($rig)], [map { "m_$_" } @lists], 'and all is worked once';
    $rig->finish(queues => \@lists);
};

subtest 'many, at once' => sub {
    my $rig = Rig->new;
    my @lists = lists(16);
    my @arg = (rules => $RULES, queues => queues(16), log_level => 'info');
    my @all = map { $rig->consumer(@arg) } 1 .. 5;
    shared($rig, \@all, [4, 3, 3, 3, 3], \@lists, 'five share sixteen', 40);
    ok beats($rig, 2), 'two beats later';
    my $moves = 0;
    $moves += takings($_) for @all;
    cmp_ok $moves, '<=', 32, 'no list had more than two holders on the way';
    $all[$_]->stop('KILL') for 0, 2;
    shared($rig, [@all[1, 3, 4]], [6, 5, 5], \@lists, 'the others take over', 20);
    $rig->push_to($_, messenger(id => "m_$_")) for @lists;
    $rig->settle(20, $_) for @lists;
    is_deeply [answered($rig)], [sort map { "m_$_" } @lists], 'all is worked once';
    $rig->finish(queues => \@lists);
};

done_testing;
