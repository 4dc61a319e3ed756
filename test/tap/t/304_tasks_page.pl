# Every YAML example of docs/tasks.md runs and succeeds, its connections led to
# servers of this test.
use strict;
use warnings;

use File::Temp qw(tempdir);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/tap/lib';
use Scaleout::Exec;
use Scaleout::Servers;

# From the source tree; the cluster's module changes nothing about the working directory.
my $page = Scaleout::Exec::slurp('docs/tasks.md');

my $node = PostgreSQL::Test::Cluster->new('page');
$node->init;
$node->start;
my $ftp = Scaleout::Servers::python('ftp');
my $http = Scaleout::Servers::python('http');
my $smtp = Scaleout::Servers::python('smtp');
Scaleout::Exec::spew("$ftp->{folder}/files/a.csv", "a\n");
Scaleout::Exec::spew("$http->{folder}/files/report.csv", "r\n");
my $folder = tempdir(CLEANUP => 1);
my %connection = (
	warehouse => $node->connstr('postgres'), drop => "ftp://127.0.0.1:$ftp->{port}", api => "http://127.0.0.1:$http->{port}/",
	mail => "smtp://127.0.0.1:$smtp->{port}");

my $count = 0;
while ($page =~ /^```yaml\n(.*?)^```$/msg)
{
	my $text = $1;
	my ($name) = $text =~ /^name: (\w+)/;
	my %used = map { $_ => $connection{$_} } grep { $text =~ /\{name: $_, type/ } keys %connection;
	my $run = Scaleout::Exec::run($text, connection_strings => \%used, $text =~ /name: folder/ ? (parameters => { folder => $folder }) : ());
	is($run->{status}, 0, "$name runs") or diag $run->{output};
	$count++;
}
cmp_ok($count, '>=', 10, 'the page has examples');

# What they did is what the page says.
is($node->safe_psql('postgres', 'SELECT count(*) FROM orders'), 2, 'sql_example');
is($node->safe_psql('postgres', 'SELECT name FROM people WHERE id = 2'), 'Bob; the builder', 'bulk_example');
ok(-e "$folder/archive/name.txt" && !-e "$folder/archive/hostname", 'file_example');
is(Scaleout::Exec::slurp("$folder/a.csv"), "a\n", 'ftp_example');
is(Scaleout::Exec::slurp("$folder/report.csv"), "r\n", 'http_example');
like(Scaleout::Exec::slurp("$smtp->{folder}/1.eml"), qr/All tables are loaded/, 'mail_example');

done_testing();
