# Nothing secret stands in a core file: a worker that has checked signatures,
# answered challenges, taken codes and logged in to Redis is made to leave one,
# and each secret, token, key, code and password is looked for in it.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use IO::Socket::INET;
use Test::More;

use Test::Meta;
use Test::Meta::Certs;
use Test::Meta::Login;
use Test::Meta::Process;
use Test::Meta::Util qw(hold_port patience slurp spew wait_for);

# where a program that crashes leaves a file, a folder for it
config_verb cores => sub {
    my ($t) = @_;
    my $dir = "$t->{dir}/cores";
    my $pattern = slurp('/proc/sys/kernel/core_pattern');
    return $t->run(skip => 'a sanitizer or valgrind makes none of its own') if patience() > 1;
    mkdir $dir or die "$dir: $!";
    chmod 0777, $dir;
    system("cd $dir && ulimit -c unlimited 2>/dev/null && exec sh -c 'kill -ABRT \$\$'");
    my @files = glob "$dir/*";
    return $t->run(skip => "no core file here: core_pattern is $pattern")
        unless $? & 128 && @files;
    unlink @files;
    $t->{conf}{main} = "worker_rlimit_core 1g;\nworking_directory $dir;\n";
    push @{$t->{allow}}, qr/exited on signal 6/;
};

# $TLS, a listener; $TLSREDIS, Redis behind TLS
config_verb tls => sub {
    my ($t) = @_;
    my $ca = Test::Meta::Certs->new($t->{dir}, 'ca');
    $ca->issue('server', '/CN=localhost', 'DNS:localhost,IP:127.0.0.1');
    for my $name (qw(TLS TLSREDIS)) {
        ($t->{vars}{$name}, my $probe) = hold_port();
        push @{$t->{held}}, $probe;
    }
};

# [NAME=LENGTH ...]: words that nobody else has, as $NAME
config_verb secrets => sub {
    my ($t, $arg) = @_;
    for (split ' ', $arg) {
        my ($name, $len) = split /=/;
        $t->{secrets}{$name} = $t->{vars}{$name} = join '', map { chr 97 + int rand 26 } 1 .. $len;
    }
};

# URI STATUS STATUS: by curl over TLS, with HTTP/1.1 and then HTTP/2
verb ask_tls => sub {
    my ($t, $arg) = @_;
    my ($uri, @status) = split ' ', $arg;
    for my $http (qw(--http1.1 --http2)) {
        my $out = "$t->{dir}/curl.out";
        unlink $out;
        my $how = Test::Meta::Process->new->run(out => $out, cmd => ['curl', '-s', $http,
            '--cacert', "$t->{dir}/ca.pem", '-o', '/dev/null', '-w', '%{http_code}',
            ($t->{vars}{COOKIE} ? ('-b', "__Host-meta_login=$t->{vars}{COOKIE}") : ()),
            "https://localhost:$t->{vars}{TLS}$uri"])->wait_exit(10);
        is slurp($out), $status[0], "$http: " . shift @status;
    }
};

# CODE: what the page of Embedded Signup posts
verb signup => sub {
    my ($t, $code) = @_;
    $t->run(login => 'path=/signup');
    my ($state) = $t->{last}{body} =~ / data-key="([^"]*)"/;
    $t->run(request => 'POST /signup sign=none', join "\n", '> Content-Type: application/json',
        '> Sec-Fetch-Site: same-origin', "> Cookie: __Host-meta_login=$t->{nginx}{vars}{COOKIE}",
        qq({"state":"$state","code":"$code","event":"FINISH"}\n));
};

# CODE HOW: the same, the body cut in two or by HTTP/2
verb signup_by => sub {
    my ($t, $arg) = @_;
    my ($code, $how) = split ' ', $arg;
    $t->run(login => 'path=/signup');
    my ($state) = $t->{last}{body} =~ / data-key="([^"]*)"/;
    my $body = qq({"state":"$state","code":"$code","event":"FINISH"});
    my @head = ('Content-Type: application/json', 'Sec-Fetch-Site: same-origin',
        "Cookie: __Host-meta_login=$t->{nginx}{vars}{COOKIE}");
    if ($how eq 'http2') {
        my $out = "$t->{dir}/curl.out";
        unlink $out;
        spew("$t->{dir}/signup.json", $body);
        Test::Meta::Process->new->run(out => $out, cmd => ['curl', '-s', '--http2', '--cacert',
            "$t->{dir}/ca.pem", '-o', '/dev/null', '-w', '%{http_code}', map({ ('-H', $_) } @head),
            '--data-binary', "\@$t->{dir}/signup.json", "https://localhost:$t->{vars}{TLS}/signup"])
            ->wait_exit(10);
        return is slurp($out), 200, 'by HTTP/2';
    }

    # a header that leaves no room for the whole body behind it
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->{nginx}->port)
        or die "connect: $!";
    $s->autoflush(1);
    my $first = join "\r\n", 'POST /signup HTTP/1.1', 'Host: x', @head, 'X-Pad: ' . 'p' x 250,
        'Content-Length: ' . length $body, 'Connection: close', '', substr $body, 0, -20;
    print $s $first;
    select undef, undef, undef, 0.1;
    print $s substr $body, -20;
    like join('', <$s>), qr{^HTTP/1\.1 200 }, 'in two parts';
};

# the words of "secrets", but for MARK, are in no worker's core
verb core_without_secrets => sub {
    my ($t) = @_;
    my ($pid) = $t->{nginx}->workers;

    # an answer may be here before its request is over there, and wiped: one more
    system 'curl', '-sk', '--http1.1', '-o', '/dev/null', "https://localhost:$t->{vars}{TLS}/over";
    kill 'ABRT', $pid;
    ok $t->{nginx}->wait_log(qr/process $pid exited on signal 6 \(core dumped\)/), 'core dumped';
    my ($file) = glob "$t->{dir}/cores/*";
    my $core = slurp($file);
    is substr($core, 0, 4), "\x7fELF", 'a core file';

    my %look = %{$t->{secrets}};
    cmp_ok index($core, delete $look{MARK}), '>', 0, 'with the configuration';

    # keys of the store and of links as Login.pm has them, and what they come to
    my $key = pack 'H*', $Test::Meta::Login::SEAL_KEY;
    @look{'key', 'key as text', 'link key'} =
        ($key, $Test::Meta::Login::SEAL_KEY, $Test::Meta::Login::LINK_KEY);
    $look{"$_ key"} = hmac_sha256("ngx_http_meta $_", $key) for qw(token code state);

    # as HMAC has them: a whole block with one of two paddings
    for my $name (grep { /^SECRET/ } keys %look) {
        $look{sprintf "$name ^ %#x", $_} = $look{$name} ^ (chr($_) x length $look{$name})
            for 0x36, 0x5c;
    }
    for my $name (sort keys %look) {
        my $n = () = $core =~ /\Q$look{$name}\E/g;
        is $n, 0, "$name is not in it";
    }
    unlink $file;
};

run_blocks();

__DATA__

=== secrets, verify tokens and passwords: none is in a worker's core
--- cores
--- tls
--- secrets: MARK=32 SECRET1=32 SECRET2=100 TOKEN1=24 TOKEN2=40 WRONG=32 PASSWORD=32
--- redis
requirepass $PASSWORD
tls-port $TLSREDIS
tls-cert-file $DIR/server.pem
tls-key-file $DIR/server.key
tls-ca-cert-file $DIR/ca.pem
tls-auth-clients no
--- log_level: info
--- secret
$SECRET1
77 $SECRET2
--- token
$TOKEN1
$TOKEN2
--- file: password
$PASSWORD
--- location
meta_webhook;
meta_redis $REDIS password_file=$DIR/password;
meta_queue meta:events:$MARK;
--- server
listen 127.0.0.1:$TLS ssl http2;
ssl_certificate $DIR/server.pem;
ssl_certificate_key $DIR/server.key;
location /tls {
    meta_webhook;
    meta_redis rediss://localhost:$TLSREDIS password_file=$DIR/password ca_file=$DIR/ca.pem;
}
--- post: /hook sign=key:$SECRET1
@whatsapp 2
--- status: 200
--- post: /tls sign=key:$SECRET2
@size 600000
--- status: 200
--- post: /hook sign=key:another-key
@page 2
--- status: 401
--- get: /hook?hub.mode=subscribe&hub.verify_token=$TOKEN1&hub.challenge=1
--- status: 200
--- get: /hook?hub.mode=subscribe&hub.verify_token=$WRONG&hub.challenge=1
--- status: 403
--- ask_tls: /hook?hub.mode=subscribe&hub.verify_token=$TOKEN2&hub.challenge=1 200 200
--- ask_tls: /tls?hub.mode=subscribe&hub.verify_token=$TOKEN2$WRONG&hub.challenge=1 403 403
--- core_without_secrets
--- get: /hook?hub.mode=subscribe&hub.verify_token=$TOKEN1&hub.challenge=1
--- status: 200

=== codes of logins, and the keys that seal them and sign links
--- cores
--- tls
--- secrets: MARK=32 CODE1=300 CODE2=32 CODE3=32 CODE4=32 CODE5=400 CODE6=300 CODE7=300
--- log_level: info
--- http
meta_queue meta:events:$MARK;
server {
    listen 127.0.0.1:$TLS ssl http2;
    ssl_certificate $DIR/server.pem;
    ssl_certificate_key $DIR/server.key;
    meta_redirect_uri https://example.com/cb;
    meta_token_key_file $DIR/token_keys;
    location = /cb { meta_oauth_callback; }
    meta_oauth_open on;
    location = /signup { meta_embedded_signup config_id=4455; }
}
--- server
location = /signup { meta_embedded_signup config_id=4455; }
--- logins
--- login: ref=shop-7
--- status: 302
--- back: code=$CODE1&state=$STATE
--- status: 303
--- back: code=$CODE2&state=$STATE
--- status: 409
--- signup: $CODE5
--- status: 200
--- signup_by: $CODE6 split
--- state
--- ask_tls: /cb?code=$CODE3&state=$STATE 303 409
--- state: expires=-1
--- ask_tls: /cb?code=$CODE4&state=$STATE 400 400
--- signup_by: $CODE7 http2
--- core_without_secrets
