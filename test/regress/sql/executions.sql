-- Executions until they are pending; nobody takes them here.
\set SHOW_CONTEXT never
SET ROLE executor_user;
SELECT catalog.create_execution('sales', 'nightly', 'empty') AS first \gset
SELECT catalog.create_execution(folder_name => 'sales', project_name => 'nightly', package_name => 'load', useanyworker => false, runinscaleout => true) AS second \gset
SELECT catalog.create_execution('sales', 'nightly', 'empty', NULL, true, false) AS third \gset
SELECT e.package_name, e.status, e.runinscaleout, e.useanyworker, e.use32bitruntime, e.caller_name, e.executed_as_name, e.retry_count, e.max_lost_attempts,
       e.project_lsn = p.object_version_lsn AS current, o.operation_type, o.object_type
  FROM catalog.executions e JOIN catalog.operations o ON o.operation_id = e.execution_id JOIN catalog.projects p ON p.name = e.project_name ORDER BY e.execution_id;
SELECT catalog.start_execution(:first);
SELECT catalog.start_execution(execution_id => :third, retry_count => 3);
SELECT package_name, status, retry_count, start_time, worker_name, attempt FROM catalog.executions ORDER BY execution_id;
\set VERBOSITY sqlstate
-- Started twice; values and workers only before.
SELECT catalog.start_execution(:first);
SELECT catalog.set_execution_parameter_value(:first, 50, 'LOGGING_LEVEL', 2);
SELECT catalog.set_execution_property_override_value(:first, '\Package.Properties[description]', 'x', false);
SELECT catalog.add_execution_worker(:first, '00000000-0000-0000-0000-000000000001');
-- Required value missing, then no worker.
SELECT catalog.start_execution(:second);
SELECT catalog.set_execution_parameter_value(:second, 30, 'since', '2026-01-31');
SELECT catalog.start_execution(:second);
SELECT catalog.add_execution_worker(:second, '00000000-0000-0000-0000-000000000001');
SELECT catalog.start_execution(:second, -1);
SELECT catalog.start_execution(:second, 1001);
SELECT catalog.start_execution(-1);
SELECT catalog.create_execution('nothing', 'nightly', 'empty');
SELECT catalog.create_execution('sales', 'nothing', 'empty');
SELECT catalog.create_execution('sales', 'nightly', 'nothing');
SELECT catalog.create_execution('sales', 'nightly', 'empty', reference_id => 7);
RESET ROLE;
\set VERBOSITY default
SELECT catalog.start_execution(catalog.create_execution('sales', 'nightly', 'load'));
SELECT catalog.run_package('sales', 'nightly', 'load', '{"nonsense": 1}');
-- A package that is no entry point.
UPDATE internal.package SET entry_point = false WHERE name = 'extra';
SELECT catalog.create_execution('sales', 'nightly', 'extra');
-- Named workers; a worker comes by registration only, so the row is made here.
INSERT INTO internal.worker_agent (agent_id, display_name, machine_name) VALUES ('00000000-0000-0000-0000-000000000001', 'one', 'one.example'), ('00000000-0000-0000-0000-000000000002', NULL, 'two.example');
SELECT catalog.create_execution('sales', 'nightly', 'empty', runinscaleout => false) AS server \gset
\set VERBOSITY sqlstate
SELECT catalog.add_execution_worker(:server, '00000000-0000-0000-0000-000000000001');
\set VERBOSITY default
SELECT catalog.add_execution_worker(:second, '00000000-0000-0000-0000-000000000001'), catalog.add_execution_worker(:second, '00000000-0000-0000-0000-000000000001');
SELECT catalog.start_execution(:second);
SELECT status FROM catalog.executions WHERE execution_id = :second;
-- In one call.
SELECT catalog.run_package('sales', 'nightly', 'load', '{"since": "2026-02-01", "$Project::region": "south", "$Package::batch": 7, "dry_run": true, "$ServerOption::LOGGING_LEVEL": 3}', retry_count => 2) AS run \gset
SELECT status, retry_count, useanyworker FROM catalog.executions WHERE execution_id = :run;
SELECT object_type, parameter_name, parameter_data_type, parameter_value, value_set, runtime_override FROM catalog.execution_parameter_values
 WHERE execution_id = :run ORDER BY object_type, parameter_name;
SELECT catalog.run_package('sales', 'nightly', 'empty', workers => '{00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-000000000002}') AS named \gset
SELECT count(*) FROM internal.execution_worker WHERE execution_id = :named;
\set VERBOSITY sqlstate
SELECT catalog.run_package('sales', 'nightly', 'load');
SELECT catalog.run_package('sales', 'nightly', 'load', '[]');
SELECT catalog.run_package('sales', 'nightly', 'load', '{"since": null}');
SELECT catalog.run_package('sales', 'nightly', 'load', '{"since": "2026-02-01", "nonsense": 1}');
SELECT catalog.run_package('sales', 'nightly', 'load', '{"since": "2026-02-01", "batch": {"a": 1}}');
SELECT catalog.run_package('sales', 'nightly', 'empty', workers => '{00000000-0000-0000-0000-000000000009}');
\set VERBOSITY default
SELECT count(catalog.run_package('sales', 'nightly', 'empty')) FROM generate_series(1, 100);
-- The requests that wait for the master, in the order of their transactions.
SELECT kind, count(*), count(DISTINCT transaction_id) AS transactions FROM internal.request GROUP BY kind;
-- Deployed again: what was created before is outdated.
SELECT catalog.create_execution('sales', 'nightly', 'empty') AS outdated \gset
SELECT catalog.deploy_packages('sales', 'nightly', ARRAY[('empty', '{"name": "empty", "executables": []}')]::catalog.package_table_type[]) > 0 AS deployed;

DO $$ BEGIN PERFORM catalog.start_execution(max(execution_id)) FROM catalog.executions; EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLSTATE; END $$;
