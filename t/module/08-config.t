# nginx -t: what is refused, how it is said, and what is only warned of.

use strict;
use warnings;

use POSIX ();
use Test::More;

use Test::Meta;

# FILE has no permission; root reads it all the same
config_verb unreadable => sub {
    my ($t, $name) = @_;
    return $t->run(skip => 'root may read everything') if $> == 0;
    push @{$t->{before_start}}, sub { chmod 0, "$t->{dir}/$name" };
};

# NAME: a FIFO that nobody writes to
config_verb fifo => sub {
    my ($t, $name) = @_;
    POSIX::mkfifo("$t->{dir}/$name", 0644) or die "mkfifo: $!";
};

# NAME BYTES: a file of so many bytes, one long line
config_verb long_file => sub {
    my ($t, $arg) = @_;
    my ($name, $bytes) = split ' ', $arg;
    $t->{files}{$name} = 'x' x $bytes . "\n";
};

run_blocks();

__DATA__

=== a plain configuration is accepted without a word of ours
--- accepted
syntax is ok
!\[(?:warn|error|emerg|alert|crit)\]

=== every directive in http, server and location
--- http
meta_redis unix:/nowhere/http.sock db=1;
meta_redis_connect_timeout 1s;
meta_redis_timeout 1s;
meta_app_id 1;
meta_app_secret_file $DIR/secret;
meta_verify_token_file $DIR/token;
meta_queue a:http max=5;
--- server
meta_redis unix:/nowhere/server.sock;
meta_redis_connect_timeout 2s;
meta_redis_timeout 2s;
meta_app_id 2;
meta_app_secret_file $DIR/secret;
meta_verify_token_file $DIR/token;
meta_queue a:server max=6;
--- location
meta_webhook;
meta_redis unix:/nowhere/location.sock;
meta_redis_connect_timeout 3s;
meta_redis_timeout 3s;
meta_app_id 3;
meta_app_secret_file $DIR/secret;
meta_verify_token_file $DIR/token;
meta_queue a:location max=7;
--- accepted
!\[(?:warn|error|emerg|alert|crit)\]

=== secrets are not in nginx -T
--- env
META_T_APP_SECRET=environment-secret-01
META_T_PASSWORD=redis-password-01
--- location
meta_webhook;
meta_app_secret_file $DIR/secret env:META_T_APP_SECRET;
meta_redis 127.0.0.1:1 password_file=env:META_T_PASSWORD;
--- accepted: -T
meta_app_secret_file .*env:META_T_APP_SECRET;

=== no secret in force: accepted, with a warning that names file and line
--- bare
--- accepted
\[warn\] .*meta_app_secret_file.* in $DIR/nginx\.conf:\d+

=== no verify token: accepted, the handshake is optional
--- bare
--- http
meta_app_secret_file $DIR/secret;
--- accepted
!\[emerg\]

=== a secret file that is missing
--- location
meta_webhook;
meta_app_secret_file $DIR/nothing;
--- refused
\[emerg\] .*$DIR/nothing.*No such file.* in $DIR/nginx\.conf:\d+

=== a secret file that is empty
--- file: empty

--- location
meta_webhook;
meta_app_secret_file $DIR/empty;
--- refused
\[emerg\] .*$DIR/empty.*empty.* in $DIR/nginx\.conf:\d+

=== a secret file of blank lines only
--- file: blank
  
	

 
--- location
meta_webhook;
meta_app_secret_file $DIR/blank;
--- refused
\[emerg\] .*$DIR/blank.*empty.* in $DIR/nginx\.conf:\d+

=== a directory in place of a secret file
--- location
meta_webhook;
meta_app_secret_file $DIR;
--- refused
\[emerg\] .*$DIR\b.*regular file.* in $DIR/nginx\.conf:\d+

=== a FIFO in place of a secret file: refused, not waited for
--- fifo: pipe
--- location
meta_webhook;
meta_app_secret_file $DIR/pipe;
--- refused
\[emerg\] .*$DIR/pipe.*regular file.* in $DIR/nginx\.conf:\d+

=== a secret file that is far too long
--- long_file: long 200000
--- location
meta_webhook;
meta_app_secret_file $DIR/long;
--- refused
\[emerg\] .*$DIR/long.*at most \d+ bytes.* in $DIR/nginx\.conf:\d+

=== a secret that is far too long
--- long_file: long 600
--- location
meta_webhook;
meta_app_secret_file $DIR/long;
--- refused
\[emerg\] .*line 1 of .*$DIR/long.*512.* in $DIR/nginx\.conf:\d+

=== a token that is far too long
--- long_file: long 600
--- location
meta_webhook;
meta_verify_token_file $DIR/long;
--- refused
\[emerg\] .*line 1 of .*$DIR/long.*512.* in $DIR/nginx\.conf:\d+

=== a path is relative to the folder of nginx.conf, as auth_basic_user_file's
--- location
meta_webhook;
meta_app_secret_file secret;
meta_verify_token_file token;
--- accepted
!\[(?:warn|error|emerg|alert|crit)\]

=== a secret file that cannot be read
--- unreadable: secret
--- refused
\[emerg\] .*$DIR/secret.*Permission denied.* in $DIR/nginx\.conf:\d+

=== a secret file whose first word is no app id: its line is named, not its text
--- secret
1111111111 first-secret-0123456789
my-app second-secret-0123456789
--- refused
\[emerg\] .*line 2 of .*$DIR/secret.*APP_ID.* in $DIR/nginx\.conf:\d+

=== a secret file with a word too many
--- secret
1111111111 first-secret-0123456789 more-secret-words
--- refused
\[emerg\] .*line 1 of .*$DIR/secret.* in $DIR/nginx\.conf:\d+

=== an app id in a secret file that is too long
--- secret
111111111111111111111111111111111 first-secret-0123456789
--- refused
\[emerg\] .*line 1 of .*$DIR/secret.*32.* in $DIR/nginx\.conf:\d+

=== seventeen secrets, in one file and over two
--- secret
secret-number-01
secret-number-02
secret-number-03
secret-number-04
secret-number-05
secret-number-06
secret-number-07
secret-number-08
secret-number-09
secret-number-10
secret-number-11
secret-number-12
secret-number-13
secret-number-14
secret-number-15
secret-number-16
--- file: secret17
secret-number-17
--- location
meta_webhook;
meta_app_secret_file $DIR/secret $DIR/secret17;
--- refused
\[emerg\] .*$DIR/secret17.*16.* in $DIR/nginx\.conf:\d+

=== env: that is not set, and one that is empty
--- location
meta_webhook;
meta_app_secret_file env:META_T_NOT_SET_ANYWHERE;
--- refused
\[emerg\] .*META_T_NOT_SET_ANYWHERE.*not set.* in $DIR/nginx\.conf:\d+

=== env: that is empty
--- env
META_T_EMPTY=
--- location
meta_webhook;
meta_verify_token_file env:META_T_EMPTY;
--- refused
\[emerg\] .*META_T_EMPTY.*empty.* in $DIR/nginx\.conf:\d+

=== env: without a name
--- location
meta_webhook;
meta_app_secret_file env:;
--- refused
\[emerg\] .* in $DIR/nginx\.conf:\d+

=== a token file that is missing
--- location
meta_webhook;
meta_verify_token_file $DIR/token $DIR/nothing;
--- refused
\[emerg\] .*$DIR/nothing.*No such file.* in $DIR/nginx\.conf:\d+

=== a token file that is empty
--- file: empty

--- location
meta_webhook;
meta_verify_token_file $DIR/empty;
--- refused
\[emerg\] .*$DIR/empty.*empty.* in $DIR/nginx\.conf:\d+

=== a password file that is missing, empty, or has two lines
--- location
meta_webhook;
meta_redis 127.0.0.1:1 password_file=$DIR/nothing;
--- refused
\[emerg\] .*$DIR/nothing.*No such file.* in $DIR/nginx\.conf:\d+

=== a password file of two lines
--- file: password
first-password-line
second-password-line
--- location
meta_webhook;
meta_redis 127.0.0.1:1 password_file=$DIR/password;
--- refused
\[emerg\] .*$DIR/password.* in $DIR/nginx\.conf:\d+

=== an app id that is not digits
--- http
meta_app_id my-app;
--- refused
\[emerg\] .*my-app.*digits.* in $DIR/nginx\.conf:\d+

=== an app id of 33 digits
--- http
meta_app_id 123456789012345678901234567890123;
--- refused
\[emerg\] .*digits.* in $DIR/nginx\.conf:\d+

=== an empty app id
--- http
meta_app_id "";
--- refused
\[emerg\] .*digits.* in $DIR/nginx\.conf:\d+

=== an app id of 32 digits is one
--- http
meta_app_id 12345678901234567890123456789012;
--- accepted

=== a queue name with a character that it must not have
--- location
meta_webhook;
meta_queue "meta events";
--- refused
\[emerg\] .*meta events.*A-Za-z0-9.* in $DIR/nginx\.conf:\d+

=== an empty queue name
--- location
meta_webhook;
meta_queue "";
--- refused
\[emerg\] .*1 to 200.* in $DIR/nginx\.conf:\d+

=== a queue name of 201 bytes
--- location
meta_webhook;
meta_queue aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;
--- refused
\[emerg\] .*1 to 200.* in $DIR/nginx\.conf:\d+

=== a queue name of an unknown variable
--- location
meta_webhook;
meta_queue meta:$no_such_variable;
--- refused
\[emerg\] .*unknown "no_such_variable" variable

=== max=0
--- location
meta_webhook;
meta_queue meta:events max=0;
--- refused
\[emerg\] .*max=0.* in $DIR/nginx\.conf:\d+

=== max= that is no number, negative, or beyond all numbers
--- location
meta_webhook;
meta_queue meta:events max=many;
--- refused
\[emerg\] .*max=many.* in $DIR/nginx\.conf:\d+

=== max= that is negative
--- location
meta_webhook;
meta_queue meta:events max=-1;
--- refused
\[emerg\] .*max=-1.* in $DIR/nginx\.conf:\d+

=== max= beyond all numbers
--- location
meta_webhook;
meta_queue meta:events max=99999999999999999999;
--- refused
\[emerg\] .*max=9{20}.* in $DIR/nginx\.conf:\d+

=== max= given twice
--- location
meta_webhook;
meta_queue meta:events max=1 max=2;
--- refused
\[emerg\] .*max=2.* in $DIR/nginx\.conf:\d+

=== partitions takes a number from 1 to 256
--- location
meta_webhook;
meta_queue meta:events partitions=0;
--- refused
invalid parameter "partitions=0".*from 1 to 256

=== ... 257 is too many
--- location
meta_webhook;
meta_queue meta:events partitions=257;
--- refused
invalid parameter "partitions=257"

=== ... no word
--- location
meta_webhook;
meta_queue meta:events partitions=four;
--- refused
invalid parameter "partitions=four"

=== ... and only once
--- location
meta_webhook;
meta_queue meta:events partitions=2 partitions=2;
--- refused
invalid parameter "partitions=2"

=== one queue of one Redis has one number
--- location
meta_webhook;
meta_queue meta:events partitions=2;
--- server
location /other {
    meta_webhook;
}
--- refused
"meta_queue" "meta:events" has 1 partitions here and 2 elsewhere|has 2 partitions here and 1 elsewhere

=== an unknown parameter of meta_queue
--- location
meta_webhook;
meta_queue meta:events size=4;
--- refused
\[emerg\] .*size=4.* in $DIR/nginx\.conf:\d+

=== meta_queue without a name
--- location
meta_webhook;
meta_queue;
--- refused
\[emerg\] .*invalid number of arguments in "meta_queue" directive in $DIR/nginx\.conf:\d+

=== an unknown parameter of meta_redis
--- location
meta_webhook;
meta_redis 127.0.0.1:1 base=4;
--- refused
\[emerg\] .*base=4.* in $DIR/nginx\.conf:\d+

=== db= that is no number
--- location
meta_webhook;
meta_redis 127.0.0.1:1 db=one;
--- refused
\[emerg\] .*db=one.* in $DIR/nginx\.conf:\d+

=== db= given twice
--- location
meta_webhook;
meta_redis 127.0.0.1:1 db=1 db=2;
--- refused
\[emerg\] .*db=2.* in $DIR/nginx\.conf:\d+

=== a user without a password
--- location
meta_webhook;
meta_redis 127.0.0.1:1 user=edge;
--- refused
\[emerg\] .*password_file.* in $DIR/nginx\.conf:\d+

=== an empty user=, an empty password_file=
--- location
meta_webhook;
meta_redis 127.0.0.1:1 user=;
--- refused
\[emerg\] .*user=.* in $DIR/nginx\.conf:\d+

=== ca_file= is refused without TLS
--- location
meta_webhook;
meta_redis 127.0.0.1:1 ca_file=$DIR/ca.pem;
--- refused
\[emerg\] .*ca_file.* in $DIR/nginx\.conf:\d+

=== a port that is none
--- location
meta_webhook;
meta_redis 127.0.0.1:70000;
--- refused
\[emerg\] .*invalid port.*127\.0\.0\.1:70000.* in $DIR/nginx\.conf:\d+

=== a unix socket without a path
--- location
meta_webhook;
meta_redis unix:;
--- refused
\[emerg\] .*unix:.* in $DIR/nginx\.conf:\d+

=== an address with a path behind it
--- location
meta_webhook;
meta_redis redis://127.0.0.1:6379/0;
--- refused
\[emerg\] .*"redis://127\.0\.0\.1:6379/0": it must be unix:/path or \[rediss://\]host\[:port\]; the database is db=N.* in $DIR/nginx\.conf:\d+

=== ... and one with a database behind it
--- location
meta_webhook;
meta_redis 127.0.0.1:6379/3;
--- refused
\[emerg\] .*"127\.0\.0\.1:6379/3": it must be .*db=N.* in $DIR/nginx\.conf:\d+

=== ... and a socket without unix:
--- location
meta_webhook;
meta_redis /run/redis.sock;
--- refused
\[emerg\] .*"/run/redis\.sock": it must be unix:/path.* in $DIR/nginx\.conf:\d+

=== ... and one with a password in it, which is not shown
--- location
meta_webhook;
meta_redis redis://edge:redis-password-02@127.0.0.1:6379;
--- refused
\[emerg\] .*"meta_redis" address "": .*password_file=PATH.* in $DIR/nginx\.conf:\d+
!redis-password-02

=== a password in place of a file of it, not shown either
--- location
meta_webhook;
meta_redis 127.0.0.1:1 password=redis-password-03;
--- refused
\[emerg\] .*"meta_redis" takes "password_file=PATH" or "password_file=env:NAME".* in $DIR/nginx\.conf:\d+
!redis-password-03

=== ... under the file's name
--- location
meta_webhook;
meta_redis 127.0.0.1:1 password_file=redis-password-04;
--- refused
\[emerg\] .*"meta_redis" takes a PATH or env:NAME.* in $DIR/nginx\.conf:\d+
!redis-password-04

=== a secret in place of a file of it
--- location
meta_webhook;
meta_app_secret_file 0123456789abcdef0123456789abcdef;
--- refused
\[emerg\] .*"meta_app_secret_file" takes a PATH or env:NAME.*No such file.* in $DIR/nginx\.conf:\d+
!0123456789abcdef

=== a token in place of a file of it
--- location
meta_webhook;
meta_verify_token_file my-verify-token;
--- refused
\[emerg\] .*"meta_verify_token_file" takes a PATH or env:NAME.* in $DIR/nginx\.conf:\d+
!my-verify-token

=== a spool whose parent is missing
--- http
meta_spool $DIR/nothing/spool;
--- refused
\[emerg\] .*"$DIR/nothing/spool" failed for "meta_spool": its parent does not exist.*No such file

=== a spool's size in a unit that nginx does not have
--- http
meta_spool $DIR/spool max=1T;
--- refused
\[emerg\] .*"max=1T": "max" takes a size of at least 64k, in k, m or g in $DIR/nginx\.conf:\d+

=== no address at all
--- location
meta_webhook;
meta_redis;
--- refused
\[emerg\] .*invalid number of arguments in "meta_redis" directive in $DIR/nginx\.conf:\d+

=== a host that is not found, without a resolver
--- location
meta_webhook;
meta_redis no-such-host.invalid:6379;
--- refused
\[emerg\] .*no-such-host\.invalid.*resolver.* in $DIR/nginx\.conf:\d+

=== a host that is not found, with a resolver: that is for the worker
--- location
meta_webhook;
meta_redis no-such-host.invalid:6379;
resolver 127.0.0.1:1;
--- accepted
!\[(?:warn|error|emerg|alert|crit)\]

=== a host that nobody uses is not looked up
--- server
meta_redis no-such-host.invalid:6379;
--- location
meta_webhook;
meta_redis 127.0.0.1:1;
--- accepted

=== a timeout that is none
--- location
meta_webhook;
meta_redis_timeout soon;
--- refused
\[emerg\] .*meta_redis_timeout.* in $DIR/nginx\.conf:\d+

=== a timeout of zero
--- location
meta_webhook;
meta_redis_timeout 0;
--- refused
\[emerg\] .*meta_redis_timeout.* in $DIR/nginx\.conf:\d+

=== a connect timeout of zero
--- location
meta_webhook;
meta_redis_connect_timeout 0;
--- refused
\[emerg\] .*meta_redis_connect_timeout.* in $DIR/nginx\.conf:\d+

=== every directive twice: meta_redis
--- server
meta_redis 127.0.0.1:1;
meta_redis 127.0.0.1:2;
--- refused
\[emerg\] .*"meta_redis" directive is duplicate in $DIR/nginx\.conf:\d+

=== every directive twice: meta_queue
--- server
meta_queue a;
meta_queue b;
--- refused
\[emerg\] .*"meta_queue" directive is duplicate in $DIR/nginx\.conf:\d+

=== every directive twice: meta_app_id
--- server
meta_app_id 1;
meta_app_id 2;
--- refused
\[emerg\] .*"meta_app_id" directive is duplicate in $DIR/nginx\.conf:\d+

=== every directive twice: meta_app_secret_file
--- server
meta_app_secret_file $DIR/secret;
meta_app_secret_file $DIR/secret;
--- refused
\[emerg\] .*"meta_app_secret_file" directive is duplicate in $DIR/nginx\.conf:\d+

=== every directive twice: meta_verify_token_file
--- server
meta_verify_token_file $DIR/token;
meta_verify_token_file $DIR/token;
--- refused
\[emerg\] .*"meta_verify_token_file" directive is duplicate in $DIR/nginx\.conf:\d+

=== every directive twice: the timeouts
--- server
meta_redis_timeout 1s;
meta_redis_timeout 1s;
--- refused
\[emerg\] .*"meta_redis_timeout" directive is duplicate in $DIR/nginx\.conf:\d+

=== every directive twice: meta_webhook
--- location
meta_webhook;
meta_webhook;
--- refused
\[emerg\] .*"meta_webhook" directive is duplicate in $DIR/nginx\.conf:\d+

=== meta_webhook outside of a location
--- server
meta_webhook;
--- refused
\[emerg\] .*"meta_webhook" directive is not allowed here in $DIR/nginx\.conf:\d+

=== meta_webhook takes no argument
--- location
meta_webhook on;
--- refused
\[emerg\] .*invalid number of arguments in "meta_webhook" directive in $DIR/nginx\.conf:\d+

=== proxy_pass after meta_webhook would answer in its place
--- location
meta_webhook;
proxy_pass http://127.0.0.1:1;
--- refused
\[emerg\] .*"meta_webhook" in location "/hook" is overridden by another directive that answers there

=== ... before it, it would not be heard
--- location
proxy_pass http://127.0.0.1:1;
meta_webhook;
--- refused
\[emerg\] .*"meta_webhook" directive stands beside another directive that answers in this location in $DIR/nginx\.conf:\d+

=== meta_status and meta_webhook in one location
--- location
meta_webhook;
meta_status;
--- refused
\[emerg\] .*"meta_status" directive stands beside another directive that answers in this location in $DIR/nginx\.conf:\d+

=== ... the other way round
--- location
meta_status;
meta_webhook;
--- refused
\[emerg\] .*"meta_webhook" directive stands beside another directive that answers in this location in $DIR/nginx\.conf:\d+

=== what answers in an "if", a location inside, or another location may be there
--- location
meta_webhook;
if ($request_method = DELETE) {
    proxy_pass http://127.0.0.1:1;
}
limit_except GET POST {
    deny all;
}
location /hook/old {
    proxy_pass http://127.0.0.1:1;
}
--- server
location /status { meta_status; }
--- accepted
!\[(?:warn|error|emerg|alert|crit)\]
