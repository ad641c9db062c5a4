# Directives of http, server and location are inherited as everywhere in nginx.

use strict;
use warnings;

use Test::Meta;

run_blocks();

__DATA__

=== everything from http
--- post: /hook
@whatsapp
--- status: 200
--- meta_log: app=1234567890
--- llen: meta:events 1

=== location over server over http: app id, secrets, tokens, queue, Redis
--- redis2: up
--- file: secret2
server-secret-0123456789
--- file: secret3
location-secret-0123456789
--- file: token2
server-token-0123456789
--- file: token3
location-token-0123456789
--- server
meta_app_id 22;
meta_app_secret_file $DIR/secret2;
meta_verify_token_file $DIR/token2;
meta_queue meta:server;
location /deep {
    meta_webhook;
    meta_app_id 33;
    meta_app_secret_file $DIR/secret3;
    meta_verify_token_file $DIR/token3;
    meta_queue meta:location;
    meta_redis $REDIS2;
}
--- post: /hook sign=key:server-secret-0123456789
@whatsapp
--- status: 200
--- meta_log: app=22
--- llen: meta:server 1
--- post: /hook
@whatsapp
--- status: 401
--- post: /deep sign=key:location-secret-0123456789
@whatsapp
--- status: 200
--- meta_log: app=33
--- llen: redis2 meta:location 1
--- post: /deep sign=key:server-secret-0123456789
@whatsapp
--- status: 401
--- get: /hook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=server-token-0123456789
--- status: 200
--- get: /hook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=location-token-0123456789
--- status: 403
--- get: /deep?hub.mode=subscribe&hub.challenge=1&hub.verify_token=location-token-0123456789
--- status: 200
--- get: /deep?hub.mode=subscribe&hub.challenge=1&hub.verify_token=$TOKEN
--- status: 403

=== one directive of a level leaves the others inherited
--- server
meta_queue meta:server max=100;
location /deep {
    meta_app_id 33;
    location /deep/er {
        meta_webhook;
    }
}
--- post: /deep/er
@whatsapp
--- status: 200
--- meta_log: app=33
--- llen: meta:server 1

=== meta_webhook itself is not inherited by locations inside
--- server
location /out {
    meta_webhook;
    location /out/in {
        return 204;
    }
    location /out/also {
        meta_webhook;
    }
}
--- post: /out/in
@whatsapp
--- status: 204
--- post: /out/also
@whatsapp
--- status: 200
--- post: /out
@whatsapp
--- status: 200
--- llen: meta:events 2

=== max belongs to its meta_queue: another name without it has none
--- server
meta_queue meta:server max=1;
--- location
meta_webhook;
meta_queue meta:location;
--- load: 3
--- llen: meta:location 3

=== two servers, each with its own
--- http
server {
    listen 127.0.0.1:$PORT;
    server_name second.test;
    meta_app_id 99;
    meta_queue meta:second;
    location /hook {
        meta_webhook;
    }
}
server {
    listen 127.0.0.1:$PORT;
    server_name third.test;
    location /hook {
        meta_webhook;
        meta_redis_timeout 1s;
    }
}
--- post: /hook
> Host: second.test
@whatsapp
--- status: 200
--- meta_log: app=99
--- llen: meta:second 1
--- post: /hook
> Host: third.test
@whatsapp
--- status: 200
--- llen: meta:events 1

=== inside of if and limit_except
--- location
if ($request_method = POST) {
    set $tenant a;
}
meta_webhook;
meta_queue meta:if:$tenant;
limit_except GET POST {
    deny all;
}
--- post: /hook
@whatsapp
--- status: 200
--- llen: meta:if:a 1
--- request: PUT /hook
@whatsapp
--- status: 403
