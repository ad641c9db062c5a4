# Every mistake in the configuration is named with file, line, column and key.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Test::Meta::Consumer;
use Test::Meta::Util qw(spew temp_dir);

my $dir = temp_dir();
spew("$dir/token", "EAAtokenOfThisTest0001\n");
spew("$dir/empty", "\n");
spew("$dir/two", "line one\nline two\n");

# what -t says after the file's name
sub said {
    my ($conf, $env) = @_;
    my $c = Test::Meta::Consumer->new(dir => $dir, conf => $conf, env => $env);
    my ($how, $words) = $c->test;
    $words =~ s/\Q$c->{file}\E/FILE/g;
    return ($how, $words);
}

sub faulty {
    my ($name, $conf, $expected, $env) = @_;
    my ($how, $words) = said($conf, $env);
    is $how, 'exit 1', "$name: exit status";
    is $words, "meta-consumer: $expected\n", $name;
    unlike $words, qr/EAAtoken/, "$name: no secret is shown";
}

sub good {
    my ($name, $conf, $env) = @_;
    $conf .= "unmatched: drop\n" unless $conf =~ /^(?:rules|unmatched):/m;
    my ($how, $words) = said($conf, $env);
    is $how, '0', $name or diag $words;
}

sub rule { return "rules:\n  - $_[0]\n" }

my $when = 'when: {product: whatsapp, kind: message}';
my $page = 'when: {product: messenger, kind: message}';
my $long = 'x' x 4097;

good('an empty file but for one key', "# all other presets\n");
good('all kinds of tokens', <<"END", {WORDY => 'EAAx'});
tokens:
  - {kind: whatsapp, id: "1", waba: "2", file: $dir/token}
  - {kind: page, id: "3", env: WORDY}
  - {kind: system_user, default: true, file: "env:WORDY"}
apps: [{id: "12", secret_file: "env:WORDY"}, {id: "13"}]
END
good('http to this machine', qq(graph: {base_url: "http://$_:8080/x/"}\n))
    for '127.0.0.1', 'localhost', '[::1]', '127.1.2.3';
good("redis: $_", qq(redis: "$_"\n)) for 'unix:/run/redis.sock', 'unix:/a db=3', 'redis.example',
    'redis.example:6380 db=0', '[::1]:6379', "h user=u password_file=$dir/token";

faulty('unknown key', "redis: x\nrediss: y\n", 'FILE:2:1: rediss: unknown key');
faulty('unknown key inside', "graph:\n  version: v24.0\n  vrsion: x\n",
    'FILE:3:3: graph.vrsion: unknown key');
faulty('unknown key in a list', qq(queues:\n  - {name: a, nmae: b}\n),
    'FILE:2:15: queues[].nmae: unknown key');
faulty('a path as a key', "graph.version: v24.0\n", 'FILE:1:1: graph.version: unknown key');
faulty('a later key', "handlers: []\n", 'FILE:1:1: handlers: not supported by this version');
faulty('twice', "redis: a\nredis: b\n", 'FILE:2:1: redis: stands there twice');
faulty('no YAML', "redis: [\n", 'FILE:2:1: did not find expected node content');
faulty('no mapping', "- a\n", 'FILE:1:1: must be a mapping of keys');
faulty('a list where a value belongs', "redis: [a]\n", 'FILE:1:8: redis: must be a single value');
faulty('a value where a list belongs', "queues: a\n", 'FILE:1:9: queues: must be a list');
faulty('a value where a mapping belongs', "graph: a\n",
    'FILE:1:8: graph: must be a mapping of keys');

faulty("redis: $_->[0]", "redis: \"$_->[0]\"\n", "FILE:1:8: redis: $_->[1]") for
    ['', 'is empty'], ['unix:run', 'unix: needs an absolute path'],
    ['host:0', 'the port must be a number from 1 to 65535'],
    ['host:x', 'the port must be a number from 1 to 65535'], [':1', 'the host is missing'],
    ['rediss://h', 'rediss:// is not supported by this version'],
    ['redis://h', 'must be unix:/path or host[:port]'], ['h db=x', 'db must be a number'],
    ['h pw=x', 'after the address there may be db=, user= and password_file='],
    ['h user=x', 'user= needs password_file='], ["h password_file=$dir/none", 'no such file'],
    ['h password_file=env:NONE_SUCH', 'no such variable in the environment'],
    ['unix:/' . 'x' x 107, 'the path of a socket has at most 107 bytes'];

faulty('jobs', qq(queues: [{name: a, kind: jobs}]\n),
    'FILE:1:26: queues[].kind: jobs is not supported by this version');
faulty('partitions', qq(queues: [{name: a, partitions: 2}]\n), 'FILE:1:10: queues[]:'
    . ' partitions is not supported by this version, leave it out');
faulty('a queue twice', "queues:\n  - {name: a}\n  - {name: a}\n",
    'FILE:3:5: queues[]: "a" stands there twice');
faulty('a queue without a name', "queues:\n  - {kind: events}\n",
    'FILE:2:5: queues[]: name is missing');
faulty('a queue with a bad name', "queues:\n  - {name: \"a b\"}\n",
    'FILE:2:12: queues[].name: must be 1 to 200 of A-Za-z0-9._:-');

faulty("version $_", "graph: {version: \"$_\"}\n",
    'FILE:1:18: graph.version: must be a Graph version such as v24.0')
    for '24.0', 'v24', 'latest', 'v24.0/';
faulty("http to $_", qq(graph: {base_url: "http://$_"}\n), 'FILE:1:19: graph.base_url:'
    . ' http:// would show tokens to everybody on the way: it is allowed to this machine only,'
    . ' use https://')
    for 'graph.facebook.com', '127.evil.example', '127.0.0.1.evil.example', '10.0.0.1',
    '[2001:db8::1]';
faulty("URL $_", qq(graph: {base_url: "$_"}\n),
    'FILE:1:19: graph.base_url: must be https://HOST[:PORT][/PATH], nothing else')
    for 'https://user:pw@h', 'https://h?x', 'https://h#x', 'https://';
faulty('ftp', qq(graph: {base_url: "ftp://h"}\n),
    'FILE:1:19: graph.base_url: must begin with https://');
faulty('ca_file', qq(graph: {ca_file: $dir/none}\n), 'FILE:1:18: graph.ca_file: cannot be read');

my $one = 'FILE:1:10: tokens[]: needs one of file and env: the path of a file, or the name of a'
    . ' variable, that holds the token';
faulty('no token', qq(tokens: [{kind: page, id: "1"}]\n), $one);
faulty('a token in two places', qq(tokens: [{kind: page, id: "1", file: a, env: b}]\n), $one);
faulty('a token of nobody', qq(tokens: [{kind: page, file: $dir/token}]\n),
    'FILE:1:10: tokens[]: needs id, waba, or "default: true"');
faulty('an id that is none', qq(tokens: [{kind: page, id: me, file: $dir/token}]\n),
    'FILE:1:27: tokens[].id: must be 1 to 32 digits');
faulty('a kind that is none', qq(tokens: [{kind: user, id: "1", file: $dir/token}]\n),
    'FILE:1:17: tokens[].kind: must be whatsapp, page or system_user');
faulty('a token inline', qq(tokens: [{kind: page, id: "1", token: EAAtokenInline0001}]\n),
    'FILE:1:32: tokens[].token: unknown key');
faulty("a token file: $_->[0]", qq(tokens: [{kind: page, id: "1", file: $_->[0]}]\n),
    qq(FILE:1:10: tokens[]: "$_->[0]": $_->[1])) for ["$dir/none", 'no such file'],
    ["$dir/empty", 'is empty'],
    ["$dir/two", 'must hold one line without spaces or control characters'];
faulty('a secret of an app', qq(apps: [{id: "1", secret_file: $dir/none}]\n),
    'FILE:1:31: apps[].secret_file: no such file');

faulty('a rule without when', rule('{do: [stop]}'), 'FILE:2:5: rules[]: when is missing');
faulty('a rule without do', rule("{$when}"), 'FILE:2:5: rules[]: do is missing');
faulty('a rule without a kind', rule('{when: {product: whatsapp}, do: [stop]}'),
    'FILE:2:12: rules[].when: kind is missing');
faulty('a product that is none', rule('{when: {product: fax, kind: message}, do: [stop]}'),
    'FILE:2:22: rules[].when.product: must be whatsapp or messenger');
faulty('a product to come', rule('{when: {product: instagram, kind: message}, do: [stop]}'),
    'FILE:2:22: rules[].when.product: instagram is not supported by this version');
faulty('a kind to come', rule('{when: {product: whatsapp, kind: status}, do: [stop]}'),
    'FILE:2:38: rules[].when.kind: only message is supported by this version');
faulty('a pattern', rule('{when: {product: whatsapp, kind: message, text: "(a"}, do: [stop]}'),
    'FILE:2:53: rules[].when.text: at character 2: missing closing parenthesis');
faulty('do without actions', rule("{$when, do: []}"), 'FILE:2:52: rules[].do: must be a list of'
    . ' at least one action');
my $known = 'this version knows mark_read, stop and {reply: {text: ..., quick_replies: [...]}}';
faulty("action $_->[0]", rule("{$when, do: [$_->[0]]}"), "FILE:2:$_->[1]: rules[].do: $known")
    for ['typing', 53], ['{push: {list: a}}', 54], ['reply', 53], ['{mark_read: {}}', 54],
    ['{reply: {text: a}, stop: 1}', 53];
faulty('stop in the middle', rule("{$when, do: [stop, mark_read]}"),
    'FILE:2:53: rules[].do: stop must be the last action');
faulty('mark_read on Messenger', rule("{$page, do: [mark_read]}"),
    'FILE:2:5: rules[].do: mark_read: this version marks WhatsApp messages only');
faulty('a reply without text', rule("{$when, do: [{reply: {}}]}"),
    'FILE:2:61: rules[].do.reply: text is missing');
faulty('an empty text', rule("{$when, do: [{reply: {text: ''}}]}"),
    'FILE:2:68: rules[].do.reply.text: is empty');
faulty('a reply of another kind', rule("{$when, do: [{reply: {image: {link: a}}}]}"),
    'FILE:2:62: rules[].do.reply.image: this version knows text and quick_replies, each once');
faulty('a long text', rule("{$when, do: [{reply: {text: $long}}]}"),
    'FILE:2:5: rules[].do.reply.text: 4097 characters; whatsapp takes at most 4096 here');
faulty('a long text on Messenger', rule("{$page, do: [{reply: {text: @{['x' x 2000]}}}]}"),
    'FILE:2:5: rules[].do.reply.text: 2000 characters; messenger takes at most 1999 here');

sub quick {
    my ($when, @titles) = @_;
    return rule("{$when, do: [{reply: {text: a, quick_replies: ["
        . join(', ', map { "{title: \"$_\", payload: \"p$_\"}" } @titles) . ']}}]}');
}
my $q = 'FILE:2:5: rules[].do.reply.quick_replies:';
good('13 quick replies', quick($page, 1 .. 13));
good('10 rows', quick($when, 1 .. 10));
good('20 characters, not bytes', quick($page, "\xc3\xa4" x 20));
faulty('14 quick replies', quick($page, 1 .. 14), "$q 14 of them; messenger takes at most 13");
faulty('11 rows', quick($when, 1 .. 11), "$q 11 of them; whatsapp takes at most 10");
faulty('a long title', quick($page, 'x' x 21),
    "$q the title \"" . 'x' x 21 . '" has more than 20 characters');
faulty('a title twice', quick($when, 'a', 'a'),
    "$q \"a\": on WhatsApp no two titles and no two payloads are the same");
faulty('no payload', rule("{$when, do: [{reply: {text: a, quick_replies: [{title: a}]}}]}"),
    'FILE:2:87: rules[].do.reply.quick_replies: needs title and payload');

good('unmatched', "unmatched: {push: mine}\npush_lists: [mine]\n");
good('drop', "unmatched: drop\n");
faulty('unmatched to nowhere', "push_lists: [a]\nunmatched: {push: b}\n",
    'FILE:2:12: unmatched: "b" does not stand in push_lists');
faulty('unmatched in a circle',
    "unmatched: {push: \"meta:events\"}\npush_lists: [\"meta:events\"]\n", 'FILE:1:12: unmatched:'
    . ' "meta:events" is a queue of this consumer: it would read it again and again');
faulty('unmatched: keep', "unmatched: keep\n",
    'FILE:1:12: unmatched: must be drop or {push: LIST}');

good("drain_timeout $_", "drain_timeout: $_\n") for qw(500ms 30s 5m 1h 1d);
faulty("drain_timeout $_", "drain_timeout: $_\n",
    'FILE:1:16: drain_timeout: must be a time such as 500ms, 30s, 5m, 1h or 7d')
    for qw(30 s -1s 1w);
faulty('dead_max', "dead_max: 0\n", 'FILE:1:11: dead_max: must be a number from 1 to 1000000000');
faulty('log_level', "log_level: loud\n",
    'FILE:1:12: log_level: must be error, warn, info or debug');

# the command line
my $c = Test::Meta::Consumer->new(dir => $dir, conf => '');
for my $row ([2, qr/^meta-consumer .*-c FILE/s], [2, qr/-c FILE/, '-x'],
    [2, qr/-c FILE/, '-c', 'a', 'b'], [0, qr/^meta-consumer \d+\.\d+\.\d+$/, '-v'],
    [0, qr/-c FILE/, '-h'],
    [1, qr/^meta-consumer: \S+: No such file or directory$/, '-t', '-c', "$dir/nothing"])
{
    my ($status, $words, @args) = @$row;
    my ($binary) = grep { m{/meta-consumer$} } $c->command;
    open my $out, '-|', "$binary @args 2>&1" or die $!;
    my $said = join '', <$out>;
    close $out;
    is $? >> 8, $status, "meta-consumer @args: exit status";
    like $said, $words, "meta-consumer @args: words";
}

done_testing;
