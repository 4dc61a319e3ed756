# A worker meets its master: init, certificates that do not fit, trust, enabling.
use strict;
use warnings;

use Test::More;
use Cwd qw(realpath);
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;

my $worker = Scaleout::System::program('scaleout-worker');
my $system = Scaleout::System->new('contact');
my $thumbprint = $system->sql('SELECT thumbprint FROM internal.master_state');
my $folder = realpath(PostgreSQL::Test::Utils::tempdir());

sub command
{
	my @command = @_;
	my ($out, $err);
	IPC::Run::run([ $worker, @command ], '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

# Make a worker by hand and start it; its log is in $folder/$name.log.
my %running;

sub start
{
	my ($name) = @_;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open(STDERR, '>>', "$folder/$name.log");
		exec($worker, 'run', '--directory', "$folder/$name") or POSIX::_exit(127);
	}
	$running{$name} = $pid;
	return;
}

sub stop
{
	my ($name) = @_;
	kill('TERM', $running{$name});
	waitpid(delete $running{$name}, 0);
	return $? >> 8;
}

sub log_has
{
	my ($name, $pattern) = @_;
	return $system->wait_for("$pattern in the log of $name", sub { -e "$folder/$name.log" && slurp_file("$folder/$name.log") =~ $pattern });
}

sub make
{
	my ($name, %with) = @_;
	my ($status, $out, $err) = command('init', '--directory', "$folder/$name", '--master', $with{master} // "https://localhost:$system->{port}",
		'--thumbprint', $with{thumbprint} // $thumbprint, '--display-name', $name);
	is($status, 0, "init of $name") or diag($err);
	append_to_file("$folder/$name/worker.conf", "TaskRequestMaxCPU = 100\nTaskRequestMinMemory = 0\nTaskRequestMaxMemoryPressure = 100\n");
	return $out;
}

sub agent_id { my ($name) = @_; return slurp_file("$folder/$name/worker.conf") =~ /^AgentId = (\S+)/m ? $1 : undef; }

subtest 'init' => sub {
	my $out = make('one');
	my $id = agent_id('one');
	like($out, qr/thumbprint   [0-9a-f]{64}/, 'it prints the thumbprint');
	like($out, qr{certificate  \Q$folder\E/one/worker\.crt}, 'the place of the certificate');
	like($out, qr/SELECT catalog\.trust_worker_certificate\(pem => \$pem\$.*BEGIN CERTIFICATE.*\$pem\$, enable => true\);/s, 'and the SQL to run');
	is((stat("$folder/one/worker.key"))[2] & 0777, 0600, 'the key is private');
	is((stat("$folder/one/worker.conf"))[2] & 0777, 0600, 'so are the settings');
	my ($status, undef, $err) = command('init', '--directory', "$folder/one", '--master', 'https://localhost', '--thumbprint', $thumbprint);
	is($status, 1, 'a second init is refused');
	like($err, qr/SO406.*worker\.conf exists and is not overwritten/, 'and says why');
	is(agent_id('one'), $id, 'nothing has changed');
	($status, $out) = command('show', '--directory', "$folder/one");
	like($out, qr/AgentId = $id/, 'show shows the identity');
	like($out, qr/name       urn:uuid:$id|AgentId = $id/, 'and names');
	($status, undef, $err) = command('init', '--directory', "$folder/none", '--master', 'http://x', '--thumbprint', $thumbprint);
	like($err, qr/SO409/, 'an endpoint without TLS is refused');
	($status, undef, $err) = command('init', '--directory', "$folder/none", '--master', 'https://x', '--thumbprint', '12');
	like($err, qr/SO304/, 'a thumbprint that is none is refused');
	ok(!-e "$folder/none", 'and nothing was made');
	($status, undef, $err) = command('frobnicate');
	is($status, 2, 'an unknown command is a usage error');
};

subtest 'settings' => sub {
	append_to_file("$folder/bad.conf", "MaxTaskCuont = 3\nTaskLogLevel = 1000\n");
	my ($status, undef, $err) = command('run', '--config', "$folder/bad.conf");
	is($status, 78, 'a bad settings file is refused');
	like($err, qr/SO401: unknown setting "MaxTaskCuont" \(\S+bad\.conf:1\)\. Perhaps you meant MaxTaskCount; correct this line/, 'with the nearest name');
	like($err, qr/SO402: "1000" is not valid for TaskLogLevel \(\S+bad\.conf:2\)/, 'and every other error');
	like($err, qr/SO404: AgentId is not set/, 'and what is missing');
};

subtest 'wrong thumbprint of the master' => sub {
	my $wrong = 'ab' x 32;
	make('two', thumbprint => $wrong);
	start('two');
	log_has('two', qr/SO314/);
	like(slurp_file("$folder/two.log"), qr/SO314.*sent a certificate with thumbprint \Q$thumbprint\E; MasterHttpsCertThumbprint is \Q$wrong\E/, 'both thumbprints are named');
	is(stop('two'), 0, 'SIGTERM ends it');
};

subtest 'wrong host name' => sub {
	# This address reaches the gateway and is not in its certificate.
	make('three', master => "https://0.0.0.0:$system->{port}");
	start('three');
	log_has('three', qr/SO313/);
	like(slurp_file("$folder/three.log"), qr/SO313.*0\.0\.0\.0/, 'the name is given');
	is(stop('three'), 0, 'SIGTERM ends it');
};

subtest 'untrusted, trusted, enabled' => sub {
	$system->deploy('f', 'p', empty => { executables => [] });
	start('one');
	log_has('one', qr/SO302/);
	my $own = slurp_file("$folder/one/worker.conf") =~ /^WorkerHttpsCertThumbprint = (\S+)/m ? $1 : undef;
	like(slurp_file("$folder/one.log"), qr/SO302.*\Q$own\E.*trust_worker_certificate/, 'the refusal names the thumbprint and what to do');
	$system->trust("$folder/one/worker.crt", 0);
	$system->wait_until("SELECT count(*) = 1 FROM catalog.worker_agents WHERE workeragentid = '" . agent_id('one') . "' AND NOT isenabled");
	log_has('one', qr/SO424.*enable_worker_agent/);
	pass('trusted, it registers disabled and says so');
	my $id = $system->run('f', 'p', 'empty');
	$system->sql("SELECT catalog.enable_worker_agent('" . agent_id('one') . "')");
	$system->wait_status($id, 7);
	pass('enabled, it runs what waited');
};

subtest 'one process per folder' => sub {
	my ($status, undef, $err) = command('run', '--directory', "$folder/one");
	is($status, 1, 'a second process is refused');
	like($err, qr/SO407.*process id is $running{one}/, 'and names the first');
};

subtest 'reload' => sub {
	append_to_file("$folder/one/worker.conf", "MaxTaskCount = 3\n");
	kill('HUP', $running{one});
	$system->wait_until("SELECT max_task_count = 3 FROM internal.worker_agent WHERE agent_id = '" . agent_id('one') . "'");
	pass('SIGHUP takes a new MaxTaskCount to the master');
	append_to_file("$folder/one/worker.conf", "Nonsense = 3\n");
	kill('HUP', $running{one});
	log_has('one', qr/SO401.*Nonsense/);
	log_has('one', qr/SO405/);
	my $id = $system->run('f', 'p', 'empty');
	$system->wait_status($id, 7);
	pass('a bad file at a reload changes nothing');
};

stop($_) for keys %running;
$system->stop;
done_testing();
