# The EVAL of docs/consumer.md: letters of one reason go back, byte for byte, and are counted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(root_dir slurp wait_for);

my ($command) = slurp(root_dir() . '/docs/consumer.md') =~ /^```sh\n(redis-cli EVAL .*?)^```/ms;
my $rules = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";
my $rig = Rig->new;

# in a shell, as it stands there but for the socket, and the reason and N where they are given
sub requeue {
    my (@args) = @_;
    my $text = $command;
    $text =~ s/ unreachable 100$/ @args/m if @args;
    $text =~ s/^redis-cli/redis-cli -s '$rig->{redis}{sock}'/;
    open my $sh, '-|', 'sh', '-c', $text or die "sh: $!";
    chomp(my $said = join '', <$sh>);
    return $said;
}

my $tricky = messenger(id => 'm_tricky', text => 'say "unreachable" ,"item":{ and \\ ä',
    message => {zero => 1.50, deep => [[{}]]});
my @dead = map { messenger(id => "m_$_") } 1 .. 4;

is requeue(), '0', 'nothing is dead';
ok !$rig->do('EXISTS', "{$Q}:count"), 'and nothing is counted';

$rig->graph->fault({times => 5, fault => {status => 500}});
my $c = $rig->consumer(rules => $rules);
# one conversation, so that they die in order
$rig->push($tricky, 'no record', messenger(page => '999'), @dead);
$rig->settle;
is $c->drain, '0', 'stopped';
my %reasons;
$reasons{$_->{reason}}++ for $rig->dead;
is $reasons{no_token}, 1, 'a letter of another reason';
is $reasons{record}, 1, 'a letter without an item';
my ($reason) = grep { $reasons{$_} == 5 } keys %reasons;
ok $reason, 'five of one' or diag explain \%reasons;

is requeue('no_such', 100), '0', 'a reason that none has';
is requeue('record', 100), '0', 'what is no record stays';
is requeue($reason, 2), '2', 'as many as asked for';
is_deeply [$rig->redis->queue($Q)], [$tricky, $dead[0]], 'the oldest, byte for byte, in order';
is scalar $rig->dead, 5, 'the others stay';
$rig->accounted;
is requeue($reason, 100), '3', 'the rest';
is_deeply [$rig->redis->queue($Q)], [$tricky, @dead], 'behind them';
is_deeply [map { $_->{reason} } $rig->dead], [qw(record no_token)], 'other reasons stay, in order';
$rig->accounted;

# as an outage leaves them, more than are looked at in one step
my ($letter) = grep { /no_token/ } $rig->redis->queue("{$Q}:dead");
my ($record) = grep { /"record"/ } $rig->redis->queue("{$Q}:dead");
$rig->do('RPUSH', "{$Q}:dead", ($record) x 150, ($letter =~ s/no_token/unreachable/r) x 120);
$rig->do('HINCRBY', "{$Q}:count", $_, 270) for qw(taken dead);
is requeue(), '100', 'as it stands there: a hundred of them, wherever they are';
is requeue(), '20', 'and the rest';
is requeue(), '0', 'until none is left';
$rig->accounted;

$rig->do('LTRIM', $Q, 0, 4);
$rig->do('DEL', "{$Q}:dead");
$rig->do('HINCRBY', "{$Q}:count", 'taken', -152);
$rig->do('HSET', "{$Q}:count", 'dead', 0);
$rig->consumer(rules => $rules);
$rig->settle;
is $rig->count_of->{worked}, 5, 'what went back is worked';
$rig->finish;
done_testing;
