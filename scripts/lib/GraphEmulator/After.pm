# What Meta sends by itself after a call: statuses, deliveries, reads, echoes of
# our own messages and comments, an account's news.
#
# Shapes: reference meta-webhooks 3.4, 4.1, 4.2, 5.  API sends have no echo on
# WhatsApp; Instagram has reads, no deliveries, and its echo names no app.
package GraphEmulator::After;
use Mojo::Base -base, -signatures;

use GraphEmulator::Webhook;
use Mojo::IOLoop;
use Mojo::JSON qw(true);
use Time::HiRes ();

use constant { MAX_QUEUE => 100_000, AT_ONCE => 8, BATCH => 50 };
use constant MEMBER => '27820000001';       # the one of each group

has emulator => undef, weak => 1;
has delay    => 0.02;       # seconds between a call and each thing after it
has states   => sub { +{ map { $_ => 1 } qw(sent delivered read echo) } };
has queue    => sub { [] };
has flying   => 0;
has lost     => 0;


# Whether a webhook was named: without one nothing is sent.
sub listens ($self) {
    return defined $self->emulator->webhook;
}


# Queues one entry's item for $seconds later; several go in one POST when many
# wait (1.6: up to 1,000).
sub _later ($self, $seconds, $object, $account, $place, $item) {
    return if !$self->listens;
    my $subscribed = $self->emulator->subscribed->{$account};
    return if defined $subscribed && !$subscribed;
    return $self->{lost}++ if @{ $self->queue } >= MAX_QUEUE;
    my %thing = (object => $object, account => $account, place => $place,
        item => $item, url => $self->_url($account, $item));
    Mojo::IOLoop->timer($seconds => sub {
        push @{ $self->queue }, \%thing;
        $self->_flush;
    });
    return;
}


# A number's own address, its account's, the app's (1.8).
sub _url ($self, $account, $item) {
    my $emulator = $self->emulator;
    my $metadata = ref $item->{value} eq 'HASH' && $item->{value}{metadata};
    my $number = $metadata
        && $emulator->number($metadata->{phone_number_id})
            ->{webhook_configuration};
    return $number->{phone_number} if $number;
    my $app = $emulator->subscribed->{$account};
    return $app->{override_callback_uri} // $emulator->webhook
        if ref $app eq 'HASH';
    return $emulator->webhook;
}


sub _flush ($self) {
    my $queue = $self->queue;
    while (@$queue && $self->flying < AT_ONCE) {
        my $first = shift @$queue;
        my @batch = ($first);
        push @batch, shift @$queue while @$queue && @batch < BATCH
            && $self->flying >= AT_ONCE / 2
            && $queue->[0]{object} eq $first->{object}
            && $queue->[0]{url} eq $first->{url};
        $self->_post($first, @batch);
    }
    return;
}


sub _post ($self, $first, @batch) {
    my (%entry, @entries);
    for my $thing (@batch) {
        my $entry = $entry{"$thing->{account} $thing->{place}"};
        if (!$entry) {
            $entry = $entry{"$thing->{account} $thing->{place}"}
                = { id => "$thing->{account}" };
            my $time = Time::HiRes::time();
            $entry->{time} = int($thing->{place} eq 'messaging' ? $time * 1000
                : $time) if $thing->{object} ne 'whatsapp_business_account'
                || !$thing->{item}{value}{metadata};
            push @entries, $entry;
        }
        push @{ $entry->{ $thing->{place} } }, $thing->{item};
    }
    my $emulator = $self->emulator;
    $self->{flying}++;
    $emulator->hooks->post(
        url => $first->{url}, object => $first->{object},
        messaging => !!grep({ $_->{place} eq 'messaging' } @batch),
        accounts => [ map { $_->{id} } @entries ],
        body => GraphEmulator::Webhook->bytes(
            { object => $first->{object}, entry => \@entries }),
        done => sub ($said) {
            $self->{flying}--;
            $emulator->delivered($said);
            $self->_flush;
        });
    return;
}


# A message was taken.  A fault may say which states come, or that it failed.
sub sent ($self, $call, $fault) {
    my $sent = $call->{sent};
    return if !$sent || !$self->listens;
    my %states = %{ $self->states };
    %states = (echo => $states{echo}, map { $_ => 1 } @{ $fault->{states} })
        if $fault->{states};
    return $self->_statuses($call, $sent, $fault, \%states)
        if !$sent->{product};
    my ($account, $user) = ($sent->{account}, $sent->{user}
        // '7290000000000009');
    my $messenger = $sent->{product} eq 'messenger';
    my $object = $messenger ? 'page' : 'instagram';
    my ($time, $n) = (Time::HiRes::time(), 0);
    my %pair = (page => { id => "$account" }, user => { id => "$user" });
    my $item = sub ($from, $to, %member) {
        $n++;
        $self->_later($self->delay * $n, $object, $account, 'messaging', {
            sender => $pair{$from}, recipient => $pair{$to},
            timestamp => int(1000 * ($time + $self->delay * $n)), %member });
    };
    $item->('page', 'user', message => $self->_echo($sent, $messenger))
        if $states{echo};
    my $watermark = int 1000 * ($time + 0.001);
    $item->('user', 'page', delivery => { mids => [ $sent->{id} ],
        watermark => $watermark }) if $messenger && $states{delivered};
    $item->('user', 'page', read => $messenger ? { watermark => $watermark }
        : { mid => $sent->{id} }) if $states{read};
    return;
}


sub _echo ($self, $sent, $messenger) {
    my $message = $sent->{message};
    my %echo = (mid => $sent->{id}, is_echo => true);
    $echo{app_id} = $self->emulator->tokens->app_id + 0 if $messenger;
    defined $message->{$_} and $echo{$_} = $message->{$_}
        for qw(text metadata attachments);
    $echo{attachments} //= [ $message->{attachment} ]
        if $message->{attachment};
    return \%echo;
}


# sent, delivered, read, played (voice); or sent and failed; in the order of
# their times, a webhook each.
sub _statuses ($self, $call, $sent, $fault, $states) {
    my $failed = $sent->{failed};
    $failed //= { code => $fault->{failed} + 0, title => "Error $fault->{failed}",
        message => "Error $fault->{failed}", error_data => { details =>
            $fault->{details} // 'As the fault rule says.' } }
        if $fault->{failed};
    my @states = $failed ? 'failed'
        : grep { $states->{$_} } qw(sent delivered read);
    push @states, 'played' if $states->{read} && $sent->{voice} && !$failed;
    my ($n, $now) = (0, time);
    for my $state (@states) {
        my %status = (id => $sent->{id}, status => $state,
            timestamp => '' . ($now + $n++));
        _recipient(\%status, $sent);
        $status{biz_opaque_callback_data} = $sent->{data}
            if defined $sent->{data};
        $status{pricing} = { billable => true, pricing_model => 'PMP', type =>
            'regular', category => $sent->{category} }
            if $state eq 'sent' || $state eq 'delivered';
        $status{errors} = [$failed] if $failed;
        $self->_number_level($call, $n, statuses => [ \%status ]);
    }
    return;
}


sub _recipient ($status, $sent) {
    return @{$status}{qw(recipient_id recipient_type recipient_participant_id)}
        = ($sent->{group}, 'group', MEMBER) if defined $sent->{group};
    $status->{recipient_id} = $sent->{user}
        if defined $sent->{user} && $sent->{user} =~ /\A\d+\z/;
    $status->{recipient_user_id} = $sent->{bsuid} if defined $sent->{bsuid};
    return;
}


sub _number_level ($self, $call, $n, %more) {
    my $number = $call->{node};
    $self->_later($self->delay * $n, 'whatsapp_business_account',
        $call->{known}{account}{$number}, 'changes', { field => 'messages',
            value => { messaging_product => 'whatsapp', metadata => {
                display_phone_number => $self->emulator->number($number)
                    ->{display_phone_number}, phone_number_id => $number },
                %more } });
    return;
}


# A comment of the account itself is told like anybody's.
sub comment ($self, $call, $own) {
    return if !$self->states->{echo};
    my $account = $own->{owner};
    return $self->_later($self->delay, 'instagram', $account, 'changes', {
        field => 'comments', value => { id => $own->{id}, text => $own->{text},
            from => { id => $account, username => "emulator$account",
                self_ig_scoped_id => "1$account" }, media => { id =>
                $own->{media} // '17920011223344556', media_product_type =>
                'FEED' }, defined $own->{parent}
                ? (parent_id => $own->{parent}) : () } })
        if $own->{kind} eq 'ig_comment';
    my $post = $own->{post} // "${account}_" . $own->{id} =~ s/_.*//r;
    return $self->_later($self->delay, 'page', $account, 'changes', { field =>
        'feed', value => { item => 'comment', verb => 'add', comment_id =>
            $own->{id}, post_id => $post, parent_id => $own->{parent} // $post,
            created_time => time, message => $own->{text}, from => {
                id => $account, name => "Emulator page $account" } } });
}


# News of a WhatsApp Business Account.
sub account ($self, $account, $field, $value) {
    return $self->_later($self->delay, 'whatsapp_business_account', $account,
        'changes', { field => $field, value => $value });
}

1;
