-- 69_master_log_copy.sql
--
-- The additional copy of event messages: what waits, how it stands, and what
-- executions say of it.

-- Every execution that has ended while its messages cannot be copied says so
-- once.  operations NULL: all that wait.
CREATE FUNCTION internal.master_warn_uncopied(operations bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target internal.log_database;
BEGIN
	SELECT * INTO target FROM internal.log_database d WHERE d.state = 'failing';
	IF NOT FOUND THEN
		RETURN;
	END IF;
	IF operations IS NULL THEN
		operations := ARRAY(SELECT DISTINCT q.operation_id FROM internal.log_copy_queue q);
	END IF;
	WITH due AS (
		INSERT INTO internal.log_copy_owed (operation_id)
		SELECT o.operation_id
		  FROM unnest(operations) AS u (id)
		  JOIN internal.operation o ON o.operation_id = u.id
		 WHERE o.status IN (3, 4, 6, 7, 9)
		   AND EXISTS (SELECT 1 FROM internal.log_copy_queue q WHERE q.operation_id = o.operation_id)
			ON CONFLICT DO NOTHING
		RETURNING operation_id
	)
	INSERT INTO internal.operation_message (operation_id, message_type, message_source_type, message, code)
	SELECT d.operation_id, 110, 20, format('Its messages are complete in this catalog, but not yet in log database "%s": %s. %s They are copied as soon as that is cured.',
		   target.server_name, rtrim(target.message, '.'), target.hint), target.code
	  FROM due d;
END
$$;
COMMENT ON FUNCTION internal.master_warn_uncopied(bigint[]) IS 'Operations that have ended while the copy of their messages fails say so';

CREATE FUNCTION internal.master_queue_copies(executions bigint[], attempts integer[], sequences bigint[], types text[], fresh boolean[])
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target internal.log_database;
BEGIN
	SELECT * INTO target FROM internal.log_database;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	-- What is fresh lies above all that came before: ranges never overlap.
	INSERT INTO internal.log_copy_queue (source, operation_id, attempt, first_sequence, last_sequence, messages)
	SELECT target.source, i.execution_id, i.attempt, min(i.sequence), max(i.sequence), count(DISTINCT i.sequence)
	  FROM unnest(executions, attempts, sequences, types, fresh) AS i (execution_id, attempt, sequence, type, fresh)
	 WHERE i.fresh AND i.type = 'event'
	 GROUP BY i.execution_id, i.attempt
	 ORDER BY i.execution_id, i.attempt;
	-- Late events of an execution that has ended already.
	IF target.state = 'failing' THEN
		PERFORM internal.master_warn_uncopied(executions);
	END IF;
END
$$;
COMMENT ON FUNCTION internal.master_queue_copies(bigint[], integer[], bigint[], text[], boolean[]) IS 'Events of a report wait to be copied, when there is a log database';

-- done_to: everything up to this number is committed in the log database; NULL:
-- nothing is known.  state NULL: nothing new.  target is false when no log database is set.
CREATE FUNCTION internal.master_log_copy(done_to bigint, state text, code text, message text, hint text, OUT target boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	known internal.log_database;
	gone bigint;
	touched bigint[];
	whole bigint[];
BEGIN
	SELECT * INTO known FROM internal.log_database;
	target := FOUND;
	IF NOT target THEN
		RETURN;
	END IF;
	IF done_to IS NOT NULL THEN
		WITH copied AS (
			DELETE FROM internal.log_copy_queue q WHERE q.copy_id <= done_to RETURNING q.operation_id, q.messages
		)
		SELECT sum(c.messages), array_agg(DISTINCT c.operation_id) INTO gone, touched FROM copied c;
		IF gone > 0 THEN
			UPDATE internal.log_database d SET copied_messages = d.copied_messages + gone, copied_time = clock_timestamp();
			WITH paid AS (
				DELETE FROM internal.log_copy_owed w
				 WHERE w.operation_id = ANY (touched)
				   AND NOT EXISTS (SELECT 1 FROM internal.log_copy_queue q WHERE q.operation_id = w.operation_id)
				RETURNING w.operation_id
			)
			SELECT array_agg(p.operation_id) INTO whole FROM paid p;
			IF whole IS NOT NULL THEN
				PERFORM internal.master_say(whole, array_fill(NULL::integer, ARRAY[cardinality(whole)]), 70::smallint, 20::smallint,
					array_fill(format('Its messages have been copied to log database "%s" after all.', known.server_name), ARRAY[cardinality(whole)]));
			END IF;
		END IF;
	END IF;
	IF master_log_copy.state IS NOT NULL
	   AND (known.state, known.code, known.message, known.hint)
		   IS DISTINCT FROM (master_log_copy.state, master_log_copy.code, master_log_copy.message, master_log_copy.hint) THEN
		UPDATE internal.log_database d
		   SET state = master_log_copy.state, code = master_log_copy.code, message = master_log_copy.message, hint = master_log_copy.hint,
			   state_since = CASE WHEN d.state = master_log_copy.state THEN d.state_since ELSE clock_timestamp() END;
		PERFORM internal.master_warn_uncopied(NULL);
	END IF;
END
$$;
COMMENT ON FUNCTION internal.master_log_copy(bigint, text, text, text, text) IS 'What the copying worker has done and met';

CREATE FUNCTION internal.master_set_log_database(payload jsonb, requested_by name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	waiting bigint[];
BEGIN
	IF payload IS NULL THEN
		SELECT array_agg(w.operation_id) INTO waiting FROM internal.log_copy_owed w;
		IF waiting IS NOT NULL THEN
			PERFORM internal.master_say(waiting, array_fill(NULL::integer, ARRAY[cardinality(waiting)]), 110::smallint, 20::smallint,
				array_fill(format('Its messages will not be copied to the log database any more: %s has switched the copy off.', quote_ident(requested_by)), ARRAY[cardinality(waiting)]));
		END IF;
		DELETE FROM internal.log_copy_owed;
		DELETE FROM internal.log_copy_queue;
		DELETE FROM internal.log_database;
		RETURN;
	END IF;
	-- What waits goes to the new one.
	DELETE FROM internal.log_database;
	INSERT INTO internal.log_database (server_name, connection_secret, by_superuser, changed_by, source)
	VALUES (payload ->> 'server_name', decode(payload ->> 'secret', 'base64'), (payload ->> 'by_superuser')::boolean, requested_by,
			internal.log_copy_source());
END
$$;
COMMENT ON FUNCTION internal.master_set_log_database(jsonb, name) IS 'Applies update_logdb_info';

-- Numbers that were given once and are missing here must not be given again,
-- because the log database passes over what it has.  They are missing in a
-- catalog that was set back to a snapshot, or went on after an asynchronous
-- failover.  Therefore every master begins at the clock, in microseconds, which
-- is above all numbers that were given before; another server's clock may be
-- behind, so a new timeline leaves a gap.
CREATE FUNCTION internal.log_copy_skip_numbers(new_timeline boolean) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	SELECT setval('internal.log_copy_id', greatest((extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
		s.last_value + CASE WHEN new_timeline THEN 1000000000 ELSE 1 END))
	  FROM internal.log_copy_id s
$$;
COMMENT ON FUNCTION internal.log_copy_skip_numbers(boolean) IS 'Begins numbers of the log copy that were never given before';

-- What retention is about to remove cannot be copied any more; returns how many messages.
CREATE FUNCTION internal.log_copy_forget(first_operation bigint, end_operation bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lost bigint;
BEGIN
	WITH gone AS (
		DELETE FROM internal.log_copy_queue q WHERE q.operation_id >= first_operation AND q.operation_id < end_operation RETURNING q.messages
	)
	SELECT sum(g.messages) INTO lost FROM gone g;
	DELETE FROM internal.log_copy_owed w WHERE w.operation_id >= first_operation AND w.operation_id < end_operation;
	IF lost > 0 THEN
		UPDATE internal.log_database d SET lost_messages = d.lost_messages + lost, lost_time = clock_timestamp();
	END IF;
	RETURN coalesce(lost, 0);
END
$$;
COMMENT ON FUNCTION internal.log_copy_forget(bigint, bigint) IS 'Takes messages of these operations out of the queue before retention removes them';
