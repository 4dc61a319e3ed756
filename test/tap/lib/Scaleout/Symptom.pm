# What a test of the troubleshooting guide needs: findings by name, and doing
# what a cure says, as it is written.
#
#   my $found = Scaleout::Symptom::diagnose($system)->{'port open'};
#   my $seen = Scaleout::Symptom::doctor($system, $directory);
#   Scaleout::Symptom::apply($system, $found->{cure});
package Scaleout::Symptom;

use strict;
use warnings;

use Carp qw(croak);
use IPC::Run ();
use JSON::PP;
use PostgreSQL::Test::Utils;
use Scaleout::System;

# The rows of catalog.diagnose_scaleout() by check; of several with one name
# the worst.  The rank says which is worse.
my %rank = (ok => 0, warning => 1, failed => 2);

sub by_check
{
	my (@rows) = @_;
	my %found;
	for my $row (@rows)
	{
		my $known = $found{ $row->{check} };
		$found{ $row->{check} } = $row if !$known || $rank{ $row->{result} } > $rank{ $known->{result} };
	}
	return \%found;
}

sub diagnose
{
	my ($system) = @_;
	my $text = $system->sql('SELECT coalesce(json_agg(d), \'[]\') FROM catalog.diagnose_scaleout() d');
	return by_check(@{ JSON::PP->new->decode($text) });
}

# The findings of scaleout doctor by check; exit status in {''}.
sub doctor
{
	my ($directory, @more) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ Scaleout::System::program('scaleout'), 'doctor', '--directory', $directory, '--json', @more ], '>', \$out, '2>', \$err);
	my $status = $? >> 8;
	my $rows = eval { JSON::PP->new->decode($out) } or croak "scaleout doctor: $out$err";
	my $found = by_check(@$rows);
	$found->{''} = $status;
	return $found;
}

# The one row of catalog.explain_execution().
sub explain
{
	my ($system, $id) = @_;
	return JSON::PP->new->decode($system->sql("SELECT row_to_json(e) FROM catalog.explain_execution($id) e"));
}

# "Name = value" of a worker's settings, in the place of the old line.
sub set_worker
{
	my ($directory, $name, $value) = @_;
	my $text = slurp_file("$directory/worker.conf");
	$text =~ s/^\s*$name\s*=.*\n//mg;
	open(my $file, '>', "$directory/worker.conf") or croak $!;
	print $file "$text$name = $value\n";
	close $file;
	return;
}

# Do what the cure says: settings of the server, statements, commands on files,
# settings of the worker in $directory.  Returns how many things were done.
sub apply
{
	my ($system, $cure, $directory) = @_;
	my $done = 0;
	while ($cure =~ /(?:\bSet|\bset|;) (scaleout\.\w+) = ('[^']*')/g)
	{
		$system->sql("ALTER SYSTEM SET $1 = $2");
		$done++;
	}
	while ($cure =~ /(SELECT [^;]+?);/g) { $system->sql($1); $done++; }
	while ($cure =~ /(chmod \d+ \/\S+)/g) { system($1) == 0 or croak "$1: $?"; $done++; }
	while ($directory && $cure =~ /set (\w+) = ([0-9a-f]{64})/g) { set_worker($directory, $1, $2); $done++; }
	croak "nothing in this cure can be done: $cure" unless $done;
	return $done;
}

1;
