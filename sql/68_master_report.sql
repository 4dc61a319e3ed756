-- 68_master_report.sql
--
-- Reports of agents: events, statistics, results; checkpoints are in part 67.

-- verdict: "acknowledged" (every item up to sequence is committed), "rejected"
-- (one item), "over" (the attempt has ended; operation_id is 0 when the task is
-- ready again), "superseded" (the result or a checkpoint came too late), "reply"
-- (message is the JSON that the item is answered with).
-- first_item and last_item bound the items, counted from 1; NULL: all.
CREATE FUNCTION internal.master_report(agents uuid[], bodies text[], first_item integer, last_item integer)
RETURNS TABLE (request integer, verdict text, task uuid, attempt integer, sequence bigint, operation_id bigint, code text, message text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	i_request integer[];
	i_agent uuid[];
	i_task uuid[];
	i_attempt integer[];
	i_sequence bigint[];
	i_type text[];
	i_item jsonb[];
	i_execution bigint[];	-- NULL: an attempt that the agent does not have
	i_fresh boolean[];		-- not stored yet
	types text[];
BEGIN
	SELECT array_agg(x.request), array_agg(x.agent_id), array_agg(x.task), array_agg(x.attempt), array_agg(x.sequence),
		   array_agg(x.type), array_agg(x.item), array_agg(a.execution_id), array_agg(coalesce(x.sequence > a.last_sequence, false)),
		   array_agg(DISTINCT x.type)
	  INTO i_request, i_agent, i_task, i_attempt, i_sequence, i_type, i_item, i_execution, i_fresh, types
	  FROM (SELECT b.n::integer AS request, b.agent_id, (v.item ->> 'task')::uuid AS task, (v.item ->> 'attempt')::integer AS attempt,
				   (v.item ->> 'sequence')::bigint AS sequence, coalesce(v.item ->> 'type', '') AS type, v.item
			  FROM unnest(agents, bodies) WITH ORDINALITY AS b (agent_id, body, n),
				   jsonb_array_elements(b.body::jsonb) WITH ORDINALITY AS v (item, n)
			 WHERE first_item IS NULL OR v.n BETWEEN first_item AND last_item) x
	  LEFT JOIN internal.task_attempt a ON a.task_id = x.task AND a.attempt = x.attempt AND a.agent_id = x.agent_id;
	IF i_request IS NULL THEN
		RETURN;
	END IF;

	IF 'started' = ANY (types) THEN
		PERFORM internal.master_note_started(i_task, i_attempt, i_execution, i_type, i_item, i_fresh);
	END IF;
	IF 'event' = ANY (types) THEN
		INSERT INTO internal.event_message (operation_id, attempt, sequence, message_time, message_type, message_source_type, message,
				package_name, event_name, message_source_name, message_source_id, subcomponent_name, package_path, execution_path,
				thread_id, message_code, code, percent, progress_low, progress_high)
		SELECT i.execution_id, i.attempt, i.sequence, coalesce(e.time, clock_timestamp()), coalesce(e.message_type, -1),
			   coalesce(e.message_source_type, 30), e.message, e.package_name, e.event_name, e.message_source_name, e.message_source_id,
			   e.subcomponent_name, e.package_path, e.execution_path, e.thread_id, e.message_code, e.code, e.percent, e.progress_low,
			   e.progress_high
		  FROM unnest(i_execution, i_attempt, i_sequence, i_type, i_item, i_fresh) AS i (execution_id, attempt, sequence, type, item, fresh),
			   jsonb_to_record(i.item) AS e (time timestamptz, message_type smallint, message_source_type smallint, message text,
				   package_name text, event_name text, message_source_name text, message_source_id text, subcomponent_name text,
				   package_path text, execution_path text, thread_id integer, message_code integer, code text, percent integer,
				   progress_low integer, progress_high integer)
		 WHERE i.fresh AND i.type = 'event'
		 -- The ids are given in this order, and people read by id.
		 ORDER BY i.execution_id, i.attempt, i.sequence
			ON CONFLICT DO NOTHING;
		PERFORM internal.master_queue_copies(i_execution, i_attempt, i_sequence, i_type, i_fresh);
	END IF;
	IF 'executables' = ANY (types) THEN
		INSERT INTO internal.executable (operation_id, package_name, executable_guid, executable_name, package_path)
		SELECT i.execution_id, coalesce(i.item ->> 'package_name', ''), e.executable_guid, coalesce(e.executable_name, ''),
			   coalesce(e.package_path, '')
		  FROM unnest(i_execution, i_type, i_item, i_fresh) WITH ORDINALITY AS i (execution_id, type, item, fresh, n),
			   jsonb_to_recordset(i.item -> 'executables') AS e (executable_guid text, executable_name text, package_path text)
		 WHERE i.fresh AND i.type = 'executables'
		 ORDER BY i.n
			ON CONFLICT DO NOTHING;
	END IF;
	IF 'statistics' = ANY (types) THEN
		INSERT INTO internal.executable_statistic (operation_id, attempt, sequence, package_name, executable_guid, execution_path, start_time,
				end_time, execution_duration, execution_result, execution_value, row_count)
		SELECT i.execution_id, i.attempt, i.sequence, coalesce(s.package_name, ''), coalesce(s.executable_guid, ''), s.execution_path,
			   s.start_time, s.end_time, s.execution_duration, s.execution_result, s.execution_value, s.row_count
		  FROM unnest(i_execution, i_attempt, i_sequence, i_type, i_item, i_fresh) AS i (execution_id, attempt, sequence, type, item, fresh),
			   jsonb_to_record(i.item) AS s (package_name text, executable_guid text, execution_path text, start_time timestamptz,
				   end_time timestamptz, execution_duration integer, execution_result smallint, execution_value text, row_count bigint)
		 WHERE i.fresh AND i.type = 'statistics'
		 ORDER BY i.execution_id, i.attempt, i.sequence
			ON CONFLICT DO NOTHING;
	END IF;

	-- Before results, which may be in the same report: one row version less.
	UPDATE internal.task_attempt a SET last_sequence = u.last
	  FROM (SELECT i.task_id, i.attempt, max(i.sequence) AS last
			  FROM unnest(i_task, i_attempt, i_sequence, i_fresh) AS i (task_id, attempt, sequence, fresh)
			 WHERE i.fresh GROUP BY i.task_id, i.attempt) u
	 WHERE a.task_id = u.task_id AND a.attempt = u.attempt;

	-- Before results, which end the attempt.
	IF 'checkpoint' = ANY (types) THEN
		RETURN QUERY SELECT r.* FROM internal.master_take_checkpoints(i_request, i_task, i_attempt, i_sequence, i_execution, i_type, i_item, i_fresh) r;
	END IF;
	IF 'result' = ANY (types) THEN
		RETURN QUERY SELECT r.* FROM internal.master_take_results(i_request, i_agent, i_task, i_attempt, i_execution, i_type, i_item, i_fresh) r;
	END IF;

	IF 'checkpoint' = ANY (types) THEN
		RETURN QUERY SELECT r.* FROM internal.master_open_checkpoints(i_request, i_task, i_attempt, i_sequence, i_execution, i_type, i_item) r;
	END IF;

	IF NOT types <@ ARRAY['started', 'event', 'executables', 'statistics', 'checkpoint', 'result'] OR array_position(i_execution, NULL) IS NOT NULL THEN
		RETURN QUERY SELECT r.* FROM internal.master_refuse_items(i_request, i_agent, i_task, i_attempt, i_sequence, i_execution, i_type, i_item, i_fresh) r;
	END IF;

	RETURN QUERY
	SELECT i.request, 'acknowledged', i.task_id, i.attempt, max(i.sequence), 0::bigint, NULL::text, NULL::text
	  FROM unnest(i_request, i_task, i_attempt, i_sequence, i_execution) AS i (request, task_id, attempt, sequence, execution_id)
	 WHERE i.execution_id IS NOT NULL
	 GROUP BY i.request, i.task_id, i.attempt;
END
$$;
COMMENT ON FUNCTION internal.master_report(uuid[], text[], integer, integer) IS 'Stores the items of reports; what is there already is acknowledged again';

CREATE FUNCTION internal.master_note_started(tasks uuid[], attempts integer[], executions bigint[], types text[], items jsonb[], fresh boolean[])
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE internal.task_attempt a SET start_time = clock_timestamp(), process_id = (i.item ->> 'process_id')::integer
	  FROM unnest(tasks, attempts, types, items, fresh) AS i (task_id, attempt, type, item, fresh)
	 WHERE i.fresh AND i.type = 'started' AND a.task_id = i.task_id AND a.attempt = i.attempt;
	-- Only the current attempt says where the execution runs.
	UPDATE internal.operation o SET process_id = (i.item ->> 'process_id')::integer, machine_name = internal.one_line(i.item ->> 'machine_name')
	  FROM unnest(tasks, attempts, executions, types, items, fresh) AS i (task_id, attempt, execution_id, type, item, fresh)
	  JOIN internal.task t ON t.task_id = i.task_id AND t.attempt = i.attempt AND t.state = 2
	 WHERE i.fresh AND i.type = 'started' AND o.operation_id = i.execution_id;
	UPDATE internal.execution e
	   SET cpu_count = (i.item ->> 'cpu_count')::integer,
		   total_physical_memory_kb = (i.item ->> 'total_physical_memory_kb')::bigint,
		   available_physical_memory_kb = (i.item ->> 'available_physical_memory_kb')::bigint,
		   total_page_file_kb = (i.item ->> 'total_page_file_kb')::bigint,
		   available_page_file_kb = (i.item ->> 'available_page_file_kb')::bigint
	  FROM unnest(tasks, attempts, executions, types, items, fresh) AS i (task_id, attempt, execution_id, type, item, fresh)
	  JOIN internal.task t ON t.task_id = i.task_id AND t.attempt = i.attempt AND t.state = 2
	 WHERE i.fresh AND i.type = 'started' AND e.execution_id = i.execution_id;
END
$$;
COMMENT ON FUNCTION internal.master_note_started(uuid[], integer[], bigint[], text[], jsonb[], boolean[]) IS 'Items "started": process and machine';

CREATE FUNCTION internal.master_take_results(requests integer[], agents uuid[], tasks uuid[], attempts integer[], executions bigint[], types text[],
	items jsonb[], fresh boolean[])
RETURNS TABLE (request integer, verdict text, task uuid, attempt integer, sequence bigint, operation_id bigint, code text, message text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	r_request integer[];
	r_agent uuid[];
	r_task uuid[];
	r_attempt integer[];
	r_execution bigint[];
	r_outcome integer[];
	r_message text[];
	ended uuid[];
BEGIN
	-- An agent may have sent the same result twice in one batch.
	SELECT array_agg(r.request), array_agg(r.agent_id), array_agg(r.task_id), array_agg(r.attempt), array_agg(r.execution_id),
		   array_agg(CASE WHEN r.item ->> 'outcome' = 'lost' THEN 4
						  WHEN r.item ->> 'status' = '7' THEN 1
						  WHEN r.item ->> 'status' = '3' THEN 3
						  ELSE 2 END),
		   array_agg(concat_ws(': ', nullif(r.item ->> 'code', ''), coalesce(r.item ->> 'message',
				CASE WHEN r.item ->> 'outcome' = 'lost' THEN 'the runner ended without a result' END)))
	  INTO r_request, r_agent, r_task, r_attempt, r_execution, r_outcome, r_message
	  FROM (SELECT DISTINCT ON (i.task_id, i.attempt) i.*
			  FROM unnest(requests, agents, tasks, attempts, executions, types, items, fresh)
				   AS i (request, agent_id, task_id, attempt, execution_id, type, item, fresh)
			 WHERE i.fresh AND i.type = 'result'
			 ORDER BY i.task_id, i.attempt) r;
	IF r_request IS NULL THEN
		RETURN;
	END IF;
	SELECT array_agg(nullif(u.message, '') ORDER BY u.n) INTO r_message FROM unnest(r_message) WITH ORDINALITY AS u (message, n);

	FOR request, task, attempt, operation_id IN
		SELECT r.request, e.task, e.attempt, e.operation_id
		  FROM internal.master_end_attempts(r_task, r_attempt, r_outcome, r_message, r_agent) e
		  JOIN unnest(r_request, r_task) AS r (request, task_id) ON r.task_id = e.task
	LOOP
		verdict := 'over';
		ended := ended || task;
		RETURN NEXT;
	END LOOP;

	IF cardinality(ended) = cardinality(r_task) THEN
		RETURN;
	END IF;
	FOR request, task, attempt IN
		SELECT r.request, r.task_id, r.attempt
		  FROM unnest(r_request, r_task, r_attempt) AS r (request, task_id, attempt)
		 WHERE r.task_id <> ALL (coalesce(ended, '{}'))
	LOOP
		verdict := 'superseded';
		operation_id := 0;
		RETURN NEXT;
	END LOOP;
	UPDATE internal.task_attempt a SET outcome = 5, end_time = clock_timestamp()
	  FROM unnest(r_task, r_attempt) AS r (task_id, attempt)
	 WHERE a.task_id = r.task_id AND a.attempt = r.attempt AND a.outcome IS NULL;
	INSERT INTO internal.operation_message (operation_id, attempt, message_type, message_source_type, message, code)
	SELECT r.execution_id, r.attempt, 110, 20,
		   format('Worker %s sent the result of attempt %s after the attempt had ended; the result is not used.',
				  internal.worker_label(r.agent_id), r.attempt), 'SO222'
	  FROM unnest(r_task, r_attempt, r_execution, r_agent) AS r (task_id, attempt, execution_id, agent_id)
	 WHERE r.task_id <> ALL (coalesce(ended, '{}'));
END
$$;
COMMENT ON FUNCTION internal.master_take_results(integer[], uuid[], uuid[], integer[], bigint[], text[], jsonb[], boolean[]) IS 'Items "result": accepted once, by the attempt that is current';

-- Items of attempts that the agent does not have, and of unknown types.
CREATE FUNCTION internal.master_refuse_items(requests integer[], agents uuid[], tasks uuid[], attempts integer[], sequences bigint[], executions bigint[],
	types text[], items jsonb[], fresh boolean[])
RETURNS TABLE (request integer, verdict text, task uuid, attempt integer, sequence bigint, operation_id bigint, code text, message text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	INSERT INTO internal.rejected_message (operation_id, attempt, sequence, agent_id, code, message, item)
	SELECT i.execution_id, i.attempt, i.sequence, i.agent_id, 'SO220', format('items of type "%s" are not known', left(i.type, 50)),
		   left(i.item::text, 100000)
	  FROM unnest(agents, attempts, sequences, executions, types, items, fresh)
		   AS i (agent_id, attempt, sequence, execution_id, type, item, fresh)
	 WHERE i.fresh AND i.type NOT IN ('started', 'event', 'executables', 'statistics', 'checkpoint', 'result')
		ON CONFLICT DO NOTHING;
	RETURN QUERY
	SELECT i.request, 'rejected', i.task_id, i.attempt, i.sequence, 0::bigint,
		   CASE WHEN i.execution_id IS NULL THEN 'SO221' ELSE 'SO220' END,
		   CASE WHEN i.execution_id IS NULL THEN format('the catalog knows no attempt %s of task %s for this worker', i.attempt, i.task_id)
				ELSE format('items of type "%s" are not known', left(i.type, 50)) END
	  FROM unnest(requests, tasks, attempts, sequences, executions, types, fresh)
		   AS i (request, task_id, attempt, sequence, execution_id, type, fresh)
	 WHERE i.execution_id IS NULL OR (i.fresh AND i.type NOT IN ('started', 'event', 'executables', 'statistics', 'checkpoint', 'result'));
END
$$;
COMMENT ON FUNCTION internal.master_refuse_items(integer[], uuid[], uuid[], integer[], bigint[], bigint[], text[], jsonb[], boolean[]) IS 'Rejects items that name an unknown attempt or have an unknown type';

-- The item failed in SQL and stands alone.  It counts as dealt with; when it was
-- the result, its attempt would never end, so it ends as lost.
CREATE FUNCTION internal.master_reject(agent uuid, body text, item_number integer, state text, problem text)
RETURNS TABLE (request integer, verdict text, task uuid, attempt integer, sequence bigint, operation_id bigint, code text, message text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	-- json, not jsonb: it takes what jsonb refuses.
	item CONSTANT json := body::json -> (item_number - 1);
	execution bigint;
	reason CONSTANT text := format('%s (SQLSTATE %s)', problem, state);
BEGIN
	request := 1;
	verdict := 'rejected';
	code := 'SO220';
	message := reason;
	operation_id := 0;
	-- What is not even an identity cannot be recorded, only refused.
	IF coalesce(item ->> 'task', '') !~ '^[0-9a-fA-F-]{36}$' OR coalesce(item ->> 'attempt', '') !~ '^[0-9]{1,9}$'
	   OR coalesce(item ->> 'sequence', '') !~ '^[0-9]{1,18}$' THEN
		task := '00000000-0000-0000-0000-000000000000';
		attempt := 0;
		sequence := 0;
		RETURN NEXT;
		RETURN;
	END IF;
	task := item ->> 'task';
	attempt := item ->> 'attempt';
	sequence := item ->> 'sequence';
	RETURN NEXT;

	UPDATE internal.task_attempt a SET last_sequence = greatest(a.last_sequence, master_reject.sequence)
	 WHERE a.task_id = master_reject.task AND a.attempt = master_reject.attempt AND a.agent_id = master_reject.agent
	RETURNING a.execution_id INTO execution;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	INSERT INTO internal.rejected_message (operation_id, attempt, sequence, agent_id, code, message, item)
	VALUES (execution, attempt, sequence, agent, 'SO220', reason, left(item::text, 100000))
		ON CONFLICT DO NOTHING;
	IF item ->> 'type' = 'result' THEN
		FOR operation_id IN
			SELECT e.operation_id FROM internal.master_end_attempts(ARRAY[task], ARRAY[attempt], ARRAY[4],
				ARRAY['its result could not be stored: ' || reason], ARRAY[agent]) e
		LOOP
			verdict := 'over';
			RETURN NEXT;
		END LOOP;
	END IF;
END
$$;
COMMENT ON FUNCTION internal.master_reject(uuid, text, integer, text, text) IS 'Records one item that cannot be stored';
