# A number that is connected by a job, with a token that was pasted: whatever
# becomes of it, the token is nowhere in clear once the job was taken.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Logins qw($APP $SECRET);
use Rig;
use Test::Meta::Util qw(patience spew wait_for);

my $OUTBOX = 'meta:outbox';
my ($ANA, $WABA, $PHONE, $BUSINESS) = qw(700000000000001 520000000000002 106000000000001
    270000000000003);
my $json = JSON::PP->new->canonical->utf8;

sub rig {
    my (%arg) = @_;
    my $rig = Logins->new(graph => ['--user', $json->encode({id => $ANA, instagram => {
        id => '17841400000000009', username => 'ana'}, businesses => [{
        id => $BUSINESS, wabas => [{id => $WABA, numbers => [{id => $PHONE,
        %{$arg{number} // {}}}]}]}]})]);
    $rig->{jobs} = [queues => qq([{name: "$OUTBOX", kind: jobs}])];
    $rig->logins(@{$rig->{jobs}}) unless $arg{idle};
    return $rig;
}

# as somebody copies it from Meta's pages
sub pasted {
    my ($rig) = @_;
    my $code = $rig->code(kind => 'signup');
    my $answer = HTTP::Tiny->new->get($rig->graph->url . '/v24.0/oauth/access_token?client_id='
        . "$APP&client_secret=$SECRET&code=$code");
    my $token = $json->decode($answer->{content})->{access_token};
    $rig->hide($token);
    return $token;
}

sub job {
    my ($rig, $id, %m) = @_;
    my %params = (token => $m{token}, phone_number_id => $PHONE, waba_id => $WABA,
        %{$m{params} // {}});
    $rig->push_to($OUTBOX, $json->encode({v => 1, id => $id, reply_to => "meta:reply:$id",
        do => [{whatsapp_configure => \%params}, @{$m{then} // []}], %{$m{job} // {}}}));
}

sub result {
    my ($rig, $id) = @_;
    my $answer = $rig->do('BLPOP', "meta:reply:$id", 20 * patience());
    return $answer ? $json->decode($answer->[1]) : {};
}

# as its owner does in WhatsApp Manager
sub meta {
    my ($rig, $token, $edge, $body) = @_;
    my $answer = HTTP::Tiny->new->post($rig->graph->url . "/v24.0/$PHONE$edge", {headers => {
        'Content-Type' => 'application/json', Authorization => "Bearer $token"}, content => $body});
    die "$edge: $answer->{content}" if !$answer->{success};
}

sub refused {
    my ($rig, $id, $like, $name) = @_;
    my $got = result($rig, $id);
    my $error = $got->{results}[-1]{error} // {};
    is $got->{state}, 'dead', $name;
    like $error->{text}, $like, 'and why';
    return $error;
}

sub leave {
    my ($rig) = @_;
    $rig->settle(20, $OUTBOX);
    $rig->done(queues => [$OUTBOX]);
}


subtest 'a number by a token' => sub {
    my $rig = rig();
    my $token = pasted($rig);
    job($rig, 'one', token => $token);
    my $got = result($rig, 'one');
    is_deeply [@$got{qw(ok state)}, $got->{results}[0]{action}], [JSON::PP::true, 'accepted',
        'whatsapp_configure'], 'connected';
    is $got->{results}[0]{answer}[0]{account}, $PHONE, 'which number';
    my $t = $rig->stored("whatsapp:$PHONE");
    is $t->{secret}, $token, 'the token is stored, sealed';
    is_deeply [@$t{qw(waba from app)}], [$WABA, 'job', $APP], 'with what is known of it';
    like $rig->stored("pin:$PHONE")->{secret}, qr/\A\d{6}\z/, 'and the PIN of the number';
    is_deeply [map { "$_->{event} $_->{account}" } $rig->announced], ["connected $PHONE"],
        'programs are told';
    my @posts = grep { /^POST/ } $rig->asked;
    job($rig, 'again', token => $token);
    is result($rig, 'again')->{state}, 'accepted', 'to be done twice';
    is scalar(grep { m{^POST .*/register$} } $rig->asked), 1, 'registers once';
    leave($rig);
};


subtest 'the token is nowhere while it waits' => sub {
    my $rig = rig();
    my $token = pasted($rig);
    $rig->graph->fault({match => {path => 'debug_token'}, fault => {slow => 20_000}});
    job($rig, 'slow', token => $token);
    ok +(wait_for { grep { m{/debug_token} } $rig->asked } 20), 'its first call is on its way';
    my ($record) = $rig->do('HVALS', "{$OUTBOX}:inflight");
    like $record, qr/"token":"1\.[0-9a-f]{8}\./, 'in flight it is sealed';
    is index($rig->everything, $token), -1, 'and nowhere in clear';
    my $c = $rig->{consumers}[0];
    $c->signal('TERM');
    $c->wait_log(qr/drains/);
    is $c->stop('TERM'), 'exit 3', 'its consumer leaves without waiting for it';
    like $c->log, qr/job=slow .*outcome=left/, 'and says so';
    $rig->graph->hasten;
    $rig->do('HSET', "{$OUTBOX}:lease", until => 1);
    $rig->do('DEL', 'meta:consumers');
    $rig->logins(@{$rig->{jobs}});
    is result($rig, 'slow')->{state}, 'accepted', 'another consumer goes on with it';
    is $rig->stored("whatsapp:$PHONE")->{secret}, $token, 'and stores it';
    leave($rig);
};


# one that died between taking it and sealing it
subtest 'in flight in clear' => sub {
    my $rig = rig(idle => 1);
    my $token = pasted($rig);
    job($rig, 'clear', token => $token);
    my ($job) = $rig->do('LRANGE', $OUTBOX, 0, -1);
    $rig->do('DEL', $OUTBOX);
    $rig->do('HSET', "{$OUTBOX}:inflight", 1, $job);
    $rig->do('HSET', "{$OUTBOX}:count", seq => 1, taken => 1);
    $rig->logins(@{$rig->{jobs}});
    is result($rig, 'clear')->{state}, 'accepted', 'is worked';
    leave($rig);
};


subtest 'what is refused is buried without it' => sub {
    my $rig = rig(number => {pin => '246810'});
    my $token = pasted($rig);

    # all that moves a job is known to Redis by now, and must not overtake what seals it
    $rig->push_to($OUTBOX, $json->encode({v => 1, id => 'first', reply_to => 'meta:reply:first',
        do => ['nothing']}));
    refused($rig, 'first', qr/unknown/, 'no action at all');
    job($rig, 'faulty', token => $token, params => {more => $token});
    refused($rig, 'faulty', qr/unknown parameter/, 'a parameter too many');
    job($rig, 'id', token => $token, params => {waba_id => 'x'});
    refused($rig, 'id', qr/id of 1 to 32 digits/, 'no id');
    $rig->push_to($OUTBOX, qq({"v":1,"do":[{"whatsapp_configure":{"token":"$token"));
    $rig->push_to($OUTBOX, '{"v":1,"id":"escaped","reply_to":"meta:reply:escaped","do":'
        . qq([{"whatsapp\\u005fconfigure":{"token":"$token"}}]}));
    refused($rig, 'escaped', qr/phone_number_id is missing/, 'whose name is escaped');

    job($rig, 'other', token => 'EAAnobodyknowsthistoken0001');
    $rig->hide('EAAnobodyknowsthistoken0001');
    refused($rig, 'other', qr/\S/, 'no token of ours');
    job($rig, 'waba', token => $token, params => {waba_id => '999'});
    refused($rig, 'waba', qr/whatsapp_business_management for this WABA/, 'another WABA');
    job($rig, 'number', token => $token, params => {phone_number_id => '999'});
    refused($rig, 'number', qr/no number with this id/, 'another number');
    $rig->graph->fault({match => {path => 'register'}, fault => {code => 133005,
        message => "wrong PIN, token $token"}});
    job($rig, 'pin', token => $token);
    refused($rig, 'pin', qr/has a PIN.*pin is a parameter/, 'a PIN that nobody said');
    is $rig->stored("pin:$PHONE"), undef, 'what was tried is not kept';

    job($rig, 'given', token => $token, params => {pin => '246810'});
    is result($rig, 'given')->{state}, 'accepted', 'with its PIN';
    is $rig->stored("pin:$PHONE")->{secret}, '246810', 'which is kept';
    unlike $rig->everything, qr/246810/, 'sealed';

    is index($rig->everything, $token), -1, 'no dead letter has the token';
    my $before = $rig->llen("{$OUTBOX}:dead");
    cmp_ok $before, '>=', 7, 'they are there';
    leave($rig);
};


subtest 'a PIN that is given' => sub {
    my $rig = rig(idle => 1, number => {pin => '246810'});
    my $pin = "pin:$PHONE";
    $rig->do('HSET', "meta:token:$pin", kind => 'pin', account => $PHONE, waba => $WABA,
        from => 'signup', tenant => 'shop-7',
        sealed => $rig->seal(seal => 'token', $pin, '246810'));
    $rig->do('SADD', 'meta:token:names', $pin);
    $rig->logins(@{$rig->{jobs}});
    my $token = pasted($rig);
    job($rig, 'wrong', token => $token, params => {pin => '111111'});
    refused($rig, 'wrong', qr/another than the one given/, 'a wrong one');
    is $rig->stored($pin)->{secret}, '246810', 'destroys nothing';
    job($rig, 'none', token => $token);
    is result($rig, 'none')->{state}, 'accepted', 'what is stored is used';

    meta($rig, $token, @$_) for ['', '{"pin":"135791"}'], ['/deregister', '{}'];
    job($rig, 'old', token => $token);
    refused($rig, 'old', qr/has a PIN.*not known here/, 'where it was changed elsewhere');
    is $rig->stored($pin)->{secret}, '246810', 'it stays all the same';
    job($rig, 'new', token => $token, params => {pin => '135791'});
    is result($rig, 'new')->{state}, 'accepted', 'the new one';
    is_deeply [@{$rig->stored($pin)}{qw(secret tenant)}], ['135791', 'shop-7'],
        'takes its place, once Meta has it';

    job($rig, 'moved', token => $token, params => {tenant => 'shop 9'});
    is result($rig, 'moved')->{state}, 'accepted', 'with a tenant';
    is $rig->stored("whatsapp:$PHONE")->{tenant}, 'shop 9', 'it is moved to that';
    job($rig, 'moved-not', token => $token);
    is result($rig, 'moved-not')->{state}, 'accepted', 'without one';
    is $rig->stored("whatsapp:$PHONE")->{tenant}, 'shop 9', '... it stays whose it is';
    job($rig, 'moved-badly', token => $token, params => {tenant => "shop\n9"});
    refused($rig, 'moved-badly', qr/tenant.*without control characters/, 'not by what is no text');
    job($rig, 'moved-by-token', token => $token, params => {tenant => $token});
    refused($rig, 'moved-by-token', qr/tenant: is a token/, 'nor by a token, which is not shown');
    is index($rig->everything, $token), -1, '... anywhere';
    leave($rig);
};


# whoever spelled it wrong pasted a token all the same
subtest 'one that is at fault in any way tells nothing' => sub {
    my $rig = rig();
    my $token = 'EAAG' . 'z1' x 30;
    my $short = 'Tnobody1knows2this3one';      # as no token of Meta's begins
    $rig->hide($token, $short, '135791');
    my $ids = '"phone_number_id":"1","waba_id":"2"';
    my %do = (
        nested   => qq([{"whatsapp_configure":{"params":{"token":"$short"},$ids}}]),
        array    => qq([{"whatsapp_configure":[{"token":"$token",$ids}]}]),
        flat     => qq([{"action":"whatsapp_configure","token":"$short",$ids}]),
        sibling  => qq([{"whatsapp_configure":{$ids},"token":"$short","PIN":135791}]),
        typo     => qq([{"whatsapp_config":{"token":"$token",$ids}}]),
        object   => qq([{"whatsapp_configure":{"token":{"value":"$short"},$ids}}]),
        number   => qq([{"whatsapp_configure":{"token":"x","phone_number_id":"$token"}}]),
        key      => qq([{"whatsapp_configure":{"$short":"token",$ids}}]),
        capitals => qq([{"WhatsApp_Configure":{"Token":"$short",$ids}}]),
        escaped  => qq([{"whatsapp_c\\u006fnfig":{"token":"\\u0045${\ substr $token, 1}"}}]),
        bare     => qq("whatsapp_configure $short"),
        top      => qq([{"whatsapp_configure":{$ids}}],"token":"$short"),
    );
    $rig->push_to($OUTBOX, qq({"v":1,"id":"$_","reply_to":"meta:reply:$_","do":$do{$_}}))
        for sort keys %do;
    refused($rig, $_, qr/\S/, $_) for sort keys %do;
    my $kept = qq({"v":1,"id":"kept","reply_to":"meta:reply:kept",)
        . qq("do":[{"send":{"text":"x y","txt":1}}]});
    $rig->push_to($OUTBOX, qq({'v':1,'do':[{'whatsapp_configure':{'token':'$short'}}]}),
        qq({"v":1,"id":"$token","do":[{"whatsapp_configure":{$ids}}]}),
        $kept);
    refused($rig, 'kept', qr/\S/, 'another job');
    $rig->settle(20, $OUTBOX);
    my @items = map { ref $_->{item} ? $json->encode($_->{item}) : $_->{item} // '' }
        map { $json->decode($_) } $rig->redis->queue("{$OUTBOX}:dead");
    is_deeply [grep { /kept/ } @items], [$json->encode($json->decode($kept))],
        'which holds none is kept as it was';
    leave($rig);
};


subtest 'more than may be under way' => sub {
    my $rig = rig();
    $rig->graph->fault({match => {path => 'debug_token'}, times => 60, fault => {slow => 60_000}});
    $rig->hide('EAAnobodyknowsthistoken0002');
    job($rig, "bulk-$_", token => 'EAAnobodyknowsthistoken0002', job => {key => "k$_"}) for 1 .. 70;
    my $wait = sub {
        my %seen = map { $_ => 1 } $rig->logs =~ /job=(bulk-\d+) .* why=logins/g;
        return scalar keys %seen;
    };
    ok +(wait_for { $wait->() == 70 - 32 } 20), 'jobs have half of it, the others wait';
    my $flow = $rig->login(kind => 'instagram');
    ok $rig->at($flow, 'exchanging|checking|accounts|connected')->{step}, 'and nobody who logs in';
    is $wait->(), 70 - 32, 'no others';
    $rig->graph->control(DELETE => 'faults');
    $rig->graph->hasten;
    is $rig->ended($flow)->{step}, 'connected', 'who comes before them';
    ok +(wait_for { $rig->llen("{$OUTBOX}:dead") == 70 } 30), 'they come after them';
    leave($rig);
};


subtest 'a letter that is requeued, and who may say it' => sub {
    my $rig = rig();
    my $token = pasted($rig);
    $rig->graph->fault({match => {path => 'debug_token'}, fault => {code => 200,
        status => 403}});
    job($rig, 'later', token => $token);
    refused($rig, 'later', qr/\S/, 'refused');
    my ($letter) = $rig->redis->queue("{$OUTBOX}:dead");
    my $item = $json->decode($letter)->{item};
    $rig->do('RPUSH', $OUTBOX, ref $item ? $json->encode($item) : $item);
    is result($rig, 'later')->{state}, 'accepted', 'is worked when it comes again';
    leave($rig);

    my $test = Test::Meta::Consumer->new(dir => $rig->dir, name => 'rule', conf => $rig->conf(
        rules => "rules: [{when: {product: whatsapp}, do: [{whatsapp_configure: {token: a,"
        . " phone_number_id: '1', waba_id: '2'}}]}]\n"));
    my ($code, $said) = $test->test;
    is $code, 'exit 1', 'no rule holds a token';
    like $said, qr/is for jobs alone/, 'and is told so';
};


subtest 'without a store' => sub {
    my $rig = rig(idle => 1);
    my $token = pasted($rig);
    my $c = $rig->consumer(rules => "unmatched: drop\n", @{$rig->{jobs}});
    job($rig, 'none', token => $token);
    refused($rig, 'none', qr/token_key_file/, 'there is nothing to store it in');
    is index($rig->everything, $token), -1, 'and it is blanked all the same';
    leave($rig);
};

done_testing;
