# Checkpoints as they come over the wire: who may claim one, what is kept, what
# is refused, what a late attempt may not do.  The runner is played.
use strict;
use warnings;

use JSON::PP;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::System;

my $system = Scaleout::System->new('checkpoint_wire', settings => { 'scaleout.lease_interval' => '60s' });
my $agent = $system->add_fake_agent('one');
my $other = $system->add_fake_agent('two');

$system->deploy('f', 'p', load => { executables => [], parameters => [ { name => 'since', type => 'string', value => 'monday' }, { name => 'secret', type => 'string', sensitive => JSON::PP::true } ] });

my $count = 0;
my %identity = (package => 'load', name => 'daily');

# One checkpoint item with its answer: the reply's body, or undef.
sub checkpoint
{
	my ($who, $task, $action, %with) = @_;
	my $item = $who->item($task, 'checkpoint', action => $action, %identity, %with);
	my $answer = $who->report($item);
	is($answer->{status}, 200, "$action is taken") or diag explain $answer;
	my ($reply) = grep { $_->{sequence} == $item->{sequence} } @{ $answer->{json}{replies} // [] };
	is(scalar(grep { $_->{sequence} == $item->{sequence} } @{ $answer->{json}{acknowledged} }), 1, 'and acknowledged');
	return ($reply ? $reply->{body} : undef, $answer);
}

sub opened { my ($who, $task, %with) = @_; my ($body) = checkpoint($who, $task, 'open', package_id => 'guid', content_hash => 'hash', %with); return $body; }

sub header
{
	my ($attempt, %with) = @_;
	return { format => 1, package_id => 'guid', package_name => 'load', name => 'daily', content_hash => 'hash',
		chain_id => '00000000-0000-4000-8000-000000000001', attempt => $attempt, created_us => 1, updated_us => 2, start_us => 3, settings => [], %with };
}

sub record
{
	my ($id, %with) = @_;
	return { kind => 'unit', id => $id, path => "\\$id", result => 'success', attempt => 1, finished_us => 1700000000000000, %with };
}

sub variable { my ($name, $text) = @_; return { executable => 'root', name => $name, type => 'string', text => $text }; }

sub finish_run { my ($who, $task, $status) = @_; my $a = $who->report($who->item($task, 'result', status => $status, outcome => 'package', error_count => 0, warning_count => 0, time => '2026-01-31T00:00:01Z')); $who->drop($task); return $a; }

# ---- the life of one ----
my $first = $system->run('f', 'p', 'load', q{parameters => '{"since": "tuesday", "secret": "hidden words"}'});
my $task = $agent->take;
is($task->{checkpoint}{chain_id}, $system->sql("SELECT chain_id FROM catalog.executions WHERE execution_id = $first"), 'the lease names the chain');
is_deeply(opened($agent, $task), { state => undef }, 'nothing is there');
is($system->sql('SELECT owner_execution FROM internal.checkpoint'), $first, 'the name is claimed');
checkpoint($agent, $task, 'begin', header => header(1), reset => JSON::PP::true);
checkpoint($agent, $task, 'append', variables => [ variable('User::a', 'one'), variable('User::b', 'hidden words') ]);
checkpoint($agent, $task, 'append', record => record('download'), variables => [ variable('User::a', 'two') ]);
checkpoint($agent, $task, 'append', record => record('loop', kind => 'item', item => 'hidden words'));
is($system->sql('SELECT record_count, variable_count, attempt FROM internal.checkpoint'), '2|2|1', 'counted');
is($system->sql("SELECT string_agg(path || ' ' || result, ', ' ORDER BY path) FROM internal.checkpoint_record"), '\download success, \loop success', 'units are readable');
is($system->sql("SELECT count(*) FROM (SELECT secret FROM internal.checkpoint_variable UNION ALL SELECT secret FROM internal.checkpoint_record UNION ALL SELECT header FROM internal.checkpoint UNION ALL SELECT settings FROM internal.checkpoint) t WHERE position('hidden'::bytea IN secret) > 0"), 0, 'contents are not');

# The same item again, as after a lost answer.
$task->{sequence}--;
checkpoint($agent, $task, 'append', record => record('loop', kind => 'item', item => 'hidden words'));
is($system->sql('SELECT record_count FROM internal.checkpoint'), 2, 'an item that comes again is not counted again');

# ---- another execution meanwhile ----
my $second = $system->run('f', 'p', 'load', q{parameters => '{"since": "tuesday", "secret": "hidden words"}'});
my $busy = $other->take;
is(opened($other, $busy)->{error}{code}, 'SO573', 'a checkpoint in use is refused');
finish_run($other, $busy, 4);
$system->wait_status($second, 4);

# ---- a change in parts ----
checkpoint($agent, $task, 'append', variables => [ variable('User::a', 'three') ], more => JSON::PP::true);
is($system->sql("SELECT count(*) FROM internal.checkpoint_variable WHERE staged IS NOT NULL"), 1, 'a part is kept aside');

# ---- the same execution again: a retry is the owner ----
finish_run($agent, $task, 4);
$system->wait_status($first, 4);
is($system->sql('SELECT count(*) FROM internal.checkpoint'), 1, 'a failed execution leaves its checkpoint');

# ---- a new execution: same values, other values, both ways out ----
my $third = $system->run('f', 'p', 'load', q{parameters => '{"since": "wednesday", "secret": "hidden words"}'});
$task = $agent->take;
my $refusal = opened($agent, $task)->{error};
is($refusal->{code}, 'SO580', 'other values are refused');
like($refusal->{detail}, qr/\$Package::since/, 'the parameter is named');
unlike(encode_json($refusal), qr/wednesday|tuesday|hidden/, 'but no value');
like($refusal->{hint}, qr/CHECKPOINT_OVERRIDE.*delete_checkpoint/, 'the hint says how to go on');
is($system->sql('SELECT owner_execution FROM internal.checkpoint'), $first, 'nothing has changed');
is(opened($agent, $task, fresh => JSON::PP::true)->{error}, undef, 'it does not matter when nothing is gone on from');
finish_run($agent, $task, 4);
$system->wait_status($third, 4);

$system->run('f', 'p', 'load', q{parameters => '{"since": "tuesday", "secret": "other words"}'});
$task = $agent->take;
like(opened($agent, $task)->{error}{detail}, qr/\$Package::secret/, 'secrets are compared, too');
finish_run($agent, $task, 4);

$system->run('f', 'p', 'load', q{parameters => '{"since": "tuesday", "secret": "hidden words"}'});
$task = $agent->take;
like(opened($agent, $task, content_hash => 'changed')->{error}{detail}, qr/package was changed/, 'a changed package is refused');
my $state = opened($agent, $task)->{state};
is(scalar @{ $state->{records} }, 2, 'the same values go on');
is_deeply({ map { $_->{name} => $_->{text} } @{ $state->{variables} } }, { 'User::a' => 'two', 'User::b' => 'hidden words' }, 'with the variables of the last whole change');
is($state->{records}[1]{item}, 'hidden words', 'with the values of enumerators');
checkpoint($agent, $task, 'begin', header => header(2), reset => JSON::PP::false);
is($system->sql("SELECT chain_id FROM catalog.executions WHERE execution_id = $task->{execution_id}"), '00000000-0000-4000-8000-000000000001', 'it joins the chain');
is($system->sql('SELECT record_count FROM internal.checkpoint'), 2, 'records stay');
finish_run($agent, $task, 4);

for my $way ('continue', 'discard')
{
	$system->run('f', 'p', 'load', qq{parameters => '{"since": "friday", "\$ServerOption::CHECKPOINT_OVERRIDE": "$way"}'});
	$task = $agent->take;
	my $body = opened($agent, $task);
	is($body->{error}, undef, "$way is not refused");
	is(defined $body->{state} ? 'found' : 'nothing', $way eq 'continue' ? 'found' : 'nothing', "$way does what it says");
	finish_run($agent, $task, 4);
}

# ---- late attempts ----
my $late = $system->run('f', 'p', 'load', q{parameters => '{"since": "tuesday", "secret": "hidden words"}', retry_count => 1});
my $old = $agent->take;
opened($agent, $old);
checkpoint($agent, $old, 'begin', header => header(3), reset => JSON::PP::true);
# The attempt fails, and another worker has the next one.
finish_run($agent, $old, 4);
my $new = $other->take;
is($new->{attempt}, 2, 'the retry is with another worker');
is_deeply(opened($other, $new)->{state}{records}, [], 'it is the owner');
my (undef, $answer) = checkpoint($agent, $old, 'append', record => record('late'));
ok(Scaleout::FakeAgent::commanded($answer, 'superseded', $old), 'a late attempt is told so');
is($system->sql("SELECT count(*) FROM internal.checkpoint_record WHERE id = 'late'"), 0, 'and records nothing');
(undef, $answer) = checkpoint($agent, $old, 'open');
ok(Scaleout::FakeAgent::commanded($answer, 'superseded', $old), 'nor may it open');

# ---- damage ----
checkpoint($other, $new, 'begin', header => header(4), reset => JSON::PP::true);
checkpoint($other, $new, 'append', record => record($_)) for 'a', 'b';
$system->sql(q{CREATE TABLE saved AS SELECT * FROM internal.checkpoint_record});
$system->sql(q{DELETE FROM internal.checkpoint_record WHERE id = 'a'});
is(opened($other, $new)->{error}{code}, 'SO576', 'a missing row is noticed');
$system->sql(q{UPDATE internal.checkpoint SET record_count = 1});
is(opened($other, $new)->{error}{code}, 'SO577', 'also when it was hidden');
$system->sql(q{INSERT INTO internal.checkpoint_record SELECT * FROM saved WHERE id = 'a'; UPDATE internal.checkpoint SET record_count = 2});
is(scalar @{ opened($other, $new)->{state}{records} }, 2, 'nothing was lost by looking');
$system->sql(q{UPDATE internal.checkpoint_record a SET secret = b.secret FROM internal.checkpoint_record b WHERE a.id = 'a' AND b.id = 'b'});
is(opened($other, $new)->{error}{code}, 'SO577', 'an exchanged row is noticed');
$system->sql(q{UPDATE internal.checkpoint_record a SET secret = s.secret FROM saved s WHERE a.id = s.id});

# ---- the end ----
checkpoint($other, $new, 'finish', end => 'remove', is_child => JSON::PP::false);
is($system->sql('SELECT removed FROM internal.checkpoint'), 't', 'a succeeded package keeps its checkpoint until its result is accepted');
finish_run($other, $new, 7);
$system->wait_status($late, 7);
is($system->sql('SELECT (SELECT count(*) FROM internal.checkpoint), (SELECT count(*) FROM internal.checkpoint_record), (SELECT count(*) FROM internal.checkpoint_variable)'), '0|0|0', 'then it is gone');

$system->run('f', 'p', 'load');
$task = $agent->take;
opened($agent, $task);
finish_run($agent, $task, 4);
is($system->sql('SELECT count(*) FROM internal.checkpoint'), 0, 'a claim without contents goes with its execution');

my $body;
$system->run('f', 'p', 'load');
$task = $agent->take;
($body) = checkpoint($agent, $task, 'append', record => record('x'));
is($body->{error}{code}, 'SO582', 'what was not opened is refused');
finish_run($agent, $task, 4);

$system->stop;
done_testing();
