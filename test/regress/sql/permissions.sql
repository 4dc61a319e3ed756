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
