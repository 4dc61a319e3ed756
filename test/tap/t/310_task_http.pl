# The HTTP task against a real server: success, refusal, cut connection, time-out.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use JSON::PP;
use File::Temp qw(tempdir);
use Test::More;

use lib 'test/tap/lib';
use Scaleout::Exec;
use Scaleout::Ports;
use Scaleout::Servers;

my $big = join('', map { "line $_ of a file that is cut\n" } 1 .. 40000);
my $server = Scaleout::Servers::python(
	'http', user => 'robot', password => 'secret', token => 'tok', quiet => ['/quiet'],
	cut => { '/cut.txt' => 100000, '/changed.txt' => 50000, '/once.txt' => 70000 });
my $files = "$server->{folder}/files";
Scaleout::Exec::spew("$files/small.txt", "hello\n");
Scaleout::Exec::spew("$files/empty.txt", '');
Scaleout::Exec::spew("$files/$_.txt", $big) for qw(cut changed once);
my $in = tempdir(CLEANUP => 1);

sub connection { return { name => 'web', type => 'http', connection_string => "http://127.0.0.1:$server->{port}/", @_ }; }

sub http
{
	my ($task, %with) = @_;
	return Scaleout::Exec::task(
		{ type => 'http', connection => 'web', %$task },
		connections => [ connection(%{ $with{connection} // {} }) ],
		variables => [ { name => 'answer', type => 'string', value => '' }, { name => 'status', type => 'int32', value => 0 },
			{ name => 'request', type => 'string', value => '{"a": 1}' } ],
		more => [ Scaleout::Exec::show({ executable => 'task', on => 'completion' }, 'User::answer', 'User::status') ], %with);
}

sub requests { return scalar(() = Scaleout::Servers::log_of($server->{folder}) =~ /^request $_[0]$/mg); }

my $run = http({ path => 'small.txt', response_variable => 'User::answer', status_variable => 'User::status' });
is($run->{status}, 0, 'get to a variable') or diag $run->{output};
like($run->{output}, qr/"User::answer":"hello\\n"/, 'the answer arrived');
like($run->{output}, qr/"User::status":200/, 'and so did its status');

$run = http({ operation => 'post', path => 'echo?x=%20y', body_variable => 'User::request', response_variable => 'User::answer',
		headers => { 'Content-Type' => 'application/json' } });
is($run->{status}, 0, 'post') or diag $run->{output};
like($run->{output}, qr/\\"body\\": \\"\{\\\\\\"a\\\\\\": 1\}/, 'the body arrived');
like($run->{output}, qr{/echo\?x=%20y}, 'the query is sent as it is');
like($run->{output}, qr{application/json}, 'the header line too');

Scaleout::Exec::spew("$in/upload.bin", $big);
$run = http({ operation => 'put', path => 'store/uploaded.bin', upload_path => "$in/upload.bin" });
is($run->{status}, 0, 'put a file') or diag $run->{output};
is(Scaleout::Exec::slurp("$files/uploaded.bin"), $big, 'it arrived whole');

$run = http({ operation => 'head', path => 'small.txt', status_variable => 'User::status' });
is($run->{status}, 0, 'head') or diag $run->{output};
$run = http({ operation => 'delete', path => 'thing', response_variable => 'User::answer' });
like($run->{output}, qr/DELETE/, 'delete');

# Refusals
$run = http({ path => 'status/500', response_variable => 'User::answer', status_variable => 'User::status' });
is($run->{status}, 1, 'status 500 fails the task');
like($run->{output}, qr/SO816.*status 500/, 'with a code and the status');
like($run->{output}, qr/because of the test/, 'and what the server said');
like($run->{output}, qr/"User::status":500/, 'the status variable is set all the same');
$run = http({ path => 'nothing.txt' });
like($run->{output}, qr/SO829/, '404 has a code of its own');
$run = http({ path => 'status/404', success_status => '200-299,404' });
is($run->{status}, 0, 'unless it means success') or diag $run->{output};
$run = http({ path => 'private/small.txt' });
like($run->{output}, qr/SO817/, 'a refused login has a code of its own');
$run = http({ path => 'private/small.txt', response_variable => 'User::answer' },
	connection => { user_name => 'robot', password => 'secret' });
is($run->{status}, 0, 'user and password') or diag $run->{output};
unlike($run->{output}, qr/ERROR.*secret/, 'the password is in no message');
$run = http({ path => 'private/small.txt' }, connection => { bearer_token => 'tok' });
is($run->{status}, 0, 'bearer token') or diag $run->{output};
$run = http({ path => 'redirect/small.txt', response_variable => 'User::answer' });
like($run->{output}, qr/"User::answer":"hello/, 'redirects are followed');
$run = http({ path => 'redirect/small.txt', follow_redirects => JSON::PP::false, success_status => '302' });
is($run->{status}, 0, 'or not') or diag $run->{output};
$run = http({ path => 'uploaded.bin', maximum_output => 1000, response_variable => 'User::answer' });
like($run->{output}, qr/SO813/, 'an answer that is too large is refused');

# Downloads
$run = http({ path => 'small.txt', local_path => "$in/" });
is($run->{status}, 0, 'get to a folder') or diag $run->{output};
is(Scaleout::Exec::slurp("$in/small.txt"), "hello\n", 'keeps the name');
$run = http({ path => 'small.txt', local_path => "$in/" });
like($run->{output}, qr/SO831/, 'an existing file is not replaced');
$run = http({ path => 'small.txt', local_path => "$in/small.txt", overwrite_file_at_destination => JSON::PP::true });
is($run->{status}, 0, 'unless asked for') or diag $run->{output};
$run = http({ path => 'empty.txt', local_path => "$in/empty.txt" });
is($run->{status}, 0, 'an empty file') or diag $run->{output};
is(-s "$in/empty.txt", 0, 'is an empty file');
ok(!-e "$in/empty.txt.part", 'nothing is left of the part');
$run = http({ path => 'small.txt', local_path => "$in/sum.txt", sha256 => sha256_hex("hello\n") });
is($run->{status}, 0, 'the right checksum') or diag $run->{output};
$run = http({ path => 'small.txt', local_path => "$in/bad.txt", sha256 => '0' x 64 });
like($run->{output}, qr/SO818.*SHA-256 is 5891b5b522d5df08/, 'a wrong checksum fails') or diag $run->{output};
ok(!-e "$in/bad.txt" && !-e "$in/bad.txt.part", 'and leaves no file');

# A cut download is taken up in the same run ...
$run = http({ path => 'cut.txt', local_path => "$in/cut.txt" });
is($run->{status}, 0, 'a cut download is continued') or diag $run->{output};
is(Scaleout::Exec::slurp("$in/cut.txt"), $big, 'and the file is right');
like(Scaleout::Servers::log_of($server->{folder}), qr/^request GET \/cut\.txt Range=bytes=100000- If-Range="/m, 'with a range and If-Range');

# ... or by a later run
$run = http({ path => 'once.txt', local_path => "$in/once.txt" }, connection => { retries => 0 });
is($run->{status}, 1, 'without retries a cut fails');
like($run->{output}, qr/SO816/, 'with a code');
is(-s "$in/once.txt.part", 70000, 'the part stays');
$run = http({ path => 'once.txt', local_path => "$in/once.txt" });
is($run->{status}, 0, 'the next run continues') or diag $run->{output};
is(Scaleout::Exec::slurp("$in/once.txt"), $big, 'and the file is right');
ok(!-e "$in/once.txt.part.json", 'the note is gone');

# A part of another version is not continued
$run = http({ path => 'changed.txt', local_path => "$in/changed.txt" }, connection => { retries => 0 });
is(-s "$in/changed.txt.part", 50000, 'cut again');
Scaleout::Exec::spew("$files/changed.txt", "new $big");
$run = http({ path => 'changed.txt', local_path => "$in/changed.txt" });
is($run->{status}, 0, 'the file changed meanwhile') or diag $run->{output};
is(Scaleout::Exec::slurp("$in/changed.txt"), "new $big", 'so it was loaded anew');

# Nobody there, and silence
my $port = Scaleout::Ports::closed();
$run = http({ path => 'x' }, connection => { connection_string => "http://127.0.0.1:$port/" });
like($run->{output}, qr/SO803/, 'nobody listens');
$run = http({ path => 'quiet', time_out => '500ms' });
like($run->{output}, qr/SO806/, 'time_out ends a request');
cmp_ok($run->{seconds}, '<', 30, 'soon');
$run = http({ path => 'quiet' }, connection => { timeout => '1s' });
is($run->{status}, 1, 'a silent server fails the task');
$run = http({ path => 'x' }, connection => { connection_string => 'ftp://127.0.0.1/' });
like($run->{output}, qr/SO830/, 'a URL of another kind is refused');

done_testing();
