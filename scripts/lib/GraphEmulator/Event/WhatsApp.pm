# WhatsApp's events from a short form (reference meta-webhooks 3).
package GraphEmulator::Event::WhatsApp;
use Mojo::Base -strict, -signatures;

use GraphEmulator::WhatsApp::Media;
use Mojo::JSON qw(false);
use Mojo::Util qw(b64_decode b64_encode);

my %MIME = (image => 'image/jpeg', video => 'video/mp4', sticker =>
    'image/webp', audio => 'audio/ogg; codecs=opus', document =>
    'application/pdf');

my %KIND = (message => \&_message, status => \&_status, edit => \&_edit,
    unsend => \&_revoke, reaction => \&_reaction, postback => \&_postback,
    echo => \&_echo, preference => \&_preference, template => \&_template,
    system => \&_system, partner_added => \&_partner_added);


sub entry_id ($class, $emulator, $account) {
    for my $token (values %{ $emulator->tokens->known }) {
        return $token->{account}{$account}
            if defined $token->{account}{$account};
    }
    return $account;
}


# -> {changes => a change}, and the id of what it holds.
sub item ($class, $emulator, $account, $one) {
    my $kind = $one->{kind} // 'message';
    return { changes => { field => $one->{field}, value => $one->{value} } }
        if defined $one->{field};
    my $make = $KIND{$kind}
        or die "kind of WhatsApp is one of @{[sort keys %KIND]}, or field and"
        . " value are given\n";
    my ($field, $value, $id) = $make->($emulator, $account, $one);
    return ({ changes => { field => $field, value => $value } }, $id);
}


# All items in one change: the first one's, with the others' parts.
sub join ($class, @items) {
    my ($first, @more) = map { $_->{changes} } @items;
    my %seen;
    for my $change (@more) {
        push @{ $first->{value}{$_} }, @{ $change->{value}{$_} // [] }
            for grep { $_ ne 'contacts' } qw(messages statuses message_echoes);
        push @{ $first->{value}{contacts} }, @{ $change->{value}{contacts} // [] };
    }
    $first->{value}{contacts} = [ grep { !$seen{ $_->{wa_id} // $_->{user_id} }++ }
        @{ $first->{value}{contacts} } ] if $first->{value}{contacts};
    delete @{ $first->{value} }{ grep { ref $first->{value}{$_} eq 'ARRAY'
        && !@{ $first->{value}{$_} } } qw(messages statuses message_echoes) };
    return { changes => $first };
}


# Who shares an account: account, owner; those of who is logged in are the
# default (meta-graph 3.4).
sub _partner_added ($emulator, $account, $one) {
    my $login = $emulator->login;
    my ($waba, $business) = $login->waba($login->user, $account);
    my %info = (waba_id => $account // ($waba // {})->{id}
            // die("account is needed: nobody has one\n"),
        owner_business_id => $one->{owner} // ($business // {})->{id} // '0');
    return ('account_update', { event => 'PARTNER_ADDED', waba_info => {
        map { $_ => "$info{$_}" } keys %info } });
}


sub _value ($emulator, $account, %more) {
    return { messaging_product => 'whatsapp', metadata => {
        display_phone_number =>
            $emulator->number($account)->{display_phone_number},
        phone_number_id => "$account" }, %more };
}


sub _from ($one) {
    return defined $one->{from} ? "$one->{from}" =~ s/\A\+//r
        : defined $one->{bsuid} ? undef
        : GraphEmulator::Event::from('whatsapp');
}


sub _wamid ($one) {
    return $one->{id} // 'wamid.HBgN' . b64_encode(
        CORE::join('', map { chr int rand 256 } 1 .. 24), '');
}


# messages[] with its contact; the member of its type is in %message.
sub _inbound ($emulator, $account, $one, %message) {
    my ($from, $id) = (_from($one), _wamid($one));
    my %contact = (profile => { name => $one->{name} // 'Thandi',
        defined $one->{username} ? (username => $one->{username}) : () });
    $contact{wa_id} = $message{from} = $from if defined $from;
    $contact{user_id} = $message{from_user_id} = $one->{bsuid}
        if defined $one->{bsuid};
    $message{context} = { id => $one->{reply_to} }
        if defined $one->{reply_to};
    $message{$_} = $one->{$_}
        for grep { defined $one->{$_} } qw(referral group_id context);
    return ('messages', _value($emulator, $account, contacts => [ \%contact ],
        messages => [ { id => $id, timestamp => '' . int $one->{time},
            %message } ]), $id);
}


sub _message ($emulator, $account, $one) {
    my $type = $one->{type} // 'text';
    my $object = $one->{$type};
    if (!ref $object) {
        $object = $type eq 'text' ? { body => $one->{text} // 'Hello' }
            : $MIME{$type} ? _media($emulator, $account, $one, $type)
            : die "a message of type $type is given whole, as \"$type\"\n";
    }
    return _inbound($emulator, $account, $one, type => $type,
        $type => $object);
}


# Media that can be fetched: file {mime, bytes (base64), filename}, else a few
# bytes.
sub _media ($emulator, $account, $one, $type) {
    my $file = $one->{file} // {};
    my $mime = $file->{mime} // $MIME{$type};
    my $bytes = defined $file->{bytes} ? b64_decode($file->{bytes})
        : "emulated $type";
    my ($id, $sha256) = GraphEmulator::WhatsApp::Media->of_webhook($emulator,
        $account, $mime, $bytes);
    my %media = (id => $id, mime_type => $mime, sha256 => $sha256);
    $media{caption} = $one->{text} if defined $one->{text};
    $media{filename} = $file->{filename} // 'a.pdf' if $type eq 'document';
    $media{voice} = false if $type eq 'audio';
    return \%media;
}


# A tap: on a button, on a row (list: true), on a template's (template: true).
sub _postback ($emulator, $account, $one) {
    my ($title, $payload) = ($one->{text} // 'Tap', $one->{payload} // 'TAP');
    return _inbound($emulator, $account, $one, type => 'button',
        button => { text => $title, payload => $payload })
        if $one->{template};
    my $reply = $one->{list} ? 'list_reply' : 'button_reply';
    return _inbound($emulator, $account, $one, type => 'interactive',
        interactive => { type => $reply,
            $reply => { id => $payload, title => $title } });
}


sub _target ($one) {
    return $one->{message} // die "message names which one\n";
}


sub _reaction ($emulator, $account, $one) {
    return _inbound($emulator, $account, $one, type => 'reaction', reaction => {
        message_id => _target($one), emoji => $one->{emoji} // "\x{1F44D}" });
}


sub _edit ($emulator, $account, $one) {
    return _inbound($emulator, $account, $one, type => 'edit', edit => {
        original_message_id => _target($one), message => { type => 'text',
            text => { body => $one->{text} // 'Hello!' } } });
}


sub _revoke ($emulator, $account, $one) {
    return _inbound($emulator, $account, $one, type => 'revoke',
        revoke => { original_message_id => _target($one) });
}


sub _system ($emulator, $account, $one) {
    my ($field, $value, $id) = _inbound($emulator, $account, $one,
        type => 'system', system => { type => $one->{type}
            // 'user_changed_number', wa_id => $one->{phone} // '27820000099',
            body => 'User changed' });
    delete $value->{contacts};
    return ($field, $value, $id);
}


sub _status ($emulator, $account, $one) {
    my $status = $one->{status} // 'delivered';
    my %status = (id => _target($one), status => $status,
        timestamp => '' . int $one->{time});
    my $from = _from($one);
    $status{recipient_id} = $from if defined $from;
    $status{recipient_user_id} = $one->{bsuid} if defined $one->{bsuid};
    $status{biz_opaque_callback_data} = $one->{data} if defined $one->{data};
    $status{errors} = [ { code => ($one->{code} // 131026) + 0,
        title => $one->{title} // 'Message undeliverable', message =>
            $one->{title} // 'Message undeliverable' } ]
        if $status eq 'failed';
    return ('messages', _value($emulator, $account, statuses => [ \%status ]),
        $status{id});
}


# From the WhatsApp Business app of the number's owner.
sub _echo ($emulator, $account, $one) {
    my $id = _wamid($one);
    return ('smb_message_echoes', _value($emulator, $account,
        message_echoes => [ { from =>
            $emulator->number($account)->{display_phone_number}, to =>
            _from($one), id => $id, timestamp => '' . int $one->{time},
            type => 'text', text => { body => $one->{text} // 'Hello' } } ]),
        $id);
}


sub _preference ($emulator, $account, $one) {
    my $from = _from($one);
    return ('user_preferences', _value($emulator, $account, contacts => [
        { profile => { name => $one->{name} // 'Thandi' }, wa_id => $from } ],
        user_preferences => [ { wa_id => $from, detail => 'User requested to '
            . ($one->{value} // 'stop') . ' marketing messages', category =>
            'marketing_messages', value => $one->{value} // 'stop',
            timestamp => int $one->{time} } ]));
}


sub _template ($emulator, $account, $one) {
    return ('message_template_status_update', { event => $one->{event}
        // 'PAUSED', message_template_id => ($one->{template_id} // 1) + 0,
        message_template_name => $one->{name} // 'order_ready',
        message_template_language => $one->{language} // 'de',
        reason => $one->{reason} // 'NONE' });
}

1;
