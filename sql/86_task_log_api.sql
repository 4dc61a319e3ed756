-- 86_task_log_api.sql
--
-- Task logs in the public API.

CREATE FUNCTION catalog.request_task_log(execution_id bigint, attempt integer DEFAULT NULL, from_offset bigint DEFAULT NULL,
	max_bytes integer DEFAULT NULL, OUT request_id bigint)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.request_task_log(bigint, integer, bigint, integer)
	IS 'Asks the worker for the log of an attempt (the last one), from a byte on (the last 4 MB); catalog.task_log_lines has it when catalog.task_logs says complete';

-- They commit, so they are procedures, and must not have a SET clause.
CREATE PROCEDURE catalog.wait_for_task_log(request_id bigint, timeout interval DEFAULT NULL, INOUT state text DEFAULT NULL)
LANGUAGE C AS 'MODULE_PATHNAME', 'so_wait_for_task_log';
COMMENT ON PROCEDURE catalog.wait_for_task_log(bigint, interval, text) IS 'Waits until the task log has come or the time is up; an error says why it cannot come';

CREATE PROCEDURE catalog.fetch_task_log(execution_id bigint, attempt integer DEFAULT NULL, timeout interval DEFAULT '2 minutes',
	INOUT request_id bigint DEFAULT NULL)
LANGUAGE C AS 'MODULE_PATHNAME', 'so_fetch_task_log';
COMMENT ON PROCEDURE catalog.fetch_task_log(bigint, integer, interval, bigint) IS 'Asks for the log of an attempt (the last one), commits, and waits until catalog.task_log_lines has it';

CREATE VIEW catalog.task_logs WITH (security_barrier) AS
	SELECT l.request_id, l.execution_id, l.attempt, l.agent_id AS worker_agent_id, coalesce(w.display_name, w.machine_name) AS worker_name,
		   (ARRAY['open', 'complete', 'failed'])[l.state] AS state, l.first_offset, l.next_offset, l.log_size,
		   l.from_offset IS NULL AND l.first_offset > 0 AS is_cut, l.code, l.message, l.detail, l.hint, l.requested_by, l.requested_time, l.changed_time
	  FROM internal.task_log l
	  JOIN internal.operation o ON o.operation_id = l.execution_id
	  LEFT JOIN internal.worker_agent w ON w.agent_id = l.agent_id
	 WHERE (l.requested_oid = (pg_catalog.quote_ident(current_user)::pg_catalog.regrole)::oid OR pg_catalog.pg_has_role(current_user, 'ssis_admin', 'usage'))
	   AND o.project_id = ANY ((SELECT pg_catalog.array_agg(p.project_id) FROM internal.my_projects p)::bigint[])
	UNION ALL
	SELECT (r.payload ->> 'request_id')::bigint, r.operation_id, (r.payload ->> 'attempt')::integer, r.agent_id, coalesce(w.display_name, w.machine_name),
		   'requested', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, r.requested_by, r.requested_time, r.requested_time
	  FROM internal.request r
	  JOIN internal.operation o ON o.operation_id = r.operation_id
	  LEFT JOIN internal.worker_agent w ON w.agent_id = r.agent_id
	 WHERE r.kind = 'fetch_log'
	   AND (r.requested_by = current_user OR pg_catalog.pg_has_role(current_user, 'ssis_admin', 'usage'))
	   AND o.project_id = ANY ((SELECT pg_catalog.array_agg(p.project_id) FROM internal.my_projects p)::bigint[]);
COMMENT ON VIEW catalog.task_logs IS 'Your requests for task logs (administrators: all): requested, open, complete or failed with the reason; kept for a day';

CREATE VIEW catalog.task_log_lines WITH (security_barrier) AS
	SELECT l.request_id, l.execution_id, l.attempt, s.line_number, s.line
	  FROM internal.task_log l
	  JOIN internal.operation o ON o.operation_id = l.execution_id
	  CROSS JOIN LATERAL (SELECT pg_catalog.string_agg(p.body, '' ORDER BY p.first_offset) AS body
							FROM internal.task_log_part p WHERE p.request_id = l.request_id) b
	  CROSS JOIN LATERAL pg_catalog.string_to_table(CASE WHEN pg_catalog.right(b.body, 1) = E'\n' THEN pg_catalog.left(b.body, -1) ELSE b.body END, E'\n')
						 WITH ORDINALITY AS s (line, line_number)
	 WHERE (l.requested_oid = (pg_catalog.quote_ident(current_user)::pg_catalog.regrole)::oid OR pg_catalog.pg_has_role(current_user, 'ssis_admin', 'usage'))
	   AND o.project_id = ANY ((SELECT pg_catalog.array_agg(p.project_id) FROM internal.my_projects p)::bigint[]);
COMMENT ON VIEW catalog.task_log_lines IS 'Lines of the task logs that you asked for; name a request_id in WHERE';
