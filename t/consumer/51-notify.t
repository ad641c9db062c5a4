# What systemd is told, over a path and over an abstract socket, by a socket of our own.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use IO::Select;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM pack_sockaddr_un);
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use Rig qw(messenger);
use Test::Meta::Util qw(patience spew wait_for);

my $rig = Rig->new;
my $MS = 400 * patience();

# a socket that stands for systemd's, and what NOTIFY_SOCKET is for it
sub manager {
    my ($name) = @_;
    my $socket;
    if ($name =~ /^@/) {
        socket $socket, Socket::AF_UNIX(), SOCK_DGRAM, 0 or die "socket: $!";
        bind $socket, pack_sockaddr_un($name =~ s/^@/\0/r) or die "bind $name: $!";
    } else {
        $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $name) or die "$name: $!";
    }
    return {socket => $socket, name => $name, heard => []};
}

# everything that has come, oldest first
sub heard {
    my ($m) = @_;
    while (IO::Select->new($m->{socket})->can_read(0)) {
        recv $m->{socket}, my $text, 4096, 0;
        push @{$m->{heard}}, $text;
    }
    return @{$m->{heard}};
}

sub hears {
    my ($m, $regex) = @_;
    my ($found) = &wait_for(sub { grep { /$regex/ } heard($m) });
    return ok $found, "it says $regex";
}

sub start {
    my ($m, %env) = @_;
    return $rig->consumer(env => {NOTIFY_SOCKET => $m->{name}, %env}, name => "c$$" . $rig->{n}++);
}

for my $name ($rig->file('notify'), '@meta-test-' . $$) {
    subtest $name =~ /^@/ ? 'an abstract socket' : 'a path' => sub {
        my $m = manager($name);
        my $c = start($m);
        hears($m, qr/^READY=1$/);
        is((heard($m))[0], 'READY=1', 'first of all');
        hears($m, qr/^STATUS=(?:Redis is away; )?holds \d of 2 queues, \d+ events in work$/);
        ok !(grep { /WATCHDOG/ } heard($m)), 'no watchdog that nobody asked for';

        @{$m->{heard}} = ();
        my $before = clock_gettime(CLOCK_MONOTONIC) * 1e6;
        $c->reload;
        hears($m, qr/^READY=1$/);
        my ($when) = (heard($m))[0] =~ /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/;
        ok $when, 'a reload begins with RELOADING';
        ok $when >= $before - 1e4 && $when < clock_gettime(CLOCK_MONOTONIC) * 1e6, 'and says when';

        @{$m->{heard}} = ();
        spew($c->{file}, "rulez: 1\n");
        $c->reload;
        hears($m, qr/^READY=1$/);
        $c->drain;
        ok +(grep { /^STOPPING=1\nSTATUS=drains\nEXTEND_TIMEOUT_USEC=35000000$/ } heard($m)),
            'it says that it stops, and how long that may take';
    };
}

subtest 'the watchdog' => sub {
    my $m = manager($rig->file('watched'));
    my $c = start($m, WATCHDOG_USEC => $MS * 1000);
    my $fed = sub { scalar grep { $_ eq 'WATCHDOG=1' } heard($m) };
    ok +(wait_for { $fed->() >= 3 }), 'is fed';

    $rig->redis->pause;
    my $n = $fed->();
    ok +(wait_for { $fed->() >= $n + 10 }), 'also while Redis hangs';
    $rig->redis->cont;

    $c->signal('STOP');
    ok +(wait_for { heard($m); my $had = $fed->(); select undef, undef, undef, $MS / 500;
        $fed->() == $had }), 'a process that does not turn feeds it no more';
    $c->signal('CONT');
    $n = $fed->();
    ok +(wait_for { $fed->() > $n }), 'until it does';
    $c->drain;
};

subtest 'not for us' => sub {
    my $m = manager($rig->file('other'));
    my $c = start($m, WATCHDOG_USEC => 20000, WATCHDOG_PID => 1);
    hears($m, qr/^STATUS=/);
    ok !(grep { /WATCHDOG/ } heard($m)), 'the watchdog of another process is not fed';
    $c->drain;

    for my $name ('relative', '/' . 'x' x 200, '@') {
        my $c = start({name => $name});
        $c->wait_log(qr/NOTIFY_SOCKET is neither a path nor \@name/);
        $c->wait_log(qr/holds the lease/);
        $c->drain;
    }

    $m = manager($rig->file('gone'));
    close $m->{socket};
    unlink $m->{name};
    $c = start($m, WATCHDOG_USEC => 20000);
    $rig->push(messenger());
    $rig->settle;
    $c->drain;
};

$rig->finish;
done_testing;
