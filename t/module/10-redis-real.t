# A real Redis: addresses, passwords, databases, names, outages and returns.

use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::IP;
use Test::More;

use Test::Meta;
use Test::Meta::HTTP;
use Test::Meta::Util qw(hold_port spew);

config_verb needs_ipv6 => sub {
    my ($t) = @_;
    IO::Socket::IP->new(LocalHost => '::1', Proto => 'tcp', Listen => 1)
        or $t->run(skip => 'no IPv6 here');
};

# NAME: an ACL file, there before Redis starts
config_verb acl_file => sub {
    my ($t, $name, $text) = @_;
    spew("$t->{dir}/$name", $text);
    $t->learn($text =~ />(\S+)/g);
    $t->{redis_login} = $1 if $text =~ /^user default .*>(\S+)/m;
};

# $DEAFPORT: its queue is full, so a connect() neither succeeds nor fails
config_verb deaf_listener => sub {
    my ($t) = @_;
    my $deaf = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp',
        Listen => 1) or die "listen: $@";
    listen $deaf, 0;
    $t->{vars}{DEAFPORT} = $deaf->sockport;
    push @{$t->{held}}, $deaf, map {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $deaf->sockport, Proto => 'tcp', Blocking => 0)
    } 1 .. 4;
};

# N lines that match, each logged while we wait
verb wait_log_lines => sub {
    my ($t, $arg) = @_;
    my ($n, $regex) = split ' ', $arg, 2;
    my @seen;
    ok &Test::Meta::Util::wait_for(sub {
        @seen = $t->log =~ /$regex/g; @seen >= $n }), "$n times: $regex";
};

# N deliveries on connections of their own while Redis is paused, then all 200
verb many => sub {
    my ($t, $n) = @_;
    $t->run(post => "/hook as=$_", "\@whatsapp\n") for 1 .. $n;
    $t->run(wait_requests => $n);
    $t->{redis}->cont;
    my %seen;
    for (1 .. $n) {
        $t->run(recv => $_);
        $seen{$t->{last}{status}}++;
    }
    is_deeply \%seen, {200 => $n}, "$n times 200";
};

# N BYTES: more than may be on the way; the last ones are refused at once
verb flood => sub {
    my ($t, $arg) = @_;
    my ($n, $bytes) = split ' ', $arg;
    my %seen;
    $t->run(post => "/hook as=$_", "\@size $bytes\n") for 1 .. $n;
    $t->run(recv => $n);
    is $t->{last}{status}, 503, 'the last one is refused while Redis hangs';
    $t->{redis}->cont;
    for (1 .. $n - 1) {
        $t->run(recv => $_);
        $seen{$t->{last}{status}}++;
    }
    is join(' ', sort keys %seen), '200 503', 'the first ones are taken';
    cmp_ok $seen{200} * $bytes, '>', 50e6, 'more than 50 MB of them';
    $t->run(llen => "meta:events $seen{200}");
};

run_blocks();

__DATA__

=== over TCP
--- redis: up tcp
--- post: /hook
@whatsapp 5
--- status: 200
--- records: meta:events

=== over TCP, 3 MB and 400 events
--- redis: up tcp
--- post: /hook
@size 3000000
--- status: 200
--- records: meta:events
--- redis_do: FLUSHALL
--- post: /hook
@whatsapp 400
--- status: 200
--- records: meta:events

=== over IPv6
--- redis: up tcp
--- needs_ipv6
--- location
meta_webhook;
meta_redis [::1]:$REDIS_PORT;
--- post: /hook
@whatsapp
--- status: 200
--- records: meta:events

=== a name that is resolved at start
--- redis: up tcp
--- location
meta_webhook;
meta_redis localhost:$REDIS_PORT;
--- until: 200 5
--- post: /hook
@whatsapp
--- status: 200
--- llen: meta:events 2

=== a password from a file
--- redis
requirepass redis-password-01
--- file: password
redis-password-01
--- location
meta_webhook;
meta_redis $REDIS password_file=$DIR/password;
--- post: /hook
@whatsapp
--- status: 200
--- records: meta:events

=== a password from the environment, over TCP
--- redis: up tcp
requirepass redis-password-01
--- env
META_T_PASSWORD=redis-password-01
--- location
meta_webhook;
meta_redis $REDIS password_file=env:META_T_PASSWORD;
--- post: /hook
@whatsapp
--- status: 200
--- records: meta:events

=== a wrong password: 503, and no password in any log
--- redis
requirepass redis-password-01
--- file: password
wrong-password-02
--- location
meta_webhook;
meta_redis $REDIS password_file=$DIR/password;
--- post: /hook
@whatsapp
--- status: 503
--- log: \[error\] .*WRONGPASS
--- calls: rpush 0

=== no password where one is needed: 503
--- redis
requirepass redis-password-01
--- post: /hook
@whatsapp
--- status: 503
--- log: \[error\] .*NOAUTH

=== the smallest ACL that is enough
--- acl_file: redis.acl
user default on >default-password-01 ~* +@all
user edge on >edge-password-01 ~meta:events ~meta:events:partitions -@all +rpush +llen +set +select
--- redis
aclfile $DIR/redis.acl
--- file: password
edge-password-01
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password db=3;
meta_queue meta:events max=1;
--- post: /hook
@whatsapp
--- status: 200
--- post: /hook
@whatsapp
--- status: 200
--- post: /hook
@whatsapp
--- status: 503
--- redis_do
SELECT 3
LPOP meta:events
--- until: 200 3
--- no_log: refuses

=== an ACL that does not cover the list: NOPERM, 503
--- acl_file: redis.acl
user default on >default-password-01 ~* +@all
user edge on >edge-password-01 ~meta:* -@all +rpush
--- redis
aclfile $DIR/redis.acl
--- file: password
edge-password-01
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue other:events;
--- post: /hook
@whatsapp
--- status: 503
--- log: \[error\] .*NOPERM

=== another database
--- once
--- location
meta_webhook;
meta_redis $REDIS db=5;
--- post: /hook
@whatsapp 2
--- status: 200
--- llen: meta:events 0
--- redis_do: SELECT 5
--- records: meta:events

=== a full Redis: OOM, 503, and the next one after there is room
--- once
--- redis
maxmemory 100kb
maxmemory-policy noeviction
--- post: /hook
@whatsapp
--- status: 503
--- log: \[error\] .*OOM
--- redis_do: CONFIG SET maxmemory 0
--- post: /hook
@whatsapp
--- status: 200
--- records: meta:events

=== a Redis with too many clients: 503, and 200 once it takes us
--- once
--- redis
maxclients 1
--- post: /hook
@whatsapp
--- status: 503
--- log: \[error\] .*(?:refuses|is away)
--- redis_do: CONFIG SET maxclients 100
--- until: 200 3

=== a key of another type in the list's place: WRONGTYPE
--- redis_do: SET meta:events x
--- post: /hook
@whatsapp
--- status: 503
--- log: \[error\] .*WRONGTYPE

=== a replica without its master is read only; a primary again, it takes events
--- redis_do: REPLICAOF 127.0.0.1 1
--- post: /hook
@whatsapp
--- status: 503
--- log: \[error\] .*READONLY
--- redis_do: REPLICAOF NO ONE
--- post: /hook
@whatsapp
--- status: 200

=== down at start: 503 at once and one line; up within 2 s after it is there
--- once
--- redis: down
--- clock: start
--- post: /hook
@whatsapp
--- status: 503
--- headers
Retry-After: \d+
--- clock: below 0.5
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook
@whatsapp
--- status: 503
--- log_count: 1 \[error\] .*is away.*connect\(\) failed
--- redis_do: start
--- until: 200 2.5
--- log: \[notice\] .*is back
--- clients: 1

=== down at start, over TCP
--- once
--- redis: down tcp
--- post: /hook
@whatsapp
--- status: 503
--- log_count: 1 \[error\] .*is away.*connect\(\) failed
--- redis_do: start
--- until: 200 2.5

=== it goes and comes back: what was acked before is not asked again
--- once
--- load: 5
--- redis_do: stop
--- post: /hook
@whatsapp
--- status: 503
--- redis_do: start
--- until: 200 2.5
--- clients: 1
--- calls: rpush 1

=== a connection that Redis closes is opened again at once: no 503
--- load: 3
--- redis_do: CLIENT KILL TYPE normal SKIPME yes
--- load: 3
--- redis_do: CLIENT KILL TYPE normal SKIPME yes
--- clients: 1
--- load: 3
--- llen: meta:events 9
--- clients: 1

=== Redis' own timeout for idle connections costs nobody a delivery
--- redis
timeout 1
--- load: 1
--- wait_log_lines: 1 is away
--- load: 1
--- clients: 1

=== it hangs, and goes on: within the time all are acked
--- redis_do: pause
--- post: /hook as=a
@whatsapp
--- post: /hook as=b
@whatsapp
--- wait_requests: 2
--- redis_do: cont
--- recv: a
--- status: 200
--- recv: b
--- status: 200
--- llen: meta:events 2

=== it hangs for longer than the time: 503, and yet the event may arrive
--- location
meta_webhook;
meta_redis_timeout $MS300;
--- redis_do: pause
--- post: /hook
@whatsapp
--- status: 503
--- redis_do: cont
--- llen: meta:events 1
--- until: 200 3

=== hundreds at once, all acked, none twice
--- redis_do: pause
--- many: 300
--- llen: meta:events 300
--- calls: rpush 300
--- clients: 1

=== two targets, each with its own connection; the same one twice shares it
--- redis2: up
--- location
meta_webhook;
--- server
location /same {
    meta_webhook;
    meta_redis $REDIS;
}
location /other {
    meta_webhook;
    meta_redis $REDIS2;
}
location /third {
    meta_webhook;
    meta_redis $REDIS2 db=1;
}
location /unused {
    meta_redis $REDIS2 db=2;
}
--- post: /hook
@whatsapp
--- status: 200
--- post: /same
@whatsapp
--- status: 200
--- post: /other
@whatsapp
--- status: 200
--- post: /third
@whatsapp
--- status: 200
--- llen: redis meta:events 2
--- llen: redis2 meta:events 1
--- clients: redis 1
--- clients: redis2 2

=== one target down does not hold up the other
--- redis2: down
--- server
location /other {
    meta_webhook;
    meta_redis $REDIS2;
}
--- post: /other
@whatsapp
--- status: 503
--- load: 3
--- post: /other
@whatsapp
--- status: 503

=== a listener that does not accept: the connect timeout counts
--- redis: none
--- location
meta_webhook;
meta_redis 127.0.0.1:$DEAFPORT;
meta_redis_connect_timeout $MS300;
meta_redis_timeout 5s;
--- deaf_listener
--- clock: start
--- post: /hook
@whatsapp
--- status: 503
--- clock: below 2
--- log: \[error\] .*is away: connect\(\) timed out

=== more than 64 MB on their way: 503 at once, and what was taken arrives
--- once
--- location
meta_webhook;
client_body_buffer_size 4m;
meta_redis_timeout 20s;
--- redis_do: pause
--- flood: 24 3000000
