package Edge::Verify;

# That a rival does the same work before it is measured: the same answers, the same records.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;

use Edge::Delivery;

my $codec = JSON::PP->new->utf8->canonical;
my $http  = HTTP::Tiny->new(timeout => 10);

# what each of them must answer
sub cases {
    my $good = delivery(1);
    my $sign = sub {
        my ($body, $secret) = @_;
        return ('X-Hub-Signature-256' => 'sha256=' . hmac_sha256_hex($body, $secret // SECRET));
    };
    return (
        ['a good delivery',          200, 'POST', $good, { $sign->($good) }],
        ['a signature in capitals',  200, 'POST', $good,
            { 'X-Hub-Signature-256' => 'sha256=' . uc hmac_sha256_hex($good, SECRET) }],
        ['another secret',           401, 'POST', $good, { $sign->($good, 'another') }],
        ['another body',             401, 'POST', "$good ", { $sign->($good) }],
        ['no signature',             401, 'POST', $good, {}],
        ['a malformed signature',    401, 'POST', $good, { 'X-Hub-Signature-256' => 'sha256=12' }],
        ['an array',                 400, 'POST', '[1]', { $sign->('[1]') }],
        ['no JSON',                  400, 'POST', '{"a":', { $sign->('{"a":') }],
        ['another method',           405, 'PUT',  $good, { $sign->($good) }],
    );
}

# dies unless the row answers and queues as ours does
sub same_work {
    my ($row, $ours) = @_;
    for my $case (cases()) {
        my ($what, $status, $method, $body, $headers) = @$case;
        for my $r ($ours, $row) {
            my $url = "http://127.0.0.1:$r->{server}{port}$r->{path}";
            my $got = $http->request($method, $url, { content => $body, headers => $headers });
            die "bench: $r->{name} answers $what with $got->{status}, not $status\n"
                if $got->{status} != $status;
            $r->{queue}->taken($status == 200 ? 1 : 0);
            $r->{queue}->check_last(1) if $status == 200 && !$r->{rewritten};
        }
    }
    for my $r ($ours, $row) {
        my $line = too_large($r);
        die "bench: $r->{name} answers a body over the limit with $line\n" if $line !~ / 413 /;
    }
    for my $events (1, 20) {
        my ($mine, $theirs) = map { records($_, $events) } $ours, $row;
        die "bench: $row->{name} queues\n$theirs\nwhere the module queues\n$mine\n"
            if $mine ne $theirs;
    }
    return;
}

# the answer to a POST that announces more than 4 MB
sub too_large {
    my $row = shift;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $row->{server}{port})
        or return 'no connection';
    print $s "POST $row->{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4200000\r\n",
        'X-Hub-Signature-256: sha256=', '0' x 64, "\r\n\r\n";
    return scalar(<$s>) // 'nothing';
}

# the records of one delivery as text, but for what differs from one delivery to the next
sub records {
    my ($row, $events) = @_;
    my $body = delivery($events);
    my $got = $http->post("http://127.0.0.1:$row->{server}{port}$row->{path}", {
        content => $body,
        headers => { 'X-Hub-Signature-256' => 'sha256=' . hmac_sha256_hex($body, SECRET) },
    });
    die "bench: $row->{name} answers $got->{status}\n" if $got->{status} != 200;

    my @records = map { $codec->decode($_) } $row->{queue}->all;
    $row->{queue}->taken($events);
    for my $r (@records) {
        $r->{delivery} = $r->{delivery} =~ /^[0-9a-f]{32}$/ ? 'an id' : 'none';
        $r->{received_at} = $r->{received_at} =~ /^\d{13}$/ ? 'a time' : 'none';
        $_ = "$_" for grep { defined } @$r{qw(v n of time)};
    }
    return $codec->encode(\@records);
}

1;
