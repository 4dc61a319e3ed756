# Every command of scaleout and scaleout-worker explains itself: COMMAND --help and
# help COMMAND print the same, with the command's own options and an example that is
# a command line as it stands. A word that is no command or option is refused with the nearest.
use strict;
use warnings;

use Test::More;
use Cwd qw(getcwd);
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;

# Nothing of the machine is in the way, and no database: examples must fail behind the command line.
$ENV{PGHOST} = '/nonexistent';
delete @ENV{qw(PGSERVICE PGPORT PGUSER PGDATABASE PGOPTIONS)};

sub run_words
{
	my @words = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ Scaleout::System::program($words[0]), @words[ 1 .. $#words ] ], '<', \undef, '>', \$out, '2>', \$err);
	return { status => $? >> 8, out => $out, err => $err };
}

# What stands in the list of commands.
sub commands
{
	my ($list) = run_words(@_, '--help')->{out} =~ /^Commands:\n(.*?)\n\n/ms;
	return ($list // '') =~ /^  ([a-z]+) /mg;
}

my %usage = (scaleout => 6, 'scaleout-worker' => 2);
my @all;
for my $program (sort keys %usage)
{
	my @first = commands($program);
	cmp_ok(scalar(@first), '>', 5, "$program lists its commands");
	for my $first (@first)
	{
		push @all, [ $program, $first ], map { [ $program, $first, $_ ] } $program eq 'scaleout' ? commands($program, $first) : ();
	}
	my $help = run_words($program, '--help');
	is($help->{status}, 0, "$program --help");
	is(run_words($program, 'help')->{out}, $help->{out}, "$program help");
	my $none = run_words($program);
	is($none->{status}, $usage{$program}, "$program without a command");
	is($none->{err}, $help->{out}, 'prints it to standard error');
}
ok((grep { "@$_" eq 'scaleout cert create' } @all), 'there are commands of two words');

my (@examples, %seen);
for my $words (@all)
{
	my ($program, @command) = @$words;
	my $help = run_words(@$words, '--help');
	is($help->{status}, 0, "@$words --help");
	is($help->{err}, '', 'says nothing else');
	my $usage = "@$words" eq 'scaleout exec' ? 'Usage: scaleout exec ' : "@$words";
	like($help->{out}, qr/^Usage: \Q@$words\E\b/m, 'has its own usage');
	like($help->{out}, qr/^Options:\n|^Commands:\n/m, 'and options');
	my ($list) = $help->{out} =~ /^Examples:\n((?:  .*\n)+)/m;
	ok($list, 'and examples') or diag($help->{out});
	push @examples, map { [ $program, $_ ] } ($list // '') =~ /^  (.*)$/mg;
	ok(!$seen{ $help->{out} }++, 'it is nobody else\'s');
	is(run_words($program, 'help', @command)->{out}, $help->{out}, "$program help @command");
}

# Examples as they stand, in a folder without anything: something is missing, but never a word of the line.
my $home = getcwd();
chdir(PostgreSQL::Test::Utils::tempdir()) or die $!;
for my $example (@examples)
{
	my ($program, $line) = @$example;
	next if $line =~ /^systemctl /;
	(my $command = $line) =~ s/^runuser -u scaleout -- //;
	like($command, qr/^scaleout(?:-worker)? /, "$line is a command line");
	$command =~ s{^(\S+)}{Scaleout::System::program($1)}e;
	# Nothing of this machine's own worker.
	$command .= ' --directory ./worker' if $line =~ /scaleout(?:-worker)? (?:run|doctor|reload|rotate|show|join|init)\b/ && $command !~ /--(?:directory|config|settings-sample)/ && $command !~ m{bin/scaleout run };
	$command =~ s{/var/lib/scaleout}{./worker}g;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'sh', '-c', "$command </dev/null" ], '>', \$out, '2>', \$err);
	unlike($err, qr/SO901|SO411|not found\n/, "$line is understood");
}
chdir($home) or die $!;

# One letter too few, too many, another.
for my $case (
	[ 'scaleout wacth', 'scaleout watch' ], [ 'scaleout doktor', 'scaleout doctor' ], [ 'scaleout help deplyo', 'scaleout deploy' ],
	[ 'scaleout cert shwo', 'scaleout cert show' ], [ 'scaleout help cert creat', 'scaleout cert create' ], [ 'scaleout workers trsut x', 'scaleout workers trust' ],
	[ 'scaleout list pakages', 'scaleout list packages' ], [ 'scaleout logs --folow 1', '--follow' ], [ 'scaleout cert check --hots=a b c', '--host' ],
	[ 'scaleout-worker relaod', 'scaleout-worker reload' ], [ 'scaleout-worker help dcotor', 'scaleout-worker doctor' ], [ 'scaleout-worker run --confg x', '--config' ])
{
	my ($line, $meant) = @$case;
	my @words = split / /, $line;
	my $got = run_words(@words);
	is($got->{status}, $usage{ $words[0] }, "$line is refused");
	is($got->{out}, '', 'with nothing on standard output');
	like($got->{err}, qr/^\Q$words[0]\E: SO(?:901|411): /, 'with code');
	like($got->{err}, qr/Did you mean \Q$meant\E\?/, 'and what was meant');
}
for my $line ('scaleout xyzzy', 'scaleout-worker xyzzy', 'scaleout cert xyzzy', 'scaleout help xyzzy', 'scaleout run --xyzzy a/b/c', 'scaleout workers xyzzy y')
{
	my @words = split / /, $line;
	my $got = run_words(@words);
	is($got->{status}, $usage{ $words[0] }, "$line is refused");
	unlike($got->{err}, qr/Did you mean/, 'without a suggestion');
	like($got->{err}, qr/xyzzy.*--help/s, 'and with the way to the help');
}
is(run_words(split / /)->{status}, 6, "$_ lacks something") for 'scaleout workers enable', 'scaleout logs', 'scaleout cert check a';
# An option of another command.
like(run_words('scaleout-worker', 'run', '--master', 'https://a')->{err}, qr/SO411: scaleout-worker run has no option --master/, 'an option of init is none of run');

done_testing();
