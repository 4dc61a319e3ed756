# transaction_timeout, which PostgreSQL 17 has brought, ends a process whose
# transaction takes longer: not the master that waits for a lock, and not the
# session that waits for an operation.
use strict;
use warnings;

use PostgreSQL::Test::Utils ();
use Test::More;

use lib 'test/tap/lib';
use Scaleout::System;

plan skip_all => 'there is no transaction_timeout before PostgreSQL 17' if qx(pg_config --version) =~ /^PostgreSQL (\d+)/ && $1 < 17;

# Not the sessions of the test itself.
local $ENV{PGOPTIONS} = '-c transaction_timeout=0';
my $system = Scaleout::System->new('transaction_timeout',
	settings => { 'scaleout.probe_interval' => '200ms', 'scaleout.master_heartbeat_interval' => '500ms', 'transaction_timeout' => '300ms' });
my $node = $system->node;
$system->deploy('f', 'p', slow => { executables => [ { name => 'wait', type => 'execute_process', executable => '/bin/sleep', arguments => ['600'] } ] });
$system->add_agent('one');

my $id = $system->run('f', 'p', 'slow');
$system->wait_status($id, 2);
my ($status, $out, $err) = $node->psql('postgres', "SET transaction_timeout = '300ms';\nCALL catalog.wait_for_operation($id, '1 s')");
is($err, '', 'the wait of a session is not ended');
is($out, '2', 'and returns at its own time-out');

# Nobody writes master_state, but everybody reads it.
my $epoch = $system->epoch;
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; LOCK TABLE internal.master_state IN EXCLUSIVE MODE');
$system->wait_until(q{SELECT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid)
	WHERE NOT l.granted AND a.backend_type = 'scaleout master' AND l.waitstart < clock_timestamp() - interval '500 ms')});
pass('the master has waited for a lock for longer than transaction_timeout');
$session->query_safe('COMMIT');
$session->quit;
$system->sql("SELECT catalog.stop_operation($id)");
$system->wait_status($id, 3);
is($system->epoch, $epoch, 'and is the same as before');

$node->stop;
done_testing();
