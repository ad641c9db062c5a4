# nginx's mirror beside the webhook: the application of old keeps what it had.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use IO::Socket::INET;
use Test::More;

use Test::Meta;
use Test::Meta::Process;
use Test::Meta::Util qw(hold_port slurp spew wait_for);

# The application of old: answers "app" to everything, keeps what came last
# as method, signature, body, one after another, each behind its length.
sub serve {
    my ($listener, $dir) = @_;
    my $n = 0;
    while (my $c = $listener->accept) {
        my $in = '';
        while ($in !~ /\r\n\r\n/) {
            sysread $c, $in, 65536, length $in or last;
        }
        my ($head, $body) = split /\r\n\r\n/, $in, 2;
        my ($length) = ($head // '') =~ /^Content-Length: (\d+)/mi;
        while (length $body < ($length // 0)) {
            sysread $c, $body, 65536, length $body or last;
        }
        my ($signature) = $head =~ /^X-Hub-Signature-256: (\S+)/mi;
        spew("$dir/app.new", join "\n", $head =~ /^(\w+)/,
            $signature // '', $body);
        rename "$dir/app.new", "$dir/app.last";
        print $c "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
            . "Connection: close\r\n\r\napp";
        close $c;
    }
}

config_verb app => sub {
    my ($t) = @_;
    my ($port, $probe) = hold_port();
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Listen => 16, ReuseAddr => 1) or die "app: $@";
    my $dir = $t->{dir};
    $t->{vars}{APPPORT} = $port;
    $t->{app} = Test::Meta::Process->new->run(out => "$dir/app.out",
        code => sub { serve($listener, $dir) });
};

# METHOD: the application has got the last body, and its signature is good
verb app_got => sub {
    my ($t, $method) = @_;
    my $want = $t->{sent}{body};
    my ($how, $signature, $body);
    ok &wait_for(sub {
        ($how, $signature, $body)
            = split /\n/, slurp("$t->{dir}/app.last"), 3;
        defined $body && $body eq $want }), 'the application got the body';
    is $how, $method, "by $method";
    my $hex = hmac_sha256_hex($want, $Test::Meta::SECRET);
    ($t->{last}{status} // 0) == 401 ? isnt($signature, "sha256=$hex", 'bad as it was')
        : is($signature, "sha256=$hex", 'its signature verifies');
};

run_blocks();

__DATA__

=== the old application gets body and signature, the webhook its event
--- server
location /old {
    internal;
    proxy_pass http://127.0.0.1:$APPPORT;
    proxy_set_header Host $http_host;
}
--- location
meta_webhook;
mirror /old;
--- app
--- post: /hook
@whatsapp 3
--- status: 200
--- answer: EVENT_RECEIVED
--- records: meta:events
--- app_got: POST

=== in a temp file, chunked, 3 MB
--- server
location /old {
    internal;
    proxy_pass http://127.0.0.1:$APPPORT;
}
--- location
meta_webhook;
mirror /old;
client_body_buffer_size 8k;
--- app
--- post: /hook
@size 3000000
--- status: 200
--- records: meta:events
--- app_got: POST
--- redis_do: FLUSHALL
--- post: /hook chunked=1000
@whatsapp 30
--- status: 200
--- records: meta:events
--- app_got: POST

=== a forged delivery reaches the application as before: its own check refuses it
--- server
location /old {
    internal;
    proxy_pass http://127.0.0.1:$APPPORT;
}
--- location
meta_webhook;
mirror /old;
--- app
--- post: /hook sign=bad
@whatsapp
--- status: 401
--- llen: meta:events 0
--- app_got: POST

=== the application is down: the webhook does not care
--- server
location /old {
    internal;
    proxy_pass http://127.0.0.1:1;
}
--- location
meta_webhook;
mirror /old;
--- post: /hook
@whatsapp 2
--- status: 200
--- records: meta:events

=== Redis is down: the application has it, the answer is 503
--- redis: down
--- server
location /old {
    internal;
    proxy_pass http://127.0.0.1:$APPPORT;
}
--- location
meta_webhook;
mirror /old;
--- app
--- post: /hook
@whatsapp
--- status: 503
--- app_got: POST

=== the handshake with a mirror: one challenge
--- server
location /old {
    internal;
    proxy_pass http://127.0.0.1:$APPPORT;
}
--- location
meta_webhook;
mirror /old;
--- app
--- get: /hook?hub.mode=subscribe&hub.challenge=abc&hub.verify_token=$TOKEN
--- status: 200
--- answer: abc

=== the other way round: the application answers, the webhook is the mirror
--- server
location /edge {
    internal;
    meta_webhook;
}
--- location
mirror /edge;
proxy_pass http://127.0.0.1:$APPPORT;
--- app
--- post: /hook
@whatsapp 3
--- status: 200
--- answer: app
--- app_got: POST
--- llen: meta:events 3

=== the other way round, the client leaves while Redis is asked
--- server
location /edge {
    internal;
    meta_webhook;
}
--- location
mirror /edge;
proxy_pass http://127.0.0.1:$APPPORT;
--- app
--- redis_do: pause
--- post: /hook as=a
@whatsapp 3
--- app_got: POST
--- close: a
--- redis_do: cont
--- llen: meta:events 3
