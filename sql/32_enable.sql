-- 32_enable.sql
--
-- Switching scaleout on and off in this database.

-- A restored copy may bring the label along, so the label alone is no proof.
CREATE FUNCTION internal.labelled_databases() RETURNS SETOF oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT l.objoid FROM pg_shseclabel l
	  JOIN pg_database d ON d.oid = l.objoid
	 WHERE l.classoid = 'pg_catalog.pg_database'::regclass AND l.provider = 'scaleout'
$$;
COMMENT ON FUNCTION internal.labelled_databases() IS 'Databases that are marked as having the active catalog';

-- One catalog per cluster: the other one is active when label and token file
-- agree; a label alone is left over and goes.
CREATE FUNCTION internal.require_only_catalog(own_oid oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	bound CONSTANT oid := internal.bound_database();
	other oid;
BEGIN
	FOR other IN SELECT l FROM internal.labelled_databases() l WHERE l <> own_oid LOOP
		IF other = bound THEN
			PERFORM internal.raise_error('SO107',
				format('the catalog in database "%s" is active', (SELECT d.datname FROM pg_database d WHERE d.oid = other)),
				'A cluster has one active catalog.');
		END IF;
		PERFORM internal.mark_active(other, false);
	END LOOP;
END
$$;
COMMENT ON FUNCTION internal.require_only_catalog(oid) IS 'Refuses when the catalog of another database is active';

CREATE FUNCTION internal.is_bound() RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (
		SELECT 1 FROM internal.binding b
		 WHERE b.system_identifier = internal.system_identifier()
		   AND b.database_oid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
		   AND b.token = internal.read_binding_token())
$$;
COMMENT ON FUNCTION internal.is_bound() IS 'Does this catalog belong to this cluster, this data directory and this database?';

-- The token itself says which data directory may run the catalog and stays here.
CREATE FUNCTION internal.log_copy_source() RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT substr(encode(sha256(convert_to('scaleout log copy/' || b.token, 'UTF8')), 'hex'), 1, 32)::uuid FROM internal.binding b
$$;
COMMENT ON FUNCTION internal.log_copy_source() IS 'How log databases know this catalog: follows from the token of its binding';

-- A restored catalog has requests with transaction ids of another cluster,
-- which the master would wait for; no master runs while the binding is made.
-- Whoever asked for a task log is known by the number of a role, which may be
-- somebody else's here, and does not wait in this cluster.
CREATE FUNCTION internal.adopt_restored_state() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	DELETE FROM internal.request WHERE kind = 'fetch_log';
	UPDATE internal.request SET transaction_id = pg_current_xact_id();
	-- What waits keeps the source that it was queued for: the log database knows how far that has come.
	UPDATE internal.log_database SET source = internal.log_copy_source(), state = 'starting', state_since = clock_timestamp(),
		   code = NULL, message = NULL, hint = NULL
$$;
COMMENT ON FUNCTION internal.adopt_restored_state() IS 'Makes requests of a restored catalog visible to the master of this cluster';

-- A key is made only for a catalog that has encrypted nothing with another one.
CREATE FUNCTION internal.enable_encryption_key(caller regrole) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known CONSTANT text := (SELECT k.fingerprint FROM internal.encryption_key k WHERE EXISTS (SELECT 1 FROM internal.data_key));
	made CONSTANT boolean := internal.prepare_encryption_key(known);
	fingerprint CONSTANT text := internal.encryption_key_fingerprint(known);
BEGIN
	INSERT INTO internal.encryption_key AS k (fingerprint, changed_by) VALUES (fingerprint, pg_get_userbyid(caller))
		ON CONFLICT (only_row) DO UPDATE
	   SET fingerprint = EXCLUDED.fingerprint, changed_by = EXCLUDED.changed_by, changed_time = EXCLUDED.changed_time
	 WHERE k.fingerprint <> EXCLUDED.fingerprint;
	RETURN format('%s, fingerprint %s', CASE WHEN made THEN 'created' ELSE 'exists' END, fingerprint);
END
$$;
COMMENT ON FUNCTION internal.enable_encryption_key(regrole) IS 'Makes or checks the encryption key and notes its fingerprint';

CREATE FUNCTION internal.enable_scaleout(caller regrole)
RETURNS TABLE (step text, result text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own_oid oid;
	token uuid;
	was_bound boolean;
	was_enabled boolean;
	made integer;
	changed boolean;
BEGIN
	PERFORM internal.require_admin(caller, 'enable scaleout');
	IF current_setting('server_encoding') <> 'UTF8' THEN
		PERFORM internal.raise_error('SO106', format('database "%s" is encoded in %s', current_database(), current_setting('server_encoding')));
	END IF;
	-- One at a time; the master only reads this table.
	LOCK TABLE internal.binding IN SHARE ROW EXCLUSIVE MODE;
	SELECT d.oid INTO own_oid FROM pg_database d WHERE d.datname = current_database();
	PERFORM internal.require_only_catalog(own_oid);

	step := 'security directory';
	changed := internal.prepare_security_directory();
	result := CASE WHEN changed THEN 'created' ELSE 'exists' END;
	RETURN NEXT;
	step := 'certificate';
	changed := internal.prepare_certificate();
	result := format('%s, thumbprint %s', CASE WHEN changed THEN 'created' ELSE 'exists' END, (internal.read_certificate(NULL)).thumbprint);
	RETURN NEXT;
	step := 'encryption key';
	result := internal.enable_encryption_key(caller);
	RETURN NEXT;

	step := 'partitions';
	made := internal.ensure_partitions((SELECT coalesce(max(o.operation_id), 0) FROM internal.operation o));
	result := CASE WHEN made > 0 THEN format('%s created', made) ELSE 'exist' END;
	RETURN NEXT;

	step := 'binding';
	was_bound := internal.is_bound();
	was_enabled := was_bound AND (SELECT b.enabled FROM internal.binding b);
	IF was_bound THEN
		UPDATE internal.binding SET enabled = true, enabled_time = clock_timestamp(), enabled_by = pg_get_userbyid(caller)
		 WHERE NOT enabled;
	ELSE
		token := gen_random_uuid();
		DELETE FROM internal.binding;
		INSERT INTO internal.binding (system_identifier, database_oid, token, enabled, enabled_by)
		VALUES (internal.system_identifier(), own_oid, token, true, pg_get_userbyid(caller));
		PERFORM internal.write_binding(token);
		PERFORM internal.adopt_restored_state();
	END IF;
	result := CASE WHEN NOT was_bound THEN 'bound to this cluster' WHEN was_enabled THEN 'exists' ELSE 'enabled again' END;
	RETURN NEXT;

	-- A copy that is switched on has the address of the original.
	step := 'master address';
	FOR result IN SELECT format('%s is kept%s', s.set_address, CASE WHEN NOT was_bound
			THEN '; if this is a copy of that master, run SELECT catalog.update_master_address(NULL)' ELSE '' END)
			FROM internal.master_state s WHERE s.set_address IS NOT NULL LOOP
		RETURN NEXT;
	END LOOP;

	IF NOT was_enabled THEN
		INSERT INTO internal.catalog_property (property_name, property_value)
		VALUES ('IS_SCALEOUT_ENABLED', 'True'), ('DEFAULT_EXECUTION_MODE', '1')
			ON CONFLICT (property_name) DO UPDATE SET property_value = EXCLUDED.property_value;
	END IF;
	FOR result IN SELECT format('event messages are copied to "%s"', d.server_name) FROM internal.log_database d LOOP
		step := 'log database';
		RETURN NEXT;
	END LOOP;
	step := 'master';
	-- Sets the mark and wakes the launcher at commit, also when it is set already.
	PERFORM internal.mark_active(own_oid, true);
	result := CASE WHEN was_enabled THEN 'woken' ELSE 'starts after commit' END;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION internal.enable_scaleout(regrole) IS 'Makes what is missing, binds the catalog to this cluster and wakes the launcher';

CREATE FUNCTION internal.disable_scaleout(caller regrole)
RETURNS TABLE (step text, result text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own_oid oid;
	was_enabled boolean;
BEGIN
	PERFORM internal.require_admin(caller, 'disable scaleout');
	LOCK TABLE internal.binding IN SHARE ROW EXCLUSIVE MODE;
	SELECT d.oid INTO own_oid FROM pg_database d WHERE d.datname = current_database();
	UPDATE internal.binding SET enabled = false WHERE enabled;
	was_enabled := FOUND;
	DELETE FROM internal.catalog_property WHERE property_name IN ('IS_SCALEOUT_ENABLED', 'DEFAULT_EXECUTION_MODE');
	IF was_enabled THEN
		PERFORM internal.send_request(caller, 'disable_scaleout');
	END IF;
	PERFORM internal.mark_active(own_oid, false);
	step := 'master';
	result := CASE WHEN was_enabled THEN 'leaves after commit' ELSE 'was not enabled' END;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION internal.disable_scaleout(regrole) IS 'Lets the master leave; running packages go on until their lease ends';
