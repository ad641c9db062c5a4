package Test::Meta::Process;

# A program that we started and end by its pid; parent of all the servers.

use strict;
use warnings;

use POSIX ();
use Time::HiRes ();

use Test::Meta::Util qw(slurp wait_for);

sub new {
    my ($class, %arg) = @_;
    return bless {%arg}, $class;
}

# run(out => FILE, env => {...}, cmd => [...] or code => sub)
sub run {
    my ($self, %arg) = @_;

    $self->{pid} = fork // die "fork: $!";
    if (!$self->{pid}) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP ALRM PIPE CHLD);
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $arg{out} or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;
        %ENV = (%ENV, %{$arg{env} // {}});
        if ($arg{code}) {
            eval { $arg{code}->(); 1 } or print STDERR $@;
            POSIX::_exit($@ ? 1 : 0);
        }
        no warnings "exec";
        exec { $arg{cmd}[0] } @{$arg{cmd}};
        print STDERR "exec $arg{cmd}[0]: $!\n";
        POSIX::_exit(127);
    }
    $self->{owner} = $$;
    delete $self->{status};
    return $self;
}

# serve($client) for each connection of {socket}, in a process of its own
sub run_server {
    my ($self, $out) = @_;
    return $self->run(out => $out, code => sub {
        local $SIG{CHLD} = 'IGNORE';
        while (1) {
            my $client = $self->{socket}->accept or next;
            next if fork;
            eval { $self->serve($client); 1 } or print STDERR $@;
            POSIX::_exit(0);
        }
    });
}

sub pid {
    return $_[0]{pid};
}

# seconds that it has computed: what else the machine does is not in it
sub cpu {
    my ($self) = @_;
    my @stat = split ' ', slurp("/proc/$self->{pid}/stat") =~ s/.*\)//sr;
    return ($stat[11] + $stat[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# wait(2)'s status once it has ended, else undef
sub ended {
    my ($self) = @_;
    return undef unless $self->{pid};
    return $self->{status} if defined $self->{status};
    if (waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid}) {
        $self->{status} = $?;
    }
    return $self->{status};
}

sub alive {
    my ($self) = @_;
    return $self->{pid} && !defined $self->ended;
}

sub signal {
    my ($self, $name) = @_;
    kill $name, $self->{pid} if $self->alive;
    return $self;
}

# "0", "exit 1", "signal 11", or undef if it still runs after so many seconds
sub wait_exit {
    my ($self, $seconds) = @_;
    wait_for { defined $self->ended } $seconds // 10;
    my $status = $self->ended;
    return undef unless defined $status;
    return $status & 127 ? 'signal ' . ($status & 127)
        : $status ? 'exit ' . ($status >> 8) : '0';
}

# ends it, by force if need be; returns as wait_exit does
sub stop {
    my ($self, $signal, $seconds) = @_;
    return undef unless $self->{pid};
    $self->signal($signal // 'TERM');
    my $how = $self->wait_exit($seconds // 10);
    if (!defined $how) {
        $self->signal('KILL');
        $self->wait_exit(10);
    }
    return $how;
}

sub DESTROY {
    my ($self) = @_;
    return unless $self->{pid} && $self->{owner} == $$;
    local ($?, $!, $@);
    if ($self->alive) {
        kill 'CONT', $self->{pid};
        $self->stop('KILL', 5);
    }
}

1;
