# The commands of docs/quickstart.md as they stand there, on two machines: two
# network namespaces with addresses of their own.  Needs root; scripts/check runs
# it as the suite netns.
use strict;
use warnings;

use File::Temp qw(tempdir);
use IPC::Run;
use POSIX ();
use Test::More;

my %machine = (etl => { netns => "so-etl-$$", address => '10.203.77.1', link => "soe$$" },
	loader => { netns => "so-load-$$", address => '10.203.77.2', link => "sol$$" });
my $running;
my $made = 0;

sub quietly
{
	my (@command) = @_;
	my $output;
	IPC::Run::run(\@command, '<', \undef, '>&', \$output);
	return ($? == 0, $output // '');
}

sub must
{
	my ($ok, $output) = quietly(@_);
	die "@_: $output" unless $ok;
	return $output;
}

sub slurp { my ($path) = @_; open(my $file, '<', $path) or return ''; local $/; return scalar <$file>; }

plan skip_all => 'network namespaces need root; scripts/check netns runs this test' if $> != 0;
plan skip_all => 'SCALEOUT_PREFIX is not set' unless $ENV{SCALEOUT_PREFIX};
{
	my ($ok, $output) = eval { quietly('ip', 'netns', 'add', $machine{etl}{netns}) };
	plan skip_all => 'this system permits no network namespaces: ' . ($output // 'there is no program ip') =~ s/\s+/ /gr unless $ok;
	$made = 1;
}

my $folder = tempdir(CLEANUP => 1);
my ($bin) = grep { -x "$_/initdb" } split /:/, $ENV{PATH};
chmod 0755, $folder;
END
{
	my $status = $?;
	if ($made)
	{
		# Everything in the namespaces is ours, orphans too.
		for my $m (values %machine)
		{
			next if $m == $machine{etl};
			my (undef, $pids) = quietly('ip', 'netns', 'pids', $m->{netns});
			kill('KILL', grep { /^\d+$/ } split /\s+/, $pids);
		}
		waitpid($running, 0) if $running;
		quietly('runuser', '-u', 'postgres', '--', "$bin/pg_ctl", '-D', "$folder/data", '-m', 'immediate', 'stop') if $bin && $folder;
		quietly('ip', 'netns', 'del', $machine{$_}{netns}) for keys %machine;
	}
	$? = $status;
}

# Two machines and a cable.
must('ip', 'netns', 'add', $machine{loader}{netns});
must('ip', 'link', 'add', $machine{etl}{link}, 'netns', $machine{etl}{netns}, 'type', 'veth', 'peer', 'name', $machine{loader}{link}, 'netns', $machine{loader}{netns});
for my $m (values %machine)
{
	must('ip', '-n', $m->{netns}, 'addr', 'add', "$m->{address}/24", 'dev', $m->{link});
	must('ip', '-n', $m->{netns}, 'link', 'set', $_, 'up') for 'lo', $m->{link};
}

# What a machine with PostgreSQL has: a cluster, and a way to restart it.
mkdir "$folder/bin";
mkdir "$folder/worker";
must('chown', 'postgres', $folder, "$folder/worker");
must('runuser', '-u', 'postgres', '--', "$bin/initdb", '-D', "$folder/data", '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '-N');
my @loose = map { "$_\n" } "unix_socket_directories = '$folder'", 'fsync = off', "listen_addresses = ''";
open(my $conf, '>>', "$folder/data/postgresql.conf") or die $!;
print $conf @loose;
close $conf;
open(my $systemctl, '>', "$folder/bin/systemctl") or die $!;
print $systemctl "#!/bin/sh\nexec runuser -u postgres -- '$bin/pg_ctl' -D '$folder/data' -l '$folder/server.log' -w restart >/dev/null\n";
close $systemctl;
chmod 0755, "$folder/bin/systemctl";
must('ip', 'netns', 'exec', $machine{etl}{netns}, 'runuser', '-u', 'postgres', '--', "$bin/pg_ctl", '-D', "$folder/data", '-l', "$folder/server.log", '-w', 'start');

# The commands of the page; what the page says in general is put in concretely.
my %concrete = ('etl.example' => $machine{etl}{address}, '/etc/postgresql/15/main' => "$folder/data", '/var/lib/scaleout' => "$folder/worker/one");
my @commands;
my $page = slurp('docs/quickstart.md');
while ($page =~ /^```sh\n# (\d), on (etl\.example|loader-1)\n(.*?)^```/msg)
{
	push @commands, { number => $1, machine => $2 eq 'loader-1' ? 'loader' : 'etl', text => $3 };
}
is(join(' ', map { $_->{number} } @commands), '1 2 3 4 5', 'the page has five commands');

sub on
{
	my ($command, %with) = @_;
	my $text = $command->{text};
	$text =~ s/\Q$_\E/$concrete{$_}/g for sort keys %concrete;
	$text =~ s/scaleout1\.\S+/$with{token}/ if $with{token};
	my @as = $command->{machine} eq 'loader' ? ('runuser', '-u', 'postgres', '--') : ();
	return ('ip', 'netns', 'exec', $machine{ $command->{machine} }{netns}, 'env', "PATH=$folder/bin:$ENV{SCALEOUT_PREFIX}/bin:$bin:$ENV{PATH}",
		"PGHOST=$folder", 'PGUSER=postgres', 'PGDATABASE=postgres', @as, 'sh', '-c', $text);
}

must(on($commands[0]));
pass('the library is loaded');
my $output = must(on($commands[1]));
my ($token) = $output =~ /^(scaleout1\.\S+)\s*\z/m;
ok($token, 'there is a token, at the end of the output') or diag($output);
$output = must(on($commands[2], token => $token));
like($output, qr{has joined https://10\.203\.77\.1:8391 and is enabled}, 'the worker has joined') or diag(slurp("$folder/server.log"));
# The machine of the test may be busy with other things, and a worker leaves a busy machine alone.
{
	open(my $file, '>>', "$folder/worker/one/worker.conf") or die $!;
	print $file "TaskRequestMaxCPU = 100\nTaskRequestMaxMemoryPressure = 100\nTaskRequestMinMemory = 0\n";
	close $file;
}
my $pid = fork() // die "fork: $!";
if ($pid == 0)
{
	open(STDIN, '<', '/dev/null');
	open(STDOUT, '>', "$folder/worker.log");
	open(STDERR, '>&', \*STDOUT);
	exec(on($commands[3])) or POSIX::_exit(127);
}
$running = $pid;
$output = must(on($commands[4]));
like($output, qr/^\d+\|7\|\S+$/m, 'an execution has succeeded') or diag($output . slurp("$folder/worker.log") . slurp("$folder/server.log"));
my $peer = must('runuser', '-u', 'postgres', '--', "$bin/psql", '-h', $folder, '-qAt', '-c', 'SELECT peer FROM catalog.enrollment_attempts WHERE accepted');
like($peer, qr/^10\.203\.77\.2:\d+$/m, 'by the worker on the second machine');
done_testing();
