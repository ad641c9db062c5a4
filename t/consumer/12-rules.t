# Rules are tried from the top, all that match run, until one says stop.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);

my $rig = Rig->new;
my $buttons = join ', ', map { "{title: Title $_, payload: P$_}" } 1 .. 3;
my $rows = join ', ', map { "{title: Row $_, payload: R$_}" } 1 .. 10;
$rig->consumer(more => "unmatched: {push: mine}\npush_lists: [other, mine]\n", rules => <<"END");
rules:
  - when: {product: whatsapp, kind: message, account: "1"}
    do: [{reply: {text: "another account"}}]
  - when: {product: whatsapp, kind: message, text: "(?i)price"}
    do: [{reply: {text: "first"}}]
  - when: {product: whatsapp, kind: message, text: "^price\$"}
    do: [{reply: {text: "second"}}, stop]
  - when: {product: whatsapp, kind: message, text: "price"}
    do: [{reply: {text: "third"}}]
  - when: {product: whatsapp, kind: message, text: "^(a+)+\$"}
    do: [{reply: {text: "never"}}]
  - when: {product: whatsapp, kind: message, text: "^buttons"}
    do: [{reply: {text: Choose, quick_replies: [$buttons]}}]
  - when: {product: whatsapp, kind: message, text: "^list"}
    do: [{reply: {text: Choose, quick_replies: [$rows]}}]
  - when: {product: whatsapp, kind: message, text: "^silence"}
    do: [stop]
  - when: {product: whatsapp, kind: message, text: "^name"}
    do: [{reply: {text: "{{user.username|You}} to {{account}}: {{ text }}"}}, stop]
  - when: {product: whatsapp, kind: message, text: "^pick"}
    do: [{reply: {text: Choose, quick_replies: [{title: "{{text}}", payload: "P {{id}}"}]}}, stop]
  - when: {product: whatsapp, kind: message, text: "^path"}
    do: [{graph: {method: GET, path: "{{text}}/x"}}, stop]
END

sub answers {
    my ($record) = @_;
    my $before = $rig->sent;
    $rig->push($record);
    $rig->settle;
    my @sent = $rig->sent;
    return [map { $_->[1] } @sent[$before .. $#sent]];
}

is_deeply answers(whatsapp(text => 'PRICE?')), ['first'], 'a pattern, case folded';
is_deeply answers(whatsapp(text => 'price')), [qw(first second)], 'two match, then stop';
is_deeply answers(whatsapp(text => 'the price')), [qw(first third)],
    'what does not match is passed over';

answers(whatsapp(text => 'buttons please'));
my $body = ($rig->graph->calls)[-1]{body};
is_deeply $body->{interactive}, {type => 'button', body => {text => 'Choose'}, action => {
    buttons => [map { {type => 'reply', reply => {id => "P$_", title => "Title $_"}} } 1 .. 3]}},
    'up to three quick replies are buttons on WhatsApp';
is $body->{type}, 'interactive', 'of type interactive';

answers(whatsapp(text => 'list please'));
is_deeply +($rig->graph->calls)[-1]{body}{interactive}, {type => 'list',
    body => {text => 'Choose'}, action => {button => 'Menu', sections => [{
    rows => [map { {id => "R$_", title => "Row $_"} } 1 .. 10]}]}}, 'up to ten a list';

is_deeply answers(whatsapp(text => 'silence')), [], 'a rule may do nothing';
is $rig->count_of->{worked}, 6, 'and the event counts as worked';

is_deeply answers(whatsapp(text => 'name "}}],{{account}} {\\')),
    ["You to $PHONE: name \"}}],{{account}} {\\"], 'values, and nothing else that looks like one';
answers(whatsapp(text => 'pick ' . "\x{e9}" x 30, id => 'wamid.pick'));
is_deeply +($rig->graph->calls)[-1]{body}{interactive}{action}{buttons}[0]{reply},
    {id => 'P wamid.pick', title => 'pick ' . "\x{e9}" x 15}, 'a text that gets too long is cut';
answers(whatsapp(text => "path %40 \x{e9}?b=c"));
is +(map { $_->{answer} } $rig->dead)[0], "Unknown path components: /path %40 \x{e9}?b=c/x",
    'in a path it is one part of it';
answers(whatsapp(text => 'path/../me'));
my ($dead) = grep { $_->{reason} eq 'rule' } $rig->dead;
like $dead->{answer}, qr/^action 1: graph.path: /, 'what no path may hold is a letter that says so';

my $unmatched = whatsapp(text => 'nothing of this');
is_deeply answers($unmatched), [], 'no rule matches';
is_deeply [$rig->redis->queue('mine')], [$unmatched], 'pushed as it came';
is $rig->count_of->{unmatched}, 1, 'and counted';

is_deeply answers(whatsapp(text => 'a' x 4000 . '!')), [], 'a pattern that runs wild is cut off';
is $rig->count_of->{unmatched}, 2, 'and does not match';
like $rig->logs, qr/outcome=slow .*patterns=1 rule=5$/m, 'a line says which rule';
is_deeply answers(whatsapp(text => 'price')), [qw(first second)], 'and the next one is answered';

$rig->finish;
done_testing;
