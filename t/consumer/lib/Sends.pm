package Sends;

# Calls that actions make, compared with what Meta's reference says of them.
#
#   made($rig, $account, [name, action, {body}], ...);       jobs, each to a user of its own
#   refused($rig, $account, [name, action, parameter, limit, qr/sentence/], ...);
#   by_rules($rig, {when => ...}, sub { record(text => "case $_[0]") }, [name, action, {...}]);
#   call_is($call, name, method => 'DELETE', path => '1/comments', token => ..., body => {...});

use strict;
use warnings;
use utf8;

use Exporter qw(import);
use JSON::PP ();
use Test::More;

use Test::Meta::Util qw(patience wait_for);

our @EXPORT_OK = qw(by_rules call_is made outbox refused result_of);

our $OUTBOX = 'meta:outbox';
my $json = JSON::PP->new->canonical->utf8;
my $text = JSON::PP->new->canonical;    # characters: the configuration encodes them
my $count = 0;


# a rig with one consumer of jobs; more: of the configuration
sub outbox {
    my ($rig, %arg) = @_;
    return $rig->consumer(queues => qq([{name: "$OUTBOX", kind: jobs}]),
        rules => "unmatched: drop\n", %arg);
}

# pushes one job; -> its id and whom it is for, who is made known first
sub job {
    my ($rig, $account, $action, $known, %more) = @_;
    my $n = ++$count;
    my ($id, $to) = ("send-$$-$n", 7_290_000_000_000_000 + $n . '');
    $known->($to) if $known;
    $rig->push_to($OUTBOX, $json->encode({v => 1, id => $id, account => $account, to => $to,
        do => [$action], reply_to => "meta:reply:$id", %more}));
    return ($id, $to);
}

sub result_of {
    my ($rig, $id) = @_;
    my $answer = $rig->do('BLPOP', "meta:reply:$id", 20 * patience()) or return {};
    return $json->decode($answer->[1]);
}

# method, path behind the version, who asks, type of the body, the body
sub call_is {
    my ($call, $name, %want) = @_;
    my %headers = map { lc() => $call->{headers}{$_} } keys %{$call->{headers} // {}};
    my $body = $want{body};
    is_deeply {method => $call->{method}, path => $call->{path}, query => $call->{query} // {},
        authorization => $headers{authorization}, type => $headers{'content-type'},
        body => $call->{body}},
        {method => $want{method} // 'POST', path => "/v24.0/$want{path}", query => {},
        authorization => "Bearer $want{token}", type => $body ? 'application/json' : undef,
        body => $body // {}}, $name
        or diag explain $call;
}

# each makes the one call: to PATH/messages, by that token, as that body; where it is a
# message of Messenger, ref says that the job's id is its metadata
sub made {
    my ($rig, $account, $how, @cases) = @_;
    my @jobs = map { [@$_, job($rig, $account, $_->[1], $how->{known})] } @cases;
    for (@jobs) {
        my ($name, $action, $body, $id, $to) = @$_;
        my $result = result_of($rig, $id);
        ok $result->{ok}, "$name: is sent" or diag explain $result;
        my ($call, @more) = grep { ($_->{body}{recipient}{id} // '') eq $to } $rig->graph->calls;
        my %body = (recipient => {id => $to}, %$body);
        $body{message} = {%{$body{message}}, metadata => $id} if $how->{ref} && $body{message};
        call_is($call, $name, path => "$how->{path}/messages", token => $how->{token},
            body => \%body);
        is scalar @more, 0, "$name: once";
    }
}

# each is refused before the call, and told which parameter has which limit
sub refused {
    my ($rig, $account, @cases) = @_;
    my $calls = () = $rig->graph->calls;
    my @jobs = map { [@$_, job($rig, $account, $_->[1])] } @cases;
    for (@jobs) {
        my ($name, undef, $parameter, $limit, $words, $id) = @$_;
        my $result = result_of($rig, $id);
        my $error = $result->{results}[0]{error} // {};
        is_deeply [@$result{qw(state)}, @$error{qw(class parameter limit)}],
            ['dead', 'ours', $parameter, $limit], "$name: refused" or diag explain $result;
        like $error->{text}, $words, "$name: in words";
    }
    is scalar(() = $rig->graph->calls), $calls, 'and nothing has left';
}

# a rule each, which takes the text that names it; -> the call that it made
sub by_rules {
    my ($rig, $how, $event, @cases) = @_;
    my @do = map { $text->encode([$_->[1]]) } @cases;
    my $rules = "rules:\n" . join '', map {
        "  - {when: {$how->{when}, text: '^case $_\$'}, do: $do[$_]}\n" } 0 .. $#cases;
    $rig->consumer($how->{conf} ? (conf => $how->{conf}->($rig, rules => $rules))
        : (rules => $rules));
    for my $n (0 .. $#cases) {
        my $before = () = $rig->graph->calls;
        $rig->push($event->($n));
        $rig->settle;
        my @made = ($rig->graph->calls)[$before .. (() = $rig->graph->calls) - 1];
        is scalar @made, 1, "$cases[$n][0]: one call";
        call_is($made[0] // {}, $cases[$n][0], %{$cases[$n][2]});
    }
    is scalar $rig->dead, 0, 'nothing is dead' or diag explain [$rig->dead];
}

1;
