/*
 * engine/tasks/execute_sql.h
 *
 * The Execute SQL task: its row of the task table, and the binding of
 * parameters and results to variables.
 *
 * Process: runner and client, in a task's thread.
 */
#ifndef ENGINE_TASKS_EXECUTE_SQL_H
#define ENGINE_TASKS_EXECUTE_SQL_H

#include "engine/connections/sql.h"
#include "engine/tasks/sql_text.h"
#include "engine/tasks/task.h"

extern const SoTaskType so_task_execute_sql;

/* Order of the property direction. */
typedef enum SoParameterDirection
{
	SO_DIRECTION_INPUT,
	SO_DIRECTION_OUTPUT,
	SO_DIRECTION_RETURN_VALUE
} SoParameterDirection;

/* Order of the property result_set. */
typedef enum SoResultSet
{
	SO_RESULT_SET_NONE,
	SO_RESULT_SET_SINGLE_ROW,
	SO_RESULT_SET_FULL
} SoResultSet;

/* The input parameters of the task, in the order of their positions. */
typedef struct SoSqlBindings
{
	const char **names; /* NULL for positions */
	SoSqlParameter *parameters;
	int count;
} SoSqlBindings;

/* Read parameter_bindings and the variables that they name; false with *error. */
extern bool
so_execute_sql_inputs(SoTaskRun *run, SoSqlBindings *bindings, SoError *error) SO_WARN_UNUSED;

/*
 * Bind the first result that has rows: to result_bindings as result_set says,
 * and to output parameters.  false with *error.
 */
extern bool
so_execute_sql_outputs(SoTaskRun *run, const SoSqlResults *results, SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_TASKS_EXECUTE_SQL_H */
