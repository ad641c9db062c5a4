# What Meta sends by itself after a call: statuses, echoes, an account's news.
package GraphEmulator::After;
use Mojo::Base -base, -signatures;

has emulator => undef, weak => 1;


# Whether a webhook was named: without one nothing is sent.
sub listens ($self) {
    return defined $self->emulator->webhook;
}


sub comment ($self, $call, $comment) {
    return;
}


sub account ($self, $account, $field, $value) {
    return;
}

1;
