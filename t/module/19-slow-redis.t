# A Redis that is slow, shy or read only: who waits longer is not made to pay
# for who waits less, and an outage is told once.

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(sleep time);

use Test::Meta;
use Test::Meta::Process;
use Test::Meta::Util qw(patience slurp spew wait_for);

# $FAR: the same Redis, whose answers take so many milliseconds to come; the
# file "far" tells how many
config_verb far => sub {
    my ($t, $ms) = @_;
    my $path = $t->{vars}{FAR_PATH} = "$t->{dir}/far.sock";
    my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 16)
        or die "listen: $!";
    chmod 0777, $path or die "chmod: $!";
    $t->{vars}{FAR} = "unix:$path";
    spew("$t->{dir}/far", $ms);
    $t->{far} = Test::Meta::Process->new->run(out => "$t->{dir}/far.out",
        code => sub { far($listener, "$t->{dir}") });
    close $listener;
};

sub far {
    my ($listener, $dir) = @_;
    my $all = IO::Select->new($listener);
    my (%near, %peer, @late);
    $| = 1;

    while (1) {
        my $wait = @late ? $late[0][0] - time : undef;
        for my $from ($all->can_read(defined $wait && $wait < 0 ? 0 : $wait)) {
            if ($from == $listener) {
                my $c = $listener->accept or next;
                my $redis = IO::Socket::UNIX->new(Peer => "$dir/redis.sock")
                    or next;
                print "accepted\n";
                @peer{$c, $redis} = ($redis, $c);
                $near{$c} = 1;
                $all->add($c, $redis);
                next;
            }
            my $to = $peer{$from} or next;
            if (!sysread $from, my $bytes, 65536) {
                delete @peer{$from, $to};
                @late = grep { $_->[1] != $from && $_->[1] != $to } @late;
                $all->remove($from, $to);
                close $_ for $from, $to;
            } elsif ($near{$from}) {
                syswrite $to, $bytes;
            } else {
                my $ms = slurp("$dir/far") * patience();
                push @late, [time + $ms / 1000, $to, $bytes];
            }
        }
        syswrite $_->[1], $_->[2]
            for map { shift @late } grep { $_->[0] <= time } @late;
    }
}

# N: so many connections have been made to $FAR, none more
verb far_connections => sub {
    my ($t, $n) = @_;
    my $got = () = slurp("$t->{dir}/far.out") =~ /accepted/g;
    is $got, $n, "$n connections to Redis";
};

# SECONDS: delivers all that time, and each delivery is answered 503
verb refused_for => sub {
    my ($t, $seconds) = @_;
    my $end = time + $seconds;
    my %status;
    while (time < $end) {
        $t->run(post => '/hook', "\@whatsapp\n");
        $status{$t->{last}{status}}++;
        sleep 0.02;
    }
    is join(' ', keys %status), '503', "nothing but 503 for $seconds s";
};

# N REGEX: at least one line of ours that is not for debugging matches, and
# at most N do; more where everything takes longer, as ten seconds may pass
verb lines_at_most => sub {
    my ($t, $arg) = @_;
    my ($n, $regex) = split ' ', $arg, 2;
    my @lines;
    $n *= patience();
    wait_for { @lines = grep { !/\[debug\]/ && /$regex/ }
        split /^/, $t->log } 2;
    ok @lines >= 1 && @lines <= $n, scalar(@lines)
        . " lines, 1 to $n: $regex" or diag @lines;
};

run_blocks();

__DATA__

=== 3 MB alone get their time in proportion: 200 after 2 s
--- location
meta_webhook;
meta_redis_timeout $MS500;
--- redis: script
EXPECT ^RPUSH
SLEEP 2000
SEND :1\r\n
--- post: /hook
@size 3000000
--- status: 200
--- peer_records: meta:events

=== the same beside a small delivery that is given up: still 200
--- location
meta_webhook;
meta_redis_timeout $MS500;
--- redis: script
EXPECT ^RPUSH
EXPECT ^RPUSH
SLEEP 1800
SEND :1\r\n:2\r\n
--- post: /hook as=big
@size 3000000
--- peer: ^got
--- wait_ms: 150
--- post: /hook
@whatsapp
--- status: 503
--- recv: big
--- status: 200

=== a location with patience beside one without: the patient one is 200
--- location
meta_webhook;
meta_redis_timeout $MS500;
--- server
location /patient {
    meta_webhook;
    meta_redis_timeout $MS10000;
}
--- redis: script
EXPECT ^RPUSH
EXPECT ^RPUSH
EXPECT ^RPUSH
EXPECT ^RPUSH
SLEEP 1000
SEND :1\r\n:2\r\n:3\r\n:4\r\n
--- post: /patient as=a
@whatsapp
--- peer: ^got
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook
@whatsapp
--- status: 503
--- recv: a
--- status: 200

=== the patient one behind the one without: 200 too
--- location
meta_webhook;
meta_redis_timeout $MS500;
--- server
location /patient {
    meta_webhook;
    meta_redis_timeout $MS10000;
}
--- redis: script
EXPECT ^RPUSH
EXPECT ^RPUSH
SLEEP 2000
SEND :1\r\n:2\r\n
--- post: /hook as=a
@whatsapp
--- peer: ^got
--- post: /patient as=b
@whatsapp
--- recv: a
--- status: 503
--- recv: b
--- status: 200

=== LLEN takes longer than the second between two of them: the list is not full for ever
--- once
--- far: 1300
--- location
meta_webhook;
meta_redis $FAR;
meta_redis_timeout $MS10000;
meta_queue meta:events max=2;
--- post: /hook
@whatsapp 3
--- status: 200
--- post: /hook
@whatsapp
--- status: 503
--- wait_ms: 2500
--- post: /hook
@whatsapp
--- status: 503
--- redis_do: DEL meta:events
--- until: 200 6
--- far_connections: 1
--- log: \[notice\] .*meta queue "meta:events" takes events again
--- no_log: is away

=== LLEN takes very long: others on that connection get their answers
--- once
--- far: 2600
--- location
meta_webhook;
meta_redis $FAR;
meta_redis_timeout $MS10000;
meta_queue meta:events max=2;
--- server
location /other {
    meta_webhook;
    meta_redis $FAR;
    meta_redis_timeout $MS10000;
    meta_queue meta:other;
}
--- post: /hook
@whatsapp 3
--- status: 200
--- wait_ms: 2000
--- post: /other
@whatsapp
--- status: 200
--- redis_do: DEL meta:events
--- until: 200 12
--- far_connections: 1
--- no_log: is away

=== it closes at accept, once: dialled again before the first delivery, which is 200
--- redis: script
ACCEPT
CLOSE
ACCEPT
WAIT go
EXPECT ^RPUSH meta:events
SEND :1\r\n
--- peer: ^accepted\n(?:.*\n)*accepted
--- redis_do: go go
--- post: /hook
@whatsapp
--- status: 200
--- peer_records: meta:events

=== the same over TCP
--- redis: script tcp
ACCEPT
CLOSE
ACCEPT
WAIT go
EXPECT ^RPUSH meta:events
SEND :1\r\n
--- peer: ^accepted\n(?:.*\n)*accepted
--- redis_do: go go
--- post: /hook
@whatsapp
--- status: 200
--- peer_records: meta:events

=== read only for seconds: few lines, and not back before it takes something
--- redis_do: REPLICAOF 127.0.0.1 1
--- refused_for: 5
--- lines_at_most: 3 meta redis (?!.*an ack is worth)
--- log: \[error\] .*meta redis "unix:.*" refuses RPUSH.*"READONLY"
--- no_log: is back
--- redis_do: REPLICAOF NO ONE
--- until: 200 3
--- lines_at_most: 4 meta redis (?!.*an ack is worth)

=== later than the deadline for seconds: one line with name and time
--- once
--- far: 600
--- location
meta_webhook;
meta_redis $FAR;
meta_redis_timeout $MS400;
--- refused_for: 3
--- lines_at_most: 1 \[error\] .*meta redis "$FAR".*$MS400
--- lines_at_most: 2 meta redis
--- write: far
0
--- until: 200 3

=== an array without end is no sign of life: hung up on after twice the time
--- redis: script
EXPECT ^RPUSH
SEND *1000000\r\n
DRIP 50 :1\r\n
EXPECT ^RPUSH
SEND :1\r\n
--- location
meta_webhook;
meta_redis_timeout $MS500;
--- clock: start
--- post: /hook
@whatsapp
--- status: 503
--- peer: at DRIP.*\n(?:.*\n)*at EXPECT
--- clock: above 0.99
--- clock: below 2.5
--- post: /hook
@whatsapp
--- status: 200
--- log: is away: it does not answer
