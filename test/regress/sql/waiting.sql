-- Waiting: only as a statement of its own; a time-out returns the status.
\set SHOW_CONTEXT never
SELECT catalog.run_package('sales', 'nightly', 'empty') AS id \gset
CALL catalog.wait_for_operation(:id, '10 ms');
CALL catalog.wait_for_operation(operation_id => :id, timeout => '0');
SELECT min(operation_id) AS ended FROM catalog.operations \gset
CALL catalog.wait_for_operation(:ended);
CALL catalog.run_package_and_wait('sales', 'nightly', 'empty', timeout => '10 ms', execution_id => NULL, status => NULL) \gset
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
-- A cancel ends the wait, not the execution.
SET statement_timeout = '1s';
SELECT count(*) AS before FROM catalog.executions \gset
\set VERBOSITY sqlstate
CALL catalog.run_package_and_wait('sales', 'nightly', 'empty');
RESET statement_timeout;
SELECT count(*) - :before AS one_more FROM catalog.executions;
