# Send Mail against a sink: contents, attachments, refusal, login, silence.
use strict;
use warnings;

use File::Temp qw(tempdir);
use JSON::PP;
use MIME::Base64 qw(decode_base64);
use MIME::QuotedPrint qw(decode_qp);
use Test::More;

use lib 'test/tap/lib';
use Scaleout::Exec;
use Scaleout::Ports;
use Scaleout::Servers;

my $folder = tempdir(CLEANUP => 1);
my $server = Scaleout::Servers::python('smtp', refuse => 'nobody@example.org');
my $sent = 0;

sub mail
{
	my ($task, %connection) = @_;
	return Scaleout::Exec::task(
		{ type => 'send_mail', connection => 'mail', from => 'Loads <etl@example.org>', to => 'a@example.org', subject => 'done', %$task },
		variables => [ { name => 'report', type => 'string', value => "from a variable\n" } ],
		connections => [ { name => 'mail', type => 'smtp', connection_string => "smtp://127.0.0.1:$server->{port}", %connection },
			{ name => 'text', type => 'file', connection_string => "$folder/text" } ]);
}

# The next message as the sink has it: (text, envelope).
sub message { $sent++; return (Scaleout::Exec::slurp("$server->{folder}/$sent.eml"), decode_json(Scaleout::Exec::slurp("$server->{folder}/$sent.json"))); }

my $run = mail({ message_source => "Line one\nLine two", cc => 'b@example.org, C <c@example.org>', bcc => 'd@example.org', priority => 'high' });
is($run->{status}, 0, 'a message') or diag $run->{output};
my ($text, $envelope) = message();
is_deeply($envelope, { from => 'etl@example.org', to => [ map { "$_\@example.org" } qw(a b c d) ] }, 'its envelope');
like($text, qr/^From: Loads <etl\@example\.org>\r?$/m, 'From');
like($text, qr/^To: a\@example\.org\r?$/m, 'To');
like($text, qr/^Cc: b\@example\.org,\r?\n C <c\@example\.org>\r?$/m, 'Cc');
unlike($text, qr/d\@example\.org/, 'Bcc is not shown');
like($text, qr/^Subject: done\r?$/m, 'Subject');
like($text, qr/^X-Priority: 1\r?$/m, 'priority');
like($text, qr/^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000\r?$/m, 'Date');
like($text, qr/^Message-ID: <.+\@example\.org>\r?$/m, 'Message-ID');
like($text, qr/Line one\r?\nLine two/, 'the text');

Scaleout::Exec::spew("$folder/data.bin", join('', map { chr } 0 .. 255));
Scaleout::Exec::spew("$folder/second.txt", 'second');
$run = mail({ message_source_variable => 'User::report', attachments => ["$folder/data.bin"], file_attachments => "$folder/second.txt|", html => JSON::PP::true,
		subject => "Gr\x{fc}\x{df}e \x{1F600}" });
is($run->{status}, 0, 'attachments') or diag $run->{output};
($text) = message();
like($text, qr/^Subject: =\?UTF-8\?B\?R3LDvMOfZSDwn5iA\?=\r?$/m, 'an encoded subject') or diag $text;
like($text, qr/text\/html/, 'HTML');
like($text, qr/from a variable/, 'text from a variable');
my ($encoded) = $text =~ /filename="data\.bin"(?:.*?)\r?\n\r?\n(.*?)\r?\n--/s;
is(decode_base64($encoded // ''), join('', map { chr } 0 .. 255), 'bytes arrive as they are');
like($text, qr/filename="second\.txt"/, 'both files');

Scaleout::Exec::spew("$folder/text", "from a file\n");
$run = mail({ message_source_connection => 'text', subject => "two\nlines: x" });
is($run->{status}, 0, 'text from a file') or diag $run->{output};
($text) = message();
like($text, qr/from a file/, 'arrives');
like($text, qr/^Subject: two lines: x\r?$/m, 'a line break in the subject adds no header');

# Refusals
$run = mail({ to => 'nobody@example.org' });
like($run->{output}, qr/SO819.*550/s, 'a refused recipient') or diag $run->{output};
$run = mail({ to => 'not an address' });
like($run->{output}, qr/SO825.*not a mail address/, 'an address that is none');
$run = mail({ attachments => ["$folder/missing"] });
like($run->{output}, qr/SO814.*missing/, 'a missing attachment');
$run = mail({}, encryption => 'required');
is($run->{status}, 1, 'encryption that the server cannot do is refused');
my $strict = Scaleout::Servers::python('smtp', user => 'robot', password => 'secret');
$run = mail({}, connection_string => "smtp://127.0.0.1:$strict->{port}", user_name => 'robot', password => 'secret');
is($run->{status}, 0, 'a login') or diag $run->{output};
$run = mail({}, connection_string => "smtp://127.0.0.1:$strict->{port}", user_name => 'robot', password => 'wrong-word');
like($run->{output}, qr/SO817/, 'a refused login has a code') or diag $run->{output};
unlike($run->{output}, qr/ERROR.*wrong-word/, 'and the password is not shown');
my $port = Scaleout::Ports::closed();
$run = mail({}, connection_string => "smtp://127.0.0.1:$port");
like($run->{output}, qr/SO803/, 'nobody listens');
my $quiet = Scaleout::Servers::python('smtp', quiet => 1);
$run = mail({ time_out => '500ms' }, connection_string => "smtp://127.0.0.1:$quiet->{port}");
like($run->{output}, qr/SO806/, 'time-out');
cmp_ok($run->{seconds}, '<', 30, 'soon');

done_testing();
