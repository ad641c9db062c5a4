# The ACL of docs/metactl.md is enough and the smallest: what is taken away is named, nothing moves.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Ctl qw(event letter $Q $PAGE);
use Test::Meta::Util qw(root_dir slurp spew);

my $doc = slurp(root_dir() . '/docs/metactl.md');
my ($acl) = $doc =~ /^ACL SETUSER (.*)/m;
my ($writes) = $doc =~ /Who shall only look(.*)/s;
my @commands = $acl =~ /\+(\S+)/g;
my @writes = $writes =~ /`\+(\w+)`/g;

my $ctl = Ctl->new(redis => {options => ['--appendonly', 'yes']});
$ctl->do('ACL', 'SETUSER', split ' ', $acl);
spew($ctl->file('password'), "PASSWORD\n");
$ctl->{conf} = $ctl->conf(name => 'acl.yaml', address => $ctl->redis->address
    . ' user=metactl password_file=' . $ctl->file('password') . ' db=1');
$ctl->do('SELECT', 1);

my $event = event();
my @all = (
    ['status'], ['top'], ['queue'], ['dead', 'list'], ['dead', 'show', 'm_acl'],
    ['dead', 'requeue', 'm_acl'], ['dead', 'drop', '--all'], ['pause', $Q], ['resume', $Q],
    ['resume', 'page:1'],
    ['send', '--account', $PAGE, '--to', '7290000000000001', '--text', 'x', '--wait=1ms'],
    ['message', 'm_kept'], ['replay', '--all', '--dry-run'], ['replay', '--all', '--to', 'mine'],
    ['replay', '--all'], ['doctor'],
    (map { ['conversation', $_, "messenger:$PAGE:729"] } qw(show pause resume forget)),
    ['conversation', 'list'], ['forget', "messenger:$PAGE:729"],
    (map { ['deletion', @$_] } ['list'], ['show', 'abc1'], ['done', 'abc1']),
);

# all that the commands look for is there
sub fill {
    $ctl->do('FLUSHDB');
    $ctl->do('SCRIPT', 'FLUSH');
    $ctl->letters(letter(event(id => 'm_acl'), state => '{"v":1,"steps":[]}'), letter(event()));
    $ctl->do('RPUSH', $Q, $event);
    $ctl->do('HSET', "{$Q}:inflight", 5, event());
    $ctl->do('HSET', "{$Q}:held", 4, "1 7\n\1page:1" . event());
    $ctl->do('ZADD', "{$Q}:lines", 0, "\1page:1\0" . '0' x 15 . '4');
    $ctl->do('ZADD', "{$Q}:retry", 1, '6 0 ' . "\n" . event());
    $ctl->do('SET', 'meta:limit:stop:page:1', '{"until":1}');
    $ctl->do('HINCRBY', "{$Q}:count", 'taken', 3);
    $ctl->do('HSET', "meta:conversation:messenger:$PAGE:729", 'tag:a' => 1);
    $ctl->do('HSET', "meta:user:$PAGE:729", name => 'A');
    $ctl->do('HSET', 'meta:deletion:abc1', state => 'deleted', at => 1);
    $ctl->do('ZADD', "{$Q}:kept", 1763700000000, '7:' . event(id => 'm_kept'));
}

sub everything {
    my %all = map { my $k = $_; my $t = $ctl->do('TYPE', $k);
        $k => join "\0", $t eq 'list' ? $ctl->redis->queue($k) : $t eq 'hash'
            ? do { my %h = $ctl->do('HGETALL', $k); map { $_, $h{$_} } sort keys %h }
            : $t eq 'zset' ? $ctl->do('ZRANGE', $k, 0, -1) : $ctl->do('GET', $k) }
        $ctl->do('KEYS', '*');
    return \%all;
}

# what 4 and 5 mean here is that it was allowed to look
my %good = map { $_ => 1 } 0, 1, 4, 5;

subtest 'with all of it' => sub {
    fill();
    for my $args (@all) {
        my ($code, $out, $err) = $ctl->run(@$args);
        ok $good{$code}, "@$args[0 .. ($#$args > 0 ? 1 : 0)] works" or diag "$code $out $err";
        unlike $out, qr/not\s+for\s+this\s+user/, 'and sees all';
    }
};

for my $command (@commands) {
    subtest "without $command" => sub {
        $ctl->do('ACL', 'SETUSER', 'metactl', "-$command");
        fill();
        my $refused = 0;
        for my $args (@all) {
            my $before = everything();
            my ($code, $out, $err) = $ctl->run(@$args);
            if ($code eq '3') {
                $refused++;
                my $base = $command =~ s/\|.*//r;
                like $err, qr/\b$base\b/i, "@$args: it is named" or diag $err;
                is_deeply everything(), $before, 'and nothing has moved'
                    unless $args->[0] eq 'send' && $command eq 'blpop';
            } elsif ($args->[0] eq 'doctor' && $out =~ /not\s+for\s+this\s+user/) {
                $refused++;
            }
        }
        ok $refused, 'it is needed';
        $ctl->do('ACL', 'SETUSER', 'metactl', "+$command");
    };
}

subtest 'who shall only look' => sub {
    fill();
    $ctl->do('ACL', 'SETUSER', 'metactl', map { "-$_" } @writes);
    for my $args (['status'], ['top'], ['queue'], ['dead', 'list'], ['dead', 'show', 'm_acl'],
        ['message', 'm_kept'], ['conversation', 'list'],
        ['conversation', 'show', "messenger:$PAGE:729"], ['doctor'])
    {
        my ($code, $out, $err) = $ctl->run(@$args);
        ok $good{$code}, "@$args works" or diag "$code $err";
    }
    my $before = everything();
    for my $args (['dead', 'requeue', '--all'], ['dead', 'drop', '--all'], ['pause', $Q],
        ['replay', '--all'])
    {
        my ($code, $out, $err) = $ctl->run(@$args);
        is $code, 3, "@$args does not";
        like $err, qr/NOPERM/, 'and says why';
    }
    is_deeply everything(), $before, 'nothing has moved';
};

subtest 'as the consumer' => sub {
    fill();
    my ($rule) = slurp(root_dir() . '/docs/consumer.md') =~ /^ACL SETUSER meta-consumer (.*)/m;
    $ctl->do('ACL', 'SETUSER', 'as-consumer', split ' ', $rule);
    local $ctl->{conf} = $ctl->conf(name => 'consumer-acl.yaml', queues => qq([{name: "$Q"}]),
        address => $ctl->redis->address . ' user=as-consumer password_file='
        . $ctl->file('password') . ' db=1');
    my ($code, $out, $err) = $ctl->run('status');
    is $code, 0, 'status works though something is held' or diag $err;
    like $out, qr/^held on +not for this user .*The smallest ACL$/m, 'and says what it cannot see';
    like $ctl->json('status')->{lanes_unseen}, qr/NOPERM/, '... for programs';
    like +($ctl->run('doctor'))[1], qr/^warn +lane +[^>]*not\s+for\s+this\s+user/m, 'doctor, too';
    ($code, undef, $err) = $ctl->run('queue');
    is $code, 3, 'queue does not';
    like $err, qr/a user of its own: docs/, 'and says what does';
    $ctl->do('ACL', 'DELUSER', 'as-consumer');
};

subtest 'a wrong password, a key that is not its own' => sub {
    spew($ctl->file('password'), "wrong\n");
    my ($code, undef, $err) = $ctl->run('status');
    is $code, 3, 'refused';
    like $err, qr/AUTH: WRONGPASS/, 'by AUTH';
    unlike $err, qr/"wrong"/, 'which is not repeated';
    spew($ctl->file('password'), "PASSWORD\n");
    $ctl->do('ACL', 'SETUSER', 'metactl', 'resetkeys', "~$Q*", "~{$Q*", '~meta:outbox*',
        '~{meta:outbox*', '~meta:callbacks*', '~{meta:callbacks*', '~meta:control');
    ($code, undef, $err) = $ctl->run('status');
    is $code, 3, 'meta:consumers';
    like $err, qr/HGETALL.*keys/, 'it says that it is a key';
};

$ctl->finish;
done_testing;
