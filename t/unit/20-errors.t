# The error table: each code of the reference's tables has its row, with the class it says there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IPC::Open2;
use Test::More;

use Test::Meta::Util qw(made root_dir slurp);

my @FIELDS = qw(product code code_to subcode class lane wait factor tries flags text todo third);
my $UNKNOWN = qr/not known here/;

my $dir = root_dir() . '/../shared/reference';
my $program = made('unit') . '/unit/show_errors';

# what a letter of the reference's last column may become; F: do not retry unchanged
my %CLASSES = (
    R => ['retry'], W => ['wait'], N => ['never'], T => ['token'], stop => ['operator'],
    F => [qw(never token operator)],
);

# the rows that are found for each [product, code, subcode], then the whole table
sub ask {
    my @questions = @_;
    my $pid = open2(my $out, my $in, $program);
    print $in join(' ', $_->[0], $_->[1], $_->[2] // '-'), "\n" for @questions;
    close $in;
    my @rows = map { chomp; my %row; @row{@FIELDS} = split /\t/; \%row } <$out>;
    waitpid $pid, 0;
    is $?, 0, 'the program ends well';
    return @rows;
}

# a row of a subcode that stands beside any code, or the last
sub is_every { return $_[0]{code} == -9223372036854775808 }

sub find { return (ask([@_]))[0] }

subtest 'the table itself' => sub {
    my @rows = ask();
    my @selves = ask(map { [@$_{qw(product code)}, $_->{subcode} == -1 ? undef : $_->{subcode}] }
        grep { !is_every($_) } @rows);
    cmp_ok scalar @rows, '>', 180, 'it is there';
    my %seen;
    for my $r (@rows) {
        my $name = "$r->{product} $r->{code} $r->{subcode}";
        ok !$seen{"$name $r->{code_to}"}++, "$name: once" or next;
        like $r->{text}, qr/^[A-Z].*\.$/, "$name: its text is a sentence";
        like $r->{todo}, qr/^(?:[A-Z]|graph\.).*\.$/, "$name: its todo is a sentence";
        my $found = is_every($r) ? $r : shift @selves;
        is $found->{text}, $r->{text}, "$name: it finds itself";
        cmp_ok $r->{code}, '<=', $r->{code_to}, "$name: its range";
        ok $r->{class} ne 'wait' || $r->{wait}, "$name: a limit says how long";
    }
    like $rows[-1]{text}, $UNKNOWN, 'the last row is the unknown code';
};

subtest 'which row is found' => sub {
    my @cases = (
        [[any => 190, 463], qr/has expired/], [[any => 190, 9], qr/invalid or has expired/],
        [[any => 190], qr/invalid or has expired/], [[any => 294], qr/ads_management/],
        [[any => 250], qr/permission/], [[any => 200, 2018028], qr/not been reviewed/],
        [[any => 131210], qr/group/], [[any => 131208], qr/calls about groups/],
        [[any => 134102], qr/rules/], [[any => 134101], qr/not yet known/],
        [[any => 99999], $UNKNOWN], [[any => 99999, 2446079], qr/ad account/],
        [[messenger => 2], qr/blocked the Page/], [[whatsapp => 2], qr/for a moment\.$/],
        [[messenger => 2, 1504041], qr/breakdowns/], [[any => -2, 2207003], qr/fetch the media/],
        [[any => 2446079], $UNKNOWN], [[any => 300], $UNKNOWN], [[any => 199], $UNKNOWN],
    );
    my @found = ask(map { $_->[0] } @cases);
    like $found[$_]{text}, $cases[$_][1], join ' ', map { $_ // '-' } @{$cases[$_][0]}
        for 0 .. $#cases;
};

subtest 'what the rows say' => sub {
    my $r = find(whatsapp => 131056);
    is_deeply [@$r{qw(class lane wait third)}], ['wait', 'pair', 1000, 64_000],
        '131056: this pair, 4^x s';
    $r = find(whatsapp => 131057);
    is_deeply [@$r{qw(class lane)}, $r->{wait} >= 60_000], ['retry', 'account', 1], '131057: 60 s';
    is find(whatsapp => 134101)->{third}, 600_000, '134101: 10 min';
    is find(whatsapp => 133015)->{third}, 300_000, '133015: 5 min';
    is find(whatsapp => 133016)->{third}, 72 * 3_600_000, '133016: 72 h';
    is find(messenger => 1, 1357046)->{flags} & 1, 1, '1-1357046: done';
    is find(any => 1)->{flags}, 0, '1: not';
    is find(whatsapp => 131050)->{flags} & 2, 2, '131050: an opt-out';
    is_deeply [@{find(any => 368)}{qw(class lane)}], ['operator', 'account'], '368 stops it';
    is_deeply [@{find(any => 4)}{qw(class lane)}], ['wait', 'app'], '4 stops the app';
    is_deeply [@{find(any => 190)}{qw(class lane)}], ['token', 'token'], '190 stops the token';
    is find(whatsapp => 131047)->{todo}, 'Send a template.', '131047: contract 7';
};

# the cells of each table row below a heading, up to the next heading
sub rows_of {
    my ($file, $heading) = @_;
    my ($part) = slurp("$dir/$file") =~ /^\Q$heading\E[^\n]*\n(.*?)(?=^#{2,3} |\z)/ms;
    return map { s/\\\|/!/g; [map { ($_ // '') =~ s/^\s+|\s+$//gr } (split /\|/)[1 .. 4]] }
        grep { /^\|/ && !/^\|[-|]+$/ && !/^\| [Cc]ode/ } split /\n/, $part // '';
}

# "131008, 131009" or "36000/36001" or "138000–138018": numbers, pairs for ranges
sub numbers {
    my ($text) = @_;
    my @found;
    $text =~ s/\[[^]]*\]|\([^)]*\)//g;
    push @found, map { s/x/0/gr } $text =~ /(\d+xx+)/g;
    $text =~ s/\d+xx+//g;
    while ($text =~ /(-?\d+)(?:(?:–|(?<=\d)-)(\d+))?/g) {
        push @found, $1, $2 // ();
    }
    return @found;
}

sub classes {
    my ($do) = @_;
    return () if $do =~ /^(?:by subcode|per details|see section)/;
    my %may = map { $_ => 1 } map { @{$CLASSES{$_}} } $do =~ /\b([RWNTF]|stop)\b/g;
    $may{operator} = 1 if $do =~ /human|alert|register|stop|config/;
    $may{never} = 1 if $do =~ /to this user|few|shape|or take/;
    return sort keys %may;
}

my %lookups;    # "code sub" -> what the reference says to do

# 1.10: code and subcode in columns of their own
sub read_graph {
    for my $row (rows_of('meta-graph-oauth-ads-capi.md', '### 1.10 Error codes')) {
        my ($code, $sub, $meaning, $do) = @$row;
        my @codes = $code =~ /^(\d+)-(\d+)$/ ? ($1, $2) : $code =~ /(-?\d+)/g;
        my @subs = $sub =~ /(\d{2,})/g;
        @subs = () if $sub =~ /see/;
        if ($meaning =~ /subcode\*\*, never|appears as subcode/) {
            @subs = @codes;
            @codes = (424242);
        }
        if (@subs > 1 && @subs == @codes) {
            $lookups{"$codes[$_] $subs[$_]"} = $do for 0 .. $#codes;
            next;
        }
        for my $c (@codes) {
            $lookups{"$c $_"} = $do for @subs ? @subs : '-';
        }
    }
}

# 7.2: "4/2207051", also several, also "100/2207035-2207037, 2207040"
sub read_publishing {
    for my $row (rows_of('meta-graph-oauth-ads-capi.md', '### 7.2 Errors')) {
        my ($cell) = @$row;
        next if $cell !~ /^-?\d/;
        my $code;
        for my $part (split /,\s*/, $cell) {
            $code = $1 if $part =~ s{^(-?\d+)/}{};
            my ($from, $to) = $part =~ /^(\d+)(?:-(\d+))?$/;
            $lookups{"$code $_"} = '' for $from .. $to // $from;
        }
    }
}

# 10.4: tables of their own; a dash between code and subcode in the first and the third
sub read_messaging {
    my $n = 0;
    for my $row (rows_of('meta-webhooks-and-messaging.md', '### 10.4 Codes')) {
        my ($cell, $meaning, $do) = @$row;
        $n++;
        my $whatsapp = $cell =~ /\b(?:13\d{4}|2388xxx)\b/ && $cell !~ /–20|–15|–25|–18/;
        if ($whatsapp) {
            $lookups{"$_ -"} //= $do for numbers($cell);
            next;
        }
        my $code;
        $cell =~ s/\([^)]*\)//g;
        for my $part (split /,\s*/, $cell) {
            if ($part =~ /^(\d+)–(\d+)$/ && $1 > 100 && $2 - $1 < 100) {
                my ($from, $to) = ($1, $2);
                $lookups{"$_ -"} //= $do for $from .. $to;
            } elsif ($part =~ m{^(?:\d+ / )?(\d+)–(\d+)$}) {
                $code = $1;
                $lookups{"$code $2"} //= $do;
            } elsif ($part =~ /^\d{7}$/ && defined $code && $part ne '9000001') {
                $lookups{"$code $part"} //= $do;
            } elsif ($part =~ /^(\d+)/) {
                $lookups{"$1 -"} //= $do;
            }
        }
        # "1–1357046: treat as sent" and its kind stand in the other columns
        my $said = "$meaning $do";
        $lookups{"$1 $2"} //= '' while $said =~ /\b(\d{1,3})–(\d{4,})\b/g;
        $lookups{"190 $_"} //= 'T' for $cell =~ /190/ ? $meaning =~ /\b(4\d\d)\b/g : ();
    }
    return $n;
}

# where this table knows better than the letter, with the reason
my %EXCEPT = (
    '1 -' => 'R a few times', '33 -' => 'N', '100 33' => 'N in the messaging table',
    '341 -' => 'W', '131048 -' => 'the number stops, this message is dead',
    '131057 -' => 'R, and the number stops', '131064 -' => 'W long',
    '132015 -' => 'N, and the template stops', '132016 -' => 'N, and the template stops',
    '9 2207042' => 'W', '131042 -' => 'stop templates', '131044 -' => 'stop',
    '138005 -' => 'W in the range of N', '138013 -' => 'W in the range of N',
    '131208 -' => 'W in the range of N', '134101 -' => 'W in the range of N',
    '139100 -' => 'only 139103 is R', '2494100 -' => 'R in the list of N',
    '100 2018008' => 'R once', '100 2018294' => 'R once', '613 1996' => 'W',
    '613 2018338' => 'stop to this user', '1 1357046' => 'treat as sent',
);

SKIP: {
    skip 'the reference is not here', 1 if !-d $dir;

    read_graph();
    read_publishing();
    my $tables = read_messaging();
    cmp_ok $tables, '>', 60, 'the messaging tables were read';
    cmp_ok scalar(keys %lookups), '>', 180, 'codes were read';

    my @keys = sort keys %lookups;
    my @found = ask(map { my ($c, $s) = split; ['any', $c, $s eq '-' ? undef : $s] } @keys);
    for my $i (0 .. $#keys) {
        my ($code, $sub) = split ' ', $keys[$i];
        my ($row, $do) = ($found[$i], $lookups{$keys[$i]});
        unlike $row->{text}, $UNKNOWN, "$keys[$i]: has a row";
        is $row->{subcode}, $sub eq '-' ? -1 : $sub, "$keys[$i]: of its own";
        my @may = classes($do);
        next if !@may || $EXCEPT{$keys[$i]};
        ok +(grep { $_ eq $row->{class} } @may), "$keys[$i]: $row->{class} fits \"$do\"";
    }
}

done_testing;
