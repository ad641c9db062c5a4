# make install under a DESTDIR: everything is there, with the paths of the prefix, and works.

use strict;
use warnings;

use File::Find qw(find);
use Test::More;

use Test::Meta::Nginx;
use Test::Meta::Util qw(build_dir root_dir slurp spew temp_dir);

my $ROOT = root_dir();
my $BUILD = build_dir();
my $DOC = 'share/doc/ngx_http_meta_module';

# the files that are there, without the prefix
sub installed {
    my ($dest, @words) = @_;
    my $said = qx{make -s -C "$ROOT" install -o all BUILD="$BUILD" DESTDIR="$dest" @words 2>&1};
    is "$? $said", '0 ', "make install @words";
    my %files;
    find({no_chdir => 1, wanted => sub {
        $files{substr $_, length $dest} = sprintf '%o', (lstat)[2] & 0777 if !-d;
    }}, $dest);
    return %files;
}

sub has {
    my ($files, $prefix, $unitdir) = @_;
    my %want = (
        "$prefix/lib/nginx/modules/ngx_http_meta_module.so" => 644,
        "$prefix/bin/meta-consumer" => 755,
        "$prefix/share/man/man8/meta-consumer.8" => 644,
        "$prefix/share/man/man5/meta-consumer.yaml.5" => 644,
        "$prefix/share/bash-completion/completions/meta-consumer" => 644,
        "$prefix/share/zsh/site-functions/_metactl" => 644,
        "$unitdir/meta-consumer.service" => 644,
        "$prefix/$DOC/examples/consumer.yaml" => 644,
        "$prefix/$DOC/examples/nginx-meta.conf" => 644,
        "$prefix/$DOC/docs/consumer.md" => 644,
        (map { ("$prefix/$DOC/docs/examples/handler.$_" => 644) } qw(go js php py)),
        "$prefix/$DOC/LICENSE" => 644,
    );
    $want{"$prefix/bin/metactl"} = 755 if -e "$BUILD/metactl";
    is_deeply {map { $_ => $files->{$_} // 'missing' } keys %want}, \%want, 'what there should be';
    is_deeply [grep { !m{^(?:\Q$prefix\E|\Q$unitdir\E)/} } keys %$files], [], 'nothing elsewhere';
    is_deeply [grep { /\.new$/ } keys %$files], [], 'and nothing half done';
}

my $dest = temp_dir();
my %files = installed($dest);
has(\%files, '/usr/local', '/usr/local/lib/systemd/system');
is_deeply {installed($dest)}, \%files, 'once more: the same';

my $other = temp_dir();
my %elsewhere = installed($other, 'PREFIX=/opt/meta', 'UNITDIR=/lib/systemd/system');
has(\%elsewhere, '/opt/meta', '/lib/systemd/system');
is_deeply [grep { m{/(?:examples|man)/|\.service$} && slurp("$other$_") =~ m{/usr/local/} }
    keys %elsewhere], [], 'samples, pages and unit have the paths of the prefix';
like slurp("$other/lib/systemd/system/meta-consumer.service"),
    qr{^ExecStart=/opt/meta/bin/meta-consumer -c /etc/meta/consumer\.yaml$}m, 'the unit starts it';

my $consumer = "$dest/usr/local/bin/meta-consumer";
like qx{"$consumer" -v}, qr/^meta-consumer \d/, 'the program runs';

subtest 'the sample of the consumer' => sub {
    my $dir = temp_dir();
    my $sample = slurp("$dest/usr/local/$DOC/examples/consumer.yaml");
    spew("$dir/$1", "EAAword\n") while $sample =~ m{/etc/meta/(\w+)}g;
    spew("$dir/consumer.yaml", $sample =~ s{/etc/meta/}{$dir/}gr);
    my $said = qx{"$consumer" -t -c "$dir/consumer.yaml" 2>&1};
    is $?, 0, 'is good' or diag $said;
};

subtest 'the module' => sub {
    my $dir = temp_dir();
    my $nginx = Test::Meta::Nginx->new(dir => $dir, redis => '127.0.0.1:1', bare => 1,
        modules => 'none', main => "load_module $dest/usr/local/lib/nginx/modules/"
        . "ngx_http_meta_module.so;\n", server => "location = /s { meta_status; }\n");
    my ($how, $said) = $nginx->test;
    is $how, '0', 'nginx loads it' or diag $said;
};

SKIP: {
    my ($man) = grep { -x } '/usr/bin/man' or skip 'no man', 1;
    for my $page (grep { m{/man\d/} } sort keys %files) {
        is qx{MANWIDTH=80 $man --warnings -l "$dest$page" 2>&1 >/dev/null}, '', "$page";
    }
}

SKIP: {
    my ($verify) = grep { -x } '/usr/bin/systemd-analyze' or skip 'no systemd-analyze', 1;
    my $dir = temp_dir();
    my $unit = slurp("$dest/usr/local/lib/systemd/system/meta-consumer.service");
    spew("$dir/meta-consumer.service", $unit =~ s{/usr/local/}{$dest/usr/local/}gr);
    is qx{$verify verify --man=no "$dir/meta-consumer.service" 2>&1}, '', 'systemd takes the unit';
}

subtest 'completion' => sub {
    my $file = "$dest/usr/local/share/bash-completion/completions/meta-consumer";
    my $dir = temp_dir();
    spew("$dir/a.yaml", '');
    spew("$dir/a.txt", '');
    my $complete = sub {
        my (@words) = @_;
        my $line = join ' ', map { qq("$_") } @words;
        return qx{bash -c '. "$file"; COMP_WORDS=($line); COMP_CWORD=\$((\${#COMP_WORDS[\@]} - 1));
            compopt() { :; }; _meta_consumer; printf "%s\\n" "\${COMPREPLY[\@]}"'};
    };
    is $complete->('meta-consumer', '-'), "-c\n-t\n-v\n-h\n", 'options';
    is $complete->('meta-consumer', '-c', "$dir/a."), "$dir/a.yaml\n", 'configurations';
};

done_testing;
