package Test::Meta::Login;

# Sections for logins: signed links, states of every kind, what stands in
# meta:auth, and that Redis holds nothing in clear.
#
#   --- logins                  the directives and files that a login needs
#   --- login: ref=shop-7       follows a signed link; then $STATE, $COOKIE, $FLOW
#   --- state: expires=-1       a state of our own making instead

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use Mojo::JSON qw(decode_json);
use Mojo::Util qw(b64_decode b64_encode url_escape url_unescape);
use Test::More;

use Test::Meta;
use Test::Meta::HTTP;
use Test::Meta::Util qw(wait_for);

our $LINK_KEY = 'a-key-of-links-for-this-test';
our $SEAL_KEY = '00112233445566778899aabbccddeeff' x 2;

sub b64url       { return b64_encode($_[0], '') =~ tr{+/=}{-_}dr }
sub words        { return map { /^(\w+)=(.*)$/s ? ($1, $2) : ($_, 1) } split ' ', $_[0] }
sub from_b64url  { return b64_decode($_[0] =~ tr{-_}{+/}r) }

# what a login needs, unless the block has its own; behind http and server
config_verb logins => sub {
    my ($t) = @_;
    $t->{files}{link_keys} = "$LINK_KEY\n";
    $t->{files}{token_keys} = "$SEAL_KEY\n";
    $t->learn($LINK_KEY, $SEAL_KEY);
    my %lines = (http => <<'HTTP', server => <<'SERVER');
meta_oauth_app shop id=1122334455 kind=facebook scope=a,b;
HTTP
meta_token_key_file $DIR/token_keys;
meta_link_key_file $DIR/link_keys;
meta_redirect_uri https://example.com/cb;
location = /login { meta_oauth_login shop; }
location = /cb { meta_oauth_callback; }
location = /st { meta_oauth_status; }
SERVER
    for my $place (keys %lines) {
        my $own = $t->{conf}{$place} // '';
        $t->{conf}{$place} = $own . join '', grep {
            my ($begin) = /^(location = \S+|\w+(?: shop)?)/;
            $own !~ /^\Q$begin\E\s/m
        } split /^/, $lines{$place};
    }
};

# query of a link: ref= exp=+60 (seconds from now) key= sig=
sub link_query {
    my (%arg) = (ref => '', exp => '+600', key => $LINK_KEY, @_);
    my $exp = $arg{exp} =~ /^[+-]/ ? time + $arg{exp} : $arg{exp};
    my $sig = $arg{sig} // hmac_sha256_hex("$arg{ref}\n$exp", $arg{key});
    return 'ref=' . url_escape($arg{ref}) . "&exp=$exp&sig=$sig";
}

# ... path= (/login) cookie= more=; remembers what a browser would
verb login => sub {
    my ($t, $arg) = @_;
    my %arg = words($arg);
    my $path = $arg{path} // '/login';
    $arg{ref} = url_unescape($arg{ref}) if defined $arg{ref};
    my $more = defined $arg{more} ? "&$arg{more}" : '';
    $t->run($arg{method} && $arg{method} eq 'HEAD' ? 'request' : 'get',
        ($arg{method} && $arg{method} eq 'HEAD' ? 'HEAD ' : '')
            . "$path?" . link_query(%arg) . $more,
        defined $arg{cookie} ? "> Cookie: __Host-meta_login=$arg{cookie}\n" : '');
    my $location = Test::Meta::HTTP::header($t->{last}, 'Location') // '';
    my $cookie = Test::Meta::HTTP::header($t->{last}, 'Set-Cookie') // '';
    my $n = $arg{as} // '';
    my $vars = $t->{nginx}{vars};
    delete @$vars{"STATE$n", "COOKIE$n", "FLOW$n"};
    ($vars->{"STATE$n"}) = $location =~ /[?&]state=([^&]+)/;
    ($vars->{"COOKIE$n"}) = $cookie =~ /^__Host-meta_login=([^;]+)/;
    ($vars->{"FLOW$n"}) = map { (split /\n/, from_b64url((split /\./)[0]))[2] }
        grep { defined } $vars->{"STATE$n"};
};

# a state of our own: expires=SECONDS from now, key= cookie= name= ref= flow=
verb state => sub {
    my ($t, $arg) = @_;
    my %arg = (expires => 600, key => $SEAL_KEY, cookie => 'A' x 21 . 'g', name => 'shop',
        ref => '', flow => 'f' x 32, words($arg));
    my $payload = join "\n", 1, time + $arg{expires}, @arg{qw(flow name ref)};
    my $sub = hmac_sha256('ngx_http_meta state', pack 'H*', $arg{key});
    my $vars = $t->{nginx}{vars};
    @$vars{qw(STATE COOKIE FLOW)} = (b64url($payload) . '.'
        . b64url(hmac_sha256("$payload\n$arg{cookie}", $sub)), @arg{qw(cookie flow)});
};

# QUERY: Meta sends the browser back; LONG99 stands for 99 characters
verb back => sub {
    my ($t, $query) = @_;
    $query =~ s/\bLONG(\d+)/'x' x $1/e;
    $t->run(get => "/cb?$query", "> Cookie: a=b; __Host-meta_login=\$COOKIE; c=d\n");
};

# URL, of which every part but the state is known; STATE and FLOW stand for it
verb leads_to => sub {
    my ($t, $want) = @_;
    my $got = Test::Meta::HTTP::header($t->{last}, 'Location') // '(none)';
    my $flow = $t->{nginx}{vars}{FLOW};
    $got =~ s/(?<=[?&]state=)[\w.-]{60,}/STATE/;
    $got =~ s/\Q$flow\E/FLOW/ if $flow;
    is $got, $want, "Location: $want";
};

# N records in meta:auth; their events have "MEMBER = JSON", a line each
verb auth => sub {
    my ($t, $n, $text) = @_;
    my @records = $t->{redis}->queue('meta:auth');
    is scalar @records, $n, "$n in meta:auth";
    return unless length $text;
    my $record = $records[-1];
    my ($raw) = $record =~ /"event":(.*)\}\z/s;
    my $r = decode_json($record);
    my $flow = $t->{nginx}{vars}{FLOW};
    for my $line (grep { length } split /\n/, $t->expand($text)) {
        my ($name, $want) = $line =~ /^([\w.]+) = (.*)$/ or die "faulty line: $line\n";
        my $got = $r;
        $got = $got->{$_} for split /\./, $name;
        $got = Mojo::JSON::encode_json($got);
        $want =~ /^~(.*)/ ? like($got, qr/$1/, $line) : is($got, $want, $line);
    }
    ok abs($r->{received_at} - time * 1000) < 60_000, 'received now';
};

# AGE...: meta:auth holds elements so many seconds old, of edges whose clocks
# say otherwise
verb waiting => sub {
    my ($t, $ages) = @_;
    $t->{redis}->do('RPUSH', 'meta:auth', map {
        sprintf '{"v":1,"id":",\"queued_at\":1}","age":%d,"received_at":%d,"event":{},'
            . '"queued_at":%d}', $_, (time + $_ - 150) * 1000, (time - $_) * 1000
    } split ' ', $ages);
};

# WORD ...: in no key and no value of Redis
verb nowhere => sub {
    my ($t, $arg) = @_;
    my $redis = $t->{redis};
    my @all;
    for my $key ($redis->do('KEYS', '*')) {
        my $type = $redis->do('TYPE', $key);
        push @all, $key, $type eq 'list' ? $redis->queue($key)
            : $type eq 'hash' ? $redis->do('HGETALL', $key)
            : $type eq 'string' ? $redis->do('GET', $key) : ();
    }
    ok @all, 'Redis holds something';
    for my $word (split ' ', $arg) {
        is scalar(grep { /\Q$word\E/ } @all), 0, 'and nothing in clear';
    }
};

# FIELD = VALUE of the flow's hash
verb flow => sub {
    my ($t, $arg, $text) = @_;
    my $flow = $t->{nginx}{vars}{FLOW};
    for my $line (grep { length } split /\n/, $t->expand($text)) {
        my ($field, $want) = $line =~ /^(\w+) = (.*)$/ or die "faulty line: $line\n";
        is $t->{redis}->do('HGET', "meta:flow:$flow", $field) // '(none)', $want, $line;
    }
};

# KEY MAX: it goes after at most so many seconds, and not at once
verb expires => sub {
    my ($t, $arg) = @_;
    my ($key, $max) = split ' ', $arg;
    my $ttl = $t->{redis}->do('TTL', $key);
    ok $ttl > $max - 30 && $ttl <= $max, "$key goes in $max s" or diag $ttl;
};

1;
