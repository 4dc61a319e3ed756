# Leases, fencing and reports, with agents that the test plays.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use lib 'test/tap/lib';
use Scaleout::System;

my $system = Scaleout::System->new('leases',
	settings => { 'scaleout.lease_margin' => '200ms', 'scaleout.probe_interval' => '1s' });
# Where a lease is to run out it is this short, in seconds; everywhere else it is as long as
# it comes, for these agents renew it by what they send only.
my $short = 6;
my $short_lease = "parameters => '{\"\$ServerOption::LEASE_INTERVAL_MS\": ${short}000}'";
$system->deploy('f', 'p', empty => { executables => [] });
my $one = $system->add_fake_agent('one');
my $two = $system->add_fake_agent('two');

sub attempts { my ($id) = @_; return $system->sql("SELECT string_agg(attempt || ':' || coalesce(outcome::text, '-'), ' ' ORDER BY attempt) FROM internal.task_attempt WHERE execution_id = $id"); }

subtest 'one execution' => sub {
	my $poll = $one->send('lease', $one->poll_body(wait_ms => 25000));
	my $id = $system->run('f', 'p', 'empty');
	my $answer = $one->answer($poll);
	my $task = $answer->{json}{tasks}[0];
	is($task->{execution_id}, $id, 'a parked poll is answered with the task');
	is($task->{attempt}, 1, 'it is attempt 1');
	is_deeply([ keys %{ $answer->{json}{projects} } ], [ $task->{project} ], 'its project comes with it');
	$one->hold($task);
	is($system->status($id), 2, 'the execution is running');
	my @items = ($one->item($task, 'event', time => '2026-01-31T00:00:00Z', message_type => 70, message => 'hello'), $one->items_of_run($task, 7));
	my $report = $one->report(@items);
	is_deeply($report->{json}{acknowledged}, [ { task => $task->{task}, attempt => 1, sequence => 3 } ], 'the report is acknowledged');
	is($system->status($id), 7, 'and the execution has succeeded');
	is_deeply($one->report(@items)->{json}{acknowledged}, [ { task => $task->{task}, attempt => 1, sequence => 3 } ], 'a repeated report is acknowledged');
	is($system->sql("SELECT count(*) FROM internal.event_message WHERE operation_id = $id"), 1, 'and stored once');
	$one->drop($task);
};

subtest 'a lost answer is sent again' => sub {
	my $id = $system->run('f', 'p', 'empty');
	my $task = $one->take;
	$one->drop($task);    # as if the answer had never arrived
	my $again = $one->take;
	is("$again->{task} $again->{attempt}", "$task->{task} $task->{attempt}", 'the same attempt comes with the next poll');
	is($one->report($one->items_of_run($again, 7))->{status}, 200, 'and can be finished');
	$one->drop($again);
	is($system->status($id), 7, 'the execution has succeeded');
};

subtest 'takeover and fencing' => sub {
	my $id = $system->run('f', 'p', 'empty', $short_lease);
	my $from = time();
	my $task = $one->take;
	# One falls silent; two waits.
	my $taken = $two->take;
	my $waited = time() - $from;
	is($taken->{execution_id}, $id, 'another agent gets the execution');
	is($taken->{attempt}, 2, 'as attempt 2');
	cmp_ok($waited, '>=', $short, 'not before the lease interval is over');
	my $late = $one->report($one->item($task, 'event', time => '2026-01-31T00:00:00Z', message_type => 70, message => 'late'), $one->items_of_run($task, 4));
	ok(Scaleout::FakeAgent::commanded($late, 'superseded', $task), 'the result of the zombie is refused');
	$two->lease(capacity => 0, wait_ms => 0);
	is($system->status($id), 2, 'and changes nothing');
	$one->drop($task);
	is($two->report($two->items_of_run($taken, 7))->{status}, 200, 'the second attempt reports');
	$two->drop($taken);
	is($system->status($id), 7, 'and is accepted');
	is($system->sql("SELECT count(*) FROM internal.event_message WHERE operation_id = $id AND attempt = 1"), 1, 'the late events are kept');
	is(attempts($id), '1:4 2:1', 'attempt 1 is lost, attempt 2 succeeded');
	like($system->messages($id), qr/has not renewed its lease for $short.0 s.*offered to workers again/, 'the messages say what happened and why');
	like($system->messages($id), qr/after the attempt had ended; the result is not used/, 'also about the late result');
};

subtest 'lost attempts run out' => sub {
	my $id = $system->run('f', 'p', 'empty');
	for my $attempt (1 .. 3)
	{
		my $task = $one->take;
		is($task->{attempt}, $attempt, "attempt $attempt");
		$one->report($one->item($task, 'result', status => 4, outcome => 'lost', message => 'the runner was killed by signal 9'));
		$one->drop($task);
	}
	is($system->status($id), 6, 'the execution has ended unexpectedly');
	like($system->messages($id), qr/killed by signal 9.*max_lost_attempts \(2\) is used up/s, 'the message says why');
};

subtest 'retries' => sub {
	my $id = $system->run('f', 'p', 'empty', 'retry_count => 1');
	for my $retry (0, 1)
	{
		my $task = $one->take;
		is($task->{retry}, $retry, "retry $retry");
		$one->report($one->item($task, 'result', status => 4, outcome => 'package', message => 'no such table', code => 'SO601'));
		$one->drop($task);
	}
	is($system->status($id), 4, 'the execution has failed');
	is(attempts($id), '1:2 2:2', 'after two failed attempts');
	like($system->messages($id), qr/no such table. The package is run again: retry 1 of 1.*All retries \(1\) are used up/s, 'the messages say so');
};

subtest 'an agent that starts anew' => sub {
	my $id = $system->run('f', 'p', 'empty');
	my $task = $one->take;
	my $from = time();
	$one->drop($task);
	$one->{instance} = Scaleout::FakeAgent::make_uuid();
	is($one->lease->{code}, 'SO211', 'a new instance must register first');
	is($one->register->{status}, 200, 'it registers');
	my $again = $one->take;
	is($again->{attempt}, 2, 'and what it held before is offered again');
	cmp_ok(time() - $from, '<', 60, 'at once, long before its lease has run out');
	$one->report($one->items_of_run($again, 7));
	$one->drop($again);
	is($system->status($id), 7, 'the execution has succeeded');
};

subtest 'stop' => sub {
	my $id = $system->run('f', 'p', 'empty');
	my $task = $one->take;
	my $poll = $one->send('lease', $one->poll_body(wait_ms => 25000, capacity => 0));
	$system->sql("SELECT catalog.stop_operation($id)");
	my $answer = $one->answer($poll);
	ok(Scaleout::FakeAgent::commanded($answer, 'stop', $task), 'the parked poll brings the stop');
	is($system->status($id), 8, 'the execution is stopping');
	$one->hold($task, 'stopping');
	$one->report($one->items_of_run($task, 3));
	$one->drop($task);
	is($system->status($id), 3, 'and canceled at the end');

	$two->register;
	my $waiting = $system->sql("SELECT catalog.create_execution('f', 'p', 'empty', useanyworker => false)");
	$system->sql("SELECT catalog.add_execution_worker($waiting, '$two->{id}')");
	$system->sql("SELECT catalog.start_execution($waiting)");
	is(scalar @{ $one->lease(wait_ms => 300)->{json}{tasks} }, 0, 'an agent that was not named gets nothing');
	$system->sql("SELECT catalog.stop_operation($waiting)");
	$system->wait_status($waiting, 3);
	is(scalar @{ $two->lease(wait_ms => 300)->{json}{tasks} }, 0, 'a stopped execution is not handed out');
};

subtest 'named workers and server mode' => sub {
	my $id = $system->sql("SELECT catalog.create_execution('f', 'p', 'empty', useanyworker => false)");
	$system->sql("SELECT catalog.add_execution_worker($id, '$two->{id}')");
	$system->sql("SELECT catalog.start_execution($id)");
	is(scalar @{ $one->lease(wait_ms => 300)->{json}{tasks} }, 0, 'nothing for another agent');
	my $task = $two->take;
	is($task->{execution_id}, $id, 'the named worker gets it');
	$two->report($two->items_of_run($task, 7));
	$two->drop($task);

	$one->register(machine_name => 'elsewhere.example');
	my $local = $system->run('f', 'p', 'empty', 'runinscaleout => false');
	is(scalar @{ $one->lease(wait_ms => 300)->{json}{tasks} }, 0, 'server mode: nothing for an agent on another host');
	$task = $two->take;
	is($task->{execution_id}, $local, 'but for one on the host of the master');
	$two->report($two->items_of_run($task, 7));
	$two->drop($task);
	$one->register;
};

subtest 'capabilities' => sub {
	$system->deploy('f', 'q', sql => { executables => [ { name => 'x', type => 'execute_process', executable => '/bin/true' } ] });
	my $id = $system->run('f', 'q', 'sql');
	is(scalar @{ $one->lease(wait_ms => 300)->{json}{tasks} }, 0, 'an agent without the task type gets nothing');
	my $later = $system->run('f', 'p', 'empty');
	my $task = $one->take;
	is($task->{execution_id}, $later, 'but what is behind it in the queue');
	$one->report($one->items_of_run($task, 7));
	$one->drop($task);
	$two->{task_types} = ['execute_process'];
	$two->register;
	$task = $two->take;
	is($task->{execution_id}, $id, 'an agent that can run it gets it');
	$two->report($two->items_of_run($task, 7));
	$two->drop($task);
};

subtest 'workers are disabled and removed' => sub {
	$system->sql("SELECT catalog.disable_worker_agent('$one->{id}')");
	$system->wait_until("SELECT NOT is_enabled FROM internal.worker_agent WHERE agent_id = '$one->{id}'");
	my $id = $system->run('f', 'p', 'empty');
	my $answer = $one->lease(wait_ms => 300);
	ok(!$answer->{json}{enabled} && !@{ $answer->{json}{tasks} }, 'a disabled worker is told so and gets nothing');
	$system->sql("SELECT catalog.enable_worker_agent('$one->{id}')");
	my $task = $one->take;
	is($task->{execution_id}, $id, 'an enabled one gets it');
	$system->sql("SELECT catalog.remove_worker_agent('$one->{id}')");
	my $taken = $two->take;
	is("$taken->{execution_id} $taken->{attempt}", "$id 2", 'what a removed worker had is offered at once');
	$two->report($two->items_of_run($taken, 7));
	$two->drop($taken);
	is($one->lease(wait_ms => 100)->{code}, 'SO302', 'the removed worker is let in no more');
};

subtest 'a certificate belongs to one agent' => sub {
	my $three = $system->add_fake_agent('three');
	local $three->{id} = Scaleout::FakeAgent::make_uuid();
	is($three->register->{code}, 'SO303', 'another id with the same certificate is refused');
};

subtest 'one bad item stops nobody' => sub {
	my @ids = map { $system->run('f', 'p', 'empty') } 1, 2;
	my $four = $system->add_fake_agent('four');
	my $first = $two->take;
	my $second = $four->take;
	my @bad = ($two->item($first, 'event', time => '2026-01-31T00:00:00Z', message_type => 70, message => 'good'),
		$two->item($first, 'event', time => 'no time at all', message_type => 70, message => 'bad'),
		$two->item($first, 'event', time => '2026-01-31T00:00:00Z', message_type => 70, message => 'good again'));
	# Both requests wait when the master looks: stop it while they arrive.
	my $master = $system->master_pid;
	kill('STOP', $master);
	my @waiting = ($two->send('report', { epoch => $two->{epoch}, held => $two->held, items => [ @bad, $two->items_of_run($first, 7) ] }),
		$four->send('report', { epoch => $four->{epoch}, held => $four->held, items => [ $four->items_of_run($second, 7) ] }));
	kill('CONT', $master);
	my ($spoilt, $clean) = ($two->answer($waiting[0]), $four->answer($waiting[1]));
	is_deeply([ map { "$_->{sequence} $_->{code}" } @{ $spoilt->{json}{rejected} } ], ['2 SO220'], 'the bad item is rejected with a code');
	is_deeply([ map { $_->{sequence} } @{ $spoilt->{json}{acknowledged} } ], [5], 'the items around it are acknowledged');
	is(scalar @{ $clean->{json}{acknowledged} }, 1, 'the other agent notices nothing');
	is(join(' ', map { $system->status($_) } @ids), '7 7', 'both executions have succeeded');
	is($system->sql("SELECT count(*) FROM internal.event_message WHERE operation_id = ANY ('{$ids[0],$ids[1]}')"), 2, 'the good events are there');
	like($system->sql("SELECT message FROM internal.rejected_message WHERE operation_id = ANY ('{$ids[0],$ids[1]}')"), qr/no time at all/, 'the bad one is kept with its reason');

	my $id = $system->run('f', 'p', 'empty');
	$two->{held} = {};
	my $task = $two->take;
	my $answer = $two->report($two->item($task, 'nonsense'), $two->items_of_run($task, 7));
	is_deeply([ map { "$_->{sequence} $_->{code}" } @{ $answer->{json}{rejected} } ], ['1 SO220'], 'an item of an unknown type is rejected');
	is($system->status($id), 7, 'and the result behind it is accepted');
	$two->drop($task);
	my $foreign = { task => Scaleout::FakeAgent::make_uuid(), attempt => 1 };
	is_deeply([ map { $_->{code} } @{ $two->report($two->items_of_run($foreign, 7))->{json}{rejected} } ], [ 'SO221', 'SO221' ], 'items of an attempt that nobody leased are rejected');
};

subtest 'an execution that cannot be handed out' => sub {
	my $bad = $system->sql("SELECT catalog.create_execution('f', 'p', 'empty')");
	# A secret that no key can open.
	$system->sql("INSERT INTO internal.execution_parameter_value (execution_id, object_type, parameter_name, parameter_data_type, parameter_secret, sensitive, value_set)"
		. " VALUES ($bad, 30, 'password', 'string', '\\x00112233', true, true)");
	$system->sql("SELECT catalog.start_execution($bad); SELECT catalog.run_package('f', 'p', 'empty')");
	my $good = $system->sql('SELECT max(operation_id) FROM internal.operation');
	my $task = $two->take;
	is($task->{execution_id}, $good, 'the next one is handed out');
	$two->report($two->items_of_run($task, 7));
	$two->drop($task);
	is($system->status($bad), 6, 'the bad one has ended unexpectedly');
	like($system->messages($bad), qr/cannot be handed to a worker: an encrypted value cannot be decrypted/, 'and says why');
};

subtest 'a request that cannot be applied' => sub {
	my $offset = $system->log_size;
	$system->sql("INSERT INTO internal.request (kind, payload, requested_by) VALUES ('trust', '{\"enable\": \"perhaps\"}', 'joe');"
		. " INSERT INTO internal.request (kind, requested_by) VALUES ('sing', 'joe'); SELECT catalog.run_package('f', 'p', 'empty')");
	my $task = $two->take;
	$two->report($two->items_of_run($task, 7));
	$two->drop($task);
	is($system->status($task->{execution_id}), 7, 'the request behind it is applied');
	ok($system->wait_log(qr/could not apply a request: request \d+ \(trust\) of joe.*invalid input syntax for type boolean/, $offset), 'the log names the bad one');
	ok($system->wait_log(qr/is of an unknown kind "sing"/, $offset), 'and the one of an unknown kind');
	is($system->sql('SELECT count(*) FROM internal.request'), 0, 'none is left');
};

subtest 'a master that was stopped for a while' => sub {
	# Three of these intervals are shorter than the stop.
	$system->sql($_) for "ALTER SYSTEM SET scaleout.agent_heartbeat_interval = '2s'", 'SELECT pg_reload_conf()';
	$system->wait_for('the new interval', sub { ($two->register->{json}{heartbeat_interval_ms} // 0) == 2000 });
	my $id = $system->run('f', 'p', 'empty', $short_lease);
	my $task = $two->take;
	my $master = $system->master_pid;
	my $from = time();
	kill('STOP', $master);
	my $copy = bless { %$two, instance => Scaleout::FakeAgent::make_uuid() }, ref $two;
	my $poll = $copy->send('lease', $copy->poll_body);
	$system->wait_for('longer than the lease', sub { time() - $from > $short + 2 });
	kill('CONT', $master);
	is($copy->answer($poll)->{code}, 'SO211', 'nor lets a copy of the worker take its place');
	$system->sql($_) for 'ALTER SYSTEM RESET scaleout.agent_heartbeat_interval', 'SELECT pg_reload_conf()';
	my $answer = $two->lease(wait_ms => 500, capacity => 0);
	ok(!@{ $answer->{json}{commands} }, 'does not take the task away: nobody could renew meanwhile');
	$two->report($two->items_of_run($task, 7));
	$two->drop($task);
	is($system->status($id), 7, 'the result is accepted');
	is(attempts($id), '1:1', 'of the first attempt');
};

subtest 'open transactions delay nobody' => sub {
	my $id = $system->run('f', 'p', 'empty');
	my $two_tasks = $two->take;
	my ($in, $out, $err) = ("BEGIN; SELECT catalog.stop_operation($id); SELECT 'open';\n", '', '');
	my $timer = IPC::Run::timeout($Scaleout::System::timeout);
	my $psql = IPC::Run::start([ 'psql', '-XAtq', '-d', $system->node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$err, $timer);
	$psql->pump until $out =~ /open/;
	my $other = $system->run('f', 'p', 'empty');
	$two->report($two->items_of_run($two_tasks, 7));
	$two->drop($two_tasks);
	is($system->status($id), 7, 'the execution that somebody is about to stop ends');
	my $task = $two->take;
	is($task->{execution_id}, $other, 'new work goes on');
	$two->report($two->items_of_run($task, 7));
	$two->drop($task);
	is($system->status($other), 7, 'to its end');
	$in .= "COMMIT;\n\\q\n";
	$psql->finish;
	is($system->status($id), 7, 'the stop that came too late changes nothing');
};

subtest 'retention' => sub {
	my $highest = $system->sql('SELECT max(operation_id) FROM internal.operation');
	$system->sql("UPDATE internal.operation SET created_time = now() - interval '400 days'");
	is($system->sql('SELECT more FROM internal.master_maintain()'), 'f', 'the newest range stays, however old');
	# The next range: its partitions are made before anything is leased.
	$system->sql("SELECT setval(pg_get_serial_sequence('internal.operation', 'operation_id'), 40000)");
	my $id = $system->run('f', 'p', 'empty');
	my $task = $two->take;
	$two->report($two->item($task, 'event', time => '2026-01-31T00:00:00Z', message_type => 70, message => 'new'), $two->items_of_run($task, 7));
	$two->drop($task);
	is($system->status($id), 7, 'an execution far ahead runs');
	$system->wait_for('the end of maintenance', sub { $system->sql('SELECT more FROM internal.master_maintain()') eq 'f' });
	is($system->sql("SELECT count(*) FROM internal.operation WHERE operation_id <= $highest"), 0, 'old operations are gone');
	is($system->sql("SELECT to_regclass('internal.event_message_p0') IS NULL"), 't', 'and the partition of their messages');
	is($system->sql("SELECT message FROM internal.event_message"), 'new', 'new ones stay');
};

$system->stop;
done_testing();
