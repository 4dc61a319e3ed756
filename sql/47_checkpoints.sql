-- 47_checkpoints.sql
--
-- Checkpoints for people: deleting one, and what a restart would do.

CREATE FUNCTION internal.delete_checkpoint(caller regrole, checkpoint_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	chosen internal.checkpoint;
	owner oid;
BEGIN
	PERFORM internal.require_value('checkpoint_id', checkpoint_id IS NULL);
	SELECT * INTO chosen FROM internal.checkpoint c WHERE c.checkpoint_id = delete_checkpoint.checkpoint_id;
	SELECT o.caller_oid INTO owner FROM internal.operation o WHERE o.operation_id = chosen.owner_execution;
	IF chosen.checkpoint_id IS NULL OR NOT internal.may_read_all(caller) AND owner IS DISTINCT FROM caller::oid THEN
		PERFORM internal.raise_error('SO144', format('there is no checkpoint %s', checkpoint_id));
	END IF;
	-- Whose execution is gone by retention is left to administrators.
	PERFORM internal.require_own(caller, coalesce(owner, 0), chosen.owner_execution, 'delete this checkpoint');
	IF internal.checkpoint_is_live(chosen.owner_execution) THEN
		PERFORM internal.raise_error('SO145', format('checkpoint %s is in use by execution %s', checkpoint_id, chosen.owner_execution));
	END IF;
	PERFORM internal.send_request(caller, 'delete_checkpoint', NULL, NULL, jsonb_build_object('checkpoint_id', checkpoint_id));
END
$$;
COMMENT ON FUNCTION internal.delete_checkpoint(regrole, bigint) IS 'Behind catalog.delete_checkpoint';

-- What scaleout-loader is asked: the execution as a worker would get it, and
-- every checkpoint of the package, because only the loader can evaluate the name.
CREATE FUNCTION internal.restart_question(id bigint) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	override CONSTANT text := coalesce((SELECT v.parameter_value FROM internal.execution_parameter_value v
										 WHERE v.execution_id = id AND v.object_type = 50 AND v.parameter_name = 'CHECKPOINT_OVERRIDE'), 'refuse');
BEGIN
	RETURN (SELECT json_build_object('restart_plan', json_build_object(
				'task', json_build_object('package', e.package_name, 'execution_id', id, 'task', e.chain_id, 'attempt', 1,
					'parameters', internal.task_parameters(id), 'property_overrides', internal.task_overrides(id),
					'connection_strings', '[]'::json, 'project_document', p.document),
				'checkpoints', coalesce((SELECT json_agg(json_build_object('package', c.package_name, 'name', c.name,
									'own', c.begun_execution = id, 'override', override,
									'reply', internal.checkpoint_open(id, jsonb_build_object('package', c.package_name, 'name', c.name,
																	 'look_only', true, 'content_hash', c.content_hash))::json))
						  FROM internal.checkpoint c
						 WHERE c.project_id = e.project_id AND c.package_name = e.package_name), '[]')))::text
			  FROM internal.execution e JOIN internal.project_version p ON p.object_version_lsn = e.project_version
			 WHERE e.execution_id = id);
END
$$;
COMMENT ON FUNCTION internal.restart_question(bigint) IS 'Input of scaleout-loader for a restart plan; holds secrets in plain';

CREATE FUNCTION internal.restart_plan(caller regrole, execution_id bigint)
RETURNS TABLE (step integer, package_path text, action text, reason text, attempt integer, finished_time timestamptz, items_done integer)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	owner oid;
	said text;
	answer jsonb;
BEGIN
	PERFORM internal.require_value('execution_id', execution_id IS NULL);
	SELECT o.caller_oid INTO owner FROM internal.operation o
	 WHERE o.operation_id = restart_plan.execution_id AND o.operation_type = 200;
	IF NOT FOUND OR NOT internal.may_read_all(caller) AND owner <> caller::oid THEN
		PERFORM internal.raise_error('SO121', format('there is no execution %s', execution_id));
	END IF;
	said := internal.run_loader(internal.restart_question(execution_id));
	BEGIN
		answer := said::jsonb;
	EXCEPTION WHEN invalid_text_representation OR untranslatable_character THEN
		PERFORM internal.raise_error('SO118', 'the loader''s answer is not JSON', format('It said: %s', left(said, 500)));
	END;
	IF answer ? 'error' THEN
		PERFORM internal.raise_error(answer #>> '{error,code}', answer #>> '{error,message}', nullif(answer #>> '{error,detail}', ''),
			nullif(answer #>> '{error,hint}', ''));
	END IF;
	RETURN QUERY
	SELECT 0, NULL::text,
		   CASE WHEN (answer #>> '{plan,refused}')::boolean THEN 'refused' WHEN (answer #>> '{plan,restarts}')::boolean THEN 'restart' ELSE 'start' END,
		   answer #>> '{plan,summary}', (answer #>> '{plan,attempt}')::integer,
		   to_timestamp((answer #>> '{plan,updated_us}')::numeric / 1000000), NULL::integer
	UNION ALL
	SELECT s.n::integer, s.one ->> 'path', s.one ->> 'action', s.one ->> 'reason', (s.one ->> 'attempt')::integer,
		   to_timestamp((s.one ->> 'finished_us')::numeric / 1000000), (s.one ->> 'items_done')::integer
	  FROM jsonb_array_elements(answer #> '{plan,steps}') WITH ORDINALITY AS s (one, n);
END
$$;
COMMENT ON FUNCTION internal.restart_plan(regrole, bigint) IS 'Behind catalog.restart_plan';
