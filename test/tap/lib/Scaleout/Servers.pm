# Servers for the tests of tasks: HTTP, FTP, SMTP (test/tap/servers/*_server.py, by
# Debian's Python) and SSH, each on a free port of 127.0.0.1 and in a private
# folder; all end with the test, by their process ids.
package Scaleout::Servers;

use strict;
use warnings;

use Carp qw(croak);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use POSIX ();
use Scaleout::Ports;
use Time::HiRes qw(time);

our $timeout = 60;
my @children;

sub wait_for
{
	my ($what, $condition) = @_;
	my $deadline = time() + $timeout;
	while (time() < $deadline)
	{
		my $result = $condition->();
		return $result if $result;
		select(undef, undef, undef, 0.02);
	}
	croak "waited $timeout s in vain for $what";
}

# Start @command with its output in "$folder/log"; returns the process id.
sub spawn
{
	my ($folder, @command) = @_;
	my $pid = fork() // croak "fork: $!";
	if ($pid == 0)
	{
		POSIX::setpgid(0, 0);
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', "$folder/log") or POSIX::_exit(126);
		open(STDERR, '>&', \*STDOUT);
		exec(@command) or POSIX::_exit(127);
	}
	push @children, $pid;
	return $pid;
}

sub log_of { my ($folder) = @_; open(my $file, '<', "$folder/log") or return ''; local $/; return <$file> // ''; }

# A Python server that prints "port N" when it listens. %with becomes its JSON argument.
sub python
{
	my ($name, %with) = @_;
	my $folder = tempdir(CLEANUP => 1);
	my $pid = spawn($folder, '/usr/bin/python3', '-u', "test/tap/servers/${name}_server.py", encode_json({ folder => $folder, %with }));
	my $port = wait_for("$name server", sub { log_of($folder) =~ /^port (\d+)$/m ? $1 : waitpid($pid, POSIX::WNOHANG()) ? croak log_of($folder) : 0 });
	return { pid => $pid, port => $port, folder => $folder };
}

# An SSH server with SFTP for this account: {port, folder, key, known_hosts, user}.
sub sftp
{
	my $folder = tempdir(CLEANUP => 1);
	my $port = Scaleout::Ports::free();
	for my $key (qw(host user))
	{
		system('ssh-keygen', '-q', '-t', 'ecdsa', '-m', 'PEM', '-N', '', '-f', "$folder/$key") == 0 or croak 'ssh-keygen failed';
	}
	system("cp $folder/user.pub $folder/authorized_keys") == 0 or croak 'cp failed';
	mkdir "$folder/files";
	my %setting = (
		Port => $port, ListenAddress => '127.0.0.1', HostKey => "$folder/host", PidFile => "$folder/pid", UsePAM => 'no',
		StrictModes => 'no', AuthorizedKeysFile => "$folder/authorized_keys", PasswordAuthentication => 'no',
		KbdInteractiveAuthentication => 'no', Subsystem => 'sftp internal-sftp -d ' . "$folder/files");
	open(my $file, '>', "$folder/sshd_config") or croak "sshd_config: $!";
	print $file "$_ $setting{$_}\n" for sort keys %setting;
	close($file);
	my $pid = spawn($folder, '/usr/sbin/sshd', '-D', '-e', '-f', "$folder/sshd_config");
	wait_for('sshd', sub { log_of($folder) =~ /Server listening/ ? 1 : waitpid($pid, POSIX::WNOHANG()) ? croak log_of($folder) : 0 });
	open(my $public, '<', "$folder/host.pub") or croak "host.pub: $!";
	my ($type, $key) = split / /, <$public>;
	open(my $known, '>', "$folder/known_hosts") or croak "known_hosts: $!";
	print $known "[127.0.0.1]:$port $type $key\n";
	close($known);
	return {
		pid => $pid, port => $port, folder => $folder, files => "$folder/files", key => "$folder/user",
		known_hosts => "$folder/known_hosts", user => scalar getpwuid($<) };
}

# A certificate for 127.0.0.1 that signs itself: {crt, key, pem (both)}.
sub certificate
{
	my $folder = tempdir(CLEANUP => 1);
	system("openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
		  . " -keyout $folder/key -out $folder/crt 2>/dev/null && cat $folder/key $folder/crt > $folder/pem") == 0 or croak 'openssl failed';
	return { map { $_ => "$folder/$_" } qw(crt key pem) };
}

# Stands between client and port, or a socket's path: the first connection is cut when
# the server has sent so many bytes ($cut), or falls silent there ($silent); later ones
# pass.  Code for $how is given what clients send, and says when a connection is cut.
sub between
{
	my ($port, $bytes, $how) = @_;
	my $socket = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0) or croak "socket: $!";
	my $pid = fork() // croak "fork: $!";
	if ($pid == 0)
	{
		my $left = $bytes;
		$SIG{PIPE} = 'IGNORE';
		while (my $client = $socket->accept)
		{
			my $server = $port =~ m{^/} ? IO::Socket::UNIX->new(Peer => $port) : IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
			POSIX::_exit(1) unless $server;
			my %other = (fileno($client) => $server, fileno($server) => $client);
			my $open = 1;
			while ($open)
			{
				my $ready = '';
				vec($ready, fileno($_), 1) = 1 for $client, $server;
				select($ready, undef, undef, undef);
				for my $from (grep { vec($ready, fileno($_), 1) } $client, $server)
				{
					my $read = sysread($from, my $data, 16384);
					if (!$read || ($from == $client && ref $how && $how->($data))) { $open = 0; last; }
					if ($from == $server && defined $left)
					{
						$left -= $read;
						if ($left < 0)
						{
							$left = undef;
							if ($how eq 'silent') { select(undef, undef, undef, undef) while 1; }
							$open = 0;
							last;
						}
					}
					my $sent = 0;
					while ($sent < $read)
					{
						my $n = syswrite($other{ fileno($from) }, $data, $read - $sent, $sent) or last;
						$sent += $n;
					}
				}
			}
			close($_) for $client, $server;
		}
		POSIX::_exit(0);
	}
	push @children, $pid;
	my $own = $socket->sockport;
	close($socket);
	return { pid => $pid, port => $own };
}

# A listener that accepts and never says a word.
sub silent
{
	my $socket = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0) or croak "socket: $!";
	my $pid = fork() // croak "fork: $!";
	if ($pid == 0)
	{
		my @held;
		while (my $client = $socket->accept) { push @held, $client; }
		POSIX::_exit(0);
	}
	push @children, $pid;
	my $port = $socket->sockport;
	close($socket);
	return { pid => $pid, port => $port };
}

sub stop
{
	my ($server) = @_;
	kill 'KILL', $server->{pid};
	waitpid($server->{pid}, 0);
	@children = grep { $_ != $server->{pid} } @children;
	return;
}

my $owner = $$;

END
{
	if ($$ == $owner)
	{
		local $?;
		for my $pid (@children) { kill 'KILL', $pid; waitpid($pid, 0); }
	}
}

1;
