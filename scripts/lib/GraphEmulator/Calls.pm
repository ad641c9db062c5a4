# The call log: one JSON line a call, in the file before the answer leaves.
#
# The last calls are kept in memory for the control endpoint, bounded by number
# and bytes; the file has them all.
package GraphEmulator::Calls;
use Mojo::Base -base, -signatures;

use Mojo::JSON qw(encode_json);

use constant MAX_CALLS => 20_000;
use constant MAX_BYTES => 32 * 1024 * 1024;

has file  => undef;     # a handle that takes bytes
has lines => sub { [] };
has bytes => 0;
has total => 0;


# Gives the entry its number, writes and flushes it; dies if the disk refuses,
# because a test that reads the log must not miss a call.
sub add ($self, $entry) {
    $entry->{n} = $self->{total} = $self->total + 1;
    my $line = encode_json($entry);
    if (my $file = $self->file) {
        print {$file} "$line\n" and $file->flush
            or die "call log: $!\n";
    }
    push @{ $self->lines }, $line;
    $self->{bytes} = $self->bytes + length $line;
    while (@{ $self->lines } > MAX_CALLS || $self->bytes > MAX_BYTES) {
        $self->{bytes} -= length shift @{ $self->lines };
    }
    return $entry->{n};
}


# A JSON array of what is kept of the calls after number $since.
sub as_json ($self, $since) {
    my $first = $self->total - @{ $self->lines };
    my $skip = $since - $first;
    $skip = 0 if $skip < 0;
    my @lines = @{ $self->lines };
    splice @lines, 0, $skip > @lines ? scalar @lines : $skip;
    return '[' . join(",\n", @lines) . "]\n";
}


# Forgets what is in memory; numbers go on, the file stays.
sub forget ($self) {
    @{ $self->lines } = ();
    $self->{bytes} = 0;
    return;
}

1;
