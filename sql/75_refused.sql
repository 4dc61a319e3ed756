-- 75_refused.sql
--
-- Connections that the gateway has refused: a worker that is not trusted would
-- otherwise only look offline here, or not exist at all.

-- Times come as ages, because the gateway counts them on a clock of its own.
CREATE FUNCTION internal.master_refused(refused text[]) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO internal.refused_connection AS r (code, address, network, thumbprint, reason, subject, not_before, not_after, first_time, last_time, connections)
	SELECT x.code, x.address, x.network, x.thumbprint, x.reason, nullif(x.subject, ''), to_timestamp(x.not_before), to_timestamp(x.not_after),
		   clock_timestamp() - make_interval(secs => x.first_ago_ms / 1000.0), clock_timestamp() - make_interval(secs => x.last_ago_ms / 1000.0), x.count
	  FROM unnest(refused) AS u (document)
	 CROSS JOIN LATERAL jsonb_to_record(u.document::jsonb) AS x (code text, address text, network text, thumbprint text, reason text, subject text,
			not_before bigint, not_after bigint, first_ago_ms bigint, last_ago_ms bigint, count bigint)
		ON CONFLICT (code, address, thumbprint) DO UPDATE
		SET reason = EXCLUDED.reason, subject = EXCLUDED.subject, not_before = EXCLUDED.not_before, not_after = EXCLUDED.not_after,
			last_time = EXCLUDED.last_time, connections = r.connections + EXCLUDED.connections;
	-- What was seen least recently makes room; one network, however loud, has its share only.
	DELETE FROM internal.refused_connection r
	 USING (SELECT k.code, k.address, k.thumbprint, row_number() OVER (ORDER BY k.of_network > 16, k.last_time DESC) AS place, k.of_network
			  FROM (SELECT c.*, row_number() OVER (PARTITION BY c.network ORDER BY c.last_time DESC) AS of_network FROM internal.refused_connection c) k) s
	 WHERE (s.place > 64 OR s.of_network > 16) AND r.code = s.code AND r.address = s.address AND r.thumbprint = s.thumbprint
$$;
COMMENT ON FUNCTION internal.master_refused(text[]) IS 'Adds what the gateway has refused since the last sign of life; keeps 64 entries';

CREATE FUNCTION internal.refused_how_often(refused internal.refused_connection) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN refused.connections = 1 THEN format('refused once, at %s', refused.last_time::timestamptz(0))
				ELSE format('refused %s times since %s, the last time at %s', refused.connections, refused.first_time::timestamptz(0), refused.last_time::timestamptz(0)) END
$$;
COMMENT ON FUNCTION internal.refused_how_often(internal.refused_connection) IS 'How often a client was refused, for people';

-- Somebody who shows a certificate that is not trusted; NULL when it is trusted meanwhile.
-- Its dates say nothing about the refusal, but an old one should not be trusted for long.
CREATE FUNCTION internal.refused_certificate(refused internal.refused_connection, OUT cause text, OUT cure text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known internal.worker_certificate;
	newer text;
	dates text;
	trust CONSTANT text := 'copy worker.crt of that machine here and run scaleout workers trust --enable worker.crt';
BEGIN
	SELECT * INTO known FROM internal.worker_certificate c WHERE c.thumbprint = refused.thumbprint;
	IF NOT known.revoked THEN
		RETURN;
	END IF;
	SELECT c.thumbprint INTO newer FROM internal.worker_certificate c WHERE c.replaces = refused.thumbprint AND NOT c.revoked LIMIT 1;
	dates := CASE WHEN refused.not_after < clock_timestamp() THEN format(' It expired at %s.', refused.not_after::timestamptz(0))
				  WHEN refused.not_before > clock_timestamp() THEN format(' It is valid from %s on; it is %s here.', refused.not_before::timestamptz(0), clock_timestamp()::timestamptz(0)) END;
	cause := format('%s: a machine at %s shows the certificate %s ("%s"), which %s; %s.%s', refused.code, refused.address, refused.thumbprint, refused.subject,
		CASE WHEN known.thumbprint IS NULL THEN 'is not trusted here'
			 WHEN newer IS NOT NULL THEN format('its worker (%s) replaced by %s at %s', known.agent_id, newer, known.revoked_time::timestamptz(0))
			 WHEN NOT EXISTS (SELECT 1 FROM internal.worker_agent w WHERE w.agent_id = known.agent_id) AND known.agent_id IS NOT NULL
				THEN format('is revoked: %s removed its worker (%s) at %s', coalesce(known.revoked_by, 'somebody'), known.agent_id, coalesce(known.revoked_time::timestamptz(0)::text, 'no known time'))
			 ELSE format('%s revoked at %s', coalesce(known.revoked_by, 'somebody'), coalesce(known.revoked_time::timestamptz(0)::text, 'no known time')) END,
		internal.refused_how_often(refused), dates);
	cure := CASE
		WHEN known.thumbprint IS NULL THEN
			format('If it is a worker of yours, %s%s; or run SELECT catalog.create_enrollment_token(); here and scaleout-worker join TOKEN on that machine, in a new folder.', trust,
				CASE WHEN dates IS NOT NULL THEN '; when it has come, the row "worker''s certificate valid" says how it gets a new one' END)
		WHEN newer IS NOT NULL THEN format('Put the newer certificate and its key back on that machine; or, if they are lost, %s', trust)
		ELSE format('If that was not on purpose, %s; otherwise end that worker: systemctl disable --now scaleout-worker on that machine.', trust) END;
END
$$;
COMMENT ON FUNCTION internal.refused_certificate(internal.refused_connection) IS 'Why a certificate was refused, and what to do; NULL when it is trusted by now';

-- Somebody who has not even come to show a certificate.
CREATE FUNCTION internal.refused_client(refused internal.refused_connection, OUT cause text, OUT cure text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	endpoint CONSTANT text := (SELECT substring(coalesce(s.set_address, s.master_address) FROM '^https://[^/]+') FROM internal.master_state s);
	served CONSTANT text := (SELECT s.thumbprint FROM internal.master_state s);
BEGIN
	cause := format('%s: a client at %s %s; %s.', refused.code, refused.address,
		CASE refused.code WHEN 'SO301' THEN 'sends no certificate'
						  WHEN 'SO342' THEN 'speaks plain HTTP to the TLS port'
						  WHEN 'SO343' THEN 'speaks a TLS older than 1.2'
						  WHEN 'SO344' THEN 'does not accept the certificate of the master'
						  WHEN 'SO316' THEN 'wants to join while too many others do'
						  ELSE format('does not get through the TLS handshake (%s)', refused.reason) END,
		internal.refused_how_often(refused));
	cure := CASE refused.code
		WHEN 'SO301' THEN 'If it is to be a worker, run SELECT catalog.create_enrollment_token(); here and scaleout-worker join TOKEN on that machine; otherwise it has no business here.'
		WHEN 'SO342' THEN format('If it is a worker, MasterEndpoint there must be %s; a probe of a load balancer must only connect.', endpoint)
		WHEN 'SO343' THEN format('Let it use TLS 1.2 or newer; a worker at %s does so by itself.', endpoint)
		WHEN 'SO344' THEN format('Run scaleout doctor on that machine: it says whether thumbprint, host name or clock is not right. The thumbprint here is %s (MasterHttpsCertThumbprint).', served)
		WHEN 'SO316' THEN 'Try again in a minute; if it stays so, SELECT address, connections FROM catalog.refused_connections; shows who knocks: keep them out by the firewall.'
		ELSE 'If it is a worker, scaleout doctor on that machine says what is in the way; otherwise it has no business here.' END;
END
$$;
COMMENT ON FUNCTION internal.refused_client(internal.refused_connection) IS 'What was wrong with a client without a certificate, and what to do';

-- Whoever joined from the same address after that has done what was to be done.
CREATE FUNCTION internal.diagnose_refused(since interval DEFAULT '1 hour', unknown_only boolean DEFAULT false) RETURNS SETOF internal.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	refused internal.refused_connection;
	found_reason record;
BEGIN
	FOR refused IN
		SELECT r.* FROM internal.refused_connection r
		 WHERE r.last_time > clock_timestamp() - least(since, CASE WHEN r.thumbprint = '' THEN interval '10 minutes' END)
		   AND NOT (unknown_only AND EXISTS (SELECT 1 FROM internal.worker_agent w WHERE w.thumbprint = r.thumbprint))
		   AND NOT EXISTS (SELECT 1 FROM internal.enrollment_attempt a
							WHERE a.accepted AND a.attempted_time > r.last_time AND regexp_replace(a.peer, '^\[?(.*?)\]?:[0-9]+$', '\1') = r.address)
		 ORDER BY r.last_time DESC
	LOOP
		IF refused.code = 'SO302' THEN
			found_reason := internal.refused_certificate(refused);
			IF found_reason.cause IS NOT NULL THEN
				RETURN NEXT internal.finding('certificate trusted by the master', 'warning', found_reason.cause, found_reason.cure);
			END IF;
		ELSE
			found_reason := internal.refused_client(refused);
			RETURN NEXT internal.finding('connections refused', 'warning', found_reason.cause, found_reason.cure);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION internal.diagnose_refused(interval, boolean) IS 'Part of diagnose_scaleout: who was turned away in the last hour, or without a certificate in the last ten minutes; unknown_only: who does not come with the certificate of a registered worker';

-- For explain_execution: a worker that knocks is nearer than one that is not there.  The last one that did.
CREATE FUNCTION internal.explain_refused(OUT cause text, OUT cure text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT d.cause || CASE WHEN d.n > 1 THEN format(' %s more are in the diagnosis.', d.n - 1) ELSE '' END, d.cure
	  FROM (SELECT f.cause, f.cure, f.place, count(*) OVER () AS n
			  FROM internal.diagnose_refused('2 minutes', true) WITH ORDINALITY AS f ("check", result, cause, cure, place)
			 WHERE f."check" = 'certificate trusted by the master' OR f.cause LIKE 'SO344%') d
	 ORDER BY d.place LIMIT 1
$$;
COMMENT ON FUNCTION internal.explain_refused() IS 'A worker that is turned away, and what to do; NULL when there is none';
