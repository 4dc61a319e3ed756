/*
 * engine/model/load_package.c
 *
 * Builds the tree of executables: package, containers, tasks, event handlers.
 *
 * Process: runner, client, loader.  First pass of a load; one owner.
 */
#include "engine/model/loader.h"

#include <string.h>

#include "common/nearest.h"
#include "common/protocol.h"
#include "engine/tasks/task.h"

/* What "type" says about an executable. */
typedef struct ExecutableType
{
	SoExecutableKind kind;
	const SoObjectType *object_type;
	const SoTaskType *task_type;
	bool opaque;
} ExecutableType;

static void
suggest_type(SoLoader *loader, const SoNode *type)
{
	SoNearest nearest;

	so_nearest_begin(&nearest, type->text);
	if (so_loader_may_suggest(loader))
	{
		for (const SoTaskType *const *known = so_task_types(); *known != NULL; known++)
			so_nearest_offer(&nearest, (*known)->object_type->name);
		for (const SoObjectType *const *known = so_container_types(); *known != NULL; known++)
			so_nearest_offer(&nearest, (*known)->name);
	}
	so_loader_error(loader, type, SO_ERR_DOCUMENT_UNKNOWN_TYPE,
					so_loader_hint(loader, NULL, nearest.name),
					"there is no task or container of type \"%s\"", type->text);
}

static void read_children(SoLoader *loader, const SoNode *node, SoExecutable *parent);

static bool
find_type(SoLoader *loader, const SoNode *node, ExecutableType *found)
{
	const SoNode *type = so_node_member(node, "type");

	memset(found, 0, sizeof(*found));
	if (type == NULL || type->kind != SO_NODE_STRING)
	{
		so_loader_error(loader, type != NULL ? type : node, SO_ERR_DOCUMENT_MISSING_PROPERTY,
						"For example type: execute_sql, or type: sequence.",
						"an executable needs type: the name of a task or container");
		return false;
	}
	found->kind = SO_KIND_TASK;
	found->task_type = so_task_type_find(type->text);
	if (found->task_type != NULL)
	{
		found->object_type = found->task_type->object_type;
		return true;
	}
	if (strcmp(type->text, so_object_type_opaque.name) == 0)
	{
		found->opaque = true;
		found->object_type = &so_object_type_opaque;
		return true;
	}
	found->object_type = so_container_type_find(type->text);
	if (found->object_type == NULL)
	{
		suggest_type(loader, type);
		return false;
	}
	found->kind = found->object_type == &so_object_type_sequence   ? SO_KIND_SEQUENCE
				  : found->object_type == &so_object_type_for_loop ? SO_KIND_FOR_LOOP
																   : SO_KIND_FOREACH_LOOP;
	return true;
}

static unsigned
holder_of(const SoExecutable *executable)
{
	switch (executable->kind)
	{
		case SO_KIND_PACKAGE:
			return SO_HOLDER_PACKAGE;
		case SO_KIND_TASK:
			return SO_HOLDER_TASK;
		case SO_KIND_FOREACH_LOOP:
			return SO_HOLDER_FOREACH;
		case SO_KIND_EVENT_HANDLER:
			return SO_HOLDER_EVENT_HANDLER;
		default:
			return SO_HOLDER_CONTAINER;
	}
}

/* Into the package's list; false beyond the limit. */
static bool
enlist(SoLoader *loader, const SoNode *node, SoExecutable *executable)
{
	SoPackage *package = loader->package;

	if (executable->path != NULL && strlen(executable->path) > SO_MAX_PATH_BYTES)
	{
		so_loader_error(loader, node, SO_ERR_DOCUMENT_TOO_LARGE,
						"Shorten the names of the containers around it.",
						"the path of an executable has at most %d bytes", SO_MAX_PATH_BYTES);
		return false;
	}
	if (package->executable_count == SO_MAX_EXECUTABLES)
	{
		so_loader_error(loader, node, SO_ERR_DOCUMENT_TOO_LARGE, NULL,
						"a package has at most %d executables", SO_MAX_EXECUTABLES);
		return false;
	}
	executable->package = package;
	executable->index = package->executable_count;
	package->executables =
		so_loader_append(package, package->executables, &package->executable_count, executable);
	return true;
}

/* Name, path, id; path must be unique. */
static void
place(SoLoader *loader, const SoNode *node, SoExecutable *executable)
{
	const SoNode *name_node = so_node_member(node, "name");

	if (json_object_get(loader->paths, executable->path) != NULL)
		so_loader_error(loader, name_node != NULL ? name_node : node,
						SO_ERR_DOCUMENT_DUPLICATE_NAME, NULL, "there is an executable %s already",
						executable->path);
	else
		json_object_set_new(loader->paths, executable->path, json_true());
	executable->id = so_loader_identify(loader, executable->object, executable->path);
	executable->description =
		talloc_strdup(executable, so_object_string(executable->object, "description"));
}

/*
 * The name in object, in context.  Without a usable one the load has failed, but
 * it goes on under a name made of the position, to find what else is wrong.
 */
static char *
take_name(SoLoader *loader, TALLOC_CTX *context, const SoNode *node, const SoObject *object)
{
	const SoNode *name_node = so_node_member(node, "name");
	const char *name = so_object_string(object, "name");
	bool usable = name != NULL && name[0] != '\0' && strlen(name) <= 255;

	for (const char *at = name; usable && *at != '\0'; at++)
		usable = (unsigned char) *at >= 0x20 && *at != 0x7f;
	if (usable)
		return talloc_strdup(context, name);
	/* one that is missing or of the wrong kind is reported already */
	if (name_node != NULL && name_node->kind == SO_NODE_STRING)
		so_loader_error(loader, name_node, SO_ERR_DOCUMENT_INVALID_VALUE,
						"Write a short text without line breaks.",
						"a name has 1 to 255 characters on one line");
	return talloc_asprintf(context, "executables[%d]", node->index);
}

/* An enumerator, for Foreach loops. */
static void
read_enumerator(SoLoader *loader, const SoNode *loop, SoExecutable *executable)
{
	const SoNode *node = so_node_member(loop, "enumerator");
	const SoNode *type = so_node_member(node, "type");
	const SoNode *expressions = so_node_member(node, "expressions");
	const SoObjectType *found;
	SoNearest nearest;

	if (node == NULL)
	{
		so_loader_error(loader, loop, SO_ERR_DOCUMENT_MISSING_PROPERTY,
						"For example enumerator: {type: file, folder: /srv/in, files: \"*.csv\"}.",
						"a Foreach loop needs enumerator: what it goes through");
		return;
	}
	if (!so_loader_expect(loader, node, SO_NODE_MAPPING, "enumerator"))
		return;
	found =
		type != NULL && type->kind == SO_NODE_STRING ? so_enumerator_type_find(type->text) : NULL;
	if (found == NULL)
	{
		so_nearest_begin(&nearest, type != NULL && type->text != NULL ? type->text : "");
		for (const SoObjectType *const *known = so_enumerator_types(); *known != NULL; known++)
			so_nearest_offer(&nearest, (*known)->name);
		so_loader_error(
			loader, type != NULL ? type : node,
			type != NULL ? SO_ERR_DOCUMENT_UNKNOWN_TYPE : SO_ERR_DOCUMENT_MISSING_PROPERTY,
			so_loader_hint(loader,
						   "Types are file, item, variable, node_list, result_set and json_array.",
						   nearest.name),
			"an enumerator needs type: the name of a kind of enumerator");
		return;
	}
	executable->enumerator = so_loader_read_object(
		loader, node, found, so_structure_names(SO_HOLDER_ENUMERATOR), expressions);
	so_loader_read_expressions(loader, expressions, found, executable,
							   &executable->enumerator_expressions,
							   &executable->enumerator_expression_count);
}

/*
 * For an executable of unknown type, so that constraints find it and what is
 * inside is checked as well; its properties are anybody's guess.
 */
static SoExecutable *
stand_in(SoLoader *loader, const SoNode *node, SoExecutable *parent)
{
	const SoNode *name = so_node_member(node, "name");
	SoExecutable *executable;

	if (name == NULL || name->kind != SO_NODE_STRING)
		return NULL;
	executable = talloc_zero(parent, SoExecutable);
	executable->kind = SO_KIND_SEQUENCE;
	executable->parent = parent;
	executable->object = so_object_new(executable, &so_object_type_sequence);
	executable->object->pointer = so_node_pointer(executable->object, node);
	executable->object->line = node->line;
	executable->object->column = node->column;
	executable->name = talloc_strdup(executable, name->text);
	executable->path = talloc_asprintf(executable, "%s\\%s", parent->path, executable->name);
	if (!enlist(loader, node, executable))
		return NULL;
	place(loader, node, executable);
	read_children(loader, so_node_member(node, "executables"), executable);
	so_loader_read_constraints(loader, node, executable);
	return executable;
}

static SoExecutable *
read_executable(SoLoader *loader, const SoNode *node, SoExecutable *parent)
{
	SoExecutable *executable;
	ExecutableType type;

	if (!so_loader_expect(loader, node, SO_NODE_MAPPING, "executable"))
		return NULL;
	if (!find_type(loader, node, &type))
		return stand_in(loader, node, parent);
	executable = talloc_zero(parent, SoExecutable);
	executable->kind = type.kind;
	executable->task_type = type.task_type;
	executable->opaque = type.opaque;
	executable->parent = parent;
	executable->object = so_loader_read_object(loader, node, type.object_type,
											   so_structure_names(holder_of(executable)),
											   so_node_member(node, "expressions"));
	executable->name = take_name(loader, executable, node, executable->object);
	executable->path = talloc_asprintf(executable, "%s\\%s", parent->path, executable->name);
	if (!enlist(loader, node, executable))
		return NULL;
	place(loader, node, executable);
	if (type.opaque && !so_object_boolean(executable->object, "disable"))
		so_loader_warning(
			loader, node, SO_ERR_DOCUMENT_OPAQUE, NULL,
			"%s is of the imported type %s, which cannot run; it fails when it is reached",
			executable->path, so_object_string(executable->object, "original_type"));
	if (type.kind == SO_KIND_FOREACH_LOOP)
		read_enumerator(loader, node, executable);
	so_loader_read_content(loader, node, executable);
	return executable;
}

static void
read_children(SoLoader *loader, const SoNode *node, SoExecutable *parent)
{
	if (node == NULL || !so_loader_expect(loader, node, SO_NODE_SEQUENCE, "executables"))
		return;
	for (int i = 0; i < node->count; i++)
	{
		SoExecutable *child = read_executable(loader, node->items[i], parent);

		if (child != NULL)
			parent->children =
				so_loader_append(parent, parent->children, &parent->child_count, child);
	}
}

static void
read_event_handler(SoLoader *loader, const SoNode *node, SoExecutable *owner, const char *event)
{
	SoExecutable *handler = talloc_zero(owner, SoExecutable);

	handler->kind = SO_KIND_EVENT_HANDLER;
	handler->parent = owner;
	handler->name = talloc_strdup(handler, event);
	handler->path =
		talloc_asprintf(handler, "%s.EventHandlers[%s]", owner->path, so_event_ssis_name(event));
	handler->object = so_object_new(handler, &so_object_type_event_handler);
	if (!so_loader_expect(loader, node, SO_NODE_MAPPING, event) || !enlist(loader, node, handler))
		return;
	if (so_node_member(node, "name") != NULL)
		so_loader_error(loader, so_node_member(node, "name"), SO_ERR_DOCUMENT_INVALID_VALUE,
						"Remove it.", "the name of an event handler is the event");
	/* the name is known, so it is not required here */
	handler->object = so_loader_read_object(loader, node, &so_object_type_event_handler,
											so_structure_names(SO_HOLDER_EVENT_HANDLER),
											so_loader_given(loader, "name", NULL));
	place(loader, node, handler);
	so_loader_read_content(loader, node, handler);
	owner->event_handlers =
		so_loader_append(owner, owner->event_handlers, &owner->event_handler_count, handler);
}

static void
read_event_handlers(SoLoader *loader, const SoNode *node, SoExecutable *owner)
{
	const char *const *events = so_event_names();

	if (node == NULL || !so_loader_expect(loader, node, SO_NODE_MAPPING, "event_handlers"))
		return;
	for (int i = 0; i < node->count; i++)
	{
		SoNearest nearest;

		if (so_event_ssis_name(node->keys[i]->text) != NULL)
			continue;
		so_nearest_begin(&nearest, node->keys[i]->text);
		for (int j = 0; events[j] != NULL; j++)
			so_nearest_offer(&nearest, events[j]);
		so_loader_error(loader, node->items[i], SO_ERR_DOCUMENT_UNKNOWN_PROPERTY,
						so_loader_hint(loader,
									   "Events are on_error, on_pre_execute, on_post_execute, "
									   "on_task_failed and others; docs/packages.md lists them.",
									   nearest.name),
						"there is no event \"%s\"", node->keys[i]->text);
	}
	/* in the order of the list, so that the canonical form does not depend on the author's */
	for (int j = 0; events[j] != NULL; j++)
	{
		const SoNode *handler = so_node_member(node, events[j]);

		if (handler != NULL)
			read_event_handler(loader, handler, owner, events[j]);
	}
}

void
so_loader_read_content(SoLoader *loader, const SoNode *node, SoExecutable *executable)
{
	so_loader_check_secrets(loader, executable->object);
	so_loader_read_variables(loader, so_node_member(node, "variables"), executable);
	so_loader_read_expressions(loader, so_node_member(node, "expressions"),
							   executable->object->type, executable, &executable->expressions,
							   &executable->expression_count);
	if (executable->kind != SO_KIND_TASK)
	{
		read_children(loader, so_node_member(node, "executables"), executable);
		so_loader_read_constraints(loader, node, executable);
	}
	read_event_handlers(loader, so_node_member(node, "event_handlers"), executable);
}

/* ---- package ---- */

static bool
check_format_version(SoLoader *loader, const SoNode *node)
{
	const SoNode *version = so_node_member(node, "format_version");

	if (version == NULL ||
		(version->kind == SO_NODE_INTEGER && version->integer == SO_PACKAGE_FORMAT_VERSION))
		return true;
	so_loader_error(loader, version, SO_ERR_DOCUMENT_FORMAT_VERSION, NULL,
					"format_version: this version reads %d only", SO_PACKAGE_FORMAT_VERSION);
	return false;
}

static void
check_package_properties(SoLoader *loader, const SoObject *object)
{
	int64_t concurrent = so_object_integer(object, "max_concurrent_executables");

	if (concurrent == 0 || concurrent < -1)
		so_loader_error_at(loader, object, so_object_field(object, "max_concurrent_executables"),
						   SO_ERR_DOCUMENT_INVALID_VALUE,
						   "-1 means the number of processors plus two.",
						   "max_concurrent_executables is -1 or at least 1");
	if (so_object_boolean(object, "fail_package_on_failure"))
		so_loader_error_at(loader, object, so_object_field(object, "fail_package_on_failure"),
						   SO_ERR_DOCUMENT_INVALID_VALUE, "Set it on the tasks and containers.",
						   "fail_package_on_failure is false on a package");
}

SoPackage *
so_loader_read_package(SoLoader *loader, const SoNode *node)
{
	SoPackage *package = talloc_zero(loader->project, SoPackage);
	SoExecutable *root = talloc_zero(package, SoExecutable);
	const char *id;

	if (!so_loader_expect(loader, node, SO_NODE_MAPPING, "package") ||
		!check_format_version(loader, node))
		return NULL;
	loader->package = package;
	package->project = loader->project;
	package->root = root;
	package->file = talloc_strdup(package, loader->file);
	root->kind = SO_KIND_PACKAGE;
	root->path = talloc_strdup(root, "\\Package");
	root->object = so_loader_read_object(loader, node, &so_object_type_package,
										 so_structure_names(SO_HOLDER_PACKAGE),
										 so_node_member(node, "expressions"));
	root->name = take_name(loader, root, node, root->object);
	package->name = talloc_strdup(package, root->name);
	check_package_properties(loader, root->object);
	enlist(loader, node, root);
	/* the package's own id is derived from its name alone, the others from the package's id */
	id = so_object_string(root->object, "id");
	loader->identity = id != NULL
						   ? talloc_strdup(package, id)
						   : so_identity_derive(package, so_identity_root(),
												talloc_asprintf(package, "package:%s", root->name));
	if (id == NULL)
	{
		so_object_field(root->object, "id")->value =
			so_value_string(root->object, loader->identity);
		so_object_field(root->object, "id")->is_set = true;
	}
	place(loader, node, root);
	package->id = talloc_strdup(package, root->id);
	so_loader_read_parameters(loader, so_node_member(node, "parameters"), package,
							  "\\Package.Parameters", &package->parameters,
							  &package->parameter_count);
	so_loader_read_connections(loader, so_node_member(node, "connections"), package, false,
							   &package->connections, &package->connection_count);
	so_loader_read_content(loader, node, root);
	return package;
}
