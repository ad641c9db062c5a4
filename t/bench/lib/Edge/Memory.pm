package Edge::Memory;

# Whether a worker's memory stays what it is over millions of deliveries.

use strict;
use warnings;

use Exporter qw(import);

use Edge::Load;
use Edge::Process;
use Edge::Rig;

our @EXPORT = qw(memory);

use constant { FIRST => 100_000, STEP => 500_000 };

# resident KB after the first 100,000 deliveries and every half million, the list emptied as it goes
sub memory {
    my $deliveries = shift;
    my $server = Edge::Rig::module();
    my $row = { name => 'webhook', server => $server, path => '/webhook',
        queue => Edge::Rig::queue() };
    my ($done, @rss) = 0;
    while ($done < $deliveries) {
        my $step = $done == 0 ? FIRST : $done == FIRST ? STEP - FIRST : STEP;
        $step = $deliveries - $done if $step > $deliveries - $done;
        load($row, events => 1, requests => $step, drain => $row->{queue});
        $done += $step;
        push @rss, { deliveries => $done, kb => rss_of($server->worker) };
        printf STDERR "memory: %d deliveries, %d KB resident\n", @{ $rss[-1] }{qw(deliveries kb)};
    }
    return { deliveries => $done, rss => \@rss, grown_kb => $rss[-1]{kb} - $rss[0]{kb} };
}

1;
