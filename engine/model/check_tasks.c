/*
 * engine/model/check_tasks.c
 *
 * Lets the tasks of a loaded project check themselves as far as that needs no
 * connection and no running package: what would be a finding of the validation
 * phase of every execution is known before the package is stored or run.
 *
 * Process: client (scaleout validate), loader (catalog.deploy_*).  Changes nothing.
 */
#include "engine/model/load.h"

#include <string.h>

#include "engine/model/diagnostics.h"
#include "engine/model/object_types.h"
#include "engine/tasks/task.h"

/* Where a task's findings go. */
typedef struct Report
{
	TALLOC_CTX *context;
	SoDiagnostics *findings;
} Report;

static void
report(SoTaskValidation *validation, bool is_warning, const char *property, const SoError *error)
{
	Report *target = validation->private_data;
	const SoExecutable *executable = validation->executable;
	const SoField *field = property != NULL ? so_object_field(executable->object, property) : NULL;
	SoFinding finding = {.is_warning = is_warning,
						 .code = error->code,
						 .file = executable->package->file,
						 .line = executable->object->line,
						 .column = executable->object->column,
						 .pointer = executable->object->pointer,
						 .hint = error->hint};

	if (field != NULL && field->is_set)
		finding.pointer =
			talloc_asprintf(target->context, "%s/%s", executable->object->pointer, property);
	if (field != NULL && field->line > 0)
	{
		finding.line = field->line;
		finding.column = field->column;
	}
	so_diagnostics_add(target->findings, target->context, &finding, "%s: %s%s%s", executable->path,
					   error->message, error->detail[0] != '\0' ? "\n" : "", error->detail);
}

/* Does an expression set a property of the task itself?  Then its values are known at run time only. */
static bool
is_computed(const SoExecutable *executable)
{
	for (int i = 0; i < executable->expression_count; i++)
	{
		if (so_object_type_find(&so_object_type_executable,
								executable->expressions[i].property->name) == NULL)
			return true;
	}
	return false;
}

/* Is it, or something around it, switched off or to be validated later? */
static bool
is_left_out(const SoExecutable *executable)
{
	for (; executable != NULL; executable = executable->parent)
	{
		if (so_executable_boolean(executable, "disable") ||
			so_executable_boolean(executable, "delay_validation"))
			return true;
	}
	return false;
}

void
so_load_check_tasks(TALLOC_CTX *context, const SoProject *project, SoDiagnostics *findings)
{
	Report target = {context, findings};

	for (int i = 0; i < project->package_count; i++)
	{
		const SoPackage *package = project->packages[i];

		for (int j = 0; j < package->executable_count; j++)
		{
			const SoExecutable *executable = package->executables[j];
			SoTaskValidation validation = {.executable = executable,
										   .properties = executable->object,
										   .context = context,
										   .report = report,
										   .private_data = &target};

			if (executable->task_type != NULL && executable->task_type->validate != NULL &&
				!is_computed(executable) && !is_left_out(executable))
				executable->task_type->validate(&validation);
		}
	}
}
