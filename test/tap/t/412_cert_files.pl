# scaleout cert and scaleout-worker init: what becomes of files when they exist
# already, and when the program is killed half-way.
use strict;
use warnings;

use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;

my $scaleout = Scaleout::System::program('scaleout');
my $folder = PostgreSQL::Test::Utils::tempdir();
my @pair = ("$folder/a.crt", "$folder/a.key");

sub mode { return sprintf('%04o', (stat($_[0]))[2] & 07777); }
sub left { return grep { /\.new\.\d+$/ } glob("$folder/*"); }

subtest 'files that exist' => sub {
	my $old_umask = umask(0);
	command_ok([ $scaleout, 'cert', 'create', '--name', 'one.example', @pair ], 'create');
	is(mode($pair[1]), '0600', 'the key is private under any umask');
	umask($old_umask);
	my @before = map { slurp_file($_) } @pair;
	command_fails_like([ $scaleout, 'cert', 'create', '--name', 'one.example', @pair ], qr/SO310/, 'nothing is overwritten');
	command_fails_like([ $scaleout, 'cert', 'request', '--name', 'one.example', $pair[0], "$folder/b.key" ], qr/SO310/, 'not by a request either');
	is_deeply([ map { slurp_file($_) } @pair ], \@before, 'the files are as they were');
	ok(!-e "$folder/b.key", 'no key is made for nothing');
	command_like([ $scaleout, 'cert', 'show', $pair[0] ], qr/Thumbprint  [0-9a-f]{64}.*Names       one\.example.*Not before  .*Not after   /s, 'show');
	my $init = [ Scaleout::System::program('scaleout-worker'), 'init', '--directory', $folder, '--master', 'https://localhost:1', '--thumbprint', '0' x 64 ];
	append_to_file("$folder/worker.key", $before[1]);
	command_fails_like($init, qr/SO406.*worker\.key/s, 'init overwrites no key');
	is(slurp_file("$folder/worker.key"), $before[1], 'which is as it was');
	unlink "$folder/worker.key";
};

# Killed at each step of a replacement: never two files that do not fit.
for my $point ('pem_file.certificate_gone', 'pem_file.key_placed')
{
	subtest "killed at $point" => sub {
		plan skip_all => 'built without FAULT_POINTS' if slurp_file($scaleout) !~ /SCALEOUT_FAULT_LOG/;
		my $log = "$folder/fault";
		unlink $log;
		{
			local $ENV{SCALEOUT_FAULT} = "$point=kill";
			local $ENV{SCALEOUT_FAULT_LOG} = $log;
			local $ENV{ASAN_OPTIONS} = 'detect_leaks=0';
			IPC::Run::run([ $scaleout, 'cert', 'create', '--force', '--name', 'two.example', @pair ], '>', '/dev/null', '2>', '/dev/null');
		}
		is(-e $log ? slurp_file($log) : '', "$point\n", 'the fault has fired');
		ok(!-e $pair[0], 'there is no certificate');
		is(mode($pair[1]), '0600', 'there is a key');
		command_ok([ $scaleout, 'cert', 'create', '--name', 'two.example', @pair ], 'the next call completes the pair');
		command_ok([ $scaleout, 'cert', 'check', '--host', 'two.example', @pair ], 'which fits');
		unlink left();
	};
}

subtest 'a request that is signed' => sub {
	my @new = map { "$folder/new.$_" } qw(csr key crt);
	command_like([ $scaleout, 'cert', 'request', '--name', 'db.example', '--name', '192.0.2.10', '--name', '2001:db8::1', @new[ 0, 1 ] ],
		qr/Names       db\.example, 192\.0\.2\.10, 2001:db8::1/, 'request');
	is(mode($new[1]), '0600', 'its key is private');
	# As docs/certificates.md says.
	command_ok([ 'openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650', '-subj', '/CN=our authority',
			'-keyout', "$folder/authority.key", '-out', "$folder/authority.crt" ], 'an authority');
	command_ok([ 'openssl', 'x509', '-req', '-in', $new[0], '-CA', "$folder/authority.crt", '-CAkey', "$folder/authority.key", '-copy_extensions', 'copy',
			'-days', '365', '-out', $new[2] ], 'signs it');
	command_ok([ $scaleout, 'cert', 'check', '--host', $_, @new[ 2, 1 ] ], "it is for $_") for ('db.example', '192.0.2.10', '2001:db8::1');
	command_like([ $scaleout, 'cert', 'show', $new[2] ], qr/Issuer      CN=our authority/, 'show names the authority');
	command_fails_like([ $scaleout, 'cert', 'check', $new[2], $pair[1] ], qr/SO308/, 'another key does not fit');
};

done_testing();
