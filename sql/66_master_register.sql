-- 66_master_register.sql
--
-- Registration of agents.

-- A worker that comes with the certificate by which it replaces another one has
-- no use for that any more; and it may announce the next one.  It has one present
-- and one next certificate, so that none is left over for one that is revoked.
-- true when the trust set has changed.
CREATE FUNCTION internal.master_replace_certificate(present internal.worker_certificate, agent uuid, next jsonb) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	announces CONSTANT boolean := next IS NOT NULL AND jsonb_typeof(next) = 'object';
	changed boolean := false;
BEGIN
	IF present.replaces IS NOT NULL THEN
		UPDATE internal.worker_certificate c SET revoked = true, revoked_time = clock_timestamp()
		 WHERE present.replaces IN (c.thumbprint, c.replaces) AND c.thumbprint <> present.thumbprint AND c.agent_id = agent AND NOT c.revoked;
		changed := FOUND;
	END IF;
	IF announces THEN
		UPDATE internal.worker_certificate c SET revoked = true, revoked_time = clock_timestamp()
		 WHERE c.replaces = present.thumbprint AND c.thumbprint <> next ->> 'thumbprint' AND c.agent_id = agent AND NOT c.revoked;
		changed := changed OR FOUND;
		INSERT INTO internal.worker_certificate (thumbprint, agent_id, subject, names, not_before, not_after, trusted_by, enable_on_register, replaces)
		VALUES (next ->> 'thumbprint', agent, next ->> 'subject',
				(SELECT coalesce(array_agg(e.name), '{}') FROM jsonb_array_elements_text(next -> 'names') AS e (name)),
				to_timestamp((next ->> 'not_before')::bigint), to_timestamp((next ->> 'not_after')::bigint),
				present.trusted_by, present.enable_on_register, present.thumbprint)
			-- Trusted by hand before: it becomes this worker's when the worker comes with
			-- it, because an announcement does not prove that it has the key.
			ON CONFLICT (thumbprint) DO UPDATE SET replaces = EXCLUDED.replaces
				WHERE internal.worker_certificate.agent_id IS NULL;
		changed := changed OR FOUND;
	END IF;
	RETURN changed;
END
$$;
COMMENT ON FUNCTION internal.master_replace_certificate(internal.worker_certificate, uuid, jsonb) IS 'The worker''s side of the rotation of its certificate';

-- A worker that used a certificate that is not trusted would be shut out.
CREATE FUNCTION internal.next_certificate_obstacle(agent uuid, next jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known internal.worker_certificate;
BEGIN
	SELECT * INTO known FROM internal.worker_certificate c WHERE c.thumbprint = next ->> 'thumbprint';
	RETURN CASE WHEN known.revoked THEN format('certificate %s was replaced or revoked before; give another one', known.thumbprint)
				WHEN known.agent_id <> agent THEN format('certificate %s belongs to another worker agent', known.thumbprint) END;
END
$$;
COMMENT ON FUNCTION internal.next_certificate_obstacle(uuid, jsonb) IS 'Why a worker may not announce this certificate; NULL when it may';

CREATE FUNCTION internal.master_register(epoch bigint, agents uuid[], instances uuid[], thumbprints text[], bodies text[])
RETURNS TABLE (request integer, enabled boolean, code text, message text, pins_version bigint, rotate boolean, trust boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	asked record;
	certificate internal.worker_certificate;
	document jsonb;
BEGIN
	FOR asked IN
		SELECT a.n::integer AS n, a.agent_id, a.instance_id, a.thumbprint, a.body
		  FROM unnest(agents, instances, thumbprints, bodies) WITH ORDINALITY AS a (agent_id, instance_id, thumbprint, body, n)
		 ORDER BY a.n
	LOOP
		request := asked.n;
		enabled := false;
		code := NULL;
		message := NULL;
		trust := false;
		SELECT * INTO certificate FROM internal.worker_certificate c WHERE c.thumbprint = asked.thumbprint;
		IF NOT FOUND OR certificate.revoked THEN
			code := 'SO302';
		ELSIF certificate.agent_id <> asked.agent_id THEN
			code := 'SO303';
			message := format('the certificate belongs to worker agent %s', certificate.agent_id);
		ELSIF internal.next_certificate_obstacle(asked.agent_id, asked.body::jsonb -> 'next_certificate') IS NOT NULL THEN
			code := 'SO318';
			message := internal.next_certificate_obstacle(asked.agent_id, asked.body::jsonb -> 'next_certificate');
		ELSE
			IF certificate.agent_id IS NULL THEN
				UPDATE internal.worker_certificate c SET agent_id = asked.agent_id WHERE c.thumbprint = asked.thumbprint;
			END IF;
			document := asked.body::jsonb;
			trust := internal.master_replace_certificate(certificate, asked.agent_id, document -> 'next_certificate');
			pins_version := coalesce((document ->> 'pins_version')::bigint, 0);
			INSERT INTO internal.worker_agent AS w (agent_id, is_enabled, display_name, description, machine_name, user_account, version,
					capabilities, max_task_count, instance_id, thumbprint, last_online_time, epoch, pins_version,
					tasks_root_folder, settings_file)
			VALUES (asked.agent_id, certificate.enable_on_register, internal.one_line(document ->> 'display_name'), internal.one_line(document ->> 'description'),
					internal.one_line(document ->> 'machine_name'), internal.one_line(document ->> 'user_account'), internal.one_line(document ->> 'version'),
					coalesce(document -> 'capabilities', '{}'), coalesce((document ->> 'max_task_count')::integer, 1),
					asked.instance_id, asked.thumbprint, clock_timestamp(), master_register.epoch, coalesce((document ->> 'pins_version')::bigint, 0),
					document ->> 'tasks_root_folder', document ->> 'settings_file')
				-- Display name and description belong to the catalog once the worker is known.
				ON CONFLICT (agent_id) DO UPDATE
				SET machine_name = EXCLUDED.machine_name, user_account = EXCLUDED.user_account, version = EXCLUDED.version,
					capabilities = EXCLUDED.capabilities, max_task_count = EXCLUDED.max_task_count, instance_id = EXCLUDED.instance_id,
					thumbprint = EXCLUDED.thumbprint, last_online_time = EXCLUDED.last_online_time, epoch = EXCLUDED.epoch,
					pins_version = EXCLUDED.pins_version, tasks_root_folder = EXCLUDED.tasks_root_folder,
					settings_file = EXCLUDED.settings_file, rotate_requested = w.rotate_requested AND w.thumbprint = EXCLUDED.thumbprint
			RETURNING w.is_enabled, w.rotate_requested INTO enabled, rotate;
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION internal.master_register(bigint, uuid[], uuid[], text[], text[]) IS 'Records agents; binds a certificate to the first agent that comes with it';
