# A large body is judged and pushed in slices, a slice in each turn of the
# event loop: what comes out is what one piece would have given, and others
# are served in between.

use strict;
use warnings;

use Test::Meta;
use Test::Meta::Status;

run_blocks();

__DATA__

=== just above and just below what is done in slices
--- post: /hook
@size 262144
--- status: 200
--- post: /hook
@size 262145
--- status: 200
--- llen: meta:events 2
--- redis_do: FLUSHALL
--- post: /hook
@size 262145
--- status: 200
--- records: meta:events

=== with sixteen secrets each byte is hashed so often: from 16 KB on, in slices of 4
--- secret
1001 secret-number-01
1002 secret-number-02
1003 secret-number-03
1004 secret-number-04
1005 secret-number-05
1006 secret-number-06
1007 secret-number-07
1008 secret-number-08
1009 secret-number-09
1010 secret-number-10
1011 secret-number-11
1012 secret-number-12
1013 secret-number-13
1014 secret-number-14
1015 secret-number-15
1016 secret-number-16
--- log_level: debug
--- post: /hook sign=key:secret-number-16
@size 16384
--- status: 200
--- no_log: meta slice
--- post: /hook sign=key:secret-number-16
@size 16385
--- status: 200
--- meta_log: app=1016
--- log: meta slice: 4096 of 16385
--- log: meta slice: 16385 of 16385
--- post: /hook sign=key:secret-number-17
@size 100000
--- status: 401
--- llen: meta:events 2

=== thousands of events: in memory, in a temp file, chunked, over HTTP/2
--- location
meta_webhook;
client_body_buffer_size 4m;
--- server
location /file {
    meta_webhook;
    client_body_buffer_size 16k;
}
--- post: /hook
@whatsapp 4000
--- status: 200
--- records: meta:events
--- redis_do: FLUSHALL
--- post: /file
@whatsapp 4000
--- status: 200
--- records: meta:events
--- redis_do: FLUSHALL
--- post: /hook chunked=5000
@whatsapp 4000
--- status: 200
--- records: meta:events
--- redis_do: FLUSHALL
--- post: /file h2
@whatsapp 4000
--- status: 200
--- records: meta:events

=== one event of 3 MB whose id is a hash
--- post: /hook
@size 3000000
--- status: 200
--- records: meta:events
--- meta_log: ^200 ok

=== several partitions
--- location
meta_webhook;
meta_queue m partitions=4;
--- post: /hook
@whatsapp 2000
--- status: 200
--- meta_log: ^200 ok

=== a wrong signature
--- post: /hook sign=raw:sha256=0000000000000000000000000000000000000000000000000000000000000000
@size 1000000
--- status: 401
--- meta_log: ^401 bad_signature
--- llen: meta:events 0

=== not JSON
--- post: /hook pad=1
@size 1000000
x
--- status: 400
--- meta_log: ^400 malformed
--- llen: meta:events 0

=== Redis is away
--- redis: down
--- post: /hook
@size 1000000
--- status: 503
--- meta_log: ^503 unavailable

=== several at once, and small ones between them
--- post: /hook as=a
@size 3000000
--- post: /hook as=b
@size 3000000
--- post: /hook as=c
@whatsapp 2000
--- post: /hook
@whatsapp 1
--- status: 200
--- recv: a
--- status: 200
--- recv: b
--- status: 200
--- recv: c
--- status: 200
--- llen: meta:events 2003

=== the client leaves: its memory goes, the others are served
--- post: /hook as=a
@size 4000000
--- post: /hook as=b
@size 4000000
--- reset: a
--- reset: b
--- post: /hook
@whatsapp 1
--- status: 200

=== a reload meanwhile
--- post: /hook as=a
@size 3000000
--- post: /hook as=b
@whatsapp 3000
--- reload
--- recv: a
--- status: 200
--- recv: b
--- status: 200
--- llen: meta:events 3001

=== a quit meanwhile: all of them are answered, then the worker goes
--- once
--- post: /hook as=a
@size 3900000
--- post: /hook as=b
@size 3900000
--- post: /hook as=c
@size 3900000
--- signal: QUIT
--- log: gracefully shutting down
--- recv: a
--- status: 200
--- recv: b
--- status: 200
--- recv: c
--- status: 200
--- llen: meta:events 3

=== a body in slices is counted whole, also one that is refused
--- server
location /status { meta_status; }
--- post: /hook
@size 300000
--- post: /hook sign=bad
@size 400000
--- counts
deliveries.bytes = 700000
