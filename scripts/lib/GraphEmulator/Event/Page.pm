# Messenger's, a Page's and Instagram's events from a short form (reference
# meta-webhooks 4 and 5).
package GraphEmulator::Event::Page;
use Mojo::Base -strict, -signatures;

use GraphEmulator::WhatsApp::Media;
use Mojo::JSON qw(true);
use Mojo::Util qw(b64_decode b64_encode);

my %MIME = (image => 'image/jpeg', video => 'video/mp4', audio => 'audio/mpeg',
    file => 'application/pdf');

my %KIND = (message => \&_message, postback => \&_postback,
    reaction => \&_reaction, edit => \&_edit, unsend => \&_unsend,
    delivery => \&_delivery, read => \&_read, echo => \&_echo,
    optin => \&_optin, referral => \&_referral, handover => \&_handover);
my %CHANGE = (comment => \&_comment, live_comment => \&_comment,
    lead => \&_lead, mention => \&_mention);


sub entry_id ($class, $emulator, $account) { return "$account" }

sub join ($class, @items) { return @items }


# -> {messaging | standby | changes => it}, and its id.
sub item ($class, $emulator, $account, $one) {
    my $kind = $one->{kind} // 'message';
    my $place = $one->{standby} ? 'standby' : 'messaging';
    return { changes => { field => $one->{field}, value => $one->{value} } }
        if defined $one->{field};
    return { $place => $one->{messaging} } if ref $one->{messaging};
    my $call = { emulator => $emulator, account => "$account", one => $one };
    if (my $make = $CHANGE{$kind}) {
        my ($field, $value, $id) = $make->($call);
        return ({ changes => { field => $field, value => $value } }, $id);
    }
    my $make = $KIND{$kind} or die "kind of $one->{product} is one of @{[sort
        keys %KIND, keys %CHANGE]}, or field and value are given\n";
    my ($item, $id) = $make->($call);
    my ($user, $page) = map { { id => $_ } } _from($one), "$account";
    return ({ $place => { sender => $kind eq 'echo' ? $page : $user,
        recipient => $kind eq 'echo' ? $user : $page,
        timestamp => int($one->{time} * 1000), %$item } }, $id);
}


sub _from ($one) {
    return '' . ($one->{from} // GraphEmulator::Event::from($one->{product}));
}


sub _instagram ($call) {
    return $call->{one}{product} eq 'instagram';
}


sub _mid ($call) {
    return $call->{one}{id} // (_instagram($call) ? 'aWdfZAG1faXRlbToxOk' : 'm_')
        . (b64_encode(CORE::join('', map { chr int rand 256 } 1 .. 33), '')
            =~ tr{+/}{-_}r);
}


sub _target ($call) {
    return $call->{one}{message} // die "message names which one\n";
}


sub _message ($call) {
    my ($one, $mid) = ($call->{one}, _mid($call));
    my %message = (mid => $mid);
    $message{attachments} = [ ref $one->{attachment} ? $one->{attachment}
        : _attachment($call) ] if defined $one->{type} && $one->{type} ne 'text'
        || ref $one->{attachment};
    $message{text} = $one->{text} // 'Hello'
        if defined $one->{text} || !$message{attachments};
    $message{quick_reply} = { payload => $one->{payload} }
        if defined $one->{payload};
    $message{reply_to} = ref $one->{reply_to} ? $one->{reply_to}
        : { mid => $one->{reply_to} } if defined $one->{reply_to};
    $message{referral} = $one->{referral} if defined $one->{referral};
    return ({ message => \%message }, $mid);
}


# An address of our own that needs no token; file as in WhatsApp's.
sub _attachment ($call) {
    my $one = $call->{one};
    my $file = $one->{file} // {};
    my $mime = $file->{mime} // $MIME{ $one->{type} }
        // die "type is one of @{[sort keys %MIME]}, or attachment is given\n";
    my $media = GraphEmulator::WhatsApp::Media->keep($call->{emulator},
        $call->{account}, $mime, defined $file->{bytes}
        ? b64_decode($file->{bytes}) : "emulated $one->{type}");
    return { type => $one->{type}, payload => { url => $call->{emulator}->origin
        . GraphEmulator::WhatsApp::Media->cdn_path($call->{emulator}, $media) } };
}


sub _postback ($call) {
    my ($one, $mid) = ($call->{one}, _mid($call));
    return ({ postback => { mid => $mid, title => $one->{text} // 'Tap',
        payload => $one->{payload} // 'TAP', $one->{referral}
        ? (referral => $one->{referral}) : () } }, $mid);
}


sub _reaction ($call) {
    my $one = $call->{one};
    my $action = $one->{action} // 'react';
    return { reaction => { mid => _target($call), action => $action, $action eq
        'react' ? (reaction => $one->{reaction} // 'love',
            emoji => $one->{emoji} // "\x{2764}\x{fe0f}") : () } };
}


sub _edit ($call) {
    my $one = $call->{one};
    return { message_edit => { mid => _target($call), text => $one->{text}
        // 'Hello!', num_edit => $one->{num_edit} // 1 } };
}


sub _unsend ($call) {
    return { message => { mid => _target($call), is_deleted => true } };
}


sub _delivery ($call) {
    my $one = $call->{one};
    return { delivery => { watermark => int(($one->{watermark} // $one->{time}
        * 1000)), defined $one->{message} ? (mids => [ $one->{message} ])
        : () } };
}


# A watermark on Messenger, a message on Instagram.
sub _read ($call) {
    my $one = $call->{one};
    return { read => { mid => _target($call) } } if _instagram($call);
    return { read => { watermark => int($one->{watermark}
        // $one->{time} * 1000) } };
}


# From the inbox, or from the app that is named.
sub _echo ($call) {
    my ($one, $mid) = ($call->{one}, _mid($call));
    return ({ message => { mid => $mid, is_echo => true, text => $one->{text}
        // 'Hello', (map { $_ => $one->{$_} } grep { defined $one->{$_} }
        qw(app_id metadata)) } }, $mid);
}


sub _optin ($call) {
    return { optin => { ref => $call->{one}{ref} // 'REF' } };
}


sub _referral ($call) {
    return { referral => ref $call->{one}{referral} ? $call->{one}{referral}
        : { ref => $call->{one}{ref} // 'REF', source => 'SHORTLINK',
            type => 'OPEN_THREAD' } };
}


sub _handover ($call) {
    my $one = $call->{one};
    return { pass_thread_control => { previous_owner_app_id =>
        $one->{previous} // '263902037430900', new_owner_app_id =>
        $call->{emulator}->tokens->app_id, metadata => $one->{metadata}
        // 'm' } };
}


# On a post of ours, by whoever writes it: `from` the account is our own.
sub _comment ($call) {
    my ($one, $account) = @{$call}{qw(one account)};
    my $store = $call->{emulator}->store;
    my $text = $one->{text} // 'How much?';
    if (_instagram($call)) {
        my $id = $one->{id} // $store->new_id;
        return ($one->{kind} eq 'comment' ? 'comments' : 'live_comments', {
            id => "$id", from => { id => _from($one), username =>
            $one->{username} // 'inesf' }, text => $text, media => { id =>
            $one->{media} // '17920011223344556', media_product_type =>
            'FEED' }, defined $one->{parent}
            ? (parent_id => $one->{parent}) : () }, $id);
    }
    my $post = $one->{post} // "${account}_122098765400001";
    my $id = $one->{id} // ($post =~ s/.*_//r) . '_' . $store->new_id;
    return ('feed', { item => 'comment', verb => 'add', comment_id => $id,
        post_id => $post, parent_id => $one->{parent} // $post,
        created_time => int $one->{time}, message => $text, from => {
            id => _from($one), name => $one->{name} // 'Ines Falk' } }, $id);
}


sub _lead ($call) {
    my ($one, $account) = @{$call}{qw(one account)};
    my $id = $one->{id} // $call->{emulator}->store->new_id;
    return ('leadgen', { leadgen_id => $id, page_id => $account, form_id =>
        $one->{form} // '139000000000007', created_time => int $one->{time} },
        $id);
}


sub _mention ($call) {
    my ($one, $account) = @{$call}{qw(one account)};
    my $store = $call->{emulator}->store;
    my $id = $one->{id} // $store->new_id;
    return ('mentions', { media_id => $one->{media} // '17920011223344556',
        comment_id => "$id" }, $id) if _instagram($call);
    return ('mention', { item => 'post', verb => 'add', post_id =>
        $one->{post} // '44444444444_' . $id, message => $one->{text}
        // 'Look', created_time => int $one->{time} }, $id);
}

1;
