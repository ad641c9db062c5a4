# Redis is full (noeviction), 10,000 events are queued, and the edge has begun
# its spool: a consumer that is started then gets all of it going again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Digest::SHA qw(hmac_sha256_hex);
use HTTP::Tiny;
use JSON::PP qw(decode_json);
use Test::More;

use Rig qw(whatsapp messenger $PHONE $PAGE $Q);
use Test::Meta::Nginx;
use Test::Meta::Sample;
use Test::Meta::Util qw(patience wait_for);

my $QUEUED = $ENV{META_T_QUEUED} // 10_000;
my $ANSWERED = 200;
my ($SECRET, $TOKEN) = ("app-secret-$$", "verify-$$");

# those with a text that begins with "please" are answered, for Graph is slow here
my $RULES = <<'END2';
rules:
  - when: {product: messenger, kind: message, text: "^please"}
    do: [{reply: {text: yes}}]
  - when: {product: whatsapp, kind: message}
    max_age: none
    do: [{reply: {text: spooled}}]
unmatched: drop
limits: {pair: off}
END2

my $rig = Rig->new(redis => {options => ['--maxmemory-policy', 'noeviction']});
my $nginx = Test::Meta::Nginx->new(dir => $rig->dir, redis => $rig->redis->address,
    secret => "$SECRET\n", token => "$TOKEN\n", http => "meta_spool \$DIR/spool;\n",
    server => "location /status { meta_status; }\n")->start;
my $url = 'http://127.0.0.1:' . $nginx->port;

sub deliver {
    my ($body) = @_;
    return HTTP::Tiny->new->post("$url/hook", {content => $body, headers => {
        'X-Hub-Signature-256' => 'sha256=' . hmac_sha256_hex($body, $SECRET)}})->{status};
}

sub edge { return decode_json(HTTP::Tiny->new->get("$url/status?format=json")->{content}) }

# who wrote more than a day ago is not answered
sub recent {
    my $now = time;
    return Test::Meta::Sample::whatsapp(@_)->{body} =~ s/"timestamp":"\K\d+/$now/gr;
}

my @bodies = map { recent(3, "spooled $_") } 1 .. 20;
is deliver(shift @bodies), 200, 'at first all is well';
ok wait_for(sub { $rig->llen == 3 }), 'and in Redis';

for my $from (map { $_ * 1000 } 0 .. $QUEUED / 1000 - 1) {
    $rig->push(map { my $n = $from + $_; messenger(id => "m_$n", user => 1 + $n % 500,
        text => $n % ($QUEUED / $ANSWERED) ? 'hello' : "please $n") } 1 .. 1000);
}
$rig->do('CONFIG', 'SET', 'maxmemory', 1_000_000);
is eval { $rig->do('SET', 'x', 'y'); 1 }, undef, 'Redis is full';
is join(' ', map { deliver($_) } @bodies), join(' ', (200) x 19), 'the edge takes deliveries';
is $rig->llen, $QUEUED + 3, 'which do not come to Redis';
is edge()->{events}{spooled}, 57, 'but to its spool';
# room for what an idle Redis takes, and not for what is queued
my ($rss) = $rig->do('INFO', 'memory');
$rss = ref $rss ? $rss->{used_memory} : ($rss =~ /^used_memory:(\d+)/m)[0];
$rig->do('CONFIG', 'SET', 'maxmemory', int($rss * 0.7));
is eval { $rig->do('SET', 'x', 'y'); 1 }, undef, 'it still is';

$rig->consumer(rules => $RULES, log_level => 'warn');
ok wait_for(sub { !edge()->{events}{spooled} }, 60 * patience()), 'the edge has left its spool';
$rig->settle(60);
my $edge = edge();
is $edge->{events}{drained}, 57, 'what it kept is drained';
is $edge->{events}{by_redis} + $edge->{events}{drained}, 60, 'nothing of it is lost';
is deliver(recent(1, 'spooled last')), 200, 'one more';
is edge()->{events}{by_redis}, 4, 'goes to Redis again';
$rig->settle;

my @sent = map { $_->[1] } $rig->sent;
is scalar(grep { $_ eq 'yes' } @sent), $ANSWERED, 'those who asked are answered';
is scalar(grep { $_ eq 'spooled' } @sent), 61, 'and those who came meanwhile';
my $count = $rig->accounted;
is $count->{worked}, $ANSWERED + 61, 'worked';
is $count->{unmatched}, $QUEUED - $ANSWERED, 'looked at';
$rig->finish(secrets => [$SECRET, $TOKEN]);
is $nginx->quit, '0', 'nginx ends well';
done_testing;
