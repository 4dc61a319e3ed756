# An agent played by the test: a certificate, and the requests of
# docs/protocol.md.  Each request is a Perl structure, each answer
# {status => 200, json => {...}}.
package Scaleout::FakeAgent;

use strict;
use warnings;

use Carp qw(croak);
use JSON::PP;
use Scaleout::GatewayStub;

my $count = 0;

# A UUID that no other agent of this test process has.
sub make_uuid
{
	$count++;
	return sprintf('%08x-%04x-4000-8000-%012x', time() & 0xffffffff, $$ & 0xffff, $count);
}

sub new
{
	my ($class, $system, $name) = @_;
	Scaleout::GatewayStub::make_certificate($system->{folder}, $name);
	return bless {
		system => $system, name => $name, folder => $system->{folder}, certificate => "$system->{folder}/$name.crt",
		id => make_uuid(), instance => make_uuid(), epoch => 0, task_types => [], held => {} }, $class;
}

# Send a request on a connection of its own and return the connection; answer() reads it.
sub send
{
	my ($self, $route, $body) = @_;
	my $client = Scaleout::GatewayStub::client(port => $self->{system}->port, folder => $self->{folder}, name => $self->{name})
	  or croak 'cannot connect to the gateway';
	my $text = encode_json({ agent_id => $self->{id}, instance_id => $self->{instance}, %$body });
	Scaleout::GatewayStub::write_all($client, Scaleout::GatewayStub::post($route, $text)) or croak 'the gateway closed the connection';
	return $client;
}

sub answer
{
	my ($self, $client) = @_;
	my $answer = Scaleout::GatewayStub::read_answer($client) or return { status => 0, json => {} };
	my $json = eval { decode_json($answer->{body}) };
	return { status => $answer->{status}, json => $json // {}, code => $json && $json->{error} ? $json->{error}{code} : '' };
}

sub call { my ($self, $route, $body) = @_; return $self->answer($self->send($route, $body)); }

# What is listed in the next requests: task => [attempt, state].
sub held
{
	my ($self) = @_;
	return [ map { { task => $_, attempt => $self->{held}{$_}[0], state => $self->{held}{$_}[1] } } sort keys %{ $self->{held} } ];
}

sub hold { my ($self, $task, $state) = @_; $self->{held}{ $task->{task} } = [ $task->{attempt}, $state // 'running' ]; return; }
sub drop { my ($self, $task) = @_; delete $self->{held}{ $task->{task} }; return; }

sub register
{
	my ($self, %with) = @_;
	my $answer = $self->call('register', {
		protocol => 1, version => '0.1.0', display_name => $self->{name}, description => '', machine_name => 'localhost',
		user_account => 'test', max_task_count => 10, capabilities => { package_format => [1], task_types => $self->{task_types} },
		held => $self->held, %with });
	$self->{epoch} = $answer->{json}{epoch} if $answer->{status} == 200;
	return $answer;
}

# The body of a poll, for send(); %with: capacity, wait_ms.
sub poll_body
{
	my ($self, %with) = @_;
	return { epoch => $self->{epoch}, capacity => 1, wait_ms => 1000, held => $self->held, %with };
}

sub lease { my ($self, %with) = @_; return $self->call('lease', $self->poll_body(%with)); }

# Poll until there is a task; holds it and returns it.
sub take
{
	my ($self) = @_;
	return $self->{system}->wait_for("a task for $self->{name}", sub {
		my $answer = $self->lease;
		croak "lease answered $answer->{status} $answer->{code}" if $answer->{status} != 200;
		my $task = $answer->{json}{tasks}[0] or return 0;
		$self->hold($task);
		return $task;
	});
}

sub report
{
	my ($self, @items) = @_;
	return $self->call('report', { epoch => $self->{epoch}, held => $self->held, items => \@items });
}

# Items for a task; the sequence counts up.
sub item
{
	my ($self, $task, $type, %with) = @_;
	return { task => $task->{task}, attempt => $task->{attempt}, sequence => ++$task->{sequence}, type => $type, %with };
}

# The items of a whole run that ends with the status (7, 4 or 3).
sub items_of_run
{
	my ($self, $task, $status) = @_;
	return ($self->item($task, 'started', process_id => $$, machine_name => 'localhost', cpu_count => 1, time => '2026-01-31T00:00:00Z'),
		$self->item($task, 'result', status => $status, outcome => 'package', error_count => 0, warning_count => 0,
			time => '2026-01-31T00:00:01Z'));
}

# Does the answer carry this command for the task?
sub commanded
{
	my ($answer, $command, $task) = @_;
	return scalar grep { $_->{command} eq $command && $_->{task} eq $task->{task} && $_->{attempt} == $task->{attempt} } @{ $answer->{json}{commands} // [] };
}

1;
