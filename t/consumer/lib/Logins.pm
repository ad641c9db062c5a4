package Logins;

# A rig with a token store, an app and Instagram's, and logins as the edge
# pushes them.
#
#   my $rig = Logins->new;  my $c = $rig->logins;
#   my $flow = $rig->login(kind => 'facebook', scope => '...');
#   is $rig->ended($flow)->{step}, 'connected';  $rig->done;

use strict;
use warnings;

use parent -norequire, 'Rig';

use Exporter qw(import);
use JSON::PP ();
use Rig;
use Test::More;
use Time::HiRes ();

use Test::Meta::Util qw(build_dir made patience slurp spew wait_for);

our @EXPORT_OK = qw($APP $SECRET $IG_APP $BACK);

our ($APP, $SECRET) = ('1234567890', "app-secret-$$-of-tests");
our ($IG_APP, $IG_SECRET) = ('5550001', "instagram-secret-$$-of-tests");
our $BACK = 'https://shop.example/meta/callback';

my $KEY = '0123456789abcdef' x 4;
my $json = JSON::PP->new->canonical->utf8;
my $count = 0;

# no log and no key of Redis may hold these
my @secrets = ($SECRET, $IG_SECRET);

sub new {
    my ($class, %arg) = @_;
    my $self = Rig::new($class, %arg, graph => ['--app', "$APP:$SECRET", '--instagram-app',
        "$IG_APP:$IG_SECRET", '--redirect-uri', $BACK, @{$arg{graph} // []}]);
    spew($self->file('keys'), "$KEY\n");
    spew($self->file('app'), "$SECRET\n");
    spew($self->file('instagram-app'), "$IG_SECRET\n");
    return $self;
}

# a consumer that takes logins
sub logins {
    my ($self, %arg) = @_;
    my $more = delete $arg{more} // '';
    return $self->consumer(rules => "unmatched: drop\n", more => <<"END" . $more, %arg);
apps:
  - {id: "$APP", secret_file: @{[$self->file('app')]}}
  - {id: "$IG_APP", secret_file: @{[$self->file('instagram-app')]}}
token_key_file: @{[$self->file('keys')]}
END
}

my $sealer;

# seal or open; undef: it cannot be opened
sub seal {
    my ($self, $what, $purpose, $name, $text) = @_;
    $sealer //= made('consumer', build_dir() . '/sealer') . '/sealer';
    my $file = $self->file('plain');
    spew($file, $text);
    open my $out, '-|', 'sh', '-c', 'exec "$0" "$@" < ' . $file, $sealer, $KEY, $what, $purpose,
        $name or die "sealer: $!";
    my $got = do { local $/; <$out> };
    unlink $file;
    return close $out ? $got : undef;
}

# a code of the emulator's, as a dialog gives it
sub code {
    my ($self, %code) = @_;
    my $code = $self->graph->control(POST => 'code', \%code)->{code};
    push @secrets, $code;
    return $code;
}

# what the edge pushes; record: members of it; returns the flow's id; held: the record, unpushed
sub push_login {
    my ($self, %m) = @_;
    my $held = delete $m{held};
    my $record = delete $m{record} // {};
    my $flow = delete $m{flow} // sprintf '%08x%024x', $$, ++$count;
    for my $name (grep { defined $m{$_} } qw(code pin)) {
        $m{$name} = $self->seal(seal => 'code', delete $m{flow_sealed} // $flow, $m{$name});
    }
    my %event = (id => $APP, time => int CORE::time, field => 'code', flow => $flow, %m);
    my $at = int 1000 * Time::HiRes::time();
    my %record = (v => 1, id => "oauth-$flow", app => $event{id}, object => 'oauth',
        entry => $event{id}, time => $at, field => $event{field}, key => $event{id},
        delivery => $flow, n => 0, of => 1, received_at => $at, %$record, event => \%event);
    my $text = $json->encode(\%record);
    return {flow => $flow, text => $text} if $held;
    $self->do('RPUSH', 'meta:auth', $text);
    return $flow;
}

# somebody logs in: code: of the emulator's; all else of the record
sub login {
    my ($self, %m) = @_;
    my $kind = $m{kind} // 'facebook';
    my $code = delete $m{code} // {};
    my $scope = delete $m{scope} // ($kind eq 'instagram' ? 'instagram_business_basic'
        : 'pages_show_list,pages_messaging');
    my $text = ref $code ? $self->code(kind => $kind eq 'instagram' ? 'instagram' : 'web',
        redirect_uri => $BACK, scope => $scope, %$code) : $code;
    return $self->push_login(name => 'shop', kind => $kind, redirect_uri => $BACK, ref => 'shop-7',
        granted => undef, denied => undef, ($kind eq 'instagram' ? (id => $IG_APP) : ()),
        code => $text, %m);
}

sub signup {
    my ($self, %m) = @_;
    my $code = delete $m{code} // {};
    my $text = ref $code ? $self->code(kind => 'signup', %$code) : $code;
    return $self->push_login(field => 'signup', config_id => '81', ref => 'shop-7',
        event => 'FINISH', waba => '520000000000002', phone => '106000000000001',
        business => '270000000000003', code => $text, %m);
}

sub flow {
    my ($self, $flow) = @_;
    my %flow = $self->do('HGETALL', "meta:flow:$flow");
    return \%flow;
}

# as soon as it is at one of these steps
sub at {
    my ($self, $flow, $steps) = @_;
    my $seen;
    wait_for { $seen = $self->flow($flow); ($seen->{step} // '') =~ /\A(?:$steps)\z/ }
        20 * patience();
    diag explain($seen), $self->logs unless ($seen->{step} // '') =~ /\A(?:$steps)\z/;
    return $seen;
}

sub ended { return $_[0]->at($_[1], 'connected|failed|pin') }

# a stored token: its fields, and `secret`, opened
sub stored {
    my ($self, $name) = @_;
    my %t = $self->do('HGETALL', "meta:token:$name") or return undef;
    $t{secret} = $self->seal(open => 'token', $name, $t{sealed}) if defined $t{sealed};
    push @secrets, $t{secret} if defined $t{secret} && length $t{secret} > 8;
    return \%t;
}

sub announced {
    my ($self) = @_;
    return map { $json->decode($_) } $self->redis->queue('meta:accounts');
}

# paths that were asked for, without the version; "GET /me"
sub asked {
    my ($self, $from) = @_;
    my @calls = $self->graph->calls;
    return map { "$_->{method} " . $_->{path} =~ s{\A/v\d+\.\d+}{}r }
        @calls[($from // 0) .. $#calls];
}

# every value of Redis, as one text
sub everything {
    my ($self) = @_;
    my $text = '';
    for my $key ($self->do('KEYS', '*')) {
        my $type = $self->do('TYPE', $key);
        my @all = $type eq 'hash' ? $self->do('HGETALL', $key)
            : $type eq 'list' ? $self->do('LRANGE', $key, 0, -1)
            : $type eq 'set' ? $self->do('SMEMBERS', $key)
            : $type eq 'zset' ? $self->do('ZRANGE', $key, 0, -1) : $self->do('GET', $key);
        $text .= join ' ', $key, map({ ref ? @$_ : $_ // '' } @all), "\n";
    }
    return $text;
}

sub hide { my ($self, @more) = @_; push @secrets, @more; return $self }

# nothing of what is secret stands in Redis or a log
sub done {
    my ($self, %arg) = @_;
    my $redis = $self->everything;
    my @seen = grep { index($redis, $_) >= 0 } @secrets;
    is "@seen", '', 'no code, token or secret in clear in Redis';
    is $self->llen('meta:auth'), 0, 'nothing waits on meta:auth';
    $self->finish(secrets => [@secrets], %arg);
}

1;
