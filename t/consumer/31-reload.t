# SIGHUP: rules and tokens are new from the next event on; a bad file changes nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(spew wait_for);

my $rig = Rig->new;
my $c = $rig->consumer(rules => rules('one'));

sub rules { "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: $_[0]}}]}]\n" }

sub answer {
    $rig->push(messenger());
    $rig->settle;
    return +($rig->sent)[-1][1];
}

# the last line about a reload, once there is one more
sub reload {
    my ($conf, $regex) = @_;
    my $before = () = $c->log =~ /reload:/g;
    spew($c->{file}, $conf);
    $c->reload;
    my @lines;
    wait_for { @lines = $c->log =~ /(reload:.*)\n/g; @lines > $before };
    return ($lines[-1] // '') =~ $regex;
}

is answer(), 'one', 'before';
ok reload($rig->conf(rules => rules('two')), qr/is in force/), 'reloaded';
is answer(), 'two', 'after';

ok reload($rig->conf(rules => "rulez: []\n"),
    qr/:9:1: rulez: unknown key; the old configuration stays/), 'a bad file is named';
is answer(), 'two', 'and changes nothing';

ok reload($rig->conf(rules => rules('three'), redis => 'unix:/elsewhere'),
    qr/redis can be changed by a restart only; the old configuration stays/), 'so is another Redis';
is answer(), 'two', 'and changes nothing';

$rig->graph->fault({times => 1, fault => {slow => 20_000}});
$rig->push(messenger(id => 'm_slow'), messenger(id => 'm_behind'));
$rig->graph->wait_calls(5);
ok reload($rig->conf(rules => rules('five')), qr/is in force/), 'reloaded in the middle of a call';
$rig->graph->hasten;
$rig->settle;
is_deeply [map { $_->[1] } ($rig->sent)[-2, -1]], [qw(two five)], 'what had begun ends as it began';

my $pid = $c->pid;
ok reload($rig->conf(rules => rules('x')), qr/is in force/), "reload $_" for 1 .. 20;
is answer(), 'x', 'many reloads';
is $c->pid, $pid, 'the same process';
unlike $rig->logs =~ s/.*holds the lease//sr, qr/holds the lease/, 'the lease was kept';

$rig->finish;
done_testing;
