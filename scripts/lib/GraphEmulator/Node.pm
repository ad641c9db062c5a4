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
    $node{instagram_business_account} = { id => $token->{account}{$node} }
        if $kind eq 'page' && $token->{account}{$node} ne $node;
    @node{qw(user_id username account_type profile_picture_url)} = ($id,
        "emulator$id", 'BUSINESS', 'https://scontent.cdninstagram.com/p.jpg')
        if $kind eq 'instagram';
    @node{qw(currency timezone_id message_template_namespace)}
        = ('EUR', '1', 'emulator') if $kind eq 'waba';
    return (fields($call, \%node, 'id,name'), 0);
}

route('GET', 'phone waba page instagram user app', '', \&_account);

1;
