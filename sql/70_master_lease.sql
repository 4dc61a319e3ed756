-- 70_master_lease.sql
--
-- Which worker gets which task, and what it is sent.

-- STABLE, because to_jsonb is: called immutable it would not become part of the
-- statement that calls it, and be executed by itself for every task in the queue.
CREATE FUNCTION internal.tag_list(tags text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN pg_catalog.btrim(coalesce(tags, '')) = '' THEN '[]'::jsonb
	ELSE pg_catalog.to_jsonb(pg_catalog.regexp_split_to_array(pg_catalog.lower(pg_catalog.btrim(tags)), '\s*,\s*')) END;
COMMENT ON FUNCTION internal.tag_list(text) IS 'Tags as a JSON array, in lower case';

-- The rule who may take what, for the choice below and for explain_execution.
-- Without a SET clause, so that it becomes part of the expression that calls it.
CREATE FUNCTION internal.worker_fits(runinscaleout boolean, on_host boolean, required jsonb, task_types jsonb, required_tags jsonb, tags jsonb)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (runinscaleout OR on_host) AND required <@ task_types AND required_tags <@ tags;
COMMENT ON FUNCTION internal.worker_fits(boolean, boolean, jsonb, jsonb, jsonb, jsonb) IS 'May a worker run an execution, as far as neither changes: host, task types, tags';

-- The two facts about a worker that the rule asks for, from what it registered with.
CREATE FUNCTION internal.on_master_host(machine_name text, host text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(pg_catalog.lower(pg_catalog.split_part(machine_name, '.', 1)) = pg_catalog.lower(pg_catalog.split_part(host, '.', 1)), false);
COMMENT ON FUNCTION internal.on_master_host(text, text) IS 'Is a worker on the host of the master? Domains are not compared';

CREATE FUNCTION internal.task_types(capabilities jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(capabilities -> 'task_types', '[]'::jsonb);
COMMENT ON FUNCTION internal.task_types(jsonb) IS 'Task types that a worker can run';

-- Tasks for the waiting agents: those that only some workers may run first, then
-- the common queue, one task each in turn.  Reads the queue from the remembered
-- position, so dead rows before it cost nothing; new_position is the place up
-- to which nothing is ready.
CREATE FUNCTION internal.master_pick(ready_position bigint, agents uuid[], capacities integer[], task_limit integer,
	OUT agent integer[], OUT ready_id bigint[], OUT task uuid[], OUT execution bigint[], OUT new_position bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	room integer[] := capacities;
	free integer;
	task_types jsonb[];
	on_host boolean[];
	tags jsonb[];
	offer record;
	turn integer := 0;
	candidate integer;
	first_skipped bigint;
	place bigint;
	page_size integer;
	seen integer;
BEGIN
	new_position := ready_position;
	agent := '{}';
	ready_id := '{}';
	task := '{}';
	execution := '{}';
	SELECT sum(u.c) INTO free FROM unnest(capacities) AS u (c);
	page_size := least(free, task_limit);
	SELECT array_agg(internal.task_types(w.capabilities) ORDER BY u.n), array_agg(internal.on_master_host(w.machine_name, m.host) ORDER BY u.n),
		   array_agg(internal.tag_list(w.tags) ORDER BY u.n)
	  INTO task_types, on_host, tags
	  FROM unnest(agents) WITH ORDINALITY AS u (agent_id, n)
	  LEFT JOIN internal.worker_agent w ON w.agent_id = u.agent_id
	 CROSS JOIN internal.master_state m;

	FOR offer IN
		SELECT u.n::integer AS n, q.ready_id, q.task_id, q.execution_id, e.runinscaleout, to_jsonb(coalesce(k.required_task_types, '{}')) AS required,
			   internal.tag_list(e.required_tags) AS required_tags
		  FROM unnest(agents, capacities) WITH ORDINALITY AS u (agent_id, capacity, n)
		 CROSS JOIN LATERAL (SELECT r.* FROM internal.ready_restricted r WHERE r.agent_id = u.agent_id
							  ORDER BY r.ready_id LIMIT u.capacity + 100) q
		  JOIN internal.execution e ON e.execution_id = q.execution_id
		  LEFT JOIN internal.package k ON k.project_id = e.project_id AND k.name = e.package_name
		 ORDER BY q.ready_id
	LOOP
		EXIT WHEN cardinality(task) >= task_limit;
		CONTINUE WHEN room[offer.n] = 0 OR offer.task_id = ANY (task) 
			-- The host plays no part for a worker that was named.
			OR NOT internal.worker_fits(true, true, offer.required, task_types[offer.n], offer.required_tags, tags[offer.n]);
		room[offer.n] := room[offer.n] - 1;
		free := free - 1;
		agent := agent || offer.n;
		ready_id := ready_id || offer.ready_id;
		task := task || offer.task_id;
		execution := execution || offer.execution_id;
	END LOOP;

	-- Page by page: the first page holds all that can be handed out, unless
	-- there are tasks in it that none of these agents can run.
	place := ready_position;
	FOR page IN 1 .. 200 LOOP
		EXIT WHEN cardinality(task) >= task_limit OR free <= 0;
		seen := 0;
		FOR offer IN
			SELECT q.ready_id, q.task_id, q.execution_id, e.runinscaleout, to_jsonb(coalesce(k.required_task_types, '{}')) AS required,
			   internal.tag_list(e.required_tags) AS required_tags
			  FROM (SELECT r.* FROM internal.ready r WHERE r.ready_id > place ORDER BY r.ready_id LIMIT page_size) q
			  JOIN internal.execution e ON e.execution_id = q.execution_id
			  LEFT JOIN internal.package k ON k.project_id = e.project_id AND k.name = e.package_name
			 ORDER BY q.ready_id
		LOOP
			EXIT WHEN cardinality(task) >= task_limit OR free <= 0;
			seen := seen + 1;
			place := offer.ready_id;
			candidate := NULL;
			FOR step IN 0 .. cardinality(agents) - 1 LOOP
				candidate := (turn + step) % cardinality(agents) + 1;
				EXIT WHEN room[candidate] > 0
					AND internal.worker_fits(offer.runinscaleout, on_host[candidate], offer.required, task_types[candidate],
											 offer.required_tags, tags[candidate]);
				candidate := NULL;
			END LOOP;
			IF candidate IS NULL THEN
				first_skipped := coalesce(first_skipped, offer.ready_id);
				CONTINUE;
			END IF;
			turn := candidate;
			room[candidate] := room[candidate] - 1;
			free := free - 1;
			agent := agent || candidate;
			ready_id := ready_id || offer.ready_id;
			task := task || offer.task_id;
			execution := execution || offer.execution_id;
		END LOOP;
		EXIT WHEN seen < page_size;
		page_size := 500;
	END LOOP;
	new_position := coalesce(first_skipped - 1, place);
END
$$;
COMMENT ON FUNCTION internal.master_pick(bigint, uuid[], integer[], integer) IS 'Chooses ready tasks for waiting agents; changes nothing';

CREATE FUNCTION internal.master_unqueue(agents uuid[], ready_ids bigint[], tasks uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM internal.ready r USING unnest(ready_ids) AS u (ready_id) WHERE r.ready_id = u.ready_id;
	DELETE FROM internal.ready_restricted r USING unnest(tasks) AS u (task_id) WHERE r.task_id = u.task_id;
END
$$;
COMMENT ON FUNCTION internal.master_unqueue(uuid[], bigint[], uuid[]) IS 'Takes chosen tasks out of the queues';

CREATE FUNCTION internal.task_parameters(execution bigint) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(json_agg(json_build_object(
				'name', CASE v.object_type WHEN 20 THEN '$Project::' ELSE '$Package::' END || v.parameter_name,
				'type', v.parameter_data_type,
				'value', CASE WHEN v.sensitive
							  THEN internal.decrypt_secret(v.parameter_secret, internal.secret_of_execution(v.execution_id, v.object_type, v.parameter_name))
							  ELSE v.parameter_value END,
				'sensitive', v.sensitive) ORDER BY v.object_type, v.parameter_name), '[]')
	  FROM internal.execution_parameter_value v
	 -- What nobody set has the value that the package was designed with.
	 WHERE v.execution_id = $1 AND v.object_type IN (20, 30) AND v.value_set
$$;
COMMENT ON FUNCTION internal.task_parameters(bigint) IS 'Parameter values as the worker gets them, sensitive ones in plain';

CREATE FUNCTION internal.task_overrides(execution bigint) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(json_agg(json_build_object('path', p.property_path, 'value',
				CASE WHEN p.sensitive THEN internal.decrypt_secret(p.property_secret, internal.secret_of_override(p.execution_id, p.property_path))
					 ELSE p.property_value END) ORDER BY p.property_id), '[]')
	  FROM internal.execution_property_override p
	 WHERE p.execution_id = $1
$$;
COMMENT ON FUNCTION internal.task_overrides(bigint) IS 'Property overrides as the worker gets them';

-- The objects of tasks[] (docs/protocol.md, lease), and each of their projects
-- once.  agent is the number of the agent in the caller's list.
CREATE FUNCTION internal.master_task_rows(tasks uuid[], attempts integer[], agents integer[])
RETURNS TABLE (kind text, agent integer, task uuid, attempt integer, execution_id bigint, interval_ms integer, hash text, body text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT 'task', u.agent, t.task_id, t.attempt, t.execution_id, t.lease_interval_ms, v.content_hash,
		   json_build_object(
			'task', t.task_id, 'attempt', t.attempt, 'execution_id', t.execution_id, 'project', v.content_hash, 'package', e.package_name,
			'lease_interval_ms', t.lease_interval_ms,
			'logging_level', coalesce((SELECT l.parameter_value::integer FROM internal.execution_parameter_value l
									   WHERE l.execution_id = t.execution_id AND l.object_type = 50 AND l.parameter_name = 'LOGGING_LEVEL'), 1),
			'retry', t.failures, 'checkpoint', json_build_object('chain_id', e.chain_id), 'parameters', internal.task_parameters(t.execution_id),
			'property_overrides', internal.task_overrides(t.execution_id), 'connection_strings', '[]'::json,
			'caller', o.caller_name, 'folder', e.folder_name, 'project_name', e.project_name)::text
	  FROM unnest(tasks, attempts, agents) WITH ORDINALITY AS u (task_id, attempt, agent, n)
	  JOIN internal.task t ON t.task_id = u.task_id AND t.attempt = u.attempt AND t.state = 2
	  JOIN internal.execution e ON e.execution_id = t.execution_id
	  JOIN internal.operation o ON o.operation_id = t.execution_id
	  JOIN internal.project_version v ON v.object_version_lsn = e.project_version
	 ORDER BY u.n;
	RETURN QUERY
	SELECT 'project', 0, NULL::uuid, 0, 0::bigint, 0, v.content_hash, v.document::text
	  FROM (SELECT min(e.project_version) AS version
			  FROM unnest(tasks) AS u (task_id)
			  JOIN internal.task t ON t.task_id = u.task_id
			  JOIN internal.execution e ON e.execution_id = t.execution_id
			  JOIN internal.project_version p ON p.object_version_lsn = e.project_version
			 GROUP BY p.content_hash) d
	  JOIN internal.project_version v ON v.object_version_lsn = d.version;
END
$$;
COMMENT ON FUNCTION internal.master_task_rows(uuid[], integer[], integer[]) IS 'What workers are sent for leased tasks';

CREATE FUNCTION internal.master_lease(epoch bigint, ready_position bigint, agents uuid[], instances uuid[], capacities integer[], task_limit integer)
RETURNS TABLE (kind text, agent integer, task uuid, attempt integer, execution_id bigint, interval_ms integer, hash text, body text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	picked record;
	l_task uuid[];
	l_attempt integer[];
	l_agent integer[];
	l_execution bigint[];
	l_failures integer[];
BEGIN
	picked := internal.master_pick(ready_position, agents, capacities, task_limit);
	IF cardinality(picked.task) > 0 THEN
		PERFORM internal.master_unqueue(agents, picked.ready_id, picked.task);
		WITH leased AS (
			UPDATE internal.task t
			   SET state = 2, attempt = t.attempt + 1, agent_id = agents[p.agent], instance_id = instances[p.agent],
				   epoch = master_lease.epoch
			  FROM unnest(picked.task, picked.agent) AS p (task_id, agent)
			 WHERE t.task_id = p.task_id AND t.state = 1
			RETURNING t.task_id, t.attempt, p.agent, t.execution_id, t.failures
		)
		SELECT array_agg(l.task_id), array_agg(l.attempt), array_agg(l.agent), array_agg(l.execution_id), array_agg(l.failures)
		  INTO l_task, l_attempt, l_agent, l_execution, l_failures
		  FROM leased l;
	END IF;
	IF l_task IS NOT NULL THEN
		INSERT INTO internal.task_attempt (task_id, attempt, execution_id, agent_id, instance_id, epoch, retry)
		SELECT l.task_id, l.attempt, l.execution_id, agents[l.agent], instances[l.agent], master_lease.epoch, l.failures
		  FROM unnest(l_task, l_attempt, l_execution, l_agent, l_failures) AS l (task_id, attempt, execution_id, agent, failures);
		UPDATE internal.operation o SET status = 2, start_time = clock_timestamp()
		  FROM unnest(l_execution, l_attempt) AS l (execution_id, attempt)
		 WHERE o.operation_id = l.execution_id AND l.attempt = 1;
		INSERT INTO internal.operation_message (operation_id, attempt, message_type, message_source_type, message)
		SELECT l.execution_id, l.attempt, 70, 20,
			   format('Attempt %s was given to worker %s.', l.attempt, w.label)
		  FROM unnest(l_execution, l_attempt, l_agent) AS l (execution_id, attempt, agent)
		  JOIN (SELECT u.n::integer AS n, internal.worker_label(u.agent_id) AS label
				  FROM unnest(agents) WITH ORDINALITY AS u (agent_id, n)) w ON w.n = l.agent;
		RETURN QUERY SELECT r.* FROM internal.master_task_rows(l_task, l_attempt, l_agent) r;
	END IF;
	RETURN QUERY
	SELECT 'position', 0, NULL::uuid, 0, picked.new_position,
		   (EXISTS (SELECT 1 FROM internal.ready r WHERE r.ready_id > picked.new_position)
			OR EXISTS (SELECT 1 FROM internal.ready_restricted))::integer, NULL::text, NULL::text;
END
$$;
COMMENT ON FUNCTION internal.master_lease(bigint, bigint, uuid[], uuid[], integer[], integer) IS 'Gives ready tasks to waiting agents';

CREATE FUNCTION internal.master_redeliver(tasks uuid[], attempts integer[])
RETURNS TABLE (kind text, agent integer, task uuid, attempt integer, execution_id bigint, interval_ms integer, hash text, body text)
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.* FROM internal.master_task_rows($1, $2, array_fill(1, ARRAY[cardinality($1)])) r
$$;
COMMENT ON FUNCTION internal.master_redeliver(uuid[], integer[]) IS 'Attempts that are sent again, because the answer with them was lost';

-- The first task that master_lease would give out cannot be: it ends.
CREATE FUNCTION internal.master_reject_ready(ready_position bigint, agents uuid[], capacities integer[], state text, problem text)
RETURNS TABLE (kind text, agent integer, task uuid, attempt integer, execution_id bigint, interval_ms integer, hash text, body text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	picked record;
BEGIN
	picked := internal.master_pick(ready_position, agents, capacities, 1);
	IF cardinality(picked.task) = 0 THEN
		RETURN;
	END IF;
	PERFORM internal.master_unqueue(agents, picked.ready_id, picked.task);
	UPDATE internal.task t SET state = 3 WHERE t.task_id = picked.task[1];
	UPDATE internal.operation o SET status = 6, end_time = clock_timestamp() WHERE o.operation_id = picked.execution[1];
	PERFORM internal.master_say(picked.execution, ARRAY[NULL::integer], 120::smallint, 20::smallint,
		ARRAY[format('The execution cannot be handed to a worker: %s (SQLSTATE %s).', problem, state)], 'SO230');
	RETURN QUERY SELECT 'finished', 0, picked.task[1], 0, picked.execution[1], 0, NULL::text, NULL::text;
END
$$;
COMMENT ON FUNCTION internal.master_reject_ready(bigint, uuid[], integer[], text, text) IS 'Ends the first ready task, which cannot be leased';
