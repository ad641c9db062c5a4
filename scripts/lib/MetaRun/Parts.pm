# The parts that scripts/run starts: Redis, emulator, nginx, meta-consumer.
#
# Each is in a process group of its own, its output in DIR/NAME.log; all of them
# end, last started first, and the directory goes, in take_down.
package MetaRun::Parts;
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use MetaRun::Message;
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

my $ROOT = abs_path(dirname(__FILE__) . '/../../..');


sub new {
    my ($class, %arg) = @_;
    my $build = abs_path($ENV{META_BUILD} // "$ROOT/build");
    for my $built ('ngx_http_meta_module.so', 'meta-consumer') {
        die "$build/$built is not there; run make\n" if !-e "$build/$built";
    }
    my $dir = tempdir('meta-run-XXXXXXXX', TMPDIR => 1);
    my $self = bless { %arg, dir => $dir, build => $build, owner => $$,
        running => [], queue => 'meta:events', calls_read => 0 }, $class;
    $self->_open_to_workers;
    $self->{secret} = $self->_random;
    $self->{token} = $self->_random;
    $self->_write('app_secret', "$self->{secret}\n");
    $self->_write('verify_token', "$self->{token}\n");
    return $self;
}


# As root nginx's workers are www-data: they reach Redis' socket by the group,
# which the set-group-id bit hands on; for all others the folder is closed.
sub _open_to_workers {
    my ($self) = @_;
    return if $> != 0;
    my $group = getgrnam 'www-data';
    die "no group www-data\n" if !defined $group;
    chown 0, $group, $self->{dir} and chmod 02710, $self->{dir}
        or die "$self->{dir}: $!\n";
}


sub _random {
    open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";
    read $random, my $bytes, 16;
    return unpack 'H*', $bytes;
}


sub _write {
    my ($self, $name, $text) = @_;
    my $path = "$self->{dir}/$name";
    open my $file, '>:encoding(UTF-8)', $path or die "$path: $!\n";
    chmod 0600, $path;
    print {$file} $text and close $file or die "$path: $!\n";
    return $path;
}


sub _slurp {
    my ($path) = @_;
    open my $file, '<:raw', $path or return '';
    local $/;
    return scalar(<$file>) // '';
}


sub _start {
    my ($self, $name, @command) = @_;
    my $log = "$self->{dir}/$name.log";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        POSIX::setpgid(0, 0);
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE);
        open STDOUT, '>>', $log and open STDERR, '>&', \*STDOUT
            or POSIX::_exit(126);
        no warnings 'exec';
        # Should we be killed without a chance to take them down, they go too.
        exec 'setpriv', '--pdeathsig', 'TERM', '--', @command
            or print STDERR "cannot start $command[0]: $!\n";
        POSIX::_exit(127);
    }
    push @{ $self->{running} }, { name => $name, pid => $pid };
}


# Until $ready says so; dies with the end of the log if the part does not come.
sub _await {
    my ($self, $name, $ready) = @_;
    my $end = time + 20;
    until ($ready->()) {
        die "stopped\n" if $self->{stopped}->();
        $self->check_alive;
        die "$name does not answer\n" . $self->log_end($name) if time > $end;
        sleep 0.02;
    }
}


sub check_alive {
    my ($self) = @_;
    for my $part (@{ $self->{running} }) {
        next if waitpid($part->{pid}, WNOHANG) == 0;
        my $how = $? & 127 ? 'signal ' . ($? & 127) : 'exit ' . ($? >> 8);
        @{ $self->{running} }
            = grep { $_->{pid} != $part->{pid} } @{ $self->{running} };
        die "$part->{name} ended ($how)\n" . $self->log_end($part->{name});
    }
}


sub log_end {
    my ($self, $name) = @_;
    my @lines = split /^/, _slurp("$self->{dir}/$name.log");
    splice @lines, 0, -20 if @lines > 20;
    return "the end of $self->{dir}/$name.log:\n"
        . join '', map { "  $_" } @lines;
}


sub _redis_cli {
    my ($self, @command) = @_;
    open my $out, '-|', 'redis-cli', '-s', "$self->{dir}/redis.sock", @command
        or die "redis-cli: $!\n";
    local $/;
    my $text = <$out> // '';
    close $out or return undef;
    return $text =~ s/\n\z//r;
}


sub start_redis {
    my ($self) = @_;
    my $socket = "$self->{dir}/redis.sock";
    die "TMPDIR is too long for a socket: $socket\n" if length $socket > 100;
    $self->_start('redis', 'redis-server', '--port', 0, '--unixsocket', $socket,
        '--unixsocketperm', 770, '--save', '', '--appendonly', 'no',
        '--dir', $self->{dir}, '--daemonize', 'no');
    $self->_await('redis', sub {
        -S $socket && ($self->_redis_cli('PING') // '') eq 'PONG';
    });
}


sub start_emulator {
    my ($self) = @_;
    my ($wa, $page) = map { 'EAA' . $self->_random } 1, 2;
    $self->_write('whatsapp_token', "$wa\n");
    $self->_write('page_token', "$page\n");
    $self->_write('app', MetaRun::Message::APP . ":$self->{secret}\n");
    $self->_write('emulator_tokens', join '', map { "$_\n" }
        'whatsapp:' . MetaRun::Message::PHONE . '@' . MetaRun::Message::WABA
        . ":$wa:whatsapp", 'page:' . MetaRun::Message::PAGE . ":$page:page");
    my $ready = "$self->{dir}/emulator.url";
    $self->_start('emulator', $^X, "$ROOT/scripts/graph-emulator", '--quiet',
        '--listen', '127.0.0.1:0', '--ready-file', $ready,
        '--log', "$self->{dir}/calls.log", '--app-file', "$self->{dir}/app",
        '--tokens', "$self->{dir}/emulator_tokens");
    $self->_await('emulator', sub { -e $ready });
    chomp($self->{graph} = _slurp($ready));
}


# The preferred port, or any free one.
sub _choose_port {
    my ($self, $prefer) = @_;
    for my $port ($prefer, 0) {
        my $probe = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
            LocalPort => $port, Proto => 'tcp', ReuseAddr => 1, Listen => 1);
        return $probe->sockport if $probe;
    }
    die "no free port on 127.0.0.1: $@\n";
}


# Between our look at the port and nginx's bind another may take it: try again.
sub start_nginx {
    my ($self) = @_;
    my $prefer = $ENV{META_RUN_PORT} // 8080;
    die "META_RUN_PORT is a number from 1 to 65535\n"
        if $prefer !~ /\A\d{1,5}\z/ || $prefer < 1 || $prefer > 65535;
    for my $try (1 .. 5) {
        my $port = $self->_choose_port($try == 1 ? $prefer : 0);
        $self->{port_note} = "port $prefer is in use" if $port != $prefer;
        $self->{url} = "http://127.0.0.1:$port";
        $self->_write('nginx.conf', $self->_nginx_conf($port));
        unlink "$self->{dir}/nginx.log";
        $self->_start('nginx', 'nginx', '-e', 'stderr', '-p', "$self->{dir}/",
            '-c', "$self->{dir}/nginx.conf");
        # The pid file comes after the sockets were bound.
        return if eval {
            $self->_await('nginx', sub { -s "$self->{dir}/nginx.pid" });
            1;
        };
        die $@ if $@ !~ /Address already in use/ || $self->{stopped}->();
    }
    die "nginx found no port in five attempts\n";
}


sub _nginx_conf {
    my ($self, $port) = @_;
    my $dir = $self->{dir};
    my $user = $> == 0 ? "user www-data;\n" : '';
    return $user . <<"END";
load_module $self->{build}/ngx_http_meta_module.so;
daemon off;
worker_processes 2;
pid $dir/nginx.pid;
error_log stderr notice;

events {
    worker_connections 512;
}

http {
    client_body_temp_path $dir/body;
    proxy_temp_path $dir/proxy;
    fastcgi_temp_path $dir/fastcgi;
    uwsgi_temp_path $dir/uwsgi;
    scgi_temp_path $dir/scgi;

    log_format meta '\$remote_addr [\$time_iso8601] "\$request_method \$uri" \$status '
                    '\$meta_verdict \$meta_object \$meta_events \$meta_queued';
    access_log $dir/access.log meta;
    client_max_body_size 4m;
    client_body_buffer_size 256k;

    meta_redis unix:$dir/redis.sock;
    meta_app_id ${\MetaRun::Message::APP};
    meta_app_secret_file $dir/app_secret;
    meta_verify_token_file $dir/verify_token;

    server {
        listen 127.0.0.1:$port;

        location = /webhook {
            meta_webhook;
            meta_queue $self->{queue};
        }
    }
}
END
}


sub start_consumer {
    my ($self) = @_;
    my $dir = $self->{dir};
    $self->_write('meta.yaml', <<"END");
redis: unix:$dir/redis.sock
queues:
  - {name: "$self->{queue}", kind: events, partitions: 1}
apps:
  - {id: "${\MetaRun::Message::APP}", secret_file: $dir/app_secret}
graph: {version: v24.0, base_url: "$self->{graph}"}
tokens:
  - {kind: whatsapp, id: "${\MetaRun::Message::PHONE}",
     waba: "${\MetaRun::Message::WABA}", file: $dir/whatsapp_token}
  - {kind: page, id: "${\MetaRun::Message::PAGE}", file: $dir/page_token}
rules:
  - when: {product: whatsapp, kind: message}
    do: [mark_read, {reply: {text: "Thanks, we are on it."}}]
  - when: {product: messenger, kind: message, text: "(?i)price"}
    do:
      - reply:
          text: "It is 49 EUR."
          quick_replies:
            - {title: "\x{2705} Helpful", payload: HELPFUL}
            - {title: "\x{1F504} More detail", payload: MORE}
unmatched: drop
END
    $self->_start('consumer', "$self->{build}/meta-consumer", '-c',
        "$dir/meta.yaml");
}


sub post {
    my ($self, $body, $signature) = @_;
    my $begin = time;
    my $answer = HTTP::Tiny->new(timeout => 10)->post("$self->{url}/webhook", {
        headers => { 'Content-Type' => 'application/json',
            'X-Hub-Signature-256' => $signature },
        content => $body,
    });
    return { %$answer, took => time - $begin };
}


sub last_event {
    my ($self) = @_;
    return $self->_redis_cli('LINDEX', $self->{queue}, -1);
}


# Events that stand in the queue or are in flight.
sub left {
    my ($self) = @_;
    my $left = 0;
    for my $key ($self->{queue}, "{$self->{queue}}:inflight") {
        my $type = $self->_redis_cli('TYPE', $key) // '';
        next if $type eq 'none';
        my %length = (list => 'LLEN', hash => 'HLEN', zset => 'ZCARD',
            set => 'SCARD');
        $left += $self->_redis_cli($length{$type} // 'EXISTS', $key) // 1;
    }
    return $left;
}


# Whole lines of the call log that were not returned before, decoded.
sub new_calls {
    my ($self) = @_;
    open my $file, '<:raw', "$self->{dir}/calls.log" or return;
    seek $file, $self->{calls_read}, 0;
    my @calls;
    while (my $line = <$file>) {
        last if $line !~ /\n\z/;
        $self->{calls_read} += length $line;
        push @calls, decode_json($line);
    }
    return @calls;
}


my %SIGNAL = (nginx => 'QUIT');


# Ends one part: politely, after 10 s by force; only processes of our own.
sub _end {
    my ($self, $part) = @_;
    my $end = time + 10;
    kill $SIGNAL{ $part->{name} } // 'TERM', $part->{pid};
    while (waitpid($part->{pid}, WNOHANG) == 0) {
        if (time > $end) {
            kill 'KILL', -$part->{pid};
            waitpid $part->{pid}, 0;
            last;
        }
        sleep 0.01;
    }
}


sub take_down {
    my ($self) = @_;
    return if $self->{owner} != $$;
    local $?;
    while (my $part = pop @{ $self->{running} }) {
        $self->_end($part);
    }
    remove_tree($self->{dir});
}

1;
