# Webhooks from the emulator: signed, of any kind, tried again until they are
# acknowledged, and what they teach it.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../consumer/lib";

use Digest::SHA qw(hmac_sha256_hex sha256);
use Emulator qw(call emulator $PAGE $PHONE $SECRET $WABA %TOKEN);
use Handler;
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Mojo::JSON qw(decode_json);
use Test::Meta::Util qw(slurp temp_dir);
use Test::More;

my $IG = '17841460233915708';
my $graph = emulator('--strict', '--token', "instagram:$IG:IGtoken");
my $dir = temp_dir();
my $hook = Handler->new(dir => $dir, secret => '', answer => sub {
    my ($request) = @_;
    my ($need) = $request->{body} =~ /try (\d+)/ or return (200, '');
    my $same = () = slurp("$dir/handler.requests") =~ /try $need\b/g;
    return ($same >= $need ? 200 : 503, '');
})->start;


sub deliver { return $graph->control(POST => 'deliver', {url => $hook->url, @_}) }

# only that line is read: others are long
sub last_one {
    my @lines = split /\n/, slurp("$dir/handler.requests");
    my $request = JSON::PP->new->latin1->decode($lines[-1]);
    $request->{view} = decode_json($request->{body});
    return $request;
}

sub graph_code {
    my ($path, $token, $body) = @_;
    return (call($graph, POST => "/v24.0/$path", $token, $body))[2]{error}{code};
}


subtest 'a WhatsApp message: signed, acknowledged, and the window is open' => sub {
    my %send = (messaging_product => 'whatsapp', to => '+27820000001', text => {body => 'x'});
    is(graph_code("$PHONE/messages", $TOKEN{whatsapp}, \%send), 131047, 'closed before');
    my $said = deliver(product => 'whatsapp', text => "caf\x{e9} \x{1F44D} a/b",
        from => '27820000001', bsuid => 'ZA.4821');
    ok($said->{ok}, 'acknowledged') or diag explain $said;
    is(scalar @{$said->{tries}}, 1, 'at once');
    cmp_ok($said->{latency}, '>', 0, 'after some time');

    my $seen = last_one();
    is($seen->{headers}{'x-hub-signature-256'},
        'sha256=' . hmac_sha256_hex($seen->{body}, $SECRET), 'the signature');
    like($seen->{body}, qr/caf\\u00e9 \\ud83d\\udc4d a\\\/b/, 'as ASCII, like Meta');
    my $value = $seen->{view}{entry}[0]{changes}[0]{value};
    is($seen->{view}{entry}[0]{id}, $WABA, 'the account');
    is($value->{metadata}{phone_number_id}, $PHONE, 'the number');
    is($value->{messages}[0]{id}, $said->{ids}[0], 'its id is told');
    is($value->{messages}[0]{from_user_id}, 'ZA.4821', 'both ids of the person');

    is(graph_code("$PHONE/messages", $TOKEN{whatsapp}, \%send), undef, 'open now');
    is(graph_code("$PHONE/messages", $TOKEN{whatsapp},
        {messaging_product => 'whatsapp', recipient => 'ZA.4821', text => {body => 'x'}}),
        undef, 'by the other id too');
    is(graph_code("$PHONE/messages", $TOKEN{whatsapp}, {messaging_product => 'whatsapp',
        status => 'read', message_id => $said->{ids}[0]}), undef, 'the message is known');
    is(graph_code("$PHONE/messages", $TOKEN{whatsapp}, {messaging_product => 'whatsapp',
        status => 'read', message_id => 'wamid.no'}), 131009, 'another is not');
};

subtest 'media that can be fetched' => sub {
    deliver(product => 'whatsapp', type => 'image', text => 'look',
        file => {mime => 'image/png', bytes => encode_base64('pixels', '')});
    my $image = last_one()->{view}{entry}[0]{changes}[0]{value}{messages}[0]{image};
    is($image->{sha256}, encode_base64(sha256('pixels'), ''), 'its sha256 is base64');
    my $media = (call($graph, GET => "/v24.0/$image->{id}", $TOKEN{whatsapp}))[2];
    is($media->{mime_type}, 'image/png', 'Graph knows it');
    deliver(product => 'messenger', type => 'image');
    my ($url) = last_one()->{view}{entry}[0]{messaging}[0]{message}{attachments}[0]{payload}{url}
        =~ m{^http://[^/]+(.+)};
    is((call($graph, GET => $url))[2], 'emulated image', "Messenger's without a token");
};

subtest 'not acknowledged: again, as often as Meta would' => sub {
    my $said = deliver(product => 'messenger', text => 'try 3', clock => 10_000);
    is_deeply([map { $_->{status} } @{$said->{tries}}], [503, 503, 200], 'until 200')
        or diag explain $said;
    my @bodies = map { $_->{body} } grep { $_->{body} =~ /try 3/ } $hook->requests;
    is($bodies[0], $bodies[2], 'the same bytes');
    $said = deliver(product => 'messenger', text => 'try 9', tries => 2, clock => 10_000);
    ok(!$said->{ok} && @{$said->{tries}} == 2, 'or until it is enough');
    $said = deliver(product => 'messenger', url => 'http://127.0.0.1:1/', tries => 1);
    like($said->{tries}[0]{error}, qr/refused/i, 'nobody listens');
};

subtest 'an hour without an answer: unsubscribed from the Page' => sub {
    my $said = deliver(product => 'messenger', text => 'try 999', tries => 0,
        clock => 1_000_000);
    ok($said->{unsubscribed}, 'said so') or diag explain $said;
    is(scalar @{$said->{tries}}, 10, 'after ten tries');
    ok(!eval { deliver(product => 'messenger', text => 'x') }, 'nothing more comes');
    graph_code("$PAGE/subscribed_apps?subscribed_fields=messages", $TOKEN{page}, {});
    ok(deliver(product => 'messenger', text => 'x')->{ok}, 'until it is subscribed again');
};

subtest 'a thousand, in each shape' => sub {
    my %many = (product => 'whatsapp', text => 'm', count => 1000, people => 100);
    my %shape = (entries => [1000, 1, 1], changes => [1, 1000, 1], one => [1, 1, 1000]);
    for my $shape (sort keys %shape) {
        my $said = deliver(%many, shape => $shape);
        my $entries = last_one()->{view}{entry};
        my $changes = $entries->[0]{changes};
        my $messages = $changes->[0]{value}{messages};
        is_deeply([map { scalar @$_ } $entries, $changes, $messages], $shape{$shape}, $shape);
        my %ids = map { $_ => 1 } @{$said->{ids}};
        is(scalar keys %ids, 1000, 'each with its id');
    }
    my $value = last_one()->{view}{entry}[0]{changes}[0]{value};
    my %from = map { $_->{from} => 1 } @{$value->{messages}};
    is(scalar keys %from, 100, 'a hundred people');
    is(scalar @{$value->{contacts}}, 100, 'each one contact');
};

my @kinds = (
    [{product => 'whatsapp', kind => 'postback', payload => 'P'}, qr/button_reply/],
    [{product => 'whatsapp', kind => 'status', message => 'wamid.x', status => 'failed'},
        qr/"statuses".*|131026/],
    [{product => 'whatsapp', kind => 'preference'}, qr/"field":"user_preferences"/],
    [{product => 'whatsapp', kind => 'template', event => 'PAUSED'}, qr/"time":\d+/],
    [{product => 'whatsapp', kind => 'echo'}, qr/smb_message_echoes/],
    [{product => 'whatsapp', type => 'order', order => {catalog_id => '1'}}, qr/"order"/],
    [{product => 'whatsapp', field => 'calls', value => {calls => []}}, qr/"field":"calls"/],
    [{product => 'messenger', kind => 'postback'}, qr/"postback"/],
    [{product => 'messenger', kind => 'comment'}, qr/"item":"comment"/],
    [{product => 'messenger', kind => 'lead'}, qr/"field":"leadgen"/],
    [{product => 'messenger', kind => 'message', standby => 1}, qr/"standby":\[/],
    [{product => 'instagram', kind => 'comment'}, qr/"field":"comments"/],
    [{product => 'instagram', kind => 'read', message => 'x'}, qr/"read":\{"mid"/],
    [{object => 'user', entry => [{id => '4', changed_fields => ['photos']}]}, qr/"user"/],
    [{raw => '{"object":"page", "entry":[]}'}, qr/^\{"object":"page", "entry":\[\]\}$/],
);
for my $case (@kinds) {
    my ($short, $like) = @$case;
    deliver(%$short);
    like(last_one()->{body}, $like, join ' ', map { $short->{$_} // () } qw(product kind object
        raw type field));
}

subtest 'a comment, a lead: known to Graph' => sub {
    my $comment = deliver(product => 'instagram', kind => 'comment')->{ids}[0];
    is(graph_code("$comment/replies?message=Hi", 'IGtoken', {}), undef, 'a comment');
    my $lead = deliver(product => 'messenger', kind => 'lead')->{ids}[0];
    my $answer = (call($graph, GET => "/v24.0/$lead", $TOKEN{page}))[2];
    is($answer->{field_data}[0]{name}, 'full_name', 'a lead') or diag explain $answer;
};

subtest 'what is wrong is said' => sub {
    for my $bad ({product => 'x'}, {product => 'messenger', kind => 'x'}, {url => 'ftp://a/'},
        {product => 'whatsapp', count => 0}, {product => 'whatsapp', kind => 'edit'})
    {
        ok(!eval { deliver(%$bad) } && $@ =~ / refused: 400 /, Mojo::JSON::encode_json($bad));
    }
};

done_testing();
