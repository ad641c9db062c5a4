package Scripts;

# The consumer's Lua scripts as Redis gets them, and items as they write them.

use strict;
use warnings;

use Exporter qw(import);

use Test::Meta::Util qw(root_dir slurp);

our @EXPORT_OK = qw(script_text envelope place record_of);

# what scripts share stands where they say so
sub script_text {
    my ($name) = @_;
    my $dir = root_dir() . '/consumer';
    my $held = slurp("$dir/held.lua");
    return slurp("$dir/$name.lua") =~ s/^-- with held\.lua\n/$held/mr;
}

# a record behind its lines
sub envelope {
    my ($record, @keys) = @_;
    return join(' ', scalar @keys, map { length } @keys) . "\n" . join('', @keys, $record);
}

# the member of {Q}:lines of an item
sub place {
    my ($key, $field) = @_;
    my ($seq, $urgent) = $field =~ /^(\d+)(u?)$/;
    return "$key\0" . sprintf('%016d', $seq) . $urgent;
}

# the record of an envelope
sub record_of {
    my ($envelope) = @_;
    my ($head, $rest) = split /\n/, $envelope, 2;
    my (undef, @sizes) = split / /, $head;
    my $skip = 0;
    $skip += $_ for @sizes;
    return substr $rest, $skip;
}

1;
