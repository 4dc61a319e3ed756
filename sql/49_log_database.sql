-- 49_log_database.sql
--
-- Setting the log database, and what has to be in it.

CREATE FUNCTION internal.check_log_connection(connection_string text, by_superuser boolean) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_check_log_connection';
COMMENT ON FUNCTION internal.check_log_connection(text, boolean) IS 'Refuses a connection string that libpq cannot read, or that would use the identity of the server''s account unless by_superuser';

CREATE FUNCTION internal.update_logdb_info(caller regrole, server_name text, connection_string text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	by_superuser CONSTANT boolean := (SELECT r.rolsuper FROM pg_roles r WHERE r.oid = caller);
BEGIN
	PERFORM internal.require_admin(caller, 'set the log database');
	IF server_name IS NULL AND connection_string IS NULL THEN
		PERFORM internal.send_request(caller, 'log_database');
		RETURN;
	END IF;
	PERFORM internal.check_name('server_name', server_name);
	PERFORM internal.require_value('connection_string', connection_string IS NULL);
	IF NOT EXISTS (SELECT 1 FROM internal.binding b WHERE b.enabled) THEN
		PERFORM internal.raise_error('SO241');
	END IF;
	PERFORM internal.check_log_connection(connection_string, by_superuser);
	PERFORM internal.send_request(caller, 'log_database', payload => jsonb_build_object(
		'server_name', server_name, 'by_superuser', by_superuser,
		'secret', encode(internal.encrypt_secret(0, connection_string, 'log_database/connection_string'), 'base64')));
END
$$;
COMMENT ON FUNCTION internal.update_logdb_info(regrole, text, text) IS 'Behind catalog.update_logdb_info';

CREATE FUNCTION internal.log_database_script(caller regrole) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM internal.require_admin(caller, 'read the script of the log database');
	RETURN $script$-- Tables and role of a log database of scaleout; may be run again.
-- Run it as the owner of the database, then make a login in the role:
--   CREATE ROLE scaleout_log LOGIN PASSWORD '...' IN ROLE ssis_cluster_worker;
BEGIN;
DO $role$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'ssis_cluster_worker') THEN
		CREATE ROLE ssis_cluster_worker NOLOGIN;
	END IF;
END
$role$;
CREATE SCHEMA IF NOT EXISTS scaleout_log;
COMMENT ON SCHEMA scaleout_log IS 'Copies of event messages of scaleout catalogs';
CREATE TABLE IF NOT EXISTS scaleout_log.event_messages (
	event_message_id bigint NOT NULL,
	operation_id bigint NOT NULL,
	message_time timestamptz NOT NULL,
	message_type smallint NOT NULL,
	message_source_type smallint NOT NULL,
	message text,
	extended_info_id bigint,
	package_name text,
	event_name text,
	message_source_name text,
	message_source_id text,
	subcomponent_name text,
	package_path text,
	execution_path text,
	threadid integer,
	message_code integer,
	attempt integer NOT NULL,
	sequence bigint NOT NULL,
	code text,
	percent integer,
	progress_low integer,
	progress_high integer,
	catalog_id uuid NOT NULL,
	catalog_server text,
	folder_name text,
	project_name text,
	executed_package_name text,
	copied_time timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE scaleout_log.event_messages IS 'Events of packages: columns of catalog.event_messages, then which catalog and execution';
CREATE INDEX IF NOT EXISTS event_messages_execution ON scaleout_log.event_messages (operation_id, catalog_id);
CREATE INDEX IF NOT EXISTS event_messages_time ON scaleout_log.event_messages USING brin (message_time);
CREATE TABLE IF NOT EXISTS scaleout_log.copy_position (
	catalog_id uuid PRIMARY KEY,
	position bigint NOT NULL,
	changed_time timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE scaleout_log.copy_position IS 'How far each catalog has copied; changed in the transaction that copies';
REVOKE ALL ON scaleout_log.event_messages, scaleout_log.copy_position FROM ssis_cluster_worker;
GRANT USAGE ON SCHEMA scaleout_log TO ssis_cluster_worker;
GRANT INSERT ON scaleout_log.event_messages TO ssis_cluster_worker;
GRANT SELECT, INSERT, UPDATE ON scaleout_log.copy_position TO ssis_cluster_worker;
COMMIT;
$script$;
END
$$;
COMMENT ON FUNCTION internal.log_database_script(regrole) IS 'Behind catalog.log_database_script';

-- What the copying worker reads.

CREATE FUNCTION internal.log_copy_settings(OUT server_name text, OUT connection_string text, OUT by_superuser boolean, OUT source uuid,
	OUT last_id bigint)
RETURNS SETOF record LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT d.server_name, internal.decrypt_secret(d.connection_secret, 'log_database/connection_string'), d.by_superuser, d.source,
		   (SELECT s.last_value FROM internal.log_copy_id s)
	  FROM internal.log_database d
$$;
COMMENT ON FUNCTION internal.log_copy_settings() IS 'Where the copy goes; no row while no log database is set';

CREATE FUNCTION internal.log_copy_ranges(after bigint, row_limit integer)
RETURNS TABLE (copy_id bigint, source uuid, operation_id bigint, attempt integer, first_sequence bigint, last_sequence bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT q.copy_id, q.source, q.operation_id, q.attempt, q.first_sequence, q.last_sequence
	  FROM internal.log_copy_queue q
	 WHERE q.copy_id > after
	 ORDER BY q.copy_id
	 LIMIT row_limit
$$;
COMMENT ON FUNCTION internal.log_copy_ranges(bigint, integer) IS 'What waits to be copied, in the order of commits';

-- The names of the columns are those of scaleout_log.event_messages.
CREATE FUNCTION internal.log_copy_messages(source uuid, operation bigint, of_attempt integer, first_sequence bigint, last_sequence bigint)
RETURNS TABLE (event_message_id bigint, operation_id bigint, message_time timestamptz, message_type smallint, message_source_type smallint,
	message text, extended_info_id bigint, package_name text, event_name text, message_source_name text, message_source_id text,
	subcomponent_name text, package_path text, execution_path text, threadid integer, message_code integer, attempt integer, sequence bigint,
	code text, percent integer, progress_low integer, progress_high integer, catalog_id uuid, catalog_server text, folder_name text,
	project_name text, executed_package_name text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT m.event_message_id, m.operation_id, m.message_time, m.message_type, m.message_source_type, m.message, m.extended_info_id,
		   m.package_name, m.event_name, m.message_source_name, m.message_source_id, m.subcomponent_name, m.package_path,
		   m.execution_path, m.thread_id, m.message_code, m.attempt, m.sequence, m.code, m.percent, m.progress_low, m.progress_high,
		   $1, (SELECT s.host FROM internal.master_state s), e.folder_name, e.project_name, e.package_name
	  FROM internal.event_message m LEFT JOIN internal.execution e ON e.execution_id = m.operation_id
	 WHERE m.operation_id = $2 AND m.attempt = $3 AND m.sequence BETWEEN $4 AND $5
	 ORDER BY m.sequence
$$;
COMMENT ON FUNCTION internal.log_copy_messages(uuid, bigint, integer, bigint, bigint) IS 'The messages of one range as the log database stores them';
