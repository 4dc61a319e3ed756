-- 18_tasks.sql
--
-- Scheduling state.  Written by the master only.

CREATE TABLE internal.task (
	task_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	execution_id bigint NOT NULL UNIQUE,
	state smallint NOT NULL DEFAULT 1,
	attempt integer NOT NULL DEFAULT 0,
	agent_id uuid,
	instance_id uuid,
	epoch bigint,
	lease_interval_ms integer NOT NULL,
	failures integer NOT NULL DEFAULT 0,
	lost integer NOT NULL DEFAULT 0,
	stop_requested boolean NOT NULL DEFAULT false
) WITH (fillfactor = 70);
COMMENT ON TABLE internal.task IS 'One task per started execution; written by the master only';
COMMENT ON COLUMN internal.task.state IS '1 ready, 2 leased, 3 finished';
COMMENT ON COLUMN internal.task.failures IS 'Attempts in which the package failed, against retry_count';
COMMENT ON COLUMN internal.task.lost IS 'Attempts whose worker or runner was lost, against max_lost_attempts';

-- Insert and delete only; read from a remembered position.
CREATE SEQUENCE internal.ready_id;
CREATE TABLE internal.ready (
	ready_id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('internal.ready_id'),
	task_id uuid NOT NULL,
	execution_id bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
COMMENT ON TABLE internal.ready IS 'Tasks that any worker may take; written by the master only';

CREATE TABLE internal.ready_restricted (
	agent_id uuid NOT NULL,
	ready_id bigint NOT NULL,
	task_id uuid NOT NULL,
	execution_id bigint NOT NULL,
	PRIMARY KEY (agent_id, ready_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX ready_restricted_task ON internal.ready_restricted (task_id);
COMMENT ON TABLE internal.ready_restricted IS 'Tasks for named workers, one row per allowed worker; written by the master only';

CREATE TABLE internal.task_attempt (
	task_id uuid NOT NULL,
	attempt integer NOT NULL,
	execution_id bigint NOT NULL,
	agent_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	epoch bigint NOT NULL,
	retry integer NOT NULL DEFAULT 0,
	lease_time timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	start_time timestamptz,
	end_time timestamptz,
	process_id integer,
	outcome smallint,
	message text,
	last_sequence bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (task_id, attempt)
) WITH (fillfactor = 70);
COMMENT ON TABLE internal.task_attempt IS 'Every lease of a task; written by the master only';
COMMENT ON COLUMN internal.task_attempt.outcome IS 'NULL running, 1 succeeded, 2 failed, 3 canceled, 4 lost, 5 superseded';
COMMENT ON COLUMN internal.task_attempt.last_sequence IS 'Every report item up to this one is committed';
