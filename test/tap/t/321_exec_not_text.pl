# What programs send need not be text: a variable takes it as text, says so, and
# a restart finds the same value.
use strict;
use warnings;

use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::Exec;

my $folder = tempdir(CLEANUP => 1);
my @flag = (fail_package_on_failure => JSON::PP::true);
my $package = {
	name => 'p', save_checkpoints => JSON::PP::true, checkpoint_usage => 'if_exists', checkpoint_file_name => "$folder/checkpoint",
	variables => [ { name => 'out', type => 'string', value => '' }, { name => 'good', type => 'string', value => '' } ],
	executables => [
		{ name => 'binary', type => 'execute_process', executable => '/usr/bin/printf', arguments => ['a\\0b\\377\\303\\244'], standard_output_variable => 'User::out', @flag },
		{ name => 'text', type => 'execute_process', after => 'binary', executable => '/usr/bin/printf', arguments => ['\\303\\244'], standard_output_variable => 'User::good', @flag },
		{ name => 'fails', type => 'execute_process', after => 'text', executable => '/usr/bin/test', arguments => [ '-e', "$folder/ok" ], @flag },
		{ name => 'length', type => 'expression', after => 'fails', expression => 'LEN(@[User::out]) == 5 && CODEPOINT(SUBSTRING(@[User::out],2,1)) == 65533 && LEN(@[User::good]) == 1 ? 1 : 1 / (LEN(@[User::good]) - 1)', @flag } ] };

my $first = Scaleout::Exec::run($package, folder => $folder);
is($first->{status}, 1, 'the first run fails where it shall');
like($first->{output}, qr/warning\s+\\binary: .*what variable "User::out" was given is not UTF-8 text/i, 'it warns of what is no text');
is(scalar(() = $first->{output} =~ /SO833/g), 1, 'and of nothing else');
Scaleout::Exec::spew("$folder/ok", '');
my $second = Scaleout::Exec::run($package, folder => $folder);
is($second->{status}, 0, 'a restart finds the whole text') or diag $second->{output};
like($second->{output}, qr/\\binary is not run again/, 'without running the program again');
done_testing();
