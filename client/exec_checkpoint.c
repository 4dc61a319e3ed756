/*
 * client/exec_checkpoint.c
 *
 * Checkpoints of packages that are run by hand.
 *
 * Process: client, main thread.  The plan changes nothing.
 */
#include "client/exec_checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/options.h"
#include "engine/checkpoint/file_store.h"
#include "engine/control_flow/restart_plan.h"

#define KEY_FILE_VARIABLE "SCALEOUT_CHECKPOINT_KEY_FILE"

static void
add_override(TALLOC_CTX *context, SoExecOptions *options, const char *property, const char *text)
{
	SoAssignment *assignment;

	options->overrides =
		talloc_realloc(context, options->overrides, SoAssignment, options->override_count + 1);
	assignment = &options->overrides[options->override_count++];
	assignment->name = talloc_asprintf(context, "\\Package.Properties[%s]", property);
	assignment->text = text;
}

bool
so_exec_checkpoint_options(TALLOC_CTX *context, SoExecOptions *options, SoError *error)
{
	const char *usage = NULL;

	if (options->checkpointing || options->checkpointing_off)
	{
		add_override(context, options, "save_checkpoints",
					 options->checkpointing ? "true" : "false");
		usage = options->checkpointing ? "always" : "never";
	}
	if (options->restart != NULL)
	{
		if (strcasecmp(options->restart, "deny") == 0)
			usage = "never";
		else if (strcasecmp(options->restart, "force") == 0)
			usage = "always";
		else if (strcasecmp(options->restart, "ifpossible") == 0)
			usage = "if_exists";
		else
		{
			so_error_set(error, SO_ERR_CLIENT_USAGE, "--restart", "--restart does not know \"%s\"",
						 options->restart);
			return so_error_hint(error, "Use deny, force or ifPossible.");
		}
	}
	if (usage != NULL)
		add_override(context, options, "checkpoint_usage", usage);
	if (options->check_file != NULL)
		add_override(context, options, "checkpoint_file_name", options->check_file);
	return true;
}

SoCheckpointStore *
so_exec_checkpoint_store(TALLOC_CTX *context, const SoExecOptions *options, SoError *error)
{
	const char *key_file = options->checkpoint_key_file;

	if (key_file == NULL)
		key_file = getenv(KEY_FILE_VARIABLE);
	return so_checkpoint_file_store(
		context, key_file != NULL && key_file[0] != '\0' ? key_file : NULL, error);
}

int
so_exec_checkpoint_plan(TALLOC_CTX *context, const SoExecOptions *options, const SoProject *project,
						const char *package_name, const SoRunOptions *run_options, SoError *error)
{
	SoRestartPlan *plan = so_run_restart_plan(context, project, package_name, run_options, error);
	json_t *json;

	if (plan == NULL)
		return -1;
	if (options->restart_plan_json)
	{
		json = so_checkpoint_plan_to_json(plan);
		if (json_dumpf(json, stdout, JSON_INDENT(2)) == 0)
			putchar('\n');
		json_decref(json);
	}
	else
		fputs(so_checkpoint_plan_to_text(context, plan), stdout);
	return plan->refused ? SO_EXIT_FAILED : SO_EXIT_SUCCESS;
}
