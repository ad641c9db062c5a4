package Edge::Rig;

# The servers that rows are measured on, each started when the first row asks for it.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);

use Edge::Delivery;
use Edge::Process;
use Edge::Queue;
use Edge::Server;

my $bench = abs_path(dirname(__FILE__) . '/../..');
my %have;

sub build { return $ENV{META_BUILD} // die "META_BUILD is not set: run scripts/bench\n" }

sub secret_file {
    my $file = bench_dir() . '/secret';
    spew($file, SECRET . "\n") if !-e $file;
    return $file;
}

# a certificate of our own for TLS: PATH.pem and PATH.key
sub certificate {
    my $path = bench_dir() . '/tls';
    return $path if -e "$path.pem";
    my $said = qx{openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \\
        -subj /CN=localhost -keyout $path.key -out $path.pem 2>&1};
    die "bench: openssl req: $said" if $? != 0;
    return $path;
}

sub queue {
    return $have{queue} //= Edge::Queue->new('redis', '--appendonly', 'no');
}

# Redis that has each command on the disk before it answers
sub durable_queue {
    return $have{durable} //= Edge::Queue->new('redis-aof', '--appendonly', 'yes',
        '--appendfsync', 'always', '--auto-aof-rewrite-percentage', 0);
}

# ours, with the locations of every row but the spool's
sub module {
    return $have{module} //= do {
        my $queue = queue();
        Edge::Server->nginx(name => 'module', tls => certificate(), %{ with_module() },
            locations => <<"CONF")->start_nginx;
        location = /plain   { return 200; }
        location = /webhook { meta_webhook; }
        location = /memory  { meta_webhook; client_body_buffer_size 4m; }
        location = /tcp     { meta_webhook; meta_redis 127.0.0.1:$queue->{port}; }
CONF
    };
}

sub with_module {
    my ($redis, $secret, $build) = (queue()->{sock}, secret_file(), build());
    return { modules => "load_module $build/ngx_http_meta_module.so;", http => <<"CONF" };
    meta_redis unix:$redis;
    meta_redis_timeout 5s;
    meta_app_secret_file $secret;
CONF
}

# Ours with a spool; undef where the build has none.  The one location that goes by the disk has a
# list of its own, since what others send to its list goes behind, on the disk too.
sub spool {
    return $have{spool} //= do {
        my $spool   = bench_dir() . '/records';
        my $durable = durable_queue()->{sock};
        my $with    = with_module();
        my $server  = Edge::Server->nginx(name => 'spool', modules => $with->{modules},
            http => $with->{http} . "    meta_spool $spool max=20g;\n", locations => <<"CONF");
        location = /redis   { meta_webhook; }
        location = /durable { meta_webhook; meta_redis unix:$durable; }
        location = /disk    { meta_webhook; meta_ack disk; meta_queue meta:disk; }
CONF
        my $objection = $server->objection;
        die "bench: $objection" if $objection && $objection !~ /unknown directive "meta_spool"/;
        $objection ? undef : $server->start_nginx;
    };
}

# the same work by OpenResty's Lua module; undef where it is not installed
sub lua {
    return $have{lua} //= do {
        my ($modules, $redis, $secret) = ('/usr/lib/nginx/modules', queue()->{sock}, SECRET);
        my $list   = LIST;
        my $server = Edge::Server->nginx(name => 'lua', modules => <<"CONF", http => <<"HTTP",
load_module $modules/ndk_http_module.so;
load_module $modules/ngx_http_lua_module.so;
CONF
    lua_package_path "$bench/lua/?.lua;;";
    init_by_lua_block {
        require("meta_webhook").setup {
            secret = "$secret", redis = "unix:$redis", list = "$list"
        }
    }
HTTP
            locations => <<'CONF');
        location = /webhook { content_by_lua_block { require("meta_webhook").webhook() } }
CONF
        my $objection = -e "$modules/ngx_http_lua_module.so" ? $server->objection : 'not there';
        die "bench: $objection" if $objection && $objection !~ /not there|module '[^']+' not found/;
        $objection ? undef : $server->start_nginx;
    };
}

# the same work by Node with npm's redis; undef where one of them is missing
sub node {
    return $have{node} //= do {
        local $ENV{NODE_PATH} = build() . '/bench/node/node_modules';
        system('node -e \'require("redis")\' >/dev/null 2>&1') != 0 ? undef
            : Edge::Server->node("$bench/node/server.js", queue()->{sock}, secret_file(), LIST);
    };
}

sub node_version {
    my $version = qx{node --version 2>/dev/null} // '';
    return $version =~ s/\s+\z//r;
}

1;
