# Every send to Instagram, by Instagram Login and through the linked Page: host, path, headers
# and body, as the reference has them (meta-webhooks-and-messaging.md 9), and each limit.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use HTTP::Tiny;
use JSON::PP ();
use Test::More;

use Rig qw(record $PAGE);
use Sends qw(by_rules made refused);
use Test::Meta::Util qw(hold_port spew);

my $IG = '17841460233915708';
my $TOKEN = "IGAAinstagram${$}SECRETTOKEN03";
my $LINKED = '17841460233915709';
my $link = 'https://shop.example/i.jpg';
my @buttons = ({title => 'Site', url => 'https://shop.example'},
    {title => 'Start', payload => 'P'});
my @typed = ({type => 'web_url', title => 'Site', url => 'https://shop.example'},
    {type => 'postback', title => 'Start', payload => 'P'});
my $json = JSON::PP->new->canonical;

sub reply      { return {reply => {@_}} }
sub body       { return {message => {@_}} }
sub image      { return {type => 'image', payload => {url => $_[0]}} }
sub attachment { return body(attachment => {type => shift, payload => {@_}}) }

# both ways, with two hosts: each takes only its own tokens
sub instagram_rig {
    my ($port, $probe) = hold_port();
    my $rig = Rig->new(graph => ['--instagram', "127.0.0.1:$port",
        '--token', "instagram:$IG:$TOKEN",
        '--token', "page:$PAGE\@$LINKED:" . Rig->token('page') . ":page:$PAGE"]);
    spew($rig->file('instagram'), "$TOKEN\n");
    $rig->{hosts} = sprintf 'hosts: {facebook: "%s", instagram: "http://127.0.0.1:%s"}',
        $rig->graph->url, $port;
    return $rig;
}

# to the linked Page a person is Instagram's when Instagram knows it
sub known {
    my ($rig) = @_;
    return sub {
        my $answer = HTTP::Tiny->new->post($rig->graph->url . '/_emulator/people',
            {content => $json->encode({account => $LINKED, user => $_[0], wrote => 1})});
        die "no person: $answer->{content}" unless $answer->{success};
    };
}

sub conf_of {
    my ($rig, %arg) = @_;
    my $login = qq({kind: instagram, id: "$IG", file: @{[$rig->file('instagram')]}});
    return $rig->conf(%arg) =~ s/^tokens:\n\K/  - $login\n/mr
        =~ s/kind: page, \K/instagram: "$LINKED", /r =~ s/base_url: "[^"]+"/$rig->{hosts}/r;
}

sub jobs {
    my ($rig) = @_;
    return $rig->consumer(conf => conf_of($rig, rules => "unmatched: drop\n",
        queues => '[{name: "meta:outbox", kind: jobs}]'));
}


subtest 'messages' => sub {
    my $rig = instagram_rig();
    jobs($rig);
    my @cases = (
        ['text', reply(text => 'Ja, täglich.'), body(text => 'Ja, täglich.')],
        ['1000 bytes', reply(text => 'ä' x 500), body(text => 'ä' x 500)],
        ['quick replies', reply(text => 'Pick:', quick_replies => [{title => 'Red',
            payload => 'RED'}]), body(text => 'Pick:', quick_replies => [{content_type => 'text',
            title => 'Red', payload => 'RED'}])],
        ['an image', reply(image => {link => $link}), body(attachments => [image($link)])],
        ['ten images', reply(image => {links => [map { "$link?$_" } 1 .. 10]}),
            body(attachments => [map { image("$link?$_") } 1 .. 10])],
        (map { my $type = $_ eq 'document' ? 'file' : $_;
            ["$_ by link", reply($_ => {link => $link}), attachment($type, url => $link)],
            ["$_ by id", reply($_ => {id => '1857'}), attachment($type, attachment_id => '1857')] }
            qw(video audio document)),
        ['a heart', reply(sticker => {id => 'like_heart'}),
            body(attachment => {type => 'like_heart'})],
        ['an own post', reply(raw => {message => {attachment => {type => 'MEDIA_SHARE',
            payload => {id => '179'}}}}), attachment('MEDIA_SHARE', id => '179')],
        ['buttons', reply(buttons => {text => 'What next?', buttons => \@buttons}),
            attachment('template', template_type => 'button', text => 'What next?',
            buttons => \@typed)],
        ['generic', reply(generic => {elements => [{title => 'T', subtitle => 'S',
            buttons => \@buttons}]}), attachment('template', template_type => 'generic',
            elements => [{title => 'T', subtitle => 'S', buttons => \@typed}])],
        ['a list', reply(list => {text => 'Which?', rows => [{title => 'One', payload => '1'}]}),
            body(text => 'Which?', quick_replies => [{content_type => 'text', title => 'One',
            payload => '1'}])],
        ['human agent', reply(text => 'Hello', tag => 'HUMAN_AGENT'), {%{body(text => 'Hello')},
            messaging_type => 'MESSAGE_TAG', tag => 'HUMAN_AGENT'}],
        ['typing', 'typing', {sender_action => 'typing_on'}],
    );
    made($rig, $IG, {path => $IG, token => "instagram:$IG"}, @cases);
    made($rig, $LINKED, {path => $PAGE, token => "page:$PAGE", known => known($rig)},
        @cases);
    $rig->settle(20, 'meta:outbox');
    $rig->finish(queues => ['meta:outbox'], secrets => [$TOKEN]);
};


# one message, to either account
sub message {
    my ($account, $n) = @_;
    return record(object => 'instagram', entry => $account, field => 'messaging',
        id => "aWdf$n", key => "$account:729", event => {sender => {id => '729'},
        recipient => {id => $account}, timestamp => 1000 * time,
        message => {mid => "aWdf$n", text => "case $n"}});
}


subtest 'what needs a message' => sub {
    my $rig = instagram_rig();
    known($rig)->('729');
    my @who = (recipient => {id => '729'});
    my %heart = map { $_ => {react => {emoji => $_}} } '❤', '❤️', 'love', '';
    for my $way ([$IG, path => "$IG/messages", token => "instagram:$IG"],
        [$LINKED, path => "$PAGE/messages", token => "page:$PAGE"])
    {
        my ($account, %to) = @$way;
        by_rules($rig, {when => "product: instagram, account: '$account', kind: message",
            conf => \&conf_of}, sub { message($account, $_[0]) },
            ['mark_read', 'mark_read', {%to, body => {@who, sender_action => 'mark_seen'}}],
            ['typing', 'typing', {%to, body => {@who, sender_action => 'typing_on'}}],
            ['reply', reply(text => 'Ja.'), {%to, body => {@who, message => {text => 'Ja.'}}}],
            (map { ["react by case $_->[1]", $heart{$_->[0]}, {%to, body => {@who, sender_action =>
                'react', payload => {message_id => "aWdf$_->[1]", reaction => 'love'}}}] }
                ['❤', 3], ['❤️', 4], ['love', 5]),
            ['take it back', $heart{''}, {%to, body => {@who, sender_action => 'unreact',
                payload => {message_id => 'aWdf6'}}}],
        );
        is $rig->{consumers}[-1]->drain, '0', 'drained';
    }
    $rig->finish;
};


subtest 'whose name' => sub {
    my $rig = instagram_rig();
    my %tokens = ('kind: system_user, default: true' => undef,
        'kind: page, default: true' => 'me/messages');
    for my $kind (sort keys %tokens) {
        my $conf = $rig->conf(rules => <<'END') =~ s/^  - \{kind:.*\n//mgr;
rules:
  - {when: {product: instagram, kind: message}, do: [{reply: {text: Ja.}}]}
END
        my $c = $rig->consumer(conf => $conf
            =~ s{^tokens:\n\K}{  - {$kind, file: @{[$rig->file('page')]}}\n}mr);
        $rig->push(message($LINKED, "of $kind"));
        $rig->settle;
        is $c->drain, '0', 'drained';
    }
    is_deeply [map { $_->{path} } $rig->graph->calls], ['/v24.0/me/messages'],
        'a Page that is not named sends as me';
    is_deeply [map { $_->{answer} =~ /^(messages of Instagram go by)/ } $rig->dead],
        ['messages of Instagram go by'], 'a system user as nobody';
    $rig->finish;
};


sub comment {
    my ($account, $field, $n) = @_;
    my $id = ($account eq $IG ? '180' : '181') . $n;
    return record(object => 'instagram', entry => $account, field => $field, time => 1000 * time,
        id => "$id:comment", key => "$account:$id", event => {field => $field, value => {
        id => $id, from => {id => '729', username => 'inesf'}, text => "case $n",
        media => {id => '179', media_product_type => 'FEED'}}});
}


subtest 'comments' => sub {
    my $rig = instagram_rig();
    for my $way ([$IG, "$IG/messages", token => "instagram:$IG"],
        [$LINKED, "$PAGE/messages", token => "page:$PAGE"])
    {
        my ($account, $path, %to) = @$way;
        my $c = $account eq $IG ? '180' : '181';
        by_rules($rig, {when => "product: instagram, account: '$account', kind: comment",
            conf => \&conf_of}, sub { comment($account, 'comments', $_[0]) },
            ['in public', {comment_reply => {text => 'Ja.'}}, {%to, path => "${c}0/replies",
                body => {message => 'Ja.'}}],
            ['in private', {private_reply => {text => 'Ja.'}}, {%to, path => $path,
                body => {recipient => {comment_id => "${c}1"}, message => {text => 'Ja.'}}}],
            ['hide', 'hide', {%to, path => "${c}2", body => {hide => JSON::PP::true}}],
            ['delete', 'delete', {%to, path => "${c}3", method => 'DELETE'}],
        );
        is $rig->{consumers}[-1]->drain, '0', 'drained';
    }
    $rig->finish;

    $rig = instagram_rig();
    $rig->consumer(conf => conf_of($rig, rules => <<'END'));
rules:
  - {when: {product: instagram, kind: comment}, do: [{private_reply: {text: Ja.}},
      {comment_reply: {text: Ja.}}]}
END
    $rig->push(comment($IG, 'live_comments', 7));
    $rig->settle;
    is_deeply [map { $_->{path} } $rig->graph->calls], ["/v24.0/$IG/messages"],
        'live: in private only';
    like +($rig->dead)[0]{answer}, qr/no public reply to a live comment/, 'and the letter says so';
    $rig->finish;

    $rig = instagram_rig();
    $rig->consumer(conf => conf_of($rig, rules => <<'END') =~ s/replies_max: \d+/replies_max: 1/r);
rules:
  - {when: {product: instagram, kind: comment}, do: [{comment_reply: {text: Ja.}}]}
END
    $rig->push(comment($IG, 'comments', 8));
    $rig->settle;
    my ($who) = $rig->logs =~ /kind=comment .*(user=#\w+)/;
    like $rig->logs, qr/a conversation is stopped: .*$who$/m,
        'who is stopped is whom the lines name';
    $rig->finish;
};


subtest 'limits' => sub {
    my $rig = instagram_rig();
    jobs($rig);
    my @quick = map { {title => "T$_", payload => "P$_"} } 1 .. 14;
    refused($rig, $IG,
        ['1001 bytes', reply(text => 'ä' x 500 . 'a'), 'reply.text', '1000 bytes', qr/1001 bytes/],
        ['1001 bytes in raw', reply(raw => {message => {text => 'ä' x 501}}),
            'reply.raw.message.text', '1000 bytes', qr/1002 bytes/],
        ['1001 bytes in a list', reply(list => {text => 'a' x 1001, rows => [$quick[0]]}),
            'reply.list.text', '1000 bytes', qr/1001 bytes/],
        ['14 quick replies', reply(text => 'a', quick_replies => \@quick), 'reply.quick_replies',
            '13 quick replies', qr/14 quick replies/],
        ['quick replies of an image', reply(image => {link => $link}, quick_replies => [$quick[0]]),
            'reply', undef, qr/go with text/],
        ['a quick reply that asks', reply(text => 'a', quick_replies => [{content_type =>
            'user_email'}]), 'reply.quick_replies[].content_type', undef, qr/instagram has no/],
        ['11 images', reply(image => {links => [($link) x 11]}), 'reply.image.links',
            '10 elements', qr/11 elements/],
        ['11 images in raw', reply(raw => {message => {attachments => [map { image($link) }
            1 .. 11]}}), 'reply.raw.message.attachments', '10 elements', qr/11 elements/],
        ['an image by id', reply(image => {id => '1'}), 'reply.image.id', undef,
            qr/unknown parameter/],
        ['a caption', reply(video => {link => $link, caption => 'C'}), 'reply.video.caption',
            undef, qr/no caption/],
        ['another sticker', reply(sticker => {id => 'thumb'}), 'reply.sticker.id', 'like_heart',
            qr/must be one of/],
        ['a tag of old', reply(text => 'a', tag => 'ACCOUNT_UPDATE'), 'reply.tag', 'HUMAN_AGENT',
            qr/Instagram has no other/],
        ['a tag of Messenger', reply(raw => {tag => 'CUSTOMER_FEEDBACK', message => {text => 'a'}}),
            'reply.raw.tag', 'HUMAN_AGENT', qr/must be one of/],
        ['a persona', reply(text => 'a', persona_id => '1'), 'reply.persona_id', undef,
            qr/instagram has no/],
        ['a receipt', reply(text => 'a', wait_for => 'delivered'), 'reply.wait_for', 'read',
            qr/only what was read/],
        ['a handover', {handover => {to => '1'}}, 'handover', undef, qr/Messenger alone/],
        (map { ["a $_", reply($_ => {}), "reply.$_", undef, qr/instagram has no $_/] }
            qw(location interactive)),
    );
    $rig->settle(20, 'meta:outbox');
    $rig->finish(queues => ['meta:outbox']);
};


done_testing;
