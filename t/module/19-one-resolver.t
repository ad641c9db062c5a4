# One Redis by name for two servers, of which only one has a resolver.

use strict;
use warnings;

use IO::Socket::INET;

use Test::Meta;
use Test::Meta::Process;

# $DNSPORT: answers every question for an A record with 127.0.0.1
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

run_blocks();

__DATA__

=== the resolver stands in the second server
--- redis: up tcp
--- dns
--- http
server {
    listen 127.0.0.1:$PORT;
    server_name first.test;
    location /hook { meta_webhook; meta_redis redis.meta.test:$REDIS_PORT; }
}
--- server
server_name meta.test;
resolver 127.0.0.1:$DNSPORT ipv6=off;
--- location
meta_webhook;
meta_redis redis.meta.test:$REDIS_PORT;
--- until: 200 3
--- post: /hook
> Host: first.test
@whatsapp
--- status: 200
--- post: /hook
> Host: meta.test
@whatsapp
--- status: 200
--- llen: meta:events 3
--- clients: 1

=== the resolver stands in the first server
--- redis: up tcp
--- dns
--- http
server {
    listen 127.0.0.1:$PORT;
    server_name first.test;
    resolver 127.0.0.1:$DNSPORT ipv6=off;
    location /hook { meta_webhook; meta_redis redis.meta.test:$REDIS_PORT; }
}
--- server
server_name meta.test;
--- location
meta_webhook;
meta_redis redis.meta.test:$REDIS_PORT;
--- until: 200 3
--- post: /hook
> Host: first.test
@whatsapp
--- status: 200
--- post: /hook
> Host: meta.test
@whatsapp
--- status: 200
--- llen: meta:events 3
--- clients: 1
