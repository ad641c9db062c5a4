# The life of tokens: looked at, renewed by one consumer, taken anew from the user's, lost with a
# word to everybody, and put to use again as soon as there is a new one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP qw(decode_json);
use Mojo::IOLoop;
use POSIX ();
use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $WABA $Q);
use Test::Meta::Seal qw(seal seal_key);
use Test::Meta::Util qw(build_dir spew wait_for);

my ($APP, $SECRET, $ANA) = ('1234567890', "s3cr3tOfTheApp$$", '700000000000001');
my $DAY = 86_400;
my @secrets = ($SECRET);
my $rules = "rules: [{when: {kind: message}, do: [{reply: {text: ok}}]}]\n";

# a rig with an app, a token key and a person with Pages
sub rig {
    my (%arg) = @_;
    my $pages = join ',', map { qq({"id":"$_","name":"P$_","business":"31"}) }
        @{$arg{pages} // []};
    my $more = $arg{granular} ? ',"granular":1,"businesses":[{"id":"30"},{"id":"31"}]' : '';
    my $rig = Rig->new(graph => ['--app', "$APP:$SECRET", '--instagram-app', "$APP:$SECRET",
        '--user', qq({"id":"$ANA","name":"Ana","pages":[$pages]$more})]);
    $rig->{key} = seal_key($rig->file('keys'));
    spew($rig->file('secret'), "$SECRET\n");
    return $rig;
}

# without the file tokens, unless own is set: their look comes with check_every
sub conf {
    my ($rig, %arg) = @_;
    my $conf = $rig->conf(rules => $rules, queues => $arg{queues}, redis => $arg{redis},
        more => <<"END");
apps: [{id: "$APP", secret_file: @{[$rig->file('secret')]}}]
token_key_file: @{[$rig->file('keys')]}
metrics: unix:@{[$rig->file('m' . ($arg{name} // ''))]}
@{[$arg{more} // '']}
END
    $conf =~ s/^tokens:\n(?:  - .*\n)+//m if !$arg{own};
    return $conf;
}

sub consumer {
    my ($rig, %arg) = @_;
    return $rig->consumer(conf => conf($rig, %arg), name => $arg{name});
}

# a token that Graph knows, and the store: what it is (expires_in, age, scopes, ...) and fields
sub put {
    my ($rig, $name, $is, %field) = @_;
    my ($kind, $id) = split /:/, $name;
    my $text = ($kind eq 'instagram' ? 'IGAA' : 'EAA') . $kind . $id . 'x' x 40 . @secrets;
    push @secrets, $text;
    my $spec = $kind eq 'business' ? 'system_user' : $kind;
    $rig->graph->control(POST => 'tokens', {token => "$spec:$id:$text:g$name", %$is});
    store($rig, $name, $text, account => $id, %field);
    return $text;
}

sub store {
    my ($rig, $name, $text, %field) = @_;
    my ($kind) = split /:/, $name;
    $rig->do('HSET', "meta:token:$name", kind => $kind, app => $APP,
        sealed => seal('token', $rig->{key}, $name, $text), state => 'good', from => 'cli', %field);
    $rig->do('SADD', 'meta:token:names', $name);
    $rig->do('ZADD', 'meta:token:changed', $rig->do('INCR', 'meta:token:version'), $name);
}

sub field { my ($rig, $name, $field) = @_; return $rig->do('HGET', "meta:token:$name", $field) }
sub checked { my ($rig, $name) = @_; wait_for { field($rig, $name, 'checked') } 10 }
sub events { map { decode_json($_) } $_[0]->do('LRANGE', 'meta:accounts', 0, -1) }
sub state { my ($rig, $name, $state) = @_;
    $rig->graph->control(POST => 'tokens', {name => "g$name", state => $state}) }
sub to { my ($rig, $path) = @_; return grep { $_->{path} =~ /$path/ } $rig->graph->calls }

sub refuse { my ($code, $subcode) = @_; return {status => 400, json => {error => {message => 'x',
    type => 'OAuthException', code => $code, $subcode ? (error_subcode => $subcode) : ()}}} }

# no app-scoped id in a line
sub done {
    my ($rig, @with) = @_;
    unlike $rig->logs, qr{$ANA|(?<!system_)user:\d}, 'no line names a person';
    $rig->finish(@with);
}

sub metrics { return qx(curl -s --unix-socket @{[$_[0]->file("m")]} http://x/metrics) }

subtest 'renewed by one of two' => sub {
    my $rig = rig();
    put($rig, 'user:' . $ANA, {expires_in => 3 * $DAY, scopes => ['pages_show_list']});
    put($rig, 'system_user:88', {expires_in => 3 * $DAY});
    put($rig, 'instagram:1784', {expires_in => 3 * $DAY, age => 2 * $DAY},
        expires => 1000 * (time + 3 * $DAY), issued => 1000 * (time - 2 * $DAY));
    my @c = map { consumer($rig, name => $_) } qw(a b);
    my @names = ("user:$ANA", 'system_user:88', 'instagram:1784');
    ok +(wait_for { 3 == grep { field($rig, $_, q(refreshed)) } @names } 10), "all are renewed"
        or diag $rig->logs;
    cmp_ok field($rig, $_, 'expires'), '>', 1000 * (time + 50 * $DAY), "$_ lives long" for @names;
    checked($rig, $_) for @names;
    for my $path (qw(^/v24.0/oauth/access_token ^/refresh_access_token)) {
        is scalar(to($rig, $path)), $path =~ /oauth/ ? 2 : 1, "$path: each once"
            or diag explain [map { $_->{query} } to($rig, $path)];
    }
    my ($sixty) = grep { $_->{query}{set_token_expires_in_60_days} } to($rig, 'oauth/access');
    ok $sixty, "the system user's for 60 days";
    is field($rig, $_, 'from'), 'refresh', "$_ says so" for @names;
    done($rig, secrets => \@secrets);
};

# what Meta says of a token that is dead, by the emulator's state; none: a fault
my @DEAD = ([app_removed => 458], [checkpoint => 459], [password => 460], [expired => 463],
    [unconfirmed => 464], [revoked => 467], [role => 492]);

subtest 'every subcode of 190, and 102' => sub {
    my @pages = map { 9001 + $_ } 0 .. $#DEAD + 2;
    my $rig = rig();
    put($rig, "page:$_", {}, title => "Page $_", tenant => "shop-$_") for @pages, 9100;
    put($rig, 'page:9200', {}, sealed => seal('token', 'f' x 64, 'page:9200', 'of another key'));
    my $c = consumer($rig);
    checked($rig, "page:$_") for @pages, 9100;
    my @codes = ((map { "190/$_->[1]" } @DEAD), '190/0', '102/0');
    for my $n (0 .. $#DEAD) {
        state($rig, "page:$pages[$n]", $DEAD[$n][0]);
    }
    $rig->graph->fault({match => {account => "$pages[$_]", method => 'POST'}, fault => refuse(
        $_ == @DEAD ? 190 : 102)}) for $#DEAD + 1, $#DEAD + 2;
    $rig->push(map { messenger(page => $_) } @pages, @pages);
    ok +(wait_for { @pages == events($rig) } 10), 'each is lost, once' or diag $rig->logs;
    $rig->push(messenger(page => 9100));
    ok +(wait_for { 1 == $rig->sent } 10), 'others go on' or diag $rig->logs;
    my %event = map { $_->{account} => $_ } events($rig);
    is_deeply $event{9001}, {v => 1, event => 'lost', ref => 'shop-9001', kind => 'page',
        account => '9001', waba => undef, name => 'Page 9001', scopes => $event{9001}{scopes}},
        'the event';
    is join(',', map { join '/', map { $_ // '-' } $rig->do('HMGET', "meta:token:page:$_",
        qw(code subcode)) } @pages), join(',', @codes), 'the store has code and subcode';
    is join(',', map { field($rig, "page:$_", 'state') } @pages, 9100),
        join(',', ('lost') x @pages, 'good'), 'and says so';
    for my $n (0 .. $#pages) {
        my ($code, $subcode) = split m{/}, $codes[$n];
        my $line = "token page:$pages[$n] is lost kind=page account=$pages[$n] code=$code"
            . " subcode=$subcode: ";
        my $first = $subcode =~ /459|464/ ? 'at facebook.com.*' : $subcode == 492 ? 'a role.*' : '';
        like $c->log, qr/\[error\] $line.*$first"metactl token login-url", with --ref "shop-/,
            "$codes[$n]: an error line";
    }
    like $c->log, qr/The token has expired\. .*new login or "metactl token add"/,
        'whose first line fits tokens of the store';
    is scalar($rig->sent), 1, 'nothing else was sent';
    is $rig->left($Q), 2 * @pages, 'all that need them wait';
    my $text = metrics($rig);
    like $text, qr/^meta_token_lost_total @{[scalar @pages]}$/m, 'counted';
    like $text, qr/^meta_tokens\{state="lost"\} @{[scalar @pages]}$/m, 'as they are';
    like $text, qr/^meta_token_good\{kind="page",account="9001"\} 0$/m, 'lost';
    like $text, qr/^meta_token_good\{kind="page",account="9100"\} 1$/m, 'good';
    like $text, qr/^meta_tokens\{state="locked"\} 1$/m, 'one that no key opens is locked';
    like $text, qr/^meta_token_good\{kind="page",account="9200"\} 0$/m, '... and not good';

    put($rig, "page:$_", {}) for @pages;
    $rig->graph->control(DELETE => 'faults');
    $rig->settle;
    is scalar($rig->sent), 1 + 2 * @pages, 'new ones let all go on';
    is scalar(events($rig)), scalar @pages, 'and nobody is lost twice';
    done($rig, secrets => \@secrets);
};

subtest 'one that is refused while it is looked at' => sub {
    my $rig = rig();
    put($rig, 'page:9001', {});
    my $c = consumer($rig);
    checked($rig, 'page:9001');
    $rig->graph->fault({match => {path => 'debug_token'}, fault => {slow => 20_000}});
    put($rig, 'page:9001', {}, checked => 0);
    ok +(wait_for { 2 == to($rig, 'debug_token') } 10), 'Meta has said that it is good';
    state($rig, 'page:9001', 'expired');
    $rig->push(messenger(page => 9001));
    $c->wait_log(qr/lane token:\w+ stops .*code=190/);
    $rig->graph->hasten;
    ok +(wait_for { 1 == events($rig) } 10), 'is lost all the same' or diag $rig->logs;
    put($rig, 'page:9001', {});
    $rig->settle;

    $rig->do('SET', 'meta:token:lock:page:9001', 1);
    state($rig, 'page:9001', 'expired');
    $rig->push(messenger(page => 9001));
    ok +(wait_for { 2 == (() = $c->log =~ /lane token:\w+ stops .*code=190/g) } 10), 'or by others';
    $rig->do('DEL', 'meta:token:lock:page:9001');
    ok +(wait_for { 2 == events($rig) } 10), '... is lost as soon as they have done';
    put($rig, 'page:9001', {});
    done($rig, secrets => \@secrets);
};

subtest "a Page's is taken anew from its user's, once" => sub {
    my $rig = rig(pages => [9001, 9002]);
    put($rig, "user:$ANA", {scopes => [qw(pages_show_list pages_messaging)]});
    my %first = map { $_ => put($rig, "page:$_", {}, parent => "user:$ANA") } 9001, 9002;
    my $c = consumer($rig);
    checked($rig, $_) for "user:$ANA", 'page:9001', 'page:9002';
    state($rig, "page:$_", $_ == 9001 ? 'password' : 'role') for 9001, 9002;
    $rig->graph->fault({match => {path => 'me/accounts'}, fault => {slow => 20_000}});
    $rig->push(messenger(page => 9001), messenger(page => 9001), messenger(page => 9002));
    ok +(wait_for { to($rig, 'me/accounts') } 10), "the user's Pages are asked";
    my $gate = 'meta:token:lock:page:9001:derive';
    ok !$rig->do('EXISTS', $gate), 'who dies here leaves it to be tried again';
    $rig->graph->hasten;
    ok +(wait_for { 2 == $rig->sent } 10), 'the steps go on with it' or diag $rig->logs;
    is scalar(to($rig, 'me/accounts')), 1, "the user's Pages were asked once";
    cmp_ok $rig->do('TTL', $gate), '>', 86_000, 'it came of something: not again today';
    is field($rig, 'page:9001', 'from'), 'derived', 'it is stored';
    is field($rig, 'page:9001', 'expires'), 0, 'and never ends';
    is_deeply [map { $_->{account} } events($rig)], [9002], 'without a role nothing helps';
    unlike $c->log, qr/\[error\] token page:9001/, 'no error line';

    $rig->graph->fault({match => {account => '9001', method => 'POST'}, fault => refuse(190, 460)});
    $rig->push(messenger(page => 9001));
    ok +(wait_for { 2 == events($rig) } 10), 'the second time it is lost' or diag $rig->logs;
    is scalar(to($rig, 'me/accounts')), 1, 'and nobody is asked';
    $rig->graph->control(DELETE => 'faults');
    put($rig, "page:$_", {}) for 9001, 9002;
    $rig->settle;
    done($rig, secrets => \@secrets);
};

subtest 'where single Pages were granted' => sub {
    my $rig = rig(pages => [9001], granular => 1);
    put($rig, "user:$ANA", {scopes => [qw(pages_show_list pages_messaging business_management)]});
    push @secrets, my $new = "EAAnew9001$$" . 'x' x 40;
    $rig->graph->control(POST => 'tokens', {token => "page:9001:$new:gnew"});
    $rig->graph->fault({match => {path => '31/owned_pages'}, fault => {status => 200,
        json => {data => [{id => '9001', access_token => $new}]}}});
    put($rig, "page:$_", {}, parent => "user:$ANA") for 9001, 9002;
    my $c = consumer($rig);
    checked($rig, $_) for "user:$ANA", 'page:9001', 'page:9002';
    state($rig, "page:$_", 'password') for 9001, 9002;
    $rig->push(messenger(page => 9001));
    ok +(wait_for { 1 == $rig->sent } 10), "found by the user's businesses" or diag $rig->logs;
    $rig->push(messenger(page => 9002));
    is field($rig, 'page:9001', 'from'), 'derived', 'it is stored';
    ok +(wait_for { 1 == events($rig) } 10), 'one that none of them owns' or diag $rig->logs;
    is((events($rig))[0]{account}, '9002', 'is lost');
    like $c->log, qr/neither the user's Pages nor those of their businesses hold this one/, 'why';
    put($rig, 'page:9002', {});
    $rig->settle;
    done($rig, secrets => \@secrets);
};

# a Redis that is far away: what goes and what comes takes so long; who ends it, and where it is
sub far {
    my ($rig, $seconds) = @_;
    my $path = $rig->file('far');
    my $pid = fork // die;
    return ($pid, "unix:$path") if $pid;
    Mojo::IOLoop->server({path => $path}, sub {
        my ($loop, $near) = @_;
        my @early;
        $near->on(read => sub { push @early, $_[1] });
        $loop->client({path => $rig->redis->{sock}}, sub {
            my ($l, $err, $away) = @_;
            my $carry = sub {
                my ($to, $bytes) = @_;
                $l->timer($seconds => sub { $to->write($bytes) if $to });
            };
            $near->unsubscribe('read');
            $near->on(read => sub { $carry->($away, $_[1]) });
            $away->on(read => sub { $carry->($near, $_[1]) });
            $away->timeout(0);
            $carry->($away, $_) for @early;
        });
        $near->timeout(0);
    });
    $SIG{ALRM} = 'DEFAULT';
    alarm 60;
    Mojo::IOLoop->start;
    POSIX::_exit(0);
}

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
    $rig->finish(secrets => \@secrets);
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
    $rig->finish(secrets => \@secrets);
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
    done($rig, secrets => \@secrets);
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
    done($rig, secrets => \@secrets);
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
    done($rig, secrets => \@secrets);
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
    done($rig, secrets => \@secrets);
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
    done($rig, secrets => \@secrets);
};

subtest 'those that cannot be looked at now hold nobody up' => sub {
    my $rig = rig();
    my @bad = map { "instagram:@{[1700 + $_]}" } 1 .. 12;
    put($rig, $_, {expires_in => 40 * $DAY, age => 2 * $DAY}) for @bad;
    $rig->graph->fault({times => 1000, match => {path => '/me'}, fault => {status => 500, json =>
        {error => {message => 'x', type => 'OAuthException', code => 2, is_transient => \1}}}});
    my $c = consumer($rig);
    ok +(wait_for { @bad == to($rig, '/me') } 10), 'each has its turn' or diag $rig->logs;
    put($rig, 'user:1', {expires_in => 3 * $DAY, scopes => ['pages_show_list']});
    ok +(wait_for { field($rig, 'user:1', 'refreshed') } 10), 'another is renewed'
        or diag $rig->logs;
    is scalar(to($rig, '/me')), scalar @bad, 'and they are left alone for a while';
    is scalar(() = $c->log =~ /\[warn\] token instagram:\d+: Meta cannot be asked/g), scalar @bad,
        'a line of each';
    $rig->finish(secrets => \@secrets);
};

subtest 'a renewal that failed is tried again before long' => sub {
    my $rig = rig();
    $rig->graph->fault({match => {path => 'oauth/access_token'}, times => 1, fault => refuse(1)});
    put($rig, 'user:1', {expires_in => 3 * $DAY, scopes => ['pages_show_list']});
    my $c = consumer($rig);
    ok +(wait_for { $c->log =~ /could not be renewed/ } 10), 'it fails' or diag $rig->logs;
    my $soon = field($rig, 'user:1', 'retry') / 1000 - time;
    ok $soon > 200 && $soon < 310, 'minutes later it may be tried again' or diag $soon;
    is field($rig, 'user:1', 'tries'), 1, 'the first time';
    my $looks = to($rig, 'debug_token');
    $rig->do('HSET', 'meta:token:user:1', retry => 1);
    $rig->do('ZADD', 'meta:token:changed', $rig->do('INCR', 'meta:token:version'), 'user:1');
    ok +(wait_for { field($rig, 'user:1', 'refreshed') } 10), 'and is renewed' or diag $rig->logs;
    is scalar(to($rig, 'debug_token')), $looks, 'without another look';
    cmp_ok field($rig, 'user:1', 'retry'), '>', 1000 * (time + 19 * 3600), 'then not for a day';
    $rig->do('DEL', 'meta:token:user:1');
    put($rig, 'user:1', {expires_in => 3 * $DAY, scopes => ['pages_show_list']});
    ok +(wait_for { field($rig, 'user:1', 'refreshed') } 10), 'but a new one is' or diag $rig->logs;
    my $old = 1000 * (time - 600);      # and who looked died before it was tried
    put($rig, 'user:2', {expires_in => 3 * $DAY, scopes => ['pages_show_list']}, checked => $old,
        expires => 1000 * (time + 3 * $DAY));
    ok +(wait_for { field($rig, 'user:2', 'refreshed') } 10), 'as is one that was only looked at'
        or diag $rig->logs;
    $rig->finish(secrets => \@secrets);
};

subtest 'what is wrong with one that works' => sub {
    my $rig = rig();
    my @scopes = qw(pages_messaging instagram_manage_messages pages_show_list);
    put($rig, 'page:9001', {scopes => \@scopes, targets => {pages_messaging => ['7']},
        data_expires_in => 10 * $DAY}, instagram => '1784', tenant => 'shop-1');
    put($rig, 'user:77', {expires_in => 3600 * 20, scopes => ['pages_show_list']},
        tenant => 'shop-2');
    $rig->graph->fault({match => {path => 'oauth/access_token'}, fault => refuse(101)});
    put($rig, 'system_user:5', {app => '999'});
    put($rig, 'page:9002', {expires_in => -5});
    put($rig, 'business:88', {expires_in => -5}, waba => 77, from => 'signup',
        tenant => 'shop-3');
    my $c = consumer($rig, more => 'oauth: {scopes: [ads_read]}');
    checked($rig, $_) for qw(page:9001 user:77 system_user:5 page:9002);
    my $missing = 'pages_messaging/9001,pages_manage_metadata,instagram_basic,ads_read';
    is field($rig, 'page:9001', 'missing'), $missing, 'permissions that it lacks';
    $c->wait_log(qr/\[warn\] token page:9001 lacks \Q$missing\E: .*login-url --again re.*"shop-1"/);
    $c->wait_log(qr/\[info\] token page:9001 has not been given instagram_content_publish/);
    $c->wait_log(qr/\[warn\] token page:9001: access .* ends in 9 days: .*reauthorize.*"shop-1"/);
    $c->wait_log(qr/\[error\] token user:#[0-9a-f]{8} expires in 1\d hours and could.*"shop-2"/);
    $c->wait_log(qr/\[error\] token system_user:5 is one of app 999/);
    $c->wait_log(qr/\[error\] token page:9002 is lost .* code=190 subcode=463/);
    $c->wait_log(qr/business:88 is lost .*with --ref "shop-3", with --url of .* Embedded Signup/);
    is_deeply [sort map { "$_->{event} $_->{account}" } events($rig)], ['lost 88', 'lost 9002'],
        'an event of each';
    my $figures = metrics($rig);
    like $figures, qr/^meta_token_expires_seconds\{kind="user",account="77"\} 7\d{4}$/m, 'figures';
    like $figures, qr/^meta_token_alarms_total 1$/m, 'an alarm';
    like $figures, qr/^meta_token_refreshed_total\{result="failed"\} 1$/m, 'a failure';
    done($rig, secrets => \@secrets);
};

subtest 'tokens of files, and accounts that nobody named' => sub {
    my $rig = rig();
    $rig->graph->control(POST => 'tokens', {token => "page:$PAGE\@17841:" . $rig->token('page')});
    my $c = consumer($rig, own => 1, more => 'oauth: {check_every: 300ms}');
    my $shadow = "conf:page:$PAGE";
    checked($rig, $_) for $shadow, "conf:whatsapp:$PHONE";
    ok +(wait_for { field($rig, $shadow, 'instagram') } 10), 'its account is asked';
    is field($rig, $shadow, 'instagram'), '17841', 'and kept';
    is field($rig, $shadow, 'state'), 'good', 'its state has a shadow';
    is field($rig, $shadow, 'sealed'), undef, 'without the token';
    like field($rig, $shadow, 'scopes'), qr/pages_messaging/, 'with its permissions';
    $rig->graph->control(POST => 'tokens', {name => "page:$PAGE", state => 'revoked'});
    ok +(wait_for { 1 == events($rig) } 10), 'the look finds it lost';
    is field($rig, $shadow, 'state'), 'lost', 'and says so';
    $rig->graph->control(POST => 'tokens', {name => "page:$PAGE", state => 'good'});
    ok +(wait_for { field($rig, $shadow, 'state') eq 'good' } 10), 'and good again';
    done($rig, secrets => \@secrets);
};

subtest 'a token of a file, lost, replaced and lost again' => sub {
    my $rig = rig();
    my $shadow = "conf:page:$PAGE";
    my $refuse = sub { $rig->graph->fault({match => {account => $PAGE, method => 'POST'},
        fault => refuse(190, $_[0])}) };
    my $c = consumer($rig, own => 1);
    $refuse->(467);
    $rig->push(messenger());
    ok +(wait_for { 1 == events($rig) } 10), 'it is lost, and an event says so';
    push @secrets, my $new = 'EAAnew' . 'x' x 40;
    $rig->graph->control(POST => 'tokens', {token => "page:$PAGE:$new:new"});
    spew($rig->file('page'), "$new\n");
    $c->reload;
    $rig->settle;
    is scalar($rig->sent), 1, 'a new one goes on with what waited';
    $rig->do('HSET', "meta:token:$shadow", missing => 'of the old one');
    $refuse->(463);
    $rig->push(messenger());
    ok +(wait_for { 2 == events($rig) } 10), 'what is refused of the new one is said, too';
    $c->wait_log(qr/token $shadow is lost .* code=190 subcode=463/);
    is join(' ', map { $_ // '-' } $rig->do('HMGET', "meta:token:$shadow", qw(subcode missing))),
        '463 -', '... and kept, with nothing that was known of the old one';
    done($rig, secrets => \@secrets);
};

subtest 'exchanged by hand' => sub {
    my $rig = rig(pages => [9001]);
    spew($rig->file('ctl.yaml'), conf($rig));
    my $metactl = build_dir() . "/metactl -c @{[$rig->file('ctl.yaml')]} token exchange";
    my $short = put($rig, "user:$ANA", {expires_in => 3600, scopes => ['pages_show_list']},
        expires => 1000 * (time + 3600), checked => 1000 * time);
    put($rig, 'page:9001', {expires_in => 3600}, expires => 1000 * (time + 3600),
        checked => 1000 * time, parent => "user:$ANA");
    put($rig, 'system_user:5', {}, expires => 0);
    my $say = qx($metactl user:$ANA 2>&1);
    like $say, qr/^user:$ANA is renewed, until \d{4}-/, "a user's";
    cmp_ok field($rig, "user:$ANA", 'expires'), '>', 1000 * (time + 50 * $DAY), 'it lives long';
    is $rig->do('EXISTS', "meta:token:lock:user:$ANA"), 0, 'its lock is given back';
    like qx($metactl page:9001 2>&1), qr/^page:9001 is renewed$/, "a Page's, from it";
    is field($rig, 'page:9001', 'from'), 'derived', 'it says so';
    like qx($metactl system_user:5 2>&1), qr/system_user:5: it never ends/, 'one that never ends';
    is $? >> 8, 1, 'is an error';
    like qx($metactl user:1 2>&1), qr/no token user:1/, 'one that is not there';
    state($rig, "user:$ANA", 'password');
    like qx($metactl user:$ANA 2>&1), qr/Meta refuses it \(190\/460\): The user's pass/, 'refused';
    $rig->do('SET', "meta:token:lock:user:$ANA", 1);
    like qx($metactl user:$ANA 2>&1), qr/is at it: try again/, 'not while another is at it';

    # pasted, and never stored itself
    $rig->do('DEL', 'meta:token:names', "meta:token:user:$ANA", 'meta:token:page:9001');
    state($rig, "user:$ANA", 'good');
    spew($rig->file('pasted'), "$short\n");
    $say = qx($metactl --in @{[$rig->file('pasted')]} --tenant shop 2>&1);
    my ($user) = $say =~ /^(user:\d+) \(.*\) is stored, until:.*^page:9001 /ms
        or diag $say;
    is index($say, 'EAA'), -1, "a person's, and its Pages, and none is said";
    cmp_ok field($rig, $user, 'expires') // 0, '>', 1000 * (time + 50 * $DAY), '... lives long';
    is field($rig, 'page:9001', 'tenant'), 'shop', '... of that tenant';
    like qx($metactl --in - <@{[$rig->file('secret')]} 2>&1), qr/Meta refuses it/, 'none';
    like qx($metactl user:1 --in x 2>&1), qr/either KIND:ID/, 'one of two';
    done($rig, secrets => \@secrets);
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
    done($rig, secrets => \@secrets);
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
    done($rig, secrets => \@secrets);
};

subtest 'checked by hand' => sub {
    my $rig = rig();
    spew($rig->file('ctl.yaml'), conf($rig, own => 1));
    my $metactl = build_dir() . "/metactl -c @{[$rig->file('ctl.yaml')]} token check";
    my $check = sub { qx($metactl @_ 2>&1) };
    my @now = (checked => 1000 * time);     # by itself nobody looks at them today
    put($rig, 'page:9001', {expires_in => 3600, scopes => ['pages_show_list']}, @now);
    put($rig, 'instagram:1784', {}, @now, state => 'lost', code => 190);
    my $say = $check->('page:9001');
    like $say,
        qr/^page:9001 works, until \d{4}-.*; it lacks \S*pages_messaging\S*: granted .*login-url/,
        'what it lacks, until when';
    like field($rig, 'page:9001', 'missing'), qr/pages_messaging/, '... is kept';
    cmp_ok field($rig, 'page:9001', 'expires'), '>', 1000 * time, '... too';
    is field($rig, 'page:9001', 'checked'), 0, '... and who renews it looks at once';
    like $check->(), qr/^conf:page:$PAGE works.*^instagram:1784 works$/ms, 'all';
    is $? >> 8, 0, '... are good';
    is field($rig, 'instagram:1784', 'state'), 'good', '... again';
    is field($rig, "conf:page:$PAGE", 'state'), 'good', "... the configuration's, too";
    for (['a limit', refuse(4), qr/code 4\): The app has made too many calls\.$/],
        ["Meta's trouble", {status => 503, body => 'x'}, qr/no sense \(status 503\)$/],
        ['a wrong secret', refuse(190), qr/code 190\): metactl doctor .* secret is wrong$/])
    {
        $rig->graph->fault({match => {path => 'debug_token'}, times => 0, fault => $_->[1]});
        like $check->('page:9001'), $_->[2], "$_->[0] is not another";
        $rig->graph->control(DELETE => 'faults');
    }
    consumer($rig, own => 1);
    state($rig, 'page:9001', 'password');
    like $check->('page:9001'), qr{^page:9001 does not work \(190/460\): }, 'one that is dead';
    is $? >> 8, 1, '... is a finding';
    ok +(wait_for { (field($rig, 'page:9001', 'state') // '') eq 'lost' } 10),
        'meta-consumer says so to all';
    is_deeply [map { "$_->{event} $_->{account}" } events($rig)], ['lost 9001'], '... once';
    like $check->('page:1'), qr/no token page:1/, 'one that is not there';
    done($rig, secrets => \@secrets);
};

subtest "a Page's follows its user's" => sub {
    my $rig = rig(pages => [9001]);
    put($rig, 'page:9001', {expires_in => 3600}, parent => "user:$ANA");
    put($rig, "user:$ANA", {expires_in => 3600, scopes => ['pages_show_list']});
    my $queues = qq([{name: "$Q"}, {name: "meta:outbox", kind: jobs}]);
    my $c = consumer($rig, queues => $queues);
    ok +(wait_for { (field($rig, 'page:9001', 'expires') // 1) eq 0 } 10), 'it ends no more'
        or diag $rig->logs;
    cmp_ok field($rig, "user:$ANA", 'expires'), '>', 1000 * (time + 50 * $DAY), 'nor that soon';
    is scalar(to($rig, 'oauth/access_token')), 1, 'exchanged once';

    my $job = '{"v":1,"id":"j%d","reply_to":"meta:reply:t",'
        . '"do":[{"token_exchange":{"name":"%s"}}]}';
    $rig->push_to('meta:outbox', map { sprintf $job, $_->[0], $_->[1] }
        [1, "user:$ANA"], [2, 'page:1'], [3, 'nothing']);
    ok +(wait_for { 3 == $rig->llen('meta:reply:t') } 10), 'by jobs' or diag $rig->logs;
    my %end = map { my $r = decode_json($_); $r->{id} => $r }
        $rig->do('LRANGE', 'meta:reply:t', 0, 2);
    ok $end{j1}{ok}, 'it is renewed' or diag explain $end{j1};
    is $end{j1}{results}[0]{answer}{expires}, field($rig, "user:$ANA", 'expires'), 'for so long';
    is scalar(to($rig, 'oauth/access_token')), 2, 'exchanged again';
    like $end{j2}{results}[0]{error}{text}, qr/no such token/, 'one that is not there';
    like $end{j3}{results}[0]{error}{text}, qr/must be KIND:ID/, 'no name';
    done($rig, secrets => \@secrets, queues => [$Q, 'meta:outbox']);
};

subtest "a number's follows its business's" => sub {
    my $rig = rig();
    spew($rig->file('ctl.yaml'), conf($rig));
    my $text = put($rig, 'business:88', {expires_in => 3 * $DAY}, account => '', waba => 77);
    store($rig, "whatsapp:$_", $text, account => $_, waba => 77, parent => 'business:88',
        expires => 1000 * (time + 3 * $DAY), state => $_ == 7001 ? 'good' : 'lost')
        for 7001, 7002;
    $rig->do('HSET', 'meta:token:business:88', tenant => 'shop-7');
    put($rig, 'whatsapp:7003', {}, waba => 78, parent => 'business:88', tenant => 'shop-8',
        expires => 0);
    my $c = consumer($rig);
    my @names = ('business:88', 'whatsapp:7001', 'whatsapp:7002');
    ok +(wait_for { 3 == grep { field($rig, $_, 'refreshed') } @names } 10), 'all are renewed'
        or diag $rig->logs;
    is scalar(to($rig, 'oauth/access_token')), 1, 'by one exchange';
    my $command = build_dir() . '/metactl -c ' . $rig->file('ctl.yaml');
    my $list = decode_json(qx($command token list --json));
    my %t = map { $_->{name} => $_ } @{$list->{tokens}};
    is_deeply [map { $t{$_}{mark} } @names[1, 2]], [($t{'business:88'}{mark}) x 2], 'to the same';
    is_deeply [map { $t{$_}{expires} } @names[1, 2]], [($t{'business:88'}{expires}) x 2],
        'for as long';
    is join(' ', map { $_->{state} } @t{@names}), 'good good good', 'also one that was lost';
    isnt $t{'whatsapp:7003'}{mark}, $t{'business:88'}{mark}, "but none of another tenant's";
    done($rig, secrets => \@secrets);
};

done_testing;
