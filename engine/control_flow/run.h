/*
 * engine/control_flow/run.h
 *
 * Runs a package: the one entry into the engine for the runner process and for
 * scaleout exec.  One control thread (the caller) owns the model's run-time
 * state and the scheduler; tasks run in threads of their own.
 *
 * Process: runner and client.  Nothing outlives the call: threads are joined,
 * connections closed, children killed, whatever the outcome.
 */
#ifndef ENGINE_CONTROL_FLOW_RUN_H
#define ENGINE_CONTROL_FLOW_RUN_H

#include "engine/model/package.h"

/* message_type of event_messages. */
typedef enum SoMessageType
{
	SO_MESSAGE_PRE_VALIDATE = 10,
	SO_MESSAGE_POST_VALIDATE = 20,
	SO_MESSAGE_PRE_EXECUTE = 30,
	SO_MESSAGE_POST_EXECUTE = 40,
	SO_MESSAGE_STATUS_CHANGE = 50,
	SO_MESSAGE_PROGRESS = 60,
	SO_MESSAGE_INFORMATION = 70,
	SO_MESSAGE_VARIABLE_VALUE_CHANGED = 80,
	SO_MESSAGE_DIAGNOSTIC = 90,
	SO_MESSAGE_QUERY_CANCEL = 100,
	SO_MESSAGE_WARNING = 110,
	SO_MESSAGE_ERROR = 120,
	SO_MESSAGE_TASK_FAILED = 130,
	SO_MESSAGE_DIAGNOSTIC_EX = 140,
	SO_MESSAGE_CUSTOM = 200,
	SO_MESSAGE_NON_DIAGNOSTIC = 400
} SoMessageType;

/* One event as it goes to the log; strings are valid during the call only. */
typedef struct SoEvent
{
	SoMessageType message_type;
	int message_source_type; /* 30 package, 40 task, 50 container, 60 data flow */
	const char *event_name;  /* "OnError" */
	const char *message;
	const char *code; /* "SO801", "" when none */
	int message_code; /* DTS code as int32 where SSIS has one, else 0 */
	const char *package_name;
	const char *source_name;
	const char *source_id;
	const char *package_path;   /* "\Package\load" */
	const char *execution_path; /* "\load each file[3]\load" */
	const char *subcomponent;   /* "" mostly */
	int thread_id;
	int64_t time_us; /* wall clock, microseconds since 1970 UTC */
	int percent;     /* PROGRESS */
	int64_t progress_low;
	int64_t progress_high;
} SoEvent;

/* One executable has ended (row of executable_statistics). */
typedef struct SoStatistics
{
	const SoExecutable *executable;
	const char *execution_path;
	int64_t start_us;
	int64_t end_us;
	int64_t duration_ms;
	SoExecutionResult result;
	const SoValue *execution_value; /* NULL when none */
	int64_t row_count;              /* -1 when none */
} SoStatistics;

/*
 * Where events go.  All functions are called by the control thread; any may
 * be NULL.  They must not block for long and must not fail.
 */
typedef struct SoRunSink
{
	void *context;
	void (*event)(void *context, const SoEvent *event);
	/* An executable starts: for live displays. */
	void (*started)(void *context, const SoExecutable *executable, const char *execution_path);
	void (*statistics)(void *context, const SoStatistics *statistics);
	/* Every package that takes part is announced once, before its first event. */
	void (*package)(void *context, const SoPackage *package);
	/* Every event, whatever logging_level and logging_mode say: for a log that has levels of its own. */
	void (*trace)(void *context, const SoEvent *event);
} SoRunSink;

/*
 * Checkpoints (engine/checkpoint/checkpoint.h): the control flow loads what an
 * earlier attempt has done from the store, and gives it every finished unit.
 * The store may keep them in a file or send them to the catalog.
 */
typedef struct SoCheckpointStore SoCheckpointStore;

typedef struct SoAssignment
{
	const char *name; /* "$Package::since", "$Project::x", or a property path */
	const char *text; /* canonical text */
} SoAssignment;

typedef struct SoRunOptions
{
	const SoAssignment *parameters;
	int parameter_count;
	const SoAssignment *property_overrides; /* "\Package\load.Properties[sql]", dtexec /Set */
	int property_override_count;
	const SoAssignment *connection_strings; /* connection manager name or id -> string */
	int connection_string_count;
	int max_concurrent_executables; /* 0 = the package's own */
	bool validate_only;
	bool warn_as_error;
	int logging_level;                   /* 0 none, 1 basic, 2 performance, 3 verbose, 4 lineage */
	int64_t server_execution_id;         /* System::ServerExecutionID, 0 by hand */
	const char *execution_instance_guid; /* NULL: made up */
	const char *work_folder; /* System::WorkFolder; NULL: a temporary one, removed at the end */
	bool interactive;        /* System::InteractiveMode */
	int cancel_fd;           /* readable = cancel; -1 = none */
	SoCheckpointStore *checkpoint_store; /* NULL = none */
	/*
	 * The execution with all its attempts and checkpoint restarts, and which
	 * attempt this is at least (from 1): the fencing token of exactly_once.  A
	 * checkpoint knows both better.  NULL and 0: made up.
	 */
	const char *chain_id;
	int attempt;
} SoRunOptions;

typedef struct SoRunOutcome
{
	SoExecutionResult result;
	int error_count;
	int warning_count;
	int64_t duration_ms;
	char *first_error;            /* text of the first error, owned by context; NULL when none */
	SoErrorCode first_error_code; /* SO_OK when none */
	bool validation_failed;
} SoRunOutcome;

extern void so_run_options_init(SoRunOptions *options);

/*
 * Run package package_name of project (NULL: its only package) to its end.
 * false with *error only when it could not begin (unknown package, parameter
 * missing or not convertible); failures of the package are an outcome.
 */
extern bool so_run_package(TALLOC_CTX *context, const SoProject *project, const char *package_name,
						   const SoRunOptions *options, const SoRunSink *sink,
						   SoRunOutcome *outcome, SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_CONTROL_FLOW_RUN_H */
