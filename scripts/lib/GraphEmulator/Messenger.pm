# POST /{page-id|me}/messages: Messenger's Send API.
#
# Shapes and limits: reference meta-webhooks 8; errors 10.4.
package GraphEmulator::Messenger;
use Mojo::Base -base, -signatures;

use GraphEmulator::Check;
use GraphEmulator::Error qw(fail);
use GraphEmulator::Route qw(route);
use Mojo::Util qw(b64_encode);

my $check = GraphEmulator::Check->new(
    missing => sub ($name) {
        fail(code => 100, message => "(#100) The parameter $name is required");
    },
    invalid => sub ($name, $why) {
        fail(code => 100, message => "(#100) Param $name $why");
    },
);

my @RECIPIENT = qw(id user_ref comment_id post_id notification_messages_token
    phone_number);
my @TYPES  = qw(RESPONSE UPDATE MESSAGE_TAG);
my @TAGS   = qw(HUMAN_AGENT CUSTOMER_FEEDBACK);
my @SENDER = qw(mark_seen typing_on typing_off react unreact);
my $LINK   = qr{\Ahttps?://[^\s/]+}i;


# Whether the person of a Page's send is one of its Instagram account.
sub is_instagram ($class, $emulator, $account, $recipient) {
    return 0 if !ref $recipient || !defined $recipient->{id};
    return !!$emulator->people->find($account, $recipient->{id});
}


route('POST', 'page', 'messages', sub ($call) { _post($call->{params}) });


# -> body of the answer, and whether a message was taken.
sub _post ($body) {
    my $recipient = $check->object($body, 'recipient');
    my $which = $check->only_one($recipient, 'recipient', @RECIPIENT);
    $check->text($recipient, "recipient.$which");
    my %answer;
    $answer{recipient_id} = "$recipient->{id}" if $which eq 'id';

    if (defined $body->{sender_action}) {
        $check->text($body, 'sender_action', in => \@SENDER);
        $check->invalid->('sender_action', 'stands alone, without message')
            if defined $body->{message};
        return (\%answer, 0);
    }
    _messaging_type($body);
    $check->text($body, 'notification_type', optional => 1,
        in => [qw(REGULAR SILENT_PUSH NO_PUSH)]);
    _message($check->object($body, 'message'));
    $answer{message_id} = 'm_' . b64_encode(
        join('', map { chr int rand 256 } 1 .. 48), '') =~ tr{+/=}{-_}dr;
    return (\%answer, 1);
}


# Three tags are answered with error 100 since 27 April 2026.
sub _messaging_type ($body) {
    my $type = $check->text($body, 'messaging_type', in => \@TYPES);
    if ($type eq 'MESSAGE_TAG') {
        $check->text($body, 'tag', in => \@TAGS);
    }
    elsif (defined $body->{tag}) {
        $check->invalid->('tag', 'needs messaging_type MESSAGE_TAG');
    }
    return;
}


sub _message ($message) {
    my $which = $check->only_one($message, 'message',
        qw(text attachment attachments));
    $check->text($message, 'message.text', max => 1999) if $which eq 'text';
    _attachment($check->object($message, 'message.attachment'))
        if $which eq 'attachment';
    _attachment($_)
        for $which eq 'attachments'
        ? @{ $check->list($message, 'message.attachments', max => 10) } : ();
    $check->text($message, 'message.metadata', max => 999, optional => 1);

    for my $reply (@{ $check->list($message, 'message.quick_replies',
        optional => 1, max => 13) })
    {
        my $type = $check->text($reply, 'quick_replies.content_type',
            in => [qw(text user_phone_number user_email)]);
        next if $type ne 'text';
        $check->text($reply, 'quick_replies.title', max => 20);
        $check->text($reply, 'quick_replies.payload', max => 1000);
        $check->text($reply, 'quick_replies.image_url', like => $LINK,
            optional => 1);
    }
    return;
}


sub _attachment ($attachment) {
    my $type = $check->text($attachment, 'attachment.type',
        in => [qw(image audio video file template)]);
    my $payload = $check->object($attachment, 'attachment.payload');
    return _template($payload) if $type eq 'template';
    my $which = $check->only_one($payload, 'attachment.payload',
        qw(url attachment_id));
    $check->text($payload, "payload.$which",
        like => $which eq 'url' ? $LINK : qr/\A\d+\z/);
    return;
}


# Only the templates of the reference are looked into; others pass.
sub _template ($payload) {
    my $type = $check->text($payload, 'payload.template_type');
    if ($type eq 'generic') {
        for my $element (@{ $check->list($payload, 'payload.elements',
            max => 10) })
        {
            $check->text($element, 'elements.title', max => 80);
            $check->text($element, 'elements.subtitle', max => 80,
                optional => 1);
            $check->invalid->('elements', 'need more than a title')
                if keys %$element < 2;
            _buttons($element, 'elements.buttons', 1);
        }
    }
    elsif ($type eq 'button') {
        $check->text($payload, 'payload.text', max => 640);
        _buttons($payload, 'payload.buttons', 0);
    }
    return;
}


sub _buttons ($object, $name, $optional) {
    for my $button (@{ $check->list($object, $name, max => 3,
        optional => $optional) })
    {
        my $type = $check->text($button, 'buttons.type', in => [
            qw(web_url postback phone_number account_link account_unlink)]);
        next if $type =~ /\Aaccount/;
        $check->text($button, 'buttons.title', max => 20);
        $check->text($button, 'buttons.url', like => $LINK)
            if $type eq 'web_url';
        $check->text($button, 'buttons.payload', max => 1000)
            if $type ne 'web_url';
    }
    return;
}

1;
