# A Redis by name: looked up again at each reconnect by nginx's resolver.

use strict;
use warnings;

use IO::Socket::INET;
use Test::More;

use Test::Meta;
use Test::Meta::Process;
use Test::Meta::Redis;
use Test::Meta::Util qw(hold_port slurp spew wait_for);

# Answers every question with the addresses that stand in a file, for no time;
# an empty file means that there is no such name, "silent" no answer at all.
sub answer_questions {
    my ($socket, $file) = @_;
    while (defined(my $peer = $socket->recv(my $query, 512))) {
        my ($id, undef, $count) = unpack 'nnn', $query;
        my ($name) = $query =~ /\A.{12}((?:[^\0].*?)?\0)/s;
        my $type = unpack 'n', substr $query, 12 + length $name, 2;
        my $question = substr $query, 12, length($name) + 4;
        my @ips = grep { length } split /\s+/, slurp($file);
        next if @ips && $ips[0] eq 'silent';
        my @answers = map { pack 'nnnNn/a', 0xc00c, 1, 1, 0,
            pack 'C4', split /\./ } $type == 1 ? @ips : ();
        $socket->send(pack('nnnnnn', $id, @ips ? 0x8180 : 0x8183, 1,
            scalar @answers, 0, 0) . $question . join('', @answers), 0, $peer);
    }
}

config_verb dns => sub {
    my ($t, $arg, $text) = @_;
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        Proto => 'udp') or die "udp: $@";
    my $file = spew("$t->{dir}/dns", $text);
    $t->{vars}{DNSPORT} = $socket->sockport;
    $t->{dns} = Test::Meta::Process->new->run(out => "$t->{dir}/dns.out",
        code => sub { answer_questions($socket, $file) });
};

# ADDRESS: another Redis at the port of the first
verb other_redis => sub {
    my ($t, $address) = @_;
    my $other = $t->{other} = Test::Meta::Redis->new(dir => $t->{dir},
        name => 'other', options => ['--bind', $address]);
    $other->{port} = $t->{redis}{port};
    $other->start;
};

# nginx keeps an answer for the rest of its second, whatever its TTL
verb next_second => sub {
    my $now = time;
    wait_for { time > $now + 1 };
};

verb other_gets_events => sub {
    my ($t) = @_;
    my $acked = 0;
    ok &wait_for(sub {
        $t->run(post => '/hook', "\@whatsapp\n");
        $acked++ if $t->{last}{status} == 200;
        $t->{other}->do('LLEN', 'meta:events') }, 5), 'events go there';
    is $t->{other}->do('LLEN', 'meta:events'), $acked, 'each 200 is there';
};

# N: so many events are there, and each once
verb other_has => sub {
    my ($t, $n) = @_;
    ok &wait_for(sub { $t->{other}->do('LLEN', 'meta:events') >= $n }, 10), "$n go there";
    is $t->{other}->do('LLEN', 'meta:events'), $n, 'none twice';
};

run_blocks();

__DATA__

=== the name is looked up by the resolver
--- redis: up tcp
--- dns
127.0.0.1
--- location
meta_webhook;
resolver 127.0.0.1:$DNSPORT ipv6=off;
meta_redis redis.meta.test:$REDIS_PORT;
--- post: /hook
@whatsapp
--- status: 200
--- records: meta:events
--- clients: 1

=== again at each reconnect: after a failover the events go to the other one
--- once
--- redis: up tcp
--- dns
127.0.0.1
--- location
meta_webhook;
resolver 127.0.0.1:$DNSPORT ipv6=off;
meta_redis redis.meta.test:$REDIS_PORT;
--- load: 2
--- write: dns
127.0.0.2
--- other_redis: 127.0.0.2
--- next_second
--- redis_do: CLIENT KILL TYPE normal SKIPME yes
--- other_gets_events
--- llen: meta:events 2

=== a primary becomes a replica, and the name moves later: what is on disk follows
--- once
--- redis: up tcp
--- dns
127.0.0.1
--- http
meta_spool $DIR/spool;
resolver 127.0.0.1:$DNSPORT ipv6=off;
meta_redis redis.meta.test:$REDIS_PORT;
--- load: 2
--- redis_do: REPLICAOF 127.0.0.1 1
--- wait_ms: 2500
--- load: 300
--- next_second
--- write: dns
127.0.0.2
--- other_redis: 127.0.0.2
--- other_has: 300
--- llen: meta:events 2
--- load: 1
--- other_has: 301

=== no such name at start, and there later: 503, then 200
--- once
--- redis: up tcp
--- dns

--- location
meta_webhook;
resolver 127.0.0.1:$DNSPORT ipv6=off;
meta_redis redis.meta.test:$REDIS_PORT;
--- post: /hook
@whatsapp
--- status: 503
--- log: \[error\] .*redis\.meta\.test.*cannot be resolved
--- write: dns
127.0.0.1
--- until: 200 4

=== a resolver that does not answer: the connect timeout counts
--- once
--- redis: up tcp
--- dns
silent
--- location
meta_webhook;
resolver 127.0.0.1:$DNSPORT ipv6=off;
resolver_timeout 30s;
meta_redis redis.meta.test:$REDIS_PORT;
meta_redis_connect_timeout $MS300;
--- clock: start
--- post: /hook
@whatsapp
--- status: 503
--- clock: below 2
--- write: dns
127.0.0.1
--- until: 200 8

=== the worker leaves while a name is looked up
--- once
--- redis: up tcp
--- dns
silent
--- location
meta_webhook;
resolver 127.0.0.1:$DNSPORT ipv6=off;
resolver_timeout 30s;
meta_redis redis.meta.test:$REDIS_PORT;
meta_redis_connect_timeout 30s;
--- clock: start
--- reload
--- running: 1
--- clock: below 3

=== several addresses, one of which is dead
--- redis: up tcp
--- dns
127.0.0.3 127.0.0.1
--- location
meta_webhook;
resolver 127.0.0.1:$DNSPORT ipv6=off;
meta_redis redis.meta.test:$REDIS_PORT;
--- until: 200 4
--- load: 3
