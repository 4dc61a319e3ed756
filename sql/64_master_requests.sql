-- 64_master_requests.sql
--
-- Applies what user functions have left in internal.request.

-- As what a worker that dies with no attempt left ends: unexpectedly.
CREATE FUNCTION internal.master_end_orphans(orphans uuid[], why text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	WITH ended AS (
		UPDATE internal.task t SET state = 3 FROM unnest(orphans) AS u (task_id)
		 WHERE t.task_id = u.task_id AND t.state = 1
		RETURNING t.execution_id
	), closed AS (
		UPDATE internal.operation o SET status = 6, end_time = clock_timestamp() FROM ended e WHERE o.operation_id = e.execution_id
	)
	INSERT INTO internal.operation_message (operation_id, message_type, message_source_type, message)
	SELECT e.execution_id, 120, 10, why FROM ended e
$$;
COMMENT ON FUNCTION internal.master_end_orphans(uuid[], text) IS 'Ends waiting tasks that no registered worker may take';

CREATE FUNCTION internal.master_start_executions(executions bigint[], default_lease_interval integer)
RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	highest bigint;
	made uuid[];
	orphans uuid[];
BEGIN
	SELECT max(u.id) INTO highest FROM unnest(executions) AS u (id);
	-- Messages need a partition before anything is leased.
	IF to_regclass(format('internal.rejected_message_p%s', highest / internal.partition_width() + 1)) IS NULL THEN
		PERFORM internal.ensure_partitions(highest);
	END IF;
	WITH inserted AS (
		INSERT INTO internal.task (execution_id, lease_interval_ms)
		SELECT e.execution_id, coalesce(e.lease_interval_ms, default_lease_interval)
		  FROM unnest(executions) WITH ORDINALITY AS u (id, n)
		  JOIN internal.execution e ON e.execution_id = u.id
		  JOIN internal.operation o ON o.operation_id = u.id AND o.status IN (1, 5)
		 ORDER BY u.n
			ON CONFLICT (execution_id) DO NOTHING
		RETURNING task_id
	)
	SELECT array_agg(i.task_id) INTO made FROM inserted i;
	IF made IS NULL THEN
		RETURN false;
	END IF;
	PERFORM internal.master_make_ready(made);
	-- The start was refused if its workers were removed before, but not if meanwhile.
	SELECT array_agg(t.task_id) INTO orphans
	  FROM unnest(made) AS u (task_id) JOIN internal.task t ON t.task_id = u.task_id
	  JOIN internal.execution e ON e.execution_id = t.execution_id
	 WHERE NOT e.useanyworker AND NOT internal.has_worker(e.execution_id, false);
	IF orphans IS NOT NULL THEN
		PERFORM internal.master_forget_ready(orphans);
		PERFORM internal.master_end_orphans(orphans, 'None of the workers that were added to this execution is registered any more.');
	END IF;
	RETURN true;
END
$$;
COMMENT ON FUNCTION internal.master_start_executions(bigint[], integer) IS 'Makes the tasks of started executions; true when any is ready';

-- action: "finished" when the operation has ended by it, "stop" when the worker
-- that has the task must be told, NULL when there is nothing left to stop.
CREATE FUNCTION internal.master_stop_operation(operation bigint, stopped_by name, OUT action text, OUT task uuid)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known internal.task;
BEGIN
	SELECT * INTO known FROM internal.task t WHERE t.execution_id = operation;
	IF NOT FOUND OR known.state = 1 THEN
		UPDATE internal.operation o
		   SET status = 3, end_time = clock_timestamp(), stopped_by_name = stopped_by
		 WHERE o.operation_id = operation AND o.status IN (1, 2, 5, 8);
		IF NOT FOUND THEN
			RETURN;
		END IF;
		IF known.task_id IS NOT NULL THEN
			UPDATE internal.task t SET state = 3, stop_requested = true WHERE t.task_id = known.task_id;
			PERFORM internal.master_forget_ready(ARRAY[known.task_id]);
			PERFORM internal.master_say(ARRAY[operation], ARRAY[NULL::integer], 70::smallint, 10::smallint,
				ARRAY[format('Stopped by %s while it waited for a worker.', quote_ident(stopped_by))]);
			PERFORM internal.master_warn_uncopied(ARRAY[operation]);
		END IF;
		action := 'finished';
	ELSIF known.state = 2 AND NOT known.stop_requested THEN
		UPDATE internal.task t SET stop_requested = true WHERE t.task_id = known.task_id;
		UPDATE internal.operation o SET status = 8, stopped_by_name = stopped_by WHERE o.operation_id = operation;
		PERFORM internal.master_say(ARRAY[operation], ARRAY[known.attempt], 70::smallint, 10::smallint,
			ARRAY[format('%s asked to stop it; worker %s is told.', quote_ident(stopped_by), internal.worker_label(known.agent_id))]);
		action := 'stop';
		task := known.task_id;
	END IF;
END
$$;
COMMENT ON FUNCTION internal.master_stop_operation(bigint, name) IS 'Applies a stop';

CREATE FUNCTION internal.master_remove_worker(agent uuid, removed_by name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	orphans uuid[];
BEGIN
	DELETE FROM internal.worker_agent w WHERE w.agent_id = agent;
	UPDATE internal.worker_certificate c SET revoked = true, revoked_by = removed_by, revoked_time = clock_timestamp()
	 WHERE c.agent_id = agent AND NOT c.revoked;
	WITH gone AS (
		DELETE FROM internal.ready_restricted r WHERE r.agent_id = agent RETURNING r.task_id
	)
	SELECT array_agg(g.task_id) INTO orphans
	  FROM gone g
	 WHERE NOT EXISTS (SELECT 1 FROM internal.ready_restricted r WHERE r.task_id = g.task_id AND r.agent_id <> agent);
	IF orphans IS NULL THEN
		RETURN;
	END IF;
	PERFORM internal.master_end_orphans(orphans, format('Worker %s was removed, and no other worker may run this execution.', agent));
END
$$;
COMMENT ON FUNCTION internal.master_remove_worker(uuid, name) IS 'Forgets a worker, revokes its certificate, ends what only it could have run';

CREATE FUNCTION internal.master_change_worker(kind text, agent uuid, payload jsonb, changed_by name) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	property text;
	new_value text;
BEGIN
	CASE kind
		WHEN 'enable_worker' THEN
			UPDATE internal.worker_agent w SET is_enabled = true WHERE w.agent_id = agent;
			RETURN 'agent_enabled';
		WHEN 'disable_worker' THEN
			UPDATE internal.worker_agent w SET is_enabled = false WHERE w.agent_id = agent;
			RETURN 'agent_disabled';
		WHEN 'remove_worker' THEN
			PERFORM internal.master_remove_worker(agent, changed_by);
			RETURN 'agent_removed';
		ELSE
			property := lower(payload ->> 'property_name');
			new_value := payload ->> 'property_value';
			UPDATE internal.worker_agent w
			   SET display_name = CASE WHEN property = 'displayname' THEN new_value ELSE w.display_name END,
				   description = CASE WHEN property = 'description' THEN new_value ELSE w.description END,
				   tags = CASE WHEN property = 'tags' THEN new_value ELSE w.tags END
			 WHERE w.agent_id = agent;
			-- With other tags it may get what it was not offered before.
			RETURN CASE WHEN property = 'tags' THEN 'ready' END;
	END CASE;
END
$$;
COMMENT ON FUNCTION internal.master_change_worker(text, uuid, jsonb, name) IS 'Applies enable_worker, disable_worker, remove_worker, set_worker_property; returns the action for the master''s memory';

-- The certificate may be an old one that was revoked, and its worker known.
CREATE FUNCTION internal.master_trust_certificate(thumbprint text, enable boolean) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	enabled uuid;
BEGIN
	UPDATE internal.worker_certificate c SET revoked = false, revoked_by = NULL, revoked_time = NULL, enable_on_register = coalesce(enable, c.enable_on_register)
	 WHERE c.thumbprint = master_trust_certificate.thumbprint;
	IF enable THEN
		UPDATE internal.worker_agent w SET is_enabled = true
		  FROM internal.worker_certificate c
		 WHERE c.thumbprint = master_trust_certificate.thumbprint AND w.agent_id = c.agent_id
		RETURNING w.agent_id INTO enabled;
	END IF;
	RETURN enabled;
END
$$;
COMMENT ON FUNCTION internal.master_trust_certificate(text, boolean) IS 'Applies trust_worker_certificate; returns the worker that was enabled by it';

-- Rows are found from the snapshot of the last look on: those of transactions
-- that were still running then, and of later ones.  That way neither a lower
-- number that commits late is missed, nor does an old open transaction make
-- the look longer.
CREATE FUNCTION internal.master_find_requests(previous text, row_limit integer, OUT seen text, OUT wishes internal.request[])
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	snapshot CONSTANT pg_snapshot := previous::pg_snapshot;
BEGIN
	IF snapshot IS NULL THEN
		SELECT pg_current_snapshot()::text, array_agg(ROW(r.*)::internal.request ORDER BY r.request_id) INTO seen, wishes
		  FROM (SELECT r.* FROM internal.request r ORDER BY r.request_id LIMIT row_limit) r;
	ELSE
		SELECT pg_current_snapshot()::text, array_agg(ROW(r.*)::internal.request ORDER BY r.request_id) INTO seen, wishes
		  FROM (SELECT f.*
				  FROM (SELECT r.* FROM internal.request r WHERE r.transaction_id >= pg_snapshot_xmax(snapshot)
						UNION ALL
						SELECT r.* FROM pg_snapshot_xip(snapshot) AS x (transaction_id)
						  JOIN internal.request r ON r.transaction_id = x.transaction_id) f
				 ORDER BY f.request_id LIMIT row_limit) r;
	END IF;
END
$$;
COMMENT ON FUNCTION internal.master_find_requests(text, integer) IS 'Requests that have become visible since the snapshot';

CREATE FUNCTION internal.master_apply_requests(previous text, row_limit integer, default_lease_interval integer)
RETURNS TABLE (action text, task uuid, agent uuid, operation_id bigint, detail text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	look record;
	wish internal.request;
	starts bigint[];
BEGIN
	look := internal.master_find_requests(previous, row_limit);
	IF cardinality(look.wishes) = row_limit THEN
		-- There may be more: look from the same position again.
		action := 'more';
		RETURN NEXT;
	ELSE
		action := 'position';
		detail := look.seen;
		RETURN NEXT;
	END IF;
	IF look.wishes IS NULL THEN
		RETURN;
	END IF;
	detail := NULL;

	SELECT array_agg(r.operation_id ORDER BY r.request_id) INTO starts FROM unnest(look.wishes) r WHERE r.kind = 'start';
	IF starts IS NOT NULL AND internal.master_start_executions(starts, default_lease_interval) THEN
		action := 'ready';
		RETURN NEXT;
	END IF;

	FOR wish IN SELECT r.* FROM unnest(look.wishes) r WHERE r.kind <> 'start' ORDER BY r.request_id
	LOOP
		action := NULL;
		task := NULL;
		agent := wish.agent_id;
		operation_id := wish.operation_id;
		CASE
			WHEN wish.kind = 'stop' THEN
				SELECT s.action, s.task INTO action, task FROM internal.master_stop_operation(wish.operation_id, wish.requested_by) s;
			WHEN wish.kind IN ('enable_worker', 'disable_worker', 'remove_worker', 'set_worker_property') THEN
				action := internal.master_change_worker(wish.kind, wish.agent_id, wish.payload, wish.requested_by);
			WHEN wish.kind = 'trust' THEN
				agent := internal.master_trust_certificate(wish.payload ->> 'thumbprint', (wish.payload ->> 'enable')::boolean);
				IF agent IS NOT NULL THEN
					action := 'agent_enabled';
					RETURN NEXT;
				END IF;
				action := 'trust';
			WHEN wish.kind = 'revoke_certificate' THEN
				agent := internal.master_revoke_certificate(wish.payload ->> 'thumbprint', wish.requested_by);
				action := CASE WHEN agent IS NULL THEN 'trust' ELSE 'agent_revoked' END;
			WHEN wish.kind = 'revoke_token' THEN
				UPDATE internal.enrollment_token t SET revoked = true WHERE t.token_id = (wish.payload ->> 'token_id')::uuid;
				action := 'trust';
			WHEN wish.kind = 'enrollment' THEN
				action := 'trust';
			WHEN wish.kind = 'rotate_worker' THEN
				UPDATE internal.worker_agent w SET rotate_requested = true WHERE w.agent_id = wish.agent_id;
				action := 'agent_rotate';
			WHEN wish.kind = 'rotate_master' THEN
				PERFORM internal.master_announce(wish.payload, wish.requested_by);
				action := 'identity';
			WHEN wish.kind = 'master_address' THEN
				PERFORM internal.master_set_address(wish.payload ->> 'address');
				action := 'identity';
			WHEN wish.kind = 'delete_checkpoint' THEN
				PERFORM internal.master_delete_checkpoint((wish.payload ->> 'checkpoint_id')::bigint);
			WHEN wish.kind = 'fetch_log' THEN
				PERFORM internal.master_begin_task_log(wish);
				action := 'task_logs';
			WHEN wish.kind = 'log_database' THEN
				PERFORM internal.master_set_log_database(wish.payload, wish.requested_by);
				action := 'log_database';
			WHEN wish.kind = 'configure' THEN
				action := 'configure';
			WHEN wish.kind = 'disable_scaleout' THEN
				action := 'disable';
			ELSE
				action := 'rejected';
				detail := format('request %s is of an unknown kind "%s"', wish.request_id, wish.kind);
		END CASE;
		IF action IS NOT NULL THEN
			RETURN NEXT;
		END IF;
		detail := NULL;
	END LOOP;

	DELETE FROM internal.request r USING unnest(look.wishes) AS f WHERE r.request_id = f.request_id;
END
$$;
COMMENT ON FUNCTION internal.master_apply_requests(text, integer, integer) IS 'Applies and deletes the requests that have become visible; returns what the master must do in memory';

CREATE FUNCTION internal.master_reject_request(previous text, state text, problem text)
RETURNS TABLE (action text, task uuid, agent uuid, operation_id bigint, detail text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	look record;
	wish internal.request;
BEGIN
	look := internal.master_find_requests(previous, 1);
	IF look.wishes IS NULL THEN
		RETURN;
	END IF;
	wish := look.wishes[1];
	DELETE FROM internal.request r WHERE r.request_id = wish.request_id;
	IF wish.kind = 'start' THEN
		UPDATE internal.operation o SET status = 6, end_time = clock_timestamp()
		 WHERE o.operation_id = wish.operation_id AND o.status IN (1, 5);
		operation_id := wish.operation_id;
		action := 'finished';
		RETURN NEXT;
	END IF;
	action := 'rejected';
	detail := format('request %s (%s) of %s for operation %s, worker %s: %s (SQLSTATE %s)', wish.request_id, wish.kind, wish.requested_by,
					 coalesce(wish.operation_id::text, '-'), coalesce(wish.agent_id::text, '-'), problem, state);
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION internal.master_reject_request(text, text, text) IS 'Takes out the first request, which cannot be applied';
