-- 22_log_copy.sql
--
-- The additional copy of event messages in a log database: where it goes, how
-- it stands, and what waits for it.  Written by the master and its maintenance
-- worker; the copying worker only reads.

-- Numbers are given in the order of commits, because only the master gives them.
CREATE SEQUENCE internal.log_copy_id;

CREATE TABLE internal.log_database (
	only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
	server_name text NOT NULL,
	connection_secret bytea NOT NULL,
	by_superuser boolean NOT NULL,
	changed_by name NOT NULL,
	changed_time timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	source uuid NOT NULL,
	state text NOT NULL DEFAULT 'starting' CHECK (state IN ('starting', 'copying', 'failing')),
	state_since timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	code text,
	message text,
	hint text,
	copied_messages bigint NOT NULL DEFAULT 0,
	copied_time timestamptz,
	lost_messages bigint NOT NULL DEFAULT 0,
	lost_time timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE internal.log_database IS 'The log database, when there is one, and the state of the copy; no row: messages are in the catalog only';
COMMENT ON COLUMN internal.log_database.connection_secret IS 'The connection string, encrypted';
COMMENT ON COLUMN internal.log_database.by_superuser IS 'Set by a superuser: the server''s account may be used to log in';
COMMENT ON COLUMN internal.log_database.source IS 'How the log database knows this catalog; another one after another binding';
COMMENT ON COLUMN internal.log_database.lost_messages IS 'Removed by retention before they were copied';

-- One row for the events of an attempt in one report: in the transaction that
-- stores them.  Empty while no log database is set.
CREATE TABLE internal.log_copy_queue (
	copy_id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('internal.log_copy_id'),
	source uuid NOT NULL,
	operation_id bigint NOT NULL,
	attempt integer NOT NULL,
	first_sequence bigint NOT NULL,
	last_sequence bigint NOT NULL,
	messages integer NOT NULL,
	queued_time timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX log_copy_queue_operation ON internal.log_copy_queue (operation_id);
COMMENT ON TABLE internal.log_copy_queue IS 'Ranges of event messages that wait to be copied to the log database';

CREATE TABLE internal.log_copy_owed (
	operation_id bigint PRIMARY KEY
);
COMMENT ON TABLE internal.log_copy_owed IS 'Operations that ended while their messages could not be copied, and say so';
