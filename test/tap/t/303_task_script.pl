# Script, Execute Process and File System by "scaleout exec".
use strict;
use warnings;

use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::Exec;

my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $folder = tempdir(CLEANUP => 1);
my @variables = (
	{ name => 'n', type => 'int32', value => 5 }, { name => 'text', type => 'string', value => 'old' },
	{ name => 'flag', type => 'boolean', value => $false }, { name => 'list', type => 'object' }, { name => 'path', type => 'string', value => "$folder/a" });

sub script
{
	my ($source, $task, %with) = @_;
	return Scaleout::Exec::task(
		{ type => 'script', interpreter => '/usr/bin/python3', defined $source ? (source => $source) : (), read_only_variables => ['User::n'],
			read_write_variables => [qw(text User::flag User::list)], %$task },
		variables => \@variables,
		more => [ Scaleout::Exec::show({ executable => 'task', on => 'completion' }, qw(User::text User::flag User::list)) ], %with);
}

sub value { my ($run, $name) = @_; return $run->{output} =~ /show \Q$name\E=\{"variables":\{"\Q$name\E":(.*?)\},"task"/ ? $1 : undef; }

# ---- Script ----
my $python = <<'END';
import json, os, sys
given = json.load(sys.stdin)
out = os.fdopen(3, "w")
print("set text", json.dumps("n is %d, \u00e4" % given["variables"]["User::n"]), file=out)
print("set flag true", file=out)
print("set User::list", json.dumps([1, {"a": 2}]), file=out)
print("information started in", given["task"], file=out)
print("warning careful", file=out)
print("progress 50 half", file=out)
print("rows 12", file=out)
print("log a note", file=out)
print("value 42", file=out)
print("printed")
END
my $run = script($python, {});
is($run->{status}, 0, 'python') or diag $run->{output};
is(decode_json('[' . value($run, 'User::text') . ']')->[0], "n is 5, \x{e4}", 'a text');
is(value($run, 'User::flag'), 'true', 'a boolean');
is(value($run, 'User::list'), '[1,{"a":2}]', 'an object');
like($run->{output}, qr/info .*started in task/, 'information');
like($run->{output}, qr/WARNING .*careful/, 'a warning');
like($run->{output}, qr/progress .*50%.*half/, 'progress');
like($run->{output}, qr/ScriptTaskLogEntry.*a note/, 'a log entry');
like($run->{output}, qr/info .*printed/, 'what it prints is a message');
$run = script("echo 'set text plain words' >&3\necho \"set flag false\" >&3\n", { interpreter => 'bash' });
is(value($run, 'User::text'), '"plain words"', 'bash, with a text that is no JSON') or diag $run->{output};
$run = script("echo 'set text 007' >&3\n", { interpreter => 'sh' });
is(value($run, 'User::text'), '"007"', 'a number stays a text for a text variable');
$run = script('open(my $o, ">&=", 3); print $o "set text perl\n";', { interpreter => 'perl', interpreter_arguments => ['-w'] });
is(value($run, 'User::text'), '"perl"', 'perl') or diag $run->{output};
$run = script("echo \"set text \$1-\$PLACE\" >&3", { interpreter => 'sh', arguments => ['x'], environment => { PLACE => 'here' } });
is(value($run, 'User::text'), '"x-here"', 'arguments and environment');
Scaleout::Exec::spew("$folder/s.sh", "echo 'set text from a file' >&3\n");
$run = script(undef, { interpreter => 'sh', source_file => 's.sh' }, folder => $folder);
is(value($run, 'User::text'), '"from a file"', 'source_file') or diag $run->{output};
$run = script("echo 'error it went wrong' >&3", { interpreter => 'sh' });
is($run->{status}, 1, 'an error line fails the task');
like($run->{output}, qr/SO821 it went wrong/, 'with its text');
$run = script("echo 'set n 6' >&3; sleep 600", { interpreter => 'sh' });
like($run->{output}, qr/SO820.*"User::n" is not one of read_write_variables/, 'a read only variable is not set') or diag $run->{output};
cmp_ok($run->{seconds}, '<', 60, 'and the script is ended');
$run = script("echo 'bogus x' >&3", { interpreter => 'sh' });
like($run->{output}, qr/SO820.*no command "bogus"/, 'an unknown command');
$run = script("echo 'set flag maybe' >&3", { interpreter => 'sh' });
like($run->{output}, qr/SO820/, 'a value that does not fit');
$run = script("echo why >&2; exit 4", { interpreter => 'sh' });
like($run->{output}, qr/SO811.*exit code 4.*why/s, 'an exit code');
is(value($run, 'User::text'), '"old"', 'nothing is set by a failed script');
$run = script('sleep 600', { interpreter => 'sh', time_out => '300ms' });
like($run->{output}, qr/SO806/, 'time-out');
$run = script('x', { interpreter => 'no-such-interpreter' });
like($run->{output}, qr/SO810/, 'no such interpreter');

# ---- Execute Process ----
sub process { my ($task) = @_; return Scaleout::Exec::task({ type => 'execute_process', %$task }, variables => \@variables, more => [ Scaleout::Exec::show({ executable => 'task', on => 'completion' }, 'User::text') ]); }
$run = process({ executable => '/bin/echo', arguments => [ 'a b', '$HOME', '*' ], standard_output_variable => 'User::text' });
is(value($run, 'User::text'), '"a b $HOME *"', 'no shell looks at arguments') or diag $run->{output};
$run = process({ executable => '/bin/echo', expressions => { argument_string => '"\"x y\" " + (DT_WSTR, 10)@[User::n]' }, standard_output_variable => 'User::text' });
is(value($run, 'User::text'), '"x y 5"', 'arguments by an expression') or diag $run->{output};
$run = process({ executable => 'echo' });
like($run->{output}, qr/SO810.*require_full_file_name/s, 'a bare name needs require_full_file_name: false');

# ---- File System ----
sub files { my ($task) = @_; return Scaleout::Exec::task({ type => 'file_system', %$task }, variables => \@variables, connections => [ { name => 'c', type => 'file', connection_string => "$folder/a" } ]); }
Scaleout::Exec::spew("$folder/a", "contents\n");
chmod 0640, "$folder/a";
mkdir "$folder/d";
is(files({ operation => 'copy_file', source => "$folder/a", destination => "$folder/b" })->{status}, 0, 'copy');
is(Scaleout::Exec::slurp("$folder/b"), "contents\n", 'the contents');
is((stat "$folder/b")[2] & 0777, 0640, 'the permissions');
is((stat "$folder/b")[9], (stat "$folder/a")[9], 'and the time');
like(files({ operation => 'copy_file', source => "$folder/a", destination => "$folder/b" })->{output}, qr/SO831/, 'no overwriting');
is(files({ operation => 'copy_file', source_variable => 'User::path', destination => "$folder/d", overwrite_destination => $true })->{status}, 0, 'to a folder');
ok(-e "$folder/d/a", 'keeps the name');
is(files({ operation => 'copy_file', source_connection => 'c', destination => "$folder/d/", overwrite_destination => $true })->{status}, 0, 'from a connection, overwriting');
is(files({ operation => 'move_file', source => "$folder/b", destination => "$folder/d/b" })->{status}, 0, 'move');
ok(!-e "$folder/b" && -e "$folder/d/b", 'it has moved');
is(files({ operation => 'rename_file', source => "$folder/d/b", destination => 'c' })->{status}, 0, 'rename');
ok(-e "$folder/d/c", 'in its folder');
is(files({ operation => 'set_attributes', source => "$folder/d/c", read_only => $true })->{status}, 0, 'read only');
is((stat "$folder/d/c")[2] & 0777, 0440, 'takes write permissions away');
is(files({ operation => 'set_attributes', source => "$folder/d/c", mode => '0600' })->{status}, 0, 'mode');
is((stat "$folder/d/c")[2] & 0777, 0600, 'is set');
is(files({ operation => 'create_directory', source => "$folder/x/y/z" })->{status}, 0, 'create a folder');
ok(-d "$folder/x/y/z", 'with its parents');
like(files({ operation => 'create_directory', source => "$folder/x/y/z" })->{output}, qr/SO831/, 'it exists');
is(files({ operation => 'create_directory', source => "$folder/x/y/z", use_directory_if_exists => $true })->{status}, 0, 'which may be allowed');
symlink 'a', "$folder/d/link";
is(files({ operation => 'copy_directory', source => "$folder/d", destination => "$folder/copy/d2" })->{status}, 0, 'copy a folder');
ok(-e "$folder/copy/d2/a" && -l "$folder/copy/d2/link", 'with everything');
like(files({ operation => 'copy_directory', source => "$folder/copy", destination => "$folder/copy/d2/inner" })->{output}, qr/SO814.*inside/, 'not into itself');
is(files({ operation => 'move_directory', source => "$folder/copy/d2", destination => "$folder/moved" })->{status}, 0, 'move a folder');
ok(!-e "$folder/copy/d2" && -e "$folder/moved/a", 'it has moved');
is(files({ operation => 'delete_directory_content', source => "$folder/moved" })->{status}, 0, 'delete contents');
is(scalar(() = glob("$folder/moved/*")), 0, 'all of them');
ok(-d "$folder/moved", 'but not the folder');
is(files({ operation => 'delete_directory', source => "$folder/d" })->{status}, 0, 'delete a folder');
ok(!-e "$folder/d", 'with its contents');
is(files({ operation => 'delete_file', source => "$folder/a" })->{status}, 0, 'delete a file');
like(files({ operation => 'delete_file', source => "$folder/a" })->{output}, qr/SO814.*No such file/, 'which is gone');
like(files({ operation => 'delete_directory', source => '/' })->{output}, qr/SO814.*root folder/, 'nobody deletes everything');
like(files({ operation => 'copy_file', source => "$folder/a" })->{output}, qr/SO825.*destination is missing/, 'validation asks for a destination');

done_testing();
