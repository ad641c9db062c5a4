# 1,000 updates in one POST, of 100 people: each is answered once, in order for
# each person; as 1,000 entries, and as one change.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Road;
use Test::More;
use Time::HiRes ();

for my $shape (qw(entries one)) {
    subtest "as $shape" => sub {
        my $road = Road->new(states => [], more => "limits: {phone: off, pair: off}\n",
            rules => <<'END');
rules:
  - when: {product: whatsapp, kind: message}
    do: [{reply: {text: "{{id}}"}}]
END
        my $written = written($road);
        my $began = Time::HiRes::time();
        my $said = $road->deliver(product => 'whatsapp', text => 'a thousand words',
            count => 1000, people => 100, shape => $shape);
        is(scalar @{$said->{tries}}, 1, 'acknowledged at once');
        $road->wait_accepted(1000, 120);
        my $took = Time::HiRes::time() - $began;
        $road->settle(60);
        note sprintf 'ack %.0f ms, answered in %.1f s, Redis read %.1f MB', $said->{latency},
            $took, (written($road) - $written) / 1e6;

        my (%answered, %seen);
        for my $body (map { $_->{body} } $road->sent) {
            my $id = $body->{text}{body};
            $answered{$id}++;
            push @{$seen{$body->{to} =~ tr/0-9//cdr}}, $id;
        }
        is_deeply([sort keys %answered], [sort @{$said->{ids}}], 'each is answered');
        is((grep { $_ > 1 } values %answered), 0, 'once');
        my %wanted;
        push @{$wanted{27820000001 + $_ % 100}}, $said->{ids}[$_] for 0 .. 999;
        is_deeply(\%seen, \%wanted, 'in order for each of the hundred people');
        is(scalar(my @dead = $road->dead), 0, 'nothing is dead');
        $road->finish;
    };
}


# bytes that Redis was sent since it started
sub written {
    my ($road) = @_;
    return $road->redis('INFO', 'stats')->{total_net_input_bytes};
}

done_testing();
