# curl -> nginx -> Redis -> meta-consumer -> Graph: the whole road, in one go,
# with a consumer that comes late, and with one that is killed on the way.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Test::Meta;
use Test::Meta::Consumer;
use Test::Meta::Graph;
use Test::Meta::Nginx;
use Test::Meta::Redis;
use Test::Meta::Sample;
use Test::Meta::Util qw(slurp spew temp_dir wait_for);
use Test::More;

my ($PHONE, $PAGE) = qw(106540352242922 118734502290164);
my ($WA_TOKEN, $PAGE_TOKEN) = qw(EAAwhatsappSecret EAApageSecret);
my ($INFLIGHT, $QUEUE) = ('{meta:events}:inflight', 'meta:events');


# All the parts but the consumer, which is written and not started.
sub parts {
    my $dir = temp_dir();
    my $redis = Test::Meta::Redis->new(dir => $dir)->start;
    my $graph = Test::Meta::Graph->new(dir => $dir, args => ['--token',
        "whatsapp:$PHONE:$WA_TOKEN:wa", '--token', "page:$PAGE:$PAGE_TOKEN:page",
        ])->start;
    my $nginx = Test::Meta::Nginx->new(dir => $dir, redis => $redis->address,
        secret => "$Test::Meta::SECRET\n", token => "$Test::Meta::TOKEN\n")->start;
    spew("$dir/wa_token", "$WA_TOKEN\n");
    spew("$dir/page_token", "$PAGE_TOKEN\n");
    my $consumer = Test::Meta::Consumer->new(dir => $dir, conf => <<"END");
redis: unix:$redis->{sock}
queues:
  - {name: "$QUEUE", kind: events, partitions: 1}
apps:
  - {id: "1234567890", secret_file: $dir/secret}
graph: {version: v24.0, base_url: "@{[$graph->url]}"}
tokens:
  - {kind: whatsapp, id: "$PHONE", file: $dir/wa_token}
  - {kind: page, id: "$PAGE", file: $dir/page_token}
rules:
  - when: {product: whatsapp, kind: message}
    do: [mark_read, {reply: {text: "Thanks, we are on it."}}]
  - when: {product: messenger, kind: message}
    do:
      - reply:
          text: "It is 49 EUR."
          quick_replies:
            - {title: "\xe2\x9c\x85 Helpful", payload: HELPFUL}
            - {title: "\xf0\x9f\x94\x84 More detail", payload: MORE}
unmatched: drop
END
    return {dir => $dir, redis => $redis, graph => $graph, nginx => $nginx,
        consumer => $consumer, texts => []};
}


# As an operator would: curl with the signature; returns the status and body.
# It was written now: nobody may be answered whose window has closed.
sub curl {
    my ($parts, $sample) = @_;
    push @{$parts->{texts}}, @{$sample->{texts}};
    my $body = $sample->{body} =~ s/1763700000/time/ger;
    my $file = spew("$parts->{dir}/delivery", $body);
    my $signature = hmac_sha256_hex($body, $Test::Meta::SECRET);
    open my $out, '-|', 'curl', '-sS', '-w', ' %{http_code}',
        '-H', 'Content-Type: application/json',
        '-H', "X-Hub-Signature-256: sha256=$signature",
        '--data-binary', "\@$file",
        'http://127.0.0.1:' . $parts->{nginx}->port . '/hook'
        or die "curl: $!";
    local $/;
    return scalar(<$out>) // '';
}


sub settled {
    my ($parts) = @_;
    my $redis = $parts->{redis};
    return wait_for {
        !$redis->do('EXISTS', $QUEUE) && !$redis->do('EXISTS', $INFLIGHT)
    } 20;
}


# Everything ends well and nobody wrote down what is secret.
sub finish {
    my ($parts) = @_;
    my ($nginx, $consumer) = @{$parts}{qw(nginx consumer)};
    is($consumer->drain, '0', 'the consumer drains');
    is($consumer->complaints, '', 'and has no complaint');
    is($nginx->quit, '0', 'nginx quits');
    is($nginx->complaints, '', 'and has none either');
    my @secrets = ($Test::Meta::SECRET, $Test::Meta::TOKEN, $WA_TOKEN,
        $PAGE_TOKEN, @{$parts->{texts}}, 'Thanks, we are on it',
        'It is 49 EUR', '27820000001', '7290000000000001');
    my $any = join '|', map { quotemeta } @secrets;
    unlike($consumer->log, qr/$any/, 'no secret in the log of the consumer');
    is($nginx->leaks(@secrets), '', 'nor in those of nginx');
}


sub ids_marked_read {
    my ($graph) = @_;
    return map { $_->{body}{message_id} }
        grep { ($_->{body}{status} // '') eq 'read' } $graph->calls;
}


sub answers {
    my ($graph) = @_;
    return grep { $_->{accepted} } $graph->calls;
}


subtest 'a WhatsApp and a Messenger message are answered' => sub {
    my $parts = parts();
    my $graph = $parts->{graph};
    $parts->{consumer}->start;
    is(curl($parts, Test::Meta::Sample::whatsapp(1)), 'EVENT_RECEIVED 200',
        'WhatsApp: acknowledged');
    is(curl($parts, Test::Meta::Sample::page(1)), 'EVENT_RECEIVED 200',
        'Messenger: acknowledged');
    $graph->wait_calls(3, 20);
    ok(settled($parts), 'the queue is empty, nothing in flight');

    my ($read, $text) = grep { $_->{account} eq $PHONE } $graph->calls;
    my ($message) = grep { $_->{account} eq $PAGE } $graph->calls;
    is(scalar(my @all = $graph->calls), 3, 'three calls');
    is($read->{body}{status}, 'read', 'first the read receipt');
    like($read->{body}{message_id}, qr/^wamid\./, 'of the message');
    is($text->{body}{text}{body}, 'Thanks, we are on it.', 'then the text');
    is($text->{body}{to} =~ tr/0-9//cdr, '27820000001', 'to who wrote');
    is($text->{token}, 'wa', "with the number's token");
    is($message->{body}{recipient}{id}, '7290000000000001', 'Messenger: to who wrote');
    is_deeply($message->{body}{message}{quick_replies}, [
        {content_type => 'text', title => "\x{2705} Helpful",
            payload => 'HELPFUL'},
        {content_type => 'text', title => "\x{1F504} More detail",
            payload => 'MORE'}], 'the two quick replies');
    is($message->{token}, 'page', "with the page's token");
    is($_->{answer}{status}, 200, 'taken') for $graph->calls;
    finish($parts);
};


subtest 'what came while no consumer ran is worked off, each once' => sub {
    my $parts = parts();
    is(curl($parts, Test::Meta::Sample::whatsapp(20)), 'EVENT_RECEIVED 200',
        'twenty in a delivery');
    is(curl($parts, Test::Meta::Sample::page(10)), 'EVENT_RECEIVED 200',
        'ten in another');
    is($parts->{redis}->do('LLEN', $QUEUE), 30, 'thirty wait');
    $parts->{consumer}->start;
    $parts->{graph}->wait_calls(50, 30);
    ok(settled($parts), 'all worked off');
    is(scalar(my @a = answers($parts->{graph})), 30, 'thirty answers');
    my @read = ids_marked_read($parts->{graph});
    my %seen = map { $_ => 1 } @read;
    is(scalar(keys %seen), 20, 'each message marked as read');
    is(scalar @read, 20, 'once');
    finish($parts);
};


subtest 'a consumer killed at a call: the next one takes its events over' => sub {
    my $parts = parts();
    my $graph = $parts->{graph};
    $graph->fault({match => {kind => 'messenger'}, fault => {slow => 30_000}});
    $parts->{consumer}->start;
    is(curl($parts, Test::Meta::Sample::page(1)), 'EVENT_RECEIVED 200', 'sent');
    $graph->wait_calls(1, 20);
    is($parts->{consumer}->stop('KILL'), 'signal 9', 'killed while it waits');
    ok($parts->{redis}->do('EXISTS', $INFLIGHT), 'the event is still in flight');

    is(curl($parts, Test::Meta::Sample::whatsapp(3)), 'EVENT_RECEIVED 200',
        'more comes');
    $parts->{consumer}->start;
    ok(wait_for(sub { 3 == grep { $_->{kind} eq 'whatsapp' } answers($graph) },
        40), 'the next one answers them');
    ok(settled($parts), 'and leaves nothing in flight, of the old one neither');
    is(scalar(my @page = grep { $_->{kind} eq 'messenger' } $graph->calls), 1,
        'what was on the wire is not sent again');
    like($parts->{redis}->do('LINDEX', '{meta:events}:dead', 0),
        qr/"reason":"ambiguous"/, 'and somebody is told of it');
    finish($parts);
};


subtest 'a forged delivery goes no further than nginx' => sub {
    my $parts = parts();
    $parts->{consumer}->start;
    my $sample = Test::Meta::Sample::whatsapp(1);
    my $file = spew("$parts->{dir}/delivery", $sample->{body});
    my $status = qx{curl -s -o /dev/null -w '%{http_code}' \\
        -H 'X-Hub-Signature-256: sha256=@{['0' x 64]}' --data-binary \@$file \\
        http://127.0.0.1:@{[$parts->{nginx}->port]}/hook};
    is($status, 401, 'refused');
    is(curl($parts, Test::Meta::Sample::page(1)), 'EVENT_RECEIVED 200',
        'a genuine one after it');
    $parts->{graph}->wait_calls(1, 20);
    ok(settled($parts), 'is worked off');
    is(scalar(my @calls = $parts->{graph}->calls), 1, 'and is the only one');
    finish($parts);
};

done_testing();
