# An assistant over the whole road, on each channel: it classifies, answers with
# quick replies, hands over, keeps quiet while a colleague writes, and takes its
# own echoes for what they are.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use Road;
use Test::Meta::Util qw(wait_for);
use Test::More;

my $CONF = <<'END';
assistants:
  - name: desk
    classifier:
      api: openai
      url: "GRAPH/v1/chat/completions"
      model: classifier-1
      key_file: DIR/openai_key
      system: "Classify as: enquiry | order | complaint | general. One word."
    writer:
      api: anthropic
      url: "GRAPH/v1/messages"
      model: writer-1
      key_file: DIR/anthropic_key
      system: "You answer for a shop. It is about: {{label}}."
    labels:
      - {name: enquiry}
      - {name: order}
      - name: complaint
        do: [{reply: {text: "A colleague will answer you."}}, {tag: {name: angry}}]
        hand_over: true
      - {name: general}
    default: general
    fallback: "We will answer soon."
    quick_replies: [{title: "✅ Helpful", payload: HELPFUL}]
rules:
  - when: {kind: message}
    do: [{assistant: {name: desk}}]
END

my $road = Road->new(rules => $CONF, files => {openai_key => "sk-openai-$$\n",
    anthropic_key => "sk-anthropic-$$\n"});

# name, product, account, who writes, the token that answers
my @channels = (
    ['WhatsApp', 'whatsapp', $Road::PHONE, '27820000001', 'wa'],
    ['Messenger', 'messenger', $Road::PAGE, '7290000000000001', 'page'],
    ['Instagram', 'instagram', $Road::INSTAGRAM, '1029384756610293', 'ig'],
);

for my $channel (@channels) {
    my ($name, $product, $account, $who, $token) = @$channel;
    my %event = (product => $product, account => $account, from => $who);
    my @talk = ("$product:$account:$who");

    # how many answers there are, once all is quiet
    my $answers = sub {
        $road->settle;
        return scalar(my @sent = $road->sent($product, $token));
    };

    subtest "$name: classified, answered, handed over, resumed" => sub {
        $road->deliver(%event, text => 'An enquiry about opening hours');
        is($answers->(), 1, 'answered');
        my ($body) = map { $_->{body} } $road->sent($product, $token);
        my $quick = $product eq 'whatsapp' ? $body->{interactive}{action}{buttons}[0]{reply}{id}
            : $body->{message}{quick_replies}[0]{payload};
        is($quick, 'HELPFUL', 'with quick replies');
        my @asked = map { $_->{path} } grep { $_->{path} =~ m{^/v1/} } $road->graph->calls;
        is_deeply([@asked[-2, -1]], [qw(/v1/chat/completions /v1/messages)],
            'classifier, then writer');

        $road->deliver(%event, text => 'One more enquiry from me');
        is($answers->(), 2, 'its own echo is no colleague');

        $road->deliver(%event, text => 'This is a complaint of mine');
        is($answers->(), 3, 'a complaint: the label\'s own answer');
        $road->deliver(%event, text => 'Hello, another enquiry?');
        is($answers->(), 3, 'and then it keeps quiet');
        my $resumed = $road->ctl('conversation', 'resume', @talk);
        ok(ref $resumed, 'metactl resumes it') or diag $resumed;
        $road->deliver(%event, text => 'Hello, an enquiry again?');
        is($answers->(), 4, 'until it is resumed');
    };

    subtest "$name: a colleague writes from elsewhere" => sub {
        $road->deliver(%event, kind => 'echo', text => 'I take over', $product eq 'messenger'
            ? (app_id => 263902037430900) : ());
        $road->settle;
        my $before = $answers->();
        $road->deliver(%event, text => 'An enquiry for the colleague');
        is($answers->(), $before, 'the assistant keeps quiet');
    };
}

my @dead = $road->dead;
is(scalar @dead, 0, 'nothing is dead') or diag explain \@dead;
$road->finish(secrets => ["sk-openai-$$", "sk-anthropic-$$", 'A colleague will answer']);

done_testing();
