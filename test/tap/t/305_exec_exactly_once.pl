# Kill scaleout exec at every fault point between the work of a task and its
# checkpoint, and restart: exactly_once leaves the data as a run without faults
# does; idempotent and transacted work too; any other task has run once or twice.
use strict;
use warnings;

use File::Temp qw(tempdir);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::Exec;

plan skip_all => 'built without FAULT_POINTS' if Scaleout::Exec::slurp(Scaleout::Exec::program()) !~ /SCALEOUT_FAULT_LOG/;

my $node = PostgreSQL::Test::Cluster->new('once');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE TABLE t (kind text, v int); CREATE TABLE log (kind text); CREATE TABLE k (v int PRIMARY KEY)');
my $connections = [ { name => 'w', type => 'postgres', connection_string => $node->connstr('postgres') } ];

sub sql { my ($name, $sql, %more) = @_; return { name => $name, type => 'execute_sql', connection => 'w', sql => $sql, fail_package_on_failure => JSON::PP::true, %more }; }

my $folder = tempdir(CLEANUP => 1);
Scaleout::Exec::spew("$folder/rows", join('', map { "file\t$_\n" } 1 .. 100));

# One work task of a kind, then one that only looks.
sub package_of
{
	my ($work) = @_;
	return { name => 'p', save_checkpoints => JSON::PP::true, checkpoint_usage => 'if_exists', checkpoint_file_name => "$folder/checkpoint",
		variables => [ { name => 'rows', type => 'int64', value => 0 } ], connections => $connections,
		executables => [ $work, sql('after', 'INSERT INTO log VALUES ($1)', after => 'work', parameter_bindings => [ { variable => 'User::rows' } ], exactly_once => JSON::PP::true) ] };
}

my %work = (
	exactly_once => [ sql('work', q{INSERT INTO t SELECT 'sql', g FROM generate_series(1, 100) g}, exactly_once => JSON::PP::true, row_count_variable => 'User::rows'), '100' ],
	bulk_insert => [ { name => 'work', type => 'bulk_insert', connection => 'w', table => 't', file => "$folder/rows", exactly_once => JSON::PP::true, row_count_variable => 'User::rows' }, '100' ],
	transacted => [ { name => 'work', type => 'sequence', transaction_option => 'required', executables => [
				sql('one', q{INSERT INTO t SELECT 'sql', g FROM generate_series(1, 50) g}, exactly_once => JSON::PP::true),
				sql('two', q{INSERT INTO t SELECT 'sql', g FROM generate_series(51, 100) g}, after => 'one', exactly_once => JSON::PP::true, row_count_variable => 'User::rows') ] }, '100' ],
	idempotent => [ sql('work', 'INSERT INTO k SELECT generate_series(1, 100) ON CONFLICT DO NOTHING'), '' ],
	other => [ sql('work', q{INSERT INTO t VALUES ('other', 1)}), undef ]);
my @points = qw(engine.task.before_completion engine.task.during_completion engine.checkpoint.before_record engine.checkpoint.after_record
	engine.checkpoint.before_write@2 engine.checkpoint.during_write@2 engine.checkpoint.after_write@2 engine.task.after_completion
	engine.transaction.before_commit engine.transaction.during_commit engine.transaction.after_commit);

for my $kind (sort keys %work)
{
	for my $point (@points)
	{
		my ($name, $at) = split /@/, $point;
		next if $name =~ /transaction/ && $kind =~ /idempotent|other/;
		$node->safe_psql('postgres', 'TRUNCATE t, log, k; DROP SCHEMA IF EXISTS scaleout_exactly_once CASCADE');
		unlink "$folder/fired", "$folder/checkpoint", "$folder/checkpoint.lock";
		my $first = Scaleout::Exec::run(package_of($work{$kind}[0]), folder => $folder, environment =>
			{ SCALEOUT_FAULT => "$name=kill@" . ($at // 1), SCALEOUT_FAULT_LOG => "$folder/fired" });
		is($first->{status}, -9, "$kind: killed at $point") or diag $first->{output};
		ok(-s "$folder/fired", "$kind: $point was reached");
		my $second = Scaleout::Exec::run(package_of($work{$kind}[0]), folder => $folder);
		is($second->{status}, 0, "$kind: goes on after $point") or diag $second->{output};
		my $rows = $node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM t) + (SELECT count(*) FROM k)');
		if ($kind eq 'other')
		{
			ok($rows == 1 || $rows == 2, "other: ran once or twice after $point ($rows)");
		}
		else
		{
			is($rows, '100', "$kind: the data is as without a fault after $point");
			my $expected = $kind eq 'idempotent' ? '0' : $kind eq 'transacted' ? '50' : '100';
			is($node->safe_psql('postgres', 'SELECT kind FROM log'), $expected, "$kind: its successor ran once, with the right output");
		}
	}
}

# Refusals.
my $run = Scaleout::Exec::run(package_of(sql('work', 'VACUUM t', exactly_once => JSON::PP::true)), folder => tempdir(CLEANUP => 1));
is($run->{status}, 1, 'a statement that cannot run in a transaction');
like($run->{output}, qr/SO586/, 'is refused at validation');
$run = Scaleout::Exec::run(package_of({ name => 'work', type => 'bulk_insert', connection => 'w', table => 't', file => "$folder/rows", batch_size => 10, exactly_once => JSON::PP::true }), folder => tempdir(CLEANUP => 1));
like($run->{output}, qr/SO587/, 'batches are refused');

# A zombie: a later attempt of the chain has been seen.
unlink "$folder/checkpoint";
$node->safe_psql('postgres', 'TRUNCATE t, log');
my $once = package_of(sql('work', q{INSERT INTO t VALUES ('zombie', 1)}, exactly_once => JSON::PP::true));
$once->{executables}[1]{force_execution_result} = 'failure';
$run = Scaleout::Exec::run($once, folder => $folder);
is($run->{status}, 1, 'the first attempt fails later') or diag $run->{output};
$node->safe_psql('postgres', 'UPDATE scaleout_exactly_once.chain SET attempt = 99; DELETE FROM log');
$once->{executables}[1]{force_execution_result} = 'none';
$run = Scaleout::Exec::run($once, folder => $folder);
like($run->{output}, qr/SO588.*attempt 99 has taken over/, 'an attempt that was overtaken must not write');
is($node->safe_psql('postgres', 'SELECT count(*) FROM log'), '0', 'and does not');
done_testing();
