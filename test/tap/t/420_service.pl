# What the worker says to its service manager, the reload command, and the rotation
# of its log by the installed rule for logrotate.
use strict;
use warnings;

use Test::More;
use IO::Socket::UNIX;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Socket qw(SOCK_DGRAM MSG_DONTWAIT);

use lib 'test/tap/lib';
use Scaleout::System;

my $worker = Scaleout::System::program('scaleout-worker');
my $system = Scaleout::System->new('service', settings => { 'scaleout.long_poll_interval' => '2s' });
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $manager = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$folder/notify") or die "socket: $!";
my @said;

# The messages that have come so far, one assignment an element.
sub listen_to_worker
{
	while (defined $manager->recv(my $message, 8192, MSG_DONTWAIT)) { push @said, split(/\n/, $message); }
	return;
}

sub said
{
	my ($pattern) = @_;
	return $system->wait_for("the message $pattern", sub { listen_to_worker(); my ($found) = grep { $_ =~ $pattern } @said; $found });
}

sub command
{
	my @command = @_;
	my ($out, $err);
	IPC::Run::run([ $worker, @command ], '>', \$out, '2>', \$err);
	return ($? >> 8, $err);
}

sub log_of { return join('', map { slurp_file($_) } sort glob("$folder/log/worker.log*")); }

sub process { my ($script) = @_; return { executables => [ { name => 'p', type => 'execute_process', executable => '/bin/sh', arguments => [ '-c', $script ] } ] }; }

# What the worker gets from its manager, and no other process: a server would write there, too.
my %managed = (NOTIFY_SOCKET => "$folder/notify", WATCHDOG_USEC => 900_000);

mkdir "$folder/log";
my $agent = $system->add_agent('one', start => 0, settings => { LogFile => "$folder/log/worker.log", LogLevel => 127 });
my @directory = ('--directory', $agent->{directory});

subtest 'a start that fails' => sub {
	my $settings = slurp_file("$agent->{directory}/worker.conf");
	append_to_file("$agent->{directory}/worker.conf", "Nonsense = 1\n");
	local @ENV{ keys %managed } = values %managed;
	my ($status, $err) = command('run', @directory);
	is($status, 78, 'refused settings have a status of their own, which the unit does not try again');
	like($err, qr/SO401.*Nonsense/, 'and are named');
	($status) = command('run', '--nonsense');
	is($status, 2, 'so has a wrong command line');
	listen_to_worker();
	is_deeply(\@said, [], 'nobody was told that it is ready');
	($status, $err) = command('reload', @directory);
	is($status, 1, 'nothing to reload');
	like($err, qr/SO412.*\Q$agent->{directory}\E/, 'and it says which folder');
	open(my $file, '>', "$agent->{directory}/worker.conf") or die $!;
	print $file $settings;
	close($file);
};

subtest 'started while the master is away' => sub {
	$system->node->stop('fast');
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) { @ENV{ keys %managed } = values %managed; exec($worker, 'run', @directory) or POSIX::_exit(127); }
	said(qr/^READY=1$/);
	pass('it is ready');
	like(said(qr/^STATUS=.*is away \(SO420\)/), qr/^STATUS=Running, 0 tasks; the master at https:/, 'and says what it waits for');
	@said = ();
	kill('TERM', $pid);
	waitpid($pid, 0);
	is($?, 0, 'it leaves when asked to');
	said(qr/^STOPPING=1$/);
	$system->node->start;
	$system->wait_listening;
	@said = ();
};

subtest 'life' => sub {
	{
		local @ENV{ keys %managed } = values %managed;
		$system->start_agent('one');
	}
	said(qr/^READY=1$/);
	said(qr/^STATUS=Registered at https:\S+, 0 tasks of 10$/);
	my $beats = 0;
	$system->wait_for('two signs of life', sub { listen_to_worker(); $beats = grep { $_ eq 'WATCHDOG=1' } @said; $beats >= 2 });
	$system->deploy('f', 'p', show => process("env >$folder/environment; until test -e $folder/go; do sleep 0.05; done"), empty => { executables => [] });
	my $id = $system->run('f', 'p', 'show');
	said(qr/^STATUS=Registered at \S+, 1 task of 10$/);
	$system->wait_for('the environment', sub { -s "$folder/environment" });
	unlike(slurp_file("$folder/environment"), qr/NOTIFY_SOCKET|WATCHDOG_/, 'what a package starts cannot speak for the worker');

	@said = ();
	append_to_file("$agent->{directory}/worker.conf", "MaxTaskCount = 4\n");
	my ($status) = command('reload', @directory);
	is($status, 0, 'reload');
	said(qr/^RELOADING=1$/);
	said(qr/^MONOTONIC_USEC=\d+$/);
	said(qr/^READY=1$/);
	$system->wait_until("SELECT max_task_count = 4 FROM internal.worker_agent");

	@said = ();
	kill('TERM', $agent->{pid});
	said(qr/^STOPPING=1$/);
	said(qr/^STATUS=Draining, 1 task$/);
	append_to_file("$folder/go", '');
	waitpid($agent->{pid}, 0);
	is($?, 0, 'it has waited for the task');
	$agent->{pid} = 0;
	$system->wait_status($id, 7);
};

# The installed rule, with the folders of this test in it and without its change of account.
sub write_rule
{
	my $rule = slurp_file("$ENV{SCALEOUT_PREFIX}/etc/logrotate.d/scaleout-worker");
	my ($name, $group) = (scalar getpwuid($<), scalar getgrgid((split / /, $()[0]));
	my ($above) = $agent->{directory} =~ m{(.*)/};
	like($rule, qr{^/var/log/scaleout/\*\.log \{}m, 'the rule is for /var/log/scaleout');
	like($rule, qr{\Q$worker\E reload}, 'and reloads by the installed program');
	$rule =~ s{/var/log/scaleout}{$folder/log}g;
	$rule =~ s{/var/lib/scaleout}{$above}g;
	$rule =~ s{^\tsu .*\n}{}m;
	$rule =~ s{create 0600 scaleout scaleout}{create 0600 $name $group};    # 3.22 wants all three
	open(my $file, '>', "$folder/rule") or die $!;
	print $file $rule;
	close($file);
	chmod(0644, "$folder/rule");
	return;
}

subtest 'rotation of the log' => sub {
	write_rule();
	$system->start_agent('one');
	my @ids;
	my $offset = 0;
	for my $round (1 .. 6)
	{
		push @ids, split(/\n/, $system->sql("SELECT catalog.run_package('f', 'p', 'empty') FROM generate_series(1, 40)"));
		# New settings that are refused must not keep the worker in the old file.
		append_to_file("$agent->{directory}/worker.conf", "Nonsense = 1\n") if $round == 6;
		$system->wait_for('something in the log', sub { -s "$folder/log/worker.log" });
		my ($out, $err);
		IPC::Run::run([ '/usr/sbin/logrotate', '--force', '--state', "$folder/state", "$folder/rule" ], '>', \$out, '2>', \$err);
		is($?, 0, "rotation $round") or diag($err);
		# The worker is in the new file before the next rotation compresses the one that it left.
		$system->wait_for('the new file to be used', sub { grep { (readlink($_) // '') eq "$folder/log/worker.log" } glob("/proc/$agent->{pid}/fd/*") });
	}
	$system->wait_until("SELECT count(*) = 240 FROM internal.operation WHERE status = 7 AND operation_id >= $ids[0]");
	$system->wait_for('the refusal in the log', sub { slurp_file("$folder/log/worker.log") =~ /SO405/ });
	my ($out, $err);
	IPC::Run::run([ '/bin/sh', '-c', "gunzip $folder/log/*.gz" ], '>', \$out, '2>', \$err);
	my $log = log_of();
	my @tasks = split(/\n/, $system->sql("SELECT task_id FROM internal.task_attempt WHERE execution_id >= $ids[0]"));
	is(scalar(@tasks), 240, 'each ran once');
	my @lost = grep { my $n = () = $log =~ /VERBOSE \S+ (?:\S+ )?task \Q$_\E, attempt 1: package/g; $n != 1 } @tasks;
	is_deeply(\@lost, [], 'every task has its line in one of the files');
	is(scalar(my @files = glob("$folder/log/worker.log*")), 7, 'seven of them');
	is((stat("$folder/log/worker.log"))[2] & 0777, 0600, 'the new one is private');
	my ($status, $words) = command('reload', @directory);
	is($status, 78, 'reload says so, too');
	like($words, qr/SO401.*Nonsense/, 'and what is wrong');
};

$system->stop;
done_testing();
