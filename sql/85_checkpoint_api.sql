-- 85_checkpoint_api.sql
--
-- Checkpoints in the public API.

CREATE VIEW catalog.checkpoints WITH (security_barrier) AS
	SELECT c.checkpoint_id, c.project_id, e.folder_name, e.project_name, c.package_name, c.name AS checkpoint_name,
		   c.owner_execution AS execution_id, o.caller_name, o.status::integer AS status,
		   coalesce(t.state <> 3, false) AS in_use,
		   (SELECT r.path FROM internal.checkpoint_record r
			 WHERE r.checkpoint_id = c.checkpoint_id AND r.kind = 'unit' AND r.result = 'failure' AND r.attempt = c.attempt
			 ORDER BY r.sequence LIMIT 1) AS failed_path,
		   (SELECT r.path FROM internal.checkpoint_record r
			 WHERE r.checkpoint_id = c.checkpoint_id AND r.kind = 'unit' AND r.result IN ('success', 'completion')
			 ORDER BY r.finished_time DESC, r.sequence DESC LIMIT 1) AS last_finished_path,
		   (SELECT pg_catalog.count(*) FROM internal.checkpoint_record r
			 WHERE r.checkpoint_id = c.checkpoint_id AND r.kind = 'unit' AND r.result IN ('success', 'completion'))::integer AS finished_units,
		   (SELECT pg_catalog.count(*) FROM internal.checkpoint_record r
			 WHERE r.checkpoint_id = c.checkpoint_id AND r.kind = 'item')::integer AS finished_items,
		   c.variable_count AS variables, c.attempt, c.created_time, c.updated_time, pg_catalog.now() - c.updated_time AS age, c.chain_id
	  FROM internal.checkpoint c
	  LEFT JOIN internal.execution e ON e.execution_id = c.owner_execution
	  LEFT JOIN internal.operation o ON o.operation_id = c.owner_execution
	  LEFT JOIN internal.task t ON t.execution_id = c.owner_execution
	 WHERE c.begun_execution IS NOT NULL AND NOT c.removed
	   AND c.project_id = ANY ((SELECT pg_catalog.array_agg(m.project_id) FROM internal.my_projects m)::bigint[]);
COMMENT ON VIEW catalog.checkpoints IS 'Checkpoints that a restart would go on from: whose, how old, at which container; in_use while their execution waits or runs';

CREATE FUNCTION catalog.delete_checkpoint(checkpoint_id bigint) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.delete_checkpoint(bigint) IS 'Deletes a checkpoint that no execution is using; the package then starts from the beginning';

CREATE FUNCTION catalog.restart_plan(execution_id bigint)
RETURNS TABLE (step integer, package_path text, action text, reason text, attempt integer, finished_time timestamptz, items_done integer)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.restart_plan(bigint)
	IS 'What the execution would skip, rerun and run if it were started now, and why; step 0 says whether it would restart at all. Runs nothing';
