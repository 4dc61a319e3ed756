# A whole system for tests: a private cluster with the library preloaded, the
# catalog enabled, gateway listening on a free loopback port, real agents
# (scaleout-worker) and agents played by the test (Scaleout::FakeAgent).
#
#   my $system = Scaleout::System->new('main', settings => {'scaleout.lease_interval' => '2s'});
#   my $agent = $system->add_agent('one', settings => {MaxTaskCount => 4});
#   $system->deploy('folder', 'project', package => {...});
#   my $id = $system->sql("SELECT catalog.run_package('folder', 'project', 'package')");
#   $system->wait_until("SELECT status = 7 FROM catalog.executions WHERE execution_id = $id");
#
# Everything waits for conditions, at most $timeout seconds.  Programs come from
# SCALEOUT_PREFIX (as scripts/check installs them); the server from PG_CONFIG's
# directory in PATH.
package Scaleout::System;

use strict;
use warnings;

use Carp qw(croak);
use File::Temp qw(tempdir);
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Scaleout::FakeAgent;
use Scaleout::Ports;
use Time::HiRes qw(time);

our $timeout = $ENV{SCALEOUT_TEST_TIMEOUT} // 120;

# %with: settings (postgresql.conf), database (default postgres), enable
# (default 1), allows_streaming. Agents are added later.
sub new
{
	my ($class, $name, %with) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	my %settings = (
		'shared_preload_libraries' => 'scaleout',
		# Agents must find it again after a restart.
		'scaleout.port_number' => Scaleout::Ports::free(),
		'scaleout.listen_addresses' => '127.0.0.1',
		'scaleout.host_name' => 'localhost',
		'max_worker_processes' => 16,
		# The module turns it off; a killed master must restart the server, as it does in real life.
		'restart_after_crash' => 'on',
		%{ $with{settings} // {} });

	# A catalog is in UTF8, whatever the account that runs the test speaks.
	$node->init(allows_streaming => $with{allows_streaming} // 0, extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
	$node->append_conf('postgresql.conf',
		join('', map { my $v = $settings{$_}; $v =~ s/'/''/g; "$_ = '$v'\n" } sort keys %settings));
	$node->start;
	my $self = bless {
		node => $node, database => $with{database} // 'postgres', folder => tempdir(CLEANUP => 1), agents => {} }, $class;
	$node->safe_psql('template1', "CREATE DATABASE $with{database}") if $with{database};
	if ($with{enable} // 1)
	{
		$self->sql('CREATE EXTENSION scaleout');
		$self->enable;
	}
	return $self;
}

sub node { return $_[0]{node}; }

# Where a program is: prefix/bin.
sub program
{
	my ($name) = @_;
	croak 'SCALEOUT_PREFIX is not set: where are the programs installed?' unless $ENV{SCALEOUT_PREFIX};
	return "$ENV{SCALEOUT_PREFIX}/bin/$name";
}

# The value of a query; dies with the server's message when it fails.
sub sql
{
	my ($self, $query) = @_;
	my ($status, $out, $err) = $self->{node}->psql($self->{database}, $query, on_error_stop => 1);
	croak "$query\n$err" if $status != 0;
	return $out;
}

# Call until it returns true; $what says what we waited for.
sub wait_for
{
	my ($self, $what, $condition) = @_;
	my $deadline = time() + $timeout;
	while (1)
	{
		my $got = $condition->();
		return $got if $got;
		croak "timed out waiting for $what" if time() > $deadline;
		select(undef, undef, undef, 0.05);    # poll
	}
}

# Wait until the query returns t.
sub wait_until
{
	my ($self, $query) = @_;
	my $last = '';
	my $got = eval { $self->wait_for($query, sub { $last = eval { $self->sql($query) } // "error: $@"; $last eq 't' }) };
	croak "$@(last answer: $last)" unless $got;
	return 1;
}

sub enable
{
	my ($self) = @_;
	$self->sql('SELECT * FROM catalog.enable_scaleout()');
	$self->wait_listening;
	return;
}

# The process ids of master and gateway; 0 when there is none.
sub master_pid
{
	my ($self) = @_;
	my ($status, $out) = $self->{node}->psql('template1', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'scaleout master'");
	return $status == 0 && $out =~ /^(\d+)$/ ? $1 : 0;
}

sub gateway_pid
{
	my ($self) = @_;
	my $master = $self->master_pid or return 0;
	for my $children (glob("/proc/$master/task/*/children"))
	{
		open(my $file, '<', $children) or next;
		my $line = <$file> // '';
		return $1 if $line =~ /(\d+)/;
	}
	return 0;
}

# Wait until a master of a later epoch than $after serves; returns its epoch.
sub wait_listening
{
	my ($self, $after) = @_;
	$after //= 0;
	my $epoch;
	$self->wait_for("a master after epoch $after", sub {
		my $row = eval { $self->sql("SELECT epoch, port FROM internal.master_state WHERE started_time <= last_online_time AND thumbprint IS NOT NULL") } // '';
		return 0 unless $row =~ /^(\d+)\|(\d+)$/ && $1 > $after && $self->gateway_pid;
		($epoch, my $port) = ($1, $2);
		my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 1) or return 0;
		$self->{port} = $port;
		return 1;
	});
	return $epoch;
}

sub epoch { return $_[0]->sql('SELECT epoch FROM internal.master_state'); }

sub port { return $_[0]{port}; }

# An agent that the test plays; trusted and enabled unless told otherwise, registered.
sub add_fake_agent
{
	my ($self, $name, %with) = @_;
	my $agent = Scaleout::FakeAgent->new($self, $name);
	$self->trust($agent->{certificate}, $with{enable} // 1) if $with{trust} // 1;
	$self->wait_for("the trust in $name", sub { $agent->register->{status} == 200 }) if $with{trust} // 1;
	return $agent;
}

sub trust
{
	my ($self, $file, $enable) = @_;
	my $pem = slurp_file($file);
	return $self->sql("SELECT catalog.trust_worker_certificate(\$pem\$$pem\$pem\$, " . ($enable ? 'true' : 'false') . ')');
}

# A real agent; trusted, enabled, started. %with: settings (worker.conf), enable, start.
sub add_agent
{
	my ($self, $name, %with) = @_;
	my $directory = "$self->{folder}/$name";
	my $thumbprint = $self->sql("SELECT thumbprint FROM internal.master_state");
	my $log = "$PostgreSQL::Test::Utils::log_path/agent_$name.log";
	my ($out, $err);

	IPC::Run::run([ program('scaleout-worker'), 'init', '--master', "https://localhost:$self->{port}",
			'--thumbprint', $thumbprint, '--directory', $directory, '--display-name', $name ], '>', \$out, '2>', \$err)
	  or croak "scaleout-worker init failed: $out$err";
	my %settings = (TaskRequestMaxCPU => 100, TaskRequestMinMemory => 0, TaskRequestMaxMemoryPressure => 100, %{ $with{settings} // {} });
	# Each key once: ours take the place of what init wrote.
	my $text = slurp_file("$directory/worker.conf");
	for my $key (keys %settings) { $text =~ s/^\s*$key\s*=.*\n//mg; }
	open(my $file, '>', "$directory/worker.conf") or croak $!;
	print $file $text, map { "$_ = $settings{$_}\n" } sort keys %settings;
	close $file;
	my ($id) = $text =~ /^\s*AgentId\s*=\s*"?([0-9a-fA-F-]{36})/m;
	$self->trust("$directory/worker.crt", $with{enable} // 1);
	my $agent = { name => $name, id => $id, directory => $directory, log => $log, pid => 0 };
	$self->{agents}{$name} = $agent;
	$self->start_agent($name) if $with{start} // 1;
	return $agent;
}

# With $wait = 0 it may also be one that cannot work.
sub start_agent
{
	my ($self, $name, $wait) = @_;
	my $agent = $self->{agents}{$name};
	my $pid = fork() // croak "fork: $!";
	if ($pid == 0)
	{
		POSIX::setpgid(0, 0);
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', $agent->{log});
		open(STDERR, '>>', $agent->{log});
		exec(program('scaleout-worker'), 'run', '--directory', $agent->{directory}) or POSIX::_exit(127);
	}
	$agent->{pid} = $pid;
	return $agent unless $wait // 1;
	$self->wait_until("SELECT instance_id IS NOT NULL AND last_online_time IS NOT NULL FROM internal.worker_agent WHERE agent_id = '$agent->{id}'");
	return $agent;
}

# Send a signal to an agent and, when it ends by it, collect it.
sub signal_agent
{
	my ($self, $name, $signal) = @_;
	my $agent = $self->{agents}{$name};
	kill($signal, $agent->{pid}) or croak "agent $name (pid $agent->{pid}) is gone";
	if ($signal eq 'KILL')
	{
		waitpid($agent->{pid}, 0);
		$agent->{pid} = 0;
	}
	return;
}

sub stop_agent
{
	my ($self, $name) = @_;
	my $agent = $self->{agents}{$name};
	return unless $agent->{pid};
	kill('CONT', $agent->{pid});
	kill('TERM', $agent->{pid});
	my $deadline = time() + $timeout;
	while (waitpid($agent->{pid}, POSIX::WNOHANG()) == 0)
	{
		if (time() > $deadline) { kill('KILL', $agent->{pid}); }
		select(undef, undef, undef, 0.02);    # poll
	}
	$agent->{pid} = 0;
	return;
}

# Deploy packages: name => document (a Perl structure); id and name are added.
sub deploy
{
	my ($self, $folder, $project, %packages) = @_;
	$self->sql("SELECT catalog.create_folder('$folder') WHERE NOT EXISTS (SELECT 1 FROM catalog.folders WHERE name = '$folder')");
	my @rows;
	for my $name (sort keys %packages)
	{
		my $document = { name => $name, id => $self->sql('SELECT gen_random_uuid()'), %{ $packages{$name} } };
		push @rows, "('$name', \$json\$" . JSON::PP->new->canonical->encode($document) . '$json$)';
	}
	return $self->sql("SELECT catalog.deploy_packages('$folder', '$project', ARRAY[" . join(', ', @rows) . ']::catalog.package_table_type[])');
}

# Run a package; returns the execution id.
sub run
{
	my ($self, $folder, $project, $package, $more) = @_;
	return $self->sql("SELECT catalog.run_package('$folder', '$project', '$package'" . ($more ? ", $more" : '') . ')');
}

sub status { my ($self, $id) = @_; return $self->sql("SELECT status FROM internal.operation WHERE operation_id = $id"); }

sub wait_status
{
	my ($self, $id, $status) = @_;
	return $self->wait_until("SELECT status = $status FROM internal.operation WHERE operation_id = $id");
}

# Messages of the master about an execution, one a line.
sub messages
{
	my ($self, $id) = @_;
	return $self->sql("SELECT message FROM internal.operation_message WHERE operation_id = $id ORDER BY operation_message_id");
}

# Did the server log get a line that matches, since $offset?
sub wait_log
{
	my ($self, $pattern, $offset) = @_;
	return $self->wait_for("a log line $pattern", sub { $self->{node}->log_contains($pattern, $offset // 0) });
}

sub log_size { return -s $_[0]{node}->logfile; }

sub stop
{
	my ($self) = @_;
	$self->stop_agent($_) for keys %{ $self->{agents} };
	$self->{node}->stop('fast');
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $@, $!);
	for my $agent (values %{ $self->{agents} })
	{
		next unless $agent->{pid};
		kill('KILL', $agent->{pid});
		waitpid($agent->{pid}, 0);
	}
	return;
}

1;
