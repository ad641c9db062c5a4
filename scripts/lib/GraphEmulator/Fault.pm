# Faults on request: which call is to fail, how, and how often.
#
# A rule is {"match": {...}, "skip": N, "times": N, "fault": {...}}; the first
# rule that matches and has turns left is taken.  graph-emulator --help says
# what match and fault hold.
package GraphEmulator::Fault;
use Mojo::Base -base, -signatures;

use GraphEmulator::Usage;

use constant MAX_RULES => 1000;

has rules => sub { [] };
has next  => 0;

my %MATCH = map { $_ => 1 } qw(method path account token kind body);
my %FAULT = map { $_ => 1 } qw(slow cut reset status body headers code subcode
    message details type transient accepted lie usage version json failed states);
my %CUT = map { $_ => 1 } qw(head request answer);


sub _check ($rule) {
    die "a fault rule is an object\n" if ref $rule ne 'HASH';
    my %left = %$rule;
    my ($match, $fault) = (delete $left{match} // {}, delete $left{fault});
    my ($times, $skip) = (delete $left{times} // 1, delete $left{skip} // 0);
    die "unknown member \"$_\" of a fault rule\n" for sort keys %left;
    die "\"fault\" of a fault rule is an object\n" if ref $fault ne 'HASH';
    die "\"match\" of a fault rule is an object\n" if ref $match ne 'HASH';
    $MATCH{$_} or die "match: unknown member \"$_\"\n" for sort keys %$match;
    $FAULT{$_} or die "fault: unknown member \"$_\"\n" for sort keys %$fault;
    !defined || /\A\d{1,9}\z/ or die "times, skip and slow are numbers\n"
        for $times, $skip, $fault->{slow};
    die "cut is one of @{[sort keys %CUT]}\n"
        if defined $fault->{cut} && !$CUT{ $fault->{cut} };
    die "headers of a fault is an object\n"
        if defined $fault->{headers} && ref $fault->{headers} ne 'HASH';
    die "version of a fault is vN.N\n"
        if defined $fault->{version} && $fault->{version} !~ /\Av\d+\.\d+\z/;
    GraphEmulator::Usage->said(@{ $fault->{usage} })
        if ref $fault->{usage} eq 'ARRAY';
    die "usage of a fault is an array of objects\n"
        if defined $fault->{usage} && ref $fault->{usage} ne 'ARRAY';
    die "failed of a fault is a code\n" if defined $fault->{failed}
        && $fault->{failed} !~ /\A\d{1,9}\z/;
    die "states of a fault is an array\n"
        if defined $fault->{states} && ref $fault->{states} ne 'ARRAY';
    die "a fault needs \"code\" to lie with\n"
        if $fault->{lie} && !defined $fault->{code};

    my %pattern = map { $_ => qr/$match->{$_}/ }
        grep { defined $match->{$_} } qw(path body);
    return { match => $match, pattern => \%pattern, fault => $fault,
        times => $times, skip => $skip, taken => 0 };
}


# Adds a rule; dies with what is wrong in it.
sub add ($self, $spec) {
    my $rule = _check($spec);
    die "more than ${\MAX_RULES} fault rules\n"
        if @{ $self->rules } >= MAX_RULES;
    $rule->{id} = $self->{next} = $self->next + 1;
    push @{ $self->rules }, $rule;
    return $rule->{id};
}


sub _matches ($rule, $call) {
    for my $name (keys %{ $rule->{match} }) {
        my $value = $call->{$name} // return 0;
        if (my $pattern = $rule->{pattern}{$name}) {
            return 0 if $value !~ $pattern;
        }
        elsif ($value ne $rule->{match}{$name}) {
            return 0;
        }
    }
    return 1;
}


# The fault for this call, or undef.  $phase "head" asks only for cuts at the
# head, "request" for all others: a call is asked about once in each.
sub take ($self, $call, $phase) {
    my $rules = $self->rules;
    for my $i (0 .. $#$rules) {
        my $rule = $rules->[$i];
        my $head = ($rule->{fault}{cut} // '') eq 'head';
        next if $head != ($phase eq 'head') || !_matches($rule, $call);
        if ($rule->{skip} > 0) {
            $rule->{skip}--;
            next;
        }
        $rule->{taken}++;
        splice @$rules, $i, 1
            if $rule->{times} && $rule->{taken} >= $rule->{times};
        return $rule->{fault};
    }
    return undef;
}


# Takes one rule away; false if there is none of that number.
sub remove ($self, $id) {
    my $rules = $self->rules;
    my $before = @$rules;
    @$rules = grep { $_->{id} != $id } @$rules;
    return @$rules < $before;
}


# What stands, for the control endpoint.
sub list ($self) {
    return [ map {
        my $rule = $_;
        +{ map { $_ => $rule->{$_} } qw(id match fault times skip taken) };
    } @{ $self->rules } ];
}

1;
