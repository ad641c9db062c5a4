package Test::Meta::Peer;

# An HTTP server that does to each request what the script says, and logs what
# it has read: one connection after another, HTTP/1.1 or HTTP/2 over TLS.
#
#   my $peer = Test::Meta::Peer->new(dir => $dir, script => [qw(ok cut ok)])->start;
#       h2 => $base      HTTP/2 by ALPN, with $base.pem and $base.key
#       tls => $base     HTTP/1.1 over TLS
#       unix => 1        HTTP/1.1 on a unix socket, $peer->{sock}
#       many => 1        connections at once, each with a script of its own
#   my @requests = $peer->requests;      [connection, what is known of it, body]
#
# Words, once the whole request is there; the last one goes on:
#
#   ok          200, {"n":3} for the third request
#   cut reset   the connection is closed, or reset
#   hang        nothing
#   half        the head and a part of the body, then cut
#   say:BYTES   HTTP/1.1: these, and on
#   drip:A|B    HTTP/1.1: A, then B again and again
#   refuse      HTTP/2: RST_STREAM, REFUSED_STREAM
#   goaway      HTTP/2: GOAWAY that leaves this stream out
#   gone        HTTP/2: GOAWAY that does not, then cut
#   early       HTTP/1.1: cut once the head is there
#   late        HTTP/1.1: ok, then the connection is closed
#   rude:FILE   HTTP/1.1: once FILE is there, ok and a reset at the same time

use strict;
use warnings;

use parent 'Test::Meta::Process';

use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(sleep);

use Test::Meta::Util qw(slurp wait_for);

use constant { DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, PING => 6, GOAWAY => 7,
    WINDOW_UPDATE => 8 };
use constant { END_STREAM => 1, ACK => 1, END_HEADERS => 4 };

sub new {
    my ($class, %arg) = @_;
    my $self = bless {name => 'peer', %arg}, $class;
    $self->{log} = "$self->{dir}/$self->{name}.seen";
    $self->{sock} = "$self->{dir}/$self->{name}.sock";
    $self->{listener} = $arg{unix}
        ? IO::Socket::UNIX->new(Local => $self->{sock}, Listen => 16)
        : IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16);
    die "listen: $!" unless $self->{listener};
    $self->{port} = $self->{listener}->sockport unless $arg{unix};
    return $self;
}

sub url {
    my ($self) = @_;
    return $self->{unix} ? 'http://localhost'
        : ($self->{h2} || $self->{tls} ? 'https' : 'http') . "://127.0.0.1:$self->{port}";
}

sub start {
    my ($self) = @_;
    $self->run(out => $self->{log}, code => sub { $self->play });
    close delete $self->{listener};
    return $self;
}

sub requests {
    my ($self) = @_;
    return map { [split / /, $_, 3] } slurp($self->{log}) =~ /^request (.*)\n/mg;
}

# connections that came as far as a request, or to the end of a handshake
sub connections { return scalar(() = slurp($_[0]{log}) =~ /^connection /mg) }

# and those that it has closed
sub closed { return scalar(() = slurp($_[0]{log}) =~ /^closed /mg) }

sub play {
    my ($self) = @_;
    my ($n, @kids) = (0);
    $| = 1;
    $SIG{PIPE} = 'IGNORE';
    local $SIG{TERM} = sub { kill 'KILL', @kids; POSIX::_exit(0) } if $self->{many};
    while (my $c = $self->{listener}->accept) {
        $self->{connection} = ++$n;
        if (!$self->{many}) {
            $self->serve($c);
        } elsif (my $pid = fork // die "fork: $!") {
            push @kids, $pid;
        } else {
            eval { $self->serve($c) };
            POSIX::_exit(0);
        }
    }
}

sub serve {
    my ($self, $plain) = @_;
    my $c = $self->secured($plain) or return;
    print "connection $self->{connection}\n";
    $self->{in} = '';
    $self->{h2} ? $self->serve_h2($c) : $self->serve_h1($c);
    close $c;
    print "closed $self->{connection}\n";
}

sub secured {
    my ($self, $plain) = @_;
    my $base = $self->{h2} // $self->{tls} // return $plain;
    require IO::Socket::SSL;
    my $c = IO::Socket::SSL->start_SSL($plain, SSL_server => 1, SSL_cert_file => "$base.pem",
        SSL_key_file => "$base.key", SSL_alpn_protocols => [$self->{h2} ? 'h2' : 'http/1.1']);
    print "no handshake\n" unless $c;
    return $c;
}

sub seen {
    my ($self, $what, $body) = @_;
    $self->{count}++;
    print "request $self->{connection} $what $body\n";
}

sub word {
    my ($self) = @_;
    return @{$self->{script}} > 1 ? shift @{$self->{script}} : $self->{script}[0];
}

sub more {
    my ($self, $c) = @_;
    return sysread $c, $self->{in}, 65_536, length $self->{in};
}

sub reset_it {
    my ($self, $c) = @_;
    setsockopt $c, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    $c->stop_SSL(SSL_no_shutdown => 1, SSL_ctx_free => 1) if $c->can('stop_SSL');
}

# until the other side has hung up
sub wait_end {
    my ($self, $c) = @_;
    while ($self->more($c)) { }
}


sub serve_h1 {
    my ($self, $c) = @_;
    while (1) {
        while ($self->{in} !~ /\r\n\r\n/) { $self->more($c) or return }
        my ($head) = $self->{in} =~ /\A(.*?\r\n\r\n)/s;
        return if $self->{script}[0] eq 'early' && $self->word;
        my $length = $head =~ /^Content-Length: *(\d+)/mi ? $1 : 0;
        while (length $self->{in} < length($head) + $length) { $self->more($c) or return }
        my $body = substr $self->{in}, length $head, $length;
        substr $self->{in}, 0, length($head) + $length, '';
        $self->seen($head =~ s/\r\n.*//sr =~ s/ /|/gr, $body);
        print "header $_\n" for $head =~ /^(\S+: .*)\r$/mg;
        $self->answer_h1($c, $self->word) or return;
    }
}

sub answer_h1 {
    my ($self, $c, $word) = @_;
    my $body = qq({"n":$self->{count}});
    my $ok = "HTTP/1.1 200 OK\r\nContent-Length: " . length($body) . "\r\n\r\n$body";

    if ($word eq 'ok' || $word eq 'late') {
        print {$c} $ok;
        return $word eq 'ok';
    } elsif ($word =~ /^say:(.*)/s) {
        print {$c} $1;
        return 1;
    } elsif ($word =~ /^rude:(.*)/) {
        wait_for { -e $1 };
        print {$c} $ok;
        $c->flush;
        $self->reset_it($c);
    } elsif ($word =~ /^drip:(.*)\|(.*)/s) {
        print {$c} $1;
        while (print {$c} $2) { $c->flush; sleep 0.02 }
    } elsif ($word eq 'half') {
        print {$c} substr $ok, 0, -2;
    } elsif ($word eq 'hang') {
        $self->wait_end($c);
    } elsif ($word eq 'reset') {
        $self->reset_it($c);
    }
    return 0;
}


sub frame {
    my ($type, $flags, $stream, $bytes) = @_;
    return substr(pack('N', length $bytes), 1) . pack('CCN', $type, $flags, $stream) . $bytes;
}

sub serve_h2 {
    my ($self, $c) = @_;
    my %body;
    while (length $self->{in} < 24) { $self->more($c) or return }
    substr $self->{in}, 0, 24, '';
    print {$c} frame(SETTINGS, 0, 0, '');
    while (1) {
        while (length $self->{in} < 9) { $self->more($c) or return }
        my ($high, $low, $type, $flags, $stream) = unpack 'CnCCN', $self->{in};
        my $length = $high << 16 | $low;
        while (length $self->{in} < 9 + $length) { $self->more($c) or return }
        my $bytes = substr $self->{in}, 9, $length;
        substr $self->{in}, 0, 9 + $length, '';
        print {$c} frame(SETTINGS, ACK, 0, '') if $type == SETTINGS && !($flags & ACK);
        print {$c} frame(PING, ACK, 0, $bytes) if $type == PING && !($flags & ACK);
        print {$c} map { frame(WINDOW_UPDATE, 0, $_, pack 'N', $length) } 0, $stream
            if $type == DATA && $length;
        $body{$stream} .= $type == DATA ? $bytes : '' if $stream;
        next if $type > HEADERS || !($flags & END_STREAM);
        $self->seen("stream|$stream", delete $body{$stream});
        $self->answer_h2($c, $stream, $self->word) or return;
    }
}

# 0x88 is ":status: 200" of HPACK's static table
sub answer_h2 {
    my ($self, $c, $stream, $word) = @_;
    my $head = frame(HEADERS, END_HEADERS, $stream, "\x88");

    if ($word eq 'ok') {
        print {$c} $head, frame(DATA, END_STREAM, $stream, qq({"n":$self->{count}}));
    } elsif ($word eq 'refuse') {
        print {$c} frame(RST_STREAM, 0, $stream, pack 'N', 7);
    } elsif ($word eq 'goaway') {
        print {$c} frame(GOAWAY, 0, 0, pack 'NN', $stream > 2 ? $stream - 2 : 0, 0);
    } elsif ($word eq 'gone') {
        print {$c} frame(GOAWAY, 0, 0, pack 'NN', $stream, 0);
        return 0;
    } elsif ($word eq 'half') {
        print {$c} $head, frame(DATA, 0, $stream, '{"n"');
        return 0;
    } elsif ($word eq 'reset') {
        $self->reset_it($c);
    }
    return $word ne 'cut' && $word ne 'reset';
}

1;
