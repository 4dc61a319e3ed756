# Which master a worker obeys, and when it asks for tasks.
use strict;
use warnings;

use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;

my $system = Scaleout::System->new('choice');
$system->deploy('f', 'p', empty => { executables => [] });

sub log_has
{
	my ($agent, $pattern) = @_;
	return $system->wait_for("$pattern in the log", sub { -e $agent->{log} && slurp_file($agent->{log}) =~ $pattern });
}

subtest 'the next endpoint' => sub {
	# Nobody listens on port 1.
	my $agent = $system->add_agent('one', settings => { MasterEndpoint => "'https://localhost:1, https://localhost:$system->{port}'" });
	my $id = $system->run('f', 'p', 'empty');
	$system->wait_status($id, 7);
	like(slurp_file($agent->{log}), qr/SO420: the master cannot be reached \(https:\/\/localhost:1\)/, 'the first endpoint does not answer');
	pass('the second one does');
};

subtest 'an older epoch' => sub {
	my $agent = $system->{agents}{one};
	$system->stop_agent('one');
	my $file = "$agent->{directory}/epoch";
	is(slurp_file($file), $system->epoch . "\n", 'the epoch is remembered');
	unlink $file;
	append_to_file($file, "1000\n");
	my $offset = -s $agent->{log};
	$system->start_agent('one');
	log_has($agent, qr/SO422: the master is in epoch \d+, but this worker has obeyed epoch 1000.*delete \Q$file\E/);
	my $id = $system->run('f', 'p', 'empty');
	$system->add_agent('two');
	$system->wait_status($id, 7);
	is($system->sql("SELECT display_name FROM internal.worker_agent JOIN internal.task_attempt USING (agent_id) WHERE execution_id = $id"), 'two', 'a worker that has seen a higher epoch takes nothing');
	$system->stop_agent('one');
};

subtest 'memory' => sub {
	my $agent = $system->{agents}{two};
	my $conf = slurp_file("$agent->{directory}/worker.conf");
	(my $tight = $conf) =~ s/^TaskRequestMinMemory = .*$/TaskRequestMinMemory = 900000000/m;
	unlink("$agent->{directory}/worker.conf");
	append_to_file("$agent->{directory}/worker.conf", $tight);
	kill('HUP', $agent->{pid});
	log_has($agent, qr/no tasks are requested: memory is short: \d+ MB are left.* \(TaskRequestMinMemory = 900000000\); it runs nothing itself/);
	pass('it says why it asks for nothing');
	unlink("$agent->{directory}/worker.conf");
	append_to_file("$agent->{directory}/worker.conf", $conf);
	kill('HUP', $agent->{pid});
	log_has($agent, qr/tasks are requested again/);
	my $id = $system->run('f', 'p', 'empty');
	$system->wait_status($id, 7);
	pass('and goes on when it may');
};

subtest 'LogFile' => sub {
	my $agent = $system->{agents}{two};
	my $file = "$agent->{directory}/worker.log";
	append_to_file("$agent->{directory}/worker.conf", "LogFile = $file\n");
	kill('HUP', $agent->{pid});
	$system->wait_for('the log file', sub { -s $file });
	rename($file, "$file.1");
	kill('HUP', $agent->{pid});
	$system->wait_for('the word in the next log file', sub { -e $file && slurp_file($file) =~ /settings read again, 0 changed/ });
	pass('SIGHUP opens it again, for logrotate');
};

$system->stop;
done_testing();
