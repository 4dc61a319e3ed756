# The disk of the checkpoint is full: the package fails at the first unit that
# cannot be recorded and says why; what was recorded stays, and with room again a
# restart goes on from there.
use strict;
use warnings;

use File::Temp qw(tempdir);
use IPC::Run;
use JSON::PP;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::Exec;

my $folder = tempdir(CLEANUP => 1);
sub step
{
	my ($name, $bytes, %more) = @_;
	# Appends its name, and fills the variable.
	return { name => $name, type => 'execute_process', executable => '/bin/sh', fail_package_on_failure => JSON::PP::true, %more,
		arguments => [ '-c', "echo $name >> $folder/done; head -c $bytes /dev/zero | tr '\\0' x" ], standard_output_variable => 'User::text' };
}
Scaleout::Exec::spew("$folder/package.yaml", JSON::PP->new->canonical->encode({
	name => 'p', save_checkpoints => JSON::PP::true, checkpoint_usage => 'if_exists', checkpoint_file_name => "$folder/checkpoint",
	variables => [ { name => 'text', type => 'string', value => '' } ],
	executables => [ step('small', 10), step('large', 100_000, after => 'small'), step('last', 10, after => 'large') ] }));

sub run_limited
{
	my ($kilobytes) = @_;
	my $output;
	my $limit = $kilobytes ? "trap '' XFSZ; ulimit -f " . $kilobytes * 2 . ';' : '';    # in units of 512 bytes
	IPC::Run::run([ '/bin/sh', '-c', "$limit exec \"\$0\" exec --plain \"\$1\"", Scaleout::Exec::program(), "$folder/package.yaml" ],
		'<', \undef, '>&', \$output, IPC::Run::timeout($Scaleout::Exec::timeout));
	return { status => $? >> 8, output => $output };
}

my $first = run_limited(32);
is($first->{status}, 1, 'the package fails');
like($first->{output}, qr/ERROR.*SO582.*\Q$folder\E\/checkpoint.*File too large/, 'it names the file and the reason') or diag $first->{output};
is(Scaleout::Exec::slurp("$folder/done"), "small\nlarge\n", 'nothing goes on that could not be recorded');
my $second = run_limited(0);
is($second->{status}, 0, 'with room it succeeds') or diag $second->{output};
is(Scaleout::Exec::slurp("$folder/done"), "small\nlarge\nlarge\nlast\n", 'and runs again only what was not recorded');
ok(!-e "$folder/checkpoint", 'the checkpoint is gone');
ok(!glob("$folder/checkpoint*new*"), 'and nothing is left over');
done_testing();
