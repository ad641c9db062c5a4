# metactl beside meta-consumer: what it shows while it runs; letters go back and are worked.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP qw(decode_json);
use Test::More;

use Rig qw(messenger $PAGE $Q);
use Test::Meta::Util qw(build_dir patience wait_for);

my $RULES = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]},"
    . "{when: {product: messenger, kind: message, text: two}, do: [{reply: {text: second}}]}]\n";
my $rig = Rig->new;
my $c = $rig->consumer(rules => $RULES);

sub ctl {
    my (@args) = @_;
    open my $out, '-|', build_dir() . '/metactl', '-c', $c->{file}, '--json', @args
        or die "metactl: $!";
    my $said = join '', <$out>;
    close $out;
    my $code = $? >> 8;
    return ($code, $said =~ /^\{/ ? decode_json($said) : {});
}

# at every look, while events run through
sub good_while {
    my ($what, $until) = @_;
    my ($looks, $bad) = (0, 0);
    wait_for { $looks++; $bad++ if (ctl('status'))[0] != 0; $until->() } 40 * patience();
    is $bad, 0, "$what: all accounted for at each of $looks looks";
}

$rig->push(map { messenger(id => "m_run$_", user => $_ % 7) } 1 .. 300);
good_while('work', sub { !$rig->llen($Q) && !$rig->inflight });
my ($code, $s) = ctl('status');
is $s->{sum}{worked}, 300, 'what is done';
is $s->{sum}{arrived}, 300, 'of what arrived';
like $s->{queues}[0]{holder}, qr/\w/, 'who holds it';
ok $s->{queues}[0]{lease_ms} > 0, 'and for how long';

# refused for good: each is a letter
$rig->graph->fault({times => 3, fault => {code => 100, message => 'x'}});
my @dead = map { messenger(id => "m_dead$_", user => 'one') } 1 .. 3;
$rig->push(@dead);
good_while('death', sub { $rig->llen("{$Q}:dead") == 3 && !$rig->inflight });
(undef, my $l) = ctl('dead', 'list');
is_deeply [map { $_->{item} } @{$l->{letters}}], [map { "m_dead$_" } 1 .. 3], 'the letters';
is_deeply [map { $_->{account} } @{$l->{letters}}], [($PAGE) x 3], 'whose they are';
is $l->{letters}[0]{code}, 100, 'and Meta\'s code';
my ($found, $m) = ctl('message', 'm_dead2');
is $m->{found}[0]{state}, 'dead', 'where it is';

is +(ctl('dead', 'requeue', 'm_dead2'))[1]{requeued}, 1, 'one goes back';
good_while('one back', sub { $rig->llen("{$Q}:dead") == 2 && !$rig->llen($Q) && !$rig->inflight });
is +(ctl('dead', 'requeue', '--code', '100'))[1]{requeued}, 2, 'the others';
good_while('all back', sub { !$rig->llen("{$Q}:dead") && !$rig->llen($Q) && !$rig->inflight });
is_deeply [sort map { $_->{body}{message}{metadata} // '' } grep { $_->{accepted}
    && ($_->{body}{message}{metadata} // '') =~ /^m_dead/ } $rig->graph->calls],
    [map { "m_dead$_" } 1 .. 3], 'each is answered once';
is +(ctl('status'))[1]{sum}{worked}, 303, 'and counted';
is +(ctl('status'))[1]{sum}{arrived}, 303, 'and has arrived once';
# the first action was done, the second failed: only that one is done again
$rig->graph->fault({match => {body => 'second'}, times => 1, fault => {code => 100,
    message => 'x'}});
$rig->push(messenger(id => 'm_two', text => 'two'));
good_while('half dead', sub { $rig->llen("{$Q}:dead") == 1 && !$rig->inflight });
is +(ctl('dead', 'requeue', 'm_two'))[1]{requeued}, 1, 'what is half done goes back';
good_while('half back', sub { !$rig->llen("{$Q}:dead") && !$rig->llen($Q) && !$rig->inflight });
is_deeply [map { $_->{body}{message}{text} } grep { $_->{accepted}
    && ($_->{body}{message}{metadata} // '') =~ /^m_two\b/ } $rig->graph->calls], [qw(ms second)],
    'each of its actions is done once';

my %state = $rig->do('HGETALL', "{$Q}:state");
is_deeply [grep { /^r:/ || ($_ eq 'requeued' && $state{$_}) } keys %state], [],
    'no state of theirs is left behind';

$rig->finish;
done_testing;
