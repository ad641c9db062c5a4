# The dialogs without a browser: what they refuse, ask and answer.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use Emulator qw(call control emulator $SECRET);
use Mojo::JSON qw(decode_json encode_json);
use Mojo::URL;
use Mojo::UserAgent;
use Test::More;

my $APP = '1234567890';
my $BACK = 'https://shop.example/meta/callback?from=meta';
my $graph = emulator('--redirect-uri', $BACK, '--instagram-app', '5550001:1g-secret',
    '--login-config', encode_json({id => '81', scopes => ['whatsapp_business_management']}));
my $ua = Mojo::UserAgent->new(max_redirects => 0);
my %dialog = (client_id => $APP, redirect_uri => $BACK, state => 'st&te ä', scope =>
    'pages_show_list,pages_messaging');
my ($FB, $IG) = qw(/v24.0/dialog/oauth /oauth/authorize);


sub url { my ($path, %query) = @_; return Mojo::URL->new($graph->url . $path)->query(\%query) }

# what a person sees: status and text
sub look {
    my $res = $ua->get(url(@_))->result;
    return join ' ', $res->code, $res->dom->at('main')->all_text =~ s/\s+/ /gr;
}

# ticks all but those that are named, and presses a button; -> the answer
sub press {
    my ($do, $without, $path, %query) = @_;
    my $form = $ua->get(url($path, %query))->result->dom->at('form');
    my %fields = map { $_->{name} => $_->{value} } $form->find('input')->each;
    delete $fields{"scope.$_"} for @$without;
    $_->at('option[selected]') and $fields{$_->{name}} = $_->at('option[selected]')->{value}
        for $form->find('select')->each;
    return $ua->post(url($path, %query), form => {%fields, do => $do})->result;
}

# where a button leads: address, query, fragment
sub lead {
    my $url = Mojo::URL->new(press(@_)->headers->location);
    my $query = $url->query->to_hash;
    return ($url->clone->query('')->fragment(undef)->to_string, $query, $url->fragment);
}

subtest 'refused on the page, never called back' => sub {
    my %wrong = ('no such app' => [client_id => '1'], 'another place' =>
        [redirect_uri => "$BACK&a=1"], 'no place' => [redirect_uri => ''],
        'a scope that is none' => [scope => 'pages<b>'], 'extras' => [extras => 'x'],
        'a configuration' => [config_id => '9'], 'an answer' => [response_type => 'cod'],
        'auth_type' => [auth_type => 'again']);
    for my $name (sort keys %wrong) {
        like(look($FB, %dialog, @{$wrong{$name}}), qr/^400 Something went wrong/, $name);
    }
    like(look($IG, %dialog, client_id => '5550001', response_type => 'code'),
        qr/^400 .*Invalid Scopes/, "Facebook's scopes at Instagram");
};

subtest 'Facebook: yes, no, in part, again' => sub {
    like(look($FB, %dialog), qr/^200 Continue as Ana Lopez.*pages_messaging/, 'asked');
    my ($to, $query, $fragment) = lead('cancel', [], $FB, %dialog);
    is($to, 'https://shop.example/meta/callback', 'back');
    is_deeply($query, {error => 'access_denied', error_code => 200, error_reason =>
        'user_denied', error_description => 'Permissions error', state => 'st&te ä', from =>
        'meta'}, 'denied');
    is($fragment, '_=_', 'with the fragment');

    my %told = (%dialog, response_type => 'code,granted_scopes');
    (undef, $query, $fragment) = lead('continue', ['pages_messaging'], $FB, %told);
    is($query->{granted_scopes}, 'pages_show_list,public_profile', 'granted');
    is($query->{denied_scopes}, 'pages_messaging', 'and not');
    is($fragment, '_=_', 'with the fragment');
    unlike(look($FB, %dialog), qr/pages_messaging/, 'what was declined is not asked for');
    (undef, $query) = lead('continue', [], $FB, %told);
    is($query->{denied_scopes}, 'pages_messaging', 'and stays declined');
    like(look($FB, %dialog, auth_type => 'rerequest'), qr/pages_messaging/, 'but again');
    (undef, $query) = lead('continue', [], $FB, %told, auth_type => 'rerequest');
    is($query->{denied_scopes}, '', 'then it is granted');

    my ($status, undef, $data) = call($graph, GET => Mojo::URL->new('/oauth/access_token')
        ->query(client_id => $APP, client_secret => $SECRET, redirect_uri => $BACK,
        code => $query->{code})->to_string);
    is($status, 200, 'the code is good');
    (undef, undef, $fragment) = lead('continue', [], $FB, %dialog, response_type => 'token');
    like($fragment, qr/^access_token=EAA/, 'a token goes into the fragment');
};

subtest 'a configuration is granted whole' => sub {
    my %business = (%dialog, scope => '', config_id => '81');
    my $page = $ua->get(url($FB, %business))->result->dom;
    is($page->find('input[type=checkbox]')->size, 0, 'nothing to decline');
    my (undef, $query) = lead('continue', [], $FB, %business);
    my (undef, undef, $data) = call($graph, GET => Mojo::URL->new('/oauth/access_token')
        ->query(client_id => $APP, client_secret => $SECRET, redirect_uri => $BACK,
        code => $query->{code})->to_string);
    ok($data->{access_token} && !$data->{expires_in}, 'a business token');
};

subtest 'Instagram' => sub {
    my %ask = (client_id => '5550001', redirect_uri => $BACK, response_type => 'code', state =>
        's', scope => 'instagram_business_basic,instagram_business_manage_messages');
    like(look($IG, %ask), qr/Continue as corner\.shop/, 'asked');
    my (undef, $query, $fragment) = lead('cancel', [], $IG, %ask);
    is($query->{error_description}, 'The user denied your request', 'denied');
    (undef, $query, $fragment) = lead('continue', [], $IG, %ask);
    is($fragment, '_', 'with its fragment');
    is($ua->post(url('/oauth/access_token'), form => {client_id => '5550001', client_secret =>
        '1g-secret', grant_type => 'authorization_code', redirect_uri => $BACK, code =>
        $query->{code}})->result->code, 200, 'the code is good');
};

subtest 'Embedded Signup' => sub {
    my %ask = (client_id => $APP, config_id => '81', display => 'popup', origin =>
        'https://shop.example', cb => 'f1', response_type => 'code',
        override_default_response_type => 'true', extras => '{"setup":{}}');
    like(look($FB, %ask, origin => 'https://evil.example'), qr/^400 .*JSSDK/, 'of that page');
    like(look($FB, %ask, response_type => ''), qr/^400 /, 'a code');
    my $said = sub {
        my ($text) = press('continue', [], $FB, %ask, @_)->text =~ /of (\[".*\])\) opener/;
        return map { /^cb=f1(.*)/ ? $1 =~ s/=.*//r : decode_json($_) } @{decode_json($text)};
    };
    my ($info, $code) = $said->();
    is_deeply($info, {type => 'WA_EMBEDDED_SIGNUP', event => 'FINISH', version => 3, data =>
        {waba_id => '520000000000002', business_id => '270000000000003', phone_number_id =>
        '106000000000001'}}, 'what the page is told');
    is($code, '&code', 'and the code');
    ($info) = $said->(extras => '{"featureType":"only_waba_sharing"}');
    is("$info->{event} " . join(' ', sort keys %{$info->{data}}),
        'FINISH_ONLY_WABA business_id waba_id', 'no number');

    my $set = sub { control($graph, POST => 'login', {signup => {@_}}) };
    $set->(message => 'after');
    is(($said->())[0], '&code', 'the code first');
    $set->(message => 'missing');
    is_deeply([$said->()], ['&code'], 'no message');
    $set->(event => 'CANCEL', step => 'PHONE_NUMBER_SETUP');
    ($info, $code) = $said->();
    is_deeply($info->{data}, {current_step => 'PHONE_NUMBER_SETUP'}, 'abandoned');
    is($code, '&error', 'without a code');
    $set->(event => 'ERROR', error => 'No.');
    is(($said->())[0]{data}{error_message}, 'No.', 'an error');
    $set->(event => 'FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING');
    is(($said->())[0]{data}{phone_number_id}, '106000000000001', 'coexistence');

    my $js = $ua->get(url('/en_US/sdk.js'))->result;
    like($js->headers->content_type, qr/javascript/, 'the SDK');
    my $counts = control($graph, GET => 'counts');
    is($counts->{'GET /en_US/sdk.js'}{calls}, 1, 'counted');
};

subtest 'PARTNER_ADDED' => sub {
    my $sent = control($graph, POST => 'deliver', {url => $graph->url . '/v24.0/me', product =>
        'whatsapp', kind => 'partner_added', tries => 1});
    my ($call) = grep { $_->{headers}{'X-Hub-Signature-256'} } $graph->calls;
    is($call->{body}{entry}[0]{id}, '270099990000', "the entry is the partner's own");
    is_deeply($call->{body}{entry}[0]{changes}, [{field => 'account_update', value => {event =>
        'PARTNER_ADDED', waba_info => {waba_id => '520000000000002', owner_business_id =>
        '270000000000003'}}}], 'and tells the account');
};

done_testing();
