-- The log database: who may set it, what is refused, and that the connection string is seen nowhere.
\set SHOW_CONTEXT never
SELECT catalog.update_logdb_info('logs', NULL);
SELECT catalog.update_logdb_info(NULL, 'host=log.example');
SELECT catalog.update_logdb_info('a<b', 'host=log.example');
-- No message repeats what may be a password.
SELECT catalog.update_logdb_info('logs', 'host=log.example password=two words');
SELECT catalog.update_logdb_info('logs', 'host=log.example nonsense=secret');
SELECT catalog.update_logdb_info('logs', 'postgresql://user:secret@[log.example/logs');
SELECT catalog.update_logdb_info('logs', 'host=log.example replication=true');
SET ROLE plain_user;
SELECT catalog.update_logdb_info('logs', 'host=log.example password=secret');
SELECT catalog.log_database_script();
SELECT count(*) FROM catalog.log_copy;
RESET ROLE;
-- An administrator who is no superuser gets neither files nor the identity of the server's account.
CREATE ROLE log_admin IN ROLE ssis_admin;
SET ROLE log_admin;
SELECT catalog.update_logdb_info('logs', 'host=log.example user=writer');
SELECT catalog.update_logdb_info('logs', 'host=log.example user=writer password=');
CREATE TABLE pg_temp.refused (option text, state text, message text);
DO $$
DECLARE
	given text;
	said text;
BEGIN
	FOREACH given IN ARRAY ARRAY['service=prod', 'passfile=/x', 'sslcert=/x', 'sslkey=/x', 'sslrootcert=/x', 'sslcrl=/x', 'sslpassword=x', 'krbsrvname=x',
		'gssencmode=prefer', 'requirepeer=postgres'] LOOP
		BEGIN
			PERFORM catalog.update_logdb_info('logs', 'host=log.example user=writer password=secret ' || given);
			INSERT INTO pg_temp.refused VALUES (given, 'accepted');
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS said = MESSAGE_TEXT;
			INSERT INTO pg_temp.refused VALUES (given, SQLSTATE, said);
		END;
	END LOOP;
END
$$;
SELECT * FROM pg_temp.refused;
SELECT catalog.update_logdb_info('logs', 'host=log.example port=5433 dbname=logs user=writer password=top-secret sslmode=require');
SELECT count(*), bool_or(query ~ 'top-secret') FROM pg_stat_activity WHERE pid = pg_backend_pid();
RESET ROLE;
-- The wish for the master; the string is encrypted.
SELECT kind, requested_by, payload ->> 'server_name' AS server_name, payload ->> 'by_superuser' AS by_superuser, r::text ~ 'top-secret' AS readable,
	   internal.decrypt_secret(decode(payload ->> 'secret', 'base64'), 'log_database/connection_string') FROM internal.request r WHERE kind = 'log_database';
-- As the master would do it.
SELECT internal.master_set_log_database(payload, requested_by) FROM internal.request WHERE kind = 'log_database';
DELETE FROM internal.request WHERE kind = 'log_database';
SELECT server_name, changed_by, state, copied_messages, waiting_messages, waiting_since, lost_messages FROM catalog.log_copy;
SELECT l::text ~ 'top-secret' AS readable FROM internal.log_database l;
SELECT "check", result, cause FROM catalog.diagnose_scaleout() WHERE "check" LIKE 'log copy%';
-- Events wait; an execution that ended says so once while the copy fails, and once when it was made.
SELECT operation_id AS id, status FROM internal.operation WHERE operation_id = (SELECT max(execution_id) FROM internal.execution) \gset
UPDATE internal.operation SET status = 7 WHERE operation_id = :id;
SELECT internal.master_queue_copies(ARRAY[:id, :id, :id, NULL], ARRAY[1, 1, 1, 1], ARRAY[4, 5, 6, 7], ARRAY['event', 'started', 'event', 'event'], ARRAY[true, true, true, false]);
SELECT operation_id = :id AS it, attempt, first_sequence, last_sequence, messages FROM internal.log_copy_queue;
SELECT internal.master_log_copy(NULL, 'failing', 'SO250', 'connection refused', 'Start it.');
SELECT internal.master_log_copy(NULL, 'failing', 'SO250', 'connection timed out', 'Start it.');
SELECT message_type, code, message FROM catalog.operation_messages WHERE operation_id = :id AND message ~ 'log database' ORDER BY operation_message_id;
SELECT result, regexp_replace(cause, 'since [^.;]*', 'since TIME', 'g') AS cause, cure FROM catalog.diagnose_scaleout() WHERE "check" = 'log copy';
SELECT internal.master_log_copy((SELECT max(copy_id) FROM internal.log_copy_queue), 'copying', NULL, NULL, NULL);
SELECT message_type, code, message FROM catalog.operation_messages WHERE operation_id = :id AND message ~ 'log database' ORDER BY operation_message_id DESC LIMIT 1;
SELECT copied_messages, copied_time IS NOT NULL AS told, waiting_messages, state, code FROM catalog.log_copy;
-- What retention removes before it was copied is counted.
SELECT internal.master_queue_copies(ARRAY[:id], ARRAY[1], ARRAY[9], ARRAY['event'], ARRAY[true]);
SELECT internal.log_copy_forget(:id, :id + 1);
SELECT lost_messages, waiting_messages FROM catalog.log_copy;
SELECT result, regexp_replace(cause, 'at .*\.', 'at TIME.') AS cause FROM catalog.diagnose_scaleout() WHERE "check" = 'log copy complete';
DELETE FROM internal.operation_message WHERE operation_id = :id AND message ~ 'log database';
UPDATE internal.operation SET status = :status WHERE operation_id = :id;
-- A master begins above all numbers that were ever given, also where the catalog was set back; another timeline leaves a gap.
SELECT last_value AS before FROM internal.log_copy_id \gset
SELECT setval('internal.log_copy_id', 1) AS set_back;
SELECT internal.log_copy_skip_numbers(false);
SELECT last_value > :before AS above FROM internal.log_copy_id;
SELECT setval('internal.log_copy_id', last_value + 1000000000000) - 1000000000000 = last_value AS clock_behind FROM internal.log_copy_id;
SELECT last_value AS before FROM internal.log_copy_id \gset
SELECT internal.log_copy_skip_numbers(false);
SELECT last_value - :before AS gap FROM internal.log_copy_id;
SELECT internal.log_copy_skip_numbers(true);
SELECT last_value - :before AS gap FROM internal.log_copy_id;
-- Off again: nothing is queued, and nothing is left.
SELECT catalog.update_logdb_info(NULL, NULL);
SELECT internal.master_set_log_database(payload, requested_by) FROM internal.request WHERE kind = 'log_database';
DELETE FROM internal.request WHERE kind = 'log_database';
SELECT internal.master_queue_copies(ARRAY[:id], ARRAY[1], ARRAY[10], ARRAY['event'], ARRAY[true]);
SELECT (SELECT count(*) FROM internal.log_copy_queue) AS waiting, (SELECT count(*) FROM catalog.log_copy) AS log_databases;
-- The script: twice, and the role can do what the copy does and nothing else.
SELECT catalog.log_database_script() AS script \gset
SET client_min_messages = warning;
:script
:script
RESET client_min_messages;
SELECT string_agg(table_name || ' ' || privilege_type, ', ' ORDER BY table_name, privilege_type) FROM information_schema.role_table_grants WHERE grantee = 'ssis_cluster_worker';
-- The columns are those that the copy writes, and the view's come first and in its order.
SELECT a.attname FROM pg_attribute a WHERE a.attrelid = 'scaleout_log.event_messages'::regclass AND a.attnum > 0 AND a.attname <> 'copied_time'
EXCEPT SELECT unnest(p.proargnames[6:]) FROM pg_proc p WHERE p.oid = 'internal.log_copy_messages'::regproc;
SELECT v.attname, l.attname FROM pg_attribute v LEFT JOIN pg_attribute l ON l.attrelid = 'scaleout_log.event_messages'::regclass AND l.attnum = v.attnum
 WHERE v.attrelid = 'catalog.event_messages'::regclass AND v.attnum > 0 AND (v.attname, v.atttypid) IS DISTINCT FROM (l.attname, l.atttypid);
DROP TABLE pg_temp.refused;
SET client_min_messages = warning;
DROP SCHEMA scaleout_log CASCADE;
DROP ROLE log_admin;
