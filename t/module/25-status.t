# meta_status: what is counted, by whom, for how long, and in which formats.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Test::Meta;
use Test::Meta::Status;
use Test::Meta::Util qw(slurp spew wait_for);

my ($PROMTOOL) = grep { -x } map { "$_/promtool" } split(/:/, $ENV{PATH} // ''), '/usr/bin';

# N M: N deliveries of M entries each, all of different accounts
verb accounts => sub {
    my ($t, $arg) = @_;
    my ($n, $m) = split ' ', $arg;
    my ($id, %status) = 100_000_000_000_000;
    for (1 .. $n) {
        my @entries = map { '{"id":"' . $id++ . '"}' } 1 .. $m;
        $t->run(post => '/hook', '{"object":"page","entry":[' . join(',', @entries) . "]}\n");
        $status{$t->{last}{status}}++;
    }
    is_deeply \%status, {200 => $n}, "$n deliveries";
};

verb bounded => sub {
    my ($t, $max) = @_;
    my $n = @{Test::Meta::Status::json($t)->{accounts}};
    ok $n > $max / 2 && $n <= $max, "$n accounts, at most $max";
};

verb promtool => sub {
    my ($t) = @_;
    my $text = Test::Meta::Status::get($t, '?format=prometheus')->{body};
    my %seen;
    is_deeply [grep { $seen{$_}++ } $text =~ /^(# (?:HELP|TYPE) \S+)/mg], [], 'HELP and TYPE once';
    is_deeply [grep { !/^#/ && $seen{s/ \S+$//r}++ } split /\n/, $text], [], 'each series once';
    SKIP: {
        skip 'no promtool (scripts/setup browser)', 2 unless $PROMTOOL;
        my $file = spew("$t->{dir}/metrics", $text);
        my $said = qx{"$PROMTOOL" check metrics <"$file" 2>&1};
        is $?, 0, 'promtool is content';
        is $said, '', 'and has nothing to say';
    }
};

verb kill_worker => sub {
    my ($t) = @_;
    my ($old) = $t->{nginx}->workers;
    kill 'KILL', $old;
    ok &wait_for(sub { my ($new) = $t->{nginx}->workers; $new && $new != $old }),
        'another worker has been started';
};

# N: so many deliveries, over the workers as the kernel likes it
verb spread => sub {
    my ($t, $n) = @_;
    $t->run(post => '/hook', "\@page 2\n") for 1 .. $n;
};

verb fewer_workers => sub {
    my ($t, $n) = @_;
    my $conf = slurp("$t->{dir}/nginx.conf") =~ s/^worker_processes \d+;/worker_processes $n;/mr;
    spew("$t->{dir}/nginx.conf", $conf);
    $t->{nginx}{workers} = $n;
    $t->run('reload');
};

run_blocks();

__DATA__

=== each verdict once, by the object where that is known
--- location
meta_webhook;
client_max_body_size 2k;
--- server
location /status { meta_status; }
location ~ ^/bad/(?<list>.*)$ {
    meta_webhook;
    meta_queue $list;
}
--- post: /hook
@whatsapp 2
--- post: /hook
@page 3
--- get: /hook?hub.mode=subscribe&hub.verify_token=$TOKEN&hub.challenge=42
--- get: /hook?hub.mode=subscribe&hub.verify_token=nope-nope&hub.challenge=42
--- get: /hook
--- request: PUT /hook
--- post: /hook sign=none
@page
--- post: /hook sign=bad
@page
--- post: /hook
[1]
--- post: /hook
@size 4000
--- post: /bad/+
@page
--- counts
verdict whatsapp_business_account ok = 1
verdict page ok = 1
verdict none challenge = 1
verdict none bad_token = 2
verdict none bad_method = 1
verdict none no_signature = 1
verdict none bad_signature = 1
verdict none malformed = 1
verdict none too_large = 1
verdict page bad_queue = 1
deliveries.total = 11
deliveries.unavailable = 1
deliveries.acks.redis = 2
deliveries.acks.none = 5
events.by_redis = 5
object page events = 3
object whatsapp_business_account events = 2
account page 118734502290164 = 1
account whatsapp_business_account 102290129340398 = 1
latency.count = 2
--- adds_up

=== Meta's nine objects, and others together
--- server
location /status { meta_status; }
--- post: /hook
{"object":"ad_account","entry":[{"id":"1"}]}
--- post: /hook
{"object":"application","entry":[{"id":"2"}]}
--- post: /hook
{"object":"catalog","entry":[{"id":3}]}
--- post: /hook
{"object":"instagram","entry":[{"id":"4"}]}
--- post: /hook
{"object":"managed_meta_account","entry":[{"id":"5"}]}
--- post: /hook
{"object":"permissions","entry":[{"id":"6"}]}
--- post: /hook
{"object":"user","entry":[{"id":7}]}
--- post: /hook
{"object":"pages","entry":[{"id":"8"}]}
--- post: /hook
{"object":"\u0070age","entry":[{"id":"9"}]}
--- post: /hook
{"object":17}
--- counts
object ad_account deliveries = 1
object application deliveries = 1
object catalog deliveries = 1
object instagram deliveries = 1
object managed_meta_account deliveries = 1
object permissions deliveries = 1
object user deliveries = 1
object page deliveries = 0
object other deliveries = 3
object other events = 3
account catalog 3 = 1
account other 8 = 1
accounts = 6
--- adds_up

=== people are no accounts: their ids are shown nowhere
--- server
location /status { meta_status; }
--- post: /hook
{"object":"user","entry":[{"id":"70110220330"},{"id":70110220331}]}
--- post: /hook
{"object":"permissions","entry":[{"id":"70110220332"}]}
--- post: /hook
{"object":"managed_meta_account","entry":[{"id":"70110220333"}]}
--- counts
object user events = 2
object permissions events = 1
object managed_meta_account events = 1
accounts = 0
--- get: /status?format=json
--- answer_like: (?s)\A(?!.*7011022033).*"accounts":\[
--- get: /status?format=prometheus
--- answer_like: (?s)\A(?!.*7011022033).*\nmeta_start_time_seconds

=== no secret in force
--- bare
--- location
meta_webhook;
meta_redis $REDIS;
--- server
location /status { meta_status; }
--- post: /hook
@page
--- counts
verdict none no_secret = 1
deliveries.unavailable = 1
--- summary: ^bad: Deliveries were answered 503, the last at \d\d:\d\d:\d\d UTC: no app secret is in force

=== the client goes away: counted once, and its events too when Redis has them
--- server
location /status { meta_status; }
--- redis_do: pause
--- post: /hook as=a
@whatsapp 2
--- wait_requests: 1
--- counts
events.unanswered = 2
--- close: a
--- counts
verdict whatsapp_business_account unjudged = 1
--- redis_do: cont
--- counts
events.by_redis = 2
events.unanswered = 0
events.unknown = 0
deliveries.acks.redis = 0
--- adds_up

=== Redis does not answer in time: 503, and how many events nobody knows about
--- location
meta_webhook;
meta_redis_timeout $MS200;
--- server
location /status { meta_status; }
--- redis_do: pause
--- post: /hook
@whatsapp 3
--- status: 503
--- counts
verdict whatsapp_business_account unavailable = 1
events.unknown = 3
--- redis_do: cont

=== counters survive reloads, on several workers
--- workers: 3
--- server
location /status { meta_status; }
--- spread: 20
--- reload
--- spread: 10
--- reload
--- counts
object page deliveries = 30
object page events = 60
events.by_redis = 60
--- running: 3
--- counts
redis.0.workers = 3
redis.0.ready = 3
workers = 3
--- adds_up

=== a worker is killed: its counts stay, what it was owed is unknown
--- once
--- allow: exited on signal 9
that is what this block does
--- server
location /status { meta_status; }
--- load: 3
--- redis_do: pause
--- post: /hook as=a
@whatsapp 4
--- wait_requests: 4
--- counts
events.unanswered = 4
--- kill_worker
--- redis_do: cont
--- counts
events.by_redis = 3
events.unanswered = 0
events.unknown = 4
object whatsapp_business_account deliveries = 3
--- load: 2
--- counts
events.by_redis = 5
events.unknown = 4
workers = 1
--- adds_up

=== 64 workers, and then 2: the counters of those that are gone stay
--- once
--- workers: 64
--- server
location /status { meta_status; }
--- spread: 40
--- counts: 20
redis.0.ready = 64
workers = 64
object page events = 80
--- fewer_workers: 2
--- counts: 20
redis.0.ready = 2
workers = 2
object page events = 80
--- spread: 5
--- counts
object page events = 90
--- adds_up

=== what an ack is worth: always
--- redis
appendonly yes
appendfsync always
--- server
location /status { meta_status; }
--- counts
redis.0.worth = always
redis.0.evicts = 0
--- log: \[notice\] .*an ack is worth always
--- summary: \Awell: All is well, and nothing has come yet\z

=== everysec, said once by three workers; then its configuration changes
--- once
--- workers: 3
--- redis
appendonly yes
appendfsync everysec
--- server
location /status { meta_status; }
--- counts
redis.0.worth = everysec
redis.0.ready = 3
--- log_count: 1 an ack is worth
--- summary: ^note: Redis loses about a second
--- redis_do
CONFIG SET appendfsync no
CLIENT KILL TYPE normal SKIPME yes
--- counts
redis.0.worth = none
redis.0.reconnects = 3
--- log_count: 2 an ack is worth
--- summary: \Awarn: Redis loses its latest events .*appendfsync no

=== none, and an eviction policy that may drop the queue
--- redis
maxmemory 100mb
maxmemory-policy allkeys-lru
--- server
location /status { meta_status; }
--- counts
redis.0.worth = none
redis.0.evicts = 1
--- log
\[warn\] .*an ack is worth none
\[warn\] .*may evict the queue
--- summary: \Awarn: Redis may evict the queue
--- summary: ^warn: Redis loses what it has at a restart \(appendonly no\)

=== a policy that cannot touch a list
--- redis
maxmemory 100mb
maxmemory-policy volatile-lru
--- server
location /status { meta_status; }
--- counts
redis.0.worth = none
redis.0.evicts = 0
--- no_log: may evict

=== Redis refuses to tell: unknown, and no delivery is the worse for it
--- redis
user default on nopass ~* &* +@all -config -info -time -hget
--- server
location /status { meta_status; }
--- load: 3
--- counts
redis.0.worth = unknown
redis.0.ready = 1
redis.0.failures = 0
list meta:events holder = unknown
list meta:events length = 3
events.by_redis = 3
--- log: an ack is worth unknown
--- no_log: \[error\]

=== Redis away, and back
--- once
--- redis: down
--- server
location /status { meta_status; }
--- post: /hook
@page
--- status: 503
--- counts
redis.0.ready = 0
redis.0.worth = unknown
verdict page unavailable = 1
--- summary: ^bad: Redis is away
--- summary: ^bad: Deliveries were answered 503, .* Redis did not take them, and no spool did; Meta
--- redis_do: start
--- until: 200 5
--- counts
redis.0.ready = 1
redis.0.connected = 1
redis.0.worth = none

=== Redis goes away: what its ack was worth stays known
--- once
--- redis
appendonly yes
appendfsync always
--- server
location /status { meta_status; }
--- counts
redis.0.worth = always
redis.0.connected = 1
--- redis_do: stop
--- counts
redis.0.connected = 0
redis.0.worth = always
redis.0.evicts = 0
--- reload
--- counts
redis.0.connected = 0
redis.0.worth = always
--- summary: ^bad: Redis is away

=== while Redis reads its file again it says that it has none: that is not believed
--- once
--- redis
appendonly yes
appendfsync always
key-load-delay 500
--- server
location /status { meta_status; }
--- redis_do: EVAL for--[[]]i=1,4000--[[]]do--[[]]redis.call('SET','k'..i,i)--[[]]end 0
--- counts
redis.0.worth = always
--- redis_do: restart
--- until: 200 20
--- counts
redis.0.ready = 1
redis.0.worth = always
--- log: refuses SET of .*: "LOADING"
--- log_count: 1 an ack is worth

=== every delivery has a bad signature: the secret was reset
--- server
location /status { meta_status; }
--- post: /hook sign=bad
@page
--- status: 401
--- summary: \Abad: Every delivery of the last minute has a bad signature: was the app secret reset\?
--- post: /hook
@page
--- status: 200
--- summary: \A(?!(?s:.*)bad signature)

=== one that is signed, but no JSON, is a good signature
--- server
location /status { meta_status; }
--- post: /hook
[1]
--- post: /hook sign=bad
@page
--- counts
verdict none bad_signature = 1
--- summary: \A(?!(?s:.*)bad signature)

=== Redis refuses what is pushed, and no spool has it
--- server
location /status { meta_status; }
--- load: 1
--- counts
redis.0.refuses =
--- redis_do: CONFIG SET maxmemory 1
--- post: /hook
@page
--- status: 503
--- counts
redis.0.connected = 1
redis.0.refuses = OOM
--- summary: ^bad: Redis refuses events \(OOM\)$
--- get: /status?format=prometheus
--- answer_like: \nmeta_redis_refuses\{redis="[^"]*"\} 1\n
--- redis_do: CONFIG SET maxmemory 0
--- load: 1
--- counts
redis.0.refuses =
--- summary: \A(?!(?s:.*)refuses)
--- get: /status?format=prometheus
--- answer_like: \nmeta_redis_refuses\{redis="[^"]*"\} 0\n

=== a list over its max
--- location
meta_webhook;
meta_queue meta:events max=3;
--- server
location /status { meta_status; }
--- load: 4
--- counts
list meta:events full = 1
--- summary: ^bad: meta:events is full$
--- redis_do: LTRIM meta:events 0 1
--- counts
list meta:events full = 0
--- summary: \A(?!(?s:.*)full)

=== lists: their length, and whether a consumer holds them
--- server
location /status { meta_status; }
location /shop {
    meta_webhook;
    meta_queue meta:shop;
}
--- load: 3
--- counts: 15
list meta:events length = 3
list meta:events holder = no
list meta:shop length = 0
--- redis_do
HSET {meta:events}:lease owner somebody until 99999999999999
LPOP meta:events
--- counts: 15
list meta:events length = 2
list meta:events holder = yes
list meta:shop holder = no
--- redis_do
HSET {meta:events}:lease until 1763700000000
--- counts: 15
list meta:events holder = no
--- summary: ^warn: No consumer holds meta:events: 2 events wait

=== two targets: lists of one name are two
--- redis2: up
--- server
location /status { meta_status; }
location /other {
    meta_webhook;
    meta_redis $REDIS2 db=3;
}
--- load: 2
--- post: /other
@page
--- counts
redis = 2
lists = 2
redis.0.ready = 1
redis.1.ready = 1
--- get: /status?format=json
--- answer_like: "redis":"unix:[^"]*redis2\.sock db=3","worth"

=== formats by argument
--- server
location /status { meta_status; }
--- get: /status?format=json
--- status: 200
--- headers
Content-Type: application/json
Cache-Control: no-store
X-Content-Type-Options: nosniff
--- get: /status?format=prometheus
--- status: 200
--- headers
Content-Type: text/plain; version=0\.0\.4; charset=utf-8
Cache-Control: no-store
--- get: /status?format=html
--- status: 200
--- headers
Content-Type: text/html; charset=utf-8
Cache-Control: no-store
Content-Security-Policy: default-src 'none'; style-src 'sha256-[\w+/]{43}='; script-src 'sha256-[\w+/]{43}='; connect-src 'self'; .*
--- get: /status?format=xml
--- status: 400
--- answer_like: ^unknown format: there are html, json and prometheus\r\n$
--- get: /status?format=
--- status: 400

=== formats by Accept
--- server
location /status { meta_status; }
--- get: /status
--- headers
Content-Type: text/html; charset=utf-8
--- get: /status
> Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8
--- headers
Content-Type: text/html; charset=utf-8
--- get: /status
> Accept: application/json
--- headers
Content-Type: application/json
--- get: /status
> Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1
--- headers
Content-Type: text/plain; version=0\.0\.4; charset=utf-8
--- get: /status
> Accept: Text/Plain
--- headers
Content-Type: text/plain; version=0\.0\.4; charset=utf-8
--- get: /status
> Accept: */*
--- headers
Content-Type: text/html; charset=utf-8

=== HEAD, and methods that are none
--- server
location /status { meta_status; }
--- request: HEAD /status?format=json
--- status: 200
--- headers
Content-Type: application/json
Content-Length: [1-9]\d+
--- request: HEAD /status
--- status: 200
--- headers
Content-Type: text/html; charset=utf-8
--- request: DELETE /status
--- status: 405
--- headers
Allow: GET, HEAD
--- post: /status
{}
--- status: 405

=== HTTP/2
--- server
location /status { meta_status; }
--- request: GET /status?format=prometheus h2
--- status: 200
--- answer_like: \nmeta_workers 1\n

=== nothing comes from outside unescaped
--- location
meta_webhook;
meta_queue meta:$meta_object;
--- server
location /status { meta_status; }
--- post: /hook
{"object":"<script>\"\n","entry":[{"id":"<script>alert(1)</script>"},{"id":"a\"b\\c\nd\u0001"},{"id":"ключ"}]}
--- counts
account other <script>alert(1)</script> = 1
account other a\"b\\c\nd\u0001 = 1
account other ???????? = 1
list meta:other length = 3
--- promtool
--- get: /status?format=prometheus
--- answer_like: account="a\\\\\\"b\\\\\\\\c\\\\nd\\\\u0001"} \d

=== ids that are too long, or none, are not shown
--- server
location /status { meta_status; }
--- post: /hook
{"object":"page","entry":[{"id":"12345678901234567890123456789012345678901234567890123456789012345"},{"id":""},{"id":null},{"id":{"a":1}},7]}
--- status: 200
--- counts
verdict page ok = 1
events.by_redis = 5

=== Prometheus' own tool reads it, with traffic and several targets
--- redis2: up
--- server
location /status { meta_status; }
location /other {
    meta_webhook;
    meta_redis $REDIS2;
}
--- promtool
--- load: 5
--- post: /other
@page 3
--- post: /hook sign=bad
@page
--- promtool

=== many accounts: a bounded table, and the latest are in it
--- server
location /status { meta_status; }
--- accounts: 60 60
--- bounded: 2048
--- counts
account page 100000000003599 = 1
events.by_redis = 3600

=== where there is no webhook
--- location
return 204;
--- server
location /status { meta_status; }
--- clients: 0
--- counts
deliveries.total = 0
redis = 0
lists = 0
--- summary: \Awell: No webhook is configured here\z
--- promtool

=== only in a location, and without an argument
--- http
meta_status;
--- refused
"meta_status" directive is not allowed here

=== not with an argument
--- location
meta_status on;
--- refused
invalid number of arguments in "meta_status"
