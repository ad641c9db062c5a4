# meta_client_cn: client certificates of a real authority, the right one and
# those that only look like it.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Test::More;

use Test::Meta;
use Test::Meta::Certs;
use Test::Meta::Process;
use Test::Meta::Sample;
use Test::Meta::Util qw(hold_port slurp spew);

# $CERTS: an authority, its clients and another's; $TLSPORT is free
config_verb certs => sub {
    my ($t) = @_;
    my $dir = $t->{dir};
    my $ca = Test::Meta::Certs->new($dir, 'ca');
    my $other = Test::Meta::Certs->new($dir, 'other');
    $ca->issue('server', '/CN=localhost', 'DNS:localhost');
    $ca->issue('right', '/O=Meta/CN=client.meta.test');
    $ca->issue('longer', '/CN=client.meta.test.example');
    $ca->issue('before', '/CN=x.client.meta.test');
    $ca->issue('upper', '/CN=Client.meta.test');
    $ca->issue('unit', '/OU=client.meta.test/CN=somebody');
    $ca->issue('within', '/O=CN=client.meta.test/CN=somebody');
    $ca->issue('nameless', '/O=client.meta.test');
    $ca->issue('two', '/CN=client.meta.test/CN=client.meta.test');
    $ca->issue('first', '/CN=somebody/CN=client.meta.test');
    $ca->issue('last', '/CN=client.meta.test/CN=somebody');
    $ca->issue('rdn', '/O=x+CN=client.meta.test');
    $ca->issue('utf8', "/CN=Thandi \xc3\xa4");
    $ca->issue('altname', '/CN=somebody', 'DNS:client.meta.test');
    $other->issue('foreign', '/CN=client.meta.test');
    ($t->{vars}{TLSPORT}, my $probe) = hold_port();
    push @{$t->{held}}, $probe;
    $t->{vars}{TLS} = "listen 127.0.0.1:$t->{vars}{TLSPORT} ssl http2;\n"
        . "ssl_certificate $dir/server.pem;\nssl_certificate_key $dir/server.key;\n"
        . "ssl_client_certificate $dir/ca.pem;\n";
};

# CERT|none [h2] [path=URI] [sign=bad]: one delivery over TLS
verb deliver => sub {
    my ($t, $arg) = @_;
    my ($cert, @opts) = split ' ', $arg;
    my %opt = map { /^(\w+)=(.*)/ ? ($1, $2) : ($_, 1) } @opts;
    my $dir = $t->{dir};
    my $sample = Test::Meta::Sample::whatsapp(1);
    my $hex = hmac_sha256_hex($sample->{body}, $Test::Meta::SECRET);
    $t->learn($hex, @{$sample->{texts}});
    $hex =~ tr/0-9a-f/1-9a-f0/ if ($opt{sign} // '') eq 'bad';
    spew("$dir/body.json", $sample->{body});

    my $url = "https://127.0.0.1:$t->{vars}{TLSPORT}" . ($opt{path} // '/hook');
    my $out = "$dir/client.out";
    my $client = Test::Meta::Process->new;
    my @header = ('-H', "X-Hub-Signature-256: sha256=$hex");
    unlink $out;
    if ($opt{h2}) {
        $client->run(out => $out, cmd => ['nghttp', '-nv', '-t', 20, @header,
            ($cert eq 'none' ? () : ("--cert=$dir/$cert.pem", "--key=$dir/$cert.key")),
            '-d', "$dir/body.json", $url]);
    } else {
        $client->run(out => $out, cmd => ['curl', '-sS', '-k', '-m', 20, '-i',
            @header, '-H', 'Expect:', '--data-binary', "\@$dir/body.json",
            ($cert eq 'none' ? () : ('--cert', "$dir/$cert.pem", '--key', "$dir/$cert.key")),
            $url]);
    }
    $client->wait_exit(30);
    my $said = slurp($out);
    my ($status) = $said =~ /(?:^HTTP\S+|:status:) (\d{3})/m;
    $t->{last} = {status => $status // 0, body => $said =~ s/.*\r\n\r\n//sr,
        headers => [map { [split /: /, $_, 2] } $said =~ /^([\w-]+: [^\r\n]*)/mg],
        interim => []};
    diag $said unless $status;
};

# lines CERT STATUS
verb each_gets => sub {
    my ($t, $arg, $text) = @_;
    for (split /\n/, $text) {
        my ($cert, $want, @opts) = split;
        $t->run(deliver => "$cert @opts");
        is $t->{last}{status}, $want, "$cert: $want";
    }
};

run_blocks();

__DATA__

=== the right name and nothing that looks like it
--- certs
--- server
$TLS
ssl_verify_client optional;
--- location
meta_webhook;
meta_client_cn client.meta.test;
--- each_gets
right 200
longer 403
before 403
upper 403
unit 403
within 403
nameless 403
two 403
first 403
last 403
rdn 200
altname 403
none 403
right 200
--- llen: meta:events 3
--- calls: rpush 3
--- meta_log: ^403 bad_client object= app= events=0 queued=none time=- delivery=$

=== of another authority: nginx refuses what does not verify
--- certs
--- allow: ignoring stale global SSL error
nginx leaves the failed verification of a handshake in OpenSSL's queue
--- server
$TLS
ssl_verify_client optional;
--- location
meta_webhook;
meta_client_cn client.meta.test;
--- each_gets
foreign 400
right 200

=== the answer, and no word in the error log
--- certs
--- server
$TLS
ssl_verify_client optional;
--- location
meta_webhook;
meta_client_cn client.meta.test;
--- deliver: longer
--- status: 403
--- headers
Cache-Control: no-store
Content-Type: text/plain
--- answer_like: forbidden
--- no_log: \[error\]

=== optional: none is let in, a wrong one never
--- certs
--- allow: ignoring stale global SSL error
nginx leaves the failed verification of a handshake in OpenSSL's queue
--- server
$TLS
ssl_verify_client optional;
--- location
meta_webhook;
meta_client_cn client.meta.test optional;
--- each_gets
none 200
right 200
longer 403
two 403
foreign 400

=== ssl_verify_client on: who has none does not get this far
--- certs
--- allow: ignoring stale global SSL error
nginx leaves the failed verification of a handshake in OpenSSL's queue
--- server
$TLS
ssl_verify_client on;
--- location
meta_webhook;
meta_client_cn client.meta.test;
--- each_gets
none 400
foreign 400
longer 403
right 200

=== a name is UTF-8
--- certs
--- server
$TLS
ssl_verify_client optional;
--- location
meta_webhook;
meta_client_cn "Thandi ä";
--- each_gets
utf8 200
right 403

=== HTTP/2
--- certs
--- server
$TLS
ssl_verify_client optional;
--- location
meta_webhook;
meta_client_cn client.meta.test;
--- each_gets
right 200 h2
longer 403 h2
none 403 h2

=== after the method, before secret and signature; GET needs none
--- certs
--- server
$TLS
ssl_verify_client optional;
location /nosecret {
    meta_webhook;
    meta_app_secret_file $DIR/none;
    meta_client_cn client.meta.test;
}
--- file: none
secret-of-nobody-0123
--- location
meta_webhook;
meta_client_cn client.meta.test;
--- each_gets
none 403 sign=bad
right 401 sign=bad
longer 403 path=/nosecret
right 401 path=/nosecret
--- request: PUT /hook
--- status: 405
--- get: /hook?hub.mode=subscribe&hub.challenge=yes&hub.verify_token=$TOKEN
--- status: 200
--- post: /hook
@whatsapp
--- status: 403

=== without TLS there is no certificate: let in by optional alone
--- certs
--- server
$TLS
ssl_verify_client optional;
location /maybe {
    meta_webhook;
    meta_client_cn client.meta.test optional;
}
--- location
meta_webhook;
meta_client_cn client.meta.test;
--- post: /hook
@whatsapp
--- status: 403
--- post: /maybe
@whatsapp
--- status: 200

=== inherited, and taken back by off
--- certs
--- http
meta_client_cn client.meta.test;
--- server
$TLS
ssl_verify_client optional;
location /other {
    meta_webhook;
    meta_client_cn longer.test;
}
location /free {
    meta_webhook;
    meta_client_cn off;
}
--- location
meta_webhook;
--- each_gets
right 200
longer 403
right 403 path=/other
longer 200 path=/free
none 200 path=/free

=== nobody is asked: nginx -t warns
--- location
meta_webhook;
meta_client_cn client.meta.test;
--- accepted
\[warn\] .*"meta_client_cn" without "ssl_verify_client".*answered 403

=== ... and says who gets in
--- location
meta_webhook;
meta_client_cn client.meta.test optional;
--- accepted
\[warn\] .*"meta_client_cn" without "ssl_verify_client".*let in

=== optional_no_ca verifies nothing
--- certs
--- server
$TLS
ssl_verify_client optional_no_ca;
--- location
meta_webhook;
meta_client_cn client.meta.test;
--- refused
\[emerg\] .*"meta_client_cn" needs certificates that are verified

=== ... but harms nobody who does not ask
--- certs
--- server
$TLS
ssl_verify_client optional_no_ca;
--- accepted
!meta_client_cn

=== an empty name
--- location
meta_webhook;
meta_client_cn "";
--- refused
"meta_client_cn" directive takes a name that is not empty

=== another word than optional
--- location
meta_webhook;
meta_client_cn client.meta.test maybe;
--- refused
invalid parameter "maybe"

=== off is not optional
--- location
meta_webhook;
meta_client_cn off optional;
--- refused
takes no "optional" with "off"

=== twice
--- location
meta_webhook;
meta_client_cn a;
meta_client_cn b;
--- refused
"meta_client_cn" directive is duplicate
