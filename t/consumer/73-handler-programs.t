# The handlers of docs/examples answer what is genuine, and nothing else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Digest::SHA qw(hmac_sha256_hex);
use HTTP::Tiny;
use JSON::PP ();
use Test::More;

use Programs qw(can_run examples);
use Test::Meta::Process;
use Test::Meta::Util qw(connects hold_port slurp spew temp_dir wait_for);

my $dir = temp_dir();
my $secret = 'handlers-secret-0001';
spew("$dir/secret", "$secret\n");

my %library = (python => 'json', php => 'json', javascript => 'http');
my $view = JSON::PP->new->canonical->utf8->encode({v => 1, id => 'wamid.A', attempt => 1,
    kind => 'message', product => 'whatsapp', account => '1', tenant => undef,
    user => {id => '2', phone => '2', name => "Th\x{e1}ndi", username => undef},
    conversation => 'whatsapp:1:2', time => 1763700000000, text => 'Do you deliver?',
    payload => undef, media => [], reply_to => undef, referral => undef,
    window => {state => 'open', until => 1763786400000}, replay => JSON::PP::false,
    test => JSON::PP::false, event => {v => 1}});

# an answer to a POST as meta-consumer makes it; what differs is given
sub ask {
    my ($port, %arg) = @_;
    my $body = $arg{body} // $view;
    my $stamp = $arg{stamp} // time;
    my $digest = hmac_sha256_hex("$stamp.$body", $arg{secret} // $secret);
    return HTTP::Tiny->new(timeout => 10, keep_alive => 0)->post("http://127.0.0.1:$port/meta", {
        headers => {'content-type' => 'application/json', 'meta-id' => 'wamid.A',
            'meta-attempt' => 1, 'meta-timestamp' => $stamp,
            'meta-signature' => "sha256=$digest"}, content => $arg{sent} // $body});
}

# a decide of which one text is too much: what follows that line of it
my %throw = (
    python => ['    """Your answer: a list of actions."""',
        '    if event["text"] == "throw": [][1]'],
    php => ['function decide(array $event): array' . "\n{",
        'if ($event["text"] === "throw") no();'],
    javascript => ['async function decide(event) {',
        'if (event.text === "throw") event.no.such();'],
    go => ['func decide(event Event) []any {', 'if *event.Text == "throw" { panic("no") }']);
my %edit = map { my ($from, $line) = @{$throw{$_}};
    ($_ => sub { $_[0] =~ s/^\Q$from\E\n/$from\n$line\n/mr }) } keys %throw;

for my $program (examples('handler', $dir, %edit)) {
    SKIP: {
        skip "no $program->{name}", 1 if !can_run($program, $library{$program->{name}});
        my ($port, $probe) = hold_port();
        my $process = Test::Meta::Process->new;
        my @how = $program->{name} eq 'php'
            ? ('-d', 'display_errors=1', '-S', "127.0.0.1:$port") : ();
        $process->run(out => "$dir/$program->{name}.out",
            env => {%{$program->{env}}, PORT => $port, SECRET_FILE => "$dir/secret"},
            cmd => [@{$program->{command}}, @how, $program->{file}]);
        ok wait_for(sub { connects($port) }, 20), "$program->{name} listens"
            or diag slurp("$dir/$program->{name}.out");

        my $answer = ask($port);
        is $answer->{status}, 200, 'what is genuine is answered';
        is_deeply JSON::PP::decode_json($answer->{content}),
            {actions => [{reply => {text => 'Yes, daily.'}}, 'mark_read']}, 'with actions';

        $answer = ask($port, body => $view =~ s/deliver/dance/r);
        is_deeply JSON::PP::decode_json($answer->{content}), {actions => []}, 'or with none';

        is ask($port, secret => 'another')->{status}, 401, 'not what somebody else signed';
        is ask($port, sent => $view =~ s/deliver/Deliver/r)->{status}, 401,
            'nor what was changed on the way';
        is ask($port, stamp => time - 600)->{status}, 401, 'nor what is old';
        like ask($port, body => '{')->{status}, qr/^5/, 'what it cannot work is no success';
        is ask($port, body => $view =~ s/Do you deliver\?/throw/r)->{status}, 500,
            'nor what is thrown';
        is ask($port)->{status}, 200, 'and it goes on';
        $process->stop('TERM');
    }
}

done_testing;
