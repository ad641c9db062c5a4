# metactl on a terminal: top draws, pauses, quits and leaves it as it was; colours, the bar.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Ctl qw(event letter $Q);
use Test::Meta::Process;
use Test::Meta::Util qw(patience slurp wait_for);

plan skip_all => 'script(1) is not here' if !grep { -x "$_/script" } split /:/, $ENV{PATH};

our $ctl = Ctl->new;
$ctl->do('RPUSH', $Q, map { event() } 1 .. 3);
our $cols = 80;
my $n = 0;

# in a terminal of its own; keys go to its standard input by a fifo
sub terminal {
    my (@args) = @_;
    my $p = Test::Meta::Process->new(out => $ctl->file('tty.' . ++$n),
        keys => $ctl->file("keys.$n"));
    system('mkfifo', $p->{keys}) == 0 or die 'mkfifo';
    my $command = join ' ', map { "'$_'" } $ctl->command(@args);
    my $setup = "stty rows 24 cols $cols; " . 'stty -a | md5sum >' . $ctl->file("before.$n");
    my $behind = 'echo "code=$?"; stty -a | md5sum >' . $ctl->file("after.$n");
    $p->run(out => $p->{out}, env => {TERM => 'xterm', NO_COLOR => '', COLUMNS => 80}, code => sub {
        open STDIN, '<', $p->{keys} or die "fifo: $!";
        exec 'script', '-qfc', "$setup; $command; $behind", '/dev/null';
    });
    open $p->{in}, '>', $p->{keys} or die "fifo: $!";
    $p->{in}->autoflush(1);
    return $p;
}

sub said { slurp($_[0]{out}) }
sub press { my ($p, $key) = @_; syswrite $p->{in}, $key }
# how often the picture was drawn
sub pictures { my $n = () = said($_[0]) =~ /per second/g; return $n }

subtest 'top' => sub {
    my $p = terminal('top', '--interval', '200ms');
    ok +(wait_for { pictures($p) > 2 } 20), 'it is drawn again and again';
    like said($p), qr/\033\[\?1049h\033\[\?25l/, 'on a screen of its own';
    like said($p), qr/q quit, p pause/, 'which says how to leave';
    like said($p), qr/arrived 0\.0/, 'rates, from the second picture on';
    $ctl->do('RPUSH', $Q, map { event() } 1 .. 50);
    ok +(wait_for { said($p) =~ /arrived [1-9]\d+\.\d/ } 20), 'which follow';
    unlike said($p), qr/[^\r]\n/, 'lines end as a raw terminal wants it';

    press($p, 'p');
    ok +(wait_for { said($p) =~ /paused, p goes on/ } 10), 'p holds it';
    my $held = pictures($p);
    select undef, undef, undef, 0.7;
    is pictures($p), $held, 'nothing is drawn';
    press($p, 'p');
    ok +(wait_for { pictures($p) > $held } 10), 'p goes on';
    press($p, 'q');
    is $p->wait_exit(10 * patience()), '0', 'q leaves';
    like said($p), qr/\033\[\?25h\033\[\?1049l.*code=0/s, 'the screen is as it was';
    is slurp($ctl->file("after.$n")), slurp($ctl->file("before.$n")), 'so is the terminal';
};

subtest 'top loses Redis' => sub {
    my $p = terminal('top', '--interval', '100ms');
    ok +(wait_for { pictures($p) > 1 } 20), 'it runs';
    $ctl->redis->stop;
    ok +(wait_for { said($p) =~ /Redis at \S+: .+; trying again, q quit/ } 20),
        'it says so, and stays';
    my $before = pictures($p);
    $ctl->redis->start;
    ok +(wait_for { pictures($p) > $before } 20), 'and goes on when it is back';
    press($p, 'q');
    is $p->wait_exit(20 * patience()), '0', 'q leaves';
    like said($p), qr/\033\[\?1049l.*code=0/s, 'and the screen is as it was';
    is slurp($ctl->file("after.$n")), slurp($ctl->file("before.$n")), 'so is the terminal';
};

subtest 'a narrow terminal' => sub {
    local $cols = 60;
    my $p = terminal('status');
    $p->wait_exit(20 * patience());
    my @rows = grep { /^(?:QUEUE|meta:)/ } split /\r?\n/, said($p) =~ s/\033\[\d*m//gr;
    like $rows[0], qr/^QUEUE +WAITING +OLDEST +FLIGHT +HELD +RETRY +DEAD$/, 'DONE gives way';
    is_deeply [grep { length > 60 } @rows], [], '... and names';
};

subtest 'what would steer it' => sub {
    my $raw = "\x7f\xc2\x9b31m\xc2\x85\xe2\x80\xae";
    my $bad = '\u001b]0;x\u0007\u009b31m' . $raw;
    my $steers = qr/[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae|\e\]/;
    my $mine = Ctl->new;
    $mine->letters(letter(event(id => "m_$bad", text => $bad), reason => "r$bad", answer => $bad));
    $mine->letters("\e]0;x\a$raw");
    $mine->do('HSET', "{$Q}:lease", owner => "o$raw\e]", alone => "\e]0;x\a$raw");
    $mine->do('HSET', 'meta:consumers', 'x', qq({"host":"$bad","until":9999999999999}));
    my @ids = map { $_->{id} } @{$mine->json('dead', 'list')->{letters}};
    is scalar @ids, 2, 'two letters';
    for my $command (['status'], ['dead', 'list'], map { ['dead', 'show', $_] } @ids) {
        my ($code, @said) = $mine->run(@$command);
        is_deeply [$code, grep { /$steers/ } @said], [0], "@$command: does not";
    }
    my ($code, undef, $err) = $mine->run('dead', 'show', "\e]0;x\a$raw");
    like $err, qr/^metactl: there is no dead letter "\?\]0;x\?/, 'what failed is said';
    unlike $err, qr/\e|$steers/, 'and does not, either';
    local $ctl = $mine;
    for my $id (@ids) {
        my $p = terminal('dead', 'show', '--reveal', $id);
        $p->wait_exit(20);
        unlike said($p) =~ s/\r\n/\n/gr, $steers, 'nor does --reveal on a terminal';
    }
    my (undef, $out) = $mine->run('dead', 'show', '--reveal', $ids[1]);
    like $out, qr/\e\]0;x\a\Q$raw\E/, 'elsewhere it has the bytes';
    $mine->redis->stop;
};

subtest 'colours' => sub {
    my $p = terminal('status');
    $p->wait_exit(20);
    like said($p), qr/\033\[32m/, 'on a terminal';
    $p = terminal('status', '--no-color');
    $p->wait_exit(20);
    unlike said($p), qr/\033\[/, 'unless told otherwise';
};

subtest 'the bar' => sub {
    $ctl->do('FLUSHALL');
    $ctl->letters(map { letter(event()) } 1 .. 20000);
    my $p = terminal('dead', 'requeue', '--all');
    $p->wait_exit(60 * patience());
    like said($p), qr/\rrequeueing \[#+ *\] +\d+ %  \d+ of 20000\033\[K/,
        'long work shows how far it is';
    like said($p), qr/\r\033\[K20000 requeued/, 'and clears it at the end';
    $ctl->accounted('20000');
};

subtest 'without a terminal' => sub {
    my ($code, $out) = $ctl->run('top');
    is $code, 0, 'top prints';
    is scalar(() = $out =~ /^QUEUE/mg), 1, 'one picture';
    unlike $out, qr/\033/, 'plain';
    ($code, $out) = $ctl->run('top', '--count', 3, '--interval', '100ms', '--json');
    is scalar(() = $out =~ /^\{"v":1,/mg), 3, 'or so many, as JSON lines';
};

$ctl->finish;
done_testing;
