# The tokens that the emulator knows, and what each may do.
#
# Sources: reference meta-graph 1.3 (where a token travels), 1.4 (proof), 2.6
# (debug_token), 1.10 (190 and its subcodes).
package GraphEmulator::Token;
use Mojo::Base -base, -signatures;

use Digest::SHA qw(hmac_sha256_hex sha256_hex);
use GraphEmulator::Error qw(fail);

has app_id        => '1234567890';
has app_secret    => '';
has require_proof => 0;
has known         => sub { {} };

my %SCOPES = (
    whatsapp =>
        [qw(whatsapp_business_management whatsapp_business_messaging)],
    page        => [qw(pages_messaging pages_manage_metadata
        pages_manage_engagement instagram_manage_messages
        instagram_manage_comments)],
    instagram   => [qw(instagram_business_basic
        instagram_business_manage_messages
        instagram_business_manage_comments)],
    user        => [qw(public_profile)],
    system_user => [
        qw(whatsapp_business_management whatsapp_business_messaging
            pages_messaging)
    ],
);

# State of a token: the subcode of its 190 and Meta's words for it.
my %DEAD = (
    app_removed => [ 458, 'The user has not authorized application' ],
    checkpoint  => [ 459, 'The user is checkpointed' ],
    password    => [ 460, 'The session has been invalidated because the user'
                        . ' changed their password' ],
    expired => [ 463, 'Session has expired' ],
    revoked => [ 467, 'The session is invalid because the user logged out' ],
);


# What an id and the one behind its @ are, by the kind of the token.
my %NODE = (whatsapp => [qw(phone waba)], page => [qw(page instagram)],
    instagram => [qw(instagram instagram)], user => [qw(user user)]);


# "KIND:ID[@WABA][,ID...]:TOKEN[:NAME]" -> a known token; dies with the reason.
sub add ($self, $spec) {
    my ($kind, $ids, $token, $name) = split /:/, $spec, 4;
    die "a token is KIND:ID[,ID...]:TOKEN[:NAME], not \"$kind\"\n"
        if !defined $token || $token eq '';
    die "token kind \"$kind\": one of @{[sort keys %SCOPES]}\n"
        if !$SCOPES{$kind};

    my (%account, %node);
    for my $id (split /,/, $ids) {
        my ($account, $behind) = $id =~ /\A(\d+)(?:@(\d+))?\z/
            or die "token account \"$id\": digits, or PHONE\@WABA\n";
        my $is = $NODE{$kind} // (defined $behind ? $NODE{whatsapp} : ['any']);
        $node{$behind} = $is->[1] if defined $behind;
        $node{$account} = $is->[0];
        $account{$account} = $behind // $account;
        $account{$behind} = $account if defined $behind && $is->[0] eq 'page';
    }
    my ($first) = $ids =~ /\A(\d+)/;
    die "token \"$kind\" needs an account\n" if !defined $first;
    return $self->known->{$token} = {
        name    => $name // "$kind:$first",
        kind    => $kind,
        first   => $first,
        account => \%account,
        node    => \%node,
        state   => 'good',
        issued  => time,
    };
}


sub named ($self, $name) {
    return grep { $_->{name} eq $name } values %{ $self->known };
}


sub set_state ($self, $name, $state) {
    die "token state \"$state\": good or one of @{[sort keys %DEAD]}\n"
        if $state ne 'good' && !$DEAD{$state};
    my @found = $self->named($name) or die "no token is named \"$name\"\n";
    $_->{state} = $state for @found;
    return scalar @found;
}


sub app_token ($self) {
    return $self->app_id . '|' . $self->app_secret;
}


# What a log may show instead of a token.
sub name_of ($self, $token) {
    return '' if !defined $token || $token eq '';
    return 'app:' . $self->app_id if $token eq $self->app_token;
    my $known = $self->known->{$token} or return '<unknown token>';
    return $known->{name};
}


# The token of a call: header first, then query and body.  RFC 7235: the scheme
# is case-insensitive; "OAuth" is what Meta's upload hosts take.
sub of_request ($self, $req, $params) {
    my $header = $req->headers->authorization // '';
    return $1 if $header =~ /\A(?:Bearer|OAuth)\s+(\S+)\s*\z/i;
    my $param = $params->{access_token};
    return ref $param ? undef : $param;
}


# -> the known token, or throws Meta's error.  $status: WhatsApp answers 401.
# $host: graph.instagram.com knows only tokens of Instagram Login, and no other
# host knows those (meta-graph 1.1); undef where one address is all hosts.
sub check ($self, $token, $params, $status, $host = undef) {
    fail(code => 104,
        message => 'An access token is required to request this resource.')
        if !defined $token || $token eq '';

    my $known = $self->known->{$token};
    $known = { name => $self->name_of($token), kind => 'app', account => {},
        node => { $self->app_id => 'app' }, state => 'good' }
        if !$known && $token eq $self->app_token;
    fail(code => 190, status => $status,
        message => 'Invalid OAuth access token - Cannot parse access token')
        if !$known || defined $host && $known->{kind} ne 'app'
        && ($host eq 'instagram') != ($known->{kind} eq 'instagram');

    if (my $dead = $DEAD{ $known->{state} }) {
        fail(code => 190, subcode => $dead->[0], status => $status,
            message => "Error validating access token: $dead->[1].");
    }
    $self->_check_proof($token, $params);
    return $known;
}


sub _check_proof ($self, $token, $params) {
    my $proof = $params->{appsecret_proof};
    if (!defined $proof) {
        return if !$self->require_proof;
        fail(code => 100, type => 'GraphMethodException', message =>
                'API calls from the server require an appsecret_proof argument');
    }
    my ($text, $time) = ($token, $params->{appsecret_time});
    $text .= "|$time" if defined $time;
    my $fresh = !defined $time
        || ($time =~ /\A\d{1,12}\z/ && abs(time - $time) <= 300);
    return if $fresh && $proof eq hmac_sha256_hex($text, $self->app_secret);
    fail(code => 100, type => 'GraphMethodException',
        message => 'Invalid appsecret_proof provided in the API argument');
}


# GET /debug_token
sub debug ($self, $params) {
    my $input = $params->{input_token};
    fail(code => 100, message => '(#100) The parameter input_token is required')
        if !defined $input || $input eq '';
    my %data = (app_id => $self->app_id, application => 'Emulator');
    my $known = $self->known->{$input};
    if ($input eq $self->app_token) {
        %data = (%data, type => 'APP', is_valid => \1, scopes => []);
        return { data => \%data };
    }
    if (!$known || $known->{state} ne 'good') {
        my $dead = $DEAD{ $known ? $known->{state} : '' };
        my %error = (code => 190, message => $dead ? $dead->[1]
            : 'Invalid OAuth access token.');
        $error{subcode} = $dead->[0] if $dead;
        return { data => { ($known ? %data : ()), is_valid => \0,
            error => \%error, scopes => [] } };
    }
    my $scopes = $SCOPES{ $known->{kind} };
    my @ids = sort keys %{ $known->{account} };
    $data{profile_id} = $known->{first} if $known->{kind} eq 'page';
    return { data => { %data,
        type => { page => 'PAGE', user => 'USER' }->{ $known->{kind} }
            // 'SYSTEM_USER',
        expires_at => 0, data_access_expires_at => 0, is_valid => \1,
        issued_at => $known->{issued}, scopes => $scopes,
        granular_scopes => [ map { { scope => $_, target_ids => \@ids } }
            @$scopes ],
        user_id => $self->user_id($input),
    } };
}


# An app-scoped user id: made from the token, so that it stays the same.
sub user_id ($self, $token) {
    return '7' . substr hex(substr sha256_hex($token), 0, 14) . '0' x 14, 0, 14;
}

1;
