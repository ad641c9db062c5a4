# The dialogs in which a person says yes or no: Facebook Login, Instagram Login,
# Embedded Signup's popup; and what their buttons lead to.
#
# Sources: reference meta-graph 2.1 (parameters; a wrong redirect_uri is shown
# here and never called), 2.2 (answers), 2.10 (Instagram), 3 (Embedded Signup).
package GraphEmulator::Login::Dialog;
use Mojo::Base -strict, -signatures;

use GraphEmulator::Login::Look qw(choice page);
use GraphEmulator::Login::Sdk;
use GraphEmulator::Login::Signup;
use Mojo::JSON qw(decode_json);
use Mojo::Util qw(url_escape);

use constant PUBLIC => 'public_profile';

my @INSTAGRAM = map { "instagram_business_$_" } qw(basic content_publish
    manage_comments manage_insights manage_messages);
my %TYPE = map { $_ => 1 } '', 'code', 'token', 'code token', 'granted_scopes';


# Takes the call if it is for one of the pages; logs it as any other.
sub serve ($class, $emulator, $tx) {
    my $req = $tx->req;
    my $path = $req->url->path->to_route;
    my $sdk = $path =~ m{\A/[a-z]{2}_[A-Z]{2}/sdk\.js\z};
    my $kind = $path =~ m{\A(?:/v\d+\.\d+)?/dialog/oauth/?\z} ? 'facebook'
        : $path =~ m{\A/oauth/authorize/?\z} ? 'instagram' : undef;
    return 0 if !$sdk && !defined $kind;

    my $params = { %{ $req->query_params->to_hash }, %{ $req->body_params->to_hash } };
    my $answer = $sdk ? GraphEmulator::Login::Sdk->script
        : eval { _dialog($emulator, $kind, $req->method, $params) }
            // _sorry($@);
    $emulator->log_page($tx, $params, $answer->{status});

    my $res = $tx->res;
    my $body = $answer->{body} // '';
    utf8::encode($body) if utf8::is_utf8($body);
    $res->code($answer->{status})->body($body);
    $res->headers->content_type($answer->{type} // 'text/html; charset=utf-8');
    $res->headers->cache_control('no-store');
    $res->headers->location($answer->{location}) if defined $answer->{location};
    $tx->resume;
    return 1;
}


# What is wrong with the link: the person sees it, the callback never does.
sub _sorry ($why) {
    die $why if ref $why || $why !~ /\Asorry: (.*)\n\z/s;
    return { status => 400, body => page('facebook', 'Something went wrong',
        $1, '<p class="note">The app that sent you here has to mend this.</p>') };
}


sub sorry ($text) { die "sorry: $text\n" }


sub _dialog ($emulator, $kind, $method, $params) {
    ref and sorry('A parameter was given twice') for values %$params;
    my $login = $emulator->login;
    my ($app) = $login->app($kind);
    my $ask = { emulator => $emulator, login => $login, app => $app,
        kind => $kind, params => $params };
    _check($ask);
    $ask->{popup} ? GraphEmulator::Login::Signup->check($ask)
        : _check_place($ask);
    if ($method eq 'POST') {
        my $done = $params->{do} // '';
        my $user = $login->user($params->{as}) // sorry('Nobody of that name');
        return GraphEmulator::Login::Signup->done($ask, $user, $done eq 'continue')
            if $ask->{popup};
        return $done eq 'continue' ? _yes($ask, $user) : _no($ask);
    }
    return $ask->{popup} ? GraphEmulator::Login::Signup->page($ask) : _page($ask);
}


# The app, the configuration, response_type, extras and scope.
sub _check ($ask) {
    my ($login, $params) = @{$ask}{qw(login params)};
    sorry("Invalid App ID: the provided app ID does not look like a valid app ID.")
        if ($params->{client_id} // $params->{app_id} // '') ne $ask->{app};
    $ask->{popup} = $ask->{kind} eq 'facebook'
        && ($params->{display} // '') eq 'popup' && length($params->{origin} // '');
    if (length($params->{config_id} // '')) {
        sorry('Instagram has no config_id') if $ask->{kind} eq 'instagram';
        $ask->{config} = $login->config($params->{config_id})
            // sorry("Feature Unavailable: there is no configuration"
            . " $params->{config_id}");
    }
    my $type = $params->{response_type} // '';
    my @types = grep { $_ ne 'granted_scopes' } split /[,\s]+/, $type;
    sorry("Invalid response_type: $type") if !$TYPE{ join ' ', @types }
        || $ask->{kind} eq 'instagram' && $type ne 'code';
    $ask->{tells} = $type =~ /granted_scopes/;
    $ask->{fragment} = grep { $_ eq 'token' } @types;
    $ask->{extras} = length($params->{extras} // '')
        ? eval { decode_json($params->{extras}) } : {};
    sorry('extras is not a JSON object') if ref $ask->{extras} ne 'HASH';
    my $auth = $params->{auth_type} // '';
    sorry("Invalid auth_type: $auth")
        if $auth !~ /\A(?:rerequest|reauthorize|reauthenticate|)\z/;
    _scopes($ask);
    return;
}


# What is to be asked for: not what was granted, and what was declined only when
# it is asked for again (rerequest).
sub _scopes ($ask) {
    my ($login, $params) = @{$ask}{qw(login params)};
    my @scopes = $ask->{config} ? @{ $ask->{config}{scopes} }
        : grep { $_ ne '' } split /[,\s]+/, $params->{scope} // '';
    my @wrong = grep { !/\A[a-z_]{2,80}\z/ } @scopes;
    if ($ask->{kind} eq 'instagram') {
        my %known = map { $_ => 1 } @INSTAGRAM;
        @wrong = grep { !$known{$_} } @scopes;
        sorry('Invalid Scopes: instagram_business_basic is needed')
            if !grep { $_ eq 'instagram_business_basic' } @scopes;
    }
    sorry("Invalid Scopes: @wrong. This message is only shown to developers.")
        if @wrong;
    my %seen = ($ask->{kind} eq 'instagram' ? (instagram_business_basic => 1)
        : (PUBLIC, 1));
    $ask->{always} = [ keys %seen ];
    $ask->{scopes} = [ grep { !$seen{$_}++ } @scopes ];
    return;
}


sub _check_place ($ask) {
    my $uri = $ask->{params}{redirect_uri} // '';
    sorry('The parameter redirect_uri is required') if $uri eq '';
    sorry("URL Blocked: This redirect failed because the redirect URI is not"
        . " white-listed in the app's client OAuth settings.")
        if !$ask->{login}->redirects->{$uri};
    return;
}


sub _declined ($ask, $user) {
    my $grant = $ask->{login}->grant($ask->{app}, $user->{id});
    return ($ask->{params}{auth_type} // '') eq 'rerequest' ? {}
        : $grant->{declined};
}


sub _page ($ask) {
    my $login = $ask->{login};
    my @people = $login->people;
    my $first = $login->user;
    my $declined = _declined($ask, $first);
    my @asked = grep { !$declined->{$_} } @{ $ask->{scopes} };
    my $who = $ask->{kind} eq 'instagram'
        ? ($first->{instagram} // { username => $first->{name} })->{username}
        : $first->{name};
    my $inner = choice('as', $first->{id}, map { [ $_->{id}, $_->{name} ] } @people);
    # a business configuration is granted whole or not at all (2.9)
    $inner .= GraphEmulator::Login::Look::boxes(\@asked,
        !($ask->{config} && $ask->{config}{token} eq 'system_user')) if @asked;
    return { status => 200, body => page($ask->{kind}, "Continue as $who?",
        'Emulator would like access to your account.',
        GraphEmulator::Login::Look::form($ask->{params}, $inner, "Continue as $who")) };
}


# Appends a query to the registered URL, which may have one.
sub _back ($ask, $sign, @pairs) {
    my $uri = $ask->{params}{redirect_uri};
    my $state = $ask->{params}{state};
    push @pairs, state => $state if defined $state;
    my @text;
    while (my ($name, $value) = splice @pairs, 0, 2) {
        utf8::encode($value) if utf8::is_utf8($value);
        push @text, "$name=" . url_escape($value) =~ s/%20/+/gr;
    }
    my $tail = $ask->{kind} eq 'instagram' ? '#_' : '#_=_';
    return { status => 302, location => $sign eq '#'
        ? "$uri#" . join('&', @text)
        : $uri . ($uri =~ /\?/ ? '&' : '?') . join('&', @text) . $tail };
}


sub _no ($ask) {
    return _back($ask, '?', error => 'access_denied', error_reason => 'user_denied',
        error_description => 'The user denied your request')
        if $ask->{kind} eq 'instagram';
    return _back($ask, '?', error => 'access_denied', error_code => '200',
        error_description => 'Permissions error', error_reason => 'user_denied');
}


# The form has what was ticked as "scope." names, so that none ticked is said.
sub _yes ($ask, $user) {
    my ($login, $params) = @{$ask}{qw(login params)};
    my $whole = $ask->{config} && $ask->{config}{token} eq 'system_user';
    my $declined = _declined($ask, $user);
    my (@granted, @refused);
    push @{ $whole || $params->{"scope.$_"} && !$declined->{$_} ? \@granted
        : \@refused }, $_ for @{ $ask->{scopes} };
    my $grant = $login->agree($ask->{app}, $user->{id},
        [ @granted, @{ $ask->{always} } ], \@refused);
    my @scopes = sort keys %{ $grant->{granted} };
    sorry("$user->{name} has no professional account of Instagram")
        if $ask->{kind} eq 'instagram' && !$user->{instagram};

    my @tell = $ask->{tells} ? (granted_scopes => join(',', @scopes),
        denied_scopes => join ',', sort keys %{ $grant->{declined} }) : ();
    my @code = (code => $login->new_code(
        kind => $ask->{kind} eq 'instagram' ? 'instagram' : 'web',
        user => $user->{id}, scopes => \@scopes,
        redirect_uri => $params->{redirect_uri},
        config => $ask->{config} ? $ask->{config}{id} : undef));
    return _back($ask, '?', @code, @tell) if !$ask->{fragment};
    my $token = $login->user_token($user, $ask->{app}, \@scopes, 0);
    return _back($ask, '#', access_token => $token, expires_in => $login->life('user'),
        ($params->{response_type} =~ /code/ ? @code : ()), @tell);
}

1;
