# Embedded Signup: from the code that the edge has pushed to a number that is
# registered, whatever the browser said of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use HTTP::Tiny;
use JSON::PP ();
use Test::More;

use Logins qw($APP);
use Rig qw(record);
use Test::Meta::Util qw(spew wait_for);

my ($ANA, $WABA, $PHONE, $BUSINESS) = qw(700000000000001 520000000000002 106000000000001
    270000000000003);

sub exchanges { return scalar grep { m{/oauth/access_token\z} } $_[0]->asked }

sub failed {
    my ($rig, $flow, $error, $name) = @_;
    my $seen = $rig->ended($flow);
    is "$seen->{step} $seen->{error}", "failed $error", $name;
    like $seen->{text}, qr/\A[A-Z][^{}]{20,}\.\z/, 'in a sentence';
    return $seen;
}


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

subtest 'a WABA that stands in the configuration for a tenant' => sub {
    my $rig = Logins->new(graph => [person({id => $PHONE})]);
    spew($rig->file('ours'), 'EAAours');
    $rig->logins(tokens => qq(\n  - {kind: system_user, waba: "$WABA", tenant: shop-7,)
        . " file: @{[$rig->file('ours')]}}");
    is $rig->ended($rig->signup(ref => 'shop-8'))->{error}, 'taken', 'is no other tenant\'s';
    is $rig->stored("whatsapp:$PHONE"), undef, '... nor are its numbers';
    is posts($rig, 'register'), 0, '... nor registered';
    is $rig->ended($rig->signup)->{step}, 'connected', 'its own may';
    $rig->done;
};

subtest 'Embedded Signup' => sub {
    my $rig = Logins->new(graph => [person({id => $PHONE}, {id => '106000000000009',
        status => 'CONNECTED'})]);
    $rig->logins;
    my $seen = $rig->ended($rig->signup);
    is $seen->{step}, 'connected', 'a number that is new';
    my @shown = @{JSON::PP::decode_json($seen->{accounts})};
    is_deeply [map { $_->{account} } @shown], [$PHONE], 'that one, no other';
    like $shown[0]{number}, qr/\A\+?\d[\d -]+\z/, 'as it is dialled, too';
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
    like $rig->flow($flow)->{text}, qr/ The number is [^.]*\d{4}\./, 'and of which number';
    $rig->push_login(field => 'signup', flow => $flow, pin => '999999');
    my $seen = $rig->at($flow, 'connected|failed');
    is "$seen->{step} $seen->{error}", 'failed pin_wrong', 'and is asked for once';
    is $rig->stored("pin:$PHONE"), undef, 'it is not kept';
    ok $rig->stored("business:$BUSINESS")->{secret}, 'the token is';
    $rig->done;
};


subtest 'what the browser says is a claim' => sub {
    my $rig = Logins->new(graph => [person({id => $PHONE, status => 'CONNECTED'})]);
    my $c = $rig->logins(rules => 'rules: [{when: {product: messenger, kind: message},'
        . " do: [{reply: {text: ok}}]}]\n");
    my $seen = $rig->ended($rig->signup(waba => '999', phone => '888'));
    is $seen->{step}, 'connected', 'another WABA';
    is $rig->stored("whatsapp:$PHONE")->{waba}, $WABA, "Meta's word counts";
    is $rig->do('EXISTS', 'meta:token:whatsapp:888'), 0, 'nothing is stored by a claim';
    $rig->do('DEL', "meta:token:whatsapp:$PHONE");
    is $rig->ended($rig->signup(map { $_ => undef } qw(event waba phone business)))->{step},
        'connected', 'no message at all';
    is $rig->stored("whatsapp:$PHONE")->{waba}, $WABA, 'Meta names it';
    unlike $c->log, qr/lacks/, 'what other products would need is not missed';
    $rig->graph->fault({match => {path => 'debug_token'}, fault => {json => {data => {
        app_id => $APP, type => 'SYSTEM_USER', is_valid => JSON::PP::true, scopes =>
        ['whatsapp_business_messaging']}}}});
    failed($rig, $rig->signup, 'scopes', 'a permission that is missing');
    $rig->done;
};


# "all assets" names none; who claims a WABA so has to be let in by Meta
subtest 'a claim to what is not theirs' => sub {
    my ($EVE, $EVIL) = qw(700000000000666 270000000000666);
    my $rig = Logins->new(graph => [person({id => $PHONE}), '--user', JSON::PP::encode_json({
        id => $EVE, businesses => [{id => $EVIL, wabas => []}]})]);
    $rig->logins;
    is $rig->ended($rig->signup(ref => 'evil', code => {user => $EVE}, phone => undef,
        business => undef))->{step}, 'failed', 'a WABA of another business';
    is $rig->stored("business:$EVIL")->{waba}, undef, 'is not noted';
    is $rig->ended(nameless($rig))->{step}, 'connected', 'its owner signs up';
    shared($rig, 'PARTNER_ADDED');
    ok +(wait_for { $rig->stored("whatsapp:$PHONE") } 20), 'and PARTNER_ADDED is theirs';
    is $rig->stored("business:$BUSINESS")->{waba}, $WABA, 'with their WABA';
    is $rig->ended($rig->signup(ref => 'evil', phone => undef))->{error}, 'taken',
        'another link takes no number';
    $rig->done;
};


# of the same business: another WABA, then its Pages
subtest 'several tokens of one business' => sub {
    my $second = '520000000000009';
    my $rig = Logins->new(graph => ['--user', JSON::PP::encode_json({id => $ANA, pages => [{
        id => '900100200300', name => 'P'}], businesses => [{id => $BUSINESS, wabas => [{
        id => $WABA, numbers => [{id => $PHONE, status => 'CONNECTED'}]}, {id => $second,
        numbers => []}]}]})]);
    $rig->graph->control(POST => 'login', {configs => [{id => '81', token => 'system_user',
        scopes => [qw(whatsapp_business_management whatsapp_business_messaging)]}, {id => '91',
        token => 'system_user', scopes => [qw(pages_show_list pages_messaging
        pages_manage_metadata business_management)]}]});
    $rig->logins;
    $rig->ended($rig->signup(code => {config_id => 81, waba => $second}, waba => $second,
        phone => undef));
    my $first = $rig->stored("business:$BUSINESS");
    is $first->{waba}, $second, 'a WABA without a number';
    is $rig->ended($rig->signup(code => {config_id => 81, waba => $WABA}))->{step}, 'connected',
        'another one';
    is_deeply $rig->stored("business:$BUSINESS"), $first, 'takes no place of it';
    is $rig->stored("whatsapp:$PHONE")->{parent}, "business:$WABA", 'and has a name of its own';
    my $seen = $rig->ended($rig->login(kind => 'business', code => {config_id => 91,
        user => $ANA}));
    is $seen->{step}, 'connected', 'then Pages';
    is_deeply $rig->stored("business:$BUSINESS"), $first, 'whose token takes none either';
    my ($page) = map { $rig->stored($_->{parent}) } $rig->stored('page:900100200300');
    is_deeply [@$page{qw(kind account tenant)}], ['business', $BUSINESS, 'shop-7'], 'it is kept';
    unlike $page->{scopes}, qr/whatsapp/, 'for what it may do';
    is $rig->ended($rig->signup(code => {config_id => 81, waba => 'all'}, waba => $WABA))->{step},
        'connected', 'one for both WABAs';
    my $t = $rig->stored("business:$BUSINESS");
    isnt $t->{secret}, $first->{secret}, 'takes the first place';
    is $t->{waba}, $second, 'and keeps what stood there';
    $rig->done;
};


# what is connected by the link of the one never goes by a token of the other
for my $first ($WABA, 'all') {
    subtest "two tenants of one business, the first with $first" => sub {
        my ($pinned, $third) = qw(106000000000003 106000000000004);
        my $rig = Logins->new(graph => ['--user', JSON::PP::encode_json({id => $ANA, pages => [{
            id => '900100200300', name => 'P'}], businesses => [{id => $BUSINESS, wabas => [
            {id => '520000000000003', numbers => [{id => $pinned, pin => '246810'}]},
            {id => $WABA, numbers => [{id => $PHONE, status => 'CONNECTED'}]},
            {id => '520000000000004', numbers => [{id => $third, status => 'CONNECTED'}]}]}]})]);
        $rig->graph->control(POST => 'login', {configs => [{id => '81', token => 'system_user',
            scopes => [qw(whatsapp_business_management whatsapp_business_messaging)]}, {id => '91',
            token => 'system_user', scopes => [qw(pages_show_list pages_messaging
            pages_manage_metadata business_management)]}, {id => '95', token => 'system_user',
            scopes => [qw(ads_read business_management)]}]});
        my $c = $rig->logins;
        my $own = sub {
            my ($t) = map { $rig->stored($_) } @_;
            my $parent = $rig->stored($t->{parent} // '-') // {};
            return [$t->{tenant}, $parent->{tenant}, ($t->{secret} eq $parent->{secret}) + 0];
        };
        $rig->ended($rig->signup(code => {waba => $first}, waba => $WABA));
        my $business = $rig->stored("business:$BUSINESS");
        is $business->{tenant}, 'shop-7', 'one has a token of the business';

        my %with = (waba => '520000000000003', ref => 'shop-8');
        my $flow = $rig->signup(code => {waba => $with{waba}}, %with, phone => $pinned);
        is $rig->ended($flow)->{step}, 'pin', 'another one shares a number with a PIN';
        $rig->push_login(field => 'signup', flow => $flow, pin => '246810');
        is $rig->at($flow, 'connected|failed')->{step}, 'connected', '... and enters it';
        is_deeply $own->("whatsapp:$pinned"), ['shop-8', 'shop-8', 1], 'it goes by its own token';

        if ($first ne 'all') {
            $with{waba} = '520000000000004';
            $rig->ended($rig->signup(code => {waba => $with{waba}}, %with, phone => $third));
            is_deeply $own->("whatsapp:$third"), ['shop-8', 'shop-8', 1], 'as does one without';
        }

        my $error = $rig->ended($rig->signup(code => {waba => $WABA}, ref => 'shop-8'))->{error};
        is $error, 'taken', "of the first one's";
        is $rig->stored("business:$WABA"), undef, '... nothing is stored';

        my %pages = (kind => 'business', code => {config_id => 91, user => $ANA});
        is $rig->ended($rig->login(%pages, ref => 'shop-8'))->{step}, 'connected', 'Pages';
        my $page = $rig->stored('page:900100200300');
        is_deeply [$page->{tenant}, $rig->stored($page->{parent})->{tenant}], ['shop-8', 'shop-8'],
            'hang on a token of the same one';
        is $rig->ended($rig->login(%pages, ref => 'shop-8', code => {config_id => 95,
            user => $ANA}))->{error}, 'taken', 'the business itself is the first one\'s';
        is_deeply $rig->stored("business:$BUSINESS"), $business, 'and its token as it was';

        # another consumer's, a moment ago: each name that one for Pages may have is taken
        my $name = $page->{parent};
        $rig->do('HSET', "meta:token:$name", tenant => 'shop-9', sealed => $rig->seal(seal =>
            'token', $name, 'EAAother'));
        $rig->do('ZADD', 'meta:token:changed', $rig->do('INCR', 'meta:token:version'), $name);
        for (1, 2) {
            is $rig->ended($rig->login(%pages, ref => 'shop-8'))->{step}, 'connected', "$_ more";
            is $rig->stored('page:900100200300')->{parent}, undef, '... or on none';
        }
        is $rig->stored($name)->{tenant}, 'shop-9', 'which stays';

        $rig->do('HSET', "meta:token:business:$BUSINESS", state => 'lost');
        $rig->do('HSET', 'meta:token:page:1', kind => 'page', sealed => $rig->seal(seal => 'token',
            'page:1', 'EAAlast'));
        $rig->do('SADD', 'meta:token:names', 'page:1');
        $rig->do('ZADD', 'meta:token:changed', $rig->do('INCR', 'meta:token:version'), $_)
            for "business:$BUSINESS", 'page:1';
        $c->wait_log(qr/token page:1 is new/);
        $rig->ended($rig->signup(code => {waba => '520000000000003'}, %with));
        is $rig->stored("business:$BUSINESS")->{state}, 'lost', 'nor does it mend the first';
        like $c->log, qr/token of business $BUSINESS is not stored beside/, 'and the log says so';
        $rig->done;
    };
}


# the browser names one of them, debug_token all
subtest 'several WABAs at once' => sub {
    my @more = map { {id => "52000000000000$_", name => 'W', numbers => [{id => "10600000000000$_",
        status => 'CONNECTED'}]} } 3 .. 5;
    $more[1]{numbers} = [];
    my $rig = Logins->new(graph => ['--user', JSON::PP::encode_json({id => $ANA, businesses =>
        [{id => $BUSINESS, wabas => [{id => $WABA, numbers => [{id => $PHONE}]}, @more]}]})]);
    $rig->logins;
    $rig->graph->fault({match => {path => '520000000000005/phone_numbers'}, fault => {code => 10}});
    my $seen = $rig->ended($rig->signup(code => {waba => 'all'}));
    is $seen->{step}, 'connected', 'all but one, which Meta refuses';
    is_deeply [map { $_->{account} } @{JSON::PP::decode_json($seen->{accounts})}], [$PHONE,
        '106000000000003'], 'the numbers of both';
    is_deeply [map { $rig->stored("whatsapp:10600000000000$_")->{waba} } 1, 3], [$WABA,
        '520000000000003'], 'each by its WABA';
    is posts($rig, 'subscribed_apps'), 4, 'each is subscribed';
    is_deeply [sort map { $_->{account} } $rig->announced], [$PHONE, '106000000000003'],
        'programs are told once';

    is $rig->ended($rig->signup(code => {waba => 'all'}))->{step}, 'connected', 'again';
    is_deeply [sort grep { /^whatsapp/ } $rig->do('SMEMBERS', 'meta:token:names')], [map {
        "whatsapp:10600000000000$_" } 1, 3, 5], 'the one that was missing comes';
    is posts($rig, 'subscribed_apps'), 7, 'what is connected stays as it is';
    $rig->done;
};


# of one tenant, each for fewer WABAs than the one before
subtest 'no WABA is left without a token' => sub {
    my @wabas = ($WABA, '520000000000003', '520000000000004');
    my $rig = Logins->new(graph => ['--user', JSON::PP::encode_json({id => $ANA, businesses => [{
        id => $BUSINESS, wabas => [map { {id => $_, numbers => []} } @wabas]}]})]);
    $rig->logins;
    my @scopes = qw(whatsapp_business_management whatsapp_business_messaging);
    for my $shared ([$wabas[0]], [@wabas[1, 2]], [$wabas[1]]) {
        $rig->graph->fault({match => {path => 'debug_token'}, fault => {json => {data => {
            app_id => $APP, type => 'SYSTEM_USER', is_valid => JSON::PP::true, expires_at => 0,
            user_id => '61', scopes => \@scopes, granular_scopes => [map { {scope => $_,
            target_ids => $shared} } @scopes]}}}});
        is $rig->ended($rig->signup(code => {waba => 'all'}, waba => $shared->[0],
            phone => undef))->{step}, 'connected', "for @$shared";
    }
    my %targets = map { $_ => $rig->stored($_)->{targets} }
        grep { /^business/ } $rig->do('SMEMBERS', 'meta:token:names');
    is_deeply [sort keys %targets], [map { "business:$_" } $BUSINESS, $wabas[1], '61'],
        'each has a name of its own';
    like $targets{"business:$wabas[1]"}, qr/$wabas[2]/, 'and takes no place of another';
    $rig->done;
};


subtest 'sixty WABAs at once' => sub {
    my @wabas = map { {id => 530000000000000 + $_, numbers => [{id => 107000000000000 + $_,
        status => 'CONNECTED'}]} } 1 .. 60;
    my $rig = Logins->new(graph => ['--user', JSON::PP::encode_json({id => $ANA, businesses =>
        [{id => $BUSINESS, wabas => \@wabas}]})]);
    $rig->logins;
    my $seen = $rig->ended($rig->signup(code => {waba => 'all'}, map { $_ => undef }
        qw(event waba phone business)));
    is scalar @{JSON::PP::decode_json($seen->{accounts})}, 60, 'none is passed over';
    is posts($rig, 'subscribed_apps'), 60, 'each is subscribed';
    $rig->done;
};


subtest 'numbers of several WABAs, with PINs' => sub {
    my ($second, $third) = qw(106000000000003 106000000000004);
    my $rig = Logins->new(graph => ['--user', JSON::PP::encode_json({id => $ANA, businesses =>
        [{id => $BUSINESS, wabas => [{id => $WABA, numbers => [{id => $PHONE, pin => '246810'}]},
        {id => '520000000000003', numbers => [{id => $second, pin => '135791'},
        {id => $third, status => 'CONNECTED'}]}]}]})]);
    my $c = $rig->logins;
    my $flow = $rig->signup(code => {waba => 'all'});
    my $seen = $rig->ended($flow);
    is "$seen->{step} $seen->{phone}", "pin $PHONE", 'the first is asked for';
    like $seen->{text}, qr/The number is \S/, 'by its name';
    ok $rig->stored("whatsapp:$third"), 'what is connected is stored before';
    like $c->log, qr/number $second of WABA 520000000000003 is not registered: .*"metactl number/,
        'the log says how the other one is registered';
    $rig->push_login(field => 'signup', flow => $flow, pin => '246810');
    like $rig->at($flow, 'connected|failed')->{text}, qr/not registered yet.*: \S/, 'and the page';
    $rig->hide('246810');
    $rig->done;
};


sub shared {
    my ($rig, $event, %m) = @_;
    my @app = exists $m{app} ? (app => delete $m{app}) : ();
    my %info = (waba_id => $WABA, owner_business_id => $BUSINESS, %m);
    $rig->push(record(@app, entry => '270099990000', field => 'account_update', event => {
        field => 'account_update', value => {event => $event, waba_info => \%info}}));
}

# a token that tells of no WABA, and no word of the browser
sub nameless {
    my ($rig) = @_;
    $rig->graph->fault({match => {path => 'debug_token'}, fault => {json => {data => {
        app_id => $APP, type => 'SYSTEM_USER', is_valid => JSON::PP::true, expires_at => 0,
        scopes => ['whatsapp_business_management', 'whatsapp_business_messaging']}}}});
    return $rig->signup(map { $_ => undef } qw(event waba phone business));
}

subtest "Meta's own word" => sub {
    my $rig = Logins->new(graph => [person({id => $PHONE})]);
    my $c = $rig->logins;
    my $seen = $rig->ended(nameless($rig));
    is "$seen->{step} $seen->{accounts}", 'connected []', 'a signup without any number';
    like $seen->{text}, qr/follows as soon as Meta names it/, 'which says so';
    shared($rig, 'PARTNER_ADDED');
    ok +(wait_for { $rig->stored("whatsapp:$PHONE") } 20), 'is completed by PARTNER_ADDED';
    is $rig->stored("whatsapp:$PHONE")->{waba}, $WABA, 'by the WABA, not by the entry';
    is $rig->stored("business:$BUSINESS")->{waba}, $WABA, 'and the business is told of it';
    is_deeply [map { "$_->{event} $_->{account} $_->{ref}" } $rig->announced],
        ["connected $PHONE shop-7"], 'programs are told';
    is_deeply [map { posts($rig, $_) } qw(subscribed_apps register)], [1, 1], 'all was done';

    shared($rig, 'PARTNER_ADDED');
    $c->wait_log(qr/is connected already/);
    is posts($rig, 'subscribed_apps'), 1, 'once';

    shared($rig, 'PARTNER_REMOVED', app => '9999999999');
    $c->wait_log(qr/numbers that go by its token: 0/);
    is $rig->stored("whatsapp:$PHONE")->{state}, 'good', "another app's word changes nothing";
    shared($rig, 'PARTNER_REMOVED', app => '');
    $c->wait_log(qr/has no app's id, and there are several apps: set meta_app_id/);
    is $rig->stored("whatsapp:$PHONE")->{state}, 'good', '... nor that of nobody knows which';

    # another consumer's, a moment ago
    my $key = "meta:token:whatsapp:$PHONE";
    $rig->do('HSET', $key, sealed => $rig->seal(seal => 'token', "whatsapp:$PHONE", 'EAAother'));
    shared($rig, 'PARTNER_REMOVED');
    $c->wait_log(qr/no longer shared with this app: numbers that go by its token: 0/);
    is $rig->do('HGET', $key, 'state'), 'good', 'a token that has just come is not what was taken';
    $rig->do('ZADD', 'meta:token:changed', $rig->do('INCR', 'meta:token:version'),
        "whatsapp:$PHONE");
    $c->wait_log(qr/token whatsapp:$PHONE is renewed/);
    shared($rig, 'PARTNER_REMOVED');
    ok +(wait_for { ($rig->stored("whatsapp:$PHONE")->{state} // '') eq 'lost' } 20),
        'what is shared no more is lost';
    is +($rig->announced)[-1]{event}, 'lost', 'and programs are told';
    shared($rig, 'PARTNER_ADDED', waba_id => '../1');
    $rig->settle;
    $rig->done;
};

subtest "Meta's word, and who hears it dies" => sub {
    my $rig = Logins->new(graph => [person({id => $PHONE})]);
    my $c = $rig->logins;
    is $rig->ended(nameless($rig))->{step}, 'connected', 'a signup without any number';
    $rig->graph->fault({match => {path => 'phone_numbers'}, fault => {slow => 20_000}});
    shared($rig, 'PARTNER_ADDED');
    ok +(wait_for { grep { m{/phone_numbers\z} } $rig->asked } 20), 'its number is asked for';
    is $rig->inflight, 1, 'the event is not done before that is';
    $c->stop('KILL');
    $rig->graph->hasten;
    $rig->expire;
    $rig->logins;
    ok +(wait_for { $rig->stored("whatsapp:$PHONE") } 20), 'the next one completes it';
    $rig->settle;
    is $rig->stored("business:$BUSINESS")->{waba}, $WABA, 'to its end';
    $rig->done;
};

subtest "Meta's word comes first" => sub {
    my $rig = Logins->new(graph => [person({id => $PHONE})]);
    $rig->logins;
    shared($rig, 'PARTNER_ADDED');
    ok +(wait_for { $rig->do('EXISTS', "meta:flow:partner:$APP:$BUSINESS") } 20), 'it is noted';
    is $rig->ended(nameless($rig))->{step}, 'connected', 'and the login that follows finds it';
    ok $rig->stored("whatsapp:$PHONE"), 'with its number';
    $rig->settle;
    $rig->done;
};

done_testing;
