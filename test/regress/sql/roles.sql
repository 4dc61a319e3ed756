-- The extension comes into a database; roles are there when it has come.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION scaleout;
SELECT rolname, rolcanlogin, rolsuper, rolcreaterole FROM pg_roles WHERE rolname LIKE 'ssis\_%' ORDER BY rolname COLLATE "C";

-- In a second database the roles exist already; one with rights is refused.
CREATE DATABASE scaleout_second;
\c scaleout_second
CREATE EXTENSION scaleout;
DROP EXTENSION scaleout;
ALTER ROLE ssis_logreader LOGIN;
\set SHOW_CONTEXT never
CREATE EXTENSION scaleout;
\set VERBOSITY sqlstate
CREATE EXTENSION scaleout;
\set VERBOSITY default
ALTER ROLE ssis_logreader NOLOGIN;
CREATE ROLE database_owner NOLOGIN;
ALTER DATABASE scaleout_second OWNER TO database_owner;
SET ROLE database_owner;
CREATE EXTENSION scaleout;
RESET ROLE;

-- Only UTF8.
CREATE DATABASE scaleout_ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C';
\c scaleout_ascii
\set SHOW_CONTEXT never
CREATE EXTENSION scaleout;
\set VERBOSITY sqlstate
SELECT * FROM catalog.enable_scaleout();
\set VERBOSITY default
SELECT * FROM catalog.enable_scaleout();
\c scaleout_regress
DROP DATABASE scaleout_ascii;

-- Accounts for the tests that follow.
CREATE ROLE admin_user;
GRANT ssis_admin TO admin_user;
CREATE ROLE executor_user;
GRANT ssis_cluster_executor TO executor_user;
CREATE ROLE other_executor;
GRANT ssis_cluster_executor TO other_executor;
CREATE ROLE reader_user;
GRANT ssis_logreader TO reader_user;
CREATE ROLE plain_user;
GRANT USAGE, CREATE ON SCHEMA public TO plain_user;

-- Every public function is the entry, SECURITY INVOKER, not strict, unsafe in parallel.
SELECT count(*) > 20 AS many,
       count(*) FILTER (WHERE prosrc NOT IN ('so_entry', 'so_diagnose_scaleout') AND prokind = 'f') AS not_entry,
       count(*) FILTER (WHERE prosecdef OR proisstrict OR proparallel <> 'u' OR proconfig IS NOT NULL) AS wrong
  FROM pg_proc WHERE pronamespace = 'catalog'::regnamespace;
-- Every entry has its counterpart, and nothing in schema internal is open.
SELECT p.oid::regprocedure FROM pg_proc p
 WHERE p.pronamespace = 'catalog'::regnamespace AND p.prosrc = 'so_entry'
   AND NOT EXISTS (SELECT 1 FROM pg_proc i WHERE i.pronamespace = 'internal'::regnamespace AND i.proname = p.proname);
SELECT has_schema_privilege('plain_user', 'internal', 'usage') AS usage,
       (SELECT count(*) FROM pg_proc WHERE pronamespace = 'internal'::regnamespace AND has_function_privilege('plain_user', oid, 'execute')) AS functions,
       (SELECT count(*) FROM pg_class WHERE relnamespace = 'internal'::regnamespace AND relkind IN ('r', 'p', 'v') AND has_table_privilege('plain_user', oid, 'select, insert, update, delete')) AS tables;
-- Everything is described.
SELECT c.oid::regclass FROM pg_class c
 WHERE c.relnamespace IN ('catalog'::regnamespace, 'internal'::regnamespace) AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition AND obj_description(c.oid, 'pg_class') IS NULL;
SELECT p.oid::regprocedure FROM pg_proc p
 WHERE p.pronamespace IN ('catalog'::regnamespace, 'internal'::regnamespace) AND obj_description(p.oid, 'pg_proc') IS NULL;
