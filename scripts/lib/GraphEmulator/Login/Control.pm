# The control endpoints of logins: people, how the dialogs behave, codes by hand,
# signed requests.
package GraphEmulator::Login::Control;
use Mojo::Base -strict, -signatures;

use GraphEmulator::Login::Signed;

my %HOW = (instagram_answer => qr/\A(?:data|flat)\z/,
    instagram_me => qr/\A(?:data|flat)\z/, user => qr/\A\d{1,32}\z/,
    deauthorize => qr{\A(?:https?://\S+)?\z}, insecure => qr/\A[01]?\z/);
my %SIGNUP = (event => qr/\A[A-Z_]{1,64}\z/, message =>
    qr/\A(?:before|after|missing)\z/, code => qr/\A[01]?\z/,
    waba => qr/\A\d{1,32}\z/, phone => qr/\A\d{1,32}\z/,
    step => qr/\A\w{1,64}\z/, error => qr/\A.{1,200}\z/s,
    partner_added => qr/\A[01]?\z/, data => undef);


sub _check ($what, $known, $spec) {
    die "$what is an object\n" if ref $spec ne 'HASH';
    for my $name (sort keys %$spec) {
        die "$what: unknown member \"$name\"\n" if !exists $known->{$name};
        my $like = $known->{$name};
        die "$what: $name is not right\n" if $like
            ? "$spec->{$name}" !~ $like : ref $spec->{$name} ne 'HASH';
    }
    return;
}


# {"redirects": [...], "configs": [...], "instagram_app": "ID:SECRET",
# "business", "signup": {...}} and what else HOW says.
sub login ($class, $emulator, $spec) {
    my $login = $emulator->login;
    die "an object\n" if ref $spec ne 'HASH';
    my %left = %$spec;
    my ($redirects, $configs, $app, $business, $signup)
        = delete @left{qw(redirects configs instagram_app business signup)};
    _check('login', \%HOW, \%left);
    _check('signup', \%SIGNUP, $signup) if $signup;
    $login->add_redirect($_) for @{ $redirects // [] };
    $login->add_config($_) for @{ $configs // [] };
    $login->instagram_app([ app($app) ]) if defined $app;
    $login->business($business) if ($business // '') =~ /\A\d{1,32}\z/;
    $login->how->{$_} = $left{$_} eq '' ? undef : $left{$_} for keys %left;
    $login->how->{signup} = $signup if $signup;
    return {};
}


sub app ($text) {
    my @app = ($text // '') =~ /\A(\d{1,32})[: ](\S+)\z/
        or die "the app is ID:SECRET\n";
    return @app;
}


# A person, {"id", "state"} of all that the person gave, or {"id", "lost": PAGE}.
sub users ($class, $emulator, $spec) {
    my $login = $emulator->login;
    die "an object, or an array of them\n" if ref $spec !~ /\A(?:HASH|ARRAY)\z/;
    my $tokens = 0;
    for my $user (ref $spec eq 'ARRAY' ? @$spec : $spec) {
        die "an object with id\n" if ref $user ne 'HASH' || !defined $user->{id};
        if (defined $user->{state}) {
            $tokens += $login->set_state($user->{id}, $user->{state});
            GraphEmulator::Login::Signed->deauthorized($emulator, $user->{id})
                if $user->{state} eq 'app_removed';
        }
        elsif (defined $user->{lost}) {
            my $known = $login->users->{ $user->{id} } // {};
            $known->{pages} = [ grep { $_->{id} ne $user->{lost} }
                @{ $known->{pages} // [] } ];
            $tokens += $login->set_state($user->{id}, 'role', $user->{lost});
        }
        else {
            $login->add_user($user);
        }
    }
    return { tokens => $tokens };
}


# A code as a dialog would have given it: {"kind": web | signup | instagram,
# "user", "redirect_uri", "scope", "declined", "config_id", "waba", "lives"}.
sub code ($class, $emulator, $spec) {
    my $login = $emulator->login;
    die "an object\n" if ref $spec ne 'HASH';
    my $kind = $spec->{kind} // 'web';
    die "kind is web, signup or instagram\n"
        if $kind !~ /\A(?:web|signup|instagram)\z/;
    my $user = $login->user($spec->{user}) // die "no such user\n";
    my ($granted, $declined) = map { [ grep { $_ ne '' } split /[,\s]+/,
        $spec->{$_} // '' ] } qw(scope declined);
    my ($app) = $login->app($kind eq 'instagram' ? 'instagram' : 'facebook');
    my $grant = $login->agree($app, $user->{id}, $granted, $declined);
    return { code => $login->new_code(kind => $kind, user => $user->{id},
        scopes => [ sort keys %{ $grant->{granted} } ],
        redirect_uri => $spec->{redirect_uri}, waba => $spec->{waba},
        config => $spec->{config_id}
            // ($kind eq 'signup' ? $login->some_config : undef),
        defined $spec->{lives} ? (lives => $spec->{lives}) : ()) };
}


sub signed_request ($class, $emulator, $spec) {
    return GraphEmulator::Login::Signed->serve($emulator, $spec);
}


# Every token and code that was given out, as they are: for who looks whether one
# of them stands anywhere.
sub given ($class, $emulator) {
    my $known = $emulator->tokens->known;
    return { tokens => [ grep { $known->{$_}{minted} } sort keys %$known ],
        codes => [ @{ $emulator->login->given } ] };
}


# What there is: people, redirect URIs, configurations, codes that wait.
sub told ($class, $emulator) {
    my $login = $emulator->login;
    return { users => [ $login->people ], how => $login->how,
        redirects => [ sort keys %{ $login->redirects } ],
        configs => [ map { $login->configs->{$_} } sort keys %{ $login->configs } ],
        business => $login->business,
        codes => scalar(grep { !$_->{used} && $_->{expires} > $login->now }
            values %{ $login->codes }) };
}

1;
