# The tokens that the emulator knows, and what each may do.
#
# Sources: reference meta-graph 1.3 (where a token travels), 1.4 (proof), 1.10
# (190 and its subcodes), 2.8 (expiry).
package GraphEmulator::Token;
use Mojo::Base -base, -signatures;

use Digest::SHA qw(hmac_sha256_hex sha256_hex);
use GraphEmulator::Error qw(fail);

has app_id        => '1234567890';
has app_secret    => '';
has require_proof => 0;
has known         => sub { {} };
has clock         => sub { sub { time } };      # the emulator's, which can be set

use constant MOST => 10_000;

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
    unconfirmed => [ 464, 'The session is invalid because the user is not'
                        . ' confirmed' ],
    role => [ 492, 'The session is invalid because the user has no role on the'
                        . ' Page any more' ],
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
        issued  => int $self->clock->(),
    };
}


# A token that the emulator gives out itself: kind, name, account, node and what
# else is known of it; -> the token.
sub mint ($self, %token) {
    fail(code => 1, message => 'An unknown error has occurred.')
        if keys %{ $self->known } >= MOST;
    my $length = $token{kind} eq 'instagram' ? 160 : 200;
    my @letters = ('A' .. 'Z', 'a' .. 'z', 0 .. 9);
    my $random = sub { CORE::join '', map { $letters[rand @letters] } 1 .. $_[0] };
    my $value = ($token{kind} eq 'instagram' ? 'IGAA' : 'EAA')
        . $random->($length);
    $self->known->{$value} = { account => {}, node => {}, state => 'good',
        issued => int $self->clock->(), minted => 1, %token };
    return $value;
}


# What it may do: [scopes].
sub scopes ($self, $known) {
    return $known->{scopes} // $SCOPES{ $known->{kind} } // [];
}


# good, or why it is dead.
sub state_of ($self, $known) {
    return 'expired' if $known->{state} eq 'good' && $known->{expires}
        && $known->{expires} <= $self->clock->();
    return $known->{state};
}


# -> (subcode, words) of a dead one.
sub why_dead ($self, $known) {
    return @{ $DEAD{ $self->state_of($known) } // [] };
}


# Changes of every token of that name: state, expires_in (seconds, 0: never),
# data_expires_in, age (seconds), app, user, scopes, targets.
sub change ($self, $name, $change) {
    my @found = $self->named($name) or die "no token is named \"$name\"\n";
    for my $in (qw(expires_in data_expires_in age)) {
        die "$in is a number of seconds\n"
            if defined $change->{$in} && $change->{$in} !~ /\A-?\d{1,9}\z/;
    }
    die "scopes is an array\n"
        if defined $change->{scopes} && ref $change->{scopes} ne 'ARRAY';
    die "targets is an object\n"
        if defined $change->{targets} && ref $change->{targets} ne 'HASH';
    $self->set_state($name, $change->{state}) if defined $change->{state};
    my $now = int $self->clock->();
    for my $token (@found) {
        $token->{expires} = $change->{expires_in} && $now + $change->{expires_in}
            if defined $change->{expires_in};
        $token->{data_expires} = $change->{data_expires_in}
            && $now + $change->{data_expires_in}
            if defined $change->{data_expires_in};
        $token->{issued} = $now - $change->{age} if defined $change->{age};
        defined $change->{$_} and $token->{$_} = $change->{$_}
            for qw(app user scopes targets);
    }
    return scalar @found;
}


sub named ($self, $name) {
    return grep { $_->{name} eq $name } values %{ $self->known };
}


sub state_known ($self, $state) {
    die "token state \"$state\": good or one of @{[sort keys %DEAD]}\n"
        if $state ne 'good' && !$DEAD{$state};
    return;
}


sub set_state ($self, $name, $state) {
    $self->state_known($state);
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

    if (my ($subcode, $why) = $self->why_dead($known)) {
        fail(code => 190, subcode => $subcode, status => $status,
            message => "Error validating access token: $why.");
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


# An app-scoped user id: the one that gave it, or made from the token, so that it
# stays the same.
sub user_id ($self, $token) {
    my $known = $self->known->{$token};
    return $known->{user} if $known && defined $known->{user};
    return '7' . substr hex(substr sha256_hex($token), 0, 14) . '0' x 14, 0, 14;
}

1;
