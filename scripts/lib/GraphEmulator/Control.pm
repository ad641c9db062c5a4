# The emulator's own endpoints under /_emulator: calls, faults, tokens.
package GraphEmulator::Control;
use Mojo::Base -base, -signatures;

use GraphEmulator::Deliver;
use GraphEmulator::Login::Control;
use Mojo::JSON qw(decode_json encode_json);

has emulator => undef, weak => 1;

my %ROUTE = (
    'GET '           => \&_state,
    'GET calls'      => \&_calls,
    'DELETE calls'   => sub ($self, $req) {
        $self->emulator->calls->forget;
        return _ok();
    },
    'GET faults' => sub ($self, $req) {
        return (200, encode_json($self->emulator->faults->list) . "\n");
    },
    'POST faults'   => \&_add_faults,
    'DELETE faults' => \&_remove_faults,
    'DELETE slow'   => sub ($self, $req) { $self->emulator->hasten; return _ok() },
    'GET tokens'    => \&_tokens,
    'POST tokens'   => \&_set_token,
    'POST templates' => sub ($self, $req) {
        my $json = _json($req);
        return _ok(ids => [ map { GraphEmulator::WhatsApp::Templates->give(
            $self->emulator, $_) } ref $json eq 'ARRAY' ? @$json : $json ]);
    },
    'POST assistant' => sub ($self, $req) {
        $self->emulator->assistant->script(_json($req));
        return _ok();
    },
    'POST people'  => \&_people,
    'POST deliver' => sub ($self, $req) {
        return GraphEmulator::Deliver->serve($self->emulator, _json($req));
    },
    'GET deliveries' => sub ($self, $req) {
        return (200, encode_json($self->emulator->deliveries) . "\n");
    },
    'POST webhook' => \&_webhook,
    'GET counts' => sub ($self, $req) {
        return (200, encode_json($self->emulator->calls->counts) . "\n");
    },
    'GET login'   => sub ($self, $req) {
        return _ok(%{ GraphEmulator::Login::Control->told($self->emulator) });
    },
    'GET given'   => sub ($self, $req) {
        return _ok(%{ GraphEmulator::Login::Control->given($self->emulator) });
    },
    (map { my $what = $_; ("POST $what" => sub ($self, $req) {
        my $answer = GraphEmulator::Login::Control->$what($self->emulator,
            _json($req));
        return ref $answer eq 'CODE' ? $answer : _ok(%$answer);
    }) } qw(login users code signed_request)),
    'POST clock'  => sub ($self, $req) {
        my $ahead = _json($req)->{ahead} // '';
        die "ahead is a number of seconds\n" if $ahead !~ /\A\d{1,9}\z/;
        $self->emulator->store->skip($ahead);
        return _ok();
    },
);


sub _ok (%more) {
    return (200, encode_json({ ok => \1, %more }) . "\n");
}


sub serve ($self, $tx) {
    my $req = $tx->req;
    my $name = $req->url->path->to_route =~ s{\A/_?emulator/?}{}r;
    my $route = $ROUTE{ $req->method . " $name" };
    my ($status, $body) = $route ? eval { $self->$route($req) }
        : (404, encode_json({ ok => \0, error => 'no such endpoint; see'
            . ' graph-emulator --help' }) . "\n");
    my $answer = sub ($status, $body) {
        $tx->res->code($status)->body($body);
        $tx->res->headers->content_type('application/json');
        $tx->resume;
    };
    return $status->(sub ($said) { $answer->(200, encode_json($said) . "\n") })
        if ref $status eq 'CODE';
    if (!defined $status) {
        chomp(my $error = "$@");
        ($status, $body) = (400, encode_json({ ok => \0, error => $error })
            . "\n");
    }
    $answer->($status, $body);
}


# {"url", "states", "delay" (ms), "clock"}: what follows a send goes there; an
# empty url ends it.
sub _webhook ($self, $req) {
    my ($json, $emulator) = (_json($req), $self->emulator);
    die "an object with url, states, delay, clock\n" if ref $json ne 'HASH';
    $emulator->listen_after(%$json);
    return _ok(url => $emulator->webhook);
}


sub _state ($self, $req) {
    my $emulator = $self->emulator;
    return _ok(calls => $emulator->calls->total,
        accepted => $emulator->accepted,
        faults => scalar @{ $emulator->faults->rules },
        webhooks => { %{ $emulator->{delivered} // {} }, flying =>
            $emulator->after->flying, queued =>
            scalar @{ $emulator->after->queue }, lost =>
            $emulator->after->lost },
        versions => [ $emulator->version->usable ]);
}


sub _calls ($self, $req) {
    my $since = $req->query_params->param('since') // 0;
    die "since is a number\n" if $since !~ /\A\d{1,15}\z/;
    return (200, $self->emulator->calls->as_json($since));
}


sub _json ($req) {
    my $json = eval { decode_json($req->body) };
    die "the body is not JSON\n" if !ref $json;
    return $json;
}


# One rule, or an array of them: all are taken or none.
sub _add_faults ($self, $req) {
    my $faults = $self->emulator->faults;
    my $json = _json($req);
    my @before = @{ $faults->rules };
    my @ids = eval {
        map { $faults->add($_) } ref $json eq 'ARRAY' ? @$json : $json;
    };
    if (!@ids) {
        my $error = $@ || "no rule in the body\n";
        @{ $faults->rules } = @before;
        die $error;
    }
    return _ok(ids => \@ids);
}


# All of them, or the one whose number stands in the query.
sub _remove_faults ($self, $req) {
    my $faults = $self->emulator->faults;
    my $id = $req->query_params->param('id');
    if (!defined $id) {
        @{ $faults->rules } = ();
        return _ok();
    }
    die "no fault rule has that number\n"
        if $id !~ /\A\d{1,9}\z/ || !$faults->remove($id);
    return _ok();
}


# {account, user, wrote: seconds ago | closed: true | stopped: true}
sub _people ($self, $req) {
    my $json = _json($req);
    my $people = $self->emulator->people;
    for my $spec (ref $json eq 'ARRAY' ? @$json : $json) {
        my ($account, $user) = @{$spec}{qw(account user)};
        die "account and user are needed\n"
            if !defined $account || !defined $user;
        my $person = $people->person($account, $user);
        $people->wrote($account, $user,
            $people->store->now - $spec->{wrote}) if defined $spec->{wrote};
        $person->{$_} = $spec->{$_} ? 1 : 0
            for grep { defined $spec->{$_} } qw(closed stopped);
    }
    return _ok();
}


sub _tokens ($self, $req) {
    my $known = $self->emulator->tokens->known;
    my %tokens = map {
        $_->{name} => { kind => $_->{kind}, state => $_->{state},
            issued => $_->{issued}, expires => $_->{expires} // 0,
            accounts => [ sort keys %{ $_->{account} } ] }
    } values %$known;
    return (200, encode_json(\%tokens) . "\n");
}


# {"token": "KIND:ID:TOKEN[:NAME]"} adds one, {"name", "state", ...} changes one;
# what Token::change knows may stand beside either.
sub _set_token ($self, $req) {
    my $json = _json($req);
    my $tokens = $self->emulator->tokens;
    die "an object with token, or with name and state\n"
        if ref $json ne 'HASH';
    if (defined $json->{token}) {
        die "more than 10000 tokens\n" if keys %{ $tokens->known } >= 10_000;
        $json->{name} = $tokens->add($json->{token})->{name};
        $tokens->change($json->{name}, $json);
        return _ok(name => $json->{name});
    }
    die "name and state are needed\n"
        if !defined $json->{name} || keys %$json < 2;
    $tokens->change($json->{name}, $json);
    return _ok();
}

1;
