#!/usr/bin/perl

# The fuzzers' corpora as plain tests: the same targets, built with the
# sanitizers by whatever compiler there is, read every file once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Test::Meta::Util qw(made);

my $build = made('fuzz', 'replay');

for my $target (qw(signature signed challenge split record redis spool usage graph job answer
    assistant event conf letter values zone fleet metactl metrics)) {
    my @files = glob "$FindBin::Bin/corpus/$target/*";

    cmp_ok(scalar @files, '>', 0, "$target has a corpus");

    my $out = qx{"$build/fuzz/replay_$target" @files 2>&1};

    is($?, 0, "$target finds nothing") or diag(last_lines($out));
    like($out, qr/^@{[ scalar @files ]} files$/m, "$target read every file");
}

done_testing();

sub last_lines {
    my ($text) = @_;
    my @lines = split /\n/, $text;

    return join "\n", @lines > 20 ? @lines[ -20 .. -1 ] : @lines;
}
