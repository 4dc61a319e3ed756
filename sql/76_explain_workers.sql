-- 76_explain_workers.sql
--
-- What is between an execution and each worker that may take it, by the rules
-- and the state by which the master chooses (70_master_lease.sql).

-- What a worker runs: "12 (load), 13 (publish)".  Reads the newest tasks only; an
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

CREATE FUNCTION internal.cure_by_setting(worker internal.worker_agent, name text, new_value text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('on %s set %s = %s in %s and run systemctl reload scaleout-worker', internal.shell_word(worker.machine_name), name, new_value,
		internal.shell_word(coalesce(nullif(worker.settings_file, ''), 'worker.conf')))
$$;
COMMENT ON FUNCTION internal.cure_by_setting(internal.worker_agent, text, text) IS 'How a setting of a worker is changed';

-- The reason names the setting in parentheses (worker_agent/capacity.c).
CREATE FUNCTION internal.setting_in_reason(asked_reason text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog."substring"(asked_reason, '\((TaskRequest\w+|MaxTaskCount|ExecutionLog\w+|RunnerProgram|DrainTimeout)\M');
COMMENT ON FUNCTION internal.setting_in_reason(text) IS 'The setting that keeps a worker from asking for tasks';

CREATE FUNCTION internal.cure_of_load(worker internal.worker_agent) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('It goes on by itself when the load falls (now CPU %s %%, %s MB free%s); or, if this worker is to take tasks all the same, %s.',
		worker.cpu_percent, worker.memory_free_mb,
		CASE WHEN worker.memory_pressure IS NULL THEN ''
			 ELSE format(', waiting for CPU %s %%, memory %s %%, I/O %s %%', worker.cpu_pressure, worker.memory_pressure, worker.io_pressure) END,
		internal.cure_by_setting(worker, s.name, CASE s.name WHEN 'TaskRequestMinMemory' THEN '0' ELSE '100' END))
	  FROM (SELECT coalesce(internal.setting_in_reason(worker.asked_reason), 'TaskRequestMaxCPU') AS name) s
$$;
COMMENT ON FUNCTION internal.cure_of_load(internal.worker_agent) IS 'What to do about a worker that does not ask because its machine is busy';

-- A worker that may work, and asks for nothing.
CREATE FUNCTION internal.explain_not_asking(worker internal.worker_agent, OUT reason text, OUT cause text, OUT cure text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	doctor CONSTANT text := format('scaleout doctor --config %s', internal.shell_word(coalesce(nullif(worker.settings_file, ''), 'worker.conf')));
BEGIN
	cause := format('%s asks for no task: %s; it has %s of %s tasks%s', internal.worker_label(worker.agent_id),
		coalesce(internal.one_line(worker.asked_reason), 'it has not asked yet'), coalesce(worker.held_tasks, 0), worker.max_task_count,
		coalesce(': executions ' || internal.running_on(worker.agent_id), ''));
	reason := coalesce(internal.setting_in_reason(worker.asked_reason), 'not asked yet');
	cure := CASE
		WHEN reason LIKE 'TaskRequest%' THEN internal.cure_of_load(worker)
		WHEN reason = 'MaxTaskCount' THEN format('It goes on when one of these ends; or %s; or add a worker.',
			internal.cure_by_setting(worker, reason, (2 * worker.max_task_count)::text))
		WHEN reason = 'ExecutionLogMaxBufferLogCount' THEN
			'It goes on by itself when the master has taken these records; SELECT * FROM catalog.diagnose_scaleout(); says what holds the master up.'
		WHEN reason = 'DrainTimeout' THEN format('It was told to stop, and ends when its tasks have ended. Then, on %s, run systemctl start scaleout-worker.', internal.shell_word(worker.machine_name))
		WHEN reason = 'not asked yet' THEN 'It has just come. Ask again in a few seconds.'
		ELSE format('On %s run %s; do what the first row that has failed says.', internal.shell_word(worker.machine_name), doctor) END;
END
$$;
COMMENT ON FUNCTION internal.explain_not_asking(internal.worker_agent) IS 'Why a worker that may work gets nothing, in its own words';

-- A worker that never can take it as both are now.
CREATE FUNCTION internal.explain_unfit(worker internal.worker_agent, execution internal.execution, on_host boolean, required jsonb, required_tags jsonb,
	OUT reason text, OUT cause text, OUT cure text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	label CONSTANT text := internal.worker_label(worker.agent_id);
	types CONSTANT jsonb := internal.task_types(worker.capabilities);
BEGIN
	IF NOT (execution.runinscaleout OR on_host) THEN
		reason := 'runinscaleout';
		cause := format('%s is not on the master''s host, and the execution was created with runinscaleout => false', label);
		cure := format('Run SELECT catalog.stop_operation(%s); Then %s', execution.execution_id,
			regexp_replace(internal.run_again(execution, NULL, true), '^(.)', lower(left(internal.run_again(execution, NULL, true), 1))));
	ELSIF NOT required <@ types THEN
		reason := 'task type';
		cause := format('%s cannot run tasks of type %s', label,
			(SELECT string_agg(t.name, ', ') FROM jsonb_array_elements_text(required) AS t (name) WHERE NOT types ? t.name));
		cure := format('Install the same version of scaleout on %s as here and run there systemctl restart scaleout-worker.', internal.shell_word(worker.machine_name));
	ELSE
		reason := 'REQUIRED_TAGS';
		cause := format('%s lacks the tag %s', label,
			(SELECT string_agg(t.name, ', ') FROM jsonb_array_elements_text(required_tags) AS t (name)
			  WHERE NOT internal.tag_list(worker.tags) ? t.name));
		cure := format('If it has what the tag stands for, run SELECT catalog.set_worker_agent_property(''%s'', ''Tags'', %L); or start the execution anew without these REQUIRED_TAGS.',
			worker.agent_id, concat_ws(', ', nullif(worker.tags, ''), execution.required_tags));
	END IF;
END
$$;
COMMENT ON FUNCTION internal.explain_unfit(internal.worker_agent, internal.execution, boolean, jsonb, jsonb) IS 'Why a worker does not fit an execution';

-- nearness orders the obstacles: the highest is the one that is removed most
-- easily; 5 is none.
CREATE TYPE internal.verdict AS (agent_id uuid, nearness integer, reason text, cause text, cure text);
COMMENT ON TYPE internal.verdict IS 'What is between a worker and an execution';

CREATE FUNCTION internal.workers_for(execution internal.execution) RETURNS SETOF internal.verdict
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	required CONSTANT jsonb := (SELECT to_jsonb(coalesce(max(k.required_task_types), '{}')) FROM internal.package k
								 WHERE k.project_id = execution.project_id AND k.name = execution.package_name);
	required_tags CONSTANT jsonb := internal.tag_list(execution.required_tags);
	host CONSTANT text := (SELECT m.host FROM internal.master_state m);
	worker internal.worker_agent;
	on_host boolean;
	obstacle record;
	verdict internal.verdict;
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
		-- The host plays no part for a worker that was named.
		on_host := NOT execution.useanyworker OR internal.on_master_host(worker.machine_name, host);
		obstacle := internal.worker_obstacle(worker);
		verdict.agent_id := worker.agent_id;
		IF NOT internal.worker_fits(execution.runinscaleout, on_host, required, internal.task_types(worker.capabilities), required_tags, internal.tag_list(worker.tags)) THEN
			verdict.nearness := 1;
			SELECT u.reason, u.cause, u.cure INTO verdict.reason, verdict.cause, verdict.cure
			  FROM internal.explain_unfit(worker, execution, on_host, required, required_tags) u;
		ELSIF obstacle.cause IS NOT NULL THEN
			verdict.nearness := CASE WHEN worker.is_enabled THEN 2 ELSE 3 END;
			verdict.reason := obstacle."check";
			verdict.cause := obstacle.cause;
			verdict.cure := obstacle.cure;
		ELSIF coalesce(worker.asked_tasks, 0) = 0 THEN
			verdict.nearness := 4;
			SELECT n.reason, n.cause, n.cure INTO verdict.reason, verdict.cause, verdict.cure FROM internal.explain_not_asking(worker) n;
		ELSE
			verdict.nearness := 5;
			verdict.reason := 'next in turn';
			verdict.cause := format('%s asks for %s', internal.worker_label(worker.agent_id),
				CASE worker.asked_tasks WHEN 1 THEN 'a task' ELSE format('%s tasks', worker.asked_tasks) END);
			verdict.cure := NULL;
		END IF;
		RETURN NEXT verdict;
	END LOOP;
END
$$;
COMMENT ON FUNCTION internal.workers_for(internal.execution) IS 'Every worker that an execution may use, and what is in the way';
