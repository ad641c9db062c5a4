# Who logs in and what is theirs: people, their Pages, Instagram accounts,
# businesses with WhatsApp accounts and numbers; what they granted, the codes of
# the dialogs, and the tokens that codes become.
#
# Sources: reference meta-graph 2 (OAuth and tokens), 3 (Embedded Signup).
package GraphEmulator::Login;
use Mojo::Base -base, -signatures;

use Digest::SHA qw(sha256_hex);
use GraphEmulator::Error qw(fail);
use Mojo::URL;

use constant { MOST_USERS => 10_000, MOST_CODES => 10_000, DAY => 86_400 };

has emulator  => undef, weak => 1;
has users     => sub { {} };
has order     => sub { [] };        # of the users; the first one is logged in
has redirects => sub { {} };        # Valid OAuth Redirect URIs
has configs   => sub { {} };        # Login for Business, by config_id
has names     => sub { {} };        # of whatever has an id
has codes     => sub { {} };
has given     => sub { [] };        # codes, the oldest first
has grants    => sub { {} };        # "APP USER" -> {granted, declined, data}
has instagram_app => undef;         # [id, secret]; undef: the app's own
has business  => '270099990000';    # the partner's own
has how       => sub { { instagram_answer => 'data', instagram_me => 'flat' } };

# Seconds that a code lives (2.3, 2.10, 3.1), and tokens (2.8).
my %CODE = (web => 600, signup => 30, instagram => 3600);
my %LIFE = (user => 5400, instagram => 3600, long => 60 * DAY, data => 90 * DAY);

my %CONFIG = map { $_ => 1 } qw(id token scopes expires signup);
my @SIGNUP = qw(whatsapp_business_management whatsapp_business_messaging
    business_management);

# Somebody, for who only wants to look.
my %ANA = (id => '700000000000001', name => 'Ana Lopez',
    pages => [ { id => '900100200300', name => 'Corner Shop', instagram =>
        '17841400000000001', username => 'corner.shop' } ],
    instagram => { id => '17841400000000001', username => 'corner.shop',
        scoped => '26000000000000001' },
    businesses => [ { id => '270000000000003', name => 'Corner Shop',
        wabas => [ { id => '520000000000002', name => 'Corner Shop',
            numbers => [ { id => '106000000000001', status => 'PENDING',
                display_phone_number => '15550100001' } ] } ] } ]);


sub now ($self) { return int $self->emulator->store->now }

sub life ($self, $what) { return $LIFE{$what} }


sub _id ($self, $what, $object) {
    die "$what is an object\n" if ref $object ne 'HASH';
    my $id = $object->{id} // '';
    die "$what needs an id of digits, not \"$id\"\n" if $id !~ /\A\d{1,32}\z/;
    $object->{id} = "$id";
    $object->{name} //= ucfirst "$what $id";
    $self->names->{$id} = $object->{name} if $what ne 'number';
    return $object;
}


sub _list ($what, $list) {
    die "$what is an array\n" if defined $list && ref $list ne 'ARRAY';
    return @{ $list // [] };
}


# A person, new or again: {id, name, pages, instagram, businesses, granular}.
# Nobody has subscribed to what is theirs yet.
sub add_user ($self, $spec) {
    my $user = $self->_id('user', $spec);
    my $subscribed = $self->emulator->subscribed;
    for my $page (_list('pages', $user->{pages})) {
        $self->_id('Page', $page);
        $subscribed->{ $page->{id} } //= 0;
        $self->names->{ $page->{instagram} } = $page->{username}
            if defined $page->{instagram} && defined $page->{username};
        $page->{tasks} //= [qw(ANALYZE ADVERTISE MODERATE CREATE_CONTENT
            MANAGE MESSAGING)];
    }
    if (my $instagram = $user->{instagram}) {
        $self->_id('account', $instagram);
        $instagram->{username} //= "emulator$instagram->{id}";
        $self->names->{ $instagram->{id} } = $instagram->{username};
        $instagram->{scoped} //= '26' . substr $instagram->{id}, -14;
    }
    for my $business (_list('businesses', $user->{businesses})) {
        $self->_id('business', $business);
        for my $waba (_list('wabas', $business->{wabas})) {
            $self->_id('account', $waba);
            $subscribed->{ $waba->{id} } //= 0;
            $self->_number($self->_id('number', $_), $waba->{name})
                for _list('numbers', $waba->{numbers});
        }
    }
    die "more than ${\MOST_USERS} users\n"
        if !$self->users->{ $user->{id} } && @{ $self->order } >= MOST_USERS;
    push @{ $self->order }, $user->{id} if !$self->users->{ $user->{id} };
    $self->users->{ $user->{id} } = $user;
    return $user->{id};
}


# Status PENDING: to be registered; a pin is the one that it has already;
# coexistence: it lives in the WhatsApp Business app too.
sub _number ($self, $spec, $name) {
    my $number = $self->emulator->number($spec->{id});
    my %more = (verified_name => $name, %$spec,
        status => $spec->{status} // 'PENDING');
    my ($pin, $both) = delete @more{qw(pin coexistence name)};
    $more{status} = 'CONNECTED' if $both;
    my $connected = $more{status} eq 'CONNECTED';
    %$number = (%$number, platform_type => $connected ? 'CLOUD_API'
            : 'NOT_APPLICABLE', registered => $connected ? 1 : 0,
        is_on_biz_app => $both ? \1 : \0, _coexists => $both ? 1 : 0, %more);
    $number->{_pin} = "$pin" if defined $pin;
    return;
}


# A configuration of Login for Business: {id, token: user | system_user,
# scopes, expires: 60 (days), signup}.
sub add_config ($self, $spec) {
    die "a login configuration is an object\n" if ref $spec ne 'HASH';
    $CONFIG{$_} or die "unknown member \"$_\" of a login configuration\n"
        for sort keys %$spec;
    die "a login configuration has an id of digits\n"
        if ($spec->{id} // '') !~ /\A\d{1,32}\z/;
    die "scopes is an array\n"
        if defined $spec->{scopes} && ref $spec->{scopes} ne 'ARRAY';
    my $token = $spec->{token} //= 'system_user';
    die "token is user or system_user\n" if $token !~ /\A(?:system_)?user\z/;
    $spec->{scopes} //= [ @SIGNUP ];
    return $self->configs->{ $spec->{id} } = $spec;
}


# Where there is none any number is one, of business tokens.
sub config ($self, $id) {
    return $self->configs->{$id} if %{ $self->configs };
    return $id =~ /\A\d{1,32}\z/ ? { id => $id, token => 'system_user',
        scopes => [ @SIGNUP ] } : undef;
}


# One of them, for business tokens.
sub some_config ($self) {
    my ($found) = sort grep { $self->configs->{$_}{token} eq 'system_user' }
        keys %{ $self->configs };
    return $found // '1';
}


sub add_redirect ($self, $uri) {
    die "a redirect URI is http:// or https://, without a fragment\n"
        if ref $uri || $uri !~ m{\Ahttps?://[^\s/?#]+[^\s#]*\z};
    $self->redirects->{$uri} = 1;
    return;
}


# Whether pages of that origin may use the JavaScript SDK.
sub may_use ($self, $origin) {
    return !!grep { my $url = Mojo::URL->new($_);
        lc($url->scheme . '://' . $url->host_port) eq lc $origin }
        keys %{ $self->redirects };
}


sub app ($self, $kind) {
    my $tokens = $self->emulator->tokens;
    return @{ $self->instagram_app }
        if $kind eq 'instagram' && $self->instagram_app;
    return ($tokens->app_id, $tokens->app_secret);
}


# The person, or the first one; Ana, where nobody was named.
sub user ($self, $id = undef) {
    $self->add_user({ %ANA }) if !@{ $self->order };
    return $self->users->{ $id // $self->how->{user} // $self->order->[0] };
}


sub people ($self) {
    $self->user;
    return map { $self->users->{$_} } @{ $self->order };
}


sub grant ($self, $app, $user) {
    return $self->grants->{"$app $user"}
        //= { app => $app, user => $user, granted => {}, declined => {} };
}


# What a person agreed to: granted and declined are lists.
sub agree ($self, $app, $user, $granted, $declined) {
    my $grant = $self->grant($app, $user);
    $grant->{data} = $self->now + $LIFE{data};
    for my $scope (@$granted) {
        $grant->{granted}{$scope} = 1;
        delete $grant->{declined}{$scope};
    }
    for my $scope (@$declined) {
        delete $grant->{granted}{$scope};
        $grant->{declined}{$scope} = 1;
    }
    return $grant;
}


# A code: {kind: web | signup | instagram, user, scopes, redirect_uri, config,
# waba, business}; it lives as long as its kind does, or `lives` seconds.
sub new_code ($self, %code) {
    my @letters = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '_', '-');
    my $text = 'AQ' . join '', map { $letters[rand @letters] }
        1 .. ($code{kind} eq 'signup' ? 420 : 300);
    my ($codes, $given) = ($self->codes, $self->given);
    $code{app} //= ($self->app($code{kind} eq 'instagram' ? 'instagram'
        : 'facebook'))[0];
    $codes->{$text} = { %code,
        expires => $self->now + ($code{lives} // $CODE{ $code{kind} }) };
    push @$given, $text;
    delete $codes->{ shift @$given } while @$given > MOST_CODES;
    return $text;
}


# -> the code's record, which is used now; undef and why it is not:
# unknown, used, expired, redirect_uri.
sub take_code ($self, $app, $text, $uri) {
    my $code = $self->codes->{ $text // '' };
    return (undef, 'unknown') if !$code || $code->{app} ne $app;
    return (undef, 'used') if $code->{used};
    return (undef, 'expired') if $code->{expires} <= $self->now;
    return (undef, 'redirect_uri')
        if ($uri // '') ne ($code->{redirect_uri} // '');
    $code->{used} = 1;
    return ($code);
}


sub _businesses ($user) { return @{ $user->{businesses} // [] } }

sub pages ($self, $user) { return @{ $user->{pages} // [] } }


# Nodes and accounts of a Page, as tokens have them.
sub _page_nodes ($token, $page) {
    my $instagram = $page->{instagram};
    $token->{node}{ $page->{id} } = 'page';
    $token->{account}{ $page->{id} } = $instagram // $page->{id};
    return if !defined $instagram;
    $token->{node}{$instagram} = 'instagram';
    $token->{account}{$instagram} = $page->{id};
    return;
}


sub user_token ($self, $user, $app, $scopes, $long) {
    my $grant = $self->grant($app, $user->{id});
    my %token = (kind => 'user', name => "user:$user->{id}", first => $user->{id},
        user => $user->{id}, app => $app, scopes => [ sort @$scopes ],
        account => { $user->{id} => $user->{id} },
        node => { $user->{id} => 'user' }, long => $long,
        data_expires => $grant->{data} // $self->now + $LIFE{data},
        expires => $self->now + $LIFE{ $long ? 'long' : 'user' });
    $token{node}{ $_->{id} } = 'own_page' for $self->pages($user);
    $token{node}{ $_->{id} } = 'business' for _businesses($user);
    if ($user->{granular}) {
        my %ids = (pages => [ map { $_->{id} } $self->pages($user) ],
            instagram => [ map { $_->{instagram} // () } $self->pages($user) ]);
        $token{targets} = { map { my ($of) = /\A(pages|instagram)_/;
            $of ? ($_ => $ids{$of}) : () } @$scopes };
    }
    return $self->emulator->tokens->mint(%token);
}


# The token of a Page: one for each person and app; of a short-lived token one
# that dies with it (2.5).
sub page_token ($self, $from, $value, $page) {
    my $tokens = $self->emulator->tokens;
    my $short = $from->{kind} eq 'user' && $from->{expires} && !$from->{long};
    my $app = $from->{app} // $tokens->app_id;
    my $key = join ' ', $page->{id}, $from->{user} // $value, $app,
        ($short ? $value : ());
    my $had = $self->{page_tokens}{$key};
    return $had if defined $had && $tokens->known->{$had}
        && $tokens->state_of($tokens->known->{$had}) eq 'good';

    my %token = (kind => 'page', name => "page:$page->{id}", first => $page->{id},
        user => $from->{user} // $tokens->user_id($value), app => $app,
        expires => $short ? $from->{expires} : 0, scopes => $tokens->scopes($from),
        data_expires => $from->{data_expires} // 0);
    _page_nodes(\%token, $page);
    return $self->{page_tokens}{$key} = $tokens->mint(%token);
}


# A business's own token (2.9): of the accounts that were shared.  $share:
# {business, wabas, pages}.
sub business_token ($self, $user, $app, $config, $share) {
    my $business = $share->{business};
    my $id = '6' . substr hex(substr sha256_hex("$app $business->{id}"), 0, 12)
        . '0' x 14, 0, 14;
    my $scopes = $share->{scopes} // $config->{scopes};
    my %token = (kind => 'system_user', name => "business:$business->{id}",
        first => $id, user => $id, app => $app, business => $business->{id},
        scopes => [ sort @$scopes ], person => $user->{id},
        account => {}, expires => $config->{expires}
            ? $self->now + $config->{expires} * DAY : 0,
        node => { $id => 'user', $business->{id} => 'business' });
    for my $waba (@{ $share->{wabas} }) {
        $token{node}{ $waba->{id} } = 'waba';
        for my $number (@{ $waba->{numbers} // [] }) {
            $token{node}{ $number->{id} } = 'phone';
            $token{account}{ $number->{id} } = $waba->{id};
        }
    }
    _page_nodes(\%token, $_) for @{ $share->{pages} // [] };
    my %ids = (whatsapp_ => [ map { $_->{id} } @{ $share->{wabas} } ],
        pages_ => [ map { $_->{id} } @{ $share->{pages} // [] } ]);
    $token{targets} = { map { my ($of) = /\A(whatsapp_|pages_)/;
        $of && @{ $ids{$of} } ? ($_ => $ids{$of}) : () } @$scopes };
    return $self->emulator->tokens->mint(%token);
}


sub instagram_token ($self, $user, $app, $scopes, $long) {
    my $account = $user->{instagram};
    return $self->emulator->tokens->mint(kind => 'instagram',
        name => "instagram:$account->{id}", first => $account->{id},
        user => $account->{scoped}, app => $app, person => $user->{id},
        scopes => [ sort @$scopes ], long => $long,
        profile => { username => $account->{username}, name => $account->{name} },
        account => { $account->{id} => $account->{id} },
        node => { $account->{id} => 'instagram' },
        expires => $self->now + $LIFE{ $long ? 'long' : 'instagram' });
}


# The WhatsApp account that a person shares: the named one, or the first; -> it
# and its business.
sub waba ($self, $user, $id = undef) {
    for my $business (_businesses($user)) {
        for my $waba (@{ $business->{wabas} // [] }) {
            return ($waba, $business) if !defined $id || $waba->{id} eq $id;
        }
    }
    return;
}


# What a code is exchanged for: the token and the seconds it lives (undef: for
# ever).
sub redeem ($self, $code) {
    my $user = $self->users->{ $code->{user} };
    return ($self->instagram_token($user, $code->{app}, $code->{scopes}, 0), undef)
        if $code->{kind} eq 'instagram';
    my $config = defined $code->{config} ? $self->config($code->{config}) : undef;
    return ($self->user_token($user, $code->{app}, $code->{scopes}, 0),
        $LIFE{user}) if !$config || $config->{token} eq 'user';

    my ($waba, $business) = $self->waba($user, $code->{waba});
    $business //= (_businesses($user))[0];
    fail(code => 100, message => '(#100) The person has no business portfolio')
        if !$business;
    my $signup = $code->{kind} eq 'signup';
    my @wabas = $signup && ($code->{waba} // '') ne 'all' ? ($waba // ())
        : @{ $business->{wabas} // [] };
    my $token = $self->business_token($user, $code->{app}, $config,
        { business => $business, wabas => \@wabas,
            pages => $signup ? [] : [ $self->pages($user) ] });
    return ($token, $config->{expires} ? $config->{expires} * DAY : undef);
}


# All tokens of a person get that state; a Page's, when its role is lost.
sub set_state ($self, $user, $state, $page = undef) {
    my $tokens = $self->emulator->tokens;
    my @found = grep { ($_->{user} // '') eq $user || ($_->{person} // '') eq $user
        || $_->{kind} eq 'user' && $_->{first} eq $user }
        values %{ $tokens->known };
    @found = grep { $_->{kind} eq 'page' && $_->{first} eq $page } @found
        if defined $page;
    $tokens->state_known($state);
    $_->{state} = $state for @found;
    return scalar @found;
}


# The person takes the app away, or one permission.
sub revoke ($self, $app, $user, $scope = undef) {
    my $grant = $self->grant($app, $user);
    if (!defined $scope) {
        delete $self->grants->{"$app $user"};
        return $self->set_state($user, 'app_removed');
    }
    delete $grant->{granted}{$scope};
    $grant->{declined}{$scope} = 1;
    for my $token (values %{ $self->emulator->tokens->known }) {
        next if ($token->{user} // '') ne $user || !$token->{scopes};
        $token->{scopes} = [ grep { $_ ne $scope } @{ $token->{scopes} } ];
    }
    return 1;
}

1;
