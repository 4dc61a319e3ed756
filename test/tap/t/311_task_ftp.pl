# The FTP task against FTP, FTPS and SFTP servers: success, refusal, cut
# connection, time-out.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::Exec;
use Scaleout::Ports;
use Scaleout::Servers;

my $big = join('', map { "line $_ of a file that is cut\n" } 1 .. 40000);
my ($true, $false) = (JSON::PP::true, JSON::PP::false);

sub runner
{
	my (%connection) = @_;
	return sub {
		my ($task, %more) = @_;
		return Scaleout::Exec::task(
			{ type => 'ftp', connection => 'drop', %$task },
			connections => [ { name => 'drop', type => 'ftp', %connection, %more } ],
			variables => [ { name => 'files', type => 'object' } ],
			more => [ $task->{files_variable} ? Scaleout::Exec::show('task', 'User::files') : () ]);
	};
}

# What all protocols can do; $files is what the server serves.
sub common
{
	my ($title, $ftp, $files) = @_;
	my $in = tempdir(CLEANUP => 1);
	my $run;

	Scaleout::Exec::spew("$files/$_.csv", "data of $_\n") for qw(a b c);
	Scaleout::Exec::spew("$files/two words.txt", "blank\n");
	Scaleout::Exec::spew("$files/empty.txt", '');
	mkdir "$files/sub";

	$run = $ftp->({ operation => 'receive', remote_path => 'a.csv', local_path => "$in/one.csv" });
	is($run->{status}, 0, "$title: receive one file") or diag $run->{output};
	is(Scaleout::Exec::slurp("$in/one.csv"), "data of a\n", "$title: with its contents");
	$run = $ftp->({ operation => 'receive', remote_path => 'two words.txt', local_path => "$in/" });
	is($run->{status}, 0, "$title: a name with a blank") or diag $run->{output};
	ok(-e "$in/two words.txt", "$title: it is kept");
	$run = $ftp->({ operation => 'receive', remote_path => 'empty.txt', local_path => "$in/empty.txt" });
	is($run->{status}, 0, "$title: an empty file") or diag $run->{output};
	ok(-z "$in/empty.txt" && !-e "$in/empty.txt.part", "$title: is there, without a part");
	$run = $ftp->({ operation => 'receive', remote_path => '?.csv', local_path => $in, files_variable => 'User::files' });
	is($run->{status}, 0, "$title: receive by a pattern") or diag $run->{output};
	is_deeply([ map { Scaleout::Exec::slurp("$in/$_.csv") } qw(a b c) ], [ map { "data of $_\n" } qw(a b c) ], "$title: all three");
	like($run->{output}, qr{"User::files":\["$in/a\.csv","$in/b\.csv","$in/c\.csv"\]}, "$title: and the variable names them");
	$run = $ftp->({ operation => 'receive', remote_path => '*.csv', local_path => $in });
	like($run->{output}, qr/SO831/, "$title: existing files are not replaced");
	unlink "$in/c.csv";
	$run = $ftp->({ operation => 'receive', remote_path => '*.csv', local_path => $in, stop_on_failure => $false });
	is($run->{status}, 1, "$title: without stop_on_failure the task fails as well");
	ok(-e "$in/c.csv", "$title: but the others are received");
	$run = $ftp->({ operation => 'receive', remote_path => '*.csv', local_path => $in, overwrite_file_at_destination => $true });
	is($run->{status}, 0, "$title: they are replaced when asked for") or diag $run->{output};
	$run = $ftp->({ operation => 'receive', remote_path => '*.nothing', local_path => $in });
	like($run->{output}, qr/SO828/, "$title: no file is an error");
	$run = $ftp->({ operation => 'receive', remote_path => '*.nothing', local_path => $in, fail_if_no_files => $false });
	is($run->{status}, 0, "$title: or not") or diag $run->{output};
	$run = $ftp->({ operation => 'receive', remote_path => 'nothing.csv', local_path => "$in/x" });
	is($run->{status}, 1, "$title: a missing file fails");
	like($run->{output}, qr/SO829|SO816/, "$title: with a code");
	ok(!-e "$in/x" && !-e "$in/x.part", "$title: and leaves nothing");
	$run = $ftp->({ operation => 'receive', remote_path => 'a.csv', local_path => "$in/sum", sha256 => sha256_hex("data of a\n") });
	is($run->{status}, 0, "$title: the right checksum") or diag $run->{output};
	$run = $ftp->({ operation => 'receive', remote_path => 'a.csv', local_path => "$in/sum2", sha256 => '0' x 64 });
	like($run->{output}, qr/SO818/, "$title: a wrong one");

	$run = $ftp->({ operation => 'list', remote_path => '*.csv', files_variable => 'User::files' });
	like($run->{output}, qr/"User::files":\[\{[^}]*"name":"a\.csv"/, "$title: list") or diag $run->{output};

	Scaleout::Exec::spew("$in/up$_.dat", "up $_\n") for 1, 2;
	$run = $ftp->({ operation => 'send', local_path => "$in/up1.dat", remote_path => 'sub/first.dat' });
	is($run->{status}, 0, "$title: send one file") or diag $run->{output};
	is(Scaleout::Exec::slurp("$files/sub/first.dat"), "up 1\n", "$title: under its new name");
	ok(!-e "$files/sub/first.dat.part", "$title: no part is left");
	$run = $ftp->({ operation => 'send', local_path => "$in/up2.dat", remote_path => 'sub/first.dat' });
	like($run->{output}, qr/SO831/, "$title: it is not replaced") or diag $run->{output};
	$run = $ftp->({ operation => 'send', local_path => "$in/up2.dat", remote_path => 'sub/first.dat', overwrite_file_at_destination => $true });
	is($run->{status}, 0, "$title: unless asked for") or diag $run->{output};
	is(Scaleout::Exec::slurp("$files/sub/first.dat"), "up 2\n", "$title: replaced");
	$run = $ftp->({ operation => 'send', local_path => "$in/up*.dat", remote_path => 'sub/' });
	is($run->{status}, 0, "$title: send by a pattern") or diag $run->{output};
	ok(-e "$files/sub/up1.dat" && -e "$files/sub/up2.dat", "$title: both");
	$run = $ftp->({ operation => 'delete_remote', remote_path => 'sub/up*.dat' });
	is($run->{status}, 0, "$title: delete by a pattern") or diag $run->{output};
	ok(!-e "$files/sub/up1.dat" && -e "$files/sub/first.dat", "$title: only these");
	$run = $ftp->({ operation => 'delete_remote', remote_path => 'sub/nothing' });
	is($run->{status}, 1, "$title: what is not there is not deleted");
	$run = $ftp->({ operation => 'make_dir_remote', remote_path => 'new one' });
	is($run->{status}, 0, "$title: make a folder") or diag $run->{output};
	ok(-d "$files/new one", "$title: it is there");
	$run = $ftp->({ operation => 'remove_dir_remote', remote_path => 'new one' });
	is($run->{status}, 0, "$title: remove it") or diag $run->{output};
	ok(!-d "$files/new one", "$title: it is gone");
	$run = $ftp->({ operation => 'make_dir_local', local_path => "$in/x/y" });
	ok(-d "$in/x/y", "$title: make a local folder");
	$run = $ftp->({ operation => 'delete_local', local_path => "$in/up*.dat" });
	ok(!-e "$in/up1.dat", "$title: delete local files");
	$run = $ftp->({ operation => 'remove_dir_local', local_path => "$in/x" });
	ok(!-d "$in/x", "$title: remove a local folder");
	return;
}

# FTP
my $server = Scaleout::Servers::python('ftp', cut => 100000);
my $files = "$server->{folder}/files";
my @robot = (user_name => 'robot', password => 'secret');
my $ftp = runner(connection_string => "ftp://127.0.0.1:$server->{port}", @robot);
Scaleout::Exec::spew("$files/cut.txt", $big);
my $in = tempdir(CLEANUP => 1);
my $run = $ftp->({ operation => 'receive', remote_path => 'cut.txt', local_path => "$in/cut.txt" }, retries => 0);
is($run->{status}, 1, 'a cut transfer fails without retries');
like($run->{output}, qr/SO816/, 'with a code');
cmp_ok(-s "$in/cut.txt.part" // 0, '>', 0, 'the part stays');
$run = $ftp->({ operation => 'receive', remote_path => 'cut.txt', local_path => "$in/cut.txt" });
is($run->{status}, 0, 'the next run continues') or diag $run->{output};
is(Scaleout::Exec::slurp("$in/cut.txt"), $big, 'and the file is right');
like(Scaleout::Servers::log_of($server->{folder}), qr/^command REST [1-9]/m, 'from where it was cut');
common('ftp', $ftp, $files);
$run = runner(connection_string => "ftp://127.0.0.1:$server->{port}")->({ operation => 'receive', remote_path => 'a.csv', local_path => "$in/anonymous" });
is($run->{status}, 0, 'anonymous') or diag $run->{output};
$run = runner(connection_string => "ftp://127.0.0.1:$server->{port}/sub")->({ operation => 'receive', remote_path => 'first.dat', local_path => "$in/based" });
is($run->{status}, 0, 'relative to the folder of the connection') or diag $run->{output};
$run = runner(connection_string => "ftp://127.0.0.1:$server->{port}/sub")->({ operation => 'receive', remote_path => '/a.csv', local_path => "$in/absolute" });
is($run->{status}, 0, 'or from the root') or diag $run->{output};
$run = runner(connection_string => "ftp://127.0.0.1:$server->{port}", user_name => 'robot', password => 'wrong-word')->({ operation => 'list', files_variable => 'User::files' });
like($run->{output}, qr/SO817/, 'a refused login has a code');
unlike($run->{output}, qr/ERROR.*wrong-word/, 'and the password is not shown');
$run = runner(connection_string => "ftp://127.0.0.1:$server->{port}", @robot, encryption => 'required')->({ operation => 'list', files_variable => 'User::files' });
is($run->{status}, 1, 'encryption that the server cannot do is refused');

# A server without MLSD
my $old = Scaleout::Servers::python('ftp', no_mlsd => $true);
Scaleout::Exec::spew("$old->{folder}/files/$_.csv", "old $_\n") for qw(a b);
$run = runner(connection_string => "ftp://127.0.0.1:$old->{port}", @robot)->({ operation => 'receive', remote_path => '*.csv', local_path => $in });
is($run->{status}, 0, 'a server without MLSD') or diag $run->{output};
is(Scaleout::Exec::slurp("$in/b.csv"), "old b\n", 'gives its files by NLST');

# FTPS
SKIP:
{
	skip 'Debian\'s python3-openssl is not installed', 2 if system('/usr/bin/python3 -c "import OpenSSL" 2>/dev/null') != 0;
	my $tls = tempdir(CLEANUP => 1);
	system("openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout $tls/key -out $tls/crt 2>/dev/null && cat $tls/key $tls/crt > $tls/pem") == 0 or die 'openssl failed';
	my $secure = Scaleout::Servers::python('ftp', certificate => "$tls/pem");
	my $url = "ftp://127.0.0.1:$secure->{port}";
	Scaleout::Exec::spew("$secure->{folder}/files/s.csv", "safe\n");
	$run = runner(connection_string => $url, @robot, encryption => 'required', ca_file => "$tls/crt")->({ operation => 'receive', remote_path => 's.csv', local_path => "$in/s.csv" });
	is($run->{status}, 0, 'FTP with TLS') or diag $run->{output};
	$run = runner(connection_string => $url, @robot, encryption => 'required')->({ operation => 'receive', remote_path => 's.csv', local_path => "$in/s2.csv" });
	like($run->{output}, qr/SO817.*ca_file/s, 'an unknown certificate is refused, and the hint says what to do');
}

# SFTP
my $ssh = Scaleout::Servers::sftp();
my @key = (user_name => $ssh->{user}, private_key_file => $ssh->{key}, known_hosts_file => $ssh->{known_hosts});
my $sftp = runner(connection_string => "sftp://127.0.0.1:$ssh->{port}$ssh->{files}", @key);
common('sftp', $sftp, $ssh->{files});
Scaleout::Exec::spew("$ssh->{files}/cut.txt", $big);
Scaleout::Exec::spew("$in/resumed.txt.part", substr($big, 0, 30000));
$run = $sftp->({ operation => 'receive', remote_path => 'cut.txt', local_path => "$in/resumed.txt" });
is(Scaleout::Exec::slurp("$in/resumed.txt"), $big, 'sftp: a part of unknown origin is not continued');
my $url = "sftp://127.0.0.1:$ssh->{port}$ssh->{files}/cut.txt";
my $modified = (stat "$ssh->{files}/cut.txt")[9];
Scaleout::Exec::spew("$in/known.txt.part", substr($big, 0, 30000));
Scaleout::Exec::spew("$in/known.txt.part.json", encode_json({ url => $url, identity => length($big) . " $modified" }));
$run = $sftp->({ operation => 'receive', remote_path => 'cut.txt', local_path => "$in/known.txt" });
is(Scaleout::Exec::slurp("$in/known.txt"), $big, 'sftp: the part of the same version is continued');
like($run->{output}, qr/bytes, resumed/, 'from where it ended') or diag $run->{output};
Scaleout::Exec::spew("$in/older.txt.part", 'x' x 30000);
Scaleout::Exec::spew("$in/older.txt.part.json", encode_json({ url => $url, identity => length($big) . ' 1' }));
$run = $sftp->({ operation => 'receive', remote_path => 'cut.txt', local_path => "$in/older.txt" });
is(Scaleout::Exec::slurp("$in/older.txt"), $big, 'sftp: the part of an older version is not');
$run = runner(connection_string => "sftp://127.0.0.1:$ssh->{port}$ssh->{files}", user_name => $ssh->{user}, private_key_file => $ssh->{key}, known_hosts_file => '/dev/null')
  ->({ operation => 'list', files_variable => 'User::files' });
is($run->{status}, 1, 'sftp: an unknown host key is refused');
like($run->{output}, qr/SO817.*known_hosts_file/s, 'and the hint says what to do') or diag $run->{output};
$run = runner(connection_string => "sftp://127.0.0.1:$ssh->{port}", user_name => 'nobody-of-that-name', private_key_file => $ssh->{key}, known_hosts_file => $ssh->{known_hosts})
  ->({ operation => 'list', files_variable => 'User::files' });
like($run->{output}, qr/SO817/, 'sftp: a refused login has a code') or diag $run->{output};

# Nobody there, and silence
my $port = Scaleout::Ports::closed();
my $quiet = Scaleout::Servers::silent();
for my $scheme (qw(ftp sftp))
{
	$run = runner(connection_string => "$scheme://127.0.0.1:$port", @key)->({ operation => 'list', files_variable => 'User::files' });
	like($run->{output}, qr/SO803/, "$scheme: nobody listens");
	$run = runner(connection_string => "$scheme://127.0.0.1:$quiet->{port}", @key)->({ operation => 'list', files_variable => 'User::files', time_out => '500ms' });
	like($run->{output}, qr/SO806/, "$scheme: time_out ends a silent server");
	cmp_ok($run->{seconds}, '<', 30, "$scheme: soon");
}

done_testing();
