# What a token leads to: the Pages of a person with their tokens, businesses and
# the Pages they own, permissions granted and taken back.
#
# Sources: reference meta-graph 2.5 (Page tokens; empty with granular consent),
# 2.7 (permissions, whose paths are unconfirmed there).
package GraphEmulator::Login::Accounts;
use Mojo::Base -strict, -signatures;

use GraphEmulator::Error qw(fail);
use GraphEmulator::Login::Signed;
use GraphEmulator::Node qw(fields);
use GraphEmulator::Page qw(page);
use GraphEmulator::Route qw(route unsupported);


# The person behind the call's token; a business's token has one too.
sub _person ($call) {
    my ($known, $login) = ($call->{known}, $call->{emulator}->login);
    $login->user;
    return $login->users->{ $known->{person} // $known->{first} } // {};
}


sub _may ($call, $scope) {
    return !!grep { $_ eq $scope }
        @{ $call->{emulator}->tokens->scopes($call->{known}) };
}


# Of a page what the call asks for.
sub _page ($call, $page, $default) {
    my $login = $call->{emulator}->login;
    my %page = (id => $page->{id}, name => $page->{name}, category => 'Shop',
        category_list => [ { id => '1', name => 'Shop' } ],
        tasks => $page->{tasks}, access_token => $login->page_token(
            $call->{known}, $call->{token_value}, $page),
        instagram_business_account => defined $page->{instagram} ? {
            id => $page->{instagram}, username => $page->{username}
                // "emulator$page->{instagram}" } : undef);
    return fields($call, \%page, $default);
}

use constant OF_PAGE => 'access_token,category,category_list,name,tasks';


# Empty without pages_show_list, and where the person chose single Pages.
sub _accounts ($call) {
    my $person = _person($call);
    my @pages = _may($call, 'pages_show_list') && !$person->{granular}
        ? $call->{emulator}->login->pages($person) : ();
    return (page($call, map { _page($call, $_, OF_PAGE) } @pages), 0);
}


sub _own ($call) {
    my ($page) = grep { $_->{id} eq $call->{node} }
        $call->{emulator}->login->pages(_person($call));
    unsupported($call->{method}, $call->{node}) if !$page;
    return (_page($call, $page, 'id,name'), 0);
}


sub _businesses ($call) {
    return (page($call, map { { id => $_->{id}, name => $_->{name} } }
        _may($call, 'business_management')
            ? @{ _person($call)->{businesses} // [] } : ()), 0);
}


# A Page belongs to the business that it names, else to the first.
sub _owned ($call) {
    fail(code => 200, message => '(#200) Requires business_management permission')
        if !_may($call, 'business_management');
    my $person = _person($call);
    my $first = ($person->{businesses} // [])->[0] // { id => '' };
    my @pages = grep { ($_->{business} // $first->{id}) eq $call->{node} }
        $call->{emulator}->login->pages($person);
    return (page($call, map { _page($call, $_, 'id,name') } @pages), 0);
}


sub _business ($call) {
    my ($business) = grep { $_->{id} eq $call->{node} }
        @{ _person($call)->{businesses} // [] };
    return (fields($call, { id => $call->{node}, name => $business
        ? $business->{name} : "Business $call->{node}" }, 'id,name'), 0);
}


sub _permissions ($call) {
    my ($known, $login) = ($call->{known}, $call->{emulator}->login);
    my $tokens = $call->{emulator}->tokens;
    my $grant = $login->grant($known->{app} // $tokens->app_id, $known->{first});
    my %status = ((map { $_ => 'granted' } @{ $tokens->scopes($known) }),
        map { $_ => 'declined' } keys %{ $grant->{declined} });
    return (page($call, map { { permission => $_, status => $status{$_} } }
        sort keys %status), 0);
}


# All of them: the app is gone, and its deauthorize callback is told (section 4).
sub _revoke ($call) {
    my ($known, $emulator) = @{$call}{qw(known emulator)};
    my ($scope) = $call->{edge} =~ m{\Apermissions/(\w+)\z};
    my $app = $known->{app} // $emulator->tokens->app_id;
    fail(code => 100, message => "(#100) No permission $scope")
        if defined $scope && !_may($call, $scope);
    $known->{scopes} //= [ @{ $emulator->tokens->scopes($known) } ];
    $known->{user} //= $known->{first};
    $emulator->login->revoke($app, $known->{first}, $scope);
    GraphEmulator::Login::Signed->deauthorized($emulator, $known->{first})
        if !defined $scope;
    return ({ success => \1 }, 0);
}


route('GET', 'user', 'accounts', \&_accounts);
route('GET', 'user', 'businesses', \&_businesses);
route('GET', 'user', 'permissions', \&_permissions);
route('DELETE', 'user', 'permissions', \&_revoke);
route('DELETE', 'user', 'permissions/*', \&_revoke);
route('GET', 'own_page', '', \&_own);
route('GET', 'business', '', \&_business);
route('GET', 'business', 'owned_pages', \&_owned);

1;
