# Embedded Signup's popup: which account and number are shared, how it ends, and
# the messages to the page that opened it.
#
# Sources: reference meta-graph 3.1 (options), 3.2 (the session info message and
# its events).  That a page's origin must be a registered one: 3, preconditions.
package GraphEmulator::Login::Signup;
use Mojo::Base -strict, -signatures;

use GraphEmulator::Login::Look qw(boxes choice form);
use Mojo::JSON qw(encode_json);

my @EVENT = qw(FINISH FINISH_ONLY_WABA FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING
    FINISH_OBO_MIGRATION FINISH_GRANT_ONLY_API_ACCESS CANCEL ERROR);

# What the feature that the page asks for ends in.
my %FEATURE = (only_waba_sharing => 'FINISH_ONLY_WABA',
    whatsapp_business_app_onboarding => 'FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING');


sub check ($class, $ask) {
    my ($login, $params) = @{$ask}{qw(login params)};
    my $origin = $params->{origin};
    my $sorry = \&GraphEmulator::Login::Dialog::sorry;
    $sorry->("JSSDK Unknown Host domain: $origin is not registered")
        if $origin !~ m{\Ahttps?://[^/\s]+\z} || !$login->may_use($origin);
    $sorry->('config_id is needed') if !$ask->{config};
    $sorry->('response_type code is needed')
        if ($params->{response_type} // '') ne 'code'
        || ($params->{override_default_response_type} // '') ne 'true';
    $sorry->('The parameter cb is needed') if ($params->{cb} // '') !~ /\Af\w{1,40}\z/;
    return;
}


sub _how ($ask) { return $ask->{login}->how->{signup} // {} }


sub page ($class, $ask) {
    my $login = $ask->{login};
    my $user = $login->user;
    my $how = _how($ask);
    my $event = $how->{event} // $FEATURE{ $ask->{extras}{featureType} // '' }
        // 'FINISH';
    my @wabas = map { @{ $_->{wabas} // [] } } @{ $user->{businesses} // [] };
    my @numbers = map { @{ $_->{numbers} // [] } } @wabas;
    my $inner = choice('as', $user->{id},
        map { [ $_->{id}, $_->{name} ] } $login->people);
    $inner .= choice('signup.waba', $how->{waba} // '',
        map { [ $_->{id}, "$_->{name} ($_->{id})" ] } @wabas) if @wabas;
    $inner .= choice('signup.phone', $how->{phone} // '',
        map { [ $_->{id}, $login->emulator->number($_->{id})
            ->{display_phone_number} ] } @numbers) if @numbers;
    $inner .= choice('signup.event', $event, map { [ $_, $_ ] } @EVENT)
        . boxes($ask->{config}{scopes}, 0);
    return { status => 200, body => GraphEmulator::Login::Look::page('signup',
        'Connect your WhatsApp account', 'Emulator will manage the account that'
            . ' you choose.', form($ask->{params}, $inner, 'Finish')) };
}


# The message's data (3.2).
sub _data ($ask, $event, $share) {
    my $how = _how($ask);
    my ($waba, $business, $phone) = @{$share}{qw(waba business phone)};
    my %data = $event eq 'CANCEL' ? (defined $how->{error}
            ? (error_message => $how->{error}, error_code => '524126',
                session_id => 'e2e-session', timestamp => '' . $ask->{login}->now)
            : (current_step => $how->{step} // 'PHONE_NUMBER_SETUP'))
        : $event eq 'ERROR' ? (error_message => $how->{error}
            // 'Something went wrong. Try again.')
        : (waba_id => $waba, business_id => $business,
            $event =~ /\AFINISH(?:_WHATSAPP_BUSINESS_APP_ONBOARDING)?\z/
                && defined $phone ? (phone_number_id => $phone) : ());
    return { %data, %{ $how->{data} // {} } };
}


# The account and number that were chosen: numbers of another account are not.
sub _share ($ask, $user) {
    my ($login, $params) = @{$ask}{qw(login params)};
    my $how = _how($ask);
    my ($waba, $business) = $login->waba($user,
        $params->{'signup.waba'} // $how->{waba});
    ($waba, $business) = $login->waba($user) if !$waba;
    my @numbers = map { $_->{id} } @{ ($waba // {})->{numbers} // [] };
    my $wanted = $params->{'signup.phone'} // $how->{phone} // '';
    my ($phone) = grep { $_ eq $wanted } @numbers;
    return { waba => $waba ? $waba->{id} : undef, business => $business
        ? $business->{id} : undef, phone => $phone // $numbers[0] };
}


# -> the page that tells its opener, in the order that is wished for, and closes.
sub done ($class, $ask, $user, $yes) {
    my ($login, $params) = @{$ask}{qw(login params)};
    my $how = _how($ask);
    my $share = _share($ask, $user);
    my $event = $yes ? $params->{'signup.event'} // 'FINISH' : 'CANCEL';
    my $good = $event =~ /\AFINISH/;
    my $code;
    if ($good && ($how->{code} // 1)) {
        my $scopes = $ask->{config}{scopes};
        $login->agree($ask->{app}, $user->{id}, $scopes, []);
        $code = $login->new_code(kind => 'signup', user => $user->{id},
            scopes => $scopes, config => $ask->{config}{id}, waba => $share->{waba});
    }
    if ($good && $event eq 'FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING'
        && defined $share->{phone})
    {
        @{ $login->emulator->number($share->{phone}) }{qw(status registered
            platform_type is_on_biz_app _coexists)}
            = ('CONNECTED', 1, 'CLOUD_API', \1, 1);
    }
    my $info = encode_json({ type => 'WA_EMBEDDED_SIGNUP', event => $event,
        version => 3, data => _data($ask, $event, $share) });
    my $back = 'cb=' . $params->{cb} . (defined $code ? "&code=$code" : '&error=1');
    my $when = $how->{message} // 'before';
    my @say = $when eq 'missing' ? $back : $when eq 'after' ? ($back, $info)
        : ($info, $back);
    _tell_partner($ask, $share) if $good && $how->{partner_added};

    my $say = encode_json(\@say) =~ s{</}{<\\/}gr;
    my $origin = encode_json([ $params->{origin} ]) =~ s{</}{<\\/}gr;
    return { status => 200, body => GraphEmulator::Login::Look::page('signup',
        $good ? 'All done' : 'Not connected', 'You can close this window.', '',
        "const origin = $origin\[0];\n"
            . "for (const text of $say) opener && opener.postMessage(text, origin);\n"
            . 'window.close();') };
}


# The webhook of its own, where webhooks go (3.4).
sub _tell_partner ($ask, $share) {
    my $emulator = $ask->{emulator};
    return if !defined $emulator->webhook || !defined $share->{waba};
    my $serve = GraphEmulator::Deliver->serve($emulator, { product => 'whatsapp',
        kind => 'partner_added', account => $share->{waba},
        owner => $share->{business} });
    $serve->(sub ($said) { });
    return;
}

1;
