# The gateway by itself: certificates, limits, broken clients, reload, and the
# frames that the master sees of all that.
use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP;
use Test::More;
use Time::HiRes qw(time);

use lib 'test/tap/lib';
use Scaleout::GatewayStub;

*client = \&Scaleout::GatewayStub::client;
*post = \&Scaleout::GatewayStub::post;
*read_answer = \&Scaleout::GatewayStub::read_answer;
*write_all = \&Scaleout::GatewayStub::write_all;
*closes = \&Scaleout::GatewayStub::closes;

$SIG{PIPE} = 'IGNORE';

my $folder = tempdir(CLEANUP => 1);
my $agent = '0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11';
my $instance = '11111111-2222-3333-4444-555555555555';
my $task = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
my %thumbprint = map { $_ => Scaleout::GatewayStub::make_certificate($folder, $_) } qw(master next joe eve);

my $lease = encode_json({ agent_id => $agent, instance_id => $instance, epoch => 7, capacity => 4,
		wait_ms => 25000, held => [ { task => $task, attempt => 2, state => 'running' } ] });

sub gateway
{
	my (%with) = @_;
	my $gateway = Scaleout::GatewayStub->new(limit => delete $with{limit});
	$gateway->start(certificate => "$folder/master.crt", key => "$folder/master.key", %with);
	$gateway->trust($thumbprint{joe});
	return $gateway;
}

sub joe { my ($gateway, %with) = @_; return client(port => $gateway->{port}, folder => $folder, name => 'joe', %with); }

# The code of an error answer; checks its shape.
sub code_of
{
	my ($answer) = @_;
	return 'no answer' unless $answer;
	my $error = eval { decode_json($answer->{body})->{error} } or return "not JSON: $answer->{body}";
	return 'shape' if grep { !exists $error->{$_} } qw(code message detail hint retryable);
	return 'content type' unless $answer->{headers}{'content-type'} eq 'application/json';
	return 'Retry-After' if ($answer->{status} == 429 || $answer->{status} == 503) && !$answer->{headers}{'retry-after'};
	return "$answer->{status} $error->{code}";
}

# Is the gateway still there and serving?
sub serves
{
	my ($gateway, $name) = @_;
	my $client = joe($gateway) or return fail($name);
	write_all($client, post('lease', $lease));
	my $request = $gateway->expect_request;
	$gateway->answer($request->{request}, 200, '{"epoch":7}');
	my $answer = read_answer($client);
	return is($answer && "$answer->{status} $answer->{body}", '200 {"epoch":7}', $name);
}

subtest 'who is who' => sub {
	my $gateway = Scaleout::GatewayStub->new;
	$gateway->start(certificate => "$folder/master.crt", key => "$folder/master.key");
	like($gateway->{hello}, qr/\A\0\0\0.\d+\.\d+\.\d+....\z/s, 'HELLO says version and pid');
	is($gateway->{thumbprint}, unpack('H*', $thumbprint{master}), 'LISTENING says the thumbprint');
	is($gateway->{addresses}, "127.0.0.1:$gateway->{port}", 'and the address');

	my $client = joe($gateway);
	ok($client, 'a handshake before TRUST');
	write_all($client, post('lease', $lease));
	is(code_of(read_answer($client)), '503 SO338', 'is answered 503 until TRUST has come');

	$gateway->trust($thumbprint{joe}, $thumbprint{joe});
	for my $version ('TLSv1_2', 'TLSv1_3')
	{
		my $trusted = joe($gateway, SSL_version => $version);
		ok($trusted, "trusted with $version") or next;
		is($trusted->get_fingerprint('sha256') =~ s/.*\$//r, unpack('H*', $thumbprint{master}), 'is served the certificate');
		write_all($trusted, post('lease', $lease));
		my $request = $gateway->expect_request;
		is($request->{kind}, 2, 'lease arrives');
		is($request->{thumbprint}, $thumbprint{joe}, 'with the thumbprint');
		is($request->{peer}, '127.0.0.1:' . $trusted->sockport, 'and the peer');
		is(unpack('H*', $request->{agent_id}), $agent =~ s/-//gr, 'and the agent');
		is(unpack('H*', $request->{instance_id}), $instance =~ s/-//gr, 'and the instance');
		is("$request->{epoch} $request->{capacity} $request->{wait_ms}", '7 4 25000', 'and the numbers');
		is_deeply([ map { unpack('H*', $_->{task}) . " $_->{attempt} $_->{state}" } @{ $request->{held} } ],
			[ ($task =~ s/-//gr) . ' 2 1' ], 'and what it holds');
		is($request->{body}, '', 'and no body');
		$gateway->answer($request->{request}, 200, '{"a":1}');
		my $answer = read_answer($trusted);
		is("$answer->{status} $answer->{body} $answer->{headers}{'content-type'}", '200 {"a":1} application/json', 'the answer comes back');
		like($answer->{headers}{date}, qr/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/, 'with a date');
	}
	my $nobody = client(port => $gateway->{port});
	ok($nobody, 'a client without certificate completes the handshake');
	write_all($nobody, post('lease', $lease));
	my $answer = read_answer($nobody);
	is(code_of($answer), '403 SO301', 'and is refused');
	like($answer->{body}, qr/scaleout-worker init.*trust_worker_certificate/, 'and told what to do');
	ok(closes($nobody), 'and disconnected');

	my $eve = client(port => $gateway->{port}, folder => $folder, name => 'eve');
	write_all($eve, post('lease', $lease));
	$answer = read_answer($eve);
	my $hex = unpack('H*', $thumbprint{eve});
	is(code_of($answer), '403 SO302', 'an unknown certificate is refused');
	like($answer->{body}, qr/$hex/, 'and told its thumbprint');
	ok(closes($eve), 'and disconnected');

	for my $bytes ("\0" x 100, "GET / HTTP/1.0\r\n\r\n", post('lease', 'x' x 3_000_000))
	{
		my $stranger = client(port => $gateway->{port});
		write_all($stranger, $bytes);
		my $got = read_answer($stranger);
		is(code_of($got), '403 SO301', 'whatever a stranger sends, it gets 403 (' . length($bytes) . ' bytes)');
	}
	is($gateway->stop, 0, 'the gateway ends with its master');
};

subtest 'handshakes that fail' => sub {
	my $gateway = gateway();
	my $plain = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $gateway->{port});
	syswrite($plain, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	ok(closes($plain), 'plain HTTP is closed');
	ok($gateway->expect_log(qr/plain HTTP on the TLS port/), 'and logged');
	my $old = client(port => $gateway->{port}, SSL_version => 'TLSv1_1', SSL_cipher_list => 'ALL:@SECLEVEL=0');
	ok(!$old, 'TLS 1.1 is refused');
	my $garbage = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $gateway->{port});
	syswrite($garbage, join '', map { chr(rand 256) } 1 .. 5000);
	ok(closes($garbage), 'garbage is closed');
	my $gone = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $gateway->{port});
	close $gone;
	serves($gateway, 'the gateway serves on');
	my $from = time();
	for (1 .. 60)
	{
		my $noise = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $gateway->{port});
		syswrite($noise, "GET / HTTP/1.1\r\n\r\n");
		closes($noise);
	}
	serves($gateway, 'and after a flood');
	# Twenty in ten seconds.
	cmp_ok(scalar(grep { /plain HTTP/ } @{ $gateway->{logs} }), '<', 25 + 20 * int((time() - $from) / 10), 'log lines that clients cause are limited');
	is($gateway->stop, 0, 'the gateway ends');
};

subtest 'requests that are refused' => sub {
	my $gateway = gateway();
	my $prefix = '/ClusterManagement';
	my $register = { protocol => 1, agent_id => $agent, instance_id => $instance, version => '0.1.0',
		display_name => 'a', description => '', machine_name => 'm', user_account => 'u', max_task_count => 1,
		capabilities => {}, held => [] };
	my @rows = (
		[ 'unknown route', "POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", '404 SO332' ],
		[ 'newer version', "POST $prefix/v9/lease HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", '404 SO205' ],
		[ 'unknown route of our version', "POST $prefix/v1/other HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", '404 SO332' ],
		[ 'GET', "GET $prefix/v1/lease HTTP/1.1\r\nHost: x\r\n\r\n", '405 SO333' ],
		[ 'PUT', "PUT $prefix/v1/lease HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", '405 SO333' ],
		[ 'unknown method', "BREW $prefix/v1/lease HTTP/1.1\r\nHost: x\r\n\r\n", '405 SO333' ],
		[ 'empty body', post('lease', ''), '400 SO010' ],
		[ 'no JSON', post('lease', 'hello'), '400 SO010' ],
		[ 'half JSON', post('lease', substr($lease, 0, 50)), '400 SO010' ],
		[ 'two values', post('lease', "$lease$lease"), '400 SO010' ],
		[ 'an array', post('lease', '[]'), '400 SO334' ],
		[ 'no members', post('lease', '{}'), '400 SO334' ],
		[ 'bad UUID', post('lease', $lease =~ s/0f1e7d2c/0f1e7d2/r), '400 SO334' ],
		[ 'capacity as text', post('lease', $lease =~ s/"capacity":4/"capacity":"4"/r), '400 SO334' ],
		[ 'negative capacity', post('lease', $lease =~ s/"capacity":4/"capacity":-1/r), '400 SO334' ],
		[ 'attempt 0', post('lease', $lease =~ s/"attempt":2/"attempt":0/r), '400 SO334' ],
		[ 'bad state', post('lease', $lease =~ s/"running"/"walking"/r), '400 SO334' ],
		[ 'duplicate member', post('lease', $lease =~ s/\}\z/,"epoch":8}/r), '400 SO010' ],
		[ 'too deep', post('lease', '[' x 100000), '400 SO334' ],
		[ 'too many values', post('report', '[' . ('0,' x 1_000_000) . '0]'), '413 SO335' ],
		[ 'unknown protocol', post('register', encode_json({ %$register, protocol => 2 })), '404 SO205' ],
		[ 'missing capabilities', post('register', encode_json({ %$register, capabilities => undef })), '400 SO334' ],
		[ 'not HTTP', "\x16\x03\x01 hello\r\n\r\n", '400 SO334' ],
		[ 'header without colon', "POST $prefix/v1/lease HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n", '400 SO334' ],
		[ 'bad content length', "POST $prefix/v1/lease HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", '400 SO334' ],
		[ 'huge headers', "POST $prefix/v1/lease HTTP/1.1\r\nHost: x\r\n" . ("X-A: " . 'a' x 1000 . "\r\n") x 40, '431 SO336' ],
		[ 'endless first line', 'POST /' . 'a' x 40000, '431 SO336' ],
		[ 'huge declared body', "POST $prefix/v1/lease HTTP/1.1\r\nHost: x\r\nContent-Length: 8388609\r\n\r\n", '413 SO335' ],
		[ 'huge chunked body', "POST $prefix/v1/lease HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" . ("100000\r\n" . 'x' x 0x100000 . "\r\n") x 9, '413 SO335' ],
		[ 'unknown expectation', "POST $prefix/v1/lease HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nContent-Length: 2\r\n\r\n{}", '400 SO334' ],
	);
	for my $row (@rows)
	{
		my ($name, $bytes, $expected) = @$row;
		my $client = joe($gateway) or do { fail($name); next };
		write_all($client, $bytes);
		is(code_of(read_answer($client)), $expected, $name);
	}
	my $client = joe($gateway);
	for my $kind ('{"x":1}', '[]')
	{
		write_all($client, post('lease', $kind));
		is(code_of(read_answer($client)), '400 SO334', 'an error of the content keeps the connection');
	}
	serves($gateway, 'the gateway serves on');
	is($gateway->stop, 0, 'the gateway ends');
};

subtest 'requests that are accepted' => sub {
	my $gateway = gateway();
	my $client = joe($gateway);
	my $register = encode_json({ protocol => 1, agent_id => $agent, instance_id => $instance, version => '0.1.0',
			display_name => 'loader', description => '', machine_name => 'm', user_account => 'u', max_task_count => 10,
			capabilities => { package_format => [1] }, held => [], unknown => 'x' });
	write_all($client, post('register', $register));
	my $request = $gateway->expect_request;
	is($request->{kind}, 1, 'register arrives');
	my $body = decode_json($request->{body});
	is($body->{display_name}, 'loader', 'with its body');
	ok(!exists $body->{unknown}, 'without unknown members');
	$gateway->answer($request->{request}, 409, '{"error":{}}');
	is(read_answer($client)->{status}, 409, "the master's status goes through");

	my $report = '{"agent_id":"' . $agent . '","instance_id":"' . $instance . '","epoch":7,"held":[],"items":['
	  . '{"task":"' . $task . '","attempt":1,"sequence":1,"type":"event","message":"nul \u0000, half \ud800, bytes ' . "\xff\xfe" . '"},'
	  . '{"task":"' . $task . '","attempt":1,"sequence":2,"type":"event","message":"' . "gr\xc3\xbc\xc3\x9fe \\ud83d\\ude00" . '"}]}';
	write_all($client, post('report', $report));
	$request = $gateway->expect_request;
	is($request->{kind}, 3, 'report arrives');
	$body = decode_json($request->{body});
	is(scalar @$body, 2, 'with its items');
	is($body->[0]{message}, "nul \x{fffd}, half \x{fffd}, bytes \x{fffd}\x{fffd}", 'what cannot be stored is replaced');
	is($body->[1]{message}, "gr\x{fc}\x{df}e \x{1f600}", 'good text stays');
	$gateway->answer($request->{request}, 200, '{"acknowledged":[]}');
	is(read_answer($client)->{status}, 200, 'and is answered');

	my $big = '{"agent_id":"' . $agent . '","instance_id":"' . $instance . '","epoch":7,"held":[],"items":['
	  . join(',', map { qq({"task":"$task","attempt":1,"sequence":$_,"type":"event","message":") . 'm' x 900_000 . '"}' } 1 .. 8) . ']}';
	write_all($client, post('report', $big, Expect => '100-continue'));
	$request = $gateway->expect_request;
	cmp_ok(length $request->{body}, '>', 7_200_000, 'a report of seven megabytes arrives');
	$gateway->answer($request->{request}, 200, '{"big":"' . 'x' x 3_000_000 . '"}');
	is(length read_answer($client)->{body}, 3_000_010, 'and a large answer goes back');

	my $chunked = "POST /ClusterManagement/v1/lease HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	  . join('', map { "1\r\n$_\r\n" } split //, $lease) . "0\r\n\r\n";
	write_all($client, $chunked);
	$request = $gateway->expect_request;
	$gateway->answer($request->{request}, 200, '{"n":1}');
	is(read_answer($client)->{body}, '{"n":1}', 'a body in chunks of one byte');

	write_all($client, post('lease', $lease) . post('lease', $lease =~ s/"epoch":7/"epoch":8/r));
	my $first = $gateway->expect_request;
	is($first->{epoch}, 7, 'pipelined: the first request arrives');
	$gateway->answer($first->{request}, 200, '{"n":1}');
	my $second = $gateway->expect_request;
	is($second->{epoch}, 8, 'then the second');
	$gateway->answer($second->{request}, 200, '{"n":2}');
	is(join(' ', map { read_answer($client)->{body} } 1 .. 2), '{"n":1} {"n":2}', 'and the answers in order');

	write_all($client, $_) for split //, post('lease', $lease);
	$request = $gateway->expect_request;
	$gateway->answer($request->{request}, 200, '{"n":3}');
	is(read_answer($client)->{body}, '{"n":3}', 'a request in records of one byte');

	$gateway->answer(12345, 200, '{}');
	$gateway->answer($request->{request}, 200, '{}');
	serves($gateway, 'answers to unknown requests are dropped');
	is($gateway->stop, 0, 'the gateway ends');
};

subtest 'peers that leave' => sub {
	my $gateway = gateway();
	for my $how ('close', 'reset', 'pipelined bytes, then close')
	{
		my $client = joe($gateway);
		write_all($client, post('lease', $lease));
		my $request = $gateway->expect_request;
		write_all($client, post('lease', $lease)) if $how =~ /pipelined/;
		setsockopt($client, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack('ii', 1, 0)) if $how eq 'reset';
		$how eq 'reset' ? POSIX::close(fileno $client) : $client->close;
		is(unpack('Q>', $gateway->expect('ABANDONED')), $request->{request}, "a parked request is abandoned ($how)");
		$gateway->answer($request->{request}, 200, '{}');
	}
	my $half = joe($gateway);
	write_all($half, substr(post('lease', $lease), 0, 150));
	$half->close;
	serves($gateway, 'half a request is nothing');

	my @two = map { joe($gateway) } 1 .. 3;
	my @requests;
	for my $i (0, 1)
	{
		write_all($two[$i], post('lease', $lease));
		push @requests, $gateway->expect_request;
	}
	write_all($two[2], post('lease', $lease));
	is(code_of(read_answer($two[2])), '429 SO340', 'a third open lease of one agent is refused');
	$gateway->answer($requests[0]{request}, 200, '{}');
	is(read_answer($two[0])->{status}, 200, 'the first is answered');
	write_all($two[2], post('lease', $lease));
	ok($gateway->expect_request, 'then there is room again');

	$gateway->trust($thumbprint{eve});
	ok(closes($two[1]), 'a connection whose thumbprint leaves the set is closed, waiting');
	ok(closes($two[0]), 'and idle');
	is(unpack('Q>', $gateway->expect('ABANDONED')), $requests[1]{request}, 'its request is abandoned');
	my $client = joe($gateway);
	write_all($client, post('lease', $lease));
	is(code_of(read_answer($client)), '403 SO302', 'and it does not come back');
	is($gateway->stop, 0, 'the gateway ends');
};

subtest 'slow clients' => sub {
	# One limit is short at a time, so that no other one can end what is looked at.
	my $gateway = gateway(request_ms => 300);
	my $slow = joe($gateway);
	write_all($slow, 'POST /ClusterManagement/v1/lease HTTP/1.1');
	is(code_of(read_answer($slow)), '408 SO337', 'a request line that does not end');
	$slow = joe($gateway);
	write_all($slow, substr(post('lease', $lease), 0, -5));
	is(code_of(read_answer($slow)), '408 SO337', 'a body that does not end');
	$slow = joe($gateway);
	my ($answer, $started, $dribbled) = (undef, time(), 0);
	for my $byte (split //, post('lease', $lease) x 10)
	{
		last if !write_all($slow, $byte);
		$dribbled++;
		select(undef, undef, undef, 0.02);    # poll: the dribble is the subject
		last if time() - $started > 1;
	}
	is(code_of(read_answer($slow)), '408 SO337', 'bytes that trickle in do not extend the time');
	my $waiting = joe($gateway);
	write_all($waiting, post('lease', $lease));
	my $request = $gateway->expect_request;
	select(undef, undef, undef, 0.7);    # poll: longer than the limit
	$gateway->answer($request->{request}, 200, '{}');
	is(read_answer($waiting)->{status}, 200, 'a request that waits for its answer has arrived');

	# More than the sockets hold: the worker takes nothing of it.
	my $large = '{"x":"' . ('x' x (32 * 1024 * 1024)) . '"}';
	my ($got, $bytes) = (0, '');
	my $stuck = joe($gateway);
	write_all($stuck, post('lease', $lease));
	$gateway->answer($gateway->expect_request->{request}, 200, $large);
	select(undef, undef, undef, 1);    # poll: longer than the limit
	while (my $n = sysread($stuck, $bytes, 1024 * 1024)) { $got += $n; }
	cmp_ok($got, '<', length($large), 'a worker that reads nothing is given up');
	is($gateway->stop, 0, 'the gateway ends');

	my $impatient = gateway(idle_ms => 300);
	my $idle = joe($impatient);
	ok(closes($idle), 'an idle connection is closed');
	# The handshake, and its first bytes, may take longer than this on a busy machine.
	for (1 .. 20)
	{
		$waiting = joe($impatient) or next;
		last if write_all($waiting, post('lease', $lease)) && IO::Select->new($impatient->{socket})->can_read(5);
	}
	$request = $impatient->expect_request;
	select(undef, undef, undef, 0.7);    # poll: longer than the limit
	$impatient->answer($request->{request}, 200, '{}');
	is(read_answer($waiting)->{status}, 200, 'a waiting request is not idle');
	is($impatient->stop, 0, 'the gateway ends');

	# The worker takes it slowly, longer than the limit; a pause of the whole machine is none of its own.
	my $patient = gateway(request_ms => 4000);
	my $reader = joe($patient);
	write_all($reader, post('lease', $lease));
	$patient->answer($patient->expect_request->{request}, 200, $large);
	my $from = time();
	$got = 0;
	my $pauses = 0;
	while ($got < length($large))
	{
		my $n = sysread($reader, $bytes, 1024 * 1024) or last;
		$got += $n;
		# poll: slowness is the subject
		if ($got > ($pauses + 1) * 2 * 1024 * 1024) { $pauses++; select(undef, undef, undef, 0.35); }
	}
	cmp_ok($got, '>=', length($large), 'a large answer is not cut while the worker reads it');
	cmp_ok(time() - $from, '>', 5, 'however long it takes');
	is($patient->stop, 0, 'the gateway ends');
};

subtest 'many connections' => sub {
	my $gateway = gateway(connections => 20);
	my @idle = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $gateway->{port}) } 1 .. 40;
	serves($gateway, 'connections without handshake make room for others');
	close $_ for @idle;
	my @busy = grep { $_ } map { joe($gateway) } 1 .. 15;
	is(scalar @busy, 15, 'connections of an agent');
	serves($gateway, 'and one more');
	is($gateway->stop, 0, 'the gateway ends');

	my $small = gateway(limit => 80, connections => 1000);
	ok($small->expect_log(qr/at most \d+ connections/), 'connections are bounded by open files');
	my @many = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $small->{port}) } 1 .. 120;
	serves($small, 'more connections than files');
	close $_ for @many;
	is($small->stop, 0, 'the gateway ends');

	my $per_agent = gateway();
	my @open = map { joe($per_agent) } 1 .. 33;
	write_all($open[32], post('lease', $lease));
	is(code_of(read_answer($open[32])), '429 SO340', 'an agent has a limited number of connections');
	is($per_agent->stop, 0, 'the gateway ends');

	# Each large request keeps the gateway busy for a moment: not thirty of them at once.
	my $large = gateway();
	my @large = map { joe($large) } 1 .. 4;
	write_all($_, "POST /ClusterManagement/v1/report HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n" . 'x' x 300_000) for @large;
	my ($refused) = IO::Select->new(@large)->can_read($Scaleout::GatewayStub::timeout);
	is(code_of(read_answer($refused)), '429 SO340', 'of large requests that it is sending');
	my @others = IO::Select->new(grep { $_ != $refused } @large)->can_read(0);
	is(scalar @others, 0, 'three may arrive at a time');
	close $_ for @large;
	serves($large, 'and it goes on');
	is($large->stop, 0, 'the gateway ends');
};

subtest 'reload' => sub {
	my $gateway = gateway();
	my $before = joe($gateway);
	my %files = (certificate => "$folder/next.crt", key => "$folder/next.key", port => 0);
	$gateway->configure(%files);
	my ($ok, $thumbprint) = unpack('C N/a*', $gateway->expect('RELOADED'));
	is("$ok $thumbprint", '1 ' . unpack('H*', $thumbprint{next}), 'a new certificate is in use');
	my $after = joe($gateway);
	is($after->get_fingerprint('sha256') =~ s/.*\$//r, unpack('H*', $thumbprint{next}), 'and new connections see it');
	write_all($before, post('lease', $lease));
	my $request = $gateway->expect_request;
	$gateway->answer($request->{request}, 200, '{}');
	is(read_answer($before)->{status}, 200, 'old connections go on');
	chmod 0644, "$folder/eve.key";
	my @bad = (
		[ 'missing file', { %files, certificate => "$folder/none" }, 'SO007' ],
		[ 'key of another certificate', { %files, key => "$folder/master.key" }, 'SO308' ],
		[ 'key that others can read', { %files, certificate => "$folder/eve.crt", key => "$folder/eve.key" }, 'SO307' ],
		[ 'other address', { %files, addresses => '127.0.0.2' }, 'SO331' ],
	);
	for my $row (@bad)
	{
		$gateway->configure(%{ $row->[1] });
		($ok, $thumbprint, my $code, my $message) = unpack('C N/a* N/a* N/a*', $gateway->expect('RELOADED'));
		is("$ok $thumbprint $code", '0 ' . unpack('H*', $thumbprint{next}) . " $row->[2]", "$row->[0]: the old stays");
		isnt($message, '', 'with a reason');
	}
	serves($gateway, 'the gateway serves on');
	is($gateway->stop, 0, 'the gateway ends');
};

subtest 'start and end' => sub {
	my @rows = (
		[ 'key that others can read', { certificate => "$folder/eve.crt", key => "$folder/eve.key" }, 'SO307' ],
		[ 'missing certificate', { certificate => "$folder/none", key => "$folder/master.key" }, 'SO007' ],
		[ 'wrong key', { certificate => "$folder/master.crt", key => "$folder/next.key" }, 'SO308' ],
		[ 'no address', { certificate => "$folder/master.crt", key => "$folder/master.key", addresses => ' , ' }, 'SO331' ],
		[ 'bad address', { certificate => "$folder/master.crt", key => "$folder/master.key", addresses => '300.1.1.1' }, 'SO331' ],
		[ 'foreign address', { certificate => "$folder/master.crt", key => "$folder/master.key", addresses => '192.0.2.1' }, 'SO330' ],
	);
	my $holder = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1);
	push @rows, [ 'port in use', { certificate => "$folder/master.crt", key => "$folder/master.key", port => $holder->sockport }, 'SO330' ];
	for my $row (@rows)
	{
		my $gateway = Scaleout::GatewayStub->new;
		$gateway->expect('HELLO');
		$gateway->configure(%{ $row->[1] });
		my ($code, $message, $detail, $hint) = unpack('(N/a*)4', $gateway->expect('FAILED'));
		is($code, $row->[2], "FAILED: $row->[0]");
		isnt($hint, '', 'with a hint');
		like("$message $detail", qr/127\.0\.0\.1:\d+.*process $$ /, 'and who has the port') if $row->[0] eq 'port in use';
		is($gateway->wait_exit >> 8, 1, 'and exit status 1');
	}
	my $all = Scaleout::GatewayStub->new;
	$all->start(certificate => "$folder/master.crt", key => "$folder/master.key", addresses => '*');
	like($all->{addresses}, qr/\b0\.0\.0\.0:$all->{port}/, 'all addresses on one port');
	is($all->stop, 0, 'ends with its master');
	my $orphan = Scaleout::GatewayStub->new(parent => 1);
	is($orphan->wait_exit >> 8, 1, 'does not serve another parent');
	my $violated = gateway();
	$violated->send_frame(99, 'nonsense');
	is((unpack('(N/a*)4', $violated->expect('FAILED')))[0], 'SO004', 'an unknown frame is an error');
	is($violated->wait_exit >> 8, 1, 'and ends the gateway');
	my $truncated = gateway();
	$truncated->send_frame(34, pack('N', 1000));
	is((unpack('(N/a*)4', $truncated->expect('FAILED')))[0], 'SO004', 'as is a frame with a wrong length');
};

done_testing();
