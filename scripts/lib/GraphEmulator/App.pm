# The app's own edge, subscriptions: where its webhooks go; the handshake is made
# while whoever calls waits, as Meta does.
#
# Sources: reference meta-webhooks 1.1, 1.8, meta-graph 8.4 (code 2200 is
# unconfirmed there).
package GraphEmulator::App;
use Mojo::Base -strict, -signatures;

use GraphEmulator::Error qw(fail);
use GraphEmulator::Route qw(route);
use Mojo::URL;
use Mojo::UserAgent;

use constant TIMEOUT => 5;

my %OBJECT = map { $_ => 1 } qw(ad_account application catalog instagram page
    permissions user whatsapp_business_account managed_meta_account);


sub _wrong ($name) {
    return fail(code => 100, message => "(#100) Param $name is not valid");
}


sub _handshake ($params) {
    my $challenge = 1_000_000_000 + int rand 1_000_000_000;
    my $url = Mojo::URL->new($params->{callback_url})->query([
        'hub.mode' => 'subscribe', 'hub.challenge' => $challenge,
        'hub.verify_token' => $params->{verify_token} ]);
    my $agent = Mojo::UserAgent->new(max_redirects => 0,
        connect_timeout => TIMEOUT, request_timeout => TIMEOUT);
    my $res = eval { $agent->get($url)->result };
    return if $res && $res->code == 200 && $res->body eq $challenge;
    return fail(code => 2200, message => '(#2200) Callback verification failed'
            . ' with the following errors: HTTP Status Code = '
            . ($res ? $res->code : 'none') . '; the answer is not the'
            . ' challenge');
}


sub _subscribe ($call) {
    my $params = $call->{params};
    my ($object, $token) = @{$params}{qw(object verify_token)};
    _wrong('object') if !$OBJECT{ $object // '' };
    _wrong('callback_url')
        if ($params->{callback_url} // '') !~ m{\Ahttps?://[^\s/]+}i;
    _wrong('verify_token') if !length($token // '');
    my @fields = split /,/, $params->{fields} // '';
    _wrong('fields') if grep { !/\A\w+\z/ } @fields;

    _handshake($params);
    $call->{emulator}{subscriptions}{$object} = { object => $object,
        callback_url => $params->{callback_url}, active => \1,
        fields => [ map { +{ name => $_, version => $call->{version} } }
            @fields ] };
    return ({ success => \1 }, 0);
}


sub _list ($call) {
    my $known = $call->{emulator}{subscriptions} // {};
    return ({ data => [ map { $known->{$_} } sort keys %$known ] }, 0);
}


sub _remove ($call) {
    my ($object, $fields) = @{ $call->{params} }{qw(object fields)};
    my $known = $call->{emulator}{subscriptions} // {};
    my @objects = defined $object ? $object : keys %$known;
    for my $one (grep { $known->{$_} } @objects) {
        my %gone = map { $_ => 1 } split /,/, $fields // '';
        my @left = defined $fields
            ? grep { !$gone{ $_->{name} } } @{ $known->{$one}{fields} } : ();
        $known->{$one}{fields} = \@left;
        delete $known->{$one} if !@left;
    }
    return ({ success => \1 }, 0);
}

route('POST', 'app', 'subscriptions', \&_subscribe);
route('GET', 'app', 'subscriptions', \&_list);
route('DELETE', 'app', 'subscriptions', \&_remove);

1;
