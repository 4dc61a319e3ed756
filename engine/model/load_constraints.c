/*
 * engine/model/load_constraints.c
 *
 * Precedence constraints: after of the children, precedence_constraints of the
 * container, and the search for cycles.
 *
 * Process: runner, client, loader.  First pass of a load; one owner.
 */
#include "engine/model/loader.h"

#include <string.h>

#include "common/nearest.h"

/* One container while its constraints are read. */
typedef struct Scope
{
	SoLoader *loader;
	SoExecutable *container;
	json_t *names; /* name -> position among the children; ids as well */
	json_t *pairs; /* "from\nto" -> how many constraints so far */
} Scope;

static SoExecutable *
find_sibling(Scope *scope, const char *name)
{
	json_t *position = json_object_get(scope->names, name);

	return position != NULL ? scope->container->children[json_integer_value(position)] : NULL;
}

static SoExecutable *
require_sibling(Scope *scope, const SoNode *node, const char *name)
{
	SoExecutable *found = find_sibling(scope, name);
	SoNearest nearest;

	if (found != NULL)
		return found;
	so_nearest_begin(&nearest, name);
	for (int i = 0; i < scope->container->child_count && so_loader_may_suggest(scope->loader); i++)
		so_nearest_offer(&nearest, scope->container->children[i]->name);
	so_loader_error(scope->loader, node, SO_ERR_DOCUMENT_UNKNOWN_EXECUTABLE,
					so_loader_hint(scope->loader, NULL, nearest.name),
					"%s has no executable \"%s\"", scope->container->path, name);
	return NULL;
}

/* Members that both forms have in common; derives what is missing. */
static void
finish_constraint(Scope *scope, const SoNode *node, SoPrecedenceConstraint *constraint)
{
	SoObject *object = constraint->object;
	SoField *operation = so_object_field(object, "eval_op");
	char *pair;
	json_int_t repeated;

	constraint->expression = talloc_strdup(constraint, so_object_string(object, "expression"));
	constraint->logical_and = so_object_boolean(object, "logical_and");
	constraint->value = (SoExecutionResult) so_object_enum(object, "value");
	if (!operation->is_set)
		operation->value = so_value_integer(SO_TYPE_I4, constraint->expression != NULL ? 2 : 1);
	if (operation->value.type != SO_TYPE_I4)
		return; /* reported */
	constraint->operation = (SoConstraintOperation) (operation->value.as.integer + 1);
	constraint->name = talloc_strdup(constraint, so_object_string(object, "name"));
	if (constraint->expression == NULL && constraint->operation != SO_EVALUATE_CONSTRAINT)
		so_loader_error(scope->loader, node, SO_ERR_DOCUMENT_MISSING_PROPERTY,
						"For example expression: \"@[User::rows] > 0\".",
						"eval_op %s needs expression", so_object_string(object, "eval_op"));
	if (constraint->from == constraint->to)
	{
		so_loader_error(scope->loader, node, SO_ERR_DOCUMENT_CYCLE, "Remove the constraint.",
						"%s waits for itself", constraint->to->path);
		return;
	}
	pair = talloc_asprintf(constraint, "%s\n%s", constraint->from->name, constraint->to->name);
	repeated = json_integer_value(json_object_get(scope->pairs, pair));
	json_object_set_new(scope->pairs, pair, json_integer(repeated + 1));
	constraint->id = so_loader_identify(
		scope->loader, object,
		talloc_asprintf(constraint, "%s.PrecedenceConstraints[%s -> %s]#%d", scope->container->path,
						constraint->from->name, constraint->to->name, (int) repeated + 1));
	scope->container->constraints =
		so_loader_append(scope->container, scope->container->constraints,
						 &scope->container->constraint_count, constraint);
}

static void
set_text(SoObject *object, const char *name, const char *text)
{
	SoField *field = so_object_field(object, name);

	field->value = so_value_string(object, text);
	field->is_set = true;
}

/* A member of after that is an object: read as a constraint under its own key names. */
static SoObject *
read_after_object(Scope *scope, const SoNode *node, const SoExecutable *to,
				  const SoNode **executable)
{
	static const char *const structure[] = {"executable", "on", "any", NULL};
	static const char *const refused[] = {"from", "to", "value", NULL};
	SoLoader *loader = scope->loader;
	const SoNode *any = so_node_member(node, "any");
	const SoNode *on = so_node_member(node, "on");
	SoObject *object;

	*executable = so_node_member(node, "executable");
	for (int i = 0; refused[i] != NULL; i++)
	{
		if (so_node_member(node, refused[i]) != NULL)
			so_loader_error(loader, so_node_member(node, refused[i]),
							SO_ERR_DOCUMENT_UNKNOWN_PROPERTY,
							"after takes executable, on, expression, eval_op and logical_and; "
							"precedence_constraints of the container takes from, to and value.",
							"%s has no place in after", refused[i]);
	}
	object = so_loader_read_object(loader, node, &so_object_type_precedence_constraint, structure,
								   so_loader_given(loader, "from", "to"));
	set_text(object, "to", to->name);
	if (on != NULL)
		so_loader_read_field(loader, on, object, so_object_field(object, "value"));
	if (any != NULL && any->kind == SO_NODE_BOOLEAN)
	{
		so_object_field(object, "logical_and")->value = so_value_boolean(!any->boolean);
		so_object_field(object, "logical_and")->is_set = true;
	}
	else if (any != NULL)
		so_loader_error(loader, any, SO_ERR_DOCUMENT_WRONG_TYPE, NULL,
						"any: expected true or false beside executable");
	if (*executable == NULL || (*executable)->kind != SO_NODE_STRING)
	{
		so_loader_error(loader, *executable != NULL ? *executable : node,
						SO_ERR_DOCUMENT_MISSING_PROPERTY,
						"For example after: {executable: download, on: completion}.",
						"after needs executable: the name of a sibling");
		*executable = NULL;
	}
	return object;
}

/* "download" or {executable: download, on: completion} */
static void
read_after_member(Scope *scope, const SoNode *node, SoExecutable *to, bool either)
{
	SoPrecedenceConstraint *constraint;
	const SoNode *name = node;
	SoObject *object;

	if (node->kind == SO_NODE_MAPPING)
		object = read_after_object(scope, node, to, &name);
	else if (node->kind == SO_NODE_STRING)
	{
		object = so_object_new(scope->loader->context, &so_object_type_precedence_constraint);
		object->pointer = so_node_pointer(object, node);
		object->line = node->line;
		object->column = node->column;
		set_text(object, "to", to->name);
	}
	else
	{
		so_loader_error(
			scope->loader, node, SO_ERR_DOCUMENT_WRONG_TYPE, NULL,
			"after: expected the name of a sibling, an object, or a list of these; found %s",
			so_node_kind_text(node));
		return;
	}
	if (either)
	{
		so_object_field(object, "logical_and")->value = so_value_boolean(false);
		so_object_field(object, "logical_and")->is_set = true;
	}
	if (name == NULL)
		return;
	constraint = talloc_zero(scope->container, SoPrecedenceConstraint);
	constraint->object = object;
	constraint->to = to;
	constraint->from = require_sibling(scope, name, name->text);
	if (constraint->from == NULL)
		return;
	set_text(object, "from", constraint->from->name);
	finish_constraint(scope, node, constraint);
}

static void
read_after_list(Scope *scope, const SoNode *list, SoExecutable *to, bool either)
{
	for (int i = 0; i < list->count; i++)
		read_after_member(scope, list->items[i], to, either);
}

static void
read_after(Scope *scope, const SoNode *after, SoExecutable *to)
{
	const SoNode *any = so_node_member(after, "any");

	if (after->kind == SO_NODE_SEQUENCE)
		read_after_list(scope, after, to, false);
	else if (any != NULL && any->kind == SO_NODE_SEQUENCE && after->count == 1)
		read_after_list(scope, any, to, true);
	else
		read_after_member(scope, after, to, false);
}

/* A member of precedence_constraints. */
static void
read_long_form(Scope *scope, const SoNode *node)
{
	SoPrecedenceConstraint *constraint = talloc_zero(scope->container, SoPrecedenceConstraint);
	SoObject *object;
	const char *from;
	const char *to;

	object = so_loader_read_object(scope->loader, node, &so_object_type_precedence_constraint, NULL,
								   NULL);
	constraint->object = object;
	from = so_object_string(object, "from");
	to = so_object_string(object, "to");
	if (from == NULL || to == NULL)
		return; /* reported as missing */
	constraint->from = require_sibling(scope, so_node_member(node, "from"), from);
	constraint->to = require_sibling(scope, so_node_member(node, "to"), to);
	if (constraint->from == NULL || constraint->to == NULL)
		return;
	/* ids become names, as the canonical form has them */
	set_text(object, "from", constraint->from->name);
	set_text(object, "to", constraint->to->name);
	finish_constraint(scope, node, constraint);
}

/* ---- cycles ---- */

static void
report_cycle(Scope *scope, const SoNode *node, const int *waiting)
{
	SoExecutable *container = scope->container;
	char *names = talloc_strdup(scope->loader->findings_context, "");
	int shown = 0;

	for (int i = 0; i < container->child_count; i++)
	{
		if (waiting[i] == 0)
			continue;
		if (shown++ < 8)
			names = talloc_asprintf_append_buffer(names, "%s\"%s\"", shown == 1 ? "" : ", ",
												  container->children[i]->name);
	}
	so_loader_error(scope->loader, node, SO_ERR_DOCUMENT_CYCLE, NULL,
					"the precedence constraints of %s form a cycle; among %d executables that "
					"could never start are %s",
					container->path, shown, names);
}

/* Takes away what can start, again and again; what is left over is a cycle or behind one. */
static void
check_cycles(Scope *scope, const SoNode *node)
{
	SoExecutable *container = scope->container;
	size_t count = (size_t) container->child_count;
	size_t edges = (size_t) container->constraint_count;
	int *waiting = talloc_zero_array(scope->loader->context, int, count + 1);
	int *position = talloc_zero_array(waiting, int, scope->loader->package->executable_count + 1);
	int *first = talloc_zero_array(waiting, int, count + 2);
	int *targets = talloc_zero_array(waiting, int, edges + 1);
	int *ready = talloc_zero_array(waiting, int, count + 1);
	int ready_count = 0;
	int done = 0;

	for (size_t i = 0; i < count; i++)
		position[container->children[i]->index] = (int) i;
	for (size_t i = 0; i < edges; i++)
		first[position[container->constraints[i]->from->index] + 2]++;
	for (size_t i = 2; i < count + 2; i++)
		first[i] += first[i - 1];
	for (size_t i = 0; i < edges; i++)
	{
		int target = position[container->constraints[i]->to->index];

		targets[first[position[container->constraints[i]->from->index] + 1]++] = target;
		waiting[target]++;
	}
	for (size_t i = 0; i < count; i++)
	{
		if (waiting[i] == 0)
			ready[ready_count++] = (int) i;
	}
	while (done < ready_count)
	{
		int next = ready[done++];

		for (int i = first[next]; i < first[next + 1]; i++)
		{
			if (--waiting[targets[i]] == 0)
				ready[ready_count++] = targets[i];
		}
	}
	if (done < container->child_count)
		report_cycle(scope, node, waiting);
	talloc_free(waiting);
}

void
so_loader_read_constraints(SoLoader *loader, const SoNode *container_node, SoExecutable *container)
{
	const SoNode *children = so_node_member(container_node, "executables");
	const SoNode *list = so_node_member(container_node, "precedence_constraints");
	Scope scope = {loader, container, json_object(), json_object()};

	/* names win over ids */
	for (int i = 0; i < container->child_count; i++)
		json_object_set_new(scope.names, container->children[i]->id, json_integer(i));
	for (int i = container->child_count - 1; i >= 0; i--)
		json_object_set_new(scope.names, container->children[i]->name, json_integer(i));
	for (int i = 0; children != NULL && i < children->count; i++)
	{
		const SoNode *after = so_node_member(children->items[i], "after");
		const SoNode *name = so_node_member(children->items[i], "name");
		SoExecutable *to =
			name != NULL && name->kind == SO_NODE_STRING ? find_sibling(&scope, name->text) : NULL;

		if (after != NULL && to != NULL)
			read_after(&scope, after, to);
	}
	if (list != NULL && so_loader_expect(loader, list, SO_NODE_SEQUENCE, "precedence_constraints"))
	{
		for (int i = 0; i < list->count; i++)
			read_long_form(&scope, list->items[i]);
	}
	if (container->constraint_count > 0)
		check_cycles(&scope, list != NULL ? list : children);
	json_decref(scope.names);
	json_decref(scope.pairs);
}
