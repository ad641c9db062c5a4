# A change with several messages becomes as many records, whatever breaks while it does.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Digest::SHA qw(sha1_hex);
use IO::Select;
use IO::Socket::UNIX;
use JSON::PP ();
use Test::More;

use Rig qw(whatsapp record $PHONE $Q);
use Scripts qw(script_text);
use Test::Meta::Process;
use Test::Meta::Util qw(build_dir patience spew wait_for);

my %CONF = (rules => "rules: [{when: {product: whatsapp, kind: message},"
    . " do: [{push: {list: copies}}, mark_read]}]\n", more => "push_lists: [copies]\n");

sub change {
    my ($name, @people) = @_;
    my $n = 0;
    return record(id => "sha256:$name", key => "$PHONE:", event => {field => 'messages', value => {
        messaging_product => 'whatsapp', metadata => {phone_number_id => $PHONE},
        contacts => [map { {wa_id => "2782000000$_", profile => {name => "Person $_"}} }
            sort keys %{{map { $_ => 1 } @people}}],
        messages => [map { {from => "2782000000$_", id => "wamid.$name." . ++$n, type => 'text',
            timestamp => '' . time, text => {body => 'x'}} } @people]}});
}

sub read_of {
    my ($rig) = @_;
    return map { ($_->{body}{message_id} // '') =~ /^wamid\.(.*)/ } $rig->graph->calls;
}

# Redis refuses the script
sub refuse { $_[0]->do('HSET', "{$Q}:count", 'parts', 'x') }
sub permit { $_[0]->do('HDEL', "{$Q}:count", 'parts') }

sub refused {
    my ($rig, $c) = @_;
    ok wait_for(sub { $c->log =~ /refused the script parts/ }), 'Redis refuses to part it';
    is $rig->inflight, 1, 'it is in flight';
}


subtest 'what others see of them' => sub {
    my $rig = Rig->new;
    $rig->consumer(%CONF);
    $rig->push(change('several', 1, 2, 1));
    $rig->settle;
    my @copies = map { JSON::PP::decode_json($_) } $rig->redis->queue('copies');
    is_deeply [sort map { "$_->{id} $_->{key}" } @copies],
        [map { "wamid.several.$_->[0] $PHONE:2782000000$_->[1]" } [1, 1], [2, 2], [3, 1]],
        'a record each';
    is_deeply [map { scalar @{$_->{event}{value}{messages}} } @copies], [1, 1, 1],
        'with one message';
    is_deeply [map { $_->{wa_id} } map { @{$_->{event}{value}{contacts}} } @copies],
        [map { $_->{event}{value}{messages}[0]{from} } @copies], 'and its contact';
    $rig->finish;
};

subtest 'refused, and then not' => sub {
    my $rig = Rig->new;
    refuse($rig);
    my $c = $rig->consumer(%CONF);
    $rig->push(change('late', 1, 2), whatsapp(user => '27820000001', id => 'wamid.behind'));
    refused($rig, $c);
    is $rig->llen, 1, 'nothing is taken meanwhile';
    permit($rig);
    $rig->settle;
    is_deeply [grep { !/2/ } read_of($rig)], [qw(late.1 behind)], 'in order';
    is scalar(read_of($rig)), 3, 'each once';
    $rig->finish;
};

subtest 'killed before it was parted' => sub {
    my $rig = Rig->new;
    refuse($rig);
    my $c = $rig->consumer(%CONF);
    $rig->push(change('dies', 1, 2, 1), whatsapp(user => '27820000001', id => 'wamid.behind'));
    refused($rig, $c);
    $c->stop('KILL');
    permit($rig);
    $rig->expire;
    $rig->consumer(%CONF);
    $rig->settle;
    is_deeply [read_of($rig)], [qw(dies.1 dies.2 dies.3 behind)], 'each once, in order';
    $rig->finish;
};

subtest 'drained before it was parted' => sub {
    my $rig = Rig->new;
    refuse($rig);
    my $c = $rig->consumer(%CONF);
    $rig->push(change('drains', 1, 2));
    refused($rig, $c);
    is $c->drain, '0', 'it drains';
    is $rig->llen + $rig->inflight, 1, 'it is still there';
    permit($rig);
    $rig->consumer(%CONF);
    $rig->settle;
    is_deeply [sort(read_of($rig))], [qw(drains.1 drains.2)], 'each once';
    $rig->finish;
};

# between a consumer and Redis: once the script has been said, where it is armed, it keeps all
# answers back, until there is a file
sub redis_holds_back {
    my ($rig, $script) = @_;
    my $sha = sha1_hex(script_text($script));
    $rig->do('SCRIPT', 'LOAD', script_text($script));
    my ($at, $go, $armed) = map { $rig->file($_) } 'held.sock', 'go', 'armed';
    my $listener = IO::Socket::UNIX->new(Local => $at, Listen => 16) or die "listen: $!";
    my $proxy = Test::Meta::Process->new;
    $proxy->run(out => $rig->file('proxy.out'), code => sub {
        my (%peer, %client, %held, $holds);
        my $select = IO::Select->new($listener);
        while (1) {
            for my $from ($select->can_read(0.05)) {
                if ($from == $listener) {
                    my $c = $listener->accept or next;
                    my $r = IO::Socket::UNIX->new(Peer => $rig->redis->{sock}) or die "redis: $!";
                    ($peer{$c}, $peer{$r}, $client{$c}) = ($r, $c, 1);
                    $select->add($c, $r);
                    next;
                }
                if (!sysread $from, my $bytes, 1 << 20) {
                    $select->remove($from, $peer{$from});
                    close $_ for $peer{$from}, $from;
                }
                elsif ($client{$from}) {
                    $holds ||= -e $armed && index($bytes, $sha) >= 0;
                    $peer{$from}->syswrite($bytes);
                }
                else {
                    push @{$held{$peer{$from}}}, [$peer{$from}, $bytes];
                }
            }
            next if $holds && !-e $go;
            $_->[0]->syswrite($_->[1]) for map { @$_ } values %held;
            %held = ();
        }
    });
    close $listener;
    return ($proxy, "unix:$at", $go, $armed);
}

# one person's event is under way, and waits for Graph; another one waits for it
sub one_waits {
    my ($rig, $c) = @_;
    $rig->push(whatsapp(user => '27820000009', id => 'wamid.first'));
    $rig->settle;               # a connection to Graph is there
    $rig->graph->fault({match => {body => '"wamid.slow"'}, times => 1, fault => {slow => 60000}});
    $rig->push(whatsapp(user => '27820000001', id => 'wamid.slow'));
    ok wait_for(sub { grep { $_ eq 'slow' } read_of($rig) }), 'a call that takes long';
    $rig->push(whatsapp(user => '27820000001', id => 'wamid.behind'));
    ok wait_for(sub { $rig->inflight == 2 }), 'another one of that person waits';
}

subtest 'drained in the moment in which it is parted' => sub {
    my $rig = Rig->new;
    my ($proxy, $redis, $go, $armed) = redis_holds_back($rig, 'parts');
    my $c = $rig->consumer(%CONF, redis => $redis);
    one_waits($rig, $c);
    spew($armed, '');
    $rig->push(change('many', 1, 2));
    ok wait_for(sub { ($rig->count_of->{parts} // 0) == 1 }), 'Redis has parted the change';
    $c->signal('TERM');
    ok $c->wait_log(qr/drains: calls on the wire finish/), 'it drains, and does not know that';
    spew($go, '');
    $rig->graph->hasten;
    is $c->wait_exit, '0', 'it is gone';
    $proxy->stop;

    $rig->consumer(%CONF);
    $rig->settle;
    is_deeply [grep { !/2/ } read_of($rig)], [qw(first slow behind many.1)],
        'the person is answered in order';
    $rig->finish;
};

for my $script (qw(parts take)) {
    subtest "drained when the answer to $script is lost" => sub {
        my $rig = Rig->new;
        my ($proxy, $redis, $go, $armed) = redis_holds_back($rig, $script);
        my $c = $rig->consumer(%CONF, redis => $redis);
        one_waits($rig, $c);
        spew($armed, '');
        $rig->push($script eq 'parts' ? change('many', 1, 2)
            : whatsapp(user => '27820000001', id => 'wamid.many.1'));
        ok wait_for(sub { $rig->count_of->{taken} == ($script eq 'parts' ? 5 : 4) }),
            'Redis has done it';
        $proxy->stop('KILL');
        ok $c->wait_log(qr/closed by Redis|trying again/), 'the connection is gone';
        $c->signal('TERM');
        ok $c->wait_log(qr/drains: calls on the wire finish/), 'it drains';
        unlink $rig->file('held.sock');
        symlink $rig->redis->{sock}, $rig->file('held.sock') or die "symlink: $!";
        ok wait_for(sub { $rig->llen + $rig->held + $rig->retry }), 'what waits is put away';
        $rig->graph->hasten;
        is $c->wait_exit, '0', 'it is gone';
        $rig->consumer(%CONF);
        $rig->settle;
        is_deeply [grep { !/2/ } read_of($rig)], [qw(first slow behind many.1)],
            'the person is answered in order';
        $rig->finish;
    };
}

subtest 'drained while some of them are not read yet' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(%CONF);
    $rig->push(whatsapp(user => '27820000004', id => 'wamid.first'));
    $rig->settle;
    $rig->graph->fault({match => {body => "\"wamid.$_\""}, times => 1, fault => {slow => 60000}})
        for 'a.1', 'many.1';
    $rig->push((map { whatsapp(user => '27820000001', id => "wamid.a.$_") } 1 .. 255),
        change('many', 2, 1, 1));
    ok wait_for(sub { 2 == grep { /^(?:a|many)\.1$/ } read_of($rig) }), 'the window is full';
    $c->signal('TERM');
    ok $c->wait_log(qr/drains: calls on the wire finish/), 'it drains';
    $rig->graph->hasten;
    is $c->wait_exit, '0', 'it is gone';
    $rig->consumer(%CONF);
    $rig->settle(60);
    is_deeply [grep { !/first|many\.1/ } read_of($rig)], [(map { "a.$_" } 1 .. 255), 'many.2',
        'many.3'], 'the person is answered in order';
    $rig->finish;
};

subtest 'as many as two windows, of somebody who is slow' => sub {
    my $rig = Rig->new;
    $rig->consumer(%CONF);
    $rig->push(whatsapp(user => '27820000004', id => 'wamid.first'));
    $rig->settle;
    $rig->graph->fault({match => {body => '"wamid.slow.1"'}, times => 1, fault => {slow => 60000}});
    $rig->push(change('slow', (1) x 600), whatsapp(user => '27820000002', id => 'wamid.other'));
    ok wait_for(sub { grep { $_ eq 'other' } read_of($rig) }), 'another is answered meanwhile';
    $rig->graph->hasten;
    $rig->settle(60);
    is_deeply [grep { /slow/ } read_of($rig)], [map { "slow.$_" } 1 .. 600], 'and then all of them';
    $rig->finish;
};

subtest 'requeued with what was done of it' => sub {
    my $rig = Rig->new;
    $rig->graph->fault({match => {body => 'whole.2'}, times => 1, fault => {code => 131026}});
    my $c = $rig->consumer(%CONF);
    my $record = change('whole', 1, 2);
    $rig->push($record =~ s/"key":"$PHONE:"/"key":"$PHONE"/r);
    $rig->settle;
    is scalar(() = $rig->dead), 1, 'worked as a whole, and buried';
    my ($letter) = $rig->redis->queue("{$Q}:dead");
    $rig->do('LSET', "{$Q}:dead", 0, $letter =~ s/"key":"$PHONE"/"key":"$PHONE:"/r);
    my $conf = $rig->file('consumer0.yaml');
    qx(@{[build_dir()]}/metactl -c $conf dead requeue --all 2>&1);
    $rig->settle;
    is_deeply [read_of($rig)], [qw(whole.1 whole.2 whole.2)], 'what was done is not done again';
    is $rig->count_of->{parts}, undef, 'it stayed whole';
    $rig->finish;
};

subtest 'more than a window, and killed again and again' => sub {
    my $rig = Rig->new;
    my @people = map { $_ % 9 + 1 } 1 .. 400;
    $rig->push(change('load', @people), change('more', @people));
    for my $round (1 .. 2) {
        my $c = $rig->consumer(%CONF, log_level => 'error');
        my $more = 50 + read_of($rig);
        wait_for { $more <= (() = read_of($rig)) } 20;
        $c->stop('KILL');
        $rig->expire;
    }
    $rig->consumer(%CONF, log_level => 'error');
    $rig->settle(60);
    my (%seen, %last, @disorder);
    for (read_of($rig)) {
        my ($name, $n) = /^(\w+)\.(\d+)$/;
        my $person = "$name $people[$n - 1]";
        push @disorder, $_ if !$seen{$_}++ && $n < ($last{$person} // 0);
        $last{$person} = $n;
    }
    my %dead = map { $_->{item}{id} =~ s/^wamid\.//r => $_->{reason} } $rig->dead;
    is_deeply [grep { !$seen{$_} && !$dead{$_} } map { ("load.$_", "more.$_") } 1 .. 400], [],
        'none is lost';
    is_deeply \@disorder, [], 'in order per person';
    is_deeply [grep { $_ ne 'poison' } values %dead], [], 'dead is at most a suspect';
    is $rig->count_of->{taken}, 800, 'each is counted';
    $rig->finish;
};

done_testing;
