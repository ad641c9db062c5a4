# Files without a holder: of a worker that was killed, of an nginx before a
# restart, a reload or another binary; whoever lives takes them.

use strict;
use warnings;

use Test::More;

use Test::Meta;
use Test::Meta::Daemon;
use Test::Meta::Spool;
use Test::Meta::Util qw(slurp wait_for);

run_blocks();

__DATA__

=== one of two workers is killed while Redis is away
--- once
--- workers: 2
--- allow: exited on signal 9
that is what the block is about
--- redis: down
--- spool
--- load_begins: 6 n=30
--- load_ends: by_itself
--- kill_workers: 1
--- redis_do: start
--- arrived: meta:events unordered
--- files: 0
--- account: set_aside=0 spooled=0

=== both workers are killed under load, Redis comes back under load
--- once
--- workers: 2
--- log_level: info
--- allow: exited on signal 9
that is what the block is about
--- redis: down
--- spool
--- load_begins: 6 pause=5
--- load_has: 100
--- kill_workers: 2
--- load_has: 300
--- kill_workers: 1
--- redis_do: start
--- load_has: 500
--- kill_workers: 1
--- load_has: 600
--- load_ends: any
--- arrived: meta:events unordered dups=256
--- files: 0
--- account: set_aside=0 spooled=0

=== nginx is killed, and started anew
--- once
--- redis: down
--- spool
--- deliver: 50
--- nginx: kill
--- nginx: start
--- deliver: 50
--- redis_do: start
--- arrived: meta:events
--- files: 0

=== nginx is killed in the midst of a drain
--- once
--- log_level: info
--- spool
--- redis_do: CONFIG SET maxmemory 1
--- load_begins: 6 n=500
--- load_ends: by_itself
--- redis_do: CONFIG SET maxmemory 0
--- nginx: kill
--- nginx: start
--- arrived: meta:events unordered dups=300
--- files: 0
--- account: set_aside=0

=== a graceful end with a backlog, and a start
--- once
--- redis: down
--- spool
--- deliver: 50
--- nginx: quit
--- files: 1
--- nginx: start
--- log: \[notice\] .*meta spool file ".*" is adopted: 50 events
--- account: adopted=50 spooled=50
--- redis_do: start
--- arrived: meta:events
--- files: 0
--- account: adopted=50 drained=50 spooled=0

=== a graceful end in the midst of a drain: nothing twice but a window
--- once
--- log_level: info
--- spool
--- redis_do: CONFIG SET maxmemory 1
--- load_begins: 6 n=500
--- load_ends: by_itself
--- redis_do: CONFIG SET maxmemory 0
--- nginx: quit
--- nginx: start
--- arrived: meta:events unordered dups=256
--- files: 0
--- account: set_aside=0 spooled=0

=== a fast end under load, in the midst of outage and drain
--- once
--- workers: 2
--- log_level: info
--- redis: down
--- spool
--- load_begins: 6 pause=2
--- load_has: 200
--- nginx: term
--- nginx: start
--- load_has: 400
--- redis_do: start
--- nginx: term
--- load_ends: any
--- nginx: start
--- arrived: meta:events unordered dups=512
--- files: 0
--- account: set_aside=0 spooled=0

=== the spool moves to another directory with a backlog
--- once
--- redis: down
--- spool
--- deliver: 5
--- change_conf: $DIR/spool => $DIR/volume
--- reload
--- deliver: 5
--- running: 1
--- sh: mv spool/*.spool volume/
--- redis_do: start
--- arrived: meta:events unordered
--- sh: rmdir spool
--- account: set_aside=0 spooled=0

=== reload with a backlog: the new worker has it
--- once
--- redis: down
--- spool
--- deliver: 20
--- reload
--- deliver: 20
--- redis_do: start
--- arrived: meta:events unordered
--- files: 0

=== many reloads under load with a backlog
--- once
--- log_level: info
--- redis: down
--- spool
--- load_begins: 4 pause=5
--- load_has: 50
--- reload
--- load_has: 100
--- reload
--- load_has: 150
--- redis_do: start
--- reload
--- load_has: 200
--- reload
--- load_ends: any
--- arrived: meta:events unordered dups=256
--- files: 0
--- account: set_aside=0 spooled=0

=== an old worker that a slow request holds hands its files over
--- once
--- redis: down
--- spool
--- post: /hook half=10 as=slow
@whatsapp
--- deliver: 20
--- reload
--- redis_do: start
--- arrived: meta:events
--- files: 0
--- running: 2
--- rest: slow
--- recv: slow
--- status: 200
--- llen: meta:events 21

=== the list has another name after a reload: set aside, and put back
--- once
--- allow: which the configuration does not have: 5 events are kept aside
that is what the block is about
--- redis: down
--- location
meta_webhook;
meta_queue meta:old;
--- spool
--- deliver: 5 list=meta:old
--- change_conf: meta_queue meta:old => meta_queue meta:new
--- reload
--- files: 1 aside
--- files: 0
--- account: set_aside=5 spooled=0
--- redis_do: start
--- deliver: 2 list=meta:new
--- arrived: meta:new
--- change_conf: meta_queue meta:new => meta_queue meta:old
--- reload
--- sh: for f in spool/*.aside; do mv $f ${f%.aside}.spool; done
--- arrived: meta:old
--- files: 0

=== Redis has another name after a reload: set aside, and put back
--- once
--- redis2
--- allow: which the configuration does not have: 5 events are kept aside
that is what the block is about
--- redis: down
--- location
meta_webhook;
meta_redis $REDIS db=3;
--- spool
--- deliver: 5
--- change_conf: db=3 => db=4
--- reload
--- files: 1 aside
--- files: 0
--- change_conf: db=4 => db=3
--- reload
--- sh: for f in spool/*.aside; do mv $f ${f%.aside}.spool; done
--- files: 0 aside
--- redis_do: start
--- files: 0
--- redis_do: SELECT 3
--- arrived: meta:events

=== a list of a computed name is found again
--- once
--- redis: down
--- server
location ~ ^/tenant/(\w+)$ {
    meta_webhook;
    meta_queue t:$1;
}
--- spool
--- deliver: 3 uri=/tenant/one list=t:one
--- deliver: 3 uri=/tenant/two list=t:two
--- nginx: kill
--- redis_do: start
--- nginx: start
--- arrived: t:one
--- arrived: t:two
--- files: 0

=== another binary takes over with a backlog
--- daemon
--- redis: down
--- spool
--- start_daemon
--- deliver: 5
--- upgrade
--- deliver: 5
--- redis_do: start
--- arrived: meta:events unordered
--- files: 0
--- quit_daemon

=== single process: what it leaves is there for the next
--- once
--- master: off
--- redis: down
--- spool
--- deliver: 5
--- nginx: kill
--- redis_do: start
--- nginx: start
--- arrived: meta:events
--- files: 0

=== single process: HUP, after which nginx itself is of no use, with a backlog
--- once
--- master: off
--- allow: worker_connections are not enough
plain nginx 1.22 says so too
--- redis: down
--- spool
--- deliver: 5
--- signal: HUP
--- log: \[notice\] .*reconfiguring
--- nginx: kill
--- redis_do: start
--- nginx: start
--- arrived: meta:events
--- files: 0
