package Test::Meta::Status;

# Sections about meta_status: its JSON waited for and compared, member by
# member; its location comes with "status_location".

use strict;
use warnings;

use Mojo::JSON qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep);

use Test::Meta::Util qw(wait_for);

sub get {
    my ($t, $query) = @_;
    $t->run(get => '/status' . ($query // ''));
    return $t->{last};
}

sub json {
    my ($t) = @_;
    my $answer = get($t, '?format=json');
    die "status: $answer->{status}\n" if $answer->{status} != 200;
    return decode_json($answer->{body});
}

# "events.by_redis", "redis.0.worth"; "verdict OBJECT VERDICT", "object NAME
# MEMBER", "list NAME MEMBER", "account OBJECT ID": true if it is there
sub value {
    my ($d, $path) = @_;
    my ($what, @words) = split ' ', $path;

    return sum(map { $_->{count} } grep { $_->{object} eq $words[0] && $_->{verdict} eq $words[1] }
        @{$d->{verdicts}}) if $what eq 'verdict';
    return sum(map { $_->{$words[1]} } grep { $_->{object} eq $words[0] } @{$d->{objects}})
        if $what eq 'object';
    return join ',', map { $_->{$words[1]} } grep { $_->{list} eq $words[0] } @{$d->{lists}}
        if $what eq 'list';
    return scalar grep { $_->{object} eq $words[0] && $_->{account} eq $words[1] }
        @{$d->{accounts}} if $what eq 'account';

    my $at = $d;
    for my $name (split /\./, $what) {
        $at = ref $at eq 'ARRAY' ? $at->[$name] : $at->{$name};
    }
    return ref $at eq 'ARRAY' ? scalar @$at : $at;
}

sub sum {
    my $sum = 0;
    $sum += $_ for @_;
    return $sum;
}

# lines "PATH = VALUE": waited for, because a worker may be about to write
Test::Meta::verb(counts => sub {
    my ($t, $seconds, $text) = @_;
    my @want = map { [split / =(?: |$)/, $_, 2] } grep { length } split /\n/, $t->expand($text);
    my $d;
    wait_for {
        $d = json($t);
        !grep { (value($d, $_->[0]) // '') ne $_->[1] } @want;
    } $seconds || 10;
    is value($d, $_->[0]) // '', $_->[1], "$_->[0] = $_->[1]" for @want;
});

# a pattern for the line at the top, waited for
Test::Meta::verb(summary => sub {
    my ($t, $regex) = @_;
    my $said;
    wait_for {
        my $s = json($t)->{summary};
        $said = join "\n", map { "$_->{level}: $_->{text}" } $s, @{$s->{more}};
        $said =~ /$regex/m;
    } 12;
    like $said, qr/$regex/m, "the summary says $regex";
});

# all requests are counted once, and what is divided adds up
Test::Meta::verb(adds_up => sub {
    my ($t) = @_;
    my $d = json($t);
    my $e = $d->{events};
    is sum(map { $_->{count} } @{$d->{verdicts}}), $d->{deliveries}{total}, 'verdicts';
    is sum(map { $_->{deliveries} } @{$d->{objects}}), $d->{deliveries}{total}, 'objects';
    is sum(@{$d->{latency}{counts}}), $d->{latency}{count}, 'latency';
    is sum(@{$d->{deliveries}{acks}}{qw(redis spool verified)}), $d->{latency}{count}, 'acks';
    is $e->{by_spool} + $e->{adopted}, $e->{spooled} + $e->{drained} + $e->{set_aside}, 'spool';
});

1;
