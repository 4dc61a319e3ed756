# A server with a log database for tests: reached by TCP, login "logger" with a
# password.
#
#   my $log = Scaleout::LogServer->new($system);
#   $log->set;    # catalog.update_logdb_info
#   is($log->differences, '', 'every message is there once');
package Scaleout::LogServer;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use Scaleout::Ports;
use Scaleout::System;

our $password = 'geheim-4711';

sub new
{
	my ($class, $system) = @_;
	my $node = PostgreSQL::Test::Cluster->new('logs', port => Scaleout::Ports::free());
	$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
	$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'\nrestart_after_crash = on\n");
	my $self = bless { node => $node, system => $system }, $class;
	$self->hba('scram-sha-256');
	$node->start;
	$node->safe_psql('postgres', 'CREATE DATABASE logs');
	$self->run_script;
	$self->sql("CREATE ROLE logger LOGIN PASSWORD '$password' IN ROLE ssis_cluster_worker");
	return $self;
}

sub node { return $_[0]{node}; }

# How the login is let in over TCP.
sub hba
{
	my ($self, $method) = @_;
	my $file = $self->{node}->data_dir . '/pg_hba.conf';
	my $text = PostgreSQL::Test::Utils::slurp_file($file);
	$text =~ s/^host.*logger.*\n//mg;
	open(my $out, '>', $file) or die $!;
	print $out "host logs,elsewhere logger 127.0.0.1/32 $method\n$text";
	close $out;
	return;
}

sub sql { my ($self, $sql) = @_; return $self->{node}->safe_psql('logs', $sql); }

# What catalog.log_database_script() returns.
sub run_script
{
	my ($self) = @_;
	return $self->sql($self->{system}->sql('SELECT catalog.log_database_script()'));
}

# %with overrides parts of the connection string.
sub connection
{
	my ($self, %with) = @_;
	my %parts = (host => '127.0.0.1', port => $self->{node}->port, dbname => 'logs', user => 'logger', password => $password, %with);
	return join(' ', map { "$_='$parts{$_}'" } sort keys %parts);
}

# As an administrator who is no superuser, as everybody should.
sub set
{
	my ($self, %with) = @_;
	my $string = $self->connection(%with);
	$string =~ s/'/''/g;
	$self->{system}->sql(q{DO $$ BEGIN IF to_regrole('log_admin') IS NULL THEN CREATE ROLE log_admin IN ROLE ssis_admin; END IF; END $$});
	$self->{system}->sql("SET ROLE log_admin; SELECT catalog.update_logdb_info('loghost', '$string')");
	return;
}

# Nothing waits, and the copy works.
sub wait_copied
{
	my ($self) = @_;
	return $self->{system}->wait_until(q{SELECT coalesce((SELECT state = 'copying' AND waiting_messages = 0 FROM catalog.log_copy), false)});
}

# Messages that are not exactly once in both places, one a line; nothing when all is well.
sub differences
{
	my ($self) = @_;
	my $columns = q{concat_ws('|', event_message_id, operation_id, attempt, sequence, extract(epoch FROM message_time), message_type, md5(message),
		event_name, package_path, percent)};
	my %count;
	$count{$_}++ for split /\n/, $self->{system}->sql("SELECT $columns FROM catalog.event_messages");
	$count{$_}-- for split /\n/, $self->sql("SELECT $columns FROM scaleout_log.event_messages");
	return join("\n", map { "$_: " . ($count{$_} > 0 ? 'missing' : 'too often') } grep { $count{$_} } sort keys %count);
}

1;
