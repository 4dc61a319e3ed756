# scaleout exec without any server: dtexec's options and exit codes.
use strict;
use warnings;

use File::Temp qw(tempdir);
use POSIX ();
use Test::More;

use lib 'test/tap/lib';
use Scaleout::Exec;

my $folder = tempdir(CLEANUP => 1);
my $package = Scaleout::Exec::spew("$folder/p.yaml", <<'YAML');
name: p
parameters: [{name: limit, type: int32, value: 1}]
variables: [{name: x, type: int32, value: 2}, {name: zero, type: int32, value: 0}]
connections: [{name: c, type: file, connection_string: /nowhere}]
executables:
  - {name: look, type: expression, expression: "@[User::x] = @[User::x] * 10 + @[$Package::limit]"}
  - {name: after look, type: no_operation, after: look}
  - {name: divide, type: expression, after: look, disable: true, expression: "@[User::x] = 1 / @[User::zero]"}
YAML

sub exec_with
{
	my @arguments = @_;
	my $program = Scaleout::Exec::program();
	my $pid = open(my $pipe, '-|') // die "fork: $!";
	if ($pid == 0)
	{
		open(STDERR, '>&', \*STDOUT);
		chdir $folder;
		exec $program, 'exec', @arguments or POSIX::_exit(126);
	}
	local $/;
	my $output = <$pipe> // '';
	close($pipe);
	return ($? >> 8, $output);
}

sub check
{
	my ($name, $expected, $pattern, @arguments) = @_;
	my ($status, $output) = exec_with(@arguments);
	is($status, $expected, "$name: exit code $expected") or diag $output;
	like($output, $pattern, "$name: output") if $pattern;
	return $output;
}

check('plain run', 0, qr/success +\\look.*Package succeeded/s, 'p.yaml');
check('dtexec spelling', 0, qr/Package succeeded/, '/File', 'p.yaml', '/Set', '\Package\divide.Disable;true', '/Rep', 'P');
check('a failing package', 1, qr/ERROR +\\divide: SO706.*Package failed/s, 'p.yaml', '--set', '\Package\divide.Properties[disable]=false');
check('reporting nothing', 1, qr/^$/, 'p.yaml', '/Set', '\Package\divide.Disable;false', '/Rep', 'N');
check('maximum_error_count on the command line', 0, qr/1 error/, 'p.yaml', '--set', '\Package\divide.Disable=false', '--set', '\Package.MaximumErrorCount=5');
check('validation alone', 0, qr/^Validation succeeded/m, 'p.yaml', '--validate');
unlike(check('validation executes nothing', 0, undef, 'p.yaml', '/Va'), qr/look/, 'nothing started');
check('parameter', 0, undef, 'p.yaml', '--parameter', 'limit;7', '/Par', '$Package::limit(Int32);8');
check('unknown parameter', 6, qr/SO502.*HINT/s, 'p.yaml', '--parameter', 'nothing=1');
check('value of the wrong type', 6, qr/SO504/, 'p.yaml', '--parameter', 'limit=many');
check('unknown path', 6, qr/SO505/, 'p.yaml', '--set', '\Package\nothing.Disable=true');
check('connection', 0, undef, 'p.yaml', '--connection', 'c;/elsewhere');
check('unknown connection', 6, qr/SO506/, 'p.yaml', '/Conn', 'd;/elsewhere');
check('missing file', 4, qr/SO501/, 'nothing.yaml');
check('unknown option', 6, qr/SO901/, 'p.yaml', '--nonsense');
check('no package', 6, qr/SO901/);
check('help', 0, qr/--set/, '--help');
check('a checkpoint must have a name', 1, qr/SO581/, 'p.yaml', '--checkpointing', 'on');
check('a checkpoint must exist', 1, qr/SO570/, 'p.yaml', '/CheckP', '/CheckF', "$folder/none");
check('and need not with ifPossible', 0, undef, 'p.yaml', '/CheckP', 'on', '/Res', 'ifPossible', '/CheckF', "$folder/none");
check('restart knows three words', 6, qr/SO901/, 'p.yaml', '--restart=perhaps');
check('a plan runs nothing', 0, qr/^run +look/m, 'p.yaml', '--restart-plan');
check('checkpointing off is not', 0, undef, 'p.yaml', '--checkpointing', 'off');
check('graph', 0, qr/^digraph "p".*n1 -> n2 \[color=darkgreen/s, 'p.yaml', '--graph');
check('graph as text', 0, qr/divide \[expression\] disabled  <- look/, 'p.yaml', '--graph', 'text');
check('graph for Graphviz by name', 0, qr/^digraph/, '--graph', 'dot', 'p.yaml');
check('graph knows two words', 6, qr/SO901/, 'p.yaml', '--graph=svg');
check('checkpointing is on or off', 6, qr/SO901/, 'p.yaml', '--checkpointing=maybe');
check('maxconcurrent is a number', 6, qr/SO901/, 'p.yaml', '/M', '3x');
check('sum', 0, undef, 'p.yaml', '/Su');
my $id = (check('the id', 0, qr/^OnPreExecute\tp\t/m, 'p.yaml', '/Cons', 'NSG') =~ /^OnPreExecute\tp\t(\S+)/m)[0];
check('verified', 0, undef, 'p.yaml', '/VerifyP', "{\U$id}", '/VerifyB', '1;0', '/VerifyBuild', '1');
check('another id', 5, qr/SO907.*id of the package is \Q$id\E.*HINT/s, 'p.yaml', '/VerifyP', '11111111-1111-1111-1111-111111111111');
check('another version', 5, qr/SO907.*version_minor of the package is 0, not 4/s, 'p.yaml', '/VerifyB', '1;4;0');
check('another version_guid', 5, qr/SO907/, 'p.yaml', '/VerifyV', $id);
check('a version is numbers', 6, qr/SO901/, 'p.yaml', '/VerifyB', '1.0');
Scaleout::Exec::spew("$folder/options", "/Rep \"EP;OnWarning;OnError\"\r\n/Set \\Package\\divide.Disable;false --set \"\\Package\\divide.Properties[description]=a \\\"b\\\"\"\n/Rem \"two words\"");
unlike(check('a command file', 1, qr/FAILURE +\\divide/, '/Com', 'options', 'p.yaml'), qr/ERROR/, 'and exceptions of reporting');
Scaleout::Exec::spew("$folder/endless", "p.yaml /CommandFile endless\n");
check('a command file that names itself', 6, qr/SO901/, '/Com', 'endless');
Scaleout::Exec::spew("$folder/open", "/Rem \"never closed\n");
check('a quote that is not closed', 6, qr/SO901.*quote/, '/Com', 'open', 'p.yaml');
check('no command file', 6, qr/HINT/, '/Com', 'missing', 'p.yaml');
check('what dtexec has and we do not', 6, qr/ISServer of dtexec does not exist here.*HINT:  .*scaleout run/s, '/ISServer', '\SSISDB\f\p\x.dtsx');
unlike(check('console log of some sources', 0, qr/^OnPreExecute\tlook$/m, 'p.yaml', '/Cons', 'NS;I;look'), qr/\tafter look$/m, 'only these');
unlike(check('console log without some', 0, qr/^OnPreExecute\tlook$/m, 'p.yaml', '/Cons', 'NS;E;after look;I;look;I;after look'), qr/\tafter look$/m, 'and E wins');
check('console log', 0, qr/^OnPreExecute\tlook\tlook:Start/m, 'p.yaml', '--console-log', 'NSM');

Scaleout::Exec::spew("$folder/broken.yaml", "name: broken\nexecutabels: []\n");
check('a document with errors', 5, qr/broken\.yaml:2:1.*executables/s, 'broken.yaml');

Scaleout::Exec::spew("$folder/first.conf", "User::zero: 5\n\$Package::limit: 3\n");
Scaleout::Exec::spew("$folder/second.conf", "{\"\\\\Package\\\\divide.Properties[disable]\": false, \"User::zero\": 1}\n");
check('configuration files', 0, qr/success +\\divide/, 'p.yaml', '--config', 'first.conf', '--config', 'second.conf');
check('options win over configurations', 1, qr/SO706/, 'p.yaml', '/Conf', 'second.conf', '--set', 'User::zero=0');
Scaleout::Exec::spew("$folder/wrong.conf", "[1, 2]\n");
check('a configuration that is no map', 6, qr/SO531/, 'p.yaml', '--config', 'wrong.conf');

Scaleout::Exec::spew("$folder/warns.yaml", "name: warns\nsave_checkpoints: true\nexecutables: [{name: a, type: no_operation}]\n");
check('save_checkpoints without a name is warned about', 0, qr/WARNING.*SO581/, 'warns.yaml');

# Ctrl-C
my $run = Scaleout::Exec::start({
	name => 'p', executables => [ { name => 'sleep', type => 'execute_process', executable => '/bin/sleep', arguments => ['1000'] } ] });
my $deadline = time() + 60;
select(undef, undef, undef, 0.02) while (-e "$run->{folder}/output" ? Scaleout::Exec::slurp("$run->{folder}/output") : '') !~ /start +\\sleep/ && time() < $deadline;
kill 'INT', $run->{pid};
Scaleout::Exec::finish($run);
is($run->{status}, 3, 'a canceled package has exit code 3') or diag $run->{output};
like($run->{output}, qr/canceled +\\sleep.*Package was canceled/s, 'and says so');

done_testing();
