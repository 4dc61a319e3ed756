/*
 * bgworker/spi.h
 *
 * The only door of the workers to SQL: the transaction bracket, kept plans,
 * arrays, and the judgement whether a failure is worth a repetition.
 */
#ifndef BGWORKER_SPI_H
#define BGWORKER_SPI_H

#include "executor/spi.h"
#include "utils/uuid.h"

#define SO_SPI_MAX_ARGUMENTS 12

/*
 * A statement with a plan that is kept for the life of the process.  Declare
 * it static, with sql, n_arguments and types filled in.
 */
typedef struct SoSpiStatement
{
	const char *sql;
	int n_arguments;
	Oid types[SO_SPI_MAX_ARGUMENTS];
	SPIPlanPtr plan; /* NULL until first used */
} SoSpiStatement;

/*
 * Begin a transaction, connect to SPI and arm the statement timer
 * (milliseconds; 0 for none).  activity appears in pg_stat_activity; it must
 * outlive the transaction.
 */
extern void so_spi_begin(const char *activity, int timeout_ms);

/*
 * Disarm the timer, commit, report statistics.  After it returns the
 * transaction is durable, and an interrupt that came while waiting for a
 * synchronous standby has already ended the process.
 */
extern void so_spi_end(void);

/*
 * In PG_CATCH: disarm the timer and abort the transaction.  Returns the error,
 * allocated in the given context, which becomes the current one.
 */
extern ErrorData *so_spi_abort(MemoryContext context);

/*
 * True when the same batch may succeed later as it is: serialization failures
 * and deadlocks (class 40), missing resources (53), lock and statement
 * timeouts (55P03, 57014).
 */
extern bool so_spi_retryable(const ErrorData *error);

/*
 * Run the statement inside the bracket; nulls as in SPI, or NULL when no
 * argument is NULL.  Returns the number of rows, which are in SPI_tuptable;
 * they live until so_spi_end.
 */
extern uint64 so_spi_run(SoSpiStatement *statement, Datum *arguments, const char *nulls);

/*
 * Column (from 1) of a row of the last so_spi_run.  NULL values read as 0,
 * false, or a NULL pointer; texts are copied into the given context.
 */
extern bool so_spi_bool(uint64 row, int column);
extern int32 so_spi_int32(uint64 row, int column);
extern int64 so_spi_int64(uint64 row, int column);
extern pg_uuid_t so_spi_uuid(uint64 row, int column);
extern char *so_spi_text(uint64 row, int column, MemoryContext context);

/* Arrays as arguments, allocated in the current context. */
extern Datum so_spi_uuid_array(const pg_uuid_t *values, int n);
extern Datum so_spi_int32_array(const int32 *values, int n);
/* jsonb or text values go over as text[]; the SQL function casts. */
extern Datum so_spi_text_array(const Datum *texts, int n);

#endif /* BGWORKER_SPI_H */
