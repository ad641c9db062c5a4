#!/usr/bin/perl

# The kill test of the consumer: scripts/soak consumer [--minutes N] [--seed N]
# [--events N] [--faults FAIL,CUT,SLOW,STOP], of 10,000 calls (graph.c).
#
# Two consumers, a queue of four partitions.  Events come by RPUSH in the edge's
# format, some of them twice, a fifth through nginx with the module.  Consumers,
# Redis (each command on the disk before it answers) and Graph are killed at
# random meanwhile, consumers stand still past their lease, and Graph refuses,
# cuts and dawdles.  In the end each event must have been sent exactly once, in the order
# of its conversation, but for those that the consumer itself reports as
# ambiguous or poison; and what the queues count must have fitted at each look.

use strict;
use warnings;

use Getopt::Long qw(GetOptions);
use Time::HiRes qw(sleep time);

use ConsumerSoak;
use Test::Meta::Util qw(slurp wait_for);

use constant {
    CONSUMERS   => 2,
    PUSH_UNTIL  => 0.75,        # of the time
    HARM_UNTIL  => 0.85,
    PATIENCE    => 900,         # seconds until all is worked off: retries wait for minutes
    STUCK       => 60,          # seconds without any change, and no retry waits for its time
    EDGE_PART   => 0.2,         # of the events
    PER_DELIVERY => 1.5,        # events of load.c's deliveries, on average
};

$| = 1;
my ($minutes, $seed, $events, $faults) = (5, time ^ $$, 100_000, '100,20,50,30');
GetOptions('minutes=f' => \$minutes, 'seed=i' => \$seed, 'events=i' => \$events,
    'faults=s' => \$faults) && !@ARGV && $minutes > 0 && $events >= 1000
    && $faults =~ /\A\d+(?:,\d+){3}\z/
    or die "usage: scripts/soak consumer [--minutes N] [--seed N] [--events N]"
        . " [--faults FAIL,CUT,SLOW,STOP]\n";
$SIG{INT} = $SIG{TERM} = sub { exit 130 };

my $soak = ConsumerSoak->new(seed => $seed, faults => $faults);
my ($redis, $edge) = @$soak{qw(redis edge)};
my $queues = $soak->queues;
print "soak consumer: seed $seed, $minutes min, $events events",
    $soak->{listed} ? ', partitions listed by hand' : '', "\n";

# what may be done to whom; weight: how often
my %does = (
    'consumer killed'  => [6, \&consumer_killed],
    'consumer stopped' => [2, \&consumer_stopped],
    'consumer drained' => [2, \&consumer_drained],
    'Redis killed'     => [2, \&redis_killed],
    'Graph killed'     => [3, \&graph_killed],
);
my %did = map { $_ => 0 } keys %does;
my %heals;                      # what is broken: [when, how]

my $from = time;
my ($ends, $told, $looked) = ($from + $minutes * 60, $from, $from);
my $pushing = $minutes * 60 * PUSH_UNTIL;
my $by_hand = int($events * (1 - EDGE_PART));

$soak->start_graph;
$soak->start_consumer($_) for 0 .. CONSUMERS - 1;
$edge->load(0, path => '/hook', connections => 8,
    rate => $events * EDGE_PART / PER_DELIVERY / $pushing);

harm();
heal(1);
$edge->stop_loads;
wait_for { $soak->flush } 30;
$soak->graph_is_good;
my $end = settle();
for my $consumer (@{ $soak->{consumers} }) {
    my $how = $consumer->drain(35) // 'had to be killed';
    $soak->fault("$consumer->{name} ended with $how") if $how ne '0';
    my $words = $consumer->complaints;
    $soak->fault("$consumer->{name} says: $words") if $words ne '';
}
$soak->leftovers;
my $balance = balance($end);
report($soak->judge);


# --- harm ---------------------------------------------------------------------

sub harm {
    my $next = $from + 2;
    my $loading = 1;
    while ((my $now = time) < $ends) {
        my $part = ($now - $from) / $pushing;
        my $due = $part < 1 ? int($by_hand * $part) : $by_hand;
        $soak->push_more($due - $soak->{pushed});
        if ($part >= 1 && $loading) {
            $edge->stop_loads;
            $loading = 0;
        }
        heal(0);
        if ($now >= $next && $now < $from + ($ends - $from) * HARM_UNTIL) {
            my $what = choose();
            $did{$what}++ if $does{$what}[1]->();
            $next = time + 0.5 + $soak->dice('when', 4);
        }
        $edge->hear if $loading;
        look() if $now - $looked >= 0.5;
        last if $part >= 1 && !%heals && $now >= $from + ($ends - $from) * HARM_UNTIL;
        sleep 0.02;
    }
}

sub look {
    $looked = time;
    $soak->measure;
    my $at = $soak->sample or return;
    return if time - $told < 5;
    $told = time;
    printf "%4d s  pushed %d; listed %d, taken %d, in flight %d, held %d, retry %d, dead %d, done"
        . " %d; broken: %s\n", time - $from, $soak->{pushed},
        @$at{qw(length taken inflight held retry dead done)}, join(', ', sort keys %heals) || '-';
}

sub choose {
    my $sum = 0;
    $sum += $_->[0] for values %does;
    my $point = $soak->dice('what', $sum);
    for my $what (sort keys %does) {
        $point -= $does{$what}[0];
        return $what if $point < 0;
    }
}

# breaks one thing for so many seconds, unless it is broken already
sub broken {
    my ($what, $seconds, $break, $mend) = @_;
    return 0 if $heals{$what};
    $break->();
    $heals{$what} = [time + $seconds, $mend];
    return 1;
}

sub heal {
    my $all = shift;
    for my $what (sort keys %heals) {
        next if !$all && time < $heals{$what}[0];
        (delete $heals{$what})->[1]->();
    }
}

sub some_consumer { return int $soak->dice('who', CONSUMERS) }

sub consumer_killed {
    my ($n, $seconds) = (some_consumer(), $soak->dice('long', 6));
    my $consumer = $soak->{consumers}[$n];
    return broken("consumer $n", $seconds, sub { $consumer->stop('KILL') },
        sub { $soak->start_consumer($n) });
}

# longer than its lease, at times
sub consumer_stopped {
    my ($n, $seconds) = (some_consumer(), $soak->dice('long', 15));
    my $consumer = $soak->{consumers}[$n];
    return broken("consumer $n", $seconds, sub { $consumer->signal('STOP') },
        sub { $consumer->signal('CONT') });
}

sub consumer_drained {
    my ($n, $seconds) = (some_consumer(), 1 + $soak->dice('long', 4));
    my $consumer = $soak->{consumers}[$n];
    return broken("consumer $n", $seconds, sub { $consumer->signal('TERM') }, sub {
        my $how = $consumer->wait_exit(30) // 'no end';
        $soak->fault("a drained consumer ended with $how") if $how !~ /\A(?:0|exit 3)\z/;
        $soak->start_consumer($n);
    });
}

sub redis_killed {
    my $seconds = $soak->dice('long', 3);
    return broken('Redis', $seconds, sub { $redis->stop('KILL') }, sub { $redis->start });
}

sub graph_killed {
    my $seconds = $soak->dice('long', 3);
    return broken('Graph', $seconds, sub { $soak->{graph}->stop('KILL') },
        sub { $soak->start_graph });
}


# --- the end ------------------------------------------------------------------

# until all is somewhere for good; what is where then
sub settle {
    my ($until, $moved, $at, $was) = (time + PATIENCE, time, undef, '');
    while (time < $until) {
        $at = $soak->sample;
        my $is = join ' ', map { "$_ $at->{$_}" } sort keys %{ $at // {} };
        ($was, $moved) = ($is, time) if $is ne $was || !$at || $at->{retry};
        last if time - $moved > STUCK;
        look();
        my $status = $edge->status;
        return $at if $at && !$at->{length} && !$at->{inflight} && !$at->{held} && !$at->{retry}
            && $status && !$status->{events}{spooled} && !$status->{events}{unanswered};
        sleep 0.5;
    }
    $soak->fault("not worked off: $was; at rest for " . int(time - $moved) . ' s');
    return $at;
}

# the join with the edge, in records: a change may have stayed whole
sub balance {
    my $at = shift;
    my $status = $edge->status or return $soak->fault('meta_status does not answer');
    my $e = $status->{events};
    my $arrived = $at->{taken} - $at->{parts} + $at->{length} - $soak->{records};
    my $over = $arrived - $e->{by_redis} - $e->{drained};
    $soak->fault("arrived $arrived - (by Redis $e->{by_redis} + drained $e->{drained}) = $over,"
        . " not within 0 and unknown $e->{unknown}") if $over < 0 || $over > $e->{unknown};
    return "through nginx $arrived, by Redis $e->{by_redis}, drained $e->{drained}, unknown"
        . " $e->{unknown}";
}

sub report {
    my $got = shift;
    $soak->fault('hardly an event came through nginx') if $soak->acked_ids < 100;
    print "\n";
    $edge->print_table(
        (map { [$_, $did{$_}] } sort keys %did),
        ['events pushed', $soak->{pushed}],
        ['of them once more', $soak->{repeats} // 0],
        ['changes with several', $soak->{several} // 0],
        ['events through nginx, answered 200', scalar $soak->acked_ids],
        ['looks at the queues', $soak->{samples}],
        ['calls', $got->{calls}],
        ['calls refused (500)', $got->{refused}],
        ['calls throttled (130429)', $got->{throttled}],
        ['calls cut after they were read', $got->{cut}],
        ['calls answered slowly', $got->{slow}],
        (map { [$_, $got->{$_}] } grep { /^(?:dead|ambiguous)/ } sort keys %$got),
        ['sent twice', $got->{twice}],
        ['out of order', $got->{disorder}],
        ['lost', $got->{lost}],
    );
    printf "join: %s\nmemory: %s\n", $balance // 'broken', $soak->sizes;
    my $faults = @{ $soak->{faults_said} };
    printf "seed %s, %d s: %s\n", $seed, time - $from, $faults ? "FAILED, $faults faults" : 'PASS';
    exit($faults ? 1 : 0);
}
