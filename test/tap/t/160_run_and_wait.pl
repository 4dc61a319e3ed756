# A package that fails makes fail what ran it: CALL run_package_and_wait with psql
# -c and pg_cron, wait_for_operation when asked to, scaleout run --watch; and what
# docs/scheduling.md says.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Utils ();
use Test::More;

use lib 'test/tap/lib';
use Scaleout::System;

# pg_cron starts jobs at the full minute only; a server without it tests the rest.
my $has_cron = -e qx(pg_config --sharedir) =~ s/\s+$//r . '/extension/pg_cron.control';
my %settings = ('scaleout.probe_interval' => '200ms', 'scaleout.master_heartbeat_interval' => '500ms');
%settings = (%settings, 'shared_preload_libraries' => 'scaleout,pg_cron', 'cron.use_background_workers' => 'on') if $has_cron;
my $system = Scaleout::System->new('run_and_wait', settings => \%settings);
$system->deploy('f', 'p',
	good => { executables => [] },
	bad => { executables => [ { name => 'load it', type => 'execute_process', executable => '/bin/false' } ] },
	slow => { executables => [ { name => 'wait', type => 'execute_process', executable => '/bin/sleep', arguments => ['600'] } ] });
$system->add_agent('one');

# Exit status, stdout and stderr of a program; connection by the environment.
sub run_program
{
	my (@command) = @_;
	my ($out, $err);
	local $ENV{PGHOST} = $system->node->host;
	local $ENV{PGPORT} = $system->node->port;
	local $ENV{PGDATABASE} = 'postgres';
	IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err);
	return { status => $? >> 8, out => $out, err => $err };
}

sub psql { my (@statements) = @_; return run_program('psql', '-qAtX', map { ('-c', $_) } @statements); }

my $cron_started;
if ($has_cron)
{
	$system->sql('CREATE EXTENSION pg_cron');
	$system->sql("SELECT cron.schedule('$_->[0]', '* * * * *', \$\$$_->[1]\$\$)")
	  for [ 'fails', "CALL catalog.run_package_and_wait('f', 'p', 'bad')" ], [ 'works', "CALL catalog.run_package_and_wait('f', 'p', 'good')" ];
}

subtest 'psql -c' => sub {
	my $got = psql("CALL catalog.run_package_and_wait('f', 'p', 'good')");
	is($got->{status}, 0, 'success is success');
	like($got->{out}, qr/^\d+\|7$/m, 'with execution and status');
	$got = psql("CALL catalog.run_package_and_wait('f', 'p', 'bad', retry_count => 1)");
	is($got->{status}, 1, 'a package that fails is an error');
	like($got->{err}, qr{^ERROR:  execution \d+ \(f/p/bad\) failed: \\load it: .* \(SO\d+\)$}m, 'which names execution, package and the first error with its code');
	like($got->{err}, qr/^DETAIL:  Status 4 \(failed\), attempt 2 on worker one\.$/m, 'status, attempt and worker');
	like($got->{err}, qr/^HINT:  SELECT \* FROM catalog\.explain_execution\(\d+\) says what to do; scaleout logs \d+/m, 'and what to do');
	my ($explain, $id) = $got->{err} =~ /(SELECT \* FROM catalog\.explain_execution\((\d+)\))/;
	like(psql($explain)->{out}, qr/^4\|failed\|/, 'what the hint says can be done as it stands');
	like(run_program(Scaleout::System::program('scaleout'), 'logs', $id)->{status}, qr/^0$/, 'both');
	$got = psql("CALL catalog.run_package_and_wait('f', 'p', 'bad', raise_on_failure => false)");
	is($got->{status}, 0, 'raise_on_failure => false returns the status');
	like($got->{out}, qr/^\d+\|4$/m, 'that is 4');
};

subtest 'wait_for_operation' => sub {
	my $id = $system->run('f', 'p', 'bad');
	is(psql("CALL catalog.wait_for_operation($id)")->{out}, "4\n", 'waiting for a failure is no failure');
	my $got = psql("CALL catalog.wait_for_operation($id, raise_on_failure => true)");
	is($got->{status}, 1, 'unless asked for');
	like($got->{err}, qr{ERROR:  execution $id \(f/p/bad\) failed: }, 'and it says why');
	$id = $system->run('f', 'p', 'slow');
	$system->wait_status($id, 2);
	$got = psql("CALL catalog.wait_for_operation($id, '10 ms', raise_on_failure => true)");
	like($got->{err}, qr{ERROR:  execution $id \(f/p/slow\) has not ended in time\nDETAIL:  Status 2 \(running\)}, 'a time-out counts as well');
	my ($stop) = $got->{err} =~ /(SELECT catalog\.stop_operation\(\d+\))/;
	is(psql($stop)->{status}, 0, 'its hint stops it');
	$got = psql("CALL catalog.wait_for_operation($id, raise_on_failure => true)");
	like($got->{err}, qr{ERROR:  execution $id \(f/p/slow\) was canceled\nDETAIL:  Status 3, attempt 1 on worker one; it was stopped by }, 'a stop has an error of its own');
	$got = psql("SET search_path = ''", "CALL catalog.wait_for_operation($id, raise_on_failure => true)");
	like($got->{err}, qr/was canceled/, 'whatever the search path is');
};

subtest 'scaleout run and watch' => sub {
	my $scaleout = Scaleout::System::program('scaleout');
	is(run_program($scaleout, 'run', '--watch', 'f/p/good')->{status}, 0, 'success ends with 0');
	my $got = run_program($scaleout, 'run', '--watch', 'f/p/bad');
	is($got->{status}, 1, 'failure with 1');
	my ($id) = $got->{out} =~ /^execution (\d+)$/m;
	is(run_program($scaleout, 'watch', $id)->{status}, 1, 'also when it is watched later');
	is(run_program($scaleout, 'run', '--watch', 'f/p/nothing')->{status}, 4, 'no such package with 4');
	$id = $system->run('f', 'p', 'slow');
	$system->sql("SELECT catalog.stop_operation($id)");
	is(run_program($scaleout, 'watch', $id)->{status}, 3, 'canceled with 3');

	# A restart of the server in between.
	$id = $system->run('f', 'p', 'slow');
	$system->wait_status($id, 2);
	local $ENV{PGHOST} = $system->node->host;
	local $ENV{PGPORT} = $system->node->port;
	my ($out, $err) = ('', '');
	my $watch = IPC::Run::start([ $scaleout, 'watch', '--dbname', 'postgres', $id ], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout($Scaleout::System::timeout));
	$watch->pump until $out =~ /wait/;
	$system->node->stop('fast');
	$watch->pump until $err =~ /connection to the catalog was lost/;
	$system->node->start;
	$system->wait_for('the stop to be taken', sub { eval { $system->sql("SELECT catalog.stop_operation($id)"); 1 } });
	$watch->finish;
	is($watch->result, 3, 'a server that restarts is waited for');
};

# docs/scheduling.md: what it says runs, and fails when the package fails.
sub page_block
{
	my ($first) = @_;
	my $page = PostgreSQL::Test::Utils::slurp_file('docs/scheduling.md');
	return $page =~ /^```[a-z]+\n((?:(?!```).)*\Q$first\E.*?)^```/ms ? $1 : die "docs/scheduling.md has no block with $first";
}

subtest 'docs/scheduling.md' => sub {
	$system->deploy('shop', 'nightly', load => { executables => [ { name => 'load it', type => 'execute_process', executable => '/bin/false' } ] });
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my ($line) = page_block('ExecStart=') =~ /^ExecStart=\/usr\/local\/bin\/(.*)$/m;
	my ($program, @arguments) = split / /, $line;
	is(run_program(Scaleout::System::program($program), @arguments)->{status}, 1, 'ExecStart fails with the package');
	my ($crontab) = page_block('MAILTO=') =~ /^0 2 \* \* \* +\S+ +(.*)$/m;
	is(run_program('sh', '-c', $crontab)->{status}, 1, 'and so does the line of the crontab');
	my ($service, $timer) = page_block('[Timer]') =~ /^(# \/etc\/systemd\/system\/nightly-load.service\n.*?)^(# .*nightly-load.timer\n.*)\z/ms;
	my $prefix = $ENV{SCALEOUT_PREFIX};
	$service =~ s{/usr/local/bin/}{$prefix/bin/};
	for ([ service => $service ], [ timer => $timer ])
	{
		open(my $file, '>', "$folder/nightly-load.$_->[0]") or die $!;
		print $file $_->[1];
	}
	SKIP:
	{
		skip 'there is no systemd-analyze', 1 unless grep { -x "$_/systemd-analyze" } split /:/, $ENV{PATH};
		my $got = run_program('systemd-analyze', 'verify', "$folder/nightly-load.service", "$folder/nightly-load.timer");
		unlike($got->{err}, qr/nightly-load/, 'systemd has nothing to say about the units');
	}
	$system->sql(page_block('cron.schedule')) if $has_cron;
	is($system->sql("SELECT count(*) FROM cron.job WHERE jobname = 'nightly load'"), 1, 'pg_cron takes the job') if $has_cron;
	my ($call) = page_block('cron.schedule') =~ /\$\$(CALL .*?)\$\$/s;
	is(psql($call)->{status}, 1, 'and its statement fails with the package');
};

subtest 'pg_cron' => sub {
	plan skip_all => 'pg_cron is not installed' unless $has_cron;
	# A minute may have begun while the server was restarted, which fails whatever job runs then.
	my %of;
	local $Scaleout::System::timeout = 300;
	$system->wait_for('pg_cron to run its jobs', sub {
		%of = map { my ($name, $status, $message) = split /\|/, $_, 3; ($name => [ $status, $message ]) }
		  split /\n/, $system->sql("SELECT DISTINCT ON (jobname) jobname, status, replace(return_message, E'\\n', ' ') FROM cron.job_run_details JOIN cron.job USING (jobid)"
			. " WHERE job_run_details.status IN ('succeeded', 'failed') AND start_time > pg_postmaster_start_time() ORDER BY jobname, runid");
		return $of{works} && $of{fails};
	});
	is($of{works}[0], 'succeeded', 'the package that succeeded is a job that succeeded');
	is($of{fails}[0], 'failed', 'the one that failed has failed');
	like($of{fails}[1], qr{execution \d+ \(f/p/bad\) failed: \\load it: }, 'and cron.job_run_details says why');
	$system->sql("SELECT cron.unschedule('fails'), cron.unschedule('works')");
};

$system->stop;
done_testing();
