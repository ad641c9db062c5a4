# What each send to WhatsApp is on the wire: method, path, headers and body, against the reference
# and against what another client sends.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Digest::SHA qw(sha256 sha256_hex);
use JSON::PP ();
use Test::More;

use Rig qw(whatsapp $PHONE);
use Test::Meta::Outbound qw(differences samples samples_here);
use Test::Meta::Peer;
use Test::Meta::Util qw(patience slurp spew);

my $OUTBOX = 'meta:outbox';
my $WAMID = 'wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA=';
my $json = JSON::PP->new->canonical->utf8;
my $TO = '+16505551234';

# op of the samples => the action that does the same
my %job = (
    wa_text => {reply => {text => "Hello \"world\" \\ / é 日本 😀\nline2"}},
    wa_text_preview => {reply => {text => 'see https://example.com', preview_url => \1}},
    wa_image_id => {reply => {image => {id => '1037543291543636'}}},
    wa_image_link => {reply => {image => {link => 'https://example.com/i.jpg', caption => 'cap'}}},
    wa_video => {reply => {video => {link => 'https://example.com/v.mp4', caption => 'v'}}},
    wa_audio => {reply => {audio => {id => '99'}}},
    wa_document => {reply => {document => {link => 'https://example.com/f.pdf', caption => 'c',
        filename => 'f.pdf'}}},
    wa_sticker => {reply => {sticker => {id => '77'}}},
    wa_location => {reply => {location => {longitude => '-122.16165924072',
        latitude => '37.44221496582', name => 'Philz Coffee',
        address => '101 Forest Ave, Palo Alto, CA 94301'}}},
    wa_contacts => {reply => {contacts => [{name => {formatted_name => 'Jane Doe',
        first_name => 'Jane', last_name => 'Doe'}, phones => [{phone => '+16505559999',
        type => 'WORK', wa_id => '16505559999'}]}]}},
    wa_interactive_buttons => {reply => {buttons => {text => 'Pick one', buttons => [
        {title => 'A', payload => 'a'}, {title => 'B', payload => 'b'}]}}},
    wa_interactive_cta_url => {reply => {buttons => {text => 'B', buttons => [
        {title => 'See', url => 'https://example.com/x?y=1&z=2'}]}}},
    wa_interactive_list => {reply => {list => {text => 'B', header => 'H', footer => 'F',
        button => 'Open', sections => [{title => 'S1', rows => [
        {title => 'R1', payload => 'r1', description => 'd1'},
        {title => 'R2', payload => 'r2'}]}]}}},
    wa_template_text => {template => {name => 'hello_world', language => 'en_US'}},
    wa_template_components => {template => {name => 'order_update', language => 'en_US',
        components => [{type => 'header', parameters => [{type => 'image',
        image => {link => 'https://example.com/h.png'}}]}, {type => 'body', parameters => [
        {type => 'text', text => 'Zoë "Q"'}, {type => 'currency', currency => {
        amount_1000 => 10500, code => 'USD', fallback_value => '$10.50'}}]},
        {type => 'button', sub_type => 'quick_reply', index => 0,
        parameters => [{type => 'payload', payload => 'YES'}]}]}},
);

# what answers a message, so that it takes one: the text that asks for it => its action
my %rule = (
    wa_mark_read => 'mark_read', wa_typing => 'typing',
    wa_reaction => '{react: {emoji: "👍"}}', wa_reaction_remove => '{react: {emoji: ""}}',
    wa_text_reply => '{reply: {text: re, quote: true}}',
);

# everywhere: why ours is not what they send
my %everywhere = (
    to => 'without + Meta takes it for a number of the business\'s country (7.1)',
    biz_opaque_callback_data => 'by this a status is known for ours (7.1)',
);
my %why = (
    wa_text => {'text.preview_url' => 'said rather than left to Meta\'s preset'},
    wa_text_reply => {'text.preview_url' => 'said rather than left to Meta\'s preset'},
    wa_location => {'location.longitude' => 'Meta\'s pages have texts (7.1)',
        'location.latitude' => 'Meta\'s pages have texts (7.1)'},
    wa_contacts => {contacts => 'an array, not the text of one (7.1)'},
    wa_template_text => {'template.language.policy' => 'not in the reference (7.3)'},
    wa_template_components => {'template.language.policy' => 'not in the reference (7.3)'},
);

# not sends of this grammar
my @others = qw(wa_media_get wa_media_delete wa_media_upload);


sub job {
    my ($id, $action, %more) = @_;
    return $json->encode({v => 1, id => $id, account => $PHONE, to => $TO, do => [$action],
        reply_to => "meta:reply:$id", %more});
}

sub result {
    my ($rig, $id) = @_;
    my $answer = $rig->do('BLPOP', "meta:reply:$id", 20 * patience());
    return $answer ? $json->decode($answer->[1]) : {};
}

sub jobs_rig {
    my ($rules, $more) = @_;
    my $rig = Rig->new;
    $rig->{c} = $rig->consumer(rules => $rules // "unmatched: drop\n", more => $more->($rig) // '',
        queues => qq([{name: "$Rig::Q", kind: events}, {name: "$OUTBOX", kind: jobs}]));
    return $rig;
}

sub is_send {
    my ($call, $op) = @_;
    is "$call->{method} $call->{path}", "POST /v24.0/$PHONE/messages", "$op: method and path";
    like $call->{headers}{'Content-Type'} // '', qr{^application/json}, "$op: JSON";
}


subtest 'as another client' => sub {
    plan skip_all => 'the samples are not here' if !samples_here();
    my %sample = samples('whatsapp-api-js');
    my $rig = jobs_rig('rules:' . join('', map {
        "\n  - {when: {product: whatsapp, kind: message, text: \"^ask for $_\$\"}, do: [$rule{$_}]}"
    } sort keys %rule) . "\n", sub { });
    is_deeply [sort keys %job, keys %rule, @others], [sort keys %sample], 'all of them';

    $rig->push_to($OUTBOX, map { job($_, $job{$_}) } sort keys %job);
    ok result($rig, $_)->{ok}, "$_: accepted" for sort keys %job;
    my %call = map { $_->{body}{biz_opaque_callback_data} => $_ }
        grep { $_->{body}{biz_opaque_callback_data} } $rig->graph->calls;

    my $n = 0;
    my %number = map { $_ => $n++ } sort keys %rule;
    my %user = map { $_ => '2782000' . int(1000 + rand 8999) } keys %rule;
    for my $op (sort keys %rule) {
        $rig->push(whatsapp(id => $WAMID . $number{$op}, user => $user{$op},
            text => "ask for $op"));
        $rig->settle;
        ($call{$op}) = ($rig->graph->calls)[-1];
    }

    for my $op (sort keys %job, keys %rule) {
        is_send($call{$op}, $op);
        my %allowed = (%everywhere, %{$why{$op} // {}});
        my $ours = $call{$op}{body};
        my $text = $json->encode($ours) =~ s/\Q$WAMID\E\d/$WAMID/gr;
        my %differ = differences($json->decode($text), $sample{$op}{body});
        delete @differ{grep { /^to$/ } keys %differ} if exists $rule{$op};
        is_deeply [grep { !$allowed{$_} } sort keys %differ], [],
            "$op: what differs has a reason" or diag explain \%differ;
        is_deeply [grep { !exists $differ{$_} } sort keys %{$why{$op} // {}}], [],
            "$op: and each reason is needed";
    }
    $rig->finish(queues => [$Rig::Q, $OUTBOX]);
};


subtest 'files' => sub {
    my $png = "\x89PNG\r\n\x1a\n" . join '', map { sha256($_) } 1 .. 5000;
    my $rig = jobs_rig(undef, sub {
        my ($rig) = @_;
        mkdir $rig->file('out');
        spew($rig->file('out/a.png'), $png);
        spew($rig->file('out/b.png'), 'GIF89a');
        spew($rig->file('out/big.png'), "\x89PNG" . 'x' x (5 * 1024 * 1024));
        spew($rig->file('out/empty.pdf'), '');
        spew($rig->file('secret.png'), $png);
        symlink $rig->file('secret.png'), $rig->file('out/link.png');
        system 'mkfifo', $rig->file('out/pipe.png');
        return "outbox: {files_dir: @{[$rig->file('out')]}}\n";
    });
    my $file = sub { $rig->file("out/$_[0]") };

    $rig->push_to($OUTBOX, job('sent', {reply => {image => {file => $file->('a.png'),
        caption => 'c'}}}));
    ok result($rig, 'sent')->{ok}, 'a picture of this machine is sent';
    my ($upload, $send) = $rig->graph->calls;
    is "$upload->{method} $upload->{path}", "POST /v24.0/$PHONE/media", 'first the file';
    like $upload->{headers}{'Content-Type'}, qr{^multipart/form-data; boundary=\w{32}$},
        'as a form';
    is $send->{body}{image}{caption}, 'c', 'then the message';
    like $send->{body}{image}{id}, qr/^\d+$/, 'by its id';
    is_deeply [sort keys %{$send->{body}{image}}], [qw(caption id)], 'and nothing of the path';

    my @refused = (
        ['b.png', undef, 'image/png', qr/holds something else/],
        ['big.png', '5242884 bytes', '5242880 bytes', qr/5242884 bytes/],
        ['link.png', undef, undef, qr/does not lie in outbox\.files_dir/],
        ['pipe.png', undef, undef, qr/no regular file/],
        ['none.png', undef, undef, qr{or is not there}],
    );
    for my $r (@refused) {
        my ($name, $value, $limit, $text) = @$r;
        $rig->push_to($OUTBOX, job($name, {reply => {image => {file => $file->($name)}}}));
        my $error = result($rig, $name)->{results}[0]{error};
        is $error->{parameter}, 'reply.image.file', "$name is refused";
        like $error->{text}, $text, "$name: and why";
        is $error->{value}, $value, "$name: value" if $value;
        is $error->{limit}, $limit, "$name: limit" if $limit;
    }
    is scalar(() = $rig->graph->calls), 2, 'nothing of them left the machine';

    $rig->graph->fault({match => {path => "$PHONE/messages"}, times => 1,
        fault => {code => 131053}});
    $rig->push_to($OUTBOX, job('again', {reply => {image => {file => $file->('a.png')}}}));
    ok result($rig, 'again')->{ok}, 'what Meta could not do with is uploaded once more';
    my @paths = map { $_->{path} =~ s{.*/}{}r } ($rig->graph->calls)[2 .. 5];
    is_deeply \@paths, [qw(media messages media messages)], 'and sent by the new id';
    $rig->finish(queues => [$Rig::Q, $OUTBOX]);
};


subtest 'a file on the wire' => sub {
    my $bytes = join '', map { sha256("$$ $_") } 1 .. 20_000;
    my $rig = Rig->new;
    spew($rig->file('a.bin'), $bytes);
    my $peer = Test::Meta::Peer->new(dir => $rig->dir,
        script => ["say:HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"id\":\"1187\"}",
            'ok'])->start;
    my $rules = "rules: [{when: {product: whatsapp, kind: message}, do: [{reply: {document: {file:"
        . " '@{[$rig->file('a.bin')]}'}}}]}]\n";
    my $c = $rig->consumer(conf => $rig->conf(rules => $rules)
        =~ s/base_url: "\K[^"]+/@{[$peer->url]}/r);
    $rig->push(whatsapp());
    $rig->settle;
    my ($head, $body, $boundary, $send) = slurp($peer->{log})
        =~ m{^request\ \d+\ (\S+)\ (--(\w{32})\r\n.*\r\n--\3--\r\n)\nheader\ .*
            ^request\ \d+\ \S+\ ([^\n]*)\n}msx;
    like $head, qr{^POST\|/v24\.0/$PHONE/media\|}, 'the path';
    my @parts = split /(?:\r\n)?--\Q$boundary\E(?:\r\n|--\r\n)/, $body;
    shift @parts;
    is_deeply [map { (split /\r\n\r\n/, $_, 2)[0] } @parts], [
        'Content-Disposition: form-data; name="messaging_product"',
        'Content-Disposition: form-data; name="type"',
        "Content-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n"
        . 'Content-Type: application/octet-stream'], 'three parts';
    is_deeply [map { (split /\r\n\r\n/, $_, 2)[1] } @parts[0, 1]],
        ['whatsapp', 'application/octet-stream'], 'the first two are words';
    is sha256_hex((split /\r\n\r\n/, $parts[2], 2)[1]), sha256_hex($bytes),
        'the third is the file, byte for byte';
    is_deeply $json->decode($send)->{document}, {id => '1187', filename => 'a.bin'},
        'the message names its id and its name';
    $rig->finish;
};


subtest 'a long text' => sub {
    my $rig = jobs_rig(undef, sub { });
    my $text = join ' ', map { sprintf('Sentence %03d ', $_) . 'x' x 80 . '.' } 1 .. 100;
    $rig->push_to($OUTBOX, job('long', {reply => {text => $text, split => \1}}));
    my $result = result($rig, 'long');
    ok $result->{ok}, 'is sent';
    my @texts = map { $_->{body}{text}{body} } $rig->graph->calls;
    is scalar @texts, 3, 'as three';
    is join(' ', @texts), $text, 'in their order, with nothing lost';
    is scalar(grep { !/\.\z/ } @texts), 0, 'cut at ends of sentences';
    is scalar @{$result->{results}}, 3, 'each has its result';
    $rig->finish(queues => [$Rig::Q, $OUTBOX]);
};

done_testing;
