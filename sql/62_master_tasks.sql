-- 62_master_tasks.sql
--
-- What becomes of tasks: ready, ended, ready again.  The rules of the two
-- budgets stand here and nowhere else.

-- What workers say of themselves stands in messages, and in cures that people
-- paste into a shell.  A newline or an escape sequence would be a command.
CREATE FUNCTION internal.one_line(said text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.regexp_replace(said, '[\x01-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]', '?', 'g');
COMMENT ON FUNCTION internal.one_line(text) IS 'Without control characters, and what ends or turns round a line';

CREATE FUNCTION internal.shell_word(said text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN said ~ '^[A-Za-z0-9_./:@%+=,-]+$' THEN said
	ELSE '''' || pg_catalog.replace(internal.one_line(said), '''', '''\''''') || '''' END;
COMMENT ON FUNCTION internal.shell_word(text) IS 'One word for a shell: as it is, or in quotes when it has anything unusual';

CREATE FUNCTION internal.worker_label(agent uuid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce((SELECT format('"%s"', internal.one_line(coalesce(nullif(w.display_name, ''), w.machine_name))) FROM internal.worker_agent w
					  WHERE w.agent_id = $1), $1::text, 'unknown')
$$;
COMMENT ON FUNCTION internal.worker_label(uuid) IS 'How messages name a worker';

CREATE FUNCTION internal.master_say(operations bigint[], attempts integer[], message_type smallint, source_type smallint,
	messages text[], code text DEFAULT NULL)
RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO internal.operation_message (operation_id, attempt, message_type, message_source_type, message, code)
	SELECT m.operation_id, m.attempt, $3, $4, m.message, $6
	  FROM unnest($1, $2, $5) WITH ORDINALITY AS m (operation_id, attempt, message, n)
	 ORDER BY m.n
$$;
COMMENT ON FUNCTION internal.master_say(bigint[], integer[], smallint, smallint, text[], text) IS 'Messages about operations; source 10 entry functions, 20 master and workers';

CREATE FUNCTION internal.master_make_ready(tasks uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	WITH due AS MATERIALIZED (
		SELECT nextval('internal.ready_id') AS ready_id, o.task_id, o.execution_id, o.useanyworker
		  FROM (SELECT t.task_id, t.execution_id, e.useanyworker
				  FROM unnest(tasks) WITH ORDINALITY AS u (task_id, n)
				  JOIN internal.task t ON t.task_id = u.task_id
				  JOIN internal.execution e ON e.execution_id = t.execution_id
				 ORDER BY u.n) o
	), any_worker AS (
		INSERT INTO internal.ready (ready_id, task_id, execution_id)
		SELECT d.ready_id, d.task_id, d.execution_id FROM due d WHERE d.useanyworker
	)
	INSERT INTO internal.ready_restricted (agent_id, ready_id, task_id, execution_id)
	SELECT w.agent_id, d.ready_id, d.task_id, d.execution_id
	  FROM due d JOIN internal.execution_worker w ON w.execution_id = d.execution_id
	  -- Not for one that was removed: a task that waits for it alone would wait for ever.
	  JOIN internal.worker_agent a ON a.agent_id = w.agent_id
	 WHERE NOT d.useanyworker;
END
$$;
COMMENT ON FUNCTION internal.master_make_ready(uuid[]) IS 'Puts tasks at the end of the queue, or of the queues of their workers';

CREATE FUNCTION internal.master_forget_ready(tasks uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- ready has no index on the task: this is for the few that are taken out
	-- of the queue without being leased.
	DELETE FROM internal.ready r USING unnest(tasks) AS u (task_id) WHERE r.task_id = u.task_id;
	DELETE FROM internal.ready_restricted r USING unnest(tasks) AS u (task_id) WHERE r.task_id = u.task_id;
END
$$;
COMMENT ON FUNCTION internal.master_forget_ready(uuid[]) IS 'Takes tasks out of the queues';

CREATE FUNCTION internal.has_worker(execution_id bigint, useanyworker boolean) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT useanyworker
		OR EXISTS (SELECT 1 FROM internal.execution_worker x JOIN internal.worker_agent w ON w.agent_id = x.agent_id
					WHERE x.execution_id = has_worker.execution_id)
$$;
COMMENT ON FUNCTION internal.has_worker(bigint, boolean) IS 'Is a worker registered that may take this execution, now or when it comes back?';

-- outcome: 1 succeeded, 2 failed, 3 canceled, 4 lost.  Only attempts that are
-- current and leased (to that agent, when one is given) end; the others do not
-- appear in the result, and are superseded.
CREATE FUNCTION internal.master_end_attempts(tasks uuid[], attempts integer[], outcomes integer[], messages text[], agents uuid[])
RETURNS TABLE (task uuid, attempt integer, operation_id bigint, status smallint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	d_task uuid[];
	d_attempt integer[];
	d_execution bigint[];
	d_state smallint[];
	d_status smallint[];
	d_outcome integer[];
	d_message text[];
	d_line text[];
BEGIN
	WITH decided AS (
		UPDATE internal.task t
		   SET state = CASE
					WHEN t.stop_requested THEN 3
					WHEN i.outcome = 2 AND t.failures < e.retry_count AND internal.has_worker(e.execution_id, e.useanyworker) THEN 1
					WHEN i.outcome = 4 AND t.lost < e.max_lost_attempts AND internal.has_worker(e.execution_id, e.useanyworker) THEN 1
					ELSE 3 END,
			   failures = t.failures + (i.outcome = 2)::integer,
			   lost = t.lost + (i.outcome = 4)::integer
		  FROM unnest(tasks, attempts, outcomes, messages, agents) AS i (task_id, attempt, outcome, message, agent_id),
			   internal.execution e
		 WHERE t.task_id = i.task_id AND t.attempt = i.attempt AND t.state = 2
		   AND (i.agent_id IS NULL OR t.agent_id = i.agent_id)
		   AND e.execution_id = t.execution_id
		RETURNING t.task_id, t.attempt, t.execution_id, t.state, t.failures, t.lost, t.stop_requested, t.agent_id,
				  i.outcome, i.message, e.retry_count, e.max_lost_attempts
	)
	SELECT array_agg(d.task_id), array_agg(d.attempt), array_agg(d.execution_id), array_agg(d.state),
		   array_agg(CASE WHEN d.state = 1 THEN 2
						  WHEN d.outcome = 1 THEN 7
						  WHEN d.outcome = 2 THEN 4
						  WHEN d.outcome = 3 OR d.stop_requested THEN 3
						  ELSE 6 END),
		   array_agg(d.outcome), array_agg(d.message),
		   array_agg(CASE d.outcome
				WHEN 1 THEN NULL
				WHEN 2 THEN format('Attempt %s failed on worker %s: %s. %s', d.attempt, internal.worker_label(d.agent_id),
					coalesce(rtrim(d.message, '.'), 'no reason was given'),
					CASE WHEN d.state = 1 THEN format('The package is run again: retry %s of %s.', d.failures, d.retry_count)
						 WHEN d.stop_requested THEN 'It is not run again, because a stop was requested.'
						 WHEN d.failures <= d.retry_count THEN 'It is not run again, because none of the workers that were added to it is registered any more.'
						 WHEN d.retry_count > 0 THEN format('All retries (%s) are used up.', d.retry_count)
						 ELSE 'No retry was asked for.' END)
				WHEN 3 THEN format('Attempt %s was canceled on worker %s.', d.attempt, internal.worker_label(d.agent_id))
				ELSE format('Attempt %s was lost: %s. %s', d.attempt, rtrim(d.message, '.'),
					CASE WHEN d.state = 1 THEN format('The execution is offered to workers again (lost attempt %s of %s).', d.lost, d.max_lost_attempts)
						 WHEN d.stop_requested THEN 'It is not offered again, because a stop was requested.'
						 WHEN d.lost <= d.max_lost_attempts THEN 'It is not offered again, because none of the workers that were added to it is registered any more.'
						 ELSE format('It is not offered again: max_lost_attempts (%s) is used up.', d.max_lost_attempts) END)
				END)
	  INTO d_task, d_attempt, d_execution, d_state, d_status, d_outcome, d_message, d_line
	  FROM decided d;

	IF d_task IS NULL THEN
		RETURN;
	END IF;

	UPDATE internal.task_attempt a
	   SET end_time = clock_timestamp(), outcome = d.outcome, message = d.message
	  FROM unnest(d_task, d_attempt, d_outcome, d_message) AS d (task_id, attempt, outcome, message)
	 WHERE a.task_id = d.task_id AND a.attempt = d.attempt;

	UPDATE internal.operation o
	   SET status = d.status, end_time = clock_timestamp()
	  FROM unnest(d_execution, d_state, d_status) AS d (operation_id, state, status)
	 WHERE o.operation_id = d.operation_id AND d.state = 3;

	PERFORM internal.master_warn_uncopied(array_agg(d.execution_id))
	   FROM unnest(d_execution, d_state) AS d (execution_id, state)
	  WHERE d.state = 3
	 HAVING count(*) > 0;

	PERFORM internal.master_settle_checkpoints(array_agg(d.execution_id), array_agg(d.outcome))
	   FROM unnest(d_execution, d_state, d_outcome) AS d (execution_id, state, outcome)
	  WHERE d.state = 3
	 HAVING count(*) > 0;

	PERFORM internal.master_make_ready(array_agg(d.task_id ORDER BY d.n))
	   FROM unnest(d_task, d_state) WITH ORDINALITY AS d (task_id, state, n)
	  WHERE d.state = 1
	 HAVING count(*) > 0;

	INSERT INTO internal.operation_message (operation_id, attempt, message_type, message_source_type, message)
	SELECT d.execution_id, d.attempt,
		   CASE WHEN d.outcome = 3 THEN 70 WHEN d.state = 1 THEN 110 ELSE 120 END, 20, d.line
	  FROM unnest(d_execution, d_attempt, d_outcome, d_state, d_line) AS d (execution_id, attempt, outcome, state, line)
	 WHERE d.line IS NOT NULL;

	RETURN QUERY
	SELECT d.task_id, d.attempt, CASE WHEN d.state = 3 THEN d.execution_id ELSE 0 END, d.status
	  FROM unnest(d_task, d_attempt, d_execution, d_state, d_status) AS d (task_id, attempt, execution_id, state, status);
END
$$;
COMMENT ON FUNCTION internal.master_end_attempts(uuid[], integer[], integer[], text[], uuid[])
	IS 'Ends current attempts: operation_id is that of the operation that has ended, 0 when the task is ready again';

-- Reasons as in bgworker/leases.h: 1 silent, 2 the worker started anew, 3 removed, 4 its certificate revoked.
CREATE FUNCTION internal.master_expire(tasks uuid[], attempts integer[], reasons integer[])
RETURNS TABLE (task uuid, operation_id bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	lines text[];
BEGIN
	SELECT array_agg(
			CASE i.reason
				WHEN 1 THEN format('worker %s has not renewed its lease for %s s', internal.worker_label(t.agent_id),
								   round(t.lease_interval_ms / 1000.0, 1))
				WHEN 2 THEN format('worker %s was started anew and does not have it any more', internal.worker_label(t.agent_id))
				WHEN 4 THEN format('the certificate of worker %s was revoked', coalesce(internal.worker_label(t.agent_id), 'unknown'))
				ELSE format('worker %s was removed', coalesce(internal.worker_label(t.agent_id), 'unknown'))
			END ORDER BY i.n)
	  INTO lines
	  FROM unnest(tasks, reasons) WITH ORDINALITY AS i (task_id, reason, n)
	  LEFT JOIN internal.task t ON t.task_id = i.task_id;
	RETURN QUERY
	SELECT e.task, e.operation_id
	  FROM internal.master_end_attempts(tasks, attempts, array_fill(4, ARRAY[cardinality(tasks)]), lines,
										array_fill(NULL::uuid, ARRAY[cardinality(tasks)])) e;
END
$$;
COMMENT ON FUNCTION internal.master_expire(uuid[], integer[], integer[]) IS 'Leases that ended without a result';
