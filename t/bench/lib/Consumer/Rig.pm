package Consumer::Rig;

# What a consumer is measured with: a Redis, an nginx that answers as Graph does
# at once, and meta-consumer, each pinned.
#
# What is measured has the first CPU to itself; nginx, Redis and this program
# share the last one.

use strict;
use warnings;

use Exporter qw(import);
use File::Path qw(make_path);
use HTTP::Tiny;
use IO::Socket::INET;
use Redis;

use Edge::Process;

our @EXPORT = qw(PHONE STOPPED IN_FLIGHT rig);

use constant {
    PHONE     => '106540352242922',
    STOPPED   => '200000000000001',          # Graph throttles it
    TOKEN     => 'EAAbench0123456789abcdef0123456789abcdef',
    IN_FLIGHT => 64,
    BODY      => '{"messaging_product":"whatsapp","recipient_type":"individual",'
        . '"to":"27820000001","type":"text","text":{"body":"Thanks, we are on it."}}',
    THROTTLED => '{"error":{"message":"(#130429) Rate limit hit","type":"OAuthException",'
        . '"code":130429,"fbtrace_id":"AbCdEfGhIjKlMnOpQrStUvW"}}',
    ANSWER    => '{"messaging_product":"whatsapp","contacts":[{"input":"27820000001",'
        . '"wa_id":"27820000001"}],"messages":[{"id":"wamid.HBgLMjc4MjAwMDAwMDAxFQIAERgSM0FE'
        . 'NzFGODRCMDYzNTAA"}]}',
};

my $modules = '/usr/lib/nginx/modules';
my ($bench) = __FILE__ =~ m{(.*)/lib/Consumer/};
my $count = 0;

# redis, graph: started once
my $rig;
sub rig { return $rig //= bless {}, __PACKAGE__ }

sub phone_url { my $self = shift; return $self->url . '/v24.0/' . PHONE . '/messages' }

sub body_file {
    my $self = shift;
    my $file = $self->file('body');
    spew($file, BODY) if !-e $file;
    return $file;
}

sub token_file {
    my $self = shift;
    my $file = $self->file('token');
    spew($file, TOKEN . "\n") if !-e $file;
    return $file;
}

sub file { my ($self, $name) = @_; return bench_dir() . "/$name" }


# --- Redis --------------------------------------------------------------------

sub redis {
    my $self = shift;
    return $self->{redis} //= do {
        my $sock = $self->file('redis.sock');
        $self->{redis_pid} = start('taskset', '-c', load_cpu(), 'redis-server', '--port', 0,
            '--unixsocket', $sock, '--dir', bench_dir(), '--save', '', '--appendonly', 'no',
            '--loglevel', 'warning', '--logfile', $self->file('redis.log'));
        wait_for('an answer of redis-server',
            sub { -S $sock && eval { Redis->new(sock => $sock, read_timeout => 300) } });
    };
}

sub redis_pid { my $self = shift; $self->redis; return $self->{redis_pid} }

# more records at the tail of a list; run: part of every id
sub fill {
    my ($self, $list, $n, %how) = @_;
    my $text = slurp("$bench/consumer/fill.lua");
    my $bytes = 0;
    for (my $at = 0; $at < $n; $at += 10_000) {
        my $some = $n - $at < 10_000 ? $n - $at : 10_000;
        $bytes += $self->redis->eval($text, 1, $list, $some, $at, $how{run} // 'run' . ++$count,
            $how{users} // 1_000_000, $how{phone} // PHONE);
    }
    return $bytes;
}


# --- the nginx that stands for Graph ------------------------------------------

# a certificate of our own for TLS: PATH.pem and PATH.key
sub certificate {
    my $self = shift;
    my $path = $self->file('tls');
    return $path if -e "$path.pem";
    my $said = qx{openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \\
        -subj /CN=localhost -addext subjectAltName=DNS:localhost \\
        -keyout $path.key -out $path.pem 2>&1};
    die "bench: openssl req: $said" if $? != 0;
    return $path;
}

# An answer before the body is read ends in RST_STREAM, which clients take for a
# fault, so that "return 200" alone will not do: Lua reads the body, and costs
# half of what proxying it to a "return 200" does.
sub graph {
    my $self = shift;
    return $self->{graph} if $self->{graph};
    die "bench: Debian's libnginx-mod-http-lua is missing: scripts/setup bench\n"
        if !-e "$modules/ngx_http_lua_module.so";
    my ($dir, $tls) = ($self->file('graph'), $self->certificate);
    my ($port, $plain) = (free_port(), free_port());
    my ($user, $mask) = ($> == 0 ? 'user root;' : '', '1' . '0' x load_cpu());
    my ($stopped, $answers, $throttles) = (STOPPED, lua(200, ANSWER), lua(400, THROTTLED));
    make_path("$dir/temp");
    spew("$dir/nginx.conf", <<"CONF");
$user
load_module $modules/ndk_http_module.so;
load_module $modules/ngx_http_lua_module.so;
daemon off;
worker_processes 1;
worker_cpu_affinity $mask;
pid $dir/nginx.pid;
error_log $dir.log warn;
events { worker_connections 1024; }
http {
    access_log off;
    default_type application/json;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_body_timeout 600s;
    http2_max_concurrent_streams 256;
    client_body_temp_path $dir/temp/body;
    proxy_temp_path $dir/temp/proxy;
    fastcgi_temp_path $dir/temp/fastcgi;
    uwsgi_temp_path $dir/temp/uwsgi;
    scgi_temp_path $dir/temp/scgi;
    server {
        listen 127.0.0.1:$port ssl http2;
        ssl_certificate     $tls.pem;
        ssl_certificate_key $tls.key;
        location ~ ^/v[0-9.]+/$stopped/ { content_by_lua_block { $throttles } }
        location / { content_by_lua_block { $answers } }
    }
    server {
        listen 127.0.0.1:$plain;
        location / { stub_status; }
    }
}
CONF
    my $pid = start($ENV{META_T_NGINX} // '/usr/sbin/nginx', '-e', "$dir.log", '-c',
        "$dir/nginx.conf");
    wait_for('an answer of nginx', sub {
        die "bench: nginx did not start\n", slurp("$dir.log")
            if waitpid($pid, POSIX::WNOHANG()) != 0;
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
    });
    return $self->{graph} = { pid => $pid, url => "https://localhost:$port", plain => $plain };
}

# the whole body is read, then the answer leaves
sub lua {
    my ($status, $body) = @_;
    my $length = length $body;
    return <<"LUA" =~ s/\s+/ /gr;
        ngx.req.read_body()
        ngx.status = $status
        ngx.header["facebook-api-version"] = "v24.0"
        ngx.header["x-fb-trace-id"] = "AbCdEfGhIjK"
        ngx.header.content_length = $length
        ngx.print('$body')
LUA
}

# how many requests it has had, those of this sub left out
sub calls {
    my $self = shift;
    my $got = HTTP::Tiny->new->get("http://127.0.0.1:$self->{graph}{plain}/");
    my ($requests) = $got->{content} =~ /^ \d+ \d+ (\d+)/m or die "bench: no stub_status\n";
    return $requests - ++$self->{asked};
}

sub url { my $self = shift; return $self->graph->{url} }


# --- meta-consumer ------------------------------------------------------------

# A configuration: queues => [names], more => lines.  Lanes have limits, but none that is met; the
# records are old.  What this build does not know yet is left out, and said.
sub configuration {
    my ($self, %how) = @_;
    my %known = $self->known;
    return $self->with(%how, %known);
}

sub with {
    my ($self, %how) = @_;
    my ($redis, $ca) = ($self->redis && $self->file('redis.sock'), $self->certificate . '.pem');
    my $token = $self->token_file;
    my $queues = join ', ', map { qq({name: "$_", kind: events}) } @{ $how{queues} };
    my $age = $how{max_age} ? "\n    max_age: none" : '';
    my $limits = $how{limits} ? 'limits: {' . join(', ', map { "$_: {per_second: 1000000}" }
        qw(app token phone pair)) . "}\n" : '';
    return <<"CONF" . $limits . ($how{more} // '');
redis: "unix:$redis"
queues: [$queues]
graph: {version: v24.0, base_url: "@{[$self->url]}", ca_file: $ca}
tokens:
  - {kind: whatsapp, default: true, file: $token}
rules:
  - when: {product: whatsapp, kind: message}
    do: [{reply: {text: "Thanks, we are on it."}}]$age
CONF
}

# of max_age and limits, what this meta-consumer knows
sub known {
    my $self = shift;
    return %{ $self->{known} //= { map { $_ => $self->takes($_) } qw(max_age limits) } };
}

sub takes {
    my ($self, $what) = @_;
    my $file = $self->file('try.yaml');
    spew($file, $self->with(queues => ['try'], $what => 1));
    return system("$ENV{META_BUILD}/meta-consumer -t -c $file >$file.out 2>&1") == 0 ? 1 : 0;
}

# one that holds its leases; end_consumer() ends it
sub consumer {
    my ($self, %how) = @_;
    my $path = $self->file('consumer' . ++$count);
    spew("$path.yaml", $self->configuration(%how));
    my $pid = start('taskset', '-c', worker_cpu(), 'sh', '-c', 'exec "$0" -c "$1" 2>"$2"',
        "$ENV{META_BUILD}/meta-consumer", "$path.yaml", "$path.log");
    wait_for('the leases of meta-consumer', sub {
        die "bench: meta-consumer did not start\n", slurp("$path.log")
            if waitpid($pid, POSIX::WNOHANG()) != 0;
        !grep { !$self->redis->hexists("{$_}:lease", 'owner') } @{ $how{queues} };
    });
    return { pid => $pid, log => "$path.log" };
}

sub end_consumer {
    my ($self, $consumer) = @_;
    stop($consumer->{pid});
    return;
}

# the Node program in its place, with NODE_PATH; undef where something is missing
sub node {
    my ($self, $client, $list) = @_;
    local $ENV{NODE_PATH} = "$ENV{META_BUILD}/bench/node/node_modules";
    return undef if system('node -e \'require("redis");require("undici")\' >/dev/null 2>&1') != 0;
    $self->redis;
    # fewer and cheaper collections, measured
    my $pid = start('taskset', '-c', worker_cpu(), 'node', '--single-threaded-gc',
        '--max-semi-space-size=64', "$bench/node/worker.js", $client, $self->file('redis.sock'),
        $list, $self->url, $self->certificate . '.pem', $self->token_file, IN_FLIGHT);
    return { pid => $pid };
}

sub node_version { return (qx{node --version 2>/dev/null} // '') =~ s/\s+\z//r }

# what {Q}:count says; a counter that is not there is 0
sub count_of {
    my ($self, $q) = @_;
    my %count = $self->redis->hgetall("{$q}:count");
    $count{$_} //= 0 for qw(taken worked unmatched dead expired dropped duplicate);
    return \%count;
}

1;
