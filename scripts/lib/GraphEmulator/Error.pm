# Meta's error envelope, and the errors that any call can end in.
#
# Shapes: reference meta-graph 1.7 (envelope), 1.10 (codes), meta-webhooks 7.6
# (WhatsApp's error_data).  A fault is thrown with die and caught in one place.
package GraphEmulator::Error;
use Mojo::Base -base, -signatures;

use Exporter 'import';
use Mojo::Util qw(b64_encode);

our @EXPORT_OK = qw(fail trace_id);

has [qw(code subcode message details status type transient user_msg flat)];


# Random, and as long as Meta's: "A" and 22 characters of base64url.
sub trace_id () {
    my $id = b64_encode(join('', map { chr int rand 256 } 1 .. 17), '');
    return 'A' . substr $id =~ tr{+/}{-_}r, 0, 22;
}


# Throws: code and message are needed; status is 400 and type OAuthException
# unless said (throttles and bad parameters are OAuthException and 400 too).
sub fail (%args) {
    die __PACKAGE__->new(status => 400, type => 'OAuthException', %args);
}


sub body ($self) {
    my $code = $self->code;
    my $text = $self->message // "(#$code) Error $code";
    return { error_type => $self->type, code => $code + 0,
        error_message => $text } if $self->flat;
    my %error = (
        message    => $text,
        type       => $self->type,
        code       => $code + 0,
        fbtrace_id => trace_id(),
    );
    $error{error_subcode} = $self->subcode + 0 if defined $self->subcode;
    $error{is_transient} = $self->transient ? \1 : \0
        if defined $self->transient;
    $error{error_data}
        = { messaging_product => 'whatsapp', details => $self->details }
        if defined $self->details;
    $error{error_user_msg} = $self->user_msg if defined $self->user_msg;
    return { error => \%error };
}


# The WWW-Authenticate value that Meta sends with 400 and 401.
sub authenticate ($self) {
    my $kind = ($self->code // 0) == 190 ? 'invalid_token' : 'invalid_request';
    my $text = ($self->message // '') =~ s/["\\\r\n]/ /gr;
    utf8::encode($text);
    return qq{OAuth "Facebook Platform" "$kind" "$text"};
}

1;
