# Lanes hold across processes: rates, bursts, stops, probes, usage and pauses, by Redis's clock.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IO::Handle;
use IPC::Open2;
use JSON::PP;
use Test::More;
use Time::HiRes qw(time);

use Test::Meta::Redis;
use Test::Meta::Util qw(build_dir made temp_dir wait_for);

my $driver = made('unit', build_dir() . '/unit/drive_limits') . '/unit/drive_limits';

my $dir = temp_dir();
my $redis = Test::Meta::Redis->new(dir => $dir)->start;
my @drivers;

# a process of its own that holds the limits; what it prints is read as it is waited for
sub driver {
    my (@rates) = @_;
    my $pid = open2(my $out, my $in, 'sh', '-c', "exec \"\$0\" \"\$@\" 2>>$dir/driver.log",
        $driver, $redis->{sock}, @rates);
    $in->autoflush(1);
    $out->blocking(0);
    my $d = {pid => $pid, in => $in, out => $out, text => '', n => 0};
    push @drivers, $d;
    wait_for { ask($d, "app:up")->{go} } 20 or die 'the driver does not come up';
    return $d;
}

sub order { my ($d, @words) = @_; print {$d->{in}} "@words\n" }

sub heard {
    my ($d) = @_;
    while (sysread $d->{out}, my $some, 65536) { $d->{text} .= $some }
    return $d->{text};
}

# waits for a line that matches and takes it out
sub line {
    my ($d, $like, $seconds) = @_;
    my $found;
    wait_for { heard($d) =~ /^($like)$/m && ($found = $1) } $seconds // 10;
    $d->{text} =~ s/^\Q$found\E\n//m if defined $found;
    return $found // '';
}

sub ask {
    my ($d, @lanes) = @_;
    my $name = 't' . ++$d->{n};
    order($d, 'take', $name, @lanes);
    my $answer = line($d, qr/$name (?:go|no \S+ \d+)/);
    my ($go, $lane, $ms) = $answer =~ /^\w+ (go|no)(?: (\S+) (\d+))?/;
    return {go => ($go // '') eq 'go', lane => $lane, ms => $ms};
}

sub known {
    my ($d, @lanes) = @_;
    order($d, 'known', @lanes);
    my ($lane, $ms) = line($d, qr/known \S+ -?\d+/) =~ /^known (\S+) (-?\d+)/;
    return {lane => $lane, ms => $ms};
}

sub name_of {
    my ($d, $lane) = @_;
    order($d, 'name', $lane);
    return line($d, qr/name .*/) =~ s/name //r;
}

sub finish {
    for my $d (splice @drivers) {
        order($d, 'end');
        waitpid $d->{pid}, 0;
        is $?, 0, 'the driver ends well';
    }
    $redis->do('FLUSHALL');
}

subtest 'a burst, then the rate' => sub {
    my $d = driver('phone=2,3');
    ok ask($d, 'phone:1')->{go}, "call $_ of the burst" for 1 .. 3;
    my $no = ask($d, 'phone:1');
    ok !$no->{go}, 'the fourth waits';
    is $no->{lane}, 'phone:1', 'it says which lane';
    cmp_ok $no->{ms}, '<=', 510, 'until the next is due';
    ok ask($d, 'phone:2')->{go}, 'another lane goes on';
    is known($d, 'phone:2', 'phone:1')->{lane}, 'phone:1', 'it is known without asking';
    is line($d, qr/open phone:1 \d+/), 'open phone:1 1', 'its opening is told';
    ok ask($d, 'phone:1')->{go}, 'and it goes';
    cmp_ok $redis->do('PTTL', 'meta:limit:phone:1'), '>', 0, 'the key goes by itself';
    finish();
};

subtest 'all lanes or none' => sub {
    my $d = driver('phone=0.001,1', 'page=0.001,2');
    ok ask($d, 'phone:1', 'page:1')->{go}, 'the first';
    my $no = ask($d, 'page:1', 'phone:1');
    is $no->{lane}, 'phone:1', 'one of two is full';
    ok ask($d, 'page:1')->{go}, 'nothing was taken on the other';
    ok !ask($d, 'page:1')->{go}, 'until it is full, too';
    order($d, 'take', "b$_", 'phone:9') for 1 .. 3;
    is_deeply [map { line($d, qr/b$_ (?:go|no .*)/) =~ /^\w+ (go|no)/ } 1 .. 3], [qw(go no no)],
        'calls of one turn count one after another';
    ok ask($d, 'page:5=2')->{go}, 'a batch of two';
    ok !ask($d, 'page:5')->{go}, 'counts as two';
    ok ask($d, 'page:6=3')->{go}, 'a batch larger than the burst goes where nothing was taken';
    ok ask($d)->{go}, 'no lane at all';
    finish();
};

subtest 'two processes, one lane' => sub {
    my @d = map { driver('phone=100,10') } 1 .. 2;
    my $before = time;
    order($_, 'storm', 2000, 'phone:1', 'app:1') for @d;
    my @gone = map { (line($_, qr/storm \d+ \d+/, 30) =~ /^storm (\d+)/)[0] } @d;
    my $took = time - $before;
    my $gone = $gone[0] + $gone[1];
    cmp_ok $gone, '<=', 10 + 100 * $took, "together never more than the rate ($gone)";
    cmp_ok $gone, '>=', 150, 'and not much less';
    cmp_ok $gone[$_], '>', 10, 'both have their part' for 0, 1;
    finish();
};

subtest 'a pair: a burst from the future' => sub {
    my @d = map { driver() } 1 .. 2;
    ok ask($d[$_ % 2], 'pair:1:27820000001')->{go}, "at once: $_" for 1 .. 20;
    my $key = 'meta:limit:' . name_of($d[0], 'pair:1:27820000001');
    unlike $key, qr/27820000001/, 'no person in a key';
    my ($free, $start) = split ' ', $redis->do('GET', $key);
    is int(($free - $start) / 1e6 + 0.5), 120, '20 at once are paid back after 2 minutes';
    $redis->do('SET', $key, sprintf('%.0f %.0f', $free - 7e6, $start - 7e6), 'PX', 200_000);
    my $no = ask($d[0], 'pair:1:27820000001');
    cmp_ok $no->{ms}, '>', 105_000, 'behind the 6 s nothing goes until they are';
    cmp_ok $no->{ms}, '<', 114_000, 'and no longer';
    ok ask($d[1], 'pair:1:27820000002')->{go}, 'another person is not affected';
    ok ask($d[0], 'pair:1:27820000003')->{go}, "burst: $_" for 1 .. 45;
    ok !ask($d[0], 'pair:1:27820000003')->{go}, 'never more than 45';
    my ($s, $us) = $redis->do('TIME');
    $redis->do('SET', $key, sprintf('%.0f %.0f', $s * 1e6 + $us, $s * 1e6 - 120e6), 'PX', 9999);
    ok ask($d[1], 'pair:1:27820000001')->{go}, 'paid back: the next one goes';
    finish();
};

subtest 'inbound is counted in' => sub {
    my $d = driver('phone=1,4');
    order($d, 'give', 'phone:1') for 1 .. 3;
    ok ask($d, 'phone:1')->{go}, 'what is left';
    ok !ask($d, 'phone:1')->{go}, 'and no more';
    order($d, 'give', 'phone:2') for 1 .. 50;
    wait_for { $redis->do('EXISTS', 'meta:limit:phone:2') };
    cmp_ok ask($d, 'phone:2')->{ms}, '<=', 1500, 'but makes no debt';
    finish();
};

subtest 'a stop is heard by all' => sub {
    my @d = map { driver() } 1 .. 2;
    order($d[0], 'stop', 'page:1', 1500, 2);
    is known($d[0], 'page:1')->{lane}, 'page:1', 'known at once where it was heard';
    wait_for { $redis->do('EXISTS', 'meta:limit:stop:page:1') };
    my $no = ask($d[1], 'page:1', 'app:1');
    is $no->{lane}, 'page:1', 'another process is refused';
    cmp_ok $no->{ms}, '<=', 1501, 'as long as it lasts';
    my $calls = $redis->do('INFO', 'commandstats')->{cmdstat_mget};
    known($d[1], 'page:1') for 1 .. 100;
    is $redis->do('INFO', 'commandstats')->{cmdstat_mget}, $calls, 'and knows from then on';
    ok ask($d[1], 'page:2', 'app:1')->{go}, 'other lanes go on';

    is line($_, qr/open page:1 \d+/), 'open page:1 1', 'its end is told, for one' for @d;
    my @probes = map { ask($_, 'page:1') } @d;
    is scalar(grep { $_->{go} } @probes), 1, 'one probe of all';
    order($d[$probes[0]{go} ? 0 : 1], 'passed', 'page:1');
    wait_for { !$redis->do('EXISTS', 'meta:limit:stop:page:1') };
    line($d[$probes[0]{go} ? 1 : 0], qr/open page:1 \d+/);
    ok ask($_, 'page:1')->{go}, 'it passed: all go' for @d;
    finish();
};

subtest 'a probe opens the lane where others wait for it' => sub {
    my $d = driver();
    order($d, 'stop', 'page:1', 300, 2);
    ok line($d, qr/open page:1 1/), 'the stop is over, for one';
    ok ask($d, 'page:1')->{go}, 'the probe goes';
    cmp_ok ask($d, 'page:1')->{ms}, '>', 1000, 'the next one waits for it';
    is known($d, 'page:1')->{lane}, 'page:1', 'as do all';
    order($d, 'passed', 'page:1');
    ok line($d, qr/open page:1 16/), 'it passed: more of them may go';
    ok ask($d, 'page:1')->{go}, "call $_" for 1 .. 3;

    order($d, 'stop', 'page:1', 600_000, 2);
    ask($d, 'page:2');                                      # so that Redis has said it
    order($d, 'passed', 'page:1');
    my $other = driver();
    cmp_ok ask($other, 'page:1')->{ms}, '>', 1000, 'one of before ends no stop';
    ask($d, 'page:2');
    is known($d, 'page:1')->{lane}, 'page:1', 'here neither';
    finish();
};

subtest 'a stop grows while it is throttled' => sub {
    my $d = driver();
    my $last = 0;
    for my $n (1 .. 4) {
        order($d, 'stop', 'page:1', 100, 2) for 1 .. 5;
        wait_for { my $s = stop_of('page:1'); $s && $s->{ms} > $last };
        my $ms = stop_of('page:1')->{ms};
        is $ms, 100 * 2 ** ($n - 1), "stop $n: $ms ms, however many calls failed together";
        $last = $ms;
        line($d, qr/open page:1 \d+/);
        wait_for { ask($d, 'page:1')->{go} } if $n < 4;
    }
    wait_for { ask($d, 'page:1')->{go} };
    order($d, 'passed', 'page:1');
    wait_for { !$redis->do('EXISTS', 'meta:limit:stop:page:1') };
    order($d, 'stop', 'page:1', 100, 2);
    wait_for { stop_of('page:1') };
    is stop_of('page:1')->{ms}, 100, 'after a success it begins anew';
    cmp_ok $redis->do('PTTL', 'meta:limit:stop:page:1'), '>', 0, 'the key goes by itself';
    finish();
};

sub stop_of {
    my $text = $redis->do('GET', "meta:limit:stop:$_[0]");
    return $text ? decode_json($text) : undef;
}

subtest 'a stop that somebody ends' => sub {
    my @d = map { driver() } 1 .. 2;
    order($d[0], 'stop', 'token:abc', 600_000, 0);
    wait_for { !ask($d[1], 'token:abc')->{go} };
    my $name = name_of($d[0], 'token:abc');
    unlike $name, qr/abc/, 'no token in a name';
    $redis->do('DEL', "meta:limit:stop:$name");
    is line($_, qr/open \S+ 1/), "open $name 1", 'all know within about a second' for @d;
    ok ask($_, 'token:abc')->{go}, 'and go on' for @d;
    finish();
};

subtest 'usage headers' => sub {
    my $d = driver('page=20,1');
    my @lanes = qw(app:1 page:118734502290164);
    my $buc = sub { my ($pct, $min) = @_; return 'X-Business-Use-Case-Usage {"118734502290164":[{'
        . qq("type":"messenger","call_count":$pct,"estimated_time_to_regain_access":$min}]}) };

    order($d, 'usage', $buc->(79, 0), @lanes);
    ok ask($d, $lanes[1])->{go}, '79 %: nothing';
    order($d, 'usage', $buc->(100, 0), @lanes);
    wait_for { ask($d, $lanes[1])->{go} };
    cmp_ok ask($d, $lanes[1])->{ms}, '>', 100, '100 %: ten times the interval';
    ok ask($d, 'page:2')->{go}, 'another Page is not affected';
    wait_for { !known($d, $lanes[1])->{ms} };
    order($d, 'usage', $buc->(20, 0), @lanes);
    wait_for { ask($d, $lanes[1])->{go} };
    cmp_ok ask($d, $lanes[1])->{ms} // 0, '<=', 51, '20 %: as before';

    order($d, 'usage', 'X-App-Usage', '{"call_count":90}', @lanes);
    wait_for { ask($d, 'app:1')->{go} };
    ok !ask($d, 'app:1')->{go}, 'a lane without a rate is slowed, too';
    order($d, 'usage', $buc->(100, 19), @lanes);
    my $known = known($d, @lanes);
    is $known->{lane}, $lanes[1], 'blocked: the lane stops';
    cmp_ok abs($known->{ms} - 19 * 60_000), '<', 5000, 'for 19 minutes';
    my $other = driver();
    cmp_ok abs(ask($other, $lanes[1])->{ms} - 19 * 60_000), '<', 5000, 'everywhere';
    order($d, 'usage', $buc->(100, 5) =~ s/118734502290164/7/r, @lanes);
    is known($d, 'page:7')->{lane}, 'page:7', "another object's usage is that object's";
    finish();
};

subtest 'pauses' => sub {
    my @d = map { driver() } 1 .. 2;
    my $until = (time + 3600) * 1000;
    $redis->do('HSET', 'meta:control', 'queue:meta:events', '{"until":null,"by":"me","why":"x"}',
        'account:5', sprintf('{"until":%d}', $until), 'lane:app:9', 'not JSON', 'odd', '{}');
    is line($_, qr/queue .*/), 'queue meta:events 1', 'a queue' for @d;
    my $known = known($d[0], 'app:1', 'pair:5:someone', 'phone:5');
    is $known->{lane}, 'phone:5', 'an account: one lane stands for it';
    cmp_ok abs($known->{ms} - 3_600_000), '<', 5000, 'until then';
    is known($d[0], 'pair:5:someone')->{lane}, name_of($d[0], 'pair:5:someone'), 'all its lanes';
    is known($d[0], 'phone:6', 'app:5')->{lane}, '-', 'and no others';
    is_deeply known($d[0], 'app:9'), {lane => 'app:9', ms => -1}, 'a lane, until it is resumed';
    $redis->do('HDEL', 'meta:control', 'queue:meta:events', 'account:5', 'lane:app:9');
    is line($_, qr/queue .*/), 'queue meta:events 0', 'the queue is resumed' for @d;
    ok line($d[0], qr/open $_ 1/), "$_ is open" for 'phone:5', 'app:9', qr/pair:5:\w+/;
    is known($d[0], 'phone:5', 'app:9')->{lane}, '-', 'nothing is paused';
    is $redis->do('HGET', 'meta:control', 'odd'), '{}', 'what it does not know it leaves alone';

    $redis->do('HSET', 'meta:control', 'lane:app:8', sprintf '{"until":%d}', (time + 2) * 1000);
    wait_for { known($d[0], 'app:8')->{lane} eq 'app:8' };
    ok line($d[0], qr/open app:8 1/), 'one with an end ends by itself';
    wait_for { !$redis->do('HEXISTS', 'meta:control', 'lane:app:8') };
    ok !$redis->do('HEXISTS', 'meta:control', 'lane:app:8'), 'and is taken out';

    order($d[0], 'pause', 'account:77');
    is known($d[0], 'phone:77')->{ms}, -1, 'what a consumer pauses it knows at once';
    wait_for { known($d[1], 'phone:77')->{ms} };
    is known($d[1], 'phone:77')->{ms}, -1, 'and the other soon';
    is decode_json($redis->do('HGET', 'meta:control', 'account:77'))->{why}, 'a test', 'and why';
    finish();
};

subtest 'a learned rate' => sub {
    my $d = driver('phone=0.001,1');
    ok ask($d, 'phone:1')->{go}, 'slow';
    ok !ask($d, 'phone:1')->{go}, 'it is';
    order($d, 'rate', 'phone:1', 1000);
    $redis->do('DEL', 'meta:limit:phone:1');
    ok ask($d, 'phone:1')->{go}, "1000/s: $_" for 1 .. 50;
    finish();
};

subtest 'a clock that was set back, values that are none, scripts that are gone' => sub {
    my $d = driver('phone=100,5');
    $redis->do('SET', 'meta:limit:phone:1', '99999999999999999 0', 'PX', 100_000);
    my $no = ask($d, 'phone:1');
    cmp_ok $no->{ms}, '<=', 1001, 'an end in another century is soon over';
    ok +(wait_for { ask($d, 'phone:1')->{go} }), 'and it goes';
    $redis->do('SET', 'meta:limit:phone:2', 'no numbers');
    ok ask($d, 'phone:2')->{go}, 'a value that is none';
    $redis->do('SET', 'meta:limit:stop:phone:3', '{"until":"x"}');
    ok ask($d, 'phone:3')->{go}, 'a stop that is none';
    $redis->do('SET', 'meta:limit:stop:phone:4', '{');
    ok ask($d, 'phone:4')->{go}, 'nor is this';
    $redis->do('SET', 'meta:limit:stop:phone:5', sprintf('{"until":%d}', 1e15), 'PX', 700);
    cmp_ok ask($d, 'phone:5')->{ms}, '<=', 701, 'a stop is over with its key';
    $redis->do('SCRIPT', 'FLUSH');
    ok ask($d, 'phone:6')->{go}, 'a script that Redis forgot is sent again';
    finish();
};

subtest 'Redis is away' => sub {
    my $d = driver('phone=100,5');
    order($d, 'storm', 1000, 'phone:1');
    wait_for { $redis->do('EXISTS', 'meta:limit:phone:1') };
    $redis->stop;
    like line($d, qr/storm \d+ \d+/), qr/storm/, 'what was on its way is answered';
    my $no;
    wait_for { $no = ask($d, 'phone:1'); !$no->{go} };
    is $no->{lane}, '-', 'no call leaves, and no lane is to blame';
    cmp_ok $no->{ms}, '>', 0, 'it says when to ask again';
    delete $redis->{client};
    $redis->start;
    ok +(wait_for { ask($d, 'phone:1')->{go} } 20), 'when it is back, it goes on';
    finish();
};

subtest 'Redis is full' => sub {
    my $d = driver('phone=0.001,1');
    $redis->do('CONFIG', 'SET', 'maxmemory', 1);
    ok ask($d, 'phone:1')->{go}, 'it counts all the same';
    ok !ask($d, 'phone:1')->{go}, 'it does';
    $redis->do('CONFIG', 'SET', 'maxmemory', 0);
    finish();
};

subtest 'it ends in the middle of everything' => sub {
    my $d = driver('phone=0.1,1');
    order($d, 'storm', 60_000, 'phone:1');
    order($d, 'stop', 'page:1', 1000, 2);
    order($d, 'pause', 'lane:app:1');
    order($d, 'give', 'phone:1');
    finish();
};

subtest 'nothing to do costs nothing' => sub {
    my $d = driver();
    order($d, 'stop', 'page:1', 600_000, 0);
    my $calls = sub { $redis->do('INFO', 'stats')->{total_commands_processed} };
    my ($cpu, $n) = (cpu($d->{pid}), $calls->());
    my $from = time;
    wait_for { time - $from > 4 } 10;
    cmp_ok $calls->() - $n, '<=', 30, 'one call a second';
    cmp_ok cpu($d->{pid}) - $cpu, '<=', 0.02, 'and next to no CPU';
    finish();
};

# user and system seconds
sub cpu {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/stat" or return 0;
    my @fields = split ' ', scalar(<$in>) =~ s/.*\) //r;
    return ($fields[11] + $fields[12]) / 100;
}

$redis->stop;
done_testing;
