/*
 * engine/tasks/expression.c
 *
 * The Expression task: "@[User::x] = expression".
 *
 * Process: runner and client, in the control thread: it takes no time and needs
 * no thread.  It works on the task's copies like any other task.
 */
#include "engine/control_flow/task_run.h"
#include "engine/model/object_types.h"
#include "engine/tasks/task.h"

extern const SoTaskType so_task_expression;

static const SoProperty expression_properties[] = {
	{"expression", SO_PROPERTY_EXPRESSION, SO_PROPERTY_REQUIRED | SO_PROPERTY_ASSIGNMENT, NULL,
	 NULL, NULL,
	 "The expression; usually an assignment to a variable. Its value is the task's execution "
	 "value.",
	 "expression: \"@[User::total] = @[User::total] + @[User::rows]\""},
	{NULL}};

static const SoObjectType expression_type = {
	"expression", "Expression task",
	"Evaluates an expression and assigns the result to a variable.", expression_properties,
	&so_object_type_executable};

static SoExecutionResult
run_expression(SoTaskRun *run)
{
	const char *text = so_object_string(so_task_properties(run), "expression");
	SoExpressionResolver resolver = so_task_run_resolver(run);
	SoExpression *expression;
	SoError error = {0};
	SoValue value;

	expression = so_expression_compile(so_task_context(run), text, true,
									   so_task_executable(run)->path, &resolver, &error);
	if (expression == NULL ||
		!so_expression_evaluate(expression, so_task_context(run), &resolver, &value, &error))
	{
		so_task_error(run, &error);
		return SO_RESULT_FAILURE;
	}
	so_task_set_execution_value(run, &value);
	return SO_RESULT_SUCCESS;
}

const SoTaskType so_task_expression = {
	.object_type = &expression_type, .run = run_expression, .flags = SO_TASK_IN_CONTROL_THREAD};
