package Test::Meta::Nginx;

# A real nginx of our own: configuration, start, reload, quit, logs.
#
#   my $nginx = Test::Meta::Nginx->new(dir => $dir, redis => $address,
#       secret => "SECRET\n", token => "TOKEN\n", location => '...')->start;
#   $nginx->port; $nginx->reload; $nginx->quit; $nginx->complaints

use strict;
use warnings;

use version;

use parent 'Test::Meta::Process';

use Test::Meta::Util qw(build_dir connects hold_port patience slurp spew
    valgrind wait_for);

my $NCHAN = '/usr/lib/nginx/modules/ngx_nchan_module.so';

my %DEFAULT = (client_max_body_size => '4m');

my %META = (
    meta_redis                 => '$REDIS',
    meta_redis_connect_timeout => '10s',
    meta_redis_timeout         => '10s',
    meta_app_id                => '1234567890',
    meta_app_secret_file       => '$DIR/secret',
    meta_verify_token_file     => '$DIR/token',
);

# text for each place of the skeleton: main, http, server, location
# redis: address; secret, token: what the two files hold; workers; master: off;
# modules: none; bare: no meta_ directive in http; env: {NAME => VALUE}
# vars: {NAME => VALUE} that $NAME in the texts stands for
sub new {
    my ($class, %arg) = @_;
    my $self = bless {workers => 1, master => 'on', daemon => 'off', vars => {},
        log_level => 'debug', modules => '', %arg}, $class;
    ($self->{port}, $self->{probe}) = hold_port();
    ($self->{h2_port}, $self->{h2_probe}) = hold_port();
    $self->{error_log} = "$self->{dir}/error.log";
    $self->{access_log} = "$self->{dir}/access.log";
    spew("$self->{dir}/secret", $arg{secret}) if defined $arg{secret};
    spew("$self->{dir}/token", $arg{token}) if defined $arg{token};
    %{$self->{vars}} = (DIR => "$self->{dir}", PORT => $self->{port},
        H2PORT => $self->{h2_port}, REDIS => $self->{redis},
        %{$self->{vars}});
    $self->write_conf;
    return $self;
}

sub port    { return $_[0]{port} }
sub h2_port { return $_[0]{h2_port} }

# $NAME (upper case) for its value; an unknown one is the test's mistake.
# $MS300: so many milliseconds, more where everything is slower
sub expand {
    my ($self, $text) = @_;
    $text =~ s/\$MS(\d+)/$1 * patience() . 'ms'/ge;
    $text =~ s/\$([A-Z][A-Z0-9_]*)\b/$self->{vars}{$1}
        \/\/ die "unknown variable \$$1\n"/ge;
    return $text;
}

sub load_lines {
    my ($self) = @_;
    return '' if $self->{modules} eq 'none';
    my $order = $self->{modules} || $ENV{META_T_MODULES} || '';
    my @load = (build_dir() . '/ngx_http_meta_module.so');
    unshift @load, $NCHAN if $order eq 'nchan-first';
    push @load, $NCHAN if $order eq 'nchan-last';
    return join '', map { "load_module $_;\n" } @load;
}

# the defaults that the block does not set in http itself
sub http_lines {
    my ($self) = @_;
    my $own = $self->{http} // '';
    my $bare = $self->{bare} || $self->{modules} eq 'none';
    my %default = (%DEFAULT, $bare ? () : %META);
    my $lines = join '', map { "    $_ $default{$_};\n" }
        grep { $own !~ /^\s*\Q$_\E\s/m } sort keys %default;
    return $bare ? $lines : $lines . <<'END';
    log_format meta '$status $meta_verdict object=$meta_object '
        'app=$meta_app events=$meta_events queued=$meta_queued '
        'time=$meta_queue_time delivery=$meta_delivery';
    access_log $DIR/meta.log meta;
END
}

sub write_conf {
    my ($self) = @_;
    my $user = $> == 0 ? "user www-data;\n" : '';
    # the parameter is deprecated where there is the directive
    my @h2 = release() < v1.25.1 ? (' http2', '') : ('', "        http2 on;\n");
    my $text = $user . $self->load_lines
        . ($self->{main} // '') . <<"END"
daemon $self->{daemon};
master_process $self->{master};
worker_processes $self->{workers};
pid \$DIR/nginx.pid;
error_log \$DIR/error.log $self->{log_level};
events {
    worker_connections 512;
}
http {
    client_body_temp_path \$DIR/body;
    proxy_temp_path \$DIR/proxy;
    fastcgi_temp_path \$DIR/fastcgi;
    uwsgi_temp_path \$DIR/uwsgi;
    scgi_temp_path \$DIR/scgi;
    access_log \$DIR/access.log combined;
END
        . $self->http_lines . ($self->{http} // '') . <<"END"
    server {
        listen 127.0.0.1:\$PORT;
        listen 127.0.0.1:\$H2PORT$h2[0];
END
        . $h2[1] . ($self->{server} // '') . <<"END"
        location /hook {
END
        . ($self->{location} // "meta_webhook;\n") . "        }\n    }\n}\n";

    return spew("$self->{dir}/nginx.conf", $self->expand($text));
}

# absolute, because a binary upgrade needs that
sub binary {
    return $ENV{META_T_NGINX} if $ENV{META_T_NGINX};
    my ($found) = grep { -x } map { "$_/nginx" }
        split(/:/, $ENV{PATH} // ''), '/usr/sbin', '/usr/local/sbin';
    return $found // die "nginx is not installed\n";
}

# the version of a binary, ours by default: to be compared with v1.22.1
sub release {
    my $binary = $_[0] // binary();
    my ($numbers) = qx{$binary -v 2>&1} =~ m{/([\d.]+)} or die "$binary: no nginx\n";
    return version->declare("v$numbers");
}

sub command {
    my ($self, @args) = @_;
    return (valgrind("$self->{dir}/valgrind"), binary(), '-e', 'stderr',
        '-p', "$self->{dir}/", '-c', "$self->{dir}/nginx.conf", @args);
}

# what nginx -t (or -T) says: how it ended, its words
sub test {
    my ($self, $flag) = @_;
    my $out = "$self->{dir}/nginx-test.out";
    unlink $out;
    my $t = Test::Meta::Process->new;
    $t->run(out => $out, env => $self->{env},
        cmd => [$self->command($flag // '-t')]);
    return ($t->wait_exit(20), slurp($out));
}

# started: its workers run, for single-process mode its port answers
sub start {
    my ($self) = @_;
    my $out = "$self->{dir}/nginx.out";
    my $seen = $self->count_log($self->ready_mark);
    $self->run(out => $out, env => $self->{env}, cmd => [$self->command]);
    wait_for {
        !$self->alive
        || -s "$self->{dir}/nginx.pid" && connects($self->port)
        && $self->count_log($self->ready_mark) >= $seen + $self->{workers}
    } 20;
    die 'nginx did not start: ' . slurp($out) . $self->complaints
        unless $self->alive && -s "$self->{dir}/nginx.pid";
    return $self;
}

# a log line that each worker writes when it runs
sub ready_mark {
    my ($self) = @_;
    return $self->{master} eq 'off' ? qr/\[notice\] .*: OS: /
        : qr/\[notice\] .*: start worker process \d/;
}

# HUP, and until new workers run and the old ones know that they leave
sub reload {
    my ($self) = @_;
    my $start = $self->count_log($self->ready_mark);
    my $again = $self->count_log(qr/\[notice\] .*: reconfiguring/);
    my @old = $self->workers;

    $self->signal('HUP');
    wait_for { $self->count_log(qr/\[notice\] .*: reconfiguring/) > $again }
        or die "nginx does not reload\n";
    return $self if $self->{master} eq 'off';
    wait_for {
        my %leaving = map { $_ => 1 }
            $self->error_log =~ / (\d+)#\d+: gracefully shutting down/g;
        $self->count_log($self->ready_mark) >= $start + $self->{workers}
            && !grep { !$leaving{$_} && kill 0, $_ } @old;
    } 20 or die 'nginx did not reload: ' . $self->complaints . "\n";
    return $self;
}

# pids of the workers that run, those that are leaving too
sub workers {
    my ($self) = @_;
    return grep { kill 0, $_ }
        $self->error_log =~ /: start worker process (\d+)/g;
}

# graceful; returns how the master ended: "0" if all is well
sub quit {
    my ($self, $seconds) = @_;
    return $self->stop('QUIT', $seconds // 10);
}

# by force too it takes its workers along
sub stop {
    my ($self, @how) = @_;
    my @children = grep {
        slurp("/proc/$_/stat") =~ /^\d+ \(.*\) \S (\d+)/ && $1 == $self->pid
    } map { m{(\d+)$} } glob '/proc/[0-9]*';
    my $end = $self->SUPER::stop(@how);
    kill 'KILL', grep { slurp("/proc/$_/stat") =~ /\(nginx\)/ } @children
        if !defined $end || $end eq 'signal 9';
    return $end;
}

sub error_log  { return slurp($_[0]{error_log}) }
sub access_log { return slurp($_[0]{access_log}) }

sub count_log {
    my ($self, $regex) = @_;
    my $n = () = $self->error_log =~ /$regex/g;
    return $n;
}

sub wait_log {
    my ($self, $regex, $seconds) = @_;
    return wait_for { $self->error_log =~ /$regex/m } $seconds;
}

# lines that no test may leave behind, except those that one of @allow matches
sub complaints {
    my ($self, @allow) = @_;
    my @bad = grep {
        /\[(?:alert|crit|emerg)\]|Sanitizer|runtime\ error
        |open\ socket\ .*\ left|exited\ on\ signal
        |exited\ with\ (?:fatal\ )?code\ [1-9]|request\ count\ is\ zero/x
    } split /^/, $self->error_log . slurp("$self->{dir}/nginx.out");
    push @bad, map { slurp($_) } glob "$self->{dir}/valgrind.*";
    for my $regex (@allow) {
        @bad = grep { !/$regex/ } @bad;
    }
    return join '', @bad;
}

# Log lines with one of the words.  nginx core's own debug lines print whole
# headers and arguments, over several lines too, and are left out; ours begin
# with "http meta" or "meta".
sub leaks {
    my ($self, @words) = @_;
    my $any = join '|', map { quotemeta } grep { length } @words;
    return '' unless length $any;
    my @lines = grep {
        !/\[debug\]/ || /\[debug\] \d+#\d+: (?:\*\d+ )?(?:http )?meta\b/
    } split /^(?=\d{4}\/\d\d\/\d\d )/m, $self->error_log;
    push @lines, map { split /^/, slurp($_) } $self->{access_log},
        map { "$self->{dir}/$_" } qw(meta.log nginx.out);
    return join '', grep { /$any/ } @lines;
}

1;
