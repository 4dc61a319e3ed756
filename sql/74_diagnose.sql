-- 74_diagnose.sql
--
-- catalog.diagnose_scaleout(): one list of checks, each with its result, the
-- cause in the words of whoever knows it, and a cure.  It changes nothing.

CREATE TYPE internal.finding AS ("check" text, result text, cause text, cure text);
COMMENT ON TYPE internal.finding IS 'A row of catalog.diagnose_scaleout: result is ok, warning or failed';

CREATE FUNCTION internal.finding(what text, result text, cause text DEFAULT NULL, cure text DEFAULT NULL) RETURNS internal.finding
LANGUAGE sql IMMUTABLE
RETURN ROW(what, result, cause, cure)::internal.finding;
COMMENT ON FUNCTION internal.finding(text, text, text, text) IS 'A row of catalog.diagnose_scaleout';

-- The binding: enabled, in this database, for this cluster and data directory.
CREATE FUNCTION internal.diagnose_binding() RETURNS SETOF internal.finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	enable CONSTANT text := 'Run SELECT * FROM catalog.enable_scaleout();';
	wanted CONSTANT text := current_setting('scaleout.database', true);
	bound internal.binding;
	named oid;
BEGIN
	SELECT * INTO bound FROM internal.binding;
	IF NOT FOUND THEN
		RETURN NEXT internal.finding('catalog enabled', 'failed', 'catalog.enable_scaleout() has not been called in this database.', enable);
		RETURN;
	ELSIF NOT bound.enabled THEN
		RETURN NEXT internal.finding('catalog enabled', 'failed', 'scaleout is disabled in this database.', enable);
	ELSE
		RETURN NEXT internal.finding('catalog enabled', 'ok', format('Enabled by %s at %s.', bound.enabled_by, bound.enabled_time::timestamptz(0)));
	END IF;
	IF bound.system_identifier <> internal.system_identifier() THEN
		RETURN NEXT internal.finding('catalog bound to this cluster', 'failed',
			'It is bound to another cluster: it was restored or copied from there.', enable || ' It binds the catalog to this cluster on purpose.');
	ELSIF bound.database_oid <> (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) THEN
		RETURN NEXT internal.finding('catalog bound to this cluster', 'failed',
			'It is bound to another database of this cluster: it was copied from there.', enable);
	ELSIF NOT internal.is_bound() THEN
		named := internal.bound_database();
		RETURN NEXT internal.finding('catalog bound to this cluster', 'failed',
			CASE WHEN named IS NULL THEN 'The token file in scaleout.security_directory is missing, or does not list this data directory.'
				 ELSE format('The token file names database "%s".', coalesce((SELECT d.datname FROM pg_database d WHERE d.oid = named), named::text)) END,
			CASE WHEN pg_is_in_recovery() THEN format('Copy binding.token from the primary and add the line data_directory=%s to it.', current_setting('data_directory'))
				 ELSE enable END);
	ELSE
		RETURN NEXT internal.finding('catalog bound to this cluster', 'ok');
	END IF;
	IF wanted <> '' AND wanted <> current_database() THEN
		RETURN NEXT internal.finding('database of the master', 'failed',
			format('scaleout.database is "%s": no master runs in "%s".', wanted, current_database()),
			format('Set scaleout.database = ''%s'' and run SELECT pg_reload_conf();', current_database()));
	END IF;
END
$$;
COMMENT ON FUNCTION internal.diagnose_binding() IS 'Part of diagnose_scaleout: may this catalog run here';

CREATE FUNCTION internal.diagnose_version() RETURNS SETOF internal.finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	library CONSTANT text := (internal.master_news()).library_version;
	files CONSTANT text := (SELECT a.default_version FROM pg_available_extensions a WHERE a.name = 'scaleout');
	installed text;
BEGIN
	SELECT e.extversion INTO installed FROM pg_extension e WHERE e.extname = 'scaleout';
	IF installed = library THEN
		RETURN NEXT internal.finding('versions', 'ok', format('Library and extension are of version %s.', library));
	ELSE
		RETURN NEXT internal.finding('versions', 'failed', format('The library is of version %s, the extension of version %s.', library, installed),
			CASE WHEN files = library THEN 'Run ALTER EXTENSION scaleout UPDATE;'
				 ELSE format('Restart the server: it runs with the library of version %s, and the files of version %s are installed. If that does not help, install scaleout %s again and restart the server.',
							 library, files, files) END);
	END IF;
END
$$;
COMMENT ON FUNCTION internal.diagnose_version() IS 'Part of diagnose_scaleout: do library and extension fit';

-- Whoever blocks the master: it gives up a lock after a while and tries again,
-- so that those count, too, who lock a table that it writes.
CREATE FUNCTION internal.blockers_of(process_id integer, OUT who text, OUT cure text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT ' Sessions that are in the way: ' || string_agg(format('%s of %s (%s)', a.pid, coalesce(a.usename, a.backend_type), left(a.query, 60)), ', ' ORDER BY a.pid) || '.',
		   'Run ' || string_agg(format('SELECT pg_terminate_backend(%s);', a.pid), ' ' ORDER BY a.pid) || ' to end what is in the way.'
	  FROM pg_stat_activity a
	 WHERE a.pid = ANY (pg_blocking_pids(process_id))
		OR a.pid IN (SELECT l.pid FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
					  WHERE l.granted AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
						AND c.relnamespace = 'internal'::regnamespace AND l.pid NOT IN (process_id, pg_backend_pid())
						AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))
$$;
COMMENT ON FUNCTION internal.blockers_of(integer) IS 'Sessions that the master waits for, and the statements that end them; NULL when there are none';

CREATE FUNCTION internal.diagnose_no_master(news record) RETURNS internal.finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF pg_is_in_recovery() THEN
		RETURN internal.finding('master alive', 'warning', 'This server is a standby: the master runs on the primary.',
			'Ask the primary, or promote this server.');
	ELSIF NOT news.launcher THEN
		RETURN internal.finding('master alive', 'failed', 'The launcher does not run: no background worker slot was free when the server started.',
			format('Run ALTER SYSTEM SET max_worker_processes = %s; and restart the server.', current_setting('max_worker_processes')::integer + 8));
	ELSIF news.held THEN
		RETURN internal.finding('master alive', 'warning', 'A command on the database (DROP, ALTER, CREATE DATABASE ...) keeps the master away.',
			'Wait until that command has ended; pg_stat_activity shows it.');
	ELSIF news.refusal IS NOT NULL THEN
		RETURN internal.finding('master alive', 'failed', format('The master does not run: %s.', rtrim(news.refusal, '.')),
			CASE WHEN news.refusal LIKE '%max_worker_processes%' THEN format('Run ALTER SYSTEM SET max_worker_processes = %s; and restart the server.', current_setting('max_worker_processes')::integer + 8)
				 ELSE 'Run SELECT * FROM catalog.enable_scaleout();' END);
	END IF;
	RETURN internal.finding('master alive', 'failed', 'No master runs. It is started within a few seconds after catalog.enable_scaleout(), a crash or a restart.',
		'If this stays so, run SELECT * FROM catalog.enable_scaleout(); and look for "scaleout" in the server log.');
END
$$;
COMMENT ON FUNCTION internal.diagnose_no_master(record) IS 'Part of diagnose_scaleout: why there is no master';

CREATE FUNCTION internal.diagnose_master() RETURNS SETOF internal.finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	news CONSTANT record := internal.master_news();
	patience CONSTANT interval := 3 * current_setting('scaleout.master_heartbeat_interval')::interval + interval '5 s';
	state internal.master_state;
	blockers record;
	oldest timestamptz;
BEGIN
	IF news.process_id IS NULL THEN
		RETURN NEXT internal.diagnose_no_master(news);
		RETURN;
	END IF;
	IF news.database <> (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) THEN
		RETURN NEXT internal.finding('master alive', 'failed',
			format('The master of this cluster serves database "%s".', (SELECT d.datname FROM pg_database d WHERE d.oid = news.database)),
			'Use the catalog there; or run SELECT * FROM catalog.disable_scaleout(); there and SELECT * FROM catalog.enable_scaleout(); here.');
		RETURN;
	END IF;
	SELECT * INTO blockers FROM internal.blockers_of(news.process_id);
	SELECT * INTO state FROM internal.master_state;
	IF news.trouble IS NOT NULL THEN
		RETURN NEXT internal.finding('master alive', 'failed', format('The master (pid %s) puts off its work: %s.%s', news.process_id, rtrim(news.trouble, '.'), blockers.who),
			coalesce(blockers.cure, 'Remove that cause; it tries again by itself.'));
	ELSIF state.last_online_time IS NULL OR state.last_online_time < clock_timestamp() - patience THEN
		RETURN NEXT internal.finding('master alive', 'failed', format('The master (pid %s) has not written LAST_ONLINE_TIME since %s.%s', news.process_id,
				coalesce(state.last_online_time::timestamptz(0)::text, 'its start'), blockers.who),
			coalesce(blockers.cure,
				format('SELECT * FROM pg_stat_activity WHERE pid = %s shows what it waits for; a full disk or a missing synchronous standby holds up every commit.', news.process_id)));
	ELSE
		RETURN NEXT internal.finding('master alive', 'ok', format('Process %s, epoch %s, last online %s.', news.process_id, state.epoch, state.last_online_time::timestamptz(0)));
	END IF;
	SELECT min(r.requested_time) INTO oldest FROM internal.request r;
	IF oldest < clock_timestamp() - interval '1 min' THEN
		RETURN NEXT internal.finding('requests', 'warning', format('A request of %s has not been applied by the master.', oldest::timestamptz(0)),
			'Do what the row "master alive" says; a restored catalog needs SELECT * FROM catalog.enable_scaleout();');
	END IF;
END
$$;
COMMENT ON FUNCTION internal.diagnose_master() IS 'Part of diagnose_scaleout: does the master run and work';

-- An address that an administrator has given: named, known and answering?
CREATE FUNCTION internal.diagnose_address(address text) RETURNS SETOF internal.finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target CONSTANT record := internal.parse_address(address);
	probe record;
BEGIN
	RETURN NEXT internal.finding('endpoint', 'ok', format('Workers connect to %s, by catalog.update_master_address().', address));
	BEGIN
		IF internal.certificate_has_name(target.host) THEN
			RETURN NEXT internal.finding('address in the certificate', 'ok', format('"%s" is one of its names.', target.host));
		ELSE
			RETURN NEXT internal.finding('address in the certificate', 'failed',
				format('MASTER_ADDRESS is %s, but "%s" is not one of the names of the certificate: workers refuse it (SO313).', address, target.host),
				'Run SELECT catalog.rotate_master_certificate(); the next certificate has this name, and the workers learn it by themselves.');
		END IF;
	EXCEPTION WHEN OTHERS THEN
		-- "certificate and key" has said it.
		NULL;
	END;
	probe := internal.probe_address(target.host, target.port);
	IF probe.ok THEN
		RETURN NEXT internal.finding('address answers', 'ok', probe.cause);
	ELSE
		RETURN NEXT internal.finding('address answers', 'warning', format('Seen from this server: %s', probe.cause),
			'Correct DNS, the virtual address or the firewall. If the address is wrong, run SELECT catalog.update_master_address(''https://host:port''), or with NULL for the address of the settings; workers then go on with the endpoints of their settings.');
	END IF;
END
$$;
COMMENT ON FUNCTION internal.diagnose_address(text) IS 'Part of diagnose_scaleout: the address of update_master_address';

CREATE FUNCTION internal.diagnose_port() RETURNS SETOF internal.finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	news CONSTANT record := internal.master_news();
	addresses CONSTANT text := current_setting('scaleout.listen_addresses');
	wanted CONSTANT integer := current_setting('scaleout.port_number')::integer;
	state internal.master_state;
BEGIN
	IF news.process_id IS NULL THEN
		RETURN NEXT internal.finding('port open', 'failed', 'Nobody listens: there is no master.', 'See "master alive".');
		RETURN;
	END IF;
	IF news.failed_time IS NOT NULL THEN
		RETURN NEXT internal.finding('port open', CASE WHEN news.addresses IS NULL THEN 'failed' ELSE 'warning' END,
			format('%s: %s.%s', coalesce(news.code, 'SO001'), rtrim(news.message, '.'), coalesce(' ' || news.detail, '')),
			coalesce(news.hint, 'Correct the settings or files, then run SELECT pg_reload_conf();'));
	ELSIF news.addresses IS NULL THEN
		RETURN NEXT internal.finding('port open', 'failed', 'The gateway has not said yet where it listens.', 'Ask again in a few seconds; the server log has what it says.');
	END IF;
	IF news.addresses IS NOT NULL AND news.failed_time IS NULL THEN
		IF wanted <> 0 AND wanted <> news.port THEN
			RETURN NEXT internal.finding('port open', 'warning', format('It listens on %s, but scaleout.port_number is %s.', news.addresses, wanted), 'Run SELECT pg_reload_conf();');
		ELSE
			RETURN NEXT internal.finding('port open', 'ok', format('It listens on %s.', news.addresses));
		END IF;
	END IF;
	-- Not what is wrong on one machine, but the first thing on two.
	IF addresses ~ '^\s*(localhost|127\.[0-9.]+|::1|,|\s)+\s*$' THEN
		RETURN NEXT internal.finding('reachable from other machines', 'warning',
			format('scaleout.listen_addresses is "%s": only workers on this machine reach the master.', addresses),
			'For workers on other machines set scaleout.listen_addresses = ''*'', run SELECT pg_reload_conf(); and open the port in the firewall.');
	END IF;
	SELECT * INTO state FROM internal.master_state;
	IF state.set_address IS NOT NULL THEN
		RETURN QUERY SELECT * FROM internal.diagnose_address(state.set_address);
	ELSIF state.master_address IS NOT NULL THEN
		RETURN NEXT internal.finding('endpoint', 'ok', format('Workers connect to %s (MasterEndpoint = %s).', state.master_address,
			substring(state.master_address FROM '^https://[^/]+')));
	END IF;
END
$$;
COMMENT ON FUNCTION internal.diagnose_port() IS 'Part of diagnose_scaleout: can workers reach the master';

CREATE FUNCTION internal.diagnose_file(what text, label text) RETURNS internal.finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	file CONSTANT record := internal.check_server_file(what);
BEGIN
	RETURN internal.finding(label, CASE WHEN file.ok THEN 'ok' WHEN what = 'space' THEN 'warning' ELSE 'failed' END, file.cause, file.cure);
END
$$;
COMMENT ON FUNCTION internal.diagnose_file(text, text) IS 'Part of diagnose_scaleout: one check of a file';

CREATE FUNCTION internal.diagnose_certificate() RETURNS SETOF internal.finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	anew CONSTANT text := 'Run SELECT catalog.rotate_master_certificate(); the workers learn the new certificate by themselves.';
	news CONSTANT record := internal.master_news();
	facts record;
	left_days integer;
BEGIN
	RETURN NEXT internal.diagnose_file('certificate', 'certificate and key');
	BEGIN
		facts := internal.read_certificate(NULL);
	EXCEPTION WHEN OTHERS THEN
		-- The row above has said it.
		RETURN;
	END;
	IF news.thumbprint IS NOT NULL AND news.thumbprint <> facts.thumbprint THEN
		RETURN NEXT internal.finding('thumbprint of the master', 'failed',
			format('The master serves the certificate with thumbprint %s, the file holds %s.', news.thumbprint, facts.thumbprint),
			'Run SELECT pg_reload_conf(); the master then serves the file.');
	ELSE
		RETURN NEXT internal.finding('thumbprint of the master', 'ok', format('MasterHttpsCertThumbprint of the workers must be %s.', facts.thumbprint));
	END IF;
	IF (internal.check_server_file('host name')).ok THEN
		RETURN NEXT internal.finding('host name in the certificate', 'ok', format('Its names are %s.', array_to_string(facts.names, ', ')));
	ELSE
		RETURN NEXT internal.finding('host name in the certificate', 'failed', (internal.check_server_file('host name')).cause,
			'Run SELECT catalog.rotate_master_certificate(); the next certificate has the name of this server, too, and the workers learn it by themselves.'
			|| coalesce(format(' Or set scaleout.host_name to one of its names (%s) and reload.',
				-- A pattern is no name of a server.
				(SELECT string_agg(n.name, ', ') FROM unnest(facts.names) AS n (name) WHERE n.name NOT LIKE '*%')), ''));
	END IF;
	left_days := extract(epoch FROM facts.not_after - clock_timestamp()) / 86400;
	IF facts.not_before > clock_timestamp() THEN
		RETURN NEXT internal.finding('master''s certificate valid', 'failed', format('It is valid from %s; it is %s now.', facts.not_before, clock_timestamp()::timestamptz(0)),
			anew || ' They go by thumbprints and work until then. If the clock of this machine is wrong, set it instead.');
	ELSIF facts.not_after < clock_timestamp() THEN
		RETURN NEXT internal.finding('master''s certificate valid', 'failed', format('It expired at %s; it is %s now.', facts.not_after, clock_timestamp()::timestamptz(0)),
			anew || ' They go by thumbprints and work until then. If the clock of this machine is wrong, set it instead.');
	ELSIF left_days < 30 THEN
		RETURN NEXT internal.finding('master''s certificate valid', 'warning', format('It expires in %s days, at %s.', left_days, facts.not_after), anew);
	ELSE
		RETURN NEXT internal.finding('master''s certificate valid', 'ok', format('Valid until %s.', facts.not_after));
	END IF;
END
$$;
COMMENT ON FUNCTION internal.diagnose_certificate() IS 'Part of diagnose_scaleout: the master''s certificate and key';

-- The next certificate, while it waits: for whom, and what to do.
CREATE FUNCTION internal.diagnose_rotation() RETURNS SETOF internal.finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	waiting internal.master_certificate;
	missing text;
BEGIN
	SELECT * INTO waiting FROM internal.master_certificate c WHERE c.state = 'next';
	IF NOT FOUND THEN
		RETURN;
	END IF;
	SELECT string_agg(format('%s (%s)', internal.worker_label(w.agent_id), CASE WHEN internal.worker_is_online(w.last_online_time) THEN 'online' ELSE 'offline' END),
			', ' ORDER BY w.display_name) INTO missing
	  FROM internal.worker_agent w
	 WHERE w.is_enabled AND w.pins_version < waiting.version AND (waiting.wait_for_all OR internal.worker_is_online(w.last_online_time));
	IF missing IS NULL THEN
		RETURN NEXT internal.finding('certificate rotation', 'ok', format('Certificate %s is about to be used.', waiting.thumbprint));
		RETURN;
	END IF;
	RETURN NEXT internal.finding('certificate rotation', 'warning',
		format('The next certificate %s, announced by %s at %s, waits for %s.', waiting.thumbprint, waiting.announced_by, waiting.announced_time::timestamptz(0), missing),
		'Start those that are offline; the log of one that is online says why it does not store it (a full disk, a folder that it may not write). Not to wait any more, run SELECT catalog.rotate_master_certificate(force => true);');
END
$$;
COMMENT ON FUNCTION internal.diagnose_rotation() IS 'Part of diagnose_scaleout: a next certificate that waits';

-- Present, private, and the one that the data keys are wrapped with.
CREATE FUNCTION internal.diagnose_encryption() RETURNS internal.finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known CONSTANT text := (SELECT k.fingerprint FROM internal.encryption_key k WHERE EXISTS (SELECT 1 FROM internal.data_key));
	fingerprint text;
	said text;
	detail text;
	hint text;
BEGIN
	fingerprint := internal.encryption_key_fingerprint(known);
	RETURN internal.finding('encryption key', 'ok', format('Fingerprint %s%s.', fingerprint,
		CASE WHEN known IS NULL THEN '; nothing has been encrypted with it yet' ELSE ', the one that the stored values need' END));
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN internal.finding('encryption key', 'failed', format('%s: %s.%s', SQLSTATE, rtrim(said, '.'), CASE WHEN detail <> '' THEN ' ' || detail ELSE '' END),
		CASE WHEN known IS NULL AND detail LIKE 'No such file%' THEN
				'Restore the file from its backup. Nothing has been encrypted yet, so SELECT * FROM catalog.enable_scaleout(); may also make a new one.'
			 WHEN detail LIKE 'No such file%' THEN 'Restore the file from its backup.'
			 ELSE coalesce(nullif(hint, ''), 'Restore the key file from its backup.') END);
END
$$;
COMMENT ON FUNCTION internal.diagnose_encryption() IS 'Part of diagnose_scaleout: the encryption key';

CREATE FUNCTION internal.diagnose_partitions() RETURNS internal.finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	highest CONSTANT bigint := (SELECT coalesce(max(o.operation_id), 0) FROM internal.operation o);
	slot CONSTANT bigint := highest / internal.partition_width();
BEGIN
	IF to_regclass(format('internal.rejected_message_p%s', slot)) IS NULL THEN
		RETURN internal.finding('partitions', 'failed', format('There is no partition for the messages of operation %s.', highest),
			'Run SELECT * FROM catalog.enable_scaleout(); it makes them.');
	ELSIF to_regclass(format('internal.rejected_message_p%s', slot + 1)) IS NULL THEN
		RETURN internal.finding('partitions', 'warning', 'The next partition of the messages has not been made ahead.',
			'The maintenance of the master makes it within the hour; SELECT * FROM catalog.enable_scaleout(); makes it now.');
	END IF;
	RETURN internal.finding('partitions', 'ok');
END
$$;
COMMENT ON FUNCTION internal.diagnose_partitions() IS 'Part of diagnose_scaleout: partitions ahead of need';

-- Why this worker gets nothing, or NULL.  The rules are those of master_pick
-- and of the trust set; catalog.worker_agents tells who is online.
CREATE FUNCTION internal.worker_obstacle(worker internal.worker_agent, OUT "check" text, OUT cause text, OUT cure text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	label CONSTANT text := internal.worker_label(worker.agent_id);
	certificate internal.worker_certificate;
	trust record;
BEGIN
	SELECT * INTO certificate FROM internal.worker_certificate c WHERE c.thumbprint = worker.thumbprint;
	IF certificate.revoked IS NOT FALSE THEN
		"check" := 'worker trusted';
		cause := format('%s: its certificate (%s) is revoked', label, worker.thumbprint);
		cure := format('If that was not on purpose, copy worker.crt of %s here and run scaleout workers trust --enable worker.crt', internal.shell_word(worker.machine_name));
	ELSIF NOT worker.is_enabled THEN
		"check" := 'worker enabled';
		cause := format('%s is disabled', label);
		cure := format('Run SELECT catalog.enable_worker_agent(''%s'');', worker.agent_id);
	ELSIF NOT (SELECT a.is_online FROM catalog.worker_agents a WHERE a.workeragentid = worker.agent_id) THEN
		"check" := 'worker online';
		cause := format('%s is offline; it was last heard of at %s', label, coalesce(worker.last_online_time::timestamptz(0)::text, 'no time'));
		cure := format('On %s run systemctl start scaleout-worker; if it stays offline, scaleout doctor there says why.', internal.shell_word(worker.machine_name));
		SELECT * INTO trust FROM internal.worker_trust t WHERE t.agent_id = worker.agent_id;
		IF trust.state = 'left behind' THEN
			cause := cause || '; it does not know the master''s certificate, which was replaced meanwhile, and refuses the master (SO314)';
			cure := format('On %s set MasterHttpsCertThumbprint = %s in the settings of the worker (worker.conf), then run systemctl restart scaleout-worker.',
				internal.shell_word(worker.machine_name), (SELECT c.thumbprint FROM internal.master_certificate c WHERE c.state = 'current'));
		ELSIF trust.state = 'catches up' THEN
			cause := format('%s; it learns the master''s new certificate by itself when it comes before %s', cause, trust.until::timestamptz(0));
		END IF;
	END IF;
END
$$;
COMMENT ON FUNCTION internal.worker_obstacle(internal.worker_agent) IS 'Why a worker gets no task at all: revoked, disabled, offline; NULL when it may';

CREATE FUNCTION internal.diagnose_workers() RETURNS SETOF internal.finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	worker internal.worker_agent;
	certificate internal.worker_certificate;
	obstacle record;
	trusted integer;
	registered integer := 0;
	ready integer := 0;
BEGIN
	SELECT count(*) INTO trusted FROM internal.worker_certificate c WHERE NOT c.revoked;
	IF trusted = 0 THEN
		RETURN NEXT internal.finding('worker trusted', 'failed', 'No worker certificate is trusted: every worker is refused with 403 (SO302).',
			'Run SELECT catalog.create_enrollment_token(); and on the worker''s machine scaleout-worker join TOKEN; or copy worker.crt of a worker here and run scaleout workers trust --enable worker.crt');
	ELSE
		RETURN NEXT internal.finding('worker trusted', 'ok', format('%s certificates are trusted.', trusted));
	END IF;
	FOR certificate IN SELECT c.* FROM internal.worker_certificate c WHERE NOT c.revoked AND c.agent_id IS NULL ORDER BY c.trusted_time LIMIT 20 LOOP
		RETURN NEXT internal.finding('worker registered', 'warning',
			format('The worker with certificate %s (%s), trusted at %s, has never registered.', certificate.thumbprint, certificate.subject, certificate.trusted_time::timestamptz(0)),
			'On its machine run systemctl start scaleout-worker; if it stays away, scaleout doctor there says why.');
	END LOOP;
	FOR worker IN SELECT w.* FROM internal.worker_agent w ORDER BY w.registered_time LOOP
		registered := registered + 1;
		obstacle := internal.worker_obstacle(worker);
		IF obstacle.cause IS NULL THEN
			ready := ready + 1;
			IF coalesce(worker.asked_tasks, 1) = 0 AND coalesce(worker.held_tasks, 0) = 0 AND worker.asked_reason LIKE '%TaskRequest%' THEN
				RETURN NEXT internal.finding('load', 'warning', format('Worker %s runs nothing and has asked for nothing since %s: %s.',
						internal.worker_label(worker.agent_id), worker.not_asking_since::timestamptz(0), internal.one_line(worker.asked_reason)),
					internal.cure_of_load(worker));
			END IF;
		ELSIF registered <= 200 THEN
			RETURN NEXT internal.finding(obstacle."check", 'warning', 'Worker ' || obstacle.cause || '.', obstacle.cure);
		END IF;
		SELECT * INTO certificate FROM internal.worker_certificate c WHERE c.thumbprint = worker.thumbprint AND NOT c.revoked;
		IF FOUND AND certificate.not_after < clock_timestamp() + interval '30 days' THEN
			RETURN NEXT internal.finding('worker''s certificate valid', 'warning', format('The certificate of worker %s %s at %s.', internal.worker_label(worker.agent_id),
					CASE WHEN certificate.not_after < clock_timestamp() THEN 'expired' ELSE 'expires' END, certificate.not_after::timestamptz(0)),
				format('Run SELECT catalog.rotate_worker_certificate(''%s''); the worker then makes a new one by itself, and stays the same.', worker.agent_id));
		END IF;
	END LOOP;
	IF ready > 0 THEN
		RETURN NEXT internal.finding('workers ready', 'ok', format('%s of %s registered workers are enabled and online.', ready, registered));
	ELSE
		RETURN NEXT internal.finding('workers ready', 'failed',
			CASE WHEN registered = 0 THEN 'No worker has registered: executions wait.' ELSE 'No worker is enabled and online: executions wait.' END,
			CASE WHEN registered = 0 THEN 'Run SELECT catalog.create_enrollment_token(); and on the worker''s machine scaleout-worker join TOKEN, then start its service; scaleout doctor there says what is in the way.'
				 ELSE 'Do for one of them what its row above says.' END);
	END IF;
END
$$;
COMMENT ON FUNCTION internal.diagnose_workers() IS 'Part of diagnose_scaleout: who may work';

-- What keeps old row versions, and what holds up every commit.
CREATE FUNCTION internal.diagnose_server(older interval DEFAULT '1 hour') RETURNS SETOF internal.finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	holder record;
	any_holder boolean := false;
BEGIN
	FOR holder IN
		SELECT format('Session %s of %s, in a transaction since %s', a.pid, a.usename, a.xact_start::timestamptz(0)) AS who,
			   format('End it: run SELECT pg_terminate_backend(%s);', a.pid) AS cure
		  FROM pg_stat_activity a
		 WHERE a.backend_xmin IS NOT NULL AND a.xact_start < clock_timestamp() - older AND a.pid <> pg_backend_pid()
		UNION ALL
		SELECT format('Prepared transaction "%s" of %s, since %s', p.gid, p.owner, p.prepared::timestamptz(0)),
			   format('Run ROLLBACK PREPARED %L; in database %I, or COMMIT PREPARED %L;', p.gid, p.database, p.gid)
		  FROM pg_prepared_xacts p WHERE p.prepared < clock_timestamp() - older
		UNION ALL
		SELECT format('Replication slot "%s", unused', s.slot_name), format('Run SELECT pg_drop_replication_slot(%L); unless somebody still needs it.', s.slot_name)
		  FROM pg_replication_slots s WHERE NOT s.active AND s.xmin IS NOT NULL
	LOOP
		any_holder := true;
		RETURN NEXT internal.finding('long transactions', 'warning', holder.who || ', keeps old row versions: tables and indexes of the catalog grow.', holder.cure);
	END LOOP;
	IF NOT any_holder THEN
		RETURN NEXT internal.finding('long transactions', 'ok');
	END IF;
	IF current_setting('synchronous_standby_names') <> '' AND NOT pg_is_in_recovery()
		AND NOT EXISTS (SELECT 1 FROM pg_stat_replication r WHERE r.sync_state IN ('sync', 'quorum')) THEN
		RETURN NEXT internal.finding('synchronous standby', 'failed', 'synchronous_standby_names is set and no synchronous standby is connected: every commit waits, also the master''s.',
			'Start the standby, or set synchronous_standby_names = '''' and run SELECT pg_reload_conf();');
	END IF;
END
$$;
COMMENT ON FUNCTION internal.diagnose_server(interval) IS 'Part of diagnose_scaleout: what others do to the catalog';

-- The words are those of the copying worker, as the master has written them down.
CREATE FUNCTION internal.diagnose_log_copy() RETURNS SETOF internal.finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	log internal.log_database;
	waiting record;
	backlog text;
BEGIN
	SELECT * INTO log FROM internal.log_database;
	IF NOT FOUND THEN
		RETURN NEXT internal.finding('log copy', 'ok', 'No log database is set: event messages are in the catalog only.');
		RETURN;
	END IF;
	SELECT coalesce(sum(q.messages), 0) AS messages, min(q.queued_time)::timestamptz(0) AS since INTO waiting FROM internal.log_copy_queue q;
	backlog := format('%s messages wait%s', waiting.messages, ', the first since ' || waiting.since);
	IF log.state = 'failing' THEN
		RETURN NEXT internal.finding('log copy', 'failed', format('%s: %s. Log database "%s", since %s; %s. The messages are complete in this catalog.',
			log.code, rtrim(log.message, '.'), log.server_name, log.state_since::timestamptz(0), backlog),
			log.hint || ' It is tried again within a minute; SELECT pg_reload_conf(); tries at once.');
	ELSIF log.state = 'starting' THEN
		RETURN NEXT internal.finding('log copy', 'warning', format('The copy to log database "%s" has not begun; %s.', log.server_name, backlog),
			'Ask again in a few seconds; if it stays so, see "master alive".');
	ELSIF waiting.since < clock_timestamp() - interval '5 min' THEN
		RETURN NEXT internal.finding('log copy', 'warning', format('The copy to log database "%s" is slower than the packages: %s.', log.server_name, backlog),
			'Look in the log database for what slows it down (pg_stat_activity); the messages are complete in this catalog.');
	ELSE
		RETURN NEXT internal.finding('log copy', 'ok', format('Event messages are copied to log database "%s"; %s.', log.server_name, backlog));
	END IF;
	IF log.lost_messages > 0 THEN
		RETURN NEXT internal.finding('log copy complete', 'warning',
			format('SO259: %s messages were removed by retention before they were copied, the last at %s.', log.lost_messages, log.lost_time::timestamptz(0)),
			'They cannot be copied any more. Keep RETENTION_WINDOW longer than the log database is away; catalog.update_logdb_info begins to count anew.');
	END IF;
END
$$;
COMMENT ON FUNCTION internal.diagnose_log_copy() IS 'Part of diagnose_scaleout: the additional copy of event messages';

-- Whoever shuts out readers of the catalog, too: the other checks would wait for them.
-- waiters: also who still waits for such a lock, because everybody else queues up behind.
CREATE FUNCTION internal.diagnose_locks(waiters boolean) RETURNS SETOF internal.finding
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT internal.finding('catalog locked', 'failed',
			   format('Session %s of %s (%s) %s %s exclusively: nobody can read it, and no further check is made.', a.pid, coalesce(a.usename, a.backend_type),
					  left(a.query, 60), CASE WHEN bool_and(l.granted) THEN 'has locked' ELSE 'waits in front of all others to lock' END,
					  string_agg(l.relation::regclass::text, ', ')),
			   format('Run SELECT pg_terminate_backend(%s); or wait until it has ended, if it is an upgrade or a maintenance.', a.pid))
	  FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_stat_activity a ON a.pid = l.pid
	 WHERE (l.granted OR waiters) AND l.mode = 'AccessExclusiveLock' AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
	   AND c.relnamespace = 'internal'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition AND l.pid <> pg_backend_pid()
	 GROUP BY a.pid, a.usename, a.backend_type, a.query
$$;
COMMENT ON FUNCTION internal.diagnose_locks(boolean) IS 'Part of diagnose_scaleout: sessions that shut everybody out of a table of the catalog';

CREATE FUNCTION internal.diagnose_scaleout(caller regrole) RETURNS SETOF internal.finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s'
AS $$
BEGIN
	PERFORM internal.require_admin(caller, 'diagnose scaleout');
	RETURN NEXT internal.finding('library preloaded', 'ok');
	RETURN QUERY SELECT * FROM internal.diagnose_locks(false);
	IF FOUND THEN
		RETURN;
	END IF;
	-- The lock may come now, while the checks are made.
	BEGIN
		RETURN QUERY SELECT * FROM internal.diagnose_version();
		RETURN QUERY SELECT * FROM internal.diagnose_settings();
		RETURN QUERY SELECT * FROM internal.diagnose_binding();
		RETURN NEXT internal.diagnose_file('programs', 'programs installed');
		RETURN NEXT internal.diagnose_file('security directory', 'security directory');
		RETURN NEXT internal.diagnose_file('space', 'space for keys and logs');
		RETURN QUERY SELECT * FROM internal.diagnose_certificate();
		RETURN QUERY SELECT * FROM internal.diagnose_rotation();
		RETURN NEXT internal.diagnose_encryption();
		RETURN QUERY SELECT * FROM internal.diagnose_master();
		RETURN QUERY SELECT * FROM internal.diagnose_port();
		RETURN NEXT internal.diagnose_partitions();
		RETURN QUERY SELECT * FROM internal.diagnose_workers();
		RETURN QUERY SELECT * FROM internal.diagnose_clocks();
		RETURN QUERY SELECT * FROM internal.diagnose_refused();
		RETURN QUERY SELECT * FROM internal.diagnose_log_copy();
		RETURN QUERY SELECT * FROM internal.diagnose_server();
	EXCEPTION WHEN lock_not_available THEN
		RETURN QUERY SELECT * FROM internal.diagnose_locks(true);
		IF NOT FOUND THEN
			RETURN NEXT internal.finding('catalog locked', 'failed', 'A check waited in vain for a lock of a session that has ended meanwhile.', 'Run SELECT * FROM catalog.diagnose_scaleout(); again.');
		END IF;
	END;
END
$$;
COMMENT ON FUNCTION internal.diagnose_scaleout(regrole) IS 'Behind catalog.diagnose_scaleout';
