# Which Graph version serves a call: Meta never refuses one, it serves another.
#
# Source: reference meta-graph 1.2.  Missing or unknown: the oldest usable one;
# expired: the next oldest usable one, which is the same.
package GraphEmulator::Version;
use Mojo::Base -base, -signatures;

use Mojo::Date;

# Version and the day it stops; '' where Meta has not said.
my @LIFE = (
    [ 'v20.0', '2026-09-24' ], [ 'v21.0', '2027-01-21' ],
    [ 'v22.0', '2027-05-20' ], [ 'v23.0', '2027-10-08' ],
    [ 'v24.0', '2028-02-18' ], [ 'v25.0', '2028-07-29' ],
    [ 'v26.0', '' ],
);

has today => undef;


sub _today ($self) {
    return $self->today // substr Mojo::Date->new->to_datetime, 0, 10;
}


sub usable ($self) {
    my $today = $self->_today;
    return map { $_->[0] } grep { !$_->[1] || $_->[1] gt $today } @LIFE;
}


# Splits a path into the version that serves it and the rest of the path.
sub serve ($self, $path) {
    my $asked;
    $asked = $1 if $path =~ s{\A/(v\d{1,3}\.\d{1,3})(?=/|\z)}{};
    my @usable = $self->usable;
    my ($same) = grep { defined $asked && $_ eq $asked } @usable;
    return ($same // $usable[0], $path eq '' ? '/' : $path, $asked);
}

1;
