# A consumer whose ACL lacks a command loses nothing, and goes on when it is given.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Logins;
use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(root_dir slurp spew wait_for);

my $AT_ONCE = 7;
my $EVENTS = 6;
my $RULES = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";
my $REFUSED = qr/refused|NOPERM/;

my ($acl) = slurp(root_dir() . '/docs/consumer.md') =~ /^ACL SETUSER (.*)/m;
my @commands = $acl =~ /\+(\w+)/g;

# its own user, queue and list, so that several run at once
sub user {
    my ($rig, $name) = @_;
    my $rule = $acl =~ s/meta-consumer/$name/r =~ s/meta:events/$name/gr =~ s/~mine/~mine-$name/r
        =~ s/>PASSWORD/>password-$name/r;
    $rig->do('ACL', 'SETUSER', split ' ', $rule);
    spew($rig->file("password-$name"), "password-$name\n");
    return $rig->redis->address . " user=$name password_file=" . $rig->file("password-$name");
}

# four are answered, one is no record, one is matched by no rule
sub events {
    my ($name) = @_;
    return ((map { messenger(id => "m_$name-$_", user => $_) } 1 .. 4), 'no record', whatsapp());
}

# all of them at one moment
sub somewhere {
    my ($rig, $name) = @_;
    return $rig->do('EVAL', "return (redis.call('HGET', KEYS[1], 'worked') or 0)"
        . " + redis.call('LLEN', KEYS[2]) + redis.call('LLEN', KEYS[3])"
        . " + redis.call('HLEN', KEYS[4]) + redis.call('LLEN', KEYS[5])"
        . " + redis.call('ZCARD', KEYS[6]) + redis.call('HLEN', KEYS[7])", 7, "{$name}:count",
        "mine-$name", "{$name}:dead", "{$name}:inflight", $name, "{$name}:retry", "{$name}:held");
}

sub begin {
    my ($rig, $name, $command) = @_;
    my $address = user($rig, $name);
    $rig->do('ACL', 'SETUSER', $name, "-$command");
    $rig->push_to($name, events($name));
    return $rig->consumer(name => $name, redis => $address, queues => "[{name: $name}]",
        rules => $RULES,
        more => "push_lists: [mine-$name]\nunmatched: {push: mine-$name}\n");
}

while (my @some = splice @commands, 0, $AT_ONCE) {
    my $rig = Rig->new;
    my %c = map { $_ => begin($rig, "without-$_", $_) } @some;
    for my $command (@some) {
        my $name = "without-$command";
        ok +(wait_for { $c{$command}->log =~ $REFUSED || !$rig->llen($name)
            && !$rig->inflight($name) } 20), "$name: refused, or not needed";
        # asked key by key while it may be at work
        ok +(wait_for { somewhere($rig, $name) == $EVENTS } 20),
            "$name: nothing is lost and nothing doubled";
    }
    $rig->do('ACL', 'SETUSER', "without-$_", "+$_") for @some;
    for my $command (@some) {
        my $name = "without-$command";
        $rig->settle(40, $name);
        is_deeply [sort map { $_->{body}{message}{metadata} // '' } grep { $_->{accepted}
            && ($_->{body}{message}{metadata} // '') =~ /^m_$name-/ } $rig->graph->calls],
            [map { "m_$name-$_" } 1 .. 4], "$name: each is answered once when it is given";
        is $rig->count_of($name)->{worked}, 4, "$name: and counted";
        is $rig->count_of($name)->{unmatched}, 1, "$name: passed on";
        is $rig->count_of($name)->{dead}, 1, "$name: buried";
    }
    $rig->finish(queues => [map { "without-$_" } @some]);
}

subtest 'given up in the middle' => sub {
    my $rig = Rig->new;
    my $address = user($rig, 'q');
    $rig->graph->fault({times => 4, fault => {slow => 1500}});
    $rig->push_to('q', events('q'));
    my $c = $rig->consumer(redis => $address, queues => '[{name: q}]', more => "unmatched: drop\n");
    $rig->graph->wait_calls(1);
    $rig->do('ACL', 'SETUSER', 'q', '-hdel', '-hincrby');
    $c->wait_log($REFUSED, 20);
    $c->stop('KILL');
    is somewhere($rig, 'q'), $EVENTS, 'nothing is lost';
    $rig->do('ACL', 'SETUSER', 'q', '+hdel', '+hincrby');
    $rig->consumer(redis => $address, queues => '[{name: q}]', more => "unmatched: drop\n");
    $rig->settle(40, 'q');
    is somewhere($rig, 'q'), $EVENTS, 'the next holder works it';
    $rig->do('ACL', 'SETUSER', 'q', '-hgetall');
    $rig->{consumers}[-1]->wait_log(qr/(?:pauses cannot be read.*){3}/s);
    is scalar(() = $rig->logs =~ /\[warn\] limits: pauses cannot be read/g), 1,
        'what is refused each second is said once';
    $rig->do('ACL', 'SETUSER', 'q', '+hgetall');
    $rig->{consumers}[-1]->wait_log(qr/\[info\] limits: pauses can be read again/);
    $rig->finish(queues => ['q']);
};

subtest 'keys that no call leaves without' => sub {
    my $rig = Rig->new;
    my $address = user($rig, 'q');
    my @keys = split ' ', '~meta:consumers ~meta:control ~q ~{q}:* ~{q:* ~q:*';
    my %lacks = (limits => [qw(~meta:user:* ~meta:conversation:* ~meta:message:*)],
        people => [qw(~meta:limit:* ~meta:conversation:*)]);
    my $c = $rig->consumer(redis => $address, queues => '[{name: q}]');
    my $entry = sub { my %all = $rig->do('HGETALL', 'meta:consumers');
        return join ' ', map { @{JSON::PP::decode_json($_)->{refused}} } values %all };
    for my $what (sort keys %lacks) {
        $rig->do('ACL', 'SETUSER', 'q', 'resetkeys', @keys, @{$lacks{$what}});
        $rig->push_to('q', messenger(id => "m_$what", user => $what));
        ok +(wait_for { $entry->() =~ /\b$what\b/ } 20), "$what: it says so to all";
        $rig->do('ACL', 'SETUSER', 'q', '~meta:limit:*', '~meta:user:*', '~meta:message:*',
            '~meta:conversation:*');
        ok +(wait_for { $entry->() eq '' } 20), '... and when it may again';
        $rig->settle(40, 'q');
    }
    $rig->finish(queues => ['q']);
};

subtest 'refused and refused again' => sub {
    my $rig = Rig->new;
    my $address = user($rig, 'q');
    $rig->do('ACL', 'SETUSER', 'q', '-hincrby');
    $rig->push_to('q', events('q'));
    my $c = $rig->consumer(redis => $address, queues => '[{name: q}]', more => "unmatched: drop\n");
    $c->wait_log(qr/(?:redis q: refused the script .*){4}/s);
    is scalar(() = $c->log =~ /\[warn\] redis q: /g), 1, 'it is said once';
    unlike $c->log, qr/redis q: back/, 'and is not back while nothing is taken';
    $rig->do('ACL', 'SETUSER', 'q', '+hincrby');
    $rig->settle(40, 'q');
    $c->wait_log(qr/\[info\] redis q: back/);
    $rig->finish(queues => ['q']);
};

# the second line of the documentation; each command alone is needed
subtest 'logins' => sub {
    my ($more) = slurp(root_dir() . '/docs/consumer.md')
        =~ /^ACL SETUSER meta-consumer (~meta:token.*)/m;
    my $rig = Logins->new;
    my $address = user($rig, 'q');
    $rig->do('ACL', 'SETUSER', 'q', split ' ', $more);
    my $c = $rig->logins(redis => $address, queues => '[{name: q}]');
    is $rig->ended($rig->login)->{step}, 'connected', 'what is documented is enough';
    $rig->do('ACL', 'SETUSER', 'q', '-blpop');
    $c->wait_log(qr/\[error\] logins: Redis refuses to hand out meta:auth/);
    my $flow = $rig->login;
    $rig->do('ACL', 'SETUSER', 'q', '+blpop');
    $c->wait_log(qr/\[info\] logins: Redis hands out meta:auth again/);
    is $rig->ended($flow)->{step}, 'connected', 'and when it is given it goes on';
    is scalar(() = $c->log =~ /hand out/g), 1, 'it was said once';
    $rig->done(queues => ['q']);
};

done_testing;
