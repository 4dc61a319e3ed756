# Certificates of master and workers are replaced while work runs: no execution
# fails, none runs twice, nobody edits a file.
use strict;
use warnings;

use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::GatewayStub;
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
	$system->start_agent('one');
	pass('a worker that starts anew knows the new certificate');
	is($system->sql("SELECT is_enabled FROM internal.worker_agent WHERE agent_id = '$system->{agents}{one}{id}' AND last_online_time > now() - interval '5 seconds'"), 't', 'and is online');
};

subtest 'a worker that does not confirm' => sub {
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
	my $offset = $system->log_size;
	my $next = $system->sql("SELECT catalog.rotate_master_certificate(certificate_file => 'given.crt', key_file => 'given.key')");
	is($next, unpack('H*', Scaleout::GatewayStub::thumbprint("$folder/given.crt")), 'is announced');
	$system->wait_until("SELECT state = 'current' FROM catalog.master_certificates WHERE thumbprint = '$next'");
	my ($first, $last) = start_executions(20);
	check_all($first, $last, 'from an authority');
	ok($system->wait_log(qr/the certificate in .*master\.crt expires in (?:9|10) days/, $offset), 'that it ends within 30 days is in the log');
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

$system->stop;
done_testing();
