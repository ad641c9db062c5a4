# One call's road through the stand-in for graph.facebook.com: version, token,
# account, product; then the log, and only then the answer or the fault.
package GraphEmulator;
use Mojo::Base -base, -signatures;

use GraphEmulator::After;
use GraphEmulator::App;
use GraphEmulator::Calls;
use GraphEmulator::Comments;
use GraphEmulator::Control;
use GraphEmulator::Debug;
use GraphEmulator::Error qw(fail trace_id);
use GraphEmulator::Fault;
use GraphEmulator::Login;
use GraphEmulator::Login::Accounts;
use GraphEmulator::Login::Dialog;
use GraphEmulator::Login::Tokens;
use GraphEmulator::Messenger;
use GraphEmulator::Messenger::Page;
use GraphEmulator::Node;
use GraphEmulator::People;
use GraphEmulator::Route qw(unsupported);
use GraphEmulator::Store;
use GraphEmulator::Token;
use GraphEmulator::Usage;
use GraphEmulator::Version;
use GraphEmulator::Webhook;
use GraphEmulator::WhatsApp;
use GraphEmulator::WhatsApp::Media;
use GraphEmulator::WhatsApp::Number;
use GraphEmulator::WhatsApp::Templates;
use Mojo::IOLoop;
use Mojo::JSON qw(decode_json encode_json);
use Scalar::Util qw(blessed);
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes ();

use constant LOG_BODY_MAX => 64 * 1024;

has calls   => sub { GraphEmulator::Calls->new };
has control => sub ($self) { GraphEmulator::Control->new(emulator => $self) };
has slow    => sub { {} };       # answers held back, by their timer
has faults  => sub { GraphEmulator::Fault->new };
has tokens  => sub ($self) {
    my $store = $self->store;
    return GraphEmulator::Token->new(clock => sub { $store->now });
};
has login   => sub ($self) { GraphEmulator::Login->new(emulator => $self) };
has usage   => sub { GraphEmulator::Usage->new };
has version => sub { GraphEmulator::Version->new };
has store   => sub { GraphEmulator::Store->new };
has messages => sub { GraphEmulator::Store->new };
has people  => sub ($self) {
    return GraphEmulator::People->new(store => $self->store);
};
has after   => sub ($self) { GraphEmulator::After->new(emulator => $self) };
has hooks   => sub ($self) { GraphEmulator::Webhook->new(emulator => $self) };
has webhook => undef;           # where what comes after a call is posted
has deliveries => sub { [] };   # what became of the last webhooks
has origin  => '';              # this emulator's own URL
has lead    => sub { [ { name => 'full_name', values => ['Ana Lopez'] },
    { name => 'email', values => ['ana@example.org'] } ] };
has accepted => 0;
has review   => 'at-once';      # of templates; or: by-hand
has hosts    => sub { {} };     # port -> facebook or instagram; none: any host
has numbers  => sub { {} };     # phone numbers and their state, by id
has profiles => sub { {} };     # of Messenger and Instagram, by account
has subscribed => sub { {} };   # by account: 0, or what the app subscribed to
has throughput => 'STANDARD';   # what each phone number says of itself

# Stand-ins of what an assistant asks; serve($tx) is true when it took the call.
has assistant => sub ($self) {
    return eval { require GraphEmulator::Assistant }
        && GraphEmulator::Assistant->new(emulator => $self);
};

# The emulator's own endpoints; the rest is Meta's.
my $OWN = qr{\A/_?emulator(?:/|\z)};

# Parameters that no log may hold, and what stands there instead.
my %HIDDEN = map { $_ => 1 }
    qw(appsecret_proof client_secret fb_exchange_token code pin
        verify_token signed_request);


# Names the webhook for what follows a send; states: sent, delivered, read, echo.
sub listen_after ($self, %how) {
    my $after = $self->after;
    for my $name (qw(delay clock)) {
        die "$name is a number\n" if defined $how{$name}
            && $how{$name} !~ /\A\d{1,7}(?:\.\d+)?\z/;
    }
    if (defined(my $states = $how{states})) {
        my @states = ref $states ? @$states : split /,/, $states;
        /\A(?:sent|delivered|read|echo)\z/ or die "states are sent, delivered,"
            . " read, echo\n" for @states;
        $after->states({ map { $_ => 1 } @states });
    }
    if (defined $how{url}) {
        die "url is http:// or https://\n"
            if $how{url} !~ m{\A(?:https?://\S+)?\z};
        $self->webhook($how{url} eq '' ? undef : $how{url});
    }
    $after->delay($how{delay} / 1000) if defined $how{delay};
    $self->hooks->clock($how{clock}) if $how{clock};
    return;
}


# Keeps what became of a webhook.
sub delivered ($self, $said) {
    my $count = $self->{delivered} //= { acked => 0, failed => 0, tries => 0 };
    $count->{ ${ $said->{acked} } ? 'acked' : 'failed' }++;
    $count->{tries} += $said->{tried};
    push @{ $self->deliveries }, $said;
    shift @{ $self->deliveries } while @{ $self->deliveries } > 1000;
    return;
}


sub secret ($self) {
    return $self->tokens->app_secret;
}


sub number ($self, $id) {
    return GraphEmulator::WhatsApp::Number->of($self, $id);
}


sub strict ($self, @value) {
    return $self->people->strict(@value);
}


# Called when a request's head is in and nothing of its body was looked at.
sub on_head ($self, $tx) {
    my $call = $self->_describe($tx, {});
    return if $call->{path} =~ $OWN;
    my $fault = $self->faults->take($call, 'head') or return;
    $self->_log($tx, $call, {}, { fault => $fault, accepted => \0 });
    $tx->{emulator_cut} = 1;
    _cut($tx, $fault);
}


# Called when the whole request is in.
sub on_request ($self, $tx) {
    return if $tx->{emulator_cut};
    return $self->control->serve($tx)
        if $tx->req->url->path->to_route =~ $OWN;
    return if $self->assistant && $self->assistant->serve($tx);
    return if GraphEmulator::Login::Dialog->serve($self, $tx);

    my ($params, $wrong) = _params($tx->req);
    my $call = $self->_describe($tx, $params);
    my $fault = $self->faults->take($call, 'request') // {};
    my $answer = $self->_answer($tx->req, $call, $params, $wrong, $fault);
    $self->{accepted}++ if $answer->{accepted};

    $self->_log($tx, $call, $params, {
        (keys %$fault ? (fault => $fault) : ()),
        accepted => $answer->{accepted} ? \1 : \0,
        answer => { status => $answer->{status}, body => _shown_answer(
            $self, $answer, $call) },
    });
    $self->after->sent($call, $fault) if $answer->{accepted};
    return $self->answer_late($tx, $answer, $fault);
}


# Delivers it, at once or after the fault's time.
sub answer_late ($self, $tx, $answer, $fault) {
    return _deliver($tx, $answer, $fault) if !$fault->{slow};
    my $id;
    my $late = sub { delete $self->slow->{$id}; _deliver($tx, $answer, $fault) };
    $id = Mojo::IOLoop->timer($fault->{slow} / 1000, $late);
    $self->slow->{$id} = $late;
}


# Gives the answers that "slow" holds back.
sub hasten ($self) {
    for my $id (keys %{ $self->slow }) {
        Mojo::IOLoop->remove($id);
        $self->slow->{$id}->();
    }
}


# Query and body as one hash.  In forms, objects travel as JSON text (1.3).
sub _params ($req) {
    my %params = %{ $req->query_params->to_hash };
    my $type = lc(($req->headers->content_type // '') =~ s/;.*//sr);
    if ($type eq 'application/json') {
        my $body = $req->body;
        return (\%params, undef) if $body eq '';
        my $json = eval { decode_json($body) };
        return (\%params, 'body is not a JSON object') if ref $json ne 'HASH';
        return ({ %params, %$json }, undef);
    }
    my %form = %{ $req->body_params->to_hash };
    for my $value (values %form) {
        next if ref $value || $value !~ /\A\s*[\[{]/;
        my $bytes = $value;
        utf8::encode($bytes);
        $value = eval { decode_json($bytes) } // $value;
    }
    return ({ %params, %form }, undef);
}


# What faults are matched with and the log begins with.
sub _describe ($self, $tx, $params) {
    my $req = $tx->req;
    my ($served, $rest, $asked) = $self->version->serve(
        $req->url->path->to_route);
    my $token = $self->tokens->of_request($req, { %{
        $req->query_params->to_hash }, %$params });
    my $known = $self->tokens->known->{ $token // '' };
    my ($account) = $rest =~ m{\A/(\d+)(?:/|\z)};
    $account //= $known->{first} if $known && $rest =~ m{\A/me(?:/|\z)};
    return {
        method => $req->method, path => $req->url->path->to_route,
        rest => $rest, version => $served, asked => $asked,
        token_value => $token, token => $self->tokens->name_of($token),
        account => $account, body => $req->body, host => $self->_host($tx),
        kind => $self->_kind($rest, $params, $known, $account),
        emulator => $self, req => $req, params => $params,
    };
}


# The product of a send; a Page's token writes to Instagram's people too.
sub _kind ($self, $rest, $params, $known, $account) {
    return 'other' if $rest !~ m{\A/[^/]+/(?:marketing_)?messages/?\z};
    my $kind = $known ? $known->{kind} : '';
    return $kind if $kind eq 'instagram';
    return 'whatsapp' if !ref $params->{recipient} && $kind ne 'page';
    my $behind = $known && $known->{account}{ $account // '' };
    return defined $behind && $behind ne $account
        && GraphEmulator::Messenger->is_instagram($self, $behind,
            $params->{recipient}) ? 'instagram' : 'messenger';
}


# Whose address was called: facebook, instagram, or undef when one is all.
sub _host ($self, $tx) {
    my $name = lc($tx->req->headers->host // '');
    return $1 if $name =~ /\Agraph\.(facebook|instagram)\.com(?::\d+)?\z/;
    return 'instagram_oauth' if $name =~ /\Aapi\.instagram\.com(?::\d+)?\z/;
    return $self->hosts->{ $tx->local_port // 0 };
}


# -> {status, json or text, headers, accepted}
sub _answer ($self, $req, $call, $params, $wrong, $fault) {
    my $fails = grep { defined $fault->{$_} } qw(code status body json);
    my %answer = (accepted => 0);
    if (!$fails || $fault->{accepted}) {
        my ($body, $taken) = eval {
            $self->_serve($req, $call, $params, $wrong);
        };
        my $error = $@;
        die $error if !$body && !blessed $error;
        %answer = !$body ? _of_error($error)
            : (status => 200, json => $body, accepted => $taken);
        @answer{qw(type text json)} = (@{ $call->{bytes} }, undef)
            if $body && $call->{bytes};
    }
    %answer = (%answer, _of_fault($fault)) if $fails;
    $answer{headers} = {
        'facebook-api-version' => $call->{version},
        'x-fb-request-id'      => trace_id(),
        'x-fb-trace-id'        => substr(trace_id(), 0, 11),
        'x-fb-rev'             => '1000000001',
        'cache-control'        => 'no-store',
        'access-control-allow-origin' => '*',
        %{ $answer{headers} // {} },
        ($call->{bucket} ? $self->usage->headers(@{ $call->{bucket} }) : ()),
        GraphEmulator::Usage->said(@{ $fault->{usage} // [] }),
        (defined $fault->{version}
            ? ('facebook-api-version' => $fault->{version}) : ()),
        %{ $fault->{headers} // {} },
    };
    return \%answer;
}


sub _of_error ($error) {
    return (status => $error->status, json => $error->body, accepted => 0,
        headers => { 'www-authenticate' => $error->authenticate });
}


# What a fault answers: JSON, raw bytes, or an envelope; a lie has status 200.
sub _of_fault ($fault) {
    return (status => $fault->{status} // 200, json => $fault->{json})
        if defined $fault->{json};
    my $status = $fault->{status} // 400;
    return (status => $status, text => $fault->{body}, json => undef)
        if defined $fault->{body};
    my %known = (
        code    => $fault->{code} // ($status == 429 ? 4 : 2),
        message => $fault->{message} // ($status == 429
            ? '(#4) Application request limit reached' : $status >= 500
            ? 'An unexpected error has occurred. Please retry your request'
                . ' later.' : undef),
        transient => $fault->{transient}
            // ($status >= 500 && !defined $fault->{code} ? 1 : undef),
    );
    my $error = GraphEmulator::Error->new(status => $status,
        type => $fault->{type} // 'OAuthException', subcode =>
            $fault->{subcode}, details => $fault->{details}, %known);
    my %answer = _of_error($error);
    delete $answer{accepted};
    $answer{status} = 200 if $fault->{lie};
    return %answer;
}


sub _serve ($self, $req, $call, $params, $wrong) {
    my $rest = $call->{rest};
    my $whatsapp = $call->{kind} eq 'whatsapp';
    fail(code => 2500, message => "Unknown path components: $rest")
        if $rest !~ m{\A/[\w.]+(?:/[\w.]+){0,3}/?\z};

    return GraphEmulator::WhatsApp::Media->cdn($call)
        if $rest =~ m{\A/emulator_cdn/};
    return GraphEmulator::Login::Tokens->serve($call)
        if GraphEmulator::Login::Tokens->mine($call);
    my $token = $self->tokens->check($call->{token_value}, $params,
        $whatsapp ? 401 : 400, $call->{host});
    $call->{known} = $token;
    return $self->_debug($call, $params) if $rest =~ m{\A/debug_token/?\z};
    return GraphEmulator::WhatsApp::Media->download($call)
        if $rest =~ m{\A/whatsapp_business/attachments/?\z};

    my ($node, $edge) = $rest =~ m{\A/([^/]+)(?:/(.*?))?/?\z};
    $node = $token->{first} // $self->tokens->app_id if $node eq 'me';
    my $waba = $token->{account}{$node};
    $call->{bucket} = defined $waba && $token->{kind} ne 'user'
        ? [ $whatsapp ? ('whatsapp', $waba) : ('messenger', $node) ]
        : [ 'app', $self->tokens->app_id ];
    $self->usage->count_call(@{ $call->{bucket} });

    @{$call}{qw(node edge)} = ($node, $edge // '');
    my $code = GraphEmulator::Route->find($call)
        or unsupported($call->{method}, $node);
    fail(code => 100, message => "(#100) Invalid parameter: $wrong") if $wrong;
    return $code->($call);
}


sub _debug ($self, $call, $params) {
    $call->{bucket} = [ 'app', $self->tokens->app_id ];
    $self->usage->count_call(@{ $call->{bucket} });
    return GraphEmulator::Debug->serve($self->tokens, $params);
}


sub _log ($self, $tx, $call, $params, $outcome) {
    my $req = $tx->req;
    my %headers = %{ $req->headers->to_hash };
    for my $name (keys %headers) {
        $headers{$name} =~ s/\A(\w+\s+).*/$1$call->{token}/s
            if lc $name eq 'authorization';
    }
    my ($query, $body) = ($req->query_params->to_hash, $params);
    my %entry = (
        time => Time::HiRes::time(), method => $call->{method},
        path => $call->{path}, version => $call->{version},
        kind => $call->{kind}, account => $call->{account},
        token => $call->{token}, query => $self->_shown($query),
        headers => \%headers, %$outcome,
    );
    if (length $call->{body} > LOG_BODY_MAX) {
        $entry{body_bytes} = length $call->{body};
    }
    else {
        my %own = %$body;
        delete @own{ keys %$query };
        $entry{body} = $self->_shown(\%own);
        $entry{body}{ $_->name } = { filename => $_->filename,
            type => $_->headers->content_type, size => $_->size }
            for @{ $req->uploads };
    }
    $self->calls->add(\%entry);
}


# A page that a browser has asked for: what was asked, and the status.
sub log_page ($self, $tx, $params, $status) {
    $self->_log($tx, { %{ $self->_describe($tx, {}) }, body => '' }, $params,
        { accepted => \0, answer => { status => $status } });
    return;
}


# Parameters with tokens replaced by their names.
sub _shown ($self, $params) {
    my %shown = %$params;
    for my $name (keys %shown) {
        $shown{$name} = '<hidden>' if $HIDDEN{$name};
        $shown{$name} = $self->tokens->name_of($shown{$name})
            if $name =~ /\A(?:access|input)_token\z/;
    }
    return \%shown;
}


# An answer as the log may hold it: no bytes of media, and no token, which is in
# the URL of a next page.
sub _shown_answer ($self, $answer, $call) {
    my $json = $answer->{json};
    return $call->{bytes} ? { bytes => length $answer->{text} }
        : $answer->{text} if !defined $json;
    $json = $self->_without_tokens($json);
    return $json if ref $json ne 'HASH' || ref $json->{paging} ne 'HASH'
        || !defined $json->{paging}{next};
    my $next = $json->{paging}{next} =~ s/(access_token=)[^&]*/$1$call->{token}/r;
    return { %$json, paging => { %{ $json->{paging} }, next => $next } };
}


sub _without_tokens ($self, $json) {
    return [ map { $self->_without_tokens($_) } @$json ] if ref $json eq 'ARRAY';
    return $json if ref $json ne 'HASH';
    return { map { my $value = $json->{$_};
        $_ => $_ eq 'access_token' ? $self->tokens->name_of($value)
            : $self->_without_tokens($value) } keys %$json };
}


sub _deliver ($tx, $answer, $fault) {
    my $stream = Mojo::IOLoop->stream($tx->connection // '') or return;
    return _cut($tx, $fault) if ($fault->{cut} // '') eq 'request';

    my $res = $tx->res;
    my $body = defined $answer->{json} ? encode_json($answer->{json})
        : $answer->{text} // '';
    utf8::encode($body) if utf8::is_utf8($body);
    $res->code($answer->{status})->body($body);
    $res->headers->content_type(defined $answer->{json}
        ? 'application/json' : $answer->{type} // 'text/html; charset=utf-8');
    $res->headers->remove('Server');
    $res->headers->header($_ => $answer->{headers}{$_})
        for sort keys %{ $answer->{headers} };
    return $tx->resume if !$fault->{cut};

    $res->fix_headers;
    my $half = $res->build_start_line . $res->build_headers
        . substr $body, 0, int(length($body) / 2);
    $stream->write($half => sub { _cut($tx, $fault) });
}


# Closes the connection; with "reset", by RST and not by FIN.
sub _cut ($tx, $fault) {
    my $stream = Mojo::IOLoop->stream($tx->connection // '') or return;
    setsockopt $stream->handle, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0
        if $fault->{reset};
    $stream->close;
}

1;
