/*
 * bgworker/counters.c
 *
 * What the masters have done since the server started, for benchmarks and
 * monitoring: how many requests share a transaction.
 *
 * Process: the master counts, backends read.  Shared data: three counters of
 * SoShared, under its spinlock.  They begin anew with the segment.
 */
#include "postgres.h"

#include "bgworker/counters.h"

#include "access/htup_details.h"
#include "extension/compat.h"
#include "extension/error.h"
#include "extension/shared_memory.h"
#include "fmgr.h"
#include "funcapi.h"

SO_SQL_FUNCTION(so_master_counters);

void
so_counters_transaction(int requests, int reports)
{
	SpinLockAcquire(&so_shared->mutex);
	so_shared->transactions++;
	so_shared->requests += requests;
	so_shared->reports += reports;
	SpinLockRelease(&so_shared->mutex);
}

/* internal.master_counters(OUT transactions, OUT requests, OUT reports) */
Datum
so_master_counters(PG_FUNCTION_ARGS)
{
	TupleDesc descriptor;
	Datum values[3];
	bool nulls[3] = {false, false, false};

	so_error_require_preload();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	SpinLockAcquire(&so_shared->mutex);
	values[0] = Int64GetDatum((int64) so_shared->transactions);
	values[1] = Int64GetDatum((int64) so_shared->requests);
	values[2] = Int64GetDatum((int64) so_shared->reports);
	SpinLockRelease(&so_shared->mutex);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
