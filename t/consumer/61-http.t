# The consumer's HTTP client against peers that misbehave: deadlines, ceilings, what is never done.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use IO::Socket::INET;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);

use Test::Meta::Caller;
use Test::Meta::Certs;
use Test::Meta::Peer;
use Test::Meta::Util qw(patience slurp temp_dir wait_for);

# none of these may be asked
my $proxy = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16) or die $!;
@ENV{qw(http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY)}
    = ('http://127.0.0.1:' . $proxy->sockport) x 5;

my $dir = temp_dir();
my $base = Test::Meta::Certs->new($dir, 'ca')->issue('peer', '/CN=peer', 'IP:127.0.0.1');
my $caller = Test::Meta::Caller->new($dir);
my $n = 0;

sub peer {
    my (@script) = @_;
    my %arg = ref $script[0] ? %{shift @script} : ();
    return Test::Meta::Peer->new(dir => $dir, name => 'peer' . ++$n, script => \@script,
        %arg)->start;
}

sub said { return "say:HTTP/1.1 200 OK\r\nContent-Length: " . length($_[0]) . "\r\n\r\n$_[0]" }

subtest 'methods and headers' => sub {
    my $peer = peer('ok');
    my $url = $peer->url . '/a?b=c';
    my %json = (bearer => 'EAAtoken');
    $caller->call(url => $url, method => 'GET', %json, body => 'never sent');
    $caller->call(url => $url, method => 'POST', %json, body => '{"a":1}');
    $caller->call(url => $url, method => 'DELETE', %json);
    $caller->call(url => $url, method => 'PUT', body => 'b', type => 'text/plain');
    $caller->call(url => $url, method => 'POST', headers => ['Meta-Id: 7', 'Meta-Attempt: 1'],
        body => 'c');
    $caller->call(url => $url, method => 'POST', bearer => 'T', oauth => JSON::PP::true);
    $caller->call(url => $url, method => 'GET', %json);
    my @requests = $peer->requests;
    is_deeply [map { $_->[1] =~ /^(\w+)/ } @requests], [qw(GET POST DELETE PUT POST POST GET)],
        'one handle does all of them';
    is_deeply [map { $_->[1] } @requests], [map { "$_|/a?b=c|HTTP/1.1" }
        qw(GET POST DELETE PUT POST POST GET)], 'the path as it was';
    is_deeply [map { $_->[2] } @requests], ['', '{"a":1}', '', 'b', 'c', '', ''], 'the bodies';
    is $peer->connections, 1, 'over one connection';
    my @sets = map { {map { split /: /, $_, 2 } /^header (.*)/mg} }
        split /^request .*\n/m, slurp($peer->{log});
    shift @sets;
    is_deeply [map { $_->{Authorization} } @sets], [('Bearer EAAtoken') x 3, undef, undef,
        'OAuth T', 'Bearer EAAtoken'], 'each has its own token, or none';
    is_deeply [map { $_->{'Content-Type'} } @sets], [undef, 'application/json', undef,
        'text/plain', ('application/json') x 2, undef], 'a body says what it is';
    is_deeply [map { $_->{'Content-Length'} } @sets], [undef, 7, undef, 1, 1, 0, undef],
        'and how long, also when it is empty';
    is "@{$sets[4]}{qw(Meta-Id Meta-Attempt)}", '7 1', 'more headers';
    ok !grep({ exists $_->{Expect} || exists $_->{'Meta-Id'} && $_ != $sets[4] } @sets),
        'and only there';
    like $sets[0]{'User-Agent'}, qr/^meta-consumer/, 'who it is';
    $peer->stop;
};

subtest 'headers that are wanted' => sub {
    my $peer = peer("say:HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\nHTTP/1.1 200 OK\r\n"
        . "X-App-Usage:  {\"call_count\":28} \r\nfacebook-api-version: v24.0\r\nX-App: no\r\n"
        . "FACEBOOK-API-VERSION: v25.0\r\nContent-Length: 2\r\n\r\n{}", 'ok');
    my @want = (want => ['x-app-usage', 'facebook-api-version', 'retry-after', 'x-app-usag']);
    my $r = $caller->call(url => $peer->url, method => 'GET', @want);
    is_deeply $r->{headers}, ['{"call_count":28}', 'v25.0', '', ''],
        'the last one counts, none of a 1xx, none half';
    $r = $caller->call(url => $peer->url, method => 'GET', @want);
    is_deeply $r->{headers}, [('') x 4], 'and none of the call before';
    $peer->stop;
};

subtest 'ceilings' => sub {
    my @table = (
        ['an answer as long as may be', said('x' x 1000), 'answered', max => 1000],
        ['one byte longer', said('x' x 1001), 'ambiguous', max => 1000],
        ['1 MB', said('x' x 1_048_576), 'answered'],
        ['more', said('x' x 1_048_577), 'ambiguous'],
        ['without end', 'drip:' . "HTTP/1.1 200 OK\r\n\r\n|" . 'x' x 100_000, 'ambiguous'],
        ['headers over 64 KB', "say:HTTP/1.1 200 OK\r\n"
            . join('', map { "X-$_: " . 'x' x 900 . "\r\n" } 1 .. 80) . "\r\n", 'ambiguous'],
        ['headers without end', "drip:HTTP/1.1 200 OK\r\n|X: " . 'x' x 1000 . "\r\n", 'ambiguous'],
    );
    for my $row (@table) {
        my ($name, $word, $outcome, @call) = @$row;
        my $peer = peer($word);
        my $r = $caller->call(url => $peer->url, method => 'POST', body => 'x', @call);
        is $r->{outcome}, $outcome, $name or diag explain $r;
        $peer->stop;
    }
};

subtest 'deadlines' => sub {
    # the idle one first, with a whole one behind it
    my @table = (
        ['nothing comes', 'hang', 'ambiguous', 'nothing came for too long', idle => 400],
        ['nothing comes, whole', 'hang', 'ambiguous', 'the time for the whole call is over',
            total => 400],
        ['it drips', 'drip:HTTP/1.1 200 OK' . "\r\n|X: y\r\n", 'ambiguous',
            'the time for the whole call is over', total => 600, idle => 400],
        ['half an answer', "say:HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", 'ambiguous',
            'nothing came for too long', idle => 400],
    );
    for my $row (@table) {
        my ($name, $word, $outcome, $why, @call) = @$row;
        my $peer = peer($word);
        my $began = time;
        my $r = $caller->call(url => $peer->url, method => 'POST', body => 'x', @call);
        is "$r->{outcome}: $r->{why}", "$outcome: $why", $name;
        cmp_ok time - $began, '>=', 0.39, "$name: not too early";
        cmp_ok $r->{ms}, '<', 1500 * patience(), "$name: not too late";
        is scalar $peer->requests, 1, "$name: sent once";
        $peer->stop;
    }

    # a listener whose queue is full: packets are dropped
    my $full = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die $!;
    my @in = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport,
        Blocking => 0, Timeout => 0.1) } 1 .. 4;
    my $r = $caller->call(url => 'http://127.0.0.1:' . $full->sockport, method => 'POST',
        body => 'x', connect => 400);
    is $r->{outcome}, 'unsent', 'no connection';
    cmp_ok $r->{ms}, '>=', 390, 'not too early';
    cmp_ok $r->{ms}, '<', 2500 * patience(), 'not too late';
};

subtest 'a connection of HTTP/2 that has gone dead' => sub {
    my $peer = peer({h2 => $base}, qw(ok hang ok));
    my %call = (url => $peer->url, ca => "$dir/ca.pem", method => 'POST', body => 'x');
    is $caller->call(%call)->{version}, 20, 'it is there';
    is $caller->call(%call, idle => 300)->{why}, 'nothing came for too long', 'it dies';
    my $r = $caller->call(%call);
    is "$r->{outcome} $r->{reused}", 'answered 0', 'the next call has one of its own';
    is $peer->connections, 2, 'so there were two';
    $peer->stop;
};

subtest 'many at once' => sub {
    my $peer = peer({h2 => $base, many => 1}, 'ok');
    my %call = (url => $peer->url, ca => "$dir/ca.pem", method => 'POST', length => 3000);
    my @ids = map { $caller->start(%call) } 1 .. 300;
    my %how;
    $how{"$_->{outcome} $_->{status} $_->{version}"}++ for map { $caller->result($_) } @ids;
    is_deeply \%how, {'answered 200 20' => 300}, 'all are answered';
    is scalar $peer->requests, 300, 'each was sent once';
    cmp_ok $peer->connections, '<=', 3, 'over few connections';
    $peer->stop;
};

subtest 'more than may be on the wire' => sub {
    my $peer = peer('hang');
    my @ids = map { $caller->start(url => $peer->url, method => 'POST', body => "n$_",
        total => 700) } 1 .. 1500;
    my %how;
    $how{$_->{outcome}}++ for map { $caller->result($_) } @ids;
    is $how{unsent} + ($how{ambiguous} // 0), 1500, 'each ends when its time is over';
    cmp_ok $how{ambiguous} // 0, '<=', 64, 'at most 64 connections to a host';
    $peer->stop;
};

subtest 'cancelled' => sub {
    my $peer = peer(qw(hang ok));
    my $id = $caller->start(url => $peer->url, method => 'POST', body => 'x');
    ok +(wait_for { $peer->requests }), 'it is on its way';
    $caller->cancel($id);
    my $r = $caller->call(url => $peer->url, method => 'POST', body => 'y');
    is $r->{outcome}, 'answered', 'the next one is answered';
    ok !$caller->{done}{$id}, 'nobody hears of the other';
    $peer->stop;
};

subtest 'what is never done' => sub {
    my $target = peer('ok');
    my $peer = peer("say:HTTP/1.1 302 Found\r\nLocation: " . $target->url
        . "/\r\nContent-Length: 0\r\n\r\n");
    my $r = $caller->call(url => $peer->url, method => 'GET', bearer => 'EAAtoken');
    is "$r->{outcome} $r->{status}", 'answered 302', 'a redirect is an answer';
    is scalar $target->requests, 0, 'and is not followed';
    $_->stop for $peer, $target;

    $r = $caller->call(url => 'file:///etc/passwd', method => 'GET');
    is "$r->{outcome} $r->{length}", 'unsent 0', 'no other protocols';

    $peer = peer(qw(ok ok));
    $caller->call(url => $peer->url . '/before', method => 'GET');
    for my $call ([headers => ["X: a\r\nY: b"]], [bearer => "a\nb"], [type => "a\r\nX: y"]) {
        $r = $caller->call(url => $peer->url, method => 'POST', body => 'x', @$call);
        like "$r->{outcome}: $r->{why}", qr/^unsent: .*line break/, "$call->[0] with a line break";
    }
    is scalar $peer->requests, 1, 'nothing of it was sent, nor where the call before went';
    $peer->stop;

    $peer = peer({tls => $base}, 'ok');
    $r = $caller->call(url => $peer->url, method => 'POST', body => 'x');
    is $r->{outcome}, 'unsent', 'a certificate that nobody vouches for';
    $r = $caller->call(url => $peer->url, method => 'POST', body => 'x', ca => "$dir/ca.pem");
    is $r->{outcome}, 'answered', 'one that somebody does';
    $r = $caller->call(url => $peer->url, method => 'POST', body => 'x');
    is $r->{outcome}, 'unsent', 'whose word counts for that call alone';
    $r = $caller->call(url => $peer->url =~ s/127.0.0.1/localhost/r, method => 'POST', body => 'x',
        ca => "$dir/ca.pem");
    is $r->{outcome}, 'unsent', 'nor under another name';
    is scalar $peer->requests, 1, 'one request was sent';
    $peer->stop;

    $proxy->blocking(0);
    ok !$proxy->accept, 'no proxy of the environment was asked';
};

subtest 'a unix socket' => sub {
    my $peer = peer({unix => 1}, 'ok');
    my $tcp = peer('ok');
    for my $call ([$peer->url . '/one', unix => $peer->{sock}], [$tcp->url . '/two'],
        [$peer->url . '/three', unix => $peer->{sock}])
    {
        my ($url, @call) = @$call;
        is $caller->call(url => $url, method => 'POST', body => 'x', @call)->{outcome}, 'answered',
            $url;
    }
    is_deeply [map { scalar $_->requests } $peer, $tcp], [2, 1], 'each went its way';
    $_->stop for $peer, $tcp;
};

is $caller->end, '', 'nothing to complain of';
done_testing;
