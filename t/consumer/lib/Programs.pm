package Programs;

# The programs that stand in a page of docs/, or in docs/examples/, as files
# that can be run.
#
#   for my $p (programs('docs/outbox.md', $dir)) {      # name, file, command
#       ...
#   }
#   for my $p (examples('handler', $dir, %edit)) {      # name => sub { text => text }
#       ...
#   }

use strict;
use warnings;

use Exporter qw(import);

use Test::Meta::Process;
use Test::Meta::Util qw(root_dir slurp spew);

our @EXPORT_OK = qw(examples programs can_run);

my %LANGUAGES = (
    python => {command => ['/usr/bin/python3'], suffix => 'py', try => ['-c', 'import %s']},
    php => {command => ['/usr/bin/php'], suffix => 'php',
        try => ['-r', 'exit(extension_loaded("%s") ? 0 : 1);']},
    javascript => {command => ['/usr/bin/env', 'node'], suffix => 'js',
        try => ['-e', 'require("%s")'], env => {NODE_PATH => '/usr/share/nodejs'}},
    go => {command => [], suffix => 'go'},
);

# the last block of each language, written to a directory
sub programs {
    my ($page, $dir) = @_;
    my $text = slurp(root_dir() . "/$page");
    my @programs;

    for my $name (qw(javascript php python)) {
        my @blocks = $text =~ /^```\Q$name\E\n(.*?)^```$/msg or die "$page: no $name\n";
        my $file = "$dir/program.$LANGUAGES{$name}{suffix}";
        spew($file, $blocks[-1]);
        push @programs, {name => $name, file => $file, command => $LANGUAGES{$name}{command},
            env => $LANGUAGES{$name}{env} // {}};
    }
    return @programs;
}

# docs/examples/NAME.* of each language, edited; what has to be built is built there
sub examples {
    my ($example, $dir, %edit) = @_;
    my @programs;

    for my $name (sort keys %LANGUAGES) {
        my $file = "$dir/$example.$LANGUAGES{$name}{suffix}";
        my $text = slurp(root_dir() . "/docs/examples/" . $file =~ s{.*/}{}r);
        spew($file, $edit{$name} ? $edit{$name}->($text) : $text);
        next if $name eq 'go' && !($file = go_build($file, "$dir/$example"));
        push @programs, {name => $name, file => $file, command => $LANGUAGES{$name}{command},
            env => $LANGUAGES{$name}{env} // {}};
    }
    return @programs;
}

# the program, or nothing where there is no compiler
sub go_build {
    my ($source, $to) = @_;
    my ($go) = grep { -x } '/usr/bin/go', '/usr/local/go/bin/go' or return;
    my $process = Test::Meta::Process->new;
    $process->run(out => "$to.out", cmd => [$go, 'build', '-o', $to, $source],
        env => {HOME => $ENV{HOME} // '/', PATH => $ENV{PATH}, GOCACHE => "$to.cache",
            GOFLAGS => '-mod=mod', GO111MODULE => 'off'});
    $process->wait_exit(120) eq '0' or die "$source: " . slurp("$to.out");
    return $to;
}

# whether the interpreter is there and knows the library
sub can_run {
    my ($program, $library) = @_;
    return 1 if $program->{name} eq 'go';
    my @try = @{$LANGUAGES{$program->{name}}{try}};
    $try[-1] =~ s/%s/$library/;
    my $process = Test::Meta::Process->new;
    $process->run(out => '/dev/null', env => $program->{env},
        cmd => [@{$program->{command}}, @try]);
    return $process->wait_exit(20) eq '0';
}

1;
