# Resource-aware agents: pressure figures and limits of the control group decide
# what a worker asks for besides CPU and memory, and what keeps it from asking is
# visible in worker_agents, explain_execution, diagnose_scaleout and the doctor.
# The figures are the test's own, in folders that the settings name.
use strict;
use warnings;

use Cwd qw(realpath);
use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;
use Scaleout::Symptom;

my $system = Scaleout::System->new('resources',
	settings => { 'scaleout.probe_interval' => '200ms', 'scaleout.master_heartbeat_interval' => '300ms', 'scaleout.long_poll_interval' => '500ms' });
$system->deploy('f', 'p', empty => { executables => [] });
my $folder = realpath($system->{folder});
my ($pressure, $group) = ("$folder/pressure", "$folder/group");
mkdir $pressure;
mkdir $group;

# Replaces a file at once, as the agent reads it every second.
sub put
{
	my ($file, $text) = @_;
	open(my $to, '>', "$file.new") or die $!;
	print $to $text;
	close $to;
	rename "$file.new", $file or die $!;
	return;
}

sub put_pressure
{
	my ($kind, $percent) = @_;
	put("$pressure/$kind", "some avg10=$percent avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
	return;
}

put_pressure($_, '0.00') for qw(cpu memory io);
put_pressure('memory', '61.50');
my $agent = $system->add_agent('one', settings => { PressureFolder => $pressure, ControlGroupFolder => $group, TaskRequestMaxMemoryPressure => 25 });
my $why = sub { $system->sql('SELECT why_not_more FROM catalog.worker_agents') };
my $pressed = qr/^processes on the machine wait for memory 6[12] % of the time \(TaskRequestMaxMemoryPressure = 25\); it runs nothing itself, other programs are the load$/;

$system->wait_for('the reason', sub { $why->() =~ $pressed });
like($why->(), $pressed, 'worker_agents says why it does not ask');
is($system->sql('SELECT asked_tasks, memory_pressure, io_pressure, cpu_pressure FROM catalog.worker_agents'), '0|61.5|0|0', 'and shows the figures');
is($system->sql("SELECT not_asking_since > now() - interval '10 minutes' FROM catalog.worker_agents"), 't', 'and since when');

my $id = $system->run('f', 'p', 'empty');
my $row;
$system->wait_for('the explanation', sub { $row = Scaleout::Symptom::explain($system, $id); $row->{cause} =~ /asks for no task/ });
like($row->{cause}, qr/"one" asks for no task: processes on the machine wait for memory/, 'explain_execution says it');
like($row->{cure}, qr/waiting for CPU 0 %, memory 61\.5 %, I\/O 0 %\); or, if this worker is to take tasks all the same, on \S+ set TaskRequestMaxMemoryPressure = 100 in \S+\/worker\.conf and run systemctl reload scaleout-worker\.$/, 'and what to do');

my $finding = $system->sql("SELECT result || ': ' || cause FROM catalog.diagnose_scaleout() WHERE \"check\" = 'load'");
like($finding, qr/^warning: Worker .*one.* runs nothing and has asked for nothing since .*: processes on the machine wait for memory/, 'diagnose_scaleout warns of a worker that others starve');
my $doctor = Scaleout::Symptom::doctor($agent->{directory});
is($doctor->{load}{result}, 'warning', 'the doctor warns, too');
like($doctor->{load}{cause}, qr/asks for no task: processes on the machine wait for memory 6[12] % .*\(TaskRequestMaxMemoryPressure = 25\)\. CPU \d+ %, \d+ MB available, waiting for CPU 0\.0 %, memory 61\.5 %/, 'and says the figures');
like(slurp_file($agent->{log}), qr/ INFORMATION scaleout-worker\[\d+\] no tasks are requested: processes on the machine wait for memory/, 'the log of the worker has it');

put_pressure('memory', '1.00');
$system->wait_status($id, 7);
pass('with less pressure it asks again');
$system->wait_until("SELECT count(*) = 0 FROM catalog.diagnose_scaleout() WHERE \"check\" = 'load'");
pass('and the warning is gone');

# A limit of the control group: 200 MB, of which 150 are taken, 20 can be given back.
put("$group/memory.max", 200 * 1048576 . "\n");
put("$group/memory.current", 150 * 1048576 . "\n");
put("$group/memory.stat", "anon 1\ninactive_file " . 20 * 1048576 . "\n");
Scaleout::Symptom::set_worker($agent->{directory}, 'TaskRequestMinMemory', '100');
$system->signal_agent('one', 'HUP');
$system->wait_for('the limit', sub { $why->() =~ /^memory is short: 70 MB are left below the 200 MB of its control group \(TaskRequestMinMemory = 100\)/ });
is($system->sql('SELECT memory_free_mb FROM catalog.worker_agents'), '70', 'the limit of the control group counts, not the machine');
put("$group/memory.max", "max\n");
$system->wait_until('SELECT why_not_more IS NULL AND not_asking_since IS NULL FROM catalog.worker_agents');
pass('without the limit it asks again');

# Its own pressure figures count as well.
put("$group/io.pressure", "some avg10=77.00 avg60=0 avg300=0 total=0\n");
Scaleout::Symptom::set_worker($agent->{directory}, 'TaskRequestMaxIoPressure', '50');
$system->signal_agent('one', 'HUP');
$system->wait_for('the pressure', sub { $why->() =~ /^processes in its control group wait for I\/O 77 % of the time \(TaskRequestMaxIoPressure = 50\)/ });
pass('pressure in the control group counts');
unlink "$group/io.pressure";
$system->wait_until('SELECT why_not_more IS NULL FROM catalog.worker_agents');

# A kernel without figures: said once, nothing is in the way.
unlink glob("$pressure/*");
$system->wait_for('the word', sub { slurp_file($agent->{log}) =~ /tells no pressure figures/ });
$system->wait_until('SELECT memory_pressure IS NULL FROM catalog.worker_agents');
$id = $system->run('f', 'p', 'empty');
$system->wait_status($id, 7);
is(() = slurp_file($agent->{log}) =~ /tells no pressure figures/g, 1, 'a kernel without pressure figures: said once');
$doctor = Scaleout::Symptom::doctor($agent->{directory});
like($doctor->{load}{cause}, qr/no pressure figures: this kernel does not tell them/, 'the doctor says so');

$system->stop;
done_testing();
