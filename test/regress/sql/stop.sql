-- Stopping: a created execution ends at once, a pending one by the master.
\set SHOW_CONTEXT never
SELECT catalog.create_execution('sales', 'nightly', 'empty') AS created \gset
SELECT catalog.run_package('sales', 'nightly', 'empty') AS pending \gset
SELECT catalog.stop_operation(:created), catalog.stop_operation(:pending);
SELECT status, end_time IS NOT NULL AS ended, stopped_by_name FROM catalog.executions WHERE execution_id IN (:created, :pending) ORDER BY execution_id;
SELECT kind, operation_id = :pending AS this, requested_by FROM internal.request WHERE kind = 'stop';
\set VERBOSITY sqlstate
SELECT catalog.stop_operation(:created);
SELECT catalog.stop_operation(:pending);
SELECT catalog.stop_operation(-1);
SELECT catalog.stop_operation((SELECT min(operation_id) FROM catalog.operations WHERE operation_type = 101));
SELECT catalog.start_execution(:created);
SELECT catalog.delete_folder('sales');
SELECT catalog.delete_project('sales', 'nightly');
\set VERBOSITY default
-- A project without running executions goes; its operations stay.
SELECT count(*) > 0 AS operations FROM catalog.executions WHERE project_name = 'types';
SELECT catalog.delete_project('sales', 'types');
SELECT name FROM catalog.projects;
SELECT count(*) > 0 AS operations FROM catalog.executions WHERE project_name = 'types';
SELECT count(*) FROM catalog.object_versions WHERE object_name = 'types';
-- A flag that was set in a transaction refuses PREPARE, unless it was rolled back.
BEGIN;
SELECT catalog.run_package('sales', 'nightly', 'empty') > 0 AS run;
PREPARE TRANSACTION 'a';
BEGIN;
SAVEPOINT s;
SELECT catalog.run_package('sales', 'nightly', 'empty') > 0 AS run;
ROLLBACK TO s;
PREPARE TRANSACTION 'b';
ROLLBACK PREPARED 'b';
