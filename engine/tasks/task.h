/*
 * engine/tasks/task.h
 *
 * The door between the control flow and the tasks.  A task type is a row of
 * the table in engine/tasks/task_table.c; a running task is a thread of its
 * own that sees only its SoTaskRun: copied inputs, its own talloc root, a
 * cancel signal, and outputs that the control thread applies when it has ended.
 *
 * Process: runner and client (scaleout exec).  A task thread never touches the
 * model's mutable state, other tasks or the sink; everything goes through here.
 */
#ifndef ENGINE_TASKS_TASK_H
#define ENGINE_TASKS_TASK_H

#include "engine/model/package.h"

typedef struct SoTaskRun SoTaskRun;
typedef struct SoConnection SoConnection;

/* What validation of one executable may see and say. */
typedef struct SoTaskValidation
{
	const SoExecutable *executable;
	const SoObject *properties; /* with property expressions applied where possible */
	TALLOC_CTX *context;
	/* Report a finding; place is the property's name or NULL. */
	void (*report)(struct SoTaskValidation *validation, bool is_warning, const char *property,
				   const SoError *error);
	void *private_data;
} SoTaskValidation;

typedef struct SoTaskType
{
	const SoObjectType *object_type; /* name, properties, descriptions */
	/* Checks that need no connection; NULL when the property table says it all. */
	void (*validate)(SoTaskValidation *validation);
	/* Runs in the task's thread.  SUCCESS, FAILURE or CANCELED; errors were raised by so_task_error. */
	SoExecutionResult (*run)(SoTaskRun *run);
	unsigned flags;
} SoTaskType;

#define SO_TASK_TRANSACTIONAL 0x01 /* can join the transaction of its connection manager */
#define SO_TASK_IN_CONTROL_THREAD                                                                  \
	0x02 /* run by the control thread itself (expression, execute_package) */

/* The table: all types, terminated by NULL; and one by name. */
extern const SoTaskType *const *so_task_types(void);
extern const SoTaskType *so_task_type_find(const char *name);

/* ---- what a running task sees ---- */

/* Properties with property expressions already applied. */
extern const SoObject *so_task_properties(const SoTaskRun *run);
/* The task's own allocation root; freed when it has ended. */
extern TALLOC_CTX *so_task_context(SoTaskRun *run);
extern const SoExecutable *so_task_executable(const SoTaskRun *run);
/* A visible variable, system variable or parameter ("User::x", "$Package::p"); NULL when unknown. */
extern const SoValue *so_task_variable(const SoTaskRun *run, const char *name);
/* All names that so_task_variable knows, NULL-terminated (for Script). */
extern const char *const *so_task_variable_names(const SoTaskRun *run);
/* The folder of this execution for temporary files. */
extern const char *so_task_work_folder(const SoTaskRun *run);

/*
 * Assign a variable: converted to its type, visible to this task at once and
 * to others when the task has ended.  false with *error when it does not exist,
 * is read only, or the value does not fit.
 */
extern bool so_task_set_variable(SoTaskRun *run, const char *name, const SoValue *value,
								 SoError *error) SO_WARN_UNUSED;

/* Raise OnError with the error's code, text, detail and hint; counts towards MaximumErrorCount. */
extern void so_task_error(SoTaskRun *run, const SoError *error);
extern void
so_task_warning(SoTaskRun *run, SoErrorCode code, const char *format, ...) SO_PRINTF(3, 4);
extern void so_task_information(SoTaskRun *run, const char *format, ...) SO_PRINTF(2, 3);
/* A line that a program has written, as OnInformation; stream is a constant: stdout, stderr. */
extern void so_task_output_line(SoTaskRun *run, const char *stream, const char *line);
/* percent 0-100; low of high units done (rows, bytes), high 0 when unknown */
extern void
so_task_progress(SoTaskRun *run, int percent, int64_t low, int64_t high, const char *description);
/* Custom log entry (level Verbose), e.g. "ExecuteSQLExecutingQuery". */
extern void
so_task_custom_event(SoTaskRun *run, const char *entry, const char *format, ...) SO_PRINTF(3, 4);

/* ExecutionValue, and the row count shown in progress and statistics. */
extern void so_task_set_execution_value(SoTaskRun *run, const SoValue *value);
extern void so_task_set_row_count(SoTaskRun *run, int64_t rows);

/* Cancelled?  The descriptor becomes readable when it happens, for poll(2). */
extern bool so_task_cancelled(const SoTaskRun *run);
extern int so_task_cancel_fd(const SoTaskRun *run);

/* ---- connections (engine/connections) ---- */

/*
 * The pool of this execution (engine/connections/pool.h), and the transaction
 * that this task takes part in (engine/connections/transaction.h): that of the
 * innermost container that began one and that transaction_option lets it join;
 * NULL when there is none.
 */
extern struct SoConnectionPool *so_task_pool(SoTaskRun *run);
extern struct SoTransaction *so_task_transaction(SoTaskRun *run);

/*
 * The connection manager with its property expressions applied; NULL with
 * *error when there is none of that name.
 */
extern const SoObject *
so_task_connection_properties(SoTaskRun *run, const char *name, SoError *error);

/*
 * Take a session of the named connection manager out of the execution's pool:
 * exclusive until released, pinned when retain_same_connection is set or the
 * task is inside a transaction (then statements run inside it, with a savepoint
 * around the task that the pool handles).  NULL with *error; waits for a pinned
 * session, and gives up when the task is cancelled.
 */
extern SoConnection *so_task_connect(SoTaskRun *run, const char *name, SoError *error);
/* failed: the task failed; inside a transaction its savepoint is rolled back. */
extern void so_task_disconnect(SoTaskRun *run, SoConnection *connection, bool failed);

#endif /* ENGINE_TASKS_TASK_H */
