# What is known of people: their window, their two names, what they do not want, and who
# answers whom too often.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use People qw(leave people shared told said status change job outcome send_job message user_of ids
    $OUTBOX $RULES $USER);
use Rig qw(messenger record $PHONE $PAGE $WABA $Q);
use Test::Meta::Util qw(build_dir wait_for);

my $DAY = 24 * 3600;
my $OFFER = {name => 'offer', language => 'de'};
my $REPLIES = "rules: [{when: {product: whatsapp, kind: message}, do: [{reply: {text: auto}}]}]\n"
    . "unmatched: drop\n";

sub state_of { return join ' ', map { $_ // '-' } @{$_[0]}{qw(state)}, $_[0]{results}[-1]{error}
    ? @{$_[0]{results}[-1]{error}}{qw(class limit)} : () }

subtest 'open, closed, and nobody knows' => sub {
    my $rig = shared();
    is state_of(outcome($rig, job())), 'accepted', 'nobody knows: it is sent, Meta judges';
    told($rig, said(ago => $DAY + 60));
    my $r = outcome($rig, job());
    is state_of($r), 'dead ours 24 hours', 'they wrote a day and a minute ago: refused';
    my $error = $r->{results}[0]{error};
    is $error->{code}, undef, 'it was not Meta';
    like $error->{text}, qr/the window is closed: the person last wrote 20\d\d-\d\d-\d\dT/, 'when';
    is $rig->accepted, 1, 'no call left';
    my ($letter) = $rig->redis->queue("{$OUTBOX}:dead");
    $letter = JSON::PP::decode_json($letter);
    is $letter->{reason}, 'window', 'the letter says why';
    is state_of(outcome($rig, job(do => [{template => $OFFER}]))), 'accepted',
        'a template needs no window';

    told($rig, said(ago => 60), said(ago => 2 * $DAY));
    my %user = user_of($rig, $USER);
    cmp_ok $user{until} / 1000 - time, '>', $DAY - 120, 'open, an older one changes nothing';
    is $user{name}, 'Thandi', 'the name is known';
    cmp_ok $rig->do('PTTL', "meta:user:$PHONE:$USER"), '>', 29 * $DAY * 1000, 'for 30 days';
    is state_of(outcome($rig, job())), 'accepted', 'sent';
};

subtest 'Meta says that it is closed' => sub {
    my $rig = shared();
    told($rig, said(ago => 100));
    $rig->graph->fault({match => {body => '"type":"text"'}, times => 1, fault => {code => 131047}});
    is state_of(outcome($rig, job())), 'dead never -', 'by an answer';
    is state_of(outcome($rig, job())), 'dead ours 24 hours', 'the next one does not leave';
    told($rig, said());
    is state_of(outcome($rig, job())), 'accepted', 'they wrote again';
    my $id = outcome($rig, job(to => '+27820000003'))->{results}[0]{message};
    told($rig, said(phone => '27820000003', ago => 5),
        status($id, 'failed', code => 131047, user => ''));
    is state_of(outcome($rig, job(to => '+27820000003'))), 'dead ours 24 hours',
        'by a status that names nobody';
    my %m = message($rig, $PHONE, $id);
    is "@m{qw(state code class user)}", "failed 131047 never 27820000003", 'the record has it';
};

subtest 'Messenger' => sub {
    my $rig = shared();
    my %to = (account => $PAGE, to => '7290000000000001');
    told($rig, messenger(item => {timestamp => 1000 * (time - $DAY - 9)}));
    is state_of(outcome($rig, job(%to))), 'dead ours 24 hours', 'closed';
    is state_of(outcome($rig, job(%to, do => [{reply => {text => 'x', tag => 'HUMAN_AGENT'}}]))),
        'accepted', 'but for a person who answers';
    told($rig, messenger(item => {timestamp => 1000 * (time - 5)}));
    $rig->graph->fault({match => {method => 'POST'}, times => 1,
        fault => {code => 10, subcode => 2018278}});
    is state_of(outcome($rig, job(%to))), 'dead never -', 'Meta says so';
    is state_of(outcome($rig, job(%to))), 'dead ours 24 hours', 'and is not asked again';
};

subtest 'a template instead' => sub {
    my $rig = people(rules => <<'END');
rules:
  - when: {product: whatsapp, kind: message}
    do: [{reply: {text: one}}, {reply: {text: two}}]
    fallback_template: {name: offer, language: de}
unmatched: drop
END
    my $sent = sub { join ' ', map { $_->[1] // 'template' } $rig->sent };
    told($rig, said(ago => 3 * $DAY));
    is $sent->(), 'template', 'the window is known to be closed: the template, once';
    $rig->graph->fault({match => {body => '"type":"text"'}, times => 1, fault => {code => 131047}});
    told($rig, said(phone => '27820000004'));
    is $sent->(), 'template template', 'Meta says so: the second one is not tried';
    told($rig, said());
    is $sent->(), 'template template one two', 'open: no template';
    is $rig->count_of->{worked}, 3, 'nothing is dead';
    is_deeply [$rig->logs =~ / action=(\S+ left_out=\S+ .*?calls=\d) outcome=worked/g],
        ['template left_out=reply,reply events=1 calls=1',
        'template left_out=reply,reply events=1 calls=2',
        'reply,reply left_out=template events=1 calls=2'], 'the log tells what was left out';
    leave($rig);
};

subtest 'two names of one person' => sub {
    my $rig = shared();
    my ($new, $phone) = ('ZA.222', '27820000202');
    told($rig, said(ago => $DAY + 9));
    $rig->do('ZADD', "meta:conversation:$_", 5, "whatsapp:$PHONE:$USER") for qw(paused stopped);
    told($rig, said(bsuid => 'ZA.111', ago => $DAY + 8));
    is_deeply [$rig->do('ZRANGE', "meta:conversation:$_", 0, -1)], ["whatsapp:$PHONE:ZA.111"],
        "listed as $_ under that name" for qw(paused stopped);
    is $rig->do('GET', "meta:user:$PHONE:alias:$USER"), 'ZA.111', 'both are named: a pair';
    is $rig->do('EXISTS', "meta:user:$PHONE:$USER"), 0, 'what stood under the phone goes over';
    is state_of(outcome($rig, job())), 'dead ours 24 hours', 'a job to the phone finds it';
    told($rig, said(phone => undef, bsuid => 'ZA.111'));
    is state_of(outcome($rig, job())), 'accepted', 'and what was said by the other name';
    is state_of(outcome($rig, job(to => 'ZA.111'))), 'accepted', 'a job to that';

    told($rig, said(phone => $USER, bsuid => undef, message => {type => 'system',
        text => undef, from_user_id => 'ZA.111', system => {body => 'changed',
        type => 'user_changed_number', wa_id => $phone, user_id => $new,
        previous_user_id => 'ZA.111'}}));
    my %user = user_of($rig, $new);
    ok $user{until}, 'a new number: what is known goes along';
    is $rig->do('EXISTS', "meta:user:$PHONE:ZA.111"), 0, 'and from the old name';
    is state_of(outcome($rig, job(to => "+$phone"))), 'accepted', 'found by the new number';

    told($rig, said(phone => $phone, bsuid => 'ZA.333', ago => $DAY + 5));
    %user = user_of($rig, 'ZA.333');
    cmp_ok $user{until} / 1000, '<', time, 'the number is another person\'s now: nothing goes over';
};

subtest 'no marketing' => sub {
    my $rig = shared();
    my %prefers = (category => 'marketing_messages', detail => '', wa_id => $USER);
    my $now = time;
    my $offer = [{template => $OFFER}];
    my $bill = [{template => {name => 'bill', language => 'de'}}];
    my $send = sub { return state_of(outcome($rig, job(do => $_[0]))) };
    told($rig, said(), change(template_category_update => {message_template_id => 1,
        message_template_name => 'offer', message_template_language => 'de',
        previous_category => 'UTILITY', new_category => 'MARKETING'}));
    is $send->($offer), 'accepted', 'nobody said no';
    told($rig, change(user_preferences => {contacts => [{wa_id => $USER}],
        user_preferences => [{%prefers, value => 'stop', timestamp => $now - 50}]}));
    is $send->($offer), 'dead ours -', 'a marketing template is refused';
    is $send->([{reply => {raw => {type => 'template', template => {name => 'offer',
        language => {code => 'de'}}}}}]), 'dead ours -', 'also where it comes as Meta has it';
    is $send->($bill), 'accepted', 'another one is sent';
    is $rig->do('PTTL', "meta:user:$PHONE:stop"), -1, 'it is remembered without an end';
    told($rig, change(user_preferences => {contacts => [{wa_id => $USER}],
        user_preferences => [{%prefers, value => 'resume', timestamp => $now - 99}]}));
    is $send->($offer), 'dead ours -', 'what came before it does not count';
    told($rig, change(user_preferences => {contacts => [{wa_id => $USER}],
        user_preferences => [{%prefers, value => 'resume', timestamp => $now - 9}]}));
    is $send->($offer), 'accepted', 'they want it again';

    my $id = outcome($rig, job(do => $bill))->{results}[0]{message};
    told($rig, status($id, 'failed', code => 131050));
    is $send->($bill), 'dead ours -', '131050 says it of the person, and of the template';
};

subtest 'a template that is paused' => sub {
    my $rig = shared();
    my %template = (message_template_id => 7, message_template_name => 'offer',
        message_template_language => 'de', reason => undef);
    told($rig, said(), change(message_template_status_update => {%template, event => 'PAUSED'}));
    ok +(wait_for { $rig->do('HGET', 'meta:control', "lane:template:$WABA:offer") } 20), 'paused';
    my $id = send_job($rig, job(do => [{template => $OFFER}]));
    ok +(wait_for { $rig->held($OUTBOX) } 20), 'its job is held';
    is state_of(outcome($rig, job(to => '+27820000007', do => [{template => {name => 'bill',
        language => 'de'}}]))), 'accepted', 'others go on';
    told($rig, change(message_template_status_update => {%template, event => 'APPROVED'}));
    is state_of(outcome($rig, $id)), 'accepted', 'back: sent';
};

subtest 'too many replies' => sub {
    my $rig = people(rules => $REPLIES, replies_max => 5);
    $rig->do('HSET', "meta:conversation:whatsapp:$PHONE:$USER", 'tag:vip', 1);
    told($rig, map { said() } 1 .. 9);
    is scalar($rig->sent), 5, 'five are sent, four left out';
    is scalar(() = $rig->logs =~ /\[error\] a conversation is stopped: 5 automatic replies/g), 1,
        'one error line';
    is scalar(() = $rig->logs =~ /outcome=left_out/g), 4, 'a line for each that was left out';
    my ($until) = $rig->do('HMGET', "meta:conversation:whatsapp:$PHONE:$USER", 'stop');
    cmp_ok $until / 1000, '>', time + $DAY - 60, 'for a day';
    is $rig->do('PTTL', "meta:conversation:whatsapp:$PHONE:$USER"), -1,
        'which ends no tags that have no end';
    is_deeply [$rig->do('ZRANGE', 'meta:conversation:stopped', 0, -1)], ["whatsapp:$PHONE:$USER"],
        'they are listed';
    my $conf = $rig->file('consumer0.yaml');
    my $status = qx(@{[build_dir()]}/metactl -c $conf status);
    like $status, qr/^ *stopped +1 conversation with too many automatic replies$/m,
        'metactl status says so';
    like $status, qr/^ *whatsapp:\d+:#\w+ until/m, 'which, and until when';
    unlike $status, qr/$USER/, 'and does not say who';
    is state_of(outcome($rig, job())), 'accepted', 'a job is not automatic';
    told($rig, said(phone => '27820000009'));
    is scalar($rig->sent), 7, 'others are answered';
    is $rig->count_of->{worked}, 10, 'what was left out is worked';
    qx(@{[build_dir()]}/metactl -c $conf conversation resume whatsapp:$PHONE:+$USER);
    is $?, 0, 'metactl conversation resume, a number as it is written';
    told($rig, said());
    is scalar($rig->sent), 8, 'resumed';
    leave($rig);

    $rig = people(replies_max => 5, rules => <<'END');
rules:
  - {when: {product: whatsapp, kind: message}, do: [resume, {reply: {text: back}}]}
END
    told($rig, map { said() } 1 .. 9);
    is scalar($rig->sent), 5, 'what a person writes ends a stop, and counts nothing anew';
    leave($rig);
};

subtest 'thousands of them at once' => sub {
    my $rig = people(replies_max => 1, rules => "rules: [{when: {kind: message}, do: ["
        . join(', ', ('{reply: {text: auto}}') x 10) . "]}]\nretention: {messages: 0}\n");
    my $talk = "meta:conversation:whatsapp:$PHONE:$USER";
    $rig->do('HSET', $talk, 'tag:vip', 1);
    $rig->push(record(key => "$PHONE:", event => {field => 'messages', value => {
        messaging_product => 'whatsapp', metadata => {phone_number_id => $PHONE},
        contacts => [{wa_id => $USER, profile => {name => 'Thandi'}}],
        messages => [map { {from => $USER, id => "wamid.many$$.$_", timestamp => '' . time,
            type => 'text', text => {body => 'x'}} } 1 .. 1000]}}));
    $rig->settle(60);
    is scalar($rig->sent), 1, 'one is sent';
    is scalar(() = $rig->logs =~ /outcome=left_out/g), 9999, 'all others are left out';
    is $rig->do('PTTL', $talk), -1, 'what was to stay for ever stays for ever';
    leave($rig);
};

subtest 'who answers a failure does not answer its own' => sub {
    my $rig = people(rules => <<'END');
rules:
  - when: {product: whatsapp, kind: status, state: failed, code: 131047}
    do: [{template: {name: offer, language: de}}, stop]
  - when: {product: whatsapp, kind: status, state: failed}
    do: [{reply: {text: "again, {{user.name|you}}"}}]
unmatched: drop
END
    told($rig, said());
    my $id = outcome($rig, job())->{results}[0]{message};
    told($rig, status($id, 'failed', code => 131026, user => ''));
    is scalar($rig->sent), 2, 'the failed one is answered, though its status names nobody';
    is +($rig->sent)[1][1], 'again, Thandi', 'by the name of an earlier event';
    my ($again) = grep { my %m = message($rig, $PHONE, $_); $m{by} eq 'failed rule 2' } ids($rig);
    ok $again, 'the record says by what';
    told($rig, status($again, 'failed', code => 131026));
    is scalar($rig->sent), 2, 'but not the failure of that answer';
    like $rig->logs, qr/outcome=left_out .*why=failed_before/, 'said';
    $id = outcome($rig, job())->{results}[0]{message};
    told($rig, status($id, 'failed', code => 131047));
    is +(map { $_->[1] // 'template' } $rig->sent)[-1], 'template',
        'a code of its own: the window is closed';
    leave($rig);
};

subtest 'nothing could use it' => sub {
    my $rig = Rig->new;
    $rig->consumer(rules => "rules: [{when: {product: whatsapp, kind: message}, do: [mark_read]}]\n"
        . "unmatched: drop\n");
    told($rig, said(), status('wamid.x', 'sent'));
    is_deeply [grep { /^meta:(?:user|message|conversation)/ } $rig->do('KEYS', '*')], [],
        'nothing is kept';
    $rig->finish;
};

subtest 'Redis refuses' => sub {
    my $rig = people(rules => $REPLIES);
    $rig->do('SET', "meta:user:$PHONE:$USER", 'somebody else\'s');
    told($rig, said());
    is scalar($rig->sent), 1, 'a key that is none of ours stops nobody';
    leave($rig);
};

leave(shared());
done_testing;
