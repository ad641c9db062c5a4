package Edge::Table;

# The figures of a run as tables: for a terminal, or as Markdown for docs/performance.md.

use strict;
use warnings;

use List::Util qw(max);

# the whole result, as scripts/bench edge --json prints it
sub text {
    my ($r, $markdown) = @_;
    my @parts = machine($r->{machine});
    push @parts, cost($r->{cost})       if $r->{cost};
    push @parts, latency($r->{latency}) if $r->{latency};
    push @parts, large($r->{large})     if $r->{large};
    push @parts, spool($r->{spool})     if $r->{spool};
    push @parts, memory($r->{memory})   if $r->{memory};
    return join "\n",
        map { ref ? table($_, $markdown) : heading($_, $markdown) // wrap($_) } @parts;
}

sub machine {
    my $m = shift;
    return sprintf '%s, %d CPUs%s, Linux %s; nginx %s, OpenSSL %s, Redis %s%s.', $m->{cpu},
        $m->{cpus}, $m->{sha_ni} ? ' with SHA-NI' : '', @$m{qw(kernel nginx openssl redis)},
        $m->{node} ? ", Node $m->{node}" : '';
}

sub cost {
    my $c = shift;
    my @rows = map { my $s = $_; map { cost_row($s, $_) } @{ $s->{rows} } } @{ $c->{sizes} };
    my $of = "Medians of $c->{rounds} interleaved rounds, $c->{connections} connections; in"
        . ' brackets the spread of the ratio. TLS is on the side of the client, and its webhook is'
        . ' compared with "return 200" by TLS.';
    my @measured = grep { !$_->{missing} } map { @{ $_->{rows} } } @{ $c->{sizes} };
    return (
        '### Cost',
        $of,
        [['delivery', 'way', 'CPU, us', 'ratio', 'requests/s', 'p50, us', 'p99, us'], @rows],
        rivals($c),
        'Of the webhook\'s CPU, in us; the first three are measured alone:',
        parts($c),
        waited(@measured),
    );
}

# what says how far latencies and requests a second can be believed
sub waited {
    my $wait = max(map { $_->{wait}{median} } @_);
    return sprintf 'The server waited for its CPU up to %.1f %% of the time%s.', 100 * $wait,
        $wait > 0.03 ? ': others were at work, do not trust latencies' : '';
}

sub cost_row {
    my ($s, $row) = @_;
    my $first = $row->{name} eq 'plain' ? size($s) : '';
    return [$first, $row->{title}, $row->{missing}, ('') x 4] if $row->{missing};
    my $ratio = $row->{base} ? ratio($row->{ratio}) : '1';
    return [$first, $row->{title}, us($row->{cpu_us}{median}), $ratio,
        medians($row, qw(rps p50_us p99_us))];
}

# the pure part is run by itself, what remains is nginx', the kernel's and the push
sub parts {
    my $c = shift;
    my (@head, @rows) = '';
    my @what = ('signature', 'split', 'record heads', 'everything else',
        'for comparison: all of "return 200"');
    for my $s (@{ $c->{sizes} }) {
        my ($plain, $webhook) = map { $_->{cpu_us}{median} } @{ $s->{rows} }[0, 1];
        my @us = map { $_ / 1000 } @{ $s->{parts} }{qw(hmac_ns split_ns heads_ns)};
        push @us, $webhook - $us[0] - $us[1] - $us[2], $plain;
        push @head, size($s);
        push @{ $rows[$_] }, us($us[$_]) for 0 .. $#us;
    }
    return [\@head, map { [$what[$_], @{ $rows[$_] }] } 0 .. $#what];
}

# what the same work costs elsewhere, in times of the module's CPU
sub rivals {
    my $c = shift;
    my @rows;
    for my $s (@{ $c->{sizes} }) {
        push @rows, [size($s), $_->{title}, ratio($_->{times_ours})]
            for grep { $_->{times_ours} } @{ $s->{rows} };
    }
    return @rows ? ('The same work elsewhere, in times of the webhook\'s CPU:',
        [[qw(delivery way times)], @rows]) : ();
}

sub latency {
    my $l = shift;
    my @what = qw(p50_us p99_us p999_us max_us);
    my @rows = map { [$_->{title}, whole($_->{most_rps}), medians($_, @what)] } @{ $l->{rows} };
    return (
        '### Latency at half load',
        sprintf('%s deliveries of one event a second, on a fixed schedule, half of'
            . ' the most that the webhook takes; latency from the time on the schedule, medians of'
            . ' %d rounds.', whole($l->{rate}), $l->{rounds}),
        [['way', 'most, requests/s', 'p50, us', 'p99, us', 'p99.9, us', 'max, us'], @rows],
        waited(@{ $l->{rows} }),
    );
}

sub large {
    my $l = shift;
    my @rows = map { [$_->{title}, $_->{beside}, medians($_, qw(p50_us p99_us max_us))] }
        @{ $l->{rows} };
    return (
        '### Small requests beside 3 MB',
        sprintf('Small requests, %d a second, while one connection sends the same worker webhooks'
            . ' of %.1f MB without a pause (%.0f a second through a file, %.0f in memory); medians'
            . ' of %d rounds.', $l->{rate}, $l->{large_bytes} / 1e6,
            @{ $l->{large_per_s} }{qw(file memory)}, $l->{rounds}),
        [['small request', 'beside it', 'p50, us', 'p99, us', 'max, us'], @rows],
    );
}

sub spool {
    my $p = shift;
    return '### Spool', "Spool mode: $p->{missing}." if $p->{missing};
    my @rows;
    for my $s (@{ $p->{sizes} }) {
        my $first = $s->{events} . ($s->{events} == 1 ? ' event' : ' events');
        for my $row (@{ $s->{rows} }) {
            push @rows, [$first, $row->{title}, us($row->{cpu_us}{median}),
                medians($row, qw(rps p50_us p99_us)), ratio($row->{of_redis}),
                ratio($row->{of_durable})];
            $first = '';
        }
    }
    return (
        '### Spool',
        sprintf('%d connections, %s, one fsync of 4 KB takes %s us there; medians of %d'
            . ' rounds. CPU counts the drain into Redis too.', $p->{connections}, $p->{disk},
            whole($p->{fsync_us}), $p->{rounds}),
        [['delivery', 'safe by', 'CPU, us', 'requests/s', 'p50, us', 'p99, us', 'of Redis',
            'of Redis on disk'], @rows],
    );
}

sub memory {
    my $m = shift;
    my ($first, $last) = @{ $m->{rss} }[0, -1];
    return '### Memory', sprintf '%s KB resident after %s deliveries, %s KB after %s: %s KB more.',
        map { whole($_) } @$first{qw(kb deliveries)}, @$last{qw(kb deliveries)}, $m->{grown_kb};
}


# --- a table ------------------------------------------------------------------

sub table {
    my ($rows, $markdown) = @_;
    my ($head, @body) = @$rows;
    if ($markdown) {
        return join '', map { '| ' . join(' | ', @$_) . " |\n" } $head, [map { '---' } @$head],
            @body;
    }
    my @width = map { my $n = $_; max(map { length $_->[$n] } @$rows) } 0 .. $#$head;
    my $form = join('  ', map { "%-${_}s" } @width);
    return join '', map { sprintf("$form", @$_) =~ s{\s*\z}{\n}r } @$rows;
}

# undef where the text is none
sub heading {
    my ($text, $markdown) = @_;
    my ($name) = $text =~ /^### (.+)/ or return undef;
    return $markdown ? "$text\n" : "$name\n" . '-' x length($name) . "\n";
}

sub wrap {
    my ($text, @lines) = (shift, '');
    for my $word (split ' ', $text) {
        push @lines, '' if length("$lines[-1] $word") > 100;
        $lines[-1] .= length $lines[-1] ? " $word" : $word;
    }
    return join("\n", @lines) . "\n";
}

sub size {
    my $s = shift;
    my $form = $s->{bytes} < 1000 ? '%.1f' : '%.0f';
    return sprintf "%d event%s, $form KB", $s->{events}, $s->{events} == 1 ? '' : 's',
        $s->{bytes} / 1000;
}

sub medians { my ($row, @names) = @_; return map { whole($row->{$_}{median}) } @names }

sub ratio { my $r = shift; return sprintf '%.2f (%.2f-%.2f)', @$r{qw(median min max)} }

sub us { my $us = shift; return sprintf $us < 100 ? '%.1f' : '%.0f', $us }

# 12,345
sub whole {
    my $text = sprintf '%.0f', shift;
    1 while $text =~ s/(\d)(\d{3})(?!\d)/$1,$2/;
    return $text;
}

1;
