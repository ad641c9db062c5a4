# metactl doctor beyond Redis: what Meta says of tokens, numbers and subscriptions, whether the
# webhook answers and judges signatures, nginx's configuration.  What is broken is named.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Digest::SHA qw(hmac_sha256_hex);
use IO::Socket::INET;
use JSON::PP qw(decode_json);
use Test::More;

use Ctl qw($Q $PAGE $TOKEN);
use Test::Meta::Graph;
use Test::Meta::Seal qw(seal seal_key);
use Test::Meta::Util qw(slurp spew);

my ($NUMBER, $WABA, $APP) = qw(106540352242922 102290129340398 1234567890);
my $SECRET = '0123456789abcdef' x 2;
my $VERIFY = "verify/me+$$";

my $ctl = Ctl->new(redis => {options => ['--appendonly', 'yes']});
my $token = "EAAnumber${$}SECRETTOKEN0003";
my $graph = Test::Meta::Graph->new(dir => $ctl->{dir}, args => ['--app', "$APP:$SECRET",
    '--token', "page:$PAGE:$TOKEN", '--token', "whatsapp:$NUMBER\@$WABA:$token"])->start;
spew($ctl->file('number'), "$token\n");
spew($ctl->file('secret'), "$SECRET\n");
spew($ctl->file('verify'), "$VERIFY\n");
chmod 0600, $ctl->file($_) for qw(number verify);

my $key = seal_key($ctl->file('keys'));

sub configure {
    my (%with) = @_;
    my $file = $ctl->conf;
    my $text = slurp($file);
    $text =~ s/(tokens: \[)/$1\{kind: whatsapp, id: "$NUMBER", waba: "$WABA", file: @{[
        $ctl->file('number')]}}, /;
    spew($file, $text . qq(graph: {version: @{[$with{version} // 'v24.0']}, )
        . qq(base_url: "@{[$graph->url]}"}\nverify_token_file: @{[$ctl->file('verify')]}\n)
        . "token_key_file: @{[$ctl->file('keys')]}\n");
}

# nginx, as far as it is asked: its secret and what it makes of a signature stand in a file
my $listen = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1') or die $!;
my $url = 'http://127.0.0.1:' . $listen->sockport . '/webhook';
my $edge = fork // die "fork: $!";
if (!$edge) {
    open STDOUT, '>', '/dev/null';
    while (my $s = $listen->accept) {
        my ($head, $sign, $length, $body) = (scalar <$s> // '', '', 0, '');
        while (defined(my $line = <$s>)) {
            last if $line =~ /^\r?\n/;
            $sign = $1 if $line =~ /^X-Hub-Signature-256: sha256=(\w+)/i;
            $length = $1 if $line =~ /^Content-Length: (\d+)/i;
        }
        read $s, $body, $length if $length;
        my ($secret, $verify) = split ' ', slurp($ctl->file('edge'));
        my ($challenge) = $head =~ /hub\.challenge=(\d+)/;
        my ($given) = $head =~ /hub\.verify_token=([^& ]*)/;
        $given =~ s/%(..)/chr hex $1/ge if defined $given;
        my ($status, $answer) = $head =~ m{ /status} ? (200, slurp($ctl->file('page')))
            : defined $given
            ? $given eq $verify ? (200, $challenge) : (403, '')
            : $secret eq 'any' ? (200, 'EVENT_RECEIVED')
            : $sign ne hmac_sha256_hex($body, $secret) ? (401, '') : (400, '');
        print $s "HTTP/1.1 $status x\r\nConnection: close\r\nContent-Length: "
            . length($answer) . "\r\n\r\n$answer";
    }
    exit;
}
close $listen;

# the lines of a check, without the ok that others have
sub doctor {
    my (@args) = @_;
    my ($code, $out, $err) = $ctl->run('doctor', @args, '--json');
    is index($out . $err, $_), -1, 'no secret in what it says' for $SECRET, $VERIFY, $token;
    return decode_json($out);
}

sub said {
    my ($d, $check) = @_;
    return join "\n", map { "$_->{level} $_->{text}" . ($_->{todo} ? " -> $_->{todo}" : '') }
        grep { $_->{check} eq $check } @{$d->{checks}};
}

configure();
spew($ctl->file('edge'), "$SECRET $VERIFY");
$ctl->run('subscribe', '--url', $url);

subtest 'all is well' => sub {
    my $d = doctor();
    is said($d, 'token'), "ok whatsapp $NUMBER is valid\nok page $PAGE is valid", 'tokens'
        or diag explain $d;
    like said($d, 'number'), qr/^ok number $NUMBER: .*quality GREEN/, 'the number';
    my $subs = said($d, 'subscription');
    like $subs, qr/^ok page goes to \Q$url\E$/m, 'the app';
    like $subs, qr/^ok whatsapp $WABA$/m, 'the WABA';
    unlike $subs, qr/^(?!ok)/m, 'nothing lacks';
    is said($d, 'webhook'), "ok $url: answers the challenge\n"
        . "ok $url: takes the app's signature, and no other", 'the webhook';
    like said($d, 'version'), qr/^ok graph\.version: v24\.0 lives until 2028-02-18$/, 'the version';
    like said($d, 'clock'), qr/^ok Graph's and this machine's are /m, 'the clock';
    is said($d, 'apps'), "ok $APP has a secret", 'the secret';
    like said(doctor('--offline', '--edge', $graph->url), 'clock'),
        qr/^ok nginx's and this machine's are /m, "nginx's clock";
};

subtest 'tokens' => sub {
    $graph->control(POST => 'tokens', {name => "page:$PAGE", state => 'expired'});
    my $d = doctor();
    like said($d, 'token'), qr/^bad page $PAGE: .*(?:not valid|190)/m, 'one that has expired';
    ok $d->{bad}, 'is bad';
    $graph->control(POST => 'tokens', {name => "page:$PAGE", state => 'good'});
};

subtest 'subscriptions' => sub {
    $ctl->run('app', 'unsubscribe', 'object=page', 'fields=messages');
    $ctl->run('subscription', 'remove', '--waba', $WABA);
    my $subs = said(doctor(), 'subscription');
    like $subs, qr/^warn page: not of messages -> metactl subscribe$/m, 'a field of the app';
    like $subs, qr/^bad whatsapp $WABA: the app gets nothing of it/m, 'a WABA';
    $ctl->run('app', 'unsubscribe', 'object=page');
    like said(doctor(), 'subscription'), qr/^bad the app is not subscribed to page/m, 'an object';
    $ctl->run('subscribe', '--url', $url);
};

subtest 'silent, as far as nginx has heard' => sub {
    $ctl->run('subscription', 'remove', '--account', $PAGE);
    spew($ctl->file('page'), '{"v":1,"events":{"by_redis":0,"drained":0,"unknown":0},"accounts":['
        . qq({"object":"page","account":"$PAGE","last":1,"age_ms":7200000},)
        . qq({"object":"whatsapp_business_account","account":"$WABA","last":1,)
        . '"age_ms":90000000}]}');
    my $subs = said(doctor('--edge', $url =~ s/webhook/status/r), 'subscription');
    like $subs, qr/^bad messenger $PAGE: .*it did until 2h.* ago: Meta has unsubscribed it -> /m,
        'one that Meta has unsubscribed';
    like $subs, qr/^warn whatsapp $WABA is subscribed, nginx has heard nothing of it for /m,
        'one that is silent for a day';
    $ctl->run('subscribe', '--url', $url);
    unlike said(doctor(), 'subscription'), qr/^bad/m, 'metactl subscribe mends it';
};

subtest 'the store' => sub {
    my ($LOGIN, $SHOP, $BIZ) = qw(17841470000000001 555 888);
    my %is = ("instagram:$LOGIN" => [],
        "page:$SHOP" => [missing => 'pages_messaging', tenant => 'shop-5'],
        'page:556' => [state => 'lost', code => 190, subcode => 460],
        'page:558' => [state => 'lost', code => 190, subcode => 492, tenant => 'shop-8'],
        "system_user:$BIZ" => [waba => 77, expires => 5]);
    for my $name (keys %is) {
        my $text = "EAAstored${$}SECRET" . $name =~ s/\W/x/r;
        my ($kind, $id) = split /:/, $name;
        $graph->control(POST => 'tokens', {token => "$kind:$id:$text:$name"});
        $ctl->do('HSET', "meta:token:$name", kind => $kind, app => $APP, state => 'good',
            $kind eq 'system_user' ? () : (account => $id), @{$is{$name}},
            sealed => seal('token', $key, $name, $text));
        $ctl->do('SADD', 'meta:token:names', $name);
    }
    my $d = doctor();
    my $tokens = said($d, 'token');
    like $tokens, qr/^ok $_/m, $_ for "instagram $LOGIN is valid", "page $SHOP is valid";
    like $tokens, qr{^bad page 556 is lost \(code 190/460\) -> its owner logs in .*login-url}m,
        'lost';
    like $tokens, qr{^bad page 558 .*190/492\) -> the user is given a role .*then .*"shop-8"}m,
        'a login alone does not help';
    like said($d, 'permissions'),
        qr/^warn page $SHOP lacks pages_messaging -> .*login-url.*shop-5/m, 'what it lacks';
    my ($row) = grep { ($_->{name} // '') eq "page:$SHOP" }
        @{$ctl->json('token', 'list')->{tokens}};
    is $row->{missing}, 'pages_messaging', 'as metactl token list has it';
    like +($ctl->run('token', 'list'))[1], qr/^page +$SHOP .* lacks pages_messaging$/m, 'in words';
    my $subs = said($d, 'subscription');
    like $subs, qr/^bad the app is not subscribed to instagram -> /m, "an object of the store's";
    like $subs, qr/^bad messenger $SHOP: the app gets nothing of it/m, 'a Page';
    like $subs, qr/^bad instagram $LOGIN: the app gets nothing of it/m, 'one of Instagram Login';
    my ($code, $out) = $ctl->run('subscribe', '--json');
    my %step = map { ("$_->{object} $_->{id}" => $_->{state}) } @{decode_json($out)->{steps}};
    is_deeply [@step{"messenger $SHOP", "instagram $LOGIN", 'instagram ', "messenger $PAGE"}],
        [qw(changed changed changed same)], 'subscribe makes them' or diag $out;
    my ($call) = grep { $_->{method} eq 'POST' && $_->{path} =~ m{/$LOGIN/subscribed_apps} }
        $graph->calls;
    is $call->{token}, "instagram:$LOGIN", 'with its own token' or diag explain $call;
    $subs = said(doctor(), 'subscription');
    like $subs, qr/^ok instagram $LOGIN$/m, 'and doctor sees it';
    $ctl->do('DEL', 'meta:token:names', map { "meta:token:$_" } keys %is);
};

subtest 'the secret of an app' => sub {
    my $stored = sub {
        my ($app) = @_;
        $ctl->do('HSET', 'meta:token:page:557', kind => 'page', account => 557, app => $app,
            state => 'good', sealed => seal('token', $key, 'page:557', "EAAstored${$}SECRETx557"));
        $ctl->do('SADD', 'meta:token:names', 'page:557');
    };
    my ($file, $wrong) = ($ctl->file('secret'), 'e' x 32);
    spew($file, "$wrong\n");
    $stored->($APP);
    my $d = doctor('--url', 'http://127.0.0.1:1/');
    like said($d, 'apps'), qr/^bad the secret of app $APP is wrong.* -> .*\Q$file\E, and reload/m,
        'one that is wrong, and where it stands';
    unlike said($d, 'token'), qr/new token|login-url|not valid/, '... and no token is blamed'
        or diag said($d, 'token');
    is scalar(() = said($d, 'apps') =~ /^bad/mg), 1, '... once';
    spew($file, "$SECRET\n");

    $stored->(999);
    my $text = slurp($ctl->{conf});
    spew($ctl->file('other'), "$wrong\n");
    spew($ctl->{conf}, $text =~ s/(apps: \[.*?\})/$1, {id: "999", secret_file: @{[
        $ctl->file('other')]}}/r);
    $d = doctor('--url', 'http://127.0.0.1:1/');
    like said($d, 'apps'), qr/^bad the secret of app 999 is wrong.*\/other, and reload/m,
        "a token's own app asks of it";
    like said($d, 'token'), qr/^ok page $PAGE is valid$/m, '... others are asked of all the same';
    spew($ctl->{conf}, $text);
    $ctl->do('DEL', 'meta:token:names', 'meta:token:page:557');
};

subtest 'the webhook' => sub {
    spew($ctl->file('edge'), 'f' x 32 . " $VERIFY");
    like said(doctor(), 'webhook'), qr/^bad .*its secret is another -> meta_app_secret_file/m,
        'another secret';
    spew($ctl->file('edge'), "$SECRET other");
    like said(doctor(), 'webhook'), qr/^bad .*does not know the verify token -> .*\nok /,
        'another verify token';
    spew($ctl->file('edge'), "any $VERIFY");
    like said(doctor(), 'webhook'), qr/^bad .*status 200, a forged one with 200/m,
        'who takes everything';
    spew($ctl->file('edge'), "$SECRET $VERIFY");
    my $gone = 'http://127.0.0.1:1/webhook';
    like said(doctor('--url', $gone), 'webhook'), qr/^bad \Q$gone\E: /, 'nobody there';
};

subtest 'nginx' => sub {
    my $nginx = sub {
        my (%with) = @_;
        spew($ctl->file('nginx'), <<"END");
@{[$with{first} // "# configuration file $ctl->{dir}/nginx.conf:"]}
load_module modules/ngx_http_meta_module.so;
http {
    client_max_body_size @{[$with{size} // '4m']};   # { not a block ;
    @{[$with{spool} // "meta_spool /var/spool/meta max=1g;"]}
    server {
        location /webhook {
            meta_webhook; meta_queue "@{[$with{queue} // $Q]}" partitions=1;
            meta_app_secret_file @{[$with{secret} // $ctl->file('secret')]};
            @{[$with{keys} // '']}
        }
        location /h { meta_queue meta:\${host}; return 200 "meta_webhook;"; }
    }
}
END
        return said(doctor('--offline', '--nginx=' . $ctl->file('nginx')), $with{check}
            // 'nginx');
    };
    my $keys = sub {
        my ($what, @lines) = @_;
        spew($ctl->file('of-nginx'), join '', map { "$_\n" } @lines);
        my $said = $nginx->(check => 'keys', keys => "meta_$what @{[$ctl->file('of-nginx')]};");
        ok !(grep { index($said, $_) >= 0 } @lines), '... and shows none';
        return $said;
    };
    my ($sealing, $link, $new) = (slurp($ctl->file('keys')) =~ /(\S+)/, 'a' x 64, 'b' x 64);
    my $conf = slurp($ctl->{conf});
    spew($ctl->file('links'), "$link\n");
    like $keys->('link_key_file', $link), qr/^warn .* has no link_key_file/, 'none here';
    spew($ctl->{conf}, $conf . "link_key_file: @{[$ctl->file('links')]}\n");
    my %own = (token_key_file => $sealing, link_key_file => $link);
    for my $what (sort keys %own) {
        like $keys->($what, $own{$what}), qr/^ok .* is as $what/, "$what: the same";
        like $keys->($what, $own{$what}, $new), qr/^warn .*same order -> if no rotation/, 'more';
        like $keys->($what, $new), qr/^bad .* is another: .* -> make both/, 'another';
        like $nginx->(check => 'keys', keys => "meta_$what of-nginx;"),
            qr{^bad \Q$ctl->{dir}\E/of-nginx and|^bad \Q$ctl->{dir}\E/of-nginx: .* is another},
            'a relative path begins at the directory of nginx.conf';
    }
    spew($ctl->{conf}, $conf);
    is $nginx->(), 'ok 1 locations have meta_webhook, the module is loaded', 'all is well';
    like $nginx->(queue => 'meta:other'), qr/^warn meta:other: meta_queue writes there/m, 'a queue';
    like $nginx->(size => '1m'), qr/^warn .*3 MB, and nginx takes 1 MB/m, 'too small';
    like $nginx->(spool => ''), qr/^warn without meta_spool/m, 'no spool';
    like $nginx->(secret => '/nonexistent'), qr/^bad \/nonexistent: there is no such file/m,
        'a file that is not there';
    like $nginx->(secret => 'secret', first => ''),
        qr/^warn 1 files of .* not compared: secret: the line .* is missing/m, 'relative to nobody';
    like $nginx->(keys => 'meta_token_key_file gone;'),
        qr{^bad \Q$ctl->{dir}\E/gone: there is no such file}m, 'keys that are not there';
    like $nginx->(keys => "meta_token_key_file env:KEYS;"),
        qr/^warn 1 files .* env:KEYS: the environment of nginx/m, 'what nobody sees here';
    like $nginx->(keys => 'meta_oauth_app insta kind=instagram id=999;'),
        qr/^bad 999: meta_oauth_app names it, and apps does not: .* -> the same id/m,
        'an app of nobody';
    unlike $nginx->(keys => "meta_oauth_app pages id=$APP;"),
        qr/meta_oauth_app/, 'one of ours';
    SKIP: {
        skip 'root reads everything', 1 if $> == 0;
        spew($ctl->file('shut'), "$sealing\n");
        chmod 0, $ctl->file('shut');
        like $nginx->(keys => 'meta_token_key_file shut;'), qr/^warn 1 .*shut: Permission denied/m,
            'what this user may not read';
    }
    spew($ctl->file('odd'), "$APP not-a-secret\n");
    like $nginx->(secret => $ctl->file('odd')), qr/^warn .*does not look like an app secret/m,
        'what is none';
    spew($ctl->file('nginx'), "# configuration file /etc/odd/nginx.conf:\n"
        . "http { server { location / { return 200; } } }\n");
    like said(doctor('--offline', '--nginx=' . $ctl->file('nginx')), 'nginx'),
        qr{^bad no location has meta_webhook, in the configuration of /etc/odd/}, 'no webhook';
};

subtest 'versions' => sub {
    configure(version => 'v20.0');
    like said(doctor('--offline'), 'version'), qr/^bad graph\.version: v20\.0 has ended/,
        'one that has ended';
    configure(version => 'v99.0');
    like said(doctor('--offline'), 'version'), qr/^ok .*no end is known/, 'one from after this';
    my @before = $graph->calls;
    doctor('--offline');
    is scalar(() = $graph->calls), @before, '--offline asks Meta nothing';
    configure();
};

END { kill 'KILL', $edge if $edge }

$graph->stop;
$ctl->finish;
done_testing;
