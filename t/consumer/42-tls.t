# Certificates are verified, names too: a token goes to nobody who cannot prove who he is.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Process;
use Test::Meta::Util qw(connects hold_port patience slurp spew wait_for);

my $nginx = '/usr/sbin/nginx';     # Debian's, also where modules run in another one
my $id = 0;
my $rules = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";

# nginx with TLS and HTTP/2 before the emulator, and what it saw
sub front {
    my ($rig) = @_;
    my ($port, $probe) = hold_port();
    my $dir = $rig->dir;
    my $made = join ' ', 'openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test',
        '-addext subjectAltName=IP:127.0.0.1', "-keyout $dir/key.pem -out $dir/cert.pem 2>&1";
    $made = qx{$made};
    die $made if $?;
    spew("$dir/front.conf", <<"END");
daemon off;
master_process off;
pid $dir/front.pid;
error_log $dir/front.error;
events {}
http {
    log_format seen '\$server_protocol \$request_method \$status';
    access_log $dir/front.seen seen;
    client_body_temp_path $dir/front.body;
    proxy_temp_path $dir/front.proxy;
    fastcgi_temp_path $dir/front.fastcgi;
    uwsgi_temp_path $dir/front.uwsgi;
    scgi_temp_path $dir/front.scgi;
    server {
        listen 127.0.0.1:$port ssl http2;
        ssl_certificate $dir/cert.pem;
        ssl_certificate_key $dir/key.pem;
        location / { proxy_pass @{[$rig->graph->url]}; }
    }
}
END
    my $front = bless {}, 'Test::Meta::Process';
    $front->run(out => "$dir/front.out", cmd => [$nginx, '-c', "$dir/front.conf", '-p', $dir,
        '-e', "$dir/front.error"]);
    wait_for { connects($port) || !$front->alive };
    die slurp("$dir/front.out") . slurp("$dir/front.error") if !$front->alive;
    return ($front, $port);
}

my $rig = Rig->new;
my ($front, $port) = front($rig);

sub conf {
    my ($host, $more) = @_;
    my $url = $rig->graph->url;
    return $rig->conf(rules => $rules)
        =~ s{base_url: "\Q$url\E"}{base_url: "https://$host:$port"$more}r;
}

# five more, with whom to speak to: how many calls came through, why none did,
# and what was said of that
sub outcome {
    my ($host, $more, $waiting) = @_;
    my $c = $rig->consumer(conf => conf($host, $more));
    my $before = $rig->graph->calls;
    $rig->push(map { messenger(user => $_, id => 'm_' . ++$id) } 1 .. 5);
    ok +(wait_for { $c->log =~ /(?:id=m_\d+ .* outcome=.*\n(?s:.)*){5}/ && !$rig->llen
        && !$rig->inflight && $rig->retry + $rig->held == $waiting } 20 * patience()),
        'all are worked, or wait';
    is $c->drain, '0', 'drained';
    my %why = map { $_ => 1 } $c->log =~ /id=m_\d+ .* outcome=retry .*why=(\S+)/g;
    return ($rig->graph->calls - $before, (sort keys %why),
        $c->log =~ /\[warn\] Graph at https\S+ cannot be reached: SSL.*(certificate|name)/);
}

my $ca = ', ca_file: ' . $rig->file('cert.pem');
is_deeply [outcome('127.0.0.1', '', 5)], [0, 'unreachable', 'certificate'],
    'a certificate that nobody vouches for';
is_deeply [outcome('localhost', $ca, 10)], [0, 'unreachable', 'name'],
    'a certificate for another name';
is slurp($rig->file('front.seen')), '', 'and no request has left';
is_deeply [outcome('127.0.0.1', $ca, 0)], [15], 'a certificate of ca_file';
like slurp($rig->file('front.seen')), qr/^HTTP\/2\.0 POST 200$/m, 'over HTTP/2';
my %calls;
$calls{$_->{body}{message}{metadata}}++ for $rig->graph->calls;
is_deeply \%calls, {map { ("m_$_" => 1) } 1 .. 15}, 'what could not be sent is, each once';
is scalar($rig->dead), 0, 'and nothing is dead';

$front->stop;
$rig->finish;
done_testing;
