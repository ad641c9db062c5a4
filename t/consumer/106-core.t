# No core file of the daemon or of metactl, and no way for another process of
# the same user to read their memory.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use File::Copy qw(copy);
use IO::Socket::UNIX;
use Test::More;

use Test::Meta::Process;
use Test::Meta::Util qw(build_dir patience slurp spew temp_dir wait_for);

plan skip_all => 'valgrind and sanitizers keep a process to themselves' if patience() > 1;

my $dir = temp_dir();
mkdir "$dir/cores" or die "cores: $!";
chmod 0777, "$dir/cores";

# what root may do tells nothing, so root is somebody else here
my @as = $> == 0 ? qw(setpriv --reuid=65534 --regid=65534 --clear-groups) : ();

sub started {
    my ($program, @args) = @_;
    return Test::Meta::Process->new->run(out => "$dir/out", cmd => [@as, 'sh', '-c',
        'cd "$0" && ulimit -c unlimited 2>/dev/null; exec "$@"', "$dir/cores", $program, @args]);
}

sub owner { return (stat "/proc/$_[0]/environ")[4] // -1 }

# how it ends: the signal, whether wait(2) tells of a core, how many files
sub crash {
    my ($process) = @_;
    $process->signal('ABRT');
    $process->wait_exit(10);
    my @files = glob "$dir/cores/*";
    unlink @files;
    return [$process->{status} & 127, $process->{status} & 128 ? 'core' : 'none', scalar @files];
}

subtest 'what the kernel does with others' => sub {
    my $other = started('sleep', 60);
    ok wait_for(sub { slurp('/proc/' . $other->pid . '/comm') =~ /^sleep/ }), 'a program runs';
    isnt owner($other->pid), 0, 'which its user may look into';
    my $how = crash($other);
    is $how->[0], 6, 'and it ends by that signal';
    diag 'no core file here: core_pattern is ' . slurp('/proc/sys/kernel/core_pattern')
        unless $how->[2];
};

for my $name (qw(meta-consumer metactl)) {

    # a Redis that takes connections and says nothing
    my $socket = IO::Socket::UNIX->new(Local => "$dir/$name.sock", Listen => 8, Timeout => 10)
        or die "socket: $!";
    chmod 0777, "$dir/$name.sock";
    spew("$dir/$name.yaml", <<"END");
redis: "unix:$dir/$name.sock"
queues: [{name: "meta:events", kind: events}]
graph: {version: v24.0}
unmatched: drop
END
    copy(build_dir() . "/$name", "$dir/$name") or die "$name: $!";
    chmod 0755, "$dir/$name";

    my $process = started("$dir/$name", '-c', "$dir/$name.yaml",
        $name eq 'metactl' ? 'status' : ());
    ok my $client = $socket->accept, "$name: runs";
    is owner($process->pid), 0, "$name: its memory and environment are root's";
    is_deeply crash($process), [6, 'none', 0], "$name: and no core is left";
}

done_testing;
