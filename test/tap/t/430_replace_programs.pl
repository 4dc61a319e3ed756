# make install under a running server and running workers: programs of the same
# version are used from the next start on, those of another one are refused with
# a message that says so, and no running task notices either.
use strict;
use warnings;

use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;

my $folder = PostgreSQL::Test::Utils::tempdir_short();
my ($version) = slurp_file('scaleout.control') =~ /^default_version = '(.*)'/m;
my $installed = "$ENV{SCALEOUT_PREFIX}/lib/scaleout/$version";
my $programs = "$folder/programs";
my $system;

# As make install does it: under another name, then renamed. $other: of a version that does not exist.
sub install
{
	my ($name, $other) = @_;
	my $bytes = slurp_file("$installed/$name");
	if ($other)
	{
		(my $changed = $version) =~ s/^./9/;
		my $count = () = $bytes =~ s/\Q$version\E\0/$changed\0/g;
		ok($count, "$name says that it is $changed");
	}
	open(my $file, '>:raw', "$programs/$name.new~") or die "open: $!";
	print $file $bytes;
	close($file) or die "close: $!";
	chmod(0755, "$programs/$name.new~");
	rename("$programs/$name.new~", "$programs/$name") or die "rename: $!";
	return;
}

sub waiting { my ($file) = @_; return { executables => [ { name => 'w', type => 'execute_process', executable => '/bin/sh',
		arguments => [ '-c', "touch $file.begun; until test -e $file; do sleep 0.05; done" ] } ] }; }

sub begin
{
	my ($package) = @_;
	my $id = $system->run('f', 'p', $package);
	$system->wait_for("$package to begin", sub { -e "$folder/$package.begun" });
	return $id;
}

mkdir $programs;
install($_) for qw(scaleout-gateway scaleout-loader scaleout-runner);
$system = Scaleout::System->new('replace', settings => { 'scaleout.program_directory' => $programs });
$system->deploy('f', 'p', empty => { executables => [] }, map { $_ => waiting("$folder/$_") } qw(one two three));
my $agent = $system->add_agent('one', settings => { RunnerProgram => "$programs/scaleout-runner" });

sub nursery_of
{
	my ($pid) = @_;
	open(my $file, '<', "/proc/$pid/task/$pid/children") or return 0;
	my ($child) = (<$file> // '') =~ /(\d+)/;
	return $child // 0;
}

subtest 'the same version' => sub {
	my $id = begin('one');
	my $gateway = $system->gateway_pid;
	my $nursery = nursery_of($agent->{pid});
	install($_) for qw(scaleout-gateway scaleout-loader scaleout-runner);
	like(readlink("/proc/$nursery/exe"), qr/ \(deleted\)$/, 'the file under the running process is another one');
	append_to_file("$folder/one", '');
	$system->wait_status($id, 7);
	is($system->sql("SELECT count(*) FROM internal.task_attempt WHERE execution_id = $id"), 1, 'the running task ends in its first attempt');
	$system->wait_status($system->run('f', 'p', 'empty'), 7);
	pass('others are run');
	is($system->gateway_pid, $gateway, 'by the same gateway');
	is(nursery_of($agent->{pid}), $nursery, 'and the same nursery');

	# What starts from now on is what was installed.
	kill('KILL', $gateway, $nursery);
	$system->wait_for('another gateway', sub { my $pid = $system->gateway_pid; $pid && $pid != $gateway });
	$system->wait_for('another nursery', sub { my $pid = nursery_of($agent->{pid}); $pid && $pid != $nursery });
	$system->wait_status($system->run('f', 'p', 'empty'), 7);
	is(readlink('/proc/' . nursery_of($agent->{pid}) . '/exe'), "$programs/scaleout-runner", 'the new runner program runs');
	is(readlink('/proc/' . $system->gateway_pid . '/exe'), "$programs/scaleout-gateway", 'and the new gateway');
};

subtest 'a gateway of another version' => sub {
	my $id = begin('two');
	my $offset = $system->log_size;
	my $gateway = $system->gateway_pid;
	install('scaleout-gateway', 1);
	$system->wait_status($system->run('f', 'p', 'empty'), 7);
	is($system->gateway_pid, $gateway, 'the running one goes on');
	kill('KILL', $gateway);
	$system->wait_log(qr/the scaleout gateway is of version 9\S+, the library of version/, $offset);
	pass('the next one is refused, and the server log says why');
	is($system->status($id), 2, 'the task still runs');
	install('scaleout-gateway');
	$system->wait_for('a gateway of the right version', sub { my $pid = $system->gateway_pid; $pid && (readlink("/proc/$pid/exe") // '') eq "$programs/scaleout-gateway" });
	append_to_file("$folder/two", '');
	$system->wait_status($id, 7);
	is($system->sql("SELECT count(*) FROM internal.task_attempt WHERE execution_id = $id"), 1, 'and ends in its first attempt');
};

subtest 'a runner program of another version' => sub {
	my $id = begin('three');
	my $nursery = nursery_of($agent->{pid});
	install('scaleout-runner', 1);
	$system->wait_status($system->run('f', 'p', 'empty'), 7);
	pass('the running nursery goes on');
	append_to_file("$folder/three", '');
	$system->wait_status($id, 7);
	kill('KILL', $nursery);
	$system->wait_for('the end of the worker', sub { waitpid($agent->{pid}, POSIX::WNOHANG()) == $agent->{pid} });
	is($? >> 8, 1, 'a worker without a fitting runner program ends, for its service manager to start the installed one');
	$agent->{pid} = 0;
	like(slurp_file($agent->{log}), qr/SO009.*runner program is of version 9.*Install the same version/, 'and says why');
	install('scaleout-runner');
	$system->start_agent('one');
	$system->wait_status($system->run('f', 'p', 'empty'), 7);
	pass('it works again');
};

$system->stop;
done_testing();
