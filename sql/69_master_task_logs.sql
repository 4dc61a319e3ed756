-- 69_master_task_logs.sql
--
-- The master's part of fetching task logs: take up a request, say what workers
-- are to be asked, store what they send, forget.

-- An asker has the newest thirty copies; that bounds them between two turns of
-- maintenance.
CREATE FUNCTION internal.master_begin_task_log(wish internal.request) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	asker CONSTANT oid := (wish.payload ->> 'role')::oid;
	outdated bigint[];
BEGIN
	SELECT array_agg(o.request_id) INTO outdated
	  FROM (SELECT l.request_id FROM internal.task_log l WHERE l.requested_oid = asker AND l.state <> 1 ORDER BY l.request_id DESC OFFSET 29) o;
	IF outdated IS NOT NULL THEN
		PERFORM internal.master_drop_task_logs(outdated);
	END IF;
	INSERT INTO internal.task_log (request_id, execution_id, attempt, agent_id, requested_oid, requested_by, requested_time, from_offset, max_bytes)
	VALUES ((wish.payload ->> 'request_id')::bigint, wish.operation_id, (wish.payload ->> 'attempt')::integer, wish.agent_id, asker, wish.requested_by, wish.requested_time,
			(wish.payload ->> 'from')::bigint, (wish.payload ->> 'max')::integer)
		ON CONFLICT (request_id) DO NOTHING;
	-- Transactions of the role that ran at the same time did not see each other's.
	IF (SELECT count(*) FROM internal.task_log l WHERE l.state = 1 AND l.requested_oid = asker) > internal.open_task_log_limit() THEN
		PERFORM internal.master_fail_task_log((wish.payload ->> 'request_id')::bigint, 'SO167',
			format('role "%s" waits for %s task logs already', wish.requested_by, internal.open_task_log_limit()), NULL, NULL);
	END IF;
END
$$;
COMMENT ON FUNCTION internal.master_begin_task_log(internal.request) IS 'Applies request_task_log';

CREATE FUNCTION internal.master_drop_task_logs(requests bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM internal.task_log_part p USING unnest(requests) AS u (id) WHERE p.request_id = u.id;
	DELETE FROM internal.task_log l USING unnest(requests) AS u (id) WHERE l.request_id = u.id;
END
$$;
COMMENT ON FUNCTION internal.master_drop_task_logs(bigint[]) IS 'Deletes copies of task logs';

CREATE FUNCTION internal.master_fail_task_log(request bigint, code text, message text, detail text, hint text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE internal.task_log l
	   SET state = 3, changed_time = clock_timestamp(), code = master_fail_task_log.code, message = master_fail_task_log.message,
		   detail = nullif(master_fail_task_log.detail, ''), hint = nullif(master_fail_task_log.hint, '')
	 WHERE l.request_id = request AND l.state = 1;
END
$$;
COMMENT ON FUNCTION internal.master_fail_task_log(bigint, text, text, text, text) IS 'A request for a task log ends with a reason';

-- kind: "open" (command is for the agent, until the request has ended), "ended".
CREATE FUNCTION internal.master_task_logs(time_limit_ms integer)
RETURNS TABLE (kind text, request_id bigint, agent uuid, command text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	log internal.task_log;
	leased internal.task_attempt;
	obstacle record;
	is_late boolean;
BEGIN
	FOR log IN SELECT l.* FROM internal.task_log l WHERE l.state = 1 ORDER BY l.request_id LIMIT 1000 LOOP
		request_id := log.request_id;
		agent := log.agent_id;
		SELECT a.* INTO leased FROM internal.task t JOIN internal.task_attempt a ON a.task_id = t.task_id AND a.attempt = log.attempt
		 WHERE t.execution_id = log.execution_id;
		is_late := log.changed_time < clock_timestamp() - make_interval(secs => time_limit_ms / 1000.0);
		obstacle := internal.task_log_obstacle(log.agent_id, leased.task_id, log.attempt);
		-- A worker that is away for a moment goes on when it is back in time.
		IF obstacle.code IS NOT NULL AND (is_late OR obstacle.code <> 'SO162') THEN
			PERFORM internal.master_fail_task_log(log.request_id, obstacle.code, obstacle.message, obstacle.detail, obstacle.hint);
		ELSIF is_late THEN
			PERFORM internal.master_fail_task_log(log.request_id, 'SO165',
				format('worker %s did not send the log of attempt %s within %s s', internal.worker_label(log.agent_id), log.attempt, round(time_limit_ms / 1000.0)),
				format('%s The file is %s.', CASE WHEN log.next_offset IS NULL THEN 'Nothing of it has come.'
													ELSE format('Bytes %s to %s of %s have come.', log.first_offset, log.next_offset, log.log_size) END,
					internal.task_log_place(leased.task_id, log.attempt, (SELECT w FROM internal.worker_agent w WHERE w.agent_id = log.agent_id))),
				'Ask again; if it persists, the log of the worker and scaleout doctor on its machine say why.');
		ELSE
			kind := 'open';
			command := json_strip_nulls(json_build_object('command', 'fetch_log', 'fetch', log.request_id, 'task', leased.task_id, 'attempt', log.attempt,
				'from', coalesce(log.next_offset, log.from_offset), 'limit', log.max_bytes - coalesce(log.next_offset - log.first_offset, 0),
				'ended_s', extract(epoch FROM clock_timestamp() - leased.end_time)::bigint))::text;
			RETURN NEXT;
			CONTINUE;
		END IF;
		kind := 'ended';
		command := NULL;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION internal.master_task_logs(integer) IS 'Open requests for task logs and the commands for their workers; ends those that nobody answers';

-- next: where the worker goes on; NULL: it has nothing more to send.  A piece that
-- was sent twice, or is not the one that is due, changes nothing.
CREATE FUNCTION internal.master_take_task_logs(agents uuid[], bodies text[])
RETURNS TABLE (request integer, next_offset bigint, ended bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	sent record;
	log internal.task_log;
	first bigint;
	upto bigint;
BEGIN
	FOR sent IN
		SELECT b.n::integer AS n, b.agent_id, b.body::jsonb AS body FROM unnest(agents, bodies) WITH ORDINALITY AS b (agent_id, body, n) ORDER BY b.n
	LOOP
		request := sent.n;
		next_offset := NULL;
		ended := NULL;
		SELECT * INTO log FROM internal.task_log l WHERE l.request_id = (sent.body ->> 'fetch')::bigint AND l.agent_id = sent.agent_id AND l.state = 1;
		IF NOT FOUND THEN
			RETURN NEXT;
			CONTINUE;
		ELSIF sent.body ? 'error' THEN
			PERFORM internal.master_fail_task_log(log.request_id, sent.body #>> '{error,code}', sent.body #>> '{error,message}',
				sent.body #>> '{error,detail}', sent.body #>> '{error,hint}');
			ended := log.request_id;
			RETURN NEXT;
			CONTINUE;
		ELSIF (sent.body ->> 'offset')::bigint <> log.next_offset THEN
			next_offset := log.next_offset;
			RETURN NEXT;
			CONTINUE;
		END IF;
		first := coalesce(log.first_offset, (sent.body ->> 'offset')::bigint);
		upto := (sent.body ->> 'offset')::bigint + (sent.body ->> 'bytes')::bigint;
		IF sent.body ->> 'text' <> '' THEN
			INSERT INTO internal.task_log_part (request_id, first_offset, body)
			VALUES (log.request_id, (sent.body ->> 'offset')::bigint, sent.body ->> 'text');
		END IF;
		IF (sent.body ->> 'end')::boolean OR upto - first >= log.max_bytes OR (sent.body ->> 'bytes')::bigint = 0 THEN
			ended := log.request_id;
		ELSE
			next_offset := upto;
		END IF;
		UPDATE internal.task_log l
		   SET first_offset = first, next_offset = upto, log_size = (sent.body ->> 'size')::bigint, changed_time = clock_timestamp(),
			   state = CASE WHEN ended IS NULL THEN 1 ELSE 2 END
		 WHERE l.request_id = log.request_id;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION internal.master_take_task_logs(uuid[], text[]) IS 'Stores pieces of task logs that workers send';

-- A day for reading, and not more than 256 MB of the log's bytes altogether.
CREATE FUNCTION internal.master_forget_task_logs() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	outdated bigint[];
BEGIN
	SELECT array_agg(k.request_id) INTO outdated
	  FROM (SELECT l.request_id, l.state, l.changed_time, sum(l.next_offset - l.first_offset) OVER (ORDER BY l.changed_time DESC, l.request_id DESC) AS bytes
			  FROM internal.task_log l) k
	 WHERE k.state <> 1 AND (k.changed_time < clock_timestamp() - interval '1 day' OR k.bytes > 256 * 1024 * 1024);
	IF outdated IS NOT NULL THEN
		PERFORM internal.master_drop_task_logs(outdated);
	END IF;
END
$$;
COMMENT ON FUNCTION internal.master_forget_task_logs() IS 'Maintenance: deletes copies of task logs that are old or too many';
