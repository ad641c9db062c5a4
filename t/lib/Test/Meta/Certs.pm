package Test::Meta::Certs;

# A certificate authority of a test's own, made by openssl.
#
#   my $ca = Test::Meta::Certs->new($dir, 'ca');          $dir/ca.pem
#   $ca->issue('client', '/CN=who');                      $dir/client.pem, .key
#   $ca->issue('server', '/CN=x', 'DNS:redis.test,IP:127.0.0.1');

use strict;
use warnings;

use Test::Meta::Process;
use Test::Meta::Util qw(slurp spew);

my @KEY = qw(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes);

# its name is a subject; another CA of the same subject is another CA
sub new {
    my ($class, $dir, $name, $subject) = @_;
    my $self = bless {dir => "$dir", name => $name}, $class;
    $self->openssl('req', '-x509', @KEY, '-days', 2,
        '-subj', $subject // "/CN=authority of a test",
        '-keyout', "$dir/$name.key", '-out', "$dir/$name.pem");
    return $self;
}

sub openssl {
    my ($self, @args) = @_;
    my $out = "$self->{dir}/openssl.out";
    my $process = Test::Meta::Process->new;
    $process->run(out => $out, cmd => ['openssl', @args]);
    my $how = $process->wait_exit(30) // 'hangs';
    die "openssl $args[0]: " . slurp($out) if $how ne '0';
    unlink $out;
}

sub issue {
    my ($self, $name, $subject, $san) = @_;
    my $base = "$self->{dir}/$name";
    my @extension = $san
        ? ('-extfile', spew("$base.ext", "subjectAltName=$san\n")) : ();
    $self->openssl('req', '-new', @KEY, '-utf8', '-subj', $subject,
        '-keyout', "$base.key", '-out', "$base.csr");
    $self->openssl('x509', '-req', '-in', "$base.csr", '-days', 2,
        '-CA', "$self->{dir}/$self->{name}.pem",
        '-CAkey', "$self->{dir}/$self->{name}.key", '-CAcreateserial',
        @extension, '-out', "$base.pem");
    chmod 0644, "$base.key";
    return $base;
}

1;
