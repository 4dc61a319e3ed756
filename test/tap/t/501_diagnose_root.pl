# Symptoms that need root to be made: files that belong to somebody else, full
# file systems, packets that are dropped between two machines (two network
# namespaces).  Needs root; scripts/check runs it as the suite netns.
use strict;
use warnings;

use Cwd qw(realpath);
use File::Temp qw(tempdir);
use IPC::Run;
use JSON::PP;
use Test::More;

my %machine = (server => { netns => "so-dsrv-$$", address => '10.203.78.1', link => "sods$$" },
	worker => { netns => "so-dwrk-$$", address => '10.203.78.2', link => "sodw$$" });
my ($made, $mounted, $listener) = (0, 0, 0);
my $folder;

sub quietly
{
	my (@command) = @_;
	my $output = '';
	IPC::Run::run(\@command, '<', \undef, '>&', \$output);
	return ($? == 0, $output);
}

sub must
{
	my ($ok, $output) = quietly(@_);
	die "@_: $output" unless $ok;
	return $output;
}

plan skip_all => 'this needs root; scripts/check netns runs this test' if $> != 0;
plan skip_all => 'SCALEOUT_PREFIX is not set' unless $ENV{SCALEOUT_PREFIX};
{
	my ($ok, $output) = eval { quietly('ip', 'netns', 'add', $machine{server}{netns}) };
	plan skip_all => 'this system permits no network namespaces: ' . ($output // 'there is no program ip') =~ s/\s+/ /gr unless $ok;
	$made = 1;
}
$folder = realpath(tempdir(CLEANUP => 1));
chmod 0755, $folder;
END
{
	my $status = $?;
	if ($listener) { kill('KILL', $listener); waitpid($listener, 0); }
	quietly('umount', "$folder/small") if $mounted;
	if ($made) { quietly('ip', 'netns', 'del', $machine{$_}{netns}) for keys %machine; }
	$? = $status;
}

must('ip', 'netns', 'add', $machine{worker}{netns});
must('ip', 'link', 'add', $machine{server}{link}, 'netns', $machine{server}{netns}, 'type', 'veth', 'peer', 'name', $machine{worker}{link}, 'netns', $machine{worker}{netns});
for my $m (values %machine)
{
	must('ip', '-n', $m->{netns}, 'addr', 'add', "$m->{address}/24", 'dev', $m->{link});
	must('ip', '-n', $m->{netns}, 'link', 'set', $_, 'up') for 'lo', $m->{link};
}

# Somebody listens on the server; who it is plays no part here.
$listener = fork() // die "fork: $!";
if ($listener == 0)
{
	exec('ip', 'netns', 'exec', $machine{server}{netns}, 'openssl', 's_server', '-accept', '8391', '-nocert', '-cipher', 'aNULL:@SECLEVEL=0', '-quiet') or POSIX::_exit(127)
	  if open(STDIN, '<', '/dev/zero') && open(STDOUT, '>', '/dev/null') && open(STDERR, '>', '/dev/null');
}

our $directory = "$folder/one";
mkdir $directory;
must('chown', 'postgres', $directory);
my @as_worker = ('runuser', '-u', 'postgres', '--', 'env', 'ASAN_OPTIONS=detect_leaks=0');
must(@as_worker, "$ENV{SCALEOUT_PREFIX}/bin/scaleout-worker", 'init', '--directory', $directory, '--master', "https://$machine{server}{address}:8391", '--thumbprint', 'ab' x 32);

my %seen;

# The rows by check, as this account sees them on the worker's machine; the first of each.
sub doctor
{
	my (@as) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'ip', 'netns', 'exec', $machine{worker}{netns}, @as, "$ENV{SCALEOUT_PREFIX}/bin/scaleout", 'doctor', '--directory', $directory, '--json' ],
		'<', \undef, '>', \$out, '2>', \$err);
	my %row;
	for my $row (@{ (eval { JSON::PP->new->decode($out) }) // die "doctor: $out$err" })
	{
		$seen{"doctor|$row->{check}|$row->{result}"} = 1;
		$row{ $row->{check} } //= $row;
	}
	return \%row;
}

# Do the command that a cure gives, as root.
sub cure
{
	my ($row) = @_;
	my ($command) = $row->{cure} =~ /run (chown \S+ \S+|runuser .*)$|run (chown \S+ [^\s,;]+)/ or die "no command: $row->{cure}";
	must('sh', '-c', $command // $2);
	return;
}

# What frees space: the command that a cure prints names the largest file last but
# for the folders; that one goes.
sub free_space
{
	my ($cure) = @_;
	my ($command) = $cure =~ /run (du -ax .* \| sort -n \| tail) to see/ or die "no command: $cure";
	my ($largest) = grep { -f } reverse map { /^\d+\s+(.*)$/ } split /\n/, must('sh', '-c', $command);
	unlink $largest or die "$largest: $!";
	return;
}

# ---- a worker that root runs ------------------------------------------------------

{
	local $directory = "$folder/rooted";
	must('env', 'ASAN_OPTIONS=detect_leaks=0', "$ENV{SCALEOUT_PREFIX}/bin/scaleout-worker", 'init', '--directory', $directory, '--master', "https://$machine{server}{address}:8391", '--thumbprint', 'ab' x 32);
	my $started = sub {
		my $err = '';
		my $run = IPC::Run::start([ @_, "$ENV{SCALEOUT_PREFIX}/bin/scaleout-worker", 'run', '--directory', $directory ], '<', \undef, '>', '/dev/null', '2>', \$err, IPC::Run::timeout(120));
		# It complains about the master after it has begun.
		$run->pump until $err =~ /WARNING .*SO(?:420|314)/;
		$run->signal('TERM');
		$run->finish;
		return $err;
	};
	my $warning = qr/ WARNING scaleout-worker\[\d+\] SO428: the worker runs as root, and so do the programs of all packages.*runuser -u scaleout -- scaleout-worker run.*AllowRoot = true/;
	like($started->(), $warning, 'it warns of it, with what to do');
	my $row = doctor()->{'not root'};
	is($row->{result}, 'warning', 'so does the doctor');
	like("$row->{cause} $row->{cure}", qr/SO428: .*AllowRoot = true/, 'with the same words');
	SKIP:
	{
		skip 'there are no user namespaces', 1 unless (quietly(qw(runuser -u postgres -- unshare --map-root-user true)))[0];
		must('chown', '-R', 'postgres', $directory);
		unlike($started->(qw(runuser -u postgres -- unshare --map-root-user)), qr/SO428/, 'the root of a user namespace is no root');
		must('chown', '-R', 'root', $directory);
	}
	must('sh', '-c', "echo 'AllowRoot = true' >> $directory/worker.conf");
	unlike($started->(), qr/SO428/, 'AllowRoot = true: it is meant');
	is(doctor()->{'not root'}{result}, 'ok', 'and so the doctor takes it');
}

# ---- whose account counts -------------------------------------------------------

my $row = doctor()->{account};
is($row->{result}, 'ok', 'root may call it');
like($row->{cause}, qr/run as postgres, the account of the worker; root called them/, 'and it checks as the account of the worker');
like(doctor(@as_worker)->{account}{cause}, qr/These checks run as postgres\./, 'which it is itself');
my $stranger = doctor('runuser', '-u', 'nobody', '--');
is($stranger->{account}{result}, 'warning', 'another account is warned') or diag(explain $stranger);
like($stranger->{account}{cause}, qr/run as nobody, but the worker belongs to postgres/, 'whose rights count');
like($stranger->{account}{cure}, qr/runuser -u postgres -- scaleout doctor --config \Q$directory\E\/worker\.conf/, 'and how to check as that');

must('chown', 'root', "$directory/worker.key");
my $found = doctor();
is($found->{'certificate and key'}{result}, 'failed', 'root sees that the worker cannot read its key');
like($found->{'certificate and key'}{cause}, qr/SO007: .*worker\.key.*Permission denied/, 'the cause');
cure($found->{'certificate and key'});
is(doctor()->{'certificate and key'}{result}, 'ok', 'the cure, done as root, ends it');

must('chown', 'root', "$directory/worker.conf");
chmod 0600, "$directory/worker.conf";
$found = doctor();
like($found->{settings}{cause}, qr/SO007: \S+worker\.conf cannot be read by postgres\. Permission denied/, 'so it does for the settings');
$found->{settings}{cure} =~ /Run (chown \S+ \S+worker\.conf)/ or fail("a command: $found->{settings}{cure}");
must('sh', '-c', $1);
is(doctor()->{settings}{result}, 'ok', 'the cure ends it');

mkdir "$directory/tasks";
$found = doctor();
like($found->{'folder of the tasks'}{cause}, qr/SO008: \S+tasks cannot be written by postgres/, 'a folder that root has made');
cure($found->{'folder of the tasks'});
is(doctor()->{'folder of the tasks'}{result}, 'ok', 'the cure ends it');

# ---- space ---------------------------------------------------------------------

mkdir "$folder/small";
SKIP:
{
	my ($ok, $output) = quietly('mount', '-t', 'tmpfs', '-o', 'size=160m', 'tmpfs', "$folder/small");
	skip "no file system can be mounted: $output", 9 unless $ok;
	$mounted = 1;
	must('chown', 'postgres', "$folder/small");
	must('sh', '-c', "echo 'TasksRootFolder = $folder/small' >> $directory/worker.conf");
	is(doctor()->{'folder of the tasks'}{result}, 'ok', 'a folder with space');
	# Somebody fills it.
	must('sh', '-c', "head -c 100000000 /dev/zero > $folder/small/dump");
	$row = doctor()->{'folder of the tasks'};
	is($row->{result}, 'failed', 'a folder without space');
	like($row->{cause}, qr/SO008: only \d+ MB are free in \Q$folder\E\/small, less than 100 MB/, 'how much is left');
	like($row->{cure}, qr/^Free space there: run du -ax "\$\(df --output=target \S+ \| tail -n 1\)" \| sort -n \| tail to see what takes it; or set TasksRootFolder in \Q$directory\E\/worker\.conf/, 'what to do');
	free_space($row->{cure});
	is(doctor()->{'folder of the tasks'}{result}, 'ok', 'the cure ends it');
	must('sed', '-i', '/^TasksRootFolder/d', "$directory/worker.conf");
	must('sh', '-c', "head -c 100000000 /dev/zero > $folder/small/dump");

	# The keys of a server on it.
	my ($bin) = grep { -x "$_/initdb" } split /:/, $ENV{PATH};
	my @as_server = ('runuser', '-u', 'postgres', '--');
	must('chown', 'postgres', $folder);
	must(@as_server, "$bin/initdb", '-D', "$folder/data", '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '-N');
	must(@as_server, 'sh', '-c', "printf '%s\\n' \"shared_preload_libraries = 'scaleout'\" \"scaleout.security_directory = '$folder/small/keys'\" \"scaleout.port_number = 0\""
		. " \"unix_socket_directories = '$folder'\" \"listen_addresses = ''\" >> $folder/data/postgresql.conf; mkdir -m 700 $folder/small/keys");
	must(@as_server, "$bin/pg_ctl", '-D', "$folder/data", '-l', "$folder/server.log", '-w', 'start');
	my $ask = sub {
		my ($seen, $rows) = quietly(@as_server, "$bin/psql", '-X', '-h', $folder, '-d', 'postgres', '-qAt', '-c', 'CREATE EXTENSION IF NOT EXISTS scaleout',
			'-c', "SELECT json_agg(d) FROM catalog.diagnose_scaleout() d WHERE \"check\" = 'space for keys and logs'");
		return $seen ? (eval { JSON::PP->new->decode($rows =~ s/^NOTICE.*\n//mgr) } // [ { cause => $rows, cure => '' } ])->[0] : { cause => $rows, cure => '' };
	};
	my $space = $ask->();
	my $after = eval { free_space($space->{cure}); $ask->() };
	must(@as_server, "$bin/pg_ctl", '-D', "$folder/data", '-m', 'immediate', '-w', 'stop');
	like("$space->{result} $space->{cause}", qr/^warning SO008: .*almost full.*\d+ MB are free/, 'a server without space for its keys says so');
	is($after->{result}, 'ok', 'and its cure ends it') or diag(explain [ $space, $after ]);
}

# ---- the way to the server --------------------------------------------------------

my $deadline = time() + 60;
my $answers;
do { $answers = doctor()->{'port answers'} } until $answers->{result} eq 'ok' || time() > $deadline;
is($answers->{result}, 'ok', 'the port answers');
# What comes from the worker finds no way back: as with a firewall that drops it.
must('ip', '-n', $machine{server}{netns}, 'route', 'add', 'blackhole', "$machine{worker}{address}/32");
$row = doctor()->{'port answers'};
is($row->{result}, 'failed', 'packets are dropped');
like($row->{cause}, qr/SO420: .*Connection timed out/, 'the cause');
like($row->{cure}, qr/drops the packets: open port 8391 to \Q$machine{server}{address}\E in the firewalls/, 'the cure');
must('ip', '-n', $machine{server}{netns}, 'route', 'del', 'blackhole', "$machine{worker}{address}/32");
is(doctor()->{'port answers'}{result}, 'ok', 'opening the way ends it');
must('ip', '-n', $machine{worker}{netns}, 'link', 'set', $machine{worker}{link}, 'down');
$row = doctor()->{'port answers'};
like($row->{cause}, qr/SO420: .*(?:unreachable|No route)/, 'a cable that is out');
like($row->{cure}, qr/correct the network \(ip route get \Q$machine{server}{address}\E\)/, 'the cure');

open(my $list, '<', 'test/tap/checks.txt') or die $!;
my @missing = grep { !$seen{$_} } map { join('|', (split /\s*\|\s*/)[ 0 .. 2 ]) } grep { /\|\s*501_diagnose_root\s*$/ && /^doctor/ } <$list>;
is("@missing", '', 'every result of the doctor that this test is to see was seen');
done_testing();
