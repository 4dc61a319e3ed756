-- 80_api.sql
--
-- The public functions: SSIS's names and arguments.  All of them are the C
-- function so_entry, which calls the function of the same name in schema
-- internal as the owner, with the caller's role as first argument.

CREATE FUNCTION catalog.enable_scaleout() RETURNS TABLE (step text, result text)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.enable_scaleout() IS 'Makes what is missing (certificate, keys, partitions), binds this catalog to the cluster and starts the master';

CREATE FUNCTION catalog.disable_scaleout() RETURNS TABLE (step text, result text)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.disable_scaleout() IS 'Lets the master leave this catalog';

CREATE FUNCTION catalog.rotate_encryption_key(discard_unreadable boolean DEFAULT false) RETURNS TABLE (step text, result text)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.rotate_encryption_key(boolean) IS 'Exchanges the encryption key; with discard_unreadable it also gives up what was encrypted with a key that is lost';

CREATE FUNCTION catalog.create_folder(folder_name text, OUT folder_id bigint)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.create_folder(text) IS 'Creates a folder';

CREATE FUNCTION catalog.delete_folder(folder_name text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.delete_folder(text) IS 'Deletes an empty folder';

CREATE FUNCTION catalog.delete_project(folder_name text, project_name text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.delete_project(text, text) IS 'Deletes a project without running executions; its versions and operations stay until cleanup';

CREATE FUNCTION catalog.deploy_packages(folder_name text, project_name text, packages_table catalog.package_table_type[],
	project_document jsonb DEFAULT NULL, OUT operation_id bigint)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.deploy_packages(text, text, catalog.package_table_type[], jsonb) IS 'Deploys packages into a project, which is created when missing; a new version, the old ones are kept';

CREATE FUNCTION catalog.create_execution(folder_name text, project_name text, package_name text, reference_id bigint DEFAULT NULL,
	use32bitruntime boolean DEFAULT NULL, runinscaleout boolean DEFAULT NULL, useanyworker boolean DEFAULT NULL, OUT execution_id bigint)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.create_execution(text, text, text, bigint, boolean, boolean, boolean) IS 'Creates an execution of a package; start_execution starts it';

CREATE FUNCTION catalog.set_execution_parameter_value(execution_id bigint, object_type integer, parameter_name text, parameter_value text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.set_execution_parameter_value(bigint, integer, text, text) IS 'Sets a value before start; object_type 20 project, 30 package, 50 execution (LOGGING_LEVEL ...)';

CREATE FUNCTION catalog.set_execution_parameter_value(execution_id bigint, object_type integer, parameter_name text, parameter_value anyelement) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.set_execution_parameter_value(bigint, integer, text, anyelement) IS 'Sets a value before start; its type must fit the declared one';

CREATE FUNCTION catalog.set_execution_property_override_value(execution_id bigint, property_path text, property_value text, sensitive boolean) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.set_execution_property_override_value(bigint, text, text, boolean) IS 'Sets a property of the package for one execution, before start';

CREATE FUNCTION catalog.add_execution_worker(execution_id bigint, workeragent_id uuid) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.add_execution_worker(bigint, uuid) IS 'Adds a worker that may take an execution created with useanyworker => false';

CREATE FUNCTION catalog.start_execution(execution_id bigint, retry_count integer DEFAULT 0) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.start_execution(bigint, integer) IS 'Starts a created execution; a failed package is run again up to retry_count times';

CREATE FUNCTION catalog.run_package(folder_name text, project_name text, package_name text, parameters jsonb DEFAULT '{}',
	retry_count integer DEFAULT 0, workers uuid[] DEFAULT NULL, runinscaleout boolean DEFAULT NULL, OUT execution_id bigint)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.run_package(text, text, text, jsonb, integer, uuid[], boolean) IS 'Creates, sets and starts an execution in one call';

CREATE FUNCTION catalog.stop_operation(operation_id bigint) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.stop_operation(bigint) IS 'Asks the master to stop a pending or running operation';

CREATE FUNCTION catalog.enable_worker_agent(workeragentid uuid) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.enable_worker_agent(uuid) IS 'Lets a registered worker take tasks';

CREATE FUNCTION catalog.disable_worker_agent(workeragentid uuid) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.disable_worker_agent(uuid) IS 'A worker takes no more tasks; what it runs goes on';

CREATE FUNCTION catalog.set_worker_agent_property(workeragentid uuid, propertyname text, propertyvalue text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.set_worker_agent_property(uuid, text, text) IS 'Sets DisplayName, Description or Tags of a worker';

CREATE FUNCTION catalog.trust_worker_certificate(pem text, enable boolean DEFAULT false, OUT thumbprint text)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.trust_worker_certificate(text, boolean) IS 'Lets the worker with this certificate register; with enable it may take tasks at once';

CREATE FUNCTION catalog.remove_worker_agent(workeragentid uuid) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.remove_worker_agent(uuid) IS 'Removes a worker and withdraws the trust in its certificate';

-- It also answers, with one row, when the library is not preloaded.
CREATE FUNCTION catalog.diagnose_scaleout() RETURNS TABLE ("check" text, result text, cause text, cure text)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_diagnose_scaleout';
COMMENT ON FUNCTION catalog.diagnose_scaleout() IS 'Checks server, certificate, master, workers; result is ok, warning or failed, with cause and cure';

CREATE FUNCTION catalog.explain_execution(execution_id bigint)
RETURNS TABLE (status integer, state text, reason text, cause text, cure text)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_entry';
COMMENT ON FUNCTION catalog.explain_execution(bigint) IS 'Why an execution waits, where it runs or why it failed, and what to do: one row';

-- They commit, so they are procedures, and must not have a SET clause.  Waiting
-- succeeds whatever became of the operation; running does not, because psql -c,
-- pg_cron and systemd look at errors only.
CREATE PROCEDURE catalog.wait_for_operation(operation_id bigint, timeout interval DEFAULT NULL, INOUT status integer DEFAULT NULL,
	raise_on_failure boolean DEFAULT false)
LANGUAGE C AS 'MODULE_PATHNAME', 'so_wait_for_operation';
COMMENT ON PROCEDURE catalog.wait_for_operation(bigint, interval, integer, boolean) IS 'Waits until the operation has ended or the time is up; returns its status, or fails when it did not succeed and raise_on_failure is true';

CREATE PROCEDURE catalog.run_package_and_wait(folder_name text, project_name text, package_name text, parameters jsonb DEFAULT '{}',
	retry_count integer DEFAULT 0, timeout interval DEFAULT NULL, INOUT execution_id bigint DEFAULT NULL, INOUT status integer DEFAULT NULL,
	raise_on_failure boolean DEFAULT true)
LANGUAGE C AS 'MODULE_PATHNAME', 'so_run_package_and_wait';
COMMENT ON PROCEDURE catalog.run_package_and_wait(text, text, text, jsonb, integer, interval, bigint, integer, boolean) IS 'Runs a package, commits, and waits until it has ended or the time is up; fails when it did not succeed, unless raise_on_failure is false';
