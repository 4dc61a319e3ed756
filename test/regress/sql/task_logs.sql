-- Asking for the log of a task, and the master's part of it, called by hand.
\set SHOW_CONTEXT never
\set agent '00000000-0000-0000-0000-00000000000c'
\set task '00000000-0000-0000-0000-0000000000aa'
\set other '00000000-0000-0000-0000-00000000000d'
SELECT max(execution_id) AS id, min(execution_id) AS created FROM catalog.executions WHERE status = 5 \gset
DELETE FROM internal.request;
INSERT INTO internal.worker_agent (agent_id, is_enabled, display_name, machine_name, version, last_online_time, tasks_root_folder, capabilities)
	VALUES (:'agent', true, 'loader', 'loader.example', '0.1.0', clock_timestamp(), '/srv/tasks', '{"commands": ["fetch_log"]}');
INSERT INTO internal.task (task_id, execution_id, state, attempt, agent_id, lease_interval_ms) VALUES (:'task', :id, 3, 2, :'agent', 60000);
INSERT INTO internal.task_attempt (task_id, attempt, execution_id, agent_id, instance_id, epoch, outcome, end_time) VALUES
	(:'task', 1, :id, :'other', :'other', 1, 4, clock_timestamp()), (:'task', 2, :id, :'agent', :'agent', 1, 2, clock_timestamp());
-- What can be refused is refused at once, with the reason.
CREATE FUNCTION public.refusal(statement text) RETURNS TABLE (state text, message text, detail text, hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	state := 'no error';
	RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	state := SQLSTATE;
	-- The numbers of executions depend on the tests before.
	message := regexp_replace(SQLERRM, 'execution \d+', 'execution N');
	hint := regexp_replace(hint, '\(\d+\)', '(N)');
	RETURN NEXT;
END
$$;
\x on
SELECT * FROM public.refusal(format('SELECT catalog.request_task_log(%s)', :created));
SELECT * FROM public.refusal(format('SELECT catalog.request_task_log(%s, 3)', :id));
SELECT * FROM public.refusal(format('SELECT catalog.request_task_log(%s, 1)', :id));
SELECT * FROM public.refusal(format('SELECT catalog.request_task_log(%s, from_offset => -1)', :id));
SELECT * FROM public.refusal(format('SELECT catalog.request_task_log(%s, max_bytes => 4194305)', :id));
SELECT * FROM public.refusal('SELECT catalog.request_task_log(-1)');
UPDATE internal.worker_agent SET capabilities = '{}' WHERE agent_id = :'agent';
SELECT * FROM public.refusal(format('SELECT catalog.request_task_log(%s)', :id));
UPDATE internal.worker_agent SET capabilities = '{"commands": ["fetch_log"]}', last_online_time = '2026-01-31 12:00:00+00' WHERE agent_id = :'agent';
SET timezone = 'UTC';
SELECT * FROM public.refusal(format('SELECT catalog.request_task_log(%s)', :id));
RESET timezone;
UPDATE internal.worker_agent SET last_online_time = clock_timestamp() WHERE agent_id = :'agent';
SET ROLE plain_user;
SELECT state, message FROM public.refusal(format('SELECT catalog.request_task_log(%s)', :id));
RESET ROLE;
\x off
-- A request, as its asker and others see it.
SET ROLE executor_user;
SELECT catalog.request_task_log(:id) AS request \gset
SELECT attempt, worker_name, state FROM catalog.task_logs WHERE request_id = :request;
SET ROLE other_executor;
SELECT count(*) FROM catalog.task_logs WHERE request_id = :request;
RESET ROLE;
SELECT kind, operation_id = :id AS of_execution, agent_id, payload - 'request_id' - 'role' AS payload FROM internal.request;
-- In a restored catalog the number of its role may be another role's, which would get the copy.
BEGIN;
SELECT internal.adopt_restored_state();
SELECT count(*) FROM internal.request WHERE kind = 'fetch_log';
ROLLBACK;
-- The master takes it up and tells the worker until it has ended.
SELECT action FROM internal.master_apply_requests(NULL, 100, 60000) ORDER BY 1;
SELECT kind, request_id = :request AS same, agent, command::jsonb - 'fetch' - 'ended_s' AS command, command::jsonb ? 'ended_s' AS ended FROM internal.master_task_logs(60000);
SELECT state, first_offset FROM catalog.task_logs WHERE request_id = :request;
CREATE FUNCTION public.take(agent uuid, piece jsonb) RETURNS TABLE (next_offset bigint, has_ended boolean) LANGUAGE sql AS $$
	SELECT t.next_offset, t.ended IS NOT NULL FROM internal.master_take_task_logs(ARRAY[agent], ARRAY[piece::text]) t
$$;
SELECT format('{"fetch": %s, "size": 30, "end": false}', :request) AS head \gset
SELECT * FROM public.take(:'other', :'head'::jsonb || '{"offset": 5, "bytes": 6, "text": "wrong\n"}');
SELECT * FROM public.take(:'agent', :'head'::jsonb || '{"offset": 5, "bytes": 6, "text": "first\n"}');
SELECT * FROM public.take(:'agent', :'head'::jsonb || '{"offset": 5, "bytes": 6, "text": "first\n"}');
SELECT * FROM public.take(:'agent', :'head'::jsonb || '{"offset": 20, "bytes": 6, "text": "third\n"}');
-- A worker that starts anew goes on where it stopped.
SELECT command::jsonb ->> 'from' AS "from", command::jsonb ->> 'limit' AS "limit" FROM internal.master_task_logs(60000);
SELECT * FROM public.take(:'agent', :'head'::jsonb || '{"offset": 11, "bytes": 19, "text": "second\n\nlast of them", "end": true}');
SELECT * FROM public.take(:'agent', :'head'::jsonb || '{"offset": 30, "bytes": 6, "text": "late!\n"}');
SELECT count(*) FROM internal.master_task_logs(60000);
SET ROLE executor_user;
SELECT state, first_offset, next_offset, log_size, is_cut FROM catalog.task_logs WHERE request_id = :request;
SELECT attempt, line_number, line FROM catalog.task_log_lines WHERE request_id = :request ORDER BY line_number;
CALL catalog.wait_for_task_log(:request);
SET ROLE reader_user;
SELECT count(*) FROM catalog.task_log_lines WHERE request_id = :request;
SET ROLE plain_user;
SELECT count(*) FROM catalog.task_log_lines;
RESET ROLE;
SELECT count(*) FROM catalog.task_log_lines WHERE request_id = :request;
-- Failures: the worker's own reason, its silence, its end.
SELECT catalog.request_task_log(:id) AS refused, catalog.request_task_log(:id) AS silent, catalog.request_task_log(:id, from_offset => 7, max_bytes => 10) AS part \gset
SELECT count(*) FROM internal.master_apply_requests(NULL, 100, 60000);
SELECT * FROM public.take(:'agent', jsonb_build_object('fetch', :refused, 'error', '{"code": "SO455", "message": "no log", "detail": "TaskLogEnabled is false.", "hint": ""}'::jsonb));
\set VERBOSITY sqlstate
CALL catalog.wait_for_task_log(:refused);
\set VERBOSITY default
CALL catalog.wait_for_task_log(:silent, '10 ms');
SELECT * FROM public.take(:'agent', format('{"fetch": %s, "size": 30, "end": false, "offset": 7, "bytes": 10, "text": "0123456789"}', :part)::jsonb);
SELECT state, is_cut FROM catalog.task_logs WHERE request_id = :part;
UPDATE internal.task_log SET changed_time = changed_time - interval '2 minutes' WHERE request_id = :silent;
SELECT kind, command FROM internal.master_task_logs(60000);
\x on
SELECT state, code, message, detail, hint FROM catalog.task_logs WHERE request_id = :silent;
SELECT catalog.request_task_log(:id) AS orphan \gset
SELECT count(*) FROM internal.master_apply_requests(NULL, 100, 60000);
DELETE FROM internal.worker_agent WHERE agent_id = :'agent';
SELECT kind FROM internal.master_task_logs(60000);
SELECT state, code, message FROM catalog.task_logs WHERE request_id = :orphan;
\x off
\set VERBOSITY sqlstate
CALL catalog.fetch_task_log(:id);
CALL catalog.fetch_task_log(NULL);
CALL catalog.wait_for_task_log(NULL);
CALL catalog.wait_for_task_log(-1);
BEGIN;
CALL catalog.wait_for_task_log(1);
ROLLBACK;
\set VERBOSITY default
-- A role keeps its newest thirty.
INSERT INTO internal.task_log (request_id, execution_id, attempt, agent_id, requested_oid, requested_by, requested_time, state, max_bytes)
SELECT 1000 + i, :id, 2, :'agent', current_user::regrole, current_user, clock_timestamp(), 2, 1 FROM generate_series(1, 40) i;
SELECT internal.master_begin_task_log(ROW(1, pg_current_xact_id(), 'fetch_log', :id, :'agent', jsonb_build_object('request_id', 2000, 'attempt', 2, 'max', 1,
	'role', current_user::regrole::oid::bigint), current_user, clock_timestamp())::internal.request);
SELECT count(*), min(request_id) FROM internal.task_log WHERE requested_by = current_user AND request_id > 1000;
-- Nor does it wait for more than twenty at a time, however many sessions it has that do not see each other's requests.
UPDATE internal.task_log SET state = 1 WHERE requested_by = current_user AND request_id BETWEEN 1021 AND 1040;
SELECT internal.master_begin_task_log(ROW(1, pg_current_xact_id(), 'fetch_log', :id, :'agent', jsonb_build_object('request_id', 2001, 'attempt', 2, 'max', 1,
	'role', current_user::regrole::oid::bigint), current_user, clock_timestamp())::internal.request);
SELECT state, code, message = format('role "%s" waits for 20 task logs already', current_user) AS named FROM catalog.task_logs WHERE request_id = 2001;
-- They are forgotten after a day, and with their execution.
UPDATE internal.task_log SET changed_time = changed_time - interval '2 days' WHERE request_id = :request;
SELECT internal.master_forget_task_logs();
SELECT count(*) FROM internal.task_log_part WHERE request_id = :request;
SELECT internal.master_drop_task_logs(array_agg(request_id)) FROM internal.task_log;
SELECT (SELECT count(*) FROM internal.task_log) AS logs, (SELECT count(*) FROM internal.task_log_part) AS parts;
DROP FUNCTION public.take(uuid, jsonb);
DROP FUNCTION public.refusal(text);
DELETE FROM internal.task_attempt WHERE task_id = :'task';
DELETE FROM internal.task WHERE task_id = :'task';
DELETE FROM internal.request;
