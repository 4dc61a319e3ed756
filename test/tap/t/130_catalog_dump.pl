# A dump of the catalog restores completely and without an error; the restored
# catalog does not run by itself, and does not disturb the one that runs.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::System;

my $system = Scaleout::System->new('dump', database => 'app', settings => { 'scaleout.probe_interval' => '1s' });
my $node = $system->node;

# One line per table: its number of rows.
my $count_rows = q{
	SELECT string_agg(format('%s=%s', c.relname, (xpath('//c/text()', query_to_xml(format('SELECT count(*) AS c FROM internal.%I', c.relname), false, true, '')))[1]),
					  E'\n' ORDER BY c.relname COLLATE "C")
	  FROM pg_class c WHERE c.relnamespace = 'internal'::regnamespace AND c.relkind IN ('r', 'p')
	   AND c.relname NOT IN ('request')};

$system->sql(q{
	SELECT catalog.create_folder('f');
	SELECT catalog.deploy_packages('f', 'p', ARRAY[('one', '{"name": "one", "executables": [], "parameters": [
		{"name": "n", "type": "int32"}, {"name": "secret", "type": "string", "sensitive": true}]}')]::catalog.package_table_type[]);
	SELECT catalog.run_package('f', 'p', 'one', '{"n": 5, "secret": "hidden words"}') FROM generate_series(1, 5);
	INSERT INTO internal.event_message (operation_id, attempt, sequence, message_time, message_type, message_source_type, message)
	SELECT o, 1, n, now(), 70, 40, 'message' FROM generate_series(2, 6) o, generate_series(1, 100) n;
	INSERT INTO internal.executable (operation_id, package_name, executable_guid, executable_name, package_path) SELECT o, 'one', 'g', 'one', '\Package' FROM generate_series(2, 6) o;
	INSERT INTO internal.executable_statistic (operation_id, attempt, sequence, package_name, executable_guid) SELECT o, 1, 200, 'one', 'g' FROM generate_series(2, 6) o;
	INSERT INTO internal.rejected_message (operation_id, attempt, sequence, code, message) VALUES (2, 1, 300, 'SO220', 'nonsense');
	SELECT catalog.stop_operation(2);});
$system->wait_until('SELECT count(*) = 0 FROM internal.request');
my $expected = $system->sql($count_rows);
like($expected, qr/^event_message=500$/m, 'there are messages');
like($expected, qr/^task=5$/m, 'and tasks');

for my $format ('plain', 'custom')
{
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$format.dump";
	my $database = "restored_$format";
	command_ok([ 'pg_dump', '-F', $format, '-f', $file, $node->connstr('app') ], "$format dump");
	unlike(slurp_file($file), qr/hidden words/, 'holds no plain secret') if $format eq 'plain';
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	if ($format eq 'plain')
	{
		command_ok([ 'psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $file ], 'restores in one transaction');
	}
	else
	{
		command_ok([ 'pg_restore', '-1', '-d', $node->connstr($database), $file ], 'restores in one transaction');
	}
	is($node->safe_psql($database, $count_rows), $expected, 'every table has its rows');
	is($node->safe_psql($database, 'SELECT internal.is_bound()'), 'f', 'the restored catalog is not bound');
	my $start = q{BEGIN; SELECT catalog.run_package('f', 'p', 'one'); ROLLBACK};
	my (undef, undef, $said) = $node->psql($database, $start);
	like($said, qr/WARNING:  execution \d+ waits: scaleout is not enabled in this database\nHINT: .*enable_scaleout/, 'whoever starts an execution there is told that it waits');
	(undef, undef, $said) = $node->psql('app', $start);
	is($said, '', 'and nobody else');
	is($node->safe_psql($database, q{
		SELECT internal.decrypt_secret(parameter_secret, internal.secret_of_execution(execution_id, object_type, parameter_name))
		  FROM internal.execution_parameter_value WHERE parameter_name = 'secret' LIMIT 1}), 'hidden words', 'secrets are readable with the key of this server');
	cmp_ok($node->safe_psql($database, q{SELECT catalog.create_execution('f', 'p', 'one')}), '>', 6, 'numbers go on');
	my ($status, $out, $err) = $node->psql($database, '\set VERBOSITY verbose' . "\nSELECT * FROM catalog.enable_scaleout()");
	like($err, qr/SO107/, 'it cannot be enabled beside the active one');
}

# pg_dump -C writes the label, too: two databases are marked then.
$node->safe_psql('postgres', q{SECURITY LABEL FOR scaleout ON DATABASE restored_plain IS 'active'});
my $epoch = $system->epoch;
$node->restart;
cmp_ok($system->wait_listening($epoch), '>', $epoch, 'the active catalog is found among two marked databases');
is($node->safe_psql('postgres', "SELECT datname FROM pg_stat_activity WHERE backend_type = 'scaleout master'"), 'app', 'and runs');

# Moving on purpose.
$system->sql('SELECT * FROM catalog.disable_scaleout()');
$system->{database} = 'restored_custom';
$epoch = $system->epoch;
$system->enable;
$system->wait_listening($epoch);
$system->wait_until(q{SELECT count(*) = 4 FROM catalog.executions WHERE status = 5});
my $moved = $system->sql(q{SELECT catalog.run_package('f', 'p', 'one')});
$system->wait_until("SELECT count(*) = 1 FROM internal.task WHERE execution_id = $moved");
$system->sql("SELECT catalog.stop_operation($moved)");
$system->wait_until("SELECT status = 3 FROM catalog.executions WHERE execution_id = $moved");
pass('the restored catalog works after it was enabled');

$node->stop;
done_testing();
