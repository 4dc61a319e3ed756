# A thousand tasks that are ready at once: no session stays at the server, no
# file in the folder for temporary files, and never more sessions than
# max_concurrent_executables. (Threads, descriptors and bytes:
# test/unit/test_control_flow_run.c.)
use strict;
use warnings;

use File::Temp qw(tempdir);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::Exec;

my $node = PostgreSQL::Test::Cluster->new('thousand');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 20\n");
$node->start;
$node->safe_psql('postgres', 'CREATE TABLE seen (task int PRIMARY KEY, sessions int)');

my $temporary = tempdir(CLEANUP => 1);
my $run = Scaleout::Exec::run({
		name => 'thousand', max_concurrent_executables => 6,
		connections => [ { name => 'db', type => 'postgres', connection_string => $node->connstr('postgres') } ],
		executables => [ map { {
			name => "t$_", type => 'execute_sql', connection => 'db',
			sql => "INSERT INTO seen SELECT $_, count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'" } } 1 .. 1000 ] },
	environment => { TMPDIR => $temporary });
is($run->{status}, 0, 'a thousand tasks') or diag $run->{output};
is($node->safe_psql('postgres', 'SELECT count(*) FROM seen'), 1000, 'each has run');
cmp_ok($node->safe_psql('postgres', 'SELECT max(sessions) FROM seen'), '<=', 6, 'sessions are used again, not made anew');
ok($node->poll_query_until('postgres',
		q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()}),
	'no session stays');
is_deeply([ glob("$temporary/*") ], [], 'no file stays');

done_testing();
