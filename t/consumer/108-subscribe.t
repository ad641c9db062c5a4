# metactl subscribe makes both levels of webhooks what they should be, and the second time changes
# nothing; metactl explain http/...

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use IO::Socket::INET;
use JSON::PP qw(decode_json);
use Test::More;

use Ctl qw($PAGE $TOKEN);
use Test::Meta::Graph;
use Test::Meta::Util qw(root_dir slurp spew);

my ($NUMBER, $WABA, $APP) = qw(106540352242922 102290129340398 1234567890);
my $ALONE = '17841460000000000';
my $VERIFY = "verify-me-$$";

my $ctl = Ctl->new(rules => '[{when: {product: messenger, kind: comment}, do: [hide]}]');
my %token = (number => "EAAnumber${$}SECRETTOKEN0003", alone => "IGalone${$}SECRETTOKEN0004");
my $graph = Test::Meta::Graph->new(dir => $ctl->{dir}, args => ['--app', "$APP:app-secret",
    '--token', "page:$PAGE:$TOKEN", '--token', "whatsapp:$NUMBER\@$WABA:$token{number}",
    '--token', "instagram:$ALONE:$token{alone}"])->start;
spew($ctl->file($_), "$token{$_}\n") for keys %token;
spew($ctl->file('verify'), "$VERIFY\n");
chmod 0600, $ctl->file($_) for keys %token, 'verify';

sub configure {
    my ($more) = @_;
    my $file = $ctl->conf;
    my $text = slurp($file);
    $text =~ s/(tokens: \[)/$1\{kind: whatsapp, id: "$NUMBER", waba: "$WABA", file: @{[
        $ctl->file('number')]}}, {kind: instagram, id: "$ALONE", file: @{[
        $ctl->file('alone')]}}, /;
    spew($file, $text . qq(graph: {base_url: "@{[$graph->url]}"}\n$more));
}

# the edge, as Meta sees it: it knows one token
my $listen = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1') or die $!;
my $url = 'http://127.0.0.1:' . $listen->sockport . '/webhook';
my $edge = fork // die "fork: $!";
if (!$edge) {
    while (my $s = $listen->accept) {
        my $head = <$s> // '';
        my ($challenge) = $head =~ /hub\.challenge=(\d+)/;
        my $good = $head =~ /hub\.verify_token=\Q$VERIFY\E[& ]/ ? $challenge : '';
        print $s "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " . length($good)
            . "\r\n\r\n$good";
    }
    exit;
}
close $listen;

# which calls have changed something
sub subscribe {
    my (@args) = @_;
    my $before = $graph->calls;
    my ($code, $out, $err) = $ctl->run('subscribe', @args, '--json');
    is index($out . $err, $VERIFY), -1, 'no verify token in what it says';
    my @calls = $graph->calls;
    my $said = $out =~ /\A\{/ ? decode_json($out) : {error => $err};
    return ($code, $said, grep { $_->{method} ne 'GET' } @calls[$before .. $#calls]);
}

subtest 'what it needs' => sub {
    configure('');
    my ($code, $said) = subscribe();
    is $code, 2, 'where to';
    like $said->{error}, qr/--url/, 'it says so';
    ($code, $said) = subscribe('--url', $url);
    is $code, 2, 'with which token Meta asks';
    like $said->{error}, qr/verify_token_file.*WEBHOOK_VERIFY_TOKEN/, 'it says so';
    is +($ctl->run('subscribe', '--fields', 'feed'))[0], 2, 'fields of which product';
    local $ENV{WEBHOOK_VERIFY_TOKEN} = $VERIFY;
    is +($ctl->run('subscribe', '--url', $url, '--dry-run'))[0], 1, 'the environment has it, too';
};

subtest 'from nothing' => sub {
    configure('verify_token_file: ' . $ctl->file('verify') . "\n");
    my ($code, $said, @calls) = subscribe('--url', $url, '--dry-run');
    is $code, 1, '--dry-run finds';
    my ($end, $guess) = subscribe('--dry-run');
    is_deeply [$end, @$guess{qw(would_change url)}], [1, 5, undef], '... without --url, too';
    my ($new) = grep { $_->{level} eq 'app' } @{$guess->{steps}};
    like $new->{changes}, qr/^new \(--url .* says where\), fields \+/, 'but asks for it'
        or diag explain $guess;
    is_deeply [$said->{would_change}, $said->{changed}, scalar @calls], [5, 0, 0],
        'and changes nothing' or diag explain $said;
    is_deeply {map { ($_->{level} . ' ' . $_->{object} => $_->{state}) } @{$said->{steps}}},
        {'app page' => 'would_change', 'app whatsapp_business_account' => 'would_change',
         'app instagram' => 'would_change', 'account messenger' => 'would_change',
         'account instagram' => 'would_change', 'account whatsapp' => 'same'}, 'what it would do';
    ($code, $said, @calls) = subscribe('--url', $url);
    is_deeply [$code, $said->{changed}, $said->{failed}], [0, 5, 0], 'does it';
    my ($page) = grep { $_->{path} =~ m{/$APP/subscriptions}
        && $_->{body}{object} eq 'page' } @calls;
    like $page->{body}{fields}, qr/\bmessages,.*\bfeed\b/, 'with feed, of which a rule is';
    ($code, $said, @calls) = subscribe();
    is_deeply [$code, scalar @calls], [0, 0], 'a second time there is nothing to do';
    is $said->{url}, $url, 'the URL is where the others go';
};

subtest 'what somebody changed is mended' => sub {
    $ctl->run('app', 'unsubscribe', 'object=page', 'fields=messages,message_reads');
    $ctl->run('app', 'unsubscribe', 'object=instagram');
    $ctl->run('subscription', 'remove', '--account', $PAGE);
    my ($code, $said, @calls) = subscribe();
    is_deeply [$code, $said->{changed}, scalar @calls], [0, 3, 3], 'three, and no more';
    my ($page) = grep { $_->{object} eq 'page' } @{$said->{steps}};
    is $page->{changes}, 'fields +messages,message_reads', 'it says what lacked';
    ($code, $said, @calls) = subscribe('--url', "$url/new", '--product', 'messenger', '--fields',
        'messages,mention');
    like $said->{steps}[0]{changes}, qr{^callback_url \Q$url\E -> \Q$url\E/new, fields \+mention$},
        'another URL, one field more';
    my ($body) = map { $_->{body} } grep { $_->{path} =~ /subscriptions/ } @calls;
    like $body->{fields}, qr/\bfeed\b.*\bmention\b/, 'and none less';
    ok !(grep { $_->{object} ne 'page' && $_->{object} ne 'messenger' } @{$said->{steps}}),
        'of that product alone';
};

subtest 'overrides' => sub {
    my ($code, $said, @calls) = subscribe('--override', 'https://other.example/w', '--waba', $WABA);
    is_deeply [$code, $calls[0]{body}{override_callback_uri}], [0, 'https://other.example/w'],
        'of a WABA';
    ($code, $said, @calls) = subscribe('--override', 'none', '--account', $NUMBER);
    is $calls[0]{body}{webhook_configuration}{override_callback_uri}, '', 'none, of a number';
};

subtest 'Meta does not reach the URL' => sub {
    kill 'KILL', $edge;
    waitpid $edge, 0;
    my ($code, $said) = subscribe('--url', $url, '--product', 'messenger');
    is $code, 1, 'a finding';
    like $said->{steps}[0]{changes}, qr/^code 2200: /, 'with its code';
};

subtest 'explain http' => sub {
    for my $status (400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504) {
        my $s = $ctl->json('explain', "http/$status");
        ok $s->{text} && $s->{todo} && $s->{edge}, "$status is explained";
    }
    is $ctl->json('explain', 'http/599')->{class}, 'retry', 'others of the 500s';
    is +($ctl->run('explain', 'http/418'))[0], 4, 'what nobody knows';
    is +($ctl->run('explain', 'http/x'))[0], 2, 'what is none';
    like +($ctl->run('explain', '190/460'))[1], qr/password/, 'and codes, as before';
    my ($table) = slurp(root_dir() . '/docs/oauth.md') =~ /^\| `error` \| \|\n(.*?)\n\n/ms;
    my @words = map { /`(\w+)`/g } map { (split /\|/)[1] } grep { /^\| `/ } split /\n/, $table;
    ok @words > 12, 'words of logins' or diag "@words";
    is +($ctl->run('explain', $_))[0], 0, "... $_" for @words, '100/36008', '36009';
};

$graph->stop;
$ctl->finish;
done_testing;
