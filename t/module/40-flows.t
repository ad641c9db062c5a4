# Logins and Redis: what is pushed and dropped, what happens while it is away
# or refuses, what the status of a flow shows; and what nginx -t says.

use strict;
use warnings;

use Test::More;

use Test::Meta;
use Test::Meta::Login;

verb full => sub {
    $_[0]{redis}->do('RPUSH', 'meta:auth', ('{"v":1,"queued_at":99999999999999}') x 1000);
};

# AGE...: of those these are left, in front of what was pushed
verb left => sub {
    my ($t, $ages) = @_;
    my @ages = map { /"age":(\d+)/ } $t->{redis}->queue('meta:auth');
    is "@ages", $ages // '', 'those are left';
};

# SECONDS FIELD VALUE...: a flow that was written so long ago, as JSON
verb aged => sub {
    my ($t, $arg) = @_;
    my ($age, @fields) = split ' ', $arg;
    my $flow = '0123456789abcdef' x 2;
    $t->{redis}->do('HSET', "meta:flow:$flow", at => (time - $age) * 1000, text => 'a', @fields);
    $t->run(get => "/st?flow=$flow&format=json");
};

# N: so many ask for a flow at once, each on a connection of its own
verb asked_by => sub {
    my ($t, $n) = @_;
    $t->run(get => '/st?flow=' . '0123456789abcdef' x 2 . " as=asks$_") for 1 .. $n;
};

# N STATUS: and so many get that answer
verb all_told => sub {
    my ($t, $arg) = @_;
    my ($n, $status) = split ' ', $arg;
    my %seen;
    $seen{$t->{conns}{"asks$_"}->answer('GET')->{status}}++ for 1 .. $n;
    is_deeply \%seen, {$status => $n}, "$n times $status";
};

run_blocks();

__DATA__

=== what nobody took in a minute goes, and what is no record of ours
--- logins
--- waiting: 300 61 59 61 2
--- state
--- back: code=drops-the-old-ones&state=$STATE
--- status: 303
--- left: 59 61 2
--- auth: 4
--- expires: meta:auth 60
--- redis_do
DEL meta:auth
RPUSH meta:auth garbage {} 7
--- state: flow=0123456789abcdef0123456789abcdef
--- back: code=drops-garbage-too&state=$STATE
--- status: 303
--- auth: 1

=== nobody takes codes at all: a thousand, and no more
--- logins
--- full
--- state
--- back: code=one-too-many-code&state=$STATE
--- status: 503
--- log: \[error\] .*"meta:auth" holds 1000 codes that nobody took
--- redis_do: LTRIM meta:auth 0 10
--- back: code=one-too-many-code&state=$STATE
--- status: 303

=== Redis is away: the page says "try again", and the state stays good
--- redis: down
--- http
meta_redis_connect_timeout $MS300;
meta_redis_timeout $MS300;
--- logins
--- state
--- back: code=redis-is-away-code&state=$STATE
--- status: 503
--- headers
Refresh: 5
Retry-After: 5
Cache-Control: no-store
--- answer_like: (?s)One moment, please.*href=""
--- meta_log: ^503 unavailable
--- login
--- status: 503
--- headers
!Location
!Set-Cookie
--- get: /st?flow=ffffffffffffffffffffffffffffffff&format=json
--- status: 503
--- answer: {"v":1,"flow":"ffffffffffffffffffffffffffffffff","step":"unknown","text":"","error":"unreachable","accounts":[]}
--- redis_do: start
--- until: 200 5
--- state
--- back: code=redis-is-away-code&state=$STATE
--- status: 303
--- auth: 1

=== who says no while Redis is away is told so
--- redis: down
--- http
meta_redis_connect_timeout $MS300;
meta_redis_timeout $MS300;
--- logins
--- state
--- back: error=access_denied&error_reason=user_denied&state=$STATE
--- status: 200
--- answer_like: Nothing was connected

=== Redis does not answer in time, and did it after all: the state is used
--- http
meta_redis_timeout $MS300;
--- logins
--- redis_do: pause
--- state
--- back: code=late-but-it-came&state=$STATE
--- status: 503
--- redis_do: cont
--- until: 200 5
--- back: code=late-but-it-came&state=$STATE
--- status: 409
--- auth: 1

=== Redis refuses: nothing is used, and nothing of the command is logged
--- logins
--- redis_do: SET meta:auth no-list
--- state: ref=a-ref-not-to-be-logged
--- back: code=wrongtype-code&state=$STATE
--- status: 503
--- log: \[error\] .*refuses a command of a login: "WRONGTYPE"
--- redis_do: DEL meta:auth
--- back: code=wrongtype-code&state=$STATE
--- status: 303
--- auth: 1
--- flow
ref = a-ref-not-to-be-logged

=== a browser that goes away before Redis has answered: the code is there
--- http
meta_redis_timeout 10s;
--- logins
--- redis_do: pause
--- state
--- raw: a
GET /cb?code=gone-browser-code&state=$STATE HTTP/1.1
Host: x
Cookie: __Host-meta_login=$COOKIE
--- wait_requests: 1
--- reset: a
--- redis_do: cont
--- llen: meta:auth 1

=== more ask for flows than there is room for: deliveries are not kept from Redis
--- http
meta_redis_timeout 30s;
--- logins
--- redis_do: pause
--- asked_by: 128
--- wait_requests: 128
--- get: /st?flow=0123456789abcdef0123456789abcdef
--- status: 503
--- headers
Retry-After: \d+
--- log: \[error\] .*owes answers to too many questions: 8192 KB are kept for them
--- post: /hook as=delivery
@whatsapp
--- redis_do: cont
--- all_told: 128 404
--- recv: delivery
--- status: 200
--- get: /st?flow=0123456789abcdef0123456789abcdef
--- status: 404

=== the state of a flow as JSON, as the consumer writes it
--- logins
--- redis_do
HSET meta:flow:0123456789abcdef0123456789abcdef step checking text a error code accounts [{"kind":"page","account":"1","name":"A&B"}] other x
--- get: /st?flow=0123456789abcdef0123456789abcdef&format=json
--- status: 200
--- headers
Content-Type: application/json
Cache-Control: no-store
X-Content-Type-Options: nosniff
--- answer: {"v":1,"flow":"0123456789abcdef0123456789abcdef","step":"checking","text":"a","error":"code","accounts":[{"kind":"page","account":"1","name":"A&B"}]}
--- redis_do
EVAL return(redis.call('HSET',KEYS[1],'other','x\nstep\nconnected','text','a\nb')) 1 meta:flow:0123456789abcdef0123456789abcdef
--- get: /st?flow=0123456789abcdef0123456789abcdef&format=json
--- answer_like: "step":"checking","text":"a b"
--- get: /cb?flow=0123456789abcdef0123456789abcdef
> Accept: application/json
--- answer_like: ^\{"v":1,"flow":"0123
--- get: /st?flow=0123456789abcdef0123456789abcdef
> Accept: text/html, application/json
--- headers
Content-Type: text/html; charset=utf-8
--- request: HEAD /st?flow=0123456789abcdef0123456789abcdef
--- status: 200
--- meta_log: ^200 flow
--- get: /st?flow=0123456789abcdef0123456789abcdee&format=json
--- status: 404
--- answer: {"v":1,"flow":"0123456789abcdef0123456789abcdee","step":"unknown","text":"","error":null,"accounts":[]}
--- get: /st?format=json&flow=../../etc
--- status: 404
--- answer: {"v":1,"flow":"","step":"unknown","text":"","error":null,"accounts":[]}
--- get: /st
--- status: 404
--- answer_like: There is nothing to see here
--- get: /cb
--- status: 404
--- meta_log: ^404 no_flow

=== nobody goes on with a login for 90 seconds: it is not shown as if it did
--- logins
--- aged: 80 step received
--- answer_like: "step":"received","text":"a","error":null
--- aged: 100 step received
--- answer_like: "step":"received","text":"This takes longer than it should. Please begin again.","error":"late","accounts":\[\]
--- get: /st?flow=0123456789abcdef0123456789abcdef
--- status: 200
--- answer_like: (?s)class="late".*This takes too long
--- log: \[warn\] .*login 01234567: nobody has taken its code for 90 seconds: does meta-consumer run
--- aged: -100 step received
--- answer_like: "error":null
--- aged: 100 step pin
--- answer_like: "step":"pin","text":"a","error":null
--- aged: 100 step connected
--- answer_like: "step":"connected","text":"a","error":null
--- aged: 100 step failed error code
--- answer_like: "step":"failed","text":"a","error":"code"

=== what stands in a flow is text, and a list that is none is not passed on
--- logins
--- redis_do
HSET meta:flow:0123456789abcdef0123456789abcdef step failed text <b>"\\ error x accounts [{"name":"<script>"}]
HSET meta:flow:00000000000000000000000000000001 step a accounts [1
HSET meta:flow:00000000000000000000000000000002 step a accounts {}
HSET meta:flow:00000000000000000000000000000003 step a accounts []]
SET meta:flow:00000000000000000000000000000004 step
--- get: /st?flow=0123456789abcdef0123456789abcdef
--- answer_like: (?s)role="status">&lt;b&gt;&quot;\\\\</p>
--- answer_like: data-state="\{&quot;v&quot;:1,.*&lt;script&gt;.*\}"
--- get: /st?flow=0123456789abcdef0123456789abcdef&format=json
--- answer_like: "text":"<b>\\"\\\\\\\\"
--- get: /st?flow=00000000000000000000000000000001&format=json
--- answer_like: "accounts":\[\]\}$
--- get: /st?flow=00000000000000000000000000000002&format=json
--- answer_like: "accounts":\[\]\}$
--- get: /st?flow=00000000000000000000000000000003&format=json
--- answer_like: "accounts":\[\]\}$
--- get: /st?flow=00000000000000000000000000000004&format=json
--- status: 503

=== directives are inherited, and "if" and "limit_except" are the same location
--- http
meta_link_key_file $DIR/link_keys;
meta_token_key_file $DIR/token_keys;
meta_redirect_uri https://example.com/http;
meta_oauth_done https://example.com/done;
meta_oauth_open on;
--- server
meta_redirect_uri https://example.com/server;
location = /login { meta_oauth_login shop; meta_oauth_open off; if ($arg_x) { set $y 1; } }
location /open { meta_oauth_login shop; meta_redirect_uri https://example.com/location; }
location = /cb { meta_oauth_callback; limit_except GET { deny all; } }
--- logins
--- get: /login
--- status: 403
--- login: more=x=1
--- leads_to: https://www.facebook.com/v24.0/dialog/oauth?client_id=1122334455&redirect_uri=https%3A%2F%2Fexample.com%2Fserver&state=STATE&response_type=code%20granted_scopes&scope=a%2Cb&auth_type=rerequest
--- login: path=/open
--- headers
Location: .*&redirect_uri=https%3A%2F%2Fexample.com%2Flocation&.*
--- request: POST /cb?code=limited-code&state=limited-state
x
--- status: 403
--- access_log: "POST /cb\?code=\*+&state=\*+ HTTP/1\.1" 403
--- back: code=to-the-done-page&state=$STATE
--- leads_to: https://example.com/done?flow=FLOW

=== keys from the environment
--- env
SEAL_KEY=ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=
LINK_KEY=a-key-of-links-for-this-test
--- server
meta_token_key_file env:SEAL_KEY;
meta_link_key_file env:LINK_KEY;
--- logins
--- login
--- status: 302
--- state: flow=0123456789abcdef0123456789abcdef
--- back: code=base64-key-code&state=$STATE
--- status: 303

=== nginx -t: no key of tokens
--- location
meta_oauth_callback;
meta_redirect_uri https://example.com/cb;
--- refused
"meta_oauth_callback" in location "/hook" needs "meta_token_key_file": its keys sign the state of a login and seal its code; it is the file that meta-consumer has as token_key_file in .*nginx.conf:

=== nginx -t: no redirect URI
--- file: keys
00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
--- location
meta_oauth_callback;
meta_token_key_file $DIR/keys;
--- refused
"meta_oauth_callback" in location "/hook" needs "meta_redirect_uri": the URL of the location with "meta_oauth_callback", as it is registered with Meta

=== nginx -t: no key of links
--- file: keys
00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
--- http
meta_oauth_app shop id=1 kind=facebook scope=a;
--- location
meta_oauth_login shop;
meta_redirect_uri https://example.com/cb;
meta_token_key_file $DIR/keys;
--- refused
needs "meta_link_key_file", whose keys sign the links that lead there, or "meta_oauth_open on", which lets anybody begin

=== nginx -t: a login returns to where no callback is
--- server
meta_redirect_uri https://example.com/connect/done?x=/cb;
location = /cb { meta_oauth_callback; if ($http_x_y) { set $z 1; } }
--- logins
--- accepted
\[warn\] .*no location with "meta_oauth_callback" has the path of "meta_redirect_uri https://example.com/connect/done\?x=/cb", to which "meta_oauth_login" lets

=== nginx -t: a login returns to a callback, or to what may be one
--- server
meta_redirect_uri https://example.com:8443/cb?x=/y;
location = /root { meta_oauth_login shop; meta_redirect_uri https://example.com; }
location = / { meta_oauth_callback; meta_redirect_uri https://example.com/; }
--- logins
--- accepted
!no location with "meta_oauth_callback"

=== nginx -t: a location that is not exact may answer there
--- server
meta_redirect_uri https://example.com/connect/done;
location /connect { meta_oauth_callback; }
--- logins
--- accepted
!no location with "meta_oauth_callback"

=== nginx -t: no such app
--- file: keys
00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
--- location
meta_oauth_login shop;
meta_oauth_open on;
meta_redirect_uri https://example.com/cb;
meta_token_key_file $DIR/keys;
--- refused
"meta_oauth_login" in location "/hook" names "shop", and no "meta_oauth_app shop ..." stands in http

=== nginx -t: a file of keys that is not there is named
--- http
meta_link_key_file link_key;
--- refused
open\(\) "$DIR/link_key" failed \(2: No such file or directory\)

=== nginx -t: a file of extras that is not there is named
--- http
meta_oauth_app shop id=1 kind=facebook scope=a extras=extras_of_the_shop.json;
--- refused
open\(\) "$DIR/extras_of_the_shop\.json" failed

=== nginx -t: a key in place of a file of keys is not shown
--- http
meta_token_key_file 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff;
--- refused
"meta_token_key_file" takes a PATH or env:NAME, and what is there, not shown

=== nginx -t: a key that is none is not shown
--- file: token_keys
not-a-key-of-32-bytes
--- location
meta_oauth_callback;
meta_token_key_file $DIR/token_keys;
--- refused
line 1 of ".*/token_keys": a key is 32 bytes, as 64 hex digits or in base64; metactl token key makes one

=== nginx -t: a key of links that is too short
--- file: link_token
short-key
--- location
meta_oauth_callback;
meta_link_key_file $DIR/link_token;
--- refused
line 1 of ".*/link_token": a key of links is 16 to 256 bytes; openssl rand -hex 32 makes one

=== nginx -t: no key file
--- location
meta_oauth_callback;
meta_token_key_file $DIR/gone;
--- refused
open\(\) ".*/gone" failed \(2: No such file or directory\) in .*nginx.conf:

=== nginx -t: a redirect URI that is relative
--- location
meta_redirect_uri /cb;
--- refused
invalid URL "/cb" in "meta_redirect_uri": it must be absolute, https://host/path, of at most 512 bytes, without a fragment \(http:// only for localhost and 127.0.0.1\)

=== nginx -t: a redirect URI without TLS
--- location
meta_redirect_uri http://example.com/cb;
--- refused
invalid URL "http://example.com/cb" in "meta_redirect_uri"

=== nginx -t: a redirect URI with a fragment
--- location
meta_redirect_uri https://example.com/cb#x;
--- refused
invalid URL "https://example.com/cb#x"

=== nginx -t: two directives that answer
--- location
meta_oauth_status;
meta_webhook;
--- refused
"meta_webhook" directive stands beside another directive that answers in this location

=== nginx -t: an app without id
--- http
meta_oauth_app shop kind=facebook scope=a;
--- refused
"meta_oauth_app shop" needs id=ID, the app's id of 1 to 32 digits

=== nginx -t: an app without kind
--- http
meta_oauth_app shop id=1 scope=a;
--- refused
"meta_oauth_app shop" needs kind=facebook, kind=business \(Facebook Login for Business\) or kind=instagram

=== nginx -t: Login for Business with a scope
--- http
meta_oauth_app shop id=1 kind=business scope=a config_id=2;
--- refused
"meta_oauth_app shop": kind=business takes config_id=ID, the configuration's id of 1 to 32 digits, and no scope

=== nginx -t: a login without scope
--- http
meta_oauth_app shop id=1 kind=instagram;
--- refused
"meta_oauth_app shop": kind=instagram takes scope=LIST, permissions of a-z0-9_. with commas between them, at most 2048 bytes, and no config_id

=== nginx -t: an unknown parameter, and one that stands there twice
--- http
meta_oauth_app shop id=1 kind=facebook scope=a id=2;
--- refused
invalid parameter "id=2": there are id=, kind=, scope=, config_id=, extras=, version= and dialog=, each once

=== nginx -t: a name twice
--- http
meta_oauth_app shop id=1 kind=facebook scope=a;
meta_oauth_app shop id=1 kind=facebook scope=a;
--- refused
there is a "meta_oauth_app shop" already

=== nginx -t: extras that are no JSON object
--- file: extras
[1]
--- http
meta_oauth_app shop id=1 kind=facebook scope=a extras=$DIR/extras;
--- refused
".*/extras" is no JSON object

=== nginx -t: a version and a dialog that are none
--- http
meta_oauth_app shop id=1 kind=facebook scope=a dialog=https://example.com/x;
--- refused
"meta_oauth_app shop": dialog= takes https://HOST\[:PORT\] and nothing behind it, version= a version of Graph such as v24.0
