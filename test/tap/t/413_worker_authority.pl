# What a trusted worker may not do: speak for another worker on any route, and come
# back with another certificate after its own was revoked.
use strict;
use warnings;

use IO::Socket::SSL;
use JSON::PP;
use MIME::Base64 qw(decode_base64url);
use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;

my $system = Scaleout::System->new('authority', settings => { 'scaleout.lease_interval' => '60s', 'scaleout.master_heartbeat_interval' => '1s' });
$system->deploy('f', 'p', load => { executables => [] });
my $bob = $system->add_fake_agent('bob');
is($bob->register(capabilities => { package_format => [1], task_types => [], commands => ['fetch_log'] })->{status}, 200, 'bob can send logs');
my $eve = $system->add_fake_agent('eve', enable => 0);
my $id = $system->run('f', 'p', 'load');
my $task = $bob->take;
is($bob->report($bob->item($task, 'started', process_id => 1, machine_name => 'bob'), $bob->item($task, 'event', message => 'of bob', message_type => 70))->{status}, 200,
	'bob has a task');
my $execution = $system->sql("SELECT execution_id FROM internal.task WHERE task_id = '$task->{task}'");
is($execution, $id, 'of this execution');

# Everything in the catalog that a worker can write, without the times of polls.
sub state_of_catalog
{
	return $system->sql(join(' UNION ALL ', map { "SELECT '$_' || coalesce(string_agg(x::text, E'\\n' ORDER BY x::text), '') FROM internal.$_ x" }
			qw(task task_attempt event_message executable executable_statistic checkpoint checkpoint_record checkpoint_variable operation execution task_log task_log_part))
		. " UNION ALL SELECT 'worker' || string_agg(concat_ws(' ', w.agent_id, w.is_enabled, w.thumbprint, w.instance_id, w.display_name), E'\\n' ORDER BY w.agent_id) FROM internal.worker_agent w"
		. " UNION ALL SELECT 'certificate' || string_agg(c::text, E'\\n' ORDER BY c.thumbprint) FROM internal.worker_certificate c");
}

# The request of a worker that holds eve's certificate; %as: the identity that it claims.
sub call_as
{
	my ($route, $body, %as) = @_;
	my $liar = bless { %$eve, %as }, ref $eve;
	return $liar->call($route, { epoch => $eve->{epoch}, held => [], %$body });
}

subtest 'no route lets a worker speak for another' => sub {
	my $token = $system->sql("SET client_min_messages = warning; SELECT catalog.create_enrollment_token(uses => 10)");
	my $parts = decode_json(decode_base64url($token =~ s/^scaleout1\.//r));
	$system->sql("SELECT catalog.request_task_log($id, 1)");
	$system->wait_until('SELECT count(*) = 1 FROM internal.task_log');
	my $fetch = $system->sql('SELECT request_id FROM internal.task_log') + 0;
	my %body = (
		register => { protocol => 1, version => '0.1.0', display_name => 'mallory', description => '', machine_name => 'm', user_account => 'u', max_task_count => 1,
			capabilities => {} },
		lease => { capacity => 1, wait_ms => 0 },
		report => { items => [ $bob->item({ %$task }, 'result', status => 7, outcome => 'package', error_count => 0, warning_count => 0) ] },
		task_log => { fetch => $fetch, offset => 0, bytes => 4, size => 4, end => JSON::PP::true, text => "lie\n" },
		join => { token => $parts->{token}, secret => $parts->{secret}, machine_name => 'm' });
	my %expected = (register => '403 SO303', lease => '403 SO303', report => '403 SO303', task_log => '403 SO303', join => '403 SO315');
	# A route that is new must have its rows here.
	my @routes = slurp_file('common/protocol.h') =~ m{#define SO_ROUTE_\w+\s+"/ClusterManagement/v1/(\w+)"}g;
	is_deeply([ sort @routes ], [ sort keys %body ], 'all routes are tried');
	my $before = state_of_catalog();
	for my $route (sort @routes)
	{
		for my $as ([ 'the id', id => $bob->{id} ], [ 'id and instance', id => $bob->{id}, instance => $bob->{instance} ])
		{
			my ($what, %as) = @$as;
			my $answer = call_as($route, $body{$route}, %as);
			is("$answer->{status} $answer->{code}", $expected{$route}, "$route with $what of another worker");
		}
	}
	my $answer = call_as('join', $body{join}, id => Scaleout::FakeAgent::make_uuid());
	is("$answer->{status} $answer->{code}", '403 SO315', 'nor does a token give a certificate another id');
	like($answer->{json}{error}{detail}, qr/this certificate is known already/, 'as it says');
	is(state_of_catalog(), $before, 'nothing has changed in the catalog');
};

subtest 'what a worker says of its load cannot keep the master from its sign of life' => sub {
	for my $load ([ cpu => 1e300 ], [ cpu_pressure => -1e39 ], [ memory_free_mb => 1e19 ], [ io_pressure => 1e-300 ])
	{
		my ($name, $value) = @$load;
		my $answer = $eve->lease(wait_ms => 0, $name => $value);
		is("$answer->{status} $answer->{code} $answer->{json}{error}{message}", "400 SO334 /$name must be a number of a usual size", "$name of $value is refused");
	}
	for my $value (1e15, -1e15, 1e-6, 0)
	{
		is($eve->lease(wait_ms => 0, map { $_ => $value } qw(cpu memory_free_mb cpu_pressure memory_pressure io_pressure))->{status}, 200, "all of $value are taken");
		ok($system->wait_until("SELECT cpu_percent = $value\:\:real AND memory_free_mb = $value\:\:numeric\:\:bigint AND io_pressure = $value\:\:real FROM internal.worker_agent WHERE agent_id = '$eve->{id}'" =~ s/\\:/:/gr), 'and stored');
	}
};

subtest 'what belongs to another worker is out of reach' => sub {
	my $fetch = $system->sql('SELECT request_id FROM internal.task_log') + 0;
	my $before = state_of_catalog();
	my %checkpoint = (package => 'load', name => 'daily', package_id => 'guid', content_hash => 'hash');
	my @items = (
		[ 'started', process_id => 666, machine_name => 'eve' ],
		[ 'event', message => 'a lie', message_type => 120 ],
		[ 'executables', package_name => 'load', executables => [ { executable_guid => 'g', executable_name => 'lie', package_path => '\\lie' } ] ],
		[ 'statistics', package_name => 'load', executable_guid => 'g', execution_path => '\\lie', execution_result => 0, execution_duration => 1 ],
		(map { [ 'checkpoint', %checkpoint, @$_ ] } [ action => 'open' ], [ action => 'begin', header => {}, reset => JSON::PP::true ],
			[ action => 'append', variables => [] ], [ action => 'finish', end => 'remove' ]),
		[ 'result', status => 7, outcome => 'package', error_count => 0, warning_count => 0 ],
		[ 'nonsense' ]);
	for my $item (@items)
	{
		my ($type, %with) = @$item;
		my $answer = $eve->report({ task => $task->{task}, attempt => $task->{attempt}, sequence => 1000, type => $type, %with });
		my $json = $answer->{json};
		my $what = $type . ($with{action} ? " $with{action}" : '');
		is_deeply([ map { $_->{code} } @{ $json->{rejected} } ], ['SO221'], "$what for another worker's attempt is rejected");
		is_deeply([ @{ $json->{acknowledged} // [] }, @{ $json->{replies} // [] } ], [], 'neither acknowledged nor answered');
	}
	# Held by whoever says so?  Then a dead worker's task would never be offered again.
	$eve->hold($task);
	my $answer = $eve->lease(wait_ms => 0);
	ok(Scaleout::FakeAgent::commanded($answer, 'superseded', $task), 'who lists the task of another worker is told to drop it');
	is_deeply($answer->{json}{tasks} // [], [], 'and does not get it');
	$eve->drop($task);
	for my $piece ([ offset => 0, bytes => 4, size => 4, end => JSON::PP::true, text => "lie\n" ],
		[ error => { code => 'SO160', message => 'a lie', detail => '', hint => '' } ])
	{
		my $told = $eve->call('task_log', { epoch => $eve->{epoch}, fetch => $fetch, @$piece });
		is($told->{status} . ($told->{json}{next} // ' no more'), '200 no more', "$piece->[0] of a log that another worker is asked for is not taken");
	}
	is(state_of_catalog(), $before, 'nothing has changed in the catalog');
	is($bob->report($bob->items_of_run($task, 7))->{status}, 200, 'bob goes on');
	$system->wait_status($id, 7);
};

# ---- certificates -----------------------------------------------------------------

sub make { my ($name) = @_; Scaleout::GatewayStub::make_certificate($system->{folder}, $name); return slurp_file("$system->{folder}/$name.crt"); }
sub thumbprint { my ($name) = @_; return unpack('H*', Scaleout::GatewayStub::thumbprint("$system->{folder}/$name.crt")); }
sub revoked { my ($name) = @_; return $system->sql("SELECT coalesce(bool_and(revoked), true) FROM internal.worker_certificate WHERE thumbprint = '" . thumbprint($name) . "'"); }

# Does the gateway let somebody in with this certificate? "200", "403 SO302" ...
sub with_certificate
{
	my ($agent, $name, %as) = @_;
	my $other = bless { %$agent, name => $name, %as }, ref $agent;
	my $answer = eval { $other->register } or return 'closed';
	return "$answer->{status} $answer->{code}" =~ s/ $//r;
}

sub wait_with
{
	my ($agent, $name, $expected) = @_;
	my $last = '';
	eval { $system->wait_for("$expected for $name", sub { ($last = with_certificate($agent, $name)) eq $expected }) };
	return is($last, $expected, "certificate $name: $expected");
}

sub revoke
{
	my ($name) = @_;
	$system->sql("SELECT catalog.revoke_worker_certificate('" . thumbprint($name) . "')");
	return $system->wait_until("SELECT revoked FROM internal.worker_certificate WHERE thumbprint = '" . thumbprint($name) . "'");
}

subtest 'a revoked worker has no certificate left' => sub {
	my $mal = $system->add_fake_agent('mal');
	# Two next certificates are announced; one is used, the other kept for bad times.
	is($mal->register(next_certificate => make('mal_spare'))->{status}, 200, 'a next certificate is announced');
	is($mal->register(next_certificate => make('mal_next'))->{status}, 200, 'and another one');
	is(revoked('mal_spare') . revoked('mal_next'), 'tf', 'only the last one counts');
	wait_with($mal, 'mal_spare', '403 SO302');
	wait_with($mal, 'mal_next', '200');
	$mal->{name} = 'mal_next';
	is($mal->register(next_certificate => make('mal_last'))->{status}, 200, 'the next but one is announced');
	my $poll = $mal->send('lease', $mal->poll_body(wait_ms => 30000));
	revoke('mal_next');
	ok(Scaleout::GatewayStub::closes($poll), 'the open poll is closed');
	wait_with($mal, $_, '403 SO302') for qw(mal mal_spare mal_next mal_last);
	is($system->sql("SELECT count(*) FROM internal.worker_certificate WHERE agent_id = '$mal->{id}' AND NOT revoked"), 0, 'nothing of it is trusted');
	# What it was told to do before is no way back either.
	$system->sql("SELECT catalog.rotate_worker_certificate('$mal->{id}')");
	wait_with($mal, 'mal_next', '403 SO302');
};

subtest 'revoking a certificate that was only announced' => sub {
	my $kim = $system->add_fake_agent('kim');
	is($kim->register(next_certificate => make('kim_next'))->{status}, 200, 'it is announced');
	revoke('kim_next');
	wait_with($kim, 'kim_next', '403 SO302');
	is(with_certificate($kim, 'kim'), '200', 'leaves the worker its present one');
	is($kim->register(next_certificate => slurp_file("$system->{folder}/kim_next.crt"))->{code}, 'SO318', 'and it cannot be announced again');
	is($kim->register(next_certificate => make('kim_other'))->{status}, 200, 'another one can');
	wait_with($kim, 'kim_other', '200');
};

subtest 'a certificate that was trusted by hand is not taken by announcing it' => sub {
	make('ann');
	$system->trust("$system->{folder}/ann.crt", 1);
	$system->wait_until("SELECT count(*) = 1 FROM internal.worker_certificate WHERE thumbprint = '" . thumbprint('ann') . "'");
	my $tom = $system->add_fake_agent('tom');
	is($tom->register(next_certificate => slurp_file("$system->{folder}/ann.crt"))->{status}, 200, 'somebody announces it without its key');
	my %ann = (id => Scaleout::FakeAgent::make_uuid(), instance => Scaleout::FakeAgent::make_uuid());
	is(with_certificate($tom, 'ann', %ann), '200', 'its owner registers');
	is(with_certificate($tom, 'tom'), '200', 'and the other keeps its own');
	revoke('tom');
	wait_with($tom, 'tom', '403 SO302');
	is(with_certificate($tom, 'ann', %ann), '200', 'which can be revoked without harm to the owner');
	# Who has the key may take it over by announcing it, as a worker with a company's certificate does.
	make('own_next');
	$system->trust("$system->{folder}/own_next.crt", 1);
	my $own = $system->add_fake_agent('own');
	is($own->register(next_certificate => slurp_file("$system->{folder}/own_next.crt"))->{status}, 200, 'a worker announces one for which it has the key');
	is(with_certificate($own, 'own_next'), '200', 'and comes with it');
	wait_with($own, 'own', '403 SO302');
};

subtest 'revocation reaches what is under way' => sub {
	my $zoe = $system->add_fake_agent('zoe');
	$system->sql("SELECT catalog.disable_worker_agent('$bob->{id}')");
	my $execution = $system->run('f', 'p', 'load');
	my $work = $zoe->take;
	my $poll = $zoe->send('lease', $zoe->poll_body(wait_ms => 30000));
	# Half of a report, and the start of a body in chunks.
	my $text = encode_json({ agent_id => $zoe->{id}, instance_id => $zoe->{instance}, epoch => $zoe->{epoch}, held => [], items => [ $zoe->items_of_run($work, 7) ] });
	my $request = Scaleout::GatewayStub::post('report', $text);
	my @clients = map { Scaleout::GatewayStub::client(port => $system->port, folder => $system->{folder}, name => 'zoe') } 1 .. 3;
	Scaleout::GatewayStub::write_all($clients[0], substr($request, 0, length($request) - 20));
	Scaleout::GatewayStub::write_all($clients[1], "POST /ClusterManagement/v1/report HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"age");
	revoke('zoe');
	ok(Scaleout::GatewayStub::closes($_), 'an open connection is closed') for $poll, @clients;
	Scaleout::GatewayStub::write_all($clients[0], substr($request, -20));
	$system->wait_until("SELECT state = 1 FROM internal.task WHERE execution_id = $execution");
	isnt($system->status($execution), 7, 'its task is offered again, its result was not taken');
	is($system->sql("SELECT count(*) FROM internal.task_attempt WHERE execution_id = $execution AND outcome IS DISTINCT FROM 4"), 0, 'the attempt counts as lost');
	$system->sql("SELECT catalog.stop_operation($execution)");
};

$system->stop;
done_testing();
