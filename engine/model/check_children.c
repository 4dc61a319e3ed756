/*
 * engine/model/check_children.c
 *
 * Execute Package tasks against the packages of the project: the child exists,
 * its parameters are called as the bindings say, required ones get a value, and
 * no secret goes into a parameter that is none.
 *
 * Process: runner, client, loader.  After all packages of a project are loaded.
 */
#include "engine/model/loader.h"

#include <string.h>

#include "engine/tasks/task.h"

typedef struct Check
{
	SoProject *project;
	TALLOC_CTX *context;
	SoDiagnostics *findings;
	const SoExecutable *task;
} Check;

static void SO_PRINTF(5, 6) report(Check *check, const SoObject *object, const char *property,
								   SoErrorCode code, const char *format, ...)
{
	const SoField *field = property != NULL ? so_object_field(object, property) : NULL;
	bool has_place = field != NULL && field->line > 0;
	SoFinding finding = {.code = code,
						 .file = check->task->package->file,
						 .line = has_place ? field->line : object->line,
						 .column = has_place ? field->column : object->column};
	TALLOC_CTX *scratch = talloc_new(NULL);
	va_list arguments;

	finding.pointer = property == NULL
						  ? object->pointer
						  : talloc_asprintf(scratch, "%s/%s", object->pointer, property);
	va_start(arguments, format);
	so_diagnostics_add(check->findings, check->context, &finding, "%s",
					   talloc_vasprintf(scratch, format, arguments));
	va_end(arguments);
	talloc_free(scratch);
}

static bool
is_sensitive(const Check *check, const char *name)
{
	const SoParameter *parameter = NULL;

	if (strncmp(name, "$Package::", 10) == 0)
		parameter = so_package_parameter(check->task->package, name + 10);
	else if (strncmp(name, "$Project::", 10) == 0)
		parameter = so_project_parameter(check->project, name + 10);
	return parameter != NULL && parameter->sensitive;
}

static void
check_binding(Check *check, const SoPackage *child, const SoObject *binding)
{
	const char *name = so_object_string(binding, "parameter");
	const char *variable = so_object_string(binding, "variable");
	const SoParameter *parameter = name != NULL ? so_package_parameter(child, name) : NULL;

	if (name == NULL || variable == NULL)
		return; /* reported as missing */
	if (parameter == NULL)
		report(check, binding, "parameter", SO_ERR_DOCUMENT_CHILD,
			   "package \"%s\" has no parameter \"%s\"", child->name, name);
	else if (!parameter->sensitive && is_sensitive(check, variable))
		report(check, binding, "variable", SO_ERR_DOCUMENT_CHILD,
			   "%s is sensitive and parameter \"%s\" of package \"%s\" is not", variable, name,
			   child->name);
}

static void
check_child(Check *check, const SoPackage *child)
{
	const SoField *bindings = so_object_field(check->task->object, "parameter_bindings");

	for (int i = 0; i < bindings->count; i++)
		check_binding(check, child, bindings->objects[i]);
	for (int i = 0; i < child->parameter_count; i++)
	{
		bool bound = !child->parameters[i]->required;

		for (int j = 0; j < bindings->count; j++)
		{
			const char *name = so_object_string(bindings->objects[j], "parameter");

			bound = bound || (name != NULL && strcmp(name, child->parameters[i]->name) == 0);
		}
		if (!bound)
			report(check, check->task->object, NULL, SO_ERR_DOCUMENT_CHILD,
				   "required parameter \"%s\" of package \"%s\" gets no value",
				   child->parameters[i]->name, child->name);
	}
}

static void
check_task(Check *check)
{
	const SoField *field = so_object_field(check->task->object, "package_name");
	const SoPackage *child;

	if (!field->is_set || field->value.type != SO_TYPE_WSTR ||
		so_executable_boolean(check->task, "disable"))
		return;
	for (int i = 0; i < check->task->expression_count; i++)
	{
		if (check->task->expressions[i].property == field->property)
			return; /* known when it runs */
	}
	child = so_project_package(check->project, field->value.as.text.bytes);
	if (child == NULL)
		report(check, check->task->object, "package_name", SO_ERR_DOCUMENT_CHILD,
			   "the project has no package \"%s\"", field->value.as.text.bytes);
	else
		check_child(check, child);
}

void
so_loader_check_children(SoProject *project, TALLOC_CTX *context, SoDiagnostics *findings)
{
	const SoTaskType *type = so_task_type_find("execute_package");
	Check check = {project, context, findings, NULL};

	for (int i = 0; i < project->package_count; i++)
	{
		const SoPackage *package = project->packages[i];

		for (int j = 0; j < package->executable_count; j++)
		{
			check.task = package->executables[j];
			if (type != NULL && check.task->task_type == type)
				check_task(&check);
		}
	}
}
