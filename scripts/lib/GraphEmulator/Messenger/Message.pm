# What a message to Messenger or Instagram may hold: text, quick replies,
# attachments, templates.
#
# Shapes and limits: reference meta-webhooks 8 and 9.
package GraphEmulator::Messenger::Message;
use Mojo::Base -strict, -signatures;

use Exporter 'import';
use GraphEmulator::Error qw(fail);
use GraphEmulator::Messenger::Check qw($check $LINK);

our @EXPORT_OK = qw(attachment message);


sub message ($call, $product, $account, $message) {
    my $instagram = $product eq 'instagram';
    my $which = $check->only_one($message, 'message',
        qw(text attachment attachments));
    if ($which eq 'text') {
        my $text = $check->text($message, 'message.text',
            $instagram ? () : (max => 1999));
        utf8::encode($text);
        $check->invalid->('message.text', length($text)
            . ' bytes, the limit is 1000')
            if $instagram && length $text > 1000;
    }
    attachment($call, $product, $account,
        $check->object($message, 'message.attachment'))
        if $which eq 'attachment';
    if ($which eq 'attachments') {
        my $all = ref $message->{attachments} eq 'HASH'
            ? [ $message->{attachments} ] : $check->list($message,
            'message.attachments', max => $instagram ? 10 : 30);
        attachment($call, $product, $account, $_) for @$all;
    }
    $check->text($message, 'message.metadata', max => 999, optional => 1);
    _quick_replies($message);
    return;
}


sub _quick_replies ($message) {
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


sub attachment ($call, $product, $account, $attachment) {
    my $type = $check->text($attachment, 'attachment.type', in => [
        qw(image audio video file template), $product eq 'instagram'
        ? qw(like_heart MEDIA_SHARE) : () ]);
    return if $type eq 'like_heart';
    my $payload = $check->object($attachment, 'attachment.payload');
    return _template($payload) if $type eq 'template';
    return $check->text($payload, 'payload.id') if $type eq 'MEDIA_SHARE';
    my $which = $check->only_one($payload, 'attachment.payload',
        qw(url attachment_id));
    my $value = $check->text($payload, "payload.$which",
        like => $which eq 'url' ? $LINK : qr/\A\d+\z/);
    return if $which eq 'url';
    my $store = $call->{emulator}->store;
    my $known = $store->get($value, 'attachment');
    fail(code => 100, subcode => 2018074, message =>
            '(#100) Invalid attachment_id: not of this account')
        if $known ? $known->{owner} ne $account
        : $call->{emulator}->strict || $store->was($value);
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
    elsif ($type eq 'media') {
        my ($element) = @{ $check->list($payload, 'payload.elements', max => 1) };
        $check->text($element, 'elements.media_type', in => [qw(image video)]);
        $check->only_one($element, 'elements', qw(url attachment_id));
        _buttons($element, 'elements.buttons', 1);
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
