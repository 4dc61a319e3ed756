# What the client says to names and numbers that are wrong, and by which exit status.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Utils ();
use Test::More;

use lib 'test/tap/lib';
use Scaleout::System;

my $system = Scaleout::System->new('client_answers');

# Exit status, stdout and stderr of scaleout; connection by the environment.
sub scaleout
{
	my (@arguments) = @_;
	my ($out, $err);
	local $ENV{PGHOST} = $system->node->host;
	local $ENV{PGPORT} = $system->node->port;
	local $ENV{PGDATABASE} = 'postgres';
	IPC::Run::run([ Scaleout::System::program('scaleout'), @arguments ], '<', \undef, '>', \$out, '2>', \$err);
	return { status => $? >> 8, out => $out, err => $err };
}

subtest 'an execution' => sub {
	for my $command ([ 'stop', 99 ], [ 'watch', 99 ], [ 'logs', 99 ])
	{
		my $answer = scaleout(@$command);
		is($answer->{status}, 4, "@$command: status 4");
		like($answer->{err}, qr/SO(?:120|904): there is no (?:operation|execution) 99/, 'there is none');
	}
	my $answer = scaleout('stop', 'abc');
	isnt($answer->{status}, 0, 'stop abc');
	like($answer->{err}, qr/"abc".*\nDETAIL:  SQLSTATE 22P02\.\nHINT:  An execution is named by its number: scaleout list shows them/, 'what is wanted');
};

# Two workers of a machine have its name.
subtest 'a worker' => sub {
	my @agents = map { $system->add_fake_agent($_) } qw(one two);
	$_->register for @agents;
	$system->wait_until('SELECT count(*) = 2 FROM catalog.worker_agents');
	my ($machine) = $system->sql('SELECT string_agg(DISTINCT machinename, chr(10)) FROM catalog.worker_agents');
	unlike($machine, qr/\n/, 'both are on one machine');
	my $answer = scaleout('workers', 'remove', $machine);
	is($answer->{status}, 1, 'a name of two is refused');
	like($answer->{err}, qr/SO901: 2 workers have the name "\Q$machine\E"\nDETAIL:  They are .*\bone\b.*\btwo\b.*\nHINT:  Give the id/s, 'with the ids');
	is($system->sql('SELECT count(*) FROM catalog.worker_agents'), 2, 'none was removed');
	my $id = $system->sql("SELECT workeragentid FROM catalog.worker_agents WHERE displayname = 'two'");
	is(scaleout('workers', 'disable', $id)->{status}, 0, 'an id is of one worker');
	$system->wait_until("SELECT NOT isenabled FROM catalog.worker_agents WHERE displayname = 'two'");
	is($system->sql("SELECT isenabled FROM catalog.worker_agents WHERE displayname = 'one'"), 't', 'the other one is as it was');
	is(scaleout('workers', 'enable', 'two')->{status}, 0, 'and so is a display name');
	$answer = scaleout('workers', 'enable', 'three');
	is("$answer->{status} $answer->{err}" =~ /^4 .*SO904: there is no worker "three"/s, 1, 'status 4 without one') or diag(explain $answer);
	like(scaleout('workers', '--plain')->{out}, qr/^worker\s*\|name\s*\|machine\s*\|enabled\|online\|tasks\|/, 'the list says who is online');
};

subtest 'an error code' => sub {
	like(scaleout('errors', $_)->{out}, qr/^SO211  another process/, "errors $_") for 'SO211', 'so211', '211';
	for my $code ('SO999', '9999', '', 'S211')
	{
		my $answer = scaleout('errors', $code);
		is("$answer->{status} $answer->{out}", '4 ', "there is no \"$code\"");
	}
};

$system->stop;
done_testing();
