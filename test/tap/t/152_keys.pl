# The encryption key: made, exchanged, lost, replaced, printed by a command.
use strict;
use warnings;

use File::Spec;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::System;

my $system = Scaleout::System->new('keys', settings => { 'scaleout.lease_interval' => '60s' });
my $node = $system->node;
my $file = File::Spec->rel2abs($node->data_dir . '_scaleout/encryption.key');
my $agent = $system->add_fake_agent('one');

sub try_sql { my (undef, $out, $err) = $node->psql('postgres', '\set VERBOSITY verbose' . "\n$_[0]"); return $out . $err; }
sub known { return $system->sql('SELECT fingerprint FROM internal.encryption_key'); }
sub key_text { return slurp_file($file); }
sub write_key { my ($text, $path) = @_; unlink($path // $file); open(my $out, '>', $path // $file) or die $!; print $out $text; close $out; chmod 0600, $path // $file; return; }

$system->deploy('f', 'p', load => { executables => [], parameters => [ { name => 'secret', type => 'string', sensitive => JSON::PP::true } ] });
my $id = $system->sql(q{SELECT catalog.create_execution('f', 'p', 'load')});
$system->sql("SELECT catalog.set_execution_parameter_value($id, 30, 'secret', 'hidden words')");
my $read = "SELECT internal.decrypt_secret(parameter_secret, internal.secret_of_execution(execution_id, object_type, parameter_name)) FROM internal.execution_parameter_value WHERE execution_id = $id AND parameter_name = 'secret'";
is($system->sql($read), 'hidden words', 'a value is read back');
is($system->sql('SELECT count(*) FROM internal.data_key'), 1, 'the project has a data key');
unlike($system->sql('SELECT wrapped FROM internal.data_key'), qr/\Q@{[substr(key_text(), 0, 16)]}\E/, 'wrapped');
is((stat $file)[2] & 0777, 0600, 'the key file is private');

# ---- exchange ----
my ($old_text, $old_known) = (key_text(), known());
like($system->sql('SELECT result FROM catalog.rotate_encryption_key()'), qr/exchanged.*\n1 wrapped anew/s, 'an exchange says what it did');
isnt(key_text(), $old_text, 'the file has another key');
isnt(known(), $old_known, 'the catalog knows it');
ok(!-e "$file.next", 'nothing is left beside it');
is((stat $file)[2] & 0777, 0600, 'it is private');
is($system->sql($read), 'hidden words', 'values are readable');

# Rolled back, as a whole and to a savepoint.
$old_text = key_text();
$system->sql('BEGIN; SELECT * FROM catalog.rotate_encryption_key(); ROLLBACK');
$system->sql('BEGIN; SAVEPOINT a; SELECT * FROM catalog.rotate_encryption_key(); ROLLBACK TO a; COMMIT');
is(key_text(), $old_text, 'an exchange that is rolled back changes nothing');
ok(!-e "$file.next", 'and leaves nothing');
is($system->sql($read), 'hidden words', 'values are readable');
$system->sql("BEGIN; SAVEPOINT a; SELECT * FROM catalog.rotate_encryption_key(); RELEASE a; SELECT 1; COMMIT");
isnt(key_text(), $old_text, 'a released savepoint counts');
is($system->sql("BEGIN; SELECT count(*) FROM catalog.rotate_encryption_key(); $read; COMMIT"), "2\nhidden words", 'values are readable inside');
like(try_sql('BEGIN; SELECT * FROM catalog.rotate_encryption_key(); SELECT * FROM catalog.rotate_encryption_key(); COMMIT'), qr/SO103/, 'once a transaction');

# A crash between commit and rename: the new key is beside the old one.
$old_text = key_text();
$system->sql('SELECT * FROM catalog.rotate_encryption_key()');
my $new_text = key_text();
write_key($new_text, "$file.next");
write_key($old_text);
is($system->sql($read), 'hidden words', 'a key that was not renamed is found');
like($system->sql("SELECT result FROM catalog.enable_scaleout() WHERE step = 'encryption key'"), qr/exists/, 'enable_scaleout');
is(key_text(), $new_text, 'renames it');
write_key($new_text, "$file.next");
write_key($old_text);
$system->sql('SELECT * FROM catalog.rotate_encryption_key()');
is($system->sql($read), 'hidden words', 'so does the next exchange');
# A crash before the commit: the new one is nobody's.
write_key("0" x 64 . "\n", "$file.next");
is($system->sql($read), 'hidden words', 'a key that nobody wants does not disturb');
$system->sql('SELECT * FROM catalog.rotate_encryption_key()');
ok(!-e "$file.next", 'and goes with the next exchange');

# A transaction that has made a data key holds it up; nothing else does.
$system->deploy('f', 'q', load => { executables => [], parameters => [ { name => 'secret', type => 'string', sensitive => JSON::PP::true } ] });
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN');
$session->query_safe(q{SELECT catalog.run_package('f', 'q', 'load', '{"secret": "x"}')});
like(try_sql("SET statement_timeout = '60s'; SELECT * FROM catalog.rotate_encryption_key()"), qr/SO143.*still open/s, 'an exchange does not miss an uncommitted key');
$session->query_safe('COMMIT');
$session->quit;
like($system->sql('SELECT result FROM catalog.rotate_encryption_key()'), qr/2 wrapped anew/, 'then it goes');
is($agent->take->{parameters}[0]{value}, 'x', 'the master reads it');

# ---- missing and wrong ----
my $good_text = key_text();
unlink $file;
like(try_sql($read), qr/SO134.*\Q$file\E/s, 'without the file: a clear error');
like(try_sql("SELECT * FROM catalog.enable_scaleout()"), qr/SO134/, 'enable_scaleout does not make another key');
like(try_sql('SELECT * FROM catalog.rotate_encryption_key()'), qr/SO134/, 'nor does an exchange');
ok(!-e $file && !-e "$file.next", 'there is none');
my $plain = $system->sql(q{SELECT catalog.create_execution('f', 'p', 'load')});
ok($plain, 'what needs no key goes on');
like(try_sql("SELECT catalog.set_execution_parameter_value($plain, 30, 'secret', 'x')"), qr/SO134/, 'what needs one does not');
$id = $system->sql("SELECT catalog.start_execution($id)") // $id;
write_key("1" x 64 . "\n");
like(try_sql($read), qr/SO136.*fingerprint/s, 'with another key: a clear error');
like(try_sql("SELECT * FROM catalog.enable_scaleout()"), qr/SO136/, 'enable_scaleout as well');
like(try_sql('SELECT * FROM catalog.rotate_encryption_key()'), qr/SO136/, 'and an exchange');
write_key("nonsense\n");
like(try_sql($read), qr/SO134.*64 hexadecimal.*Restore the file from its backup/s, 'no key at all');
write_key("\xef\xbb\xbf" . ($good_text =~ s/\n\z//r) . "\r\n");
is(try_sql($read), 'hidden words', 'a byte order mark and another end of the line do no harm');
write_key($good_text);
chmod 0644, $file;
like(try_sql($read), qr/SO134.*open to group or others/s, 'a file that others can read is refused');
write_key($good_text);
is($system->sql($read), 'hidden words', 'nothing was harmed');

# ---- a command ----
sub set_command { my ($line) = @_; $system->sql("ALTER SYSTEM SET scaleout.encryption_key_command = '$line'"); $system->sql('SELECT pg_reload_conf()'); $system->wait_until("SELECT current_setting('scaleout.encryption_key_command') = '$line'"); return; }
rename $file, "$file.kept";
set_command("cat $file.kept");
is($system->sql($read), 'hidden words', 'a command may print the key');
like($system->sql("SELECT result FROM catalog.enable_scaleout() WHERE step = 'encryption key'"), qr/exists/, 'enable_scaleout asks it');
like(try_sql('SELECT * FROM catalog.rotate_encryption_key()'), qr/SO143/, 'its key is not exchanged here');
my $by_command = $system->run('f', 'p', 'load', q{parameters => '{"secret": "by command"}'});
my $task = $agent->take;
$task = $agent->take while $task->{execution_id} != $by_command;
is($task->{parameters}[0]{value}, 'by command', 'the master asks it, too');
for my $bad ([ 'exit 3', 'status 3' ], [ 'kill -9 $$', 'signal 9' ], [ 'echo no', '64 hexadecimal' ], [ 'head -c 1000 /dev/zero', 'more than a key' ], [ "echo @{[ '1' x 64 ]}", 'SO136' ], [ '/nonexistent', 'status 127' ])
{
	set_command($bad->[0]);
	like(try_sql($read), qr/\Q$bad->[1]\E/, "$bad->[0]: a clear error");
}
set_command('');
rename "$file.kept", $file;
is($system->sql($read), 'hidden words', 'back to the file');

# ---- a key that is lost for good ----
unlink $file;
like($system->sql('SELECT result FROM catalog.rotate_encryption_key(discard_unreadable => true)'), qr/2 discarded/, 'data keys can be given up');
like(try_sql($read), qr/SO136.*not in this catalog/s, 'what they had encrypted is lost');
$plain = $system->sql(q{SELECT catalog.create_execution('f', 'p', 'load')});
$system->sql("SELECT catalog.set_execution_parameter_value($plain, 30, 'secret', 'new')");
pass('new values have a new key');
like(try_sql('SET ROLE ssis_logreader; SELECT * FROM catalog.rotate_encryption_key()'), qr/SO104/, 'administrators only');

$system->stop;
done_testing();
