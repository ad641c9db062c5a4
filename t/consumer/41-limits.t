# Records of a newer version, too many dead letters, items too large, the urgent list.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(patience wait_for);

my $rules = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";

sub answered {
    my ($rig) = @_;
    return [map { $_->{body}{message}{metadata} } grep { $_->{accepted} } $rig->graph->calls];
}

subtest 'a newer version' => sub {
    my $rig = Rig->new;
    my $newer = messenger(id => 'm_newer') =~ s/"v":1/"v":2/r;
    my @behind = map { messenger(id => "m_$_") } 1 .. 3;
    $rig->graph->fault({times => 1, fault => {slow => 500}});
    $rig->push(messenger(id => 'm_0'), $newer, @behind);
    my $c = $rig->consumer(rules => $rules);
    $c->wait_log(qr/a record of a newer version; nothing more is taken/);
    ok wait_for { !$rig->inflight && !$rig->do('EXISTS', "{$Q}:lease") }, 'it gives the lease up';
    is_deeply [$rig->redis->queue($Q)], [$newer, @behind], 'all is back at its place';
    is_deeply answered($rig), ['m_0'], 'what was before it is worked';
    is scalar $rig->dead, 0, 'it is not buried';

    $rig->do('LPOP', $Q);
    $c->reload;
    $rig->settle;
    is_deeply answered($rig), [map { "m_$_" } 0 .. 3], 'a reload looks again';
    $rig->finish;
};

# while it gives the lease up, when it has, and when others know it
subtest 'a reload at any moment' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $rules);
    my $n = 0;
    for my $ms (0, 100, 200, 300, 400, 1000) {
        my $said = () = $c->log =~ /newer version/g;
        my $newer = messenger() =~ s/"v":1/"v":2/r;
        $rig->push($newer, messenger(id => 'm_' . ++$n));
        ok +(wait_for { $said < (() = $c->log =~ /newer version/g) }), 'a newer version';
        ok +(wait_for { $rig->do('LREM', $Q, 0, $newer) }), '... which is given back';
        select undef, undef, undef, $ms / 1000;
        $c->reload;
        $rig->settle(5) or last;
    }
    is_deeply answered($rig), [map { "m_$_" } 1 .. 6], 'is never forgotten';
    $rig->finish;
};

subtest 'too many dead letters' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $rules, more => "dead_max: 3\n");
    $rig->push('w', 'x', 'y', 'z');
    $rig->settle;
    $rig->push(messenger(id => 'm_1'));
    $c->wait_log(qr/: 4 dead letters; nothing is taken/);
    is $rig->llen, 1, 'nothing more is taken';
    $rig->do('LPOP', "{$Q}:dead", 2);
    $rig->do('HINCRBY', "{$Q}:count", $_, -2) for qw(taken dead);
    $rig->settle;
    is_deeply answered($rig), ['m_1'], 'it goes on by itself when one is gone';
    $rig->finish;
};

subtest 'too many that wait' => sub {
    my $rig = Rig->new;
    $rig->do('HSET', 'meta:control', "account:$PAGE", '{"until":null}');
    my $c = $rig->consumer(rules => $rules, more => "waiting_max: 3\n");
    $rig->push(map { messenger(id => "m_$_", user => $_) } 1 .. 3);
    ok wait_for(sub { $rig->held == 3 }, 20 * patience()), 'they wait';
    $rig->push(messenger(id => 'm_4', user => 1));
    $c->wait_log(qr/3 events wait .*; nothing is taken/);
    is $rig->llen, 1, 'nothing more is taken';
    $rig->do('DEL', 'meta:control');
    $rig->settle;
    is_deeply [sort @{answered($rig)}], [map { "m_$_" } 1 .. 4], 'it goes on by itself';
    is scalar(() = $c->log =~ /nothing is taken/g), 1, 'and said so once';
    $rig->finish;
};

subtest 'large records' => sub {
    my $rig = Rig->new;
    my @records = map { messenger(id => "m_$_", user => $_) } 1 .. 9;
    my $padding = '"event":{"padding":"' . 'x' x 3_000_000 . '",';
    s/"event":\{/$padding/ for @records;
    $rig->push(@records);
    my $c = $rig->consumer(rules => $rules);
    $rig->settle(40);
    is scalar @{answered($rig)}, 9, 'more than the window holds at once';
    $rig->finish;
};

subtest 'an item larger than the window' => sub {
    my $rig = Rig->new;
    $rig->push(messenger(id => 'm_1'));
    my $c = $rig->consumer(rules => $rules);
    $rig->settle;
    $rig->push('x' x (16 * 1024 * 1024 + 1), messenger(id => 'm_2'));
    $c->wait_log(qr/larger than 16 MB; nothing more is taken/);
    is $rig->llen, 2, 'it stays where it is';
    $rig->do('LPOP', $Q);
    $c->reload;
    $rig->settle;
    is_deeply answered($rig), [qw(m_1 m_2)], 'and it goes on when it is gone';
    $rig->finish;
};

subtest 'the urgent list' => sub {
    my $rig = Rig->new;
    $rig->push(map { messenger(id => "m_$_") } 1 .. 3);
    $rig->push_to("{$Q}:urgent", messenger(id => 'm_urgent'));
    my $c = $rig->consumer(rules => $rules);
    $rig->settle;
    is_deeply answered($rig), [qw(m_urgent m_1 m_2 m_3)], 'is taken first';
    $rig->push_to("{$Q}:urgent", messenger(id => 'm_later'));
    ok +(wait_for { answered($rig)->[-1] eq 'm_later' } 3), 'and waited for';
    $rig->settle;
    $rig->finish;
};

done_testing;
