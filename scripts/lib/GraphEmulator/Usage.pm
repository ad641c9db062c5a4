# Usage headers, counted from the calls of the last hour against a quota, or
# said by a fault.
#
# Source: reference meta-graph 1.8, 1.9: percentages; absent while little is
# used; a Page's or a number's token counts for the account, others for the app.
package GraphEmulator::Usage;
use Mojo::Base -base, -signatures;

use GraphEmulator::Error qw(fail);
use Mojo::JSON qw(encode_json);

use constant WINDOW  => 3600;
use constant MAX_IDS => 10_000;

has quota => 0;     # calls an hour; 0: no limit, and no headers
has count => sub { {} };

# The code that says "too many calls", by the type of the use case.
my %THROTTLE = (messenger => 80006, whatsapp => 80007, app => 4);


# Each of Meta's five headers by its short name; entries of the fourth have the
# id of what is limited, minutes and a type.
my %SAID = (
    app        => [ 'X-App-Usage', \&_three ],
    page       => [ 'X-Page-Usage', \&_three ],
    ad_account => [ 'X-Ad-Account-Usage', sub ($said) {
        return { acc_id_util_pct => $said->{pct}, reset_time_duration =>
            $said->{seconds} // 0, ads_api_access_tier => 'standard_access' };
    } ],
    business => [ 'X-Business-Use-Case-Usage', sub ($said) {
        return { $said->{id} => [ {
            type => $said->{type}, %{ _three($said) },
            estimated_time_to_regain_access => $said->{minutes} // 0,
        } ] };
    } ],
    insights => [ 'X-FB-Ads-Insights-Throttle', sub ($said) {
        return { acc_id_util_pct => $said->{pct}, app_id_util_pct =>
            $said->{app_pct} // 0, ads_api_access_tier => 'standard_access' };
    } ],
);
my %MEMBER = map { $_ => 1 } qw(kind pct id type minutes seconds app_pct);


# The percentage is the largest of the three.
sub _three ($said) {
    my $less = int $said->{pct} / 2;
    return { call_count => $said->{pct}, total_cputime => $less,
        total_time => $less };
}


# Headers for such objects as {kind, pct, ...}; several of the same kind are one
# header.  Dies with what is wrong in them.
sub said ($class, @said) {
    my %value;
    for my $said (@said) {
        die "usage: an object with kind and pct\n"
            if ref $said ne 'HASH' || !defined $said->{pct};
        $MEMBER{$_} or die "usage: unknown member \"$_\"\n"
            for sort keys %$said;
        my $kind = $SAID{ $said->{kind} // '' }
            or die "usage: kind is one of @{[sort keys %SAID]}\n";
        die "usage: business needs id and type\n" if $said->{kind} eq
            'business' && !(defined $said->{id} && defined $said->{type});
        my ($name, $write) = @$kind;
        my $value = $write->($said);
        for my $key (keys %$value) {
            my $old = $value{$name}{$key};
            $value{$name}{$key} = ref $old eq 'ARRAY'
                ? [ @$old, @{ $value->{$key} } ] : $value->{$key};
        }
    }
    return map { $_ => encode_json($value{$_}) } sort keys %value;
}


sub _slot ($self, $id) {
    my $count = $self->count;
    my $slot = $count->{$id};
    return $slot if $slot && time - $slot->{since} < WINDOW;
    %$count = () if !$slot && keys %$count >= MAX_IDS;
    return $count->{$id} = { since => time, calls => 0 };
}


# Counts one call of $type for $id; throws when the quota was used up before.
# A throttled call counts too (1.9: it lengthens the block).
sub count_call ($self, $type, $id) {
    return if !$self->quota;
    my $slot = $self->_slot($id);
    $slot->{calls}++;
    return if $slot->{calls} <= $self->quota;
    my $code = $THROTTLE{$type};
    fail(code => $code, message => $type eq 'app'
        ? '(#4) Application request limit reached'
        : "(#$code) There have been too many calls to this $type account");
}


sub headers ($self, $type, $id) {
    return if !$self->quota;
    my $slot = $self->_slot($id);
    my $percent = int 100 * $slot->{calls} / $self->quota;
    return if $percent < 1;
    my $time = int $percent / 2;
    my %usage = (call_count => $percent, total_cputime => $time,
        total_time => $time);
    return ('X-App-Usage' => encode_json(\%usage)) if $type eq 'app';

    my $left = WINDOW - (time - $slot->{since});
    $usage{type} = $type;
    $usage{estimated_time_to_regain_access}
        = $slot->{calls} >= $self->quota ? int(($left + 59) / 60) : 0;
    return ('X-Business-Use-Case-Usage' => encode_json({ $id => [ \%usage ] }));
}

1;
