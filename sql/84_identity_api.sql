-- 84_identity_api.sql
--
-- Identities in the public schema: enrolment, revocation, rotation.

CREATE FUNCTION catalog.create_enrollment_token(valid_for interval DEFAULT '1 hour', uses integer DEFAULT 1, enable boolean DEFAULT true,
	endpoint text DEFAULT NULL, description text DEFAULT NULL, OUT token text)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.create_enrollment_token(interval, integer, boolean, text, text) IS 'A token for scaleout-worker join: the worker is trusted, and enabled unless told otherwise';

CREATE FUNCTION catalog.revoke_enrollment_token(token_id uuid) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.revoke_enrollment_token(uuid) IS 'Nobody joins by this token any more; workers that did stay';

CREATE FUNCTION catalog.revoke_worker_certificate(thumbprint text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.revoke_worker_certificate(text) IS 'Shuts a certificate out at once, open connections too; tasks of its worker are offered again';

CREATE FUNCTION catalog.rotate_worker_certificate(workeragentid uuid) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.rotate_worker_certificate(uuid) IS 'The worker makes itself a new key and certificate; the old one is dropped when it uses them';

CREATE FUNCTION catalog.rotate_master_certificate(force boolean DEFAULT false, grace interval DEFAULT '7 days',
	certificate_file text DEFAULT NULL, key_file text DEFAULT NULL, wait_for_all boolean DEFAULT false, compromised boolean DEFAULT false,
	OUT thumbprint text)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.rotate_master_certificate(boolean, interval, text, text, boolean, boolean) IS 'Announces the next certificate to the workers and uses it when all that are enabled and online have it (wait_for_all: also those that are offline), or at once with force; compromised: the present one and older ones are refused from then on';

CREATE FUNCTION catalog.update_master_address(masteraddress text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.update_master_address(text) IS 'Where workers reach the master, https://host:port, instead of what its settings say; workers are told. NULL: by the settings again';

CREATE VIEW catalog.enrollment_tokens WITH (security_barrier) AS
	SELECT t.token_id, t.description, t.enable, t.uses, t.used, t.failed_attempts, t.created_by, t.created_time, t.valid_until, t.last_used_time,
		   t.revoked,
		   NOT t.revoked AND t.valid_until > pg_catalog.clock_timestamp() AND t.used < t.uses AND t.failed_attempts < 5 AS is_usable
	  FROM internal.enrollment_token t
	 WHERE pg_catalog.pg_has_role(current_user, 'ssis_admin', 'usage');
COMMENT ON VIEW catalog.enrollment_tokens IS 'Enrollment tokens without their secrets';

CREATE VIEW catalog.enrollment_attempts WITH (security_barrier) AS
	SELECT a.attempt_id, a.attempted_time, a.token_id, a.peer, a.thumbprint, a.agent_id AS workeragentid, a.machine_name, a.accepted, a.reason
	  FROM internal.enrollment_attempt a
	 WHERE pg_catalog.pg_has_role(current_user, 'ssis_admin', 'usage');
COMMENT ON VIEW catalog.enrollment_attempts IS 'Attempts to join, refused ones with their reason';

CREATE VIEW catalog.refused_connections WITH (security_barrier) AS
	SELECT r.last_time, r.first_time, r.connections, r.address, r.code, r.reason, nullif(r.thumbprint, '') AS thumbprint, r.subject, r.not_before, r.not_after,
		   c.agent_id AS workeragentid, c.revoked_by, c.revoked_time
	  FROM internal.refused_connection r LEFT JOIN internal.worker_certificate c ON c.thumbprint = r.thumbprint
	 WHERE pg_catalog.pg_has_role(current_user, 'ssis_admin', 'usage')
		OR pg_catalog.pg_has_role(current_user, 'ssis_cluster_executor', 'usage');
COMMENT ON VIEW catalog.refused_connections IS 'Clients that were turned away at the port of the master, and why: the last 64, at most 16 of an address or IPv6 network';

CREATE VIEW catalog.master_certificates WITH (security_barrier) AS
	SELECT c.thumbprint, c.state, c.not_before, c.not_after, c.announced_by, c.announced_time, c.forced, c.current_since, c.valid_until,
		   c.wait_for_all, c.compromised, c.succession
	  FROM internal.master_certificate c
	 WHERE pg_catalog.pg_has_role(current_user, 'ssis_admin', 'usage');
COMMENT ON VIEW catalog.master_certificates IS 'Certificates of the master: next, current, old (accepted until valid_until), retired';

CREATE VIEW catalog.master_certificate_confirmations WITH (security_barrier) AS
	SELECT w.agent_id AS workeragentid, w.display_name AS displayname, w.machine_name AS machinename, w.is_enabled AS isenabled,
		   coalesce(w.last_online_time > pg_catalog.now() - 2 * pg_catalog.current_setting('scaleout.master_heartbeat_interval', true)::interval
					- pg_catalog.current_setting('scaleout.long_poll_interval', true)::interval, false) AS is_online,
		   t.state = 'confirmed' AS confirmed, t.state, t.until
	  FROM internal.worker_agent w JOIN internal.worker_trust t ON t.agent_id = w.agent_id
	 WHERE pg_catalog.pg_has_role(current_user, 'ssis_admin', 'usage');
COMMENT ON VIEW catalog.master_certificate_confirmations IS 'Which workers have stored the thumbprints and the address of the master as they are now; state: confirmed, not confirmed, catches up (when it comes before "until"), left behind';
