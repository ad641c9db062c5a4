# The smallest ACL of docs/operations.md is enough for all that the module
# does; and whatever is taken away from it is named in the log, is counted on
# by nobody, and loses nothing.

use strict;
use warnings;

use Test::More;

use Test::Meta;
use Test::Meta::Login;
use Test::Meta::Status;
use Test::Meta::Util qw(root_dir slurp wait_for);

my $PASSWORD = 'edge-password-01';

# [PAGE]: the user as operations.md has it, and that page beside it
config_verb edge => sub {
    my ($t, $page) = @_;
    my @lines = map { slurp(root_dir() . "/docs/$_.md") =~ /^ACL (SETUSER edge .*)/mg }
        'operations', grep { length } $page;
    ok @lines >= 4, 'the page says which rights';
    $t->{files}{password} = "$PASSWORD\n";
    $t->learn($PASSWORD);
    push @{$t->{before_start}}, sub {
        $t->{redis}->do('ACL', map { s/PASSWORD/$PASSWORD/r } /\(.*?\)|\S+/g) for @lines;
    };
};

# STATUS [URI [N]]: a delivery of N accounts' events, remembered if it is 200
verb deliver => sub {
    my ($t, $arg) = @_;
    my ($want, $uri, $n) = split ' ', $arg;
    my @mids = map { 'm_' . ++$t->{mids} } 1 .. $n // 1;
    $t->run(post => $uri // '/hook', '{"object":"page","entry":[' . join(',', map {
        qq({"id":"11$_","messaging":[{"sender":{"id":"7"},"message":{"mid":"m_$_"}}]})
    } map { /(\d+)/ } @mids) . ']}');
    is $t->{last}{status}, $want, "status $want";
    push @{$t->{acked}}, @mids if $t->{last}{status} == 200;
};

# whatever was answered 200 is in some list of some database
verb nothing_lost => sub {
    my ($t) = @_;
    my @missing;
    wait_for {
        my %there = map { /"id":"(m_\d+)"/ ? ($1 => 1) : () } map { everything($t, $_) } 0, 3;
        @missing = grep { !$there{$_} } @{$t->{acked}};
        !@missing;
    } 15;
    is "@missing", '', scalar(@{$t->{acked}}) . ' events are there';
};

sub everything {
    my ($t, $db) = @_;
    my $redis = $t->{redis};
    $redis->do('SELECT', $db);
    my @records = map { $redis->queue($_) }
        grep { $redis->do('TYPE', $_) eq 'list' } $redis->do('KEYS', 'meta:events*');
    $redis->do('SELECT', 0);
    return @records;
}

# the user's rules from now on; a connection that is open hears of them too
verb acl => sub { $_[0]{redis}->do('ACL', 'SETUSER', 'edge', split ' ', $_[1]) };

# REGEX: what Redis refused to the edge, by its own log, is that and nothing else
verb refused_by_redis => sub {
    my ($t, $regex) = @_;
    my @seen = map { my %e = @$_; "$e{reason} $e{object}" }
        @{$t->{redis}->do('ACL', 'LOG')};
    is join(', ', grep { !/^(?:$regex)$/ } @seen), '', "nothing but $regex";
};

run_blocks();

__DATA__

=== everything works with the rights of the page; PING is asked, and may be refused
--- edge
--- http
meta_spool $DIR/spool;
meta_redis_connect_timeout $MS500;
meta_redis_timeout $MS500;
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password db=3;
meta_queue meta:events max=3;
--- server
location /parts {
    meta_webhook;
    meta_redis $REDIS user=edge password_file=$DIR/password;
    meta_queue meta:events partitions=4;
}
--- deliver: 200 /parts 6
--- redis_do: pause
--- deliver: 200 /hook
--- deliver: 200 /parts 6
--- redis_do: cont
--- nothing_lost
--- deliver: 200 /hook
--- deliver: 200 /hook
--- deliver: 200 /hook
--- log: meta queue "meta:events" is full
--- deliver: 200 /hook
--- meta_log: queued=spool .*\n(?:.*\n)*.*queued=spool
--- redis_do
SELECT 3
RENAME meta:events meta:events:elsewhere
SELECT 0
--- log: meta queue "meta:events" takes events again
--- nothing_lost
--- redis_do: GET meta:events:partitions
--- no_log: refuses
--- refused_by_redis: command (?:ping|info|config\|get)

=== RPUSH taken away
--- edge
--- http
meta_redis_connect_timeout $MS500;
meta_redis_timeout $MS500;
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue meta:events;
--- deliver: 200 /hook 6
--- acl: -rpush
--- deliver: 503 /hook 6
--- deliver: 503 /hook 6
--- log: \[error\] .*refuses RPUSH to meta:events: "NOPERM"
--- acl: +rpush
--- until: 200 5
--- deliver: 200 /hook 6
--- nothing_lost

=== the key taken away
--- edge
--- http
meta_redis_connect_timeout $MS500;
meta_redis_timeout $MS500;
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue meta:events;
--- deliver: 200 /hook 6
--- acl: resetkeys
--- deliver: 503 /hook 6
--- deliver: 503 /hook 6
--- log: \[error\] .*refuses RPUSH to meta:events: "NOPERM"
--- acl: ~meta:events ~meta:events:*
--- until: 200 5
--- deliver: 200 /hook 6
--- nothing_lost

=== MULTI taken away, on a queue with partitions
--- edge
--- http
meta_redis_connect_timeout $MS500;
meta_redis_timeout $MS500;
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue meta:events partitions=4;
--- deliver: 200 /hook 6
--- acl: -multi
--- deliver: 200 /hook 6
--- deliver: 200 /hook 6
--- log: \[error\] .*refuses MULTI for meta:events: "NOPERM"
--- acl: +multi
--- until: 200 5
--- deliver: 200 /hook 6
--- nothing_lost

=== EXEC taken away, on a queue with partitions
--- edge
--- http
meta_redis_connect_timeout $MS500;
meta_redis_timeout $MS500;
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue meta:events partitions=4;
--- deliver: 200 /hook 6
--- acl: -exec
--- deliver: 503 /hook 6
--- deliver: 503 /hook 6
--- log: \[error\] .*refuses RPUSH to meta:events: "EXECABORT"
--- acl: +exec
--- until: 200 5
--- deliver: 200 /hook 6
--- nothing_lost

=== SELECT taken away
--- edge
--- http
meta_redis_connect_timeout $MS500;
meta_redis_timeout $MS500;
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password db=3;
--- deliver: 200 /hook 6
--- acl: -select
--- redis_do: CLIENT KILL TYPE normal SKIPME yes
--- deliver: 503 /hook 6
--- deliver: 503 /hook 6
--- log: \[error\] .*refuses AUTH or SELECT: "NOPERM"
--- acl: +select
--- until: 200 5
--- deliver: 200 /hook 6
--- nothing_lost

=== the user switched off
--- edge
--- http
meta_redis_connect_timeout $MS500;
meta_redis_timeout $MS500;
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue meta:events;
--- deliver: 200 /hook 6
--- acl: off
--- redis_do: CLIENT KILL TYPE normal SKIPME yes
--- deliver: 503 /hook 6
--- deliver: 503 /hook 6
--- log: \[error\] .*refuses AUTH or SELECT: "WRONGPASS"
--- acl: on
--- until: 200 5
--- deliver: 200 /hook 6
--- nothing_lost

=== RPUSH taken away, with a spool
--- edge
--- http
meta_spool $DIR/spool;
meta_redis_connect_timeout $MS500;
meta_redis_timeout $MS500;
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue meta:events;
--- deliver: 200 /hook 6
--- acl: -rpush
--- deliver: 200 /hook 6
--- deliver: 200 /hook 6
--- log: \[error\] .*refuses RPUSH to meta:events: "NOPERM"
--- acl: +rpush
--- until: 200 5
--- deliver: 200 /hook 6
--- nothing_lost

=== the key taken away, with a spool
--- edge
--- http
meta_spool $DIR/spool;
meta_redis_connect_timeout $MS500;
meta_redis_timeout $MS500;
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue meta:events;
--- deliver: 200 /hook 6
--- acl: resetkeys
--- deliver: 200 /hook 6
--- deliver: 200 /hook 6
--- log: \[error\] .*refuses RPUSH to meta:events: "NOPERM"
--- acl: ~meta:events ~meta:events:*
--- until: 200 5
--- deliver: 200 /hook 6
--- nothing_lost

=== MULTI taken away, on a queue with partitions, with a spool
--- edge
--- http
meta_spool $DIR/spool;
meta_redis_connect_timeout $MS500;
meta_redis_timeout $MS500;
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue meta:events partitions=4;
--- deliver: 200 /hook 6
--- acl: -multi
--- deliver: 200 /hook 6
--- deliver: 200 /hook 6
--- log: \[error\] .*refuses MULTI for meta:events: "NOPERM"
--- acl: +multi
--- until: 200 5
--- deliver: 200 /hook 6
--- nothing_lost

=== EXEC taken away, on a queue with partitions, with a spool
--- edge
--- http
meta_spool $DIR/spool;
meta_redis_connect_timeout $MS500;
meta_redis_timeout $MS500;
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue meta:events partitions=4;
--- deliver: 200 /hook 6
--- acl: -exec
--- deliver: 200 /hook 6
--- deliver: 200 /hook 6
--- log: \[error\] .*refuses RPUSH to meta:events: "EXECABORT"
--- acl: +exec
--- until: 200 5
--- deliver: 200 /hook 6
--- nothing_lost

=== SELECT taken away, with a spool
--- edge
--- http
meta_spool $DIR/spool;
meta_redis_connect_timeout $MS500;
meta_redis_timeout $MS500;
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password db=3;
--- deliver: 200 /hook 6
--- acl: -select
--- redis_do: CLIENT KILL TYPE normal SKIPME yes
--- deliver: 200 /hook 6
--- deliver: 200 /hook 6
--- log: \[error\] .*refuses AUTH or SELECT: "NOPERM"
--- acl: +select
--- until: 200 5
--- deliver: 200 /hook 6
--- nothing_lost

=== the user switched off, with a spool
--- edge
--- http
meta_spool $DIR/spool;
meta_redis_connect_timeout $MS500;
meta_redis_timeout $MS500;
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue meta:events;
--- deliver: 200 /hook 6
--- acl: off
--- redis_do: CLIENT KILL TYPE normal SKIPME yes
--- deliver: 200 /hook 6
--- deliver: 200 /hook 6
--- log: \[error\] .*refuses AUTH or SELECT: "WRONGPASS"
--- acl: on
--- until: 200 5
--- deliver: 200 /hook 6
--- nothing_lost

=== SET taken away: pushes go on
--- edge
--- http
meta_redis_connect_timeout $MS500;
meta_redis_timeout $MS500;
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue meta:events partitions=4;
--- deliver: 200 /hook 6
--- acl: clearselectors
--- redis_do: CLIENT KILL TYPE normal SKIPME yes
--- deliver: 200 /hook 6
--- deliver: 200 /hook 6
--- log: \[warn\] .*refuses SET of meta:events:partitions: "NOPERM"
--- acl: (~meta:events:partitions +set)
--- until: 200 5
--- deliver: 200 /hook 6
--- nothing_lost

=== LLEN taken away: a list over its max stays closed, until it is given
--- edge
--- http
meta_redis_connect_timeout $MS500;
meta_redis_timeout $MS500;
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue meta:events max=6;
--- deliver: 200 /hook 6
--- deliver: 200 /hook 6
--- acl: -llen
--- redis_do: RENAME meta:events meta:events:elsewhere
--- deliver: 503 /hook 6
--- deliver: 503 /hook 6
--- log: \[error\] .*refuses LLEN of meta:events: "NOPERM"
--- acl: +llen
--- until: 200 5
--- deliver: 200 /hook 6
--- nothing_lost

=== LLEN taken away: a list over its max stays closed, until it is given, with a spool
--- edge
--- http
meta_spool $DIR/spool;
meta_redis_connect_timeout $MS500;
meta_redis_timeout $MS500;
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue meta:events max=6;
--- deliver: 200 /hook 6
--- deliver: 200 /hook 6
--- acl: -llen
--- redis_do: RENAME meta:events meta:events:elsewhere
--- deliver: 200 /hook 6
--- deliver: 200 /hook 6
--- log: \[error\] .*refuses LLEN of meta:events: "NOPERM"
--- acl: +llen
--- until: 200 5
--- deliver: 200 /hook 6
--- nothing_lost

=== the status page's rights are enough for all that it asks
--- edge: status
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
--- server
location /status { meta_status; }
--- redis_do: HSET {meta:events}:lease owner somebody until 99999999999999
--- deliver: 200 /hook 3
--- counts: 20
list meta:events holder = yes
list meta:events length = 3
redis.0.worth = none
redis.0.evicts = 0
--- refused_by_redis: command ping

=== ... of a queue with partitions too
--- edge: status
--- location
meta_webhook;
meta_redis $REDIS user=edge password_file=$DIR/password;
meta_queue meta:events partitions=2;
--- server
location /status { meta_status; }
--- redis_do: HSET {meta:events:1}:lease owner somebody until 99999999999999
--- deliver: 200 /hook 6
--- counts: 20
list meta:events:0 holder = no
list meta:events:1 holder = yes
redis.0.worth = none
--- refused_by_redis: command ping

=== a login does all that it does with the rights of the page
--- edge
--- http
meta_redis $REDIS user=edge password_file=$DIR/password;
--- logins
--- waiting: 90 2
--- login
--- back: code=by-the-smallest-acl&state=$STATE
--- status: 303
--- back: code=by-the-smallest-acl&state=$STATE
--- status: 409
--- get: /cb?flow=$FLOW&format=json
--- answer_like: "step":"received"
--- auth: 2
--- refused_by_redis: command (?:ping|info|config\|get)
--- acl: clearselectors
--- login
--- back: code=without-the-rights&state=$STATE
--- status: 503
--- log: \[error\] .*refuses a command of a login: "NOPERM"
