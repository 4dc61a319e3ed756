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
			sql => "INSERT INTO seen SELECT $_, count(*) FROM pg_stat_activity WHERE application_name LIKE 'scaleout%'" } } 1 .. 1000 ] },
	environment => { TMPDIR => $temporary });
is($run->{status}, 0, 'a thousand tasks') or diag $run->{output};
is($node->safe_psql('postgres', 'SELECT count(*) FROM seen'), 1000, 'each has run');
cmp_ok($node->safe_psql('postgres', 'SELECT max(sessions) FROM seen'), '<=', 6, 'sessions are used again, not made anew');
ok($node->poll_query_until('postgres',
		q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()}),
	'no session stays');
is_deeply([ glob("$temporary/*") ], [], 'no file stays');

# The starter package runs as it is, without a warning, and leaves no checkpoint.
my $home = tempdir(CLEANUP => 1);
my $program = Scaleout::Exec::program();
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = 'postgres';
my $output = `cd $home && $program new starter && $program validate -W starter.yaml && $program format --check starter.yaml && $program exec --warnaserror starter.yaml 2>&1`;
is($?, 0, 'the starter package') or diag $output;
like($output, qr/Package succeeded .* 0 errors, 0 warnings/, 'runs as it is');
is_deeply([ map { s{.*/}{}r } glob("$home/*") ], ['starter.yaml'], 'and leaves nothing');
`/usr/bin/python3 -c "import jsonschema, yaml" 2>/dev/null && /usr/bin/python3 test/tap/servers/schema_check.py docs/package.schema.json $home/starter.yaml 2>&1` =~ /not ok.*/
  and fail("the starter package fits the schema: $&");

done_testing();
