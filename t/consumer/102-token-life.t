# The life of tokens: looked at, renewed by one consumer, taken anew from the user's, lost with a
# word to everybody, and put to use again as soon as there is a new one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP qw(decode_json);
use Test::More;

use Lives;
use Rig qw(whatsapp messenger $PHONE $PAGE $Q);
use Test::Meta::Seal qw(seal);
use Test::Meta::Util qw(build_dir spew wait_for);

subtest 'renewed by one of two' => sub {
    my $rig = rig();
    put($rig, 'user:' . $ANA, {expires_in => 3 * $DAY, scopes => ['pages_show_list']});
    put($rig, 'system_user:88', {expires_in => 3 * $DAY});
    put($rig, 'instagram:1784', {expires_in => 3 * $DAY, age => 2 * $DAY},
        expires => 1000 * (time + 3 * $DAY), issued => 1000 * (time - 2 * $DAY));
    my @c = map { consumer($rig, name => $_) } qw(a b);
    my @names = ("user:$ANA", 'system_user:88', 'instagram:1784');
    ok +(wait_for { 3 == grep { field($rig, $_, q(refreshed)) } @names } 10), "all are renewed"
        or diag $rig->logs;
    cmp_ok field($rig, $_, 'expires'), '>', 1000 * (time + 50 * $DAY), "$_ lives long" for @names;
    checked($rig, $_) for @names;
    for my $path (qw(^/v24.0/oauth/access_token ^/refresh_access_token)) {
        is scalar(to($rig, $path)), $path =~ /oauth/ ? 2 : 1, "$path: each once"
            or diag explain [map { $_->{query} } to($rig, $path)];
    }
    my ($sixty) = grep { $_->{query}{set_token_expires_in_60_days} } to($rig, 'oauth/access');
    ok $sixty, "the system user's for 60 days";
    is field($rig, $_, 'from'), 'refresh', "$_ says so" for @names;
    done($rig);
};

# what Meta says of a token that is dead, by the emulator's state; none: a fault
my @DEAD = ([app_removed => 458], [checkpoint => 459], [password => 460], [expired => 463],
    [unconfirmed => 464], [revoked => 467], [role => 492]);

subtest 'every subcode of 190, and 102' => sub {
    my @pages = map { 9001 + $_ } 0 .. $#DEAD + 2;
    my $rig = rig();
    put($rig, "page:$_", {}, title => "Page $_", tenant => "shop-$_") for @pages, 9100;
    put($rig, 'page:9200', {}, sealed => seal('token', 'f' x 64, 'page:9200', 'of another key'));
    my $c = consumer($rig);
    checked($rig, "page:$_") for @pages, 9100;
    my @codes = ((map { "190/$_->[1]" } @DEAD), '190/0', '102/0');
    for my $n (0 .. $#DEAD) {
        state($rig, "page:$pages[$n]", $DEAD[$n][0]);
    }
    $rig->graph->fault({match => {account => "$pages[$_]", method => 'POST'}, fault => refuse(
        $_ == @DEAD ? 190 : 102)}) for $#DEAD + 1, $#DEAD + 2;
    $rig->push(map { messenger(page => $_) } @pages, @pages);
    ok +(wait_for { @pages == events($rig) } 10), 'each is lost, once' or diag $rig->logs;
    $rig->push(messenger(page => 9100));
    ok +(wait_for { 1 == $rig->sent } 10), 'others go on' or diag $rig->logs;
    my %event = map { $_->{account} => $_ } events($rig);
    is_deeply $event{9001}, {v => 1, event => 'lost', ref => 'shop-9001', kind => 'page',
        account => '9001', waba => undef, name => 'Page 9001', scopes => $event{9001}{scopes}},
        'the event';
    is join(',', map { join '/', map { $_ // '-' } $rig->do('HMGET', "meta:token:page:$_",
        qw(code subcode)) } @pages), join(',', @codes), 'the store has code and subcode';
    is join(',', map { field($rig, "page:$_", 'state') } @pages, 9100),
        join(',', ('lost') x @pages, 'good'), 'and says so';
    for my $n (0 .. $#pages) {
        my ($code, $subcode) = split m{/}, $codes[$n];
        my $line = "token page:$pages[$n] is lost kind=page account=$pages[$n] code=$code"
            . " subcode=$subcode: ";
        my $first = $subcode =~ /459|464/ ? 'at facebook.com.*' : $subcode == 492 ? 'a role.*' : '';
        like $c->log, qr/\[error\] $line.*$first"metactl token login-url", with --ref "shop-/,
            "$codes[$n]: an error line";
    }
    like $c->log, qr/The token has expired\. .*new login or "metactl token add"/,
        'whose first line fits tokens of the store';
    is scalar($rig->sent), 1, 'nothing else was sent';
    is $rig->left($Q), 2 * @pages, 'all that need them wait';
    my $text = metrics($rig);
    like $text, qr/^meta_token_lost_total @{[scalar @pages]}$/m, 'counted';
    like $text, qr/^meta_tokens\{state="lost"\} @{[scalar @pages]}$/m, 'as they are';
    like $text, qr/^meta_token_good\{kind="page",account="9001"\} 0$/m, 'lost';
    like $text, qr/^meta_token_good\{kind="page",account="9100"\} 1$/m, 'good';
    like $text, qr/^meta_tokens\{state="locked"\} 1$/m, 'one that no key opens is locked';
    like $text, qr/^meta_token_good\{kind="page",account="9200"\} 0$/m, '... and not good';

    put($rig, "page:$_", {}) for @pages;
    $rig->graph->control(DELETE => 'faults');
    $rig->settle;
    is scalar($rig->sent), 1 + 2 * @pages, 'new ones let all go on';
    is scalar(events($rig)), scalar @pages, 'and nobody is lost twice';
    done($rig);
};

subtest 'one that is refused while it is looked at' => sub {
    my $rig = rig();
    put($rig, 'page:9001', {});
    my $c = consumer($rig);
    checked($rig, 'page:9001');
    $rig->graph->fault({match => {path => 'debug_token'}, fault => {slow => 20_000}});
    put($rig, 'page:9001', {}, checked => 0);
    ok +(wait_for { 2 == to($rig, 'debug_token') } 10), 'Meta has said that it is good';
    state($rig, 'page:9001', 'expired');
    $rig->push(messenger(page => 9001));
    $c->wait_log(qr/lane token:\w+ stops .*code=190/);
    $rig->graph->hasten;
    ok +(wait_for { 1 == events($rig) } 10), 'is lost all the same' or diag $rig->logs;
    put($rig, 'page:9001', {});
    $rig->settle;

    $rig->do('SET', 'meta:token:lock:page:9001', 1);
    state($rig, 'page:9001', 'expired');
    $rig->push(messenger(page => 9001));
    ok +(wait_for { 2 == (() = $c->log =~ /lane token:\w+ stops .*code=190/g) } 10), 'or by others';
    $rig->do('DEL', 'meta:token:lock:page:9001');
    ok +(wait_for { 2 == events($rig) } 10), '... is lost as soon as they have done';
    put($rig, 'page:9001', {});
    done($rig);
};

subtest "a Page's is taken anew from its user's, once" => sub {
    my $rig = rig(pages => [9001, 9002]);
    put($rig, "user:$ANA", {scopes => [qw(pages_show_list pages_messaging)]});
    my %first = map { $_ => put($rig, "page:$_", {}, parent => "user:$ANA") } 9001, 9002;
    my $c = consumer($rig);
    checked($rig, $_) for "user:$ANA", 'page:9001', 'page:9002';
    state($rig, "page:$_", $_ == 9001 ? 'password' : 'role') for 9001, 9002;
    $rig->graph->fault({match => {path => 'me/accounts'}, fault => {slow => 20_000}});
    $rig->push(messenger(page => 9001), messenger(page => 9001), messenger(page => 9002));
    ok +(wait_for { to($rig, 'me/accounts') } 10), "the user's Pages are asked";
    my $gate = 'meta:token:lock:page:9001:derive';
    ok !$rig->do('EXISTS', $gate), 'who dies here leaves it to be tried again';
    $rig->graph->hasten;
    ok +(wait_for { 2 == $rig->sent } 10), 'the steps go on with it' or diag $rig->logs;
    is scalar(to($rig, 'me/accounts')), 1, "the user's Pages were asked once";
    cmp_ok $rig->do('TTL', $gate), '>', 86_000, 'it came of something: not again today';
    is field($rig, 'page:9001', 'from'), 'derived', 'it is stored';
    is field($rig, 'page:9001', 'expires'), 0, 'and never ends';
    is_deeply [map { $_->{account} } events($rig)], [9002], 'without a role nothing helps';
    unlike $c->log, qr/\[error\] token page:9001/, 'no error line';

    $rig->graph->fault({match => {account => '9001', method => 'POST'}, fault => refuse(190, 460)});
    $rig->push(messenger(page => 9001));
    ok +(wait_for { 2 == events($rig) } 10), 'the second time it is lost' or diag $rig->logs;
    is scalar(to($rig, 'me/accounts')), 1, 'and nobody is asked';
    $rig->graph->control(DELETE => 'faults');
    put($rig, "page:$_", {}) for 9001, 9002;
    $rig->settle;
    done($rig);
};

subtest 'where single Pages were granted' => sub {
    my $rig = rig(pages => [9001], granular => 1);
    put($rig, "user:$ANA", {scopes => [qw(pages_show_list pages_messaging business_management)]});
    push @{secrets()}, my $new = "EAAnew9001$$" . 'x' x 40;
    $rig->graph->control(POST => 'tokens', {token => "page:9001:$new:gnew"});
    $rig->graph->fault({match => {path => '31/owned_pages'}, fault => {status => 200,
        json => {data => [{id => '9001', access_token => $new}]}}});
    put($rig, "page:$_", {}, parent => "user:$ANA") for 9001, 9002;
    my $c = consumer($rig);
    checked($rig, $_) for "user:$ANA", 'page:9001', 'page:9002';
    state($rig, "page:$_", 'password') for 9001, 9002;
    $rig->push(messenger(page => 9001));
    ok +(wait_for { 1 == $rig->sent } 10), "found by the user's businesses" or diag $rig->logs;
    $rig->push(messenger(page => 9002));
    is field($rig, 'page:9001', 'from'), 'derived', 'it is stored';
    ok +(wait_for { 1 == events($rig) } 10), 'one that none of them owns' or diag $rig->logs;
    is((events($rig))[0]{account}, '9002', 'is lost');
    like $c->log, qr/neither the user's Pages nor those of their businesses hold this one/, 'why';
    put($rig, 'page:9002', {});
    $rig->settle;
    done($rig);
};

subtest 'those that cannot be looked at now hold nobody up' => sub {
    my $rig = rig();
    my @bad = map { "instagram:@{[1700 + $_]}" } 1 .. 12;
    put($rig, $_, {expires_in => 40 * $DAY, age => 2 * $DAY}) for @bad;
    $rig->graph->fault({times => 1000, match => {path => '/me'}, fault => {status => 500, json =>
        {error => {message => 'x', type => 'OAuthException', code => 2, is_transient => \1}}}});
    my $c = consumer($rig);
    ok +(wait_for { @bad == to($rig, '/me') } 10), 'each has its turn' or diag $rig->logs;
    put($rig, 'user:1', {expires_in => 3 * $DAY, scopes => ['pages_show_list']});
    ok +(wait_for { field($rig, 'user:1', 'refreshed') } 10), 'another is renewed'
        or diag $rig->logs;
    is scalar(to($rig, '/me')), scalar @bad, 'and they are left alone for a while';
    is scalar(() = $c->log =~ /\[warn\] token instagram:\d+: Meta cannot be asked/g), scalar @bad,
        'a line of each';
    $rig->finish(secrets => secrets());
};

subtest 'a renewal that failed is tried again before long' => sub {
    my $rig = rig();
    $rig->graph->fault({match => {path => 'oauth/access_token'}, times => 1, fault => refuse(1)});
    put($rig, 'user:1', {expires_in => 3 * $DAY, scopes => ['pages_show_list']});
    my $c = consumer($rig);
    ok +(wait_for { $c->log =~ /could not be renewed/ } 10), 'it fails' or diag $rig->logs;
    my $soon = field($rig, 'user:1', 'retry') / 1000 - time;
    ok $soon > 200 && $soon < 310, 'minutes later it may be tried again' or diag $soon;
    is field($rig, 'user:1', 'tries'), 1, 'the first time';
    my $looks = to($rig, 'debug_token');
    $rig->do('HSET', 'meta:token:user:1', retry => 1);
    $rig->do('ZADD', 'meta:token:changed', $rig->do('INCR', 'meta:token:version'), 'user:1');
    ok +(wait_for { field($rig, 'user:1', 'refreshed') } 10), 'and is renewed' or diag $rig->logs;
    is scalar(to($rig, 'debug_token')), $looks, 'without another look';
    cmp_ok field($rig, 'user:1', 'retry'), '>', 1000 * (time + 19 * 3600), 'then not for a day';
    $rig->do('DEL', 'meta:token:user:1');
    put($rig, 'user:1', {expires_in => 3 * $DAY, scopes => ['pages_show_list']});
    ok +(wait_for { field($rig, 'user:1', 'refreshed') } 10), 'but a new one is' or diag $rig->logs;
    my $old = 1000 * (time - 600);      # and who looked died before it was tried
    put($rig, 'user:2', {expires_in => 3 * $DAY, scopes => ['pages_show_list']}, checked => $old,
        expires => 1000 * (time + 3 * $DAY));
    ok +(wait_for { field($rig, 'user:2', 'refreshed') } 10), 'as is one that was only looked at'
        or diag $rig->logs;
    $rig->finish(secrets => secrets());
};

subtest 'what is wrong with one that works' => sub {
    my $rig = rig();
    my @scopes = qw(pages_messaging instagram_manage_messages pages_show_list);
    put($rig, 'page:9001', {scopes => \@scopes, targets => {pages_messaging => ['7']},
        data_expires_in => 10 * $DAY}, instagram => '1784', tenant => 'shop-1');
    put($rig, 'user:77', {expires_in => 3600 * 20, scopes => ['pages_show_list']},
        tenant => 'shop-2');
    $rig->graph->fault({match => {path => 'oauth/access_token'}, fault => refuse(101)});
    put($rig, 'system_user:5', {app => '999'});
    put($rig, 'page:9002', {expires_in => -5});
    put($rig, 'business:88', {expires_in => -5}, waba => 77, from => 'signup',
        tenant => 'shop-3');
    my $c = consumer($rig, more => 'oauth: {scopes: [ads_read]}');
    checked($rig, $_) for qw(page:9001 user:77 system_user:5 page:9002);
    my $missing = 'pages_messaging/9001,pages_manage_metadata,instagram_basic,ads_read';
    is field($rig, 'page:9001', 'missing'), $missing, 'permissions that it lacks';
    $c->wait_log(qr/\[warn\] token page:9001 lacks \Q$missing\E: .*login-url --again re.*"shop-1"/);
    $c->wait_log(qr/\[info\] token page:9001 has not been given instagram_content_publish/);
    $c->wait_log(qr/\[warn\] token page:9001: access .* ends in 9 days: .*reauthorize.*"shop-1"/);
    $c->wait_log(qr/\[error\] token user:#[0-9a-f]{8} expires in 1\d hours and could.*"shop-2"/);
    $c->wait_log(qr/\[error\] token system_user:5 is one of app 999/);
    $c->wait_log(qr/\[error\] token page:9002 is lost .* code=190 subcode=463/);
    $c->wait_log(qr/business:88 is lost .*with --ref "shop-3", with --url of .* Embedded Signup/);
    is_deeply [sort map { "$_->{event} $_->{account}" } events($rig)], ['lost 88', 'lost 9002'],
        'an event of each';
    my $figures = metrics($rig);
    like $figures, qr/^meta_token_expires_seconds\{kind="user",account="77"\} 7\d{4}$/m, 'figures';
    like $figures, qr/^meta_token_alarms_total 1$/m, 'an alarm';
    like $figures, qr/^meta_token_refreshed_total\{result="failed"\} 1$/m, 'a failure';
    done($rig);
};

subtest 'tokens of files, and accounts that nobody named' => sub {
    my $rig = rig();
    $rig->graph->control(POST => 'tokens', {token => "page:$PAGE\@17841:" . $rig->token('page')});
    my $c = consumer($rig, own => 1, more => 'oauth: {check_every: 300ms}');
    my $shadow = "conf:page:$PAGE";
    checked($rig, $_) for $shadow, "conf:whatsapp:$PHONE";
    ok +(wait_for { field($rig, $shadow, 'instagram') } 10), 'its account is asked';
    is field($rig, $shadow, 'instagram'), '17841', 'and kept';
    is field($rig, $shadow, 'state'), 'good', 'its state has a shadow';
    is field($rig, $shadow, 'sealed'), undef, 'without the token';
    like field($rig, $shadow, 'scopes'), qr/pages_messaging/, 'with its permissions';
    $rig->graph->control(POST => 'tokens', {name => "page:$PAGE", state => 'revoked'});
    ok +(wait_for { 1 == events($rig) } 10), 'the look finds it lost';
    is field($rig, $shadow, 'state'), 'lost', 'and says so';
    $rig->graph->control(POST => 'tokens', {name => "page:$PAGE", state => 'good'});
    ok +(wait_for { field($rig, $shadow, 'state') eq 'good' } 10), 'and good again';
    done($rig);
};

subtest 'a token of a file, lost, replaced and lost again' => sub {
    my $rig = rig();
    my $shadow = "conf:page:$PAGE";
    my $refuse = sub { $rig->graph->fault({match => {account => $PAGE, method => 'POST'},
        fault => refuse(190, $_[0])}) };
    my $c = consumer($rig, own => 1);
    $refuse->(467);
    $rig->push(messenger());
    ok +(wait_for { 1 == events($rig) } 10), 'it is lost, and an event says so';
    push @{secrets()}, my $new = 'EAAnew' . 'x' x 40;
    $rig->graph->control(POST => 'tokens', {token => "page:$PAGE:$new:new"});
    spew($rig->file('page'), "$new\n");
    $c->reload;
    $rig->settle;
    is scalar($rig->sent), 1, 'a new one goes on with what waited';
    $rig->do('HSET', "meta:token:$shadow", missing => 'of the old one');
    $refuse->(463);
    $rig->push(messenger());
    ok +(wait_for { 2 == events($rig) } 10), 'what is refused of the new one is said, too';
    $c->wait_log(qr/token $shadow is lost .* code=190 subcode=463/);
    is join(' ', map { $_ // '-' } $rig->do('HMGET', "meta:token:$shadow", qw(subcode missing))),
        '463 -', '... and kept, with nothing that was known of the old one';
    done($rig);
};

subtest 'exchanged by hand' => sub {
    my $rig = rig(pages => [9001]);
    spew($rig->file('ctl.yaml'), conf($rig));
    my $metactl = build_dir() . "/metactl -c @{[$rig->file('ctl.yaml')]} token exchange";
    my $short = put($rig, "user:$ANA", {expires_in => 3600, scopes => ['pages_show_list']},
        expires => 1000 * (time + 3600), checked => 1000 * time);
    put($rig, 'page:9001', {expires_in => 3600}, expires => 1000 * (time + 3600),
        checked => 1000 * time, parent => "user:$ANA");
    put($rig, 'system_user:5', {}, expires => 0);
    my $say = qx($metactl user:$ANA 2>&1);
    like $say, qr/^user:$ANA is renewed, until \d{4}-/, "a user's";
    cmp_ok field($rig, "user:$ANA", 'expires'), '>', 1000 * (time + 50 * $DAY), 'it lives long';
    is $rig->do('EXISTS', "meta:token:lock:user:$ANA"), 0, 'its lock is given back';
    like qx($metactl page:9001 2>&1), qr/^page:9001 is renewed$/, "a Page's, from it";
    is field($rig, 'page:9001', 'from'), 'derived', 'it says so';
    like qx($metactl system_user:5 2>&1), qr/system_user:5: it never ends/, 'one that never ends';
    is $? >> 8, 1, 'is an error';
    like qx($metactl user:1 2>&1), qr/no token user:1/, 'one that is not there';
    store($rig, 'pin:106', '123456');
    like qx($metactl pin:106 2>&1), qr/pin:106 is a PIN/, 'what is none';
    $rig->do('HSET', 'meta:token:page:9300', kind => 'page', account => 9300,
        sealed => seal('token', 'f' x 64, 'page:9300', 'of another key'));
    $rig->do('SADD', 'meta:token:names', 'page:9300');
    like qx($metactl page:9300 2>&1), qr/no key of token_key_file opens page:9300/, 'one locked';
    put($rig, 'instagram:1785', {}, issued => 1000 * (time - 60),
        expires => 1000 * (time + 60 * $DAY));
    like qx($metactl instagram:1785 2>&1), qr/instagram:1785: Meta renews it from \d{4}-.* on,/,
        'one that is too young';
    state($rig, "user:$ANA", 'password');
    like qx($metactl user:$ANA 2>&1), qr/Meta refuses it \(190\/460\): The user's pass/, 'refused';
    $rig->do('SET', "meta:token:lock:user:$ANA", 1);
    like qx($metactl user:$ANA 2>&1), qr/is at it: try again/, 'not while another is at it';

    # pasted, and never stored itself
    $rig->do('DEL', 'meta:token:names', "meta:token:user:$ANA", 'meta:token:page:9001');
    state($rig, "user:$ANA", 'good');
    spew($rig->file('pasted'), "$short\n");
    $say = qx($metactl --in @{[$rig->file('pasted')]} --tenant shop 2>&1);
    my ($user) = $say =~ /^(user:\d+) \(.*\) is stored, until:.*^page:9001 /ms
        or diag $say;
    like $say, qr/^Are its webhooks subscribed\? metactl subscribe --dry-run$/m, 'what is next';
    is index($say, 'EAA'), -1, "a person's, and its Pages, and none is said";
    cmp_ok field($rig, $user, 'expires') // 0, '>', 1000 * (time + 50 * $DAY), '... lives long';
    is field($rig, 'page:9001', 'tenant'), 'shop', '... of that tenant';
    like qx($metactl --in - <@{[$rig->file('secret')]} 2>&1), qr/Meta refuses it/, 'none';
    like qx($metactl user:1 --in x 2>&1), qr/either KIND:ID/, 'one of two';
    done($rig);
};

subtest 'checked by hand' => sub {
    my $rig = rig();
    spew($rig->file('ctl.yaml'), conf($rig, own => 1));
    my $metactl = build_dir() . "/metactl -c @{[$rig->file('ctl.yaml')]} token check";
    my $check = sub { qx($metactl @_ 2>&1) };
    my @now = (checked => 1000 * time);     # by itself nobody looks at them today
    put($rig, 'page:9001', {expires_in => 3600, scopes => ['pages_show_list']}, @now);
    put($rig, 'instagram:1784', {}, @now, state => 'lost', code => 190);
    my $say = $check->('page:9001');
    like $say,
        qr/^page:9001 works, until \d{4}-.*; it lacks \S*pages_messaging\S*: granted .*login-url/,
        'what it lacks, until when';
    like field($rig, 'page:9001', 'missing'), qr/pages_messaging/, '... is kept';
    cmp_ok field($rig, 'page:9001', 'expires'), '>', 1000 * time, '... too';
    is field($rig, 'page:9001', 'checked'), 0, '... and who renews it looks at once';
    like $check->(), qr/^conf:page:$PAGE works.*^instagram:1784 works$/ms, 'all';
    is $? >> 8, 0, '... are good';
    is field($rig, 'instagram:1784', 'state'), 'good', '... again';
    is field($rig, "conf:page:$PAGE", 'state'), 'good', "... the configuration's, too";
    for (['a limit', refuse(4), qr/code 4\): The app has made too many calls\.$/],
        ["Meta's trouble", {status => 503, body => 'x'}, qr/no sense \(status 503\)$/],
        ['a wrong secret', refuse(190), qr/code 190\): metactl doctor .* secret is wrong$/])
    {
        $rig->graph->fault({match => {path => 'debug_token'}, times => 0, fault => $_->[1]});
        like $check->('page:9001'), $_->[2], "$_->[0] is not another";
        $rig->graph->control(DELETE => 'faults');
    }
    consumer($rig, own => 1);
    state($rig, 'page:9001', 'password');
    like $check->('page:9001'), qr{^page:9001 does not work \(190/460\): }, 'one that is dead';
    is $? >> 8, 1, '... is a finding';
    ok +(wait_for { (field($rig, 'page:9001', 'state') // '') eq 'lost' } 10),
        'meta-consumer says so to all';
    is_deeply [map { "$_->{event} $_->{account}" } events($rig)], ['lost 9001'], '... once';
    like $check->('page:1'), qr/no token page:1/, 'one that is not there';
    done($rig);
};

subtest "a Page's follows its user's" => sub {
    my $rig = rig(pages => [9001]);
    put($rig, 'page:9001', {expires_in => 3600}, parent => "user:$ANA");
    put($rig, "user:$ANA", {expires_in => 3600, scopes => ['pages_show_list']});
    my $queues = qq([{name: "$Q"}, {name: "meta:outbox", kind: jobs}]);
    my $c = consumer($rig, queues => $queues);
    ok +(wait_for { (field($rig, 'page:9001', 'expires') // 1) eq 0 } 10), 'it ends no more'
        or diag $rig->logs;
    cmp_ok field($rig, "user:$ANA", 'expires'), '>', 1000 * (time + 50 * $DAY), 'nor that soon';
    is scalar(to($rig, 'oauth/access_token')), 1, 'exchanged once';

    my $job = '{"v":1,"id":"j%d","reply_to":"meta:reply:t",'
        . '"do":[{"token_exchange":{"name":"%s"}}]}';
    $rig->push_to('meta:outbox', map { sprintf $job, $_->[0], $_->[1] }
        [1, "user:$ANA"], [2, 'page:1'], [3, 'nothing']);
    ok +(wait_for { 3 == $rig->llen('meta:reply:t') } 10), 'by jobs' or diag $rig->logs;
    my %end = map { my $r = decode_json($_); $r->{id} => $r }
        $rig->do('LRANGE', 'meta:reply:t', 0, 2);
    ok $end{j1}{ok}, 'it is renewed' or diag explain $end{j1};
    is $end{j1}{results}[0]{answer}{expires}, field($rig, "user:$ANA", 'expires'), 'for so long';
    is scalar(to($rig, 'oauth/access_token')), 2, 'exchanged again';
    like $end{j2}{results}[0]{error}{text}, qr/no such token/, 'one that is not there';
    like $end{j3}{results}[0]{error}{text}, qr/must be KIND:ID/, 'no name';
    done($rig, queues => [$Q, 'meta:outbox']);
};

subtest "a number's follows its business's" => sub {
    my $rig = rig();
    spew($rig->file('ctl.yaml'), conf($rig));
    my $text = put($rig, 'business:88', {expires_in => 3 * $DAY}, account => '', waba => 77);
    store($rig, "whatsapp:$_", $text, account => $_, waba => 77, parent => 'business:88',
        expires => 1000 * (time + 3 * $DAY), state => $_ == 7001 ? 'good' : 'lost')
        for 7001, 7002;
    $rig->do('HSET', 'meta:token:business:88', tenant => 'shop-7');
    put($rig, 'whatsapp:7003', {}, waba => 78, parent => 'business:88', tenant => 'shop-8',
        expires => 0);
    my $c = consumer($rig);
    my @names = ('business:88', 'whatsapp:7001', 'whatsapp:7002');
    ok +(wait_for { 3 == grep { field($rig, $_, 'refreshed') } @names } 10), 'all are renewed'
        or diag $rig->logs;
    is scalar(to($rig, 'oauth/access_token')), 1, 'by one exchange';
    my $command = build_dir() . '/metactl -c ' . $rig->file('ctl.yaml');
    my $list = decode_json(qx($command token list --json));
    my %t = map { $_->{name} => $_ } @{$list->{tokens}};
    is_deeply [map { $t{$_}{mark} } @names[1, 2]], [($t{'business:88'}{mark}) x 2], 'to the same';
    is_deeply [map { $t{$_}{expires} } @names[1, 2]], [($t{'business:88'}{expires}) x 2],
        'for as long';
    is join(' ', map { $_->{state} } @t{@names}), 'good good good', 'also one that was lost';
    isnt $t{'whatsapp:7003'}{mark}, $t{'business:88'}{mark}, "but none of another tenant's";
    done($rig);
};

done_testing;
