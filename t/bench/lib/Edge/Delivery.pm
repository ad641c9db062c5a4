package Edge::Delivery;

# Deliveries of our own making, signed, and written to files as whole HTTP requests.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Exporter qw(import);

use Edge::Process;

our @EXPORT = qw(SECRET change delivery request);

use constant SECRET => '0123456789abcdef0123456789abcdef';

# a WhatsApp text message as Meta escapes it, about 430 bytes
sub change {
    my $n = shift;
    my $user = 27820000000 + $n;
    return sprintf '{"value":{"messaging_product":"whatsapp",'
        . '"metadata":{"display_phone_number":"15550001111","phone_number_id":"106540352242922"},'
        . '"contacts":[{"profile":{"name":"Thandi M\u00f6ller"},"wa_id":"%s"}],'
        . '"messages":[{"from":"%s",'
        . '"id":"wamid.HBgLMjc4MjAwMDAwMDAxFQIAEhgUM0FD%08dRTcxRjg0QjA2MzUA",'
        . '"timestamp":"%d","text":{"body":"Do you deliver to Salt River \/ today? \ud83d\ude00"},'
        . '"type":"text"}]},"field":"messages"}', $user, $user, $n, 1763700000 + $n;
}

# entries of up to 20 changes, as a WhatsApp Business Account sends them
sub delivery {
    my $events = shift;
    my @entries;
    for (my $n = 0; $n < $events; $n += 20) {
        my $last = $n + 19 < $events ? $n + 19 : $events - 1;
        my $changes = join ',', map { change($_) } $n .. $last;
        push @entries, qq({"id":"102290129340398","changes":[$changes]});
    }
    return '{"object":"whatsapp_business_account","entry":[' . join(',', @entries) . ']}';
}

# the file that holds a POST of so many events to this path
sub request {
    my ($path, $events) = @_;
    my $file = bench_dir() . '/request-' . ($path =~ tr{/}{}dr) . "-$events";
    return $file if -e $file;

    my $body = delivery($events);
    spew($file, join "\r\n", "POST $path HTTP/1.1", 'Host: localhost', 'Accept: */*',
        'User-Agent: facebookexternalua', 'Content-Type: application/json',
        'Content-Length: ' . length $body,
        'X-Hub-Signature-256: sha256=' . hmac_sha256_hex($body, SECRET), '', $body);
    return $file;
}

1;
