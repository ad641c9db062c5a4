# Limits through the daemon: what one account, pair or token has used up costs
# others nothing, is not hammered, and comes back by one probe, in order.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP qw(decode_json);
use Test::More;

use Rig qw(whatsapp messenger $PHONE $PAGE $WABA $Q);
use Test::Meta::Scripted;
use Test::Meta::Util qw(build_dir patience spew wait_for);

my $RULES = <<'END2';
rules:
  - when: {product: whatsapp, kind: message}
    do: [{reply: {text: answer}}]
  - when: {product: messenger, kind: message}
    do: [{reply: {text: answer}}]
END2

sub ctl {
    my ($c, @args) = @_;
    return system(build_dir() . "/metactl -c $c->{file} @args >/dev/null") >> 8;
}

sub status {
    my ($c) = @_;
    return decode_json(scalar qx(@{[build_dir()]}/metactl -c $c->{file} --json status));
}

# what WhatsApp takes for a number
sub user { return sprintf '2782%07d', $_[0] }

sub account { my ($rig, $id) = @_; return grep { $_->{account} eq $id } $rig->graph->calls }

sub answered {
    my ($rig) = @_;
    return [map { $_->{body}{biz_opaque_callback_data} // $_->{body}{message}{metadata} }
        grep { $_->{accepted} } $rig->graph->calls];
}

sub stops { return grep { s/^meta:limit:stop:// } $_[0]->do('KEYS', 'meta:limit:stop:*') }

# a Page that goes on whatever becomes of the number
sub page_goes_on {
    my ($rig) = @_;
    my $n = $rig->{pages}++ // 0;
    my @ids = map { "m_$n.$_" } 1 .. 5;
    $rig->push(map { messenger(id => $_, user => $_ =~ s/\D//gr) } @ids);
    my $goes = wait_for {
        my %a = map { $_ => 1 } @{answered($rig)};
        !grep { !$a{$_} } @ids
    } 5 * patience();
    ok $goes, 'the Page goes on meanwhile';
}


subtest 'two consumers share a number' => sub {
    my $rig = Rig->new;
    my %conf = (rules => $RULES, queues => '[{name: a, kind: events}, {name: b, kind: events}]',
        more => "limits: {phone: {per_second: 20, burst: 1}}\n");
    my @c = map { $rig->consumer(%conf) } 1 .. 2;
    ok wait_for(sub { !grep { $_->log !~ /holds the lease/ } @c }, 20 * patience()),
        'one queue each';
    for my $q (qw(a b)) {
        $rig->push_to($q, map { whatsapp(id => "wamid.$q$_", user => user($_)) } 1 .. 20);
    }
    $rig->settle(30, $_) for qw(a b);
    my @at = map { $_->{time} } grep { $_->{accepted} } $rig->graph->calls;
    is scalar @at, 40, 'all are answered';
    cmp_ok $at[-1] - $at[0], '>', 39 / 20 * 0.9, 'by the rate of both together';
    is scalar(grep { $_->log =~ /outcome=worked/ } @c), 2, 'both worked';
    $rig->finish(queues => [qw(a b)]);
};


subtest 'a number that is throttled' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $RULES);
    $rig->push(whatsapp(id => 'wamid.0', user => user(0)));
    $rig->settle;
    $rig->graph->fault({match => {account => $PHONE, method => 'POST'}, times => 4,
        fault => {code => 130429, slow => 100}});
    my @ids = map { "wamid.$_" } 1 .. 12;
    $rig->push(map { whatsapp(id => $_, user => user(s/\D//gr)) } @ids[0 .. 3]);
    ok wait_for(sub { stops($rig) }), 'it stops';
    is_deeply [stops($rig)], ["phone:$PHONE"], 'the number, and nothing else';
    $rig->push(map { whatsapp(id => $_, user => user(s/\D//gr)) } @ids[4 .. 11]);
    page_goes_on($rig);
    $rig->settle(30);
    my @calls = grep { $_->{method} eq 'POST' } account($rig, $PHONE);
    is scalar @calls, 1 + 4 + 12, 'it is not hammered: what was on the wire, then all go';
    is_deeply [sort @{answered($rig)}], [sort 'wamid.0', @ids, map { "m_0.$_" } 1 .. 5],
        'all are answered';
    is scalar(() = $rig->dead), 0, 'none is dead';
    $rig->finish;
};


subtest 'one probe' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $RULES);
    $rig->push(whatsapp(id => 'wamid.0', user => user(0)));
    $rig->settle;
    $rig->graph->fault({match => {account => $PHONE, method => 'POST'}, times => 1,
        fault => {code => 130429}});
    $rig->push(whatsapp(id => 'wamid.1', user => user(1)));
    ok wait_for(sub { stops($rig) }), 'it stops';
    # the probe takes its time: nobody goes beside it
    $rig->graph->fault({match => {account => $PHONE, method => 'POST'}, times => 1,
        fault => {slow => 1000 * patience()}});
    $rig->push(map { whatsapp(id => "wamid.$_", user => user($_)) } 2 .. 9);
    my $before = account($rig, $PHONE);
    ok wait_for(sub { account($rig, $PHONE) > $before }, 20 * patience()), 'it is tried again';
    page_goes_on($rig);
    my @calls = account($rig, $PHONE);
    $rig->settle(30);
    my @at = map { $_->{time} } grep { $_->{method} eq 'POST' } account($rig, $PHONE);
    cmp_ok $at[3] - $at[2], '>=', 0.9 * patience(), 'by one call alone';
    cmp_ok $at[-1] - $at[3], '<', 5 * patience(), 'then all go';
    $rig->finish;
};


subtest 'a probe that is throttled, too' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $RULES);
    my $throttled = sub {
        $rig->graph->fault({match => {account => $PHONE, method => 'POST'}, times => $_[0],
            fault => {code => 130429, slow => 100}});
    };
    $throttled->(2);
    $rig->push(whatsapp(id => 'wamid.1', user => user(1)));
    ok wait_for(sub { stops($rig) }), 'it stops';
    $rig->push(map { whatsapp(id => "wamid.$_", user => user($_)) } 2 .. 8);
    $rig->settle(30);
    my @stops = $c->log =~ /limits: phone:\d+ stops for (\d+) ms/g;
    is scalar @stops, 2, 'two stops';
    cmp_ok abs($stops[1] - 2000), '<', 20, 'the second is longer';
    my @at = map { $_->{time} } grep { $_->{method} eq 'POST' } account($rig, $PHONE);
    is scalar @at, 2 + 8, 'by one call each';
    cmp_ok $at[2] - $at[1], '<', 10 * patience(), 'nobody waits for the end of the probe';
    $rig->finish;
};


subtest 'a pair' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $RULES);
    $rig->graph->fault({match => {body => user(1)}, times => 1, fault => {code => 131056}});
    $rig->push(whatsapp(id => 'wamid.1', user => user(1)),
        whatsapp(id => 'wamid.2', user => user(1)), whatsapp(id => 'wamid.3', user => user(2)));
    $rig->settle(30);
    is_deeply answered($rig), [qw(wamid.3 wamid.1 wamid.2)],
        'the one waits, in order, another does not';
    is scalar(grep { !/^pair:/ } stops($rig)), 0, 'no other lane is stopped';
    $rig->finish;
};


subtest 'a token that is no good any more' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $RULES);
    $rig->push(whatsapp(id => 'wamid.0', user => user(0)));
    $rig->settle;
    $rig->graph->fault({match => {account => $PHONE, method => 'POST'}, times => 3,
        fault => {code => 190, slow => 100}});
    $rig->push(map { whatsapp(id => "wamid.$_", user => user($_)) } 1 .. 3);
    ok wait_for(sub { $rig->held == 3 }, 20 * patience()), 'all of it wait';
    like join(' ', stops($rig)), qr/^token:[0-9a-f]{16}$/, 'on the lane of the token';
    page_goes_on($rig);
    is scalar(() = $c->log =~ /\[error\]/g), 2, 'one error line of the lane, one of the token';
    like $c->log, qr/\[error\] token conf:whatsapp:$PHONE is lost .*code=190/, 'whose it is';
    like $c->log, qr/\[error\] lane token:\S+ stops.* token=\S+whatsapp code=190.*\.$/m,
        'that says whose it is, and what to do';
    is scalar(() = $rig->dead), 0, 'nothing is dead';
    my ($lane) = stops($rig);
    my ($on) = @{status($c)->{lanes}};
    is_deeply [@$on{qw(lane waiting token)}], [$lane, 3, $rig->file('whatsapp')],
        'metactl says on whose lane they wait';
    is ctl($c, 'resume', $lane), 0, 'and ends that';
    $rig->settle(20);
    is scalar(@{answered($rig)}), 1 + 3 + 5, 'all are answered when it is good again';
    $rig->finish;
};


subtest 'a token that is replaced' => sub {
    my $new = "EAAwhatsapp${$}SECRETTOKEN99";
    my $rig = Rig->new(graph => ['--token', "whatsapp:$PHONE\@$WABA:$new"]);
    my $c = $rig->consumer(rules => $RULES);
    $rig->graph->fault({match => {account => $PHONE, method => 'POST'}, times => 3,
        fault => {code => 190, slow => 100}});
    $rig->push(map { whatsapp(id => "wamid.$_", user => user($_)) } 1 .. 3);
    ok wait_for(sub { $rig->held == 3 }, 20 * patience()), 'all of it wait';
    my @old = stops($rig);
    spew($rig->file('whatsapp'), "$new\n");
    $c->reload;
    $rig->settle(20);
    is_deeply [sort @{answered($rig)}], ['wamid.1', 'wamid.2', 'wamid.3'],
        'after a reload they go by the new one';
    is_deeply [stops($rig)], \@old, 'though the old one is stopped still';
    unlike $c->log, qr/\Q$new/, 'which no log names';
    $rig->finish;
};


subtest 'what headers say' => sub {
    my $rig = Rig->new;
    my $c = $rig->consumer(rules => $RULES);
    $rig->graph->fault({match => {account => $PAGE}, times => 1, fault => {usage =>
        [{kind => 'business', id => $PAGE, type => 'messenger', pct => 100, minutes => 3}]}});
    $rig->push(messenger(id => 'm_0', user => '1'));
    ok wait_for(sub { stops($rig) }), 'access is to be regained';
    is_deeply [stops($rig)], ["page:$PAGE"], 'of the Page';
    my $ms = decode_json($rig->do('GET', "meta:limit:stop:page:$PAGE"))->{until} / 1000 - time;
    cmp_ok abs($ms - 180), '<', 5, 'minutes are minutes';
    $rig->push(messenger(id => 'm_1', user => '2'));
    ok wait_for(sub { $rig->held == 1 }, 20 * patience()), 'it waits';
    $rig->push(map { whatsapp(id => "wamid.$_", user => user($_)) } 1 .. 5);
    ok wait_for(sub { @{answered($rig)} == 6 }, 20 * patience()), 'the number goes on meanwhile';
    is_deeply [grep { /^m_/ } @{answered($rig)}], ['m_0'], 'nothing of the Page is called';
    $rig->finish;
};


subtest 'pause and resume' => sub {
    my $rig = Rig->new;
    my %conf = (rules => $RULES, more => "limits: {phone: off, pair: off}\n");
    my $c = $rig->consumer(%conf);
    for my $what ($PHONE, "phone:$PHONE", $Q) {
        is ctl($c, 'pause', $what), 0, "$what is paused";
        $c->wait_log(qr/holds the lease/);
        is $c->drain(35 * patience()), '0', 'another consumer comes';
        $c = $rig->consumer(%conf);
        my @ids = map { "wamid.$what.$_" } 1 .. 6;
        $rig->push(map { whatsapp(id => $_, user => user(1)) } @ids);
        if ($what eq $Q) {
            $c->wait_log(qr/queue $Q is paused/);
            is $rig->llen + $rig->inflight + $rig->held, 6, 'all wait';
        } else {
            ok wait_for(sub { $rig->held == 6 }, 20 * patience()), 'all wait';
            page_goes_on($rig);
        }
        is scalar(grep { /wamid\.\Q$what\E\./ } @{answered($rig)}), 0, 'none is called';
        is ctl($c, 'resume', $what), 0, 'resumed';
        $rig->settle(30);
        is_deeply [grep { /wamid\.\Q$what\E\./ } @{answered($rig)}], \@ids, 'and worked in order';
    }
    $rig->finish;
};

# the poll of pauses is the first connection; its answer comes long after the lease
subtest 'nothing begins before pauses are known' => sub {
    my $rig = Rig->new;
    my $pauses = join '\r\n', '*2', '*2', '$' . length "account:$PHONE", "account:$PHONE", ':-1',
        '*0', '';
    my $peer = Test::Meta::Scripted->new(dir => $rig->dir, name => 'peer',
        others => [0, $rig->redis->{sock}], script => "EXPECT ^PING\nSEND +PONG\\r\\n\n"
        . "EXPECT ^EVALSHA \\S+ 1 meta:control\$\nPASS 2\nWAIT go\n"
        . "SEND ${\ $pauses =~ s/\r\n/\\r\\n/gr}\nPASS 2\nWAIT end\n")->start;
    $rig->push(whatsapp(id => 'wamid.first', user => user(1)));
    my $c = $rig->consumer(rules => $RULES, redis => $peer->address);
    $c->wait_log(qr/queue $Q: holds the lease/);
    my $until = $rig->do('HGET', "{$Q}:lease", 'until');
    ok wait_for(sub { $rig->do('HGET', "{$Q}:lease", 'until') > $until }, 20 * patience()),
        'it has its lease, and renews it';
    is $rig->llen, 1, 'and takes nothing';
    $peer->go('go');
    ok wait_for(sub { $rig->held == 1 }, 20 * patience()), 'what is paused waits';
    is scalar(() = $rig->graph->calls), 0, 'and nothing was called';
    $c->stop('KILL');
    $peer->stop;
    $rig->finish;
};

done_testing;
