# While Redis cannot take deliveries they go to the spool, and from there to
# Redis: each way in which it cannot, really produced.

use strict;
use warnings;

use Test::More;

use Test::Meta;
use Test::Meta::Spool;

run_blocks();

__DATA__

=== with a spool and a healthy Redis nothing goes to the spool
--- spool
--- deliver: 3
--- queued: redis 3
--- files: 0
--- arrived: meta:events
--- sh: test "$(stat -c %a spool)" = 700

=== Redis stopped: past the timeout into the spool, and to Redis at last
--- spool
--- deliver: 1
--- redis_do: pause
--- deliver: 3
--- queued: spool 3
--- meta_log: ^200 ok .* queued=spool time=(?:0\.[5-9]|[1-9])
--- files: 1
--- sh: test "$(stat -c %a spool/*.spool)" = 600
--- redis_do: cont
--- arrived: meta:events dups=3
--- files: 0
--- deliver: 1
--- meta_log: queued=redis .*\n(?:.*queued=spool .*\n)+.*queued=redis
--- log: \[error\] .*meta redis ".*" took longer than

=== Redis killed, and started anew
--- spool
--- deliver: 1
--- redis_do: stop
--- deliver: 5
--- queued: spool 5
--- redis_do: start
--- arrived: meta:events but=1
--- files: 0

=== Redis down before nginx starts
--- redis: down
--- spool
--- deliver: 5
--- redis_do: start
--- arrived: meta:events
--- files: 0

=== no memory left in Redis: OOM
--- spool
--- redis_do: CONFIG SET maxmemory 1
--- deliver: 3
--- queued: spool 3
--- log: refuses RPUSH to "?meta:events.*"OOM"
--- redis_do: CONFIG SET maxmemory 0
--- arrived: meta:events
--- files: 0

=== Redis becomes a replica of a living one: READONLY
--- redis2: tcp
--- spool
--- redis_do: REPLICAOF 127.0.0.1 $REDIS2_PORT
--- deliver: 3
--- queued: spool 3
--- log: refuses RPUSH to "?meta:events.*"READONLY"
--- redis_do: REPLICAOF NO ONE
--- arrived: meta:events
--- files: 0

=== a late reply: the event stands there at least once
--- redis: script
EXPECT ^RPUSH meta:events
SLEEP 900
SEND :1\r\n
EXPECT ^RPUSH meta:events
SEND :2\r\n
--- spool
--- deliver: 1
--- queued: spool 1
--- peer: ^got RPUSH.*(?:\n.*)+^got RPUSH
--- files: 0

=== LOADING: Redis is asked again
--- redis: script
EXPECT ^RPUSH meta:events
SEND -LOADING Redis is loading the dataset in memory\r\n
EXPECT ^RPUSH meta:events
SEND -LOADING Redis is loading the dataset in memory\r\n
EXPECT ^RPUSH meta:events
SEND :1\r\n
--- spool
--- deliver: 1
--- queued: spool 1
--- peer: ^end
--- files: 0

=== a list over its max goes to the spool, another list does not
--- spool
--- location
meta_webhook;
meta_queue meta:events max=3;
--- server
location /other {
    meta_webhook;
    meta_queue meta:other max=3;
}
--- deliver: 4
--- deliver: 3
--- deliver: 2 uri=/other list=meta:other
--- queued: spool 3
--- queued: redis 6
--- llen: meta:events 4
--- arrived: meta:other
--- redis_do: DEL meta:events
--- arrived: meta:events but=4
--- files: 0

=== the key is no list: 503, no spool can help; other lists go on
--- spool
--- server
location /other {
    meta_webhook;
    meta_queue meta:other;
}
--- redis_do: SET meta:events x
--- deliver: 2 status=503
--- headers
Retry-After: \d+
--- queued: none 2
--- files: 0
--- deliver: 2 uri=/other list=meta:other
--- arrived: meta:other

=== the key is no list when the backlog comes: set aside, others go on
--- once
--- allow: sets aside what Redis refuses for good
that is what the block is about
--- server
location /other {
    meta_webhook;
    meta_queue meta:other;
}
--- spool
--- redis_do: SET meta:events x
--- redis_do: CONFIG SET maxmemory 1
--- deliver: 3
--- deliver: 3 uri=/other list=meta:other
--- files: 2
--- redis_do: CONFIG SET maxmemory 0
--- files: 1 aside
--- arrived: meta:other
--- files: 0
--- log: \[crit\] .*meta spool ".*" sets aside .*, events for "meta:events": "WRONGTYPE"
--- sh: test "$(stat -c %a spool/*.aside)" = 600
--- account: set_aside=3 drained=3

=== what was set aside is put back by its name
--- allow: sets aside what Redis refuses for good
that is what the block is about
--- spool
--- redis_do: SET meta:events x
--- redis_do: CONFIG SET maxmemory 1
--- deliver: 3
--- redis_do: CONFIG SET maxmemory 0
--- files: 1 aside
--- files: 0
--- redis_do: DEL meta:events
--- sh: for f in spool/*.aside; do mv $f ${f%.aside}.spool; done
--- reload
--- arrived: meta:events
--- files: 0
