-- 72_master_maintain.sql
--
-- Retention, one short step a call.

-- The lowest range of operations that may go: all of them have ended and are
-- older than the retention window.  NULL when there is none.
CREATE FUNCTION internal.oldest_expired_range() RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	width CONSTANT bigint := internal.partition_width();
	days CONSTANT integer := internal.property('RETENTION_WINDOW')::integer;
	oldest bigint;
	slot bigint;
BEGIN
	IF upper(internal.property('OPERATION_CLEANUP_ENABLED')) <> 'TRUE' OR days < 1 THEN
		RETURN NULL;
	END IF;
	SELECT min(o.operation_id) INTO oldest FROM internal.operation o;
	IF oldest IS NULL THEN
		RETURN NULL;
	END IF;
	slot := oldest / width;
	-- An execution that was created and never started does not hold up the others.
	IF EXISTS (SELECT 1 FROM internal.operation o
				WHERE o.operation_id >= slot * width AND o.operation_id < (slot + 1) * width
				  AND (o.created_time > clock_timestamp() - make_interval(days => days) OR o.status IN (2, 5, 8)))
	   OR NOT EXISTS (SELECT 1 FROM internal.operation o WHERE o.operation_id >= (slot + 1) * width) THEN
		RETURN NULL;
	END IF;
	RETURN slot;
END
$$;
COMMENT ON FUNCTION internal.oldest_expired_range() IS 'Number of the oldest partition that retention may drop';

CREATE FUNCTION internal.drop_message_partition(slot bigint) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	partition text;
BEGIN
	SELECT format('%s_p%s', p.parent, slot) INTO partition
	  FROM unnest(ARRAY['event_message', 'operation_message', 'executable', 'executable_statistic', 'rejected_message']) AS p (parent)
	 WHERE to_regclass(format('internal.%I', format('%s_p%s', p.parent, slot))) IS NOT NULL
	 LIMIT 1;
	IF partition IS NOT NULL THEN
		EXECUTE format('DROP TABLE internal.%I', partition);
	END IF;
	RETURN partition;
END
$$;
COMMENT ON FUNCTION internal.drop_message_partition(bigint) IS 'Drops one of the partitions of a range; NULL when none is left';

CREATE FUNCTION internal.delete_operations(slot bigint, row_limit integer) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	width CONSTANT bigint := internal.partition_width();
	ids bigint[];
BEGIN
	SELECT array_agg(o.operation_id) INTO ids
	  FROM (SELECT o.operation_id FROM internal.operation o
			 WHERE o.operation_id >= slot * width AND o.operation_id < (slot + 1) * width
			 ORDER BY o.operation_id LIMIT row_limit) o;
	IF ids IS NULL THEN
		RETURN 0;
	END IF;
	-- Nobody has gone on from these for the whole retention window.
	PERFORM internal.checkpoint_erase(array_agg(c.checkpoint_id), true)
	   FROM internal.checkpoint c JOIN unnest(ids) AS u (id) ON u.id = c.owner_execution
	 HAVING count(*) > 0;
	PERFORM internal.master_drop_task_logs(array_agg(l.request_id))
	   FROM internal.task_log l JOIN unnest(ids) AS u (id) ON u.id = l.execution_id
	 HAVING count(*) > 0;
	DELETE FROM internal.task_attempt a USING internal.task t, unnest(ids) AS u (id)
	 WHERE t.execution_id = u.id AND a.task_id = t.task_id;
	DELETE FROM internal.task t USING unnest(ids) AS u (id) WHERE t.execution_id = u.id;
	DELETE FROM internal.execution_parameter_value v USING unnest(ids) AS u (id) WHERE v.execution_id = u.id;
	DELETE FROM internal.execution_property_override v USING unnest(ids) AS u (id) WHERE v.execution_id = u.id;
	DELETE FROM internal.execution_worker v USING unnest(ids) AS u (id) WHERE v.execution_id = u.id;
	DELETE FROM internal.execution e USING unnest(ids) AS u (id) WHERE e.execution_id = u.id;
	DELETE FROM internal.operation o USING unnest(ids) AS u (id) WHERE o.operation_id = u.id;
	RETURN cardinality(ids);
END
$$;
COMMENT ON FUNCTION internal.delete_operations(bigint, integer) IS 'Deletes operations of a range whose messages are gone';

CREATE FUNCTION internal.master_maintain(OUT more boolean, OUT message text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	made integer;
	slot bigint;
	dropped text;
	lost bigint;
BEGIN
	more := false;
	PERFORM internal.master_forget_task_logs();
	made := internal.ensure_partitions((SELECT coalesce(max(o.operation_id), 0) FROM internal.operation o));
	IF made > 0 THEN
		more := true;
		message := format('%s partitions made', made);
		RETURN;
	END IF;
	slot := internal.oldest_expired_range();
	IF slot IS NULL THEN
		RETURN;
	END IF;
	more := true;
	lost := internal.log_copy_forget(slot * internal.partition_width(), (slot + 1) * internal.partition_width());
	dropped := internal.drop_message_partition(slot);
	IF dropped IS NOT NULL THEN
		message := format('partition "%s" dropped, its operations are older than RETENTION_WINDOW', dropped)
			|| CASE WHEN lost > 0 THEN format('; %s messages in it had not been copied to the log database (SO259)', lost) ELSE '' END;
	ELSE
		PERFORM internal.delete_operations(slot, 2000);
	END IF;
END
$$;
COMMENT ON FUNCTION internal.master_maintain() IS 'One step of maintenance: partitions ahead of need, then retention; more says whether to call again';
