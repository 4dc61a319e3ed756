# The worker's own log (docs/logs.md): a file that follows logrotate, a disk that
# is full, the nursery's lines, and the journal with its fields. The journal is a
# socket of the test's at the place of the real one, in a mount namespace of its
# own: nothing is received unless the worker has sent it there.
use strict;
use warnings;

use Cwd qw(realpath);
use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;
use Scaleout::Symptom;

my $system = Scaleout::System->new('worker_log', settings => { 'scaleout.probe_interval' => '200ms', 'scaleout.long_poll_interval' => '500ms' });
my $folder = realpath($system->{folder});
my $file = "$folder/worker.log";
my $agent = $system->add_agent('one', settings => { LogFile => $file });
my $stamp = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/;
my $text = sub { return -e $_[0] ? slurp_file($_[0]) : '' };
$system->deploy('f', 'p', wait => { executables => [ { name => 'sh', type => 'execute_process', executable => '/bin/sleep', arguments => ['1000'] } ] });

like($text->($file), qr/\A$stamp INFORMATION scaleout-worker\[$agent->{pid}\] \S/, 'LogFile has the log, from the first line');
is((stat($file))[2] & 07777, 0600, 'for the worker only') or diag(sprintf '%o', (stat($file))[2]);
is((grep { !/^(?:$stamp [A-Z]+ scaleout-[a-z]+\[\d+\] |\t)/ } split /\n/, $text->($file)), 0, 'every line is in the one format');

# logrotate moves it away; the next line makes a new one, SIGHUP or not.
rename $file, "$file.moved" or die $!;
$system->signal_agent('one', 'HUP');
$system->wait_for('a new file', sub { $text->($file) =~ /settings read again/ });
unlike($text->("$file.moved"), qr/settings read again/, 'what was moved away is not written to');

# The nursery dies: its end is in the log, and what it printed.
my $nursery;
ok(eval { $system->wait_for('the nursery', sub {
		($nursery) = grep { (eval { slurp_file("/proc/$_/comm") } // '') =~ /^scaleout-nurser/ } map { split ' ', slurp_file($_) } glob("/proc/$agent->{pid}/task/*/children");
	}) }, 'there is a nursery') or BAIL_OUT('no nursery');
is(readlink("/proc/$nursery/fd/2") =~ /^pipe:/ ? 1 : 0, 1, 'its standard error is a pipe to the worker, not a file that may be rotated');
open(my $output, '>', "/proc/$nursery/fd/2") or die $!;
print $output "free(): invalid pointer\n";
close $output;
$system->wait_for('the line', sub { $text->($file) =~ /WARNING scaleout-worker\[\d+\] scaleout-nursery: free\(\): invalid pointer\n/ });
pass('what a library prints there is a warning');
kill('KILL', $nursery);
$system->wait_for('its end', sub { $text->($file) =~ /ERROR scaleout-worker\[\d+\] SO452: [^\n]+\n/ });
pass('and its end an error with its code');

# A file that cannot be opened at a reload: said, and the old one goes on.
Scaleout::Symptom::set_worker($agent->{directory}, 'LogFile', '/nowhere/worker.log');
$system->signal_agent('one', 'HUP');
$system->wait_for('the complaint', sub { $text->($file) =~ /ERROR scaleout-worker\[\d+\] SO008: the log file cannot be opened \(\/nowhere\/worker\.log\)\. No such file or directory\. / });
pass('a LogFile that cannot be opened: the old one goes on and says it');
# A full disk: the lines go to standard error, and that is said.
Scaleout::Symptom::set_worker($agent->{directory}, 'LogFile', '/dev/full');
$system->signal_agent('one', 'HUP');
$system->wait_for('the complaint', sub { $text->($agent->{log}) =~ /ERROR scaleout-worker\[\d+\] SO008: the log file cannot be written \(\/dev\/full\)\. No space left/ });
like($text->($agent->{log}), qr/INFORMATION scaleout-worker\[\d+\] settings read again/, 'a full disk: the lines are on standard error');
my $id = $system->run('f', 'p', 'wait');
$system->wait_until("SELECT status = 2 FROM internal.operation WHERE operation_id = $id");
$system->sql("SELECT catalog.stop_operation($id)");
$system->wait_status($id, 3);
pass('and the worker works');
Scaleout::Symptom::set_worker($agent->{directory}, 'LogFile', $file);
$system->signal_agent('one', 'HUP');
$system->wait_for('the return', sub { (() = $text->($file) =~ /settings read again/g) >= 2 });
pass('with another LogFile it goes on there');
$system->stop_agent('one');

# ---- the journal -------------------------------------------------------------------

# Binds the journal's socket in namespaces of its own, runs the worker there, and
# writes each datagram to a file.
my $fake = <<'SCRIPT';
use strict;
use warnings;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM MSG_DONTWAIT);
my ($out, @command) = @ARGV;
system('mount', '-t', 'tmpfs', 'none', '/run') == 0 or exit 99;
mkdir '/run/systemd';
mkdir '/run/systemd/journal';
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => '/run/systemd/journal/socket') or die $!;
my $pid = fork() // die $!;
if ($pid == 0) { close $socket; exec @command or die $!; }
$SIG{TERM} = sub { kill 'TERM', $pid };
my $ended = 0;
$SIG{CHLD} = sub { waitpid($pid, 0); $ended = 1 };
open(my $to, '>', $out) or die $!;
$to->autoflush(1);
while (1)
{
	# What it has sent is read after its end, too.
	my $last = $ended;
	my $ready = '';
	vec($ready, fileno($socket), 1) = 1;
	select($ready, undef, undef, $last ? 0 : 0.1);
	while (defined $socket->recv(my $datagram, 1 << 18, MSG_DONTWAIT)) { print $to length($datagram), "\n", $datagram, "\n"; }
	exit 0 if $last;
}
SCRIPT

# A test that dies leaves nothing running.
my $journal = 0;
END { local $?; kill('-KILL', $journal) if $journal; }

# The fields of each datagram that has come: the journal's native protocol.
sub entries
{
	my $bytes = $text->("$folder/journal");
	my @entries;
	while ($bytes =~ s/\A(\d+)\n//)
	{
		my $datagram = substr($bytes, 0, $1);
		last if length($bytes) < $1;
		substr($bytes, 0, $1 + 1) = '';
		my %fields;
		while (length $datagram)
		{
			if ($datagram =~ s/\A([A-Z_0-9]+)=(.*)\n//) { $fields{$1} = $2; }
			elsif ($datagram =~ s/\A([A-Z_0-9]+)\n(.{8})//s) { my ($name, $size) = ($1, unpack('Q<', $2)); $fields{$name} = substr($datagram, 0, $size); substr($datagram, 0, $size + 1) = ''; }
			else { die "not the journal's protocol: $datagram"; }
		}
		push @entries, \%fields;
	}
	return @entries;
}

SKIP:
{
	skip 'no mount namespaces here', 9 if system('unshare -Urm mount -t tmpfs none /run 2>/dev/null') != 0;
	Scaleout::Symptom::set_worker($agent->{directory}, 'LogDestination', 'journal');
	append_to_file("$folder/fake.pl", $fake);
	my $quiet = "$folder/quiet.log";
	my $pid = fork() // die $!;
	if ($pid == 0)
	{
		POSIX::setpgid(0, 0);
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', $quiet);
		open(STDERR, '>', $quiet);
		exec('unshare', '-Urm', $^X, "$folder/fake.pl", "$folder/journal", Scaleout::System::program('scaleout-worker'), 'run', '--directory', $agent->{directory}) or POSIX::_exit(127);
	}
	$journal = $pid;
	$system->wait_for('the first entry', sub { scalar entries() });
	my ($first) = entries();
	is($first->{SYSLOG_IDENTIFIER}, 'scaleout-worker', 'an entry of the journal: its program');
	is($first->{PRIORITY}, 6, 'its priority');
	unlike($first->{MESSAGE}, qr/^\d{4}-|INFORMATION|scaleout-worker\[/, 'no second time, level or program in the message');
	like("$first->{CODE_FILE}:$first->{CODE_LINE}:$first->{CODE_FUNC}", qr/^worker_agent\/\w+\.c:\d+:\w+$/, 'the place in the source');

	$system->wait_until("SELECT is_online FROM catalog.worker_agents");
	$id = $system->run('f', 'p', 'wait');
	$system->wait_status($id, 2);
	my $task = $system->sql("SELECT task_id FROM internal.task_attempt WHERE execution_id = $id LIMIT 1");
	$system->sql("SELECT catalog.stop_operation($id)");
	$system->wait_status($id, 3);
	my $stopped;
	$system->wait_for('the entry about the stop', sub { ($stopped) = grep { $_->{MESSAGE} =~ /is stopped/ } entries() });
	is("$stopped->{SCALEOUT_EXECUTION_ID} $stopped->{SCALEOUT_TASK} $stopped->{SCALEOUT_ATTEMPT}", "$id $task 1", 'the execution, task and attempt as fields');

	# An error with its code: settings that are refused.
	Scaleout::Symptom::set_worker($agent->{directory}, 'MaxTaskCount', 'many');
	my ($child) = map { split ' ', slurp_file($_) } glob("/proc/$pid/task/*/children");
	kill('HUP', $child);
	my $refused;
	$system->wait_for('the refusal', sub { ($refused) = grep { ($_->{SCALEOUT_CODE} // '') eq 'SO402' } entries(); $refused });
	is("$refused->{PRIORITY} $refused->{SCALEOUT_LEVEL}", '3 ERROR', 'an error: its code, priority and level');
	like($refused->{MESSAGE}, qr/^SO402: "many" is not valid for MaxTaskCount \(\S+worker\.conf:\d+\)\. .*settings-sample/, 'and the whole message with place and hint');
	is($text->($quiet), '', 'nothing is written to standard error as well');
	Scaleout::Symptom::set_worker($agent->{directory}, 'MaxTaskCount', 10);
	kill('TERM', $pid);
	waitpid($pid, 0);
	$journal = 0;
	ok((grep { $_->{MESSAGE} eq 'this worker ends' } entries()), 'to the last entry');
}

# Without a journal: said, and standard error has the log.
SKIP:
{
	skip 'this machine has a journal', 1 if -e '/run/systemd/journal/socket';
	Scaleout::Symptom::set_worker($agent->{directory}, 'LogDestination', 'journal');
	$system->start_agent('one');
	$system->wait_for('the word', sub { $text->($agent->{log}) =~ /WARNING scaleout-worker\[\d+\] SO427: there is no journal on this machine \(\S+\); the log goes to standard error\. Start systemd-journald/ });
	pass('LogDestination = journal without a journal: said, nothing is lost');
}

$system->stop;
done_testing();
