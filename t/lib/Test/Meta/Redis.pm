package Test::Meta::Redis;

# A real redis-server of our own, on a unix socket in the test's directory,
# without persistence unless the options say so.
#
#   my $redis = Test::Meta::Redis->new(dir => $dir, options => [...],
#       tcp => 1, password => 'p', username => 'u')->start;
#   $redis->address             what meta_redis takes
#   $redis->queue('meta:events')     raw bytes of all its elements
#   $redis->do('LLEN', 'meta:events')

use strict;
use warnings;

use parent 'Test::Meta::Process';

use Redis;

use Test::Meta::Util qw(hold_port slurp wait_for);

sub new {
    my ($class, %arg) = @_;
    my $self = bless {name => 'redis', %arg}, $class;
    $self->{sock} = "$self->{dir}/$self->{name}.sock";
    ($self->{port}, $self->{probe}) = hold_port() if $self->{tcp};
    return $self;
}

sub start {
    my ($self) = @_;
    my $out = "$self->{dir}/$self->{name}.out";

    unlink $self->{sock};
    $self->run(out => $out, cmd => ['redis-server',
        '--port', $self->{port} // 0,
        ($self->{port} ? ('--bind', '127.0.0.1', '-::1') : ()),
        '--unixsocket', $self->{sock}, '--unixsocketperm', '777',
        '--dir', "$self->{dir}", '--dbfilename', "$self->{name}.rdb",
        '--save', '', '--daemonize', 'no', @{$self->{options} // []}]);

    wait_for { -S $self->{sock} && $self->client(1) || !$self->alive } 20;
    die 'redis-server did not start: ' . slurp($out) unless $self->alive
        && $self->{client};
    return $self;
}

# what meta_redis takes
sub address {
    my ($self) = @_;
    return $self->{port} ? "127.0.0.1:$self->{port}" : "unix:$self->{sock}";
}

sub client {
    my ($self, $try) = @_;
    return $self->{client} if $self->{client};
    my $client = eval {
        my $c = Redis->new(sock => $self->{sock}, reconnect => 2,
            every => 20_000,
            (map { defined $self->{$_} ? ($_ => $self->{$_}) : () }
                qw(password username)));
        $c->ping or die "still loading\n";
        $c;
    };
    die "redis: $@" unless $client || $try;
    return $self->{client} = $client;
}

sub do {
    my ($self, $command, @args) = @_;
    my $method = lc $command;
    return $self->client->$method(@args);
}

sub queue {
    my ($self, $list) = @_;
    return $self->do('LRANGE', $list, 0, -1);
}

# connections of others than this harness, as CLIENT LIST lines
sub clients {
    my ($self) = @_;
    my $own = $self->do('CLIENT', 'ID');
    return grep { /^id=(\d+)/ && $1 != $own } split /\n/,
        $self->do('CLIENT', 'LIST');
}

# how often a command was called since the server's start
sub calls {
    my ($self, $command) = @_;
    my $stats = $self->do('INFO', 'commandstats');
    $stats = $stats->{"cmdstat_" . lc $command} // '' if ref $stats;
    return $stats =~ /calls=(\d+)/ ? $1 : 0;
}

# stops answering without closing anything, and goes on
sub pause { return $_[0]->signal('STOP') }
sub cont  { return $_[0]->signal('CONT') }

sub stop {
    my ($self, @how) = @_;
    delete $self->{client};
    $self->cont;
    return $self->SUPER::stop(@how);
}

sub restart {
    my ($self) = @_;
    $self->stop;
    return $self->start;
}

1;
