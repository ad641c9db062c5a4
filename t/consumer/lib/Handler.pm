package Handler;

# A handler as a user would write one: an HTTP server that answers by a sub and
# keeps what it got.
#
#   my $handler = Handler->new(dir => $dir, secret => 's', unix => 1,
#       answer => sub { my ($request) = @_; return (200, {actions => ['mark_read']}) })->start;
#   $handler->url               what handlers[].url takes
#   $handler->requests          {line, headers, body, view, genuine}
#
# The sub runs in a process of its own for each request: what it knows is what
# stands in the request.  It may return a third value, more headers as a hash.

use strict;
use warnings;

use parent 'Test::Meta::Process';

use Digest::SHA qw(hmac_sha256_hex);
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use Socket qw(SOMAXCONN);

use Test::Meta::Util qw(slurp);

sub new {
    my ($class, %arg) = @_;
    my $self = bless {name => 'handler', %arg}, $class;
    $self->{log} = "$self->{dir}/$self->{name}.requests";
    $self->{socket} = $self->{unix}
        ? IO::Socket::UNIX->new(Local => "$self->{dir}/$self->{name}.sock", Listen => SOMAXCONN)
        : IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Proto => 'tcp',
            Listen => SOMAXCONN);
    die "$self->{name}: $!" if !$self->{socket};
    return $self;
}

sub url {
    my ($self) = @_;
    return $self->{unix} ? "unix:$self->{dir}/$self->{name}.sock:/meta?a=b"
        : 'http://127.0.0.1:' . $self->{socket}->sockport . '/meta?a=b';
}

sub start {
    my ($self) = @_;
    return $self->run_server("$self->{dir}/$self->{name}.out");
}

sub serve {
    my ($self, $client) = @_;
    my ($head, $body) = ('', '');
    local $/ = "\r\n";

    while (my $line = <$client>) {
        last if $line eq "\r\n";
        $head .= $line;
    }
    my ($first, @lines) = split /\r\n/, $head;
    my %headers = map { my ($name, $value) = split /:\s*/, $_, 2; (lc $name => $value) } @lines;
    read $client, $body, $headers{'content-length'} // 0;

    my $digest = hmac_sha256_hex("$headers{'meta-timestamp'}.$body", $self->{secret});
    my %request = (line => $first, headers => \%headers, body => $body,
        genuine => ($headers{'meta-signature'} // '') eq "sha256=$digest" ? 1 : 0);
    open my $log, '>>:raw', $self->{log} or die "$self->{log}: $!";
    syswrite $log, JSON::PP->new->canonical->latin1->encode(\%request) . "\n";
    close $log;

    $request{view} = JSON::PP->new->utf8->decode($body);
    my ($status, $answer, $more) = $self->{answer}->(\%request);
    $answer = JSON::PP->new->utf8->encode($answer) if ref $answer;
    $answer //= '';
    print $client "HTTP/1.1 $status Some words\r\nContent-Length: ", length $answer,
        "\r\nConnection: close\r\n", (map { "$_: $more->{$_}\r\n" } keys %{$more // {}}),
        "\r\n", $answer;
    close $client;
}

sub requests {
    my ($self) = @_;
    my $json = JSON::PP->new->latin1;
    return map {
        my $r = $json->decode($_);
        $r->{view} = JSON::PP->new->utf8->decode($r->{body});
        $r;
    } slurp($self->{log}) =~ /^(.*)\n/mg;     # the last one may still be written
}

1;
