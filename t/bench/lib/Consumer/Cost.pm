package Consumer::Cost;

# CPU per call of meta-consumer, beside h2load, bare libcurl and Node, in interleaved rounds.

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP;
use POSIX ();
use Time::HiRes qw(time);

use Consumer::Rig;
use Edge::Process;

our @EXPORT = qw(cost spread);

use constant {
    BUDGET => 300,              # seconds; no round starts later than that
    TOKEN_HEADER => 'authorization: Bearer ' . Consumer::Rig::TOKEN,
};

my $setup = 'not installed: scripts/setup bench';
my $codec = JSON::PP->new;
my $round_number = 0;

# The rows, in the order of the table; `calls`: of a batch, about a second.
sub rows {
    return (
        { name => 'h2load', title => 'h2load', calls => 40_000, run => \&h2load },
        { name => 'bare', title => 'libcurl multi, bare', calls => 20_000, run => \&bare },
        { name => 'corked', title => 'libcurl multi, bare, TCP_CORK', calls => 20_000,
            run => \&bare, options => ['-k'] },
        { name => 'consumer', title => 'meta-consumer', calls => 20_000, run => \&queue,
            list => 'meta:events', bases => [qw(bare corked node)],
            start => sub { rig()->consumer(queues => ['meta:events']) } },
        { name => 'node', title => 'Node, http2', calls => 10_000, run => \&queue,
            list => 'meta:node', own => 'meta:node:node',
            start => sub { rig()->node('http2', 'meta:node') } },
        { name => 'undici', title => 'Node, undici, HTTP/1.1', calls => 10_000, run => \&queue,
            list => 'meta:undici', own => 'meta:undici:node',
            start => sub { rig()->node('undici', 'meta:undici') } },
    );
}

sub cost {
    my $rounds = shift;
    my @all = rows();
    rig()->graph;
    for my $row (grep { $_->{start} } @all) {
        $row->{server} = $row->{start}->();
        $row->{missing} = $setup if !$row->{server};
    }
    $all[0]{missing} = $setup if system('h2load --version >/dev/null 2>&1') != 0;
    my ($done, @got) = rounds($rounds, grep { !$_->{missing} } @all);
    stop($_->{server}{pid}) for grep { $_->{server} } @all;
    return {
        rounds => $done, in_flight => IN_FLIGHT, limits => { rig()->known }->{limits},
        rows => [map { summary($_, \@got) } @all],
    };
}

sub rounds {
    my ($rounds, @rows) = @_;
    my ($start, @got) = time;
    for my $round (0 .. $rounds) {
        return $round - 1, @got if $round > 1 && time - $start > BUDGET;
        print STDERR $round ? "cost: round $round of $rounds\n" : "cost: warming up\n";
        my %of = map { $_->{name} => batch($_) } $round % 2 ? @rows : reverse @rows;
        push @got, \%of if $round;
    }
    return $rounds, @got;
}

# The server must have had exactly as many calls as were to be made.
sub batch {
    my $row = shift;
    my $before = rig()->calls;
    my $got = $row->{run}->($row);
    my $calls = rig()->calls - $before;
    my $more = $row->{run} == \&bare ? IN_FLIGHT : 0;       # its first, which are not measured
    # a consumer may ask once what a phone number may do
    my $free = $row->{name} eq 'consumer' && !$row->{batches}++ ? 1 : 0;
    die "bench: $row->{name} made $calls calls, not ", $row->{calls} + $more, "\n"
        if $calls < $row->{calls} + $more || $calls > $row->{calls} + $more + $free;
    return {
        cpu_us => $got->{cpu} * 1e6 / $row->{calls}, rate => $row->{calls} / $got->{seconds},
        (defined $got->{redis} ? (redis_us => $got->{redis} * 1e6 / $row->{calls}) : ()),
    };
}


# --- ways to make the calls ---------------------------------------------------

# cpu and seconds of a whole program: its start and handshake are a few milliseconds
sub h2load {
    my $row = shift;
    my ($url, $body) = (rig()->phone_url, rig()->body_file);
    my $said = join '', capture('bash', '-c', 'TIMEFORMAT="cpu %U %S"; time "$@"', 'h2load',
        'taskset', '-c', worker_cpu(), 'h2load', '-n', $row->{calls}, '-c', 1, '-m', IN_FLIGHT,
        '-d', $body, '-H', TOKEN_HEADER, '-H', 'accept: application/json',
        '-H', 'content-type: application/json', $url);
    my ($user, $system) = $said =~ /^cpu ([\d.]+) ([\d.]+)$/m or die "bench: no times: $said";
    my ($seconds) = $said =~ /^finished in ([\d.]+)s,/m;
    ($seconds) = map { $_ / 1000 } $said =~ /^finished in ([\d.]+)ms,/m if !defined $seconds;
    die "bench: h2load says:\n$said" if $said !~ / $row->{calls} 2xx,/ || !$seconds;
    return { cpu => $user + $system, seconds => $seconds };
}

# what a program says, on standard error too
sub capture {
    my @argv = @_;
    my $pid = open(my $out, '-|') // die "fork: $!\n";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec @argv or POSIX::_exit(127);
    }
    return readline $out;
}

sub bare {
    my $row = shift;
    my ($url, $body, $ca) = (rig()->phone_url, rig()->body_file, rig()->certificate . '.pem');
    my $options = join ' ', @{ $row->{options} // [] };
    my $cpu = worker_cpu();
    my $said = qx{taskset -c $cpu $ENV{META_BUILD}/bench/curl_bare $options $url $ca \\
        $row->{calls} @{[IN_FLIGHT]} <$body};
    die "bench: curl_bare failed\n" if $? != 0;
    return $codec->decode($said);
}

# records wait in another list until all are there; renaming it lets the worker begin
sub queue {
    my $row = shift;
    my ($redis, $list) = (rig()->redis, $row->{list});
    rig()->fill("$list:fill", $row->{calls}, run => 'r' . ++$round_number);
    my $worked = rig()->count_of($list)->{worked};
    my ($began, $redis_began) = map { (cpu_of($_))[0] } $row->{server}{pid}, rig()->redis_pid;
    my $from = time;
    $redis->rename("$list:fill", $list);
    wait_for("$row->{calls} events worked by $row->{name}", sub {
        return !$redis->exists($list) && !$redis->exists($row->{own}) if $row->{own};
        my $count = rig()->count_of($list);
        die "bench: $count->{dead} dead letters: ", $redis->lindex("{$list}:dead", 0), "\n"
            if $count->{dead};
        return $count->{worked} - $worked >= $row->{calls};
    }, 120);
    my $seconds = time - $from;
    my ($ended, $redis_ended) = map { (cpu_of($_))[0] } $row->{server}{pid}, rig()->redis_pid;
    return {
        cpu => ($ended - $began) / 1e9, redis => ($redis_ended - $redis_began) / 1e9,
        seconds => $seconds,
    };
}


# --- medians and spreads; ratios are taken round by round -----------------------

sub summary {
    my ($row, $rounds) = @_;
    my %s = (name => $row->{name}, title => $row->{title});
    return { %s, missing => $row->{missing} } if $row->{missing};
    for my $what (qw(cpu_us rate redis_us)) {
        my @values = map { $_->{ $row->{name} }{$what} // () } @$rounds;
        $s{$what} = spread(@values) if @values;
    }
    for my $base (@{ $row->{bases} // [] }) {
        my @ratios = map { $_->{$base} ? $_->{ $row->{name} }{cpu_us} / $_->{$base}{cpu_us} : () }
            @$rounds;
        $s{of}{$base} = spread(@ratios) if @ratios;
    }
    return \%s;
}

sub spread {
    my @sorted = sort { $a <=> $b } @_;
    my ($min, $median, $max) = map { 0 + sprintf '%.3f', $_ } @sorted[0, @sorted / 2, -1];
    return { min => $min, median => $median, max => $max };
}

1;
