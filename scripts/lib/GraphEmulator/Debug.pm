# GET /debug_token: what a token is, to whom it was given, and until when.
#
# Source: reference meta-graph 2.6, 3.4.  0 is never; a dead token is answered
# 200 and is_valid false; target_ids are left out where all assets were chosen.
# Instagram Login's tokens are none of Facebook's (1.1).
package GraphEmulator::Debug;
use Mojo::Base -strict, -signatures;

use GraphEmulator::Error qw(fail);

my %TYPE = (page => 'PAGE', user => 'USER');

# Which of a token's nodes a scope is about.
my @ABOUT = ([ qr/\Awhatsapp_/ => 'waba' ], [ qr/\Apages_/ => 'page' ],
    [ qr/\Ainstagram_/ => 'instagram' ], [ qr/\Abusiness_/ => 'business' ]);


# Of one scope: the ids that were said, else those of the token's accounts.
sub _granular ($known, $scope) {
    my %one = (scope => $scope);
    if ($known->{targets} || $known->{minted}) {
        my $ids = ($known->{targets} // {})->{$scope};
        $one{target_ids} = [ map { "$_" } @$ids ] if $ids;
        return \%one;
    }
    my $node = $known->{node};
    for my $about (@ABOUT) {
        next if $scope !~ $about->[0];
        my @ids = sort grep { $node->{$_} eq $about->[1] || $node->{$_} eq 'any' }
            keys %$node;
        $one{target_ids} = \@ids if @ids;
        last;
    }
    return \%one;
}


sub serve ($class, $tokens, $params) {
    my $input = $params->{input_token};
    fail(code => 100, message => '(#100) The parameter input_token is required')
        if !defined $input || ref $input || $input eq '';
    my %data = (app_id => $tokens->app_id, application => 'Emulator');
    return { data => { %data, type => 'APP', is_valid => \1, scopes => [] } }
        if $input eq $tokens->app_token;

    my $known = $tokens->known->{$input};
    return { data => { is_valid => \0, scopes => [], error => { code => 190,
        message => 'Invalid OAuth access token.' } } }
        if !$known || $known->{kind} eq 'instagram';

    %data = (%data, type => $TYPE{ $known->{kind} } // 'SYSTEM_USER',
        user_id => $tokens->user_id($input), issued_at => $known->{issued},
        expires_at => $known->{expires} // 0,
        data_access_expires_at => $known->{data_expires} // 0);
    $data{app_id} = "$known->{app}" if defined $known->{app};
    $data{profile_id} = $known->{first} if $known->{kind} eq 'page';
    if (my ($subcode, $why) = $tokens->why_dead($known)) {
        return { data => { %data, is_valid => \0, scopes => [], error => {
            code => 190, subcode => $subcode, message =>
                "Error validating access token: $why." } } };
    }
    my $scopes = $tokens->scopes($known);
    return { data => { %data, is_valid => \1, scopes => $scopes,
        granular_scopes => [ map { _granular($known, $_) } @$scopes ] } };
}

1;
