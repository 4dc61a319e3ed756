# catalog.explain_execution(): why an execution waits or failed, and what to do
# (docs/troubleshooting.md).  Each state is made with real workers and packages;
# what the row says is done as it is printed; then the execution must succeed, or
# the one that the row says to run in its place.  404_explain_branches.pl has
# what lasts a moment only.
use strict;
use warnings;

use Cwd qw(realpath);
use IO::Socket::INET;
use IPC::Run;
use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;
use Scaleout::Symptom;

# ---- the list of what can be said, against the code ------------------------------

# The body of a function of the SQL parts.
sub body_of
{
	my ($file, $name) = @_;
	my ($body) = slurp_file($file) =~ /^CREATE FUNCTION internal\.$name\((.*?)^COMMENT ON FUNCTION internal\.$name\(/ms or die "$file has no $name";
	return $body;
}

sub reasons_of_code
{
	my %said;
	for my $file (glob('sql/7[67]_explain*.sql'))
	{
		my $text = slurp_file($file);
		for my $value ($text =~ /\breason := ([^;]+);/g) { $said{$1} = 1 while $value =~ /(?:^|THEN |ELSE )'([^']+)'/g; }
		$said{$1} = 1 while $text =~ /\bROW\('[^']+', '([^']+)'/g;
		$said{'not asked yet'} = 1 if $text =~ /reason := coalesce\(internal\.setting_in_reason\(worker\.asked_reason\), 'not asked yet'\)/;
	}
	my $obstacles = body_of('sql/74_diagnose.sql', 'worker_obstacle');
	$said{$1} = 1 while $obstacles =~ /"check" := '([^']+)'/g;
	for my $name (qw(diagnose_binding diagnose_no_master diagnose_master diagnose_port))
	{
		my $body = body_of('sql/74_diagnose.sql', $name);
		$said{$1} = 1 while $body =~ /internal\.finding\('([^']+)', (?:CASE [^,]*)?'failed'/g;
	}
	# The settings that a worker names.
	my $capacity = slurp_file('worker_agent/capacity.c');
	$said{$1} = 1 while $capacity =~ /"[^"]*\b(TaskRequest\w+|MaxTaskCount|ExecutionLog\w+|RunnerProgram|DrainTimeout)\b/g;
	return \%said;
}

my %listed = map { /^([^#|]+?)\s*\|\s*(\S+)/ ? ($1 => $2) : () } split /\n/, slurp_file('test/tap/explained.txt');
my $said = reasons_of_code();
cmp_ok(scalar(keys %$said), '>', 35, 'there are many reasons');
is(join(', ', sort grep { !$listed{$_} } keys %$said), '', 'each of them stands in test/tap/explained.txt with the test that sees it');
is(join(', ', sort grep { !$said->{$_} } keys %listed), '', 'and nothing else does');
is(join(', ', sort grep { !-e "test/tap/t/$_.pl" && !-e "test/regress/sql/$_.sql" } values %listed), '', 'these tests are there');
my $page = slurp_file('docs/troubleshooting.md');
is(join(', ', sort grep { $page !~ /\*\Q$_\E\*/ } keys %listed), '', 'docs/troubleshooting.md has each of them');

# ---- the system --------------------------------------------------------------------

my $system = Scaleout::System->new('explain', settings => {
	'scaleout.probe_interval' => '200ms', 'scaleout.master_heartbeat_interval' => '500ms', 'scaleout.long_poll_interval' => '500ms',
	'scaleout.lease_interval' => '60s' });
my $node = $system->node;
my $security = $node->data_dir . '_scaleout';
my $folder = realpath(PostgreSQL::Test::Utils::tempdir());
chmod 0755, $folder;

sub shell_package { my ($command) = @_; return { executables => [ { name => 'work', type => 'execute_process', executable => '/bin/sh', arguments => [ '-c', $command ], fail_package_on_failure => JSON::PP::true } ] }; }
my %packages = (empty => { executables => [] },
	gated => shell_package("while [ ! -e $folder/open ]; do sleep 0.05; done"),
	picky => shell_package("test -e $folder/input"),
	deadly => shell_package("test -e $folder/memory || kill -9 \$PPID"),
	asks => { parameters => [ { name => 'since', type => 'string', required => JSON::PP::true }, { name => 'password', type => 'string', sensitive => JSON::PP::true } ], executables => [] });
$system->deploy('f', 'p', %packages);

sub touch { my ($name) = @_; append_to_file("$folder/$name", ''); return; }
sub away { my ($name) = @_; unlink "$folder/$name"; return; }
sub cured { my ($name, %with) = @_; Scaleout::Symptom::cured($system, $name, %with) or die "it is not cured: $name\n"; return; }
sub explained { return Scaleout::Symptom::explained($system, @_); }
sub run_it { my ($package, $more) = @_; return $system->run('f', 'p', $package, $more); }

# ---- nobody is there -------------------------------------------------------------------

cured('no worker has registered', make => sub { run_it('empty') }, reason => 'worker registered', cause => qr/^No worker has registered\.$/,
	cure => qr/create_enrollment_token\(\); and on the machine that is to work scaleout-worker join TOKEN/);
my ($name) = keys %{ $system->{agents} };
my $agent = $system->{agents}{$name};
my $directory = realpath($agent->{directory});
sub setting { my ($key, $value) = @_; Scaleout::Symptom::set_worker($directory, $key, $value); Scaleout::Symptom::systemctl($system, 'reload'); return; }

# The reload is not waited for by systemctl: until the worker asks for nothing, it would take what comes.
sub limit
{
	my ($key, $value) = @_;
	setting($key, $value);
	$system->wait_until("SELECT bool_or(asked_tasks = 0 AND why_not_more LIKE '%($key =%') FROM catalog.worker_agents");
	return;
}

# ---- it was not started ------------------------------------------------------------------

my $created = sub { my ($package, $more) = @_; return $system->sql("SELECT catalog.create_execution('f', 'p', '$package'" . ($more ? ", $more" : '') . ')') };
cured('created', make => sub { $created->('empty') }, reason => 'not started', cause => qr/^It has not been started\.$/, cure => qr/^Run SELECT catalog\.start_execution\(\d+\);$/);
$system->{value} = '2026-01-31';
cured('created, without a required value', make => sub { $created->('asks') }, reason => 'required value',
	cause => qr/a start is refused \(SO127\): execution \d+ has required parameters without a value.*"since"/, cure => qr/set_execution_parameter_value\(\d+, 30, 'since', '\*\*\*'::text\);.*Then run SELECT catalog\.start_execution\(\d+\);/);
cured('created, for workers that were not chosen', make => sub { $created->('empty', 'useanyworker => false') }, reason => 'no worker chosen',
	cause => qr/a start is refused \(SO132\): execution \d+ may not use any worker, and none was added/, cure => qr/add_execution_worker\(\d+, '\Q$agent->{id}\E'\); Then run SELECT catalog\.start_execution/);
cured('created, and the project was deployed again', make => sub { my $id = $created->('picky'); touch('input'); $system->deploy('f', 'p', %packages); $id }, reason => 'project outdated',
	cause => qr/a start is refused \(SO124\): project "p" was deployed again/, cure => qr/Run SELECT catalog\.run_package\('f', 'p', 'picky'\);/);
away('input');

# ---- the master is away ------------------------------------------------------------------

cured('scaleout is disabled', make => sub { $system->sql('SELECT * FROM catalog.disable_scaleout()'); $system->wait_for('the end of the master', sub { !$system->master_pid }); run_it('empty', 'runinscaleout => true') },
	reason => 'catalog enabled', cause => qr/^The master gives out nothing: scaleout is disabled in this database\.$/, cure => qr/enable_scaleout/);
cured('the token file is gone', make => sub { unlink "$security/binding.token"; $node->restart; run_it('empty') },
	reason => 'catalog bound to this cluster', cause => qr/token file .* is missing/, cure => qr/enable_scaleout/);
cured('another database has the master', make => sub { $system->sql("ALTER SYSTEM SET scaleout.database = 'other'"); $node->restart; run_it('empty') },
	reason => 'database of the master', cause => qr/scaleout\.database is "other"/, cure => qr/Set scaleout\.database = 'postgres' and run SELECT pg_reload_conf\(\);/);
my ($blocker, $other);
cured('a session keeps the master from working', make => sub {
		my $id = run_it('gated');
		$system->wait_status($id, 2);
		$blocker = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', 'BEGIN; LOCK TABLE internal.master_state IN EXCLUSIVE MODE; SELECT pg_sleep(600)' ], '<', \undef, '>', \my $out, '2>', \my $err);
		return $id;
	},
	fixed => sub { touch('open') }, reason => 'master alive', cause => qr/The worker cannot report: The master .*(?:puts off its work|has not written LAST_ONLINE_TIME).*LOCK TABLE/, cure => qr/SELECT pg_terminate_backend\(\d+\);/);
$blocker->kill_kill;
away('open');
cured('somebody else has the port', make => sub {
		my $port = $system->port;
		$system->sql('SELECT * FROM catalog.disable_scaleout()');
		$system->wait_for('the end of the master', sub { !$system->master_pid });
		$other = fork() // die $!;
		if ($other == 0)
		{
			my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 5, Proto => 'tcp', ReuseAddr => 1) or POSIX::_exit(1);
			sleep 600;
			POSIX::_exit(0);
		}
		$system->wait_for('the other one', sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) });
		$system->sql('SELECT * FROM catalog.enable_scaleout()');
		return run_it('empty', 'runinscaleout => true');
	},
	reason => 'port open', cause => qr/^The master gives out nothing: SO330: .*process $other\b|^The master gives out nothing: SO330: /, cure => qr/kill \d+/);
kill('KILL', $other);
waitpid($other, 0);

# ---- the worker gets nothing -------------------------------------------------------------

cured('it is disabled', make => sub { $system->sql("SELECT catalog.disable_worker_agent('$agent->{id}')"); $system->wait_until("SELECT NOT isenabled FROM catalog.worker_agents"); run_it('empty') },
	reason => 'worker enabled', cause => qr/^No worker can take it now: "$name" is disabled\.$/, cure => qr/^Run SELECT catalog\.enable_worker_agent\('\Q$agent->{id}\E'\);$/);
cured('it is offline', make => sub { $system->stop_agent($name); run_it('empty') },
	reason => 'worker online', cause => qr/"$name" is offline; it was last heard of at 2/, cure => qr/On \S+ run systemctl start scaleout-worker/);
{
	local $Scaleout::Symptom::working_folder = $directory;
	cured('its certificate is revoked', make => sub { $system->sql("SELECT catalog.revoke_worker_certificate(thumbprint) FROM catalog.worker_agents"); run_it('empty') },
		reason => 'worker trusted', cause => qr/"$name": its certificate \([0-9a-f]{64}\) is revoked/, cure => qr/copy worker\.crt of \S+ here and run scaleout workers trust --enable worker\.crt/);
}

# ---- it is full, or its machine is busy -----------------------------------------------------

sub set_in { my ($key, $value) = @_; return qr/on \S+ set $key = $value in \Q$directory\E\/worker\.conf and run systemctl reload scaleout-worker/; }
my $first;
touch('input');
setting('MaxTaskCount', 1);
$system->wait_until('SELECT max_task_count = 1 FROM catalog.worker_agents');
cured('all are full', make => sub { $first = run_it('gated'); $system->wait_status($first, 2); run_it('picky') }, reason => 'MaxTaskCount',
	cause => qr/^No worker can take it now: "$name" asks for no task: all its tasks are taken \(MaxTaskCount = 1\); it has 1 of 1 tasks: executions \d+ \(gated\)\.$/,
	cure => do { my $how = set_in('MaxTaskCount', 2); qr/^It goes on when one of these ends; or $how; or add a worker\.$/ });
is($system->sql('SELECT max_task_count, settings_file FROM catalog.worker_agents'), "2|$directory/worker.conf", 'worker_agents shows the new number, and where it stands');
touch('open');
ok(eval { $system->wait_status($first, 7) }, 'and what was running goes on');
away('open');

cured('the CPU is busy', make => sub { limit('TaskRequestMaxCPU', 0); run_it('empty') }, reason => 'TaskRequestMaxCPU',
	cause => qr/the CPU is busy: \d+ %.* \(TaskRequestMaxCPU = 0\); it runs nothing itself/, cure => do { my $how = set_in('TaskRequestMaxCPU', 100); qr/now CPU \S+ %, \d+ MB free.*$how/ });
cured('memory is short', make => sub { limit('TaskRequestMinMemory', 100000000); run_it('empty') }, reason => 'TaskRequestMinMemory',
	cause => qr/memory is short: \d+ MB are left.* \(TaskRequestMinMemory = 100000000\)/, cure => set_in('TaskRequestMinMemory', 0));
mkdir "$folder/pressure";
append_to_file("$folder/pressure/$_", "some avg10=61.00 avg60=0.00 avg300=0.00 total=1\n") for qw(cpu memory io);
setting('PressureFolder', "$folder/pressure");
Scaleout::Symptom::systemctl($system, 'restart');
my %waits = (TaskRequestMaxCpuPressure => 'the CPU', TaskRequestMaxMemoryPressure => 'memory', TaskRequestMaxIoPressure => 'I\/O');
for my $key (sort keys %waits)
{
	cured("processes wait for $waits{$key}", make => sub { limit($key, 25); run_it('empty') }, reason => $key,
		cause => qr/processes on the machine wait for $waits{$key} 61 % of the time \($key = 25\); it runs nothing itself/, cure => set_in($key, 100));
}
cured('it was told to stop, and something runs still', make => sub {
		$first = run_it('gated');
		$system->wait_status($first, 2);
		kill('TERM', $agent->{pid});
		return run_it('empty');
	},
	reason => 'DrainTimeout', cause => qr/it was told to stop and takes no new tasks \(DrainTimeout\); it has 1 of 2 tasks: executions \d+ \(gated\)/, cure => qr/Then, on \S+, run systemctl start scaleout-worker\./,
	fixed => sub { touch('open'); waitpid($agent->{pid}, 0); $agent->{pid} = 0 });
ok(eval { $system->wait_status($first, 7) }, 'what was running ended well');

# ---- it does not fit ------------------------------------------------------------------------

cured('a tag is lacking', make => sub { run_it('empty', q(parameters => '{"$ServerOption::REQUIRED_TAGS": "gpu"}')) }, reason => 'REQUIRED_TAGS',
	cause => qr/"$name" lacks the tag gpu/, cure => qr/run SELECT catalog\.set_worker_agent_property\('\Q$agent->{id}\E', 'Tags', 'gpu'\);/);
cured('only the host of the master may run it', make => sub { run_it('empty', 'runinscaleout => false') }, reason => 'runinscaleout',
	cause => qr/"$name" is not on the master's host, and the execution was created with runinscaleout => false/,
	cure => qr/^Run SELECT catalog\.stop_operation\(\d+\); Then run SELECT catalog\.run_package\('f', 'p', 'empty', runinscaleout => true\);$/);
# A runner of another version: it has another name for this type of task.
my ($programs) = glob("$ENV{SCALEOUT_PREFIX}/lib/scaleout/*/scaleout-runner");
(my $old = slurp_file($programs)) =~ s/execute_process/execute_procesZ/g;
append_to_file("$folder/runner", $old);
chmod 0755, "$folder/runner";
$system->{install} = sub { unlink "$folder/runner"; system('cp', $programs, "$folder/runner") == 0 or die 'cp' };
cured('it cannot run the task', make => sub { Scaleout::Symptom::set_worker($directory, 'RunnerProgram', "$folder/runner"); Scaleout::Symptom::systemctl($system, 'restart'); run_it('picky') },
	reason => 'task type', cause => qr/"$name" cannot run tasks of type execute_process/, cure => qr/Install the same version of scaleout on \S+ as here and run there systemctl restart scaleout-worker\./);

cured('its runners cannot be started', make => sub {
		unlink "$folder/runner";
		# The program that makes the runners.
		my ($nursery) = slurp_file("/proc/$agent->{pid}/task/$agent->{pid}/children") =~ /(\d+)/ or die 'no nursery';
		kill('KILL', $nursery);
		return run_it('picky');
	},
	reason => 'RunnerProgram', cause => qr/runners cannot be started at the moment \(RunnerProgram\)/, cure => qr/On \S+ run scaleout doctor --config \Q$directory\E\/worker\.conf; do what the first row that has failed says\./);

# ---- it runs --------------------------------------------------------------------------------

away('open');
$first = run_it('gated');
my $row = explained($first, 'running', qr/^Attempt 1 runs on worker "$name" since 2\S+ \S+\.$/, qr/^Nothing is to be done\. scaleout watch $first follows it, scaleout logs --follow $first/, 'it runs');
kill('STOP', $agent->{pid});
$row = explained($first, 'worker silent', qr/The worker has not been heard of since 2.*; the execution is offered again when its lease \(60\.0 s\) is over/, qr/on \S+ run systemctl start scaleout-worker/, 'its worker is silent');
kill('CONT', $agent->{pid});
touch('open');
ok(eval { $system->wait_status($first, 7) }, 'it is offered again, or goes on');
away('open');
$first = run_it('gated');
$system->wait_status($first, 2);
$system->wait_until("SELECT start_time IS NOT NULL FROM internal.task_attempt WHERE execution_id = $first");
kill('STOP', $agent->{pid});
$system->sql("SELECT catalog.stop_operation($first)");
explained($first, 'stop requested', qr/^\w+ asked to stop it; worker "$name" has been told\./, qr/scaleout watch $first/, 'it is being stopped');
kill('CONT', $agent->{pid});
ok(eval { $system->wait_status($first, 3) }, 'and is stopped');
touch('open');
cured('it was stopped', make => sub { $first }, reason => 'stopped', cause => qr/^\w+ stopped it at 2/, cure => qr/^To run it again: Run SELECT catalog\.run_package\('f', 'p', 'gated'\);$/);

# ---- it failed ------------------------------------------------------------------------------

away('input');
cured('the package failed', make => sub { run_it('picky') }, reason => 'package failed', fixed => sub { touch('input') },
	cause => qr/^\\work \(SO\d+\): .*exit code 1.* No retry was asked for\.$/s, cure => qr/^Remove that cause and run it again\. Run SELECT catalog\.run_package\('f', 'p', 'picky'\); scaleout logs \d+ shows all messages.*CALL catalog\.fetch_task_log\(\d+\);\).*"\$ServerOption::LOGGING_LEVEL": 3/s);
is($system->sql("SELECT catalog.explain_execution(max(execution_id)) IS NOT NULL FROM catalog.executions"), 't', 'it can be asked again');
away('input');
cured('all retries are used up', make => sub { run_it('picky', 'retry_count => 1') }, reason => 'retry_count', fixed => sub { touch('input') },
	cause => qr/^\\work \(SO\d+\): .* All retries \(1\) are used up\.$/s, cure => qr/run_package\('f', 'p', 'picky', retry_count => 1\);/);
$system->{value} = 'secret';
cured('it was given values', make => sub {
		my $id = run_it('asks', q(parameters => '{"since": "it''s late", "password": "secret", "$ServerOption::MAX_LOST_ATTEMPTS": 4}'));
		$system->wait_status($id, 7);
		return $id;
	}, reason => 'succeeded', cause => qr/^Attempt 1 succeeded on worker "$name"\.$/, cure => qr/^Nothing is to be done\.$/, fixed => sub { $_[0]{cure} = $system->sql("SELECT internal.run_again(e) FROM internal.execution e WHERE package_name = 'asks' ORDER BY execution_id DESC LIMIT 1") });
cured('it kills its runner every time', make => sub { run_it('deadly', q(parameters => '{"$ServerOption::MAX_LOST_ATTEMPTS": 1}')) }, reason => 'MAX_LOST_ATTEMPTS', fixed => sub { touch('memory') },
	cause => qr/runner.* It lost its worker or its runner 2 times; MAX_LOST_ATTEMPTS \(1\) is used up\.$/s, cure => qr/journalctl -k.*Run SELECT catalog\.run_package\('f', 'p', 'deadly', '\{"\$ServerOption::MAX_LOST_ATTEMPTS": 1\}'\);/);
my $second = $system->add_agent('second');
cured('its worker was removed while it waited', make => sub {
		$system->stop_agent('second');
		my $id = run_it('empty', "workers => ARRAY['$second->{id}']::uuid[]");
		$system->wait_until('SELECT count(*) = 1 FROM internal.ready_restricted');
		$system->sql("SELECT catalog.remove_worker_agent('$second->{id}')");
		delete $system->{agents}{second};
		return $id;
	},
	reason => 'workers removed', cause => qr/^Worker \S+ was removed, and no other worker may run this execution\. No worker ever had it\.$/, cure => qr/^Choose another worker, or none: .*Run SELECT catalog\.run_package\('f', 'p', 'empty'\);$/);

# ---- who may ask ------------------------------------------------------------------------------

$system->sql('CREATE ROLE reader; GRANT ssis_logreader TO reader; CREATE ROLE nobody; GRANT USAGE ON SCHEMA catalog TO nobody');
$system->sql("SELECT catalog.disable_worker_agent('$agent->{id}')");
my $waiting = run_it('empty');
explained($waiting, 'worker enabled', qr/is disabled/, qr/enable_worker_agent/, 'an administrator');
like($system->sql("SET ROLE reader; SELECT cure FROM catalog.explain_execution($waiting)"), qr/enable_worker_agent\('\S+'\); This is for a member of ssis_admin\.$/, 'whoever may only read is told whom to ask');
my ($status, undef, $error) = $node->psql('postgres', "SET ROLE nobody; SELECT * FROM catalog.explain_execution($waiting)");
like($error, qr/there is no execution $waiting|permission denied/, 'others learn nothing');
(undef, undef, $error) = $node->psql('postgres', 'SELECT * FROM catalog.explain_execution(987654)');
like($error, qr/there is no execution 987654/, 'an execution that does not exist');

is(join(', ', Scaleout::Symptom::missing_reasons('402_explain_execution')), '', 'every reason that this test is to see was seen');
$system->stop;
done_testing();
