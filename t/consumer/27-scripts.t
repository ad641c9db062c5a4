# A script that Redis refuses in the middle neither loses nor doubles an item, nor miscounts.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Redis;
use Test::More;

use Test::Meta::Redis;
use Test::Meta::Util qw(root_dir slurp temp_dir);

my $Q = 'meta:events';
my ($URGENT, $INFLIGHT, $DEAD, $LEASE, $COUNT) =
    map { "{$Q}:$_" } qw(urgent inflight dead lease count);
my @COUNTERS = qw(seq taken worked unmatched dead);

my %SCRIPTS = (
    take    => [[$LEASE, $Q, $URGENT, $INFLIGHT, $COUNT, $DEAD], ['me', 256, 1_000_000, 10]],
    recall  => [[$LEASE, $INFLIGHT], ['me', 1_000_000, '1', '2u']],
    ack     => [[$LEASE, $INFLIGHT, $COUNT], ['me', 'worked', '1', '2u']],
    pass    => [[$LEASE, $INFLIGHT, $COUNT, 'mine'], ['me', '1', '2u']],
    bury    => [[$LEASE, $INFLIGHT, $COUNT, $DEAD], ['me', '1', '{"reason":"x","item":']],
    back    => [[$LEASE, $Q, $URGENT, $INFLIGHT, $COUNT], ['me', '1', '2u']],
    lease   => [[$LEASE], ['me', 6000]],
    release => [[$LEASE], ['me']],
);

# what the program itself says, not a script
my %SAID = map { $_ => 1 } qw(ping select evalsha eval blmove hkeys);

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

# two in flight, three in the list, one of them urgent
sub prepare {
    $redis->do('FLUSHALL');
    $redis->do('RPUSH', $Q, '{"a":1}', '{"a":2}');
    $redis->do('RPUSH', $URGENT, '{"a":3}');
    $redis->do('HSET', $INFLIGHT, 1 => '{"a":4}', '2u' => '{"a":5}');
    $redis->do('HSET', $COUNT, seq => 2, taken => 2, map { $_ => 0 } @COUNTERS[2 .. 4]);
    $redis->do('HSET', $LEASE, owner => 'me', until => 1);
}

# its error, or undef
sub run {
    my ($name) = @_;
    my ($keys, $args) = @{$SCRIPTS{$name}};
    my $text = slurp(root_dir() . "/consumer/$name.lua");
    return eval { $user->eval($text, scalar @$keys, @$keys, @$args); 1 } ? undef : $@;
}

# the items of a key; a string is what a test put in its place
sub items {
    my ($key) = @_;
    my $type = $redis->do('TYPE', $key);
    return $type eq 'list' ? $redis->queue($key) : $type eq 'hash' ? $redis->do('HVALS', $key) : ();
}

sub count { return map { $_ // 0 } $redis->do('HMGET', $COUNT, @COUNTERS) }
sub places { return {map { $_ => [items($_)] } $Q, $URGENT, $INFLIGHT, $DEAD, 'mine'} }

# whatever was said: each item is somewhere, once, and counted so; gone: a key that is no list
sub accounted {
    my ($name, $total) = @_;
    my (undef, $taken, $worked, $unmatched, $dead) = count();
    my %n = map { $_ => scalar(my @i = items($_)) } $Q, $URGENT, $INFLIGHT, $DEAD;
    my %seen;
    my @twice = grep { $seen{/"item":(.*)\}/ ? $1 : $_}++ } map { items($_) } keys %n, 'mine';
    is "@twice", '', "$name: no item stands in two places";
    is $n{$Q} + $n{$URGENT} + $n{$INFLIGHT} + $n{$DEAD} + $worked + $unmatched, $total,
        "$name: no item is lost";
    is $taken - $n{$INFLIGHT} - $worked - $unmatched - $dead, 0, "$name: taken is right";
    is $dead, $n{$DEAD}, "$name: dead is right";
}

my %needed;
for my $name (sort keys %SCRIPTS) {
    subtest $name => sub {
        prepare();
        is run($name), undef, 'with the smallest ACL it runs';
        accounted('all permitted', 5);

        for my $command (grep { !$SAID{$_} } @commands) {
            prepare();
            my $before = places();
            $redis->do('ACL', 'SETUSER', (acl_rule())[0], "-$command");
            my $error = run($name);
            $redis->do('ACL', 'SETUSER', (acl_rule())[0], "+$command");
            next unless $error;
            $needed{$command} = 1;
            like $error, qr/can't run this command/, "without $command it is refused";
            is_deeply places(), $before, "without $command: nothing moves";
            accounted("without $command", 5);
        }

        for my $counter (@COUNTERS) {
            prepare();
            my $before = places();
            $redis->do('HSET', $COUNT, $counter, 'x');
            next unless run($name);
            is_deeply places(), $before, "$counter is no number: nothing moves";
        }

        for my $key ($Q, $URGENT, $DEAD, 'mine') {
            prepare();
            $redis->do('DEL', $key);
            my $total = map { @$_ } values %{places()};
            $redis->do('SET', $key, 'x');
            run($name);
            accounted("$key is a string", $total);
        }
    };
}

is_deeply [sort keys %needed], [grep { !$SAID{$_} } sort @commands],
    'the smallest ACL has nothing that no script needs';

subtest 'counters that somebody deleted' => sub {
    prepare();
    $redis->do('DEL', $COUNT);
    is run('take'), undef, 'it takes';
    is_deeply {$redis->do('HGETALL', $INFLIGHT)}, {1 => '{"a":4}', '2u' => '{"a":5}',
        '1u' => '{"a":3}', 2 => '{"a":1}', 3 => '{"a":2}'}, 'and overwrites nothing in flight';
    $redis->do('DEL', $COUNT);
    $redis->do('RPUSH', $Q, '{"a":6}');
    is run('take'), undef, 'once more';
    is $redis->do('HGET', $INFLIGHT, 4), '{"a":6}', 'numbers in use are skipped';
    is $redis->do('HLEN', $INFLIGHT), 6, 'all are there';
};

subtest 'a lease of before the clock was set back' => sub {
    my ($s) = $redis->do('TIME');
    for my $until ($s * 1000 + 3_600_000, '9' x 16) {
        prepare();
        $redis->do('HSET', $LEASE, owner => 'it', until => $until);
        is run('lease'), undef, 'asked for';
        is $redis->do('HGET', $LEASE, 'owner'), 'it', 'its holder may be alive: it is not taken';
        my $left = $redis->do('HGET', $LEASE, 'until') - ($redis->do('TIME'))[0] * 1000;
        cmp_ok $left, '<=', 7000, 'but ends as if it were taken now';
    }
    $redis->do('HSET', $LEASE, until => 'x');
    is run('lease'), undef, 'an end that is no number';
    is $redis->do('HGET', $LEASE, 'owner'), 'me', 'is none';
};

$user->quit;
$redis->stop;
done_testing;
