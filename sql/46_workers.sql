-- 46_workers.sql
--
-- Workers: every change is a request, because the master writes their rows.

CREATE FUNCTION internal.request_for_worker(caller regrole, kind text, worker uuid, payload jsonb DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM internal.require_admin(caller, 'change a worker agent');
	PERFORM internal.require_value('workeragentid', worker IS NULL);
	IF NOT EXISTS (SELECT 1 FROM internal.worker_agent w WHERE w.agent_id = worker) THEN
		PERFORM internal.raise_error('SO131', format('there is no worker agent %s', worker));
	END IF;
	PERFORM internal.send_request(caller, kind, NULL, worker, payload);
END
$$;
COMMENT ON FUNCTION internal.request_for_worker(regrole, text, uuid, jsonb) IS 'Checks and sends a request about a worker';

CREATE FUNCTION internal.enable_worker_agent(caller regrole, workeragentid uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$ SELECT internal.request_for_worker(caller, 'enable_worker', workeragentid) $$;
COMMENT ON FUNCTION internal.enable_worker_agent(regrole, uuid) IS 'Behind catalog.enable_worker_agent';

CREATE FUNCTION internal.disable_worker_agent(caller regrole, workeragentid uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$ SELECT internal.request_for_worker(caller, 'disable_worker', workeragentid) $$;
COMMENT ON FUNCTION internal.disable_worker_agent(regrole, uuid) IS 'Behind catalog.disable_worker_agent';

CREATE FUNCTION internal.remove_worker_agent(caller regrole, workeragentid uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$ SELECT internal.request_for_worker(caller, 'remove_worker', workeragentid) $$;
COMMENT ON FUNCTION internal.remove_worker_agent(regrole, uuid) IS 'Behind catalog.remove_worker_agent';

CREATE FUNCTION internal.set_worker_agent_property(caller regrole, workeragentid uuid, propertyname text, propertyvalue text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM internal.require_value('propertyname', propertyname IS NULL);
	IF propertyname NOT IN ('DisplayName', 'Description', 'Tags') THEN
		PERFORM internal.raise_error('SO103', format('"%s" is not a property of worker agents', left(propertyname, 200)),
			'The properties are DisplayName, Description and Tags.');
	END IF;
	IF propertyname <> 'Tags' AND length(propertyvalue) > 256 THEN
		PERFORM internal.raise_error('SO103', format('the value of %s is too long', propertyname), 'It may have 256 characters.');
	END IF;
	PERFORM internal.request_for_worker(caller, 'set_worker_property', workeragentid,
		jsonb_build_object('property_name', propertyname, 'property_value', propertyvalue));
END
$$;
COMMENT ON FUNCTION internal.set_worker_agent_property(regrole, uuid, text, text) IS 'Behind catalog.set_worker_agent_property';

-- The row is inserted once; whatever changes it later is the master's.
CREATE FUNCTION internal.trust_worker_certificate(caller regrole, pem text, enable boolean) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	facts record;
BEGIN
	PERFORM internal.require_admin(caller, 'trust a worker certificate');
	PERFORM internal.require_value('pem', pem IS NULL);
	PERFORM internal.require_value('enable', enable IS NULL);
	facts := internal.read_certificate(pem);
	INSERT INTO internal.worker_certificate (thumbprint, subject, names, not_before, not_after, trusted_by, enable_on_register)
	VALUES (facts.thumbprint, facts.subject, facts.names, facts.not_before, facts.not_after, pg_get_userbyid(caller), enable)
		ON CONFLICT (thumbprint) DO NOTHING;
	PERFORM internal.send_request(caller, 'trust', NULL, NULL, jsonb_build_object('thumbprint', facts.thumbprint, 'enable', enable));
	RETURN facts.thumbprint;
END
$$;
COMMENT ON FUNCTION internal.trust_worker_certificate(regrole, text, boolean) IS 'Behind catalog.trust_worker_certificate';
