package Test::Meta::Graph;

# The Graph emulator on a port of our own, and its call log.
#
#   my $graph = Test::Meta::Graph->new(dir => $dir)->start;
#   $graph->url                  http://127.0.0.1:PORT
#   my @calls = $graph->wait_calls(2);
#   $graph->fault({match => {kind => 'whatsapp'}, times => 1,
#       fault => {status => 500}});      a rule of graph-emulator --help
#   $graph->hasten;              what is slow is answered now
#   $graph->control(POST => 'deliver', {...});      its other endpoints
#   new(instagram => 1, ...) and $graph->instagram_url: that host on its own

use strict;
use warnings;

use parent 'Test::Meta::Process';

use HTTP::Tiny;
use Mojo::JSON qw(decode_json encode_json);
use POSIX ();

use Test::Meta::Util qw(connects hold_port root_dir slurp wait_for);
use lib root_dir() . '/scripts/lib';

# args: more of the emulator's own options, e.g. ['--token', 'page:1:TOKEN']
sub new {
    my ($class, %arg) = @_;
    my $self = bless {args => [], %arg}, $class;
    ($self->{port}, $self->{probe}) = hold_port();
    ($self->{ig_port}, $self->{ig_probe}) = hold_port() if $arg{instagram};
    $self->{log} = "$self->{dir}/graph.log";
    return $self;
}

sub start {
    my ($self) = @_;
    my $out = "$self->{dir}/graph.out";
    $self->run(out => $out, code => emulator('--listen', "127.0.0.1:$self->{port}",
        '--log', $self->{log},
        ($self->{ig_port} ? ('--instagram', "127.0.0.1:$self->{ig_port}") : ()),
        @{$self->{args}}));
    wait_for { connects($self->{port}) || !$self->alive } 20;
    die 'the Graph emulator did not start: ' . slurp($out)
        unless $self->alive && connects($self->{port});
    return $self;
}

# The program, loaded once: a test has many, and loading takes longer than all else.
# In a child that has nothing of its parent's connections.
sub emulator {
    my (@args) = @_;
    require(root_dir() . '/scripts/graph-emulator');
    return sub {
        POSIX::close($_) for grep { $_ > 2 && (readlink("/proc/self/fd/$_") // '')
            =~ /\A(?:socket|pipe):/ } map { m{(\d+)\z} } glob '/proc/self/fd/*';
        $0 = 'graph-emulator';
        srand;
        Mojo::IOLoop->reset;
        POSIX::_exit(GraphEmulator::Program::main(@args));
    };
}

sub url {
    return "http://127.0.0.1:$_[0]{port}";
}

sub instagram_url {
    return "http://127.0.0.1:$_[0]{ig_port}";
}

# one of the emulator's own endpoints; its answer decoded, dies if it refuses
sub control {
    my ($self, $method, $name, $json) = @_;
    my $answer = HTTP::Tiny->new(timeout => 120)->request($method,
        $self->url . "/emulator/$name", {defined $json ? (headers =>
            {'Content-Type' => 'application/json'}, content =>
            encode_json($json)) : ()});
    die "$method $name refused: $answer->{status} $answer->{content}"
        unless $answer->{success};
    return decode_json($answer->{content});
}

# decoded lines of the call log that are whole
sub calls {
    my ($self) = @_;
    return map { decode_json($_) } slurp($self->{log}) =~ /^(.+)\n/mg;
}

# all calls as soon as there are n, else dies saying how many there were
sub wait_calls {
    my ($self, $n, $seconds) = @_;
    my @calls;
    wait_for { @calls = $self->calls; @calls >= $n } $seconds;
    die sprintf "waited for %d Graph calls, saw %d\n", $n, scalar @calls
        if @calls < $n;
    return @calls;
}

# Without match any call takes it.  Among WhatsApp's is a GET that nobody asked for: a number that
# sends 8 messages in 100 ms has to wait, and then the consumer asks for its throughput, once
sub fault {
    my ($self, $rule) = @_;
    my $answer = HTTP::Tiny->new->post($self->url . '/_emulator/faults',
        {headers => {'Content-Type' => 'application/json'},
        content => encode_json($rule)});
    die "fault refused: $answer->{status} $answer->{content}"
        unless $answer->{success};
    return $self;
}

# what is slow is answered now
sub hasten {
    my ($self) = @_;
    my $answer = HTTP::Tiny->new->delete($self->url . '/_emulator/slow');
    die "not hastened: $answer->{status}" unless $answer->{success};
    return $self;
}

1;
