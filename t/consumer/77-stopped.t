# Thousands of an account that is stopped stand in front of others: these are
# answered meanwhile, little memory is taken, and nothing is lost or overtaken.
#
# META_T_STOPPED: how many of them, instead of 20000

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw(time);

use Rig qw(whatsapp messenger $PHONE $PAGE $Q);
use Test::Meta::Util qw(patience slurp wait_for);

my $STOPPED = $ENV{META_T_STOPPED} // 20_000;
my $OTHERS = 1000;
my $RULES = <<'END2';
rules:
  - when: {product: messenger, kind: message}
    do: [{reply: {text: page}}]
  - when: {product: whatsapp, kind: message}
    do: [{reply: {text: phone}}]
limits: {phone: off, page: off}
END2

# so many of both, the Page's in front; made from one, as fast as can be
sub fill {
    my ($rig) = @_;
    my @of = ([messenger(id => 'm_NR', user => 'USR', text => 'x'), $STOPPED],
        [whatsapp(id => 'wamid.NR', user => 'USR', text => 'x'), $OTHERS]);
    for my $of (@of) {
        my ($record, $n) = @$of;
        for (my $from = 1; $from <= $n; $from += 1000) {
            my $to = $from + 999 < $n ? $from + 999 : $n;
            $rig->push(map { my $i = $_;
                $record =~ s/NR/$i/gr =~ s/USR/27820000000 + $i % 3000/ger }
                $from .. $to);
        }
    }
}

# how many of one account were accepted, and called at all
sub calls {
    my ($rig, $account) = @_;
    my $log = slurp($rig->graph->{log});
    my @lines = $log =~ /^(.*"account":"$account".*)$/mg;
    return (scalar(grep { /^\{"accepted":true/ } @lines), scalar @lines);
}

sub rss {
    my ($c) = @_;
    my ($kb) = slurp('/proc/' . $c->pid . '/status') =~ /^VmHWM:\s+(\d+)/m;
    return $kb / 1024;
}

sub meanwhile {
    my ($rig, $c, $from) = @_;
    my $all = wait_for { (calls($rig, $PHONE))[0] == $OTHERS } (30 + $STOPPED / 1000) * patience();
    ok $all, 'all of the other account are answered';
    diag sprintf '%d of the other account behind %d: %.1f s, %d calls of the one, %.1f MB',
        $OTHERS, $STOPPED, time - $from, (calls($rig, $PAGE))[1], rss($c);
    cmp_ok rss($c), '<', 40, 'MB' if !$ENV{META_T_ASAN} && !$ENV{META_T_VALGRIND};
}


subtest 'Meta has throttled it' => sub {
    my $rig = Rig->new;
    fill($rig);
    $rig->graph->fault({match => {account => $PAGE}, times => 0, fault => {code => 80006}});
    my $from = time;
    my $c = $rig->consumer(rules => $RULES, log_level => 'warn');
    meanwhile($rig, $c, $from);
    my ($good, $all) = calls($rig, $PAGE);
    is $good, 0, 'the one is throttled';
    cmp_ok $all, '<=', 64 + 20, 'and not hammered: what was on the wire, and probes';
    cmp_ok $rig->llen + $rig->inflight + $rig->held + $rig->retry, '==', $STOPPED, 'all wait';
    is scalar(() = $rig->dead), 0, 'none is dead';
    $rig->finish;
};


subtest 'somebody has paused it' => sub {
    my $rig = Rig->new;
    fill($rig);
    $rig->do('HSET', 'meta:control', "account:$PAGE", '{"until":null,"by":"test","why":"test"}');
    my $from = time;
    my $c = $rig->consumer(rules => $RULES, log_level => 'warn');
    meanwhile($rig, $c, $from);
    is +(calls($rig, $PAGE))[1], 0, 'nothing of the one is called';
    $rig->finish;
};

done_testing;
