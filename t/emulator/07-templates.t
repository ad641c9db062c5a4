# WhatsApp templates: create, list in pages, edit, delete; and a send against
# what stands: status, language, parameters.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use Emulator qw(call control emulator $PHONE $WABA %TOKEN);
use Mojo::JSON;
use Test::More;

my $graph = emulator('--strict');
my $edge = "$WABA/message_templates";


sub wa { return (call($graph, shift, '/v24.0/' . shift, $TOKEN{whatsapp}, @_))[2] }


sub body {
    my ($text, @more) = @_;
    return [{type => 'BODY', text => $text, $text =~ /\{\{/
        ? (example => {body_text => [['x']]}) : ()}, @more];
}


sub made {
    my ($name, %more) = @_;
    return wa('POST', $edge, {name => $name, language => 'de', category => 'UTILITY',
        components => body('Hallo {{1}}'), %more});
}


sub sent {
    my ($name, $components, %more) = @_;
    return wa('POST', "$PHONE/messages", {messaging_product => 'whatsapp',
        to => '+27820000001', type => 'template', template => {name => $name,
            language => {code => $more{language} // 'de'},
            $components ? (components => $components) : ()}, %{$more{message} // {}}});
}


sub texts {
    return [{type => 'body', parameters => [map { {type => 'text', text => $_} } @_]}];
}


my $id;
subtest 'created, reviewed, sent' => sub {
    my $data = made('order_ready');
    is_deeply([@{$data}{qw(status category)}], [qw(PENDING UTILITY)], 'pending at first')
        or diag explain $data;
    $id = $data->{id};
    is(wa('GET', $id)->{status}, 'APPROVED', 'approved');
    like(sent('order_ready', texts('Ines'))->{messages}[0]{id}, qr/^wamid/, 'sent');
};

my @sends = (
    ['an unknown name', ['nothing'], 132001],
    ['another language', ['order_ready', texts('x'), language => 'fr'], 132001],
    ['a parameter less', ['order_ready'], 132000],
    ['a parameter more', ['order_ready', texts('x', 'y')], 132000],
    ['too long a text', ['order_ready', texts('x' x 1020)], 132005],
);
for my $case (@sends) {
    my ($name, $args, $code) = @$case;
    is(sent(@$args)->{error}{code}, $code, "send: $name");
}

subtest 'a header of an image, a button of a URL, named parameters' => sub {
    made('rich', parameter_format => 'named', components => [
        {type => 'HEADER', format => 'IMAGE', example => {header_handle => ['x']}},
        {type => 'BODY', text => 'Hi {{first}}', example => {x => 1}},
        {type => 'BUTTONS', buttons => [{type => 'URL', text => 'Go',
            url => 'https://a.example/{{1}}'}]}]);
    my $head = {type => 'header', parameters => [{type => 'image',
        image => {link => 'https://a.example/i.png'}}]};
    my $body = {type => 'body', parameters => [{type => 'text', parameter_name => 'first',
        text => 'Ines'}]};
    my $button = {type => 'button', sub_type => 'url', index => '0',
        parameters => [{type => 'text', text => 'n3'}]};
    is(sent('rich', [$head, $body, $button])->{error}, undef, 'all there');
    is(sent('rich', [$body, $button])->{error}{code}, 132012, 'no header');
    is(sent('rich', [$head, $body])->{error}{code}, 131008, 'no button');
    my $wrong = {%$body, parameters => [{%{$body->{parameters}[0]}, parameter_name => 'x'}]};
    is(sent('rich', [$head, $wrong, $button])->{error}{code}, 132012, 'another name');
};

subtest 'paused, disabled, back' => sub {
    for my $case ([PAUSED => 132015], [DISABLED => 132016], [REJECTED => 132001]) {
        control($graph, POST => 'templates', {waba => $WABA, name => 'order_ready',
            language => 'de', status => $case->[0]});
        is(sent('order_ready', texts('x'))->{error}{code}, $case->[1], $case->[0]);
    }
    control($graph, POST => 'templates', {waba => $WABA, name => 'order_ready',
        language => 'de', status => 'APPROVED'});
    is(sent('order_ready', texts('x'))->{error}, undef, 'approved again');
};

subtest 'marketing, authentication' => sub {
    my %spec = (waba => $WABA, language => 'de');
    control($graph, POST => 'templates', [{%spec, name => 'sale', category => 'MARKETING'},
        {%spec, name => 'otp', category => 'AUTHENTICATION'}]);
    my $user = {to => undef, recipient => 'ZA.4821'};
    is(sent('otp', undef, message => $user)->{error}{code}, 131062, 'no BSUID for a code');
    is(sent('sale')->{error}, undef, 'marketing');
    control($graph, POST => 'people', {account => $PHONE, user => '27820000001',
        stopped => 1});
    is(sent('sale')->{error}{code}, 131050, 'but not to who stopped it');
    my %message = (messaging_product => 'whatsapp', to => '+27820000002', type => 'template');
    my $mm = "$PHONE/marketing_messages";
    is(wa('POST', $mm, {%message, template => {name => 'sale', language => {code => 'de'}}})
        ->{error}, undef, 'its own edge');
    is(wa('POST', $mm, {%message, template => {name => 'otp', language => {code => 'de'}}})
        ->{error}{code}, 131055, 'which takes nothing else');
};

my @bad = (
    ['a name in capitals', ['A'], undef],
    ['an unknown category', ['a', category => 'X'], undef],
    ['no components', ['a', components => undef], undef],
    ['a body of 1025', ['a', components => body('x' x 1025)], undef],
    ['two bodies', ['a', components => body('x', {type => 'BODY', text => 'y'})], undef],
    ['a footer of 61', ['a', components => body('x', {type => 'FOOTER', text => 'y' x 61})],
        undef],
    ['no example', ['a', components => [{type => 'BODY', text => 'x {{1}}'}]], 2388043],
    ['a name that is taken', ['order_ready'], 2388024],
);
for my $case (@bad) {
    my ($name, $args, $subcode) = @$case;
    my $error = made(@$args)->{error};
    is($error->{code}, 100, "create: $name");
    is($error->{error_subcode}, $subcode, "create: $name, subcode") if $subcode;
}

subtest 'a list in pages' => sub {
    my $first = wa('GET', "$edge?limit=2&fields=name,status");
    is(scalar @{$first->{data}}, 2, 'two') or diag explain $first;
    is_deeply([sort keys %{$first->{data}[0]}], [qw(id name status)], 'the fields');
    like($first->{paging}{next}, qr/after=/, 'there is more');
    my $second = wa('GET', "$edge?limit=2&after=$first->{paging}{cursors}{after}");
    is(scalar @{$second->{data}}, 2, 'the rest');
    is($second->{paging}{next}, undef, 'which is the last page');
    is(scalar @{wa('GET', "$edge?name=order")->{data}}, 1, 'by name');
    is(scalar @{wa('GET', "$edge?status=rejected")->{data}}, 0, 'by status');
    my $log = join '', map { Mojo::JSON::encode_json($_) } $graph->calls;
    unlike($log, qr/$TOKEN{whatsapp}/, 'no token in the log');
};

subtest 'edited once a day, deleted' => sub {
    my $edit = {components => body('Neu {{1}}')};
    is(wa('POST', $id, $edit)->{error}, undef, 'edited');
    is(wa('POST', $id, $edit)->{error}{code}, 100, 'not twice');
    control($graph, POST => 'clock', {ahead => 86401});
    is(wa('POST', $id, $edit)->{error}, undef, 'but tomorrow');
    is(wa('DELETE', "$edge?name=order_ready")->{error}, undef, 'deleted');
    is(wa('GET', $id)->{error}{error_subcode}, 33, 'gone');
    is(wa('DELETE', "$edge?name=order_ready")->{error}{code}, 100, 'once');
};

done_testing();
