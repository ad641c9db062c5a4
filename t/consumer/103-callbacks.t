# meta:callbacks: somebody has removed the app, or wants to be forgotten: their tokens and all that
# came of them go, the page says how far it is, meta:accounts hears of it; once, also when it comes
# twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP qw(decode_json);
use Test::More;

use Rig qw(messenger record);
use Test::Meta::Util qw(build_dir root_dir slurp spew wait_for);

my ($APP, $OTHER_APP) = qw(1234567890 999);
my ($ME, $YOU) = qw(700000000000001 700000000000002);
my $CODE = 'abcdef0123456789abcdef01';
my $CALLBACKS = 'meta:callbacks';

my $rig = Rig->new;
spew($rig->file('keys'), '5' x 64 . "\n");
spew($rig->file('secret'), "app-secret-$$\n");
chmod 0600, $rig->file($_) for qw(keys secret);
my $more = "token_key_file: @{[$rig->file('keys')]}\n"
    . qq(apps: [{id: "$APP", secret_file: @{[$rig->file('secret')]}}]\n);

# one of the store; what seals it matters to nobody here
sub token {
    my ($name, %t) = @_;
    my ($kind, $id) = split /:/, $name;
    $rig->do('HSET', "meta:token:$name", kind => $kind, account => $id, app => $APP,
        sealed => '1.00000000.x', from => 'login', %t);
    $rig->do('SADD', 'meta:token:names', $name);
}

sub tokens {
    $rig->do('DEL', 'meta:accounts', map { "meta:token:$_" } $rig->do('SMEMBERS',
        'meta:token:names'));
    $rig->do('DEL', 'meta:token:names');
    token("user:$ME", user => $ME, tenant => 'shop-7');
    token('page:1001', parent => "user:$ME", tenant => 'shop-8', user => $ME);
    token('instagram:1002', parent => 'page:1001');
    token("user:$YOU", user => $YOU);
    token('page:1003', parent => "user:$YOU");
    token('page:1004', user => $ME, app => $OTHER_APP);
    $rig->do('INCR', 'meta:token:version');
    flow(@$_) for ['mine', '[{"kind":"page","account":"1001","name":"x"}]'],
            ['yours', '[{"kind":"page","account":"1003","name":"x"}]'];
}

sub flow {
    my ($id, $accounts, %with) = @_;
    $rig->do('HSET', "meta:flow:$id", step => 'connected', app => $APP, accounts => $accounts,
        %with);
    $rig->do('ZADD', 'meta:flow:connected', $with{at} // 1, $id);
}

sub flows { join ' ', sort grep { $_ ne 'connected' } map { s/.*://r }
    $rig->do('KEYS', 'meta:flow:*') }

sub callback {
    my ($field, $user, %e) = @_;
    return record(object => 'oauth', entry => $APP, app => $APP, field => $field, key => $APP,
        event => {id => $APP, time => 1790000000, field => $field, user => $user,
            issued_at => 1790000000, %e});
}

sub names  { join ' ', sort $rig->do('SMEMBERS', 'meta:token:names') }
sub events { map { decode_json($_) } $rig->redis->queue('meta:accounts') }
sub page   { +{$rig->do('HGETALL', "meta:deletion:$CODE")} }

sub metactl {
    my (@args) = @_;
    my $out = $rig->file('ctl.out');
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDOUT, '>', $out or die $!;
        open STDERR, '>&', \*STDOUT or die $!;
        exec build_dir() . '/metactl', '-c', $rig->file('consumer0.yaml'), @args or die $!;
    }
    waitpid $pid, 0;
    return ($? >> 8, slurp($out));
}

tokens();
my $c = $rig->consumer(more => $more);
my $left = "page:1003 page:1004 user:$YOU";

subtest 'a deletion, from the list to the page' => sub {
    $rig->push_to($CALLBACKS, callback('deletion', $ME, code => $CODE));
    $rig->settle(20, $CALLBACKS);
    is names(), $left, 'tokens of theirs and what came of them, of this app alone';
    is $rig->do('EXISTS', "meta:token:page:1001"), 0, 'nothing is left of one';
    is flows(), 'yours', 'nor of logins';
    my $page = page();
    is_deeply [@$page{qw(state app tokens flows)}], ['deleted', $APP, 3, 1], 'the page says so';
    like $page->{user}, qr/^#[0-9a-f]{8}$/, '... of a hash';
    like $page->{at}, qr/^\d{13}$/, '... and when';
    cmp_ok $rig->do('PTTL', "meta:deletion:$CODE"), '>', 364 * 86_400_000, 'for a year';
    my @events = events();
    is_deeply [sort map { "$_->{event} $_->{kind}:$_->{account}" } @events],
        ['deletion instagram:1002', 'deletion page:1001', ("deletion user:$ME") x 2],
        'of three tokens and of the person it is told';
    my ($whole) = grep { $_->{code} } @events;
    is_deeply [@$whole{qw(ref app code)}], ['shop-7', $APP, $CODE], 'with whose, and the code';
};

subtest 'twice' => sub {
    my $events = events();
    $rig->do('HSET', "meta:deletion:$CODE", 'text', 'kept');
    $rig->push_to($CALLBACKS, callback('deletion', $ME, code => $CODE));
    $rig->settle(20, $CALLBACKS);
    is_deeply [@{page()}{qw(state tokens flows text)}], ['deleted', 3, 1, 'kept'],
        'the page stays as it is';
    is scalar(events()), $events, 'and nobody hears of it again';
};

subtest 'metactl deletion' => sub {
    my ($code, $out) = metactl('deletion', 'list');
    is $code, 0, 'list';
    like $out, qr/^$CODE +deleted +\d{4}-.*\n1, of which 1 wait/, 'what waits for its programs';
    unlike $out, qr/$ME/, 'nobody is named';
    ($code, $out) = metactl('deletion', 'done', $CODE, '--text', 'Orders are gone.', '--json');
    is $code, 0, 'done';
    is_deeply [@{decode_json($out)}{qw(state tokens text)}], ['done', 3, 'Orders are gone.'],
        'and what the person reads';
    like page()->{done_at}, qr/^\d{13}$/, 'since when';
    is +(metactl('deletion', 'refuse', $CODE))[0], 2, 'a refusal says why';
    is +(metactl('deletion', 'done', $CODE, '--text', "a\nb"))[0], 2, 'in one line';
    is +(metactl('deletion', 'done', $CODE, '--text', $_))[0], 2, 'of text alone'
        for "a\e[2Jb", "a\xc2\x9b2Jb", "a\xe2\x80\xaeb", "a\xff", "a\x7f";
    my ($none, $why) = metactl('deletion', 'show', 'abc');
    is $none, 4, 'a code of nobody';
    like $why, qr/or no consumer has taken it yet/, '... or one that still waits';
    is +(metactl('deletion', 'show', '../x'))[0], 2, 'what is no code';
    $rig->push_to($CALLBACKS, callback('deletion', $ME, code => $CODE, issued_at => 1));
    $rig->settle(20, $CALLBACKS);
    is page()->{state}, 'done', 'what comes again after that changes nothing';
};

subtest 'deauthorized' => sub {
    tokens();
    ok +(wait_for { $rig->push_to($CALLBACKS, callback('deauthorize', $ME));
        $rig->settle(20, $CALLBACKS); names() eq $left } 20), 'the same, as soon as it knows them';
    my ($whole) = grep { exists $_->{code} && $_->{ref} } events();
    is_deeply [@$whole{qw(event account code ref)}], ['deauthorized', $ME, undef, 'shop-7'],
        'the person, without a code';
    is join(' ', $rig->do('KEYS', 'meta:deletion:*')), "meta:deletion:$CODE", 'and without a page';
};

subtest 'what hangs on it and is of another tenant and person' => sub {
    my %of = ("business:88" => {user => $ME, tenant => 'shop-7'},
        'whatsapp:7001' => {parent => 'business:88', tenant => 'shop-7'},
        'whatsapp:7002' => {parent => 'business:88', tenant => 'shop-8', user => $YOU});
    tokens();
    for (sort keys %of) {
        token($_, %{$of{$_}});
        $rig->do('ZADD', 'meta:token:changed', $rig->do('INCR', 'meta:token:version'), $_);
    }
    $c->wait_log(qr/token whatsapp:7002 is new/);
    $rig->push_to($CALLBACKS, callback('deauthorize', $ME));
    $rig->settle(20, $CALLBACKS);
    is names(), "$left whatsapp:7002", 'stays';
};

subtest 'connected anew since' => sub {
    tokens();
    my $since = 1_790_000_000_000;
    token("user:$ME", user => $ME, issued => $since + 1000);
    token('page:1005', parent => "user:$ME", user => $ME, issued => $since + 1000);
    flow('new', '[{"kind":"page","account":"1001","name":"x"}]', at => $since + 1000);
    flow("other$_", '[{"kind":"page","account":"2","name":"x"}]') for 1 .. 1100;
    $rig->do('ZADD', 'meta:token:changed', $rig->do('INCR', 'meta:token:version'), $_)
        for "user:$ME", 'page:1005';
    $c->wait_log(qr/token page:1005 is new/);
    $rig->push_to($CALLBACKS, callback('deauthorize', $ME));
    $rig->settle(20, $CALLBACKS);
    is names(), "page:1003 page:1004 page:1005 user:$ME user:$YOU", 'what is new stays';
    is join(' ', grep { !/other/ } split ' ', flows()), 'new yours', 'and the record of its login';
    $rig->do('DEL', 'meta:flow:new', map { "meta:flow:other$_" } 1 .. 1100);
};

subtest 'of nobody' => sub {
    my $before = events();
    $rig->push_to($CALLBACKS, callback('deletion', '0', code => '1' x 24),
        callback('deauthorize', '0'));
    $rig->settle(20, $CALLBACKS);
    is $rig->do('EXISTS', 'meta:deletion:' . '1' x 24), 0, q(the dashboard's test leaves nothing);
    is scalar(events()), $before, 'and tells nobody';
    $rig->push_to($CALLBACKS, callback('deletion', '700000000000009', code => '2' x 24));
    $rig->settle(20, $CALLBACKS);
    my %page = $rig->do('HGETALL', 'meta:deletion:' . '2' x 24);
    is_deeply [@page{qw(state tokens)}], ['deleted', 0], 'whom nobody knows has a page, too';
    is((events())[-1]{ref}, undef, 'and is told of: programs may know them');
};

subtest 'what is none' => sub {
    $rig->push_to($CALLBACKS, messenger(), 'x');
    $rig->settle(20, $CALLBACKS);
    is_deeply [map { $_->{reason} } $rig->dead($CALLBACKS)], ['record', 'record'], 'is buried';
};

subtest 'what was not read is not said to be gone' => sub {
    is $c->drain, '0', 'the first goes';
    my $waits = sub {
        my ($why) = @_;
        $c->wait_log(qr/outcome=retry .*why=$why /);
        is $rig->do('EXISTS', "meta:deletion:$CODE"), 0, 'nothing is confirmed';
        is $c->drain, '0', 'it waits';
    };
    tokens();
    $rig->do('DEL', "meta:deletion:$CODE");
    $rig->push_to($CALLBACKS, callback('deletion', $ME, code => $CODE));

    $c = $rig->consumer(more => $more =~ s/^token_key_file.*\n//r);
    $c->wait_log(qr/\[error\] meta:callbacks waits: Redis has 6 tokens, and token_key_file is/);
    $waits->('token_key_file');

    my ($rule) = slurp(root_dir() . '/docs/consumer.md') =~ /^ACL SETUSER meta-consumer (on.*)/m;
    $rig->do('ACL', 'SETUSER', 'blind', split ' ', $rule);
    spew($rig->file('password'), "PASSWORD\n");
    my $address = $rig->redis->address . ' user=blind password_file=' . $rig->file('password');
    $rig->do('HSET', "{$CALLBACKS}:lease", until => 1);
    $c = $rig->consumer(more => $more, redis => $address);
    $c->wait_log(qr/tokens: the store cannot be read: NOPERM/);
    $waits->('tokens');

    $rig->do('HSET', "{$CALLBACKS}:lease", until => 1);
    $c = $rig->consumer(more => $more);
    $rig->settle(20, $CALLBACKS);
    is names(), $left, 'who reads it removes them';
    is page()->{state}, 'deleted', 'and says so';
    is $c->drain, '0', 'and goes';

    $rig->do('DEL', "meta:deletion:$CODE", 'meta:token:names');
    $c = $rig->consumer(more => $more =~ s/^token_key_file.*\n//r);
    $rig->push_to($CALLBACKS, callback('deletion', $YOU, code => $CODE));
    $rig->settle(20, $CALLBACKS);
    is page()->{state}, 'received', 'where there is no store at all a person has to say it';
    like $c->log, qr/\[warn\] a deletion is asked for, and there is no token store: it stays/,
        'and is told';
};

subtest 'a crash in the middle' => sub {
    is $c->drain, '0', 'the first goes';
    tokens();
    $rig->do('DEL', "meta:deletion:$CODE");
    # as it would be after the page was begun and one token had gone
    $rig->do('HSET', "meta:deletion:$CODE", state => 'received', at => 1, app => $APP, user => '#x',
        tokens => 3, flows => 0);
    $rig->do('DEL', "meta:token:user:$ME");
    $rig->do('SREM', 'meta:token:names', "user:$ME");
    $rig->push_to($CALLBACKS, callback('deletion', $ME, code => $CODE));
    $rig->consumer(more => $more);
    $rig->settle(20, $CALLBACKS);
    is names(), $left, 'the next goes on';
    is_deeply [@{page()}{qw(state tokens flows at)}], ['deleted', 3, 1, 1], 'and counts as before';
};

is join("\n", grep { /$ME|$YOU/ } split /\n/, $rig->logs), '', 'no line names a person';
like $rig->logs, qr/outcome=worked .*callback=deletion tokens=3/, 'but says what was done';
$rig->finish(queues => [$CALLBACKS], secrets => ["app-secret-$$", $CODE]);
done_testing;
