# Whom an account may write to: who wrote when, under which ids, who said stop.
#
# Windows: reference meta-webhooks 7.1 (WhatsApp), 8 (Messenger), 9 (Instagram):
# 24 hours from the person's last message or tap.  What is not known is open,
# unless the emulator is strict: a test that sends without a delivery means it.
package GraphEmulator::People;
use Mojo::Base -base, -signatures;

use constant WINDOW     => 24 * 3600;
use constant AGENT      => 7 * 24 * 3600;     # tag HUMAN_AGENT
use constant MAX_PEOPLE => 100_000;

has store  => undef;
has known  => sub { {} };
has strict => 0;


# The person of an account by phone, BSUID, PSID or IGSID; new ones are kept.
sub person ($self, $account, $user) {
    my $known = $self->known;
    %$known = () if keys %$known >= MAX_PEOPLE;
    return $known->{"$account $user"} //= { user => $user };
}


sub find ($self, $account, $user) {
    return $self->known->{"$account " . ($user // '')};
}


# Two ids are one person: an event named both.
sub same ($self, $account, $phone, $bsuid) {
    my $person = $self->find($account, $phone) // $self->find($account, $bsuid)
        // $self->person($account, $phone);
    @{$person}{qw(phone bsuid)} = ($phone, $bsuid);
    $self->known->{"$account $_"} = $person for $phone, $bsuid;
    return $person;
}


# The person wrote or tapped now.
sub wrote ($self, $account, $user, $time = $self->store->now) {
    my $person = $self->person($account, $user);
    $person->{wrote} = $time if $time > ($person->{wrote} // 0);
    delete $person->{closed};
    return $person;
}


# Whether a message may go out; $agent: a human's, with its tag.
sub open ($self, $account, $user, $agent = 0) {
    my $person = $self->find($account, $user);
    return !$self->strict if !$person;
    return 0 if $person->{closed};
    return !$self->strict if !defined $person->{wrote};
    return $self->store->now - $person->{wrote} < ($agent ? AGENT : WINDOW);
}

1;
