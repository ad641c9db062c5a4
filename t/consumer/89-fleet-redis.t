# The fleet and its Redis: away, refusing, with strange entries; and what it costs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);

use Fleet qw(held shared takings took entries beats);
use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(patience wait_for);

my $RULES = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";
my @DURABLE = ('--appendonly', 'yes', '--appendfsync', 'always');

sub queues { return qq([{name: "$Q", kind: events, partitions: $_[0]}]) }
sub lists  { return map { "$Q:$_" } 0 .. $_[0] - 1 }

sub clock {
    my ($rig) = @_;
    my ($seconds) = $rig->do('TIME');
    return $seconds * 1000;
}

subtest 'Redis restarts, and is away for longer than a life' => sub {
    my $rig = Rig->new(redis => {options => [@DURABLE]});
    my @lists = lists(4);
    my @arg = (rules => $RULES, queues => queues(4));
    my @two = $rig->consumer(@arg);
    shared($rig, \@two, [4], \@lists, 'one');
    push @two, $rig->consumer(@arg);
    my %before = shared($rig, \@two, [2, 2], \@lists, 'two share');
    my $moves = took(6, @two);

    $rig->redis->restart;
    $rig->push_to($_, messenger(id => "m_$_")) for @lists;
    $rig->settle(20, $_) for @lists;

    $rig->redis->stop;
    my $start = time;
    ok +(wait_for { time - $start > 7 } 20), 'seven seconds later';
    $rig->redis->start;
    $rig->push_to($_, messenger(id => "n_$_")) for @lists;
    $rig->settle(20, $_) for @lists;
    ok +(wait_for { my %e = entries($rig); keys %e == 2 } 10), 'both are back';
    ok beats($rig, 4), 'four beats later';
    is_deeply {held($rig, @lists)}, \%before, 'each has what it had';
    is took($moves, $two[0], $two[1]), $moves, 'without a move';
    $rig->finish(queues => \@lists);
};

subtest 'entries that nobody of us wrote' => sub {
    my $rig = Rig->new;
    my $later = clock($rig) + 60_000;
    my %strange = (
        '0000000000000:no object' => 'no object',
        '0000000000001:no end' => '{"queues":["meta:events"]}',
        '0000000000002:no lists' => qq({"queues":7,"held":{"a":1},"claims":"x","until":$later}),
        '0000000000003:no JSON' => qq({"queues:[,"until":$later}),
        '0000000000004:dead' => '{"queues":["meta:events"],"held":["meta:events"],"until":5}',
        '0000000000005:leaves' => qq({"leaving":true,"queues":["$Q"],"held":[],"until":$later}),
        "0000000000006:other\nforged" =>
            qq({"queues":["$Q"],"held":["$Q"],"claims":[],"until":$later}),
    );
    $rig->do('HSET', 'meta:consumers', %strange);
    my $c = $rig->consumer(rules => $RULES);
    $c->wait_log(qr/queue \Q$Q\E: stands by, 0000000000006:other\?forged holds it/);
    unlike $c->log, qr/^forged/m, 'one line stays one';
    is_deeply [sort grep { !/no (?:lists|JSON)|leaves|forged/ }
        $rig->do('HKEYS', 'meta:consumers')],
        [map { $_->{id} } values %{{map { $_->{pid} ? ($_->{pid} => $_) : () }
        map { /"pid"/ ? JSON::PP::decode_json($_) : () } $rig->do('HVALS', 'meta:consumers')}}],
        'what has no time left is deleted';
    $rig->push(messenger(id => 'm_1'));
    $rig->settle(20);
    is_deeply [map { /"pid"/ ? () : $_ } $rig->do('HVALS', 'meta:consumers')], [],
        'one of a clock that was set back lives no longer than others';
    $rig->finish;
};

subtest 'refused' => sub {
    my $rig = Rig->new;
    my @lists = lists(2);
    my @arg = (rules => $RULES, queues => queues(2));
    my $a = $rig->consumer(@arg);
    shared($rig, [$a], [2], \@lists, 'one');
    my $b = $rig->consumer(@arg);
    shared($rig, [$a, $b], [1, 1], \@lists, 'two share');

    $rig->do('ACL', 'SETUSER', 'default', '-exists', 'resetkeys',
        (map { "~$_*" } '{meta:events', '{meta:callbacks', map { "meta:$_" } qw(events callbacks
            limit: control message: user: conversation:)),
        '(+exists ~meta:user:* ~meta:conversation:* ~meta:message:*)');
    $_->wait_log(qr/consumers: the script join is refused: NOPERM/, 20) for $a, $b;
    $rig->push_to($_, messenger(id => "m_$_")) for @lists;
    $rig->settle(20, $_) for @lists;
    $rig->do('ACL', 'SETUSER', 'default', '+@all', 'allkeys', 'clearselectors');
    ok beats($rig, 2), 'allowed again';
    shared($rig, [$a, $b], [1, 1], \@lists, 'each has kept what it had');
    is took(3, $a, $b), 3, 'without a move';
    is scalar(() = $a->log =~ /the script join is refused/g), 1, 'said once';

    $rig->do('DEL', 'meta:consumers');
    $rig->do('SET', 'meta:consumers', 'no hash');
    $_->wait_log(qr/the script join is refused: WRONGTYPE/, 20) for $a, $b;
    $rig->push_to($_, messenger(id => "n_$_")) for @lists;
    $rig->settle(20, $_) for @lists;
    $rig->do('DEL', 'meta:consumers');
    ok +(wait_for { my %e = entries($rig); keys %e == 2 } 20), 'both say that they live';
    unlike $a->log . $b->log, qr/trying again/, 'the connection was kept';
    $rig->finish(queues => \@lists);
};

# one of them is no list: the others go on by the connection that they share
subtest 'one queue is refused' => sub {
    my $rig = Rig->new;
    my @lists = lists(4);
    $rig->do('SET', "{$lists[1]}:inflight", 'no hash');
    my $c = $rig->consumer(rules => $RULES, queues => queues(4));
    $c->wait_log(qr/redis \Q$lists[1]\E: refused the script \w+: WRONGTYPE/, 20);
    $rig->push_to($_, messenger(id => "m_$_")) for @lists;
    $rig->settle(20, $_) for @lists[0, 2, 3];
    unlike $c->log, qr/redis \S*(?:$lists[0]|$lists[2]|$lists[3]|unix)\S*: .*trying/,
        'the others are not disturbed';
    $rig->do('DEL', "{$lists[1]}:inflight");
    $rig->settle(20, $lists[1]);
    $rig->finish(queues => \@lists);
};

subtest '256 partitions' => sub {
    my $rig = Rig->new;
    my @lists = lists(256);
    my $c = $rig->consumer(rules => $RULES, queues => queues(256), log_level => 'info');
    ok +(wait_for { takings($c) == 256 } 20), 'one has all';
    my @clients = grep { /name=/ } split /\n/, $rig->do('CLIENT', 'LIST');
    cmp_ok scalar @clients, '<=', 20, 'by few connections';
    $rig->push_to($_, messenger(id => "m_$_", user => 1 + $_ =~ s/\D//gr)) for @lists;
    my $start = time;
    ok +(wait_for { $rig->accepted == 256 } 20), 'all are worked';
    $rig->settle(20, $_) for @lists[0, 100, 255];

    my $d = $rig->consumer(rules => $RULES, queues => queues(256), log_level => 'info');
    shared($rig, [$c, $d], [128, 128], \@lists, 'the second gets half', 40);
    is took(128, $d), 128, 'in as few moves';
    $c->stop('KILL');
    shared($rig, [$d], [256], \@lists, 'and all when the first dies', 20);
    $rig->finish(queues => [@lists[0, 255]]);
};

done_testing;
