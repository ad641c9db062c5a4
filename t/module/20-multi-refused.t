# Several lists, and a Redis that refuses MULTI: no transaction, and yet no
# delivery that is pushed again and again.

use strict;
use warnings;

use Test::Meta;
use Test::Meta::Partitions;
use Test::Meta::Status;

run_blocks();

__DATA__

=== MULTI itself refused: each RPUSH ran alone, and says so itself
--- location
meta_webhook;
meta_queue m partitions=4 max=5;
--- server
location /status { meta_status; }
--- redis: script
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND -NOPERM no\r\n:1\r\n:6\r\n-ERR EXEC without MULTI\r\n
EXPECT ^RPUSH m:1
SEND :1\r\n
--- deliver: /hook 10 p3 p1
--- status: 200
--- log: \[error\] .*refuses MULTI for m: "NOPERM"
--- log: queue "m:3" is full: length 6, max 5
--- deliver: /hook 10 p1
--- status: 200
--- counts
events.by_redis = 3
events.unknown = 0

=== one of them refused: 503, not the spool, which would double the other
--- once
--- http
meta_spool $DIR/spool;
--- server
location /status { meta_status; }
--- location
meta_webhook;
meta_queue m partitions=4;
--- redis: script
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND -NOPERM no\r\n:1\r\n-OOM no\r\n-ERR EXEC without MULTI\r\n
EXPECT ^RPUSH m:1
SEND :2\r\n
--- deliver: /hook 10 p3 p1
--- status: 503
--- log: \[error\] .*refuses MULTI for m: "NOPERM"
--- deliver: /hook 10 p1
--- status: 200
--- counts
events.by_redis = 1
events.unknown = 2
events.by_spool = 0

=== all of them refused: nothing is there, so they wait in the spool
--- once
--- http
meta_spool $DIR/spool;
--- server
location /status { meta_status; }
--- location
meta_webhook;
meta_queue m partitions=4;
--- redis: script
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND -NOAUTH no\r\n-NOAUTH no\r\n-NOAUTH no\r\n-NOAUTH no\r\n
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND +OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n
--- deliver: /hook 10 p3 p1
--- status: 200
--- meta_log: queued=spool
--- counts
events.drained = 2
events.unknown = 0

=== one of them refused, from the spool: set aside, not pushed again and again
--- once
--- http
meta_spool $DIR/spool;
--- server
location /status { meta_status; }
--- location
meta_webhook;
meta_queue m partitions=4;
--- redis: script
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND -NOAUTH no\r\n-NOAUTH no\r\n-NOAUTH no\r\n-NOAUTH no\r\n
EXPECT ^MULTI
EXPECT ^RPUSH m:1
EXPECT ^RPUSH m:3
EXPECT ^EXEC$
SEND -NOPERM no\r\n:1\r\n-OOM no\r\n-ERR EXEC without MULTI\r\n
EXPECT ^RPUSH m:1
SEND :2\r\n
--- allow: sets aside what Redis refuses
this is what it does
--- deliver: /hook 10 p3 p1
--- status: 200
--- meta_log: queued=spool
--- log: \[crit\] .*sets aside what Redis refuses for good, events for "m": "OOM"
--- counts
events.set_aside = 2
events.drained = 0
--- deliver: /hook 10 p1
--- status: 200

=== a user without +multi: each delivery stands there once
--- once
--- acl_file: redis.acl
user default on >default-password-01 ~* +@all
user edge on >edge-password-01 ~m:* -@all +rpush +llen +set
--- redis
aclfile $DIR/redis.acl
--- file: password
edge-password-01
--- http
meta_spool $DIR/spool;
--- server
location /status { meta_status; }
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue m partitions=4;
--- deliver: /hook 10 p3 p1 p1
--- status: 200
--- meta_log: queued=redis
--- log: \[error\] .*refuses MULTI for m: "NOPERM"
--- spread: m 4
--- counts
events.by_redis = 3
events.by_spool = 0
events.unknown = 0
