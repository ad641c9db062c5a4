# Media are files before a handler is called: whole, what the sender sent, and
# asked of nobody but Meta.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Digest::SHA qw(sha256_base64 sha256_hex);
use JSON::PP qw(encode_json);
use Test::More;

use Handler;
use MediaHost;
use Rig qw(whatsapp messenger $PHONE $PAGE $Q);
use Test::Meta::Util qw(slurp spew wait_for);

my $secret = "handlers-secret-$$";
my $picture = join '', map { chr } 0 .. 255;
my ($graph, $sum) = ('', sha256_hex($picture));

# an id of Graph's, and then what its URL has
my %urls = (
    1002 => sub { {sha256 => sha256_hex('another')} },
    1003 => sub { {url => "$graph/dl/1003-$_[0]"} },
    1004 => sub { {url => 'https://cdn.evil.example/dl/1004'} },
    1014 => sub { {url => $graph =~ s{//}{//127.0.0.1\@}r . '/dl/1004'} },
    1024 => sub { {url => "https://lookaside.fbsbx.com.evil.example/dl/1004"} },
    1006 => sub { {file_size => 5000} },
);

sub answer {
    my ($path, $nth) = @_;
    if ($path =~ m{^/v24\.0/(\d+)\?phone_number_id=$PHONE$}) {
        return (400, encode_json({error => {code => 100, error_subcode => 33,
            type => 'GraphMethodException', message => 'Unsupported get request.'}})) if $1 == 1011;
        return (200, encode_json({messaging_product => 'whatsapp', id => $1, file_size => 256,
            url => "$graph/dl/$1", sha256 => $sum, mime_type => 'image/png',
            $urls{$1} ? %{$urls{$1}->($nth)} : ()}));
    }
    return $path =~ m{^/dl/1003-1$} ? (404, 'gone')
        : $path eq '/dl/1005' ? (302, '', {Location => "$graph/dl/1001"})
        : $path eq '/dl/1029' ? (200, $picture, {'Content-Type' => 'Image/JPEG; q=1'})
        : $path eq '/dl/1007' ? (200, 'x' x 5000)
        : $path eq '/dl/1010' && $nth == 1 ? (503, 'later')
        : $path =~ m{^/dl/slow} ? (200, [substr($picture, 0, 100), substr($picture, 100)])
        : (200, $picture);
}

my $rig = Rig->new;
my $host = MediaHost->new(dir => $rig->dir, answer => \&answer);
$graph = $host->url;
$host->start;
my $handler = Handler->new(dir => $rig->dir, secret => $secret, answer => sub {
    my ($request) = @_;
    return ($request->{view}{text} // '') eq 'twice' && $request->{view}{attempt} == 1
        ? (503, '', {'Retry-After' => 1}) : (204, '');
})->start;
spew($rig->file('secret'), "$secret\n");
my $dir = $rig->file('saved');
mkdir $dir;
my $conf = $rig->conf(rules => <<"END", more => <<"END2");
rules:
  - when: {kind: message}
    do: [{call: {handler: shop}}]
    media: {save: $dir, max: 4k}
END
handlers: [{name: shop, url: "@{[$handler->url]}", secret_file: @{[$rig->file('secret')]}}]
apps: [{id: "1111111111", secret_file: @{[$rig->file('secret')]}}]
END2
$conf =~ s/base_url: "[^"]+"/base_url: "$graph"/;
my $consumer = $rig->consumer(conf => $conf);

# a picture of that id; sum: what the webhook says of it
sub image {
    my ($id, %arg) = @_;
    return whatsapp(id => "wamid.$id", user => $arg{user} // '27820000001', message => {
        type => 'image', image => {id => "$id", mime_type => 'image/png; x=y',
            sha256 => sha256_base64($picture) . '=', caption => $arg{text} // "../../$id.png"}});
}

sub view_of {
    my ($id) = @_;
    my ($request) = reverse grep { $_->{headers}{'meta-id'} eq $id } $handler->requests;
    return $request && $request->{view};
}

sub file_of {
    my ($record, $id) = @_;
    $rig->push($record);
    $rig->settle;
    return (view_of($id) // {media => []})->{media}[0]{file};
}

sub files { my @files = glob "$dir/* $dir/.*.part"; return scalar @files }
sub asked { my ($path) = @_; return [map { $_->[1] } grep { $_->[0] eq $path } $host->asked] }

my $bearer = 'Bearer ' . $rig->token('whatsapp');


my $file = file_of(image(1001), 'wamid.1001');
like $file, qr{^\Q$dir\E/[0-9a-f]{32}\.png$}, 'a name of our own, and what type it is';
is slurp($file), $picture, 'byte for byte';
is +(stat $file)[2] & 07777, 0600, 'for nobody else';
is_deeply asked("/v24.0/1001?phone_number_id=$PHONE"), [$bearer], 'Graph is asked where it is';
is_deeply asked('/dl/1001'), [$bearer], '... with the same token as the URL';

is file_of(image(1002), 'wamid.1002'), undef, 'another sum than Graph says: no file';
is scalar @{asked('/dl/1002')}, 2, 'it was asked once more';
is file_of(image(1012) =~ s/\Q@{[sha256_base64($picture)]}\E/'A' x 43/er, 'wamid.1012'), undef,
    'nor one that differs from the webhook';

is slurp(file_of(image(1003), 'wamid.1003') // '/dev/null'), $picture,
    'a URL that is too old: another one is asked for';
is scalar @{asked("/v24.0/1003?phone_number_id=$PHONE")}, 2, '... once';

is file_of(image($_), "wamid.$_"), undef, 'no host of Meta\'s' for 1004, 1014, 1024;
is_deeply asked('/dl/1004'), [], '... is asked for anything';
is file_of(image(1005), 'wamid.1005'), undef, 'a redirect';
is scalar @{asked('/dl/1001')}, 1, '... is not followed';
is file_of(image(1006), 'wamid.1006'), undef, 'too large, as Graph says';
is_deeply asked('/dl/1006'), [], '... is not begun';
is file_of(image(1007), 'wamid.1007'), undef, 'too large, without a word';
is file_of(image(1011), 'wamid.1011'), undef, 'one that Graph does not know';

$file = file_of(messenger(id => 'm_1', message => {text => undef, attachments => [
    {type => 'image', payload => {url => "$graph/dl/1009"}},
    {type => 'image', payload => {url => 'https://evil.example/dl/1009'}},
    {type => 'fallback', url => "$graph/dl/1019", payload => undef}]}), 'm_1');
is slurp($file // '/dev/null'), $picture, "Messenger's come by their URL";
like $file, qr{^\Q$dir\E/[0-9a-f]{32}\.image$}, '... called by their kind,';
is_deeply asked('/dl/1009'), [''], '... without a token';
is view_of('m_1')->{media}[1]{file}, undef, 'the other one of them is none of Meta\'s';
is view_of('m_1')->{media}[2]{url}, "$graph/dl/1019", 'a link that somebody shared';
is_deeply asked('/dl/1019'), [], '... is nothing to be fetched, wherever it goes';

$rig->push(image(1010), image(1008, text => 'twice', user => '27820000002'),
    messenger(id => 'm_2', user => '7290000000000002', message => {text => 'twice',
        attachments => [{type => 'image', payload => {url => "$graph/dl/1029"}}]}));
ok +(wait_for { $rig->retry == 3 } 10), 'what fails for now waits';
is view_of('wamid.1010'), undef, '... before the handler is called';
$rig->settle;
is slurp(view_of('wamid.1010')->{media}[0]{file} // '/dev/null'), $picture, 'and is there then';
is view_of('wamid.1008')->{attempt}, 2, 'who is called a second time';
is slurp(view_of('wamid.1008')->{media}[0]{file} // '/dev/null'), $picture, '... has it as well';
is scalar @{asked('/dl/1008')}, 1, '... and it was fetched once';
$file = view_of('m_2')->{media}[0]{file} // '/dev/null';
like $file, qr{^\Q$dir\E/[0-9a-f]{32}\.jpg$}, 'one is called by the type that the answer names';
is slurp($file), $picture, '... and is whole';
is scalar @{asked('/dl/1029')}, 1, '... and is found again by that name';

# more than are fetched at once, of as many people
$host->hold;
$urls{$_} = do { my $id = $_; sub { {url => "$graph/dl/slow$id"} } } for 2001 .. 2024;
$host->signal('KILL');
$host->wait_exit;
$host->start;
my $before = files();
$rig->push(map { image($_, user => "2782000$_") } 2001 .. 2024);
ok +(wait_for { grep { $_->[0] =~ /slow/ } $host->asked } 10), 'downloads that take their time';
$rig->push(whatsapp(id => 'wamid.text', user => '27820009999', text => 'a text'));
ok +(wait_for { view_of('wamid.text') } 10), 'hold up nobody else';
is +(grep { view_of("wamid.$_") } 2001 .. 2024), 0, '... while they are under way';

$consumer->signal('KILL');
$consumer->wait_exit;
cmp_ok files(), '>', $before, 'who dies in the middle leaves parts';
$rig->expire;
$rig->consumer(conf => $conf);
$host->release;
$rig->settle(30);
is +(grep { slurp(view_of("wamid.$_")->{media}[0]{file} // '/dev/null') eq $picture } 2001 .. 2024),
    24, 'and who comes after makes them whole';
is scalar(() = glob "$dir/.*.part"), 0, 'no part is left';

unlike $rig->logs, qr{dl/|$dir|\.png}, 'no URL and no file in the log';
$rig->finish(secrets => [$secret]);
is $handler->stop, 'signal 15', 'the handler ran to the end';
$host->stop;
done_testing;
