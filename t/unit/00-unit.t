#!/usr/bin/perl

# The unit tests of meta/: builds them and runs each as a subtest.

use strict;
use warnings;

use Cwd qw(abs_path);
use Fcntl qw(:flock);
use File::Basename qw(basename);
use File::Path qw(make_path);
use FindBin;
use Test::More;

my $root  = abs_path("$FindBin::Bin/../..");
my $build = build();

for my $source (glob "$FindBin::Bin/test_*.c") {
    my ($name) = basename($source) =~ /(.*)\.c$/;

    subtest $name => sub { run("$build/unit/$name") };
}

done_testing();

# several tests may build at once: one after another

sub build {
    my $dir = $ENV{META_BUILD} // 'build';

    $dir = "$root/$dir" if $dir !~ m{^/};
    make_path("$dir/unit");

    open my $lock, '>', "$dir/unit/.lock" or die "$dir/unit/.lock: $!\n";
    flock $lock, LOCK_EX or die "flock: $!\n";

    system('make', '-s', '-C', $FindBin::Bin, "BUILD=$dir") == 0
        or BAIL_OUT('unit tests do not build');

    return $dir;
}

sub run {
    my ($program) = @_;
    my ($plan, $n) = (-1, 0);

    open my $out, '-|', $program or die "$program: $!\n";

    while (my $line = <$out>) {
        if ($line =~ /^(not )?ok \d+ - (.*)/) {
            ok(!$1, "case $2");
            $n++;
        } elsif ($line =~ /^1\.\.(\d+)$/) {
            $plan = $1;
        } else {
            diag($line);
        }
    }

    close $out;

    is($n, $plan, 'as many as planned');
    is($?, 0,     'exits with 0');
}
