# Jobs of other programs, and what they are told.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);

use Rig qw($PHONE $PAGE);
use Test::Meta::Util qw(patience wait_for);

my $OUTBOX = 'meta:outbox';
my $json = JSON::PP->new->canonical->utf8;

sub rig {
    my ($more) = @_;
    my $rig = Rig->new;
    $rig->{c} = $rig->consumer(queues => qq([{name: "$OUTBOX", kind: jobs}]),
        rules => "unmatched: drop\npush_lists: [mine]\n", more => $more // '');
    return $rig;
}

# a job that replies, but for what is said otherwise; undef: without it
sub job {
    my ($id, %m) = @_;
    my %job = (v => 1, id => $id, account => $PHONE, to => '+27820000001',
        do => [{reply => {text => "text of $id"}}], reply_to => "meta:reply:$id", %m);
    delete $job{$_} for grep { !defined $job{$_} } keys %job;
    return $json->encode(\%job);
}

sub result {
    my ($rig, $id, $seconds) = @_;
    my $answer = $rig->do('BLPOP', "meta:reply:$id", $seconds // 20 * patience());
    return $answer ? $json->decode($answer->[1]) : {};
}

sub texts { return [map { $_->[1] } $_[0]->sent] }

sub leave {
    my ($rig) = @_;
    $rig->settle(20, $OUTBOX);
    $rig->finish(queues => [$OUTBOX]);
}


# Meta gives tokens of Pages to who asks, and writes its own into the URLs of pages to come
subtest 'tokens in an answer' => sub {
    my $rig = rig();
    my $own = $rig->token('page');
    my ($other, $short) = ('EAA' . 'b' x 40, 'short-token');
    my $mid = 'm_' . 'EA' . 'c' x 40;
    my %answer = (data => [{access_token => $short, name => 'shop', mid => $mid}, {t => $other}],
        said => "access_token:", paging => {cursors => {after => 'QVFI'},
        next => "https://graph.facebook.com/me?access_token=$short&limit=25&a=$own"});
    $rig->graph->fault({match => {method => 'GET'}, fault => {json => \%answer}});
    $rig->push_to($OUTBOX, job('tokens', account => $PAGE, to => undef,
        do => [{graph => {method => 'GET', path => 'me/accounts'}}, {push => {list => 'mine'}}]));
    my $result = result($rig, 'tokens');
    my $got = $result->{results}[0]{answer};
    my $text = $json->encode($result);
    is index($text, $_), -1, 'are not in its result' for $own, $other, $short;
    is $got->{data}[0]{mid}, $mid, 'what only looks like one is';
    is_deeply [$got->{data}[0]{name}, $got->{said}, $got->{paging}{cursors}{after}],
        [qw(shop access_token: QVFI)], 'and all else';
    like $got->{paging}{next}, qr/access_token=\*+&limit=25&a=\*+$/, 'URLs stay URLs';
    leave($rig);
};

subtest 'what is done' => sub {
    my $rig = rig();
    $rig->push_to($OUTBOX, job('first'));
    my $result = result($rig, 'first');
    is_deeply [sort keys %$result], [sort qw(v id ok state results attempts time)], 'all members';
    is_deeply [@$result{qw(v id ok state attempts)}], [1, 'first', JSON::PP::true, 'accepted', 1],
        'accepted';
    ok abs($result->{time} - time * 1000) < 60000, 'its time';
    my ($step, @more) = @{$result->{results}};
    is scalar @more, 0, 'one action';
    is_deeply [@$step{qw(action ok)}], ['reply', JSON::PP::true], 'which was done';
    like $step->{message}, qr/^wamid\./, 'its message';
    is $step->{answer}{messages}[0]{id}, $step->{message}, "and Meta's answer";

    my $body = ($rig->graph->calls)[-1]{body};
    is $body->{to}, '+27820000001', 'to whom';
    is $body->{biz_opaque_callback_data}, 'first', "the job's id goes along";

    $rig->push_to($OUTBOX, job('page', account => $PAGE, to => '7290000000000001',
        do => [{reply => {text => 'a', quick_replies => [{title => '✅ Yes', payload => 'Y'}]}},
            {push => {list => 'mine'}}, {graph => {method => 'GET', path => $PAGE,
            params => {fields => 'id,name'}}}]));
    $result = result($rig, 'page');
    is_deeply [map { [@$_{qw(action ok)}] } @{$result->{results}}],
        [map { [$_, JSON::PP::true] } qw(reply push graph)], 'several actions';
    like $result->{results}[0]{message}, qr/^m_/, 'to a Page';
    is_deeply [$rig->redis->queue('mine')], [job('page', account => $PAGE,
        to => '7290000000000001', do => $json->decode(($rig->redis->queue('mine'))[0])->{do})],
        'pushed as it came';

    $rig->push_to($OUTBOX, job('mute', reply_to => undef), job('after'));
    is result($rig, 'after')->{ok}, JSON::PP::true, 'nobody has to be told';
    is_deeply [grep { /mute/ } $rig->do('KEYS', 'meta:reply:*')], [], 'and is not';

    $rig->push_to('{meta:outbox}:urgent', job('urgent'));
    is result($rig, 'urgent')->{state}, 'accepted', 'from {Q}:urgent, too';
    is $rig->accounted($OUTBOX)->{worked}, 5, 'all are worked';
    leave($rig);
};


subtest 'what is at fault' => sub {
    my $rig = rig();
    my @rows = (
        [no_do => {do => undef}, [undef, 'do', undef, undef, 'is missing']],
        [unknown => {when => 1}, [undef, undef, undef, 'when', 'unknown member "when"']],
        [typing => {do => ['conversion']}, ['conversion', 'conversion', undef, undef,
            'comes with a later version']],
        [long => {do => [{reply => {text => 'x' x 4097}}]}, ['reply', 'reply.text',
            '4096 characters', '4097 characters',
            '4097 characters; there may be 4096 at most']],
        [push => {do => [{push => {list => 'other'}}]}, ['push', 'push.list', 'push_lists',
            'other', '"other" does not stand in push_lists']],
        [time => {expires => '2026-11-22T09:30:00'}, [undef, 'expires', undef,
            '2026-11-22T09:30:00', 'must be milliseconds since 1970 as an integer, or RFC 3339'
            . ' with an offset: "2026-11-22T09:30:00+02:00"']],
        [number => {to => '27820000001'}, [undef, 'to', undef, undef, 'must be a phone number with'
            . ' + and country code, 6 to 15 digits and nothing else, or a user id such as'
            . ' ZA.48210093377165520']]);

    for my $row (@rows) {
        my ($id, $change, $want) = @$row;
        $rig->push_to($OUTBOX, job($id, %$change));
        my $result = result($rig, $id);
        is_deeply [@$result{qw(id ok state)}], [$id, JSON::PP::false, 'dead'], $id;
        my $error = $result->{results}[-1]{error};
        is $error->{class}, 'ours', 'ours';
        is_deeply [@$error{qw(parameter limit value)}], [@$want[1 .. 3]], 'what is wrong';
        my $where = defined $want->[1] ? "$want->[1]: " : '';
        like $error->{text}, qr/^(?:action 1: )?\Q$where$want->[4]\E/, 'and why, in one line';
        my $dead = ($rig->redis->queue("{$OUTBOX}:dead"))[-1];
        is $json->decode($dead)->{reason}, 'job', 'dead as a job';
    }

    $rig->push_to($OUTBOX, 'no JSON', job('elsewhere', reply_to => 'elsewhere'), job('after'));
    is result($rig, 'after')->{ok}, JSON::PP::true, 'what follows goes on';
    is $rig->do('EXISTS', 'elsewhere'), 0, 'no list without the prefix is written to';
    is $rig->llen("{$OUTBOX}:dead"), @rows + 2, 'all are kept';
    is_deeply texts($rig), ['text of after'], 'none was tried';
    leave($rig);
};


subtest "what Meta refuses" => sub {
    my $rig = rig();
    $rig->graph->fault({times => 1, fault => {code => 131047}});
    $rig->push_to($OUTBOX, job('closed', do => [{reply => {text => 'text of closed'}},
        {reply => {text => 'never sent'}}]));
    my $result = result($rig, 'closed');
    is_deeply [@$result{qw(ok state)}], [JSON::PP::false, 'dead'], 'dead';
    is scalar @{$result->{results}}, 1, 'what comes after it is not begun';
    my $error = $result->{results}[0]{error};
    is_deeply [@$error{qw(code class parameter limit value)}],
        [131047, 'never', undef, undef, undef], "Meta's code, and its class";
    like $error->{meta}, qr/131047/, "Meta's words";
    ok length $error->{text} && length $error->{todo}, 'ours';
    ok length $error->{fbtrace_id}, 'and what to tell Meta';

    $rig->graph->fault({times => 1, fault => {cut => 'request'}});
    $rig->do('DEL', $rig->do('KEYS', 'meta:user:*'));     # the window is known to be closed
    $rig->push_to($OUTBOX, job('cut'));
    is_deeply [@{result($rig, 'cut')}{qw(ok state)}], [JSON::PP::false, 'ambiguous'],
        'no answer came: it may have arrived';
    leave($rig);
};


subtest 'times' => sub {
    my $rig = rig();
    my $from = time;
    $rig->push_to($OUTBOX, job('late', expires => int(1000 * ($from - 1))),
        job('wait', not_before => int(1000 * ($from + 3))), job('behind'),
        job('beside', to => '+27820000002'));
    is_deeply [@{result($rig, 'late')}{qw(ok state)}], [JSON::PP::false, 'expired'], 'expired';
    is result($rig, 'beside')->{state}, 'accepted', 'another goes on';
    is result($rig, 'wait')->{state}, 'accepted', 'its time comes';
    cmp_ok time - $from, '>=', 2.9, 'and not before';
    is result($rig, 'behind')->{state}, 'accepted', 'it held nobody back';
    is +(@{texts($rig)})[-1], 'text of wait', 'and was the last';
    is $rig->accounted($OUTBOX)->{expired}, 1, 'counted as expired';
    leave($rig);
};


subtest 'the same twice' => sub {
    my $rig = rig();
    $rig->graph->fault({times => 1, fault => {slow => 1000}});
    $rig->push_to($OUTBOX, job('one', idempotency_key => 'order-9001'),
        job('two', idempotency_key => 'order-9001', to => '+27820000002'));
    my ($one, $two) = map { result($rig, $_) } qw(one two);
    is $one->{state}, 'accepted', 'the first runs';
    is_deeply [@$two{qw(id ok state)}], ['two', JSON::PP::true, 'duplicate'],
        'the second does not';
    is_deeply $two->{results}, $one->{results}, 'and gets what the first got';

    $rig->{c}->drain;
    $rig->{c} = $rig->consumer(queues => qq([{name: "$OUTBOX", kind: jobs}]),
        rules => "unmatched: drop\n");
    $rig->push_to($OUTBOX, job('three', idempotency_key => 'order-9001'),
        job('other', idempotency_key => 'order-9002'));
    is result($rig, 'three')->{state}, 'duplicate', 'also by the next consumer';
    is result($rig, 'other')->{state}, 'accepted', 'another key runs';

    $rig->push_to($OUTBOX, job('bad', idempotency_key => 'order-9003', do => ['conversion']),
        job('good', idempotency_key => 'order-9003'));
    is result($rig, 'bad')->{state}, 'dead', 'one that is no job';
    is result($rig, 'good')->{state}, 'accepted', 'does not use up its key';

    $rig->graph->fault({times => 1, fault => {slow => 1000}});
    my $soon = int(1000 * (time + 2));
    $rig->push_to($OUTBOX, map { job($_, idempotency_key => 'order-9004', not_before => $soon) }
        qw(early twin));
    is_deeply [sort map { result($rig, $_)->{state} } qw(early twin)], [qw(accepted duplicate)],
        'also of two that wait for their time';

    my $ttl = $rig->do('PTTL', "{$OUTBOX}:seen:job:order-9001");
    cmp_ok abs($ttl - 7 * 24 * 3600 * 1000), '<', 600_000, 'for 7 days';
    my @texts = @{texts($rig)};
    like pop @texts, qr/^text of (early|twin)$/, 'one of them';
    is_deeply \@texts, ['text of one', 'text of other', 'text of good'], 'each once';
    leave($rig);
};

done_testing;
