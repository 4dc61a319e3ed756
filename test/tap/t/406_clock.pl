# A worker whose clock is wrong (libfaketime makes it so for its processes only):
# the database and the doctor say by how much, and when it refuses the master's new
# certificate because of it, it names the clock.  What the cures say sets it right.
use strict;
use warnings;

use Cwd qw(realpath);
use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::Symptom;
use Scaleout::System;

my ($library) = (glob('/usr/lib/*/faketime/libfaketime.so.1'), glob('/usr/lib64/faketime/libfaketime.so.1'));
plan skip_all => 'libfaketime is not installed (Debian: faketime)' unless $library;

my $system = Scaleout::System->new('clock', settings => {
	'scaleout.long_poll_interval' => '500ms', 'scaleout.probe_interval' => '200ms', 'scaleout.master_heartbeat_interval' => '500ms' });
$system->deploy('f', 'p', empty => { executables => [] });
my $offset = realpath($system->{folder}) . '/offset';
set_clock('+0s');

# The clock of every program that is started from now on, and of those that run: +100s, -10m.
sub set_clock
{
	my ($by) = @_;
	open(my $file, '>', "$offset.new") or die $!;
	print $file "$by\n";
	close $file;
	rename "$offset.new", $offset or die $!;
	return;
}

my %fake = (LD_PRELOAD => $library, FAKETIME_TIMESTAMP_FILE => $offset, FAKETIME_NO_CACHE => 1, FAKETIME_DONT_FAKE_MONOTONIC => 1, DONT_FAKE_MONOTONIC => 1,
	ASAN_OPTIONS => join(':', grep { defined } $ENV{ASAN_OPTIONS}, 'verify_asan_link_order=0', 'detect_leaks=0'));

# What is done with the clock of the worker's machine.
sub there { my ($do) = @_; local %ENV = (%ENV, %fake); return $do->(); }

sub doctor { my ($directory) = @_; return there(sub { Scaleout::Symptom::doctor($directory) }); }

my $agent = $system->add_agent('one', start => 0);
my $directory = $agent->{directory};
there(sub { $system->start_agent('one') });
$system->{set_clock} = sub { set_clock('+0s') };

my $difference = "SELECT clock_difference_ms FROM catalog.worker_agents WHERE workeragentid = '$agent->{id}'";
$system->wait_until("SELECT ($difference) IS NOT NULL");
cmp_ok(abs($system->sql($difference)), '<', 60000, 'a right clock');
is(Scaleout::Symptom::diagnose($system)->{clock}{result}, 'ok', 'the diagnosis says so');

for ([ '-100s', 'behind', -1 ], [ '+100s', 'ahead of', 1 ])
{
	my ($by, $which, $sign) = @$_;
	Scaleout::Symptom::symptom($system, "a clock that is 100 s $which that of the server", check => 'clock', result => 'warning',
		make => sub { set_clock($by) }, cause => qr/The clock of worker "one" is (?:9\d|10\d) s $which the clock of this server/, cure => qr/^As root on \S+ run timedatectl set-ntp true, or chronyc makestep;/);
	set_clock($by);
	$system->wait_until("SELECT abs(($difference) - 100000 * $sign) < 20000");
	my $row = doctor($directory)->{clock};
	is($row->{result}, 'warning', 'the doctor on its machine sees it, too');
	like($row->{cause}, qr/The clock of this machine is (?:9\d|10\d) s $which the clock of the server/, 'the same difference');
	Scaleout::Symptom::apply($system, $row);
	is(doctor($directory)->{clock}{result}, 'ok', 'its cure ends it');
}

# An agent that does not tell its time is as good as any.
subtest 'agents of an older version' => sub {
	my $old = $system->add_fake_agent('old');
	is($old->lease(capacity => 0, wait_ms => 10)->{status}, 200, 'a poll without a time');
	is($old->lease(capacity => 0, wait_ms => 10, time_ms => 'noon')->{code}, 'SO334', 'a time that is none is refused');
	is($system->sql("SELECT clock_difference_ms IS NULL FROM catalog.worker_agents WHERE workeragentid = '$old->{id}'"), 't', 'nothing is shown');
	is($old->lease(capacity => 0, wait_ms => 10, time_ms => 1000 * time() - 300_000, round_trip_ms => 20_000)->{status}, 200, 'one that tells it');
	$system->wait_until("SELECT clock_difference_ms BETWEEN -310000 AND -280000 FROM catalog.worker_agents WHERE workeragentid = '$old->{id}'");
	pass('half of the round trip is taken for the way');
	$system->sql("SELECT catalog.remove_worker_agent('$old->{id}')");
};

subtest 'the master has a new certificate, and the clock is behind' => sub {
	$system->stop_agent('one');
	$system->wait_until("SELECT NOT is_online FROM catalog.worker_agents WHERE workeragentid = '$agent->{id}'");
	my $next = $system->sql('SET client_min_messages = error; SELECT catalog.rotate_master_certificate()');
	$system->wait_until("SELECT state = 'current' FROM catalog.master_certificates WHERE thumbprint = '$next'");
	$system->wait_until("SELECT thumbprint = '$next' FROM internal.master_state");
	set_clock('-10m');
	my $log = -s $agent->{log};
	there(sub { $system->start_agent('one', 0) });
	$system->wait_for('the refusal', sub { substr(slurp_file($agent->{log}), $log) =~ /SO314/ });
	like(substr(slurp_file($agent->{log}), $log), qr/SO314: .*The clock of this machine is behind: it says 20\S+Z\. .*$next.*which counts from 20\S+Z on\. As root run timedatectl set-ntp true/, 'its log names the clock');
	my $row = doctor($directory)->{'thumbprint of the master'};
	is($row->{result}, 'failed', 'the doctor as well');
	like($row->{cause}, qr/SO314: .*The clock of this machine is behind: it says 20\S+Z\./, 'with the time');
	like($row->{cure}, qr/^As root run timedatectl set-ntp true, or chronyc makestep; the worker then accepts the master by itself\./, 'and a cure');
	$system->wait_for('the row of the server', sub { grep { $_->{check} eq 'connections refused' && $_->{cause} =~ /SO344/ } Scaleout::Symptom::diagnose_rows($system) });
	pass('the server sees that somebody does not accept its certificate');
	Scaleout::Symptom::apply($system, $row);
	$system->wait_until("SELECT is_online AND master_trust = 'confirmed' FROM catalog.worker_agents WHERE workeragentid = '$agent->{id}'");
	pass('it helps');
	my $id = $system->run('f', 'p', 'empty');
	ok(eval { $system->wait_status($id, 7) }, 'and an execution succeeds');
};

is(join(', ', Scaleout::Symptom::missing('406_clock')), '', 'every result that this test is to see was seen');
$system->stop;
done_testing();
