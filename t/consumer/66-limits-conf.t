# The configuration's "limits": what is taken, and how what is wrong is named.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Test::Meta::Util qw(build_dir root_dir slurp spew temp_dir);

my $dir = temp_dir();

# what meta-consumer -t says of these limits
sub says {
    my ($limits) = @_;
    spew("$dir/conf.yaml", "unmatched: drop\nlimits: $limits\n");
    my $program = build_dir() . '/meta-consumer';
    return scalar qx{"$program" -t -c "$dir/conf.yaml" 2>&1};
}

my @good = ('{}', 'default', '{pair: off}', '{phone: {per_second: 20}}',
    '{app: {per_hour: 4800, burst: 50}, page: {per_second: 0.5}, recipient: off}',
    '{media: {burst: 1, per_second: 10}}');

my @faulty = (
    ['[]', 2, 9, 'limits: must be a mapping'],
    ['off', 2, 9, 'limits: must be a mapping'],
    ['{phones: off}', 2, 10, 'limits.phones: unknown key'],
    ['{phone: off, phone: off}', 2, 22, 'limits.phone: stands there twice'],
    ['{phone: on}', 2, 17, 'limits.phone: must be off, or such as'],
    ['{phone: [80]}', 2, 17, 'limits.phone: must be off, or such as'],
    ['{phone: {}}', 2, 17, 'limits.phone: needs one of per_second and per_hour'],
    ['{phone: {burst: 5}}', 2, 17, 'limits.phone: needs one of per_second and per_hour'],
    ['{phone: {per_second: 1, per_hour: 1}}', 2, 17, 'limits.phone: needs one of'],
    ['{phone: {per_minute: 1}}', 2, 18, 'limits.phone.per_minute: unknown key'],
    ['{phone: {per_second: 1, per_second: 2}}', 2, 33, 'limits.phone.per_second: stands there'],
    ['{phone: {per_second: 0}}', 2, 30, 'limits.phone.per_second: must be a number over 0'],
    ['{phone: {per_second: -1}}', 2, 30, 'limits.phone.per_second: must be a number over 0'],
    ['{phone: {per_second: 1e9}}', 2, 30, 'limits.phone.per_second: must be a number over 0'],
    ['{phone: {per_second: 0x10}}', 2, 30, 'limits.phone.per_second: must be a number over 0'],
    ['{phone: {per_second: nan}}', 2, 30, 'limits.phone.per_second: must be a number over 0'],
    ['{phone: {per_second: [1]}}', 2, 30, 'limits.phone.per_second: '],
    ['{phone: {per_second: 1, burst: 0.5}}', 2, 17, 'limits.phone: a burst is 1 or more'],
);

like says($_), qr/is good$/m, "$_ is good" for @good;

for my $case (@faulty) {
    my ($limits, $line, $column, $message) = @$case;
    like says($limits), qr{\Q$dir/conf.yaml:$line:$column: $message}, $limits;
}

# what the docs show is what is taken
my ($sample) = slurp(root_dir() . '/docs/limits.md') =~ /^```yaml\nlimits:\n(.*?)^```/ms;
like says("\n$sample"), qr/is good$/m, "the example of docs/limits.md";

# every kind of lane stands in the docs
my $docs = slurp(root_dir() . '/docs/limits.md');
my @kinds = slurp(root_dir() . '/consumer/lane.c') =~ /^\s+\[LANE_\w+\]\s+= \{ "(\w+)"/mg;
cmp_ok scalar @kinds, '>', 15, 'kinds were read';
like $docs, qr/`$_:/, "$_ stands in docs/limits.md" for @kinds;

done_testing;
