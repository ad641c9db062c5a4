# What follows a send: statuses, deliveries, reads, echoes, as signed webhooks.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../consumer/lib";

use Emulator qw(call control emulator $PAGE $PHONE $WABA %TOKEN);
use Handler;
use Mojo::JSON;
use Test::Meta::Util qw(temp_dir wait_for);
use Test::More;

my ($IG, $USER) = qw(17841460233915708 7290000000000001);
my $graph = emulator('--token', "instagram:$IG:IGtoken");
my $hook = Handler->new(dir => temp_dir(), secret => '', answer => sub { (200, '') })->start;
$graph->control(POST => 'webhook', {url => $hook->url, delay => 1});
my $seen = 0;


sub graph { return (call($graph, POST => "/v24.0/$_[0]", $_[1], $_[2]))[2] }

sub wa {
    return graph("$PHONE/messages", $TOKEN{whatsapp}, {messaging_product => 'whatsapp',
        to => '+27820000001', type => 'text', text => {body => 'x'}, @_});
}

# the next $n items, in their order
sub items {
    my ($n) = @_;
    my @all;
    wait_for {
        @all = map { map { @{$_->{messaging} // []}, @{$_->{changes} // []} }
            @{$_->{view}{entry}} } $hook->requests;
        @all >= $seen + $n;
    };
    my @new = @all[$seen .. $#all];
    $seen = @all;
    return @new;
}

sub statuses {
    return map { $_->{value}{statuses}[0] } items(@_);
}


subtest 'WhatsApp: sent, delivered, read, with what was given along' => sub {
    my $id = wa(biz_opaque_callback_data => 'job-1')->{messages}[0]{id};
    my @statuses = statuses(3);
    is_deeply([sort map { $_->{status} } @statuses], [qw(delivered read sent)], 'three');
    is_deeply([map { $_->{id} } @statuses], [($id) x 3], 'of the message');
    is_deeply([map { $_->{biz_opaque_callback_data} } @statuses], [('job-1') x 3], 'data');
    my %at = map { $_->{status} => $_->{timestamp} } @statuses;
    ok($at{sent} < $at{delivered} && $at{delivered} < $at{read}, 'their times tell the order');
    is($statuses[0]{recipient_id}, '27820000001', 'to whom');
};

subtest 'no receipt for a receipt' => sub {
    graph("$PHONE/messages", $TOKEN{whatsapp}, {messaging_product => 'whatsapp',
        status => 'read', message_id => 'wamid.x'});
    wa(to => undef, recipient => 'ZA.4821');
    is_deeply([map { $_->{recipient_user_id} } statuses(3)], [('ZA.4821') x 3],
        'only those of the next send, by BSUID');
};

subtest 'a group: whose status it is' => sub {
    wa(to => 'Y2FwaV9ncm91cDo', recipient_type => 'group');
    my ($status) = statuses(3);
    is_deeply([@{$status}{qw(recipient_id recipient_type recipient_participant_id)}],
        ['Y2FwaV9ncm91cDo', 'group', '27820000001'], 'the group, and a member');
};

subtest 'a failure: as a rule says, or since the window is closed' => sub {
    $graph->fault({fault => {failed => 131026}});
    wa();
    my ($status) = statuses(1);
    is_deeply([$status->{status}, $status->{errors}[0]{code}], ['failed', 131026], 'a rule');
    control($graph, POST => 'people', {account => $PHONE, user => '27820000001', closed => 1});
    like(wa()->{messages}[0]{id}, qr/^wamid/, 'a closed window: taken first');
    is((statuses(1))[0]{errors}[0]{code}, 131047, 'then failed');
    $graph->fault({fault => {states => ['sent']}});
    wa(to => '+27820000002');
    is((statuses(1))[0]{status}, 'sent', 'only the states of a rule');
};

subtest 'cut in the middle: taken, and its statuses come' => sub {
    $graph->fault({fault => {cut => 'answer'}});
    wa(to => '+27820000003', biz_opaque_callback_data => 'job-2');
    is_deeply([map { $_->{biz_opaque_callback_data} } statuses(3)], [('job-2') x 3], 'three');
};

subtest 'Messenger: echo, delivery, read' => sub {
    my $mid = graph("$PAGE/messages", $TOKEN{page}, {recipient => {id => $USER},
        messaging_type => 'RESPONSE', message => {text => 'Hi', metadata => 'job-3'}})
        ->{message_id};
    my @items = items(3);
    my ($echo) = grep { $_->{message} } @items;
    is_deeply($echo->{message}, {mid => $mid, text => 'Hi', metadata => 'job-3',
        app_id => 1234567890, is_echo => Mojo::JSON->true}, 'the echo');
    is_deeply([$echo->{sender}{id}, $echo->{recipient}{id}], [$PAGE, $USER], 'from the Page');
    my ($delivery) = grep { $_->{delivery} } @items;
    is_deeply($delivery->{delivery}{mids}, [$mid], 'delivered');
    my ($read) = grep { $_->{read} } @items;
    cmp_ok($read->{read}{watermark}, '>=', $echo->{timestamp} - 1000, 'read, by watermark');
};

subtest 'Instagram: echo, read; and a comment of our own' => sub {
    my $mid = graph("$IG/messages", 'IGtoken', {recipient => {id => $USER},
        message => {text => 'Hi'}})->{message_id};
    my @items = items(2);
    is((grep { $_->{message} } @items)[0]{message}{mid}, $mid, 'the echo');
    is((grep { $_->{read} } @items)[0]{read}{mid}, $mid, 'read, by its id');
    my $id = graph('18034/replies', 'IGtoken', {message => 'Yes'})->{id};
    my ($change) = items(1);
    is_deeply([$change->{field}, @{$change->{value}}{qw(id parent_id)}, $change->{value}{from}{id}],
        ['comments', $id, '18034', $IG], 'the comment');
    $id = graph('122_988/comments', $TOKEN{page}, {message => 'Yes'})->{id};
    ($change) = items(1);
    is_deeply([@{$change->{value}}{qw(comment_id verb)}, $change->{value}{from}{id}],
        [$id, 'add', $PAGE], "a Page's");
};

subtest 'a template that was paused' => sub {
    my %template = (waba => $WABA, name => 'order_ready', language => 'de');
    control($graph, POST => 'templates', \%template);
    control($graph, POST => 'templates', {%template, status => 'PAUSED'});
    my ($change) = items(1);
    is($change->{field}, 'message_template_status_update', 'its news');
    is($change->{value}{event}, 'PAUSED', 'and what it is');
};

my $state = control($graph, GET => '');
is($state->{webhooks}{failed}, 0, 'all were acknowledged');

done_testing();
