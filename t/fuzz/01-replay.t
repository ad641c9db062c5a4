#!/usr/bin/perl

# The fuzzers' corpora as plain tests: the same targets, built with the
# sanitizers by whatever compiler there is, read every file once.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Path qw(make_path);
use FindBin;
use Fcntl qw(:flock);
use Test::More;

my $root  = abs_path("$FindBin::Bin/../..");
my $build = build();

for my $target (qw(signature signed challenge split record redis spool usage graph job answer
    assistant event conf letter values zone fleet metactl metrics)) {
    my @files = glob "$FindBin::Bin/corpus/$target/*";

    cmp_ok(scalar @files, '>', 0, "$target has a corpus");

    my $out = qx{"$build/fuzz/replay_$target" @files 2>&1};

    is($?, 0, "$target finds nothing") or diag(last_lines($out));
    like($out, qr/^@{[ scalar @files ]} files$/m, "$target read every file");
}

done_testing();

sub build {
    my $dir = $ENV{META_BUILD} // 'build';

    $dir = "$root/$dir" if $dir !~ m{^/};
    make_path("$dir/fuzz");

    open my $lock, '>', "$dir/fuzz/.lock" or die "$dir/fuzz/.lock: $!\n";
    flock $lock, LOCK_EX or die "flock: $!\n";

    system('make', '-s', '-C', $FindBin::Bin, "BUILD=$dir", 'replay') == 0
        or BAIL_OUT('the fuzz targets do not build');

    return $dir;
}

sub last_lines {
    my ($text) = @_;
    my @lines = split /\n/, $text;

    return join "\n", @lines > 20 ? @lines[ -20 .. -1 ] : @lines;
}
