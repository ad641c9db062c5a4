# metactl message, rules test, replay, explain, token list, config test, doctor.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP qw(decode_json);
use Test::More;

use Ctl qw(event letter $Q $PAGE $TOKEN);
use Test::Meta::Util qw(hold_port slurp spew wait_for);

my $ctl = Ctl->new(redis => {options => ['--appendonly', 'yes', '--appendfsync', 'always']},
    rules => "\n" . <<'END');
  - when: {product: messenger, kind: message, text: "(?i)price"}
    do: [{reply: {text: "49 EUR"}}, stop]
  - when: {product: messenger, kind: message}
    do: [{reply: {text: "hello"}}]
END

sub envelope {
    my ($record, @lines) = @_;
    return join(' ', scalar @lines, map { length } @lines) . "\n" . join('', @lines) . $record;
}

subtest 'message' => sub {
    my $state = '{"v":1,"why":"handler handler=shop status=503",'
        . '"attempts":2,"first":1,"steps":[{"e":0,"do":"mark_read","o":"done"},'
        . '{"e":0,"do":{"reply":{"text":"private words"}}},'
        . '{"e":0,"do":{"call":{"handler":"shop"}}},{"e":0,"do":{"assistant":{"name":"desk"}}}]}';
    my $due = time * 1000 + 5000;
    $ctl->do('RPUSH', $Q, event(), event(id => 'm_queue'), event(text => 'see \"m_queue\"'));
    $ctl->do('RPUSH', "{$Q}:urgent", event(id => 'm_urgent'));
    $ctl->do('HSET', "{$Q}:inflight", 41, event(id => 'm_flight'));
    $ctl->do('HSET', "{$Q}:held", 42, envelope(event(id => 'm_held'), 'a {"x', "b\n"));
    $ctl->do('ZADD', "{$Q}:retry", $due, '43u ' . envelope(event(id => 'm_retry'), 'l'));
    $ctl->do('HSET', "{$Q}:state", 43 . 'u', $state, 'c43u', '1 shop/1/1', 41, $state);
    $ctl->letters(letter(event(id => 'm_dead'), code => 10, state => $state));
    $ctl->do('ZADD', "{$Q}:kept", 1, '9:' . event(id => 'm_kept'));
    for my $where (qw(queue urgent flight held retry dead kept)) {
        my $found = $ctl->json('message', "m_$where")->{found};
        is scalar(@$found), 1, "m_$where is in one place";
        is $found->[0]{state}, $where eq 'flight' ? 'inflight' : $where, 'that one';
        ok $found->[0]{exact}, 'it is its own id';
        like $found->[0]{key}, qr/^$PAGE:#[0-9a-f]{8}$/, 'its line, the person masked';
    }
    $ctl->do('RPUSH', 'meta:outbox', qq({"v":1,"id":"job-9","account":"$PAGE","to":"+27820000001",)
        . '"do":["mark_read"]}', '{"v":1,"id":"job-10","do":[{"push":{"list":"x"}}]}');
    my $job = $ctl->json('message', 'job-9')->{found}[0];
    like $job->{key}, qr/^$PAGE:#[0-9a-f]{8}$/, 'a job stands in the line of whom it is for';
    $ctl->do('RPUSH', 'meta:outbox', qq({"v":1,"id":"job-11","account":"$PAGE","to":"27820000001",)
        . '"do":["mark_read"]}');
    is $ctl->json('message', 'job-11')->{found}[0]{key}, $job->{key}, 'a number has one mask';
    like +($ctl->run('message', 'job-10'))[1], qr/  id job-10\n\z/, 'or in none';
    my $retry = $ctl->json('message', 'm_retry')->{found}[0];
    is_deeply [@$retry{qw(field due crashes)}], ['43u', $due, 1],
        'when it is due, how often it crashed';
    is $retry->{work}{attempts}, 2, 'attempts';
    is $retry->{work}{steps}[0]{o}, 'done', 'what is done';
    my ($code, $out) = $ctl->run('message', 'm_dead');
    like $out, qr/reason unreachable 10/, 'why it is dead';
    unlike $out, qr/private words/, 'no text';
    like $out, qr/action 1 "mark_read": done\n  action 2 .*: not yet/, 'its actions';
    like $out, qr/\{"handler":"shop"\}.*\{"name":"desk"\}/s, 'and whom they ask';
    is +($ctl->run('message', 'm_nowhere'))[0], 4, 'what is nowhere';
    my $held = sub { $ctl->do('HSET', "{$Q}:held", 45, envelope(event(id => 'm_why'), @_)) };
    $held->('line', "\1page:1");
    my $why = sub { my ($code, $out) = $ctl->run('message', 'm_why'); $out =~ s/\s+/ /gr };
    like $why->(), qr/ waits on page:1 go by its rate/, 'on which lane it waits';
    $ctl->do('SET', 'meta:limit:stop:page:1',
        '{"until":4102444800000,"since":1,"why":"Blocked."}');
    like $why->(), qr/ waits on page:1 until 2100-01-01 00:00:00Z: Blocked\./, '... and why';
    is_deeply [@{$ctl->json('message', 'm_why')->{found}[0]}{qw(lane why)}],
        ['page:1', 'until 2100-01-01 00:00:00Z: Blocked.'], '... for programs';
    $held->('line');
    like $why->(), qr/ waits behind others of its line /, 'or behind which';
    $ctl->do('HDEL', "{$Q}:held", 45);
    like +($ctl->run('message', 'm_retry'))[1], qr/^  waits, for handler handler=shop status=503$/m,
        'or what failed';
    $ctl->do('HSET', "{$Q}:held", 44, "1 x\n" . event(id => 'm_odd'));
    like +($ctl->run('message', 'm_odd'))[0], qr/^\d$/, 'lengths that are none end it, too';
};

subtest 'rules test' => sub {
    my $file = $ctl->file('record');
    my $test = sub { spew($file, @_); my $t = $ctl->json('rules', 'test', $file);
        return map { [map { $_->{rule} } @{$_->{rules}}] }
            map { @{$_->{events}} } @{$t->{records}} };
    is_deeply [$test->(event(text => 'The price?'))], [[1]], 'a rule that stops';
    is_deeply [$test->(event(text => 'hi'))], [[2]], 'another';
    is_deeply [$test->(join "\n", event(), event(text => 'PRICE'), '')], [[2], [1]],
        'records on lines';
    my $body = qq({"object":"page","entry":[{"id":"$PAGE","time":1763700000123,"messaging":[)
        . join(',', map { qq({"sender":{"id":"$_"},"recipient":{"id":"$PAGE"},)
        . qq("message":{"mid":"m_$_","text":"price"}}) } 1, 2)
        . qq(,{"sender":{"id":"$PAGE"},"recipient":{"id":"7"},)
        . qq("message":{"mid":"e","is_echo":true}}]}]});
    is_deeply [$test->($body)], [[1], [1], []], 'a body is split as nginx splits it';
    my $t = $ctl->json('rules', 'test', 'm_dead');
    is $t->{records}[0]{events}[0]{id}, 'm_dead', 'an event of Redis';
    my ($code, $out) = $ctl->run('rules', 'test', $file);
    like $out, qr/messenger message of $PAGE from #[0-9a-f]{8}: \(5 characters\)\n/, 'of whom';
    my $late = ', were it not too late: max_age is over';
    like $out, qr/^    rule 1$late\n +\{"reply":\{"text":"49 EUR"\}\}\n +"stop"\n/m,
        'what they would do';
    spew($ctl->file('now'), $body =~ s/1763700000123/time . 123/er);
    like +($ctl->run('rules', 'test', $ctl->file('now')))[1], qr/^    rule 1\n +\{/m, 'in time';
    is_deeply [map { $_->{rules}[0]{late} ? 1 : 0 } map {
        $ctl->json('rules', 'test', $_)->{records}[0]{events}[0] } $file, $ctl->file('now')],
        [1, 0], '... in JSON';
    like $out, qr/ echo.*\n    not rule 1: kind\n    not rule 2: kind\n    no rule: dropped/,
        'and what becomes of the others';
    spew($file, $body =~ s/price/hours/gr);
    is_deeply $ctl->json('rules', 'test', $file)->{records}[0]{events}[0]{others},
        [{rule => 1, differs => 'text', slow => JSON::PP::false}], '... in JSON, with the key';
    is +($ctl->run('rules', 'test', 'nosuch'))[0], 4, 'neither file nor event';
    spew($file, 'nothing of the kind');
    is +($ctl->run('rules', 'test', $file))[0], 1, 'no record';
    spew($file, '[]');
    is +($ctl->run('rules', 'test', $file))[0], 1, 'JSON, but no body';
};

subtest 'replay' => sub {
    $ctl->do('DEL', $Q, "{$Q}:kept");
    my @kept = map { event(id => "m_k$_", page => $_ % 2 ? $PAGE : '999',
        text => 'x,\"event\":y') } 1 .. 250;
    $ctl->do('ZADD', "{$Q}:kept", map { (1763700000000 + $_, ($_ * 7) . ($_ % 5 ? '' : 'u')
        . ":$kept[$_ - 1]") } 1 .. 250);
    $ctl->do('ZADD', "{$Q}:kept", 1763700000500, '9999:{"v":1,"id":"job","do":[]}');
    is +($ctl->run('replay'))[0], 2, 'which?';
    is $ctl->json('replay', '--all', '--dry-run')->{replayed}, 250, 'how many there are';
    is +($ctl->run('replay', '--since', '1h'))[0], 4, 'none since then';
    is $ctl->do('LLEN', $Q), 0, 'nothing moved';
    my $marked = sub { map { s/,"event":(?=\{)/,"replay":true,"event":/r } @_ };
    is $ctl->json('replay', '--since', 1763700000001, '--until', 1763700000003, '--to',
        'mine')->{replayed}, 3,
        'copied to another list';
    is_deeply [$ctl->redis->queue('mine')], [$marked->(@kept[0 .. 2])],
        'marked, else byte for byte, in order';
    is $ctl->do('ZCARD', "{$Q}:kept"), 251, 'they stay';
    is $ctl->json('replay', '--all', '--account', '999', '--limit', 100)->{replayed}, 100,
        'so many of an account';
    is $ctl->json('replay', '--all', '--account', '999')->{replayed}, 25, 'and the rest';
    is_deeply [$ctl->redis->queue($Q)], [$marked->(grep { /"999:/ } @kept)], 'back in their queue';
    is $ctl->do('ZCARD', "{$Q}:kept"), 126, 'and not kept twice';
    is $ctl->count_of->{replayed}, 125, 'counted';
    my $all = $ctl->json('replay', '--all');
    is_deeply [@$all{qw(replayed no_events)}], [125, 1], 'all; a job is none';
    is scalar(grep { /"replay":true/ } $ctl->redis->queue($Q)), 250, 'each once';
    my $again = ($ctl->redis->queue($Q))[0];
    $ctl->do('ZADD', "{$Q}:kept", 1, "5:$again");
    $ctl->json('replay', '--all');
    is +($ctl->redis->queue($Q))[-1], $again, 'one that comes again is marked once';
};

subtest 'explain' => sub {
    my $e = $ctl->json('explain', '131047', '--product', 'whatsapp');
    is_deeply [@$e{qw(code subcode known class)}], [131047, undef, JSON::PP::true, 'never'],
        'a code';
    ok $e->{text} && $e->{todo}, 'in words';
    is $ctl->json('explain', '190/463')->{class}, 'token', 'a subcode';
    my ($code, $out) = $ctl->run('explain', '987654');
    is $code, 4, 'a code that nobody knows';
    is +($ctl->run('explain', 'abc'))[0], 2, 'what is none';
    is +($ctl->run('explain', '100', '--product', 'icq'))[0], 2, 'a product that is none';
};

subtest 'token list' => sub {
    my $t = $ctl->json('token')->{tokens}[0];
    is_deeply [@$t{qw(kind id length readable_by_others)}], ['page', $PAGE, length $TOKEN,
        JSON::PP::false], 'what it is';
    like $t->{mark}, qr/^#[0-9a-f]{8}$/, 'a mark in place of it';
    chmod 0644, $ctl->file('token');
    like +($ctl->run('token', 'list'))[1], qr/others may read it/, 'a file that is open to all';
    like +($ctl->run('doctor', '--offline'))[1], qr/^warn +files .*everybody/m,
        'doctor says so too';
    local $ctl->{conf} = $ctl->file('two.yaml');
    spew($ctl->{conf}, slurp($ctl->file('consumer.yaml'))
        =~ s/^tokens: \[\K(\{.*)"$PAGE"(.*)\]$/$1"1"$2, $1"2"$2]/mr);
    is scalar(() = ($ctl->run('doctor', '--offline', '--json'))[1] =~ /is open to everybody/g), 1,
        'once, where two tokens are in it';
    chmod 0600, $ctl->file('token');
};

subtest 'config test' => sub {
    is_deeply [@{$ctl->json('config', 'test')}{qw(good error)}], [JSON::PP::true, undef], 'good';
    {
        local $ENV{META_SYSTEM_USER_TOKEN} = 'EAAxSYSTEM';
        is_deeply $ctl->json('config', 'test')->{environment}, [{key =>
            'the token of kind system_user', variable => 'META_SYSTEM_USER_TOKEN'}],
            'what comes from the environment';
        like +($ctl->run('config', 'test'))[1],
            qr/^the token of kind system_user comes from META_SYSTEM_USER_TOKEN$/m, '... in words';
    }
    my $bad = $ctl->file('bad.yaml');
    spew($bad, "redis: unix:/x\nquues: []\n");
    local $ctl->{conf} = $bad;
    my ($code, $out, $err) = $ctl->run('config', 'test');
    is $code, 1, 'faulty';
    like $err, qr/bad\.yaml:2:1: quues: unknown key/, 'where';
    is +($ctl->run('status'))[0], 1, 'and no command works with it';
};

# level of a check, where it is there
sub level {
    my ($d, $check) = @_;
    return join ' ', map { $_->{level} } grep { $_->{check} eq $check } @{$d->{checks}};
}

subtest 'doctor' => sub {
    my ($port, $probe) = hold_port();
    my ($closed, $held) = hold_port();
    my $tcp = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 64,
        ReuseAddr => 1);
    my $sock = $ctl->file('handler.sock');
    my $unix = IO::Socket::UNIX->new(Local => $sock, Listen => 64);
    my %secret = map { $_ => $ctl->file($_) } qw(secret handler key);
    spew($secret{$_}, "$_-secret\n") for qw(handler key);
    chmod 0640, values %secret;
    my $handler = sub { qq(  - {name: $_[0], url: "$_[1]", secret_file: )
        . $ctl->file('handler') . "}\n" };
    my $assistant = sub { qq(assistants:\n  - {name: desk, classifier: {url: "$_[0]/v1", model: m, )
        . "key_file: $secret{key}}, labels: [{name: general, do: [mark_read]}]}\n" };
    mkdir my $saved = $ctl->file('saved');
    local $ctl->{rules} = sprintf '[{when: {kind: message}, media: {save: "%s"}, '
        . 'do: [{call: {handler: tcp}}]}]', $saved;
    my $more = qq(graph: {base_url: "http://127.0.0.1:$port"}\noutbox: {files_dir: "$saved"}\n)
        . $assistant->("http://127.0.0.1:$port");
    $ctl->do('FLUSHDB');
    my $now = time * 1000;
    $ctl->do('HSET', "{$_}:lease", owner => 'a/1/1', until => $now + 600000)
        for $Q, 'meta:outbox', 'meta:callbacks';
    $ctl->do('HSET', 'meta:consumers', 'a',
        qq({"id":"a","host":"h","pid":1,"until":@{[$now + 600000]}}));
    $ctl->do('SET', "$Q:partitions", 1);
    local $ctl->{conf} = $ctl->conf(name => 'well.yaml', more => $more . "handlers:\n"
        . $handler->('tcp', "http://127.0.0.1:$port/x") . $handler->('unix', "unix:$sock:/x"));
    spew($ctl->file('secret'), '0123456789abcdef' x 2 . "\n");
    my ($code, $out) = $ctl->run('doctor', '--offline', '--json');
    my $d = decode_json($out);
    is $code, 0, 'all is well';
    is_deeply [grep { $_->{level} ne 'ok' } @{$d->{checks}}], [], 'nothing to do';
    is level($d, 'handler'), 'ok ok', 'handlers are there';
    is level($d, 'assistant'), 'ok', 'and the endpoint of the assistant';
    is level($d, 'directories'), 'ok ok', 'and directories';
    for my $file (values %secret) {
        chmod 0644, $file;
        like +($ctl->run('doctor', '--offline'))[1] =~ s/\s+//gr,
            qr/warnfiles\Q$file\Eisopentoeverybody/,
            'a secret that is open to all is named';
        chmod 0640, $file;
    }

    $ctl->do('SET', "$Q:partitions", 4);
    $ctl->do('HSET', 'meta:control', "queue:$Q",
        qq({"until":null,"by":"root\@shop","why":"a sale","since":@{[$now - 300000]}}));
    $ctl->do('HSET', "{$Q}:lease", until => $now - 60000);
    $ctl->do('HSET', 'meta:consumers', 'a',
        qq({"id":"a","host":"shop","pid":4711,"until":@{[$now - 6000]}}));
    $ctl->do('RPUSH', $Q, event());
    $ctl->do('RPUSH', "$Q:9", event());
    $ctl->do('HSET', "{$Q}:count", 'taken', 7);
    $ctl->letters(letter(event()), letter(event()));
    $ctl->do('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru', 'maxmemory', '100mb',
        'appendonly', 'no');
    $ctl->{conf} = $ctl->conf(name => 'ill.yaml', more => "dead_max: 2\ngraph: {base_url: "
        . '"https://nosuch.invalid"}' . "\nhandlers:\n" . $handler->('tcp',
            "http://127.0.0.1:$closed/x") . $assistant->("https://127.0.0.1:$closed"));
    rmdir $saved;
    ($code, $out) = $ctl->run('doctor', '--offline', '--json');
    $d = decode_json($out);
    is $code, 1, 'nothing is well';
    my %level = (edge => 'bad', paused => 'warn', consumers => 'bad', 'dead letters' => 'bad',
        eviction => 'bad',
        persistence => 'bad', handler => 'bad', Graph => 'bad', assistant => 'bad',
            directories => 'bad', accounts => 'bad',
            partitions => 'warn',
        clock => 'ok');
    is level($d, $_), $level{$_}, $_ for sort keys %level;
    like level($d, 'holder'), qr/^bad/, 'holder';
    is_deeply [grep { $_->{level} ne 'ok' && !$_->{todo} } @{$d->{checks}}], [],
        'each with what to do';
    my %says = map { $_->{check} => $_->{text} } @{$d->{checks}};
    like $says{consumers}, qr/^silent: shop, pid 4711; .* ran out \S+ s ago$/, 'who is silent';
    like $says{paused}, qr/^queue:$Q is paused .*: a sale; by root\@shop, 5\S* .*ago$/,
        'who paused what';
    like join(' ', map { $_->{text} } @{$d->{checks}}), qr/the last lease ended \S+ m?.*? ago/,
        'since when nobody holds it';
    ($code, $out) = $ctl->run('doctor', '--offline');
    is_deeply [grep { length > 80 && !/\.yaml|\.sock/ } split /\n/, $out], [], 'on 80 columns';
};

subtest 'doctor: a holder that takes nothing' => sub {
    $ctl->do('FLUSHDB');
    my $now = time * 1000;
    $ctl->do('HSET', "{$Q}:lease", owner => 'a/1/1', until => $now + 600000);
    $ctl->do('RPUSH', $Q, event(came => $now - 25000));
    my $stuck = sub {
        scalar(() = ($ctl->run('doctor', '--offline'))[1] =~ /takes nothing; 1\s+wait/);
    };
    is $stuck->(), 1, 'is named';
    $ctl->do('HSET', 'meta:control', "queue:$Q", '{"until":null}');
    is $stuck->(), 0, 'not where a person wants it so';
    $ctl->do('DEL', 'meta:control', $Q);
    $ctl->do('RPUSH', $Q, event(came => $now - 1000));
    is $stuck->(), 0, 'nor at once';
};

subtest 'doctor: a snapshot that failed' => sub {
    my $dir = $ctl->file('snapshots');
    mkdir $dir or die "$dir: $!";
    my $ill = Ctl->new(redis => {options => ['--dir', $dir, '--save', '3600 1']});
    unlike +($ill->run('doctor'))[1], qr/snapshot/, 'is not said before';
    rmdir $dir or die "$dir: $!";
    $ill->do('SET', 'x', 1);
    $ill->do('BGSAVE');
    my $last = sub { $ill->do('INFO', 'persistence')->{rdb_last_bgsave_status} };
    ok +(wait_for { $last->() eq 'err' } 20),
        'it fails';
    like +($ill->run('doctor'))[1], qr/^bad +persistence +its last snapshot failed: .*MISCONF/m,
        'Redis takes nothing';
    $ill->do('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no');
    like +($ill->run('doctor'))[1], qr/^warn +persistence +its last snapshot failed$/m,
        'or goes on';
    $ill->finish;
};

$ctl->finish;
done_testing;
