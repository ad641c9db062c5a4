# scripts/run: both round trips, then nothing is left behind, whatever the end.

use strict;
use warnings;

use IO::Socket::INET;
use Test::Meta::Process;
use Test::Meta::Util qw(hold_port root_dir slurp temp_dir wait_for);
use Test::More;

plan skip_all => 'scripts/run builds for the nginx of the system'
    if $ENV{META_T_ASAN} || $ENV{META_T_VALGRIND};


# scripts/run with a TMPDIR of its own, so that what it leaves can be seen.
sub start_run {
    my (%arg) = @_;
    my $dir = temp_dir();
    my ($port, $probe) = hold_port();
    mkdir "$dir/tmp" or die "mkdir: $!";
    chmod 0755, "$dir/tmp";
    my $run = bless {dir => $dir, port => $port, out => "$dir/out"},
        'Test::Meta::Process';
    close $probe;
    return $run->run(out => $run->{out},
        cmd => [root_dir() . '/scripts/run', @{$arg{args} // []}],
        env => {TMPDIR => "$dir/tmp", META_RUN_PORT => $port,
            %{$arg{env} // {}}});
}


# Processes that name its directory in their command line or environment.
sub processes {
    my ($run) = @_;
    my @left;
    for my $proc (glob '/proc/[0-9]*') {
        my ($pid) = $proc =~ /(\d+)$/;
        next if $pid == $$;
        my $about = slurp("$proc/cmdline") . slurp("$proc/environ");
        push @left, $pid if index($about, "$run->{dir}/tmp") >= 0;
    }
    return @left;
}


sub nothing_left {
    my ($run) = @_;
    ok(wait_for(sub { !processes($run) }, 5), 'no process is left');
    is_deeply([glob "$run->{dir}/tmp/*"], [], 'no file is left');
}


sub said {
    my ($run) = @_;
    return slurp($run->{out});
}


subtest '--once, two at the same time' => sub {
    my @runs = map { start_run(args => ['--once']) } 1, 2;
    for my $run (@runs) {
        is($run->wait_exit(120), '0', 'exit status') or diag said($run);
        my $said = said($run);
        like($said, qr/<- 200 EVENT_RECEIVED/, 'the ack is shown');
        like($said, qr/^    \{"v":1,"id":"wamid\./m, 'the queued event');
        like($said, qr/"status":"read"/, 'the read receipt');
        like($said, qr/HELPFUL.*MORE/s, 'the two quick replies');
        like($said, qr/^  <- 200\n    \{"success":true\}/m, "Graph's answer");
        nothing_left($run);
    }
};


subtest 'it stays up, a pasted curl works, Ctrl-C takes everything down' => sub {
    my $run = start_run();
    ok(wait_for(sub { said($run) =~ /stays up/ }, 60), 'up') or diag said($run);
    my ($curl) = said($run) =~ /^(curl -i \S+\/webhook -H.*?)\n\n/ms;
    like(qx{$curl 2>/dev/null}, qr/^HTTP\/1\.1 200 .*EVENT_RECEIVED/s, 'the signed one');
    ok(wait_for(sub { 2 <= (() = said($run) =~ /Thanks, we are on it/g) }, 20),
        'its answer is shown');
    my ($handshake) = said($run) =~ /^(curl -i '\S+hub\.mode.*)$/m;
    like(qx{$handshake 2>/dev/null}, qr/^HTTP\/1\.1 200 .*\r\n42$/s, 'the handshake');
    ok(processes($run) >= 5, 'the parts run');
    is($run->stop('INT'), '0', 'SIGINT: exit status 0');
    nothing_left($run);
};


subtest 'SIGTERM, while it starts' => sub {
    my $run = start_run();
    ok(wait_for(sub { said($run) =~ /a signed message/ }, 60), 'it starts')
        or diag said($run);
    is($run->stop('TERM', 20), 'exit 143', 'SIGTERM');
    nothing_left($run);
};


subtest 'killed without a chance: its parts go too' => sub {
    my $run = start_run();
    ok(wait_for(sub { said($run) =~ /stays up/ }, 60), 'up') or diag said($run);
    is($run->stop('KILL'), 'signal 9', 'SIGKILL');
    ok(wait_for(sub { !processes($run) }, 15), 'no process is left');
};


subtest 'a port in use: another one, and it says which' => sub {
    my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
        or die "listen: $@";
    my $port = $taken->sockport;
    my $run = start_run(args => ['--once'], env => {META_RUN_PORT => $port});
    is($run->wait_exit(120), '0', 'exit status') or diag said($run);
    my ($other) = said($run) =~ m{http://127\.0\.0\.1:(\d+)/webhook\s+\(port
        \s\Q$port\E\sis\sin\suse\)}x;
    ok($other && $other != $port, 'said which one and why');
};


subtest 'a part that does not start: which, why, and everything is taken down' => sub {
    my $bin = temp_dir();
    open my $file, '>', "$bin/redis-server" or die "redis-server: $!";
    print $file "#!/bin/sh\necho Out of order today; exit 3\n";
    close $file;
    chmod 0755, "$bin/redis-server";
    my $run = start_run(args => ['--once'], env => {PATH => "$bin:$ENV{PATH}"});
    is($run->wait_exit(120), 'exit 1', 'exit status');
    like(said($run), qr/redis ended \(exit 3\)/, 'which part and how');
    like(said($run), qr/^  Out of order today$/m, 'its last words');
    nothing_left($run);
};


subtest 'the command line' => sub {
    my $run = start_run(args => ['--twice']);
    is($run->wait_exit(20), 'exit 2', 'an unknown option: exit status 2');
    like(said($run), qr{scripts/run \[--once\]}, 'and how it is meant');
};

done_testing();
