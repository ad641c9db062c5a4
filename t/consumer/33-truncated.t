# A configuration that was cut off drops no event: neither at the start nor at a reload.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Encode qw(encode_utf8);
use Test::More;

use Rig qw(whatsapp messenger record $PHONE $PAGE $Q);
use Test::Meta::Consumer;
use Test::Meta::Util qw(root_dir slurp spew wait_for);

my $WHY = 'rules, unmatched: there is neither: it would drop every event; say unmatched: drop if'
    . ' that is meant';

my $rig = Rig->new;
my $whole = encode_utf8($rig->conf);
my ($head) = $whole =~ /\A(.*?)^rules:/ms;

sub said {
    my ($conf) = @_;
    my $c = Test::Meta::Consumer->new(dir => $rig->dir, name => 'said', conf => $conf);
    my ($how, $words) = $c->test;
    return ($how, $words =~ s/\Q$c->{file}\E/FILE/gr);
}

for my $row (['an empty file', ''], ['comments', "# nothing\n"],
    ['cut off before the rules', $head],
    ['cut off after redis', $head =~ s/\n.*/\n/sr], ['empty rules', "${head}rules: []\n"])
{
    my ($name, $conf) = @$row;
    is_deeply [said($conf)], ['exit 1', "meta-consumer: FILE:1:1: $WHY\n"], $name;
}

is +(said("${head}unmatched: drop\n"))[0], '0', 'what is said is meant';
is +(said("${head}unmatched: {push: mine}\npush_lists: [mine]\n"))[0], '0', 'so is a list';
is +(said($whole))[0], '0', 'rules alone are enough';

# wherever the sample ends, it is faulty or has a rule
my $sample = slurp(root_dir() . '/packaging/etc/consumer.yaml');
my $token = $rig->file('page');
$sample =~ s{/etc/meta/\w+}{$token}g;
my @lines = split /^/, $sample;
for my $n (0 .. $#lines) {
    my $part = join '', @lines[0 .. $n - 1];
    my ($how) = said($part);
    is $how, 'exit 1', "the first $n lines of the sample" unless $part =~ /do:/;
}

my $c = $rig->consumer;
$c->wait_log(qr/holds the lease/);
spew($c->{file}, $head);
$c->reload;
$c->wait_log(qr/reload: \S+:1:1: \Q$WHY\E; the old configuration stays/);
$rig->push(messenger(), whatsapp());
$rig->settle;
is scalar(my @sent = $rig->sent), 2, 'after a reload events are answered as before';
ok !$rig->count_of->{unmatched}, 'and none is dropped';

$rig->finish;
done_testing;
