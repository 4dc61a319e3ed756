-- Checkpoints: what the API and the master's functions do, refuse and show. No
-- master and no runner here: their part is played (TAP 150 to 154 have real ones).
\set SHOW_CONTEXT never
\set VERBOSITY sqlstate
SET client_min_messages = warning;
SELECT catalog.deploy_packages('sales', 'restart', ARRAY[('load', '{"name": "load", "id": "00000000-0000-4000-8000-0000000000aa",
	"save_checkpoints": true, "checkpoint_usage": "if_exists", "checkpoint_file_name": "daily", "parameters": [
		{"name": "since", "type": "string", "value": "monday"}, {"name": "secret", "type": "string", "value": "", "sensitive": true}],
	"executables": [{"name": "a", "type": "no_operation", "id": "00000000-0000-4000-8000-0000000000a1", "fail_package_on_failure": true},
					{"name": "b", "type": "no_operation", "id": "00000000-0000-4000-8000-0000000000a2", "after": "a", "fail_package_on_failure": true}]}')]::catalog.package_table_type[]) > 0 AS deployed;
-- An execution that a worker has.
CREATE FUNCTION public.begin_execution(parameters jsonb DEFAULT '{"since": "tuesday", "secret": "hidden words"}') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	id bigint := catalog.run_package('sales', 'restart', 'load', parameters);
BEGIN
	RETURN id;
END
$$;
CREATE FUNCTION public.lease(id bigint) RETURNS void LANGUAGE sql AS $$
	INSERT INTO internal.task (task_id, execution_id, state, attempt, agent_id, lease_interval_ms)
	VALUES (('00000000-0000-4000-9000-' || lpad(id::text, 12, '0'))::uuid, id, 2, 1, '00000000-0000-0000-0000-000000000002', 60000)
$$;
-- Items of its report, as the master stores them; the codes and states of the replies.
CREATE FUNCTION public.report(id bigint, VARIADIC items jsonb[]) RETURNS TABLE (action text, verdict text, reply text) LANGUAGE plpgsql AS $$
DECLARE
	n CONSTANT integer := cardinality(items);
	full_items CONSTANT jsonb[] := ARRAY(SELECT '{"package": "load", "name": "daily", "content_hash": "hash"}' || u.one FROM unnest(items) WITH ORDINALITY AS u (one, n) ORDER BY u.n);
	tasks CONSTANT uuid[] := array_fill(('00000000-0000-4000-9000-' || lpad(id::text, 12, '0'))::uuid, ARRAY[n]);
	types CONSTANT text[] := array_fill('checkpoint'::text, ARRAY[n]);
	ones CONSTANT integer[] := array_fill(1, ARRAY[n]);
	numbers CONSTANT bigint[] := ARRAY(SELECT generate_series(1, n));
	ids CONSTANT bigint[] := array_fill(id, ARRAY[n]);
BEGIN
	RETURN QUERY
	SELECT full_items[r.sequence::integer] ->> 'action', r.verdict, coalesce(r.message::json #>> '{error,code}', r.message::json ->> 'state')
	  FROM (SELECT * FROM internal.master_take_checkpoints(ones, tasks, ones, numbers, ids, types, full_items, array_fill(true, ARRAY[n]))
			UNION ALL
			SELECT * FROM internal.master_open_checkpoints(ones, tasks, ones, numbers, ids, types, full_items)) r
	 ORDER BY r.sequence;
END
$$;
CREATE FUNCTION public.header(attempt integer) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('action', 'begin', 'reset', true, 'header', jsonb_build_object('format', 1, 'package_id', '00000000-0000-4000-8000-0000000000aa',
		'package_name', 'load', 'name', 'daily', 'content_hash', 'hash', 'chain_id', '00000000-0000-4000-8000-000000000001', 'attempt', attempt,
		'created_us', 1, 'updated_us', 2, 'start_us', 3, 'settings', '[]'::jsonb))
$$;
CREATE FUNCTION public.unit(id text, path text, result text, finished_us bigint DEFAULT 1700000000000000) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('action', 'append', 'record', jsonb_build_object('kind', 'unit', 'id', id, 'path', path, 'result', result, 'attempt', 1, 'finished_us', finished_us))
$$;
CREATE FUNCTION public.fail(id bigint) RETURNS void LANGUAGE sql AS $$
	UPDATE internal.task SET state = 3 WHERE execution_id = id;
	UPDATE internal.operation SET status = 4 WHERE operation_id = id;
	SELECT internal.master_settle_checkpoints(ARRAY[id], ARRAY[2]);
$$;
GRANT ALL ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC;

-- Nothing is there; a plan says so, and looking claims nothing.
SET ROLE executor_user;
SELECT public.begin_execution() AS first \gset
SELECT count(*) FROM catalog.checkpoints;
SELECT step, package_path, action FROM catalog.restart_plan(:first);
RESET ROLE;
SELECT count(*) FROM internal.checkpoint;
SELECT public.lease(:first);
-- Not opened: refused. Opened: claimed, and not shown before anything is written.
SELECT * FROM public.report(:first, '{"action": "append"}');
SELECT * FROM public.report(:first, '{"action": "open", "look_only": true}');
SELECT count(*) FROM internal.checkpoint;
SELECT * FROM public.report(:first, '{"action": "open"}');
SELECT count(*) AS claimed, (SELECT count(*) FROM catalog.checkpoints) AS shown FROM internal.checkpoint WHERE owner_execution = :first;
-- Claimed in vain: gone with the execution.
SELECT public.fail(:first);
SELECT count(*) FROM internal.checkpoint;

-- One that is written.
SET ROLE executor_user;
SELECT public.begin_execution() AS second \gset
RESET ROLE;
SELECT public.lease(:second);
SELECT * FROM public.report(:second, '{"action": "open"}');
SELECT * FROM public.report(:second, public.header(1), public.unit('00000000-0000-4000-8000-0000000000a1', '\a', 'success'),
	'{"action": "append", "record": {"kind": "item", "id": "loop", "path": "\\loop", "result": "success", "attempt": 1, "finished_us": 1700000000000001, "item": "x"},
	  "variables": [{"executable": "root", "name": "User::n", "type": "int32", "text": "5"}]}',
	public.unit('00000000-0000-4000-8000-0000000000a2', '\b', 'failure', 1700000000000002));
SELECT checkpoint_id AS checkpoint FROM catalog.checkpoints \gset
\x on
SELECT folder_name, project_name, package_name, checkpoint_name, execution_id = :second AS own, caller_name, status, in_use, failed_path, last_finished_path,
	   finished_units, finished_items, variables, attempt, age > '0' AS age, chain_id FROM catalog.checkpoints;
\x off
SELECT count(*) AS plain FROM (SELECT secret FROM internal.checkpoint_variable UNION ALL SELECT header FROM internal.checkpoint UNION ALL SELECT settings FROM internal.checkpoint) s
 WHERE position('hidden'::bytea IN secret) > 0 OR position('User::n'::bytea IN secret) > 0;
-- In use: not to be deleted, not to be had by another one; the plan of another one says so.
SELECT catalog.delete_checkpoint(:checkpoint);
SET ROLE executor_user;
SELECT public.begin_execution() AS third \gset
SELECT step, action, reason ~ 'SO573|in use' AS says_so FROM catalog.restart_plan(:third) WHERE step = 0;
RESET ROLE;
SELECT public.lease(:third);
SELECT * FROM public.report(:third, '{"action": "open"}');
SELECT * FROM public.report(:third, public.header(1));
SELECT owner_execution = :second AS kept, record_count, variable_count FROM internal.checkpoint;
-- After its end: what differs (here the content, and the values of one) is refused, unless the execution says what it wants.
SELECT public.fail(:second), public.fail(:third);
SELECT in_use, status FROM catalog.checkpoints;
SET ROLE executor_user;
SELECT public.begin_execution() AS fourth, public.begin_execution('{"since": "friday"}') AS fifth \gset
SELECT public.begin_execution('{"since": "friday", "$ServerOption::CHECKPOINT_OVERRIDE": "discard"}') AS discards \gset
SELECT public.begin_execution('{"since": "friday", "$ServerOption::CHECKPOINT_OVERRIDE": "continue"}') AS continues \gset
SELECT * FROM catalog.restart_plan(:fourth);
SELECT * FROM catalog.restart_plan(:fifth);
SELECT :'LAST_ERROR_MESSAGE' ~ 'hidden|friday|tuesday' AS leaks;
SELECT step, action FROM catalog.restart_plan(:discards);
SELECT step, package_path, action, attempt FROM catalog.restart_plan(:continues);
RESET ROLE;
SELECT owner_execution = :second AS kept, record_count FROM internal.checkpoint;

-- Who sees and deletes it.
CREATE FUNCTION public.try_checkpoint(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT * FROM catalog.' || call;
	RAISE EXCEPTION USING ERRCODE = '00001';
EXCEPTION WHEN SQLSTATE '00001' THEN RETURN 'done';
	WHEN OTHERS THEN RETURN SQLSTATE;
END
$$;
CREATE FUNCTION public.try_checkpoints(checkpoint bigint, execution bigint) RETURNS TABLE (role name, visible bigint, deletes text, plans text) LANGUAGE sql AS $$
	SELECT current_user, (SELECT count(*) FROM catalog.checkpoints), public.try_checkpoint(format('delete_checkpoint(%s)', checkpoint)),
		   public.try_checkpoint(format('restart_plan(%s)', execution))
$$;
SET ROLE plain_user;
SELECT * FROM public.try_checkpoints(:checkpoint, :continues);
SET ROLE reader_user;
SELECT * FROM public.try_checkpoints(:checkpoint, :continues);
SET ROLE other_executor;
SELECT * FROM public.try_checkpoints(:checkpoint, :continues);
SET ROLE executor_user;
SELECT * FROM public.try_checkpoints(:checkpoint, :continues);
SET ROLE admin_user;
SELECT * FROM public.try_checkpoints(:checkpoint, :continues);
-- Nobody reaches the tables and the master's functions.
SELECT count(*) FROM internal.checkpoint;
SELECT internal.checkpoint_open(1, '{}');
SET ROLE executor_user;
SELECT internal.master_delete_checkpoint(1);
RESET ROLE;
-- What is not there.
SELECT catalog.delete_checkpoint(NULL);
SELECT catalog.delete_checkpoint(-1);
SELECT catalog.delete_checkpoint(9223372036854775807);
SELECT * FROM catalog.restart_plan(NULL);
SELECT * FROM catalog.restart_plan(-1);
SELECT min(operation_id) AS no_execution FROM catalog.operations WHERE operation_type <> 200 \gset
SELECT * FROM catalog.restart_plan(:no_execution);

-- Damage: told apart, and left as it is.
CREATE TABLE public.kept AS SELECT * FROM internal.checkpoint_record;
SELECT public.lease(:fourth), public.lease(:fifth);
DELETE FROM internal.checkpoint_record WHERE kind = 'item';
SELECT * FROM public.report(:fourth, '{"action": "open"}');
INSERT INTO internal.checkpoint_record SELECT * FROM public.kept WHERE kind = 'item';
INSERT INTO internal.checkpoint_record SELECT checkpoint_id, kind, 'more', item_key, path, result, attempt, sequence, finished_time, secret FROM public.kept WHERE kind = 'item';
SELECT * FROM public.report(:fourth, '{"action": "open"}');
DELETE FROM internal.checkpoint_record WHERE id = 'more';
UPDATE internal.checkpoint_variable SET secret = (SELECT secret FROM public.kept LIMIT 1);
SELECT * FROM public.report(:fourth, '{"action": "open"}');
SELECT * FROM public.report(:fifth, '{"action": "open"}');
SELECT owner_execution = :second AS untouched, record_count, variable_count FROM internal.checkpoint;
DROP TABLE public.kept;

-- Deleted by a request; the master leaves alone what was claimed meanwhile.
SET ROLE executor_user;
SELECT catalog.delete_checkpoint(:checkpoint);
RESET ROLE;
SELECT kind, payload ->> 'checkpoint_id' = :'checkpoint' AS own, requested_by FROM internal.request WHERE kind = 'delete_checkpoint';
UPDATE internal.checkpoint SET owner_execution = :fourth;
SELECT internal.master_delete_checkpoint(:checkpoint), internal.master_delete_checkpoint(-1), internal.master_delete_checkpoint(NULL);
SELECT count(*) AS left_alone FROM internal.checkpoint;
SELECT public.fail(:fourth);
SELECT internal.master_delete_checkpoint(:checkpoint), internal.master_delete_checkpoint(:checkpoint);
SELECT (SELECT count(*) FROM internal.checkpoint) + (SELECT count(*) FROM internal.checkpoint_record) + (SELECT count(*) FROM internal.checkpoint_variable) AS rows;
-- Whose execution is gone: for administrators only.
INSERT INTO internal.checkpoint (project_id, package_name, name, owner_execution, begun_execution)
	SELECT project_id, 'load', 'orphan', 999999999, 999999999 FROM catalog.projects WHERE name = 'restart' RETURNING checkpoint_id AS orphan \gset
SELECT execution_id, caller_name, status, in_use FROM catalog.checkpoints;
SET ROLE executor_user;
SELECT catalog.delete_checkpoint(:orphan);
SET ROLE admin_user;
SELECT catalog.delete_checkpoint(:orphan);
RESET ROLE;

DELETE FROM internal.checkpoint;
DELETE FROM internal.request WHERE kind = 'delete_checkpoint';
DELETE FROM internal.task WHERE task_id::text LIKE '00000000-0000-4000-9000-%';
DROP FUNCTION public.begin_execution(jsonb), public.lease(bigint), public.report(bigint, jsonb[]), public.header(integer), public.unit(text, text, text, bigint),
	public.fail(bigint), public.try_checkpoint(text), public.try_checkpoints(bigint, bigint);
