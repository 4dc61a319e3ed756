-- 20_messages.sql
--
-- Messages and statistics of executions: partitioned by ranges of the
-- operation id, because every question names an operation and retention drops
-- whole ranges.  The parents are members of the extension, the partitions are
-- ordinary tables made by internal.ensure_partitions, so that dump and restore
-- keep them.  No default partition and no foreign keys: both would lock other
-- tables when a partition is attached.  Each partition has a primary key of its
-- own and the parents have none: a restore would make the parent's key when it
-- attaches the partition and then once more.  Inserts therefore say ON CONFLICT
-- DO NOTHING without columns.  Written by the master only.

-- One numbering for operation and event messages, as in SSIS.
CREATE SEQUENCE internal.message_id CACHE 100;
CREATE SEQUENCE internal.executable_id CACHE 100;
CREATE SEQUENCE internal.statistics_id CACHE 100;

CREATE TABLE internal.event_message (
	operation_id bigint NOT NULL,
	attempt integer NOT NULL,
	sequence bigint NOT NULL,
	event_message_id bigint NOT NULL DEFAULT pg_catalog.nextval('internal.message_id'),
	message_time timestamptz NOT NULL,
	message_type smallint NOT NULL,
	message_source_type smallint NOT NULL,
	message text,
	extended_info_id bigint,
	package_name text,
	event_name text,
	message_source_name text,
	message_source_id text,
	subcomponent_name text,
	package_path text,
	execution_path text,
	thread_id integer,
	message_code integer,
	code text,
	percent integer,
	progress_low integer,
	progress_high integer
) PARTITION BY RANGE (operation_id);
COMMENT ON TABLE internal.event_message IS 'Events of packages; written by the master only';
COMMENT ON COLUMN internal.event_message.code IS 'Our error code (SOnnn) when the event has one';

CREATE TABLE internal.operation_message (
	operation_id bigint NOT NULL,
	operation_message_id bigint NOT NULL DEFAULT pg_catalog.nextval('internal.message_id'),
	message_time timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	message_type smallint NOT NULL,
	message_source_type smallint NOT NULL,
	message text NOT NULL,
	extended_info_id bigint,
	attempt integer,
	code text
) PARTITION BY RANGE (operation_id);
COMMENT ON TABLE internal.operation_message IS 'What the master says about operations: takeovers, retries, stops; written by the master only';

CREATE TABLE internal.executable (
	operation_id bigint NOT NULL,
	package_name text NOT NULL,
	executable_guid text NOT NULL,
	executable_id bigint NOT NULL DEFAULT pg_catalog.nextval('internal.executable_id'),
	executable_name text NOT NULL,
	package_path text NOT NULL
) PARTITION BY RANGE (operation_id);
COMMENT ON TABLE internal.executable IS 'Executables of each execution; written by the master only';

CREATE TABLE internal.executable_statistic (
	operation_id bigint NOT NULL,
	attempt integer NOT NULL,
	sequence bigint NOT NULL,
	statistics_id bigint NOT NULL DEFAULT pg_catalog.nextval('internal.statistics_id'),
	package_name text NOT NULL,
	executable_guid text NOT NULL,
	execution_path text,
	start_time timestamptz,
	end_time timestamptz,
	execution_duration integer,
	execution_result smallint,
	execution_value text,
	row_count bigint
) PARTITION BY RANGE (operation_id);
COMMENT ON TABLE internal.executable_statistic IS 'One row per run of an executable and loop iteration; written by the master only';
COMMENT ON COLUMN internal.executable_statistic.execution_duration IS 'Milliseconds';

CREATE TABLE internal.rejected_message (
	operation_id bigint NOT NULL,
	attempt integer NOT NULL,
	sequence bigint NOT NULL,
	received_time timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	agent_id uuid,
	code text NOT NULL,
	message text NOT NULL,
	item text
) PARTITION BY RANGE (operation_id);
COMMENT ON TABLE internal.rejected_message IS 'Report items that could not be stored, and why; written by the master only';

CREATE FUNCTION internal.partition_width() RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN 20000;
END
$$;
COMMENT ON FUNCTION internal.partition_width() IS 'Operations per partition';

CREATE FUNCTION internal.ensure_partitions(upto_operation_id bigint) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	width CONSTANT bigint := internal.partition_width();
	first_slot bigint;
	last_slot bigint;
	parent record;
	partition text;
	first_id bigint;
	created integer := 0;
BEGIN
	IF upto_operation_id IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'SO102', MESSAGE = 'the operation id must not be NULL';
	END IF;
	-- One range ahead, so that nobody waits for a partition that is being made.
	last_slot := greatest(upto_operation_id, 0) / width + 1;
	IF to_regclass(format('internal.rejected_message_p%s', last_slot)) IS NOT NULL
		AND to_regclass(format('internal.rejected_message_p%s', last_slot - 1)) IS NOT NULL THEN
		RETURN 0;
	END IF;
	-- No gaps: from the oldest range that is left, so that an operation that
	-- was overtaken by later ones finds its partition.
	SELECT min(substring(c.relname FROM '_p(\d+)$')::bigint) INTO first_slot
	  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
	 WHERE i.inhparent = 'internal.event_message'::regclass;
	IF first_slot IS NULL THEN
		SELECT min(o.operation_id) / width INTO first_slot FROM internal.operation o;
	END IF;
	FOR slot IN least(coalesce(first_slot, 0), last_slot - 1) .. last_slot LOOP
		first_id := slot * width;
		FOR parent IN
			SELECT * FROM (VALUES
				('event_message', 'operation_id, attempt, sequence'),
				('operation_message', 'operation_id, operation_message_id'),
				('executable', 'operation_id, package_name, executable_guid'),
				('executable_statistic', 'operation_id, attempt, sequence'),
				('rejected_message', 'operation_id, attempt, sequence')) AS v (name, key)
		LOOP
			partition := format('%s_p%s', parent.name, slot);
			CONTINUE WHEN to_regclass(format('internal.%I', partition)) IS NOT NULL;
			-- LIKE and ATTACH instead of PARTITION OF: the latter would wait
			-- for every reader of the parent.  The CHECK spares the scan.
			EXECUTE format('CREATE TABLE internal.%I (LIKE internal.%I INCLUDING ALL, PRIMARY KEY (%s), '
						   'CONSTRAINT operation_range CHECK (operation_id >= %s AND operation_id < %s))',
						   partition, parent.name, parent.key, first_id, first_id + width);
			EXECUTE format('ALTER TABLE internal.%I ATTACH PARTITION internal.%I FOR VALUES FROM (%s) TO (%s)',
						   parent.name, partition, first_id, first_id + width);
			created := created + 1;
		END LOOP;
	END LOOP;
	RETURN created;
END
$$;
COMMENT ON FUNCTION internal.ensure_partitions(bigint) IS 'Makes the partitions for operations up to this id and one range more; returns how many it made';
