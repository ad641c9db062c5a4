package Edge::Queue;

# A private Redis, and what is in its list: counted, looked at, and taken away.

use strict;
use warnings;

use Exporter qw(import);
use Redis;

use Edge::Delivery;
use Edge::Process;

our @EXPORT = qw(LIST);

use constant LIST => 'meta:events';

# options are redis-server's; its socket and port are free ones
sub new {
    my ($class, $name, @options) = @_;
    my $home = bench_dir() . "/$name";
    my $self = bless { sock => "$home.sock", port => free_port(), list => LIST, taken => 0 },
        $class;
    mkdir $home or die "$home: $!\n";
    $self->{pid} = start('taskset', '-c', load_cpu(), 'redis-server', '--bind', '127.0.0.1',
        '--port', $self->{port}, '--unixsocket', $self->{sock}, '--dir', $home, '--save', '',
        '--loglevel', 'warning', '--logfile', "$home.log", @options);
    $self->{redis} = wait_for('an answer of redis-server',
        sub { -S $self->{sock} && eval { Redis->new(sock => $self->{sock}) } });
    return $self;
}

# another list of the same Redis
sub other {
    my ($self, $list) = @_;
    return bless { %$self, taken => 0, list => $list }, ref $self;
}

sub version { shift->{redis}->info->{redis_version} }

# Takes away what is there, in one step: the number of events goes into `taken`, the last one
# into `last`.
sub take {
    my $self = shift;
    my $redis = $self->{redis};
    $redis->multi;
    $redis->llen($self->{list});
    $redis->lindex($self->{list}, -1);
    $redis->unlink($self->{list});
    my ($events, $last) = $redis->exec;
    $self->{taken} += $events;
    $self->{last} = $last if defined $last;
    return $events;
}

sub all {
    my $self = shift;
    return $self->{redis}->lrange($self->{list}, 0, -1);
}

# what was taken since the last time, after the list has become as long as it must
sub taken {
    my ($self, $want, $seconds) = @_;
    eval {
        wait_for("$want events", sub { $self->take; $self->{taken} >= $want }, $seconds // 10);
    };
    my $taken = $self->{taken};
    $self->{taken} = 0;
    die "bench: $want events were acked, but $taken queued\n", $@ // '' if $taken != $want;
    return;
}

# the last record holds the last event, byte for byte where the bytes must be Meta's
sub check_last {
    my ($self, $events) = @_;
    my ($event) = ($self->{last} // '') =~ /"event":(.*)\}\z/s;
    die "bench: the last record is not the last event: $self->{last}\n"
        if !$event || $event ne change($events - 1);
    return;
}

1;
