# The rights that docs/limits.md names are enough for its scripts, and none is too many.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Redis;
use Test::More;

use Test::Meta::Redis;
use Test::Meta::Util qw(root_dir slurp temp_dir);

my $LANE = 'meta:limit:phone:1';
my $STOP = 'meta:limit:stop:phone:1';

# script => [keys, arguments]; a lane, a given and a call; a probe; a pause that is over
my %SCRIPTS = (
    limit        => [[$LANE, $STOP], ['1000000 1000 0 1000 1 1 1000']],
    limit_stop   => [[$STOP], [1000, 2, 'why', 'me']],
    limit_passed => [[$STOP], []],
    control      => [['meta:control', $STOP], []],
);

# what the program says itself; hsetnx writes a pause
my %SAID = map { $_ => 1 } qw(evalsha eval hsetnx);

my ($text) = slurp(root_dir() . '/docs/limits.md') =~ /^A consumer needs `(.*?)\.$/ms;
my ($keys, $commands) = $text =~ /^(.*?)` with `(.*)`$/s;
my @commands = split ' ', $commands;
my @rules = ('on', '>PASSWORD', split(' ', $keys), map { "+$_" } @commands);

my $redis = Test::Meta::Redis->new(dir => temp_dir())->start;
$redis->do('ACL', 'SETUSER', 'limits', @rules);
my $user = Redis->new(sock => $redis->{sock});
$user->auth('limits', 'PASSWORD');

sub prepare {
    $redis->do('FLUSHALL');
    $redis->do('SET', $STOP, '{"until":1,"ms":5}', 'PX', 60_000);
    $redis->do('HSET', 'meta:control', 'lane:x', '{"until":1}', 'lane:y', '{"until":null}');
}

# its error, or undef
sub run {
    my ($name) = @_;
    my ($k, $a) = @{$SCRIPTS{$name}};
    my $script = slurp(root_dir() . "/consumer/$name.lua");
    return eval { $user->eval($script, scalar @$k, @$k, @$a); 1 } ? undef : $@;
}

my %needed = %SAID;
for my $name (sort keys %SCRIPTS) {
    prepare();
    is run($name), undef, "$name: the rights are enough";
    for my $command (grep { !$SAID{$_} } @commands) {
        prepare();
        $redis->do('ACL', 'SETUSER', 'limits', "-$command");
        my $error = run($name);
        $redis->do('ACL', 'SETUSER', 'limits', "+$command");
        next if !$error;
        $needed{$command} = 1;
        like $error, qr/can't run this command/, "$name: without $command it is refused";
    }
}
is_deeply [sort keys %needed], [sort @commands], 'none is too many';

is eval { $user->hsetnx('meta:control', 'lane:z', '{}') }, 1, 'a pause can be written';
is eval { $user->evalsha('0' x 40, 0); 1 } // $@ =~ /NOSCRIPT/, 1, 'a script can be called';
is eval { $user->eval('return redis.call("GET", KEYS[1])', 1, 'meta:token:1') }, undef,
    'and nothing else read';

$user->quit;
$redis->stop;
done_testing;
