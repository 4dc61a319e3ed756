/*
 * engine/model/load.c
 *
 * Whole loads: a package from text, a project from JSON.  load_path.c reads
 * files and folders.
 *
 * Process: runner, client, loader.  Nothing outlives a load but its result.
 */
#include "engine/model/load.h"

#include <string.h>

#include "common/protocol.h"
#include "engine/model/loader.h"

static bool
is_json_file(const char *file)
{
	size_t length = file != NULL ? strlen(file) : 0;

	return length > 5 && strcmp(file + length - 5, ".json") == 0;
}

/*
 * A file called .json holds JSON and nothing more.  Its positions come from
 * libyaml all the same; the few JSON texts that libyaml does not take (escaped
 * surrogate pairs) are loaded without positions.
 */
static SoNode *
parse_json(TALLOC_CTX *context, const char *text, size_t length, const char *file,
		   SoDiagnostics *findings)
{
	SoDiagnostics attempt = {NULL, 0, 0};
	json_error_t problem;
	json_t *json;
	SoNode *node;

	if (length > SO_DOCUMENT_MAX_BYTES)
		return so_node_from_yaml(context, text, length, file, findings); /* which says so */
	json = json_loadb(text, length, JSON_DECODE_ANY, &problem);
	if (json == NULL)
	{
		so_diagnostics_add(
			findings, context,
			&(SoFinding){.code = SO_ERR_DOCUMENT_SYNTAX,
						 .file = file,
						 .line = problem.line,
						 .column = problem.column > 0 ? problem.column : 1,
						 .hint = "A file called .json must be JSON; call it .yaml to write YAML."},
			"%s", problem.text);
		return NULL;
	}
	node = so_node_from_yaml(context, text, length, file, &attempt);
	if (node != NULL)
		so_diagnostics_append(findings, context, &attempt);
	else
		node = so_node_from_json(context, json, file, findings);
	json_decref(json);
	return node;
}

SoNode *
so_loader_parse(TALLOC_CTX *context, const char *text, size_t length, const char *file,
				SoDiagnostics *findings)
{
	if (is_json_file(file))
		return parse_json(context, text, length, file, findings);
	return so_node_from_yaml(context, text, length, file, findings);
}

void
so_loader_begin(SoLoader *loader, SoProject *project, TALLOC_CTX *findings_context,
				SoDiagnostics *findings, const char *file, const char *base_folder)
{
	memset(loader, 0, sizeof(*loader));
	loader->context = project;
	loader->project = project;
	loader->findings_context = findings_context;
	loader->findings = findings;
	loader->file = file;
	loader->base_folder = base_folder;
	loader->ids = json_object();
	loader->paths = json_object();
}

void
so_loader_end(SoLoader *loader)
{
	json_decref(loader->ids);
	json_decref(loader->paths);
}

void
so_loader_read_project(SoLoader *loader, const SoNode *node, const char *default_name)
{
	SoProject *project = loader->project;
	SoObject *object;
	const char *name;

	if (!so_loader_expect(loader, node, SO_NODE_MAPPING, "project"))
		return;
	object = so_loader_read_object(
		loader, node, &so_object_type_project, so_structure_names(SO_HOLDER_PROJECT),
		default_name != NULL ? so_loader_given(loader, "name", NULL) : NULL);
	if (!so_object_is_set(object, "name") && default_name != NULL)
	{
		so_object_field(object, "name")->value = so_value_string(object, default_name);
		so_object_field(object, "name")->is_set = true;
	}
	name = so_object_string(object, "name");
	if (name == NULL)
		return; /* reported as missing */
	if (name[0] == '\0')
		so_loader_error(loader, node, SO_ERR_DOCUMENT_INVALID_VALUE, NULL,
						"the name of a project is empty");
	if (default_name != NULL && strcmp(name, default_name) != 0)
		so_loader_error(loader, so_node_member(node, "name"), SO_ERR_DOCUMENT_INVALID_VALUE, NULL,
						"the project is called \"%s\" here and \"%s\" outside", name, default_name);
	project->object = object;
	project->name = talloc_strdup(project, name);
	loader->identity = so_identity_derive(project, so_identity_root(),
										  talloc_asprintf(project, "project:%s", name));
	so_loader_identify(loader, object, "");
	loader->identity = so_object_string(object, "id");
	so_loader_read_parameters(loader, so_node_member(node, "parameters"), project,
							  "\\Project.Parameters", &project->parameters,
							  &project->parameter_count);
	so_loader_read_connections(loader, so_node_member(node, "connections"), project, true,
							   &project->connections, &project->connection_count);
	so_loader_check_project(loader);
}

SoPackage *
so_loader_load_package(SoLoader *loader, const SoNode *node)
{
	SoProject *project = loader->project;
	SoPackage *package = so_loader_read_package(loader, node);

	if (package == NULL)
		return NULL;
	if (so_project_package(project, package->name) != NULL)
		so_loader_error(loader, so_node_member(node, "name"), SO_ERR_DOCUMENT_DUPLICATE_NAME, NULL,
						"the project has a package \"%s\" already", package->name);
	so_loader_check_package(loader, package);
	project->packages =
		so_loader_append(project, project->packages, &project->package_count, package);
	return package;
}

SoProject *
so_load_package_text(TALLOC_CTX *context, const char *text, size_t length, const char *file,
					 const char *base_folder, SoDiagnostics *findings)
{
	SoProject *project = talloc_zero(context, SoProject);
	TALLOC_CTX *scratch = talloc_new(NULL);
	SoPackage *package = NULL;
	SoLoader loader;
	SoNode *node;

	memset(findings, 0, sizeof(*findings));
	so_loader_begin(&loader, project, context, findings, file, base_folder);
	node = so_loader_parse(scratch, text, length, file, findings);
	/* the parser's findings live in scratch until here */
	so_diagnostics_adopt(findings, context);
	if (node != NULL)
		package = so_loader_load_package(&loader, node);
	so_loader_end(&loader);
	talloc_free(scratch);
	so_diagnostics_sort(findings);
	if (package == NULL || findings->error_count > 0)
	{
		talloc_free(project);
		return NULL;
	}
	project->name = talloc_strdup(project, package->name);
	return project;
}

/* {"format_version": 1, "name": ..., "project": {...}, "packages": {...}} */
static void
read_project_json(SoLoader *loader, const SoNode *root)
{
	const SoNode *version = so_node_member(root, "format_version");
	const SoNode *name = so_node_member(root, "name");
	const SoNode *own = so_node_member(root, "project");
	const SoNode *packages = so_node_member(root, "packages");

	if (!so_loader_expect(loader, root, SO_NODE_MAPPING, "project"))
		return;
	if (version == NULL || version->kind != SO_NODE_INTEGER ||
		version->integer != SO_PACKAGE_FORMAT_VERSION)
		so_loader_error(loader, version != NULL ? version : root, SO_ERR_DOCUMENT_FORMAT_VERSION,
						NULL, "format_version: this version reads %d only",
						SO_PACKAGE_FORMAT_VERSION);
	if (name == NULL || name->kind != SO_NODE_STRING || packages == NULL)
	{
		so_loader_error(loader, root, SO_ERR_DOCUMENT_PROJECT, NULL,
						"a project needs the members name and packages");
		return;
	}
	loader->project->name = talloc_strdup(loader->project, name->text);
	if (own != NULL && (own->kind != SO_NODE_MAPPING || own->count > 0))
		so_loader_read_project(loader, own, name->text);
	if (!so_loader_expect(loader, packages, SO_NODE_MAPPING, "packages") ||
		so_loader_too_long(loader, packages, SO_MAX_PACKAGES, "packages"))
		return;
	for (int i = 0; i < packages->count; i++)
	{
		SoPackage *package;
		SoLoader part;

		so_loader_begin(&part, loader->project, loader->findings_context, loader->findings, NULL,
						NULL);
		package = so_loader_load_package(&part, packages->items[i]);
		if (package != NULL && strcmp(package->name, packages->keys[i]->text) != 0)
			so_loader_error(&part, packages->items[i], SO_ERR_DOCUMENT_INVALID_VALUE, NULL,
							"the package is called \"%s\" inside and \"%s\" outside", package->name,
							packages->keys[i]->text);
		so_loader_end(&part);
	}
	so_loader_check_children(loader->project, loader->findings_context, loader->findings);
}

SoProject *
so_load_project_json(TALLOC_CTX *context, json_t *json, SoDiagnostics *findings)
{
	SoProject *project = talloc_zero(context, SoProject);
	TALLOC_CTX *scratch = talloc_new(NULL);
	SoLoader loader;
	SoNode *node;

	memset(findings, 0, sizeof(*findings));
	so_loader_begin(&loader, project, context, findings, NULL, NULL);
	node = so_node_from_json(scratch, json, NULL, findings);
	so_diagnostics_adopt(findings, context);
	if (node != NULL)
		read_project_json(&loader, node);
	so_loader_end(&loader);
	talloc_free(scratch);
	if (node == NULL || findings->error_count > 0)
	{
		talloc_free(project);
		return NULL;
	}
	return project;
}
