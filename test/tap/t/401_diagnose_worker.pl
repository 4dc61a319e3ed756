# Symptoms on a worker's machine (docs/troubleshooting.md): each is made for
# real, the worker is started with it, and scaleout doctor must name its cause
# and a cure.  The test does what the doctor says until it says nothing more;
# then the worker must run an execution.
use strict;
use warnings;

use Cwd qw(realpath);
use IO::Socket::INET;
use IO::Socket::SSL;
use Test::More;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::GatewayStub;
use Scaleout::Ports;
use Scaleout::System;
use Scaleout::Symptom;

my $system = Scaleout::System->new('worker', settings => { 'scaleout.long_poll_interval' => '500ms', 'scaleout.probe_interval' => '200ms', 'scaleout.master_heartbeat_interval' => '500ms',
	'scaleout.agent_heartbeat_interval' => '500ms' });
$system->deploy('f', 'p', empty => { executables => [] });
my $good = 'https://localhost:' . $system->port;
my $thumbprint = $system->sql('SELECT thumbprint FROM internal.master_state');
my $directory = realpath($system->{folder}) . '/one';
my $agent = $system->add_agent('one', start => 0);
my $security = $system->node->data_dir . '_scaleout';

# A server that is not the master; it does the same with every connection.
my @children;
END { kill('KILL', @children) if @children; }

sub serve
{
	my ($listener, $do) = @_;
	my $port = $listener->sockport;
	my $pid = fork() // die $!;
	if ($pid == 0)
	{
		# It must not keep the harness waiting when the test dies.
		open(STDOUT, '>', '/dev/null');
		open(STDERR, '>', '/dev/null');
		@children = ();
		$SIG{PIPE} = 'IGNORE';
		my @held;
		while (my $connection = $listener->accept) { push @held, $do->($connection); }
		POSIX::_exit(0);
	}
	push @children, $pid;
	close $listener;
	return "https://localhost:$port";
}

sub listener { return IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 5, Proto => 'tcp') // die $!; }

# Says this, whatever it is asked.
sub other_server
{
	my ($answer) = @_;
	return serve(listener(), sub { my ($connection) = @_; sysread($connection, my $question, 4096); syswrite($connection, $answer); close $connection; return; });
}

# Speaks TLS with a pair of files, and says this.
sub tls_server
{
	my ($certificate, $key, $answer, %with) = @_;
	return serve(listener(), sub {
		my ($connection) = @_;
		my $tls = IO::Socket::SSL->start_SSL($connection, SSL_server => 1, SSL_cert_file => $certificate, SSL_key_file => $key, SSL_verify_mode => SSL_VERIFY_NONE, %with)
		  or return;
		sysread($tls, my $question, 4096);
		syswrite($tls, $answer);
		close $tls;
		return;
	});
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
	system("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost"
		. " -keyout $key -out $folder/csr.pem 2>/dev/null") == 0 or die 'openssl req';
	chmod 0600, $key;
	system("openssl ca -batch -notext -selfsign -config $folder/ca.conf -keyfile $key -in $folder/csr.pem -startdate $from -enddate $to"
		. " -out $certificate 2>/dev/null") == 0 or die 'openssl ca';
	return unpack('H*', Scaleout::GatewayStub::thumbprint($certificate));
}

sub works
{
	my ($name) = @_;
	my $id = $system->run('f', 'p', 'empty');
	ok(eval { $system->wait_status($id, 7) }, $name // 'an execution succeeds') or diag(explain(Scaleout::Symptom::explain($system, $id)));
	return;
}

sub log_since { my ($offset) = @_; my $text = -e $agent->{log} ? slurp_file($agent->{log}) : ''; return substr($text, $offset); }

# ---- a good worker, before its first start ---------------------------------------

# The master takes certificates on at its next turn.
$system->wait_for('the trust', sub { my $row = Scaleout::Symptom::doctor($directory)->{'certificate trusted by the master'}; $row && $row->{result} eq 'ok' });
my $healthy = Scaleout::Symptom::doctor($directory);
is($healthy->{''}, 0, 'a good worker: status 0') or diag(explain $healthy);
is($healthy->{$_}{result}, 'ok', "$_ is ok") for ('account', 'settings', 'certificate and key', 'own thumbprint', "worker's certificate valid", 'runner program',
	'folder of the tasks', 'folder of the spool', 'endpoint resolves', 'port answers', 'TLS', 'thumbprint of the master', 'host name in the certificate',
	"master's certificate valid", 'clock', 'certificate trusted by the master');
like($healthy->{TLS}{cause}, qr/TLSv1\.[23]/, 'it names the version of TLS');
like($healthy->{service}{cause}, qr/No worker process/, 'and that the service does not run');
like($healthy->{'worker registered'}{cause}, qr/does not know this worker/, 'and that it has not registered');
is_deeply([ Scaleout::Symptom::heal($system, $directory) ], ['service'], 'what is to be done is to start it');
works('then it works');
$system->wait_for('the registration', sub { my $row = Scaleout::Symptom::doctor($directory)->{'worker enabled'}; $row && $row->{result} eq 'ok' });
$healthy = Scaleout::Symptom::doctor($directory);
# What is ok says what was seen.
my $time = qr/20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC/;
my $hash = qr/[0-9a-f]{64}/;
my %shown = (
	"worker's certificate valid" => qr/^Valid from $time until $time, \d+ more days\.$/, "master's certificate valid" => qr/^Valid from $time until $time, \d+ more days\.$/,
	'certificate and key' => qr/worker\.crt is of \S.*, with the names \S.*worker\.key is readable by/, 'own thumbprint' => qr/^It is $hash/,
	'thumbprint of the master' => qr/serves $hash/, 'host name in the certificate' => qr/^localhost is one of its names: \S/, 'certificate trusted by the master' => qr/certificate $hash\.$/,
	'worker registered' => qr/as agent [0-9a-f-]{36}\.$/, 'worker enabled' => qr/tasks/, 'clock' => qr/differ by -?\d+ s\.$/, 'endpoint resolves' => qr/^localhost has the address \S*127\.0\.0\.1/,
	'folder of the tasks' => qr/^\d+ MB are free/, 'folder of the spool' => qr/^\d+ MB are free/, 'spool' => qr/^\d+ kB/);
like($healthy->{$_}{cause}, $shown{$_}, "$_ shows what was seen") for sort keys %shown;
is(join(', ', grep { $_ ne '' && ($healthy->{$_}{cause} // '') eq '' } sort keys %$healthy), '', 'no check is silent');
is($healthy->{$_}{result}, 'ok', "$_ is ok beside the running worker") for ('service', 'spool', 'worker registered', 'worker enabled');

# ---- symptoms ----------------------------------------------------------------------

my $endpoint = sub { my ($value) = @_; return sub { Scaleout::Symptom::set_worker($directory, 'MasterEndpoint', ref $value ? $value->() : $value) } };
my $put = sub { my ($name, $value) = @_; return sub { Scaleout::Symptom::set_worker($directory, $name, $value) } };
my $crt = "$directory/worker.crt";
my $key = "$directory/worker.key";

# A full queue of connections drops what comes, as a firewall does.
my ($full, @waiting);
my $fill = sub {
	$full = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1, Proto => 'tcp') or die $!;
	listen($full, 0);
	for (1 .. 4)
	{
		my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport, Blocking => 0) or die $!;
		push @waiting, $socket;
	}
	return 'https://localhost:' . $full->sockport;
};

# name, what makes it, the check that shows it, cause, what the worker's own log says (or undef)
my @symptoms = (
	[ 'wrong endpoint: a name that is not known', $endpoint->('https://no-such-host.invalid:8391'), 'endpoint resolves',
		qr/SO420: (?:the name "no-such-host\.invalid".*not known|no name server tells the address of "no-such-host\.invalid")/, qr/SO420: the master cannot be reached \(https:\/\/no-such-host\.invalid:8391\).*resolve host/ ],
	[ 'wrong port, closed port', $endpoint->('https://localhost:' . Scaleout::Ports::closed()), 'port answers',
		qr/SO420: .*Connection refused/, qr/SO420: the master cannot be reached.*(?:refused|connect)/ ],
	[ 'a firewall: nothing comes back', $endpoint->($fill), 'port answers', qr/SO420: .*Connection timed out/, undef ],
	[ 'wrong endpoint: an address that leads nowhere', $endpoint->('https://255.255.255.255:8391'), 'port answers', qr/SO420: .*(?:unreachable|denied)/, undef ],
	[ 'other host name', $endpoint->('https://0.0.0.0:' . $system->port), 'host name in the certificate',
		qr/SO313: .*0\.0\.0\.0.*localhost/s, qr/SO313: the certificate is for another host name|SO313: .*0\.0\.0\.0/ ],
	[ 'plain HTTP on the TLS port', $endpoint->(sub { other_server("HTTP/1.1 400 Bad Request\r\n\r\n") }), 'TLS',
		qr/plain HTTP without TLS \("HTTP\/1\.1 400 Bad Request"\)/, qr/SO420: .*wrong version number/ ],
	[ 'another service on the port', $endpoint->(sub { other_server("SSH-2.0-OpenSSH\r\n") }), 'TLS',
		qr/another service, it says "SSH-2\.0-OpenSSH"/, qr/SO420: .*wrong version number/ ],
	[ 'a version of TLS that is too old', $endpoint->(sub { tls_server("$security/master.crt", "$security/master.key", '', SSL_version => 'TLSv1_1', SSL_cipher_list => 'ALL:@SECLEVEL=0') }), 'TLS',
		qr/does not speak TLS 1\.2 or newer: .*(?:protocol|version)/, qr/SO420: .*(?:protocol|version)/ ],
	[ 'a service that never says a word', $endpoint->(sub { serve(listener(), sub { return $_[0] }) }), 'TLS', qr/it does not answer within 5 s/, undef ],
	[ 'an HTTPS service that is not the master', $endpoint->(sub { tls_server("$security/master.crt", "$security/master.key", "HTTP/1.1 200 OK\r\n\r\nhello") }), 'answer of the master',
		qr/SO421: .*not that of a master: "HTTP\/1\.1 200 OK/, qr/SO421: / ],
	[ 'a master that takes the connection and does not answer', $endpoint->(sub { tls_server("$security/master.crt", "$security/master.key", '') }), 'answer of the master',
		qr/SO420: .*takes the connection, but does not answer/, qr/SO420: / ],
	[ 'wrong thumbprint of the master', $put->('MasterHttpsCertThumbprint', 'ab' x 32), 'thumbprint of the master',
		qr/SO314: .*\Q$thumbprint\E; MasterHttpsCertThumbprint is (?:ab){32}/, qr/SO314: .*\Q$thumbprint\E; MasterHttpsCertThumbprint is (?:ab){32}/ ],
	[ 'wrong thumbprint of the worker', $put->('WorkerHttpsCertThumbprint', 'cd' x 32), 'own thumbprint',
		qr/SO408: .*has the thumbprint [0-9a-f]{64}, WorkerHttpsCertThumbprint is (?:cd){32}/, qr/SO408: / ],
	[ 'the key can be read by others', sub { chmod 0644, $key }, 'certificate and key', qr/SO307: .*worker\.key/, qr/SO307: .*worker\.key/ ],
	[ 'the key cannot be read by the agent', sub { chmod 0000, $key }, 'certificate and key', qr/SO007: .*Permission denied/, qr/SO007: .*worker\.key.*Permission denied/ ],
	[ 'the key is gone', sub { unlink $key }, 'certificate and key', qr/SO007: .*No such file/, qr/SO007: .*worker\.key/ ],
	[ 'the certificate is gone', sub { unlink $crt }, 'certificate and key', qr/SO007: .*worker\.crt.*No such file/, qr/SO007: .*worker\.crt/ ],
	[ 'the key belongs to another certificate', sub { my $other = "$system->{folder}/other"; make_pair('20260101000000Z', '20560101000000Z', "$other.crt", "$other.key"); rename "$other.key", $key },
		'certificate and key', qr/SO308: /, qr/SO308: / ],
	[ 'a certificate in DER form', sub { system("openssl x509 -in $crt -outform DER -out $crt.der && mv $crt.der $crt") == 0 or die 'openssl' },
		'certificate and key', qr/SO305: .*in DER form, not in PEM form/, qr/SO305: .*in DER form.*openssl x509 -inform DER/ ],
	[ 'a key in DER form', sub { system("openssl pkey -in $key -outform DER -out $key.der && cat $key.der >$key") == 0 or die 'openssl' },
		'certificate and key', qr/SO309: .*The key is in DER form/, qr/SO309: .*in DER form.*openssl pkey -inform DER/ ],
	[ 'a certificate as a list of certificates', sub { system("openssl crl2pkcs7 -nocrl -certfile $crt -out $crt.p7b && mv $crt.p7b $crt") == 0 or die 'openssl' },
		'certificate and key', qr/SO305: .*PKCS #7/, qr/SO305: .*PKCS #7/ ],
	[ 'a certificate saved as UTF-16', sub { system("iconv -f UTF-8 -t UTF-16 -o $crt.new $crt && mv $crt.new $crt") == 0 or die 'iconv' },
		'certificate and key', qr/SO305: .*saved as UTF-16/, qr/SO305: .*UTF-16/ ],
	[ 'a stale certificate in the place of the right one',
		sub {
			Scaleout::Symptom::set_worker($directory, 'WorkerHttpsCertThumbprint', unpack('H*', Scaleout::GatewayStub::thumbprint($crt)));
			make_pair('20260101000000Z', '20560101000000Z', $crt, $key);
		}, 'own thumbprint', qr/SO408: \S+worker\.crt has the thumbprint/, qr/SO408: / ],
	[ 'the certificate of another worker',
		sub {
			my $other = $system->add_fake_agent('other');
			system("cp $system->{folder}/other.crt $crt && cp $system->{folder}/other.key $key") == 0 or die 'cp';
			Scaleout::Symptom::set_worker($directory, 'WorkerHttpsCertThumbprint', unpack('H*', Scaleout::GatewayStub::thumbprint($crt)));
		}, 'certificate trusted by the master', qr/HTTP 403, SO303/, qr/SO303: / ],
	[ 'settings that cannot be read', sub { chmod 0000, "$directory/worker.conf" }, 'settings', qr/SO007: \S+worker\.conf cannot be read by \w+\. Permission denied/,
		qr/SO007: the settings file cannot be read \(\S+worker\.conf\)\. Permission denied/ ],
	[ 'a setting that does not exist', sub { Scaleout::Symptom::set_worker($directory, 'MaxTaskCuont', 3) }, 'settings',
		qr/SO401: unknown setting "MaxTaskCuont" \(\S+worker\.conf:\d+\)/, qr/SO401: unknown setting "MaxTaskCuont" \(\S+worker\.conf:\d+\)/ ],
	[ 'the folder of the tasks cannot be written', sub { mkdir "$directory/tasks"; chmod 0500, "$directory/tasks" }, 'folder of the tasks', qr/SO008: \S+tasks cannot be written/, undef ],
	[ 'the spool cannot be written', sub { mkdir "$directory/spool"; chmod 0500, "$directory/spool" }, 'folder of the spool', qr/SO008: \S+spool cannot be written/, qr/SO\d+: .*spool/ ],
	[ 'the runner program is missing', $put->('RunnerProgram', '/no/such/scaleout-runner'), 'runner program', qr/SO410: \/no\/such\/scaleout-runner/, qr/SO4\d\d: / ],
	[ 'the certificate was revoked', sub { $system->sql("SELECT catalog.revoke_worker_certificate('" . unpack('H*', Scaleout::GatewayStub::thumbprint($crt)) . "')"); $system->wait_until('SELECT count(*) = 0 FROM internal.request') },
		'certificate trusted by the master', qr/HTTP 403, SO302.*thumbprint is [0-9a-f]{64}/, qr/SO302: / ],
	[ 'the worker was removed', sub { $system->sql("SELECT catalog.remove_worker_agent('$agent->{id}')"); $system->wait_until('SELECT count(*) = 0 FROM internal.request') },
		'certificate trusted by the master', qr/HTTP 403, SO302/, qr/SO302: / ],
	[ 'the worker is disabled', sub { $system->sql("SELECT catalog.disable_worker_agent('$agent->{id}')"); $system->wait_until('SELECT count(*) = 0 FROM internal.request') },
		'worker enabled', qr/SO424: .*disabled/, qr/SO424: / ],
	);

for my $symptom (@symptoms)
{
	my ($name, $make, $check, $cause, $said) = @$symptom;
	# What comes after a symptom that could not be cured says nothing.
	last unless subtest $name => sub {
		my $offset = (-s $agent->{log}) // 0;
		my $found;
		$system->stop_agent('one');
		$make->();
		$system->start_agent('one', 0);
		ok(eval { $system->wait_for('the log', sub { log_since($offset) =~ $said }) }, 'the log of the worker says it') or diag(log_since($offset)) if $said;
		my $seen = eval { $system->wait_for("the symptom: $name", sub { $found = Scaleout::Symptom::doctor($directory); $found->{$check} && $found->{$check}{result} eq 'failed' }) };
		ok($seen, "$check has failed") or diag(explain $found);
		is($found->{''}, 1, 'exit status 1');
		like($found->{$check}{cause}, $cause, 'it names the cause');
		my @applied = eval { Scaleout::Symptom::heal($system, $directory) };
		is($@, '', 'what it says can be done') or diag(explain $found->{$check});
		ok(scalar(grep { $_ eq $check } @applied), "the cure of $check was applied") or diag("applied: @applied");
		is(Scaleout::Symptom::doctor($directory)->{''}, 0, 'nothing has failed any more');
		works();
	};
}
@waiting = ();
close $full;

subtest 'several endpoints' => sub {
	my $closed = 'https://localhost:' . Scaleout::Ports::closed();
	my $with = sub { Scaleout::Symptom::set_worker($directory, 'MasterEndpoint', "$_[0], $good"); return Scaleout::Symptom::doctor($directory) };
	my $found = $with->($closed);
	is($found->{''}, 0, 'where the master is at another endpoint nothing has failed');
	is($found->{'port answers'}{result}, 'warning', 'it is said');
	like($found->{'port answers'}{cure}, qr/nothing is to be done if this one is a standby's\. Otherwise: /, 'with what may be');
	$found = $with->('https://0.0.0.0:' . $system->port);
	is($found->{''}, 1, 'what would prevent a failover has failed');
	is($found->{'host name in the certificate'}{result}, 'failed', 'a wrong name');
	Scaleout::Symptom::set_worker($directory, 'MasterEndpoint', "$closed, https://localhost:" . Scaleout::Ports::closed());
	$found = Scaleout::Symptom::doctor($directory);
	is("$found->{''} $found->{'port answers'}{result}", '1 failed', 'and when none leads to the master');
	Scaleout::Symptom::set_worker($directory, 'MasterEndpoint', $good);
};

subtest 'the key belongs to another certificate of the file' => sub {
	make_pair('20260101000000Z', '20560101000000Z', "$system->{folder}/first.crt", "$system->{folder}/first.key");
	my $own = slurp_file($crt);
	unlink $crt;
	append_to_file($crt, slurp_file("$system->{folder}/first.crt") . $own);
	my $row = Scaleout::Symptom::doctor($directory)->{'certificate and key'};
	like($row->{cause}, qr/SO308: .*It belongs to certificate 2 of \S+worker\.crt, not to the first one/, 'which one is named');
	like($row->{cure}, qr/^Put the certificate of the key first in \S+worker\.crt/, 'and what to do');
	unlink $crt;
	append_to_file($crt, $own);
};

# Without a suggestion there is the line, and where all names stand.
subtest 'a setting that resembles nothing' => sub {
	append_to_file("$directory/worker.conf", "Zzzzzzzzzzzz = 3\n");
	my $row = Scaleout::Symptom::doctor($directory)->{settings};
	like($row->{cause}, qr/SO401: unknown setting "Zzzzzzzzzzzz" \(\S+worker\.conf:\d+\)/, 'the line is named');
	like($row->{cure}, qr/scaleout-worker show --settings-sample lists every setting/, 'and what lists the names');
	my $text = slurp_file("$directory/worker.conf");
	$text =~ s/^Zzz.*\n//m;
	unlink "$directory/worker.conf";
	append_to_file("$directory/worker.conf", $text);
};

# Two machines of one image: whichever is refused says so, and goes on when the other one is gone.
subtest 'a folder that was copied' => sub {
	my $copy = "$system->{folder}/copy";
	system("cp -a $directory $copy && sed -i s,$directory,$copy, $copy/worker.conf") == 0 or die 'cp';
	$system->{agents}{copy} = { %$agent, directory => $copy, log => "$agent->{log}.copy", pid => 0 };
	$system->start_agent('copy', 0);
	my ($refused, $found);
	$system->wait_for('one that is refused', sub {
		for my $folder ($directory, $copy)
		{
			$found = Scaleout::Symptom::doctor($folder);
			$refused = $folder;
			return 1 if ($found->{'worker registered'}{result} // '') eq 'failed';
		}
		return 0;
	});
	like($found->{'worker registered'}{cause}, qr/SO211: another process runs under the id.*registered and enabled, from (?:127\.0\.0\.1|\[::1\])\./, 'with the address of the other one');
	like($found->{'worker registered'}{cure}, qr/empty \Q$refused\E, and run scaleout-worker join TOKEN --directory \Q$refused\E/, 'and what to do');
	is($found->{''}, 1, 'exit status 1');
	# The better case is the harder one: the copy has the place, and ends.
	my $log = slurp_file($refused eq $copy ? "$agent->{log}.copy" : $agent->{log});
	like($log, qr/SO211: another process runs under the id of this worker agent .*from (?:127|\[::1)/, 'its log says it');
	my ($ends, $stays) = $refused eq $copy ? ('one', 'copy') : ('copy', 'one');
	$system->signal_agent($ends, 'KILL');
	$system->wait_for('the other one', sub { (Scaleout::Symptom::doctor($refused)->{'worker registered'}{result} // '') eq 'ok' });
	works("$stays works when $ends is gone");
	$system->stop_agent($stays);
	# No later start of the services may bring it back.
	delete $system->{agents}{copy};
	$system->start_agent('one', 0);
	$system->wait_for('the first one', sub { (Scaleout::Symptom::doctor($directory)->{'worker enabled'}{result} // '') eq 'ok' });
	works('as before');
};

# ---- certificates in time --------------------------------------------------------------

subtest 'expired and not yet valid certificates of the worker' => sub {
	# The expired one is replaced by what the server says, the other one by what the doctor says.
	my $on_server = sub { my ($r) = grep { $_->{check} eq "worker's certificate valid" && $_->{cause} =~ /"one"/ } Scaleout::Symptom::diagnose_rows($system); like($r->{cause}, qr/certificate of worker "one" expired/, 'the server says so too'); return $r };
	my %life = (expired => [ '20200101000000Z', '20200201000000Z', qr/SO306: the certificate expired at 2020-02-01/ ],
		'not yet valid' => [ '20480101000000Z', '20490101000000Z', qr/SO306: the certificate is not valid before 2048-01-01/ ]);
	for my $name (sort keys %life)
	{
		my ($from, $to, $cause) = @{ $life{$name} };
		$system->stop_agent('one');
		make_pair($from, $to, $crt, $key);
		my $text = slurp_file("$directory/worker.conf");
		$text =~ s/^WorkerHttpsCertThumbprint.*\n//mg;
		unlink "$directory/worker.conf";
		append_to_file("$directory/worker.conf", $text);
		my $found = Scaleout::Symptom::doctor($directory);
		my $row = $found->{"worker's certificate valid"};
		is($row->{result}, 'warning', "$name: a warning, for certificates are known by their thumbprints");
		like($row->{cause}, $cause, 'the cause');
		# The other rows let it in; then what this row says.
		Scaleout::Symptom::heal($system, $directory);
		works('it works, for its thumbprint is trusted');
		Scaleout::Symptom::apply($system, $name eq 'expired' ? $on_server->() : $row);
		ok(eval { $system->wait_for('a new certificate', sub { Scaleout::Symptom::doctor($directory)->{"worker's certificate valid"}{result} eq 'ok' }) }, 'the cure ends it');
		works('it works with the new certificate');
	}
};

subtest 'stale certificates beside the right one' => sub {
	make_pair('20200101000000Z', '20200201000000Z', "$directory/old$_.crt", "$directory/old$_.key") for (1 .. 3);
	Scaleout::Symptom::set_worker($directory, 'WorkerHttpsCertThumbprint', unpack('H*', Scaleout::GatewayStub::thumbprint($crt)));
	Scaleout::Symptom::shell($system, 'systemctl restart scaleout-worker');
	my $found = Scaleout::Symptom::doctor($directory);
	is($found->{''}, 0, 'play no part') or diag(explain [ grep { ref && $_->{result} eq 'failed' } values %$found ]);
	like($found->{'own thumbprint'}{cause}, qr/other certificates in the folder play no part/, 'and it says so');
	works();
};

subtest 'the clock, and the certificate of the master, as this machine sees them' => sub {
	my $answer = sub { my ($date) = @_; my $body = '{"error":{"code":"SO210","message":"not registered"}}';
		return "HTTP/1.1 409 Conflict\r\nDate: $date\r\nContent-Length: " . length($body) . "\r\nConnection: close\r\n\r\n$body" };
	my %life = ('expired' => [ '20200101000000Z', '20200201000000Z', qr/SO306: the master's certificate has expired/ ],
		'not valid yet' => [ '20480101000000Z', '20490101000000Z', qr/SO306: the master's certificate is not valid yet/ ]);
	Scaleout::Symptom::set_worker($directory, 'MasterEndpoint', tls_server("$security/master.crt", "$security/master.key", $answer->('Thu, 01 Jan 2026 00:00:00 GMT')));
	my $row = Scaleout::Symptom::doctor($directory)->{clock};
	is($row->{result}, 'warning', 'the clocks differ');
	like($row->{cause}, qr/The clock of this machine is \d{5,} s (?:behind|ahead of) the clock of the server/, 'by how much');
	like($row->{cure}, qr/^As root run timedatectl set-ntp true, or chronyc makestep; if the time here is right, do it on the server\./, 'and what helps');
	for my $name (sort keys %life)
	{
		my $folder = "$system->{folder}/master";
		my $pin = make_pair(@{ $life{$name} }[ 0, 1 ], "$folder.crt", "$folder.key");
		Scaleout::Symptom::set_worker($directory, 'MasterEndpoint', tls_server("$folder.crt", "$folder.key", $answer->('Thu, 01 Jan 2026 00:00:00 GMT')));
		Scaleout::Symptom::set_worker($directory, 'MasterHttpsCertThumbprint', $pin);
		$row = Scaleout::Symptom::doctor($directory)->{"master's certificate valid"};
		is($row->{result}, 'warning', "the master's certificate: $name");
		like($row->{cause}, $life{$name}[2], 'the cause');
		like($row->{cure}, qr/row of the same name in SELECT \* FROM catalog\.diagnose_scaleout\(\);/, 'the cure is on the server');
		ok(Scaleout::Symptom::diagnose($system)->{"master's certificate valid"}, 'where there is such a row');
	}
	Scaleout::Symptom::set_worker($directory, 'MasterEndpoint', $good);
	Scaleout::Symptom::set_worker($directory, 'MasterHttpsCertThumbprint', $thumbprint);
};

subtest 'a spool that grows' => sub {
	open(my $file, '>', "$directory/spool/sparse") or die $!;
	truncate($file, 1100 * 1024 * 1024) or die $!;
	close $file;
	my $row = Scaleout::Symptom::doctor($directory)->{spool};
	is($row->{result}, 'warning', 'a warning');
	like($row->{cause}, qr/11\d{5} kB of reports wait for the master/, 'how much waits');
	unlink "$directory/spool/sparse";
};

subtest 'what the worker has stored of the master cannot be read, and a machine without memory' => sub {
	$system->stop_agent('one');
	my $pins = "$directory/master_pins";
	my $kept = -e $pins ? slurp_file($pins) : undef;
	unlink $pins;
	append_to_file($pins, "\x01garbage\n");
	my $row = Scaleout::Symptom::doctor($directory)->{'announced by the master'};
	is($row->{result}, 'warning', 'the file is damaged') or diag(explain $row);
	like($row->{cause}, qr/SO\d{3}: .*master_pins/, 'it is named');
	unlink $pins;
	append_to_file($pins, $kept) if defined $kept;
	Scaleout::Symptom::set_worker($directory, 'TaskRequestMinMemory', 100000000);
	$row = Scaleout::Symptom::doctor($directory)->{load};
	is($row->{result}, 'warning', 'memory is short') or diag(explain $row);
	like($row->{cause}, qr/TaskRequestMinMemory/, 'the limit is named');
	Scaleout::Symptom::set_worker($directory, 'TaskRequestMinMemory', 0);
	$system->start_agent('one');
};

# ---- letting workers in --------------------------------------------------------------

subtest 'no certificate' => sub {
	my $connection = Scaleout::GatewayStub::client(port => $system->port);
	Scaleout::GatewayStub::write_all($connection, Scaleout::GatewayStub::post('lease', '{}'));
	my $answer = Scaleout::GatewayStub::read_answer($connection);
	is($answer->{status}, 403, 'is answered with 403');
	like($answer->{body}, qr/SO301.*scaleout-worker init makes one.*trust_worker_certificate/s, 'and says what to do');
};

subtest 'untrusted' => sub {
	my $stranger = realpath($system->{folder}) . '/two';
	system(Scaleout::System::program('scaleout-worker') . " init --master $good --thumbprint $thumbprint --directory $stranger >/dev/null") == 0 or die 'init';
	my $row = Scaleout::Symptom::doctor($stranger)->{'certificate trusted by the master'};
	is($row->{result}, 'failed', 'the worker is not trusted');
	like($row->{cause}, qr/HTTP 403, SO302.*thumbprint is [0-9a-f]{64}/, 'it gives the answer of the master');
	my ($id) = slurp_file("$stranger/worker.conf") =~ /^\s*AgentId\s*=\s*"?([0-9a-fA-F-]{36})/m;
	$system->stop_agent('one');
	local $system->{agents} = { two => { name => 'two', id => $id, directory => $stranger, log => "$agent->{log}.two", pid => 0 } };
	# The sanitizers and this machine may look busy.
	Scaleout::Symptom::set_worker($stranger, TaskRequestMaxCPU => 100);
	Scaleout::Symptom::set_worker($stranger, TaskRequestMaxMemoryPressure => 100);
	Scaleout::Symptom::set_worker($stranger, TaskRequestMinMemory => 0);
	is_deeply([ Scaleout::Symptom::heal($system, $stranger) ], [ 'certificate trusted by the master', 'service' ], 'the cures are to trust and to start it');
	works('then it works');
	$system->stop_agent('two');
};

subtest 'no online and enabled worker' => sub {
	$system->stop_agent('one');
	my $row;
	$system->wait_for('nobody ready', sub { ($row = Scaleout::Symptom::diagnose($system)->{'workers ready'})->{result} eq 'failed' });
	like($row->{cause}, qr/No worker is enabled and online: executions wait/, 'it is named');
	my $offline = (grep { $_->{check} eq 'worker online' && $_->{cause} =~ /"one"/ } Scaleout::Symptom::diagnose_rows($system))[0];
	like($offline->{cause}, qr/Worker "one" is offline; it was last heard of at 2/, 'and who is offline');
	Scaleout::Symptom::apply($system, $offline);
	ok(eval { $system->wait_for('a ready worker', sub { Scaleout::Symptom::diagnose($system)->{'workers ready'}{result} eq 'ok' }) }, 'its cure ends it');
	works();
};

subtest 'a disabled worker, as the server sees it' => sub {
	$system->sql("SELECT catalog.disable_worker_agent('$agent->{id}')");
	my $row;
	$system->wait_for('a disabled worker', sub { ($row) = grep { $_->{check} eq 'worker enabled' && $_->{cause} =~ /"one" is disabled/ } Scaleout::Symptom::diagnose_rows($system) });
	Scaleout::Symptom::apply($system, $row);
	works('its cure ends it');
};

subtest 'a revoked worker, as the server sees it' => sub {
	my $revoked = unpack('H*', Scaleout::GatewayStub::thumbprint($crt));
	my $row;
	$system->sql("SELECT catalog.revoke_worker_certificate('$revoked')");
	$system->wait_for('a revoked worker', sub { ($row) = grep { $_->{check} eq 'worker trusted' && ($_->{cause} // '') =~ /"one"/ } Scaleout::Symptom::diagnose_rows($system) });
	like($row->{cause}, qr/its certificate \($revoked\) is revoked/, 'it is named');
	like($row->{cure}, qr/copy worker\.crt of \S+ here/, 'it says what to bring');
	local $Scaleout::Symptom::working_folder = $directory;
	Scaleout::Symptom::apply($system, $row);
	works('its cure ends it');
};


is(join(', ', Scaleout::Symptom::missing('401_diagnose_worker')), '', 'every result that this test is to see was seen');
kill('KILL', $_) for @children;
waitpid($_, 0) for @children;
$system->stop;
done_testing();
