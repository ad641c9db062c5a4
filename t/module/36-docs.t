# Every piece of nginx.conf in README, docs/ and packaging/ is one that nginx
# -t takes.

use strict;
use warnings;

use File::Basename qw(basename);
use Test::More;

use Test::Meta;
use Test::Meta::Certs;
use Test::Meta::Nginx;
use Test::Meta::Util qw(build_dir hold_port root_dir slurp spew temp_dir);

my $ROOT = root_dir();
my $STREAM = '/usr/lib/nginx/modules/ngx_stream_module.so';

# the page's pieces, as they stand
sub pieces {
    my ($page) = @_;
    return slurp("$ROOT/$page") =~ /^```nginx\n(.*?)^```$/msg;
}

# the same with files, ports and names that are there; "..." stands for more
sub runnable {
    my ($text, $dir, $port) = @_;
    $text =~ s/^\s*\.\.\.\n//mg;
    $text =~ s{/etc/ssl/(?:private/)?hooks\.example\.com\.(pem|key)}{$dir/server.$1}g;
    $text =~ s{(?<= )tls\.(pem|key)}{$dir/server.$1}g;
    $text =~ s{/etc/(?:meta|nginx)/(\w+)}{$dir/$1}g;
    $text =~ s{(?:/usr/local/lib/nginx/|\b)modules(?=/ngx_http_meta)}{build_dir()}ge;
    $text =~ s{/var/(?:log/nginx|spool/meta)}{$dir}g;
    $text =~ s/^(\s*listen )(?:[\d.]+:)?(?:443|8080)/${1}127.0.0.1:$port/mg;
    $text =~ s/redis\.example\.com/localhost/g;
    return $text;
}

# where a piece belongs that is no whole file
sub places {
    my ($text) = @_;
    return (main => "load_module $STREAM;\n$text") if $text =~ /^stream \{/m;
    my $http = "ssl_certificate \$DIR/server.pem;\nssl_certificate_key \$DIR/server.key;\n";
    $http .= $1 if $text =~ s/^(log_format .*?;\n)//ms;
    return (http => $http . $text) if $text =~ /^(?:server|upstream) /m;
    return (http => $http, server => $text);
}

# a whole file knows nothing of our folder
sub temporary {
    my ($dir) = @_;
    return join "\n", "access_log $dir/access.log;",
        map { $_ . "_temp_path $dir/$_;" } qw(client_body proxy fastcgi uwsgi scgi);
}

sub is_taken {
    my ($name, $text) = @_;
    my $dir = temp_dir();
    my ($port, $probe) = hold_port();
    Test::Meta::Certs->new($dir, 'ca')->issue('server', '/CN=localhost', 'DNS:localhost');
    spew("$dir/$_", slurp("$dir/ca.pem")) for qw(client_ca.pem redis_ca.pem);
    spew("$dir/tls.$_", slurp("$dir/server.$_")) for qw(pem key);
    spew("$dir/$_", "a-word-of-the-sample\n")
        for qw(app_secret verify_token redis_password link_key instagram_secret);
    spew("$dir/app_secrets", "1234567890 one-secret\n2345678901 another-secret\n");
    spew("$dir/token_keys", "00112233445566778899aabbccddeeff" x 2 . "\n");
    spew("$dir/cloudflare_ranges.conf", "set_real_ip_from 192.0.2.0/24;\n");

    $text = runnable($text, $dir, $port);
    my $whole = $text =~ /^http \{/m;
    my $nginx = Test::Meta::Nginx->new(dir => $dir, redis => '127.0.0.1:1',
        bare => 1, $whole ? () : places($text));
    spew("$dir/nginx.conf", $text =~ s/^http \{/pid $dir\/nginx.pid;\n$&\n@{[temporary($dir)]}/mr)
        if $whole;
    my ($how, $said) = $nginx->test;
    is $how, '0', $name or diag $said, slurp("$dir/nginx.conf");
}

for my $page ('README.md', map { "docs/" . basename($_) } glob "$ROOT/docs/*.md") {
    my $n = 0;
    for my $text (pieces($page)) {
        $n++;
        SKIP: {
            skip "$page $n: no stream module here", 1
                if $text =~ /^stream \{/m && (!-e $STREAM || $ENV{META_T_NGINX});
            is_taken("$page, piece $n", $text);
        }
    }
}
is_taken($_, slurp("$ROOT/$_")) for 'packaging/etc/nginx-meta.conf';
done_testing;
