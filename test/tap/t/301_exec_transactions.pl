# Transactions of containers and loops over result sets, against a real server.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::Exec;

my $node = PostgreSQL::Test::Cluster->new('exec');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE TABLE t (v int)');

my $connections = [ map { { name => $_, type => 'postgres', connection_string => $node->connstr('postgres') } } qw(a b) ];

sub sql { my ($name, $sql, %more) = @_; return { name => $name, type => 'execute_sql', connection => 'a', sql => $sql, %more }; }

# Runs the executables and returns what is in the table then.
sub run
{
	my ($executables, %more) = @_;
	$node->safe_psql('postgres', 'TRUNCATE t');
	my $run = Scaleout::Exec::run({ name => 'p', connections => $connections, executables => $executables, %more });
	return ($run, $node->safe_psql('postgres', q{SELECT string_agg(v::text, ',' ORDER BY v) FROM t}));
}

sub container { my ($executables, %more) = @_; return { name => 'box', type => 'sequence', transaction_option => 'required', executables => $executables, %more }; }

my ($run, $rows) = run([ container([ sql('one', 'INSERT INTO t VALUES (1)'), sql('two', 'INSERT INTO t VALUES (2)', after => 'one') ]) ]);
is($run->{status}, 0, 'a transacted container') or diag $run->{output};
is($rows, '1,2', 'is committed');

($run, $rows) = run([ container([ sql('one', 'INSERT INTO t VALUES (1)'), sql('two', 'INSERT INTO nowhere VALUES (2)', after => 'one') ]) ]);
is($run->{status}, 1, 'a task inside fails');
is($rows, '', 'everything is rolled back');

($run, $rows) = run([ container([ sql('one', 'INSERT INTO t VALUES (1)'), sql('two', 'INSERT INTO nowhere VALUES (2)', after => 'one') ],
		maximum_error_count => 5) ], maximum_error_count => 5);
is($run->{status}, 0, 'the container allows the error') or diag $run->{output};
is($rows, '1', 'the savepoint around the failed task saves the rest');

($run, $rows) = run([ container([ sql('in', 'INSERT INTO t VALUES (1)'), sql('out', 'INSERT INTO t VALUES (2)', after => 'in', transaction_option => 'not_supported'),
			sql('bad', 'SELECT 1/0', after => 'out') ]) ]);
is($run->{status}, 1, 'one task stays outside');
is($rows, '2', 'its work is kept');

($run, $rows) = run([ container([
			{ name => 'inner', type => 'sequence', transaction_option => 'required', executables => [ sql('one', 'INSERT INTO t VALUES (1)') ] },
			sql('bad', 'SELECT 1/0', after => 'inner') ]) ]);
is($rows, '', 'an inner required container joins the outer transaction');

($run, $rows) = run([
		{ name => 'loop', type => 'foreach_loop', transaction_option => 'required', enumerator => { type => 'item', items => [ [1], [2], [0] ] },
			variable_mappings => [ { variable => 'User::n' } ],
			executables => [ sql('add', 'INSERT INTO t SELECT 6 / $1::int', parameter_bindings => [ { variable => 'User::n' } ]) ] } ],
	variables => [ { name => 'n', type => 'int32', value => 0 } ]);
is($run->{status}, 1, 'a transacted loop fails in its third iteration') or diag $run->{output};
is($rows, '', 'all iterations are rolled back');

($run, $rows) = run([ container([ sql('one', 'INSERT INTO t VALUES (1)'), sql('two', 'INSERT INTO t VALUES (2)', connection => 'b') ]) ]);
is($run->{status}, 1, 'two connection managers in one transaction');
like($run->{output}, qr/SO520/, 'are refused');
is($rows, '', 'before anything runs');

($run, $rows) = run([ sql('alone', 'INSERT INTO t VALUES (1)', transaction_option => 'required', force_execution_result => 'failure') ]);
is($rows, '', 'a task with a transaction of its own that is forced to fail is rolled back');

# The commit itself can fail: a deferred constraint.
$node->safe_psql('postgres', 'CREATE TABLE d (v int UNIQUE DEFERRABLE INITIALLY DEFERRED)');
($run, $rows) = run([ container([ sql('one', 'INSERT INTO d VALUES (1), (1)') ]), sql('after', 'INSERT INTO t VALUES (9)', after => { executable => 'box', on => 'failure' }) ]);
is($run->{status}, 1, 'a commit that the server refuses fails the container') or diag $run->{output};
like($run->{output}, qr/SO521.*not committed/, 'and says so');
is($rows, '9', 'its failure branch runs');

# A loop over a result set
($run, $rows) = run([
		sql('read', 'SELECT g AS n, g * 10 AS m FROM generate_series(1, 3) g', result_set => 'full', result_bindings => [ { result_name => '0', variable => 'User::rows' } ]),
		{ name => 'each', type => 'foreach_loop', after => 'read', enumerator => { type => 'result_set', variable => 'User::rows' },
			variable_mappings => [ { variable => 'User::n', column => 'm' } ],
			executables => [ sql('add', 'INSERT INTO t VALUES ($1::int)', parameter_bindings => [ { variable => 'User::n' } ]) ] } ],
	variables => [ { name => 'n', type => 'int32', value => 0 }, { name => 'rows', type => 'object' } ]);
is($run->{status}, 0, 'a loop over a result set') or diag $run->{output};
is($rows, '10,20,30', 'by column name');

ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 'scaleout%'}), 'no session is left');
done_testing();
