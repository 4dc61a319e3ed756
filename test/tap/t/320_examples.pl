# Every example runs as a user runs it, from a folder that it may not write to,
# and gives what it promises; an example that is not run here fails the test.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Find;
use File::Temp qw(tempdir);
use IPC::Run;
use PostgreSQL::Test::Cluster;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::Exec;

my $scaleout = Scaleout::Exec::program();
my $node = PostgreSQL::Test::Cluster->new('examples');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE warehouse');

# As a user has them: read-only, somewhere else, the program by SCALEOUT.
my $folder = tempdir(CLEANUP => 1);
IPC::Run::run([ 'cp', '-r', 'examples', $folder ]) or die 'cannot copy the examples';
IPC::Run::run([ 'chmod', '-R', 'a-w', "$folder/examples" ]);
END { IPC::Run::run([ 'chmod', '-R', 'u+w', "$folder/examples" ]) if $folder; }
my $examples = abs_path("$folder/examples");
mkdir "$folder/elsewhere";

sub run_program
{
	my (@command) = @_;
	my $output;
	local $ENV{SCALEOUT} = $scaleout;
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	local $ENV{PGDATABASE} = 'postgres';
	IPC::Run::run([@command], '<', \undef, '>&', \$output, init => sub { chdir "$folder/elsewhere" }, IPC::Run::timeout($Scaleout::Exec::timeout));
	return { status => $? >> 8, output => $output };
}

# What a script that fails once and goes on prints, in this order.
sub goes_on
{
	my ($name, @lines) = @_;
	my $got = run_program("$examples/$name/run.sh");
	is($got->{status}, 0, "$name/run.sh succeeds") or diag $got->{output};
	my $pattern = join('.*', map { "^$_" } '== first run', @lines);
	like($got->{output}, qr/$pattern/ms, 'and does what it says');
	return;
}

my %examples = (
	checkpoint_downloads => sub {
		goes_on('checkpoint_downloads', 'customers\.csv$', '== what would a restart do\?$', 'skip +customers', '== second run', 'all files are complete$');
	},
	checkpoint_dimensions => sub {
		goes_on('checkpoint_dimensions', 'customers: 1000, products: 0$', '== what would', '== second run', 'sales: 5000$');
		is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'example%'}), 0, 'and leaves nothing behind');
	},
	checkpoint_aggregations => sub {
		goes_on('checkpoint_aggregations', '== what would', '== second run', 'months: 6, total: 297000$');
	},
	warehouse => sub {
		open(my $index, '>', "$folder/small_Packages") or die $!;
		print $index map { "Package: p$_\nVersion: 1.$_\nArchitecture: all\nSection: libs\nPriority: optional\nMaintainer: \"M\" <m\@example>\nInstalled-Size: $_\nSize: 10\nDepends: p1 (>= 1), p2 | p3\nDescription: text, with \"quotes\"\n\n" } 1 .. 50;
		close $index;
		my @command = ($scaleout, 'exec', "$examples/warehouse", '--plain', '--parameter', "\$Project::index_files;$folder/*_Packages",
			'--connection', 'warehouse;' . $node->connstr('warehouse'));
		for my $run ('first', 'second')
		{
			my $got = run_program(@command);
			is($got->{status}, 0, "warehouse: the $run run succeeds") or diag $got->{output};
		}
		is($node->safe_psql('warehouse', 'SELECT count(*), sum(installed_size_kb) FROM mart.fact_package'), '50|1275', 'every package is there once');
	});

opendir(my $handle, 'examples') or die $!;
my @folders = sort grep { !/^\./ } readdir $handle;
is_deeply(\@folders, [ sort keys %examples ], 'every example is run by this test, and every one that is run is there');

my @documents;
find({ no_chdir => 1, wanted => sub { push @documents, $_ if /\.ya?ml$/ } }, $examples);
my $valid = run_program($scaleout, 'validate', '--warn-as-error', map { $_ =~ s{/project\.yaml$}{}r } grep { my $d = $_; $d =~ /project\.yaml$/ || !-e ($d =~ s{[^/]+$}{project.yaml}r) } @documents);
is($valid->{status}, 0, 'all documents are valid without a warning') or diag $valid->{output};
my $formatted = run_program($scaleout, 'format', '--check', @documents);
is($formatted->{status}, 0, 'and in the form that scaleout format gives them') or diag $formatted->{output};

subtest $_ => $examples{$_} for grep { $examples{$_} } @folders;

$node->stop;
done_testing();
