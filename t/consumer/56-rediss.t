# rediss://: TLS to a real redis-server, always verified, by meta-consumer and metactl.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use IO::Socket::INET;
use Test::More;

use Rig qw(messenger $Q);
use Test::Meta::Certs;
use Test::Meta::Process;
use Test::Meta::Util qw(build_dir hold_port slurp spew temp_dir wait_for);

my $RULES = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";
my $dir = temp_dir();
my $ca = Test::Meta::Certs->new($dir, 'ca');
my $other = Test::Meta::Certs->new($dir, 'other', '/CN=another authority');
$ca->issue('good', '/CN=redis', 'DNS:localhost,IP:127.0.0.1');
$ca->issue('elsewhere', '/CN=127.0.0.1', 'DNS:redis.test,DNS:127.0.0.1,IP:127.0.0.2');
$other->issue('foreign', '/CN=redis', 'DNS:localhost,IP:127.0.0.1');
spew("$dir/password", "redis-password-01\n");

sub rig {
    my ($cert) = @_;
    my ($port, $probe) = hold_port();
    my $rig = Rig->new(redis => {password => 'redis-password-01', options => ['--requirepass',
        'redis-password-01', '--appendonly', 'yes', '--tls-port', $port, '--tls-cert-file',
        "$dir/$cert.pem", '--tls-key-file', "$dir/$cert.key", '--tls-ca-cert-file',
        "$dir/ca.pem", '--tls-auth-clients', 'no']});
    @$rig{qw(port probe)} = ($port, $probe);
    return $rig;
}

sub address {
    my ($rig, $host, $ca_file) = @_;
    return "rediss://$host:$rig->{port} password_file=$dir/password"
        . ($ca_file ? " ca_file=$dir/$ca_file.pem" : '');
}

# exit status and words of metactl, with the file of the first consumer
sub ctl {
    my ($rig, @args) = @_;
    my $t = Test::Meta::Process->new;
    my $out = $rig->file('ctl.out');
    unlink $out;
    $t->run(out => $out, cmd => [build_dir() . '/metactl', '-c',
        $rig->{consumers}[0]{file}, @args]);
    return ($t->wait_exit(20), slurp($out));
}

subtest 'an address, named by its certificate' => sub {
    my $rig = rig('good');
    my $c = $rig->consumer(redis => address($rig, '127.0.0.1', 'ca'), rules =>
        "rules: [{when: {product: messenger, kind: message}, do: [{push: {list: copies}}]}]\n");
    $c->wait_log(qr/holds the lease/);
    my @large = map { messenger(user => $_, message => {padding => "$_" x 400_000}) } 1 .. 6;
    $rig->push((map { messenger(user => $_ % 9) } 1 .. 60), @large);
    $rig->settle;
    my %copies = map { $_ => 1 } $rig->redis->queue('copies');
    is scalar(keys %copies), 66, 'all is worked';
    is scalar(grep { $copies{$_} } @large), 6, 'what is large comes and goes whole';
    is scalar(grep { !/laddr=127\.0\.0\.1:$rig->{port}\b/ } $rig->redis->clients), 0,
        'every connection is to the port with TLS';

    my ($how, $words) = ctl($rig, 'status');
    is $how, '0', 'metactl status';
    like $words, qr/\Q$Q\E/, '... shows the queue';
    ($how, $words) = ctl($rig, 'doctor');
    like $words, qr/\Qrediss:\/\/127.0.0.1:$rig->{port}\E/, 'metactl doctor says where';

    $rig->redis->restart;
    $c->wait_log(qr/\Q(rediss:\/\/127.0.0.1:$rig->{port})\E: .*; trying again/);
    $rig->push(messenger());
    $rig->settle;
    is $rig->count_of->{worked}, 67, 'it comes again when Redis does';
    unlike $c->log, qr/redis-password/, 'no password in the log';
    $rig->finish;
};

sub refused {
    my ($name, $cert, $host, $ca_file, $why) = @_;
    subtest $name => sub {
        my $rig = rig($cert);
        my $before = $rig->redis->calls('auth');
        my $c = $rig->consumer(rules => $RULES, redis => address($rig, $host, $ca_file));
        my $where = quotemeta "rediss://$host:$rig->{port}";
        my $line = $c->wait_log(qr/^\S+ \[warn\] redis $where: .*; trying again/m);
        like $line, qr/: $why; trying again/, 'the consumer says where, and why';
        my ($how, $words) = ctl($rig, 'status');
        is $how, 'exit 3', 'metactl: Redis is away';
        like $words, qr/^metactl: Redis at $where: $why$/m, '... says where, and why';
        is $rig->redis->calls('auth'), $before, 'no password is said to it';
        $rig->finish;
    };
}

refused('another authority', 'foreign', '127.0.0.1', 'ca',
    qr/its certificate does not verify: [\w -]*(?:certificate|signature)[\w -]*/);
refused('the system does not trust it', 'good', 'localhost', undef,
    qr/its certificate does not verify: [\w -]*certificate[\w -]*/);
refused('another name', 'elsewhere', 'localhost', 'ca', qr/its certificate is of another name/);
refused('another address, whatever its names say', 'elsewhere', '127.0.0.1', 'ca',
    qr/its certificate is of another address/);

subtest 'a name, trusted by the system' => sub {
    my $rig = rig('good');
    $rig->consumer(conf => $rig->conf(rules => $RULES, redis => address($rig, 'localhost')),
        env => {SSL_CERT_FILE => "$dir/ca.pem"});
    $rig->push(messenger());
    $rig->settle;
    $rig->finish;
};

subtest 'another authority by SIGHUP' => sub {
    my $rig = rig('good');
    spew("$dir/changing.pem", slurp("$dir/other.pem"));
    my $c = $rig->consumer(rules => $RULES, redis => address($rig, '127.0.0.1', 'changing'));
    $c->wait_log(qr/does not verify.*; trying again/);
    spew("$dir/changing.pem", slurp("$dir/ca.pem"));
    $c->reload;
    $rig->push(messenger());
    $rig->settle;
    $rig->finish;
};

# a peer that takes connections, reads what comes and says WHAT
sub peer {
    my ($rig, $what) = @_;
    my $socket = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1') or die "peer: $@";
    my $p = Test::Meta::Process->new;
    my @open;
    $p->run(out => $rig->file('peer.out'), code => sub {
        while (my $c = $socket->accept) {
            push @open, $c;
            $c->sysread(my $hello, 4096);
            $c->syswrite($what) if length $what;
        }
    });
    $rig->{port} = $socket->sockport;
    return $p;
}

for (['rubbish' => "-ERR what do you mean\r\n", qr/TLS handshake failed: \w[\w ]+/],
    ['nothing', '', qr/TLS handshake timed out/])
{
    my ($what, $bytes, $why) = @$_;
    subtest "a server that says $what" => sub {
        my $rig = rig('good');
        my $peer = peer($rig, $bytes);
        my $c = $rig->consumer(rules => $RULES, redis => address($rig, '127.0.0.1', 'ca'));
        like $c->wait_log(qr/^\S+ \[warn\] redis \S+ .*; trying again/m), qr/: $why; trying again/,
            'the consumer says why';
        if (length $bytes) {
            my ($how, $words) = ctl($rig, 'status');
            like "$how $words", qr/\Aexit 3 metactl: Redis at \S+: $why$/m, 'so does metactl';
        }
        $peer->stop;
        $rig->finish;
    };
}

done_testing;
