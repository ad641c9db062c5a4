package Programs;

# The programs that stand in a page of docs/, as files that can be run.
#
#   for my $p (programs('docs/outbox.md')) {    # name, file, command
#       ...
#   }

use strict;
use warnings;

use Exporter qw(import);

use Test::Meta::Process;
use Test::Meta::Util qw(root_dir slurp spew);

our @EXPORT_OK = qw(programs can_run);

my %LANGUAGES = (
    python => {command => ['/usr/bin/python3'], suffix => 'py', try => ['-c', 'import %s']},
    php => {command => ['/usr/bin/php'], suffix => 'php',
        try => ['-r', 'exit(extension_loaded("%s") ? 0 : 1);']},
    javascript => {command => ['/usr/bin/env', 'node'], suffix => 'js',
        try => ['-e', 'require("%s")'], env => {NODE_PATH => '/usr/share/nodejs'}},
);

# the last block of each language, written to a directory
sub programs {
    my ($page, $dir) = @_;
    my $text = slurp(root_dir() . "/$page");
    my @programs;

    for my $name (sort keys %LANGUAGES) {
        my @blocks = $text =~ /^```\Q$name\E\n(.*?)^```$/msg or die "$page: no $name\n";
        my $file = "$dir/program.$LANGUAGES{$name}{suffix}";
        spew($file, $blocks[-1]);
        push @programs, {name => $name, file => $file, command => $LANGUAGES{$name}{command},
            env => $LANGUAGES{$name}{env} // {}};
    }
    return @programs;
}

# whether the interpreter is there and knows the library
sub can_run {
    my ($program, $library) = @_;
    my @try = @{$LANGUAGES{$program->{name}}{try}};
    $try[-1] =~ s/%s/$library/;
    my $process = Test::Meta::Process->new;
    $process->run(out => '/dev/null', env => $program->{env},
        cmd => [@{$program->{command}}, @try]);
    return $process->wait_exit(20) eq '0';
}

1;
