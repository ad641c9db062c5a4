# What docs/oauth.md, tokens.md and env.md have: configurations are good, links that programs make
# are signed, the template of the environment fills in what it says. Each command of metactl's
# that these pages, troubleshooting.md and trying.md name is one, with options that there are.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Digest::SHA qw(hmac_sha256_hex);
use Test::More;

use Test::Meta::Consumer;
use Test::Meta::Util qw(build_dir root_dir slurp spew temp_dir);

my $dir = temp_dir();
my $KEY = 'a-key-of-links-that-is-long-enough';
my %FILE = (token_keys => '0123456789abcdef' x 4, link_key => $KEY);
my $HEAD = "redis: 127.0.0.1:1\nqueues: [{name: \"meta:events\"}]\nunmatched: drop\n";

sub here { return shift =~ s{/etc/meta/}{$dir/}gr }

sub blocks {
    my ($page, $language) = @_;
    return map { here($_) } slurp(root_dir() . "/docs/$page.md") =~ /^```$language\n(.*?)^```/msg;
}

sub tested {
    my ($yaml, %env) = @_;
    return Test::Meta::Consumer->new(dir => $dir, conf => $yaml, env => \%env)->test;
}

spew("$dir/$_", ($FILE{$_} // "secret-of-$_") . "\n") for keys %FILE,
    qw(app_secret instagram_secret verify_token whatsapp_token page_token instagram_token
       system_user_token ads_secret ads_token);

for my $page (qw(oauth tokens)) {
    my @yaml = blocks($page, 'yaml');
    ok @yaml, "$page: there is a configuration";
    is_deeply [tested("$HEAD$_")]->[0], '0', "$page: it is good" for @yaml;
}

for (['python', 'python3', 'py'], ['php', 'php', 'php']) {
    my ($language, $program, $end) = @$_;
    SKIP: {
        skip "no $program here", 2 if system("command -v $program >/dev/null");
        spew("$dir/link.$end", blocks('oauth', $language));
        my $link = qx{$program $dir/link.$end};
        like $link, qr{^https://hooks\.example\.com/connect\?ref=shop-17&exp=\d+&sig=\w{64}\s*\z},
            "$language: a link";
        my ($exp, $sig) = $link =~ /exp=(\d+)&sig=(\w+)/;
        is $sig, hmac_sha256_hex("shop-17\n$exp", $KEY), "$language: signed by the key";
    }
}

# all of it, with what is left open
my ($template) = blocks('env', 'sh');
my %env = (META_APP_ID => '1', $template =~ /^#?([A-Z_]+)=(.*)$/mg);
delete $env{$_} for grep { $env{"${_}_FILE"} } keys %env;
%env = (%env, INSTAGRAM_APP_ID => '22', FACEBOOK_ADS_APP_ID => '33',
    FACEBOOK_ADS_APP_SECRET_FILE => "$dir/ads_secret", PAGE_ACCESS_TOKEN_FILE => "$dir/page_token");
my ($how, $said) = tested($HEAD, %env);
is $how, '0', 'the template is good' or diag $said;
my %used = map { $_ => 1 } $said =~ /comes from (\w+?)(?:_FILE)?$/mg;

my @table = slurp(root_dir() . '/docs/env.md') =~ /^\| (`[A-Z_`, ]+) \| (.*?) \|/mg;
while (my ($names, $who) = splice @table, 0, 2) {
    for my $name ($names =~ /[A-Z_]{4,}/g) {
        ok exists $env{$name} || exists $env{"${name}_FILE"}, "$name stands in the template"
            unless $name =~ /^(?:NO_COLOR|NOTIFY_SOCKET|WATCHDOG_USEC)$/;
        is !!$used{$name}, !!1, "... and the consumer takes it" if $who =~ /consumer/
            && $name !~ /^(?:NOTIFY_SOCKET|WATCHDOG_USEC)$/;
    }
}

my $help = qx{@{[build_dir()]}/metactl --help};
my %command = map { $_ => 1 } $help =~ /^  ([a-z][a-z-]*(?: [a-z-]+)?)  +/mg;
cmp_ok scalar(keys %command), '>', 40, 'metactl tells its commands';

for my $page (qw(oauth embedded-signup tokens env troubleshooting trying)) {
    my $text = slurp(root_dir() . "/docs/$page.md") =~ s/\\\n\s*//gr;
    my %typed = map { s/\s+/ /gr => 1 } $text =~ /`(metactl [^`]*)`/g,
        map { /^ *(?:sudo )?(metactl [^\n#|]*)/mg } $text =~ /^ *```sh\n(.*?)^ *```/msg;
    my @wrong = grep {
        my ($line) = /^metactl(?: -c \S+| --env \S+| --json)*(?: (\w.*))?$/;
        defined $line && !grep({ $command{$_} } $line =~ /^(([a-z]+)(?: [a-z-]+)?)/)
            || grep { $help !~ /\Q$_\E\b/ } /\s(--[a-z-]+)/g;
    } sort keys %typed;
    is_deeply \@wrong, [], "$page: its @{[scalar keys %typed]} commands are metactl's";
}

done_testing;
