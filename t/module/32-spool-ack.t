# What a 200 waits for: meta_ack disk and verified; order, several lists and
# targets, large bodies, clients that go, workers that end.

use strict;
use warnings;

use Test::More;

use Test::Meta;
use Test::Meta::Spool;
use Test::Meta::Util qw(wait_for);

# N: a hundred and more list names, one delivery each
verb lists => sub {
    my ($t, $n) = @_;
    my ($c, %seen);
    for my $i (1 .. $n) {
        my $sample = Test::Meta::Sample::whatsapp(1);
        $seen{Test::Meta::Spool::post($t->{nginx}->port, \$c, "/hook/$i",
            $sample->{body})->{status}}++;
    }
    is_deeply \%seen, {200 => $n}, "$n deliveries to as many lists";
};

verb lists_arrived => sub {
    my ($t, $n) = @_;
    my $got;
    wait_for { ($got = grep { /^l:\d+$/ } $t->{redis}->do('KEYS', 'l:*')) == $n };
    is $got, $n, "$n lists in Redis";
};

run_blocks();

__DATA__

=== disk: 200 after the spool has it, and the list gets it
--- location
meta_webhook;
meta_ack disk;
--- spool
--- deliver: 5
--- queued: spool 5
--- arrived: meta:events
--- files: 1

=== disk: what is done makes room, in one list and in many
--- http
meta_ack disk;
--- server
location ~ ^/hook/(\d+)$ {
    meta_webhook;
    meta_queue l:$1;
}
--- spool: max=64k
--- deliver: 1 uri=/hook/1 list=l:1 size=7000
--- arrived: l:1
--- deliver: 1 uri=/hook/2 list=l:2 size=7000
--- arrived: l:2
--- deliver: 1 uri=/hook/3 list=l:3 size=7000
--- arrived: l:3
--- deliver: 1 uri=/hook/4 list=l:4 size=7000
--- arrived: l:4
--- deliver: 1 uri=/hook/5 list=l:5 size=7000
--- arrived: l:5
--- deliver: 1 uri=/hook/6 list=l:6 size=7000
--- arrived: l:6
--- deliver: 1 uri=/hook/7 list=l:7 size=7000
--- arrived: l:7
--- deliver: 1 uri=/hook/8 list=l:8 size=7000
--- arrived: l:8
--- deliver: 1 uri=/hook/9 list=l:9 size=7000
--- arrived: l:9
--- deliver: 1 uri=/hook/10 list=l:10 size=7000
--- arrived: l:10
--- deliver: 1 uri=/hook/11 list=l:11 size=7000
--- arrived: l:11
--- deliver: 1 uri=/hook/12 list=l:12 size=7000
--- arrived: l:12
--- deliver: 1 uri=/hook/13 list=l:13 size=7000
--- arrived: l:13
--- deliver: 1 uri=/hook/14 list=l:14 size=7000
--- arrived: l:14
--- files: 0

=== disk: what is done is removed at the end
--- once
--- location
meta_webhook;
meta_ack disk;
--- spool
--- deliver: 5
--- arrived: meta:events
--- nginx: quit
--- files: 0
--- nginx: start

=== disk: Redis is away, nginx ends and starts, nothing is lost
--- once
--- location
meta_webhook;
meta_ack disk;
--- redis: down
--- spool
--- deliver: 5
--- nginx: quit
--- files: 1
--- redis_do: start
--- nginx: start
--- arrived: meta:events
--- files: 0

=== disk: nginx is killed when all is done: a window twice at most
--- once
--- log_level: info
--- location
meta_webhook;
meta_ack disk;
--- spool
--- load_begins: 8 n=200
--- load_ends: by_itself
--- arrived: meta:events unordered
--- nginx: kill
--- nginx: start
--- files: 0
--- arrived: meta:events unordered dups=256

=== disk: more lists than streams, all are served
--- once
--- log_level: info
--- http
meta_ack disk;
--- server
location ~ ^/hook/(\d+)$ {
    meta_webhook;
    meta_queue l:$1;
}
--- spool
--- lists: 1200
--- lists_arrived: 1200

=== verified: 200 at once while Redis hangs; it arrives later
--- location
meta_webhook;
meta_ack verified;
--- redis_do: pause
--- clock: start
--- deliver: 3
--- clock: below 5
--- redis_do: cont
--- arrived: meta:events

=== verified with a spool: what Redis does not take in time goes there
--- location
meta_webhook;
meta_ack verified;
--- spool
--- redis_do: pause
--- deliver: 3
--- files: 1
--- redis_do: cont
--- arrived: meta:events dups=3
--- files: 0

=== verified with neither: lost, and said
--- allow: they are lost
that is what the block is about
--- http
meta_redis_timeout $MS500;
meta_redis_connect_timeout $MS500;
--- location
meta_webhook;
meta_ack verified;
--- redis_do: pause
--- post: /hook
@whatsapp 2
--- status: 200
--- log: \[crit\] .*no spool took 2 events that are answered 200 already
--- redis_do: cont

=== verified and Redis is down: the spool at once
--- redis: down
--- location
meta_webhook;
meta_ack verified;
--- spool
--- deliver: 3
--- files: 1
--- redis_do: start
--- arrived: meta:events
--- files: 0

=== verified, the client has gone: the push goes on
--- location
meta_webhook;
meta_ack verified;
--- spool
--- redis_do: pause
--- post: /hook as=a
@whatsapp 2
--- reset: a
--- wait_requests: 1
--- redis_do: cont
--- llen: meta:events 2

=== verified: the worker is told to end before Redis answers
--- once
--- location
meta_webhook;
meta_ack verified;
--- spool
--- redis_do: pause
--- deliver: 3
--- nginx: quit
--- redis_do: cont
--- nginx: start
--- arrived: meta:events dups=3
--- files: 0

=== new deliveries go behind the backlog
--- spool
--- redis_do: CONFIG SET maxmemory 1
--- deliver: 300
--- redis_do: CONFIG SET maxmemory 0
--- deliver: 300
--- arrived: meta:events
--- files: 0
--- deliver: 3
--- arrived: meta:events

=== two Redis: one that hangs does not hold up the other
--- redis2
--- server
location /two {
    meta_webhook;
    meta_redis $REDIS2;
    meta_queue meta:two;
}
--- spool
--- redis_do: stop
--- redis2_do: stop
--- deliver: 5
--- deliver: 5 uri=/two list=meta:two
--- files: 2
--- redis2_do: start
--- arrived: redis2 meta:two
--- files: 1
--- deliver: 1 uri=/two list=meta:two
--- redis_do: start
--- arrived: meta:events
--- arrived: redis2 meta:two

=== one list is over its max: the others of that Redis drain
--- location
meta_webhook;
meta_queue meta:events max=1;
--- server
location /other {
    meta_webhook;
    meta_queue meta:other;
}
--- spool
--- redis_do: RPUSH meta:events 1 2 3
--- redis_do: CONFIG SET maxmemory 1
--- deliver: 3
--- deliver: 3 uri=/other list=meta:other
--- redis_do: CONFIG SET maxmemory 0
--- arrived: meta:other
--- log: meta queue "meta:events" is full
--- redis_do: DEL meta:events
--- wait_ms: 3000
--- files: 0

=== 3 MB and 1,000 events, byte for byte
--- redis: down
--- log_level: info
--- spool
--- deliver: 3 size=3000000
--- deliver: 3 events=1000
--- deliver: 2
--- redis_do: start
--- arrived: meta:events within=30
--- files: 0

=== clients go while the disk is busy: what was told is kept, and no crash
--- spool
--- redis_do: CONFIG SET maxmemory 1
--- deliver: 1
--- post: /hook as=a
@whatsapp
--- reset: a
--- post: /hook as=b
@whatsapp
--- reset: b
--- deliver: 3
--- redis_do: CONFIG SET maxmemory 0
--- wait_ms: 1500
--- files: 0

=== a worker ends while deliveries come: each is answered, none lost
--- once
--- log_level: info
--- redis: down
--- spool
--- load_begins: 8
--- load_has: 100
--- reload
--- load_has: 200
--- nginx: quit
--- load_ends: any
--- redis_do: start
--- nginx: start
--- arrived: meta:events unordered
--- files: 0

=== each location with its own way, one worker
--- location
meta_webhook;
--- server
location /disk {
    meta_webhook;
    meta_ack disk;
    meta_queue meta:disk;
}
--- spool
--- deliver: 2
--- deliver: 2 uri=/disk list=meta:disk
--- queued: redis 2
--- queued: spool 2
--- arrived: meta:events
--- arrived: meta:disk
