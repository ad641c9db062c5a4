# Stand-ins of two chat endpoints: POST /v1/chat/completions as OpenAI
# describes it, POST /v1/messages as Anthropic does.
#
# Headers and bodies are checked as the real ones do (openai-python and
# anthropic-sdk-python, both generated from the vendors' own descriptions).
# What is answered can be scripted: {"match": {"model", "system", "text"},
# "times": N, "text": "..."} or with "json" for a whole answer of its own; the
# first that fits and has turns left is taken.  Else a system prompt such as
# "... enquiry | order | complaint. One word." is answered by the first of
# these words that the last text holds, or the last of them, and all others by
# what was said.  Failures are faults of the emulator, like all others.
package GraphEmulator::Assistant;
use Mojo::Base -base, -signatures;

use Mojo::JSON qw(decode_json);
use Time::HiRes ();

use constant { MAX_SCRIPTED => 1000, VERSION => '2023-06-01' };

has emulator => undef, weak => 1;
has keys     => sub { [] };         # those that are good; none: any "sk-..."
has scripted => sub { [] };
has count    => 0;

my %API = (
    '/v1/chat/completions' => 'openai',
    '/v1/messages'         => 'anthropic',
);
my %MATCH = map { $_ => 1 } qw(model system text);

my %TYPE = (
    anthropic => {
        400 => 'invalid_request_error', 401 => 'authentication_error',
        403 => 'permission_error', 404 => 'not_found_error',
        413 => 'request_too_large', 429 => 'rate_limit_error',
        500 => 'api_error', 529 => 'overloaded_error',
    },
    openai => {
        400 => 'invalid_request_error', 401 => 'invalid_request_error',
        404 => 'invalid_request_error', 429 => 'requests',
        500 => 'server_error', 503 => 'server_error',
    },
);


# Answers the request if it is one of ours.
sub serve ($self, $tx) {
    my $req = $tx->req;
    my $path = $req->url->path->to_route;
    my $api = $API{$path} or return 0;
    my $emulator = $self->emulator;
    my $call = { method => $req->method, path => $path, kind => 'assistant',
        body => $req->body };
    my $fault = $emulator->faults->take($call, 'request') // {};
    my $answer = (grep { defined $fault->{$_} } qw(status body json))
        ? $self->_of_fault($api, $fault) : $self->_answer($api, $req);
    $answer->{headers} = { ($api eq 'openai' ? 'x-request-id' : 'request-id')
            => 'req_emulator', %{ $fault->{headers} // {} } };
    $self->_log($call, $req, $fault, $answer);
    $emulator->answer_late($tx, $answer, $fault);
    return 1;
}


sub _answer ($self, $api, $req) {
    my $said = eval {
        $self->_head($api, $req);
        $self->_body($api, $req);
    };
    return $self->failure($api, ref $@ ? @{$@} : die $@) if !$said;
    $self->{count}++;
    my $text = $self->_text($said);
    return { status => 200, json => ref $text ? $text
        : $api eq 'openai' ? $self->_completion($said, $text)
        : $self->_message($said, $text) };
}


sub _of_fault ($self, $api, $fault) {
    my $status = $fault->{status} // 200;
    return { status => $status, json => $fault->{json} }
        if defined $fault->{json};
    return { status => $status, text => $fault->{body} }
        if defined $fault->{body};
    return $self->failure($api, $status);
}


# The key is shown by its name alone: its first eight characters.
sub _log ($self, $call, $req, $fault, $answer) {
    my %headers = %{ $req->headers->to_hash };
    for my $name (keys %headers) {
        $headers{$name} =~ s/(sk-.{5})\S*/$1.../
            if lc $name =~ /\A(?:authorization|x-api-key)\z/;
    }
    $self->emulator->calls->add({
        time => Time::HiRes::time(), method => $call->{method},
        path => $call->{path}, kind => 'assistant', headers => \%headers,
        body => scalar(eval { decode_json($call->{body}) }), accepted => \0,
        (keys %$fault ? (fault => $fault) : ()),
        answer => { status => $answer->{status},
            body => $answer->{json} // $answer->{text} },
    });
    return;
}


# The envelope of an error, each in its own form.
sub failure ($self, $api, $status, $message = 'Something went wrong') {
    my $type = $TYPE{$api}{$status}
        // $TYPE{$api}{ $status >= 500 ? 500 : 400 };
    my $error = { type => $type, message => $message };
    return { status => $status, json => $api eq 'openai'
        ? { error => { %$error, param => undef, code => undef } }
        : { type => 'error', error => $error, request_id => 'req_emulator' } };
}


sub _fail ($status, $message) { die [ $status, $message ] }


sub _head ($self, $api, $req) {
    my $headers = $req->headers;
    my ($key) = $api eq 'anthropic' ? $headers->header('x-api-key') // ''
        : ($headers->authorization // '') =~ /\ABearer (\S+)\z/;
    my @good = @{ $self->keys };
    _fail(401, 'invalid x-api-key')
        if @good ? !grep { $_ eq ($key // '') } @good
        : ($key // '') !~ /\Ask-\S+\z/;
    _fail(404, 'Not found') if $req->method ne 'POST';
    _fail(400, 'anthropic-version: header is required')
        if $api eq 'anthropic' && !defined $headers->header(
            'anthropic-version');
    _fail(400, 'anthropic-version: unknown version')
        if $api eq 'anthropic'
        && $headers->header('anthropic-version') ne VERSION;
    _fail(400, 'the body is not application/json')
        if ($headers->content_type // '') !~ m{\Aapplication/json(?:;|\z)};
    return;
}


# -> {model, system, text, turns}, or dies with what is wrong.
sub _body ($self, $api, $req) {
    my $body = eval { decode_json($req->body) };
    _fail(400, 'the body is not a JSON object') if ref $body ne 'HASH';
    my %known = map { $_ => 1 } qw(model messages max_tokens),
        $api eq 'openai' ? 'max_completion_tokens' : 'system';
    _fail(400, "$_: Extra inputs are not permitted")
        for grep { !$known{$_} } sort keys %$body;
    _fail(400, 'model: a text is needed')
        if ref $body->{model} || !length($body->{model} // '');
    _tokens($api, $body);

    my @turns = @{ _turns($api, $body->{messages}) };
    my $system = $body->{system};
    $system = (shift @turns)->{content}
        if $api eq 'openai' && $turns[0]{role} eq 'system';
    _fail(400, 'system: a text') if ref $system;
    _fail(400, "messages: unexpected role \"$_->{role}\"")
        for grep { $_->{role} !~ /\A(?:user|assistant)\z/ } @turns;
    _fail(400, 'messages: at least one message is required') if !@turns;
    _fail(400, 'messages: first message must use the "user" role')
        if $api eq 'anthropic' && $turns[0]{role} ne 'user';
    return { model => $body->{model}, system => $system // '',
        text => $turns[-1]{content}, turns => scalar @turns };
}


# Newer models of OpenAI refuse the older name.
sub _tokens ($api, $body) {
    my @names = grep { defined $body->{$_} }
        qw(max_tokens max_completion_tokens);
    _fail(400, 'max_tokens: Field required') if $api eq 'anthropic' && !@names;
    _fail(400, 'max_tokens and max_completion_tokens: one of them')
        if @names > 1;
    _fail(400, "Unsupported parameter: 'max_tokens' is not supported with this"
            . " model. Use 'max_completion_tokens' instead.")
        if $api eq 'openai' && $body->{model} =~ /\A(?:o\d|gpt-5)/
        && defined $body->{max_tokens};
    _fail(400, "$_: an integer from 1 on")
        for grep { $body->{$_} !~ /\A[1-9]\d*\z/ } @names;
    return;
}


sub _turns ($api, $messages) {
    _fail(400, 'messages: a list is needed')
        if ref $messages ne 'ARRAY' || !@$messages;
    for my $turn (@$messages) {
        _fail(400, 'messages: each is {role, content}')
            if ref $turn ne 'HASH' || join(' ', sort keys %$turn) ne
            'content role' || ref $turn->{role} || ref $turn->{content};
        _fail(400, 'messages: text content blocks must contain non-whitespace'
                . ' text')
            if $api eq 'anthropic' && $turn->{content} !~ /\S/;
    }
    return $messages;
}


# What is said: a text, or a whole answer.
sub _text ($self, $said) {
    my $rules = $self->scripted;
    for my $i (0 .. $#$rules) {
        my $rule = $rules->[$i];
        next if grep { $said->{$_} !~ $rule->{pattern}{$_} }
            keys %{ $rule->{pattern} };
        $rule->{taken}++;
        splice @$rules, $i, 1 if $rule->{times}
            && $rule->{taken} >= $rule->{times};
        return $rule->{json} // $rule->{text};
    }
    if ($said->{system} =~ /(\w+(?:\s*\|\s*\w+)+)/) {
        my @labels = split /\s*\|\s*/, $1;
        my ($found) = grep { $said->{text} =~ /\b\Q$_\E\b/i } @labels;
        return $found // $labels[-1];
    }
    return "You said: $said->{text}";
}


# One scripted answer, or a list of them; dies with what is wrong.
sub script ($self, $spec) {
    for my $rule (ref $spec eq 'ARRAY' ? @$spec : $spec) {
        die "an answer is an object\n" if ref $rule ne 'HASH';
        my %left = %$rule;
        my $match = delete $left{match} // {};
        my ($text, $json, $times) = delete @left{qw(text json times)};
        die "unknown member \"$_\" of an answer\n" for sort keys %left;
        die "\"match\" of an answer is an object\n" if ref $match ne 'HASH';
        $MATCH{$_} or die "match: unknown member \"$_\"\n"
            for sort keys %$match;
        die "an answer has either text or json\n"
            if defined $text == defined $json;
        die "more than ${\MAX_SCRIPTED} answers\n"
            if @{ $self->scripted } >= MAX_SCRIPTED;
        push @{ $self->scripted }, { text => $text, json => $json,
            times => $times // 0, taken => 0,
            pattern => { map { $_ => qr/$match->{$_}/ } keys %$match } };
    }
    return;
}


sub _words ($text) { return scalar(() = $text =~ /\S+/g) }


sub _completion ($self, $said, $text) {
    my ($in, $out) = (_words($said->{text}), _words($text));
    return {
        id      => 'chatcmpl-emulator' . $self->count,
        object  => 'chat.completion', created => time, model => $said->{model},
        choices => [ { index => 0, finish_reason => 'stop', logprobs => undef,
            message => { role => 'assistant', content => $text,
                refusal => undef } } ],
        usage => { prompt_tokens => $in, completion_tokens => $out,
            total_tokens => $in + $out },
    };
}


sub _message ($self, $said, $text) {
    return {
        id          => 'msg_emulator' . $self->count, type => 'message',
        role        => 'assistant', model => $said->{model},
        content     => [ { type => 'text', text => $text } ],
        stop_reason => 'end_turn', stop_sequence => undef,
        usage       => { input_tokens => _words($said->{text}),
            output_tokens => _words($text) },
    };
}

1;
