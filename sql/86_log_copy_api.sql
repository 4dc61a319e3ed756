-- 86_log_copy_api.sql
--
-- The log database in the public schema.

CREATE FUNCTION catalog.update_logdb_info(server_name text, connection_string text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.update_logdb_info(text, text) IS 'Sets the log database that gets a copy of event messages, in effect at once; NULL, NULL: none';

CREATE FUNCTION catalog.log_database_script(OUT script text)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.log_database_script() IS 'SQL that makes the tables and the role of a log database; to be run there';

CREATE VIEW catalog.log_copy WITH (security_barrier) AS
	SELECT d.server_name, d.changed_by, d.changed_time, d.state, d.state_since, d.code, d.message, d.hint, d.copied_messages, d.copied_time,
		   w.messages AS waiting_messages, w.since AS waiting_since, d.lost_messages, d.lost_time
	  FROM internal.log_database d
	  CROSS JOIN LATERAL (SELECT coalesce(pg_catalog.sum(q.messages), 0)::bigint AS messages, pg_catalog.min(q.queued_time) AS since FROM internal.log_copy_queue q) w
	 WHERE pg_catalog.pg_has_role(current_user, 'ssis_admin', 'usage');
COMMENT ON VIEW catalog.log_copy IS 'The log database and how the copy stands; no row while none is set';
