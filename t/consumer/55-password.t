# A password of Redis that changes: read again by SIGHUP, without a restart.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Rig qw(messenger $Q);
use Test::Meta::Util qw(spew);

my $rules = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";
my $rig = Rig->new(redis => {options => ['--requirepass', 'password-one'],
    password => 'password-one'});
spew($rig->file('password'), "password-one\n");
my $address = $rig->redis->address;
my $c = $rig->consumer(rules => $rules,
    redis => "$address password_file=" . $rig->file('password'));
$rig->push(messenger(id => 'm_1'));
$rig->settle;

$rig->do('CONFIG', 'SET', 'requirepass', 'password-two');
$rig->do('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
like $c->wait_log(qr/\[warn\] redis \Q$address\E: refused AUTH: WRONGPASS.*; trying again/),
    qr/WRONGPASS/, 'it is refused, and says where';
spew($rig->file('password'), "password-two\n");
$c->reload;
$c->wait_log(qr/: back/);
$rig->push(messenger(id => 'm_2'));
$rig->settle;
is $rig->count_of->{worked}, 2, 'it goes on with the new one';
unlike $c->log, qr/password-(?:one|two)/, 'none stands in the log';
$rig->finish;
done_testing;
