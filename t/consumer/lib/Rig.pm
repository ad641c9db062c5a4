package Rig;

# A Redis, a Graph emulator and consumers in one directory, records to push,
# and what must be true when all is quiet.
#
#   my $rig = Rig->new;                      (redis => {...}, graph => [...])
#   my $c = $rig->consumer;                  (conf => '...', name => 'b')
#   $rig->push(whatsapp(text => 'hi'), messenger(text => 'hi'));
#   $rig->settle;  is_deeply [$rig->sent], [...];
#   $rig->finish;

use strict;
use warnings;
use utf8;

use Encode qw(encode_utf8);
use Exporter qw(import);
use JSON::PP ();
use Test::More;

use Test::Meta::Consumer;
use Test::Meta::Graph;
use Test::Meta::Redis;
use Test::Meta::Util qw(patience slurp spew temp_dir wait_for);

our @EXPORT_OK = qw(whatsapp messenger record $PHONE $PAGE $WABA $Q);

our $PHONE = '106540352242922';
our $WABA = '102290129340398';
our $PAGE = '118734502290164';
our $Q = 'meta:events';

# what no log may hold
my %TOKEN = (whatsapp => "EAAwhatsapp${$}SECRETTOKEN01", page => "EAApage${$}SECRETTOKEN0002");
my @words;
my $count = 0;

my $RULES = <<'END';
rules:
  - when: {product: whatsapp, kind: message}
    do: [mark_read, {reply: {text: "Thanks, we are on it."}}]
  - when: {product: messenger, kind: message}
    do:
      - reply:
          text: "It is 49 EUR."
          quick_replies:
            - {title: "✅ Helpful", payload: HELPFUL}
            - {title: "🔄 More detail", payload: MORE}
END


# redis: arguments of Test::Meta::Redis; graph: more options of the emulator
sub new {
    my ($class, %arg) = @_;
    my $self = bless {dir => temp_dir(), consumers => []}, $class;
    diag "kept: $self->{dir}" if $ENV{META_T_LEAVE};
    $self->{redis} = Test::Meta::Redis->new(dir => $self->{dir}, %{$arg{redis} // {}})->start;
    $self->{graph} = Test::Meta::Graph->new(dir => $self->{dir}, args => [
        '--token', "whatsapp:$PHONE\@$WABA:$TOKEN{whatsapp}",
        '--token', "page:$PAGE:$TOKEN{page}", @{$arg{graph} // []}])->start;
    spew($self->file($_), "$TOKEN{$_}\n") for keys %TOKEN;
    return $self;
}

sub dir   { $_[0]{dir} . '' }
sub redis { $_[0]{redis} }
sub graph { $_[0]{graph} }
sub token { $TOKEN{$_[1]} }
sub file  { "$_[0]{dir}/$_[1]" }


# redis, graph, tokens as they are here; the rest is up to the test.  Tests write to one
# person more often than people are written to
sub conf {
    my ($self, %arg) = @_;
    my $redis = $arg{redis} // $self->redis->address;
    return <<"END" . ($arg{rules} // $RULES) . ($arg{more} // '');
redis: "$redis"
queues: @{[$arg{queues} // qq([{name: "$Q", kind: events}])]}
graph: {version: v24.0, base_url: "@{[$self->graph->url]}"}
tokens:
  - {kind: whatsapp, id: "$PHONE", file: @{[$self->file('whatsapp')]}}
  - {kind: page, id: "$PAGE", file: @{[$self->file('page')]}}@{[$arg{tokens} // '']}
log_level: @{[$arg{log_level} // 'debug']}
replies_max: @{[$arg{replies_max} // 1_000_000]}
END
}


# starts one more; it runs until finish, or until the test ends it
sub consumer {
    my ($self, %arg) = @_;
    my $n = @{$self->{consumers}};
    my $c = Test::Meta::Consumer->new(dir => $self->{dir}, name => $arg{name} // "consumer$n",
        conf => encode_utf8($arg{conf} // $self->conf(%arg)), env => $arg{env})->start;
    push @{$self->{consumers}}, $c;
    return $c;
}


sub push : method {
    my ($self, @records) = @_;
    $self->push_to($Q, @records);
}

sub push_to {
    my ($self, $list, @records) = @_;
    return $self->do('RPUSH', $list, @records);
}


sub do : method { my ($self, @command) = @_; return $self->redis->do(@command) }
# the queue's name may follow
sub companion { my ($q, $suffix) = @_; return '{' . ($q // $Q) . "}:$suffix" }
sub llen      { $_[0]->do('LLEN', $_[1] // $Q) }
sub inflight  { $_[0]->do('HLEN', companion($_[1], 'inflight')) }
sub count_of  { +{ $_[0]->do('HGETALL', companion($_[1], 'count')) } }
sub held      { $_[0]->do('HLEN', companion($_[1], 'held')) }
sub retry     { $_[0]->do('ZCARD', companion($_[1], 'retry')) }
sub state_of  { +{ $_[0]->do('HGETALL', companion($_[1], 'state')) } }
sub dead      { map { JSON::PP::decode_json($_) } $_[0]->redis->queue(companion($_[1], 'dead')) }


# stops an account or a lane as people do, until this consumer has heard of it: of another
# queue it says so
sub pause {
    my ($self, $consumer, $what) = @_;
    $self->do('HSET', 'meta:control', map { ($_ => '{"until":null,"by":"test","why":"test"}') }
        $what, 'queue:sign');
    $consumer->wait_log(qr/queue sign is paused/);
}

sub resume { $_[0]->do('DEL', 'meta:control') }


# who was killed is not waited for: 22-lease.t shows that
sub expire {
    my ($self) = @_;
    $self->do('HSET', companion($Q, 'lease'), until => 1);
    $self->do('DEL', 'meta:consumers');
}


# how many are not over yet, at one moment: what is counted one after another
# may move on meanwhile
sub left {
    my ($self, $q) = @_;
    my @keys = ($q, map { companion($q, $_) } qw(urgent inflight held retry));
    return $self->do('EVAL', <<'END', scalar @keys, @keys);
return redis.call('LLEN', KEYS[1]) + redis.call('LLEN', KEYS[2]) + redis.call('HLEN', KEYS[3])
    + redis.call('HLEN', KEYS[4]) + redis.call('ZCARD', KEYS[5])
END
}


# until nothing waits, in the list or aside, and nothing is in flight
sub settle {
    my ($self, $seconds, $q) = @_;
    $q //= $Q;
    my $quiet = wait_for { !$self->left($q) } $seconds // 20;
    ok $quiet, 'all is worked off'
        or diag 'left: ' . $self->llen($q) . ', in flight: ' . $self->inflight($q) . ', held: '
            . $self->held($q) . ', retry: ' . $self->retry($q), $self->logs;
    return $quiet;
}


# messages that Graph accepted, as [to, text]; never the receipts
sub sent {
    my ($self) = @_;
    return map { my $b = $_->{body};
        my $to = $b->{to} // $b->{recipient};
        [ref $to ? $to->{id} // $to->{user_ref} : $to,
            $b->{text}{body} // $b->{message}{text} // $b->{interactive}{body}{text}] }
        grep { $_->{accepted} } $self->graph->calls;
}


# how many; cheap enough to be asked again and again
sub accepted {
    my ($self) = @_;
    return scalar(() = slurp($self->graph->{log}) =~ /^\{"accepted":true/mg);
}


sub logs { join '', map { $_->log } @{$_[0]{consumers}} }


# design 1: at rest, all that was ever taken is somewhere
sub accounted {
    my ($self, $q) = @_;
    $q //= $Q;
    my $c = $self->count_of($q);
    $_ //= 0 for @$c{qw(taken worked duplicate unmatched expired dropped dead)};
    is $c->{taken}, $self->inflight($q) + $self->held($q) + $self->retry($q)
        + $self->llen("{$q}:dead") + $c->{worked} + $c->{duplicate} + $c->{unmatched}
        + $c->{expired} + $c->{dropped}, 'taken = in flight + held + retry + dead + done';
    is $c->{dead}, $self->llen("{$q}:dead"), 'dead letters are counted';
    return $c;
}


# drains what still runs and asserts what every test must leave behind
sub finish {
    my ($self, %arg) = @_;
    $self->redis->cont;
    for my $c (grep { $_->alive } @{$self->{consumers}}) {
        is $c->drain(35 * patience()), '0', "$c->{name} drained";
    }
    $self->accounted($_) for @{$arg{queues} // [$Q]};
    for my $c (@{$self->{consumers}}) {
        is $c->complaints, '', "$c->{name}: no complaint of a sanitizer or valgrind";
        my $log = $c->log;
        my @seen = grep { index($log, $_) >= 0 } values %TOKEN, @words, @{$arg{secrets} // []};
        is "@seen", '', "$c->{name}: no token and no text in the log";
    }
    $self->graph->stop;
    $self->redis->stop;
}


sub record {
    my (%r) = @_;
    $count++;
    my %base = (v => 1, id => "id-$$-$count", app => '1234567890', entry => $WABA,
        object => 'whatsapp_business_account', time => 1000 * CORE::time, field => 'messages',
        key => "$PHONE:27820000001", delivery => "delivery$count", n => 0, of => 1,
        received_at => 1000 * CORE::time + 123, event => {}, %r);
    my $json = JSON::PP->new->canonical->ascii;
    my $event = delete $base{event};
    return substr($json->encode(\%base), 0, -1) . ',"event":'
        . (ref $event ? $json->encode($event) : $event) . '}';
}


# one message; user: digits; message: more of its members
sub whatsapp {
    my (%m) = @_;
    $count++;
    my $user = $m{user} // '27820000001';
    my $id = $m{id} // "wamid.$$.$count";
    my $text = $m{text} // "whatsapp-text-$$-$count";
    push @words, $text if length $text > 8;
    return record(id => $id, key => $m{key} // "$PHONE:$user",
        ($m{delivery} ? (delivery => $m{delivery}) : ()),
        event => {field => 'messages', value => {messaging_product => 'whatsapp',
        metadata => {display_phone_number => '15550783881', phone_number_id => $m{phone} // $PHONE},
        contacts => [{wa_id => $user, profile => {name => 'Thandi'}}],
        messages => [{from => $user, id => $id, timestamp => '' . CORE::time, type => 'text',
            text => {body => $text}, %{$m{message} // {}}}]}});
}


sub messenger {
    my (%m) = @_;
    $count++;
    my $user = $m{user} // '7290000000000001';
    my $id = $m{id} // "m_$$.$count";
    my $text = $m{text} // "messenger-text-$$-$count";
    push @words, $text if length $text > 8;
    return record(object => 'page', entry => $m{page} // $PAGE, field => 'messaging', id => $id,
        key => ($m{page} // $PAGE) . ":$user", event => {sender => {id => $user},
        recipient => {id => $m{page} // $PAGE}, timestamp => 1000 * CORE::time,
        message => {mid => $id, text => $text, %{$m{message} // {}}}, %{$m{item} // {}}});
}


1;
