/*
 * bgworker/spi.c
 *
 * The transaction bracket of the workers.  Statements do no more than call
 * functions of schema internal: the rules stand in sql/.
 *
 * Process: master and maintenance.  Shared data: tables, under PostgreSQL's
 * own rules.  A process that dies inside the bracket leaves nothing: its
 * transaction never happened, and nobody has been told otherwise.
 */
#include "postgres.h"

#include "bgworker/spi.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

void
so_spi_begin(const char *activity, int timeout_ms)
{
	SetCurrentStatementStartTimestamp();
	debug_query_string = activity;
	pgstat_report_activity(STATE_RUNNING, activity);
	StartTransactionCommand();
	/* statement_timeout is not armed in a worker, only registered. */
	if (timeout_ms > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, timeout_ms);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
so_spi_end(void)
{
	SPI_finish();
	PopActiveSnapshot();
	disable_timeout(STATEMENT_TIMEOUT, false);
	/* A timer that fired just now must not interrupt the commit. */
	CHECK_FOR_INTERRUPTS();
	CommitTransactionCommand();

	/*
	 * A termination that interrupts the wait for a synchronous standby lets
	 * the commit return; going on would acknowledge what may not survive.
	 */
	CHECK_FOR_INTERRUPTS();
	debug_query_string = NULL;
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
}

ErrorData *
so_spi_abort(MemoryContext context)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	disable_timeout(STATEMENT_TIMEOUT, false);
	AbortCurrentTransaction();
	MemoryContextSwitchTo(context);
	debug_query_string = NULL;
	pgstat_report_activity(STATE_IDLE, NULL);
	return error;
}

bool
so_spi_retryable(const ErrorData *error)
{
	int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	return category == ERRCODE_TRANSACTION_ROLLBACK || category == ERRCODE_INSUFFICIENT_RESOURCES ||
		   error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		   error->sqlerrcode == ERRCODE_QUERY_CANCELED;
}

uint64
so_spi_run(SoSpiStatement *statement, Datum *arguments, const char *nulls)
{
	int result;

	if (statement->plan == NULL)
	{
		SPIPlanPtr plan = SPI_prepare(statement->sql, statement->n_arguments, statement->types);

		if (plan == NULL)
			elog(ERROR, "SPI_prepare failed for \"%s\": %s", statement->sql,
				 SPI_result_code_string(SPI_result));
		SPI_keepplan(plan);
		statement->plan = plan;
	}
	result = SPI_execute_plan(statement->plan, arguments, nulls, false, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute_plan failed for \"%s\": %s", statement->sql,
			 SPI_result_code_string(result));
	return SPI_processed;
}

/* One value of the last result; *isnull says whether it is NULL. */
static Datum
value(uint64 row, int column, bool *isnull)
{
	Assert(SPI_tuptable != NULL && row < SPI_tuptable->numvals);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

bool
so_spi_bool(uint64 row, int column)
{
	bool isnull;
	Datum datum = value(row, column, &isnull);

	return !isnull && DatumGetBool(datum);
}

int32
so_spi_int32(uint64 row, int column)
{
	bool isnull;
	Datum datum = value(row, column, &isnull);

	return isnull ? 0 : DatumGetInt32(datum);
}

int64
so_spi_int64(uint64 row, int column)
{
	bool isnull;
	Datum datum = value(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(datum);
}

pg_uuid_t
so_spi_uuid(uint64 row, int column)
{
	bool isnull;
	Datum datum = value(row, column, &isnull);
	pg_uuid_t result = {{0}};

	if (!isnull)
		memcpy(&result, DatumGetUUIDP(datum), sizeof(result));
	return result;
}

char *
so_spi_text(uint64 row, int column, MemoryContext context)
{
	bool isnull;
	Datum datum = value(row, column, &isnull);
	MemoryContext old;
	char *copy;

	if (isnull)
		return NULL;
	old = MemoryContextSwitchTo(context);
	copy = TextDatumGetCString(datum);
	MemoryContextSwitchTo(old);
	return copy;
}

Datum
so_spi_uuid_array(const pg_uuid_t *values, int n)
{
	Datum *datums = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		datums[i] = UUIDPGetDatum(&values[i]);
	return PointerGetDatum(construct_array(datums, n, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
}

Datum
so_spi_int32_array(const int32 *values, int n)
{
	Datum *datums = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		datums[i] = Int32GetDatum(values[i]);
	return PointerGetDatum(construct_array(datums, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

Datum
so_spi_text_array(const Datum *texts, int n)
{
	return PointerGetDatum(
		construct_array(unconstify(Datum *, texts), n, TEXTOID, -1, false, TYPALIGN_INT));
}
