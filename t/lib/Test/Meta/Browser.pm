package Test::Meta::Browser;

# A headless Chromium, told what to do over its DevTools socket.
#
#   my $b = Test::Meta::Browser->new(dir => $dir, width => 360, dark => 1);
#   $b->open('http://127.0.0.1:8080/status');
#   $b->eval('document.title')          a JavaScript value
#   $b->screenshot("$dir/page.png")
#   $b->complaints                      what its console was told
#   $b->wait('#done');  $b->click('#continue');  $b->type('#pin', '123456');
#   $b->shape(width => 360, dark => 1)  another screen
#   my $popup = $b->popup(qr{/dialog/});            its own window, to be driven too
#   new(brisk => 1): of what pages wait, up to 3 s, they wait an eighth
#   new(names => {'www.facebook.com' => $port}): hosts that are here, with any certificate

use strict;
use warnings;

use parent 'Test::Meta::Process';

use Mojo::IOLoop;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use Mojo::Util qw(b64_decode);

use Test::Meta::Util qw(patience slurp spew wait_for);

my $BRISK = 'const later = setTimeout; setTimeout = (f, ms, ...more) =>'
    . ' later(f, ms >= 400 && ms <= 3000 ? ms / 8 : ms, ...more);';

sub binary {
    my ($found) = grep { -x } map { my $d = $_; map { "$d/$_" } qw(chromium chromium-browser) }
        split(/:/, $ENV{PATH} // ''), '/usr/bin';
    return $found;
}

sub new {
    my ($class, %arg) = @_;
    my $self = bless {width => 1100, height => 1400, calls => 0, answers => {},
        complaints => [], %arg}, $class;
    my $profile = "$self->{dir}/chromium";
    mkdir $profile;

    my $names = $self->{names} // {};
    my @names = !%$names ? () : ('--ignore-certificate-errors', '--host-resolver-rules='
        . join ', ', map { "MAP $_ 127.0.0.1:$names->{$_}" } sort keys %$names);

    # its sandbox needs what neither root nor a container has
    $self->run(out => "$self->{dir}/chromium.out", cmd => [binary(), '--headless=new',
        '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
        '--disable-background-networking', '--disable-component-update', '--disable-sync',
        '--hide-scrollbars', '--disable-popup-blocking', @names,
        "--user-data-dir=$profile", '--remote-debugging-port=0',
        'about:blank']);
    my $port;
    wait_for { ($port) = slurp("$profile/DevToolsActivePort") =~ /^(\d+)\n/ } 30
        or die 'Chromium does not start: ' . slurp("$self->{dir}/chromium.out");
    $self->attach($port);
    return $self;
}

sub attach {
    my ($self, $port) = @_;
    $self->{ua} = Mojo::UserAgent->new(max_response_size => 0);
    $self->{debug} = "http://127.0.0.1:$port/json";
    $self->watch($self->{ua}->put("$self->{debug}/new?about:blank")->result->json);
}

# drives that page from now on
sub watch {
    my ($self, $page) = @_;
    $self->{id} = $page->{id};
    $self->{ua}->websocket($page->{webSocketDebuggerUrl} => sub {
        my (undef, $tx) = @_;
        $tx->max_websocket_size(64 * 1024 * 1024);
        $tx->on(text => sub { $self->heard($_[1]) });
        $self->{tx} = $tx;
    });
    $self->turn(sub { $self->{tx} });

    $self->call("$_.enable") for qw(Page Runtime Log);
    $self->call('Page.addScriptToEvaluateOnNewDocument', source => "{ $BRISK }")
        if $self->{brisk};
    return $self->shape;
}

# width, height, dark: as the page sees them
sub shape {
    my ($self, %how) = @_;
    @{$self}{keys %how} = values %how;
    $self->call('Emulation.setDeviceMetricsOverride', width => $self->{width} + 0,
        height => $self->{height} + 0, deviceScaleFactor => 1,
        mobile => $self->{width} < 600 ? Mojo::JSON->true : Mojo::JSON->false);
    $self->call('Emulation.setEmulatedMedia', features => [{name => 'prefers-color-scheme',
        value => $self->{dark} ? 'dark' : 'light'}]);
    return $self;
}

# the window that a page opened, whose address matches; it dies with the browser
sub popup {
    my ($self, $like) = @_;
    my $known = $self->{known} //= {};
    my $page;
    wait_for {
        ($page) = grep { $_->{type} eq 'page' && $_->{id} ne $self->{id} && !$known->{$_->{id}}
            && $_->{url} =~ $like } @{$self->{ua}->get($self->{debug})->result->json};
    } 20 or die "no window of $like\n";
    $known->{$page->{id}} = 1;
    return bless({%$self, calls => 0, answers => {}, complaints => [], tx => undef,
        pid => undef}, ref $self)->watch($page);
}

# whether a window is still there
sub there {
    my ($self) = @_;
    return !!grep { $_->{id} eq $self->{id} } @{$self->{ua}->get($self->{debug})->result->json};
}

sub heard {
    my ($self, $text) = @_;
    my $said = decode_json($text);
    return $self->{answers}{$said->{id}} = $said if $said->{id};
    my $p = $said->{params};
    push @{$self->{complaints}}, $p->{entry}{text}
        if $said->{method} eq 'Log.entryAdded' && $p->{entry}{level} eq 'error';
    push @{$self->{complaints}}, $p->{exceptionDetails}{text}
        if $said->{method} eq 'Runtime.exceptionThrown';
}

sub turn {
    my ($self, $condition) = @_;
    my $late;
    my $timer = Mojo::IOLoop->timer(30 * patience() => sub { $late = 1 });
    Mojo::IOLoop->one_tick until $late || $condition->();
    Mojo::IOLoop->remove($timer);
    die "Chromium does not answer\n" if $late;
}

sub call {
    my ($self, $method, %params) = @_;
    my $id = ++$self->{calls};
    $self->{tx}->send({text => encode_json({id => $id, method => $method, params => \%params})});
    $self->turn(sub { $self->{answers}{$id} });
    my $answer = delete $self->{answers}{$id};
    die "$method: $answer->{error}{message}\n" if $answer->{error};
    return $answer->{result};
}

sub open { my ($self, $url) = @_; return $self->call('Page.navigate', url => $url) }

sub eval {
    my ($self, $code) = @_;
    my $result = $self->call('Runtime.evaluate', expression => $code,
        returnByValue => Mojo::JSON->true);
    die "$code: $result->{exceptionDetails}{text}\n" if $result->{exceptionDetails};
    return $result->{result}{value};
}

sub value {
    my ($value) = @_;
    my $json = encode_json([$value]);
    utf8::decode($json);
    return "($json)[0]";
}

# until there is such an element and it shows; the page may be another meanwhile
sub wait {
    my ($self, $selector, $seconds) = @_;
    my $code = '(function (e) { return !!e && e.getClientRects().length > 0 })'
        . '(document.querySelector(' . value($selector) . '))';
    return 1 if wait_for { CORE::eval { $self->eval($code) } } $seconds // 20;
    die "no $selector at " . (CORE::eval { $self->eval('location.href') } // 'a page')
        . ': ' . (CORE::eval { $self->text('body') } // '') . "\n";
}

# what a person reads there
sub text {
    my ($self, $selector) = @_;
    return $self->eval('(function (e) { return e ? e.innerText : "" })(document.querySelector('
        . value($selector) . '))');
}

# as a hand does it: the pages may open windows then
sub click {
    my ($self, $selector) = @_;
    $self->wait($selector);
    my $at = $self->eval('(function (e) { e.scrollIntoView({block: "center"}); var r ='
        . ' e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })'
        . '(document.querySelector(' . value($selector) . '))');
    $self->call('Input.dispatchMouseEvent', type => $_, x => $at->[0], y => $at->[1], button =>
        'left', clickCount => 1) for qw(mousePressed mouseReleased);
    return $self;
}

sub type {
    my ($self, $selector, $text) = @_;
    $self->wait($selector);
    $self->eval('document.querySelector(' . value($selector) . ').focus()');
    $self->call('Input.insertText', text => $text);
    return $self;
}

sub screenshot {
    my ($self, $file) = @_;
    my $png = $self->call('Page.captureScreenshot', captureBeyondViewport => Mojo::JSON->true);
    return spew($file, b64_decode($png->{data}));
}

sub complaints { return @{$_[0]{complaints}} }

1;
