# Faults on request, and the call log that is written before the answer.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use Emulator qw(call control emulator $PAGE $PHONE %TOKEN);
use IO::Socket::INET;
use Mojo::JSON qw(decode_json encode_json);
use Test::Meta::Util qw(root_dir wait_for);
use Test::More;
use Time::HiRes qw(time);

my $graph = emulator();
my $text = {messaging_product => 'whatsapp', to => '+27820000001',
    type => 'text', text => {body => 'needle'}};


sub send_it {
    return call($graph, 'POST', "/v24.0/$PHONE/messages", $TOKEN{whatsapp},
        $_[0] // $text);
}


sub last_call {
    return ($graph->calls)[-1];
}


# What the peer of a cut connection gets: bytes, and how it ended.
sub raw_send {
    my ($head_only) = @_;
    my $body = encode_json($text);
    my $socket = IO::Socket::INET->new(PeerAddr => $graph->url =~ s{http://}{}r)
        or die "connect: $@";
    print $socket "POST /v24.0/$PHONE/messages HTTP/1.1\r\nHost: x\r\n",
        "Authorization: Bearer $TOKEN{whatsapp}\r\n",
        "Content-Type: application/json\r\n",
        'Content-Length: ' . length($body) . "\r\n\r\n";
    print $socket $body if !$head_only;
    $socket->flush;
    my $got = '';
    while (1) {
        my $read = sysread $socket, my $bytes, 65536;
        return ($got, 'reset') if !defined $read;
        return ($got, 'closed') if !$read;
        $got .= $bytes;
    }
}


my @errors = (
    ['500', {status => 500}, 500, 2],
    ['429', {status => 429}, 429, 4],
    ['429 with a code', {status => 429, code => 130429}, 429, 130429],
    ['a code', {code => 131056}, 400, 131056],
    ['a lie', {code => 131000, lie => \1}, 200, 131000],
);
for my $case (@errors) {
    my ($name, $fault, $status, $code) = @$case;
    $graph->fault({fault => $fault});
    my ($got, undef, $data) = send_it();
    subtest "fault: $name" => sub {
        is($got, $status, 'status');
        is($data->{error}{code}, $code, 'code');
        ok(!last_call()->{accepted}, 'no message was taken');
        is((send_it())[0], 200, 'once only');
    };
}

subtest 'fault: code, subcode, words, transient' => sub {
    $graph->fault({fault => {code => 10, subcode => 2018278, message => 'w',
        transient => \0, details => 'd'}});
    my ($status, undef, $data) = send_it();
    my $error = $data->{error};
    is_deeply([@{$error}{qw(code error_subcode message)},
        $error->{is_transient} ? 1 : 0], [10, 2018278, 'w', 0], 'as asked');
    is($error->{error_data}{details}, 'd', 'details');
};

subtest 'fault: bytes that are no JSON' => sub {
    $graph->fault({fault => {status => 200, body => 'Service Unavailable'}});
    is_deeply([(send_it())[0, 2]], [200, 'Service Unavailable'], 'as asked');
};

subtest 'fault: headers on a good answer' => sub {
    $graph->fault({fault => {headers => {'X-App-Usage' => '{"call_count":99}'}}});
    my ($status, $headers) = send_it();
    is("$status $headers->{'x-app-usage'}", '200 {"call_count":99}', 'as asked');
};

subtest 'fault: usage headers of all five kinds' => sub {
    $graph->fault({fault => {usage => [
        {kind => 'app', pct => 81}, {kind => 'page', pct => 20},
        {kind => 'ad_account', pct => 9.67, seconds => 100},
        {kind => 'business', id => '1065', type => 'messenger', pct => 97,
            minutes => 19},
        {kind => 'business', id => '1065', type => 'pages', pct => 3},
        {kind => 'insights', pct => 3, app_pct => 12.5}]}});
    my ($status, $headers) = send_it();
    my %got = map { $_ => decode_json($headers->{$_}) }
        grep { /usage|throttle/ } keys %$headers;
    is($status, 200, 'on a good answer');
    is_deeply(\%got, {
        'x-app-usage' => {call_count => 81, total_cputime => 40, total_time => 40},
        'x-page-usage' => {call_count => 20, total_cputime => 10, total_time => 10},
        'x-ad-account-usage' => {acc_id_util_pct => 9.67, reset_time_duration => 100,
            ads_api_access_tier => 'standard_access'},
        'x-business-use-case-usage' => {1065 => [
            {type => 'messenger', call_count => 97, total_cputime => 48, total_time => 48,
                estimated_time_to_regain_access => 19},
            {type => 'pages', call_count => 3, total_cputime => 1, total_time => 1,
                estimated_time_to_regain_access => 0}]},
        'x-fb-ads-insights-throttle' => {acc_id_util_pct => 3, app_id_util_pct => 12.5,
            ads_api_access_tier => 'standard_access'},
    }, 'each in its shape');

    $graph->fault({fault => {code => 80006, usage => [{kind => 'app', pct => 100}]}});
    ($status, $headers) = send_it();
    is("$status $headers->{'x-app-usage'}",
        '400 {"call_count":100,"total_cputime":50,"total_time":50}', 'on an error');
};

subtest 'fault: another version, JSON of any kind' => sub {
    $graph->fault({fault => {version => 'v21.0'}});
    my ($status, $headers) = send_it();
    is("$status $headers->{'facebook-api-version'}", '200 v21.0', 'version');

    $graph->fault({fault => {json => {success => 'false'}}});
    ($status, $headers, my $data) = send_it();
    is_deeply([$status, $headers->{'content-type'}, $data],
        [200, 'application/json', {success => 'false'}], 'JSON');
    ok(!last_call()->{accepted}, 'and nothing was taken');
};

subtest 'an account is throttled until the rule is taken away' => sub {
    my $rule = control($graph, 'POST', 'faults', {match => {account => $PHONE}, times => 0,
        fault => {code => 130429}});
    is(join(' ', map { (send_it())[0] } 1 .. 3), '400 400 400', 'throttled');
    my ($gone) = control($graph, 'DELETE', "faults?id=$rule->{ids}[0]");
    my ($none) = control($graph, 'DELETE', "faults?id=$rule->{ids}[0]");
    is_deeply([$gone, $none, (send_it())[0]], [200, 400, 200], 'and not any more');
};

subtest 'a phone number tells its throughput' => sub {
    is_deeply((call($graph, 'GET', "/v24.0/$PHONE?fields=throughput", $TOKEN{whatsapp}))[2],
        {id => $PHONE, throughput => {level => 'STANDARD'}}, 'as asked');
    is((call($graph, 'GET', '/v24.0/me?fields=throughput', $TOKEN{page}))[0], 400, 'a Page none');
};

subtest 'fault: slow; the log has the call long before the answer' => sub {
    $graph->fault({fault => {slow => 300}});
    my $from = time;
    is((send_it())[0], 200, 'answered');
    cmp_ok(time - $from, '>=', 0.29, 'but late');

    my $before = $graph->calls;
    $graph->fault({fault => {slow => 60_000}});
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my ($status) = send_it();
        require POSIX;
        POSIX::_exit($status == 200 ? 0 : 1);
    }
    ok(wait_for { $graph->calls > $before }, 'logged');
    is(waitpid($pid, 1), 0, 'and not answered yet');
    is(last_call()->{answer}{status}, 200, 'with the answer it will give');
    $graph->hasten;
    waitpid $pid, 0;
    is($?, 0, 'answered when it is asked to');
};

subtest 'fault: cut' => sub {
    $graph->fault({fault => {cut => 'head'}});
    is_deeply([raw_send('head only')], ['', 'closed'], 'head: body not awaited');
    ok(!last_call()->{accepted} && !last_call()->{answer}, 'nothing taken');

    $graph->fault({fault => {cut => 'request'}});
    is_deeply([raw_send()], ['', 'closed'], 'request: not a byte');
    ok(last_call()->{accepted}, 'but the message was taken');

    $graph->fault({fault => {cut => 'request', reset => \1}});
    is((raw_send())[1], 'reset', 'reset');

    $graph->fault({fault => {cut => 'answer'}});
    my ($got, $end) = raw_send();
    my ($length, $body) = $got =~ /^Content-Length: (\d+)\r.*?\r\n\r\n(.*)/ms;
    is($end, 'closed', 'answer: closed');
    is(length $body, int($length / 2), 'after half of the body');
    is((send_it())[0], 200, 'and goes on');
};

subtest 'match, skip, times' => sub {
    $graph->fault($_) for
        {match => {kind => 'messenger'}, times => 0, fault => {code => 1}},
        {match => {body => 'needle', path => 'messages$', method => 'POST',
            account => $PHONE, token => 'wa'}, skip => 1, times => 2,
            fault => {code => 2}};
    is(join(' ', map { (send_it())[0] } 1 .. 4), '200 400 400 200',
        'one passes, two fail, the rest pass');
    is((send_it({%$text, text => {body => 'hay'}}))[0], 200, 'another body');
    my $to_page = {recipient => {id => '7'}, messaging_type => 'RESPONSE',
        message => {text => 'x'}};
    is(join(' ', map { (call($graph, 'POST', '/v24.0/me/messages', $TOKEN{page},
        $to_page))[0] } 1 .. 3), '400 400 400', 'times 0 is for ever');
    is(scalar @{control($graph, 'GET', 'faults')}, 1, 'what stands is told');
    control($graph, 'DELETE', 'faults');
    is((call($graph, 'POST', '/v24.0/me/messages', $TOKEN{page}, $to_page))[0],
        200, 'until it is taken away');
};

subtest 'a faulty fault is refused with words' => sub {
    my %wrong = ('no fault' => {}, 'unknown member' => {fault => {foo => 1}},
        'unknown match' => {match => {foo => 1}, fault => {code => 1}},
        'a cut somewhere' => {fault => {cut => 'foot'}},
        'a lie without code' => {fault => {lie => \1}},
        'a usage of nothing' => {fault => {usage => [{kind => 'foot', pct => 1}]}},
        'a business without id' => {fault => {usage => [{kind => 'business', pct => 1}]}},
        'a version in words' => {fault => {version => 'last'}});
    for my $name (sort keys %wrong) {
        my ($status, $data) = control($graph, 'POST', 'faults', $wrong{$name});
        is($status, 400, $name);
        ok(length $data->{error}, "$name: said why");
    }
    my ($status) = control($graph, 'POST', 'faults',
        [{fault => {code => 1}}, {fault => {foo => 1}}]);
    is_deeply([$status, scalar control($graph, 'GET', 'faults')], [400, []],
        'of a list all or none');
};

subtest 'the log: names in place of tokens, a number for each call' => sub {
    call($graph, 'GET', "/v24.0/me?access_token=$TOKEN{page}");
    call($graph, 'POST', "/v24.0/$PHONE/messages", undef,
        {%$text, access_token => $TOKEN{whatsapp}});
    call($graph, 'GET', '/v24.0/me', 'EAAnobody');
    my @calls = $graph->calls;
    is($calls[-3]{query}{access_token}, 'page', 'query');
    is($calls[-2]{body}{access_token}, 'wa', 'body');
    is($calls[-1]{headers}{Authorization}, 'Bearer <unknown token>', 'header');
    is_deeply([map { $_->{n} } @calls], [1 .. @calls], 'numbers without a gap');
    my $log = Test::Meta::Util::slurp($graph->{log});
    unlike($log, qr/EAA/, 'no token anywhere');
    my ($first) = grep { $_->{accepted} } @calls;
    is_deeply([@{$first}{qw(method kind account token version)},
        $first->{body}{text}{body}],
        ['POST', 'whatsapp', $PHONE, 'wa', 'v24.0', 'needle'], 'what was asked');
};

subtest 'the control door tells calls since a number, and forgets them' => sub {
    my $total = $graph->calls;
    is(control($graph, 'GET', '')->{calls}, $total, 'as many as in the file');
    my $calls = control($graph, 'GET', 'calls?since=' . ($total - 2));
    is_deeply([map { $_->{n} } @$calls], [$total - 1, $total], 'the last two');
    control($graph, 'DELETE', 'calls');
    is_deeply(scalar control($graph, 'GET', 'calls'), [], 'forgotten');
    is(scalar(my @all = $graph->calls), $total, 'the file stays');
    is((control($graph, 'GET', 'nothing'))[0], 404, 'another door: 404');
};

subtest 'the command line: errors name what is wrong; only loopback' => sub {
    my %wrong = ("--listen 0.0.0.0:0" => qr/cannot listen on 0\.0\.0\.0:0/,
        '--token x' => qr/a token is KIND/, '--fault {' => qr/not JSON/,
        '--token page:x:t' => qr/account "x": digits/,
        '--today yesterday' => qr/YYYY-MM-DD/, '--nothing' => qr/--help/,
        '--log /nowhere/log' => qr{cannot open the log /nowhere/log});
    for my $args (sort keys %wrong) {
        my $said = qx{$^X @{[root_dir()]}/scripts/graph-emulator $args 2>&1};
        is($? >> 8, 2, "$args: exit status 2");
        like($said, $wrong{$args}, "$args: words");
    }
    my $help = qx{$^X @{[root_dir()]}/scripts/graph-emulator --help};
    like($help, qr/--ready-file FILE/, '--help');
};

done_testing();
