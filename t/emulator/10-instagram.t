# Instagram: by its own login on its own host, and through the Page.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use Emulator qw(call control emulator $PAGE %TOKEN);
use HTTP::Tiny;
use Mojo::JSON;
use Test::Meta::Graph;
use Test::Meta::Util qw(temp_dir);
use Test::More;

my ($IG, $USER, $COMMENT) = qw(17841460233915708 1029384756610293 18034112233445566);
my $graph = emulator('--token', "instagram:$IG:IGtoken:ig",
    '--token', "page:77\@17840000000000001:EAAlinked:linked");
my $YES = {success => Mojo::JSON->true};


sub ig { return (call($graph, shift, '/v24.0/' . shift, 'IGtoken', @_))[2] }

sub code { my $e = ig(@_)->{error} // return undef; return join '/', $e->{code},
    $e->{error_subcode} // () }

sub text { return {recipient => {id => $USER}, message => {text => $_[0]}} }

sub with { return {recipient => {id => $USER}, message => {attachment => $_[0]}} }


my @sends = (
    ['a text of 1000 bytes', text("\x{e9}" x 500), undef],
    ['a text of 1002 bytes', text("\x{e9}" x 501), 100],
    ['a heart', with({type => 'like_heart'}), undef],
    ['a post', with({type => 'MEDIA_SHARE', payload => {id => '1'}}), undef],
    ['a tag of Messenger', {%{text('x')}, messaging_type => 'MESSAGE_TAG',
        tag => 'CUSTOMER_FEEDBACK'}, 100],
    ['a reaction', {recipient => {id => $USER}, sender_action => 'react',
        payload => {message_id => 'x', reaction => 'love'}}, undef],
    ['a reaction to nothing', {recipient => {id => $USER}, sender_action => 'react'}, 100],
    ['eleven images', {recipient => {id => $USER}, message => {attachments => [map {
        {type => 'image', payload => {url => 'https://a.example/i'}} } 1 .. 11]}}, 100],
);
for my $case (@sends) {
    my ($name, $body, $code) = @$case;
    is(code(POST => "$IG/messages", $body), $code, $name);
}

subtest 'the window' => sub {
    control($graph, POST => 'people', {account => $IG, user => $USER, closed => 1});
    is(code(POST => 'me/messages', text('x')), '10/2534022', 'closed');
    control($graph, POST => 'people', {account => $IG, user => $USER, wrote => 0});
    is(code(POST => 'me/messages', text('x')), undef, 'open');
};

subtest 'comments' => sub {
    like(ig(POST => "$COMMENT/replies?message=Yes")->{id}, qr/^\d+$/, 'answered');
    is_deeply(ig(POST => "$COMMENT?hide=true"), $YES, 'hidden');
    is(code(POST => "$COMMENT/replies?message=Yes"), 100, 'no answer to a hidden one');
    my %private = (recipient => {comment_id => $COMMENT}, message => {text => 'Hi'});
    is(code(POST => "$IG/messages", \%private), undef, 'in private');
    is(code(POST => "$IG/messages", \%private), '100/2534025', 'once');
    is_deeply(ig(DELETE => $COMMENT), $YES, 'deleted');
    is(code(POST => "$COMMENT/replies?message=Yes"), '100/33', 'gone');
    like(ig(POST => "$IG/mentions", {media_id => '1', message => 'Hi'})->{id}, qr/^\d+$/,
        'a mention');
};

is(ig(GET => 'me?fields=user_id,username')->{user_id}, $IG, 'who am I');

subtest 'through the Page' => sub {
    my $send = sub { (call($graph, POST => '/v24.0/77/messages', 'EAAlinked', @_))[2] };
    my $long = {%{text("x" x 1001)}, messaging_type => 'RESPONSE'};
    is($send->($long)->{error}, undef, "Messenger's limit for who is not of Instagram");
    control($graph, POST => 'people', {account => '17840000000000001', user => $USER,
        wrote => 0});
    is($send->($long)->{error}{code}, 100, "Instagram's for who is");
    is(($graph->calls)[-1]{kind}, 'instagram', 'the log says so');
};

subtest 'two hosts' => sub {
    my $graph = Test::Meta::Graph->new(dir => temp_dir(), instagram => 1, args => [
        '--token', "instagram:$IG:IGtoken", '--token', "page:$PAGE:$TOKEN{page}"])->start;
    my $get = sub { HTTP::Tiny->new->get("$_[0]/v24.0/me?access_token=$_[1]")->{status} };
    is($get->($graph->url, 'IGtoken'), 400, 'no token of Instagram at Facebook');
    is($get->($graph->instagram_url, 'IGtoken'), 200, 'but there');
    is($get->($graph->instagram_url, $TOKEN{page}), 400, "no Page's at Instagram");
    is($get->($graph->url, $TOKEN{page}), 200, 'but there');
};

done_testing();
