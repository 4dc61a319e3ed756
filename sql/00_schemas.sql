-- 00_schemas.sql
--
-- The install script of the extension, in parts that are concatenated by
-- number: 00-29 schemas and tables, 30-59 functions behind the public API,
-- 60-79 functions of the master, 80-99 API, views, dump marks and grants.
-- Everything is schema-qualified; functions pin their search_path, and so does this script.

\echo Use "CREATE EXTENSION scaleout" to load this file. \quit

-- Operators cannot be qualified everywhere.  In the target schema, which may be
-- one where everybody creates objects, nothing must be found.
SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE SCHEMA catalog;
COMMENT ON SCHEMA catalog IS 'scaleout: functions and views for people and tools';

CREATE SCHEMA internal;
COMMENT ON SCHEMA internal IS 'scaleout: tables and rules; nothing here is an interface';

-- Roles are cluster-wide and never members of an extension, so they may exist
-- from another database.  A role that can log in or make roles was not made by
-- us, and its holder would become our administrator by accident.
DO $roles$
DECLARE
	role_name pg_catalog.text;
	existing pg_catalog.pg_roles;
BEGIN
	FOREACH role_name IN ARRAY ARRAY['ssis_admin', 'ssis_cluster_executor', 'ssis_cluster_worker', 'ssis_logreader']
	LOOP
		SELECT * INTO existing FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) role_name;
		IF NOT FOUND THEN
			BEGIN
				EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
			EXCEPTION WHEN duplicate_object OR unique_violation THEN
				NULL; -- made by another database at the same moment
			END;
		ELSIF existing.rolcanlogin OR existing.rolsuper OR existing.rolcreaterole THEN
			RAISE EXCEPTION USING
				ERRCODE = 'SO101',
				MESSAGE = pg_catalog.format('role "%s" exists and has rights that a role of scaleout must not have', role_name),
				DETAIL = 'It has LOGIN, SUPERUSER or CREATEROLE.',
				HINT = pg_catalog.format('Rename that role, or run ALTER ROLE %I NOLOGIN NOSUPERUSER NOCREATEROLE.', role_name);
		END IF;
	END LOOP;
END
$roles$;
