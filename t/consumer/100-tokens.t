# The token store: sealed in Redis, found by account, WABA and link, followed by all consumers,
# renewed while it is in use, sealed anew by another key.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP qw(decode_json);
use Test::More;

use Rig qw(whatsapp messenger $PHONE $PAGE $Q $WABA);
use Scripts qw(script_text);
use Test::Meta::Process;
use Test::Meta::Util qw(build_dir patience root_dir slurp spew wait_for);

my ($APP, $APP_SECRET) = qw(1234567890 s3cr3t-demo-key);
my ($NUMBER, $SHOP, $INSTAGRAM, $OTHER) = qw(106000000000001 900100200300 17841460233915708
    520000000000002);
my %T = map { $_ => "EAA$_${\ ($$ x 3)}STORED" } qw(number shop system renewed foreign);
$T{login} = "IGAAlogin${\ ($$ x 3)}STORED";
my @KEYS = map { ($_ x 64) } qw(a b c);
my $runs = 0;
our $file;      # of metactl

my $rig = Rig->new(graph => ['--app', "$APP:$APP_SECRET",
    '--token', "system_user:$NUMBER\@$OTHER:$T{number}:number",
    '--token', "page:$SHOP\@$INSTAGRAM:$T{shop}:shop",
    '--token', "instagram:1789:$T{login}:login",
    '--token', "system_user:$NUMBER\@$OTHER:$T{renewed}:renewed",
    '--token', "page:77:$T{foreign}:foreign"]);
spew($rig->file('app_secret'), "$APP_SECRET\n");
spew($rig->file('link_key'), "a key of sixteen and more\n");

sub keys_are { spew($rig->file('token_keys'), join '', map { "$_\n" } @_) }

sub conf {
    return $rig->conf(@_, rules => <<'END') . "token_key_file: " . $rig->file('token_keys') . "\n"
rules:
  - when: {product: whatsapp, kind: message, tenant: shop-7}
    do: [{reply: {text: of the tenant}}]
  - {when: {product: messenger, kind: message}, do: [{reply: {text: hello}}]}
  - {when: {product: whatsapp, kind: message, account: "555"}, do: [{reply: {text: hello}}]}
END
        . "link_key_file: " . $rig->file('link_key') . "\n"
        . qq(apps: [{id: "$APP", secret_file: ) . $rig->file('app_secret') . "}]\n";
}

# exit code, output, errors; input goes to standard input
sub ctl {
    my ($input, @args) = @_;
    my $out = $rig->file('out.' . ++$runs);
    spew("$out.in", $input);
    my $p = Test::Meta::Process->new;
    $p->run(out => $out, cmd => ['sh', '-c', 'exec "$@" 2>"$0.err" <"$0.in"', $out,
        build_dir() . '/metactl', '-c', $file, @args]);
    my $how = $p->wait_exit(30 * patience());
    unlink "$out.in";
    my ($said, $err) = (slurp($out), slurp("$out.err"));
    is join(' ', grep { index($said . $err, $T{$_}) >= 0 } sort keys %T), '',
        "@args: no token said";
    return ($how =~ s/^exit //r, $said, $err);
}

sub add {
    my ($token, @args) = @_;
    my ($code, $out, $err) = ctl("$token\n", 'token', 'add', '--json', @args);
    return $code ? "$code $err $out" : decode_json($out)->{stored};
}

sub list {
    my (undef, $out) = ctl('', qw(token list --json));
    return {map { $_->{name} => $_ } @{decode_json($out)->{tokens}}};
}

sub used { my ($text) = @_; return map { $_->{token} } grep { ($_->{body}{text}{body}
    // $_->{body}{message}{text} // '') =~ /$text/ } grep { $_->{accepted} } $rig->graph->calls }

$file = $rig->file('consumer0.yaml');
keys_are($KEYS[0]);
my $c = $rig->consumer(conf => conf(), name => 'consumer0');
my $b = $rig->consumer(conf => conf(), name => 'consumer1');

subtest 'nothing that is not ours gets in' => sub {
    $rig->graph->control(POST => 'tokens', {name => 'foreign', app => '999'});
    like add($T{foreign}), qr/^1 .*refused: it is a token of app 999 \(Emulator\)/, 'another app';
    $rig->graph->control(POST => 'tokens', {name => 'foreign', app => $APP, state => 'password'});
    like add($T{foreign}), qr{^1 .*refused: .* 190/460}, 'one that is dead';
    like add('EAAnobody'), qr/^1 .*refused: neither Facebook nor Instagram/, 'one of nobody';
    like add($T{shop}, qw(--kind whatsapp)), qr/^2 .*of type PAGE/, 'of another kind';
    like add('', qw(--kind page)), qr/^2 .*one line/, 'none';
    like +(ctl('', 'token', 'add', 'EAAx'))[2], qr/that is a token/, 'a token as a word';
    is $rig->do('EXISTS', 'meta:token:version'), 0, 'nothing is stored';
};

subtest 'Meta cannot say' => sub {
    my @ask = ({path => 'debug_token'}, {path => '/me$'});
    for (['code 1', {code => 1}], ['code 4', {code => 4}], ['code 80007', {code => 80007}],
        ['status 503', {status => 503, body => 'x'}], ['cut', {cut => 'answer'}])
    {
        my ($of, $fault) = @$_;
        $rig->graph->fault({match => $_, times => 0, fault => $fault}) for @ask;
        my $said = add($T{shop});
        unlike $said, qr/refused: neither/, "$of: it is not refused";
        like $said, qr/^\d .*nothing is stored; try again.*debug_token/s, '... but said';
        $rig->graph->control(DELETE => 'faults');
    }

    $rig->graph->fault({match => $ask[0], times => 0, fault => {code => 190}});
    like add($T{shop}), qr/metactl doctor.*"code":190/s, 'the app may not ask';
    is add($T{login}, '--dry-run')->[0]{name}, 'instagram:1789', 'Instagram may know it';
    $rig->graph->control(DELETE => 'faults');

    $rig->graph->fault({match => $ask[1], times => 0, fault => {code => 4}});
    like add($T{number}, '--dry-run'), qr/^1 .*try again.*"GET me".*"code":4,/s,
        'whose business it is, nobody guesses';
    $rig->graph->control(DELETE => 'faults');
    my $text = slurp($file);
    spew($file, $text =~ s{http://127\.0\.0\.1:\d+}{http://127.0.0.1:1}gr);
    like add($T{shop}), qr/^3 .*try again.*"reason":"/s, 'there is no way to Meta';
    spew($file, $text);
    is $rig->do('EXISTS', 'meta:token:version'), 0, 'nothing is stored';
};

subtest 'it says itself whose it is' => sub {
    my $shop = add($T{shop}, qw(--tenant shop-7));
    is_deeply [map { "$_->{name} $_->{tenant} $_->{instagram}" } @$shop],
        ["page:$SHOP shop-7 $INSTAGRAM"], 'a Page, and its Instagram account';
    my @move = qw(token add --json --dry-run --tenant);
    like +(ctl("$T{shop}\n", @move, 'shop-8'))[2], qr/$SHOP would go from tenant shop-7 to shop-8/,
        'who moves an account is told whose it was';
    unlike +(ctl("$T{shop}\n", @move, 'none'))[1], qr/shop-7/, 'taken off by the word none';
    is +(ctl("$T{shop}\n", @move, ''))[0], 2, 'and not by mistake';
    is add($T{login}, qw(--kind instagram))->[0]{name}, 'instagram:1789', 'of Instagram Login';
    my $n = add($T{number}, qw(--kind whatsapp --tenant shop-7))->[0];
    is "$n->{name} $n->{waba}", "whatsapp:$NUMBER $OTHER", 'a number, and its WABA';

    my $all = list();
    is_deeply [@{$all->{"page:$SHOP"}}{qw(state from user app stored)}], ['good', 'cli',
        $all->{"page:$SHOP"}{user}, $APP, JSON::PP::true], 'as the list has it';
    is $all->{"conf:page:$PAGE"}{from}, $rig->file('page'), 'beside those of the configuration';
    like +(ctl('', 'token', 'show', "whatsapp:$NUMBER"))[1],
        qr/^scopes +whatsapp_business_management,.*^mark +#[0-9a-f]{8}$/ms, 'and alone';
    like +(ctl('', 'token', 'show', "page:$PAGE"))[1], qr/^name +conf:page:$PAGE$/m,
        "the configuration's too, by the same name";
    is_deeply [map { join ' ', map { $_ // '' } @{decode_json($_)}{qw(event kind account ref)} }
        $rig->redis->queue('meta:accounts')], ["connected page $SHOP shop-7",
        'connected instagram 1789 ', "connected whatsapp $NUMBER shop-7"], 'who listens has heard';
};

subtest 'all consumers see it, and nobody else' => sub {
    $_->wait_log(qr/token whatsapp:$NUMBER is new/, 10) for $c, $b;
    $_->reload for $c, $b;          # what they know stays
    $rig->push(whatsapp(phone => $NUMBER, key => "$NUMBER:1", text => 'to the store'),
        messenger(id => 'm_conf', text => 'to the configuration'));
    $rig->settle;
    is_deeply [used('of the tenant')], ['number'], 'the tenant has a rule, its token answers';
    is_deeply [used('hello')], ["page:$PAGE"], 'the configuration goes on';
    my $dump = '';
    for my $key ($rig->do('KEYS', '*')) {
        $dump .= join ' ', $key, $rig->do('DUMP', $key) // '';
        my $type = $rig->do('TYPE', $key);
        $dump .= join ' ', $type eq 'hash' ? $rig->do('HGETALL', $key)
            : $type eq 'list' ? $rig->redis->queue($key) : ();
    }
    is join(' ', grep { index($dump, $T{$_}) >= 0 } sort keys %T), '', 'none in clear in Redis';
};

subtest 'renewed while its calls fail' => sub {
    $rig->graph->control(POST => 'tokens', {name => 'number', state => 'expired'});
    $rig->push(map { whatsapp(phone => $NUMBER, key => "$NUMBER:$_", user => "2782000000$_",
        text => "waits $_") } 1 .. 3);
    ok +(wait_for { grep { /^meta:limit:stop:token:/ } $rig->do('KEYS', 'meta:limit:*') } 20),
        'its lane stops' or return diag $rig->logs;
    my $key = (grep { /stop:token/ } $rig->do('KEYS', 'meta:limit:*'))[0];
    ok +(wait_for { (ctl('', qw(doctor --offline)))[1] =~ s/\s+/ /gr
        =~ /\(whatsapp:$NUMBER\) holds .* -> give a new one to "metactl token add", or/ } 10),
        'doctor says what mends it';
    is add($T{renewed}, qw(--kind whatsapp))->[0]{tenant}, 'shop-7', 'the tenant stays';
    my $begun = time;
    $rig->settle(10);
    cmp_ok time - $begun, '<', 8, 'it goes on at once';
    is_deeply [used('of the tenant')], ['number', ('renewed') x 3], 'by the new one, each once';
    is $rig->do('EXISTS', $key), 0, 'its lane is the same, and free';
};

subtest 'keys: another one, one that is missing' => sub {
    keys_are(@KEYS[1, 0]);
    my ($code, $out) = ctl('', qw(token rekey --json));
    is_deeply [@{decode_json($out)}{qw(sealed changed locked)}], [3, 0, 0], 'all anew';
    is decode_json((ctl('', qw(token rekey --json)))[1])->{sealed}, 0, 'once';
    keys_are($KEYS[1]);
    $_->reload for $c, $b;
    $rig->push(whatsapp(phone => $NUMBER, key => "$NUMBER:5", text => 'by the new key'));
    $rig->settle;
    is scalar(used('of the tenant')), 5, 'the old key is needed no more';

    keys_are($KEYS[2]);
    $_->reload for $c, $b;
    $c->wait_log(qr/token page:$SHOP: no key of token_key_file opens it/);
    is list()->{"page:$SHOP"}{state}, 'locked', 'it is named';
    my ($bad, undef, $says) = ctl('', qw(token list));
    like +(ctl('', qw(token list)))[1], qr/^page +$SHOP .*  tenant shop-7/m, 'and whose it is';
    like "$bad $says", qr/^1 .*3 are locked: put the key/s, '... and is a finding';
    ok +(wait_for { (ctl('', qw(doctor --offline)))[1] =~ s/\s+/ /gr
        =~ /bad consumers [^,]+, pid \d+: no key of its token_key_file.*sealed them back/ } 10),
        'doctor says by which consumer';
    like +(ctl('', qw(token rekey)))[2], qr/3 are sealed by a key that is not in token_key_file/,
        '... and not touched';
    $rig->push(messenger(id => 'm_locked', text => 'by file'));
    $rig->settle;
    is_deeply [(used('hello'))[-1]], ["page:$PAGE"], 'the others go on';
    # what needs it waits, and is not given up
    $rig->push(whatsapp(phone => $NUMBER, key => "$NUMBER:6", text => 'by no key'));
    ok +(wait_for { grep { $_->log =~ /outcome=retry .*why=token_locked wait_ms=30000 tries=0/ }
        $c, $b } 10), 'who has none but that one waits' or diag $rig->logs;
    is_deeply [$rig->dead], [], '... and is no dead letter';
    keys_are($KEYS[1]);
    is $_->drain, '0', 'they go' for $c, $b;
    $rig->do('ZADD', "{$Q}:retry", 1, $_) for $rig->do('ZRANGE', "{$Q}:retry", 0, -1);
    $c = $rig->consumer(conf => conf(), name => 'consumer3');
    $rig->settle;
    is scalar(used('of the tenant')), 6, 'until a key opens it';
};

subtest 'no token_key_file, where there are tokens' => sub {
    my $text = conf();
    my $keyless = $text =~ s/^token_key_file: .*\n//mr;
    is $c->drain, '0', 'the others end';
    $rig->push(messenger(page => $SHOP, id => 'm_keyless'));
    my $k = $rig->consumer(conf => $keyless, name => 'consumer4');
    $k->wait_log(qr/\[error\] tokens: Redis has 3 stored tokens .* no token_key_file/);
    $k->wait_log(qr/outcome=retry .*why=token_locked wait_ms=30000 tries=0/);
    is_deeply [$rig->dead], [], 'what needs one waits';
    spew($file, $keyless);
    like +(ctl('', qw(doctor --offline)))[1] =~ s/\s+/ /gr,
        qr/bad keys Redis has 3 stored tokens, and the configuration has no token_key_file/,
        'doctor says so';
    spew($file, $text);
    is $k->drain, '0', 'it ends';
    $rig->do('ZADD', "{$Q}:retry", 1, $_) for $rig->do('ZRANGE', "{$Q}:retry", 0, -1);
    $rig->consumer(conf => $text, name => 'consumer5');
    $rig->settle;
    is +(used('hello'))[-1], 'shop', '... until there is the file';
};

subtest 'by the smallest ACL' => sub {
    my $user = sub {
        my ($doc) = @_;
        my ($rule, $more) = slurp(root_dir() . "/docs/$doc") =~ /^ACL SETUSER (.*)/mg;
        $rig->do('ACL', 'SETUSER', split ' ', $rule);
        my ($name) = split ' ', $rule;
        return ($name, $rig->redis->address . " user=$name password_file="
            . $rig->file('password'), split ' ', $more);
    };
    spew($rig->file('password'), "PASSWORD\n");
    my ($name, $address, @more) = $user->('consumer.md');
    my $d = $rig->consumer(conf => conf(redis => $address), name => 'consumer2');
    $d->wait_log(qr/\[error\] tokens: the store cannot be read: NOPERM/);
    $rig->do('ACL', 'SETUSER', @more);
    $d->wait_log(qr/tokens: the store has 3/);
    is $d->drain, '0', 'the consumer reads it as soon as it may';

    ($name, $address, @more) = $user->('metactl.md');
    $rig->do('ACL', 'SETUSER', @more);
    local $file = $rig->file('acl.yaml');
    spew($file, conf(redis => $address));
    my @words = (['remove', 'instagram:1789'], ['add', '--kind', 'instagram']);
    for my $command (grep { s/^\+// } @more) {
        $rig->do('ACL', 'SETUSER', $name, "-$command");
        my $said = '';
        $said .= join ' ', (ctl("$T{login}\n", 'token', @$_))[0, 2] for @words;
        like $said, qr/3 metactl: Redis refused .*\b$command\b/i, "metactl needs $command"
            or diag $said;
        $rig->do('ACL', 'SETUSER', $name, "+$command");
    }
    my $said = add($T{login}, qw(--kind instagram));
    is ref $said ? $said->[0]{name} : $said, 'instagram:1789', '... and no more';
};

subtest 'Redis has lost all that it had' => sub {
    my $name = "whatsapp:$NUMBER";
    my %had = $rig->do('HGETALL', "meta:token:$name");
    my @names = sort $rig->do('SMEMBERS', 'meta:token:names');
    my @one = $rig->do('HGETALL', 'meta:token:instagram:1789');
    $rig->do('DEL', map({ "meta:token:$_" } @names, qw(names changed version)));
    $rig->do('HSET', 'meta:token:instagram:1789', @one);     # somebody puts one there
    $rig->do('SADD', 'meta:token:names', 'instagram:1789');
    my $changed = sub {
        $rig->do('ZADD', 'meta:token:changed', $rig->do('INCR', 'meta:token:version'), @_);
    };
    $changed->('instagram:1789');
    ok +(wait_for { $rig->logs =~ /\[warn\] tokens: 2 are back in Redis/ } 10), 'it is put back';
    like $rig->logs, qr/\[error\] tokens: Redis has lost the store: of 3 tokens/,
        '... and announced';
    is_deeply [sort $rig->do('SMEMBERS', 'meta:token:names')], \@names, 'all of it';
    my %has = $rig->do('HGETALL', "meta:token:$name");
    is_deeply \%has, \%had, 'as it was';

    # who comes late finds a store that counts as far as the one he knew
    my $back = sub {
        my ($n, $from) = @_;
        my $said = () = $rig->logs =~ /are back in Redis/g;
        $rig->do('EVAL', $from, scalar @names, map { "meta:token:$_" } @names);
        return ok +(wait_for { (() = $rig->logs =~ /are back in Redis/g) > $said
            and $rig->logs =~ /.*\b$n are back in Redis.*\n(?!.*are back)/s } 10), 'it is put back';
    };
    $back->(3, q{
        redis.call('DEL', 'meta:token:names', 'meta:token:changed', unpack(KEYS))
        redis.call('HSET', 'meta:token:store', 'since', '1')
        redis.call('INCRBY', 'meta:token:version', 5)});
    is_deeply [sort $rig->do('SMEMBERS', 'meta:token:names')], \@names, '... of another store';

    my $of = "meta:token:$names[0]";
    $rig->do('EVAL', q{
        redis.call('DEL', 'meta:token:names', 'meta:token:changed', 'meta:token:store',
            unpack(KEYS))
        redis.call('RPUSH', KEYS[1], 'of another type')}, scalar @names,
        map { "meta:token:$_" } @names);
    ok +(wait_for { $rig->logs =~ /tokens: \d+ are back in Redis, 1 are not: WRONGTYPE/ } 10),
        'one that is refused holds up no other';
    ok $rig->do('EXISTS', "meta:token:$_"), "... $_" for @names[1, 2];
    $rig->do('HSET', 'meta:token:page:78', sealed => '1.x', kind => 'page', account => 78);
    $rig->do('SADD', 'meta:token:names', 'page:78');
    $changed->('page:78');
    ok +(wait_for { $rig->logs =~ /token page:78\b/ } 10), '... nor what is new';
    $rig->do('DEL', $of);
    ok +(wait_for { $rig->do('TYPE', $of) eq 'hash' } 20), '... and is put again';
    cmp_ok scalar(() = $rig->logs =~ /WRONGTYPE/g), '<', 12, '... without a flood';

    my %is = $rig->do('HGETALL', $of);
    $rig->do('HSET', $of, refreshed => time() . '000');
    $rig->do('HSET', 'meta:token:page:77', sealed => '1.x', kind => 'page', account => 77);
    for my $name ($names[0], 'page:77') {
        $rig->do('SADD', 'meta:token:names', $name);
        $changed->($name);
    }
    ok +(wait_for { $rig->logs =~ /token page:77\b/ } 10), 'one that is renewed';
    $back->(1, q{
        redis.call('HSET', KEYS[1], 'sealed', 'v1:old', 'refreshed', '1')
        redis.call('HSET', KEYS[2], 'title', 'newer')
        redis.call('HSET', KEYS[2], 'put', 99999999999999)
        redis.call('HSET', KEYS[1], 'put', redis.call('HGET', KEYS[1], 'put') - 1)
        redis.call('HSET', KEYS[1], 'refreshed', 99999999999999)
        redis.call('SET', 'meta:token:version', 1)});
    is $rig->do('HGET', $of, 'sealed'), $is{sealed}, 'a copy from earlier: the renewed one';
    is $rig->do('HGET', "meta:token:$names[1]", 'title'), 'newer', '... and no other';

    # by who was away while it was lost, and back, and somebody has removed two
    $back->(3, q{
        redis.call('DEL', 'meta:token:names', 'meta:token:changed', 'meta:token:page:77',
            'meta:token:page:78', unpack(KEYS))
        redis.call('HSET', 'meta:token:store', 'since', '2')
        local version = redis.call('INCRBY', 'meta:token:version', 5)
        redis.call('ZADD', 'meta:token:changed', version, 'page:77', version, 'page:78')});
    is_deeply [sort $rig->do('SMEMBERS', 'meta:token:names')], \@names,
        'what was removed since stays removed';
};

subtest 'removed' => sub {
    is +(ctl('', 'token', 'remove', "page:$SHOP", 'page:12'))[0], 4, 'one is not there';
    is list()->{"page:$SHOP"}, undef, 'the other is gone';
    is +(ctl('', 'token', 'remove', "whatsapp:$NUMBER"))[0], 0, 'a number';
    ok +(wait_for { $rig->logs =~ /token whatsapp:$NUMBER is gone|the store has 1$/m } 10),
        '... is known no more';
    $rig->push(whatsapp(phone => '555', key => '555:1', text => 'of nobody'));
    $rig->settle;
    is [$rig->dead]->[0]{reason}, 'no_token', 'a number of nobody';
};

subtest 'keys of another type' => sub {
    for my $key (qw(names changed version accounts)) {
        my $wrong = $key eq 'accounts' ? "meta:$key" : "meta:token:$key";
        $rig->do('RENAME', $wrong, 'aside');
        $rig->do($key eq 'accounts' ? ('HSET', $wrong, 'a', 'b') : ('RPUSH', $wrong, 'x'));
        my $was = $rig->do('DUMP', "meta:token:instagram:1789");
        like +(ctl("$T{login}\n", qw(token add --kind instagram)))[2], qr/WRONGTYPE/,
            "$key: add is refused";
        like +(ctl('', qw(token remove instagram:1789)))[2], qr/WRONGTYPE/, '... and remove';
        is $rig->do('DUMP', "meta:token:instagram:1789"), $was, '... before anything is written';
        $rig->do('RENAME', 'aside', $wrong);
    }
};

# what one read before it writes may be another by then
subtest 'two that store at once' => sub {
    my @keys = ((map { "meta:token:$_" } qw(page:5 names changed version)), 'meta:accounts',
        'meta:control', 'meta:token:store', 'meta:limit:stop:page:5');
    my $put = sub {
        my ($mode, $was, @fields) = @_;
        my $said = $rig->do('EVAL', script_text('token_put'), scalar @keys, @keys, 'page:5',
            $mode, $was, '', 'lane:page:5', 100, @fields);
        return $said->[0];
    };
    my $is = sub { join ' ', map { $_ // '-' } @{$rig->do('HMGET', $keys[0], qw(sealed tenant))} };

    is $put->('put', '-', sealed => 'one'), 'done', 'the first, of nobody';
    is $put->('put', '-', sealed => 'two', tenant => 'a'), 'done', 'one of a tenant';
    is $put->('put', '-', sealed => 'three', tenant => 'b'), 'changed',
        'another, who knew of no tenant, does not take it over';
    is $is->(), 'two a', '... nor change it';
    is $put->('put', 'one', sealed => 'three', tenant => 'a'), 'changed', 'nor who knew the first';
    is $put->('note', 'one', state => 'lost'), 'changed', '... who finds it dead';
    is $put->('back', '', sealed => 'one'), 'changed', '... or puts it back';
    is $is->(), 'two a', '... nothing of that';
    is $put->('put', 'two', sealed => 'three', tenant => 'a'), 'done', 'who knew it renews it';
    is $is->(), 'three a', '... and it is';
    $rig->do('DEL', $keys[0]);
    is $put->('note', '', state => 'lost'), 'gone', 'nothing is noted of what has gone';
    is $put->('put', 'three', sealed => 'four'), 'changed', '... nor renewed';
    $rig->do('SREM', $keys[1], 'page:5');
};

# the program of who had it would go on as if it were theirs
subtest 'an account that goes to another tenant' => sub {
    my $heard = sub {
        my @new = map { decode_json($_) } @{$rig->do('LRANGE', 'meta:accounts', 0, -1)};
        $rig->do('DEL', 'meta:accounts');
        return [map { join ' ', map { $_ // '-' } @$_{qw(event ref kind account name)} } @new];
    };
    my $to = sub { add($T{shop}, '--tenant', $_[0]); $heard->() };
    my $is = "page $SHOP Emulator page $SHOP";

    $rig->do('DEL', 'meta:accounts');
    is_deeply $to->('shop-7'), ["connected shop-7 $is"], 'one that stays where it is';
    is_deeply $to->("b \"8\""), ["lost shop-7 $is", "connected b \"8\" $is"],
        'both are told, who loses it first';
    is_deeply $to->('none'), ["lost b \"8\" $is", "connected - $is"], 'taken off';
    is_deeply $to->('shop-7'), ["connected shop-7 $is"], 'what was nobody\'s nobody loses';
};

subtest 'links' => sub {
    my ($code, $out) = ctl('', qw(token login-url --url https://shop.example/connect --ref), 'a b',
        qw(--expires 15m --again reauthorize --json));
    my $url = decode_json($out)->{url};
    like $url, qr{^https://shop\.example/connect\?ref=a%20b&exp=\d{10}&sig=[0-9a-f]{64}&again=rea},
        'a signed link';
    my ($exp, $sig) = $url =~ /exp=(\d+)&sig=(\w+)/;
    require Digest::SHA;
    is $sig, Digest::SHA::hmac_sha256_hex("a b\n$exp", 'a key of sixteen and more'), 'by the key';
    like +(ctl('', qw(token key)))[1], qr/^[0-9a-f]{64}$/, 'a key';
    is +(ctl('', qw(token login-url)))[0], 2, 'of which page?';
};

$rig->finish(secrets => [values %T, @KEYS]);
done_testing();
