# metactl's words: usage, wrong command lines, and that help, docs, man page and completion agree.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Digest::SHA qw(sha256_hex);
use JSON::PP qw(decode_json);
use Test::More;

use Ctl qw(event $Q);
use Test::Meta::Process;
use Test::Meta::Util qw(root_dir slurp spew);

my $ctl = Ctl->new;
my ($code, $help, $err) = $ctl->run('--help');
is $code, 0, '--help is good';
is_deeply [grep { length > 80 } split /\n/, $help], [], 'on 80 columns';

my @commands = $help =~ /^  ([a-z]+(?: [a-z]+)?) {2,}/mg;
@commands = grep { !/^FIL|^TIME/ } @commands;
ok @commands > 15, 'it lists commands' or diag "@commands";
my %options = map { $_ => 1 } slurp(root_dir()
    . '/consumer/ctl_opts.c') =~ /^ +\{ "([a-z-]+)", OPT_/mg;
ok keys %options > 25, 'and the code has options';

my %place = map { $_ => slurp(root_dir() . "/$_") } qw(docs/metactl.md packaging/man/metactl.1
    packaging/completion/metactl packaging/completion/_metactl);
for my $place (sort keys %place) {
    my $text = $place{$place} =~ s/\\-/-/gr;
    for my $command (@commands) {
        my @words = split / /, $command;
        is scalar(grep { $text !~ /\b$_\b/ } @words), 0, "$place has $command";
    }
    is join(' ', grep { $text !~ /--$_\b/ && $text !~ /\{-\w,--$_\}/ } sort keys %options), '',
        "$place has all options";
    my @known = (keys %options);
    my %known = map { $_ => 1 } @known;
    my @odd = grep { !$known{$_} } $text =~ /(?<![\w-])--([a-z][a-z-]*)/g;
    is "@odd", '', "$place has no other";
}

for my $command (@commands) {
    my ($code, $out) = $ctl->run(split(/ /, $command), '--help');
    is $code, 0, "$command --help";
    like $out, qr/^  \Q$command\E/, '... says how';
}

subtest 'wrong command lines' => sub {
    my @wrong = ([], ['nosuch'], ['dead'], ['dead', 'nosuch'], ['status', '--nosuch'], ['-x'],
        ['status', '--reason', 'x'], ['pause'], ['status', 'a', 'b'], ['dead', 'list', '--limit'],
        ['dead', 'list', '--limit', 'x'], ['dead', 'list', '--limit=0'], ['dead', 'list',
            '--since', 'soon'],
        ['status', '--json=1'], ['top', '--interval', '1ms'], ['top', '--count', 'x'],
        ['dead', 'requeue', '--all', '--since', '2026-13-01T00:00:00Z'], ['replay', '--all',
            '--to', 'a b']);
    for my $args (@wrong) {
        my ($code, $out, $err) = $ctl->run(@$args);
        is $code, 2, "metactl @$args";
        like $err . $out, qr/^metactl\b/, '... says why';
    }
};

subtest 'where options stand' => sub {
    my @ways = (['--json', 'status'], ['status', '--json'], ['--config=' . $ctl->{conf},
        '--json', '--', 'status']);
    is +($ctl->run(@$_))[0], 0, "@$_[0, 1]" for @ways;
    is +($ctl->run('message', '--', '--help'))[0], 4, 'behind -- nothing is one';
    is +($ctl->run('--version'))[1], 'metactl ' . (slurp(root_dir()
        . '/consumer/version.h') =~ /"(.*)"/)[0]
        . "\n", '--version';
};

subtest 'variables of the service' => sub {
    my ($env, $long) = ($ctl->file('env'), 'EAAenv' . 'x' x 20);
    spew($env, <<"END");
# a comment with META_SYSTEM_USER_TOKEN=x
  ; another
 WHATSAPP_PHONE_ID = "106540352242922" \r
WHATSAPP_TOKEN="EAA"'env'xxxxxxxxxx\\
xxxxxxxxxx @{["  "]}
export META_SYSTEM_USER_TOKEN=not a name
LD_PRELOAD=/nonexistent
PAGE_ACCES_TOKEN=EAAenvodd
WHATSAPP_TOKEN_FILES =x
META_PIXEL_ID=1
no such line
END
    my ($code, $out, $err) = $ctl->run('--env', $env, 'token', 'list', '--json');
    unlike $out . $err, qr/EAAenv|preload/, 'no token, and nothing of the loader';
    my ($row) = grep { $_->{kind} eq 'whatsapp' } @{decode_json($out)->{tokens}};
    is_deeply [@$row{qw(id length from)}], [106540352242922, length $long, 'WHATSAPP_TOKEN'],
        'as systemd reads them' or diag $out . $err;
    is $row->{mark}, '#' . substr(sha256_hex($long), 0, 8), '... to the byte';
    unlike $out, qr/"kind":"system_user"/, '... and no others';
    like +($ctl->run('--env', $env, 'config', 'test'))[1], qr/comes from WHATSAPP_TOKEN$/m,
        'config test names them';
    my $odd = (($ctl->run('--env', $env, 'config', 'test'))[2]);
    is $odd =~ s/\Q$env\E/FILE/gr, <<'END', '... and those that nobody reads';
metactl: FILE: META_SYSTEM_USER_TOKEN is behind "export", and systemd leaves such a line out
metactl: FILE: PAGE_ACCES_TOKEN is no variable that anybody reads
metactl: FILE: WHATSAPP_TOKEN_FILES is no variable that anybody reads
END
    like +($ctl->run('--env', $env, 'doctor', '--offline'))[1] =~ s/\s+/ /gr,
        qr/warn configuration \S+: PAGE_ACCES_TOKEN is no variable .*? -> docs\/env.md/,
        '... as doctor does';
    unlike $odd, qr/EAA/, '... without a value';
    # of two the last one; quotes inside are letters; a comment's backslash hides its end
    spew($env, "WHATSAPP_PHONE_ID=111\nX=ab\"cd\nWHATSAPP_TOKEN='old'\nWHATSAPP_PHONE_ID='22' 2 \n"
        . "WHATSAPP_TOKEN=EAA\"env'xxxxxxxxxxx  \n# no \\\nWHATSAPP_PHONE_ID=333\n");
    my $listed = ($ctl->run('--env', $env, 'token', 'list', '--json'))[1];
    ($row) = grep { $_->{kind} eq 'whatsapp' } @{decode_json($listed)->{tokens}};
    is_deeply [@$row{qw(id length mark)}], [222, 19,
        '#' . substr(sha256_hex(q(EAA"env'xxxxxxxxxxx)), 0, 8)], 'as systemd does' or diag $listed;
    {
        local $ENV{WHATSAPP_PHONE_ID} = 444;
        $listed = ($ctl->run('--env', $env, 'token', 'list', '--json'))[1];
        is +(grep { $_->{kind} eq 'whatsapp' } @{decode_json($listed)->{tokens}})[0]{id}, 444,
            'what is set already wins';
    }
    chmod 0666, $env;
    is +($ctl->run('--env', $env, 'token', 'list'))[0], 2, 'not where everybody may write';
};

subtest 'whoever reads goes away' => sub {
    $ctl->do('RPUSH', $Q, event());
    my $p = Test::Meta::Process->new(out => $ctl->file('pipe'));
    my $command = join ' ', map { "'$_'" } $ctl->command('top', '--count', 1000000, '--interval',
        '100ms');
    $p->run(out => $p->{out}, cmd => ['sh', '-c', "$command | head -1"]);
    is $p->wait_exit(20), '0', 'it ends as well';
};

# words that bash would offer
sub offered {
    my (@words) = @_;
    my $list = join ' ', map { "'$_'" } @words;
    my $file = $ctl->file('complete');
    spew($file, 'source ' . root_dir() . "/packaging/completion/metactl\n"
        . "COMP_WORDS=($list); COMP_CWORD=$#words; _metactl\n"
        . "printf '%s\\n' \"\${COMPREPLY[@]}\"\n");
    open my $bash, '-|', 'bash', '--norc', $file or die "bash: $!";
    chomp(my @said = <$bash>);
    return grep { length } @said;
}

subtest 'completion in bash' => sub {
    is_deeply [sort(offered('metactl', 'd'))], [qw(dead deletion doctor)], 'a command';
    is_deeply [sort(offered('metactl', '-c', 'x', 'dead', ''))], [qw(drop list requeue show)],
        'its second word';
    is_deeply [offered('metactl', 'dead', 'requeue', '--dr')], ['--dry-run'],
        'an option of its own';
    is_deeply [offered('metactl', 'status', '--dr')], [], 'which others have not';
    is_deeply [offered('metactl', 'explain', '1', '--product', 'w')], ['whatsapp'], 'a value';
    my ($reasons) = slurp(root_dir() . '/docs/consumer.md') =~ /^\| reason \|[^\n]*\n(.*?)\n\n/ms;
    my @reasons = sort $reasons =~ /^\| `(\w+)` \|/mg;
    is_deeply [sort(offered('metactl', 'dead', 'list', '--reason', ''))], \@reasons,
        'every reason of a letter';
    my ($zsh) = $place{'packaging/completion/_metactl'} =~ /:reason:\((.*?)\)/;
    is_deeply [sort split / /, $zsh], \@reasons, 'in zsh, too';
    my %top;
    $top{(split / /)[0]} = 1 for @commands;
    is_deeply [sort(offered('metactl', ''))], [sort keys %top], 'every command';
};

subtest 'the man page' => sub {
    plan skip_all => 'no groff' if !grep { -x "$_/groff" } split /:/, $ENV{PATH};
    open my $groff, '-|', 'groff', '-man', '-Tutf8', '-ww', root_dir() . '/packaging/man/metactl.1'
        or die "groff: $!";
    my $page = join '', <$groff>;
    $page =~ s/.\x08//g;
    ok close $groff, 'groff reads it';
    like $page, qr/NAME.*SYNOPSIS.*EXIT STATUS/s, 'and it has its sections';
};

$ctl->finish;
done_testing;
