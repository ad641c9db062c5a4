# Every mistake in the configuration is named with file, line, column and key.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Test::Meta::Consumer;
use Test::Meta::Util qw(build_dir root_dir slurp spew temp_dir);

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
  - {kind: page, id: "4", instagram: "5", env: WORDY}
  - {kind: instagram, id: "6", env: WORDY}
  - {kind: system_user, default: true, file: "env:WORDY"}
apps: [{id: "12", secret_file: "env:WORDY"}, {id: "13"}]
END
good('http to this machine', qq(graph: {base_url: "http://$_:8080/x/"}\n))
    for '127.0.0.1', 'localhost', '[::1]', '127.1.2.3';
good("redis: $_", qq(redis: "$_"\n)) for 'unix:/run/redis.sock', 'unix:/a db=3', 'redis.example',
    'redis.example:6380 db=0', '[::1]:6379', 'rediss://redis.example',
    'REDISS://[::1]:6380 db=1', "h user=u password_file=$dir/token";

faulty('unknown key', "redis: x\nrediss: y\n", 'FILE:2:1: rediss: unknown key');
faulty('unknown key inside', "graph:\n  version: v24.0\n  vrsion: x\n",
    'FILE:3:3: graph.vrsion: unknown key');
faulty('unknown key in a list', qq(queues:\n  - {name: a, nmae: b}\n),
    'FILE:2:15: queues[].nmae: unknown key');
faulty('a path as a key', "graph.version: v24.0\n", 'FILE:1:1: graph.version: unknown key');
faulty('a later key', "graph:\n  hosts:\n    sdk: x\n",
    'FILE:3:5: graph.hosts.sdk: not supported by this version');
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
    ['rediss://', 'the host is missing'],
    ["rediss://h ca_file=$dir/none", 'ca_file cannot be read'],
    ["rediss://h ca_file=$dir/token", 'ca_file holds no certificate in PEM'],
    ["h ca_file=$dir/token", 'ca_file belongs to rediss://'],
    (map { [$_, 'must be unix:/path or [rediss://]host[:port]'] } 'redis://h', 'h/3', 'u:p@h',
        'rediss://unix:/run/redis.sock'), ['h db=x', 'db must be a number'],
    ['h pw=x', 'after the address there may be db=, user=, password_file= and ca_file='],
    ['h user=x', 'user= needs password_file='], ["h password_file=$dir/none", 'no such file'],
    ['h password_file=env:NONE_SUCH', 'no such variable in the environment'],
    ['unix:/' . 'x' x 107, 'the path of a socket has at most 107 bytes'];

good('jobs', qq(queues: [{name: a, kind: jobs}]\n));
faulty('a queue of another kind', qq(queues: [{name: a, kind: job}]\n),
    'FILE:1:26: queues[].kind: must be events or jobs');
faulty('too many partitions', qq(queues: [{name: a, partitions: 257}]\n), 'FILE:1:10: queues[]:'
    . ' partitions must be from 1 to 256');
faulty('no partitions', qq(queues: [{name: a, partitions: 0}]\n), 'FILE:1:32: '
    . 'queues[].partitions: must be a number from 1 to 1000000000');
faulty('a list of two queues', "queues:\n  - {name: a, partitions: 4}\n  - {name: \"a:3\"}\n",
    'FILE:3:5: queues[]: "a" and "a:3" have a list in common');
faulty('a list of two queues, the other way', "queues:\n  - {name: \"a:0\"}\n"
    . "  - {name: a, partitions: 4}\n",
    'FILE:3:5: queues[]: "a:0" and "a" have a list in common');
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
    'FILE:1:17: tokens[].kind: must be whatsapp, page, instagram or system_user');
faulty('a waba of Instagram',
    qq(tokens: [{kind: instagram, id: "1", waba: "2", file: $dir/token}]\n),
    'FILE:1:10: tokens[]: an Instagram account has no waba');
faulty('a linked account of no Page',
    qq(tokens: [{kind: instagram, id: "1", instagram: "2", file: $dir/token}]\n),
    'FILE:1:10: tokens[]: "instagram" is the account that is linked to a Page, so it stands with'
    . ' kind: page; a token of Instagram Login has kind: instagram and id');
faulty('a token inline', qq(tokens: [{kind: page, id: "1", token: EAAtokenInline0001}]\n),
    'FILE:1:32: tokens[].token: unknown key');
faulty("a token file: $_->[0]", qq(tokens: [{kind: page, id: "1", file: $_->[0]}]\n),
    qq(FILE:1:10: tokens[]: "$_->[0]": $_->[1])) for ["$dir/none", 'no such file'],
    ["$dir/empty", 'is empty'],
    ["$dir/two", 'must hold one line without spaces or control characters'];
faulty('a secret of an app', qq(apps: [{id: "1", secret_file: $dir/none}]\n),
    'FILE:1:31: apps[].secret_file: no such file');

# what docs/rules.md shows can be copied
spew("$dir/signs", "a-secret-of-a-handler\n");
my @shown = slurp(root_dir() . '/docs/rules.md') =~ /^```yaml\n(.*?)^```$/msg;
cmp_ok scalar @shown, '>', 3, 'examples of rules';
my $both = join ', ', map { "{name: $_, url: 'http://127.0.0.1:1/', secret_file: $dir/signs}" }
    qw(desk shop);
good('docs/rules.md: ' . substr($_, 9, 60) =~ tr{\n}{ }r,
    s{/var/lib/meta-consumer/media}{$dir}r . "handlers: [$both]\n") for @shown;

faulty('a rule without when', rule('{do: [stop]}'), 'FILE:2:5: rules[]: when is missing');
faulty('a rule without do', rule("{$when}"), 'FILE:2:5: rules[]: do is missing');
good('a rule for all but the silent kinds', rule('{when: {}, do: [{push: {list: mine}}]}'));
faulty('a reply to whatever may come',
    rule('{when: {product: whatsapp}, do: [{reply: {text: a}}]}'),
    'FILE:2:46: rules[].do.reply: there is nobody to reply to');
faulty('a product that is none', rule('{when: {product: fax, kind: message}, do: [stop]}'),
    'FILE:2:22: rules[].when.product: must be whatsapp, messenger or instagram');
my @kinds = qw(message postback reaction edit unsend status read delivery echo comment feed lead
    mention template account flow call history handover optin preference referral linking group
    policy feedback rating insight conversion error standby system unsupported test
    unknown);
good("kind $_", rule("{when: {product: whatsapp, kind: $_}, do: [stop]}"))
    for @kinds;
faulty('a kind that is none', rule('{when: {product: whatsapp, kind: fax}, do: [stop]}'),
    'FILE:2:38: rules[].when.kind: must be ' . join(', ', @kinds[0 .. $#kinds - 1])
    . " or $kinds[-1]");
faulty('a pattern', rule('{when: {product: whatsapp, kind: message, text: "(a"}, do: [stop]}'),
    'FILE:2:53: rules[].when.text: at character 2: missing closing parenthesis');
sub hours { return rule("{when: {hours: $_[0]}, do: [stop]}") }
good("when: $_", rule("{when: {$_}, do: [stop]}")) for
    'product: [whatsapp, messenger, instagram]', 'kind: [message, echo]', 'object: [page, user]',
    'state: failed', 'state: [sent, read]', 'account: ["1", "2"]', 'tenant: acme',
    'code: 131047', 'code: [131026, "131047"]',
    'text: [a, "(?i)b"]', 'payload: [A, "B_\\\\d+"]', 'referral: true', 'referral: false',
    'referral: [spring, "62"]', 'tag: [vip, new]', 'template: {name: a}',
    'template: {name: [a, b], language: en_US, event: [paused, rejected]}', 'age: {under: 10m}',
    'age: {over: 1h, under: 2h}', 'hours: {zone: Europe/Berlin}',
    'hours: {from: 9:00, to: 17:30, days: mon-fri, zone: Africa/Johannesburg}',
    'hours: [{to: "6:00", days: [sat, sun], zone: Etc/UTC}, {from: "22:00", zone: Etc/UTC}]';
faulty("when: $_->[0]", rule("{when: {$_->[0]}, do: [stop]}"), $_->[1]) for
    ['kind: []', 'FILE:2:19: rules[].when.kind: is an empty list: leave it out, or say what it is'
        . ' to be'],
    ['account: ["1", x]', 'FILE:2:28: rules[].when.account: must be 1 to 32 digits'],
    (map { ["code: $_", 'FILE:2:19: rules[].when.code: must be the number of an error, such as'
        . ' 131047'] } qw(window -1 013 13104713104)),
    ['text: [a, "(b"]', 'FILE:2:23: rules[].when.text: at character 2: missing closing'
        . ' parenthesis'],
    ['referral: [true, x]', 'FILE:2:30: rules[].when.referral: must be true or false alone, or what'
        . ' the referral names'],
    ['tag: "a b"', 'FILE:2:18: rules[].when.tag: must be 1 to 64 of A-Za-z0-9._-'],
    ['template: order', 'FILE:2:23: rules[].when.template: must be a mapping of keys'],
    ['age: {over: 2h, under: 1h}', 'FILE:2:5: rules[]: when.age: nothing is older than over and not'
        . ' older than under'];
faulty("hours: $_->[0]", hours($_->[0]), "FILE:2:$_->[1]") for
    ['{from: 9:00}', '20: rules[].when.hours[]: zone is missing'],
    ['{zone: Mars/Olympus}', '27: rules[].when.hours[].zone: no such time zone stands in'
        . ' /usr/share/zoneinfo (package tzdata)'],
    ['{zone: ../../../etc/passwd}', '27: rules[].when.hours[].zone: is no name of a time zone such'
        . ' as Africa/Johannesburg'],
    ['{from: 25:00, zone: Etc/UTC}', '27: rules[].when.hours[].from: must be a time of day such as'
        . ' 9:00, 17:30 or 24:00, in quotes where YAML takes it for a number'],
    ['{days: monday, zone: Etc/UTC}', '27: rules[].when.hours[].days: must be mon, tue, wed, thu,'
        . ' fri, sat or sun, or two of them such as mon-fri'],
    ['{from: 9:00, to: 9:00, zone: Etc/UTC}', '20: rules[].when.hours[]: from and to leave no time'
        . ' between them'];
my $shop = qq(\nhandlers: [{name: shop, url: "unix:/run/x", secret_file: $dir/token}]);
good('media to save', rule("{when: {}, do: [{call: {handler: shop}}], media: {save: $dir,"
    . " max: 1g}, bot: true}") . $shop);
faulty('media for nobody', rule("{when: {}, do: [stop], media: {save: $dir}}"), 'FILE:2:35:'
    . ' rules[]: rule 1: media.save is for a handler, and "do" has no call');
faulty("media: $_->[0]", rule("{when: {}, do: [stop], media: {$_->[0]}}"), "FILE:2:$_->[1]") for
    ['max: 1m', '35: rules[].media: save is missing'],
    ['save: here', '42: rules[].media.save: must be the whole path of a directory, from / on'],
    ["save: $dir/nowhere", '42: rules[].media.save: there is no such directory: make it, for the'
        . " consumer's user"],
    ["save: $dir, max: 3g", 49 + length($dir) . ': rules[].media.max: must be a size from'
        . ' 1k to 2g'];

spew("$dir/gone.yaml", rule("{when: {}, do: [{call: {handler: shop}}], media: {save:"
    . " $dir/nowhere}}") . $shop);
my $metactl = build_dir() . '/metactl';
is system("$metactl -c $dir/gone.yaml token list >$dir/out 2>&1"), 0,
    'a directory that is gone keeps nobody from looking' or diag slurp("$dir/out");

my $answer = 'do: [{reply: {text: a}}]';
good('a template to fall back on', rule("{$when, $answer, fallback_template: {name: hello,"
    . ' language: en_US, components: [{type: body, parameters: [{type: text, text:'
    . ' "{{user.name|you}}"}]}]}}'));
my $instead = 'fallback_template: {name: hello, language: en_US}';
my $never = 'meta-consumer: FILE:3:66: rules[].max_age: warning: rule 2: who wrote is answered'
    . " without a template for 24h, so fallback_template hardly ever goes; leave max_age out\n";
for (['kind: message', "$instead, max_age: 6h", $never],
    ['kind: [call]', "$instead, max_age: 23h", $never], ['kind: message', $instead],
    ['kind: message', "$instead, max_age: 24h"], ['kind: message', "$instead, max_age: none"],
    ['kind: message', 'max_age: 6h'], ['kind: [message, status]', "$instead, max_age: 6h"],
    ['kind: message', "$instead, max_age: 6h", '', '{send: {account: 1, to: "+2782001", text: a}}'])
{
    my ($kind, $more, $warning, $do) = @$_;
    $do //= '{reply: {text: a}}';
    my ($how, $words) = said(rule("{$when, do: [mark_read]}")
        . "  - {$more, when: {product: whatsapp, $kind}, do: [$do]}\n");
    is $words, "meta-consumer: the configuration FILE is good\n" . ($warning // ''),
        "$kind, $more";
    is $how, '0', 'it is good';
}
faulty('a template without a name', rule("{$when, $answer, fallback_template: {language: en_US}}"),
    'FILE:2:93: rules[].fallback_template.template: name is missing');
faulty('a template where there are none', rule("{when: {product: messenger, kind: message},"
    . " $answer," . ' fallback_template: {name: hello, language: en_US}}'),
    'FILE:2:94: rules[].fallback_template.template: messenger has no template');
faulty('do without actions', rule("{$when, do: []}"), 'FILE:2:52: rules[].do: must be a list of'
    . ' at least one action');
my $shape = 'must be a name, or an object with one member, {name: parameters}';
faulty("action $_->[0]", rule("{$when, do: [$_->[0]]}"), "FILE:2:$_->[1]: rules[].do$_->[2]")
    for ['conversion', 53, '.conversion: comes with a later version'],
    ['{conversion: {event: a}}', 66, '.conversion: comes with a later version'],
    ['answer', 53, ': unknown action "answer"'], ['{answer: {}}', 53, ': unknown action "answer"'],
    ['reply', 53, '.reply: must have parameters, {text: ...}'],
    ['{mark_read: {}}', 65, '.mark_read: takes no parameters'],
    ['{reply: {text: a}, stop: 1}', 53, ": $shape"], ['[]', 53, ": $shape"],
    ['{}', 53, ": $shape"], ['5', 53, ": $shape"], ["''", 53, ': unknown action ""'],
    ['{reply: {text: a}, reply: {text: b}}', 53, ": $shape"],
    ['{push: {}}', 60, '.push: list is missing'],
    ['{push: {list: "a b"}}', 67, '.push.list: must be 1 to 200 of A-Za-z0-9._:-'],
    ['{push: {list: "meta:events"}}', 67, '.push.list: "meta:events" is a queue of this consumer:'
        . ' it would read it again and again'],
    ['{push: {list: "meta:events:12"}}', 67, '.push.list: "meta:events:12" is a queue of this'
        . ' consumer: it would read it again and again'],
    ['{call: {handler: shop}}', 70, '.call.handler: "shop" does not stand in handlers'],
    ['{graph: {method: GET}}', 61, '.graph: path is missing'],
    ['{graph: {path: a}}', 61, '.graph: method is missing'],
    ['{graph: {method: PATCH, path: a}}', 70, '.graph.method: must be GET, POST or DELETE'],
    ['{graph: {method: GET, path: v24.0/me}}', 81,
        '.graph.path: the version is that of graph.version, leave it out'],
    (map { ["{graph: {method: GET, path: '$_'}}", 81, '.graph.path: must be a path such as'
        . ' 106540352242922/messages: no host, no query, no empty part'] } 'https://evil.example/x',
        '//evil.example', 'a//b', 'a/', '../b', 'a/../b', 'a?b=c', 'a#b', 'a b', 'a%2fb', '/'),
    ['{graph: {method: POST, path: a, params: {access_token: b}}}', 93,
        '.graph.params: access_token: the configuration says which token is used'],
    ['{send: {account: "1", text: a}}', 60, '.send: to is missing'],
    ['{send: {to: "+27820000001", text: a}}', 60, '.send: account is missing'],
    ['{send: {account: x, to: "1", text: a}}', 70,
        '.send.account: must be an id of 1 to 32 digits'],
    (map { ["{send: {account: 1, to: '$_', text: a}}", 77, '.send.to: must be a phone number with +'
        . ' and country code, 6 to 15 digits and nothing else, or a user id such as'
        . ' ZA.48210093377165520'] } '+', '+1', '+4 9123456', '+1234567890123456'),
    ['{send: {account: 1, to: abc, text: a}}', 77,
        ".send.to: must be the user's id, 1 to 32 digits"];
good("action $_", rule("{$when, do: [$_]}") . "handlers: [{name: shop, url: 'http://h',"
    . " secret_file: $dir/token}]\n")
    for 'mark_read', 'stop', '{push: {list: mine}}', '{call: {handler: shop}}',
    '{graph: {method: GET, path: me}}', '{graph: {method: DELETE, path: /1_2/likes}}',
    '{graph: {method: POST, path: act_1/x, params: {a: 1, b: [c, 1.5, true, null]}}}',
    '{send: {account: 1, to: "+27820000001", text: a}}',
    '{send: {account: "1", to: ZA.48210093377165520, text: a}}',
    '{send: {account: "1", to: "720", raw: {message: {text: a}}}}',
    '{reply: {raw: {type: image, image: {link: "https://x"}}}}';
my $chat = 'url: "https://h/v1", model: m';
sub desk { return rule("{$when, do: [{assistant: {name: desk}}]}")
    . "assistants:\n  - {name: desk, $_[0]}\n" }
good('an assistant', desk("default: a, writer: {$chat}"));
good('all of an assistant', desk(<<"END" =~ s/\n */ /gr));
classifier: {api: openai, $chat, key_file: $dir/token, system: s, max_input: 1, max_tokens: 1,
    max_tokens_as: max_tokens, timeout: 5m}, writer: {api: anthropic, model: m,
    url: "http://127.0.0.1:1/a?b=c"}, labels: [{name: a, system: s, write: true,
    do: [{reply: {text: "{{user.name}}"}}], hand_over: true, resume: true}, {name: b}],
    default: B, turns: 0, retries: 5, fallback: f, quick_replies: [{title: t, payload: p}],
    pause: 1h
END
faulty("an assistant $_->[0]", desk($_->[1]), "FILE:$_->[2]: $_->[3]") for
    ['without an endpoint', 'default: a', '4:5', 'assistants[]: label a: needs the writer, and'
        . ' there is none'],
    ['without its default', "writer: {$chat}, labels: [{name: a}]", '4:5',
        'assistants[]: default: there is no label "general"'],
    ['in clear', 'writer: {url: "http://h/", model: m}', '4:32', 'assistants[].writer.url: http://'
        . ' would show tokens to everybody on the way: it is allowed to this machine only, use'
        . ' https://'],
    ['of no API', "writer: {$chat, api: x}", '4:63',
        'assistants[].writer.api: must be openai or anthropic'],
    ['that calls', "writer: {$chat}, labels: [{name: a, do: [{call: {handler: x}}]}]", '4:82',
        'assistants[].labels[].do: a label cannot call'],
    ['with a label twice', "writer: {$chat}, labels: [{name: a}, {name: A}], default: a", '4:5',
        'assistants[]: label A stands there twice'],
    ['with long titles', "default: a, writer: {$chat}, quick_replies: [{title: @{['x' x 21]},"
        . ' payload: a}]', '2:65', 'rules[].do.assistant: assistant desk: its quick_replies:'
        . ' reply.quick_replies[0].title: 21 characters; there may be 20 at most'],
    ['with a label that cannot be', "writer: {$chat}, default: a, labels: [{name: a, do: [hide]}]",
        '2:65', 'rules[].do.assistant: assistant desk: label a: hide: there is no comment'];
faulty('an assistant that is not there', rule("{$when, do: [{assistant: {name: desk}}]}"),
    'FILE:2:72: rules[].do.assistant.name: "desk" does not stand in assistants');
faulty('stop in the middle', rule("{$when, do: [stop, mark_read]}"),
    'FILE:2:53: rules[].do.stop: must be the last action');
faulty('101 actions', rule("{$when, do: [" . join(', ', ('mark_read') x 101) . ']}'),
    'FILE:2:52: rules[].do: 101 actions; there may be 100 at most');
faulty('mark_read of a status', rule('{when: {product: whatsapp, kind: status}, do: [mark_read]}'),
    'FILE:2:52: rules[].do.mark_read: there is no message for it');
faulty('a reply to nobody',
    rule('{when: {product: whatsapp, kind: account}, do: [{reply: {text: a}}]}'),
    'FILE:2:61: rules[].do.reply: there is nobody to reply to');
faulty('a reply without text', rule("{$when, do: [{reply: {}}]}"),
    'FILE:2:61: rules[].do.reply: text is missing, or another content: image, video, audio,'
    . ' document, sticker, location, contacts, template, interactive, generic, buttons, list, raw');
faulty('an empty text', rule("{$when, do: [{reply: {text: ''}}]}"),
    'FILE:2:68: rules[].do.reply.text: is empty');
faulty("a text that is $_", rule("{$when, do: [{reply: {text: $_}}]}"),
    'FILE:2:68: rules[].do.reply.text: must be a text; a number is written in quotes')
    for '5', '-1.5', 'true', 'null', '[a]', '{a: b}';
good("a text of $_", rule("{$when, do: [{reply: {text: $_}}]}"))
    for '"5"', 'yes', '1.', '0x1f', '05', '"true"';
faulty('a text twice', rule("{$when, do: [{reply: {text: a, text: b}}]}"),
    'FILE:2:77: rules[].do.reply.text: stands there twice');
faulty('text and raw', rule("{$when, do: [{reply: {text: a, raw: {type: text}}}]}"),
    'FILE:2:76: rules[].do.reply.raw: stands beside text: exactly one of them');
faulty("raw $_->[0]", rule("{$when, do: [{reply: {raw: $_->[0]}}]}"),
    "FILE:2:$_->[1]: rules[].do.reply.raw: $_->[2]") for ['a', 67, 'must be an object'],
    ['{}', 67, 'is empty'], ['{image: {}}', 67,
        'needs "type" and the member of that name, as Meta\'s reference has them'],
    ['{type: text, to: "1"}', 67, 'to is set by the call itself, leave it out'];
faulty('a reply of no kind', rule("{$when, do: [{reply: {txt: a}}]}"),
    'FILE:2:67: rules[].do.reply.txt: unknown parameter');
faulty('a circle', rule("{$when, do: &a [*a]}"),
    'FILE:2:52: rules[].do: is too long, or nested too deep');
faulty('a long text', rule("{$when, do: [mark_read, {reply: {text: $long}}]}"),
    'FILE:2:79: rules[].do.reply.text: 4097 characters; there may be 4096 at most');
faulty('a long text on Messenger', rule("{$page, do: [{reply: {text: @{['x' x 2000]}}}]}"),
    'FILE:2:69: rules[].do.reply.text: 2000 characters; there may be 1999 at most');

sub quick {
    my ($when, @titles) = @_;
    return rule("{$when, do: [{reply: {text: a, quick_replies: ["
        . join(', ', map { "{title: \"$_\", payload: \"p$_\"}" } @titles) . ']}}]}');
}
my $q = 'rules[].do.reply.quick_replies';
good('13 quick replies', quick($page, 1 .. 13));
good('10 rows', quick($when, 1 .. 10));
good('20 characters, not bytes', quick($page, "\xc3\xa4" x 20));
faulty('14 quick replies', quick($page, 1 .. 14),
    "FILE:2:87: $q: 14 quick replies; there may be 13 at most");
faulty('11 rows', quick($when, 1 .. 11),
    "FILE:2:86: $q: 11 quick replies; there may be 10 at most");
faulty('a long title', quick($when, 'a', 'x' x 21),
    "FILE:2:124: ${q}[1].title: 21 characters; there may be 20 at most");
faulty('a title twice', quick($when, 'a', 'a'), "FILE:2:116: ${q}[1]: \"a\": on WhatsApp no two"
    . ' titles and no two payloads are the same');
faulty('no payload', rule("{$when, do: [{reply: {text: a, quick_replies: [{title: a}]}}]}"),
    "FILE:2:87: ${q}[0]: needs title and payload");

good("max_age $_", rule("{$when, do: [stop], max_age: $_}")) for qw(none 30s 6h 7d);
faulty('max_age', rule("{$when, do: [stop], max_age: 6}"),
    'FILE:2:69: rules[].max_age: must be none, or a time such as 30s, 5m, 6h or 7d');
good("order $_", rule("{$when, do: [stop], order: $_}")) for qw(strict loose);
faulty('order', rule("{$when, do: [stop], order: none}"),
    'FILE:2:67: rules[].order: must be strict or loose');
good("ambiguous $_", rule("{$when, do: [stop], ambiguous: $_}")) for qw(park resend);
faulty('ambiguous', rule("{$when, do: [stop], ambiguous: drop}"),
    'FILE:2:71: rules[].ambiguous: must be park or resend');
good('outbox, dry_run, keep, retention', <<'END');
outbox: {reply_prefix: "results:"}
dry_run: true
keep: 24h
retention: {turns: 1h, messages: 30d, results: 0, dead: 90d}
END
good('keep: 0', "keep: 0\n");
faulty('retention', "retention: {turn: 1h}\n", 'FILE:1:13: retention.turn: unknown key');
faulty('dry_run', "dry_run: 1\n", 'FILE:1:10: dry_run: must be true or false');

sub handler { return "handlers: [{name: shop, url: \"$_[0]\", secret_file: $dir/token$_[1]}]\n" }
good("handler $_", handler($_, '')) for 'https://shop.example/meta?a=b', 'http://10.0.0.1:8080',
    'http://[::1]:80/x', 'unix:/run/shop.sock', 'unix:/run/shop.sock:/meta?x=1';
good('handler with all', handler('https://h', ', timeout: 500ms, max_answer: 1m, max_actions: 5'));
faulty("handler $_->[0]", handler($_->[0], ''), "FILE:1:30: handlers[].url: $_->[1]") for
    ['ftp://h', 'must begin with https://, http:// or unix:'],
    ['https://', 'must be https://HOST[:PORT][/PATH]'],
    ['https://h\\\\x', 'must be a URL of at most 1024 bytes, without user, fragment and what has to'
        . ' be escaped'],
    ['https://u:p@h', 'must be a URL of at most 1024 bytes, without user, fragment and what has to'
        . ' be escaped'],
    ['unix:run', 'unix: needs an absolute path of at most 107 bytes, and behind it :/uri'],
    ['unix:/run/a:b', 'must be unix:/path:/uri'];
faulty("handler with $_->[0]", handler('http://h', ", $_->[0]"), "FILE:1:$_->[1]") for
    ['timeout: 0s', '12: handlers[]: timeout must be from 1ms to 5m'],
    ['timeout: 6m', '12: handlers[]: timeout must be from 1ms to 5m'],
    ['max_actions: 101', '12: handlers[]: max_actions may be 100 at most'];
faulty('a handler twice',
    "handlers:\n" . "  - {name: a, url: 'http://h', secret_file: $dir/token}\n" x 2,
    'FILE:3:5: handlers[]: "a" stands there twice');
faulty('a handler without a secret', "handlers: [{name: a, url: 'http://h'}]\n",
    'FILE:1:12: handlers[]: secret_file is missing');
faulty('a handler with a bad name', "handlers: [{name: 'a b'}]\n",
    'FILE:1:19: handlers[].name: must be 1 to 64 of A-Za-z0-9._-');

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
    [0, qr/-c FILE/, '--help'],
    [0, qr/^meta-consumer \d/, '--version'],
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
