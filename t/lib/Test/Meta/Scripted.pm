package Test::Meta::Scripted;

# A Redis peer that does what a script says, connection after connection:
#
#   ACCEPT            the next connection (the first is accepted by itself)
#   EXPECT REGEX      the next command, words joined by spaces, matches
#   SEND BYTES        \r \n \xNN are escapes
#   HALFREAD N        reads N bytes and for now no more
#   FLOOD N BYTES     sends the bytes N times
#   DRIP MS BYTES     sends the bytes every so often, until hung up on
#   SLEEP MS          silence
#   WAIT NAME         until the test says go(NAME)
#   EOF               the other side has closed
#   CLOSE | RESET     this side closes
#   PASS N            the next N connections are another Redis's: `others`
#   REFUSE            closes the listening socket; LISTEN opens it again
#
# Commands that EXPECT does not ask for, sent before it, are answered as a
# healthy Redis would, unless they are RPUSH, LLEN, MULTI or EXEC; LLEN too
# once TIME was asked, with which meta_status begins its round.

use strict;
use warnings;

use parent 'Test::Meta::Process';

use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(sleep);

use Test::Meta::Util qw(hold_port patience slurp spew wait_for);

# script: text; tcp: on a port of 127.0.0.1 instead of a unix socket; others => [N, SOCKET]: the
# first N connections are not of the story, another Redis serves them
sub new {
    my ($class, %arg) = @_;
    my $self = bless {name => 'redis', %arg}, $class;
    $self->{sock} = "$self->{dir}/$self->{name}.sock";
    $self->{log} = "$self->{dir}/$self->{name}.script";
    ($self->{port}, $self->{probe}) = hold_port() if $self->{tcp};
    return $self;
}

sub address {
    my ($self) = @_;
    return $self->{port} ? "127.0.0.1:$self->{port}" : "unix:$self->{sock}";
}

sub start {
    my ($self) = @_;
    $self->listen;
    $self->run(out => $self->{log}, code => sub { $self->play });
    close delete $self->{listener};
    return $self;
}

sub go {
    my ($self, $name) = @_;
    spew("$self->{dir}/$self->{name}.go.$name", '');
}

# words of the command that an EXPECT took last
sub got {
    my ($self) = @_;
    return split /\0/, slurp("$self->{dir}/$self->{name}.got");
}

# what has happened so far, one line each
sub seen {
    return slurp($_[0]{log});
}

# undef if the script has been played to its end, else where it stands
sub unfinished {
    my ($self) = @_;
    my $how = $self->wait_exit(10);
    return undef if ($how // '') eq '0';
    my ($last) = $self->seen =~ /(.*)\n\z/;
    return 'scripted Redis stands at: ' . ($last // 'its start');
}

sub listen {
    my ($self) = @_;
    unlink $self->{sock};
    $self->{listener} = $self->{port}
        ? IO::Socket::INET->new(LocalAddr => '127.0.0.1',
            LocalPort => $self->{port}, Listen => 16, ReuseAddr => 1)
        : IO::Socket::UNIX->new(Local => $self->{sock}, Listen => 16);
    die "listen: $@" unless $self->{listener};
    chmod 0777, $self->{sock};
}

sub play {
    my ($self) = @_;
    $| = 1;
    $SIG{PIPE} = 'IGNORE';
    $self->{in} = '';

    for my $line (grep { /\S/ && !/^\s*#/ } split /\n/, $self->{script}) {
        my ($verb, $rest) = $line =~ /^\s*([A-Z]+)(?:\s(.*))?$/
            or die "faulty line in the script: $line\n";
        my $method = $self->can('do_' . lc $verb)
            or die "unknown verb in the script: $line\n";
        print "at $line\n";
        $self->accept if !$self->{c}
            && $verb !~ /^(?:ACCEPT|REFUSE|LISTEN|WAIT|SLEEP)$/;
        $self->$method($rest // '');
    }
    print "end\n";
}

# a connection that the story is not about
sub pass_on {
    my ($self) = @_;
    my $client = $self->{listener}->accept or die "accept: $!\n";
    my $pid = fork // die "fork: $!\n";
    return close $client if $pid;
    close $self->{listener};
    my $server = IO::Socket::UNIX->new(Peer => $self->{others}[1]) or POSIX::_exit(1);
    my $both = IO::Select->new($client, $server);
    while (my @ready = $both->can_read) {
        for my $from (@ready) {
            sysread $from, my $bytes, 65_536 or POSIX::_exit(0);
            syswrite $from == $client ? $server : $client, $bytes;
        }
    }
}

sub do_pass {
    my ($self, $n) = @_;
    for (1 .. $n) {
        IO::Select->new($self->{listener})->can_read(30 * patience())
            or die "nobody connects\n";
        $self->pass_on;
    }
}

sub accept {
    my ($self) = @_;
    $self->do_pass(1) while $self->{others} && $self->{others}[0]-- > 0;
    IO::Select->new($self->{listener})->can_read(30 * patience())
        or die "nobody connects\n";
    $self->{c} = $self->{listener}->accept or die "accept: $!\n";
    $self->{in} = '';
    print "accepted\n";
}

sub do_sleep  { my ($self, $ms) = @_; sleep $ms / 1000 * patience() }
sub do_listen { my ($self) = @_; $self->listen }

sub do_accept {
    my ($self) = @_;
    push @{$self->{kept}}, $self->{c} if $self->{c};
    $self->accept;
}

sub do_refuse {
    my ($self) = @_;
    close delete $self->{listener};
    unlink $self->{sock};
}

sub do_wait {
    my ($self, $name) = @_;
    wait_for { -e "$self->{dir}/$self->{name}.go.$name" } 30
        or die "nobody said go: $name\n";
}

sub do_close {
    my ($self) = @_;
    close delete $self->{c};
}

sub do_reset {
    my ($self) = @_;
    setsockopt $self->{c}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    $self->do_close;
}

sub do_send {
    my ($self, $bytes) = @_;
    $bytes =~ s/\\r/\r/g;
    $bytes =~ s/\\n/\n/g;
    $bytes =~ s/\\x([0-9a-fA-F]{2})/chr hex $1/ge;
    my $off = 0;
    while ($off < length $bytes) {
        my $n = syswrite $self->{c}, $bytes, length($bytes) - $off, $off;
        return print "write: $!\n" unless defined $n;
        $off += $n;
    }
}

sub do_flood {
    my ($self, $arg) = @_;
    my ($n, $bytes) = split ' ', $arg, 2;
    $self->do_send($bytes x $n);
}

sub do_drip {
    my ($self, $arg) = @_;
    my ($ms, $bytes) = split ' ', $arg, 2;
    my $tries = 30_000 / $ms;
    while (!IO::Select->new($self->{c})->can_read($ms / 1000 * patience())
        || sysread $self->{c}, my $more, 65536)
    {
        die "never hung up on\n" if !$tries--;
        $self->do_send($bytes);
    }
    close delete $self->{c};
}

sub do_halfread {
    my ($self, $n) = @_;
    while ($n > length $self->{in}) {
        my $got = sysread $self->{c}, $self->{in}, $n - length $self->{in},
            length $self->{in};
        die "closed after " . length($self->{in}) . " of $n bytes\n"
            unless $got;
    }
}

sub do_eof {
    my ($self) = @_;
    while (defined $self->command) { }
    close delete $self->{c};
}

sub do_expect {
    my ($self, $regex) = @_;
    while (1) {
        my $words = $self->command // die "closed, expected $regex\n";
        my $line = join ' ', @$words;
        print 'got ', substr($line, 0, 100) =~ s/[^ -~]/?/gr, "\n";
        if ($line =~ /$regex/s) {
            spew("$self->{dir}/$self->{name}.got", join "\0", @$words);
            return;
        }
        die "not $regex\n" if $words->[0] =~ /^(?:RPUSH|MULTI|EXEC)$/i
            || $words->[0] =~ /^LLEN$/i && !$self->{status};
        $self->{status} = 1 if $words->[0] =~ /^TIME$/i;
        $self->do_send($words->[0] =~ /^(?:CONFIG|HELLO|ACL)$/i ? "*0\r\n"
            : $words->[0] =~ /^LLEN$/i ? ":0\r\n"
            : $words->[0] =~ /^INFO$/i ? "\$0\r\n\r\n" : "+OK\r\n");
    }
}

# the next whole command as a list of words, undef at the end
sub command {
    my ($self) = @_;
    my $in = \$self->{in};
    while (1) {
        if ($$in =~ /\A\*(\d+)\r\n/) {
            my ($left, $at, @words) = ($1, $+[0]);
            while ($left) {
                pos($$in) = $at;
                last unless $$in =~ /\G\$(\d+)\r\n/g;
                last if length($$in) < $+[0] + $1 + 2;
                push @words, substr $$in, $+[0], $1;
                $at = $+[0] + $1 + 2;
                $left--;
            }
            if (!$left) {
                substr $$in, 0, $at, '';
                return \@words;
            }
        } elsif (length $$in && $$in !~ /\A\*\d*\r?\z/) {
            die 'no command: ' . substr($$in, 0, 60) . "\n";
        }
        IO::Select->new($self->{c})->can_read(30 * patience())
            or die "no command within the time\n";
        return undef unless sysread $self->{c}, $$in, 65536, length $$in;
    }
}

1;
