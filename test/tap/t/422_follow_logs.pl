# scaleout logs --follow goes on when the server restarts: no line lost, none twice,
# a message when the connection is lost and when it is back, an end to its patience.
use strict;
use warnings;

use Test::More;
use JSON::PP;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::Servers;
use Scaleout::System;

my $system = Scaleout::System->new('follow', settings => {
	'scaleout.master_heartbeat_interval' => '2s', 'scaleout.long_poll_interval' => '4s', 'scaleout.probe_interval' => '500ms' });
my $folder = $system->{folder};
my $scaleout = Scaleout::System::program('scaleout');
our @where = ('-h', $system->node->host, '-p', $system->node->port, '-d', 'postgres');

# Numbered lines into the task log (descriptor 2 of the runner) and into the messages, until a file is there; ends with $status.
sub counting
{
	my ($file, $status) = @_;
	my $loop = "i=0; while [ ! -e $folder/$file ]; do echo \"line \$i\" >&9; [ \$i -ge 900 ] || echo \"line \$i\"; i=\$((i+1)); sleep 0.05; done; echo \"line \$i\" >&9; exit $status";
	return { executables => [ { name => 'count', type => 'execute_process', executable => '/bin/sh',
		arguments => [ '-c', "exec 9>/proc/\$PPID/fd/2; $loop" ], fail_package_on_failure => JSON::PP::true } ] };
}

sub touch { my ($file) = @_; open(my $out, '>', "$folder/$file") or die $!; close $out; return; }

# scaleout logs --follow under way.
sub follow
{
	my @options = @_;
	my %run = (out => '', err => '');
	$run{harness} = IPC::Run::start([ $scaleout, 'logs', @where, '--follow', @options ], '<', \undef, '>', \$run{out}, '2>', \$run{err}, IPC::Run::timeout($Scaleout::System::timeout));
	return \%run;
}

sub wait_for_text
{
	my ($run, $what, $pattern) = @_;
	return $system->wait_for($what, sub { eval { $run->{harness}->pump_nb; 1 } or BAIL_OUT("$@: $run->{err}" . join(",", eval { $run->{harness}->full_results })); "$run->{out}$run->{err}" =~ $pattern });
}

# The numbers of the lines with this beginning, in their order.
sub numbers { my ($text, $begin) = @_; return [ $text =~ /^\S.*?$begin line (\d+)$/mg ]; }

sub gapless { my ($numbers) = @_; return @$numbers > 0 && !grep { $numbers->[$_] != $_ } 0 .. $#$numbers; }

$system->deploy('f', 'p', one => counting('one', 0), two => counting('two', 3), three => counting('three', 0),
	four => counting('four', 0));
$system->add_agent('worker');

for my $case ([ one => 'fast' ], [ two => 'immediate' ])
{
	my ($package, $mode) = @$case;
	subtest "a server that is stopped ($mode) and started" => sub {
		my $id = $system->run('f', 'p', $package);
		my $run = follow($id);
		wait_for_text($run, 'lines of the task log', qr/output: line 5\n/);
		$system->node->stop($mode);
		wait_for_text($run, 'the loss', qr/connection to the catalog was lost; trying again for 60 s/);
		my $seen = numbers($run->{out}, 'output:')->[-1];
		$system->node->start;
		wait_for_text($run, 'the return', qr/connected again after \d+ s/);
		my $later = $seen + 20;
		wait_for_text($run, 'more lines', qr/output: line $later\n/);
		touch($package);
		$run->{harness}->finish;
		is($run->{harness}->result(0), 0, 'it ends when the execution has ended') or diag($run->{err});
		my $log = numbers($run->{out}, 'output:');
		ok(gapless($log), 'every line of the task log once, in order') or diag("@$log");
		my (undef, $whole) = run_command([ $scaleout, 'logs', @where, '--task-log', $id ]);
		is(scalar(@$log), scalar(@{ numbers(defined $whole ? scalar(`$scaleout logs @where --task-log $id`) : '', 'output:') }), 'all that the log has');
		my $messages = numbers($run->{out}, 'OnInformation\s+\\\\count ');
		cmp_ok(scalar(@$messages), '>', $seen, 'messages of before and after');
		ok(gapless($messages), 'every message once, in order') or diag(substr($run->{out}, 0, 1500));
		is(() = $run->{out} =~ /^==>/mg, 1, 'one heading');
	};
}

subtest 'a server that does not come back in time' => sub {
	my $id = $system->run('f', 'p', 'three');
	my $run = follow('--task-log', '--reconnect', 1, $id);
	wait_for_text($run, 'lines of the task log', qr/output: line 1\n/);
	$system->node->stop('fast');
	$run->{harness}->finish;
	is($run->{harness}->result(0), 6, 'the exit status of a lost catalog');
	like($run->{err}, qr/trying again for 1 s\nscaleout: SO902: the connection to the catalog was lost and has not come back within 1 s\nDETAIL:  .*\S.*\nHINT:  .*The execution goes on.*--reconnect/s, 'and what to do');
	ok(gapless(numbers($run->{out}, 'output:')), 'what it has shown so far is whole');
	$system->node->start;
	touch('three');
	$system->wait_status($id, 7);
	is(system($scaleout, 'logs', @where, '--task-log', '--follow', $id) >> 8, 0, 'the same command later shows all of it');
};

# A pooler goes on to let clients in when its server is away, and ends them at their first statement.
subtest 'a pooler whose server does not come back in time' => sub {
	my $id = $system->run('f', 'p', 'four');
	my $pooler = Scaleout::Servers::between($system->node->host . '/.s.PGSQL.' . $system->node->port, undef, sub { -e "$folder/away" && $_[0] =~ /^[PQ]/ });
	local @where = ('-h', '127.0.0.1', '-p', $pooler->{port}, '-U', 'postgres', '-d', 'postgres');
	my $run = follow('--task-log', '--reconnect', 3, $id);
	wait_for_text($run, 'lines of the task log', qr/output: line 1\n/);
	touch('away');
	$run->{harness}->finish;
	is($run->{harness}->result(0), 6, 'the exit status of a lost catalog');
	is(() = $run->{err} =~ /connection to the catalog was lost; trying again/g, 1, 'said once');
	unlike($run->{err}, qr/connected again/, 'a connection without a server behind it is none');
	like($run->{err}, qr/has not come back within 3 s/, 'the patience has an end');
	like(scalar(`$scaleout list @where 2>&1`), qr/^scaleout: SO902: cannot connect to the catalog\nDETAIL:  .*\S/m, 'nor can another command connect');
	Scaleout::Servers::stop($pooler);
	touch('four');
	$system->wait_status($id, 7);
};

$system->stop;
done_testing();
