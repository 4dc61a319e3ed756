# The master is killed again and again at the two worst moments: before a
# commit, and between a commit and the answers.  Needs a build with FAULT_POINTS=1.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use lib 'test/tap/lib';
use Scaleout::System;

my $log = tempdir(CLEANUP => 1) . '/fired';
chomp(my $library = `pg_config --pkglibdir`);
plan skip_all => 'the library was built without FAULT_POINTS=1'
  if PostgreSQL::Test::Utils::slurp_file("$library/scaleout.so") !~ /SCALEOUT_FAULT_LOG/;

for my $point (qw(master.before_commit master.after_commit))
{
	# Every master of this server is killed at its 12th transaction.
	local $ENV{SCALEOUT_FAULT} = "$point=kill\@12";
	local $ENV{SCALEOUT_FAULT_LOG} = $log;
	unlink $log;
	(my $name = $point) =~ s/\W/_/g;
	my $system = Scaleout::System->new($name, settings => {
		'scaleout.lease_margin' => '500ms', 'scaleout.agent_heartbeat_interval' => '1s' });
	# The fault is for the server only.
	delete local @ENV{qw(SCALEOUT_FAULT SCALEOUT_FAULT_LOG)};
	$system->sql("SELECT catalog.create_folder('f')");
	my $tried = 0;
	# A crash may come at any statement of ours.
	my $until_done = sub { my ($what, $code) = @_; $system->wait_for($what, sub { eval { $code->() } }) };
	$until_done->('the deployment', sub { $system->deploy('f', 'p', empty => { executables => [] }) });
	$until_done->("agent $_", sub { my $agent = "$_" . $tried++; $system->add_agent($agent) }) for qw(one two);
	my $n = 150;
	my ($first, $last) = split /\|/, $until_done->('the start', sub {
		$system->sql("SELECT min(id), max(id) FROM (SELECT catalog.run_package('f', 'p', 'empty') AS id FROM generate_series(1, $n)) x") });
	$until_done->('the end of all executions', sub {
		$system->sql("SELECT count(*) FROM internal.operation WHERE operation_id BETWEEN $first AND $last AND end_time IS NOT NULL") == $n });
	my $fired = -e $log ? () = PostgreSQL::Test::Utils::slurp_file($log) =~ /\Q$point\E/g : 0;
	cmp_ok($fired, '>', 0, "$point: the master was killed $fired times");
	is($until_done->('the count', sub { $system->sql("SELECT count(*) FROM internal.operation WHERE operation_id BETWEEN $first AND $last AND status = 7") }), $n,
		"$point: all executions succeed");
	is($until_done->('the count', sub { $system->sql("SELECT count(*) FROM (SELECT FROM internal.task_attempt WHERE execution_id BETWEEN $first AND $last AND outcome = 1 GROUP BY execution_id HAVING count(*) = 1) x") }), $n,
		"$point: each has one accepted result");
	$system->stop_agent($_) for keys %{ $system->{agents} };
	$system->node->stop('immediate');
}

done_testing();
