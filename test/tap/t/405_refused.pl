# Whoever is refused at the port of the master is seen in the database: in
# catalog.refused_connections, in the diagnosis, with a cure that ends it when it
# is done as it is written, and in explain_execution.  And a flood of strangers
# costs next to nothing.
use strict;
use warnings;

use Cwd qw(realpath);
use IO::Socket::INET;
use IPC::Run ();
use Test::More;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(time);

use lib 'test/tap/lib';
use Scaleout::FakeAgent;
use Scaleout::GatewayStub;
use Scaleout::Symptom;
use Scaleout::System;

my $system = Scaleout::System->new('refused', settings => {
	'scaleout.long_poll_interval' => '500ms', 'scaleout.probe_interval' => '200ms', 'scaleout.master_heartbeat_interval' => '500ms' });
$system->deploy('f', 'p', empty => { executables => [] });
my $folder = realpath($system->{folder});
my $master = 'https://localhost:' . $system->port;
my $pin = $system->sql('SELECT thumbprint FROM internal.master_state');

# A worker that was set up and that nobody has trusted; it runs.
sub stranger
{
	my ($name, %with) = @_;
	my $directory = "$folder/$name";
	my ($out, $err);
	IPC::Run::run([ Scaleout::System::program('scaleout-worker'), 'init', '--master', $master, '--thumbprint', $with{pin} // $pin, '--directory', $directory,
			'--display-name', $name ], '>', \$out, '2>', \$err) or die "init: $out$err";
	Scaleout::Symptom::set_worker($directory, $_ => 100) for qw(TaskRequestMaxCPU TaskRequestMaxMemoryPressure);
	Scaleout::Symptom::set_worker($directory, TaskRequestMinMemory => 0);
	my ($id) = slurp_file("$directory/worker.conf") =~ /^\s*AgentId\s*=\s*"?([0-9a-fA-F-]{36})/m;
	my $agent = { name => $name, id => $id, directory => $directory, log => "$PostgreSQL::Test::Utils::log_path/refused_$name.log", pid => 0 };
	$agent->{thumbprint} = unpack('H*', Scaleout::GatewayStub::thumbprint("$directory/worker.crt"));
	$system->{agents}{$name} = $agent;
	$system->start_agent($name, 0);
	return $agent;
}

# Rows of the diagnosis with this check, in their order.
sub rows { my ($check) = @_; return grep { $_->{check} eq $check } Scaleout::Symptom::diagnose_rows($system); }

sub works
{
	my ($name) = @_;
	my $id = $system->run('f', 'p', 'empty');
	ok(eval { $system->wait_status($id, 7) }, $name) or diag(explain(Scaleout::Symptom::explain($system, $id)));
	return;
}

is($system->sql('SELECT count(*) FROM catalog.refused_connections'), 0, 'nobody has been refused');

# ---- certificates ------------------------------------------------------------------

my $new = stranger('new');
my $waiting = $system->run('f', 'p', 'empty');
$system->wait_for('the refusal in explain_execution', sub { Scaleout::Symptom::explain($system, $waiting)->{cause} =~ /is refused/ });
my $explained = Scaleout::Symptom::explain($system, $waiting);
like($explained->{cause}, qr/No worker has registered.*A worker is refused: SO302: a machine at 127\.0\.0\.1 shows the certificate $new->{thumbprint}/, 'explain_execution names the worker that knocks');
like($explained->{cure}, qr/scaleout workers trust --enable worker\.crt/, 'and what to do');
is($explained->{reason}, 'worker refused', 'with a word for programs');
{
	local $Scaleout::Symptom::working_folder = $new->{directory};
	Scaleout::Symptom::symptom($system, 'a certificate that nobody has trusted', make => sub { }, check => 'certificate trusted by the master', result => 'warning',
		cause => qr/SO302: a machine at 127\.0\.0\.1 shows the certificate $new->{thumbprint} \("CN=\S+"\), which is not trusted here; refused (once|\d+ times since)/,
		cure => qr/If it is a worker of yours, copy worker\.crt of that machine here and run scaleout workers trust --enable worker\.crt; or run SELECT catalog\.create_enrollment_token\(\);/);
}
ok(eval { $system->wait_status($waiting, 7) }, 'the execution that waited succeeds');
is($system->sql("SELECT thumbprint, code, address, reason, connections > 0 AND first_time <= last_time AND last_time <= clock_timestamp() AND not_before < not_after, workeragentid FROM catalog.refused_connections"),
	"$new->{thumbprint}|SO302|127.0.0.1|the worker certificate is not trusted|t|$new->{id}", 'the view has it, with the facts of the certificate');

subtest 'the other way: it joins by a token' => sub {
	my $other = stranger('other');
	my $row;
	$system->wait_for('the refusal', sub { ($row) = grep { $_->{cause} =~ /$other->{thumbprint}/ } rows('certificate trusted by the master') });
	$system->stop_agent('other');
	delete $system->{agents}{other};
	my ($statement, $command) = $row->{cure} =~ /or run (SELECT [^;]+); here and (scaleout-worker join) TOKEN on that machine, in a new folder/;
	my $token = $system->sql("SET client_min_messages = warning; $statement");
	Scaleout::Symptom::shell($system, "$command $token --directory $folder/joined >/dev/null");
	ok(!(grep { $_->{cause} =~ /$other->{thumbprint}/ } rows('certificate trusted by the master')), 'then the row is gone');
};

{
	local $Scaleout::Symptom::working_folder = $new->{directory};
	Scaleout::Symptom::symptom($system, 'a certificate that was revoked', check => 'certificate trusted by the master', result => 'warning',
		make => sub { $system->sql("SELECT catalog.revoke_worker_certificate('$new->{thumbprint}')") },
		cause => qr/$new->{thumbprint} \("CN=\S+"\), which postgres revoked at 20\d\d-/, cure => qr/If that was not on purpose, copy worker\.crt of that machine here/);
	is($system->sql("SELECT revoked, revoked_by, revoked_time FROM catalog.worker_certificates WHERE thumbprint = '$new->{thumbprint}'"), 'f||', 'trusted again, nobody has revoked it');
	works('and it works');
	Scaleout::Symptom::symptom($system, 'a worker that was removed', check => 'certificate trusted by the master', result => 'warning',
		make => sub { $system->sql("SELECT catalog.remove_worker_agent('$new->{id}')") },
		cause => qr/$new->{thumbprint} \("CN=\S+"\), which is revoked: postgres removed its worker \($new->{id}\) at 20\d\d-/, cure => qr/If that was not on purpose, copy worker\.crt/);
	works('it is back');
}

subtest 'a certificate that its worker has replaced, back from a backup' => sub {
	my $directory = $new->{directory};
	IPC::Run::run([ 'cp', '-p', "$directory/$_", "$directory/$_.old" ]) or die 'cp' for qw(worker.crt worker.key);
	$system->sql("SELECT catalog.rotate_worker_certificate('$new->{id}')");
	$system->wait_until("SELECT revoked FROM internal.worker_certificate WHERE thumbprint = '$new->{thumbprint}'");
	my $newer = $system->sql("SELECT thumbprint FROM internal.worker_agent WHERE agent_id = '$new->{id}'");
	$system->stop_agent('new');
	IPC::Run::run([ 'cp', '-p', "$directory/$_", "$directory/$_.newer" ]) or die 'cp' for qw(worker.crt worker.key);
	IPC::Run::run([ 'cp', '-p', "$directory/$_.old", "$directory/$_" ]) or die 'cp' for qw(worker.crt worker.key);
	$system->start_agent('new', 0);
	my $row;
	$system->wait_for('the refusal', sub { ($row) = grep { $_->{cause} =~ /which its worker \($new->{id}\) replaced by $newer at 20/ } rows('certificate trusted by the master') });
	like($row->{cure}, qr/^Put the newer certificate and its key back on that machine; or, if they are lost, copy/, 'what to do');
	local $Scaleout::Symptom::working_folder = $directory;
	Scaleout::Symptom::apply($system, $row, way => 1);
	$system->wait_for('the end', sub { !rows('certificate trusted by the master') });
	works('the second way helps');
};

subtest 'one that has expired as well' => sub {
	my $late = stranger('late');
	$system->stop_agent('late');
	my $ca = "$folder/ca";
	mkdir $ca;
	append_to_file("$ca/ca.conf", "[ca]\ndefault_ca=c\n[c]\nnew_certs_dir=$ca\ndatabase=$ca/index.txt\nrand_serial=yes\n"
		. "default_md=sha256\npolicy=p\nx509_extensions=e\nunique_subject=no\n[p]\ncommonName=supplied\n[e]\nbasicConstraints=CA:FALSE\n");
	append_to_file("$ca/index.txt", '');
	my $sign = sub {
		my ($from, $to) = @_;
		unlink "$late->{directory}/worker.crt", "$late->{directory}/worker.key";
		system("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=late -keyout $late->{directory}/worker.key -out $ca/csr.pem 2>/dev/null") == 0 or die 'req';
		chmod 0600, "$late->{directory}/worker.key";
		system("openssl ca -batch -notext -selfsign -config $ca/ca.conf -keyfile $late->{directory}/worker.key -in $ca/csr.pem -startdate $from -enddate $to"
			. " -out $late->{directory}/worker.crt 2>/dev/null") == 0 or die 'ca';
		my $thumbprint = unpack('H*', Scaleout::GatewayStub::thumbprint("$late->{directory}/worker.crt"));
		Scaleout::Symptom::set_worker($late->{directory}, WorkerHttpsCertThumbprint => $thumbprint);
		$system->start_agent('late', 0);
		return $thumbprint;
	};
	my $future = $sign->('20480101000000Z', '20490101000000Z');
	$system->wait_for('one of the future', sub { grep { $_->{cause} =~ /$future.*not trusted here.*It is valid from 2048-01-01.* on; it is 20\d\d-\S+ \S+ here/ } rows('certificate trusted by the master') });
	$system->stop_agent('late');
	my $past = $sign->('20200101000000Z', '20200201000000Z');
	my $row;
	$system->wait_for('one of the past', sub { ($row) = grep { $_->{cause} =~ /$past.*not trusted here.*It expired at 2020-02-01/ } rows('certificate trusted by the master') });
	like($row->{cure}, qr/worker\.crt; when it has come, the row "worker's certificate valid" says how it gets a new one; or run/, 'the cure goes on');
	local $Scaleout::Symptom::working_folder = $late->{directory};
	Scaleout::Symptom::apply($system, $row);
	$system->wait_for('the next row', sub { ($row) = grep { $_->{cause} =~ /"late" expired at 2020-02-01/ } rows("worker's certificate valid") });
	Scaleout::Symptom::apply($system, $row);
	$system->wait_until("SELECT certificate_state = 'valid' FROM catalog.worker_agents WHERE displayname = 'late'");
	pass('and the worker has a new certificate');
	$system->stop_agent('late');
};

# ---- without a certificate -------------------------------------------------------------

sub client_row { my ($pattern) = @_; my $row; $system->wait_for("$pattern", sub { ($row) = grep { $_->{cause} =~ $pattern } rows('connections refused') }); return $row; }

subtest 'plain HTTP' => sub {
	for (1 .. 3)
	{
		my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $system->port) or die $!;
		syswrite($socket, "GET / HTTP/1.0\r\n\r\n");
		sysread($socket, my $answer, 100);
	}
	my $row = client_row(qr/SO342: a client at 127\.0\.0\.1 speaks plain HTTP to the TLS port; refused 3 times since/);
	my ($endpoint) = $row->{cure} =~ /MasterEndpoint there must be (https:\S+);/;
	is($endpoint, $master, 'the endpoint is named');
};

subtest 'a TLS older than 1.2' => sub {
	IPC::Run::run([ 'openssl', 's_client', '-connect', 'localhost:' . $system->port, '-tls1_1', '-cipher', 'DEFAULT:@SECLEVEL=0' ], '<', \'', '>', \my $out, '2>', \my $err);
	like(client_row(qr/SO343: a client at 127\.0\.0\.1 speaks a TLS older than 1\.2; refused once/)->{cure}, qr/TLS 1\.2 or newer/, 'is named');
};

subtest 'no certificate' => sub {
	my $connection = Scaleout::GatewayStub::client(port => $system->port);
	like(client_row(qr/SO301: a client at 127\.0\.0\.1 sends no certificate; refused once/)->{cure}, qr/SELECT catalog\.create_enrollment_token\(\);/, 'is named');
};

subtest 'a worker that does not accept the master' => sub {
	$system->stop_agent('new');
	my $wary = stranger('wary', pin => 'ab' x 32);
	my $row = client_row(qr/SO344: a client at 127\.0\.0\.1 does not accept the certificate of the master/);
	like($row->{cure}, qr/Run scaleout doctor on that machine.*The thumbprint here is $pin/, 'the cure names the doctor, and the thumbprint');
	my $id = $system->run('f', 'p', 'empty');
	$system->wait_until("SELECT NOT bool_or(is_online) FROM catalog.worker_agents");
	$system->sql("SELECT catalog.disable_worker_agent(workeragentid) FROM catalog.worker_agents");
	$system->wait_for('explain_execution', sub { Scaleout::Symptom::explain($system, $id)->{cause} =~ /SO344/ });
	is_deeply([ Scaleout::Symptom::heal($system, $wary->{directory}) ], [ 'thumbprint of the master', 'certificate trusted by the master' ], 'the doctor heals it') or diag(explain([ rows('connections refused') ]));
	ok(eval { $system->wait_status($id, 7) }, 'and the execution succeeds');
	$system->stop_agent('wary');
};

# ---- a flood ---------------------------------------------------------------------------

subtest 'hundreds of certificates' => sub {
	$system->sql("ALTER SYSTEM SET scaleout.$_") for "master_heartbeat_interval = '2s'", "probe_interval = '1min'";
	$system->sql('SELECT pg_reload_conf()');
	$system->wait_until("SELECT setting = '60000' FROM pg_settings WHERE name = 'scaleout.probe_interval'");
	my $crowd = "$folder/crowd";
	mkdir $crowd;
	my $number = 200;
	IPC::Run::run([ 'sh', '-c', "cd $crowd && for i in \$(seq $number); do openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=crowd\$i"
			. " -keyout \$i.key -out \$i.crt 2>/dev/null || exit 1; done" ]) or die 'certificates';
	my $before = $system->sql("SELECT transactions FROM internal.master_counters()");
	my $seen = $system->sql("SELECT coalesce(sum(connections), 0) FROM catalog.refused_connections");
	my $start = time();
	for my $i (1 .. $number)
	{
		my $client = Scaleout::GatewayStub::client(port => $system->port, folder => $crowd, name => $i) or die "client $i";
		# While a token is usable the refusal comes with the answer.
		Scaleout::GatewayStub::write_all($client, Scaleout::GatewayStub::post('lease', '{}'));
		my $answer = Scaleout::GatewayStub::read_answer($client);
		die "client $i was answered $answer->{status}" if $answer->{status} != 403;
		close $client;
	}
	my $seconds = time() - $start;
	$system->wait_until("SELECT count(*) > 0 FROM catalog.refused_connections WHERE subject = 'CN=crowd$number'");
	my $waited = time() - $start;
	my $transactions = $system->sql("SELECT transactions FROM internal.master_counters()") - $before;
	cmp_ok($transactions, '<=', 2 * $waited / 2 + 5, sprintf('%d transactions of the master in %.1f s for %d certificates in %.1f s', $transactions, $waited, $number, $seconds));
	cmp_ok($system->sql("SELECT count(*) FROM catalog.refused_connections"), '<=', 16, 'one address has its share only');
	is($system->sql("SELECT count(*) FROM catalog.refused_connections WHERE subject = 'CN=crowd1'"), 0, 'what was seen least recently made room');
	cmp_ok($system->sql("SELECT count(*) FROM catalog.diagnose_scaleout() WHERE \"check\" IN ('certificate trusted by the master', 'connections refused')"), '<=', 16, 'the diagnosis stays short');
	$system->sql("SELECT catalog.enable_worker_agent('$new->{id}')");
	# The cure of another one has started all services of this machine.
	$system->stop_agent($_) for keys %{ $system->{agents} };
	$system->start_agent('new');
	works('and work goes on');
};

# Other people's workers are none of everybody's business.
$system->sql('CREATE ROLE nobody_special');
is($system->sql('SET ROLE nobody_special; SELECT count(*) FROM catalog.refused_connections'), 0, 'a role without rights sees nothing');
$system->sql('CREATE ROLE observer IN ROLE ssis_cluster_executor');
cmp_ok($system->sql('SET ROLE observer; SELECT count(*) FROM catalog.refused_connections'), '>', 0, 'who sees the workers sees this');

is(join(', ', Scaleout::Symptom::missing('405_refused'), Scaleout::Symptom::missing_reasons('405_refused')), '', 'every result that this test is to see was seen');
$system->stop;
done_testing();
