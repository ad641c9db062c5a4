# POST /emulator/deliver: a signed webhook to a URL, and what became of it.
package GraphEmulator::Deliver;
use Mojo::Base -strict, -signatures;

use GraphEmulator::Event;
use GraphEmulator::Learn;
use GraphEmulator::Webhook;
use Mojo::JSON qw(decode_json);

# What the request says of the delivery; the rest is the event's short form.
my @HOW = qw(url raw object entry secret tries clock timeout wait);


# -> what is to be posted; dies with what is wrong.
sub _hook ($emulator, $spec) {
    my %hook = map { $_ => delete $spec->{$_} }
        grep { exists $spec->{$_} } @HOW;
    $hook{url} //= $emulator->webhook
        // die "url is needed: no webhook was named\n";
    die "url is http:// or https://\n" if $hook{url} !~ m{\Ahttps?://[^\s/]+}i;
    !defined || /\A\d{1,9}(?:\.\d+)?\z/ or die "tries, clock, timeout are"
        . " numbers\n" for @hook{qw(tries clock timeout)};
    die "clock is more than 0\n" if defined $hook{clock} && $hook{clock} <= 0;
    $hook{tries} //= 7;

    my $body;
    if (defined $hook{raw}) {
        ($hook{body}, $body) = ($hook{raw}, eval { decode_json($hook{raw}) });
        utf8::encode($hook{body}) if utf8::is_utf8($hook{body});
    }
    else {
        ($body, $hook{ids}) = defined $hook{entry} || defined $hook{object}
            ? { object => $hook{object} // 'page', entry => $hook{entry} // [] }
            : GraphEmulator::Event->body($emulator, $spec);
        $hook{body} = GraphEmulator::Webhook->bytes($body);
    }
    $hook{object} = ref $body eq 'HASH' ? $body->{object} // '' : '';
    my @entries = ref $body eq 'HASH' && ref $body->{entry} eq 'ARRAY'
        ? grep { ref eq 'HASH' } @{ $body->{entry} } : ();
    $hook{accounts} = [ map { $_->{id} // () } @entries ];
    $hook{messaging} = !!grep { $_->{messaging} || $_->{standby} } @entries;
    return (\%hook, $body);
}


# -> code that is called with where the answer goes, once it is known.
sub serve ($class, $emulator, $spec) {
    die "an object: a body, or a short form\n" if ref $spec ne 'HASH';
    my ($hook, $body) = _hook($emulator, { %$spec });
    my @off = grep { defined $emulator->subscribed->{$_}
        && !$emulator->subscribed->{$_} } @{ $hook->{accounts} };
    die "the app is not subscribed to @off: POST $off[0]/subscribed_apps\n"
        if @off;
    GraphEmulator::Learn->body($emulator, $body);
    my $wait = delete $hook->{wait} // 1;
    my %ids = $hook->{ids} ? (ids => delete $hook->{ids}) : ();
    return sub ($answer) {
        $emulator->hooks->post(%$hook, done => sub ($said) {
            $emulator->delivered($said);
            $answer->({ ok => $said->{acked}, %$said, %ids }) if $wait;
        });
        $answer->({ ok => \1, %ids }) if !$wait;
    };
}

1;
