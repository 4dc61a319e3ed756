/*
 * client/exec_configuration.c
 *
 * Configuration files (dtexec /ConfigFile): a YAML or JSON map of what --set
 * and --parameter would say.
 *
 *     $Package::since: 2026-01-01
 *     User::folder: /srv/in
 *     \Package\load.Properties[sql]: "SELECT 1"
 *     \Package.Connections[warehouse].Properties[connection_string]: service=test
 *
 * Process: client, before anything runs.
 */
#include <stdio.h>
#include <string.h>

#include "client/exec_options.h"
#include "client/read_text.h"
#include "engine/model/load.h"
#include "engine/model/node.h"

static void
prepend(TALLOC_CTX *context, SoAssignment **list, int *count, const char *name, const char *text)
{
	*list = talloc_realloc(context, *list, SoAssignment, *count + 1);
	memmove(*list + 1, *list, sizeof(SoAssignment) * (size_t) *count);
	(*list)[0].name = name;
	(*list)[0].text = text;
	(*count)++;
}

bool
so_exec_options_configure(TALLOC_CTX *context, const char *path, SoExecOptions *options,
						  SoError *error)
{
	SoDiagnostics findings = {0};
	size_t length;
	char *text = so_read_text(context, path, &length, error);
	SoNode *root;

	if (text == NULL)
		return false;
	root = so_node_from_yaml(context, text, length, path, &findings);
	if (root == NULL || findings.error_count > 0 || root->kind != SO_NODE_MAPPING)
	{
		so_error_set(error, SO_ERR_RUN_CONFIGURATION, path,
					 "configuration file \"%s\" is not a map", path);
		return so_error_detail(error, "%s", so_diagnostics_to_text(context, &findings));
	}
	/* From the end, because each is put in front: the file's order stays, options come after it. */
	for (int i = root->count - 1; i >= 0; i--)
	{
		const SoNode *value = root->items[i];
		const char *name = root->keys[i]->text;

		if (value->text == NULL)
		{
			so_error_set(error, SO_ERR_RUN_CONFIGURATION, path,
						 "the value of \"%s\" is not a scalar", name);
			return so_error_detail(error, "Line %d, column %d.", value->line, value->column);
		}
		if (name[0] == '$')
			prepend(context, &options->parameters, &options->parameter_count, name, value->text);
		else
			prepend(context, &options->overrides, &options->override_count,
					name[0] == '\\'
						? name
						: talloc_asprintf(context, "\\Package.Variables[%s].Value", name),
					value->text);
	}
	return true;
}
