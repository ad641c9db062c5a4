# The page of meta_embedded_signup in a browser, against the emulator's SDK and
# window: whatever that window may say, and what the page makes of it.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Mojo::JSON qw(decode_json encode_json);
use Test::More;

use Test::Meta;
use Test::Meta::Browser;
use Test::Meta::Graph;
use Test::Meta::Util qw(wait_for);

my $LINK = 'a-key-that-signs-the-links';

# screenshots for whoever wants to look: META_T_SHOTS=DIR
my $SHOTS = $ENV{META_T_SHOTS};

config_verb signup => sub {
    my ($t) = @_;
    $t->run(skip => 'no Chromium (scripts/setup browser)') unless Test::Meta::Browser::binary();
    $t->{files}{link_key} = "$LINK\n";
    $t->{files}{token_key} = '5f' x 32 . "\n";
    my $config = encode_json({id => '81', scopes => ['whatsapp_business_management']});
    my $graph = $t->{graph} = Test::Meta::Graph->new(dir => $t->{dir},
        args => ['--login-config', $config]);
    push @{$t->{before_start}}, sub {
        push @{$graph->{args}}, '--redirect-uri', 'http://127.0.0.1:' . $t->{nginx}->port . '/';
        $graph->start;
    };
    my $url = $graph->url;
    $t->{conf}{server} = <<"END";
location = /signup {
    meta_embedded_signup config_id=81 sdk=$url/en_US/sdk.js origin=$url;
    meta_link_key_file \$DIR/link_key;
    meta_token_key_file \$DIR/token_key;
}
location = /default {
    meta_embedded_signup config_id=81 sdk=$url/en_US/sdk.js;
    meta_link_key_file \$DIR/link_key;
    meta_token_key_file \$DIR/token_key;
}
location = /away {
    meta_embedded_signup config_id=81 sdk=http://127.0.0.1:1/sdk.js;
    meta_link_key_file \$DIR/link_key;
    meta_token_key_file \$DIR/token_key;
}
END
};

# [PATH]: a browser, and the page of a signed link in it
verb open => sub {
    my ($t, $path) = @_;
    my $exp = time + 600;
    my $url = 'http://127.0.0.1:' . $t->{nginx}->port;
    my $sig = hmac_sha256_hex("shop-7\n$exp", $LINK);
    my $b = $t->{browser} //= Test::Meta::Browser->new(dir => $t->{dir}, brisk => 1,
        width => 390, height => 780);
    $b->open($url . ($path || '/signup') . "?ref=shop-7&exp=$exp&sig=$sig");
    $b->wait('#start:not([disabled])');
    $t->run(shot => 'start');
};

verb shot => sub {
    my ($t, $name) = @_;
    return if !$SHOTS;
    my $b = $t->{browser};
    $b->screenshot("$SHOTS/$name.png");
    $b->shape(width => 1100, height => 800, dark => 1)->screenshot("$SHOTS/$name-wide.png");
    $b->shape(width => 390, height => 780, dark => 0);
};

# finish | cancel, with what the window is to say as JSON: the button, and the window's
verb walk => sub {
    my ($t, $do, $text) = @_;
    $t->{graph}->control(POST => 'login', {signup => decode_json($text || '{}')});
    my $known = $t->{redis}->do('LLEN', 'meta:auth');
    $t->{browser}->click('#start');
    my $popup = $t->{browser}->popup(qr{/dialog/oauth});
    $popup->wait("#$do");
    $t->run(shot => 'open');
    $popup->click("#$do");
};

# ORIGIN STEP: a message of that origin, which says that the window was left at a step
verb message => sub {
    my ($t, $arg) = @_;
    my ($origin, $step) = split ' ', $arg;
    my $data = encode_json({type => 'WA_EMBEDDED_SIGNUP', event => 'CANCEL',
        data => {current_step => $step}});
    $t->{browser}->eval('window.dispatchEvent(new MessageEvent("message", '
        . encode_json({origin => $origin, data => $data}) . '))');
};

verb no_title => sub {
    my ($t, $like) = @_;
    unlike $t->{browser}->text('#page'), qr/$like/, "the page says nothing of $like";
};

verb title => sub {
    my ($t, $like) = @_;
    my $is = '';
    wait_for {
        $is = join ' | ', map { $t->{browser}->text("#$_") } qw(title text hint);
        $is =~ /$like/;
    } 10;
    like $is, qr/$like/, "the page says $like";
};

# the last element of meta:auth has these members, and the flow is known from then on
verb pushed => sub {
    my ($t, $arg, $text) = @_;
    my ($n, $e) = (split(' ', $arg))[0];
    ok &wait_for(sub { $t->{redis}->do('LLEN', 'meta:auth') == $n }, 10), "$n in meta:auth";
    my ($record) = reverse $t->{redis}->queue('meta:auth');
    $e = decode_json($record)->{event};
    my $want = decode_json($text || '{}');
    is_deeply {map { $_ => $e->{$_} } keys %$want}, $want, 'as the window said';
    $t->{flow} = $e->{flow};
};

# the consumer's word
verb flow => sub {
    my ($t, $arg, $text) = @_;
    $t->{redis}->do('HSET', "meta:flow:$t->{flow}", map { split / /, $_, 2 } split /\n/, $text);
};

verb reload => sub {
    my $b = $_[0]{browser};
    $b->eval('window.old = true');
    $b->call('Page.reload');
    my $there = '!window.old && document.readyState === "complete"';
    ok &wait_for(sub { eval { $b->eval($there) } }, 10), 'loaded anew';
};

verb pin => sub {
    my ($t, $pin) = @_;
    $t->{browser}->wait('#pin:not([hidden])');
    $t->{browser}->eval('document.getElementById("digits").value = ""');
    $t->{browser}->type('#digits', $pin);
    $t->run(shot => 'pin');
    $t->{browser}->click('#pin button');
};

verb quiet => sub {
    my ($t) = @_;
    is join("\n", grep { !/404 \(Not Found\)|net::ERR_/ } $t->{browser}->complaints), '',
        'the console was told nothing';
    (delete $t->{browser})->stop('KILL');
    $t->{graph}->stop('KILL');
};

run_blocks();

__DATA__

=== to a connected number, over a PIN
--- signup
--- open
--- walk: continue
--- pushed: 1
{"field":"signup","event":"FINISH","waba":"520000000000002","phone":"106000000000001","ref":"shop-7"}
--- title: Connecting your account
--- flow
step exchanging
at 1000000000000
--- title: This takes too long.*Please begin again
--- flow
at 9999999999999
step registering
text Your phone number is registered.
--- shot: registering
--- flow
step pin
pin asked
text This number is protected by a PIN of six digits.
--- title: Your number has a PIN
--- reload
--- title: Your number has a PIN
--- pin: 58106
--- title: Your number has a PIN
--- pin: 581063
--- pushed: 2
{"field":"signup"}
--- flow
step connected
text Messages of this number arrive here from now on.
accounts [{"kind":"whatsapp","account":"106000000000001","name":"Corner Shop"}]
--- title: You are connected
--- shot: connected
--- quiet

=== what else the window may say; and nobody is believed whose name is like that of Meta's hosts
--- signup
--- open
--- walk: cancel
{"step":"PHONE_NUMBER_SETUP"}
--- title: Nothing was connected.*at the step .*phone number setup
--- shot: closed
--- walk: cancel
{"error":"The number is already in use."}
--- title: reported a problem.*The number is already in use.*code 524126, session e2e-session
--- shot: problem
--- walk: continue
{"code":0}
--- title: Nothing was connected.*did not hand your permission over
--- open
--- walk: continue
{"message":"missing"}
--- pushed: 1
{"event":null,"waba":null,"phone":null}
--- open
--- walk: continue
{"message":"after","event":"FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING"}
--- pushed: 2
{"event":"FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING","waba":"520000000000002","phone":"106000000000001"}
--- flow
step failed
error code
text Meta did not accept this login: it was used already, or has expired. Please log in again.
--- title: Nothing was connected.*Meta did not accept
--- shot: failed
--- open: /default
--- walk: cancel
{"step":"UNHEARD"}
--- title: Nothing was connected
--- no_title: at the step
--- message: https://evilfacebook.com ONE
--- message: https://facebook.com.evil.example TWO
--- message: http://www.facebook.com THREE
--- message: https://www.facebook.com:8443 FOUR
--- message: null FIVE
--- message: https://www.facebook.com@evil.example SIX
--- no_title: at the step
--- message: https://facebook.com SEVEN
--- title: at the step .*seven
--- message: https://business.facebook.com EIGHT
--- title: at the step .*eight
--- open
--- walk: cancel
--- title: Nothing was connected
--- message: https://www.facebook.com NINE
--- no_title: nine
--- open: /away
--- title: Facebook could not be loaded
--- quiet
