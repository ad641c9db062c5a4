# log_format: json: one object a line with the keys of the text; delivery in every line of an event.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Rig qw(whatsapp messenger record);
use Test::Meta::Consumer;
use Test::Meta::Util qw(spew);

my $rig = Rig->new;
my $c = $rig->consumer(more => "unmatched: drop\nlog_format: json\n");

sub lines {
    my @lines = split /\n/, $c->log;
    my @read = map { eval { JSON::PP->new->utf8->decode($_) } // {broken => $_} } @lines;
    is_deeply [grep { defined } map { $_->{broken} } @read], [], 'each line is an object';
    is_deeply [grep { !defined $_->{message} || $_->{level} !~ /^(?:error|warn|info|debug)$/
        || $_->{time} !~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ } @read], [],
        'with time, level and message';
    return @read;
}

my $odd = qq(m_"\\\t\x01é=x y);
$rig->push(messenger(id => 'm_one', user => '729001'), record(id => $odd, field => 'other'),
    'no record');
$rig->settle;

my @lines = lines();
my %event = map { $_->{id} // 'none' => $_ } grep { $_->{message} eq 'event' } @lines;
my $one = $event{m_one};
is $one->{outcome}, 'worked', 'an event';
is $one->{queue}, 'meta:events', 'its queue';
like $one->{delivery}, qr/^delivery\d+$/, 'its delivery';
is $one->{calls}, 1, 'a number';
like $one->{user}, qr/^#[0-9a-f]{8}$/, 'a person is a hash';
my $again = JSON::PP::encode_json($one);
like $again, qr/"calls":1[,}]/, 'numbers are numbers';
like $again, qr/"account":"\d+"/, 'ids are strings';
my ($strange) = grep { ($_->{field} // '') eq 'other' } @lines;
is $strange->{id}, 'm_?\\????=x?y', 'what came from outside is harmless';
is $event{none}{delivery}, undef, 'none is null';
ok exists $event{none}{delivery}, 'but there';
ok +(grep { $_->{message} =~ /^meta-consumer \S+ runs with / } @lines), 'a sentence stays one';
ok +(grep { $_->{message} =~ /holds the lease/ } @lines), 'with its words';
is_deeply [grep { $_->{message} eq 'event' && !exists $_->{delivery} } @lines], [],
    'every line of an event has its delivery';

my $file = $c->{file} . ".\xc3\xa9";
spew($c->{file}, $rig->conf(rules => "a=b \xff: 1\n"));
$c->reload;
$c->wait_log(qr/reload: /);
lines();

spew($c->{file}, $rig->conf(rules => '', more => "unmatched: drop\nlog_format: text\n"));
$c->reload;
$c->wait_log(qr/^\d{4}\S+Z \[info\] reload: .* is in force/m);
pass 'text again after a reload';

my ($how, $said) = Test::Meta::Consumer->new(dir => $rig->dir, name => 'bad',
    conf => "unmatched: drop\nlog_format: xml\n")->test;
like "$how $said", qr/^exit 1 .*:2:13: log_format: must be text or json/s, 'there are no others';

$rig->finish;
done_testing;
