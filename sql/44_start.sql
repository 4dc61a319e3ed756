-- 44_start.sql
--
-- Starting and stopping: the last write of a user function to an operation,
-- and a request to the master.

CREATE FUNCTION internal.check_retry_count(retry_count integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF retry_count IS NULL THEN
		PERFORM internal.raise_error('SO102', 'retry_count must not be NULL');
	ELSIF retry_count NOT BETWEEN 0 AND 1000 THEN
		PERFORM internal.raise_error('SO103', format('%s is not allowed for retry_count', retry_count), 'It is a number from 0 to 1000.');
	END IF;
END
$$;
COMMENT ON FUNCTION internal.check_retry_count(integer) IS 'Refuses a retry count out of range';

CREATE FUNCTION internal.check_required_values(id bigint) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing text;
BEGIN
	SELECT string_agg(format('"%s"', v.parameter_name), ', ' ORDER BY v.object_type, v.parameter_name) INTO missing
	  FROM internal.execution_parameter_value v
	 WHERE v.execution_id = id AND v.required AND NOT v.value_set;
	IF missing IS NOT NULL THEN
		PERFORM internal.raise_error('SO127', format('execution %s has required parameters without a value', id),
			format('They are %s.', missing));
	END IF;
END
$$;
COMMENT ON FUNCTION internal.check_required_values(bigint) IS 'Refuses to start without required values';

CREATE FUNCTION internal.check_workers(id bigint) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT 1 FROM internal.execution_worker w WHERE w.execution_id = id) THEN
		PERFORM internal.raise_error('SO132', format('execution %s may not use any worker, and none was added', id));
	END IF;
	IF NOT internal.has_worker(id, false) THEN
		PERFORM internal.raise_error('SO132', format('none of the workers that were added to execution %s is registered any more', id));
	END IF;
END
$$;
COMMENT ON FUNCTION internal.check_workers(bigint) IS 'Refuses to start an execution that nobody may take';

-- For start_execution, and for explain_execution, which says it before.
CREATE FUNCTION internal.check_startable(execution internal.execution) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT 1 FROM internal.project p WHERE p.project_id = execution.project_id AND p.object_version_lsn = execution.project_version) THEN
		PERFORM internal.raise_error('SO124', format('project "%s" was deployed again or deleted after execution %s was created',
			execution.project_name, execution.execution_id));
	END IF;
	PERFORM internal.check_required_values(execution.execution_id);
	IF NOT execution.useanyworker THEN
		PERFORM internal.check_workers(execution.execution_id);
	END IF;
END
$$;
COMMENT ON FUNCTION internal.check_startable(internal.execution) IS 'Refuses to start what could not run';

-- A nightly job in a catalog that was restored somewhere would wait and say nothing.
CREATE FUNCTION internal.request_start(caller regrole, id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM internal.send_request(caller, 'start', id);
	IF NOT EXISTS (SELECT 1 FROM internal.binding b
					WHERE b.enabled AND b.system_identifier = internal.system_identifier()
					  AND b.database_oid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())) THEN
		RAISE WARNING 'execution % waits: scaleout is not enabled in this database', id
			USING ERRCODE = 'SO108', HINT = 'It is run when an administrator has run SELECT * FROM catalog.enable_scaleout();';
	END IF;
END
$$;
COMMENT ON FUNCTION internal.request_start(regrole, bigint) IS 'Asks the master to start an execution; warns where no master will come';

CREATE FUNCTION internal.start_execution(caller regrole, execution_id bigint, retry_count integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	execution internal.execution;
BEGIN
	PERFORM internal.require_executor(caller, 'start an execution');
	PERFORM internal.check_retry_count(retry_count);
	PERFORM internal.require_created(caller, execution_id, 'start this execution');
	SELECT * INTO STRICT execution FROM internal.execution e WHERE e.execution_id = start_execution.execution_id;
	PERFORM internal.check_startable(execution);
	UPDATE internal.operation o SET status = 5 WHERE o.operation_id = execution_id;
	IF retry_count <> execution.retry_count THEN
		UPDATE internal.execution e SET retry_count = start_execution.retry_count WHERE e.execution_id = start_execution.execution_id;
	END IF;
	PERFORM internal.request_start(caller, execution_id);
END
$$;
COMMENT ON FUNCTION internal.start_execution(regrole, bigint, integer) IS 'Behind catalog.start_execution';

-- A name may carry its scope as dtexec writes it: $Package::, $Project::, $ServerOption::.
CREATE FUNCTION internal.set_values_of_json(id bigint, parameters jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item record;
	object_type integer;
BEGIN
	IF jsonb_typeof(parameters) <> 'object' THEN
		PERFORM internal.raise_error('SO103', 'parameters must be a JSON object', 'It maps names to values, such as {"since": "2026-01-31"}.');
	END IF;
	FOR item IN SELECT p.key, p.value FROM jsonb_each(parameters) p LOOP
		object_type := CASE WHEN item.key LIKE '$Project::%' THEN 20 WHEN item.key LIKE '$ServerOption::%' THEN 50 ELSE 30 END;
		PERFORM internal.set_value(id, object_type, regexp_replace(item.key, '^\$(Package|Project|ServerOption)::', ''),
			item.value #>> '{}',
			CASE jsonb_typeof(item.value) WHEN 'number' THEN 'numeric'::regtype WHEN 'boolean' THEN 'boolean'::regtype
				WHEN 'string' THEN 'text'::regtype ELSE 'jsonb'::regtype END);
	END LOOP;
END
$$;
COMMENT ON FUNCTION internal.set_values_of_json(bigint, jsonb) IS 'Sets the values of a new execution from a JSON object';

CREATE FUNCTION internal.add_workers(id bigint, workers uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing uuid;
BEGIN
	SELECT a INTO missing FROM unnest(workers) a
	 WHERE NOT EXISTS (SELECT 1 FROM internal.worker_agent w WHERE w.agent_id = a) LIMIT 1;
	IF FOUND THEN
		PERFORM internal.raise_error('SO131', format('there is no worker agent %s', coalesce(missing::text, 'NULL')));
	END IF;
	INSERT INTO internal.execution_worker (execution_id, agent_id) SELECT DISTINCT id, a FROM unnest(workers) a;
END
$$;
COMMENT ON FUNCTION internal.add_workers(bigint, uuid[]) IS 'The workers that may take a new execution';

CREATE FUNCTION internal.run_package(caller regrole, folder_name text, project_name text, package_name text, parameters jsonb,
	retry_count integer, workers uuid[], runinscaleout boolean)
RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	any_worker CONSTANT boolean := workers IS NULL OR cardinality(workers) = 0;
	id bigint;
BEGIN
	PERFORM internal.require_executor(caller, 'run a package');
	PERFORM internal.check_retry_count(retry_count);
	id := internal.insert_execution(caller, folder_name, project_name, package_name, false, runinscaleout, any_worker, 5::smallint, retry_count);
	IF parameters <> '{}' THEN
		PERFORM internal.set_values_of_json(id, parameters);
	END IF;
	IF NOT any_worker THEN
		PERFORM internal.add_workers(id, workers);
	END IF;
	PERFORM internal.check_required_values(id);
	PERFORM internal.request_start(caller, id);
	RETURN id;
END
$$;
COMMENT ON FUNCTION internal.run_package(regrole, text, text, text, jsonb, integer, uuid[], boolean) IS 'Behind catalog.run_package';

CREATE FUNCTION internal.stop_operation(caller regrole, operation_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	operation internal.operation;
BEGIN
	PERFORM internal.require_value('operation_id', operation_id IS NULL);
	SELECT * INTO operation FROM internal.operation o WHERE o.operation_id = stop_operation.operation_id;
	IF NOT FOUND OR NOT internal.may_read_all(caller) AND operation.caller_oid <> caller::oid THEN
		PERFORM internal.raise_error('SO120', format('there is no operation %s', operation_id));
	END IF;
	PERFORM internal.require_own(caller, operation.caller_oid, operation_id, 'stop this operation');
	IF operation.status NOT IN (1, 2, 5)
		OR EXISTS (SELECT 1 FROM internal.request r WHERE r.operation_id = stop_operation.operation_id AND r.kind = 'stop') THEN
		PERFORM internal.raise_error('SO123', format('operation %s has ended or is being stopped', operation_id));
	END IF;
	IF operation.status = 1 THEN
		BEGIN
			-- Never started, so the master does not know it.
			PERFORM internal.require_created(caller, operation_id, 'stop this operation');
			UPDATE internal.operation o
			   SET status = 3, end_time = clock_timestamp(), stopped_by_name = pg_get_userbyid(caller)
			 WHERE o.operation_id = stop_operation.operation_id;
			RETURN;
		EXCEPTION WHEN SQLSTATE 'SO122' THEN
			-- Another session has started or stopped it meanwhile.  The
			-- subtransaction has released the row, which is the master's now.
			IF NOT EXISTS (SELECT 1 FROM internal.operation o WHERE o.operation_id = stop_operation.operation_id AND o.status IN (2, 5)) THEN
				PERFORM internal.raise_error('SO123', format('operation %s has ended or is being stopped', operation_id));
			END IF;
		END;
	END IF;
	PERFORM internal.send_request(caller, 'stop', operation_id);
END
$$;
COMMENT ON FUNCTION internal.stop_operation(regrole, bigint) IS 'Behind catalog.stop_operation';
