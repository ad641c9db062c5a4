# A crash after each step, and a holder that sleeps longer than its lease: each
# call is made once, a handler that has answered is not asked again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use IO::Socket::UNIX ();
use JSON::PP qw(decode_json encode_json);
use Test::More;

use Handler;
use Rig qw(whatsapp messenger $PHONE $PAGE $Q);
use Test::Meta::Util qw(patience spew wait_for);

# the next call is answered when the test wants it
sub slow { $_[0]->graph->fault({times => 1, fault => {slow => 60000}}) }

sub texts { return [map { $_->[1] } $_[0]->sent] }

# steps that Redis knows as done
sub done_of {
    my ($rig) = @_;
    return 0 + map { grep { ($_->{o} // '') eq 'done' } @{decode_json($_)->{steps}} }
        grep { /^\{/ } values %{$rig->state_of};
}

# a rig whose handler answers with two replies, at its first request when the
# test wants it
sub handled {
    my $rig = Rig->new;
    spew($rig->file('secret'), "handler-secret-$$\n");
    $rig->{handler} = Handler->new(dir => $rig->dir, secret => "handler-secret-$$", answer => sub {
        my ($request) = @_;
        wait_for { -e $rig->file('answer') } 60
            if !-e $rig->file('asked') && spew($rig->file('asked'), '');
        return (200, {actions => [map { +{reply => {text => $_}} } qw(third fourth)]});
    })->start;
    $rig->{more} = "handlers: [{name: shop, url: \"@{[$rig->{handler}->url]}\", "
        . "secret_file: @{[$rig->file('secret')]}}]\n";
    $rig->{rules} = <<'END2';
rules:
  - when: {product: messenger, kind: message}
    do: [{reply: {text: first}}, {call: {handler: shop}}, {reply: {text: last}}]
END2
    return $rig;
}

sub start { my ($rig) = @_; return $rig->consumer(rules => $rig->{rules}, more => $rig->{more}) }

sub leave {
    my ($rig) = @_;
    spew($rig->file('answer'), '');     # who still waits would outlive the test
    $rig->finish(secrets => ["handler-secret-$$"]);
    $rig->{handler}->stop;
}


subtest 'kill -9 after each step, one of them a handler' => sub {
    my $rig = handled();
    my @stages = ([first => sub { $rig->graph->calls >= 1 }, 1],
        [handler => sub { $rig->{handler}->requests >= 1 }, 2],
        [third => sub { $rig->graph->calls >= 2 }, 3],
        [fourth => sub { $rig->graph->calls >= 3 }, 4]);
    slow($rig);
    my $c = start($rig);
    $rig->push(messenger(id => 'm_one'));

    for my $stage (@stages) {
        my ($name, $begun, $done) = @$stage;
        ok wait_for(sub { $begun->() }, 20 * patience()), "$name is under way";
        $rig->pause($c, "account:$PAGE");
        $rig->graph->hasten;
        spew($rig->file('answer'), '') if $name eq 'handler';
        ok wait_for(sub { $rig->held == 1 }, 20 * patience()), '... and done';
        is done_of($rig), $done, '... as Redis knows';
        $c->stop('KILL');
        $rig->expire;
        slow($rig) if $name =~ /handler|third/;
        $c = start($rig);
        $rig->resume;
    }

    $rig->settle(40);
    is_deeply texts($rig), [qw(first third fourth last)], 'each call once';
    is scalar(() = $rig->{handler}->requests), 1, 'the handler was asked once';
    is $rig->count_of->{worked}, 1, 'worked';
    leave($rig);
};


subtest 'kill -9 while the handler is asked' => sub {
    my $rig = handled();
    my $c = start($rig);
    $rig->push(messenger(id => 'm_asked'));
    ok wait_for(sub { $rig->{handler}->requests >= 1 }, 20 * patience()), 'it is asked';
    $c->stop('KILL');
    $rig->expire;
    start($rig);
    $rig->settle(40);
    is_deeply texts($rig), [qw(first third fourth last)], 'the call before it had been made';
    is scalar(() = $rig->{handler}->requests), 2, 'it is asked again, for it had not answered';
    leave($rig);
};


subtest 'kill -9 while the next step waits for its turn' => sub {
    my $rig = Rig->new;
    my %conf = (rules => "rules: [{when: {product: messenger, kind: message}, "
        . "do: [{reply: {text: one}}, {reply: {text: two}}]}]\n",
        more => "limits: {page: {per_second: 1, burst: 1}}\n");
    my $c = $rig->consumer(%conf);
    $rig->push(messenger(id => 'm_turn'));
    ok wait_for(sub { done_of($rig) == 1 || $rig->sent > 1 }, 20 * patience()),
        'Redis knows what is done before there is room for the next';
    is scalar(() = $rig->sent), 1, 'which waits';
    $c->stop('KILL');
    $rig->expire;
    $rig->consumer(%conf);
    $rig->settle(40);
    is_deeply texts($rig), [qw(one two)], 'each call once';
    is scalar(() = $rig->dead), 0, 'nothing is ambiguous';
    $rig->finish;
};


# all that Redis has, but what changes by the clock, and who was taken for dead
sub everything {
    my ($rig) = @_;
    my %state = $rig->do('HGETALL', "{$Q}:state");
    delete $state{crashed};
    return {state => join(' ', %state), map { $_ => $rig->do('DUMP', $_) }
        grep { !/:(?:lease|state)$|^meta:consumers$/ } $rig->do('KEYS', '*')};
}

subtest 'a holder that was stopped and wakes' => sub {
    my $rig = Rig->new;
    my $rules = <<'END2';
push_lists: [copies]
rules:
  - when: {product: messenger, kind: message}
    ambiguous: resend
    do: [{reply: {text: one}}, {push: {list: copies}}, {reply: {text: two}}]
  - when: {product: whatsapp, kind: message}
    ambiguous: resend
    do: [{reply: {text: one}}]
END2
    # what it will hear when it wakes: a step to go on with, a retry, a pair
    # that is too fast, a number that is throttled, a token that is no good
    my @heard = ([m_step => undef], [m_retry => 1200], ['wamid.pair' => 131056],
        ['wamid.lane' => 130429], [m_token => 190]);
    for my $h (@heard) {
        $rig->graph->fault({match => {body => $h->[0]}, times => 1, fault => {slow => 60000,
            defined $h->[1] ? (code => $h->[1]) : ()}});
    }
    my $a = $rig->consumer(rules => $rules);
    my $n = 0;
    $rig->push(messenger(text => 'the first connection'));
    $rig->settle;
    $rig->push(map { my %m = (id => $_->[0], user => 27820000001 + $n++);
        $m{id} =~ /^w/ ? whatsapp(%m) : messenger(%m) } @heard);
    $rig->graph->wait_calls(7);
    $a->signal('STOP');
    $rig->graph->hasten;

    my $b = $rig->consumer(rules => $rules);
    $b->wait_log(qr/holds the lease/, 20);
    $rig->settle(40);
    is scalar(() = $rig->sent), 11, 'the other one makes all calls, some again';
    is $rig->count_of->{worked}, 6, 'and works it off';
    my ($before, $calls) = (everything($rig), scalar $rig->graph->calls);

    $a->signal('CONT');
    $a->wait_log(qr/the lease is lost/, 15);
    is $a->drain(35 * patience()), '0', 'the one that slept goes';
    my $after = everything($rig);
    delete @$_{grep { /^meta:limit:(?!stop)/ } keys %$_} for $before, $after;
    is_deeply [sort keys %$after], [sort keys %$before], 'it wrote nothing';
    is_deeply [grep { $after->{$_} ne ($before->{$_} // '') } keys %$after], [], 'changed nothing';
    is scalar(() = $rig->graph->calls), $calls, 'and sent nothing';
    is $rig->llen('copies'), 4, 'each push once';
    $rig->finish;
};

subtest 'poison' => sub {
    my $rig = Rig->new;
    my $list = 'meta:outbox';
    my %state = (v => 1, decided => JSON::PP::true, matched => 0, attempts => 2, tries => 0,
        steps => [{e => 0, r => 0, do => {reply => {text => 'one'}}, o => 'done', m => 'wamid.1'},
            {e => 0, r => 0, do => {reply => {text => 'two'}}, o => 'sent'}]);
    my %job = (v => 1, id => 'bad', account => $PHONE, to => '+27820000001',
        reply_to => 'meta:reply:b', do => [map { $_->{do} } @{$state{steps}}]);
    $rig->do('HSET', "{$list}:inflight", 1 => encode_json(\%job));
    $rig->do('HSET', "{$list}:state", 1 => encode_json(\%state),
        c1 => '3! h:3:c:0 h:2:b:0 h:1:a:0');
    $rig->do('HSET', "{$list}:count", seq => 1, taken => 1);
    my $sent = messenger(id => 'm_sent');
    $rig->do('HSET', "{$Q}:inflight", 1 => messenger(id => 'm_bad'), 2 => '{"v":1', 3 => $sent);
    $rig->do('HSET', "{$Q}:state", 1 => 'no state', 3 => encode_json({%state, matched => 1,
        steps => [{e => 0, r => 1, do => {reply => {text => 'one'}}, o => 'sent'}]}),
        map { ("c$_" => '3! h:3:c:0') } 1 .. 3);
    $rig->do('HSET', "{$Q}:count", seq => 3, taken => 3);
    my $c = $rig->consumer(more => "metrics: \"unix:@{[$rig->file('metrics')]}\"\n",
        queues => qq([{name: "$Q"}, {name: "$list", kind: jobs}]));

    my $result = decode_json($rig->do('BLPOP', 'meta:reply:b', 20 * patience())->[1]);
    is_deeply [@$result{qw(id state ok attempts)}], ['bad', 'dead', JSON::PP::false, 2],
        'who pushed the job hears of it';
    my ($one, $two) = @{$result->{results}};
    is $one->{message}, 'wamid.1', 'of what was done';
    is $two->{error}{class}, 'ours', 'and that it was not Meta';
    like $two->{error}{text}, qr/^3 consumers died .*: h:3:c:0 h:2:b:0 h:1:a:0/, 'but us';
    $rig->settle(20, $list);
    $rig->settle;
    my ($letter) = $rig->dead($list);
    is_deeply [@$letter{qw(reason attempts action done item)}], ['poison', 2, 'reply', 1, \%job],
        'the letter has what is known';
    is scalar(@{$letter->{state}{steps}}), 2, 'and what was decided, for a requeue';
    like $letter->{answer}, qr/h:1:a:0; nobody knows whether its action was done$/, 'and all names';
    is_deeply [map { $_->{reason} } $rig->dead], [qw(poison poison poison)],
        'the others are dead, too';
    is scalar(() = $rig->sent), 0, 'nothing was sent';
    $c->wait_log(qr/\[warn\] job queue=$list item=1 job=bad .*outcome=poison/);
    $c->wait_log(qr/event queue=$Q item=1 delivery=\S+ .*id=m_bad.*outcome=poison/);
    my $socket = IO::Socket::UNIX->new($rig->file('metrics')) or die "metrics: $!";
    print $socket "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    my $metrics = do { local $/; <$socket> };
    like $metrics, qr/^meta_consumer_dead_total\{reason="poison"\} 4$/m, 'and counted';
    $rig->push($sent);
    $rig->settle;
    is $rig->accounted->{duplicate}, 1, 'what was sent, perhaps, is not begun anew';
    $rig->finish(queues => [$Q, $list]);
};

done_testing;
