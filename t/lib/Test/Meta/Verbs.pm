package Test::Meta::Verbs;

# The closed list of sections: what a block can configure, do and expect.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Mojo::JSON qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);

use Test::Meta::HTTP;
use Test::Meta::Sample;
use Test::Meta::Util qw(patience slurp spew wait_for);

BEGIN {
    *verb = \&Test::Meta::verb;
    *config_verb = \&Test::Meta::config_verb;
}

sub ok_when(&$;$) {
    my ($condition, $name, $seconds) = @_;
    return ok &wait_for($condition, $seconds), $name;
}

# -- configuration

for my $place (qw(main http server location)) {
    config_verb $place => sub { $_[0]{conf}{$place} = $_[2] };
}

for my $word (qw(workers master modules log_level)) {
    config_verb $word => sub { $_[0]{conf}{$word} = $_[1] };
}

config_verb bare => sub { $_[0]{conf}{bare} = 1 };
config_verb once => sub { $_[0]{once} = 1 };
config_verb skip => sub { $_[0]{skip} = 1; plan skip_all => $_[1] };
config_verb secret => sub { $_[0]{secret} = $_[0]->expand($_[2]) };
config_verb token => sub { $_[0]{token} = $_[0]->expand($_[2]) };

config_verb file => sub {
    my ($t, $name, $text) = @_;
    $t->{files}{$name} = $text;
    $t->learn($t->expand($text)) if $name =~ /secret|token|password/;
};

config_verb env => sub {
    my ($t, $arg, $text) = @_;
    my %env = $t->expand($text) =~ /^(\w+)=(.*)$/mg;
    %{$t->{env}} = (%{$t->{env}}, %env);
    $t->learn(values %env);
};

for my $name (qw(redis redis2)) {
    config_verb $name => sub { $_[0]{redis_spec}{$name} = [@_[1, 2]] };
}

# a log line that is allowed, and why
config_verb allow => sub {
    my ($t, $regex, $reason) = @_;
    die "allow $regex: no reason given\n" unless $reason =~ /\w/;
    push @{$t->{allow}}, $regex;
};

# nginx -t refuses the configuration, each line a regex on what it says
config_verb refused => sub {
    my ($t, $arg, $text) = @_;
    check_test($t, 'exit 1', $text);
};

# nginx -t is content; lines as above, !REGEX for what it must not say
config_verb accepted => sub {
    my ($t, $arg, $text) = @_;
    check_test($t, '0', $text, $arg);
};

sub check_test {
    my ($t, $want, $text, $flag) = @_;
    $t->{no_start} = 1;
    $t->up;
    my ($how, $said) = $t->{nginx}->test($flag || '-t');
    is $how, $want, "nginx -t ends with $want" or diag $said;
    for my $regex (grep { length } split /\n/, $t->expand($text)) {
        $regex =~ s/^!// ? unlike($said, qr/$regex/, "-t does not say $regex")
            : like($said, qr/$regex/, "-t says $regex");
    }
    my @leaks = grep { index($said, $_) >= 0 } keys %{$t->{words}};
    is "@leaks", '', 'no secret in what -t says';
    $t->{allow} = ['.*'] if $want ne '0';
}

# -- requests

# "> Name: value" lines, then the body; "@whatsapp 20", "@page 3", "@size N",
# "@file PATH", "@same" stand for one
sub headers_and_body {
    my ($t, $text) = @_;
    my @headers;
    while ($text =~ s/\A> ([^:\n]+): ?(.*)\n//) {
        push @headers, [$1, $t->expand($2)];
    }
    return \@headers, undef unless length $text;
    chomp $text;
    my $sample = $text eq '@same' ? $t->{sent}
        : $text =~ /^@(whatsapp|page|size)(?: (\d+))?$/
            ? Test::Meta::Sample->can($1)->($2)
        : Test::Meta::Sample::literal(
            $text =~ /^\@file (\S+)$/ ? slurp($t->expand($1))
            : $text eq '@empty' ? '' : $text);
    $t->learn(map { substr $_, 0, 64 } @{$sample->{texts}});
    $t->{sent} = $sample;
    return \@headers, $sample->{body};
}

# the value of X-Hub-Signature-256 for sign=HOW, undef for none
sub signature {
    my ($t, $how, $body) = @_;
    return undef if $how eq 'none';
    return $how =~ s/^raw://r if $how =~ /^raw:/;
    my $key = $how =~ /^key:(.*)/ ? $1 : $Test::Meta::SECRET;
    my $hex = hmac_sha256_hex($body, $key);
    $t->learn($hex, uc $hex);
    return $how eq 'bad' ? 'sha256=' . ($hex =~ tr/0-9a-f/1-9a-f0/r)
        : $how eq 'upper' ? 'sha256=' . uc $hex
        : $how eq 'short' ? 'sha256=' . substr $hex, 1
        : $how eq 'long' ? "sha256=${hex}0"
        : $how eq 'nothex' ? 'sha256=' . $hex =~ s/.$/g/r
        : $how eq 'nohead' ? $hex
        : $how eq 'sha1' ? 'sha1=' . substr $hex, 0, 40
        : "sha256=$hex";
}

sub chunks {
    my ($body, $size) = @_;
    my $out = '';
    while (length(my $part = substr $body, 0, $size, '')) {
        $out .= sprintf "%x\r\n%s\r\n", length $part, $part;
    }
    return $out . "0\r\n\r\n";
}

# METHOD URI [as=NAME] [sign=HOW] [chunked=N] [expect] [h2] [half=N] [nolength]
sub request {
    my ($t, $arg, $text) = @_;
    my ($method, $uri, @opts) = split ' ', $arg;
    my %opt = map { /^(\w+)=(.*)/ ? ($1, $2) : ($_, 1) } @opts;
    my ($headers, $body) = headers_and_body($t, $text);

    $t->learn(map { $_, s/%([0-9a-f]{2})/chr hex $1/gier }
        $uri =~ /(?:verify_token|code|state|signed_request)=([^&\s]+)/g);
    if (defined $body) {
        my $value = signature($t, $opt{sign} // 'good', $body);
        unshift @$headers, ['X-Hub-Signature-256', $value] if defined $value;
        unshift @$headers, ['Content-Type', 'application/json'];
    }
    if ($opt{h2}) {
        return $t->{last} = Test::Meta::HTTP::h2($t->{dir},
            $t->{nginx}->h2_port, $method, $uri, $headers, $body);
    }
    my $wire = $body // '';
    if ($opt{chunked}) {
        push @$headers, ['Transfer-Encoding', 'chunked'];
        $wire = chunks($wire, $opt{chunked});
    } elsif (defined $body && !$opt{nolength}) {
        push @$headers, ['Content-Length', length $body];
    }
    push @$headers, ['Connection', 'close'] unless $opt{as};
    push @$headers, ['Expect', '100-continue'] if $opt{expect};
    unshift @$headers, ['Host', 'meta.test']
        unless grep { $_->[0] eq 'Host' } @$headers;

    my $c = $t->{conns}{$opt{as} // ''};
    $c = $t->{conns}{$opt{as} // ''} = Test::Meta::HTTP->new($t->{nginx}->port)
        unless $c && $opt{as};
    $c->{method} = $method;
    my $head = join '', "$method $uri HTTP/1.1\r\n",
        (map { "$_->[0]: $_->[1]\r\n" } @$headers), "\r\n";
    if ($opt{expect}) {
        $c->send($head);
        $c->{continued} = $c->continues or $wire = '';
        $head = '';
    }
    if (defined $opt{half}) {
        $c->{rest} = substr $wire, $opt{half}, length $wire, '';
    }
    $c->send($head . $wire);
    return if $opt{as};
    $t->{last} = $c->answer($method);
    unshift @{$t->{last}{interim}}, 100 if $c->{continued};
    $c->close;                  # nginx lingers, and logs, until then
}

verb request => \&request;
verb get => sub { request($_[0], "GET $_[1]", $_[2]) };
verb post => sub { request($_[0], "POST $_[1]", $_[2]) };

sub conn {
    my ($t, $name) = @_;
    return $t->{conns}{$name} // die "no connection \"$name\"\n";
}

# NAME [open]: lines as they are, CR LF between them, on a connection of that
# name; an empty line ends them unless they are "open"
verb raw => sub {
    my ($t, $arg, $text) = @_;
    my ($name, $open) = split ' ', $arg;
    my $c = $t->{conns}{$name} //= Test::Meta::HTTP->new($t->{nginx}->port);
    $text = $t->expand($text) =~ s/\n+\z//r =~ s/\n/\r\n/gr;
    $c->send($text . ($open ? '' : "\r\n\r\n"));
};

verb recv => sub {
    my ($t, $name) = @_;
    my $c = conn($t, $name);
    $t->{last} = $c->answer($c->{method});
    $c->half_close if 'close'
        eq (Test::Meta::HTTP::header($t->{last}, 'Connection') // '');
};

verb rest => sub { my $c = conn(@_); $c->send(delete $c->{rest}) };
verb half_close => sub { conn(@_)->half_close };
verb reset => sub { conn(@_)->reset };
verb close => sub { conn(@_)->close };
verb is_closed => sub { ok conn(@_)->is_closed, "connection $_[1] is closed" };

# N POSTs of one message each to /hook, one after another, kept alive where
# nginx lets us; all must be 200
verb load => sub {
    my ($t, $n) = @_;
    my %status;
    for (1 .. $n) {
        request($t, 'POST /hook', "\@whatsapp 1\n");
        $status{$t->{last}{status}}++;
    }
    is_deeply \%status, {200 => $n}, "$n times 200";
};

# STATUS SECONDS [sign=HOW]: posts to /hook until that is the answer; 503
# before it is fine
verb until => sub {
    my ($t, $arg) = @_;
    my ($status, $seconds, @opts) = split ' ', $arg;
    my %seen;
    ok_when {
        sleep 0.03 if %seen;
        request($t, "POST /hook @opts", "\@whatsapp\n");
        $seen{$t->{last}{status}}++;
        $t->{last}{status} == $status;
    } "$status within $seconds s", $seconds;
    delete @seen{503, $status};
    is_deeply \%seen, {}, 'and nothing but 503 before';
};

# N: nginx has begun to work so many requests since the round began
verb wait_requests => sub {
    my ($t, $n) = @_;
    ok_when {
        my @seen = $t->log =~ /http request line: "/g;
        @seen >= $n;
    } "$n requests";
};

# -- expectations on the last answer

verb status => sub {
    my ($t, $want) = @_;
    is $t->{last}{status}, $want, "status $want";
};

verb answer => sub {
    my ($t, $arg, $text) = @_;
    my $want = length $arg ? $arg : $text =~ s/\n\z//r;
    is $t->{last}{body}, $want, 'the answer\'s body';
};

verb answer_like => sub {
    like $_[0]{last}{body}, qr/$_[1]/, "the answer is like $_[1]";
};

# "Name: regex" for the whole value, "!Name" where it must not stand
verb headers => sub {
    my ($t, $arg, $text) = @_;
    for my $line (grep { length } split /\n/, $text) {
        my ($not, $name, $regex) = $line =~ /^(!?)([\w-]+)(?::\s*(.*))?$/;
        my $value = Test::Meta::HTTP::header($t->{last}, $name);
        $not ? is($value, undef, "no $name")
            : like($value // '(none)', qr/^(?:$regex)$/, "$name is $regex");
    }
};

verb interim => sub { is "@{$_[0]{last}{interim}}", $_[1], "1xx: $_[1]" };

# remembers this answer, or compares with the one remembered
verb remember => sub { $_[0]{kept}{$_[1]} = comparable($_[0]{last}) };
verb same_as => sub {
    is_deeply comparable($_[0]{last}), $_[0]{kept}{$_[1]}, "same as $_[1]";
};

sub comparable {
    my ($answer) = @_;
    return {%$answer,
        headers => [grep { $_->[0] !~ /^date$/i } @{$answer->{headers}}]};
}

# -- expectations on the queue: "NAME", "redis2 NAME"

sub redis_of {
    my ($t, $arg) = @_;
    my @words = split ' ', $arg;
    my $redis = ($words[0] // '') =~ /^redis2?$/ ? shift @words : 'redis';
    return ($t->{$redis}, @words);
}

# exact text of all records, ID for the delivery, NOW for a received_at of now
verb queue => sub {
    my ($t, $arg, $text) = @_;
    my ($redis, $list) = redis_of($t, $arg);
    my @got = map {
        s/"delivery":"[0-9a-f]{32}"/"delivery":"ID"/r
            =~ s{"received_at":(\d+),}{
                abs($1 - time * 1000) < 60000
                    ? '"received_at":NOW,' : "\"received_at\":$1,"}er
    } $redis->queue($list);
    is join("\n", @got), $t->expand($text) =~ s/\n\z//r, "queue $list";
};

verb llen => sub {
    my ($t, $arg) = @_;
    my ($redis, $list, $n) = redis_of($t, $arg);
    my $got;
    wait_for { ($got = $redis->do('LLEN', $list)) >= $n } 5;
    is $got, $n, "$n events in $list";
};

# the events of the last body and nothing else: bytes, order, n, of, delivery
verb records => sub {
    my ($t, $arg) = @_;
    my ($redis, $list) = redis_of($t, $arg);
    my @delivery = check_records($t, $redis->queue($list));
    $t->run(meta_log => "delivery=$_\$") for @delivery;
};

# the same of the RPUSH that the scripted Redis got last
verb peer_records => sub {
    my ($t, $list) = @_;
    my ($command, $name, @got) = $t->{redis}->got;
    is "$command $name", "RPUSH $list", 'RPUSH of the list';
    check_records($t, @got);
};

sub check_records {
    my ($t, @got) = @_;
    my @want = @{$t->{sent}{events}};
    my (@raw, @place, %delivery);
    for my $record (@got) {
        my $r = eval { decode_json($record) } or return fail("no JSON: $@");
        push @raw, $record =~ /"event":(.*)\}\z/s;
        push @place, "$r->{n}/$r->{of}";
        $delivery{$r->{delivery}} = 1;
    }
    is scalar @raw, scalar @want, 'as many records as events';
    is_deeply [grep { ($raw[$_] // '') ne $want[$_] } 0 .. $#want], [],
        'bytes and order are those that Meta sent';
    is "@place", join(' ', map { "$_/" . @want } 0 .. $#want), 'n and of';
    is scalar keys %delivery, 1, 'one delivery id';
    return keys %delivery;
}

# COMMAND N: Redis has worked it so many times
verb calls => sub {
    my ($t, $arg) = @_;
    my ($redis, $command, $n) = redis_of($t, $arg);
    is $redis->calls($command), $n, "$n times $command";
};

# connections that others than the harness hold
verb clients => sub {
    my ($t, $arg) = @_;
    my ($redis, $n) = redis_of($t, $arg);
    my @got;
    ok_when { @got = $redis->clients; @got == $n } "$n connections"
        or diag scalar(@got), ' seen';
};

# -- expectations on logs: waited for

for my $file (qw(error access meta)) {
    my $verb = $file eq 'error' ? 'log' : "${file}_log";
    verb $verb => sub {
        my ($t, $arg, $text) = @_;
        for my $regex (length $arg ? $arg : split /\n/, $t->expand($text)) {
            ok_when { $t->log("$file.log") =~ /$regex/m } "$verb: $regex"
                or diag $t->log("$file.log") =~ s/^.*\[debug\].*\n//mgr;
        }
    };
    verb "no_$verb" => sub {
        my ($t, $arg, $text) = @_;
        unlike $t->log("$file.log"), qr/$_/m, "no $verb: $_"
            for length $arg ? $arg : split /\n/, $t->expand($text);
    };
}

# NAME: a file of the block's directory holds exactly this
verb file_is => sub {
    my ($t, $name, $text) = @_;
    wait_for { slurp("$t->{dir}/$name") eq $text } 5;
    is slurp("$t->{dir}/$name"), $text, "content of $name";
};

# N REGEX: exactly so many lines
verb log_count => sub {
    my ($t, $arg) = @_;
    my ($n, $regex) = split ' ', $arg, 2;
    my @lines;
    wait_for { @lines = $t->log =~ /^.*(?:$regex).*\n/mg; @lines >= $n } 5;
    is scalar @lines, $n, "$n times in the log: $regex" or diag @lines;
};

# -- what happens to the servers

# NAME: a file of the block gets other content
verb write => sub {
    my ($t, $name, $text) = @_;
    spew("$t->{dir}/$name", $t->expand($text));
    $t->learn($t->expand($text)) if $name =~ /secret|token|password/;
};

verb reload => sub { $_[0]{nginx}->reload };
verb signal => sub { $_[0]{nginx}->signal($_[1]) };
verb wait_ms => sub { sleep $_[1] / 1000 * patience() };

# the workers that were running at this moment get out of the way in time
verb running => sub {
    my ($t, $n) = @_;
    my $got;
    ok_when { ($got = () = $t->{nginx}->workers) == $n } "$n workers", 15
        or diag "$got run";
};

# NAME VERB...: start stop restart pause cont, go NAME, or a Redis command
for my $name (qw(redis redis2)) {
    verb "${name}_do" => sub {
        my ($t, $arg, $text) = @_;
        my $redis = $t->{$name};
        for my $line (length $arg ? $arg : split /\n/, $t->expand($text)) {
            my ($what, @args) = split ' ', $line;
            $what =~ /^(?:start|stop|restart|pause|cont|go)$/
                ? $redis->$what(@args) : $redis->do($what, @args);
        }
    };
}

# the scripted Redis has come so far
verb peer => sub {
    my ($t, $regex) = @_;
    ok_when { $t->{redis}->seen =~ /$regex/m } "Redis peer: $regex"
        or diag $t->{redis}->seen;
};

# start | below SECONDS | above SECONDS: the steps since "clock: start" took at most / at least
verb clock => sub {
    my ($t, $arg) = @_;
    my ($what, $seconds) = split ' ', $arg;
    return $t->{clock} = time if $what eq 'start';
    my $took = time - $t->{clock};
    my $ok = $what eq 'below' ? $took < $seconds * patience()
        : $took >= $seconds;
    ok $ok, sprintf 'took %.2f s, %s %s', $took, $what, $seconds;
};

1;
