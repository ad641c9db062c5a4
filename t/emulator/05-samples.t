# What other people's clients really send is taken, by meaning.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use Emulator qw(emulator);
use HTTP::Tiny;
use Mojo::JSON qw(decode_json);
use Test::Meta::Util qw(root_dir slurp);
use Test::More;

my $samples = root_dir() . '/../shared/samples/outbound';
plan skip_all => 'the samples are not here' if !-d $samples;

# The edge of an app, which the emulator does not serve.
my $later = qr{fb_subscription};
# Refused: a tag that Meta retired on 27 April 2026; a proof made with another
# token than the one that is sent; media that nobody uploaded.
my %refused = (fb_text_tag => 100, oauth_debug_token => 100,
    wa_media_get => 100, wa_media_delete => 100);

my %graph = (
    whatsapp => emulator('--app', '1234567890:testsecret',
        '--token', 'whatsapp:106540352242922:EAAtesttoken'),
    messenger => emulator('--app', '1234567890:testsecret',
        '--token', 'page:1234567890123:EAAtesttoken'),
);
my $http = HTTP::Tiny->new;

# The last one gives a thread away, after which it takes no more messages.
for my $file (sort { $a =~ /pass_thread/ <=> $b =~ /pass_thread/ || $a cmp $b }
    glob "$samples/*/*.json")
{
    my ($name) = $file =~ m{([^/]+)\.json$};
    next if $name =~ $later;
    my $graph = $graph{$name =~ /^wa_/ ? 'whatsapp' : 'messenger'};
    for my $request (@{decode_json(slurp($file))->{requests}}) {
        my %headers = map { $_ => $request->{headers}{$_} }
            grep { $request->{headers}{$_} } qw(authorization content-type);
        my $content = $request->{body_text};
        utf8::encode($content) if defined $content;
        my $answer = $http->request($request->{method},
            $graph->url . $request->{url},
            {headers => \%headers, content => $content // ''});
        my $data = decode_json($answer->{content});
        is($data->{error}{code}, $refused{$name}, $name)
            or diag $answer->{content};
    }
}

done_testing();
