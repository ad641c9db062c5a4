# What a rule for messages answers, to whom, and what it must never answer.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $WABA $Q);

my $rig = Rig->new;
$rig->consumer(rules => <<'END');
rules:
  - when: {product: whatsapp, kind: message, text: "^Grüße 😀$"}
    do: [{reply: {text: "emoji"}}, stop]
  - when: {product: whatsapp, kind: message, text: "^tap"}
    do: [{reply: {text: "tapped"}}, stop]
  - {when: {product: whatsapp, kind: message}, do: [{reply: {text: "wa"}}]}
  - {when: {product: whatsapp, kind: postback, text: "^tap"}, do: [{reply: {text: "postback"}}]}
  - {when: {product: messenger, kind: message}, do: [{reply: {text: "ms"}}]}
END

my $true = JSON::PP::true;
my $user = 'DE.48210093377165520';

sub value {
    my (%value) = @_;
    return {field => delete $value{field} // 'messages', value => {messaging_product => 'whatsapp',
        metadata => {display_phone_number => '15550783881', phone_number_id => $PHONE}, %value}};
}

sub type {
    my ($type, %more) = @_;
    return whatsapp(message => {type => $type, text => undef, %more});
}

# record, what is sent for it: [[to, text], ...]
my @table = (
    ['a text', whatsapp(), ['+27820000001', 'wa']],
    ['escapes and surrogates', whatsapp(text => 'Grüße 😀'), ['+27820000001', 'emoji']],
    ['an image', type('image', image => {id => '1', mime_type => 'image/jpeg'}),
        ['+27820000001', 'wa']],
    ['a caption', type('image', image => {id => '1', caption => 'tap tap'}),
        ['+27820000001', 'tapped']],
    ['a template button', type('button', button => {payload => 'P', text => 'tap 1'}),
        ['+27820000001', 'postback']],
    ['a reply button', type('interactive', interactive => {type => 'button_reply',
        button_reply => {id => 'X', title => 'tap 2'}}), ['+27820000001', 'postback']],
    ['a row of a list', type('interactive', interactive => {type => 'list_reply',
        list_reply => {id => 'X', title => 'tap 3'}}), ['+27820000001', 'postback']],
    ['a call permission', type('interactive', interactive => {type => 'call_permission_reply',
        call_permission_reply => {response => 'accept'}})],
    ['a reaction', type('reaction', reaction => {message_id => 'wamid.1', emoji => '👍'})],
    ['a system message', type('system', system => {type => 'user_changed_number'})],
    ['an edit', type('edit', edit => {original_message_id => 'wamid.1'})],
    ['a revocation', type('revoke', revoke => {original_message_id => 'wamid.1'})],
    ['an unsupported message', type('unsupported', errors => [{code => 131051}])],
    ['a type of the future', type('hologram', hologram => {})],

    ['a username without a number', whatsapp(key => "$PHONE:$user",
        message => {from => undef, from_user_id => $user}, user => ''), [$user, 'wa']],
    ['a number beside the user id', whatsapp(message => {from_user_id => $user}),
        ['+27820000001', 'wa']],
    ['the user id in from', whatsapp(user => $user), [$user, 'wa']],
    ['a group', whatsapp(message => {group_id => 'Y2FwaV9ncm91cDox'}), ['Y2FwaV9ncm91cDox', 'wa']],

    ['two messages in one change', record(key => "$PHONE:", event => value(messages => [
        {from => '27820000002', id => 'wamid.a', type => 'text', text => {body => 'eins'}},
        {from => '27820000003', id => 'wamid.b', type => 'text', text => {body => 'zwei'}}])),
        ['+27820000002', 'wa'], ['+27820000003', 'wa']],
    ['statuses', record(event => value(statuses => [{id => 'wamid.1', status => 'sent',
        recipient_id => '27820000001'}]))],
    ['an echo', record(event => value(field => 'smb_message_echoes', message_echoes => [
        {from => '15550783881', to => '27820000001', id => 'wamid.1', type => 'text',
        text => {body => 'tap'}}]))],
    ['standby', record(field => 'standby', event => value(field => 'standby', standby => {
        messages => [{from => '27820000001', id => 'wamid.1', type => 'text',
        text => {body => 'tap'}}]}))],
    ['value.errors', record(event => value(errors => [{code => 131000}]))],
    ['a change without a value', record(event => {field => 'messages'})],

    ['a Messenger text', messenger(), ['7290000000000001', 'ms']],
    ['a sticker', messenger(text => '', message => {text => undef, attachments => [{type =>
        'sticker'}]}), ['7290000000000001', 'ms']],
    ['an id as a number above 2^53', record(object => 'page', entry => $PAGE, field => 'messaging',
        event => qq({"sender":{"id":72900000000000019},"recipient":{"id":$PAGE},"message":)
        . '{"mid":"m_9","text":"a\/b"}}'), ['72900000000000019', 'ms']],
    ['a member named twice', record(object => 'page', entry => $PAGE, field => 'messaging',
        event => qq({"sender":{"id":"1"},"sender":{"id":"2"},"message":{"mid":"m_9","text":"x"}})),
        ['2', 'ms']],
    ['a guest', record(object => 'page', entry => $PAGE, field => 'messaging', key => 'k',
        event => {sender => {user_ref => 'ref-1'}, recipient => {id => $PAGE},
        message => {mid => 'm_1', text => 'x'}}), ['ref-1', 'ms']],
    ['a test of the dashboard', record(object => 'page', entry => $PAGE, field => 'messages',
        event => {field => 'messages', value => {sender => {id => '12'},
        recipient => {id => '23'}, timestamp => '1527459824', message => {mid => 'test_message_id',
        text => 'test_message'}}})],
    ['an echo of Messenger', messenger(message => {is_echo => $true, app_id => 1})],
    ['an echo that does not say so', messenger(user => $PAGE)],
    ['an unsent message', messenger(message => {is_deleted => $true})],
    ['standby of Messenger', record(object => 'page', entry => $PAGE, field => 'standby',
        event => {sender => {id => '1'}, recipient => {id => $PAGE}, message => {mid => 'm_1',
        text => 'x'}})],
    (map { [$_, messenger(item => {message => undef, $_ => {mid => 'm_1', watermark => 1}})] }
        qw(read delivery reaction postback message_edit optin referral account_linking)),
    ['a comment', record(object => 'page', entry => $PAGE, field => 'feed', event => {
        field => 'feed', value => {item => 'comment', verb => 'add', message => 'tap'}})],
    ['an Instagram text', record(object => 'instagram', entry => $PAGE, field => 'messaging',
        event => {sender => {id => '1'}, recipient => {id => $PAGE}, message => {mid => 'm_1',
        text => 'x'}})],
);

my $before = 0;
for my $row (@table) {
    my ($name, $record, @expected) = @$row;
    $rig->push($record);
    $rig->settle;
    my @sent = $rig->sent;
    is_deeply [@sent[$before .. $#sent]], \@expected, $name;
    $before = @sent;
    is scalar $rig->dead, 0, "$name: nothing is dead" or last;
}

$rig->finish;
done_testing;
