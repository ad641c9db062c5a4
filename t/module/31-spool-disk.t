# The disk under the spool: full, gone, read-only, not ours; 503 and one line,
# and deliveries again once it is well.

use strict;
use warnings;

use Test::More;

use Test::Meta;
use Test::Meta::Spool;
use Test::Meta::Util qw(wait_for);

Test::Meta::Spool::small_disk('400k');

config_verb needs_root => sub {
    $_[0]->run(skip => 'only root can') if $> != 0;
};

# workers cannot write there any more, and can again
my $LOCK = 'if [ $(id -u) = 0 ]; then chown root spool; chmod 755 spool;'
    . ' else chmod 500 spool; fi';
my $UNLOCK = 'if [ $(id -u) = 0 ]; then chown www-data spool; fi;'
    . ' chmod 700 spool';

verb until_empty => sub {
    my ($t, $dir) = @_;
    ok &wait_for(sub { !glob "$dir/*" }), 'the directory is empty';
};

verb lock_directory => sub { $_[0]->run(sh => '', $LOCK) };
verb unlock_directory => sub { $_[0]->run(sh => '', $UNLOCK) };

run_blocks();

__DATA__

=== max is reached: 503, one line, and deliveries again after a drain
--- allow: takes nothing, deliveries are answered 503: its max is reached
that is what the block is about
--- spool: max=64k
--- redis_do: CONFIG SET maxmemory 1
--- deliver: 200 status=any
--- status: 503
--- headers
Retry-After: \d+
--- log_count: 1 \[crit\] .*its max is reached
--- sh: test $(($(cat spool/* | wc -c) - 4096 * $(ls spool | wc -l))) -le 65536
--- redis_do: CONFIG SET maxmemory 0
--- arrived: meta:events
--- files: 0
--- redis_do: CONFIG SET maxmemory 1
--- deliver: 3
--- log: \[notice\] .*meta spool ".*" takes deliveries again
--- redis_do: CONFIG SET maxmemory 0
--- arrived: meta:events
--- files: 0

=== the disk is full: 503, nothing acked is lost, deliveries again
--- needs_disk
--- allow: takes nothing, deliveries are answered 503: p?write(?:v?\(\) failed|) 
that is what the block is about
--- http
meta_spool $DISK/full;
meta_redis_timeout $MS500;
--- redis_do: CONFIG SET maxmemory 1
--- deliver: 400 status=any size=2000
--- status: 503
--- log: \[crit\] .*\(28: 
--- redis_do: CONFIG SET maxmemory 0
--- arrived: meta:events
--- until_empty: $DISK/full
--- wait_ms: 1100
--- redis_do: CONFIG SET maxmemory 1
--- deliver: 3
--- log: \[notice\] .*meta spool ".*" takes deliveries again
--- redis_do: CONFIG SET maxmemory 0
--- arrived: meta:events
--- sh: rm -rf $DISK/full

=== the file system becomes read-only before the first file: 503, and back
--- needs_root
--- needs_disk
--- redis: down
--- allow: takes nothing, deliveries are answered 503: open\(\) failed
that is what the block is about
--- http
meta_spool $DISK/ro;
meta_redis_timeout $MS500;
--- sh: mount -o remount,ro $DISK
--- deliver: 2 status=503
--- log: \[crit\] .*takes nothing.*\(30: |\[crit\] .*\(30: .*takes nothing
--- sh: mount -o remount,rw $DISK
--- wait_ms: 1100
--- deliver: 3
--- log: \[notice\] .*meta spool ".*" takes deliveries again
--- redis_do: start
--- arrived: meta:events
--- sh: rm -rf $DISK/ro

=== the directory cannot be written to: 503, and back
--- redis: down
--- allow: takes nothing, deliveries are answered 503: open\(\) failed
that is what the block is about
--- spool
--- lock_directory
--- deliver: 2 status=503
--- log: \[crit\] .*(?:\(13: .*takes nothing|takes nothing.*\(13: )
--- unlock_directory
--- wait_ms: 1100
--- deliver: 3
--- redis_do: start
--- arrived: meta:events
--- files: 0

=== a file that is done but cannot be removed is not drained for ever
--- redis: down
--- allow: is done, but unlink\(\) failed
that is what the block is about
--- spool
--- deliver: 3
--- lock_directory
--- redis_do: start
--- arrived: meta:events
--- log: is done, but unlink\(\) failed
--- wait_ms: 5000
--- arrived: meta:events
--- unlock_directory
--- files: 0
--- arrived: meta:events

=== the directory is removed under an open file: what goes there is not safe
--- redis: down
--- allow: takes nothing, deliveries are answered 503
that is what the block is about
--- spool
--- deliver: 1
--- sh: mkdir old; mv spool/*.spool old; rmdir spool
--- sh: rm -r old
--- deliver: 2 status=503
--- sh: mkdir -m 700 spool; test $(id -u) != 0 || chown www-data spool
--- wait_ms: 1100
--- deliver: 3
--- redis_do: start
--- arrived: meta:events but=1
--- files: 0

=== a file becomes shorter under its holder: damaged, kept, and no end of it
--- redis: down
--- allow: is damaged
that is what the block is about
--- spool
--- deliver: 3
--- sh: truncate -s 4096 spool/*.spool
--- redis_do: start
--- log: \[crit\] .*meta spool file "$DIR/spool/.*" is damaged: 3 events of it cannot be read, it is kept aside
--- files: 0
--- files: 1 aside
--- account: by_spool=3 set_aside=3
--- deliver: 2
--- arrived: meta:events but=3

=== at start others may write into the directory
--- before_start: mkdir -m 777 spool; chmod 777 spool
--- http
meta_spool $DIR/spool;
--- refused
"meta_spool" "$DIR/spool" may be written by others than its owner: chmod go-w it

=== at start the directory belongs to somebody else
--- http
meta_spool /usr;
--- refused
"meta_spool" "/usr" belongs to uid \d+, and workers run as uid \d+: chown it

=== at start the path is a file
--- file: taken
x
--- http
meta_spool $DIR/taken;
--- refused
"meta_spool" "$DIR/taken" is not a directory

=== at start the parent is missing
--- http
meta_spool $DIR/no/spool;
--- refused
mkdir\(\) "$DIR/no/spool" failed for "meta_spool": its parent does not exist \(2:

=== an existing directory keeps its mode
--- before_start: mkdir -m 750 spool; test $(id -u) != 0 || chown www-data spool
--- redis: down
--- spool
--- deliver: 1
--- sh: test "$(stat -c %a spool)" = 750
--- redis_do: start
--- arrived: meta:events

=== disk with the spool off is refused
--- http
meta_spool off;
meta_ack disk;
--- refused
"meta_ack disk"
