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
use Rig qw(record $Q);
use Test::Meta::Util qw(patience spew wait_for);

my ($ANA, $SHOP, $BUSINESS) = qw(700000000000001 900100200300 270000000000003);

sub exchanges { return scalar grep { m{/oauth/access_token\z} } $_[0]->asked }

sub failed {
    my ($rig, $flow, $error, $name) = @_;
    my $seen = $rig->ended($flow);
    is "$seen->{step} $seen->{error}", "failed $error", $name;
    like $seen->{text}, qr/\A[A-Z][^{}]{20,}\.\z/, 'in a sentence';
    return $seen;
}


my $rig = Logins->new;
my $c = $rig->logins;

subtest 'Facebook Login' => sub {
    my $flow = $rig->login;
    my $seen = $rig->ended($flow);
    is "$seen->{step}/$seen->{error}", 'connected/', 'connected';
    is_deeply JSON::PP::decode_json($seen->{accounts}), [{kind => 'page', account => $SHOP,
        name => 'Corner Shop'}, {kind => 'instagram', account => '17841400000000001',
        name => 'corner.shop'}], 'which Page, and what is linked to it';
    cmp_ok $rig->do('TTL', "meta:flow:$flow"), '>', 3000, 'its page stays for an hour';
    ok $rig->do('ZSCORE', 'meta:flow:connected', $flow), 'and is found by who deletes it';

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
    like $c->log, qr/facebook\): connected, accounts=1, .* ref=shop-7 names=page:$SHOP$/m,
        'the log says whose, and which';
    is_deeply [map { [@$_{qw(v event ref kind account waba name)}] } $rig->announced],
        [[1, 'connected', 'shop-7', 'page', $SHOP, undef, 'Corner Shop']], 'programs are told';

    wait_for {
        my ($id) = join('', $rig->do('CLIENT', 'LIST')) =~ /^id=(\d+) .* flags=b.* cmd=blpop /m;
        $id && $rig->do('CLIENT', 'UNBLOCK', $id, 'ERROR');
    } patience();
    my $again = $rig->login(code => {scope => 'pages_show_list', declined => 'pages_messaging'},
        denied => 'pages_messaging');
    like $rig->ended($again)->{text},
        qr/\AYou can close.* \xe2\x80\xa9You did not.*Pages \(pages_messaging\)\./,
        'what was declined is named';
    unlike $c->log, qr/hand out/, 'Redis ends a wait, as at a failover: no alarm';
    is $rig->stored("page:$SHOP")->{missing}, join(',', qw(pages_messaging pages_manage_metadata
        instagram_basic instagram_manage_messages)), 'what the token lacks is known at once';
    like $c->log,
        qr/\[warn\] login \w+: token page:$SHOP lacks pages_mess.*url --again re.*"shop-7"/,
        'and said';
    $again = $rig->login(wanted => 'pages_show_list,pages_messaging', denied => 'email');
    unlike $rig->ended($again)->{text}, qr/email/, 'nothing is named that was not asked for';
};


subtest 'what is connected is heard' => sub {
    my $scope = 'pages_show_list,pages_messaging,pages_manage_metadata';
    my $page = $rig->stored("page:$SHOP")->{secret};
    my $fields = sub {
        my ($one) = @{JSON::PP::decode_json(HTTP::Tiny->new->get($rig->graph->url
            . "/v24.0/$SHOP/subscribed_apps?access_token=$page")->{content})->{data}};
        return [@{$one->{subscribed_fields} // []}];
    };
    like $c->log, qr/no webhooks, for pages_manage_metadata was not granted: 1\..*metactl/,
        'what was not granted is not asked for, and said';
    is_deeply $fields->(), [], 'nothing yet';

    HTTP::Tiny->new->post($rig->graph->url . "/v24.0/$SHOP/subscribed_apps?access_token=$page"
        . '&subscribed_fields=ratings,messages');
    my $seen = $rig->ended($rig->login(scope => $scope));
    is_deeply [@{$fields->()}[0 .. 3]], [qw(ratings messages messaging_postbacks message_echoes)],
        'only adds';
    unlike $seen->{text}, qr/arrive/, 'and has nothing to say';
    my $less = sub {
        return $rig->ended($rig->login(scope => 'pages_show_list,pages_messaging', denied =>
            'pages_manage_metadata', code => {declined => 'pages_manage_metadata'}))->{text};
    };
    unlike $less->(), qr/arrive/, 'nor where that was done before';
    $rig->graph->fault({match => {path => 'subscribed_apps'}, fault => {json => {data => []}}});
    like $less->(), qr/may\ not\ arrive\ here:\ Corner\ Shop\.\ For\ that,
        .*leave\ ticked:.*\(pages_manage_metadata\)/x, 'who declined it is told what to tick';
    my $from = $rig->graph->calls;
    $rig->ended($rig->login(scope => $scope));
    is_deeply [grep { m{subscribed_apps} } $rig->asked($from)], ["GET /$SHOP/subscribed_apps"],
        'a second time changes nothing';

    $rig->graph->fault({match => {path => 'subscribed_apps'}, fault => {code => 200,
        status => 403}});
    $seen = $rig->ended($rig->login(scope => $scope));
    is $seen->{step}, 'connected', 'who is refused is connected all the same';
    like $seen->{text}, qr/does not arrive here yet, .*: Corner Shop\.\z/, 'and told so';
    like $c->log, qr/page $SHOP is connected, .*status=403 code=200.*"metactl subscribe"/,
        'and so is the operator';
    $rig->graph->fault({match => {path => 'subscribed_apps'}, fault => {status => 200,
        json => {data => [{id => $APP, subscribed_fields => ['x' x 9000]}]}}});
    $from = $rig->graph->calls;
    like $rig->ended($rig->login(scope => $scope))->{text}, qr/does not arrive/,
        'where what is there is too long to be kept';
    ok !grep({ m{POST .*subscribed_apps} } $rig->asked($from)), '... nothing is put in its place';
    $rig->graph->fault({match => {path => 'subscribed_apps'}, fault => {status => 400,
        json => {error => {message => 'limit', code => 4, is_transient => JSON::PP::true}}}});
    $from = $rig->graph->calls;
    like $rig->ended($rig->login(scope => $scope))->{text}, qr/does not arrive/, 'where a limit';
    is scalar(grep { /subscribed_apps/ } $rig->asked($from)), 1, '... is reached, no more is asked';
    $rig->graph->fault({match => {path => 'subscribed_apps'}, fault => {status => 503}});
    unlike $rig->ended($rig->login(scope => $scope))->{text}, qr/arrive/, 'what passes, passes';
};


subtest 'what goes wrong' => sub {
    my $code = $rig->code(redirect_uri => $BACK, scope => 'pages_show_list');
    is $rig->ended($rig->login(code => $code))->{step}, 'connected', 'a code';
    my $n = exchanges($rig);
    failed($rig, $rig->login(code => $code), 'code', 'used already');
    is exchanges($rig), $n + 1, 'it is not tried again';
    is $rig->ended($rig->login(record => {received_at => 1, queued_at => int 1000 * time}))->{step},
        'connected', "of an edge whose clock is wrong: Redis' counts";
    failed($rig, $rig->login(redirect_uri => "$BACK/"), 'redirect_uri', 'another redirect_uri');
    like $c->log, qr{error=redirect_uri.* is \Q$BACK/\E$}m, '... and the log has what was sent';
    failed($rig, $rig->login(code => {lives => 0}), 'code', 'expired');
    failed($rig, $rig->login(id => '99'), 'app_secret', 'an app that nobody knows');
    failed($rig, $rig->login(code => {scope => 'email', declined => 'pages_show_list'},
        denied => 'pages_show_list'), 'scopes', 'the permission that is needed was declined');
    like $c->log, qr/error=scopes: needed is pages_show_list: it was declined/, 'named in the log';

    my $before = exchanges($rig);
    my $ago = int(1000 * time) - 61_000;
    failed($rig, $rig->login(record => {received_at => $ago}), 'late', 'a minute old');
    failed($rig, $rig->signup(record => {queued_at => $ago + 30_000}), 'late',
        "of a signup 31 s, by Redis' clock");
    failed($rig, $rig->login(flow_sealed => 'f' x 32), 'internal', 'sealed for another flow');
    is exchanges($rig), $before, 'none of these is tried';
    my $locked = sub { grep { /"refused":\["codes"\]/ } $rig->do('HVALS', 'meta:consumers') };
    ok +(wait_for { $locked->() } 10), 'who cannot open a code says so to the others';
    is $rig->ended($rig->login)->{step}, 'connected', 'the next one opens';
    ok +(wait_for { !$locked->() } 10), '... and that is over';
    $before = exchanges($rig);
    like $c->log, qr/meta_token_key_file.* or not of nginx/, 'the log says what to look at';
    like $c->log, qr/its code is 6[01]\d{3} ms old, by the clocks of nginx and of this machine/,
        'whose clocks say so';

    $rig->graph->fault({match => {path => 'oauth/access_token'}, fault => {cut => 'answer'}});
    failed($rig, $rig->login, 'unreachable', 'cut off: nobody knows whether it was used');
    $rig->graph->fault({match => {path => 'oauth/access_token'}, fault => {status => 500}});
    failed($rig, $rig->login, 'meta', "Meta's own error");
    is exchanges($rig), $before + 2, 'each was tried once';

    $rig->graph->fault({match => {path => 'me/accounts'}, fault => {code => 17}});
    like failed($rig, $rig->login, 'meta', 'a limit')->{text}, qr/try again in 5 minutes\.\z/,
        '... and when it may be over';
    like $c->log, qr{error=meta, .*code=17 .*call=me/accounts: The user .* too many calls\.},
        '... of what, says the log';
    $rig->graph->fault({match => {path => 'debug_token'}, fault => {json => {data => {
        app_id => '42', type => 'USER', is_valid => JSON::PP::true, user_id => $ANA,
        scopes => ['pages_show_list']}}}});
    failed($rig, $rig->login, 'wrong_app', "another app's token");
    $rig->graph->fault({match => {path => 'me/accounts'}, fault => {json => {data => []}}});
    $rig->graph->fault({match => {path => 'me/businesses'}, fault => {json => {data => []}}});
    failed($rig, $rig->login, 'no_accounts', 'no Page was shared');
    like $c->log, qr/error=no_accounts.* or has no role on one/, '... which a role may lack for';
    $rig->graph->fault({match => {path => 'me/accounts'}, times => 2, fault => {status => 503}});
    is $rig->ended($rig->login)->{step}, 'connected', 'what only reads is asked again';

    $rig->do('RPUSH', 'meta:auth', 'no JSON', '{"v":1}', '{"v":2,"object":"oauth","event":{}}');
    $c->wait_log(qr/(?:is no login.*){3}/s);
};


# a link for somebody else, opened by who may log in to the same Page
subtest 'whose an account is' => sub {
    my ($BAKERY, $CAFE, $EVE) = qw(900100200301 900100200302 700000000000666);
    my @pages = ({id => $SHOP, name => 'Corner Shop'}, {id => $BAKERY, name => 'Bakery'});
    my $rig = Logins->new(graph => ['--user', JSON::PP::encode_json({id => $ANA,
        pages => [@pages, {id => $CAFE, name => 'Cafe'}]}), '--user', JSON::PP::encode_json({
        id => $EVE, pages => [$pages[0]]})]);
    my $c = $rig->logins;
    my $tenants = sub { [map { ($rig->stored("page:$_") // {})->{tenant} } $SHOP, $BAKERY] };
    $rig->graph->fault({match => {path => 'me/accounts'}, fault => {json => {data => [
        {%{$pages[0]}, access_token => 'EAAfirst'}]}}});
    $rig->ended($rig->login(ref => 'shop-7'));
    is_deeply $tenants->(), ['shop-7', undef], 'the first who connects it';

    my $seen = $rig->ended($rig->login(ref => 'shop-8'));
    is $seen->{step}, 'connected', 'another link';
    like $seen->{text}, qr/connected here for somebody else, and stay so: Corner Shop\./,
        'says what stays';
    unlike $seen->{accounts}, qr/Corner Shop/, 'and does not call it connected';
    is_deeply $tenants->(), ['shop-7', 'shop-8'], 'takes what was nobody\'s';
    is $rig->stored("page:$SHOP")->{secret}, 'EAAfirst', 'and changes nothing of what was not';
    like $c->log, qr/page:$SHOP stays of tenant "shop-7" \(page:$SHOP\), though .*"shop-8".*remove/,
        'the log says how it is moved';
    unlike $c->log, qr/$ANA/, 'and names nobody';
    is_deeply [map { "$_->{account} $_->{ref}" } grep { $_->{account} ne $CAFE }
        $rig->announced], ["$SHOP shop-7", "$BAKERY shop-8"],
        'programs are told whose each is';

    my $eve = sub { $rig->ended($rig->login(code => {user => $EVE}, @_)) };
    is $eve->(ref => 'shop-8')->{error}, 'taken', 'where there is nothing else, it has failed';
    is $eve->(code => {user => $EVE, declined => 'pages_messaging'})->{step}, 'connected',
        'another person of the same tenant, whose token may do less';
    is $rig->stored("page:$SHOP")->{secret}, 'EAAfirst', 'takes no place either';
    is $eve->(ref => '')->{error}, 'taken', 'nor does a link for nobody';
    is $rig->stored("page:$SHOP")->{secret}, 'EAAfirst', '... take what is a tenant\'s';
    is $eve->()->{step}, 'connected', 'who may do as much';
    is $rig->stored("page:$SHOP")->{user}, $EVE, 'does';
    my $last = 900100200900;
    my $lose = sub {        # as soon as the consumer has seen it
        $rig->do('HSET', "meta:token:$_", state => 'lost') for @_;
        $rig->do('HSET', 'meta:token:page:' . ++$last, kind => 'page', account => $last, sealed =>
            $rig->seal(seal => 'token', "page:$last", 'EAAlast'));
        $rig->do('SADD', 'meta:token:names', "page:$last");
        $rig->do('ZADD', 'meta:token:changed', $rig->do('INCR', 'meta:token:version'), $_)
            for @_, "page:$last";
        $c->wait_log(qr/token page:$last is new/);
    };
    my $lost = sub { $rig->stored($_[0])->{state} eq 'lost' };
    $lose->("page:$SHOP", "page:$BAKERY");
    $rig->ended($rig->login(ref => 'shop-8'));
    ok $lost->("page:$SHOP"), "one that is lost is not mended by another tenant's link";
    ok !$lost->("page:$BAKERY"), '... but by its own';
    is $eve->(ref => 'shop-8')->{step}, 'connected', 'or by who gave it';
    ok !$lost->("page:$SHOP"), '... whichever the link';
    is_deeply $tenants->(), ['shop-7', 'shop-8'], 'and stays whose it was';
    $lose->("user:$EVE");
    is $eve->()->{step}, 'connected', 'and a person is who they are';
    ok !$lost->("user:$EVE"), '... for any tenant';
    $rig->ended($rig->login(ref => ''));
    is_deeply $tenants->(), ['shop-7', 'shop-8'], 'a login for nobody changes nothing';

    # another consumer's, a moment ago
    my $name = "page:$CAFE";
    $rig->do('DEL', "meta:token:$name");
    my $change = sub {
        $rig->do('ZADD', 'meta:token:changed', $rig->do('INCR', 'meta:token:version'), $name);
    };
    $change->();
    my $n = () = $rig->asked;
    $rig->graph->fault({match => {path => 'me/accounts'}, fault => {slow => 500}});
    my $flow = $rig->login(ref => 'shop-8');
    wait_for { grep { m{/me/accounts} } $rig->asked($n) } 20;
    $rig->do('HSET', "meta:token:$name", kind => 'page', account => $CAFE, tenant => 'shop-9',
        from => 'login', sealed => $rig->seal(seal => 'token', $name, 'EAAother'));
    $change->();
    is $rig->ended($flow)->{step}, 'connected', 'two at once';
    is $rig->stored($name)->{tenant}, 'shop-9', 'the first has it';
    $rig->done;
};


# by its Page, or in the configuration
subtest 'an account that another token stands for' => sub {
    my ($OWN, $EVE, $IG) = qw(900100200311 700000000000666 17841400000000001);
    my %ig = (instagram => $IG, username => 'corner.shop');
    my $rig = Logins->new(graph => ['--user', JSON::PP::encode_json({id => $ANA,
        pages => [{id => $SHOP, name => 'Corner Shop', %ig}], instagram => {id => $IG,
        username => 'corner.shop'}}), '--user', JSON::PP::encode_json({id => $EVE,
        pages => [{id => $OWN, name => "Eve's", %ig}, {id => '901', name => 'Ours'}]})]);
    spew($rig->file('ours'), 'EAAours');
    my $c = $rig->logins(tokens => "\n  - {kind: page, id: \"901\", tenant: shop-7,"
        . " file: @{[$rig->file('ours')]}}");
    is $rig->ended($rig->login)->{step}, 'connected', 'a Page and its Instagram account';
    my $taken = failed($rig, $rig->login(kind => 'instagram', ref => 'shop-8'), 'taken',
        'is not connected for another');
    is +(() = $taken->{text} =~ /stays? so/g), 1, '... which its page says once';
    is $rig->stored("instagram:$IG"), undef, '... nor stored';
    is $rig->ended($rig->login(kind => 'instagram'))->{step}, 'connected', 'its own tenant may';

    my $seen = $rig->ended($rig->login(ref => 'shop-8', code => {user => $EVE}));
    is $seen->{step}, 'connected', 'a Page of another that names the account';
    like $seen->{text}, qr/somebody else, and stay so: Ours, corner\.shop\./,
        '... goes without it, and without what the configuration has';
    is_deeply JSON::PP::decode_json($seen->{accounts}), [{kind => 'page', account => $OWN,
        name => "Eve's"}], 'what is connected is named';
    is $rig->stored("page:$OWN")->{instagram}, undef, '... and stored';
    is $rig->stored('page:901'), undef, 'the other is not';
    $rig->do('HSET', "meta:token:page:$OWN", checked => 0);
    $rig->do('ZADD', 'meta:token:changed', $rig->do('INCR', 'meta:token:version'), "page:$OWN");
    $c->wait_log(qr/account $IG that is linked to its Page stays of tenant "shop-7"/);
    is $rig->stored("page:$OWN")->{instagram}, undef, 'nor is it by the day\'s look';
    $rig->done;
};


subtest 'many Pages' => sub {
    my $rig = Logins->new(graph => ['--user', JSON::PP::encode_json({id => $ANA, pages => [map {
        {id => 200000000000000 + $_, name => "\x{10d0}" x 70 . " $_"}} 1 .. 130]})]);
    $rig->logins;
    my $seen = $rig->ended($rig->login);
    is $seen->{step}, 'connected', 'all are connected';
    is scalar @{JSON::PP::decode_json($seen->{accounts})}, 100, 'its page names a hundred';
    like $seen->{text}, qr/ 30 more are connected, too\./, 'and how many more';
    is scalar(grep { /^page:/ } $rig->do('SMEMBERS', 'meta:token:names')), 130, 'each is stored';
    $rig->done;
};


subtest 'single Pages, and a business' => sub {
    my $rig = Logins->new(graph => ['--user', JSON::PP::encode_json({id => $ANA, granular => 1,
        pages => [{id => $SHOP, name => 'Corner Shop', business => $BUSINESS}],
        businesses => [{id => $BUSINESS, name => 'Corner Shop'}]})]);
    my $c = $rig->logins;
    my $seen = $rig->ended($rig->login(
        scope => 'pages_show_list,pages_messaging,business_management'));
    is $seen->{step}, 'connected', 'found by their business';
    is $rig->stored("page:$SHOP")->{parent}, "user:$ANA", 'with a token of its own';

    my $business = sub {
        $rig->graph->control(POST => 'login', {configs => [{id => '81', token => 'system_user',
            scopes => [@_]}]});
        return $rig->login(kind => 'business', code => {config_id => '81'});
    };
    my $bad = failed($rig, $business->('business_management'), 'scopes',
        'a business that may do nothing is not connected');
    like $bad->{text}, qr/you were not asked for it\. Whoever runs this site/, 'who can mend it';
    like $c->log, qr/error=scopes: needed is pages_show_list, or for ads ads_read or ads_manag/,
        'the log names them';
    is $rig->stored("business:$BUSINESS"), undef, 'nor kept';
    is_deeply [grep { $_->{kind} eq 'business' } $rig->announced], [], 'nor announced';
    $seen = $rig->ended($business->('business_management', 'ads_read'));
    like $seen->{accounts}, qr/"business","account":"$BUSINESS","name":"Corner Shop"/,
        'one for ads alone is named';
    is +($rig->announced)[-1]{name}, 'Corner Shop', 'to programs, too';
    $seen = $rig->ended($business->('business_management', 'pages_show_list'));
    is $seen->{step}, 'connected', 'Login for Business';
    like $seen->{accounts}, qr/\A\[\{"kind":"page","account":"$SHOP",/, 'names Pages';
    my $t = $rig->stored("business:$BUSINESS");
    ok $t && $t->{secret}, "the client's system user has a token";
    failed($rig, $business->('pages_messaging'), 'scopes', 'not to see its Pages, too');
    like $c->log, qr/error=scopes: needed is pages_show_list: it is not in scope=, nor in the conf/,
        'the log says of what';
    $rig->done;
};


subtest 'Instagram Login' => sub {
    my $from = $rig->graph->calls;
    for my $how (qw(data flat)) {
        $rig->graph->control(POST => 'login', {instagram_answer => $how, instagram_me => $how});
        my $seen = $rig->ended($rig->login(kind => 'instagram'));
        is $seen->{step}, 'connected', "answers of the form $how";
        my $t = $rig->stored('instagram:17841400000000001');
        is_deeply [@$t{qw(account app title tenant)}], ['17841400000000001', $IG_APP,
            'corner.shop', 'shop-7'], 'by the id that webhooks know';
        cmp_ok $t->{expires} / 1000, '>', time + 59 * 86400, 'for 60 days';
    }
    is_deeply [map { s{ .*}{}r } grep { /subscribed_apps/ } $rig->asked($from)],
        [qw(GET POST GET)], 'subscribed to, once';
    ok !grep({ /debug_token/ } $rig->asked($from)), 'debug_token is not asked about these';
    my $wanted = 'instagram_business_basic,instagram_business_manage_messages';
    like $rig->ended($rig->login(kind => 'instagram', wanted => $wanted,
        code => {declined => 'instagram_business_manage_messages'}))->{text},
        qr/did not give.*on Instagram \(instagram_business_manage_messages\)\. To give them/,
        'what was declined is named';
    failed($rig, $rig->login(kind => 'instagram', scope => 'instagram_business_manage_messages',
        code => {declined => 'instagram_business_basic'}), 'scopes', 'without what is needed');
    my $code = $rig->code(kind => 'instagram', redirect_uri => $BACK,
        scope => 'instagram_business_basic');
    $rig->ended($rig->login(kind => 'instagram', code => $code));
    failed($rig, $rig->login(kind => 'instagram', code => $code), 'code', 'used already');
};


subtest 'Redis goes away, the daemon goes, and many come at once' => sub {
    is $rig->ended($rig->login)->{step}, 'connected', 'one before';
    $rig->do('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    is $rig->ended($rig->login)->{step}, 'connected', 'one behind lost connections';

    # all to one Page, at one moment
    $rig->graph->fault({match => {path => 'me/accounts'}, times => 50, fault => {slow => 20_000}});
    my @flows = map { $rig->login } 1 .. 50;
    $rig->at($_, 'accounts') for @flows;
    $rig->graph->hasten;
    is_deeply [map { $rig->ended($_)->{step} } @flows], [('connected') x 50], 'fifty at once';

    $rig->graph->fault({match => {path => 'me/accounts'}, fault => {slow => 500}});
    my $flow = $rig->login;
    $rig->at($flow, 'accounts');
    is $c->drain(20), '0', 'who drains ends what is under way';
    is $rig->flow($flow)->{step}, 'connected', 'to its end';

    $c = $rig->logins(more => "drain_timeout: 500ms\n");
    $rig->graph->fault({match => {path => 'me/accounts'}, fault => {slow => 20_000}});
    $flow = $rig->login;
    $rig->at($flow, 'accounts');
    isnt $c->drain(20), '0', 'who may not wait says so';
    my $seen = $rig->flow($flow);
    is "$seen->{step} $seen->{error}", 'failed internal', 'and the page knows';
    $rig->graph->hasten;

    # all is stored, and the last step is left
    $c = $rig->logins(more => "drain_timeout: 500ms\n");
    my %last = (scope => 'pages_show_list,pages_messaging,pages_manage_metadata');
    $rig->graph->fault({match => {path => 'subscribed_apps'}, fault => {slow => 20_000}});
    $flow = $rig->login(%last);
    $rig->at($flow, 'subscribing');
    isnt $c->drain(20), '0', 'it is not waited for';
    $seen = $rig->flow($flow);
    is "$seen->{step} $seen->{error}", 'connected ', 'who is connected hears so';
    like $seen->{text}, qr/does not arrive here yet/, '... and what is not done';
    $rig->graph->hasten;

    $c = $rig->logins;
    $rig->graph->fault({match => {path => 'subscribed_apps'}, fault => {slow => 20_000}});
    $flow = $rig->login(%last);
    $rig->at($flow, 'subscribing');
    $rig->do('CLIENT', 'PAUSE', 60_000, 'WRITE');
    $rig->graph->hasten;
    $c->wait_log(qr/login @{[substr $flow, 0, 8]} \(facebook\): connected/);
    $rig->do('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    $c->wait_log(qr/login \w{8}: Redis does not take how it ended: it is told again/);
    $rig->do('CLIENT', 'UNPAUSE');
    is $rig->ended($flow)->{step}, 'connected', 'the last word is repeated';
    $c->drain(20);

    # longer than the second in which the store is looked at
    $c = $rig->logins(more => "drain_timeout: 1200ms\n");
    $rig->graph->fault({match => {path => 'me/accounts'}, fault => {slow => 20_000}});
    $rig->at($rig->login, 'accounts');
    $rig->redis->pause;
    $rig->graph->hasten;
    is $c->drain(20), 'exit 3', 'a Redis that answers nobody: it leaves as it should';
    $rig->redis->cont;
    $rig->done;
};


# a million that the same consumer works on
subtest 'a login behind nobody' => sub {
    my $rig = Logins->new;
    my @logins = map { $rig->login(held => 1, code => {redirect_uri => "$BACK?$_",
        scope => 'email'}, redirect_uri => "$BACK?$_") } 1 .. 100;
    $rig->do('EVAL', 'local all = {}; for i = 1, 5000 do all[i] = ARGV[1] end'
        . " for i = 1, 200 do redis.call('RPUSH', KEYS[1], unpack(all)) end", 1, $Q,
        record(field => 'other', key => '', event => {field => 'other', value => {}}));
    $rig->logins;
    ok +(wait_for { $rig->inflight } 20), 'the queue is worked on';
    my %pushed;
    for my $n (1 .. 100) {
        $pushed{"$BACK?$n"} = time;
        $rig->do('RPUSH', 'meta:auth', $logins[$n - 1]{text});
        wait_for { $rig->do('EXISTS', "meta:flow:$logins[$n - 1]{flow}") } 20;
    }
    cmp_ok $rig->llen, '>', 100_000, 'while most of a million wait';
    my @not = grep { $_->{step} ne 'connected' } map { $rig->ended($_->{flow}) } @logins;
    is scalar(@not), 0, 'all are connected' or diag explain \@not;
    my @took = sort { $a <=> $b } map { $_->{time} - $pushed{$_->{query}{redirect_uri}} }
        grep { $_->{path} =~ /access_token/ && exists $_->{query}{code} } $rig->graph->calls;
    is scalar @took, 100, 'each by one exchange';
    diag sprintf 'from push to exchange: half in %.3f s, 99 %% in %.3f s', @took[49, 98]
        if $ENV{META_T_VERBOSE};
    cmp_ok $took[98], '<', 1, '99 % within a second of the push';
    $rig->{consumers}[0]->stop('KILL');
    $rig->do('UNLINK', $rig->do('KEYS', "*$Q*"));    # none of it is a login's
    $rig->done(queues => []);
};

done_testing;
