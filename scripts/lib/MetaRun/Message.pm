# A webhook body as Meta writes it, with its signature and how to know that it
# was answered.
package MetaRun::Message;
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use JSON::PP;
use Time::HiRes qw(time);

# ASCII with \uXXXX and \/ escapes is what is on the wire (reference
# meta-webhooks 1.3); keys in any order.
my $json = JSON::PP->new->ascii->canonical;

use constant {
    APP      => '1234567890',
    PHONE    => '106540352242922',
    WABA     => '102290129340398',
    PAGE     => '118734502290164',
    CUSTOMER => '27820000001',
    PSID     => '7204418839156622',
};


sub _encode {
    my ($data) = @_;
    return $json->encode($data) =~ s{/}{\\/}gr;
}


sub _random {
    my ($length) = @_;
    my @letters = ('A' .. 'Z', 'a' .. 'z', 0 .. 9);
    return join '', map { $letters[ rand @letters ] } 1 .. $length;
}


# A text message; answered: read receipt and a text to the same account.
sub whatsapp {
    my ($class, $parts, $text) = @_;
    my $id = 'wamid.HBgLMjc4MjAwMDAwMDEVAgASGBQ' . _random(24) . '=';
    $text //= "Do you deliver? \x{1F600}";
    my $body = _encode({
        object => 'whatsapp_business_account',
        entry  => [ { id => WABA, changes => [ { field => 'messages', value => {
            messaging_product => 'whatsapp',
            metadata => { display_phone_number => '15557016342',
                phone_number_id => PHONE },
            contacts => [ { profile => { name => 'Thandi' },
                wa_id => CUSTOMER } ],
            messages => [ { from => CUSTOMER, id => $id,
                timestamp => sprintf('%d', time), type => 'text',
                text => { body => $text } } ],
        } } ] } ],
    });
    return bless {
        channel => 'WhatsApp', id => $id, body => $body, account => PHONE,
        secret => $parts->{secret},
        answered => sub {
            return (grep { _good($_) && ($_->{body}{status} // '') eq 'read'
                && $_->{body}{message_id} eq $id } @_)
                && (grep { _good($_) && $_->{accepted}
                    && defined $_->{body}{text}{body} } @_);
        },
    }, $class;
}


# A text message; answered: a text with two quick replies to the same person.
sub messenger {
    my ($class, $parts) = @_;
    my $id = 'm_' . _random(64);
    my $now = int(time * 1000);
    my $body = _encode({
        object => 'page',
        entry  => [ { id => PAGE, time => $now, messaging => [ {
            sender => { id => PSID }, recipient => { id => PAGE },
            timestamp => $now - 200,
            message => { mid => $id, text => 'What is the price of the caf'
                    . "\x{e9} table?" },
        } ] } ],
    });
    return bless {
        channel => 'Messenger', id => $id, body => $body, account => PAGE,
        secret => $parts->{secret},
        answered => sub {
            return grep { _good($_) && $_->{accepted}
                && $_->{body}{recipient}{id} eq PSID
                && @{ $_->{body}{message}{quick_replies} // [] } == 2 } @_;
        },
    }, $class;
}


sub _good {
    my ($call) = @_;
    return $call->{answer}{status} == 200 && ref $call->{answer}{body};
}


# The value of X-Hub-Signature-256.
sub signature {
    my ($self) = @_;
    return 'sha256=' . hmac_sha256_hex($self->{body}, $self->{secret});
}

1;
