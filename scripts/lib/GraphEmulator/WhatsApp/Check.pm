# Checks with WhatsApp's own error codes, and failures that come late.
package GraphEmulator::WhatsApp::Check;
use Mojo::Base -strict, -signatures;

use Exporter 'import';
use GraphEmulator::Check;
use GraphEmulator::Error qw(fail);

our @EXPORT_OK = qw(current later $check $LINK $ID);

our $ID   = qr/\A\d{1,32}\z/;
our $LINK = qr{\Ahttps?://[^\s/]+}i;

our $check = GraphEmulator::Check->new(
    missing => sub ($name) {
        fail(code => 131008, details => "The parameter $name is required.",
            message => '(#131008) Required parameter is missing');
    },
    invalid => sub ($name, $why) {
        fail(code => 131009, details => "The parameter $name $why.",
            message => '(#131009) Parameter value is not valid');
    },
);


our $current;       # the call that is checked, set for its time
sub current () { return $current }


# What Meta finds out after it has taken the message comes as a failed status
# (reference meta-webhooks 10.4: 131026, 131047, 131049, 131053); where nobody
# listens for statuses, as the answer, since a test must see it somewhere.
sub later ($code, $title, $details) {
    my $call = current();
    fail(code => $code, message => "(#$code) $title", details => $details)
        if !$call->{emulator}->after->listens;
    $call->{failed} //= { code => $code, title => $title, message => $title,
        error_data => { details => $details }, href => 'https://developers.'
            . 'facebook.com/docs/whatsapp/cloud-api/support/error-codes/' };
    return;
}

1;
