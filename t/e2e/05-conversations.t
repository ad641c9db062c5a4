# A conversation on each channel, the whole road: the emulator delivers, nginx
# acknowledges, Redis keeps, a rule or a handler decides, the answer is sent,
# what becomes of it comes back, and metactl tells it.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use Road;
use Test::Meta::Util qw(wait_for);
use Test::More;

my $RULES = <<'END';
rules:
  - when: {kind: message, text: "(?i)price"}
    do:
      - mark_read
      - reply:
          text: "It is 49 EUR, {{user.name|friend}}."
          quick_replies:
            - {title: "✅ Helpful", payload: HELPFUL}
            - {title: "🔄 More", payload: MORE}
      - stop
  - when: {product: [messenger, instagram], kind: comment}
    do: [{comment_reply: {text: "We wrote to you."}}, {private_reply: {text: "Hello, shop here"}}]
  - when: {kind: [message, postback]}
    do: [{call: {handler: shop}}]
END

# what people say, and what the shop says to it
sub shop {
    my ($request) = @_;
    my $view = $request->{view};
    return (200, {actions => [{reply => {text => $view->{kind} eq 'postback'
        ? "You tapped $view->{payload}" : "Shop heard: $view->{text}"}}]});
}

my $road = Road->new(rules => $RULES, handler => \&shop);


# the message that answered, as soon as it is there; its text, and what was sent
sub answer {
    my ($n, @of) = @_;
    my @sent;
    wait_for { @sent = $road->sent(@of); @sent >= $n } 10;
    my $call = $sent[$n - 1] // die "no answer $n: " . $road->consumer->log;
    my $body = $call->{body};
    my $to = $body->{to} // $body->{recipient};
    my $answer = $call->{answer}{body};
    return {call => $call, to => ref $to ? $to->{id} // $to->{comment_id} : $to =~ tr/0-9//cdr,
        text => $body->{text}{body} // $body->{interactive}{body}{text} // $body->{message}{text},
        id => $answer->{messages}[0]{id} // $answer->{message_id}};
}


# what metactl tells of a message, once it has come to that state
sub life {
    my ($id, $state) = @_;
    my $life;
    wait_for {
        ($life) = @{$road->ctl(message => $id)->{sent} // []};
        ($life->{state} // '') eq $state;
    } 10 or diag explain $life;
    return $life // {};
}


# name, product, account, who writes, the token that answers
my @channels = (
    ['WhatsApp', 'whatsapp', $Road::PHONE, '27820000001', 'wa'],
    ['Messenger', 'messenger', $Road::PAGE, '7290000000000001', 'page'],
    ['Instagram Login', 'instagram', $Road::INSTAGRAM, '1029384756610293', 'ig'],
    ['Instagram through the Page', 'instagram', $Road::LINKED, '1029384756610294', 'page'],
);

for my $channel (@channels) {
    my ($name, $product, $account, $who, $token) = @$channel;
    my @of = ($product, $token);
    subtest "$name: a question, a tap, an answer of the shop" => sub {
        my %event = (product => $product, account => $account, from => $who);
        $event{name} = 'Thandi' if $product eq 'whatsapp';
        my $said = $road->deliver(%event, text => 'What is the price?');
        is_deeply([map { $_->{status} } @{$said->{tries}}], [200], 'acknowledged at once');
        my $first = answer(1, @of);
        my $friend = $product eq 'whatsapp' ? 'Thandi' : 'friend';
        is($first->{text}, "It is 49 EUR, $friend.", 'the rule answers');
        is($first->{to}, $who, 'who asked');
        my ($read) = grep { ($_->{body}{message_id} // '') eq $said->{ids}[0]
            || ($_->{body}{sender_action} // '') eq 'mark_seen' } $road->graph->calls;
        is($read->{answer}{status}, 200, 'the question is marked as read');
        my $life = life($first->{id}, 'read');
        is_deeply([@{$life}{qw(state account by)}], ['read', $account, 'rule 1'],
            'metactl: what became of the answer, and who gave it');

        $road->deliver(%event, kind => 'postback', payload => 'HELPFUL', text => '✅ Helpful');
        is(answer(2, @of)->{text}, 'You tapped HELPFUL', 'a tap: the handler answers');
        $road->deliver(%event, text => 'And in blue, my friend?');
        is(answer(3, @of)->{text}, 'Shop heard: And in blue, my friend?', 'a text, too');
        is(scalar(grep { !$_->{genuine} } $road->handler->requests), 0,
            'signed for the handler');
    };
}

subtest 'a comment: one public reply, one private, though both come back' => sub {
    for my $case ([messenger => 'page', '/comments'],
        [instagram => 'ig', '/replies'])
    {
        my ($product, $token, $edge) = @$case;
        my $comment = $road->deliver(product => $product, kind => 'comment', account =>
            $token eq 'ig' ? $Road::INSTAGRAM : $Road::PAGE, from => '555000111')->{ids}[0];
        my $private = answer(4, $product, $token);
        $road->settle;
        my @public = grep { $_->{path} =~ /\Q$comment$edge\E$/ } $road->graph->calls;
        is(scalar @public, 1, "$product: answered in public, once");
        is($private->{to}, $comment, 'and in private');
        is(scalar(my @all = grep { $_->{path} =~ /$edge$/ } $road->graph->calls),
            1, 'its own comment is not answered');
    }
};

subtest 'a failed status: what Meta said stands in the record' => sub {
    $road->graph->fault({match => {kind => 'whatsapp', body => 'Shop heard'},
        fault => {failed => 131026}});
    $road->deliver(product => 'whatsapp', from => '27820000002', text => 'Are you there?');
    my $answer = answer(4, 'whatsapp');
    my $life = life($answer->{id}, 'failed');
    is($life->{state}, 'failed', 'failed');
    is($life->{error}{code}, 131026, 'and why') or diag explain $life;
};

ok($road->settle, 'all is quiet');
my @refused = grep { $_->{answer}{status} != 200 } $road->graph->calls;
is(scalar @refused, 0, 'Graph refused nothing') or diag explain \@refused;
my @dead = $road->dead;
is(scalar @dead, 0, q(nothing is dead)) or diag explain \@dead;
$road->finish(secrets => ['It is 49 EUR', 'Shop heard', 'We wrote to you']);

done_testing();
