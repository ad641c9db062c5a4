package People;

# Events that say something of a person or of a message, jobs, and what was kept.
#
#   my $rig = people(rules => $RULES);         events and jobs, one consumer
#   $rig->push(said(ago => 25 * 3600), status($id, 'failed', code => 131047));
#   my $r = outcome($rig, job(do => [...]));   the job's result, decoded
#   my %r = message($rig, $PHONE, $id);        its record
#   told($rig, said()); leave($rig);           pushed and worked off; the end of it

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP ();

use Rig qw(record messenger $PHONE $PAGE $WABA $Q);
use Test::Meta::Util qw(patience);

our @EXPORT_OK = qw(leave people shared told said status change mark job outcome send_job
    message user_of ids $OUTBOX $RULES $USER);

our $OUTBOX = 'meta:outbox';
our $USER = '27820000001';
our $RULES = "rules: [{when: {product: whatsapp, kind: message}, do: [mark_read]}]\n"
    . "unmatched: drop\n";
my $json = JSON::PP->new->canonical->utf8;
my $count = 0;

my $shared;
my $persons = 0;

# those that need nothing of their own share one, and have a person each
sub shared {
    $shared //= people();
    $USER = '2782000010' . $persons++;
    return $shared;
}

sub told {
    my ($rig, @records) = @_;
    $rig->push(@records);
    return $rig->settle;
}

sub leave {
    my ($rig, %arg) = @_;
    $rig->settle(20, $OUTBOX);
    $rig->finish(queues => [$Q, $OUTBOX], %arg);
}

sub people {
    my (%arg) = @_;
    my $rig = Rig->new;
    $rig->{c} = $rig->consumer(rules => $RULES, %arg,
        queues => qq([{name: "$Q"}, {name: "$OUTBOX", kind: jobs}]));
    return $rig;
}

sub whatsapp_value {
    return {messaging_product => 'whatsapp', metadata => {display_phone_number => '15550783881',
        phone_number_id => $PHONE}, @_};
}

# a message of a person, so many seconds ago; bsuid, phone: undef for none
sub said {
    my (%m) = (phone => $USER, ago => 0, @_);
    my $id = $m{id} // "wamid.said$$." . ++$count;
    my $at = time - $m{ago};
    my @names = ((defined $m{phone} ? (from => $m{phone}) : ()),
        (defined $m{bsuid} ? (from_user_id => $m{bsuid}) : ()));
    my %contact = (profile => {name => $m{name} // 'Thandi'},
        (defined $m{phone} ? (wa_id => $m{phone}) : ()),
        (defined $m{bsuid} ? (user_id => $m{bsuid}) : ()));
    return record(id => $id, key => "$PHONE:" . ($m{bsuid} // $m{phone}), time => 1000 * $at,
        event => {field => 'messages', value => whatsapp_value(
            $m{message}{system} ? () : (contacts => [\%contact]),
            messages => [{@names, id => $id, timestamp => "$at", type => 'text',
            text => {body => $m{text} // 'hi'}, %{$m{message} // {}}}])});
}

# user: who it names, '' for nobody
sub status {
    my ($id, $state, %s) = (@_);
    my $user = $s{user} // $USER;
    my $at = time - ($s{ago} // 0);
    my $error = $s{code} && {code => $s{code}, title => 'failed', message => 'failed'};
    return record(id => "$id:$state" . ($s{again} // ''), key => "$PHONE:$id", time => 1000 * $at,
        event => {field => 'messages', value => whatsapp_value(statuses => [{id => $id,
        status => $state, timestamp => "$at", ($user ne '' ? (recipient_id => $user) : ()),
        biz_opaque_callback_data => $s{ref} // 'job', ($error ? (errors => [$error]) : ()),
        ($s{category} ? (pricing => {category => $s{category}}) : ())}])});
}

# any other field of WhatsApp
sub change {
    my ($field, $value) = @_;
    return record(id => "change$$." . ++$count, field => $field, key => $WABA,
        event => {field => $field, value => $field =~ /template/ ? $value
            : whatsapp_value(%$value)});
}

# Messenger's delivery or read, as of that many ms
sub mark {
    my ($kind, $watermark, $user) = @_;
    $user //= '7290000000000001';
    return record(object => 'page', entry => $PAGE, field => 'messaging', key => "$PAGE:$user",
        id => "mark$$." . ++$count, event => {sender => {id => $user},
        recipient => {id => $PAGE}, timestamp => 0 + $watermark,
        $kind => {watermark => 0 + $watermark}});
}

sub job {
    my (%m) = @_;
    my $id = $m{id} // 'job-' . ++$count;
    return {v => 1, id => $id, account => $PHONE, to => "+$USER",
        do => [{reply => {text => "text of $id"}}], reply_to => "meta:reply:$id", %m};
}

sub send_job {
    my ($rig, $job) = @_;
    $rig->push_to($OUTBOX, $json->encode($job));
    return $job->{id};
}

sub result_of {
    my ($rig, $id) = @_;
    my $answer = $rig->do('BLPOP', "meta:reply:$id", 20 * patience());
    return $answer ? $json->decode($answer->[1]) : {};
}

# of a job, or of the id of one that was sent
sub outcome {
    my ($rig, $job) = @_;
    return result_of($rig, ref $job ? send_job($rig, $job) : $job);
}

sub message {
    my ($rig, $account, $id) = @_;
    return $rig->do('HGETALL', "meta:message:$account:$id");
}

sub user_of { return $_[0]->do('HGETALL', "meta:user:$PHONE:$_[1]") }

# ids of the messages that have a record
sub ids {
    my ($rig) = @_;
    return sort map { /^meta:message:\d+:(.+)/ && $1 !~ /^(?:templates$|waba$|of:)/ ? $1 : () }
        $rig->do('KEYS', 'meta:message:*');
}

1;
