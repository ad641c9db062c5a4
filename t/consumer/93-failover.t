# A replica takes the place of its master, by a name that is moved: what it had is worked, nothing
# is stuck, and what it costs is what it had not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Digest::SHA qw(hmac_sha256_hex);
use HTTP::Tiny;
use Test::More;

use Rig qw(messenger $Q $PAGE);
use Test::Meta::Nginx;
use Test::Meta::Redis;
use Test::Meta::Util qw(patience spew wait_for);

my $SECRET = "app-secret-$$";
my $RULES = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n"
    . "limits: {pair: off, page: off}\n";

# $rig->{redis} and $rig->{replica} behind $rig->{name}, an edge, a consumer
sub rig {
    my $rig = Rig->new(redis => {tcp => 1, options => ['--repl-diskless-sync-delay', 0]});
    my $port = $rig->redis->{port};
    $rig->{first} = $rig->redis;
    $rig->{replica} = Test::Meta::Redis->new(dir => $rig->dir, name => 'replica', tcp => 1,
        options => ['--replicaof', '127.0.0.1', $port])->start;
    ok wait_for(sub { ($rig->{replica}->do('ROLE'))[3] eq 'connected' }), 'it follows';
    $rig->{name} = $rig->file('name.sock');
    point($rig, $rig->redis);
    $rig->{nginx} = Test::Meta::Nginx->new(dir => $rig->dir, redis => "unix:$rig->{name}",
        secret => "$SECRET\n", token => "verify\n",
        http => "meta_redis_timeout \$MS500;\nmeta_redis_connect_timeout \$MS500;\n")->start;
    $rig->{c} = $rig->consumer(rules => $RULES, redis => "unix:$rig->{name}");
    $rig->{c}->wait_log(qr/holds the lease/);
    return $rig;
}

# the name leads there from now on; who is connected stays where he is
sub point {
    my ($rig, $redis) = @_;
    symlink $redis->{sock}, "$rig->{name}.new" or die "symlink: $!";
    rename "$rig->{name}.new", $rig->{name} or die "rename: $!";
}

sub promote {
    my ($rig) = @_;
    $rig->{replica}->do('REPLICAOF', 'NO', 'ONE');
    point($rig, $rig->{replica});
    $rig->{redis} = $rig->{replica};
}

# one delivery; true if it was answered 200
sub deliver {
    my ($rig, $id) = @_;
    my ($user) = $id =~ /(\d+)$/;
    my $body = qq({"object":"page","entry":[{"id":"$PAGE","time":1763700000000,"messaging":[{)
        . qq("sender":{"id":"@{[$user % 17 + 1]}"},"recipient":{"id":"$PAGE"},)
        . qq("timestamp":@{[time * 1000]},"message":{"mid":"$id","text":"hello"}}]}]});
    return HTTP::Tiny->new->post('http://127.0.0.1:' . $rig->{nginx}->port . '/hook', {
        content => $body, headers => {'X-Hub-Signature-256' => 'sha256='
        . hmac_sha256_hex($body, $SECRET)}})->{status} == 200;
}

# as Meta does: again, until it is taken
sub insist {
    my ($rig, @ids) = @_;
    my $taken = 0;
    for my $id (@ids) {
        $taken++ if wait_for { deliver($rig, $id) } 20;
    }
    is $taken, @ids, 'all are taken, at last';
}

# {id => how often it was answered}
sub answered {
    my ($rig) = @_;
    my %n;
    $n{$_->{body}{message}{metadata}}++ for grep { $_->{accepted} } $rig->graph->calls;
    return \%n;
}

sub over {
    my ($rig) = @_;
    $rig->settle(30);
    my $c = $rig->accounted;
    is $rig->do('ZCARD', "{$Q}:lines"), 0, 'nobody stands in a line';
    is_deeply [grep { !/^(?:requeued|ref:)/ } keys %{$rig->state_of}], [], 'no state is left';
    is $rig->{nginx}->quit, 0, 'the edge leaves';
    return $c;
}

subtest 'the master dies' => sub {
    my $rig = rig();
    my $n = 0;
    insist($rig, map { "m_" . ++$n } 1 .. 60);
    $rig->settle;
    my %before = %{answered($rig)};
    $rig->graph->fault({times => 4, fault => {slow => 700}});
    insist($rig, my @slow = map { "m_" . ++$n } 1 .. 4);
    $rig->graph->wait_calls(64);
    $rig->{c}->signal('STOP');
    insist($rig, my @late = map { "m_" . ++$n } 1 .. 3);
    is $rig->do('WAIT', 1, 10_000 * patience()), 1, 'the replica has them all';

    # from here on it hears nothing, and nothing but the master knows what goes on
    $rig->{replica}->do('REPLICAOF', 'NO', 'ONE');
    $rig->{c}->signal('CONT');
    my @unknown = map { "m_" . ++$n } 1 .. 20;
    insist($rig, @unknown);
    $rig->settle;
    $rig->graph->fault({times => 1, fault => {slow => 700}});
    insist($rig, my $last = "m_" . ++$n);
    ok wait_for(sub { $rig->inflight }), 'in the middle of another';
    $rig->{first}->stop('KILL');
    promote($rig);
    insist($rig, map { "m_" . ++$n } 1 .. 20);
    over($rig);
    is_deeply [sort map { $_->{item}{id} } grep { $_->{reason} eq 'ambiguous' } $rig->dead],
        [sort @slow], 'whose end it had not heard are reported, and not sent again';

    my $answered = answered($rig);
    my %unknown = map { $_ => 1 } @unknown, $last;
    my @ids = map { "m_$_" } 1 .. $n;
    is_deeply [grep { !$answered->{$_} && !$unknown{$_} } @ids], [],
        'whatever the replica had is answered';
    is_deeply [grep { $before{$_} && $answered->{$_} > 1 } @ids], [],
        'what it knew to be done is not done again';
    is_deeply [grep { ($answered->{$_} // 0) > 1 } @ids], \@late,
        'done again is what was taken after it had heard last';
    $rig->finish;
};

subtest 'roles change, and no connection ends' => sub {
    my $rig = rig();
    insist($rig, map { "m_$_" } 1 .. 20);
    $rig->settle;
    is $rig->do('WAIT', 1, 10_000 * patience()), 1, 'the replica has it all';
    my $first = $rig->redis;
    promote($rig);
    $first->do('REPLICAOF', '127.0.0.1', $rig->{replica}{port});
    insist($rig, map { "m_$_" } 21 .. 40);
    over($rig);
    is_deeply answered($rig), {map { ("m_$_" => 1) } 1 .. 40}, 'each is answered once';
    like $rig->{c}->log, qr/\[warn\] redis .*READONLY \(it is a replica\); trying again/,
        'it is said';
    my @stay;
    ok wait_for(sub { !(@stay = grep { !/flags=[MS]/ } $first->clients) }, 20 * patience()),
        'nobody stays at the old one' or diag @stay;
    $first->stop;
    $rig->finish;
};

done_testing;
