# scaleout.log_file (docs/logs.md): the lines of launcher, master and gateway in a
# file of their own, in the one format, beside the server's log; rotation,
# logrotate, levels, and files that cannot be written.
use strict;
use warnings;

use Cwd qw(realpath);
use IO::Socket::INET;
use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;

my $folder = realpath(PostgreSQL::Test::Utils::tempdir());
my $file = "$folder/master.log";
my $system = Scaleout::System->new('master_log', settings => { 'scaleout.probe_interval' => '200ms', 'scaleout.log_file' => $file });
my $stamp = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/;
my $text = sub { return -e $_[0] ? slurp_file($_[0]) : '' };
sub set
{
	my ($name, $value) = @_;
	$system->sql("ALTER SYSTEM SET $name = '$value'");
	$system->sql('SELECT pg_reload_conf()');
	return;
}

# Somebody who speaks no TLS, so that the gateway has something to say.
sub knock
{
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $system->port) or die $!;
	print $socket "GET / HTTP/1.1\r\n\r\n";
	my $answer = <$socket>;
	close $socket;
	return;
}

my $master = $system->master_pid;
$system->wait_for('the line', sub { $text->($file) =~ /scaleout listens on/ });
like($text->($file), qr/$stamp INFORMATION scaleout-master\[$master\] scaleout master started in database "postgres", epoch \d+\. 0 leases are live\.\n/, 'the master: time, level, program, message and detail');
my $gateway = $system->gateway_pid;
knock();
$system->wait_for('the gateway', sub { $text->($file) =~ /scaleout-gateway\[$gateway\] / });
like($text->($file), qr/$stamp (?:INFORMATION|WARNING) scaleout-gateway\[$gateway\] \S+.*TLS/, 'the gateway under its own name and process');
ok($system->node->log_contains(qr/scaleout gateway: .*TLS/), 'and still in the log of the server');
is((grep { !/^(?:$stamp [A-Z]+ scaleout-(?:master|gateway|launcher|maintenance)\[\d+\] |\t)/ } split /\n/, $text->($file)), 0, 'every line is in the one format');
unlike($text->($file), qr/checkpoint|database system/, 'nobody else writes there');

# A session's error is none of the master's.
$system->node->psql('postgres', 'SELECT 1/0');
unlike($text->($file), qr/division by zero/, 'nor sessions');

# logrotate moves it away.
rename $file, "$file.moved" or die $!;
kill('KILL', $gateway);
$system->wait_for('the next gateway', sub { $text->($file) =~ /scaleout gateway \(PID $gateway\)/ });
unlike($text->("$file.moved"), qr/\(PID $gateway\)/, 'a file that was moved away is begun anew');

$system->wait_for('the gateway', sub { my $new = $system->gateway_pid; $new && $new != $gateway && eval { knock(); 1 } });

# Rotation by size. The gateway writes 20 lines about clients in ten seconds.
set('scaleout.log_rotation_count', 2);
set('scaleout.log_rotation_size', '1kB');
for my $round (1 .. 3)
{
	my $before = $text->("$file.1");
	$system->wait_for("rotation $round", sub { knock(); return $text->("$file.1") ne $before; });
}
ok(-e "$file.2" && !-e "$file.3", 'rotated by size, two are kept');
cmp_ok(-s "$file.1", '<=', 1024, 'none is larger');
set('scaleout.log_rotation_size', '10MB');

# Levels: errors alone.
set('scaleout.log_level', 8);
my $offset = $system->log_size;
$system->wait_for('the setting', sub { $system->sql('SHOW scaleout.log_level') eq '8' });
# The master has taken it when it has written a line to the server's log only.
my $size;
$system->wait_for('a line', sub {
	my $now = -s $file;
	my $seen = () = substr(slurp_file($system->node->logfile), $offset) =~ /scaleout gateway: /g;
	knock();
	my $more = $system->wait_for('one more', sub { knock(); (() = substr(slurp_file($system->node->logfile), $offset) =~ /scaleout gateway: /g) > $seen });
	return -s $file == $now;
});
pass('scaleout.log_level = 8: warnings are in the log of the server only');
set('scaleout.log_level', 126);

# A disk that is full must not hurt the master, and is said once.
my $epoch = $system->epoch;
$offset = $system->log_size;
set('scaleout.log_file', '/dev/full');
my $lines = sub { my $log = substr(slurp_file($system->node->logfile), $offset); return scalar(() = $log =~ /$_[0]/g) };
$system->wait_for('the complaint', sub { knock(); $lines->('scaleout cannot write') });
my $before = $lines->('scaleout gateway: ');
$system->wait_for('more lines', sub { knock(); $lines->('scaleout gateway: ') >= $before + 3 });
my $log = substr(slurp_file($system->node->logfile), $offset);
like($log, qr/WARNING:  scaleout cannot write "scaleout\.log_file": the log file cannot be written/, 'a full disk is said in the log of the server');
like($log, qr/DETAIL:  \/dev\/full: No space left on device/, 'with the reason');
is($lines->('scaleout cannot write'), 1, 'once');
is($system->epoch, $epoch, 'and the master goes on');

# A folder that is not there.
set('scaleout.log_file', '/nowhere/master.log');
$system->wait_for('the complaint', sub { knock(); $lines->('scaleout cannot write "scaleout\.log_file": the log file cannot be opened') });
pass('a folder that is missing: said, too');
set('scaleout.log_file', "$file.good");
$system->wait_for('the file', sub { knock(); -e "$file.good" && -s "$file.good" });
pass('and a good name is used at once');

my ($status, undef, $err) = $system->node->psql('postgres', q{ALTER SYSTEM SET scaleout.log_file = 'master.log'});
like($err, qr/not absolute/, 'a relative name is refused');

$system->stop;
done_testing();
