package Ctl;

# A Redis, a configuration and metactl: what it says and how it ends.
#
#   my $ctl = Ctl->new(queues => '[{name: q}]', more => '...');
#   my ($code, $out, $err) = $ctl->run('status', '--json');
#   my $status = $ctl->json('status');          dies unless the code is 0
#   $ctl->do('RPUSH', ...);  $ctl->letters(...);  $ctl->finish;

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP ();
use Test::More;

use Test::Meta::Process;
use Test::Meta::Redis;
use Test::Meta::Util qw(build_dir patience slurp spew temp_dir valgrind);

our @EXPORT_OK = qw(event letter $Q $PAGE $TOKEN);

our $Q = 'meta:events';
our $PAGE = '118734502290164';
our $TOKEN = "EAApage${$}SECRETTOKEN0002";

my $RULES = '[{when: {product: messenger, kind: message}, do: [{reply: {text: hello}}]}]';
my $runs = 0;

sub new {
    my ($class, %arg) = @_;
    my $self = bless {dir => temp_dir(), %arg}, $class;
    $self->{redis} = Test::Meta::Redis->new(dir => $self->{dir}, %{$arg{redis} // {}})->start;
    spew($self->file('token'), "$TOKEN\n");
    spew($self->file('secret'), "app-secret\n");
    chmod 0600, $self->file($_) or die "chmod: $!" for qw(token secret);
    $self->{conf} = $self->conf;
    return $self;
}

sub file  { "$_[0]{dir}/$_[1]" }
sub redis { $_[0]{redis} }
sub do : method { my ($self, @command) = @_; return $self->redis->do(@command) }
sub count_of { +{ $_[0]->do('HGETALL', '{' . ($_[1] // $Q) . '}:count') } }

# a file of its own for each that differs
sub conf {
    my ($self, %arg) = @_;
    my $file = $self->file($arg{name} // 'consumer.yaml');
    my %with = (%$self, %arg);
    spew($file, <<"END" . ($with{more} // ''));
redis: "@{[$with{address} // $self->redis->address]}"
queues: @{[$with{queues} // qq([{name: "$Q"}, {name: "meta:outbox", kind: jobs}])]}
apps: [{id: "1234567890", secret_file: @{[$self->file('secret')]}}]
tokens: [{kind: page, id: "$PAGE", file: @{[$self->file('token')]}}]
rules: @{[$with{rules} // $RULES]}
END
    return $file;
}

sub command {
    my ($self, @args) = @_;
    return (valgrind($self->file('metactl.valgrind')), build_dir() . '/metactl', '-c',
        $self->{conf}, @args);
}

# begun, to be waited for or killed
sub start {
    my ($self, @args) = @_;
    my $p = Test::Meta::Process->new(out => $self->file('out.' . ++$runs));
    $p->run(out => $p->{out}, cmd => ['sh', '-c', 'exec "$@" 2>"$0"', "$p->{out}.err",
        $self->command(@args)]);
    return $p;
}

sub run {
    my ($self, @args) = @_;
    my $p = $self->start(@args);
    my $how = $p->wait_exit(30 * patience()) // 'hangs';
    my ($out, $err) = (slurp($p->{out}), slurp("$p->{out}.err"));
    is index($out . $err, $TOKEN), -1, 'no token in what ' . ($args[0] // 'it') . ' says';
    unlike $err, qr/Sanitizer|runtime error/, '... and no complaint of a sanitizer';
    return ($how =~ s/^exit //r, $out, $err);
}

sub json {
    my ($self, @args) = @_;
    my ($code, $out, $err) = $self->run(@args, '--json');
    die "metactl @args: $code $out $err" if $code ne '0';
    return JSON::PP::decode_json($out);
}

# the queue's identity, from its keys
sub accounted {
    my ($self, $what, $q) = @_;
    $q //= $Q;
    my $c = $self->count_of($q);
    my $somewhere = $self->do('HLEN', "{$q}:inflight") + $self->do('HLEN', "{$q}:held")
        + $self->do('ZCARD', "{$q}:retry") + $self->do('LLEN', "{$q}:dead");
    $somewhere += $c->{$_} // 0 for qw(worked duplicate unmatched expired dropped);
    is $somewhere, $c->{taken} // 0, "$what: taken is what is somewhere";
    is $c->{dead} // 0, $self->do('LLEN', "{$q}:dead"), "$what: dead letters are counted";
}

# letters as they would have got there
sub letters {
    my ($self, @letters) = @_;
    while (my @some = splice @letters, 0, 500) {
        $self->do('RPUSH', "{$Q}:dead", @some);
        $self->do('HINCRBY', "{$Q}:count", $_, scalar @some) for qw(taken dead);
    }
}

sub finish {
    my ($self) = @_;
    is join('', map { slurp($_) } glob $self->file('metactl.valgrind.*')), '',
        'no complaint of valgrind';
    $self->redis->stop;
}

my $count = 0;

sub event {
    my (%e) = @_;
    $count++;
    my $page = $e{page} // $PAGE;
    my $user = $e{user} // '7290000000000001';
    my $id = $e{id} // "m_$$.$count";
    my $text = $e{text} // "text $count";
    my $came = $e{came} // 1763700000123;
    return qq({"v":1,"id":"$id","app":"1234567890","object":"page","entry":"$page",)
        . qq("time":1763700000000,"field":"messaging","key":"$page:$user","delivery":"d$count",)
        . qq("n":0,"of":1,"received_at":$came,"event":{"sender":{"id":"$user"},)
        . qq("recipient":{"id":"$page"},"timestamp":1763700000123,"message":{"mid":"$id",)
        . qq("text":"$text"}}});
}

sub letter {
    my ($item, %l) = @_;
    my $time = $l{time} // 1763700001234;
    my $state = $l{state} ? qq(,"state":$l{state}) : '';
    return qq({"v":1,"reason":"@{[$l{reason} // 'unreachable']}","code":@{[$l{code} // 'null']},)
        . qq("subcode":null,"attempts":1,"time":$time,"answer":"@{[$l{answer} // 'no route']}",)
        . ($l{text} ? qq("class":"never","text":"$l{text}","todo":"x",) : '')
        . qq("action":"reply","done":@{[$l{done} // 0]}$state,"item":$item});
}

1;
