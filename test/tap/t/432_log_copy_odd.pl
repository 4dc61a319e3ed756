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

# Another copy of this catalog has gone on from here, while this one is connected: numbers that
# this one has not given out yet are taken, and its messages must not be passed over in silence.
subtest 'a position that somebody else has moved ahead' => sub {
	run();
	$log->wait_copied;
	$log->sql('UPDATE scaleout_log.copy_position SET position = position + 1000000000000');
	my $id = run();
	my $row = eval { wait_found(qr/^SO258: /) };
	ok($row, 'is a failure') or diag(explain found());
	$system->wait_until("SELECT count(*) = 1 FROM catalog.operation_messages WHERE operation_id = $id AND message_type = 110 AND code = 'SO258'");
	my ($delete) = ($row->{cure} // '') =~ /(DELETE FROM scaleout_log\.copy_position WHERE catalog_id = '[0-9a-f-]+');/;
	ok($delete, 'with a cure') or return;
	$log->sql($delete);
	retry();
	$log->wait_copied;
	is($log->differences, '', 'after which every message is there once');
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

subtest 'auto_explain with nested statements' => sub {
	my $offset = $system->log_size;
	# The outermost statement is the caller's and holds the password in two halves.
	$system->sql(q{LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; SET auto_explain.log_verbose = on;
		SELECT length(catalog.log_database_script()) > 0; SELECT catalog.update_logdb_info('x', 'host=127.0.0.1 port=1 user=x password=' || secret) FROM (SELECT string_agg(half, '') AS secret FROM (VALUES ('84711'), ('90357')) h(half)) s;
		SELECT length(catalog.log_database_script()) > 0});
	my $text = slurp_file($node->logfile, $offset);
	my $nested = () = $text =~ /Query Text: SELECT +internal\.log_database_script/g;
	is($nested, 2, 'it logs the nested statements of other functions, before and afterwards');
	unlike($text, qr/8471190357|Query Text: SELECT +internal\.update_logdb_info/, 'and not the connection string');
	$log->set;
	$log->wait_copied;
};

# Whoever administers the catalog chooses the server, and that may be anything that speaks the protocol.
for my $answer ('nothing', 'a copy without end', 'rows without end', 'a row without end', 'settings without end', 'a row without end when it is not asked')
{
	subtest "a server that answers with $answer" => sub {
		my ($port, $server) = odd_server($answer);
		my $offset = $system->log_size;
		$log->set(port => $port);
		ok(eval { wait_found(qr/^SO255: the log database answers/) }, 'is a failure') or diag(explain found());
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
# columns, with the beginning of a COPY, with an error, or without end.
sub odd_server
{
	my ($answer) = @_;
	my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0, ReuseAddr => 1) or die $!;
	my $pid = fork() // die $!;
	return ($listener->sockport, $pid) if $pid;
	my $exact = sub { my ($client, $n) = @_; my $bytes = ''; while (length($bytes) < $n) { sysread($client, $bytes, $n - length($bytes), length($bytes)) or return; } return $bytes; };
	my $message = sub { my ($client) = @_; my $type = $exact->($client, 1) // return; my $length = unpack('N', $exact->($client, 4) // return); $exact->($client, $length - 4) if $length > 4; return $type; };
	local $SIG{PIPE} = 'IGNORE';
	my $more = sub { my ($client, $bytes, @first) = @_; syswrite($client, join('', @first)); while (1) { syswrite($client, $bytes) // return; } };
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
			# A row of the third query begins after its end: nobody has asked for it.
			my $row = $say->('T', pack('n', 3) . "a\0" . pack('NnNnNn', 0, 0, 25, 65535, 4294967295, 0) . "b\0" . pack('NnNnNn', 0, 0, 25, 65535, 4294967295, 0) . "c\0" . pack('NnNnNn', 0, 0, 25, 65535, 4294967295, 0));
			my $values = $say->('D', pack('n', 3) . pack('N/a*N/a*N/a*', 't', 'UTF8', 'logger'));
			my $setting = 0;
			if ($queries > 1 && $answer =~ /not asked/)
			{
				$result = $queries == 2 ? $row . $values . $say->('C', "SELECT 1\0") : $say->('T', pack('n', 1) . "p\0" . pack('NnNnNn', 0, 0, 20, 65535, 4294967295, 0)) . $say->('C', "SELECT 0\0");
				syswrite($client, $say->('1', '') . $say->('2', '') . $result . $say->('Z', 'I'));
				$more->($client, 'x' x 65536, 'D' . pack('N', 0x3fffffff)) if $queries > 2;
				next;
			}
			$more->($client, $values x 1000, $say->('1', ''), $say->('2', ''), $row) if $queries > 1 && $answer =~ /^rows/;
			$more->($client, 'x' x 65536, $say->('1', ''), $say->('2', ''), $row, 'D' . pack('N', 0x3fffffff)) if $queries > 1 && $answer =~ /^a row/;
			while ($queries > 1 && $answer =~ /^settings/) { syswrite($client, join('', map { $say->('S', 's' . $setting++ . "\0" . ('x' x 8000) . "\0") } 1 .. 100)) // last; }
			$result .= $say->('H', pack('Cn', 0, 0)) if $answer =~ /copy/;
			syswrite($client, $say->('1', '') . $say->('2', '') . $result . $say->('Z', 'I'));
		}
	}
	POSIX::_exit(0);
}
