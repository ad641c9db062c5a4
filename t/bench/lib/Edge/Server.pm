package Edge::Server;

# What is measured: a private nginx, with one pinned worker, or a Node program in its place.

use strict;
use warnings;

use File::Path qw(make_path);
use IO::Socket::INET;

use Edge::Process;

my $nginx = $ENV{META_T_NGINX} // '/usr/sbin/nginx';

sub built { return scalar qx{$nginx -V 2>&1} }

# name, and text for the configuration: modules, http, and the locations of its only server
sub nginx {
    my ($class, %part) = @_;
    my $self = bless { name => $part{name}, port => free_port(), tls_port => free_port() }, $class;
    my $dir  = bench_dir() . "/$part{name}";
    make_path("$dir/temp");
    $self->{conf} = "$dir/nginx.conf";
    $self->{log}  = "$dir.log";
    spew($self->{conf}, $self->configuration($dir, \%part));
    return $self;
}

sub configuration {
    my ($self, $dir, $part) = @_;
    my $user = $> == 0 ? 'user root;' : '';
    my $mask = '1' . '0' x worker_cpu();
    my $tls  = $part->{tls} ? <<"CONF" : '';
        listen 127.0.0.1:$self->{tls_port} ssl;
        ssl_certificate     $part->{tls}.pem;
        ssl_certificate_key $part->{tls}.key;
CONF
    return <<"CONF";
$user
$part->{modules}
daemon off;
worker_processes 1;
worker_cpu_affinity $mask;
pid $dir/nginx.pid;
error_log $self->{log} warn;
events { worker_connections 1024; }
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
    $part->{http}
    server {
        listen 127.0.0.1:$self->{port};
$tls        $part->{locations}
    }
}
CONF
}

# what nginx says against its configuration, if it does
sub objection {
    my $self = shift;
    my $said = qx{$nginx -t -e $self->{log} -c $self->{conf} 2>&1};
    return $? == 0 ? '' : $said;
}

sub start_nginx {
    my $self = shift;
    $self->{pid} = start($nginx, '-e', $self->{log}, '-c', $self->{conf});
    $self->answers;
    return $self;
}

# a Node program that is told its port first
sub node {
    my ($class, $program, @more) = @_;
    my $self = bless { name => 'node', port => free_port() }, $class;
    # fewer and cheaper collections, measured
    my @tuned = ('--single-threaded-gc', '--max-semi-space-size=64');
    $self->{pid} = $self->{worker} = start('taskset', '-c', worker_cpu(), 'node', @tuned, $program,
        $self->{port}, @more);
    $self->answers;
    return $self;
}

sub answers {
    my $self = shift;
    wait_for("an answer of $self->{name}", sub {
        die "bench: $self->{name} did not start\n", slurp($self->{log} // '')
            if waitpid($self->{pid}, POSIX::WNOHANG()) != 0;
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
    });
}

# the process that answers; the same one for all of a run
sub worker {
    my $self = shift;
    return $self->{worker} //= wait_for("a worker of $self->{name}", sub {
        my @workers = grep { slurp("/proc/$_/cmdline") =~ /worker process/ }
            children_of($self->{pid});
        $workers[0];
    });
}

1;
