/*
 * engine/control_flow/unit.h
 *
 * The run-time state behind so_run_package: the run, its packages, and units.
 * A unit is one activation of one executable: a task inside a loop has a new
 * unit in every iteration.  A unit is a small state machine; its step function
 * is called by the control thread from an agenda, so nothing recurses deeply
 * and everything that happens has one order.
 *
 * Process: runner and client; private to engine/control_flow.  Everything here
 * belongs to the control thread.
 */
#ifndef ENGINE_CONTROL_FLOW_UNIT_H
#define ENGINE_CONTROL_FLOW_UNIT_H

#include "engine/checkpoint/checkpoint.h"
#include "engine/control_flow/message_queue.h"
#include "engine/control_flow/run.h"
#include "engine/control_flow/task_run.h"
#include "engine/tasks/task.h"

typedef struct SoRun SoRun;
typedef struct SoPackageRun SoPackageRun;
typedef struct SoUnit SoUnit;
typedef struct SoSchedule SoSchedule;
typedef struct SoLoop SoLoop;
typedef struct SoEventRecord SoEventRecord;
typedef struct SoCheckpointSession SoCheckpointSession;
typedef void (*SoUnitStep)(SoUnit *unit);

/* A variable that lives as long as its package runs (containers keep their values). */
typedef struct SoVariableState
{
	const SoVariable *variable;
	SoValue value; /* owned by holder */
	TALLOC_CTX *holder;
	SoExpression *expression; /* evaluate_as_expression */
	char *full_name;          /* "User::x" */
	bool evaluating;
	/* Checkpoints: changed since it was saved; serial of the unit that must be recorded first. */
	bool dirty;
	uint64_t held_by;
	const SoExecutable *owner;
} SoVariableState;

/* A parameter with the value that counts for this run. */
typedef struct SoParameterState
{
	const SoParameter *parameter;
	SoValue value;
	char *full_name; /* "$Package::x" */
	bool value_set;
} SoParameterState;

/* Precedence constraints of a container by child position; made on first use. */
typedef struct SoGraph
{
	int *incoming_start; /* child_count + 1 entries into incoming */
	int *incoming;       /* positions in executable->constraints */
	int *outgoing_start;
	int *outgoing;
	int *target;                /* child position by constraint */
	SoExpression **expressions; /* by constraint, NULL when it has none */
} SoGraph;

/* What one executable keeps for the whole run of its package. */
typedef struct SoExecutableState
{
	SoObject *object; /* properties with overrides applied */
	SoVariableState *variables;
	int position; /* among its parent's children */
	SoGraph *graph;
	SoExpression **expressions; /* property expressions */
	SoExpression **enumerator_expressions;
	SoExpression *loop_expressions[3]; /* init, eval, assign */
	bool compiled;
} SoExecutableState;

struct SoPackageRun
{
	SoRun *run;
	const SoPackage *package;
	SoUnit *caller; /* the Execute Package task, NULL for the first package */
	SoUnit *root;
	int ordinal; /* 0 = the first package of the run */
	int depth;
	SoExecutableState *states; /* by executable->index */
	SoParameterState *parameters;
	SoTaskConnection *connections; /* own ones, then the project's */
	int connection_count;
	int64_t start_us;
	TALLOC_CTX *validation; /* units of the validation phase, until their events are handled */
	bool validation_good;
	SoCheckpointSession *checkpoint; /* NULL: it has none of its own */
	SoError *checkpoint_error;       /* why it could not be opened */
	bool failing;                    /* a unit with fail_package_on_failure has failed */
};

struct SoRun
{
	const SoProject *project;
	const SoRunOptions *options;
	const SoRunSink *sink;
	SoRunOutcome *outcome;
	SoParameterState *project_parameters;
	SoMessageQueue *queue;
	SoConnectionPool *pool;
	SoCancelSignal cancel;      /* what running tasks look at */
	SoCancelSignal hard_cancel; /* for tasks of OnQueryCancel handlers */
	bool canceled;
	int64_t hard_cancel_at; /* monotonic ms, 0 = not armed */
	int running;            /* tasks that occupy a slot */
	int max_concurrent;
	int threads; /* to be joined */
	SoUnit *agenda_head;
	SoUnit *agenda_tail;
	SoUnit **ready; /* heap: tasks that wait for a slot, in document order */
	int ready_count;
	int ready_capacity;
	uint64_t sequence;
	SoUnit *active; /* list of units whose task is running */
	int package_count;
	const SoPackage **announced;
	int announced_count;
	char **secrets; /* what messages must not say (secret.h), the longest first */
	int secret_count;
	char *work_folder;
	bool work_folder_is_ours;
	char instance_guid[37];
	bool validating; /* the validation phase: Propagate is ignored */
	bool ended;
	const char *chain_id; /* of this execution, and which attempt it is */
	int attempt;
	uint64_t serials;
	SoCheckpointSession *sessions; /* open checkpoints */
	SoUnit *waiting;               /* units whose record is not durable yet, in order */
};

struct SoUnit
{
	SoRun *run;
	SoPackageRun *package_run;
	const SoExecutable *executable;
	SoExecutableState *state;
	SoUnit *parent;       /* container; for a handler the unit that it belongs to */
	SoEventRecord *event; /* handlers: what they handle */
	bool inside_handler;
	bool ignores_cancel; /* OnQueryCancel handler and what is in it */
	bool propagate;      /* handlers: System::Propagate */
	bool cancel_run;     /* handlers: System::Cancel */

	SoUnitStep step; /* what to do next, when it is quiet */
	SoUnit *agenda_next;
	bool on_agenda;
	bool step_pending;

	SoObject *properties; /* evaluated; the state's object when nothing is dynamic */
	char *execution_path;
	int64_t start_us;
	int64_t start_ms;
	uint64_t ready_sequence;
	bool has_slot;

	SoExecutionResult result;
	bool task_ran; /* the task type's code has run */
	bool failed;   /* whatever the error count says */
	bool stopping; /* start nothing more in here */
	int error_count;
	bool has_execution_value;
	SoValue execution_value;
	int64_t row_count;

	SoEventRecord *events; /* raised here, their handlers still to run; in order */
	SoEventRecord *events_tail;

	SoSchedule *schedule; /* containers: the children of this activation or iteration */
	SoLoop *loop;
	SoTaskRun *task;
	SoUnit *active_next;
	SoUnit *active_previous;
	SoTransaction *transaction;
	bool owns_transaction;
	uint64_t serial;
	bool restored;        /* an earlier attempt has done it */
	const char *item_key; /* loops: the enumerator's value of this iteration */
	uint64_t ticket;      /* while it waits for its record */
	SoCheckpointSession *ticket_session;
	SoUnitStep after_ticket;
	SoUnit *waiting_next;
	void (*ended)(SoUnit *unit); /* tell the owner; then the unit is freed */
};

/* Task types that the control flow treats by itself. */
extern const SoTaskType so_task_execute_package;

/* ---- unit.c ---- */

/* A unit of executable below parent; owned by owner (a talloc context), freed by ended. */
extern SoUnit *
so_unit_new(TALLOC_CTX *owner, SoPackageRun *package_run, const SoExecutable *executable,
			SoUnit *parent, int iteration, void (*ended)(SoUnit *unit));
/* The next step as soon as all handlers of the events raised so far have ended. */
extern void so_unit_next(SoUnit *unit, SoUnitStep step);
/* Called when the last pending event of unit is done. */
extern void so_unit_quiet(SoUnit *unit);
/* Begin its life (from so_unit_start, or when it has got a slot). */
extern void so_unit_begin(SoUnit *unit);
/* OnPreExecute, then next. */
extern void so_unit_pre_execute(SoUnit *unit, SoUnitStep next);
/* Go on with the step that executes. */
extern void so_unit_execute(SoUnit *unit);
/* The unit's work is over with this result; ends it by the usual steps. */
extern void so_unit_executed(SoUnit *unit, SoExecutionResult result);
/* The step after the transaction is dealt with. */
extern void so_unit_finish(SoUnit *unit);
/* Give the slot back and tell the owner; unit is gone afterwards. */
extern void so_unit_leave(SoUnit *unit);
/* Run at most limit steps of the agenda; true when more is left. */
extern bool so_unit_run_agenda(SoRun *run, int limit);
/* The container around it in a wider sense: parent, or the calling Execute Package task. */
extern SoUnit *so_unit_outer(const SoUnit *unit);
extern bool so_unit_canceled(const SoUnit *unit);
/* The package of unit fails: nothing more is started in it. */
extern void so_unit_fail_package(SoUnit *unit);
/* Local wall-clock time for messages; size at least 20. */
extern void so_unit_time_text(int64_t time_us, char *buffer, size_t size);

/* Properties by name, with what to take when the type has no such property. */
extern bool so_unit_boolean(const SoUnit *unit, const char *name, bool missing);
extern int64_t so_unit_integer(const SoUnit *unit, const char *name, int64_t missing);

/* ---- slots.c ---- */

/* Start it: containers at once, tasks when there is a slot. */
extern void so_unit_start(SoUnit *unit);
/* Give free slots to tasks that wait for one, in document order; true when one was given. */
extern bool so_unit_dispatch(SoRun *run);
/* After a cancel: let the tasks that wait for a slot end. */
extern void so_unit_drop_waiting(SoRun *run);

#endif /* ENGINE_CONTROL_FLOW_UNIT_H */
