# What events are: every sample of others' servers becomes the events that samples.expected lists,
# and those of our own, events.txt, for what no sample has.

use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Test::Meta::Util qw(build_dir made root_dir);

my $samples = root_dir() . "/../shared/samples/payloads";
my $build   = made('unit', map { build_dir() . "/unit/$_" } qw(show_records show_events));
my $dir     = tempdir(CLEANUP => 1);

subtest 'our own' => sub {
    my @own = own("$FindBin::Bin/events.txt");

    for my $n (0 .. $#own) {
        open my $out, '>:raw', sprintf('%s/%03d', $dir, $n) or die "$dir: $!\n";
        print $out $own[$n]{body};
        close $out;
    }

    my %got = events('-v', glob "$dir/*");

    is($got{ sprintf '%s/%03d', $dir, $_ }, $own[$_]{events}, $own[$_]{name}) for 0 .. $#own;
    cmp_ok(scalar @own, '>', 100, 'there are some');
};

SKIP: {
    my @files = glob "$samples/*/*.json";

    skip 'no samples in ../shared/samples/payloads', 1 if !@files;

    my %got = events('', @files);
    my %expected;

    for (lines("$FindBin::Bin/samples.expected")) {
        next if /^#/;
        my ($file, $events) = split / /, $_, 2;
        $expected{"$samples/$file"} = $events;
    }

    is_deeply([ sort keys %got ], [ sort keys %expected ], 'each sample is listed');
    is($got{$_}, $expected{$_}, s{.*/payloads/}{}r) for sort @files;
}

done_testing();

sub lines {
    my ($name) = @_;

    open my $in, '<:raw', $name or die "$name: $!\n";
    chomp(my @lines = <$in>);

    return @lines;
}

# the name, the body, what becomes of it: one line for each event

sub own {
    my @own;

    for (lines(@_)) {
        if (/^# (.*)/) {
            push @own, { name => $1, events => '' };
        } elsif (/^\{/) {
            $own[-1]{body} = $_;
        } elsif (/^ /) {
            $own[-1]{events} .= "$_\n";
        }
    }

    return @own;
}

# records are made as the edge makes them; several of a file stand together

sub events {
    my ($option, @files) = @_;
    my ($name, %of);

    my $pid = open(my $in, '-|') // die "fork: $!\n";

    exec 'sh', '-c', qq("\$0/show_records" -r "\$@" | "\$0/show_events" $option),
        "$build/unit", @files if !$pid;

    while (my $line = <$in>) {
        if ($line =~ /^ /) {
            $of{$name} .= $line;
            next;
        }

        chomp $line;
        ($name, my $events) = split / /, $line, 2;
        $of{$name} = join ' ', grep { defined } $of{$name}, $events if !$option;
        $of{$name} //= '';
    }

    close $in;
    is($?, 0, 'all were read');

    return %of;
}
