# Real work on real workers while things die, freeze and go away.
use strict;
use warnings;

use Test::More;
use Cwd qw(realpath);
use Time::HiRes qw(time);
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;

# Where a lease is to run out it is this short, in seconds, and yet long enough
# that a busy machine does not lose it by itself; everywhere else it has its 60 s.
my $lease = 8;
my $short_lease = "parameters => '{\"\$ServerOption::LEASE_INTERVAL_MS\": ${lease}000}'";
my $system = Scaleout::System->new('faults', settings => { 'scaleout.lease_margin' => '500ms', 'scaleout.probe_interval' => '1s' });
my $marks = realpath(PostgreSQL::Test::Utils::tempdir());

# The package "gated" waits until somebody writes into this pipe.
POSIX::mkfifo("$marks/gate", 0600) or die "mkfifo: $!";

sub open_gate
{
	open(my $gate, '>', "$marks/gate") or die "$marks/gate: $!";
	print $gate "go\n";
	close $gate;
	return;
}


# A package whose one task runs a shell command. A process that it starts can be recognised by its mark.
sub shell
{
	my ($command) = @_;
	return { executables => [ { name => 'work', type => 'execute_process', executable => '/bin/sh', arguments => [ '-c', $command ] } ] };
}

# Processes whose command line has the mark, as pids.
sub processes
{
	my ($mark) = @_;
	my @found;
	for my $file (glob('/proc/[0-9]*/cmdline'))
	{
		open(my $in, '<', $file) or next;
		local $/;
		my $line = <$in> // '';
		push @found, $file =~ /(\d+)/ if $line =~ /\Q$mark\E/;
	}
	return @found;
}

sub wait_gone
{
	my ($mark) = @_;
	return $system->wait_for("the end of $mark", sub { !processes($mark) });
}

# The children of a process.
sub children
{
	my ($pid) = @_;
	return map { split ' ', -r $_ ? slurp_file($_) : '' } glob("/proc/$pid/task/*/children");
}

sub attempt_of { my ($id) = @_; return $system->sql("SELECT max(attempt) FROM internal.task_attempt WHERE execution_id = $id"); }

sub outcomes { my ($id) = @_; return $system->sql("SELECT string_agg(coalesce(outcome::text, '-'), ' ' ORDER BY attempt) FROM internal.task_attempt WHERE execution_id = $id"); }

sub agent_of
{
	my ($id) = @_;
	return $system->sql("SELECT display_name FROM internal.worker_agent JOIN internal.task_attempt USING (agent_id) WHERE execution_id = $id ORDER BY attempt DESC LIMIT 1");
}

# sleep does not end before its time; the mark is its argument, which tells our processes from those of others.
sub seconds { my ($mark) = @_; return "$mark.$$"; }
sub sleeper { my ($mark) = @_; return "sleep\0" . seconds($mark) . "\0"; }
$system->deploy('f', 'p',
	empty => { executables => [] },
	long => shell('sleep ' . seconds(7771) . '; true'),
	gated => shell("read x < $marks/gate"),
	stubborn => shell('trap "" TERM INT; ' . sprintf('sleep %s & setsid sleep %s & sleep %s; sleep %s', map { seconds($_) } 7772 .. 7775)),
	daemon => shell('setsid sleep ' . seconds(7776) . ' & true'),
	loop => shell('sleep ' . seconds(7777) . '; true'));

$system->add_agent('one');

subtest 'a stop takes everything along' => sub {
	my $id = $system->run('f', 'p', 'stubborn');
	$system->wait_for('all its processes', sub { processes(sleeper(7772)) && processes(sleeper(7773)) && processes(sleeper(7774)) });
	my $from = time();
	$system->sql("SELECT catalog.stop_operation($id)");
	wait_gone(sleeper($_)) for 7772 .. 7775;
	my $took = time() - $from;
	# They get two seconds to end; the rest is the machine's.
	cmp_ok($took, '<', 30, sprintf('all of them are gone after %.1f s', $took));
	$system->wait_status($id, 3);
	pass('and the execution is canceled');
};

subtest 'what a finished execution leaves behind is killed' => sub {
	my $id = $system->run('f', 'p', 'daemon');
	$system->wait_status($id, 7);
	wait_gone(sleeper(7776));
	pass('a daemon does not outlive its execution');
};

subtest 'kill -9 of the worker: its runner dies, another one takes over' => sub {
	my $id = $system->run('f', 'p', 'long', $short_lease);
	$system->wait_for('the work', sub { processes(sleeper(7771)) });
	$system->add_agent('two');
	$system->signal_agent('one', 'KILL');
	wait_gone(sleeper(7771));
	pass('the runner and what it had started are gone');
	$system->wait_for('the takeover', sub { processes(sleeper(7771)) });
	is(attempt_of($id), 2, 'it runs again as attempt 2');
	is(agent_of($id), 'two', 'on the other worker');
	$system->sql("SELECT catalog.stop_operation($id)");
	$system->wait_status($id, 3);
	is(outcomes($id), '4 3', 'the first attempt was lost');
};

subtest 'kill -9 of the worker and a new start: known death, no waiting for the lease' => sub {
	my $id = $system->run('f', 'p', 'long');
	$system->wait_for('the work', sub { processes(sleeper(7771)) });
	is(agent_of($id), 'two', 'it runs on the only worker');
	my $from = time();
	$system->signal_agent('two', 'KILL');
	$system->start_agent('two');
	$system->wait_for('the next attempt', sub { attempt_of($id) == 2 && processes(sleeper(7771)) });
	cmp_ok(time() - $from, '<', 60, 'the same worker has it again before the lease has run out');
	$system->sql("SELECT catalog.stop_operation($id)");
	$system->wait_status($id, 3);
};

subtest 'kill -9 of a runner' => sub {
	my $id = $system->run('f', 'p', 'long');
	$system->wait_for('the work', sub { processes(sleeper(7771)) });
	my ($nursery) = children($system->{agents}{two}{pid});
	my ($runner) = children($nursery);
	kill('KILL', $runner);
	$system->wait_for('the next attempt', sub { attempt_of($id) == 2 && processes(sleeper(7771)) });
	like($system->sql("SELECT message FROM internal.task_attempt WHERE execution_id = $id AND attempt = 1"), qr/signal 9/, 'the catalog says why');
	$system->sql("SELECT catalog.stop_operation($id)");
	$system->wait_status($id, 3);
};

subtest 'kill -9 of the nursery' => sub {
	my $id = $system->run('f', 'p', 'long');
	$system->wait_for('the work', sub { processes(sleeper(7771)) });
	my ($nursery) = children($system->{agents}{two}{pid});
	my @before = processes(sleeper(7771));
	my %before = map { $_ => 1 } @before;
	kill('KILL', $nursery);
	$system->wait_for('the next attempt', sub { attempt_of($id) == 2 && grep { !$before{$_} } processes(sleeper(7771)) });
	my %now = map { $_ => 1 } processes(sleeper(7771));
	ok(!(grep { $now{$_} } @before), 'what the first attempt had started is dead');
	$system->sql("SELECT catalog.stop_operation($id)");
	$system->wait_status($id, 3);
};

subtest 'an outage of the master shorter than the lease' => sub {
	my $id = $system->run('f', 'p', 'gated');
	$system->wait_for('the work', sub { processes("$marks/gate") });
	my $epoch = $system->epoch;
	kill('TERM', $system->master_pid);
	$system->wait_listening($epoch);
	open_gate();
	$system->wait_status($id, 7);
	is(attempt_of($id), 1, 'it ends in its first attempt');
	is($system->sql("SELECT count(*) > 3 FROM internal.event_message WHERE operation_id = $id"), 't', 'and its events have come');
};

subtest 'results from the spool after a crash of the worker' => sub {
	my $id = $system->run('f', 'p', 'gated');
	$system->wait_for('the work', sub { processes("$marks/gate") });
	# Without gateway the result cannot be delivered; the worker is killed with it in the spool.
	my $gateway = $system->gateway_pid;
	my $master = $system->master_pid;
	kill('STOP', $master);
	kill('KILL', $gateway);
	# Results of earlier executions may still stand in the same file.
	my $results = sub { my $n = 0; $n += () = slurp_file($_) =~ /"type":"result"[^}]*"status":7|"status":7[^}]*"type":"result"/g foreach glob("$system->{agents}{two}{directory}/spool/*.spool"); return $n; };
	my $before = $results->();
	open_gate();
	wait_gone("$marks/gate");
	$system->wait_for('the result in the spool', sub { $results->() > $before });
	$system->signal_agent('two', 'KILL');
	kill('CONT', $master);
	my $agent = $system->{agents}{two};
	$system->start_agent('two');
	$system->wait_status($id, 7);
	is(attempt_of($id), 1, 'the result of the first attempt counts');
	like(slurp_file($agent->{log}), qr/records of an earlier run wait in the spool/, 'it came from the spool');
};

subtest 'a frozen worker' => sub {
	my $id = $system->run('f', 'p', 'long', $short_lease);
	$system->wait_for('the work', sub { processes(sleeper(7771)) });
	my @first = processes(sleeper(7771));
	$system->signal_agent('two', 'STOP');
	$system->add_agent('three');
	$system->wait_for('the takeover', sub { agent_of($id) eq 'three' && processes(sleeper(7771)) > @first });
	$system->signal_agent('two', 'CONT');
	$system->wait_for('the end of the first', sub { !grep { my $pid = $_; grep { $_ == $pid } @first } processes(sleeper(7771)) });
	pass('it kills its runner when it wakes up');
	is(agent_of($id), 'three', 'the other worker has the execution');
	$system->wait_for('the zombie to be told', sub { slurp_file($system->{agents}{two}{log}) =~ /SO451|superseded/ });
	is($system->status($id), 2, 'and nothing that it says is believed');
	$system->sql("SELECT catalog.stop_operation($id)");
	$system->wait_status($id, 3);
	is(outcomes($id), '4 3', 'the second attempt decides; the task did not go back to the silent worker');
};

subtest 'drain' => sub {
	$system->stop_agent('three');
	my $id = $system->run('f', 'p', 'gated');
	$system->wait_for('the work', sub { processes("$marks/gate") });
	$system->signal_agent('two', 'TERM');
	my $agent = $system->{agents}{two};
	$system->wait_for('the poll to be withdrawn', sub { slurp_file($agent->{log}) =~ /draining: the master sends nothing more/ });
	my $next = $system->run('f', 'p', 'empty');
	open_gate();
	$system->wait_for('its end', sub { waitpid($agent->{pid}, POSIX::WNOHANG()) == $agent->{pid} });
	is($? >> 8, 0, 'it ends with status 0');
	$agent->{pid} = 0;
	is($system->status($id), 7, 'after its task has succeeded');
	isnt($system->status($next), 7, 'and without taking another one');
	$system->start_agent('two');
	$system->wait_status($next, 7);
	pass('which runs after the next start');
};

subtest 'a second signal kills' => sub {
	my $id = $system->run('f', 'p', 'long');
	$system->wait_for('the work', sub { processes(sleeper(7771)) });
	my $agent = $system->{agents}{two};
	my $offset = -s $agent->{log};
	$system->signal_agent('two', 'TERM');
	$system->wait_for('draining', sub { substr(slurp_file($agent->{log}), $offset) =~ /draining: 1 tasks are running/ });
	$system->signal_agent('two', 'TERM');
	$system->wait_for('its end', sub { waitpid($agent->{pid}, POSIX::WNOHANG()) == $agent->{pid} });
	$agent->{pid} = 0;
	wait_gone(sleeper(7771));
	is(outcomes($id), 4, 'the attempt is reported as lost before it ends');
	$system->start_agent('two');
	$system->wait_for('the next attempt', sub { attempt_of($id) == 2 && processes(sleeper(7771)) });
	$system->sql("SELECT catalog.stop_operation($id)");
	$system->wait_status($id, 3);
};

subtest 'the lease runs out while the worker lives' => sub {
	my $id = $system->run('f', 'p', 'loop', $short_lease);
	$system->wait_for('the work', sub { processes(sleeper(7777)) });
	my @first = processes(sleeper(7777));
	# A gateway that accepts and says nothing.
	my $gateway = $system->gateway_pid;
	my $from = time();
	kill('STOP', $gateway);
	wait_gone(sleeper(7777));
	cmp_ok(time() - $from, '<', 5 * $lease, 'it kills its runner when nobody has renewed the lease');
	kill('CONT', $gateway);
	$system->wait_for('the next attempt', sub { attempt_of($id) >= 2 && processes(sleeper(7777)) });
	like($system->sql("SELECT coalesce(message, '') FROM internal.task_attempt WHERE execution_id = $id AND attempt = 1"), qr/lease/, 'the catalog says why');
	$system->sql("SELECT catalog.stop_operation($id)");
	$system->wait_status($id, 3);
};

subtest 'folders' => sub {
	my $tasks = "$system->{agents}{two}{directory}/tasks";
	my %old = map { $_ => 1 } glob("$tasks/*");
	my $id = $system->run('f', 'p', 'empty');
	$system->wait_status($id, 7);
	$id = $system->run('f', 'p', 'loop');
	$system->wait_for('the work', sub { processes(sleeper(7777)) });
	my $task = $system->sql("SELECT task_id FROM internal.task WHERE execution_id = $id");
	is(join(' ', grep { !$old{$_} } glob("$tasks/*")), "$tasks/$task", 'an empty package leaves no folder, others have one');
	ok(-d "$tasks/$task/work", 'with a work folder');
	append_to_file("$tasks/$task/work/left", 'x');
	$system->sql("SELECT catalog.stop_operation($id)");
	$system->wait_status($id, 3);
	ok(-e "$tasks/$task/work/left", 'what a task leaves there stays');
	# The next start finds it old.
	utime(1, 1, "$tasks/$task/work", "$tasks/$task");
	$system->stop_agent('two');
	$system->start_agent('two');
	$system->wait_for('the sweep', sub { !-e "$tasks/$task" });
	pass('until TaskFolderRetention is over');
};

$system->stop;
done_testing();
