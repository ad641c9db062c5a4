# Webhook bodies from a short form: {product, kind, from, text, ...}.
#
# Shapes: reference meta-webhooks 3 (WhatsApp), 4 (Messenger, Page), 5
# (Instagram).  What the short form has no word for is given whole, as
# {product, field, value} or {product, messaging: {...}}.
package GraphEmulator::Event;
use Mojo::Base -strict, -signatures;

use GraphEmulator::Event::Page;
use GraphEmulator::Event::WhatsApp;
use Mojo::JSON qw(true);

use constant MAX => 10_000;

my %OBJECT = (whatsapp => 'whatsapp_business_account', messenger => 'page',
    instagram => 'instagram');


# -> the body, and the ids of what it holds; dies with what is wrong.
sub body ($class, $emulator, $short) {
    my $product = $short->{product} // '';
    my $object = $OBJECT{$product}
        or die "product is one of @{[sort keys %OBJECT]}\n";
    my $count = $short->{count} // 1;
    my $people = $short->{people} // 1;
    die "count is 1 to ${\MAX}, people are 1 to count\n"
        if "$count $people" !~ /\A\d{1,5} \d{1,5}\z/ || $count < 1
        || $count > MAX || $people < 1;
    my $shape = $short->{shape} // 'changes';
    die "shape is entries, changes or one\n"
        if $shape !~ /\A(?:entries|changes|one)\z/;

    my $make = $product eq 'whatsapp' ? 'GraphEmulator::Event::WhatsApp'
        : 'GraphEmulator::Event::Page';
    my $added = ($short->{kind} // '') eq 'partner_added';
    my $account = $short->{account} // ($added ? undef
        : _account($emulator, $product));
    my (@items, @ids);
    for my $n (0 .. $count - 1) {
        my ($item, $id) = $make->item($emulator, $account,
            _one($short, $n, $count, $people));
        push @items, $item;
        push @ids, $id // ();
    }
    # there the entry is of the partner's own business (meta-graph 3.4)
    my $node = $added ? $short->{business} // $emulator->login->business
        : $make->entry_id($emulator, $account);
    my @entries = $shape eq 'entries' ? map { [$_] } @items
        : [ $shape eq 'one' ? $make->join(@items) : @items ];
    return ({ object => $object, entry => [ map { _entry($product, $node, $_) }
        @entries ] }, \@ids);
}


# The n-th of several: people take turns, texts and ids are numbered.
sub _one ($short, $n, $count, $people) {
    my %one = %$short;
    $one{time} = ($short->{time} // Time::HiRes::time()) + $n / 1000;
    return \%one if $count == 1;
    $one{from} = ($short->{from} // GraphEmulator::Event::from(
        $short->{product})) + $n % $people;
    $one{bsuid} = "$short->{bsuid}" . $n % $people if defined $short->{bsuid};
    $one{id} = "$short->{id}.$n" if defined $short->{id};
    $one{text} .= " $n" if defined $one{text};
    return \%one;
}


# Who writes when nobody is named.
sub from ($product) {
    return { whatsapp => '27820000001', messenger => '7290000000000001',
        instagram => '1029384756610293' }->{$product};
}


# The first account of that product that a token is for.
sub _account ($emulator, $product) {
    my $kind = { whatsapp => 'phone', messenger => 'page' }->{$product}
        // $product;
    my @found = sort map { my $node = $_->{node};
        grep { $node->{$_} eq $kind } keys %$node }
        values %{ $emulator->tokens->known };
    return $found[0] // die "account is needed: no token names one\n";
}


# messaging and comments have the same account and not the same clock (2).
sub _entry ($product, $node, $items) {
    my %entry = (id => $node);
    for my $item (@$items) {
        my ($place) = keys %$item;
        push @{ $entry{$place} }, $item->{$place};
    }
    my $time = Time::HiRes::time();
    $entry{time} = $entry{messaging} || $entry{standby} ? int($time * 1000)
        : int $time
        if $product ne 'whatsapp' || grep { !$_->{value}{metadata} }
        @{ $entry{changes} // [] };
    return \%entry;
}

1;
