# Comments of Pages and of Instagram: answer, hide, delete; mentions.
#
# Calls: reference meta-webhooks 8 (Page: general knowledge, as it says) and 9.
# A comment is known when a delivery told of it, or when it is our own; one that
# is not is taken as well, unless the emulator is strict.
package GraphEmulator::Comments;
use Mojo::Base -strict, -signatures;

use GraphEmulator::Error qw(fail);
use GraphEmulator::Messenger::Check qw($check);
use GraphEmulator::Node qw(fields);
use GraphEmulator::Route qw(route unsupported);

my $ID = qr/\A\d+(?:_\d+)?\z/;


# The comment, post or media of the call; one that nobody told of is made up.
sub _thing ($call, $kind) {
    return $call->{thing} if $call->{thing};
    my ($emulator, $id) = @{$call}{qw(emulator node)};
    my $token = $call->{known};
    my ($account) = grep { $token->{node}{$_} eq
        ($kind =~ /\Aig_/ ? 'instagram' : 'page') } sort keys %{ $token->{node} };
    unsupported($call->{method}, $id) if $id !~ $ID || !defined $account
        || $emulator->strict || $emulator->store->was($id);
    return $emulator->store->add($kind, $account, id => $id);
}


# A comment of ours: kept, and told to whoever listens.
sub _comment ($call, $kind, $to, %more) {
    my $emulator = $call->{emulator};
    my $id = $emulator->store->new_id;
    my $post = $to->{kind} eq 'post' ? $to->{id} : $to->{post};
    $id = (defined $post ? $post =~ s/.*_//r : $to->{id} =~ s/_.*//r) . "_$id"
        if $kind eq 'comment';
    my $own = $emulator->store->add($kind, $to->{owner}, id => $id,
        from => $to->{owner}, own => 1, %more);
    $emulator->after->comment($call, $own);
    return ({ id => $id }, 0);
}


# Under a post, or under a comment.
sub _on_page ($call) {
    my $to = _thing($call, 'comment');
    my $params = $call->{params};
    my $text = $check->text($params, 'message', max => 8000,
        optional => defined $params->{attachment_url});
    return _comment($call, 'comment', $to, text => $text,
        post => $to->{kind} eq 'post' ? $to->{id} : $to->{post},
        parent => $to->{id});
}

route('POST', 'comment post', 'comments', \&_on_page);


# Top-level comments only: a reply to a reply goes to the top one; not to what is
# hidden, nor to live comments.
sub _reply ($call) {
    my $to = _thing($call, 'ig_comment');
    my $text = $check->text($call->{params}, 'message');
    fail(code => 100, message => '(#100) A hidden or live comment cannot be'
            . ' replied to') if $to->{hidden} || $to->{live};
    return _comment($call, 'ig_comment', $to, text => $text,
        media => $to->{media}, parent => $to->{parent} // $to->{id});
}

route('POST', 'ig_comment', 'replies', \&_reply);

route('POST', 'ig_media', 'comments', sub ($call) {
    my $text = $check->text($call->{params}, 'message');
    return _comment($call, 'ig_comment', $call->{thing}, text => $text,
        media => $call->{node});
});

route('POST', 'instagram', 'mentions', sub ($call) {
    my $params = $call->{params};
    $check->text($params, 'media_id');
    my $text = $check->text($params, 'message');
    return _comment($call, 'ig_comment', { owner => $call->{node} }, text =>
        $text, media => $params->{media_id}, parent => $params->{comment_id});
});


sub _flag ($call, $name) {
    my $value = $call->{params}{$name} // $check->missing->($name);
    $check->invalid->($name, 'must be true or false')
        if $value !~ /\A(?:true|false|1|0)\z/;
    return $value =~ /\A(?:true|1)\z/ ? 1 : 0;
}

sub _hide ($call) {
    my $instagram = defined $call->{params}{hide};
    my $thing = _thing($call, $instagram ? 'ig_comment' : 'comment');
    $thing->{hidden} = _flag($call, $instagram ? 'hide' : 'is_hidden');
    return ({ success => \1 }, 0);
}

sub _delete ($call) {
    my $thing = _thing($call,
        $call->{known}{kind} eq 'instagram' ? 'ig_comment' : 'comment');
    $call->{emulator}->store->remove($thing->{id});
    return ({ success => \1 }, 0);
}

route('POST', 'comment ig_comment', '', \&_hide);
route('DELETE', 'comment ig_comment post', '', \&_delete);

route('GET', 'comment ig_comment', '', sub ($call) {
    my $comment = $call->{thing};
    return (fields($call, { id => $comment->{id}, message => $comment->{text},
        text => $comment->{text}, from => { id => $comment->{from} }, hidden =>
            $comment->{hidden} ? \1 : \0, is_hidden => $comment->{hidden}
            ? \1 : \0, parent_id => $comment->{parent} }, 'id'), 0);
});

route('POST', 'unknown', 'comments', \&_on_page);
route('POST', 'unknown', 'replies', \&_reply);
route('POST', 'unknown', '', sub ($call) {
    unsupported('POST', $call->{node})
        if !grep { defined $call->{params}{$_} } qw(hide is_hidden);
    return _hide($call);
});
route('DELETE', 'unknown', '', \&_delete);

# A lead's answers (meta-graph 9), as it was delivered.
route('GET', 'lead', '', sub ($call) {
    return (fields($call, $call->{thing}{lead},
        'id,created_time,field_data'), 0);
});

1;
