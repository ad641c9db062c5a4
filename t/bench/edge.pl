#!/usr/bin/perl

# What a webhook costs at the edge, next to nginx's own "return 200" on the same
# pinned worker, to other ways of doing the same work, and under other conditions.
#
# The server measured has one CPU to itself; load generator and Redis share the
# last one.  CPU time is the scheduler's own count for the worker in nanoseconds
# (schedstat), so a busy machine disturbs latencies, hardly costs.

use strict;
use warnings;

use FindBin;
use Getopt::Long qw(GetOptions);
use JSON::PP;
use POSIX ();

use lib "$FindBin::Bin/lib";
use Edge::Cost;
use Edge::Latency;
use Edge::Memory;
use Edge::Process;
use Edge::Rig;
use Edge::Server;
use Edge::Spool;
use Edge::Table;

# the first four are rows of one table, measured in the same rounds
my @rows     = qw(cost tcp tls rivals);
my @sections = (@rows, qw(latency large spool));
my @asked    = qw(memory);                      # takes minutes: only when named
my %known    = map { $_ => 1 } @sections, @asked;

my ($json, $markdown, $rounds, $deliveries, @only) = (0, 0, 11, 5_000_000);
my $good = GetOptions(
    'json'         => \$json,
    'markdown'     => \$markdown,
    'rounds=i'     => \$rounds,
    'deliveries=i' => \$deliveries,
    'only=s'       => sub { push @only, split /,/, $_[1] },
);
if (!$good || @ARGV || $rounds < 1 || $deliveries < 200_000 || grep { !$known{$_} } @only) {
    warn "usage: scripts/bench edge [--json | --markdown] [--rounds N] [--only SECTION,...]\n",
        "                          [--deliveries N]\nsections: @sections; only if named: @asked\n";
    exit 2;
}

my %only = map { $_ => 1 } @only ? @only : @sections;
worker_cpu();                                   # pins this program before it starts others

my $result = { bench => 'edge', machine => machine() };
$result->{cost}    = cost(\%only, $rounds) if grep { $only{$_} } @rows;
$result->{latency} = half_load()           if $only{latency};
$result->{large}   = beside_large()        if $only{large};
$result->{spool}   = spool()               if $only{spool};
$result->{memory}  = memory($deliveries)   if $only{memory};

print $json
    ? JSON::PP->new->canonical->encode($result) . "\n"
    : Edge::Table::text($result, $markdown);

sub machine {
    my $cpuinfo = slurp('/proc/cpuinfo');
    my ($model) = $cpuinfo =~ /^model name\s*:\s*(.+)/m;
    my $built = Edge::Server::built();
    my ($version) = $built =~ m{nginx/(\S+)};
    my ($openssl) = $built =~ /(?:running|built) with OpenSSL (\S+)/;
    return {
        cpu     => $model // (POSIX::uname())[4],
        cpus    => scalar(() = $cpuinfo =~ /^processor\s*:/mg),
        sha_ni  => $cpuinfo =~ /^flags\s*:.*\bsha_ni\b/m ? JSON::PP::true : JSON::PP::false,
        kernel  => (POSIX::uname())[2],
        nginx   => $version,
        openssl => $openssl,
        redis   => Edge::Rig::queue()->version,
        node    => Edge::Rig::node_version(),
    };
}
