# The way out of the spool: it wins against live traffic, and a Redis that
# hangs or dies meanwhile costs duplicates, a window of them, and no event.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Test::Meta;
use Test::Meta::Spool;
use Test::Meta::Util qw(patience slurp wait_for);

# while the load runs: what was on disk before it, and all of its own
verb backlog_gone => sub {
    my ($t) = @_;
    my ($n, $least) = (0, 1e9);
    ok &wait_for(sub {
        $n = Test::Meta::Spool::account($t)->{spooled};
        $least = $n if $n < $least;
        sleep 0.01;
        $n == 0;
    }, 30), 'nothing is on disk any more, and the load still runs'
        or diag "$n events are, $least at least";
};

# ... and then deliveries go to Redis without the disk between
verb direct_again => sub {
    my ($t) = @_;
    my $mark = -s "$t->{dir}/meta.log";
    ok &wait_for(sub {
        substr(slurp("$t->{dir}/meta.log"), $mark) =~ / queued=redis /;
    }, 20), 'deliveries go to Redis directly again';
};

# at least N of the list
verb has => sub {
    my ($t, $arg) = @_;
    my ($list, $n) = split ' ', $arg;
    ok &wait_for(sub { $t->{redis}->do('LLEN', $list) >= $n }),
        "$n events in $list";
};

# resident memory of the workers, in kilobytes; a sanitizer keeps what is freed
sub resident {
    my ($t) = @_;
    my $kb = 0;
    $kb += $_ for map { slurp("/proc/$_/status") =~ /^VmRSS:\s+(\d+)/m }
        $t->{nginx}->workers;
    return $kb;
}

sub descriptors {
    my ($t) = @_;
    return scalar map { glob "/proc/$_/fd/*" } $t->{nginx}->workers;
}

# N: an outage, N deliveries, the drain
sub outage {
    my ($t, $n) = @_;
    $t->run(redis_do => 'CONFIG SET maxmemory 1');
    $t->run(load_begins => "4 n=$n");
    $t->run(load_ends => 'by_itself');
    $t->run(redis_do => 'CONFIG SET maxmemory 0');
    $t->run(arrived => 'meta:events unordered');
    $t->run(files => 0);
    $t->run(redis_do => 'DEL meta:events');
    $t->{spool} = undef;
}

# what leaks grows each time, what a busy machine has at once does not
verb outages => sub {
    my ($t, $n) = @_;
    outage($t, 200) for 1 .. 3;
    my ($fds, $more) = descriptors($t);
    for (1 .. 3) {
        my $kb = resident($t);
        outage($t, 200) for 1 .. $n;
        $more = resident($t) - $kb;
        last if $more < 512;
    }
    ok $more < 512, "memory is flat over $n outages: $more KB more"
        unless $ENV{META_T_ASAN} || $ENV{META_T_VALGRIND};
    ok &wait_for(sub { descriptors($t) <= $fds }), 'no descriptor is left open';
};

run_blocks();

__DATA__

=== the drain wins against live traffic at 80 % of what gets through
--- once
--- log_level: info
--- spool
--- location
meta_webhook;
meta_redis_timeout 10s;
--- measure: 8 2
--- redis_do: CONFIG SET maxmemory 1
--- load_begins: 8 n=625
--- load_ends: by_itself
--- load_begins: 8 share=80
--- redis_do: CONFIG SET maxmemory 0
--- backlog_gone
--- direct_again
--- load_ends
--- arrived: meta:events unordered within=30
--- files: 0
--- account: set_aside=0

=== the same with a closed loop: it need not win, but nothing is lost
--- once
--- log_level: info
--- spool
--- location
meta_webhook;
meta_redis_timeout 10s;
--- redis_do: CONFIG SET maxmemory 1
--- load_begins: 8 n=300
--- load_ends: by_itself
--- load_begins: 8 n=300
--- redis_do: CONFIG SET maxmemory 0
--- load_ends: by_itself
--- arrived: meta:events unordered
--- files: 0

=== Redis hangs in the midst of a drain: a window twice at most
--- once
--- log_level: info
--- spool
--- redis_do: CONFIG SET maxmemory 1
--- load_begins: 8 n=500
--- load_ends: by_itself
--- redis_do: CONFIG SET maxmemory 0
--- has: meta:events 1
--- redis_do: pause
--- wait_ms: 3500
--- redis_do: cont
--- arrived: meta:events unordered dups=256
--- files: 0
--- account: set_aside=0

=== Redis is killed in the midst of a drain, with what it has on disk
--- once
--- log_level: info
--- redis
appendonly yes
appendfsync always
--- spool
--- redis_do: CONFIG SET maxmemory 1
--- load_begins: 8 n=500
--- load_ends: by_itself
--- redis_do: CONFIG SET maxmemory 0
--- has: meta:events 1
--- redis_do: stop
--- wait_ms: 300
--- redis_do: start
--- arrived: meta:events unordered dups=256
--- files: 0

=== Redis is full, empty, full again while it drains
--- once
--- log_level: info
--- spool
--- redis_do: CONFIG SET maxmemory 1
--- load_begins: 8 n=250
--- load_ends: by_itself
--- redis_do: CONFIG SET maxmemory 0
--- has: meta:events 1
--- redis_do: CONFIG SET maxmemory 1
--- wait_ms: 300
--- redis_do: CONFIG SET maxmemory 0
--- arrived: meta:events unordered
--- files: 0
--- account: set_aside=0

=== a list with a max drains as its reader goes on
--- once
--- log_level: info
--- location
meta_webhook;
meta_queue meta:events max=400;
--- spool
--- redis_do: CONFIG SET maxmemory 1
--- load_begins: 4 n=300
--- load_ends: by_itself
--- redis_do: CONFIG SET maxmemory 0
--- has: meta:events 400
--- redis_do: LTRIM meta:events 700 -1
--- has: meta:events 400
--- redis_do: DEL meta:events
--- files: 0
--- account: set_aside=0 spooled=0

=== order per worker through two outages
--- once
--- spool
--- redis_do: CONFIG SET maxmemory 1
--- deliver: 200
--- redis_do: CONFIG SET maxmemory 0
--- deliver: 50
--- redis_do: CONFIG SET maxmemory 1
--- deliver: 200
--- redis_do: CONFIG SET maxmemory 0
--- deliver: 50
--- arrived: meta:events
--- files: 0

=== outage after outage: memory and descriptors stay as they are
--- once
--- log_level: info
--- main
thread_pool default threads=2;
--- spool
--- outages: 8
