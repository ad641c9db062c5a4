package Test::Meta::Outbound;

# What other people's clients put on the wire (../shared/samples/outbound),
# and in what two bodies differ.
#
#   my %sample = samples('whatsapp-api-js');     op => {method, path, body, ...}
#   my %d = differences($ours, $theirs);         'text.body' => [ours, theirs]
#
# path is without version, body is decoded; undef stands for what is not there.

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP ();

use Test::Meta::Util qw(root_dir slurp);

our @EXPORT_OK = qw(samples samples_here differences);

my $ROOT = root_dir() . '/../shared/samples/outbound';

sub samples_here { return -d $ROOT }

sub samples {
    my ($package) = @_;
    my %sample;
    for my $file (glob "$ROOT/$package/*.json") {
        my $data = JSON::PP::decode_json(slurp($file));
        my $request = $data->{requests}[0];
        $sample{$data->{op}} = {method => $request->{method},
            path => $request->{path} =~ s{^/v[\d.]+/}{}r, query => $request->{query},
            type => $request->{headers}{'content-type'}, body => $request->{body_json}};
    }
    return %sample;
}

# of two decoded values, by the path of what differs
sub differences {
    my ($ours, $theirs, $path) = @_;
    $path //= '';
    if (ref $ours eq 'HASH' && ref $theirs eq 'HASH') {
        my %keys = map { $_ => 1 } keys %$ours, keys %$theirs;
        return map { differences($ours->{$_}, $theirs->{$_}, length $path ? "$path.$_" : $_) }
            sort keys %keys;
    }
    if (ref $ours eq 'ARRAY' && ref $theirs eq 'ARRAY' && @$ours == @$theirs) {
        return map { differences($ours->[$_], $theirs->[$_], $path . "[$_]") } 0 .. $#$ours;
    }
    my ($a, $b) = map { written($_) } $ours, $theirs;
    return $a eq $b ? () : ($path => [$ours, $theirs]);
}

# 5 and "5" are two things, and so are true and 1
sub written {
    my ($value) = @_;
    return 'nothing' if !defined $value;
    return JSON::PP->new->canonical->allow_nonref->encode($value);
}

1;
