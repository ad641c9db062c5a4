# A disk that takes its time, or fails to sync: nobody is told 200 before, the
# event loop does not wait, and whoever waits may leave.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Test::Meta;
use Test::Meta::Spool;
use Test::Meta::Util qw(slurp spew wait_for);

# fdatasync() waits while the file "hang" is there, fails while "eio" is, and
# leaves a byte in "synced" each time that it succeeds; records cannot be read
# while "noread" is there
my $SHIM = <<'END';
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static char hang[512], eio[512], synced[512], noread[512];

__attribute__((constructor)) static void
start(void)
{
    const char *dir = getenv("META_T_SHIM");

    snprintf(hang, sizeof(hang), "%s/hang", dir);
    snprintf(eio, sizeof(eio), "%s/eio", dir);
    snprintf(synced, sizeof(synced), "%s/synced", dir);
    snprintf(noread, sizeof(noread), "%s/noread", dir);
}

ssize_t
pread64(int fd, void *buf, size_t len, off64_t offset)
{
    if (offset >= 4096 && access(noread, F_OK) == 0) {
        errno = EIO;
        return -1;
    }

    return syscall(SYS_pread64, fd, buf, len, offset);
}

int
fdatasync(int fd)
{
    int  out;

    while (access(hang, F_OK) == 0) {
        usleep(2000);
    }

    if (access(eio, F_OK) == 0) {
        errno = EIO;
        return -1;
    }

    out = open(synced, O_WRONLY|O_APPEND);
    if (out != -1) {
        if (write(out, ".", 1) != 1) {
            errno = EIO;
        }
        close(out);
    }

    return syscall(SYS_fdatasync, fd);
}
END

config_verb shim => sub {
    my ($t) = @_;
    my $dir = "$t->{dir}";
    return $t->run(skip => 'a library before the sanitizer\'s does not load')
        if $ENV{META_T_ASAN};
    spew("$dir/shim.c", $SHIM);
    spew("$dir/synced", '');
    chmod 0666, "$dir/synced";
    system(qw(cc -shared -fPIC -O1 -o), "$dir/shim.so", "$dir/shim.c") == 0
        or die "cc failed\n";
    @{$t->{env}}{qw(LD_PRELOAD META_T_SHIM)} = ("$dir/shim.so", $dir);
};

verb hang => sub { spew("$_[0]{dir}/hang", '') };
verb go_on => sub { unlink "$_[0]{dir}/hang" };
verb eio => sub { spew("$_[0]{dir}/eio", '') };
verb cannot_read => sub { spew("$_[0]{dir}/noread", '') };
verb can_read => sub { unlink "$_[0]{dir}/noread" };
verb no_eio => sub { unlink "$_[0]{dir}/eio" };

verb nobody_is_told => sub {
    my ($t) = @_;
    sleep 0.3;
    is Test::Meta::Spool::load_done($t), 0, 'nobody has an answer yet';
};

# N: at most so many syncs since the last look
verb syncs_at_most => sub {
    my ($t, $n) = @_;
    my $got = length slurp("$t->{dir}/synced");
    my $more = $got - ($t->{syncs} // 0);
    $t->{syncs} = $got;
    ok $more > 0 && $more <= $n, "$more syncs, at most $n";
};

# the clients find nobody any more
verb load_gone => sub {
    my ($t) = @_;
    my @load = splice @{$t->{load}};
    is $_->{process}->wait_exit(10), '0', 'a client has ended' for @load;
    is_deeply [grep { /^200/ } map { slurp($_->{out}) } @load], [],
        'none was told 200';
    push @{Test::Meta::Spool::acked($t)->{offered}{'meta:events'}},
        map { (split / /, $_, 3)[2] } map { split /\n/, slurp($_->{out}) }
        @load;
};

run_blocks();

__DATA__

=== nobody is told 200 before the sync, and many share one
--- shim
--- redis: down
--- spool
--- hang
--- load_begins: 40 n=1
--- wait_requests: 40
--- nobody_is_told
--- go_on
--- load_ends: by_itself
--- queued: spool 40
--- syncs_at_most: 5
--- redis_do: start
--- arrived: meta:events unordered
--- files: 0

=== records that cannot be read for a while are read later
--- shim
--- redis: down
--- spool
--- deliver: 3
--- cannot_read
--- redis_do: start
--- log: meta spool file "$DIR/spool/.*": pread\(\) failed, it is tried again \(5:
--- can_read
--- arrived: meta:events
--- files: 0
--- account: by_spool=3 drained=3

=== records that could not be read are there after a restart
--- once
--- shim
--- redis: down
--- spool
--- deliver: 3
--- cannot_read
--- redis_do: start
--- log: pread\(\) failed, it is tried again
--- nginx: quit
--- files: 1
--- can_read
--- nginx: start
--- arrived: meta:events
--- files: 0

=== the event loop goes on while the disk does not
--- shim
--- redis: down
--- spool
--- hang
--- load_begins: 2 n=1
--- wait_requests: 2
--- clock: start
--- get: /hook?hub.mode=subscribe&hub.challenge=yes&hub.verify_token=$TOKEN
--- status: 200
--- clock: below 1
--- nobody_is_told
--- go_on
--- load_ends: by_itself
--- redis_do: start
--- arrived: meta:events unordered

=== clients leave while the disk has their deliveries
--- shim
--- redis: down
--- spool
--- hang
--- post: /hook as=a
@whatsapp
--- post: /hook as=b
@whatsapp
--- post: /hook as=c
@whatsapp
--- wait_requests: 3
--- reset: a
--- reset: c
--- meta_log: ^499 .*\n(?:.*\n)*499
--- go_on
--- recv: b
--- status: 200
--- redis_do: start
--- llen: meta:events 3
--- files: 0
--- account: by_spool=3 drained=3

=== the worker is told to end while requests wait for the disk
--- once
--- shim
--- redis: down
--- spool
--- hang
--- load_begins: 10 n=1
--- wait_requests: 10
--- signal: QUIT
--- log: gracefully shutting down
--- nobody_is_told
--- go_on
--- load_ends: by_itself
--- nginx: quit
--- redis_do: start
--- nginx: start
--- arrived: meta:events unordered
--- files: 0

=== reload while requests wait for the disk
--- once
--- shim
--- redis: down
--- spool
--- hang
--- load_begins: 10 n=1
--- wait_requests: 10
--- reload
--- go_on
--- load_ends: by_itself
--- redis_do: start
--- arrived: meta:events unordered
--- files: 0

=== nginx is killed while requests wait: nobody was told, nothing is torn
--- once
--- shim
--- redis: down
--- spool
--- deliver: 3
--- hang
--- load_begins: 5 n=1
--- wait_requests: 8
--- nginx: kill
--- go_on
--- load_gone
--- redis_do: start
--- nginx: start
--- arrived: meta:events unordered
--- files: 0

=== the sync fails: 503, that file is trusted no more, what was safe is
--- once
--- shim
--- allow: takes nothing, deliveries are answered 503: fdatasync\(\) failed
that is what the block is about
--- redis: down
--- spool
--- deliver: 3
--- files: 1
--- eio
--- deliver: 1 status=503
--- log: \[crit\] .*fdatasync\(\) failed \(5:
--- no_eio
--- wait_ms: 1100
--- deliver: 3
--- files: 2
--- log: takes deliveries again
--- redis_do: start
--- arrived: meta:events
--- files: 0
--- account: by_spool=6 drained=6

=== the first sync of a file fails: no file, 503, and well again
--- shim
--- allow: takes nothing, deliveries are answered 503: fdatasync\(\) failed
that is what the block is about
--- redis: down
--- spool
--- eio
--- deliver: 1 status=503
--- files: 0
--- files: 0 spool.new
--- no_eio
--- wait_ms: 1100
--- deliver: 3
--- redis_do: start
--- arrived: meta:events
--- files: 0

=== the disk hangs for more than ten seconds: 503, and back
--- once
--- shim
--- allow: takes nothing, deliveries are answered 503: the disk does not answer
that is what the block is about
--- redis: down
--- spool
--- hang
--- deliver: 1 status=503
--- deliver: 1 status=503
--- log_count: 1 \[crit\] .*the disk does not answer
--- go_on
--- wait_ms: 500
--- deliver: 3
--- redis_do: start
--- arrived: meta:events
--- files: 0
