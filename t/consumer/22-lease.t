# One consumer holds a queue, others stand by and take over; who lost it changes nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw(time);

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Util qw(patience wait_for);

my $rules = "rules: [{when: {product: messenger, kind: message}, do: [{reply: {text: ms}}]}]\n";

subtest 'one holder, one standby' => sub {
    my $rig = Rig->new;
    my $a = $rig->consumer(rules => $rules);
    $a->wait_log(qr/holds the lease/);
    my $b = $rig->consumer(rules => $rules);
    $b->wait_log(qr/stands by, \S+ holds it/);

    $rig->push(map { messenger(user => $_) } 1 .. 50);
    $rig->settle;
    unlike $b->log, qr/outcome=/, 'the standby works nothing';

    is $a->drain, '0', 'the holder drains';
    my $start = time;
    $b->wait_log(qr/holds the lease/);
    cmp_ok time - $start, '<', 4 * patience(), 'a planned exit is taken over at once';
    $rig->push(messenger(id => 'm_after'));
    $rig->settle;
    is +($rig->graph->calls)[-1]{body}{message}{metadata}, 'm_after', 'and work goes on';
    $rig->finish;
};

subtest 'takeover after kill -9' => sub {
    my $rig = Rig->new;
    my $a = $rig->consumer(rules => $rules);
    $a->wait_log(qr/holds the lease/);
    my $b = $rig->consumer(rules => $rules);
    $b->wait_log(qr/stands by/);
    $a->stop('KILL');
    my $start = time;
    $rig->push(messenger());
    $b->wait_log(qr/holds the lease/, 15);
    cmp_ok time - $start, '<', 10 * patience(), 'within ten seconds';
    $rig->settle;
    $rig->finish;
};

subtest 'a stopped holder that wakes sends nothing and changes nothing' => sub {
    my $rig = Rig->new;
    my $a = $rig->consumer(rules => "rules: [{when: {product: messenger, kind: message}, do: "
        . "[{reply: {text: one}}, {reply: {text: two}}]}]\n");
    $rig->graph->fault({times => 1, fault => {slow => 300}});
    $rig->push(messenger(id => 'm_a'), messenger(id => 'm_b'));
    $rig->graph->wait_calls(1);
    $a->signal('STOP');
    my $b = $rig->consumer(rules => $rules);
    $b->wait_log(qr/holds the lease/, 15);
    $rig->settle;
    is_deeply [map { "$_->{reason} $_->{item}{id} $_->{done}" } $rig->dead], ['ambiguous m_a 0'],
        'what is on its wire is not sent again';
    is $rig->count_of->{worked}, 1, 'the other one works the rest off';
    my $calls = $rig->graph->calls;

    $a->signal('CONT');
    $a->wait_log(qr/the lease is lost/, 15);
    $rig->push(messenger(id => 'm_c'));
    $rig->settle;
    my @calls = $rig->graph->calls;
    is_deeply [map { $_->{body}{message}{metadata} } @calls[$calls .. $#calls]], ['m_c'],
        'it sent nothing more';
    is $rig->count_of->{worked}, 2, 'and counted nothing';
    is $rig->count_of->{dead}, 1, 'nor buried';
    $rig->finish;
};

subtest 'two queues, each with its own lease' => sub {
    my $rig = Rig->new;
    my $queues = '[{name: "a", kind: events}, {name: "b.x-1", kind: events}]';
    $rig->consumer(rules => $rules, queues => $queues);
    $rig->push_to('a', messenger(id => 'm_1'));
    $rig->push_to('b.x-1', messenger(id => 'm_2'));
    $rig->settle(20, $_) for 'a', 'b.x-1';
    is_deeply [sort map { $_->{body}{message}{metadata} } $rig->graph->calls], [qw(m_1 m_2)],
        'both';
    my @keys = grep { !/^meta:(?:limit|user|conversation|message):|meta:callbacks/ }
        $rig->do('KEYS', '*');
    is_deeply [sort map { s/seen:\K\d+\.0\.8$/DAY/r } @keys],
        ['meta:consumers', map { my $q = $_; map { "$q:$_" } qw(count lease seen:DAY seen:count
            seen:key) }
            '{a}', '{b.x-1}'],
        'companions carry the list as hash tag';
    $rig->finish(queues => ['a', 'b.x-1']);
};

done_testing;
