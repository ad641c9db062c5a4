# meta_embedded_signup at the edge: whom its page is shown to, and what of that
# which is posted there goes to meta:auth.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use MIME::Base64 qw(decode_base64url encode_base64url);
use Mojo::JSON qw(decode_json encode_json);
use Test::More;

use Test::Meta;
use Test::Meta::HTTP;
use Test::Meta::Process;
use Test::Meta::Util qw(slurp spew wait_for);

my $LINK = 'a-key-that-signs-the-links';
my $CODE = 'AQDcode-of-the-signup_1234';

config_verb signup => sub {
    my ($t, $arg, $text) = @_;
    $t->{files}{link_key} = "$LINK\n";
    $t->{files}{token_key} = '5f' x 32 . "\n";
    $t->learn($LINK, '5f' x 32, $CODE);
    $t->{conf}{http} .= "meta_link_key_file \$DIR/link_key;\n"
        . "meta_token_key_file \$DIR/token_key;\n";
    $arg ||= 'config_id=4455';
    $t->{conf}{server} = <<"END";
location = /signup {
    meta_embedded_signup $arg;
$text}
location = /other {
    meta_embedded_signup config_id=99;
}
END
};

sub ask {
    my ($t, $method, $uri, $headers, $body) = @_;
    my $c = Test::Meta::HTTP->new($t->{nginx}->port);
    $c->send(join "\r\n", "$method $uri HTTP/1.1", 'Host: shop.example', 'Connection: close',
        @$headers, defined $body && !grep({ /^Transfer/ } @$headers)
            ? 'Content-Length: ' . length $body : (), '', $body // '');
    return $t->{last} = $c->answer($method);
}

# [URI] [ref=TEXT] [for=SECONDS] [key=KEY]: opens a signed link, and has what the page has
verb open => sub {
    my ($t, $arg) = @_;
    my ($uri, @opts) = split ' ', $arg || '/signup';
    my %o = (ref => 'shop-7', for => 600, key => $LINK, map { split /=/, $_, 2 } @opts);
    my $exp = time + $o{for};
    my $sig = hmac_sha256_hex("$o{ref}\n$exp", $o{key});
    ask($t, 'GET', "$uri?ref=$o{ref}&exp=$exp&sig=$sig", []);
    my ($cookie) = (Test::Meta::HTTP::header($t->{last}, 'Set-Cookie') // '')
        =~ /^(__Host-meta_login=[^;]+); Path=\/; HttpOnly; Secure; SameSite=Lax/;
    my %page = $t->{last}{body} =~ / data-(key|flow|config)="([^"]*)"/g;
    @{$t}{qw(cookie state flow)} = ($cookie, @page{qw(key flow)})
        unless $t->{last}{status} == 503;
    $t->{page} = decode_json($page{config} =~ s/&quot;/"/gr) if $page{config};
    $t->learn(grep { defined } $t->{state});
};

# [NAME=VALUE]: the page's POST, with something else in its headers; the text is
# JSON to go over what the page sends, or a body as it is
verb send => sub {
    my ($t, $arg, $text) = @_;
    my %h = ('Content-Type' => 'application/json', 'Sec-Fetch-Site' => 'same-origin',
        Cookie => $t->{cookie}, map { my ($k, $v) = split /=/, $_, 2; ($k => $v) } split ' ', $arg);
    my $uri = delete $h{uri} // '/signup';
    my $over = $text =~ /^\{/ && eval { decode_json($text) };
    my $body = $over ? encode_json({state => $t->{state}, code => $CODE, event => 'FINISH',
        waba => '520000000000002', phone => '106000000000001', business => undef, %$over})
        : $text =~ s/\n\z//r;
    ask($t, 'POST', $uri, [map { "$_: $h{$_}" } grep { length $h{$_} } sort keys %h], $body);
};

# STATUS: posts until that is the answer
verb send_until => sub {
    my ($t, $status) = @_;
    ok &wait_for(sub { $t->run(send => '', "{}\n"); $t->{last}{status} == $status }, 10),
        "$status at last";
};

# N: so many at once, by HTTP/2, each there before it is asked for
verb send_h2 => sub {
    my ($t, $n) = @_;
    my $client = Test::Meta::Process->new;
    my $out = "$t->{dir}/h2.out";
    unlink $out;
    $client->run(out => $out, cmd => ['nghttp', '-v', '-n', '--no-dep', '-t', 20, '-m', $n,
        '-d', spew("$t->{dir}/h2.in", encode_json({state => 'x', pin => '581063'})),
        '-H', 'Content-Type: application/json', '-H', 'Sec-Fetch-Site: same-origin',
        'http://127.0.0.1:' . $t->{nginx}->h2_port . '/signup']);
    is $client->wait_exit(30), '0', 'nghttp ends well';
    my @seen = slurp($out) =~ /:status: (\d+)/g;
    is "@seen", join(' ', (403) x $n), "$n answers";
};

# N: more than a signup can be
verb send_much => sub { my ($t, $n) = @_; $t->run(send => '', '{"more":"' . 'x' x $n . "\"}\n") };

# the element of meta:auth says this, but for the seal; and what the flow says
verb sealed => sub {
    my ($t, $arg, $text) = @_;
    my ($record) = reverse $t->{redis}->queue('meta:auth');
    unlike $record, qr/\Q$CODE\E|581063/, 'nothing in clear';
    my $r = decode_json($record);
    my $e = $r->{event};
    for (grep { defined $e->{$_} } qw(code pin)) {
        like delete $e->{$_}, qr/^1\.[0-9a-f]{8}\.[\w-]+$/, "$_ is sealed";
    }
    ok abs(delete($e->{time}) - time) < 60, 'now';
    is_deeply $e, {id => '1234567890', field => 'signup', flow => $t->{flow},
        %{decode_json($text)}}, 'the event';
    is "$r->{object} $r->{entry} $r->{app} $r->{field}", 'oauth 1234567890 1234567890 signup',
        'in a record like all';
};

verb flow_is => sub {
    my ($t, $arg) = @_;
    ask($t, 'GET', "/signup?flow=$t->{flow}&format=json", []);
    is decode_json($t->{last}{body})->{step}, $arg, "the flow is $arg";
};

# the consumer's word
verb step => sub {
    my ($t, $step) = @_;
    $t->{redis}->do('HSET', "meta:flow:$t->{flow}", step => $step,
        $step eq 'pin' ? (pin => 'asked') : ());
};

# [URI] [COOKIE]: the page of the flow is loaded anew, and has what it has
verb again => sub {
    my ($t, $arg) = @_;
    my ($uri, $cookie) = split ' ', $arg;
    $cookie = $cookie ? "__Host-meta_login=$cookie" : $t->{cookie};
    ask($t, 'GET', ($uri // '/signup') . "?flow=$t->{flow}", ["Cookie: $cookie"]);
    ($t->{state}) = $t->{last}{body} =~ / data-key="([^"]*)"/;
    $t->learn(grep { defined } $t->{state});
};

# [AGE]: the state as it was signed with our key, but so many seconds from its end
verb aged => sub {
    my ($t, $arg) = @_;
    my ($payload) = split /\./, $t->{state};
    my @lines = split /\n/, decode_base64url($payload), -1;
    $lines[1] = time - $arg;
    $payload = join "\n", @lines;
    my ($cookie) = $t->{cookie} =~ /=(.*)/;
    my $key = hmac_sha256('ngx_http_meta state', pack 'H*', '5f' x 32);
    $t->{state} = encode_base64url($payload) . '.'
        . encode_base64url(hmac_sha256("$payload\n$cookie", $key));
    $t->learn($t->{state});
};

sub ends {
    my ($t) = @_;
    return (split /\n/, decode_base64url($t->{state} =~ s/\..*//r))[1];
}

# the page's state is good for an hour from when the link was opened
verb hour => sub { my $left = ends($_[0]) - time; ok $left > 3590 && $left <= 3600, 'an hour' };

# the state that a code's answer brings, for the PIN
verb for_pin => sub { $_[0]->learn($_[0]{state} = decode_json($_[0]{last}{body})->{state}) };

# what marks the flow as used outlives the state
verb used_longer => sub {
    my ($t) = @_;
    my $ttl = $t->{redis}->do('TTL', "meta:flow:$t->{flow}:used");
    cmp_ok $ttl, '>', ends($t) - time + 60, 'the mark outlives the state';
};

# nginx has kept no body, whatever client_body_in_file_only says
verb no_body_files => sub {
    my ($t) = @_;
    is_deeply [grep { -f } glob "$t->{dir}/body/* $t->{dir}/body/*/*/*"], [], 'no file';
};

run_blocks();

__DATA__

=== a signed link shows the page, with headers that let Meta's SDK run and nobody else's
--- signup
--- open
--- status: 200
--- answer_like: Continue with Facebook|Loading Facebook
--- headers
Content-Type: text/html; charset=utf-8
Cache-Control: no-store
Referrer-Policy: no-referrer
X-Content-Type-Options: nosniff
Cross-Origin-Opener-Policy: same-origin-allow-popups
Content-Security-Policy: default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+' https://connect\.facebook\.net; connect-src 'self' https://\*\.facebook\.com; .*frame-ancestors 'none'
--- answer_like: &quot;app&quot;:&quot;1234567890&quot;,&quot;graph&quot;:&quot;v24.0&quot;,&quot;config&quot;:&quot;4455&quot;
--- answer_like: &quot;extras&quot;:\{&quot;setup&quot;:\{\}\}

=== who has no link, an altered one, one of another key, or an old one, sees no page
--- signup
--- get: /signup
--- status: 403
--- answer_like: This link does not work
--- open: /signup key=another-key-of-somebody
--- status: 403
--- open: /signup for=-5
--- status: 403
--- answer_like: expired
--- meta_log: ^403 bad_link

=== what had to wait, and came whole meanwhile, is wiped where it still is
--- http
limit_req_zone $binary_remote_addr zone=slowly:1m rate=50r/s;
--- signup
limit_req zone=slowly burst=50;
--- send_h2: 12
--- send_h2: 1
--- send_h2: 12

=== meta_oauth_open lets anybody begin
--- signup: config_id=4455 version=v3 graph=v25.0
meta_oauth_open on;
--- get: /signup
--- status: 200
--- answer_like: &quot;graph&quot;:&quot;v25.0&quot;.*&quot;extras&quot;:\{&quot;version&quot;:&quot;v3&quot;

=== code and ids go to meta:auth at once, sealed, and the page follows
--- signup
--- open
--- send
{}
--- status: 200
--- headers
Content-Type: application/json
Cache-Control: no-store
--- answer_like: ^\{"v":1,"flow":"[0-9a-f]{32}","step":"received"
--- sealed
{"config_id":"4455","ref":"shop-7","event":"FINISH","waba":"520000000000002","phone":"106000000000001","business":null}
--- flow_is: received
--- meta_log: ^200 code .*app=1234567890
--- send
{}
--- status: 409
--- llen: meta:auth 1

=== the window's message is missing: the code goes all the same
--- signup
--- open
--- send
{"event":null,"waba":null,"phone":null}
--- status: 200
--- sealed
{"config_id":"4455","ref":"shop-7","event":null,"waba":null,"phone":null,"business":null}

=== a PIN, once, for the same flow, and only where one was asked for
--- signup
--- open
--- send
{"code":null,"pin":"581063"}
--- status: 409
--- send
{}
--- status: 200
--- step: connected
--- send
{"code":null,"pin":"581063"}
--- status: 409
--- flow_is: connected
--- llen: meta:auth 1
--- step: pin
--- send
{"code":null,"pin":"581063"}
--- status: 200
--- sealed
{}
--- flow_is: registering
--- send
{"code":null,"pin":"581063"}
--- status: 409
--- llen: meta:auth 2

=== a page that was loaded anew takes the PIN, in the browser that began
--- signup
--- open
--- send
{}
--- status: 200
--- step: pin
--- again: /signup AAAAAAAAAAAAAAAAAAAAAA
--- answer_like: (?s)\A(?!.*data-key).*&quot;step&quot;:&quot;pin&quot;
--- headers
!Set-Cookie
--- again: /other
--- answer_like: (?s)\A(?!.*data-key)
--- again
--- status: 200
--- answer_like: data-known="\{&quot;v&quot;:1,&quot;flow&quot;:&quot;[0-9a-f]{32}&quot;,&quot;step&quot;:&quot;pin&quot;
--- headers
!Set-Cookie
Cross-Origin-Opener-Policy: same-origin-allow-popups
--- send
{}
--- status: 409
--- send
{"code":null,"pin":"581063"}
--- status: 200
--- sealed
{}
--- llen: meta:auth 2
--- step: failed
--- again
--- answer_like: (?s)\A(?!.*data-key).*Nothing was connected

=== a PIN is six digits, and comes alone
--- signup
--- open
--- send
{"code":null,"pin":"58106"}
--- status: 400
--- send
{"code":null,"pin":"5810633"}
--- status: 400
--- send
{"code":null,"pin":"58106a"}
--- status: 400
--- send
{"code":null,"pin":""}
--- status: 400
--- send
{"pin":"581063"}
--- status: 400
--- llen: meta:auth 0

=== the state lives for an hour and is never renewed: a link that has ended begins nothing more
--- signup
--- open
--- hour
--- headers
Set-Cookie: __Host-meta_login=[\w-]{22}; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=3900
--- send
{"code":null,"event":null}
--- status: 400
--- send
{}
--- status: 200
--- used_longer
--- for_pin
--- used_longer
--- send
{}
--- status: 409
--- again
--- used_longer
--- send
{}
--- status: 409
--- llen: meta:auth 1

=== a state that is too old: 403
--- signup
--- open
--- aged: 1
--- send
{}
--- status: 403
--- answer_like: "error":"late"
--- aged: -30
--- send
{}
--- status: 200
--- llen: meta:auth 1

=== forged, of another signup, of another browser, without a cookie
--- signup
--- open
--- send
{"state":"forged"}
--- status: 403
--- meta_log: ^403 bad_state
--- send: Cookie=__Host-meta_login=AAAAAAAAAAAAAAAAAAAAAA
{}
--- status: 403
--- send: Cookie=
{}
--- status: 403
--- answer_like: "error":"state"
--- send: uri=/other
{}
--- status: 403
--- llen: meta:auth 0
--- send
{}
--- status: 200

=== from another site, or nobody knows from where, or by a form
--- signup
--- open
--- send: Sec-Fetch-Site=cross-site
{}
--- status: 403
--- send: Sec-Fetch-Site=same-site
{}
--- status: 403
--- send: Sec-Fetch-Site= Origin=https://evil.example
{}
--- status: 403
--- send: Sec-Fetch-Site= Origin=null
{}
--- status: 403
--- send: Sec-Fetch-Site=
{}
--- status: 403
--- send: Content-Type=text/plain
{}
--- status: 403
--- llen: meta:auth 0
--- send: Sec-Fetch-Site= Origin=https://shop.example
{}
--- status: 200

=== ids that are no digits, events that are no word, a code with blanks
--- signup
--- open
--- send
{"waba":"52x"}
--- status: 400
--- send
{"phone":106}
--- status: 400
--- send
{"business":"1\",\"x\":\"1"}
--- status: 400
--- send
{"waba":"123456789012345678901234567890123"}
--- status: 400
--- send
{"event":"finish"}
--- status: 400
--- send
{"code":"a b"}
--- status: 400
--- send
{"code":""}
--- status: 400
--- meta_log: ^400 malformed
--- llen: meta:auth 0

=== no JSON, no object, too much
--- signup
--- open
--- send
state=1
--- status: 400
--- send
["state"]
--- status: 400
--- send
{"state":"x"
--- status: 400
--- send
{"code":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","more":"MORE"}
--- status: 200
--- llen: meta:auth 1

=== over 8 KB: 413
--- signup
--- open
--- send_much: 9000
--- status: 413
--- llen: meta:auth 0

=== a code is never in a file: what a small buffer does not hold is not read
--- http
client_body_in_file_only on;
client_body_buffer_size 512;
--- signup
--- open
--- send
{"code":"a-code-that-no-file-has"}
--- status: 200
--- no_body_files
--- send_much: 900
--- status: 413

=== Redis away: 503, and what was not taken can come again
--- signup
--- open
--- redis_do: stop
--- send
{}
--- status: 503
--- headers
Retry-After: \d+
--- answer_like: "error":"unreachable"
--- log: meta redis
--- open
--- status: 503
--- headers
Refresh: 5
!Set-Cookie
--- redis_do: start
--- send_until: 200
--- llen: meta:auth 1

=== another method
--- signup
--- request: PUT /signup
--- status: 405
--- headers
Allow: GET, HEAD, POST

=== a body in chunks, which may be written to a file, is not read
--- signup
--- send: Transfer-Encoding=chunked
0

--- status: 413

=== no configuration's id
--- signup: version=v4
--- refused
"meta_embedded_signup" needs config_id=ID

=== v2 has ended
--- signup: config_id=1 version=v2
--- refused
invalid version=v2

=== an origin with a path
--- signup: config_id=1 origin=https://www.facebook.com/x
--- refused
invalid sdk= or origin=

=== a script of nowhere
--- signup: config_id=1 sdk=//connect.facebook.net/sdk.js
--- refused
invalid URL

=== extras that are no JSON
--- file: extras
[1]
--- signup: config_id=1 extras=$DIR/extras
--- refused
is no JSON object

=== extras of one's own go to the SDK as they are
--- file: extras
{"setup":{"solutionID":"77"},"featureType":"whatsapp_business_app_onboarding"}
--- signup: config_id=4455 extras=$DIR/extras
--- open
--- status: 200
--- answer_like: &quot;extras&quot;:\{&quot;setup&quot;:\{&quot;solutionID&quot;:&quot;77&quot;\}

=== an emulator's SDK and window
--- signup: config_id=4455 sdk=http://127.0.0.1:8080/en_US/sdk.js origin=http://127.0.0.1:8080
--- open
--- status: 200
--- headers
Content-Security-Policy: .*script-src 'sha256-\S+' http://127.0.0.1:8080; connect-src 'self' http://127.0.0.1:8080;.*

=== no app
--- bare
--- http
meta_redis $REDIS;
--- signup
--- refused
"meta_embedded_signup" needs "meta_app_id"
