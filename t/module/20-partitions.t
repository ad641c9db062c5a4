# meta_queue partitions=N: which list an event goes to, one delivery over
# several lists, and the number that consumers can see.

use strict;
use warnings;

use Test::More;

use Test::Meta;
use Test::Meta::Partitions;
use Test::Meta::Util qw(wait_for);

# N accounts, none twice, in one delivery
verb deliver_many => sub {
    my ($t, $arg) = @_;
    my ($n, $size) = split ' ', $arg;
    $t->run(deliver => join ' ', '/hook', $size, map { $_ * 7919 } 1 .. $n);
};

# NAME VALUE: what NAME:partitions holds
verb partitions => sub {
    my ($t, $arg) = @_;
    my ($name, $want) = split ' ', $arg;
    my $got;
    ok &wait_for(sub {
        ($got = $t->{redis}->do('GET', "$name:partitions") // 'none') eq $want
    }), "$name:partitions is $want" or diag "it is $got";
};

# N deliveries, each to a queue of its own, all 200
verb load_names => sub {
    my ($t, $n) = @_;
    my %seen;
    for my $i (1 .. $n) {
        $t->run(deliver => "/hook?t=$i 10 p1");
        $seen{$t->{last}{status}}++;
    }
    is_deeply \%seen, {200 => $n}, "$n times 200";
};

# SIZE ID...: as deliver, but nobody waits for the answer
verb deliver_and_leave => sub {
    my ($t, $arg) = @_;
    $t->run(deliver => "/hook $arg", 'as=a');
    $t->run(log => 'redis writev: \d+ of \d{6}');    # the body is whole
    $t->run(close => 'a');
    $t->run(log => 'client prematurely closed connection');
};

verb calls_reach => sub {
    my ($t, $arg) = @_;
    my ($command, $n) = split ' ', $arg;
    ok &wait_for(sub { $t->{redis}->calls($command) >= $n }),
        "$n times $command";
};

run_blocks();

__DATA__

=== the default is one list, and says so
--- once
--- partitions: meta:events 1
--- deliver: /hook 10 1 2 3 4 5
--- status: 200
--- llen: meta:events 5
--- calls: multi 0

=== four lists: by account, in order
--- once
--- location
meta_webhook;
meta_queue meta:shop partitions=4;
--- partitions: meta:shop 4
--- deliver: /hook 10 p2 p0 p2.1 p3 p0 p2
--- status: 200
--- answer: EVENT_RECEIVED
--- spread: meta:shop 4
--- calls: multi 1
--- calls: exec 1
--- calls: rpush 3
--- llen: meta:shop 0

=== all of one account: one plain RPUSH
--- location
meta_webhook;
meta_queue meta:shop partitions=4;
--- deliver: /hook 10 p3 p3 p3
--- status: 200
--- spread: meta:shop 4
--- calls: multi 0
--- calls: rpush 1

=== 256 lists, 400 accounts
--- location
meta_webhook;
meta_queue m partitions=256;
--- deliver_many: 400 30
--- status: 200
--- spread: m 256
--- calls: exec 1

=== large events, written from the body, over 256 lists of a long name
--- location
meta_webhook;
meta_queue AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:- partitions=256;
--- deliver_many: 300 9000
--- status: 200
--- spread: AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:- 256

=== thousands of events of middling size, two lists
--- location
meta_webhook;
meta_queue m partitions=2;
--- deliver_many: 3000 700
--- status: 200
--- spread: m 2

=== no account, no key: the first list
--- location
meta_webhook;
meta_queue m partitions=7;
--- post: /hook
{"object":"page","entry":[]}
--- status: 200
--- llen: m:0 1

=== an account is what its escapes mean
--- location
meta_webhook;
meta_queue m partitions=256;
--- post: /hook
{"object":"page","entry":[{"id":"\u0037\u0041","changes":[{"field":"x"}]}]}
--- status: 200
--- post: /hook
{"object":"page","entry":[{"id":"7A","changes":[{"field":"x"}]}]}
--- status: 200
--- llen: m:205 2

=== on the wire: MULTI, an RPUSH a list, EXEC
--- location
meta_webhook;
meta_queue m partitions=4;
--- redis: script
EXPECT ^SET m:partitions 4$
SEND +OK\r\n
EXPECT ^MULTI$
EXPECT ^RPUSH m:1 \{[^\n]*"n":1,"of":3[^\n]*"n":2,"of":3[^\n]*\}$
EXPECT ^RPUSH m:3 \{[^\n]*"n":0,"of":3[^\n]*\}$
EXPECT ^EXEC$
SEND +OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:2\r\n:1\r\n
--- deliver: /hook 10 p3 p1 p1.1
--- status: 200
--- meta_log: queued=redis

=== EXEC's answer byte by byte
--- location
meta_webhook;
meta_queue m partitions=4;
--- redis: script
EXPECT ^EXEC$|MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND +OK\r
SLEEP 20
SEND \n+QUEUED\r\n+QUEU
SLEEP 20
SEND ED\r\n*2
SLEEP 20
SEND \r\n:
SLEEP 20
SEND 2\r\n
SLEEP 20
SEND :1
SLEEP 20
SEND \r\n
EXPECT ^RPUSH m:1
SEND :3\r\n
--- deliver: /hook 10 p3 p1 p1.1
--- status: 200
--- deliver: /hook 10 p1
--- status: 200

=== what is no ack: too few integers, a nil, a nested array, a string, an integer, an error
--- location
meta_webhook;
meta_queue m partitions=4;
--- redis: script
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND +OK\r\n+QUEUED\r\n+QUEUED\r\n*1\r\n:2\r\n
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND +OK\r\n+QUEUED\r\n+QUEUED\r\n*-1\r\n
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND +OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n*1\r\n:1\r\n
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND +OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n$1\r\n1\r\n
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND +OK\r\n+QUEUED\r\n+QUEUED\r\n:2\r\n
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND +OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n-WRONGTYPE no\r\n
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND +OK\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n:1\r\n:2\r\n:3\r\n
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND +OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n
--- deliver: /hook 10 p3 p1
--- status: 503
--- deliver: /hook 10 p3 p1
--- status: 503
--- deliver: /hook 10 p3 p1
--- status: 503
--- deliver: /hook 10 p3 p1
--- status: 503
--- deliver: /hook 10 p3 p1
--- status: 503
--- deliver: /hook 10 p3 p1
--- status: 503
--- deliver: /hook 10 p3 p1
--- status: 503
--- deliver: /hook 10 p3 p1
--- status: 200

=== refused before EXEC: its word is logged, not EXECABORT
--- location
meta_webhook;
meta_queue m partitions=4;
--- redis: script
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND +OK\r\n+QUEUED\r\n-OOM no\r\n-EXECABORT no\r\n
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND +OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n
--- deliver: /hook 10 p3 p1
--- status: 503
--- log: \[error\] .*refuses RPUSH to m: "OOM"
--- no_log: \] .*EXECABORT
--- deliver: /hook 10 p3 p1
--- status: 200

=== MULTI is answered while the events are still being written
--- location
meta_webhook;
meta_queue m partitions=4;
--- redis: script
EXPECT ^MULTI
SEND +OK\r\n
SLEEP 200
EXPECT ^RPUSH m:1
SEND +QUEUED\r\n
SLEEP 200
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND +QUEUED\r\n*2\r\n:1\r\n:1\r\n
EXPECT ^RPUSH m:1
SEND :2\r\n
--- deliver: /hook 1500000 p3 p1
--- status: 200
--- deliver: /hook 10 p1
--- status: 200

=== an answer too many while the events are being written: that connection ends
--- location
meta_webhook;
meta_queue m partitions=4;
--- redis: script
EXPECT ^MULTI
SEND +OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n
WAIT answered
CLOSE
EXPECT ^RPUSH m:1
SEND :2\r\n
--- deliver: /hook 1500000 p3 p1
--- status: 503
--- redis_do: go answered
--- log: nobody asked for
--- deliver: /hook 10 p1
--- status: 200

=== the connection ends before EXEC is answered: no ack, and nothing is left over
--- location
meta_webhook;
meta_queue m partitions=4;
--- redis: script
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND +OK\r\n-OOM no\r\n*2\r\n
CLOSE
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND +OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n
--- deliver: /hook 10 p3 p1
--- status: 503
--- deliver: /hook 10 p3 p1
--- status: 200

=== slower than the deadline: 503, and the late answers are dropped
--- location
meta_webhook;
meta_redis_timeout $MS500;
meta_queue m partitions=4;
--- redis: script
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND +OK\r\n+QUEUED\r\n
WAIT late
SEND +QUEUED\r\n*2\r\n:1\r\n:1\r\n
EXPECT ^RPUSH m:1
SEND :2\r\n
--- deliver: /hook 10 p3 p1
--- status: 503
--- redis_do: go late
--- deliver: /hook 10 p1
--- status: 200

=== Redis dies and comes back: the number is told again
--- once
--- location
meta_webhook;
meta_queue m partitions=3;
--- partitions: m 3
--- redis_do: restart
--- partitions: m 3
--- until: 200 5

=== a list that is no list: no ack, whoever else has his event
--- location
meta_webhook;
meta_queue m partitions=4;
--- redis_do: SET m:1 x
--- deliver: /hook 10 p3 p1
--- status: 503
--- log: \[error\] .*refuses RPUSH to m: "WRONGTYPE"
--- llen: m:3 1
--- deliver: /hook 10 p3
--- status: 200
--- redis_do: DEL m:1
--- deliver: /hook 10 p3 p1
--- status: 200

=== a full Redis: no ack, none of the lists has anything
--- location
meta_webhook;
meta_queue m partitions=4;
--- redis_do: CONFIG SET maxmemory 1
--- deliver: /hook 10 p3 p1
--- status: 503
--- log: \[error\] .*refuses RPUSH to m: "OOM"
--- redis_do: CONFIG SET maxmemory 0
--- llen: m:1 0
--- llen: m:3 0
--- deliver: /hook 10 p3 p1
--- status: 200
--- spread: m 4

=== max: each list by itself, a delivery waits for the fullest of its own
--- location
meta_webhook;
meta_queue m partitions=4 max=3;
--- deliver: /hook 10 p3 p1 p1 p1
--- status: 200
--- deliver: /hook 10 p1 p3
--- status: 200
--- log: \[error\] .*queue "m:1" is full: length 4, max 3
--- deliver: /hook 10 p1
--- status: 503
--- deliver: /hook 10 p3 p1
--- status: 503
--- deliver: /hook 10 p0 p3
--- status: 200
--- llen: m:1 4
--- llen: m:3 3
--- deliver: /hook 10 p3
--- status: 200
--- log: queue "m:3" is full
--- deliver: /hook 10 p3
--- status: 503
--- deliver: /hook 10 p2
--- status: 200
--- redis_do: LTRIM m:1 0 0
--- log: \[notice\] .*queue "m:1" takes events again
--- deliver: /hook 10 p1
--- status: 200
--- deliver: /hook 10 p3
--- status: 503

=== a computed name: told when it is first used, once, and again to a new Redis
--- location
meta_webhook;
meta_queue m:$arg_t partitions=4;
--- deliver: /hook?t=a 10 p1
--- status: 200
--- partitions: m:a 4
--- deliver: /hook?t=b 10 p1
--- deliver: /hook?t=a 10 p1 p2
--- deliver: /hook?t=a 10 p1
--- status: 200
--- partitions: m:b 4
--- calls: set 2
--- llen: m:a:1 3
--- llen: m:a:2 1
--- redis_do: restart
--- clients: 1
--- deliver: /hook?t=a 10 p1
--- partitions: m:a 4
--- partitions: m:b none

=== computed names without number: they too are one list
--- location
meta_webhook;
meta_queue m:$arg_t;
--- deliver: /hook?t=a 10 p1 p2 p3
--- status: 200
--- llen: m:a 3
--- partitions: m:a 1

=== more computed names than are remembered: their events are taken all the same
--- location
meta_webhook;
meta_queue m:$arg_t partitions=2;
--- log_level: info
--- load_names: 1100
--- calls: set 1024

=== Redis refuses the number: one line, and pushes go on
--- once
--- acl_file: redis.acl
user default on >default-password-01 ~* +@all
user edge on >edge-password-01 ~m:* -@all +rpush +multi +exec
--- redis
aclfile $DIR/redis.acl
--- file: password
edge-password-01
--- workers: 1
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue m partitions=4;
--- deliver: /hook 10 p1 p2
--- status: 200
--- redis_do: CLIENT KILL USER edge
--- until: 200 5
--- log_count: 1 \[warn\] .*refuses SET of m:partitions: "NOPERM"
--- no_log: \[error\] .*refuses

=== the smallest ACL with partitions
--- once
--- acl_file: redis.acl
user default on >default-password-01 ~* +@all
user edge on >edge-password-01 ~m:* -@all +rpush +llen +set +multi +exec
--- redis
aclfile $DIR/redis.acl
--- file: password
edge-password-01
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue m partitions=4;
--- deliver: /hook 10 p1 p2
--- status: 200
--- partitions: m 4
--- no_log: refuses

=== inherited, with its name
--- once
--- http
meta_queue m partitions=4;
--- server
location /single {
    meta_webhook;
    meta_queue single;
}
--- partitions: m 4
--- partitions: single 1
--- deliver: /hook 10 p1 p2
--- status: 200
--- spread: m 4
--- deliver: /single 10 p1 p2
--- llen: single 2

=== the client leaves while the events are written: all of them arrive
--- location
meta_webhook;
meta_queue m partitions=4;
--- redis_do: pause
--- deliver_and_leave: 900000 p3 p1
--- redis_do: cont
--- calls_reach: exec 1
--- spread: m 4

=== Redis away: the spool keeps what is spread, and it comes out list by list
--- once
--- http
meta_spool $DIR/spool;
--- location
meta_webhook;
meta_queue m partitions=4;
--- deliver: /hook 10 p1
--- status: 200
--- redis_do: stop
--- log: is away
--- deliver: /hook 3000 p3 p1 p0 p1
--- status: 200
--- meta_log: queued=spool
--- redis_do: start
--- llen: m:1 2
--- spread: m 4
--- calls: exec 1
--- calls: rpush 3

=== ... an outage in the middle of it too
--- once
--- http
meta_spool $DIR/spool;
--- location
meta_webhook;
meta_queue m partitions=4;
--- redis: script
EXPECT ^MULTI
SEND +OK\r\n
EXPECT ^RPUSH m:1
CLOSE
ACCEPT
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC
SEND +OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n
EXPECT ^RPUSH m:1
SEND :2\r\n
--- deliver: /hook 1500000 p3 p1
--- status: 200
--- meta_log: queued=spool
--- peer: SEND \+OK.*QUEUED
--- deliver: /hook 10 p1
--- status: 200

=== a list over its max: the spool keeps the delivery until there is room
--- once
--- http
meta_spool $DIR/spool;
--- location
meta_webhook;
meta_queue m partitions=4 max=2;
--- deliver: /hook 10 p1 p1 p1
--- status: 200
--- log: queue "m:1" is full: length 3, max 2
--- deliver: /hook 10 p3 p1
--- status: 200
--- meta_log: queued=spool
--- llen: m:1 3
--- redis_do: LTRIM m:1 2 2
--- llen: m:1 2
--- llen: m:3 1
