# The interactive messages of WhatsApp: buttons, list, link, flow, products.
#
# Shapes and limits: reference meta-webhooks 7.2; the ten cards of a carousel
# are general knowledge.
package GraphEmulator::WhatsApp::Interactive;
use Mojo::Base -strict, -signatures;

use Exporter 'import';
use GraphEmulator::WhatsApp::Check qw($check $LINK);
use GraphEmulator::WhatsApp::Media qw(media);

our @EXPORT_OK = qw(interactive);


sub _header ($interactive, $text_only) {
    my $header = $check->object($interactive, 'interactive.header',
        optional => 1) // return undef;
    my $type = $check->text($header, 'interactive.header.type', in => $text_only
        ? ['text'] : [qw(text image video document)]);
    return $check->text($header, 'interactive.header.text', max => 60)
        if $type eq 'text';
    return media($check->object($header, "interactive.header.$type"), $type);
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
        for my $card (@{ $check->list($action, 'action.cards', max => 10) }) {
            $check->text($card, 'cards.card_index', like => qr/\A\d\z/);
            $check->object($card, 'cards.header');
            _header({ 'header' => $card->{header} }, 0);
            $check->object($card, 'cards.action');
        }
    },
    call_permission_request => sub ($action) {
        $check->text($action, 'action.name', in => ['call_permission_request']);
    },
    voice_call => sub ($action) {
        $check->text($action, 'action.name', in => ['voice_call']);
    },
);


sub interactive ($interactive) {
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

1;
