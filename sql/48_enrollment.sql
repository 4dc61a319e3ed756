-- 48_enrollment.sql
--
-- Enrolment tokens, revocation and rotation: what administrators call.  Changes
-- of rows that the master writes are requests.

CREATE FUNCTION internal.own_endpoint() RETURNS text
LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'so_own_endpoint';
COMMENT ON FUNCTION internal.own_endpoint() IS 'https://host:port by the settings; NULL when the port is 0';

CREATE FUNCTION internal.prepare_next_certificate(certificate_file text, key_file text, host text, OUT thumbprint text, OUT not_before timestamptz, OUT not_after timestamptz, OUT succession boolean)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_prepare_next_certificate';
COMMENT ON FUNCTION internal.prepare_next_certificate(text, text, text) IS 'Puts the master''s next certificate and key beside the present ones: a new pair that also has the name host, or these two files of the security directory';

CREATE FUNCTION internal.certificate_has_name(host text) RETURNS boolean
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_certificate_has_name';
COMMENT ON FUNCTION internal.certificate_has_name(text) IS 'Is this host name or address one of the names of the master''s certificate?';

CREATE FUNCTION internal.probe_address(host text, port integer, OUT ok boolean, OUT cause text)
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_probe_address';
COMMENT ON FUNCTION internal.probe_address(text, integer) IS 'Does the host resolve and the port answer, as seen from this server? At most some seconds';

-- What workers are told has one version; they confirm the highest.
CREATE FUNCTION internal.announced_version() RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT greatest((SELECT max(c.version) FROM internal.master_certificate c), (SELECT s.announced_version FROM internal.master_state s), 0)
$$;
COMMENT ON FUNCTION internal.announced_version() IS 'Version of what the master announces to its workers: thumbprints and address';

CREATE FUNCTION internal.require_enabled() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT 1 FROM internal.binding b WHERE b.enabled) THEN
		PERFORM internal.raise_error('SO108');
	END IF;
END
$$;
COMMENT ON FUNCTION internal.require_enabled() IS 'SO108 unless scaleout is enabled in this database';

-- Where a new worker finds the master: the address that the master has written
-- down or was given, or what the settings say while it has not started yet.
CREATE FUNCTION internal.join_endpoint(wanted text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	endpoint text := wanted;
BEGIN
	IF endpoint IS NULL THEN
		SELECT coalesce(s.set_address, regexp_replace(s.master_address, '/ClusterManagement$', '')) INTO endpoint FROM internal.master_state s;
	END IF;
	endpoint := coalesce(endpoint, internal.own_endpoint());
	IF endpoint IS NULL THEN
		PERFORM internal.raise_error('SO152', 'the master has not started yet, so its port is not known');
	END IF;
	IF endpoint !~ '^https://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$' THEN
		PERFORM internal.raise_error('SO103', format('"%s" is not an endpoint', left(endpoint, 200)), 'Write https://host:port.');
	END IF;
	RETURN endpoint;
END
$$;
COMMENT ON FUNCTION internal.join_endpoint(text) IS 'The endpoint that goes into a token';

-- Every worker goes by it, so nothing but https://host:port passes.
CREATE FUNCTION internal.parse_address(address text, OUT host text, OUT port integer)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parts CONSTANT text[] := regexp_match(address, '^https://(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):([1-9][0-9]{0,4})$');
	label CONSTANT text := '[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?';
	good boolean := parts IS NOT NULL AND parts[2]::integer <= 65535;
BEGIN
	host := btrim(parts[1], '[]');
	port := parts[2];
	IF good AND (parts[1] LIKE '[%' OR host ~ '^[0-9.]+$') THEN
		BEGIN
			good := masklen(host::inet) = CASE WHEN parts[1] LIKE '[%' THEN 128 ELSE 32 END;
		EXCEPTION WHEN invalid_text_representation THEN
			good := false;
		END;
	ELSIF good THEN
		good := host ~ format('^%s(\.%s)*$', label, label);
	END IF;
	IF NOT good THEN
		PERFORM internal.raise_error('SO103', format('"%s" is not an address for workers', left(address, 200)),
			'Write https://host:port, for example https://etl.example:8391 or https://[2001:db8::1]:8391, and nothing behind it.');
	END IF;
END
$$;
COMMENT ON FUNCTION internal.parse_address(text) IS 'Host and port of https://host:port, or SO103';

-- A name that the certificate does not have is worth a warning only: the next
-- certificate will have it, and until then workers stay where they are.
CREATE FUNCTION internal.update_master_address(caller regrole, masteraddress text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	host text;
BEGIN
	PERFORM internal.require_admin(caller, 'change the master''s address');
	IF masteraddress IS NOT NULL THEN
		host := (internal.parse_address(masteraddress)).host;
	END IF;
	PERFORM internal.require_enabled();
	IF NOT internal.certificate_has_name(host) THEN
		RAISE WARNING 'the master''s certificate does not have the name "%": workers do not connect to it yet', host
			USING HINT = 'Run SELECT catalog.rotate_master_certificate(); after this transaction: the next certificate has it.';
	END IF;
	IF host IN ('localhost', '::1') OR host LIKE '127.%' THEN
		RAISE NOTICE 'workers on other machines cannot reach %', masteraddress;
	END IF;
	PERFORM internal.send_request(caller, 'master_address', NULL, NULL, jsonb_build_object('address', masteraddress));
END
$$;
COMMENT ON FUNCTION internal.update_master_address(regrole, text) IS 'Behind catalog.update_master_address';

-- The thumbprints that a new worker must trust: present and next.
CREATE FUNCTION internal.join_thumbprints() RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(t.thumbprint, ',' ORDER BY t.n)
	  FROM (SELECT coalesce((SELECT s.thumbprint FROM internal.master_state s), (internal.read_certificate(NULL)).thumbprint) AS thumbprint, 1 AS n
			UNION ALL
			SELECT c.thumbprint, 2 FROM internal.master_certificate c WHERE c.state = 'next') t
$$;
COMMENT ON FUNCTION internal.join_thumbprints() IS 'The thumbprints that go into a token';

CREATE FUNCTION internal.create_enrollment_token(caller regrole, valid_for interval, uses integer, enable boolean, endpoint text, description text)
RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id CONSTANT uuid := gen_random_uuid();
	-- 244 random bits, from the same source as keys.
	secret CONSTANT text := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
	address text;
BEGIN
	PERFORM internal.require_admin(caller, 'create an enrollment token');
	PERFORM internal.require_value('valid_for', valid_for IS NULL);
	PERFORM internal.require_value('uses', uses IS NULL);
	PERFORM internal.require_value('enable', enable IS NULL);
	IF valid_for <= interval '0' OR valid_for > interval '30 days' THEN
		PERFORM internal.raise_error('SO103', 'valid_for is out of range', 'It may be up to 30 days.');
	END IF;
	IF uses NOT BETWEEN 1 AND 1000 THEN
		PERFORM internal.raise_error('SO103', 'uses is out of range', 'It may be 1 to 1000.');
	END IF;
	PERFORM internal.require_enabled();
	address := internal.join_endpoint(endpoint);
	IF address ~ '^https://(localhost|127\.|\[::1\])' THEN
		RAISE NOTICE 'workers on other machines cannot reach %', address
			USING HINT = 'Set scaleout.listen_addresses and scaleout.host_name, or give an endpoint.';
	END IF;
	INSERT INTO internal.enrollment_token (token_id, secret_hash, description, enable, uses, created_by, valid_until)
	VALUES (id, sha256(convert_to(secret, 'UTF8')), description, enable, uses, pg_get_userbyid(caller), clock_timestamp() + valid_for);
	PERFORM internal.send_request(caller, 'enrollment');
	RETURN 'scaleout1.' || translate(encode(convert_to(jsonb_build_object('endpoint', address, 'thumbprint', internal.join_thumbprints(),
		'token', id, 'secret', secret)::text, 'UTF8'), 'base64'), E'+/=\n', '-_');
END
$$;
COMMENT ON FUNCTION internal.create_enrollment_token(regrole, interval, integer, boolean, text, text) IS 'Behind catalog.create_enrollment_token';

CREATE FUNCTION internal.revoke_enrollment_token(caller regrole, token_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM internal.require_admin(caller, 'revoke an enrollment token');
	PERFORM internal.require_value('token_id', token_id IS NULL);
	IF NOT EXISTS (SELECT 1 FROM internal.enrollment_token t WHERE t.token_id = $2) THEN
		PERFORM internal.raise_error('SO150', format('there is no enrollment token %s', token_id));
	END IF;
	PERFORM internal.send_request(caller, 'revoke_token', NULL, NULL, jsonb_build_object('token_id', token_id));
END
$$;
COMMENT ON FUNCTION internal.revoke_enrollment_token(regrole, uuid) IS 'Behind catalog.revoke_enrollment_token';

CREATE FUNCTION internal.revoke_worker_certificate(caller regrole, thumbprint text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	digits CONSTANT text := lower(regexp_replace(thumbprint, '[\s:]', '', 'g'));
BEGIN
	PERFORM internal.require_admin(caller, 'revoke a worker certificate');
	PERFORM internal.require_value('thumbprint', thumbprint IS NULL);
	IF NOT EXISTS (SELECT 1 FROM internal.worker_certificate c WHERE c.thumbprint = digits) THEN
		PERFORM internal.raise_error('SO151', format('there is no worker certificate with thumbprint "%s"', left(thumbprint, 200)));
	END IF;
	PERFORM internal.send_request(caller, 'revoke_certificate', NULL, NULL, jsonb_build_object('thumbprint', digits));
END
$$;
COMMENT ON FUNCTION internal.revoke_worker_certificate(regrole, text) IS 'Behind catalog.revoke_worker_certificate';

CREATE FUNCTION internal.rotate_worker_certificate(caller regrole, workeragentid uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$ SELECT internal.request_for_worker(caller, 'rotate_worker', workeragentid) $$;
COMMENT ON FUNCTION internal.rotate_worker_certificate(regrole, uuid) IS 'Behind catalog.rotate_worker_certificate';

-- What workers know of the master's certificate.  A worker knows those that were
-- there when it registered first, and what it has confirmed.
CREATE VIEW internal.worker_trust AS
	SELECT w.agent_id, known.thumbprint AS known_thumbprint, path.until,
		   CASE WHEN w.pins_version >= v.version THEN 'confirmed'
				WHEN known.state IS NULL OR known.state = 'current' THEN 'not confirmed'
				WHEN path.until > pg_catalog.clock_timestamp() THEN 'catches up'
				ELSE 'left behind' END AS state
	  FROM internal.worker_agent w
	 CROSS JOIN (SELECT greatest((SELECT pg_catalog.max(c.version) FROM internal.master_certificate c),
								 (SELECT s.announced_version FROM internal.master_state s), 0) AS version) v
	  LEFT JOIN LATERAL (SELECT c.* FROM internal.master_certificate c
						  WHERE c.current_since IS NOT NULL AND (c.version <= w.pins_version OR c.current_since <= w.registered_time)
						  ORDER BY c.current_since DESC LIMIT 1) known ON true
	  -- Statements lead from it to the present one while none of them has ended.
	  LEFT JOIN LATERAL (SELECT pg_catalog.min(c.valid_until) AS until
						   FROM internal.master_certificate c
						  WHERE c.state IN ('old', 'retired') AND c.current_since >= known.current_since
							AND NOT EXISTS (SELECT 1 FROM internal.master_certificate n
											 WHERE n.current_since > known.current_since AND NOT n.succession)) path ON true;
COMMENT ON VIEW internal.worker_trust IS 'confirmed; not confirmed (told, or offline since, and knows the present certificate); catches up (by statements of succession, until then); left behind';

CREATE FUNCTION internal.offline_workers() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT format('%s enabled workers are offline: %s%s', count(*),
				string_agg(o.label, ', ' ORDER BY o.label) FILTER (WHERE o.n <= 20), CASE WHEN count(*) > 20 THEN ' ...' ELSE '' END)
	  FROM (SELECT internal.worker_label(w.agent_id) AS label, row_number() OVER (ORDER BY w.display_name) AS n
			  FROM internal.worker_agent w
			 WHERE w.is_enabled AND NOT internal.worker_is_online(w.last_online_time)) o
	HAVING count(*) > 0);
END
$$;
COMMENT ON FUNCTION internal.offline_workers() IS 'For people; NULL when all enabled workers are online';

-- Who is not there now is no surprise later.
CREATE FUNCTION internal.warn_of_offline_workers(wait_for_all boolean, succession boolean, grace interval, thumbprint text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	offline CONSTANT text := internal.offline_workers();
BEGIN
	IF offline IS NULL THEN
		RETURN;
	ELSIF wait_for_all THEN
		RAISE NOTICE '%', offline
			USING DETAIL = 'The new certificate is used when they have come and know it.',
				  HINT = 'A machine that is gone: catalog.disable_worker_agent(). Not to wait any more: catalog.rotate_master_certificate(force => true).';
	ELSIF succession THEN
		RAISE NOTICE '%', offline
			USING DETAIL = format('They learn the new certificate when they come back within %s after it is used.', grace),
				  HINT = 'A longer grace gives them more time; wait_for_all => true waits for them.';
	ELSE
		RAISE WARNING '%', offline
			USING DETAIL = 'They will not know the new certificate, and refuse the master (SO314).',
				  HINT = format('On each of these machines set MasterHttpsCertThumbprint = %s in worker.conf before the worker is started.', thumbprint);
	END IF;
END
$$;
COMMENT ON FUNCTION internal.warn_of_offline_workers(boolean, boolean, interval, text) IS 'Part of rotate_master_certificate';

-- The files are made here, by the server's account; the master announces the
-- thumbprint and puts them in place when the workers have it.
CREATE FUNCTION internal.rotate_master_certificate(caller regrole, force boolean, grace interval, certificate_file text, key_file text,
	wait_for_all boolean, compromised boolean)
RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	facts record;
	waiting text;
	succession boolean;
BEGIN
	PERFORM internal.require_admin(caller, 'rotate the master''s certificate');
	PERFORM internal.require_value('force', force IS NULL);
	PERFORM internal.require_value('grace', grace IS NULL);
	PERFORM internal.require_value('wait_for_all', wait_for_all IS NULL);
	PERFORM internal.require_value('compromised', compromised IS NULL);
	IF wait_for_all AND (force OR compromised) THEN
		PERFORM internal.raise_error('SO103', 'wait_for_all goes neither with force nor with compromised', 'Waiting leaves a certificate in use that should go.');
	END IF;
	IF grace < interval '0' OR grace > interval '3650 days' THEN
		PERFORM internal.raise_error('SO103', 'grace is out of range', 'It may be up to 3650 days.');
	END IF;
	IF (certificate_file IS NULL) <> (key_file IS NULL) THEN
		PERFORM internal.raise_error('SO103', 'certificate_file and key_file belong together', 'Give both, or none to have a new pair made.');
	END IF;
	PERFORM internal.require_enabled();
	PERFORM pg_advisory_xact_lock(hashtext('scaleout.master_certificate'));
	SELECT c.thumbprint INTO waiting FROM internal.master_certificate c WHERE c.state = 'next';
	IF waiting IS NOT NULL AND force AND certificate_file IS NULL THEN
		PERFORM internal.send_request(caller, 'rotate_master', NULL, NULL, jsonb_build_object('thumbprint', waiting, 'force', true, 'grace', grace,
			'compromised', compromised));
		PERFORM internal.warn_of_offline_workers(false, NOT compromised AND grace > interval '0', grace, waiting);
		RETURN waiting;
	END IF;
	IF waiting IS NOT NULL OR EXISTS (SELECT 1 FROM internal.request r WHERE r.kind = 'rotate_master') THEN
		PERFORM internal.raise_error('SO153', NULL, CASE WHEN waiting IS NOT NULL THEN format('Thumbprint %s is announced.', waiting) END);
	END IF;
	facts := internal.prepare_next_certificate(certificate_file, key_file,
		(SELECT (internal.parse_address(s.set_address)).host FROM internal.master_state s WHERE s.set_address IS NOT NULL));
	IF EXISTS (SELECT 1 FROM internal.master_certificate c WHERE c.thumbprint = facts.thumbprint AND c.state <> 'old') THEN
		PERFORM internal.raise_error('SO103', format('certificate %s is or was the master''s', facts.thumbprint), 'Give another one.');
	END IF;
	succession := facts.succession AND NOT compromised AND grace > interval '0';
	PERFORM internal.warn_of_offline_workers(wait_for_all, succession, grace, facts.thumbprint);
	PERFORM internal.send_request(caller, 'rotate_master', NULL, NULL, jsonb_build_object('thumbprint', facts.thumbprint, 'force', force,
		'grace', grace, 'not_before', facts.not_before, 'not_after', facts.not_after, 'wait_for_all', wait_for_all, 'compromised', compromised,
		'succession', succession));
	RETURN facts.thumbprint;
END
$$;
COMMENT ON FUNCTION internal.rotate_master_certificate(regrole, boolean, interval, text, text, boolean, boolean) IS 'Behind catalog.rotate_master_certificate';
