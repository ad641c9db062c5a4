package Consumer::Memory;

# What a consumer takes where it has nothing to do, very much to do, or cannot do it.

use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(max);
use Time::HiRes qw(sleep time);

use Consumer::Rig;
use Edge::Process;

our @EXPORT = qw(idle backlog stopped seen);

use constant {
    IDLE_SECONDS => 12,
    QUEUED       => 1_000_000,
    WORKED       => 100_000,
    BEHIND       => 1_000,
};

# CPU, in milliseconds a second, with two queues and nothing in them
sub idle {
    my $consumer = rig()->consumer(queues => [qw(meta:events meta:more)]);
    sleep 2;                            # what a start costs is over
    my ($began, $from) = ((cpu_of($consumer->{pid}))[0], time);
    my ($redis_began) = cpu_of(rig()->redis_pid);
    sleep IDLE_SECONDS;
    my $seconds = time - $from;
    my %idle = (
        seconds => $seconds, rss_kb => rss_of($consumer->{pid}),
        cpu_ms_s => ((cpu_of($consumer->{pid}))[0] - $began) / 1e6 / $seconds,
        redis_ms_s => ((cpu_of(rig()->redis_pid))[0] - $redis_began) / 1e6 / $seconds,
    );
    rig()->end_consumer($consumer);
    return \%idle;
}

# the most that was resident while some of a million events were worked off
sub backlog {
    print STDERR "backlog: ", QUEUED, " events into Redis\n";
    my ($redis, $q) = (rig()->redis, 'meta:backlog');
    my $bytes = rig()->fill("$q:fill", QUEUED);
    my $consumer = rig()->consumer(queues => [$q]);
    my $before = rss_of($consumer->{pid});
    $redis->rename("$q:fill", $q);
    my $most = watch($consumer, sub { rig()->count_of($q)->{worked} >= WORKED }, 120);
    my $left = $redis->llen($q);
    die "bench: only $left events were left: none were queued while it worked\n"
        if $left < QUEUED - 3 * WORKED;
    kill KILL => $consumer->{pid};
    stop($consumer->{pid});
    $redis->del($q, map { "{$q}:$_" } qw(inflight held retry lines state count lease));
    return { queued => QUEUED, bytes => $bytes, worked => WORKED, before_kb => $before,
        rss_kb => $most };
}

# events of an account that Graph throttles, in front of events of another
sub stopped {
    my ($redis, $q) = (rig()->redis, 'meta:stopped');
    rig()->graph;
    rig()->fill("$q:fill", WORKED, phone => STOPPED);
    rig()->fill("$q:fill", BEHIND, users => BEHIND);
    my $consumer = rig()->consumer(queues => [$q], more => "dead_max: 1000000\n");
    my $calls = rig()->calls;
    my $from = time;
    $redis->rename("$q:fill", $q);
    my $most = watch($consumer, sub { rig()->count_of($q)->{worked} >= BEHIND }, 120);
    my $count = rig()->count_of($q);
    my %stopped = (
        stopped => WORKED, behind => BEHIND, seconds => time - $from, rss_kb => $most,
        # calls for the stopped account, all of them in vain
        hammered => rig()->calls - $calls - BEHIND,
        dead => $count->{dead},
    );
    kill KILL => $consumer->{pid};
    stop($consumer->{pid});
    return \%stopped;
}

# the most that is resident until the check gives true
sub watch {
    my ($consumer, $check, $seconds) = @_;
    my $most = 0;
    wait_for('a consumer at work', sub {
        $most = max($most, rss_of($consumer->{pid}));
        $check->();
    }, $seconds);
    return $most;
}

# Redis' memory for the ids that dedupe remembers, as docs/queue.md lays them out: all of one day,
# and of eight, with as many bits as such a day has
sub seen {
    my $redis = rig()->redis;
    my $text = slurp((__FILE__ =~ m{(.*)/lib/Consumer/})[0] . '/consumer/seen.lua');
    my @rows;
    for ([10_000_000, 1, 16], [10_000_000, 8, 16], [1_000_000, 8, 12], [100_000, 8, 8]) {
        my ($ids, $buckets, $bits) = @$_;
        my $before = $redis->info('memory')->{used_memory};
        for my $n (1 .. $buckets) {
            $redis->eval($text, 1, "{meta:seen}:seen:$n", int($ids / $buckets), $n, $bits);
        }
        my $bytes = $redis->info('memory')->{used_memory} - $before;
        push @rows, { ids => $ids, buckets => $buckets, bytes => $bytes,
            bytes_each => $bytes / $ids };
        $redis->del(map { "{meta:seen}:seen:$_" } 1 .. $buckets);
    }
    return \@rows;
}

1;
