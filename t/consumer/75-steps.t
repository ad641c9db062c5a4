# What is decided is kept, and each call is made once, whenever the consumer
# dies.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP qw(decode_json);
use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(build_dir patience wait_for);

my $rules = <<'END';
push_lists: ["shop:copies"]
rules:
  - when: {product: messenger, kind: message}
    do: [{push: {list: "shop:copies"}}, {reply: {text: first}}]
  - when: {product: messenger, kind: message}
    do: [{reply: {text: second}}]
  - when: {product: messenger, kind: message}
    do: [{reply: {text: third}}]
END

# the next call is answered when the test wants it
sub slow {
    my ($rig, %fault) = @_;
    $rig->graph->fault({times => 1, fault => {slow => 60000, %fault}});
}

# how far a message got, by what it was sent, for which event, to whom
sub record_of {
    my ($rig, $id) = @_;
    my %m;
    wait_for(sub { %m = $rig->do('HGETALL', "meta:message:$PAGE:$id") }) if $id =~ /echo/;
    %m = $rig->do('HGETALL', "meta:message:$PAGE:$id");
    return %m ? @m{qw(state by action id user)} : ();
}

sub texts { return [map { $_->[1] } $_[0]->sent] }


subtest 'kill -9 after each step' => sub {
    my $rig = Rig->new;
    my @words = qw(first second third);
    my $c = $rig->consumer(rules => $rules);
    slow($rig);
    $rig->push(messenger(id => 'm_steps'), messenger(id => 'm_behind'));

    for my $done (1 .. 2) {
        $rig->graph->wait_calls($done);
        $rig->pause($c, "account:$PAGE");
        $rig->graph->hasten;
        ok wait_for(sub { $rig->held == 2 }, 20 * patience()),
            "held after step $done, and who is behind it";
        is_deeply texts($rig), [@words[0 .. $done - 1]], 'so far';
        my ($state) = grep { /first/ } values %{$rig->state_of};
        is scalar(grep { ($_->{o} // '') eq 'done' } @{decode_json($state)->{steps}}), $done + 1,
            'Redis knows what is done';
        $c->stop('KILL');
        $rig->expire;
        slow($rig) if $done < 2;
        $c = $rig->consumer(rules => $rules);
        $rig->resume;
    }

    $rig->settle(40);
    is_deeply texts($rig), [@words, @words], 'each call once, in order';
    is_deeply [map { decode_json($_)->{id} } $rig->redis->queue('shop:copies')],
        [qw(m_steps m_behind)], 'pushed once';
    is $rig->count_of->{worked}, 2, 'counted once';
    is_deeply $rig->state_of, {}, 'nothing of them stays';
    $rig->finish;
};


subtest 'kill -9 while a call is under way' => sub {
    my $rig = Rig->new;
    slow($rig);
    my $c = $rig->consumer(rules => $rules);
    $rig->push(messenger(id => 'm_way'));
    $rig->graph->wait_calls(1);
    $c->stop('KILL');
    $rig->expire;

    $rig->consumer(rules => $rules);
    $rig->settle;
    my ($letter) = $rig->dead;
    is $letter->{reason}, 'ambiguous', 'nobody sends it again unasked';
    is $letter->{action}, 'reply', 'the action';
    is $letter->{done}, 1, 'and what was done before it';
    is scalar($rig->graph->calls), 1, 'one call was made';

    $rig->push(messenger(id => 'm_way'));
    $rig->settle;
    is $rig->count_of->{duplicate}, 1, 'nor does a repetition of the event';
    is scalar($rig->graph->calls), 1, 'still one call';
    $rig->finish;
};


subtest 'resend where the rule says so' => sub {
    my $rig = Rig->new;
    my $resend = $rules =~ s/(?<=first\}\}\])/\n    ambiguous: resend/r;
    slow($rig);
    my $c = $rig->consumer(rules => $resend);
    $rig->push(messenger(id => 'm_again'));
    $rig->graph->wait_calls(1);
    $c->stop('KILL');
    $rig->expire;

    $rig->consumer(rules => $resend);
    $rig->settle(40);
    is scalar($rig->dead), 0, 'not dead';
    cmp_ok scalar($rig->graph->calls), '==', 4, 'sent again';
    is_deeply [@{texts($rig)}[-2, -1]], [qw(second third)], 'and then the rest';
    $rig->finish;
};


subtest 'an echo settles what nobody knew' => sub {
    my $rig = Rig->new;
    slow($rig);
    my $c = $rig->consumer(rules => $rules);
    $rig->push(messenger(id => 'm_settle'));
    $rig->graph->wait_calls(1);
    $c->stop('KILL');
    $rig->expire;
    my $names = 'meta:message:ambiguous';
    $rig->do('HSET', $names, m_old => $Q);
    $rig->do('ZADD', "$names:since", 1, 'm_old');
    $rig->do('HSET', "{$Q}:state", 'ref:m_old' => '1 {"item":{}}');
    $rig->consumer(rules => $rules);
    ok wait_for(sub { scalar $rig->dead }, 20 * patience()), 'parked';
    ok wait_for(sub { join(' ', $rig->do('HKEYS', $names)) eq 'm_settle' }, 20 * patience()),
        'its name is kept, one of long ago is not';
    ok wait_for(sub { !$rig->do('HEXISTS', "{$Q}:state", 'ref:m_old') }, 20 * patience()),
        'nor is the copy of its letter';

    $rig->push(messenger(id => 'm_other', page => '555', message => {is_echo => JSON::PP::true,
        metadata => 'm_settle'}));
    $rig->settle;
    $rig->push(messenger(id => 'm_other2', page => '555', user => 7, message => {
        is_echo => JSON::PP::true, metadata => 'm_nothing'}));
    $rig->settle;
    is scalar($rig->dead), 1, 'an echo of another account settles nothing';

    $rig->push(messenger(id => 'm_echo', message => {is_echo => JSON::PP::true,
        metadata => 'm_settle'}));
    ok wait_for(sub { !$rig->dead }, 20 * patience()), 'its echo settles it';
    $rig->settle;
    is_deeply texts($rig), [qw(first second third)], 'the rest is done, the first not again';
    is_deeply {map { $_ => $rig->count_of->{$_} // 0 } qw(taken worked dead)},
        {taken => 4, worked => 1, dead => 0}, 'accounted';
    ok wait_for(sub { !$rig->do('EXISTS', $names, "$names:since") }), 'no name is left';
    is_deeply [record_of($rig, 'm_echo')], ['accepted', 'rule 1', 'reply', 'm_settle',
        '7290000000000001'], 'its message has a record';
    $rig->push(record(object => 'page', entry => $PAGE, field => 'messaging', event => {
        sender => {id => '7290000000000001'}, recipient => {id => $PAGE},
        delivery => {watermark => 1000 * (time + 1)}}));
    $rig->settle;
    is +(record_of($rig, 'm_echo'))[0], 'delivered', 'which a watermark finds';
    is_deeply [record_of($rig, 'm_other2')], [], 'others\' have none';
    $rig->finish;
};


subtest 'an echo that came before the answer was lost' => sub {
    my $rig = Rig->new;
    slow($rig, cut => 'answer');
    my $c = $rig->consumer(rules => $rules);
    $rig->push(messenger(id => 'm_heard'));
    $rig->graph->wait_calls(1);
    $rig->push(messenger(id => 'm_echo2', user => 9, message => {is_echo => JSON::PP::true,
        metadata => 'm_heard'}));
    $c->wait_log(qr/id=m_echo2 .* outcome=/);
    $rig->graph->hasten;
    $rig->settle(40);
    is scalar($rig->dead), 0, 'nothing is parked';
    is scalar($rig->graph->calls), 3, 'three calls, none twice';
    like $rig->logs, qr/outcome=settled/, 'and said';
    is_deeply [record_of($rig, 'm_echo2')], ['accepted', 'rule 1', 'reply', 'm_heard', '9'],
        'its message has a record';
    $rig->finish;
};


subtest 'a dead letter that is requeued goes on where it stopped' => sub {
    my $rig = Rig->new;
    $rig->graph->fault({match => {body => 'second'}, times => 1, fault => {code => 100}});
    $rig->consumer(rules => $rules);
    $rig->push(messenger(id => 'm_dead'));
    $rig->settle;
    my ($letter) = $rig->dead;
    is $letter->{reason}, 'graph_error', 'dead at its second call';
    is $letter->{done}, 2, 'two steps were done';
    is $letter->{class}, 'never', 'its class';
    like $letter->{text}, qr/\w.*\.$/, 'a sentence for people';
    is scalar @{$letter->{state}{steps}}, 4, 'what was decided';
    $rig->finish;
};


subtest 'who leaves before a lane that is paused' => sub {
    my $rig = Rig->new;
    slow($rig);
    my $c = $rig->consumer(rules => $rules);
    $rig->push(messenger(id => 'm_leave'));
    $rig->graph->wait_calls(1);
    $rig->pause($c, "lane:page:$PAGE");
    $c->signal('TERM');
    $c->wait_log(qr/drains: calls on the wire finish/);
    $rig->graph->hasten;
    is $c->wait_exit(35 * patience()), 0, 'drained';
    is $rig->held, 1, 'it waits on the lane';

    $rig->consumer(rules => $rules);
    $rig->resume;
    $rig->settle;
    is_deeply texts($rig), [qw(first second third)], 'and goes on where it stopped';
    $rig->finish;
};

subtest 'Redis is lost while it is told' => sub {
    my $rig = Rig->new;
    slow($rig);
    my $c = $rig->consumer(rules => <<'END');
push_lists: ["shop:copies"]
rules:
  - when: {product: messenger, kind: message}
    do: [{reply: {text: first}}, {push: {list: "shop:copies"}}, {reply: {text: second}}]
END
    $rig->push(messenger(id => 'm_told'));
    $rig->graph->wait_calls(1);
    $rig->do('CLIENT', 'PAUSE', 60000, 'WRITE');
    $rig->graph->hasten;
    $c->wait_log(qr/^.*\] call .* status=200/m);
    ok wait_for(sub { $rig->do('INFO', 'clients')->{blocked_clients} }), 'it is told, and waits';
    $rig->do('CLIENT', 'KILL', 'TYPE', 'NORMAL');
    $rig->do('CLIENT', 'UNPAUSE');
    $rig->settle;
    is scalar(my @dead = $rig->dead), 0, 'nobody calls ambiguous what was answered, or never left';
    is_deeply texts($rig), [qw(first second)], 'each call once';
    is $rig->do('LLEN', 'shop:copies'), 1, 'and each push';
    is_deeply $rig->state_of, {}, 'nothing of it stays';
    $rig->finish;
};

# a change with a message of each of these people, which stays whole: its key is not the edge's
sub together {
    my $at = ref $_[0] ? time - ${shift()} : time;
    my (@people) = @_;
    return record(key => $PHONE, event => {field => 'messages', value => {
        messaging_product => 'whatsapp', metadata => {phone_number_id => $PHONE},
        contacts => [map { {wa_id => $_, profile => {name => 'Thandi'}} } @people],
        messages => [map { {from => $_, id => "wamid.together$$.$_", timestamp => "$at",
            type => 'text', text => {body => "of $_"}} } @people]}});
}


subtest 'one of several people cannot be answered' => sub {
    my $rig = Rig->new;
    my @people = map { 27820000200 + $_ } 1 .. 5;
    my $c = $rig->consumer(rules => <<'END');
rules:
  - when: {kind: message}
    do: [{reply: {text: "one {{user.phone}}"}}, {reply: {text: two}}]
END
    my $fails = sub { $rig->graph->fault({match => {body => "one $people[$_[0]]"}, times => 1,
        fault => {code => $_[1]}}) };
    $fails->(0, 131026);
    $fails->(2, 131026);
    $fails->(3, 131000);
    $rig->push(together(@people));
    $rig->settle(40);
    is_deeply [map { "$_->[0] $_->[1]" } $rig->sent], [map { ("+$people[$_] one $people[$_]",
        "+$people[$_] two") } 1, 3, 4], 'all others are, once, one after a retry';
    is scalar(grep { $_->{method} eq 'POST' } $rig->graph->calls), 9, 'nobody is tried again';
    my @dead = $rig->dead;
    is scalar(@dead), 1, 'one letter';
    is_deeply [@{$dead[0]}{qw(reason code done action)}], ['graph_error', 131026, 0, 'reply'],
        'of the first one that failed';
    is scalar(() = $rig->logs =~ /others=on/g), 2, 'a line for each';

    my $conf = $rig->file('consumer0.yaml');
    qx(@{[build_dir()]}/metactl -c $conf dead requeue --all 2>&1);
    $rig->settle(40);
    is_deeply [map { "$_->[0] $_->[1]" } ($rig->sent)[6 .. 9]],
        [map { ("+$people[$_] one $people[$_]", "+$people[$_] two") } 0, 2],
        'a requeue answers those who are left';
    is scalar($rig->dead), 0, 'and it is worked';
    $rig->finish;
};


subtest 'a template that failed is still to go' => sub {
    my $rig = Rig->new;
    my @people = map { 27820000400 + $_ } 1 .. 2;
    my $c = $rig->consumer(rules => <<'END');
rules:
  - when: {product: whatsapp, kind: message}
    do: [{reply: {text: one}}, {reply: {text: two}}]
    fallback_template: {name: offer, language: de}
    max_age: 48h
END
    $rig->graph->fault({match => {body => $people[0]}, times => 1, fault => {code => 132001}});
    $rig->push(together(\(25 * 3600), @people));
    $rig->settle(40);
    is_deeply [map { $_->[0] } $rig->sent], ["+$people[1]"], 'the other one has it';
    my $conf = $rig->file('consumer0.yaml');
    qx(@{[build_dir()]}/metactl -c $conf dead requeue --all 2>&1);
    $rig->settle(40);
    is_deeply [map { "$_->[0] " . ($_->[1] // 'template') } $rig->sent],
        ["+$people[1] template", "+$people[0] template"], 'and then the first';
    $rig->finish;
};


subtest 'killed after one of them failed' => sub {
    my $rig = Rig->new;
    my @people = map { 27820000300 + $_ } 1 .. 3;
    my %conf = (rules => 'rules: [{when: {kind: message},'
        . ' do: [{reply: {text: "{{user.phone}}"}}]}]');
    my $c = $rig->consumer(%conf);
    $rig->graph->fault({match => {body => $people[0]}, times => 1, fault => {code => 131026}});
    $rig->graph->fault({match => {body => $people[1]}, times => 1, fault => {slow => 60000}});
    $rig->push(together(@people));
    $rig->graph->wait_calls(2);
    $rig->pause($c, "account:$PHONE");
    $rig->graph->hasten;
    ok wait_for(sub { $rig->held == 1 }, 20 * patience()), 'held';
    $c->stop('KILL');
    $rig->expire;
    $rig->resume;
    $c = $rig->consumer(%conf);
    $rig->settle(40);
    is_deeply [map { $_->[1] } $rig->sent], [@people[1, 2]], 'the others are answered, once';
    is_deeply [map { "$_->{reason} $_->{code} $_->{answer}" } $rig->dead],
        ['graph_error 131026 ' . ([$rig->dead]->[0]{answer} // '')], 'the letter says why';
    like [$rig->dead]->[0]{text}, qr/\w/, 'and what it means';
    $rig->finish;
};


done_testing;
