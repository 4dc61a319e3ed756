# catalog.update_master_address(): tokens carry it, workers learn it over the
# trusted channel and find the master by it when it has moved; a failover behind
# the same name needs nothing.
use strict;
use warnings;

use Cwd qw(abs_path);
use JSON::PP;
use MIME::Base64 qw(decode_base64url);
use Test::More;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::GatewayStub;
use Scaleout::Ports;
use Scaleout::Symptom;
use Scaleout::System;

my $system = Scaleout::System->new('address', allows_streaming => 1, settings => {
	'scaleout.master_heartbeat_interval' => '500ms', 'scaleout.long_poll_interval' => '2s', 'scaleout.probe_interval' => '1s' });
my $node = $system->node;
$system->deploy('f', 'p', empty => { executables => [] });
my $agent = $system->add_agent('one');
my $computed = "https://localhost:$system->{port}/ClusterManagement";

sub shown { return $system->sql("SELECT property_value FROM catalog.master_properties WHERE property_name = 'MASTER_ADDRESS'"); }
sub refusal { my ($statement) = @_; my (undef, undef, $err) = $node->psql('postgres', $statement); return $err; }
sub diagnosis { return Scaleout::Symptom::diagnose($system); }
sub remembered { my ($address) = @_; my $file = "$agent->{directory}/master_pins"; return -e $file && slurp_file($file) =~ /^address \Q$address\E$/m; }
sub endpoint_of_token
{
	my $token = $system->sql('SET client_min_messages = error; SELECT catalog.create_enrollment_token()');
	return decode_json(decode_base64url($token =~ s/^scaleout1\.//r))->{endpoint};
}

subtest 'what is refused' => sub {
	for my $bad ('', 'localhost', 'http://localhost:8391', 'https://localhost', 'https://localhost:0', 'https://localhost:65536', 'https://localhost:8391/',
		$computed, 'https://localhost:8391 ', "https://localhost:8391\n", 'https://user@localhost:8391', 'https://*.example:8391', 'https://a..b:8391', 'https://-a:8391',
		'https://1.2.3:8391', 'https://1.2.3.256:8391', 'https://[::1:8391', 'https://[12345::]:8391', 'https://[1.2.3.4]:8391', 'https://' . 'a' x 64 . ':8391')
	{
		like(refusal("SELECT catalog.update_master_address(\$\$$bad\$\$)"), qr/ERROR:  "\Q$bad\E" is not an address for workers.*Write https:\/\/host:port/s, "\"$bad\"");
	}
	$system->sql('CREATE ROLE somebody LOGIN');
	like(refusal("SET ROLE somebody; SELECT catalog.update_master_address('https://localhost:1')"), qr/permission denied to change the master's address/, 'who is no administrator');
	is(shown(), $computed, 'nothing has changed');
};

subtest 'an address whose name the certificate does not have' => sub {
	my $address = "https://etl.invalid:$system->{port}";
	like(refusal("SELECT catalog.update_master_address('$address')"), qr/WARNING:.*does not have the name "etl\.invalid".*rotate_master_certificate/s, 'is worth a warning');
	$system->wait_until("SELECT property_value = '$address' FROM catalog.master_properties WHERE property_name = 'MASTER_ADDRESS'");
	pass('it is MASTER_ADDRESS');
	is(endpoint_of_token(), $address, 'and in tokens');
	$system->wait_for('the worker to have it', sub { remembered($address) });
	my $found = diagnosis();
	is($found->{'address in the certificate'}{result}, 'failed', 'the diagnosis compares it with the certificate');
	like($found->{'address in the certificate'}{cause}, qr/"etl\.invalid" is not one of the names/, 'and says so');
	is($found->{'address answers'}{result}, 'warning', 'and asks whether it answers');
	like($found->{'address answers'}{cause}, qr/the name "etl\.invalid" is not known/, 'which it does not');
	$system->wait_status($system->run('f', 'p', 'empty'), 7);
	pass('the worker works at its own endpoint');
	Scaleout::Symptom::apply($system, $found->{'address in the certificate'});
	$system->wait_for('the cure', sub { diagnosis()->{'address in the certificate'}{result} eq 'ok' });
	pass('the cure of the diagnosis gives the certificate that name');
};

subtest 'NULL' => sub {
	$system->sql('SELECT catalog.update_master_address(NULL)');
	$system->wait_until("SELECT property_value = '$computed' FROM catalog.master_properties WHERE property_name = 'MASTER_ADDRESS'");
	pass('the address of the settings is shown again');
	$system->wait_for('the worker to forget it', sub { slurp_file("$agent->{directory}/master_pins") !~ /^address/m });
	$system->wait_until('SELECT bool_and(confirmed) FROM catalog.master_certificate_confirmations');
	pass('the worker has forgotten it');
};

subtest 'the master moves' => sub {
	my $port = Scaleout::Ports::free();
	my $address = "https://localhost:$port";
	my $settings = slurp_file("$agent->{directory}/worker.conf");
	$system->sql("SELECT catalog.update_master_address('$address')");
	$system->wait_for('the worker to have it', sub { remembered($address) });
	like(diagnosis()->{'address answers'}{cause}, qr/port $port of "localhost" does not answer: Connection refused/, 'the diagnosis says that nobody answers there yet');
	$system->sql("ALTER SYSTEM SET scaleout.port_number = $port");
	my $epoch = $system->epoch;
	$system->sql('SELECT pg_reload_conf()');
	$system->wait_for('the new port', sub { diagnosis()->{'address answers'}{result} eq 'ok' });
	$system->{port} = $port;
	$system->wait_status($system->run('f', 'p', 'empty'), 7);
	pass('the worker finds it there');
	$system->stop_agent('one');
	$system->start_agent('one');
	$system->wait_status($system->run('f', 'p', 'empty'), 7);
	pass('also when it is started anew');
	is(slurp_file("$agent->{directory}/worker.conf"), $settings, 'nobody has edited its settings');
	my $checks = Scaleout::Symptom::doctor($agent->{directory});
	is($checks->{'thumbprint of the master'}{result}, 'ok', 'scaleout doctor knows what was announced');
};

subtest 'a standby takes over behind the same name' => sub {
	my $security = $node->data_dir . '_scaleout';
	my $address = shown();
	$node->backup('copy');
	my $standby = PostgreSQL::Test::Cluster->new('other');
	$standby->init_from_backup($node, 'copy', has_streaming => 1);
	my $copy = $standby->data_dir . '_scaleout';
	system_or_bail('cp', '-a', $security, $copy);
	# The documented step: its own data directory goes into the token file.  Without a setting the
	# security directory is the one beside the data directory.
	append_to_file("$copy/binding.token", 'data_directory=' . abs_path($standby->data_dir) . "\n");
	$standby->start;
	$node->wait_for_catchup($standby, 'replay', $node->lsn('write'));
	my $epoch = $system->epoch;
	$node->stop('immediate');
	$standby->promote;
	$system->{node} = $standby;
	cmp_ok($system->wait_listening($epoch), '>', $epoch + 1000, 'its master serves');
	is(shown(), $address, 'under the same address');
	$system->wait_status($system->run('f', 'p', 'empty'), 7);
	pass('the worker goes on');
	$system->wait_until('SELECT bool_and(confirmed) FROM catalog.master_certificate_confirmations');
	pass('and has confirmed what the new master announces');
};

$system->stop;
done_testing();
