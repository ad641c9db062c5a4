# Dedupe: what was worked is known for eight days, by buckets that expire whole, up to a ceiling.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Digest::SHA qw(sha256);
use Test::More;

use Driver qw(item $Q);
use Scripts qw(script_text);
use Test::Meta::Util qw(wait_for);

my $DAY = 86400;

subtest 'the same id again' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver('--dedupe');
    $rig->push(item(id => 1, keys => ['a']), item(id => 2, keys => ['a'], do => ['unmatched']),
        item(id => 3, keys => ['a'], do => ['forget']),
        item(id => 4, keys => ['a'], do => ['dead']));
    $rig->settle;
    $rig->push(map { item(id => $_, keys => ['a'], do => ['sleep 1']) } 1 .. 5);
    $rig->settle;
    is_deeply [map { $_->[1] } $d->said('duplicate')], [1], 'what was worked is known';
    is $rig->count->{duplicate}, 1, 'and counted';
    is_deeply [$d->over], [1, 2, 3, 4, 2, 3, 4, 5], 'what ran nothing, or died, is not';
    my $day = int(time / $DAY);
    my ($bucket) = grep { /seen:\d+\.0\.8$/ } $rig->do('KEYS', '*');
    my $left = $rig->do('PTTL', $bucket) / 1000;
    my $end = (($bucket =~ /(\d+)\.0\.8$/)[0] + 9) * $DAY - time;
    cmp_ok abs($left - $end), '<', 5, 'its bucket expires eight days after the end of its day';
    $rig->finish;
};

subtest 'twice in one window' => sub {
    my $rig = Driver::rig();
    $rig->push(map { item(id => $_ % 10, keys => ['a' . $_ % 10], do => ['sleep 5']) } 1 .. 200);
    my $d = $rig->driver('--dedupe');
    $rig->settle;
    is_deeply [sort $d->over], [0 .. 9], 'each is worked once';
    is $rig->count->{duplicate}, 190, 'the others are duplicates';
    $rig->finish;
};

subtest 'a retry, a takeover and a requeue are no duplicates' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver('--dedupe');
    $rig->push(item(id => 1, keys => ['a'], do => ['retry 100', 'mark', 'retry 100']));
    $rig->settle;
    is_deeply [$d->over], [1], 'a retry';
    $rig->push(item(id => 2, keys => ['a'], do => ['mark', 'sleep 60000']));
    ok +(wait_for { $rig->do('HGET', "{$Q}:state", 2) }), 'one is at work';
    $d->stop('KILL');
    my $e = $rig->driver('--dedupe');
    ok +(wait_for { grep { $_ eq "2" } $e->begun } 20), 'a takeover';
    $rig->do('DEL', "{$Q}:lease");
    $e->stop('KILL');
    $rig->do('FLUSHALL');

    my $record = item(id => 3, keys => ['a'], do => ['sleep 1', 'sleep 1']);
    my $f = $rig->driver('--dedupe');
    $rig->push($record);
    $rig->settle;
    $rig->do('HSET', "{$Q}:state", requeued => 1, 'r:' . substr(Digest::SHA::sha256_hex($record),
        0, 32) => '{"v":1,"at":1}');
    $rig->push($record, item(id => 3, keys => ['a']));
    $rig->settle;
    is_deeply [map { $_->[2] } grep { $_->[1] eq '3' } $f->said('begin')],
        ['at=0 crashes=0 fresh', 'at=1 crashes=0 again'], 'it goes on where it was';
    is $rig->count->{duplicate}, 1, 'and only the other one is a duplicate';
    is $rig->do('HGET', "{$Q}:state", 'requeued'), 0, 'its state was taken';
    $rig->finish;
};

subtest 'eight days' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver('--dedupe');
    $rig->push(map { item(id => $_) } 1 .. 3);
    $rig->settle;
    my $day = int(time / $DAY);
    my ($bucket) = grep { /seen:\d+\.0\.8$/ } $rig->do('KEYS', '*');
    my $today = ($bucket =~ /(\d+)\.0\.8$/)[0];
    # as if it had been eight days ago, and then nine
    for my $ago (8, 9) {
        my $old = $today - $ago . '.0.8';
        $rig->do('RENAME', $bucket, "{$Q}:seen:$old");
        $bucket = "{$Q}:seen:$old";
        $rig->do('DEL', "{$Q}:seen:count");
        $rig->do('HSET', "{$Q}:seen:count", $old => 3);
        $rig->push(item(id => $ago == 8 ? 1 : 2));
        $rig->settle;
        is $rig->count->{duplicate}, 1, "$ago days ago: " . ($ago == 8 ? 'known' : 'forgotten');
    }
    my $old = $today - 9 . '.0.8';
    ok +(wait_for { !$rig->do('HEXISTS', "{$Q}:seen:count", $old) }), 'its count is dropped';
    $rig->finish;
};

subtest 'a ceiling' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver('--dedupe', '--seen-max', '800');
    $rig->push(map { item(id => $_) } 1 .. 3000);
    $rig->settle(30);
    my %count = $rig->do('HGETALL', "{$Q}:seen:count");
    ok delete $count{since}, 'it is said since when it remembers';
    my $sum = 0;
    $sum += $_ for values %count;
    cmp_ok $sum, '<=', 800 + 256, 'not more than the ceiling';
    cmp_ok $sum, '>', 400, 'and not much less';
    my @buckets = map { /seen:([\d.]+)$/ ? $1 : () } $rig->do('KEYS', '*');
    is_deeply [sort @buckets], [sort keys %count], 'what is not counted is not there';
    $rig->push(item(id => 3000), item(id => 1));
    $rig->settle;
    is_deeply [map { $_->[1] } $d->said('duplicate')], [3000], 'the newest are known';
    $d->tell('stats', $Q);
    $d->wait_log(qr/since=1/);
    $rig->finish;
};

subtest 'what an id costs' => sub {
    my $rig = Driver::rig();
    my %sha = map { $_ => $rig->do('SCRIPT', 'LOAD', script_text($_)) } qw(finish start);
    my @keys = map { "{$Q}:$_" } qw(lease inflight count state held retry lines dead kept seen:
        seen:count);
    $rig->do('HSET', "{$Q}:lease", owner => 'me');
    my $remember = sub {
        $rig->do('EVALSHA', $sha{finish}, scalar @keys, @keys, 'me', 0, 0, 0, 20_000_000, 0, @_,
            0, 0, 0, 0);
    };
    my $known = sub {
        my $digits = $rig->do('EVALSHA', $sha{start}, 4, @keys[0, 3, 9, 10], 'me', 1, '', @_)->[0];
        return $digits =~ tr/1//;
    };
    my $ids = sub { join '', map { substr sha256("$_[0] $_"), 0, 10 } 1 .. 2000 };
    my $yesterday = int(time / $DAY) - 1;

    $remember->($ids->($_)) for 1 .. 12;
    my @buckets = sort map { /seen:(\d+\.\d.*)/ ? $1 : () } $rig->do('KEYS', '*');
    like "@buckets", qr/^(\d+)\.0\.8 \1\.1\.10$/, 'what is too much for a few goes to more';
    is $known->(join '', map { $ids->($_) } 1 .. 5), 10_000, 'all of them are known';
    is $known->(join '', map { $ids->($_) } 8 .. 12), 10_000, 'in both';
    is $known->(join '', map { $ids->(-$_) } 1 .. 5), 0, 'others are not';

    for my $bucket (@buckets) {
        my $n = $rig->do('HGET', "{$Q}:seen:count", $bucket);
        $rig->do('RENAME', "{$Q}:seen:$bucket", "{$Q}:seen:" . ($bucket =~ s/^\d+/$yesterday/r));
        $rig->do('HDEL', "{$Q}:seen:count", $bucket);
        $rig->do('HSET', "{$Q}:seen:count", $bucket =~ s/^\d+/$yesterday/r, $n);
    }
    $remember->($ids->($_)) for 13 .. 24;
    @buckets = map { /seen:((\d+)\.\d.*)/ && $2 > $yesterday ? $1 : () } $rig->do('KEYS', '*');
    like "@buckets", qr/^\d+\.0\.10$/, 'and the next day begins with those';
    is $known->(join '', map { $ids->($_) } 11 .. 15), 10_000, 'ids of both days are known';
    my $bytes = 0;
    for my $bucket (grep { /seen:\d/ } $rig->do('KEYS', '*')) {
        $bytes += $rig->do('MEMORY', 'USAGE', $bucket, 'SAMPLES', 0);
    }
    cmp_ok $bytes / 48_000, '<', 14, 'bytes an id';
    $rig->finish;
};

subtest 'the same id in many messages' => sub {
    my $rig = Driver::rig();
    my %sha = map { $_ => $rig->do('SCRIPT', 'LOAD', script_text($_)) } qw(finish start);
    my @keys = map { "{$Q}:$_" } qw(lease inflight count state held retry lines dead kept seen:
        seen:count);
    $rig->do('HSET', "{$Q}:lease", owner => 'me');
    my $remember = sub {
        $rig->do('EVALSHA', $sha{finish}, scalar @keys, @keys, 'me', 0, 0, 0, 20_000_000, 0, @_,
            0, 0, 0, 0);
    };
    my @ids = ('aa12345678', 'aa87654321', 'ab12345678');
    $remember->(join '', map { $_ x 1000 } @ids[0, 1]);
    $remember->(join '', map { $_ x 1000 } @ids);
    my ($bucket) = grep { /seen:\d/ } $rig->do('KEYS', '*');
    is_deeply {$rig->do('HGETALL', $bucket)}, {"a\0" => 'a12345678a87654321b12345678'},
        'it is remembered once';
    is $rig->do('HGET', "{$Q}:seen:count", $bucket =~ s/.*seen://r), 3, 'and counted once';
    $rig->do('CONFIG', 'RESETSTAT');
    my ($digits) = @{$rig->do('EVALSHA', $sha{start}, 4, @keys[0, 3, 9, 10], 'me', 1, '',
        join '', map { $_ x 3000 } @ids, 'ac12345678')};
    is $digits, '1' x 9000 . '0' x 3000, 'each is known';
    my $info = $rig->do('INFO', 'commandstats');
    is +(ref $info ? $info->{cmdstat_hmget} : $info) =~ /calls=(\d+)/ && $1, 1,
        'and their field is read once';
    $rig->finish;
};

subtest 'kept' => sub {
    my $rig = Driver::rig();
    my $d = $rig->driver('--keep', '60000');
    my $record = item(id => 1, keys => ['a'], do => ['result answers']);
    $rig->push($record, item(id => 2), item(id => 3, do => ['unmatched']));
    $rig->settle;
    is_deeply [sort $rig->do('ZRANGE', "{$Q}:kept", 0, -1)], ["1:$record", '2:' . item(id => 2)],
        'worked ones are kept';
    $rig->do('ZADD', "{$Q}:kept", 1, 'old:{}');
    $rig->push(item(id => 4));
    $rig->settle;
    is $rig->size('kept'), 3, 'for their time';
    my $text = script_text('finish');
    like $text, qr/KEPT_MAX = 1000000$/m, 'a million of them at most';
    my $owner = $rig->do('HGET', "{$Q}:lease", 'owner');
    $rig->do('EVAL', $text =~ s/(KEPT_MAX = )1000000/${1}1/r, 11, map({ "{$Q}:$_" } qw(lease
        inflight count state held retry lines dead kept seen: seen:count)), $owner, 0, 0, 60_000,
        100, 0, '', 0, 0, 0, 0);
    is_deeply [$rig->do('ZRANGE', "{$Q}:kept", 0, -1)], ['4:' . item(id => 4)], 'then the newest';
    $rig->finish;
};

done_testing;
