#!/usr/bin/perl

# What a webhook costs at the edge: worker CPU per signed delivery, next to
# nginx's own "return 200" on the same pinned worker, in interleaved rounds.
#
# The worker has one CPU to itself; load generator and Redis share the last
# one.  CPU time is the scheduler's own count for the worker in nanoseconds
# (/proc/PID/schedstat), so a busy machine disturbs latencies, hardly costs.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Getopt::Long qw(GetOptions);
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Redis;
use Time::HiRes qw(sleep time);

use constant {
    CONNECTIONS => 32,
    ROUNDS      => 11,
    BUDGET      => 90,          # seconds; no round starts later than that
    SECRET      => '0123456789abcdef0123456789abcdef',
    LIST        => 'meta:events',
};

# requests of a batch: about a quarter of a second, at most 100 MB in Redis
my @sizes = (
    { events => 1,   plain => 30_000, webhook => 20_000 },
    { events => 20,  plain => 15_000, webhook => 5_000 },
    { events => 400, plain => 3_000,  webhook => 250 },
);

my ($json, $rounds) = (0, ROUNDS);
if (!GetOptions('json' => \$json, 'rounds=i' => \$rounds) || @ARGV || $rounds < 1) {
    warn "usage: scripts/bench edge [--json] [--rounds N]\n";
    exit 2;
}

my $build = $ENV{META_BUILD} or die "META_BUILD is not set: run scripts/bench\n";
my $nginx = $ENV{META_T_NGINX} // '/usr/sbin/nginx';
my $dir   = tempdir('meta-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $codec = JSON::PP->new->canonical;
my @children;

$SIG{INT} = $SIG{TERM} = sub { exit 1 };
END { my $rc = $?; stop($_) for reverse @children; $? = $rc }

my ($worker_cpu, $load_cpu) = choose_cpus();
my $redis  = start_redis();
my $port   = free_port();
my $master = start_nginx($port);
my $worker = worker_of($master);

prepare($_) for @sizes;
my $done = measure($rounds);
die "bench: the worker died, see the rounds above\n" if worker_of($master) != $worker;

my $result = {
    bench    => 'edge',
    machine  => machine(),
    rounds   => $done,
    sizes    => [map { summary($_) } @sizes],
};
$json ? print $codec->encode($result), "\n" : print_table($result);


# --- the processes ------------------------------------------------------------

sub choose_cpus {
    my ($list) = slurp("/proc/self/status") =~ /^Cpus_allowed_list:\s*(\S+)/m;
    my @cpus = map { /(\d+)-(\d+)/ ? $1 .. $2 : $_ } split /,/, $list;
    warn "bench: one CPU only; worker, load and Redis share it\n" if @cpus == 1;
    return @cpus[0, -1];
}

sub start {
    my @argv = @_;
    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>>', "$dir/out";
        exec(@argv) or POSIX::_exit(127);
    }
    push @children, $pid;
    return $pid;
}

sub stop {
    my $pid = shift;
    return if waitpid($pid, POSIX::WNOHANG()) != 0;
    kill TERM => $pid;
    for (1 .. 100) {
        return if waitpid($pid, POSIX::WNOHANG()) != 0;
        sleep 0.05;
    }
    kill KILL => $pid;
    waitpid $pid, 0;
}

# polls until the check gives something true, 10 seconds at most
sub wait_for {
    my ($what, $check) = @_;
    for (1 .. 500) {
        my $got = $check->();
        return $got if $got;
        sleep 0.02;
    }
    die "bench: waited 10 s in vain for $what\n", slurp("$dir/error.log");
}

sub start_redis {
    start('taskset', '-c', $load_cpu, 'redis-server', '--port', 0, '--save', '', '--dir', $dir,
        '--unixsocket', "$dir/redis.sock", '--appendonly', 'no', '--loglevel', 'warning');
    wait_for('a socket of redis-server', sub { -S "$dir/redis.sock" });
    return wait_for('an answer of redis-server',
        sub { eval { Redis->new(sock => "$dir/redis.sock") } });
}

sub free_port {
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
        or die "bench: no free port: $!\n";
    return $s->sockport;
}

sub start_nginx {
    my $port = shift;
    my $user = $> == 0 ? 'user root;' : '';
    my $mask = '1' . '0' x $worker_cpu;
    make_path("$dir/temp");
    spew("$dir/secret", SECRET . "\n");
    spew("$dir/nginx.conf", <<"CONF");
$user
load_module $build/ngx_http_meta_module.so;
daemon off;
worker_processes 1;
worker_cpu_affinity $mask;
pid $dir/nginx.pid;
error_log $dir/error.log warn;
events { worker_connections 256; }
http {
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_max_body_size 4m;
    client_body_buffer_size 256k;
    client_body_temp_path $dir/temp/body;
    proxy_temp_path $dir/temp/proxy;
    fastcgi_temp_path $dir/temp/fastcgi;
    uwsgi_temp_path $dir/temp/uwsgi;
    scgi_temp_path $dir/temp/scgi;
    meta_redis unix:$dir/redis.sock;
    meta_redis_timeout 5s;
    meta_app_secret_file $dir/secret;
    server {
        listen 127.0.0.1:$port;
        location = /plain   { return 200; }
        location = /webhook { meta_webhook; }
    }
}
CONF
    my $pid = start($nginx, '-p', $dir, '-e', "$dir/error.log", '-c', "$dir/nginx.conf");
    wait_for('an answer of nginx', sub {
        die "bench: nginx did not start\n", slurp("$dir/error.log")
            if waitpid($pid, POSIX::WNOHANG()) != 0;
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
    });
    return $pid;
}

sub worker_of {
    my $master = shift;
    return wait_for('a worker', sub {
        my ($pid) = split ' ', slurp("/proc/$master/task/$master/children");
        $pid && slurp("/proc/$pid/cmdline") =~ /worker process/ && $pid;
    });
}


# --- deliveries of our own making ---------------------------------------------

# a WhatsApp text message as Meta escapes it, about 430 bytes
sub change {
    my $n = shift;
    my $user = 27820000000 + $n;
    return sprintf '{"value":{"messaging_product":"whatsapp",'
        . '"metadata":{"display_phone_number":"15550001111","phone_number_id":"106540352242922"},'
        . '"contacts":[{"profile":{"name":"Thandi M\u00f6ller"},"wa_id":"%s"}],'
        . '"messages":[{"from":"%s",'
        . '"id":"wamid.HBgLMjc4MjAwMDAwMDAxFQIAEhgUM0FD%08dRTcxRjg0QjA2MzUA",'
        . '"timestamp":"%d","text":{"body":"Do you deliver to Salt River \/ today? \ud83d\ude00"},'
        . '"type":"text"}]},"field":"messages"}', $user, $user, $n, 1763700000 + $n;
}

# entries of up to 20 changes, as a WhatsApp Business Account sends them
sub delivery {
    my $events = shift;
    my @entries;
    for (my $n = 0; $n < $events; $n += 20) {
        my $last = $n + 19 < $events ? $n + 19 : $events - 1;
        my $changes = join ',', map { change($_) } $n .. $last;
        push @entries, qq({"id":"102290129340398","changes":[$changes]});
    }
    return '{"object":"whatsapp_business_account","entry":[' . join(',', @entries) . ']}';
}

sub prepare {
    my $size = shift;
    my $body = delivery($size->{events});
    $size->{bytes} = length $body;
    $size->{body}  = "$dir/body-$size->{events}";
    spew($size->{body}, $body);

    for my $kind (qw(plain webhook)) {
        spew("$dir/$kind-$size->{events}", join "\r\n",
            "POST /$kind HTTP/1.1", 'Host: localhost', 'Accept: */*',
            'User-Agent: facebookexternalua', 'Content-Type: application/json',
            'Content-Length: ' . length $body,
            'X-Hub-Signature-256: sha256=' . hmac_sha256_hex($body, SECRET), '', $body);
    }
}


# --- the rounds ---------------------------------------------------------------

# nanoseconds the worker has run, and has waited for its CPU
sub schedstat { return split ' ', slurp("/proc/$worker/schedstat") }

sub batch {
    my ($size, $kind, $requests) = @_;
    my ($ran, $waited) = schedstat();
    open my $out, '-|', 'taskset', '-c', $load_cpu, "$build/bench/load", $port, CONNECTIONS,
        $requests, "$dir/$kind-$size->{events}" or die "bench: load: $!\n";
    my $line = do { local $/; <$out> };
    close $out
        or die "bench: $kind, $size->{events} events: not all were 200\n", slurp("$dir/error.log");
    my ($ran_then, $waited_then) = schedstat();

    my $got = $codec->decode($line);
    check_queue($size, $got->{requests}) if $kind eq 'webhook';
    return {
        cpu_us => ($ran_then - $ran) / 1000 / $got->{requests},
        rps    => $got->{requests} / $got->{seconds},
        p50_us => $got->{p50_us},
        p99_us => $got->{p99_us},
        wait   => ($waited_then - $waited) / 1e9 / $got->{seconds},
    };
}

# every event acked must be in the queue, whole; then the list goes
sub check_queue {
    my ($size, $acked) = @_;
    my $want = $acked * $size->{events};
    my $have = $redis->llen(LIST);
    die "bench: $acked deliveries acked, so $want events expected, but $have queued\n"
        if $have != $want;

    my $record = $redis->lindex(LIST, -1);
    my ($event) = $record =~ /"event":(.*)\}\z/s;
    die "bench: the last record is not the last event: $record\n"
        if !$event || $event ne change($size->{events} - 1);
    $redis->del(LIST);
}

sub measure {
    my $rounds = shift;
    my $start = time;
    for my $round (0 .. $rounds) {
        return $round - 1 if $round > 1 && time - $start > BUDGET;
        print STDERR $round ? "round $round of $rounds\n" : "warming up\n" if -t STDERR;
        for my $size (@sizes) {
            my @kinds = $round % 2 ? qw(plain webhook) : qw(webhook plain);
            my %got = map { $_ => batch($size, $_, $size->{$_}) } @kinds;
            next if $round == 0;
            $got{ratio} = $got{webhook}{cpu_us} / $got{plain}{cpu_us};
            push @{ $size->{rounds} }, \%got;
        }
    }
    return $rounds;
}


# --- the figures --------------------------------------------------------------

sub spread {
    my @sorted = sort { $a <=> $b } @_;
    my ($min, $median, $max) = map { 0 + sprintf '%.3f', $_ } @sorted[0, @sorted / 2, -1];
    return { min => $min, median => $median, max => $max };
}

sub summary {
    my $size = shift;
    my @rounds = @{ $size->{rounds} };
    my %summary = (events => $size->{events}, bytes => $size->{bytes});
    $summary{ratio} = spread(map { $_->{ratio} } @rounds);
    for my $kind (qw(plain webhook)) {
        for my $what (qw(cpu_us rps p50_us p99_us wait)) {
            $summary{$kind}{$what} = spread(map { $_->{$kind}{$what} } @rounds);
        }
    }
    my $parts = qx{taskset -c $worker_cpu $build/bench/split $size->{body}};
    $summary{parts} = $codec->decode($parts);
    return \%summary;
}

sub machine {
    my $cpuinfo = slurp('/proc/cpuinfo');
    my ($model) = $cpuinfo =~ /^model name\s*:\s*(.+)/m;
    my $built = qx{$nginx -V 2>&1};
    my ($version) = $built =~ m{nginx/(\S+)};
    my ($openssl) = $built =~ /(?:running|built) with OpenSSL (\S+)/;
    return {
        cpu     => $model // (POSIX::uname())[4],
        cpus    => scalar(() = $cpuinfo =~ /^processor\s*:/mg),
        sha_ni  => $cpuinfo =~ /^flags\s*:.*\bsha_ni\b/m ? JSON::PP::true : JSON::PP::false,
        kernel  => (POSIX::uname())[2],
        nginx   => $version,
        openssl => $openssl,
        redis   => $redis->info->{redis_version},
    };
}

sub print_table {
    my $r = shift;
    my $m = $r->{machine};
    printf "%s, %d CPUs%s, Linux %s\n", $m->{cpu}, $m->{cpus}, $m->{sha_ni} ? ' with SHA-NI' : '',
        $m->{kernel};
    printf "nginx %s, OpenSSL %s, Redis %s (unix socket, no persistence)\n",
        @$m{qw(nginx openssl redis)};
    printf "one pinned worker, %d connections, medians of %d interleaved rounds\n\n",
        CONNECTIONS, $r->{rounds};

    my $form = "%6s %7s  %-10s %8s  %-18s %10s %8s %8s\n";
    printf $form, qw(events bytes location CPU/us), 'ratio (min-max)',
        qw(requests/s p50/us p99/us);
    for my $s (@{ $r->{sizes} }) {
        for my $kind (qw(plain webhook)) {
            my $plain = $kind eq 'plain';
            my ($median, $min, $max) = @{ $s->{ratio} }{qw(median min max)};
            printf $form, $s->{events}, $s->{bytes}, $plain ? 'return 200' : 'webhook',
                sprintf('%.2f', $s->{$kind}{cpu_us}{median}),
                $plain ? '1' : sprintf('%.2f (%.2f-%.2f)', $median, $min, $max),
                map { sprintf '%.0f', $s->{$kind}{$_}{median} } qw(rps p50_us p99_us);
        }
    }

    print "\nof the webhook's CPU, measured alone (t/bench/split.c), in us:\n";
    for my $s (@{ $r->{sizes} }) {
        my @us = map { $_ / 1000 } @{ $s->{parts} }{qw(hmac_ns split_ns heads_ns)};
        printf "%6s events: HMAC %.2f, split %.2f, record heads %.2f\n", $s->{events}, @us;
    }

    my ($busy) = sort { $b <=> $a } map { $_->{webhook}{wait}{median} } @{ $r->{sizes} };
    printf "\nthe worker waited for its CPU %.1f %% of the time%s\n", 100 * $busy,
        $busy > 0.03 ? ': others were at work, do not trust latencies' : '';
}


# --- files --------------------------------------------------------------------

sub slurp {
    my $path = shift;
    open my $f, '<', $path or return '';
    local $/;
    return scalar(<$f>) // '';
}

sub spew {
    my ($path, $bytes) = @_;
    open my $f, '>:raw', $path or die "$path: $!\n";
    print $f $bytes;
    close $f or die "$path: $!\n";
}
