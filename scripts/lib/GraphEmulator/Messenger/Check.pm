# Checks with the error code of Pages and Instagram: always 100.
package GraphEmulator::Messenger::Check;
use Mojo::Base -strict, -signatures;

use Exporter 'import';
use GraphEmulator::Check;
use GraphEmulator::Error qw(fail);

our @EXPORT_OK = qw($check $LINK);

our $LINK  = qr{\Ahttps?://[^\s/]+}i;
our $check = GraphEmulator::Check->new(
    missing => sub ($name) {
        fail(code => 100, message => "(#100) The parameter $name is required");
    },
    invalid => sub ($name, $why) {
        fail(code => 100, message => "(#100) Param $name $why");
    },
);

1;
