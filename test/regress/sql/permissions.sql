-- Who may do what. Every refusal is SO104, and no row is shown.
\set SHOW_CONTEXT never
SELECT max(execution_id) AS id FROM catalog.executions WHERE status = 5 \gset
SELECT catalog.create_execution('sales', 'nightly', 'empty') AS created \gset
CREATE FUNCTION public.try_all(id bigint) RETURNS TABLE (call text, state text) LANGUAGE plpgsql AS $$
BEGIN
	FOREACH call IN ARRAY ARRAY[
		$c$catalog.enable_scaleout()$c$, $c$catalog.disable_scaleout()$c$, $c$catalog.create_folder('x')$c$, $c$catalog.delete_folder('sales')$c$,
		$c$catalog.delete_project('sales', 'nightly')$c$, $c$catalog.deploy_packages('sales', 'nightly', NULL)$c$,
		$c$catalog.create_execution('sales', 'nightly', 'nothing')$c$, $c$catalog.run_package('sales', 'nightly', 'nothing')$c$,
		format('catalog.set_execution_parameter_value(%s, 50, %L, 1)', id, 'LOGGING_LEVEL'), format('catalog.set_execution_parameter_value(%s, 50, %L, %L)', id, 'LOGGING_LEVEL', '1'),
		format('catalog.set_execution_property_override_value(%s, %L, %L, false)', id, '\Package.Properties[a]', 'b'),
		format('catalog.add_execution_worker(%s, %L)', id, '00000000-0000-0000-0000-000000000001'), format('catalog.start_execution(%s)', id), format('catalog.stop_operation(%s)', id),
		$c$catalog.enable_worker_agent('00000000-0000-0000-0000-000000000001')$c$, $c$catalog.disable_worker_agent('00000000-0000-0000-0000-000000000001')$c$,
		$c$catalog.set_worker_agent_property('00000000-0000-0000-0000-000000000001', 'Tags', 'x')$c$, $c$catalog.trust_worker_certificate('x')$c$,
		$c$catalog.remove_worker_agent('00000000-0000-0000-0000-000000000001')$c$]
	LOOP
		BEGIN
			EXECUTE 'SELECT * FROM ' || call;
			state := 'done';
			RAISE EXCEPTION USING ERRCODE = '00001';
		EXCEPTION WHEN SQLSTATE '00001' THEN NULL;
			WHEN OTHERS THEN state := SQLSTATE;
		END;
		call := substring(call FROM '\w+\.(\w+)');
		RETURN NEXT;
	END LOOP;
END
$$;
SET ROLE plain_user;
SELECT * FROM public.try_all(:created);
SET ROLE executor_user;
SELECT * FROM public.try_all(:created);
SET ROLE reader_user;
SELECT * FROM public.try_all(:created);
RESET ROLE;
-- An executor changes and stops his own executions, not those of others.
SET ROLE executor_user;
SELECT catalog.create_execution('sales', 'nightly', 'empty') AS own \gset
SET ROLE other_executor;
\set VERBOSITY default
SELECT catalog.stop_operation(:own);
SELECT catalog.start_execution(:own);
SET ROLE executor_user;
SELECT catalog.stop_operation(:own);
-- Rows.
RESET ROLE;
CREATE FUNCTION public.visible() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	view text;
	visible boolean;
	list text := '';
BEGIN
	FOR view IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'catalog'::regnamespace AND c.relkind = 'v' ORDER BY c.relname COLLATE "C" LOOP
		EXECUTE format('SELECT EXISTS (SELECT 1 FROM catalog.%I)', view) INTO visible;
		list := list || CASE WHEN visible THEN ' ' || view ELSE '' END;
	END LOOP;
	RETURN list;
END
$$;
SET ROLE plain_user;
SELECT public.visible() AS plain;
SET ROLE executor_user;
SELECT public.visible() AS executor;
SET ROLE reader_user;
SELECT public.visible() AS reader;
SET ROLE admin_user;
SELECT public.visible() AS admin;
RESET ROLE;
-- A cheap function in WHERE does not see hidden rows; internal tables are closed.
SET ROLE plain_user;
CREATE FUNCTION public.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
SELECT count(*) FROM catalog.executions WHERE public.leak(package_name);
SELECT count(*) FROM internal.operation;
SELECT internal.property('SCHEMA_VERSION');
DROP FUNCTION public.leak(text);
RESET ROLE;
DROP FUNCTION public.visible(), public.try_all(bigint);
-- Whatever is in the schemas: to a plain role every function refuses or knows nothing, and nothing internal is open.
CREATE FUNCTION public.try_every() RETURNS TABLE (call text, state text) LANGUAGE plpgsql AS $$
DECLARE
	statement text;
BEGIN
	FOR call, statement IN
		SELECT p.oid::regprocedure::text, format('SELECT * FROM %s(%s)', p.oid::regproc, coalesce((
				SELECT string_agg(CASE WHEN t.typname = 'text' THEN quote_literal('x') WHEN t.typname = 'anyelement' THEN '1' WHEN t.typname = 'bool' THEN 'true'
						WHEN t.typname = 'uuid' THEN quote_literal('00000000-0000-0000-0000-000000000001') WHEN t.typname = 'interval' THEN quote_literal('1 hour')
						WHEN t.typname IN ('int4', 'int8') THEN '1' ELSE 'NULL::' || format_type(t.oid, NULL) END, ', ' ORDER BY a.n)
				  FROM unnest(p.proargtypes) WITH ORDINALITY AS a (type, n) JOIN pg_type t ON t.oid = a.type), ''))
		  FROM pg_proc p WHERE p.pronamespace = 'catalog'::regnamespace AND p.prokind = 'f'
	LOOP
		BEGIN
			EXECUTE statement;
			state := 'done';
		EXCEPTION WHEN OTHERS THEN
			state := SQLSTATE;
		END;
		RETURN NEXT;
	END LOOP;
END
$$;
SET ROLE plain_user;
SELECT count(*) > 30 AS tried, array_agg(t.call) FILTER (WHERE t.state NOT IN ('SO103', 'SO104', 'SO120', 'SO121', 'SO144', 'SO160')) AS not_refused FROM public.try_every() t;
RESET ROLE;
SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'internal'::regnamespace AND has_function_privilege('plain_user', p.oid, 'EXECUTE');
SELECT c.oid::regclass FROM pg_class c
 WHERE c.relnamespace = 'internal'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND has_table_privilege('plain_user', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE');
DROP FUNCTION public.try_every();
