package Test::Meta::Sample;

# Bodies as Meta sends them, small and made up, with the slices that must
# come out: {body, events => [bytes], texts => [words that no log may hold]}.

use strict;
use warnings;

my $COUNT = 0;

# n text messages, one change each
sub whatsapp {
    my ($n, $text) = @_;
    my (@events, @texts);
    for my $i (1 .. $n // 1) {
        $COUNT++;
        push @texts, $text // "whatsapp-text-$$-$COUNT";
        push @events, '{"value":{"messaging_product":"whatsapp","metadata":'
            . '{"display_phone_number":"15550783881",'
            . '"phone_number_id":"106540352242922"},"contacts":[{"profile":'
            . '{"name":"Thandi \u00e4"},"wa_id":"27820000001"}],"messages":'
            . '[{"from":"27820000001","id":"wamid.' . "$$.$COUNT"
            . '","timestamp":"1763700000","text":{"body":"' . $texts[-1]
            . '"},"type":"text"}]},"field":"messages"}';
    }
    return {events => \@events, texts => \@texts,
        body => '{"object":"whatsapp_business_account","entry":[{"id":'
            . '"102290129340398","changes":[' . join(',', @events) . ']}]}'};
}

# n Messenger texts
sub page {
    my ($n) = @_;
    my (@events, @texts);
    for my $i (1 .. $n // 1) {
        $COUNT++;
        push @texts, "messenger-text-$$-$COUNT";
        push @events, '{"sender":{"id":"7290000000000001"},"recipient":'
            . '{"id":"118734502290164"},"timestamp":1763700000123,"message":'
            . '{"mid":"m_' . "$$.$COUNT" . '","text":"' . $texts[-1] . '"}}';
    }
    return {events => \@events, texts => \@texts,
        body => '{"object":"page","entry":[{"id":"118734502290164","time":'
            . '1763700000200,"messaging":[' . join(',', @events) . ']}]}'};
}

# one message, the body that long in all
sub size {
    my ($bytes) = @_;
    my $sample = whatsapp(1, 'size-text-');
    my $more = $bytes - length $sample->{body};
    die "no body is that small: $bytes\n" if $more < 0;
    my $pad = join '', map { chr(97 + $_ % 26) } 0 .. 1022;
    my $text = 'size-text-' . substr $pad x ($more / 1023 + 1), 0, $more;
    s/size-text-/$text/ for $sample->{body}, $sample->{events}[0];
    return $sample;
}

# a text as a test writes it; its "body" and "text" members are secret
sub literal {
    my ($body) = @_;
    return {body => $body, events => undef,
        texts => [$body =~ /"(?:body|text)"\s*:\s*"([^"\\]{6,})"/g]};
}

1;
