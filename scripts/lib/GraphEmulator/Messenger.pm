# POST /{page-id|me}/messages and /{ig-id|me}/messages: the Send API, to
# Messenger's people and to Instagram's.
#
# Shapes and limits: reference meta-webhooks 8 and 9; errors 10.4.  `react` of
# Messenger's people is served as Instagram's is.
package GraphEmulator::Messenger;
use Mojo::Base -strict, -signatures;

use GraphEmulator::Error qw(fail);
use GraphEmulator::Messenger::Check qw($check $LINK);
use GraphEmulator::Messenger::Message qw(message);
use GraphEmulator::Route qw(route);
use Mojo::Util qw(b64_encode);

my @RECIPIENT = qw(id user_ref comment_id post_id notification_messages_token
    phone_number);
my @TYPES  = qw(RESPONSE UPDATE MESSAGE_TAG);
my @SENDER = qw(mark_seen typing_on typing_off react unreact);

use constant PRIVATE => 7 * 86400;      # how long a comment can be answered

# What differs: tags, and the subcodes of the same faults.
my %OF = (
    messenger => { tags => [qw(HUMAN_AGENT CUSTOMER_FEEDBACK)],
        closed => 2018278, nobody => 2018001, mid => 'm_' },
    instagram => { tags => ['HUMAN_AGENT'],
        closed => 2534022, nobody => 2534014, mid => 'aWdfZAG1faXRlbToxOk' },
);


# Whether the person of a Page's send is one of its Instagram account.
sub is_instagram ($class, $emulator, $account, $recipient) {
    return 0 if !ref $recipient;
    my $comment = $emulator->store->get($recipient->{comment_id}, 'ig_comment');
    return $comment->{owner} eq $account if $comment;
    return !!$emulator->people->find($account, $recipient->{id});
}


route('POST', 'page', 'messages', sub ($call) {
    return _post($call, 'messenger', $call->{node})
        if $call->{kind} ne 'instagram';
    return _post($call, 'instagram', $call->{known}{account}{ $call->{node} });
});

# Instagram Login; through a Page the Page's edge is the way.
route('POST', 'instagram', 'messages', sub ($call) {
    return _post($call, 'instagram', $call->{node});
});


# -> body of the answer, and whether a message was taken.
sub _post ($call, $product, $account) {
    my ($body, $of) = ($call->{params}, $OF{$product});
    my $recipient = $check->object($body, 'recipient');
    my $which = $check->only_one($recipient, 'recipient', @RECIPIENT);
    my $user = $check->text($recipient, "recipient.$which");
    my $comment = $which =~ /\A(?:comment|post)_id\z/
        ? _comment($call, $product, $account, $user) : undef;
    $user = $comment->{from} if $comment;
    my %answer;
    $answer{recipient_id} = "$user"
        if defined $user && ($which eq 'id' || $comment);

    if (defined $body->{sender_action}) {
        _sender_action($body);
        return (\%answer, 0);
    }
    my $agent = _messaging_type($body, $of, $product, $comment);
    $check->text($body, 'notification_type', optional => 1,
        in => [qw(REGULAR SILENT_PUSH NO_PUSH)]);
    my $reply = $check->object($body, 'reply_to', optional => 1);
    $check->text($reply, 'reply_to.mid') if $reply;
    _persona($call, $account);
    message($call, $product, $account, $check->object($body, 'message'));
    _may($call, $of, $account, $user, $agent) if $which eq 'id';
    $comment->{replied} = 1 if $comment;

    my $mid = $of->{mid} . b64_encode(
        join('', map { chr int rand 256 } 1 .. 48), '') =~ tr{+/=}{-_}dr;
    $call->{sent} = { id => $mid, user => $user, account => $account, product =>
            $product, message => $body->{message} };
    return ({ %answer, message_id => $mid }, 1);
}


sub _sender_action ($body) {
    my $action = $check->text($body, 'sender_action', in => \@SENDER);
    $check->invalid->('sender_action', 'stands alone, without message')
        if defined $body->{message};
    $check->invalid->('persona_id', 'goes with typing only')
        if defined $body->{persona_id} && $action !~ /\Atyping/;
    return if $action !~ /react/;
    my $payload = $check->object($body, 'payload');
    $check->text($payload, 'payload.message_id');
    $check->text($payload, 'payload.reaction') if $action eq 'react';
    return;
}


# -> whether a human agent answers.  Three tags are answered with error 100
# since 27 April 2026; Instagram and private replies need no messaging_type.
sub _messaging_type ($body, $of, $product, $comment) {
    my $type = $check->text($body, 'messaging_type', in => \@TYPES,
        optional => $product eq 'instagram' || $comment) // '';
    $check->invalid->('tag', 'needs messaging_type MESSAGE_TAG')
        if $type ne 'MESSAGE_TAG' && defined $body->{tag};
    return 0 if $type ne 'MESSAGE_TAG';
    my $tag = $check->text($body, 'tag', in => $of->{tags});
    my $attachment = ref $body->{message} eq 'HASH'
        && $body->{message}{attachment};
    my $payload = ref $attachment eq 'HASH' && $attachment->{payload};
    $check->invalid->('tag', 'CUSTOMER_FEEDBACK is for the feedback template')
        if $tag eq 'CUSTOMER_FEEDBACK' && (ref $payload ne 'HASH'
            || ($payload->{template_type} // '') ne 'customer_feedback');
    return 1;
}


sub _persona ($call, $account) {
    my $id = $check->text($call->{params}, 'persona_id', optional => 1,
        like => qr/\A\d+\z/) // return;
    my $store = $call->{emulator}->store;
    my $persona = $store->get($id, 'persona');
    $check->invalid->('persona_id', 'is no persona of this Page')
        if $persona ? $persona->{owner} ne $account
        : $call->{emulator}->strict || $store->was($id);
    return;
}


# The comment of a private reply: one reply, within seven days, own account's.
sub _comment ($call, $product, $account, $id) {
    my $store = $call->{emulator}->store;
    my $comment = $store->get($id);
    $comment //= $store->add($product eq 'instagram' ? 'ig_comment' : 'comment',
        $account, id => $id) if !$call->{emulator}->strict && !$store->was($id);
    my $why = !$comment || $comment->{owner} ne $account ? 'is not of this account'
        : $comment->{replied} ? 'was answered already'
        : $store->now - $comment->{made} > PRIVATE ? 'is older than 7 days'
        : return $comment;
    fail(code => 100, subcode => 2534025, message =>
            "(#100) Invalid comment for a private reply: it $why");
}


# Known to the account, window open, thread not another app's.
sub _may ($call, $of, $account, $user, $agent) {
    my $emulator = $call->{emulator};
    my $person = $emulator->people->find($account, $user);
    fail(code => 100, subcode => $of->{nobody},
        message => '(#100) No matching user found')
        if !$person && $emulator->strict;
    fail(code => 10, subcode => $of->{closed}, message => '(#10) This message'
            . ' is sent outside of allowed window.')
        if !$emulator->people->open($account, $user, $agent);
    fail(code => 100, subcode => 2018300, message => '(#100) Another app is'
            . ' controlling this thread now.')
        if $person && defined $person->{owner}
        && $person->{owner} ne $emulator->tokens->app_id;
    return;
}

1;
