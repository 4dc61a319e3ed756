-- 60_master_state.sql
--
-- The master's seat, its signs of life, and what it reads at its start.
-- Functions internal.master_* are called by the master only: arrays in, rows
-- out, one call per turn and kind of message.

CREATE FUNCTION internal.master_begin(system_identifier bigint, database_oid oid, token text, timeline integer, host text,
	OUT ok boolean, OUT reason text, OUT epoch bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	bound internal.binding;
BEGIN
	ok := false;
	epoch := 0;
	SELECT * INTO bound FROM internal.binding;
	IF NOT FOUND THEN
		reason := 'catalog.enable_scaleout() has not been called in this database';
	ELSIF NOT bound.enabled THEN
		reason := 'scaleout is disabled in this database';
	ELSIF bound.system_identifier <> master_begin.system_identifier THEN
		reason := 'the catalog is bound to another cluster; it was restored or copied from there';
	ELSIF bound.database_oid <> master_begin.database_oid THEN
		reason := 'the catalog is bound to another database of this cluster; it was copied from there';
	ELSIF master_begin.token IS NULL OR bound.token::text <> lower(master_begin.token) THEN
		reason := 'the token file does not allow this data directory to run the catalog';
	ELSE
		PERFORM internal.log_copy_skip_numbers(EXISTS (SELECT 1 FROM internal.master_state s WHERE s.timeline < master_begin.timeline));
		-- After an asynchronous failover the last epochs of the old primary may
		-- be missing here; a new timeline therefore leaves a gap.
		INSERT INTO internal.master_state AS s (epoch, timeline, started_time, last_online_time, host)
		VALUES (1, master_begin.timeline, clock_timestamp(), clock_timestamp(), master_begin.host)
			ON CONFLICT (only_row) DO UPDATE
			SET epoch = s.epoch + 1 + CASE WHEN EXCLUDED.timeline > s.timeline THEN 1000000 ELSE 0 END,
				timeline = EXCLUDED.timeline, started_time = EXCLUDED.started_time,
				last_online_time = EXCLUDED.last_online_time, host = EXCLUDED.host, message = NULL,
				-- Workers may have confirmed versions that are missing here, too.
				announced_version = CASE WHEN EXCLUDED.timeline > s.timeline THEN internal.announced_version() + 1000 ELSE s.announced_version END
		RETURNING s.epoch INTO epoch;
		ok := true;
	END IF;
END
$$;
COMMENT ON FUNCTION internal.master_begin(bigint, oid, text, integer, text) IS 'May this server run this catalog? Takes the next epoch';

CREATE FUNCTION internal.master_listening(address text, ip text, port integer, thumbprint text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE internal.master_state
	   SET master_address = $1, ip = $2, port = $3, thumbprint = $4, last_online_time = clock_timestamp()
$$;
COMMENT ON FUNCTION internal.master_listening(text, text, integer, text) IS 'Where workers reach the master';

-- asked: bodies of the last polls, why not more and the load; empty when the worker did not say.
CREATE FUNCTION internal.master_online(agents uuid[], capacities integer[], held integer[], asked text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE internal.master_state SET last_online_time = clock_timestamp();
	IF cardinality(agents) > 0 THEN
		UPDATE internal.worker_agent w
		   SET last_online_time = clock_timestamp(), asked_tasks = seen.capacity, held_tasks = seen.held,
			   asked_reason = seen.said ->> 'reason', cpu_percent = (seen.said ->> 'cpu')::real,
			   memory_free_mb = (seen.said ->> 'memory_free_mb')::numeric::bigint, cpu_pressure = (seen.said ->> 'cpu_pressure')::real,
			   memory_pressure = (seen.said ->> 'memory_pressure')::real, io_pressure = (seen.said ->> 'io_pressure')::real,
			   clock_difference_ms = (seen.said ->> 'clock_ms')::bigint,
			   not_asking_since = CASE WHEN seen.capacity = 0 THEN coalesce(w.not_asking_since, clock_timestamp()) END
		  FROM (SELECT u.agent_id, u.capacity, u.held, nullif(u.asked, '')::jsonb AS said
				  FROM unnest(agents, capacities, held, asked) AS u (agent_id, capacity, held, asked)) seen
		 WHERE w.agent_id = seen.agent_id;
	END IF;
END
$$;
COMMENT ON FUNCTION internal.master_online(uuid[], integer[], integer[], text[]) IS 'Signs of life: the master, and the agents that it has heard of since the last one';

CREATE FUNCTION internal.master_live_leases()
RETURNS TABLE (task uuid, attempt integer, agent uuid, instance uuid, interval_ms integer, execution_id bigint, stop_requested boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT t.task_id, t.attempt, t.agent_id, t.instance_id, t.lease_interval_ms, t.execution_id, t.stop_requested
	  FROM internal.task t
	 WHERE t.state = 2
$$;
COMMENT ON FUNCTION internal.master_live_leases() IS 'What workers hold, for a master that starts; reads the whole table';

CREATE FUNCTION internal.master_trust_set() RETURNS TABLE (thumbprint text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.thumbprint FROM internal.worker_certificate c WHERE NOT c.revoked
$$;
COMMENT ON FUNCTION internal.master_trust_set() IS 'Thumbprints of the certificates that the gateway lets in';

CREATE FUNCTION internal.master_counters(OUT transactions bigint, OUT requests bigint, OUT reports bigint)
LANGUAGE C VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'so_master_counters';
COMMENT ON FUNCTION internal.master_counters() IS 'What masters have done since the server started: transactions, requests of agents in them, reports among these';
