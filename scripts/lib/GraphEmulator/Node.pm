# GET of an account: id and name, or of its fields what `fields` asks for.
#
# Sources: reference meta-webhooks 7.5 (numbers), meta-graph 2.5 and 2.10 (Page,
# Instagram); the fields of a number beyond 7.5 are general knowledge.
package GraphEmulator::Node;
use Mojo::Base -base, -signatures;

use Exporter 'import';
use GraphEmulator::Error qw(fail);
use GraphEmulator::Route qw(route);

our @EXPORT_OK = qw(fields);


# Of an object what `fields` asks for; $default when it asks for nothing.
sub fields ($call, $object, $default) {
    my @fields = map { s/[.({].*//sr }
        split /,(?![^({]*[)}])/, $call->{params}{fields} // $default;
    for my $field (@fields) {
        fail(code => 100, message => "(#100) Tried accessing nonexisting field"
                . " ($field)") if $field =~ /\A_/ || !exists $object->{$field};
    }
    return { id => $object->{id}, map { $_ => $object->{$_} }
        grep { defined $object->{$_} } @fields };
}


sub _account ($call) {
    my ($token, $node) = @{$call}{qw(known node)};
    my $me = $call->{rest} =~ m{\A/me/?\z};
    my $id = $me && $token->{kind} !~ /\A(?:page|app|instagram)\z/
        ? $call->{emulator}->tokens->user_id($call->{token_value}) : $node;
    my %node = (id => $id, name => "Emulator $token->{kind} $id");
    my $kind = $token->{node}{$node} // '';
    %node = (%node, %{ $call->{emulator}->number($node) })
        if !$me && $kind =~ /\A(?:phone|any)\z/;
    my $names = $call->{emulator}->login->names;
    my $linked = $token->{account}{$node};
    $node{name} = $names->{$id} if defined $names->{$id};
    $node{instagram_business_account} = { id => $linked,
        defined $names->{$linked} ? (username => $names->{$linked}) : () }
        if $kind eq 'page' && $token->{account}{$node} ne $node;
    _instagram($token, $me, \%node) if $kind eq 'instagram';
    $node{client_business_id} = $token->{business}
        if $me && defined $token->{business};
    @node{qw(currency timezone_id message_template_namespace)}
        = ('EUR', '1', 'emulator') if $kind eq 'waba';
    my $answer = fields($call, \%node, 'id,name');
    $answer = { data => [ $answer ] } if $me && $kind eq 'instagram'
        && $call->{emulator}->login->how->{instagram_me} eq 'data';
    return ($answer, 0);
}


# user_id is the account's; a token of a login says the app-scoped one as id.
sub _instagram ($token, $me, $node) {
    my $profile = $token->{profile} // {};
    my $id = $node->{id};
    @{$node}{qw(user_id username account_type profile_picture_url)} = ($id,
        $profile->{username} // "emulator$id", 'BUSINESS',
        'https://scontent.cdninstagram.com/p.jpg');
    $node->{name} = $profile->{name} if defined $profile->{name};
    $node->{id} = $token->{user} if $me && defined $token->{user};
    return;
}

route('GET', 'phone waba page instagram user app', '', \&_account);

1;
