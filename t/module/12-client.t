# Clients that leave, hurry, share a connection, or send many requests at once.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Test::More;

use Test::Meta;
use Test::Meta::HTTP;
use Test::Meta::Process;
use Test::Meta::Sample;
use Test::Meta::Util qw(slurp spew wait_for);

# one whole POST of a message
sub wire {
    my ($t) = @_;
    my $sample = Test::Meta::Sample::whatsapp(1);
    my $hex = hmac_sha256_hex($sample->{body}, $Test::Meta::SECRET);
    $t->learn($hex, @{$sample->{texts}});
    return join "\r\n", 'POST /hook HTTP/1.1', 'Host: meta.test',
        "X-Hub-Signature-256: sha256=$hex",
        'Content-Length: ' . length $sample->{body}, '', $sample->{body};
}

verb pipelined => sub {
    my ($t, $n) = @_;
    my $c = Test::Meta::HTTP->new($t->{nginx}->port);
    $c->send(join '', map { wire($t) } 1 .. $n);
    is join(' ', map { $c->answer->{status} } 1 .. $n),
        join(' ', (200) x $n), "$n answers";
    $c->close;
};

# 2N deliveries while Redis hangs; every second client leaves
verb leave_and_stay => sub {
    my ($t, $n) = @_;
    my @c = map { Test::Meta::HTTP->new($t->{nginx}->port) } 1 .. 2 * $n;
    $_->send(wire($t)) for @c;
    $t->run(wait_requests => 2 * $n);
    $_ % 2 ? $c[$_]->reset : 1 for 0 .. $#c;
    $t->run(log_count => "$n client prematurely closed|recv\\(\\) failed");
    $t->{redis}->cont;
    my %seen;
    $seen{$c[$_]->answer->{status}}++ for grep { $_ % 2 == 0 } 0 .. $#c;
    is_deeply \%seen, {200 => $n}, "$n that stayed are answered 200";
    $_->close for @c;
};

# the worker is stopped while they come in, so it finds all of them at once
verb in_one_turn => sub {
    my ($t, $n) = @_;
    my @c = map { Test::Meta::HTTP->new($t->{nginx}->port) } 1 .. $n;
    $t->run(post => '/hook sign=none', "\@whatsapp\n");   # all are accepted
    my ($worker) = $t->{nginx}->workers;
    kill 'STOP', $worker;
    $_->send(wire($t)) for @c;
    kill 'CONT', $worker;
    my %seen;
    $seen{$_->answer->{status}}++ for @c;
    is_deeply \%seen, {200 => $n}, "$n times 200";
    $_->close for @c;
};

sub nghttp {
    my ($t, @args) = @_;
    my $sample = Test::Meta::Sample::whatsapp(1);
    my $hex = hmac_sha256_hex($sample->{body}, $Test::Meta::SECRET);
    $t->learn($hex, @{$sample->{texts}});
    my $client = Test::Meta::Process->new;
    unlink "$t->{dir}/nghttp.out";
    return $client->run(out => "$t->{dir}/nghttp.out", cmd => ['nghttp', '-v',
        '-n', '--no-dep', '-d', spew("$t->{dir}/nghttp.in", $sample->{body}),
        '-H', "x-hub-signature-256: sha256=$hex", @args,
        'http://127.0.0.1:' . $t->{nginx}->h2_port . '/hook']);
}

verb h2_many => sub {
    my ($t, $n) = @_;
    is nghttp($t, '-m', $n)->wait_exit(20), '0', 'nghttp ends well';
    my @seen = slurp("$t->{dir}/nghttp.out") =~ /:status: (\d+)/g;
    is "@seen", join(' ', (200) x $n), "$n times 200";
};

verb h2_leaves => sub {
    my ($t) = @_;
    my $client = nghttp($t);
    ok &wait_for(sub { $t->log =~ /http2 DATA frame/ }), 'it is asked';
    $client->stop('KILL');
    $t->run(log => 'client (?:prematurely )?closed connection|http2 .*close');
};

# STATUS, or nothing: nginx takes a half-closed client for one that left
verb gets => sub {
    my ($t, $status) = @_;
    my $got = $t->{last}{status};
    ok $got == $status || $got == 0, "$status or nothing: $got";
};

run_blocks();

__DATA__

=== gone while Redis is asked: the event arrives, nobody crashes
--- redis_do: pause
--- post: /hook as=a
@whatsapp 3
--- wait_requests: 1
--- close: a
--- log: client prematurely closed connection
--- redis_do: cont
--- llen: meta:events 3
--- load: 2

=== reset while Redis is asked
--- redis_do: pause
--- post: /hook as=a
@whatsapp 3
--- wait_requests: 1
--- reset: a
--- log: client prematurely closed connection|recv\(\) failed \(104
--- redis_do: cont
--- llen: meta:events 3
--- load: 2

=== gone while half is written: the rest is the right bytes
--- redis: script
HALFREAD 200000
WAIT gone
EXPECT ^RPUSH meta:events
SEND :1\r\n
EXPECT ^RPUSH
SEND :2\r\n
--- post: /hook as=a
@size 3000000
--- peer: at WAIT gone
--- close: a
--- log: client prematurely closed connection
--- redis_do: go gone
--- peer: \n.*at EXPECT \^RPUSH\n
--- peer_records: meta:events
--- post: /hook
@whatsapp
--- status: 200

=== gone while half is written, 400 events from a temp file
--- location
meta_webhook;
client_body_buffer_size 8k;
--- redis: script
HALFREAD 400
WAIT gone
EXPECT ^RPUSH meta:events
SEND :400\r\n
EXPECT ^RPUSH
SEND :2\r\n
--- post: /hook as=a
@whatsapp 4000
--- peer: at WAIT gone
--- close: a
--- log: client prematurely closed connection
--- redis_do: go gone
--- peer: \n.*at EXPECT \^RPUSH\n
--- peer_records: meta:events
--- post: /hook
@whatsapp
--- status: 200

=== gone before Redis has let us in: the event arrives all the same
--- redis: script
EXPECT ^AUTH
WAIT gone
SEND +OK\r\n
EXPECT ^RPUSH
SEND :1\r\n
EXPECT ^RPUSH
SEND :1\r\n
--- file: password
redis-password-01
--- location
meta_webhook;
meta_redis $REDIS password_file=$DIR/password;
--- post: /hook as=a
@size 100000
--- wait_requests: 1
--- close: a
--- log: client prematurely closed connection
--- redis_do: go gone
--- peer: \n.*at EXPECT \^RPUSH\n(?:.*\n)*at EXPECT
--- peer_records: meta:events
--- post: /hook
@whatsapp
--- status: 200

=== gone, then Redis dies: nothing is touched twice
--- redis: script
EXPECT ^RPUSH
WAIT gone
CLOSE
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook as=a
@whatsapp
--- peer: at WAIT gone
--- close: a
--- log: client prematurely closed connection
--- redis_do: go gone
--- until: 200 3

=== gone, then the deadline, then the late reply
--- redis: script
EXPECT ^RPUSH
WAIT late
SEND :1\r\n
EXPECT ^RPUSH
SEND :2\r\n
--- location
meta_webhook;
meta_redis_timeout $MS1000;
--- post: /hook as=a
@whatsapp
--- peer: at WAIT late
--- close: a
--- log: client prematurely closed connection
--- wait_ms: 1100
--- redis_do: go late
--- post: /hook
@whatsapp
--- status: 200

=== gone while half is written, then the deadline: Redis gets the whole command
--- redis: script
HALFREAD 200000
WAIT late
EXPECT ^RPUSH meta:events
SEND :1\r\n
EXPECT ^RPUSH
SEND :2\r\n
--- location
meta_webhook;
meta_redis_timeout $MS50;
--- post: /hook as=a
@size 3000000
--- peer: at WAIT late
--- recv: a
--- status: 503
--- redis_do: go late
--- peer: \n.*at EXPECT \^RPUSH\n
--- peer_records: meta:events
--- post: /hook
@whatsapp
--- status: 200

=== many leave while Redis hangs, many stay
--- redis_do: pause
--- leave_and_stay: 50
--- llen: meta:events 100
--- clients: 1

=== a half-closed client gets its answer
--- post: /hook as=a
@whatsapp
--- half_close: a
--- recv: a
--- gets: 200
--- llen: meta:events 1

=== kept alive: many deliveries on one connection
--- post: /hook as=a
@whatsapp
--- recv: a
--- status: 200
--- headers
Connection: keep-alive
--- post: /hook as=a
@page 3
--- recv: a
--- status: 200
--- post: /hook as=a sign=bad
@whatsapp
--- recv: a
--- status: 401
--- post: /hook as=a sign=none
@size 50000
--- recv: a
--- status: 401
--- request: PUT /hook as=a
@size 50000
--- recv: a
--- status: 405
--- get: /hook?hub.mode=subscribe&hub.challenge=yes&hub.verify_token=$TOKEN as=a
--- recv: a
--- status: 200
--- answer: yes
--- post: /hook as=a chunked=7
@whatsapp
--- recv: a
--- status: 200
--- post: /hook as=a
@size 500000
--- recv: a
--- status: 200
--- llen: meta:events 6

=== kept alive after a 503 too
--- redis: script
EXPECT ^RPUSH
SEND -OOM no\r\n
EXPECT ^RPUSH
SEND :1\r\n
--- post: /hook as=a
@whatsapp
--- recv: a
--- status: 503
--- post: /hook as=a
@whatsapp
--- recv: a
--- status: 200

=== pipelined: several deliveries in one go, answered in order
--- pipelined: 10
--- llen: meta:events 10

=== pipelined behind a request that Redis keeps waiting
--- redis_do: pause
--- post: /hook as=a
@whatsapp
--- wait_requests: 1
--- get: /hook?hub.mode=subscribe&hub.challenge=yes&hub.verify_token=$TOKEN as=a
--- redis_do: cont
--- recv: a
--- status: 200
--- answer: EVENT_RECEIVED
--- recv: a
--- answer: yes

=== many deliveries in one turn of the event loop: one write, each its own answer
--- in_one_turn: 40
--- log: http meta redis writev: .* in (?:[2-9]\d|1\d\d)
--- llen: meta:events 40
--- calls: rpush 40

=== many streams of one HTTP/2 connection
--- h2_many: 30
--- llen: meta:events 30
--- clients: 1

=== an HTTP/2 client that leaves while Redis is asked
--- redis_do: pause
--- h2_leaves
--- redis_do: cont
--- llen: meta:events 1
--- load: 2

=== a client without a word, half a request line, half a header
--- raw: a open

--- raw: b open
POST /hoo
--- raw: c open
POST /hook HTTP/1.1
Host: meta.test
X-Hub-Signature-256: sha256=
--- close: a
--- close: b
--- close: c
--- load: 1

=== HTTP/1.0, with and without a length
--- raw: a
POST /hook HTTP/1.0
X-Hub-Signature-256: sha256=4509f352ac8206db13264ebf99bca466425bada72d1a65ca145de82b80cf8c3a
Content-Length: 49

{"object":"whatsapp_business_account","entry":[]}
--- recv: a
--- status: 200
--- llen: meta:events 1
--- raw: b
GET /hook?hub.mode=subscribe&hub.challenge=yes&hub.verify_token=$TOKEN HTTP/1.0
--- recv: b
--- status: 200
--- answer: yes
