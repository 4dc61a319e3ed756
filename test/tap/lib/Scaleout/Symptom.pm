# What a test of the troubleshooting guide needs: findings by name, and doing
# what a cure says, as it is written: apply() knows the language of the cures,
# not the symptoms.
#
#   my $found = Scaleout::Symptom::diagnose($system)->{'port open'};
#   my $seen = Scaleout::Symptom::doctor($directory);
#   Scaleout::Symptom::apply($system, $found);
#   Scaleout::Symptom::heal($system, $directory);
package Scaleout::Symptom;

use strict;
use warnings;

use Carp qw(croak);
use IPC::Run ();
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Utils;
use Scaleout::System;
use Test::More ();

# The rows by check; of several with one name the worst.  The rank says which is worse.
my %rank = (ok => 0, warning => 1, failed => 2);

# What was seen in this test: {"doctor|port answers|failed"}, for all_seen().
my %seen;

sub by_check
{
	my ($source, @rows) = @_;
	my %found;
	for my $row (@rows)
	{
		my $known = $found{ $row->{check} };
		$seen{"$source|$row->{check}|$row->{result}"} = 1;
		$found{ $row->{check} } = $row if !$known || $rank{ $row->{result} } > $rank{ $known->{result} };
	}
	return \%found;
}

sub diagnose_rows
{
	my ($system) = @_;
	my $text = $system->sql('SELECT coalesce(json_agg(d), \'[]\') FROM catalog.diagnose_scaleout() d');
	my $rows = JSON::PP->new->decode($text);
	by_check('diagnose', @$rows);
	return @$rows;
}

sub diagnose { my ($system) = @_; return by_check('diagnose', diagnose_rows($system)); }

# The rows of scaleout doctor as they come; the exit status is put into $status.
sub doctor_rows
{
	my ($directory, $status, @more) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ Scaleout::System::program('scaleout'), 'doctor', '--directory', $directory, '--json', @more ], '>', \$out, '2>', \$err);
	$$status = $? >> 8 if $status;
	my $rows = eval { JSON::PP->new->decode($out) } or croak "scaleout doctor: $out$err";
	croak "scaleout doctor complains: $err" if $err ne '';
	by_check('doctor', @$rows);
	return @$rows;
}

# The findings of scaleout doctor by check; exit status in {''}.
sub doctor
{
	my ($directory, @more) = @_;
	my $status;
	my $found = by_check('doctor', doctor_rows($directory, \$status, @more));
	$found->{''} = $status;
	return $found;
}

# The one row of catalog.explain_execution().
sub explain
{
	my ($system, $id) = @_;
	my $row = JSON::PP->new->decode($system->sql("SELECT row_to_json(e) FROM catalog.explain_execution($id) e"));
	$seen{"explain|$row->{reason}"} = 1;
	return $row;
}

# Wait until the row says this, with a cause and a cure; $keep is called before
# each look.  Returns the row.
sub explained
{
	my ($system, $id, $reason, $cause, $cure, $name, $keep) = @_;
	my $row;
	my $seen = eval {
		$system->wait_for($name, sub {
			$keep->() if $keep;
			$row = explain($system, $id);
			return $row->{reason} eq $reason && $row->{cause} =~ $cause && $row->{cure} =~ $cure;
		});
	};
	Test::More::ok($seen, "$name: $reason, the cause is named, and a cure") or Test::More::diag(Test::More::explain($row));
	return $row;
}

# An execution that does not get on: make it, wait until the row says why, do
# what it says, and wait until the execution has succeeded, or the one that the
# row said to run in its place.  %with: make, which returns the execution;
# reason, cause, cure; fixed, what else people would do (the cause of a failure).
sub cured
{
	my ($system, $name, %with) = @_;
	return Test::More::subtest($name => sub {
		my $id = $with{make}->();
		my $row = explained($system, $id, @with{qw(reason cause cure)}, $name, $with{keep});
		$with{fixed}->($row) if $with{fixed};
		delete $system->{run_instead};
		Test::More::ok(eval { apply_some_way($system, $row) }, 'the cure can be done') or Test::More::diag($@, Test::More::explain($row));
		my $then = $system->{run_instead} // $id;
		Test::More::ok(eval { $system->wait_status($then, 7) }, 'and the execution succeeds') or Test::More::diag(Test::More::explain(explain($system, $then)));
		explain($system, $then);
	});
}

# "Name = value" of a worker's settings, in the place of the old line.
sub set_worker
{
	my ($directory, $name, $value) = @_;
	set_in_file("$directory/worker.conf", $name, $value);
	return;
}

sub set_in_file
{
	my ($path, $name, $value) = @_;
	my $text = slurp_file($path);
	$text =~ s/^\s*$name\s*=.*\n//mg;
	open(my $file, '>', $path) or croak "$path: $!";
	print $file "$text$name = $value\n";
	close $file;
	return;
}

# ---- cures ----------------------------------------------------------------------

# systemctl of a machine that has the workers of $system as its services.
sub systemctl
{
	my ($system, $verb) = @_;
	for my $name (keys %{ $system->{agents} })
	{
		my $agent = $system->{agents}{$name};
		if ($verb eq 'reload')
		{
			# ExecReload of the unit.
			my $output = '';
			IPC::Run::run([ Scaleout::System::program('scaleout-worker'), 'reload', '--directory', $agent->{directory} ], '<', \undef, '>&', \$output)
			  or croak "reload: $output";
			next;
		}
		$agent->{pid} = 0 if $agent->{pid} && waitpid($agent->{pid}, POSIX::WNOHANG()) != 0;
		$system->stop_agent($name) if $verb eq 'restart';
		next if $agent->{pid};
		# Like the real one it comes back when it is known how the start went.
		my $offset = (-s $agent->{log}) // 0;
		$system->start_agent($name, 0);
		$system->wait_for('the start of the worker', sub { -e $agent->{log} && substr(slurp_file($agent->{log}), $offset) =~ /registered at|SO\d{3}/ });
	}
	return;
}

# Where the commands are given; what a cure says to copy has been copied there.
our $working_folder = '.';

sub shell
{
	my ($system, $command) = @_;
	return systemctl($system, $1) if $command =~ /^systemctl (start|restart|reload) scaleout-worker$/;
	# The test has made the clock wrong.
	return $system->{set_clock}->() if $command eq 'timedatectl set-ntp true';
	my $node = $system->node;
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => $system->{database},
		PATH => "$ENV{SCALEOUT_PREFIX}/bin:$ENV{PATH}");
	my $output;
	IPC::Run::run([ 'sh', '-c', "cd '$working_folder' && $command" ], '<', \undef, '>&', \$output) or croak "$command: $output";
	return;
}

sub remove_line
{
	my ($path, $number) = @_;
	my @lines = split /^/, slurp_file($path);
	splice @lines, $number - 1, 1;
	open my $file, '>', $path or croak "$path: $!";
	print $file @lines;
	close $file or croak "$path: $!";
	return;
}

# The wrong name in the line that the cause gives.
sub correct_line
{
	my ($cause, $right) = @_;
	my ($wrong, $path, $number) = $cause =~ /"(\w+)" \((\/\S+):(\d+)\)/ or croak "no line is named: $cause";
	my @lines = split /^/, slurp_file($path);
	$lines[ $number - 1 ] =~ s/\b$wrong\b/$right/ or croak "$path:$number has no $wrong";
	open(my $file, '>', $path) or croak "$path: $!";
	print $file @lines;
	close $file;
	return;
}

# scaleout-worker join on a machine that has no worker yet.
sub join_worker
{
	my ($system, $token) = @_;
	my $name = 'joined' . keys %{ $system->{agents} };
	my $directory = "$system->{folder}/$name";
	my $output = '';
	IPC::Run::run([ Scaleout::System::program('scaleout-worker'), 'join', $token, '--directory', $directory, '--display-name', $name ], '<', \undef, '>&', \$output)
	  or croak "join: $output";
	# The sanitizers and this machine may look busy.
	my %settings = (TaskRequestMaxCPU => 100, TaskRequestMaxMemoryPressure => 100, TaskRequestMinMemory => 0);
	set_worker($directory, $_, $settings{$_}) for sort keys %settings;
	my ($id) = slurp_file("$directory/worker.conf") =~ /^\s*AgentId\s*=\s*"?([0-9a-fA-F-]{36})/m;
	return $system->{agents}{$name} = { name => $name, id => $id, directory => $directory, pid => 0, log => "$PostgreSQL::Test::Utils::log_path/agent_$name.log" };
}

# *** stands for a value that the reader knows.
sub statement
{
	my ($system, $sql) = @_;
	$sql =~ s/\*\*\*/$system->{value} \/\/ croak "whose value: $sql"/ge;
	my $answer = $system->sql("SET client_min_messages = warning; $sql");
	$system->{run_instead} = $answer if $sql =~ /catalog\.run_package\(/;
	return $answer;
}

# What a cure may consist of, and how each is done.  $_[0] is the system, $_[1]
# the row, the rest what the pattern has found.
my @language = (
	# The worker's settings: what a statement on the server shows, or a value.
	[ qr/[Ss]et (\w+) in (\/\S+) to what (SELECT [^;]+); shows on the server/,
		sub { my ($system, $row, $name, $file, $sql) = @_; set_in_file($file, $name, $system->sql($sql)) } ],
	[ qr/[Ss]et (\w+) = (\S+) in (\/[^\s;,]+)/, sub { my ($system, $row, $name, $value, $file) = @_; set_in_file($file, $name, $value) } ],
	[ qr/Perhaps you meant (\w+); correct this line/, sub { my ($system, $row, $right) = @_; correct_line($row->{cause}, $right) } ],
	# The server's settings.
	[ qr/[Ss]et ((?:scaleout\.)?[a-z_]+) = ('[^']*'|\d+)/,
		sub { my ($system, $row, $name, $value) = @_; $system->sql("ALTER SYSTEM SET $name = $value") } ],
	[ qr/(SELECT catalog\.create_enrollment_token\(\)); and on [\w' ]+ scaleout-worker join TOKEN/,
		sub { my ($system, $row, $sql) = @_; join_worker($system, statement($system, $sql)) } ],
	[ qr/Correct or remove line (\d+) of (\/\S+) and/, sub { my ($system, $row, $number, $file) = @_; remove_line($file, $number) } ],
	[ qr/[Dd]o what the first row that has failed in SELECT \* FROM catalog\.diagnose_scaleout\(\); says/,
		sub { my ($system) = @_; apply_some_way($system, (grep { $_->{result} eq 'failed' } diagnose_rows($system))[0]) } ],
	[ qr/run scaleout doctor --config (\/\S+)\/worker\.conf; do what the first row that has failed says/, sub { my ($system, $row, $directory) = @_; heal($system, $directory) } ],
	[ qr/Install the same version of scaleout on \S+ as here/, sub { my ($system) = @_; $system->{install}->() } ],
	[ qr/(scaleout logs \d+) shows/, sub { my ($system, $row, $command) = @_; shell($system, $command) } ],
	[ qr/((?:SELECT|CALL|ALTER SYSTEM|ALTER EXTENSION|COMMIT PREPARED|ROLLBACK PREPARED) [^;]+);/, sub { my ($system, $row, $sql) = @_; statement($system, $sql) } ],
	[ qr/[Rr]estart the server/, sub { my ($system) = @_; $system->node->restart } ],
	[ qr/Do what the row "([^"]+)" says/, sub { my ($system, $row, $check) = @_; apply($system, diagnose($system)->{$check}) } ],
	# The test has made the backup.
	[ qr/[Rr]estore the (?:key )?file from its backup|Restore "\/[^"]+" from its backup/,
		sub { my ($system, $row) = @_; my ($file) = "$row->{cause} $row->{cure}" =~ /"(\/[^"]+)"/; rename "$file.backup", $file or croak "$file.backup: $!" } ],
	[ qr/Copy binding\.token from the primary and add the line (data_directory=\S+) to it/,
		sub { my ($system, $row, $line) = @_; $system->{copy_token}->($line) } ],
	[ qr/\b[Rr]un(?: there)?:? ((?:chmod|chown|cp|kill|mv|scaleout|scaleout-worker|systemctl|timedatectl) [^;,]*?)(?=[.;,:]?(?:$|\s+(?:and|then|while|here)\b|[;,:]\s)|\.\s)/m,
		sub { my ($system, $row, $command) = @_; shell($system, $command) } ]);

# The ways that a cure offers: "do this; or do that", "if that does not help".
sub ways { my ($cure) = @_; my @ways = split /(?<=[;,]) (?=or |otherwise |if )|(?<=\.) (?=If |Or |Otherwise )/, $cure; return @ways; }

# Do what a row says, in the order in which it says it; the first way unless
# way => N asks for another one.  Returns how many things were done.
sub apply
{
	my ($system, $row, %with) = @_;
	my $text = (ways($row->{cure}))[ $with{way} // 0 ] // croak "there is no such way: $row->{cure}";
	my $done = 0;
	my $at = 0;
	while ($at < length $text)
	{
		my ($first, $what, @found);
		my $rest = substr($text, $at);
		for my $phrase (@language)
		{
			next unless $rest =~ $phrase->[0] && (!defined $first || $-[0] < $first->[0]);
			$first = [ $-[0], $+[0] ];
			$what = $phrase->[1];
			@found = map { substr($rest, $-[$_], $+[$_] - $-[$_]) } 1 .. $#+;
		}
		last unless $first;
		$what->($system, $row, @found);
		$done++;
		$at += $first->[1];
	}
	croak "nothing in this cure can be done: $text" unless $done;
	return $done;
}

# Of several ways the first that can be done here: nobody has a backup, or another standby.
sub apply_some_way
{
	my ($system, $row) = @_;
	my $ways = ways($row->{cure});
	for my $way (0 .. $ways - 1)
	{
		return 1 if eval { apply($system, $row, way => $way) };
	}
	croak "no way of this cure can be done: $row->{cure}: $@";
}

# What a person does who has only the doctor: look, do what the first row that
# has failed says, look again; at last start the service if it does not run.
# Returns the checks whose cures were applied.
sub heal
{
	my ($system, $directory) = @_;
	my @applied;
	for my $turn (1 .. 8)
	{
		my @rows = doctor_rows($directory);
		my ($row) = grep { $_->{result} eq 'failed' } @rows;
		($row) = grep { $_->{check} eq 'service' && $_->{result} ne 'ok' } @rows unless $row;
		return @applied unless $row;
		# A setting or the trust takes a moment to be in use.
		if (@applied && $applied[-1] eq $row->{check})
		{
			my ($check, $cause) = @{$row}{qw(check cause)};
			eval { $system->wait_for("$check to be cured", sub { my $now = doctor($directory)->{$check}; !$now || $now->{result} eq 'ok' || $now->{cause} ne $cause }) } and next;
			croak "the cure has not helped: $check: $cause $row->{cure}";
		}
		apply_some_way($system, $row);
		push @applied, $row->{check};
	}
	croak "the doctor does not come to an end: @applied";
}

# A symptom on the server: make it, wait until it is seen with the cause and a
# cure, do what the cure says, wait until it is gone.  %with: make, check, cause,
# cure; result (default failed), rows (where the findings come from).
sub symptom
{
	my ($system, $name, %with) = @_;
	my $rows = $with{rows} // sub { diagnose_rows($system) };
	my $find = sub { grep { $_->{check} eq $with{check} && $_->{result} ne 'ok' } $rows->() };
	return Test::More::subtest($name => sub {
		my $row;
		$with{make}->();
		my $seen = eval {
			$system->wait_for($name, sub {
				($row) = grep { $_->{result} eq ($with{result} // 'failed') && $_->{cause} =~ $with{cause} && $_->{cure} =~ $with{cure} } $find->();
				return $row;
			});
		};
		Test::More::ok($seen, "$with{check}: the cause is named, and a cure") or Test::More::diag(Test::More::explain([ $find->() ]));
		Test::More::ok(eval { apply_some_way($system, $row) }, 'the cure can be done') or Test::More::diag($@);
		Test::More::ok(eval { $system->wait_for("the end of: $name", sub { !grep { $_->{cause} =~ $with{cause} } $find->() }) }, 'and ends it')
		  or Test::More::diag(Test::More::explain([ $find->() ]));
	});
}

# ---- what was tested --------------------------------------------------------------

# The reasons of test/tap/explained.txt that this test must have seen, and has not.
sub missing_reasons
{
	my ($test) = @_;
	my %listed = map { /^([^#|]+?)\s*\|\s*(\S+)/ ? ($1 => $2) : () } split /\n/, slurp_file('test/tap/explained.txt');
	return grep { $listed{$_} eq $test && !$seen{"explain|$_"} } sort keys %listed;
}

# The lines of test/tap/checks.txt that this test must have seen, and has not.
sub missing
{
	my ($test) = @_;
	my @missing;
	for my $line (split /\n/, slurp_file('test/tap/checks.txt'))
	{
		next if $line =~ /^\s*(#|$)/;
		my ($source, $check, $result, $by) = split /\s*\|\s*/, $line;
		push @missing, "$source|$check|$result" if $by eq $test && !$seen{"$source|$check|$result"};
	}
	return @missing;
}

1;
