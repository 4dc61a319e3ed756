# Symptoms on a worker's machine (docs/troubleshooting.md): each is made for
# real, and scaleout doctor must name its cause and a cure that, applied as it is
# written, ends it.
use strict;
use warnings;

use Cwd qw(realpath);
use IO::Socket::INET;
use Test::More;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::GatewayStub;
use Scaleout::System;
use Scaleout::Symptom;

my $system = Scaleout::System->new('worker', settings => { 'scaleout.long_poll_interval' => '500ms', 'scaleout.probe_interval' => '200ms', 'scaleout.master_heartbeat_interval' => '500ms' });
my $good = 'https://localhost:' . $system->port;
my $thumbprint = $system->sql('SELECT thumbprint FROM internal.master_state');
my $directory = realpath($system->{folder}) . '/one';
my $agent = $system->add_agent('one', start => 0);
my $client = Scaleout::System::program('scaleout');

# The master takes certificates on at its next turn.
$system->wait_for('the trust', sub { my $row = Scaleout::Symptom::doctor($directory)->{'trusted by the master'}; $row && $row->{result} eq 'ok' });
my $healthy = Scaleout::Symptom::doctor($directory);
is($healthy->{''}, 0, 'a good worker: status 0') or diag(explain $healthy);
is($healthy->{$_}{result}, 'ok', "$_ is ok") for ('settings', 'certificate and key', 'own thumbprint', 'own certificate valid now', 'runner program',
	'folder of the tasks', 'folder of the spool', 'endpoint resolves', 'port answers', 'TLS', 'thumbprint of the master', 'host name in the certificate',
	'clock', 'trusted by the master');
like($healthy->{TLS}{cause}, qr/TLSv1\.[23]/, 'it names the version of TLS');
like($healthy->{service}{cause}, qr/No worker process/, 'and that the service does not run');

# A server that is not the master; it answers every connection with $answer.
my @children;
END { kill('KILL', @children) if @children; }

sub other_server
{
	my ($answer) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 5, Proto => 'tcp') or die $!;
	my $port = $listener->sockport;
	my $pid = fork() // die $!;
	if ($pid == 0)
	{
		# It must not keep the harness waiting when the test dies.
		open(STDOUT, '>', '/dev/null');
		open(STDERR, '>', '/dev/null');
		@children = ();
		$SIG{PIPE} = 'IGNORE';
		while (my $connection = $listener->accept)
		{
			sysread($connection, my $question, 4096);
			syswrite($connection, $answer);
			close $connection;
		}
		POSIX::_exit(0);
	}
	push @children, $pid;
	return $port;
}

sub make_pair
{
	my ($from, $to, $certificate, $key) = @_;
	my $folder = "$system->{folder}/ca";
	mkdir $folder;
	append_to_file("$folder/ca.conf", "[ca]\ndefault_ca=c\n[c]\nnew_certs_dir=$folder\ndatabase=$folder/index.txt\nrand_serial=yes\n"
		. "default_md=sha256\npolicy=p\nx509_extensions=e\ncopy_extensions=copy\nunique_subject=no\n[p]\ncommonName=supplied\n[e]\nbasicConstraints=CA:FALSE\n")
	  unless -e "$folder/ca.conf";
	append_to_file("$folder/index.txt", '') unless -e "$folder/index.txt";
	system("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=one -keyout $key -out $folder/csr.pem 2>/dev/null") == 0 or die 'openssl req';
	chmod 0600, $key;
	system("openssl ca -batch -notext -selfsign -config $folder/ca.conf -keyfile $key -in $folder/csr.pem -startdate $from -enddate $to"
		. " -out $certificate 2>/dev/null") == 0 or die 'openssl ca';
	return;
}

my $endpoint = sub { my ($value) = @_; return sub { Scaleout::Symptom::set_worker($directory, 'MasterEndpoint', $value) } };
# The cure "correct MasterEndpoint": it is what catalog.master_properties shows.
my $as_shown = sub {
	my $address = $system->sql("SELECT property_value FROM catalog.master_properties WHERE property_name = 'MASTER_ADDRESS'");
	Scaleout::Symptom::set_worker($directory, 'MasterEndpoint', $address);
};
my $apply = sub { Scaleout::Symptom::apply($system, $_[0], $directory) };
my $saved = sub { rename "$directory/$_", "$directory/saved.$_" for ('worker.crt', 'worker.key') };
my $restore = sub { rename "$directory/saved.$_", "$directory/$_" for ('worker.crt', 'worker.key') };

# name, what makes it, the check that shows it, cause, cure, what the cure says
my @symptoms = (
	[ 'wrong endpoint: a name that is not known', $endpoint->('https://no-such-host.invalid:8391'), 'endpoint resolves',
		qr/"no-such-host\.invalid".*not known/, qr/Correct the host in MasterEndpoint/, $as_shown ],
	[ 'wrong or closed port', $endpoint->('https://localhost:' . PostgreSQL::Test::Cluster::get_free_port()), 'port answers',
		qr/SO420: .*Connection refused/, qr/diagnose_scaleout.*correct MasterEndpoint/s, $as_shown ],
	[ 'other host name', $endpoint->('https://0.0.0.0:' . $system->port), 'host name in the certificate',
		qr/SO313.*0\.0\.0\.0.*localhost/s, qr/one of the names of the certificate in MasterEndpoint/, $as_shown ],
	[ 'plain HTTP on the port', $endpoint->('https://localhost:' . other_server("HTTP/1.1 400 Bad Request\r\n\r\n")), 'TLS',
		qr/plain HTTP without TLS \("HTTP\/1\.1 400 Bad Request"\)/, qr/master_properties/, $as_shown ],
	[ 'another service on the port', $endpoint->('https://localhost:' . other_server("SSH-2.0-OpenSSH\r\n")), 'TLS',
		qr/another service, it says "SSH-2\.0-OpenSSH"/, qr/master_properties/, $as_shown ],
	[ 'wrong thumbprint of the master', sub { Scaleout::Symptom::set_worker($directory, 'MasterHttpsCertThumbprint', 'ab' x 32) }, 'thumbprint of the master',
		qr/SO314: .*\Q$thumbprint\E; MasterHttpsCertThumbprint is (?:ab){32}/, qr/set MasterHttpsCertThumbprint = $thumbprint/, $apply ],
	[ 'wrong thumbprint of the worker', sub { Scaleout::Symptom::set_worker($directory, 'WorkerHttpsCertThumbprint', 'cd' x 32) }, 'own thumbprint',
		qr/SO408: .*has the thumbprint [0-9a-f]{64}, WorkerHttpsCertThumbprint is (?:cd){32}/, qr/set WorkerHttpsCertThumbprint = [0-9a-f]{64}/, $apply ],
	[ 'the key can be read by others', sub { chmod 0644, "$directory/worker.key" }, 'certificate and key', qr/SO307/, qr/chmod 600 \S+worker\.key/, $apply ],
	[ 'the key cannot be read by the agent', sub { chmod 0000, "$directory/worker.key" }, 'certificate and key', qr/SO007.*Permission denied/,
		qr/chmod 600 \S+worker\.key/, $apply ],
	[ 'the key is gone', sub { rename "$directory/worker.key", "$directory/backup.key" }, 'certificate and key', qr/SO007.*No such file/,
		qr/Restore the key from its backup/, sub { rename "$directory/backup.key", "$directory/worker.key" } ],
	[ 'a stale certificate in the place of the right one',
		sub { $saved->(); make_pair('20260101000000Z', '20560101000000Z', "$directory/worker.crt", "$directory/worker.key") }, 'own thumbprint',
		qr/SO408/, qr/Put the certificate and key with that thumbprint into/, $restore ],
	[ 'settings that cannot be read', sub { chmod 0000, "$directory/worker.conf" }, 'settings', qr/SO007: \S+worker\.conf cannot be read by/,
		qr/chmod 600 \S+worker\.conf/, $apply ],
	[ 'a setting that does not exist', sub { append_to_file("$directory/worker.conf", "MaxTaskCuont = 3\n") }, 'settings',
		qr/SO401: unknown setting "MaxTaskCuont" \(\S+worker\.conf:\d+\)/, qr/Perhaps you meant MaxTaskCount|settings-sample/,
		sub { my $text = slurp_file("$directory/worker.conf"); $text =~ s/MaxTaskCuont/MaxTaskCount/; unlink "$directory/worker.conf"; append_to_file("$directory/worker.conf", $text) } ],
	[ 'a folder that cannot be written', sub { mkdir "$directory/tasks"; chmod 0500, "$directory/tasks" }, 'folder of the tasks', qr/SO008: \S+tasks cannot be written/,
		qr/TasksRootFolder/, sub { chmod 0700, "$directory/tasks" } ],
);

for my $symptom (@symptoms)
{
	my ($name, $make, $check, $cause, $cure, $do) = @$symptom;
	subtest $name => sub {
		$make->();
		my $found = Scaleout::Symptom::doctor($directory);
		my $row = $found->{$check};
		is($found->{''}, 1, 'exit status 1');
		is($row->{result}, 'failed', "$check has failed") or diag(explain $found);
		like($row->{cause}, $cause, 'it names the cause');
		like($row->{cure}, $cure, 'and the cure');
		$do->($row->{cure});
		$found = Scaleout::Symptom::doctor($directory);
		is($found->{''}, 0, 'which ends it') or diag(explain [ grep { ref && $_->{result} eq 'failed' } values %$found ]);
	};
}

subtest 'expired and not yet valid certificates of the worker' => sub {
	my $late = $system->add_agent('late', start => 0);
	my $directory = realpath($system->{folder}) . '/late';
	for my $life ([ '20200101000000Z', '20200201000000Z' ], [ '20480101000000Z', '20490101000000Z' ])
	{
		make_pair(@$life, "$system->{folder}/other.crt", "$system->{folder}/other.key");
		Scaleout::Symptom::set_worker($directory, 'CertificateFile', "$system->{folder}/other.crt");
		Scaleout::Symptom::set_worker($directory, 'KeyFile', "$system->{folder}/other.key");
		my $row = Scaleout::Symptom::doctor($directory)->{'own certificate valid now'};
		like($row->{cause}, qr/SO306/, 'it is named');
		# The worker runs with it, because it is trusted; the cure is done while it does.
		Scaleout::Symptom::set_worker($directory, 'WorkerHttpsCertThumbprint', unpack('H*', Scaleout::GatewayStub::thumbprint("$system->{folder}/other.crt")));
		$system->trust("$system->{folder}/other.crt", 1);
		$system->start_agent('late');
		my ($command) = $row->{cure} =~ m{run scaleout-worker (rotate --config \S+)} or fail("with a cure: $row->{cure}");
		system_or_bail(Scaleout::System::program('scaleout-worker'), split / /, $command);
		$system->stop_agent('late');
		is(Scaleout::Symptom::doctor($directory)->{'own certificate valid now'}{result}, 'ok', 'which ends it');
	}
	# The other subtests have one worker.
	$system->sql("SELECT catalog.remove_worker_agent('$late->{id}')");
	$system->wait_until("SELECT count(*) = 0 FROM catalog.worker_agents WHERE workeragentid = '$late->{id}'");
};

subtest 'stale certificates beside the right one' => sub {
	make_pair('20200101000000Z', '20200201000000Z', "$directory/old$_.crt", "$directory/old$_.key") for (1 .. 3);
	my $found = Scaleout::Symptom::doctor($directory);
	is($found->{''}, 0, 'play no part') or diag(explain [ grep { ref && $_->{result} eq 'failed' } values %$found ]);
	like($found->{'own thumbprint'}{cause}, qr/other certificates in the folder play no part/, 'and it says so');
};

subtest 'no certificate' => sub {
	my $connection = Scaleout::GatewayStub::client(port => $system->port);
	Scaleout::GatewayStub::write_all($connection, Scaleout::GatewayStub::post('lease', '{}'));
	my $answer = Scaleout::GatewayStub::read_answer($connection);
	is($answer->{status}, 403, 'is answered with 403');
	like($answer->{body}, qr/SO301.*scaleout-worker init makes one.*trust_worker_certificate/s, 'and says what to do');
};

subtest 'untrusted' => sub {
	my $stranger = $system->{folder} . '/two';
	system(Scaleout::System::program('scaleout-worker') . " init --master $good --thumbprint $thumbprint --directory $stranger >/dev/null") == 0 or die 'init';
	my $row = Scaleout::Symptom::doctor($stranger)->{'trusted by the master'};
	is($row->{result}, 'failed', 'the worker is not trusted');
	like($row->{cause}, qr/HTTP 403, SO302.*thumbprint is [0-9a-f]{64}/, 'it gives the answer of the master');
	like($row->{cure}, qr/scaleout workers trust --enable worker\.crt/, 'and the command');
	my $node = $system->node;
	system($client, 'workers', 'trust', '--enable', "$stranger/worker.crt", '-h', $node->host, '-p', $node->port, '-d', 'postgres') == 0 or fail('trust');
	$system->wait_for('the trust', sub { Scaleout::Symptom::doctor($stranger)->{'trusted by the master'}{result} eq 'ok' });
	pass('which ends it');
};

subtest 'disabled, enabled, revoked' => sub {
	$system->start_agent('one');
	like(Scaleout::Symptom::doctor($directory)->{service}{cause}, qr/process $agent->{pid}\b/, 'the service runs');
	$system->sql("SELECT catalog.disable_worker_agent('$agent->{id}')");
	my $row;
	$system->wait_for('a disabled worker', sub { $row = Scaleout::Symptom::doctor($directory)->{enabled}; $row && $row->{result} eq 'failed' });
	like($row->{cause}, qr/SO424: .*disabled/, 'it is disabled');
	my $server = Scaleout::Symptom::diagnose($system)->{worker};
	like($server->{cause}, qr/Worker "one" is disabled/, 'the server says so too');
	$system->wait_until("SELECT count(*) = 0 FROM internal.request");
	Scaleout::Symptom::apply($system, $server->{cure});
	$system->wait_for('an enabled worker', sub { Scaleout::Symptom::doctor($directory)->{enabled}{result} eq 'ok' });
	pass('the cure of the server enables it');
	$system->sql("SELECT catalog.remove_worker_agent('$agent->{id}')");
	$system->wait_for('a revoked worker', sub { ($row = Scaleout::Symptom::doctor($directory)->{'trusted by the master'})->{result} eq 'failed' });
	like($row->{cause}, qr/403, SO302/, 'a removed worker is refused');
	$system->trust("$directory/worker.crt", 1);
	$system->wait_for('the trust', sub { my $e = Scaleout::Symptom::doctor($directory)->{enabled}; $e && $e->{result} eq 'ok' });
	pass('trusted again it works again');
};

subtest 'no online and enabled worker' => sub {
	$system->stop_agent('one');
	my $row;
	$system->wait_for('nobody ready', sub { ($row = Scaleout::Symptom::diagnose($system)->{'workers ready'})->{result} eq 'failed' });
	like($row->{cause}, qr/No worker is enabled and online/, 'it is named');
	like(Scaleout::Symptom::diagnose($system)->{worker}{cure}, qr/systemctl start scaleout-worker/, 'with a cure');
	$system->start_agent('one');
	$system->wait_for('a ready worker', sub { Scaleout::Symptom::diagnose($system)->{'workers ready'}{result} eq 'ok' });
	pass('which ends it');
};

kill('KILL', $_) for @children;
waitpid($_, 0) for @children;
$system->stop;
done_testing();
