# Runs a package by "scaleout exec" and keeps what it said.
#
#   my $run = Scaleout::Exec::run({name => 'p', executables => [...]}, parameters => {...});
#   is($run->{status}, 0); like($run->{output}, qr/SO805/);
#
# Packages are Perl structures written as JSON, which is YAML as well.
package Scaleout::Exec;

use strict;
use warnings;

use Carp qw(croak);
use File::Temp qw(tempdir);
use JSON::PP;
use POSIX ();
use Time::HiRes qw(time);

our $timeout = 120;

# The program under test: SCALEOUT, or where SCALEOUT_PREFIX was installed, or build/bin.
sub program
{
	return $ENV{SCALEOUT} if $ENV{SCALEOUT};
	return "$ENV{SCALEOUT_PREFIX}/bin/scaleout" if $ENV{SCALEOUT_PREFIX};
	return POSIX::getcwd() . '/build/bin/scaleout';
}

sub slurp
{
	my ($path) = @_;
	open(my $file, '<:raw', $path) or croak "$path: $!";
	local $/;
	my $text = <$file>;
	return $text // '';
}

sub spew
{
	my ($path, $text) = @_;
	open(my $file, '>:raw', $path) or croak "$path: $!";
	print $file $text;
	close($file) or croak "$path: $!";
	return $path;
}

# Start without waiting: {pid, output_path, ...}; finish with finish().
sub start
{
	my ($package, %with) = @_;
	my $folder = $with{folder} // tempdir(CLEANUP => 1);
	my $path = spew("$folder/package.yaml", ref $package ? JSON::PP->new->utf8->canonical->pretty->encode($package) : $package);
	my @command = (program(), 'exec', '--plain', '--reporting', 'V');
	push @command, '--parameter', "$_;$with{parameters}{$_}" for sort keys %{ $with{parameters} // {} };
	push @command, '--connection', "$_;$with{connection_strings}{$_}" for sort keys %{ $with{connection_strings} // {} };
	my $pid = fork() // croak "fork: $!";
	if ($pid == 0)
	{
		%ENV = (%ENV, %{ $with{environment} // {} });
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', "$folder/output") or POSIX::_exit(126);
		open(STDERR, '>&', \*STDOUT);
		exec(@command, $path) or POSIX::_exit(127);
	}
	return { pid => $pid, folder => $folder, started => time() };
}

sub finish
{
	my ($run) = @_;
	my $deadline = time() + $timeout;
	while (waitpid($run->{pid}, POSIX::WNOHANG()) == 0)
	{
		if (time() > $deadline)
		{
			kill 'KILL', $run->{pid};
			waitpid($run->{pid}, 0);
			croak "the package did not end within $timeout s:\n" . slurp("$run->{folder}/output");
		}
		select(undef, undef, undef, 0.02);
	}
	$run->{status} = $? & 127 ? -($? & 127) : $? >> 8;
	$run->{seconds} = time() - $run->{started};
	$run->{output} = slurp("$run->{folder}/output");
	return $run;
}

sub run { return finish(start(@_)); }

# One package of one task with its connections and variables.
sub task
{
	my ($task, %with) = @_;
	return run({
		name => 'one', variables => $with{variables} // [], connections => $with{connections} // [],
		executables => [ { name => 'task', %$task }, @{ $with{more} // [] } ] }, %with);
}

# A later task that prints a variable: "show <name>=<value>".
sub show
{
	my ($after, @names) = @_;
	return map { {
		name => "show $_", after => $after, type => 'script', executable => '/bin/sh',
		arguments => [ '-c', "printf '%s\\n' \"show $_=\$(cat)\"" ], read_only_variables => [$_] } } @names;
}

1;
