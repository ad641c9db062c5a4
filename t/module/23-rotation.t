# Secrets, tokens and passwords that change: new workers take the new ones at
# a reload, old workers finish with the old ones, and a faulty file changes
# nothing.

use strict;
use warnings;

use Test::More;

use Test::Meta;
use Test::Meta::Util qw(slurp spew);

# FROM TO: in nginx.conf, for the next reload
verb edit_conf => sub {
    my ($t, $arg) = @_;
    my ($from, $to) = split ' ', $arg;
    my $text = slurp("$t->{dir}/nginx.conf");
    ok $text =~ s/\Q$from\E/$to/, "$from becomes $to";
    spew("$t->{dir}/nginx.conf", $text);
};

# NAME: a file of the block is gone
verb remove => sub {
    my ($t, $name) = @_;
    ok unlink("$t->{dir}/$name"), "$name is removed";
};

# HUP, which nginx refuses for the reason
verb faulty_reload => sub {
    my ($t, $regex) = @_;
    $t->{nginx}->signal('HUP');
    $t->run(log => "\\[emerg\\] .*$regex");
};

run_blocks();

__DATA__

=== the secret: a delivery that was under way is judged by the old one
--- once
--- secret
old-secret-0123456789
--- post: /hook as=old half=20 sign=key:old-secret-0123456789
@whatsapp
--- post: /hook as=new half=20 sign=key:new-secret-9876543210
@whatsapp
--- wait_requests: 2
--- write: secret
new-secret-9876543210
--- reload
--- post: /hook sign=key:new-secret-9876543210
@whatsapp
--- status: 200
--- post: /hook sign=key:old-secret-0123456789
@whatsapp
--- status: 401
--- rest: old
--- recv: old
--- status: 200
--- rest: new
--- recv: new
--- status: 401
--- llen: meta:events 2
--- running: 1

=== rotation: both, then the new one alone; nobody is refused on the way
--- once
--- workers: 2
--- secret
old-secret-0123456789
--- post: /hook sign=key:old-secret-0123456789
@whatsapp
--- status: 200
--- write: secret
new-secret-9876543210
old-secret-0123456789
--- reload
--- post: /hook sign=key:old-secret-0123456789
@whatsapp
--- status: 200
--- post: /hook sign=key:new-secret-9876543210
@whatsapp
--- status: 200
--- post: /hook as=late half=1 sign=key:old-secret-0123456789
@whatsapp
--- wait_requests: 4
--- write: secret
new-secret-9876543210
--- reload
--- post: /hook sign=key:old-secret-0123456789
@whatsapp
--- status: 401
--- post: /hook sign=key:new-secret-9876543210
@whatsapp
--- status: 200
--- rest: late
--- recv: late
--- status: 200
--- llen: meta:events 5

=== the app beside a secret changes with it
--- once
--- secret
1111111111 app-secret-0123456789
--- post: /hook as=old half=20 sign=key:app-secret-0123456789
@whatsapp
--- wait_requests: 1
--- write: secret
2222222222 app-secret-0123456789
--- reload
--- post: /hook sign=key:app-secret-0123456789
@whatsapp
--- status: 200
--- meta_log: ^200 ok .* app=2222222222
--- rest: old
--- recv: old
--- status: 200
--- meta_log: ^200 ok .* app=1111111111

=== the verify token: a handshake that was under way gets the old one
--- once
--- token
old-verify-token
--- raw: old open
GET /hook?hub.mode=subscribe&hub.challenge=first&hub.verify_token=old-verify-token HTTP/1.1
Host: meta.test
--- raw: new open
GET /hook?hub.mode=subscribe&hub.challenge=first&hub.verify_token=new-verify-token HTTP/1.1
Host: meta.test
--- wait_requests: 2
--- write: token
new-verify-token
--- reload
--- get: /hook?hub.mode=subscribe&hub.challenge=second&hub.verify_token=new-verify-token
--- status: 200
--- answer: second
--- get: /hook?hub.mode=subscribe&hub.challenge=second&hub.verify_token=old-verify-token
--- status: 403
--- raw: old
--- recv: old
--- status: 200
--- answer: first
--- raw: new
--- recv: new
--- status: 403

=== from the environment: the same after a reload
--- once
--- env
META_TEST_SECRET=env-secret-0123456789
META_TEST_TOKEN=env-verify-token
--- location
meta_webhook;
meta_app_secret_file env:META_TEST_SECRET;
meta_verify_token_file env:META_TEST_TOKEN;
--- post: /hook as=old half=20 sign=key:env-secret-0123456789
@whatsapp
--- wait_requests: 1
--- reload
--- post: /hook sign=key:env-secret-0123456789
@whatsapp
--- status: 200
--- get: /hook?hub.mode=subscribe&hub.challenge=yes&hub.verify_token=env-verify-token
--- status: 200
--- rest: old
--- recv: old
--- status: 200

=== another variable, then a file instead of it
--- once
--- env
META_TEST_OLD=env-secret-0123456789
META_TEST_NEW=env-secret-9876543210
--- file: other_secret
file-secret-0123456789
--- location
meta_webhook;
meta_app_secret_file env:META_TEST_OLD;
--- post: /hook as=old half=20 sign=key:env-secret-0123456789
@whatsapp
--- wait_requests: 1
--- edit_conf: env:META_TEST_OLD env:META_TEST_NEW
--- reload
--- post: /hook sign=key:env-secret-9876543210
@whatsapp
--- status: 200
--- post: /hook sign=key:env-secret-0123456789
@whatsapp
--- status: 401
--- edit_conf: env:META_TEST_NEW other_secret
--- reload
--- post: /hook sign=key:file-secret-0123456789
@whatsapp
--- status: 200
--- rest: old
--- recv: old
--- status: 200
--- llen: meta:events 3

=== an empty secret file: the old configuration goes on, then the mended one
--- once
--- allow: \[emerg\] .*/secret
the reload that is refused
--- secret
old-secret-0123456789
--- post: /hook as=held half=20 sign=key:old-secret-0123456789
@whatsapp
--- wait_requests: 1
--- write: secret

--- faulty_reload: /secret
--- post: /hook sign=key:old-secret-0123456789
@whatsapp
--- status: 200
--- rest: held
--- recv: held
--- status: 200
--- write: secret
new-secret-9876543210
--- reload
--- post: /hook sign=key:new-secret-9876543210
@whatsapp
--- status: 200
--- post: /hook sign=key:old-secret-0123456789
@whatsapp
--- status: 401

=== a secret file that is gone
--- once
--- allow: \[emerg\] .*/secret
the reload that is refused
--- post: /hook
@whatsapp
--- status: 200
--- remove: secret
--- faulty_reload: /secret
--- load: 3
--- get: /hook?hub.mode=subscribe&hub.challenge=yes&hub.verify_token=$TOKEN
--- status: 200
--- running: 1

=== a secret file with a line that is none
--- once
--- allow: \[emerg\] .*/secret
the reload that is refused
--- post: /hook
@whatsapp
--- status: 200
--- write: secret
first-word-0123 second-word-0123 third-word-0123
--- faulty_reload: /secret
--- load: 3

=== an empty token file
--- once
--- allow: \[emerg\] .*/token
the reload that is refused
--- write: token

--- faulty_reload: /token
--- get: /hook?hub.mode=subscribe&hub.challenge=yes&hub.verify_token=$TOKEN
--- status: 200
--- load: 1

=== a variable that is not there
--- once
--- allow: \[emerg\] .*META_TEST_NONE
the reload that is refused
--- env
META_TEST_SOME=env-secret-0123456789
--- location
meta_webhook;
meta_app_secret_file env:META_TEST_SOME;
--- edit_conf: env:META_TEST_SOME env:META_TEST_NONE
--- faulty_reload: META_TEST_NONE
--- post: /hook sign=key:env-secret-0123456789
@whatsapp
--- status: 200

=== Redis' password: it has both while old workers are there
--- once
--- redis: tcp
requirepass old-password-0123
--- file: password
old-password-0123
--- location
meta_webhook;
meta_redis $REDIS password_file=$DIR/password;
--- post: /hook as=old half=20
@whatsapp
--- wait_requests: 1
--- clients: 1
--- redis_do: ACL SETUSER default >new-password-9876
--- write: password
new-password-9876
--- reload
--- post: /hook
@whatsapp
--- status: 200
--- rest: old
--- recv: old
--- status: 200
--- running: 1
--- redis_do: ACL SETUSER default <old-password-0123
--- load: 2
--- no_log: \[error\]

=== ... if it has not, who was under way is not acknowledged
--- once
--- redis: tcp
requirepass old-password-0123
--- file: password
old-password-0123
--- location
meta_webhook;
meta_redis $REDIS password_file=$DIR/password;
--- post: /hook as=old half=20
@whatsapp
--- wait_requests: 1
--- clients: 1
--- redis_do: CONFIG SET requirepass new-password-9876
--- write: password
new-password-9876
--- reload
--- rest: old
--- recv: old
--- status: 503
--- log: refuses AUTH or SELECT: "WRONGPASS"
--- load: 2
