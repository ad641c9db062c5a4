# However a request line is written or led to the webhook, no log shows what
# its query carries.

use strict;
use warnings;

use Test::More;

use Test::Meta;
use Test::Meta::Util qw(wait_for);

# URI WORD...: 403, logged, and no log has one of the words; error.log is seen
# to at the block's end
verb masked => sub {
    my ($t, $arg) = @_;
    my ($uri, @words) = split ' ', $arg;
    $t->learn(@words);
    my $lines = () = $t->log('access.log') =~ /\n/g;
    $t->run(get => $uri);
    is $t->{last}{status}, 403, "403 for $uri";
    ok &wait_for(sub {
        my $now = () = $t->log('access.log') =~ /\n/g; $now > $lines }),
        'it is logged';
    my $log = $t->log('access.log') . $t->log('meta.log');
    unlike $log, qr/\Q$_\E/, "$_ is not" for @words;
};

run_blocks();

__DATA__

=== try_files leads to the webhook without the arguments
--- server
location /try {
    try_files /nonexistent /hook;
}
--- get: /try?hub.mode=subscribe&hub.challenge=a&hub.verify_token=$TOKEN
--- status: 403
--- access_log: "GET /try\?hub\.mode=subscribe&hub\.challenge=a&hub\.verify_token=\*+ HTTP/1\.1" 403
--- masked: /try?code=try-code-value try-code-value

=== rewrite leads to the webhook without the arguments
--- log_level: info
--- server
rewrite ^/rw$ /hook? last;
--- get: /rw?hub.mode=subscribe&hub.challenge=a&hub.verify_token=$TOKEN
--- status: 403
--- access_log: "GET /rw\?hub\.mode=subscribe&hub\.challenge=a&hub\.verify_token=\*+ HTTP/1\.1" 403
--- post: /rw?code=rewrite-code-value
@whatsapp
--- status: 200

=== rewrite and error_page put other arguments in their place
--- log_level: info
--- server
rewrite ^/rw$ /hook?x=1? last;
location /missing {
    error_page 404 /hook?y=1;
    return 404;
}
--- masked: /rw?hub.verify_token=replaced-token-value replaced-token-value
--- masked: /missing?hub.verify_token=error-page-token-value error-page-token-value

=== a number sign ends the arguments, but not the request line
--- masked: /hook?#&hub.verify_token=behind-the-sign-1 behind-the-sign-1
--- masked: /hook#?hub.verify_token=behind-the-sign-2 behind-the-sign-2
--- masked: /hook?a=b#hub.verify_token=behind-the-sign-3 behind-the-sign-3
--- masked: /hook?hub.verify_token=before-sign-4#behind-sign-4 before-sign-4 behind-sign-4

=== other separators
--- masked: /hook?a=b?hub.verify_token=second-mark-value second-mark-value
--- masked: /hook?a=b;hub.verify_token=semicolon-value semicolon-value
--- masked: /hook?;hub.verify_token=semicolon-first semicolon-first
--- masked: /hook??hub.verify_token=two-marks-value two-marks-value
--- masked: /hook?&&hub.verify_token=two-ampersands two-ampersands

=== another spelling of the name
--- masked: /hook?Hub.Verify_Token=mixed-case-value mixed-case-value
--- masked: /hook?HUB.VERIFY_TOKEN=upper-case-value upper-case-value
--- masked: /hook?hub%2Everify%5ftoken=percent-case-value percent-case-value

=== a value with a separator in it: none of its parts
--- masked: /hook?hub.verify_token=left-of-mark?right-of-mark left-of-mark right-of-mark
--- masked: /hook?hub.verify_token=left-of-semi;right-of-semi left-of-semi right-of-semi
--- masked: /hook?hub.verify_token=left-of-equal=right-of-equal left-of-equal right-of-equal
--- masked: /hook?hub.verify_token=left-all?mid-all;right-all&x=seen left-all mid-all right-all
--- access_log: &x=seen HTTP

=== a path that is written in a roundabout way
--- masked: /a/../hook?hub.verify_token=roundabout-value roundabout-value
--- masked: //hook?hub.verify_token=two-slashes-value two-slashes-value
--- masked: /%68ook?hub.verify_token=percent-path-value percent-path-value

=== 413 by its Content-Length: masked in access.log (error.log has nginx's own line)
--- location
meta_webhook;
client_max_body_size 1000;
--- raw: a
POST /hook?hub.verify_token=too-large-token-value&x=seen HTTP/1.1
Host: meta.test
Content-Length: 1001
Connection: close
--- recv: a
--- status: 413
--- close: a
--- access_log: x=seen HTTP/1\.1" 413
--- no_access_log: too-large-token-value
--- meta_log: ^413 too_large
--- no_meta_log: too-large-token-value
