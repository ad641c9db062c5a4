# The endpoints that give tokens: for a code, for another token, for the app's
# secret; Facebook's and Instagram's.
#
# Sources: reference meta-graph 1.7 (Instagram's own envelope), 2.3, 2.4, 2.9,
# 2.10, 3.3.  The words of errors, code 1 for a wrong secret and the subcodes
# 36007 to 36009 are general knowledge; that a token is too young is ours.
package GraphEmulator::Login::Tokens;
use Mojo::Base -strict, -signatures;

use GraphEmulator::Error qw(fail);
use GraphEmulator::Route qw(route);

use constant DAY => 86_400;

my %WHY = (
    unknown => [ undef, 'Invalid verification code format.' ],
    used    => [ 36009, 'This authorization code has been used.' ],
    expired => [ 36007, 'This authorization code has expired.' ],
    redirect_uri => [ 36008, 'Error validating verification code. Please make'
        . ' sure your redirect_uri is identical to the one you used in the OAuth'
        . ' dialog request' ],
);

my %PLACE = ('/oauth/access_token' => \&_oauth,
    '/access_token' => \&_instagram_exchange,
    '/refresh_access_token' => \&_instagram_refresh);


# Whether the call is for one of these endpoints: graph.instagram.com's are none
# of graph.facebook.com's.
sub mine ($class, $call) {
    my $place = $call->{rest} =~ s{/\z}{}r;
    return $PLACE{$place} && !($place ne '/oauth/access_token'
        && ($call->{host} // 'instagram') ne 'instagram');
}


sub serve ($class, $call) {
    fail(code => 100, message => "Unsupported @{[lc $call->{method}]} request.")
        if $call->{method} !~ /\A(?:GET|POST)\z/;
    $_ = ref ? '' : $_ for grep { defined } @{ $call->{params} }{qw(client_id
        client_secret redirect_uri code grant_type)};
    $call->{bucket} = [ 'app', $call->{emulator}->tokens->app_id ];
    return $PLACE{ $call->{rest} =~ s{/\z}{}r }->($call);
}


# -> the app's id, once its secret was right.
sub _client ($call, $kind) {
    my ($params, $login) = ($call->{params}, $call->{emulator}->login);
    my ($id, $secret) = $login->app($kind);
    fail(code => 101, message => 'Missing client_id parameter.')
        if !length($params->{client_id} // '');
    fail(code => 101, message => 'Error validating application. Cannot get'
            . ' application info due to a system error.')
        if $params->{client_id} ne $id;
    fail(code => 1, message => 'Error validating client secret.')
        if ($params->{client_secret} // '') ne $secret;
    return $id;
}


# POST api.instagram.com/oauth/access_token has the same path: its host says
# which it is, or its grant_type, which Facebook's does not have.
sub _oauth ($call) {
    my ($params, $host) = ($call->{params}, $call->{host} // '');
    my $grant = $params->{grant_type} // '';
    return _instagram_code($call) if $host =~ /\A(?:instagram|instagram_oauth)\z/
        || $host eq '' && $grant eq 'authorization_code';

    my $app = _client($call, 'facebook');
    return _exchange($call, $app) if $grant eq 'fb_exchange_token';
    return ({ access_token => $call->{emulator}->tokens->app_token,
        token_type => 'bearer' }, 0) if $grant eq 'client_credentials';
    fail(code => 100, message => '(#100) Param grant_type is not valid')
        if $grant !~ /\A(?:authorization_code)?\z/;
    fail(code => 100, message => 'Missing code parameter.')
        if !length($params->{code} // '');

    my $login = $call->{emulator}->login;
    my ($code, $why) = $login->take_code($app, @{$params}{qw(code redirect_uri)});
    ($code, $why) = (undef, 'unknown') if $code && $code->{kind} eq 'instagram';
    fail(code => 100, subcode => $WHY{$why}[0], message => $WHY{$why}[1])
        if !$code;
    my ($token, $lives) = $login->redeem($code);
    return ({ access_token => $token, token_type => 'bearer',
        defined $lives ? (expires_in => $lives) : () }, 0);
}


# The token that a parameter names, while it lives.
sub _alive ($call, $name) {
    my $tokens = $call->{emulator}->tokens;
    my $value = $call->{params}{$name};
    fail(code => 100, message => "(#100) The parameter $name is required")
        if !defined $value || ref $value || $value eq '';
    my $known = $tokens->known->{$value}
        // fail(code => 190, message => 'Invalid OAuth access token.');
    my ($subcode, $why) = $tokens->why_dead($known);
    fail(code => 190, subcode => $subcode,
        message => "Error validating access token: $why.") if $subcode;
    return $known;
}


# Another token of the same, that lives so many seconds (0: for ever).
sub _again ($call, $known, $lives) {
    my $login = $call->{emulator}->login;
    return $call->{emulator}->tokens->mint(%$known, long => 1, state => 'good',
        minted => $known->{minted} // 0,
        expires => $lives ? $login->now + $lives : 0);
}


sub _exchange ($call, $app) {
    my $known = _alive($call, 'fb_exchange_token');
    fail(code => 190, message => 'Invalid OAuth access token.')
        if $known->{kind} eq 'instagram';
    fail(code => 190, message => 'Error validating access token: it does not'
            . " belong to application $app.")
        if defined $known->{app} && $known->{app} ne $app;
    my $soon = $call->{params}{set_token_expires_in_60_days} // '';
    my $lives = $known->{kind} eq 'user' || $soon =~ /\A(?:1|true)\z/
        ? $call->{emulator}->login->life('long') : 0;
    return ({ access_token => _again($call, $known, $lives), token_type =>
        'bearer', $lives ? (expires_in => $lives) : () }, 0);
}


# Instagram's refusals have an envelope of their own (1.7).
sub _refuse ($text) {
    fail(code => 400, flat => 1, message => $text);
}


sub _instagram_code ($call) {
    my ($params, $login) = ($call->{params}, $call->{emulator}->login);
    my ($id, $secret) = $login->app('instagram');
    _refuse('You must provide a client_id') if !length($params->{client_id} // '');
    _refuse('Invalid platform app') if $params->{client_id} ne $id;
    _refuse('Invalid client secret')
        if ($params->{client_secret} // '') ne $secret;
    _refuse('Invalid grant_type')
        if ($params->{grant_type} // '') ne 'authorization_code';
    _refuse('Unsupported request method') if $call->{method} ne 'POST';
    my ($code, $why) = $login->take_code($id, @{$params}{qw(code redirect_uri)});
    ($code, $why) = (undef, 'unknown') if $code && $code->{kind} ne 'instagram';
    _refuse($why eq 'redirect_uri' ? $WHY{redirect_uri}[1]
        : 'Matching code was not found or was already used') if !$code;

    my ($token) = $login->redeem($code);
    my $known = $call->{emulator}->tokens->known->{$token};
    return ({ access_token => $token, user_id => $known->{user} + 0,
        permissions => $known->{scopes} }, 0)
        if $login->how->{instagram_answer} eq 'flat';
    return ({ data => [ { access_token => $token, user_id => $known->{user},
        permissions => join ',', @{ $known->{scopes} } } ] }, 0);
}


sub _instagram_exchange ($call) {
    my ($params, $login) = ($call->{params}, $call->{emulator}->login);
    fail(code => 100, message => '(#100) Param grant_type is not valid')
        if ($params->{grant_type} // '') ne 'ig_exchange_token';
    my (undef, $secret) = $login->app('instagram');
    fail(code => 1, message => 'Error validating client secret.')
        if ($params->{client_secret} // '') ne $secret;
    my $known = _mine_of_instagram($call);
    fail(code => 100, message => '(#100) The token is a long-lived one')
        if $known->{long} || !$known->{expires};
    my $lives = $login->life('long');
    return ({ access_token => _again($call, $known, $lives), token_type =>
        'bearer', expires_in => $lives }, 0);
}


sub _mine_of_instagram ($call) {
    my $name = 'access_token';
    $call->{params}{$name} //= $call->{token_value};
    my $known = _alive($call, $name);
    fail(code => 190, message => 'Invalid OAuth access token.')
        if $known->{kind} ne 'instagram';
    return $known;
}


# At least 24 hours old; one that is given by hand counts as long-lived.
sub _instagram_refresh ($call) {
    my ($params, $login) = ($call->{params}, $call->{emulator}->login);
    fail(code => 100, message => '(#100) Param grant_type is not valid')
        if ($params->{grant_type} // '') ne 'ig_refresh_token';
    my $known = _mine_of_instagram($call);
    fail(code => 10, message => '(#10) instagram_business_basic is needed')
        if !grep { $_ eq 'instagram_business_basic' }
        @{ $call->{emulator}->tokens->scopes($known) };
    fail(code => 100, message => '(#100) Only a long-lived token of at least 24'
            . ' hours can be refreshed')
        if $known->{minted} && !$known->{long}
        || $login->now - $known->{issued} < DAY;
    my $lives = $login->life('long');
    return ({ access_token => _again($call, $known, $lives), token_type =>
        'bearer', expires_in => $lives }, 0);
}


# POST {business}/system_user_access_tokens (2.9): the token again, or another
# one that may less.
sub _business ($call) {
    my ($params, $known, $emulator) = @{$call}{qw(params known emulator)};
    my ($login, $tokens) = ($emulator->login, $emulator->tokens);
    fail(code => 100, message => '(#100) The parameter appsecret_proof is'
            . ' required') if !defined $params->{appsecret_proof};
    my %may = map { $_ => 1 } @{ $tokens->scopes($known) };
    fail(code => 200, message => '(#200) Requires business_management permission')
        if !$may{business_management};
    return ({ access_token => $call->{token_value} }, 0)
        if ($params->{fetch_only} // '') =~ /\A(?:1|true)\z/;

    my @scopes = grep { $_ ne '' } split /[,\s]+/, $params->{scope} // '';
    my @more = grep { !$may{$_} } @scopes;
    fail(code => 100, message => "(#100) Invalid scope: @more") if @more;
    my %only = map { $_ => 1 } grep { $_ ne '' } split /[,\s]+/,
        $params->{asset} // '';
    my @unknown = grep { !$known->{node}{$_} } sort keys %only;
    fail(code => 100, message => "(#100) Invalid asset: @unknown") if @unknown;

    my $soon = ($params->{set_token_expires_in_60_days} // '') =~ /\A(?:1|true)\z/;
    my $lives = $soon ? $login->life('long') : 0;
    my %token = (%$known, state => 'good', scopes => @scopes ? \@scopes
            : [ sort keys %may ], expires => $lives ? $login->now + $lives : 0);
    $token{targets} = { map { my $ids = $known->{targets}{$_} // [];
        $_ => [ grep { !%only || $only{$_} } @$ids ] }
        keys %{ $known->{targets} // {} } };
    return ({ access_token => $tokens->mint(%token),
        $lives ? (expires_in => $lives) : () }, 0);
}

route('POST', 'business', 'system_user_access_tokens', \&_business);

1;
