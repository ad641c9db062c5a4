# However the body comes in, its bytes are hashed and split as they were sent.

use strict;
use warnings;

use Test::Meta;

# DEPTH STATUS
verb nested => sub {
    my ($t, $arg) = @_;
    my ($depth, $status) = split q( ), $arg;
    my $inner = $depth - 1;
    $t->run(post => "/hook",
        q({"a":) . "[" x $inner . "]" x $inner . "}\n");
    $t->run(status => $status);
};

run_blocks();

__DATA__

=== in memory
--- location
meta_webhook;
client_body_buffer_size 256k;
--- post: /hook
@whatsapp 20
--- status: 200
--- records: meta:events
--- no_log: buffered to a temporary file

=== in several buffers
--- location
meta_webhook;
client_body_buffer_size 1800;
--- http
client_header_buffer_size 1k;
--- post: /hook
@size 2500
--- status: 200
--- records: meta:events
--- post: /hook as=a half=300
@size 2500
--- rest: a
--- recv: a
--- status: 200
--- llen: meta:events 2

=== in a temp file
--- location
meta_webhook;
client_body_buffer_size 1k;
--- post: /hook
@whatsapp 20
--- status: 200
--- log: client request body is buffered to a temporary file
--- records: meta:events

=== in a temp file alone, even when it is short
--- location
meta_webhook;
client_body_in_file_only clean;
--- post: /hook
@whatsapp 2
--- status: 200
--- records: meta:events

=== in a single buffer
--- location
meta_webhook;
client_body_in_single_buffer on;
client_body_buffer_size 64k;
--- post: /hook chunked=700
@whatsapp 20
--- status: 200
--- records: meta:events

=== chunked, in memory, in a temp file, in chunks of a byte
--- location
meta_webhook;
client_body_buffer_size 16k;
--- post: /hook chunked=100
@whatsapp 3
--- status: 200
--- records: meta:events
--- redis_do: FLUSHALL
--- post: /hook chunked=5000
@whatsapp 60
--- status: 200
--- records: meta:events
--- redis_do: FLUSHALL
--- post: /hook chunked=1
@whatsapp 1
--- status: 200
--- records: meta:events

=== Expect: 100-continue
--- post: /hook expect
@whatsapp 3
--- status: 200
--- interim: 100
--- records: meta:events

=== Expect: 100-continue and a missing signature: refused, and the next one served
--- post: /hook expect sign=none as=a
@whatsapp 3
--- recv: a
--- status: 401
--- post: /hook as=a
@whatsapp 3
--- recv: a
--- status: 200
--- records: meta:events

=== 3 MB, in memory and in a temp file
--- location
meta_webhook;
client_body_buffer_size 4m;
--- server
location /file {
    meta_webhook;
    client_body_buffer_size 16k;
}
--- post: /hook
@size 3145728
--- status: 200
--- records: meta:events
--- redis_do: FLUSHALL
--- post: /file
@size 3145728
--- status: 200
--- records: meta:events
--- calls: rpush 2

=== 3 MB over HTTP/2, and many small events
--- post: /hook h2
@size 3145728
--- status: 200
--- records: meta:events
--- redis_do: FLUSHALL
--- post: /hook h2
@whatsapp 400
--- status: 200
--- records: meta:events

=== slowly, a half at a time
--- post: /hook as=a half=100
@whatsapp 3
--- rest: a
--- recv: a
--- status: 200
--- records: meta:events

=== the limit is told by Content-Length: 413 from nginx itself, nothing in the list
--- location
meta_webhook;
client_max_body_size 1000;
--- post: /hook
@size 1001
--- status: 413
--- meta_log: ^413 too_large
--- post: /hook
@size 1000
--- status: 200
--- llen: meta:events 1

=== the limit is met while reading: 413
--- location
meta_webhook;
client_max_body_size 1000;
--- post: /hook chunked=300
@size 1001
--- status: 413
--- meta_log: ^413 too_large
--- post: /hook chunked=300
@size 1000
--- status: 200
--- llen: meta:events 1

=== over HTTP/2 with a length over the limit: 413
--- location
meta_webhook;
client_max_body_size 1000;
--- post: /hook h2
@size 1001
--- status: 413
--- llen: meta:events 0

=== the limit comes before the method, the method before the signature
--- location
meta_webhook;
client_max_body_size 1000;
--- request: PUT /hook
@size 1001
--- status: 413
--- request: PUT /hook sign=none
@size 1000
--- status: 405

=== cut off: nothing in the list, the next one is served
--- post: /hook as=a half=200
@whatsapp 3
--- close: a
--- post: /hook
@whatsapp
--- status: 200
--- llen: meta:events 1

=== a body that does not end in time: closed, nothing in the list
--- location
meta_webhook;
client_body_timeout $MS300;
--- post: /hook as=a half=200
@whatsapp 3
--- recv: a
--- status: 0
--- llen: meta:events 0
--- post: /hook
@whatsapp
--- status: 200

=== a faulty chunk: 400 and nothing in the list
--- raw: a
POST /hook HTTP/1.1
Host: meta.test
X-Hub-Signature-256: sha256=4509f352ac8206db13264ebf99bca466425bada72d1a65ca145de82b80cf8c3a
Transfer-Encoding: chunked

zz
{"object":"whatsapp_business_account","entry":[]}
--- recv: a
--- status: 400
--- llen: meta:events 0

=== what is no JSON object: 400 once it is signed, 401 while it is not
--- post: /hook
[{"object":"page","entry":[]}]
--- status: 400
--- headers
Cache-Control: no-store
--- meta_log: ^400 malformed
--- post: /hook sign=bad
[{"object":"page","entry":[]}]
--- status: 401
--- post: /hook
{"object":"page","entry":[]
--- status: 400
--- post: /hook
{"object":"page","entry":[]} x
--- status: 400
--- post: /hook
{'object':'page'}
--- status: 400
--- post: /hook
"page"
--- status: 400
--- post: /hook
17
--- status: 400
--- post: /hook
null
--- status: 400
--- llen: meta:events 0

=== nested 512 deep is taken, deeper is refused
--- nested: 512 200
--- nested: 513 400
--- nested: 100000 400
--- llen: meta:events 1
