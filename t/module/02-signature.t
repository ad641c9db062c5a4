# X-Hub-Signature-256: what is signed goes in, all else gets one and the same 401.

use strict;
use warnings;

use Test::Meta;

run_blocks();

__DATA__

=== a good signature: 200, and the event is in the list
--- post: /hook
@whatsapp
--- status: 200
--- answer: EVENT_RECEIVED
--- headers
Content-Type: text/plain
Cache-Control: no-store
--- records: meta:events
--- calls: rpush 1

=== vector 1 of the reference
--- post: /hook sign=raw:sha256=4509f352ac8206db13264ebf99bca466425bada72d1a65ca145de82b80cf8c3a
{"object":"whatsapp_business_account","entry":[]}
--- status: 200
--- llen: meta:events 1

=== vector 2, escapes as sent; decoded to UTF-8 (3) it does not verify
--- post: /hook sign=raw:sha256=51a01c623d481ba073f52cc5eda467e414722c033548757d0217fd71d16201f6
{"object":"page","entry":[{"id":"118734502290164","time":1767225600123,"messaging":[{"message":{"text":"\u00e4\u00f6\u00e5 a\/b"}}]}]}
--- status: 200
--- llen: meta:events 1
--- post: /hook sign=raw:sha256=51a01c623d481ba073f52cc5eda467e414722c033548757d0217fd71d16201f6
{"object":"page","entry":[{"id":"118734502290164","time":1767225600123,"messaging":[{"message":{"text":"äöå a/b"}}]}]}
--- status: 401
--- post: /hook sign=raw:sha256=0c4f564332c9b5980c0ced13b52a72fa6d5ead619a6ce7c5b0a92cf0a32c603d
{"object":"page","entry":[{"id":"118734502290164","time":1767225600123,"messaging":[{"message":{"text":"äöå a/b"}}]}]}
--- status: 200
--- llen: meta:events 2

=== vector 4: an empty body verifies and is no JSON object
--- post: /hook sign=raw:sha256=337fac9bc9c075133d3769ab90c229253afe984ae3b85599cc41dbdf5c4eb71f
@empty
--- status: 400
--- meta_log: ^400 malformed
--- post: /hook sign=raw:sha256=337fac9bc9c075133d3769ab90c229253afe984ae3b85599cc41dbdf5c4eb71f chunked=9
@empty
--- status: 400
--- post: /hook sign=raw:sha256=337fac9bc9c075133d3769ab90c229253afe984ae3b85599cc41dbdf5c4eb71f nolength
@empty
--- status: 400
--- llen: meta:events 0

=== hex digits may be upper case
--- post: /hook sign=upper
@whatsapp
--- status: 200
--- records: meta:events

=== bad, missing, malformed: 401, one and the same answer, nothing in the list
--- post: /hook sign=bad
@whatsapp
--- status: 401
--- headers
Cache-Control: no-store
--- meta_log: ^401 bad_signature object= app= events=\S* queued=none
--- remember: answer
--- post: /hook sign=none
@whatsapp
--- status: 401
--- meta_log: ^401 no_signature object= app= events=\S* queued=none
--- same_as: answer
--- post: /hook sign=short
@whatsapp
--- same_as: answer
--- post: /hook sign=long
@whatsapp
--- same_as: answer
--- post: /hook sign=nothex
@whatsapp
--- same_as: answer
--- post: /hook sign=nohead
@whatsapp
--- same_as: answer
--- post: /hook sign=sha1
@whatsapp
--- same_as: answer
--- post: /hook sign=raw:sha256=
@whatsapp
--- same_as: answer
--- post: /hook sign=raw:
@whatsapp
--- same_as: answer
--- post: /hook sign=key:4f8a1c5e9b7d204680acef1357924bd0
@whatsapp
--- same_as: answer
--- post: /hook sign=key:
@whatsapp
--- same_as: answer
--- llen: meta:events 0
--- calls: rpush 0

=== only X-Hub-Signature-256 counts: SHA-1's header beside it changes nothing
--- post: /hook sign=none
> X-Hub-Signature: sha1=0123456789012345678901234567890123456789
@whatsapp
--- status: 401
--- post: /hook
> X-Hub-Signature: sha1=0123456789012345678901234567890123456789
@whatsapp
--- status: 200

=== two headers of that name: never in by either of them alone
--- post: /hook
> X-Hub-Signature-256: sha256=0000000000000000000000000000000000000000000000000000000000000000
@whatsapp
--- status: 401
--- llen: meta:events 0

=== the header's name in another case, and over HTTP/2
--- post: /hook sign=none
> x-hub-signature-256: sha256=4509f352ac8206db13264ebf99bca466425bada72d1a65ca145de82b80cf8c3a
{"object":"whatsapp_business_account","entry":[]}
--- status: 200
--- post: /hook h2
@whatsapp
--- status: 200
--- post: /hook h2 sign=bad
@whatsapp
--- status: 401
--- llen: meta:events 2

=== a byte more than was signed is a bad signature
--- post: /hook sign=raw:sha256=4509f352ac8206db13264ebf99bca466425bada72d1a65ca145de82b80cf8c3a
{"object":"whatsapp_business_account","entry":[]} 
--- status: 401

=== the app id beside the secret that matched is the event's app
--- secret
1111111111 first-secret-0123456789
2222222222	second-secret-0123456789

third-secret-0123456789
--- post: /hook sign=key:first-secret-0123456789
{"object":"page","entry":[]}
--- status: 200
--- meta_log: ^200 ok object=page app=1111111111 events=1 queued=redis
--- post: /hook sign=key:second-secret-0123456789
{"object":"page","entry":[]}
--- status: 200
--- meta_log: ^200 ok object=page app=2222222222 events=1 queued=redis
--- post: /hook sign=key:third-secret-0123456789
{"object":"page","entry":[]}
--- status: 200
--- meta_log: ^200 ok object=page app=1234567890 events=1 queued=redis
--- post: /hook sign=key:first-secret-0123456780
{"object":"page","entry":[]}
--- status: 401
--- queue: meta:events
{"v":1,"id":"sha256:992c0f5c6dbb3c3067200eefd15cce1e","app":"1111111111","object":"page","entry":"","time":null,"field":"","key":"","delivery":"ID","n":0,"of":1,"received_at":NOW,"event":{"object":"page","entry":[]}}
{"v":1,"id":"sha256:992c0f5c6dbb3c3067200eefd15cce1e","app":"2222222222","object":"page","entry":"","time":null,"field":"","key":"","delivery":"ID","n":0,"of":1,"received_at":NOW,"event":{"object":"page","entry":[]}}
{"v":1,"id":"sha256:992c0f5c6dbb3c3067200eefd15cce1e","app":"1234567890","object":"page","entry":"","time":null,"field":"","key":"","delivery":"ID","n":0,"of":1,"received_at":NOW,"event":{"object":"page","entry":[]}}

=== without meta_app_id and without an id in the file, app is empty
--- bare
--- http
meta_redis $REDIS;
meta_app_secret_file $DIR/secret;
--- post: /hook
{"object":"page","entry":[]}
--- status: 200
--- queue: meta:events
{"v":1,"id":"sha256:992c0f5c6dbb3c3067200eefd15cce1e","app":"","object":"page","entry":"","time":null,"field":"","key":"","delivery":"ID","n":0,"of":1,"received_at":NOW,"event":{"object":"page","entry":[]}}

=== two files and the environment: a signature by any of them is good
--- file: secret2
3333333333 other-file-secret-01
--- env
META_T_APP_SECRET=environment-secret-01
--- http
meta_app_secret_file $DIR/secret $DIR/secret2 env:META_T_APP_SECRET;
--- post: /hook
@whatsapp
--- status: 200
--- post: /hook sign=key:other-file-secret-01
@whatsapp
--- status: 200
--- meta_log: ^200 ok object=whatsapp_business_account app=3333333333
--- post: /hook sign=key:environment-secret-01
@whatsapp
--- status: 200
--- llen: meta:events 3

=== sixteen secrets, the last one matches
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
--- post: /hook sign=key:secret-number-16
@whatsapp
--- status: 200
--- meta_log: app=1016

=== no secret in force: 503, an error line, never unchecked
--- bare
--- http
meta_redis $REDIS;
meta_verify_token_file $DIR/token;
--- post: /hook
@whatsapp
--- status: 503
--- headers
Retry-After: \d+
Cache-Control: no-store
--- log: \[error\] .*meta_app_secret_file
--- post: /hook sign=none
@whatsapp
--- status: 503
--- post: /hook sign=key:
@whatsapp
--- status: 503
--- llen: meta:events 0

=== a rotated secret file takes effect at reload, and only then
--- once
--- post: /hook
@whatsapp
--- status: 200
--- write: secret
new-secret-after-rotation
--- post: /hook
@whatsapp
--- status: 200
--- reload
--- post: /hook sign=key:new-secret-after-rotation
@whatsapp
--- status: 200
--- post: /hook
@whatsapp
--- status: 401
--- llen: meta:events 3
