# Environment variables fill in what the file leaves out, and nothing else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(slurp spew);

my $rules = <<'END';
rules:
  - {when: {product: whatsapp, kind: message}, do: [{reply: {text: wa}}]}
  - {when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}
END

sub bare {
    my ($rig, $tokens) = @_;
    my ($head) = $rig->conf(rules => '') =~ /\A(.*?)^tokens:/ms;
    return $head . ($tokens // '') . $rules;
}

sub answers {
    my ($name, $expected, $tokens, %env) = @_;
    my $rig = Rig->new;
    $env{$_} =~ s/^TOKEN (\w+)/$rig->token($1)/e for keys %env;
    $env{$_} =~ s/^FILE (\w+)/$rig->file($1)/e for keys %env;
    $tokens =~ s/FILE (\w+)/$rig->file($1)/ge if $tokens;
    $rig->consumer(conf => bare($rig, $tokens), env => \%env);
    $rig->push(whatsapp(), messenger());
    $rig->settle;
    is_deeply [sort map { $_->[1] } $rig->sent], $expected, $name;
    is_deeply [map { $_->{reason} } $rig->dead], [('no_token') x (2 - @$expected)],
        "$name: the rest is dead";
    $rig->finish;
}

answers('nothing', []);
my $page = qq(tokens: [{kind: page, id: "$PAGE", file: FILE page}]\n);
my @bad = (BAD => 'EAAwrongToken0000000001');
answers('a token of the file only', ['ms'], $page);
answers('both by variables', [qw(ms wa)], undef, WHATSAPP_TOKEN => 'TOKEN whatsapp',
    WHATSAPP_PHONE_ID => $PHONE, PAGE_ACCESS_TOKEN => 'TOKEN page');
answers('by files', [qw(ms wa)], undef, WHATSAPP_TOKEN_FILE => 'FILE whatsapp',
    PAGE_ACCESS_TOKEN_FILE => 'FILE page');
answers('another phone number', ['ms'], undef, WHATSAPP_TOKEN => 'TOKEN whatsapp',
    WHATSAPP_PHONE_ID => '999', PAGE_ACCESS_TOKEN => 'TOKEN page');
answers('the file wins', ['ms'], $page,
    PAGE_ACCESS_TOKEN => 'EAAwrongToken0000000001');
answers('the account before waba and default', [qw(ms wa)], <<"END", @bad);
tokens:
  - {kind: system_user, default: true, env: BAD}
  - {kind: whatsapp, waba: "102290129340398", env: BAD}
  - {kind: whatsapp, id: "$PHONE", file: FILE whatsapp}
  - {kind: page, id: "$PAGE", file: FILE page}
END
answers('waba before default', ['wa'], <<"END", @bad);
tokens:
  - {kind: whatsapp, default: true, env: BAD}
  - {kind: whatsapp, waba: "102290129340398", file: FILE whatsapp}
END

my $rig = Rig->new;
$rig->graph->fault({match => {path => 'me'}, times => 1, fault => {status => 400, json => {error =>
    {message => 'x', type => 'OAuthException', code => 2}}}});
my $named = $rig->consumer(conf => bare($rig), env => {PAGE_ACCESS_TOKEN => $rig->token('page')});
$named->wait_log(qr/PAGE_ACCESS_TOKEN: .me does not say whose it is/);
$named->wait_log(qr/the token of PAGE_ACCESS_TOKEN is Page ${PAGE}'s/);
$rig->push(messenger(), messenger(page => '999'));
$rig->settle;
my ($core, $most) =
    slurp('/proc/' . $named->pid . '/limits') =~ /^Max core file size\s+(\S+)\s+(\S+)/m;
is $core, $most eq '0' ? 0 : 1, 'no core of it is written, where secrets would stand';
is_deeply [map { $_->[1] } $rig->sent], ['ms'], '/me says whose PAGE_ACCESS_TOKEN is';
is_deeply [map { $_->{reason} } $rig->dead], ['no_token'], 'and it is not used for another Page';

my $ig = '17841460233915708';
$rig->graph->fault({match => {path => 'me'}, fault => {json => {data => [{user_id => $ig}]}}});
my $owned = $rig->consumer(conf => bare($rig, $page =~ s/FILE (\w+)/$rig->file($1)/er),
    env => {INSTAGRAM_ACCESS_TOKEN => $rig->token('page')});
$owned->wait_log(qr/the token of INSTAGRAM_ACCESS_TOKEN is account ${ig}'s/);
is(($rig->graph->calls)[-1]{query}{fields}, 'user_id', 'asked for the id that webhooks have');

sub tested {
    my ($conf, %env) = @_;
    my $c = Test::Meta::Consumer->new(dir => $rig->dir, name => 'tested', conf => $conf,
        env => \%env);
    my ($how, $words) = $c->test;
    return $how eq '0' ? [$words =~ /^meta-consumer: (.* comes from .*)$/mg] : $words;
}

spew($rig->file($_->[0]), "$_->[1]\n") for ['app', '1234567890'], ['proof', 'app-secret'];
my $proof = "graph: {version: v24.0, appsecret_proof: plain}\nunmatched: drop\n";
is_deeply tested($proof, META_APP_ID_FILE => $rig->file('app'),
    META_APP_SECRET_FILE => $rig->file('proof'), WHATSAPP_TOKEN => $rig->token('whatsapp'),
    WHATSAPP_PHONE_ID_FILE => $rig->file('app'),
    META_SYSTEM_USER_TOKEN_FILE => $rig->file('page'),
    INSTAGRAM_ACCESS_TOKEN_FILE => $rig->file('page'), INSTAGRAM_ACCOUNT_ID => $ig), [
    'apps[].id comes from META_APP_ID_FILE', 'apps[].secret_file comes from META_APP_SECRET_FILE',
    'the token of kind whatsapp comes from WHATSAPP_TOKEN',
    'tokens[].id comes from WHATSAPP_PHONE_ID_FILE',
    'the token of kind instagram comes from INSTAGRAM_ACCESS_TOKEN_FILE',
    'tokens[].id comes from INSTAGRAM_ACCOUNT_ID',
    'the token of kind system_user comes from META_SYSTEM_USER_TOKEN_FILE'], '-t says what from';
is_deeply tested($proof . 'apps: [{id: "1234567890"}]', META_APP_SECRET => 'app-secret'),
    ['apps[].secret_file comes from META_APP_SECRET'], 'the secret of an app that the file names';
is_deeply tested($proof . 'apps: [{id: "1234567890"}]', META_APP_SECRET => 'app-secret',
    META_APP_ID => '1234567890'),
    ['apps[].secret_file comes from META_APP_SECRET'], '... or both name';
like tested($proof . 'apps: [{id: "1234567890"}]', META_APP_SECRET => 'app-secret',
    META_APP_ID => '13'), qr/graph.appsecret_proof: needs the secret/, '... but not another\'s';
like tested($proof . 'apps: [{id: "13"}]', META_APP_SECRET => 'app-secret',
    META_APP_ID_FILE => $rig->file('app')), qr/graph.appsecret_proof: needs the secret/,
    '... whose id stands in a file';
is_deeply tested($proof . 'apps: [{id: "1", secret_file: ' . $rig->file('proof') . '}]',
    META_APP_SECRET => 'another', META_APP_ID => '1'), [], 'the file wins';
is_deeply tested($proof . 'apps: [{id: "1234567890"}, {id: "14", secret_file: '
    . $rig->file('proof') . '}]', INSTAGRAM_APP_ID => '13',
    INSTAGRAM_APP_SECRET_FILE => $rig->file('proof'), FACEBOOK_ADS_APP_ID => '14',
    FACEBOOK_ADS_APP_SECRET => 'another'),
    ['apps[].id comes from INSTAGRAM_APP_ID', 'apps[].secret_file comes from'
    . ' INSTAGRAM_APP_SECRET_FILE'],
    'other apps than the first, where the file has none of that id';
like tested($proof, INSTAGRAM_APP_ID => 'x', INSTAGRAM_APP_SECRET => 'y'),
    qr/environment: INSTAGRAM_APP_ID: must be 1 to 32 digits$/, 'theirs are judged, too';
like tested($proof, META_APP_ID_FILE => $rig->file('proof')),
    qr/environment: META_APP_ID_FILE: must be 1 to 32 digits$/, 'a faulty file is named';

my $c = Test::Meta::Consumer->new(dir => $rig->dir, name => 'faulty', conf => bare($rig),
    env => {WHATSAPP_TOKEN => 'two words'});
my ($how, $words) = $c->test;
is $how, 'exit 1', 'a faulty variable: exit status';
is $words, 'meta-consumer: environment: WHATSAPP_TOKEN: must hold one line without spaces or'
    . " control characters\n", 'a faulty variable is named, its value is not shown';
$rig->finish;

done_testing;
