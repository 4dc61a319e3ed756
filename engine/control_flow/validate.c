/*
 * engine/control_flow/validate.c
 *
 * Walks a package and lets every executable be checked: property expressions,
 * the task type's own checks, transactions.
 *
 * Process: runner and client, control thread only.  The walk makes units of its
 * own, which live until the handlers of what was found have ended.
 */
#include "engine/control_flow/validate.h"

#include <stdio.h>
#include <string.h>

#include "engine/control_flow/event.h"
#include "engine/control_flow/event_name.h"
#include "engine/control_flow/lookup.h"
#include "engine/control_flow/property_expression.h"
#include "engine/control_flow/unit_checkpoint.h"
#include "engine/control_flow/unit_transaction.h"

typedef struct Findings
{
	SoUnit *unit;
	int errors;
	int warnings;
} Findings;

static void
report_finding(SoTaskValidation *validation, bool is_warning, const char *property,
			   const SoError *error)
{
	Findings *findings = validation->private_data;
	SoError placed = *error;

	if (property != NULL)
		snprintf(placed.place, sizeof(placed.place), "%s.Properties[%s]",
				 validation->executable->path, property);
	if (is_warning)
	{
		char *text = so_event_error_text(findings->unit, &placed);

		findings->warnings++;
		so_event_warning(findings->unit, placed.code, "%s", text);
		talloc_free(text);
		return;
	}
	findings->errors++;
	so_event_error(findings->unit, &placed);
}

static void
check_task(SoUnit *unit, Findings *findings)
{
	const SoTaskType *type = unit->executable->task_type;
	SoTaskValidation validation = {.executable = unit->executable,
								   .properties = unit->properties,
								   .report = report_finding,
								   .private_data = findings};

	if (type == NULL)
	{
		findings->warnings++;
		so_event_warning(
			unit, SO_ERR_RUN_TASK_UNSUPPORTED,
			"\"%s\" is of a kind that this version cannot run; it fails when it is reached.",
			unit->executable->name);
		return;
	}
	if (type->validate == NULL)
		return;
	validation.context = talloc_new(unit);
	type->validate(&validation);
	talloc_free(validation.context);
}

static void check_below(SoUnit *unit, TALLOC_CTX *units, Findings *findings);

/* units: where the units of the children go, NULL to leave the children out. */
static void
check_unit(SoUnit *unit, TALLOC_CTX *units, Findings *findings)
{
	SoError error = {0};

	so_event_message(unit, SO_MESSAGE_PRE_VALIDATE, "%s:Validation has started.",
					 unit->executable->name);
	if (!so_property_evaluate(unit, &error))
	{
		findings->errors++;
		so_event_error(unit, &error);
	}
	else
	{
		findings->unit = unit;
		if (unit->executable->kind == SO_KIND_TASK)
			check_task(unit, findings);
		if (!so_unit_transaction_validate(unit, &error))
		{
			findings->errors++;
			so_event_error(unit, &error);
		}
	}
	if (units != NULL)
	{
		so_unit_checkpoint_validate(unit);
		check_below(unit, units, findings);
	}
	so_event_message(unit, SO_MESSAGE_POST_VALIDATE, "%s:Validation is complete.",
					 unit->executable->name);
}

bool
so_validate_unit(SoUnit *unit)
{
	Findings findings = {0};

	check_unit(unit, NULL, &findings);
	return findings.errors == 0;
}

static void
check_child(SoUnit *parent, const SoExecutable *child, TALLOC_CTX *units, Findings *findings)
{
	SoUnit *unit = so_unit_new(units, parent->package_run, child, parent, 0, NULL);

	if (so_unit_boolean(unit, "disable", false) || so_unit_boolean(unit, "delay_validation", false))
		return;
	check_unit(unit, units, findings);
}

/* What a handler's tasks may read about their event: nothing yet, but of the right kind. */
static SoEventRecord *
empty_event(SoUnit *unit, const char *handler_name)
{
	static const SoMessageType types[] = {
		SO_MESSAGE_PRE_VALIDATE,  SO_MESSAGE_POST_VALIDATE,
		SO_MESSAGE_PRE_EXECUTE,   SO_MESSAGE_POST_EXECUTE,
		SO_MESSAGE_STATUS_CHANGE, SO_MESSAGE_PROGRESS,
		SO_MESSAGE_INFORMATION,   SO_MESSAGE_VARIABLE_VALUE_CHANGED,
		SO_MESSAGE_QUERY_CANCEL,  SO_MESSAGE_WARNING,
		SO_MESSAGE_ERROR,         SO_MESSAGE_TASK_FAILED};
	SoEventRecord *record = talloc_zero(unit, SoEventRecord);

	record->source = unit->parent;
	record->level = unit->parent;
	record->message = talloc_strdup(record, "");
	record->data.message = record->message;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		if (strcmp(so_event_handler_name(types[i]), handler_name) == 0)
			record->data.type = types[i];
	}
	return record;
}

static void
check_below(SoUnit *unit, TALLOC_CTX *units, Findings *findings)
{
	const SoExecutable *executable = unit->executable;

	for (int i = 0; i < executable->child_count; i++)
		check_child(unit, executable->children[i], units, findings);
	for (int i = 0; i < executable->event_handler_count; i++)
	{
		const SoExecutable *handler = executable->event_handlers[i];
		SoUnit *inside;

		if (so_executable_boolean(handler, "disable"))
			continue;
		inside = so_unit_new(units, unit->package_run, handler, unit, 0, NULL);
		inside->event = empty_event(inside, handler->name);
		for (int j = 0; j < handler->child_count; j++)
			check_child(inside, handler->children[j], units, findings);
	}
}

bool
so_validate_package(SoUnit *root)
{
	SoPackageRun *package_run = root->package_run;
	Findings findings = {0};
	SoError error;

	package_run->validation = talloc_new(package_run);
	check_unit(root,
			   so_unit_boolean(root, "delay_validation", false) ? NULL : package_run->validation,
			   &findings);
	if (findings.errors == 0 && (findings.warnings == 0 || !root->run->options->warn_as_error))
		return true;
	so_error_set(
		&error, SO_ERR_RUN_VALIDATION_FAILED, root->executable->path,
		findings.errors > 0
			? "There were errors during validation of package \"%s\"; nothing was executed"
			: "Package \"%s\" has warnings, which count as errors here; nothing was executed",
		root->executable->package->name);
	so_event_error(root, &error);
	return false;
}
