# Symptoms on the server (docs/troubleshooting.md): each is made for real, and
# catalog.diagnose_scaleout() must name its cause and a cure that, applied as it
# is written, ends it.
use strict;
use warnings;

use IO::Socket::INET;
use POSIX ();
use Test::More;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;
use Scaleout::Symptom;

my $system = Scaleout::System->new('server', enable => 0,
	settings => { 'scaleout.probe_interval' => '200ms', 'scaleout.master_heartbeat_interval' => '500ms' });
my $node = $system->node;
my $security = $node->data_dir . '_scaleout';

sub result { my ($check) = @_; my $row = Scaleout::Symptom::diagnose($system)->{$check}; return $row ? $row->{result} : 'absent'; }

# Make the symptom, wait until it is seen, check the words, apply the cure, wait
# until it is gone.
sub symptom
{
	my ($name, %with) = @_;
	subtest $name => sub {
		my $row;
		$with{make}->();
		my $seen = eval {
			$system->wait_for($name, sub {
				$row = Scaleout::Symptom::diagnose($system)->{ $with{check} };
				return $row && $row->{result} eq ($with{result} // 'failed') && $row->{cause} =~ $with{cause};
			});
		};
		ok($seen, "$with{check}: the cause is named") or diag(explain $row);
		like($row->{cure}, $with{cure}, 'and a cure');
		$with{apply} ? $with{apply}->($row->{cure}) : Scaleout::Symptom::apply($system, $row);
		ok(eval { $system->wait_for("the end of: $name", sub { result($with{check}) =~ /^(ok|absent)$/ }) }, 'which ends it')
		  or diag(explain(Scaleout::Symptom::diagnose($system)->{ $with{check} }));
	};
	return;
}

# A master that has just come, or a busy machine, may take a moment.
sub is_ok
{
	my ($check) = @_;
	eval { $system->wait_for("$check to be ok", sub { result($check) eq 'ok' }) };
	return is(result($check), 'ok', "$check is ok");
}

sub reload { $system->sql('SELECT pg_reload_conf()'); return; }

# A certificate with the given life in the place of the master's.
sub put_certificate
{
	my ($from, $to, @names) = @_;
	my $folder = $system->{folder};
	@names = ('localhost') unless @names;
	my $names = join(',', map { "DNS:$_" } @names);
	append_to_file("$folder/ca.conf", "[ca]\ndefault_ca=c\n[c]\nnew_certs_dir=$folder\ndatabase=$folder/index.txt\nrand_serial=yes\n"
		. "default_md=sha256\npolicy=p\nx509_extensions=e\ncopy_extensions=copy\nunique_subject=no\n[p]\ncommonName=supplied\n[e]\nbasicConstraints=CA:FALSE\n")
	  unless -e "$folder/ca.conf";
	append_to_file("$folder/index.txt", '') unless -e "$folder/index.txt";
	unlink "$security/master.key", "$security/master.crt";
	system("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$names[0] -addext subjectAltName=$names"
		. " -keyout $security/master.key -out $folder/csr.pem 2>/dev/null") == 0 or die 'openssl req';
	chmod 0600, "$security/master.key";
	system("openssl ca -batch -notext -selfsign -config $folder/ca.conf -keyfile $security/master.key -in $folder/csr.pem"
		. " -startdate $from -enddate $to -out $security/master.crt 2>/dev/null") == 0 or die 'openssl ca';
	return;
}

$system->sql('CREATE EXTENSION scaleout');
is($system->sql('SELECT count(*) FROM catalog.master_properties'), 0, 'master_properties is empty before anything is enabled');
symptom('scaleout is not enabled, master_properties is empty',
	make => sub { }, check => 'catalog enabled', cause => qr/has not been called in this database/, cure => qr/enable_scaleout/);
$system->wait_listening;
isnt($system->sql("SELECT property_value FROM catalog.master_properties WHERE property_name = 'MASTER_ADDRESS'"), '', 'now it says where the master is');
is_ok($_) for ('master alive', 'port open', 'certificate and key', 'thumbprint of the master', 'encryption key',
	'security directory', 'programs installed', 'partitions', 'versions', 'endpoint');

symptom('scaleout was disabled',
	make => sub { $system->sql('SELECT * FROM catalog.disable_scaleout()') },
	check => 'catalog enabled', cause => qr/scaleout is disabled/, cure => qr/enable_scaleout/);
$system->wait_listening;

symptom('the master cannot reach its catalog: the binding is gone',
	make => sub {
		rename "$security/binding.token", "$security/binding.moved" or die $!;
		my $master = $system->master_pid;
		$system->sql("SELECT pg_terminate_backend($master)");
	},
	check => 'master alive', cause => qr/The master does not run: .*token file/, cure => qr/enable_scaleout/);

symptom('another database is set',
	make => sub { $system->sql("ALTER SYSTEM SET scaleout.database = 'elsewhere'"); reload(); },
	check => 'database of the master', cause => qr/scaleout\.database is "elsewhere"/, cure => qr/Set scaleout\.database = 'postgres'/);
$system->wait_for('the master', sub { result('port open') eq 'ok' });

# Another process has the port; the cure ends it.
my $occupier;
END { local $?; if ($occupier) { kill('KILL', $occupier); waitpid($occupier, 0); } }
my $old_port = $system->port;
symptom('the port is taken by another process',
	make => sub {
		my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1, Proto => 'tcp') or die $!;
		$occupier = fork() // die $!;
		if ($occupier == 0)
		{
			open(STDOUT, '>', '/dev/null');
			open(STDERR, '>', '/dev/null');
			$SIG{TERM} = 'DEFAULT'; # 16 and newer would stop the server of the test
			$listener->accept while 1;
		}
		$system->sql('ALTER SYSTEM SET scaleout.port_number = ' . $listener->sockport);
		reload();
	},
	check => 'port open', cause => qr/SO330: .*in use.*process \d+ \(/s, cure => qr/run kill \d+, .*set scaleout\.port_number/);
ok($occupier && waitpid($occupier, 0) == $occupier && $? == 15, 'the process that was named had it');
$occupier = 0;
$system->sql("ALTER SYSTEM SET scaleout.port_number = $old_port");
reload();
$system->wait_for('the old port', sub { (Scaleout::Symptom::diagnose($system)->{'port open'}{cause} // '') =~ /listens on .*:$old_port\b/ });

symptom('an address that this server does not have',
	make => sub { $system->sql("ALTER SYSTEM SET scaleout.listen_addresses = '192.0.2.77'"); reload(); },
	check => 'port open', cause => qr/SO330: .*192\.0\.2\.77.*Cannot assign requested address/s, cure => qr/This server has no such address\. Set scaleout\.listen_addresses = '\*'/);
$system->sql("ALTER SYSTEM SET scaleout.listen_addresses = '127.0.0.1'");
reload();
$system->wait_for('one address', sub { (Scaleout::Symptom::diagnose($system)->{'port open'}{cause} // '') =~ /listens on 127\.0\.0\.1:\d+\.$/ });
symptom('only this machine can reach the port',
	make => sub { }, result => 'warning', check => 'reachable from other machines', cause => qr/listen_addresses is "127\.0\.0\.1"/,
	cure => qr/listen_addresses = '\*'/);
my $gateway = $system->gateway_pid;
$system->sql('ALTER SYSTEM RESET scaleout.listen_addresses');
reload();
$system->wait_for('the old addresses', sub { my $pid = $system->gateway_pid; $pid && $pid != $gateway && result('port open') eq 'ok' });

symptom('the key can be read by others',
	make => sub { chmod 0644, "$security/master.key" }, check => 'certificate and key', cause => qr/SO307: .*master\.key/,
	cure => qr/chmod 600 \S+master\.key/);
symptom('the key cannot be read by the server',
	make => sub { chmod 0000, "$security/master.key" }, check => 'certificate and key', cause => qr/SO007: .*Permission denied/,
	cure => qr/chmod 600 \S+master\.key/);

symptom('the certificate is not the one bound to the port',
	make => sub { put_certificate('20260101000000Z', '20560101000000Z') },
	check => 'thumbprint of the master', cause => qr/serves the certificate with thumbprint [0-9a-f]{64}, the file holds [0-9a-f]{64}/, cure => qr/pg_reload_conf/);

# One statement cures all of these, also while the certificate has expired.
symptom('the certificate has expired',
	make => sub { put_certificate('20200101000000Z', '20200201000000Z'); reload(); },
	check => "master's certificate valid", cause => qr/expired at 2020-02-01/, cure => qr/SELECT catalog\.rotate_master_certificate\(\); the workers learn/);
symptom('the certificate is not valid yet',
	make => sub { put_certificate('20480101000000Z', '20490101000000Z'); reload(); },
	check => "master's certificate valid", cause => qr/valid from 2048-01-01/, cure => qr/SELECT catalog\.rotate_master_certificate\(\);.*clock/);
symptom('the certificate ends soon',
	make => sub { put_certificate('20200101000000Z', POSIX::strftime('%Y%m%d%H%M%SZ', gmtime(time() + 10.5 * 24 * 3600))); reload(); },
	result => 'warning', check => "master's certificate valid", cause => qr/expires in 10 days/, cure => qr/SELECT catalog\.rotate_master_certificate\(\);/);
ok($system->wait_log(qr/WARNING:  scaleout gateway: .*the certificate in \S+master\.crt expires in 10 days/), 'the server log says that, too');
symptom('the certificate is for another host name',
	make => sub { put_certificate('20260101000000Z', '20560101000000Z', 'old.example', 'other.example'); reload(); },
	check => 'host name in the certificate', cause => qr/SO313.*localhost/, cure => qr/SELECT catalog\.rotate_master_certificate\(\);.*one of its names \(old\.example, other\.example\)/);

symptom('the encryption key is gone',
	make => sub { rename "$security/encryption.key", "$security/encryption.backup" },
	check => 'encryption key', cause => qr/SO134.*encryption\.key/, cure => qr/Restore the file from its backup/,
	apply => sub { rename "$security/encryption.backup", "$security/encryption.key" });

symptom('the security directory is open to others',
	make => sub { chmod 0755, $security }, check => 'security directory', cause => qr/SO135/, cure => qr/chmod 700/);

is(result('worker trusted'), 'failed', 'no worker is trusted');
like(Scaleout::Symptom::diagnose($system)->{'worker trusted'}{cure}, qr/create_enrollment_token\(\);.*scaleout-worker join TOKEN/, 'and it says how to trust one');

# Without the library only one row can be given.
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
my $found = Scaleout::Symptom::diagnose($system);
is_deeply([ keys %$found ], ['library preloaded'], 'without the library there is one row');
like($found->{'library preloaded'}{cure}, qr/Add 'scaleout' to shared_preload_libraries in postgresql\.conf and restart/, 'which says what to do');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'scaleout'");
$node->restart;
is_ok('library preloaded');

is(join(', ', Scaleout::Symptom::missing('400_diagnose_server')), '', 'every result that this test is to see was seen');
$system->stop;
done_testing();
