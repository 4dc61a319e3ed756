# make install puts every file where Debian looks for it, again and again, into
# DESTDIR alone and without rights of its own; make uninstall takes all of it away.
use strict;
use warnings;

use Test::More;
use Cwd qw(realpath);
use File::Find;
use PostgreSQL::Test::Utils;

my $root = realpath(PostgreSQL::Test::Utils::tempdir());
my $pg_config = $ENV{PG_CONFIG} // 'pg_config';

my ($version) = slurp_file('scaleout.control') =~ /^default_version = '(.*)'/m;
# The programs name this folder, for which they were built.
my $helpers = "$ENV{SCALEOUT_PREFIX}/lib/scaleout/$version";

# What has been built for the other tests is installed; nothing is compiled again.
sub make
{
	my ($target) = @_;
	my ($out, $err);
	IPC::Run::run([ 'make', '-s', $target, "DESTDIR=$root", 'PREFIX=/usr', "PROGRAM_DIRECTORY=$helpers", "PG_CONFIG=$pg_config",
			'FAULT_POINTS=1', 'SANITIZE=1' ],
		'>', \$out, '2>', \$err);
	is($?, 0, "make $target") or diag("$out$err");
	unlike($out, qr/^  (?:CC|LINK)/m, 'nothing is built again');
	return;
}

sub installed
{
	my @found;
	find({ no_chdir => 1, wanted => sub { push @found, substr($_, length($root)) if -f $_ || -l $_ } }, $root);
	return sort @found;
}

sub names { my ($pattern) = @_; return map { m{([^/]+)$} } glob($pattern); }

chomp(my $library = `$pg_config --pkglibdir`);
chomp(my $share = `$pg_config --sharedir`);
my @commands = slurp_file('client/main.c') =~ /^\t\{"(\w+)", so_client_/mg;
cmp_ok(scalar(@commands), '>', 10, 'the commands of scaleout are known');
# Those of the second level, and of the worker.
my @second = ((map { "cert-$_" } slurp_file('client/cert.c') =~ /^\t\t\{"(\w+)", \w+, "/mg), (map { "worker-$_" } slurp_file('worker_agent/main.c') =~ /^\t\{\.name = "(\w+)"/mg));
is(scalar(@second), 12, 'so are those of scaleout cert and scaleout-worker');

my @expected = sort +(
	'/etc/logrotate.d/scaleout-worker',
	'/usr/bin/scaleout', '/usr/bin/scaleout-worker',
	(map { "$helpers/$_" } qw(scaleout-gateway scaleout-loader scaleout-runner)),
	'/usr/lib/systemd/system/scaleout-worker.service', '/usr/lib/systemd/system/scaleout-worker@.service',
	'/usr/lib/sysusers.d/scaleout.conf', '/usr/lib/tmpfiles.d/scaleout.conf',
	'/usr/share/bash-completion/completions/scaleout', '/usr/share/bash-completion/completions/scaleout-worker',
	(map { "/usr/share/doc/scaleout/$_" } names('docs/*.md'), names('docs/*.json'), 'README.md', 'CHANGELOG.md', names('packaging/*.sample')),
	(map { "/usr/share/doc/scaleout/$_" } grep { -f $_ } split(/\n/, `find examples -type f`)),
	'/usr/share/man/man1/scaleout.1', '/usr/share/man/man1/scaleout-worker.1', (map { "/usr/share/man/man1/scaleout-$_.1" } @commands, @second),
	"$library/scaleout.so", "$share/extension/scaleout.control", (map { "$share/extension/$_" } "scaleout--$version.sql", names('sql/scaleout--*--*.sql')));

make('install');
is_deeply([ installed() ], \@expected, 'every file is in its place, and there is no other');
make('install');
is_deeply([ installed() ], \@expected, 'a second time as well');

# Each file of packaging/ is installed as something.
my %as = (
	'scaleout-worker.service' => '/usr/lib/systemd/system/scaleout-worker.service', 'scaleout-worker.logrotate' => '/etc/logrotate.d/scaleout-worker',
	'scaleout.sysusers' => '/usr/lib/sysusers.d/scaleout.conf', 'scaleout.tmpfiles' => '/usr/lib/tmpfiles.d/scaleout.conf',
	'scaleout.bash-completion' => '/usr/share/bash-completion/completions/scaleout', map { $_ => "/usr/share/doc/scaleout/$_" } names('packaging/*.sample'));
is_deeply([ sort keys %as ], [ names('packaging/*') ], 'every file of packaging/ is installed');
for my $name (sort keys %as)
{
	my $text = slurp_file("packaging/$name");
	$text =~ s{/usr/local/bin/}{/usr/bin/}g;
	is(slurp_file("$root$as{$name}"), $text, "$name, with the programs of PREFIX");
}
for my $program (grep { m{^/usr/bin/} || index($_, $helpers) == 0 } @expected) { is((stat("$root$program"))[2] & 07777, 0755, "mode of $program"); }
is((stat("$root$_"))[2] & 07777, 0644, "mode of $_") for grep { m{systemd|\.d/|\.1$} } @expected;

# The units.
my $instance = slurp_file("$root/usr/lib/systemd/system/scaleout-worker\@.service");
like($instance, qr{^ExecStart=/usr/bin/scaleout-worker run --directory /var/lib/scaleout/%i$}m, 'each instance has a folder of its own');
like($instance, qr{^ExecReload=/usr/bin/scaleout-worker reload --directory /var/lib/scaleout/%i$}m, 'for a reload, too');
like($instance, qr{^StateDirectory=scaleout/%i$}m, 'which systemd makes');
SKIP:
{
	skip 'no systemd-analyze here', 2 unless -x '/usr/bin/systemd-analyze';
	my ($out, $err);
	# It looks for the program that the unit starts.
	my $unit = slurp_file("$root/usr/lib/systemd/system/scaleout-worker.service");
	$unit =~ s{/usr/bin/}{$root/usr/bin/}g;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	append_to_file("$folder/scaleout-worker.service", $unit);
	IPC::Run::run([ 'systemd-analyze', 'verify', '--man=no', "$folder/scaleout-worker.service" ], '>', \$out, '2>', \$err);
	is(join("\n", grep { /scaleout/ } split(/\n/, "$out$err")), '', 'systemd has nothing against the unit');
	IPC::Run::run([ 'systemd-analyze', 'security', '--offline=true', '--threshold=20', "$folder/scaleout-worker.service" ], '>', \$out, '2>', \$err);
	is($?, 0, 'exposure level of at most 2.0') or diag("$out$err");
}

# The pages say what the programs say.
my $page = slurp_file("$root/usr/share/man/man1/scaleout-worker.1");
like($page, qr/^\.TH SCALEOUT-WORKER 1 "" "scaleout \Q$version\E"/m, 'the manual page is of this version');
my ($help, $nothing);
IPC::Run::run([ "$root/usr/bin/scaleout-worker", '--help' ], '>', \$help, '2>', \$nothing);
$page =~ s/\\f[IBR]|\\,|\\\/|\\//g;
for my $option ($help =~ /^  (--[a-z-]+)/mg) { like($page, qr/\Q$option\E/, "it has $option"); }

# Completion knows commands and options because it asks the programs.
my $completion = <<"BASH";
. $root/usr/share/bash-completion/completions/scaleout
ask() { COMP_WORDS=("\$\@"); COMP_CWORD=\$((\$# - 1)); _scaleout; echo "\${COMPREPLY[*]}"; }
ask $root/usr/bin/scaleout wat
ask $root/usr/bin/scaleout run --retry
ask $root/usr/bin/scaleout-worker rel
ask $root/usr/bin/scaleout-worker run --conf
ask $root/usr/bin/scaleout cert req
ask $root/usr/bin/scaleout cert request --lik
ask $root/usr/bin/scaleout help cert che
ask $root/usr/bin/scaleout-worker run --mast
BASH
my ($answers, $errors);
IPC::Run::run([ 'bash', '-c', $completion ], '>', \$answers, '2>', \$errors);
is("$answers$errors", "watch\n--retry-count\nreload\n--config\nrequest\n--like\ncheck\n\n", 'bash completes');

make('uninstall');
is_deeply([ installed() ], [], 'nothing is left');

# Who says PREFIX at "make install" only gets programs that look below it.
my $build = PostgreSQL::Test::Utils::tempdir();
for my $prefix ('/opt/one', '/opt/two', '/opt/two')
{
	my ($out, $err);
	my $before = -e "$build/worker_agent/settings.o" ? slurp_file("$build/worker_agent/settings.o") : '';
	IPC::Run::run([ 'make', "BUILD=$build", "PREFIX=$prefix", "PG_CONFIG=$pg_config", "$build/worker_agent/settings.o" ], '>', \$out, '2>', \$err);
	is($?, 0, "built for $prefix") or diag("$out$err");
	like(slurp_file("$build/worker_agent/settings.o"), qr{\Q$prefix\E/lib/scaleout/\Q$version\E/scaleout-runner\0}, 'the worker looks for its runner there');
	is($out =~ /^  CC /m ? 1 : 0, $before =~ /\Q$prefix\E/ ? 0 : 1, 'built again for another place only');
}

done_testing();
