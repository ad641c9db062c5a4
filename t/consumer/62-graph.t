# What goes to Graph and comes back beside the answer: proofs, versions, warnings said once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Digest::SHA qw(hmac_sha256_hex);
use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Peer;
use Test::Meta::Util qw(spew);

my $rules = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";

subtest 'appsecret_proof' => sub {
    my $rig = Rig->new;
    my $secret = 's3cr3t-demo-key';
    spew($rig->file('secret'), "$secret\n");
    my $apps = 'apps: [{id: "1", secret_file: ' . $rig->file('secret') . "}]\n";

    my $peer = Test::Meta::Peer->new(dir => $rig->dir, script => ['ok'])->start;

    for my $kind (qw(off plain timed)) {
        my $c = $rig->consumer(conf => $rig->conf(rules => $rules, more => $apps)
            =~ s/base_url: "\K[^"]+/@{[$peer->url]}/r
            =~ s/graph: \{\K/appsecret_proof: $kind, /r);
        $rig->push(messenger());
        $rig->settle;
        $c->drain;
        my $query = ($peer->requests)[-1][1] =~ s/^POST\|[^?|]*//r =~ s/\|HTTP.*//r;
        my ($time) = $query =~ /&appsecret_time=(\d+)$/;
        my $proof = hmac_sha256_hex($rig->token('page') . ($time ? "|$time" : ''), $secret);
        is $query, $kind eq 'off' ? '' : "?appsecret_proof=$proof"
            . ($time ? "&appsecret_time=$time" : ''), $kind;
        is !!$time, $kind eq 'timed', "$kind: a time, or none";
        cmp_ok abs($time - time), '<', 60, 'of this moment' if $time;
    }
    is scalar $rig->dead, 0, 'all are done';
    $peer->stop;
    $rig->finish(secrets => [$secret]);
};

subtest 'versions' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $rules);
    for my $headers (({'facebook-api-version' => 'v24.0'}) x 2,
        ({'facebook-api-version' => 'v25.0'}) x 3,
        ({'x-ad-api-version-warning' => "ends soon \x1b[31m"}) x 2,
        {'facebook-api-version' => 'v26.0'}, {'facebook-api-version' => "x\x07y"},
        {'facebook-api-version' => 'x' x 100})
    {
        $rig->graph->fault({times => 1, fault => {headers => $headers}});
        $rig->push(messenger());
        $rig->settle;
    }
    my @said = $c->log =~ /\[warn\] .*(asked for .* answered with [^:]+|warns about \S+)/g;
    is_deeply \@said, ['asked for v24.0 and answered with v25.0', 'warns about v24.0',
        'asked for v24.0 and answered with v26.0', 'asked for v24.0 and answered with x?y'],
        'one warning a pair';
    is scalar(() = $c->log =~ /\[warn\]/g), 4, 'and no more';
    unlike $c->log, qr/[\x00-\x09\x0b-\x1f]/, 'nothing that moves a terminal';
    $rig->finish;
};

done_testing;
