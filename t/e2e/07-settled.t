# A send that Meta took and whose answer was lost: what comes back names it, and
# settles it; it is not sent again.  Where nothing comes back somebody is told.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Road;
use Test::Meta::Util qw(wait_for);
use Test::More;

my $road = Road->new(delay => 200, rules => <<'END');
rules:
  - when: {kind: message}
    do: [{reply: {text: "Thanks"}}]
END
my %what = (whatsapp => 'status', messenger => 'echo');

for my $product (sort keys %what) {
    for my $cut (qw(request answer)) {
        subtest "$product: cut at the $cut, settled by its $what{$product}" => sub {
            my $before = $road->sent($product);
            $road->graph->fault({match => {kind => $product, body => 'Thanks'},
                fault => {cut => $cut}});
            $road->deliver(product => $product, text => 'Anybody there?');
            wait_for { $road->sent($product) > $before } 20;
            $road->consumer->wait_log(qr/ambiguous/, 20);
            $road->settle;
            is(scalar(my @sent = $road->sent($product)), $before + 1, 'sent once');
            ok(wait_for(sub { !$road->dead }), 'and over: no dead letter is left')
                or diag explain [$road->dead];
        };
    }
}

subtest 'a consumer killed with many on the wire: the next one learns that they are sent' => sub {
    my $before = $road->sent('whatsapp');
    $road->graph->fault({match => {body => 'Thanks'}, times => 40, fault => {slow => 500}});
    $road->deliver(product => 'whatsapp', text => 'All at once', from => '27820001000',
        count => 40, people => 40);
    wait_for { $road->sent('whatsapp') >= $before + 20 } 20;
    is($road->consumer->stop('KILL'), 'signal 9', 'killed');
    $road->expire;
    $road->consumer->start;
    wait_for { $road->sent('whatsapp') >= $before + 40 } 20;
    $road->settle;
    is(scalar(my @sent = $road->sent('whatsapp')), $before + 40, 'each is sent once');
    ok(wait_for(sub { !$road->dead }), 'and none is in doubt') or diag explain [$road->dead];
};

subtest 'nothing comes back: it stays ambiguous, and is not sent again' => sub {
    my $before = $road->sent('whatsapp');
    $road->graph->fault({match => {kind => 'whatsapp', body => 'Thanks'},
        fault => {cut => 'answer', states => []}});
    $road->deliver(product => 'whatsapp', text => 'And now?');
    ok(wait_for(sub { $road->dead }, 20), "a dead letter");
    is(($road->dead)[0]{reason}, 'ambiguous', 'that says why');
    is(scalar(my @sent = $road->sent('whatsapp')), $before + 1, 'sent once');
};

$road->finish;
done_testing();
