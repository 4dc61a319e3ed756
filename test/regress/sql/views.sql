\pset format unaligned
-- The columns of the public views: SSIS's names and order first.
SELECT c.relname AS view, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) AS columns
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
 WHERE c.relnamespace = 'catalog'::regnamespace AND c.relkind = 'v'
 GROUP BY c.relname ORDER BY c.relname COLLATE "C";
\pset format aligned
-- Views of rows that not everybody may see are barriers.
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'catalog'::regnamespace AND c.relkind = 'v' AND c.reloptions IS NULL;
-- What the master writes appears in them; here written by hand.
SELECT max(execution_id) AS id FROM catalog.executions WHERE status = 5 \gset
INSERT INTO internal.task (task_id, execution_id, state, attempt, agent_id, lease_interval_ms, lost) VALUES ('00000000-0000-0000-0000-00000000000a', :id, 2, 2, '00000000-0000-0000-0000-000000000002', 60000, 1);
INSERT INTO internal.task_attempt (task_id, attempt, execution_id, agent_id, instance_id, epoch, outcome, message) VALUES
	('00000000-0000-0000-0000-00000000000a', 1, :id, '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000001', 1, 4, 'killed'),
	('00000000-0000-0000-0000-00000000000a', 2, :id, '00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001', 1, NULL, NULL);
INSERT INTO internal.event_message (operation_id, attempt, sequence, message_time, message_type, message_source_type, message, event_name) VALUES (:id, 1, 1, '2026-01-01', 120, 40, 'it failed', 'OnError');
INSERT INTO internal.operation_message (operation_id, message_time, message_type, message_source_type, message) VALUES (:id, '2026-01-01', 110, 20, 'offered again');
INSERT INTO internal.executable (operation_id, package_name, executable_guid, executable_name, package_path) VALUES (:id, 'empty', 'g', 'empty', '\Package');
INSERT INTO internal.executable_statistic (operation_id, attempt, sequence, package_name, executable_guid, execution_path, execution_duration, execution_result, row_count) VALUES (:id, 2, 2, 'empty', 'g', '\Package', 12, 0, 60000);
SELECT worker_name, attempt, lost_attempts, retry FROM catalog.executions WHERE execution_id = :id;
SELECT attempt, worker_name, outcome, message FROM catalog.execution_attempts WHERE execution_id = :id ORDER BY attempt;
SELECT event_name, message_type, message, attempt, sequence FROM catalog.event_messages WHERE operation_id = :id;
SELECT message_type, message FROM catalog.operation_messages WHERE operation_id = :id ORDER BY operation_message_id;
SELECT s.execution_path, x.executable_name, s.execution_duration, s.execution_result, s.row_count FROM catalog.executable_statistics s JOIN catalog.executables x USING (execution_id, executable_id) WHERE s.execution_id = :id;
-- A question that names its operation reads one partition by its key.
CREATE FUNCTION public.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	RETURN plan;
END
$$;
SELECT p LIKE '%event_message_p0_pkey%' AS by_key, p NOT LIKE '%event_message_p1%' AS one_partition FROM public.plan_of('SELECT message FROM catalog.event_messages WHERE operation_id = 5') p;
SELECT p LIKE '%execution_pkey%' AS by_key FROM public.plan_of('SELECT status FROM catalog.executions WHERE execution_id = 5') p;
DROP FUNCTION public.plan_of(text);
DELETE FROM internal.task;
