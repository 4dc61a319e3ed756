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
		'scaleout.lease_interval' => '3s', 'scaleout.lease_margin' => '500ms', 'scaleout.probe_interval' => '500ms' });
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

# ---- two at a time ----
$id = $system->run('f', 'p', 'slow');
$system->wait_for('task two', sub { -e "$folder/waiting" });
$next = $system->run('f', 'p', 'slow');
$system->wait_status($next, 4);
like($system->sql("SELECT string_agg(message, E'\\n') FROM catalog.event_messages WHERE operation_id = $next AND message_type = 120"), qr/in use by execution $id.*DTS/s, 'a checkpoint has one owner at a time');
touch('go');
$system->wait_status($id, 7);
is(ran(), 'one two three', 'who is not disturbed');

# ---- takeover: the runner is killed, the agent is killed ----
for my $victim ('runner', 'agent')
{
	unlink "$folder/go", "$folder/waiting";
	$id = $system->run('f', 'p', 'slow');
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
$id = $system->run('f', 'p', 'slow', q{parameters => '{"$ServerOption::LEASE_INTERVAL_MS": 60000}'});
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
