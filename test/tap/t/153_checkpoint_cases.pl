# The cases of test/fixtures/checkpoint (see its README.md) with checkpoints in the
# catalog: the same lists as by hand.  Every run is an execution of its own;
# CHECKPOINT_OVERRIDE is "continue", because by hand other values go on, too.
# What is about files is left out.
#
# SCALEOUT_CASES: a pattern of the cases to run.
use strict;
use warnings;

use File::Temp qw(tempdir);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::System;

my $system = Scaleout::System->new('checkpoint_cases', settings => { 'scaleout.lease_interval' => '60s', 'fsync' => 'off' });
$system->add_agent('one', settings => { MaxTaskCount => 4 });
$system->sql("SELECT catalog.create_folder('cases')");

my $fixtures = 'test/fixtures/checkpoint';
# Damage of files, and what two packages with one file name do to each other: in
# the catalog a checkpoint belongs to its package.
my %without = map { $_ => 1 } qw(altered truncated newer locked encrypted other_package no_checkpoint_at_all cannot_be_created cannot_be_opened);
my $pattern = $ENV{SCALEOUT_CASES} // '.';

sub canonical { my ($file) = @_; my ($out, $err) = run_command([ Scaleout::System::program('scaleout'), 'format', '--json', $file ]); return decode_json($out); }
sub quote { my ($text) = @_; $text =~ s/'/''/g; return "'$text'"; }
sub spill { my ($file, $text) = @_; open(my $out, '>', $file) or die $!; print $out $text // ''; close $out; return; }

for my $path (sort glob("$fixtures/*"))
{
	my ($name) = $path =~ m{([^/]+?)(?:\.yaml)?$};
	next if $without{$name} || $name !~ /$pattern/ || !(-d $path || $path =~ /\.yaml$/);
	subtest $name => sub { run_case($name, $path) };
}

sub run_case
{
	my ($name, $path) = @_;
	my $folder = tempdir(CLEANUP => 1);
	my %case = (name => $name, folder => $folder, package => $name, max_concurrent => 1, runs => 0, parameters => [], overrides => [], rule => '');
	my @files = -d $path ? grep { !/project\.yaml$/ } glob("$path/*.yaml") : ($path);
	my $text = slurp_file(-d $path ? "$path/project.yaml" : $path);
	my @lines = map { [ $_ =~ /^# (.*?): (.*)$/ ] } grep { /^# .*?: / } (split(/\n(?!#)/, $text))[0] =~ /^(#.*)$/mg;

	$case{max_concurrent} = $_->[1] for grep { $_->[0] eq 'max_concurrent' } @lines;
	my @packages;
	for my $file (@files)
	{
		my $document = canonical($file);
		$document->{max_concurrent_executables} = int($case{max_concurrent});
		push @packages, '(' . quote($document->{name}) . ', ' . quote(JSON::PP->new->canonical->encode($document)) . ')';
	}
	$system->sql("SELECT catalog.deploy_packages('cases', '$name', ARRAY[" . join(', ', @packages) . ']::catalog.package_table_type[])');
	spill("$folder/fail");
	obey(\%case, @$_) for @lines;
	cmp_ok($case{runs}, '>', 0, 'it has a run');
	return;
}

sub obey
{
	my ($case, $word, $value) = @_;
	if ($word eq 'rule') { $case->{rule} = $value; }
	elsif ($word eq 'package') { $case->{package} = $value; }
	elsif ($word eq 'order') { $case->{any_order} = 1; }
	elsif ($word eq 'handlers') { $case->{handlers} = 1; }
	elsif ($word eq 'set') { push @{ $case->{overrides} }, [ split(/=/, $value, 2) ]; }
	elsif ($word eq 'parameter') { push @{ $case->{parameters} }, [ split(/=/, $value, 2) ]; }
	elsif ($word eq 'file') { spill("$case->{folder}/$value"); }
	elsif ($word eq 'no file') { unlink "$case->{folder}/$value"; }
	elsif ($word eq 'folder') { mkdir "$case->{folder}/$value"; }
	elsif ($word eq 'write') { my ($file, $text) = split(/=/, $value, 2); spill("$case->{folder}/$file", $text); }
	elsif ($word eq 'run') { run_once($case, $value); }
	elsif ($word eq 'plan') { plan_case($case, $value); }
	elsif ($word eq 'says') { like($case->{said}, qr/\Q$value\E/, "run $case->{runs} says so") or diag "$case->{rule}\n$case->{said}"; }
	return;
}

# A created execution with the values of the next run.
sub created
{
	my ($case) = @_;
	my $id = $system->sql("SELECT catalog.create_execution('cases', '$case->{name}', '$case->{package}')");
	my @calls = ("SELECT catalog.set_execution_parameter_value($id, 50, 'CHECKPOINT_OVERRIDE', 'continue')",
		"SELECT catalog.set_execution_parameter_value($id, 50, 'LOGGING_LEVEL', 3)",
		"SELECT catalog.set_execution_parameter_value($id, 30, 'folder', '$case->{folder}')");
	push @calls, map {
		my ($scope, $name) = $_->[0] =~ /^(?:\$(Package|Project)::)?(.*)$/;
		"SELECT catalog.set_execution_parameter_value($id, " . (($scope // '') eq 'Project' ? 20 : 30) . ", '$name', " . quote($_->[1]) . ')' } @{ $case->{parameters} };
	push @calls, map { "SELECT catalog.set_execution_property_override_value($id, " . quote($_->[0]) . ', ' . quote($_->[1]) . ', false)' } @{ $case->{overrides} };
	$system->sql(join(";\n", @calls));
	return $id;
}

sub in_order { my ($case, @list) = @_; @list = sort @list if $case->{any_order}; return @list ? join(' | ', @list) : 'nothing'; }

sub run_once
{
	my ($case, $line) = @_;
	my ($list, $result, $state) = $line =~ /^(.*) => (\w+), (\w+)$/ or die "not a run: $line";
	my $id = created($case);

	$case->{runs}++;
	$system->sql("SELECT catalog.start_execution($id)");
	$system->wait_until("SELECT status IN (3, 4, 6, 7) FROM catalog.executions WHERE execution_id = $id");
	my @ran = split(/\n/, $system->sql(qq{
		SELECT s.execution_path || CASE WHEN bool_or(s.execution_result = 1) OVER (PARTITION BY s.execution_path) THEN '!' ELSE '' END
		  FROM catalog.executable_statistics s JOIN catalog.executables x USING (execution_id, executable_id)
		 -- Neither packages nor event handlers.
		 WHERE execution_id = $id AND x.package_path <> '\\Package' AND s.execution_path NOT LIKE '%EventHandlers[%]'
		   AND (s.execution_path NOT LIKE '%EventHandlers[%' OR @{[ $case->{handlers} ? 'true' : 'false' ]})
		 ORDER BY s.start_time, s.sequence DESC}));
	$case->{said} = $system->sql("SELECT concat_ws(' ', event_name, code, message, '(' || to_hex(message_code) || ')') FROM catalog.event_messages WHERE operation_id = $id AND message_type IN (70, 110, 120, 400) ORDER BY event_message_id");
	my $status = { 7 => 'success', 4 => 'failure', 3 => 'canceled', 6 => 'lost' }->{ $system->status($id) };
	my $kept = $system->sql("SELECT count(*) FROM catalog.checkpoints WHERE project_name = '$case->{name}' AND package_name = '$case->{package}'") > 0;
	my $now = $kept ? 'kept' : $case->{said} =~ /SO583/ ? 'discarded' : $state eq 'removed' ? 'removed' : 'none';
	my @expected = $list eq 'nothing' ? () : split(/ \| /, $list);
	is(in_order($case, @ran) . " => $status, $now", in_order($case, @expected) . ' => ' . ($result eq 'completion' ? 'success' : $result) . ", $state", "run $case->{runs}")
	  or diag "$case->{rule}\n$case->{said}";
	$case->{parameters} = [];
	$case->{overrides} = [];
	unlink "$case->{folder}/fail" if $case->{runs} == 1;
	return;
}

sub plan_case
{
	my ($case, $line) = @_;
	my $id = created($case);
	my ($status, $out, $err) = $system->node->psql('postgres', "\\set VERBOSITY verbose\nSELECT action, package_path FROM catalog.restart_plan($id) ORDER BY step");
	my @steps = split(/\n/, $out);
	my $text;

	if ($err =~ /ERROR:  (SO\d+)/) { $text = $1; }
	elsif ((shift @steps) =~ /^refused/) { $text = 'refused'; }
	else { shift @steps; $text = join(' | ', map { my ($action, $path) = split(/\|/, $_, 2); $path =~ s/^\\Package//; "$action $path" } @steps); }
	is($text, $line, "plan after run $case->{runs}") or diag "$case->{rule}\n$err";
	return;
}

$system->stop;
done_testing();
