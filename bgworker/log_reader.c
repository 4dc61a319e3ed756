/*
 * bgworker/log_reader.c
 *
 * Reads the queue of the log copy and the messages that it names.  A range is
 * what came in one report, so its size is bounded by the gateway's limits; a
 * batch ends after the range with which it reaches BATCH_BYTES.
 *
 * Process: the copying worker.  Shared data: the catalog, read only.
 */
#include "postgres.h"

#include "bgworker/log_reader.h"

#include "bgworker/spi.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

#define BATCH_BYTES (1024 * 1024)

static SoSpiStatement target_statement = {
	.sql = "SELECT server_name, connection_string, by_superuser, source, last_id"
		   "  FROM internal.log_copy_settings()"};

static SoSpiStatement ranges_statement = {
	.sql = "SELECT copy_id, source, operation_id, attempt, first_sequence, last_sequence"
		   "  FROM internal.log_copy_ranges($1, $2)",
	.n_arguments = 2,
	.types = {INT8OID, INT4OID}};

static SoSpiStatement messages_statement = {
	.sql = "SELECT * FROM internal.log_copy_messages($1, $2, $3, $4, $5)",
	.n_arguments = 5,
	.types = {UUIDOID, INT8OID, INT4OID, INT8OID, INT8OID}};

void
so_log_reader_target(SoLogTarget *target, MemoryContext context)
{
	memset(target, 0, sizeof(*target));
	if (so_spi_run(&target_statement, NULL, NULL) != 1)
		return;
	target->set = true;
	target->server_name = so_spi_text(0, 1, context);
	target->connection_string = so_spi_text(0, 2, context);
	target->by_superuser = so_spi_bool(0, 3);
	target->source = so_spi_uuid(0, 4);
	target->last_id = so_spi_int64(0, 5);
}

void
so_log_reader_ranges(int64 after, SoLogRanges *ranges)
{
	Datum arguments[2] = {Int64GetDatum(after), Int32GetDatum(SO_LOG_READER_RANGES)};
	uint64 rows = so_spi_run(&ranges_statement, arguments, NULL);

	ranges->n = 0;
	for (uint64 row = 0; row < rows; row++)
	{
		pg_uuid_t source = so_spi_uuid(row, 2);

		if (row == 0)
			ranges->source = source;
		/* Those of a restored catalog come first; the position is one per source. */
		if (memcmp(&source, &ranges->source, sizeof(source)) != 0)
			break;
		ranges->copy_ids[row] = so_spi_int64(row, 1);
		ranges->operations[row] = so_spi_int64(row, 3);
		ranges->attempts[row] = so_spi_int32(row, 4);
		ranges->first[row] = so_spi_int64(row, 5);
		ranges->last[row] = so_spi_int64(row, 6);
		ranges->n++;
	}
}

/* A value in COPY's text format. */
static void
append_value(StringInfo lines, const char *value)
{
	if (value == NULL)
	{
		appendStringInfoString(lines, "\\N");
		return;
	}
	for (; *value != '\0'; value++)
	{
		switch (*value)
		{
			case '\\':
				appendStringInfoString(lines, "\\\\");
				break;
			case '\n':
				appendStringInfoString(lines, "\\n");
				break;
			case '\r':
				appendStringInfoString(lines, "\\r");
				break;
			case '\t':
				appendStringInfoString(lines, "\\t");
				break;
			default:
				appendStringInfoChar(lines, *value);
		}
	}
}

static void
append_rows(StringInfo lines, uint64 rows)
{
	int n = SPI_tuptable->tupdesc->natts;

	for (uint64 row = 0; row < rows; row++)
	{
		for (int column = 1; column <= n; column++)
		{
			char *value = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);

			append_value(lines, value);
			appendStringInfoChar(lines, column < n ? '\t' : '\n');
			if (value != NULL)
				pfree(value);
		}
	}
}

static void
name_columns(StringInfo columns)
{
	resetStringInfo(columns);
	for (int column = 1; column <= SPI_tuptable->tupdesc->natts; column++)
		appendStringInfo(columns, "%s%s", column > 1 ? ", " : "",
						 quote_identifier(SPI_fname(SPI_tuptable->tupdesc, column)));
}

int
so_log_reader_lines(const SoLogRanges *ranges, int start, StringInfo lines, StringInfo columns)
{
	int i = start;

	while (i < ranges->n && lines->len < BATCH_BYTES)
	{
		Datum arguments[5] = {UUIDPGetDatum(&ranges->source), Int64GetDatum(ranges->operations[i]),
							  Int32GetDatum(ranges->attempts[i]), Int64GetDatum(ranges->first[i]),
							  Int64GetDatum(ranges->last[i])};
		uint64 rows = so_spi_run(&messages_statement, arguments, NULL);

		if (i == start)
			name_columns(columns);
		append_rows(lines, rows);
		SPI_freetuptable(SPI_tuptable);
		i++;
	}
	return i;
}
