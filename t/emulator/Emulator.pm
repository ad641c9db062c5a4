package Emulator;

# What the tests of the emulator share: one of it with three tokens, and calls.

use strict;
use warnings;

use Exporter qw(import);
use HTTP::Tiny;
use Mojo::JSON qw(decode_json encode_json);

use Test::Meta::Graph;
use Test::Meta::Util qw(temp_dir);

our @EXPORT_OK = qw(emulator call control $PHONE $WABA $PAGE $SECRET %TOKEN);

our ($PHONE, $WABA, $PAGE) = qw(106540352242922 102290129340398 118734502290164);
our $SECRET = 's3cr3t-demo-key';
our %TOKEN = (whatsapp => 'EAAwhatsapp', page => 'EAApage', user => 'EAAuser');

my $http = HTTP::Tiny->new(timeout => 20, keep_alive => 0);


sub emulator {
    my (@args) = @_;
    my $dir = temp_dir();
    my $graph = Test::Meta::Graph->new(dir => $dir, args => [
        '--app', "1234567890:$SECRET",
        '--token', "whatsapp:$PHONE\@$WABA:$TOKEN{whatsapp}:wa",
        '--token', "page:$PAGE:$TOKEN{page}:page",
        '--token', "user:700000000000001:$TOKEN{user}:user", @args]);
    return $graph->start;
}


# status, headers, decoded body (or text) of a call; body: JSON data or bytes
sub call {
    my ($graph, $method, $path, $token, $body, %headers) = @_;
    $headers{authorization} = "Bearer $token" if defined $token;
    $headers{'content-type'} //= 'application/json' if defined $body;
    my $answer = $http->request($method, $graph->url . $path, {
        headers => \%headers,
        (defined $body ? (content => ref $body ? encode_json($body) : $body)
            : ()),
    });
    my $data = eval { decode_json($answer->{content}) } // $answer->{content};
    return ($answer->{status}, $answer->{headers}, $data);
}


sub control {
    my ($graph, $method, $name, $data) = @_;
    my ($status, undef, $body) = call($graph, $method, "/_emulator/$name",
        undef, $data);
    return wantarray ? ($status, $body) : $body;
}


1;
