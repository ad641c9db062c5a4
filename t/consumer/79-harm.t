# Harm to Redis while two-step events are worked: restarts, flushed scripts,
# killed connections.  Nothing is lost, nothing is made twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Rig qw(messenger $PAGE $Q);
use Test::Meta::Util qw(patience wait_for);

my $EVENTS = 300;
my $RULES = <<'END2';
push_lists: [copies]
rules:
  - when: {product: messenger, kind: message}
    do: [{reply: {text: one}}, {push: {list: copies}}, {reply: {text: two}}]
limits: {page: off}
END2

# worked off while each harm is done, again and again
sub harmed {
    my ($harm, $rounds, %arg) = @_;
    my $rig = Rig->new(redis => {options => ['--appendonly', 'yes', '--appendfsync', 'always']});
    my $c = $rig->consumer(rules => $RULES, log_level => 'warn');
    $rig->push(map { messenger(id => "m_$_", user => 1 + $_ % 40, text => 'x') } 1 .. $EVENTS);
    for my $round (1 .. $rounds) {
        my $more = $rig->accepted + 20;
        wait_for { $rig->accepted >= $more } 20 * patience();
        $harm->($rig);
    }
    $rig->settle(60);

    my (%sent, %last);
    for my $call (grep { $_->{accepted} } $rig->graph->calls) {
        my ($id, $user) = ($call->{body}{message}{metadata}, $call->{body}{recipient}{id});
        $id =~ s/#2\z//;        # its second send
        $sent{"$id $call->{body}{message}{text}"}++;
        my ($n) = $id =~ /(\d+)/;
        $last{$user}{ok} = 0 if $n < ($last{$user}{n} // 0);
        @{$last{$user}}{qw(n ok)} = ($n, $last{$user}{ok} // 1);
    }
    my %ambiguous = map { $_->{reason} eq 'ambiguous' ? ($_->{item}{id} => 1) : () } $rig->dead;
    diag scalar(keys %ambiguous), ' ambiguous' if %ambiguous;
    is scalar(() = $rig->dead), scalar(keys %ambiguous), 'dead only what is ambiguous';
    is_deeply [grep { $sent{$_} > 1 } sort keys %sent], [], 'no call is made twice';
    my @missing = grep { my $id = "m_$_";
        !$ambiguous{$id} && !($sent{"$id one"} && $sent{"$id two"}) }
        1 .. $EVENTS;
    is_deeply \@missing, [], 'none is lost';
    is_deeply [grep { !$last{$_}{ok} } keys %last], [], 'each conversation in its order';
    is scalar(keys %ambiguous), 0, 'and nothing is ambiguous, for nobody has died';
    is $rig->llen('copies'), $EVENTS, 'each pushed once';
    $rig->finish;
}

subtest 'restarts' => sub { harmed(sub { $_[0]->redis->restart }, 6) };

subtest 'scripts flushed' => sub { harmed(sub { $_[0]->do('SCRIPT', 'FLUSH') }, 15) };

subtest 'connections killed' => sub {
    harmed(sub {
        my ($rig) = @_;
        $rig->do('CLIENT', 'KILL', 'ID', $_) for map { /^id=(\d+)/ } $rig->redis->clients;
    }, 15);
};

done_testing;
