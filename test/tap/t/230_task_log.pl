# The log of an attempt (docs/logs.md): what it holds, its levels and switches
# while a task runs, segments, its limit, retries, and what happens to it when the
# folder goes away or the runner is killed.
use strict;
use warnings;

use Cwd qw(realpath);
use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;
use Scaleout::Symptom;

my $system = Scaleout::System->new('task_log', settings => { 'scaleout.probe_interval' => '200ms', 'scaleout.long_poll_interval' => '500ms' });
my $folder = realpath($system->{folder});
my $agent = $system->add_agent('one');
my $tasks = realpath($agent->{directory}) . '/tasks';

# A shell command, as a package of one task that waits for $folder/$name.go when
# its script says so.
sub shell
{
	my ($script) = @_;
	return { name => 'sh', type => 'execute_process', executable => '/bin/sh', arguments => [ '-c', $script ] };
}
my $wait = 'while [ ! -e ' . $folder . '/%s.go ]; do sleep 0.05; done';
sub wait_for_go { my ($name) = @_; return sprintf($wait, $name); }
sub go { my ($name) = @_; append_to_file("$folder/$name.go", ''); return; }

$system->deploy('f', 'p',
	talk => { parameters => [ { name => 'since', type => 'string', value => 'monday' }, { name => 'password', type => 'string', value => 'x', sensitive => JSON::PP::true } ],
		executables => [ shell('echo from stdout; echo from stderr >&2; printf "no newline"; printf "\noom %s" $(cat /proc/self/oom_score_adj)'), ] },
	fail => { executables => [ shell('echo before the end >&2; exit 3') ] },
	slow => { executables => [ shell("touch $folder/slow.on; " . wait_for_go('slow')) ] },
	switch => { executables => [ shell("touch $folder/switch.on; " . wait_for_go('switch')), { name => 'after', type => 'expression', expression => '1 + 1', after => 'sh' } ] },
	loud => { executables => [ { name => 'loop', type => 'for_loop', init_expression => '@[User::i] = 0', eval_expression => '@[User::i] < 40', assign_expression => '@[User::i] = @[User::i] + 1',
				executables => [ shell('head -c 700000 /dev/zero | tr "\000" "z" | fold -w 1000') ] } ], variables => [ { name => 'i', type => 'int32', value => 0 } ] });

sub task_of { my ($id) = @_; return $system->sql("SELECT task_id FROM internal.task_attempt WHERE execution_id = $id LIMIT 1"); }
sub log_of { my ($id, $name) = @_; my $file = "$tasks/" . task_of($id) . "/$name"; return -e $file ? slurp_file($file) : ''; }
# The log is complete when the runner is buried, a moment after the result.
sub whole_log
{
	my ($id, $name) = @_;
	my $text;
	$system->wait_for("the end of $name", sub { $text = log_of($id, $name); $text =~ /\] (?:ended: |SO45[01]: )/ });
	return $text;
}
my $stamp = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/;

# What a person needs to understand the attempt.
my $id = $system->sql(q{SELECT catalog.run_package('f', 'p', 'talk', '{"since": "friday", "password": "secret-4711"}')});
$system->wait_status($id, 7);
my $log = whole_log($id, 'attempt-1.log');
like($log, qr/^$stamp AUDIT scaleout-runner\[\d+\] execution $id, attempt 1: package talk of project p in folder f, for \w+; worker one $agent->{id} on \S+, scaleout-runner \S+\n/,
	'the first line: execution, attempt, package, caller, worker, version');
like($log, qr/AUDIT scaleout-runner\[\d+\] parameter \S*since = friday\n/, 'parameters');
like($log, qr/parameter \S*password is sensitive and not shown\n/, 'but no sensitive ones');
unlike($log, qr/secret-4711/, 'their value is nowhere');
like($log, qr/PROGRESS scaleout-runner\[\d+\] \\sh OnPreExecute/, 'what starts');
like($log, qr/INFORMATION scaleout-runner\[\d+\] \\sh OnInformation: from stdout\n/, 'standard output, by its executable');
like($log, qr/INFORMATION scaleout-runner\[\d+\] \\sh OnInformation \(stderr\): from stderr\n/, 'standard error, which is marked');
like($log, qr/INFORMATION scaleout-runner\[\d+\] \\sh OnInformation: no newline\n/, 'and what has no newline');
like($log, qr/OnInformation: oom 500\n/, 'when memory runs out, the kernel ends a task and not the agent');
cmp_ok(slurp_file("/proc/$agent->{pid}/oom_score_adj"), '<', 500, 'which it likes better');
like($log, qr/$stamp AUDIT scaleout-runner\[\d+\] ended: success after \d+\.\d{3} s, 0 errors, 0 warnings\n\z/, 'the last line: result and duration');
is((grep { !/^(?:$stamp (?:VERBOSE|INFORMATION|WARNING|ERROR|PROGRESS|CRITICAL|AUDIT) scaleout-(?:runner|worker)\[\d+\] |\t)/ } split /\n/, $log), 0, 'every line is in the one format');
is((stat("$tasks/" . task_of($id) . '/attempt-1.log'))[2] & 07777, 0600, 'nobody else may read it');

# The catalog tells the streams apart, too, and so do the commands of the client.
is($system->sql("SELECT string_agg(subcomponent_name || '=' || message, ',' ORDER BY subcomponent_name, event_message_id) FROM catalog.event_messages WHERE operation_id = $id AND message LIKE 'from std%'"),
	'stderr=from stderr,stdout=from stdout', 'catalog.event_messages names the stream');
{
	local ($ENV{PGHOST}, $ENV{PGPORT}) = ($system->node->host, $system->node->port);
	my ($out) = run_command([ Scaleout::System::program('scaleout'), 'logs', '--messages', '-d', 'postgres', $id ]);
	like($out, qr/OnInformation \(stderr\) \\sh  from stderr$/m, 'scaleout logs marks it');
	like($out, qr/OnInformation +\\sh  from stdout$/m, 'and only it');
	($out) = run_command([ Scaleout::System::program('scaleout'), 'watch', '--verbose', '-d', 'postgres', $id ]);
	like($out, qr/\\sh \(stderr\)  from stderr$/m, 'so does scaleout watch --verbose');
}

# Retries on the same worker: a log each.
$id = $system->sql(q{SELECT catalog.create_execution('f', 'p', 'fail')});
$system->sql("SELECT catalog.start_execution($id, retry_count => 1)");
$system->wait_status($id, 4);
for my $attempt (1, 2)
{
	$log = whole_log($id, "attempt-$attempt.log");
	like($log, qr/execution $id, attempt $attempt: /, "attempt $attempt has a log of its own");
	like($log, qr/ERROR scaleout-runner\[\d+\] SO\d{3}: \\sh OnError: .*3/, 'with the error and its code');
	is(() = $log =~ /AUDIT \S+ ended: failure/g, 1, 'and one end');
}

# Levels and the switch, changed by SIGHUP while a task runs.
sub set { my ($name, $value) = @_; Scaleout::Symptom::set_worker($agent->{directory}, $name, $value); return; }
sub reload
{
	my $before = () = slurp_file($agent->{log}) =~ /settings read again/g;
	$system->signal_agent('one', 'HUP');
	$system->wait_for('the reload', sub { (() = slurp_file($agent->{log}) =~ /settings read again/g) > $before });
	return;
}
set('TaskLogLevel', 8);
reload();
$id = $system->run('f', 'p', 'switch');
$system->wait_for('the task', sub { -e "$folder/switch.on" });
is(log_of($id, 'attempt-1.log'), '', 'level 8: nothing went wrong, nothing is written');
set('TaskLogLevel', 127);
reload();
go('switch');
$system->wait_status($id, 7);
$log = whole_log($id, 'attempt-1.log');
unlike($log, qr/\\sh OnPreExecute/, 'what came before the change is not there');
like($log, qr/PROGRESS \S+ \\after OnPreExecute/, 'what came after it is');
like($log, qr/ VERBOSE /, 'at every level');

set('TaskLogEnabled', 'false');
reload();
$id = $system->run('f', 'p', 'talk');
$system->wait_status($id, 7);
is(log_of($id, 'attempt-1.log'), '', 'TaskLogEnabled = false: no log');
set('TaskLogEnabled', 'true');
set('TaskLogLevel', 126);

# Segments.
set('TaskLogSegment', '100ms');
reload();
$id = $system->run('f', 'p', 'slow');
$system->wait_for('the task', sub { -e "$folder/slow.on" });
$system->wait_for('the span to pass', sub { -M "$folder/slow.on" && (time() - (stat("$folder/slow.on"))[9]) >= 2 });
go('slow');
$system->wait_status($id, 7);
$system->wait_for('the second file', sub { log_of($id, 'attempt-1.2.log') =~ /\] ended: success/ });
like(log_of($id, 'attempt-1.log'), qr/\\sh OnPreExecute/, 'TaskLogSegment: the first file has the beginning');
unlike(log_of($id, 'attempt-1.log'), qr/ended:/, 'and not the end');
set('TaskLogSegment', '00:00:00');

# A package that talks without end: the log is bounded and says so.
set('TaskLogMaxSize', 1);
reload();
$id = $system->run('f', 'p', 'loud');
$system->wait_status($id, 7);
$system->wait_for('the end', sub { $log = log_of($id, 'attempt-1.log'); $log =~ /the attempt has ended; \d+ lines were not written\n\z/ });
cmp_ok(length($log), '<', 1100000, 'TaskLogMaxSize bounds the log');
like($log, qr/WARNING scaleout-worker\[\d+\] SO458: the log of this attempt has reached TaskLogMaxSize \(1 MB\)/, 'and it says so');
set('TaskLogMaxSize', 100);
reload();

# The folder is removed under way; the runner is killed.
unlink glob("$folder/slow.*");
$id = $system->run('f', 'p', 'slow');
$system->wait_for('the task', sub { -e "$folder/slow.on" });
my $task = task_of($id);
my $runner;
$system->wait_for('its log', sub { ($runner) = log_of($id, 'attempt-1.log') =~ /scaleout-runner\[(\d+)\] \\sh OnPreExecute/ });
append_to_file("$folder/slow.seen", '');
system('rm', '-rf', "$tasks/$task");
# The agent looks for its file every second.
$system->wait_for('a second', sub { (time() - (stat("$folder/slow.seen"))[9]) >= 3 });
kill('KILL', $runner);
$system->wait_for('the end of the first attempt', sub { -e "$tasks/$task/attempt-1.log" && slurp_file("$tasks/$task/attempt-1.log") =~ /SO450/ });
$log = slurp_file("$tasks/$task/attempt-1.log");
like($log, qr/WARNING scaleout-worker\[\d+\] the log was removed under way; it goes on here\n/, 'a log that was removed under way goes on');
like($log, qr/CRITICAL scaleout-worker\[\d+\] SO450: the runner was ended by signal 9 .*\. scaleout logs fetches/, 'a runner that dies: the worker says how, with code and hint');
go('slow');
$system->wait_status($id, 7);
like(whole_log($id, 'attempt-2.log'), qr/execution $id, attempt 2: /, 'the next attempt has a log of its own');

# A new segment cannot be made: the task runs, the worker's log says it once.
SKIP:
{
	skip 'root may write everywhere', 3 if $> == 0;
	unlink glob("$folder/slow.*");
	set('TaskLogSegment', '100ms');
	reload();
	$id = $system->run('f', 'p', 'slow');
	$system->wait_for('the task', sub { -e "$folder/slow.on" && log_of($id, 'attempt-1.log') =~ /OnPreExecute: sh/ });
	$task = task_of($id);
	chmod 0500, "$tasks/$task";
	$system->wait_for('the span to pass', sub { (time() - (stat("$folder/slow.on"))[9]) >= 2 });
	go('slow');
	$system->wait_status($id, 7);
	pass('a task whose log cannot be written runs all the same');
	my $complaint = qr/ERROR scaleout-worker\[\d+\] SO457: the log of a task cannot be opened \(\S*$task\/attempt-1\.2\.log\)\. Permission denied\. \S/;
	$system->wait_for('the complaint', sub { slurp_file($agent->{log}) =~ $complaint });
	is(() = slurp_file($agent->{log}) =~ /$complaint/g, 1, 'the worker says so once, with code, place, reason and hint');
	chmod 0700, "$tasks/$task";
	ok(!-e "$tasks/$task/attempt-1.2.log", 'and there is none');
}

# A package with nothing to execute leaves nothing, unless something goes wrong.
$system->deploy('f', 'empty', nothing => { executables => [] });
$id = $system->run('f', 'empty', 'nothing');
$system->wait_status($id, 7);
ok(!-e "$tasks/" . task_of($id), 'a package with nothing to execute leaves no folder');

$system->stop;
done_testing();
