# Requests that are not quite HTTP: each is answered as docs/protocol.md says or
# ends its connection, none is read in two ways, and the gateway stays as it was.
use strict;
use warnings;

use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;
use Time::HiRes ();

use lib 'test/tap/lib';
use Scaleout::GatewayStub;

*client = \&Scaleout::GatewayStub::client;
*post = \&Scaleout::GatewayStub::post;
*read_answer = \&Scaleout::GatewayStub::read_answer;
*write_all = \&Scaleout::GatewayStub::write_all;
*closes = \&Scaleout::GatewayStub::closes;

$SIG{PIPE} = 'IGNORE';

my $folder = tempdir(CLEANUP => 1);
my $lease = encode_json({ agent_id => '0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11',
		instance_id => '11111111-2222-3333-4444-555555555555', epoch => 7, capacity => 4, wait_ms => 25000, held => [] });
my $length = length $lease;
my $hex = sprintf('%x', $length);
my $trusted = Scaleout::GatewayStub::make_certificate($folder, 'joe');
Scaleout::GatewayStub::make_certificate($folder, 'master');

# The sanitizer keeps freed memory for a while, which would look like growth; leaks it reports at the end.
$ENV{ASAN_OPTIONS} = join(':', grep { $_ } $ENV{ASAN_OPTIONS}, 'quarantine_size_mb=1');
my $gateway = Scaleout::GatewayStub->new;
$gateway->start(certificate => "$folder/master.crt", key => "$folder/master.key", request_ms => 2000);
$gateway->trust($trusted);

sub joe { return client(port => $gateway->{port}, folder => $folder, name => 'joe') || die 'no connection'; }

# "status code" of an error; the status of another answer; "closed".
sub outcome
{
	my ($answer) = @_;
	return 'closed' unless $answer;
	my $body = eval { decode_json($answer->{body}) };
	return $answer->{status} . ($body && $body->{error} ? " $body->{error}{code}" : '');
}

# A request whose path, version, headers and body are given.
sub request
{
	my ($headers, $body, %with) = @_;
	my $path = $with{path} // '/ClusterManagement/v1/lease';
	return ($with{method} // 'POST') . " $path " . ($with{version} // 'HTTP/1.1') . "\r\nHost: x\r\n"
	  . join('', map { "$_\r\n" } @$headers) . "\r\n$body";
}

my $length_header = "Content-Length: $length";
my $chunks = "$hex\r\n$lease\r\n0\r\n\r\n";
my @huge = map { "Content-Length: $_" } '9223372036854775807', '9223372036854775808', '18446744073709551616', '9' x 200;

# name, bytes, outcome: 'served' means that the master gets the request.
my @rows = (
	[ 'two lengths that differ', request([ $length_header, 'Content-Length: 2' ], $lease), '400 SO334' ],
	[ 'the shorter one first', request([ 'Content-Length: 2', $length_header ], $lease), '400 SO334' ],
	[ 'two lengths that agree', request([ $length_header, $length_header ], $lease), '400 SO334' ],
	[ 'a list of lengths', request(["Content-Length: $length, $length"], $lease), '400 SO334' ],
	[ 'length and chunks', request([ $length_header, 'Transfer-Encoding: chunked' ], $chunks), '400 SO334' ],
	[ 'chunks and length', request([ 'Transfer-Encoding: chunked', 'Content-Length: 4' ], $chunks), '400 SO334' ],
	[ 'two transfer encodings', request([ 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity' ], $chunks), '400 SO334' ],
	[ 'another transfer encoding', request([ 'Transfer-Encoding: gzip', $length_header ], $lease), '400 SO334' ],
	[ 'a list of transfer encodings', request(['Transfer-Encoding: gzip, chunked'], $chunks), '400 SO334' ],
	[ 'a length with a sign', request(["Content-Length: +$length"], $lease), '400 SO334' ],
	[ 'a length in hex', request(["Content-Length: 0x$hex"], $lease), '400 SO334' ],
	[ 'a length with a tail', request(["Content-Length: ${length}x"], $lease), '400 SO334' ],
	[ 'an empty length', request(['Content-Length:'], $lease), '400 SO334' ],
	(map { [ 'an absurd length: ' . substr($_, 16, 24), request([$_], ''), [ '413 SO335', '400 SO334' ] ] } @huge),
	[ 'a space before the colon', request(["Content-Length : $length"], $lease), '400 SO334' ],
	[ 'a folded length', request([ 'Content-Length:', " $length" ], $lease), '400 SO334' ],
	[ 'a folded harmless header', request([ 'X-Note: one', "\ttwo", $length_header ], $lease), 'served' ],
	[ 'a chunk of negative size', request(['Transfer-Encoding: chunked'], "-5\r\nhello\r\n0\r\n\r\n"), '413 SO335' ],
	[ 'a chunk of absurd size', request(['Transfer-Encoding: chunked'], "ffffffffffffffff\r\nhello\r\n"), [ '413 SO335', '400 SO334' ] ],
	[ 'a chunk without a size', request(['Transfer-Encoding: chunked'], "zz\r\nhello\r\n0\r\n\r\n"), '413 SO335' ],
	[ 'no length at all', request([], ''), '400 SO010' ],
	[ 'lines that end in a line feed', request([$length_header], $lease) =~ s/\r\n/\n/gr, [ 'served', '400 SO334' ] ],
	[ 'a NUL in a header', request([ "X-Note: a\0b", $length_header ], $lease), [ 'served', '400 SO334' ] ],
	[ 'HTTP/1.0', request([$length_header], $lease, version => 'HTTP/1.0'), 'served' ],
	[ 'HTTP/2.0', request([$length_header], $lease, version => 'HTTP/2.0'), '400 SO334' ],
	[ 'no version', "POST /ClusterManagement/v1/lease\r\n\r\n", '400 SO334' ],
	[ 'the preface of HTTP/2', "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [ '400 SO334', '405 SO333' ] ],
	[ 'two spaces in the first line', request([$length_header], $lease, path => ' /ClusterManagement/v1/lease'), [ '400 SO334', '404 SO332' ] ],
	[ 'HEAD', request([], '', method => 'HEAD'), '405' ],
	[ 'OPTIONS', request([], '', method => 'OPTIONS'), '405 SO333' ],
	[ 'OPTIONS *', request([], '', method => 'OPTIONS', path => '*'), [ '404 SO332', '400 SO334' ] ],
	[ 'TRACE', request([], '', method => 'TRACE'), '405 SO333' ],
	[ 'CONNECT', "CONNECT other:443 HTTP/1.1\r\nHost: other\r\n\r\n", '404' ],
	[ 'an encoded route', request([$length_header], $lease, path => '/ClusterManagement/v1/%6cease'), '404 SO332' ],
	[ 'an encoded slash', request([$length_header], $lease, path => '/ClusterManagement%2fv1/lease'), '404 SO332' ],
	[ 'a route with dots', request([$length_header], $lease, path => '/ClusterManagement/v1/../v1/lease'), '404 SO332' ],
	[ 'a route with two slashes', request([$length_header], $lease, path => '//ClusterManagement/v1/lease'), [ '404 SO332', '400 SO334' ] ],
	[ 'a route with a NUL', request([$length_header], $lease, path => '/ClusterManagement/v1/lease%00'), '404 SO332' ],
	[ 'an encoding that is none', request([$length_header], $lease, path => '/ClusterManagement/v1/%zz'), [ '404 SO332', '400 SO334' ] ],
	[ 'a route of another case', request([$length_header], $lease, path => '/clustermanagement/v1/lease'), '404 SO332' ],
	[ 'a whole address', request([$length_header], $lease, path => 'https://other.example/ClusterManagement/v1/lease'), [ 'served', '400 SO334' ] ],
	[ 'a query', request([$length_header], $lease, path => '/ClusterManagement/v1/lease?capacity=9'), 'served' ],
	[ 'Expect: 100-continue', request([ $length_header, 'Expect: 100-continue' ], $lease), 'served' ],
	[ 'Expect: 100-continue, too large', request([ 'Content-Length: 99999999', 'Expect: 100-continue' ], ''), '413 SO335' ],
	[ 'an upgrade', request([ $length_header, 'Connection: Upgrade', 'Upgrade: h2c' ], $lease), 'served' ],
);

sub memory_of
{
	my ($pid) = @_;
	open(my $in, '<', "/proc/$pid/statm") or die "the gateway has gone: $!";
	return (split ' ', <$in>)[1] * 4;
}

sub files_of { my ($pid) = @_; return scalar(() = glob("/proc/$pid/fd/*")); }

# What becomes of the bytes; every request that the master sees is answered.
sub try_bytes
{
	my ($bytes) = @_;
	my $client = joe();
	write_all($client, $bytes);
	my $served = 0;
	my $deadline = Time::HiRes::time() + 30;
	$client->blocking(0);
	while (Time::HiRes::time() < $deadline)
	{
		my $select = IO::Select->new($gateway->{socket}, $client);
		my @ready = $client->pending ? ($client) : $select->can_read(5);
		if (grep { $_ == $gateway->{socket} } @ready)
		{
			my $frame = $gateway->read_any($deadline) or die 'the gateway has gone';
			next if $frame->[0] != $Scaleout::GatewayStub::FRAME{REQUEST};
			$served++;
			$gateway->answer(unpack('Q>', $frame->[1]), 200, '{"epoch":7}');
			next;
		}
		if (grep { $_ == $client } @ready)
		{
			my $outcome = outcome(scalar read_answer($client));
			return $served && $outcome eq '200' ? 'served' : $outcome;
		}
	}
	return 'nothing';
}


# The same requests again and again: what each takes is given back. Memory of the first rounds is kept by the library.
my ($memory, $files);
for my $round (1 .. 3)
{
	my $wrong = 0;
	for my $row (@rows)
	{
		my ($name, $bytes, $expected) = @$row;
		my $got = eval { try_bytes($bytes) } // "died: $@";
		my $good = grep { $_ eq $got } ref $expected ? @$expected : $expected;
		ok($good, $name) or diag("got $got instead of " . join(' or ', ref $expected ? @$expected : $expected)) if $round == 1;
		$wrong++ if !$good;
	}
	is($wrong, 0, "round $round") if $round > 1;
	($memory, $files) = (memory_of($gateway->{pid}), files_of($gateway->{pid})) if $round == 2;
}

# What follows a request that is refused is not read as a request.
subtest 'nothing is smuggled' => sub {
	my $second = post('lease', $lease =~ s/"epoch":7/"epoch":666/r);
	for my $headers ([ $length_header, 'Content-Length: 0' ], [ 'Content-Length: 0', $length_header ], [ 'Content-Length: 0', 'Transfer-Encoding: chunked' ],
		[ 'Transfer-Encoding: chunked', $length_header ], [ 'Transfer-Encoding: gzip, chunked' ], [ 'Content-Length : 4', $length_header ])
	{
		my $client = joe();
		my $body = (grep { /chunked/ } @$headers) ? $chunks : $lease;
		write_all($client, request($headers, $body) . $second);
		is(outcome(scalar read_answer($client)), '400 SO334', join(', ', @$headers));
		ok(closes($client), 'and the connection ends');
	}
	my $client = joe();
	write_all($client, post('lease', $lease) . 'trailing garbage');
	my $request = $gateway->expect_request;
	is($request->{epoch}, 7, 'no second request reached the master before this one');
	$gateway->answer($request->{request}, 200, '{"epoch":7}');
	is(outcome(scalar read_answer($client)), '200', 'garbage behind a request does not hurt it');
	is(outcome(scalar read_answer($client)), '408 SO337', 'and is the begin of one that never ends');
	ok(closes($client), 'then the connection ends');
};

subtest 'a hundred requests at once' => sub {
	my $client = joe();
	write_all($client, join '', map { post('lease', $lease =~ s/"epoch":7/"epoch":$_/r) } 1 .. 100);
	my (@epochs, @answers);
	for my $n (1 .. 100)
	{
		my $request = $gateway->expect_request;
		push @epochs, $request->{epoch};
		$gateway->answer($request->{request}, 200, qq({"epoch":$n}));
		push @answers, decode_json(read_answer($client)->{body})->{epoch};
	}
	is_deeply(\@epochs, [ 1 .. 100 ], 'arrive one after the other');
	is_deeply(\@answers, [ 1 .. 100 ], 'and are answered in order');
};

subtest 'the gateway is as before' => sub {
	my $deadline = Time::HiRes::time() + 30;
	Time::HiRes::sleep(0.05) while files_of($gateway->{pid}) > $files && Time::HiRes::time() < $deadline;    # poll
	cmp_ok(files_of($gateway->{pid}), '<=', $files, 'no connection is left over');
	cmp_ok(memory_of($gateway->{pid}) - $memory, '<', 8 * 1024, 'memory has not grown');
	is($gateway->stop, 0, 'it ends without a complaint');
};
done_testing();
