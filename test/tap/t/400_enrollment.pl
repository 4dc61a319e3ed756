# Workers join by tokens, and are shut out at once when their certificate is revoked.
use strict;
use warnings;

use Test::More;
use JSON::PP;
use MIME::Base64 qw(decode_base64url encode_base64url);
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::Servers;
use Scaleout::System;

my $worker = Scaleout::System::program('scaleout-worker');
my $system = Scaleout::System->new('enrollment', settings => {
	'scaleout.lease_interval' => '60s', 'scaleout.master_heartbeat_interval' => '1s' });
my $folder = PostgreSQL::Test::Utils::tempdir();
$system->deploy('f', 'p', empty => { executables => [] },
	long => { executables => [ { name => 'long', type => 'execute_process', executable => '/bin/sleep', arguments => ["1234567.$$"] } ] });

sub token { my ($arguments) = @_; return $system->sql('SET client_min_messages = warning; SELECT catalog.create_enrollment_token(' . ($arguments // '') . ')'); }

sub join_with
{
	my ($token, $name) = @_;
	my ($out, $err);
	IPC::Run::run([ $worker, 'join', $token, '--directory', "$folder/$name", '--display-name', $name ], '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

# The token with some of its parts changed.
sub forged
{
	my ($token, %with) = @_;
	my $parts = decode_json(decode_base64url($token =~ s/^scaleout1\.//r));
	return 'scaleout1.' . encode_base64url(encode_json({ %$parts, %with }));
}

sub last_attempt { return $system->sql('SELECT accepted, reason FROM catalog.enrollment_attempts ORDER BY attempt_id DESC LIMIT 1'); }

# A worker that has joined becomes an agent of the system.
sub start
{
	my ($name) = @_;
	append_to_file("$folder/$name/worker.conf", "TaskRequestMaxCPU = 100\nTaskRequestMinMemory = 0\nTaskRequestMaxMemoryPressure = 100\n");
	my ($id) = slurp_file("$folder/$name/worker.conf") =~ /^AgentId = (\S+)/m;
	$system->{agents}{$name} = { name => $name, id => $id, directory => "$folder/$name", pid => 0,
		log => "$PostgreSQL::Test::Utils::log_path/agent_$name.log" };
	return $system->start_agent($name);
}

subtest 'a worker joins' => sub {
	my $token = token("valid_for => '1 hour', uses => 1");
	like($token, qr/^scaleout1\.[A-Za-z0-9_-]+$/, 'a token');
	my ($status, $out, $err) = join_with($token, 'one');
	is($status, 0, 'join') or diag($err);
	like($out, qr/has joined https:\/\/localhost:\d+ and is enabled/, 'says so');
	is((stat("$folder/one/worker.key"))[2] & 0777, 0600, 'the key is private');
	unlike(slurp_file("$folder/one/worker.conf"), qr/scaleout1|secret/, 'the settings do not hold the token');
	start('one');
	$system->wait_status($system->run('f', 'p', 'empty'), 7);
	pass('and runs packages');
	is($system->sql('SELECT used, uses, failed_attempts, is_usable, created_by FROM catalog.enrollment_tokens'), '1|1|0|f|postgres', 'the token is used up');
	my $secret = decode_json(decode_base64url($token =~ s/^scaleout1\.//r))->{secret};
	ok(!$system->node->log_contains($secret), 'the secret is not logged');
	is($system->sql("SELECT count(*) FROM internal.enrollment_token t WHERE t::text LIKE '%$secret%'"), 0, 'nor stored');
	is(last_attempt(), 't|', 'the attempt is recorded');

	($status, undef, $err) = join_with($token, 'again');
	is($status, 1, 'a used token is refused');
	like($err, qr/SO315.*the token has been used/s, 'with the reason');
	is(last_attempt(), 'f|the token has been used', 'and recorded');
	ok(!-e "$folder/again/worker.key", 'nothing is left of the attempt');
};

subtest 'the token is not shown to others on the machine' => sub {
	my $token = token();
	my $secret = decode_json(decode_base64url($token =~ s/^scaleout1\.//r))->{secret};
	my ($out, $err);
	IPC::Run::run([ $worker, 'join', '-', '--directory', "$folder/stdin" ], '<', \"$token\n", '>', \$out, '2>', \$err);
	like($out, qr/has joined/, 'it can be read from standard input') or diag($err);
	IPC::Run::run([ $worker, 'join', '-', '--directory', "$folder/nothing" ], '<', \'', '>', \$out, '2>', \$err);
	like($err, qr/SO317/, 'if it is there');
	IPC::Run::run([ $worker, 'join', '-', '--directory', "$folder/nothing" ], '<', \('x' x 5000), '>', \$out, '2>', \$err);
	like($err, qr/SO317/, 'and is not too long');
	# A master that says nothing, so that there is time to look.
	my $silent = Scaleout::Servers::silent();
	$token = forged($token, endpoint => "https://127.0.0.1:$silent->{port}");
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open(STDERR, '>', '/dev/null');
		exec($worker, 'join', $token, '--directory', "$folder/shown") or POSIX::_exit(127);
	}
	$system->wait_for('the key', sub { -e "$folder/shown/worker.key" });
	my $line = slurp_file("/proc/$pid/cmdline");
	like($line, qr/scaleout-worker\0join\0x+\0/, 'the argument is overwritten');
	unlike($line . slurp_file("/proc/$pid/environ"), qr/\Q$token\E/, 'and nowhere else');
	kill 'TERM', $pid;
	waitpid($pid, 0);
	Scaleout::Servers::stop($silent);
};

subtest 'an attempt that was killed can be repeated' => sub {
	my $token = token('uses => 2');
	mkdir "$folder/half";
	Scaleout::GatewayStub::run_quietly('openssl', 'genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', "$folder/half/worker.key");
	chmod 0600, "$folder/half/worker.key";
	my $key = slurp_file("$folder/half/worker.key");
	my ($status, undef, $err) = join_with(forged($token, secret => '0' x 64), 'half');
	like($err, qr/SO315/, 'refused');
	is(slurp_file("$folder/half/worker.key"), $key, 'a key that was there stays');
	($status, undef, $err) = join_with($token, 'half');
	is($status, 0, 'a key without certificate gets one') or diag($err);
	is(slurp_file("$folder/half/worker.key"), $key, 'for this key');
	# Killed in the middle of the settings, by the limit for files.
	Scaleout::GatewayStub::make_certificate($folder, 'given');
	my @join = ($worker, 'join', $token, '--directory', "$folder/cut", '--certificate', "$folder/given.crt", '--key', "$folder/given.key");
	my ($out, $said) = ('', '');
	IPC::Run::run([ 'prlimit', '--fsize=200', '--core=0', @join ], '>', \$out, '2>', \$said);
	isnt($?, 0, 'killed while the settings are written') or diag($out);
	ok(!-e "$folder/cut/worker.conf", 'no half of them is there');
	IPC::Run::run(\@join, '>', \$out, '2>', \$said);
	is($?, 0, 'and again, with the same token') or diag($said);
	is($system->sql('SELECT used FROM catalog.enrollment_tokens ORDER BY created_time DESC LIMIT 1'), 2, 'which counts once');
};

subtest 'tokens that are refused' => sub {
	token("valid_for => '1 hour', uses => 1, description => 'keeps the door open'");
	my $expired = token("valid_for => '1 second'");
	$system->wait_until("SELECT min(valid_until) < clock_timestamp() FROM catalog.enrollment_tokens");
	my ($status, $out, $err) = join_with($expired, 'expired');
	like($err, qr/SO315.*the token expired at/s, 'expired');
	my $revoked = token();
	$system->sql("SELECT catalog.revoke_enrollment_token(token_id) FROM catalog.enrollment_tokens ORDER BY created_time DESC LIMIT 1");
	$system->wait_until('SELECT bool_or(revoked) FROM catalog.enrollment_tokens');
	(undef, undef, $err) = join_with($revoked, 'revoked');
	like($err, qr/SO315.*the token was revoked/s, 'revoked');
	my $good = token();
	(undef, undef, $err) = join_with(forged($good, token => '11111111-2222-3333-4444-555555555555'), 'unknown');
	like($err, qr/SO315.*the token is not known/s, 'unknown');
	(undef, undef, $err) = join_with(forged($good, thumbprint => '0' x 64), 'mitm');
	like($err, qr/SO314/, 'a master with another certificate is not told the secret');
	is(last_attempt(), 'f|there is no such token', 'it has not seen that attempt');
	(undef, undef, $err) = join_with('scaleout1.nonsense', 'nonsense');
	like($err, qr/SO317/, 'nonsense');
	(undef, undef, $err) = join_with(forged($good, secret => '0' x 64), "guess$_") for 1 .. 5;
	like($err, qr/SO315.*the token is not known/s, 'a guessed secret');
	is(last_attempt(), 'f|the secret is wrong', 'is recorded');
	(undef, undef, $err) = join_with($good, 'locked');
	is(last_attempt(), 'f|the token is locked after five wrong secrets', 'the right secret comes too late then');
	# Twenty in a minute; a worker that makes a key for each may be too slow for that.
	Scaleout::GatewayStub::make_certificate($system->{folder}, 'often');
	my $attempt = Scaleout::GatewayStub::post('join', encode_json({ agent_id => '11111111-2222-3333-4444-555555555555', machine_name => 'm',
				map { $_ => decode_json(decode_base64url($good =~ s/^scaleout1\.//r))->{$_} } qw(token secret) }));
	$system->wait_for('the limit', sub {
		for (1 .. 21)
		{
			my $client = Scaleout::GatewayStub::client(port => $system->port, folder => $system->{folder}, name => 'often') or next;
			Scaleout::GatewayStub::write_all($client, $attempt) and Scaleout::GatewayStub::read_answer($client);
		}
		(undef, undef, $err) = join_with($good, 'often');
		return $err =~ /SO316/;
	});
	like($err, qr/SO316.*too many attempts/s, 'attempts of one address are limited');
	# Ten thousand more do not wash away who was let in.
	my $accepted = $system->sql('SELECT count(*) FROM catalog.enrollment_attempts WHERE accepted');
	is($system->sql("BEGIN; INSERT INTO internal.enrollment_attempt (accepted) SELECT false FROM generate_series(1, 10010);
		SELECT FROM internal.master_join(ARRAY['00'], ARRAY['p'], ARRAY[gen_random_uuid()], ARRAY['{\"token\": \"11111111-2222-3333-4444-555555555555\", \"secret\": \"\"}']);
		SELECT count(*) FILTER (WHERE accepted) >= $accepted AND count(*) FILTER (WHERE NOT accepted) <= 10000 FROM catalog.enrollment_attempts; ROLLBACK") =~ s/.*\n//sr, 't',
		'the accepted ones are remembered');
	ok($system->wait_log(qr/refused a worker at 127\.0\.0\.1:\d+ that wanted to join: the secret is wrong/), 'the server log has them');
};

subtest 'revocation' => sub {
	my $agent = $system->{agents}{one};
	my $id = $system->run('f', 'p', 'long');
	$system->wait_until("SELECT count(*) > 0 FROM internal.event_message WHERE operation_id = $id");
	my $two = $system->add_agent('two');
	my $thumbprint = $system->sql("SELECT thumbprint FROM catalog.worker_agents WHERE workeragentid = '$agent->{id}'");
	my $offset = $system->log_size;
	$system->sql("SELECT catalog.revoke_worker_certificate('$thumbprint')");
	$system->wait_until("SELECT agent_id = '$two->{id}' AND attempt = 2 FROM internal.task WHERE execution_id = $id");
	pass('its task is offered again at once, long before the lease would end');
	ok($system->wait_log(qr/closing the connection of .*its certificate $thumbprint is no longer trusted/, $offset), 'open connections are closed');
	like($system->messages($id), qr{the certificate of worker "one" was revoked}, 'the execution says why');
	$system->wait_for('the refusal', sub { slurp_file($agent->{log}) =~ /SO302: the worker certificate is not trusted/ });
	is($system->sql("SELECT revoked FROM catalog.worker_certificates WHERE thumbprint = '$thumbprint'"), 't', 'the view says so');
	is($system->sql("SELECT count(*) FROM catalog.worker_agents WHERE workeragentid = '$agent->{id}'"), 1, 'the worker is still listed');
	$system->sql("SELECT catalog.stop_operation($id)");
	$system->wait_status($id, 3);
	# Nobody tells it so: it would go on until its lease has run out.
	$system->signal_agent('one', 'KILL');
};

subtest 'a certificate of a private authority that ends soon' => sub {
	my $own = "$folder/own";
	mkdir $own;
	Scaleout::GatewayStub::make_certificate($own, 'authority');
	Scaleout::GatewayStub::run_quietly('openssl', 'req', '-new', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=three', '-addext', 'subjectAltName=DNS:three.example',
		'-keyout', "$own/three.key", '-out', "$own/three.csr");
	Scaleout::GatewayStub::run_quietly('openssl', 'x509', '-req', '-in', "$own/three.csr", '-CA', "$own/authority.crt", '-CAkey', "$own/authority.key",
		'-copy_extensions', 'copy', '-days', '10', '-out', "$own/three.crt");
	append_to_file("$own/three.crt", slurp_file("$own/authority.crt"));
	chmod 0600, "$own/three.key";
	my $thumbprint = $system->sql('SELECT thumbprint FROM internal.master_state');
	my ($out, $err);
	IPC::Run::run([ $worker, 'init', '--directory', "$folder/three", '--display-name', 'three', '--master', "https://localhost:$system->{port}",
			'--thumbprint', $thumbprint, '--certificate', "$own/three.crt", '--key', "$own/three.key" ], '>', \$out, '2>', \$err);
	is($? >> 8, 0, 'init with an existing certificate') or diag($err);
	ok(!-e "$folder/three/worker.key", 'makes no key');
	$system->trust("$own/three.crt", 1);
	my $agent = start('three');
	$system->wait_for('the warning', sub { slurp_file($agent->{log}) =~ /the certificate of this worker expires in (?:9|10) days/ });
	pass('the log of the worker warns');
	is($system->sql("SELECT displayname, certificate_state FROM catalog.worker_agents ORDER BY displayname"), "one|not trusted\nthree|expires soon\ntwo|valid", 'the view says so');
	my $offset = $system->log_size;
	$system->node->restart;
	ok($system->wait_log(qr/WARNING:  scaleout: the certificate of worker "three" \(SELECT catalog\.rotate_worker_certificate\('$agent->{id}'\) replaces it\) expires at/, $offset), 'and the server log');
	$system->wait_listening;
	$system->wait_status($system->run('f', 'p', 'empty'), 7);
	pass('the worker works');
};

$system->stop;
done_testing();
