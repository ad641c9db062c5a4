package MediaHost;

# Meta's host for media, and Graph where it is asked for their URLs: an HTTP
# server that answers by a sub and keeps what it was asked.
#
#   my $host = MediaHost->new(dir => $dir, answer => sub {
#       my ($path, $nth) = @_; return (200, $body, {Name => 'value'}) })->start;
#   $host->url                http://127.0.0.1:PORT
#   $host->asked              [PATH, 'Bearer ...' or '']; nth counts from 1
#
# An answer's body may be a list: pieces, between which the file HOLD of the
# directory has to be gone.

use strict;
use warnings;

use parent 'Test::Meta::Process';

use IO::Socket::INET;
use Socket qw(SOMAXCONN);

use Test::Meta::Util qw(slurp spew wait_for);

sub new {
    my ($class, %arg) = @_;
    my $self = bless {%arg}, $class;
    $self->{log} = "$self->{dir}/media.asked";
    $self->{hold} = "$self->{dir}/media.hold";
    $self->{socket} = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
        Proto => 'tcp', Listen => SOMAXCONN) or die "media: $!";
    spew($self->{log}, '');
    return $self;
}

sub url { 'http://127.0.0.1:' . $_[0]{socket}->sockport }

sub start {
    my ($self) = @_;
    return $self->run_server("$self->{dir}/media.out");
}

sub serve {
    my ($self, $client) = @_;
    my ($path, $token) = ('', '');
    local $/ = "\r\n";
    while (my $line = <$client>) {
        last if $line eq "\r\n";
        $path = $1 if $line =~ m{^GET (\S+) HTTP};
        $token = $1 if $line =~ /^Authorization: (.+)\r\n/i;
    }
    my ($status, $body, $headers) = $self->{answer}->($path,
        1 + grep { $_->[0] eq $path } $self->asked);
    open my $log, '>>:raw', $self->{log} or die "$self->{log}: $!";
    syswrite $log, "$path\t$token\n";
    close $log;

    my @pieces = ref $body ? @$body : $body;
    my $length = 0;
    $length += length for @pieces;
    print $client "HTTP/1.1 $status Some words\r\nContent-Length: $length\r\n",
        "Connection: close\r\n", (map { "$_: $headers->{$_}\r\n" } keys %{$headers // {}}), "\r\n";
    for my $n (0 .. $#pieces) {
        $n and wait_for { !-e $self->{hold} } 60;
        print $client $pieces[$n];
        $client->flush;
    }
    close $client;
}

sub asked { map { [split /\t/, $_, 2] } split /\n/, slurp($_[0]{log}) }

sub hold { spew($_[0]{hold}, '') }
sub release { unlink $_[0]{hold} }

1;
