# What becomes of a message: its record, and who waits for how far it gets.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw(time);

use People qw(leave people shared told said status mark job outcome send_job message ids
    $OUTBOX $RULES $USER);
use Rig qw(messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(build_dir wait_for);

my $USER_MS = '7290000000000001';
my %MS = (account => $PAGE, to => $USER_MS);

sub metactl {
    my ($rig, @args) = @_;
    my $conf = $rig->file('consumer0.yaml');
    open my $out, '-|', build_dir() . '/metactl', '-c', $conf, @args or die "metactl: $!";
    return join '', <$out>;
}

# the state of a message, as soon as it is known at all
sub state_of {
    my ($rig, $account, $id) = @_;
    return $rig->do('HGET', "meta:message:$account:$id", 'state') // '-';
}

sub waits { return {reply => {text => 'x', wait_for => @_}} }

# the id of a message that nobody saw before, as soon as it has a record
my %seen;

sub new_id {
    my ($rig) = @_;
    my $id;
    ok +(wait_for { ($id) = grep { !$seen{$_} } ids($rig) } 20), 'sent';
    $seen{$id}++;
    return $id;
}

# ids of a result, which have their records by then
sub ids_of {
    my ($rig, $r) = @_;
    my @ids = map { $_->{message} } @{$r->{results}};
    for my $id (@ids) {
        $seen{$id}++;
        wait_for { grep { $_ eq $id } ids($rig) } 20;
    }
    return @ids;
}

subtest 'statuses go up, never down' => sub {
    my $rig = shared();
    my ($id) = ids_of($rig, outcome($rig, job()));
    is state_of($rig, $PHONE, $id), 'accepted', 'accepted';
    for (['read', 'read'], ['sent', 'read'], ['delivered', 'read'], ['failed', 'read'],
        ['played', 'played'], ['read', 'played'])
    {
        my ($said, $is) = @$_;
        told($rig, status($id, $said, again => rand));
        is state_of($rig, $PHONE, $id), $is, "$said: $is";
    }
    my %m = message($rig, $PHONE, $id);
    is_deeply [sort grep { /^t:/ } keys %m],
        [map { "t:$_" } qw(accepted delivered failed played read sent)], 'each has its time';
    is $m{by}, 'job', 'by what';
    is $m{user}, $USER, 'to whom';
    is_deeply [grep { /text|body/ } %m], [], 'no text';
    my $seen = metactl($rig, 'message', $id, '--json');
    my ($sent) = @{JSON::PP::decode_json($seen)->{sent}};
    is_deeply [@$sent{qw(account state by)}], [$PHONE, 'played', 'job'], 'metactl shows it';
    is_deeply [sort keys %{$sent->{times}}],
        [qw(accepted delivered failed played read sent)], 'with all its times';
    unlike $seen, qr/\Q$USER\E/, 'and not to whom';

    my ($other) = ids_of($rig, outcome($rig, job()));
    told($rig, map { status($other, $_) } qw(sent failed delivered));
    is state_of($rig, $PHONE, $other), 'delivered', 'failed on one device, delivered on another';
    $seen{$_}++ for 'wamid.first', 'wamid.late';
    told($rig, status('wamid.first', 'delivered'));
    is state_of($rig, $PHONE, 'wamid.first'), 'delivered', 'a status before the answer is kept';
    told($rig, status('wamid.none', 'delivered', ref => ''));
    is state_of($rig, $PHONE, 'wamid.none'), '-', 'a status of what is not ours is not';
};

subtest 'wait_for' => sub {
    my $rig = shared();
    for my $case (['sent', 'sent', 'sent'], ['delivered', 'read', 'read'],
        ['read', 'played', 'read'])
    {
        my ($for, $said, $state) = @$case;
        my $id = send_job($rig, job(do => [waits($for), {reply => {text => 'next'}}],
            key => "k$said"));
        my $message = new_id($rig);
        is $rig->do('LLEN', "meta:reply:$id"), 0, 'it waits';
        told($rig, status($message, 'delivered')) if $for eq 'read';
        is $rig->do('LLEN', "meta:reply:$id"), 0, '... for that';
        $rig->push(status($message, $said));
        my $r = outcome($rig, $id);
        is $r->{state}, $state, "$said answers it";
        is scalar @{$r->{results}}, 2, 'the next action has run';
        ids_of($rig, $r);
    }
};

# whoever looks for it knows the person's message, or the job
subtest 'what was sent for an event or a job' => sub {
    my $rig = people(rules => "rules: [{when: {kind: message}, do: [{reply: {text: one}},"
        . " {reply: {text: two}}]}]\n");
    my @of = map { 'wamid.' . 'HBgL' x 30 . $_ } 1 .. 3;
    my $two = said(id => $of[1]);
    my ($more) = said(id => $of[2]) =~ /"messages":\[(\{.*\})\]/;
    told($rig, said(id => $of[0]), $two =~ s/("messages":\[\{.*\})\]/$1,$more]/r);
    my $job = job();
    my ($sent) = map { $_->{message} } @{outcome($rig, $job)->{results}};
    wait_for { 7 == (() = ids($rig)) } 20;
    for my $of (@of) {
        my $seen = metactl($rig, 'message', $of, '--reveal', '--json');
        $seen = JSON::PP::decode_json($seen)->{sent};
        is_deeply [map { "@$_{qw(state by)}" } @$seen], [('accepted rule 1') x 2], 'both answers';
        is_deeply [grep { $_ =~ /^wamid/ } map { $_->{message} } @$seen],
            [map { $_->{message} } @$seen], '... by their ids';
    }
    told($rig, status($sent, 'read'));
    my $text = metactl($rig, 'message', $job->{id});
    like $text, qr/\Aread, a message of $PHONE sent for it\n  message wamid\.\*\S+\n  to #/,
        'a job, and how far its message got';
    my $key = "meta:message:$PHONE:of:" . substr $of[0], -64;
    ok $rig->do('PTTL', $key) > 29 * 86_400_000, 'it is forgotten as the records are';
    is scalar(my @lines = split /\n/, $rig->do('GET', $key)), 2, 'ids alone, each once';
    $rig->do('SET', $key, join '', map { "wamid.$_\n" } 1 .. 32);
    told($rig, said(id => $of[0], phone => '27820000999') =~ s/"event":/"replay":true,"event":/r);
    wait_for { $rig->do('GET', $key) !~ /^wamid\.2$/m } 20;
    is scalar(@lines = split /\n/, $rig->do('GET', $key)), 32, 'the newest 32';
    is $lines[0], 'wamid.3', 'the oldest are left out';
    leave($rig);
};

subtest 'it fails, or nothing comes' => sub {
    my $rig = shared();
    my $id = send_job($rig, job(do => [waits('delivered'), {reply => {text => 'never'}}]));
    my $failed = new_id($rig);
    $rig->push(status($failed, 'failed', code => 131026));
    my $r = outcome($rig, $id);
    is $r->{state}, 'dead', 'failed';
    is_deeply [@{$r->{results}[-1]{error}}{qw(code class)}], [131026, 'never'], 'with its code';
    my $letter = JSON::PP::decode_json(($rig->redis->queue("{$OUTBOX}:dead"))[-1]);
    is $letter->{reason}, 'failed', 'the reason';
    my $text = metactl($rig, 'message', $failed);
    like $text, qr/^failed, a message of $PHONE\n/m, 'metactl says what became of it';
    like $text, qr/\n  131026 never: \w.*\n  \w/, 'the code, what it means, what to do';
    my ($line) = grep { / code=131026 / && /a message failed / } split /\n/, $rig->logs;
    like $line, qr/\[warn\] a message failed queue=\S+ item=\d+ delivery=\S+ id=wamid\.\*\S+ /,
        'a warning';
    like $line, qr/ account=$PHONE user=#\w{8} by=job state=failed code=131026 /, 'whose';
    like $line, qr/ class=never: [A-Z].*\. [A-Z].*\.$/, 'with what it means, and what to do';
    unlike $line, qr/\Q$failed\E|$USER/, 'and nobody';
    ok !(grep { $_->[1] eq 'never' } $rig->sent), 'what comes after it does not run';

    $r = outcome($rig, job(do => [waits('read', wait_timeout => '1s')]));
    ids_of($rig, $r);
    is_deeply [@$r{qw(ok state)}], [JSON::PP::true, 'accepted'], 'too long: the state reached';
};

subtest 'killed while it waits' => sub {
    my $rig = people();
    my $id = send_job($rig, job(do => [waits('delivered')]));
    my $message = new_id($rig);
    ok +(wait_for { join('', %{$rig->state_of($OUTBOX)}) =~ /"w":\d/ } 20), 'it is known to wait';
    $rig->{c}->stop('KILL');
    $rig->do('HSET', "{$_}:lease", until => 1) for $Q, $OUTBOX;
    $rig->do('DEL', 'meta:consumers');
    $rig->push(status($message, 'read'));
    $rig->consumer(rules => $RULES, queues => qq([{name: "$Q"}, {name: "$OUTBOX", kind: jobs}]));
    is outcome($rig, $id)->{state}, 'read', 'the next one waits on';
    is scalar($rig->sent), 1, 'and sends nothing again';
    leave($rig);
};

subtest 'watermarks' => sub {
    my $rig = shared();
    my @id = map { ids_of($rig, outcome($rig, job(%MS))) } 1 .. 3;
    my ($other) = ids_of($rig, outcome($rig, job(%MS, to => '7290000000000002')));
    my $last = $rig->do('HGET', "meta:message:$PAGE:$id[2]", 't:accepted');
    told($rig, mark(delivery => $last - 1));
    my @states = map { state_of($rig, $PAGE, $_) } @id;
    is $states[0], 'delivered', 'what was sent before it';
    told($rig, mark(read => $last));
    is_deeply [map { state_of($rig, $PAGE, $_) } @id], ['read', 'read', 'read'],
        'all that were sent until then';
    is state_of($rig, $PAGE, $other), 'accepted', 'and nobody else\'s';
    told($rig, mark(delivery => $last + 1));
    is state_of($rig, $PAGE, $id[2]), 'read', 'never down';
    is $rig->do('ZCARD', "meta:conversation:messenger:$PAGE:$USER_MS:sent"), 0,
        'what was read is no more looked at';

    my $id = send_job($rig, job(%MS, do => [waits('delivered')]));
    new_id($rig);
    $rig->push(mark(read => 1000 * int(1 + time)));
    is outcome($rig, $id)->{state}, 'read', 'a watermark answers it';
};

# the receipt stands in the line of the message that is answered
subtest 'a rule that waits, on Messenger' => sub {
    my $rig = people(rules => "rules: [{when: {product: messenger, kind: message}, do: [{reply:"
        . " {text: one, wait_for: delivered}}, {reply: {text: two}}]}]\nunmatched: drop\n");
    $rig->push(messenger());
    new_id($rig);
    $rig->push(mark(delivery => 1000 * int(1 + time)));
    $rig->settle;
    is_deeply [map { $_->[1] } $rig->sent], [qw(one two)], 'it does not hold back its own receipt';
    leave($rig);
};

subtest 'settled by its status' => sub {
    my $rig = shared();
    $rig->graph->fault({match => {method => 'POST'}, times => 1, fault => {cut => 'answer'}});
    my $id = send_job($rig, job());
    is outcome($rig, $id)->{state}, 'ambiguous', 'nobody knows';
    told($rig, status('wamid.late', 'delivered', ref => $id));
    my %m = message($rig, $PHONE, 'wamid.late');
    is_deeply [@m{qw(state id user)}], ['delivered', $id, $USER], 'its record is made';
};

leave(shared());
done_testing;
