# Master and worker are killed at each step of the rotation of their certificates:
# afterwards the old pair or the new one works, and the rotation ends by itself.
# Needs a build with FAULT_POINTS=1.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;

my $log = tempdir(CLEANUP => 1) . '/fired';
chomp(my $library = `pg_config --pkglibdir`);
plan skip_all => 'the library was built without FAULT_POINTS=1' if slurp_file("$library/scaleout.so") !~ /SCALEOUT_FAULT_LOG/;

my @settings = ('scaleout.master_heartbeat_interval' => '500ms', 'scaleout.long_poll_interval' => '2s');
sub served { my ($file) = @_; return unpack('H*', Scaleout::GatewayStub::thumbprint($file)); }
sub fired { my ($point) = @_; return -e $log && slurp_file($log) =~ /^\Q$point\E$/m; }

my $system = Scaleout::System->new('worker', settings => {@settings});
my $agent = $system->add_agent('one');

# Ask for a rotation and wait until the worker uses the new certificate.
sub rotated
{
	my ($before) = @_;
	return $system->wait_until("SELECT thumbprint <> '$before' AND NOT rotate_requested FROM internal.worker_agent WHERE agent_id = '$agent->{id}'");
}
sub in_use { return $system->sql("SELECT thumbprint FROM internal.worker_agent WHERE agent_id = '$agent->{id}'"); }

# Once undisturbed, so that the settings do not name the present certificate any more.
my $first = in_use();
$system->sql("SELECT catalog.rotate_worker_certificate('$agent->{id}')");
rotated($first);
for my $point (qw(rotation.remembered rotation.key_placed rotation.placed))
{
	$system->stop_agent('one');
	unlink $log;
	{
		local $ENV{SCALEOUT_FAULT} = "$point=kill";
		local $ENV{SCALEOUT_FAULT_LOG} = $log;
		$system->start_agent('one');
	}
	my $before = in_use();
	$system->sql("SELECT catalog.rotate_worker_certificate('$agent->{id}')");
	$system->wait_for("the worker's end", sub { waitpid($agent->{pid}, POSIX::WNOHANG()) == $agent->{pid} });
	$agent->{pid} = 0;
	ok(fired($point), "$point: the worker was killed");
	$system->start_agent('one', 0);
	ok(eval { rotated($before) }, "$point: it comes back and uses the new certificate") or diag(slurp_file($agent->{log}));
	is(served("$agent->{directory}/worker.crt"), in_use(), "$point: which is the one in the file");
	is($system->sql("SELECT count(*) FROM internal.worker_certificate WHERE agent_id = '$agent->{id}' AND NOT revoked"), 1, "$point: the only one that is trusted");
}
$system->stop;

for my $point (qw(next_certificate.signed next_certificate.key_placed next_certificate.placed))
{
	(my $name = $point) =~ s/\W/_/g;
	unlink $log;
	{
		# Of all servers of this test only the first to come here is killed.
		local @ENV{qw(SCALEOUT_FAULT SCALEOUT_FAULT_LOG SCALEOUT_FAULT_ONCE)} = ("$point=kill", $log, 1);
		$system = Scaleout::System->new($name, settings => {@settings});
	}
	my $worker = $system->add_agent("w_$name");
	my $epoch = $system->epoch;
	my $next = $system->sql('SELECT catalog.rotate_master_certificate()');
	$system->wait_for('the new certificate', sub { eval { $system->sql("SELECT state = 'current' FROM catalog.master_certificates WHERE thumbprint = '$next'") eq 't' } });
	ok(fired($point), "$point: the master was killed");
	$system->wait_listening($epoch);
	my $security = $system->node->data_dir . '_scaleout';
	is(served("$security/master.crt"), $next, "$point: the new certificate is in the file");
	is(join(' ', map { s/.*\///r } glob("$security/master.*")), 'master.crt master.key', "$point: and nothing else is left");
	$system->wait_until("SELECT master_trust = 'confirmed' AND is_online FROM catalog.worker_agents WHERE workeragentid = '$worker->{id}'");
	pass("$point: the worker has followed");
	$system->stop;
}

done_testing();
