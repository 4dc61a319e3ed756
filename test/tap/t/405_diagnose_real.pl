# Symptoms that take another installation or another clock (docs/troubleshooting.md):
# a server that runs with the library of another version, a catalog that was not
# updated, a machine whose clock is wrong.
use strict;
use warnings;

use Cwd qw(realpath);
use File::Basename qw(dirname);
use IPC::Run;
use JSON::PP;
use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;
use Scaleout::Symptom;

sub must
{
	my (@command) = @_;
	my $output = '';
	IPC::Run::run(\@command, '<', \undef, '>&', \$output) or die "@command: $output";
	return $output;
}

# ---- an installation of our own: the server finds its files from where it stands ----

my $root = realpath(PostgreSQL::Test::Utils::tempdir());
my %place = map { $_ => must($ENV{PG_CONFIG} // 'pg_config', "--$_") =~ s/\n//r } qw(bindir pkglibdir sharedir);
my $common = $place{bindir};
$common = dirname($common) while grep { index("$_/", "$common/") != 0 } values %place;
for my $what (keys %place)
{
	my $to = $root . substr($place{$what}, length $common);
	must('mkdir', '-p', dirname($to));
	must('cp', '-rL', $place{$what}, dirname($to));
	$place{$what} = $to;
}
local $ENV{PATH} = "$place{bindir}:$ENV{PATH}";
my $library = "$place{pkglibdir}/scaleout.so";
my ($version) = slurp_file("$place{sharedir}/extension/scaleout.control") =~ /^default_version = '([0-9.]+)'/m or die 'no version';
my $old = '0.0.9';
die "$version is as long as $old" unless length $version == length $old;

# Puts the file in the place of the other one, as a package manager does: who has
# loaded the old one keeps it.
sub install
{
	my ($file, $text) = @_;
	append_to_file("$file.new", $text);
	chmod 0755, "$file.new";
	rename "$file.new", $file or die $!;
	return;
}

my $system = Scaleout::System->new('real', settings => { 'scaleout.probe_interval' => '200ms', 'scaleout.master_heartbeat_interval' => '500ms', 'scaleout.long_poll_interval' => '500ms' });
is($system->sql("SELECT setting LIKE '$root%' FROM pg_config WHERE name = 'PKGLIBDIR'"), 't', 'the server has an installation of its own');
$system->deploy('f', 'p', empty => { executables => [] });
my $agent = $system->add_agent('one');
my $directory = realpath($agent->{directory});

sub works
{
	my ($name) = @_;
	my $id = $system->run('f', 'p', 'empty', 'runinscaleout => true');
	ok(eval { $system->wait_status($id, 7) }, $name) or diag(explain(Scaleout::Symptom::explain($system, $id)));
	return;
}
works('it works');

my $good = slurp_file($library);
(my $outdated = $good) =~ s/\Q$version\E/$old/g;
ok($outdated ne $good, 'a library of another version');
Scaleout::Symptom::symptom($system, 'the server runs with the library of another version',
	make => sub {
		install($library, $outdated);
		$system->node->restart;
		install($library, $good);
	},
	check => 'versions', cause => qr/^The library is of version $old, the extension of version \Q$version\E\.$/,
	cure => qr/^Restart the server: it runs with the library of version $old, and the files of version \Q$version\E are installed\./) or die 'it stays';
works('and it works with the right one');

Scaleout::Symptom::symptom($system, 'the catalog was not updated',
	make => sub {
		my $extension = "$place{sharedir}/extension/scaleout";
		append_to_file("$extension--$version--$old.sql", "-- Nothing but its number was different.\n");
		append_to_file("$extension--$old--$version.sql", "-- Nothing but its number is different.\n");
		$system->sql("ALTER EXTENSION scaleout UPDATE TO '$old'");
	},
	check => 'versions', cause => qr/^The library is of version \Q$version\E, the extension of version $old\.$/, cure => qr/^Run ALTER EXTENSION scaleout UPDATE;$/) or die 'it stays';
works('and it works with the updated one');

# ---- the clock -------------------------------------------------------------------------

SKIP:
{
	skip 'there is no program faketime', 6 if system('faketime --version >/dev/null 2>&1') != 0;
	# The sanitizers want to come before the library that changes the clock.
	local $ENV{ASAN_OPTIONS} = join(':', $ENV{ASAN_OPTIONS} // (), 'verify_asan_link_order=0', 'detect_leaks=0');
	my $doctor = sub {
		my (@clock) = @_;
		my ($out, $err) = ('', '');
		IPC::Run::run([ @clock, Scaleout::System::program('scaleout'), 'doctor', '--directory', $directory, '--json' ], '<', \undef, '>', \$out, '2>', \$err);
		my %row = map { $_->{check} => $_ } @{ JSON::PP->new->decode($out) };
		return \%row;
	};
	my %wrong = ('+3h' => 10800, '-3h' => 10800);
	for my $shift (sort keys %wrong)
	{
		my $row = $doctor->('faketime', '-f', $shift)->{clock};
		is($row->{result}, 'warning', "the clock is wrong by $shift");
		my ($seconds) = $row->{cause} =~ /(\d+) s\b/;
		cmp_ok(abs($seconds - $wrong{$shift}), '<', 120, 'by how much') or diag(explain $row);
	}
	is($doctor->()->{clock}{result}, 'ok', 'with the right time it is ok');
	like($doctor->('faketime', '-f', '+40y')->{"worker's certificate valid"}{cause}, qr/SO306/, 'where the clock is in another century, the certificate looks expired');
}

is(join(', ', Scaleout::Symptom::missing('405_diagnose_real')), '', 'every result that this test is to see was seen');
$system->stop;
done_testing();
