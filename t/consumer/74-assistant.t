# An assistant classifies, drafts and answers, on both chat formats; a person who writes
# takes the conversation over.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use HTTP::Tiny;
use Mojo::JSON qw(decode_json encode_json);
use Test::More;
use Time::HiRes ();

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(spew wait_for);

my %KEY = (openai => "sk-openai-$$-SECRET", anthropic => "sk-anthropic-$$-SECRET");
my $USER = '7290000000000001';
my $TALK = "meta:conversation:messenger:$PAGE:$USER";
my @HELPFUL = ({title => '✅ Helpful', payload => 'HELPFUL'},
    {title => '🔄 More detail', payload => 'MORE'});

# the seed's; classifier and writer by format
sub assistant {
    my ($rig, %arg) = @_;
    my %path = (openai => '/v1/chat/completions', anthropic => '/v1/messages');
    my ($classifier, $writer) = ($arg{classifier} // 'openai', $arg{writer} // 'anthropic');
    return <<"END" . ($arg{more} // '');
assistants:
  - name: desk
    classifier:
      api: $classifier
      url: "@{[$rig->graph->url]}$path{$classifier}"
      model: classifier-1
      key_file: @{[$rig->file($classifier)]}
      system: "Classify as: enquiry | order | complaint | general. One word."
@{[$arg{in_classifier} // '']}
    writer:
      api: $writer
      url: "@{[$rig->graph->url]}$path{$writer}"
      model: writer-1
      key_file: @{[$rig->file($writer)]}
      system: "You answer for a shop. It is about: {{label}}."
      timeout: @{[$arg{timeout} // '30s']}
    labels:
      - {name: enquiry}
      - {name: order, system: "Ask for the order's number."}
      - name: complaint
        hand_over: true
        do: [{reply: {text: "A colleague will answer you."}}, {tag: {name: angry}}]
      - {name: general}
@{[$arg{labels} // '']}
@{[exists $arg{fallback} ? $arg{fallback} : '    fallback: "We will answer soon."']}
    retries: @{[$arg{retries} // 1]}
    quick_replies:
      - {title: "✅ Helpful", payload: HELPFUL}
      - {title: "🔄 More detail", payload: MORE}
END
}

my $RULES = <<'END';
rules:
  - when: {product: messenger, kind: [message, postback]}
    do: [{assistant: {name: desk}}]
  - when: {product: whatsapp, kind: message}
    do: [{assistant: {name: desk}}]
END

sub rig {
    my (%arg) = @_;
    my $rig = Rig->new;
    spew($rig->file($_), "$KEY{$_}\n") for keys %KEY;
    $rig->{c} = $rig->consumer(rules => $arg{rules} // $RULES, more => assistant($rig, %arg));
    return $rig;
}

sub say_ {
    my ($rig, @answers) = @_;
    my $r = HTTP::Tiny->new->post($rig->graph->url . '/_emulator/assistant',
        {content => encode_json(\@answers)});
    die $r->{content} if !$r->{success};
    return;
}

sub asked { my ($rig, $model) = @_;
    return grep { ($_->{kind} // '') eq 'assistant' && $_->{body}{model} =~ /$model/ }
        $rig->graph->calls }

# bodies of messages that Messenger took
sub answers { my ($rig) = @_;
    return map { $_->{body}{message} } grep { $_->{accepted} } $rig->graph->calls }

sub texts { map { $_->{text} } answers(@_) }
sub talk  { my ($rig, $key) = @_; return +{ $rig->do('HGETALL', $key // $TALK) } }
sub turns { my ($rig, $key) = @_;
    return map { my $t = decode_json($_); [$t->{r}, $t->{x}] }
        $rig->do('LRANGE', ($key // $TALK) . ':turns', 0, -1) }
sub leave { my ($rig, %arg) = @_; $rig->finish(secrets => [values %KEY], %arg) }

# what the Page's inbox shows, written by a person or another app
sub echo {
    my (%e) = @_;
    my $mid = $e{mid} // 'm_echo.' . ++$e{n} . rand;
    return record(object => 'page', entry => $PAGE, field => 'messaging', id => $mid,
        key => "$PAGE:$USER", event => {sender => {id => $PAGE}, recipient => {id => $USER},
        timestamp => 1000 * ($e{time} // CORE::time), message => {mid => $mid, is_echo => \1,
        text => $e{text} // 'I am on it.', %{$e{message} // {}}}});
}


for my $formats ([qw(openai anthropic)], [qw(anthropic openai)]) {
    my ($classifier, $writer) = @$formats;
    subtest "the seed's flow: $classifier classifies, $writer writes" => sub {
        my $rig = rig(classifier => $classifier, writer => $writer);
        say_($rig, {match => {model => 'classifier'}, text => "  Order.\n", times => 1},
            {match => {model => 'writer'}, text => 'Which number, "please"? {{user.id}}'});
        my $long = 'ä' x 399 . 'bc';
        $rig->push(messenger(text => $long));
        $rig->settle;

        my ($c) = asked($rig, 'classifier');
        my ($w) = asked($rig, 'writer');
        my ($ask) = grep { $_->{role} eq 'user' } @{$c->{body}{messages}};
        is $ask->{content}, 'ä' x 399 . 'b', 'the classifier gets 400 characters';
        my $system = $writer eq 'anthropic' ? $w->{body}{system}
            : $w->{body}{messages}[0]{content};
        is $system, "You answer for a shop. It is about: order.\n\nAsk for the order's number.",
            'the prompt of the writer and of the label';
        is $w->{body}{messages}[-1]{content}, $long, 'the writer gets all';
        is_deeply [answers($rig)], [{text => 'Which number, "please"? {{user.id}}',
            metadata => (answers($rig))[0]{metadata}, quick_replies => [map {
            {content_type => 'text', %$_} } @HELPFUL]}], 'its text, and the quick replies';
        is_deeply [turns($rig)], [[user => $long],
            [bot => 'Which number, "please"? {{user.id}}']], 'both are turns';
        my $ttl = $rig->do('PTTL', "$TALK:turns");
        ok $ttl > 0 && $ttl <= 86_400_000, 'for a day';
        leave($rig);
    };
}


subtest 'labels' => sub {
    my $rig = rig();
    my %user = (Complaint => '71', '"GENERAL"' => '72', 'what?' => '73', enquiry => '74');
    for my $said (sort keys %user) {
        say_($rig, {match => {model => 'classifier', text => "^\Q$said\E\$"}, text => $said});
        $rig->push(messenger(text => $said, user => $user{$said}));
    }
    $rig->settle;
    my %to = map { $_->[0] => $_->[1] } $rig->sent;
    is $to{71}, 'A colleague will answer you.', 'a label that writes nothing';
    is_deeply [sort map { $_->{body}{system} =~ /about: (\w+)/ } asked($rig, 'writer')],
        [qw(enquiry general general)], 'without case; what is no label is the default';
    my $talk = talk($rig, "meta:conversation:messenger:$PAGE:71");
    ok abs($talk->{pause} / 1000 - time - 12 * 3600) < 60, 'handed over for 12 hours';
    ok exists $talk->{'tag:angry'}, 'and tagged';
    ok !exists talk($rig, "meta:conversation:messenger:$PAGE:72")->{pause}, 'the others are not';

    $rig->push(messenger(text => 'Hello?', user => '71'));
    $rig->settle;
    is scalar($rig->sent), 4, 'a person answers it now';
    leave($rig);
};


subtest 'turns, and a text that is long' => sub {
    my $rig = rig(more => "    turns: 2\n");
    my $long = join ' ', map { "Sentence number $_ of many." } 1 .. 120;
    for my $n (1 .. 3) {
        say_($rig, {match => {model => 'writer'}, text => $n == 3 ? $long : "answer $n",
            times => 1});
        $rig->push(messenger(text => "question $n"));
        $rig->settle;
    }
    my @asked = asked($rig, 'writer');
    is_deeply $asked[0]{body}{messages}, [{role => 'user', content => 'question 1'}], 'no turn';
    is_deeply $asked[2]{body}{messages}, [map { {role => $_->[0], content => $_->[1]} }
        [user => 'question 2'], [assistant => 'answer 2'], [user => 'question 3']], 'two turns';
    my @pieces = grep { /^Sentence/ } texts($rig);
    is scalar @pieces, 2, 'what is too long for one message is two';
    is join(' ', @pieces), $long, 'cut between sentences';
    is_deeply [map { scalar @{$_->{quick_replies} // []} } grep { $_->{text} =~ /^Sentence/ }
        answers($rig)], [0, 2], 'the last has the quick replies';
    leave($rig);
};


subtest 'endpoints that fail' => sub {
    my $rig = rig(timeout => '600ms');
    my ($chat, $messages) = qw(/v1/chat/completions /v1/messages);
    my $soon = 'We will answer soon.';
    # which endpoint fails, how often, how; the answer; how often the writer is asked
    my @cases = (
        ['order 529', $messages, 1, {status => 529}, 'You said: order 529', 2],
        ['order 429', $messages, 1, {status => 429, headers => {'Retry-After' => 2}},
            'You said: order 429', 2],
        ['order later', $messages, 1, {status => 429, headers => {'Retry-After' => 600}}, $soon,
            1],
        ['order slow', $messages, 2, {slow => 3000}, $soon, 2],
        ['order 401', $chat, 1, {status => 401}, $soon, 0],
        ['order 400', $chat, 1, {status => 400}, $soon, 0],
        ['order cut', $chat, 2, {cut => 'answer'}, $soon, 0],
        ['order words', $chat, 2, {status => 200, body => 'no JSON'}, $soon, 0],
    );
    $rig->graph->fault({match => {path => $_->[1], body => $_->[0]}, times => $_->[2],
        fault => $_->[3]}) for @cases;
    say_($rig, {match => {model => 'classifier', text => 'refused'}, json => {choices => [{
        message => {content => undef, refusal => 'No.'}, finish_reason => 'stop'}]}},
        {match => {model => 'writer', text => 'refused'}, json => {type => 'message',
        content => [], stop_reason => 'refusal'}});
    push @cases, ['refused', '', 0, {}, $soon, 1];
    my $user = 7300;
    $rig->push(map { messenger(text => $_->[0], user => ++$user) } @cases);
    $rig->push(messenger(user => 7299, message => {text => ' '}));
    my $before = Time::HiRes::time();
    $rig->settle;
    ok Time::HiRes::time() - $before >= 1.9, 'Retry-After is heard';

    my %to = map { $_->[0] => $_->[1] } $rig->sent;
    $user = 7300;
    for my $case (@cases) {
        my ($text, $path, $times, $fault, $answer, $asked) = @$case;
        is $to{++$user}, $answer, "$text: answered";
        my @asked = grep { $_->{body}{messages}[-1]{content} eq $text } asked($rig, 'writer');
        is scalar @asked, $asked, "$text: the writer was asked so often";
        @asked = grep { $_->{body}{messages}[-1]{content} eq $text } asked($rig, 'classifier');
        is scalar @asked, $path eq $chat && $times || 1, "$text: the classifier";
    }
    is $to{7299}, $soon, 'no text: the fallback';
    ok !(grep { $_->{text} eq $soon && $_->{quick_replies} } answers($rig)),
        'that has no quick replies';
    like $rig->logs, qr/\[warn\] .*endpoint=classifier status=401 .*_the_key next=fallback/,
        'the log says why';
    leave($rig);
};


subtest 'without a fallback; the breaker' => sub {
    my $rig = rig(fallback => '', retries => 0, rules => <<'END');
rules:
  - when: {product: messenger, kind: message}
    order: loose
    do: [{assistant: {name: desk}}]
END
    $rig->graph->fault({match => {path => '/v1/chat/completions'}, times => 0,
        fault => {status => 500}});
    $rig->push(map { messenger(text => "order $_", user => "72$_") } 1 .. 10);
    $rig->settle;
    my $asked = asked($rig, 'classifier');
    $rig->push(messenger(text => 'order more'));
    $rig->settle;
    is scalar(asked($rig, 'classifier')), $asked, 'ten failures: it is left alone';
    is_deeply [map { $_->{reason} } $rig->dead], [('assistant_failed') x 11], 'dead letters';
    like $rig->logs, qr/assistant desk\/classifier: failed 10 times in a row, at last HTTP 500/,
        'and it is said';
    leave($rig);
};


subtest 'no classifier, and nobody' => sub {
    my $rig = Rig->new;
    spew($rig->file($_), "$KEY{$_}\n") for keys %KEY;
    (my $more = assistant($rig)) =~ s/^    classifier:\n.*?(?=^    writer:)//ms;
    $rig->{c} = $rig->consumer(more => $more, rules => $RULES);
    say_($rig, {match => {model => 'writer'}, text => 'Every day.', times => 1});
    $rig->push(messenger(text => 'hello'));
    $rig->settle;
    is_deeply [texts($rig)], ['Every day.'], 'all has the default label';
    like [asked($rig, 'writer')]->[0]{body}{system}, qr/about: general/, 'that of the seed';

    $rig->push(messenger(text => 'hello', user => 'u' x 900));
    $rig->settle;
    is_deeply [(texts($rig))[1]], ['You said: hello'], 'whose name is too long to keep turns';
    leave($rig);
};


subtest 'a person takes over' => sub {
    my $rig = rig(labels => '      - {name: back, resume: true}', rules => <<'END');
rules:
  - when: {product: messenger, kind: message, text: "^rule"}
    bot: true
    do: [{reply: {text: "by a rule"}}, stop]
  - when: {product: messenger, kind: message, text: "^resume"}
    do: [resume, stop]
  - when: {product: messenger, kind: message, text: "^(un)?tag"}
    do: [{untag: {name: angry}}, {pause: {for: 1h}}, stop]
  - when: {product: messenger, kind: message}
    do: [{assistant: {name: desk}}]
END
    my $send = sub { $rig->push(@_); $rig->settle };
    $send->(messenger(text => 'hello'));
    is_deeply [texts($rig)], ['You said: hello'], 'the assistant answers';
    $send->(echo(message => {metadata => 'job-1', app_id => 1}));
    ok !talk($rig)->{pause}, 'what we sent ourselves pauses nothing';
    $send->(echo(message => {app_id => 1234567890}));
    ok !talk($rig)->{pause}, 'nor what our app did';

    $send->(echo(message => {app_id => 263902037430900}));
    ok talk($rig)->{pause} > 1000 * time, 'another app pauses';
    is talk($rig)->{pause_by}, 'human', 'a person, that is';
    my @paused = $rig->do('ZRANGE', 'meta:conversation:paused', 0, -1, 'WITHSCORES');
    is_deeply \@paused, ["messenger:$PAGE:7290000000000001",
        talk($rig)->{pause}], 'and it is listed';
    is_deeply [(turns($rig))[-1]], [[bot => 'I am on it.']], 'what he wrote is a turn';
    $send->(messenger(text => 'order'), messenger(text => 'rule'));
    is scalar(texts($rig)), 1, 'neither assistant nor bot rule answers';
    like $rig->{c}->log, qr/outcome=left_out .*why=paused bot_rule=1/, 'the log says why';

    $send->(messenger(text => 'resume'), messenger(text => 'rule'), messenger(text => 'order'));
    is_deeply [map { s/\n/ /gr } (texts($rig))[1, 2]], ['by a rule',
        'You said: order rule order'], 'until it is resumed, with all that was written';
    like encode_json([asked($rig, 'writer')]), qr/I am on it/, 'knowing what was written';

    $send->(messenger(text => 'tag'), messenger(text => 'order'));
    is scalar(texts($rig)), 3, 'the action pauses';
    say_($rig, {match => {model => 'classifier', text => '^back'}, text => 'back'});
    $send->(messenger(text => 'back'));
    ok !talk($rig)->{pause}, 'a label ends it';
    is $rig->do('ZCARD', 'meta:conversation:paused'), 0, 'nor is it listed';
    is scalar(texts($rig)), 4, 'and is answered';
    leave($rig);
};


subtest 'the app on the phone, and nobody says who' => sub {
    my $rig = rig();
    $rig->push(record(id => 'wamid.echo:echo', field => 'smb_message_echoes',
        key => "$PHONE:27820000001", event => {field => 'smb_message_echoes', value => {
        messaging_product => 'whatsapp', metadata => {phone_number_id => $PHONE},
        message_echoes => [{from => '15550783881', to => '27820000001', id => 'wamid.echo',
        timestamp => '' . time, type => 'text', text => {body => 'By hand.'}}]}}));
    $rig->settle;
    ok talk($rig, "meta:conversation:whatsapp:$PHONE:27820000001")->{pause}, 'WhatsApp: paused';

    $rig->do('HSET', "meta:message:$PAGE:m_ours", state => 'accepted');
    $rig->push(echo(mid => 'm_ours'));
    $rig->settle;
    ok !talk($rig)->{pause}, 'what has a record is ours';
    $rig->push(echo(mid => 'm_theirs'));
    $rig->settle;
    ok talk($rig)->{pause}, 'what has none is not';
    leave($rig);
};


subtest 'a pause counts from when the echo was written' => sub {
    my $rig = rig();
    my $now = CORE::time;
    my @other = (message => {app_id => 263902037430900});
    my $replayed = decode_json(echo(@other));
    $rig->push(encode_json({%$replayed, replay => \1}), echo(@other, time => $now - 13 * 3600));
    $rig->settle;
    is_deeply talk($rig), {}, 'neither one that is replayed nor one of yesterday pauses';
    is_deeply [turns($rig)], [], 'nor says anything';
    $rig->push(echo(@other, time => $now - 11 * 3600));
    $rig->settle;
    cmp_ok abs(talk($rig)->{pause} / 1000 - $now - 3600), '<', 60, 'of one that is late the rest';
    $rig->push(messenger(text => 'order'));
    $rig->settle;
    is scalar(texts($rig)), 0, 'which pauses';
    leave($rig);
};


subtest 'killed between the model and the message' => sub {
    my $rig = rig();
    $rig->graph->fault({match => {path => "/v24.0/$PAGE/messages"}, times => 1,
        fault => {slow => 20_000}});
    $rig->push(messenger(text => 'order'));
    ok +(wait_for { asked($rig, 'writer') } 20), 'the writer is asked';
    ok +(wait_for { grep { /You said/ } %{$rig->state_of} } 20), 'and what it said is kept';
    $rig->{c}->stop('KILL');
    $rig->expire;
    $rig->graph->hasten;
    $rig->consumer;
    $rig->settle;
    is scalar(asked($rig, 'writer')), 1, 'the writer was asked once';
    is scalar(asked($rig, 'classifier')), 1, 'and the classifier';
    leave($rig);
};

done_testing;
