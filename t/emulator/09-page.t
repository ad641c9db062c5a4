# A Page beside its messages: attachments, personas, profile, menus, threads,
# comments, private replies, people, subscriptions.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use Emulator qw(call control emulator $PAGE %TOKEN);
use Mojo::JSON;
use Test::More;

my $graph = emulator('--strict');
my $YES = {success => Mojo::JSON->true};
my $DONE = {result => 'success'};
my $USER = '7204418839156622';
my ($POST, $COMMENT) = ("${PAGE}_122", '122_988');


sub page { return (call($graph, shift, '/v24.0/' . shift, $TOKEN{page}, @_))[2] }

sub code { my $e = page(@_)->{error} // return undef; return join '/', $e->{code},
    $e->{error_subcode} // () }

sub message {
    my ($message, %more) = @_;
    return {recipient => {id => $USER}, messaging_type => 'RESPONSE',
        message => $message, %more};
}


subtest 'the window' => sub {
    my %human = (messaging_type => 'MESSAGE_TAG', tag => 'HUMAN_AGENT');
    is(code(POST => 'me/messages', message({text => 'x'})), '100/2018001', 'a stranger');
    control($graph, POST => 'people', {account => $PAGE, user => $USER, wrote => 90_000});
    is(code(POST => 'me/messages', message({text => 'x'})), '10/2018278', 'a day ago');
    is(code(POST => 'me/messages', message({text => 'x'}, %human)), undef, 'a human may');
    is(code(POST => 'me/messages', message({text => 'x'}, %human, tag =>
        'CUSTOMER_FEEDBACK')), '100', 'a feedback tag is for its template');
    control($graph, POST => 'people', {account => $PAGE, user => $USER, wrote => 0});
    is(code(POST => 'me/messages', message({text => 'x'})), undef, 'just now');
};

subtest 'attachments are uploaded once' => sub {
    my $up = page(POST => 'me/message_attachments', {message => {attachment =>
        {type => 'image', payload => {url => 'https://a.example/i', is_reusable => 'true'}}}});
    like($up->{attachment_id}, qr/^\d+$/, 'by URL') or diag explain $up;
    my $by = sub { message({attachment => {type => 'image', payload =>
        {attachment_id => $_[0]}}}) };
    is(code(POST => 'me/messages', $by->($up->{attachment_id})), undef, 'and sent');
    is(code(POST => 'me/messages', $by->('77')), '100/2018074', 'another is not ours');
    my $form = "--B\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\n"
        . '{"attachment":{"type":"file","payload":{}}}' . "\r\n--B\r\nContent-Disposition: "
        . "form-data; name=\"filedata\"; filename=\"a\"\r\n\r\nbytes\r\n--B--\r\n";
    like(page(POST => "$PAGE/message_attachments", $form, 'content-type' =>
        'multipart/form-data; boundary=B')->{attachment_id}, qr/^\d+$/, 'by bytes');
};

subtest 'personas' => sub {
    my $id = page(POST => "$PAGE/personas", {name => 'Ida',
        profile_picture_url => 'https://a.example/i'})->{id};
    is(page(GET => $id)->{name}, 'Ida', 'made');
    is(scalar @{page(GET => 'me/personas')->{data}}, 1, 'listed');
    is(code(POST => 'me/messages', message({text => 'x'}, persona_id => $id)), undef, 'used');
    is(code(POST => 'me/messages', {recipient => {id => $USER}, persona_id => $id,
        sender_action => 'mark_seen'}), 100, 'typing only');
    is_deeply(page(DELETE => $id), $YES, 'deleted');
    is(code(POST => 'me/messages', message({text => 'x'}, persona_id => $id)), 100, 'gone');
};

subtest 'a profile' => sub {
    my $edge = 'me/messenger_profile';
    my %menu = (persistent_menu => [{locale => 'default', call_to_actions => [
        {type => 'postback', title => 'T', payload => 'P'}]}]);
    is(code(POST => $edge, \%menu), 100, 'no menu without a start button');
    is_deeply(page(POST => $edge, {get_started => {payload => 'GO'}}), $DONE, 'a button');
    is_deeply(page(POST => $edge, \%menu), $DONE, 'then a menu');
    is(page(GET => "$edge?fields=get_started,greeting")->{data}[0]{get_started}{payload},
        'GO', 'read');
    my @five = map { {question => "Q$_", payload => 'P'} } 1 .. 5;
    is(code(POST => $edge, {ice_breakers => \@five}), 100, 'five ice breakers');
    is_deeply(page(POST => $edge, {ice_breakers => [@five[0 .. 3]]}), $DONE, 'four');
    is(code(DELETE => $edge, {fields => ['get_started']}), 100, 'the menu needs it');
    is_deeply(page(DELETE => $edge, {fields => [qw(get_started persistent_menu)]}), $DONE,
        'both');
    my %user = (psid => $USER, %menu);
    my @limited = map { code(POST => 'me/custom_user_settings', \%user) // 'ok' } 1 .. 11;
    is_deeply([@limited[9, 10]], ['ok', 613], "ten of a user's menus in ten minutes");
};

subtest 'a thread that another app controls' => sub {
    my %who = (recipient => {id => $USER});
    is(code(POST => 'me/pass_thread_control', {%who}), 100, 'to whom?');
    is_deeply(page(POST => 'me/pass_thread_control', {%who, target_app_id => 263902037430900,
        metadata => 'm'}), $YES, 'passed');
    is(code(POST => 'me/messages', message({text => 'x'})), '100/2018300', 'no send');
    is_deeply(page(POST => 'me/take_thread_control', {%who}), $YES, 'taken');
    is(code(POST => 'me/messages', message({text => 'x'})), undef, 'ours again');
    is_deeply(page(POST => "me/$_", {%who}), $YES, $_)
        for qw(request_thread_control release_thread_control take_thread_control);
};

subtest 'comments' => sub {
    is(code(POST => "$COMMENT/comments?message=x"), '100/33', 'an unknown one');
    $graph = emulator();
    my $reply = page(POST => "$COMMENT/comments?message=Yes");
    like($reply->{id}, qr/^122_\d+$/, 'answered, by the query') or diag explain $reply;
    is(code(POST => "$COMMENT/comments", {}), 100, 'not with nothing');
    is_deeply(page(POST => $COMMENT, {is_hidden => Mojo::JSON->true}), $YES, 'hidden');
    is(page(GET => "$COMMENT?fields=is_hidden")->{is_hidden}, 1, 'it is');
    my %private = (recipient => {comment_id => $COMMENT}, message => {text => 'Hi'});
    like(page(POST => 'me/messages', \%private)->{message_id}, qr/^m_/, 'in private');
    is(code(POST => 'me/messages', \%private), '100/2534025', 'once');
    is_deeply(page(DELETE => $reply->{id}), $YES, 'deleted');
    is(code(DELETE => $reply->{id}), '100/33', 'once');
    page(POST => '1_2/comments?message=x');
    control($graph, POST => 'clock', {ahead => 8 * 86400});
    is(code(POST => 'me/messages', {%private, recipient => {comment_id => '1_2'}}),
        '100/2534025', 'not after seven days');
};

subtest 'a person, a subscription' => sub {
    is_deeply([sort keys %{page(GET => "$USER?fields=first_name,profile_pic")}],
        [qw(first_name id profile_pic)], 'who it is');
    is(code(GET => "$USER?fields=shoe_size"), 100, 'not all of it');
    is_deeply(page(POST => "$PAGE/subscribed_apps?subscribed_fields=messages,feed"), $YES,
        'subscribed');
    is_deeply(page(GET => "$PAGE/subscribed_apps")->{data}[0]{subscribed_fields},
        [qw(messages feed)], 'to these');
};

done_testing();
