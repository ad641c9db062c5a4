# Every send to Messenger: method, path, headers and body, as the reference has them
# (meta-webhooks-and-messaging.md 8), and each limit, before the call.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Rig qw(messenger record $PAGE);
use Sends qw(by_rules call_is made outbox refused);
use Test::Meta::Util qw(slurp spew);

my $true = JSON::PP::true;
my $link = 'https://shop.example/i.jpg';
my @buttons = ({title => 'Site', url => 'https://shop.example'},
    {title => 'Start', payload => 'P'});
my @typed = ({type => 'web_url', title => 'Site', url => 'https://shop.example'},
    {type => 'postback', title => 'Start', payload => 'P'});

sub reply { return {reply => {@_}} }
sub body  { return {messaging_type => 'RESPONSE', message => {@_}} }

sub attachment {
    my ($type, %payload) = @_;
    return body(attachment => {type => $type, payload => \%payload});
}

sub template { return attachment('template', @_) }


subtest 'messages' => sub {
    my $rig = Rig->new;
    outbox($rig);
    made($rig, $PAGE, {path => $PAGE, token => "page:$PAGE", ref => 1},
        ['text', reply(text => 'Ja, täglich.'), body(text => 'Ja, täglich.')],
        ['1999 characters', reply(text => 'ä' x 1999), body(text => 'ä' x 1999)],
        ['quick replies', reply(text => 'Pick:', quick_replies => [{title => 'Red',
            payload => 'RED'}, {title => '🔄 More', payload => 'M'}]),
            body(text => 'Pick:', quick_replies => [{content_type => 'text', title => 'Red',
            payload => 'RED'}, {content_type => 'text', title => '🔄 More', payload => 'M'}])],
        ['quick replies that ask', reply(text => 'Your number?', quick_replies => [
            {content_type => 'user_phone_number'}, {content_type => 'user_email'},
            {title => 'No', payload => 'N', image_url => $link}]), body(text => 'Your number?',
            quick_replies => [{content_type => 'user_phone_number'}, {content_type =>
            'user_email'}, {content_type => 'text', title => 'No', payload => 'N',
            image_url => $link}])],
        (map { my $type = $_ eq 'document' ? 'file' : $_;
            ["$_ by link", reply($_ => {link => $link}), attachment($type, url => $link)],
            ["$_ by id", reply($_ => {id => '1857777774821032'}),
                attachment($type, attachment_id => '1857777774821032')] }
            qw(image video audio document)),
        ['reusable', reply(image => {link => $link, reusable => $true}),
            attachment('image', url => $link, is_reusable => $true)],
        ['an image with quick replies', reply(image => {link => $link}, quick_replies =>
            [{title => 'Red', payload => 'RED'}]), body(attachment => {type => 'image',
            payload => {url => $link}}, quick_replies => [{content_type => 'text',
            title => 'Red', payload => 'RED'}])],
        ['buttons', reply(buttons => {text => 'What next?', buttons => \@buttons}),
            template(template_type => 'button', text => 'What next?', buttons => \@typed)],
        ['other buttons', reply(buttons => {text => 'What next?', buttons => [
            {type => 'phone_number', title => 'Call', payload => '+4930123456'},
            {type => 'account_link', url => $link}, {type => 'account_unlink'}]}),
            template(template_type => 'button', text => 'What next?', buttons => [
            {type => 'phone_number', title => 'Call', payload => '+4930123456'},
            {type => 'account_link', url => $link}, {type => 'account_unlink'}])],
        ['generic', reply(generic => {elements => [{title => 'T', image_url => $link,
            subtitle => 'S', default_action => {type => 'web_url', url => $link},
            buttons => \@buttons}, {title => 'U', subtitle => 'V'}], sharable => $true}),
            template(template_type => 'generic', elements => [{title => 'T', image_url => $link,
            subtitle => 'S', default_action => {type => 'web_url', url => $link},
            buttons => \@typed}, {title => 'U', subtitle => 'V'}], sharable => $true)],
        ['a list', reply(list => {text => 'Which?', button => 'Menu', sections => [
            {title => 'A', rows => [{title => 'One', payload => '1'}]},
            {title => 'B', rows => [{title => 'Two', payload => '2', description => 'too'}]}]}),
            body(text => 'Which?', quick_replies => [{content_type => 'text', title => 'One',
            payload => '1'}, {content_type => 'text', title => 'Two', payload => '2'}])],
        ['human agent', reply(text => 'Hello', tag => 'HUMAN_AGENT'),
            {%{body(text => 'Hello')}, messaging_type => 'MESSAGE_TAG', tag => 'HUMAN_AGENT'}],
        ['persona and silence', reply(text => 'Hello', persona_id => '42',
            notification_type => 'SILENT_PUSH'), {%{body(text => 'Hello')}, persona_id => '42',
            notification_type => 'SILENT_PUSH'}],
        ['raw', reply(raw => {message => {text => 'Your number?', quick_replies => [
            {content_type => 'user_phone_number'}]}}), body(text => 'Your number?',
            quick_replies => [{content_type => 'user_phone_number'}])],
        ['a media template', reply(raw => {messaging_type => 'UPDATE', message => {
            attachment => {type => 'template', payload => {template_type => 'media',
            elements => [{media_type => 'image', attachment_id => '1'}]}}}}),
            {%{template(template_type => 'media', elements => [{media_type => 'image',
            attachment_id => '1'}])}, messaging_type => 'UPDATE'}],
        ['typing', 'typing', {sender_action => 'typing_on'}],
        ['typing off', reply(raw => {sender_action => 'typing_off'}),
            {sender_action => 'typing_off'}],
    );
    my ($id) = Sends::job($rig, $PAGE, {send => {account => $PAGE, to => '7291', text => 'News'}});
    ok Sends::result_of($rig, $id)->{ok}, 'a send';
    call_is(($rig->graph->calls)[-1], 'is an update', path => "$PAGE/messages",
        token => "page:$PAGE", body => {recipient => {id => '7291'}, messaging_type => 'UPDATE',
        message => {text => 'News', metadata => $id}});
    $rig->settle(20, 'meta:outbox');
    $rig->finish(queues => ['meta:outbox']);
};


subtest 'what needs a message' => sub {
    my $rig = Rig->new;
    my %to = (token => "page:$PAGE", path => "$PAGE/messages");
    my @who = (recipient => {id => '7290000000000001'});
    $rig->graph->fault({match => {path => '_thread_control$'}, times => 9, fault => {
        accepted => $true, json => {success => $true}}});
    by_rules($rig, {when => 'product: messenger, kind: message'},
        sub { messenger(text => "case $_[0]", id => "m_case$_[0]") },
        ['mark_read', 'mark_read', {%to, body => {@who, sender_action => 'mark_seen'}}],
        ['typing', 'typing', {%to, body => {@who, sender_action => 'typing_on'}}],
        ['a quote', reply(text => 'Ja.', quote => $true), {%to, body => {@who,
            %{body(text => 'Ja.', metadata => 'm_case2')}, reply_to => {mid => 'm_case2'}}}],
        ['handover', {handover => {to => '263902037430900', metadata => 'meta'}}, {%to,
            path => "$PAGE/pass_thread_control", body => {@who,
            target_app_id => '263902037430900', metadata => 'meta'}}],
        map { ["handover: $_", {handover => {to => $_}}, {%to,
            path => "$PAGE/${_}_thread_control", body => {@who}}] } qw(take request release));
    $rig->finish;
};


subtest 'a file of this machine' => sub {
    my $rig = Rig->new;
    my $dir = $rig->file('out');
    mkdir $dir or die "$dir: $!";
    spew("$dir/$_->[0]", $_->[1]) for ['a.png', "\x89PNG" . 'x' x 100],
        ['large.png', "\x89PNG" . 'x' x (25 * 1024 * 1024)];
    outbox($rig, more => "outbox: {files_dir: $dir}\n");
    refused($rig, $PAGE, ['over 25 MB', reply(image => {file => "$dir/large.png"}),
        'reply.image.file', '26214400 bytes', qr/26214404 bytes/]);
    my ($id, $to) = Sends::job($rig, $PAGE, reply(image => {file => "$dir/a.png"}));
    ok Sends::result_of($rig, $id)->{ok}, 'is sent';
    my ($upload, $message) = $rig->graph->calls;
    is_deeply [@$upload{qw(method path)}, $upload->{headers}{Authorization}],
        ['POST', "/v24.0/$PAGE/message_attachments", "Bearer page:$PAGE"], 'uploaded';
    like $upload->{headers}{'Content-Type'}, qr{^multipart/form-data; boundary=}, 'as a form';
    is_deeply $upload->{body}{message}, {attachment => {type => 'image',
        payload => {is_reusable => $true}}}, 'that says what it is';
    call_is($message, 'and named by its id', path => "$PAGE/messages", token => "page:$PAGE",
        body => {recipient => {id => $to}, messaging_type => 'RESPONSE', message => {
        metadata => $id, attachment => {type => 'image', payload => {attachment_id =>
        $upload->{answer}{body}{attachment_id}}}}});
    $rig->settle(20, 'meta:outbox');
    $rig->finish(queues => ['meta:outbox']);
};


# What another library sends for the same, met in meaning.  What differs everywhere: the path
# names the Page and not "me", which for a Page's token is the same; the token travels in a
# header (meta-graph-oauth-ads-capi.md 1.3); metadata says whose message it is, so that an echo
# settles it.  What differs besides is said beside the sample.
my %SAMPLES = (
    fb_text => [{text => "Hello \"world\" \\ / é 日本 😀\nline2"}],
    fb_text_noproof => [{text => "Hello \"world\" \\ / é 日本 😀\nline2"}],
    fb_image_url => [{image => {link => 'https://example.com/i.jpg'}}],
    fb_quick_replies => [{text => 'Pick a color:', quick_replies => [{title => 'Red',
        payload => 'RED'}, {content_type => 'user_phone_number'}]}],
    fb_button_template => [{buttons => {text => 'What next?', buttons => [{title => 'Site',
        url => 'https://example.com'}, {title => 'Start', payload => 'P'}]}}],
    fb_generic_template => [{generic => {elements => [{title => 'T', subtitle => 'S',
        image_url => 'https://example.com/i.png', buttons => [{title => 'B',
        payload => 'X'}]}]}}],
    fb_typing_on => ['typing'],
    fb_mark_seen => ['mark_read'],
    fb_pass_thread => [{handover => {to => '263902037430900', metadata => 'meta'}},
        'an id as a text: ids of webhooks are both, and a text holds any',
        sub { $_[0]{target_app_id} .= '' }],
    fb_get_profile => [{graph => {method => 'GET', path => '1254477777772919',
        params => {fields => 'id,name,first_name,last_name,profile_pic'}}}],
    fb_set_get_started => [{graph => {method => 'POST', path => 'me/messenger_profile',
        params => {get_started => {payload => 'GET_STARTED'}}}}],
);
my %NOT_SENT = (
    fb_text_tag => 'CONFIRMED_EVENT_UPDATE died on 27 April 2026: see limits',
    fb_subscription => "the app's own token, no account's: metactl's",
    oauth_debug_token => "the app's own token, no account's: metactl's",
);

subtest 'samples' => sub {
    my $dir = "$FindBin::Bin/../../../shared/samples/outbound/messaging-api-messenger";
    my @files = glob "$dir/*.json";
    plan skip_all => 'no samples in ../shared/samples/outbound' if !@files;
    my $rig = Rig->new;
    $rig->graph->fault({match => {path => $_}, times => 0, fault => {json => {result =>
        'success', success => $true}}}) for '_thread_control$', 'messenger_profile$', '2919$';
    outbox($rig);
    for my $file (@files) {
        my ($name) = $file =~ m{([^/]+)\.json$};
        next if $NOT_SENT{$name};
        my ($action, undef, $differs) = @{$SAMPLES{$name} // [undef]};
        ok $action, "$name: is known" or next;
        my $sample = JSON::PP->new->utf8->decode(slurp($file))->{requests}[0];
        my $body = $sample->{body_json} // {};
        $differs->($body) if $differs;
        my $who = '1254477777772919';
        my $send = ref $action && !grep { $action->{$_} } qw(handover graph);
        my $id = "sample-$name";
        $rig->push_to('meta:outbox', JSON::PP->new->utf8->encode({v => 1, id => $id,
            account => $PAGE, to => $who, reply_to => "meta:reply:$id", do => [$send
            ? {send => {account => $PAGE, to => $who, %$action}} : $action]}));
        my $result = Sends::result_of($rig, $id);
        ok $result->{ok}, "$name: is sent" or diag explain $result;
        my $call = ($rig->graph->calls)[-1];
        delete $call->{body}{message}{metadata} if $call->{body}{message};
        my %query = %{$sample->{query}};
        delete @query{qw(access_token appsecret_proof)};
        is_deeply [$call->{method}, $call->{path} =~ s{.*?/(?:v[\d.]+/)(?:\Q$PAGE\E(?=/))?}{}r,
            $call->{query}, $call->{body}], [$sample->{method}, $sample->{path}
            =~ s{/v[\d.]+/(?:me(?=/messages|/pass))?}{}r, \%query, $body], "$name: the same"
            or diag explain $call;
    }
    is_deeply [sort keys %SAMPLES, keys %NOT_SENT], [sort map { m{([^/]+)\.json$} } @files],
        'each sample is here';
    $rig->settle(20, 'meta:outbox');
    $rig->finish(queues => ['meta:outbox']);
};


# one comment on a post of the Page, so many days old
sub comment {
    my ($n, $days, %value) = @_;
    my $time = time - 86400 * ($days // 0);
    return record(object => 'page', entry => $PAGE, field => 'feed', time => 1000 * $time,
        id => "id-comment$n", key => "$PAGE:1220_9$n", event => {field => 'feed', value => {
        item => 'comment', verb => 'add', comment_id => "1220_9$n", post_id => "${PAGE}_1220",
        from => {id => '729', name => 'Ines'}, created_time => $time, message => "case $n",
        %value}});
}


subtest 'comments' => sub {
    my $rig = Rig->new;
    my %to = (token => "page:$PAGE");
    by_rules($rig, {when => 'product: messenger, kind: comment'}, \&comment,
        ['in public', {comment_reply => {text => 'Ja.'}}, {%to, path => '1220_90/comments',
            body => {message => 'Ja.'}}],
        ['in private', {private_reply => {text => 'Ja.'}}, {%to, path => "$PAGE/messages",
            body => {recipient => {comment_id => '1220_91'}, %{body(text => 'Ja.',
            metadata => 'id-comment1')}}}],
        ['hide', 'hide', {%to, path => '1220_92', body => {is_hidden => $true}}],
        ['delete', 'delete', {%to, path => '1220_93', method => 'DELETE'}],
    );
    $rig->finish;
};


subtest 'a private reply is one, within 7 days' => sub {
    my $rig = Rig->new;
    my $when = 'product: messenger, kind: comment';
    $rig->consumer(rules => <<"END");
rules:
  - {when: {$when}, max_age: none, do: [{private_reply: {text: Ja.}}]}
  - {when: {$when, text: twice}, do: [{private_reply: {text: Nein.}}]}
END
    $rig->push(comment(1, 6), comment(2, 8), comment(3, 0, message => 'twice'));
    $rig->settle;
    is_deeply [sort map { $_->{body}{recipient}{comment_id} } $rig->graph->calls],
        [qw(1220_91 1220_93)], 'what may be answered is';
    my ($second, $old) = sort { $b->{answer} cmp $a->{answer} } $rig->dead;
    like $old->{answer}, qr/^private_reply: the comment is 8 days old/, 'too old';
    like $second->{answer}, qr/^private_reply: this comment has one already/, 'a second one';
    $rig->finish;
};


subtest 'lanes' => sub {
    my $rig = Rig->new;
    $rig->consumer(rules => <<'END');
rules:
  - {when: {product: messenger, kind: message, text: film}, do: [{reply: {video: {id: "1"}}}]}
  - {when: {product: messenger, kind: message, text: word}, do: [{reply: {text: word}}]}
  - {when: {product: messenger, kind: message, text: seen}, do: [mark_read]}
  - {when: {product: messenger, kind: comment, text: private}, do: [{private_reply: {text: a}}]}
  - {when: {product: messenger, kind: comment, text: public}, do: [{comment_reply: {text: a}}]}
END
    my %lanes;
    for (['film', messenger(text => 'film')], ['word', messenger(text => 'word')],
        ['seen', messenger(text => 'seen')], ['private', comment(1, 0, message => 'private')],
        ['public', comment(2, 0, message => 'public')])
    {
        $rig->do('DEL', $_) for $rig->do('KEYS', 'meta:limit:*');
        $rig->push($_->[1]);
        $rig->settle;
        $lanes{$_->[0]} = join ' ', sort map { s/^meta:limit:(?:rate:)?//r }
            $rig->do('KEYS', 'meta:limit:*');
    }
    is_deeply \%lanes, {word => "page:$PAGE", film => "media:$PAGE page:$PAGE",
        private => "page:$PAGE private:$PAGE", seen => '', public => ''},
        'each with a rate of its own counts there';
    $rig->finish;
};


subtest 'limits' => sub {
    my $rig = Rig->new;
    outbox($rig);
    my @quick = map { {title => "T$_", payload => "P$_"} } 1 .. 14;
    my @elements = map { {title => "T$_", subtitle => 'S'} } 1 .. 11;
    my $died = qr/ended \w+ on 27 April 2026/;
    refused($rig, $PAGE, (map { [ref $_ ? keys %$_ : $_, $_, ref $_ ? keys %$_ : $_, undef,
            qr/no comment/] } {comment_reply => {text => 'a'}}, {private_reply => {text => 'a'}},
            'hide', 'delete'),
        ['a long text', reply(text => 'ä' x 2000), 'reply.text', '1999 characters', qr/2000 char/],
        ['14 quick replies', reply(text => 'a', quick_replies => \@quick), 'reply.quick_replies',
            '13 quick replies', qr/14 quick replies/],
        ['their title', reply(text => 'a', quick_replies => [{title => 'ä' x 21,
            payload => 'P'}]), 'reply.quick_replies[0].title', '20 characters', qr/21 char/],
        ['their payload', reply(text => 'a', quick_replies => [{title => 'a',
            payload => 'P' x 1001}]), 'reply.quick_replies[0].payload', '1000 characters',
            qr/1001/],
        ['what they ask', reply(text => 'a', quick_replies => [{content_type => 'location'}]),
            'reply.quick_replies[0].content_type', 'text, user_phone_number, user_email',
            qr/must be one of/],
        ['asking with a title', reply(text => 'a', quick_replies => [{content_type =>
            'user_email', title => 'Mail'}]), 'reply.quick_replies[0]', undef, qr/no title/],
        ['a button text', reply(buttons => {text => 'a' x 641, buttons => \@buttons}),
            'reply.buttons.text', '640 characters', qr/641/],
        ['4 buttons', reply(buttons => {text => 'a', buttons => [(@buttons) x 2]}),
            'reply.buttons.buttons', '3 elements', qr/4 elements/],
        ['a button title', reply(buttons => {text => 'a', buttons => [{title => 'a' x 21,
            payload => 'P'}]}), 'reply.buttons.buttons[0].title', '20 characters', qr/21/],
        ['a button of nothing', reply(buttons => {text => 'a', buttons => [{title => 'a'}]}),
            'reply.buttons.buttons[0]', undef, qr/needs payload or url/],
        ['a header', reply(buttons => {text => 'a', buttons => \@buttons, header => 'h'}),
            'reply.buttons.header', undef, qr/unknown parameter/],
        ['11 elements', reply(generic => {elements => \@elements}), 'reply.generic.elements',
            '10 elements', qr/11 elements/],
        ['only a title', reply(generic => {elements => [{title => 'T'}]}),
            'reply.generic.elements[0]', '1 more than title', qr/one more property/],
        ['a long title', reply(generic => {elements => [{title => 'T' x 81, subtitle => 'S'}]}),
            'reply.generic.elements[0].title', '80 characters', qr/81/],
        ['a long subtitle', reply(generic => {elements => [{title => 'T',
            subtitle => 'S' x 81}]}), 'reply.generic.elements[0].subtitle', '80 characters',
            qr/81/],
        ['14 rows', reply(list => {text => 'a', rows => \@quick}), 'reply.list.rows',
            '13 elements', qr/14/],
        ['14 rows in sections', reply(list => {text => 'a', sections => [
            {rows => [@quick[0 .. 6]]}, {rows => [@quick[7 .. 13]]}]}), 'reply.list.sections',
            '13 rows', qr/14 rows/],
        ['a caption', reply(image => {link => $link, caption => 'C'}), 'reply.image.caption',
            undef, qr/no caption/],
        ['link and id', reply(image => {link => $link, id => '1'}), 'reply.image', undef,
            qr/exactly one of these: link, id, file/],
        ['no link', reply(image => {link => 'shop.example'}), 'reply.image.link', undef,
            qr/whole URL/],
        ['reusable what', reply(image => {id => '1', reusable => $true}), 'reply.image.reusable',
            undef, qr/goes with link/],
        (map { ["the tag $_", reply(text => 'a', tag => $_), 'reply.tag',
            'HUMAN_AGENT, CUSTOMER_FEEDBACK', $died] }
            qw(ACCOUNT_UPDATE CONFIRMED_EVENT_UPDATE POST_PURCHASE_UPDATE)),
        ['no such tag', reply(text => 'a', tag => 'PAIRING_UPDATE'), 'reply.tag',
            'HUMAN_AGENT, CUSTOMER_FEEDBACK', qr/must be HUMAN_AGENT/],
        ['feedback with a text', reply(text => 'a', tag => 'CUSTOMER_FEEDBACK'), 'reply.tag',
            undef, qr/feedback template only/],
        ['a dead tag in raw', reply(raw => {tag => 'ACCOUNT_UPDATE', message => {text => 'a'}}),
            'reply.raw.tag', 'HUMAN_AGENT, CUSTOMER_FEEDBACK', $died],
        ['a long text in raw', reply(raw => {message => {text => 'a' x 2000}}),
            'reply.raw.message.text', '1999 characters', qr/2000/],
        ['metadata in raw', reply(raw => {message => {text => 'a', metadata => 'm' x 1000}}),
            'reply.raw.message.metadata', '999 characters', qr/1000/],
        ['a template in raw', reply(raw => {message => {attachment => {type => 'template',
            payload => {template_type => 'button', text => 'a', buttons => [(@typed) x 2]}}}}),
            'reply.raw.message.attachment.payload.buttons', '3 elements', qr/4 elements/],
        ['a recipient in raw', reply(raw => {recipient => {id => 1}, message => {text => 'a'}}),
            'reply.raw', undef, qr/recipient is set by the call/],
        ['raw of two', reply(raw => {sender_action => 'typing_on', message => {text => 'a'}}),
            'reply.raw', undef, qr/exactly one of these/],
        ['a tag beside raw', reply(raw => {message => {text => 'a'}}, tag => 'HUMAN_AGENT'),
            'reply', undef, qr/stand in it/],
        ['a notification', reply(text => 'a', notification_type => 'LOUD'),
            'reply.notification_type', 'REGULAR, SILENT_PUSH, NO_PUSH', qr/must be one of/],
        (map { ["a $_", reply($_ => {}), "reply.$_", undef, qr/messenger has no $_/] }
            qw(sticker location interactive)),
        ['a reaction', {react => {emoji => '👍'}}, 'react', undef, qr/\w/],
        ['a handover to nobody', {handover => {to => 'inbox'}}, 'handover.to',
            "an app's id, take, request, release", qr/id of an app/],
    );
    $rig->settle(20, 'meta:outbox');
    $rig->finish(queues => ['meta:outbox']);
};


done_testing;
