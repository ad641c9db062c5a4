# POST /{phone-number-id}/messages: every message shape, and read receipts.
#
# Shapes and limits: reference meta-webhooks 7.1 to 7.3; errors 7.6 and 10.4.
package GraphEmulator::WhatsApp;
use Mojo::Base -base, -signatures;

use GraphEmulator::Error qw(fail);
use GraphEmulator::Route qw(route);
use GraphEmulator::WhatsApp::Check qw(current later $check);
use GraphEmulator::WhatsApp::Interactive qw(interactive);
use GraphEmulator::WhatsApp::Media qw(media);
use GraphEmulator::WhatsApp::Templates qw(template);
use Mojo::JSON qw(decode_json);
use Mojo::Util qw(b64_encode);

my $USER = qr/\A[A-Z]{2}\.[A-Za-z0-9.]{1,128}\z/;

my %TYPE = (
    text => sub ($text) {
        $check->text($text, 'text.body', max => 4096);
        $check->invalid->('text.preview_url', 'must be true or false')
            if defined $text->{preview_url}
            && $text->{preview_url} !~ /\A(?:0|1|true|false|)\z/;
    },
    image    => sub ($media) { media($media, 'image', 1024) },
    video    => sub ($media) { media($media, 'video', 1024) },
    audio    => sub ($media) { media($media, 'audio') },
    document => sub ($media) { media($media, 'document', 1024) },
    sticker  => sub ($media) { media($media, 'sticker') },
    location => sub ($location) {
        _degrees($location, 'location.latitude', 90);
        _degrees($location, 'location.longitude', 180);
        $check->text($location, "location.$_", optional => 1)
            for qw(name address);
    },
    reaction => sub ($reaction) {
        _message_id($reaction, 'reaction.message_id');
        $check->text($reaction, 'reaction.emoji', empty => 1, optional => 1);
    },
    interactive => \&interactive,
    template    => \&template,
);


route('POST', 'phone', 'messages', sub ($call) {
    local $GraphEmulator::WhatsApp::Check::current = $call;
    return _post($call);
});

# Only marketing templates, on a number that was onboarded (7.3).
route('POST', 'phone', 'marketing_messages', sub ($call) {
    local $GraphEmulator::WhatsApp::Check::current = $call;
    fail(code => 100, message => '(#100) Param type must be template')
        if ($call->{params}{type} // '') ne 'template';
    $call->{marketing} = 1;
    return _post($call);
});


# -> body of the answer, and whether a message was taken.
sub _post ($call) {
    my $body = $call->{params};
    fail(code => 100,
        message => '(#100) The parameter messaging_product is required.')
        if ($body->{messaging_product} // '') ne 'whatsapp';
    fail(code => 133010, message => '(#133010) Account not registered',
        details => 'The phone number is not registered.')
        if !$call->{emulator}->number($call->{node})->{registered};
    return (_receipt($body), 0) if defined $body->{status};

    my $answer = _recipient($body);
    my $type = $body->{type} // 'text';
    my @types = sort 'contacts', keys %TYPE;
    fail(code => 100, message =>
            "(#100) Param type must be one of {@{[join ', ', map uc, @types]}}")
        if ref $type || !grep { $_ eq $type } @types;

    $check->text($body, 'biz_opaque_callback_data', max => 512, optional => 1);
    my $context = $check->object($body, 'context', optional => 1);
    _message_id($context, 'context.message_id') if $context;

    if ($type eq 'contacts') {
        _contacts($body);
    }
    else {
        $TYPE{$type}->($check->object($body, $type));
    }
    _window($call) if $type ne 'template';
    $answer->{messages}[0]{message_status} = 'accepted' if $type eq 'template';
    $call->{sent} = { id => $answer->{messages}[0]{id}, type => $type,
        user => $call->{user}, group => $answer->{messages}[0]{group_id},
        bsuid => $answer->{contacts}[0]{user_id}, data =>
            $body->{biz_opaque_callback_data}, failed => $call->{failed},
        category => $call->{template} ? lc $call->{template}{category}
            : 'service', voice => $type eq 'audio' && $body->{audio}{voice} };
    $call->{sent}{category} = 'marketing_lite' if $call->{marketing};
    $call->{emulator}->messages->add('message', $call->{node},
        id => $call->{sent}{id}, type => $type);
    return ($answer, 1);
}


# Read receipt, with or without the typing indicator.
sub _receipt ($body) {
    $check->text($body, 'status', in => ['read']);
    $check->text($body, 'message_id', like => qr/\Awamid\./);
    _message_id($body, 'message_id');
    my $typing = $check->object($body, 'typing_indicator', optional => 1);
    $check->text($typing, 'typing_indicator.type', in => ['text']) if $typing;
    return { success => \1 };
}


# A message of the conversation; where the emulator is strict it must have seen
# it: one that it took, or one that it delivered.
sub _message_id ($object, $name) {
    my $id = $check->text($object, $name);
    my $call = current();
    $check->invalid->($name, 'names no message')
        if $call->{emulator}->strict
        && !$call->{emulator}->messages->get($id, 'message');
    return;
}


# Closed: 131047 (7.1: any type but a template needs an open window).
sub _window ($call) {
    return if !defined $call->{user} || $call->{emulator}->people->open(
        $call->{node}, $call->{user});
    later(131047, 'Re-engagement message', 'Message failed to send because'
        . ' more than 24 hours have passed since the customer last replied to'
        . ' this number.');
    return;
}


# `to` is a phone number or a group, `recipient` a user id; a phone wins.
sub _recipient ($body) {
    my $kind = $check->text($body, 'recipient_type', optional => 1,
        in => [qw(individual group)]) // 'individual';
    my %answer = (messaging_product => 'whatsapp',
        messages => [ { id => _wamid() } ]);

    if ($kind eq 'group') {
        my $group = $check->text($body, 'to');
        $answer{contacts} = [ { input => $group, wa_id => $group } ];
        $answer{messages}[0]{group_id} = $group;
        return \%answer;
    }
    if (!defined $body->{to}) {
        fail(code => 100, message => '(#100) The parameter to is required.')
            if !defined $body->{recipient};
        my $user = $check->text($body, 'recipient', like => $USER);
        current()->{user} = $user;
        $answer{contacts} = [ { input => $user, user_id => $user } ];
        return \%answer;
    }
    my $to = $check->text($body, 'to');
    my $digits = $to =~ tr/0-9//cdr;
    $check->invalid->('to', 'is no phone number')
        if $to !~ /\A\+?[\d ()\-]+\z/ || length $digits < 5
        || length $digits > 15;
    my $call = current();
    my $own = $call->{emulator}->number($call->{node})->{display_phone_number};
    fail(code => 131021, message => '(#131021) Recipient cannot be sender',
        details => 'Recipient and sender are the same number.')
        if $digits eq $own;
    $call->{user} = $digits;
    my $known = $call->{emulator}->people->find($call->{node}, $digits);
    $answer{contacts} = [ { input => $to, wa_id => $digits,
        ($known && $known->{bsuid} ? (user_id => $known->{bsuid}) : ()) } ];
    return \%answer;
}


sub _wamid () {
    my $random = join '', map { chr int rand 256 } 1 .. 36;
    return 'wamid.HBgL' . b64_encode($random, '');
}


sub _degrees ($location, $name, $most) {
    my $value = $check->text($location, $name,
        like => qr/\A-?\d{1,3}(?:\.\d+)?\z/);
    $check->invalid->($name, 'is out of range') if abs $value > $most;
    return;
}


# An array; one client in the field sends it as JSON text (samples/outbound).
sub _contacts ($body) {
    my $list = $body->{contacts};
    $list = eval { decode_json($list) } // $list
        if defined $list && !ref $list;
    for my $contact (@{ $check->list({ contacts => $list }, 'contacts') }) {
        my $name = $check->object($contact, 'contacts.name');
        $check->text($name, 'contacts.name.formatted_name');
    }
    return;
}


1;
