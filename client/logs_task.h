/*
 * client/logs_task.h
 *
 * The log files of an execution's attempts, fetched from the workers through
 * the master, for scaleout logs.
 */
#ifndef CLIENT_LOGS_TASK_H
#define CLIENT_LOGS_TASK_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

typedef struct SoTaskLogView
{
	PGconn *connection;
	const char *execution_id;
	int timeout_s; /* for the worker to answer */
	int tail;      /* print the last lines only; 0: all */
	bool json;
} SoTaskLogView;

/* What came of one fetch. */
typedef struct SoTaskLogFetched
{
	char request_id[24];
	char worker[200];
	int64_t next_offset; /* go on here */
	int64_t first_offset;
	int64_t size;
	bool cut; /* the log is longer than what is fetched at once: this is its end */
} SoTaskLogFetched;

/*
 * Ask for the log of an attempt from byte from on (-1: its end) and wait until
 * it is in the catalog.  false with *error: why it cannot come.
 */
extern bool so_task_log_fetch(const SoTaskLogView *view, int attempt, int64_t from,
							  SoTaskLogFetched *fetched, SoError *error) SO_WARN_UNUSED;

/* Print the lines of what was fetched; false with *error. */
extern bool so_task_log_print(const SoTaskLogView *view, const SoTaskLogFetched *fetched,
							  SoError *error) SO_WARN_UNUSED;

/* The number of the last attempt: 0 when the execution was never given to a worker, -1 with *error. */
extern int so_task_log_attempts(const SoTaskLogView *view, bool *ended, SoError *error);

#endif /* CLIENT_LOGS_TASK_H */
