# Which part of the stand-in serves a call: by method, kind of node and edge.
#
# A token may touch its own accounts and what belongs to them; the rest does not
# exist for it (100/33, reference meta-webhooks 10.4).
package GraphEmulator::Route;
use Mojo::Base -base, -signatures;

use Exporter 'import';
use GraphEmulator::Error qw(fail);

our @EXPORT_OK = qw(route unsupported);

my %ROUTE;      # "METHOD kind edge" -> code ($call) that answers (JSON, taken)


# Each product adds its own: route('POST', 'phone', 'messages', sub ($call)); an
# edge may end in /*.
sub route ($methods, $kinds, $edges, $code) {
    for my $method (split / /, $methods) {
        for my $kind (split / /, $kinds) {
            $ROUTE{"$method $kind $_"} = $code
                for $edges eq '' ? '' : split / /, $edges;
        }
    }
    return;
}


sub unsupported ($method, $node) {
    fail(code => 100, subcode => 33, type => 'GraphMethodException', message =>
            "Unsupported @{[lc $method]} request. Object with ID '$node' does"
            . ' not exist, cannot be loaded due to missing permissions, or does'
            . ' not support this operation.');
}


# What an id is for the token of the call: an account of it, or a thing that
# belongs to one.  A system user's plain id may be a number's or a Page's.
sub _kinds ($call) {
    my ($token, $node) = @{$call}{qw(known node)};
    my $kind = $token->{node}{$node};
    return $kind eq 'any' ? qw(phone page instagram) : $kind if defined $kind;
    my $thing = $call->{emulator}->store->get($node);
    return () if !$thing || !exists $token->{node}{ $thing->{owner} };
    $call->{thing} = $thing;
    return $thing->{kind};
}


# -> the code that serves the call, or undef: then it is for unsupported().
sub find ($class, $call) {
    my @kinds = _kinds($call);
    my $any = $call->{edge} =~ s{/[^/]+\z}{/*}r;
    @kinds = ('phone') if @kinds > 1 && $call->{kind} eq 'whatsapp';
    @kinds = grep { $_ ne 'phone' } @kinds
        if @kinds > 1 && $call->{kind} eq 'messenger';
    for my $kind (@kinds, exists $call->{thing} || @kinds ? () : 'unknown') {
        my $code = $ROUTE{"$call->{method} $kind $call->{edge}"}
            // $ROUTE{"$call->{method} $kind $any"} // next;
        $call->{node_kind} = $kind;
        return $code;
    }
    return undef;
}

1;
