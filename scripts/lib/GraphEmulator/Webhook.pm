# Posts a webhook as Meta does: signed, with a deadline, and again and again
# until it is acknowledged.
#
# Signature, deadlines, retries: reference meta-webhooks 1.2 to 1.5.  The steps
# of "decreasing frequency" are ours; `clock` says how many of Meta's seconds
# pass in one of ours, for the waits alone.
package GraphEmulator::Webhook;
use Mojo::Base -base, -signatures;

use Digest::SHA qw(hmac_sha1_hex hmac_sha256_hex);
use Mojo::IOLoop;
use Mojo::JSON qw(encode_json);
use Mojo::UserAgent;
use Time::HiRes ();

use constant MAX_WAITING => 10_000;

has emulator => undef, weak => 1;
has clock    => 60;
has waiting  => 0;
has ua       => sub {
    return Mojo::UserAgent->new(max_redirects => 0, connect_timeout => 5,
        max_connections => 64, max_response_size => 1024 * 1024);
};

my @WAIT = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600);
my %DEADLINE = (page => 5, instagram => 5);     # seconds; WhatsApp: no number

# How long it goes on: WhatsApp 7 days, messaging an hour and the account is
# unsubscribed, the rest 36 hours.
my %HORIZON = (whatsapp => 7 * 86400, messaging => 3600, other => 36 * 3600);


# JSON as Meta writes it: ASCII, \/ for a slash and \u00e4 for a letter, in lower case.
sub bytes ($class, $json) {
    my $text = encode_json($json);
    utf8::decode($text);
    $text =~ s{(?<!\\)/}{\\/}g;
    $text =~ s{([^\x00-\x7f])}{_escape(ord $1)}ge;
    return $text;
}


sub _escape ($code) {
    return sprintf '\\u%04x', $code if $code < 0x10000;
    $code -= 0x10000;
    return sprintf '\\u%04x\\u%04x', 0xd800 + ($code >> 10),
        0xdc00 + ($code & 0x3ff);
}


# url, body (bytes), object, messaging (true for messaging[]), tries (0: to the
# end), clock, timeout, secret; $done gets what became of it.
sub post ($self, %hook) {
    die "more than ${\MAX_WAITING} deliveries wait\n"
        if $self->waiting >= MAX_WAITING;
    $self->{waiting}++;
    my $of = $hook{object} eq 'whatsapp_business_account' ? 'whatsapp'
        : $hook{messaging} ? 'messaging' : 'other';
    my %this = (%hook, left => $HORIZON{$of}, horizon => $of, said => [],
        began => Time::HiRes::time(), clock => $hook{clock} // $self->clock,
        timeout => $hook{timeout} // $DEADLINE{ $hook{object} } // 10,
        secret => $hook{secret} // $self->emulator->secret);
    $self->_try(\%this);
    return;
}


sub _try ($self, $hook) {
    my $ua = $self->ua;
    my $tx = $ua->build_tx(POST => $hook->{url}, {
        'Content-Type' => 'application/json',
        'User-Agent'   => 'facebookexternalua',
        'X-Hub-Signature' =>
            'sha1=' . hmac_sha1_hex($hook->{body}, $hook->{secret}),
        'X-Hub-Signature-256' =>
            'sha256=' . hmac_sha256_hex($hook->{body}, $hook->{secret}),
    }, $hook->{body});
    my $began = Time::HiRes::time();
    $ua->inactivity_timeout($hook->{timeout})
        ->request_timeout($hook->{timeout});
    $ua->start($tx => sub ($ua, $tx) {
        my $now = Time::HiRes::time();
        my %try = (latency => int(($now - $began) * 10_000 + 0.5) / 10,
            after => int(($began - $hook->{began}) * 1000));
        my $error = $tx->error;
        my $status = $tx->res->code;
        defined $status && !($error && !$error->{code})
            ? ($try{status} = $status)
            : ($try{error} = $error ? $error->{message} : 'no answer');
        push @{ $hook->{said} }, \%try;
        shift @{ $hook->{said} } while @{ $hook->{said} } > 100;
        $self->_judge($hook, ($try{status} // 0) == 200);
    });
    return;
}


# Only 200 is an acknowledgement (1.4).
sub _judge ($self, $hook, $acked) {
    my $n = $hook->{n}++ // 0;
    my $wait = $WAIT[$n] // 4 * 3600;
    $hook->{left} -= $wait;
    my $over = $hook->{left} < 0;
    if (!$acked && !$over && !($hook->{tries} && $n + 1 >= $hook->{tries})) {
        Mojo::IOLoop->timer($wait / $hook->{clock} => sub { $self->_try($hook) });
        return;
    }
    $self->{waiting}--;
    my $unsubscribed = $over && !$acked && $hook->{horizon} eq 'messaging';
    $hook->{done}->({
        acked => $acked ? \1 : \0, tries => $hook->{said}, tried => $n + 1,
        latency => $acked ? $hook->{said}[-1]{latency} : undef,
        bytes => length $hook->{body},
        ($unsubscribed ? (unsubscribed => \1) : ()),
    }) if $hook->{done};
    return if !$unsubscribed;
    $self->emulator->subscribed->{$_} = 0 for @{ $hook->{accounts} // [] };
    return;
}

1;
