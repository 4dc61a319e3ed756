-- Waiting: only as a statement of its own; a time-out returns the status.
\set SHOW_CONTEXT never
SELECT catalog.run_package('sales', 'nightly', 'empty') AS id \gset
CALL catalog.wait_for_operation(:id, '10 ms');
CALL catalog.wait_for_operation(operation_id => :id, timeout => '0');
SELECT min(operation_id) AS ended FROM catalog.operations \gset
CALL catalog.wait_for_operation(:ended);
CALL catalog.run_package_and_wait('sales', 'nightly', 'empty', timeout => '10 ms', execution_id => NULL, status => NULL, raise_on_failure => false) \gset
SELECT :status AS status, (SELECT o.status FROM catalog.operations o WHERE operation_id = :execution_id) AS pending;
DO $$
DECLARE
	id bigint;
	state integer;
BEGIN
	SELECT max(operation_id) INTO id FROM catalog.operations;
	CALL catalog.wait_for_operation(id, '10 ms', state);
	RAISE NOTICE 'status %', state;
END
$$;
\set VERBOSITY sqlstate
BEGIN;
CALL catalog.wait_for_operation(1);
ROLLBACK;
BEGIN;
CALL catalog.run_package_and_wait('sales', 'nightly', 'empty');
ROLLBACK;
CREATE FUNCTION public.waits() RETURNS void LANGUAGE plpgsql AS $$ DECLARE state integer; BEGIN CALL catalog.wait_for_operation(1, '1 ms', state); END $$;
SELECT public.waits();
DROP FUNCTION public.waits();
CALL catalog.wait_for_operation(-1);
CALL catalog.wait_for_operation(NULL);
CALL catalog.wait_for_operation(:id, '-1 s');
CALL catalog.run_package_and_wait('sales', 'nightly', 'nothing');
CALL catalog.run_package_and_wait(NULL, NULL, NULL);
SET ROLE plain_user;
CALL catalog.wait_for_operation(:id, '1 ms');
CALL catalog.run_package_and_wait('sales', 'nightly', 'empty');
RESET ROLE;
\set VERBOSITY default
BEGIN;
CALL catalog.wait_for_operation(1);
ROLLBACK;
-- What did not succeed is an error; by default where a package is run, on demand where somebody waits.
CREATE PROCEDURE public.ends(id bigint, new_status integer) LANGUAGE sql AS $$ UPDATE internal.operation SET status = new_status WHERE operation_id = id $$;
SELECT catalog.run_package('sales', 'nightly', 'empty') AS id \gset
\set VERBOSITY sqlstate
CALL catalog.wait_for_operation(:id, '0', raise_on_failure => true);
CALL catalog.wait_for_operation(:id, '0', raise_on_failure => NULL);
CALL catalog.run_package_and_wait('sales', 'nightly', 'empty', raise_on_failure => NULL);
CALL catalog.run_package_and_wait('sales', 'nightly', 'empty', timeout => '0');
CALL public.ends(:id, 4);
CALL catalog.wait_for_operation(:id, raise_on_failure => true);
CALL catalog.wait_for_operation(:id);
CALL public.ends(:id, 6);
CALL catalog.wait_for_operation(:id, raise_on_failure => true);
CALL public.ends(:id, 3);
CALL catalog.wait_for_operation(:id, raise_on_failure => true);
CALL public.ends(:id, 9);
CALL catalog.wait_for_operation(:id, raise_on_failure => true);
CALL public.ends(:id, 7);
CALL catalog.wait_for_operation(:id, raise_on_failure => true);
-- Where its sentence comes from: the first error of the last attempt, else the attempt, else the master.
CALL public.ends(:id, 4);
CALL catalog.wait_for_operation(:id, raise_on_failure => true);
SELECT replace(:'LAST_ERROR_MESSAGE', :'id', 'N') AS message;
INSERT INTO internal.operation_message (operation_id, message_time, message_type, message_source_type, message) VALUES
	(:id, '2026-01-01', 120, 20, 'no worker wanted it.'), (:id, '2026-01-01', 110, 20, 'a warning');
CALL catalog.wait_for_operation(:id, raise_on_failure => true);
SELECT replace(:'LAST_ERROR_MESSAGE', :'id', 'N') AS message;
INSERT INTO internal.task (task_id, execution_id, state, attempt, agent_id, lease_interval_ms) VALUES ('00000000-0000-0000-0000-00000000000b', :id, 3, 2, '00000000-0000-0000-0000-000000000002', 60000);
INSERT INTO internal.task_attempt (task_id, attempt, execution_id, agent_id, instance_id, epoch, outcome, message)
	SELECT '00000000-0000-0000-0000-00000000000b', n, :id, '00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001', 1, 2, 'attempt ' || n || ' failed' FROM generate_series(1, 2) n;
CALL catalog.wait_for_operation(:id, raise_on_failure => true);
SELECT replace(:'LAST_ERROR_MESSAGE', :'id', 'N') AS message;
INSERT INTO internal.event_message (operation_id, attempt, sequence, message_time, message_type, message_source_type, message, event_name, code, execution_path) VALUES
	(:id, 1, 1, '2026-01-01', 120, 40, 'an error of the first attempt', 'OnError', 'SO601', '\load'),
	(:id, 2, 1, '2026-01-01', 110, 40, 'a warning', 'OnWarning', NULL, '\load'),
	(:id, 2, 2, '2026-01-01', 120, 40, 'the table is missing', 'OnError', 'SO602', '\load'),
	(:id, 2, 3, '2026-01-01', 120, 40, 'what followed from it', 'OnError', 'SO601', '\');
CALL catalog.wait_for_operation(:id, raise_on_failure => true);
SELECT replace(:'LAST_ERROR_MESSAGE', :'id', 'N') AS message;
-- Objects of the caller do not stand in for what it calls.
CREATE SCHEMA mine;
CREATE FUNCTION mine.format(text, VARIADIC "any") RETURNS text LANGUAGE internal AS 'text_format';
CREATE FUNCTION mine.rtrim(text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'mine' $$;
SET search_path = mine, pg_catalog;
CALL catalog.wait_for_operation(:id, raise_on_failure => true);
SELECT replace(:'LAST_ERROR_MESSAGE', :'id', 'N') AS message;
SHOW search_path;
RESET search_path;
DROP SCHEMA mine CASCADE;
DELETE FROM internal.task_attempt WHERE execution_id = :id;
DELETE FROM internal.task WHERE execution_id = :id;
DELETE FROM internal.event_message WHERE operation_id = :id;
DELETE FROM internal.operation_message WHERE operation_id = :id;
DROP PROCEDURE public.ends(bigint, integer);
-- A cancel ends the wait, not the execution.
SET statement_timeout = '1s';
SELECT count(*) AS before FROM catalog.executions \gset
\set VERBOSITY sqlstate
CALL catalog.run_package_and_wait('sales', 'nightly', 'empty');
RESET statement_timeout;
SELECT count(*) - :before AS one_more FROM catalog.executions;
