# Large values: what fits is sent in as many answers as it takes, what does not is
# refused or ended with a reason, and the gateway lives through all of it.
use strict;
use warnings;

use Test::More;

use lib 'test/tap/lib';
use Scaleout::System;

my $system = Scaleout::System->new('sizes', settings => { 'scaleout.probe_interval' => '500ms' });
my @names = map { "p$_" } 1 .. 60;
$system->deploy('f', 'p', wide => { executables => [], parameters => [ map { { name => $_, type => 'string', value => '' } } @names ] });
my $gateway = $system->gateway_pid;

# An execution whose first n parameters have a megabyte each.
sub run_wide
{
	my ($n) = @_;
	return $system->sql("SELECT catalog.run_package('f', 'p', 'wide', jsonb_object_agg('p' || n, repeat('x', 1024 * 1024))) FROM generate_series(1, $n) n");
}

my ($status, undef, $error) = $system->node->psql('postgres', q{SELECT catalog.run_package('f', 'p', 'wide', jsonb_build_object('p1', repeat('x', 1024 * 1024 + 1)))});
isnt($status, 0, 'a value of more than a megabyte is refused');
like($error, qr/the value of "p1" has 1048577 bytes.*A value may have 1 MB/s, 'and the refusal says what to do');
($status, undef, $error) = $system->node->psql('postgres', q{BEGIN; SELECT catalog.create_execution('f', 'p', 'wide') AS id \gset
	SELECT catalog.set_execution_property_override_value(:id, '\Package.Properties[Description]', repeat('x', 1024 * 1024 + 1), true)});
like($error, qr/has 1048577 bytes/, 'so is that of a property');

# All wait when the worker comes: more than one answer can hold.
my @fits = map { run_wide(20) } 1 .. 3;
my $too_large = run_wide(60);
my $last = run_wide(1);
$system->add_agent('one');
$system->wait_status($_, 7) for @fits;
pass('sixty megabytes are sent in several answers');
$system->wait_status($too_large, 6);
like($system->messages($too_large), qr/cannot be handed to a worker: values and project have \d+ MB, and a worker is sent at most 48 MB \(SQLSTATE SO230\)/, 'what is too large alone ends, and says why');
$system->wait_status($last, 7);
pass('what comes after it runs');
is($system->gateway_pid, $gateway, 'the gateway has lived through it');
is($system->sql('SELECT count(*) FROM catalog.execution_attempts WHERE attempt > 1'), 0, 'and nothing was tried twice');
$system->stop;
done_testing();
