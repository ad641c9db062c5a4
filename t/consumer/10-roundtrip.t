# An event of each product goes in, Graph calls come out, and Redis is told.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Mojo::JSON;
use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $WABA $Q);

my $rig = Rig->new;

# keys but for those of the lanes; a bucket of dedupe ends in its day
sub left {
    return [sort map { s/seen:\K\d+\.0\.8$/DAY/r }
        grep { !/^meta:(?:limit|user|conversation|message):|meta:callbacks/ }
            $rig->do('KEYS', '*')];
}

my $c = $rig->consumer;

$rig->push(whatsapp(id => 'wamid.first', delivery => 'delivery-a'));
$rig->push(messenger(id => 'm_first'));
my @calls = $rig->graph->wait_calls(3);
$rig->settle;

my ($read, $reply) = grep { $_->{kind} eq 'whatsapp' } @calls;
my ($page) = grep { $_->{kind} eq 'messenger' } @calls;

is "$_->{method} $_->{path}", "POST /v24.0/$PHONE/messages", 'WhatsApp: the path'
    for $read, $reply;
is_deeply $read->{body}, {messaging_product => 'whatsapp', status => 'read',
    message_id => 'wamid.first'}, 'WhatsApp: marked as read first';
is_deeply $reply->{body}, {messaging_product => 'whatsapp', recipient_type => 'individual',
    to => '+27820000001', type => 'text', biz_opaque_callback_data => 'wamid.first',
    text => {body => 'Thanks, we are on it.', preview_url => Mojo::JSON->false}},
    'WhatsApp: answered with plus, and the id that comes back in statuses';

is "$page->{method} $page->{path}", "POST /v24.0/$PAGE/messages", 'Messenger: the path';
is_deeply $page->{body}, {recipient => {id => '7290000000000001'}, messaging_type => 'RESPONSE',
    message => {text => 'It is 49 EUR.', metadata => 'm_first', quick_replies => [
        {content_type => 'text', title => '✅ Helpful', payload => 'HELPFUL'},
        {content_type => 'text', title => '🔄 More detail', payload => 'MORE'}]}},
    'Messenger: answered with quick replies';

is_deeply [map { $_->{token} } $read, $page], ["whatsapp:$PHONE", "page:$PAGE"],
    'each with the token of its account';
is_deeply [grep { %{$_->{query}} } @calls], [], 'no token in a query';
is $_->{headers}{'Content-Type'}, 'application/json', 'JSON' for @calls;

is_deeply $rig->count_of, {seq => 2, taken => 2, worked => 2}, 'counted';
# those of quick lanes may have gone by now
my @lanes = sort $rig->do('KEYS', 'meta:limit:*');
my %known = map { ("meta:limit:$_" => 1) } "page:$PAGE", "pair:$PHONE:WHO", "phone:$PHONE";
my @names = map { s/[0-9a-f]{16,}$/WHO/r } @lanes;
ok +(grep { /:pair:/ } @names), 'calls have lanes';
is_deeply [grep { !$known{$_} } @names], [], 'their own, none with a person in its name';
is_deeply [grep { $rig->do('PTTL', $_) == -1 } @lanes], [], 'which go by themselves';
is_deeply left(),
    ['meta:consumers', map { "{$Q}:$_" } qw(count lease seen:DAY seen:count seen:key)],
    'nothing else is left';

my @lines = grep { /\[info\] event / } split /\n/, $rig->logs;
is scalar @lines, 2, 'one line an event';
my ($first) = grep { / item=1 / } @lines;
like $first, qr/queue=meta:events\ item=1\ delivery=delivery-a\ n=0\ id=wamid\.\*st
    \ product=whatsapp\ kind=message\ account=$PHONE\ user=\#[0-9a-f]{8}\ rule=1
    \ action=mark_read,reply\ events=1\ calls=2\ outcome=worked\ ms=\d+$/x,
    'with all that happened';
unlike $rig->logs, qr/27820000001|7290000000000001/, 'people stand there as a hash only';

$rig->push(whatsapp(id => 'wamid.HBgNNDkxNTU1MDEwMDQ0MRUCABIYFDNBQzlEMkU3MUY4NEIwNjM1Mjk3AA=='));
$rig->settle;
like $rig->logs, qr/id=wamid\.\*MkU3MUY4NEIwNjM1Mjk3AA== /,
    'a wamid holds the phone number: only its end is shown';

$rig->push(record(object => 'permissions', field => 'connected', event => {field => 'connected'}));
$rig->settle;
is $rig->count_of->{unmatched}, 1, 'what no rule matches is dropped and counted';

is $c->drain, '0', 'drained';
is_deeply left(), ["{$Q}:count", map { "{$Q}:seen:$_" } qw(DAY count key)],
    'the lease is given back';
$rig->finish;
done_testing;
