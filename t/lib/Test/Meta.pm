package Test::Meta;

# Declarative blocks in __DATA__, each with its own nginx and Redis: sections
# configure, act and expect in the order in which they stand (t/README).

use strict;
use warnings;

use Exporter qw(import);
use Test::More;
use Time::HiRes ();

use Test::Meta::HTTP;
use Test::Meta::Nginx;
use Test::Meta::Redis;
use Test::Meta::Scripted;
use Test::Meta::Util qw(patience slurp spew temp_dir wait_for);

our @EXPORT = qw(run_blocks config_verb verb);

our $SECRET = '3f8a1c5e9b7d204680acef1357924bd0';
our $TOKEN = 'verify-token-of-this-test';

# name => [phase, code]; phase "config" stands before the first action
my %VERB;

sub config_verb {
    my ($name, $code) = @_;
    $VERB{$name} = ['config', $code];
}

sub verb {
    my ($name, $code) = @_;
    $VERB{$name} = ['action', $code];
}

require Test::Meta::Verbs;

# blocks of {name, steps => [[verb, argument, text]]}; a mistake dies
sub parse {
    my ($data, $file) = @_;
    my (@blocks, $step);

    for my $line (split /^/, $data) {
        if ($line =~ /^===\s+(.+?)\s*$/) {
            push @blocks, {name => $1, steps => []};
            undef $step;
        } elsif ($line =~ /^---\s+(\w+)(?::\s*(.*?))?\s*$/) {
            die "$file: section before the first ===: $line" unless @blocks;
            my $block = $blocks[-1];
            my $verb = $VERB{$1}
                or die "$file: unknown section in \"$block->{name}\": $line";
            my $steps = $block->{steps};
            die "$file: too late in \"$block->{name}\": $line"
                if $verb->[0] eq 'config' && @$steps
                && $VERB{$steps->[-1][0]}[0] eq 'action';
            $step = [$1, $2 // '', ''];
            push @$steps, $step;
        } elsif ($step) {
            $step->[2] .= $line;
        }
    }
    for my $step (map { @{$_->{steps}} } @blocks) {
        $step->[2] =~ s/\n+\z/\n/;
        $step->[2] = '' if $step->[2] eq "\n";
    }
    return @blocks;
}

sub run_blocks {
    my $data = do { no strict 'refs'; local $/; readline *{'main::DATA'} };
    my $only = $ENV{META_T_BLOCK} // '.';
    my @blocks = grep { $_->{name} =~ /$only/ } parse($data, $0);
    plan(skip_all => "no block is called $only") unless @blocks;

    $SIG{$_} = sub { exit 130 } for qw(INT TERM);
    for my $block (@blocks) {
        subtest $block->{name} => sub { run_block($block) };
    }
    done_testing();
}

sub run_block {
    my ($block) = @_;
    my $rounds = $ENV{META_T_REPEAT} // ($ENV{META_T_HUP} ? 2 : 1);
    my $t;

    for my $round (1 .. $rounds) {
        if ($t && $ENV{META_T_HUP} && $t->can_go_on) {
            $t->next_round;
        } else {
            finish($t) if $t;
            $t = Test::Meta::Block->new;
        }
        local $SIG{ALRM} = sub { die "the block takes too long\n" };
        alarm 60 * patience();
        my $ok = eval {
            for my $step (@{$block->{steps}}) {
                my ($name, $arg, $text) = @$step;
                my $phase = $VERB{$name}[0];
                next if $phase eq 'config' && $t->{nginx};
                $t->up if $phase eq 'action';
                last if $t->{skip};
                $t->run($name, $arg, $text);
            }
            $t->up unless $t->{skip};
            1;
        };
        fail("died: $@") unless $ok;
        alarm 0;
        last if $t->{skip};
    }
    finish($t);
}

# the invariants, also when the servers are in no state to be asked
sub finish {
    my ($t) = @_;
    eval { $t->finish; 1 } or fail("died at the end: $@");
}

package Test::Meta::Block;

use strict;
use warnings;

use Test::More;

use Test::Meta::Util qw(patience slurp spew temp_dir wait_for);

sub new {
    my ($class) = @_;
    my $dir = temp_dir();
    diag "kept: $dir" if $ENV{META_T_LEAVE};
    return bless {dir => $dir, conf => {}, env => {}, allow => [], words => {},
        files => {}, redis_spec => {redis => ['up', ''], redis2 => ['none', '']},
        vars => {DIR => "$dir", SECRET => $Test::Meta::SECRET, TOKEN => $Test::Meta::TOKEN},
        secret => "$Test::Meta::SECRET\n", token => "$Test::Meta::TOKEN\n",
        conns => {}, mark => {}}, $class;
}

# Redis, files and nginx, once; a block that only asks nginx -t stops before
sub up {
    my ($self) = @_;
    return if $self->{nginx};
    $self->prepare;
    $self->{nginx}->start unless $self->{no_start};
}

sub prepare {
    my ($self) = @_;
    my $vars = $self->{vars};
    for my $name (sort keys %{$self->{redis_spec}}) {
        my ($kind, $text) = @{$self->{redis_spec}{$name}};
        next if $kind eq 'none';
        my $redis = $self->{$name} = $self->make_redis($name, $kind, $text);
        $vars->{uc $name} = $redis->address;
        $vars->{uc($name) . '_PORT'} = $redis->{port};
        $redis->start unless $kind =~ /down/;
    }
    $vars->{REDIS} //= '127.0.0.1:1';
    $self->learn($_) for map { $self->{$_} } qw(secret token);
    $self->{nginx} = Test::Meta::Nginx->new(%{$self->{conf}},
        dir => $self->{dir}, redis => $vars->{REDIS}, vars => $vars,
        secret => $self->{secret}, token => $self->{token},
        env => $self->{env});
    spew("$self->{dir}/$_", $self->expand($self->{files}{$_}))
        for keys %{$self->{files}};
    $_->() for @{$self->{before_start} // []};
}

# kind: words of up | down | script, tcp
sub make_redis {
    my ($self, $name, $kind, $text) = @_;
    my %arg = (dir => $self->{dir}, name => $name, tcp => scalar $kind =~ /tcp/);
    return Test::Meta::Scripted->new(%arg, script => $text)
        if $kind =~ /script/;
    $text = $self->expand($text);
    $arg{password} = $1 // $self->{redis_login}
        if $text =~ /^requirepass\s+(\S+)/m || $self->{redis_login};
    $self->learn($arg{password} // ());
    return Test::Meta::Redis->new(%arg, options => [
        map { my ($k, $v) = split ' ', $_, 2; ("--$k", split ' ', $v) }
        split /\n/, $text]);
}

# words that must never be seen in a log; digits are app ids
sub learn {
    my ($self, @texts) = @_;
    $self->{words}{$_} = 1
        for grep { length > 5 && !/^\d+$/ } map { split } @texts;
}

sub expand {
    my ($self, $text) = @_;
    return $self->{nginx}->expand($text) if $self->{nginx};
    $text =~ s/\$([A-Z][A-Z0-9_]*)\b/$self->{vars}{$1} \/\/ "\$$1"/ge;
    return $text;
}

# a section from Perl: $t->run(get => '/hook')
sub run {
    my ($self, $name, $arg, $text) = @_;
    my $verb = $VERB{$name} or die "unknown section: $name\n";
    return $verb->[1]->($self, $self->expand($arg // ''), $text // '');
}

# what was logged since the round began
sub log {
    my ($self, $name) = @_;
    my $text = slurp("$self->{dir}/" . ($name // 'error.log'));
    return substr $text, $self->{mark}{$name // 'error.log'} // 0;
}

sub can_go_on {
    my ($self) = @_;
    return $self->{nginx} && $self->{nginx}->alive && !$self->{once}
        && $self->{nginx}{master} eq 'on' && !$self->{no_start}
        && $self->{redis_spec}{redis}[0] !~ /down/
        && $self->{redis} && $self->{redis}->isa('Test::Meta::Redis')
        && $self->{redis}->alive;
}

sub next_round {
    my ($self) = @_;
    $self->{conns} = {};
    $self->{nginx}->reload;
    for my $redis (grep { $_ && $_->isa('Test::Meta::Redis') && $_->alive }
        @$self{qw(redis redis2)})
    {
        $redis->do('FLUSHALL');
        $redis->do('CONFIG', 'RESETSTAT');
    }
    $self->{mark}{$_} = -s "$self->{dir}/$_" for qw(error.log access.log);
    $self->{mark}{'meta.log'} = -s "$self->{dir}/meta.log";
}

# the invariants that every block gets free of charge
sub finish {
    my ($self) = @_;
    my $nginx = $self->{nginx};
    return unless $nginx;

    $self->{conns} = {};
    for my $redis (grep { defined } @$self{qw(redis redis2)}) {
        is $redis->unfinished, undef, 'the script was played to its end'
            if $redis->isa('Test::Meta::Scripted');
    }
    if (!$self->{no_start} && defined $nginx->pid) {
        my $how = $nginx->quit(15) // 'had to be killed';
        is $how, '0', 'the master ended well';
        for my $redis (grep { $_ && $_->isa('Test::Meta::Redis') && $_->alive }
            @$self{qw(redis redis2)})
        {
            $redis->cont;
            ok &wait_for(sub { !$redis->clients }),
                'no Redis connection is left';
        }
    }
    is $nginx->complaints(@{$self->{allow}}), '', 'nothing alarming in the log';
    is $nginx->leaks(keys %{$self->{words}}), '', 'no secret in a log';
    diag $nginx->error_log if $ENV{META_T_CATLOG};
    $_ && $_->pid && $_->stop('KILL') for @$self{qw(redis redis2)};
}

1;
