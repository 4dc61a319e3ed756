# Every message arrives in the log database exactly once, whoever is killed when:
# the copying worker (and with it the catalog's server) at its three worst
# moments, its sessions, either server; also after bisected reports, for late
# events, after a dump and restore, and after a failover.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::LogServer;
use Scaleout::Symptom;
use Scaleout::System;

my $system = Scaleout::System->new('main', database => 'app', allows_streaming => 1, settings => {
	'scaleout.log_copy_timeout' => '5s', 'scaleout.probe_interval' => '500ms', 'scaleout.lease_margin' => '200ms',
	'scaleout.agent_heartbeat_interval' => '500ms' });
my $node = $system->node;
my $log = Scaleout::LogServer->new($system);
$log->set;
$system->deploy('f', 'p', empty => { executables => [] });

# What is asked of a server that may be away.
sub patiently { my ($what, $code) = @_; return $system->wait_for($what, sub { eval { $code->() } }); }
sub start { my ($n) = @_; return patiently('the start', sub { $system->sql("SELECT max(catalog.run_package('f', 'p', 'empty')) FROM generate_series(1, $n)") }); }
sub wait_ended { return patiently('the end of all executions', sub { $system->sql('SELECT count(*) FROM internal.operation WHERE operation_type = 200 AND status <> 7') == 0 }); }
sub pid_of { my ($type) = @_; return $system->sql("SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE backend_type = '$type'"); }

sub check
{
	my ($what) = @_;
	wait_ended();
	$log->wait_copied;
	is($log->differences, '', "$what: every message is there once");
	return;
}

subtest 'reports that are bisected, repeated and late' => sub {
	my $one = $system->add_fake_agent('played');
	my $two = $system->add_fake_agent('other');
	my %event = (time => '2026-01-31T00:00:00Z', message_type => 70);
	# It is to run out once, and not for the second one, which has only a few things to say.
	my $id = $system->run('f', 'p', 'empty', q{parameters => '{"$ServerOption::LEASE_INTERVAL_MS": 8000}'});
	my $task = $one->take;
	# The third cannot be stored; backslashes and tabs travel unharmed.
	my @items = ((map { $one->item($task, 'event', %event, message => "\\N\\.\t$_\r\n\\") } 1, 2), $one->item($task, 'event', %event, message_type => 'nonsense'),
		(map { $one->item($task, 'event', %event, message => "after $_") } 1, 2));
	$one->report(@items);
	$one->report(@items, $one->item($task, 'event', %event, message => 'one more'));
	is($system->sql("SELECT count(*) FROM internal.event_message WHERE operation_id = $id AND attempt = 1"), 5, 'the good ones are stored');
	$log->wait_copied;
	is($log->differences, '', 'and copied once');
	# It falls silent, another one takes over, and it reports after all.
	my $taken = $two->take;
	is($taken->{attempt}, 2, 'the execution is taken over');
	$one->report($one->item($task, 'event', %event, message => 'late'));
	$two->report($two->item($taken, 'event', %event, message => 'second'), $two->items_of_run($taken, 7));
	$_->[0]->drop($_->[1]) for [ $one, $task ], [ $two, $taken ];
	$log->wait_copied;
	is($log->differences, '', 'late events are copied once');
	is($log->sql("SELECT string_agg(attempt || ' ' || message, ', ' ORDER BY event_message_id) FROM scaleout_log.event_messages WHERE message IN ('late', 'second')"),
		'1 late, 2 second', 'with their attempts');
	$system->sql("SELECT catalog.disable_worker_agent(workeragentid) FROM catalog.worker_agents");
};

$system->add_agent('one');

chomp(my $library = `pg_config --pkglibdir`);
SKIP: {
	skip 'the library was built without FAULT_POINTS=1', 6 if slurp_file("$library/scaleout.so") !~ /SCALEOUT_FAULT_LOG/;
	my $fired_log = tempdir(CLEANUP => 1) . '/fired';
	for my $point (qw(log_copy.after_read log_copy.before_commit log_copy.after_commit))
	{
		unlink $fired_log;
		{
			local $ENV{SCALEOUT_FAULT} = "$point=kill\@2";
			local $ENV{SCALEOUT_FAULT_LOG} = $fired_log;
			$node->restart;
		}
		# One after the other, so that there are several batches.
		for (1 .. 4) { start(1); wait_ended(); }
		check($point);
		my $fired = -e $fired_log ? () = slurp_file($fired_log) =~ /\Q$point\E/g : 0;
		cmp_ok($fired, '>', 0, "$point: the copying worker and with it the server were killed $fired times");
	}
	$node->restart;
}

for my $round (1 .. 3)
{
	start(5);
	patiently('a copying worker', sub { pid_of('scaleout log copy') });
	$log->sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'logger'");
	start(5);
	patiently('the end of the worker', sub { $system->sql("SELECT pg_terminate_backend(" . pid_of('scaleout log copy') . ')') eq 't' });
	start(5);
	$log->node->stop('immediate');
	start(5);
	$log->node->start;
	start(5);
	$node->stop('immediate');
	$node->start;
	start(5);
	patiently('the end of the master', sub { $system->sql("SELECT pg_terminate_backend(" . pid_of('scaleout master') . ')') eq 't' });
	$system->sql('SELECT pg_reload_conf()');
	check("round $round of kills");
}

subtest 'a log database that hangs does not delay a shutdown' => sub {
	my ($postmaster) = split /\n/, slurp_file($log->node->data_dir . '/postmaster.pid');
	my @processes = ($postmaster, map { split ' ', slurp_file($_) } glob("/proc/$postmaster/task/*/children"));
	kill('STOP', @processes);
	start(1);
	wait_ended();
	$node->stop('fast');
	kill('CONT', @processes);
	$node->start;
	patiently('the master', sub { $system->master_pid });
	check('afterwards');
	# Nor a command that needs the database.
	kill('STOP', @processes = ($postmaster, map { split ' ', slurp_file($_) } glob("/proc/$postmaster/task/*/children")));
	start(1);
	wait_ended();
	is($node->psql('postgres', 'CREATE DATABASE app_copy TEMPLATE app'), 0, 'a copy of its database can be made meanwhile');
	kill('CONT', @processes);
	check('after that');
	$node->safe_psql('postgres', 'DROP DATABASE app_copy');
};

subtest 'the position belongs to the binding' => sub {
	my $source = $log->sql('SELECT DISTINCT catalog_id FROM scaleout_log.event_messages');
	is($source, $system->sql('SELECT source FROM internal.log_database'), 'one catalog has written');
	$log->node->stop('fast');
	my $last = start(2);
	wait_ended();
	cmp_ok($system->sql('SELECT count(*) FROM internal.log_copy_queue'), '>', 0, 'messages wait');
	my $file = "$PostgreSQL::Test::Utils::tmp_check/app.dump";
	for my $copy ('first', 'second')
	{
		command_ok([ 'pg_dump', '-Fc', '-f', $file, $node->connstr('app') ], 'the catalog is dumped') if $copy eq 'first';
		$node->safe_psql('postgres', "CREATE DATABASE $copy");
		command_ok([ 'pg_restore', '-1', '-d', $node->connstr($copy), $file ], "and restored as \"$copy\"");
	}
	$log->node->start;
	$system->sql('SELECT pg_reload_conf()');
	check('the original copies what had waited');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'scaleout log copy' AND datname <> 'app'"), 0, 'a restored catalog copies nothing by itself');

	my %before = map { $_ => 1 } split /\n/, $log->sql('SELECT operation_id FROM scaleout_log.event_messages');
	for my $copy ('first', 'second')
	{
		$system->sql('SELECT * FROM catalog.disable_scaleout()');
		$system->wait_for('the end of the worker', sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'scaleout log copy'") == 0 });
		my $old = $system->sql('SELECT source FROM internal.log_database');
		if ($copy eq 'second')
		{
			# Now the case that the first catalog never came to copy what waits in the dump.
			$log->sql("DELETE FROM scaleout_log.event_messages WHERE operation_id BETWEEN $last - 1 AND $last AND catalog_id = '$source'");
			$log->sql("UPDATE scaleout_log.copy_position SET position = (SELECT min(copy_id) - 1 FROM (VALUES (" . $node->safe_psql($copy, 'SELECT min(copy_id) FROM internal.log_copy_queue') . ")) v (copy_id)) WHERE catalog_id = '$source'");
		}
		$system->{database} = $copy;
		my $steps = $system->sql('SELECT * FROM catalog.enable_scaleout()');
		like($steps, qr/^log database\|event messages are copied to "loghost"$/m, 'who enables a restored catalog is told where its messages are copied to');
		$log->wait_copied;
		isnt($system->sql('SELECT source FROM internal.log_database'), $old, 'it is another source');
		is($log->sql("SELECT count(*), count(DISTINCT event_message_id), min(catalog_id::text) FROM scaleout_log.event_messages WHERE operation_id BETWEEN $last - 1 AND $last"), "8|8|$source",
			$copy eq 'first' ? 'what the original had copied is not copied again' : 'what the original had not copied is copied, once');
		patiently('the agent', sub { $system->sql("SELECT is_online FROM catalog.worker_agents WHERE displayname = 'one'") eq 't' });
		my $id = start(1);
		wait_ended();
		$log->wait_copied;
		is($log->sql("SELECT count(*) FROM scaleout_log.event_messages WHERE operation_id = $id AND catalog_id = '" . $system->sql('SELECT source FROM internal.log_database') . "'"), 4,
			'new messages are copied under its own name');
	}
};

subtest 'a new timeline' => sub {
	my $before = $system->sql('SELECT last_value FROM internal.log_copy_id');
	$node->stop('fast');
	append_to_file($node->data_dir . '/standby.signal', '');
	$node->start;
	$node->promote;
	patiently('the master', sub { $system->master_pid && $system->sql('SELECT last_value FROM internal.log_copy_id') >= $before + 1000000000 });
	my $id = start(1);
	wait_ended();
	$log->wait_copied;
	is($log->sql("SELECT count(*) FROM scaleout_log.event_messages WHERE operation_id = $id AND catalog_id = '" . $system->sql('SELECT source FROM internal.log_database') . "'"), 4,
		'the numbers have a gap, and the copy goes on');
};

subtest 'what retention removes before it was copied' => sub {
	$log->node->stop('fast');
	my $old = start(2);
	wait_ended();
	$system->wait_until("SELECT state = 'failing' AND waiting_messages = 8 FROM catalog.log_copy");
	$system->sql("UPDATE internal.operation SET created_time = now() - interval '400 days'");
	$system->sql("SELECT setval(pg_get_serial_sequence('internal.operation', 'operation_id'), 40000)");
	my $new = start(1);
	wait_ended();
	my $said = '';
	patiently('the end of maintenance', sub {
		my ($more, $message) = split /\|/, $system->sql('SELECT more, message FROM internal.master_maintain()'), 2;
		$said .= "$message\n" if $message;
		return $more eq 'f';
	});
	like($said, qr/8 messages in it had not been copied to the log database \(SO259\)/, 'maintenance says so');
	$log->node->start;
	$system->sql('SELECT pg_reload_conf()');
	$log->wait_copied;
	is($log->sql("SELECT string_agg(DISTINCT operation_id::text, ' ') FROM scaleout_log.event_messages WHERE operation_id IN ($old, $new) AND catalog_id = '" . $system->sql('SELECT source FROM internal.log_database') . "'"),
		$new, 'the others are copied');
	my $row = Scaleout::Symptom::diagnose($system)->{'log copy complete'};
	like($row->{cause}, qr/SO259: 8 messages were removed by retention before they were copied/, 'and so does the diagnosis');
};

# As a superuser one may let the server's own account log in, here into the catalog's own database.
subtest 'the log database is the catalog\'s own' => sub {
	$system->sql($system->sql('SELECT catalog.log_database_script()'));
	$system->sql("SELECT catalog.update_logdb_info('here', '" . $node->connstr($system->{database}) =~ s/'/''/gr . "')");
	$system->wait_until(q{SELECT server_name = 'here' FROM catalog.log_copy});
	my $id = start(1);
	wait_ended();
	$log->wait_copied;
	is($system->sql("SELECT count(*) FROM scaleout_log.event_messages l JOIN catalog.event_messages m USING (operation_id, attempt, sequence, message) WHERE operation_id = $id"), 4,
		'messages are copied there');
	is($system->sql('SELECT catalog.update_logdb_info(NULL, NULL)'), '', 'it is switched off');
	$system->wait_until(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'scaleout log copy' OR backend_type = 'scaleout log copy'});
};

$system->stop;
done_testing();
