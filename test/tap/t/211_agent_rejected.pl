# What the catalog cannot store does not stop a worker: the record is rejected
# and kept with the reason, everything else arrives; a checkpoint that cannot be
# recorded fails the package at once, and says so.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::System;

my $system = Scaleout::System->new('rejected', settings => { 'scaleout.probe_interval' => '500ms' });
sub prints { my ($name, $text, %more) = @_; return { name => $name, type => 'execute_process', executable => '/usr/bin/printf', arguments => [$text], %more }; }
my @flag = (fail_package_on_failure => JSON::PP::true);
$system->deploy('f', 'p',
	talks => { executables => [ prints('one', 'first line\npoisoned line\nlast line\n'), prints('two', 'after it\n', after => 'one') ] },
	records => { save_checkpoints => JSON::PP::true, checkpoint_usage => 'if_exists', checkpoint_file_name => 'daily',
		executables => [ prints('good', 'x', @flag), prints('poisoned', 'x', after => 'good', @flag), prints('never', 'x', after => 'poisoned', @flag) ] });
my $agent = $system->add_agent('one');
# As if a disk, an extension or a hand had spoilt it for one row.
$system->sql(q{ALTER TABLE internal.event_message ADD CONSTRAINT poison CHECK (message NOT LIKE '%poisoned line%' OR message_type <> 70)});

my $id = $system->run('f', 'p', 'talks', q{parameters => '{"$ServerOption::LOGGING_LEVEL": 3}'});
$system->wait_status($id, 7);
my $messages = $system->sql("SELECT string_agg(message, '|' ORDER BY event_message_id) FROM catalog.event_messages WHERE operation_id = $id");
like($messages, qr/first line.*last line.*after it/s, 'what came before and after it is there');
unlike($messages, qr/poisoned line/, 'it is not');
like($system->sql("SELECT code || ' ' || message FROM internal.rejected_message WHERE operation_id = $id"), qr/^SO220 .*poison/, 'it is kept with the reason');
like(slurp_file($agent->{log}), qr/SO442: the master rejects record \d+ of task \S+, attempt 1: SO220/, 'the worker says so');
is($system->sql("SELECT attempt, lost_attempts FROM catalog.executions WHERE execution_id = $id"), '1|0', 'and nothing was run twice');

$system->sql(q{ALTER TABLE internal.checkpoint_record ADD CONSTRAINT poison CHECK (path NOT LIKE '%poisoned%')});
$id = $system->run('f', 'p', 'records');
$system->wait_status($id, 4);
like($system->sql("SELECT string_agg(message, '|') FROM catalog.event_messages WHERE operation_id = $id AND message_type = 120"), qr/checkpoint/i, 'a package whose checkpoint cannot be recorded fails and says why');
is($system->sql("SELECT count(*) FROM catalog.executable_statistics WHERE execution_id = $id AND execution_path LIKE '%never%'"), 0, 'nothing goes on that could not be recorded');
is($system->sql('SELECT string_agg(path, q) FROM internal.checkpoint_record, (SELECT \'|\'::text) s (q)'), '\good', 'what was recorded before stays');

# Cured, it goes on where it was.
$system->sql('ALTER TABLE internal.checkpoint_record DROP CONSTRAINT poison');
$id = $system->run('f', 'p', 'records');
$system->wait_status($id, 7);
is($system->sql("SELECT string_agg(execution_path, ' ' ORDER BY statistics_id) FROM catalog.executable_statistics WHERE execution_id = $id AND execution_path <> '\\'"), '\poisoned \never', 'a restart runs the rest only');
$system->stop;
done_testing();
