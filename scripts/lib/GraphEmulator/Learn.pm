# What a delivered webhook tells the emulator: who wrote, under which names and
# ids, which messages, comments and leads there are.
#
# Shapes: reference meta-webhooks 3 to 5.
package GraphEmulator::Learn;
use Mojo::Base -strict, -signatures;


sub _list ($value) {
    return grep { ref eq 'HASH' } ref $value eq 'ARRAY' ? @$value : ();
}


sub body ($class, $emulator, $body) {
    return if ref $body ne 'HASH';
    my $object = $body->{object} // '';
    for my $entry (_list($body->{entry})) {
        my $account = $entry->{id} // next;
        _messaging($emulator, $account, $_) for _list($entry->{messaging});
        for my $change (_list($entry->{changes})) {
            my $value = $change->{value};
            next if ref $value ne 'HASH';
            $object eq 'whatsapp_business_account'
                ? _whatsapp($emulator, $value)
                : _change($emulator, $object, $account,
                $change->{field} // '', $value);
        }
    }
    return;
}


sub _whatsapp ($emulator, $value) {
    my $metadata = $value->{metadata};
    my $account = ref $metadata eq 'HASH' ? $metadata->{phone_number_id} : undef;
    return if !defined $account || ref $account;
    my $display = ($metadata->{display_phone_number} // '') =~ tr/0-9//cdr;
    $emulator->number($account)->{display_phone_number} = $display
        if $display ne '';
    my $people = $emulator->people;
    for my $contact (_list($value->{contacts})) {
        my ($phone, $bsuid) = @{$contact}{qw(wa_id user_id)};
        my $person = $phone && $bsuid ? $people->same($account, $phone, $bsuid)
            : $people->person($account, $phone || $bsuid || next);
        $person->{name} = $contact->{profile}{name}
            if ref $contact->{profile} eq 'HASH';
    }
    for my $message (_list($value->{messages})) {
        my ($phone, $bsuid) = @{$message}{qw(from from_user_id)};
        $people->same($account, $phone, $bsuid) if $phone && $bsuid;
        my $user = $phone || $bsuid || next;
        $people->wrote($account, $user)
            if ($message->{type} // '') ne 'system';
        $emulator->messages->add('message', $account, id => $message->{id})
            if defined $message->{id};
    }
    for my $said (_list($value->{user_preferences})) {
        my $user = $said->{wa_id} || $said->{user_id} || next;
        $people->person($account, $user)->{stopped}
            = ($said->{value} // '') eq 'stop' ? 1 : 0;
    }
    return;
}


# A message or a tap opens the window; reads and echoes do not.
sub _messaging ($emulator, $account, $item) {
    my $message = $item->{message};
    return if ref $item->{sender} ne 'HASH' || !defined $item->{sender}{id}
        || $item->{sender}{id} eq $account || ref $message eq 'HASH'
        && ($message->{is_echo} || $message->{is_deleted});
    return if !grep { defined $item->{$_} } qw(message postback reaction optin
        referral);
    $emulator->people->wrote($account, $item->{sender}{id});
    $emulator->messages->add('message', $account, id => $message->{mid})
        if ref $message eq 'HASH' && defined $message->{mid};
    return;
}


sub _change ($emulator, $object, $account, $field, $value) {
    my $store = $emulator->store;
    my $from = ref $value->{from} eq 'HASH' ? $value->{from}{id} : undef;
    if ($object eq 'instagram' && $field =~ /comments\z/) {
        my $id = $value->{id} // $value->{comment_id} // return;
        my $media = ref $value->{media} eq 'HASH' ? $value->{media}{id} : undef;
        $store->add('ig_comment', $account, id => $id, from => $from,
            text => $value->{text}, media => $media, live =>
            $field =~ /live/ ? 1 : 0, parent => $value->{parent_id});
        $store->add('ig_media', $account, id => $media)
            if defined $media && !$store->get($media);
    }
    elsif ($object eq 'page' && $field eq 'feed'
        && ($value->{verb} // '') eq 'add')
    {
        my $post = $value->{post_id};
        $store->add('post', $account, id => $post)
            if defined $post && !$store->get($post);
        $store->add('comment', $account, id => $value->{comment_id}, from =>
            $from, post => $post, parent => $value->{parent_id}, text =>
            $value->{message}) if defined $value->{comment_id};
    }
    elsif ($object eq 'page' && $field eq 'leadgen'
        && defined $value->{leadgen_id})
    {
        my $id = "$value->{leadgen_id}";
        $store->add('lead', $account, id => $id, lead => { id => $id,
            created_time => '2026-09-21T14:03:18+0000', ad_id =>
            $value->{ad_id}, form_id => $value->{form_id}, is_organic => \0,
            platform => 'ig', field_data => $emulator->lead }) ;
    }
    return;
}

1;
