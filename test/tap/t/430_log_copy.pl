# The log copy is broken (docs/troubleshooting.md, "There is no log"): each cause
# is made for real; the diagnosis and a message of the execution that ends
# meanwhile name it with a cure; applied as it is written it ends it, and nothing
# is missing in the log database or there twice.
use strict;
use warnings;

use Test::More;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::LogServer;
use Scaleout::Ports;
use Scaleout::Symptom;
use Scaleout::System;

my $system = Scaleout::System->new('main',
	settings => { 'scaleout.log_copy_timeout' => '60s', 'scaleout.probe_interval' => '500ms', 'log_min_messages' => 'info', 'log_statement' => 'none' });
my $node = $system->node;
my $log = Scaleout::LogServer->new($system);
my $security = $node->data_dir . '_scaleout';

$system->deploy('f', 'p', empty => { executables => [] });
$system->add_agent('one');

sub run { my $id = $system->run('f', 'p', 'empty'); $system->wait_status($id, 7); return $id; }
sub found { return Scaleout::Symptom::diagnose($system)->{'log copy'}; }
sub copiers { return $system->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'scaleout log copy'"); }
# The copying session there; the next message makes a new one.
sub disconnect { return $log->sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'logger'"); }

# ---- off: costs nothing ----

run();
is($system->sql('SELECT count(*) FROM internal.log_copy_queue'), 0, 'without a log database nothing is queued');
is(copiers(), 0, 'and no worker runs');
is(found()->{result}, 'ok', 'which is in order');
is($system->sql("SELECT property_value = (SELECT property_value FROM catalog.master_properties WHERE property_name = 'MACHINE_NAME') FROM catalog.master_properties WHERE property_name = 'CLUSTER_LOGDB_SERVER'"),
	't', 'CLUSTER_LOGDB_SERVER is the master\'s own machine');

# What happened before is not copied.
$system->sql('DELETE FROM internal.event_message');

# ---- on: at once and without a restart ----

$log->set;
is($system->sql("SELECT property_value FROM catalog.master_properties WHERE property_name = 'CLUSTER_LOGDB_SERVER'"), 'loghost', 'CLUSTER_LOGDB_SERVER is the log database\'s server')
  if $system->wait_until('SELECT count(*) = 1 FROM catalog.log_copy');
$log->wait_copied;
is(found()->{result}, 'ok', 'the diagnosis says that it works before anything is copied');
my $first = run();
$log->wait_copied;
is($log->differences, '', 'every message is in the log database once');
is($log->sql("SELECT DISTINCT concat_ws(' ', folder_name, project_name, executed_package_name, operation_id, attempt) FROM scaleout_log.event_messages"),
	"f p empty $first 1", 'with the execution that it belongs to');
unlike($system->messages($first), qr/log database/, 'an execution whose messages are copied says nothing of it');

# LOGGING_LEVEL decides what there is to copy.
my $silent = $system->run('f', 'p', 'empty', q{parameters => '{"$ServerOption::LOGGING_LEVEL": 0}'});
$system->wait_status($silent, 7);
$log->wait_copied;
is($log->sql("SELECT count(*) FROM scaleout_log.event_messages WHERE operation_id = $silent"),
	$system->sql("SELECT count(*) FROM catalog.event_messages WHERE operation_id = $silent"), 'what is not logged is not copied');

# ---- broken ----

# %with: make, cause, code, cure (pattern), apply (with the cure's words).
sub symptom
{
	my ($name, %with) = @_;
	# Without the copy working again nothing that follows makes sense.
	subtest $name => sub {
		my $row;
		my $offset = $system->log_size;
		$with{make}->();
		# make may have restarted the server.
		my $id = eval { run() } // run();
		my $seen = eval {
			$system->wait_for($name, sub {
				$row = eval { found() };
				return $row && $row->{result} eq 'failed' && $row->{cause} =~ /^$with{code}: .*$with{cause}/s && $row->{cure} =~ $with{cure};
			});
		};
		ok($seen, 'the diagnosis names cause and cure') or diag(explain $row);
		$system->wait_for('the warning', sub { $system->sql("SELECT count(*) FROM catalog.operation_messages WHERE operation_id = $id AND message_type = 110 AND code IS NOT NULL") == 1 });
		like($system->messages($id), qr/complete in this catalog, but not yet in log database "loghost": .*\. .*They are copied as soon as/s,
			'the execution, which succeeded, says that its messages are not copied, why, and what to do');
		my @lines = slurp_file($node->logfile, $offset) =~ /WARNING:  (scaleout cannot (?:copy|start).*)/g;
		cmp_ok(@lines, '>=', 1, 'so does the server log');
		is(scalar(grep { $lines[ $_ - 1 ] eq $lines[$_] } 1 .. $#lines), 0, 'and does not repeat it') or diag(explain \@lines);
		$with{apply}->($row->{cure});
		if ($row->{cure} =~ /(SELECT pg_reload_conf\(\));/) { $system->sql($1); }
		ok(eval { $log->wait_copied }, 'the cure ends it') or diag(explain found());
		is($system->sql("SELECT count(*) FROM catalog.operation_messages WHERE operation_id = $id AND message ~ 'have been copied to log database \"loghost\" after all'"), 1,
			'which the execution says, too');
		is($log->differences, '', 'nothing is missing and nothing there twice');
	} or BAIL_OUT("the symptom was not cured: $name");
	return;
}

# The cure "run what SELECT catalog.log_database_script(); returns, then GRANT ...;".
sub run_script_and_grant
{
	my ($cure) = @_;
	my ($statement) = $cure =~ /what (SELECT catalog\.log_database_script\(\)); returns/ or die $cure;
	$log->sql($system->sql($statement));
	$log->sql($1) if $cure =~ /then (GRANT ssis_cluster_worker TO "\w+");/;
	return;
}

symptom('the log server does not run', code => 'SO250', cause => qr/refused|terminat|closed|shut/i, cure => qr/^Start that server/,
	make => sub { $log->node->stop('immediate') }, apply => sub { $log->node->start });
my @killed;
symptom('the log server is killed while it writes', code => 'SO250', cause => qr/\w/, cure => qr/^Start that server/,
	make => sub { @killed = all_of_log_server(); $log->node->kill9 },
	apply => sub { $system->wait_for('the end of its processes', sub { !grep { kill(0, $_) } @killed }); $log->node->start });
symptom('wrong port', code => 'SO250', cause => qr/refused/, cure => qr/correct host, port and sslmode: SELECT catalog\.update_logdb_info/,
	make => sub { $log->set(port => Scaleout::Ports::closed()) }, apply => sub { $log->set });
symptom('wrong host', code => 'SO250', cause => qr/could not translate host name "no-such-host\.invalid"/, cure => qr/correct host, port/,
	make => sub { $log->set(host => 'no-such-host.invalid') }, apply => sub { $log->set });
symptom('wrong password', code => 'SO251', cause => qr/28P01: password authentication failed for user "logger"/, cure => qr/Correct user, password and database name by SELECT catalog\.update_logdb_info/,
	make => sub { $log->set(password => 'wrong') }, apply => sub { $log->set });
symptom('no such database', code => 'SO251', cause => qr/database "elsewhere" does not exist/, cure => qr/database name/,
	make => sub { $log->set(dbname => 'elsewhere') }, apply => sub { $log->set });
symptom('the login may not log in any more', code => 'SO251', cause => qr/28000: role "logger" is not permitted to log in/, cure => qr/the login and pg_hba\.conf there/,
	make => sub { $log->sql('ALTER ROLE logger NOLOGIN'); disconnect() }, apply => sub { $log->sql('ALTER ROLE logger LOGIN') });
symptom('the table is missing', code => 'SO252', cause => qr/does not exist \(SQLSTATE 42P01\)/, cure => qr/log_database_script/,
	make => sub { $log->sql('ALTER TABLE scaleout_log.event_messages RENAME TO moved') },
	apply => sub {
		run_script_and_grant(@_);
		$log->sql('INSERT INTO scaleout_log.event_messages SELECT * FROM scaleout_log.moved; DROP TABLE scaleout_log.moved');
	});
symptom('the right is missing', code => 'SO252', cause => qr/permission denied for schema scaleout_log/, cure => qr/GRANT ssis_cluster_worker TO "logger"/,
	make => sub { $log->sql('REVOKE ssis_cluster_worker FROM logger') }, apply => \&run_script_and_grant);
symptom('the right on one table is missing', code => 'SO252', cause => qr/the login "logger" may not write the tables/, cure => qr/log_database_script/,
	make => sub { $log->sql('REVOKE INSERT ON scaleout_log.event_messages FROM ssis_cluster_worker'); disconnect() }, apply => \&run_script_and_grant);
symptom('the role was dropped', code => 'SO252', cause => qr/permission denied for schema scaleout_log/, cure => qr/GRANT ssis_cluster_worker TO "logger"/,
	make => sub { $log->sql('DROP OWNED BY ssis_cluster_worker; DROP ROLE ssis_cluster_worker') }, apply => \&run_script_and_grant);
symptom('the disk is full', code => 'SO253', cause => qr/No space left \(SQLSTATE 53100\)/, cure => qr/Free disk space/,
	make => sub {
		# The server's own words; no file system is at hand that could be filled.
		$log->sql(q{CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'could not extend file: No space left' USING ERRCODE = '53100'; END $$;
			CREATE TRIGGER full_disk BEFORE INSERT ON scaleout_log.event_messages FOR EACH ROW EXECUTE FUNCTION public.full_disk()});
	},
	apply => sub { $log->sql('DROP FUNCTION public.full_disk CASCADE') });
my $holder;
# Short for these, and for these only: elsewhere a busy machine must not look like a log database that hangs.
sub patience { my ($span) = @_; $system->sql("ALTER SYSTEM SET scaleout.log_copy_timeout = '$span'"); $system->sql('SELECT pg_reload_conf()'); return; }
patience('2s');
symptom('the log database hangs', code => 'SO254', cause => qr/has not answered for 2 s/, cure => qr/pg_stat_activity, pg_locks/,
	make => \&hold_lock,
	apply => sub {
		# The cure: look in pg_locks for what holds it up, and end that.
		$log->sql(q{SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.relation = 'scaleout_log.event_messages'::regclass AND l.mode = 'AccessExclusiveLock' AND l.granted});
	});
symptom('the log database stands still', code => 'SO254', cause => qr/has not answered for 2 s/, cure => qr/network on the way/,
	make => sub { kill('STOP', split /\n/, $log->sql("SELECT pid FROM pg_stat_activity WHERE usename = 'logger'")); kill('STOP', postmaster()) },
	apply => sub { kill('CONT', all_of_log_server()) });
patience('60s');
symptom('the server\'s account is let in without a password', code => 'SO257', cause => qr/without asking for the password/, cure => qr/pg_hba\.conf there ask for a password \(scram-sha-256\)/,
	make => sub { $log->hba('trust'); $log->node->reload; disconnect(); },
	apply => sub { my ($method) = $_[0] =~ /ask for a password \(([\w-]+)\)/; $log->hba($method); $log->node->reload });
symptom('the encryption key is gone', code => 'SO134', cause => qr/catalog cannot be read/, cure => qr/\w/,
	make => sub { rename("$security/encryption.key", "$security/moved.key") or die $!; disconnect() },
	apply => sub { rename("$security/moved.key", "$security/encryption.key") or die $! });
symptom('no worker slot is free', code => 'SO256', cause => qr/no background worker slot/, cure => qr/^Increase max_worker_processes and restart the server/,
	# One slot each for the launchers of the server and of ours, and the master.
	make => sub { $system->sql("ALTER SYSTEM SET max_worker_processes = 3"); my $epoch = $system->epoch; $node->restart; $system->wait_listening($epoch); },
	apply => sub { $system->sql("ALTER SYSTEM SET max_worker_processes = 16"); my $epoch = $system->epoch; $node->restart; $system->wait_listening($epoch); });
symptom('the catalog was set back to an earlier state', code => 'SO258', cause => qr/set back to an earlier state/, cure => qr/DELETE FROM scaleout_log\.copy_position/,
	# The numbers have the clock in them: further than the test can last.
	make => sub { $log->sql('UPDATE scaleout_log.copy_position SET position = position + 1000000000000'); disconnect() },
	apply => sub { $_[0] =~ /(DELETE FROM scaleout_log\.copy_position WHERE catalog_id = '[0-9a-f-]+');/ or die $_[0]; $log->sql($1) });

# ---- the password is nowhere ----

# Refused calls must not bring it into the log with their statement.
$node->psql('postgres', "SELECT catalog.update_logdb_info('a<b', 'password=$Scaleout::LogServer::password')");
$node->psql('postgres', "SELECT catalog.update_logdb_info('loghost', 'password=$Scaleout::LogServer::password nonsense')");
$node->psql('postgres', "CREATE ROLE nobody_special; SET ROLE nobody_special; SELECT catalog.update_logdb_info('loghost', 'password=$Scaleout::LogServer::password')");
my $log_text = slurp_file($node->logfile);
like($log_text, qr/ERROR:  the connection string of the log database cannot be read/, 'the server log has the refusals');
ok($log_text !~ /\Q$Scaleout::LogServer::password\E/, 'and not the password');
unlike($system->sql("SELECT string_agg(a::text, ' ') FROM pg_stat_activity a WHERE pid <> pg_backend_pid()"), qr/\Q$Scaleout::LogServer::password\E/, 'nor has pg_stat_activity');
my ($dump) = run_command([ 'pg_dump', '-d', $node->connstr('postgres') ]);
like($dump, qr/log_database/, 'a dump has the log database');
unlike($dump, qr/\Q$Scaleout::LogServer::password\E/, 'without the password');
unlike($system->sql("SELECT string_agg(l::text, ' ') FROM catalog.log_copy l"), qr/password/, 'the view does not show the connection string');
my $titles = join(' ', map { eval { slurp_file($_) } // '' } glob('/proc/[0-9]*/cmdline'));
unlike($titles, qr/\Q$Scaleout::LogServer::password\E/, 'no process title has it');

# ---- off again ----

$log->node->stop('fast');
my $owed = run();
$system->wait_until("SELECT count(*) = 1 FROM internal.log_copy_owed");
$system->sql('SELECT catalog.update_logdb_info(NULL, NULL)');
$system->wait_until("SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'scaleout log copy'");
run();
is($system->sql('SELECT (SELECT count(*) FROM internal.log_copy_queue) + (SELECT count(*) FROM internal.log_copy_owed)'), 0, 'off: nothing waits any more');
like($system->messages($owed), qr/will not be copied to the log database any more: postgres has switched the copy off/, 'and whoever waited says so');
is(found()->{result}, 'ok', 'which is in order');

is(join(', ', Scaleout::Symptom::missing('430_log_copy')), '', 'every result of the diagnosis that this test is to see was seen');
$system->stop;
done_testing();

sub postmaster { return (split /\n/, slurp_file($log->node->data_dir . '/postmaster.pid'))[0]; }

# The postmaster of the log server and its children.
sub all_of_log_server
{
	my $postmaster = postmaster();
	return ($postmaster, map { split ' ', slurp_file($_) } glob("/proc/$postmaster/task/*/children"));
}

# Hold the table of the log database until the session is ended.
sub hold_lock
{
	require IPC::Run;
	my ($in, $out) = ("BEGIN; LOCK TABLE scaleout_log.event_messages; SELECT 'locked';\n", '');
	$holder = IPC::Run::start([ 'psql', '-XAtq', '-d', $log->node->connstr('logs') ], '<', \$in, '>', \$out, '2>', '/dev/null');
	$system->wait_for('the lock', sub { $holder->pump_nb; $out =~ /locked/ });
	return;
}
