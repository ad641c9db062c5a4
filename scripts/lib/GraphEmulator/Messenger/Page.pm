# What a Page or an Instagram account is told beside messages: attachments,
# personas, profile, a user's menu, who controls a thread, subscriptions.
#
# Calls and limits: reference meta-webhooks 8, 9, 1.8 (the paths of attachments
# and thread control are general knowledge, as it says).
package GraphEmulator::Messenger::Page;
use Mojo::Base -strict, -signatures;

use GraphEmulator::Error qw(fail);
use GraphEmulator::Messenger::Check qw($check $LINK);
use GraphEmulator::Messenger::Message qw(attachment);
use GraphEmulator::Node qw(fields);
use GraphEmulator::Page qw(page);
use GraphEmulator::Route qw(route);

my $RESULT = { result => 'success' };


# The account that a call is about: a Page's Instagram one if it says so.
sub _account ($call) {
    my $node = $call->{node};
    return $node if ($call->{params}{platform} // '') ne 'instagram';
    return $call->{known}{account}{$node} // $node;
}


route('POST', 'page instagram', 'message_attachments', sub ($call) {
    my $message = $check->object($call->{params}, 'message');
    my $given = $check->object($message, 'message.attachment');
    my $file = $call->{req}->upload('filedata');
    my $product = $call->{known}{kind} eq 'instagram' ? 'instagram' : 'messenger';
    $file ? $check->text($given, 'attachment.type',
        in => [qw(image audio video file)])
        : attachment($call, $product, $call->{node}, $given);
    fail(code => 100, subcode => 2018109, message => '(#100) Attachment size'
            . ' exceeds allowable limit')
        if $file && $file->size > 25 * 1024 * 1024;
    my $kept = $call->{emulator}->store->add('attachment', $call->{node},
        type => $given->{type});
    return ({ attachment_id => $kept->{id} }, 0);
});


route('POST', 'page', 'personas', sub ($call) {
    my $params = $call->{params};
    my $name = $check->text($params, 'name');
    my $picture = $check->text($params, 'profile_picture_url', like => $LINK);
    my $persona = $call->{emulator}->store->add('persona', $call->{node},
        name => $name, profile_picture_url => $picture);
    return ({ id => $persona->{id} }, 0);
});

sub _persona ($persona) {
    return { map { $_ => $persona->{$_} } qw(id name profile_picture_url) };
}

route('GET', 'page', 'personas', sub ($call) {
    return (page($call, map { _persona($_) }
        $call->{emulator}->store->all('persona', $call->{node})), 0);
});
route('GET', 'persona', '', sub ($call) {
    return (fields($call, _persona($call->{thing}),
        'name,profile_picture_url'), 0);
});
route('DELETE', 'persona', '', sub ($call) {
    $call->{emulator}->store->remove($call->{node});
    return ({ success => \1 }, 0);
});


# Each part of the profile and what it must be.
my %PROFILE = (
    get_started => sub ($params) {
        $check->text($check->object($params, 'get_started'),
            'get_started.payload', max => 1000);
    },
    greeting => sub ($params) {
        for my $text (@{ $check->list($params, 'greeting') }) {
            $check->text($text, 'greeting.locale');
            $check->text($text, 'greeting.text');
        }
    },
    ice_breakers    => \&_ice_breakers,
    persistent_menu => \&_menu,
    commands        => sub ($params) { $check->list($params, 'commands') },
    whitelisted_domains => sub ($params) {
        my $list = $params->{whitelisted_domains};
        $check->invalid->('whitelisted_domains', 'must be an array of URLs')
            if ref $list ne 'ARRAY' || grep { ref || $_ !~ $LINK } @$list;
    },
    account_linking_url => sub ($params) {
        $check->text($params, 'account_linking_url', like => $LINK);
    },
);


# Either the questions themselves, or lists of them by locale.
sub _ice_breakers ($params) {
    my $all = $check->list($params, 'ice_breakers');
    my @lists = defined $all->[0]{call_to_actions}
        ? map { $check->list($_, 'ice_breakers.call_to_actions') } @$all : $all;
    for my $list (@lists) {
        $check->invalid->('ice_breakers', 'has ' . @$list
            . ' items, the limit is 4') if @$list > 4;
        for my $item (@$list) {
            $check->text($item, 'ice_breakers.question');
            $check->text($item, 'ice_breakers.payload', max => 1000);
        }
    }
    return;
}


sub _menu ($params) {
    for my $menu (@{ $check->list($params, 'persistent_menu') }) {
        $check->text($menu, 'persistent_menu.locale');
        for my $item (@{ $check->list($menu, 'persistent_menu.call_to_actions',
            max => 20, optional => $menu->{composer_input_disabled}) })
        {
            my $type = $check->text($item, 'call_to_actions.type',
                in => [qw(postback web_url nested)]);
            $check->text($item, 'call_to_actions.title', max => 30);
            $check->text($item, 'call_to_actions.payload', max => 1000)
                if $type eq 'postback';
            $check->text($item, 'call_to_actions.url', like => $LINK)
                if $type eq 'web_url';
        }
    }
    return;
}


sub _profile ($call) {
    return $call->{emulator}->profiles->{ _account($call) } //= {};
}

route('POST', 'page instagram', 'messenger_profile', sub ($call) {
    my ($params, $profile) = ($call->{params}, _profile($call));
    my @given = grep { defined $params->{$_} } sort keys %PROFILE;
    $check->missing->(join '|', sort keys %PROFILE) if !@given;
    $PROFILE{$_}->($params) for @given;
    fail(code => 100, message => '(#100) You must set a Get Started button if'
            . ' you also wish to use persistent menu')
        if defined $params->{persistent_menu} && $call->{known}{kind} eq 'page'
        && !defined $params->{platform}
        && !defined($params->{get_started} // $profile->{get_started});
    $profile->{$_} = $params->{$_} for @given;
    return ($RESULT, 0);
});

route('GET', 'page instagram', 'messenger_profile', sub ($call) {
    my $profile = _profile($call);
    my @fields = split /,/, $check->text($call->{params}, 'fields');
    $PROFILE{$_} or $check->invalid->('fields', "names \"$_\"") for @fields;
    my %shown = map { $_ => $profile->{$_} }
        grep { defined $profile->{$_} } @fields;
    return ({ data => [ %shown ? \%shown : () ] }, 0);
});

route('DELETE', 'page instagram', 'messenger_profile', sub ($call) {
    my ($fields, $profile) = ($call->{params}{fields}, _profile($call));
    $fields = [ split /,/, $fields ] if defined $fields && !ref $fields;
    $check->missing->('fields') if ref $fields ne 'ARRAY' || !@$fields;
    $PROFILE{$_} or $check->invalid->('fields', "names \"$_\"") for @$fields;
    my %gone = map { $_ => 1 } @$fields;
    fail(code => 100, message => '(#100) The persistent menu needs get_started')
        if $gone{get_started} && !$gone{persistent_menu}
        && $profile->{persistent_menu};
    delete @{$profile}{@$fields};
    return ($RESULT, 0);
});


# Ten calls for a user in ten minutes (10.1).
sub _user_settings ($call) {
    my $params = $call->{params};
    my $psid = $check->text($params, 'psid');
    my $person = $call->{emulator}->people->person($call->{node}, $psid);
    my $now = $call->{emulator}->store->now;
    my $calls = $person->{settings_calls} //= [];
    @$calls = grep { $_ > $now - 600 } @$calls;
    fail(code => 613, message => '(#613) Calls to this api have exceeded the'
            . ' rate limit.') if @$calls >= 10;
    push @$calls, $now;
    return $person->{settings} //= {};
}

route('POST', 'page', 'custom_user_settings', sub ($call) {
    my $settings = _user_settings($call);
    _menu($call->{params});
    $settings->{persistent_menu} = $call->{params}{persistent_menu};
    return ($RESULT, 0);
});
route('GET', 'page', 'custom_user_settings', sub ($call) {
    my $settings = _user_settings($call);
    return ({ data => [ %$settings ? { user_level_persistent_menu =>
        $settings->{persistent_menu} } : () ] }, 0);
});
route('DELETE', 'page', 'custom_user_settings', sub ($call) {
    %{ _user_settings($call) } = ();
    return ($RESULT, 0);
});


# Who controls a person's thread: pass, take, request, release.
sub _thread ($call) {
    my $recipient = $check->object($call->{params}, 'recipient');
    my $user = $check->text($recipient, 'recipient.id');
    $check->text($call->{params}, 'metadata', max => 1000, optional => 1);
    my $emulator = $call->{emulator};
    my ($person) = grep { defined } map { $emulator->people->find($_, $user) }
        $call->{node}, $call->{known}{account}{ $call->{node} } // ();
    fail(code => 100, subcode => 2018001,
        message => '(#100) No matching user found')
        if !$person && $emulator->strict;
    return $person // $emulator->people->person($call->{node}, $user);
}

my %THREAD = (
    pass_thread_control => sub ($call, $person) {
        my $app = $check->text($call->{params}, 'target_app_id',
            like => qr/\A\d+\z/);
        fail(code => 100, subcode => 2018300, message => '(#100) Another app is'
                . ' controlling this thread now.')
            if ($person->{owner} // $call->{emulator}->tokens->app_id)
            ne $call->{emulator}->tokens->app_id;
        $person->{owner} = "$app";
    },
    take_thread_control => sub ($call, $person) { delete $person->{owner} },
    release_thread_control => sub ($call, $person) { $person->{owner} = '' },
    request_thread_control => sub ($call, $person) { },
);

for my $edge (sort keys %THREAD) {
    route('POST', 'page instagram', $edge, sub ($call) {
        $THREAD{$edge}->($call, _thread($call));
        return ({ success => \1 }, 0);
    });
}


# A person's profile: who has written to this account.
route('GET', 'unknown', '', sub ($call) {
    my ($emulator, $id) = @{$call}{qw(emulator node)};
    my ($person) = grep { defined } map { $emulator->people->find($_, $id) }
        keys %{ $call->{known}{node} };
    GraphEmulator::Route::unsupported('GET', $id)
        if $id !~ /\A\d+\z/ || $call->{known}{kind} !~ /\A(?:page|instagram)\z/
        || !$person && $emulator->strict;
    my ($first, $last) = split / /, $person->{name} // 'Ines Falk', 2;
    return (fields($call, { id => $id, first_name => $first, last_name => $last,
        name => join(' ', $first, $last // ()), username => $person->{username}
            // lc $first, profile_pic => "https://platform-lookaside.fbsbx.com"
            . "/platform/profilepic/?psid=$id", locale => 'en_US', timezone => 2,
        gender => undef, follower_count => 42, is_verified_user => \0,
        is_user_follow_business => \1, is_business_follow_user => \0 },
        'first_name,last_name,profile_pic'), 0);
});


route('POST', 'page instagram', 'subscribed_apps', sub ($call) {
    my $fields = $check->text($call->{params}, 'subscribed_fields');
    $call->{emulator}->subscribed->{ $call->{node} }
        = { id => $call->{emulator}->tokens->app_id, name => 'Emulator',
            subscribed_fields => [ split /,/, $fields ] };
    return ({ success => \1 }, 0);
});
route('GET', 'page instagram', 'subscribed_apps', sub ($call) {
    my $app = $call->{emulator}->subscribed->{ $call->{node} };
    return ({ data => [ $app ? $app : () ] }, 0);
});
route('DELETE', 'page instagram', 'subscribed_apps', sub ($call) {
    $call->{emulator}->subscribed->{ $call->{node} } = 0;
    return ({ success => \1 }, 0);
});

1;
