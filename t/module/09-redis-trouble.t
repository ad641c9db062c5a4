# A scripted Redis does what a real one does at its worst: never a false 200.

use strict;
use warnings;

use Test::Meta;

run_blocks();

__DATA__

=== the connection is opened before the first delivery, and asks for nothing
--- redis: script
ACCEPT
WAIT go
EXPECT ^RPUSH meta:events
SEND :1\r\n
--- peer: accepted
--- redis_do: go go
--- post: /hook
@whatsapp
--- status: 200
--- peer_records: meta:events

=== it dies between write and reply: 503, and the next delivery finds a new connection
--- redis: script
EXPECT ^RPUSH
CLOSE
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook
@whatsapp
--- status: 503
--- headers
Retry-After: \d+
--- meta_log: ^503 unavailable object=whatsapp_business_account app=1234567890 events=1 queued=none
--- post: /hook
@whatsapp
--- status: 200
--- peer_records: meta:events
--- log: \[error\] .*meta redis "unix:.*" is away

=== it resets the connection
--- redis: script tcp
EXPECT ^RPUSH
RESET
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook
@whatsapp
--- status: 200

=== it dies when half is written
--- redis: script
HALFREAD 1000
CLOSE
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook
@size 3000000
--- status: 503
--- post: /hook
@size 3000000
--- status: 200
--- peer_records: meta:events

=== it resets when half is written, over TCP
--- redis: script tcp
HALFREAD 100000
RESET
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook
@size 3000000
--- status: 503
--- post: /hook
@size 3000000
--- status: 200
--- peer_records: meta:events

=== what had not been written when it died goes over the next connection
--- redis: script
HALFREAD 1000
WAIT second
CLOSE
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook as=a
@size 3000000
--- peer: at WAIT second
--- post: /hook as=b
@whatsapp
--- wait_requests: 2
--- redis_do: go second
--- recv: a
--- status: 503
--- recv: b
--- status: 200
--- peer_records: meta:events

=== slower than the deadline: 503; the late reply is dropped, the connection kept
--- redis: script
EXPECT ^RPUSH
WAIT late
SEND :1\r\n
EXPECT ^RPUSH
SEND -OOM late replies must not be mixed up\r\n
EXPECT ^RPUSH
SEND :2\r\n
--- location
meta_webhook;
meta_redis_timeout $MS700;
--- clock: start
--- post: /hook
@whatsapp
--- status: 503
--- clock: above 0.69
--- clock: below 2
--- redis_do: go late
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook
@whatsapp
--- status: 200
--- no_log: is away: (?!connection closed|connect\(\) failed)

=== a late good reply does not answer the delivery behind it
--- redis: script
EXPECT ^RPUSH.*first-text
WAIT late
EXPECT ^RPUSH.*second-text
SEND :1\r\n
SEND -OOM command not allowed\r\n
--- location
meta_webhook;
meta_redis_timeout $MS700;
--- post: /hook
{"object":"page","entry":[{"id":"1","messaging":[{"message":{"mid":"m_1","text":"first-text"}}]}]}
--- status: 503
--- redis_do: go late
--- post: /hook
{"object":"page","entry":[{"id":"1","messaging":[{"message":{"mid":"m_2","text":"second-text"}}]}]}
--- status: 503

=== never an answer: 503 at the deadline, the connection closed after twice the time
--- redis: script
EXPECT ^RPUSH
EOF
EXPECT ^RPUSH
SEND :1\r\n
--- location
meta_webhook;
meta_redis_timeout $MS500;
--- clock: start
--- post: /hook
@whatsapp
--- status: 503
--- clock: above 0.49
--- clock: below 2
--- peer: at EXPECT \^RPUSH\n(?:.*\n)*at EXPECT
--- clock: above 0.99
--- clock: below 2.5
--- post: /hook
@whatsapp
--- status: 200

=== every delivery has a deadline of its own
--- redis: script
EXPECT ^RPUSH
EXPECT ^RPUSH
WAIT both
SEND :1\r\n:2\r\n
--- location
meta_webhook;
meta_redis_timeout $MS300;
--- server
location /patient {
    meta_webhook;
    meta_redis_timeout 5s;
}
--- post: /patient as=a
@whatsapp
--- peer: ^got
--- post: /hook
@whatsapp
--- status: 503
--- redis_do: go both
--- recv: a
--- status: 200

=== a body over 256 KB gets time in proportion
--- redis: script
EXPECT ^RPUSH
SLEEP 900
SEND :1\r\n
EXPECT ^RPUSH
WAIT late
SEND :2\r\n
--- location
meta_webhook;
meta_redis_timeout $MS300;
--- post: /hook
@size 3000000
--- status: 200
--- clock: start
--- post: /hook
@size 1000
--- status: 503
--- clock: below 0.8
--- redis_do: go late

=== an error of Redis: LOADING
--- redis: script
EXPECT ^RPUSH
SEND -LOADING Redis is loading the dataset in memory\r\n
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook
@whatsapp
--- status: 503
--- headers
Retry-After: \d+
--- log: \[error\] .*meta redis "unix:.*" refuses RPUSH to meta:events: "LOADING"
--- post: /hook
@whatsapp
--- status: 200

=== an error of Redis: OOM
--- redis: script
EXPECT ^RPUSH
SEND -OOM command not allowed when used memory > 'maxmemory'.\r\n
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook
@whatsapp
--- status: 503
--- log: \[error\] .*"OOM"
--- post: /hook
@whatsapp
--- status: 200

=== an error of Redis: READONLY
--- redis: script
EXPECT ^RPUSH
SEND -READONLY You can't write against a read only replica.\r\n
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook
@whatsapp
--- status: 503
--- log: \[error\] .*"READONLY"
--- post: /hook
@whatsapp
--- status: 200

=== an error of Redis: NOAUTH
--- redis: script
EXPECT ^RPUSH
SEND -NOAUTH Authentication required.\r\n
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook
@whatsapp
--- status: 503
--- log: \[error\] .*"NOAUTH"
--- post: /hook
@whatsapp
--- status: 200

=== an error of Redis: MOVED
--- redis: script
EXPECT ^RPUSH
SEND -MOVED 3999 127.0.0.1:6381\r\n
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook
@whatsapp
--- status: 503
--- log: \[error\] .*"MOVED"
--- post: /hook
@whatsapp
--- status: 200

=== an error of Redis: WRONGTYPE
--- redis: script
EXPECT ^RPUSH
SEND -WRONGTYPE Operation against a key holding the wrong kind of value\r\n
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook
@whatsapp
--- status: 503
--- log: \[error\] .*"WRONGTYPE"
--- post: /hook
@whatsapp
--- status: 200

=== an error of Redis: NOPERM
--- redis: script
EXPECT ^RPUSH
SEND -NOPERM this user has no permissions to run the 'rpush' command\r\n
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook
@whatsapp
--- status: 503
--- log: \[error\] .*"NOPERM"
--- post: /hook
@whatsapp
--- status: 200

=== an outage of many errors writes few lines
--- redis: script
EXPECT ^RPUSH
SEND -LOADING Redis is loading the dataset in memory\r\n
EXPECT ^RPUSH
SEND -LOADING Redis is loading the dataset in memory\r\n
EXPECT ^RPUSH
SEND -LOADING Redis is loading the dataset in memory\r\n
EXPECT ^RPUSH
SEND -LOADING Redis is loading the dataset in memory\r\n
--- post: /hook
@whatsapp
--- post: /hook
@whatsapp
--- post: /hook
@whatsapp
--- post: /hook
@whatsapp
--- status: 503
--- log_count: 1 LOADING

=== a reply of another type is no ack: a status
--- redis: script
EXPECT ^RPUSH
SEND +OK\r\n
EXPECT ^RPUSH
SEND +QUEUED\r\n
EXPECT ^RPUSH
SEND +1\r\n
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook
@whatsapp
--- status: 503

=== a reply of another type is no ack: bulk, nil, arrays
--- redis: script
EXPECT ^RPUSH
SEND $1\r\n1\r\n
EXPECT ^RPUSH
SEND $-1\r\n
EXPECT ^RPUSH
SEND *1\r\n:1\r\n
EXPECT ^RPUSH
SEND *0\r\n
EXPECT ^RPUSH
SEND *-1\r\n
EXPECT ^RPUSH
SEND *2\r\n*1\r\n:1\r\n-ERR x\r\n
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook
@whatsapp
--- status: 200

=== what is not Redis' protocol ends the connection
--- redis: script
EXPECT ^RPUSH
SEND HTTP/1.1 400 Bad Request\r\n\r\n
EOF
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook
@whatsapp
--- status: 503
--- log: \[error\] .*is away
--- post: /hook
@whatsapp
--- status: 200

=== an integer that is none
--- redis: script
EXPECT ^RPUSH
SEND :one\r\n
EOF
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook
@whatsapp
--- status: 200

=== arrays nested without end
--- redis: script
EXPECT ^RPUSH
FLOOD 1000 *1\r\n
EOF
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook
@whatsapp
--- status: 200

=== an answer without end is cut off
--- redis: script
EXPECT ^RPUSH
SEND $500000000\r\n
FLOOD 300000 0123456789abcdef
EOF
EXPECT ^RPUSH
SEND -
FLOOD 300000 0123456789abcdef
EOF
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook
@whatsapp
--- status: 503
--- until: 200 2

=== an answer that nobody asked for acks nothing
--- redis: script
EXPECT ^CONFIG
SEND *0\r\n:7\r\n
EOF
EXPECT ^RPUSH
SEND -OOM no\r\n
EXPECT ^RPUSH
SEND :1\r\n:2\r\n
EOF
EXPECT ^RPUSH
SEND -OOM no\r\n
--- peer: at EXPECT \^RPUSH
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook
@whatsapp
--- status: 200
--- post: /hook
@whatsapp
--- status: 503

=== an error that nobody asked for, as when Redis has too many clients
--- redis: script
ACCEPT
SEND -ERR max number of clients reached\r\n
CLOSE
ACCEPT
SEND -ERR max number of clients reached\r\n
CLOSE
EXPECT ^RPUSH
SEND :1\r\n
--- peer: at EXPECT
--- until: 200 5

=== a status and a bulk that nobody asked for
--- redis: script
EXPECT ^CONFIG
SEND *0\r\n+OK\r\n
EOF
EXPECT ^CONFIG
SEND *0\r\n$5\r\nhello\r\n
EOF
EXPECT ^RPUSH
SEND :1\r\n
--- peer: at EXPECT \^RPUSH
--- until: 200 5

=== an answer byte by byte
--- redis: script
EXPECT ^RPUSH
SEND :
SLEEP 20
SEND 1
SLEEP 20
SEND 2\r
SLEEP 20
SEND \n
EXPECT ^RPUSH
SEND :13\r\n
--- post: /hook
@whatsapp
--- status: 200
--- post: /hook
@whatsapp
--- status: 200

=== many in flight, each gets its own reply
--- redis: script
EXPECT ^RPUSH.*text-number-1
EXPECT ^RPUSH.*text-number-2
EXPECT ^RPUSH.*text-number-3
EXPECT ^RPUSH.*text-number-4
EXPECT ^RPUSH.*text-number-5
WAIT all
SEND :1\r\n-OOM no\r\n:2\r\n+OK\r\n
SEND :3\r\n
--- post: /hook as=a
{"object":"page","entry":[{"id":"1","messaging":[{"message":{"mid":"m_1","text":"text-number-1"}}]}]}
--- peer: at EXPECT .*-2
--- post: /hook as=b
{"object":"page","entry":[{"id":"1","messaging":[{"message":{"mid":"m_1","text":"text-number-2"}}]}]}
--- peer: at EXPECT .*-3
--- post: /hook as=c
{"object":"page","entry":[{"id":"1","messaging":[{"message":{"mid":"m_1","text":"text-number-3"}}]}]}
--- peer: at EXPECT .*-4
--- post: /hook as=d
{"object":"page","entry":[{"id":"1","messaging":[{"message":{"mid":"m_1","text":"text-number-4"}}]}]}
--- peer: at EXPECT .*-5
--- post: /hook as=e
{"object":"page","entry":[{"id":"1","messaging":[{"message":{"mid":"m_1","text":"text-number-5"}}]}]}
--- peer: at WAIT all
--- redis_do: go all
--- recv: e
--- status: 200
--- recv: a
--- status: 200
--- recv: b
--- status: 503
--- recv: c
--- status: 200
--- recv: d
--- status: 503

=== all in flight are told when it dies
--- redis: script
EXPECT ^RPUSH
EXPECT ^RPUSH
EXPECT ^RPUSH
SEND :1\r\n
CLOSE
EXPECT ^RPUSH
SEND :4\r\n
--- post: /hook as=a
@whatsapp
--- peer: ^got
--- post: /hook as=b
@whatsapp
--- peer: ^got(?:.*\n)*got
--- post: /hook as=c
@whatsapp
--- recv: a
--- status: 200
--- recv: b
--- status: 503
--- recv: c
--- status: 503
--- post: /hook
@whatsapp
--- status: 200

=== AUTH, then SELECT, then the events that waited for them
--- file: password
redis-password-01
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password db=2;
--- redis: script
EXPECT ^AUTH edge redis-password-01$
WAIT asked
SEND +OK\r\n
EXPECT ^SELECT 2$
SEND +OK\r\n
EXPECT ^RPUSH
SEND :1\r\n
--- peer: at WAIT asked
--- post: /hook as=a
@whatsapp 3
--- wait_requests: 1
--- redis_do: go asked
--- recv: a
--- status: 200
--- peer_records: meta:events

=== AUTH is refused: no event leaves, 503, a line without the password
--- file: password
redis-password-01
--- location
meta_webhook;
meta_redis $REDIS password_file=$DIR/password;
meta_redis_timeout $MS300;
--- redis: script
EXPECT ^AUTH redis-password-01$
SEND -WRONGPASS invalid username-password pair: redis-password-01\r\n
EOF
EXPECT ^AUTH redis-password-01$
SEND +OK\r\n
EXPECT ^RPUSH
SEND :1\r\n
--- peer: at EOF
--- log: \[error\] .*WRONGPASS
--- until: 200 3

=== SELECT is refused: no event into another database
--- location
meta_webhook;
meta_redis $REDIS db=99;
--- redis: script
EXPECT ^SELECT 99$
SEND -ERR DB index is out of range\r\n
EOF
EXPECT ^SELECT 99$
SEND +OK\r\n
EXPECT ^RPUSH
SEND :1\r\n
--- log: \[error\] .*SELECT
--- until: 200 3

=== AUTH is never answered: the connect timeout counts
--- file: password
redis-password-01
--- location
meta_webhook;
meta_redis $REDIS password_file=$DIR/password;
meta_redis_connect_timeout $MS300;
--- redis: script
EXPECT ^AUTH
EOF
EXPECT ^AUTH
SEND +OK\r\n
EXPECT ^RPUSH
SEND :1\r\n
--- clock: start
--- post: /hook
@whatsapp
--- status: 503
--- clock: below 1.5
--- until: 200 3

=== it comes back and dies again: not dialled in a tight loop
--- location
meta_webhook;
meta_redis_timeout $MS300;
--- redis: script
ACCEPT
CLOSE
ACCEPT
CLOSE
ACCEPT
CLOSE
ACCEPT
CLOSE
ACCEPT
CLOSE
EXPECT ^RPUSH
SEND :1\r\n
--- clock: start
--- until: 200 8
--- clock: above 0.5
