# The GET handshake: who knows the token gets the challenge, everybody else 403.

use strict;
use warnings;

use Test::More;

use Test::Meta;

# as many bytes come back
verb long_challenge => sub {
    my ($t, $n) = @_;
    my $text = join q(), map { chr(97 + $_ % 26) } 1 .. $n;
    $t->run(get => "/hook?hub.mode=subscribe&hub.challenge=$text"
        . "&hub.verify_token=$Test::Meta::TOKEN");
    is $t->{last}{status}, 200;
    is $t->{last}{body}, $text, "$n bytes";
};

# NAME: lines end with CR LF, but for the last, which does not end
config_verb dos_file => sub {
    my ($t, $name, $text) = @_;
    $t->run(file => $name, $text =~ s/\n\z//r =~ s/\n/\r\n/gr);
};

run_blocks();

__DATA__

=== a known token gets the challenge and nothing else
--- get: /hook?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=$TOKEN
--- status: 200
--- answer: 1158201444
--- headers
Content-Type: text/plain
Content-Length: 10
X-Content-Type-Options: nosniff
Cache-Control: no-store
--- meta_log: ^200 challenge

=== the order of the parameters does not matter, strangers among them neither
--- get: /hook?x=1&hub.verify_token=$TOKEN&hub.challenge=abc&hub.mode=subscribe&y
--- status: 200
--- answer: abc

=== HEAD: the same headers, no body
--- request: HEAD /hook?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=$TOKEN
--- status: 200
--- answer:
--- headers
Content-Type: text/plain
Content-Length: 10
X-Content-Type-Options: nosniff
Cache-Control: no-store

=== over HTTP/2
--- get: /hook?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=$TOKEN h2
--- status: 200
--- answer: 1158201444
--- headers
X-Content-Type-Options: nosniff
Cache-Control: no-store

=== the challenge is percent-decoded
--- get: /hook?hub.mode=subscribe&hub.challenge=a%2Bb%20%3Cc%3e%26d%3D%C3%A4&hub.verify_token=$TOKEN
--- status: 200
--- answer_like: ^a\+b <c>&d=\xc3\xa4\z

=== the token is percent-decoded before it is compared
--- token
s3cr3t+plus/and&more=
--- get: /hook?hub.mode=subscribe&hub.challenge=yes&hub.verify_token=s3cr3t%2Bplus%2fand%26more%3D
--- status: 200
--- answer: yes

=== names may be percent-encoded too
--- get: /hook?hub%2Emode=subscribe&hub%2echallenge=yes&%68ub.verify_token=$TOKEN
--- status: 200
--- answer: yes
--- access_log: GET /hook\?hub%2Emode=subscribe&hub%2echallenge=yes&%68ub\.verify_token=\*+ HTTP

=== a wrong token, one that is a prefix, one that is longer: 403
--- get: /hook?hub.mode=subscribe&hub.challenge=abc&hub.verify_token=wrong-token-of-somebody
--- status: 403
--- headers
Cache-Control: no-store
--- meta_log: ^403 bad_token
--- get: /hook?hub.mode=subscribe&hub.challenge=abc&hub.verify_token=verify-token-of-this-tes
--- status: 403
--- get: /hook?hub.mode=subscribe&hub.challenge=abc&hub.verify_token=verify-token-of-this-test2
--- status: 403
--- get: /hook?hub.mode=subscribe&hub.challenge=abc&hub.verify_token=Verify-token-of-this-test
--- status: 403

=== what is missing, empty or odd: 403
--- get: /hook
--- status: 403
--- headers
Cache-Control: no-store
--- get: /hook?
--- status: 403
--- get: /hook?hub.challenge=abc&hub.verify_token=$TOKEN
--- status: 403
--- get: /hook?hub.mode=subscribe&hub.verify_token=$TOKEN
--- status: 403
--- get: /hook?hub.mode=subscribe&hub.challenge=abc
--- status: 403
--- get: /hook?hub.mode=subscribe&hub.challenge=&hub.verify_token=$TOKEN
--- status: 403
--- get: /hook?hub.mode=subscribe&hub.challenge=abc&hub.verify_token=
--- status: 403
--- get: /hook?hub.mode=unsubscribe&hub.challenge=abc&hub.verify_token=$TOKEN
--- status: 403
--- get: /hook?hub_mode=subscribe&hub_challenge=abc&hub.verify_token=$TOKEN
--- status: 403
--- request: HEAD /hook?hub.mode=subscribe&hub.challenge=abc&hub.verify_token=wrong-token-of-somebody
--- status: 403
--- answer:

=== a parameter that stands there twice is refused
--- get: /hook?hub.mode=subscribe&hub.challenge=abc&hub.verify_token=wrong-token-of-somebody&hub.verify_token=$TOKEN
--- status: 403

=== a faulty percent escape is refused
--- get: /hook?hub.mode=subscribe&hub.challenge=a%2&hub.verify_token=$TOKEN
--- status: 403
--- get: /hook?hub.mode=subscribe&hub.challenge=a%zz&hub.verify_token=$TOKEN
--- status: 403

=== several tokens in a file, empty lines and blanks around them
--- token
first-token-here

  second-token-here	
third-token-here
--- get: /hook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=first-token-here
--- status: 200
--- get: /hook?hub.mode=subscribe&hub.challenge=2&hub.verify_token=second-token-here
--- status: 200
--- get: /hook?hub.mode=subscribe&hub.challenge=3&hub.verify_token=third-token-here
--- status: 200
--- get: /hook?hub.mode=subscribe&hub.challenge=4&hub.verify_token=first-token-here%0Asecond-token-here
--- status: 403

=== several files, a last line without its newline, lines with CR LF
--- dos_file: token2
another-file-token
other-file-token
--- env
META_T_VERIFY=environment-token
--- http
meta_verify_token_file $DIR/token $DIR/token2 env:META_T_VERIFY;
--- get: /hook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=$TOKEN
--- status: 200
--- get: /hook?hub.mode=subscribe&hub.challenge=2&hub.verify_token=other-file-token
--- status: 200
--- get: /hook?hub.mode=subscribe&hub.challenge=3&hub.verify_token=environment-token
--- status: 200

=== no token in force: nobody passes
--- bare
--- http
meta_redis $REDIS;
meta_app_secret_file $DIR/secret;
--- get: /hook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=$TOKEN
--- status: 403
--- get: /hook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=
--- status: 403

=== the handshake needs neither Redis nor a secret
--- redis: down
--- bare
--- http
meta_redis $REDIS;
meta_verify_token_file $DIR/token;
--- get: /hook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=$TOKEN
--- status: 200
--- answer: 1

=== a GET with a body is answered all the same, the next request is not hurt
--- raw: a
GET /hook?hub.mode=subscribe&hub.challenge=one&hub.verify_token=$TOKEN HTTP/1.1
Host: meta.test
Content-Length: 5

body!GET /hook?hub.mode=subscribe&hub.challenge=two&hub.verify_token=$TOKEN HTTP/1.1
Host: meta.test
Connection: close

--- recv: a
--- status: 200
--- answer: one
--- recv: a
--- status: 200
--- answer: two
--- is_closed: a

=== a challenge of 4 KB comes back whole
--- http
large_client_header_buffers 4 32k;
--- long_challenge: 4096
