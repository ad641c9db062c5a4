# Events of one key one after another, in the order of the list; other keys meanwhile.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(wait_for);

my $rules = <<'END';
rules:
  - when: {product: whatsapp, kind: message}
    do: [mark_read, {reply: {text: one}}, {reply: {text: two}}]
  - when: {product: messenger, kind: message}
    do: [{reply: {text: ms}}]
END

subtest 'forty events of four users' => sub {
    my $rig = Rig->new;
    for my $i (1 .. 10) {
        $rig->push(map { whatsapp(user => "2782000000$_", id => "wamid.$_.$i") } 1 .. 4);
    }
    $rig->consumer(rules => $rules);
    $rig->settle;

    # 120 at once are more than a number may: its rate is asked for, once
    my @calls = grep { $_->{method} eq 'POST' } $rig->graph->calls;
    is scalar @calls, 120, 'each action once';
    for my $user (1 .. 4) {
        my @seen = grep { /^wamid\.$user\./ } map { my $b = $_->{body};
            $b->{message_id} // "$b->{biz_opaque_callback_data} $b->{text}{body}" } @calls;
        is_deeply \@seen, [map { ("wamid.$user.$_", "wamid.$user.$_ one", "wamid.$user.$_#2 two") }
            1 .. 10], "user $user: in order";
    }
    $rig->finish;
};

subtest 'a slow user holds up nobody else' => sub {
    my $rig = Rig->new;
    $rig->graph->fault({match => {body => '27820000001'}, times => 1, fault => {slow => 60000}});
    $rig->consumer(rules => $rules);
    $rig->push(map { whatsapp(user => '27820000001') } 1 .. 2);
    $rig->push(map { messenger(user => $_) } 1 .. 20);
    ok wait_for { 21 == (() = $rig->sent) }, 'twenty others are answered';
    is_deeply [sort map { $_->[1] } $rig->sent], [('ms') x 20, 'one'],
        'while the first one is slow, and the second waits for it';
    $rig->graph->hasten;
    $rig->settle;
    $rig->finish;
};

subtest 'each of a change with several messages stands in its own line' => sub {
    my $rig = Rig->new;
    my $n = 0;
    my $many = record(id => 'many', key => "$PHONE:", event => {field => 'messages', value => {
        metadata => {phone_number_id => $PHONE}, messages => [map { {from => $_,
        id => 'many' . ++$n, type => 'text', text => {body => 'x'}} }
        map { "2782000000$_" } 1, 2, 1]}});
    $rig->graph->fault({match => {body => '"before2"'}, times => 1, fault => {slow => 60000}});
    my $c = $rig->consumer(rules => <<'END');
rules: [{when: {product: whatsapp, kind: message}, do: [mark_read]}]
END
    $rig->push(whatsapp(user => '27820000004', id => 'first'));
    $rig->settle;               # a connection is there
    $rig->push(whatsapp(user => '27820000002', id => 'before2'), $many,
        (map { whatsapp(user => "2782000000$_", id => "after$_") } 1, 2),
        whatsapp(user => '27820000003', id => 'other'));
    my $seen = sub { grep { defined } map { $_->{body}{message_id} } $rig->graph->calls };
    ok wait_for { 6 == (() = $seen->()) }, 'while one of them waits the others go on';
    is_deeply [grep { !/other/ } $seen->()], [qw(first before2 many1 many3 after1)],
        'those of the same change, too, in order per person';
    $rig->graph->hasten;
    $rig->settle;
    is_deeply [grep { /2$/ } $seen->()], [qw(before2 many2 after2)],
        'and so is who waited';
    is $rig->count_of->{taken}, 8, 'each counts';
    is $rig->count_of->{parts}, 2, 'and it is said how many came of it';
    $rig->finish;
};

subtest 'more than a window' => sub {
    my $rig = Rig->new;
    $rig->push(map { messenger(user => $_ % 300 + 1) } 1 .. 1500);
    $rig->consumer(rules => $rules, log_level => 'warn');
    $rig->settle(60);
    is scalar(my @sent = $rig->sent), 1500, 'all are answered once';
    $rig->finish;
};

done_testing;
