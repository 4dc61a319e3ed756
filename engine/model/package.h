/*
 * engine/model/package.h
 *
 * The package model: what a document means once it is loaded and checked.
 * Names and meaning are SSIS's (run-time model); immutable after loading.
 *
 * Process: runner, client, loader.  Owned by the talloc context of the load.
 */
#ifndef ENGINE_MODEL_PACKAGE_H
#define ENGINE_MODEL_PACKAGE_H

#include "engine/expression/expression.h"
#include "engine/model/property.h"

typedef struct SoExecutable SoExecutable;
typedef struct SoPackage SoPackage;
typedef struct SoProject SoProject;
struct SoTaskType;

typedef enum SoExecutableKind
{
	SO_KIND_PACKAGE,
	SO_KIND_SEQUENCE,
	SO_KIND_FOR_LOOP,
	SO_KIND_FOREACH_LOOP,
	SO_KIND_TASK,
	SO_KIND_EVENT_HANDLER
} SoExecutableKind;

/* DTSExecResult, as in executable_statistics. */
typedef enum SoExecutionResult
{
	SO_RESULT_NONE = -1,
	SO_RESULT_SUCCESS = 0,
	SO_RESULT_FAILURE = 1,
	SO_RESULT_COMPLETION = 2,
	SO_RESULT_CANCELED = 3
} SoExecutionResult;

typedef enum SoConstraintOperation /* EvalOp */
{
	SO_EVALUATE_EXPRESSION = 1,
	SO_EVALUATE_CONSTRAINT = 2,
	SO_EVALUATE_EXPRESSION_AND_CONSTRAINT = 3,
	SO_EVALUATE_EXPRESSION_OR_CONSTRAINT = 4
} SoConstraintOperation;

typedef struct SoVariable
{
	char *name;       /* without namespace */
	char *name_space; /* "User" */
	SoDataType type;
	SoValue value; /* design value */
	bool read_only;
	bool raise_changed_event;
	bool evaluate_as_expression;
	bool include_in_debug_dump;
	char *expression; /* text; NULL when none */
	SoObject *object;
} SoVariable;

typedef struct SoParameter
{
	char *name;
	SoDataType type;
	bool required;
	bool sensitive;
	bool has_default;
	SoValue value; /* design default */
	char *description;
	SoObject *object;
} SoParameter;

typedef struct SoConnectionManager
{
	char *id; /* uuid text */
	char *name;
	const SoObjectType *type; /* type->name is "postgres", "ftp" ... */
	SoObject *object;         /* connection_string, retain_same_connection ... */
	bool from_project;
	struct SoPropertyExpression *expressions;
	int expression_count;
} SoConnectionManager;

/* expressions: {sql: "..."} */
typedef struct SoPropertyExpression
{
	const SoProperty *property;
	char *text;
	char *pointer; /* JSON pointer of the expression */
	int line;
	int column;
} SoPropertyExpression;

typedef struct SoPrecedenceConstraint
{
	char *id;
	char *name;
	SoExecutable *from;
	SoExecutable *to;
	SoExecutionResult value; /* success, failure, completion */
	SoConstraintOperation operation;
	char *expression; /* NULL when none */
	bool logical_and;
	SoObject *object;
} SoPrecedenceConstraint;

struct SoExecutable
{
	SoExecutableKind kind;
	char *id; /* uuid text, lower case */
	char *name;
	char *description;
	char *path;                         /* "\Package\load each file\load" */
	const struct SoTaskType *task_type; /* KIND_TASK; NULL when opaque */
	SoObject *object;                   /* all properties, common ones included */
	SoExecutable *parent;
	SoPackage *package;

	SoExecutable **children;
	int child_count;
	SoPrecedenceConstraint **constraints; /* between the children */
	int constraint_count;
	SoVariable **variables;
	int variable_count;
	SoExecutable **event_handlers; /* KIND_EVENT_HANDLER; name is "on_error" ... */
	int event_handler_count;
	SoPropertyExpression *expressions;
	int expression_count;
	SoObject *enumerator; /* FOREACH_LOOP */
	SoPropertyExpression *enumerator_expressions;
	int enumerator_expression_count;

	bool opaque; /* kept by the importer; fails when reached */
	int index;   /* position in package->executables */
};

struct SoPackage
{
	char *name;         /* "load_sales" */
	char *id;           /* uuid text */
	SoExecutable *root; /* KIND_PACKAGE: package-level properties and children */
	SoParameter **parameters;
	int parameter_count;
	SoConnectionManager **connections; /* own ones; look up through so_package_connection */
	int connection_count;
	SoExecutable **executables; /* every executable in document order, root first */
	int executable_count;
	SoProject *project;
	char *file; /* path it came from, NULL for the catalog */
};

struct SoProject
{
	char *name;
	SoObject *object; /* project.yaml, NULL when there is none */
	SoPackage **packages;
	int package_count;
	SoParameter **parameters; /* $Project::x */
	int parameter_count;
	SoConnectionManager **connections; /* shared */
	int connection_count;
};

/* Lookups; NULL when there is none.  name_or_id where both are allowed. */
extern SoPackage *so_project_package(const SoProject *project, const char *name);
extern SoConnectionManager *so_package_connection(const SoPackage *package, const char *name_or_id);
extern SoExecutable *so_package_executable(const SoPackage *package, const char *path);
extern SoParameter *so_package_parameter(const SoPackage *package, const char *name);
extern SoParameter *so_project_parameter(const SoProject *project, const char *name);
/*
 * The variable "User::rows", or "rows" in whatever namespace, as seen from
 * executable: its own, then its parents' (an event handler's parent is the
 * executable that it belongs to).
 */
extern SoVariable *so_executable_variable(const SoExecutable *executable, const char *name);

/* Property shortcuts that are read everywhere. */
extern bool so_executable_boolean(const SoExecutable *executable, const char *name);
extern int64_t so_executable_integer(const SoExecutable *executable, const char *name);

/* One finding of the loader or of validation. */
typedef struct SoDiagnostic
{
	bool is_warning;
	SoErrorCode code;
	char *file; /* NULL when unknown */
	int line;
	int column;
	char *pointer; /* JSON pointer */
	char *message;
	char *hint; /* expected what, nearest valid name ... */
} SoDiagnostic;

typedef struct SoDiagnostics
{
	SoDiagnostic *items;
	int count;
	int error_count;
} SoDiagnostics;

#endif /* ENGINE_MODEL_PACKAGE_H */
