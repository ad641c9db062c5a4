#!/usr/bin/perl

# What a call costs meta-consumer, from the queue to Graph's answer, next to h2load,
# a bare loop of libcurl and a Node worker, and what it takes with nothing, much, or
# nothing possible to do.
#
# What is measured has one CPU to itself; the nginx that stands for Graph and Redis
# share the last one.  CPU time is the scheduler's own count in nanoseconds.

use strict;
use warnings;

use FindBin;
use Getopt::Long qw(GetOptions);
use JSON::PP;
use POSIX ();

use lib "$FindBin::Bin/lib";
use Consumer::Cost;
use Consumer::Memory;
use Consumer::Rig;
use Consumer::Table;
use Edge::Process;
use Edge::Server;

my @sections = qw(cost idle backlog stopped seen);
my %known = map { $_ => 1 } @sections;

my ($json, $markdown, $rounds, @only) = (0, 0, 7);
my $good = GetOptions(
    'json'     => \$json,
    'markdown' => \$markdown,
    'rounds=i' => \$rounds,
    'only=s'   => sub { push @only, split /,/, $_[1] },
);
if (!$good || @ARGV || $rounds < 1 || grep { !$known{$_} } @only) {
    warn "usage: scripts/bench consumer [--json | --markdown] [--rounds N] [--only SECTION,...]\n",
        "sections: @sections\n";
    exit 2;
}

my %only = map { $_ => 1 } @only ? @only : @sections;
worker_cpu();                                   # pins this program before it starts others

my $result = { bench => 'consumer', machine => machine() };
$result->{cost}    = cost($rounds) if $only{cost};
$result->{idle}    = idle()        if $only{idle};
$result->{stopped} = stopped()     if $only{stopped};
$result->{backlog} = backlog()     if $only{backlog};
$result->{seen}    = seen()        if $only{seen};

print $json
    ? JSON::PP->new->canonical->encode($result) . "\n"
    : Consumer::Table::text($result, $markdown);

sub machine {
    my $cpuinfo = slurp('/proc/cpuinfo');
    my ($model) = $cpuinfo =~ /^model name\s*:\s*(.+)/m;
    my $built = Edge::Server::built();
    my ($version) = $built =~ m{nginx/(\S+)};
    my ($openssl) = $built =~ /(?:running|built) with OpenSSL (\S+)/;
    my ($curl) = qx{curl --version} =~ m{libcurl/(\S+)};
    return {
        cpu     => $model // (POSIX::uname())[4],
        cpus    => scalar(() = $cpuinfo =~ /^processor\s*:/mg),
        kernel  => (POSIX::uname())[2],
        nginx   => $version,
        openssl => $openssl,
        curl    => $curl,
        redis   => rig()->redis->info->{redis_version},
        node    => rig()->node_version,
    };
}
