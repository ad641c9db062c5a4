# $meta_* for log formats; and what must never be read in a log.

use strict;
use warnings;

use Test::Meta;

run_blocks();

__DATA__

=== every verdict has its word
--- http
client_max_body_size 2000;
--- server
location /name {
    meta_webhook;
    meta_queue $arg_q;
}
location /none {
    return 204;
}
--- post: /hook
@page 2
--- status: 200
--- meta_log: ^200 ok object=page app=1234567890 events=2 queued=redis time=\d+\.\d\d\d delivery=[0-9a-f]{32}$
--- get: /hook?hub.mode=subscribe&hub.challenge=a&hub.verify_token=$TOKEN
--- meta_log: ^200 challenge object= app=\S* events=\S* queued=none
--- get: /hook?hub.mode=subscribe&hub.challenge=a&hub.verify_token=wrong-token-of-somebody
--- meta_log: ^403 bad_token
--- get: /hook
--- meta_log: ^403 bad_token.*\n(?:.*\n)*^403 
--- post: /hook sign=none
@page
--- meta_log: ^401 no_signature object= app= events=\S* queued=none
--- post: /hook sign=bad
@page
--- meta_log: ^401 bad_signature object= app= events=\S* queued=none
--- post: /hook
[]
--- meta_log: ^400 malformed
--- post: /hook
@page 100
--- meta_log: ^413 too_large
--- request: PUT /hook
@page
--- meta_log: ^405 [a-z_]+
--- post: /name
@page
--- meta_log: ^503 [a-z_]+ object=page app=1234567890 events=1 queued=none
--- get: /none
--- meta_log: ^204 \S* ?object=

=== unavailable, and how long Redis was waited for
--- redis: script
EXPECT ^RPUSH
WAIT end
EOF
--- location
meta_webhook;
meta_redis_timeout $MS300;
--- post: /hook
@page
--- status: 503
--- meta_log: ^503 unavailable object=page app=1234567890 events=1 queued=none time=(?:0\.[3-9]|[1-9]\d?\.\d)\d\d delivery=[0-9a-f]{32}$
--- redis_do: go end

=== $meta_object is "other" unless it is a plain name, and empty before the signature is good
--- post: /hook
{"object":"Page","entry":[]}
--- meta_log: ^200 ok object=other app
--- post: /hook
{"object":"a b","entry":[]}
--- post: /hook
{"object":"x\ny","entry":[]}
--- post: /hook
{"object":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","entry":[]}
--- post: /hook
{"object":"","entry":[]}
--- post: /hook
{"entry":[]}
--- no_meta_log: object=(?!other |page )
--- post: /hook
{"object":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","entry":[]}
--- meta_log: object=a{64} app
--- llen: meta:events 7

=== variables are there for map, add_header and if, outside of the webhook too
--- once
--- http
map $meta_verdict $loud {
    default 0;
    bad_signature 1;
}
log_format loud 'loud $meta_verdict';
--- location
meta_webhook;
access_log $DIR/loud.log loud if=$loud;
--- server
location /other {
    add_header X-Verdict "$meta_verdict|$meta_events|$meta_queued|$meta_app|$meta_object|$meta_delivery|$meta_queue_time" always;
    return 200;
}
--- post: /hook
@page
--- post: /hook sign=bad
@page
--- get: /other
--- status: 200
--- file_is: loud.log
loud bad_signature

=== values of secrets in the query are overwritten in the access log
--- server
location / {
    return 204;
}
--- get: /hook?hub.mode=subscribe&hub.challenge=a&hub.verify_token=$TOKEN
--- status: 200
--- access_log: "GET /hook\?hub\.mode=subscribe&hub\.challenge=a&hub\.verify_token=\*+ HTTP/1\.1" 200
--- get: /hook?code=AQBsecret1234&state=statevalue99&signed_request=abcdef.payload&x=plain
--- access_log: "GET /hook\?code=\*+&state=\*+&signed_request=\*+&x=plain HTTP/1\.1" 403
--- get: /hook?%63ode=AQBsecret5678&hub%2everify_token=verify-secret-77&barcode=seen&CODE=seen2
--- access_log: barcode=seen
--- get: /hook?hub.verify_token=only-a-token-with-no-mode
--- status: 403
--- request: HEAD /hook?hub.mode=subscribe&hub.challenge=a&hub.verify_token=$TOKEN
--- status: 200
--- post: /hook?code=AQBpostsecret
@page
--- status: 200
--- request: PUT /hook?code=AQBputsecret
@page
--- status: 405

=== over HTTP/2 as well
--- get: /hook?hub.mode=subscribe&hub.challenge=a&hub.verify_token=$TOKEN h2
--- status: 200
--- access_log: "GET /hook\?hub\.mode=subscribe&hub\.challenge=a&hub\.verify_token=\*+ HTTP/2\.0" 200
--- get: /hook?code=AQBsecret1234&state=statevalue99 h2
--- status: 403

=== a rewrite that answers before the webhook does
--- location
meta_webhook;
if ($arg_x) {
    return 418;
}
--- get: /hook?x=1&hub.mode=subscribe&hub.challenge=a&hub.verify_token=$TOKEN
--- status: 418
--- access_log: verify_token=\*+ HTTP/1.1" 418
--- get: /hook?x=1&code=AQBsecret1234 h2
--- status: 418

=== access denied before the webhook: neither access.log nor error.log shows it
--- location
meta_webhook;
deny all;
--- get: /hook?hub.mode=subscribe&hub.challenge=a&hub.verify_token=$TOKEN
--- status: 403
--- access_log: verify_token=\*+ HTTP/1.1" 403
--- log: access forbidden by rule.*request: "GET /hook\?hub\.mode=subscribe&hub\.challenge=a&hub\.verify_token=\*+ HTTP/1\.1"
--- get: /hook?code=AQBsecret1234 h2
--- status: 403

=== auth_basic before the webhook
--- file: users
nobody:{PLAIN}x
--- location
meta_webhook;
auth_basic "edge";
auth_basic_user_file $DIR/users;
--- get: /hook?hub.mode=subscribe&hub.challenge=a&hub.verify_token=$TOKEN
> Authorization: Basic bm9ib2R5Onk=
--- status: 401
--- log: password mismatch.*verify_token=\*+ HTTP

=== a rewrite of the URI: the log shows the line as it came, masked
--- log_level: info
--- server
location /old {
    rewrite ^ /hook last;
}
--- get: /old?hub.mode=subscribe&hub.challenge=a&hub.verify_token=$TOKEN
--- status: 200
--- answer: a
--- access_log: "GET /old\?hub\.mode=subscribe&hub\.challenge=a&hub\.verify_token=\*+ HTTP

=== what stands in front of the webhook still sees the arguments
--- location
meta_webhook;
meta_queue meta:$arg_tenant;
--- post: /hook?tenant=abc&code=AQBsecret1234
@page
--- status: 200
--- llen: meta:abc 1

=== a refused request line with a token, later requests on the same connection
--- get: /hook?hub.mode=subscribe&hub.challenge=a&hub.verify_token=$TOKEN as=a
--- recv: a
--- status: 200
--- get: /hook?hub.mode=subscribe&hub.challenge=b&hub.verify_token=$TOKEN as=a
--- recv: a
--- status: 200
--- answer: b

=== a location without the webhook keeps its query as it is
--- server
location /shop {
    return 204;
}
--- get: /shop?zip=12345&promo=ABC
--- access_log: "GET /shop\?zip=12345&promo=ABC HTTP

=== error lines of a failing Redis have no secret and no text
--- redis: script
EXPECT ^RPUSH
SEND -ERR the argument whatsapp-text-echoed-by-redis is faulty\r\n
EXPECT ^RPUSH
CLOSE
EXPECT ^RPUSH
SEND +whatsapp-text-echoed-by-redis\r\n
--- post: /hook
{"object":"page","entry":[{"id":"1","messaging":[{"message":{"mid":"m_1","text":"whatsapp-text-echoed-by-redis"}}]}]}
--- status: 503
--- post: /hook
{"object":"page","entry":[{"id":"1","messaging":[{"message":{"mid":"m_1","text":"whatsapp-text-echoed-by-redis"}}]}]}
--- status: 503
--- post: /hook
{"object":"page","entry":[{"id":"1","messaging":[{"message":{"mid":"m_1","text":"whatsapp-text-echoed-by-redis"}}]}]}
--- status: 503

=== log levels below debug say nothing secret either
--- log_level: info
--- post: /hook sign=bad
@whatsapp
--- status: 401
--- post: /hook
[]
--- status: 400
--- get: /hook?hub.mode=subscribe&hub.challenge=a&hub.verify_token=wrong-token-of-somebody
--- status: 403
