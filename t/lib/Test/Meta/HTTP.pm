package Test::Meta::HTTP;

# HTTP/1.1 over a raw socket, so that a request can be late, broken, pipelined
# or abandoned; HTTP/2 by nghttp.
#
#   my $c = Test::Meta::HTTP->new($port);
#   $c->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
#   my $answer = $c->answer;     {status, reason, headers, body, interim}

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

use Test::Meta::Process;
use Test::Meta::Util qw(patience slurp spew);

sub new {
    my ($class, $port) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port, Proto => 'tcp') or die "connect to $port: $@\n";
    return bless {socket => $socket, in => ''}, $class;
}

# everything, also while the other side does not read; false if it has closed
sub send {
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $off = 0;
    while ($off < length $bytes) {
        my $n = syswrite $self->{socket}, $bytes, length($bytes) - $off, $off;
        return 0 unless defined $n;
        $off += $n;
    }
    return 1;
}

# no more from us; the other side may go on
sub half_close { shutdown $_[0]{socket}, 1 }

sub close { close $_[0]{socket} }

sub reset {
    my ($self) = @_;
    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    $self->close;
}

# more bytes into {in}; false at the end, dies when time is up
sub fill {
    my ($self) = @_;
    my $until = time + 20 * patience();
    my $select = IO::Select->new($self->{socket});
    # a child that stops or ends is a signal, and ends the wait
    until ($select->can_read($until - time)) {
        die "no answer within the time\n" if time >= $until;
    }
    return sysread $self->{socket}, $self->{in}, 65536, length $self->{in};
}

sub bytes {
    my ($self, $n) = @_;
    while (length $self->{in} < $n) {
        $self->fill or die "closed inside of an answer\n";
    }
    return substr $self->{in}, 0, $n, '';
}

sub line {
    my ($self) = @_;
    while ($self->{in} !~ /\n/) {
        $self->fill or die "closed inside of an answer\n";
    }
    $self->{in} =~ s/\A(.*?)\r?\n//;
    return $1;
}

# The next answer, or {status => 0} if the connection ended without one.
# method HEAD: it has no body. interim: statuses of 1xx that came before.
sub answer {
    my ($self, $method) = @_;
    my @interim;

    while (!length $self->{in}) {
        $self->fill
            or return {status => 0, headers => [], body => '', interim => []};
    }
    while (1) {
        my $first = $self->line;
        my ($status) = $first =~ m{^HTTP/1\.[01] (\d{3})}
            or die "not HTTP: $first\n";
        my @headers;
        while (length(my $line = $self->line)) {
            push @headers, [$line =~ /^([^:]+):\s*(.*?)\s*$/];
        }
        if ($status < 200) {
            push @interim, $status;
            next;
        }
        my $answer = {status => $status, headers => \@headers,
            interim => \@interim};
        $answer->{body} = ($method // '') eq 'HEAD' || $status == 204 ? ''
            : $self->body($answer);
        return $answer;
    }
}

sub body {
    my ($self, $answer) = @_;
    if (defined(my $n = header($answer, 'Content-Length'))) {
        return $self->bytes($n);
    }
    my $body = '';
    if ((header($answer, 'Transfer-Encoding') // '') eq 'chunked') {
        while (my $n = hex $self->line) {
            $body .= $self->bytes($n);
            $self->line;
        }
        $self->line;
        return $body;
    }
    1 while $self->fill;
    ($body, $self->{in}) = ($self->{in}, '');
    return $body;
}

# true if the server closes without a further byte
sub is_closed {
    my ($self) = @_;
    return !length $self->{in} && !$self->fill;
}

# value of a header of an answer, undef if absent; joined by ", " if several
sub header {
    my ($answer, $name) = @_;
    my @values = map { $_->[1] } grep { lc $_->[0] eq lc $name }
        @{$answer->{headers}};
    return @values ? join(', ', @values) : undef;
}

# After Expect: true if "100 Continue" came; an answer instead of it stays.
sub continues {
    my ($self) = @_;
    while ($self->{in} !~ /\r\n\r\n/) {
        $self->fill or return 0;
    }
    return $self->{in} =~ s{\AHTTP/1\.1 100 .*?\r\n\r\n}{}s;
}

# One request over HTTP/2 in clear text.  Not by curl: its 7.88 loses an answer
# that comes before the body was sent.
sub h2 {
    my ($dir, $port, $method, $uri, $headers, $body) = @_;
    my $out = "$dir/h2.out";
    my @data = defined $body ? ('-d', spew("$dir/h2.in", $body)) : ();

    my $client = Test::Meta::Process->new;
    unlink $out;
    $client->run(out => $out, cmd => ['nghttp', '-v', '--no-dep', '-t', '30',
        '-H', ":method: $method", (map { ('-H', "$_->[0]: $_->[1]") } @$headers),
        @data, "http://127.0.0.1:$port$uri"]);
    $client->wait_exit(40);

    my $said = slurp($out);
    my ($status, @headers) = (0);
    while ($said =~ /^\[[ .\d]+\] recv \(stream_id=\d+\) (:?[^:]+): (.*)$/mg) {
        $1 eq ':status' ? $status = $2 : push @headers, [$1, $2];
    }
    my $answer = {status => $status, interim => [], headers => \@headers};
    my $n = header($answer, 'Content-Length') // 0;
    ($answer->{body}) = $said =~ /(.{$n})\[[ .\d]+\] recv DATA frame/s;
    $answer->{body} //= '';
    return $answer;
}

1;
