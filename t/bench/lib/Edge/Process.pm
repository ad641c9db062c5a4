package Edge::Process;

# The programs of a bench: started, pinned, ended, and what the scheduler counts for them.

use strict;
use warnings;

use Exporter qw(import);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep);

our @EXPORT = qw(
    bench_dir worker_cpu load_cpu start stop wait_for free_port cpu_of rss_of children_of slurp spew
);

my (@children, $worker_cpu, $load_cpu, $dir);

$SIG{INT} = $SIG{TERM} = sub { exit 1 };
END { my $rc = $?; stop($children[-1]) while @children; $? = $rc }

# The server measured has the first CPU to itself; load, Redis and this program share the last.
sub choose_cpus {
    my ($list) = slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\S+)/m;
    my @cpus = map { /(\d+)-(\d+)/ ? $1 .. $2 : $_ } split /,/, $list;
    warn "bench: one CPU only; worker, load and Redis share it\n" if @cpus == 1;
    ($worker_cpu, $load_cpu) = @cpus[0, -1];
    qx{taskset -cp $load_cpu $$};
    die "bench: no taskset\n" if $? != 0;
}

sub worker_cpu { $worker_cpu // do { choose_cpus(); $worker_cpu } }
sub load_cpu   { $load_cpu   // do { choose_cpus(); $load_cpu } }

# everything of a run lies under it, and goes with it
sub bench_dir { $dir //= tempdir('meta-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1) }

# a child that ends with this program, however that ends, and keeps none of its files open
sub start {
    my @argv = ('setpriv', '--pdeathsig', 'TERM', @_);
    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>>', bench_dir() . '/out';
        POSIX::close($_) for 3 .. 255;
        exec(@argv) or POSIX::_exit(127);
    }
    push @children, $pid;
    return $pid;
}

sub stop {
    my $pid = shift;
    @children = grep { $_ != $pid } @children;
    return if waitpid($pid, POSIX::WNOHANG()) != 0;
    kill TERM => $pid;
    for (1 .. 200) {
        return if waitpid($pid, POSIX::WNOHANG()) != 0;
        sleep 0.05;
    }
    kill KILL => $pid;
    waitpid $pid, 0;
}

# polls until the check gives something true
sub wait_for {
    my ($what, $check, $seconds) = @_;
    $seconds //= 10;
    for (1 .. $seconds * 50) {
        my $got = $check->();
        return $got if $got;
        sleep 0.02;
    }
    die "bench: waited $seconds s in vain for $what\n", logs();
}

# the last words of each
sub logs { return map { my $log = slurp($_); substr $log, length $log > 2000 ? -2000 : 0 }
    glob bench_dir() . '/*.log' }

my %taken;

sub free_port {
    while (1) {
        my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
            or die "bench: no free port: $!\n";
        return $s->sockport if !$taken{ $s->sockport }++;
    }
}

# nanoseconds that a process' threads have run, and have waited for a CPU
sub cpu_of {
    my $pid = shift;
    my ($ran, $waited) = (0, 0);
    for my $thread (glob "/proc/$pid/task/*/schedstat") {
        my @of = split ' ', slurp($thread);
        $ran    += $of[0] // 0;
        $waited += $of[1] // 0;
    }
    die "bench: process $pid is gone\n", logs() if !$ran;
    return ($ran, $waited);
}

# KB
sub rss_of {
    my $pid = shift;
    my ($kb) = slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+) kB/m;
    return 0 + ($kb // die "bench: process $pid is gone\n");
}

sub children_of {
    my $pid = shift;
    return split ' ', slurp("/proc/$pid/task/$pid/children");
}

sub slurp {
    my $path = shift;
    open my $f, '<:raw', $path or return '';
    local $/;
    return scalar(<$f>) // '';
}

sub spew {
    my ($path, $bytes) = @_;
    open my $f, '>:raw', $path or die "$path: $!\n";
    print $f $bytes;
    close $f or die "$path: $!\n";
}

1;
