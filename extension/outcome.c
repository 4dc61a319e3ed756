/*
 * extension/outcome.c
 *
 * Turns the end of an operation into an error.  pg_cron, psql -c and whatever
 * else runs statements by a timer see errors and nothing else: a package that
 * failed at night must not be listed as a success of the CALL that ran it.
 *
 * Process: client backends.  Reads what the caller may read; what it reports on
 * is committed already, so the error changes nothing.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "extension/error.h"
#include "extension/outcome.h"
#include "utils/builtins.h"
#include "utils/guc.h"

typedef enum Status
{
	STATUS_RUNNING = 2,
	STATUS_CANCELED = 3,
	STATUS_FAILED = 4,
	STATUS_PENDING = 5,
	STATUS_ENDED_UNEXPECTEDLY = 6,
	STATUS_SUCCEEDED = 7,
	STATUS_STOPPING = 8,
	STATUS_COMPLETED = 9
} Status;

/*
 * The first error of the last attempt says more than the sentence with which the
 * attempt ended, and that more than what the master says about it.
 */
static const char outcome_sql[] =
	"SELECT CASE WHEN e.execution_id IS NULL THEN 'operation ' || o.operation_id "
	"  ELSE format('execution %s (%s/%s/%s)', o.operation_id, e.folder_name, e.project_name, "
	"e.package_name) END, "
	" rtrim(p.message, '.'), p.code, p.execution_path, "
	" CASE WHEN e.attempt IS NOT NULL THEN format(', attempt %s on worker %s', e.attempt, "
	"coalesce(e.worker_name, e.worker_agent_id::text)) END, "
	" o.stopped_by_name "
	"FROM catalog.operations o "
	"LEFT JOIN catalog.executions e ON e.execution_id = o.operation_id "
	"LEFT JOIN LATERAL (SELECT c.* FROM ("
	"  (SELECT 1 AS preference, m.message, m.code, m.execution_path FROM catalog.event_messages m "
	"    WHERE m.operation_id = $1 AND m.message_type = 120 AND m.attempt = e.attempt "
	"    ORDER BY m.event_message_id LIMIT 1) "
	"  UNION ALL (SELECT 2, a.message, NULL, NULL FROM catalog.execution_attempts a "
	"    WHERE a.execution_id = $1 AND a.attempt = e.attempt AND a.message IS NOT NULL) "
	"  UNION ALL (SELECT 3, m.message, m.code, NULL FROM catalog.operation_messages m "
	"    WHERE m.operation_id = $1 AND m.message_type = 120 "
	"    ORDER BY m.operation_message_id DESC LIMIT 1)) c ORDER BY c.preference LIMIT 1) p ON true "
	"WHERE o.operation_id = $1";

typedef struct Outcome
{
	char *subject; /* "execution 42 (folder/project/package)" */
	char *message; /* the rest may be NULL */
	char *code;
	char *path;
	char *place; /* ", attempt 2 on worker w" */
	char *stopped_by;
} Outcome;

bool
so_outcome_is_final(int status)
{
	return status == STATUS_CANCELED || status == STATUS_FAILED ||
		   status == STATUS_ENDED_UNEXPECTEDLY || status == STATUS_SUCCEEDED ||
		   status == STATUS_COMPLETED;
}

static const char *
status_name(int status)
{
	static const char *const names[] = {"created",   "running",  "canceled",
										"failed",    "pending",  "ended unexpectedly",
										"succeeded", "stopping", "completed"};

	return status >= 1 && status <= lengthof(names) ? names[status - 1] : "unknown";
}

/* Its strings live until SPI_finish. */
static void
read_outcome(int64 operation_id, Outcome *outcome)
{
	Oid types[1] = {INT8OID};
	Datum values[1] = {Int64GetDatum(operation_id)};
	char **fields[] = {&outcome->subject, &outcome->message, &outcome->code,
					   &outcome->path,    &outcome->place,   &outcome->stopped_by};
	int nest_level = NewGUCNestLevel();

	/* The caller's own objects must not stand in for operators and functions. */
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	if (SPI_execute_with_args(outcome_sql, 1, types, values, NULL, false, 1) != SPI_OK_SELECT)
		ereport(ERROR, (so_errcode(SO_ERR_INTERNAL), errmsg("cannot read catalog.operations")));
	if (SPI_processed == 1)
	{
		for (int i = 0; i < lengthof(fields); i++)
			*fields[i] = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1);
	}
	AtEOXact_GUC(true, nest_level);
	/* Retention or a revoked role may have taken it away since. */
	if (outcome->subject == NULL)
		outcome->subject = psprintf("operation %lld", (long long) operation_id);
}

/* ": \path: message (code)", or nothing. */
static char *
reason(const Outcome *outcome)
{
	if (outcome->message == NULL)
		return pstrdup("");
	return psprintf(": %s%s%s%s%s%s", outcome->path ? outcome->path : "", outcome->path ? ": " : "",
					outcome->message, outcome->code ? " (" : "", outcome->code ? outcome->code : "",
					outcome->code ? ")" : "");
}

void
so_outcome_raise(int64 operation_id, int status)
{
	Outcome outcome = {0};
	long long id = operation_id;

	if (status == STATUS_SUCCEEDED || status == STATUS_COMPLETED)
		return;
	read_outcome(operation_id, &outcome);
	if (status == STATUS_CANCELED)
		ereport(ERROR,
				(so_errcode(SO_ERR_OPERATION_CANCELED), errmsg("%s was canceled", outcome.subject),
				 outcome.stopped_by
					 ? errdetail("Status %d%s; it was stopped by %s.", status,
								 outcome.place ? outcome.place : "", outcome.stopped_by)
					 : errdetail("Status %d%s.", status, outcome.place ? outcome.place : ""),
				 errhint("%s", so_error_default_hint(SO_ERR_OPERATION_CANCELED))));
	if (!so_outcome_is_final(status))
		ereport(ERROR,
				(so_errcode(SO_ERR_OPERATION_NOT_ENDED),
				 errmsg("%s has not ended in time", outcome.subject),
				 errdetail("Status %d (%s)%s.", status, status_name(status),
						   outcome.place ? outcome.place : ""),
				 errhint("It goes on: CALL catalog.wait_for_operation(%lld) waits for it again, "
						 "SELECT catalog.stop_operation(%lld) stops it, SELECT * FROM "
						 "catalog.explain_execution(%lld) says what it waits for.",
						 id, id, id)));
	ereport(ERROR,
			(so_errcode(SO_ERR_OPERATION_FAILED),
			 errmsg("%s %s%s", outcome.subject,
					status == STATUS_ENDED_UNEXPECTEDLY ? status_name(status) : "failed",
					reason(&outcome)),
			 errdetail("Status %d (%s)%s.", status, status_name(status),
					   outcome.place ? outcome.place : ""),
			 errhint("SELECT * FROM catalog.explain_execution(%lld) says what to do; scaleout "
					 "logs %lld shows the log of the execution.",
					 id, id)));
}
