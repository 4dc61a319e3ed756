# Symptoms on the server that others cause: restored catalogs, locks, standbys,
# files (docs/troubleshooting.md); and that every result that doctor and
# diagnose_scaleout() can give is one that a test has seen (test/tap/checks.txt).
use strict;
use warnings;

use IO::Socket::INET;
use IPC::Run;
use Test::More;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;
use Scaleout::Symptom;

# ---- the list of what can be said, against the code ------------------------------

# {"doctor|TLS|failed"} of everything that the code can say.
sub said_by_code
{
	my %said;
	for my $file (glob('sql/*.sql'), 'extension/diagnose.c')
	{
		my $text = slurp_file($file);
		$said{"diagnose|$1|warning"} = 1 while $text =~ /"check" := '([^']+)'/g;
		while ($text =~ /diagnose_file\('([^']+)', '([^']+)'\)/g)
		{
			$said{"diagnose|$2|$_"} = 1 for 'ok', $1 eq 'space' ? 'warning' : 'failed';
		}
		while ($text =~ /internal\.finding\(((?:'(?:[^']|'')*'|[^,'()])+), ((?:'\w+'|CASE (?:[^,])*? END|[^,])+),?/g)
		{
			my ($check, $result) = ($1, $2);
			next if $check =~ /^(?:what )?text|^label$|^obstacle\."check"$/;
			die "$file: what is checked in: $check, $result" unless $check =~ /^'((?:[^']|'')+)'$/;
			(my $name = $1) =~ s/''/'/g;
			$said{"diagnose|$name|$_"} = 1 for $result =~ /'(ok|warning|failed)'/g;
		}
	}
	$said{"diagnose|library preloaded|failed"} = 1;
	# It lasts until the next turn of the master.
	delete $said{'diagnose|certificate rotation|ok'};
	for my $file (glob('worker_agent/doctor*.c'))
	{
		my $text = slurp_file($file);
		$said{"doctor|$1|ok"} = 1 while $text =~ /so_doctor_valid\(doctor, "([^"]+)"/g;
		my @folders = $text =~ /check_folder\(&doctor, "([^"]+)"/g;
		while ($text =~ /so_doctor_(?:sayf?|error)\(\s*doctor,\s*("[^"]+"|check),\s*((?:"\w+"|[^,])+),/g)
		{
			my ($check, $result) = ($1, $2);
			my @names = $check eq 'check' ? @folders : $check =~ /"(.*)"/;
			for my $name (@names) { $said{"doctor|$name|$_"} = 1 for $result =~ /"(ok|warning|failed)"/g; }
		}
	}
	# What another endpoint makes up for (worker_agent/doctor.c).
	$said{'doctor|port answers|warning'} = 1;
	return \%said;
}

my %listed;
for my $line (split /\n/, slurp_file('test/tap/checks.txt'))
{
	next if $line =~ /^\s*(#|$)/;
	my ($source, $check, $result, $by) = split /\s*\|\s*/, $line;
	ok(-e "test/tap/t/$by.pl", "checks.txt: there is a test $by") unless $listed{$by}++;
	$listed{"$source|$check|$result"} = 1;
}
my $said = said_by_code();
cmp_ok(scalar(keys %$said), '>', 60, 'the code says many things');
is(join(', ', sort grep { !$listed{$_} } keys %$said), '', 'each of them stands in test/tap/checks.txt with the test that sees it');
is(join(', ', sort grep { /\|/ && !$said->{$_} } keys %listed), '', 'and nothing else does');

# Whoever has only the page finds each of them.
my $page = slurp_file('docs/troubleshooting.md');
my %on_page = map { $_ => 1 } $page =~ /\*([a-zA-Z][^*|\n]+)\*/g, map { split /, / } $page =~ /^\| ([a-z][^|`]+) \|/mg;
(my $joined = $page) =~ s/\n/ /g;
$on_page{$_} = 1 for $joined =~ /\*([a-zA-Z][^*|]{1,40})\*/g;
my %bad = map { (split /\|/)[1] => 1 } grep { !/\|ok$/ } keys %$said;
is(join(', ', sort grep { !$on_page{$_} } keys %bad), '', 'docs/troubleshooting.md names every check that can fail');
my %known = map { (split /\|/)[1] => 1 } keys %$said;
is(join(', ', sort grep { !$known{$_} } $page =~ /(?:doctor|diagnosis), \*([^*]+)\*/gi), '', 'and no other one');

# ---- symptoms ------------------------------------------------------------------------

my $system = Scaleout::System->new('state', allows_streaming => 1,
	settings => { 'scaleout.probe_interval' => '200ms', 'scaleout.master_heartbeat_interval' => '500ms', 'max_prepared_transactions' => 5,
		'scaleout.long_poll_interval' => '500ms' });
my $node = $system->node;
my $security = $node->data_dir . '_scaleout';
my $reload = sub { $system->sql('SELECT pg_reload_conf()') };
my @sessions;
END { local $?; for my $s (@sessions) { eval { $s->kill_kill } } }

# A session that holds something, or waits for it, until it is ended.
sub session
{
	my ($sql) = @_;
	my $out = '';
	my $err = '';
	my $name = 'session ' . (@sessions + 1);
	push @sessions, IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres') . " application_name='$name'", '-c', "$sql; SELECT pg_sleep(600)" ],
		'<', \undef, '>', \$out, '2>', \$err);
	$system->wait_until("SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = '$name' AND (wait_event = 'PgSleep' OR wait_event_type = 'Lock')");
	return;
}
# What comes after one that was not cured says nothing.
sub symptom { my ($name, %with) = @_; Scaleout::Symptom::symptom($system, $name, %with) or die "the symptom stays: $name\n"; return; }
my $diagnose = sub { return Scaleout::Symptom::diagnose($system) };

# A master that has just come, or a busy machine, may take a moment.
my $is_ok = sub {
	my ($check) = @_;
	eval { $system->wait_for("$check to be ok", sub { ($diagnose->()->{$check}{result} // '') eq 'ok' }) };
	is($diagnose->()->{$check}{result}, 'ok', "$check is ok");
};
$is_ok->($_) for 'library preloaded', 'versions', 'server settings', 'catalog enabled', 'catalog bound to this cluster', 'programs installed',
	'security directory', 'space for keys and logs', 'certificate and key', 'thumbprint of the master', 'host name in the certificate', "master's certificate valid",
	'encryption key', 'master alive', 'port open', 'endpoint', 'partitions', 'long transactions';
{
	my @names = map { $_->{check} } Scaleout::Symptom::diagnose_rows($system);
	my @doctor = ('thumbprint of the master', 'host name in the certificate', "master's certificate valid");
	my %place = map { $names[$_] => $_ } 0 .. $#names;
	is_deeply([ sort { $place{$a} <=> $place{$b} } @doctor ], \@doctor, 'what the doctor checks too comes in the same order');
}

symptom('a catalog that was restored from another cluster', make => sub { $system->sql('UPDATE internal.binding SET system_identifier = 1') },
	check => 'catalog bound to this cluster', cause => qr/bound to another cluster: it was restored or copied/, cure => qr/enable_scaleout/);
symptom('a copy of the database', make => sub { $system->sql('UPDATE internal.binding SET database_oid = 1') },
	check => 'catalog bound to this cluster', cause => qr/bound to another database of this cluster/, cure => qr/enable_scaleout/);
symptom('the token file is gone', make => sub { unlink "$security/binding.token" },
	check => 'catalog bound to this cluster', cause => qr/token file .* is missing/, cure => qr/enable_scaleout/);
$system->wait_for('the master', sub { $diagnose->()->{'port open'}{result} eq 'ok' && $diagnose->()->{'master alive'}{result} eq 'ok' });

symptom('the programs are missing', make => sub { $system->sql("ALTER SYSTEM SET scaleout.program_directory = '/no/such/folder'"); $reload->() },
	check => 'programs installed', cause => qr/SO003: .*scaleout-gateway/, cure => qr/Set scaleout\.program_directory = '/);
my $conf = sub { my ($line) = @_; $node->append_conf('postgresql.conf', $line); $reload->() };
symptom('a setting that does not exist', make => sub { $conf->('scaleout.portnumber = 8391') },
	check => 'server settings', cause => qr/There is no setting scaleout\.portnumber/, cure => qr/Correct or remove line \d+ of .*LIKE 'scaleout\.%'/);
symptom('a value that is refused', make => sub { $conf->("scaleout.lease_interval = '2 parsecs'") }, check => 'server settings',
	cause => qr/scaleout\.lease_interval cannot be '2 parsecs': the line is passed over, and \d+ ms is in effect\. It is a number from \d+ to \d+ ms/, cure => qr/Correct or remove line/);
symptom('a file of settings with a mistake', make => sub { $conf->('this is = = no setting') },
	check => 'server settings', cause => qr/The settings cannot be read: syntax error/, cure => qr/Correct or remove line/);
symptom('somebody locks what the master writes', make => sub { session('BEGIN; LOCK TABLE internal.master_state IN EXCLUSIVE MODE') },
	check => 'master alive', cause => qr/puts off its work|has not written LAST_ONLINE_TIME/, cure => qr/SELECT pg_terminate_backend\(\d+\);/);
symptom('somebody locks out readers, too', make => sub { session('BEGIN; LOCK TABLE internal.master_state IN ACCESS EXCLUSIVE MODE') },
	check => 'catalog locked', cause => qr/Session \d+ of \w+ \(BEGIN; LOCK .* has locked internal\.master_state exclusively/, cure => qr/SELECT pg_terminate_backend\(\d+\);/);
symptom('somebody waits to lock out readers, and they wait behind',
	make => sub {
		session('BEGIN; SELECT FROM internal.master_state');
		session('BEGIN; LOCK TABLE internal.master_state IN ACCESS EXCLUSIVE MODE');
	},
	check => 'catalog locked', cause => qr/Session \d+ of \w+ \(BEGIN; LOCK .* waits in front of all others to lock internal\.master_state exclusively/, cure => qr/SELECT pg_terminate_backend\(\d+\);/);
$system->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; SELECT FROM internal.master_state%'");
symptom('a request that is not applied',
	make => sub {
		session('BEGIN; LOCK TABLE internal.master_state IN EXCLUSIVE MODE');
		$system->wait_for('the lock', sub { ($diagnose->()->{'master alive'}{cure} // '') =~ /pg_terminate_backend/ });
		$system->sql("INSERT INTO internal.request (kind, requested_by, requested_time) VALUES ('configure', 'me', now() - interval '5 min')");
	},
	result => 'warning', check => 'requests', cause => qr/has not been applied by the master/, cure => qr/row "master alive"/);
symptom('a synchronous standby that is not there', make => sub { $system->sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'"); $reload->() },
	check => 'synchronous standby', cause => qr/every commit waits/, cure => qr/set synchronous_standby_names = ''/);

my $garbage = "$security/master.crt";
symptom('new settings that the gateway cannot use',
	make => sub { rename $garbage, "$garbage.backup"; append_to_file($garbage, "garbage\n"); $reload->() },
	result => 'warning', check => 'port open', cause => qr/The new settings are not in use/,
	cure => do { my $once = 1; qr/pg_reload_conf\(\);(?{ rename "$garbage.backup", $garbage if $once; $once = 0 })/ });

symptom('a certificate that expires soon', make => sub {
		system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
			. " -keyout $security/master.key -out $security/master.crt 2>/dev/null") == 0 or die 'openssl';
		chmod 0600, "$security/master.key";
		$reload->();
	}, result => 'warning', check => "master's certificate valid", cause => qr/It expires in [89] days/, cure => qr/rotate_master_certificate/);
symptom('the encryption key is gone', make => sub { rename "$security/encryption.key", "$security/encryption.key.backup" },
	check => 'encryption key', cause => qr/SO134.*encryption\.key/, cure => qr/Restore the file from its backup/);
$system->deploy('f', 'p', secret => { parameters => [ { name => 'password', type => 'string', sensitive => JSON::PP::true } ], executables => [] });
my $created = $system->sql("SELECT catalog.create_execution('f', 'p', 'secret')");
$system->sql("SELECT catalog.set_execution_parameter_value($created, 30, 'password', 'secret'::text)");
symptom('another encryption key', make => sub {
		my $key = "$security/encryption.key";
		rename $key, "$key.backup" or die $!;
		system("head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \\n' > $key; echo >> $key; chmod 600 $key") == 0 or die 'key';
	},
	check => 'encryption key', cause => qr/SO136: /, cure => qr/restore the key file/);

my $slot = $system->sql('SELECT coalesce(max(operation_id), 0) / internal.partition_width() FROM internal.operation');
symptom('the next partition was not made', make => sub { $system->sql("DROP TABLE internal.rejected_message_p" . ($slot + 1)) }, result => 'warning',
	check => 'partitions', cause => qr/has not been made ahead/, cure => qr/enable_scaleout/);
symptom('there is no partition', make => sub { $system->sql("DROP TABLE internal.rejected_message_p$slot") },
	check => 'partitions', cause => qr/no partition for the messages/, cure => qr/enable_scaleout/);

# An hour is long for a test: the same rows with another limit.
my $younger = sub { my @rows = @{ JSON::PP->new->decode($system->sql("SELECT coalesce(json_agg(d), '[]') FROM internal.diagnose_server('0 s') d")) };
	Scaleout::Symptom::by_check('diagnose', @rows); return @rows };
symptom('an old transaction', make => sub { session('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1') }, rows => $younger, result => 'warning',
	check => 'long transactions', cause => qr/Session \d+ of \w+, in a transaction since/, cure => qr/pg_terminate_backend/);
symptom('a prepared transaction', make => sub { $system->sql("BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'left'") }, rows => $younger, result => 'warning',
	check => 'long transactions', cause => qr/Prepared transaction "left"/, cure => qr/ROLLBACK PREPARED 'left';/);

symptom('an address that is not in the certificate', make => sub { $system->sql("SELECT catalog.update_master_address('https://no-such-host.invalid:8391')") },
	check => 'address in the certificate', cause => qr/"no-such-host\.invalid" is not one of the names/, cure => qr/rotate_master_certificate/);
{
	$system->wait_for('an address that does not answer', sub { my $r = $diagnose->()->{'address answers'}; $r && $r->{result} eq 'warning' });
	$system->sql("SELECT catalog.update_master_address('https://localhost:" . $system->port . "')");
	ok(eval { $system->wait_for('an address that answers', sub { my $r = $diagnose->(); ($r->{'address answers'}{result} // '') eq 'ok' && $r->{'address in the certificate'}{result} eq 'ok' }) },
		'an address that answers is ok');
	$system->sql('SELECT catalog.update_master_address(NULL)');
}

Scaleout::GatewayStub::make_certificate($system->{folder}, 'silent');
$system->trust("$system->{folder}/silent.crt", 1);
like($diagnose->()->{'worker registered'}{cause}, qr/The worker with certificate [0-9a-f]{64} .* has never registered/, 'a worker that never came is named');
like($diagnose->()->{'worker registered'}{cure}, qr/run systemctl start scaleout-worker; .*scaleout doctor/, 'with what to do on its machine');
my $busy = $system->add_fake_agent('busy');
# It counts as online for a moment after each word.
my $idles = sub { $busy->lease(capacity => 0, wait_ms => 0, reason => 'memory is short (TaskRequestMinMemory)', cpu => 5, memory_free_mb => 10) };
$system->wait_for('a worker that asks for nothing', sub { $idles->(); my $r = $diagnose->()->{load}; $r && $r->{result} eq 'warning' && $r->{cause} =~ /"busy" runs nothing.*TaskRequestMinMemory/ });
pass('a worker that is idle because of its load is named');
ok(eval { $system->wait_for('a worker that is ready', sub { $idles->(); ($diagnose->()->{'workers ready'}{result} // '') eq 'ok' }) }, 'a worker is ready');

# A standby has no master, and says what it needs to have one.
{
	$node->backup('copy');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'copy', has_streaming => 1);
	$standby->start;
	my $other = bless { %$system, node => $standby, agents => {} }, 'Scaleout::System';
	my $keys = $standby->data_dir . '_scaleout';
	my $found = Scaleout::Symptom::diagnose($other);
	like($found->{'master alive'}{cause}, qr/This server is a standby/, 'a standby says so');
	is($found->{'security directory'}{result}, 'failed', 'it has no keys');
	mkdir $keys, 0700;
	$other->{copy_token} = sub { my ($line) = @_; append_to_file("$keys/binding.token", slurp_file("$security/binding.token") . "$line\n"); chmod 0600, "$keys/binding.token" };
	my $row = Scaleout::Symptom::diagnose($other)->{'catalog bound to this cluster'};
	like($row->{cause}, qr/token file .* is missing, or does not list this data directory/, 'nor the token');
	Scaleout::Symptom::apply($other, $row);
	is(Scaleout::Symptom::diagnose($other)->{'catalog bound to this cluster'}{result}, 'ok', 'what it says helps') or diag(explain(Scaleout::Symptom::diagnose($other)->{'catalog bound to this cluster'}));
	$standby->stop;
}

symptom('no slot for a background worker', make => sub { $node->append_conf('postgresql.conf', 'max_worker_processes = 0'); $node->restart },
	check => 'master alive', cause => qr/The launcher does not run/, cure => qr/ALTER SYSTEM SET max_worker_processes = 8; and restart the server/);

# The log copy in its first moment, which lasts as long as there is no master; 430_log_copy.pl has the rest.
$system->sql("SELECT catalog.update_logdb_info('logs', 'host=127.0.0.1 port=1 dbname=logs user=nobody password=none')");
$system->wait_until('SELECT count(*) = 1 FROM internal.log_database');
$system->sql('SELECT * FROM catalog.disable_scaleout()');
$system->wait_for('the master to leave', sub { !$system->master_pid });
$system->sql("UPDATE internal.log_database SET state = 'starting'");
my $copy = $diagnose->()->{'log copy'};
like($copy->{cause}, qr/The copy to log database "logs" has not begun/, 'a copy of the log that has not begun');
like($copy->{cure}, qr/see "master alive"/, 'and why');
$system->sql("UPDATE internal.log_database SET lost_messages = 3, lost_time = now()");
my $lost = $diagnose->()->{'log copy complete'};
like($lost->{cause}, qr/SO259: 3 messages were removed by retention before they were copied/, 'messages that can be copied no more');
like($lost->{cure}, qr/RETENTION_WINDOW/, 'and how it does not happen again');

is(join(', ', Scaleout::Symptom::missing('403_diagnose_state')), '', 'every result that this test is to see was seen');
$system->stop;
done_testing();
