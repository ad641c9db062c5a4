package Edge::Cost;

# Worker CPU per delivery of each way to do the work, next to "return 200", in interleaved rounds.

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP;
use Time::HiRes qw(time);

use Edge::Delivery;
use Edge::Load;
use Edge::Process;
use Edge::Rig;
use Edge::Verify;

our @EXPORT = qw(cost);

use constant BUDGET => 200;             # seconds; no round starts later than that

# requests of a batch: about a quarter of a second, at most 100 MB in Redis
my @sizes = (
    { events => 1,   plain => 30_000, ours => 20_000, rival => 6_000 },
    { events => 20,  plain => 15_000, ours => 5_000,  rival => 1_500 },
    { events => 400, plain => 3_000,  ours => 250,    rival => 60 },
);

my $setup = 'not installed: scripts/setup bench';

# The rows, in the order of the table.  `base`: what a row's CPU is divided by; `in`: the sections
# that it belongs to.
sub rows {
    my %only = @_;
    my @module = (server => Edge::Rig::module());
    my @queue  = (queue => Edge::Rig::queue());
    my @rows = (
        { name => 'plain', title => 'return 200', count => 'plain', @module, path => '/plain' },
        { name => 'webhook', title => 'webhook', count => 'ours', base => 'plain', @module, @queue,
            path => '/webhook' },
        { name => 'tcp', title => 'webhook, Redis over TCP', count => 'ours', base => 'plain',
            in => 'tcp', @module, @queue, path => '/tcp' },
        { name => 'tls_plain', title => 'return 200, TLS', count => 'plain', base => 'plain',
            in => 'tls', @module, path => '/plain', tls => 1 },
        { name => 'tls', title => 'webhook, TLS', count => 'ours', base => 'tls_plain', in => 'tls',
            @module, @queue, path => '/webhook', tls => 1 },
    );
    push @rows, rivals(@queue) if $only{rivals};
    return grep { !$_->{in} || $only{ $_->{in} } } @rows;
}

sub rivals {
    my @queue = @_;
    my @more = (path => '/webhook', count => 'rival', base => 'plain', in => 'rivals',
        rewritten => 1);
    my ($lua, $node) = (Edge::Rig::lua(), Edge::Rig::node());
    return (
        { name => 'lua', title => 'Lua in nginx', server => $lua, @queue, @more },
        { name => 'node', title => 'Node', server => $node, @queue, @more },
    );
}

# the sections wanted, as keys, and the number of rounds
sub cost {
    my ($only, $rounds) = @_;
    my @all  = rows(%$only);
    my @rows = grep { $_->{server} } @all;
    my ($ours) = grep { $_->{name} eq 'webhook' } @rows;
    Edge::Verify::same_work($_, $ours) for grep { $_->{rewritten} } @rows;

    my ($done, @got) = rounds($rounds, @rows);
    return {
        rounds      => $done,
        connections => CONNECTIONS,
        sizes       => [map { summary($sizes[$_], $got[$_], @all) } 0 .. $#sizes],
    };
}

sub rounds {
    my ($rounds, @rows) = @_;
    my ($start, @got) = time;
    for my $round (0 .. $rounds) {
        return $round - 1, @got if $round > 1 && time - $start > BUDGET;
        print STDERR $round ? "cost: round $round of $rounds\n" : "cost: warming up\n";
        for my $n (0 .. $#sizes) {
            my %of = map { $_->{name} => batch($_, $sizes[$n], $round) }
                $round % 2 ? @rows : reverse @rows;
            push @{ $got[$n] }, \%of if $round;
        }
    }
    return $rounds, @got;
}

sub batch {
    my ($row, $size, $round) = @_;
    my $requests = $size->{ $row->{count} };
    # a compiler at run time needs to have seen the work
    $requests *= 4 if $row->{rewritten} && !$round;
    return load($row, events => $size->{events}, requests => $requests);
}

# medians and spreads; ratios are taken round by round
sub summary {
    my ($size, $rounds, @rows) = @_;
    my @summary;
    for my $row (@rows) {
        my %s = (name => $row->{name}, title => $row->{title});
        push @summary, \%s;
        if (!$row->{server}) {
            $s{missing} = $setup;
            next;
        }
        for my $what (qw(cpu_us rps p50_us p99_us wait)) {
            $s{$what} = spread(map { $_->{ $row->{name} }{$what} } @$rounds);
        }
        $s{base}  = $row->{base};
        $s{ratio} = ratio($rounds, $row->{name}, $row->{base}) if $row->{base};
        $s{times_ours} = ratio($rounds, $row->{name}, 'webhook') if $row->{rewritten};
    }
    my $body = bench_dir() . "/body-$size->{events}";
    spew($body, delivery($size->{events}));
    my $cpu = worker_cpu();
    return {
        events => $size->{events},
        bytes  => -s $body,
        rows   => \@summary,
        parts  => decode_json(scalar qx{taskset -c $cpu $ENV{META_BUILD}/bench/split $body}),
    };
}

sub ratio {
    my ($rounds, $name, $base) = @_;
    return spread(map { $_->{$name}{cpu_us} / $_->{$base}{cpu_us} } @$rounds);
}

1;
