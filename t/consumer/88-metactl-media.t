# metactl media: what WhatsApp gets, and what stays here.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Digest::SHA qw(sha256_hex);
use JSON::PP qw(decode_json);
use Test::More;

use Ctl;
use Test::Meta::Graph;
use Test::Meta::Util qw(slurp spew);

my ($NUMBER, $WABA) = qw(106540352242922 102290129340398);
my $NUMBER_TOKEN = "EAAnumber${$}SECRETTOKEN0003";

my $ctl = Ctl->new;
my $graph = Test::Meta::Graph->new(dir => $ctl->{dir},
    args => ['--token', "whatsapp:$NUMBER\@$WABA:$NUMBER_TOKEN"])->start;
spew($ctl->file('number'), "$NUMBER_TOKEN\n");
chmod 0600, $ctl->file('number');

my $file = $ctl->conf;
my $tokens = qq([{kind: whatsapp, id: "$NUMBER", waba: "$WABA", file: )
    . $ctl->file('number') . '}]';
my $conf = slurp($file) =~ s/tokens: \[.*\]/tokens: $tokens/r;
spew($file, $conf . 'graph: {version: v24.0, base_url: "' . $graph->url . "\"}\n");

sub calls { return scalar(() = $graph->calls) }

my $bytes = "\x89PNG\r\n\x1a\n--boundary\r\n" . join '', map { chr } 0 .. 255;
spew($ctl->file('a.png'), $bytes);
my $id;

subtest 'upload' => sub {
    my ($code, $out, $err) = $ctl->run('media', 'upload', $ctl->file('a.png'));
    is $code, 0, 'it is there';
    ($id) = $out =~ /^id: (\d+)$/ or diag "$out$err";
    my ($call) = $graph->calls;
    is "$call->{method} $call->{path}", "POST /v24.0/$NUMBER/media", 'where';
    my ($type, $name) = ($call->{headers}{'Content-Type'}, $call->{body});
    like $type, qr{^multipart/form-data; boundary=[0-9a-f]{32}$}, 'as a form';
    is $call->{body}{messaging_product}, 'whatsapp', 'with the product';
    is $call->{body}{type}, 'image/png', 'and the type';
    my $json = $ctl->json('graph', 'media.show', "media=$id");
    is $json->{answer}{sha256}, sha256_hex($bytes), 'byte for byte';
};

subtest 'get' => sub {
    my $to = $ctl->file('b.png');
    my ($code, $out) = $ctl->run('media', 'get', $id, $to);
    is "$code $out", "0 $to: " . length($bytes) . " bytes\n", 'it comes';
    is slurp($to), $bytes, 'byte for byte';
    is +(stat $to)[2] & 0777, 0600, 'for nobody else';
    is +($ctl->run('media', 'get', $id, $to))[0], 2, 'over no file';
    ($code, $out, my $err) = $ctl->run('media', 'get', '12', "$to.2");
    is $code, 1, 'what is not there';
    like $err, qr{Meta refuses it: code 100/33}, 'as Meta says';
    ok !-e "$to.2", 'leaves no file';
};

subtest 'what stays here' => sub {
    my $before = calls();
    spew($ctl->file('big.jpg'), 'x' x (5 * 1024 * 1024 + 1));
    spew($ctl->file('empty.pdf'), '');
    spew($ctl->file('what.bin'), 'x');
    is +($ctl->run('media', 'upload', $ctl->file('big.jpg')))[0], 1, 'too large for its type';
    is +($ctl->run('media', 'upload', $ctl->file('empty.pdf')))[0], 1, 'empty';
    is +($ctl->run('media', 'upload', $ctl->file('what.bin')))[0], 2, 'no known type';
    is +($ctl->run('media', 'upload', $ctl->file('none.png')))[0], 4, 'not there';
    is +($ctl->run('media', 'upload', $ctl->file('what.bin'), '--type', "a/b\r\nX: y"))[0], 2,
        'a type that is none';
    like +($ctl->run('media', 'upload', $ctl->file('what.bin'), '--type', 'text/plain',
        '--dry-run'))[1], qr{^not sent: POST $NUMBER/media, 1 bytes of text/plain$}, 'a dry run';
    is +($ctl->run('media', 'delete', '../x'))[0], 2, 'an id that is none';
    is calls(), $before, 'Meta heard of nothing';
};

subtest 'delete' => sub {
    is +($ctl->run('media', 'delete', $id))[0], 0, 'it is gone';
    my ($code, undef, $err) = $ctl->run('media', 'delete', $id);
    is $code, 1, 'and cannot go twice';
    like $err, qr{Meta refuses it: code 100/33}, 'as Meta says';
};

$graph->stop;
$ctl->finish;
done_testing;
