# A customer connects accounts in a browser: Facebook, no, Instagram, Embedded
# Signup with and without a PIN. Each ends in a token that works.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Meta::Browser;
use Test::Meta::Util qw(wait_for);
use Walk;

plan skip_all => 'no Chromium (scripts/setup browser)' unless Test::Meta::Browser::binary();

my $walk = Walk->new;
my $b = $walk->browser(width => 1100, height => 800);


# the rows of a flow's accounts: "kind account", in order
sub accounts {
    my ($flow) = @_;
    return join ' ', map { "$_->{kind}:$_->{account}" }
        sort { $a->{kind} cmp $b->{kind} } @{Mojo::JSON::decode_json($flow->{accounts} // '[]')};
}

sub says { my ($like, $name) = @_; return like $b->text('body'), $like, $name }

subtest 'Facebook: a Page and what hangs on it' => sub {
    $b->open($walk->link('/login'));
    $b->wait('#continue');
    like $b->eval('location.href'), qr{^https://www\.facebook\.com/v[\d.]+/dialog/oauth\?},
        'at Facebook';
    $walk->pictures('facebook-dialog');
    $b->click('#continue');
    my $flow = $walk->ends('connected');
    is $flow->{ref}, 'customer-7', 'whose it is';
    wait_for { $b->text('body') =~ /You are connected/ };
    says qr/Corner Shop\s.*corner\.shop/s, 'the page names the accounts';
    unlike $b->eval('location.href'), qr/code=/, 'and its address no code';
    $walk->pictures('connected');
    is $walk->uses($Walk::PAGE), "page:$Walk::PAGE", 'the token works';
    my %token = $walk->redis('HGETALL', "meta:token:page:$Walk::PAGE");
    is_deeply [@token{qw(tenant expires state)}], ['customer-7', 0, 'good'], 'kept, for ever';
    is $walk->graph->control(GET => 'counts')->{"POST /$Walk::PAGE/subscribed_apps"}{calls}, 1,
        'its messages are subscribed to';
};

subtest 'Facebook: no' => sub {
    $b->open($walk->link('/login'));
    $b->click('#cancel');
    wait_for { ($b->text('body') // '') =~ /not/i
        && $b->eval('location.hostname') eq 'shop.example' };
    $walk->pictures('denied');
    says qr/\w/, 'a sentence';
    is $walk->redis('LLEN', 'meta:auth'), 0, 'nothing waits for the consumer';
};

subtest 'Instagram' => sub {
    $b->open($walk->link('/login-instagram', 'customer-7'));
    $b->wait('#continue');
    like $b->eval('location.href'), qr{^https://www\.instagram\.com/oauth/authorize\?},
        'at Instagram';
    $b->click('#continue');
    my $flow = $walk->ends('connected');
    wait_for { $b->text('body') =~ /You are connected/ };
    says qr/corner\.shop/, 'the page names the account';
    is $walk->uses($Walk::INSTAGRAM), "instagram:$Walk::INSTAGRAM", 'the token works';
    is $walk->graph->control(GET => 'counts')->{"POST /$Walk::INSTAGRAM/subscribed_apps"}{calls},
        1, 'subscribed to';
};

subtest 'Facebook: not all of it; then again' => sub {
    $walk->person(id => '71', name => 'Ben', pages => [{id => '9071', name => "Ben's"}]);
    $walk->login(user => '71');
    $b->open($walk->link('/login', 'customer-9'));
    $b->wait('#continue');
    $b->click('input[name="scope.pages_show_list"]');
    $b->click('#continue');
    my $flow = $walk->ends('failed');
    is $flow->{error}, 'scopes', 'a permission that is needed is missing';
    wait_for { $b->text('body') =~ /Nothing was connected/ };
    $walk->pictures('scopes');
    $b->open($walk->link('/login', 'customer-9'));
    $b->wait('input[name="scope.pages_show_list"]');
    $b->click('input[name="scope.business_management"]');
    $b->click('#continue');
    $walk->ends('connected');
    wait_for { $b->text('body') =~ /You are connected/ };
    says qr/will not work: [^()]*\(business_management\)/, 'the page says what is missing';
    $walk->pictures('in-part');
    is $walk->uses('9071'), 'page:9071', 'the token works';
};

subtest 'Login for Business: a person who chose single Pages' => sub {
    $walk->person(id => '72', name => 'Cleo', granular => 1, pages => [{id => '9072', name =>
        "Cleo's"}], businesses => [{id => '272', name => "Cleo's"}]);
    $walk->login(user => '72');
    $b->open($walk->link('/login-business', 'customer-10'));
    $b->click('#continue');
    my $flow = $walk->ends('connected');
    is $walk->uses('9072'), 'page:9072', 'the token works';
};

# the page, the button, Facebook's window: until it has closed
sub sign_up {
    my ($ref, $button) = @_;
    $b->open($walk->link('/signup', $ref));
    $b->wait('#start:not([disabled])');
    $walk->pictures('signup');
    $b->click('#start');
    my $popup = $b->popup(qr{^https://www\.facebook\.com/v[\d.]+/dialog/oauth\?});
    $popup->click("#$button");
    ok wait_for(sub { !$popup->there }), 'the window has closed';
}

subtest 'Embedded Signup: a number that is not registered yet' => sub {
    $walk->login(user => '700000000000001');
    sign_up('customer-11', 'cancel');
    ok wait_for(sub { $b->text('#title') =~ /Nothing was connected/ }), 'given up first';
    $b->click('#start');
    $b->popup(qr{/dialog/oauth})->click('#continue');
    my $flow = $walk->ends('connected');
    ok wait_for(sub { $b->text('body') =~ /You are connected/ }), 'the page says so';
    $walk->pictures('signup-connected');
    is $walk->uses($Walk::PHONE), "business:$Walk::BUSINESS", 'the token works';
    my $counts = $walk->graph->control(GET => 'counts');
    is_deeply [map { $counts->{"POST $_"} } "/$Walk::WABA/subscribed_apps",
        "/$Walk::PHONE/register"], [map { {calls => 1, failed => 0} } 1, 2],
        'subscribed and registered, once each';
};

subtest 'Embedded Signup: a number with a PIN; the browser tells no ids' => sub {
    $walk->person(id => '73', name => 'Dana', businesses => [{id => '273', name => "Dana's",
        wabas => [{id => '5273', name => "Dana's", numbers => [{id => '10673', pin => '123456',
        display_phone_number => '15550100073'}]}]}]);
    $walk->login(user => '73', signup => {message => 'missing'});
    sign_up('customer-12', 'continue');
    my $flow = $walk->ends('pin');
    $b->wait('#digits');
    $walk->pictures('signup-pin');
    $b->type('#digits', '123456');
    $b->click('#pin button');
    $flow = $walk->ends('connected');
    is $walk->uses('10673'), 'business:273', 'the token works';
    my %pin = $walk->redis('HGETALL', 'meta:token:pin:10673');
    ok $pin{sealed} && $pin{sealed} !~ /123456/, 'the PIN is kept as a token is';
};

subtest 'Embedded Signup: a number that is in the app; Meta tells first' => sub {
    $walk->person(id => '74', name => 'Eve', businesses => [{id => '274', name => "Eve's",
        wabas => [{id => '5274', numbers => [{id => '10674', coexistence => 1}]}]}]);
    $walk->login(user => '74', signup => {message => 'after', partner_added => 1, event =>
        'FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING'});
    sign_up('customer-13', 'continue');
    $walk->ends('connected');
    is $walk->uses('10674'), 'business:274', 'the token works';
    my $counts = $walk->graph->control(GET => 'counts');
    ok !$counts->{'POST /10674/register'}, 'it was not registered';
};

subtest 'who takes the app away is forgotten here' => sub {
    my $ana = '700000000000001';
    $walk->login(deauthorize => 'http://127.0.0.1:' . $walk->{nginx}->port . '/deauthorize');
    $walk->person(id => $ana, state => 'app_removed');
    ok wait_for(sub { !$walk->redis('EXISTS', "meta:token:page:$Walk::PAGE")
        && !$walk->redis('EXISTS', "meta:token:user:$ana") }), 'the tokens are gone'
        or diag $walk->consumer->log;
    my @told = grep { $_->{event} eq 'deauthorized' }
        map { Mojo::JSON::decode_json($_) } $walk->redis('LRANGE', 'meta:accounts', 0, -1);
    is_deeply [sort map { $_->{ref} } @told], [('customer-7') x @told], 'whose they were';
    ok scalar(grep({ $_->{account} eq $Walk::PAGE } @told)), 'the Page is told of';
    like $walk->uses($Walk::PAGE), qr/^none: /, 'nothing is done with it any more';
    is $walk->uses('9071'), 'page:9071', "others' tokens work on";
};

$walk->finish;
done_testing();
