-- Switching on: idempotent, says what it did, one catalog per cluster.
\set SHOW_CONTEXT never
\set VERBOSITY sqlstate
SET ROLE executor_user;
SELECT * FROM catalog.enable_scaleout();
RESET ROLE;
\set VERBOSITY default
SET ROLE plain_user;
SELECT * FROM catalog.enable_scaleout();
RESET ROLE;
SELECT count(*) AS properties FROM catalog.master_properties;
SELECT step, regexp_replace(result, '[0-9a-f]{64}', 'THUMBPRINT') AS result FROM catalog.enable_scaleout();
SELECT step, regexp_replace(result, '[0-9a-f]{64}', 'THUMBPRINT') AS result FROM catalog.enable_scaleout();
-- The mark that the launcher looks for, and the binding.
SELECT d.datname, l.provider, l.label FROM pg_shseclabel l JOIN pg_database d ON d.oid = l.objoid WHERE l.provider = 'scaleout';
SELECT system_identifier = internal.system_identifier() AS system, database_oid = (SELECT oid FROM pg_database WHERE datname = current_database()) AS database,
       token = internal.read_binding_token() AS token, enabled, enabled_by FROM internal.binding;
SELECT * FROM catalog.catalog_properties ORDER BY property_name COLLATE "C";
-- The files are private and outside the data directory; the names of the certificate are those of this host.
SELECT (c).subject, (c).names @> '{master.example,localhost,127.0.0.1}' AS names, (c).not_after > now() + interval '9 years' AS lasts
  FROM internal.read_certificate(NULL) c;
-- Only one catalog of the cluster may be active.
\c scaleout_second
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION scaleout;
\set VERBOSITY sqlstate
SELECT * FROM catalog.enable_scaleout();
\set VERBOSITY default
SELECT * FROM catalog.enable_scaleout();
DROP EXTENSION scaleout;
\c scaleout_regress
\set SHOW_CONTEXT never
-- A label that a restored copy brought along is no active catalog, and goes.
SECURITY LABEL FOR scaleout ON DATABASE scaleout_second IS 'active';
SELECT step, result FROM catalog.enable_scaleout() WHERE step = 'binding';
SELECT d.datname FROM pg_shseclabel l JOIN pg_database d ON d.oid = l.objoid WHERE l.provider = 'scaleout';
-- Labels are set by us or by a restore, and say one thing only.
SECURITY LABEL FOR scaleout ON DATABASE scaleout_regress IS 'something';
SECURITY LABEL FOR scaleout ON SCHEMA catalog IS 'active';
-- An administrator who is no superuser may do it too. A copy whose token does not fit is bound anew.
SET ROLE admin_user;
SELECT step, result FROM catalog.enable_scaleout() WHERE step = 'binding';
RESET ROLE;
UPDATE internal.binding SET token = gen_random_uuid();
SELECT step, result FROM catalog.enable_scaleout() WHERE step = 'binding';
SELECT token = internal.read_binding_token() AS token, enabled_by FROM internal.binding;
-- Secrets: bound to their row and to the key.
SELECT internal.decrypt_secret(internal.encrypt_secret(0, 'geheim äß', 'row 1'), 'row 1');
SELECT internal.decrypt_secret(internal.encrypt_secret(0, '', 'row 1'), 'row 1') = '' AS empty;
SELECT internal.encrypt_secret(0, 'x', 'row 1') <> internal.encrypt_secret(0, 'x', 'row 1') AS random;
SELECT internal.decrypt_secret(internal.encrypt_secret(0, 'geheim', 'row 1'), 'row 2');
SELECT internal.decrypt_secret('\x0102', 'row 1');
SELECT internal.decrypt_secret('\x02000000000000000900000000000000000000000000000000000000000000000000000000000000', 'row 1');
\set VERBOSITY sqlstate
SELECT internal.decrypt_secret('\x0102', 'row 1');
\set VERBOSITY default
-- Partitions: ordinary tables, one range ahead, without gaps.
SELECT internal.ensure_partitions(1), internal.ensure_partitions(65000), internal.ensure_partitions(65000);
SELECT c.oid::regclass, pg_get_expr(c.relpartbound, c.oid) FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
 WHERE i.inhparent = 'internal.event_message'::regclass ORDER BY c.oid;
SELECT count(*) AS members FROM pg_depend d JOIN pg_class c ON c.oid = d.objid WHERE d.deptype = 'e' AND c.relispartition;
