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

subtest 'a change with several messages stands in the line of each' => sub {
    my $rig = Rig->new;
    my $many = record(id => 'many', key => "$PHONE:", event => {field => 'messages', value => {
        metadata => {phone_number_id => $PHONE}, messages => [map { {from => "2782000000$_",
        id => "wamid.many$_", type => 'text', text => {body => 'x'}} } 1, 2, 1]}});
    $rig->graph->fault({match => {body => '"wamid.before2"'}, times => 1, fault => {slow => 500}});
    $rig->push(whatsapp(user => '27820000002', id => 'wamid.before2'), $many,
        (map { whatsapp(user => "2782000000$_", id => "wamid.after$_") } 1, 2),
        whatsapp(user => '27820000003', id => 'wamid.other'));
    $rig->consumer(rules => <<'END');
rules: [{when: {product: whatsapp, kind: message}, do: [mark_read]}]
END
    $rig->settle;
    my @seen = map { $_->{body}{message_id} } $rig->graph->calls;
    my %at = map { $seen[$_] => $_ } 0 .. $#seen;
    is scalar @seen, 7, 'each message once';
    cmp_ok $at{'wamid.other'}, '<', $at{'wamid.many1'}, 'a third user does not wait';
    cmp_ok $at{'wamid.before2'}, '<', $at{'wamid.many1'}, 'it waits for what is before it';
    cmp_ok $at{"wamid.after$_"}, '>', $at{'wamid.many2'}, "user $_ waits for it" for 1, 2;
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
