# metactl forget: all that is kept of one person goes, nothing of anybody else, and not that they
# want no marketing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP qw(decode_json);
use Test::More;

use Ctl qw(event letter $Q $PAGE);

my $PHONE = '106540352242922';
my $OTHER = '106540352242923';
my $WA = '27820000001';
my $BSUID = 'ZA.48210093377165520';
my ($ME, $YOU) = ('7290000000000001', '7290000000000002');

my $ctl = Ctl->new(redis => {options => ['--appendonly', 'yes']});

sub whatsapp {
    my ($id, $from, $bsuid) = @_;
    my $user = $bsuid ? qq(,"from_user_id":"$bsuid") : '';
    return qq({"v":1,"id":"$id","app":"1","object":"whatsapp_business_account","entry":"10",)
        . qq("time":1763700000000,"field":"messages","key":"$PHONE:@{[$bsuid // $from]}",)
        . qq("delivery":"d","n":0,"of":1,"received_at":1763700000123,"event":{"field":"messages",)
        . qq("value":{"messaging_product":"whatsapp","metadata":{"phone_number_id":"$PHONE"},)
        . qq("messages":[{"id":"$id","from":"$from"$user,"timestamp":"1763700000",)
        . qq("type":"text","text":{"body":"$YOU"}}]}}});
}

sub fill {
    $ctl->do('FLUSHDB');
    for my $p ([$PAGE, $ME], [$PAGE, $YOU], [$PHONE, $BSUID], [$OTHER, $WA]) {
        my ($account, $user) = @$p;
        my $product = $account eq $PAGE ? 'messenger' : 'whatsapp';
        my $talk = "meta:conversation:$product:$account:$user";
        $ctl->do('HSET', "meta:user:$account:$user", until => 1, name => 'A',
            $user eq $BSUID ? (phone => $WA, bsuid => $BSUID) : ());
        $ctl->do('HSET', $talk, 'tag:vip', 1);
        $ctl->do('RPUSH', "$talk:turns", '{"r":"user"}');
        $ctl->do('ZADD', "$talk:auto", 1, 'x');
        $ctl->do('ZADD', "$talk:sent", 1, "m_$user");
        $ctl->do('ZADD', "meta:conversation:$_", 1, "$product:$account:$user")
            for qw(paused stopped);
        $ctl->do('HSET', "meta:message:$account:m_$user", user => $user, id => "ev_$user#2",
            state => 'read');
        $ctl->do('SET', "meta:message:$account:of:ev_$user", "m_$user\n");
    }
    $ctl->do('SET', "meta:user:$PHONE:alias:$WA", $BSUID);
    $ctl->do('HSET', "meta:user:$PHONE:stop", $BSUID, 1763700000000, 'ZA.2', 5);
    $ctl->do('SET', "meta:message:$PHONE:waba", 10);
    $ctl->do('HSET', "meta:message:$PAGE:templates", a => 'utility');
    $ctl->do('SET', 'else', $ME);
    $ctl->letters(letter(event(id => 'm_1', user => $ME), reason => 'ambiguous'),
        letter(event(id => 'm_2', user => $YOU, text => $ME)),
        letter(event(id => 'm_3', user => $ME), state => '{"v":1,"x":[1,"item",{"item":{}}]}'),
        letter(whatsapp('w_1', $WA, $BSUID)),
        letter(qq({"v":1,"id":"j1","account":"$PHONE","to":"+$WA","do":["mark_read"]})),
        letter(qq({"v":1,"id":"j2","account":"$PAGE","to":"$YOU","do":[{"tag":{"name":"$ME"}}]})));
    $ctl->do('HSET', "{$Q}:state", 'ref:m_1', '0 ' . ($ctl->redis->queue("{$Q}:dead"))[0]);
    $ctl->do('ZADD', "{$Q}:kept", 1, '7:' . event(user => $ME), 2, '8:' . event(user => $YOU),
        3, '9:' . whatsapp('w_2', $WA));
}

sub keys_of { join "\n", sort $ctl->do('KEYS', '*') }

subtest 'a person of Messenger, by account' => sub {
    fill();
    my $before = keys_of();
    my $dry = $ctl->json('forget', "messenger:$PAGE:$ME", '--dry-run');
    is keys_of(), $before, '--dry-run changes no key';
    is $ctl->do('LLEN', "{$Q}:dead"), 6, 'and no letter';
    my $done = $ctl->json('forget', "messenger:$PAGE:$ME");
    is_deeply {%$dry, dry_run => $done->{dry_run}}, $done, 'and says what it would do';
    is_deeply [@$done{qw(people conversations turns messages dead kept optouts_left)}],
        [1, 3, 1, 1, 2, 1, 0], 'so many of each' or diag explain $done;
    unlike keys_of(), qr/$ME/, 'no key has their id';
    my %left = map { $_ => 1 } split /\n/, $before;
    delete $left{$_} for split /\n/, keys_of();
    is join(' ', grep { !/$ME/ } keys %left), "{$Q}:state", 'of the rest only a copy of a letter';
    is_deeply [$ctl->do('ZRANGE', 'meta:conversation:paused', 0, -1)], [sort
        "messenger:$PAGE:$YOU", "whatsapp:$PHONE:$BSUID", "whatsapp:$OTHER:$WA"], 'in indexes, too';
    is join(' ', map { decode_json($_)->{item}{id} } $ctl->redis->queue("{$Q}:dead")),
        'm_2 w_1 j1 j2', 'letters of others stay, though they name them in a text';
    is $ctl->count_of->{dropped}, 2, 'what is dropped is counted';
    $ctl->accounted('forgotten');
    is +($ctl->run('forget', "messenger:$PAGE:$ME"))[0], 4, 'the second time there is nothing';
};

subtest 'somebody of WhatsApp, by number, in all accounts' => sub {
    fill();
    my ($code, $out) = $ctl->run('forget', "+$WA");
    is $code, 0, 'done';
    like $out, qr/^left: that they want no marketing messages, in 1 account:/m, 'the opt-out stays';
    unlike $out, qr/$WA|ZA\./, 'and nobody is named';
    is_deeply {$ctl->do('HGETALL', "meta:user:$PHONE:stop")},
        {$BSUID => 1763700000000, $WA => 1763700000000, 'ZA.2' => 5}, '... under each name';
    unlike keys_of(), qr/$WA|\Q$BSUID\E/, 'all that the number leads to is gone, by both names';
    is join(' ', map { decode_json($_)->{item}{id} } $ctl->redis->queue("{$Q}:dead")),
        'm_1 m_2 m_3 j2', 'letters of events and of jobs';
    is $ctl->do('ZCARD', "{$Q}:kept"), 2, 'kept events';
    like keys_of(), qr/^meta:user:$PAGE:$ME$/m, 'others are there';
};

subtest 'what waits is named' => sub {
    fill();
    $ctl->do('RPUSH', $Q, event(user => $ME), event(user => $YOU));
    $ctl->do('HSET', "{$Q}:inflight", 5, event(user => $ME));
    $ctl->do('HINCRBY', "{$Q}:count", 'taken', 1);
    my ($code, $out) = $ctl->run('forget', $ME, '--json');
    is $code, 1, 'it says so';
    is_deeply decode_json($out)->{left}, {queue => 1, inflight => 1}, 'where, and how many';
    is $ctl->do('LLEN', $Q), 2, 'they are worked first';
    like +($ctl->run('forget', $ME))[1], qr/^left: 1 in inflight: .*run this again/m, 'in words';
};

subtest 'a letter that others are in' => sub {
    $ctl->do('FLUSHDB');
    $ctl->letters(letter(whatsapp('w_9', $WA)
        =~ s/(\{"id":"w_9".*?\}\})\]/$1,@{[$1 =~ s|$WA|27820000009|r]}]/r));
    my ($code, $out) = $ctl->run('forget', $WA);
    is $code, 1, 'is left';
    like $out, qr/^left: 1 dead letters that other people are in/m, 'and named';
    is $ctl->do('LLEN', "{$Q}:dead"), 1, 'it is there';
};

subtest 'whom' => sub {
    for my $wrong ('messenger:1', 'sms:1:2', 'messenger:1:2:3', '+', '#1234abcd') {
        is +($ctl->run('forget', $wrong))[0], 2, "\"$wrong\" is nobody";
    }
};

$ctl->finish;
done_testing;
