-- 36_deploy.sql
--
-- Deployment: documents are checked and made canonical by scaleout-loader in a
-- process of its own, then stored as a new version of the project.

CREATE TYPE catalog.package_table_type AS (
	name text,
	package_data jsonb
);
COMMENT ON TYPE catalog.package_table_type IS 'A package to deploy: its name and its document';

-- The whole project as it will be: the packages of the current version, with
-- those of this deployment in their place.
CREATE FUNCTION internal.merged_project(current_version bigint, project_name text, packages catalog.package_table_type[],
	project_document jsonb)
RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	document jsonb;
	merged jsonb;
BEGIN
	SELECT v.document INTO document FROM internal.project_version v WHERE v.object_version_lsn = current_version;
	SELECT coalesce(document -> 'packages', '{}') || jsonb_object_agg(p.name, p.package_data)
	  INTO merged FROM unnest(packages) p;
	RETURN jsonb_build_object('format_version', 1, 'name', project_name, 'packages', merged)
		|| CASE WHEN coalesce(project_document, document -> 'project') IS NULL THEN '{}'
				ELSE jsonb_build_object('project', coalesce(project_document, document -> 'project')) END;
END
$$;
COMMENT ON FUNCTION internal.merged_project(bigint, text, catalog.package_table_type[], jsonb) IS 'The project document after a deployment, not yet checked';

CREATE FUNCTION internal.findings_as_text(findings jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(concat(f ->> 'code', ' ', f ->> 'pointer', ': ', f ->> 'message', '. ' || nullif(f ->> 'hint', '')), E'\n' ORDER BY n)
	  FROM (SELECT e.f, row_number() OVER (ORDER BY e.n) AS n FROM jsonb_array_elements(findings) WITH ORDINALITY AS e (f, n)
			 WHERE e.f ->> 'severity' = 'error') t
	 WHERE n <= 50
$$;
COMMENT ON FUNCTION internal.findings_as_text(jsonb) IS 'Errors that the loader found, for people, at most 50';

-- The loader's answer {"ok", "canonical", "packages", "project_parameters" ...}
-- (runner/loader_main.c), or SO116.
CREATE FUNCTION internal.load_documents(document jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	answer jsonb;
	said text := internal.run_loader(document::text);
BEGIN
	BEGIN
		answer := said::jsonb;
	EXCEPTION WHEN invalid_text_representation OR untranslatable_character THEN
		PERFORM internal.raise_error('SO118', 'the loader''s answer is not JSON', format('It said: %s', left(said, 500)));
	END;
	IF NOT coalesce((answer ->> 'ok')::boolean, false) THEN
		PERFORM internal.raise_error('SO116', format('the documents of project "%s" have errors', document ->> 'name'),
			internal.findings_as_text(answer -> 'findings'));
	END IF;
	RETURN answer;
END
$$;
COMMENT ON FUNCTION internal.load_documents(jsonb) IS 'Checks a project document: canonical form and what it declares, or SO116';

CREATE FUNCTION internal.store_packages(project bigint, answer jsonb) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	DELETE FROM internal.package k
	 WHERE k.project_id = project AND NOT answer #> '{canonical,packages}' ? k.name;
	INSERT INTO internal.package AS k (project_id, name, package_guid, description, package_format_version, version_major, version_minor,
									   version_build, version_comments, version_guid, entry_point, required_task_types)
	SELECT project, p ->> 'name', (p ->> 'id')::uuid, p ->> 'description', (answer #>> '{canonical,format_version}')::integer,
		   coalesce((p ->> 'version_major')::integer, 1), coalesce((p ->> 'version_minor')::integer, 0),
		   coalesce((p ->> 'version_build')::integer, 0), p ->> 'version_comments', (p ->> 'version_guid')::uuid,
		   coalesce((p ->> 'entry_point')::boolean, true), ARRAY(SELECT jsonb_array_elements_text(p -> 'task_types'))
	  FROM jsonb_array_elements(answer -> 'packages') p
		ON CONFLICT (project_id, name) DO UPDATE
	   SET package_guid = EXCLUDED.package_guid, description = EXCLUDED.description,
		   package_format_version = EXCLUDED.package_format_version, version_major = EXCLUDED.version_major,
		   version_minor = EXCLUDED.version_minor, version_build = EXCLUDED.version_build,
		   version_comments = EXCLUDED.version_comments, version_guid = EXCLUDED.version_guid, entry_point = EXCLUDED.entry_point,
		   required_task_types = EXCLUDED.required_task_types, validation_status = 'N', last_validation_time = NULL
$$;
COMMENT ON FUNCTION internal.store_packages(bigint, jsonb) IS 'Replaces the packages of a project by those of the loader''s answer';

CREATE FUNCTION internal.parameters_of(project_name text, answer jsonb)
RETURNS TABLE (object_type smallint, object_name text, name text, data_type text, required boolean, sensitive boolean, description text,
			   design_default text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT t.object_type, t.object_name, q ->> 'name', coalesce(q ->> 'type', 'string'), (q ->> 'required')::boolean,
		   (q ->> 'sensitive')::boolean, q ->> 'description', q ->> 'default'
	  FROM (SELECT 20::smallint AS object_type, project_name AS object_name, answer -> 'project_parameters' AS list
			UNION ALL
			SELECT 30::smallint, p ->> 'name', p -> 'parameters' FROM jsonb_array_elements(answer -> 'packages') p) t
	 CROSS JOIN LATERAL jsonb_array_elements(t.list) q
$$;
COMMENT ON FUNCTION internal.parameters_of(text, jsonb) IS 'Parameters in the loader''s answer';

-- A server value survives a deployment when its parameter keeps type and sensitivity.
CREATE FUNCTION internal.store_parameters(project bigint, project_name text, answer jsonb) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	DELETE FROM internal.object_parameter o
	 WHERE o.project_id = project
	   AND NOT EXISTS (SELECT 1 FROM internal.parameters_of(project_name, answer) q
						WHERE q.object_type = o.object_type AND q.object_name = o.object_name AND q.name = o.parameter_name
						  AND q.data_type = o.data_type AND q.sensitive = o.sensitive);
	INSERT INTO internal.object_parameter (project_id, object_type, object_name, parameter_name, data_type, required, sensitive,
										   description, design_default_value)
	SELECT project, q.object_type, q.object_name, q.name, q.data_type, q.required, q.sensitive, q.description, q.design_default
	  FROM internal.parameters_of(project_name, answer) q
		ON CONFLICT (project_id, object_type, object_name, parameter_name) DO UPDATE
	   SET required = EXCLUDED.required, description = EXCLUDED.description, design_default_value = EXCLUDED.design_default_value
$$;
COMMENT ON FUNCTION internal.store_parameters(bigint, text, jsonb) IS 'Replaces the parameters of a project by those of the loader''s answer';

CREATE FUNCTION internal.check_deployment(packages_table catalog.package_table_type[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	twice text;
BEGIN
	IF packages_table IS NULL OR cardinality(packages_table) = 0 THEN
		PERFORM internal.raise_error('SO117');
	END IF;
	PERFORM internal.check_name('package name', p.name, 260),
			internal.require_value(format('package_data of package "%s"', p.name), p.package_data IS NULL)
	   FROM unnest(packages_table) p;
	SELECT p.name INTO twice FROM unnest(packages_table) p GROUP BY p.name HAVING count(*) > 1 LIMIT 1;
	IF FOUND THEN
		PERFORM internal.raise_error('SO103', format('package "%s" is given twice', twice), 'Every package has one document.');
	END IF;
END
$$;
COMMENT ON FUNCTION internal.check_deployment(catalog.package_table_type[]) IS 'Refuses an empty, incomplete or contradictory list of packages';

CREATE FUNCTION internal.deploy_packages(caller regrole, folder_name text, project_name text, packages_table catalog.package_table_type[],
	project_document jsonb)
RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	caller_name CONSTANT name := pg_get_userbyid(caller);
	started CONSTANT timestamptz := clock_timestamp();
	project internal.project;
	answer jsonb;
	document jsonb;
	hash text;
	version bigint;
	operation bigint;
BEGIN
	PERFORM internal.require_admin(caller, 'deploy packages');
	PERFORM internal.check_name('project_name', project_name);
	PERFORM internal.check_deployment(packages_table);
	INSERT INTO internal.project (folder_id, name) VALUES (internal.folder_id_of(folder_name), project_name)
		ON CONFLICT (folder_id, name) DO NOTHING;
	-- One deployment of a project at a time; the master never writes this row.
	SELECT * INTO project FROM internal.project p
	 WHERE p.folder_id = internal.folder_id_of(folder_name) AND p.name = project_name FOR NO KEY UPDATE;

	answer := internal.load_documents(
		internal.merged_project(project.object_version_lsn, project_name, packages_table, project_document));
	document := answer -> 'canonical';
	hash := encode(sha256(convert_to(document::text, 'UTF8')), 'hex');
	INSERT INTO internal.project_version (project_id, project_name, description, content_hash, document, created_by)
	VALUES (project.project_id, project_name, answer ->> 'project_description', hash, document, caller_name)
	RETURNING object_version_lsn INTO version;
	UPDATE internal.project p
	   SET object_version_lsn = version, content_hash = hash, description = answer ->> 'project_description',
		   project_format_version = (document ->> 'format_version')::integer, deployed_by = caller_name,
		   last_deployed_time = clock_timestamp(), validation_status = 'N', last_validation_time = NULL
	 WHERE p.project_id = project.project_id;
	PERFORM internal.store_packages(project.project_id, answer);
	PERFORM internal.store_parameters(project.project_id, project_name, answer);
	INSERT INTO internal.operation (operation_type, status, object_type, object_id, object_name, project_id, start_time, end_time,
									caller_oid, caller_name, process_id)
	VALUES (101, 7, 20, project.project_id, project_name, project.project_id, started, clock_timestamp(),
			caller, caller_name, pg_backend_pid())
	RETURNING operation_id INTO operation;
	RETURN operation;
END
$$;
COMMENT ON FUNCTION internal.deploy_packages(regrole, text, text, catalog.package_table_type[], jsonb) IS 'Behind catalog.deploy_packages';
