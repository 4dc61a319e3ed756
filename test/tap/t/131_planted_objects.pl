# Somebody who may create objects in schema public has put operators there before
# the extension is created: none of them is ever run, neither by the install script
# and the views nor by the master, the diagnosis and the client.
use strict;
use warnings;

use Test::More;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;

my $system = Scaleout::System->new('planted', enable => 0, settings => {
	max_locks_per_transaction => 2000, 'scaleout.master_heartbeat_interval' => '500ms' });
my $node = $system->node;
$system->sql('CREATE ROLE mallory LOGIN; CREATE SCHEMA trap; CREATE SEQUENCE trap.sprung; GRANT USAGE ON SCHEMA trap TO PUBLIC;
	GRANT USAGE ON SEQUENCE trap.sprung TO PUBLIC; GRANT CREATE, USAGE ON SCHEMA public TO mallory');
# Wherever pg_catalog has no operator for exactly these types, one of theirs would be preferred to a conversion.
my ($status, $out, $err) = $node->psql('postgres', q{
	SET search_path = pg_catalog;
	DO $plant$
	DECLARE
		types CONSTANT regtype[] := '{boolean, smallint, integer, bigint, text, name, uuid, timestamptz, interval, oid, regrole, jsonb, json, text[], bigint[]}';
		names CONSTANT name[] := '{=, <>, <, >, ||, ->, ->>, #>>, +, -, ~}';
		planted integer := 0;
		operator name;
		a regtype;
		b regtype;
	BEGIN
		FOREACH operator IN ARRAY names LOOP
			FOREACH a IN ARRAY types LOOP
				FOREACH b IN ARRAY types LOOP
					CONTINUE WHEN EXISTS (SELECT FROM pg_operator p WHERE p.oprname = operator AND p.oprleft = a AND p.oprright = b);
					planted := planted + 1;
					EXECUTE format('CREATE FUNCTION public.spring_%s(%s, %s) RETURNS boolean LANGUAGE sql AS $$ SELECT nextval(''trap.sprung'') > 0 $$', planted, a, b);
					EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.spring_%s)', operator, a, b, planted);
				END LOOP;
			END LOOP;
		END LOOP;
		ASSERT planted > 1000;
	END
	$plant$;
	SET search_path = public; SELECT 1::oid = 1::regrole;}, extra_params => [ '-U', 'mallory' ], on_error_stop => 1);
is("$status $out", '0 t', 'the trap is set') or diag($err);
sub sprung { return $system->sql("SELECT pg_catalog.set_config('search_path', 'pg_catalog', false); SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM trap.sprung") =~ s/.*\n//sr; }
my $set = sprung();
cmp_ok($set, '>', 0, 'and works');

$system->sql('CREATE EXTENSION scaleout');
$system->enable;
is($system->sql("SET search_path = pg_catalog; SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend d JOIN pg_operator p ON d.refclassid = 'pg_operator'::regclass AND d.refobjid = p.oid WHERE p.oprnamespace = 'public'::regnamespace"),
	'', 'nothing of the extension uses them');
$system->deploy('f', 'p', empty => { executables => [] });
$system->add_agent('one');
my $id = $system->run('f', 'p', 'empty');
$system->wait_status($id, 7);
$system->sql("SET search_path = public; SELECT count(*) FROM catalog.$_") for split /\n/, $system->sql("SET search_path = pg_catalog; SELECT relname FROM pg_class WHERE relnamespace = 'catalog'::regnamespace AND relkind = 'v'");
$system->sql("SET search_path = public; SELECT * FROM catalog.$_") for 'diagnose_scaleout()', "explain_execution($id)", 'create_enrollment_token()';
$system->sql('SET search_path = public; SELECT catalog.rotate_master_certificate()');
for my $arguments ([ 'list' ], [ 'workers' ], [ 'logs', $id ], [ 'watch', $id ], [ 'run', 'f/p/empty' ])
{
	my $said = '';
	IPC::Run::run([ Scaleout::System::program('scaleout'), @$arguments, '-h', $node->host, '-p', $node->port, '-d', 'postgres' ], '<', \'', '>&', \$said, IPC::Run::timeout(60));
	unlike($said, qr/^usage|unknown option/im, "scaleout $arguments->[0]") or diag($said);
}
is(sprung(), $set, 'nobody has stepped into the trap');
$system->stop;
done_testing();
