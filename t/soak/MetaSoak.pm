package MetaSoak;

# What soaks share: Redis and nginx, load programs, and a reader of the queue
# that knows each delivery's bytes and counts how often each event came.
#
#   my $soak = MetaSoak->new(seed => 7, nginx => {http => '...'});
#   $soak->start; $soak->load(0, path => '/hook', connections => 8, rate => 99);
#   $soak->take while ...; $soak->stop_loads; $soak->judge

use strict;
use warnings;

use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);

use Test::Meta::Nginx;
use Test::Meta::Redis;
use Test::Meta::Util qw(build_dir slurp spew temp_dir wait_for);

use constant {
    SECRET => '0123456789abcdef0123456789abcdef',
    FILLER => 65536,
    EVENTS => 8,                # bytes of {seen} for each delivery
    TAKE   => 2000,
};

# both or neither, so that what was taken is known exactly
my $TRIM = <<'LUA';
redis.call('LTRIM', KEYS[1], ARGV[1], -1)
return redis.call('INCRBY', KEYS[2], ARGV[1])
LUA

# seed, lists => [...], nginx => {what Test::Meta::Nginx takes}, redis => [options]
sub new {
    my ($class, %arg) = @_;
    my $dir = temp_dir();
    my $self = bless {%arg, dir => $dir, loads => [], seen => [], taken => {},
        faults => []}, $class;
    srand $arg{seed};
    my @letters = ('a' .. 'z', 'A' .. 'Z', 0 .. 9, ' ');
    $self->{filler} = join '', map { $letters[rand @letters] } 1 .. FILLER;
    spew("$dir/filler", $self->{filler});
    $self->{redis} = Test::Meta::Redis->new(dir => $dir, options => $arg{redis} // []);
    $self->{nginx} = Test::Meta::Nginx->new(dir => $dir, workers => 2, log_level => 'notice',
        redis => $self->{redis}->address, secret => SECRET . "\n", token => "token-of-soak\n",
        %{$arg{nginx}});
    return $self;
}

# whether the module has a directive: {http => ...} or {location => ...}
sub knows {
    my ($place) = @_;
    my $dir = temp_dir();
    my ($end) = Test::Meta::Nginx->new(dir => $dir, redis => 'unix:/nowhere',
        secret => SECRET . "\n", token => "token-of-soak\n", %$place)->test;
    return $end eq '0';
}

sub start {
    my ($self) = @_;
    $self->{redis}->start;
    $self->{nginx}->start;
    return $self;
}


# --- load programs ------------------------------------------------------------

# a number of its own, path, connections, rate, mode; plain: no webhook is there;
# count: its last figures
sub load {
    my ($self, $run, %arg) = @_;
    my $out = "$self->{dir}/became-$run";
    pipe my $read, my $write or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>&', $write;
        exec {build_dir() . '/soak/load'} 'load', $self->{nginx}->port, $arg{path}, $run,
            $arg{connections}, $arg{rate}, $arg{mode} // 'keep', SECRET, "$self->{dir}/filler",
            $out or POSIX::_exit(127);
    }
    close $write;
    fcntl $read, F_SETFL, fcntl($read, F_GETFL, 0) | O_NONBLOCK;
    my $load = {%arg, run => $run, pid => $pid, from => $read, out => $out, text => '',
        count => {}};
    push @{$self->{loads}}, $load;
    return $load;
}

# the figures that have come; true while a load program runs
sub hear {
    my ($self) = @_;
    my $running = 0;
    for my $load (grep { !$_->{ended} } @{$self->{loads}}) {
        1 while sysread $load->{from}, $load->{text}, 65536, length $load->{text};
        while ($load->{text} =~ s/^(.*)\n//) {
            $load->{count} = JSON::PP::decode_json($1);
        }
        $running++, next if waitpid($load->{pid}, POSIX::WNOHANG()) == 0;
        $load->{ended} = 1;
        die "the load program of $load->{path} ended\n" if $? || !$load->{count}{done};
    }
    return $running;
}

sub sum {
    my ($self, @names) = @_;
    my $sum = 0;
    for my $load (@{$self->{loads}}) {
        $sum += $_ // 0 for @{$load->{count}}{@names};
    }
    return $sum;
}

# no more deliveries; answers are waited for, the queue is taken meanwhile
sub stop_loads {
    my ($self) = @_;
    kill TERM => map { $_->{pid} } grep { !$_->{ended} } @{$self->{loads}};
    while ($self->hear) {
        $self->take or sleep 0.02;
    }
    $_->{became} = slurp($_->{out}) for @{$self->{loads}};
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);
    for my $load (grep { !$_->{ended} } @{$self->{loads} // []}) {
        kill KILL => $load->{pid};
        waitpid $load->{pid}, 0;
    }
}


# --- the queue ----------------------------------------------------------------

sub events { return $_[0] % 8 == 0 ? 5 : 1 }

# the bytes of event $i of delivery $n, as body() of load.c makes them
sub event {
    my ($self, $run, $n, $i) = @_;
    my $size = $n % 500 == 0 ? 20000 : $n % 10 == 0 ? 3000 : 40 + $n % 300;
    return '{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":'
        . '"15550001111","phone_number_id":"' . (106540352242900 + ($n + $i) % 16)
        . '"},"messages":[{"from":"' . (27820000000 + $n % 1000)
        . qq(","id":"wamid.$run.$n.$i","timestamp":"1763700000","text":{"body":"M\\u00f6ller \\/ )
        . substr($self->{filler}, ($n * 131 + $i * 17) % 32768, $size)
        . '"},"type":"text"}]},"field":"messages"}';
}

# counts a record; one that no delivery holds is a fault
sub note {
    my ($self, $record) = @_;
    my ($id, $run, $n, $i, $at, $of, $event) = $record =~ /\A\{"v":1,
        "id":"(wamid\.(\d+)\.(\d+)\.(\d+))",.*?"n":(\d+),"of":(\d+),"received_at":\d+,
        "event":(.*)\}\z/xs;
    if (!defined $id || $i != $at || $i >= events($n) || $of != events($n)
        || $event ne $self->event($run, $n, $i))
    {
        $self->fault('a record that was not delivered so: ' . substr $record, 0, 300);
        return;
    }
    $self->{seen}[$run] //= '';
    my $place = $n * EVENTS + $i;
    my $times = vec $self->{seen}[$run], $place, 8;
    vec($self->{seen}[$run], $place, 8) = $times + 1 if $times < 255;
}

# takes what stands at the head of each list; how many records
sub take {
    my ($self) = @_;
    my $redis = $self->{redis};
    my $all = 0;
    for my $list (@{$self->{lists}}) {
        my @records = $redis->do('LRANGE', $list, 0, TAKE - 1) or next;
        my $taken = $redis->do('EVAL', $TRIM, 2, $list, "taken:$list", scalar @records);
        $self->{taken}{$list} += @records;
        $taken == $self->{taken}{$list}
            or die "Redis has counted $taken records taken of $list, not $self->{taken}{$list}\n";
        $self->note($_) for @records;
        $all += @records;
    }
    return $all;
}

# records that ever came to the lists, in Redis' own words
sub arrived {
    my ($self) = @_;
    my $sum = 0;
    for my $list (@{$self->{lists}}) {
        $sum += $self->{redis}->do('LLEN', $list);
        $sum += $self->{redis}->do('GET', "taken:$list") // 0;
    }
    return $sum;
}


# --- the judgement ------------------------------------------------------------

sub fault {
    my ($self, $text) = @_;
    push @{$self->{faults}}, $text;
    print "FAULT: $text\n" if @{$self->{faults}} <= 20;
}

# deliveries: acked, lost (acked, not whole in the queue), partial (some of its
# events only), unacked (in the queue without a 200); duplicates, in events
sub judge {
    my ($self) = @_;
    my %sum = map { $_ => 0 } qw(acked lost partial unacked duplicates);
    for my $load (grep { !$_->{plain} } @{$self->{loads}}) {
        my $seen = $self->{seen}[$load->{run}] // '';
        $seen .= "\0" x (EVENTS * length($load->{became}) - length $seen);
        for my $n (0 .. length($load->{became}) - 1) {
            my $events = events($n);
            my $times = substr $seen, $n * EVENTS, $events;
            my $there = $times =~ tr/\0//c;
            my $acked = substr($load->{became}, $n, 1) eq '2';
            $sum{acked}++ if $acked;
            if ($acked ? $there < $events : $there && $there < $events) {
                $sum{$acked ? 'lost' : 'partial'}++;
                $sum{example} //= "delivery $n of $load->{path}";
            }
            $sum{unacked}++ if $there && !$acked;
            next if $times !~ /[^\0\1]/;
            $sum{duplicates} += $_ > 1 ? $_ - 1 : 0 for unpack 'C*', $times;
        }
    }
    return \%sum;
}

# what meta_status says in JSON, undef while nobody answers
sub status {
    my ($self) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{nginx}->port,
        Proto => 'tcp', Timeout => 5) or return undef;
    print $s "GET /status?format=json HTTP/1.0\r\n\r\n";
    my $answer = do { local $/; <$s> } // '';
    my ($body) = $answer =~ m{\AHTTP/1\.1 200 .*?\r\n\r\n(.*)}s or return undef;
    return JSON::PP::decode_json($body);
}

# seed that repeats the run, a name and a number in each line
sub print_table {
    my ($self, @rows) = @_;
    printf "%-40s %14s\n", @$_ for @rows;
}

# direct children of nginx's master: its workers, those that leave too
sub workers {
    my ($self) = @_;
    my $pid = $self->{nginx}->pid;
    return split ' ', slurp("/proc/$pid/task/$pid/children");
}

# a thread that waits for the disk outlives its process' first, and keeps its sockets
sub is_gone {
    my ($pid) = @_;
    return slurp("/proc/$pid/stat") !~ /\) [^ZX] / && 1 >= (() = glob "/proc/$pid/task/*");
}

1;
