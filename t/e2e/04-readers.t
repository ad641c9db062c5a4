# The readers of docs/queue.md lose nothing, also when they are killed at work.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Test::Meta;
use Test::Meta::HTTP;
use Test::Meta::Nginx;
use Test::Meta::Process;
use Test::Meta::Redis;
use Test::Meta::Sample;
use Test::Meta::Util qw(root_dir slurp spew temp_dir wait_for);
use Test::More;

# Language, what its interpreter says of its Redis library, and what makes
# `work` stop for ever at the event HANG_AT, as a killed reader's work does.
my @readers = (
    {
        name => 'python',
        try => ['-c', 'import redis'],
        before => qr/^    print\(record\["id"\]/m,
        hang => <<'END',
    if record["id"] == os.environ.get("HANG_AT"):
        open(os.environ["HANG_FILE"], "w").close()
        signal.pause()
END
    },
    {
        name => 'php',
        try => ['-r', 'exit(class_exists("Redis") ? 0 : 1);'],
        before => qr/^    fwrite\(STDOUT, \$record\['id'\]/m,
        hang => <<'END',
    if ($record['id'] === getenv('HANG_AT')) {
        touch(getenv('HANG_FILE'));
        while (true) { sleep(60); }
    }
END
    },
);


sub block_of {
    my ($language) = @_;
    my ($block) = slurp(root_dir() . '/docs/queue.md')
        =~ /^```\Q$language\E\n(.*?)^```$/ms;
    return $block;
}


# Pushes n deliveries of two events through nginx; returns the events' ids.
sub push_events {
    my ($nginx, $deliveries) = @_;
    my @ids;
    my $http = Test::Meta::HTTP->new($nginx->port);
    for (1 .. $deliveries) {
        my $body = Test::Meta::Sample::whatsapp(2)->{body};
        push @ids, $body =~ /"id":"(wamid\.[^"]+)"/g;
        $http->send("POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: "
            . length($body) . "\r\nX-Hub-Signature-256: sha256="
            . hmac_sha256_hex($body, $Test::Meta::SECRET) . "\r\n\r\n$body");
        my $answer = $http->answer;
        die "answered $answer->{status}\n" if $answer->{status} != 200;
    }
    return @ids;
}


sub start_reader {
    my ($reader, $dir, $redis, $out, %env) = @_;
    my $process = bless {}, 'Test::Meta::Process';
    return $process->run(out => $out, cmd => ["$dir/reader"],
        env => {REDIS_SOCKET => $redis->{sock}, READER_NAME => 'r-1', %env});
}


sub lines {
    my ($out) = @_;
    return map { (split /\t/)[0] } split /\n/, slurp($out);
}


sub check_reader {
    my ($reader) = @_;
    my $dir = temp_dir();
    my $code = block_of($reader->{name});
    ok(length $code, 'its block is in docs/queue.md') or return;
    ok($code =~ s/($reader->{before})/$reader->{hang}$1/, 'its work is known')
        or return;
    chmod 0755, spew("$dir/reader", $code);

    my $redis = Test::Meta::Redis->new(dir => $dir)->start;
    my $nginx = Test::Meta::Nginx->new(dir => $dir, redis => $redis->address,
        secret => "$Test::Meta::SECRET\n", token => "t\n")->start;
    my @ids = push_events($nginx, 50);
    my $own = '{meta:events}:reader:r-1';

    # the first reader dies at the 41st event, its work half done
    my ($first, $second) = ("$dir/first", "$dir/second");
    my $process = start_reader($reader, $dir, $redis, $first,
        HANG_AT => $ids[40], HANG_FILE => "$dir/hangs");
    ok(wait_for(sub { -e "$dir/hangs" }, 20), 'it came to the 41st event')
        or diag slurp($first);
    is($process->stop('KILL'), 'signal 9', 'and was killed there');
    is_deeply([lines($first)], [@ids[0 .. 39]], 'with 40 done, in order');
    is($redis->do('LLEN', $own), 1, 'one is in its own list');
    is($redis->do('LLEN', 'meta:events'), 59, 'the rest in the queue');

    # more comes while nobody reads; then the same name starts again
    push @ids, push_events($nginx, 10);
    $process = start_reader($reader, $dir, $redis, $second);
    ok(wait_for(sub { lines($second) >= 80 }, 20), 'the next one goes on')
        or diag slurp($second);
    push @ids, push_events($nginx, 1);
    wait_for(sub { lines($second) >= 82 }, 20);
    is_deeply([lines($first), lines($second)], \@ids,
        'each event once and in order, nothing lost');
    ok(wait_for(sub { $redis->do('LLEN', $own) == 0 }), 'its own list is empty');
    is($redis->do('LLEN', 'meta:events'), 0, 'and so is the queue');

    is($process->stop('TERM'), '0', 'SIGTERM ends it well');
    is($nginx->quit, '0', 'nginx too');
    is($nginx->complaints, '', 'without a word');
}


# true if the interpreter that the program's first line names has the library
sub can_run {
    my ($reader) = @_;
    my ($interpreter) = (block_of($reader->{name}) // '') =~ m{^#!(/\S+)\n};
    return 1 if !defined $interpreter;
    my $process = bless {}, 'Test::Meta::Process';
    $process->run(out => '/dev/null', cmd => [$interpreter, @{$reader->{try}}]);
    return $process->wait_exit(20) eq '0';
}


for my $reader (@readers) {
    SKIP: {
        skip "no $reader->{name} with a Redis library", 1 if !can_run($reader);
        subtest "the $reader->{name} reader" => sub { check_reader($reader) };
    }
}

done_testing();
