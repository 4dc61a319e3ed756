-- 67_master_checkpoint.sql
--
-- Checkpoints: who may have one, and what the report items "checkpoint" bring.
-- All of it runs in the transaction of the report, so that what is acknowledged
-- is durable.  An item counts only when its attempt is the current one.

-- Texts to which secrets are bound.
CREATE FUNCTION internal.secret_of_checkpoint(checkpoint bigint, what text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN format('checkpoint/%s/%s', checkpoint, what);
END
$$;
COMMENT ON FUNCTION internal.secret_of_checkpoint(bigint, text) IS 'bound_to of checkpoint.header, settings and seal';

CREATE FUNCTION internal.secret_of_record(checkpoint bigint, kind text, id text, item_key text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN format('checkpoint_record/%s/%s/%s/%s', checkpoint, kind, id, item_key);
END
$$;
COMMENT ON FUNCTION internal.secret_of_record(bigint, text, text, text) IS 'bound_to of checkpoint_record.secret';

CREATE FUNCTION internal.secret_of_variable(checkpoint bigint, executable_id text, name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN format('checkpoint_variable/%s/%s/%s', checkpoint, executable_id, name);
END
$$;
COMMENT ON FUNCTION internal.secret_of_variable(bigint, text, text) IS 'bound_to of checkpoint_variable.secret and staged';

CREATE FUNCTION internal.checkpoint_seal_text(checkpoint bigint, records integer, variables integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN internal.secret_of_checkpoint(checkpoint, format('seal/%s/%s', records, variables));
END
$$;
COMMENT ON FUNCTION internal.checkpoint_seal_text(bigint, integer, integer) IS 'bound_to of checkpoint.seal';

-- What a new execution must have in common with the one that wrote the checkpoint.
CREATE FUNCTION internal.checkpoint_settings(execution bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT coalesce(jsonb_object_agg(s.name, s.value), '{}')
			  FROM (SELECT CASE v.object_type WHEN 20 THEN '$Project::' ELSE '$Package::' END || v.parameter_name AS name,
						   CASE WHEN v.sensitive
								THEN internal.decrypt_secret(v.parameter_secret, internal.secret_of_execution(v.execution_id, v.object_type, v.parameter_name))
								ELSE v.parameter_value END AS value
					  FROM internal.execution_parameter_value v
					 WHERE v.execution_id = execution AND (v.object_type = 20 OR v.object_type = 30 AND v.value_set)
					 UNION ALL
					SELECT p.property_path,
						   CASE WHEN p.sensitive
								THEN internal.decrypt_secret(p.property_secret, internal.secret_of_override(p.execution_id, p.property_path))
								ELSE p.property_value END
					  FROM internal.execution_property_override p
					 WHERE p.execution_id = execution) s);
END
$$;
COMMENT ON FUNCTION internal.checkpoint_settings(bigint) IS 'Parameter values and property overrides that were set for an execution, in plain';

CREATE FUNCTION internal.checkpoint_is_live(execution bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN EXISTS (SELECT 1 FROM internal.task t WHERE t.execution_id = execution AND t.state <> 3);
END
$$;
COMMENT ON FUNCTION internal.checkpoint_is_live(bigint) IS 'Is this execution waiting or running, so that nobody else may have its checkpoints?';

CREATE FUNCTION internal.checkpoint_erase(checkpoints bigint[], whole boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM internal.checkpoint_record r USING unnest(checkpoints) AS u (id) WHERE r.checkpoint_id = u.id;
	DELETE FROM internal.checkpoint_variable v USING unnest(checkpoints) AS u (id) WHERE v.checkpoint_id = u.id;
	IF whole THEN
		DELETE FROM internal.checkpoint c USING unnest(checkpoints) AS u (id) WHERE c.checkpoint_id = u.id;
	END IF;
END
$$;
COMMENT ON FUNCTION internal.checkpoint_erase(bigint[], boolean) IS 'Deletes checkpoints, or only what they hold';

-- An error for the runner, in the form of an open's answer.
CREATE FUNCTION internal.checkpoint_refusal(code text, message text, detail text DEFAULT NULL, hint text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN json_build_object('error', json_strip_nulls(json_build_object('code', code, 'message', message, 'detail', detail, 'hint', hint)))::text;
END
$$;
COMMENT ON FUNCTION internal.checkpoint_refusal(text, text, text, text) IS 'The reply that refuses an item';

-- Is anything missing or altered?  NULL: no.
CREATE FUNCTION internal.checkpoint_damage(kept internal.checkpoint) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	records integer;
	variables integer;
BEGIN
	SELECT count(*) INTO records FROM internal.checkpoint_record r WHERE r.checkpoint_id = kept.checkpoint_id;
	SELECT count(*) INTO variables FROM internal.checkpoint_variable v WHERE v.checkpoint_id = kept.checkpoint_id AND v.secret IS NOT NULL;
	IF records < kept.record_count OR variables < kept.variable_count OR kept.header IS NULL OR kept.seal IS NULL THEN
		RETURN internal.checkpoint_refusal('SO576', format('checkpoint "%s" of package "%s" is not complete', kept.name, kept.package_name),
			format('It has %s of %s records and %s of %s variables.', records, kept.record_count, variables, kept.variable_count),
			format('It was left as it is. To start from the beginning call catalog.delete_checkpoint(%s).', kept.checkpoint_id));
	END IF;
	IF records <> kept.record_count OR variables <> kept.variable_count THEN
		RETURN internal.checkpoint_refusal('SO577', format('checkpoint "%s" of package "%s" was changed by somebody else', kept.name, kept.package_name),
			'It has more rows than it was written with.',
			format('It was left as it is. To start from the beginning call catalog.delete_checkpoint(%s).', kept.checkpoint_id));
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION internal.checkpoint_damage(internal.checkpoint) IS 'The refusal of a checkpoint with missing or added rows';

-- The state as engine/checkpoint/encode.c reads it; raises SO136 when a part
-- cannot be decrypted.
CREATE FUNCTION internal.checkpoint_state(kept internal.checkpoint) RETURNS json
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	header jsonb := internal.decrypt_secret(kept.header, internal.secret_of_checkpoint(kept.checkpoint_id, 'header'));
	records json;
	variables json;
BEGIN
	PERFORM internal.decrypt_secret(kept.seal, internal.checkpoint_seal_text(kept.checkpoint_id, kept.record_count, kept.variable_count));
	SELECT coalesce(json_agg(internal.decrypt_secret(r.secret, internal.secret_of_record(r.checkpoint_id, r.kind, r.id, r.item_key))::json
							 ORDER BY r.attempt, r.sequence), '[]')
	  INTO records FROM internal.checkpoint_record r WHERE r.checkpoint_id = kept.checkpoint_id;
	SELECT coalesce(json_agg(internal.decrypt_secret(v.secret, internal.secret_of_variable(v.checkpoint_id, v.executable_id, v.name))::json
							 ORDER BY v.executable_id, v.name), '[]')
	  INTO variables FROM internal.checkpoint_variable v WHERE v.checkpoint_id = kept.checkpoint_id AND v.secret IS NOT NULL;
	RETURN (header || jsonb_build_object('variables', variables, 'records', records))::json;
END
$$;
COMMENT ON FUNCTION internal.checkpoint_state(internal.checkpoint) IS 'Everything that a checkpoint holds, in plain; for the worker that goes on from it';

-- Why may this execution not simply go on from what another one wrote?  NULL: it may.
CREATE FUNCTION internal.checkpoint_difference(kept internal.checkpoint, execution bigint, content_hash text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	theirs jsonb := internal.decrypt_secret(kept.settings, internal.secret_of_checkpoint(kept.checkpoint_id, 'settings'));
	ours CONSTANT jsonb := internal.checkpoint_settings(execution);
	names text;
BEGIN
	SELECT string_agg(format('"%s"', n.name), ', ' ORDER BY n.name) INTO names
	  FROM (SELECT jsonb_object_keys(theirs) AS name UNION SELECT jsonb_object_keys(ours)) n
	 WHERE theirs -> n.name IS DISTINCT FROM ours -> n.name;
	RETURN nullif(concat_ws(' ',
		CASE WHEN kept.content_hash IS DISTINCT FROM checkpoint_difference.content_hash
			 THEN format('The package was changed after execution %s.', kept.begun_execution) END,
		CASE WHEN names IS NOT NULL THEN format('Other values than in execution %s have: %s.', kept.begun_execution, names) END), '');
END
$$;
COMMENT ON FUNCTION internal.checkpoint_difference(internal.checkpoint, bigint, text) IS 'What differs between a new execution and the one that wrote the checkpoint; names, never values';

-- The reply to an item "open": {"state": ...} or {"error": ...}.
CREATE FUNCTION internal.checkpoint_open(execution bigint, item jsonb) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	asking internal.execution;
	kept internal.checkpoint;
	look_only CONSTANT boolean := coalesce((item ->> 'look_only')::boolean, false);
	override text;
	difference text;
	reply text;
BEGIN
	SELECT * INTO STRICT asking FROM internal.execution e WHERE e.execution_id = execution;
	IF NOT look_only THEN
		INSERT INTO internal.checkpoint (project_id, package_name, name, owner_execution)
		VALUES (asking.project_id, item ->> 'package', coalesce(item ->> 'name', ''), execution)
			ON CONFLICT DO NOTHING;
		-- Whose it is must not change between here and the claim.
		PERFORM FROM internal.checkpoint c
		  WHERE c.project_id = asking.project_id AND c.package_name = item ->> 'package' AND c.name = coalesce(item ->> 'name', '')
			FOR UPDATE;
	END IF;
	SELECT * INTO kept FROM internal.checkpoint c
	 WHERE c.project_id = asking.project_id AND c.package_name = item ->> 'package' AND c.name = coalesce(item ->> 'name', '');
	IF NOT FOUND THEN
		RETURN '{"state": null}';
	END IF;
	IF kept.owner_execution <> execution AND internal.checkpoint_is_live(kept.owner_execution) THEN
		RETURN internal.checkpoint_refusal('SO573', format('checkpoint "%s" of package "%s" is in use by execution %s (DTS 0xC001604B)',
				kept.name, kept.package_name, kept.owner_execution),
			'A checkpoint belongs to one execution as long as that is waiting or running.');
	END IF;
	IF kept.begun_execution IS NOT NULL AND kept.begun_execution <> execution
	   AND NOT coalesce((item ->> 'fresh')::boolean, false) THEN
		difference := internal.checkpoint_difference(kept, execution, item ->> 'content_hash');
		override := coalesce((SELECT v.parameter_value FROM internal.execution_parameter_value v
							   WHERE v.execution_id = execution AND v.object_type = 50 AND v.parameter_name = 'CHECKPOINT_OVERRIDE'), 'refuse');
		IF difference IS NOT NULL AND override = 'refuse' THEN
			RETURN internal.checkpoint_refusal('SO580',
				format('checkpoint "%s" of package "%s" was written with other parameter values or content', kept.name, kept.package_name),
				difference,
				format('Start an execution with the same values and content; or set the system parameter CHECKPOINT_OVERRIDE to "continue" '
					   '(go on with the values of the checkpoint) or "discard" (start from the beginning); or call catalog.delete_checkpoint(%s).',
					   kept.checkpoint_id));
		END IF;
	END IF;
	IF kept.begun_execution IS NOT NULL AND (difference IS NULL OR override = 'continue') THEN
		reply := internal.checkpoint_damage(kept);
		IF reply IS NOT NULL THEN
			RETURN reply;
		END IF;
		reply := json_build_object('state', internal.checkpoint_state(kept))::text;
	END IF;
	IF NOT look_only THEN
		UPDATE internal.checkpoint c SET owner_execution = execution, removed = false
		 WHERE c.checkpoint_id = kept.checkpoint_id AND (c.owner_execution <> execution OR c.removed);
	END IF;
	RETURN coalesce(reply, '{"state": null}');
EXCEPTION WHEN SQLSTATE 'SO136' OR SQLSTATE 'SO134' OR invalid_text_representation THEN
	RETURN internal.checkpoint_refusal(CASE SQLSTATE WHEN 'SO134' THEN 'SO579' ELSE 'SO577' END,
		format('checkpoint "%s" of package "%s" cannot be decrypted', item ->> 'name', item ->> 'package'), rtrim(SQLERRM, '.') || '.',
		'It was left as it is. Restore the encryption key, or call catalog.delete_checkpoint to start from the beginning.');
END
$$;
COMMENT ON FUNCTION internal.checkpoint_open(bigint, jsonb) IS 'Claims a checkpoint for an execution and gives what is in it';

-- A new attempt writes: its header; what was kept is deleted unless it goes on.
CREATE FUNCTION internal.checkpoint_begin(checkpoint bigint, execution bigint, item jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	given CONSTANT jsonb := item -> 'header';
	project CONSTANT bigint := (SELECT c.project_id FROM internal.checkpoint c WHERE c.checkpoint_id = checkpoint);
	is_reset CONSTANT boolean := coalesce((item ->> 'reset')::boolean, true);
BEGIN
	IF is_reset THEN
		PERFORM internal.checkpoint_erase(ARRAY[checkpoint], false);
	ELSE
		UPDATE internal.checkpoint_variable v SET staged = NULL WHERE v.checkpoint_id = checkpoint AND v.staged IS NOT NULL;
		DELETE FROM internal.checkpoint_variable v WHERE v.checkpoint_id = checkpoint AND v.secret IS NULL;
	END IF;
	UPDATE internal.checkpoint c
	   SET begun_execution = execution, owner_execution = execution, chain_id = (given ->> 'chain_id')::uuid, package_guid = given ->> 'package_id',
		   content_hash = given ->> 'content_hash', attempt = (given ->> 'attempt')::integer, removed = false,
		   created_time = CASE WHEN is_reset THEN clock_timestamp() ELSE c.created_time END, updated_time = clock_timestamp(),
		   record_count = CASE WHEN is_reset THEN 0 ELSE c.record_count END,
		   variable_count = CASE WHEN is_reset THEN 0 ELSE c.variable_count END,
		   header = internal.encrypt_secret(project, given::text, internal.secret_of_checkpoint(checkpoint, 'header')),
		   settings = internal.encrypt_secret(project, internal.checkpoint_settings(execution)::text, internal.secret_of_checkpoint(checkpoint, 'settings'))
	 WHERE c.checkpoint_id = checkpoint;
	-- The chain is the first execution with all that go on from it.
	UPDATE internal.execution e SET chain_id = (given ->> 'chain_id')::uuid
	 WHERE e.execution_id = execution AND e.chain_id <> (given ->> 'chain_id')::uuid;
END
$$;
COMMENT ON FUNCTION internal.checkpoint_begin(bigint, bigint, jsonb) IS 'Item "begin"';

-- Records and variables of items "append"; the numbers and seals of their checkpoints.
CREATE FUNCTION internal.checkpoint_append(checkpoints bigint[], projects bigint[], attempts integer[], sequences bigint[], items jsonb[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	records bigint[];
	variables bigint[];
BEGIN
	-- A change that is too large for one item comes in parts, and counts with
	-- the last of them: what comes after the last part of all is kept aside.
	WITH due AS (
		SELECT v.checkpoint_id, v.executable_id, v.name, v.secret IS NULL AS is_new
		  FROM (SELECT DISTINCT i.checkpoint FROM unnest(checkpoints, items) AS i (checkpoint, item)
				 WHERE NOT coalesce((i.item ->> 'more')::boolean, false)) d
		  JOIN internal.checkpoint_variable v ON v.checkpoint_id = d.checkpoint
		 WHERE v.staged IS NOT NULL
	), moved AS (
		UPDATE internal.checkpoint_variable v SET secret = v.staged, staged = NULL
		  FROM due d
		 WHERE v.checkpoint_id = d.checkpoint_id AND v.executable_id = d.executable_id AND v.name = d.name
		RETURNING v.checkpoint_id, d.is_new
	)
	SELECT coalesce(array_agg(m.checkpoint_id) FILTER (WHERE m.is_new), '{}') INTO variables FROM moved m;
	WITH incoming AS (
		SELECT DISTINCT ON (i.checkpoint, x.one ->> 'executable', x.one ->> 'name')
			   i.checkpoint, x.one ->> 'executable' AS executable_id, x.one ->> 'name' AS name,
			   internal.encrypt_secret(i.project, x.one::text, internal.secret_of_variable(i.checkpoint, x.one ->> 'executable', x.one ->> 'name')) AS secret
		  FROM unnest(checkpoints, projects, sequences, items) AS i (checkpoint, project, sequence, item)
		  -- The last item of all parts.
		  JOIN (SELECT f.checkpoint, max(f.sequence) AS sequence FROM unnest(checkpoints, sequences, items) AS f (checkpoint, sequence, item)
					  WHERE NOT coalesce((f.item ->> 'more')::boolean, false) GROUP BY f.checkpoint) l
				ON l.checkpoint = i.checkpoint AND l.sequence >= i.sequence
		 CROSS JOIN LATERAL jsonb_array_elements(i.item -> 'variables') WITH ORDINALITY AS x (one, n)
		 ORDER BY i.checkpoint, x.one ->> 'executable', x.one ->> 'name', i.sequence DESC, x.n DESC
	), whole AS (
		INSERT INTO internal.checkpoint_variable AS v (checkpoint_id, executable_id, name, secret)
		SELECT i.checkpoint, i.executable_id, i.name, i.secret FROM incoming i
			ON CONFLICT (checkpoint_id, executable_id, name) DO UPDATE SET secret = EXCLUDED.secret
		RETURNING v.checkpoint_id, v.xmax = 0 AS is_new
	)
	SELECT variables || coalesce(array_agg(w.checkpoint_id) FILTER (WHERE w.is_new), '{}') INTO variables FROM whole w;
	IF EXISTS (SELECT 1 FROM unnest(items) AS i (item) WHERE (i.item ->> 'more')::boolean) THEN
		INSERT INTO internal.checkpoint_variable AS v (checkpoint_id, executable_id, name, staged)
		SELECT DISTINCT ON (i.checkpoint, x.one ->> 'executable', x.one ->> 'name')
			   i.checkpoint, x.one ->> 'executable', x.one ->> 'name',
			   internal.encrypt_secret(i.project, x.one::text, internal.secret_of_variable(i.checkpoint, x.one ->> 'executable', x.one ->> 'name'))
		  FROM unnest(checkpoints, projects, sequences, items) AS i (checkpoint, project, sequence, item)
		 CROSS JOIN LATERAL jsonb_array_elements(i.item -> 'variables') WITH ORDINALITY AS x (one, n)
		 WHERE NOT EXISTS (SELECT 1 FROM unnest(checkpoints, sequences, items) AS l (checkpoint, sequence, item)
							WHERE l.checkpoint = i.checkpoint AND l.sequence >= i.sequence AND NOT coalesce((l.item ->> 'more')::boolean, false))
		 ORDER BY i.checkpoint, x.one ->> 'executable', x.one ->> 'name', i.sequence DESC, x.n DESC
			ON CONFLICT (checkpoint_id, executable_id, name) DO UPDATE SET staged = EXCLUDED.staged;
	END IF;

	WITH stored AS (
		INSERT INTO internal.checkpoint_record AS r (checkpoint_id, kind, id, item_key, path, result, attempt, sequence, finished_time, secret)
		SELECT DISTINCT ON (i.checkpoint, i.record ->> 'kind', i.record ->> 'id', k.item_key)
			   i.checkpoint, i.record ->> 'kind', i.record ->> 'id', k.item_key, i.record ->> 'path', i.record ->> 'result',
			   (i.record ->> 'attempt')::integer, i.sequence, to_timestamp((i.record ->> 'finished_us')::bigint / 1000000.0),
			   internal.encrypt_secret(i.project, i.record::text,
									   internal.secret_of_record(i.checkpoint, i.record ->> 'kind', i.record ->> 'id', k.item_key))
		  FROM (SELECT u.checkpoint, u.project, u.attempt, u.sequence, u.item -> 'record' AS record
				  FROM unnest(checkpoints, projects, attempts, sequences, items) AS u (checkpoint, project, attempt, sequence, item)
				 WHERE jsonb_typeof(u.item -> 'record') = 'object') i
		 CROSS JOIN LATERAL (SELECT CASE WHEN i.record ? 'item' THEN encode(sha256(convert_to(i.checkpoint || '/' || (i.record ->> 'item'), 'UTF8')), 'hex')
										 ELSE '' END AS item_key) k
		 ORDER BY i.checkpoint, i.record ->> 'kind', i.record ->> 'id', k.item_key, i.attempt DESC, i.sequence DESC
			ON CONFLICT (checkpoint_id, kind, id, item_key) DO UPDATE
			SET path = EXCLUDED.path, result = EXCLUDED.result, attempt = EXCLUDED.attempt, sequence = EXCLUDED.sequence,
				finished_time = EXCLUDED.finished_time, secret = EXCLUDED.secret
		RETURNING r.checkpoint_id, r.xmax = 0 AS is_new
	)
	SELECT array_agg(s.checkpoint_id) FILTER (WHERE s.is_new) INTO records FROM stored s;

	UPDATE internal.checkpoint c
	   SET record_count = n.records, variable_count = n.variables, updated_time = clock_timestamp(),
		   seal = internal.encrypt_secret(c.project_id, '', internal.checkpoint_seal_text(c.checkpoint_id, n.records, n.variables))
	  FROM (SELECT o.checkpoint_id,
				   o.record_count + (SELECT count(*) FROM unnest(records) AS r (id) WHERE r.id = o.checkpoint_id)::integer AS records,
				   o.variable_count + (SELECT count(*) FROM unnest(variables) AS v (id) WHERE v.id = o.checkpoint_id)::integer AS variables
			  FROM (SELECT DISTINCT u.id FROM unnest(checkpoints) AS u (id)) u
			  JOIN internal.checkpoint o ON o.checkpoint_id = u.id) n
	 WHERE c.checkpoint_id = n.checkpoint_id;
END
$$;
COMMENT ON FUNCTION internal.checkpoint_append(bigint[], bigint[], integer[], bigint[], jsonb[]) IS 'Items "begin" and "append": stores what they bring';

-- remove: of the first package only when its result is accepted, so that a
-- takeover before that finds everything done.
CREATE FUNCTION internal.checkpoint_finish(checkpoint bigint, item jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF item ->> 'end' = 'discard' OR item ->> 'end' = 'remove' AND coalesce((item ->> 'is_child')::boolean, false) THEN
		PERFORM internal.checkpoint_erase(ARRAY[checkpoint], true);
	ELSIF item ->> 'end' = 'remove' THEN
		UPDATE internal.checkpoint c SET removed = true, updated_time = clock_timestamp() WHERE c.checkpoint_id = checkpoint;
	END IF;
END
$$;
COMMENT ON FUNCTION internal.checkpoint_finish(bigint, jsonb) IS 'Item "finish"';

-- All items "checkpoint" but "open" of a batch of reports.  Within one
-- checkpoint their order is begin, append, finish: an open waits for its reply.
CREATE FUNCTION internal.master_take_checkpoints(requests integer[], tasks uuid[], attempts integer[], sequences bigint[], executions bigint[],
	types text[], items jsonb[], fresh boolean[])
RETURNS TABLE (request integer, verdict text, task uuid, attempt integer, sequence bigint, operation_id bigint, code text, message text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	l_request integer[];
	l_task uuid[];
	l_attempt integer[];
	l_sequence bigint[];
	l_execution bigint[];
	l_item jsonb[];
	l_live boolean[];
	l_checkpoint bigint[];
	l_project bigint[];
	one record;
BEGIN
	SELECT array_agg(i.request ORDER BY i.n), array_agg(i.task_id ORDER BY i.n), array_agg(i.attempt ORDER BY i.n),
		   array_agg(i.sequence ORDER BY i.n), array_agg(i.execution_id ORDER BY i.n), array_agg(i.item ORDER BY i.n),
		   array_agg(t.task_id IS NOT NULL ORDER BY i.n), array_agg(c.checkpoint_id ORDER BY i.n), array_agg(c.project_id ORDER BY i.n)
	  INTO l_request, l_task, l_attempt, l_sequence, l_execution, l_item, l_live, l_checkpoint, l_project
	  FROM unnest(requests, tasks, attempts, sequences, executions, types, items, fresh)
		   WITH ORDINALITY AS i (request, task_id, attempt, sequence, execution_id, type, item, fresh, n)
	  LEFT JOIN internal.task t ON t.task_id = i.task_id AND t.attempt = i.attempt AND t.state = 2
	  LEFT JOIN internal.execution e ON e.execution_id = i.execution_id
	  LEFT JOIN internal.checkpoint c ON c.project_id = e.project_id AND c.package_name = i.item ->> 'package' AND c.name = i.item ->> 'name'
		   AND c.owner_execution = i.execution_id
	 WHERE i.fresh AND i.type = 'checkpoint' AND i.item ->> 'action' <> 'open';
	IF l_request IS NULL THEN
		RETURN;
	END IF;

	FOR one IN
		SELECT i.* FROM unnest(l_checkpoint, l_execution, l_sequence, l_item, l_live) AS i (checkpoint, execution, sequence, item, live)
		 WHERE i.live AND i.checkpoint IS NOT NULL AND i.item ->> 'action' = 'begin'
		 ORDER BY i.checkpoint, i.sequence
	LOOP
		PERFORM internal.checkpoint_begin(one.checkpoint, one.execution, one.item);
	END LOOP;
	PERFORM internal.checkpoint_append(array_agg(i.checkpoint), array_agg(i.project), array_agg(i.attempt), array_agg(i.sequence), array_agg(i.item))
	   FROM unnest(l_checkpoint, l_project, l_attempt, l_sequence, l_item, l_live) AS i (checkpoint, project, attempt, sequence, item, live)
	  WHERE i.live AND i.checkpoint IS NOT NULL AND i.item ->> 'action' IN ('begin', 'append')
	 HAVING count(*) > 0;
	FOR one IN
		SELECT i.* FROM unnest(l_checkpoint, l_sequence, l_item, l_live) AS i (checkpoint, sequence, item, live)
		 WHERE i.live AND i.checkpoint IS NOT NULL AND i.item ->> 'action' = 'finish'
		 ORDER BY i.sequence
	LOOP
		PERFORM internal.checkpoint_finish(one.checkpoint, one.item);
	END LOOP;

	RETURN QUERY
	SELECT DISTINCT i.request, 'superseded', i.task_id, i.attempt, 0::bigint, 0::bigint, NULL::text, NULL::text
	  FROM unnest(l_request, l_task, l_attempt, l_live) AS i (request, task_id, attempt, live)
	 WHERE NOT i.live;
	RETURN QUERY
	SELECT i.request, 'reply', i.task_id, i.attempt, i.sequence, 0::bigint, NULL::text,
		   internal.checkpoint_refusal('SO582', format('checkpoint "%s" of package "%s" is not open in this execution', i.item ->> 'name', i.item ->> 'package'))
	  FROM unnest(l_request, l_task, l_attempt, l_sequence, l_item, l_live, l_checkpoint)
		   AS i (request, task_id, attempt, sequence, item, live, checkpoint)
	 WHERE i.live AND i.checkpoint IS NULL;
END
$$;
COMMENT ON FUNCTION internal.master_take_checkpoints(integer[], uuid[], integer[], bigint[], bigint[], text[], jsonb[], boolean[]) IS 'Items "checkpoint": accepted from the current attempt only';

-- Items "open", after the results of the same batch.  One that comes again was
-- not answered: it is answered again.
CREATE FUNCTION internal.master_open_checkpoints(requests integer[], tasks uuid[], attempts integer[], sequences bigint[], executions bigint[],
	types text[], items jsonb[])
RETURNS TABLE (request integer, verdict text, task uuid, attempt integer, sequence bigint, operation_id bigint, code text, message text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	one record;
BEGIN
	FOR one IN
		SELECT i.*, t.task_id IS NOT NULL AS live
		  FROM unnest(requests, tasks, attempts, sequences, executions, types, items)
			   WITH ORDINALITY AS i (request, task_id, attempt, sequence, execution_id, type, item, n)
		  LEFT JOIN internal.task t ON t.task_id = i.task_id AND t.attempt = i.attempt AND t.state = 2
		 WHERE i.type = 'checkpoint' AND i.item ->> 'action' = 'open' AND i.execution_id IS NOT NULL
		 ORDER BY i.n
	LOOP
		request := one.request;
		task := one.task_id;
		attempt := one.attempt;
		sequence := one.sequence;
		operation_id := 0;
		verdict := CASE WHEN one.live THEN 'reply' ELSE 'superseded' END;
		message := CASE WHEN one.live THEN internal.checkpoint_open(one.execution_id, one.item) END;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION internal.master_open_checkpoints(integer[], uuid[], integer[], bigint[], bigint[], text[], jsonb[]) IS 'Items "open": claims and what to go on from';

-- It may have been claimed since it was asked for.
CREATE FUNCTION internal.master_delete_checkpoint(checkpoint bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM FROM internal.checkpoint c WHERE c.checkpoint_id = checkpoint FOR UPDATE;
	IF NOT (SELECT internal.checkpoint_is_live(c.owner_execution) FROM internal.checkpoint c WHERE c.checkpoint_id = checkpoint) THEN
		PERFORM internal.checkpoint_erase(ARRAY[checkpoint], true);
	END IF;
END
$$;
COMMENT ON FUNCTION internal.master_delete_checkpoint(bigint) IS 'Applies delete_checkpoint, unless an execution has it';

-- Executions have ended: what was removed goes, and what was claimed in vain.
CREATE FUNCTION internal.master_settle_checkpoints(executions bigint[], outcomes integer[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	gone bigint[];
BEGIN
	SELECT array_agg(c.checkpoint_id) INTO gone
	  FROM unnest(executions, outcomes) AS i (execution_id, outcome)
	  JOIN internal.checkpoint c ON c.owner_execution = i.execution_id
	 WHERE c.begun_execution IS NULL OR c.removed AND i.outcome = 1;
	IF gone IS NOT NULL THEN
		PERFORM internal.checkpoint_erase(gone, true);
	END IF;
END
$$;
COMMENT ON FUNCTION internal.master_settle_checkpoints(bigint[], integer[]) IS 'What becomes of the checkpoints of executions that have ended; outcome 1 is success';
