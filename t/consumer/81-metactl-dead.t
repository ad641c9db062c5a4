# metactl dead: listed and shown by filters; requeued and dropped byte for byte, whatever happens.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Digest::SHA qw(sha1_hex sha256_hex);
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);

use Ctl qw(event letter $Q $PAGE);
use Test::Meta::Util qw(patience);

my $DEAD = "{$Q}:dead";
my $ctl = Ctl->new;

subtest 'nothing is dead' => sub {
    my ($code, $out) = $ctl->run('dead', 'list');
    is $code, 0, 'that is good';
    like $out, qr/no dead letters/, 'and said';
    is $ctl->json('dead', 'requeue', '--all')->{requeued}, 0, 'nothing to requeue';
    ok !$ctl->do('EXISTS', "{$Q}:count", "{$Q}:state"), 'and nothing was written';
    ($code) = $ctl->run('dead', 'requeue', 'nosuch');
    is $code, 4, 'a letter that is not there';
    ($code) = $ctl->run('dead', 'show', 'nosuch');
    is $code, 4, 'nor can it be shown';
};

my $tricky = event(id => 'm_tricky',
    text => 'say \"unreachable\" ,\"item\":{ and \\\\ \u00e4 +27820000001');
my $job = '{"v":1,"id":"job-1","account":"222","to":"+27820000001","do":[{"reply":{"text":"x"}}]}';
my $state = '{"v":1,"decided":true,"matched":2,"attempts":5,"tries":4,"lane":"page:1",'
    . '"steps":[{"e":0,"do":"mark_read","rule":1,'
    . '"o":"done","m":"wamid.X"},{"e":0,"do":{"graph":{"method":"POST","path":"x","params":'
    . '{"item":{"y":2}}}},"rule":1,"o":"sent"},{"e":0,"do":"stop","rule":1}]}';
my @letters = (
    letter($tricky, answer => 'not the \"item\": of (#1) for 27820000001'),
    letter(event(page => '999'), reason => 'no_token', time => 1763700009999,
        text => 'Nobody for 27820000001.'),
    letter($job, reason => 'graph_error', code => 131047),
    letter(event(id => 'm_state'), reason => 'ambiguous', done => 2, state => $state),
    letter('null,"base64":"AAAA"', reason => 'record'),
    'no letter at all',
);
$ctl->letters(@letters);
$ctl->accounted('before');

subtest 'list' => sub {
    my $all = $ctl->json('dead', 'list');
    is $all->{dead}, 6, 'all of them';
    is_deeply [map { $_->{id} } @{$all->{letters}}], [map { substr sha1_hex($_), 0, 12 } @letters],
        'in order, each with an id of its own';
    is_deeply [map { $_->{account} } @{$all->{letters}}], [$PAGE, '999', '222', $PAGE, '', ''],
        'whose they are, jobs included';
    is_deeply [map { $_->{state} ? 1 : 0 } @{$all->{letters}}], [0, 0, 0, 1, 0, 0],
        'which know what was done';
    my %by = (
        '--reason=no_token' => [1], '--account=222' => [2], '--code=131047' => [2],
        '--since=2025-11-21T04:40:05Z' => [1], '--limit=2' => [0, 1], '--reason=none' => [],
    );
    for my $filter (sort keys %by) {
        is_deeply [map { $_->{id} } @{$ctl->json('dead', 'list', $filter)->{letters}}],
            [map { substr sha1_hex($letters[$_]), 0, 12 } @{$by{$filter}}], $filter;
    }
    my ($code, $out) = $ctl->run('dead', 'list');
    like $out, qr/^[0-9a-f]{12} .* no_token/m, 'a line each for people';
    unlike $out, qr/27820000001/, 'no phone number';
    like $out, qr/Nobody for \*\*\*\.\n +Meta: no route$/m, 'what it means, and Meta\'s own words';
    is_deeply [grep { length > 80 } split /\n/, $out], [], 'on 80 columns';
    like +($ctl->run('dead', 'list', '--reveal'))[1], qr/27820000001/, 'unless it is wanted';
};

subtest 'summary' => sub {
    my $s = $ctl->json('dead', 'list', '--summary', '--limit', 1);
    is_deeply [@$s{qw(fit dead)}], [6, 6], 'of all';
    my %by = map { ("$_->{reason} $_->{account}" => $_) } @{$s->{groups}};
    is $by{'no_token 999'}{letters}, 1, 'by reason and account';
    is $by{'graph_error 222'}{code}, 131047, 'and code';
    like $by{"ambiguous $PAGE"}{todo}, qr/look whether it arrived/, 'what to do, ours too';
    my $some = $ctl->json('dead', 'list', '--summary', '--account', $PAGE);
    is_deeply [$some->{fit}, $some->{dead}], [2, 6], 'of those that fit';
    my ($code, $out) = $ctl->run('dead', 'list', '--summary');
    like $out, qr/^ +1  graph_error +131047 +\S+.* 222$/m, 'for people';
    is_deeply [grep { length > 80 } split /\n/, $out], [], 'on 80 columns';
};

subtest 'show' => sub {
    my ($code, $out) = $ctl->run('dead', 'show', substr sha1_hex($letters[0]), 0, 12);
    is $code, 0, 'by its id';
    unlike $out, qr/unreachable\\"|27820000001|7290000000000001/, 'no text, number or person';
    like $out, qr/"id":"m_tricky"/, 'but which event';
    like +($ctl->run('dead', 'show', substr sha1_hex($letters[1]), 0, 12))[1],
        qr/"text":"Nobody for \*{3}\."/, 'our own words, without a number';
    ($code, $out) = $ctl->run('dead', 'show', 'm_tricky', '--reveal', '--json');
    is $out, "$letters[0]\n", 'by the event: every byte, where that is wanted';
    ($code, $out) = $ctl->run('dead', 'show', 'm_tricky', '--json');
    is JSON::PP::decode_json($out)->{item}{event}{message}{text} =~ /^\(\d+ characters\)$/, 1,
        'masked, it is JSON all the same';
};

subtest 'which?' => sub {
    for my $verb (qw(requeue drop)) {
        my ($code, undef, $err) = $ctl->run('dead', $verb);
        is $code, 2, "$verb alone is no command";
        like $err, qr/--all/, 'and says how to mean it';
    }
    my $dry = $ctl->json('dead', 'requeue', '--all', '--dry-run');
    is_deeply [@$dry{qw(requeued unreadable)}], [4, 2], 'what would go back, and what cannot';
    is_deeply [$ctl->redis->queue($DEAD)], \@letters, 'nothing moved';
};

subtest 'who answered in Meta\'s place' => sub {
    my $raw = sub { letter(event(), reason => 'ambiguous', @_) };
    my @raw = ($raw->(answer => '<html>502 SECRETTEXT</html>'),
        $raw->(answer => '{\"SECRETTEXT\":1}'),
        $raw->(answer => 'busy, SECRETTEXT') =~ s/(?=,"action")/,"raw":4711/r);
    $ctl->letters(@raw);
    my $list = ($ctl->run('dead', 'list'))[1];
    my $json = ($ctl->run('dead', 'list', '--json'))[1];
    my @show = map { ($ctl->run('dead', 'show', substr sha1_hex($_), 0, 12))[1] } @raw;
    my $message = ($ctl->run('message', $raw[0] =~ /"item":\{"v":1,"id":"([^"]+)"/))[1];
    like $message, qr/reason ambiguous .*\(no JSON, 27 bytes\)/, 'message, too';
    unlike $_, qr/SECRETTEXT/, 'may have said anything' for $list, $json, $message, @show;
    for my $out ($list, $json, join '', @show) {
        like $out, $_, 'and how much' for qr/\(no JSON, 27 bytes\)/,
            qr/\(JSON, but no answer of Meta's, 16 bytes\)/, qr/\(no JSON, 4711 bytes\)/;
    }
    is scalar(() = ($ctl->run('dead', 'list', '--reveal'))[1] =~ /SECRETTEXT/g), 3, 'is not gone';
    $ctl->do('LREM', "{$Q}:dead", 1, $_) for @raw;
    $ctl->do('HINCRBY', "{$Q}:count", $_, -3) for qw(taken dead);
};

subtest 'requeue' => sub {
    is $ctl->json('dead', 'requeue', '--reason', 'no_token')->{requeued}, 1, 'by filter';
    is $ctl->json('dead', 'requeue', 'm_tricky', 'job-1')->{requeued}, 2, 'by event and job';
    my ($second) = $letters[1] =~ /"item":(.*)\}$/;
    is_deeply [$ctl->redis->queue($Q)], [$second, $tricky, $job],
        'at the tail, byte for byte, in order';
    $ctl->accounted('some back');
    ok !$ctl->do('EXISTS', "{$Q}:state"), 'nothing was done of them, nothing is kept';

    $ctl->do('HSET', "{$Q}:state", 'ref:m_state', "99 $letters[3]",
        'ref:m_state#2', "99 $letters[3]", 'ref:m_state#3', "99 $letters[3]",
        'ref:m_other', "99 $letters[0]", 'ref:m_other#2', "99 $letters[3]");
    is $ctl->json('dead', 'requeue', '--all')->{requeued}, 1, 'the rest';
    my ($record) = $letters[3] =~ /,"item":(\{"v":1,"id":"m_state".*)\}$/;
    is +($ctl->redis->queue($Q))[3], $record, 'the one with a state';
    my %state = $ctl->do('HGETALL', "{$Q}:state");
    is $state{requeued}, 1, 'is announced';
    is_deeply [sort grep { /^ref:/ } keys %state], ['ref:m_other', 'ref:m_other#2'],
        'no echo settles it any more, whichever of its sends it was';
    my $kept = JSON::PP::decode_json($state{'r:' . substr sha256_hex($record), 0, 32} // '{}');
    is_deeply [map { $_->{o} } @{$kept->{steps}}], ['done', undef, undef],
        'what was done stays done, all else is begun';
    is $kept->{steps}[0]{m}, 'wamid.X', 'with what it gave';
    is $kept->{steps}[1]{do}{graph}{params}{item}{y}, 2, 'and what was decided';
    is_deeply [@$kept{qw(v decided matched)}], [1, JSON::PP::true, 2], 'all that was decided';
    is_deeply [@$kept{qw(attempts tries lane)}], [0, 0, undef], 'attempts begin anew';
    is_deeply [$ctl->redis->queue($DEAD)], [@letters[4, 5]], 'what is no record stays';
    $ctl->accounted('all back');
};

subtest 'drop' => sub {
    is $ctl->json('dead', 'drop', '--reason', 'record')->{dropped}, 1, 'by filter';
    is $ctl->json('dead', 'drop', '--all')->{dropped}, 1, 'what is no letter goes too';
    is $ctl->count_of->{dropped}, 2, 'counted as dropped';
    is $ctl->do('LLEN', $DEAD), 0, 'gone';
    $ctl->accounted('dropped');

    $ctl->letters($letters[3]);
    $ctl->do('HSET', "{$Q}:state", $_, "99 $letters[3]") for 'ref:m_state', 'ref:m_state#3';
    is $ctl->json('dead', 'drop', 'm_state')->{dropped}, 1, 'an ambiguous one';
    ok !$ctl->do('HEXISTS', "{$Q}:state", $_), 'no echo settles it any more'
        for 'ref:m_state', 'ref:m_state#3';
};

# a record only once, wherever it is
sub all_of {
    my %seen;
    $seen{$_}++ for map { /"item":(.*)\}$/s ? $1 : $_ } @_;
    return %seen;
}

subtest 'killed at any moment, while others bury and requeue' => sub {
    $ctl->do('DEL', $Q, $DEAD, "{$Q}:count", "{$Q}:state");
    my @events = map { event(id => "m_kill_$_") } 1 .. 3000;
    $ctl->letters(map { letter($events[$_], state => $_ % 3 ? undef : $state) } 0 .. $#events);
    my ($kills, $runs) = (0, 0);
    my $grown = 0;
    while ($ctl->do('LLEN', $DEAD) && $runs++ < 200) {
        my @p = map { $ctl->start('dead', 'requeue', '--all') } 1 .. 2;
        if ($grown++ < 3) {
            my $late = event(id => "m_late_$grown");
            push @events, $late;
            $ctl->letters(letter($late));
        }
        sleep((0.002 + rand 0.03) * patience() * (1 + $runs / 20) ** 2);
        $_->alive and $_->signal('KILL') and $kills++ for @p;
        $_->wait_exit(10) for @p;
    }
    is $ctl->do('LLEN', $DEAD), 0, "all are back after $kills kills";
    ok $kills > 0, 'some were killed in the middle';
    my %seen = all_of($ctl->redis->queue($Q));
    is scalar(grep { ($seen{$_} // 0) != 1 } @events), 0, 'each of them once';
    is scalar(keys %seen), scalar @events, 'and nothing else';
    $ctl->accounted('killed');
};

subtest 'a large one, and many' => sub {
    $ctl->do('DEL', $Q, $DEAD, "{$Q}:count", "{$Q}:state");
    my $large = event(id => 'm_large', text => 'x' x 3_000_000);
    $ctl->letters(letter($large, state => $state), map { letter(event(),
        reason => 'other') } 1 .. 999);
    is $ctl->json('dead', 'requeue', '--reason', 'unreachable')->{requeued}, 1, '3 MB';
    is +($ctl->redis->queue($Q))[0], $large, 'byte for byte';
    is +(grep { /^r:/ } $ctl->do('HKEYS', "{$Q}:state"))[0],
        'r:' . substr(sha256_hex($large), 0, 32), 'and its digest';
    is $ctl->json('dead', 'requeue', '--reason', 'other', '--limit', 250)->{requeued}, 250, 'some';
    is $ctl->json('dead', 'drop', '--since', '2020-01-01T00:00:00Z')->{dropped}, 749, 'the rest';
    $ctl->accounted('many');
};

$ctl->finish;
done_testing;
