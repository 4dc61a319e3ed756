-- 76_explain.sql
--
-- catalog.explain_execution(): one row that says why an execution waits, where
-- it runs or why it failed.  It asks the rules and the state by which the master
-- chooses (70_master_lease.sql), and changes nothing.

-- What a worker runs: "12 (load, since ...)".  Reads the newest tasks only; an
-- execution that has run since a hundred thousand others began is not listed.
CREATE FUNCTION internal.running_on(worker uuid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format('%s (%s)', r.execution_id, r.package_name), ', ' ORDER BY r.execution_id)
	  FROM (SELECT t.execution_id, e.package_name
			  FROM internal.task t JOIN internal.execution e ON e.execution_id = t.execution_id
			 WHERE t.execution_id > (SELECT max(m.execution_id) - 100000 FROM internal.task m) AND t.state = 2 AND t.agent_id = worker
			 ORDER BY t.execution_id LIMIT 10) r
$$;
COMMENT ON FUNCTION internal.running_on(uuid) IS 'The executions that a worker has now, at most ten';

CREATE FUNCTION internal.cure_of_load(worker internal.worker_agent) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('It goes on by itself when the load falls (CPU %s %%, %s MB free%s); else change the limit that is named in worker.conf of %s and reload it, or add a worker.',
		worker.cpu_percent, worker.memory_free_mb,
		CASE WHEN worker.memory_pressure IS NULL THEN ''
			 ELSE format(', waiting for CPU %s %%, memory %s %%, I/O %s %%', worker.cpu_pressure, worker.memory_pressure, worker.io_pressure) END,
		worker.machine_name)
$$;
COMMENT ON FUNCTION internal.cure_of_load(internal.worker_agent) IS 'What to do about a worker that does not ask because its machine is busy';

-- One row per worker: what is between it and the execution.  nearness orders the
-- obstacles: the highest is the one that is removed most easily.
CREATE FUNCTION internal.workers_for(execution internal.execution)
RETURNS TABLE (nearness integer, cause text, cure text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	required CONSTANT jsonb := (SELECT to_jsonb(coalesce(max(k.required_task_types), '{}')) FROM internal.package k
								 WHERE k.project_id = execution.project_id AND k.name = execution.package_name);
	required_tags CONSTANT jsonb := internal.tag_list(execution.required_tags);
	host CONSTANT text := (SELECT m.host FROM internal.master_state m);
	worker internal.worker_agent;
	on_host boolean;
	types jsonb;
	obstacle record;
	label text;
BEGIN
	FOR worker IN
		SELECT w.* FROM internal.worker_agent w
		 WHERE execution.useanyworker
			OR EXISTS (SELECT 1 FROM internal.execution_worker x WHERE x.execution_id = execution.execution_id AND x.agent_id = w.agent_id)
				-- Once it is in the queues, these decide: a worker that was removed and came back is in none.
				AND (NOT EXISTS (SELECT 1 FROM internal.task t JOIN internal.ready_restricted r ON r.task_id = t.task_id WHERE t.execution_id = execution.execution_id)
					 OR EXISTS (SELECT 1 FROM internal.task t JOIN internal.ready_restricted r ON r.task_id = t.task_id
								 WHERE t.execution_id = execution.execution_id AND r.agent_id = w.agent_id))
		 ORDER BY w.display_name, w.agent_id LIMIT 1000
	LOOP
		label := internal.worker_label(worker.agent_id);
		types := coalesce(worker.capabilities -> 'task_types', '[]');
		on_host := NOT execution.useanyworker
			OR coalesce(lower(split_part(worker.machine_name, '.', 1)) = lower(split_part(host, '.', 1)), false);
		obstacle := internal.worker_obstacle(worker);
		IF NOT internal.worker_fits(execution.runinscaleout, on_host, required, types, required_tags, internal.tag_list(worker.tags)) THEN
			nearness := 1;
			IF NOT (execution.runinscaleout OR on_host) THEN
				cause := format('%s is not on the master''s host, and the execution was created with runinscaleout => false', label);
				cure := 'Create the execution with runinscaleout => true.';
			ELSIF NOT required <@ types THEN
				cause := format('%s cannot run tasks of type %s', label,
					(SELECT string_agg(t.name, ', ') FROM jsonb_array_elements_text(required) AS t (name) WHERE NOT types ? t.name));
				cure := format('Install the same version of scaleout on %s as here and restart its service.', worker.machine_name);
			ELSE
				cause := format('%s lacks the tag %s', label,
					(SELECT string_agg(t.name, ', ') FROM jsonb_array_elements_text(required_tags) AS t (name)
					  WHERE NOT internal.tag_list(worker.tags) ? t.name));
				cure := format('Run SELECT catalog.set_worker_agent_property(''%s'', ''Tags'', %L); or create the execution without these REQUIRED_TAGS.',
					worker.agent_id, concat_ws(', ', nullif(worker.tags, ''), execution.required_tags));
			END IF;
		ELSIF obstacle.cause IS NOT NULL THEN
			nearness := CASE WHEN worker.is_enabled THEN 2 ELSE 3 END;
			cause := obstacle.cause;
			cure := obstacle.cure;
		ELSIF coalesce(worker.asked_tasks, 0) = 0 THEN
			nearness := 4;
			cause := format('%s asks for no task: %s; it has %s of %s tasks%s', label, coalesce(worker.asked_reason, 'it has not asked yet'),
				coalesce(worker.held_tasks, 0), worker.max_task_count, coalesce(': executions ' || internal.running_on(worker.agent_id), ''));
			cure := CASE
				WHEN worker.asked_reason LIKE '%TaskRequest%' THEN internal.cure_of_load(worker)
				WHEN worker.held_tasks >= worker.max_task_count THEN
					format('It goes on when one of these ends; else raise MaxTaskCount in worker.conf of %s and reload it, or add a worker.', worker.machine_name)
				ELSE format('It goes on by itself when that is over; scaleout doctor on %s says more.', worker.machine_name) END;
		ELSE
			nearness := 5;
			cause := format('%s asks for %s', label, CASE worker.asked_tasks WHEN 1 THEN 'a task' ELSE format('%s tasks', worker.asked_tasks) END);
			cure := NULL;
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION internal.workers_for(internal.execution) IS 'Every worker that an execution may use, and what is in the way';

-- No master, no work: NULL when there is one.
CREATE FUNCTION internal.explain_master(OUT cause text, OUT cure text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_problem internal.finding;
BEGIN
	SELECT d.* INTO found_problem
	  FROM (SELECT * FROM internal.diagnose_binding() UNION ALL SELECT * FROM internal.diagnose_master() UNION ALL SELECT * FROM internal.diagnose_port()) d
	 WHERE d.result = 'failed' LIMIT 1;
	cause := found_problem.cause;
	cure := found_problem.cure;
END
$$;
COMMENT ON FUNCTION internal.explain_master() IS 'Why nothing is given out at all; NULL when the master serves';

CREATE FUNCTION internal.explain_ready(execution internal.execution, task internal.task, OUT state text, OUT cause text, OUT cure text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	away record := internal.explain_master();
	best record;
	before bigint;
	all_causes text;
	others bigint;
BEGIN
	IF away.cause IS NOT NULL THEN
		state := 'waits for the master';
		cause := 'The master gives out nothing: ' || away.cause;
		cure := away.cure;
		RETURN;
	END IF;
	SELECT w.nearness, w.cause, w.cure INTO best FROM internal.workers_for(execution) w ORDER BY w.nearness DESC LIMIT 1;
	SELECT string_agg(l.cause, '; ' ORDER BY l.nearness DESC), max(l.n) - count(*) INTO all_causes, others
	  FROM (SELECT w.cause, w.nearness, count(*) OVER () AS n FROM internal.workers_for(execution) w ORDER BY w.nearness DESC LIMIT 10) l;
	IF best.cause IS NULL THEN
		state := 'waits for a worker';
		cause := CASE WHEN execution.useanyworker THEN 'No worker has registered.' ELSE 'None of the workers that were added to it is registered any more.' END;
		cure := CASE WHEN execution.useanyworker THEN 'Run scaleout-worker init on a machine, trust its certificate (scaleout workers trust --enable worker.crt) and start its service.'
					 ELSE 'Stop it and start a new execution with workers that SELECT * FROM catalog.worker_agents lists.' END;
	ELSIF best.nearness = 5 THEN
		SELECT count(*) INTO before
		  FROM internal.ready q WHERE q.ready_id < (SELECT min(r.ready_id) FROM internal.ready r WHERE r.task_id = task.task_id);
		state := 'is about to be given out';
		cause := format('Worker %s; %s executions are before it in the queue.', best.cause, before);
		cure := 'Ask again in a moment.';
	ELSE
		state := 'waits for a worker';
		cause := format('No worker can take it now: %s%s.', all_causes, CASE WHEN others > 0 THEN format('; and %s more', others) ELSE '' END);
		-- One that is full will have room some day; one that is disabled has it now.
		cure := concat_ws(' ', best.cure, CASE WHEN best.nearness = 4 THEN
			(SELECT 'Or at once: ' || w.cure FROM internal.workers_for(execution) w WHERE w.nearness = 3 LIMIT 1) END);
	END IF;
	IF task.attempt > 0 THEN
		cause := format('Attempt %s has ended (%s). ', task.attempt,
			(SELECT coalesce(a.message, 'without a message') FROM internal.task_attempt a WHERE a.task_id = task.task_id AND a.attempt = task.attempt)) || cause;
	END IF;
END
$$;
COMMENT ON FUNCTION internal.explain_ready(internal.execution, internal.task) IS 'Part of explain_execution: it waits for a worker';

CREATE FUNCTION internal.explain_leased(task internal.task, operation internal.operation, OUT state text, OUT cause text, OUT cure text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	attempt internal.task_attempt;
	label CONSTANT text := internal.worker_label(task.agent_id);
	away record := internal.explain_master();
BEGIN
	SELECT * INTO attempt FROM internal.task_attempt a WHERE a.task_id = task.task_id AND a.attempt = task.attempt;
	state := CASE WHEN task.stop_requested THEN 'is being stopped' WHEN attempt.start_time IS NOT NULL THEN 'runs' ELSE 'was given to a worker' END;
	cause := CASE
		WHEN task.stop_requested THEN format('%s asked to stop it; worker %s has been told.', operation.stopped_by_name, label)
		WHEN attempt.start_time IS NOT NULL THEN format('Attempt %s runs on worker %s since %s.', task.attempt, label, attempt.start_time::timestamptz(0))
		ELSE format('Attempt %s was given to worker %s at %s and has not started yet.', task.attempt, label, attempt.lease_time::timestamptz(0)) END;
	cure := format('scaleout watch %s follows it, scaleout logs --follow %s what it writes.', task.execution_id, task.execution_id);
	IF away.cause IS NOT NULL THEN
		cause := cause || ' The worker cannot report: ' || away.cause;
		cure := away.cure;
	ELSIF NOT coalesce((SELECT w.is_online FROM catalog.worker_agents w WHERE w.workeragentid = task.agent_id), false) THEN
		cause := cause || format(' The worker has not been heard of since %s; the execution is offered again when its lease (%s s) is over.',
			(SELECT w.last_online_time::timestamptz(0) FROM internal.worker_agent w WHERE w.agent_id = task.agent_id), round(task.lease_interval_ms / 1000.0, 1));
		cure := 'Wait for that, or look at the worker''s machine: scaleout doctor.';
	END IF;
END
$$;
COMMENT ON FUNCTION internal.explain_leased(internal.task, internal.operation) IS 'Part of explain_execution: a worker has it';

-- The first error of the last attempt says more than "the package failed".
CREATE FUNCTION internal.explain_ended(execution internal.execution, task internal.task, operation internal.operation,
	OUT state text, OUT cause text, OUT cure text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	problem record;
	attempt internal.task_attempt;
	-- It could have been given out again, but for want of a worker.
	unwanted CONSTANT boolean := task.attempt > 0 AND NOT task.stop_requested
		AND (operation.status = 6 AND task.lost <= execution.max_lost_attempts OR operation.status = 4 AND execution.retry_count > 0 AND task.failures <= execution.retry_count);
BEGIN
	SELECT * INTO attempt FROM internal.task_attempt a WHERE a.task_id = task.task_id AND a.attempt = task.attempt;
	state := CASE operation.status WHEN 7 THEN 'succeeded' WHEN 9 THEN 'completed' WHEN 3 THEN 'canceled' WHEN 4 THEN 'failed' ELSE 'ended unexpectedly' END;
	IF operation.status IN (7, 9) THEN
		cause := coalesce(format('Attempt %s succeeded on worker %s.', task.attempt, internal.worker_label(task.agent_id)), 'It ended without an error.');
		cure := 'Nothing is to be done.';
		RETURN;
	ELSIF operation.status = 3 THEN
		cause := CASE WHEN operation.stopped_by_name IS NULL THEN format('It was canceled on worker %s at %s, without a stop from here.',
							internal.worker_label(task.agent_id), operation.end_time::timestamptz(0))
					  ELSE format('%s stopped it at %s.', operation.stopped_by_name, operation.end_time::timestamptz(0)) END;
		cure := 'Start a new execution to run it again.';
		RETURN;
	END IF;
	SELECT m.message, m.code, m.execution_path INTO problem
	  FROM internal.event_message m
	 WHERE m.operation_id = execution.execution_id AND m.message_type = 120 AND m.attempt = task.attempt
	 ORDER BY m.event_message_id LIMIT 1;
	cause := concat_ws(' ',
		CASE WHEN problem.message IS NOT NULL THEN format('%s%s: %s.', problem.execution_path, coalesce(' (' || problem.code || ')', ''), rtrim(problem.message, '.'))
			 ELSE coalesce(rtrim(attempt.message, '.') || '.', (SELECT m.message FROM internal.operation_message m WHERE m.operation_id = execution.execution_id
																  AND m.message_type = 120 ORDER BY m.operation_message_id DESC LIMIT 1),
						   'No reason was recorded.') END,
		CASE WHEN unwanted THEN 'None of the workers that were added to it was registered any more.'
			 WHEN operation.status = 6 AND task.lost > execution.max_lost_attempts THEN
				format('It lost its worker or its runner %s times; MAX_LOST_ATTEMPTS (%s) is used up.', task.lost, execution.max_lost_attempts)
			 WHEN operation.status = 4 AND execution.retry_count > 0 THEN format('All retries (%s) are used up.', execution.retry_count)
			 WHEN operation.status = 4 THEN 'No retry was asked for.' END,
		(SELECT format('Results of %s superseded attempts were not accepted.', count(*)) FROM internal.task_attempt a
		  WHERE a.task_id = task.task_id AND a.outcome = 5 HAVING count(*) > 0));
	cure := concat_ws(' ',
		CASE WHEN task.attempt > 0 THEN
				format('scaleout logs %s shows all messages and fetches the log of the task from worker %s (in psql: CALL catalog.fetch_task_log(%s)).',
					   execution.execution_id, internal.worker_label(task.agent_id), execution.execution_id)
			 ELSE format('scaleout logs %s shows all messages.', execution.execution_id) END,
		CASE WHEN task.attempt > 0 THEN 'If they do not say enough, start a new execution with LOGGING_LEVEL 3.' END,
		CASE WHEN unwanted THEN 'Start a new execution with workers that SELECT * FROM catalog.worker_agents lists.'
			 WHEN coalesce(task.attempt, 0) = 0 THEN
				'No worker ever had it: SELECT * FROM catalog.diagnose_scaleout(); shows what is wrong here. Then start a new execution.'
			 WHEN operation.status = 6 AND task.lost > execution.max_lost_attempts THEN 'A runner that dies every time is often out of memory: see the kernel log of that machine.' END);
END
$$;
COMMENT ON FUNCTION internal.explain_ended(internal.execution, internal.task, internal.operation) IS 'Part of explain_execution: it has ended';

CREATE FUNCTION internal.explain_execution(caller regrole, execution_id bigint)
RETURNS TABLE (status integer, state text, cause text, cure text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	operation internal.operation;
	execution internal.execution;
	task internal.task;
	told record;
BEGIN
	PERFORM internal.require_value('execution_id', explain_execution.execution_id IS NULL);
	SELECT * INTO operation FROM internal.operation o WHERE o.operation_id = explain_execution.execution_id AND o.operation_type = 200;
	IF NOT FOUND OR NOT internal.may_read_all(caller) AND operation.caller_oid <> caller::oid THEN
		PERFORM internal.raise_error('SO121', format('there is no execution %s', explain_execution.execution_id));
	END IF;
	SELECT * INTO execution FROM internal.execution e WHERE e.execution_id = operation.operation_id;
	SELECT * INTO task FROM internal.task t WHERE t.execution_id = operation.operation_id;
	IF operation.status = 1 THEN
		SELECT 'is created' AS state, 'It has not been started.' AS cause,
			   format('Run SELECT catalog.start_execution(%s);', operation.operation_id) AS cure INTO told;
	ELSIF operation.status NOT IN (2, 5, 8) THEN
		told := internal.explain_ended(execution, task, operation);
	ELSIF task.state = 2 THEN
		told := internal.explain_leased(task, operation);
	ELSE
		told := internal.explain_ready(execution, task);
		IF task.task_id IS NULL AND told.state <> 'waits for the master' THEN
			SELECT 'is being started' AS state, 'The master takes it up after the transaction that started it has committed.' AS cause,
				   'Ask again in a moment.' AS cure INTO told;
		END IF;
	END IF;
	RETURN QUERY SELECT operation.status::integer, told.state, told.cause, told.cure;
END
$$;
COMMENT ON FUNCTION internal.explain_execution(regrole, bigint) IS 'Behind catalog.explain_execution';
