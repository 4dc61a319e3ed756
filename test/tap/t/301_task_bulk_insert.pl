# Bulk Insert: formats, rows, batches, errors with their line, cut connection.
use strict;
use warnings;

use File::Temp qw(tempdir);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::Exec;

my $node = PostgreSQL::Test::Cluster->new('bulk');
# Whatever the account that runs the test speaks.
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->start;
my $string = $node->connstr('postgres');
my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $folder = tempdir(CLEANUP => 1);

sub load
{
	my ($text, $task, %with) = @_;
	Scaleout::Exec::spew("$folder/data", $text) if defined $text;
	$node->safe_psql('postgres', 'DROP TABLE IF EXISTS s; CREATE TABLE s(id int PRIMARY KEY, name text, amount numeric)');
	return Scaleout::Exec::task(
		{ type => 'bulk_insert', connection => 'w', table => 'public.s', file => "$folder/data", format => 'csv', %$task },
		variables => [ { name => 'rows', type => 'int64', value => -1 } ],
		connections => [ { name => 'w', type => 'postgres', connection_string => $string },
			{ name => 'input', type => 'file', connection_string => "$folder/data" } ],
		more => [ Scaleout::Exec::show({ executable => 'task', on => 'completion' }, 'User::rows') ], %with);
}

sub content { return $node->safe_psql('postgres', q{SELECT string_agg(concat_ws(':', id, coalesce(name, 'NULL'), amount), ' ' ORDER BY id) FROM s}); }

my $run = load("1,a,1.5\n2,\"b\nb\",2\n3,,3\n", { row_count_variable => 'User::rows' });
is($run->{status}, 0, 'csv') or diag $run->{output};
is(content(), "1:a:1.5 2:b\nb:2 3:NULL:3", 'its rows');
like($run->{output}, qr/"User::rows":3/, 'and their number');
$run = load("id;name\n1;'x;y'\n", { header => $true, delimiter => 'semicolon', quote => "'", columns => [ 'id', 'name' ] });
is(content(), '1:x;y', 'header, delimiter, quote, columns') or diag $run->{output};
$run = load("1\ta\t1\n2\t\\N\t2\n", { format => 'text' });
is(content(), '1:a:1 2:NULL:2', 'text');
$run = load("1\ta\xe4\t1\n", { format => 'text', encoding => 'LATIN1' });
is(content(), '1:a' . "\xc3\xa4" . ':1', 'encoding') or diag $run->{output};
$run = load("1,a,1\r\n2,b,2\r\n", {});
is(content(), '1:a:1 2:b:2', 'line ends of Windows');
$node->safe_psql('postgres', "COPY (SELECT 7, 'bin'::text, 1.25::numeric) TO '$folder/binary' (FORMAT binary)");
$run = load(undef, { format => 'binary', file => "$folder/binary" });
is(content(), '7:bin:1.25', 'binary') or diag $run->{output};
$run = load(join('', map { "$_,n$_,$_\n" } 1 .. 10), { first_row => 3, last_row => 5 });
is(content(), '3:n3:3 4:n4:4 5:n5:5', 'first and last row');
$run = load("id,name,amount\n1,a,1\n2,b,2\n", { header => $true, batch_size => 1 });
is(content(), '1:a:1 2:b:2', 'a header with batches');
$run = load("1,a,1\n2,b,2\n3,c,3\n", { where => 'amount > 1', table_lock => $true });
is(content(), '2:b:2 3:c:3', 'a condition, under a lock') or diag $run->{output};
$run = load('', {});
is($run->{status}, 0, 'an empty file') or diag $run->{output};

$run = load(join('', map { "$_,name $_,$_.5\n" } 1 .. 200000), {});
is($run->{status}, 0, 'a larger file') or diag $run->{output};
is($node->safe_psql('postgres', 'SELECT count(*), sum(id) FROM s'), '200000|20000100000', 'arrives whole');
like($run->{output}, qr/progress .*%/, 'with progress');

# ---- errors ----
$run = load("1,a,1\n2,\"b\nb\",2\n3,c,x\n", {});
is($run->{status}, 1, 'a bad value');
like($run->{output}, qr/SO815 \S*\/data, line 4: invalid input syntax for type numeric: "x"/, 'is named with its line') or diag $run->{output};
is($node->safe_psql('postgres', 'SELECT count(*) FROM s'), 0, 'and nothing was loaded');
$run = load("h\n1,a,1\n2,b,2\n3,c,3\nx,d,4\n", { first_row => 2, batch_size => 2, row_count_variable => 'User::rows' });
like($run->{output}, qr/SO815 \S*\/data, line 5:/, 'in a later batch the line is the file\'s') or diag $run->{output};
is(content(), '1:a:1 2:b:2', 'finished batches stay, the failed one does not');
$run = load("1,a,1\n1,b,2\n", {});
like($run->{output}, qr/SO815 \S*\/data, line 2: duplicate key/, 'a broken constraint');
$run = load("1,a\n", {});
like($run->{output}, qr/SO815 .*line 1: missing data for column "amount"/, 'a short row');
$run = load("1,a,1\n", { table => 'nothing_here' });
like($run->{output}, qr/SO805.*nothing_here/, 'no such table');
$run = load("1,a,1\n", { table => 's; DROP TABLE s' });
like($run->{output}, qr/SO825/, 'a table that is none');
$run = load("1,a,1\n", { file => "$folder/missing" });
like($run->{output}, qr/SO814.*missing/, 'no such file');
$run = load("1,a,1\n", { header => $true, header_match => $true });
like($run->{output}, qr/SO\d+.*column name mismatch/, 'a header that does not match');
$run = load("1,a,1\n", { time_out => '300ms', table_lock => $true, where => 'pg_sleep(600) IS NOT NULL' });
like($run->{output}, qr/SO806/, 'time-out') or diag $run->{output};
is($node->safe_psql('postgres', 'SELECT count(*) FROM s'), 0, 'nothing was loaded');

# ---- cut in the middle ----
$node->safe_psql('postgres', 'CREATE FUNCTION cut(int) RETURNS boolean LANGUAGE sql AS $$SELECT CASE WHEN $1 = 1000 THEN pg_terminate_backend(pg_backend_pid()) ELSE true END$$');
$run = load(join('', map { "$_,a,1\n" } 1 .. 100000), { where => 'cut(id)' });
like($run->{output}, qr/SO804/, 'a connection that is cut during the load') or diag $run->{output};
is($node->safe_psql('postgres', 'SELECT count(*) FROM s'), 0, 'loads nothing');

# ---- in a transaction ----
Scaleout::Exec::spew("$folder/data", "1,a,1\n2,b,2\n");
$node->safe_psql('postgres', 'TRUNCATE s');
$run = Scaleout::Exec::run({ name => 'p', connections => [ { name => 'w', type => 'postgres', connection_string => $string } ],
	executables => [ { name => 'box', type => 'sequence', transaction_option => 'required', executables => [
		{ name => 'a', type => 'bulk_insert', connection => 'w', table => 's', format => 'csv', file => "$folder/data", batch_size => 1 },
		{ name => 'b', type => 'execute_sql', connection => 'w', sql => 'SELECT 1/0', after => 'a' } ] } ] });
is($run->{status}, 1, 'batches inside a transaction that fails');
is($node->safe_psql('postgres', 'SELECT count(*) FROM s'), 0, 'do not stay');

done_testing();
