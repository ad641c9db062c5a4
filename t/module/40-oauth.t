# Logins: who may begin, what Meta's dialog is asked, and what a callback does
# with a state and a code of every kind.

use strict;
use warnings;

use Test::Meta;
use Test::Meta::Login;

run_blocks();

__DATA__

=== a signed link leads to Facebook's dialog
--- http
meta_oauth_app shop id=1122334455 kind=facebook scope=pages_show_list,pages_messaging;
--- server
meta_redirect_uri https://example.com/cb?x=1;
--- logins
--- login: ref=shop-7
--- status: 302
--- leads_to: https://www.facebook.com/v24.0/dialog/oauth?client_id=1122334455&redirect_uri=https%3A%2F%2Fexample.com%2Fcb%3Fx%3D1&state=STATE&response_type=code%20granted_scopes&scope=pages_show_list%2Cpages_messaging&auth_type=rerequest
--- headers
Set-Cookie: __Host-meta_login=[\w-]{22}; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=3900
Cache-Control: no-store
Referrer-Policy: no-referrer
--- meta_log: ^302 login object= app=1122334455
--- access_log: "GET /login\?ref=shop-7&exp=\d+&sig=\*{64} HTTP
--- login: ref=shop-7 more=again=rerequest
--- leads_to: https://www.facebook.com/v24.0/dialog/oauth?client_id=1122334455&redirect_uri=https%3A%2F%2Fexample.com%2Fcb%3Fx%3D1&state=STATE&response_type=code%20granted_scopes&scope=pages_show_list%2Cpages_messaging&auth_type=rerequest
--- login: ref=shop-7 more=again=reauthorize
--- headers
Location: .*&auth_type=reauthorize
--- login: more=again=x%26scope=email
--- headers
Location: (?!.*email).*&auth_type=rerequest

=== Login for Business, Instagram, extras, and another dialog
--- file: extras
 {"setup": {"a":"b&c"},
 "n": 1}
--- http
meta_oauth_app biz id=1122334455 kind=business config_id=998877 extras=$DIR/extras version=v25.0;
meta_oauth_app insta id=5566 kind=instagram scope=instagram_business_basic,instagram_business_manage_messages;
meta_oauth_app local id=5566 kind=instagram scope=a dialog=http://127.0.0.1:8999;
--- server
location /biz { meta_oauth_login biz; }
location /insta { meta_oauth_login insta; }
location /local { meta_oauth_login local; }
--- logins
--- login: path=/biz
--- leads_to: https://www.facebook.com/v25.0/dialog/oauth?client_id=1122334455&redirect_uri=https%3A%2F%2Fexample.com%2Fcb&state=STATE&response_type=code&config_id=998877&extras=%7B%22setup%22%3A%20%7B%22a%22%3A%22b%26c%22%7D%2C%20%20%22n%22%3A%201%7D
--- login: path=/biz more=again=rerequest
--- headers
Location: .*&auth_type=rerequest
--- login: path=/biz more=again=x%26scope=email
--- headers
Location: (?!.*(?:auth_type|email)).*
--- login: path=/insta more=again=rerequest
--- leads_to: https://www.instagram.com/oauth/authorize?client_id=5566&redirect_uri=https%3A%2F%2Fexample.com%2Fcb&state=STATE&response_type=code&scope=instagram_business_basic%2Cinstagram_business_manage_messages
--- login: path=/local
--- headers
Location: http://127\.0\.0\.1:8999/oauth/authorize\?client_id=5566&.*

=== links that do not begin anything
--- logins
--- get: /login
--- status: 403
--- headers
!Location
!Set-Cookie
Content-Type: text/html; charset=utf-8
Cache-Control: no-store
X-Content-Type-Options: nosniff
Referrer-Policy: no-referrer
Content-Security-Policy: default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+'; .*frame-ancestors 'none'
--- answer_like: This link does not work
--- meta_log: ^403 bad_link
--- log: \[notice\] .* a link that begins a login was refused: it is not signed, client:
--- get: /login?ref=&exp=99999999999
--- status: 403
--- login: key=another-key-of-16-bytes
--- status: 403
--- log: \[notice\] .* was refused: no key of "meta_link_key_file" signed it, or it was changed since, client:
--- login: exp=-2
--- status: 403
--- answer_like: This link has expired
--- log: \[notice\] .* was refused: it has expired, client: .*&sig=\*{64} HTTP
--- login: sig=0000000000000000000000000000000000000000000000000000000000000000
--- status: 403
--- login: more=ref=shop-8
--- status: 403
--- log: \[notice\] .* was refused: it is malformed, client:
--- login: more=exp=99999999999
--- status: 403
--- login: more=sig=00
--- status: 403
--- login: exp=
--- status: 403
--- login: exp=1e9
--- status: 403
--- login: exp=99999999999999
--- status: 403
--- login: ref=a%0Ab
--- status: 403
--- login: ref=%ff%fe
--- status: 403
--- login: ref=0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789
--- status: 403
--- login: ref=%C3%9Cber-%22shop%22
--- status: 302
--- login: ref=01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567
--- status: 302

=== HEAD begins nothing, and other methods are refused
--- logins
--- login: method=HEAD
--- status: 200
--- headers
!Location
!Set-Cookie
Cache-Control: no-store
--- login
--- request: HEAD /cb?code=head-code-value&state=$STATE
> Cookie: __Host-meta_login=$COOKIE
--- status: 200
--- auth: 0
--- back: code=head-code-value&state=$STATE
--- status: 303
--- auth: 1
--- post: /login
x
--- status: 405
--- headers
Allow: GET, HEAD
--- post: /cb?code=post-code-value&state=$STATE
x
--- status: 405
--- request: DELETE /st?flow=$FLOW
--- status: 405
--- meta_log: ^405 bad_method

=== a key of links is rotated, and anybody may begin where that is said
--- file: more_keys
a-newer-key-of-links
a-key-of-links-for-this-test
--- server
location = /both { meta_oauth_login shop; meta_link_key_file $DIR/more_keys; }
location = /open { meta_oauth_login shop; meta_oauth_open on; }
--- logins
--- login: path=/both
--- status: 302
--- login: path=/both key=a-newer-key-of-links
--- status: 302
--- login: path=/login key=a-newer-key-of-links
--- status: 403
--- get: /open
--- status: 302
--- get: /open?ref=shop-7
--- status: 403
--- login: path=/open ref=shop-7
--- status: 302
--- login: path=/open exp=-2
--- status: 403
--- login: path=/open sig=00
--- status: 403

=== a code becomes a record, and nothing of it stands anywhere in clear
--- logins
--- login: ref=%C3%9C%22shop%22\7
--- back: code=AQB%2Fclear-code%2Bvalue&state=$STATE&granted_scopes=a%2Cb&denied_scopes=c
--- status: 303
--- leads_to: https://example.com/cb?flow=FLOW
--- headers
Cache-Control: no-store
Referrer-Policy: no-referrer
!Set-Cookie
--- auth: 1
v = 1
app = "1122334455"
object = "oauth"
entry = "1122334455"
field = "code"
n = 0
of = 1
event.id = "1122334455"
event.time = ~^\d{10}$
event.field = "code"
event.flow = "$FLOW"
event.name = "shop"
event.kind = "facebook"
event.redirect_uri = "https:\/\/example.com\/cb"
event.ref = "Ü\"shop\"\\7"
event.code = ~^"1\.[0-9a-f]{8}\.[\w-]{64}"$
event.wanted = "a,b"
event.granted = "a,b"
event.denied = "c"
--- flow
step = received
kind = facebook
name = shop
app = 1122334455
error = (none)
--- expires: meta:auth 60
--- expires: meta:flow:$FLOW 3600
--- expires: meta:flow:$FLOW:used 7200
--- nowhere: clear-code AQB/ $STATE $COOKIE
--- access_log: "GET /cb\?code=\*+&state=\*+&granted_scopes=a%2Cb&denied_scopes=c HTTP/1\.1" 303
--- no_access_log: clear-code
--- meta_log: ^303 code object= app=1122334455

=== a forged Host has a say in nothing
--- logins
--- state: cookie=AAAAAAAAAAAAAAAAAAAAAg
--- get: /cb?code=a-code-for-evil&state=$STATE
> Host: evil.example
> X-Forwarded-Host: evil.example
> Cookie: __Host-meta_login=$COOKIE
--- status: 303
--- leads_to: https://example.com/cb?flow=FLOW

=== states that are not this browser's, or not ours
--- logins
--- login
--- login: as=2
--- get: /cb?code=swapped-code-1&state=$STATE
--- status: 400
--- answer_like: We could not finish this
--- meta_log: ^400 bad_state
--- get: /cb?code=swapped-code-2&state=$STATE
> Cookie: __Host-meta_login=$COOKIE2
--- status: 400
--- get: /cb?code=swapped-code-3&state=$STATE
> Cookie: __Host-meta_login=short
--- status: 400
--- back: code=no-state-at-all
--- status: 400
--- back: code=state-twice-code&state=$STATE&state=$STATE
--- status: 400
--- back: code=code-twice-code&code=code-twice-other&state=$STATE
--- status: 400
--- back: state=$STATE
--- status: 400
--- back: code=&state=$STATE
--- status: 400
--- back: code=both-of-them&error=access_denied&state=$STATE
--- status: 400
--- back: code=bad-%zz-escape&state=$STATE
--- status: 400
--- back: code=a-forged-state&state=$STATEx
--- status: 400
--- back: code=a-forged-state&state=x$STATE
--- status: 400
--- state: key=ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
--- back: code=of-another-key&state=$STATE
--- status: 400
--- state: expires=-2
--- back: code=that-is-too-late&state=$STATE
--- status: 400
--- answer_like: That took too long
--- state: name=gone
--- back: code=of-an-app-that-went&state=$STATE
--- status: 400
--- redis_do: SET something there
--- nowhere: meta:auth meta:flow
--- state: ref=shop-7
--- back: code=and-a-good-one&state=$STATE
--- status: 303
--- auth: 1
event.ref = "shop-7"

=== a code that is too long
--- http
large_client_header_buffers 4 16k;
--- logins
--- state
--- back: code=LONG4097&state=$STATE
--- status: 400
--- auth: 0
--- back: code=LONG4096&state=$STATE
--- status: 303
--- auth: 1

=== a state is used once, also by the one browser that may
--- logins
--- login
--- back: code=the-first-code&state=$STATE
--- status: 303
--- back: code=the-first-code&state=$STATE
--- status: 409
--- answer_like: (?s)This was already done.*href="https://example.com/cb\?flow=[0-9a-f]{32}"
--- meta_log: ^409 replayed
--- back: code=another-code&state=$STATE
--- status: 409
--- back: error=access_denied&state=$STATE
--- status: 409
--- auth: 1
--- flow
step = received

=== a cookie counts by its exact name alone, between semicolons, and only if there is one
--- logins
--- login: as=V
--- login: ref=attacker
--- get: /cb?state=$STATE&code=between-commas
> Cookie: x=a,__Host-meta_login=$COOKIE; __Host-meta_login=$COOKIEV
--- status: 400
--- get: /cb?state=$STATE&code=behind-a-comma
> Cookie: x=a, __Host-meta_login=$COOKIE
--- status: 400
--- get: /cb?state=$STATE&code=in-another-case
> Cookie: __host-meta_login=$COOKIE
--- status: 400
--- get: /cb?state=$STATE&code=in-another-name
> Cookie: x__Host-meta_login=$COOKIE; __Host-meta_login2=$COOKIE
--- status: 400
--- get: /cb?state=$STATE&code=the-first-of-two
> Cookie: __Host-meta_login=$COOKIE; __Host-meta_login=$COOKIEV
--- status: 400
--- get: /cb?state=$STATE&code=the-second-of-two
> Cookie: __Host-meta_login=$COOKIEV;__Host-meta_login=$COOKIE
--- status: 400
--- get: /cb?state=$STATE&code=in-two-headers
> Cookie: __Host-meta_login=$COOKIEV
> Cookie: __Host-meta_login=$COOKIE
--- status: 400
--- auth: 0
--- get: /cb?state=$STATEV&code=beside-a-comma
> Cookie: x=a,__Host-meta_login=$COOKIE; __Host-meta_login=$COOKIEV
--- status: 303
--- get: /cb?state=$STATE&code=the-same-twice
> Cookie: a=__Host-meta_login=b;__Host-meta_login=$COOKIE
> Cookie: __Host-meta_login=$COOKIE ; c
--- status: 303
--- auth: 2

=== two tabs share a cookie, and each has its own flow
--- logins
--- login: cookie=AAAAAAAAAAAAAAAAAAAAAA as=1
--- headers
Set-Cookie: __Host-meta_login=AAAAAAAAAAAAAAAAAAAAAA; .*
--- login: cookie=AAAAAAAAAAAAAAAAAAAAAA
--- back: code=the-second-tab&state=$STATE
--- status: 303
--- back: code=the-first-tab&state=$STATE1
--- status: 303
--- auth: 2
--- login: cookie=not-well-formed
--- headers
Set-Cookie: __Host-meta_login=(?!not-well)[\w-]{22}; .*

=== who denies is told so, and the state is spent
--- logins
--- login
--- back: error=access_denied&error_code=200&error_description=Permissions+error&error_reason=user_denied&state=$STATE
--- status: 303
--- leads_to: https://example.com/cb?flow=FLOW
--- meta_log: ^303 denied
--- flow
step = failed
error = denied
--- auth: 0
--- back: code=after-the-denial&state=$STATE
--- status: 409
--- get: /cb?flow=$FLOW
--- status: 200
--- answer_like: (?s)Nothing was connected.*You chose not to give permission
--- login
--- back: error=server_error&error_reason=%3Cb%3E&error_description=words-of-a-stranger&state=$STATE
--- status: 303
--- log: \[warn\] .*ended a login with "server_error", reason "other"
--- meta_log: ^303 failed
--- flow
step = failed
error = meta
--- nowhere: words-of-a-stranger

=== granted and denied scopes are passed on only where they are a list of such
--- logins
--- login
--- back: code=scopes-are-wrong&state=$STATE&granted_scopes=a%22b&denied_scopes=
--- status: 303
--- auth: 1
event.granted = null
event.denied = ""

=== keys of states are rotated: both are good, the first signs
--- file: new_keys
ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
--- server
location = /cb { meta_oauth_callback; meta_token_key_file $DIR/new_keys; }
--- logins
--- login
--- back: code=by-the-older-key&state=$STATE
--- status: 303
--- state: key=ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff flow=0123456789abcdef0123456789abcdef
--- back: code=by-the-newer-key&state=$STATE
--- status: 303

=== after it the browser goes to a page of the user's
--- http
meta_oauth_done https://shop.example/done?lang=de;
--- logins
--- login
--- back: code=for-the-done-page&state=$STATE
--- status: 303
--- leads_to: https://shop.example/done?lang=de&flow=FLOW
--- login
--- back: error=access_denied&state=$STATE
--- leads_to: https://shop.example/done?lang=de&flow=FLOW

=== a code and a state in a Referer, and over HTTP/2
--- logins
--- get: /cb?flow=00000000000000000000000000000000
> Referer: https://example.com/cb?code=referer-code-value&state=referer-state-value&x=seen
--- status: 404
--- access_log: "https://example\.com/cb\?code=\*+&state=\*+&x=seen"
--- no_access_log: referer-code-value|referer-state-value
--- get: /cb?code=h2-code-value&state=h2-state-value h2
--- status: 400
--- access_log: "GET /cb\?code=\*+&state=\*+ HTTP/2\.0" 400
