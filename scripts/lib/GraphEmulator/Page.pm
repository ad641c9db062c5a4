# Lists in pages: data, cursors before and after, and the URL of the next page.
#
# Source: reference meta-graph 1.5, meta-webhooks 7.5.
package GraphEmulator::Page;
use Mojo::Base -strict, -signatures;

use Exporter 'import';
use GraphEmulator::Error qw(fail);
use Mojo::URL;
use Mojo::Util qw(b64_decode b64_encode);

our @EXPORT_OK = qw(page);

use constant { DEFAULT => 25, MOST => 1000 };


sub _place ($cursor) {
    my ($place) = b64_decode($cursor) =~ /\Aat:(\d{1,9})\z/;
    return $place // fail(code => 100, message => '(#100) Invalid cursor');
}


sub _cursor ($place) {
    return b64_encode("at:$place", '') =~ s/=+\z//r;
}


# The page of @all that limit, after and before of the call ask for.  The URL
# of the next one holds the token, as Meta's does: nobody should follow it.
sub page ($call, @all) {
    my $params = $call->{params};
    my $limit = $params->{limit} // DEFAULT;
    fail(code => 100, message => '(#100) Param limit must be a number')
        if $limit !~ /\A\d{1,6}\z/ || $limit == 0;
    $limit = MOST if $limit > MOST;
    my $first = defined $params->{after} ? _place($params->{after})
        : defined $params->{before} ? _place($params->{before}) - $limit : 0;
    $first = 0 if $first < 0;
    my $last = $first + $limit > @all ? scalar @all : $first + $limit;
    return { data => [] } if $first >= $last;

    my %paging = (cursors => { before => _cursor($first),
        after => _cursor($last) });
    my $url = Mojo::URL->new('https://graph.facebook.com' . $call->{path})
        ->query({ %{ $call->{req}->query_params->to_hash }, limit => $limit });
    $paging{next} = $url->clone->query({ after => _cursor($last),
        access_token => $call->{token_value} })->to_string if $last < @all;
    return { data => [ @all[$first .. $last - 1] ], paging => \%paging };
}

1;
