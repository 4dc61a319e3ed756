# HTTPS, FTPS, SFTP and mail over TLS: success, refusal, cut connection, time-out.
use strict;
use warnings;

use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::Exec;
use Scaleout::Ports;
use Scaleout::Servers;

my $big = join('', map { "line $_ of a file that is cut\n" } 1 .. 40000);
my ($tls, $other) = (Scaleout::Servers::certificate(), Scaleout::Servers::certificate());
my $in = tempdir(CLEANUP => 1);
my $quiet = Scaleout::Servers::silent();
my $nobody = Scaleout::Ports::closed();

sub task
{
	my ($type, $task, %connection) = @_;
	return Scaleout::Exec::task({ type => $type, connection => 'c', %$task },
		connections => [ { name => 'c', type => $type eq 'send_mail' ? 'smtp' : $type, %connection } ],
		variables => [ { name => 'text', type => 'string' } ],
		more => [ $task->{response_variable} ? Scaleout::Exec::show('task', 'User::text') : () ]);
}

# A transfer that reads $path to a file: what every protocol must do. %good is a
# connection that works, $through one that is cut half-way, $stalls one that falls silent.
sub all_of_it
{
	my ($title, $type, $task, $good, $through, $stalls, @refused) = @_;
	my $number = 0;
	my $get = sub { my ($more, %connection) = @_; return task($type, { %$task, local_path => "$in/$title." . ++$number, %$more }, %connection) };
	my $run = $get->({}, %$good);
	is($run->{status}, 0, "$title: success") or diag $run->{output};
	ok(Scaleout::Exec::slurp("$in/$title.$number") eq $big, "$title: and the file is right");
	$run = $get->({}, %$through, retries => 0);
	is($run->{status}, 1, "$title: a cut connection fails without retries") or diag $run->{output};
	like($run->{output}, qr/ERROR +\\task: SO816/, "$title: with a code that says so");
	$run = task($type, { %$task, local_path => "$in/$title.$number" }, %$through);
	is($run->{status}, 0, "$title: the next run gets it") or diag $run->{output};
	ok(Scaleout::Exec::slurp("$in/$title.$number") eq $big, "$title: whole");
	$run = $get->({ time_out => '1s' }, %$stalls);
	like($run->{output}, qr/SO806/, "$title: time_out ends a transfer that stalls") or diag $run->{output};
	$run = $get->({ time_out => '500ms' }, %$good, connection_string => $good->{connection_string} =~ s/:\d+/:$quiet->{port}/r);
	like($run->{output}, qr/SO806/, "$title: time_out ends a silent server") or diag $run->{output};
	$run = $get->({}, %$good, connection_string => $good->{connection_string} =~ s/:\d+/:$nobody/r);
	like($run->{output}, qr/SO803/, "$title: nobody listens") or diag $run->{output};
	for my $refused (@refused)
	{
		my ($what, $pattern, %connection) = @$refused;
		$run = $get->({}, %$good, %connection);
		is($run->{status}, 1, "$title: $what is refused") or diag $run->{output};
		like($run->{output}, $pattern, "$title: with a code, and what to do") or diag $run->{output};
		ok(!-e "$in/$title.$number", "$title: and there is no file");
	}
	return;
}

# HTTPS
{
	my $server = Scaleout::Servers::python('http', certificate => $tls->{pem}, user => 'robot', password => 'secret', cut => { '/cut.txt' => 100000 });
	Scaleout::Exec::spew("$server->{folder}/files/$_.txt", $big) for qw(cut whole);
	my %good = (connection_string => "https://127.0.0.1:$server->{port}/", ca_file => $tls->{crt});
	my $between = Scaleout::Servers::between($server->{port}, 200000, 'cut');
	my $stalls = Scaleout::Servers::between($server->{port}, 200000, 'silent');
	all_of_it('https', 'http', { path => 'whole.txt' }, \%good,
		{ %good, connection_string => "https://127.0.0.1:$between->{port}/" }, { %good, connection_string => "https://127.0.0.1:$stalls->{port}/" },
		[ 'an unknown certificate', qr/SO817.*ca_file/s, ca_file => $other->{crt} ],
		[ 'a host of another name', qr/SO817.*certificate/s, connection_string => "https://localhost:$server->{port}/" ]);
	my $run = task('http', { path => 'cut.txt', local_path => "$in/cut.txt" }, %good);
	is($run->{status}, 0, 'https: a cut download is continued') or diag $run->{output};
	ok(Scaleout::Exec::slurp("$in/cut.txt") eq $big, 'https: and the file is right');
	like(Scaleout::Servers::log_of($server->{folder}), qr/^request GET \/cut\.txt Range=bytes=100000-/m, 'https: from where it was cut');
	$run = task('http', { path => 'private/whole.txt', local_path => "$in/p" }, %good, user_name => 'robot', password => 'wrong-word');
	like($run->{output}, qr/SO817/, 'https: a refused login has a code');
	my $strict = Scaleout::Servers::python('http', certificate => $tls->{pem}, client_authority => $other->{crt});
	Scaleout::Exec::spew("$strict->{folder}/files/a.txt", 'for you only');
	my @strict = (%good, connection_string => "https://127.0.0.1:$strict->{port}/");
	$run = task('http', { path => 'a.txt', response_variable => 'User::text' }, @strict, client_certificate_file => $other->{crt}, client_key_file => $other->{key});
	like($run->{output}, qr/for you only/, 'https: a client certificate') or diag $run->{output};
	$run = task('http', { path => 'a.txt' }, @strict, retries => 0);
	is($run->{status}, 1, 'https: no client certificate') or diag $run->{output};
}

# FTPS: explicit (AUTH TLS) and implicit (ftps://)
SKIP:
{
	skip 'Debian\'s python3-openssl is not installed', 1 if system('/usr/bin/python3 -c "import OpenSSL" 2>/dev/null') != 0;
	for my $implicit (0, 1)
	{
		my ($title, $scheme) = $implicit ? ('ftps', 'ftps') : ('ftp with tls', 'ftp');
		my @options = (certificate => $tls->{pem}, implicit => $implicit ? JSON::PP::true : JSON::PP::false);
		my ($server, $cutting, $stalling) = (Scaleout::Servers::python('ftp', @options), Scaleout::Servers::python('ftp', @options, cut => 100000),
			Scaleout::Servers::python('ftp', @options, stall => 100000));
		Scaleout::Exec::spew("$_->{folder}/files/whole.txt", $big) for $server, $cutting, $stalling;
		my @with = (ca_file => $tls->{crt}, user_name => 'robot', password => 'secret', $implicit ? () : (encryption => 'required'));
		my ($good, $through, $stalls) = map { { connection_string => "$scheme://127.0.0.1:$_->{port}/", @with } } $server, $cutting, $stalling;
		all_of_it($title, 'ftp', { operation => 'receive', remote_path => 'whole.txt' }, $good, $through, $stalls,
			[ 'an unknown certificate', qr/SO817.*ca_file/s, ca_file => $other->{crt} ],
			[ 'a wrong password', qr/SO817/, password => 'wrong-word' ]);
		like(Scaleout::Servers::log_of($cutting->{folder}), qr/^command REST [1-9]/m, "$title: the part was continued");
		Scaleout::Exec::spew("$in/up.dat", $big);
		# libcurl 7.88 loses the tail of most uploads by TLS 1.3: several, to be sure.
		for my $copy (1 .. 5)
		{
			my $run = task('ftp', { operation => 'send', local_path => "$in/up.dat", remote_path => "up$copy.dat" }, %$good);
			is($run->{status}, 0, "$title: send") or diag $run->{output};
			is(-s "$server->{folder}/files/up$copy.dat", length($big), "$title: all of it arrives");
		}
		ok(Scaleout::Exec::slurp("$server->{folder}/files/up1.dat") eq $big, "$title: unchanged");
	}
}

# SFTP, through something that cuts
{
	my $ssh = Scaleout::Servers::sftp();
	my ($between, $stalls) = map { Scaleout::Servers::between($ssh->{port}, 400000, $_) } qw(cut silent);
	my $known = Scaleout::Exec::slurp($ssh->{known_hosts});
	Scaleout::Exec::spew($ssh->{known_hosts}, join('', map { $known =~ s/:$ssh->{port}/:$_/r } $ssh->{port}, $between->{port}, $stalls->{port}));
	Scaleout::Exec::spew("$ssh->{files}/whole.txt", $big);
	my %good = (user_name => $ssh->{user}, private_key_file => $ssh->{key}, known_hosts_file => $ssh->{known_hosts});
	my ($direct, $cut, $silent) = map { { %good, connection_string => "sftp://127.0.0.1:$_$ssh->{files}" } } $ssh->{port}, $between->{port}, $stalls->{port};
	all_of_it('sftp', 'ftp', { operation => 'receive', remote_path => 'whole.txt' }, $direct, $cut, $silent,
		[ 'an unknown host', qr/SO817.*known_hosts_file/s, known_hosts_file => '/dev/null' ],
		[ 'a key that the server does not know', qr/SO817/, private_key_file => "$ssh->{folder}/host" ]);
}

# Mail over TLS
{
	my $folder = tempdir(CLEANUP => 1);
	my %mail = (from => 'a@example.org', to => 'b@example.org', message_source => 'x');
	for my $implicit (0, 1)
	{
		my $title = $implicit ? 'smtps' : 'smtp with STARTTLS';
		my $server = Scaleout::Servers::python('smtp', certificate => $tls->{pem}, implicit => $implicit ? JSON::PP::true : JSON::PP::false);
		my $url = ($implicit ? 'smtps' : 'smtp') . "://127.0.0.1:$server->{port}";
		my $run = task('send_mail', \%mail, connection_string => $url, ca_file => $tls->{crt}, $implicit ? () : (encryption => 'required'));
		is($run->{status}, 0, "$title: a message") or diag $run->{output};
		ok(-e "$server->{folder}/1.eml", "$title: arrives");
		$run = task('send_mail', \%mail, connection_string => $url, ca_file => $other->{crt}, $implicit ? () : (encryption => 'required'));
		like($run->{output}, qr/SO817.*ca_file/s, "$title: an unknown certificate is refused") or diag $run->{output};
		ok(!-e "$server->{folder}/2.eml", "$title: before anything is sent");
	}
	my $cut = Scaleout::Servers::python('smtp', cut => JSON::PP::true);
	my $run = task('send_mail', \%mail, connection_string => "smtp://127.0.0.1:$cut->{port}", encryption => 'none');
	is($run->{status}, 1, 'smtp: a cut connection fails the task') or diag $run->{output};
	like($run->{output}, qr/ERROR +\\task: SO8\d\d .*"c"/s, 'smtp: with a code') or diag $run->{output};
}

done_testing();
