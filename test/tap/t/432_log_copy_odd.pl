# A log database that behaves oddly, or a catalog that does: nothing of it is
# silent, keeps a processor busy, writes into the server log, or loses messages.
use strict;
use warnings;

use IO::Socket::INET;
use POSIX ();
use Test::More;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::LogServer;
use Scaleout::Symptom;
use Scaleout::System;

my $system = Scaleout::System->new('main', settings => { 'scaleout.log_copy_timeout' => '5s', 'scaleout.probe_interval' => '500ms', 'log_statement' => 'none' });
my $node = $system->node;
my $log = Scaleout::LogServer->new($system);
$system->deploy('f', 'p', empty => { executables => [] });
$system->add_agent('one');
$log->set;

sub run { my $id = $system->run('f', 'p', 'empty'); $system->wait_status($id, 7); return $id; }
sub found { return Scaleout::Symptom::diagnose($system)->{'log copy'}; }
sub wait_found { my ($cause) = @_; return $system->wait_for("the diagnosis says $cause", sub { my $row = eval { found() }; return $row && $row->{result} eq 'failed' && $row->{cause} =~ $cause && $row; }); }
sub retry { return $system->sql('SELECT pg_reload_conf()'); }

subtest 'a log database that talks' => sub {
	$log->sql(q{CREATE FUNCTION public.talk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'said by a trigger'; RETURN NEW; END $$;
		CREATE TRIGGER talk BEFORE INSERT ON scaleout_log.event_messages FOR EACH ROW EXECUTE FUNCTION public.talk()});
	run();
	$log->wait_copied;
	is($log->differences, '', 'its messages are copied');
	like(slurp_file($log->node->logfile), qr/said by a trigger/, 'it has talked');
	unlike(slurp_file($node->logfile), qr/said by a trigger/, 'which is not in the log of the catalog\'s server');
	$log->sql('DROP FUNCTION public.talk() CASCADE');
};

subtest 'a position that does not move' => sub {
	$log->sql(q{CREATE FUNCTION public.stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
		CREATE TRIGGER stay BEFORE UPDATE ON scaleout_log.copy_position FOR EACH ROW EXECUTE FUNCTION public.stay()});
	my $id = run();
	wait_found(qr/^SO255: .*position/);
	pass('is a failure');
	$system->wait_until("SELECT count(*) = 1 FROM catalog.operation_messages WHERE operation_id = $id AND message_type = 110 AND code = 'SO255'");
	$log->sql('DROP FUNCTION public.stay() CASCADE');
	retry();
	$log->wait_copied;
	is($log->differences, '', 'afterwards every message is there once');
};

subtest 'a catalog that cannot be read, and a log database that has gone meanwhile' => sub {
	$system->sql('ALTER FUNCTION internal.log_copy_ranges(bigint, integer) RENAME TO moved_ranges');
	wait_found(qr/^SO255: the catalog cannot be read: .*log_copy_ranges/);
	$log->sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'logger'");
	my $pid = $system->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'scaleout log copy'");
	# A process that waits sleeps whenever it is looked at; one that spins hardly ever does.
	my $asleep = 0;
	for (1 .. 40)
	{
		$asleep++ if slurp_file("/proc/$pid/stat") =~ /\) S /;
		select(undef, undef, undef, 0.05);
	}
	cmp_ok($asleep, '>=', 20, 'the worker sleeps until its next try');
	$system->sql('ALTER FUNCTION internal.moved_ranges(bigint, integer) RENAME TO log_copy_ranges');
	run();
	retry();
	$log->wait_copied;
	is($log->differences, '', 'every message is there once');
};

subtest 'a refused connection string among bound parameters' => sub {
	my $script = "${PostgreSQL::Test::Utils::tmp_check}/bound.sql";
	my $offset = $system->log_size;
	# The value itself has to be bound, which pgbench can do with numbers only.
	PostgreSQL::Test::Utils::append_to_file($script, "\\set secret 8471190356\nSELECT catalog.update_logdb_info('x', 'password=' || :secret || ' nonsense');\n");
	$system->sql('ALTER SYSTEM SET log_parameter_max_length_on_error = -1; SELECT pg_reload_conf()');
	run_command([ 'pgbench', '-n', '-M', 'extended', '-t', '1', '-f', $script, $node->connstr('postgres') ]);
	$system->sql('ALTER SYSTEM RESET log_parameter_max_length_on_error; SELECT pg_reload_conf()');
	my $text = slurp_file($node->logfile, $offset);
	like($text, qr/ERROR:  the connection string of the log database cannot be read/, 'the server log has the refusal');
	unlike($text, qr/8471190356/, 'and no parameter of the statement');
};

# Whoever administers the catalog chooses the server, and that may be anything that speaks the protocol.
for my $answer ('nothing', 'a copy without end')
{
	subtest "a server that answers with $answer" => sub {
		my ($port, $server) = odd_server($answer);
		my $offset = $system->log_size;
		$log->set(port => $port);
		ok(eval { wait_found(qr/^SO255: the log database answers/) }, 'is a failure');
		kill('KILL', $server);
		waitpid($server, 0);
		unlike(slurp_file($node->logfile, $offset), qr/was terminated by signal/, 'and no process of the catalog\'s server has died');
		$log->set;
		$log->wait_copied;
		is($log->differences, '', 'afterwards every message is there once');
	};
}

subtest 'a server whose errors hold control characters' => sub {
	my ($port, $server) = odd_server('an error');
	my $offset = $system->log_size;
	$log->set(port => $port);
	my $row = eval { wait_found(qr/too.*many/) };
	ok($row, 'what it says is shown') or diag(explain found());
	unlike($row->{cause}, qr/[[:cntrl:]]/, 'in one line that no terminal obeys');
	my $text = slurp_file($node->logfile, $offset);
	like($text, qr/WARNING: .*too.*many/, 'the server log has it');
	unlike($text, qr/\x1b/, 'without them');
	kill('KILL', $server);
	waitpid($server, 0);
	$log->set;
	$log->wait_copied;
	is($log->differences, '', 'afterwards every message is there once');
};

subtest 'a catalog that is set back' => sub {
	my $data = $node->data_dir;
	run();
	$log->wait_copied;
	$node->stop('fast');
	system_or_bail('cp', '-a', $data, "$data.snapshot");
	$node->start;
	$system->wait_for('the master', sub { eval { $system->master_pid } });
	run() for 1 .. 4;
	$log->wait_copied;
	$node->stop('fast');
	system_or_bail('rm', '-rf', $data);
	system_or_bail('mv', "$data.snapshot", $data);
	# It has given more numbers than before when it gets to know how far the log database is.
	$log->node->stop('fast');
	$node->start;
	$system->wait_for('the master', sub { eval { $system->master_pid } });
	my @ids = map { run() } 1 .. 6;
	$log->node->start;
	my $before = $log->sql('SELECT count(*) FROM scaleout_log.event_messages');
	retry();
	$log->wait_copied;
	my $list = join(', ', @ids);
	my $expected = $system->sql("SELECT count(*) FROM catalog.event_messages WHERE operation_id IN ($list)");
	is($log->sql('SELECT count(*) FROM scaleout_log.event_messages') - $before, $expected, 'every message since then is copied');
};

$system->stop;
done_testing();

# A server that lets everybody in with a password, and answers every query but the first with no row of no
# columns, with the beginning of a COPY, or with an error.
sub odd_server
{
	my ($answer) = @_;
	my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0, ReuseAddr => 1) or die $!;
	my $pid = fork() // die $!;
	return ($listener->sockport, $pid) if $pid;
	my $exact = sub { my ($client, $n) = @_; my $bytes = ''; while (length($bytes) < $n) { sysread($client, $bytes, $n - length($bytes), length($bytes)) or return; } return $bytes; };
	my $message = sub { my ($client) = @_; my $type = $exact->($client, 1) // return; my $length = unpack('N', $exact->($client, 4) // return); $exact->($client, $length - 4) if $length > 4; return $type; };
	my $say = sub { my ($type, $body) = @_; return $type . pack('N', 4 + length($body)) . $body; };
	while (my $client = $listener->accept)
	{
		my $length = unpack('N', $exact->($client, 4) // next);
		my $startup = $exact->($client, $length - 4) // next;
		if ($length == 8)
		{
			syswrite($client, 'N');
			$length = unpack('N', $exact->($client, 4) // next);
			$exact->($client, $length - 4);
		}
		my $queries = 0;
		syswrite($client, $say->('R', pack('N', 3)));
		$message->($client) // next;
		syswrite($client, $say->('R', pack('N', 0)) . $say->('S', "client_encoding\0UTF8\0") . $say->('Z', 'I'));
		while (my $type = $message->($client))
		{
			next if $type ne 'S';
			my $result = $queries++ == 0 ? $say->('n', '') . $say->('C', "SET\0") : $say->('T', pack('n', 0)) . $say->('C', "SELECT 0\0");
			$result = $say->('E', "SERROR\0C53300\0Mtoo\x1b[2J\r many\0\0") if $answer =~ /error/;
			$result .= $say->('H', pack('Cn', 0, 0)) if $answer =~ /copy/;
			syswrite($client, $say->('1', '') . $say->('2', '') . $result . $say->('Z', 'I'));
		}
	}
	POSIX::_exit(0);
}
