# What Prometheus is told, by whom it may be asked, and what a bad client cannot do.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw(time);

use Rig qw(whatsapp messenger record $Q);
use Test::Meta::Consumer;
use Test::Meta::HTTP;
use Test::Meta::Util qw(connects hold_port patience root_dir slurp spew temp_dir wait_for);

my ($PROMTOOL) = grep { -x } map { "$_/promtool" } split(/:/, $ENV{PATH} // ''), '/usr/bin';
my $REQUEST = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

my ($port, $hold) = hold_port();
my ($second, $hold_second) = hold_port();

sub ask {
    my ($request, %arg) = @_;
    my $c = Test::Meta::HTTP->new($arg{port} // $port);
    $c->send($request);
    return $c->answer($arg{method});
}

sub scrape { ask($REQUEST, @_)->{body} }

# {name with labels => number}
sub numbers { map { /^([^#]\S*(?:\{.*\})?) (\S+)$/ ? ($1 => $2) : () } split /\n/, $_[0] }

sub figures {
    my ($text, $q) = @_;
    my %all = numbers($text);
    my %f;
    for (keys %all) {
        next unless /^meta_consumer_queue_(\w+)\{queue="\Q$q\E"(?:,\w+="(\w+)")?\}$/;
        $f{$2 // $1} = $all{$_};
    }
    return \%f;
}

# the names of the table in stats.c
sub names {
    my ($table) = slurp(root_dir() . '/consumer/stats.c')
        =~ /^static const struct family(.*)^static long/ms;
    my %seen;
    return grep { !$seen{$_}++ } $table =~ /"(meta_consumer_\w+)"/g;
}

subtest 'addresses' => sub {
    my $dir = temp_dir();
    for my $bad ('0.0.0.0:9808', '192.168.1.1:9808', '*:9808', ':9808', '9808', '127.0.0.1',
        '[::]:9808', 'example.com:9808', '127.0.0.1:9808x', '128.0.0.1:1')
    {
        my ($how, $said) = Test::Meta::Consumer->new(dir => $dir,
            conf => qq(unmatched: drop\nmetrics: "$bad"\n))->test;
        is $how, 'exit 1', "$bad is refused";
        like $said, qr/:2:10: metrics: .*must be 127\.0\.0\.1:PORT/, 'and named';
    }
    for my $bad ('unix:run/x', 'unix:', 'unix:/' . 'x' x 120, '127.0.0.1:0', '127.0.0.1:65536') {
        my ($how, $said) = Test::Meta::Consumer->new(dir => $dir,
            conf => qq(unmatched: drop\nmetrics: "$bad"\n))->test;
        like "$how $said", qr/^exit 1 .*:2:10: metrics: /s, substr($bad, 0, 30) . ' is refused';
    }
    for my $good ('127.0.0.1:9808', '127.1.2.3:1', '[::1]:65535', 'localhost:9808', 'unix:/run/m') {
        my ($how, $said) = Test::Meta::Consumer->new(dir => $dir,
            conf => qq(unmatched: drop\nmetrics: "$good"\n))->test;
        is $how, '0', "$good is good" or diag $said;
    }
};

my $rig = Rig->new;
my $more = qq(metrics: "127.0.0.1:$port"\nunmatched: drop\n);
my $c = $rig->consumer(more => $more);
ok +(wait_for { connects($port) }), 'it listens';

subtest 'what it says' => sub {
    $rig->push(whatsapp(), messenger(), record(field => 'unknown'), 'no record');
    $rig->settle;
    my $answer = ask($REQUEST);
    is $answer->{status}, 200, 'an answer';
    my %header = map { lc $_->[0] => $_->[1] } @{$answer->{headers}};
    is $header{'content-type'}, 'text/plain; version=0.0.4; charset=utf-8', 'its type';
    is $header{connection}, 'close', 'one request a connection';
    my $text = $answer->{body};

    my %type = $text =~ /^# TYPE (\S+) (\S+)$/mg;
    my $unused = qr/^meta_consumer_(?:lane|handler|assistant|endpoint|dead|graph_codes)/;
    is_deeply [grep { !$type{$_} && !/$unused/ } names()], [], 'every name of the table';
    my %seen;
    is_deeply [grep { $seen{$_}++ } $text =~ /^(# (?:HELP|TYPE) \S+)/mg], [], 'HELP and TYPE once';
    is_deeply [grep { !/^#/ && $seen{s/ \S+$//r}++ } split /\n/, $text], [], 'each series once';
    is_deeply [grep { !/^# (?:HELP \w+ \S.*|TYPE \w+ (?:counter|gauge|histogram))$/
        && !/^\w+(?:\{\w+="[^"]*"(?:,\w+="[^"]*")*\})? -?\d+(?:\.\d+)?$/ } split /\n/, $text], [],
        'each line is one of the format';
    SKIP: {
        skip 'no promtool (scripts/setup browser)', 2 unless $PROMTOOL;
        my $file = spew($rig->file('metrics'), $text);
        is qx{"$PROMTOOL" check metrics <"$file" 2>&1}, '', 'promtool has nothing to say';
        is $?, 0, 'and is content';
    }

    my $f = figures($text, $Q);
    my $count = $rig->count_of;
    is $f->{taken}, 4, 'taken';
    is $f->{arrived}, 4, 'arrived';
    is $f->{$_}, $count->{$_}, "$_, as Redis has it" for qw(worked unmatched);
    is $f->{dead}, 1, 'dead letters';
    is $f->{$_}, 0, "$_: 0" for qw(queued urgent inflight held retry duplicate expired dropped);
    is $f->{taken}, $f->{inflight} + $f->{held} + $f->{retry} + $f->{dead} + $f->{worked}
        + $f->{duplicate} + $f->{unmatched} + $f->{expired} + $f->{dropped}, 'the identity holds';
    ok !exists $f->{oldest_seconds}, 'an empty list has no oldest event';
    my %n = numbers($text);
    ok $n{meta_consumer_start_time_seconds} > time - 600, 'since when';
    ok $n{meta_consumer_redis_connections} >= 2, 'connections to Redis';
    ok $n{meta_consumer_redis_commands_total} > 5, 'commands';
    ok $n{'meta_consumer_redis_command_seconds_count'} > 2, 'their times';
    is $n{'meta_consumer_redis_command_seconds_bucket{le="+Inf"}'},
        $n{meta_consumer_redis_command_seconds_count}, 'the last bucket has all';
    ok $n{'meta_consumer_log_lines_total{level="info"}'} > 2, 'lines of the log';

    is $n{meta_consumer_consumers}, 1, 'who lives';
    is $n{meta_consumer_claims_total}, 2, 'it took up this list and that of callbacks';
    is $n{meta_consumer_yields_total}, 0, 'and gave none up';
    is $n{qq(meta_consumer_holds{queue="$Q"})}, 1, 'it holds the queue';
    is $n{qq(meta_consumer_takeovers_total{queue="$Q"})}, 1, 'since once';
    is $n{qq(meta_consumer_taken_total{queue="$Q"})}, 4, 'it has taken';
    is $n{qq(meta_consumer_ended_total{queue="$Q",outcome="$_->[0]"})}, $_->[1], "$_->[0]"
        for [worked => 2], [unmatched => 1], [dead => 1], [expired => 0], [duplicate => 0];
    is $n{'meta_consumer_dead_total{reason="record"}'}, 1, 'the reason of the dead letter';
    is $n{'meta_consumer_graph_calls_total{result="ok"}'}, 3, 'calls of Graph';
    is $n{meta_consumer_graph_calls_running}, 0, 'none under way';
    is $n{meta_consumer_graph_call_seconds_count}, 3, 'their times';
    is $n{meta_consumer_http_connects_total} + $n{meta_consumer_http_reused_total}, 3,
        'over connections';
    is $n{'meta_consumer_lane_calls_total{lane="page"}'}, 1, 'one on the lane of the Page';
    is $n{meta_consumer_event_age_seconds_count}, 3, 'ages of events';
};

subtest 'while they wait' => sub {
    $rig->graph->fault({times => 1, fault => {slow => 1500}});
    $rig->push(map { messenger(user => '7290000000000007') } 1 .. 3);
    $rig->graph->wait_calls(3);
    my $f;
    ok +(wait_for { $f = figures(scrape(), $Q); $f->{inflight} == 3 }), 'in flight';
    is $f->{arrived}, $f->{taken} + $f->{queued} + $f->{urgent}, 'arrived';
    $rig->settle;
    ok +(wait_for { figures(scrape(), $Q)->{worked} == 5 }), 'worked';
};

subtest 'the protocol' => sub {
    my $head = ask($REQUEST =~ s/GET/HEAD/r, method => 'HEAD');
    is $head->{status}, 200, 'HEAD';
    is $head->{body}, '', 'without a body';
    ok +(grep { lc $_->[0] eq 'content-length' && $_->[1] > 1000 } @{$head->{headers}}),
        'but its length';
    is ask("GET /healthz HTTP/1.0\r\n\r\n")->{body}, "OK\n", '/healthz';
    is ask("GET /metrics?a=b HTTP/1.1\r\n\r\n")->{status}, 200, 'a query';
    is ask("GET $_ HTTP/1.1\r\n\r\n")->{status}, 404, "$_: 404" for '/', '/metricsx', '/../metrics';
    is ask("$_ /metrics HTTP/1.1\r\nContent-Length: 1\r\n\r\nx")->{status}, 405, "$_: 405"
        for qw(POST DELETE get);
    is ask("$_\r\n\r\n")->{status}, 400, "$_: 400" for 'GET', 'GET /metrics',
        'GET  /metrics HTTP/1.1', 'GET /metrics HTTP/2', 'GET metrics HTTP/1.1', ' / HTTP/1.1', '';
    is ask('GET /metrics HTTP/1.1' . "\r\nX: y" x 2000)->{status}, 431, 'too long';
    is ask("GET /metrics HTTP/1.1\r\n\0\r\n\r\n" . 'x' x 5000)->{status}, 431, 'with a zero byte';
    my $c = Test::Meta::HTTP->new($port);
    $c->send($_) for split //, $REQUEST;
    is $c->answer->{status}, 200, 'byte by byte';
    my $twice = Test::Meta::HTTP->new($port);
    $twice->send($REQUEST x 2);
    is $twice->answer->{status}, 200, 'the first of two';
    is $twice->answer->{status}, 0, 'and no more';
};

subtest 'bad clients' => sub {
    my @silent = map { Test::Meta::HTTP->new($port) } 1 .. 16;
    my $end = time + 20 * patience();
    my $refused;
    ok +(wait_for { $refused = ask($REQUEST)->{status} == 0 }), 'the 17th is turned away';
    ok !(grep { $_->fill } @silent), 'silent ones are closed';
    ok time < $end, 'in time';
    ok +(wait_for { ask($REQUEST)->{status} == 200 }), 'then it answers again';
    for (1 .. 50) {
        my $c = Test::Meta::HTTP->new($port);
        $c->send($_ % 2 ? $REQUEST : substr $REQUEST, 0, 9);
        $_ % 3 ? $c->reset : $c->close;
    }
    ok +(wait_for { ask($REQUEST)->{status} == 200 }), 'who goes at once does no harm';
};

subtest 'its rights' => sub {
    my ($base) = slurp(root_dir() . '/docs/consumer.md') =~ /^ACL SETUSER meta-consumer (.*)/m;
    my ($own) = slurp(root_dir() . '/docs/metrics.md') =~ /^ACL SETUSER meta-consumer (.*)/m;
    $rig->do('ACL', 'SETUSER', 'small', 'on', '>word', split ' ', $base =~ s/>PASSWORD //r);
    $rig->do('ACL', 'SETUSER', 'small', split ' ', $own);
    spew($rig->file('password'), "word\n");
    my $b = $rig->consumer(name => 'small', more => qq(metrics: "127.0.0.1:$second"\n)
        . "unmatched: drop\n", redis => $rig->redis->address . ' user=small password_file='
        . $rig->file('password'));
    ok +(wait_for { connects($second) }), 'it listens';
    ok +(wait_for { defined figures(scrape(port => $second), $Q)->{taken} }), 'they are enough';
    $rig->do('ACL', 'SETUSER', 'small', '-zcard');
    my $f;
    ok +(wait_for { $f = figures(scrape(port => $second), $Q); !%$f }),
        'one less: the figures are left out';
    $b->drain;
};

subtest 'without Redis' => sub {
    $rig->redis->pause;
    my %n;
    ok +(wait_for { %n = numbers(scrape()); !grep { /^meta_consumer_queue_/ } keys %n }),
        'figures that nobody knows are left out';
    ok $n{meta_consumer_start_time_seconds}, 'what the process knows is there';
    my $from = time;
    scrape();
    ok time - $from < 3 * patience(), 'a Redis that hangs delays it little';
    $rig->redis->cont;
    ok +(wait_for { defined figures(scrape(), $Q)->{taken} } 20), 'they come back';
};

subtest 'a place that is taken' => sub {
    my $b = $rig->consumer(name => 'b', more => $more);
    $b->wait_log(qr/metrics: cannot listen on 127\.0\.0\.1:$port: address already in use/);
    $c->drain;
    $b->wait_log(qr/metrics: listens on 127\.0\.0\.1:$port/);
    is ask($REQUEST)->{status}, 200, 'the other one answers';
    $c = $b;
};

subtest 'reload' => sub {
    my $socket = $rig->file('metrics.sock');
    my $to = sub {
        spew($c->{file}, $rig->conf(rules => '', more => "unmatched: drop\n$_[0]"));
        $c->reload;
    };
    $to->(qq(metrics: "127.0.0.1:$second"\n));
    ok +(wait_for { connects($second) }), 'another port';
    ok !connects($port), 'the old one is closed';
    my %n = numbers(scrape(port => $second));
    is $n{'meta_consumer_reloads_total{result="good"}'}, 1, 'reloads are counted';
    $to->("metrics: unix:$socket\n");
    ok +(wait_for { connects($socket) }), 'a unix socket';
    is sprintf('%o', (stat $socket)[2] & 0777), '660', 'for owner and group';
    like qx{curl -s --unix-socket $socket http://x/metrics}, qr/^meta_consumer_holds/m,
        'it answers';
    $to->("metrics: unix:$socket\nrulez: 1\n");
    $c->wait_log(qr/rulez: unknown key/);
    like qx{curl -s --unix-socket $socket http://x/metrics}, qr/\{result="failed"\} 1$/m,
        'a bad file changes nothing and is counted';
    $c->stop('KILL');
    ok -S $socket, 'kill -9 leaves the socket behind';
    $c = $rig->consumer(name => 'd', more => "unmatched: drop\nmetrics: unix:$socket\n");
    ok +(wait_for { connects($socket) }), 'the next one takes its place';
    $to->('');
    ok +(wait_for { !-e $socket }), 'off, and the socket is gone';
};

$rig->finish;
done_testing;
