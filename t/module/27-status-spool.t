# meta_status where deliveries wait on disk, and where a queue has partitions.

use strict;
use warnings;

use Test::More;

use Test::Meta;
use Test::Meta::Spool;
use Test::Meta::Status;
use Test::Meta::Util qw(wait_for);

verb kill_worker => sub {
    my ($t) = @_;
    my ($old) = $t->{nginx}->workers;
    kill 'KILL', $old;
    ok &wait_for(sub { my ($new) = $t->{nginx}->workers; $new && $new != $old }),
        'another worker has been started';
};

# N files
verb throw_away_aside => sub {
    my ($t, $want) = @_;
    is unlink(glob "$t->{dir}/spool/*.aside"), $want, "$want thrown away";
};

run_blocks();

__DATA__

=== Redis away: events are on disk, and then they are not
--- once
--- redis: down
--- http
meta_spool $DIR/spool;
--- server
location /status { meta_status; }
--- post: /hook
@whatsapp 3
--- status: 200
--- post: /hook
@page
--- status: 200
--- counts
events.by_redis = 0
events.by_spool = 4
events.spooled = 4
deliveries.acks.spool = 2
deliveries.acks.redis = 0
spool.files = 1
redis.0.ready = 0
verdict page ok = 1
object whatsapp_business_account events = 3
--- summary: \Awarn: Redis is away: 4 events are on disk
--- adds_up
--- redis_do: start
--- counts: 20
events.drained = 4
events.spooled = 0
events.by_spool = 4
spool.age_ms =
--- adds_up
--- load: 3
--- llen: meta:events 7
--- adds_up

=== a killed worker's files: counted once, whoever drains them
--- once
--- allow: exited on signal 9
that is what this block does
--- redis: down
--- http
meta_spool $DIR/spool;
--- server
location /status { meta_status; }
--- post: /hook
@whatsapp 5
--- status: 200
--- counts
events.spooled = 5
--- kill_worker
--- counts
events.by_spool = 5
events.spooled = 5
--- reload
--- redis_do: start
--- counts: 30
events.by_spool = 5
events.adopted = 0
events.drained = 5
events.spooled = 0
--- llen: meta:events 5
--- adds_up

=== acked by the disk, and as soon as it is verified
--- http
meta_spool $DIR/spool;
--- server
location /status { meta_status; }
location /disk {
    meta_webhook;
    meta_ack disk;
}
location /quick {
    meta_webhook;
    meta_ack verified;
}
--- post: /hook
@page
--- post: /quick
@page 3
--- status: 200
--- counts
events.by_redis = 4
--- post: /disk
@page 2
--- status: 200
--- counts: 20
deliveries.acks.redis = 1
deliveries.acks.spool = 1
deliveries.acks.verified = 1
deliveries.acks.none = 0
events.by_redis = 4
events.by_spool = 2
events.drained = 2
events.spooled = 0
--- llen: meta:events 6
--- adds_up

=== partitions: each list by itself
--- location
meta_webhook;
meta_queue meta:shop partitions=3;
--- server
location /status { meta_status; }
--- counts
lists = 3
list meta:shop:0 length = 0
list meta:shop:2 length = 0
--- post: /hook
@page 4
--- post: /hook
@whatsapp 4
--- redis_do
RPUSH meta:shop:0 x
RPUSH meta:shop:1 x
RPUSH meta:shop:2 x
--- counts: 20
events.by_redis = 8
list meta:shop:0 length = 1
list meta:shop:1 length = 9
list meta:shop:2 length = 1

=== the wrong client
--- server
location /status { meta_status; }
--- location
meta_webhook;
meta_client_cn client.webhooks.fbclientcerts.com;
--- post: /hook
@page
--- status: 403
--- counts
verdict none bad_client = 1
deliveries.acks.none = 1
deliveries.unavailable = 0

=== what is set aside is said as long as it is there
--- once
--- allow: sets aside what Redis refuses for good
that is what this block does
--- http
meta_spool $DIR/spool;
--- server
location /status { meta_status; }
--- redis_do: SET meta:events x
--- redis_do: CONFIG SET maxmemory 1
--- post: /hook
@whatsapp 3
--- status: 200
--- redis_do: CONFIG SET maxmemory 0
--- counts: 20
spool.on = 1
events.set_aside = 3
--- summary: ^warn: [\d,]+ bytes of events are set aside on disk: Redis refused them, or
--- redis_do: DEL meta:events
--- throw_away_aside: 1
--- counts: 20
spool.aside_bytes = 0
events.set_aside = 3
--- summary: \A(?!(?s:.*)set aside)
--- adds_up

=== Redis refuses every push: the spool has them, and that is said
--- http
meta_spool $DIR/spool max=16m;
--- server
location /status { meta_status; }
--- redis_do: CONFIG SET maxmemory 1
--- post: /hook
@whatsapp 3
--- status: 200
--- counts
redis.0.refuses = OOM
redis.0.connected = 1
events.spooled = 3
spool.max = 16777216
--- summary: \Awarn: Redis refuses events \(OOM\): 3 events are on disk
--- get: /status?format=prometheus
--- answer_like: (?s)\nmeta_spool_max_bytes 16777216\n.*\nmeta_redis_refuses\{redis="[^"]*"\} 1\n
--- redis_do: CONFIG SET maxmemory 0
--- counts: 20
events.drained = 3
redis.0.refuses =
--- summary: \A(?!(?s:.*)refuses)
--- adds_up

=== Redis is away, with nothing on disk: no worse than with something
--- once
--- redis: down
--- http
meta_spool $DIR/spool;
--- server
location /status { meta_status; }
--- summary: \Awarn: Redis is away
--- post: /hook
@page
--- status: 200
--- summary: \Awarn: Redis is away: 1 event is on disk

=== the spool is full too: deliveries are answered 503, and why
--- once
--- allow: takes nothing, deliveries are answered 503: its max is reached
that is what this block does
--- redis: down
--- http
meta_spool $DIR/spool max=64k;
--- server
location /status { meta_status; }
--- deliver: 200 status=any
--- status: 503
--- summary: \Abad: Deliveries were answered 503, .* the spool is full or its disk fails; Meta sends them again
--- summary: ^bad: Redis is away: \d+ events are on disk
--- summary: ^bad: More than half of the spool's max is taken: [\d,]+ bytes

=== what is set aside is said after a restart too
--- once
--- allow: sets aside what Redis refuses for good
that is what this block does
--- http
meta_spool $DIR/spool;
--- server
location /status { meta_status; }
--- redis_do: SET meta:events x
--- redis_do: CONFIG SET maxmemory 1
--- post: /hook
@whatsapp 3
--- status: 200
--- redis_do: CONFIG SET maxmemory 0
--- counts: 20
events.set_aside = 3
--- summary: ^warn: Redis refuses events \(WRONGTYPE\)$
--- nginx: quit
--- nginx: start
--- counts
events.set_aside = 0
--- summary: ^warn: [\d,]+ bytes of events are set aside on disk: Redis refused them, or

=== without meta_spool there is none
--- server
location /status { meta_status; }
--- counts
spool.on = 0
spool.max = 0
