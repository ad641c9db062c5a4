# Which lists a queue consists of: what the configuration says, what the edge says, what is left
# over; and consumers that do not list the same.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Fleet qw(held shared took entries beats);
use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(spew wait_for);

my $RULES = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";

sub queue { return qq({name: "$_[0]", kind: events, partitions: $_[1]}) }

sub answered {
    my ($rig) = @_;
    return sort map { $_->{body}{message}{metadata} } grep { $_->{accepted} } $rig->graph->calls;
}

sub worked {
    my ($rig, @lists) = @_;
    $rig->push_to($_, messenger(id => "m_$_")) for @lists;
    $rig->settle(30, $_) for @lists;
    my %seen = map { $_ => 1 } answered($rig);
    is_deeply [grep { !$seen{"m_$_"} } @lists], [], 'each list is worked';
}

subtest 'lists outside of the number' => sub {
    my $rig = Rig->new;
    my @outside = ($Q, "$Q:4", "$Q:255");
    $rig->push_to($_, messenger(id => "m_$_")) for @outside, "$Q:256", "$Q:04", "$Q:x";
    $rig->push_to("{$Q:9}:urgent", messenger(id => 'm_urgent'));
    my @arg = (rules => $RULES, queues => '[' . queue($Q, 4) . ']');
    my $a = $rig->consumer(@arg);
    $a->wait_log(qr/works off \Q$_\E, which is none of its 4 lists/) for @outside;
    $rig->settle(20, $_) for @outside;
    ok +(wait_for { (() = answered($rig)) == 4 } 10), 'what was urgent, too';
    is $rig->llen($_), 1, "$_ is none of them" for "$Q:256", "$Q:04", "$Q:x";

    my $b = $rig->consumer(@arg);
    shared($rig, [$a, $b], [2, 2], [map { "$Q:$_" } 0 .. 3], 'only its own are shared out');
    ok +(wait_for { !grep { $rig->do('EXISTS', "{$_}:lease") } @outside } 40),
        'and what is empty is let go';

    is $a->drain, '0', 'the oldest leaves';
    $rig->push_to("$Q:200", messenger(id => 'm_200'));
    $b->wait_log(qr/works off \Q$Q\E:200/, 20);
    $rig->settle(20, "$Q:200");
    $rig->finish(queues => [@outside, "$Q:200"]);
};

subtest 'not lists of other queues, nor of push_lists' => sub {
    my $rig = Rig->new;
    $rig->push_to('mine:1', 'not ours');
    $rig->push_to('mine:2', messenger(id => 'm_2'));
    my $c = $rig->consumer(rules => $RULES, queues => '[{name: mine}, {name: "mine:2"}]',
        more => "push_lists: [\"mine:1\"]\n");
    $rig->push_to('mine:3', messenger(id => 'm_3'));
    $c->wait_log(qr/works off mine:3/, 30);
    $rig->settle(20, 'mine:3');
    $rig->settle(20, 'mine:2');
    is $rig->llen('mine:1'), 1, 'what others read is let alone';
    unlike $c->log, qr/works off mine:2/, 'and one that stands there itself is its own queue';
    $rig->finish(queues => ['mine:2', 'mine:3']);
};

subtest 'the edge says another number' => sub {
    my $rig = Rig->new;
    $rig->do('SET', "$Q:partitions", 4);
    my @arg = (rules => $RULES, queues => '[' . queue($Q, 2) . ']');
    my $a = $rig->consumer(@arg);
    my @lists = map { "$Q:$_" } 0 .. 3;
    shared($rig, [$a], [4], \@lists, 'what it writes is worked');
    my $b = $rig->consumer(@arg);
    shared($rig, [$a, $b], [2, 2], \@lists, 'and shared');
    worked($rig, @lists);

    $rig->do('SET', "$Q:partitions", 6);
    push @lists, "$Q:4", "$Q:5";
    shared($rig, [$a, $b], [3, 3], \@lists, 'also when it changes', 20);
    $rig->do('SET', "$Q:partitions", 1);
    $_->wait_log(qr/the edge writes 1 partitions/) for $a, $b;
    $rig->push_to($_, messenger(id => "m_last-$_")) for $Q, @lists;
    $rig->settle(30, $_) for $Q, @lists;
    is scalar(grep { /last/ } answered($rig)), 7, 'to fewer, nothing stays behind';

    $rig->do('SET', "$Q:partitions", $_) for 'x', 300, 0, '';
    ok beats($rig, 2), 'what is no number';
    worked($rig, $Q);
    for my $c ($a, $b) {
        is_deeply [$c->log =~ /the edge writes (\d+) partitions, the configuration says 2/g],
            [4, 6, 1], 'said once for each';
    }
    $rig->finish(queues => \@lists);
};

subtest 'who does not list a queue has none of it' => sub {
    my $rig = Rig->new;
    my ($x, $y) = (queue('x', 4), queue('y', 4));
    my @x = map { "x:$_" } 0 .. 3;
    my @y = map { "y:$_" } 0 .. 3;
    my $a = $rig->consumer(rules => $RULES, queues => "[$x]");
    shared($rig, [$a], [4], \@x, 'one lists x');
    my $b = $rig->consumer(rules => $RULES, queues => "[$y]");
    my $c = $rig->consumer(rules => $RULES, queues => "[$y, $x]");
    shared($rig, [$a, $c], [2, 2], \@x, 'x is shared by those who list it');
    shared($rig, [$b, $c], [2, 2], \@y, 'y likewise');
    worked($rig, @x, @y);

    my $d = $rig->consumer(rules => $RULES, queues => '[{name: z}]');
    $d->wait_log(qr/queue z: holds the lease/);
    ok beats($rig, 2), 'two beats later';
    shared($rig, [$a, $c], [2, 2], \@x, 'a stranger changes nothing');
    $rig->finish(queues => [@x, @y]);
};

subtest 'a reload' => sub {
    my $rig = Rig->new;
    my @lists = map { "$Q:$_" } 0 .. 3;
    my $a = $rig->consumer(rules => $RULES, queues => '[' . queue($Q, 2) . ']');
    shared($rig, [$a], [2], [@lists[0, 1]], 'two lists');

    my $reload = sub {
        spew($a->{file}, $rig->conf(rules => $RULES, queues => "[@_]"));
        $a->reload;
    };
    $reload->(queue($Q, 4), ',', queue('more', 1));
    shared($rig, [$a], [5], [@lists, 'more'], 'more lists, and a queue');
    worked($rig, @lists, 'more');

    $reload->(queue($Q, 2));
    ok +(wait_for { !grep { $rig->do('EXISTS', "{$_}:lease") } @lists[2, 3], 'more' } 20),
        'fewer: the others are given back';
    worked($rig, @lists[0, 1]);
    is took(5, $a), 5, 'what stays was never given up';

    $reload->(queue('more', 1));
    $a->wait_log(qr/queue more: holds the lease.*queue more: holds the lease/s);
    is_deeply [keys %{{held($rig, @lists)}}], [0], 'another queue instead';
    $rig->finish(queues => [@lists, 'more']);
};

subtest 'who meets a newer version leaves the list to who knows it' => sub {
    my $rig = Rig->new;
    my @lists = map { "$Q:$_" } 0 .. 1;
    my @arg = (rules => $RULES, queues => '[' . queue($Q, 2) . ']');
    my $a = $rig->consumer(@arg);
    shared($rig, [$a], [2], \@lists, 'one has both');
    my $newer = messenger(id => 'm_newer') =~ s/"v":1/"v":2/r;
    my $n = $newer =~ /"v":2/ ? $newer : BAIL_OUT('no version in a record');
    $rig->push_to($lists[1], $n);
    $a->wait_log(qr/queue \Q$lists[1]\E: a record of a newer version/);
    ok +(wait_for { !$rig->do('EXISTS', "{$lists[1]}:lease") } 10), 'it is given up';
    my $b = $rig->consumer(@arg);
    $b->wait_log(qr/queue \Q$lists[1]\E: a record of a newer version/, 20);
    my %held = shared($rig, [$a], [1], [$lists[0]], 'the other one goes on', 20);
    ok beats($rig, 3), 'three beats later';
    is took(3, $a, $b), 3, 'they do not hand it to and fro';

    $rig->do('LPOP', $lists[1]);
    $_->reload for $a, $b;
    shared($rig, [$a, $b], [1, 1], \@lists, 'a reload looks again');
    worked($rig, @lists);
    $rig->finish(queues => \@lists);
};

done_testing;
