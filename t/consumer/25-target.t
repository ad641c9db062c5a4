# Where Redis is, and who we are there: unix, TCP, IPv6, AUTH, ACL, db; the smallest ACL.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(spew wait_for);

my $rules = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";
my $password = "redis-password-$$";

sub works {
    my ($name, $rig, $address, %arg) = @_;
    my $c = $rig->consumer(rules => $rules, redis => $address, %arg);
    $rig->push(messenger());
    ok $rig->settle, $name;
    $rig->finish(secrets => [$password]);
}

subtest 'TCP, by number, name and IPv6' => sub {
    for my $host ('127.0.0.1', 'localhost', '[::1]') {
        my $rig = Rig->new(redis => {tcp => 1});
        works($host, $rig, "$host:$rig->{redis}{port}");
    }
};

subtest 'a password' => sub {
    my $rig = Rig->new(redis => {password => $password, options => ['--requirepass', $password]});
    spew($rig->file('password'), "$password\n");
    works('from a file', $rig, $rig->redis->address . ' password_file=' . $rig->file('password'));
};

subtest 'a password from the environment' => sub {
    my $rig = Rig->new(redis => {password => $password, options => ['--requirepass', $password]});
    works('env:NAME', $rig, $rig->redis->address . ' password_file=env:REDIS_PASSWORD',
        env => {REDIS_PASSWORD => $password});
};

subtest 'a wrong password, then the right one' => sub {
    my $rig = Rig->new(redis => {password => $password, options => ['--requirepass', $password]});
    spew($rig->file('password'), "$password\n");
    my $c = $rig->consumer(rules => $rules);
    $c->wait_log(qr/refused: NOAUTH/);
    $c->drain;
    works('afterwards', $rig, $rig->redis->address . ' password_file=' . $rig->file('password'));
};

subtest 'a Redis that quotes what it refuses' => sub {
    my $rig = Rig->new(redis => {options => ['--rename-command', 'AUTH', '']});
    spew($rig->file('password'), "$password\n");
    my $c = $rig->consumer(rules => $rules,
        redis => $rig->redis->address . ' password_file=' . $rig->file('password'));
    $c->wait_log(qr/refused AUTH: ERR;/);
    $rig->finish(secrets => [$password]);
};

subtest 'a database' => sub {
    my $rig = Rig->new;
    $rig->do('SELECT', 7);
    works('db=7', $rig, $rig->redis->address . ' db=7');
};

# the line of docs/consumer.md
subtest 'the smallest ACL' => sub {
    open my $docs, '<', "$FindBin::Bin/../../docs/consumer.md" or die "docs/consumer.md: $!";
    my ($acl) = map { /^(ACL SETUSER .*)/ ? $1 : () } <$docs>;
    $acl =~ s/>PASSWORD/>$password/;
    my $rig = Rig->new;
    my (undef, undef, @rule) = split ' ', $acl;
    $rig->do('ACL', 'SETUSER', @rule);
    spew($rig->file('password'), "$password\n");
    $rig->push(record(id => 'faulty', event => '1') =~ s/"v":1/"v":0/r);
    works('user=, and dead letters', $rig,
        $rig->redis->address . " user=$rule[0] password_file=" . $rig->file('password'));
    unlike $rig->logs, qr/NOPERM/, 'nothing was refused';
};

done_testing;
