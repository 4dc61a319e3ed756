# Where the master runs: commands on its database, its extension, copies of the
# catalog, and a standby that is promoted.
use strict;
use warnings;

use Test::More;

use lib 'test/tap/lib';
use Scaleout::System;

my $system = Scaleout::System->new('seat', database => 'app', allows_streaming => 1, settings => { 'scaleout.probe_interval' => '1s' });
my $node = $system->node;

# A statement about the database that the master is in, from another one: PostgreSQL refuses it
# when the master has not left within five seconds.
sub makes_it_leave
{
	my ($statement) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $statement);
	return is($status, 0, "$statement: the master leaves in time") || diag $err;
}

sub masters { return $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'scaleout master'"); }

subtest 'RENAME and TEMPLATE' => sub {
	my $epoch = $system->epoch;
	makes_it_leave('ALTER DATABASE app RENAME TO catalog_db');
	$system->{database} = 'catalog_db';
	cmp_ok($system->wait_listening($epoch), '>', $epoch, 'and comes back');
	$epoch = $system->epoch;
	makes_it_leave('CREATE DATABASE copy TEMPLATE catalog_db');
	cmp_ok($system->wait_listening($epoch), '>', $epoch, 'the same for a copy');
	is(masters(), 1, 'there is one master');
	is($node->safe_psql('copy', 'SELECT count(*) FROM internal.binding'), 1, 'the copy has a binding');
	is($node->safe_psql('postgres', "SELECT datname FROM pg_stat_activity WHERE backend_type = 'scaleout master'"), 'catalog_db', 'but the master runs in the original');
};

subtest 'DROP EXTENSION' => sub {
	my $offset = $system->log_size;
	my ($in, $out) = ("BEGIN; DROP EXTENSION scaleout CASCADE; SELECT 'dropped';\n", '');
	my $psql = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('catalog_db') ], '<', \$in, '>', \$out, '2>', \(my $err = ''), IPC::Run::timeout($Scaleout::System::timeout));
	$psql->pump until $out =~ /dropped/;
	ok($system->wait_log(qr/scaleout puts off its work: canceling statement due to lock timeout/, $offset), 'an open DROP only puts work off');
	my $master = $system->master_pid;
	$in .= "ROLLBACK; \\q\n";
	$psql->finish;
	is($system->master_pid, $master, 'after ROLLBACK the master goes on');

	$system->sql('DROP EXTENSION scaleout CASCADE');
	$system->wait_for('the master to leave', sub { masters() == 0 });
	ok($system->wait_log(qr/scaleout master leaves: the extension is not installed/, $offset), 'after the commit it leaves and says why');
	$system->sql('CREATE EXTENSION scaleout');
	$system->enable;
	is(masters(), 1, 'a new extension is served when it is enabled');
};

subtest 'disable and enable' => sub {
	my $epoch = $system->epoch;
	$system->sql('SELECT * FROM catalog.disable_scaleout()');
	$system->wait_for('the master to leave', sub { masters() == 0 });
	pass('the master leaves');
	$system->sql('SELECT * FROM catalog.enable_scaleout()');
	cmp_ok($system->wait_listening($epoch), '>', $epoch, 'and comes back');
};

subtest 'a promoted standby' => sub {
	$node->backup('copy');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'copy', has_streaming => 1);
	$standby->append_conf('postgresql.conf', "scaleout.security_directory = '" . $system->{folder} . "/standby'");
	$standby->start;
	is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'scaleout%'"), 0, 'nothing of ours runs on a standby');
	$node->wait_for_catchup($standby, 'replay', $node->lsn('write'));
	my $epoch = $system->epoch;
	$standby->promote;
	$system->wait_for('the refusal', sub { $standby->log_contains(qr/scaleout does not run in database "catalog_db": the token file does not allow/) });
	pass('without the token file the promoted copy does not run the catalog');

	# The documented step: keys and token, with the data directory of the standby.
	my $from = $node->data_dir . '_scaleout';
	my $to = "$system->{folder}/standby";
	mkdir $to, 0700;
	for my $file (glob("$from/*")) { PostgreSQL::Test::Utils::system_or_bail('cp', '-p', $file, $to); }
	open(my $token, '>>', "$to/binding.token") or die $!;
	print $token 'data_directory=' . $standby->data_dir . "\n";
	close $token;
	$node->stop('fast');
	my $later = $standby->safe_psql('catalog_db', 'SELECT * FROM catalog.enable_scaleout()');
	$system->wait_for('a master on the new primary', sub {
		($standby->safe_psql('catalog_db', 'SELECT epoch FROM internal.master_state') // 0) > $epoch + 1000 });
	pass('with it the new primary does, in a much later epoch');
	$standby->stop('fast');
	$node->start;
	$system->wait_listening;
};

subtest 'DROP DATABASE' => sub {
	makes_it_leave('DROP DATABASE catalog_db');
	is(masters(), 0, 'no master is left');
	makes_it_leave('DROP DATABASE copy');
};

$node->stop('fast');
done_testing();
