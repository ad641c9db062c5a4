# The body of scripts/run: starts the parts, sends two messages, shows their way.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use MetaRun::Message;
use MetaRun::Parts;
use MetaRun::Show;
use POSIX ();
use Time::HiRes qw(sleep time);

my $once = grep { $_ eq '--once' } @ARGV;
my $stop;
my $parts;

# The parts are in process groups of their own: a Ctrl-C reaches us alone, and
# END takes them down in order, whatever the way out.
$SIG{$_} = sub { $stop = shift } for qw(INT TERM HUP);
$SIG{PIPE} = 'IGNORE';
STDOUT->autoflush(1);

END {
    my $status = $?;
    local $SIG{$_} = 'IGNORE' for qw(INT TERM HUP);
    $parts->take_down if $parts;
    $? = $status;
}

exit main();


sub main {
    $parts = MetaRun::Parts->new(stopped => sub { $stop });
    my $good = eval { demonstrate(); 1 };
    if (!$good) {
        return by_signal() if $stop;
        chomp(my $error = "$@");
        print STDERR "scripts/run: $error\n";
        return 1;
    }
    print MetaRun::Show::title('Both messages were answered.');
    return 0 if $once;
    return stay_up();
}


# What a shell expects of a program that a signal ended; a Ctrl-C is how this
# one is meant to end.
sub by_signal {
    return 0 if $stop eq 'INT';
    return 128 + ($stop eq 'TERM' ? 15 : 1);
}


sub demonstrate {
    $parts->start_redis;
    $parts->start_emulator;
    $parts->start_nginx;
    MetaRun::Show::parts($parts);

    my @messages = (MetaRun::Message->whatsapp($parts),
        MetaRun::Message->messenger($parts));
    for my $message (@messages) {
        print MetaRun::Show::title("$message->{channel}: a signed message");
        deliver($message);
    }
    print MetaRun::Show::title('meta-consumer starts');
    $parts->start_consumer;
    MetaRun::Show::consumer($parts);
    my @calls;
    for my $message (@messages) {
        print MetaRun::Show::title("$message->{channel}: its Graph calls");
        follow($message, \@calls);
    }
    wait_for(10, sub { !$parts->left }, 'the queue to be worked off',
        'consumer');
    print "\n  The queue is empty, nothing is in flight.\n";
}


# Sends it and shows the ack and the element that stands in the queue now.
sub deliver {
    my ($message) = @_;
    my $answer = $parts->post($message->{body}, $message->signature);
    MetaRun::Show::ack($message, $answer);
    die "nginx did not take the $message->{channel} message\n"
        . $parts->log_end('nginx') if $answer->{status} != 200;
    my $element = $parts->last_event;
    die "200, but the event is not in the queue\n"
        if !$element || index($element, $message->{id}) < 0;
    MetaRun::Show::event($parts, $element);
}


# Waits for the calls that the rule asks for, and shows each with its answer.
# $seen: all calls so far, which come mixed.
sub follow {
    my ($message, $seen) = @_;
    my @own;
    wait_for(30, sub {
        push @$seen, $parts->new_calls;
        @own = grep { ($_->{account} // '') eq $message->{account} } @$seen;
        return $message->{answered}->(@own);
    }, "the answer to the $message->{channel} message", 'consumer');
    MetaRun::Show::call($_) for @own;
}


# Until $done says so; dies after so many seconds, or when a part has died.
sub wait_for {
    my ($seconds, $done, $what, $part) = @_;
    my $end = time + $seconds;
    until ($done->()) {
        die "stopped\n" if $stop;
        $parts->check_alive;
        die "waited $seconds s for $what\n" . $parts->log_end($part)
            if time > $end;
        sleep 0.02;
    }
}


# Shows each further call as it comes, until a signal.
sub stay_up {
    MetaRun::Show::invitation($parts);
    while (!$stop) {
        MetaRun::Show::call($_) for $parts->new_calls;
        if (!eval { $parts->check_alive; 1 }) {
            print STDERR "scripts/run: $@";
            return 1;
        }
        sleep 0.2;
    }
    print "\nTaking everything down.\n";
    return by_signal();
}
