-- 30_support.sql
--
-- What the functions behind the API share: raising coded errors, waking the
-- master, secrets, and the rules about names and rights.

CREATE FUNCTION internal.raise_error(code text, message text DEFAULT NULL, detail text DEFAULT NULL, hint text DEFAULT NULL)
RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'so_raise_error';
COMMENT ON FUNCTION internal.raise_error(text, text, text, text) IS 'Raises an error of the common table; message and hint come from the table when NULL';

CREATE FUNCTION internal.wake_master() RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_wake_master';
COMMENT ON FUNCTION internal.wake_master() IS 'Wakes the master when this transaction commits';

CREATE FUNCTION internal.encrypt_secret(project bigint, plain text, bound_to text) RETURNS bytea
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_encrypt_secret';
COMMENT ON FUNCTION internal.encrypt_secret(bigint, text, text) IS 'AES-256-GCM with the data key of the project; bound_to names the row';

CREATE FUNCTION internal.decrypt_secret(secret bytea, bound_to text) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_decrypt_secret';
COMMENT ON FUNCTION internal.decrypt_secret(bytea, text) IS 'The inverse of encrypt_secret; for the lease only';

-- The texts that secrets are bound to.
CREATE FUNCTION internal.secret_of_execution(execution_id bigint, object_type smallint, parameter_name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN format('execution_parameter_value/%s/%s/%s', execution_id, object_type, parameter_name);
END
$$;
COMMENT ON FUNCTION internal.secret_of_execution(bigint, smallint, text) IS 'bound_to of execution_parameter_value.parameter_secret';

CREATE FUNCTION internal.secret_of_override(execution_id bigint, property_path text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN format('execution_property_override/%s/%s', execution_id, property_path);
END
$$;
COMMENT ON FUNCTION internal.secret_of_override(bigint, text) IS 'bound_to of execution_property_override.property_secret';

CREATE FUNCTION internal.secret_of_parameter(project_id bigint, object_type smallint, object_name text, parameter_name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN format('object_parameter/%s/%s/%s/%s', project_id, object_type, object_name, parameter_name);
END
$$;
COMMENT ON FUNCTION internal.secret_of_parameter(bigint, smallint, text, text) IS 'bound_to of object_parameter.default_secret';

CREATE FUNCTION internal.run_loader(input text) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_run_loader';
COMMENT ON FUNCTION internal.run_loader(text) IS 'Runs scaleout-loader as a child process: one JSON document in, one out';

CREATE FUNCTION internal.system_identifier() RETURNS bigint
LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'so_system_identifier';
COMMENT ON FUNCTION internal.system_identifier() IS 'System identifier of this cluster';

CREATE FUNCTION internal.write_binding(token uuid) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_write_binding';
COMMENT ON FUNCTION internal.write_binding(uuid) IS 'Writes the token file that binds this data directory and this database';

CREATE FUNCTION internal.read_binding_token() RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_read_binding_token';
COMMENT ON FUNCTION internal.read_binding_token() IS 'Token of the token file when it is for this data directory and this database, else NULL';

CREATE FUNCTION internal.bound_database() RETURNS oid
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_bound_database';
COMMENT ON FUNCTION internal.bound_database() IS 'The database that the token file names, when it is for this server, else NULL';

CREATE FUNCTION internal.mark_active(database oid, active boolean) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_mark_active';
COMMENT ON FUNCTION internal.mark_active(oid, boolean) IS 'Sets or removes the security label by which the launcher finds the active catalog';

CREATE FUNCTION internal.prepare_security_directory() RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_prepare_security_directory';
COMMENT ON FUNCTION internal.prepare_security_directory() IS 'Makes the directory for keys when it is missing; true when it did';

CREATE FUNCTION internal.prepare_certificate() RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_prepare_certificate';
COMMENT ON FUNCTION internal.prepare_certificate() IS 'Makes the master''s certificate and key when they are missing; true when it did';

CREATE FUNCTION internal.prepare_encryption_key(wanted text) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_prepare_encryption_key';
COMMENT ON FUNCTION internal.prepare_encryption_key(text) IS 'Makes the encryption key when it is missing (true) and none is wanted; else checks that it is the one with this fingerprint';

CREATE FUNCTION internal.encryption_key_fingerprint(wanted text) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_encryption_key_fingerprint';
COMMENT ON FUNCTION internal.encryption_key_fingerprint(text) IS 'Fingerprint of the encryption key, which must be the wanted one unless that is NULL';

CREATE FUNCTION internal.exchange_encryption_key(wanted text) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_exchange_encryption_key';
COMMENT ON FUNCTION internal.exchange_encryption_key(text) IS 'Makes a new encryption key, which takes the place of the wanted one at commit; its fingerprint';

CREATE FUNCTION internal.rewrap_data_key(data_key_id bigint, project_id bigint, wrapped bytea, fingerprint text) RETURNS bytea
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_rewrap_data_key';
COMMENT ON FUNCTION internal.rewrap_data_key(bigint, bigint, bytea, text) IS 'A data key, wrapped with the key that exchange_encryption_key has made';

CREATE FUNCTION internal.read_certificate(pem text, OUT thumbprint text, OUT agent_id uuid, OUT subject text,
	OUT names text[], OUT not_before timestamptz, OUT not_after timestamptz)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_read_certificate';
COMMENT ON FUNCTION internal.read_certificate(text) IS 'What a PEM certificate says; the master''s own when NULL';

CREATE FUNCTION internal.master_news(OUT library_version text, OUT launcher boolean, OUT held boolean, OUT process_id integer, OUT database oid,
	OUT refusal text, OUT failed_time timestamptz, OUT code text, OUT message text, OUT detail text, OUT hint text,
	OUT addresses text, OUT port integer, OUT thumbprint text, OUT trouble text)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_master_news';
COMMENT ON FUNCTION internal.master_news() IS 'What only the master knows, from shared memory: why it does not run, where it listens, why its gateway cannot serve';

CREATE FUNCTION internal.check_server_file(what text, OUT ok boolean, OUT cause text, OUT cure text)
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'so_check_server_file';
COMMENT ON FUNCTION internal.check_server_file(text) IS 'Security directory, space, certificate, host name, programs: as the server''s account sees them';

-- In PL/pgSQL, whose plans are kept; an SQL function would be parsed at every call.
CREATE FUNCTION internal.property(name text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN coalesce((SELECT p.property_value FROM internal.catalog_property p WHERE p.property_name = name),
					(SELECT d.property_value FROM internal.catalog_property_default d WHERE d.property_name = name));
END
$$;
COMMENT ON FUNCTION internal.property(text) IS 'A catalog property as it applies';

CREATE FUNCTION internal.may_read_all(caller regrole) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN pg_has_role(caller, 'ssis_admin', 'usage') OR pg_has_role(caller, 'ssis_cluster_executor', 'usage')
		OR pg_has_role(caller, 'ssis_logreader', 'usage');
END
$$;
COMMENT ON FUNCTION internal.may_read_all(regrole) IS 'May see every project and its operations';

CREATE FUNCTION internal.require_admin(caller regrole, what text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT pg_has_role(caller, 'ssis_admin', 'usage') THEN
		PERFORM internal.raise_error('SO104', format('permission denied to %s', what),
			format('Role "%s" is not a member of ssis_admin.', pg_get_userbyid(caller)));
	END IF;
END
$$;
COMMENT ON FUNCTION internal.require_admin(regrole, text) IS 'Refuses whoever is not an administrator';

CREATE FUNCTION internal.require_executor(caller regrole, what text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT (pg_has_role(caller, 'ssis_admin', 'usage') OR pg_has_role(caller, 'ssis_cluster_executor', 'usage')) THEN
		PERFORM internal.raise_error('SO104', format('permission denied to %s', what),
			format('Role "%s" is a member neither of ssis_admin nor of ssis_cluster_executor.', pg_get_userbyid(caller)));
	END IF;
END
$$;
COMMENT ON FUNCTION internal.require_executor(regrole, text) IS 'Refuses whoever may not run packages';

CREATE FUNCTION internal.require_value(argument text, is_null boolean) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF is_null THEN
		PERFORM internal.raise_error('SO102', format('%s must not be NULL', argument));
	END IF;
END
$$;
COMMENT ON FUNCTION internal.require_value(text, boolean) IS 'Refuses a NULL argument';

-- Folders, projects and packages: SSIS's rules for names.
CREATE FUNCTION internal.check_name(argument text, name text, longest integer DEFAULT 128) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF name IS NULL THEN
		PERFORM internal.raise_error('SO102', format('%s must not be NULL', argument));
	END IF;
	IF length(name) NOT BETWEEN 1 AND longest OR name ~ '[\x01-\x1f"<>|]' OR name ~ '^[\s@]' OR name ~ '\s$' THEN
		PERFORM internal.raise_error('SO109', format('"%s" is not a valid name for %s', left(name, 200), argument));
	END IF;
END
$$;
COMMENT ON FUNCTION internal.check_name(text, text, integer) IS 'Refuses what SSIS does not allow as a name';

CREATE FUNCTION internal.folder_id_of(folder_name text) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id bigint;
BEGIN
	PERFORM internal.require_value('folder_name', folder_name IS NULL);
	SELECT f.folder_id INTO id FROM internal.folder f WHERE f.name = folder_name;
	IF id IS NULL THEN
		PERFORM internal.raise_error('SO111', format('there is no folder "%s"', folder_name));
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION internal.folder_id_of(text) IS 'The folder, or SO111';

CREATE FUNCTION internal.project_id_of(folder_name text, project_name text) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	of_folder bigint := internal.folder_id_of(folder_name);
	id bigint;
BEGIN
	PERFORM internal.require_value('project_name', project_name IS NULL);
	SELECT p.project_id INTO id FROM internal.project p WHERE p.folder_id = of_folder AND p.name = project_name;
	IF id IS NULL THEN
		PERFORM internal.raise_error('SO112', format('there is no project "%s" in folder "%s"', project_name, folder_name));
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION internal.project_id_of(text, text) IS 'The project, or SO111 or SO112';

CREATE FUNCTION internal.send_request(caller regrole, kind text, operation_id bigint DEFAULT NULL, agent_id uuid DEFAULT NULL,
	payload jsonb DEFAULT NULL)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO internal.request (kind, operation_id, agent_id, payload, requested_by)
	VALUES (kind, operation_id, agent_id, payload, pg_get_userbyid(caller));
	PERFORM internal.wake_master();
END
$$;
COMMENT ON FUNCTION internal.send_request(regrole, text, bigint, uuid, jsonb) IS 'Leaves a request for the master and wakes it at commit';
