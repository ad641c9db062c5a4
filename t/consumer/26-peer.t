# Redis answers as a healthy one never would: each time the connection is given up, and a new one
# is tried.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Test::Meta::Consumer;
use Test::Meta::Redis;
use Test::Meta::Scripted;
use Test::Meta::Util qw(temp_dir);

my $hello = "EXPECT ^PING\nSEND +PONG\\r\\n\n";
my $script = "${hello}EXPECT ^EVALSHA\n";
my $again = "EOF\nACCEPT\n";
# where a script is asked whether the second connection works
my $good = "EXPECT ^EVALSHA\nSEND *0\\r\\n\nWAIT end\n";

my $same = qr/the script join is not refused any more/;

my @table = (
    ['loading', "EXPECT ^PING\nSEND -LOADING Redis is loading\\r\\n\n$again", qr/refused: LOADING/],
    ['closed before the greeting', "EXPECT ^PING\nCLOSE\nACCEPT\n", qr/closed by Redis/],
    ['reset in the middle of a script', "${script}RESET\nACCEPT\n", qr/trying again/],
    ['closed inside of a reply', "${script}SEND *2\\r\\n\$4\\r\\nbu\nCLOSE\nACCEPT\n",
        qr/closed by Redis/],
    ['a password since then', "${script}SEND -NOAUTH Authentication required\\r\\n\n$again",
        qr/refused the script join: NOAUTH/],
    ['no protocol', "${script}SEND hello\\r\\n\n$again", qr/no Redis protocol/],
    ['a reply too much', "${hello}SEND :1\\r\\n:2\\r\\n:3\\r\\n\n$again", qr/nobody asked for/],
    ['a reply without an end', "${script}SEND \$99000000\\r\\n\nFLOOD 900 "
        . 'x' x 60_000 . "\nEOF\nACCEPT\n", qr/a reply over 48 MB/],
    ['an array without an end', "${script}SEND *2000000000\\r\\n\n$again",
        qr/a reply of more than 100000 elements/],
    ['an ACL that forbids it', "${script}SEND -NOPERM this user has no\\r\\n\n",
        qr/the script join is refused: NOPERM/, $same],
    ['an error that quotes', "${script}SEND -ERR unknown 'secret'\\r\\n\n",
        qr/the script join is refused: ERR$/m, $same],
    ['an error without a word', "${script}SEND -secret\\r\\n\n",
        qr/the script join is refused: an error$/m, $same],
    ['a script forgotten', "${script}SEND -NOSCRIPT No matching script\\r\\n\n"
        . "EXPECT ^EVAL #!lua\nSEND -LOADING\\r\\n\n$again", qr/refused the script join: LOADING/],
);

# the story is about the fleet's connection, the third: limits and settling have their own
my $redis = Test::Meta::Redis->new(dir => temp_dir())->start;

for my $row (@table) {
    my ($name, $story, $words, $same) = @$row;
    subtest $name => sub {
        my $dir = temp_dir();
        my $peer = Test::Meta::Scripted->new(dir => $dir, others => [2, $redis->{sock}],
            script => $story . ($same ? '' : $hello) . $good)->start;
        my $c = Test::Meta::Consumer->new(dir => $dir, conf => 'redis: "' . $peer->address
            . qq("\nlog_level: debug\nunmatched: drop\n))->start;
        ok $c->wait_log($words), 'said';
        ok $c->wait_log($same // qr/\[info\] redis .*: back/), 'and it goes on';
        $peer->go('end');
        is $peer->unfinished, undef, 'the script was played to its end';
        is $c->drain, '0', 'drained';
        is $c->complaints, '', 'no complaint';
        unlike $c->log, qr/secret/, 'nor a word that is not ours in the log';
    };
}

$redis->stop;
done_testing;
