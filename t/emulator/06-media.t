# WhatsApp media: upload, its URL, download with the token, expiry, delete, and
# ids that a message may not name.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use Digest::SHA qw(sha256_hex);
use Emulator qw(call control emulator $PHONE $WABA %TOKEN);
use Mojo::JSON;
use Test::More;

my $OTHER = '209876543210987';
my $graph = emulator('--token', "whatsapp:$OTHER\@$WABA:EAAother:other");
my $png = "\x89PNG\r\n" . join '', map { chr } 0 .. 255;


sub upload {
    my ($type, $bytes, %field) = @_;
    my $file = delete $field{no_file} ? '' : "--B\r\nContent-Disposition: form-data;"
        . " name=\"file\"; filename=\"a\"\r\nContent-Type: $type\r\n\r\n$bytes\r\n";
    %field = (messaging_product => 'whatsapp', %field);
    my $fields = join '', map { "--B\r\nContent-Disposition: form-data; name=\"$_\""
        . "\r\n\r\n$field{$_}\r\n" } sort keys %field;
    return call($graph, 'POST', "/v24.0/$PHONE/media", $TOKEN{whatsapp},
        "$fields$file--B--\r\n", 'content-type' => 'multipart/form-data; boundary=B');
}


sub wa { return call($graph, shift, '/v24.0/' . shift, $TOKEN{whatsapp}, @_) }


sub send_media {
    my ($type, $id) = @_;
    return (wa('POST', "$PHONE/messages", {messaging_product => 'whatsapp', type => $type,
        to => '+27820000001', $type => {id => $id}}))[2]{error}{code};
}


subtest 'up, asked for, down, away' => sub {
    my ($status, undef, $data) = upload('image/png', $png);
    is($status, 200, 'uploaded') or diag explain $data;
    my $id = $data->{id};
    my $logged = ($graph->calls)[-1]{body}{file};
    is_deeply($logged, {filename => 'a', type => 'image/png', size => length $png},
        'the log names the file');
    is(send_media(image => $id), undef, 'a message may name it');
    is(send_media(audio => $id), 131053, 'not as what it is not');

    (undef, undef, $data) = wa('GET', "$id?phone_number_id=$PHONE");
    is_deeply([@{$data}{qw(id mime_type sha256 file_size messaging_product)}],
        [$id, 'image/png', sha256_hex($png), length $png, 'whatsapp'], 'what it is');
    is((wa('GET', "$id?phone_number_id=$OTHER"))[2]{error}{error_subcode}, 33,
        'not of another number');
    my ($path) = $data->{url} =~ m{^http://127\.0\.0\.1:\d+(/.+)} or diag explain $data;
    my ($s, $h, $bytes) = call($graph, 'GET', $path, $TOKEN{whatsapp});
    is_deeply([$s, $h->{'content-type'}, $bytes], [200, 'image/png', $png], 'its bytes');
    is((call($graph, 'GET', $path))[0], 400, 'not without the token');
    is((call($graph, 'GET', $path, $TOKEN{page}))[0], 404, "nor with another's");
    is((call($graph, 'GET', $path =~ s/hash=./hash=x/r, $TOKEN{whatsapp}))[0], 404,
        'nor with a made up URL');
    control($graph, POST => 'clock', {ahead => 301});
    is((call($graph, 'GET', $path, $TOKEN{whatsapp}))[0], 404, 'nor after five minutes');

    is_deeply((wa('DELETE', $id))[2], {success => Mojo::JSON->true}, 'deleted');
    is((wa('GET', $id))[2]{error}{code}, 100, 'gone');
    is(send_media(image => $id), 131009, 'for messages too');
    is(send_media(image => '1187'), undef, 'one that was never here is not doubted');
};

subtest 'thirty days' => sub {
    my $id = (upload('image/jpeg', 'x'))[2]{id};
    control($graph, POST => 'clock', {ahead => 31 * 86400});
    is((wa('GET', $id))[2]{error}{code}, 100, 'and it is gone');
    is(send_media(image => $id), 131009, 'for messages too');
};

my @bad = (
    ['a type that WhatsApp has not', ['image/bmp', 'x'], 100],
    ['an image of 5 MB and a byte', ['image/png', 'x' x (5 * 1024 * 1024 + 1)], 131053],
    ['nothing', ['image/png', ''], 131053],
    ['no file', ['', '', no_file => 1], 100],
    ['another product', ['image/png', 'x', messaging_product => 'x'], 100],
);
for my $case (@bad) {
    my ($name, $args, $code) = @$case;
    is((upload(@$args))[2]{error}{code}, $code, $name);
}

subtest 'strict: only what was uploaded' => sub {
    $graph = emulator('--strict');
    is(send_media(image => '1187'), 131009, 'an unknown id');
};

done_testing();
