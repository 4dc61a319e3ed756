# A worker behind a slow line: an answer that takes longer than any time limit
# arrives, as long as something arrives.
use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use Test::More;
use Time::HiRes qw(time);

use lib 'test/tap/lib';
use Scaleout::System;

# The agent gives up after the long poll and 15 s without a byte.
my $system = Scaleout::System->new('slow_line', settings => { 'scaleout.long_poll_interval' => '500ms', 'scaleout.probe_interval' => '500ms' });
my $megabytes = 5;
$system->deploy('f', 'p', wide => { executables => [], parameters => [ map { { name => "p$_", type => 'string', value => '' } } 1 .. $megabytes ] });

# 256 kB a second towards the worker; the other way is not slowed down.
my $chunk = 32 * 1024;
my $pause = 0.125;

sub relay
{
	my ($worker, $master) = @_;
	my $select = IO::Select->new($worker, $master);
	while (1)
	{
		for my $from ($select->can_read)
		{
			my $got = sysread($from, my $bytes, $chunk) or return;
			my $to = $from == $worker ? $master : $worker;
			while (length $bytes) { my $n = syswrite($to, $bytes) or return; substr($bytes, 0, $n) = ''; }
			select(undef, undef, undef, $pause * $got / $chunk) if $from == $master;    # poll: slowness is the subject
		}
	}
}

my $listener = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1', ReuseAddr => 1) or die $!;
my $proxy = fork() // die $!;
if ($proxy == 0)
{
	local $SIG{CHLD} = 'IGNORE';
	local $SIG{PIPE} = 'IGNORE';
	setpgrp(0, 0);
	while (my $worker = $listener->accept)
	{
		next if fork();
		close $listener;
		my $master = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $system->port);
		relay($worker, $master) if $master;
		POSIX::_exit(0);
	}
	POSIX::_exit(0);
}
END { local $?; if ($proxy) { kill 'KILL', -$proxy; waitpid $proxy, 0; } }

$system->add_agent('one', settings => { MasterEndpoint => 'https://localhost:' . $listener->sockport });
my $from = time();
my $id = $system->sql("SELECT catalog.run_package('f', 'p', 'wide', jsonb_object_agg('p' || n, repeat('x', 1024 * 1024))) FROM generate_series(1, $megabytes) n");
$system->wait_status($id, 7);
cmp_ok(time() - $from, '>', 16, 'the task took longer than the time limit of a request');
is($system->sql("SELECT attempt FROM catalog.executions WHERE execution_id = $id"), 1, 'and came with the first attempt');
$system->stop;
done_testing();
