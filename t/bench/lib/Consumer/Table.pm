package Consumer::Table;

# The figures of a run as tables: for a terminal, or as Markdown for docs/performance.md.

use strict;
use warnings;

use Edge::Table ();

# the whole result, as scripts/bench consumer --json prints it
sub text {
    my ($r, $markdown) = @_;
    my @parts = machine($r->{machine});
    push @parts, cost($r->{cost})       if $r->{cost};
    push @parts, idle($r->{idle})       if $r->{idle};
    push @parts, backlog($r->{backlog}) if $r->{backlog};
    push @parts, stopped($r->{stopped}) if $r->{stopped};
    push @parts, seen($r->{seen})       if $r->{seen};
    return join "\n", map { ref ? Edge::Table::table($_, $markdown)
        : Edge::Table::heading($_, $markdown) // Edge::Table::wrap($_) } @parts;
}

sub machine {
    my $m = shift;
    return sprintf '%s, %d CPUs, Linux %s; nginx %s, OpenSSL %s, libcurl %s, Redis %s%s.',
        @$m{qw(cpu cpus kernel nginx openssl curl redis)}, $m->{node} ? ", Node $m->{node}" : '';
}

sub cost {
    my $c = shift;
    my @rows = map { cost_row($_) } @{ $c->{rows} };
    my ($ours) = grep { $_->{name} eq 'consumer' } @{ $c->{rows} };
    my %title = map { $_->{name} => $_->{title} } @{ $c->{rows} };
    my @ratios = map { [$title{$_}, Edge::Table::ratio($ours->{of}{$_})] }
        grep { $ours->{of}{$_} } qw(bare corked node);
    return (
        '### Cost of a call',
        "Medians of $c->{rounds} interleaved rounds, $c->{in_flight} calls in flight"
            . ' (meta-consumer: as many as its window holds); in brackets the spread.'
            . ($c->{limits} ? '' : ' This meta-consumer knows no limits.'),
        [['way', 'CPU, us', 'Redis, us', 'calls/s'], @rows],
        'CPU of meta-consumer, in times of:',
        [['way', 'times'], @ratios],
    );
}

sub cost_row {
    my $row = shift;
    return [$row->{title}, $row->{missing}, '', ''] if $row->{missing};
    my $us = $row->{cpu_us};
    return [$row->{title}, sprintf('%.1f (%.1f-%.1f)', @$us{qw(median min max)}),
        $row->{redis_us} ? sprintf('%.1f', $row->{redis_us}{median}) : '',
        Edge::Table::whole($row->{rate}{median})];
}

sub idle {
    my $i = shift;
    return '### Idle', sprintf 'Two queues and nothing in them, %.0f s: %.2f ms of CPU a second,'
        . ' Redis %.2f; %s KB resident.', @$i{qw(seconds cpu_ms_s redis_ms_s)},
        Edge::Table::whole($i->{rss_kb});
}

sub backlog {
    my $b = shift;
    return '### Backlog', sprintf '%s events queued (%.0f MB): at most %s KB resident while %s of'
        . ' them were worked off, %s before.', Edge::Table::whole($b->{queued}),
        $b->{bytes} / 1e6, map { Edge::Table::whole($_) } @$b{qw(rss_kb worked before_kb)};
}

sub stopped {
    my $s = shift;
    return '### A stopped account', sprintf '%s events of an account that Graph throttles, and'
        . ' behind them %s of another: these were answered within %.1f s, at most %s KB were'
        . ' resident, %s calls were made for the throttled one%s.',
        map({ Edge::Table::whole($_) } @$s{qw(stopped behind)}), $s->{seconds},
        map({ Edge::Table::whole($_) } @$s{qw(rss_kb hammered)}),
        $s->{dead} ? ", $s->{dead} events are dead" : '';
}

sub seen {
    my $rows = shift;
    return '### Dedupe', 'What Redis takes for the ids of events that are remembered:',
        [['ids', 'buckets', 'MB', 'bytes an id'], map { [Edge::Table::whole($_->{ids}),
            $_->{buckets}, sprintf('%.0f', $_->{bytes} / 1e6),
            sprintf('%.1f', $_->{bytes_each})] } @$rows];
}

1;
