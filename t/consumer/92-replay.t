# What Meta repeats is worked once, what is kept can be run again, and dry_run
# writes nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP qw(decode_json);
use Test::More;

use Rig qw(whatsapp messenger record $PHONE $WABA $PAGE $Q);
use Test::Meta::Util qw(build_dir patience slurp wait_for);

my $RULES = <<'END2';
push_lists: [copies]
rules:
  - when: {product: whatsapp, kind: message}
    do: [mark_read, {reply: {text: answered}}]
  - when: {product: whatsapp, kind: status}
    do: [{push: {list: copies}}]
  - when: {product: messenger, kind: message, text: "^price"}
    do: [{push: {list: copies}}, {reply: {text: answered}}]
  - when: {product: messenger, kind: message, text: "^late"}
    max_age: 2h
    do: [{reply: {text: in time}}]
END2

sub ctl {
    my ($c, @args) = @_;
    open my $out, '-|', build_dir() . '/metactl', '-c', $c->{file}, '--json', @args
        or die "metactl: $!";
    my $said = join '', <$out>;
    close $out;
    return decode_json($said);
}

# a message of a change
sub message {
    my ($id, $user) = @_;
    return {from => $user, id => $id, timestamp => '' . time, type => 'text',
        text => {body => "text-of-$id-$$"}};
}

sub status {
    my ($id, $state) = @_;
    return {id => $id, status => $state, timestamp => '' . time, recipient_id => '278'};
}

# a change as the edge writes it that holds several elements
my $changes = 0;
sub change {
    my (%value) = @_;
    return record(id => sprintf('sha256:%032x', ++$changes), key => "$PHONE:", event => {
        field => 'messages', value => {messaging_product => 'whatsapp',
        metadata => {phone_number_id => $PHONE}, %value}});
}

# whose messages were answered, by the message that each reply is for
sub answered {
    my ($rig) = @_;
    return [map { $_->{body}{biz_opaque_callback_data} // $_->{body}{message}{metadata} }
        grep { $_->{accepted} } $rig->graph->calls];
}

sub read_of {
    my ($rig) = @_;
    return [map { $_->{body}{message_id} } grep { ($_->{body}{status} // '') eq 'read' }
        $rig->graph->calls];
}

# not one after another: who is in one line waits for the one before
sub push_settled {
    my ($rig, @records) = @_;
    $rig->push(@records);
    $rig->settle;
}


subtest 'what Meta repeats' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $RULES);
    my $one = whatsapp(id => 'wamid.one');
    push_settled($rig, $one, $one);
    is_deeply answered($rig), ['wamid.one'], 'answered once, though both were there at once';
    push_settled($rig, $one);
    is $rig->count_of->{duplicate}, 2, 'counted';
    is scalar(() = $c->log =~ /outcome=duplicate/g), 2, 'and said';

    push_settled($rig, $one =~ s/"app":"1234567890"/"app":"555"/r);
    is scalar @{answered($rig)}, 2, 'the same of another app is another';
    push_settled($rig, messenger(id => 'm_mute', text => 'nothing matches')) for 1 .. 2;
    is $rig->count_of->{unmatched}, 2, 'what nothing matched is not remembered';

    my $read = record(id => 'wamid.one:read', key => "$PHONE:wamid.one", event => {
        field => 'messages', value => {metadata => {phone_number_id => $PHONE},
        statuses => [status('wamid.one', 'read')]}});
    push_settled($rig, $read, $read);
    is $rig->llen('copies'), 2, 'nor are statuses';

    $rig->graph->fault({times => 1, fault => {code => 100}});
    my $dies = messenger(id => 'm_dies', text => 'price?');
    push_settled($rig, $dies, $dies);
    is scalar(() = $rig->dead), 1, 'what died';
    is scalar(grep { $_ eq 'm_dies' } @{answered($rig)}), 0,
        'after a part of it was done is not begun anew by what Meta repeats';
    is $c->drain, '0', 'drained';

    $rig->consumer(rules => $RULES);
    push_settled($rig, $one, $dies);
    is $rig->count_of->{duplicate}, 5, 'another consumer knows them, too';
    $rig->finish;
};


subtest 'within a change, by message' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $RULES);
    push_settled($rig, whatsapp(id => 'wamid.a', user => '27820000001'));
    push_settled($rig, change(messages => [message('wamid.a', '27820000001'),
        message('wamid.b', '27820000002')]));
    is_deeply read_of($rig), [qw(wamid.a wamid.b)], 'the one that came alone before is left out';
    is $rig->count_of->{duplicate}, 1, 'and counted';

    push_settled($rig, whatsapp(id => 'wamid.b', user => '27820000002'),
        change(messages => [message('wamid.b', '27820000002'), message('wamid.a', '27820000001')]));
    is_deeply read_of($rig), [qw(wamid.a wamid.b)], 'nor is one of it answered again';
    is $rig->count_of->{duplicate}, 4, 'alone, or within another change';

    my $mixed = change(messages => [message('wamid.a', '27820000001')],
        statuses => [status('wamid.x', 'read')]);
    push_settled($rig, $mixed);
    is $rig->llen('copies'), 1, 'a status beside a message that was seen is worked';
    is_deeply read_of($rig), [qw(wamid.a wamid.b)], 'and the message is not';

    my %mute = (%{message('wamid.d', '27820000004')}, type => 'reaction',
        reaction => {message_id => 'wamid.0', emoji => ''});
    my $beside = change(messages => [message('wamid.c', '27820000003'), \%mute]);
    my $before = $rig->count_of->{duplicate};
    push_settled($rig, $beside, $beside);
    is $rig->count_of->{duplicate}, $before + 1, 'what ran an action is remembered';
    is $rig->count_of->{unmatched}, 2, 'what ran none is not';

    my @many = map { message("wamid.m$_", "2783000$_") } 1 .. 200;
    push_settled($rig, change(messages => [@many[0 .. 99]]));
    push_settled($rig, change(messages => \@many));
    is_deeply [sort @{read_of($rig)}],
        [sort qw(wamid.a wamid.b wamid.c), map { "wamid.m$_" } 1 .. 200], 'half of a large one';
    $rig->finish;
};


subtest 'kept, and run again' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $RULES, more => "keep: 24h\n");
    my $old = messenger(id => 'm_old', text => 'late one')
        =~ s/"time":(\d+)/sprintf '"time":%d', $1 - 3_600_000/er;
    push_settled($rig, whatsapp(id => 'wamid.kept'), messenger(id => 'm_kept', text => 'price?'),
        $old);
    my @before = sort @{answered($rig)};
    is_deeply \@before, [qw(m_kept m_old wamid.kept)], 'worked';
    is $rig->do('ZCARD', "{$Q}:kept"), 3, 'kept';

    is ctl($c, 'replay', '--all', '--account', $PAGE)->{replayed}, 2, 'those of the Page';
    $rig->settle;
    is_deeply [sort @{answered($rig)}], [sort @before, qw(m_kept m_old)],
        'are answered again, past dedupe';
    my ($copy) = grep { /"replay":true/ } $rig->redis->queue('copies');
    is decode_json($copy // '{}')->{id}, 'm_kept', 'marked as replayed for who reads it';
    is $rig->count_of->{replayed}, 2, 'counted';

    is ctl($c, 'replay', '--all', '--to', 'mine')->{replayed}, 3,
        'what was replayed is not kept again';
    is $rig->llen('mine'), 3, 'to a list of our own';
    is scalar @{answered($rig)}, 5, 'nobody is answered';
    push_settled($rig, whatsapp(id => 'wamid.kept'));
    is $rig->count_of->{duplicate}, 1, 'and dedupe still knows';
    $rig->finish;
};


subtest 'dry_run' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $RULES . <<'END2', more => "dry_run: true\n");
  - when: {product: messenger, kind: message, text: "^look"}
    do: [{graph: {method: GET, path: me}}, {graph: {method: POST, path: me/messages}}]
END2
    $rig->push(whatsapp(id => 'wamid.dry'), messenger(id => 'm_dry', text => 'price?'),
        messenger(id => 'm_look', text => 'look'));
    $rig->settle;
    is_deeply [map { $_->{method} } $rig->graph->calls], ['GET'], 'reads only';
    is scalar(() = $c->log =~ /outcome=dry/g), 4, 'what would have been written is said';
    is $rig->llen('copies'), 1, 'lists of our own get what they get';
    is $rig->count_of->{worked}, 3, 'and all is worked';
    is $c->drain, '0', 'drained';

    $rig->consumer(rules => $RULES);
    push_settled($rig, whatsapp(id => 'wamid.dry'));
    is_deeply answered($rig), [], 'what was worked dry is worked';
    $rig->finish;
};

done_testing;
