# Execute SQL over ODBC: SQLite by its driver, PostgreSQL by its driver.
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

my $folder = tempdir(CLEANUP => 1);
my $node = PostgreSQL::Test::Cluster->new('odbc', port => Scaleout::Ports::free());
$node->init;
$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'");
$node->append_conf('pg_hba.conf', "host all all 127.0.0.1/32 trust");
$node->start;
my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $postgres = 'Driver={PostgreSQL Unicode};Servername=127.0.0.1;Port=' . $node->port . ';Database=postgres;Username=' . getpwuid($<);
my %string = (sqlite => "Driver=SQLite3;Database=$folder/db", postgres => $postgres);

my @variables = (
	{ name => 'n', type => 'int32', value => 5 }, { name => 'label', type => 'string', value => "\x{e4} it's \x{1F600}" },
	{ name => 'real', type => 'double', value => 2.5 }, { name => 'total', type => 'int64', value => 0 },
	{ name => 'text', type => 'string', value => '' }, { name => 'rows', type => 'object' }, { name => 'count', type => 'int64', value => -1 });

sub sql
{
	my ($kind, $task, %connection) = @_;
	return Scaleout::Exec::task(
		{ type => 'execute_sql', connection => 'o', %$task }, variables => \@variables,
		connections => [ { name => 'o', type => 'odbc', connection_string => $string{$kind}, %connection } ],
		more => [ Scaleout::Exec::show({ executable => 'task', on => 'completion' }, qw(User::total User::text User::rows User::count)) ]);
}

sub value { my ($run, $name) = @_; return $run->{output} =~ /show \Q$name\E=\{"variables":\{"\Q$name\E":(.*?)\},"task"/ ? $1 : undef; }

for my $kind (qw(sqlite postgres))
{
	my $run = sql($kind, { sql => "CREATE TABLE t(id integer PRIMARY KEY, name varchar(40), amount double precision); INSERT INTO t VALUES (1, 'one', 1.5); INSERT INTO t VALUES (2, NULL, 2)",
			row_count_variable => 'User::count' });
	is($run->{status}, 0, "$kind: several statements") or diag $run->{output};
	$run = sql($kind, { sql => 'SELECT count(*) AS total, max(name) AS name FROM t', result_set => 'single_row',
			result_bindings => [ { result_name => 'total', variable => 'User::total' }, { result_name => '1', variable => 'User::text' } ] });
	is($run->{status}, 0, "$kind: single row") or diag $run->{output};
	is(value($run, 'User::total'), 2, "$kind: a number");
	is(value($run, 'User::text'), '"one"', "$kind: a text");
	$run = sql($kind, { sql => 'SELECT id, name, amount FROM t ORDER BY id', result_set => 'full', result_bindings => [ { variable => 'User::rows' } ] });
	is_deeply(decode_json(value($run, 'User::rows') // '{}')->{rows}, [ [ 1, 'one', 1.5 ], [ 2, undef, 2 ] ], "$kind: all rows") or diag $run->{output};
	$run = sql($kind, { sql => 'INSERT INTO t VALUES (?, ?, ?); UPDATE t SET amount = amount + 1 WHERE id <= :n', row_count_variable => 'User::count',
			parameter_bindings => [ { name => 'n', variable => 'User::n' }, { variable => 'User::label' }, { variable => 'User::real' } ] });
	is($run->{status}, 0, "$kind: parameters") or diag $run->{output};
	is(value($run, 'User::count'), 4, "$kind: row count");
	$run = sql($kind, { sql => 'SELECT name FROM t WHERE id = ?', parameter_bindings => [ { variable => 'User::n' } ], result_set => 'single_row', result_bindings => [ { variable => 'User::text' } ] });
	is(decode_json('[' . (value($run, 'User::text') // 'null') . ']')->[0], "\x{e4} it's \x{1F600}", "$kind: every character survives") or diag $run->{output};
	$run = sql($kind, { sql => 'SELECT nothing FROM t' });
	is($run->{status}, 1, "$kind: an error");
	like($run->{output}, qr/SO805.*nothing/s, "$kind: has the driver's text and the statement") or diag $run->{output};
	$run = sql($kind, { sql => 'UPDATE t SET amount = 0 WHERE id = 77' });
	is($run->{status}, 0, "$kind: no row met is no error") or diag $run->{output};
	$run = sql($kind, { sql => 'INSERT INTO t VALUES (50, NULL, 0); INSERT INTO t VALUES (1, NULL, 0)', transaction_option => 'required', isolation_level => 'serializable' });
	is($run->{status}, 1, "$kind: a failed transaction");
	$run = sql($kind, { sql => 'SELECT count(*) FROM t WHERE id = 50', result_set => 'single_row', result_bindings => [ { variable => 'User::total' } ] });
	is(value($run, 'User::total'), 0, "$kind: is rolled back") or diag $run->{output};
	$run = sql($kind, { sql => 'INSERT INTO t VALUES (51, NULL, 0)', transaction_option => 'required', isolation_level => 'serializable' });
	is($run->{status}, 0, "$kind: a good one") or diag $run->{output};
	$run = sql($kind, { sql => 'SELECT count(*) FROM t WHERE id = 51', result_set => 'single_row', result_bindings => [ { variable => 'User::total' } ] });
	is(value($run, 'User::total'), 1, "$kind: is committed");
}

# ---- time-out, cut, refusal ----
my $run = sql('postgres', { sql => 'SELECT pg_sleep(600)', time_out => '500ms' });
like($run->{output}, qr/SO806/, 'postgres: time-out') or diag $run->{output};
cmp_ok($run->{seconds}, '<', 60, 'postgres: soon');
$run = sql('sqlite', { sql => 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c', time_out => '500ms' });
like($run->{output}, qr/SO806/, 'sqlite: time-out') or diag $run->{output};
cmp_ok($run->{seconds}, '<', 60, 'sqlite: soon');
$run = sql('postgres', { sql => 'SELECT pg_terminate_backend(pg_backend_pid())' });
is($run->{status}, 1, 'postgres: a cut connection fails the task') or diag $run->{output};
$run = sql('postgres', { sql => 'SELECT 1' }, connection_string => 'Driver={PostgreSQL Unicode};Servername=127.0.0.1;Port=' . Scaleout::Ports::closed() . ';Database=postgres');
like($run->{output}, qr/SO803/, 'nobody listens') or diag $run->{output};
$run = sql('sqlite', { sql => 'SELECT 1' }, connection_string => 'DSN=no_such_source', password => 'wrong-word');
like($run->{output}, qr/SO830.*odbcinst/s, 'an unknown source, with advice') or diag $run->{output};
unlike($run->{output}, qr/ERROR.*wrong-word/, 'and without the password');
$run = Scaleout::Exec::run({ name => 'kept', connections => [ { name => 'o', type => 'odbc', connection_string => $postgres, retain_same_connection => $true } ],
	executables => [ { name => 'a', type => 'execute_sql', connection => 'o', sql => 'CREATE TEMP TABLE k AS SELECT 1 AS x' },
		{ name => 'b', type => 'execute_sql', connection => 'o', sql => 'SELECT x FROM k', after => 'a' } ] });
is($run->{status}, 0, 'a retained session keeps its temporary tables') or diag $run->{output};
$run = Scaleout::Exec::run({ name => 'bulk', connections => [ { name => 'o', type => 'odbc', connection_string => $postgres } ],
	executables => [ { name => 'a', type => 'bulk_insert', connection => 'o', table => 't', file => '/etc/hostname' } ] });
like($run->{output}, qr/SO802/, 'Bulk Insert wants a postgres connection') or diag $run->{output};

done_testing();
