# The call log: one JSON line a call, in the file before the answer leaves.
#
# The last calls are kept in memory for the control endpoint, bounded by number
# and bytes; the file has them all.
package GraphEmulator::Calls;
use Mojo::Base -base, -signatures;

use Mojo::JSON qw(encode_json);

use constant MAX_CALLS => 20_000;
use constant MAX_BYTES => 32 * 1024 * 1024;
use constant MAX_PATHS => 2000;

has file  => undef;     # a handle that takes bytes
has lines => sub { [] };
has bytes => 0;
has total => 0;
has counts => sub { {} };   # by method and path, without the version


# Gives the entry its number, writes and flushes it; dies if the disk refuses,
# because a test that reads the log must not miss a call.
sub add ($self, $entry) {
    $entry->{n} = $self->{total} = $self->total + 1;
    $self->_count($entry);
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


# How often each thing was called, and how often that failed.
sub _count ($self, $entry) {
    my $path = $entry->{path} =~ s{\A/v\d+\.\d+(?=/)}{}r;
    my $counts = $self->counts;
    my $name = "$entry->{method} $path";
    $name = 'other' if !$counts->{$name} && keys %$counts >= MAX_PATHS;
    my $count = $counts->{$name} //= { calls => 0, failed => 0 };
    $count->{calls}++;
    my $answer = $entry->{answer} // {};
    $count->{failed}++ if ($answer->{status} // 0) >= 400;
    return;
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
    %{ $self->counts } = ();
    return;
}

1;
