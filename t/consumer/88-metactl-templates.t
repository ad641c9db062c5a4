# metactl template and its kind: what Meta is asked, what is said of it, what becomes of files.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP qw(decode_json encode_json);
use Test::More;

use Ctl qw($PAGE);
use Test::Meta::Graph;
use Test::Meta::Util qw(slurp spew);

my ($NUMBER, $WABA, $APP) = qw(106540352242922 102290129340398 1234567890);
my ($LINKED, $ALONE) = qw(17841460233915708 17841460000000000);    # of Instagram
my $NUMBER_TOKEN = "EAAnumber${$}SECRETTOKEN0003";
my $ALONE_TOKEN = "IGalone${$}SECRETTOKEN0004";

my $ctl = Ctl->new;
my $graph = Test::Meta::Graph->new(dir => $ctl->{dir}, args => [
    '--app', "$APP:app-secret", '--token', "page:$PAGE\@$LINKED:$Ctl::TOKEN",
    '--token', "whatsapp:$NUMBER\@$WABA:$NUMBER_TOKEN",
    '--token', "instagram:$ALONE:$ALONE_TOKEN"])->start;
spew($ctl->file('number'), "$NUMBER_TOKEN\n");
spew($ctl->file('alone'), "$ALONE_TOKEN\n");
chmod 0600, $ctl->file($_) for qw(number alone);
configure('');

my $dir = $ctl->file('templates');
mkdir $dir;

sub configure {
    my ($more) = @_;
    my $file = $ctl->conf;
    my $text = slurp($file);
    $text =~ s/(tokens: \[)/$1\{kind: whatsapp, id: "$NUMBER", waba: "$WABA", file: @{[
        $ctl->file('number')]}}, {kind: instagram, id: "$ALONE", file: @{[
        $ctl->file('alone')]}}, /;
    $text =~ s/(id: "$PAGE")/$1, instagram: "$LINKED"/;
    spew($file, $text . 'graph: {version: v24.0, base_url: "' . $graph->url . "\"}\n$more");
}

sub template {
    my ($name, $language, $body, %more) = @_;
    spew("$dir/$name.$language.json", encode_json({name => $name, language => $language,
        category => 'UTILITY', components => [{type => 'BODY', text => $body},
        {type => 'FOOTER', text => 'bye'}], %more}));
}

# what metactl says, its exit status, and the calls that came of it
sub metactl {
    my (@args) = @_;
    my $before = $graph->calls;
    my ($code, $out, $err) = $ctl->run(@args);
    is index($out . $err, $_), -1, 'nor another token' for $NUMBER_TOKEN, $ALONE_TOKEN;
    my @calls = $graph->calls;
    return ($code, $out, $err, @calls[$before .. $#calls]);
}

sub shown { return map { "$_->{method} " . $_->{path} =~ s{^/v[\d.]+/}{}r } @_ }

subtest 'diff and push' => sub {
    template('order_ready', 'de', 'Da.');
    template('order_ready', 'en', 'Here.');
    my ($code, $out, $err, @calls) = metactl('template', 'diff', $dir);
    is $code, 1, 'they differ';
    like $out, qr{^order_ready de: only in \Q$dir\E/order_ready\.de\.json\n}, 'each is named';
    is_deeply [map { $_->{method} } @calls], ['GET'], 'one question';
    is $calls[0]{query}{limit}, 50, 'by pages';

    ($code, $out, $err, @calls) = metactl('template', 'push', $dir, '--dry-run');
    is "$code $out", "0 would create order_ready de\nwould create order_ready en\n", 'a dry run';
    is_deeply [map { $_->{method} } @calls], ['GET'], 'asks, and does nothing';

    ($code, $out, $err, @calls) = metactl('template', 'push', $dir);
    is "$code $out", "0 created order_ready de: PENDING\ncreated order_ready en: PENDING\n",
        'both are made';
    is $calls[-1]{path}, "/v24.0/$WABA/message_templates", 'where';
    is_deeply $calls[-1]{body}, decode_json(slurp("$dir/order_ready.en.json")), 'as the file says';
    is +(metactl('template', 'diff', $dir))[0], 0, 'no difference any more';
    is +(metactl('template', 'push', $dir))[1], "nothing to do\n", 'so nothing is pushed';
};

subtest 'an edit, and how often Meta takes one' => sub {
    template('order_ready', 'de', 'Da, Ihr.');
    my ($code, $out, $err) = metactl('template', 'diff', $dir);
    is $code, 1, 'one differs';
    like $out, qr{components\[0\]\.text\n +Meta +"Da\."\n +file +"Da, Ihr\."\n1 the same, 1 differ},
        'where, and how';
    my $json = decode_json((metactl('template', 'diff', $dir, '--json'))[1]);
    my ($differs) = grep { $_->{state} eq 'differs' } @{$json->{templates}};
    is_deeply $differs->{changes}, [{path => 'components[0].text', meta => 'Da.',
        file => 'Da, Ihr.'}], 'as JSON';
    ($code, $out, $err, my @calls) = metactl('template', 'push', $dir);
    is $code, 0, 'the first edit';
    is $calls[-1]{path}, "/v24.0/$differs->{id}", 'of that id';
    is_deeply [keys %{$calls[-1]{body}}], ['components'], 'without what may not be changed';
    template('order_ready', 'de', 'Da, Ihr alle.');
    ($code, $out, $err) = metactl('template', 'push', $dir);
    is $code, 1, 'the second is too much';
    like $err, qr/once in 24 hours/, 'Meta says so';
    like $err, qr/^metactl: A parameter is invalid\. /m, 'and so do we, in our words';
    like $out, qr/^failed order_ready de\n/, 'which';
};

subtest 'nothing is sent that would fail' => sub {
    spew("$dir/bad.json", '{"name":"Bad","language":"de","category":"UTILITY"}');
    my ($code, $out, $err, @calls) = metactl('template', 'push', $dir);
    is "$code @calls", '1 ', 'a faulty file';
    like $err, qr{/bad\.json: name: takes a to z}, 'is named, and what is wrong';
    spew("$dir/bad.json", slurp("$dir/order_ready.de.json"));
    like +(metactl('template', 'push', $dir))[2], qr/are the same template/, 'two of the same';
    unlink "$dir/bad.json";
    is +(metactl('template', 'push', "$dir/none"))[0], 4, 'no such directory';
};

subtest 'pull and delete' => sub {
    unlink "$dir/order_ready.en.json";
    my ($code, $out) = metactl('template', 'pull', $dir);
    is $out, "$dir/order_ready.en.json\n", 'what has no file gets one';
    is decode_json(slurp("$dir/order_ready.en.json"))->{components}[0]{text}, 'Here.', 'with it';
    like slurp("$dir/order_ready.de.json"), qr/Ihr alle/, 'the other stays';
    is +(metactl('template', 'delete', 'order_ready'))[0], 2, 'all languages only when asked for';
    is +(metactl('template', 'delete', 'order_ready', '--language', 'fr'))[0], 4, 'none';
    ($code, $out, undef, my @calls) =
        metactl('template', 'delete', 'order_ready', '--language', 'en');
    is $code, 0, 'one language';
    ok $calls[-1]{query}{hsm_id}, 'by its id';
    ($code, $out) = metactl('template', 'list');
    like $out, qr/^order_ready +de +APPROVED +UTILITY +\d+$/m, 'the other is there';
    unlike $out, qr/ en /, 'and that one is not';
    is +(metactl('template', 'delete', 'order_ready', '--all'))[0], 0, 'all of it';
};

subtest 'pages' => sub {
    my @made = map { {waba => $WABA, name => "t$_", language => 'en', status => 'APPROVED',
        category => 'UTILITY', components => [{type => 'BODY', text => 'x'}]} } 1 .. 60;
    HTTP::Tiny->new->post($graph->url . '/_emulator/templates', {content => encode_json($_)})
        for @made;
    my ($code, $out, $err, @calls) = metactl('template', 'list', '--json');
    is scalar(@{decode_json($out)->{templates}}), 60, 'all of them';
    is scalar(@calls), 2, 'of two pages';
};

subtest 'calls by their names' => sub {
    my ($code, $out, $err, @calls) = metactl('number', 'register', 'pin=48291');
    is "$code @calls", '1 ', 'a pin that is none stays here';
    like $err, qr/number\.register\.pin: must be 6 digits/, 'and that is said';
    spew($ctl->file('pin'), "482913\n");
    ($code, $out, $err, @calls) =
        metactl('number', 'register', 'pin=@' . $ctl->file('pin'));
    is_deeply [$code, shown(@calls)], [0, "POST $NUMBER/register"], 'a good one goes';
    is_deeply $calls[0]{body}, {messaging_product => 'whatsapp', pin => '<hidden>'},
        'with what is always there';
    is +(metactl('number', 'deregister', '--dry-run'))[1], "not sent: POST $NUMBER/deregister\n",
        'a dry run says what it would do';
    is +(metactl('profile', 'show'))[0], 2, 'several products: say whose';
    ($code, $out, $err, @calls) = metactl('profile', 'set', '--account', $NUMBER, 'about=Open',
        'websites=https://a.example,https://b.example');
    is_deeply $calls[0]{body}{websites}, ['https://a.example', 'https://b.example'], 'a list';
    my $json = decode_json((metactl('profile', 'show', '--account', $NUMBER, '--json'))[1]);
    is $json->{answer}{data}[0]{about}, 'Open', 'and back';
    ($code, $out, $err, @calls) = metactl('subscription', 'list', '--waba', $WABA);
    is_deeply [$code, shown(@calls)], [0, "GET $WABA/subscribed_apps"], 'of a WABA';
    ($code, $out, $err, @calls) = metactl('block', '+4915550100441');
    is_deeply $calls[0]{body}{block_users}, [{user => '+4915550100441'}], 'block';
    ($code, $out) = metactl('block');
    unlike $out, qr/4915550100441/, 'people are masked';
    ($code, $out) = metactl('block', '--reveal');
    like $out, qr/4915550100441/, 'unless revealed';
    is_deeply [shown((metactl('unblock', '+4915550100441'))[3])], ["DELETE $NUMBER/block_users"],
        'unblock';
};

subtest 'Pages and Instagram' => sub {
    my ($code, $out, $err, @calls) = metactl('persona', 'create', '--account', $PAGE, 'name=Ines',
        'profile_picture_url=https://e.example/i.png');
    is_deeply [$code, shown(@calls)], [0, "POST $PAGE/personas"], 'a persona';
    my ($id) = $out =~ /^id: (\d+)$/;
    is +(metactl('persona', 'delete', "persona=$id", '--account', $PAGE))[0], 0, 'which goes again';
    ($code, $out, $err, @calls) = metactl('subscription', 'add', '--account', $PAGE,
        'subscribed_fields=messages,feed');
    is_deeply [$code, shown(@calls)], [0, "POST $PAGE/subscribed_apps"], 'a Page';
    is $calls[0]{query}{subscribed_fields}, 'messages,feed', 'with its fields';
    my $breakers = 'ice_breakers=[{"question":"Open?","payload":"OPEN"}]';
    for my $account ($LINKED, $ALONE) {
        my $by = $account eq $LINKED ? 'page' : 'instagram';
        ($code, $out, $err, @calls) = metactl('profile', 'set', '--account', $account, $breakers);
        is_deeply [$code, shown(@calls)], [0, 'POST me/messenger_profile'], "Instagram by $by";
        is $calls[0]{body}{platform}, 'instagram', 'says so';
        like $calls[0]{token}, qr/^$by:/, 'with its token';
    }
    ($code, $out, $err, @calls) = metactl('profile', 'set', '--account', $PAGE, 'get_start={}');
    is "$code @calls", '1 ', 'an unknown property stays here';
};

subtest 'calls by method and path' => sub {
    my ($code, $out, $err, @calls) = metactl('graph', 'GET', $NUMBER, '--account', $NUMBER,
        'fields=id,throughput');
    is $code, 0, 'what no row is goes as it is';
    is $calls[0]{query}{fields}, 'id,throughput', 'with its parameters';
    ($code, $out, $err, @calls) = metactl('graph', 'POST', "$NUMBER/register", '--account', $NUMBER,
        '--params', '{"pin":1}');
    is "$code @calls", '1 ', 'what a row is, is checked';
    is +(metactl('graph', 'GET', '../x', '--account', $NUMBER))[0], 2, 'a path, never out of it';
    is +(metactl('graph', 'nosuch.call'))[0], 4, 'no such call';
    is +(metactl('graph', 'number.register', 'pin'))[0], 2, 'no name=value';
    like +(metactl('graph'))[1], qr/^template\.create +whatsapp +POST/m, 'they are listed';
    ($code, $out) = metactl('graph', 'GET', '1', '--account', $NUMBER, '--json');
    is $code, 1, 'what Meta refuses';
    is decode_json($out)->{error}{class}, 'never', 'has a class';
};

subtest 'nothing is written with dry_run' => sub {
    configure("dry_run: true\n");
    my ($code, $out, $err, @calls) = metactl('number', 'pin', 'pin=482913');
    is "$code @calls", '0 ', 'nothing is sent';
    like $out, qr/^not sent: POST/, 'and that is said';
};

subtest 'nobody there' => sub {
    $graph->stop;
    my ($code, $out, $err) = $ctl->run('number', 'list');
    is $code, 3, 'unreachable';
    like $err, qr/nothing was sent/, 'and that is said';
};

$ctl->finish;
done_testing;
