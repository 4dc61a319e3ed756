# catalog.explain_execution(): what lasts a moment only, or is rare with real
# workers (402_explain_execution.pl has the rest), is held fast by workers that the
# test plays: what the state is called, why, and what helps.
use strict;
use warnings;

use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;
use Scaleout::Symptom;

my $system = Scaleout::System->new('branches', settings => {
	'scaleout.probe_interval' => '200ms', 'scaleout.master_heartbeat_interval' => '300ms', 'scaleout.lease_margin' => '200ms',
	# Workers count as online for longer than this; these say a word now and then only.
	'scaleout.long_poll_interval' => '30s' });
$system->deploy('f', 'p', empty => { executables => [] },
	mail => { executables => [ { name => 'run', type => 'execute_process', executable => '/bin/true' } ] },
	secret => { parameters => [ { name => 'password', type => 'string', sensitive => JSON::PP::true } ], executables => [] });

# Wait until the row says this; returns it.
sub explains
{
	my ($id, $state, $cause, $cure, $name, $keep) = @_;
	my $row;
	my $seen = eval { $system->wait_for($name, sub {
		$keep->() if $keep;
		$row = Scaleout::Symptom::explain($system, $id);
		return $row->{state} =~ $state && $row->{cause} =~ $cause && $row->{cure} =~ $cure }) };
	ok($seen, $name) or diag(explain $row);
	return $row;
}

my $one = $system->add_fake_agent('one');
my $two = $system->add_fake_agent('two', enable => 0);
my %full = (capacity => 0, wait_ms => 0, reason => 'all its tasks are taken (MaxTaskCount = 1)');
my $waits = qr/waits for a worker/;

# ---- moments ----------------------------------------------------------------------

# The master has not looked yet.
my $master = $system->master_pid;
kill('STOP', $master);
my $id = $system->run('f', 'p', 'empty');
explains($id, qr/^is being started$/, qr/after the transaction that started it has committed/, qr/Ask again/, 'it is being started');
kill('CONT', $master);
explains($id, $waits, qr/it has not asked yet/, qr/Ask again/, 'and then it is');
$system->sql("SELECT catalog.stop_operation($id)");

# A worker that has come and has not asked, and one that tells of its spool.
my $five = $system->add_fake_agent('five');
$five->register(settings_file => '/etc/scaleout/worker.conf');
$id = $system->sql("SELECT catalog.run_package('f', 'p', 'empty', workers => ARRAY['$five->{id}']::uuid[])");
explains($id, $waits, qr/"five" asks for no task: it has not asked yet; it has 0 of 10 tasks/, qr/It has just come\. Ask again/, 'it has not asked yet', sub { $five->register });
my @words = ('12 records wait for the master, of 10 that may (ExecutionLogMaxBufferLogCount = 1)', qr/It goes on by itself when the master has taken these records; SELECT \* FROM catalog\.diagnose_scaleout\(\); says/,
	'the spool cannot be written (ExecutionLogCacheFolder)', qr/On localhost run scaleout doctor --config \/etc\/scaleout\/worker\.conf; do what the first row that has failed says/);
while (my ($reason, $cure) = splice(@words, 0, 2))
{
	$five->register(settings_file => '/etc/scaleout/worker.conf');
	explains($id, $waits, qr/"five" asks for no task: \Q$reason\E; it has 0 of 10 tasks\.$/, $cure, $reason, sub { $five->lease(capacity => 0, wait_ms => 0, reason => $reason) });
}
my $of_five = $five->take;
is($of_five->{execution_id}, $id, 'when it asks, it is given the task');
$five->report($five->items_of_run($of_five, 7));
$system->sql("SELECT catalog.remove_worker_agent('$five->{id}')");

# ---- who may take it --------------------------------------------------------------

my $held = $system->run('f', 'p', 'empty');
$one->register(max_task_count => 1);
my $task = $one->take;
is($task->{execution_id}, $held, 'one worker is full');
$id = $system->run('f', 'p', 'empty');
my $row = explains($id, $waits, qr/"one" asks for no task: all its tasks are taken \(MaxTaskCount = 1\); it has 1 of 1 tasks: executions $held \(empty\).*; "two" is disabled/,
	qr/when one of these ends; or on localhost set MaxTaskCount = 2 in worker\.conf.*Or at once: Run SELECT catalog\.enable_worker_agent/, 'all are full: who, with what; and who is disabled',
	sub { $one->lease(%full) });
my ($enable) = $row->{cure} =~ /Or at once: Run (SELECT [^;]+);/;
$system->sql($enable);
$two->take;
explains($id, qr/was given to a worker/, qr/Attempt 1 was given to worker "two" at 2.* and has not started yet/, qr/scaleout watch $id/, 'the cure helps', sub { $two->lease(%full) });

# It has asked, and then something comes.
$system->sql("SELECT catalog.stop_operation($id)");
my $given = { task => (keys %{ $two->{held} })[0], attempt => 1 };
$two->report($two->items_of_run($given, 3));
$two->drop($given);
$two->lease(wait_ms => 0);
$system->wait_until("SELECT asked_tasks = 1 FROM internal.worker_agent WHERE display_name = 'two'");
$id = $system->run('f', 'p', 'empty');
explains($id, qr/is about to be given out/, qr/Worker "two" asks for a task; 0 executions are before it in the queue/, qr/Ask again/, 'one asks, and nothing is in the way');
$system->sql("SELECT catalog.stop_operation($id)");
explains($id, qr/canceled/, qr/stopped it at 2/, qr/Run SELECT catalog\.run_package/, 'stopped while it waited');

# ---- what it needs ----------------------------------------------------------------

my $mail = $system->run('f', 'p', 'mail');
explains($mail, $waits, qr/"(?:one|two)" cannot run tasks of type execute_process/, qr/Install the same version of scaleout on localhost/, 'no worker has the task type');
my $tagged = $system->sql("SELECT catalog.run_package('f', 'p', 'empty', '{\"\$ServerOption::REQUIRED_TAGS\": \"gpu\"}')");
$system->sql("SELECT catalog.set_worker_agent_property('$two->{id}', 'Tags', 'gpu')");
$system->sql("SELECT catalog.disable_worker_agent('$two->{id}')");
$row = explains($tagged, $waits, qr/"two" is disabled; "one" lacks the tag gpu/, qr/enable_worker_agent\('\Q$two->{id}\E'\)/, 'the only worker with the tag is disabled', sub { $one->lease(%full) });
$system->sql("SELECT catalog.stop_operation($_)") for $mail, $tagged;
my $here = $system->sql("SELECT catalog.run_package('f', 'p', 'empty', runinscaleout => false)");
$one->register(machine_name => 'elsewhere');
explains($here, $waits, qr/"one" is not on the master's host, and the execution was created with runinscaleout => false/, qr/runinscaleout => true\);|enable_worker_agent/, 'only the host of the master may run it');
$system->sql("SELECT catalog.stop_operation($here)");
$one->register(machine_name => 'localhost');

# ---- named workers ------------------------------------------------------------------

my $named = $system->sql("SELECT catalog.run_package('f', 'p', 'empty', workers => ARRAY['$two->{id}']::uuid[])");
$row = explains($named, $waits, qr/No worker can take it now: "two" is disabled\.$/, qr/enable_worker_agent/, 'only the named worker counts', sub { $one->lease(%full) });
Scaleout::Symptom::apply($system, $row);
my $taken = $two->take;
is($taken->{execution_id}, $named, 'and the cure lets it have it');
$system->sql("SELECT catalog.remove_worker_agent('$two->{id}')");
$row = explains($named, qr/ended unexpectedly/, qr/worker .* was removed\. None of the workers that were added to it was registered any more/, qr/^Choose another worker, or none: SELECT \* FROM catalog\.worker_agents; lists them\. Run SELECT catalog\.run_package\('f', 'p', 'empty'\);/,
	'its worker was removed while it had it');
like($system->messages($named), qr/Attempt 1 was lost: worker .* was removed\. It is not offered again, because none of the workers that were added to it is registered any more\./, 'and says so in its messages');
my $late = $system->sql("SELECT catalog.create_execution('f', 'p', 'empty', useanyworker => false)");
my $four = $system->add_fake_agent('four');
$system->sql("SELECT catalog.add_execution_worker($late, '$four->{id}')");
$system->sql("SELECT catalog.remove_worker_agent('$four->{id}')");
$system->wait_until("SELECT count(*) = 0 FROM catalog.worker_agents WHERE workeragentid = '$four->{id}'");
ok(!eval { $system->sql("SELECT catalog.start_execution($late)"); 1 }, 'an execution is not started');
like($@, qr/none of the workers that were added to execution $late is registered any more/s,
	'when only a removed worker may take it');
my $three = $system->add_fake_agent('three');
$named = $system->sql("SELECT catalog.run_package('f', 'p', 'empty', workers => ARRAY['$three->{id}']::uuid[])");
$system->wait_until("SELECT count(*) = 1 FROM internal.ready_restricted");
$system->sql("SELECT catalog.remove_worker_agent('$three->{id}')");
$row = explains($named, qr/ended unexpectedly/, qr/Worker \S+ was removed, and no other worker may run this execution\. No worker ever had it/, qr/^Choose another worker/, 'its worker was removed while it waited');
unlike($row->{cure}, qr/fetch_task_log|out of memory|unknown/, 'there is no log to look for');

# ---- what becomes of attempts ---------------------------------------------------------

$one->report($one->items_of_run($task, 7));
$one->drop($task);
explains($held, qr/succeeded/, qr/Attempt 1 succeeded on worker "one"/, qr/Nothing/, 'success');
$id = $system->run('f', 'p', 'empty', 'retry_count => 1');
$task = $one->take;
$one->report($one->item($task, 'started', process_id => $$, machine_name => 'localhost', cpu_count => 1, time => '2026-01-31T00:00:00Z'));
explains($id, qr/^runs$/, qr/Attempt 1 runs on worker "one" since/, qr/scaleout watch $id/, 'it runs', sub { $one->lease(%full) });
$one->report($one->item($task, 'result', status => 4, outcome => 'package', error_count => 1, warning_count => 0, code => 'SO601', message => 'the table is missing', time => '2026-01-31T00:00:01Z'));
$one->drop($task);
explains($id, qr/waits for a worker|about to be given/, qr/Attempt 1 has ended \(SO601: the table is missing\)\. /, qr/./, 'it failed and waits for the retry');
$task = $one->take;
$one->report($one->items_of_run($task, 4));
$one->drop($task);
explains($id, qr/^failed$/, qr/All retries \(1\) are used up/, qr/scaleout logs $id/, 'out of retries');

$id = $system->run('f', 'p', 'empty');
$task = $one->take;
$system->sql("ALTER SYSTEM SET scaleout.long_poll_interval = '500ms'");
$system->sql('SELECT pg_reload_conf()');
explains($id, qr/was given to a worker/, qr/The worker has not been heard of since 2.*; the execution is offered again when its lease \(60\.0 s\) is over/, qr/systemctl start scaleout-worker/, 'the worker is silent');
$one->report($one->items_of_run($task, 7));
$one->drop($task);

$id = $system->run('f', 'p', 'empty', q{parameters => '{"$ServerOption::LEASE_INTERVAL_MS": 1000}'});
for my $attempt (1 .. 3)
{
	$task = $one->take;
	is($task->{attempt}, $attempt, "attempt $attempt");
	$one->{held} = {};
	$system->wait_until("SELECT state <> 2 FROM internal.task WHERE execution_id = $id");
	# What it says now comes too late.
	$one->report($one->items_of_run($task, 7)) if $attempt == 3;
}
explains($id, qr/ended unexpectedly/, qr/has not renewed its lease.*lost its worker or its runner 3 times; MAX_LOST_ATTEMPTS \(2\) is used up\. SO222: Worker "one" sent the result of attempt 3 after the attempt had ended; the result is not used\./, qr/memory ran out/, 'lost too often');
is($system->sql("SELECT outcome FROM internal.task_attempt WHERE execution_id = $id AND attempt = 3"), 4, 'the late result is not accepted');

$id = $system->run('f', 'p', 'empty');
$task = $one->take;
# It starts anew and does not know of it any more.
$one->drop($task);
$one->{instance} = Scaleout::FakeAgent::make_uuid();
is($one->register->{status}, 200, 'the worker starts anew');
my $again = $one->take;
is($again->{attempt}, 2, 'another attempt');
$one->report($one->items_of_run($task, 4));
$one->report($one->items_of_run($again, 3));
$one->drop($again);
explains($id, qr/canceled/, qr/canceled on worker "one" at 2.*, without a stop from here\. SO222: .*result of attempt 1 after/, qr/Run SELECT catalog\.run_package/, 'canceled by the worker');

# ---- what cannot be handed out ----------------------------------------------------------

my $security = $system->node->data_dir . '_scaleout';
$id = $system->sql("SELECT catalog.create_execution('f', 'p', 'secret')");
explains($id, qr/is created/, qr/not been started/, qr/start_execution\($id\)/, 'created');
$system->sql("SELECT catalog.set_execution_parameter_value($id, 30, 'password', 'secret'::text)");
rename "$security/encryption.key", "$security/encryption.key.backup" or die $!;
$system->sql("SELECT catalog.start_execution($id)");
$row = explains($id, qr/ended unexpectedly/, qr/cannot be handed to a worker: .*encryption\.key.* No worker ever had it\./, qr/^Do what the first row that has failed in SELECT \* FROM catalog\.diagnose_scaleout\(\); says\. Then run it again\. .*run_package\('f', 'p', 'secret', '\{"password": "\*\*\*"\}'\); with the values of "password"/, 'the encryption key is gone', sub { $one->lease(wait_ms => 0) });
is(Scaleout::Symptom::diagnose($system)->{'encryption key'}{result}, 'failed', 'and where it points, it is said');
$system->{value} = 'secret';
Scaleout::Symptom::apply_some_way($system, $row);
is($one->take->{execution_id}, $system->{run_instead}, 'what it says, done as it is written, lets the package run');

my ($status, undef, $error) = $system->node->psql('postgres', 'SELECT * FROM catalog.explain_execution(987654)');
like($error, qr/there is no execution 987654/, 'an execution that does not exist');

is(join(', ', Scaleout::Symptom::missing_reasons('404_explain_branches')), '', 'every reason that this test is to see was seen');
$system->stop;
done_testing();
