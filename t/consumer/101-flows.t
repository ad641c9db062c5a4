# Logins and signups: from the code that the edge has pushed to a token in the
# store, or a sentence that a person understands.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use HTTP::Tiny;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);

use Logins qw($APP $IG_APP $BACK);
use Rig;
use Test::Meta::Util qw(patience wait_for);

my ($ANA, $SHOP, $WABA, $PHONE, $BUSINESS) = qw(700000000000001 900100200300 520000000000002
    106000000000001 270000000000003);

sub exchanges { return scalar grep { m{/oauth/access_token\z} } $_[0]->asked }

sub failed {
    my ($rig, $flow, $error, $name) = @_;
    my $seen = $rig->ended($flow);
    is "$seen->{step} $seen->{error}", "failed $error", $name;
    like $seen->{text}, qr/\A[A-Z][^{}]{20,}\.\z/, 'in a sentence';
    return $seen;
}


subtest 'Facebook Login' => sub {
    my $rig = Logins->new;
    $rig->logins;
    my $flow = $rig->login;
    my $seen = $rig->ended($flow);
    is "$seen->{step}/$seen->{error}", 'connected/', 'connected';
    is_deeply JSON::PP::decode_json($seen->{accounts}), [{kind => 'page', account => $SHOP,
        name => 'Corner Shop'}], 'which Page';
    cmp_ok $rig->do('TTL', "meta:flow:$flow"), '>', 3000, 'its page stays for an hour';

    my ($user, $page) = map { $rig->stored($_) } "user:$ANA", "page:$SHOP";
    ok $user->{secret} && $page->{secret} && $user->{secret} ne $page->{secret},
        'two tokens are stored, sealed';
    is_deeply [@$page{qw(kind account app tenant title parent instagram expires state)}], ['page',
        $SHOP, $APP, 'shop-7', 'Corner Shop', "user:$ANA", '17841400000000001', '0', 'good'],
        "the Page's";
    is_deeply [@$user{qw(kind user app tenant from scopes)}], ['user', $ANA, $APP, 'shop-7',
        'login', $user->{scopes}], "the user's";
    like $user->{scopes}, qr/pages_show_list/, 'what was granted';
    cmp_ok $user->{expires} / 1000, '>', time + 59 * 86400, 'it lives long';
    is_deeply [map { [@$_{qw(v event ref kind account waba name)}] } $rig->announced],
        [[1, 'connected', 'shop-7', 'page', $SHOP, undef, 'Corner Shop']], 'programs are told';

    my $again = $rig->login(code => {scope => 'pages_show_list', declined => 'pages_messaging'},
        denied => 'pages_messaging');
    like $rig->ended($again)->{text}, qr/Connected.*pages_messaging/, 'what was declined is named';
    $rig->done;
};


subtest 'what goes wrong' => sub {
    my $rig = Logins->new;
    my $c = $rig->logins;

    my $code = $rig->code(redirect_uri => $BACK, scope => 'pages_show_list');
    is $rig->ended($rig->login(code => $code))->{step}, 'connected', 'a code';
    my $n = exchanges($rig);
    failed($rig, $rig->login(code => $code), 'code', 'used already');
    is exchanges($rig), $n + 1, 'it is not tried again';
    failed($rig, $rig->login(redirect_uri => "$BACK/"), 'redirect_uri', 'another redirect_uri');
    failed($rig, $rig->login(code => {lives => 0}), 'code', 'expired');
    failed($rig, $rig->login(id => '99'), 'app_secret', 'an app that nobody knows');
    failed($rig, $rig->login(code => {scope => 'email', declined => 'pages_show_list'},
        denied => 'pages_show_list'), 'scopes', 'the permission that is needed was declined');

    my $before = exchanges($rig);
    my $ago = int(1000 * time) - 61_000;
    failed($rig, $rig->login(record => {received_at => $ago}), 'late', 'a minute old');
    failed($rig, $rig->signup(record => {received_at => $ago + 30_000}), 'late',
        'of a signup 31 s');
    failed($rig, $rig->login(flow_sealed => 'f' x 32), 'internal', 'sealed for another flow');
    is exchanges($rig), $before, 'none of these is tried';
    like $c->log, qr/meta_token_key_file/, 'the log says what to look at';

    $rig->graph->fault({match => {path => 'oauth/access_token'}, fault => {cut => 'answer'}});
    failed($rig, $rig->login, 'unreachable', 'cut off: nobody knows whether it was used');
    $rig->graph->fault({match => {path => 'oauth/access_token'}, fault => {status => 500}});
    failed($rig, $rig->login, 'meta', "Meta's own error");
    is exchanges($rig), $before + 2, 'each was tried once';

    $rig->graph->fault({match => {path => 'debug_token'}, fault => {json => {data => {
        app_id => '42', type => 'USER', is_valid => JSON::PP::true, user_id => $ANA,
        scopes => ['pages_show_list']}}}});
    failed($rig, $rig->login, 'wrong_app', "another app's token");
    $rig->graph->fault({match => {path => 'me/accounts'}, fault => {json => {data => []}}});
    $rig->graph->fault({match => {path => 'me/businesses'}, fault => {json => {data => []}}});
    failed($rig, $rig->login, 'no_accounts', 'no Page was shared');
    $rig->graph->fault({match => {path => 'me/accounts'}, times => 2, fault => {status => 503}});
    is $rig->ended($rig->login)->{step}, 'connected', 'what only reads is asked again';

    $rig->do('RPUSH', 'meta:auth', 'no JSON', '{"v":1}', '{"v":2,"object":"oauth","event":{}}');
    $c->wait_log(qr/(?:is no login.*){3}/s);
    $rig->done;
};


subtest 'single Pages, and a business' => sub {
    my $rig = Logins->new(graph => ['--user', JSON::PP::encode_json({id => $ANA, granular => 1,
        pages => [{id => $SHOP, name => 'Corner Shop', business => $BUSINESS}],
        businesses => [{id => $BUSINESS, name => 'Corner Shop'}]})]);
    $rig->logins;
    my $seen = $rig->ended($rig->login(
        scope => 'pages_show_list,pages_messaging,business_management'));
    is $seen->{step}, 'connected', 'found by their business';
    is $rig->stored("page:$SHOP")->{parent}, "user:$ANA", 'with a token of its own';

    $seen = $rig->ended($rig->login(kind => 'business', code => {config_id => '81'}));
    is $seen->{step}, 'connected', 'Login for Business';
    my $t = $rig->stored("business:$BUSINESS");
    ok $t && $t->{secret}, "the client's system user has a token";
    $rig->done;
};


subtest 'Instagram Login' => sub {
    my $rig = Logins->new;
    $rig->logins;
    for my $how (qw(data flat)) {
        $rig->graph->control(POST => 'login', {instagram_answer => $how, instagram_me => $how});
        my $seen = $rig->ended($rig->login(kind => 'instagram'));
        is $seen->{step}, 'connected', "answers of the form $how";
        my $t = $rig->stored('instagram:17841400000000001');
        is_deeply [@$t{qw(account app title tenant)}], ['17841400000000001', $IG_APP,
            'corner.shop', 'shop-7'], 'by the id that webhooks know';
        cmp_ok $t->{expires} / 1000, '>', time + 59 * 86400, 'for 60 days';
    }
    ok !grep({ /debug_token/ } $rig->asked), 'debug_token is not asked about these';
    failed($rig, $rig->login(kind => 'instagram', scope => 'instagram_business_manage_messages',
        code => {declined => 'instagram_business_basic'}), 'scopes', 'without what is needed');
    my $code = $rig->code(kind => 'instagram', redirect_uri => $BACK,
        scope => 'instagram_business_basic');
    $rig->ended($rig->login(kind => 'instagram', code => $code));
    failed($rig, $rig->login(kind => 'instagram', code => $code), 'code', 'used already');
    $rig->done;
};


sub person {
    my (@numbers) = @_;
    return ('--user', JSON::PP::encode_json({id => $ANA, businesses => [{id => $BUSINESS,
        wabas => [{id => $WABA, numbers => [@numbers]}]}]}));
}

# with that PIN, as somebody else would
sub registered {
    my ($rig, $token, $pin) = @_;
    return HTTP::Tiny->new->post($rig->graph->url . "/v24.0/$PHONE/register", {headers => {
        'Content-Type' => 'application/json', Authorization => "Bearer $token"}, content =>
        qq({"messaging_product":"whatsapp","pin":"$pin"})})->{success};
}

sub posts { my ($rig, $what) = @_; return scalar grep { m{\APOST .*/$what\z} } $rig->asked }

subtest 'Embedded Signup' => sub {
    my $rig = Logins->new(graph => [person({id => $PHONE}, {id => '106000000000009',
        status => 'CONNECTED'})]);
    $rig->logins;
    my $seen = $rig->ended($rig->signup);
    is $seen->{step}, 'connected', 'a number that is new';
    is_deeply [map { $_->{account} } @{JSON::PP::decode_json($seen->{accounts})}], [$PHONE],
        'that one, no other';
    is_deeply [map { posts($rig, $_) } qw(subscribed_apps register)], [1, 1],
        'subscribed and registered';
    my ($exchange) = grep { $_->{path} =~ /access_token/ } $rig->graph->calls;
    ok !exists $exchange->{query}{redirect_uri}, 'its code has no redirect_uri'
        or diag explain $exchange->{query};
    my ($number, $business, $pin) = map { $rig->stored($_) } "whatsapp:$PHONE",
        "business:$BUSINESS", "pin:$PHONE";
    is_deeply [@$number{qw(account waba parent tenant from)}], [$PHONE, $WABA,
        "business:$BUSINESS", 'shop-7', 'signup'], "the number's token";
    is $number->{secret}, $business->{secret}, "is the business's";
    like $pin->{secret}, qr/\A\d{6}\z/, 'its PIN is kept, sealed';
    ok registered($rig, $number->{secret}, $pin->{secret}), 'the one that Meta has';
    ok !registered($rig, $number->{secret}, '000000'), 'and no other';
    is_deeply [map { [@$_{qw(event kind account waba ref)}] } $rig->announced],
        [['connected', 'whatsapp', $PHONE, $WABA, 'shop-7']], 'programs are told';

    is $rig->ended($rig->signup(phone => '106000000000009'))->{step}, 'connected',
        'one that is CONNECTED';
    is posts($rig, 'register'), 3, 'is not registered';
    $rig->done;
};


subtest 'a number that has a PIN' => sub {
    my $rig = Logins->new(graph => [person({id => $PHONE, pin => '246810'})]);
    $rig->logins;
    my $flow = $rig->signup;
    my $seen = $rig->ended($flow);
    is_deeply [@$seen{qw(step pin error)}], ['pin', 'asked', ''], 'it is asked for';
    is $rig->stored("pin:$PHONE"), undef, 'what was tried is not kept';
    is $rig->stored("whatsapp:$PHONE"), undef, 'nothing is connected yet';
    $rig->push_login(field => 'signup', flow => $flow, pin => '246810');
    is $rig->at($flow, 'connected|failed')->{step}, 'connected', 'and is enough';
    is $rig->stored("pin:$PHONE")->{secret}, '246810', 'it is kept';
    ok $rig->stored("whatsapp:$PHONE")->{secret}, 'the number is connected';
    is exchanges($rig), 1, 'one exchange';
    my $n = posts($rig, 'register');
    $rig->push_login(field => 'signup', flow => $flow, pin => '111111');
    $rig->{consumers}[0]->wait_log(qr/nothing is done/);
    is posts($rig, 'register'), $n, 'a second PIN is none';

    $rig->done;
};


subtest 'a wrong PIN' => sub {
    my $rig = Logins->new(graph => [person({id => $PHONE, pin => '246810'})]);
    $rig->logins;
    my $flow = $rig->signup;
    is $rig->ended($flow)->{step}, 'pin', 'a PIN is asked for';
    $rig->push_login(field => 'signup', flow => $flow, pin => '999999');
    my $seen = $rig->at($flow, 'connected|failed');
    is "$seen->{step} $seen->{error}", 'failed pin_wrong', 'and is asked for once';
    is $rig->stored("pin:$PHONE"), undef, 'it is not kept';
    ok $rig->stored("business:$BUSINESS")->{secret}, 'the token is';
    $rig->done;
};


subtest 'what the browser says is a claim' => sub {
    my $rig = Logins->new(graph => [person({id => $PHONE, status => 'CONNECTED'})]);
    $rig->logins;
    my $seen = $rig->ended($rig->signup(waba => '999', phone => '888'));
    is $seen->{step}, 'connected', 'another WABA';
    is $rig->stored("whatsapp:$PHONE")->{waba}, $WABA, "Meta's word counts";
    is $rig->do('EXISTS', 'meta:token:whatsapp:888'), 0, 'nothing is stored by a claim';
    $rig->do('DEL', "meta:token:whatsapp:$PHONE");
    is $rig->ended($rig->signup(map { $_ => undef } qw(event waba phone business)))->{step},
        'connected', 'no message at all';
    is $rig->stored("whatsapp:$PHONE")->{waba}, $WABA, 'Meta names it';
    $rig->graph->fault({match => {path => 'debug_token'}, fault => {json => {data => {
        app_id => $APP, type => 'SYSTEM_USER', is_valid => JSON::PP::true, scopes =>
        ['whatsapp_business_messaging']}}}});
    failed($rig, $rig->signup, 'scopes', 'a permission that is missing');
    $rig->done;
};

done_testing;
