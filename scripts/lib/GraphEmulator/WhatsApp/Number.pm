# A phone number and its WhatsApp Business Account: registration, two-step pin,
# profile, block list, subscribed apps, calls.
#
# Calls: reference meta-webhooks 1.8, 7.5; errors 10.4.  The profile, the list of
# an account's numbers and the code 123456 are general knowledge or ours.
package GraphEmulator::WhatsApp::Number;
use Mojo::Base -strict, -signatures;

use GraphEmulator::Check;
use GraphEmulator::Error qw(fail);
use GraphEmulator::Node qw(fields);
use GraphEmulator::Page qw(page);
use GraphEmulator::Route qw(route);

use constant { CODE => '123456', WAIT => 72 * 3600, MOST => 10 };

my $given = GraphEmulator::Check->new(
    missing => sub ($name) {
        fail(code => 100, message => "(#100) The parameter $name is required.");
    },
    invalid => sub ($name, $why) {
        fail(code => 100, message => "(#100) Param $name $why");
    },
);


# What is known of a number; one that nobody touched is registered and good.
sub of ($class, $emulator, $id) {
    return $emulator->numbers->{$id} //= {
        id => $id, display_phone_number => '1555' . substr("0000000$id", -7),
        verified_name => 'Emulator', quality_rating => 'GREEN',
        name_status => 'APPROVED', code_verification_status => 'VERIFIED',
        platform_type => 'CLOUD_API', account_mode => 'LIVE',
        throughput => { level => $emulator->throughput },
        whatsapp_business_manager_messaging_limit => 'TIER_1K',
        webhook_configuration => undef, status => 'CONNECTED',
        is_official_business_account => \0, registered => 1, _tries => [],
        _blocked => {}, _profile => { messaging_product => 'whatsapp' },
    };
}


sub _number ($call) {
    return $call->{emulator}->number($call->{node});
}


sub _product ($call) {
    $given->text($call->{params}, 'messaging_product', in => ['whatsapp']);
    return;
}


# Ten attempts in 72 hours (133016), at register and deregister.
sub _attempt ($call, $number) {
    my $now = $call->{emulator}->store->now;
    @{ $number->{_tries} } = grep { $_ > $now - WAIT } @{ $number->{_tries} };
    fail(code => 133016, message => '(#133016) Account register deregister rate'
            . ' limit exceeded') if @{ $number->{_tries} } >= MOST;
    push @{ $number->{_tries} }, $now;
    return;
}


route('POST', 'phone', 'request_code', sub ($call) {
    my $params = $call->{params};
    $given->text($params, 'code_method', in => [qw(SMS VOICE)]);
    $given->text($params, 'language', like => qr/\A[a-z]{2}(?:_[A-Z]{2})?\z/);
    _number($call)->{code_verification_status} = 'NOT_VERIFIED';
    return ({ success => \1 }, 0);
});

route('POST', 'phone', 'verify_code', sub ($call) {
    my $code = $given->text($call->{params}, 'code') =~ tr/0-9//cdr;
    fail(code => 136025, message => '(#136025) Verify code error',
        details => 'Code could not be verified.') if $code ne CODE;
    _number($call)->{code_verification_status} = 'VERIFIED';
    return ({ success => \1 }, 0);
});

route('POST', 'phone', 'register', sub ($call) {
    my ($params, $number) = ($call->{params}, _number($call));
    _product($call);
    my $pin = $given->text($params, 'pin', like => qr/\A\d{6}\z/);
    $given->text($params, 'data_localization_region', optional => 1,
        like => qr/\A[A-Z]{2}\z/);
    fail(code => 100, message => '(#100) The number is used in the WhatsApp'
            . ' Business app too: it is registered') if $number->{_coexists};
    _attempt($call, $number);
    fail(code => 133006, message => '(#133006) Phone number re-verification'
            . ' needed') if $number->{code_verification_status} ne 'VERIFIED';
    fail(code => 133005, message => '(#133005) Two step verification PIN'
            . ' Mismatch') if defined $number->{_pin} && $number->{_pin} ne $pin;
    @{$number}{qw(_pin registered status platform_type)}
        = ($pin, 1, 'CONNECTED', 'CLOUD_API');
    return ({ success => \1 }, 0);
});

route('POST', 'phone', 'deregister', sub ($call) {
    my $number = _number($call);
    _attempt($call, $number);
    @{$number}{qw(registered status)} = (0, 'DISCONNECTED');
    return ({ success => \1 }, 0);
});

# The two-step pin; or where this number's webhooks go, an empty URL for none.
route('POST', 'phone', '', sub ($call) {
    my ($params, $number) = ($call->{params}, _number($call));
    my $hook = $given->object($params, 'webhook_configuration', optional => 1);
    if ($hook) {
        $given->text($hook, 'webhook_configuration.override_callback_uri',
            max => 200, empty => 1, like => qr{\A(?:https://\S+)?\z});
        $number->{webhook_configuration} = $hook->{override_callback_uri} eq ''
            ? undef : { phone_number => $hook->{override_callback_uri} };
        return ({ success => \1 }, 0);
    }
    $number->{_pin} = $given->text($params, 'pin', like => qr/\A\d{6}\z/);
    return ({ success => \1 }, 0);
});

my %PROFILE = (about => 139, address => 256, description => 512, email => 128,
    profile_picture_handle => 10_000);
my @VERTICAL = qw(UNDEFINED OTHER AUTO BEAUTY APPAREL EDU ENTERTAIN EVENT_PLAN
    FINANCE GROCERY GOVT HOTEL HEALTH NONPROFIT PROF_SERVICES RETAIL TRAVEL
    RESTAURANT ALCOHOL ONLINE_GAMBLING PHYSICAL_GAMBLING OTC_DRUGS NOT_A_BIZ);

route('GET', 'phone', 'whatsapp_business_profile', sub ($call) {
    my %all = (id => undef, websites => undef, vertical => undef,
        profile_picture_url => undef, messaging_product => undef,
        (map { $_ => undef } keys %PROFILE), %{ _number($call)->{_profile} });
    my $shown = fields($call, \%all, 'messaging_product');
    delete $shown->{id};
    return ({ data => [ $shown ] }, 0);
});

route('POST', 'phone', 'whatsapp_business_profile', sub ($call) {
    my $params = $call->{params};
    _product($call);
    $given->text($params, $_, max => $PROFILE{$_}, optional => 1, empty => 1)
        for sort keys %PROFILE;
    $given->text($params, 'vertical', in => \@VERTICAL, optional => 1);
    my $sites = $params->{websites} // [];
    $given->invalid->('websites', 'must be an array of at most 2 URLs of 256')
        if ref $sites ne 'ARRAY' || @$sites > 2
        || grep { ref || length > 256 || !m{\Ahttps?://} } @$sites;
    my $profile = _number($call)->{_profile};
    defined $params->{$_} and $profile->{$_} = $params->{$_}
        for qw(about address description email vertical websites);
    $profile->{profile_picture_url} = 'https://pps.whatsapp.net/v/p.jpg'
        if defined $params->{profile_picture_handle};
    return ({ success => \1 }, 0);
});


# Each user is blocked, or not; who did not write in 24 hours cannot be
# (139100 to 139103 are the list's codes).
sub _block ($call) {
    my ($number, $block) = (_number($call), $call->{method} eq 'POST');
    _product($call);
    my (@done, @failed);
    for my $user (@{ $given->list($call->{params}, 'block_users') }) {
        my $input = $given->text($user, defined $user->{user_id}
            ? 'block_users.user_id' : 'block_users.user');
        my $id = defined $user->{user_id} ? $input : $input =~ tr/0-9//cdr;
        my $open = $call->{emulator}->people->open($call->{node}, $id);
        if ($id eq '' || $block && !$open) {
            push @failed, { input => $input, wa_id => $id, errors => [ {
                message => '(#139101) Failed to block this user',
                code => 139101, error_data => { details => $id eq ''
                    ? 'Invalid user' : 'Re-engagement required' } } ] };
            next;
        }
        $block ? ($number->{_blocked}{$id} = 1) : delete $number->{_blocked}{$id};
        push @done, { input => $input, wa_id => $id };
    }
    my $name = $block ? 'added_users' : 'removed_users';
    my %answer = (messaging_product => 'whatsapp', block_users => {
        $name => \@done, (@failed ? (failed_users => \@failed) : ()) });
    fail(code => 139100, message => '(#139100) Failed to block/unblock some'
            . ' users', details => 'No user was changed.') if !@done;
    return (\%answer, 0);
}

route('POST DELETE', 'phone', 'block_users', \&_block);
route('GET', 'phone', 'block_users', sub ($call) {
    return (page($call, map { { messaging_product => 'whatsapp', wa_id => $_ } }
        sort keys %{ _number($call)->{_blocked} }), 0);
});

route('POST', 'phone', 'calls', sub ($call) {
    my $params = $call->{params};
    _product($call);
    my $action = $given->text($params, 'action',
        in => [qw(pre_accept accept reject terminate connect)]);
    $action eq 'connect' ? $given->text($params, 'to')
        : $given->text($params, 'call_id');
    if ($action =~ /accept|connect/) {
        my $session = $given->object($params, 'session');
        $given->text($session, 'session.sdp_type', in => [qw(offer answer)]);
        $given->text($session, 'session.sdp');
    }
    return ({ messaging_product => 'whatsapp', success => \1, $action eq
        'connect' ? (calls => [ { id => 'wacid.' . $call->{emulator}->store
            ->new_id } ]) : () }, 0);
});

route('GET', 'waba', 'phone_numbers', sub ($call) {
    my $account = $call->{known}{account};
    return (page($call, map { fields($call, $call->{emulator}->number($_),
        'id,display_phone_number,verified_name,quality_rating') }
        grep { $account->{$_} eq $call->{node} } sort keys %$account), 0);
});


# The app at the account: with an address of its own, or none.
sub _app ($emulator, $override) {
    return { whatsapp_business_api_data => { id => $emulator->tokens->app_id,
        name => 'Emulator', link => 'https://www.facebook.com/games/?app_id='
            . $emulator->tokens->app_id },
        defined $override ? (override_callback_uri => $override) : () };
}

route('POST', 'waba', 'subscribed_apps', sub ($call) {
    my $params = $call->{params};
    my $uri = $given->text($params, 'override_callback_uri', optional => 1,
        max => 200, like => qr{\Ahttps://\S+\z});
    $given->text($params, 'verify_token') if defined $uri;
    $call->{emulator}->subscribed->{ $call->{node} }
        = _app($call->{emulator}, $uri);
    return ({ success => \1 }, 0);
});

route('DELETE', 'waba', 'subscribed_apps', sub ($call) {
    $call->{emulator}->subscribed->{ $call->{node} } = 0;
    return ({ success => \1 }, 0);
});

# Subscribed from the start, so that a test need not do it.
route('GET', 'waba', 'subscribed_apps', sub ($call) {
    my $app = $call->{emulator}->subscribed->{ $call->{node} }
        // _app($call->{emulator}, undef);
    return ({ data => [ $app ? $app : () ] }, 0);
});

1;
