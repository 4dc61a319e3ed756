-- 42_executions.sql
--
-- Executions until they are started.  The functions write only rows that the
-- master does not know yet, and leave a request for it.

CREATE TABLE internal.system_parameter (
	parameter_name text PRIMARY KEY,
	data_type text NOT NULL,
	low numeric,
	high numeric,
	description text NOT NULL
);
COMMENT ON TABLE internal.system_parameter IS 'Parameters of object type 50; constant';
INSERT INTO internal.system_parameter (parameter_name, data_type, low, high, description) VALUES
	('LOGGING_LEVEL', 'int32', 0, 100, '0 None, 1 Basic, 2 Performance, 3 Verbose, 4 RuntimeLineage, 100 customized'),
	('CUSTOMIZED_LOGGING_LEVEL', 'string', NULL, NULL, 'Name of the customized level when LOGGING_LEVEL is 100'),
	('DUMP_ON_ERROR', 'boolean', NULL, NULL, 'Write a dump at any error'),
	('DUMP_ON_EVENT', 'boolean', NULL, NULL, 'Write a dump at the events of DUMP_EVENT_CODE'),
	('DUMP_EVENT_CODE', 'string', NULL, NULL, 'Codes separated by semicolons'),
	('CALLER_INFO', 'string', NULL, NULL, 'Who or what called, for people'),
	('SYNCHRONIZED', 'boolean', NULL, NULL, 'Stored; waiting is CALL catalog.run_package_and_wait'),
	('MAX_LOST_ATTEMPTS', 'int32', 0, 1000, 'How many times the execution may lose its worker'),
	('REQUIRED_TAGS', 'string', NULL, NULL, 'Tags that a worker must have to run it, separated by commas'),
	('CHECKPOINT_OVERRIDE', 'string', NULL, NULL, 'What to do with a checkpoint of other values or content: refuse, continue (with the checkpoint''s values) or discard'),
	('LEASE_INTERVAL_MS', 'int32', 500, 86400000, 'Time that a task belongs to a worker without a renewal, in milliseconds');

-- Everything about a package that an execution needs, in one row.
CREATE FUNCTION internal.find_package(folder_name text, project_name text, package_name text,
	OUT project_id bigint, OUT version bigint, OUT package_id bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	entry_point boolean;
BEGIN
	SELECT p.project_id, p.object_version_lsn, k.package_id, k.entry_point
	  INTO project_id, version, package_id, entry_point
	  FROM internal.folder f
	  JOIN internal.project p ON p.folder_id = f.folder_id
	  JOIN internal.package k ON k.project_id = p.project_id
	 WHERE f.name = folder_name AND p.name = project_name AND k.name = package_name;
	IF NOT FOUND THEN
		PERFORM internal.require_value('package_name', package_name IS NULL);
		PERFORM internal.project_id_of(folder_name, project_name);
		PERFORM internal.raise_error('SO113', format('there is no package "%s" in project "%s"', package_name, project_name));
	END IF;
	IF NOT entry_point THEN
		PERFORM internal.raise_error('SO128', format('package "%s" cannot be started directly', package_name));
	END IF;
END
$$;
COMMENT ON FUNCTION internal.find_package(text, text, text) IS 'The package, or why there is none';

-- Values of a new execution: server values, else the design's; a required
-- parameter gets none from the design.
CREATE FUNCTION internal.copy_parameters(execution bigint, project bigint, package_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO internal.execution_parameter_value (execution_id, object_type, parameter_name, parameter_data_type, sensitive, required,
													value_set, parameter_value, parameter_secret)
	SELECT execution, o.object_type, o.parameter_name, o.data_type, o.sensitive, o.required, o.value_set,
		   CASE WHEN o.value_set AND NOT o.sensitive THEN o.default_value WHEN NOT o.required THEN o.design_default_value END,
		   CASE WHEN o.value_set AND o.sensitive THEN
				internal.encrypt_secret(o.project_id,
					internal.decrypt_secret(o.default_secret, internal.secret_of_parameter(o.project_id, o.object_type, o.object_name, o.parameter_name)),
					internal.secret_of_execution(execution, o.object_type, o.parameter_name)) END
	  FROM internal.object_parameter o
	 WHERE o.project_id = project AND (o.object_type = 20 OR o.object_type = 30 AND o.object_name = package_name);
	INSERT INTO internal.execution_parameter_value (execution_id, object_type, parameter_name, parameter_data_type, parameter_value)
	VALUES (execution, 50, 'LOGGING_LEVEL', 'int32', internal.property('SERVER_LOGGING_LEVEL'));
END
$$;
COMMENT ON FUNCTION internal.copy_parameters(bigint, bigint, text) IS 'Gives a new execution its parameter values';

-- Inserts a new execution: created, or pending for run_package.
CREATE FUNCTION internal.insert_execution(caller regrole, folder_name text, project_name text, package_name text, use32bitruntime boolean,
	runinscaleout boolean, useanyworker boolean, first_status smallint, retry_count integer)
RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller_name CONSTANT name := pg_get_userbyid(caller);
	found_package record;
	id bigint;
BEGIN
	found_package := internal.find_package(folder_name, project_name, package_name);
	INSERT INTO internal.operation (operation_type, status, object_type, object_id, project_id, caller_oid, caller_name)
	VALUES (200, first_status, 20, found_package.project_id, found_package.project_id, caller, caller_name)
	RETURNING operation_id INTO id;
	INSERT INTO internal.execution (execution_id, folder_name, project_name, package_name, project_id, project_version, executed_as_name,
									use32bitruntime, object_id, runinscaleout, useanyworker, retry_count, max_lost_attempts)
	VALUES (id, folder_name, project_name, package_name, found_package.project_id, found_package.version, caller_name,
			coalesce(use32bitruntime, false), found_package.package_id,
			coalesce(runinscaleout, internal.property('DEFAULT_EXECUTION_MODE') = '1'), coalesce(useanyworker, true), retry_count,
			current_setting('scaleout.max_lost_attempts')::integer);
	PERFORM internal.copy_parameters(id, found_package.project_id, package_name);
	RETURN id;
END
$$;
COMMENT ON FUNCTION internal.insert_execution(regrole, text, text, text, boolean, boolean, boolean, smallint, integer) IS 'Inserts operation, execution and parameter values';

CREATE FUNCTION internal.create_execution(caller regrole, folder_name text, project_name text, package_name text, reference_id bigint,
	use32bitruntime boolean, runinscaleout boolean, useanyworker boolean)
RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM internal.require_executor(caller, 'create an execution');
	IF reference_id IS NOT NULL THEN
		PERFORM internal.raise_error('SO129', format('there is no environment reference %s', reference_id));
	END IF;
	RETURN internal.insert_execution(caller, folder_name, project_name, package_name, use32bitruntime, runinscaleout, useanyworker,
									 1::smallint, 0);
END
$$;
COMMENT ON FUNCTION internal.create_execution(regrole, text, text, text, bigint, boolean, boolean, boolean) IS 'Behind catalog.create_execution';

CREATE FUNCTION internal.require_own(caller regrole, owner oid, id bigint, what text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF owner <> caller::oid AND NOT pg_has_role(caller, 'ssis_admin', 'usage') THEN
		PERFORM internal.raise_error('SO104', format('permission denied to %s', what),
			format('Operation %s belongs to role "%s".', id, pg_get_userbyid(owner)));
	END IF;
END
$$;
COMMENT ON FUNCTION internal.require_own(regrole, oid, bigint, text) IS 'Refuses whoever is neither owner nor administrator';

-- Locks the operation against a start at the same time.  Nothing that the
-- master writes is locked: it does not write an operation before its start.
CREATE FUNCTION internal.require_created(caller regrole, id bigint, what text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	owner oid;
	state smallint;
BEGIN
	PERFORM internal.require_value('execution_id', id IS NULL);
	SELECT o.caller_oid, o.status INTO owner, state
	  FROM internal.operation o WHERE o.operation_id = id AND o.operation_type = 200;
	IF NOT FOUND OR NOT internal.may_read_all(caller) AND owner <> caller::oid THEN
		PERFORM internal.raise_error('SO121', format('there is no execution %s', id));
	END IF;
	PERFORM internal.require_own(caller, owner, id, what);
	IF state = 1 THEN
		PERFORM 1 FROM internal.operation o WHERE o.operation_id = id AND o.status = 1 FOR NO KEY UPDATE;
		IF FOUND THEN
			RETURN;
		END IF;
	END IF;
	PERFORM internal.raise_error('SO122', format('execution %s was started already', id));
END
$$;
COMMENT ON FUNCTION internal.require_created(regrole, bigint, text) IS 'Refuses an execution that is missing, foreign or started';

-- System parameters that are columns of the execution.
CREATE FUNCTION internal.apply_system_value(id bigint, name text, value text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known internal.system_parameter;
BEGIN
	SELECT * INTO known FROM internal.system_parameter s WHERE s.parameter_name = name;
	IF known.low IS NOT NULL AND value::numeric NOT BETWEEN known.low AND known.high
		OR name = 'LOGGING_LEVEL' AND value NOT IN ('0', '1', '2', '3', '4', '100')
		OR name = 'CHECKPOINT_OVERRIDE' AND value NOT IN ('refuse', 'continue', 'discard') THEN
		PERFORM internal.raise_error('SO103', format('%s is not allowed for %s', value, name), known.description);
	END IF;
	IF name = 'MAX_LOST_ATTEMPTS' THEN
		UPDATE internal.execution e SET max_lost_attempts = value::integer WHERE e.execution_id = id;
	ELSIF name = 'LEASE_INTERVAL_MS' THEN
		UPDATE internal.execution e SET lease_interval_ms = value::integer WHERE e.execution_id = id;
	ELSIF name = 'REQUIRED_TAGS' THEN
		UPDATE internal.execution e SET required_tags = nullif(btrim(value), '') WHERE e.execution_id = id;
	END IF;
END
$$;
COMMENT ON FUNCTION internal.apply_system_value(bigint, text, text) IS 'Checks a system parameter and carries it into the execution';

-- Values travel in every lease; a file or a table is the place for more.
CREATE FUNCTION internal.require_value_size(name text, value text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF octet_length(value) > 1048576 THEN
		PERFORM internal.raise_error('SO103', format('the value of "%s" has %s bytes', left(name, 200), octet_length(value)),
			'A value may have 1 MB. Put more into a file or a table, and give its name.');
	END IF;
END
$$;
COMMENT ON FUNCTION internal.require_value_size(text, text) IS 'Refuses a parameter or property value that is too large to be sent to workers';

CREATE FUNCTION internal.set_value(id bigint, object_type integer, parameter_name text, parameter_value text, value_type regtype) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	declared_type text;
	is_sensitive boolean := false;
	canonical text;
BEGIN
	PERFORM internal.require_value('object_type', object_type IS NULL);
	PERFORM internal.require_value('parameter_name', parameter_name IS NULL);
	IF object_type = 50 THEN
		SELECT s.data_type INTO declared_type FROM internal.system_parameter s WHERE s.parameter_name = set_value.parameter_name;
	ELSIF object_type IN (20, 30) THEN
		SELECT v.parameter_data_type, v.sensitive INTO declared_type, is_sensitive FROM internal.execution_parameter_value v
		 WHERE v.execution_id = id AND v.object_type = set_value.object_type AND v.parameter_name = set_value.parameter_name;
	ELSE
		PERFORM internal.raise_error('SO103', format('%s is not an object type of parameters', object_type),
			'20 is a parameter of the project, 30 of the package, 50 of the execution itself.');
	END IF;
	IF declared_type IS NULL THEN
		PERFORM internal.raise_error('SO125', format('execution %s has no parameter "%s" of object type %s', id, parameter_name, object_type),
			(SELECT 'It has ' || string_agg(format('"%s"', n), ', ' ORDER BY n) || '.'
			   FROM (SELECT v.parameter_name FROM internal.execution_parameter_value v
					  WHERE v.execution_id = id AND v.object_type = set_value.object_type AND v.object_type <> 50
					 UNION ALL
					 SELECT s.parameter_name FROM internal.system_parameter s WHERE set_value.object_type = 50) t (n)));
	END IF;
	PERFORM internal.require_value_size(parameter_name, parameter_value);
	canonical := internal.canonical_value(parameter_name, declared_type, parameter_value, value_type);
	IF object_type = 50 THEN
		PERFORM internal.apply_system_value(id, parameter_name, canonical);
	END IF;
	INSERT INTO internal.execution_parameter_value AS v (execution_id, object_type, parameter_name, parameter_data_type, sensitive,
														 parameter_value, parameter_secret, value_set, runtime_override)
	VALUES (id, object_type, parameter_name, declared_type, is_sensitive, CASE WHEN NOT is_sensitive THEN canonical END,
			CASE WHEN is_sensitive THEN
				internal.encrypt_secret((SELECT e.project_id FROM internal.execution e WHERE e.execution_id = id), canonical,
					internal.secret_of_execution(id, object_type::smallint, parameter_name)) END,
			true, true)
		ON CONFLICT ON CONSTRAINT execution_parameter_value_pkey DO UPDATE
	   SET parameter_value = EXCLUDED.parameter_value, parameter_secret = EXCLUDED.parameter_secret,
		   value_set = true, runtime_override = true;
END
$$;
COMMENT ON FUNCTION internal.set_value(bigint, integer, text, text, regtype) IS 'Stores a value of an execution that is known to be unstarted';

CREATE FUNCTION internal.set_execution_parameter_value(caller regrole, execution_id bigint, object_type integer, parameter_name text,
	parameter_value text, value_type regtype DEFAULT 'pg_catalog.text')
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM internal.require_created(caller, execution_id, 'set a parameter of this execution');
	PERFORM internal.set_value(execution_id, object_type, parameter_name, parameter_value, value_type);
END
$$;
COMMENT ON FUNCTION internal.set_execution_parameter_value(regrole, bigint, integer, text, text, regtype) IS 'Behind catalog.set_execution_parameter_value';

CREATE FUNCTION internal.set_execution_property_override_value(caller regrole, execution_id bigint, property_path text, property_value text,
	sensitive boolean)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM internal.require_created(caller, execution_id, 'set a property of this execution');
	PERFORM internal.require_value('property_path', property_path IS NULL);
	PERFORM internal.require_value('property_value', property_value IS NULL);
	PERFORM internal.require_value('sensitive', sensitive IS NULL);
	IF property_path !~ '^\\Package' OR length(property_path) > 4000 THEN
		PERFORM internal.raise_error('SO103', format('"%s" is not a property path', left(property_path, 200)),
			'A property path is \Package, the names of containers and tasks, and .Properties[name].');
	END IF;
	PERFORM internal.require_value_size(property_path, property_value);
	INSERT INTO internal.execution_property_override (execution_id, property_path, property_value, property_secret, sensitive)
	VALUES (execution_id, property_path, CASE WHEN NOT sensitive THEN property_value END,
			CASE WHEN sensitive THEN
				internal.encrypt_secret((SELECT e.project_id FROM internal.execution e
										  WHERE e.execution_id = set_execution_property_override_value.execution_id), property_value,
					internal.secret_of_override(execution_id, property_path)) END,
			sensitive)
		ON CONFLICT ON CONSTRAINT execution_property_override_execution_id_property_path_key DO UPDATE
	   SET property_value = EXCLUDED.property_value, property_secret = EXCLUDED.property_secret, sensitive = EXCLUDED.sensitive;
END
$$;
COMMENT ON FUNCTION internal.set_execution_property_override_value(regrole, bigint, text, text, boolean) IS 'Behind catalog.set_execution_property_override_value';

CREATE FUNCTION internal.add_execution_worker(caller regrole, execution_id bigint, workeragent_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM internal.require_created(caller, execution_id, 'add a worker to this execution');
	PERFORM internal.require_value('workeragent_id', workeragent_id IS NULL);
	IF NOT EXISTS (SELECT 1 FROM internal.execution e WHERE e.execution_id = add_execution_worker.execution_id AND e.runinscaleout) THEN
		PERFORM internal.raise_error('SO130', format('execution %s does not run in Scale Out', execution_id));
	END IF;
	IF NOT EXISTS (SELECT 1 FROM internal.worker_agent w WHERE w.agent_id = workeragent_id) THEN
		PERFORM internal.raise_error('SO131', format('there is no worker agent %s', workeragent_id));
	END IF;
	INSERT INTO internal.execution_worker (execution_id, agent_id) VALUES (execution_id, workeragent_id)
		ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION internal.add_execution_worker(regrole, bigint, uuid) IS 'Behind catalog.add_execution_worker';
