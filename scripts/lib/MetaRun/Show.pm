# What scripts/run prints: short lines for a terminal, colours only there.
package MetaRun::Show;
use strict;
use warnings;

use JSON::PP;

my $json = JSON::PP->new->utf8->canonical;
my $colour = -t STDOUT && ($ENV{TERM} // 'dumb') ne 'dumb'
    && !defined $ENV{NO_COLOR};


sub title {
    my ($text) = @_;
    return $colour ? "\n\e[1m$text\e[0m\n" : "\n$text\n";
}


# One line of JSON (bytes), folded between members to the width of a terminal.
sub _folded {
    my ($text, $indent) = @_;
    my $width = 96 - $indent;
    my @lines;
    utf8::decode($text);
    while (length $text > $width) {
        my ($piece) = substr($text, 0, $width + 1) =~ /^(.+,)(?=["{\[])/;
        push @lines, substr $text, 0, length($piece // '') || $width, '';
    }
    my $folded = join "\n", map { ' ' x $indent . $_ } @lines, $text;
    utf8::encode($folded);
    return $folded;
}


sub _json {
    my ($data) = @_;
    return _folded(ref $data ? $json->encode($data) : $data // '', 4);
}


sub parts {
    my ($parts) = @_;
    my $taken = $parts->{port_note} ? "   ($parts->{port_note})" : '';
    print title("Everything lives in $parts->{dir} and goes with it."), <<"END";
  nginx           $parts->{url}/webhook$taken
  Redis           $parts->{dir}/redis.sock (no TCP port)
  Graph emulator  $parts->{graph}
END
}


sub consumer {
    my ($parts) = @_;
    print "  meta-consumer -c $parts->{dir}/meta.yaml\n";
}


sub ack {
    my ($message, $answer) = @_;
    printf "  POST /webhook, %d bytes, X-Hub-Signature-256: %s...\n",
        length $message->{body}, substr $message->signature, 0, 19;
    print _folded($message->{body}, 4), "\n";
    printf "  <- %d %s in %.1f ms\n", $answer->{status},
        $answer->{content} =~ s/\s+\z//r, $answer->{took} * 1000;
}


sub event {
    my ($parts, $element) = @_;
    print "  the element of the list $parts->{queue}:\n",
        _folded($element, 4), "\n";
}


sub call {
    my ($call) = @_;
    print "  $call->{method} $call->{path}"
        . ($call->{token} ne '' ? "  (token: $call->{token})" : ''), "\n",
        _json($call->{body}), "\n";
    print '  ', $call->{answer} ? "<- $call->{answer}{status}" : '<- cut', "\n",
        _json($call->{answer}{body}), "\n";
}


# The last word: where things are, and what to paste.
sub invitation {
    my ($parts) = @_;
    my $message = MetaRun::Message->whatsapp($parts, 'Hello from curl');
    print title('It stays up until Ctrl-C.'), <<"END";
  webhook         $parts->{url}/webhook
  Graph emulator  $parts->{graph}/_emulator/calls
  Redis           redis-cli -s $parts->{dir}/redis.sock
  logs            $parts->{dir}/*.log

Another WhatsApp message, signed (its Graph calls appear below):

curl -i $parts->{url}/webhook -H 'Content-Type: application/json' \\
  -H 'X-Hub-Signature-256: @{[$message->signature]}' \\
  -d '$message->{body}'

The handshake:

curl -i '$parts->{url}/webhook?hub.mode=subscribe&hub.challenge=42&hub.verify_token=$parts->{token}'

An nginx.conf of your own, an assistant, a login in the browser: docs/trying.md

END
}

1;
