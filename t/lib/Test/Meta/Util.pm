package Test::Meta::Util;

# What every part of the harness shares: directories, ports, files, waiting.

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(
    build_dir root_dir made temp_dir hold_port slurp spew wait_for patience connects
    valgrind
);

my $ROOT = abs_path(dirname(__FILE__) . '/../../../..');

sub root_dir {
    return $ROOT;
}

sub build_dir {
    return abs_path($ENV{META_BUILD} // "$ROOT/build")
        // die "META_BUILD: no such directory\n";
}

# The build folder, with what t/FOLDER/Makefile makes; its programs share objects,
# so those who want some at once take turns.
sub made {
    my ($folder, @targets) = @_;
    my $build = build_dir();
    make_path($build);
    open my $lock, '>', "$build/.made.lock" or die "$build/.made.lock: $!\n";
    flock $lock, LOCK_EX or die "flock: $!\n";
    system('make', '-s', '-j2', '-C', "$ROOT/t/$folder", "BUILD=$build", @targets) == 0
        or die "t/$folder does not build\n";
    return $build;
}

# how many times longer than usual things may take here
sub patience {
    return $ENV{META_T_VALGRIND} ? 10 : $ENV{META_T_ASAN} ? 4 : 1;
}

# what stands before a command under META_T_VALGRIND; words go to LOG.PID
sub valgrind {
    my ($log) = @_;
    return () unless $ENV{META_T_VALGRIND};
    return ('valgrind', '-q', '--leak-check=full', '--error-exitcode=99',
        '--show-leak-kinds=definite', '--errors-for-leak-kinds=definite',
        "--suppressions=$ROOT/t/lib/valgrind.supp", '--vgdb=no',
        '--trace-children=yes', "--log-file=$log.%p");
}

# readable by nginx's workers, which run as another user when we are root
sub temp_dir {
    my $dir = File::Temp->newdir('meta-t-XXXXXXXX', TMPDIR => 1,
        CLEANUP => !$ENV{META_T_LEAVE});
    chmod 0755, "$dir" or die "chmod $dir: $!";
    return $dir;
}

# A port with the bound socket that keeps it ours: Linux lets a server with
# SO_REUSEADDR listen beside a socket that is bound and does not listen.
sub hold_port {
    my ($host) = @_;
    my $probe;
    if (($host // '') eq '::1') {
        require IO::Socket::IP;
        $probe = IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0,
            Proto => 'tcp', ReuseAddr => 1) or die "no port on ::1: $@";
    } else {
        $probe = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
            LocalPort => 0, Proto => 'tcp', ReuseAddr => 1)
            or die "no free port: $@";
    }
    return ($probe->sockport, $probe);
}

sub slurp {
    my ($file) = @_;
    open my $fh, '<:raw', $file or return '';
    local $/;
    return scalar(<$fh>) // '';
}

sub spew {
    my ($file, @bytes) = @_;
    open my $fh, '>:raw', $file or die "$file: $!";
    print $fh @bytes;
    close $fh or die "$file: $!";
    return $file;
}

# the condition's value as soon as it is true, undef when time is up
sub wait_for(&;$) {
    my ($condition, $seconds) = @_;
    my $end = time + ($seconds // 10) * patience();
    while (1) {
        my $value = $condition->();
        return $value if $value;
        return undef if time > $end;
        sleep 0.01;
    }
}

# true if somebody listens at a unix path or a port of 127.0.0.1
sub connects {
    my ($address) = @_;
    return $address =~ m{^/}
        ? !!IO::Socket::UNIX->new(Peer => $address)
        : !!IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $address, Proto => 'tcp');
}

1;
