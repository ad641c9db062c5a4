package Driver;

# The consumer's queue without its engine, driven by what records say
# (queue_driver.c), and a Redis with what must be true of its keys.
#
#   my $rig = Driver::rig();
#   my $d = $rig->driver('--dedupe');
#   $rig->push(item(id => 1, keys => ['a'], do => ['retry 200']));
#   $rig->settle;  is_deeply [$d->over], [1];
#   $rig->finish;

use strict;
use warnings;

use parent 'Test::Meta::Process';

use Exporter qw(import);
use JSON::PP ();
use POSIX ();
use Test::More;

use Test::Meta::Redis;
use Test::Meta::Util qw(build_dir made patience slurp spew temp_dir valgrind wait_for);

our @EXPORT_OK = qw(item rig $Q);
our $Q = 'q';

sub item {
    my (%r) = @_;
    return JSON::PP->new->canonical->encode({id => "$r{id}", keys => $r{keys} // [],
        do => $r{do} // [], ($r{pad} ? (pad => 'x' x $r{pad}) : ()),
        ($r{newer} ? (newer => 1) : ())});
}

# beside valgrind no sanitizer can be
sub binary {
    my @plain = $ENV{META_T_VALGRIND} ? ('SANITIZE=', 'CHECKED=' . build_dir() . '/plain') : ();
    return made('consumer', @plain) . '/queue_driver';
}

# redis: options of redis-server
sub rig {
    my (%arg) = @_;
    my $dir = temp_dir();
    return bless {dir => $dir, drivers => [], binary => binary(),
        redis => Test::Meta::Redis->new(dir => $dir, options => $arg{redis} // [])->start},
        'Driver::Rig';
}

sub log { return slurp($_[0]{log}) }

# what was said of items, as [verb, id, rest]
sub said {
    my ($self, $verb) = @_;
    return map { [split / /, $_, 3] } grep { /^$verb / } split /\n/, $self->log;
}

sub over { return map { $_->[1] } $_[0]->said('end') }
sub begun { return map { $_->[1] } $_[0]->said('begin') }

sub wait_log {
    my ($self, $regex, $seconds) = @_;
    ok +(wait_for { $self->log =~ $regex } $seconds // 20), "said: $regex"
        or diag $self->log;
}

sub tell {
    my ($self, @words) = @_;
    open my $fifo, '>', $self->{fifo} or die "fifo: $!";
    syswrite $fifo, "@words\n";
}

package Driver::Rig;

use strict;
use warnings;

use Test::More;

use Scripts qw(place);
use Test::Meta::Util qw(patience valgrind wait_for);

# options and queues; one queue, $Q, where none is named
sub driver {
    my ($self, @args) = @_;
    my $n = @{$self->{drivers}};
    my $d = bless {log => "$self->{dir}/driver$n.log", fifo => "$self->{dir}/driver$n.fifo"},
        'Driver';
    my @queues = grep { !/^(?:--.*|\d+)$/ } @args;
    POSIX::mkfifo($d->{fifo}, 0600) or die "fifo: $!";
    $d->run(out => $d->{log}, env => {ASAN_OPTIONS => 'detect_leaks=1'},
        cmd => [valgrind($d->{log} . '.valgrind'), $self->{binary}, $self->{redis}{sock},
            $d->{fifo}, @args, @queues ? () : $Driver::Q]);
    push @{$self->{drivers}}, $d;
    return $d;
}

sub do : method { my ($self, @command) = @_; return $self->{redis}->do(@command) }
sub push : method { my ($self, @records) = @_; return $self->push_to($Driver::Q, @records) }
sub push_to { my ($self, $q, @records) = @_; return $self->do('RPUSH', $q, @records) }

sub size {
    my ($self, $what, $q) = @_;
    my $key = '{' . ($q // $Driver::Q) . "}:$what";
    return $self->do({inflight => 'HLEN', held => 'HLEN', retry => 'ZCARD', lines => 'ZCARD',
        dead => 'LLEN', urgent => 'LLEN', kept => 'ZCARD'}->{$what}, $key);
}

sub count {
    my ($self, $q) = @_;
    my %count = $self->do('HGETALL', '{' . ($q // $Driver::Q) . '}:count');
    return \%count;
}

my $THERE = <<'END';
local q = '{' .. KEYS[1] .. '}:'
return redis.call('LLEN', KEYS[1]) + redis.call('LLEN', q .. 'urgent')
    + redis.call('HLEN', q .. 'inflight') + redis.call('HLEN', q .. 'held')
    + redis.call('ZCARD', q .. 'retry')
END

# nothing is in the list, in flight, held or to be retried; all at one moment, for
# it moves to and fro
sub quiet {
    my ($self, $q) = @_;
    return !$self->do('EVAL', $THERE, 1, $q // $Driver::Q);
}

sub settle {
    my ($self, $seconds, $q) = @_;
    ok +(wait_for { $self->quiet($q) } $seconds // 20), 'all is worked off'
        or diag join ' ', map { "$_=" . $self->size($_, $q) } qw(inflight held retry lines);
}

# the identity of design 1, at one moment: both sides are read by one command
my $IDENTITY = <<'END';
local k, c = KEYS[1], redis.call('HGETALL', '{' .. KEYS[1] .. '}:count')
local n = {}
for i = 1, #c, 2 do n[c[i]] = tonumber(c[i + 1]) end
local dead = redis.call('LLEN', '{' .. k .. '}:dead')
local there = redis.call('HLEN', '{' .. k .. '}:inflight')
    + redis.call('HLEN', '{' .. k .. '}:held')
    + redis.call('ZCARD', '{' .. k .. '}:retry') + dead
for _, done in ipairs({'worked', 'duplicate', 'unmatched', 'expired', 'dropped'}) do
    there = there + (n[done] or 0)
end
return {(n.taken or 0) - there, (n.dead or 0) - dead}
END

sub off {
    my ($self, $q) = @_;
    my $off = $self->do('EVAL', $IDENTITY, 1, $q // $Driver::Q);
    return "@{ref $off ? $off : [$off]}";
}

# field => [keys], and the index, at one moment
sub waiting {
    my ($self, $q) = @_;
    my ($held, $retry, $lines) = $self->do('EVAL', "return {redis.call('HGETALL', KEYS[1]),"
        . " redis.call('ZRANGE', KEYS[2], 0, -1), redis.call('ZRANGE', KEYS[3], 0, -1)}", 3,
        map { "{$q}:$_" } qw(held retry lines));
    my %held = @$held;
    my %waits = (%held, map { /^(\w+) (.*)/s } @$retry);
    for my $envelope (values %waits) {
        my ($head, $rest) = split /\n/, $envelope, 2;
        my ($n, @sizes) = split / /, $head;
        $envelope = [map { substr($rest, 0, $_, '') } @sizes];
    }
    return (\%waits, $lines, {map { $_ => 1 } keys %held});
}

# each that waits has its places in the index, and nobody else has
sub indexed {
    my ($self, $q) = @_;
    my ($waits, $lines) = $self->waiting($q // $Driver::Q);
    my @places = map { my $field = $_; map { place($_, $field) } @{$waits->{$field}} }
        keys %$waits;
    is_deeply [sort @$lines], [sort @places], 'who waits stands in the index';
}

# those that are held on no lane though no older one of their lines waits
sub foremost {
    my ($self, $q) = @_;
    my ($waits, $lines, $held) = $self->waiting($q // $Driver::Q);
    my @first;
    for my $field (keys %$held) {
        my @keys = @{$waits->{$field}};
        next if grep { /^\x01/ } @keys;
        push @first, $field unless grep { my $key = $_;
            grep { index($_, "$key\0") == 0 && $_ lt place($key, $field) } @$lines } @keys;
    }
    return @first;
}

sub finish {
    my ($self, @queues) = @_;
    $self->{redis}->cont;
    for my $d (grep { $_->alive } @{$self->{drivers}}) {
        is $d->stop('TERM', 30 * patience()), '0', 'drained';
    }
    for my $q (@queues ? @queues : $Driver::Q) {
        is $self->off($q), '0 0', "$q: all is accounted for";
        $self->indexed($q);
        my %state = $self->do('HGETALL', "{$q}:state");
        delete @state{grep { /^(?:crashed|requeued)$/ } keys %state};
        is_deeply \%state, {}, "$q: no state is left" if $self->quiet($q);
    }
    for my $d (@{$self->{drivers}}) {
        my $log = $d->log;
        unlike $log, qr/Sanitizer|runtime error/, 'no complaint of a sanitizer' or diag $log;
    }
    $self->{redis}->stop;
}

1;
