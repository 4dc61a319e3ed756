# Processes are killed, stopped and restarted while work goes on; nothing is
# lost and nothing is accepted twice.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use lib 'test/tap/lib';
use Scaleout::System;

my $system = Scaleout::System->new('faults', settings => {
	'scaleout.lease_margin' => '500ms', 'scaleout.agent_heartbeat_interval' => '1s',
	'scaleout.probe_interval' => '1s' });
# How long a process sleeps says whose it is.
my $mark = "1234567.$$";
$system->deploy('f', 'p', empty => { executables => [] },
	nap => { executables => [ { name => 'nap', type => 'execute_process', executable => '/bin/sleep', arguments => ['0.3'] } ] },
	sleep => { executables => [ { name => 'sleep', type => 'execute_process', executable => '/bin/sleep', arguments => ['3'] } ] },
	long => { executables => [ { name => 'long', type => 'execute_process', executable => '/bin/sleep', arguments => [$mark] } ] });
$system->add_agent($_) for qw(one two);

# Start n executions in one statement; returns the first and last id.
sub start
{
	my ($n, $package) = @_;
	$package //= 'empty';
	return split /\|/, $system->sql("SELECT min(id), max(id) FROM (SELECT catalog.run_package('f', 'p', '$package') AS id FROM generate_series(1, $n)) x");
}

# Wait until some, but not all of them have ended, so that a fault comes in the middle.
sub wait_middle
{
	my ($first, $last) = @_;
	$system->wait_until("SELECT count(*) > 0 FROM internal.operation WHERE operation_id BETWEEN $first AND $last AND status = 7");
	return;
}

sub check_all
{
	my ($first, $last, $what) = @_;
	my $n = $last - $first + 1;
	$system->wait_until("SELECT count(*) = $n FROM internal.operation WHERE operation_id BETWEEN $first AND $last AND status NOT IN (2, 5, 8)");
	is($system->sql("SELECT count(*) FROM internal.operation WHERE operation_id BETWEEN $first AND $last AND status = 7"), $n, "$what: all executions succeed");
	is($system->sql("SELECT count(*) FROM (SELECT 1 FROM internal.task_attempt WHERE execution_id BETWEEN $first AND $last AND outcome = 1 GROUP BY execution_id HAVING count(*) = 1) x"),
		$n, "$what: each has one accepted result");
	is($system->sql("SELECT count(*) FROM internal.task_attempt WHERE execution_id BETWEEN $first AND $last AND outcome IS NULL"), 0, "$what: no attempt is left open");
	return;
}

subtest 'the gateway is killed' => sub {
	my ($first, $last) = start(200);
	wait_middle($first, $last);
	my ($gateway, $master) = ($system->gateway_pid, $system->master_pid);
	ok(kill('KILL', $gateway), 'the gateway is killed in the middle');
	$system->wait_for('another gateway', sub { my $pid = $system->gateway_pid; $pid && $pid != $gateway });
	check_all($first, $last, 'gateway');
	is($system->master_pid, $master, 'the master lives on');
	ok($system->wait_log(qr/scaleout gateway \(PID $gateway\) was terminated by signal 9/), 'the log says so');
	$system->wait_listening;
};

subtest 'the master is terminated' => sub {
	my $epoch = $system->epoch;
	my ($first, $last) = start(200);
	wait_middle($first, $last);
	my $master = $system->master_pid;
	is($system->sql("SELECT pg_terminate_backend($master)"), 't', 'the master is terminated in the middle');
	cmp_ok($system->wait_listening($epoch), '>', $epoch, 'another one serves in a later epoch');
	isnt($system->master_pid, $master, 'as another process');
	check_all($first, $last, 'master terminated');
};

subtest 'an agent is killed' => sub {
	my ($first, $last) = start(200);
	wait_middle($first, $last);
	$system->signal_agent('one', 'KILL');
	pass('an agent is killed in the middle');
	$system->start_agent('one');
	check_all($first, $last, 'agent');
};

subtest 'runners are killed' => sub {
	my ($first, $last) = start(200, 'nap');
	wait_middle($first, $last);
	my %killed;
	$system->wait_for('five killed runners', sub {
		foreach (split /\n/, $system->sql("SELECT execution_id || ' ' || process_id FROM internal.task_attempt WHERE execution_id BETWEEN $first AND $last AND outcome IS NULL AND process_id IS NOT NULL"))
		{
			my ($id, $pid) = split / /;
			# one runner per execution, so that max_lost_attempts is not used up
			$killed{$id} = 1 if keys(%killed) < 5 && !$killed{$id} && kill('KILL', $pid);
		}
		return keys(%killed) == 5;
	});
	check_all($first, $last, 'runners');
	# A runner that had reported its result before the signal came has lost nothing.
	my $lost = $system->sql("SELECT count(*) FROM internal.task_attempt WHERE execution_id BETWEEN $first AND $last AND outcome = 4");
	cmp_ok($lost, '>=', 1, "attempts were lost with their runners ($lost of 5)");
	cmp_ok($lost, '<=', 5, 'and no others');
};

subtest 'the master is killed' => sub {
	my $epoch = $system->epoch;
	my ($first, $last) = start(200);
	wait_middle($first, $last);
	ok(kill('KILL', $system->master_pid), 'the master is killed in the middle');
	cmp_ok($system->wait_listening($epoch), '>', $epoch, 'the server restarts and a master serves');
	ok($system->wait_log(qr/all server processes terminated; reinitializing/), 'the server has restarted');
	check_all($first, $last, 'master killed');
};

subtest 'the server is restarted while work runs' => sub {
	my $epoch = $system->epoch;
	my $id = $system->run('f', 'p', 'sleep');
	$system->wait_until("SELECT count(*) = 1 FROM internal.task_attempt WHERE execution_id = $id AND start_time IS NOT NULL");
	$system->node->restart;
	cmp_ok($system->wait_listening($epoch), '>', $epoch, 'a master serves');
	$system->wait_status($id, 7);
	is($system->sql("SELECT max(attempt) FROM internal.task_attempt WHERE execution_id = $id"), 1, 'the running execution has survived in its first attempt');
};

subtest 'an agent stops and comes back' => sub {
	# Short for the one that stops, and long enough for the other one on a busy machine.
	my $id = $system->run('f', 'p', 'sleep', q{parameters => '{"$ServerOption::LEASE_INTERVAL_MS": 8000}'});
	my $holder = $system->wait_for('the start', sub {
		$system->sql("SELECT w.display_name FROM internal.task_attempt a JOIN internal.worker_agent w USING (agent_id) WHERE a.execution_id = $id AND a.start_time IS NOT NULL") });
	$system->signal_agent($holder, 'STOP');
	$system->wait_until("SELECT count(*) = 2 FROM internal.task_attempt WHERE execution_id = $id");
	pass('the other agent takes over');
	like($system->messages($id), qr/worker "$holder" has not renewed its lease/, 'because the first one was silent');
	$system->signal_agent($holder, 'CONT');
	$system->wait_status($id, 7);
	is($system->sql("SELECT string_agg(attempt || ':' || outcome, ' ' ORDER BY attempt) FROM internal.task_attempt WHERE execution_id = $id"), '1:4 2:1', 'the result of the second attempt counts');
};

subtest 'a stopped execution' => sub {
	my $id = $system->run('f', 'p', 'long');
	my $running = sub { grep { my $line = eval { PostgreSQL::Test::Utils::slurp_file("$_/cmdline") } // ''; $line eq "/bin/sleep\000$mark\0" } glob('/proc/[0-9]*') };
	$system->wait_for('its process', $running);
	my $from = time();
	$system->sql("SELECT catalog.stop_operation($id)");
	$system->wait_for('the end of its process', sub { !$running->() });
	my $seconds = time() - $from;
	note(sprintf 'its process is gone after %.3f s', $seconds);
	cmp_ok($seconds, '<', 30, 'is gone soon');
	$system->wait_status($id, 3);
	pass('and is canceled');
};

subtest 'the launcher is terminated' => sub {
	my $master = $system->master_pid;
	my $launcher = $system->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'scaleout launcher'");
	is($system->sql("SELECT pg_terminate_backend($launcher)"), 't', 'the launcher is terminated');
	$system->wait_until("SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'scaleout launcher' AND pid <> $launcher");
	is($system->master_pid, $master, 'the master stays, and is the only one');
};

$system->stop;
done_testing();
