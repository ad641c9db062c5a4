package Road;

# The whole road in one directory: the emulator delivers to a real nginx, that
# pushes to Redis, meta-consumer answers, and what follows comes back.
#
#   my $road = Road->new(rules => $yaml, more => $yaml);    (handler => $code)
#   my $said = $road->deliver(product => 'whatsapp', text => 'Hi');
#   $road->settle;  $road->message($id);  $road->finish;

use strict;
use warnings;
use utf8;

use Encode qw(encode_utf8);
use FindBin;
use JSON::PP ();
use Test::More;
use Time::HiRes ();

use lib "$FindBin::Bin/../consumer/lib";
use Handler;
use Test::Meta;
use Test::Meta::Consumer;
use Test::Meta::Graph;
use Test::Meta::Nginx;
use Test::Meta::Process;
use Test::Meta::Redis;
use Test::Meta::Util qw(build_dir patience slurp spew temp_dir wait_for);

our ($PHONE, $WABA) = qw(106540352242922 102290129340398);
our ($PAGE, $LINKED, $INSTAGRAM) = qw(118734502290164 17841460233915708 17841400000000077);
our $Q = 'meta:events';

my %TOKEN = (whatsapp => "EAAwhatsapp${$}SECRET", page => "EAApage${$}SECRET",
    instagram => "IGinstagram${$}SECRET");


# rules, more: of the configuration, DIR and GRAPH as they are; handler: what a
# Handler answers; files: {name => bytes} beside it; strict: 0 for an emulator that
# doubts nothing; states, delay: what follows a send
sub new {
    my ($class, %arg) = @_;
    my $self = bless {dir => temp_dir(), texts => []}, $class;
    diag "kept: $self->{dir}" if $ENV{META_T_LEAVE};
    my $dir = "$self->{dir}";
    $self->{redis} = Test::Meta::Redis->new(dir => $dir, %{$arg{redis} // {}})->start;
    $self->{graph} = Test::Meta::Graph->new(dir => $dir, instagram => 1, args => [
        '--app', "1234567890:$Test::Meta::SECRET", $arg{strict} // 1 ? '--strict' : (),
        '--token', "whatsapp:$PHONE\@$WABA:$TOKEN{whatsapp}:wa",
        '--token', "page:$PAGE\@$LINKED:$TOKEN{page}:page",
        '--token', "instagram:$INSTAGRAM:$TOKEN{instagram}:ig", @{$arg{graph} // []}])->start;
    $self->{nginx} = Test::Meta::Nginx->new(dir => $dir, redis => $self->{redis}->address,
        secret => "$Test::Meta::SECRET\n", token => "$Test::Meta::TOKEN\n",
        log_level => 'notice')->start;
    $self->graph->control(POST => 'webhook', {url => 'http://127.0.0.1:'
        . $self->{nginx}->port . '/hook', delay => $arg{delay} // 5,
        states => $arg{states} // [qw(sent delivered read echo)]});
    if ($arg{handler}) {
        $self->{handler} = Handler->new(dir => $dir, secret => "handler$$",
            answer => $arg{handler})->start;
        spew("$dir/handler_secret", "handler$$\n");
    }
    spew("$dir/token_$_", "$TOKEN{$_}\n") for keys %TOKEN;
    spew("$dir/$_", $arg{files}{$_}) for keys %{$arg{files} // {}};
    $self->{consumer} = Test::Meta::Consumer->new(dir => $dir, conf => encode_utf8(
        $self->conf(%arg)));
    my ($end, $said) = $self->{consumer}->test;
    die "the configuration is faulty: $said" if $end ne '0';
    $self->{consumer}->start;
    return $self;
}

sub graph    { $_[0]{graph} }
sub consumer { $_[0]{consumer} }
sub handler  { $_[0]{handler} }
sub redis    { my $self = shift; return $self->{redis}->do(@_) }


sub conf {
    my ($self, %arg) = @_;
    my $dir = "$self->{dir}";
    my $handler = !$self->{handler} ? '' : <<"END";
handlers:
  - {name: shop, url: "@{[$self->{handler}->url]}", secret_file: $dir/handler_secret}
END
    my $own = ($arg{more} // '') . $arg{rules};
    $own =~ s/\bDIR\b/$dir/g;
    $own =~ s/\bGRAPH\b/$self->graph->url/ge;
    return <<"END" . $handler . $own;
redis: unix:$self->{redis}{sock}
queues: [{name: "$Q", kind: events}, {name: "meta:outbox", kind: jobs}]
apps:
  - {id: "1234567890", secret_file: $dir/secret}
graph:
  version: v24.0
  hosts: {facebook: "@{[$self->graph->url]}", instagram: "@{[$self->graph->instagram_url]}"}
tokens:
  - {kind: whatsapp, id: "$PHONE", waba: "$WABA", file: $dir/token_whatsapp}
  - {kind: page, id: "$PAGE", instagram: "$LINKED", file: $dir/token_page}
  - {kind: instagram, id: "$INSTAGRAM", file: $dir/token_instagram}
END
}


# acknowledged by nginx, or the test ends
sub deliver {
    my ($self, %event) = @_;
    push @{$self->{texts}}, $event{text} if length($event{text} // '') > 8;
    my $said = $self->graph->control(POST => 'deliver', \%event);
    die 'not acknowledged: ' . JSON::PP->new->encode($said) if !$said->{ok};
    return $said;
}


# calls that Graph took as messages; kind: whatsapp, messenger, instagram; token:
# wa, page, ig
sub sent {
    my ($self, $kind, $token) = @_;
    return grep { $_->{accepted} && (!$kind || $_->{kind} eq $kind)
        && (!$token || $_->{token} eq $token) } $self->graph->calls;
}


# until so many are sent; asked seldom, for thousands are on their way meanwhile
sub wait_accepted {
    my ($self, $n, $seconds) = @_;
    return wait_for {
        Time::HiRes::sleep(0.1);
        $self->graph->control(GET => '')->{accepted} >= $n;
    } $seconds;
}


# until nothing waits anywhere: in Redis, nor at the emulator
sub settle {
    my ($self, $seconds) = @_;
    my $quiet = wait_for {
        my $hooks = $self->graph->control(GET => '')->{webhooks};
        !$hooks->{flying} && !$hooks->{queued} && !$self->left
    } $seconds // 20;
    ok $quiet, 'all is worked off' or diag $self->consumer->log;
    return $quiet;
}


# who was killed is not waited for: t/consumer/22-lease.t shows that
sub expire {
    my ($self) = @_;
    $self->redis('HSET', "{$_}:lease", until => 1) for $Q, 'meta:outbox';
    $self->redis('DEL', 'meta:consumers');
}


sub left {
    my ($self) = @_;
    my @keys = map { my $q = $_; ($q, map { "{$q}:$_" } qw(urgent inflight held retry)) }
        $Q, 'meta:outbox';
    my $left = 0;
    for my $key (@keys) {
        my $type = $self->redis('TYPE', $key);
        $left += $type eq 'list' ? $self->redis('LLEN', $key)
            : $type eq 'hash' ? $self->redis('HLEN', $key)
            : $type eq 'zset' ? $self->redis('ZCARD', $key) : 0;
    }
    return $left;
}


sub dead {
    my ($self, $q) = @_;
    return map { JSON::PP::decode_json($_) }
        $self->{redis}->queue('{' . ($q // $Q) . '}:dead');
}


# what a metactl command prints, decoded
sub ctl {
    my ($self, @args) = @_;
    my $out = "$self->{dir}/metactl.out";
    unlink $out;
    my $t = Test::Meta::Process->new;
    $t->run(out => $out, cmd => [build_dir() . '/metactl', '-c',
        $self->consumer->{file}, '--json', @args]);
    my $end = $t->wait_exit(20);
    my $said = slurp($out);
    return eval { JSON::PP::decode_json($said) } // "$end: $said";
}

# the life of a message, once it has come to that state
sub message {
    my ($self, $id, $state) = @_;
    my $said;
    wait_for {
        $said = $self->ctl(message => $id);
        ref $said && ($said->{state} // '') eq $state;
    } 10;
    return $said;
}


# drains, and asserts what every road must leave behind
sub finish {
    my ($self, %arg) = @_;
    my ($nginx, $consumer) = @{$self}{qw(nginx consumer)};
    $self->graph->control(POST => 'webhook', {url => ''});
    is $consumer->drain, '0', 'the consumer drains';
    is $consumer->complaints, '', 'and has no complaint';
    is $nginx->quit, '0', 'nginx quits';
    is $nginx->complaints, '', 'and has none either';
    my @secrets = ($Test::Meta::SECRET, values %TOKEN, @{$self->{texts}},
        @{$arg{secrets} // []});
    my $any = join '|', map { quotemeta } @secrets;
    unlike $consumer->log, qr/$any/, 'no token and no text in the log';
    is $nginx->leaks(@secrets), '', 'nor in those of nginx';
    $self->graph->stop;
    $self->{redis}->stop;
}

1;
