# Ten thousand executions of an empty package, started in one statement, two
# agents: all succeed, with one accepted result each.
use strict;
use warnings;

use Test::More;

use lib 'test/tap/lib';
use Scaleout::System;

my $n = $ENV{SCALEOUT_TEST_EXECUTIONS} // 10000;
$Scaleout::System::timeout = 1800;
my $system = Scaleout::System->new('many', settings => { log_statement => 'none' });
$system->deploy('f', 'p', empty => { executables => [] });
$system->add_agent($_) for qw(one two);

my ($first, $last) = split /\|/, $system->sql("SELECT min(id), max(id) FROM (SELECT catalog.run_package('f', 'p', 'empty') AS id FROM generate_series(1, $n)) x");
is($last - $first + 1, $n, "$n executions are started");
$system->wait_for('the end of all executions', sub {
	select(undef, undef, undef, 0.5);    # poll
	return $system->sql("SELECT count(*) FROM internal.operation WHERE operation_id BETWEEN $first AND $last AND end_time IS NOT NULL") == $n;
});
is($system->sql("SELECT count(*) FROM internal.operation WHERE operation_id BETWEEN $first AND $last AND status = 7"), $n, 'all succeed');
is($system->sql("SELECT count(*) FROM (SELECT FROM internal.task_attempt WHERE execution_id BETWEEN $first AND $last AND outcome = 1 GROUP BY execution_id HAVING count(*) = 1) x"), $n, 'each has one accepted result');
is($system->sql("SELECT count(*) FROM internal.task_attempt WHERE execution_id BETWEEN $first AND $last"), $n, 'in its only attempt');
is($system->sql("SELECT count(DISTINCT agent_id) FROM internal.task_attempt WHERE execution_id BETWEEN $first AND $last"), 2, 'both agents took part');
is($system->sql('SELECT (SELECT count(*) FROM internal.ready) + (SELECT count(*) FROM internal.request)'), 0, 'the queues are empty');
is($system->sql("SELECT count(*) FROM internal.rejected_message"), 0, 'no item was rejected');
$system->stop;
done_testing();
