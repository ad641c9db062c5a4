# A connection that dies under a call: what is not idempotent leaves once, HTTP/1.1 and HTTP/2.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Test::Meta::Caller;
use Test::Meta::Certs;
use Test::Meta::Peer;
use Test::Meta::Util qw(spew temp_dir wait_for);

my $dir = temp_dir();
my $base = Test::Meta::Certs->new($dir, 'ca')->issue('peer', '/CN=peer', 'IP:127.0.0.1');
my $caller = Test::Meta::Caller->new($dir);
my $n = 0;

my %wire = ('HTTP/1.1' => {}, 'HTTP/1.1 over TLS' => {tls => $base}, 'HTTP/2' => {h2 => $base});

# the second call of a connection meets its end; what became of it, and how often it was read
sub second {
    my ($wire, $word, %call) = @_;
    my $peer = Test::Meta::Peer->new(dir => $dir, name => 'peer' . ++$n,
        script => ['ok', $word, 'ok'], %{$wire{$wire}})->start;
    my %common = (url => $peer->url . '/x', ca => "$dir/ca.pem", %call);
    my $first = $caller->call(%common, body => 'first', length => 0, method => 'POST');
    is $first->{outcome}, 'answered', 'the first call is answered' or diag explain $first;
    is $first->{version}, $wire eq 'HTTP/2' ? 20 : 11, "by $wire";
    my $second = $caller->call(%common);
    my @requests = $peer->requests;
    $peer->stop;
    return ($second, scalar(@requests) - 1, @requests);
}

my @calls = (
    ['POST', method => 'POST', body => '{"text":"once"}'],
    ['POST without a body', method => 'POST'],
    ['POST of 300 KB', method => 'POST', length => 300_000],
    ['DELETE', method => 'DELETE'],
    ['DELETE with a body', method => 'DELETE', body => '{}'],
    ['PUT', method => 'PUT', body => 'x'],
    ['GET that does something', method => 'GET'],
);

for my $wire (sort keys %wire) {
    my $h2 = $wire eq 'HTTP/2';
    for my $word (qw(cut reset half), $h2 ? qw(refuse goaway gone) : ()) {
        for my $row (@calls) {
            my ($name, %call) = @$row;
            next if $word ne 'cut' && $name =~ /300|PUT|GET/;
            subtest "$wire, $word: $name" => sub {
                my ($r, $times, @all) = second($wire, $word, %call);
                is $times, 1, 'it was sent once' or diag explain \@all;
                is $r->{outcome}, 'ambiguous', 'and nobody knows whether it was executed'
                    or diag explain $r;
                isnt $r->{why}, '', "why: $r->{why}";
            };
        }
    }
    for my $word ($h2 ? 'refuse' : qw(cut reset)) {
        for my $row (@calls) {
            my ($name, %call) = @$row;
            subtest "$wire, $word: $name, idempotent" => sub {
                my ($r, $times) = second($wire, $word, %call, idempotent => JSON::PP::true);
                is $times, 2, 'it was sent again by itself';
                is "$r->{outcome} $r->{status}", 'answered 200', 'and answered'
                    or diag explain $r;
            };
        }
    }
}

subtest 'a connection that was closed while nobody used it' => sub {
    my $peer = Test::Meta::Peer->new(dir => $dir, name => 'late',
        script => [qw(late late ok)])->start;
    for my $method (qw(POST POST DELETE)) {
        my $r = $caller->call(url => $peer->url, method => $method);
        is "$r->{outcome} $r->{reused}", 'answered 0', "$method by a fresh one" or diag explain $r;
        ok +(wait_for { $peer->closed == $peer->requests || $peer->requests == 3 }), 'closed';
    }
    is scalar $peer->requests, 3, 'each once';
    $peer->stop;
};

subtest 'an answer, and a reset behind it before it was read' => sub {
    my $peer = Test::Meta::Peer->new(dir => $dir, name => 'rude',
        script => ["rude:$dir/go"])->start;
    my $id = $caller->start(url => $peer->url, method => 'POST', body => '{}');
    ok +(wait_for { $peer->requests == 1 }), 'it has arrived';
    kill 'STOP', $caller->{pid};
    spew("$dir/go", '');
    ok +(wait_for { $peer->closed == 1 }), 'answered and reset';
    kill 'CONT', $caller->{pid};
    my $r = $caller->result($id);
    is "$r->{outcome} $r->{status}", 'answered 200', 'what was said counts' or diag explain $r;
    $peer->stop;
};

subtest 'a body that did not leave' => sub {
    my $r = $caller->call(url => 'http://127.0.0.1:1/', method => 'POST', body => 'x');
    is $r->{outcome}, 'unsent', 'nobody there';
    $r = $caller->call(url => 'http://127.0.0.1:1/', method => 'DELETE');
    is $r->{outcome}, 'unsent', 'nor for what has none';
};

is $caller->end, '', 'nothing to complain of';
done_testing;
