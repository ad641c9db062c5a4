# metactl pause, resume and send: what meta:control and the outbox get, and what send waits for.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP qw(decode_json);
use Test::More;

use Ctl qw($Q $PAGE);
use Test::Meta::Util qw(spew wait_for);

my $ctl = Ctl->new;
my $OUTBOX = 'meta:outbox';
my @to = ('--account', $PAGE, '--to', '7290000000000001');

sub control { my %h = $ctl->do('HGETALL', 'meta:control'); return \%h }

subtest 'pause and resume' => sub {
    my %field = ($Q => "queue:$Q", "$Q:3" => "queue:$Q:3", $PAGE => "account:$PAGE",
        'phone:1065' => 'lane:phone:1065', 'pair:1065:ab12' => 'lane:pair:1065:ab12',
        "account:77" => 'account:77', 'lane:new:1' => 'lane:new:1', 'queue:other' => 'queue:other');
    for my $what (sort keys %field) {
        my $said = $ctl->json('pause', $what, '--for', '90s', '--why', 'a "reason"');
        is $said->{what}, $field{$what}, "$what is $field{$what}";
        my $p = decode_json(control()->{$field{$what}});
        is $p->{until} - $p->{since}, 90000, 'until Redis\'s clock says so';
        is $p->{why}, 'a "reason"', 'why';
        like $p->{by}, qr/^\w.*\@/, 'who';
        is $ctl->json('resume', $what)->{what}, $field{$what}, 'resumed';
        is_deeply control(), {}, 'and gone';
    }
    my ($code, $out) = $ctl->run('pause', $PAGE);
    is $code, 0, 'without an end';
    is decode_json(control()->{"account:$PAGE"})->{until}, undef, 'until is null';
    is +($ctl->run('resume', $Q))[0], 4, 'what is not paused cannot be resumed';
    is +($ctl->run('pause', 'meta:evnts'))[0], 4, 'a name that nothing has';
    is +($ctl->run('pause', $Q, '--for', 'soon'))[0], 2, 'a length that is none';
    is scalar(keys %{control()}), 1, 'neither is written';
};

subtest 'conversation' => sub {
    my ($account, $key) = (106540352242922, 'meta:conversation:whatsapp:106540352242922:ZA.1');
    my @talk = ('conversation', 'resume', "whatsapp:$account:27820000001");
    my $do = sub { my ($what, @more) = @_; $talk[1] = $what; return $ctl->json(@talk, @more) };
    my $code = sub { my ($what) = @_; $talk[1] = $what; return ($ctl->run(@talk))[0] };
    is $code->('show'), 4, 'nothing is kept of it';
    is $code->('resume'), 4, 'nor is it paused';
    is +($ctl->run('conversation', 'show', "whatsapp:$account"))[0], 2, 'half a name';
    is +($ctl->run('conversation', 'show', "page:1:2"))[0], 2, 'no product';
    for my $args ((map { ['conversation', $_, "whatsapp:$account:#49234000"] }
        qw(show pause resume forget)), ['send', '--account', $PAGE, '--to', '#49234000',
        '--text', 'x'], ['unblock', '#49234000'], ['message', 'wamid.*AAAA'])
    {
        my ($exit, undef, $err) = $ctl->run(@$args);
        is $exit, 2, "$args->[0]: a masked name is refused";
        like $err, qr/ is a masked name, and nobody's: with --reveal /, 'and what shows it';
    }
    is_deeply [$ctl->do('KEYS', 'meta:conversation:*'), $ctl->redis->queue($OUTBOX)], [],
        'nothing is written';

    $ctl->do('SET', "meta:user:$account:alias:27820000001", 'ZA.1');
    my $said = $do->('pause', '--for', '2h');
    ok abs($said->{paused_until} / 1000 - time - 7200) < 60, 'paused';
    is $said->{paused_by}, 'metactl', 'by whom';
    unlike $said->{conversation}, qr/ZA\.1|2782/, 'the person is masked';
    ok $ctl->do('PTTL', $key) > 0, 'it does not stay for ever';
    ok abs($do->('pause')->{paused_until} / 1000 - time - 12 * 3600) < 60, '12 hours by default';

    my $list = $ctl->json('conversation', 'list');
    is_deeply [map { $_->{by} } @{$list->{paused}}], ['metactl'], 'listed, and by whom';
    is $list->{paused}[0]{conversation}, "whatsapp:$said->{conversation}", 'masked likewise';
    my (undef, $lines) = $ctl->run('conversation', 'list', '--reveal');
    my $one = qr/paused   whatsapp:$account:ZA\.1 until 2\d+-.*Z by metactl\n/;
    like $lines, qr/\A${one}1 paused, 0 stopped\n/, 'in words';
    my $set = 'meta:conversation:paused';
    $ctl->do('ZADD', $set, 5, 'messenger:1:2', map { (1e14 + $_, "whatsapp:1:$_") } 1 .. 30);
    my $status = $ctl->json('status');
    is $status->{conversations}{paused}, 31, 'status counts those that have not ended';
    is scalar @{$status->{paused_conversations}}, 20, 'and names 20';
    like +($ctl->run('status'))[1], qr/^ *people +31 conversations paused, a person answers\n/m,
        'also in words';
    $ctl->do('ZADD', $set, map { (2e14 + $_, "whatsapp:2:$_") } 1 .. 10_000);
    is $do->('pause')->{changed}, JSON::PP::true, 'paused again';
    is $ctl->do('ZCARD', $set), 10_000, 'the set has a ceiling';
    is $ctl->do('ZSCORE', $set, 'messenger:1:2'), undef, 'what ended is gone';
    $ctl->do('DEL', $set);
    $do->('pause');

    $ctl->do('HSET', $key, stop => 1000 * (time + 60), 'tag:vip' => 1);
    $ctl->do('ZADD', 'meta:conversation:stopped', 1, "whatsapp:$account:ZA.1");
    $ctl->do('RPUSH', "$key:turns", '{"r":"user","i":"1","t":1763700000000,"x":"secret words"}');
    $said = $do->('show');
    ok $said->{stopped_until} > 1000 * time, 'stopped';
    is_deeply $said->{tags}, ['vip'], 'its tags';
    is_deeply $said->{turns}, [{by => 'user', time => 1763700000000, text => '(12 characters)'}],
        'its turns, without the text';
    my (undef, $out) = $ctl->run(@talk);
    like $out, qr/paused until .* by metactl/, 'in words';
    unlike $out, qr/secret words|ZA\.1/, 'no text and no person';
    (undef, $out) = $ctl->run(@talk, '--reveal');
    like $out, qr/whatsapp:$account:ZA\.1\n.*user  ?secret words/s, 'unless revealed';

    is $do->('resume')->{paused_until}, undef, 'resumed';
    is_deeply {$ctl->do('HGETALL', $key)}, {'tag:vip' => 1}, 'and not stopped';
    is $ctl->do('EXISTS', "meta:conversation:$_"), 0, "nor said to be $_" for qw(stopped paused);
    $do->('pause');
    $do->('forget');
    is_deeply [$ctl->do('KEYS', 'meta:conversation:*')], [], 'forgotten';
};

subtest 'send' => sub {
    my $said = $ctl->json('send', @to, '--text', "gr\xc3\xbc\xc3\x9fe \"x\"", '--key', 'k',
        '--expires', '2h',
        '--not-before', '2026-01-05T09:30:00+01:00', '--idempotency-key', 'once', '--id', 'job-1');
    is $said->{id}, 'job-1', 'its id';
    my ($raw) = $ctl->redis->queue($OUTBOX);
    my $job = decode_json($raw);
    is_deeply [@$job{qw(v id account to key idempotency_key priority)}],
        [1, 'job-1', $PAGE, '7290000000000001', 'k', 'once', 'normal'], 'what was said';
    is_deeply $job->{do}, [{reply => {text => "gr\x{fc}\x{df}e \"x\""}}], 'the text';
    is $job->{not_before}, 1767601800000, 'a time';
    ok abs($job->{expires} / 1000 - time - 7200) < 60, 'a length from now on';
    ok !exists $job->{reply_to}, 'nobody waits';
    $ctl->json('send', @to, '--text', 'now', '--high');
    is $ctl->do('LLEN', "{$OUTBOX}:urgent"), 1, 'in a hurry';
    my @dos = (['[{"reply":{"text":"a"}},{"reply":{"text":"b"}}]', 2], ['{"reply":{"text":"a"}}',
        1]);
    for my $do (@dos) {
        $ctl->do('DEL', $OUTBOX);
        $ctl->json('send', @to, '--do', $do->[0]);
        is scalar(@{decode_json(($ctl->redis->queue($OUTBOX))[0])->{do}}), $do->[1], $do->[0];
    }
    my $file = $ctl->file('job.json');
    spew($file, qq({"v":1, "id":"job-2", "account":"$PAGE", "to":"7290000000000001",\n)
        . qq( "do":[{"reply":{"text":"x"}}]}\n));
    $ctl->do('DEL', $OUTBOX);
    is $ctl->json('send', $file)->{id}, 'job-2', 'a file';
    is decode_json(($ctl->redis->queue($OUTBOX))[0])->{id}, 'job-2', 'as it is';
};

subtest 'what would fail is not sent' => sub {
    $ctl->do('DEL', $OUTBOX);
    my @bad = (
        [2, @to], [2, @to, '--text', 'x', '--do', 'mark_read'], [1, @to, '--do', 'nosuch'],
        [1, @to, '--text', 'x' x 3000], [1, @to, '--do', '{"reply":{"txet":"x"}}'],
        [4, @to, '--text', 'x', '--queue', $Q], [4, $ctl->file('nosuch')],
        [2, @to, '--text', 'x', '--wait=soon'],
    );
    for my $bad (@bad) {
        my ($want, @args) = @$bad;
        my ($code, undef, $err) = $ctl->run('send', @args);
        is $code, $want, substr "@args", 0, 70;
        like $err, qr/^metactl: \S/, 'and it says why';
    }
    like +($ctl->run('send', @to, '--do', '{"reply":{"txet":"x"}}'))[2], qr/txet/,
        'the parameter is named';
    is $ctl->do('LLEN', $OUTBOX), 0, 'nothing went';
};

# a consumer that answers what the test wants
sub answered {
    my ($result, @more) = @_;
    $ctl->do('DEL', $OUTBOX);
    my $p = $ctl->start('send', @to, '--text', 'secret text', '--wait=20s', @more);
    wait_for { $ctl->do('LLEN', $OUTBOX) } 10;
    my $job = decode_json(($ctl->redis->queue($OUTBOX))[0]);
    like $job->{reply_to}, qr/^meta:reply:metactl:/, 'a list of its own';
    $ctl->do('RPUSH', $job->{reply_to}, $result);
    my $code = $p->wait_exit(20);
    return ($code, Test::Meta::Util::slurp($p->{out}));
}

subtest 'send --wait' => sub {
    my $good = '{"v":1,"id":"x","ok":true,"state":"accepted","results":[{"action":"reply",'
        . '"ok":true,"message":"m_AG5Hz","answer":{"recipient_id":"7290000000000001"}}],'
        . '"attempts":1,"time":1763700001234}';
    my ($code, $out) = answered($good);
    is $code, '0', 'it is good';
    like $out, qr/^accepted\n  reply m_AG5Hz$/m, 'and said';
    ($code, $out) = answered($good, '--json');
    is decode_json($out)->{state}, 'accepted', 'as JSON';
    unlike $out, qr/7290000000000001/, 'without people';
    ($code, $out) = answered('{"v":1,"id":"x","ok":false,"state":"dead","results":['
        . '{"action":"reply","ok":false,"error":{"code":131047,"text":"More than 24 hours.",'
        . '"todo":"Send a template."}}],"attempts":1,"time":1}');
    is $code, 'exit 1', 'a job that failed';
    like $out, qr/^dead\n  reply More than 24 hours\. Send a template\./m,
        'what happened, what to do';
    ($code, $out, my $err) = $ctl->run('send', @to, '--text', 'x', '--wait=50ms');
    is $code, 5, 'nobody answers';
    like $err, qr/no result yet/, 'and that is said';
};

$ctl->finish;
done_testing;
