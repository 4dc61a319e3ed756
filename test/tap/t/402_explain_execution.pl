# catalog.explain_execution(): why an execution waits or failed, and what to do
# (docs/troubleshooting.md); and tags that an execution requires.
use strict;
use warnings;

use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;
use Scaleout::Symptom;

my $system = Scaleout::System->new('explain',
	settings => { 'scaleout.probe_interval' => '200ms', 'scaleout.master_heartbeat_interval' => '500ms',
		# Workers count as online for longer than this; these say a word now and then only.
		'scaleout.long_poll_interval' => '30s' });
$system->deploy('f', 'p', empty => { executables => [] });

# Wait until the row says this.
sub explains
{
	my ($id, $state, $cause, $cure, $name) = @_;
	my $row;
	my $seen = eval { $system->wait_for($name, sub { $row = Scaleout::Symptom::explain($system, $id); $row->{state} =~ $state && $row->{cause} =~ $cause && $row->{cure} =~ $cure }) };
	ok($seen, $name) or diag(explain $row);
	return $row;
}

my $created = $system->sql("SELECT catalog.create_execution('f', 'p', 'empty')");
explains($created, qr/is created/, qr/not been started/, qr/start_execution\($created\)/, 'created and not started');

my $id = $system->run('f', 'p', 'empty');
explains($id, qr/waits for a worker/, qr/No worker has registered/, qr/scaleout-worker init/, 'no worker has registered');

my $fake = $system->add_fake_agent('one', enable => 0);
my $row = explains($id, qr/waits for a worker/, qr/"one" is disabled/, qr/enable_worker_agent/, 'it is disabled');
Scaleout::Symptom::apply($system, $row);
explains($id, qr/waits for a worker/, qr/"one" asks for no task: it has not asked yet/, qr/./, 'it has not asked yet');

$fake->lease(capacity => 0, wait_ms => 0, reason => 'the CPU is busy (TaskRequestMaxCPU)', cpu => 93, memory_free_mb => 512);
explains($id, qr/waits for a worker/, qr/"one" asks for no task: the CPU is busy \(TaskRequestMaxCPU\)/, qr/CPU 93 %, 512 MB free/, 'over the CPU limit');
is($system->sql('SELECT why_not_more FROM catalog.worker_agents'), 'the CPU is busy (TaskRequestMaxCPU)', 'worker_agents says so too');

my $tagged = $system->sql("SELECT catalog.run_package('f', 'p', 'empty', '{\"\$ServerOption::REQUIRED_TAGS\": \"gpu\"}')");
$row = explains($tagged, qr/waits for a worker/, qr/"one" lacks the tag gpu/, qr/set_worker_agent_property/, 'a tag is lacking');

my $task = $fake->take;
is($task->{execution_id}, $id, 'without tags it is taken');
explains($id, qr/was given to a worker/, qr/Attempt 1 was given to worker "one"/, qr/scaleout watch/, 'given to a worker');
my ($tag_statement) = $row->{cure} =~ /(SELECT [^;]+);/;
$system->sql($tag_statement);
my $second = $fake->take;
is($second->{execution_id}, $tagged, 'the cure for the tag works');
$system->sql("SELECT catalog.stop_operation($tagged)");
explains($tagged, qr/is being stopped/, qr/asked to stop it; worker "one" has been told/, qr/./, 'being stopped');
$fake->report($fake->items_of_run($second, 3));
explains($tagged, qr/canceled/, qr/stopped it at/, qr/new execution/, 'canceled');

$fake->report($fake->item($task, 'event', message_type => 120, message => 'the table is missing', execution_path => '\\empty\\load', code => 'SO601', event_name => 'OnError'),
	$fake->items_of_run($task, 4));
explains($id, qr/failed/, qr/\\empty\\load \(SO601\): the table is missing\. No retry was asked for/, qr/scaleout logs $id .*CALL catalog.fetch_task_log\($id\)/, 'failed: the first error, and how to get the log');

my $waiting = $system->run('f', 'p', 'empty');
$system->sql('SELECT * FROM catalog.disable_scaleout()');
$system->wait_for('the master to leave', sub { !$system->master_pid });
$row = explains($waiting, qr/waits for the master/, qr/scaleout is disabled/, qr/enable_scaleout/, 'the master is away');
Scaleout::Symptom::apply($system, $row);
$system->wait_for('the master', sub { Scaleout::Symptom::explain($system, $waiting)->{state} !~ /master/ });
pass('and the cure brings it back');

$system->stop;
done_testing();
