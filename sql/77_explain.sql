-- 77_explain.sql
--
-- catalog.explain_execution(): one row that says why an execution waits, where
-- it runs or why it failed, and what to do.  It changes nothing.  reason is a
-- word that does not change, for programs; test/tap/explained.txt lists them all.

CREATE TYPE internal.explanation AS (state text, reason text, cause text, cure text);
COMMENT ON TYPE internal.explanation IS 'What catalog.explain_execution says';

-- The statement that runs the package again with what was set for this
-- execution; values that come from the project are read anew.
CREATE FUNCTION internal.run_again(execution internal.execution, logging_level integer DEFAULT NULL, anywhere boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id CONSTANT bigint := execution.execution_id;
	parameters jsonb;
	secrets text;
	workers text;
BEGIN
	IF EXISTS (SELECT 1 FROM internal.execution_property_override p WHERE p.execution_id = id) THEN
		RETURN format('Create it again with catalog.create_execution, set the values of catalog.execution_parameter_values and the overrides of catalog.execution_property_override_values of execution %s, and start it.', id);
	END IF;
	SELECT jsonb_object_agg(CASE v.object_type WHEN 20 THEN '$Project::' WHEN 50 THEN '$ServerOption::' ELSE '' END || v.parameter_name,
				CASE WHEN v.sensitive THEN '"***"'::jsonb
					 WHEN d.kind IN ('i', 'b') THEN v.parameter_value::jsonb
					 ELSE to_jsonb(v.parameter_value) END),
		   string_agg(format('"%s"', v.parameter_name), ', ' ORDER BY v.parameter_name) FILTER (WHERE v.sensitive)
	  INTO parameters, secrets
	  FROM internal.execution_parameter_value v LEFT JOIN internal.data_type d ON d.name = v.parameter_data_type
	 WHERE v.execution_id = id AND v.runtime_override;
	IF logging_level IS NOT NULL THEN
		parameters := coalesce(parameters, '{}') || jsonb_build_object('$ServerOption::LOGGING_LEVEL', logging_level);
	END IF;
	IF NOT execution.useanyworker THEN
		SELECT string_agg(quote_literal(w.agent_id), ', ' ORDER BY w.agent_id) INTO workers
		  FROM internal.execution_worker x JOIN internal.worker_agent w ON w.agent_id = x.agent_id WHERE x.execution_id = id;
	END IF;
	RETURN format('Run SELECT catalog.run_package(%s);%s',
		concat_ws(', ', quote_literal(execution.folder_name), quote_literal(execution.project_name), quote_literal(execution.package_name),
			quote_literal(parameters), 'retry_count => ' || nullif(execution.retry_count, 0), 'workers => ARRAY[' || workers || ']::uuid[]',
			CASE WHEN NOT execution.runinscaleout AND NOT anywhere THEN 'runinscaleout => false' WHEN anywhere THEN 'runinscaleout => true' END),
		' with the values of ' || secrets || ', which are not shown, in the place of ***');
END
$$;
COMMENT ON FUNCTION internal.run_again(internal.execution, integer, boolean) IS 'How the same is run once more';

-- What start_execution would refuse is said before it.
CREATE FUNCTION internal.explain_created(execution internal.execution) RETURNS internal.explanation
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	told internal.explanation;
	start CONSTANT text := format('run SELECT catalog.start_execution(%s);', execution.execution_id);
	code text;
	message text;
	detail text;
BEGIN
	told.state := 'is created';
	BEGIN
		PERFORM internal.check_startable(execution);
		told.reason := 'not started';
		told.cause := 'It has not been started.';
		told.cure := overlay(start PLACING 'R' FROM 1 FOR 1);
		RETURN told;
	EXCEPTION WHEN SQLSTATE 'SO124' OR SQLSTATE 'SO127' OR SQLSTATE 'SO132' THEN
		GET STACKED DIAGNOSTICS code := RETURNED_SQLSTATE, message := MESSAGE_TEXT, detail := PG_EXCEPTION_DETAIL;
	END;
	told.cause := concat_ws(' ', format('It has not been started, and a start is refused (%s): %s.', code, message), nullif(detail, ''));
	CASE code
		WHEN 'SO124' THEN
			told.reason := 'project outdated';
			told.cure := internal.run_again(execution);
		WHEN 'SO127' THEN
			told.reason := 'required value';
			told.cure := (SELECT string_agg(format('Run SELECT catalog.set_execution_parameter_value(%s, %s, %L, ''***''::text); with its value in the place of ***.',
													execution.execution_id, v.object_type, v.parameter_name), ' ' ORDER BY v.object_type, v.parameter_name)
							FROM internal.execution_parameter_value v
						   WHERE v.execution_id = execution.execution_id AND v.required AND NOT v.value_set) || ' Then ' || start;
		ELSE
			told.reason := 'no worker chosen';
			told.cure := coalesce((SELECT format('Run SELECT catalog.add_execution_worker(%s, ''%s''); Then %s (SELECT * FROM catalog.worker_agents; lists the workers.)',
												 execution.execution_id, w.agent_id, start)
									 FROM internal.worker_agent w ORDER BY w.is_enabled DESC, w.last_online_time DESC NULLS LAST LIMIT 1),
				'Register a worker first: run SELECT catalog.create_enrollment_token(); and on its machine scaleout-worker join TOKEN');
	END CASE;
	RETURN told;
END
$$;
COMMENT ON FUNCTION internal.explain_created(internal.execution) IS 'Part of explain_execution: it was not started';

-- No master, no work: NULL when there is one.
CREATE FUNCTION internal.explain_master() RETURNS internal.finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	problem internal.finding;
BEGIN
	SELECT d.* INTO problem
	  FROM (SELECT * FROM internal.diagnose_binding() UNION ALL SELECT * FROM internal.diagnose_master() UNION ALL SELECT * FROM internal.diagnose_port()) d
	 WHERE d.result = 'failed' OR d."check" = 'master alive' AND d.result = 'warning' LIMIT 1;
	RETURN problem;
END
$$;
COMMENT ON FUNCTION internal.explain_master() IS 'Why nothing is given out at all, as diagnose_scaleout has it; NULL when the master serves';

-- with_refused: may the caller see who is refused, as in catalog.refused_connections?
CREATE FUNCTION internal.explain_ready(execution internal.execution, task internal.task, with_refused boolean) RETURNS internal.explanation
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	told internal.explanation;
	away CONSTANT internal.finding := internal.explain_master();
	verdicts internal.verdict[];
	best internal.verdict;
	before bigint;
	knocking record;
BEGIN
	IF away.cause IS NOT NULL THEN
		RETURN ROW('waits for the master', away."check", 'The master gives out nothing: ' || away.cause, away.cure)::internal.explanation;
	ELSIF task.task_id IS NULL THEN
		RETURN ROW('is being started', 'being started', 'The master takes it up after the transaction that started it has committed.',
				   'Ask again in a moment.')::internal.explanation;
	END IF;
	SELECT array_agg(w ORDER BY w.nearness DESC) INTO verdicts FROM internal.workers_for(execution) w;
	best := verdicts[1];
	told.state := 'waits for a worker';
	told.reason := best.reason;
	IF best.reason IS NULL AND NOT execution.useanyworker THEN
		-- The master ends what nobody may take.
		RETURN ROW('has just changed', 'just changed', 'Something has changed while this was looked up.', 'Ask again in a moment.')::internal.explanation;
	ELSIF best.reason IS NULL THEN
		told.reason := 'worker registered';
		told.cause := 'No worker has registered.';
		told.cure := 'Run SELECT catalog.create_enrollment_token(); and on the machine that is to work scaleout-worker join TOKEN, then run there systemctl start scaleout-worker';
	ELSIF best.nearness = 5 THEN
		SELECT count(*) INTO before
		  FROM internal.ready q WHERE q.ready_id < (SELECT min(r.ready_id) FROM internal.ready r WHERE r.task_id = task.task_id);
		told.state := 'is about to be given out';
		told.cause := format('Worker %s; %s executions are before it in the queue.', best.cause, before);
		told.cure := 'Ask again in a moment.';
	ELSE
		told.cause := format('No worker can take it now: %s%s.',
			(SELECT string_agg(v.cause, '; ' ORDER BY v.n) FROM unnest(verdicts) WITH ORDINALITY AS v (agent_id, nearness, reason, cause, cure, n) WHERE v.n <= 10),
			CASE WHEN cardinality(verdicts) > 10 THEN format('; and %s more', cardinality(verdicts) - 10) ELSE '' END);
		-- One that is full will have room some day; one that is disabled has it now.
		told.cure := concat_ws(' ', best.cure, CASE WHEN best.nearness = 4 THEN
			(SELECT 'Or at once: ' || v.cure FROM unnest(verdicts) v WHERE v.nearness = 3 LIMIT 1) END);
	END IF;
	-- Nobody is there, but somebody is not let in: that may be the one.
	IF with_refused AND (best.reason IS NULL OR best.nearness < 4) THEN
		SELECT k.* INTO knocking FROM internal.explain_refused() k;
		IF knocking.cause IS NOT NULL THEN
			told.cause := format('%s A worker is refused: %s', told.cause, knocking.cause);
			IF best.reason IS NULL THEN
				told.reason := 'worker refused';
				told.cure := knocking.cure;
			ELSE
				told.cure := concat_ws('; or, for the worker that is refused: ', rtrim(told.cure, '.'), knocking.cure);
			END IF;
		END IF;
	END IF;
	IF task.attempt > 0 THEN
		told.cause := format('Attempt %s has ended (%s). ', task.attempt,
			(SELECT coalesce(a.message, 'without a message') FROM internal.task_attempt a WHERE a.task_id = task.task_id AND a.attempt = task.attempt)) || told.cause;
	END IF;
	RETURN told;
END
$$;
COMMENT ON FUNCTION internal.explain_ready(internal.execution, internal.task, boolean) IS 'Part of explain_execution: it waits for a worker';

CREATE FUNCTION internal.explain_leased(task internal.task, operation internal.operation) RETURNS internal.explanation
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	told internal.explanation;
	attempt internal.task_attempt;
	worker internal.worker_agent;
	label CONSTANT text := internal.worker_label(task.agent_id);
	away CONSTANT internal.finding := internal.explain_master();
BEGIN
	SELECT * INTO attempt FROM internal.task_attempt a WHERE a.task_id = task.task_id AND a.attempt = task.attempt;
	SELECT * INTO worker FROM internal.worker_agent w WHERE w.agent_id = task.agent_id;
	IF task.stop_requested THEN
		told.state := 'is being stopped';
		told.reason := 'stop requested';
		told.cause := format('%s asked to stop it; worker %s has been told.', operation.stopped_by_name, label);
	ELSIF attempt.start_time IS NOT NULL THEN
		told.state := 'runs';
		told.reason := 'running';
		told.cause := format('Attempt %s runs on worker %s since %s.', task.attempt, label, attempt.start_time::timestamptz(0));
	ELSE
		told.state := 'was given to a worker';
		told.reason := 'given to a worker';
		told.cause := format('Attempt %s was given to worker %s at %s and has not started yet.', task.attempt, label, attempt.lease_time::timestamptz(0));
	END IF;
	told.cure := format('Nothing is to be done. scaleout watch %s follows it, scaleout logs --follow %s what it writes.', task.execution_id, task.execution_id);
	IF away.cause IS NOT NULL THEN
		told.reason := away."check";
		told.cause := told.cause || ' The worker cannot report: ' || away.cause;
		told.cure := away.cure;
	ELSIF NOT coalesce((SELECT w.is_online FROM catalog.worker_agents w WHERE w.workeragentid = task.agent_id), false) THEN
		told.reason := 'worker silent';
		told.cause := told.cause || format(' The worker has not been heard of since %s; the execution is offered again when its lease (%s s) is over.',
			worker.last_online_time::timestamptz(0), round(task.lease_interval_ms / 1000.0, 1));
		told.cure := format('Wait for that. If no other worker may take it, on %s run systemctl start scaleout-worker; if it stays offline, scaleout doctor there says why.',
			internal.shell_word(worker.machine_name));
	END IF;
	RETURN told;
END
$$;
COMMENT ON FUNCTION internal.explain_leased(internal.task, internal.operation) IS 'Part of explain_execution: a worker has it';

-- The first error of the last attempt says more than "the package failed".  An
-- attempt that was lost is explained by how it was lost, and then by that.
CREATE FUNCTION internal.cause_of_end(execution internal.execution, task internal.task, operation internal.operation) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	first_error text;
	attempt_says text;
BEGIN
	SELECT format('%s%s: %s.', m.execution_path, coalesce(' (' || m.code || ')', ''), rtrim(m.message, '.')) INTO first_error
	  FROM internal.event_message m
	 WHERE m.operation_id = execution.execution_id AND m.message_type = 120 AND m.attempt = task.attempt
	 ORDER BY m.event_message_id LIMIT 1;
	SELECT rtrim(a.message, '.') || '.' INTO attempt_says FROM internal.task_attempt a WHERE a.task_id = task.task_id AND a.attempt = task.attempt;
	IF operation.status = 6 THEN
		RETURN coalesce(nullif(concat_ws(' ', attempt_says, 'Before that: ' || first_error), ''),
			(SELECT m.message FROM internal.operation_message m WHERE m.operation_id = execution.execution_id AND m.message_type = 120
			  ORDER BY m.operation_message_id DESC LIMIT 1));
	END IF;
	RETURN coalesce(first_error, attempt_says, 'The worker gave no reason.');
END
$$;
COMMENT ON FUNCTION internal.cause_of_end(internal.execution, internal.task, internal.operation) IS 'What went wrong in the last attempt';

CREATE FUNCTION internal.explain_failure(execution internal.execution, task internal.task, operation internal.operation) RETURNS internal.explanation
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	told internal.explanation;
	id CONSTANT bigint := execution.execution_id;
	failed CONSTANT boolean := operation.status = 4;
	again CONSTANT text := internal.run_again(execution);
	log CONSTANT text := format('scaleout logs %s shows all messages and the log of the task from worker %s (in psql: CALL catalog.fetch_task_log(%s);).',
		id, internal.worker_label(task.agent_id), id);
	why text;
BEGIN
	told.state := CASE WHEN failed THEN 'failed' ELSE 'ended unexpectedly' END;
	IF coalesce(task.attempt, 0) = 0 THEN
		told.reason := CASE WHEN internal.has_worker(id, execution.useanyworker) THEN 'never given out' ELSE 'workers removed' END;
		why := 'No worker ever had it.';
		told.cure := CASE told.reason WHEN 'never given out' THEN 'Do what the first row that has failed in SELECT * FROM catalog.diagnose_scaleout(); says. Then run it again. ' || again
					 ELSE 'Choose another worker, or none: SELECT * FROM catalog.worker_agents; lists them. ' || again END;
	ELSIF task.stop_requested THEN
		told.reason := 'stopped';
		why := format('It is not run again, because %s stopped it.', operation.stopped_by_name);
	ELSIF NOT failed AND task.lost > execution.max_lost_attempts THEN
		told.reason := 'MAX_LOST_ATTEMPTS';
		why := format('It lost its worker or its runner %s times; MAX_LOST_ATTEMPTS (%s) is used up.', task.lost, execution.max_lost_attempts);
		told.cure := concat_ws(' ', 'Find out why first: the kernel log of the machine (journalctl -k) says when memory ran out, the log of the worker when it was cut off. Then run it again.',
			again, log);
	ELSIF NOT failed OR execution.retry_count > 0 AND task.failures <= execution.retry_count THEN
		told.reason := 'workers removed';
		why := 'None of the workers that were added to it was registered any more.';
		told.cure := 'Choose another worker, or none: SELECT * FROM catalog.worker_agents; lists them. ' || again;
	ELSIF execution.retry_count > 0 THEN
		told.reason := 'retry_count';
		why := format('All retries (%s) are used up.', execution.retry_count);
	ELSE
		told.reason := 'package failed';
		why := 'No retry was asked for.';
	END IF;
	told.cause := concat_ws(' ', internal.cause_of_end(execution, task, operation), why);
	told.cure := coalesce(told.cure, concat_ws(' ', 'Remove that cause and run it again.', again, log, 'If they do not say enough, run it with more messages:',
		regexp_replace(internal.run_again(execution, 3), '^(Run|Create) ', '')));
	RETURN told;
END
$$;
COMMENT ON FUNCTION internal.explain_failure(internal.execution, internal.task, internal.operation) IS 'Part of explain_execution: it did not succeed';

CREATE FUNCTION internal.explain_ended(execution internal.execution, task internal.task, operation internal.operation) RETURNS internal.explanation
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	told internal.explanation;
	late text;
BEGIN
	IF operation.status = 7 THEN
		told := ROW('succeeded', 'succeeded', format('Attempt %s succeeded on worker %s.', task.attempt, internal.worker_label(task.agent_id)), 'Nothing is to be done.');
	ELSIF operation.status = 3 THEN
		told.state := 'canceled';
		told.reason := CASE WHEN operation.stopped_by_name IS NULL THEN 'canceled by the worker' ELSE 'stopped' END;
		told.cause := CASE WHEN operation.stopped_by_name IS NULL THEN format('It was canceled on worker %s at %s, without a stop from here.',
								internal.worker_label(task.agent_id), operation.end_time::timestamptz(0))
						   ELSE format('%s stopped it at %s.', operation.stopped_by_name, operation.end_time::timestamptz(0)) END;
		told.cure := 'To run it again: ' || internal.run_again(execution);
	ELSE
		told := internal.explain_failure(execution, task, operation);
	END IF;
	-- An attempt that was given up, and came back with a result: superseded.
	SELECT string_agg(format('%s: %s', m.code, m.message), ' ' ORDER BY m.operation_message_id) INTO late
	  FROM internal.operation_message m WHERE m.operation_id = execution.execution_id AND m.code = 'SO222';
	told.cause := concat_ws(' ', told.cause, late);
	RETURN told;
END
$$;
COMMENT ON FUNCTION internal.explain_ended(internal.execution, internal.task, internal.operation) IS 'Part of explain_execution: it has ended';

CREATE FUNCTION internal.explain_execution(caller regrole, execution_id bigint)
RETURNS TABLE (status integer, state text, reason text, cause text, cure text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	operation internal.operation;
	execution internal.execution;
	task internal.task;
	told internal.explanation;
BEGIN
	PERFORM internal.require_value('execution_id', explain_execution.execution_id IS NULL);
	SELECT * INTO operation FROM internal.operation o WHERE o.operation_id = explain_execution.execution_id AND o.operation_type = 200;
	IF NOT FOUND OR NOT internal.may_read_all(caller) AND operation.caller_oid <> caller::oid THEN
		PERFORM internal.raise_error('SO121', format('there is no execution %s', explain_execution.execution_id));
	END IF;
	SELECT * INTO execution FROM internal.execution e WHERE e.execution_id = operation.operation_id;
	SELECT * INTO task FROM internal.task t WHERE t.execution_id = operation.operation_id;
	IF operation.status = 1 THEN
		told := internal.explain_created(execution);
	ELSIF operation.status NOT IN (2, 5, 8) THEN
		told := internal.explain_ended(execution, task, operation);
	ELSIF task.state = 2 THEN
		told := internal.explain_leased(task, operation);
	ELSE
		told := internal.explain_ready(execution, task, pg_has_role(caller, 'ssis_admin', 'usage') OR pg_has_role(caller, 'ssis_cluster_executor', 'usage'));
	END IF;
	-- Whoever may only look learns whom to ask.
	IF told.state LIKE 'waits%' AND told.cure ~ 'catalog\.|systemctl|pg_|ALTER' AND NOT pg_has_role(caller, 'ssis_admin', 'usage') THEN
		told.cure := told.cure || ' This is for a member of ssis_admin.';
	END IF;
	RETURN QUERY SELECT operation.status::integer, told.state, told.reason, told.cause, told.cure;
END
$$;
COMMENT ON FUNCTION internal.explain_execution(regrole, bigint) IS 'Behind catalog.explain_execution';
