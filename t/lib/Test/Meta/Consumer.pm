package Test::Meta::Consumer;

# meta-consumer with a configuration written for the test.
#
#   my $c = Test::Meta::Consumer->new(dir => $dir, conf => $yaml)->start;
#   $c->wait_log(qr/.../);  $c->drain;  $c->stop('KILL');

use strict;
use warnings;

use parent 'Test::Meta::Process';

use Test::Meta::Util qw(build_dir slurp spew valgrind wait_for);

# name: more than one in a directory; env: {NAME => VALUE}
sub new {
    my ($class, %arg) = @_;
    my $self = bless {name => 'consumer', %arg}, $class;
    $self->{file} = "$self->{dir}/$self->{name}.yaml";
    $self->{log} = "$self->{dir}/$self->{name}.log";
    spew($self->{file}, $self->{conf});
    return $self;
}

sub command {
    my ($self, @args) = @_;
    return (valgrind("$self->{log}.valgrind"), build_dir() . '/meta-consumer',
        @args, '-c', $self->{file});
}

# what meta-consumer -t says: exit code ("0", "exit 1", ...) and its words
sub test {
    my ($self) = @_;
    my $out = "$self->{log}.test";
    unlink $out;
    my $t = Test::Meta::Process->new;
    $t->run(out => $out, env => $self->{env}, cmd => [$self->command('-t')]);
    return ($t->wait_exit(20), slurp($out));
}

sub start {
    my ($self) = @_;
    $self->run(out => $self->{log}, env => $self->{env},
        cmd => [$self->command]);
    return $self;
}

sub log {
    return slurp($_[0]{log});
}

# the match as soon as it is there, else dies with the log
sub wait_log {
    my ($self, $regex, $seconds) = @_;
    my $seen;
    wait_for { ($seen) = $self->log =~ /($regex)/; defined $seen } $seconds;
    die "not in the consumer's log: $regex\n" . $self->log
        unless defined $seen;
    return $seen;
}

# SIGTERM and until it is gone; "0" if all is well
sub drain {
    my ($self, $seconds) = @_;
    return $self->stop('TERM', $seconds // 35);
}

sub reload {
    return $_[0]->signal('HUP');
}

# what valgrind or a sanitizer had to say, "" if nothing
sub complaints {
    my ($self) = @_;
    my $said = join '', map { slurp($_) } glob "$self->{log}.valgrind.*";
    return $said . join '', $self->log =~ /^.*(?:Sanitizer|runtime error).*\n/mg;
}

1;
