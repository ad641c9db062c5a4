# WhatsApp sends: what Meta takes is taken, what it refuses is refused.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use Emulator qw(call emulator $PHONE %TOKEN);
use Mojo::JSON;
use Test::More;

my $graph = emulator();
my %button = (type => 'reply', reply => {id => 'a', title => 'A'});
my @rows = map { {id => "r$_", title => "Row $_"} } 1 .. 10;


sub message {
    my ($type, $object, %more) = @_;
    return {messaging_product => 'whatsapp', to => '+27820000001',
        type => $type, $type => $object, %more};
}


sub interactive {
    my ($type, $action, %more) = @_;
    return message(interactive => {type => $type, body => {text => 'B'},
        action => $action, %more});
}


my @good = (
    ['a text', message(text => {body => "\x{2705} caf\x{e9}"})],
    ['a text of 4096 characters', message(text => {body => "\x{2705}" x 4096})],
    ['a quoted reply', message(text => {body => 'x'},
        context => {message_id => 'wamid.x'})],
    ['callback data of 512', message(text => {body => 'x'},
        biz_opaque_callback_data => 'd' x 512)],
    ['an image by id', message(image => {id => '1187', caption => 'c'})],
    ['a video by link', message(video => {link => 'https://a.example/v'})],
    ['a sticker', message(sticker => {id => '77'})],
    ['a document', message(document => {link => 'https://a.example/d',
        filename => 'd.pdf'})],
    ['a location', message(location => {latitude => '-26.2', longitude => 28})],
    ['contacts', message(contacts => [{name => {formatted_name => 'J'}}])],
    ['a reaction taken away', message(reaction => {message_id => 'wamid.x',
        emoji => ''})],
    ['three buttons', interactive(button => {buttons => [\%button,
        map { {type => 'reply', reply => {id => $_, title => $_}} } 'b', 'c']})],
    ['a list of ten rows', interactive(list => {button => 'Open',
        sections => [{title => 'S', rows => \@rows}]})],
    ['a link button', interactive(cta_url => {name => 'cta_url', parameters =>
        {display_text => 'Go', url => 'https://a.example/'}})],
    ['a template', message(template => {name => 'order_ready',
        language => {code => 'de'}, components => [{type => 'body',
            parameters => [{type => 'text', text => 'Ines'}]}]})],
);

my @bad = (
    ['no messaging_product', {to => '+27820000001', text => {body => 'x'}}, 100],
    ['nobody to send to', {messaging_product => 'whatsapp', type => 'text',
        text => {body => 'x'}}, 100],
    ['no phone number', message(text => {body => 'x'}, to => 'me'), 131009],
    ['an unknown type', message(poem => {}), 100],
    ['a text without body', message(text => {}), 131008],
    ['an empty text', message(text => {body => ''}), 131008],
    ['a text of 4097', message(text => {body => 'x' x 4097}), 131009],
    ['callback data of 513', message(text => {body => 'x'},
        biz_opaque_callback_data => 'd' x 513), 131009],
    ['an image by id and link', message(image => {id => '1',
        link => 'https://a.example/'}), 131009],
    ['an image by nothing', message(image => {}), 131008],
    ['an audio with caption', message(audio => {id => '1', caption => 'c'}),
        131009],
    ['a link without scheme', message(image => {link => 'a.example/i'}), 131009],
    ['a latitude of 91', message(location => {latitude => 91, longitude => 0}),
        131009],
    ['a contact without name', message(contacts => [{}]), 131008],
    ['four buttons', interactive(button => {buttons => [(\%button) x 4]}),
        131009],
    ['two buttons of one title', interactive(button => {buttons => [
        (\%button) x 2]}), 131009],
    ['a button title of 21', interactive(button => {buttons => [{type => 'reply',
        reply => {id => 'a', title => 'x' x 21}}]}), 131009],
    ['eleven rows', interactive(list => {button => 'Open', sections => [
        {title => 'S', rows => [@rows, {id => 'r', title => 'R'}]}]}), 131009],
    ['a row title of 25', interactive(list => {button => 'Open', sections => [
        {title => 'S', rows => [{id => 'r', title => 'x' x 25}]}]}), 131009],
    ['an interactive without body', message(interactive => {type => 'button',
        action => {buttons => [\%button]}}), 131008],
    ['a template without language', message(template => {name => 'a'}), 131008],
    ['a template in capitals', message(template => {name => 'A',
        language => {code => 'de'}}), 131009],
    ['a body that is no JSON object', '[1]', 100],
);


sub send_it {
    return call($graph, 'POST', "/v24.0/$PHONE/messages", $TOKEN{whatsapp}, @_);
}


for my $case (@good) {
    my ($name, $body) = @$case;
    my ($status, undef, $data) = send_it($body);
    subtest $name => sub {
        is($status, 200, 'status') or diag explain $data;
        like($data->{messages}[0]{id}, qr/^wamid\.\S{40,}$/, 'its id');
        is($data->{contacts}[0]{wa_id}, '27820000001', 'the number as digits');
    };
}

for my $case (@bad) {
    my ($name, $body, $code) = @$case;
    my ($status, $headers, $data) = send_it($body);
    subtest $name => sub {
        is($status, 400, 'status');
        is($data->{error}{code}, $code, 'code') or diag explain $data;
        is($data->{error}{type}, 'OAuthException', 'type');
        like($data->{error}{fbtrace_id}, qr/^A[\w-]{22}$/, 'fbtrace_id');
        like($headers->{'www-authenticate'},
            qr/^OAuth "Facebook Platform" "invalid_request" ".+"$/,
            'www-authenticate');
    };
}

subtest 'a read receipt, with and without typing' => sub {
    my %receipt = (messaging_product => 'whatsapp', status => 'read',
        message_id => 'wamid.x');
    is_deeply([(send_it(\%receipt))[0, 2]], [200, {success => Mojo::JSON->true}], 'read');
    is((send_it({%receipt, typing_indicator => {type => 'text'}}))[0], 200,
        'typing');
    is((send_it({%receipt, status => 'seen'}))[2]{error}{code}, 131009,
        'another status');
    delete $receipt{message_id};
    is((send_it(\%receipt))[2]{error}{code}, 131008, 'without message_id');
};

subtest 'a user id in place of a number' => sub {
    my $body = message(text => {body => 'x'}, recipient => 'ZA.4821');
    is((send_it($body))[2]{contacts}[0]{wa_id}, '27820000001', 'a phone wins');
    delete $body->{to};
    is_deeply((send_it($body))[2]{contacts},
        [{input => 'ZA.4821', user_id => 'ZA.4821'}], 'no wa_id');
};

subtest 'a group' => sub {
    my ($status, undef, $data) = send_it(message(text => {body => 'x'},
        recipient_type => 'group', to => 'Y2FwaV9ncm91cDo'));
    is($status, 200, 'status');
    is($data->{messages}[0]{group_id}, 'Y2FwaV9ncm91cDo', 'its id comes back');
};

subtest 'a template tells its status' => sub {
    my ($status, undef, $data) = send_it(message(template => {name => 'a',
        language => {code => 'de'}}));
    is($data->{messages}[0]{message_status}, 'accepted', 'accepted');
};

done_testing();
