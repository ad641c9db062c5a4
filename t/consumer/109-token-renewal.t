# Tokens that are renewed while something happens: another one comes, Redis or the consumer goes,
# a call is refused.  What Meta gave is not lost, and what came meanwhile stays.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Lives;
use Rig qw(whatsapp messenger $PHONE $WABA $Q);
use Test::Meta::Util qw(build_dir spew wait_for);

subtest "the user's is lost while its Pages' wait for Redis" => sub {
    my @pages = map { 9000 + $_ } 1 .. 60;
    my $rig = rig(pages => \@pages);
    my %good = (checked => 1000 * time, expires => 0);
    put($rig, "user:$ANA", {scopes => [qw(pages_show_list pages_messaging)]}, %good);
    put($rig, "page:$_", {}, parent => "user:$ANA", %good) for @pages;
    my ($pid, $far) = far($rig, 0.005);
    ok +(wait_for { -S $rig->file('far') } 5), 'far away';
    my $c = consumer($rig, redis => $far);
    state($rig, $_, 'password') for "user:$ANA", map { "page:$_" } @pages;
    for my $page (@pages) {
        $rig->push(messenger(page => $page));
        select undef, undef, undef, 0.004;
    }
    ok +(wait_for { @pages + 1 == events($rig) } 10), 'all are lost, each once' or diag $rig->logs;
    ok kill(0, $c->pid), 'the consumer is there';
    $rig->finish(secrets => secrets());
    kill 'TERM', $pid;
    waitpid $pid, 0;
};

subtest 'what is said of one that was renewed meanwhile' => sub {
    my $rig = rig();
    my @names = qw(whatsapp:77 user:78);
    put($rig, $_, {expires_in => 20 * $DAY}) for @names;
    $rig->graph->fault({match => {path => 'debug_token'}, fault => {slow => 20_000}, times => 2});
    state($rig, 'whatsapp:77', 'password');
    my $c = consumer($rig);
    ok +(wait_for { 2 == grep { $rig->do('EXISTS', "meta:token:lock:$_") } @names } 10), 'asked';
    $rig->do('PEXPIRE', "meta:token:lock:$_", 60_000) for @names;
    my $ends = 1000 * (time + 60 * $DAY);
    put($rig, $_, {expires_in => 60 * $DAY}, expires => $ends, checked => 0) for @names;
    ok +(wait_for { 2 == grep { $rig->do('PTTL', "meta:token:lock:$_") > 60_000 } @names } 10),
        'their locks outlive slow calls';
    ok +(wait_for { $rig->graph->hasten; 2 == grep { field($rig, $_, 'checked') } @names } 10),
        'and then of the new ones' or diag $rig->logs;
    is field($rig, 'whatsapp:77', 'state'), 'good', 'the new one is not lost';
    is scalar(events($rig)), 0, 'and nobody is told so';
    cmp_ok field($rig, 'user:78', 'expires'), '>', $ends - 30_000, 'nor ends as the old one';
    unlike $c->log, qr/cannot be kept|is lost/, 'nothing is said of it';
    $rig->finish(secrets => secrets());
};

subtest 'another one comes while it is renewed' => sub {
    my $rig = rig(pages => [9001]);
    my @names = qw(page:9001 system_user:5);
    put($rig, "user:$ANA", {scopes => [qw(pages_show_list pages_messaging)]}, expires => 0);
    put($rig, 'page:9001', {expires_in => 3 * $DAY}, parent => "user:$ANA", tenant => 'old');
    put($rig, 'system_user:5', {expires_in => 3 * $DAY}, tenant => 'old');
    $rig->graph->fault({match => {path => $_}, fault => {slow => 20_000}})
        for qw(me/accounts oauth/access_token);
    my $c = consumer($rig);
    ok +(wait_for { to($rig, 'me/accounts') && to($rig, 'oauth/access_token') } 10), 'Meta is asked'
        or diag $rig->logs;
    put($rig, $_, {expires_in => 60 * $DAY}, expires => 0, tenant => 'new', from => 'login',
        parent => 'user:4711') for @names;
    my @sealed = map { field($rig, $_, 'sealed') } @names;
    $c->wait_log(qr/token \Q$_\E is renewed/) for @names;
    $rig->graph->hasten;
    $c->wait_log(qr/token \Q$_\E: the new one cannot be stored: somebody else/) for @names;
    ok +(wait_for { 0 == grep { $rig->do('EXISTS', "meta:token:lock:$_") } @names } 10), 'over';
    is_deeply [map { field($rig, $_, 'sealed') } @names], \@sealed, 'it stays';
    is_deeply [map { field($rig, $_, 'from') } @names], [qw(login login)], '... as it came';
    done($rig);
};

subtest 'sealed anew while it is renewed' => sub {
    my $rig = rig();
    my $was = put($rig, 'system_user:5', {expires_in => 3 * $DAY}, tenant => 'old');
    $rig->graph->fault({match => {path => 'oauth/access_token'}, fault => {slow => 20_000}});
    my $c = consumer($rig);
    ok +(wait_for { to($rig, 'oauth/access_token') } 10), 'Meta is asked' or diag $rig->logs;
    store($rig, 'system_user:5', $was, tenant => 'new');    # as metactl token rekey does
    $rig->graph->hasten;
    ok +(wait_for { field($rig, 'system_user:5', 'from') eq 'refresh' } 10), 'the new one is stored'
        or diag $rig->logs;
    is field($rig, 'system_user:5', 'tenant'), 'new', 'with what was noted meanwhile';
    is scalar(to($rig, 'oauth/access_token')), 1, 'Meta was asked once';
    unlike $c->log, qr/cannot be stored|does not take/, 'nothing is said of it';
    done($rig);
};

subtest "a lock that is another's by now" => sub {
    my $rig = rig();
    spew($rig->file('ctl.yaml'), conf($rig));
    my @names = qw(user:78 user:79);
    put($rig, $names[0], {expires_in => 3600}, checked => 1000 * time,
        expires => 1000 * (time + 9 * $DAY));
    $rig->graph->fault({match => {path => $_}, fault => {slow => 20_000}})
        for qw(oauth/access_token debug_token);
    open my $say, '-|', build_dir() . "/metactl -c @{[$rig->file('ctl.yaml')]} token exchange"
        . " $names[0] 2>&1" or die $!;
    ok +(wait_for { to($rig, 'oauth/access_token') } 10), 'one by hand';
    my $c = consumer($rig);
    put($rig, $names[1], {expires_in => 20 * $DAY});
    ok +(wait_for { to($rig, 'debug_token') } 10), 'one by itself' or diag $rig->logs;
    like $rig->do('GET', "meta:token:lock:$_"), qr/^[0-9a-f]{16}$/, "$_: whose it is" for @names;
    $rig->do('SET', "meta:token:lock:$_", 'other', 'PX', 60_000) for @names;
    put($rig, 'user:80', {}, checked => 0);     # at each look locks are held for longer
    ok +(wait_for { $rig->do('EXISTS', 'meta:token:lock:user:80') } 10), 'the next look'
        or diag $rig->logs;
    $rig->graph->hasten;
    like join('', <$say>), qr/$names[0] is renewed/, 'goes on';
    is $c->drain, '0', 'drained';
    ok field($rig, $names[1], 'checked'), 'likewise';
    is join(' ', map { $rig->do('GET', "meta:token:lock:$_") // '-' } @names), 'other other',
        'it stays';
    is scalar(grep { $rig->do('PTTL', "meta:token:lock:$_") > 60_000 } @names), 0, 'for as long';
    done($rig);
};

subtest 'stopped while Meta is asked' => sub {
    my $rig = rig();
    my @names = qw(instagram:1784 system_user:5);
    $rig->graph->fault({match => {path => $_}, fault => {slow => 20_000}})
        for qw(refresh_access_token debug_token);
    put($rig, 'instagram:1784', {expires_in => 3 * $DAY, age => 2 * $DAY},
        expires => 1000 * (time + 3 * $DAY), issued => 1000 * (time - 2 * $DAY));
    my $c = consumer($rig);
    ok +(wait_for { to($rig, 'refresh_access_token') } 10), 'one is renewed' or diag $rig->logs;
    put($rig, 'system_user:5', {expires_in => 3 * $DAY});
    ok +(wait_for { to($rig, 'debug_token') } 10), 'one is looked at' or diag $rig->logs;
    $c->signal('TERM');
    is $c->wait_exit(1), undef, 'it waits';
    $rig->graph->hasten;
    is $c->wait_exit(20), '0', 'drained' or diag $rig->logs;
    is field($rig, 'instagram:1784', 'from'), 'refresh', 'what is renewed is stored';
    ok field($rig, 'system_user:5', 'checked'), 'what Meta says of one is noted';
    is scalar(to($rig, 'oauth/access_token')), 0, 'no further call begins';
    is scalar(grep { $rig->do('EXISTS', "meta:token:lock:$_") } @names), 0, 'no lock is left';
    done($rig);
};

subtest 'refused while it is stopped' => sub {
    my $rig = rig(pages => [9001]);
    my @known = (checked => 1000 * time, expires => 0);
    put($rig, "user:$ANA", {scopes => [qw(pages_show_list pages_messaging)]}, @known);
    put($rig, 'page:9001', {}, parent => "user:$ANA", @known);
    $rig->graph->fault({fault => {slow => 20_000, code => 190, subcode => 460}});
    $rig->graph->fault({fault => {slow => 20_000}});
    my $c = consumer($rig);
    $rig->push(messenger(page => 9001));
    ok +(wait_for { to($rig, 'messages') } 10), 'on the wire' or diag $rig->logs;
    $c->signal('TERM');
    $c->wait_log(qr/drains: calls/);
    $rig->graph->hasten;
    ok +(wait_for { to($rig, 'me/accounts') } 10), 'one is taken anew' or diag $rig->logs;
    is $c->wait_exit(1), undef, 'it waits';
    $rig->graph->hasten;
    is $c->wait_exit(20), '0', 'drained' or diag $rig->logs;
    is field($rig, 'page:9001', 'from'), 'derived', 'and stored';
    is $rig->left($Q), 1, 'what it was for waits';
    done($rig);
};

subtest 'a new one that Redis does not take' => sub {
    my $rig = rig(pages => [9001]);
    put($rig, "user:$ANA", {scopes => [qw(pages_show_list pages_messaging)]}, expires => 0);
    my $was = put($rig, 'page:9001', {expires_in => 3 * $DAY}, parent => "user:$ANA");
    $rig->graph->fault({match => {path => 'me/accounts'}, fault => {slow => 20_000}});
    my $c = consumer($rig);
    ok +(wait_for { to($rig, 'me/accounts') } 10), 'Meta is asked' or diag $rig->logs;
    $rig->do('ACL', 'SETUSER', 'default', '-zremrangebyrank');
    $rig->graph->hasten;
    $c->wait_log(qr/\[error\] token page:9001 is renewed, and Redis does not take .* NOPERM/);
    state($rig, 'page:9001', 'password');
    $rig->push(messenger(page => 9001));
    ok +(wait_for { 1 == $rig->sent } 10), 'is used all the same' or diag $rig->logs;
    is field($rig, 'page:9001', 'from'), 'cli', 'from memory';
    $rig->settle;
    store($rig, 'page:9001', $was);     # sealed anew, the same
    $rig->do('ACL', 'SETUSER', 'default', '+zremrangebyrank');
    is $c->drain, '0', 'drained' or diag $rig->logs;
    is field($rig, 'page:9001', 'from'), 'derived', 'and stored before it ends'
        or diag $rig->logs;
    is scalar(to($rig, 'me/accounts')), 1, 'Meta was asked once';
    done($rig);
};

subtest 'refused before Redis has it' => sub {
    my $rig = rig();
    my $name = "whatsapp:$PHONE";
    put($rig, $name, {expires_in => 3 * $DAY}, waba => $WABA);
    $rig->graph->fault({match => {path => 'oauth/access_token'}, fault => {slow => 20_000}});
    my $c = consumer($rig);
    ok +(wait_for { to($rig, 'oauth/access_token') } 10), 'Meta is asked' or diag $rig->logs;
    $rig->do('ACL', 'SETUSER', 'default', '-zremrangebyrank');
    $rig->graph->hasten;
    ok +(wait_for { 3 <= (() = $c->log =~ /Redis refuses a change/g) } 10), 'it is kept'
        or diag $rig->logs;
    $rig->do('ACL', 'SETUSER', 'default', '+zremrangebyrank');
    $rig->graph->fault({match => {path => 'messages'}, times => 9,
        fault => {code => 190, subcode => 460}});
    $rig->push(whatsapp());
    ok +(wait_for { (field($rig, $name, 'state') // '') eq 'lost' } 15), 'it is lost'
        or diag $rig->logs;
    is field($rig, $name, 'from'), 'refresh', '... the new one, not the one before it';
    is join(' ', map { $_->{event} } events($rig)), 'lost', '... and said to be once';
    done($rig);
};

done_testing;
