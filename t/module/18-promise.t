# The promise: whatever happens around it, what was answered 200 is in Redis.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Test::Meta;
use Test::Meta::Process;
use Test::Meta::Util qw(slurp spew wait_for);

# N clients post without pause and write down the id of each event that was
# answered 200
verb clients_post => sub {
    my ($t, $n) = @_;
    for my $i (1 .. $n) {
        push @{$t->{clients}}, Test::Meta::Process->new->run(
            out => "$t->{dir}/client.$i", code => sub { client($t, $i) });
    }
    sleep 0.01 until -s "$t->{dir}/tally.1";
};

sub client {
    my ($t, $i) = @_;
    open my $tally, '>>', "$t->{dir}/tally.$i" or die "tally: $!";
    $tally->autoflush;
    while (!-e "$t->{dir}/enough") {
        my $got = eval { $t->run(post => '/hook', "\@whatsapp 3\n"); 1 }
            ? $t->{last}{status} : 0;
        my @ids = join(' ', @{$t->{sent}{events}}) =~ /"id":"(wamid[^"]+)"/g;
        print $tally "$got $_\n" for @ids;
    }
}

verb all_acked_are_there => sub {
    my ($t) = @_;
    spew("$t->{dir}/enough", '');
    is $_->wait_exit(30), '0', 'a client ends well' for @{$t->{clients}};
    my (%there, %answers, @lost);
    $there{$_}++ for map { /"id":"(wamid[^"]+)"/ }
        $t->{redis}->queue('meta:events');
    for my $line (map { split /\n/, slurp($_) } glob "$t->{dir}/tally.*") {
        my ($status, $id) = split ' ', $line;
        $answers{$status}++;
        push @lost, $id if $status == 200 && !$there{$id};
    }
    is_deeply \@lost, [], 'nothing that was answered 200 is lost';
    cmp_ok $answers{200}, '>', 100, "$answers{200} events answered 200";
    is join(' ', grep { !/^(?:0|200|503)$/ } keys %answers), '',
        'no answer but 200 and 503';
    cmp_ok((grep { $_ > 1 } values %there) + 0, '==', 0,
        'no event is there twice');
    note join ', ', map { "$answers{$_} times $_" } sort keys %answers;
};

run_blocks();

__DATA__

=== Redis restarts, hangs, drops us; nginx reloads: nothing that was acked is lost
--- once
--- workers: 2
--- log_level: info
--- redis
appendonly yes
appendfsync always
--- location
meta_webhook;
meta_redis_timeout $MS500;
--- clients_post: 4
--- wait_ms: 200
--- redis_do: restart
--- wait_ms: 200
--- reload
--- redis_do: CLIENT KILL TYPE normal SKIPME yes
--- wait_ms: 100
--- redis_do: CLIENT KILL TYPE normal SKIPME yes
--- reload
--- redis_do: pause
--- wait_ms: 700
--- redis_do: cont
--- wait_ms: 200
--- redis_do: restart
--- until: 200 5
--- wait_ms: 200
--- all_acked_are_there

=== a Redis that gets full and has room again
--- once
--- workers: 2
--- log_level: info
--- clients_post: 3
--- wait_ms: 200
--- redis_do: CONFIG SET maxmemory 100kb
--- wait_ms: 200
--- redis_do: CONFIG SET maxmemory 0
--- until: 200 5
--- wait_ms: 200
--- all_acked_are_there
