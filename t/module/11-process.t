# Workers, helpers, reload, quit: one connection each, nothing lost, nothing left.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Test::Meta;
use Test::Meta::Process;
use Test::Meta::Util qw(slurp spew wait_for);

my $NCHAN = '/usr/lib/nginx/modules/ngx_nchan_module.so';

# Debian's, which only an nginx of that version loads
config_verb needs_nchan => sub {
    my ($t) = @_;
    my $debian = '/usr/sbin/nginx';
    return $t->run(skip => 'nchan is not installed') unless -e $NCHAN && -x $debian;
    my ($its, $ours) = map { Test::Meta::Nginx::release($_) } $debian, undef;
    $t->run(skip => "nchan is for nginx $its, this is $ours") if $its != $ours;
};

# nchan alone, without us, aborts at the end of a single process
config_verb without_nchan => sub {
    my ($t) = @_;
    $t->run(skip => 'nchan 1.3 aborts in single-process mode')
        if ($ENV{META_T_MODULES} // '') =~ /nchan/;
};

# sockets that a process holds, but for those that it shares with the master
sub sockets {
    my ($t, $pid) = @_;
    my ($mine, $masters) = map {
        my $p = $_;
        +{map { (readlink($_) // '') => 1 } glob "/proc/$p/fd/*"}
    } $pid, $t->{nginx}->pid;
    return grep { /^socket:/ && !$masters->{$_} } keys %$mine;
}

verb helpers_without_redis => sub {
    my ($t) = @_;
    my @pids = $t->log =~ /start cache \w+ process (\d+)/g;
    ok @pids, 'nginx has helper processes';
    is scalar sockets($t, $_), 0, "helper has no socket of its own"
        for @pids;
};

verb try_post => sub {
    my ($t) = @_;
    eval { $t->run(post => '/hook', "\@whatsapp\n") };
};

verb lives => sub { ok $_[0]{nginx}->alive, 'nginx is alive' };

# DIRECTIVE: its line in nginx.conf becomes the text
verb rewrite_conf => sub {
    my ($t, $directive, $text) = @_;
    my $conf = slurp("$t->{dir}/nginx.conf");
    $text = $t->expand($text);
    $conf =~ s/^\s*$directive\s.*\n/$text/m or die "no $directive\n";
    spew("$t->{dir}/nginx.conf", $conf);
};

verb ended => sub {
    my ($t, $how) = @_;
    is $t->{nginx}->wait_exit(10), $how, "nginx has ended with $how";
};

# NAME STATUS: the connection was closed without an answer, or with that one
verb gone_or => sub {
    my ($t, $arg) = @_;
    my ($name, $status) = split ' ', $arg;
    my $got = eval { $t->{conns}{$name}->answer->{status} } // 0;
    ok $got == 0 || $got == $status, "closed, or $status: $got";
};

sub master_fds {
    my ($t) = @_;
    return scalar(() = glob "/proc/" . $t->{nginx}->pid . "/fd/*");
}

verb reloads => sub {
    my ($t, $n) = @_;
    my $before;
    for my $i (1 .. $n) {
        $t->run(post => '/hook', "\@whatsapp\n");
        is $t->{last}{status}, 200 if $t->{last}{status} != 200;
        $t->{nginx}->reload;
        next if defined $before;
        $t->run(running => 1);
        $before = master_fds($t);
    }
    $t->run(running => 1);
    is master_fds($t), $before, 'the master holds as many files as before';
    $t->run(llen => "meta:events $n");
};

# a client of its own posts all the time; what it was told is what is there
verb reloads_under_load => sub {
    my ($t, $n) = @_;
    my $tally = "$t->{dir}/tally";
    my $client = Test::Meta::Process->new->run(out => "$t->{dir}/client.out",
        code => sub {
            my ($acked, $other) = (0, 0);
            while (!-e "$t->{dir}/enough") {
                $t->run(post => '/hook', "\@whatsapp\n");
                $t->{last}{status} == 200 ? $acked++ : $other++;
            }
            spew($tally, "$acked $other");
        });
    $t->{nginx}->reload for 1 .. $n;
    spew("$t->{dir}/enough", '');
    is $client->wait_exit(20), '0', 'the client ends well';
    my ($acked, $other) = split ' ', slurp($tally);
    is $other, 0, 'fresh connections are answered 200 through all reloads';
    cmp_ok $acked, '>', 0, "$acked deliveries";
    $t->run(llen => "meta:events $acked");
    $t->run(running => 2);
};

verb kill_worker => sub {
    my ($t) = @_;
    my ($old) = $t->{nginx}->workers;
    kill 'KILL', $old;
    ok &wait_for(sub {
        my ($new) = $t->{nginx}->workers;
        $new && $new != $old }), 'another worker has been started';
};

verb nchan_publishes => sub {
    my ($t) = @_;
    ok &wait_for(sub {
        $t->run(request => 'POST /pub/one sign=none', "hello\n");
        $t->{last}{status} =~ /^20[12]$/ || (sleep(0.05), 0)[1] }),
        'nchan publishes through its Redis';
};

verb reopen => sub {
    my ($t) = @_;
    rename "$t->{dir}/access.log", "$t->{dir}/access.old" or die "rename: $!";
    $t->{nginx}->signal('USR1');
    ok &wait_for(sub { -e "$t->{dir}/access.log" }), 'a new access.log';
};

run_blocks();

__DATA__

=== several workers: one connection each, opened at start
--- workers: 3
--- clients: 3
--- load: 30
--- clients: 3
--- llen: meta:events 30

=== two targets and two workers
--- workers: 2
--- redis2: up
--- server
location /other {
    meta_webhook;
    meta_redis $REDIS2;
}
--- clients: redis 2
--- clients: redis2 2

=== none in nginx's cache manager and cache loader
--- once
--- http
proxy_cache_path $DIR/cache keys_zone=c:1m;
--- workers: 2
--- log: start cache manager process
--- clients: 2
--- load: 10
--- clients: 2
--- helpers_without_redis

=== a webhook that no location has: no connection, no work
--- location
return 200;
--- get: /hook
--- status: 200
--- clients: 0

=== single process
--- master: off
--- without_nchan
--- post: /hook
@whatsapp 3
--- status: 200
--- records: meta:events
--- clients: 1

=== single process, and HUP: nginx itself takes no connection after it; it lives and ends well
--- once
--- master: off
--- without_nchan
--- allow: worker_connections are not enough
plain nginx 1.22 says so too
--- env
META_T_APP_SECRET=environment-secret-01
--- http
meta_app_secret_file env:META_T_APP_SECRET;
--- post: /hook sign=key:environment-secret-01
@whatsapp
--- status: 200
--- signal: HUP
--- log: \[notice\] .*reconfiguring
--- try_post
--- redis_do: CLIENT KILL TYPE normal SKIPME yes
--- log: is away
--- try_post
--- lives

=== reload while Redis is asked: the old worker answers
--- redis_do: pause
--- post: /hook as=a
@whatsapp
--- wait_requests: 1
--- reload
--- redis_do: cont
--- recv: a
--- status: 200
--- llen: meta:events 1
--- running: 1
--- clients: 1
--- load: 3

=== reload while Redis is asked and never answers: 503 at the deadline, then the old worker goes
--- location
meta_webhook;
meta_redis_timeout $MS700;
--- redis_do: pause
--- post: /hook as=a
@whatsapp
--- wait_requests: 1
--- reload
--- recv: a
--- status: 503
--- running: 1
--- redis_do: cont
--- until: 200 3

=== reload while half of 3 MB is written: the old worker goes on to the end
--- redis_do: pause
--- post: /hook as=a
@size 3000000
--- wait_requests: 1
--- reload
--- redis_do: cont
--- recv: a
--- status: 200
--- records: meta:events
--- running: 1

=== reload while the body comes in
--- post: /hook as=a half=100
@whatsapp 2
--- wait_requests: 1
--- reload
--- rest: a
--- recv: a
--- status: 200
--- records: meta:events
--- running: 1

=== reload while Redis is away: the old worker does not stay for its timers
--- once
--- redis: down
--- post: /hook
@whatsapp
--- status: 503
--- clock: start
--- reload
--- running: 1
--- clock: below 1.5
--- redis_do: start
--- until: 200 3

=== reload to another Redis: what comes after goes there
--- once
--- redis2: up
--- load: 2
--- rewrite_conf: meta_redis
meta_redis $REDIS2;
--- reload
--- load: 3
--- llen: redis meta:events 2
--- llen: redis2 meta:events 3
--- clients: redis 0
--- clients: redis2 1

=== quit while Redis is asked: the answer is given, then all goes
--- once
--- redis_do: pause
--- post: /hook as=a
@whatsapp
--- wait_requests: 1
--- signal: QUIT
--- log: gracefully shutting down
--- redis_do: cont
--- recv: a
--- status: 200
--- llen: meta:events 1
--- ended: 0

=== quit with nothing to do is quick, Redis there or not
--- once
--- load: 1
--- redis_do: stop
--- post: /hook
@whatsapp
--- status: 503
--- clock: start
--- signal: QUIT
--- ended: 0
--- clock: below 1.5

=== TERM while Redis is asked: at once, without an alert
--- once
--- redis_do: pause
--- post: /hook as=a
@whatsapp
--- wait_requests: 1
--- clock: start
--- signal: TERM
--- ended: 0
--- clock: below 2
--- redis_do: cont

=== worker_shutdown_timeout with an idle Redis connection
--- main
worker_shutdown_timeout 1s;
--- load: 2
--- clock: start
--- reload
--- running: 1
--- clock: below 0.9
--- load: 2
--- clients: 1

=== worker_shutdown_timeout with a busy Redis connection
--- main
worker_shutdown_timeout 1s;
--- location
meta_webhook;
meta_redis_timeout 30s;
--- redis_do: pause
--- post: /hook as=a
@whatsapp
--- wait_requests: 1
--- clock: start
--- reload
--- running: 1
--- clock: above 0.9
--- clock: below 4
--- gone_or: a 503
--- redis_do: cont
--- load: 1

=== worker_shutdown_timeout while half of 3 MB is written
--- main
worker_shutdown_timeout 1s;
--- location
meta_webhook;
meta_redis_timeout 30s;
--- redis_do: pause
--- post: /hook as=a
@size 3000000
--- wait_requests: 1
--- reload
--- running: 1
--- gone_or: a 503
--- redis_do: cont
--- load: 1

=== worker_shutdown_timeout while Redis does not let us in
--- main
worker_shutdown_timeout 1s;
--- redis: script
EXPECT ^AUTH
EOF
EXPECT ^AUTH
--- file: password
redis-password-01
--- location
meta_webhook;
meta_redis $REDIS password_file=$DIR/password;
meta_redis_connect_timeout 30s;
--- post: /hook as=a
@whatsapp
--- wait_requests: 1
--- clock: start
--- reload
--- running: 1
--- clock: below 4
--- gone_or: a 503

=== many reloads: connections and files of the master stay as many
--- once
--- reloads: 25
--- clients: 1
--- running: 1
--- no_log: \[(?:warn|error)\] (?!.*: an ack is worth)

=== many reloads under load: each 200 is in the list
--- once
--- log_level: info
--- workers: 2
--- reloads_under_load: 10
--- clients: 2

=== a worker that is killed is started again and has its connection
--- allow: exited on signal 9
the block kills it
--- load: 1
--- kill_worker
--- clients: 1
--- load: 2
--- llen: meta:events 3

=== nchan loaded before us
--- modules: nchan-first
--- needs_nchan
--- post: /hook
@whatsapp 20
--- status: 200
--- records: meta:events

=== nchan loaded after us
--- modules: nchan-last
--- needs_nchan
--- post: /hook
@whatsapp 20
--- status: 200
--- records: meta:events

=== nchan before us and at work with the same Redis
--- modules: nchan-first
--- needs_nchan
--- redis: up tcp
--- http
nchan_shared_memory_size 8M;
upstream channels {
    nchan_redis_server redis://$REDIS;
}
--- server
location ~ ^/pub/(\w+)$ {
    nchan_channel_id $1;
    nchan_publisher;
    nchan_redis_pass channels;
}
--- nchan_publishes
--- load: 5
--- nchan_publishes
--- llen: meta:events 5

=== nchan after us and at work with the same Redis
--- modules: nchan-last
--- needs_nchan
--- redis: up tcp
--- http
nchan_shared_memory_size 8M;
upstream channels {
    nchan_redis_server redis://$REDIS;
}
--- server
location ~ ^/pub/(\w+)$ {
    nchan_channel_id $1;
    nchan_publisher;
    nchan_redis_pass channels;
}
--- nchan_publishes
--- load: 5
--- nchan_publishes
--- llen: meta:events 5

=== the log is reopened
--- once
--- load: 1
--- reopen
--- load: 1
