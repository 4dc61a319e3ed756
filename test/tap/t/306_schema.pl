# docs/package.schema.json and docs/project.schema.json with a validator that
# is not ours (Debian's python3-jsonschema), as editors use them: every example
# passes, broken documents fail at the right place, and the loader agrees.
use strict;
use warnings;

use File::Find ();
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::Exec;

plan skip_all => 'python3-jsonschema and python3-yaml are not installed'
  if system('/usr/bin/python3 -c "import jsonschema, yaml" 2>/dev/null') != 0;

sub check
{
	my ($schema, @files) = @_;
	open(my $pipe, '-|', '/usr/bin/python3', 'test/tap/servers/schema_check.py', $schema, @files) or die "python3: $!";
	my @lines = map { chomp; $_ } <$pipe>;
	ok(close($pipe), "$schema is a schema and everything could be read");
	return @lines;
}

# What must pass
my (@packages, @projects);
File::Find::find({ no_chdir => 1, wanted => sub {
	return unless /\.(?:yaml|json)$/ && !m{/(?:invalid|broken_sibling)/};
	if (/\/project\.yaml$/) { push @projects, $_; } else { push @packages, $_; }
} }, 'examples', 'test/fixtures/documents', 'test/fixtures/control_flow');
push @packages, 'docs/packages.md', 'docs/tasks.md';
push @projects, 'docs/packages.md';
my @lines = (check('docs/package.schema.json', sort @packages), check('docs/project.schema.json', sort @projects));
cmp_ok(scalar(@lines), '>', 70, 'documents are there');
is_deeply([ grep { !/^ok / } @lines ], [], 'every example fits its schema');

# What must not, and where
my @broken = (
	[ 'no name', '/', "executables: []\n" ],
	[ 'a misspelt property', '/executables/0', "name: x\nexecutables:\n  - {name: a, type: execute_sql, conection: db, connection: db, sql: SELECT 1}\n" ],
	[ 'an unknown type', '/executables/0/type', "name: x\nexecutables: [{name: a, type: execute_sq}]\n" ],
	[ 'no type', '/executables/0', "name: x\nexecutables: [{name: a}]\n" ],
	[ 'a text for a number', '/max_concurrent_executables', "name: x\nmax_concurrent_executables: many\n" ],
	[ 'a number for a text', '/executables/0/sql', "name: x\nconnections: [{name: db, type: postgres}]\nexecutables: [{name: a, type: execute_sql, connection: db, sql: 5}]\n" ],
	[ 'a value that is none of the list', '/executables/0/operation', "name: x\nexecutables: [{name: a, type: file_system, operation: copy}]\n" ],
	[ 'a property of another type', '/executables/0', "name: x\nexecutables: [{name: a, type: sequence, sql: SELECT 1}]\n" ],
	[ 'a loop without its expression', '/executables/0', "name: x\nexecutables: [{name: a, type: for_loop}]\n" ],
	[ 'an unknown event', '/event_handlers', "name: x\nevent_handlers: {on_eror: {executables: []}}\n" ],
	[ 'an unknown type of variable', '/variables/0/type', "name: x\nvariables: [{name: v, type: int23}]\n" ],
	[ 'a constraint on a result that does not exist', '/executables/1/after/on', "name: x\nexecutables:\n  - {name: a, type: no_operation}\n  - {name: b, type: no_operation, after: {executable: a, on: sucess}}\n" ],
	[ 'an enumerator without its folder', '/executables/0/enumerator', "name: x\nexecutables: [{name: a, type: foreach_loop, enumerator: {type: file}}]\n" ],
	[ 'an expression for what is literal', '/executables/0/expressions', "name: x\nexecutables: [{name: a, type: sequence, expressions: {name: '\"x\"'}}]\n" ],
	[ 'a connection of no kind', '/connections/0/type', "name: x\nconnections: [{name: db, type: oracle}]\n" ],
	[ 'an id that is none', '/id', "name: x\nid: 12345\n" ]);
my $folder = tempdir(CLEANUP => 1);
my $number = 0;
my %file_of = map { sprintf("%s/%02d.yaml", $folder, $number++) => $_ } @broken;
Scaleout::Exec::spew($_, $file_of{$_}[2]) for keys %file_of;
for my $line (check('docs/package.schema.json', sort keys %file_of))
{
	my ($status, $file, $pointer) = $line =~ m{^(ok|not ok) (\S+?)(?::\s+(\S*):.*)?$} or die $line;
	my ($name, $expected) = @{ $file_of{$file} };
	is($status, 'not ok', "$name: refused");
	is($pointer, $expected, "$name: at $expected") or diag $line;
	my $output = `@{[ Scaleout::Exec::program() ]} validate $file 2>&1`;
	is($? >> 8, 5, "$name: the loader refuses it, too") or diag $output;
}

# An editor explains and completes what has a description.
my $schema = decode_json(Scaleout::Exec::slurp('docs/package.schema.json'));
my @silent;
for my $type (sort keys %{ $schema->{definitions} })
{
	my $properties = $schema->{definitions}{$type}{properties} // {};
	push @silent, map { "$type.$_" } grep { ref $properties->{$_} eq 'HASH' && !$properties->{$_}{description} } sort keys %$properties;
}
is_deeply(\@silent, [], 'every property is described');

done_testing();
