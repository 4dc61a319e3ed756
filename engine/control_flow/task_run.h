/*
 * engine/control_flow/task_run.h
 *
 * One running task: what is behind the door of engine/tasks/task.h.  The
 * control thread fills it, the task's thread owns it while it runs, and the
 * control thread takes it back with the message that the task has ended.
 *
 * Process: runner and client.  Only messages, cancelled and pool are shared
 * while the thread runs; the queue has a mutex, the flag is atomic, the pool
 * protects itself.
 */
#ifndef ENGINE_CONTROL_FLOW_TASK_RUN_H
#define ENGINE_CONTROL_FLOW_TASK_RUN_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/connections/transaction.h"
#include "engine/tasks/task.h"

/* How everybody learns of a cancel: a flag to look at, a descriptor to poll. */
typedef struct SoCancelSignal
{
	atomic_bool raised;
	int fd; /* eventfd, readable once raised */
} SoCancelSignal;

/* A variable as the task sees it: a copy, or an expression over such copies. */
typedef struct SoTaskVariable
{
	const char *name; /* "User::x" */
	SoDataType type;
	SoValue value;
	const SoExpression *expression; /* evaluated on demand; NULL = plain value */
	bool evaluating;
	bool writable;
	bool changed; /* applied by the control thread at the end */
} SoTaskVariable;

/* A connection manager as the task sees it. */
typedef struct SoTaskConnection
{
	const SoConnectionManager *manager;
	const SoObject *object;           /* overrides applied; shared and immutable */
	SoExpression *const *expressions; /* compiled, as many as manager->expression_count */
	SoObject *evaluated;              /* made by the task on first use */
} SoTaskConnection;

struct SoTaskRun
{
	TALLOC_CTX *context; /* the task's own root */
	struct SoUnit *unit; /* control thread only; the task passes it on in messages */
	const SoExecutable *executable;
	const SoObject *properties;
	SoTaskVariable *variables;
	int variable_count;
	const char **variable_names; /* NULL-terminated */
	SoTaskConnection *connections;
	int connection_count;
	struct SoMessageQueue *queue;
	SoConnectionPool *pool;
	SoTransaction *transaction; /* NULL when the task takes part in none */
	SoCancelSignal *cancel;
	const char *work_folder;
	const char *chain_id; /* of the execution, with attempt: the fencing token of exactly_once */
	int attempt;
	const char *marker_path;
	const char *items; /* enumerator values of the loops around it */

	SoExecutionResult (*main)(SoTaskRun *run);
	void (*ended)(struct SoUnit *unit, SoExecutionResult result);
	pthread_t thread;
	bool in_thread;
	SoExecutionResult result;
	int errors_raised;
	bool has_execution_value;
	SoValue execution_value;
	int64_t row_count; /* -1 = none */
};

/*
 * A resolver over what the task sees, for expressions that are evaluated on
 * its behalf; context is the run.
 */
extern SoExpressionResolver so_task_run_resolver(SoTaskRun *run);

#endif /* ENGINE_CONTROL_FLOW_TASK_RUN_H */
