# WhatsApp media: upload, its URL for five minutes, download, delete; and where
# Messenger's and Instagram's attachments are fetched without a token.
#
# Calls and lifetimes: reference meta-webhooks 7.4; sizes and types: 7.1 (which
# audio types is general knowledge); errors: 10.4.
package GraphEmulator::WhatsApp::Media;
use Mojo::Base -strict, -signatures;

use Digest::SHA qw(hmac_sha256_hex sha256 sha256_hex);
use Exporter 'import';
use GraphEmulator::Error qw(fail);
use GraphEmulator::Route qw(route);
use GraphEmulator::WhatsApp::Check qw(current later $check $ID $LINK);
use Mojo::Util qw(b64_encode);

our @EXPORT_OK = qw(media);

use constant { KB => 1024, MB => 1024 * 1024, KEPT => 30 * 86400,
    OF_WEBHOOK => 7 * 86400, URL => 300 };

# What is sent as what: bytes at most, and its types.
my %FIT = (
    image   => [ 5 * MB,    qr{\Aimage/(?:jpeg|png)\z} ],
    video   => [ 16 * MB,   qr{\Avideo/(?:mp4|3gpp?)\z} ],
    audio   => [ 16 * MB,
        qr{\Aaudio/(?:aac|amr|mpeg|mp4|ogg|opus)(?:;.*)?\z} ],
    sticker => [ 500 * KB,  qr{\Aimage/webp\z} ],
    document => [ 100 * MB, qr{\A(?:text|application)/[\w.+-]+(?:;.*)?\z
        |\A(?:image/(?:jpeg|png)|video/(?:mp4|3gpp?))\z}x ],
);


# The member of a message that holds media: id or link, and what goes with it.
sub media ($media, $name, $caption = 0) {
    my $which = $check->only_one($media, $name, qw(id link));
    my $value = $check->text($media, "$name.$which",
        like => $which eq 'id' ? $ID : $LINK);
    $check->invalid->("$name.caption", 'is not allowed here')
        if defined $media->{caption} && !$caption;
    $check->text($media, "$name.caption", max => $caption, optional => 1);
    $check->text($media, "$name.filename", optional => 1);
    _fits($name, $value) if $which eq 'id';
    return;
}


# An id that is gone, another's, or of a file that is sent as something else.
sub _fits ($name, $id) {
    my $call = current();
    my $store = $call->{emulator}->store;
    my $thing = $store->get($id, 'media');
    if (!$thing) {
        $check->invalid->("$name.id", "$id is no media of this number")
            if $call->{emulator}->strict || $store->was($id);
        return;
    }
    $check->invalid->("$name.id", "$id is no media of this number")
        if !exists $call->{known}{node}{ $thing->{owner} };
    my ($most, $types) = @{ $FIT{$name} // return };
    later(131053, 'Media upload error', "$thing->{mime} is not supported as"
            . " $name.") if $thing->{mime} !~ $types;
    later(131053, 'Media upload error', "$thing->{size} bytes, the limit of"
            . " $name is $most.") if $thing->{size} > $most;
    return;
}


# Keeps bytes as Meta would: those of an upload, or of a delivered message.
sub keep ($class, $emulator, $owner, $mime, $bytes, %more) {
    return $emulator->store->add('media', $owner, mime => $mime,
        bytes => $bytes, size => length $bytes, sha256 => sha256_hex($bytes),
        expires => $emulator->store->now + KEPT, %more);
}


# What a webhook says of media: its sha256 is base64 there (7.4).
sub of_webhook ($class, $emulator, $owner, $mime, $bytes) {
    my $media = $class->keep($emulator, $owner, $mime, $bytes,
        expires => $emulator->store->now + OF_WEBHOOK);
    return ($media->{id}, b64_encode(sha256($bytes), ''));
}


sub _upload ($call) {
    my $params = $call->{params};
    fail(code => 100,
        message => '(#100) The parameter messaging_product is required.')
        if ($params->{messaging_product} // '') ne 'whatsapp';
    my $file = $call->{req}->upload('file')
        or fail(code => 100, message => '(#100) Invalid parameter',
            details => 'The parameter file is required.');
    my $mime = $params->{type} // $file->headers->content_type // '';
    my ($fit) = grep { $mime =~ $FIT{$_}[1] }
        qw(image video audio sticker document);
    fail(code => 100, message => '(#100) Param file must be a file with one of'
            . " the supported types. Received file of type '$mime'.") if !$fit;
    fail(code => 131053, message => '(#131053) Media upload error',
        details => $file->size . " bytes, the limit of $fit is $FIT{$fit}[0].")
        if $file->size > $FIT{$fit}[0] || $file->size == 0;
    my $media = __PACKAGE__->keep($call->{emulator}, $call->{node}, $mime,
        $file->asset->slurp);
    return ({ id => $media->{id} }, 0);
}


# The parameter phone_number_id is a check of whose it is.
sub _own ($call) {
    my $number = $call->{params}{phone_number_id};
    GraphEmulator::Route::unsupported($call->{method}, $call->{node})
        if defined $number && $number ne $call->{thing}{owner};
    return $call->{thing};
}


# Signed, so that nobody makes up an id or a longer life.
sub _signature ($emulator, $id, $until) {
    return substr hmac_sha256_hex("$id $until", 'media of ' . $emulator->secret),
        0, 32;
}


sub base ($class, $call) {
    my $host = $call->{req}->headers->host;
    return defined $host && $host =~ /\A[\w.:\[\]-]+\z/ ? "http://$host" : '';
}


sub _get ($call) {
    my $media = _own($call);
    my $until = int($call->{emulator}->store->now) + URL;
    return ({
        messaging_product => 'whatsapp', id => $media->{id},
        mime_type => $media->{mime}, sha256 => $media->{sha256},
        file_size => $media->{size}, url => __PACKAGE__->base($call)
            . "/whatsapp_business/attachments/?mid=$media->{id}&ext=$until"
            . '&hash=' . _signature($call->{emulator}, $media->{id}, $until),
    }, 0);
}


sub _delete ($call) {
    $call->{emulator}->store->remove(_own($call)->{id});
    return ({ success => \1 }, 0);
}


# GET of the URL that _get gave out; 404 when it is over (7.4).
sub download ($class, $call) {
    my $emulator = $call->{emulator};
    my ($id, $until, $hash) = map { $call->{params}{$_} // '' } qw(mid ext hash);
    my $media = $emulator->store->get($id, 'media');
    fail(code => 100, subcode => 33, status => 404, type =>
            'GraphMethodException', message => 'The media is not there, or its'
            . ' URL has expired.')
        if !$media || $until !~ /\A\d{1,12}\z/
        || $until <= $emulator->store->now
        || $hash ne _signature($emulator, $id, $until)
        || !exists $call->{known}{node}{ $media->{owner} };
    $call->{bytes} = [ $media->{mime}, $media->{bytes} ];
    return ({}, 0);
}


# Attachments of Messenger and Instagram: an address that is its own secret.
sub cdn_path ($class, $emulator, $media) {
    return "/emulator_cdn/$media->{id}_"
        . substr(_signature($emulator, $media->{id}, 0), 0, 16);
}


sub cdn ($class, $call) {
    my ($id) = $call->{rest} =~ m{/(\d+)_\w{16}\z};
    my $media = $call->{emulator}->store->get($id, 'media');
    fail(code => 100, subcode => 33, status => 404, message => 'Not there.')
        if !$media
        || $call->{rest} ne $class->cdn_path($call->{emulator}, $media);
    $call->{bytes} = [ $media->{mime}, $media->{bytes} ];
    return ({}, 0);
}

route('POST', 'phone', 'media', \&_upload);
route('GET', 'media', '', \&_get);
route('DELETE', 'media', '', \&_delete);

1;
