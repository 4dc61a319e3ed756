# Checkpoints of executions with real workers: a retry goes on from the point of
# failure on another worker, a takeover after a crash does, too, and a new
# execution.  What ran is told by a file that every task appends to.
use strict;
use warnings;

use File::Temp qw(tempdir);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::System;

my $system = Scaleout::System->new('checkpoint_workers', settings => {
		'scaleout.lease_margin' => '500ms', 'scaleout.probe_interval' => '500ms' });
my $folder = tempdir(CLEANUP => 1);

# A task that says that it ran, and then does what the shell line says.
sub task
{
	my ($name, $line, %with) = @_;
	return { name => $name, type => 'execute_process', executable => '/bin/sh', arguments => [ '-c', "echo $name >>$folder/ran; $line" ], %with };
}

sub ran { my $text = -e "$folder/ran" ? slurp_file("$folder/ran") : ''; unlink "$folder/ran"; return join(' ', split(/\n/, $text)); }
sub touch { open(my $file, '>', "$folder/$_[0]") or die $!; close $file; return; }

my %saving = (save_checkpoints => JSON::PP::true, checkpoint_usage => 'if_exists', checkpoint_file_name => 'cp');
my %flag = (fail_package_on_failure => JSON::PP::true);

$system->deploy('f', 'p',
	chain => { %saving, parameters => [ { name => 'n', type => 'int32', value => 1 } ],
		variables => [ { name => 'text', type => 'string', value => 'begin' } ],
		executables => [
			task('one', 'true', %flag),
			{ name => 'set', type => 'expression', expression => '@[User::text] = "changed"', after => 'one', %flag },
			task('two', "test -e $folder/good", after => 'set', %flag),
			{ name => 'three', type => 'execute_process', executable => '/bin/sh', arguments => [ '-c', "echo three \"\$0\" >>$folder/ran" ],
				after => 'two', expressions => { argument_string => '@[User::text]' }, %flag } ] },
	slow => { %saving, checkpoint_file_name => 'slow', executables => [
			task('one', 'true', %flag),
			task('two', "touch $folder/waiting; while ! test -e $folder/go; do sleep 0.1; done", after => 'one', %flag),
			task('three', 'true', after => 'two', %flag) ] },
	plain => { executables => [ task('one', 'true'), task('two', "test -e $folder/good", after => 'one') ] });

$system->add_agent('one', settings => { MaxTaskCount => 1 });
$system->add_agent('two', settings => { MaxTaskCount => 1 });

# ---- retry ----
my $id = $system->run('f', 'p', 'chain', 'retry_count => 1');
$system->wait_status($id, 4);
is(ran(), 'one two two', 'a retry begins at the task that failed');
is($system->sql("SELECT record_count > 0 FROM internal.checkpoint"), 't', 'the checkpoint stays');

# ---- what people see ----
is($system->sql("SELECT package_name, checkpoint_name, execution_id, status, in_use, failed_path, last_finished_path, finished_units, attempt, age < interval '1 hour' FROM catalog.checkpoints"),
	"chain|cp|$id|4|f|\\two|\\set|2|2|t", 'the view tells whose, how old, at which container');
my $created = $system->sql(q{SELECT catalog.create_execution('f', 'p', 'chain')});
like($system->sql("SELECT step, package_path, action FROM catalog.restart_plan($created)"), qr/^0\|\|restart\n1\|\\Package\|.*\n2\|\\Package\\one\|skip\n3\|\\Package\\set\|skip\n4\|\\Package\\two\|rerun\n5\|\\Package\\three\|run$/, 'the plan of a new execution');
$system->sql("SELECT catalog.set_execution_parameter_value($created, 30, 'n', 5)");
my (undef, undef, $refusal) = $system->node->psql('postgres', '\set VERBOSITY verbose' . "\nSELECT * FROM catalog.restart_plan($created)");
like($refusal, qr/SO580/, 'the plan of one with other values');
is($system->sql('SELECT count(*) FROM catalog.checkpoints'), 1, 'a plan changes nothing');

# ---- a new execution goes on ----
touch('good');
my $next = $system->run('f', 'p', 'chain');
$system->wait_status($next, 7);
is(ran(), 'two three changed', 'a new execution goes on, with the variables');
is($system->sql('SELECT count(*) FROM internal.checkpoint'), 0, 'and removes the checkpoint at its end');
is($system->sql("SELECT count(DISTINCT chain_id) FROM catalog.executions WHERE execution_id IN ($id, $next)"), 1, 'both are one chain');
$next = $system->run('f', 'p', 'chain');
$system->wait_status($next, 7);
is(ran(), 'one two three changed', 'the next one begins anew');

# ---- refused, overridden ----
unlink "$folder/good";
$id = $system->run('f', 'p', 'chain');
$system->wait_status($id, 4);
ran();
touch('good');
$next = $system->run('f', 'p', 'chain', q{parameters => '{"n": 2}'});
$system->wait_status($next, 4);
is(ran(), '', 'other values: nothing runs');
like($system->sql("SELECT string_agg(message, E'\\n') FROM catalog.event_messages WHERE operation_id = $next AND message_type = 120"), qr/other parameter values/, 'and the message says why');
is($system->sql("SELECT code FROM catalog.event_messages WHERE operation_id = $next AND message_type = 120 LIMIT 1"), 'SO580', 'with its code');
$next = $system->run('f', 'p', 'chain', q{parameters => '{"n": 2, "$ServerOption::CHECKPOINT_OVERRIDE": "continue"}'});
$system->wait_status($next, 7);
is(ran(), 'two three changed', 'continue goes on all the same');
unlink "$folder/good";
$id = $system->run('f', 'p', 'chain');
$system->wait_status($id, 4);
ran();
touch('good');
$next = $system->run('f', 'p', 'chain', q{parameters => '{"n": 2, "$ServerOption::CHECKPOINT_OVERRIDE": "discard"}'});
$system->wait_status($next, 7);
is(ran(), 'one two three changed', 'discard begins anew');

# ---- deleted ----
unlink "$folder/good";
$id = $system->run('f', 'p', 'chain');
$system->wait_status($id, 4);
ran();
my $checkpoint = $system->sql('SELECT checkpoint_id FROM catalog.checkpoints');
my $try = sub { my (undef, undef, $err) = $system->node->psql('postgres', '\set VERBOSITY verbose' . "\n$_[0]"); return $err; };
$system->sql('CREATE ROLE somebody; GRANT ssis_cluster_executor TO somebody; CREATE ROLE stranger');
like($try->("SET ROLE somebody; SELECT catalog.delete_checkpoint($checkpoint)"), qr/SO104/, 'the checkpoint of somebody else is not deleted');
like($try->("SET ROLE stranger; SELECT catalog.delete_checkpoint($checkpoint)"), qr/SO144/, 'a stranger does not see it');
is($system->sql('SET ROLE stranger; SELECT count(*) FROM catalog.checkpoints'), 0, 'nor in the view');
like($try->("SET ROLE stranger; SELECT * FROM catalog.restart_plan($id)"), qr/SO121/, 'nor its plan');
like($try->('SELECT catalog.delete_checkpoint(-1)'), qr/SO144/, 'what is not there');
$system->sql("SELECT catalog.delete_checkpoint($checkpoint)");
$system->wait_until('SELECT count(*) = 0 FROM catalog.checkpoints');
touch('good');
$next = $system->run('f', 'p', 'chain', q{parameters => '{"n": 7}'});
$system->wait_status($next, 7);
is(ran(), 'one two three changed', 'after it was deleted any execution begins anew');

# ---- two at a time ----
$id = $system->run('f', 'p', 'slow');
$system->wait_for('task two', sub { -e "$folder/waiting" });
$next = $system->run('f', 'p', 'slow');
$system->wait_status($next, 4);
like($system->sql("SELECT string_agg(message, E'\\n') FROM catalog.event_messages WHERE operation_id = $next AND message_type = 120"), qr/in use by execution $id.*DTS/s, 'a checkpoint has one owner at a time');
like($try->("SELECT catalog.delete_checkpoint((SELECT checkpoint_id FROM catalog.checkpoints WHERE in_use))"), qr/SO145/, 'and is not deleted meanwhile');
touch('go');
$system->wait_status($id, 7);
is(ran(), 'one two three', 'who is not disturbed');

# ---- takeover: the runner is killed, the agent is killed ----
for my $victim ('runner', 'agent')
{
	unlink "$folder/go", "$folder/waiting";
	# The end of a runner is reported; that of an agent shows when its lease has run out.
	$id = $system->run('f', 'p', 'slow', $victim eq 'agent' ? q{parameters => '{"$ServerOption::LEASE_INTERVAL_MS": 8000}'} : undef);
	$system->wait_for('task two', sub { -e "$folder/waiting" });
	$system->wait_until("SELECT count(*) = 1 FROM internal.checkpoint_record r JOIN internal.checkpoint c USING (checkpoint_id) WHERE c.owner_execution = $id AND r.kind = 'unit'");
	my $where = $system->sql("SELECT worker_name FROM catalog.executions WHERE execution_id = $id");
	if ($victim eq 'agent') { $system->signal_agent($where, 'KILL'); }
	else { kill('KILL', $system->sql("SELECT process_id FROM internal.operation WHERE operation_id = $id")); }
	touch('go');
	$system->wait_status($id, 7);
	is(ran(), 'one two two three', "the $victim is killed: the next attempt goes on");
	is($system->sql("SELECT attempt FROM catalog.executions WHERE execution_id = $id"), 2, 'as attempt 2');
	isnt($system->sql("SELECT worker_name FROM catalog.executions WHERE execution_id = $id"), $where, 'on the other worker') if $victim eq 'agent';
	$system->start_agent($where) if $victim eq 'agent';
}

# ---- the master is away while checkpoints flow ----
unlink "$folder/go", "$folder/waiting";
$id = $system->run('f', 'p', 'slow');
$system->wait_for('task two', sub { -e "$folder/waiting" });
$system->node->stop('fast');
touch('go');
$system->wait_for('task two to end', sub { !grep { /waiting/ } `ps ax -o args | grep '[w]hile ! test -e $folder'` });
select(undef, undef, undef, 0.5);    # time in which a barrier that does not hold would be passed
is(slurp_file("$folder/ran"), "one\ntwo\n", 'no successor starts while the completion is not recorded');
$system->node->start;
$system->wait_status($id, 7);
is(ran(), 'one two three', 'then it goes on');

# ---- without checkpoints nothing is kept ----
unlink "$folder/good";
$id = $system->run('f', 'p', 'plain', 'retry_count => 1');
$system->wait_status($id, 4);
is(ran(), 'one two one two', 'a package that saves none is repeated whole');

$system->stop;
done_testing();
