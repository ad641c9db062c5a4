# What docs/webhooks.md, whatsapp.md, messenger.md and instagram.md tell to type: configurations
# are good, and each metactl command is one that Meta could be asked.  And the calls that metactl
# knows by name are those of the reference.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP qw(decode_json);
use Test::More;

use Test::Meta::Graph;
use Test::Meta::Util qw(build_dir root_dir slurp spew temp_dir);

my ($NUMBER, $WABA, $PAGE, $IG) =
    qw(106540352242922 102290129340398 118734502290164 17841460233915708);
my %SECRET = (app_secret => 's3cret', facebook_secret => 's3cret', verify_token => 'word',
    whatsapp_token => 'EAAwhatsappToken', page_token => 'EAApageToken',
    instagram_token => 'IGinstagramToken', token_b => 'word');

my $dir = temp_dir();
spew("$dir/$_", "$SECRET{$_}\n") for keys %SECRET;
my $graph = Test::Meta::Graph->new(dir => $dir, args => ['--app', '1234567890:s3cret',
    '--token', "whatsapp:$NUMBER\@$WABA:$SECRET{whatsapp_token}",
    '--token', "page:$PAGE:$SECRET{page_token}",
    '--token', "instagram:$IG:$SECRET{instagram_token}"])->start;

sub here { return shift =~ s{/etc/meta/}{$dir/}gr =~ s{\@(?=token_b\b)}{\@$dir/}gr }

# as it stands in the page, but for the stand-in's address
sub configured {
    my ($page, $yaml) = @_;
    my $file = "$dir/$page.yaml";
    spew($file, here($yaml) =~ s/(graph: \{)/$1base_url: "@{[$graph->url]}", /r);
    my $said = qx{@{[build_dir()]}/meta-consumer -t -c '$file' 2>&1};
    is $?, 0, "$page: the configuration is good" or diag $said;
}

spew("$dir/all.yaml", <<"END");
redis: 127.0.0.1:6379
queues: [{name: "meta:events"}, {name: "meta:outbox", kind: jobs}]
apps: [{id: "1234567890", secret_file: $dir/app_secret}]
graph: {version: v24.0, base_url: "@{[$graph->url]}"}
tokens:
  - {kind: whatsapp, id: "$NUMBER", waba: "$WABA", file: $dir/whatsapp_token}
  - {kind: page, id: "$PAGE", file: $dir/page_token}
  - {kind: instagram, id: "$IG", file: $dir/instagram_token}
rules: []
unmatched: drop
END

# whole commands: continued lines and what is typed into them
sub commands {
    my ($text) = @_;
    my @found;
    while ($text =~ /^```sh\n(.*?)^```/msg) {
        my $block = $1;
        push @found, $1 while $block =~ /^(?:sudo[ ]+(?:-u[ ]+\S+[ ]+)?)?(metactl\b
            (?:[^\n\\]|\\\n|\\.)*\n(?:(?<=<<'END'\n).*?^END\n)?)/xmsg;
    }
    return @found;
}

# what asks nobody, or waits; placeholders of a table
sub is_call {
    return $_[0] =~ /^metactl (?:graph|number|profile|persona|subscription|app|block) /;
}

for my $page (qw(webhooks whatsapp messenger instagram)) {
    my $text = slurp(root_dir() . "/docs/$page.md");
    configured($page, $1) while $text =~ /^```yaml\n(.*?)^```/msg;
    my @calls = grep { is_call($_) } commands($text);
    cmp_ok scalar @calls, '>', 2, "$page: there are calls";
    for my $call (@calls) {
        my ($first, $rest) = here($call) =~ /\A(.*?)((?:<<'END'|#).*)?\z/s;
        $first =~ s/\s+\z//;
        my $typed = "printf '482913\\n' |";
        spew("$dir/sh", qq{metactl() { '@{[build_dir()]}/metactl' -c '$dir/all.yaml' "\$@"; }\n}
            . (($rest // '') =~ /^<</ ? "$first --dry-run $rest" : "$typed $first --dry-run\n"));
        my $said = qx{sh '$dir/sh' 2>&1};
        my $code = $? >> 8;
        ok $code == 0 || $said =~ /Meta refuses it/, "$page: " . substr($call =~ s/\s+/ /gr, 0, 80)
            or diag "$code $said";
    }
}

# METHOD and path of each call of a part of the reference; ids are all alike
sub calls_of {
    my ($text) = @_;
    my %found;
    while ($text =~ m{`([A-Z]+(?:\\?\|[A-Z]+)*) (?:https://[\w.]+/v[\d.]+)?(/[^`\s?]+)}g) {
        my ($methods, $path) = ($1, $2);
        $path =~ s/\{[^}]*\}|\bme\b/*/g;
        $found{"$_ $path"} = 1 for grep { /^(?:GET|POST|DELETE)$/ } split /\W+/, $methods;
    }
    return sort keys %found;
}

# sends have actions of their own, uploads a command
my $ELSEWHERE = qr{/(?:messages|marketing_messages|media)$};

SKIP: {
    my $file = root_dir() . '/../shared/reference/meta-webhooks-and-messaging.md';
    skip 'the reference is not here', 1 if !-e $file;

    my %part = slurp($file) =~ /^(#+ [\d.]+) [^\n]*\n(.*?)(?=^#|\z)/msg;
    my $list = decode_json(qx{'@{[build_dir()]}/metactl' -c '$dir/all.yaml' graph --json});
    my %known = map { ("$_->{method} /" . $_->{path} =~ s/\{[^}]*\}/*/gr) => 1 } @{$list->{calls}};
    my @calls = map { calls_of($part{$_}) } '### 1.8', '### 7.4', '### 7.5', '## 8.', '## 9.';
    cmp_ok scalar @calls, '>', 30, 'the reference has calls';
    ok $known{$_}, "$_ is known by a name" for grep { $_ !~ $ELSEWHERE } @calls;
}

$graph->stop;
done_testing;
