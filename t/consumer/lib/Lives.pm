# A rig for the life of tokens: an app, a token key, a person with Pages, and
# tokens that Graph knows and that stand in the store.
#
#   my $rig = rig(pages => [9001]);  put($rig, 'page:9001', {expires_in => 60});
#   my $c = consumer($rig);  checked($rig, 'page:9001');  done($rig);

package Lives;

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP qw(decode_json);
use Mojo::IOLoop;
use POSIX ();
use Test::More;

use Rig;
use Test::Meta::Seal qw(seal seal_key);
use Test::Meta::Util qw(spew wait_for);

our @EXPORT = qw($APP $SECRET $ANA $DAY rig conf consumer put store field checked events state
    to refuse done metrics far secrets);

our ($APP, $SECRET, $ANA) = ('1234567890', "s3cr3tOfTheApp$$", '700000000000001');
our $DAY = 86_400;
my @secrets = ($SECRET);
my $rules = "rules: [{when: {kind: message}, do: [{reply: {text: ok}}]}]\n";

# no log and no key of Redis may hold these
sub secrets { return \@secrets }

# a rig with an app, a token key and a person with Pages
sub rig {
    my (%arg) = @_;
    my $pages = join ',', map { qq({"id":"$_","name":"P$_","business":"31"}) }
        @{$arg{pages} // []};
    my $more = $arg{granular} ? ',"granular":1,"businesses":[{"id":"30"},{"id":"31"}]' : '';
    my $rig = Rig->new(graph => ['--app', "$APP:$SECRET", '--instagram-app', "$APP:$SECRET",
        '--user', qq({"id":"$ANA","name":"Ana","pages":[$pages]$more})]);
    $rig->{key} = seal_key($rig->file('keys'));
    spew($rig->file('secret'), "$SECRET\n");
    return $rig;
}

# without the file tokens, unless own is set: their look comes with check_every
sub conf {
    my ($rig, %arg) = @_;
    my $conf = $rig->conf(rules => $rules, queues => $arg{queues}, redis => $arg{redis},
        more => <<"END");
apps: [{id: "$APP", secret_file: @{[$rig->file('secret')]}}]
token_key_file: @{[$rig->file('keys')]}
metrics: unix:@{[$rig->file('m' . ($arg{name} // ''))]}
@{[$arg{more} // '']}
END
    $conf =~ s/^tokens:\n(?:  - .*\n)+//m if !$arg{own};
    return $conf;
}

sub consumer {
    my ($rig, %arg) = @_;
    return $rig->consumer(conf => conf($rig, %arg), name => $arg{name});
}

# a token that Graph knows, and the store: what it is (expires_in, age, scopes, ...) and fields
sub put {
    my ($rig, $name, $is, %field) = @_;
    my ($kind, $id) = split /:/, $name;
    my $text = ($kind eq 'instagram' ? 'IGAA' : 'EAA') . $kind . $id . 'x' x 40 . @secrets;
    push @secrets, $text;
    my $spec = $kind eq 'business' ? 'system_user' : $kind;
    $rig->graph->control(POST => 'tokens', {token => "$spec:$id:$text:g$name", %$is});
    store($rig, $name, $text, account => $id, %field);
    return $text;
}

sub store {
    my ($rig, $name, $text, %field) = @_;
    my ($kind) = split /:/, $name;
    $rig->do('HSET', "meta:token:$name", kind => $kind, app => $APP,
        sealed => seal('token', $rig->{key}, $name, $text), state => 'good', from => 'cli', %field);
    $rig->do('SADD', 'meta:token:names', $name);
    $rig->do('ZADD', 'meta:token:changed', $rig->do('INCR', 'meta:token:version'), $name);
}

sub field { my ($rig, $name, $field) = @_; return $rig->do('HGET', "meta:token:$name", $field) }
sub checked { my ($rig, $name) = @_; wait_for { field($rig, $name, 'checked') } 10 }
sub events { map { decode_json($_) } $_[0]->do('LRANGE', 'meta:accounts', 0, -1) }
sub state { my ($rig, $name, $state) = @_;
    $rig->graph->control(POST => 'tokens', {name => "g$name", state => $state}) }
sub to { my ($rig, $path) = @_; return grep { $_->{path} =~ /$path/ } $rig->graph->calls }

sub refuse { my ($code, $subcode) = @_; return {status => 400, json => {error => {message => 'x',
    type => 'OAuthException', code => $code, $subcode ? (error_subcode => $subcode) : ()}}} }

# no app-scoped id in a line
sub done {
    my ($rig, @with) = @_;
    unlike $rig->logs, qr{$ANA|(?<!system_)user:\d}, 'no line names a person';
    $rig->finish(secrets => \@secrets, @with);
}

sub metrics { return qx(curl -s --unix-socket @{[$_[0]->file("m")]} http://x/metrics) }

# a Redis that is far away: what goes and what comes takes so long; who ends it, and where it is
sub far {
    my ($rig, $seconds) = @_;
    my $path = $rig->file('far');
    my $pid = fork // die;
    return ($pid, "unix:$path") if $pid;
    Mojo::IOLoop->server({path => $path}, sub {
        my ($loop, $near) = @_;
        my @early;
        $near->on(read => sub { push @early, $_[1] });
        $loop->client({path => $rig->redis->{sock}}, sub {
            my ($l, $err, $away) = @_;
            my $carry = sub {
                my ($to, $bytes) = @_;
                $l->timer($seconds => sub { $to->write($bytes) if $to });
            };
            $near->unsubscribe('read');
            $near->on(read => sub { $carry->($away, $_[1]) });
            $away->on(read => sub { $carry->($near, $_[1]) });
            $away->timeout(0);
            $carry->($away, $_) for @early;
        });
        $near->timeout(0);
    });
    $SIG{ALRM} = 'DEFAULT';
    alarm 60;
    Mojo::IOLoop->start;
    POSIX::_exit(0);
}

1;
