# The page that follows a login, in a real browser: it goes along with what
# the consumer says, shows what comes from outside as text, and fits a
# telephone.

use strict;
use warnings;

use Test::More;

use Test::Meta;
use Test::Meta::Browser;
use Test::Meta::Login;
use Test::Meta::Util qw(wait_for);

plan skip_all => 'no Chromium (scripts/setup browser)' unless Test::Meta::Browser::binary();

my $FLOW = '0123456789abcdef' x 2;

# what the consumer writes: FIELD = VALUE
# AGE: that many seconds ago
verb says => sub {
    my ($t, $age, $text) = @_;
    $t->{redis}->do('HSET', "meta:flow:$FLOW", at => (time - ($age || 0)) * 1000,
        map { /^(\w+) = (.*)$/ } split /\n/, $text);
};

# WIDTH PATH
verb open => sub {
    my ($t, $arg) = @_;
    my ($width, $path) = split ' ', $arg;
    $t->{browser} = Test::Meta::Browser->new(dir => $t->{dir}, brisk => 1, width => $width,
        height => 700);
    $t->{browser}->open('http://127.0.0.1:' . $t->{nginx}->port . $path);
};

# JavaScript that must come to be true
verb holds => sub {
    my ($t, $arg, $text) = @_;
    for my $code (grep { length } split /\n/, $text) {
        my $tried = "(function () { try { return $code } catch (e) { return false } })()";
        ok &wait_for(sub { $t->{browser}->eval($tried) }), $code
            or diag $t->{browser}->eval('document.body.innerText');
    }
};

verb closed => sub {
    my ($t, $allowed) = @_;
    is join("\n", grep { !length $allowed || !/$allowed/ } $t->{browser}->complaints), '',
        'the console has nothing to say';
    (delete $t->{browser})->stop('TERM');
};

# JavaScript
verb js => sub { my ($t, undef, $code) = @_; $t->{browser}->eval($code) };

# PATH: the same browser goes there
verb go => sub {
    my ($t, $path) = @_;
    $t->{browser}->open('http://127.0.0.1:' . $t->{nginx}->port . $path);
};

run_blocks();

__DATA__

=== it follows a login to its end, on a telephone, and says what went wrong
--- logins
--- says
step = received
text = Your permission has arrived.
--- open: 360 /st?flow=0123456789abcdef0123456789abcdef
--- holds
document.getElementById('text').innerText === 'Your permission has arrived.'
document.querySelector('.steps .now').innerText === 'Confirming with Meta'
document.title === 'Connecting your accounts'
--- says
step = accounts
text = Your accounts are looked up.
--- holds
document.getElementById('text').innerText === 'Your accounts are looked up.'
document.querySelector('.steps .now').innerText === 'Finding your accounts'
document.querySelectorAll('.steps .done').length === 3
--- says: 91
step = accounts
--- holds
document.title === 'This takes too long'
document.getElementById('page').className === 'late'
document.getElementById('text').innerText.endsWith('Please begin again.')
document.getElementById('hint').innerText.startsWith('To try again')
document.getElementById('steps').hidden
--- says
step = accounts
--- holds
document.title === 'Connecting your accounts'
--- redis_do: stop
--- holds
document.getElementById('hint').innerText.startsWith('We cannot reach the server')
--- redis_do: start
--- says
step = connected
text = Two accounts are connected, of which one has a name-that-does-not-end-and-has-nowhere-to-break-although-the-telephone-is-small.
accounts = [{"kind":"page","account":"1","name":"<img src=x onerror=alert(1)>"},{"kind":"instagram","account":"2","name":"name-that-does-not-end-and-has-nowhere-to-break-although-the-telephone-is-small"},{"kind":"whatsapp","account":"3","name":"Flowers","number":"+1 555 010 0100"}]
--- holds
document.title === 'You are connected'
document.getElementById('page').className === 'good'
document.getElementById('accounts').innerText.includes('<img src=x onerror=alert(1)>')
document.getElementById('accounts').innerText.includes('Facebook Page')
document.getElementById('accounts').lastChild.innerText.split(/\s*\n\s*/).join() === 'Flowers,WhatsApp number +1 555 010 0100'
document.querySelectorAll('main img').length === 0
document.getElementById('steps').hidden
document.getElementById('hint').hidden
innerWidth === 360 && document.documentElement.scrollWidth <= 360
[].every.call(document.querySelectorAll('main *'), function (e) { return e.getBoundingClientRect().right <= 360 })
--- says
step = failed
error = late
text = The permission came too late. Please start again.
--- holds
(location.href = '/cb?flow=0123456789abcdef0123456789abcdef')
document.getElementById('page').className === 'bad'
document.getElementById('text').innerText === 'The permission came too late. Please start again.'
document.getElementById('hint').innerText.startsWith('To try again')
--- says
step = failed
error = taken
text = It is another's, and the link would change nothing.
--- holds
(location.href = '/cb?flow=0123456789abcdef0123456789abcdef')
document.getElementById('text').innerText.startsWith('It is another')
document.getElementById('hint').hidden
(location.href = '/st?flow=00000000000000000000000000000000')
document.title === 'There is nothing to see here'
(location.href = '/login?ref=x')
document.title === 'This link does not work'
--- redis_do: stop
--- holds
(location.href = '/cb?flow=00000000000000000000000000000000#_=_')
document.title === 'One moment, please'
--- redis_do: start
--- holds
document.title === 'There is nothing to see here'
--- closed: 503|40[34]

=== a browser goes through a dialog and back, and leaves no code behind in its address
--- http
meta_oauth_app shop id=1122334455 kind=facebook scope=a,b dialog=http://127.0.0.1:$PORT;
--- server
meta_redirect_uri http://127.0.0.1:$PORT/cb;
meta_oauth_open on;
location /v24.0/dialog/oauth {
    return 302 http://127.0.0.1:$PORT/cb?code=a-code-of-the-dialog&state=$arg_state&granted_scopes=a%2Cb#_=_;
}
--- logins
--- open: 500 /login
--- holds
document.title === 'Connecting your accounts'
/^\/cb\?flow=[0-9a-f]{32}$/.test(location.pathname + location.search)
document.cookie === ''
--- auth: 1
event.granted = "a,b"
--- closed

=== behind a login of one's own the page asks as whoever looks at it
--- logins
--- server
location = /sso { add_header Set-Cookie "sso=1; Path=/"; default_type text/html; return 200 "<p>ok</p>"; }
location = /out { add_header Set-Cookie "sso=; Path=/; Max-Age=0"; return 204; }
location = /auth { internal; if ($cookie_sso = "") { return 401; } return 204; }
location = /st { auth_request /auth; meta_oauth_status; }
--- says
step = received
text = Your permission has arrived.
--- open: 360 /sso
--- go: /st?flow=0123456789abcdef0123456789abcdef
--- says
step = checking
text = It is checked.
--- holds
document.getElementById('text').innerText === 'It is checked.'
--- js
fetch('/out'); 1
--- holds
/reload this page/.test(document.getElementById('hint').innerText)
--- closed: 401
