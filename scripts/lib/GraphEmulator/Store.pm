# What stands behind an id of the emulator's own: media, templates, personas,
# attachments, comments.  Bounded; the clock can be put forward, for expiry.
package GraphEmulator::Store;
use Mojo::Base -base, -signatures;

use Time::HiRes ();

use constant MAX_OBJECTS => 50_000;
use constant MAX_BYTES   => 256 * 1024 * 1024;

has object => sub { {} };
has order  => sub { [] };    # ids, the oldest first
has gone   => sub { {} };    # ids that were removed
has bytes  => 0;
has skip   => 0;             # seconds that the clock is ahead


sub now ($self) {
    return Time::HiRes::time() + $self->skip;
}


sub new_id ($self) {
    my $id;
    do { $id = '1' . join '', map { int rand 10 } 1 .. 15 }
        while $self->object->{$id};
    return $id;
}


# Keeps an object of a kind that belongs to an account; `bytes` are counted.
sub add ($self, $kind, $owner, %object) {
    my $id = $object{id} //= $self->new_id;
    my $order = $self->order;
    @$order = grep { $_ ne $id } @$order if $self->remove($id);
    delete $self->gone->{$id};
    $self->{bytes} = $self->bytes + length($object{bytes} // '');
    push @$order, $id;
    $self->remove(shift @$order) while @$order > 1
        && (@$order > MAX_OBJECTS || $self->bytes > MAX_BYTES);
    return $self->object->{$id}
        = { %object, kind => $kind, owner => $owner, made => $self->now };
}


# The object of that id and kind; undef when there is none, or none any more.
sub get ($self, $id, $kind = undef) {
    my $object = $self->object->{ $id // '' } or return undef;
    return undef if defined $kind && $object->{kind} ne $kind;
    return undef if $object->{expires} && $object->{expires} <= $self->now;
    return $object;
}


sub remove ($self, $id) {
    my $object = delete $self->object->{$id} or return 0;
    $self->{bytes} = $self->bytes - length($object->{bytes} // '');
    my $gone = $self->gone;
    %$gone = () if keys %$gone >= MAX_OBJECTS;
    $gone->{$id} = 1;
    return 1;
}


# Whether an id was given out once and is gone: deleted or expired.
sub was ($self, $id) {
    return $self->gone->{$id} || $self->object->{$id} && !$self->get($id);
}


# All of one kind and owner, the oldest first.
sub all ($self, $kind, $owner) {
    my $object = $self->object;
    return grep { $_->{kind} eq $kind && $_->{owner} eq $owner }
        map { $object->{$_} // () } @{ $self->order };
}

1;
