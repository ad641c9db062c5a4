# The page of meta_status in a real browser: its numbers are those of the
# traffic, nothing of it is markup, and it fits a telephone.

use strict;
use warnings;

use Test::More;

use Test::Meta;
use Test::Meta::Browser;
use Test::Meta::Status;
use Test::Meta::Util qw(wait_for);

plan skip_all => 'no Chromium (scripts/setup browser)' unless Test::Meta::Browser::binary();

# [WIDTH] [dark]: the page is opened and has shown figures
config_verb browser => sub { $_[0]{browser_is} = $_[1] };

sub browser {
    my ($t) = @_;
    return $t->{browser} //= do {
        my ($width) = ($t->{browser_is} // '') =~ /(\d+)/;
        Test::Meta::Browser->new(dir => $t->{dir}, width => $width // 1100,
            dark => scalar(($t->{browser_is} // '') =~ /dark/));
    };
}

verb open => sub {
    my ($t) = @_;
    browser($t)->open('http://127.0.0.1:' . $t->{nginx}->port . '/status');
    ok wait_for(sub {
        browser($t)->eval('(document.getElementById("live") || {}).textContent || ""') eq 'live' }),
        'the page is live';
};

# "SELECTOR = TEXT", "SELECTOR ~ REGEX": what a person reads, waited for
verb reads => sub {
    my ($t, $arg, $text) = @_;
    for my $line (grep { length } split /\n/, $text) {
        my ($selector, $how, $want) = $line =~ /^(.*?) ([=~]) (.*)$/ or die "faulty line: $line\n";
        my $regex = $how eq '=' ? qr/^\Q$want\E$/ : qr/$want/;
        my $got = '';
        wait_for {
            $got = browser($t)->eval('(function (e) { return e ? e.innerText : "" })'
                . "(document.querySelector('$selector'))");
            $got =~ $regex;
        };
        like $got, $regex, $line;
    }
};

# JavaScript that must come to be true
verb holds => sub {
    my ($t, $arg, $text) = @_;
    for my $code (grep { length } split /\n/, $text) {
        ok wait_for(sub { browser($t)->eval($code) }), $code;
    }
};

verb picture => sub {
    my ($t, $name) = @_;
    my $dir = $ENV{META_T_PICTURES} // $t->{dir};
    ok -s browser($t)->screenshot("$dir/$name.png"), "a picture of it: $name";
};

# REGEX: what its console may say; then it is closed
verb console => sub {
    my ($t, $allowed) = @_;
    is join("\n", grep { !length $allowed || !/$allowed/ } browser($t)->complaints), '',
        'the console has nothing to say';
    (delete $t->{browser})->stop('TERM');
};

verb stop_nginx => sub { is $_[0]{nginx}->quit(15), '0', 'nginx has ended' };

run_blocks();

__DATA__

=== its numbers are those of the traffic
--- redis
appendonly yes
appendfsync always
--- server
location /status { meta_status; }
--- load: 12
--- post: /hook
@page 3
--- post: /hook
@whatsapp 1200
--- post: /hook sign=bad
@page
--- get: /hook
--- open
--- reads
#verdict = All is well
#received = 16
#safe = 1,215
#ways = 1,215 by Redis
#spooled = 0
#spool = no spool: meta_spool is not set
#rate ~ \d a second now
#p50 ~ ms$
#p99 ~ ^half of them; 99 of 100 in . [\d,]+ ms$
#unavailable = 0
#unanswered = 0
#redis ~ redis\.sock\s+always: it is on Redis' disk\s+1 of 1\s+0
#lists ~ ^meta:events\s+1,215\s+no meta-consumer
#objects ~ not known\s+2\s+0
#objects ~ page\s+1\s+3
#objects ~ whatsapp_business_account\s+13\s+1,212
#verdicts ~ ok\s+14\s+signed, and safe
#verdicts ~ bad_signature\s+1\s
#verdicts ~ bad_token\s+1\s
#account ~ acknowledged by Redis\s+1,215
#identity ~ account is even
#accounts ~ 118734502290164\s+page
#accounts ~ 102290129340398\s+whatsapp_business_account
--- picture: status-light
--- load: 4
--- reads
#received = 20
#safe = 1,219
--- console

=== dark, with something to tell
--- browser: dark
--- redis
maxmemory 100mb
maxmemory-policy allkeys-lru
--- location
meta_webhook;
meta_queue meta:events max=3;
--- server
location /status { meta_status; }
--- load: 4
--- post: /hook
@page
--- status: 503
--- open
--- reads
#verdict ~ ^Deliveries were answered 503, the last at [\d:]{8} UTC: Redis did not take them, and no spool did; Meta sends them again
#more ~ meta:events is full
#more ~ Redis may evict the queue when its memory is full
#more ~ Redis loses what it has at a restart \(appendonly no\)
#unavailable = 1
#redis ~ none: nothing after a crash; may evict the queue
--- holds
matchMedia('(prefers-color-scheme: dark)').matches
getComputedStyle(document.body).backgroundColor === 'rgb(17, 20, 23)'
document.title.startsWith('! Deliveries')
--- picture: status-dark
--- console

=== Redis is away, and comes back
--- once
--- redis: down
--- http
meta_spool $DIR/spool;
--- server
location /status { meta_status; }
--- post: /hook
@whatsapp 1204
--- status: 200
--- open
--- reads
#verdict = Redis is away: 1,204 events are on disk
#spooled = 1,204
#ways = 1,204 by disk
#redis ~ 0 of 1
#account ~ on disk now\s+1,204
--- picture: status-away
--- redis_do: start
--- reads
#spooled = 0
#account ~ drained to Redis\s+1,204
#identity ~ account is even
#lists ~ ^meta:events\s+1,204
--- console

=== a telephone: nothing is wider than the screen, whatever names there are
--- browser: 360
--- server
location /status { meta_status; }
location /long {
    meta_webhook;
    meta_queue meta:a-list-with-a-name-that-is-much-too-long-for-any-telephone:and-goes-on-and-on-and-on-until-it-ends-here;
}
--- load: 3
--- post: /hook sign=bad
@page
--- post: /long
{"object":"whatsapp_business_account","entry":[{"id":"1234567890123456789012345678901234567890123456789012345678901234"}]}
--- open
--- reads
#received = 5
#verdicts ~ bad_signature\s+1\s+no secret matches: forged
#lists ~ until-it-ends-here
#accounts ~ 1234567890123456789012345678901234567890123456789012345678901234
--- holds
innerWidth === 360
document.documentElement.scrollWidth <= 360
[].every.call(document.querySelectorAll('section, .tile, td'), function (e) { return e.getBoundingClientRect().right <= 360 })
--- picture: status-phone
--- console

=== what comes from outside is text
--- server
location /status { meta_status; }
--- post: /hook
{"object":"<b>","entry":[{"id":"<img src=x onerror=alert(1)>"},{"id":"<script>document.title=1</script>"}]}
--- open
--- reads
#accounts ~ <img src=x onerror=alert\(1\)>\s+other
#accounts ~ <script>document\.title=1</script>\s+other
--- holds
document.querySelectorAll('main script, main img').length === 0
document.title === 'All is well \u2013 Meta webhooks' || document.title.startsWith('! Redis loses')
--- console

=== nginx goes away: the page says so, and that its figures are old
--- once
--- server
location /status { meta_status; }
--- load: 2
--- open
--- reads
#received = 2
--- stop_nginx
--- reads
#live ~ ^no answer for \d+ s$
#received = 2
--- holds
document.getElementById('figures').className === 'stale'
--- console: ERR_CONNECTION_REFUSED

=== the rest while its tab is hidden
--- server
location /status { meta_status; }
--- open
--- holds
(Object.defineProperty(document, 'hidden', {get: function () { return window.away }, configurable: true}), window.away = true, document.dispatchEvent(new Event('visibilitychange')))
document.getElementById('live').textContent === 'paused'
--- load: 3
--- holds
(window.away = false, document.dispatchEvent(new Event('visibilitychange')))
--- reads
#live = live
#received = 3
--- console
