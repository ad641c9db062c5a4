package Fleet;

# Who of several consumers holds which lists; that of Meta's callbacks, which is
# there without being named, does not count.
#
#   my %held = held($rig, map { "q:$_" } 0 .. 3);     (pid => [lists])
#   shared($rig, [$a, $b], [2, 2], @lists);           until it is so

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP ();
use List::Util qw(sum0);
use Test::More;

use Test::Meta::Util qw(wait_for);

our @EXPORT_OK = qw(held shared takings took entries beats);

# by the leases that have not run out; one that is free is nobody's: 0
sub held {
    my ($rig, @lists) = @_;
    my ($seconds, $micro) = $rig->do('TIME');
    my %held;
    for my $list (@lists) {
        my ($owner, $until) = $rig->do('HMGET', "{$list}:lease", 'owner', 'until');
        my $pid = ($owner // '') =~ /:(\d+):/ && $until > $seconds * 1000 ? $1 : 0;
        push @{$held{$pid}}, $list;
    }
    return %held;
}

# how many of the lists each of them holds; says what it saw
sub shared {
    my ($rig, $consumers, $shares, $lists, $name, $seconds) = @_;
    my %held;
    my $so = wait_for {
        %held = held($rig, @$lists);
        my @have = map { scalar @{$held{$_->pid} // []} } @$consumers;
        "@{[sort @have]}" eq "@{[sort @$shares]}";
    } $seconds // 20;
    ok $so, $name or diag explain(\%held), $rig->logs;
    return %held;
}

# how often a consumer got a lease
sub takings {
    my ($c) = @_;
    return scalar(() = $c->log =~ /queue (?!meta:callbacks:)\S+ holds the lease/g);
}

# how often they got one in all, once it is so often: the log line comes after the lease
sub took {
    my ($n, @consumers) = @_;
    my $took;
    wait_for { ($took = sum0(map { takings($_) } @consumers)) >= $n } 10;
    return $took;
}

# what they say of themselves, by pid
sub entries {
    my ($rig) = @_;
    my %all = $rig->do('HGETALL', 'meta:consumers');
    return map {
        my $e = JSON::PP::decode_json($_);
        @{$e->{$_}} = grep { $_ ne 'meta:callbacks' } @{$e->{$_}} for qw(held queues);
        ($e->{pid} => $e);
    } values %all;
}

# until each of them has said so often that it lives
sub beats {
    my ($rig, $n) = @_;
    my %first = entries($rig);
    return wait_for {
        my %now = entries($rig);
        !grep { ($now{$_}{until} // 0) < $first{$_}{until} + $n * 1900 } keys %first;
    } 5 * $n + 10;
}

1;
