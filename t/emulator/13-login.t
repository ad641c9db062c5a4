# Identity: codes become tokens, tokens others, and what each of them leads to.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use Emulator qw(call control emulator $PAGE $SECRET %TOKEN);
use Mojo::JSON qw(decode_json encode_json);
use Mojo::URL;
use Mojo::UserAgent;
use Mojo::Util qw(b64_decode);
use Test::More;

my ($APP, $IG_APP, $IG_SECRET) = qw(1234567890 5550001 1g-secret);
my $BACK = 'https://shop.example/meta/callback';
my $graph = emulator('--redirect-uri', $BACK, '--instagram-app', "$IG_APP:$IG_SECRET",
    '--login-config', encode_json({id => '81', scopes => [qw(business_management
        whatsapp_business_management whatsapp_business_messaging)]}),
    '--login-config', encode_json({id => '82', expires => 60}));
my $APP_TOKEN = "$APP|$SECRET";
my ($ANA, $SHOP, $WABA, $PHONE, $BUSINESS) = qw(700000000000001 900100200300 520000000000002
    106000000000001 270000000000003);
my %client = (client_id => $APP, client_secret => $SECRET);


# of a GET with these parameters: status and answer, or code/subcode
sub ask {
    my ($path, %query) = @_;
    my ($status, undef, $data) = call($graph, GET =>
        Mojo::URL->new($path)->query(\%query)->to_string);
    return $data if !ref $data || !$data->{error};
    return join '/', $status, $data->{error}{code}, $data->{error}{error_subcode} // ();
}

sub code { return control($graph, POST => 'code', {redirect_uri => $BACK, @_})->{code} }

sub exchange {
    return ask('/v24.0/oauth/access_token', %client, redirect_uri => $BACK, code => @_);
}

sub debug {
    return ask('/v24.0/debug_token', access_token => $APP_TOKEN, input_token => shift)->{data};
}

sub ahead { control($graph, POST => 'clock', {ahead => shift}) }

sub clock { return time + ($_[0] // 0) }

sub url_of { return $graph->url . shift }

my $ahead = 0;

subtest 'a code is for one app, one place, once, and not for long' => sub {
    my $code = code(scope => 'pages_show_list,pages_messaging');
    is(exchange($code, client_secret => 'wrong'), '400/1', 'a wrong secret');
    is(exchange($code, client_id => '1'), '400/101', 'another app');
    is(exchange('AQnothing'), '400/100', 'no code of ours');
    is(exchange($code, redirect_uri => "$BACK/"), '400/100/36008', 'another place');
    my $said = exchange($code);
    is_deeply([sort keys %$said], [qw(access_token expires_in token_type)], 'a token');
    is($said->{expires_in}, 5400, 'for 90 minutes');
    is(exchange($code), '400/100/36009', 'used');
    is(ask('/v24.0/oauth/access_token', %client, grant_type => 'client_credentials')
        ->{access_token}, $APP_TOKEN, "the app's own");
    my ($old, $young) = (code(), code(lives => 700));
    ahead($ahead += 601);
    is(exchange($old), '400/100/36007', 'ten minutes old');
    ok(ref exchange($young), 'as young as its clock says');
};

subtest 'long-lived, and the tokens of Pages' => sub {
    my $short = exchange(code(scope => 'pages_show_list,pages_messaging,business_management'))
        ->{access_token};
    my $weak = ask('/v24.0/me/accounts', access_token => $short)->{data}[0]{access_token};
    cmp_ok(debug($weak)->{expires_at}, '>', 0, "a short-lived one's Page token ends");

    my %exchange = (%client, grant_type => 'fb_exchange_token');
    my $said = ask('/v24.0/oauth/access_token', %exchange, fb_exchange_token => $short);
    my $long = $said->{access_token};
    is($said->{expires_in}, 60 * 86400, '60 days');
    isnt($long, $short, 'another text');

    my $page = ask('/v24.0/me/accounts', access_token => $long, fields =>
        'id,name,access_token,tasks,instagram_business_account{id,username}')->{data}[0];
    is($page->{instagram_business_account}{username}, 'corner.shop', 'with Instagram');
    is(ask('/v24.0/me', access_token => $page->{access_token})->{id}, $SHOP, 'it is the Page');
    my $data = debug($page->{access_token});
    is_deeply([@{$data}{qw(type expires_at profile_id user_id app_id)}],
        ['PAGE', 0, $SHOP, $ANA, $APP], 'for ever');
    is(ask('/v24.0/me/accounts', access_token => $long)->{data}[0]{access_token},
        $page->{access_token}, 'the same again');
    is(ask("/v24.0/$SHOP", access_token => $long, fields => 'access_token')->{access_token},
        $page->{access_token}, 'and of the Page itself');
    is(ask('/v24.0/me/businesses', access_token => $long)->{data}[0]{id}, $BUSINESS, 'business');
    is(ask("/v24.0/$BUSINESS/owned_pages", access_token => $long, fields =>
        'id,access_token')->{data}[0]{access_token}, $page->{access_token}, 'its Pages');

    ahead($ahead += 5401);
    is(ask('/v24.0/oauth/access_token', %exchange, fb_exchange_token => $short), '400/190/463',
        'an expired one is not exchanged');
    is(ask('/v24.0/me', access_token => $weak), '400/190/463', 'and its Page token is dead');
    control($graph, POST => 'users', {id => $ANA, lost => $SHOP});
    is(ask('/v24.0/me', access_token => $page->{access_token}), '400/190/492', 'no role');
    is_deeply(ask('/v24.0/me/accounts', access_token => $long)->{data}, [], 'no Page');
    ok(debug($long)->{is_valid}, 'the long one lives');
    ahead($ahead += 60 * 86400);
    my $dead = debug($long);
    ok(!$dead->{is_valid}, 'for 60 days');
    is($dead->{error}{subcode}, 463, 'and says so');
};

subtest 'debug_token tells everything' => sub {
    my %subcode = (app_removed => 458, checkpoint => 459, password => 460, expired => 463,
        unconfirmed => 464, revoked => 467, role => 492);
    for my $state (sort keys %subcode) {
        control($graph, POST => 'tokens', {name => 'page', state => $state});
        is(debug($TOKEN{page})->{error}{subcode}, $subcode{$state}, $state);
    }
    control($graph, POST => 'tokens', {name => 'page', state => 'good', expires_in => 3600,
        data_expires_in => 86400, app => '999', age => 100, scopes => [qw(pages_messaging a b)],
        targets => {pages_messaging => [$PAGE], a => []}});
    my $data = debug($TOKEN{page});
    is($data->{app_id}, '999', "another app's");
    is($data->{data_access_expires_at} - $data->{expires_at}, 82800, 'both ends');
    is($data->{expires_at} - $data->{issued_at}, 3700, 'its age');
    is_deeply($data->{granular_scopes}, [{scope => 'pages_messaging', target_ids => [$PAGE]},
        {scope => 'a', target_ids => []}, {scope => 'b'}], 'some ids, none, and all');
};

subtest 'permissions: declined, taken back; the app is gone' => sub {
    my $token = exchange(code(scope => 'email,pages_show_list', declined => 'pages_messaging'))
        ->{access_token};
    my $all = sub { join ' ', map { "$_->{permission}=$_->{status}" }
        @{ask('/v24.0/me/permissions', access_token => $token)->{data}} };
    like($all->(), qr/^(?=.*email=granted)(?=.*pages_messaging=declined)/, 'as agreed');
    my ($status) = call($graph, DELETE => '/v24.0/me/permissions/email', $token);
    is($status, 200, 'one taken back');
    like($all->(), qr/email=declined/, 'is declined');
    unlike("@{debug($token)->{scopes}}", qr/email/, 'and no scope any more');
    is((call($graph, DELETE => "/v24.0/$ANA/permissions", $token))[0], 200, 'all of them');
    is(ask('/v24.0/me', access_token => $token), '400/190/458', 'the app is removed');
};

subtest "a person who chose single Pages" => sub {
    control($graph, POST => 'users', {id => '71', name => 'Ben', granular => Mojo::JSON->true,
        pages => [map { {id => "90$_"} } 1 .. 3], businesses => [{id => '271'}]});
    my $token = exchange(code(user => '71', scope => 'pages_show_list,business_management'))
        ->{access_token};
    is_deeply(ask('/v24.0/me/accounts', access_token => $token)->{data}, [], 'no accounts');
    my $owned = ask('/v24.0/271/owned_pages', access_token => $token, limit => 2);
    is(scalar @{$owned->{data}}, 2, 'but Pages of the business');
    my $rest = ask('/v24.0/271/owned_pages', access_token => $token, limit => 2,
        after => $owned->{paging}{cursors}{after});
    is($rest->{data}[0]{id}, '903', 'page by page');
    is_deeply([grep { $_->{scope} eq 'pages_show_list' } @{debug($token)->{granular_scopes}}],
        [{scope => 'pages_show_list', target_ids => [qw(901 902 903)]}], 'which it tells');
};

subtest 'Embedded Signup: 30 seconds, a business token' => sub {
    my %signup = (kind => 'signup', redirect_uri => undef);
    is(exchange(code(%signup)), '400/100/36008', 'no redirect_uri belongs to it');
    my $late = code(%signup);
    ahead($ahead += 31);
    my %bare = (path => '/v24.0/oauth/access_token', ask => {%client});
    is(ask($bare{path}, %client, code => $late), '400/100/36007', 'too late');
    my $said = ask($bare{path}, %client, code => code(%signup, config_id => '81'));
    my $token = $said->{access_token};
    ok(!exists $said->{expires_in}, 'no end');
    is(ask($bare{path}, %client, code => code(%signup, config_id => '82'))->{expires_in},
        60 * 86400, 'or 60 days, as configured');

    my $data = debug($token);
    is_deeply([@{$data}{qw(type expires_at data_access_expires_at)}], ['SYSTEM_USER', 0, 0],
        'a system user');
    is_deeply([grep { $_->{scope} eq 'whatsapp_business_management' }
        @{$data->{granular_scopes}}], [{scope => 'whatsapp_business_management',
        target_ids => [$WABA]}], 'of one account');
    is(ask('/v24.0/me', access_token => $token, fields => 'client_business_id')
        ->{client_business_id}, $BUSINESS, 'of that business');
    my $numbers = sub { ask("/v24.0/$WABA/phone_numbers", access_token => $token, fields =>
        'id,display_phone_number,verified_name,code_verification_status,quality_rating,'
        . 'name_status,platform_type,status,throughput')->{data} };
    is_deeply([map { @{$_}{qw(id status platform_type)} } @{$numbers->()}],
        [$PHONE, 'PENDING', 'NOT_APPLICABLE'], 'a number to be registered');
    my $register = sub { (call($graph, POST => "/v24.0/$_[0]/register", $token,
        {messaging_product => 'whatsapp', pin => $_[1]}))[2] };
    ok($register->($PHONE, '581063')->{success}, 'registered');
    is($numbers->()->[0]{status}, 'CONNECTED', 'and connected');

    control($graph, POST => 'users', {id => '72', businesses => [{id => '272', wabas => [{id =>
        '522', numbers => [{id => '1061', pin => '123456'}, {id => '1062', coexistence => 1},
        {id => '1063', status => 'CONNECTED'}]}]}]});
    $token = ask($bare{path}, %client, code => code(%signup, user => '72'))
        ->{access_token};
    is($register->('1061', '581063')->{error}{code}, 133005, 'a PIN that is not its own');
    ok($register->('1061', '123456')->{success}, 'its own');
    is($register->('1062', '581063')->{error}{code}, 100, 'not one that is in the app');
    is(ask('/v24.0/1062', access_token => $token, fields => 'status')->{status}, 'CONNECTED',
        'which is connected');

    my %narrow = (access_token => $token, appsecret_proof => hmac_sha256_hex($token, $SECRET));
    my $post = sub { (call($graph, POST => '/v24.0/272/system_user_access_tokens', undef,
        {@_}))[2] };
    is($post->(access_token => $token)->{error}{code}, 100, 'needs its proof');
    is($post->(%narrow, fetch_only => 'true')->{access_token}, $token, 'the same one');
    my $less = $post->(%narrow, scope => 'whatsapp_business_messaging',
        set_token_expires_in_60_days => 'true')->{access_token};
    is_deeply(debug($less)->{scopes}, ['whatsapp_business_messaging'], 'or one that may less');
};

subtest 'Instagram Login' => sub {
    my %form = (client_id => $IG_APP, client_secret => $IG_SECRET, redirect_uri => $BACK,
        grant_type => 'authorization_code');
    my $post = sub { Mojo::UserAgent->new->post(url_of('/oauth/access_token'),
        form => {%form, @_})->result->json };
    my $code = sub { code(kind => 'instagram', scope =>
        'instagram_business_basic,instagram_business_manage_messages') };
    my $first = $code->();
    is_deeply($post->(code => $first, client_secret => 'x'), {error_type => 'OAuthException',
        code => 400, error_message => 'Invalid client secret'}, 'its own envelope');
    my $said = $post->(code => $first)->{data}[0];
    is($said->{user_id}, '26000000000000001', 'app-scoped');
    is_deeply($post->(code => $first), {error_type => 'OAuthException', code => 400,
        error_message => 'Matching code was not found or was already used'}, 'used');
    control($graph, POST => 'login', {instagram_answer => 'flat', instagram_me => 'data'});
    my $flat = $post->(code => $code->());
    ok(!exists $flat->{data} && ref $flat->{permissions} eq 'ARRAY', 'or flat');

    my $me = ask('/v24.0/me', access_token => $said->{access_token}, fields =>
        'user_id,username')->{data}[0];
    is_deeply($me, {id => '26000000000000001', user_id => '17841400000000001', username =>
        'corner.shop'}, 'both ids');
    is(debug($said->{access_token})->{is_valid}, Mojo::JSON->false, "none of Facebook's");
    my %refresh = (grant_type => 'ig_refresh_token');
    is(ask('/refresh_access_token', %refresh, access_token => $said->{access_token}),
        '400/100', 'a short one is not refreshed');
    my $long = ask('/access_token', grant_type => 'ig_exchange_token', client_secret =>
        $IG_SECRET, access_token => $said->{access_token});
    is($long->{expires_in}, 60 * 86400, 'long-lived');
    %refresh = (%refresh, access_token => $long->{access_token});
    is(ask('/refresh_access_token', %refresh), '400/100', 'too young');
    ahead($ahead += 86400);
    my $again = ask('/refresh_access_token', %refresh);
    isnt($again->{access_token}, $long->{access_token}, 'refreshed');
    is(ask('/v24.0/me', access_token => $said->{access_token}), '400/190/463', 'an hour long');
    ahead($ahead += 60 * 86400);
    is(ask('/refresh_access_token', %refresh), '400/190/463', 'an expired one is lost');
};

subtest 'how often, and nothing secret in the log' => sub {
    my $counts = control($graph, GET => 'counts');
    is_deeply($counts->{'GET /refresh_access_token'}, {calls => 4, failed => 3}, 'counted');
    my $log = join "\n", map { encode_json($_) } $graph->calls;
    unlike($log, qr/EAA[A-Za-z0-9]{50}|IGAA\w{50}|AQ[\w-]{100}|\Q$SECRET\E|\Q$IG_SECRET\E/,
        'neither tokens nor codes nor secrets');
};

subtest 'signed requests' => sub {
    my $text = control($graph, POST => 'signed_request', {user => '700', payload =>
        {expires => 1790003600}})->{signed_request};
    my ($sig, $payload) = split /\./, $text;
    my $bytes = sub { b64_decode($_[0] =~ tr{-_}{+/}r) };
    is($bytes->($sig), hmac_sha256($payload, $SECRET), 'signed');
    my $said = decode_json($bytes->($payload));
    is_deeply([@{$said}{qw(algorithm user_id expires)}], ['HMAC-SHA256', '700', 1790003600],
        'what Meta says');
    unlike($text, qr/=/, 'not padded');
    is(control($graph, POST => 'signed_request', {url => url_of('/v24.0/me'), user => '1'})
        ->{status}, 400, 'posted, and what came of it');
};

done_testing();
