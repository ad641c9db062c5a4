package Edge::Latency;

# Latency where the worker is not saturated: at half load, and beside bodies of 3 MB.

use strict;
use warnings;

use Exporter qw(import);

use Edge::Delivery;
use Edge::Load;
use Edge::Rig;

our @EXPORT = qw(half_load beside_large);

use constant {
    ROUNDS      => 3,
    SECONDS     => 4,
    MANY        => 5_000_000,           # requests that no run here reaches
    IDLE        => 128,                 # connections of an open loop: more than are ever busy
    SMALL_RATE  => 500,
    LARGE       => 7_000,               # events: 3 MB
};

# Both rows get the same load: requests on a fixed schedule, half as many a second as the webhook
# can take.  Latency runs from the time on the schedule.
sub half_load {
    my %rows = rows();
    print STDERR "latency: looking for the most that one worker takes\n";
    my %most = map { $_ => load($rows{$_}, events => 1, requests => MANY, seconds => 2,
        drain => $rows{$_}{queue}) }
        qw(plain webhook);
    my $rate = int $most{webhook}{rps} / 2;

    my %got;
    for my $round (1 .. ROUNDS) {
        print STDERR "latency: round $round of ${\ROUNDS}, $rate requests/s\n";
        my @order = $round % 2 ? qw(plain webhook) : qw(webhook plain);
        push @{ $got{$_} }, at_rate($rows{$_}, $rate) for @order;
    }
    return {
        rate   => 0 + $rate,
        rounds => ROUNDS,
        rows   => [map { { most_rps => 0 + sprintf('%.0f', $most{$_}{rps}),
            %{ summary($rows{$_}, $got{$_}) } } } qw(plain webhook)],
    };
}

sub rows {
    my $server = Edge::Rig::module();
    my $queue  = Edge::Rig::queue();
    return (
        plain   => { name => 'plain', title => 'return 200', server => $server, path => '/plain' },
        webhook => { name => 'webhook', title => 'webhook', server => $server, path => '/webhook',
            queue => $queue },
        memory  => { name => 'memory', title => 'webhook', server => $server, path => '/memory',
            queue => $queue },
    );
}

sub at_rate {
    my ($row, $rate) = @_;
    return load($row, events => 1, requests => $rate * SECONDS, rate => $rate,
        connections => IDLE, drain => $row->{queue});
}

sub summary {
    my ($row, $got) = @_;
    my %s = (name => $row->{name}, title => $row->{title});
    for my $what (grep { defined $got->[0]{$_} } qw(p50_us p99_us p999_us max_us wait)) {
        $s{$what} = spread(map { $_->{$what} } @$got);
    }
    return \%s;
}

# Small requests at a modest rate, alone and while one connection sends bodies of 3 MB without a
# pause.  Those that are a "return 200" wait for the worker's loop only, webhooks for Redis too,
# which is busy with thousands of events at once.
sub beside_large {
    my %rows = rows();
    my %beside = (
        ''     => 'nothing beside',
        file   => '3 MB through a file',
        memory => '3 MB in memory',
    );
    my %large = (file => $rows{webhook}, memory => $rows{memory});
    my (%got, %rate);
    for my $round (1 .. ROUNDS) {
        print STDERR "large: round $round of ${\ROUNDS}\n";
        for my $name (qw(plain webhook)) {
            for my $how ('', qw(file memory)) {
                my ($small, $large) = together($rows{$name}, $large{$how});
                push @{ $got{$name}{$how} }, $small;
                push @{ $rate{$how} }, $large->{requests} / $large->{seconds} if $large;
            }
        }
    }
    my @rows;
    for my $name (qw(plain webhook)) {
        push @rows, { beside => $beside{$_}, %{ summary($rows{$name}, $got{$name}{$_}) } }
            for '', qw(file memory);
    }
    return {
        rate        => SMALL_RATE,
        rounds      => ROUNDS,
        large_bytes => length delivery(LARGE),
        large_per_s => { map { $_ => spread(@{ $rate{$_} })->{median} } qw(file memory) },
        rows        => \@rows,
    };
}

sub together {
    my ($small, $large) = @_;
    my $queue = $large && $large->{queue};
    my @small = (events => 1, requests => SMALL_RATE * SECONDS, rate => SMALL_RATE,
        connections => IDLE, drain => $queue // $small->{queue});
    return load($small, @small) if !$large;

    my $beside = begin_load($large, events => LARGE, requests => MANY, seconds => SECONDS + 1,
        connections => 1, drain => $queue);
    select undef, undef, undef, 0.5;
    my $got  = end_load(begin_load($small, @small));
    my $then = end_load($beside);
    $queue->taken($then->{requests} * LARGE + ($small->{queue} ? $got->{requests} : 0), 30);
    return $got, $then;
}

1;
