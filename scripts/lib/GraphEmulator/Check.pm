# Checks on the members of a request body; each product has its own error.
package GraphEmulator::Check;
use Mojo::Base -base, -signatures;

# Code references that throw: missing($name), invalid($name, $why).
has [qw(missing invalid)];


sub text ($self, $object, $name, %limit) {
    my $value = $object->{ $name =~ s/.*\.//r };
    if (!defined $value || (!ref $value && $value eq '' && !$limit{empty})) {
        return undef if $limit{optional};
        $self->missing->($name);
    }
    $self->invalid->($name, 'must be a string') if ref $value;
    my $length = length $value;
    $self->invalid->($name, "has $length characters, the limit is $limit{max}")
        if $limit{max} && $length > $limit{max};
    $self->invalid->($name, 'must be one of ' . join ', ', @{ $limit{in} })
        if $limit{in} && !grep { $_ eq $value } @{ $limit{in} };
    $self->invalid->($name, 'is not valid')
        if $limit{like} && $value !~ $limit{like};
    return $value;
}


sub object ($self, $object, $name, %limit) {
    my $value = $object->{ $name =~ s/.*\.//r };
    if (!defined $value) {
        return undef if $limit{optional};
        $self->missing->($name);
    }
    $self->invalid->($name, 'must be an object') if ref $value ne 'HASH';
    return $value;
}


# An array of objects, with min (1) and max items.
sub list ($self, $object, $name, %limit) {
    my $value = $object->{ $name =~ s/.*\.//r };
    if (!defined $value) {
        return [] if $limit{optional};
        $self->missing->($name);
    }
    $self->invalid->($name, 'must be an array') if ref $value ne 'ARRAY';
    my ($count, $min) = (scalar @$value, $limit{min} // 1);
    $self->invalid->($name, "needs at least $min") if $count < $min;
    $self->invalid->($name, "has $count items, the limit is $limit{max}")
        if $limit{max} && $count > $limit{max};
    ref eq 'HASH' or $self->invalid->($name, 'must hold objects')
        for @$value;
    return $value;
}


# Exactly one of the named members; returns its name.
sub only_one ($self, $object, $name, @members) {
    my @there = grep { defined $object->{$_} } @members;
    $self->missing->("$name." . join '|', @members) if !@there;
    $self->invalid->($name, 'takes only one of ' . join ', ', @members)
        if @there > 1;
    return $there[0];
}

1;
