# The pieces of docs/deploy.md at work: an nginx in front of two edges, TCP
# passed through to an edge that asks for client certificates, and addresses.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Test::More;

use Test::Meta;
use Test::Meta::Certs;
use Test::Meta::Process;
use Test::Meta::Sample;
use Test::Meta::Util qw(hold_port root_dir slurp spew);

my $STREAM = '/usr/lib/nginx/modules/ngx_stream_module.so';
my @PIECES = slurp(root_dir() . '/docs/deploy.md') =~ /^```nginx\n(.*?)^```$/msg;

# the one piece of the page that has this, with files and addresses that are here
sub piece {
    my ($t, $regex, %listen) = @_;
    my @found = grep { /$regex/ } @PIECES;
    is scalar @found, 1, "one piece has $regex";
    my $text = $found[0];
    $text =~ s{/etc/ssl/(?:private/)?hooks\.example\.com\.(pem|key)}{\$DIR/server.$1}g;
    $text =~ s{/etc/meta/app_secret}{\$DIR/secret};
    $text =~ s{/etc/meta/verify_token}{\$DIR/token};
    $text =~ s{/etc/meta/client_ca.pem}{\$DIR/ca.pem};
    $text =~ s/\b10\.0\.0\.0\b/127.0.0.0/g;
    $text =~ s/$_/$listen{$_}/ for sort keys %listen;
    return $text;
}

sub free_port {
    my ($t, $name) = @_;
    ($t->{vars}{$name}, my $probe) = hold_port();
    push @{$t->{held}}, $probe;
}

# [MORE]: the hop in front at $PORT and two edges, the second with MORE
config_verb front => sub {
    my ($t, $more) = @_;
    free_port($t, $_) for qw(EDGE1 EDGE2);
    my @edges = map { piece($t, qr/listen 10\.0\.0\.10:8080/,
        'listen [\d.:]+' => "listen 127.0.0.1:\$$_") } qw(EDGE1 EDGE2);
    $edges[1] =~ s/meta_webhook;/$& $more/;
    $t->{conf}{http} = piece($t, qr/^upstream/m, 'listen .*?;' => 'listen 127.0.0.1:$PORT;',
        '10\.0\.0\.10:8080' => '127.0.0.1:$EDGE1', '10\.0\.0\.11:8080' => '127.0.0.1:$EDGE2',
        'ssl_certificate .*' => '', 'ssl_certificate_key .*' => '') . "@edges";
};

# TCP passed through at $TCP, and the edge behind it
config_verb passed_through => sub {
    my ($t) = @_;
    return $t->run(skip => 'no stream module here') if !-e $STREAM || $ENV{META_T_NGINX};
    free_port($t, $_) for qw(TCP EDGE1);
    my $ca = Test::Meta::Certs->new($t->{dir}, 'ca');
    $ca->issue('server', '/CN=localhost', 'DNS:localhost');
    $ca->issue('meta', '/CN=client.webhooks.fbclientcerts.com');
    $ca->issue('other', '/CN=somebody');
    $t->{conf}{main} = "load_module $STREAM;\n" . piece($t, qr/^stream/m,
        'listen \d+' => 'listen 127.0.0.1:$TCP', '10\.0\.0\.10:443' => '127.0.0.1:$EDGE1');
    $t->{conf}{http} = piece($t, qr/proxy_protocol;\n\n/,
        'listen \d+' => 'listen 127.0.0.1:$EDGE1');
};

# CERT STATUS: a delivery over TLS with that client certificate, or none
verb deliver_tls => sub {
    my ($t, $arg) = @_;
    my ($cert, $want) = split ' ', $arg;
    my ($dir, $sample) = ("$t->{dir}", Test::Meta::Sample::whatsapp(1));
    my $hex = hmac_sha256_hex($sample->{body}, $Test::Meta::SECRET);
    $t->learn($hex, @{$sample->{texts}});
    spew("$dir/body.json", $sample->{body});
    my $p = Test::Meta::Process->new->run(out => "$dir/curl.$cert", cmd => ['curl', '-sSk',
        '-m', 20, '-o', "$dir/answer", '-w', '%{http_code}',
        '-H', "X-Hub-Signature-256: sha256=$hex", '--data-binary', "\@$dir/body.json",
        $cert eq 'none' ? () : ('--cert', "$dir/$cert.pem", '--key', "$dir/$cert.key"),
        "https://127.0.0.1:$t->{vars}{TCP}/webhook"]);
    $p->wait_exit(30);
    is slurp("$dir/curl.$cert"), $want, "$cert: $want";
};

# N STATUS: so many deliveries, all with that answer
verb deliver_all => sub {
    my ($t, $arg) = @_;
    my ($n, $want) = split ' ', $arg;
    my %seen;
    for (1 .. $n) {
        $t->run(post => '/webhook', "\@whatsapp\n");
        $seen{$t->{last}{status}}++;
    }
    is_deeply \%seen, {$want => $n}, "$n times $want";
};

run_blocks();

__DATA__

=== an nginx in front: body and signature pass unchanged, and the client's address
--- front
--- get: /webhook?hub.mode=subscribe&hub.verify_token=$TOKEN&hub.challenge=1158201444
--- status: 200
--- answer: 1158201444
--- post: /webhook
> X-Forwarded-For: 203.0.113.7
@whatsapp 5
--- status: 200
--- records: meta:events
--- access_log: ^203\.0\.113\.7 .*POST /webhook
--- redis_do: DEL meta:events
--- post: /webhook chunked=1000
@size 3000000
--- status: 200
--- records: meta:events
--- post: /webhook sign=bad
@whatsapp
--- status: 401
--- post: /webhook sign=none
@whatsapp
--- status: 401

=== one edge says 503: the next one takes it
--- redis2: down
--- front: meta_redis $REDIS2;
--- deliver_all: 8 200
--- llen: meta:events 8
--- meta_log: ^503 unavailable

=== all say 503: so does the front, and Meta keeps the delivery
--- redis: down
--- front
--- deliver_all: 2 503
--- headers
Retry-After: \d+

=== passed through as TCP: client certificates and the client's address arrive
--- passed_through
--- deliver_tls: meta 200
--- deliver_tls: other 403
--- deliver_tls: none 403
--- llen: meta:events 1
--- access_log: ^127\.0\.0\.1 .*POST /webhook.* 403
