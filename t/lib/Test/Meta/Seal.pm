package Test::Meta::Seal;

# Secrets sealed as the edge and the consumer seal them, for tests that put them
# into Redis.
#
#   my $key = seal_key("$dir/keys");             a key file of one line
#   my $sealed = seal('token', $key, 'page:1', 'EAA...');

use strict;
use warnings;

use Exporter qw(import);
use Fcntl qw(:flock);
use IPC::Open2 qw(open2);

use Test::Meta::Util qw(build_dir root_dir spew);

our @EXPORT_OK = qw(seal seal_key);

my $program;

sub seal_key {
    my ($file) = @_;
    open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";
    read $random, my $bytes, 32;
    my $key = unpack 'H*', $bytes;
    spew($file, "$key\n");
    chmod 0600, $file;
    return $key;
}

sub seal {
    my ($purpose, $key, $name, $text) = @_;
    $program //= build();
    my $pid = open2(my $out, my $in, $program, $purpose, $key);
    print $in "$name $text\n";
    close $in;
    chomp(my $sealed = <$out> // '');
    waitpid $pid, 0;
    die "seal: exit $?\n" if $? || $sealed eq '';
    return $sealed;
}

# several tests may build at once
sub build {
    my ($root, $out) = (root_dir(), build_dir() . '/seal');
    open my $lock, '>', "$out.lock" or die "$out.lock: $!\n";
    flock $lock, LOCK_EX or die "flock: $!\n";
    my $new = -M "$root/t/lib/seal.c";
    return $out if -x $out && -M $out < $new && -M $out < -M "$root/meta/meta_seal.c";
    system($ENV{CC} // 'cc', '-std=gnu11', '-Wall', '-Wextra', "-I$root", "$root/t/lib/seal.c",
        "$root/meta/meta_seal.c", "$root/meta/meta_base64.c", '-o', $out, '-lcrypto') == 0
        or die "t/lib/seal.c does not build\n";
    return $out;
}

1;
