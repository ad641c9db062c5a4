# Records made to hurt: they cost little time, hold up nobody, and say nothing in the log.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use MIME::Base64 ();
use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(patience wait_for);

my $rules = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";

# a change of WhatsApp with these messages, contacts and other members, as JSON
sub change {
    my ($messages, $contacts, @more) = @_;
    my @members = ('"messages":[' . join(',', @$messages) . ']', @more,
        '"contacts":[' . join(',', @$contacts) . ']');
    return record(event => '{"value":{' . join(',', @members) . '}}');
}

subtest 'messages times contacts, or times members' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $rules);
    my @messages = map { qq({"from":"1$_"}) } 1 .. 999;
    my @contacts = map { qq({"wa_id":"2$_"}) } 1 .. 100_000;
    $rig->push(change(\@messages, \@contacts),
        change(\@messages, [], map { qq("m$_":0) } 1 .. 100_000));
    $rig->settle(120);
    cmp_ok $c->cpu, '<', 4 * patience(), 'take less than the lease';
    is $rig->count_of->{unmatched}, 2, 'both are read';
    unlike $c->log, qr/lease is lost/, 'which is kept';
    $rig->finish;
};

subtest 'people without number' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $rules, log_level => 'info');
    my $someone = 0;
    my @records = map { record(key => "$PHONE:", event => '{"value":{"messages":['
        . join(',', map { '{"from":"' . $someone++ . '"}' } 1 .. 1_000) . ']}}') } 1 .. 40;
    $rig->push(@records);
    $rig->settle(120);
    cmp_ok $c->cpu + $rig->redis->cpu, '<', 5 * patience(), 'their lines take less than the lease';
    unlike $c->log, qr/lease is lost/, 'which is kept';
    $rig->finish;
};

subtest 'the contact of a message among several' => sub {
    my $rig = Rig->new;
    $rig->consumer(rules => "rules: [{when: {product: whatsapp, kind: message},"
        . " do: [{reply: {text: ws}}]}]\n");
    my @contacts = map { qq({"wa_id":"$_","user_id":"ZA.$_"}) }
        qw(2782000001200 27820000012 27820 278200000120 2782000001);
    my @messages = map { qq({"from":"$_","id":"m$_","type":"text","text":{"body":"x"}}) }
        qw(ZA.none 2782000001 278200000120);
    my $metadata = qq("metadata":{"phone_number_id":"$PHONE"});
    $rig->push(change(\@messages, \@contacts, $metadata),
        change([qq({"from":"ZA.27820","id":"m","type":"text","text":{"body":"x"}})],
            [$contacts[2]], $metadata));
    $rig->settle;
    my @to = map { $_->{body}{to} // $_->{body}{recipient} } $rig->graph->calls;
    is_deeply [sort @to], [sort qw(ZA.none +2782000001 +278200000120 +27820)],
        'is that of its sender, or the only one';
    $rig->finish;
};

subtest 'texts that a pattern is slow at' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => "rules:\n  - {when: {product: whatsapp, kind: message,"
        . " text: 'p.*r.*today'}, do: [{reply: {text: ws}}]}\n"
        . '  - {when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}');
    my $text = 'pr' x 110 . ' y';   # some milliseconds
    my $message = qq({"from":"1","type":"text","text":{"body":"$text"}});
    $rig->push(change([$message], []));
    $rig->settle;
    is $rig->count_of->{unmatched}, 1, 'one of them is decided';
    $rig->push(change([($message) x 1_000], []), messenger());
    $rig->settle(120);
    cmp_ok $c->cpu, '<', 5 * patience(), 'a thousand hold up nobody';
    is_deeply [$rig->dead], [], 'the pattern does not match them';
    is $rig->count_of->{unmatched}, 2, 'so that they are matched by nothing';
    like $c->log, qr/outcome=slow .*patterns=\d+ slow_rule=1/, 'and the log says which is slow';
    is scalar $rig->sent, 1, 'the next one is answered';
    unlike $c->log, qr/lease is lost/, 'the lease is kept';
    $rig->finish;
};

# the limit of steps counts for each place where a match may begin
subtest 'a long text that a pattern is slow at' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => "rules:\n  - {when: {product: messenger, kind: message,"
        . " text: 'a.{0,500}b.{0,500}c'}, do: [{reply: {text: ms}}]}\n");
    $rig->push(messenger(text => 'ab' x 1900 . ' ' x 600 . 'c'),
        messenger(text => "\xe9" x 2000 . 'abc'),
        messenger(text => ' ' x 1000 . 'a' . ' ' x 499 . 'b' . "\xe9" x 499 . 'c'));
    $rig->settle(60);
    cmp_ok $c->cpu, '<', 3 * patience(), 'is given up soon';
    is_deeply [$rig->dead], [], 'and does not match';
    is $rig->count_of->{unmatched}, 1, 'so that nothing does';
    is scalar $rig->sent, 2, "others are found wherever they match";
    $rig->finish;
};

# a chunk of history holds what fits into 3 MB
subtest 'thousands of old messages' => sub {
    my $rig = Rig->new;
    $rig->consumer(rules => "rules: [{when: {kind: history}, do: [{push: {list: old}},"
        . " {graph: {method: GET, path: me}}]}]\n");
    my @messages = map { {from => '2782', id => "w$_", type => 'text', text => {body => 'x'}} }
        1 .. 1_100;
    my $chunk = record(field => 'history', key => $PHONE, event => {field => 'history', value => {
        metadata => {phone_number_id => $PHONE}, history => [{threads => [{id => '2782',
        messages => \@messages}]}]}});
    $rig->push($chunk, $chunk);
    $rig->settle(60);
    is scalar(my @calls = $rig->graph->calls), 1_100, 'all are decided';
    is $rig->do('LLEN', 'old'), 1, 'a list gets the chunk once';
    is $rig->count_of->{duplicate}, 1, 'as a whole it is known';
    $rig->finish;
};

subtest 'too many elements' => sub {
    my $rig = Rig->new;
    $rig->consumer(rules => $rules);
    $rig->push(change([map { qq({"from":"$_"}) } 1 .. 1_000], []),
        change([map { qq({"from":"$_"}) } 1 .. 1_001], []), messenger());
    $rig->settle;
    my @dead = $rig->dead;
    is_deeply [map { $_->{reason} } @dead], ['record'], '1001 are too many, 1000 are not';
    like $dead[0]{answer}, qr/more than 1000/, 'the letter says so';
    is @{$dead[0]{item}{event}{value}{messages}}, 1_001, 'and has it whole';
    is scalar $rig->sent, 1, 'the next one is answered';
    $rig->finish;
};

subtest 'a tree far larger than its text' => sub {
    my $rig = Rig->new;
    $rig->consumer(rules => $rules);
    my $record = '{"v":1,"event":[' . join(',', (1) x 50_000) . ']}';
    $rig->push($record, messenger());
    $rig->settle;
    my ($letter) = $rig->dead;
    is $letter->{reason}, 'record', 'is not read';
    unlike $letter->{answer}, qr/no JSON/, 'but is not called no JSON';
    is $letter->{base64}, undef, 'nor kept as such';
    is @{$letter->{item}{event}}, 50_000, 'it stands in the letter as it is';
    $rig->finish;
};

subtest 'what others put into what is in flight' => sub {
    my $rig = Rig->new;
    my $field = "17\n[error] a line of its own, which nobody wrote";
    $rig->do('HSET', "{$Q}:inflight", 3, '', $field, messenger(id => 'm_1'), 5, 'garbage');
    $rig->do('HINCRBY', "{$Q}:count", taken => 3);
    my $c = $rig->consumer(rules => $rules);
    $rig->settle;
    is_deeply [sort map { MIME::Base64::decode_base64($_->{base64}) } $rig->dead],
        ['', 'garbage'], 'what is empty is buried';
    is_deeply [map { $_->{body}{message}{metadata} } $rig->graph->calls], ['m_1'],
        'what has a strange field is worked';
    unlike $c->log, qr/^\[error\]/m, 'which writes no line of the log';
    $rig->finish;
};

subtest 'state that others wrote' => sub {
    my $rig = Rig->new;
    my $step = '"r":1,"do":{"reply":{"text":"x"}}';
    my %state = (3 => qq([{"e":7,$step}]), 4 => qq([{"e":18446744073709551615,$step,"o":"sent"}]),
        5 => '[{"e":1,"r":1,"do":{"call":{"handler":"none"}}}]',
        6 => '[{"e":1,"r":1,"do":{"graph":{"method":"GET","path":"me"}}}]',
        7 => '{"a":1}', 8 => '[[[]]]');
    for my $field (sort keys %state) {
        $rig->do('HSET', "{$Q}:inflight", $field, messenger(id => "m_$field"));
        $rig->do('HSET', "{$Q}:state", $field, qq({"v":1,"decided":true,"matched":1,)
            . qq("steps":$state{$field}}));
        $rig->do('HINCRBY', "{$Q}:count", taken => 1);
    }
    # letters of which a status could say that they were sent
    my %letter = (a => '18446744073709551615 {}', b => '18446744073709551612 {"state":',
        c => '99 {}', d => '', e => ' ', f => '-1 {}', g => '0 ');
    for my $ref (sort keys %letter) {
        $rig->do('HSET', 'meta:message:ambiguous', $ref, $Q);
        $rig->do('HSET', "{$Q}:state", "ref:$ref", $letter{$ref});
    }
    my $c = $rig->consumer(rules => $rules);
    $rig->push(map { record(event => {field => 'messages', value => {metadata => {
        phone_number_id => $PHONE}, statuses => [{id => "wamid.$_", status => 'sent',
        biz_opaque_callback_data => $_}]}}) } sort keys %letter);
    $rig->settle;
    is_deeply [sort map { $_->{item}{id} } $rig->dead], [map { "m_$_" } 3 .. 8],
        'what names no event, and what cannot be read, is buried';
    is_deeply [$rig->sent], [], 'nobody gets anything';
    ok $c->alive, 'the consumer lives';
    $rig->finish;
};

subtest 'ids in the log' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $rules);
    my $long = 'HBgLMjc4MjAwMDAwMDEVAgARGBI' . 'x' x 20 . 'MkU3MUY4NEIwNjM1Mjk3AA==';
    my $tail = 'MkU3MUY4NEIwNjM1Mjk3AA==';

    # id, what the log shows of it
    my @table = (
        ["wamid.$long", "wamid.*$tail"],
        ["wamid.$long:read", "wamid.*$tail:read"],
        ["wamid.$long:read:27820000001", "wamid.*$tail:read"],
        ["wamid.$long:27820000001", "wamid.*$tail"],
        ["wamid.short:read:27820000001", 'wamid.*rt:read'],
        ['wamid.HBgLMjc4MjAwMDAwMDEVAgAR', 'wamid.*MDAwMDEVAgAR'],
        ['wamid.', 'wamid.*'],
        ['wamid.a', 'wamid.*'],
        ['m_abcdef', 'm_abcdef'],
    );
    for my $row (@table) {
        $rig->push(record(id => $row->[0], event => '{}'));
    }
    $rig->settle;
    is_deeply [$c->log =~ / id=(\S*)/g], [map { $_->[1] } @table], 'hold no phone number';
    $rig->finish(secrets => ['27820000001']);
};

done_testing;
