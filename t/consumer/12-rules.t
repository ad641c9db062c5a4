# Rules are tried from the top, all that match run, until one says stop.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP ();
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
like $rig->logs, qr/outcome=slow .*patterns=1 slow_rule=5$/m, 'a line says which rule';
is_deeply answers(whatsapp(text => 'price')), [qw(first second)], 'and the next one is answered';

$rig->finish;


# all keys of "when": a rule of each pushes to a list of its own
my %when = (
    any => '', silent => 'kind: [echo, system, test]', whatsapp => 'product: whatsapp',
    page => 'object: [page, user]', other => "account: [\"1\", \"$PAGE\"]",
    tenant => 'tenant: acme',
    both => 'kind: [message, postback], product: [whatsapp, messenger]', help => 'payload: HELP',
    order => 'payload: ["A", "ORDER_\\\\d+"]', failed => 'kind: status, state: [failed, read]',
    code => 'code: [131026, "131047"]', came => 'referral: true', spring => 'referral: [spring]',
    nowhere => 'referral: false, kind: message',
    vip => 'tag: [vip, gold]', paused => 'template: {name: [hello, order], event: paused}',
    german => 'template: {language: de}', old => 'age: {over: 1h}', new => 'age: {under: 1h}',
    # never of a message of now, whatever the clock says
    open => 'age: {over: 1h}, hours: {from: 9:00, to: 17:00, days: mon-fri,'
        . ' zone: Africa/Johannesburg}',
    night => 'age: {over: 1h}, hours: [{from: "22:00", to: "6:00", days: sun,'
        . ' zone: Africa/Johannesburg}, {from: "12:00", to: "13:00", zone: America/New_York}]',
    words => 'text: [price, hours]',
);
my @names = sort keys %when;
$rig = Rig->new;
$rig->consumer(rules => join '', "rules:\n",
    map { "  - {when: {$when{$_}}, do: [{push: {list: \"l:$_\"}}]}\n" } @names);

sub matched {
    my ($record) = @_;
    $rig->push($record);
    $rig->settle;
    my @found = grep { $rig->llen("l:$_") } @names;
    $rig->do('DEL', map { "l:$_" } @names);
    return join ' ', @found;
}

# 2026-03-02 is a Monday; Johannesburg is two hours ahead of UTC
sub at { my ($time, %m) = @_; whatsapp(%m, message => {timestamp => "$time"}) }

is matched(whatsapp(text => 'a')), 'any both new nowhere whatsapp', 'a message of now';
is matched(whatsapp(text => 'your hours?')), 'any both new nowhere whatsapp words',
    'one of several patterns';
is matched(messenger(text => 'a')), 'any both new nowhere other page', 'a message to a Page';
is matched(messenger(text => undef, item => {message => undef, postback => {title => 'Help',
    payload => 'HELP', mid => 'm_p', referral => {ref => 'autumn', source => 'SHORTLINK'}}})),
    'any both came help new other page', 'a tap that came by a link';
is matched(messenger(message => {quick_reply => {payload => 'ORDER_17'},
    referral => {ref => 'spring', ad_id => '62'}})), 'any both came new order other page spring',
    'a pattern of a payload, a referral by its name';
is matched(messenger(message => {is_echo => JSON::PP::true,
    quick_reply => {payload => 'HELP_ME'}})), 'silent', 'an echo, which only its name matches';
is matched(at(1772434800)), 'any both nowhere old open whatsapp', 'Monday at nine';
is matched(at(1772434799)), 'any both nowhere old whatsapp', 'a second before it';
is matched(at(1772402400 + 3600)), 'any both night nowhere old whatsapp',
    'the night from Sunday on';
is matched(at(1772402400 + 25 * 3600)), 'any both nowhere old whatsapp', 'the next one is another';
is matched(at(1773504000)), 'any both night nowhere old whatsapp',
    'Saturday noon in New York, where summer time began the Sunday before';

$rig->do('HSET', "meta:conversation:whatsapp:$PHONE:27820000007", 'tag:vip', 1);
is matched(whatsapp(text => 'a', user => '27820000007')), 'any both new nowhere vip whatsapp',
    'whose conversation has a tag';

my $change = sub { my ($field, $value) = @_;
    return Rig::record(field => $field, event => {field => $field, value => $value}) };
is matched($change->(message_template_status_update => {event => 'PAUSED', reason => 'NONE',
    message_template_id => 1, message_template_name => 'order',
    message_template_language => 'de'})),
    'any german new paused whatsapp', 'what became of a template';
is matched($change->(messages => {metadata => {phone_number_id => $PHONE}, statuses => [{id => 'w1',
    status => 'failed', timestamp => '' . time, recipient_id => '27820000001',
    $_ ? (errors => [{code => $_, title => 'failed'}]) : ()}]})),
    $_ == 131026 ? 'any code failed new whatsapp' : 'any failed new whatsapp', "a status: $_"
    for 0, 131026, 131049;

$rig->finish;
done_testing;
