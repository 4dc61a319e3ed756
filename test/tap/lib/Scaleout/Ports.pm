# TCP ports of 127.0.0.1 for tests, also when many run at once on one machine.
#
#   my $port = Scaleout::Ports::free();      # for a server of ours, which may be restarted
#   my $closed = Scaleout::Ports::closed();  # nobody listens there as long as the test runs
#
# A port from the kernel's own range could be given to any connection between the
# choice and the use, or while the server restarts: free() takes others, and no
# other test gets the same one.
package Scaleout::Ports;

use strict;
use warnings;

use Carp qw(croak);
use IO::Socket::INET;

# Sockets that hold what was given out, until the test ends.
my @held;

# The ports below the range that the kernel gives to connections, or else above it.
sub range
{
	open(my $file, '<', '/proc/sys/net/ipv4/ip_local_port_range') or return (10240, 32767);
	my ($low, $high) = split ' ', <$file>;
	return $low > 12000 ? (10240, $low - 1) : ($high + 1, 65535);
}

sub free
{
	my ($low, $high) = range();
	for (1 .. 1000)
	{
		my $port = $low + int(rand($high - $low + 1));
		# The UDP port of this number is the reservation: it ends with the process, however that ends.
		my $reservation = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1', LocalPort => $port) or next;
		IO::Socket::INET->new(Proto => 'tcp', LocalAddr => '0.0.0.0', LocalPort => $port, Listen => 1) or next;
		push @held, $reservation;
		return $port;
	}
	croak "no port of $low to $high is free";
}

# Bound and not listened on: whoever connects is refused, and nobody else can take it.
sub closed
{
	my $socket = IO::Socket::INET->new(Proto => 'tcp', LocalAddr => '127.0.0.1', LocalPort => 0) or croak "socket: $!";
	push @held, $socket;
	return $socket->sockport;
}

1;
