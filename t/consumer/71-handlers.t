# A handler of the user's decides; what it answers runs, or is judged.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP qw(decode_json encode_json);
use Test::More;
use Time::HiRes ();

use Handler;
use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Peer;
use Test::Meta::Util qw(patience spew temp_dir wait_for);

my $secret = "handlers-secret-$$";

# what is said to the handler tells what it answers
my %answers = (
    both => [200, {actions => [{reply => {text => 'Yes, daily.'}}, 'mark_read']}],
    empty => [200, ''], object => [200, {}], later => [202, 'queued'], none => [204, ''],
    text => [200, 'OK'], page => [200, '<br />', {'Content-Type' => 'text/html; charset=UTF-8'}],
    unknown => [200, {actions => ['mark_read', 'conversion']}],
    long => [200, {actions => ['mark_read', {reply => {text => 'x' x 4097}}]}],
    many => [200, {actions => [('mark_read') x 21]}],
    huge => [200, ' ' x (256 * 1024 + 1)],
    gone => [410, ''], moved => [302, '', {Location => 'http://127.0.0.1/'}],
);

sub decide {
    my ($request) = @_;
    my $text = $request->{view}{text} // '';
    my $status = $request->{view}{status};
    return (204, '') if $status && $status->{state} eq 'read';
    return @{$answers{$1}} if $text =~ /^please (\w+)/;
    return $request->{view}{attempt} == 1 ? (503, '', {'Retry-After' => 1})
        : (200, {actions => [{reply => {text => 'at last'}}]}) if $text =~ /^again/;
    return (200, {actions => [{reply => {text => "you said $text"}}]});
}

# a rig with its handler; more of the handler's keys, and rules
sub rig {
    my ($more, $rules, %arg) = @_;
    my $rig = Rig->new;
    my $handler = Handler->new(dir => $rig->dir, secret => $secret, answer => \&decide,
        %arg)->start;
    spew($rig->file('secret'), "$secret\n");
    $rig->{handler} = $handler;
    $rig->{c} = $rig->consumer(rules => $rules // <<'END', more => <<"END2");
rules:
  - when: {product: whatsapp, kind: message}
    do: [{call: {handler: shop}}]
END
handlers: [{name: shop, url: "@{[$handler->url]}", secret_file: @{[$rig->file('secret')]}$more}]
END2
    return $rig;
}

sub leave {
    my ($rig, %arg) = @_;
    $rig->finish(secrets => [$secret], %arg);
    is $rig->{handler}->stop, 'signal 15', 'the handler ran to the end';
}


subtest 'what it gets' => sub {
    my $rig = rig('');
    my $record = whatsapp(text => 'please both', id => 'wamid.both');
    $rig->push($record);
    $rig->settle;

    my @requests = $rig->{handler}->requests;
    is scalar @requests, 1, 'one POST';
    my ($r) = @requests;
    my $view = $r->{view};
    like $r->{line}, qr{^POST /meta\?a=b HTTP/1\.1$}, 'to its URL';
    ok $r->{genuine}, 'signed';
    is $r->{headers}{'meta-id'}, 'wamid.both', 'Meta-Id';
    is $r->{headers}{'meta-attempt'}, 1, 'Meta-Attempt';
    ok abs($r->{headers}{'meta-timestamp'} - time) < 60, 'Meta-Timestamp';
    is $r->{headers}{'content-type'}, 'application/json', 'Content-Type';
    ok !exists $r->{headers}{authorization}, 'no token';
    is_deeply [sort keys %$view], [sort qw(v id attempt kind product account tenant user
        conversation time text payload media reply_to referral window replay test event)],
        'all keys';
    is_deeply $view->{user}, {id => '27820000001', phone => '27820000001', name => 'Thandi',
        username => undef}, 'the user';
    is_deeply $view->{event}, decode_json($record), 'the record';
    ok index($r->{body}, ",\"event\":$record}") > 0, 'byte for byte';

    my @bodies = map { $_->{body} } $rig->graph->calls;
    is_deeply [map { $_->{text}{body} // $_->{status} } @bodies], ['Yes, daily.', 'read'],
        'its actions run in order';
    is $rig->count_of->{worked}, 1, 'worked';
    leave($rig);
};


subtest 'by a unix socket, each of several' => sub {
    my $rig = rig('', <<'END', unix => 1);
rules:
  - when: {product: whatsapp, kind: status}
    do: [{call: {handler: shop}}]
END
    $rig->push(record(id => 'sha256:0', key => "$PHONE:", event => {field => 'messages',
        value => {metadata => {phone_number_id => $PHONE}, statuses => [
        map { {id => "wamid.$_", status => 'read', timestamp => '' . time,
            recipient_id => "278$_"} } 1 .. 3]}}));
    ok wait_for(sub { $rig->{handler}->requests == 3 }, 20 * patience()), 'one POST each';
    is_deeply [sort { $a->[0] cmp $b->[0] } map { [@{$_->{view}}{qw(id kind)},
        $_->{view}{status}] } $rig->{handler}->requests],
        [map { ["wamid.$_:read", 'status',
            {message => "wamid.$_", state => 'read', error => undef}] } 1 .. 3], 'with its own id';
    $rig->settle;
    is scalar(() = $rig->dead), 0, 'and that was all';

    $rig->push(record(id => 'wamid.4:sent', key => "$PHONE:wamid.4", event => {
        field => 'messages', value => {metadata => {phone_number_id => $PHONE},
        statuses => [{id => 'wamid.4', status => 'sent', timestamp => '1763700000'}]}}));
    $rig->settle;
    is scalar(() = $rig->graph->calls), 0, 'nobody to reply to: no call';
    is_deeply [map { [@$_{qw(reason action)}] } $rig->dead], [[qw(handler_answer call)]],
        'a reply to nobody is a fault of the answer';
    leave($rig);
};


subtest 'what it answers' => sub {
    my $rig = rig('');
    my @nothing = qw(empty object later none);
    $rig->push(map { whatsapp(text => "please $_", user => "2782000000$_") } @nothing);
    $rig->settle;
    is $rig->count_of->{worked}, @nothing, 'nothing to do is worked';

    my @faulty = (
        [text => 'the answer is no JSON object (HTTP 200, no Content-Type)'],
        [page => 'the answer is no JSON object (HTTP 200, text/html)'],
        [unknown => 'action 2: conversion: comes with a later version'],
        [long => 'action 2: reply.text: 4097 characters; there may be 4096 at most'
            . ' (limit: 4096 characters, value: 4097 characters)'],
        [many => '21 actions; there may be 20 at most (limit: 20 actions, value: 21 actions)'],
        [huge => 'the answer has 262145 bytes; there may be 262144']);
    for my $row (@faulty) {
        $rig->push(whatsapp(text => "please $row->[0]"));
        $rig->settle;
        my $dead = ($rig->dead)[-1];
        is_deeply [@$dead{qw(reason action answer)}], ['handler_answer', 'call', $row->[1]],
            "faulty: $row->[0]";
    }
    is scalar(() = $rig->{c}->log =~ /outcome=handler_answer .*handler=shop status=200$/mg),
        scalar(@faulty), 'the log names the handler';

    for my $row ([gone => 410], [moved => 302]) {
        my ($word, $status) = @$row;
        $rig->push(whatsapp(text => "please $word"));
        $rig->settle;
        my $dead = ($rig->dead)[-1];
        is $dead->{reason}, 'handler_refused', $word;
        is $dead->{answer}, "shop answered $status: it refuses the event", 'who answered what';
        is $dead->{attempts}, 1, 'asked once';
        like $rig->{c}->log, qr/outcome=handler_refused .*handler=shop status=$status$/m,
            'the log, too';
    }

    is scalar(() = $rig->graph->calls), 0, 'none of them ran anything';
    leave($rig);
};


subtest 'later' => sub {
    my $rig = rig('');
    my $from = time;
    $rig->push(whatsapp(text => 'again', id => 'wamid.again'),
        whatsapp(text => 'behind it'), whatsapp(text => 'beside it', user => '27820000002'));
    ok wait_for(sub { $rig->sent >= 1 }, 20 * patience()), 'another conversation goes on';
    is_deeply [$rig->sent], [['+27820000002', 'you said beside it']], 'at once';
    ok +(wait_for { my %state = $rig->do('HGETALL', "{$Q}:state");
        join(' ', values %state) =~ /"why":"handler handler=shop status=503"/ } 5),
        'why it waits stands in its state';
    $rig->settle(40);
    is_deeply [map { $_->[1] } $rig->sent],
        ['you said beside it', 'at last', 'you said behind it'], 'its own waits behind it';
    cmp_ok time - $from, '>=', 4, 'for 5 seconds';

    my @again = grep { $_->{view}{text} eq 'again' } $rig->{handler}->requests;
    is_deeply [map { $_->{headers}{'meta-attempt'} } @again], [1, 2], 'two attempts';
    is_deeply [map { $_->{headers}{'meta-id'} } @again], [('wamid.again') x 2], 'of one id';
    like $rig->{c}->log, qr/outcome=retry .* why=handler handler=shop status=503 wait_ms=5000 /,
        'the log says what it answered';
    leave($rig);
};


# it answers nobody before it is told to
subtest 'one that takes its time' => sub {
    my $dir = temp_dir();
    my $gate = "$dir/gate";
    my $slow = sub {
        Time::HiRes::sleep(0.05) until -e $gate;
        return decide(@_);
    };
    my $rig = rig(', timeout: 2m', <<'END', answer => $slow);
rules:
  - when: {product: whatsapp, kind: message}
    do: [{call: {handler: shop}}]
  - when: {product: messenger, kind: message}
    do: [{reply: {text: "at once"}}]
END
    my $n = 320;
    $rig->push((map { whatsapp(text => "n$_", user => 27820000000 + $_) } 1 .. $n),
        map { messenger(user => 7290000000000000 + $_) } 1 .. 3);
    ok wait_for(sub { $rig->sent == 3 }, 20 * patience()), 'others are answered meanwhile';
    cmp_ok $rig->{handler}->requests, '<=', 64, 'it is asked about so many at once';
    spew($gate, '');
    $rig->settle(60);
    is $rig->sent, $n + 3, 'all are answered';
    my @requests = $rig->{handler}->requests;
    is scalar @requests, $n, 'it was asked once about each';
    is_deeply [grep { $_->{view}{attempt} != 1 } @requests], [], 'no attempt was lost';

    $rig->do('HSET', 'meta:control', map { $_ => '{"until":null,"by":"test","why":"x"}' }
        qw(lane:handler:shop queue:elsewhere));
    $rig->{c}->wait_log(qr/queue elsewhere is paused/, 20);
    $rig->push(whatsapp(text => 'later'));
    ok wait_for(sub { $rig->held == 1 }, 20 * patience()), 'one that is paused is not asked';
    $rig->do('HDEL', 'meta:control', 'lane:handler:shop');
    $rig->settle;
    is $rig->{handler}->requests, $n + 1, 'until it is resumed';
    leave($rig);
};


# a host that is not known yet gets four calls at once: who waits for them has
# all of its time left
subtest 'the time of a call that waits' => sub {
    my $time = 2 * patience();
    my $rig = rig(', timeout: ' . int(1000 * 1.7 * $time) . 'ms', undef, answer => sub {
        Time::HiRes::sleep($time);
        return (204, '');
    });
    $rig->push(map { whatsapp(text => "n$_", user => 27820000000 + $_) } 1 .. 8);
    $rig->settle(20 * $time);
    is_deeply [map { $_->{view}{attempt} } $rig->{handler}->requests], [(1) x 8],
        'begins when it leaves';
    leave($rig);
};


# it has read the request, and closes the connection of the one before
subtest 'one that throws' => sub {
    my $rig = Rig->new;
    my $word = encode_json({choices => [{message => {content => 'general'}}]});
    my %answer = (shop => "say:HTTP/1.1 204 No Content\r\n\r\n",
        model => "say:HTTP/1.1 200 OK\r\nContent-Length: @{[length $word]}\r\n\r\n$word");
    my ($shop, $model) = map { Test::Meta::Peer->new(dir => $rig->dir, name => $_,
        script => [$answer{$_}, 'cut', $answer{$_}])->start } qw(shop model);
    spew($rig->file($_), "$secret\n") for qw(secret key);
    my $endpoint = sub { qq($_[0]: {api: openai, url: "@{[$model->url]}/chat", model: m,)
        . qq( key_file: @{[$rig->file('key')]}, system: "One word."}) };
    my $c = $rig->consumer(rules => <<'END', more => <<"END2");
rules:
  - when: {product: whatsapp, kind: message}
    do: [{call: {handler: shop}}]
  - when: {product: messenger, kind: message}
    do: [{assistant: {name: desk}}]
END
handlers: [{name: shop, url: "@{[$shop->url]}", secret_file: @{[$rig->file('secret')]}}]
assistants:
  - name: desk
    @{[$endpoint->('classifier')]}
    @{[$endpoint->('writer')]}
    labels: [{name: general, write: false}]
END2
    for my $n (1, 2) {
        $rig->push(whatsapp(text => "n$n"), messenger(text => "n$n"));
        my $over = sub { $rig->retry + ($rig->count_of->{worked} // 0) };
        ok wait_for(sub { $over->() == 2 * $n }, 20 * patience()), "message $n is over, or waits";
    }
    is $rig->retry, 2, 'both events wait';
    is_deeply [map { [map { $_->[0] } $_->requests] } $shop, $model], [[1, 1], [1, 1]],
        'nobody is asked again before its time';
    is $c->drain(30 * patience()), '0', 'they may wait without us';
    $rig->finish(secrets => [$secret]);
    $_->stop for $shop, $model;
};


subtest 'away' => sub {
    my $rig = rig(', timeout: 2s');
    $rig->{handler}->stop('KILL');
    close $rig->{handler}{socket};
    $rig->push(map { whatsapp(text => "away $_", user => 27820000000 + $_) } 1 .. 14);
    my $said = qr/handler shop: failed 10 times in a row, at last .*connect/i;
    ok wait_for(sub { $rig->{c}->log =~ $said }, 20 * patience()), 'ten failures are said, and how';
    ok wait_for(sub { join('', $rig->do('HVALS', 'meta:consumers')) =~ /"alone":\["shop"\]/ },
        20 * patience()), '... to all';
    ok wait_for(sub { $rig->retry == 14 }, 20 * patience()), 'all wait';
    like $rig->{c}->log, qr/why=handler handler=shop error="[^"]*connect[^"]*" wait_ms=/i,
        'and why, in the log';
    is scalar(() = $rig->dead), 0, 'none is dead';
    is $rig->{c}->drain(30 * patience()), '0', 'they may wait without us';
    is $rig->retry, 14, 'where they are';
    $rig->finish(secrets => [$secret]);
};

done_testing;
