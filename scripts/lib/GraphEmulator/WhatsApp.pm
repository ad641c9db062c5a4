# POST /{phone-number-id}/messages: every message shape, and read receipts.
#
# Shapes and limits: reference meta-webhooks 7.1 to 7.3; errors 7.6 and 10.4.
package GraphEmulator::WhatsApp;
use Mojo::Base -base, -signatures;

use GraphEmulator::Check;
use GraphEmulator::Error qw(fail);
use Mojo::JSON qw(decode_json);
use Mojo::Util qw(b64_encode);

my $check = GraphEmulator::Check->new(
    missing => sub ($name) {
        fail(code => 131008, details => "The parameter $name is required.",
            message => '(#131008) Required parameter is missing');
    },
    invalid => sub ($name, $why) {
        fail(code => 131009, details => "The parameter $name $why.",
            message => '(#131009) Parameter value is not valid');
    },
);

my $ID   = qr/\A\d{1,32}\z/;
my $LINK = qr{\Ahttps?://[^\s/]+}i;
my $USER = qr/\A[A-Z]{2}\.[A-Za-z0-9.]{1,128}\z/;

my %TYPE = (
    text => sub ($text) {
        $check->text($text, 'text.body', max => 4096);
    },
    image    => sub ($media) { _media($media, 'image', 1024) },
    video    => sub ($media) { _media($media, 'video', 1024) },
    audio    => sub ($media) { _media($media, 'audio') },
    document => sub ($media) { _media($media, 'document', 1024) },
    sticker  => sub ($media) { _media($media, 'sticker') },
    location => sub ($location) {
        _degrees($location, 'location.latitude', 90);
        _degrees($location, 'location.longitude', 180);
        $check->text($location, "location.$_", optional => 1)
            for qw(name address);
    },
    reaction => sub ($reaction) {
        $check->text($reaction, 'reaction.message_id');
        $check->text($reaction, 'reaction.emoji', empty => 1, optional => 1);
    },
    interactive => \&_interactive,
    template    => \&_template,
);


# -> body of the answer, and whether a message was taken.
sub post ($class, $body) {
    fail(code => 100,
        message => '(#100) The parameter messaging_product is required.')
        if ($body->{messaging_product} // '') ne 'whatsapp';
    return ($class->_receipt($body), 0) if defined $body->{status};

    my $answer = _recipient($body);
    my $type = $body->{type} // 'text';
    my @types = sort 'contacts', keys %TYPE;
    fail(code => 100, message =>
            "(#100) Param type must be one of {@{[join ', ', map uc, @types]}}")
        if ref $type || !grep { $_ eq $type } @types;

    $check->text($body, 'biz_opaque_callback_data', max => 512, optional => 1);
    my $context = $check->object($body, 'context', optional => 1);
    $check->text($context, 'context.message_id') if $context;

    if ($type eq 'contacts') {
        _contacts($body);
    }
    else {
        $TYPE{$type}->($check->object($body, $type));
    }
    $answer->{messages}[0]{message_status} = 'accepted' if $type eq 'template';
    return ($answer, 1);
}


# Read receipt, with or without the typing indicator.
sub _receipt ($class, $body) {
    $check->text($body, 'status', in => ['read']);
    $check->text($body, 'message_id', like => qr/\Awamid\./);
    my $typing = $check->object($body, 'typing_indicator', optional => 1);
    $check->text($typing, 'typing_indicator.type', in => ['text']) if $typing;
    return { success => \1 };
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
        $answer{contacts} = [ { input => $user, user_id => $user } ];
        return \%answer;
    }
    my $to = $check->text($body, 'to');
    my $digits = $to =~ tr/0-9//cdr;
    $check->invalid->('to', 'is no phone number')
        if $to !~ /\A\+?[\d ()\-]+\z/ || length $digits < 5
        || length $digits > 15;
    $answer{contacts} = [ { input => $to, wa_id => $digits } ];
    return \%answer;
}


sub _wamid () {
    my $random = join '', map { chr int rand 256 } 1 .. 36;
    return 'wamid.HBgL' . b64_encode($random, '');
}


sub _media ($media, $name, $caption = 0) {
    my $which = $check->only_one($media, $name, qw(id link));
    $check->text($media, "$name.$which",
        like => $which eq 'id' ? $ID : $LINK);
    $check->invalid->("$name.caption", 'is not allowed here')
        if defined $media->{caption} && !$caption;
    $check->text($media, "$name.caption", max => $caption, optional => 1);
    $check->text($media, "$name.filename", optional => 1);
    return;
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


sub _header ($interactive, $text_only) {
    my $header = $check->object($interactive, 'interactive.header',
        optional => 1) // return undef;
    my $type = $check->text($header, 'interactive.header.type', in => $text_only
        ? ['text'] : [qw(text image video document)]);
    return $check->text($header, 'interactive.header.text', max => 60)
        if $type eq 'text';
    return _media($check->object($header, "interactive.header.$type"), $type);
}


my %BODY_MAX = (list => 4096);
my %NEEDS_BODY = map { $_ => 1 } qw(button list cta_url flow
    location_request_message address_message catalog_message product_list
    carousel call_permission_request voice_call);

my %ACTION = (
    button   => \&_buttons,
    list     => \&_list,
    cta_url  => sub ($action) {
        my $parameters = _named_action($action, 'cta_url');
        $check->text($parameters, 'parameters.display_text', max => 20);
        $check->text($parameters, 'parameters.url', like => $LINK);
    },
    flow => sub ($action) {
        my $parameters = _named_action($action, 'flow');
        $check->text($parameters, 'parameters.flow_message_version');
        $check->text($parameters, 'parameters.'
                . $check->only_one($parameters, 'parameters',
                    qw(flow_id flow_name)));
        $check->text($parameters, 'parameters.flow_cta', max => 30);
    },
    location_request_message => sub ($action) {
        $check->text($action, 'action.name', in => ['send_location']);
    },
    address_message => sub ($action) {
        my $parameters = _named_action($action, 'address_message');
        $check->text($parameters, 'parameters.country');
    },
    catalog_message => sub ($action) {
        $check->text($action, 'action.name', in => ['catalog_message']);
    },
    product => sub ($action) {
        $check->text($action, 'action.catalog_id');
        $check->text($action, 'action.product_retailer_id');
    },
    product_list => sub ($action) {
        $check->text($action, 'action.catalog_id');
        for my $section (@{ $check->list($action, 'action.sections') }) {
            $check->text($section, 'sections.title', optional => 1);
            $check->text($_, 'product_items.product_retailer_id')
                for @{ $check->list($section, 'sections.product_items') };
        }
    },
    carousel => sub ($action) {
        $check->object($_, 'cards.action')
            for @{ $check->list($action, 'action.cards') };
    },
    call_permission_request => sub ($action) {
        $check->text($action, 'action.name', in => ['call_permission_request']);
    },
    voice_call => sub ($action) {
        $check->text($action, 'action.name', in => ['voice_call']);
    },
);


sub _interactive ($interactive) {
    my $type = $check->text($interactive, 'interactive.type',
        in => [ sort keys %ACTION ]);
    my $header = _header($interactive, scalar $type =~ /list/);
    $check->missing->('interactive.header')
        if $type eq 'product_list' && !defined $header;
    my $body = $check->object($interactive, 'interactive.body',
        optional => !$NEEDS_BODY{$type});
    $check->text($body, 'interactive.body.text',
        max => $BODY_MAX{$type} // 1024) if $body;
    my $footer = $check->object($interactive, 'interactive.footer',
        optional => 1);
    $check->text($footer, 'interactive.footer.text', max => 60) if $footer;
    $ACTION{$type}->($check->object($interactive, 'interactive.action'));
    return;
}


sub _named_action ($action, $name) {
    $check->text($action, 'action.name', in => [$name]);
    return $check->object($action, 'action.parameters');
}


sub _buttons ($action) {
    my %seen;
    for my $button (@{ $check->list($action, 'action.buttons', max => 3) }) {
        $check->text($button, 'buttons.type', in => ['reply']);
        my $reply = $check->object($button, 'buttons.reply');
        $check->text($reply, 'reply.id', max => 256);
        my $title = $check->text($reply, 'reply.title', max => 20);
        $check->invalid->('reply.title', 'must be unique') if $seen{$title}++;
    }
    return;
}


sub _list ($action) {
    $check->text($action, 'action.button', max => 20);
    my $sections = $check->list($action, 'action.sections', max => 10);
    my $rows = 0;
    for my $section (@$sections) {
        $check->text($section, 'section.title', max => 24,
            optional => @$sections == 1);
        for my $row (@{ $check->list($section, 'section.rows') }) {
            $rows++;
            $check->text($row, 'row.id', max => 200);
            $check->text($row, 'row.title', max => 24);
            $check->text($row, 'row.description', max => 72, optional => 1);
        }
    }
    $check->invalid->('action.sections', "hold $rows rows, the limit is 10")
        if $rows > 10;
    return;
}


sub _template ($template) {
    $check->text($template, 'template.name', max => 512,
        like => qr/\A[a-z0-9_]+\z/);
    my $language = $check->object($template, 'template.language');
    $check->text($language, 'template.language.code');
    my @types = qw(header body footer button carousel limited_time_offer);
    for my $component (@{ $check->list($template, 'template.components',
        optional => 1, min => 0) })
    {
        my $type = lc $check->text($component, 'component.type');
        $check->invalid->('component.type', 'must be one of ' . join ', ',
            @types) if !grep { $_ eq $type } @types;
        if ($type eq 'button') {
            $check->text($component, 'component.sub_type');
            $check->text($component, 'component.index', like => qr/\A\d\z/);
        }
        $check->text($_, 'parameter.type')
            for @{ $check->list($component, 'component.parameters',
                optional => 1, min => 0) };
    }
    return;
}

1;
