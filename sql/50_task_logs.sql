-- 50_task_logs.sql
--
-- Asking for the log of a task.  Whoever may read the event messages of an
-- execution may ask, and only the asker and administrators can read the copy.

-- The predicate of catalog.event_messages, for a role that is not the current one.
CREATE FUNCTION internal.may_read_messages(caller regrole, project bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN pg_has_role(caller, 'ssis_admin', 'usage') OR pg_has_role(caller, 'ssis_logreader', 'usage')
		OR pg_has_role(caller, 'ssis_cluster_executor', 'usage') AND EXISTS (SELECT 1 FROM internal.project p WHERE p.project_id = project);
END
$$;
COMMENT ON FUNCTION internal.may_read_messages(regrole, bigint) IS 'May the role read the messages of executions of this project?';

CREATE FUNCTION internal.task_log_limit() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT 4 * 1024 * 1024 $$;
COMMENT ON FUNCTION internal.task_log_limit() IS 'Most bytes of one request for a task log';

-- The same rule as catalog.worker_agents.is_online.
CREATE FUNCTION internal.worker_is_online(worker internal.worker_agent) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN coalesce(worker.last_online_time > now() - 2 * current_setting('scaleout.master_heartbeat_interval', true)::interval
					- current_setting('scaleout.long_poll_interval', true)::interval, false);
END
$$;
COMMENT ON FUNCTION internal.worker_is_online(internal.worker_agent) IS 'Heard of within two heartbeats of the master and a long poll';

-- Where the file is, for whoever has to go there.
CREATE FUNCTION internal.task_log_place(task uuid, attempt integer, worker internal.worker_agent) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN format('%s%s', internal.shell_word(format('%s/%s/attempt-%s.log', coalesce(nullif(worker.tasks_root_folder, ''), 'TasksRootFolder'), task, attempt)),
		' on machine ' || internal.shell_word(worker.machine_name));
END
$$;
COMMENT ON FUNCTION internal.task_log_place(uuid, integer, internal.worker_agent) IS 'Path and machine of the log of an attempt';

-- What is in the way of an answer; code is NULL when nothing is.
CREATE FUNCTION internal.task_log_obstacle(agent uuid, task uuid, attempt integer,
	OUT code text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	worker internal.worker_agent;
BEGIN
	SELECT * INTO worker FROM internal.worker_agent w WHERE w.agent_id = agent;
	IF NOT FOUND THEN
		code := 'SO163';
		message := format('worker %s, which had attempt %s, was removed', agent, attempt);
		detail := format('If its disk is still there, the file is %s%s.', internal.task_log_place(task, attempt, worker),
			(SELECT ' on machine ' || o.machine_name FROM internal.task t JOIN internal.operation o ON o.operation_id = t.execution_id
			  WHERE t.task_id = task AND t.attempt = task_log_obstacle.attempt));
		hint := 'Read the file there, or run the package again; scaleout logs --messages shows the messages in any case.';
	ELSIF NOT coalesce(worker.capabilities -> 'commands' ? 'fetch_log', false) THEN
		code := 'SO164';
		message := format('worker %s is of version %s, which cannot send task logs', internal.worker_label(agent), worker.version);
		detail := format('The file is %s.', internal.task_log_place(task, attempt, worker));
		hint := format('Install the version of this server on %s and restart the service of the worker.', internal.shell_word(worker.machine_name));
	ELSIF NOT internal.worker_is_online(worker) THEN
		code := 'SO162';
		message := format('worker %s, which had attempt %s, is offline since %s', internal.worker_label(agent), attempt,
			coalesce(worker.last_online_time::timestamptz(0)::text, 'it registered'));
		detail := format('The file is %s.', internal.task_log_place(task, attempt, worker));
		hint := format('Start the service of the worker on %s (scaleout doctor says what is in its way), then ask again.', internal.shell_word(worker.machine_name));
	END IF;
END
$$;
COMMENT ON FUNCTION internal.task_log_obstacle(uuid, uuid, integer) IS 'Why a worker cannot send a task log now';

CREATE FUNCTION internal.open_task_log_limit() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT 20 $$;
COMMENT ON FUNCTION internal.open_task_log_limit() IS 'Most task logs that a role may wait for at a time';

CREATE FUNCTION internal.require_task_log_room(caller regrole) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	most CONSTANT integer := internal.open_task_log_limit();
BEGIN
	IF (SELECT count(*) FROM internal.request r WHERE r.kind = 'fetch_log' AND r.requested_by = pg_get_userbyid(caller))
	   + (SELECT count(*) FROM internal.task_log l WHERE l.state = 1 AND l.requested_oid = caller::oid) >= most THEN
		PERFORM internal.raise_error('SO167', format('role "%s" waits for %s task logs already', pg_get_userbyid(caller), most));
	END IF;
END
$$;
COMMENT ON FUNCTION internal.require_task_log_room(regrole) IS 'Refuses more open requests of one role than workers should be bothered with';

CREATE FUNCTION internal.request_task_log(caller regrole, execution_id bigint, attempt integer, from_offset bigint, max_bytes integer) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	operation internal.operation;
	task internal.task;
	leased internal.task_attempt;
	obstacle record;
	id bigint;
BEGIN
	PERFORM internal.require_value('execution_id', execution_id IS NULL);
	IF from_offset < 0 THEN
		PERFORM internal.raise_error('SO103', 'from_offset must not be negative', 'It counts bytes of the log; leave it out for the end of the log.');
	ELSIF max_bytes NOT BETWEEN 1 AND internal.task_log_limit() THEN
		PERFORM internal.raise_error('SO103', format('%s is not allowed for max_bytes', max_bytes), format('It is a number from 1 to %s.', internal.task_log_limit()));
	END IF;
	SELECT * INTO operation FROM internal.operation o WHERE o.operation_id = request_task_log.execution_id AND o.operation_type = 200;
	IF NOT FOUND OR NOT internal.may_read_messages(caller, operation.project_id) THEN
		PERFORM internal.raise_error('SO121', format('there is no execution %s', execution_id));
	END IF;
	SELECT * INTO task FROM internal.task t WHERE t.execution_id = request_task_log.execution_id;
	SELECT * INTO leased FROM internal.task_attempt a
	 WHERE a.task_id = task.task_id AND a.attempt = coalesce(request_task_log.attempt, task.attempt);
	IF leased.task_id IS NULL THEN
		PERFORM internal.raise_error('SO161',
			CASE WHEN coalesce(task.attempt, 0) = 0 THEN format('execution %s was never given to a worker, so there is no task log', execution_id)
				 ELSE format('execution %s has no attempt %s', execution_id, attempt) END,
			CASE WHEN task.attempt = 1 THEN 'It has attempt 1.' WHEN task.attempt > 1 THEN format('It has attempts 1 to %s.', task.attempt) END,
			format('SELECT * FROM catalog.explain_execution(%s) says what became of it.', execution_id));
	END IF;
	obstacle := internal.task_log_obstacle(leased.agent_id, leased.task_id, leased.attempt);
	IF obstacle.code IS NOT NULL THEN
		PERFORM internal.raise_error(obstacle.code, obstacle.message, obstacle.detail, obstacle.hint);
	END IF;
	PERFORM internal.require_task_log_room(caller);
	id := nextval('internal.task_log_id');
	PERFORM internal.send_request(caller, 'fetch_log', execution_id, leased.agent_id, jsonb_build_object('request_id', id, 'role', caller::oid::bigint,
		'attempt', leased.attempt, 'from', from_offset, 'max', coalesce(max_bytes, internal.task_log_limit())));
	RETURN id;
END
$$;
COMMENT ON FUNCTION internal.request_task_log(regrole, bigint, integer, bigint, integer) IS 'Behind catalog.request_task_log';
