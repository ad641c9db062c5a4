package Edge::Load;

# Runs of the load generator against a row, and whether every 200 is in the queue.
#
# A row is a way to the server: name, server, path, tls, and queue where its events arrive; it is
# "rewritten" if they are not Meta's bytes.  A run is said by events, requests (at most), and where
# wanted connections, rate, seconds, drain (a queue), patience (seconds until all is there).

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use JSON::PP;
use Time::HiRes qw(time);

use Edge::Delivery;
use Edge::Process;

our @EXPORT = qw(CONNECTIONS load begin_load end_load spread);

use constant CONNECTIONS => 32;

my $codec = JSON::PP->new;

# A whole run: its counts are right, or the bench ends here.  CPU is what the server used until the
# queue had it all.
sub load {
    my ($row, %how) = @_;
    my $began = time;
    my ($ran, $waited) = cpu_of($row->{server}->worker);
    my $got = end_load(begin_load($row, %how));
    my $acked = time;
    if (my $queue = $row->{queue}) {
        $queue->taken($got->{requests} * $how{events}, $how{patience});
        $queue->check_last($how{events}) if !$row->{rewritten};
        $got->{behind} = time - $acked;
    }
    my ($ran_then, $waited_then) = cpu_of($row->{server}->worker);
    $got->{cpu_us} = ($ran_then - $ran) / 1000 / $got->{requests};
    $got->{rps}    = $got->{requests} / $got->{seconds};
    $got->{wait}   = ($waited_then - $waited) / 1e9 / (time - $began);
    return $got;
}

sub begin_load {
    my ($row, %how) = @_;
    my @argv = ('taskset', '-c', load_cpu(), "$ENV{META_BUILD}/bench/load");
    push @argv, '-s' if $row->{tls};
    push @argv, '-r', $how{rate} if $how{rate};
    push @argv, '-t', $how{seconds} if $how{seconds};
    push @argv, $row->{server}{ $row->{tls} ? 'tls_port' : 'port' },
        $how{connections} // CONNECTIONS, $how{requests}, request($row->{path}, $how{events});
    open my $out, '-|', @argv or die "bench: load: $!\n";
    return { row => $row, out => $out, %how };
}

# meanwhile the queue that the run calls drain is emptied every tenth of a second
sub end_load {
    my $run = shift;
    my $row = $run->{row};
    my $ready = IO::Select->new($run->{out});
    while ($run->{drain} && !$ready->can_read(0.1)) {
        $run->{drain}->take;
    }
    my $line = do { local $/; readline $run->{out} };
    close $run->{out}
        or die "bench: $row->{name}, $run->{events} events: not all were 200\n",
            slurp($row->{server}{log} // '');
    return $codec->decode($line);
}

sub spread {
    my @sorted = sort { $a <=> $b } @_;
    my ($min, $median, $max) = map { 0 + sprintf '%.3f', $_ } @sorted[0, @sorted / 2, -1];
    return { min => $min, median => $median, max => $max };
}

1;
