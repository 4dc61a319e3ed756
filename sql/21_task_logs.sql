-- 21_task_logs.sql
--
-- Copies of task logs that somebody asked for.  The files are on the workers;
-- a copy lives here for a day.  Away from the hot tables, not in dumps, and
-- written by the master only: users insert a request (kind fetch_log).

-- The numbers are given to the askers before the master sees the request.
CREATE SEQUENCE internal.task_log_id;

CREATE TABLE internal.task_log (
	request_id bigint PRIMARY KEY,
	execution_id bigint NOT NULL,
	attempt integer NOT NULL,
	agent_id uuid NOT NULL,
	requested_oid oid NOT NULL,
	requested_by name NOT NULL,
	requested_time timestamptz NOT NULL,
	state smallint NOT NULL DEFAULT 1,
	from_offset bigint,
	max_bytes integer NOT NULL,
	first_offset bigint,
	next_offset bigint,
	log_size bigint,
	changed_time timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	code text,
	message text,
	detail text,
	hint text
) WITH (fillfactor = 70);
COMMENT ON TABLE internal.task_log IS 'Task logs that were asked for, and how far they have come; written by the master only';
COMMENT ON COLUMN internal.task_log.state IS '1 open, 2 complete, 3 failed';
COMMENT ON COLUMN internal.task_log.from_offset IS 'First byte that was asked for; NULL: the last max_bytes';
COMMENT ON COLUMN internal.task_log.next_offset IS 'Bytes from first_offset up to this one are here; counted in the files of the attempt, one after the other';
COMMENT ON COLUMN internal.task_log.changed_time IS 'When something of it came last; an open one that does not change fails after lease_interval';

CREATE TABLE internal.task_log_part (
	request_id bigint NOT NULL,
	first_offset bigint NOT NULL,
	body text NOT NULL,
	PRIMARY KEY (request_id, first_offset)
);
COMMENT ON TABLE internal.task_log_part IS 'Pieces of task logs as text; written by the master only';
