# metactl status, top and queue: numbers of one moment, the identity, holders, strays, the edge.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use IO::Socket::UNIX;
use JSON::PP ();
use Test::More;

use Ctl qw(event letter $Q $PAGE);
use Test::Meta::Process;
use Test::Meta::Util qw(spew wait_for);

my $ctl = Ctl->new(queues => qq([{name: "$Q"}, {name: "meta:outbox", kind: jobs}]));
my $now = time * 1000;

# "nkeys len1 len2 ...\n", the lines, the record
sub envelope {
    my ($record, @lines) = @_;
    return join(' ', scalar @lines, map { length } @lines) . "\n" . join('', @lines) . $record;
}

subtest 'nothing is there' => sub {
    my $s = $ctl->json('status');
    is_deeply [map { $_->{list} } @{$s->{queues}}], [$Q, 'meta:outbox', 'meta:callbacks'],
        'the configured lists, and that of callbacks';
    is $s->{sum}{$_}, 0, "no $_" for qw(arrived taken waiting dead done unaccounted);
    is_deeply [$s->{good}, $s->{consumers}, $s->{paused}], [JSON::PP::true, {}, {}],
        'and that is good';
    my ($code, $out) = $ctl->run('status');
    like $out, qr/nobody/, 'nobody holds them';
    unlike $out, qr/\033/, 'no colour into a pipe';
    ok !$ctl->do('DBSIZE'), 'to look writes nothing';
    is +($ctl->run('status', 'nosuch'))[0], 4, 'a queue that is not configured';
};

# a bit of everything
$ctl->do('RPUSH', $Q, event(came => $now - 5000), event(), event(page => '999'));
$ctl->do('RPUSH', "{$Q}:urgent", event());
$ctl->do('HSET', "{$Q}:inflight", 7, event(), '8u', event());
$ctl->do('HSET', "{$Q}:held", 9, envelope(event(page => '{v', user => ','), '{"key":"7:8"', "b\n"
    . '{"v":1,'));
$ctl->do('ZADD', "{$Q}:retry", $now + 600000, '10 ' . envelope(event(), 'a'), $now + 900000,
    '11 ' . envelope(event()));
$ctl->letters(letter(event()));
$ctl->do('HINCRBY', "{$Q}:count", @$_) for [taken => 5 + 4 + 3 + 2 + 1 + 6], [worked => 4],
    [duplicate => 3], [unmatched => 2], [expired => 1], [dropped => 6];
$ctl->do('HSET', "{$Q}:lease", owner => 'shop-1/4711/1', until => $now + 600000, alone => '8u');
$ctl->do('HSET', '{meta:outbox}:lease', owner => 'gone/1/1', until => $now - 60000);
my $day = int($now / 86400000);
$ctl->do('HSET', "{$Q}:seen:count", $day - 30, 9, $day - 3, 5, "$day.1", 2, 'since', 17);
$ctl->do('HSET', 'meta:consumers', 'a', qq({"id":"a","host":"shop-1","pid":4711,"version":"0.1.0",)
    . qq("started":@{[$now - 7200000]},"queues":["$Q"],"held":["$Q"],)
    . qq("alone":["shop"],"alone_endpoints":["desk/writer"],"until":@{[$now + 6000]}}));
$ctl->do('HSET', 'meta:control', 'account:999', '{"until":null,"by":"me","why":"angry","since":1}');

my %lanes = ("page:$PAGE" => 2, 'token:ab12' => 1);
for my $lane (sort keys %lanes) {
    $ctl->do('ZADD', "{$Q}:lines", 0, "\1$lane\0" . sprintf '%016d', $_)
        for 1 .. $lanes{$lane};
}
$ctl->do('ZADD', "{$Q}:lines", 0, "a\0" . '0' x 15 . '9');
$ctl->do('ZADD', "{$Q}:lines", 0, "\1x");     # what nobody of us writes
$ctl->do('SET', 'meta:limit:stop:token:ab12',
    qq({"until":@{[$now + 60000]},"since":$now,"ms":60000,"why":"The token has expired."}));

subtest 'all of it' => sub {
    my $s = $ctl->json('status');
    my $q = $s->{queues}[0];
    my %is = (arrived => 26, taken => 22, waiting => 4, inflight => 2, held => 1, retry => 2,
        dead => 1,
        done => 16, worked => 4, duplicate => 3, unmatched => 2, expired => 1, dropped => 6,
        unaccounted => 0, oldest => $now - 5000, next_due => $now + 600000,
        seen_since => ($day - 3) * 86400000, holder => 'shop-1/4711/1', alone => '8u');
    is $q->{$_}, $is{$_}, $_ for sort keys %is;
    ok $q->{lease_ms} > 0 && $q->{lease_ms} <= 600000, 'what is left of the lease';
    is $s->{queues}[1]{holder}, undef, 'a lease that is over is nobody\'s';
    is $s->{consumers}{a}{pid}, 4711, 'who is alive';
    is $s->{paused}{'account:999'}{why}, 'angry', 'what is paused';
    is_deeply [map { [@$_{qw(lane waiting until why)}] } @{$s->{lanes}}],
        [["page:$PAGE", 2, undef, undef],
        ['token:ab12', 1, $now + 60000, 'The token has expired.'], ['x', 0, undef, undef]],
        'on which lanes items wait, and why';
    my ($code, $out) = $ctl->run('status');
    is $code, 0, 'good';
    like $out, $_, "people read $_" for qr/all accounted for/, qr/shop-1\/4711\/1, \d/,
        qr/pid 4711/,
        qr/alone: item 8u/, qr/account:999\n +until it is resumed: angry/, qr/next is due in \d/,
        qr/^ +its handler shop failed too often, and is left alone$/m,
        qr{^ +its endpoint desk/writer failed too often, and is left alone$}m,
        qr/held on    page:$PAGE, 2 wait/,
        qr/token:ab12, 1 wait\n +until \d{4}\S+ .*: The\s+token\s+has\s+expired\./;
    like +($ctl->run('doctor'))[1], qr/^warn +lane +token:ab12 holds 1, until/m, 'doctor, too';
    like +($ctl->run('doctor'))[1],
        qr/^warn +handler +shop: shop-1 leaves it alone[^>]*pid\s+4711/m, '... that too';
    like +($ctl->run('doctor'))[1], qr{^warn +assistant +desk/writer: shop-1 leaves it alone}m,
        '... and that';
    is_deeply [grep { length > 80 } split /\n/, $out], [], 'on 80 columns';
};

subtest 'a stop that waits for a person' => sub {
    for (['368', 'whatsapp'], ['130429', 'whatsapp']) {
        my $e = $ctl->json('explain', $_->[0], '--product', $_->[1]);
        $ctl->do('SET', "meta:limit:stop:page:$PAGE", JSON::PP::encode_json({
            until => $now + 14400000, since => $now, ms => 14400000, why => $e->{text}}));
        my ($code, $out) = $ctl->run('doctor', '--json');
        my ($lane) = grep { $_->{text} =~ /^page:/ } @{JSON::PP::decode_json($out)->{checks}};
        is $lane->{level}, 'warn', "$_->[0]: $e->{class}";
        is $lane->{todo} eq $e->{todo} ? 'operator' : $lane->{todo} =~ /by itself/ ? 'wait' : '',
            $e->{class}, '... and what to do';
    }
    $ctl->do('DEL', "meta:limit:stop:page:$PAGE");
};

subtest 'what Redis refuses a consumer' => sub {
    my %all = $ctl->do('HGETALL', 'meta:consumers');
    for my $what (qw(limits pauses people logins)) {
        $ctl->do('HSET', 'meta:consumers', 'a', $all{a} =~ s/"alone"/"refused":["$what"],"alone"/r);
        my ($code, $out) = $ctl->run('status');
        is $code, 1, "$what: is bad";
        like $out, qr/^ {13}Redis refuses it meta:/m, '... and said';
        like +($ctl->run('doctor'))[1], qr/^bad +consumers +shop-1, pid 4711: Redis refuses/m,
            '... in doctor';
    }
    for (['tokens', 'put the key that sealed them back'], ['codes', 'the same token_key_file on']) {
        my ($what, $do) = @$_;
        $ctl->do('HSET', 'meta:consumers', 'a', $all{a} =~ s/"alone"/"refused":["$what"],"alone"/r);
        like join('', $ctl->run('status')), qr/^1.*\n {13}no key of its token_key_file/s, $what;
        like +($ctl->run('doctor'))[1] =~ s/\s+/ /gr,
            qr/pid 4711: no key of its token_key_file .*? -> $do/,
            '... in doctor, and what to do';
    }
    $ctl->do('HSET', 'meta:consumers', 'a', $all{a});
    is +($ctl->run('status'))[0], 0, 'until it is over';
};

subtest 'a ceiling is reached' => sub {
    is $ctl->json('status')->{queues}[0]{full}, undef, 'not yet';
    for ([dead_max => 1, '1 are dead and dead_max is 1', 'dead letters'],
        [waiting_max => 3, '3 are held or retried and waiting_max is 3', 'waiting'])
    {
        my ($key, $max, $says, $check) = @$_;
        local $ctl->{conf} = $ctl->conf(name => "$key.yaml", more => "$key: $max\n");
        is $ctl->json('status')->{queues}[0]{full}, $key, $key;
        like +($ctl->run('status'))[1] =~ s/\s+/ /gr, qr/ full $Q: nothing is taken, $says /,
            '... said in words';
        like +($ctl->run('doctor'))[1], qr/^bad +$check +$Q/m, '... bad for doctor';
    }
};

subtest 'what is not accounted for' => sub {
    $ctl->do('HDEL', "{$Q}:inflight", 7);
    my ($code, $out) = $ctl->run('status', '--json');
    is $code, 1, 'is bad';
    is JSON::PP::decode_json($out)->{queues}[0]{unaccounted}, 1, 'and counted';
    like +($ctl->run('status'))[1], qr/taken is 1 more than what is somewhere/, 'and said';
    $ctl->do('HSET', "{$Q}:inflight", 7, event());
};

subtest 'queue: by account' => sub {
    my $w = $ctl->json('queue', $Q)->{lists}[0];
    my %by = map { $_->{account} => $_ } @{$w->{accounts}};
    is_deeply [sort keys %by], [sort $PAGE, '999', '{v'],
        'whose events wait; a key cannot confuse it';
    is_deeply [@{$by{$PAGE}}{qw(list urgent inflight held retry all)}], [2, 1, 2, 0, 2, 7], 'where';
    is $by{'{v'}{held}, 1, 'an envelope is opened by its lengths';
    ok !$w->{more}, 'all were looked at';
    my $some = $ctl->json('queue', $Q, '--limit', 1)->{lists}[0];
    ok $some->{more}, 'or so many in each place';
    is_deeply [map { $_->{list} } @{$some->{accounts}}], [1, 0], 'the oldest';
    like +($ctl->run('queue'))[1], qr/^  999 +1 /m, 'people read it';
};

subtest 'partitions' => sub {
    local $ctl->{conf} = $ctl->conf(name => 'parts.yaml', queues => '[{name: p}]');
    $ctl->do('RPUSH', $_, event()) for 'p', 'p:0', 'p:77', 'p:256', 'p:x';
    $ctl->do('HSET', '{p:200}:held', 1, 'x');
    $ctl->do('HSET', '{p:200}:count', 'taken', 1);
    is_deeply [map { [$_->{list}, $_->{stray} ? 1 : 0] } @{$ctl->json('status')->{queues}}],
        [['p', 0], ['p:0', 1], ['p:77', 1], ['p:200', 1], ['meta:callbacks', 0]],
        'lists outside of them are found';
    is $ctl->json('status')->{sum}{arrived}, 4, 'and belong to the sum';
    is $ctl->json('status', 'p:77')->{sum}{arrived}, 1, 'one of them alone';
};

subtest 'several partitions' => sub {
    local $ctl->{conf} = $ctl->conf(name => 'four.yaml', queues => '[{name: f, partitions: 4}]');
    plan skip_all => 'not of this version' if ($ctl->run('config', 'test'))[0];
    $ctl->do('RPUSH', "f:$_", event()) for 0 .. 3;
    is_deeply [map { $_->{list} } @{$ctl->json('status')->{queues}}], [(map { "f:$_" } 0 .. 3),
        'meta:callbacks'], 'each is a list';
    $ctl->do('RPUSH', $_, event()) for 'f', 'f:4';
    is_deeply [map { [$_->{list}, $_->{stray} ? 1 : 0] } @{$ctl->json('status')->{queues}}],
        [(map { ["f:$_", 0] } 0 .. 3), ['f', 1], ['f:4', 1],
            ['meta:callbacks', 0]], 'and what is outside of them';
    is $ctl->json('status', 'f')->{sum}{arrived}, 6, 'the sum';
    is $ctl->json('status', 'f:2')->{sum}{arrived}, 1, 'one of them';
    is_deeply [map { $_->{stray} ? 1 : 0 } map { $ctl->json('status', $_)->{queues}[0] } 'f:2',
        'f:9'],
        [0, 1], 'which may be outside';
};

# a status page that says what the test wants
sub page {
    my ($answer) = @_;
    my $sock = $ctl->file('edge.sock');
    unlink $sock;
    my $listen = IO::Socket::UNIX->new(Local => $sock, Listen => 8) or die "edge: $!";
    my $p = Test::Meta::Process->new;
    $p->run(out => $ctl->file('edge.out'), code => sub {
        while (my $c = $listen->accept) {
            sysread $c, my $request, 65536;
            my $body = $answer->($request);
            print $c "HTTP/1.1 200 OK\r\nContent-Length: " . length($body) . "\r\n"
                . "Connection: close\r\n\r\n$body";
            close $c;
        }
    });
    return $p;
}

subtest 'the edge' => sub {
    for ([26, 0, 0, 0, 'exact'], [20, 4, 2, 0, 'within what is unknown'], [20, 4, 1, 1,
        'more came'],
        [27, 0, 5, 1, 'Redis lost one'])
    {
        my ($by_redis, $drained, $unknown, $bad, $what) = @$_;
        my $p = page(sub { $_[0] =~ /format=json/
            ? qq({"v":1,"events":{"by_redis":$by_redis,"drained":$drained,"unknown":$unknown}})
            : '<!doctype html>' });
        my ($code, $out) = $ctl->run('status', '--json', '--edge', 'unix:'
            . $ctl->file('edge.sock') . ':/s');
        is $code, $bad, "$what: $by_redis + $drained, $unknown unknown";
        is JSON::PP::decode_json($out)->{edge}{beyond}, 26 - $by_redis - $drained, '... beyond';
        $p->stop;
    }
    my @at = ('--edge', 'unix:' . $ctl->file('edge.sock') . ':/s');
    for ([20, 90, 0, 0, 0, 26, 'while it is read'], [27, 90, 0, 0, 1, 27, 'lost all the same'],
        [3, 20, 6, 0, 0, 20, 'more came, not to be known'], [3, 20, 0, 6, 0, 20, 'on its way'],
        [3, 20, 1, 0, 1, 20, 'more came'])
    {
        my ($before, $after, $unknown, $owed, $bad, $acked, $what) = @$_;
        my $asked = 0;
        my $p = page(sub { sprintf '{"v":1,"events":{"by_redis":%d,"drained":0,"unknown":%d,'
            . '"unanswered":%d}}', $asked++ ? $after : $before, $unknown, $owed });
        my ($code, $out) = $ctl->run('status', '--json', @at);
        is $code, $bad, "traffic, $what: $before, then $after";
        my $edge = JSON::PP::decode_json($out)->{edge};
        is_deeply [@$edge{qw(acked beyond)}], [$acked, 26 - $acked], '... by the nearer one';
        $p->stop;
    }
    my $new = page(sub { '{"v":1,"start":1763700000000,'
        . '"events":{"by_redis":7,"drained":0,"unknown":0}}' });
    my ($fine, $text) = $ctl->run('status', @at);
    is $fine, 0, 'an nginx that was begun anew is good';
    like $text, qr/^edge .* beyond them 19:\n +nginx counts since 2025-11-21 04:40:00Z; what/m,
        '... and says since when it counts';
    is JSON::PP::decode_json(($ctl->run('status', '--json', @at))[1])->{edge}{start},
        1763700000000, '... for programs';
    like +($ctl->run('doctor', @at))[1], qr/^ok +edge +[^>]*nginx\s+counts\s+since\s+2025-11-21/m,
        '... in doctor';
    $new->stop;
    my $lost = page(sub { '{"v":1,"start":5,"events":{"by_redis":27,"drained":0,"unknown":0}}' });
    like +($ctl->run('doctor', @at))[1], qr/^bad +edge +Redis lost data: 1 /m, 'too little is bad';
    $lost->stop;
    my $many = page(sub { '{"v":1,"events":{"by_redis":24,"drained":0,"unknown":0}}' });
    $ctl->do('HSET', "{$Q}:count", 'parts', 2);
    is +($ctl->run('status', '--edge', 'unix:' . $ctl->file('edge.sock') . ':/s'))[0], 0,
        'a change with three messages came as one';
    $ctl->do('HDEL', "{$Q}:count", 'parts');
    $many->stop;
    my $with = page(sub { '{"v":1,"events":{"by_redis":28,"drained":0,"unknown":0}}' });
    $ctl->do('RPUSH', 'meta:callbacks', 'a', 'b');
    is +($ctl->run('status', @at))[0], 0, 'callbacks of Meta count as events do';
    $ctl->do('DEL', 'meta:callbacks');
    is +($ctl->run('status', @at))[0], 1, 'and are missed where they are not there';
    $with->stop;
    my $lists = sub { join ',', map { qq({"list":"$_"}) } @_ };
    for (["$Q:4,$Q", undef], ["$Q,hooks", 'hooks'], ["$Q:x", "$Q:x"], ["${Q}2", "${Q}2"]) {
        my ($names, $other) = @$_;
        my $said = $other ? "nginx writes $other, no queue here" : 'REDIS LOST DATA';
        my $p = page(sub { '{"v":1,"events":{"by_redis":27,"drained":0,"unknown":0},"lists":['
            . $lists->(split /,/, $names) . ']}' });
        my @edge = ('--edge', 'unix:' . $ctl->file('edge.sock') . ':/s');
        is JSON::PP::decode_json(($ctl->run('status', '--json', @edge))[1])->{edge}{other},
            $other, "lists $names";
        like +($ctl->run('status', @edge))[1], qr/^edge .* beyond them -1: \Q$said\E/m, 'in words';
        my $doctor = ($ctl->run('doctor', @edge))[1];
        is scalar(() = $doctor =~ /nginx writes \S+, which is no queue/), $other ? 1 : 0,
            'doctor, too';
        $p->stop;
    }
    my @edge = ('--edge', 'unix:' . $ctl->file('edge.sock') . ':/s');
    my $ill = page(sub { '{"v":1,"events":{"by_redis":26,"drained":0,"unknown":0},"summary":{'
        . '"level":"warn","text":"60 events lie in the spool","more":[{"level":"bad","text":'
        . '"Redis refuses"},{"level":"note","text":"nothing"}]}}' });
    like +($ctl->run('status', @edge))[1], qr/: good\n +warn: 60 events .*\n +bad: Redis refuses$/m,
        'what the page complains of';
    is_deeply JSON::PP::decode_json(($ctl->run('status', '--json', @edge))[1])->{edge}{page},
        [{level => 'warn', text => '60 events lie in the spool'},
        {level => 'bad', text => 'Redis refuses'}], '... for programs';
    my $doctor = ($ctl->run('doctor', @edge))[1];
    like $doctor, $_, '... in doctor' for qr/^warn +edge +nginx's page: 60 events/m,
        qr/^bad +edge +nginx's page: Redis refuses/m;
    $ill->stop;
    my ($code, $out) = $ctl->run('status', '--edge', 'unix:' . $ctl->file('nobody') . ':/s');
    is $code, 1, 'a page that is not there is bad';
    like $out, qr/^edge .*(?:connect|resolve)/mi, 'and said';
    my $p = page(sub { '{}' });
    is +($ctl->run('status', '--edge', 'unix:' . $ctl->file('edge.sock') . ':/s'))[0], 1,
        'nor any JSON';
    $p->stop;
};

subtest 'no Redis' => sub {
    local $ctl->{conf} = $ctl->conf(name => 'away.yaml', address => 'unix:'
        . $ctl->file('away.sock'));
    my ($code, undef, $err) = $ctl->run('status');
    is $code, 3, 'is a status of its own';
    like $err, qr/Redis at unix:.*away\.sock: /, 'which says where';
    is +($ctl->run('doctor'))[0], 1, 'doctor calls it bad';
};

subtest 'a key of another type' => sub {
    $ctl->do('DEL', "{$Q}:held");
    $ctl->do('SET', "{$Q}:held", 'x');
    my ($code, undef, $err) = $ctl->run('status');
    is $code, 3, 'Redis refuses';
    like $err, qr/WRONGTYPE/, 'and says why';
};

$ctl->finish;
done_testing;
