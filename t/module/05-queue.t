# meta_queue: the name of the list, also by variables, and its ceiling.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use Test::Meta;

# posts for so many seconds; all must be 503
verb full_for => sub {
    my ($t, $seconds) = @_;
    my ($end, %seen) = time + $seconds;
    while (time < $end) {
        $t->run(post => '/hook', "\@whatsapp\n");
        $seen{$t->{last}{status}}++;
        sleep 0.02;
    }
    is join(' ', keys %seen), '503', "503 for $seconds s";
};

# COMMAND MIN MAX
verb calls_between => sub {
    my ($t, $arg) = @_;
    my ($command, $min, $max) = split ' ', $arg;
    my $n = $t->{redis}->calls($command);
    ok $n >= $min && $n <= $max, "$n times $command, from $min to $max";
};

run_blocks();

__DATA__

=== a name of its own, beside the default of another location
--- location
meta_webhook;
meta_queue meta:shop;
--- server
location /plain {
    meta_webhook;
}
--- post: /hook
@whatsapp 2
--- status: 200
--- records: meta:shop
--- post: /plain
@page 2
--- status: 200
--- records: meta:events
--- llen: meta:shop 2

=== every character that a name may have, 200 of them
--- location
meta_webhook;
meta_queue AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-;
--- post: /hook
@whatsapp
--- status: 200
--- records: AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-AZaz09._:-

=== a name of variables: one list for each app, by $meta_app and $meta_object
--- secret
1111111111 first-secret-0123456789
2222222222 second-secret-0123456789
--- location
meta_webhook;
meta_queue meta:$meta_app:$meta_object;
--- post: /hook sign=key:first-secret-0123456789
@whatsapp
--- status: 200
--- records: meta:1111111111:whatsapp_business_account
--- post: /hook sign=key:second-secret-0123456789
@page
--- status: 200
--- records: meta:2222222222:page

=== what comes out is no name: 503 and one line, nothing anywhere
--- location
meta_webhook;
meta_queue meta:$arg_tenant;
--- post: /hook?tenant=a.b
@whatsapp
--- status: 200
--- records: meta:a.b
--- post: /hook?tenant=a/b
@whatsapp
--- status: 503
--- headers
Retry-After: \d+
Cache-Control: no-store
--- log_count: 1 \[error\] .*queue
--- post: /hook?tenant=a%20b
@whatsapp
--- status: 503
--- log_count: 2 \[error\] .*queue
--- calls: rpush 1

=== an empty name and one of 201 bytes are no names
--- location
meta_webhook;
meta_queue $arg_tenant;
--- post: /hook
@whatsapp
--- status: 503
--- post: /hook?tenant=
@whatsapp
--- status: 503
--- post: /hook?tenant=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
@whatsapp
--- status: 503
--- post: /hook?tenant=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
@whatsapp
--- status: 200
--- log_count: 3 \[error\] .*queue
--- calls: rpush 1

=== a bad signature comes before a bad name, bad JSON too
--- location
meta_webhook;
meta_queue meta:$arg_tenant;
--- post: /hook?tenant=/ sign=bad
@whatsapp
--- status: 401
--- post: /hook?tenant=/
no JSON
--- status: 400
--- post: /hook?tenant=/
@whatsapp
--- status: 503

=== max: above it 503 without asking to push, until the list is short enough
--- location
meta_webhook;
meta_queue meta:events max=3;
--- post: /hook
@whatsapp 3
--- status: 200
--- post: /hook
@whatsapp 1
--- status: 200
--- llen: meta:events 4
--- post: /hook
@whatsapp 1
--- status: 503
--- headers
Retry-After: \d+
--- post: /hook
@whatsapp 1
--- status: 503
--- meta_log: ^503 unavailable object=whatsapp_business_account app=1234567890 events=1 queued=none
--- llen: meta:events 4
--- calls: rpush 2
--- redis_do: LPOP meta:events
--- until: 200 3
--- llen: meta:events 4

=== max: LLEN is asked about once a second, whoever comes
--- location
meta_webhook;
meta_queue meta:events max=1;
--- post: /hook
@whatsapp 2
--- status: 200
--- full_for: 2.2
--- calls_between: llen 1 4
--- calls: rpush 1

=== max: each list by itself
--- location
meta_webhook;
meta_queue meta:$arg_tenant max=1;
--- post: /hook?tenant=a
@whatsapp 2
--- status: 200
--- post: /hook?tenant=a
@whatsapp
--- status: 503
--- post: /hook?tenant=b
@whatsapp
--- status: 200
--- post: /hook?tenant=a
@whatsapp
--- status: 503
--- llen: meta:a 2
--- llen: meta:b 1

=== max: a full list does not hold up the handshake
--- location
meta_webhook;
meta_queue meta:events max=1;
--- post: /hook
@whatsapp 2
--- status: 200
--- post: /hook
@whatsapp
--- status: 503
--- get: /hook?hub.mode=subscribe&hub.challenge=abc&hub.verify_token=$TOKEN
--- status: 200

=== max: a list that was emptied while nobody came takes events again
--- location
meta_webhook;
meta_queue meta:events max=1;
--- post: /hook
@whatsapp 5
--- status: 200
--- post: /hook
@whatsapp
--- status: 503
--- redis_do: DEL meta:events
--- until: 200 3
--- llen: meta:events 1
