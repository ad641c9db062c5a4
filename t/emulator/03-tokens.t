# Tokens, versions, usage: who may call what, and by which version it is served.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use Digest::SHA qw(hmac_sha256_hex);
use Emulator qw(call control emulator $PAGE $PHONE $SECRET $WABA %TOKEN);
use Mojo::JSON qw(decode_json);
use Test::More;

my $graph = emulator('--today', '2026-11-22');
my $text = {messaging_product => 'whatsapp', to => '+27820000001',
    type => 'text', text => {body => 'x'}};


sub error_of {
    my ($status, $headers, $data) = call($graph, @_);
    return join ' ', $status, $data->{error}{code} // 'none',
        $data->{error}{error_subcode} // '-';
}


my @refused = (
    ['none', undef, "/v24.0/$PHONE/messages", '400 104 -'],
    ['unknown', 'EAAnobody', "/v24.0/$PHONE/messages", '401 190 -'],
    ['unknown, of no number', 'EAAnobody', '/v24.0/me', '400 190 -'],
    ["a number's at a page", $TOKEN{whatsapp}, "/v24.0/$PAGE/messages",
        '400 100 33'],
    ["a page's at a number", $TOKEN{page}, "/v24.0/$PHONE/messages",
        '400 100 33'],
    ['right, at an unknown edge', $TOKEN{page}, "/v24.0/$PAGE/nothing",
        '400 100 33'],
    ['right, a malformed path', $TOKEN{page}, '/v24.0/a/b/c/d/e', '400 2500 -'],
);
for my $case (@refused) {
    my ($name, $token, $path, $error) = @$case;
    is(error_of('POST', $path, $token, $text), $error, "token: $name");
}

subtest 'the token in header, query, JSON body' => sub {
    is(error_of('GET', '/v24.0/me', $TOKEN{page}), '200 none -', 'header');
    is(error_of('GET', "/v24.0/me?access_token=$TOKEN{page}"), '200 none -',
        'query');
    is(error_of('POST', "/v24.0/$PHONE/messages", undef,
        {%$text, access_token => $TOKEN{whatsapp}}), '200 none -', 'body');
};

subtest 'states of a token' => sub {
    my %subcode = (expired => 463, revoked => 467, password => 460,
        app_removed => 458, checkpoint => 459);
    for my $state (sort keys %subcode) {
        control($graph, 'POST', 'tokens', {name => 'page', state => $state});
        is(error_of('GET', '/v24.0/me', $TOKEN{page}),
            "400 190 $subcode{$state}", $state);
    }
    my ($status, $headers) = call($graph, 'GET', '/v24.0/me', $TOKEN{page});
    like($headers->{'www-authenticate'}, qr/ "invalid_token" /, 'said so');
    control($graph, 'POST', 'tokens', {name => 'page', state => 'good'});
    is(error_of('GET', '/v24.0/me', $TOKEN{page}), '200 none -', 'good again');
    is((control($graph, 'POST', 'tokens', {name => 'page', state => 'ill'}))[0],
        400, 'an unknown state is refused');
};

subtest 'GET /me' => sub {
    is((call($graph, 'GET', '/v24.0/me', $TOKEN{page}))[2]{id}, $PAGE,
        'a page token is the page');
    is_deeply((call($graph, 'GET', '/v24.0/me?fields=id', $TOKEN{page}))[2],
        {id => $PAGE}, 'fields');
    is(error_of('GET', '/v24.0/me?fields=shoe', $TOKEN{page}), '400 100 -',
        'an unknown field');
};

subtest 'debug_token' => sub {
    my $app = "1234567890%7C$SECRET";
    my $ask = sub {
        return (call($graph, 'GET',
            "/v24.0/debug_token?access_token=$app&input_token=$_[0]"))[2]{data};
    };
    my $data = $ask->($TOKEN{page});
    is($data->{app_id}, '1234567890', 'app');
    is($data->{type}, 'PAGE', 'type');
    ok($data->{is_valid}, 'valid');
    is($data->{expires_at}, 0, '0 is never');
    is_deeply($data->{granular_scopes}[0]{target_ids}, [$PAGE], 'its page');
    is($ask->($TOKEN{whatsapp})->{type}, 'SYSTEM_USER', 'a system user');
    ok(!$ask->('EAAnobody')->{is_valid}, 'an unknown one: 200, not valid');
    is(error_of('GET', "/v24.0/debug_token?access_token=$app"), '400 100 -',
        'without input_token');
};

subtest 'appsecret_proof, plain and timed' => sub {
    my $with = sub {
        return error_of('GET', '/v24.0/me?' . join('&', @_), $TOKEN{page});
    };
    my $proof = sub { hmac_sha256_hex($_[0], $SECRET) };
    my $now = time;
    is($with->('appsecret_proof=' . $proof->($TOKEN{page})), '200 none -',
        'plain');
    is($with->('appsecret_proof=' . $proof->($TOKEN{user})), '400 100 -',
        "another token's");
    is($with->('appsecret_proof=' . $proof->("$TOKEN{page}|$now"),
        "appsecret_time=$now"), '200 none -', 'timed');
    $now -= 400;
    is($with->('appsecret_proof=' . $proof->("$TOKEN{page}|$now"),
        "appsecret_time=$now"), '400 100 -', 'too old');
};

subtest 'no version is refused, another one serves' => sub {
    my %served = ('/v24.0/me' => 'v24.0', '/v26.0/me' => 'v26.0',
        '/me' => 'v21.0', '/v20.0/me' => 'v21.0', '/v12.0/me' => 'v21.0',
        '/v27.0/me' => 'v21.0');
    for my $path (sort keys %served) {
        my ($status, $headers) = call($graph, 'GET', $path, $TOKEN{page});
        is("$status $headers->{'facebook-api-version'}", "200 $served{$path}",
            $path);
    }
};

subtest 'usage headers grow with the calls, then throttling' => sub {
    my $small = emulator('--quota', '4');
    my @seen;
    for my $n (1 .. 5) {
        my ($status, $headers, $data) = call($small, 'POST',
            "/v24.0/$PHONE/messages", $TOKEN{whatsapp}, $text);
        my $usage = decode_json($headers->{'x-business-use-case-usage'});
        my ($entry) = @{$usage->{$WABA}};
        is($entry->{type}, 'whatsapp', 'type');
        push @seen, [$entry->{call_count}, $data->{error}{code} // $status];
        ok($n < 4 == ($entry->{estimated_time_to_regain_access} == 0), 'minutes');
    }
    is_deeply(\@seen, [[25, 200], [50, 200], [75, 200], [100, 200],
        [125, 80007]], 'percent and outcome');
    my ($status, $headers) = call($small, 'GET', '/v24.0/me', $TOKEN{user});
    is_deeply(decode_json($headers->{'x-app-usage'}), {call_count => 25,
        total_cputime => 12, total_time => 12}, 'a user token counts for the app');
};

subtest 'no quota, no usage headers' => sub {
    my ($status, $headers) = call($graph, 'GET', '/v24.0/me', $TOKEN{page});
    ok(!grep({ /usage/ } keys %$headers), 'none');
};

done_testing();
