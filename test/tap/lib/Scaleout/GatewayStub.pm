# A master without a server, for tests of the gateway alone: starts
# scaleout-gateway with a socket pair as descriptor 3 and speaks its frames
# (docs/protocol.md, chapter 3).  Nothing here waits longer than $timeout.
package Scaleout::GatewayStub;

use strict;
use warnings;

use Carp qw(croak);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::SSL;
use POSIX ();
use Socket;
use Time::HiRes qw(time);

our $timeout = 60;

our %FRAME = (
	HELLO => 1, LISTENING => 2, REQUEST => 3, ABANDONED => 4, LOG => 5, FAILED => 6, RELOADED => 7, REFUSED => 8,
	CONFIGURE => 33, TRUST => 34, ANSWER => 35);

# The binary under test: SCALEOUT_GATEWAY, or where SCALEOUT_PREFIX was installed, or build/bin.
sub program
{
	return $ENV{SCALEOUT_GATEWAY} if $ENV{SCALEOUT_GATEWAY};
	if ($ENV{SCALEOUT_PREFIX})
	{
		my ($found) = glob("$ENV{SCALEOUT_PREFIX}/lib/scaleout/*/scaleout-gateway");
		return $found if $found;
	}
	return POSIX::getcwd() . '/build/bin/scaleout-gateway';
}

sub run_quietly
{
	my @command = @_;
	my $pid = fork() // croak "fork: $!";
	if ($pid == 0)
	{
		open(STDOUT, '>', '/dev/null');
		open(STDERR, '>', '/dev/null');
		exec(@command) or POSIX::_exit(127);
	}
	waitpid($pid, 0);
	croak "@command failed" if $? != 0;
	return;
}

# A self-signed certificate "$name.crt" and "$name.key" in $folder; returns its thumbprint (raw).
sub make_certificate
{
	my ($folder, $name, @more) = @_;
	run_quietly('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
		'-nodes', '-days', '30', '-subj', "/CN=$name", '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
		'-keyout', "$folder/$name.key", '-out', "$folder/$name.crt", @more);
	chmod 0600, "$folder/$name.key";
	return thumbprint("$folder/$name.crt");
}

sub thumbprint
{
	my ($file) = @_;
	open(my $pipe, '-|', 'openssl', 'x509', '-in', $file, '-noout', '-fingerprint', '-sha256') or croak $!;
	my $line = <$pipe>;
	close $pipe;
	$line =~ s/.*=//s;
	$line =~ s/[^0-9A-F]//g;
	return pack('H*', $line);
}

# Start a gateway; %options: parent (pid to claim), limit (descriptors), environment.
sub new
{
	my ($class, %options) = @_;
	socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or croak "socketpair: $!";
	my $me = $options{parent} // $$;
	my $pid = fork() // croak "fork: $!";
	if ($pid == 0)
	{
		POSIX::setpgid(0, 0);
		POSIX::dup2(fileno($theirs), 3) if fileno($theirs) != 3;
		if (fileno($theirs) == 3) { require Fcntl; fcntl($theirs, Fcntl::F_SETFD(), 0); }
		my @command = (program(), $me);
		@command = ('prlimit', "--nofile=$options{limit}:$options{limit}", @command) if $options{limit};
		exec(@command) or POSIX::_exit(127);
	}
	close $theirs;
	return bless { socket => $ours, pid => $pid, input => '', frames => [], logs => [] }, $class;
}

sub block { return pack('N/a*', $_[0]); }

sub send_frame
{
	my ($self, $type, $payload) = @_;
	my $bytes = pack('NCCn', length $payload, $type, 0, 0) . $payload;
	while (length $bytes)
	{
		my $written = syswrite($self->{socket}, $bytes) // croak "write to the gateway: $!";
		substr($bytes, 0, $written) = '';
	}
	return;
}

sub configure
{
	my ($self, %with) = @_;
	return $self->send_frame($FRAME{CONFIGURE},
		block($with{addresses} // '127.0.0.1') . pack('n', $with{port} // 0) . block($with{certificate})
		  . block($with{key})
		  . pack('NNN', $with{connections} // 200, $with{idle_ms} // 60000, $with{request_ms} // 20000));
}

sub trust
{
	my ($self, @thumbprints) = @_;
	return $self->send_frame($FRAME{TRUST}, pack('N', scalar @thumbprints) . join('', @thumbprints));
}

sub answer
{
	my ($self, $request, $status, $body) = @_;
	return $self->send_frame($FRAME{ANSWER}, pack('Q>n', $request, $status) . block($body));
}

# One frame as [type, payload]; undef at the end of the stream. Log lines go to logs.
sub read_any
{
	my ($self, $deadline) = @_;
	while (1)
	{
		if (length $self->{input} >= 8)
		{
			my ($length, $type) = unpack('NC', $self->{input});
			if (length $self->{input} >= 8 + $length)
			{
				my $payload = substr($self->{input}, 8, $length);
				substr($self->{input}, 0, 8 + $length) = '';
				push @{ $self->{logs} }, unpack('x N/a*', $payload) if $type == $FRAME{LOG};
				return [ $type, $payload ];
			}
		}
		my $left = $deadline - time();
		croak 'timed out waiting for a frame; log: ' . join(' | ', @{ $self->{logs} }) if $left <= 0;
		next unless IO::Select->new($self->{socket})->can_read($left);
		my $got = sysread($self->{socket}, $self->{input}, 65536, length $self->{input});
		return undef unless $got;
	}
}

# The payload of the next frame of the named type; other frames than logs are kept for later.
sub expect
{
	my ($self, $name) = @_;
	my $deadline = time() + $timeout;
	for my $i (0 .. $#{ $self->{frames} })
	{
		return (splice(@{ $self->{frames} }, $i, 1))->[1] if $self->{frames}[$i][0] == $FRAME{$name};
	}
	while (my $frame = $self->read_any($deadline))
	{
		return $frame->[1] if $frame->[0] == $FRAME{$name};
		push @{ $self->{frames} }, $frame if $frame->[0] != $FRAME{LOG};
	}
	croak "the gateway has gone instead of sending $name; log: " . join(' | ', @{ $self->{logs} });
}

# Wait until a log line matches.
sub expect_log
{
	my ($self, $pattern) = @_;
	my $deadline = time() + $timeout;
	until (grep { $_ =~ $pattern } @{ $self->{logs} })
	{
		my $frame = $self->read_any($deadline) // croak "the gateway has gone instead of logging $pattern";
		push @{ $self->{frames} }, $frame if $frame->[0] != $FRAME{LOG};
	}
	return 1;
}

# The next REQUEST, decoded.
sub expect_request
{
	my ($self) = @_;
	my %request;
	(   @request{qw(request kind thumbprint peer agent_id instance_id epoch capacity wait_ms)}, my $rest)
	  = unpack('Q> C a32 N/a* a16 a16 Q> N N a*', $self->expect('REQUEST'));
	(my $count, $rest) = unpack('N a*', $rest);
	for (1 .. $count)
	{
		my %held;
		(@held{qw(task attempt state)}, $rest) = unpack('a16 N C a*', $rest);
		push @{ $request{held} }, \%held;
	}
	($request{body}, $rest) = unpack('N/a* a*', $rest);
	croak 'bytes are left over in a REQUEST' if length $rest;
	return \%request;
}

sub start
{
	my ($self, %with) = @_;
	$self->{hello} = $self->expect('HELLO');
	$self->configure(%with);
	my ($addresses, $port, $thumbprint) = unpack('N/a* n N/a*', $self->expect('LISTENING'));
	@{$self}{qw(addresses port thumbprint)} = ($addresses, $port, $thumbprint);
	return $port;
}

# Wait for the process; returns its wait status.
sub wait_exit
{
	my ($self) = @_;
	my $deadline = time() + $timeout;
	while (time() < $deadline)
	{
		my $got = waitpid($self->{pid}, POSIX::WNOHANG());
		if ($got == $self->{pid}) { $self->{pid} = 0; return $?; }
		select(undef, undef, undef, 0.01);    # poll
	}
	croak 'the gateway does not end';
}

# Close our end and return the exit status.
sub stop
{
	my ($self) = @_;
	close $self->{socket};
	return $self->wait_exit;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $@, $!);
	close $self->{socket} if $self->{socket};
	if ($self->{pid}) { kill 'KILL', $self->{pid}; waitpid($self->{pid}, 0); }
	return;
}

# ---- clients ------------------------------------------------------------------

# A TLS client; %with: port, name (certificate in folder), folder, and options of IO::Socket::SSL.
# Returns undef and sets $SSL_ERROR when the handshake fails.
sub client
{
	my (%with) = @_;
	my ($folder, $name, $port) = delete @with{qw(folder name port)};
	my $address = delete $with{address} // '127.0.0.1';
	my %identity = $name ? (SSL_cert_file => "$folder/$name.crt", SSL_key_file => "$folder/$name.key") : ();
	return IO::Socket::SSL->new(
		PeerAddr => $address, PeerPort => $port, Timeout => $timeout,
		SSL_verify_mode => SSL_VERIFY_NONE, %identity, %with);
}

sub post
{
	my ($route, $body, %headers) = @_;
	my $more = join '', map { "$_: $headers{$_}\r\n" } sort keys %headers;
	return "POST /ClusterManagement/v1/$route HTTP/1.1\r\nHost: localhost\r\n${more}Content-Type: application/json\r\n"
	  . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}

# One answer: {status, headers, body}, or undef when the connection ends first.
sub read_answer
{
	my ($client) = @_;
	my $deadline = time() + $timeout;
	my $store = \(${*$client}{scaleout_input} //= '');
	$client->blocking(0);
	while (1)
	{
		if ($$store =~ /\A(HTTP\/1\.\d (\d+) [^\r\n]*\r\n(.*?)\r\n\r\n)/s)
		{
			my ($head, $status, $lines) = ($1, $2, $3);
			my %headers = map { /^([^:]+):\s*(.*)$/ ? (lc $1, $2) : () } split /\r\n/, $lines;
			my $length = $headers{'content-length'} // 0;
			if ($status != 100 && length($$store) >= length($head) + $length)
			{
				my $body = substr($$store, length $head, $length);
				substr($$store, 0, length($head) + $length) = '';
				return { status => $status, headers => \%headers, body => $body };
			}
			substr($$store, 0, length $head) = '' if $status == 100;
			next if $status == 100;
		}
		my $got = sysread($client, $$store, 65536, length $$store);
		next if $got;
		return undef if defined $got;
		return undef unless $SSL_ERROR == SSL_WANT_READ || $SSL_ERROR == SSL_WANT_WRITE;
		my $left = $deadline - time();
		croak 'timed out waiting for an answer' if $left <= 0;
		IO::Select->new($client)->can_read($left);
	}
}

# Does the peer close the connection (within the timeout)?
sub closes
{
	my ($client) = @_;
	my $deadline = time() + $timeout;
	$client->blocking(0);
	while ((my $left = $deadline - time()) > 0)
	{
		my $got = sysread($client, my $buffer, 65536);
		next if $got;
		return 1 if defined $got;
		return 1 unless $client->isa('IO::Socket::SSL') ? $SSL_ERROR == SSL_WANT_READ : $!{EAGAIN};
		IO::Select->new($client)->can_read($left);
	}
	return 0;
}

# Write everything; false when the peer has closed.
sub write_all
{
	my ($client, $bytes) = @_;
	my $deadline = time() + $timeout;
	while (length $bytes && time() < $deadline)
	{
		my $written = syswrite($client, $bytes);
		if ($written) { substr($bytes, 0, $written) = ''; next; }
		return 0 unless $SSL_ERROR == SSL_WANT_WRITE || $SSL_ERROR == SSL_WANT_READ;
		IO::Select->new($client)->can_write($deadline - time());
	}
	return length $bytes == 0;
}

1;
