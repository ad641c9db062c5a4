# Redis answers as a healthy one never would: each time the connection is given up, and a new one
# is tried.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Test::Meta::Consumer;
use Test::Meta::Scripted;
use Test::Meta::Util qw(temp_dir);

my $hello = "EXPECT ^PING\nSEND +PONG\\r\\n\n";
my $script = "${hello}EXPECT ^EVALSHA\n";
my $again = "EOF\nACCEPT\n";
# where a script is asked whether the second connection works
my $lease = "EXPECT ^EVALSHA\n"
    . "SEND *2\\r\\n\$4\\r\\nbusy\\r\\n\$12\\r\\nother\\nforged\\r\\nWAIT end\n";

my @table = (
    ['loading', "EXPECT ^PING\nSEND -LOADING Redis is loading\\r\\n\n$again", qr/refused: LOADING/],
    ['closed before the greeting', "EXPECT ^PING\nCLOSE\nACCEPT\n", qr/closed by Redis/],
    ['reset in the middle of a script', "${script}RESET\nACCEPT\n", qr/trying again/],
    ['closed inside of a reply', "${script}SEND *2\\r\\n\$4\\r\\nbu\nCLOSE\nACCEPT\n",
        qr/closed by Redis/],
    ['a password since then', "${script}SEND -NOAUTH Authentication required\\r\\n\n$again",
        qr/refused a script: NOAUTH/],
    ['an ACL that forbids it', "${script}SEND -NOPERM this user has no\\r\\n\n$again",
        qr/refused a script: NOPERM/],
    ['no protocol', "${script}SEND hello\\r\\n\n$again", qr/no Redis protocol/],
    ['a reply too much', "${hello}SEND :1\\r\\n:2\\r\\n:3\\r\\n\n$again", qr/nobody asked for/],
    ['a reply without an end', "${script}SEND \$99000000\\r\\n\nFLOOD 900 "
        . 'x' x 60_000 . "\nEOF\nACCEPT\n", qr/a reply over 48 MB/],
    ['an array without an end', "${script}SEND *2000000000\\r\\n\n$again",
        qr/a reply of more than 100000 elements/],
    ['an error that quotes', "${script}SEND -ERR unknown 'secret'\\r\\n\n$again",
        qr/refused a script: ERR;/],
    ['an error without a word', "${script}SEND -secret\\r\\n\n$again",
        qr/refused a script: an error;/],
    ['a script forgotten', "${script}SEND -NOSCRIPT No matching script\\r\\n\n"
        . "EXPECT ^EVAL #!lua\nSEND -LOADING\\r\\n\n$again", qr/refused a script: LOADING/],
);

for my $row (@table) {
    my ($name, $story, $words) = @$row;
    subtest $name => sub {
        my $dir = temp_dir();
        my $peer = Test::Meta::Scripted->new(dir => $dir,
            script => $story . $hello . $lease)->start;
        my $c = Test::Meta::Consumer->new(dir => $dir, conf => 'redis: "' . $peer->address
            . qq("\nlog_level: debug\nunmatched: drop\n))->start;
        ok $c->wait_log($words), 'said';
        ok $c->wait_log(qr/stands by, other\?forged holds it/), 'and the next connection works';
        $peer->go('end');
        is $peer->unfinished, undef, 'the script was played to its end';
        is $c->drain, '0', 'drained';
        is $c->complaints, '', 'no complaint';
        unlike $c->log, qr/secret|^forged/m, 'nor a word that is not ours in the log';
    };
}

done_testing;
