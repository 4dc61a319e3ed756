-- What explain_execution says about an execution that waits is what the master
-- does: for random workers, packages and executions (the same in every run),
-- internal.master_pick and the explanations must agree, pair by pair.
\set SHOW_CONTEXT never
BEGIN;
-- No master runs here: it is taken to serve.
CREATE OR REPLACE FUNCTION internal.explain_master() RETURNS internal.finding LANGUAGE sql AS 'SELECT NULL::internal.finding';
DELETE FROM internal.ready;
DELETE FROM internal.ready_restricted;
DELETE FROM internal.worker_agent;
DELETE FROM internal.master_state;
INSERT INTO internal.master_state (epoch, timeline, started_time, last_online_time, host) VALUES (1, 1, now(), now(), 'Master.example');
-- 0 to sides - 1, from a hash: random() is another one in every version.
CREATE FUNCTION public.dice(what text, n integer, sides integer) RETURNS integer LANGUAGE sql AS
	$$ SELECT (('x' || substr(md5('seed 5 ' || what || n), 1, 7))::bit(28)::integer) % sides $$;
CREATE FUNCTION public.some_of(what text, n integer, VARIADIC words text[]) RETURNS text[] LANGUAGE sql AS
	$$ SELECT coalesce(array_agg(w), '{}') FROM unnest(words) w WHERE public.dice(what || w, n, 3) > 0 $$;

INSERT INTO internal.worker_agent (agent_id, is_enabled, display_name, machine_name, tags, last_online_time, capabilities, instance_id, thumbprint, asked_tasks, asked_reason)
SELECT md5('worker ' || n)::uuid, dice('enabled', n, 5) > 0, 'w' || n, (ARRAY['master', 'MASTER.example', 'master.elsewhere', 'other', NULL])[1 + dice('machine', n, 5)],
	   (ARRAY[NULL, '', ' GPU ,big', 'big', 'gpu,ssd, big'])[1 + dice('tags', n, 5)],
	   CASE WHEN dice('online', n, 6) > 0 THEN now() ELSE now() - interval '1 day' END,
	   CASE WHEN dice('old', n, 8) > 0 THEN jsonb_build_object('task_types', some_of('worker', n, 'execute_sql', 'http', 'ftp')) ELSE '{}' END,
	   gen_random_uuid(), md5('a' || n) || md5('b' || n), nullif(dice('asked', n, 5), 4), CASE dice('asked', n, 5) WHEN 0 THEN 'all its tasks are taken (MaxTaskCount = 4)' END
  FROM generate_series(1, 30) n;
INSERT INTO internal.worker_certificate (thumbprint, agent_id, trusted_by, revoked)
SELECT md5('a' || n) || md5('b' || n), md5('worker ' || n)::uuid, 'me', dice('revoked', n, 8) = 0
  FROM generate_series(1, 30) n WHERE dice('certificate', n, 20) > 0;
SELECT catalog.create_folder('random') > 0 AS made;
SELECT catalog.deploy_packages('random', 'random', array_agg(ROW('p' || n, json_build_object('name', 'p' || n, 'id', md5('package' || n)::uuid, 'executables', '[]'::json)::text)::catalog.package_table_type)) > 0 AS deployed
  FROM generate_series(1, 9) n;
UPDATE internal.package k SET required_task_types = some_of('package', substr(k.name, 2)::integer, 'execute_sql', 'ftp')
 WHERE k.project_id = (SELECT p.project_id FROM internal.project p WHERE p.name = 'random') AND k.name <> 'p1';
CREATE TABLE public.random_execution AS
SELECT n, catalog.create_execution('random', 'random', 'p' || (1 + dice('package', n, 9)), runinscaleout => dice('host', n, 4) > 0, useanyworker => dice('any', n, 4) > 0) AS id
  FROM generate_series(1, 200) n;
UPDATE internal.execution e SET required_tags = (ARRAY[NULL, ' ', 'gpu', 'Big , ssd', 'gpu, big', 'nowhere'])[1 + dice('required', n, 6)] FROM random_execution r WHERE r.id = e.execution_id;
INSERT INTO internal.execution_worker (execution_id, agent_id)
SELECT DISTINCT r.id, md5('worker ' || 1 + dice('named ' || i, r.n, 32))::uuid FROM random_execution r JOIN internal.execution e ON e.execution_id = r.id, generate_series(1, 1 + dice('names', r.n, 3)) i
 WHERE NOT e.useanyworker;
UPDATE internal.operation SET status = 5 WHERE operation_id IN (SELECT id FROM random_execution);
-- Some were given workers that are not registered: the master ends these.
SELECT internal.master_start_executions(array_agg(id ORDER BY id), 60000) AS started FROM random_execution;

-- Each worker asks alone, for more than there is: what it is given is what fits.
CREATE TABLE public.given AS
SELECT w.agent_id, e.execution_id FROM internal.worker_agent w, LATERAL (SELECT unnest(p.execution) AS execution_id FROM internal.master_pick(0, ARRAY[w.agent_id], ARRAY[1000], 100000) p) e;
CREATE TABLE public.told AS
SELECT e.execution_id, v.* FROM internal.execution e JOIN random_execution r ON r.id = e.execution_id, LATERAL internal.workers_for(e) v;
-- Who polls with room, as bgworker/leasing.c chooses them.
CREATE TABLE public.polls AS
SELECT w.agent_id FROM internal.worker_agent w
 WHERE w.is_enabled AND w.asked_tasks > 0 AND w.last_online_time = now()
   AND EXISTS (SELECT 1 FROM internal.worker_certificate c WHERE c.thumbprint = w.thumbprint AND NOT c.revoked);
SELECT count(*) AS pairs, count(*) FILTER (WHERE g.agent_id IS NOT NULL) AS that_fit,
	   count(*) FILTER (WHERE (coalesce(t.nearness, 0) > 1) <> (g.agent_id IS NOT NULL)) AS told_otherwise,
	   count(*) FILTER (WHERE (coalesce(t.nearness, 0) = 5) <> (g.agent_id IS NOT NULL AND p.agent_id IS NOT NULL)) AS given_otherwise
  FROM internal.worker_agent w CROSS JOIN random_execution r
  LEFT JOIN given g ON g.agent_id = w.agent_id AND g.execution_id = r.id
  LEFT JOIN told t ON t.agent_id = w.agent_id AND t.execution_id = r.id
  LEFT JOIN polls p ON p.agent_id = w.agent_id;
SELECT reason, count(*) > 20 AS often FROM told GROUP BY reason ORDER BY reason COLLATE "C";
-- All of them at once: what is given out is what was about to be.
CREATE TABLE public.explained AS SELECT r.id, e.* FROM random_execution r, LATERAL catalog.explain_execution(r.id) e;
WITH handed_out AS (
	SELECT unnest(p.execution) AS id
	  FROM (SELECT array_agg(agent_id ORDER BY agent_id) AS agents, array_agg(1000) AS rooms FROM polls) q, internal.master_pick(0, q.agents, q.rooms, 100000) p
)
SELECT count(*) AS executions, count(h.id) AS handed_out, count(*) FILTER (WHERE (e.state = 'is about to be given out') <> (h.id IS NOT NULL)) AS told_otherwise
  FROM explained e LEFT JOIN handed_out h ON h.id = e.id;
-- Whoever waits is told why, and what to do; the nearest obstacle gives the reason.
SELECT state, reason, count(*) > 0 AS seen, bool_and(cause <> '' AND cure <> '') AS complete FROM explained GROUP BY state, reason ORDER BY state, reason COLLATE "C";
-- A worker that was removed before the start is in no queue.
SELECT count(*) AS queued_for_nobody FROM internal.ready_restricted r WHERE NOT EXISTS (SELECT 1 FROM internal.worker_agent w WHERE w.agent_id = r.agent_id);

-- What the choice calls for every task in the queue is part of its plan, not executed by itself.
CREATE FUNCTION public.plan_of(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || statement; END $$;
SELECT line AS called FROM plan_of('SELECT internal.tag_list(w.tags), internal.task_types(w.capabilities), internal.on_master_host(w.machine_name, w.display_name),
	internal.worker_fits(w.is_enabled, w.is_enabled, w.capabilities, w.capabilities, w.capabilities, w.capabilities) FROM internal.worker_agent w') AS p (line) WHERE line ~ 'tag_list|task_types\(|on_master_host|worker_fits';
-- What a worker says of itself cannot become a command, for whoever pastes the cure.
SELECT n, internal.shell_word(said) AS word
  FROM unnest(ARRAY['host-1.example', '/etc/scaleout/worker.conf', '/srv/a b/worker.conf', 'x; reboot', '$(reboot)', E'x\nreboot', E'it''s\u202e\u0085\x1b[2J', '', NULL]) WITH ORDINALITY AS s (said, n) ORDER BY n;
UPDATE internal.worker_agent SET display_name = E'a\nb\x1b[2J', machine_name = E'host''; reboot #', settings_file = '/etc/`reboot`/worker.conf', asked_tasks = 0, held_tasks = 0, is_enabled = true,
	   last_online_time = clock_timestamp(), clock_difference_ms = 3600000, asked_reason = E'load\n(RunnerProgram = x)'
 WHERE agent_id = (SELECT agent_id FROM polls ORDER BY 1 LIMIT 1);
SELECT n.cause, n.cure FROM internal.worker_agent w, LATERAL internal.explain_not_asking(w) n WHERE w.clock_difference_ms IS NOT NULL;
SELECT internal.cure_by_setting(w, 'MaxTaskCount', '8') FROM internal.worker_agent w WHERE w.clock_difference_ms IS NOT NULL;
SELECT d.cure FROM internal.diagnose_clocks() d;
UPDATE internal.worker_agent SET last_online_time = '2001-01-01 00:00:00+00' WHERE clock_difference_ms IS NOT NULL;
SELECT o.cure FROM internal.worker_agent w, LATERAL internal.worker_obstacle(w) o WHERE w.clock_difference_ms IS NOT NULL;
SELECT internal.task_log_place('00000000-0000-0000-0000-000000000001', 1, w) FROM internal.worker_agent w WHERE w.clock_difference_ms IS NOT NULL;
-- Nor does it come to the terminal of whoever lists the workers, or the attempts of strangers.
INSERT INTO internal.worker_certificate (thumbprint, trusted_by) VALUES (repeat('e', 64), 'me');
SELECT r.code FROM internal.master_register(1, ARRAY[md5('rude')::uuid], ARRAY[md5('rude')::uuid], ARRAY[repeat('e', 64)],
	ARRAY['{"display_name": "a\nb", "description": "c\r", "machine_name": "m\u001b[2J", "user_account": "u\u202e", "version": "1\u009b", "max_task_count": 1, "capabilities": {}}']) r;
SELECT display_name, description, machine_name, user_account, version FROM internal.worker_agent WHERE agent_id = md5('rude')::uuid;
SELECT j.code FROM internal.master_join(ARRAY[repeat('f', 64)], ARRAY['10.0.0.3:1'], ARRAY[md5('stranger')::uuid],
	ARRAY['{"token": "00000000-0000-0000-0000-000000000001", "secret": "x", "machine_name": "s\u001b[2J"}']) j;
SELECT machine_name FROM internal.enrollment_attempt WHERE peer = '10.0.0.3:1';
-- Whoever joined from an address after it was refused there is not in the diagnosis any more, with either family.
INSERT INTO internal.refused_connection (code, address, thumbprint, network, reason, subject, not_before, not_after, first_time, last_time, connections)
SELECT 'SO302', a.address, md5(a.address) || md5(a.address), a.address, 'x', 'CN=x', now(), now() + interval '1 year', now() - interval '1 minute', now() - interval '1 minute', 1
  FROM unnest(ARRAY['10.0.0.1', '10.0.0.2', '2001:db8::1', '2001:db8::2']) AS a (address);
INSERT INTO internal.enrollment_attempt (attempted_time, peer, thumbprint, accepted) VALUES (now(), '10.0.0.1:4711', 'x', true), (now(), '[2001:db8::1]:4711', 'x', true), (now(), '[2001:db8::2]:4711', 'x', false);
SELECT regexp_replace(d.cause, ' shows .*', '') AS cause FROM internal.diagnose_refused() d ORDER BY 1;

-- No worker at all, but somebody knocks: whoever may not list who is refused does not learn it here.
DELETE FROM internal.worker_agent;
CREATE ROLE explain_reader;
GRANT ssis_logreader TO explain_reader;
CREATE FUNCTION public.reason_for(caller regrole) RETURNS TABLE (reason text, names boolean) LANGUAGE sql AS $$
	SELECT x.reason, x.cause ~ '2001:db8' FROM internal.explain_execution(caller, (SELECT e.execution_id FROM internal.execution e JOIN random_execution r ON r.id = e.execution_id WHERE e.useanyworker ORDER BY 1 LIMIT 1)) x $$;
UPDATE internal.refused_connection SET last_time = clock_timestamp() WHERE address = '2001:db8::2';
DELETE FROM internal.refused_connection WHERE address <> '2001:db8::2';
SELECT * FROM reason_for('explain_reader') UNION ALL SELECT * FROM reason_for(current_user::regrole);
DELETE FROM internal.refused_connection;
SELECT state, reason, cause FROM catalog.explain_execution((SELECT e.execution_id FROM internal.execution e JOIN random_execution r ON r.id = e.execution_id WHERE e.useanyworker ORDER BY 1 LIMIT 1));
SELECT state, reason, cause FROM catalog.explain_execution((SELECT e.execution_id FROM internal.execution e JOIN random_execution r ON r.id = e.execution_id
	JOIN internal.ready_restricted q ON q.execution_id = r.id ORDER BY 1 LIMIT 1));
ROLLBACK;

-- Nobody learns of an execution that is not theirs, or not there.
SELECT execution_id AS own FROM catalog.executions WHERE status = 1 ORDER BY 1 LIMIT 1 \gset
\set VERBOSITY sqlstate
SELECT * FROM catalog.explain_execution(987654321);
SELECT * FROM catalog.explain_execution(NULL);
SET ROLE plain_user;
SELECT * FROM catalog.explain_execution(:own);
RESET ROLE;
