# What nginx.conf puts around the webhook changes none of its answers.

use strict;
use warnings;

use Test::More;

use Test::Meta;
use Test::Meta::Util qw(spew);

# no body can be written to disk any more, not even by root
verb no_body_file => sub {
    my ($t) = @_;
    rmdir "$t->{dir}/body" or die "rmdir: $!";
    spew("$t->{dir}/body", '');
};

# nginx may also close without a word: that is a refusal to Meta too
verb not_a_success => sub {
    my ($t) = @_;
    my $got = $t->{last}{status};
    ok $got == 0 || $got >= 400, "no success: $got";
};

run_blocks();

__DATA__

=== error_page 404 =200 and 405 =200 to a named webhook: Redis away is 503
--- redis: down
--- server
location /missing {
    error_page 404 =200 @hook;
    return 404;
}
location /static {
    error_page 405 =200 @hook;
    return 405;
}
location @hook {
    meta_webhook;
    meta_redis_timeout $MS300;
}
--- post: /missing
@whatsapp
--- status: 503
--- headers
Retry-After: \d+
--- meta_log: ^503 unavailable
--- post: /static
@whatsapp
--- status: 503
--- headers
Retry-After: \d+

=== to a named webhook: refusals stay refusals, a good delivery is 200
--- server
location /missing {
    error_page 404 =200 @hook;
    return 404;
}
location /static {
    error_page 405 =200 @hook;
    return 405;
}
location @hook {
    meta_webhook;
}
--- post: /missing sign=none
@whatsapp
--- status: 401
--- post: /static sign=none
@whatsapp
--- status: 401
--- post: /missing sign=bad
@whatsapp
--- status: 401
--- post: /static sign=bad
@whatsapp
--- status: 401
--- post: /static
[]
--- status: 400
--- request: PUT /missing
@whatsapp
--- status: 405
--- get: /missing?hub.mode=subscribe&hub.challenge=a&hub.verify_token=wrong-token-of-somebody
--- status: 403
--- llen: meta:events 0
--- post: /missing
@whatsapp 2
--- status: 200
--- records: meta:events
--- redis_do: FLUSHALL
--- post: /static
@whatsapp 2
--- status: 200
--- records: meta:events
--- get: /missing?hub.mode=subscribe&hub.challenge=yes&hub.verify_token=$TOKEN
--- status: 200
--- answer: yes

=== to a named webhook: a good delivery is 200 where error_page says 404
--- server
location /missing {
    error_page 405 =404 @hook;
    return 405;
}
location /same {
    error_page 405 @hook;
    return 405;
}
location @hook {
    meta_webhook;
}
--- post: /missing
@whatsapp
--- status: 200
--- post: /same
@whatsapp
--- status: 200
--- llen: meta:events 2

=== error_page =200 to the webhook's URI: that is a GET without a token, 403
--- server
location /missing {
    error_page 404 =200 /hook;
    return 404;
}
--- post: /missing
@whatsapp
--- status: 403
--- llen: meta:events 0

=== error_page =200 and a body that cannot be written to disk
--- once
--- allow: \[crit\] .*body.*Not a directory
the test took the directory away
--- server
error_page 500 502 503 504 =200 /maintenance;
location = /maintenance {
    return 200 "back soon";
}
--- no_body_file
--- post: /hook
@size 300000
--- not_a_success
--- post: /hook as=a half=100
@size 300000
--- wait_requests: 2
--- rest: a
--- recv: a
--- not_a_success
--- post: /hook chunked=5000
@size 300000
--- not_a_success
--- llen: meta:events 0

=== the same with recursive_error_pages
--- once
--- allow: \[crit\] .*body.*Not a directory
the test took the directory away
--- server
recursive_error_pages on;
error_page 500 502 503 504 =200 /maintenance;
location = /maintenance {
    return 200 "back soon";
}
--- no_body_file
--- post: /hook
@size 300000
--- not_a_success

=== error_page =200 and a faulty chunk
--- server
error_page 400 =200 /oops;
location = /oops {
    return 200 "oops";
}
--- raw: a
POST /hook HTTP/1.1
Host: meta.test
X-Hub-Signature-256: sha256=4509f352ac8206db13264ebf99bca466425bada72d1a65ca145de82b80cf8c3a
Transfer-Encoding: chunked

zz
--- recv: a
--- not_a_success
--- raw: b
POST /hook HTTP/1.1
Host: meta.test
X-Hub-Signature-256: sha256=4509f352ac8206db13264ebf99bca466425bada72d1a65ca145de82b80cf8c3a
Transfer-Encoding: chunked
--- wait_requests: 2
--- raw: b
5
{"a":
zz
--- recv: b
--- not_a_success
--- raw: c
POST /hook HTTP/1.1
Host: meta.test
Transfer-Encoding: chunked

zz
--- recv: c
--- not_a_success
--- llen: meta:events 0

=== error_page =200 and a chunked body that grows over the limit
--- server
error_page 413 =200 /oops;
location = /oops {
    return 200 "oops";
}
--- location
meta_webhook;
client_max_body_size 1000;
--- post: /hook chunked=300
@size 1001
--- not_a_success
--- llen: meta:events 0

=== a body that cannot be written to disk: verdict "error"
--- once
--- allow: \[crit\] .*body.*Not a directory
the test took the directory away
--- no_body_file
--- post: /hook
@size 300000
--- status: 500
--- meta_log: ^500 error object= app=\S* events=\S* queued=none
--- post: /hook as=a half=100
@size 300000
--- wait_requests: 2
--- rest: a
--- recv: a
--- status: 500
--- close: a
--- meta_log: ^500 error.*\n(?:.*\n)*^500 error

=== a client that leaves while Redis is asked: how long that was is in the log
--- redis_do: pause
--- post: /hook as=a
@whatsapp
--- wait_requests: 1
--- wait_ms: 100
--- close: a
--- meta_log: ^499 .* time=(?!0\.000)\d+\.\d\d\d delivery=[0-9a-f]{32}$
--- redis_do: cont
--- llen: meta:events 1

=== limit_except that lets us in: the webhook is at work inside of it
--- location
meta_webhook;
limit_except GET {
    allow 127.0.0.1;
    deny all;
}
--- post: /hook
@whatsapp 2
--- status: 200
--- records: meta:events
--- post: /hook sign=bad
@whatsapp
--- status: 401
--- get: /hook?hub.mode=subscribe&hub.challenge=yes&hub.verify_token=$TOKEN
--- status: 200
--- answer: yes

=== limit_except that lets everybody in: the handshake, masked
--- location
meta_webhook;
limit_except POST {
    allow all;
}
--- get: /hook?hub.mode=subscribe&hub.challenge=yes&hub.verify_token=$TOKEN
--- status: 200
--- answer: yes
--- access_log: "GET /hook\?hub\.mode=subscribe&hub\.challenge=yes&hub\.verify_token=\*+ HTTP/1\.1" 200
--- get: /hook?hub.mode=subscribe&hub.challenge=yes&hub.verify_token=wrong-token-of-somebody
--- status: 403
--- access_log: "GET /hook\?hub\.mode=subscribe&hub\.challenge=yes&hub\.verify_token=\*+ HTTP/1\.1" 403
--- post: /hook
@whatsapp
--- status: 200

=== limit_except that lets nobody in: 403, masked in both logs
--- location
meta_webhook;
limit_except POST {
    deny all;
}
--- get: /hook?hub.mode=subscribe&hub.challenge=yes&hub.verify_token=$TOKEN
--- status: 403
--- access_log: "GET /hook\?hub\.mode=subscribe&hub\.challenge=yes&hub\.verify_token=\*+ HTTP/1\.1" 403
--- log: access forbidden by rule.*request: "GET /hook\?hub\.mode=subscribe&hub\.challenge=yes&hub\.verify_token=\*+ HTTP/1\.1"
--- post: /hook
@whatsapp
--- status: 200

=== conditional headers: what is in the list is not answered 412
--- post: /hook
> If-Match: "x"
@whatsapp
--- status: 200
--- answer: EVENT_RECEIVED
--- post: /hook
> If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT
@whatsapp
--- status: 200
--- answer: EVENT_RECEIVED
--- post: /hook
> If-None-Match: *
> If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT
@whatsapp
--- status: 200
--- get: /hook?hub.mode=subscribe&hub.challenge=yes&hub.verify_token=$TOKEN
> If-Match: "x"
--- status: 200
--- answer: yes
--- llen: meta:events 3
