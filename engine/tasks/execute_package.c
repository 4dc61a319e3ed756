/*
 * engine/tasks/execute_package.c
 *
 * The Execute Package task: a package of the same project as a child.  The
 * control flow runs it itself (engine/control_flow/child_package.c), because a
 * child is scheduled like a container; this file has its properties.
 *
 * Process: runner and client, control thread.
 */
#include "engine/model/object_types.h"
#include "engine/tasks/task.h"

extern const SoTaskType so_task_execute_package;

static const SoProperty binding_properties[] = {
	{"parameter", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL,
	 NULL, "Name of the child's parameter.", "parameter: since"},
	{"variable", SO_PROPERTY_VARIABLE, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL,
	 NULL, "Variable or parameter of this package whose value it gets.",
	 "variable: \"User::start\""},
	{NULL}};

static const SoObjectType binding_type = {"parameter_binding", "Parameter binding",
										  "Gives a parameter of the child package its value.",
										  binding_properties, NULL};

static const SoProperty execute_package_properties[] = {
	{"package_name", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED, NULL, NULL, NULL,
	 "Name of a package in the same project.", "package_name: load_customers"},
	{"parameter_bindings", SO_PROPERTY_OBJECT_LIST, SO_PROPERTY_NO_EXPRESSION, NULL, NULL,
	 &binding_type,
	 "Values for the child's parameters. A sensitive value can only go to a sensitive parameter.",
	 "parameter_bindings: [{parameter: since, variable: \"User::start\"}]"},
	{NULL}};

static const SoObjectType execute_package_type = {
	"execute_package", "Execute Package task",
	"Runs another package of the same project inside this execution: it shares the connections, "
	"takes part "
	"in the transaction around the task, and its errors count here as well.",
	execute_package_properties, &so_object_type_executable};

static SoExecutionResult
run_execute_package(SoTaskRun *run)
{
	SoError error;

	so_error_set(&error, SO_ERR_INTERNAL, so_task_executable(run)->path,
				 "a child package was started outside the control flow");
	so_task_error(run, &error);
	return SO_RESULT_FAILURE;
}

const SoTaskType so_task_execute_package = {.object_type = &execute_package_type,
											.run = run_execute_package,
											.flags = SO_TASK_IN_CONTROL_THREAD};
