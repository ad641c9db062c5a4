# Graph says no, hangs, cuts, lies: what may pass is tried again, what nobody knows or what
# cannot be is kept as dead with the reason, the next goes on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64 ();
use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Process;
use Test::Meta::Util qw(patience spew wait_for);

my $rules = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";

subtest 'what Graph answers' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $rules);
    my $token = $rig->token('page');
    my $before = 0;

    # name, fault, how often sent, what the letter says
    my @table = (
        ['an error', {code => 100, subcode => 2018001, message => 'no such user'},
            {reason => 'graph_error', code => 100, subcode => 2018001}],
        ['an error with status 200', {code => 100, lie => JSON::PP::true},
            {reason => 'graph_error', code => 100}],
        ['500 without JSON', {status => 500, body => '<html>'},
            {reason => 'ambiguous', answer => '<html>'}],
        ['no JSON', {status => 200, body => 'Service Unavailable'},
            {reason => 'ambiguous', answer => 'Service Unavailable', raw => 19}],
        ['400 and success false', {status => 400, body => '{"success":false}'},
            {reason => 'graph_answer'}],
        ['success false', {status => 200, body => '{"success":false}'}, {reason => 'ambiguous'}],
        ['success "false"', {status => 200, body => '{"success":"false"}'},
            {reason => 'ambiguous'}],
        ['half an answer', {status => 200, body => '{"message_id":'}, {reason => 'ambiguous'}],
        ['an answer nested deep', {status => 200, body => '[' x 5000}, {reason => 'ambiguous'}],
        ['400 without JSON', {status => 400, body => '<html>'},
            {reason => 'graph_answer', answer => '<html>', raw => 6}],
        ['a redirect', {status => 302, body => '{}',
            headers => {Location => 'http://127.0.0.1:1/'}}, {reason => 'graph_answer'}],
        ['cut after the head', {cut => 'head'}, {reason => 'ambiguous'}],
        ['cut after the request', {cut => 'request'}, {reason => 'ambiguous'}],
        ['cut inside of the answer', {cut => 'answer'}, {reason => 'ambiguous'}],
        ['a reset', {cut => 'request', reset => JSON::PP::true}, {reason => 'ambiguous'}],
        ['the token in the message', {code => 100, message => "Malformed access token $token"},
            {reason => 'graph_error', raw => undef,
            answer => 'Malformed access token ' . '*' x length $token}],
        ['an answer over 1 MB', {body => 'x' x 1_100_000},
            {reason => 'ambiguous', answer => 'the answer is longer than allowed'}],
    );

    for my $row (@table) {
        my ($name, $fault, $expected) = @$row;
        $rig->graph->fault({times => 1, fault => $fault});
        my $calls = $rig->graph->calls;
        my $record = messenger();
        $rig->push($record, messenger());
        $rig->settle;

        my @dead = $rig->dead;
        is scalar @dead, ++$before, "$name: one is dead" or last;
        my $letter = $dead[-1];
        is $letter->{$_}, $expected->{$_}, "$name: $_" for sort keys %$expected;
        is_deeply $letter->{item}, JSON::PP::decode_json($record), "$name: the record is whole";
        is_deeply [@$letter{qw(v attempts action done)}], [1, 1, 'reply', 0],
            "$name: what was done";
        cmp_ok abs($letter->{time} / 1000 - time), '<', 60, "$name: when";
        is $rig->graph->calls - $calls, 2, "$name: sent once, and the next one is answered";
    }

    my ($raw) = $rig->redis->queue("{$Q}:dead");
    like $raw, qr/^\{"v":1,"reason":"graph_error","code":100,"subcode":2018001,"attempts":1,
        "time":\d+,"answer":"[^"]*no.such.user","class":"never","text":"[^"]+","todo":"[^"]+",
        "fbtrace_id":"[^"]+","action":"reply","done":0,"state":\{.*\},"item":\{"/x,
        'keys in their order';
    like $c->log, qr/\[warn\]\ event\ .*\ outcome=graph_error\ ms=\d+\ status=\d+\ code=100
        \ subcode=2018001\ trace=\S/x, 'the log has code and trace';
    unlike $c->log, qr/no such user/, 'and not what Meta wrote';
    $rig->finish;
};

# the only one that waits: as if it had been tried so often, and its time had come
sub tried {
    my ($rig, $times) = @_;
    my %state = $rig->do('HGETALL', "{$Q}:state");
    my ($field) = grep { /^\d+u?$/ } keys %state;
    $rig->do('HSET', "{$Q}:state", $field, $state{$field} =~ s/"(?:tries|errors)":\K\d+/$times/gr);
    $rig->do('ZADD', "{$Q}:retry", 1, $_) for $rig->do('ZRANGE', "{$Q}:retry", 0, -1);
}

subtest 'what passes' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $rules);
    $rig->graph->fault({times => 1, fault => {status => 500}});
    $rig->push(messenger(id => 'm_again'), messenger(id => 'm_behind'),
        messenger(id => 'm_other', user => '7'));
    ok +(wait_for { $rig->retry == 1 }), 'is tried again';
    like $c->wait_log(qr/id=m_again .*/), qr/[ ]calls=1[ ]outcome=retry[ ].*why=graph_error
         [ ]wait_ms=5\d\d\d[ ]tries=1$/x, 'by the schedule of its code';
    ok +(wait_for { $rig->accepted == 1 }), 'meanwhile somebody else is answered';
    is $rig->held, 1, 'and who stands behind it waits';
    $rig->settle;
    is_deeply [map { $_->{body}{message}{metadata} } $rig->graph->calls],
        [qw(m_again m_other m_again m_behind)], 'in order';
    is $rig->count_of->{worked}, 3, 'all are worked';
    $rig->finish;
};

subtest 'what does not pass' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $rules);
    $rig->graph->fault({times => 2, fault => {status => 500}});
    $rig->push(messenger(id => 'm_again'));
    ok +(wait_for { $rig->retry == 1 }), 'tried again';
    $c->drain;
    tried($rig, 5);
    $rig->consumer(rules => $rules);
    $rig->settle;
    my ($letter) = $rig->dead;
    is_deeply [@$letter{qw(reason code attempts class)}], ['graph_error', 2, 2, 'retry'],
        'is dead when its attempts are used up';
    $rig->finish;
};

# what stops for all: the error, the lane, what the log says
my @stops = (
    ['a token that is refused', {code => 190, lie => JSON::PP::true}, qr/token:[0-9a-f]+/,
        qr/\[error\] lane token:\S+ stops queue=\S+ delivery=\S+ account=\d+ token=\S+ code=190/],
    ['throttled', {status => 429, code => 4}, qr/app:\w+/,
        qr/outcome=held .*lane=app:\w+ wait_ms=/],
);
for my $row (@stops) {
    my ($name, $fault, $lane, $log) = @$row;
    subtest $name => sub {
        my $rig = Rig->new;
        my $c = $rig->consumer(rules => $rules, more => 'apps: [{id: "1234567890", secret_file: '
            . spew($rig->file('secret'), "app-secret-$$\n") . "}]\n");
        $rig->graph->fault({times => 1, fault => $fault});
        $rig->push(messenger(id => 'm_1'));
        ok +(wait_for { $rig->held == 1 }), 'the event waits';
        $rig->push(messenger(id => 'm_2', user => '7'));
        ok +(wait_for { $rig->held == 2 }), 'so do others';
        is $rig->graph->calls, 1, 'which is not called for';
        my ($stop) = $rig->do('KEYS', 'meta:limit:stop:*');
        like $stop, qr/^meta:limit:stop:$lane$/, 'the lane is stopped';
        like $c->log, $log, 'and that is said';
        $rig->do('DEL', $stop);
        $rig->settle;
        is_deeply [map { $_->{body}{message}{metadata} } $rig->graph->calls], [qw(m_1 m_1 m_2)],
            'who ends the stop has them answered';
        is $rig->dead, 0, 'nothing is dead';
        $rig->finish;
    };
}

subtest 'nobody there' => sub {
    my $rig = Rig->new;
    my $forever = $rules =~ s/message\}/message}, max_age: none/r;
    $rig->graph->stop;
    my $c = $rig->consumer(rules => $forever);
    my $record = messenger();
    $rig->push($record);
    $c->wait_log(qr/outcome=retry .*why=unreachable wait_ms=\d+ tries=2/);
    ok +(wait_for { $rig->retry == 1 }), 'it is tried again';
    $c->drain;
    tried($rig, 10);
    $rig->consumer(rules => $forever);
    $rig->settle;
    my ($letter) = $rig->dead;
    is $letter->{reason}, 'unreachable', 'in the end it was not sent';
    is_deeply $letter->{item}, JSON::PP::decode_json($record), 'the record is whole';
    $rig->finish;
};

subtest 'away and back' => sub {
    my $rig = Rig->new;
    $rig->graph->stop;
    my $c = $rig->consumer(rules => $rules);
    $rig->push(map { messenger(id => "m_$_", user => $_) } 1 .. 3);
    ok +(wait_for { (() = $c->log =~ /why=unreachable/g) >= 4 } 20 * patience()), 'tried again';
    my @said = $c->log =~ /\[warn\] (Graph .*)/g;
    is scalar @said, 1, 'said once';
    my $url = $rig->graph->url;
    like $said[0], qr{^Graph at \Q$url\E cannot be reached: [^?]* to 127.*; calls wait},
        'where and why';
    $rig->graph->start;
    $rig->settle(30);
    like $c->log, qr/\[warn\] Graph at \S+ is reached again after \d+ s; \d+ calls had not left/,
        'and that it is over';
    $rig->finish;
};

subtest 'too late' => sub {
    my $rig = Rig->new;
    my $old = sub {
        my ($id, $hours) = @_;
        my $time = 1000 * (time - 3600 * $hours);
        return messenger(id => $id, user => $hours, item => {timestamp => $time})
            =~ s/"time":\K\d+/$time/r;
    };
    $rig->push($old->('m_5', 5), $old->('m_7', 7));
    my $c = $rig->consumer(rules => $rules);
    $rig->settle;
    is_deeply [map { $_->{body}{message}{metadata} } $rig->graph->calls], ['m_5'],
        'what is older than six hours is not answered';
    is $rig->count_of->{expired}, 1, 'and counted as expired';
    like $c->log, qr/id=m_7 .*outcome=expired/, 'which is said';
    $c->drain;
    $rig->push($old->('m_8', 8));
    $rig->consumer(rules => $rules =~ s/message\}/message}, max_age: 9h/r);
    $rig->settle;
    is scalar($rig->graph->calls), 2, 'unless the rule says otherwise';
    $rig->finish;
};

subtest 'what Graph did not answer is none of its errors' => sub {
    my $rig = Rig->new;
    $rig->graph->fault({times => 1, fault => {code => 1}});
    $rig->do('HSET', '{meta:events}:inflight', 1 => messenger());
    $rig->do('HSET', '{meta:events}:count', seq => 1, taken => 1);
    $rig->do('HSET', '{meta:events}:state', 1 => '{"v":1,"decided":true,"matched":1,"attempts":4,'
        . '"tries":4,"steps":[{"e":0,"r":1,"do":{"reply":{"text":"x"}}}]}');
    my $c = $rig->consumer(rules => $rules);
    my $said = $c->wait_log(qr/why=graph_error wait_ms=\d+ tries=\d+/, 20);
    like $said, qr/wait_ms=5\d{3} tries=5/, 'the first wait of its schedule';
    $rig->settle(30);
    is scalar($rig->dead), 0, 'and it is not given up';
    $rig->finish;
};

# a server that reads the whole request and then says these bytes
subtest 'an answer without a status line' => sub {
    my $rig = Rig->new;
    my $listen = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
    my $peer = Test::Meta::Process->new;
    $peer->run(out => $rig->file('peer.out'), code => sub {
        while (my $c = $listen->accept) {
            my $in = '';
            while ($in !~ /\r\n\r\n(.*)/s || length $1 < ($in =~ /Content-Length: (\d+)/i)[0]) {
                sysread $c, $in, 65_536, length $in or last;
            }
            print {$c} '{"messages":[]}';
        }
    });
    my $url = 'http://127.0.0.1:' . $listen->sockport;
    my $c = $rig->consumer(conf => $rig->conf(rules => $rules) =~ s/base_url: "\K[^"]+/$url/r);
    $rig->push(messenger());
    $rig->settle;
    is +($rig->dead)[0]{reason}, 'ambiguous', 'it may have been executed';
    $peer->stop;
    $rig->finish;
};

subtest 'a trace that is none' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $rules);
    my $token = $rig->token('page');

    # fbtrace_id, what the log shows of it
    my @table = (['A1-b_2', 'A1-b_2'], ['a b', '-'], ["a\n[error] b", '-'], ["EAA\xe9", '-'],
        ['x' x 64, '-'], [$token, '*' x length $token],
        ["x$token-", 'x' . '*' x length($token) . '-'], ['EAAB' . 'x' x 30, '*' x 34]);
    for my $row (@table) {
        $rig->graph->fault({times => 1, fault => {status => 400, body =>
            JSON::PP->new->ascii->encode({error => {code => 100, fbtrace_id => $row->[0]}})}});
        $rig->push(messenger());
        $rig->settle;
    }
    is_deeply [$c->log =~ /\[warn\] .* trace=(.*)/g], [map { $_->[1] } @table],
        'only what is plain, and no token in it';
    $rig->finish;
};

subtest 'a message that is nothing but tokens' => sub {
    my $rig = Rig->new;
    # a sanitizer's strstr() measures all the text at each call
    my $length = $ENV{META_T_ASAN} ? 100_000 : 1_000_000;
    spew($rig->file('page'), "x\n");
    my $c = $rig->consumer(rules => $rules);
    $rig->graph->fault({times => 1, fault => {status => 400,
        body => '{"error":{"code":100,"message":"' . 'x' x $length . '"}}'}});
    $rig->push(messenger());
    $rig->settle;
    cmp_ok $c->cpu, '<', 4 * patience(), 'is struck in one go';
    is +($rig->dead)[0]{answer}, '*' x 511, 'all of it';
    $rig->finish;
};

subtest 'a kept connection dies under a second call' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $rules);
    $rig->push(messenger());
    $rig->settle;
    $rig->graph->fault({times => 1, fault => {cut => 'request'}});
    $rig->push(messenger(id => 'm_once'));
    $rig->settle;
    my @calls = grep { ($_->{body}{message}{metadata} // '') eq 'm_once' } $rig->graph->calls;
    is scalar @calls, 1, 'libcurl did not send it again';
    is +($rig->dead)[0]{reason}, 'ambiguous', 'nobody knows whether it was sent';
    $rig->finish;
};

subtest 'a step of several fails' => sub {
    my $rig = Rig->new;
    $rig->graph->fault({match => {body => 'two'}, times => 1, fault => {code => 131047}});
    $rig->consumer(rules => "rules: [{when: {product: whatsapp, kind: message}, do: [mark_read, "
        . "{reply: {text: one}}, {reply: {text: two}}, {reply: {text: three}}]}]\n");
    $rig->push(whatsapp());
    $rig->settle;
    my ($letter) = $rig->dead;
    is_deeply [@$letter{qw(action done code)}], ['reply', 2, 131047],
        'the letter says how far it came';
    is_deeply [map { $_->[1] } $rig->sent], ['one'], 'what was behind it is not sent';
    $rig->finish;
};

subtest 'records that are none' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $rules);
    my @faulty = ('', 'garbage', "\xff\x00", '{', '[]', '{}', '{"v":1}', '{"v":"1","event":{}}',
        '{"v":0,"event":{}}', '{"v":-1,"event":{}}', '{"v":1.5,"event":{}}', '[' x 100_000,
        '{"v":1,"event":' . '[' x 700 . ']' x 700 . '}');
    my @odd = ('{"v":1,"event":null}', '{"v":1,"event":{}}', '{"event":1,"v":1,"more":[]}',
        '{"v":1,"object":"page","event":[]}',
        '{"v":1,"object":"page","field":"messaging","event":{}}',
        '{"v":1,"object":"whatsapp_business_account","event":{"value":{"messages":[1,null,[]]}}}',
        '{"v":1,"object":"whatsapp_business_account","event":{"value":{"messages":{}}}}');
    $rig->push(@faulty, @odd, messenger());
    $rig->settle;
    is scalar $rig->sent, 1, 'the good one is answered';
    my @dead = $rig->dead;
    is_deeply [map { $_->{reason} } @dead], [('record') x @faulty], 'the faulty ones are dead';
    is $rig->count_of->{unmatched}, scalar @odd, 'odd ones match nothing';
    my %kept = map { (MIME::Base64::decode_base64($_->{base64}) => 1) }
        grep { defined $_->{base64} } @dead;
    is_deeply [map { $kept{$_} ? 1 : 0 } @faulty[0 .. 3, 11, 12]], [(1) x 6],
        'what is no JSON is kept as base64';
    is_deeply [map { $_->{item} } grep { !defined $_->{base64} } @dead],
        [map { JSON::PP::decode_json($_) } @faulty[4 .. 10]], 'what is JSON as it is';
    $rig->finish;
};

subtest 'an account without a token, and one that is no number' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $rules);
    $rig->push(messenger(page => '999'));
    $rig->settle;
    $c->drain;
    my $default = '  - {kind: system_user, default: true, file: ' . $rig->file('page') . '}';
    $rig->consumer(conf => $rig->conf(rules => $rules) =~ s/^(?=log_level)/$default\n/mr);
    $rig->push(messenger(page => '1/../me'));
    $rig->settle;
    is_deeply [map { $_->{reason} } $rig->dead], [qw(no_token record)], 'dead, and why';
    is $rig->graph->calls, 0, 'and nothing was called';
    $rig->finish;
};

done_testing;
