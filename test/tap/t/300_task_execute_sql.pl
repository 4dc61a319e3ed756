# Execute SQL on PostgreSQL: results, parameters, errors, sessions, transactions,
# refusal, cut connection, time-out, cancel.
use strict;
use warnings;

use File::Temp qw(tempdir);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::Exec;
use Scaleout::Ports;
use Scaleout::Servers;

my $node = PostgreSQL::Test::Cluster->new('tasks');
$node->init;
$node->start;
my $string = $node->connstr('postgres');
my ($true, $false) = (JSON::PP::true, JSON::PP::false);

my @variables = (
	{ name => 'n', type => 'int32', value => 5 }, { name => 'label', type => 'string', value => "it's" },
	{ name => 'day', type => 'datetime', value => '2024-02-29 12:30:00' }, { name => 'flag', type => 'boolean', value => $true },
	{ name => 'total', type => 'int64', value => 0 }, { name => 'text', type => 'string', value => '' },
	{ name => 'rows', type => 'object' }, { name => 'count', type => 'int64', value => -1 },
	{ name => 'price', type => 'decimal', value => '12.50' }, { name => 'statement', type => 'string', value => 'SELECT 7 AS total' });
my @show = qw(User::total User::text User::rows User::count User::label);

sub sql
{
	my ($task, %with) = @_;
	my %connection = %{ delete $with{connection} // {} };
	my @more = @{ delete $with{connections} // [] };
	return Scaleout::Exec::task(
		{ type => 'execute_sql', connection => 'w', %$task }, variables => \@variables,
		connections => [ { name => 'w', type => 'postgres', connection_string => $string, %connection }, @more ],
		more => [ Scaleout::Exec::show({ executable => 'task', on => 'completion' }, @show) ], %with);
}

sub value { my ($run, $name) = @_; return $run->{output} =~ /show \Q$name\E=\{"variables":\{"\Q$name\E":(.*?)\},"task"/ ? $1 : undef; }

$node->safe_psql('postgres', q{CREATE TABLE t(id int PRIMARY KEY, name text, at timestamptz);
	INSERT INTO t SELECT g, 'n' || g, '2024-01-01 00:00:00+00' FROM generate_series(1, 10) g;
	CREATE PROCEDURE double(INOUT x int) LANGUAGE plpgsql AS 'BEGIN x := x * 2; END';});

# ---- results ----
my $run = sql({ sql => 'SELECT count(*) AS total, max(name) FROM t', result_set => 'single_row',
		result_bindings => [ { result_name => 'total', variable => 'User::total' }, { result_name => '1', variable => 'User::text' } ] });
is($run->{status}, 0, 'single row') or diag $run->{output};
is(value($run, 'User::total'), 10, 'by name');
is(value($run, 'User::text'), '"n9"', 'by position');
$run = sql({ sql => q{SELECT 1 AS i, 'a' AS t, NULL AS nothing, true AS b, 1.5::numeric AS n, '2024-01-02'::date AS d, '\x00ff'::bytea AS x}, result_set => 'full',
		result_bindings => [ { variable => 'User::rows' } ] });
is($run->{status}, 0, 'full result set') or diag $run->{output};
my $rows = decode_json(value($run, 'User::rows'));
is_deeply($rows->{columns}, [qw(i t nothing b n d x)], 'columns');
is_deeply($rows->{rows}[0], [ 1, 'a', undef, $true, '1.5', '2024-01-02', '\x00ff' ], 'and values') or diag explain $rows;
$run = sql({ sql => 'SELECT 1 WHERE false', result_set => 'single_row', result_bindings => [ { variable => 'User::total' } ] });
like($run->{output}, qr/SO808.*returned 0 rows/, 'no row where one is expected');
$run = sql({ sql => 'SELECT id FROM t', result_set => 'single_row', result_bindings => [ { variable => 'User::total' } ] });
like($run->{output}, qr/SO808.*returned 10 rows/, 'many rows where one is expected');
$run = sql({ sql => 'UPDATE t SET id = id', result_set => 'single_row', result_bindings => [ { variable => 'User::total' } ] });
like($run->{output}, qr/SO808.*no statement returned rows/, 'no result set at all');
$run = sql({ sql => 'SELECT 1 AS a', result_set => 'single_row', result_bindings => [ { result_name => 'b', variable => 'User::total' } ] });
like($run->{output}, qr/SO809.*no column "b".*Its columns are: a/, 'an unknown column') or diag $run->{output};
$run = sql({ sql => "INSERT INTO t VALUES (11, 'x'); UPDATE t SET name = name WHERE id < 4; DELETE FROM t WHERE id = 11", row_count_variable => 'User::count' });
is(value($run, 'User::count'), 5, 'row counts of all statements are added');
$run = sql({ sql => 'SELECT 1 AS a; SELECT 2 AS a', result_set => 'single_row', result_bindings => [ { variable => 'User::total' } ] });
is(value($run, 'User::total'), 1, 'the first result set is used');
like($run->{output}, qr/2 statements return rows/, 'with a warning');

# ---- parameters ----
my @bind = map { { variable => "User::$_" } } qw(n label day flag price);
$run = sql({ sql => q{SELECT $1 + 1 AS total, $2 || '|' || $3::date || '|' || $4 || '|' || $5}, parameter_bindings => \@bind, result_set => 'single_row',
		result_bindings => [ { variable => 'User::total' }, { variable => 'User::text' } ] });
is($run->{status}, 0, 'parameters by position') or diag $run->{output};
is(value($run, 'User::text'), q{"it's|2024-02-29|true|12.50"}, 'of all kinds') or diag $run->{output};
$run = sql({ sql => q{SELECT :n::bigint * 2, ':n' || :name}, parameter_bindings => [ { name => 'name', variable => 'User::label' }, { name => '@n', variable => 'User::n' } ],
		result_set => 'single_row', result_bindings => [ { variable => 'User::total' }, { variable => 'User::text' } ] });
is(value($run, 'User::total'), 10, 'parameters by name');
is(value($run, 'User::text'), q{":nit's"}, 'are not replaced in quotes');
$run = sql({ sql => q{CREATE TEMP TABLE p(i int); INSERT INTO p VALUES ($1), ($1 + 1); SELECT sum(i) FROM p}, parameter_bindings => [ { variable => 'User::n' } ],
		result_set => 'single_row', result_bindings => [ { variable => 'User::total' } ] });
is(value($run, 'User::total'), 11, 'several statements with parameters');
$run = sql({ sql => q{INSERT INTO t VALUES (100); INSERT INTO t VALUES ($1)}, parameter_bindings => [ { variable => 'User::n' } ] });
is($run->{status}, 1, 'the second of two fails');
is($node->safe_psql('postgres', 'SELECT count(*) FROM t WHERE id = 100'), 0, 'and takes the first one back');
$run = sql({ sql => q{SELECT ? + ?}, parameter_markers => 'question_mark', parameter_bindings => [ { name => '1', variable => 'User::total' }, { name => '0', variable => 'User::n' } ],
		result_set => 'single_row', result_bindings => [ { variable => 'User::count' } ] });
is(value($run, 'User::count'), 5, 'question marks and numbers from 0, as SSIS has them');
$run = sql({ sql => 'CALL double($1)', parameter_bindings => [ { variable => 'User::n' }, { name => 'x', variable => 'User::total', direction => 'output' } ] });
is(value($run, 'User::total'), 10, 'output parameters') or diag $run->{output};
$run = sql({ sql => 'SELECT $2', parameter_bindings => [ { variable => 'User::n' } ] });
like($run->{output}, qr/SO809.*uses parameter 2/, 'a parameter without binding');
$run = sql({ sql => 'SELECT $1', parameter_bindings => [ { variable => 'User::label', size => 2 } ] });
like($run->{output}, qr/SO809.*4 bytes long/, 'a value that is too long');
$run = sql({ sql => q{SELECT $1 AS a, pg_typeof($1)::text}, bypass_prepare => $true, parameter_bindings => [ { variable => 'User::n', data_type => 'int64' } ], result_set => 'single_row',
		result_bindings => [ { result_name => '1', variable => 'User::text' } ] });
is(value($run, 'User::text'), '"bigint"', 'a declared type');

# ---- sources ----
my $folder = tempdir(CLEANUP => 1);
Scaleout::Exec::spew("$folder/s.sql", "SELECT 3 AS total;\n");
my @single = (result_set => 'single_row', result_bindings => [ { variable => 'User::total' } ]);
$run = sql({ sql_variable => 'User::statement', @single });
is(value($run, 'User::total'), 7, 'SQL from a variable');
$run = sql({ sql_connection => 'script', @single }, connections => [ { name => 'script', type => 'file', connection_string => "$folder/s.sql" } ]);
is(value($run, 'User::total'), 3, 'SQL from a file connection');
$run = sql({ sql_file => 's.sql', @single }, folder => $folder);
is(value($run, 'User::total'), 3, 'SQL from a file of the package');
$run = sql({ sql => 'SELECT 1', sql_variable => 'User::statement' });
like($run->{output}, qr/SO825.*more than one place/, 'two sources are refused');

# ---- errors ----
$run = sql({ sql => "SELECT 1;\nSELECT id,\n       nam FROM t" });
is($run->{status}, 1, 'an error in the SQL');
like($run->{output}, qr/SO805.*column "nam" does not exist\s+SQLSTATE 42703 at line 3, column 8:\n  +nam FROM t\n  +\^\n/, 'is quoted with a caret') or diag $run->{output};
like($run->{output}, qr/reference the column "t\.name"/, 'with the server\'s hint');
$run = sql({ sql => "SELECT 1;\nSELECT nam FROM t WHERE id = :n", parameter_bindings => [ { name => 'n', variable => 'User::n' } ] });
like($run->{output}, qr/line 2, column 8:\n  SELECT nam/, 'with parameters too') or diag $run->{output};
$run = sql({ sql => q{DO $$ BEGIN RAISE NOTICE 'a note'; RAISE WARNING 'a warning'; END $$} });
like($run->{output}, qr/info .*a note/, 'notices are information');
like($run->{output}, qr/WARNING .*a warning/, 'warnings are warnings');
$run = sql({ sql => 'COPY t FROM STDIN' });
like($run->{output}, qr/SO805.*bulk_insert/s, 'COPY is refused with advice');
is($run->{status}, 1, 'and fails');

# ---- refusal, cut, time-out, cancel ----
my $port = Scaleout::Ports::closed();
$run = sql({ sql => 'SELECT 1' }, connection => { connection_string => "host=127.0.0.1 port=$port" });
like($run->{output}, qr/SO803/, 'nobody listens');
$run = sql({ sql => 'SELECT 1' }, connection => { connection_string => $node->connstr('nothing_here') });
like($run->{output}, qr/SO803.*nothing_here/, 'no such database');
my $quiet = Scaleout::Servers::silent();
$run = sql({ sql => 'SELECT 1' }, connection => { connection_string => "host=127.0.0.1 port=$quiet->{port}", connect_timeout => '500ms' });
like($run->{output}, qr/SO803.*within 0\.5 s/, 'a silent server');
cmp_ok($run->{seconds}, '<', 30, 'is given up soon');
$run = sql({ sql => 'SELECT 1' }, connection => { connection_string => 'host=db secret words' });
like($run->{output}, qr/SO830/, 'a connection string that is none');
unlike($run->{output}, qr/ERROR.*secret words/, 'is not quoted');
$run = sql({ sql => 'SELECT pg_terminate_backend(pg_backend_pid())' });
like($run->{output}, qr/SO804/, 'a cut connection');
is($run->{status}, 1, 'fails the task');
$run = sql({ sql => 'SELECT pg_sleep(600)', time_out => '500ms' });
like($run->{output}, qr/SO806/, 'time_out');
cmp_ok($run->{seconds}, '<', 60, 'ends it');
my $started = Scaleout::Exec::start({ name => 'c', connections => [ { name => 'w', type => 'postgres', connection_string => "$string application_name=cancel_me" } ],
		executables => [ { name => 'task', type => 'execute_sql', connection => 'w', sql => 'SELECT pg_sleep(600)' } ] });
my $sleeping = "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'cancel_me' AND query LIKE '%pg_sleep%' AND state = 'active'";
$node->poll_query_until('postgres', $sleeping) or die 'the statement did not start';
kill 'TERM', $started->{pid};
$run = Scaleout::Exec::finish($started);
is($run->{status}, 3, 'a cancelled package') or diag $run->{output};
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'cancel_me'") or die 'the session stayed';
pass('leaves no session behind');

# ---- service and password files, retained sessions, transactions ----
Scaleout::Exec::spew("$folder/services", "[warehouse]\nhost=" . $node->host . "\nport=" . $node->port . "\ndbname=postgres\n");
$run = sql({ sql => 'SELECT 4', @single }, connection => { connection_string => 'service=warehouse' }, environment => { PGSERVICEFILE => "$folder/services" });
is(value($run, 'User::total'), 4, 'a service file');

sub chain
{
	my ($transaction, @tasks) = @_;
	my $previous;
	return Scaleout::Exec::run({ name => 'p', variables => \@variables, maximum_error_count => 100,
		connections => [ map { { name => $_, type => 'postgres', connection_string => $string, $_ eq 'kept' ? (retain_same_connection => $true) : () } } qw(w kept) ],
		executables => [ {
			name => 'box', type => 'sequence', transaction_option => $transaction ? 'required' : 'supported', maximum_error_count => 100,
			executables => [ map { my $task = { type => 'execute_sql', connection => 'w', name => "t$_->[0]", %{ $_->[1] } };
				$task->{after} = { executable => $previous, on => 'completion' } if $previous; $previous = $task->{name}; $task }
				map { [ $_, $tasks[$_] ] } 0 .. $#tasks ] } ] });
}

$run = chain(0, { sql => 'CREATE TEMP TABLE k AS SELECT 1 AS x', connection => 'kept' }, { sql => 'SELECT x FROM k', connection => 'kept' });
is($run->{status}, 0, 'a retained session keeps its temporary tables') or diag $run->{output};
$run = chain(0, { sql => 'CREATE TEMP TABLE k AS SELECT 1 AS x' }, { sql => 'SELECT x FROM k' });
like($run->{output}, qr/relation "k" does not exist/, 'others are reset');
$node->safe_psql('postgres', 'CREATE TABLE x(i int)');
my $content = sub { return $node->safe_psql('postgres', "SELECT string_agg(i::text, ',' ORDER BY i) FROM x") };
$run = chain(1, { sql => 'INSERT INTO x VALUES (1)' }, { sql => 'INSERT INTO x VALUES (2)' });
is($run->{status}, 0, 'a transacted container') or diag $run->{output};
is($content->(), '1,2', 'commits');
$run = chain(1, { sql => 'INSERT INTO x VALUES (3)' }, { sql => 'INSERT INTO x VALUES (4/0)' });
is($content->(), '1,2,3', 'a forgiven failure takes only its own work back');
$run = Scaleout::Exec::run({ name => 'p', connections => [ { name => 'w', type => 'postgres', connection_string => $string } ],
	executables => [ { name => 'box', type => 'sequence', transaction_option => 'required', executables => [
		{ name => 'a', type => 'execute_sql', connection => 'w', sql => 'INSERT INTO x VALUES (5)' },
		{ name => 'b', type => 'execute_sql', connection => 'w', sql => 'INSERT INTO x VALUES (6/0)', after => 'a' } ] } ] });
is($run->{status}, 1, 'a failed container');
is($content->(), '1,2,3', 'rolls back');
$run = chain(1, { sql => 'INSERT INTO x VALUES (7)' }, { sql => 'INSERT INTO x VALUES (8); ROLLBACK' }, { sql => 'INSERT INTO x VALUES (9)' });
like($run->{output}, qr/SO823/, 'who ends the transaction of the container is told');
like($run->{output}, qr/FAILURE  \\box:/, 'and the container fails') or diag $run->{output};
is($content->(), '1,2,3', 'with nothing committed');
$run = chain(1, { sql => 'SELECT pg_terminate_backend(pg_backend_pid())' }, { sql => 'INSERT INTO x VALUES (10)' });
like($run->{output}, qr/FAILURE  \\box:/, 'a session that is cut inside the transaction') or diag $run->{output};
is($content->(), '1,2,3', 'rolls back as well');

done_testing();
