# The loader is a process of its own: whatever it does, the backend lives, says
# what happened, and leaves no process behind.
use strict;
use warnings;

use File::Spec;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::System;

my $programs = File::Spec->rel2abs(PostgreSQL::Test::Utils::tempdir());
my $pid_file = "$programs/pid";
my $system = Scaleout::System->new('loader', enable => 0,
	settings => { 'scaleout.program_directory' => $programs, 'scaleout.database' => 'no_database_of_this_name' });
my $node = $system->node;
$system->sql('CREATE EXTENSION scaleout');
$system->sql(q{SELECT catalog.create_folder('f')});
my $backend_log = $system->log_size;

my $deploy = q{SELECT catalog.deploy_packages('f', 'p', ARRAY[('a', jsonb_build_object('name', 'a', 'description', repeat('x', 200000)))]::catalog.package_table_type[])};

# Replace the loader by a shell script and deploy; returns the error text.
sub deploy_with
{
	my ($script, $before) = @_;
	unlink "$programs/scaleout-loader", $pid_file;
	if (defined $script)
	{
		open(my $file, '>', "$programs/scaleout-loader") or die $!;
		print $file "#!/bin/sh\necho \$\$ > $pid_file\n$script\n";
		close $file;
		chmod 0755, "$programs/scaleout-loader" or die $!;
	}
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n" . ($before // '') . ";\n$deploy");
	return $err;
}

# The process and its children are gone; all are in the group of the script.
sub gone
{
	my ($what) = @_;
	# On a busy machine it may have been killed before it wrote its number.
	my $pid = -s $pid_file ? slurp_file($pid_file) : 0;
	chomp $pid;
	my @living;
	# Who was killed is gone when the machine has time for it.
	eval {
		$system->wait_for('the end of all processes', sub {
			@living = ();
			for my $path (glob('/proc/[0-9]*/stat'))
			{
				# pid (name) state ppid pgrp; one that nobody has collected yet is dead all the same.
				my $stat = eval { slurp_file($path) } // next;
				push @living, $stat if $pid && $stat =~ /\) ([A-Z]) \d+ $pid / && $1 !~ /[ZX]/;
			}
			return !@living;
		});
	};
	is("@living", '', "$what: no process is left");
	return;
}

like(deploy_with(undef), qr/SO118.*cannot start/, 'a missing program');
like(deploy_with('exit 3'), qr/SO118.*status 3/, 'an early end, with unread input');
gone('early end');
like(deploy_with('cat > /dev/null; echo "something went wrong" >&2; exit 70'), qr/SO118.*status 70.*something went wrong/s, 'what it said is repeated');
like(deploy_with('cat > /dev/null; kill -SEGV $$'), qr/SO118.*signal 11/, 'a crash');
like(deploy_with('cat > /dev/null; echo "no json"'), qr/SO118.*not JSON.*no json/s, 'an answer that is no JSON');
like(deploy_with('cat > /dev/null; echo "{}"'), qr/SO116/, 'an answer that is not ok');
like(deploy_with('cat > /dev/null; printf "\\377\\376"'), qr/SO118.*not valid text/, 'an answer that is no text');
like(deploy_with('cat > /dev/null; tail -f /dev/null & wait', q{SET scaleout.loader_timeout = '300ms'}), qr/SO119/, 'a late answer');
gone('late');
like(deploy_with('tail -f /dev/null', q{SET scaleout.loader_timeout = '300ms'}), qr/SO119/, 'one that never reads');
gone('never reads');
like(deploy_with('cat > /dev/null; tail -f /dev/null & wait', q{SET statement_timeout = '300ms'}), qr/57014/, 'a cancel');
gone('cancel');

# Nothing of the server reaches the child.
deploy_with("cat > /dev/null; ls -l /proc/self/fd > $programs/descriptors; env > $programs/environment; exit 1");
my $descriptors = slurp_file("$programs/descriptors");
unlike($descriptors, qr{base/|pg_wal|global/}, 'no file of the database is inherited');
unlike(slurp_file("$programs/environment"), qr/^PG/m, 'and no setting of the server');

is($system->sql('SELECT count(*) FROM internal.project'), 0, 'nothing is stored');
is($system->sql('SELECT 1'), 1, 'the server lives');
unlike(slurp_file($node->logfile), qr/FATAL/, 'the launcher lives without its database');
unlike(slurp_file($node->logfile, $backend_log), qr/terminating any other active server processes/, 'and was never restarted');

$node->stop;
done_testing();
