package Test::Meta::Spool;

# Sections for tests of the spool: deliveries whose 200 is remembered, and
# whether all of them are in Redis at the end; the spool's files; ends by force.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Mojo::JSON qw(decode_json);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use Test::Meta;
use Test::Meta::HTTP;
use Test::Meta::Process;
use Test::Meta::Sample;
use Test::Meta::Util qw(patience root_dir slurp spew temp_dir wait_for);

# [PARAMETERS]: $DIR/spool, and a Redis that is given up soon, and /status;
# behind "http" and "server"
config_verb spool => sub {
    my ($t, $more) = @_;
    $t->{conf}{server} .= "location = /status {\nmeta_status;\n}\n";
    $t->{conf}{http} .= "meta_spool \$DIR/spool $more;\n"
        . "meta_redis_connect_timeout \$MS500;\nmeta_redis_timeout \$MS500;\n";
};

# A file of tests that calls this runs in a mount namespace of its own, where
# $DISK is a tmpfs of so many bytes; false where that cannot be had.
sub small_disk {
    my ($size) = @_;
    return $ENV{META_T_DISK} if $ENV{META_T_DISK} || $ENV{META_T_NO_DISK};
    my $dir = temp_dir();
    $ENV{META_T_DISK} = "$dir";
    my @as = $> == 0 ? () : ('unshare', '-U', "--map-user=$>",
        '--map-group=' . ($) + 0));
    my @cmd = ('unshare', $> == 0 ? '-m' : '-Urm', 'sh', '-euc',
        'mount -t tmpfs -o "size=$1,mode=1777" meta "$META_T_DISK"; shift;'
            . ' exec "$@"', 'sh', $size, @as);
    if (system("@cmd[0, 1] true 2>/dev/null") != 0
        || system(@cmd, 'true') != 0)
    {
        delete $ENV{META_T_DISK};
        return '';
    }
    my $status = system @cmd, $^X, '-I' . root_dir() . '/t/lib', $0;
    rmdir $dir;
    POSIX::_exit($status >> 8 || !!$status);
}

config_verb needs_disk => sub {
    my ($t) = @_;
    return $t->run(skip => 'no mount namespace can be had')
        unless $ENV{META_T_DISK};
    $t->{vars}{DISK} = $ENV{META_T_DISK};
};

# what was answered 200 in this round: list => [events in the order of acks]
sub acked {
    my ($t) = @_;
    my $round = $t->{mark}{'error.log'} // 0;
    $t->{spool} = {round => $round}
        if !$t->{spool} || $t->{spool}{round} != $round;
    return $t->{spool};
}

sub head {
    my ($body, $uri) = @_;
    my $hex = hmac_sha256_hex($body, $Test::Meta::SECRET);
    return "POST $uri HTTP/1.1\r\nHost: meta.test\r\n"
        . "X-Hub-Signature-256: sha256=$hex\r\n"
        . "Content-Type: application/json\r\nContent-Length: "
        . length($body) . "\r\n\r\n";
}

# status of one delivery over a connection that is opened when need be
sub post {
    my ($port, $c, $uri, $body) = @_;
    my $answer = eval {
        $$c //= Test::Meta::HTTP->new($port);
        $$c->send(head($body, $uri) . $body);
        $$c->answer('POST');
    } // {status => 0, headers => []};
    undef $$c if $answer->{status} == 0
        || (Test::Meta::HTTP::header($answer, 'Connection') // '') eq 'close';
    return $answer;
}

# N [status=S] [uri=U] [list=L] [events=K] [size=BYTES]: deliveries one behind
# another; status=any takes 503 too
verb deliver => sub {
    my ($t, $arg) = @_;
    my ($n, @opts) = split ' ', $arg;
    my %o = (status => 200, uri => '/hook', list => 'meta:events', events => 1,
        map { split /=/, $_, 2 } @opts);
    my (%seen, $c);
    my $acked = acked($t);
    for (1 .. $n) {
        my $sample = $o{size} ? Test::Meta::Sample::size($o{size})
            : Test::Meta::Sample::whatsapp($o{events});
        $t->learn(map { substr $_, 0, 64 } $sample->{texts}[0]);
        my $answer = $t->{last}
            = post($t->{nginx}->port, \$c, $o{uri}, $sample->{body});
        $seen{$answer->{status}}++;
        push @{$acked->{offered}{$o{list}}}, @{$sample->{events}};
        push @{$acked->{list}{$o{list}}}, @{$sample->{events}}
            if $answer->{status} == 200;
    }
    delete @seen{200, 503} if $o{status} eq 'any';
    is_deeply \%seen, $o{status} eq 'any' ? {} : {$o{status} => $n},
        "$n deliveries are answered $o{status}";
};

# CLIENTS [uri=U] [list=L] [n=N] [pause=MS] [share=P]: clients of their own, N
# deliveries each, or until the section load_ends; all together at P percent of
# what was measured
verb load_begins => sub {
    my ($t, $arg) = @_;
    my ($clients, @opts) = split ' ', $arg;
    my %o = (uri => '/hook', list => 'meta:events', n => 1e9, pause => 0,
        map { split /=/, $_, 2 } @opts);
    $o{every} = 100 * $clients / $o{share} / $t->{rate} if $o{share};
    unlink "$t->{dir}/load.end";
    my $port = $t->{nginx}->port;
    for my $i (1 .. $clients) {
        my $out = "$t->{dir}/load." . scalar @{$t->{load} // []};
        push @{$t->{load}}, {list => $o{list}, out => $out, process =>
            Test::Meta::Process->new->run(out => "$t->{dir}/load.out",
                code => sub { client($t->{dir}, $port, $out, %o) })};
    }
};

# one line a delivery: status, when it was answered, event
sub client {
    my ($dir, $port, $out, %o) = @_;
    open my $fh, '>', $out or die "$out: $!";
    $fh->autoflush(1);
    my $c;
    my $start = time;
    for my $i (1 .. $o{n}) {
        last if -e "$dir/load.end" || time - $start > 40 * patience();
        my $early = $o{every} ? $start + $i * $o{every} - time : 0;
        sleep $early if $early > 0;
        my $sample = Test::Meta::Sample::whatsapp(1);
        my $status = post($port, \$c, $o{uri}, $sample->{body})->{status};
        printf $fh "%d %.6f %s\n", $status, time, $sample->{events}[0];
        sleep $o{pause} / 1000 if $o{pause};
        sleep 0.02 if $status == 0;
    }
}

# [any]: they have ended; nothing but 200, or whatever there was
verb load_ends => sub {
    my ($t, $how) = @_;
    spew("$t->{dir}/load.end", '') unless $how =~ /by_itself/;
    my $acked = acked($t);
    my (%seen, %lines);
    for my $load (splice @{$t->{load}}) {
        is $load->{process}->wait_exit(45), '0', 'a client has ended';
        push @{$lines{$load->{list}}}, map { [split / /, $_, 3] }
            split /\n/, slurp($load->{out});
    }
    for my $list (keys %lines) {
        for my $line (sort { $a->[1] <=> $b->[1] } @{$lines{$list}}) {
            $seen{$line->[0]}++;
            push @{$acked->{offered}{$list}}, $line->[2];
            push @{$acked->{list}{$list}}, $line->[2] if $line->[0] == 200;
        }
    }
    ok $seen{200}, ($seen{200} // 0) . ' deliveries are answered 200';
    delete $seen{200};
    is_deeply \%seen, {}, 'and none anything else' unless $how =~ /any/;
};

# how many lines of load have been answered 200 by now
sub load_done {
    my ($t) = @_;
    my $n = 0;
    $n += () = slurp($_->{out}) =~ /^200 /mg for @{$t->{load}};
    return $n;
}

verb load_has => sub {
    my ($t, $n) = @_;
    ok &wait_for(sub { load_done($t) >= $n }, 30), "the load has $n times 200";
};

# LIST [dups=N] [unordered] [within=S] [but=N]: all that was answered 200 is
# there, at least once, in that order, at most N twice, and nothing unknown;
# but the first, or with but=-N the last, N
verb arrived => sub {
    my ($t, $arg) = @_;
    my ($redis, $list, @opts) = Test::Meta::Verbs::redis_of($t, $arg);
    my %o = (dups => 0, within => 15, but => 0,
        map { /=/ ? split(/=/, $_, 2) : ($_, 1) } @opts);
    my $acked = acked($t);
    my @want = @{$acked->{list}{$list} // []};
    splice @want, 0, $o{but} if $o{but} > 0;
    splice @want, $o{but} if $o{but} < 0;
    my %offered = map { $_ => 1 } @{$acked->{offered}{$list} // []};
    my (%count, @first);
    wait_for {
        $redis->do('LLEN', $list) >= @want or return 0;
        (%count, @first) = ();
        for my $record ($redis->queue($list)) {
            my ($raw) = $record =~ /"event":(.*)\}\z/s;
            push @first, $raw unless $count{$raw}++;
        }
        !grep { !$count{$_} } @want;
    } $o{within};
    my @lost = grep { !$count{$want[$_]} } 0 .. $#want;
    is scalar @lost, 0, scalar(@want) . " events answered 200 are in $list"
        or diag "lost: @lost[0 .. ($#lost > 9 ? 9 : $#lost)]";
    my @unknown = grep { !$offered{$_} } keys %count;
    is scalar @unknown, 0, 'and none that nobody sent';
    my $dups = 0;
    $dups += $_ - 1 for values %count;
    ok $dups <= $o{dups}, "$dups twice, at most $o{dups}";
    return if $o{unordered};
    my %is = map { $_ => 1 } @want;
    my @got = grep { $is{$_} } @first;
    my ($at) = grep { $got[$_] ne $want[$_] } 0 .. $#got;
    is $at, undef, 'in the order of their acks';
};

# what meta_status says of events
sub account {
    my ($t) = @_;
    my $c = Test::Meta::HTTP->new($t->{nginx}->port);
    $c->send("GET /status?format=json HTTP/1.1\r\nHost: meta.test\r\n"
        . "Connection: close\r\n\r\n");
    return decode_json($c->answer->{body})->{events};
}

# [NAME=N ...]: by spool + adopted = spooled + drained + set aside, and events
# counted under that name
verb account => sub {
    my ($t, $arg) = @_;
    my %want = map { split /=/ } split ' ', $arg;
    my $got;
    my $ok = wait_for {
        $got = account($t);
        $got->{by_spool} + $got->{adopted}
            == $got->{spooled} + $got->{drained} + $got->{set_aside}
        && !grep { $got->{$_} != $want{$_} } keys %want;
    } 5;
    ok $ok, "the account is right: $arg"
        or diag join ' ', map { "$_=$got->{$_}" } sort keys %$got;
};

# CLIENTS SECONDS [OPTIONS of load_begins]: how much a closed loop gets through
verb measure => sub {
    my ($t, $arg) = @_;
    my ($clients, $seconds, @opts) = split ' ', $arg;
    my $start = time;
    $t->run(load_begins => "$clients @opts");
    sleep $seconds;
    my $n = load_done($t);
    $t->{rate} = $n / (time - $start);
    $t->run(load_ends => '');
    ok $n, sprintf 'about %.0f deliveries a second', $t->{rate};
};

# N [SUFFIX]: so many files of the spool (spool, aside, spool.new)
sub files {
    my ($t, $suffix) = @_;
    return grep { /\.\Q$suffix\E$/ } glob "$t->{dir}/spool/*";
}

verb files => sub {
    my ($t, $arg) = @_;
    my ($n, $suffix) = split ' ', $arg;
    $suffix //= 'spool';
    my @got;
    ok &wait_for(sub { @got = files($t, $suffix); @got == $n }, 15),
        "$n files *.$suffix" or diag "@got";
};

# HOW N: so many deliveries went that way, says the access log
verb queued => sub {
    my ($t, $arg) = @_;
    my ($how, $n) = split ' ', $arg;
    my $got;
    wait_for { $got = () = $t->log('meta.log') =~ / queued=$how /g;
        $got >= $n } 5;
    is $got, $n, "$n times queued=$how";
};

# a shell's lines; all must succeed.  before_start: before nginx runs
verb sh => \&shell;
config_verb before_start => sub {
    my ($t, @lines) = @_;
    push @{$t->{before_start}}, sub { shell($t, @lines) };
};

sub shell {
    my ($t, $arg, $text) = @_;
    my $out = "$t->{dir}/sh.out";
    $text = $t->expand(length $arg ? $arg : $text);
    my $p = Test::Meta::Process->new->run(out => $out,
        cmd => ['sh', '-euc', "cd $t->{dir}\n$text"]);
    is $p->wait_exit(20), '0', 'sh: ' . ($text =~ s/\n.*//sr)
        or diag slurp($out);
}

# kill | term | quit | start: all of nginx
verb nginx => sub {
    my ($t, $what) = @_;
    my $nginx = $t->{nginx};
    return $nginx->start if $what eq 'start';
    is $nginx->stop(uc $what), $what eq 'kill' ? 'signal 9' : '0',
        "nginx: $what";
    ok &wait_for(sub { !grep { running($_) } $nginx->workers }),
        'no worker is left';
};

sub running {
    my ($pid) = @_;
    return slurp("/proc/$pid/stat") =~ /^\d+ \(.*\) [^ZX]/;
}

# N: so many workers die without a word, and others come
verb kill_workers => sub {
    my ($t, $n) = @_;
    my $nginx = $t->{nginx};
    my $seen = $nginx->count_log($nginx->ready_mark);
    kill 'KILL', (grep { running($_) } $nginx->workers)[0 .. $n - 1];
    ok &wait_for(sub { $nginx->count_log($nginx->ready_mark) >= $seen + $n }),
        "$n workers are replaced";
};

# FROM => TO: words of nginx.conf are exchanged
verb change_conf => sub {
    my ($t, $arg) = @_;
    my $conf = slurp("$t->{dir}/nginx.conf");
    my ($from, $to) = split ' => ', $t->expand($arg);
    $conf =~ s/\Q$from\E/$to/g or die "not in nginx.conf: $from\n";
    spew("$t->{dir}/nginx.conf", $conf);
};

1;
