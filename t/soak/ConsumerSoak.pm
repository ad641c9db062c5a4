package ConsumerSoak;

# What the kill test of the consumer is made of: Redis and an nginx with the
# module (MetaSoak's), the Graph that fails, consumers, records to push, and the judgement over
# the call log and what Redis says.

use strict;
use warnings;

use Compress::Zlib qw(crc32);
use Digest::MD5 qw(md5);
use JSON::PP ();
use Time::HiRes qw(sleep time);

use MetaSoak;
use Test::Meta::Consumer;
use Test::Meta::Process;
use Test::Meta::Util qw(build_dir connects hold_port root_dir slurp spew temp_dir wait_for);

use constant {
    LIST       => 'meta:soak',
    PARTITIONS => 4,
    PHONES     => 16,
    HOT        => 50,               # conversations that talk at once
    TURNS      => 16,               # events of each
    TWICE      => 0.02,             # of the records come once more, a little later
    RECENT     => 500,
    SEVERAL    => 0.05,             # of the records have 2 to 1 + MANY messages
    MANY       => 20,
    WARM       => 5,                # seconds after which a process is measured first
};

# as many accounts of the edge's load program, which begin elsewhere
my @phones = map { 300_000_000_000_000 + $_ } 1 .. PHONES;

sub lists { return map { LIST . ":$_" } 0 .. PARTITIONS - 1 }

# seed, faults => 'FAIL,CUT,SLOW,STOP' of 10,000 calls
sub new {
    my ($class, %arg) = @_;
    my $self = bless {%arg, dir => temp_dir(), consumers => [], conversations => {},
        faults_said => [], steps => {}, pushed => 0, graphs => 0, recent => []},
        $class;
    $self->{edge} = MetaSoak->new(
        seed  => $arg{seed},
        lists => [],
        redis => [qw(--appendonly yes --appendfsync always --loglevel warning)],
        nginx => {
            http => "access_log off;\nmeta_redis_timeout 500ms;\n"
                . "meta_redis_connect_timeout 500ms;\nmeta_spool \$DIR/spool;\n",
            server => "location = /hook { meta_webhook; meta_queue @{[LIST]} partitions=4; }\n"
                . "location = /status { meta_status; }\n",
            location => "return 404;\n",
        },
    )->start;
    $self->{redis} = $self->{edge}{redis};
    ($self->{graph_port}, $self->{probe}) = hold_port();
    spew("$self->{dir}/token", "EAAsoak0123456789abcdef\n");
    $self->{text} = { map { $_ => slurp(root_dir() . "/t/soak/consumer/$_.lua") }
        qw(identity left push) };
    return $self;
}

# The next number under $below of a row of its own, so that what one row decides
# does not hang on how often others were asked: times differ from run to run.
sub dice {
    my ($self, $row, $below) = @_;
    my $n = $self->{rolled}{$row}++;
    return $below * unpack('L', md5("$self->{seed} $row $n")) / 2 ** 32;
}

sub calls_log { return "$_[0]{dir}/calls.log" }


# --- Graph --------------------------------------------------------------------

sub start_graph {
    my $self = shift;
    my $graph = $self->{graph} = Test::Meta::Process->new;
    $graph->run(out => "$self->{dir}/graph.out", cmd => [build_dir() . '/soak/graph',
        $self->{graph_port}, $self->calls_log, $self->{seed} + $self->{graphs}++,
        split /,/, $self->{faults}]);
    wait_for { connects($self->{graph_port}) || !$graph->alive } 10;
    die 'Graph did not start: ' . slurp("$self->{dir}/graph.out") if !$graph->alive;
}

# it goes on without faults
sub graph_is_good {
    my $self = shift;
    $self->{faults} = '0,0,0,0';
    $self->{graph}->stop('KILL');
    $self->start_graph;
}


# --- consumers ----------------------------------------------------------------

# Four lists by one name, or by four where this consumer knows no partitions yet.
sub queues {
    my $self = shift;
    return $self->{queues} //= do {
        my $one = sprintf '[{name: "%s", kind: events, partitions: %d}]', LIST, PARTITIONS;
        my $four = '[' . join(', ', map { qq({name: "$_", kind: events}) } lists()) . ']';
        $self->{old} = $self->takes($four, 'max_age: none') ? 'max_age: none' : '';
        $self->{listed} = !$self->takes($one, '');
        $self->{listed} ? $four : $one;
    };
}

sub takes {
    my ($self, $queues, $line) = @_;
    my ($end) = Test::Meta::Consumer->new(dir => $self->{dir}, name => 'try',
        conf => $self->conf($queues, $line))->test;
    return $end eq '0';
}

# line: one more of the rule, for what nginx gets is as old as its samples; so it is answered
# by a template, which needs no open window
sub conf {
    my ($self, $queues, $line) = @_;
    return <<"END";
redis: "@{[$self->{redis}->address]}"
queues: $queues
graph: {version: v24.0, base_url: "http://127.0.0.1:$self->{graph_port}"}
tokens:
  - {kind: whatsapp, default: true, file: $self->{dir}/token}
rules:
  - when: {product: whatsapp, kind: message}
    do: [{template: {name: thanks, language: en}}]
    $line
drain_timeout: 10s
replies_max: 1000000000
END
}

sub start_consumer {
    my ($self, $n) = @_;
    my $consumer = $self->{consumers}[$n] //= Test::Meta::Consumer->new(dir => $self->{dir},
        name => "consumer$n", conf => $self->conf($self->queues, $self->{old}));
    $consumer->start;
}


# --- records ------------------------------------------------------------------

# the next message of a conversation; phone: only of that account's
sub message {
    my ($self, $number, $phone) = @_;
    my $talk = HOT * int($number / HOT / TURNS) + int $self->dice('talk', HOT);
    $talk += ($phone - $talk) % @phones if defined $phone;
    my $turn = $self->{conversations}{$talk}++;
    return {phone => $talk % @phones, user => 27_830_000_000 + $talk,
        id => "wamid.talk.$talk.$turn", text => "Turn $turn"};
}

# its partition, the record as the edge writes it, and how many messages it has: some
# changes have several, of several people
sub record {
    my $self = shift;
    my $number = $self->{pushed}++;
    my @all = $self->message($number);
    if ($self->dice('several', 1) < SEVERAL) {
        push @all, map { $self->message($self->{pushed}++, $all[0]{phone}) }
            0 .. $self->dice('many', MANY);
    }
    my $phone = $phones[$all[0]{phone}];
    my ($id, $user) = @all > 1 ? ("sha256:$number", '') : @{ $all[0] }{qw(id user)};
    $self->{changes}{$id} = [map { $_->{id} } @all] if @all > 1;
    my %seen;
    my $contacts = join ',', map { qq({"profile":{"name":"Thandi"},"wa_id":"$_"}) }
        grep { !$seen{$_}++ } map { $_->{user} } @all;
    my $messages = join ',', map { qq({"from":"$_->{user}","id":"$_->{id}",)
        . qq("timestamp":"@{[time_now()]}","text":{"body":"$_->{text}"},"type":"text"}) } @all;
    return crc32($phone) % PARTITIONS,
        qq({"v":1,"id":"$id","app":"","object":"whatsapp_business_account",)
        . qq("entry":"102290129340398","time":1763700000000,"field":"messages",)
        . qq("key":"$phone:$user","delivery":"soak$number","n":0,"of":1,)
        . qq("received_at":1763700000123,"event":{"value":{"messaging_product":"whatsapp",)
        . qq("metadata":{"display_phone_number":"15550001111","phone_number_id":"$phone"},)
        . qq("contacts":[$contacts],"messages":[$messages]},"field":"messages"}}),
        scalar @all;
}

sub time_now { return int time }

# so many more; what Redis did not answer is asked again until it does
sub push_more {
    my ($self, $n) = @_;
    my $recent = $self->{recent};
    for (my $end = $self->{pushed} + $n; $self->{pushed} < $end; ) {
        my ($partition, $record, $many) = $self->record;
        push @{ $self->{waiting}{$partition} }, $record;
        $self->{records}++;
        $self->{several} += $many > 1;
        push @$recent, [$partition, $record, $many];
        shift @$recent if @$recent > RECENT;
        $self->repeat(@{ $recent->[$self->dice('which', scalar @$recent)] })
            if $self->dice('twice', 1) < TWICE;
    }
    return $self->flush;
}

# as Meta does when an answer of ours was lost
sub repeat {
    my ($self, $partition, $record, $many) = @_;
    push @{ $self->{waiting}{$partition} }, $record;
    $self->{records}++;
    $self->{repeats} += $many;
}

# true if nothing waits to be pushed
sub flush {
    my $self = shift;
    my $waiting = $self->{waiting} // {};
    for my $partition (sort keys %$waiting) {
        my $list = LIST . ":$partition";
        while (@{ $waiting->{$partition} }) {
            my $step = $self->{steps}{$list} // 0;
            # the same records again while the step is not known to be made
            my $some = $self->{sending}{$list} //= do {
                my $all = $waiting->{$partition};
                [@$all[0 .. ($#$all < 99 ? $#$all : 99)]];
            };
            defined $self->ask('EVAL', $self->{text}{push}, 2, $list, "soak:steps:$list",
                $step + 1, @$some) or return 0;
            $self->{steps}{$list} = $step + 1;
            splice @{ $waiting->{$partition} }, 0, scalar @{ delete $self->{sending}{$list} };
        }
    }
    return 1;
}

# a command, undef while Redis is away
sub ask {
    my ($self, @command) = @_;
    return undef if !$self->{redis}->alive;
    my $answer = eval { $self->{redis}->do(@command) };
    delete $self->{redis}{client} if !defined $answer;
    return $answer;
}


# --- the judgement --------------------------------------------------------------

sub fault {
    my ($self, $text) = @_;
    push @{ $self->{faults_said} }, $text;
    print "FAULT: $text\n" if @{ $self->{faults_said} } <= 20;
}

# one look at all queues; what they hold, or undef while Redis is away
sub sample {
    my $self = shift;
    my $rows = $self->ask('EVAL', $self->{text}{identity}, PARTITIONS, lists()) or return undef;
    my %sum = map { $_ => 0 } my @of = qw(length taken inflight held retry dead done parts);
    for my $n (0 .. $#$rows) {
        my %at;
        @at{@of} = @{ $rows->[$n] };
        my $placed = $at{inflight} + $at{held} + $at{retry} + $at{dead} + $at{done};
        $self->fault((lists())[$n] . ": taken $at{taken} is not $placed: "
            . join ', ', map { "$_ $at{$_}" } sort keys %at) if $placed != $at{taken};
        $sum{$_} += $at{$_} for keys %sum;
    }
    $self->{samples}++;
    return \%sum;
}

# what stands in Redis of queues that have nothing to do and no holder
sub leftovers {
    my $self = shift;
    my $left = $self->ask('EVAL', $self->{text}{left}, PARTITIONS, lists())
        or return $self->fault('Redis does not say what is left');
    $self->fault("left over: $_") for @$left;
}

# Memory and descriptors of each consumer process: when it has run for a while,
# and now.
sub measure {
    my $self = shift;
    for my $consumer (grep { $_->alive } @{ $self->{consumers} }) {
        my $pid = $consumer->pid;
        my ($kb) = (eval { slurp("/proc/$pid/status") } // '') =~ /^VmRSS:\s+(\d+)/m or next;
        my $is = $self->{sizes}{$pid} //= {name => $consumer->{name}, since => time};
        $is->{kb} = $kb;
        $is->{fds} = () = glob "/proc/$pid/fd/*";
        for my $what (qw(kb fds)) {
            $is->{"max_$what"} = $is->{$what} if $is->{$what} > ($is->{"max_$what"} // 0);
            $is->{"first_$what"} //= $is->{$what} if time - $is->{since} > WARM;
        }
        $is->{seconds} = time - $is->{since};
    }
}

# of the process that lived longest: seconds, kilobytes and descriptors, first, most, last
sub sizes {
    my $self = shift;
    my ($old) = sort { $b->{seconds} <=> $a->{seconds} } values %{ $self->{sizes} };
    my @all = map { $_->{max_kb} } values %{ $self->{sizes} };
    return sprintf('%s, %d s: %d, %d, %d kB; %d, %d, %d descriptors; most of any: %d kB',
        @$old{qw(name seconds first_kb max_kb kb first_fds max_fds fds)},
        (sort { $b <=> $a } @all)[0]);
}

# ids that are dead, by their reason
sub dead {
    my $self = shift;
    my %dead;
    for my $list (lists()) {
        for my $letter ($self->{redis}->queue("{$list}:dead")) {
            my ($reason) = $letter =~ /"reason":"([a-z_]+)"/;
            my ($id) = $letter =~ /"item":\{"v":1,"id":"([^"]+)"/;
            $dead{$_} = $reason // '?' for @{ $self->{changes}{$id // ''} // [$id // $letter] };
        }
    }
    return \%dead;
}

# the ids of all events whose delivery got a 200 from nginx
sub acked_ids {
    my $self = shift;
    my @ids;
    for my $load (@{ $self->{edge}{loads} }) {
        for my $n (0 .. length($load->{became}) - 1) {
            next if substr($load->{became}, $n, 1) ne '2';
            push @ids, map { "wamid.$load->{run}.$n.$_" } 0 .. MetaSoak::events($n) - 1;
        }
    }
    return @ids;
}

# What the call log says of each event: how often it was taken, and whether its
# conversation went forward.  Not taken is as good as never asked.
sub judge {
    my $self = shift;
    my %judged = (dead => $self->dead, taken => {}, last => {}, got => {});
    @{ $judged{got} }{qw(calls refused throttled cut slow twice disorder lost)} = (0) x 8;
    open my $log, '<', $self->calls_log or die $self->calls_log . ": $!\n";
    while (my $line = <$log>) {
        $self->judge_call(\%judged, split ' ', $line);
    }
    my ($dead, $got) = @judged{qw(dead got)};
    for my $id ($self->all_ids, $self->acked_ids) {
        my $reason = $dead->{$id} // '';
        next if $judged{taken}{$id} || $reason =~ /\A(?:ambiguous|poison)\z/;
        $got->{lost}++;
        $self->fault("$id was never sent" . ($reason ? ", and is dead: $reason" : ''));
    }
    $got->{"dead: $_"}++ for values %$dead;
    for my $reason (grep { /^dead: / && !/: (?:ambiguous|poison)\z/ } sort keys %$got) {
        $self->fault("$got->{$reason} $reason");
    }
    return $got;
}

sub judge_call {
    my ($self, $judged, $how, $ms, $account, $ref) = @_;
    my ($dead, $taken, $last, $got) = @$judged{qw(dead taken last got)};
    return if $how eq 'r';
    $got->{calls}++;
    $got->{refused}++ if $how eq '5';
    $got->{cut}++     if $how eq 'c';
    $got->{slow}++    if $how eq 's';
    $got->{throttled}++ if $how eq 't';
    return if $how =~ /[5t]/;
    my ($change, $n) = $ref =~ /(sha256:\d+)(?:#(\d+))?/;
    $ref = $self->{changes}{$change}[($n // 1) - 1] // $ref if $change;     # worked as a whole
    my ($id, $talk, $turn) = $ref =~ /(wamid\.(?:talk\.(\d+)\.(\d+)|\d+\.\d+\.\d+))/;
    return $self->fault("a call of no event: $ref") if !defined $id;
    if ($taken->{$id}++) {
        $got->{twice}++;
        $self->fault("$id was sent $taken->{$id} times"
            . ($dead->{$id} ? ", and is dead: $dead->{$id}" : ''));
        return;
    }
    return if !defined $talk;
    if (defined $last->{$talk} && $turn < $last->{$talk}) {
        $got->{disorder}++;
        $self->fault("$id was sent behind turn $last->{$talk}");
    }
    else {
        $last->{$talk} = $turn;
    }
}

sub all_ids {
    my $self = shift;
    my $talks = $self->{conversations};
    return map { my $talk = $_; map { "wamid.talk.$talk.$_" } 0 .. $talks->{$talk} - 1 }
        sort { $a <=> $b } keys %$talks;
}

1;
