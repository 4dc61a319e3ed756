/*
 * extension/wait_task_log.c
 *
 * CALL catalog.wait_for_task_log and CALL catalog.fetch_task_log: the log of an
 * attempt is asked for, and the session sleeps until the master has stored it
 * or knows why it cannot come.  Like extension/wait.c they ask only what the
 * caller may ask, through the public API.
 *
 * Process: client backends.  While it sleeps the session holds no snapshot and
 * no locks; a cancel or a crash of it leaves the request to go on.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "extension/compat.h"
#include "extension/entry.h"
#include "extension/error.h"
#include "extension/shared_memory.h"
#include "extension/wait.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

SO_SQL_FUNCTION(so_wait_for_task_log);
SO_SQL_FUNCTION(so_fetch_task_log);

/* A column of the only row as text in the context, NULL for NULL. */
static char *
text_of(int column, MemoryContext context)
{
	char *value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);

	return value != NULL ? MemoryContextStrdup(context, value) : NULL;
}

/* It failed: raise what the master or the worker said. */
static void
raise_reason(MemoryContext context)
{
	char *code = text_of(2, context);
	char *message = text_of(3, context);
	char *detail = text_of(4, context);
	char *hint = text_of(5, context);
	SoErrorCode known = so_error_from_state(code != NULL ? code : "");

	if (known == SO_OK)
		known = SO_ERR_AGENT_TASK_LOG_UNREADABLE;
	ereport(ERROR, (so_errcode(known), errmsg("%s", message != NULL ? message : ""),
					detail != NULL ? errdetail("%s", detail) : 0,
					errhint("%s", hint != NULL ? hint : so_error_default_hint(known))));
}

/* The state as the caller sees it, in the context; an error when it failed or is none of the caller's. */
static char *
look_at_state(int64 request_id, MemoryContext context)
{
	Oid types[1] = {INT8OID};
	Datum values[1] = {Int64GetDatum(request_id)};
	char *state;

	if (SPI_execute_with_args("SELECT state, code, message, detail, hint FROM catalog.task_logs "
							  "WHERE request_id OPERATOR(pg_catalog.=) $1",
							  1, types, values, NULL, false, 1) != SPI_OK_SELECT)
		ereport(ERROR, (so_errcode(SO_ERR_INTERNAL), errmsg("cannot read catalog.task_logs")));
	if (SPI_processed == 0)
		ereport(ERROR, (so_errcode(SO_ERR_TASK_LOG_REQUEST_MISSING),
						errmsg("there is no request %lld for a task log", (long long) request_id),
						errhint("%s", so_error_default_hint(SO_ERR_TASK_LOG_REQUEST_MISSING))));
	state = text_of(1, context);
	if (strcmp(state, "failed") == 0)
		raise_reason(context);
	SPI_freetuptable(SPI_tuptable);
	return state;
}

/* Wait until the log is here or the time is up; returns the state seen last. */
static char *
wait_until_here(int64 request_id, int64 timeout, MemoryContext context)
{
	ConditionVariable *condition = so_shared_finished_cv(request_id);
	TimestampTz start = GetCurrentTimestamp();
	char *state;

	for (;;)
	{
		long sleep_ms = so_sleep_in_transaction_ms(SO_WAIT_LOOK_AGAIN_MS);

		/* Before looking, so that no broadcast is missed between look and sleep. */
		ConditionVariablePrepareToSleep(condition);
		state = look_at_state(request_id, context);
		SPI_commit();
		if (strcmp(state, "complete") == 0)
			break;
		if (timeout != SO_WAIT_FOREVER)
		{
			int64 left = timeout - TimestampDifferenceMilliseconds(start, GetCurrentTimestamp());

			if (left <= 0)
				break;
			sleep_ms = (long) Min(left, sleep_ms);
		}
		(void) ConditionVariableTimedSleep(condition, sleep_ms, so_wait_event("ScaleoutTaskLog"));
	}
	ConditionVariableCancelSleep();
	return state;
}

/* CALL catalog.wait_for_task_log(request_id bigint, timeout interval, INOUT state text) */
Datum
so_wait_for_task_log(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	int64 timeout;
	char *state;
	Datum result[1];

	so_wait_require_own_statement(fcinfo);
	if (PG_ARGISNULL(0))
		ereport(ERROR, (so_errcode(SO_ERR_ARGUMENT_MISSING), errmsg("request_id must not be NULL"),
						errhint("%s", so_error_default_hint(SO_ERR_ARGUMENT_MISSING))));
	timeout = so_wait_timeout_ms(fcinfo, 1);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	state = wait_until_here(PG_GETARG_INT64(0), timeout, context);
	SPI_finish();
	result[0] = CStringGetTextDatum(state);
	PG_RETURN_DATUM(so_wait_row(fcinfo, result));
}

/* Ask as the caller would. */
static int64
request_log(FunctionCallInfo fcinfo)
{
	Oid types[2] = {INT8OID, INT4OID};
	Datum values[2];
	char nulls[3] = "  ";
	bool is_null;
	int64 request_id;

	for (int i = 0; i < 2; i++)
	{
		values[i] = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	if (SPI_execute_with_args("SELECT catalog.request_task_log($1, $2)", 2, types, values, nulls,
							  false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		ereport(ERROR,
				(so_errcode(SO_ERR_INTERNAL), errmsg("cannot call catalog.request_task_log")));
	request_id =
		DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
	SPI_freetuptable(SPI_tuptable);
	return request_id;
}

/*
 * CALL catalog.fetch_task_log(execution_id bigint, attempt int, timeout interval,
 * INOUT request_id bigint)
 */
Datum
so_fetch_task_log(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	int64 timeout;
	int64 request_id;
	char *state;
	Datum result[1];

	so_wait_require_own_statement(fcinfo);
	timeout = so_wait_timeout_ms(fcinfo, 2);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	request_id = request_log(fcinfo);
	SPI_commit();
	state = wait_until_here(request_id, timeout, context);
	SPI_finish();
	if (strcmp(state, "complete") != 0)
		ereport(ERROR,
				(so_errcode(SO_ERR_TASK_LOG_PENDING),
				 errmsg("the task log has not come within the time limit"),
				 errdetail("Request %lld goes on: %s.", (long long) request_id,
						   strcmp(state, "open") == 0 ? "its worker has been asked"
													  : "the master has not taken it up"),
				 strcmp(state, "open") == 0
					 ? errhint("CALL catalog.wait_for_task_log(%lld) waits for it.",
							   (long long) request_id)
					 : errhint("SELECT * FROM catalog.diagnose_scaleout() says what is in the "
							   "master's way.")));
	result[0] = Int64GetDatum(request_id);
	PG_RETURN_DATUM(so_wait_row(fcinfo, result));
}
