#!/usr/bin/perl

# Reloads under load: scripts/soak reload [--reloads N] [--seed N] [--rate N].
#
# No delivery on a fresh connection may fail.  nginx itself closes a kept-alive
# connection just when the next request is on its way now and then; ours may do so
# as often as "return 200" beside it, which gets the same requests at the same
# rate.  Memory and descriptors of master and workers stay as they are.

use strict;
use warnings;

use Getopt::Long qw(GetOptions);
use Time::HiRes qw(sleep time);

use MetaSoak;
use Test::Meta::Nginx;
use Test::Meta::Util qw(slurp wait_for);

use constant {
    SETTLED => 50,              # reloads before the first look at memory
    GROWTH  => 512,             # kB that a process may have grown by
};

$| = 1;
my ($reloads, $seed, $rate, $minutes) = (1000, time ^ $$, 1000, undef);
GetOptions('reloads=i' => \$reloads, 'seed=i' => \$seed, 'rate=f' => \$rate,
    'minutes=f' => \$minutes) && !@ARGV && $reloads > SETTLED && $rate > 0
    or die "usage: scripts/soak reload [--reloads N] [--minutes N] [--seed N] [--rate N]\n";
$SIG{INT} = $SIG{TERM} = sub { exit 130 };

my %known = (
    spool  => MetaSoak::knows({http => "meta_spool \$DIR/spool;\n"}),
    status => MetaSoak::knows({location => "meta_status;\n"}),
);
my $soak = MetaSoak->new(
    seed  => $seed,
    lists => [qw(fresh keep)],
    nginx => {
        http => "access_log off;\n" . ($known{spool} ? "meta_spool \$DIR/spool;\n" : ''),
        server => "location = /fresh { meta_webhook; meta_queue fresh; }\n"
            . "location = /keep { meta_webhook; meta_queue keep; }\n"
            . "location = /plain { return 200; }\n"
            . ($known{status} ? "location = /status { meta_status; }\n" : ''),
        location => "return 404;\n",
    },
);
my ($redis, $nginx) = @$soak{qw(redis nginx)};

my $from = time;
print "soak reload: seed $seed, $reloads reloads, ",
    join(', ', map { ($known{$_} ? '' : 'no ') . "meta_$_" } sort keys %known), "\n";
$soak->start;
my %load = map {
    $_->[0] => $soak->load($_->[1], path => "/$_->[0]", plain => $_->[0] eq 'plain',
        mode => $_->[2], connections => 16, rate => $rate / 3)
} ['fresh', 0, 'fresh'], ['keep', 1, 'keep'], ['plain', 2, 'keep'];

my ($done, $told, %first) = (0, time);
while ($done < $reloads && !($minutes && time - $from > $minutes * 60)) {
    reload();
    $done++;
    %first = look() if $done == SETTLED;
    progress() if time - $told >= 5;
}
my %last = look();
$soak->stop_loads;
1 while $soak->take;
my $end = $nginx->quit(30) // 'had to be killed';
$soak->fault("nginx' master ended with $end") if $end ne '0';
my $words = $nginx->complaints;
$soak->fault("nginx says:\n$words") if $words ne '';
report($soak->judge);


# the workers that were there are leaving, as many others are there
sub reload {
    my %old = map { $_ => 1 } $soak->workers;
    $nginx->signal('HUP');
    wait_for {
        $soak->take;
        $soak->hear;
        2 == grep { !$old{$_} && is_worker($_) } $soak->workers;
    } 20 or die "nginx does not reload: " . $nginx->complaints . "\n";
}

sub is_worker { return slurp("/proc/$_[0]/cmdline") =~ /^nginx: worker process\0*$/ }

# once those that leave have left: kB and descriptors of master and workers
sub look {
    wait_for { $soak->take; $soak->hear; 2 == $soak->workers } 30
        or $soak->fault('workers of before the reload do not leave');
    my @workers = $soak->workers;
    my %of = (master => [$nginx->pid], workers => \@workers);
    my %look;
    for my $who (sort keys %of) {
        for my $pid (@{$of{$who}}) {
            my ($kb) = slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m;
            my $files = () = glob "/proc/$pid/fd/*";
            my $sockets = grep { (readlink($_) // '') =~ /^socket:/ } glob "/proc/$pid/fd/*";
            # those of clients come and go
            push @{$look{"$who, kB"}}, $kb // 0;
            push @{$look{"$who, descriptors"}}, $files - ($who eq 'master' ? 0 : $sockets);
        }
    }
    $look{"Redis' clients"} = [scalar $redis->clients];
    return map { my $name = $_; $name => largest(@{$look{$name}}) } keys %look;
}

sub largest { return (sort { $b <=> $a } @_)[0] }

sub progress {
    $told = time;
    printf "%4d s  reloads %d, sent %d, 200 %d, other answers %d, no answer: fresh %d, kept alive"
        . " %d, plain %d\n", time - $from, $done, $soak->sum('sent'), $soak->sum('ok'),
        $soak->sum('unavailable', 'other'), map { failed($load{$_}) } qw(fresh keep plain);
}

sub failed {
    my ($load) = @_;
    my $sum = 0;
    $sum += $_ // 0 for @{$load->{count}}{qw(refused cut_fresh cut_kept hung)};
    return $sum;
}

# how often the kept-alive ones may fail: what plain nginx does, and what chance
# makes of it (four times the deviation of the difference of two counts)
sub bound {
    my ($plain) = @_;
    return $plain + 4 * sqrt(2 * $plain + 1);
}

sub report {
    my ($got) = @_;
    my ($fresh, $keep, $plain) = map { failed($load{$_}) } qw(fresh keep plain);
    my $answers = $soak->sum(qw(unavailable other));
    $soak->fault("failed on fresh connections: $fresh") if $fresh;
    $soak->fault("failed on kept-alive connections: $keep, plain nginx only $plain")
        if $keep > bound($plain);
    $soak->fault("answers other than 200: $answers") if $answers;
    $soak->fault("lost: $got->{lost}, such as $got->{example}") if $got->{lost};
    $soak->fault("only $done reloads") if $done <= SETTLED;
    for my $name (sort keys %first) {
        my $room = $name =~ /kB/ ? GROWTH : 0;
        $soak->fault("$name: from $first{$name} to $last{$name}")
            if $last{$name} > $first{$name} + $room;
    }

    print "\n";
    $soak->print_table(
        ['reloads', $done],
        ['deliveries and plain requests', $soak->sum('sent')],
        ['answered 200', $soak->sum('ok')],
        ['answered otherwise', $answers],
        ['failed: fresh connections', $fresh],
        ['failed: kept alive', $keep],
        ['failed: kept alive, return 200', $plain],
        ['lost', $got->{lost}],
        map { [$_, "$first{$_} -> $last{$_}"] } sort keys %first,
    );
    printf "nginx %s, seed %s, %d s: %s\n", Test::Meta::Nginx::release(), $seed, time - $from,
        @{$soak->{faults}} ? 'FAILED' : 'PASS';
    exit(@{$soak->{faults}} ? 1 : 0);
}
