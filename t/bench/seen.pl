#!/usr/bin/perl

# How many bytes of Redis dedupe takes for an id, by the scripts that remember
# and look up: perl -It/lib -It/consumer/lib t/bench/seen.pl [MILLIONS:DAYS...]
# Default 0.1:8 1:1 1:8 10:8. Prints bytes per id, and microseconds of Redis to
# remember one, and to look one up, 1 and 64 of them in a call.

use strict;
use warnings;

use List::Util qw(min);

use Scripts qw(script_text);
use Test::Meta::Redis;
use Test::Meta::Util qw(temp_dir);

my $BATCH = 2000;
my @KEYS = map { "{q}:$_" } qw(lease inflight count state held retry lines dead kept seen:
    seen:count);

my $redis = Test::Meta::Redis->new(dir => temp_dir())->start;
my %sha = map { $_ => $redis->do('SCRIPT', 'LOAD', script_text($_)) } qw(finish start);
open my $random, '<:raw', '/dev/urandom' or die "urandom: $!";

sub info {
    my ($section, $name) = @_;
    my $info = $redis->do('INFO', $section);
    return ref $info ? $info->{$name} : ($info =~ /^$name:(\S+)/m)[0];
}

sub remember {
    my ($n) = @_;
    read $random, my $ids, 10 * $n;
    $redis->do('EVALSHA', $sha{finish}, scalar @KEYS, @KEYS, 'me', 0, 0, 0, 20_000_000, 0,
        $ids, 0, 0, 0, 0);
}

# ids that nobody knows, $n items of one in a call; the best of ten
sub look_up {
    my ($calls, $n) = @_;
    return min(map { look_up_once($calls, $n) } 1 .. 10);
}

sub look_up_once {
    my ($calls, $n) = @_;
    my $before = info(commandstats => 'cmdstat_evalsha');
    for (1 .. $calls) {
        read $random, my $ids, 10 * $n;
        $redis->do('EVALSHA', $sha{start}, 4, '{q}:lease', '{q}:state', '{q}:seen:',
            '{q}:seen:count', 'me', map { ($_, '', substr $ids, 10 * $_ - 10, 10) } 1 .. $n);
    }
    my ($from, $to)
        = map { /usec=(\d+)/ } $before // 'usec=0', info(commandstats => 'cmdstat_evalsha');
    return ($to - $from) / $calls / $n;
}

# all of today into the day before the oldest
sub age {
    my ($ago) = @_;
    my %count = $redis->do('HGETALL', '{q}:seen:count');
    for my $bucket (grep { /^\d/ } keys %count) {
        my ($day, $part) = $bucket =~ /^(\d+)(.*)/;
        next if $day < int(time / 86400);
        my $old = $day - $ago . $part;
        $redis->do('RENAME', "{q}:seen:$bucket", "{q}:seen:$old");
        $redis->do('HDEL', '{q}:seen:count', $bucket);
        $redis->do('HSET', '{q}:seen:count', $old, $count{$bucket});
    }
}

for my $case (@ARGV ? @ARGV : qw(0.1:8 1:1 1:8 10:8)) {
    my ($millions, $days) = split /:/, $case;
    my $n = $millions * 1_000_000;
    $redis->do('FLUSHALL');
    $redis->do('HSET', '{q}:lease', owner => 'me');
    my $before = info(memory => 'used_memory');
    my $cpu = info(cpu => 'used_cpu_user');
    for my $ago (reverse 0 .. $days - 1) {
        remember($BATCH) for 1 .. $n / $days / $BATCH;
        age($ago) if $ago;
    }
    my $used = (info(cpu => 'used_cpu_user') - $cpu) * 1e6;
    my %count = $redis->do('HGETALL', '{q}:seen:count');
    my $sum = 0;
    $sum += $count{$_} for grep { /^\d/ } keys %count;
    printf "%d ids over %d days: %.1f bytes an id; us of Redis an id: remembered %.1f,"
        . " looked up %.1f alone, %.1f of 64\n", $sum, $days,
        (info(memory => 'used_memory') - $before) / $sum, $used / $sum, look_up(500, 1),
        look_up(50, 64);
}
$redis->stop;
