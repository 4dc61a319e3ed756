/*
 * extension/wait.c
 *
 * CALL catalog.wait_for_operation and CALL catalog.run_package_and_wait.  They
 * commit what was done before, so that others can see it, and then sleep on a
 * condition variable that the master broadcasts.  They are SECURITY INVOKER
 * without SET clauses (COMMIT is not allowed otherwise) and ask only what the
 * caller may ask: through the public API.
 *
 * Process: client backends.  While it sleeps the session holds no snapshot and
 * no locks; a cancel or a crash of it leaves the operation running.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "extension/compat.h"
#include "extension/entry.h"
#include "extension/error.h"
#include "extension/outcome.h"
#include "extension/settings.h"
#include "extension/shared_memory.h"
#include "extension/wait.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define LOOK_AGAIN_MS SO_WAIT_LOOK_AGAIN_MS
#define FOREVER       SO_WAIT_FOREVER

SO_SQL_FUNCTION(so_wait_for_operation);
SO_SQL_FUNCTION(so_run_package_and_wait);

void
so_wait_require_own_statement(FunctionCallInfo fcinfo)
{
	bool atomic = !(fcinfo->context && IsA(fcinfo->context, CallContext) &&
					!((CallContext *) fcinfo->context)->atomic);

	so_error_require_preload();
	if (RecoveryInProgress())
		ereport(ERROR,
				(so_errcode(SO_ERR_RECOVERY), errmsg("cannot wait for operations during recovery"),
				 errhint("%s", so_error_default_hint(SO_ERR_RECOVERY))));
	if (atomic)
		ereport(
			ERROR,
			(so_errcode(SO_ERR_WAIT_IN_TRANSACTION),
			 errmsg("cannot wait inside a transaction block"),
			 errdetail("Nobody else can see what this transaction did, so it would wait for ever."),
			 errhint("%s", so_error_default_hint(SO_ERR_WAIT_IN_TRANSACTION))));
}

/* The status as the caller sees it; refused when there is none. */
static int
look_at_status(int64 operation_id)
{
	Oid types[1] = {INT8OID};
	Datum values[1] = {Int64GetDatum(operation_id)};
	bool is_null;
	int status;

	if (SPI_execute_with_args("SELECT status FROM catalog.operations "
							  "WHERE operation_id OPERATOR(pg_catalog.=) $1",
							  1, types, values, NULL, false, 1) != SPI_OK_SELECT)
		ereport(ERROR, (so_errcode(SO_ERR_INTERNAL), errmsg("cannot read catalog.operations")));
	if (SPI_processed == 0)
		ereport(ERROR, (so_errcode(SO_ERR_OPERATION_MISSING),
						errmsg("there is no operation %lld", (long long) operation_id),
						errhint("%s", so_error_default_hint(SO_ERR_OPERATION_MISSING))));
	status =
		DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
	SPI_freetuptable(SPI_tuptable);
	return status;
}

pg_noinline int64
so_wait_timeout_ms(FunctionCallInfo fcinfo, int argument)
{
	Interval *interval;
	int64 ms;

	if (PG_ARGISNULL(argument))
		return FOREVER;
	interval = PG_GETARG_INTERVAL_P(argument);
	ms = interval->time / 1000 +
		 ((int64) interval->day + (int64) interval->month * 30) * 24 * 3600 * 1000;
	if (ms < 0)
		ereport(ERROR, (so_errcode(SO_ERR_ARGUMENT_INVALID), errmsg("timeout must not be negative"),
						errhint("Leave timeout out to wait without limit.")));
	return ms;
}

/* Whether an end other than success is an error; NULL is refused. */
static bool
raise_on_failure(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(so_errcode(SO_ERR_ARGUMENT_MISSING), errmsg("raise_on_failure must not be NULL"),
				 errhint("%s", so_error_default_hint(SO_ERR_ARGUMENT_MISSING))));
	return PG_GETARG_BOOL(argument);
}

/*
 * Wait until the operation has ended or the time is up; returns the status
 * seen last.  The transaction before is committed first.
 */
static int
wait_until_ended(int64 operation_id, int64 timeout)
{
	ConditionVariable *condition = so_shared_finished_cv(operation_id);
	TimestampTz start = GetCurrentTimestamp();
	int status;

	for (;;)
	{
		long sleep_ms = so_sleep_in_transaction_ms(LOOK_AGAIN_MS);

		/* Before looking, so that no broadcast is missed between look and sleep. */
		ConditionVariablePrepareToSleep(condition);
		status = look_at_status(operation_id);
		SPI_commit();
		if (so_outcome_is_final(status))
			break;
		if (timeout != FOREVER)
		{
			int64 left = timeout - TimestampDifferenceMilliseconds(start, GetCurrentTimestamp());

			if (left <= 0)
				break;
			sleep_ms = (long) Min(left, sleep_ms);
		}
		/* SPI may have used the latch for locks, which cancels the preparation. */
		(void) ConditionVariableTimedSleep(condition, sleep_ms, so_wait_event("ScaleoutOperation"));
	}
	ConditionVariableCancelSleep();
	return status;
}

Datum
so_wait_row(FunctionCallInfo fcinfo, Datum *values)
{
	TupleDesc description;
	bool nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
		ereport(ERROR,
				(so_errcode(SO_ERR_ENTRY_BROKEN), errmsg("a waiting procedure must return a row")));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls));
}

/*
 * CALL catalog.wait_for_operation(operation_id bigint, timeout interval,
 * INOUT status int, raise_on_failure boolean)
 */
Datum
so_wait_for_operation(PG_FUNCTION_ARGS)
{
	int64 timeout;
	bool raise;
	int status;
	Datum result[1];

	so_wait_require_own_statement(fcinfo);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(so_errcode(SO_ERR_ARGUMENT_MISSING), errmsg("operation_id must not be NULL"),
				 errhint("%s", so_error_default_hint(SO_ERR_ARGUMENT_MISSING))));
	timeout = so_wait_timeout_ms(fcinfo, 1);
	raise = raise_on_failure(fcinfo, 3);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	status = wait_until_ended(PG_GETARG_INT64(0), timeout);
	if (raise)
		so_outcome_raise(PG_GETARG_INT64(0), status);
	SPI_finish();
	result[0] = Int32GetDatum(status);
	PG_RETURN_DATUM(so_wait_row(fcinfo, result));
}

/* Create and start the execution as the caller would. */
static int64
run_package(FunctionCallInfo fcinfo)
{
	Oid types[5] = {TEXTOID, TEXTOID, TEXTOID, JSONBOID, INT4OID};
	Datum values[5];
	char nulls[6] = "     ";
	bool is_null;
	int64 execution_id;

	for (int i = 0; i < 5; i++)
	{
		values[i] = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	if (SPI_execute_with_args("SELECT catalog.run_package($1, $2, $3, $4, $5)", 5, types, values,
							  nulls, false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		ereport(ERROR, (so_errcode(SO_ERR_INTERNAL), errmsg("cannot call catalog.run_package")));
	execution_id =
		DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
	SPI_freetuptable(SPI_tuptable);
	return execution_id;
}

/*
 * CALL catalog.run_package_and_wait(folder_name, project_name, package_name,
 * parameters jsonb, retry_count int, timeout interval, INOUT execution_id
 * bigint, INOUT status int, raise_on_failure boolean)
 */
Datum
so_run_package_and_wait(PG_FUNCTION_ARGS)
{
	volatile int64 timeout;
	volatile int64 execution_id;
	volatile int status = 0;
	volatile bool raise;
	Datum result[2];

	so_wait_require_own_statement(fcinfo);
	timeout = so_wait_timeout_ms(fcinfo, 5);
	raise = raise_on_failure(fcinfo, 8);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	execution_id = run_package(fcinfo);
	SPI_commit();
	PG_TRY();
	{
		status = wait_until_ended(execution_id, timeout);
	}
	PG_CATCH();
	{
		ereport(NOTICE, (errmsg("execution %lld goes on", (long long) execution_id),
						 errhint("SELECT catalog.stop_operation(%lld) stops it.",
								 (long long) execution_id)));
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (raise)
		so_outcome_raise(execution_id, status);
	SPI_finish();
	result[0] = Int64GetDatum(execution_id);
	result[1] = Int32GetDatum(status);
	PG_RETURN_DATUM(so_wait_row(fcinfo, result));
}
