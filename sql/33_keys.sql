-- 33_keys.sql
--
-- Exchange of the encryption key.

CREATE FUNCTION internal.rotate_encryption_key(caller regrole, discard_unreadable boolean)
RETURNS TABLE (step text, result text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s'
AS $$
DECLARE
	old_fingerprint text;
	new_fingerprint text;
	one internal.data_key;
	rewrapped integer := 0;
	discarded integer := 0;
BEGIN
	PERFORM internal.require_admin(caller, 'exchange the encryption key');
	PERFORM internal.require_value('discard_unreadable', discard_unreadable IS NULL);
	-- The key file is that of the cluster, and another catalog may be using it.
	PERFORM internal.require_only_catalog((SELECT d.oid FROM pg_database d WHERE d.datname = current_database()));
	BEGIN
		LOCK TABLE internal.data_key IN SHARE ROW EXCLUSIVE MODE;
	EXCEPTION WHEN lock_not_available THEN
		PERFORM internal.raise_error('SO143', 'the encryption key cannot be exchanged now',
			'A transaction that has encrypted a value for the first time in its project is still open.',
			'Try again when it has ended.');
	END;
	SELECT k.fingerprint INTO old_fingerprint FROM internal.encryption_key k;
	new_fingerprint := internal.exchange_encryption_key(old_fingerprint);
	FOR one IN SELECT * FROM internal.data_key k ORDER BY k.data_key_id LOOP
		IF discard_unreadable THEN
			BEGIN
				one.wrapped := internal.rewrap_data_key(one.data_key_id, one.project_id, one.wrapped, one.fingerprint);
			EXCEPTION WHEN SQLSTATE 'SO134' OR SQLSTATE 'SO136' THEN
				one.wrapped := NULL;
			END;
		ELSE
			one.wrapped := internal.rewrap_data_key(one.data_key_id, one.project_id, one.wrapped, one.fingerprint);
		END IF;
		IF one.wrapped IS NULL THEN
			DELETE FROM internal.data_key k WHERE k.data_key_id = one.data_key_id;
			discarded := discarded + 1;
		ELSE
			UPDATE internal.data_key k SET wrapped = one.wrapped, fingerprint = new_fingerprint WHERE k.data_key_id = one.data_key_id;
			rewrapped := rewrapped + 1;
		END IF;
	END LOOP;
	INSERT INTO internal.encryption_key AS k (fingerprint, changed_by) VALUES (new_fingerprint, pg_get_userbyid(caller))
		ON CONFLICT (only_row) DO UPDATE
	   SET fingerprint = EXCLUDED.fingerprint, changed_by = EXCLUDED.changed_by, changed_time = EXCLUDED.changed_time;
	step := 'encryption key';
	result := format('exchanged at commit, fingerprint %s', new_fingerprint);
	RETURN NEXT;
	step := 'data keys';
	result := format('%s wrapped anew%s', rewrapped, CASE WHEN discarded > 0 THEN format(', %s discarded: what they had encrypted is lost', discarded) END);
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION internal.rotate_encryption_key(regrole, boolean) IS 'Behind catalog.rotate_encryption_key';
