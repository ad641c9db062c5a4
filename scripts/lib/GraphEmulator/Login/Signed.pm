# signed_request: what Meta posts when somebody takes the app away, or wants what
# is known of him deleted.
#
# Source: reference meta-graph 4: a form of one field, <sig>.<payload>, both
# base64url, the signature over the payload as text.
package GraphEmulator::Login::Signed;
use Mojo::Base -strict, -signatures;

use Digest::SHA qw(hmac_sha256);
use Mojo::JSON qw(encode_json);
use Mojo::UserAgent;
use Mojo::Util qw(b64_encode);

use constant TIMEOUT => 10;

my %MEMBER = map { $_ => 1 } qw(url user payload raw secret instagram padded
    insecure);


sub _url64 ($bytes, $padded) {
    my $text = b64_encode($bytes, '') =~ tr{+/}{-_}r;
    return $padded ? $text : $text =~ s/=+\z//r;
}


# {user, payload: members beside or in place of Meta's (null takes one away),
# secret, instagram: true (that app's secret), padded} -> the text.
sub text ($class, $emulator, $spec) {
    my $login = $emulator->login;
    my $secret = $spec->{secret}
        // ($login->app($spec->{instagram} ? 'instagram' : 'facebook'))[1];
    my %payload = (algorithm => 'HMAC-SHA256', issued_at => $login->now,
        user_id => $spec->{user} // $login->user->{id}, %{ $spec->{payload} // {} });
    delete $payload{$_} for grep { !defined $payload{$_} } keys %payload;
    my $text = _url64(encode_json(\%payload), $spec->{padded});
    return _url64(hmac_sha256($text, $secret), $spec->{padded}) . ".$text";
}


# Posts it; $done gets {status, type, body}, or {error}.
sub post ($class, $url, $text, $insecure, $done) {
    my $ua = Mojo::UserAgent->new(max_redirects => 0, connect_timeout => 5,
        insecure => $insecure ? 1 : 0)->request_timeout(TIMEOUT);
    $ua->post($url => { 'User-Agent' => 'facebookexternalua' },
        form => { signed_request => $text } => sub ($ua_, $tx) {
            undef $ua;
            my $res = $tx->res;
            $done->(defined $res->code ? { status => $res->code, type =>
                $res->headers->content_type, body => $res->text }
                : { error => ($tx->error // {})->{message} // 'no answer' });
        });
    return;
}


# The control endpoint's: -> code that is called with where the answer goes.
sub serve ($class, $emulator, $spec) {
    die "an object with url\n" if ref $spec ne 'HASH';
    $MEMBER{$_} or die "unknown member \"$_\"\n" for sort keys %$spec;
    die "payload is an object\n"
        if defined $spec->{payload} && ref $spec->{payload} ne 'HASH';
    my $text = $spec->{raw} // $class->text($emulator, $spec);
    my $url = $spec->{url}
        // return sub ($answer) { $answer->({ ok => \1, signed_request => $text }) };
    die "url is http:// or https://\n" if $url !~ m{\Ahttps?://[^\s/]+}i;
    return sub ($answer) {
        $class->post($url, $text, $spec->{insecure}, sub ($said) {
            $answer->({ ok => ($said->{status} // 0) == 200 ? \1 : \0, %$said,
                signed_request => $text });
        });
    };
}


# Whoever took the app away: its callback is told, if there is one.
sub deauthorized ($class, $emulator, $user) {
    my $how = $emulator->login->how;
    return if !defined $how->{deauthorize};
    $class->post($how->{deauthorize},
        $class->text($emulator, { user => $user }), $how->{insecure}, sub { });
    return;
}

1;
