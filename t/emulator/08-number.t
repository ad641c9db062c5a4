# A WhatsApp number: registration, pin, fields, profile, blocks, subscriptions.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use Emulator qw(call control emulator $PHONE $WABA %TOKEN);
use Mojo::JSON;
use Test::More;

my $graph = emulator('--strict');
my $YES = {success => Mojo::JSON->true};


sub wa { return (call($graph, shift, '/v24.0/' . shift, $TOKEN{whatsapp}, @_))[2] }

sub code { return wa(@_)->{error}{code} }

my %register = (messaging_product => 'whatsapp', pin => '482913');

subtest 'a code, then the register' => sub {
    is(code(POST => "$PHONE/request_code", {code_method => 'FAX', language => 'de'}), 100,
        'another method');
    is_deeply(wa(POST => "$PHONE/request_code", {code_method => 'SMS', language => 'de'}),
        $YES, 'asked for');
    is(code(POST => "$PHONE/register", \%register), 133006, 'not before it is verified');
    is(code(POST => "$PHONE/verify_code", {code => '000000'}), 136025, 'a wrong one');
    is_deeply(wa(POST => "$PHONE/verify_code", {code => '123-456'}), $YES, 'verified');
    is_deeply(wa(POST => "$PHONE/register", \%register), $YES, 'registered');
    is(code(POST => "$PHONE/register", {%register, pin => '12345'}), 100, 'a short pin');
    is(code(POST => "$PHONE/register", {%register, pin => '111111'}), 133005, 'a wrong pin');
};

subtest 'deregistered: no sends; ten attempts in 72 hours' => sub {
    my %message = (messaging_product => 'whatsapp', to => '+27820000001',
        text => {body => 'x'});
    is_deeply(wa(POST => "$PHONE/deregister"), $YES, 'deregistered');
    is(code(POST => "$PHONE/messages", \%message), 133010, 'no sends');
    is_deeply(wa(POST => "$PHONE/register", \%register), $YES, 'registered again');
    my ($last) = grep { code(POST => "$PHONE/register", \%register) } 1 .. 10;
    is($last, 6, 'the eleventh attempt in all is refused');
    is(code(POST => "$PHONE/register", \%register), 133016, 'as too many');
    control($graph, POST => 'clock', {ahead => 73 * 3600});
    is_deeply(wa(POST => "$PHONE/register", \%register), $YES, 'not for ever');
};

subtest 'pin and fields' => sub {
    is_deeply(wa(POST => $PHONE, {pin => '222222'}), $YES, 'another pin');
    is(code(POST => "$PHONE/register", \%register), 133005, 'which counts');
    my $number = wa(GET => "$PHONE?fields=quality_rating,display_phone_number,pin");
    is($number->{error}{code}, 100, 'the pin is not shown');
    $number = wa(GET => "$PHONE?fields=quality_rating,display_phone_number");
    is($number->{quality_rating}, 'GREEN', 'the quality');
    is(wa(GET => "$WABA/phone_numbers")->{data}[0]{id}, $PHONE, "the account's numbers");
};

subtest 'a profile' => sub {
    my %profile = (messaging_product => 'whatsapp', about => 'Open', vertical => 'RETAIL',
        websites => ['https://a.example/']);
    is_deeply(wa(POST => "$PHONE/whatsapp_business_profile", \%profile), $YES, 'written');
    my $read = wa(GET => "$PHONE/whatsapp_business_profile?fields=about,websites,vertical");
    delete $profile{messaging_product};
    is_deeply($read->{data}[0], \%profile, 'and read') or diag explain $read;
    is(code(POST => "$PHONE/whatsapp_business_profile", {%profile, about => 'x' x 140,
        messaging_product => 'whatsapp'}), 100, 'too long');
};

subtest 'blocks: who wrote in 24 hours' => sub {
    control($graph, POST => 'people', {account => $PHONE, user => '27820000001', wrote => 0});
    my $users = sub { {messaging_product => 'whatsapp',
        block_users => [map { {user => $_} } @_]} };
    my $data = wa(POST => "$PHONE/block_users", $users->('+27820000001', '+27820000002'));
    is($data->{block_users}{added_users}[0]{wa_id}, '27820000001', 'one')
        or diag explain $data;
    is($data->{block_users}{failed_users}[0]{errors}[0]{code}, 139101, 'not the other');
    is(scalar @{wa(GET => "$PHONE/block_users")->{data}}, 1, 'listed');
    is(wa(DELETE => "$PHONE/block_users", $users->('+27820000001'))
        ->{block_users}{removed_users}[0]{wa_id}, '27820000001', 'and let go');
    is(scalar @{wa(GET => "$PHONE/block_users")->{data}}, 0, 'the list is empty');
};

subtest 'subscribed apps' => sub {
    is_deeply(wa(DELETE => "$WABA/subscribed_apps"), $YES, 'off');
    is(scalar @{wa(GET => "$WABA/subscribed_apps")->{data}}, 0, 'none');
    is(code(POST => "$WABA/subscribed_apps", {override_callback_uri => 'https://a.example/'}),
        100, 'an address needs its verify token');
    is_deeply(wa(POST => "$WABA/subscribed_apps", {override_callback_uri =>
        'https://a.example/', verify_token => 'secret-word'}), $YES, 'on, elsewhere');
    is(wa(GET => "$WABA/subscribed_apps")->{data}[0]{override_callback_uri},
        'https://a.example/', 'as asked');
};

subtest 'the window' => sub {
    my %message = (messaging_product => 'whatsapp', text => {body => 'x'});
    is(code(POST => "$PHONE/messages", {%message, to => '+27820000009'}), 131047,
        'who never wrote');
    control($graph, POST => 'people', {account => $PHONE, user => '27820000009', wrote => 0});
    is(code(POST => "$PHONE/messages", {%message, to => '+27820000009'}), undef, 'who did');
    control($graph, POST => 'people', {account => $PHONE, user => '27820000009', closed => 1});
    is(code(POST => "$PHONE/messages", {%message, to => '+27820000009'}), 131047, 'closed');
    my $own = wa(GET => "$PHONE?fields=display_phone_number")->{display_phone_number};
    is(code(POST => "$PHONE/messages", {%message, to => "+$own"}), 131021, 'itself');
};

subtest 'nothing of somebody else' => sub {
    for my $path ("999/messages", "999/media", '999', '999/message_templates') {
        is(code(POST => $path, {messaging_product => 'whatsapp', to => '+27820000001',
            text => {body => 'x'}}), 100, "/$path");
    }
    is((call($graph, GET => "/v24.0/$PHONE/block_users", $TOKEN{page}))[2]{error}
        {error_subcode}, 33, "with a Page's token");
};

done_testing();
