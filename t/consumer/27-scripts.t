# A script that Redis refuses in the middle neither loses nor doubles an item, nor miscounts.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Redis;
use Test::More;
use Time::HiRes qw(time);

use Scripts qw(script_text envelope place record_of);
use Test::Meta::Redis;
use Test::Meta::Util qw(patience root_dir slurp temp_dir);

my $Q = 'meta:events';
my ($URGENT, $INFLIGHT, $DEAD, $LEASE, $COUNT, $STATE, $HELD, $RETRY, $LINES, $KEPT, $SEEN,
    $SEEN_COUNT, $SEEN_KEY) = map { "{$Q}:$_" } qw(urgent inflight dead lease count state held
    retry lines kept seen: seen:count seen:key);
my $TALK = 'meta:conversation:whatsapp:1:2';
my @COUNTERS = qw(seq taken worked unmatched dead);
my @HELD = ($LEASE, $INFLIGHT, $COUNT, $STATE, $HELD, $RETRY, $LINES);
my @PARTS = ($LEASE, $INFLIGHT, $COUNT, $STATE, $HELD);
my @FINISH = (@HELD, $DEAD, $KEPT, $SEEN, $SEEN_COUNT, 'mine');
my $LETTER = '{"v":1,"reason":"ambiguous","code":null,"subcode":null,"attempts":1,"time":1,'
    . '"done":0,"item":{"a":0}}';
my $NONE = "0\n";
my $A = "1 1\na";

# owner, room, bytes, keep, ceiling, alone; ids; worked; duplicate; names; heads
sub finish {
    my (%f) = @_;
    return ['me', $f{room} // 10, 1_000_000, $f{keep} // 0, $f{max} // 100, 1, $f{ids} // '',
        (map { (scalar @$_, @$_) } $f{worked} // [], $f{twice} // [], $f{names} // [],
            $f{heads} // []), @{$f{others} // []}];
}

my @SCRIPTS = (
    [take => [$LEASE, $Q, $URGENT, $INFLIGHT, $COUNT, $DEAD, $LINES, $HELD, $STATE,
        $RETRY], ['me', 256, 1_000_000, 10, 100]],
    [take => [$LEASE, $Q, $URGENT, $INFLIGHT, $COUNT, $DEAD, "{$Q}:gone", $HELD, $STATE,
        $RETRY], ['me', 256, 1_000_000, 10, 100]],
    [recall => [@HELD], ['me', 1_000_000, '1', '2u']],
    [sync => [@HELD, $SEEN_KEY, $SEEN_COUNT], ['me', 'x' x 16]],
    [parts => [@PARTS], ['me', '7', 'r:none', '{"a":11}']],
    [parts => [@PARTS], ['me', '7', 'r:x', '{"a":11}']],
    [rewrite => [$LEASE, $INFLIGHT], ['me', '7', '{"a":12}']],
    [enter => [@HELD], ['me', 7, $A]],
    [start => [$LEASE, $STATE, $SEEN, $SEEN_COUNT], ['me', 1, 'r:x', '', 7, '', 'aa12345678']],
    [mark => [$LEASE, $STATE, 'mine'], ['me', 1, '{"x":1}', 1, 1, 'pushed', 10, 1000, 7, '{}', 0]],
    [finish => [@FINISH], finish(worked => [1], names => [1, 'c1'], ids => 'aa12345678',
        heads => [1, $A], keep => 1000)],
    [finish => [@FINISH], finish(worked => [1], heads => [1, $A], room => 0)],
    [finish => [@FINISH], finish(worked => [1, '2u'], ids => 'bb12345678', max => 1)],
    [finish => [@FINISH], finish(twice => ['2u'])],
    [finish => [@FINISH], finish(others => ['pass', 1, 1, '', '', 0])],
    [finish => [@FINISH], finish(others => ['dead', 1, '{"reason":"x","item":', '', 'wamid.1', 0])],
    [finish => [@FINISH], finish(others => ['worked', 1, '', '', '', 1, 1, 'pushed', 5, 1000])],
    [park => [@HELD], ['me', 1, 'retry', 1, 500, $A, '{"x":1}', 'behind', 7, '', $A, '']],
    [park => [@HELD], ['me', 0, 'hold', 1, '', "2 1 2\na\1L", '{}']],
    [park => [@HELD], ['me', 0, 'behind', 7, 1, $A, '']],
    [park => [@HELD], ['me', 0, 'loose', 1, 500, $A, '']],
    [park => [@HELD], ['me', 0, 'later', 1, 500, $A, '']],
    [due => [@HELD], ['me', 10, 1_000_000]],
    [wake => [@HELD], ['me', 10, 1_000_000, "\1L", 5]],
    [wake => [@HELD], ['me', 0, 0, "\1L", 5]],
    [lanes => [@HELD], ['me', '', 10]],
    [rebuild => [@HELD], ['me', 5, 0]],
    [rebuild => [@HELD], ['me', 6, 0]],
    [sweep => [@HELD], ['me', '', 100]],
    [back => [$LEASE, $Q, $URGENT, $INFLIGHT, $COUNT, $STATE], ['me', '1', '2u']],
    [alone => [$LEASE], ['me', '1']],
    [alone => [$LEASE], ['me', '']],
    [amends => [$STATE], ['old']],
    [lease => [$LEASE, $INFLIGHT, $STATE], ['me', 6000]],
    [lease => [$LEASE, $INFLIGHT, $STATE], ['it', 6000]],
    [release => [$LEASE], ['me']],
    [settle => [$DEAD, $STATE, $COUNT, $Q, 'mine'], ['ref:wamid.0', "1 $LETTER", 3, '', '',
        '', '{"ok":true}', 1000]],
    [settle => [$DEAD, $STATE, $COUNT, $Q, $Q], ['ref:wamid.0', "1 $LETTER", 3, '{"v":1}',
        'r:y', '{"a":0}', '', 0]],
    [old => [$LEASE, $DEAD, $COUNT, $STATE], ['me', 0, 10]],
    [know => ['meta:user:', 'meta:conversation:', 'meta:message:'], [1000, 1, 1000, 1000,
        person => 'whatsapp', 1, '', 27, 'ZA.1', '', 'ZA.0', 'Name', '', 5, 5, 5, 2, 'offer',
        sent => 'messenger', 1, 7, '', '', '', 'm_1', 5, 'wamid.1', 'rule 1', 'reply', '', 'a',
        'wamid.1', status => 'whatsapp', 1, 'wamid.2', 'failed', 5, 131047, '', 'never', 27, '',
        'job-1', 'closed', '', mark => 'messenger', 1, 7, 'read', 9, '']],
    (map { [conversation => [$TALK, "$TALK:turns", $TALK, 'meta:conversation:paused'], $_] }
        ['turn', 1000, '{"r":"user","i":"2","t":2,"x":""}', '{"r":"user","i":"2"', 10, 1000, 1],
        ['pause', 1000, 5000, 'test', '0', 'x'], ['resume', 0, 'x'], ['tag', 1000, 'a', 50],
        ['untag', 0, 'a'], ['look', 0]),
    (map { [callback => ['meta:deletion:1', 'meta:flow:', 'meta:accounts'], $_] }
        ['begin', 1, 1, '#x', 3], ['flows', 1, 1, 7, 0, 100, 9], ['end', 1, '{}']),
    [refs => ['meta:message:ambiguous', 'meta:message:ambiguous:since'], [1000, 1, 'm_2', $Q]],
);

# what the program itself says, not a script; what the limits' scripts need is shown beside them
my %SAID = map { $_ => 1 } qw(ping select evalsha eval blmove exists mget pttl lindex hsetnx);

my $dir = temp_dir();
my $redis = Test::Meta::Redis->new(dir => $dir)->start;
my $user = acl_user();
my @commands = map { /^\+(\w+)$/ ? $1 : () } acl_rule();

sub acl_rule {
    my ($acl) = slurp(root_dir() . '/docs/consumer.md') =~ /^ACL SETUSER (.*)/m;
    return split ' ', $acl;
}

sub acl_user {
    my ($name, @rule) = acl_rule();
    $redis->do('ACL', 'SETUSER', $name, @rule);
    my $client = Redis->new(sock => $redis->{sock});
    $client->auth($name, 'PASSWORD');
    return $client;
}

# three in flight, three in the list, one of them urgent; one held behind 1, one on a lane; two
# due; one dead, of which nobody knows whether it was sent
sub prepare {
    $redis->do('FLUSHALL');
    $redis->do('RPUSH', $Q, '{"a":1}', '{"a":2}');
    $redis->do('RPUSH', $URGENT, '{"a":3}');
    $redis->do('HSET', $INFLIGHT, 1 => '{"a":4}', '2u' => '{"a":5}', 7 => '{"a":6}');
    $redis->do('HSET', $HELD, 3 => envelope('{"a":7}', 'a'), 4 => envelope('{"a":8}', 'l', "\1L"));
    $redis->do('ZADD', $RETRY, 1, '5 ' . envelope('{"a":9}', 'b'), 2, '6 ' . envelope('{"a":10}'));
    $redis->do('ZADD', $LINES, map { (0, place(@$_)) } ['a', 3], ['l', 4], ["\1L", 4], ['b', 5]);
    $redis->do('RPUSH', $DEAD, $LETTER);
    $redis->do('HSET', $COUNT, seq => 7, taken => 8, worked => 0, unmatched => 0, dead => 1);
    $redis->do('HSET', $LEASE, owner => 'me', until => 1, alone => 1);
    $redis->do('HSET', $STATE, 1 => '{"v":1}', c1 => '2! old', crashed => 'old 1 7', requeued => 1,
        'r:x' => '{"r":1}', 'ref:wamid.0' => "1 $LETTER");
    $redis->do('HSET', 'meta:user:1:27', until => 3, phone => 27);
    $redis->do('HSET', 'meta:user:1:stop', 27 => 3);
    $redis->do('HSET', 'meta:conversation:whatsapp:1:27', pause => 3);
    $redis->do('RPUSH', 'meta:conversation:whatsapp:1:27:turns', '{}');
    $redis->do('HSET', 'meta:message:ambiguous', m_1 => $Q);
    $redis->do('ZADD', 'meta:message:ambiguous:since', 1, 'm_1');
    my $bucket = int(time / 86400) - 1 . '.0.16';
    $redis->do('HSET', $SEEN_COUNT, '1.0.8' => 1, $bucket => 1);
    $redis->do('HSET', $SEEN . $bucket, aa => 'a12345678');
}

# its error, or undef
sub run {
    my ($script, @args) = @_;
    my (undef, $keys, $args) = @$script;
    return eval { $user->eval(script_text($script->[0]), scalar @$keys, @$keys, @$args); 1 }
        ? undef : $@;
}

# the items of a key; a string is what a test put in its place
sub items {
    my ($key) = @_;
    my $type = $redis->do('TYPE', $key);
    return $redis->queue($key) if $type eq 'list';
    return map { s/^[^ ]+ //r } $redis->do('ZRANGE', $key, 0, -1) if $type eq 'zset';
    return $type eq 'hash' ? $redis->do('HVALS', $key) : ();
}

sub count { return map { $_ // 0 } $redis->do('HMGET', $COUNT, @COUNTERS, qw(duplicate dropped)) }
sub places { return {map { $_ => [sort(items($_))] } $Q, $URGENT, $INFLIGHT, $HELD, $RETRY, $DEAD,
    'mine'} }

sub total {
    my $places = places();
    return scalar map { @$_ } @$places{$Q, $URGENT, $INFLIGHT, $HELD, $RETRY, $DEAD};
}

# whatever was said: each item is somewhere, once, and counted so; and who waits has its places
sub accounted {
    my ($name, $total) = @_;
    my (undef, $taken, $worked, $unmatched, $dead, $twice, $dropped) = count();
    my %n = map { $_ => scalar(my @i = items($_)) } $Q, $URGENT, $INFLIGHT, $HELD, $RETRY, $DEAD;
    my $done = $worked + $unmatched + $twice + $dropped;
    my %seen;
    my @twice = grep { $seen{/"item":(.*)\}/ ? $1 : /\n/ ? record_of($_) : $_}++ }
        map { items($_) } keys %n;
    is "@twice", '', "$name: no item stands in two places";
    my $n = 0;
    $n += $_ for values %n;
    is $n + $done, $total, "$name: no item is lost";
    is $taken - $n{$INFLIGHT} - $n{$HELD} - $n{$RETRY} - $done - $dead, 0, "$name: taken is right";
    is $dead, $n{$DEAD}, "$name: dead is right";
}

my %needed;
for my $script (@SCRIPTS) {
    my $name = $script->[0];
    subtest $name => sub {
        prepare();
        is run($script), undef, 'with the smallest ACL it runs';
        accounted('all permitted', 11);

        for my $command (grep { !$SAID{$_} } @commands) {
            prepare();
            my $before = places();
            $redis->do('ACL', 'SETUSER', (acl_rule())[0], "-$command");
            my $error = run($script);
            $redis->do('ACL', 'SETUSER', (acl_rule())[0], "+$command");
            next unless $error;
            $needed{$command} = 1;
            like $error, qr/can't run this command/, "without $command it is refused";
            is_deeply places(), $before, "without $command: nothing moves";
            accounted("without $command", 11);
        }

        for my $counter (@COUNTERS) {
            prepare();
            my $before = places();
            $redis->do('HSET', $COUNT, $counter, 'x');
            next unless run($script);
            is_deeply places(), $before, "$counter is no number: nothing moves";
        }

        for my $key ($Q, $URGENT, $DEAD, $STATE, $HELD, $RETRY, $LINES, $KEPT, $SEEN_COUNT,
            'mine')
        {
            prepare();
            my $gone = $key eq $HELD || $key eq $RETRY ? 2 : $key eq $DEAD ? 1 : 0;
            $redis->do('HSET', $COUNT, dead => 0) if $key eq $DEAD;
            $redis->do('DEL', $key);
            $redis->do('HINCRBY', $COUNT, 'taken', -$gone);
            my $total = total();
            $redis->do('SET', $key, 'x');
            my $before = places();
            my $error = run($script);
            is_deeply places(), $before, "$key is a string: nothing moves" if $error;
            accounted("$key is a string", $total);
        }
    };
}

is_deeply [sort keys %needed], [grep { !$SAID{$_} } sort @commands],
    'the smallest ACL has nothing that no script needs';

subtest 'counters that somebody deleted' => sub {
    my ($take) = @SCRIPTS;
    prepare();
    $redis->do('DEL', $COUNT);
    is run($take), undef, 'it takes';
    is_deeply {$redis->do('HGETALL', $INFLIGHT)}, {1 => '{"a":4}', '2u' => '{"a":5}',
        7 => '{"a":6}', '1u' => '{"a":3}', 2 => '{"a":1}', 5 => '{"a":2}'},
        'and overwrites nothing in flight, and nothing held';
    $redis->do('DEL', $COUNT);
    $redis->do('RPUSH', $Q, '{"a":11}');
    is run($take), undef, 'once more';
    is $redis->do('HGET', $INFLIGHT, 6), '{"a":11}', 'numbers in use are skipped';
    is $redis->do('HLEN', $INFLIGHT), 7, 'all are there';
};

subtest 'parts in the place of an item' => sub {
    prepare();
    my $parts = [parts => [@PARTS], ['me', '2u', 'r:none', '{"a":11}', '{"a":12}', '{"a":13}']];
    $redis->do('HSET', $HELD, '9u' => envelope('{"a":7}', 'a'));
    $redis->do('HDEL', $HELD, 3);
    is run($parts), undef, 'it runs';
    is_deeply {$redis->do('HGETALL', $INFLIGHT)}, {1 => '{"a":4}', 7 => '{"a":6}',
        '8u' => '{"a":11}', '10u' => '{"a":12}', '11u' => '{"a":13}'},
        'each has a number of its own, that nobody has';
    is_deeply [$redis->do('HMGET', $COUNT, 'taken', 'parts')], [10, 2], 'counted';
    my $before = places();
    is run($parts), undef, 'once more';
    is_deeply places(), $before, 'does nothing';
};

subtest 'a lease of before the clock was set back' => sub {
    my ($lease) = grep { $_->[0] eq 'lease' } @SCRIPTS;
    my ($s) = $redis->do('TIME');
    for my $until ($s * 1000 + 3_600_000, '9' x 16) {
        prepare();
        $redis->do('HSET', $LEASE, owner => 'it', until => $until);
        is run($lease), undef, 'asked for';
        is $redis->do('HGET', $LEASE, 'owner'), 'it', 'its holder may be alive: it is not taken';
        my $left = $redis->do('HGET', $LEASE, 'until') - ($redis->do('TIME'))[0] * 1000;
        cmp_ok $left, '<=', 7000, 'but ends as if it were taken now';
    }
    $redis->do('HSET', $LEASE, until => 'x');
    is run($lease), undef, 'an end that is no number';
    is $redis->do('HGET', $LEASE, 'owner'), 'me', 'is none';
};

subtest 'a start whose answer was lost' => sub {
    prepare();
    $redis->do('HDEL', $STATE, 1);
    my @words = ([$LEASE, $STATE, $SEEN, $SEEN_COUNT], ['me', 1, 'r:x', '']);
    my $start = sub { $user->eval(script_text('start'), 4, map { @$_ } @words) };
    is_deeply [$start->()], ['{"r":1}'], 'what was requeued';
    is_deeply [$start->()], ['{"r":1}'], 'is given again';
    is $redis->do('HGET', $STATE, 'requeued'), 0, 'and counted once';
};

subtest 'for later' => sub {
    prepare();
    my ($due) = grep { $_->[0] eq 'due' } @SCRIPTS;
    $redis->do('DEL', $RETRY);
    $redis->do('ZADD', $RETRY, 1, "5 00\n{\"a\":9}");
    $redis->do('HSET', $STATE, c5 => '1 old');
    is_deeply [(map { ref $_ ? @$_ : $_ } $user->eval(script_text('due'), 7, @HELD,
        @{$due->[2]}))[3 .. 7]], [8, '{"a":9}', undef, '1 old', 2], 'it has a new number';
    is_deeply [$redis->do('HMGET', $STATE, 'c5', 'c8')], [undef, '1 old'],
        'which its crashes follow';
};

subtest 'two changes of the same many people' => sub {
    my @keys = map { "106540352242922:$_" } 1 .. 3_000;
    for my $why (['behind another one', 'last'], ['on a lane', "\1L"]) {
        prepare();
        $redis->do('DEL', $HELD, $RETRY, $LINES);
        $redis->do('HSET', $HELD, 8 => envelope('{}', 'last'),
            9 => envelope('{}', @keys, $why->[1]));
        $redis->do('ZADD', $LINES, map { (0, place(@$_)) } ['last', 8],
            map { [$_, 9] } @keys, $why->[1]);
        my $before = $redis->cpu;
        is run([finish => [@FINISH], finish(worked => [1], heads => [1, envelope('', @keys)])]),
            undef, 'the first ends';
        cmp_ok $redis->cpu - $before, '<', 2 * patience(),
            "the second, $why->[0], is looked at once";
        is_deeply [sort $redis->do('HKEYS', $HELD)], [8, 9], 'and waits on';
    }
    is run([finish => [@FINISH], finish(worked => [7], heads => [7, envelope('', "x\2", 'last')])]),
        undef, 'whom 8 waited for ends';
    is_deeply [$redis->do('HKEYS', $HELD)], [9], '8 comes back';
};

subtest 'a mark whose answer was lost' => sub {
    prepare();
    my ($mark) = grep { $_->[0] eq 'mark' } @SCRIPTS;
    is run($mark), undef, 'said' for 1 .. 2;
    is_deeply [$redis->queue('mine')], ['pushed'], 'pushed once';
    is $redis->do('HGET', $STATE, 7), '{}', 'the next one is marked';
};

subtest 'states are counted in what is told' => sub {
    prepare();
    $redis->do('HSET', $STATE, 1 => 'x' x 1000);
    my $recall = sub { scalar @{[$user->eval(script_text('recall'), 7, @HELD,
        'me', $_[0], '1', '2u', '7')]} };
    is $recall->(900), 3 + 5, 'a large one comes alone';
    is $recall->(1100), 3 + 3 * 5, 'small ones together';
};

$user->quit;
$redis->stop;
done_testing;
