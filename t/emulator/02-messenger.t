# Messenger sends: recipient, messaging_type and tag, text, quick replies,
# attachments, sender actions.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use Emulator qw(call emulator $PAGE %TOKEN);
use Mojo::JSON qw(encode_json);
use Test::More;

my $graph = emulator();


sub message {
    my ($message, %more) = @_;
    return {recipient => {id => '7204418839156622'},
        messaging_type => 'RESPONSE', message => $message, %more};
}


sub replies {
    my ($count, %more) = @_;
    return message({text => 'x', quick_replies => [map {
        {content_type => 'text', title => "T$_", payload => 'P', %more}
    } 1 .. $count]});
}


sub generic {
    return message({attachment => {type => 'template', payload =>
        {template_type => 'generic', elements => [@_]}}});
}


my @good = (
    ['a text of 1999', message({text => "\x{1F600}" x 1999})],
    ['metadata', message({text => 'x', metadata => 'job-1'})],
    ['thirteen quick replies', replies(13)],
    ['a title of 20', replies(1, title => "\x{2705}" . 'x' x 19)],
    ['a human agent', message({text => 'x'}, messaging_type => 'MESSAGE_TAG',
        tag => 'HUMAN_AGENT')],
    ['an image', message({attachment => {type => 'image', payload =>
        {url => 'https://a.example/i.png'}}})],
    ['a generic template', generic({title => 'T', subtitle => 'S',
        buttons => [{type => 'postback', title => 'B', payload => 'P'}]})],
);

my @bad = (
    ['no recipient', {messaging_type => 'RESPONSE', message => {text => 'x'}},
        qr/recipient is required/],
    ['two recipients', message({text => 'x'}, recipient => {id => 1,
        comment_id => 2}), qr/only one of/],
    ['no messaging_type', {recipient => {id => 1}, message => {text => 'x'}},
        qr/messaging_type is required/],
    ['a retired tag', message({text => 'x'}, messaging_type => 'MESSAGE_TAG',
        tag => 'ACCOUNT_UPDATE'), qr/Param tag must be one of/],
    ['a tag without its type', message({text => 'x'}, tag => 'HUMAN_AGENT'),
        qr/needs messaging_type MESSAGE_TAG/],
    ['an empty message', message({}), qr/message\.text\|attachment/],
    ['text and attachment', message({text => 'x', attachment => {}}),
        qr/only one of/],
    ['a text of 2000', message({text => 'x' x 2000}), qr/2000 characters/],
    ['fourteen quick replies', replies(14), qr/14 items, the limit is 13/],
    ['a title of 21', replies(1, title => 'x' x 21), qr/21 characters/],
    ['a quick reply without payload', replies(1, payload => undef),
        qr/payload is required/],
    ['an element of a title alone', generic({title => 'T'}), qr/more than/],
    ['eleven elements', generic(map { {title => 'T', subtitle => 'S'} } 1 .. 11),
        qr/limit is 10/],
);


sub send_it {
    my ($body, $node) = @_;
    return call($graph, 'POST', '/v24.0/' . ($node // $PAGE) . '/messages',
        $TOKEN{page}, $body);
}


for my $case (@good) {
    my ($name, $body) = @$case;
    for my $node ($PAGE, 'me') {
        my ($status, undef, $data) = send_it($body, $node);
        subtest "$name, /$node" => sub {
            is($status, 200, 'status') or diag explain $data;
            is($data->{recipient_id}, '7204418839156622', 'recipient_id');
            like($data->{message_id}, qr/^m_[\w-]{60,}$/, 'message_id');
        };
    }
}

for my $case (@bad) {
    my ($name, $body, $words) = @$case;
    my ($status, undef, $data) = send_it($body);
    subtest $name => sub {
        is($status, 400, 'status');
        is($data->{error}{code}, 100, 'code');
        like($data->{error}{message}, $words, 'words');
    };
}

subtest 'a sender action stands alone and makes no message' => sub {
    my %action = (recipient => {id => '7'}, sender_action => 'mark_seen');
    is_deeply([(send_it(\%action))[0, 2]], [200, {recipient_id => '7'}], 'seen');
    is((send_it({%action, message => {text => 'x'}}))[0], 400, 'with a message');
    is((send_it({%action, sender_action => 'wave'}))[0], 400, 'an unknown one');
};

subtest 'no recipient_id for who is no id' => sub {
    my ($status, undef, $data) = send_it(message({text => 'x'},
        recipient => {user_ref => 'u'}));
    is($status, 200, 'status');
    ok(!exists $data->{recipient_id}, 'absent');
};

subtest 'a form, its objects as JSON text' => sub {
    my $form = join '&', map { "$_->[0]=" . ($_->[1] =~ s/([^\w])/sprintf '%%%02X',
        ord $1/ger) } ['messaging_type', 'RESPONSE'],
        ['recipient', encode_json({id => '7'})],
        ['message', encode_json({text => "\x{e9}\x{2705}"})];
    my ($status) = call($graph, 'POST', '/v24.0/me/messages', $TOKEN{page},
        $form, 'content-type' => 'application/x-www-form-urlencoded');
    is($status, 200, 'status');
    is(($graph->calls)[-1]{body}{message}{text}, "\x{e9}\x{2705}", 'as written');
};

done_testing();
