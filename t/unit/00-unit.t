#!/usr/bin/perl

# The unit tests of meta/: builds them and runs each as a subtest.

use strict;
use warnings;

use File::Basename qw(basename);
use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Test::Meta::Util qw(made);

my $build = made('unit');

for my $source (glob "$FindBin::Bin/test_*.c") {
    my ($name) = basename($source) =~ /(.*)\.c$/;

    subtest $name => sub { run("$build/unit/$name") };
}

done_testing();

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
