-- 74_master_identity.sql
--
-- What the master does about identities: it lets workers join, revokes, and
-- replaces certificates.

-- Does the gateway have to listen to certificates that it does not know?  Some
-- minutes longer than the last use, because an answer may get lost.
CREATE FUNCTION internal.master_enrollment_open() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT 1 FROM internal.enrollment_token t
					WHERE NOT t.revoked AND t.failed_attempts < 5
					  AND (t.valid_until > clock_timestamp() AND t.used < t.uses OR t.last_used_time > clock_timestamp() - interval '5 minutes'))
$$;
COMMENT ON FUNCTION internal.master_enrollment_open() IS 'Is there a token by which a worker could join now?';

-- Why this worker may not join by this token, or NULL.  Whoever does not know the
-- secret learns nothing about the token.
CREATE FUNCTION internal.join_obstacle(token internal.enrollment_token, secret text, asked_thumbprint text, asked_agent uuid,
	OUT reason text, OUT told text, OUT repeated boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known internal.worker_certificate;
BEGIN
	repeated := false;
	IF token.token_id IS NULL THEN
		reason := 'there is no such token';
	ELSIF token.failed_attempts >= 5 THEN
		reason := 'the token is locked after five wrong secrets';
	ELSIF token.secret_hash IS DISTINCT FROM sha256(convert_to(secret, 'UTF8')) THEN
		reason := 'the secret is wrong';
	END IF;
	IF reason IS NOT NULL THEN
		told := 'the token is not known';
		RETURN;
	END IF;
	SELECT * INTO known FROM internal.worker_certificate c WHERE c.thumbprint = asked_thumbprint;
	IF known.token_id = token.token_id AND known.agent_id = asked_agent AND NOT known.revoked THEN
		repeated := true;
	ELSIF token.revoked THEN
		reason := 'the token was revoked';
	ELSIF token.valid_until < clock_timestamp() THEN
		reason := format('the token expired at %s', to_char(token.valid_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'));
	ELSIF token.used >= token.uses THEN
		reason := 'the token has been used';
	ELSIF known.revoked THEN
		reason := 'this certificate was revoked';
	ELSIF known.thumbprint IS NOT NULL AND known.agent_id IS DISTINCT FROM asked_agent THEN
		reason := 'this certificate is known already';
	ELSIF EXISTS (SELECT 1 FROM internal.worker_agent w WHERE w.agent_id = asked_agent)
	   OR EXISTS (SELECT 1 FROM internal.worker_certificate c WHERE c.agent_id = asked_agent) THEN
		-- Otherwise a token would be enough to take a worker's place.
		reason := 'a worker of this id is known already';
	END IF;
	told := reason;
END
$$;
COMMENT ON FUNCTION internal.join_obstacle(internal.enrollment_token, text, text, uuid) IS 'Judges an attempt to join; told is what the worker learns of the reason';

CREATE FUNCTION internal.master_join(thumbprints text[], peers text[], agents uuid[], bodies text[])
RETURNS TABLE (request integer, enabled boolean, code text, message text, reason text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	asked record;
	document jsonb;
	facts jsonb;
	token internal.enrollment_token;
	judged record;
BEGIN
	FOR asked IN
		SELECT a.n::integer AS n, a.thumbprint, a.peer, a.agent_id, a.body
		  FROM unnest(thumbprints, peers, agents, bodies) WITH ORDINALITY AS a (thumbprint, peer, agent_id, body, n)
		 ORDER BY a.n
	LOOP
		document := asked.body::jsonb;
		facts := document -> 'certificate';
		token := NULL;
		SELECT * INTO token FROM internal.enrollment_token t WHERE t.token_id = (document ->> 'token')::uuid;
		judged := internal.join_obstacle(token, document ->> 'secret', asked.thumbprint, asked.agent_id);
		request := asked.n;
		enabled := coalesce(token.enable, false);
		code := CASE WHEN judged.reason IS NOT NULL THEN 'SO315' END;
		message := judged.told;
		reason := judged.reason;
		IF judged.reason IS NOT NULL THEN
			UPDATE internal.enrollment_token t SET failed_attempts = t.failed_attempts + 1
			 WHERE t.token_id = token.token_id AND judged.reason = 'the secret is wrong';
		ELSIF NOT judged.repeated THEN
			INSERT INTO internal.worker_certificate (thumbprint, agent_id, subject, names, not_before, not_after, trusted_by, enable_on_register, token_id)
			VALUES (asked.thumbprint, asked.agent_id, facts ->> 'subject',
					(SELECT coalesce(array_agg(e.name), '{}') FROM jsonb_array_elements_text(facts -> 'names') AS e (name)),
					to_timestamp((facts ->> 'not_before')::bigint), to_timestamp((facts ->> 'not_after')::bigint),
					token.created_by, token.enable, token.token_id);
			UPDATE internal.enrollment_token t SET used = t.used + 1, last_used_time = clock_timestamp() WHERE t.token_id = token.token_id;
		END IF;
		INSERT INTO internal.enrollment_attempt (token_id, peer, thumbprint, agent_id, machine_name, accepted, reason)
		VALUES ((document ->> 'token')::uuid, asked.peer, asked.thumbprint, asked.agent_id, internal.one_line(document ->> 'machine_name'),
				judged.reason IS NULL, judged.reason);
		RETURN NEXT;
	END LOOP;
	-- Whoever tries often enough must not thereby make forgotten who was let in.
	DELETE FROM internal.enrollment_attempt a
	 WHERE a.attempt_id <= (SELECT max(b.attempt_id) FROM internal.enrollment_attempt b) - 10000 AND NOT a.accepted;
END
$$;
COMMENT ON FUNCTION internal.master_join(text[], text[], uuid[], text[]) IS 'Lets workers join by token: trusts their certificates; records every attempt';

-- A certificate and those that took its place by rotation.
CREATE FUNCTION internal.master_revoke_certificate(thumbprint text, revoked_by name) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	cut uuid;
BEGIN
	WITH RECURSIVE line AS (
		SELECT c.thumbprint, c.agent_id FROM internal.worker_certificate c WHERE c.thumbprint = master_revoke_certificate.thumbprint
		UNION
		SELECT c.thumbprint, c.agent_id FROM internal.worker_certificate c JOIN line l ON c.replaces = l.thumbprint
		 WHERE c.agent_id IS NULL OR c.agent_id = l.agent_id
	)
	UPDATE internal.worker_certificate c SET revoked = true, revoked_by = master_revoke_certificate.revoked_by, revoked_time = clock_timestamp()
	  FROM line l WHERE c.thumbprint = l.thumbprint AND NOT c.revoked;
	SELECT w.agent_id INTO cut
	  FROM internal.worker_agent w JOIN internal.worker_certificate c ON c.thumbprint = w.thumbprint
	 WHERE c.revoked AND w.agent_id = (SELECT o.agent_id FROM internal.worker_certificate o WHERE o.thumbprint = master_revoke_certificate.thumbprint);
	-- Whoever is shut out is not to come back with another certificate that it has.
	UPDATE internal.worker_certificate c SET revoked = true, revoked_by = master_revoke_certificate.revoked_by, revoked_time = clock_timestamp()
	 WHERE c.agent_id = cut AND NOT c.revoked;
	RETURN cut;
END
$$;
COMMENT ON FUNCTION internal.master_revoke_certificate(text, name) IS 'Applies revoke_worker_certificate; returns the worker that is shut out by it';

-- The same address again is no news.
CREATE FUNCTION internal.master_set_address(address text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE internal.master_state s SET set_address = $1, announced_version = internal.announced_version() + 1
	 WHERE s.set_address IS DISTINCT FROM $1
$$;
COMMENT ON FUNCTION internal.master_set_address(text) IS 'Applies update_master_address';

-- The next certificate: known from now on; or a second call, to force it.
CREATE FUNCTION internal.master_announce(payload jsonb, announced_by name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO internal.master_certificate AS c (thumbprint, state, version, not_before, not_after, announced_by, announced_time, forced, grace,
			wait_for_all, compromised, succession)
	VALUES (payload ->> 'thumbprint', 'next', internal.announced_version() + 1,
			(payload ->> 'not_before')::timestamptz, (payload ->> 'not_after')::timestamptz, announced_by, clock_timestamp(),
			(payload ->> 'force')::boolean, (payload ->> 'grace')::interval, coalesce((payload ->> 'wait_for_all')::boolean, false),
			coalesce((payload ->> 'compromised')::boolean, false), coalesce((payload ->> 'succession')::boolean, false))
		ON CONFLICT (thumbprint) DO UPDATE
		SET state = CASE WHEN c.state = 'old' THEN 'next' ELSE c.state END, forced = EXCLUDED.forced, grace = EXCLUDED.grace,
			wait_for_all = EXCLUDED.wait_for_all, compromised = EXCLUDED.compromised,
			-- The second call only takes away.
			succession = CASE WHEN c.state = 'old' THEN EXCLUDED.succession
							  ELSE c.succession AND NOT EXCLUDED.compromised AND EXCLUDED.grace > interval '0' END,
			version = CASE WHEN c.state = 'old' THEN EXCLUDED.version ELSE c.version END
	  WHERE c.state IN ('next', 'old');
END
$$;
COMMENT ON FUNCTION internal.master_announce(jsonb, name) IS 'Applies rotate_master_certificate';

-- The gateway serves this certificate: it is the current one now, whoever put it there.
CREATE FUNCTION internal.master_serves(served text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	facts record;
	rotated internal.master_certificate;
BEGIN
	IF EXISTS (SELECT 1 FROM internal.master_certificate c WHERE c.thumbprint = served AND c.state = 'current') THEN
		RETURN;
	END IF;
	SELECT * INTO rotated FROM internal.master_certificate c WHERE c.thumbprint = served;
	UPDATE internal.master_certificate c SET state = 'old', valid_until = coalesce(c.valid_until, clock_timestamp() + coalesce(rotated.grace, interval '7 days'))
	 WHERE c.state = 'current';
	-- Whoever has the key of one could name successors of it: the older ones lead there.
	UPDATE internal.master_certificate c SET valid_until = clock_timestamp() WHERE c.state = 'old' AND rotated.compromised;
	facts := internal.read_certificate(NULL);
	INSERT INTO internal.master_certificate AS c (thumbprint, state, version, current_since)
	VALUES (served, 'current', CASE WHEN EXISTS (SELECT 1 FROM internal.master_certificate) THEN internal.announced_version() + 1
			ELSE internal.announced_version() END, clock_timestamp())
		-- One that was retired and is served again (a backup, a standby) has had its time.
		ON CONFLICT (thumbprint) DO UPDATE SET state = 'current', current_since = EXCLUDED.current_since,
			valid_until = CASE WHEN c.state = 'retired' THEN c.valid_until END;
	UPDATE internal.master_certificate c SET not_before = facts.not_before, not_after = facts.not_after
	 WHERE c.thumbprint = served AND facts.thumbprint = served;
END
$$;
COMMENT ON FUNCTION internal.master_serves(text) IS 'Records which certificate is served; the one before it is an old one, valid for its grace';

CREATE FUNCTION internal.worker_is_online(last_online_time timestamptz) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce($1 > now() - 2 * current_setting('scaleout.master_heartbeat_interval', true)::interval
					- current_setting('scaleout.long_poll_interval', true)::interval, false)
$$;
COMMENT ON FUNCTION internal.worker_is_online(timestamptz) IS 'Heard of within two heartbeats of the master and a long poll';

CREATE FUNCTION internal.expiring_certificates() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('the certificate of %s %s at %s', e.what, CASE WHEN e.not_after < now() THEN 'expired' ELSE 'expires' END, e.not_after)
	  FROM (SELECT 'the master (SELECT catalog.rotate_master_certificate() replaces it)' AS what, c.not_after
			  FROM internal.master_certificate c WHERE c.state = 'current'
			UNION ALL
			SELECT format('worker %s (SELECT catalog.rotate_worker_certificate(%L) replaces it)', internal.worker_label(w.agent_id), w.agent_id), c.not_after
			  FROM internal.worker_agent w JOIN internal.worker_certificate c ON c.thumbprint = w.thumbprint AND NOT c.revoked) e
	 WHERE e.not_after < now() + interval '30 days'
	 ORDER BY e.not_after
	 LIMIT 20
$$;
COMMENT ON FUNCTION internal.expiring_certificates() IS 'Certificates in use that end within 30 days, as lines for the log';

-- kind: pins (number: version; detail: members of the command for workers),
-- switch (detail: thumbprint to put in place, number: seconds for which the
-- present one names it as its successor), pending, enrollment (number: 1
-- when it is open), warning (detail).
CREATE FUNCTION internal.master_identity(daily boolean) RETURNS TABLE (kind text, number bigint, detail text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	highest bigint;
	waiting internal.master_certificate;
BEGIN
	-- Workers keep 16 that they trust, the next and the present one among them.
	UPDATE internal.master_certificate c SET state = 'retired', version = internal.announced_version() + 1, valid_until = least(c.valid_until, clock_timestamp())
	 WHERE c.state = 'old'
	   AND (c.valid_until < clock_timestamp()
			OR c.thumbprint IN (SELECT o.thumbprint FROM internal.master_certificate o WHERE o.state = 'old' ORDER BY o.current_since DESC OFFSET 14));
	highest := internal.announced_version();
	RETURN QUERY
	SELECT 'pins', highest, format('"version":%s,"address":%s,"thumbprints":%s,"retired":%s', highest,
				coalesce((SELECT to_json(s.set_address)::text FROM internal.master_state s), 'null'),
				coalesce(json_agg(c.thumbprint ORDER BY c.thumbprint) FILTER (WHERE c.state <> 'retired'), '[]'),
				coalesce(json_agg(c.thumbprint ORDER BY c.thumbprint) FILTER (WHERE c.state = 'retired'), '[]'))
	  FROM (SELECT * FROM internal.master_certificate m WHERE m.state <> 'retired'
			UNION ALL
			(SELECT * FROM internal.master_certificate m WHERE m.state = 'retired' ORDER BY m.version DESC LIMIT 256)) c;
	SELECT * INTO waiting FROM internal.master_certificate c WHERE c.state = 'next';
	IF waiting.thumbprint IS NOT NULL THEN
		RETURN QUERY SELECT 'pending', 1::bigint, waiting.thumbprint;
		IF waiting.forced OR NOT EXISTS (SELECT 1 FROM internal.worker_agent w
										  WHERE w.is_enabled AND w.pins_version < waiting.version
											AND (waiting.wait_for_all OR internal.worker_is_online(w.last_online_time))) THEN
			RETURN QUERY SELECT 'switch', CASE WHEN waiting.succession THEN extract(epoch FROM waiting.grace)::bigint ELSE 0 END, waiting.thumbprint;
		END IF;
	END IF;
	RETURN QUERY SELECT 'enrollment', internal.master_enrollment_open()::integer::bigint, NULL::text;
	IF daily THEN
		RETURN QUERY SELECT 'warning', 0::bigint, e FROM internal.expiring_certificates() e;
	END IF;
END
$$;
COMMENT ON FUNCTION internal.master_identity(boolean) IS 'What the master must know and do about certificates';
