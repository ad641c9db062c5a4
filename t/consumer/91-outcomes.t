# What becomes of an event whose call fails: tried again on a schedule that
# ends, left out because it is too late, dead with all that a person needs, and
# requeued to go on where it stopped.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP qw(decode_json);
use List::Util qw(min);
use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(build_dir patience wait_for);

sub ctl {
    my ($c, @args) = @_;
    open my $out, '-|', build_dir() . '/metactl', '-c', $c->{file}, '--json', @args
        or die "metactl: $!";
    my $said = join '', <$out>;
    close $out;
    return decode_json($said);
}

# replies that were accepted, as "id text"; those behind the first of an event
# are "id#2"...
sub sent {
    my ($rig) = @_;
    return [map { s/#\d+ / /r } map { "$_->{body}{message}{metadata} $_->{body}{message}{text}" }
        grep { $_->{accepted} } $rig->graph->calls];
}

sub rule {
    my ($text, $do, $more) = @_;
    return "  - when: {product: messenger, kind: message, text: \"^$text\"}\n"
        . ($more ? "    $more\n" : '') . "    do: $do\n";
}

# as it would have been pushed so many seconds ago
sub aged {
    my ($seconds, $record) = @_;
    return $record =~ s/"time":(\d+)/sprintf '"time":%d', $1 - 1000 * $seconds/er;
}


subtest 'too late' => sub {
    my $rig = Rig->new;
    my $rules = "rules:\n" . rule('price', '[{reply: {text: a}}]')
        . rule('price', '[{reply: {text: b}}]', 'max_age: none')
        . rule('quick', '[{reply: {text: c}}]', 'max_age: 1m');
    my $c = $rig->consumer(rules => $rules);
    $rig->push(aged(5 * 3600, messenger(id => 'm_1', text => 'price', user => 1)),
        aged(7 * 3600, messenger(id => 'm_2', text => 'price', user => 2)),
        aged(120, messenger(id => 'm_3', text => 'quick', user => 3)),
        messenger(id => 'm_4', text => 'quick', user => 4));
    $rig->settle;
    is_deeply [sort @{sent($rig)}], ['m_1 a', 'm_1 b', 'm_2 b', 'm_4 c'],
        'a rule that sends has 6 hours, or what it says';
    is_deeply {map { $_ => $rig->count_of->{$_} } qw(worked expired)}, {worked => 3, expired => 1},
        'what nothing was done for is expired';
    is scalar(() = $c->log =~ /outcome=expired/g), 1, 'and said';
    is_deeply [$c->log =~ /user=\S+ rule=2 .* outcome=late .* (rules=\d+)/g], ['rules=1'],
        'so is a rule that is left out beside another';
    $rig->finish;
};


subtest 'tried again' => sub {
    my $rig = Rig->new;
    my $age = min(5 * patience(), 12);      # a call is given up after 15 s of silence
    my $rules = "rules:\n" . rule('wait', '[{reply: {text: a}}]')
        . rule('loose', '[{reply: {text: a}}]', 'order: loose')
        . rule('brief', '[{reply: {text: a}}]', 'max_age: 3s')
        . rule('steps', '[{reply: {text: c}}, {reply: {text: d}}]', "max_age: ${age}s");
    my $c = $rig->consumer(rules => $rules);
    $rig->graph->fault({match => {body => 'm_[wl]1'}, times => 2, fault => {code => 2}});
    $rig->push(map { messenger(id => "m_$_->[0]$_->[1]", user => $_->[2], text => $_->[3]) }
        ['w', 1, 1, 'wait'], ['w', 2, 1, 'wait'], ['l', 1, 2, 'loose'], ['l', 2, 2, 'loose'],
        ['x', 1, 3, 'wait']);
    $rig->settle(40);
    my @order = map { s/ .*//r } @{sent($rig)};
    is_deeply [grep { /w/ } @order], [qw(m_w1 m_w2)], 'who is behind it waits';
    is_deeply [grep { /l/ } @order], [qw(m_l2 m_l1)], 'but where the rule is loose';
    is scalar(grep { /x/ } @order), 1, 'another goes on';
    is scalar(() = $c->log =~ /outcome=retry/g), 2, 'each retry is said';
    is scalar(() = $rig->dead), 0, 'nothing is dead';

    $rig->graph->fault({match => {body => 'm_b1'}, times => 0, fault => {code => 2}});
    $rig->graph->fault({match => {body => 'm_s1'}, times => 1, fault => {slow => $age * 1100}});
    $rig->push(messenger(id => 'm_b1', user => 4, text => 'brief'),
        messenger(id => 'm_s1', user => 5, text => 'steps'));
    $rig->settle(40 * patience());
    is $rig->count_of->{expired}, 1, 'tried until it is too late';
    is_deeply [grep { /m_s1/ } @{sent($rig)}], ['m_s1 c'], 'or worked as far as it was in time';
    is_deeply [$c->log =~ / outcome=late .* (steps=\d+)/g], ['steps=1'], 'the rest is said';
    is scalar(() = $rig->dead), 0, 'which is no death';
    $rig->finish;
};


subtest 'dead, and requeued' => sub {
    my $rig = Rig->new;
    my $rules = "push_lists: [copies]\nrules:\n"
        . rule('price', '[{push: {list: copies}}, {reply: {text: a}}, {reply: {text: b}}]');
    my $c = $rig->consumer(rules => $rules);
    $rig->graph->fault({match => {body => '"text":"b"'}, times => 1,
        fault => {code => 100, subcode => 2018001, message => 'no such user'}});
    my $record = messenger(id => 'm_1', text => 'price');
    $rig->push($record, messenger(id => 'm_2', text => 'price'));
    $rig->settle;
    is_deeply sent($rig), ['m_1 a', 'm_2 a', 'm_2 b'], 'who is behind a dead one goes on';
    my ($letter) = $rig->dead;
    is_deeply {map { $_ => $letter->{$_} } qw(v reason code subcode attempts action done class)},
        {v => 1, reason => 'graph_error', code => 100, subcode => 2018001, attempts => 2,
        action => 'reply', done => 2, class => 'never'}, 'the letter';
    like $letter->{$_}, qr/^[A-Z].*\.$/, "its $_ is for people" for qw(text todo);
    is_deeply $letter->{item}, decode_json($record), 'the record is whole';
    is_deeply [map { $_->{o} } @{$letter->{state}{steps}}[0, 1]], [qw(done done)], 'what was done';

    is ctl($c, 'dead', 'requeue', 'm_1')->{requeued}, 1, 'it goes back';
    $rig->settle;
    is sent($rig)->[-1], 'm_1 b', 'and goes on where it stopped';
    is scalar @{sent($rig)}, 4, 'with nothing else';
    is $rig->llen('copies'), 2, 'nor pushed again';
    $rig->finish;
};


subtest 'ambiguous' => sub {
    my $rig = Rig->new;
    my $rules = "rules:\n" . rule('park', '[{reply: {text: a}}, {reply: {text: b}}]')
        . rule('again', '[{reply: {text: a}}, {reply: {text: b}}]', 'ambiguous: resend');
    my $c = $rig->consumer(rules => $rules);
    $rig->graph->fault({match => {body => 'm_.*"text":"a"|"text":"a".*m_'}, times => 2,
        fault => {cut => 'request'}});
    $rig->push(messenger(id => 'm_park', text => 'park', user => 1),
        messenger(id => 'm_again', text => 'again', user => 2));
    $rig->settle(40);
    is_deeply [grep { /again/ } @{sent($rig)}], ['m_again a', 'm_again a', 'm_again b'],
        'sent again where the rule says so';
    my ($letter) = $rig->dead;
    is $letter->{reason}, 'ambiguous', 'else it is a letter';
    is_deeply [grep { /park/ } @{sent($rig)}], ['m_park a'], 'and nothing behind it is done';

    is ctl($c, 'dead', 'requeue', 'm_park')->{requeued}, 1, 'who requeues it';
    $rig->settle;
    is_deeply [grep { /park/ } @{sent($rig)}], ['m_park a', 'm_park a', 'm_park b'],
        'wants it sent again';
    $rig->finish;
};

# a change that stays whole, for its key is not the edge's: whom one of its messages fails is not
# to blame
subtest 'one of several' => sub {
    my $rig = Rig->new;
    my $rules = "rules: [{when: {product: whatsapp, kind: message}, do: [{reply: {text: a}},"
        . " {reply: {text: b}}]}]\n";
    my $c = $rig->consumer(rules => $rules);
    my @people = qw(27820000001 27820000002 27820000003 27820000002);
    my $n = 0;
    my $record = record(id => 'sha256:several', key => $PHONE, event => {field => 'messages',
        value => {messaging_product => 'whatsapp', metadata => {phone_number_id => $PHONE},
            messages => [map { {from => $_, id => "wamid.several$$." . $n++, timestamp => '' . time,
                type => 'text', text => {body => 'x'}} } @people]}});
    $rig->graph->fault({match => {body => '\+27820000002'}, times => 1,
        fault => {code => 131026, message => 'Message undeliverable'}});
    $rig->push($record);
    $rig->settle;
    my $to = sub { join ' ', map { $_->{body}{to} =~ s/^\+2782000000//r . $_->{body}{text}{body} }
        grep { $_->{accepted} } $rig->graph->calls };
    is $to->(), '1a 1b 3a 3b 2a 2b', 'the others are answered, and their own later message';
    my @dead = $rig->dead;
    is scalar @dead, 1, 'one letter';
    is_deeply {map { $_ => $dead[0]{$_} } qw(reason code action class)}, {reason => 'graph_error',
        code => 131026, action => 'reply', class => 'never'}, 'says why the first failed';
    like $dead[0]{text}, qr/^[A-Z].*\.$/, 'in words';
    like $c->log, qr/outcome=graph_error .*others=on/, 'a line of its own';

    is ctl($c, 'dead', 'requeue', 'sha256:several')->{requeued}, 1, 'it goes back';
    $rig->settle;
    is $to->(), '1a 1b 3a 3b 2a 2b 2a 2b', 'and what failed is done, nothing else';
    is scalar(() = $rig->dead), 0, 'nobody is left';
    $rig->finish;
};

subtest 'a value that fits all but one' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => "rules: [{when: {product: whatsapp, kind: message},"
        . " do: [{reply: {text: '{{text}}'}}]}]\n");
    my %said = (type => 'text', text => {body => 'said'});
    my @messages = ({%said}, {type => 'image', image => {id => '1'}}, {%said});
    my $n = 0;
    $rig->push(record(id => 'sha256:values', key => $PHONE, event => {field => 'messages',
        value => {messaging_product => 'whatsapp', metadata => {phone_number_id => $PHONE},
            messages => [map { {from => '2782000000' . ++$n, id => "wamid.values$$.$n",
                timestamp => '' . time, %$_} } @messages]}}));
    $rig->settle;
    is_deeply [map { $_->{body}{to} } grep { $_->{accepted} } $rig->graph->calls],
        [qw(+27820000001 +27820000003)], 'the others are answered';
    is_deeply [map { "$_->{reason} $_->{answer}" =~ /^(rule action 1: reply.text: \w+)/ }
        $rig->dead], ['rule action 1: reply.text: is'], 'one letter says which and why';
    ctl($c, 'dead', 'requeue', 'sha256:values');
    $rig->settle;
    is scalar($rig->graph->calls), 2, 'a requeue sends no value that is not filled in';
    is scalar(() = $rig->dead), 1, 'but buries it again';
    $rig->finish;
};

done_testing;
