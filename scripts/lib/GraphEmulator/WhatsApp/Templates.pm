# WhatsApp's templates: list, create, edit, delete, and whether a send fits one.
#
# Calls and limits: reference meta-webhooks 7.3, 7.5; errors 10.4.  Meta's
# review takes no time here; a name that is taken is answered with 100/2388024
# (general knowledge).
package GraphEmulator::WhatsApp::Templates;
use Mojo::Base -strict, -signatures;

use Exporter 'import';
use GraphEmulator::Check;
use GraphEmulator::Error qw(fail);
use GraphEmulator::Node qw(fields);
use GraphEmulator::Page qw(page);
use GraphEmulator::Route qw(route);
use GraphEmulator::WhatsApp::Check qw(current later $check);
use GraphEmulator::WhatsApp::Media qw(media);

our @EXPORT_OK = qw(template);

use constant { MAX => 6000, HOUR_MAX => 100, DAY => 86400 };

my $given = GraphEmulator::Check->new(
    missing => sub ($name) {
        fail(code => 100, message => "(#100) The parameter $name is required.");
    },
    invalid => sub ($name, $why) {
        fail(code => 100, message => "(#100) Param $name $why");
    },
);
my %STOPPED = (PAUSED => [ 132015, 'Template is Paused' ],
    DISABLED => [ 132016, 'Template is Disabled' ]);
my @STATUS = qw(APPROVED ARCHIVED DELETED DISABLED FLAGGED IN_APPEAL
    LIMIT_EXCEEDED LOCKED PAUSED PENDING REINSTATED PENDING_DELETION REJECTED);


# --- what a send says of its template ---


sub template ($template) {
    my $call = current();
    my $name = $check->text($template, 'template.name', max => 512,
        like => qr/\A[a-z0-9_]+\z/);
    my $language = $check->object($template, 'template.language');
    my $code = $check->text($language, 'template.language.code');
    my $components = $check->list($template, 'template.components',
        optional => 1, min => 0);
    _component($_) for @$components;

    my $known = $call->{template} = _approved($call, $name, $code) or return;
    my $to = $call->{params};
    fail(code => 131062, message => '(#131062) Business-scoped user id is not'
            . ' allowed for this message', details =>
            'Authentication templates need a phone number.')
        if $known->{category} eq 'AUTHENTICATION' && !defined $to->{to};
    fail(code => 131055, message => '(#131055) Method not allowed',
        details => 'Only marketing templates.')
        if $call->{marketing} && $known->{category} ne 'MARKETING';
    my $person = $call->{emulator}->people->find($call->{node}, $call->{user});
    later(131050, 'Unable to deliver the message. This recipient has chosen to'
            . ' stop receiving marketing messages on WhatsApp from your'
            . ' business', 'The user stopped marketing messages.')
        if $known->{category} eq 'MARKETING' && $person && $person->{stopped};
    _fits($known, $components);
    return;
}


sub _component ($component) {
    my @types = qw(header body footer button carousel limited_time_offer);
    my $type = lc $check->text($component, 'component.type');
    $check->invalid->('component.type', 'must be one of ' . join ', ', @types)
        if !grep { $_ eq $type } @types;
    if ($type eq 'button') {
        $check->text($component, 'component.sub_type');
        $check->text($component, 'component.index', like => qr/\A\d\z/);
    }
    if ($type eq 'carousel') {
        for my $card (@{ $check->list($component, 'carousel.cards',
            max => 10) })
        {
            _component($_) for @{ $check->list($card, 'cards.components') };
        }
    }
    for my $parameter (@{ $check->list($component, 'component.parameters',
        optional => 1, min => 0) })
    {
        my $is = lc $check->text($parameter, 'parameter.type');
        $check->text($parameter, 'parameter.text') if $is eq 'text';
        media($check->object($parameter, "parameter.$is"), $is)
            if $is =~ /\A(?:image|video|document)\z/;
        $check->object($parameter, "parameter.$is")
            if $is =~ /\A(?:currency|date_time|action|limited_time_offer)\z/;
    }
    return;
}


# The template, if it may be sent; undef when the emulator knows nothing of it.
sub _approved ($call, $name, $code) {
    my $emulator = $call->{emulator};
    my $waba = $call->{known}{account}{ $call->{node} };
    my @named = grep { $_->{name} eq $name }
        $emulator->store->all('template', $waba);
    return undef if !@named && !$emulator->strict;
    my ($known) = grep { $_->{language} eq $code } @named;
    my $status = $known ? $known->{status} : '';
    if (my $stopped = $STOPPED{$status}) {
        fail(code => $stopped->[0], message => "(#$stopped->[0]) $stopped->[1]",
            details => "Template $name is \L$status.");
    }
    fail(code => 132001, status => 404, details => "template name ($name) does"
            . " not exist in $code", message => '(#132001) Template name does'
            . ' not exist in the translation')
        if $status !~ /\A(?:APPROVED|FLAGGED|REINSTATED)\z/;
    return $known;
}


sub _holes ($text) {
    my %seen;
    return grep { !$seen{$_}++ } ($text // '') =~ /\{\{\s*(\w+)\s*\}\}/g;
}


# The parameters of a send against the template's components.
sub _fits ($known, $components) {
    my %sent = map { lc $_->{type} => $_ }
        grep { lc $_->{type} ne 'button' } @$components;
    for my $part (@{ $known->{components} }) {
        my $type = lc $part->{type};
        next if $type !~ /\A(?:header|body)\z/;
        my $parameters = ($sent{$type} // {})->{parameters} // [];
        my $format = $type eq 'header' ? lc($part->{format} // 'text') : 'text';
        $format eq 'text' ? _texts($known, $type, $part, $parameters)
            : _header($format, $parameters);
    }
    my ($buttons) = grep { lc $_->{type} eq 'buttons' } @{ $known->{components} };
    my @buttons = @{ ($buttons // {})->{buttons} // [] };
    for my $i (0 .. $#buttons) {
        next if uc $buttons[$i]{type} ne 'URL' || !_holes($buttons[$i]{url});
        fail(code => 131008, message => '(#131008) Required parameter is'
                . ' missing', details => "buttons: Button at index $i of type"
                . ' Url requires a parameter')
            if !grep { lc $_->{type} eq 'button' && $_->{index} == $i
                && @{ $_->{parameters} // [] } } @$components;
    }
    return;
}


sub _texts ($known, $type, $part, $parameters) {
    my @holes = _holes($part->{text});
    fail(code => 132000, message => '(#132000) Number of parameters does not'
            . ' match the expected number of params', details => "$type: number"
            . ' of localizable_params (' . @$parameters . ') does not match the'
            . ' expected number of params (' . @holes . ')')
        if @holes != @$parameters;
    if (($known->{parameter_format} // '') eq 'NAMED') {
        my %named = map { ($_->{parameter_name} // '') => 1 } @$parameters;
        $named{$_} or fail(code => 132012, message => '(#132012) Parameter'
                . ' format does not match format in the created template',
            details => "$type: no parameter is named $_") for @holes;
    }
    my $length = length($part->{text} // '');
    $length += length($_->{text} // '') for @$parameters;
    fail(code => 132005, message => '(#132005) Translated text too long',
        details => "$type: $length characters, the limit is 1024")
        if $length > 1024;
    return;
}


sub _header ($format, $parameters) {
    my $is = @$parameters ? lc $parameters->[0]{type} : '';
    fail(code => 132012, message => '(#132012) Parameter format does not match'
            . ' format in the created template', details => "header: Format"
            . " mismatch, expected \U$format\E, received "
            . ($is eq '' ? 'UNKNOWN' : uc $is)) if $is ne $format;
    return;
}


# --- the management calls ---


sub shown ($template) {
    my %shown = map { $_ => $template->{$_} } grep { defined $template->{$_} }
        qw(id name language status category components parameter_format
        message_send_ttl_seconds rejected_reason quality_score);
    return \%shown;
}


sub _list ($call) {
    my $params = $call->{params};
    my @found = $call->{emulator}->store->all('template', $call->{node});
    for my $name (qw(name status language category)) {
        my $want = $params->{$name} // next;
        @found = grep { $name eq 'name' ? index($_->{name}, $want) >= 0
            : lc $_->{$name} eq lc $want } @found;
    }
    my @all = qw(name status language category components parameter_format
        message_send_ttl_seconds rejected_reason quality_score);
    my $default = $params->{fields}
        // 'name,parameter_format,components,language,status,category';
    return (page($call, map { fields($call,
        { (map { $_ => undef } @all), %{ shown($_) } }, $default) } @found), 0);
}


# What can be said of a template's parts; throws.
sub _check_parts ($body) {
    my %types;
    for my $part (@{ $given->list($body, 'components') }) {
        my $type = uc $given->text($part, 'components.type');
        $given->invalid->('components', "hold two of type $type")
            if $types{$type}++;
        if ($type eq 'HEADER') {
            my $format = $given->text($part, 'components.format', in =>
                [qw(TEXT IMAGE VIDEO DOCUMENT LOCATION PRODUCT)]);
            $given->text($part, 'components.text', max => 60)
                if $format eq 'TEXT';
        }
        $given->text($part, 'components.text', max => 1024,
            optional => uc($body->{category} // '') eq 'AUTHENTICATION')
            if $type eq 'BODY';
        $given->text($part, 'components.text', max => 60, optional => 1)
            if $type eq 'FOOTER';
        _check_buttons($part) if $type eq 'BUTTONS';
        _check_example($part) if $type eq 'BODY' || $type eq 'HEADER';
    }
    return;
}


sub _check_buttons ($part) {
    for my $button (@{ $given->list($part, 'components.buttons', max => 10) }) {
        my $type = uc $given->text($button, 'buttons.type');
        $given->text($button, 'buttons.text', max => 25,
            optional => $type !~ /\A(?:URL|QUICK_REPLY|PHONE_NUMBER)\z/);
        $given->text($button, 'buttons.url', max => 2000) if $type eq 'URL';
    }
    return;
}


# Text with holes is refused without an example of what goes in.
sub _check_example ($part) {
    return if !_holes($part->{text}) || ref $part->{example} eq 'HASH';
    fail(code => 100, subcode => 2388043,
        message => '(#100) Invalid parameter', user_msg => 'Message template'
            . " \"components\" param is missing expected field(s): example");
}


sub _create ($call) {
    my ($body, $store) = ($call->{params}, $call->{emulator}->store);
    my $name = $given->text($body, 'name', max => 512,
        like => qr/\A[a-z0-9_]+\z/);
    my $language = $given->text($body, 'language', like => qr/\A[a-zA-Z_]{2,10}\z/);
    my $category = $given->text($body, 'category',
        in => [qw(MARKETING UTILITY AUTHENTICATION)]);
    $given->text($body, 'parameter_format', optional => 1,
        in => [qw(NAMED POSITIONAL named positional)]);
    _check_parts($body);
    my @there = $store->all('template', $call->{node});
    fail(code => 100, subcode => 2388024, message => '(#100) Invalid parameter',
        user_msg => 'Content in this language already exists')
        if grep { $_->{name} eq $name && $_->{language} eq $language } @there;
    fail(code => 100, subcode => 2388017, message => '(#100) Invalid parameter',
        user_msg => "The limit is ${\MAX} templates") if @there >= MAX;
    fail(code => 80008, message => '(#80008) There have been too many calls to'
            . ' this WhatsApp Business account')
        if HOUR_MAX <= grep { $_->{made} > $store->now - 3600
            && !$_->{given} } @there;

    my $template = $store->add('template', $call->{node}, status => 'PENDING',
        edits => [], map { $_ => $body->{$_} } qw(name language category
        components parameter_format message_send_ttl_seconds));
    $template->{parameter_format} = uc($template->{parameter_format}
        // 'POSITIONAL');
    my %answer = map { $_ => $template->{$_} } qw(id status category);
    _review($call, $template);
    return (\%answer, 0);
}


sub _review ($call, $template) {
    set($call->{emulator}, $template, 'APPROVED')
        if $call->{emulator}->review eq 'at-once';
    return;
}


# Gives a template a status and tells whoever listens (3.1).
sub set ($emulator, $template, $status, $reason = 'NONE') {
    $template->{status} = $status;
    $emulator->after->account($template->{owner},
        'message_template_status_update', { event => $status,
            message_template_id => $template->{id} + 0,
            message_template_name => $template->{name},
            message_template_language => $template->{language},
            message_template_category => $template->{category},
            reason => $reason });
    return;
}


# One edit in 24 hours, ten in 30 days, of what is approved.
sub _edit ($call) {
    my ($body, $template) = @{$call}{qw(params thing)};
    my $now = $call->{emulator}->store->now;
    my $edits = $template->{edits} //= [];
    @$edits = grep { $_ > $now - 30 * DAY } @$edits;
    fail(code => 100, subcode => 2388003, message => '(#100) Invalid parameter',
        user_msg => 'An approved template can be edited once in 24 hours and'
            . ' ten times in 30 days')
        if $template->{status} eq 'APPROVED'
        && (@$edits >= 10 || grep { $_ > $now - DAY } @$edits);
    $given->text($body, 'category', optional => 1,
        in => [qw(MARKETING UTILITY AUTHENTICATION)]);
    _check_parts($body) if defined $body->{components};
    push @$edits, $now if $template->{status} eq 'APPROVED';
    defined $body->{$_} and $template->{$_} = $body->{$_}
        for qw(category components message_send_ttl_seconds parameter_format);
    $template->{status} = 'PENDING';
    _review($call, $template);
    return ({ success => \1 }, 0);
}


# By name all languages; with hsm_id that one.
sub _delete ($call) {
    my ($params, $store) = ($call->{params}, $call->{emulator}->store);
    my $name = $given->text($params, 'name');
    my @gone = grep { $_->{name} eq $name
        && (!defined $params->{hsm_id} || $_->{id} eq $params->{hsm_id}) }
        $store->all('template', $call->{node});
    fail(code => 100, subcode => 2593002, message => '(#100) Invalid parameter',
        user_msg => "Message template \"$name\" not found") if !@gone;
    $store->remove($_->{id}) for @gone;
    return ({ success => \1 }, 0);
}


# {waba, name, language, status?, category?, components?, ...}: made or changed
# by whoever tests.
sub give ($class, $emulator, $spec) {
    my ($waba, $name, $language) = map { $spec->{$_}
        // die "a template has waba, name and language\n" }
        qw(waba name language);
    my $status = uc($spec->{status} // 'APPROVED');
    die "status is one of @STATUS\n" if !grep { $_ eq $status } @STATUS;
    my ($known) = grep { $_->{name} eq $name && $_->{language} eq $language }
        $emulator->store->all('template', $waba);
    my $is = $known // $emulator->store->add('template', $waba, given => 1,
        name => $name, language => $language, status => '', edits => [],
        category => 'UTILITY', components => [ { type => 'BODY', text => 'x' } ],
        parameter_format => 'POSITIONAL');
    defined $spec->{$_} and $is->{$_} = $spec->{$_}
        for qw(category components parameter_format);
    if ($is->{status} ne $status) {
        $known ? set($emulator, $is, $status, $spec->{reason} // 'NONE')
            : ($is->{status} = $status);
    }
    return $is->{id};
}

route('GET', 'waba', 'message_templates', \&_list);
route('POST', 'waba', 'message_templates', \&_create);
route('DELETE', 'waba', 'message_templates', \&_delete);
route('POST', 'template', '', \&_edit);
route('GET', 'template', '', sub ($call) {
    return (fields($call, shown($call->{thing}),
        'name,language,status,category,components'), 0);
});

1;
