/*
 * engine/model/object_types.h
 *
 * The tables of every kind of object in a package document that is not a task:
 * package, containers, event handler, constraint, variable, parameter,
 * connection managers, Foreach enumerators, project.  Tasks have their tables in
 * engine/tasks/, with so_object_type_executable as their base.
 *
 * Names are SSIS's in snake_case (run-time model, "Container and task
 * properties").  Enumerations are kept as the index in the lists below.
 *
 * Process: runner, client, loader; constant data.
 */
#ifndef ENGINE_MODEL_OBJECT_TYPES_H
#define ENGINE_MODEL_OBJECT_TYPES_H

#include "engine/model/property.h"

/* force_execution_result; minus one it is the SoExecutionResult. */
typedef enum SoForcedResult
{
	SO_FORCED_NONE,
	SO_FORCED_SUCCESS,
	SO_FORCED_FAILURE,
	SO_FORCED_COMPLETION
} SoForcedResult;

/* transaction_option */
typedef enum SoTransactionOption
{
	SO_TRANSACTION_NOT_SUPPORTED,
	SO_TRANSACTION_SUPPORTED,
	SO_TRANSACTION_REQUIRED
} SoTransactionOption;

/* isolation_level */
typedef enum SoIsolationLevel
{
	SO_ISOLATION_UNSPECIFIED,
	SO_ISOLATION_CHAOS,
	SO_ISOLATION_READ_UNCOMMITTED,
	SO_ISOLATION_READ_COMMITTED,
	SO_ISOLATION_REPEATABLE_READ,
	SO_ISOLATION_SERIALIZABLE,
	SO_ISOLATION_SNAPSHOT
} SoIsolationLevel;

/* logging_mode */
typedef enum SoLoggingMode
{
	SO_LOGGING_USE_PARENT_SETTING,
	SO_LOGGING_ENABLED,
	SO_LOGGING_DISABLED
} SoLoggingMode;

/* checkpoint, of every executable */
typedef enum SoCheckpointMode
{
	SO_CHECKPOINT_DEFAULT,
	SO_CHECKPOINT_ALWAYS_RERUN,
	SO_CHECKPOINT_AS_ONE
} SoCheckpointMode;

/* checkpoint_usage, checkpoint_durability of the package */
typedef enum SoCheckpointUsage
{
	SO_CHECKPOINT_NEVER,
	SO_CHECKPOINT_IF_EXISTS,
	SO_CHECKPOINT_ALWAYS
} SoCheckpointUsage;

typedef enum SoCheckpointDurability
{
	SO_CHECKPOINT_SYNC,
	SO_CHECKPOINT_ASYNC
} SoCheckpointDurability;

/* checkpoint_granularity of the Foreach loop */
typedef enum SoCheckpointGranularity
{
	SO_CHECKPOINT_LOOP,
	SO_CHECKPOINT_ITERATION
} SoCheckpointGranularity;

/* file enumerator: retrieve_file_name, order */
typedef enum SoFileNameForm
{
	SO_FILE_NAME_FULLY_QUALIFIED,
	SO_FILE_NAME_AND_EXTENSION,
	SO_FILE_NAME_ONLY
} SoFileNameForm;

typedef enum SoFileOrder
{
	SO_FILE_ORDER_NAME,
	SO_FILE_ORDER_MODIFIED
} SoFileOrder;

/* node_list enumerator: source_type, enumeration_type, inner_element_type */
typedef enum SoDocumentSource
{
	SO_DOCUMENT_FILE_CONNECTION,
	SO_DOCUMENT_VARIABLE,
	SO_DOCUMENT_DIRECT_INPUT
} SoDocumentSource;

typedef enum SoNodeEnumeration
{
	SO_NODES_NAVIGATOR,
	SO_NODES_NODE,
	SO_NODES_NODE_TEXT,
	SO_NODES_ELEMENT_COLLECTION
} SoNodeEnumeration;

/* file connection manager: file_usage_type */
typedef enum SoFileUsage
{
	SO_FILE_EXISTING,
	SO_FILE_CREATE,
	SO_FOLDER_EXISTING,
	SO_FOLDER_CREATE
} SoFileUsage;

/* ftp and smtp connection managers: encryption */
typedef enum SoEncryption
{
	SO_ENCRYPTION_NONE,
	SO_ENCRYPTION_TRY,
	SO_ENCRYPTION_REQUIRED
} SoEncryption;

/* Common properties: the base of package, containers, event handlers and every task. */
extern const SoObjectType so_object_type_executable;
extern const SoObjectType so_object_type_package;
extern const SoObjectType so_object_type_sequence;
extern const SoObjectType so_object_type_for_loop;
extern const SoObjectType so_object_type_foreach_loop;
extern const SoObjectType so_object_type_event_handler;
/* An executable that this version cannot run, kept by the importer. */
extern const SoObjectType so_object_type_opaque;

extern const SoObjectType so_object_type_precedence_constraint;
extern const SoObjectType so_object_type_variable;
extern const SoObjectType so_object_type_parameter;
extern const SoObjectType so_object_type_variable_mapping;
extern const SoObjectType so_object_type_project;

/* Base of the connection managers (name, connection_string ...). */
extern const SoObjectType so_object_type_connection;

/* Terminated by NULL; and one by the name that stands in "type", NULL when there is none. */
extern const SoObjectType *const *so_container_types(void);
extern const SoObjectType *so_container_type_find(const char *name);
extern const SoObjectType *const *so_connection_types(void);
extern const SoObjectType *so_connection_type_find(const char *name);
extern const SoObjectType *const *so_enumerator_types(void);
extern const SoObjectType *so_enumerator_type_find(const char *name);

/* "on_error" ..., terminated by NULL; SSIS's spelling ("OnError") of one, NULL when unknown. */
extern const char *const *so_event_names(void);
extern const char *so_event_ssis_name(const char *name);

#endif /* ENGINE_MODEL_OBJECT_TYPES_H */
