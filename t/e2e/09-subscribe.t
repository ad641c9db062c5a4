# metactl app subscribe -> Graph -> nginx: Meta's handshake is answered while metactl waits.

use strict;
use warnings;

use JSON::PP qw(decode_json);
use Test::Meta;
use Test::Meta::Graph;
use Test::Meta::Nginx;
use Test::Meta::Redis;
use Test::Meta::Util qw(build_dir slurp spew temp_dir);
use Test::More;

my $APP = '1234567890';
my $dir = temp_dir();
my $redis = Test::Meta::Redis->new(dir => $dir)->start;
my $nginx = Test::Meta::Nginx->new(dir => $dir, redis => $redis->address,
    secret => "$Test::Meta::SECRET\n", token => "$Test::Meta::TOKEN\n")->start;
my $graph = Test::Meta::Graph->new(dir => $dir,
    args => ['--app', "$APP:$Test::Meta::SECRET"])->start;
my $url = 'http://127.0.0.1:' . $nginx->port . '/hook';

spew("$dir/consumer.yaml", <<"END");
redis: "@{[$redis->address]}"
queues: [{name: "meta:events"}]
apps: [{id: "$APP", secret_file: $dir/secret}]
graph: {version: v24.0, base_url: "@{[$graph->url]}"}
rules: []
unmatched: drop
END

sub metactl {
    my (@args) = @_;
    open my $out, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', build_dir() . '/metactl', '-c',
        "$dir/consumer.yaml", 'app', @args or die "sh: $!";
    my $said = join '', <$out>;
    close $out;
    is index($said, $Test::Meta::SECRET), -1, "no secret in what $args[0] says";
    return ($? >> 8, $said);
}

my @page = ('object=page', "callback_url=$url", 'fields=messages,feed');

my ($code, $said) = metactl('subscribe', @page, "verify_token=\@$dir/token");
is "$code $said", "0 success: true\n", 'subscribed';
($code, $said) = metactl('list', '--json');
my ($page) = @{decode_json($said)->{answer}{data}};
is_deeply [$page->{object}, $page->{callback_url}, map { $_->{name} } @{$page->{fields}}],
    ['page', $url, 'messages', 'feed'], 'and listed';

($code, $said) = metactl('subscribe', @page, 'verify_token=another');
is $code, 1, 'another token';
like $said, qr/did not answer Meta's handshake/, 'is said to be what is wrong';
($code, $said) = metactl('subscribe', 'object=page', 'callback_url=here', 'verify_token=x');
is $code, 1, 'a URL that is none';
like $said, qr/it would fail: app\.subscribe\.callback_url/, 'stays here';

is +(metactl('unsubscribe', 'object=page'))[0], 0, 'ended';
is scalar(@{decode_json((metactl('list', '--json'))[1])->{answer}{data}}), 0, 'nothing is left';

unlike slurp($graph->{log}), qr/\Q$Test::Meta::SECRET\E/, 'no secret in the log';
$nginx->quit;
$redis->stop;
done_testing;
