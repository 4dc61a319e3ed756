/*
 * engine/checkpoint/checkpoint.h
 *
 * The door between the control flow and whatever keeps checkpoints: a file at
 * the desk (file_store.h), the catalog for an execution.  The rules - what is
 * recorded, what a restart skips, when a checkpoint is removed - are in
 * engine/control_flow/unit_checkpoint.c; a store only keeps what it is given,
 * in order, and says when it is durable.
 *
 * The life of a checkpoint:
 *
 *   open     claim the name and load what is there (NULL: nothing)
 *   begin    a new attempt: header, settings, all variables; everything that
 *            was kept is replaced (records of a continued checkpoint come along)
 *   append   once per finished unit, with the variables that have changed
 *   flush    nothing more comes for the moment: send or write what is buffered
 *   durable  the highest ticket that survives a crash; wait_fd becomes
 *            readable when it may have grown, then receive is called
 *   finish   the package has ended: remove, keep or discard
 *   close    give the claim back
 *
 * A ticket is a number that grows with every begin, append and finish of one
 * checkpoint; what has ticket n is durable only together with everything
 * before it.
 *
 * One store serves several checkpoints at a time: a child package that saves
 * checkpoints has one of its own.
 *
 * Process: runner and client; called by the control thread only.
 */
#ifndef ENGINE_CHECKPOINT_CHECKPOINT_H
#define ENGINE_CHECKPOINT_CHECKPOINT_H

#include <stdint.h>

#include "engine/control_flow/run.h"

/* The newest form that this version reads and writes. */
#define SO_CHECKPOINT_FORMAT 1

typedef struct SoCheckpoint SoCheckpoint; /* an open one; each store has its own */

/* ---- what a checkpoint holds ---- */

typedef enum SoCheckpointRecordKind
{
	SO_CHECKPOINT_UNIT,    /* a smallest unit or a container has ended */
	SO_CHECKPOINT_ITEM,    /* an iteration of a Foreach loop (granularity iteration) */
	SO_CHECKPOINT_DECISION /* what the expression of a precedence constraint gave */
} SoCheckpointRecordKind;

/*
 * One finished unit.  (kind, id, item) identifies it; a later record with the
 * same identity replaces the earlier one.
 */
typedef struct SoCheckpointRecord
{
	SoCheckpointRecordKind kind;
	const char *id;   /* id of the executable; of the constraint for a decision */
	const char *item; /* ITEM: the enumerator's value; "" otherwise */
	const char *path; /* execution path, for people */
	SoExecutionResult
		result; /* FAILURE is recorded too, and never skipped; a decision is SUCCESS or FAILURE */
	bool has_execution_value;
	SoValue execution_value;
	int attempt;         /* the attempt that recorded it */
	int64_t finished_us; /* wall clock, microseconds since 1970 UTC */
} SoCheckpointRecord;

/* A variable; (executable_id, name) identifies it.  Never of type object. */
typedef struct SoCheckpointVariable
{
	const char *executable_id; /* whose variable it is */
	const char *name;          /* "User::rows" */
	SoValue value;
} SoCheckpointVariable;

typedef enum SoCheckpointSettingKind
{
	SO_CHECKPOINT_PARAMETER, /* "$Package::since" */
	SO_CHECKPOINT_OVERRIDE,  /* "\Package\load.Properties[sql]" */
	SO_CHECKPOINT_CONNECTION /* connection manager's name or id */
} SoCheckpointSettingKind;

/* A piece of configuration: not loaded again at a restart. */
typedef struct SoCheckpointSetting
{
	SoCheckpointSettingKind kind;
	const char *name;
	const char *text; /* canonical; NULL: a secret that this store may not keep */
} SoCheckpointSetting;

/* All of it, owned by one talloc context. */
typedef struct SoCheckpointState
{
	int format; /* SO_CHECKPOINT_FORMAT of its writer */
	const char *package_id;
	const char *package_name;
	const char *name;         /* checkpoint_file_name after evaluation */
	const char *content_hash; /* of the package document, see so_checkpoint_content_hash */
	const char *chain_id;     /* the execution with all its attempts and restarts */
	int attempt;              /* the highest that has begun, from 1 */
	int64_t created_us;       /* first attempt */
	int64_t updated_us;
	int64_t start_us; /* System::StartTime of the first attempt */
	SoCheckpointSetting *settings;
	int setting_count;
	SoCheckpointVariable *variables;
	int variable_count;
	SoCheckpointRecord *records;
	int record_count;
	const SoCheckpointRecord **index; /* by identity; NULL until so_checkpoint_state_index */
	int index_count;
} SoCheckpointState;

/* What one append brings: zero or one record, and variables. */
typedef struct SoCheckpointChange
{
	const SoCheckpointRecord *record; /* NULL: variables only */
	const SoCheckpointVariable *variables;
	int variable_count;
} SoCheckpointChange;

/* Whose checkpoint is opened. */
typedef struct SoCheckpointIdentity
{
	const char *package_id;
	const char *package_name;
	const char *name; /* checkpoint_file_name after evaluation; "" when empty */
	const char *content_hash;
	bool is_child;  /* of a package that another one runs */
	bool look_only; /* for a restart plan: claim nothing, change nothing */
	bool fresh;     /* what is there will not be gone on from (checkpoint_usage: never) */
} SoCheckpointIdentity;

typedef enum SoCheckpointEnd
{
	SO_CHECKPOINT_REMOVE, /* success: it is not needed any more */
	SO_CHECKPOINT_KEEP,   /* failed at a restart point, or cancelled */
	SO_CHECKPOINT_DISCARD /* failed where a restart is not wanted: removed with a warning */
} SoCheckpointEnd;

/* ---- the store ---- */

#define SO_CHECKPOINT_SECRET 0x01 /* contents are encrypted: secrets may be given to it */

typedef struct SoCheckpointStoreType
{
	const char *name; /* "file", "catalog"; for messages */

	/*
	 * Claim the checkpoint and load it.  true with *state = NULL when there is
	 * none.  *state belongs to context.  false with *error, and nothing
	 * changed: CHECKPOINT_LOCKED when another process has it, _OPEN,
	 * _TRUNCATED, _ALTERED, _NEWER, _KEY, _CHANGED (the catalog: values or
	 * content differ for a new execution).  The control flow itself checks the
	 * package id.
	 */
	bool (*open)(SoCheckpointStore *store, const SoCheckpointIdentity *identity,
				 TALLOC_CTX *context, SoCheckpoint **checkpoint, SoCheckpointState **state,
				 SoError *error);
	/* A new attempt; state is valid during the call only.  false: the package does not start. */
	bool (*begin)(SoCheckpoint *checkpoint, const SoCheckpointState *state, uint64_t *ticket,
				  SoError *error);
	/* May buffer.  change is valid during the call only. */
	bool (*append)(SoCheckpoint *checkpoint, const SoCheckpointChange *change, uint64_t *ticket,
				   SoError *error);
	/* Send or write what is buffered; called when the control thread is about to wait. */
	bool (*flush)(SoCheckpoint *checkpoint, SoError *error);
	/* The highest durable ticket. */
	uint64_t (*durable)(SoCheckpoint *checkpoint);
	/* The last call but close; the control flow waits until ticket is durable. */
	bool (*finish)(SoCheckpoint *checkpoint, SoCheckpointEnd end, uint64_t *ticket, SoError *error);
	/* Give the claim back and free checkpoint.  A checkpoint that was not finished stays. */
	void (*close)(SoCheckpoint *checkpoint);
	/*
	 * wait_fd is readable: take the acknowledgements.  false with *error when
	 * the store is lost; then nothing more will become durable.  NULL when
	 * everything is durable after flush.
	 */
	bool (*receive)(SoCheckpointStore *store, SoError *error);
} SoCheckpointStoreType;

/* Every store begins with this. */
struct SoCheckpointStore
{
	const SoCheckpointStoreType *type;
	unsigned flags;
	int wait_fd; /* -1 when everything is durable after flush */
};

/* Every open checkpoint begins with this. */
struct SoCheckpoint
{
	SoCheckpointStore *store;
};

/* ---- parts of a state (state.c) ---- */

/* SHA-256 in hex of the package's canonical JSON; NULL without memory.  Owned by context. */
extern char *so_checkpoint_content_hash(TALLOC_CTX *context, const SoPackage *package);

/* Make lookups fast; the records must not change afterwards. */
extern void so_checkpoint_state_index(SoCheckpointState *state);

/* The record, or NULL. */
extern const SoCheckpointRecord *
so_checkpoint_record(const SoCheckpointState *state, SoCheckpointRecordKind kind, const char *id,
					 const char *item);

/* Did this unit end so that a restart skips it (success or completion)? */
extern bool so_checkpoint_is_done(const SoCheckpointState *state, const char *executable_id);

/*
 * What can be said of an executable without running it: is it a smallest unit,
 * and does it, or something in it that is a unit of its own, run at every restart?
 */
extern bool so_checkpoint_is_unit(const SoExecutable *executable);
extern bool so_checkpoint_always_reruns(const SoExecutable *executable);

/* ---- JSON of the parts, the same in files, on the wire and in rows (encode.c) ---- */

/* New references; NULL without memory. */
extern json_t *
so_checkpoint_header_to_json(const SoCheckpointState *state); /* all but variables and records */
extern json_t *so_checkpoint_record_to_json(const SoCheckpointRecord *record);
extern json_t *so_checkpoint_variable_to_json(const SoCheckpointVariable *variable);
extern json_t *
so_checkpoint_state_to_json(const SoCheckpointState *state); /* header, "variables", "records" */

/* false with *error CHECKPOINT_ALTERED or _NEWER; everything belongs to context. */
extern bool so_checkpoint_header_from_json(TALLOC_CTX *context, const json_t *json,
										   SoCheckpointState *state, SoError *error) SO_WARN_UNUSED;
extern bool
so_checkpoint_record_from_json(TALLOC_CTX *context, const json_t *json, SoCheckpointRecord *record,
							   SoError *error) SO_WARN_UNUSED;
extern bool
so_checkpoint_variable_from_json(TALLOC_CTX *context, const json_t *json,
								 SoCheckpointVariable *variable, SoError *error) SO_WARN_UNUSED;
extern SoCheckpointState *
so_checkpoint_state_from_json(TALLOC_CTX *context, const json_t *json, SoError *error);

/* ---- restart plan (plan.c) ---- */

typedef enum SoRestartAction
{
	SO_RESTART_SKIP,  /* finished before */
	SO_RESTART_RERUN, /* runs again although it, or a part of it, has run before */
	SO_RESTART_RUN    /* has not run yet, as far as is known */
} SoRestartAction;

typedef struct SoRestartStep
{
	const SoExecutable *executable;
	int depth; /* 0 = the package */
	SoRestartAction action;
	const char *reason;  /* a sentence */
	int attempt;         /* of the record that decides, 0 = none */
	int64_t finished_us; /* 0 = none */
	int items_done;      /* Foreach with granularity iteration, else 0 */
} SoRestartStep;

typedef struct SoRestartPlan
{
	const SoPackage *package;
	const SoCheckpointState *state; /* NULL: there is no checkpoint */
	const char *summary;            /* whether there would be a restart at all, and why */
	bool refused;                   /* the package would not start; summary says why */
	bool restarts;
	SoRestartStep *steps;
	int step_count;
} SoRestartPlan;

/*
 * What would happen, from the package and what open has loaded (NULL: none).
 * save and usage are the values after evaluation.  Owned by context.
 */
extern SoRestartPlan *so_checkpoint_plan(TALLOC_CTX *context, const SoPackage *package,
										 const SoCheckpointState *state, bool save, int usage);
extern char *so_checkpoint_plan_to_text(TALLOC_CTX *context, const SoRestartPlan *plan);
extern json_t *so_checkpoint_plan_to_json(const SoRestartPlan *plan);

#endif /* ENGINE_CHECKPOINT_CHECKPOINT_H */
