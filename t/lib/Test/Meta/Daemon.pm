package Test::Meta::Daemon;

# Sections for nginx as a daemon, which another binary takes over (USR2).

use strict;
use warnings;

use Test::More;

use Test::Meta;
use Test::Meta::Process;
use Test::Meta::Util qw(slurp wait_for);

# nginx ignores USR2 while its parent is the one that it was started by, so
# here it is a daemon; ended by the pids of its own files
package Daemon {
    use parent -norequire, 'Test::Meta::Process';

    sub new {
        my ($class, $nginx) = @_;
        my $self = bless {file => "$nginx->{dir}/nginx.pid", owner => $$},
            $class;
        system $nginx->command;
        return $self;
    }

    sub of_file {
        my ($self, $end) = @_;
        return Test::Meta::Util::slurp($self->{file} . ($end // ''))
            =~ /(\d+)/ ? $1 : undef;
    }

    sub DESTROY {
        my ($self) = @_;
        return unless $self->{owner} == $$;
        kill 'TERM', grep { defined } $self->of_file, $self->of_file('.oldbin');
    }
}

# also while nobody has waited for it: whoever adopts orphans may be slow
sub gone {
    my ($pid) = @_;
    return !kill(0, $pid) || slurp("/proc/$pid/stat") =~ /^\d+ \(.*\) Z/;
}

config_verb daemon => sub {
    my ($t) = @_;
    $t->{conf}{daemon} = 'on';
    $t->{no_start} = 1;
};

verb start_daemon => sub {
    my ($t) = @_;
    local %ENV = (%ENV, %{$t->{env}});
    $t->{daemon} = Daemon->new($t->{nginx});
    ok &wait_for(sub { $t->{daemon}->of_file }), 'nginx has started';
};

verb upgrade_begins => sub {
    my ($t) = @_;
    my $daemon = $t->{daemon};
    my $old = $t->{old} = $daemon->of_file;
    kill 'USR2', $old;
    ok &wait_for(sub {
        my $new = $daemon->of_file;
        $new && $new != $old && kill 0, $new }), 'another master runs';
    kill 'QUIT', $old;
};

verb upgrade_ends => sub {
    my ($t) = @_;
    ok &wait_for(sub { gone($t->{old}) }), 'the old one has gone';
};

verb upgrade => sub {
    my ($t) = @_;
    $t->run($_) for qw(upgrade_begins upgrade_ends);
};

verb quit_daemon => sub {
    my ($t) = @_;
    my $pid = $t->{daemon}->of_file;
    kill 'QUIT', $pid;
    ok &wait_for(sub { gone($pid) }), 'it has ended';
    ok &wait_for(sub { !$t->{redis}->clients }), 'no connection is left';
};

1;
