# scripts/setup where all is there: does nothing, quickly, and says nothing.

use strict;
use warnings;

use Test::Meta::Util qw(root_dir);
use Test::More;
use Time::HiRes qw(time);

my $setup = root_dir() . '/scripts/setup';


# What would start by itself, and who may start what.
sub system_state {
    return join '', map { qx{$_ 2>/dev/null} }
        'find /etc/systemd /etc/rc?.d /etc/nginx/modules-enabled -type l | sort',
        'ls -l --time-style=full-iso /usr/sbin/policy-rc.d*',
        'cat /usr/sbin/policy-rc.d';
}


my $before = system_state();
for my $purpose ('run', 'test') {
    my $from = time;
    my $said = qx{$setup $purpose 2>&1 </dev/null};
    is($?, 0, "$purpose: exit status");
    is($said, '', "$purpose: says nothing");
    cmp_ok(time - $from, '<', 5, "$purpose: at once");
}
is(system_state(), $before, 'the system is as it was');

my $said = qx{$setup everything 2>&1 </dev/null};
is($? >> 8, 2, 'an unknown purpose: exit status 2');
like($said, qr{scripts/setup \[run \| test \| asan \| browser \| bench \| package\]},
    'and how it is meant');

done_testing();
