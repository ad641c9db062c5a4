# Spool files that a power cut or a bad disk has touched, and files that are
# none: what can be read arrives, nothing else does, and nothing is thrown away.

use strict;
use warnings;

use Compress::Zlib qw(crc32);
use Test::More;

use Test::Meta;
use Test::Meta::Spool;
use Test::Meta::Util qw(slurp spew wait_for);

# A file that nginx has written, taken apart: its header, and its records as
# {head, payload, event}.
sub take_apart {
    my ($bytes) = @_;
    my %file = (header => substr($bytes, 0, 4096), records => []);
    my $at = 4096;
    while ($at < length $bytes) {
        my $head = substr $bytes, $at, 32;
        my $payload = substr $bytes, $at + 32, unpack 'x4 V', $head;
        push @{$file{records}}, {head => $head, payload => $payload,
            event => $payload =~ /"event":(.*)\}\r\n\z/s};
        $at += 32 + length $payload;
    }
    return \%file;
}

# The same records in a file of another id: two of one id are never seen.
sub with_id {
    my ($file, $id) = @_;
    my $out = $file->{header};
    substr $out, 16, 8, $id;
    substr $out, 2048, 24, "\0" x 24;
    substr $out, 12, 4,
        pack 'V', crc32(substr($out, 16, 2048 - 16), crc32(substr $out, 0, 12));
    for my $record (@{$file->{records}}) {
        my $head = substr $record->{head}, 0, 28;
        my $crc = crc32($id . pack('Q<', length $out));
        $out .= $head . pack('V', crc32($head, $crc)) . $record->{payload};
    }
    return $out;
}

my $FILES = 0;

# into the running nginx's spool, whole at once, as its workers' user
sub drop {
    my ($t, $bytes) = @_;
    my $id = sprintf '%016x', ++$FILES + 2**32 * $$;
    my $temp = spew("$t->{dir}/drop", $bytes);
    if ($> == 0) {
        chown +(getpwnam 'www-data')[2], -1, $temp or die "chown: $!";
    }
    chmod 0600, $temp;
    rename $temp, "$t->{dir}/spool/1700000000000-$id.spool" or die $!;
    return $id;
}

sub id { return pack 'Q<', $FILES + 1 + 2**32 * $$ }

# three deliveries' file as nginx leaves it when it is killed; Redis is empty
verb sample_file => sub {
    my ($t) = @_;
    $t->run(redis_do => 'CONFIG SET maxmemory 1');
    $t->run(deliver => 3);
    $t->run(files => 1);
    my ($path) = glob "$t->{dir}/spool/*.spool";
    $t->{file} = take_apart(slurp($path));
    is scalar @{$t->{file}{records}}, 3, 'three records in the file';
    is with_id($t->{file}, substr $t->{file}{header}, 16, 8), slurp($path),
        'the file is as meta_spool.h says';
    $t->run(redis_do => 'CONFIG SET maxmemory 0');
    $t->run(arrived => 'meta:events');
    $t->run(files => 0);
    $t->run(redis_do => 'DEL meta:events');
};

# all files dropped have gone or are aside, and that is what the list holds
sub settled {
    my ($t, $aside, %want) = @_;
    my (@left, @aside, %got);
    wait_for {
        @left = Test::Meta::Spool::files($t, 'spool');
        @aside = Test::Meta::Spool::files($t, 'aside');
        !@left && @aside == $aside;
    } 40;
    is scalar @left, 0, 'no file waits any more';
    is scalar @aside, $aside, "$aside files are kept aside";
    $got{/"event":(.*)\}\z/s ? $1 : $_}++
        for $t->{redis}->queue('meta:events');
    my @events = map { $_->{event} } @{$t->{file}{records}};
    is_deeply [map { $got{$_} // 0 } @events], [map { $want{$_} } 0 .. 2],
        'records one, two and three arrive ' . join ', ', map { $want{$_} } 0 .. 2;
    delete @got{@events};
    is scalar keys %got, 0, 'and nothing else';
    is scalar $t->{nginx}->workers, $t->{nginx}{workers}, 'no worker has died';
}

verb cut_everywhere => sub {
    my ($t) = @_;
    my $last = $t->{file}{records}[2];
    my $n = 32 + length $last->{payload};
    for my $cut (1 .. $n) {
        my $bytes = with_id($t->{file}, id());
        drop($t, substr $bytes, 0, length($bytes) - $cut);
    }
    settled($t, 0, 0 => $n, 1 => $n, 2 => 0);
    my $said = $n - 1;
    $t->run(log_count =>
        "$said \\[warn\\] .*in the middle of a record, which is cut off");
};

# a bit of every byte of one record's head, and of some of its payload's
verb flip_everywhere => sub {
    my ($t, $which) = @_;
    my $file = $t->{file};
    my $start = 4096;
    $start += 32 + length $file->{records}[$_]{payload} for 0 .. $which - 1;
    my $end = $start + 32 + length $file->{records}[$which]{payload};
    my @at = ($start .. $start + 31, map { $start + 32 + 29 * $_ }
        0 .. ($end - $start - 33) / 29);
    push @at, $end - 1;
    for my $at (@at) {
        my $bytes = with_id($file, id());
        substr($bytes, $at, 1) ^= chr(1 << $at % 8);
        drop($t, $bytes);
    }
    settled($t, scalar @at, map { $_ => $_ == $which ? 0 : scalar @at } 0 .. 2);
    $t->run(log_count => scalar(@at) . ' \[crit\] .*\.spool" is damaged');
};

verb flip_header => sub {
    my ($t) = @_;
    my @at = (0 .. 47, 600, 1000, 2047);
    for my $at (@at) {
        my $bytes = with_id($t->{file}, id());
        substr($bytes, $at, 1) ^= chr(1 << $at % 8);
        drop($t, $bytes);
    }
    settled($t, scalar @at, map { $_ => 0 } 0 .. 2);
    $t->run(log_count => scalar(@at) . ' \[crit\] .*has no valid header');
};

# progress is a help, no need
verb flip_progress => sub {
    my ($t) = @_;
    my @at = (2048 .. 2075, 3000, 4095);
    for my $at (@at) {
        my $bytes = with_id($t->{file}, id());
        substr($bytes, $at, 1) ^= chr(1 << $at % 8);
        drop($t, $bytes);
    }
    settled($t, 0, map { $_ => scalar @at } 0 .. 2);
};

# zeros behind it, another file's record, its own first record once more
verb tails => sub {
    my ($t) = @_;
    my @tails = ("\0" x 4096, "x" x 10, "\xf5MR1" x 20);
    my $bytes = with_id($t->{file}, id());
    push @tails, substr $bytes, 4096;
    drop($t, with_id($t->{file}, id()) . $_) for @tails;
    settled($t, scalar @tails, map { $_ => scalar @tails } 0 .. 2);
};

verb garbage => sub {
    my ($t) = @_;
    my $spool = "$t->{dir}/spool";
    drop($t, '');
    drop($t, 'x');
    drop($t, join '', map { chr rand 256 } 1 .. 20000);
    drop($t, substr with_id($t->{file}, id()), 0, 4095);
    spew("$t->{dir}/elsewhere", with_id($t->{file}, id()));
    mkdir "$spool/1-directory.spool" or die $!;
    symlink "$t->{dir}/elsewhere", "$spool/2-symlink.spool" or die $!;
    system 'mkfifo', '-m', '0666', "$spool/3-fifo.spool";
    spew("$spool/4-other", 'x');
    spew("$spool/.5-hidden.spool", 'x');
    my $good = drop($t, with_id($t->{file}, id()));
    wait_for { Test::Meta::Spool::files($t, 'aside') == 4
        && !-e "$spool/1700000000000-$good.spool" };
    is scalar Test::Meta::Spool::files($t, 'aside'), 4, 'four are kept aside';
    my @left = map { s{.*/}{}r } Test::Meta::Spool::files($t, 'spool');
    is "@left", '1-directory.spool 2-symlink.spool 3-fifo.spool',
        'what is no file is left alone';
    $t->run(llen => 'meta:events 3');
    is slurp("$spool/4-other"), 'x', 'a file of another name too';
    rmdir "$spool/1-directory.spool";
    unlink "$spool/2-symlink.spool", "$spool/3-fifo.spool";
};

run_blocks();

__DATA__

=== cut at every byte of the last record: those before it arrive
--- once
--- log_level: info
--- spool
--- sample_file
--- cut_everywhere

=== a bit flipped in the first record
--- once
--- allow: \.spool" is damaged
that is what the block is about
--- log_level: info
--- spool
--- sample_file
--- flip_everywhere: 0

=== a bit flipped in the middle record
--- once
--- allow: \.spool" is damaged
that is what the block is about
--- log_level: info
--- spool
--- sample_file
--- flip_everywhere: 1

=== a bit flipped in the last record
--- once
--- allow: \.spool" is damaged
that is what the block is about
--- log_level: info
--- spool
--- sample_file
--- flip_everywhere: 2

=== a bit flipped in the header
--- once
--- allow: has no valid header, it is kept aside
that is what the block is about
--- log_level: info
--- spool
--- sample_file
--- flip_header

=== a bit flipped in the progress, and where nothing stands
--- once
--- log_level: info
--- spool
--- sample_file
--- flip_progress

=== something behind the last record
--- once
--- allow: \.spool" is damaged
that is what the block is about
--- log_level: info
--- spool
--- sample_file
--- tails

=== garbage of all kinds, and a good file beside it
--- once
--- allow: has no valid header, it is kept aside
that is what the block is about
--- log_level: info
--- spool
--- sample_file
--- garbage

=== a file that workers may not open is told, and taken once they may
--- once
--- allow: has files that nobody works: open\(\) failed
that is what the block is about
--- redis: down
--- spool
--- deliver: 3
--- nginx: kill
--- sh: chmod 0 spool/*.spool; test $(id -u) != 0 || chown root spool/*.spool
--- nginx: start
--- log: \[crit\] .*has files that nobody works: open\(\) failed for 1, .*\(13:
--- sh: test $(id -u) != 0 || chown www-data spool/*.spool; chmod 600 spool/*
--- redis_do: start
--- arrived: meta:events
--- files: 0

=== what is set aside counts as well: no more than max
--- allow: sets aside what Redis refuses for good|its max is reached
that is what the block is about
--- location
meta_webhook;
meta_ack disk;
--- spool: max=64k
--- redis_do: SET meta:events x
--- deliver: 150 status=any
--- wait_ms: 2500
--- deliver: 150 status=any
--- status: 503
--- sh: test $(cat spool/* | wc -c) -le 140000
