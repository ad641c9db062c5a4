# The answers themselves: methods, headers, and what nginx may not make of them.

use strict;
use warnings;

use Test::More;

use Test::Meta;

verb answer_free_of_secrets => sub {
    my ($t) = @_;
    my $text = join "\n", $t->{last}{body},
        map { "@$_" } @{$t->{last}{headers}};
    my @seen = grep { index($text, $_) >= 0 } keys %{$t->{words}};
    is "@seen", '', 'no secret in the answer';
    cmp_ok length $t->{last}{body}, '<', 200, 'a short answer';
};

run_blocks();

__DATA__

=== another method: 405 with Allow, whatever it carries
--- request: PUT /hook
@whatsapp
--- status: 405
--- headers
Allow: GET, HEAD, POST
Cache-Control: no-store
--- meta_log: ^405
--- request: DELETE /hook
--- status: 405
--- headers
Allow: GET, HEAD, POST
--- request: OPTIONS /hook
--- status: 405
--- request: PATCH /hook
@whatsapp
--- status: 405
--- request: PROPFIND /hook
--- status: 405
--- request: PUT /hook h2
@whatsapp
--- status: 405
--- headers
Allow: GET, HEAD, POST
--- calls: rpush 0

=== TRACE is nginx's own 405
--- request: TRACE /hook
--- status: 405

=== a discarded body does not become the next request
--- raw: a
PUT /hook HTTP/1.1
Host: meta.test
Content-Length: 30

GET /hook HTTP/1.1
Host: aa
GET /hook?hub.mode=subscribe&hub.challenge=two&hub.verify_token=$TOKEN HTTP/1.1
Host: meta.test
Connection: close

--- recv: a
--- status: 405
--- recv: a
--- status: 200
--- answer: two

=== error_page does not touch what the module answers
--- server
error_page 400 401 403 404 405 500 502 503 504 =200 /oops;
location = /oops {
    return 200 "oops";
}
location /unsafe {
    meta_webhook;
    meta_queue $arg_q;
}
--- get: /hook?hub.mode=subscribe&hub.challenge=a&hub.verify_token=wrong-token-of-somebody
--- status: 403
--- post: /hook sign=none
@whatsapp
--- status: 401
--- post: /hook sign=bad
@whatsapp
--- status: 401
--- post: /hook
[]
--- status: 400
--- request: PUT /hook
@whatsapp
--- status: 405
--- headers
Allow: GET, HEAD, POST
--- post: /unsafe?q=/
@whatsapp
--- status: 503
--- headers
Retry-After: \d+
--- get: /oops
--- answer: oops

=== server_tokens and default_type change nothing of the answer
--- http
default_type application/octet-stream;
server_tokens off;
--- get: /hook?hub.mode=subscribe&hub.challenge=a&hub.verify_token=$TOKEN
--- status: 200
--- headers
Content-Type: text/plain
--- post: /hook
@whatsapp
--- status: 200
--- headers
Content-Type: text/plain

=== the body of an answer is short and has no secret of the request
--- post: /hook sign=bad
@whatsapp
--- status: 401
--- answer_free_of_secrets
--- get: /hook?hub.mode=subscribe&hub.challenge=some-challenge&hub.verify_token=wrong-token-of-somebody
--- status: 403
--- answer_free_of_secrets

=== add_header adds to them
--- server
add_header X-Edge one always;
--- post: /hook sign=none
@whatsapp
--- status: 401
--- headers
X-Edge: one
Cache-Control: no-store

=== limit_except and allow/deny of nginx are still in force
--- location
meta_webhook;
limit_except GET {
    deny all;
}
--- post: /hook
@whatsapp
--- status: 403
--- get: /hook?hub.mode=subscribe&hub.challenge=a&hub.verify_token=$TOKEN
--- status: 200
--- llen: meta:events 0

=== satisfy any cannot rescue a forged signature
--- location
satisfy any;
allow all;
meta_webhook;
--- post: /hook sign=bad
@whatsapp
--- status: 401
--- llen: meta:events 0

=== a named location, an internal redirect and a rewrite end in the webhook
--- server
location /old {
    rewrite ^ /hook last;
}
location /named {
    try_files /nothing @hook;
}
location @hook {
    meta_webhook;
}
--- post: /old
@whatsapp 2
--- status: 200
--- records: meta:events
--- redis_do: FLUSHALL
--- post: /named
@whatsapp 2
--- status: 200
--- records: meta:events

=== as a subrequest of auth_request: its answers count, nothing is pushed
--- server
location /page {
    auth_request /hook;
    try_files /nothing =404;
}
--- get: /page
--- status: 403
--- post: /page
@whatsapp
--- status: 403
--- llen: meta:events 0

=== gzip and chunking filters leave a delivery's answer whole
--- http
gzip on;
gzip_min_length 1;
gzip_types text/plain;
--- get: /hook?hub.mode=subscribe&hub.challenge=abcdefgh&hub.verify_token=$TOKEN
> Accept-Encoding: gzip
--- status: 200
--- headers
Content-Encoding: gzip
--- get: /hook?hub.mode=subscribe&hub.challenge=abcdefgh&hub.verify_token=$TOKEN
--- answer: abcdefgh

=== Retry-After is a small number of seconds
--- redis: down
--- location
meta_webhook;
meta_redis_timeout $MS200;
--- post: /hook
@whatsapp
--- status: 503
--- headers
Retry-After: [1-9]\d?
Cache-Control: no-store
