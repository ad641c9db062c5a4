package Edge::Spool;

# What `meta_ack disk` costs, against Redis with and without a disk of its own.

use strict;
use warnings;

use Exporter qw(import);
use IO::Handle;
use Time::HiRes qw(time);

use Edge::Load;
use Edge::Process;
use Edge::Rig;

our @EXPORT = qw(spool);

use constant { ROUNDS => 5, SECONDS => 1.5, MANY => 5_000_000 };

sub spool {
    my $server = Edge::Rig::spool() or return { missing => 'not in this build' };
    my @rows = (
        { name => 'redis', title => 'Redis, nothing on disk', path => '/redis',
            queue => Edge::Rig::queue() },
        { name => 'durable', title => 'Redis, appendfsync always', path => '/durable',
            queue => Edge::Rig::durable_queue() },
        { name => 'disk', title => 'meta_ack disk', path => '/disk',
            queue => Edge::Rig::queue()->other('meta:disk') },
    );
    $_->{server} = $server for @rows;

    my (%got, @sizes);
    for my $round (0 .. ROUNDS) {
        print STDERR $round ? "spool: round $round of ${\ROUNDS}\n" : "spool: warming up\n";
        for my $events (1, 20) {
            for my $row ($round % 2 ? @rows : reverse @rows) {
                my $load = load($row, events => $events, requests => MANY, seconds => SECONDS,
                    drain => $row->{queue}, patience => 120);
                push @{ $got{$events}{ $row->{name} } }, $load if $round;
            }
        }
    }
    for my $events (1, 20) {
        push @sizes, { events => $events, rows => [map { summary($_, $got{$events}) } @rows] };
    }
    my ($kind) = qx{stat -f -c %T ${\bench_dir()}} =~ /(\S+)/;
    return { rounds => ROUNDS, disk => $kind, fsync_us => fsync_us(), connections => CONNECTIONS,
        sizes => \@sizes };
}

sub summary {
    my ($row, $got) = @_;
    my @mine = @{ $got->{ $row->{name} } };
    my %s = (name => $row->{name}, title => $row->{title});
    for my $what (qw(cpu_us rps p50_us p99_us behind)) {
        $s{$what} = spread(map { $_->{$what} } @mine);
    }
    for my $of (qw(redis durable)) {
        $s{"of_$of"} = spread(map { $mine[$_]{rps} / $got->{$of}[$_]{rps} } 0 .. $#mine);
    }
    return \%s;
}

# what one fsync of one more 4 KB takes on this disk, for reading the figures
sub fsync_us {
    my $path = bench_dir() . '/fsync';
    open my $f, '>', $path or die "$path: $!\n";
    my @us;
    for (1 .. 101) {
        my $start = time;
        syswrite $f, 'x' x 4096;
        $f->sync or die "fsync: $!\n";
        push @us, (time - $start) * 1e6;
    }
    close $f;
    unlink $path;
    return spread(@us)->{median};
}

1;
