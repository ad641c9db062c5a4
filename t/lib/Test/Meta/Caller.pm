package Test::Meta::Caller;

# HTTP calls of the consumer's own client, without the rest of it.
#
#   my $caller = Test::Meta::Caller->new;
#   $caller->call(url => ..., method => 'POST', body => 'x')     what became of it
#   $caller->start(id => 'a', url => ...); ... $caller->result('a');
#   $caller->cancel('a');  is $caller->end, '', 'no complaint';

use strict;
use warnings;

use IPC::Open3 qw(open3);
use JSON::PP ();

use Test::Meta::Util qw(made patience slurp);

my $json = JSON::PP->new->ascii->canonical;

sub new {
    my ($class, $dir) = @_;
    my $self = bless {n => 0, done => {}, errors => "$dir/caller.errors"}, $class;
    open my $errors, '>', $self->{errors} or die "$self->{errors}: $!\n";
    $self->{pid} = open3($self->{in}, $self->{out}, '>&' . fileno $errors,
        made('unit', 'http_caller') . '/unit/http_caller');
    $self->{in}->autoflush;
    return $self;
}

sub start {
    my ($self, %call) = @_;
    $call{id} //= ++$self->{n};
    print { $self->{in} } $json->encode(\%call), "\n";
    return $call{id};
}

sub cancel {
    my ($self, $id) = @_;
    print { $self->{in} } $json->encode({id => $id, cancel => JSON::PP::true}), "\n";
}

sub result {
    my ($self, $id) = @_;
    local $SIG{ALRM} = sub { die "no result of $id\n" . slurp($self->{errors}) };
    alarm 60 * patience();
    while (!$self->{done}{$id}) {
        my $line = readline $self->{out};
        die "http_caller has ended\n" . slurp($self->{errors}) if !defined $line;
        my $r = $json->decode($line);
        $self->{done}{$r->{id}} = $r;
    }
    alarm 0;
    return delete $self->{done}{$id};
}

sub call {
    my ($self, @call) = @_;
    return $self->result($self->start(@call));
}

# what a sanitizer had to say, and how it ended
sub end {
    my ($self) = @_;
    close delete $self->{in};
    waitpid delete $self->{pid}, 0;
    return slurp($self->{errors}) . ($? ? "exit $?" : '');
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);
    if ($self->{pid}) {
        kill 'KILL', $self->{pid};
        waitpid $self->{pid}, 0;
    }
}

1;
