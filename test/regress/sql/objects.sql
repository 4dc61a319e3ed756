-- Folders and names.
\set SHOW_CONTEXT never
SELECT catalog.create_folder('sales') > 0 AS created;
SELECT catalog.create_folder(folder_name => 'sales');
\set VERBOSITY sqlstate
SELECT catalog.create_folder('sales');
SELECT catalog.create_folder('');
SELECT catalog.create_folder(' a');
SELECT catalog.create_folder('a ');
SELECT catalog.create_folder('@a');
SELECT catalog.create_folder('a|b');
SELECT catalog.create_folder('a<b');
SELECT catalog.create_folder(E'a\tb');
SELECT catalog.create_folder(repeat('x', 129));
SELECT catalog.create_folder(NULL);
SELECT catalog.delete_folder('nothing');
SELECT catalog.delete_project('sales', 'nothing');
SELECT catalog.delete_project('nothing', 'nothing');
\set VERBOSITY default
SELECT catalog.create_folder('a|b');
SELECT catalog.create_folder(repeat('ä', 128)) > 0 AS created;
SELECT catalog.delete_folder(repeat('ä', 128));
SELECT name, description, created_by_name, created_time <= clock_timestamp() AS created FROM catalog.folders;
-- An error inside a subtransaction gives the caller his role and settings back.
SET ROLE plain_user;
SET search_path = public;
DO $$
BEGIN
	BEGIN
		PERFORM catalog.create_folder('mine');
	EXCEPTION WHEN OTHERS THEN
		RAISE NOTICE '% % % %', SQLSTATE, SQLERRM, current_user, current_setting('search_path');
	END;
END
$$;
-- Names of the caller's schemas do not reach into the functions.
CREATE FUNCTION public.pg_get_userbyid(oid) RETURNS name LANGUAGE sql AS $$ SELECT 'nobody'::name $$;
CREATE FUNCTION public.format(text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'hijacked' $$;
SET search_path = public, pg_catalog;
SELECT catalog.create_folder('mine');
RESET search_path;
DROP FUNCTION public.pg_get_userbyid(oid), public.format(text, text);
RESET ROLE;
-- The caller is the one who calls, also from a SECURITY DEFINER function and after SET ROLE.
CREATE FUNCTION public.wrapped(name text) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$ SELECT catalog.create_folder(name) $$;
ALTER FUNCTION public.wrapped(text) OWNER TO admin_user;
SET ROLE plain_user;
SELECT public.wrapped('by wrapper') > 0 AS created;
RESET ROLE;
SET ROLE admin_user;
SELECT catalog.create_folder('by role') > 0 AS created;
RESET ROLE;
SELECT name, created_by_name FROM catalog.folders ORDER BY id;
SELECT catalog.delete_folder('by role'), catalog.delete_folder('by wrapper');
DROP FUNCTION public.wrapped(text);
