# Certificates of master and workers are replaced while work runs: no execution
# fails, none runs twice, nobody edits a file.
use strict;
use warnings;

use JSON::PP;
use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::GatewayStub;
use Scaleout::Symptom;
use Scaleout::System;

my $system = Scaleout::System->new('rotation', settings => {
	'scaleout.master_heartbeat_interval' => '500ms', 'scaleout.long_poll_interval' => '5s' });
$system->deploy('f', 'p', empty => { executables => [] });
$system->add_agent($_) for qw(one two);
my $security = $system->node->data_dir . '_scaleout';

sub start_executions
{
	my ($n) = @_;
	return split /\|/, $system->sql("SELECT min(id), max(id) FROM (SELECT catalog.run_package('f', 'p', 'empty') AS id FROM generate_series(1, $n)) x");
}

# All of them have succeeded, each with one attempt.
sub check_all
{
	my ($first, $last, $what) = @_;
	my $n = $last - $first + 1;
	$system->wait_until("SELECT count(*) = $n FROM internal.operation WHERE operation_id BETWEEN $first AND $last AND status NOT IN (2, 5, 8)");
	is($system->sql("SELECT count(*) FROM internal.operation WHERE operation_id BETWEEN $first AND $last AND status = 7"), $n, "$what: all $n executions succeed");
	is($system->sql("SELECT count(*) FROM internal.task_attempt WHERE execution_id BETWEEN $first AND $last"), $n, "$what: each with one attempt");
	return;
}

sub copy_file { my ($from, $to) = @_; append_to_file($to, slurp_file($from)); return; }
sub served { return unpack('H*', Scaleout::GatewayStub::thumbprint("$security/master.crt")); }
sub properties { return $system->sql("SELECT property_value FROM catalog.master_properties WHERE property_name = 'SSLCERT_THUMBPRINT'"); }

sub log_has
{
	my ($name, $pattern) = @_;
	my $log = $system->{agents}{$name}{log};
	return $system->wait_for("$pattern in the log of $name", sub { -e $log && slurp_file($log) =~ $pattern });
}

subtest 'the master, while 200 executions run' => sub {
	my $before = served();
	my %settings = map { $_ => slurp_file("$system->{agents}{$_}{directory}/worker.conf") } qw(one two);
	my ($first, $last) = start_executions(100);
	my $next = $system->sql('SELECT catalog.rotate_master_certificate()');
	my ($first2, $last2) = start_executions(100);
	isnt($next, $before, 'another certificate is announced');
	$system->wait_until("SELECT state = 'current' FROM catalog.master_certificates WHERE thumbprint = '$next'");
	is(served(), $next, 'it is used when both workers have it');
	is(properties(), $next, 'and shown');
	is($system->sql("SELECT state, valid_until > now() + interval '6 days' FROM catalog.master_certificates WHERE thumbprint = '$before'"), 'old|t', 'the old one is valid for its grace');
	is($system->sql('SELECT bool_and(confirmed AND is_online) FROM catalog.master_certificate_confirmations'), 't', 'all have confirmed');
	check_all($first, $last2, 'master');
	is(slurp_file("$system->{agents}{$_}{directory}/worker.conf"), $settings{$_}, "settings of $_ are as they were") for qw(one two);
	my ($third, $fourth) = start_executions(20);
	check_all($third, $fourth, 'afterwards');
	$system->stop_agent('one');
	my $stopped = $system->sql('SELECT clock_timestamp()');
	$system->start_agent('one');
	pass('a worker that starts anew knows the new certificate');
	ok($system->wait_until("SELECT count(*) = 1 FROM internal.worker_agent WHERE agent_id = '$system->{agents}{one}{id}' AND is_enabled AND last_online_time > '$stopped'"), 'and is online');
};

subtest 'a worker that does not confirm' => sub {
	# It counts as online for longer than this after each word.
	$system->sql("ALTER SYSTEM SET scaleout.long_poll_interval = '30s'");
	$system->sql('SELECT pg_reload_conf()');
	my $fake = $system->add_fake_agent('silent');
	my $present = served();
	my $next = $system->sql("SELECT catalog.rotate_master_certificate(grace => '1 second')");
	# The others have it, this one polls and does not register anew.
	$system->wait_until("SELECT count(*) = 2 FROM catalog.master_certificate_confirmations WHERE confirmed");
	my $answer = $fake->lease(capacity => 0, wait_ms => 100);
	is_deeply([ map { $_->{command} } @{ $answer->{json}{commands} } ], ['rotate'], 'it is told');
	is_deeply([ sort @{ $answer->{json}{commands}[0]{thumbprints} } ],
		[ sort($next, split /\n/, $system->sql("SELECT thumbprint FROM catalog.master_certificates WHERE state IN ('current', 'old')")) ], 'with all thumbprints');
	is(served(), $present, 'the present certificate stays in use');
	my ($status, $out, $err) = $system->node->psql('postgres', 'SELECT catalog.rotate_master_certificate()');
	like($err, qr/is announced already.*Thumbprint $next is announced.*force => true/s, 'a second one is refused');
	is($system->sql('SELECT catalog.rotate_master_certificate(force => true)'), $next, 'unless it is to be used at once');
	$system->wait_until("SELECT state = 'current' FROM catalog.master_certificates WHERE thumbprint = '$next'");
	is(served(), $next, 'then it is');
	$system->sql("SELECT catalog.disable_worker_agent('$fake->{id}')");
	$system->sql('ALTER SYSTEM RESET scaleout.long_poll_interval');
	$system->sql('SELECT pg_reload_conf()');
	my ($first, $last) = start_executions(20);
	check_all($first, $last, 'forced');
};

subtest 'after the grace' => sub {
	# The second rotation was forced with the default grace; the certificates of the first have theirs.
	my $present = served();
	my $next = $system->sql("SELECT catalog.rotate_master_certificate(grace => '100 ms')");
	$system->wait_until("SELECT state = 'current' FROM catalog.master_certificates WHERE thumbprint = '$next'");
	$system->wait_until("SELECT state = 'retired' FROM catalog.master_certificates WHERE thumbprint = '$present'");
	$system->wait_for('the retired thumbprint', sub { slurp_file("$system->{agents}{one}{directory}/master_pins") =~ /^retired $present$/m });
	pass('workers no longer accept it');
	my ($first, $last) = start_executions(20);
	check_all($first, $last, 'retired');
};

sub refusal { my ($statement) = @_; my (undef, undef, $err) = $system->node->psql('postgres', $statement); return $err; }
sub trust_of { my ($name) = @_; return $system->sql("SELECT master_trust FROM catalog.worker_agents WHERE workeragentid = '$system->{agents}{$name}{id}'"); }

# Stop a worker and wait until the master takes it for offline.
sub send_away
{
	my ($name) = @_;
	$system->stop_agent($name);
	$system->wait_until("SELECT NOT is_online FROM catalog.worker_agents WHERE workeragentid = '$system->{agents}{$name}{id}'");
	return;
}

# Rotate and wait until the new certificate is used; its thumbprint and what was said.
sub rotate
{
	my ($arguments) = @_;
	my ($status, $next, $said) = $system->node->psql('postgres', "SELECT catalog.rotate_master_certificate($arguments)");
	is($status, 0, "rotate_master_certificate($arguments)") or diag($said);
	$system->wait_until("SELECT state = 'current' FROM catalog.master_certificates WHERE thumbprint = '$next'");
	$system->wait_until("SELECT thumbprint = '$next' FROM internal.master_state");
	return ($next, $said);
}

sub comes_back
{
	my ($name, $what) = @_;
	$system->start_agent($name);
	$system->wait_until("SELECT is_online AND master_trust = 'confirmed' FROM catalog.worker_agents WHERE workeragentid = '$system->{agents}{$name}{id}'");
	pass($what);
	return;
}

# The worker refuses the master; the diagnosis says what to do, which is done as it is written.
sub left_behind
{
	my ($name, $current) = @_;
	my $agent = $system->{agents}{$name};
	my $offset = -s $agent->{log};
	is(trust_of($name), 'left behind', 'catalog.worker_agents says so');
	my $row;
	$system->wait_for('the diagnosis', sub { ($row) = grep { $_->{check} eq 'worker online' && $_->{cause} =~ /"$name"/ }
			@{ JSON::PP->new->decode($system->sql('SELECT json_agg(d) FROM catalog.diagnose_scaleout() d')) } });
	like($row->{cause}, qr/offline.*does not know the master's certificate.*SO314/, 'the diagnosis names it');
	$system->start_agent($name);
	$system->wait_for('the refusal', sub { substr(slurp_file($agent->{log}), $offset) =~ /SO314: the certificate of the master is not one of the pinned ones/ });
	$system->stop_agent($name);
	# The server does not know where on that machine the settings are.
	my ($setting, $value) = $row->{cure} =~ /set (\w+) = ([0-9a-f]{64}) in the settings of the worker/ or die $row->{cure};
	Scaleout::Symptom::set_worker($agent->{directory}, $setting, $value);
	comes_back($name, 'which helps');
	return substr(slurp_file($agent->{log}), $offset);
}

subtest 'a worker that is away meanwhile' => sub {
	send_away('two');
	my $settings = slurp_file("$system->{agents}{two}{directory}/worker.conf");
	my (undef, $said) = rotate('');
	like($said, qr/NOTICE:  1 enabled workers are offline: "two".*learn the new certificate when they come back within 7 days/s, 'it is said');
	is(trust_of('one') . ', ' . trust_of('two'), 'confirmed, catches up', 'catalog.worker_agents says so');
	rotate("grace => '1 day'");
	is($system->sql("SELECT state, until BETWEEN now() + interval '23 hours' AND now() + interval '1 day' FROM catalog.master_certificate_confirmations WHERE displayname = 'two'"),
		'catches up|t', 'after a second one, too, until the first statement ends');
	comes_back('two', 'two rotations later it comes back');
	is(slurp_file("$system->{agents}{two}{directory}/worker.conf"), $settings, 'nobody has edited its settings');
	my ($first, $last) = start_executions(20);
	check_all($first, $last, 'come back');
};

subtest 'a worker that comes too late' => sub {
	send_away('two');
	my ($next, $said) = rotate("grace => '2 seconds'");
	like($said, qr/within 00:00:02/, 'the time is said');
	$system->wait_until("SELECT master_trust = 'left behind' FROM catalog.worker_agents WHERE workeragentid = '$system->{agents}{two}{id}'");
	my $log = left_behind('two', $next);
	like($log, qr/named it as its successor, but that counted until \S+Z only/, 'its log says that it came too late');
};

subtest 'a certificate whose key others may have' => sub {
	send_away('two');
	my $stolen = served();
	my ($next, $said) = rotate('compromised => true');
	like($said, qr/WARNING:  1 enabled workers are offline: "two".*set MasterHttpsCertThumbprint = $next in worker\.conf/s, 'it is said who is left behind, and the cure');
	is(() = slurp_file("$security/master.crt") =~ /BEGIN CERTIFICATE/g, 1, 'nothing is served that leads on from it');
	$system->wait_until("SELECT count(*) = 0 FROM catalog.master_certificates WHERE state = 'old'");
	$system->wait_for('the retired thumbprint', sub { slurp_file("$system->{agents}{one}{directory}/master_pins") =~ /^retired $stolen$/m });
	pass('workers that are online refuse it at once');
	left_behind('two', $next);
	# A standby or a backup with the old files comes and goes, one rotation later: the key is not trusted for another grace by that.
	is($system->sql("BEGIN; UPDATE internal.master_certificate SET compromised = false WHERE thumbprint = '$next';
		SELECT internal.master_serves('$stolen'), internal.master_serves('$next'); SELECT internal.master_identity(false);
		SELECT state, valid_until < clock_timestamp() FROM catalog.master_certificates WHERE thumbprint = '$stolen'; ROLLBACK") =~ s/.*\n//sr, 'retired|t',
		'it stays retired when it was served once more');
};

subtest 'more certificates than workers can remember' => sub {
	my $first = '0' x 63 . '1';
	my $announced = $system->sql("BEGIN;
		INSERT INTO internal.master_certificate (thumbprint, state, version, current_since, valid_until)
		SELECT lpad(to_hex(n), 64, '0'), CASE WHEN n <= 200 THEN 'retired' ELSE 'old' END, n, now() - interval '1 day' + n * interval '1 s', now() + interval '1 day'
		  FROM generate_series(1, 230) n;
		SELECT format('{%s}', detail) FROM internal.master_identity(false) WHERE kind = 'pins'; ROLLBACK");
	my $pins = JSON::PP->new->decode($announced);
	cmp_ok(scalar @{ $pins->{thumbprints} }, '<=', 16, 'no more are to be trusted');
	ok((grep { $_ eq served() } @{ $pins->{thumbprints} }), 'the present one is among them');
	ok((grep { $_ eq $first } @{ $pins->{retired} }), 'and the first that was retired stays refused');
};

subtest 'waiting for all' => sub {
	send_away('two');
	my $present = served();
	like(refusal('SELECT catalog.rotate_master_certificate(wait_for_all => true, force => true)'), qr/wait_for_all goes neither with force/, 'not with force');
	my (undef, $next, $said) = $system->node->psql('postgres', 'SELECT catalog.rotate_master_certificate(wait_for_all => true)');
	like($said, qr/NOTICE:  1 enabled workers are offline: "two".*used when they have come and know it.*disable_worker_agent/s, 'it is said for whom');
	$system->wait_until("SELECT confirmed FROM catalog.master_certificate_confirmations WHERE displayname = 'one'");
	my $row;
	$system->wait_for('the diagnosis', sub { $row = Scaleout::Symptom::diagnose($system)->{'certificate rotation'} });
	like($row->{cause}, qr/The next certificate $next, announced by postgres at .* waits for "two" \(offline\)/, 'the diagnosis says it');
	is(served(), $present, 'the present certificate stays in use');
	$system->start_agent('two');
	$system->wait_until("SELECT state = 'current' FROM catalog.master_certificates WHERE thumbprint = '$next'");
	pass('it is used when that worker has come');
	ok(!Scaleout::Symptom::diagnose($system)->{'certificate rotation'}, 'and the row is gone');
};

subtest 'a certificate that was made elsewhere' => sub {
	# From a private authority, with its certificate behind it.
	my $folder = PostgreSQL::Test::Utils::tempdir();
	Scaleout::GatewayStub::make_certificate($folder, 'authority');
	Scaleout::GatewayStub::run_quietly('openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost',
		'-addext', 'subjectAltName=DNS:localhost', '-keyout', "$folder/given.key", '-out', "$folder/given.csr");
	Scaleout::GatewayStub::run_quietly('openssl', 'x509', '-req', '-in', "$folder/given.csr", '-CA', "$folder/authority.crt", '-CAkey', "$folder/authority.key",
		'-copy_extensions', 'copy', '-days', '10', '-out', "$folder/given.crt");
	append_to_file("$security/given.crt", slurp_file("$folder/given.crt") . slurp_file("$folder/authority.crt"));
	append_to_file("$security/given.key", slurp_file("$folder/given.key"));
	chmod 0600, "$security/given.key";
	my ($status, undef, $err) = $system->node->psql('postgres', "SELECT catalog.rotate_master_certificate(certificate_file => '../given.crt', key_file => 'given.key')");
	like($err, qr/is not the name of a file/, 'only files of the security directory');
	# Workers would refuse the master, and hear of no other certificate.
	my %wrong = ('common name only' => [], 'another name' => [ '-addext', 'subjectAltName=DNS:other.example' ], 'a pattern' => [ '-addext', 'subjectAltName=DNS:*' ]);
	for my $name (sort keys %wrong)
	{
		unlink "$security/wrong.key", "$security/wrong.crt";
		Scaleout::GatewayStub::run_quietly('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost',
			@{ $wrong{$name} }, '-keyout', "$security/wrong.key", '-out', "$security/wrong.crt");
		chmod 0600, "$security/wrong.key";
		(undef, undef, $err) = $system->node->psql('postgres', "SELECT catalog.rotate_master_certificate(certificate_file => 'wrong.crt', key_file => 'wrong.key', force => true)");
		like($err, qr/"localhost" is not one of the names in the certificate.*(?:Its names are|no subject alternative name).*scaleout cert request --like/s, "$name: refused, with what to do");
	}
	is($system->sql("SELECT count(*) FROM catalog.master_certificates WHERE state = 'next'"), 0, 'nothing is announced');
	(undef, undef, $err) = $system->node->psql('postgres', "BEGIN; SELECT catalog.rotate_master_certificate(certificate_file => 'given.crt', key_file => 'given.key'); ROLLBACK");
	like($err, qr/WARNING: .*lacks names that the present one has: .*127\.0\.0\.1/, 'names that it has no more are named');
	my $offset = $system->log_size;
	my $next = $system->sql("SELECT catalog.rotate_master_certificate(certificate_file => 'given.crt', key_file => 'given.key')");
	is($next, unpack('H*', Scaleout::GatewayStub::thumbprint("$folder/given.crt")), 'is announced');
	$system->wait_until("SELECT state = 'current' FROM catalog.master_certificates WHERE thumbprint = '$next'");
	my ($first, $last) = start_executions(20);
	check_all($first, $last, 'from an authority');
	ok($system->wait_log(qr/the certificate in .*master\.crt expires in (?:9|10) days/, $offset), 'that it ends within 30 days is in the log');
};

subtest 'the certificate has expired' => sub {
	my $folder = PostgreSQL::Test::Utils::tempdir();
	append_to_file("$folder/ca.conf", "[ca]\ndefault_ca=c\n[c]\nnew_certs_dir=$folder\ndatabase=$folder/index.txt\nrand_serial=yes\n"
		. "default_md=sha256\npolicy=p\nx509_extensions=e\ncopy_extensions=copy\n[p]\ncommonName=supplied\n[e]\nbasicConstraints=CA:FALSE\n");
	append_to_file("$folder/index.txt", '');
	Scaleout::GatewayStub::run_quietly('openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost',
		'-addext', 'subjectAltName=DNS:localhost', '-keyout', "$security/expired.key", '-out', "$folder/csr");
	chmod 0600, "$security/expired.key";
	Scaleout::GatewayStub::run_quietly('openssl', 'ca', '-batch', '-notext', '-selfsign', '-config', "$folder/ca.conf", '-keyfile', "$security/expired.key", '-in', "$folder/csr",
		'-startdate', '20200101000000Z', '-enddate', '20210101000000Z', '-out', "$security/expired.crt");
	# Served and known to the workers, as it would be had it grown old.
	my ($expired) = rotate("certificate_file => 'expired.crt', key_file => 'expired.key'");
	my $offset = $system->log_size;
	$system->node->restart;
	$system->wait_listening;
	ok($system->wait_log(qr/WARNING:  scaleout: the certificate of the master \(SELECT catalog\.rotate_master_certificate\(\) replaces it\) expired at 2021-01-01/, $offset), 'the server log says it');
	$system->wait_until('SELECT count(*) = 2 FROM catalog.worker_agents WHERE is_online AND isenabled');
	my ($first, $last) = start_executions(20);
	check_all($first, $last, 'with an expired certificate');
	my $row = Scaleout::Symptom::diagnose($system)->{"master's certificate valid"};
	is($row->{result}, 'failed', 'the diagnosis says it');
	Scaleout::Symptom::apply($system, $row);
	$system->wait_until("SELECT count(*) = 0 FROM catalog.master_certificates WHERE thumbprint = '$expired' AND state = 'current'");
	$system->wait_for('a valid one', sub { Scaleout::Symptom::diagnose($system)->{"master's certificate valid"}{result} eq 'ok' });
	($first, $last) = start_executions(20);
	check_all($first, $last, 'after its cure');
};

subtest 'a worker that was away when its rotation was asked for' => sub {
	# The answer to its registration has the command.
	my $agent = $system->{agents}{one};
	my $before = $system->sql("SELECT thumbprint FROM catalog.worker_agents WHERE workeragentid = '$agent->{id}'");
	$system->stop_agent('one');
	my $count = "SELECT count(*) FROM catalog.worker_certificates WHERE workeragentid = '$agent->{id}'";
	my $known = $system->sql($count);
	$system->sql("SELECT catalog.rotate_worker_certificate('$agent->{id}')");
	$system->start_agent('one');
	$system->wait_until("SELECT w.thumbprint <> '$before' AND c.revoked FROM catalog.worker_agents w, catalog.worker_certificates c WHERE w.workeragentid = '$agent->{id}' AND c.thumbprint = '$before'");
	my $now = unpack('H*', Scaleout::GatewayStub::thumbprint("$agent->{directory}/worker.crt"));
	is($system->sql("SELECT thumbprint FROM catalog.worker_agents WHERE workeragentid = '$agent->{id}'"), $now, 'it uses a new certificate when it comes');
	is($system->sql("SELECT rotate_requested FROM internal.worker_agent WHERE agent_id = '$agent->{id}'"), 'f', 'once');
	is($system->sql($count), $known + 1, 'and has made one only');
};

subtest 'a worker, while 200 executions run' => sub {
	my $agent = $system->{agents}{one};
	my $before = unpack('H*', Scaleout::GatewayStub::thumbprint("$agent->{directory}/worker.crt"));
	my ($first, $last) = start_executions(100);
	$system->sql("SELECT catalog.rotate_worker_certificate('$agent->{id}')");
	my (undef, $last2) = start_executions(100);
	$system->wait_until("SELECT w.thumbprint <> '$before' AND c.revoked FROM catalog.worker_agents w, catalog.worker_certificates c WHERE w.workeragentid = '$agent->{id}' AND c.thumbprint = '$before'");
	my $now = unpack('H*', Scaleout::GatewayStub::thumbprint("$agent->{directory}/worker.crt"));
	is($system->sql("SELECT thumbprint FROM catalog.worker_agents WHERE workeragentid = '$agent->{id}'"), $now, 'it uses a new certificate, the old one is dropped');
	check_all($first, $last2, 'worker');
	is($system->sql("SELECT rotate_requested FROM internal.worker_agent WHERE agent_id = '$agent->{id}'"), 'f', 'once');
	my ($out, $err);
	IPC::Run::run([ Scaleout::System::program('scaleout-worker'), 'rotate', '--directory', $agent->{directory} ], '>', \$out, '2>', \$err);
	is($? >> 8, 0, 'scaleout-worker rotate') or diag($err);
	my ($third) = $out =~ /its thumbprint is ([0-9a-f]{64})/;
	isnt($third, $now, 'makes another one');
	$system->wait_until("SELECT thumbprint = '$third' FROM catalog.worker_agents WHERE workeragentid = '$agent->{id}'");
	$system->stop_agent('one');
	$system->start_agent('one');
	log_has('one', qr/certificate $third/);
	my ($fourth, $fifth) = start_executions(20);
	check_all($fourth, $fifth, 'started anew');
	$system->sql("SELECT catalog.revoke_worker_certificate('$before')");
	$system->wait_until("SELECT revoked FROM catalog.worker_certificates WHERE thumbprint = '$third'");
	pass('revoking a certificate revokes those that took its place');
};

subtest 'a worker with a certificate of a company' => sub {
	# As docs/certificates.md says.
	my $agent = $system->{agents}{two};
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $before = unpack('H*', Scaleout::GatewayStub::thumbprint("$agent->{directory}/worker.crt"));
	$system->sql("SELECT catalog.enable_worker_agent('$agent->{id}')");
	copy_file("$agent->{directory}/worker.$_", "$folder/before.$_") for 'crt', 'key';
	chmod 0600, "$folder/before.key";
	system_or_bail(Scaleout::System::program('scaleout'), 'cert', 'request', '--like', "$agent->{directory}/worker.crt", "$folder/new.csr", "$folder/new.key");
	Scaleout::GatewayStub::run_quietly('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650',
		'-subj', '/CN=our authority', '-keyout', "$folder/authority.key", '-out', "$folder/authority.crt");
	Scaleout::GatewayStub::run_quietly('openssl', 'x509', '-req', '-in', "$folder/new.csr", '-CA', "$folder/authority.crt", '-CAkey', "$folder/authority.key",
		'-copy_extensions', 'copy', '-days', '20', '-out', "$folder/new.crt");
	append_to_file("$folder/new.crt", slurp_file("$folder/authority.crt"));
	my $new = unpack('H*', Scaleout::GatewayStub::thumbprint("$folder/new.crt"));
	my @rotate = (Scaleout::System::program('scaleout-worker'), 'rotate', '--directory', $agent->{directory});
	my ($first, $last) = start_executions(50);
	command_like([ @rotate, '--certificate', "$folder/new.crt", '--key', "$folder/new.key" ], qr/is replaced; its thumbprint is $new/, 'it is taken into use');
	$system->wait_until("SELECT thumbprint = '$new' AND certificate_state = 'expires soon' FROM catalog.worker_agents WHERE workeragentid = '$agent->{id}'");
	check_all($first, $last, 'company');
	is((stat("$agent->{directory}/worker.key"))[2] & 07777, 0600, 'the key is private');
	my ($row) = grep { $_->{check} eq "worker's certificate valid" } @{ JSON::PP->new->decode($system->sql('SELECT json_agg(d) FROM catalog.diagnose_scaleout() d')) };
	like($row->{cause}, qr/of worker "two" expires at/, 'the diagnosis says that it ends soon');
	command_fails_like([ @rotate, '--certificate', "$folder/new.crt", '--key', "$folder/new.key" ], qr/SO318: this is the certificate that is in use/, 'not twice');
	command_fails_like([ @rotate, '--certificate', "$folder/new.crt", '--key', "$folder/before.key" ], qr/SO308/, 'nor with another key');
	# Its old certificate was dropped, so the master would shut it out.
	command_fails_like([ @rotate, '--certificate', "$folder/before.crt", '--key', "$folder/before.key" ], qr/SO318: the worker has not replaced its certificate/, 'one that is revoked is not taken');
	ok(log_has('two', qr/SO318: certificate $before was replaced or revoked before; give another one/), 'the log says why');
	ok(!-e "$agent->{directory}/worker.crt.next" && !-e "$agent->{directory}/worker.key.next", 'and nothing of it is left');
	is($system->sql("SELECT thumbprint FROM catalog.worker_agents WHERE workeragentid = '$agent->{id}'"), $new, 'the worker goes on with the present one');
	Scaleout::Symptom::apply($system, $row);
	$system->wait_until("SELECT thumbprint <> '$new' AND certificate_state = 'valid' FROM catalog.worker_agents WHERE workeragentid = '$agent->{id}'");
	pass('the cure of the diagnosis replaces it');
};

subtest 'a crash between the two files' => sub {
	my $present = served();
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $thumbprint = Scaleout::GatewayStub::make_certificate($folder, 'crash');
	$system->node->stop('fast');
	rename("$folder/crash.key", "$security/master.key") or append_to_file("$security/master.key.new", slurp_file("$folder/crash.key"));
	rename("$security/master.key.new", "$security/master.key") if -e "$security/master.key.new";
	chmod 0600, "$security/master.key";
	append_to_file("$security/master.crt.next", slurp_file("$folder/crash.crt"));
	$system->node->start;
	$system->wait_until("SELECT thumbprint = '" . unpack('H*', $thumbprint) . "' FROM internal.master_state");
	pass('the master that starts finishes the change');
};

is(join(', ', Scaleout::Symptom::missing('410_rotation')), '', 'every result of the diagnosis that this test is to see was seen');
$system->stop;
done_testing();
