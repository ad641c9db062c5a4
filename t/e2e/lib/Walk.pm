package Walk;

# A person with a browser, and the road of a login: Meta's pages by the emulator
# under her own names, a real nginx with TLS, Redis, meta-consumer.
#
#   my $walk = Walk->new;
#   my $b = $walk->browser(width => 360, dark => 1);
#   $b->open($walk->link('/login'));          a signed link
#   my $flow = $walk->ends('connected');      what the page and Redis say then

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Mojo::JSON qw(decode_json encode_json);
use Test::More;

use Test::Meta;
use Test::Meta::Browser;
use Test::Meta::Certs;
use Test::Meta::Consumer;
use Test::Meta::Graph;
use Test::Meta::Nginx;
use Test::Meta::Redis;
use Test::Meta::Util qw(hold_port patience slurp spew temp_dir wait_for);

our ($APP, $IG_APP, $IG_SECRET) = ('1234567890', '5550001', "1g-secret-of-$$");
our ($PAGE, $INSTAGRAM, $WABA, $PHONE, $BUSINESS) = qw(900100200300 17841400000000001
    520000000000002 106000000000001 270000000000003);
our $SITE = 'https://shop.example';

my @META = qw(www.facebook.com connect.facebook.net www.instagram.com);
my @CONFIG = (encode_json({id => '81', scopes => [qw(business_management
    whatsapp_business_management whatsapp_business_messaging)]}), encode_json({id => '82',
    scopes => [qw(business_management pages_show_list pages_messaging)]}));

my $SERVERS = <<'END';
    server {
        listen 127.0.0.1:$TLS ssl;
        server_name $META;
        ssl_certificate $DIR/server.pem;
        ssl_certificate_key $DIR/server.key;
        location / {
            proxy_pass $GRAPH;
            proxy_set_header Host $host;
        }
    }
    meta_token_key_file $DIR/token_keys;
    meta_link_key_file $DIR/link_key;
    meta_oauth_app pages id=$APP kind=facebook scope=$SCOPE;
    meta_oauth_app business id=$APP kind=business config_id=82;
    meta_oauth_app insta id=$IGAPP kind=instagram scope=$IGSCOPE;
    server {
        listen 127.0.0.1:$TLS ssl;
        server_name shop.example;
        ssl_certificate $DIR/server.pem;
        ssl_certificate_key $DIR/server.key;
        meta_redirect_uri https://shop.example/meta/callback;
        location = /login { meta_oauth_login pages; }
        location = /login-business { meta_oauth_login business; }
        location = /login-instagram { meta_oauth_login insta; }
        location = /meta/callback { meta_oauth_callback; }
        location = /signup { meta_embedded_signup config_id=81; }
        location / { return 404; }
    }
END


# graph: more options of the emulator; more: of the consumer's configuration
sub new {
    my ($class, %arg) = @_;
    my $self = bless {dir => temp_dir(), shots => 0}, $class;
    diag "kept: $self->{dir}" if $ENV{META_T_LEAVE};
    my $dir = "$self->{dir}";
    my ($tls, $probe) = hold_port();
    @{$self}{qw(tls probe link_key)} = ($tls, $probe, "link-key-of-a-test-$$");
    $self->{redis} = Test::Meta::Redis->new(dir => $dir)->start;
    $self->{graph} = Test::Meta::Graph->new(dir => $dir, args => [
        '--app', "$APP:$Test::Meta::SECRET", '--instagram-app', "$IG_APP:$IG_SECRET",
        '--redirect-uri', "$SITE/meta/callback", (map { ('--login-config', $_) } @CONFIG),
        @{$arg{graph} // []}])->start;

    spew("$dir/token_keys", join('', map { sprintf '%02x', rand 256 } 1 .. 32) . "\n");
    spew("$dir/link_key", "$self->{link_key}\n");
    spew("$dir/ig_secret", "$IG_SECRET\n");
    Test::Meta::Certs->new($dir, 'ca')->issue('server', '/CN=a test',
        join ',', map { "DNS:$_" } @META, 'shop.example');
    $self->{nginx} = Test::Meta::Nginx->new(dir => $dir, redis => $self->{redis}->address,
        secret => "$Test::Meta::SECRET\n", token => "$Test::Meta::TOKEN\n",
        server => "location = /deauthorize { meta_deauthorize; }\n",
        log_level => 'notice', http => $SERVERS, vars => {TLS => $tls, META => "@META",
        GRAPH => $self->{graph}->url, APP => $APP, IGAPP => $IG_APP, SCOPE =>
        'pages_show_list,pages_messaging,pages_manage_metadata,business_management',
        IGSCOPE => 'instagram_business_basic,instagram_business_manage_messages'})->start;
    $self->{graph}->control(POST => 'webhook', {url => 'http://127.0.0.1:'
        . $self->{nginx}->port . '/hook'});
    $self->{consumer} = Test::Meta::Consumer->new(dir => $dir, conf => $self->conf(%arg));
    my ($end, $said) = $self->{consumer}->test;
    die "the configuration is faulty: $said" if $end ne '0';
    $self->{consumer}->start;
    return $self;
}

sub graph    { $_[0]{graph} }
sub consumer { $_[0]{consumer} }
sub redis    { my $self = shift; return $self->{redis}->do(@_) }
sub login    { my $self = shift; return $self->graph->control(POST => 'login', {@_}) }
sub person   { my ($self, %who) = @_; return $self->graph->control(POST => 'users', \%who) }

sub conf {
    my ($self, %arg) = @_;
    my $dir = "$self->{dir}";
    return <<"END" . ($arg{more} // '');
redis: unix:$self->{redis}{sock}
queues: [{name: "meta:events", kind: events}, {name: "meta:outbox", kind: jobs}]
apps:
  - {id: "$APP", secret_file: $dir/secret}
  - {id: "$IG_APP", secret_file: $dir/ig_secret}
graph: {version: v24.0, base_url: "@{[$self->graph->url]}"}
token_key_file: $dir/token_keys
link_key_file: $dir/link_key
unmatched: drop
END
}

# one browser for all, in that shape; it keeps its cookies
sub browser {
    my ($self, %shape) = @_;
    $self->{browser} //= Test::Meta::Browser->new(dir => $self->{dir},
        names => {map { $_ => $self->{tls} } @META, 'shop.example'});
    return $self->{browser}->shape(%shape);
}

# signed as a program of the user's would
sub link {
    my ($self, $path, $ref) = @_;
    $ref //= 'customer-7';
    my $exp = time + 600;
    return "$SITE$path?ref=$ref&exp=$exp&sig="
        . hmac_sha256_hex("$ref\n$exp", $self->{link_key});
}

# META_T_PICTURES=DIR: pictures of the page on a desktop and a phone, light and dark
sub pictures {
    my ($self, $name) = @_;
    my ($dir, $b) = ($ENV{META_T_PICTURES} // return, $self->browser);
    for my $shape ([desktop => 1100, 800], [phone => 360, 740]) {
        for my $dark (0, 1) {
            $b->shape(width => $shape->[1], height => $shape->[2], dark => $dark);
            my $file = sprintf '%s/%02d-%s-%s-%s.png', $dir, $self->{shots}, $name,
                $shape->[0], $dark ? 'dark' : 'light';
            ok -s $b->screenshot($file), "a picture: $name, $shape->[0]"
                . ($dark ? ', dark' : '');
        }
    }
    $self->{shots}++;
}

# until the flow of the page has come to that step; -> what Redis has of it
sub ends {
    my ($self, $step) = @_;
    my ($id, %flow);
    my $there = wait_for {
        ($id) = ($self->browser->eval('location.href') // '') =~ /[?&]flow=([0-9a-f]+)/;
        $id //= $self->browser->eval('(document.querySelector("#page") || {dataset: {}})'
            . '.dataset.flow');
        %flow = defined $id ? $self->redis('HGETALL', "meta:flow:$id") : ();
        ($flow{step} // '') eq $step;
    } 30;
    ok $there, "the flow comes to: $step"
        or diag explain \%flow, $self->browser->text('body'), $self->consumer->log;
    return {%flow, id => $id};
}

# what a token may do, asked by a job; -> name of the token that Graph saw
sub uses {
    my ($self, $account) = @_;
    my $id = "job-$account-" . ++$self->{jobs};
    $self->redis('RPUSH', 'meta:outbox', encode_json({v => 1, id => $id, account => $account,
        do => [{graph => {method => 'GET', path => $account}}], reply_to => 'meta:reply:walk'}));
    my $said;
    wait_for { $said = $self->redis('LPOP', 'meta:reply:walk') } 20;
    my ($call) = grep { $_->{path} =~ m{/v24\.0/\Q$account\E$} } reverse $self->graph->calls;
    return defined $said && decode_json($said)->{ok} && $call ? $call->{token}
        : 'none: ' . ($said // 'no answer');
}

# every value that Redis holds, and the logs: nothing of them is a secret.  The
# browser goes first: nginx waits for connections that it has opened in advance
sub finish {
    my ($self) = @_;
    is join("\n", $self->browser->complaints), '', 'the console has nothing to say';
    (delete $self->{browser})->stop('TERM');
    my %read = (hash => ['HGETALL'], list => ['LRANGE', 0, -1], set => ['SMEMBERS'],
        zset => ['ZRANGE', 0, -1], string => ['GET']);
    my $all = '';
    for my $key ($self->redis('KEYS', '*')) {
        my ($command, @more) = @{$read{$self->redis('TYPE', $key)}
            // die "$key: of a type that is not read here"};
        $all .= join("\n", $key, $self->redis($command, $key, @more)) . "\n";
    }
    my $given = $self->graph->control(GET => 'given');
    my @secret = (@{$given->{tokens}}, @{$given->{codes}}, $Test::Meta::SECRET, $IG_SECRET);
    cmp_ok scalar @secret, '>', 20, 'there are secrets to be kept';
    my $found = sub { my ($text) = @_; scalar grep { index($text, $_) >= 0 } @secret };
    is $found->($all), 0, 'neither tokens nor codes nor secrets in Redis';
    is $found->($self->consumer->log . slurp("$self->{dir}/error.log")
        . slurp("$self->{dir}/access.log")), 0, 'nor in the logs';
    is $self->consumer->drain, '0', 'the consumer has ended';
    is $self->consumer->complaints, '', 'without complaints';
    is $self->{nginx}->quit(15), '0', 'nginx too';
}

1;
