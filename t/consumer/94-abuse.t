# Who writes, what answers and what Meta says may not loop for ever, take others' marks away, fill
# the memory, or steer a terminal.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP qw(encode_json);
use Test::More;

use Handler;
use MediaHost;
use People qw(people said ids $OUTBOX $USER);
use Rig qw(record messenger whatsapp $PHONE $PAGE $Q);
use Test::Meta::Util qw(build_dir slurp spew wait_for);

my $SECRET = "handlers-secret-$$";


# a comment whose author Meta does not name
sub comment {
    my ($id, $parent) = @_;
    my $time = time;
    return record(object => 'page', entry => $PAGE, field => 'feed', time => 1000 * $time,
        id => "id-$id", key => "$PAGE:$id", event => {field => 'feed', value => {
        item => 'comment', verb => 'add', comment_id => $id, post_id => "${PAGE}_1220",
        ($parent ? (parent_id => $parent) : ()), created_time => $time, message => 'a comment'}});
}

# of a checkbox of a website, which chooses the reference
sub optin {
    my ($ref) = @_;
    return messenger(item => {message => undef, sender => {user_ref => $ref},
        optin => {ref => 'x', user_ref => $ref}});
}

sub leave { $_[0]->settle(20, $OUTBOX); $_[0]->finish(queues => [$Q, $OUTBOX]) }

# a handler, and what the configuration says of it
sub handler {
    my ($rig, $answer) = @_;
    my $handler = Handler->new(dir => $rig->dir, secret => $SECRET, answer => $answer)->start;
    spew($rig->file('secret'), "$SECRET\n");
    return $handler, 'handlers: [{name: shop, url: "' . $handler->url . '", secret_file: '
        . $rig->file('secret') . "}]\n";
}


subtest 'an answer to a comment is not answered' => sub {
    my $rig = people(rules => "rules:\n  - {when: {product: messenger, kind: comment},"
        . " do: [{comment_reply: {text: thanks}}, {comment_reply: {text: again}}]}\n"
        . "unmatched: drop\n");
    $rig->push(comment('1220_1'));
    $rig->settle;
    is scalar(my @first = $rig->graph->calls), 2, 'it is answered';
    is scalar(my @ids = ids($rig)), 2, 'answers have a record';
    $rig->push(map { comment($_, '1220_1') } @ids);
    $rig->settle;
    is scalar(my @then = $rig->graph->calls), 2, 'what comes back without an author is ours';
    is scalar(() = $rig->logs =~ /outcome=left_out .*why=own_comment/g), 4, 'said';
    $rig->push(comment('1220_2', $ids[0]));
    $rig->settle;
    is scalar(my @last = $rig->graph->calls), 4, 'others\' are answered';
    is_deeply [grep { /^meta:conversation/ } $rig->do('KEYS', '*')], [], 'nobody is counted';
    leave($rig);
};

subtest 'a reference is no name of ours' => sub {
    my $rig = people();
    my $stops = "meta:user:$PAGE:stop";
    $rig->do('HSET', $stops, '7290000000000009', 1767225600000);
    $rig->push(optin('stop'), optin('alias:27820000001'));
    $rig->settle;
    is $rig->do('PTTL', $stops), -1, 'who wants no marketing is remembered without an end';
    is_deeply {$rig->do('HGETALL', $stops)}, {7290000000000009 => '1767225600000'}, 'nothing else';
    is $rig->do('EXISTS', "meta:user:$PAGE:alias:27820000001"), 0, 'no other name of anybody';
    leave($rig);
};

subtest 'a reference is no id of a person' => sub {
    my $rig = people(rules => "rules: [{when: {product: messenger, kind: [message, optin]},"
        . " do: [{reply: {text: thanks}}, {tag: {name: vip}}]}]\n", replies_max => 3);
    my $person = '7290000000000009';
    my @said = map { messenger(user => $person, id => "m_$_") } 1 .. 2;
    $rig->push($said[0], map { optin($person) } 1 .. 5);
    $rig->settle;
    $rig->push($said[1]);
    $rig->settle;
    my @to = map { $_->{body}{recipient} } grep { $_->{body}{recipient} } $rig->graph->calls;
    is_deeply [map { $_->{id} // () } @to], [$person, $person], 'the person is still answered';
    is scalar(grep { $_->{user_ref} } @to), 5, 'and so is whoever came by the reference';
    is_deeply [grep { /:ref:/ } $rig->do('KEYS', 'meta:user:*')], [], 'of whom nothing is known';
    leave($rig);
};

subtest 'what is newer goes over from one name to the other' => sub {
    my $rig = people();
    my ($stops, $talk) = ("meta:user:$PHONE:stop", "meta:conversation:whatsapp:$PHONE");
    my ($old, $new, $later) = map { 1000 * (time + $_) } -9000, -100, 9000;
    $rig->do('HSET', $stops, 'ZA.5', -$old, $USER, $new);
    $rig->do('HSET', "$talk:ZA.5", pause => $old, stop => $old, 'tag:a' => 1);
    $rig->do('HSET', "$talk:$USER", pause => $later, stop => $later, 'tag:a' => 2);
    $rig->push(said(bsuid => 'ZA.5'));
    $rig->settle;
    is $rig->do('HGET', $stops, 'ZA.5'), $new, 'who wants no marketing by now';
    is_deeply {$rig->do('HGETALL', "$talk:ZA.5")}, {pause => $later, stop => $later, 'tag:a' => 1},
        'and that somebody answers, or nobody';
    leave($rig);
};

subtest 'a contact is not of everybody beside it' => sub {
    my $rig = people();
    my $time = time;
    my $other = '27820000033';
    my $record = said(bsuid => 'ZA.7', id => 'wamid.mixed');
    my $more = qq("statuses":[{"id":"wamid.out","status":"sent","timestamp":"$time",)
        . qq("recipient_id":"$other","biz_opaque_callback_data":"job"}],"messages":);
    $record =~ s/"messages":(?=\[)/$more/ or die $record;
    $rig->do('HSET', "meta:user:$PHONE:stop", $other, 1000 * $time);
    $rig->push($record);
    $rig->settle;
    is $rig->do('GET', "meta:user:$PHONE:alias:$USER"), 'ZA.7', 'whose message it is';
    is $rig->do('EXISTS', "meta:user:$PHONE:alias:$other"), 0, 'not to whom we wrote';
    is_deeply {$rig->do('HGETALL', "meta:user:$PHONE:stop")}, {$other => 1000 * $time},
        'who keeps what they said';
    leave($rig);
};

subtest 'what a handler wants for nobody' => sub {
    my $rig = Rig->new;
    my ($handler, $more) = handler($rig,
        sub { (200, '{"actions":[{"assistant":{"name":"desk"}}]}') });
    spew($rig->file('key'), "$SECRET\n");
    $rig->consumer(rules => <<'END', more => $more . <<"END2");
rules: [{when: {product: messenger, kind: [comment, optin]}, do: [{call: {handler: shop}}]}]
unmatched: drop
END
assistants:
  - name: desk
    writer: {api: openai, url: "@{[$rig->graph->url]}/v1/chat/completions", model: w,
             key_file: @{[$rig->file('key')]}}
    labels: [{name: general}]
    fallback: later
END2
    $rig->push(messenger(item => {message => undef, sender => {user_ref => '729:turns'},
        optin => {ref => 'x', title => 'a text', user_ref => '729:turns'}}), comment('1220_3'));
    $rig->settle(30);           # it is not tried for ever
    is_deeply [grep { /^meta:conversation/ } $rig->do('KEYS', '*')], [], 'no turn is kept';
    $rig->finish(secrets => [$SECRET]);
    $handler->stop;
};

subtest 'metactl shows whose it is' => sub {
    my $rig = people();
    $rig->do('HSET', "meta:message:$PAGE:m_1", state => 'sent', user => "\e]0;x\a", by => "a\e[2J");
    $rig->push(messenger());
    $rig->settle;               # it is up
    my $conf = $rig->file('consumer0.yaml');
    my $out = qx(@{[build_dir()]}/metactl -c $conf message m_1 --reveal);
    like $out, qr/^  to \?\]0;x\?$/m, 'nothing of it steers the terminal';
    unlike $out, qr/[\e\a]/, 'not who it is, nor by what';
    leave($rig);
};

sub memory {
    my ($c) = @_;
    return slurp('/proc/' . $c->pid . '/status') =~ /^VmHWM:\s+(\d+)/m ? $1 : 0;
}

subtest 'a host of media that says no at length' => sub {
    my $rig = Rig->new;
    my $host = MediaHost->new(dir => $rig->dir);
    my $url = $host->url;
    $host->{answer} = sub {
        return $_[0] =~ m{^/dl/} ? (404, 'x' x 90_000_000)
            : (200, encode_json({id => '1', url => "$url/dl/1", file_size => 9}));
    };
    $host->start;
    my ($handler, $more) = handler($rig, sub { 204 });
    mkdir $rig->file('saved');
    my $conf = $rig->conf(rules => <<"END", more => $more);
rules:
  - when: {kind: message}
    do: [{call: {handler: shop}}]
    media: {save: @{[$rig->file('saved')]}, max: 100m}
END
    $conf =~ s/base_url: "[^"]+"/base_url: "$url"/;
    my $c = $rig->consumer(conf => $conf);
    my $before = memory($c);
    $rig->push(whatsapp(id => 'wamid.big', message => {type => 'image', image => {id => '1',
        mime_type => 'image/png'}}));
    ok +(wait_for { $rig->retry || $handler->requests } 30), 'it is asked, and answers';
    cmp_ok memory($c) - $before, '<', 70_000, 'which is not kept in memory';
    ok +(wait_for { $handler->requests } 60), 'the handler is called without it';
    $rig->finish(secrets => [$SECRET]);
    $handler->stop;
    $host->stop;
};

done_testing;
