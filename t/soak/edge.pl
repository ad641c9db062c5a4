#!/usr/bin/perl

# The kill test of the edge: scripts/soak edge [--minutes N] [--seed N] [--rate N].
#
# Two workers under load, while Redis, single workers and the whole nginx are
# killed at random, and Redis is stopped and filled.  In the end every delivery
# that got a 200 must be in the queue, byte for byte, and what meta_status counts
# must fit what came.

use strict;
use warnings;

use Getopt::Long qw(GetOptions);
use Time::HiRes qw(sleep time);

use MetaSoak;
use Test::Meta::Nginx;
use Test::Meta::Util qw(connects slurp wait_for);

use constant {
    WHOLE_UNTIL => 0.75,        # of the time: then nginx starts for the last time
    PATIENCE    => 60,          # seconds without an arrival, before what is missing is lost
    QUIET       => 3,
};

$| = 1;
my ($minutes, $seed, $rate) = (5, time ^ $$, 5000);
GetOptions('minutes=f' => \$minutes, 'seed=i' => \$seed, 'rate=f' => \$rate) && !@ARGV
    && $minutes > 0 && $rate > 0
    or die "usage: scripts/soak edge [--minutes N] [--seed N] [--rate N]\n";
$SIG{INT} = $SIG{TERM} = sub { exit 130 };

my %known = (
    spool      => MetaSoak::knows({http => "meta_spool \$DIR/spool;\n"}),
    partitions => MetaSoak::knows({location => "meta_webhook; meta_queue parts partitions=4;\n"}),
    status     => MetaSoak::knows({location => "meta_status;\n"}),
);

# the load programs: [path, mode, part of the rate, location]
my @ways = (
    ['/hook', 'keep', 0.6, 'meta_queue plain;'],
    ['/fresh', 'fresh', 0.1, 'meta_queue fresh;'],
    $known{partitions} ? ['/parts', 'keep', 0.2, 'meta_queue parts partitions=4;'] : (),
    $known{spool} ? ['/disk', 'keep', 0.1, 'meta_queue disk; meta_ack disk;'] : (),
);
my $soak = MetaSoak->new(
    seed  => $seed,
    lists => ['plain', 'fresh', $known{partitions} ? map { "parts:$_" } 0 .. 3 : (),
        $known{spool} ? 'disk' : ()],
    redis => [qw(--appendonly yes --appendfsync always --loglevel warning)],
    nginx => {
        http => "access_log off;\nmeta_redis_timeout 500ms;\nmeta_redis_connect_timeout 500ms;\n"
            . ($known{spool} ? "meta_spool \$DIR/spool;\n" : ''),
        server => join('', map { "location = $_->[0] { meta_webhook; $_->[3] }\n" } @ways)
            . ($known{status} ? "location = /status { meta_status; }\n" : ''),
        location => "return 404;\n",
    },
);
my ($redis, $nginx) = @$soak{qw(redis nginx)};

# what may be done to whom; weight: how often
my %does = (
    'Redis killed'           => [4, \&redis_killed],
    'Redis stopped'          => [3, \&redis_stopped],
    'Redis full (maxmemory)' => [2, \&redis_full],
    'worker killed'          => [5, \&worker_killed],
    'nginx killed whole'     => [2, \&nginx_killed],
    'nginx reloaded'         => [2, \&nginx_reloaded],
);
my %did = map { $_ => 0 } keys %does;
my ($state, $heals) = ('up', 0);        # Redis'
my $baseline = 0;                       # had arrived before nginx' last start; undef: unknown
my $whole = 1;                          # nginx may be killed whole

my $from = time;
my $now = $from;
my $ends = $from + $minutes * 60;
my $told = $from;
print "soak edge: seed $seed, $minutes min, ",
    join(', ', map { ($known{$_} ? '' : 'no ') . "meta_$_" } sort keys %known), "\n";

$soak->start;
$soak->load($_, path => $ways[$_][0], mode => $ways[$_][1], rate => $rate * $ways[$_][2],
    connections => $ways[$_][1] eq 'fresh' ? 8 : 24) for 0 .. $#ways;
harm();
heal() if $state ne 'up';
$soak->stop_loads;
settle();
my $balance = balance();
my $end = $nginx->quit(30) // 'had to be killed';
$soak->fault("nginx' master ended with $end") if $end ne '0';
my $words = $nginx->complaints(qr/exited on signal 9$/, qr/sendmsg\(\) failed \(32: Broken pipe\)/);
$soak->fault("nginx says:\n$words") if $words ne '';
for my $file (glob "$soak->{dir}/spool/*.spool $soak->{dir}/spool/*.aside") {
    $soak->fault("left in the spool: $file, " . (-s $file) . ' bytes');
}
report($soak->judge);


# --- harm ---------------------------------------------------------------------

sub harm {
    my $next = $from + 2;
    while (($now = time) < $ends) {
        heal() if $state ne 'up' && $now >= $heals;
        if ($whole && $now > $from + ($ends - $from) * WHOLE_UNTIL) {
            heal() if $state ne 'up';
            nginx_killed();
            $did{'nginx killed whole'}++;
            $whole = 0;
        }
        if ($now >= $next) {
            my $what = choose();
            $did{$what}++ if $does{$what}[1]->();
            $next = time + 0.2 + rand 2.5;
        }
        $soak->hear;
        my $took = $state eq 'up' ? $soak->take : 0;
        progress() if $now - $told >= 5;
        sleep 0.02 unless $took;
    }
}

sub choose {
    my $sum = 0;
    $sum += $_->[0] for values %does;
    my $point = rand $sum;
    for my $what (sort keys %does) {
        $point -= $does{$what}[0];
        return $what if $point < 0;
    }
}

sub redis_is {
    my ($its, $seconds) = @_;
    ($state, $heals) = ($its, time + $seconds);
    return 1;
}

sub redis_killed {
    return 0 if $state ne 'up';
    $redis->stop('KILL');
    return redis_is('down', rand 4);
}

sub redis_stopped {
    return 0 if $state ne 'up';
    $redis->pause;
    return redis_is('stopped', 0.1 + rand 4);
}

sub redis_full {
    return 0 if $state ne 'up';
    $redis->do(qw(CONFIG SET maxmemory 1));
    return redis_is('full', 0.1 + rand 3);
}

sub heal {
    $redis->start if $state eq 'down';
    $redis->cont if $state eq 'stopped';
    $redis->do(qw(CONFIG SET maxmemory 0)) if $state eq 'full';
    $state = 'up';
}

sub worker_killed {
    my @workers = $soak->workers or return 0;
    return kill KILL => $workers[rand @workers];
}

sub nginx_reloaded {
    $nginx->signal('HUP');
    return 1;
}

# the master stands still meanwhile, so that it starts no worker unseen
sub nginx_killed {
    return 0 unless $whole;
    $nginx->signal('STOP');
    wait_for { slurp('/proc/' . $nginx->pid . '/stat') =~ /\) T / };
    my @workers = $soak->workers;
    kill KILL => $nginx->pid, @workers;
    $nginx->wait_exit;
    wait_for { !grep { !MetaSoak::is_gone($_) } @workers } or die "workers outlive a kill -9\n";

    # what the dead have written is read before their end is noticed
    $baseline = undef;
    if ($state eq 'up') {
        wait_for { !$redis->clients } or die "Redis holds connections of the dead\n";
        $baseline = $soak->arrived;
    }
    $nginx->start;
    return 1;
}

sub progress {
    $told = $now;
    printf "%4d s  sent %d, 200 %d, 503 %d, no answer %d, Redis %s, faults so far %d\n",
        $now - $from, $soak->sum('sent'), $soak->sum('ok'), $soak->sum('unavailable'),
        $soak->sum(qw(cut_fresh cut_kept)), $state, scalar @{$soak->{faults}};
}


# --- the end ------------------------------------------------------------------

# until all that was promised is there and nothing more comes
sub settle {
    my $last = time;
    while (1) {
        if ($soak->take) {
            $last = time;
            next;
        }
        sleep 0.1;
        my $quiet = time - $last;
        next if $quiet < QUIET;
        return if $quiet > PATIENCE;
        return if !$soak->judge->{lost} && (!$known{status} || still($soak->status));
        sleep 2;
    }
}

# nothing is on its way any more
sub still {
    my ($status) = @_;
    return $status && !$status->{events}{spooled} && !$status->{events}{unanswered};
}

# the identity of what nginx counts and what came, in events; in words
sub balance {
    return 'not checked: this module has no meta_status' unless $known{status};
    my $status = $soak->status or return $soak->fault('meta_status does not answer');
    my $e = $status->{events};
    my ($in, $out) = ($e->{by_spool} + $e->{adopted},
        $e->{spooled} + $e->{drained} + $e->{set_aside});
    $soak->fault("by spool $e->{by_spool} + adopted $e->{adopted} is not spooled $e->{spooled}"
        . " + drained $e->{drained} + set aside $e->{set_aside}") if $in != $out;
    $soak->fault("still spooled: $e->{spooled}") if $e->{spooled};
    $soak->fault("set aside: $e->{set_aside}") if $e->{set_aside};
    my $arrived = $soak->arrived - $baseline;
    my $over = $arrived - $e->{by_redis} - $e->{drained};
    $soak->fault("arrived $arrived - (by Redis $e->{by_redis} + drained $e->{drained}) = $over,"
        . " not within 0 and unknown $e->{unknown}") if $over < 0 || $over > $e->{unknown};
    return "arrived $arrived, by Redis $e->{by_redis}, by spool $e->{by_spool}, adopted"
        . " $e->{adopted}, drained $e->{drained}, unknown $e->{unknown}";
}

sub report {
    my ($got) = @_;
    $soak->fault("lost: $got->{lost}, such as $got->{example}") if $got->{lost};
    $soak->fault("in part: $got->{partial}, such as $got->{example}") if $got->{partial};
    my $hung = $soak->sum('hung');
    $soak->fault("without any answer for 20 s: $hung") if $hung;
    my $other = $soak->sum('other');
    $soak->fault("neither 200 nor 503: $other") if $other;
    $soak->fault('hardly a delivery got a 200') if $got->{acked} < 100;

    print "\n";
    $soak->print_table(
        (map { [$_, $did{$_}] } sort keys %did),
        ['deliveries', $soak->sum('sent')],
        ['answered 200', $got->{acked}],
        ['answered 503', $soak->sum('unavailable')],
        ['no answer (connection broke)', $soak->sum(qw(cut_fresh cut_kept))],
        ['connections refused', $soak->sum('refused')],
        ['no 200, in the queue all the same', $got->{unacked}],
        ['events twice in the queue', $got->{duplicates}],
        ['lost', $got->{lost}],
    );
    printf "identity: %s\n", $balance // 'broken';
    printf "nginx %s, seed %s, %d s: %s\n", Test::Meta::Nginx::release(), $seed, time - $from,
        @{$soak->{faults}} ? 'FAILED' : 'PASS';
    exit(@{$soak->{faults}} ? 1 : 0);
}
