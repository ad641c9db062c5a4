# rediss://: TLS to a real redis-server, always verified.

use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::IP;
use Test::More;

use Test::Meta;
use Test::Meta::Certs;
use Test::Meta::Process;
use Test::Meta::Util qw(connects hold_port wait_for);

# CERT: authorities and certificates, $TLSPORT, and $TLS for redis.conf, where
# the server has that one
config_verb tls => sub {
    my ($t, $cert) = @_;
    my $dir = $t->{dir};
    my $ca = Test::Meta::Certs->new($dir, 'ca');
    my $other = Test::Meta::Certs->new($dir, 'other');
    $ca->issue('good', '/CN=redis', 'DNS:localhost,IP:127.0.0.1');
    $ca->issue('name', '/CN=redis', 'DNS:localhost');
    $ca->issue('address', '/CN=127.0.0.1', 'IP:127.0.0.1');
    $ca->issue('six', '/CN=redis', 'IP:::1');
    $ca->issue('elsewhere', '/CN=127.0.0.1', 'DNS:redis.test,DNS:127.0.0.1,IP:127.0.0.2');
    $other->issue('foreign', '/CN=redis', 'DNS:localhost,IP:127.0.0.1');
    ($t->{vars}{TLSPORT}, my $probe) = hold_port();
    push @{$t->{held}}, $probe;
    $t->{vars}{TLS} = "tls-port $t->{vars}{TLSPORT}\n"
        . "tls-cert-file $dir/$cert.pem\ntls-key-file $dir/$cert.key\n"
        . "tls-ca-cert-file $dir/ca.pem\ntls-auth-clients no";
};

config_verb needs_ipv6 => sub {
    my ($t) = @_;
    IO::Socket::IP->new(LocalHost => '::1', Proto => 'tcp', Listen => 1)
        or $t->run(skip => 'no IPv6 here');
};

# $DNSPORT: every name is 127.0.0.1
config_verb dns => sub {
    my ($t) = @_;
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        Proto => 'udp') or die "udp: $@";
    $t->{vars}{DNSPORT} = $socket->sockport;
    $t->{dns} = Test::Meta::Process->new->run(out => "$t->{dir}/dns.out",
        code => sub {
            while (defined(my $peer = $socket->recv(my $query, 512))) {
                my ($name) = $query =~ /\A.{12}((?:[^\0].*?)?\0)/s;
                my $question = substr $query, 12, length($name) + 4;
                $socket->send(pack('a2nnnnn', $query, 0x8180, 1, 1, 0, 0)
                    . $question
                    . pack('nnnNnC4', 0xc00c, 1, 1, 0, 4, 127, 0, 0, 1), 0,
                    $peer);
            }
        });
};

# a TLS server that says lines backwards, its certificate good for localhost
# only if that name was asked for
config_verb s_server => sub {
    my ($t) = @_;
    my $dir = $t->{dir};
    $t->{s_server} = Test::Meta::Process->new;
    push @{$t->{before_start}}, sub {
        $t->{s_server}->run(out => "$dir/s_server", cmd => ['openssl', 's_server',
            '-rev', '-accept', "127.0.0.1:$t->{vars}{TLSPORT}",
            '-cert', "$dir/elsewhere.pem", '-key', "$dir/elsewhere.key",
            '-servername', 'localhost',
            '-cert2', "$dir/name.pem", '-key2', "$dir/name.key"]);
        wait_for { connects($t->{vars}{TLSPORT}) };
    };
};

# N SIZE: deliveries of that size at once, while Redis hangs; then all 200
verb all_at_once => sub {
    my ($t, $arg) = @_;
    my ($n, $size) = split ' ', $arg;
    $t->{redis}->pause;
    $t->run(post => "/hook as=$_", "\@size $size\n") for 1 .. $n;
    $t->run(wait_requests => $n);
    $t->{redis}->cont;
    my %seen;
    for (1 .. $n) {
        $t->run(recv => $_);
        $seen{$t->{last}{status}}++;
    }
    is_deeply \%seen, {200 => $n}, "$n times 200";
};

run_blocks();

__DATA__

=== an address, named by its certificate
--- tls: good
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem;
--- post: /hook
@whatsapp 3
--- status: 200
--- records: meta:events
--- load: 50
--- no_log: is away

=== a name, looked up at start
--- tls: name
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://localhost:$TLSPORT ca_file=$DIR/ca.pem;
--- until: 200 5
--- load: 20

=== a name, looked up by the resolver at each reconnect
--- tls: elsewhere
--- dns
--- redis: tcp
$TLS
--- location
meta_webhook;
resolver 127.0.0.1:$DNSPORT ipv6=off;
meta_redis rediss://redis.test:$TLSPORT ca_file=$DIR/ca.pem;
--- until: 200 5
--- redis_do: restart
--- until: 200 5

=== an IPv6 address
--- needs_ipv6
--- tls: six
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://[::1]:$TLSPORT ca_file=$DIR/ca.pem;
--- post: /hook
@whatsapp
--- status: 200

=== user, password and database go over it
--- tls: good
--- redis: tcp
$TLS
requirepass redis-password-01
--- file: password
redis-password-01
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem password_file=$DIR/password db=3;
--- post: /hook
@whatsapp 2
--- status: 200
--- redis_do: SELECT 3
--- records: meta:events

=== a certificate of another authority: away, and no word is said to it
--- once
--- tls: foreign
--- redis: tcp
$TLS
requirepass redis-password-01
--- file: password
redis-password-01
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem password_file=$DIR/password;
--- log: \[error\] .*"rediss://127\.0\.0\.1:\d+" is away: .*(?:certificate|signature)
--- post: /hook
@whatsapp
--- status: 503
--- calls: auth 1
--- calls: rpush 0

=== the system does not trust it either
--- once
--- tls: good
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT;
--- log: \[error\] .* is away: .*certificate
--- post: /hook
@whatsapp
--- status: 503

=== unless it is in the system's store
--- tls: good
--- redis: tcp
$TLS
--- env
SSL_CERT_FILE=$DIR/ca.pem
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT;
--- post: /hook
@whatsapp
--- status: 200

=== a certificate of another name
--- once
--- tls: address
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://localhost:$TLSPORT ca_file=$DIR/ca.pem;
--- log: \[error\] .* is away: its certificate is of another name
--- post: /hook
@whatsapp
--- status: 503
--- calls: set 0

=== a certificate of another address, whatever its names say
--- once
--- tls: elsewhere
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem;
--- log: \[error\] .* is away: its certificate is of another address
--- post: /hook
@whatsapp
--- status: 503
--- calls: set 0

=== a name is no address
--- once
--- tls: name
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem;
--- log: \[error\] .* is away: its certificate is of another address

=== the name is asked for
--- once
--- tls: good
--- s_server
--- location
meta_webhook;
meta_redis rediss://localhost:$TLSPORT ca_file=$DIR/ca.pem;
--- log: \[error\] .* is away: not Redis' protocol

=== one line for an outage, whatever many attempts say
--- once
--- tls: foreign
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem;
--- wait_ms: 1500
--- log_count: 1 \[error\]
--- no_log: \[(?:crit|alert|emerg|warn|info)\] .*SSL

=== a server that knows no TLS
--- tls: good
--- redis: tcp
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$REDIS_PORT ca_file=$DIR/ca.pem;
meta_redis_connect_timeout $MS500;
--- log: \[error\] .* is away: TLS handshake (?:failed|timed out)
--- clock: start
--- post: /hook
@whatsapp
--- status: 503
--- clock: below 3

=== a server that says nothing: given up in time
--- tls: good
--- redis: script tcp
HALFREAD 100
WAIT over
CLOSE
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$REDIS_PORT ca_file=$DIR/ca.pem;
meta_redis_connect_timeout $MS300;
--- log: \[error\] .* is away: TLS handshake timed out
--- post: /hook
@whatsapp
--- status: 503
--- redis_do: go over

=== a server that says rubbish, one that closes
--- tls: good
--- redis: script tcp
HALFREAD 100
SEND -ERR what do you mean\r\n
CLOSE
ACCEPT
CLOSE
ACCEPT
RESET
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$REDIS_PORT ca_file=$DIR/ca.pem;
--- log: \[error\] .* is away: TLS handshake failed
--- peer: ^end

=== large deliveries
--- tls: good
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem;
--- post: /hook
@size 3000000
--- status: 200
--- records: meta:events
--- redis_do: DEL meta:events
--- post: /hook
@whatsapp 4000
--- status: 200
--- records: meta:events
--- redis_do: DEL meta:events
--- post: /hook
@size 16384
--- status: 200
--- records: meta:events

=== large deliveries, while Redis does not read
--- tls: good
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem;
--- post: /hook
@whatsapp
--- status: 200
--- redis_do: DEL meta:events
--- redis_do: pause
--- post: /hook as=a
@size 3500000
--- wait_requests: 2
--- redis_do: cont
--- recv: a
--- status: 200
--- records: meta:events

=== many of them at once
--- tls: good
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem;
--- all_at_once: 12 1500000
--- llen: meta:events 12
--- clients: 1

=== the client leaves while half is written
--- tls: good
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem;
--- post: /hook
@whatsapp
--- redis_do: DEL meta:events
--- redis_do: pause
--- post: /hook as=a
@size 3500000
--- log: http meta redis writev: \d+ of 350\d{4} in
--- close: a
--- log: client prematurely closed connection
--- redis_do: cont
--- llen: meta:events 1
--- records: meta:events
--- load: 3

=== a Redis that hangs: 503 in time, then the late answers, then all is well
--- tls: good
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem;
meta_redis_timeout $MS300;
--- post: /hook
@whatsapp
--- status: 200
--- redis_do: pause
--- post: /hook
@whatsapp
--- status: 503
--- redis_do: cont
--- until: 200 5

=== a Redis that hangs for good: the connection is given up, and another made
--- tls: good
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem;
meta_redis_timeout $MS200;
meta_redis_connect_timeout $MS200;
--- post: /hook
@whatsapp
--- status: 200
--- redis_do: pause
--- post: /hook
@size 3000000
--- status: 503
--- log: is away: it does not answer
--- redis_do: cont
--- until: 200 5
--- log: is back

=== Redis dies and comes back
--- tls: good
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem;
--- load: 3
--- redis_do: stop
--- until: 503 5
--- redis_do: start
--- until: 200 5
--- log: \[notice\] .* is back

=== partitions over TLS
--- tls: good
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem;
meta_queue m partitions=2;
--- post: /hook
{"object":"page","entry":[{"id":"1","changes":[{}]},{"id":"2","changes":[{}]},{"id":"3","changes":[{}]},{"id":"4","changes":[{}]}]}
--- status: 200
--- calls: exec 1
--- calls: rpush 2

=== reloads leave no connection behind
--- tls: good
--- workers: 2
--- redis: tcp
$TLS
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem;
--- load: 2
--- reload
--- load: 2
--- reload
--- load: 2
--- clients: 2

=== one target for equal words, another for another authority or without TLS
--- tls: good
--- redis: tcp
$TLS
--- server
location /other {
    meta_webhook;
    meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem;
}
location /third {
    meta_webhook;
    meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/./ca.pem;
}
location /plain {
    meta_webhook;
    meta_redis 127.0.0.1:$REDIS_PORT;
}
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:$TLSPORT ca_file=$DIR/ca.pem;
--- clients: 3
--- load: 2

=== a ca_file that is missing
--- location
meta_webhook;
meta_redis rediss://127.0.0.1 ca_file=$DIR/nothing.pem;
--- refused
\[emerg\] .*nothing\.pem

=== a ca_file without TLS
--- location
meta_webhook;
meta_redis 127.0.0.1 ca_file=$DIR/secret;
--- refused
"meta_redis" directive has "ca_file" without "rediss://"

=== a unix socket has no TLS
--- location
meta_webhook;
meta_redis rediss://unix:/tmp/redis.sock;
--- refused
must be unix:/path or \[rediss://\]host\[:port\]

=== no host
--- location
meta_webhook;
meta_redis rediss://;
--- refused
no host in "meta_redis" address "rediss://"

=== a path behind it
--- location
meta_webhook;
meta_redis rediss://127.0.0.1:6379/0;
--- refused
in "meta_redis" address "rediss://127.0.0.1:6379/0"
