# What Meta posts of a person: meta_deauthorize and meta_data_deletion, and the
# page that says what became of a deletion.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use MIME::Base64 qw(encode_base64url);
use Mojo::JSON qw(decode_json encode_json);
use Test::More;

use Test::Meta;
use Test::Meta::HTTP;
use Test::Meta::Spool;
use Test::Meta::Util qw(root_dir slurp);

my $USER = '700000000000001';

config_verb callbacks => sub {
    my ($t, $arg, $more) = @_;
    $t->{conf}{server} = <<"END";
location = /bye {
    meta_deauthorize;
$more}
location = /forget {
    meta_data_deletion https://shop.example/privacy;
$more}
location = /privacy {
    meta_deletion_status;
}
END
};

# the user of docs/operations.md, as far as these directives need him
config_verb smallest => sub {
    my ($t) = @_;
    my @lines = grep { /callbacks| reset / }
        slurp(root_dir() . '/docs/operations.md') =~ /^ACL (SETUSER edge .*)/mg;
    is scalar @lines, 2, 'the page says which rights';
    $t->{conf}{http} = "meta_redis \$REDIS user=edge password_file=\$DIR/password;\n";
    $t->{files}{password} = "edge-password-01\n";
    push @{$t->{before_start}}, sub {
        $t->{redis}->do('ACL', map { s/PASSWORD/edge-password-01/r } /\(.*?\)|\S+/g) for @lines;
    };
};

sub form {
    my ($t, $method, $uri, $body, $chunked) = @_;
    my $c = Test::Meta::HTTP->new($t->{nginx}->port);
    my $length = $chunked ? 'Transfer-Encoding: chunked' : 'Content-Length: ' . length $body;
    $c->send("$method $uri HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n"
        . "Content-Type: application/x-www-form-urlencoded\r\n$length\r\n\r\n"
        . ($chunked ? Test::Meta::Verbs::chunks($body, 4096) : $body));
    return $t->{last} = $c->answer($method);
}

# URI [user=ID] [age=SECONDS] [issued=AT] [key=SECRET] [algorithm=A] [how=HOW]:
# a signed_request of now as Meta posts it, or with something wrong
verb signed => sub {
    my ($t, $arg) = @_;
    my ($uri, @opts) = split ' ', $arg;
    my %o = (user => $USER, age => 0, key => $Test::Meta::SECRET, how => '',
        algorithm => 'HMAC-SHA256', map { split /=/, $_, 2 } @opts);
    my $issued = $t->{issued} = $o{issued} // time - $o{age};
    my $payload = encode_base64url($o{json} // encode_json({user_id => $o{user},
        algorithm => $o{algorithm}, issued_at => $issued + 0, expires => 0}));
    my $mac = encode_base64url(hmac_sha256($payload, $o{key}));
    $t->learn($mac, $payload);
    my $text = $o{how} eq 'padded' ? "$mac%3D.$payload"
        : $o{how} eq 'cut'       ? "$mac." . substr($payload, 0, -1)
        : $o{how} eq 'short'     ? substr($mac, 1) . ".$payload"
        : $o{how} eq 'forged'    ? ($mac =~ s/^(.)/$1 eq 'A' ? 'B' : 'A'/er) . ".$payload"
        : $o{how} eq 'two_dots'  ? "$mac.$payload."
        : $o{how} eq 'no_dot'    ? "$mac$payload"
        :                          "$mac.$payload";
    my $body = "signed_request=$text";
    $body .= "&$body" if $o{how} eq 'twice';
    $body = "other=1&$body&more=" if $o{how} eq 'among';
    $body =~ s/signed_request/signed%5Frequest/ if $o{how} eq 'escaped';
    $body .= '&x=' . 'x' x 33_000 if $o{how} =~ /large/;
    form($t, 'POST', $uri, $body, $o{how} =~ /chunked/);
};

verb form => sub { my ($t, $arg, $text) = @_; form($t, split(' ', $arg), $text =~ s/\n\z//r) };

# [APP] [SECRET]: the answer is what Meta wants of a deletion
verb confirmed => sub {
    my ($t, $arg) = @_;
    my $secret = $arg || $Test::Meta::SECRET;
    my $said = decode_json($t->{last}{body});
    my $code = $t->{code} = $said->{confirmation_code};
    is_deeply $said, {url => "https://shop.example/privacy?code=$code",
        confirmation_code => $code}, 'url and confirmation_code, and nothing else';
    like $code, qr/^[0-9a-f]{24}$/, 'the code is 24 digits';
    my $own = hmac_sha256_hex('deletion:' . substr($code, 0, 16), $secret);
    is substr($code, 16), substr($own, 0, 8), 'and known as our own';
};

# FIELD APP [N]: so many events of that kind, the last of now
verb event => sub {
    my ($t, $arg) = @_;
    my ($field, $app, $n) = split ' ', $arg;
    $t->run(llen => 'meta:callbacks ' . ($n //= 1));
    my ($last) = reverse $t->{redis}->queue('meta:callbacks');
    my $record = decode_json($last);
    my %want = (id => $app, time => $t->{issued} + 0, field => $field, user => $USER,
        issued_at => $t->{issued} + 0, $field eq 'deletion' ? (code => $t->{code}) : ());
    is_deeply $record->{event}, \%want, "the event of a $field";
    is join(' ', @$record{qw(object app entry field time)}),
        "oauth $app $app $field " . $t->{issued} * 1000, 'in a record like all';
};

# [QUERY]: the page of the last code, or of another; with FIELD VALUE lines what
# the consumer has written of it before
verb page => sub {
    my ($t, $arg, $text) = @_;
    my %is = map { split / /, $_, 2 } split /\n/, $text;
    $t->{redis}->do('HSET', "meta:deletion:$t->{code}", %is) if %is;
    $t->run(get => '/privacy?code=' . ($t->{code} // '') . $arg);
    $t->learn($t->{code});
};

# what it says as JSON, without the code
verb says => sub {
    my ($t, $arg) = @_;
    $t->run(page => '&format=json');
    my $said = decode_json($t->{last}{body});
    is $said->{code}, $t->{code}, 'the code';
    is join(' ', map { $said->{$_} } qw(state at done_at tokens)), $arg, "it is $arg";
    ok length $said->{text}, 'in words, too';
};

run_blocks();

__DATA__

=== a person removes the app: 200, empty, and an event on meta:callbacks
--- callbacks
--- signed: /bye
--- status: 200
--- answer: 
--- headers
Content-Length: 0
Cache-Control: no-store
--- event: deauthorize 1234567890
--- meta_log: ^200 ok object=oauth app=1234567890 events=1 queued=redis
--- no_log: 700000000000001
--- no_access_log: 700000000000001
--- redis_do: GET meta:callbacks:partitions

=== a person wants his data deleted: JSON, by the configured URL, whatever Host says
--- callbacks
--- signed: /forget
--- status: 200
--- headers
Content-Type: application/json
Cache-Control: no-store
--- confirmed
--- event: deletion 1234567890

=== what Meta repeats is confirmed by the same code, and is the same event
--- callbacks
--- signed: /forget issued=1763836000 age=0
--- status: 400
--- meta_log: ^400 stale
--- log: a signed_request was issued \d+ seconds ago
--- signed: /forget
--- remember: answer
--- signed: /forget
--- same_as: answer

=== the rights that operations.md names are enough
--- callbacks
--- smallest
--- signed: /forget
--- status: 200
--- confirmed
--- page
--- status: 200
--- answer_like: has arrived
--- redis_do: GET meta:callbacks:partitions
--- no_log: refuses

=== several secrets: the app is that of the one that agrees
--- callbacks
--- secret
5566 another-secret-of-another-app
$SECRET
--- signed: /forget key=another-secret-of-another-app
--- status: 200
--- confirmed: another-secret-of-another-app
--- event: deletion 5566
--- signed: /bye
--- status: 200
--- event: deauthorize 1234567890 2

=== padding, escapes, other fields, an algorithm in small letters, a number
--- callbacks
--- signed: /bye how=padded
--- status: 200
--- signed: /bye how=escaped
--- status: 200
--- signed: /bye how=among
--- status: 200
--- signed: /bye algorithm=hmac-sha256
--- status: 200
--- event: deauthorize 1234567890 4

=== forged, cut, of another secret, twice, too much: 400, one answer, no event
--- callbacks
--- signed: /forget how=forged
--- status: 400
--- meta_log: ^400 bad_signature object= app= .*queued=none
--- log: no secret matches the signature
--- remember: answer
--- signed: /forget key=another
--- same_as: answer
--- signed: /forget how=cut
--- same_as: answer
--- signed: /forget how=short
--- same_as: answer
--- meta_log: ^400 no_signature
--- signed: /forget how=two_dots
--- same_as: answer
--- signed: /forget how=no_dot
--- same_as: answer
--- signed: /forget how=twice
--- same_as: answer
--- signed: /forget algorithm=none
--- same_as: answer
--- meta_log: ^400 malformed
--- signed: /forget json={"user_id":"1"}
--- same_as: answer
--- signed: /forget age=172900
--- same_as: answer
--- signed: /forget age=-700
--- same_as: answer
--- log: issued \d+ seconds from now
--- form: POST /forget
--- same_as: answer
--- form: POST /forget
signed_request=
--- same_as: answer
--- form: POST /forget
{"signed_request":"x.y"}
--- same_as: answer
--- llen: meta:callbacks 0
--- calls: rpush 0

=== over 32 KiB: 413, also where nobody said how long it is
--- callbacks
--- signed: /bye how=large
--- status: 413
--- signed: /bye how=large_chunked
--- status: 413
--- meta_log: ^413 too_large
--- llen: meta:callbacks 0

=== the app's dashboard: GET is 200 and empty; user 0 is answered, and nobody is harmed
--- callbacks
--- get: /bye
--- status: 200
--- answer: 
--- get: /forget
--- status: 200
--- answer: 
--- request: HEAD /forget
--- status: 200
--- signed: /forget user=0 age=999999
--- status: 200
--- confirmed
--- answer_like: "0{16}
--- signed: /bye user=0
--- status: 200
--- answer: 
--- meta_log: ^200 challenge
--- request: DELETE /bye
--- status: 405
--- headers
Allow: GET, HEAD, POST
--- llen: meta:callbacks 0

=== a signed_request in a query is seen by no log
--- callbacks
--- get: /bye?signed_request=abcdefgh.ijklmnop
--- status: 200
--- access_log: signed_request=\*+ HTTP

=== Redis away, no spool: 503, so that Meta asks again
--- callbacks
--- redis: down
--- signed: /forget
--- status: 503
--- headers
Retry-After: \d+
--- log: meta redis

=== Redis away, with a spool: 200, and the event is there once Redis is
--- callbacks
--- spool
--- redis_do: stop
--- signed: /forget
--- status: 200
--- confirmed
--- files: 1
--- meta_log: ^200 ok object=oauth .*queued=spool
--- redis_do: start
--- event: deletion 1234567890
--- files: 0

=== "meta_ack verified" is for webhooks: a deletion is safe before its 200
--- callbacks
--- http
meta_ack verified;
--- redis: down
--- signed: /forget
--- status: 503
--- log: meta redis

=== the list is meta:callbacks, also where meta_queue says another for webhooks
--- callbacks
--- http
meta_queue meta:shop partitions=4 max=1;
--- signed: /bye
--- signed: /bye age=1
--- event: deauthorize 1234567890 2

=== no secret: 503, and nginx -t says so
--- callbacks
--- bare
--- http
meta_redis $REDIS;
--- accepted
"meta_deauthorize" has no "meta_app_secret_file" in force
"meta_data_deletion" has no "meta_app_secret_file" in force
"meta_deletion_status" in location "/privacy" has no "meta_app_secret_file" in force

=== a secret of no app: its person's tokens would not be found
--- bare
--- http
meta_redis $REDIS;
meta_app_secret_file $DIR/secret;
--- server
location = /x { meta_data_deletion https://shop.example/privacy; }
--- refused
"meta_data_deletion" in location "/x" has a secret without an app's id: "meta_app_id ID;" is needed, or "APP_ID SECRET" as the line of "meta_app_secret_file"

=== each secret beside the id of its app
--- secret
1234567890 a-secret-of-one-app
--- bare
--- http
meta_redis $REDIS;
meta_app_secret_file $DIR/secret;
--- callbacks
--- accepted
test is successful

=== a URL that is none
--- server
location /x {
    meta_data_deletion /privacy;
}
--- refused
invalid URL "/privacy": the absolute one

=== a URL that would break out of the JSON
--- server
location /x {
    meta_data_deletion 'https://shop.example/"x';
}
--- refused
invalid URL

=== a queue of its own
--- server
location /x {
    meta_deauthorize;
    meta_queue meta:mine;
}
--- refused
"meta_queue" stands beside "meta_deauthorize"

=== two in a location
--- server
location /x {
    meta_deauthorize;
    meta_data_deletion https://shop.example/privacy;
}
--- refused
"meta_data_deletion" directive is duplicate, or stands beside another

=== another directive takes the location
--- server
location /x {
    meta_deauthorize;
    proxy_pass http://127.0.0.1:1;
}
--- refused
"meta_deauthorize" in location "/x" is overridden

=== a webhook inside
--- server
location /x {
    meta_deauthorize;
    location /x/y {
        meta_webhook;
    }
}
--- refused
needs a "meta_queue" of its own

=== the page: arrived, deleted here, confirmed by whoever runs the app
--- callbacks
--- signed: /forget
--- confirmed
--- page
--- status: 200
--- answer_like: Your request has arrived
--- headers
Content-Type: text/html; charset=utf-8
Cache-Control: no-store
Referrer-Policy: no-referrer
X-Content-Type-Options: nosniff
Content-Security-Policy: default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+';.*frame-ancestors 'none'
--- says: received 0 0 0
--- page
state deleted
at 1763836000000
tokens 2
flows 1
--- answer_like: (?s)Your access was deleted.*2 access permissions .* and 1 record of.*Not confirmed yet.*2025-11-22
--- says: deleted 1763836000000 0 2
--- page
state done
done_at 1763922400000
text Orders & invoices <older than 10 years> too.
--- answer_like: (?s)Your data was deleted.*Orders &amp; invoices &lt;older.*2025-11-23
--- says: done 1763836000000 1763922400000 2
--- page
state refused
--- answer_like: Not everything was deleted

=== what a newer consumer writes, and what is no number, do no harm
--- callbacks
--- signed: /forget
--- confirmed
--- page
state pondering
at soon
tokens -1
pages state
--- status: 200
--- answer_like: Your request has arrived
--- says: received 0 0 0

=== a code of nobody, cut, or with something in it: 404, without a word of it
--- callbacks
--- get: /privacy
--- status: 404
--- answer_like: We do not know this code
--- get: /privacy?code=
--- status: 404
--- get: /privacy?code=000000000000000012345678
--- status: 404
--- get: /privacy?code=0123456789abcdef0123456
--- status: 404
--- get: /privacy?code=%3Cscript%3Ealert(1)%3C%2Fs%3E
--- status: 404
--- meta_log: ^404 no_flow
--- get: /privacy?code=0&code=1
--- status: 404
--- request: POST /privacy
--- status: 405

=== a code in capitals is the same, and one whose secret is gone is still shown
--- callbacks
--- redis_do: HSET meta:deletion:0123456789abcdef01234567 state done tokens 0 at 1 done_at 2
--- get: /privacy?code=0123456789ABCDEF01234567
--- status: 200
--- answer_like: (?s)Your data was deleted.*There was nothing left
--- access_log: code=\*+ HTTP

=== the code of a test says so, and asks nobody
--- callbacks
--- signed: /forget user=0
--- confirmed
--- page
--- status: 200
--- answer_like: only a test
--- calls: hgetall 0

=== Redis away: 503, and the page comes back by itself
--- callbacks
--- redis: down
--- get: /privacy?code=0123456789abcdef01234567
--- status: 503
--- headers
Retry-After: \d+
Refresh: \d+
--- answer_like: One moment
--- get: /privacy?code=0123456789abcdef01234567&format=json
--- status: 503
--- answer_like: "state":"unavailable"
--- log: meta redis
