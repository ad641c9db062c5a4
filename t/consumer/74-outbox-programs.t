# The programs of docs/outbox.md push jobs that are read as such, and tell what
# became of them.  The test plays the consumer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP qw(decode_json encode_json);
use Test::More;

use Programs qw(can_run programs);
use Test::Meta::Process;
use Test::Meta::Redis;
use Test::Meta::Util qw(slurp temp_dir);

my $dir = temp_dir();
my $redis = Test::Meta::Redis->new(dir => $dir)->start;

# the smallest rights, as the page has them
my ($acl) = slurp(Test::Meta::Util::root_dir() . '/docs/outbox.md')
    =~ /^ACL SETUSER (shop on >PASSWORD .*)$/m;
ok $acl, 'the page has an ACL';
$redis->do('ACL', 'SETUSER', split / /, $acl);

my %library = (python => 'redis', php => 'redis', javascript => 'redis');
my @arguments = ('106540352242922', '+27820000001', "Shipped \x{e2}\x{9c}\x{85}", 'order-9001');

sub start {
    my ($program, $wait) = @_;
    unlink my $out = "$dir/$program->{name}.out";
    my $process = Test::Meta::Process->new;
    $process->run(out => $out, env => {%{$program->{env}}, REDIS_SOCKET => $redis->{sock},
        WAIT => $wait}, cmd => [@{$program->{command}}, $program->{file}, @arguments]);
    return ($process, $out);
}

# the next job; and its result is pushed
sub work {
    my ($ok, $state, $result) = @_;
    my $taken = $redis->do('BLPOP', 'meta:outbox', 20) or return {};
    my $job = decode_json($taken->[1]);
    $redis->do('RPUSH', $job->{reply_to}, encode_json({v => 1, id => $job->{id},
        ok => $ok ? \1 : \0, state => $state, results => [$result], attempts => 1,
        time => 1763700001234}));
    return $job;
}

for my $program (programs('docs/outbox.md', $dir)) {
    SKIP: {
        skip "no $program->{name} with a Redis library", 1
            if !can_run($program, $library{$program->{name}});
        note $program->{name};

        my ($process, $out) = start($program, 20);
        my $job = work(1, 'accepted', {action => 'reply', ok => \1, message => 'wamid.A',
            answer => undef});
        is $process->wait_exit(20), '0', "$program->{name}: accepted";
        is slurp($out), "accepted\nwamid.A\n", 'and says so';

        is_deeply [sort keys %$job], [qw(account do expires id idempotency_key reply_to to v)],
            'a job of these members';
        is_deeply [@$job{qw(v account to do idempotency_key)}],
            [1, @arguments[0, 1], [{reply => {text => "Shipped \x{2705}"}}], 'order-9001'],
            'says what was asked for';
        like $job->{reply_to}, qr/^meta:reply:[0-9a-f-]{32,36}$/, 'to a list of its own';
        ok abs($job->{expires} - (time + 3600) * 1000) < 60000, 'expires in an hour';
        ok length $job->{id}, 'has an id';

        ($process, $out) = start($program, 20);
        work(0, 'dead', {action => 'reply', ok => \0, error => {text => 'More than 24 hours.'}});
        is $process->wait_exit(20), 'exit 1', 'dead';
        is slurp($out), "dead\nMore than 24 hours.\n", 'and says why';

        ($process, $out) = start($program, 1);
        is $process->wait_exit(20), 'exit 2', 'nobody answers';
        is slurp($out), "no result yet\n", 'and says so';
        is $redis->do('LLEN', 'meta:outbox'), 1, 'the job is still there';
        $redis->do('DEL', 'meta:outbox');
    }
}

# what they do is within those rights
my $shop = Redis->new(sock => $redis->{sock}, username => 'shop', password => 'PASSWORD');
ok $shop->rpush('meta:outbox', '{}'), 'the ACL lets a job in';
is $shop->blpop('meta:reply:x', 1), undef, 'and a result be read';
ok !eval { $shop->lpop('meta:outbox'); 1 }, 'but no job be taken';
ok !eval { $shop->rpush('meta:events', 'x'); 1 }, 'nor an event be made up';

$redis->stop;
done_testing;
