# Runner and agent are killed before, during and after the completion of tasks, the
# write of a checkpoint and the commit of a transaction. Whatever happens, the
# execution succeeds by its next attempt; transacted, idempotent and exactly_once
# work leaves the data as a run without faults; any other task has run once or
# twice, never less.
#
# SCALEOUT_CELLS: a pattern of the cells to run.
use strict;
use warnings;

use File::Temp qw(tempdir);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::System;

plan skip_all => 'built without FAULT_POINTS' if slurp_file(Scaleout::System::program('scaleout-worker')) !~ /SCALEOUT_FAULT_LOG/;

my $system = Scaleout::System->new('kill_matrix', settings => {
		'scaleout.lease_margin' => '300ms', 'scaleout.agent_heartbeat_interval' => '300ms', 'fsync' => 'off' });
my $folder = tempdir(CLEANUP => 1);
my $pattern = $ENV{SCALEOUT_CELLS} // '.';

$system->sql('CREATE TABLE t (kind text, v integer); CREATE TABLE k (v integer PRIMARY KEY)');

my %flag = (fail_package_on_failure => JSON::PP::true);
my %once = (exactly_once => JSON::PP::true);
sub query { my ($name, $sql, %more) = @_; return { name => $name, type => 'execute_sql', connection => 'w', sql => $sql, %flag, %more }; }

$system->deploy('f', 'p', work => {
		save_checkpoints => JSON::PP::true, checkpoint_usage => 'if_exists', checkpoint_file_name => 'work',
		variables => [ { name => 'rows', type => 'int64', value => 0 } ],
		connections => [ { name => 'w', type => 'postgres', connection_string => $system->node->connstr('postgres') } ],
		executables => [
			query('once', q{INSERT INTO t SELECT 'once', g FROM generate_series(1, 100) g}, %once, row_count_variable => 'User::rows'),
			{ name => 'transacted', type => 'sequence', after => 'once', transaction_option => 'required', %flag, executables => [
					query('delete', q{DELETE FROM t WHERE kind = 'transacted'}),
					query('insert', q{INSERT INTO t SELECT 'transacted', g FROM generate_series(1, 100) g}, after => 'delete') ] },
			query('idempotent', 'INSERT INTO k SELECT generate_series(1, 100) ON CONFLICT DO NOTHING', after => 'transacted'),
			{ name => 'other', type => 'execute_process', executable => '/bin/sh', arguments => [ '-c', "echo ran >>$folder/other" ], after => 'idempotent', %flag },
			query('last', q{INSERT INTO t VALUES ('last', $1)}, %once, after => 'other', parameter_bindings => [ { variable => 'User::rows' } ]) ] });

# Point and passage. The passages of engine and runner are those of one process.
my @cells = (
	(map { "engine.task.before_completion\@$_" } 1, 3, 5), (map { "engine.task.during_completion\@$_" } 1, 4),
	(map { "engine.task.after_completion\@$_" } 1, 3), (map { "engine.checkpoint.before_record\@$_" } 1, 2, 4),
	(map { "engine.checkpoint.after_record\@$_" } 1, 2, 4), (map { "engine.transaction.before_commit\@$_" } 1, 2, 3),
	(map { "engine.transaction.during_commit\@$_" } 1, 2), (map { "engine.transaction.after_commit\@$_" } 1, 2, 3),
	'runner.before_run@1', 'runner.checkpoint.before_open@1', 'runner.checkpoint.after_open@1', 'runner.checkpoint.before_begin@1',
	(map { "runner.checkpoint.before_append\@$_" } 1, 3), (map { "runner.checkpoint.after_append\@$_" } 1, 3),
	(map { "runner.checkpoint.acknowledged\@$_" } 1, 3, 5), 'runner.checkpoint.before_finish@1', 'runner.before_result@1', 'runner.after_result@1',
	'agent.after_lease@1', (map { my $point = $_; map { "agent.$point\@$_" } 2, 4, 6 } qw(before_spool_write after_spool_write before_report after_report)));

$system->add_agent('one', start => 0);
for my $cell (grep { /$pattern/ } @cells)
{
	subtest $cell => sub { run_cell($cell) };
}

sub run_cell
{
	my ($cell) = @_;
	my ($point, $passage) = split(/@/, $cell);
	my $id;

	$system->sql('TRUNCATE t, k; DROP SCHEMA IF EXISTS scaleout_exactly_once CASCADE');
	unlink "$folder/other", "$folder/fired";
	{
		local @ENV{qw(SCALEOUT_FAULT SCALEOUT_FAULT_LOG SCALEOUT_FAULT_ONCE)} = ("$point=kill\@$passage", "$folder/fired", 1);
		$system->start_agent('one');
		$id = $system->run('f', 'p', 'work', q{parameters => '{"$ServerOption::MAX_LOST_ATTEMPTS": 5}'});
		$system->wait_for($cell, sub { -s "$folder/fired" || $system->status($id) !~ /^[125]$/ });
		ok(-s "$folder/fired", 'the fault has fired');
		if ($point =~ /^agent/)
		{
			waitpid($system->{agents}{one}{pid}, 0);
			$system->{agents}{one}{pid} = 0;
			$system->start_agent('one');
		}
	}
	$system->wait_until("SELECT status NOT IN (1, 2, 5) FROM catalog.executions WHERE execution_id = $id");
	is($system->status($id), 7, 'the execution succeeds') or diag $system->messages($id);
	my $attempts = $system->sql("SELECT attempt FROM catalog.executions WHERE execution_id = $id");
	# A result that was sent before the end is not lost with its sender.
	cmp_ok($attempts, '<=', 2, "by its next attempt ($attempts)");
	cmp_ok($attempts, '==', 2, 'the first is lost') unless $point =~ /result|report|spool|lease/;
	is($system->sql(q{SELECT string_agg(kind || ' ' || n, ', ' ORDER BY kind) FROM (SELECT kind, count(*) AS n FROM t GROUP BY kind) g}),
		'last 1, once 100, transacted 100', 'the data is as without a fault');
	is($system->sql(q{SELECT v FROM t WHERE kind = 'last'}), 100, 'with the outputs of the first time');
	is($system->sql('SELECT count(*) FROM k'), 100, 'idempotent work, too');
	my $ran = () = slurp_file("$folder/other") =~ /ran/g;
	ok($ran == 1 || $ran == 2, "any other task ran once or twice ($ran)");
	is($system->sql("SELECT count(*) FROM internal.checkpoint"), 0, 'the checkpoint is gone');
	$system->stop_agent('one');
	return;
}

$system->stop;
done_testing();
