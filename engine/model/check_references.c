/*
 * engine/model/check_references.c
 *
 * The second pass of a load: every name is looked up where it is used, every
 * expression compiled in the scope where it will be evaluated.
 *
 * Process: runner, client, loader.  One owner; changes nothing but spelling
 * names out ("x" becomes "User::x").
 */
#include "engine/model/loader.h"

#include <string.h>

#include "common/nearest.h"
#include "engine/model/scope.h"

/* Where an expression stands. */
typedef struct Place
{
	const char *pointer;
	int line;
	int column;
	const char *what; /* "eval_expression", "expression of sql" */
} Place;

typedef struct Check
{
	SoLoader *loader;
	SoScope scope;
	TALLOC_CTX *scratch;
} Check;

static SoDataType
declare(void *context, const char *name)
{
	return so_scope_declare(&((Check *) context)->scope, name);
}

static const char *
suggest(void *context, const char *name)
{
	Check *check = context;

	if (!so_loader_may_suggest(check->loader))
		return NULL;
	return so_scope_suggest(check->scratch, &check->scope, name);
}

static void
check_expression(Check *check, const Place *place, const char *text, bool allow_assignment,
				 bool want_boolean)
{
	SoExpressionResolver resolver = {.context = check, .declare = declare, .suggest = suggest};
	SoLoader *loader = check->loader;
	SoFinding finding = {.file = loader->file,
						 .line = place->line,
						 .column = place->column,
						 .pointer = place->pointer};
	const SoExpression *expression;
	SoDataType type;
	SoError error;

	so_error_clear(&error);
	expression = so_expression_compile(check->scratch, text, allow_assignment, place->pointer,
									   &resolver, &error);
	if (expression == NULL)
	{
		finding.code = error.code;
		finding.hint = error.hint;
		so_diagnostics_add(loader->findings, loader->findings_context, &finding, "%s: %s%s%s",
						   place->what, error.message, error.detail[0] != '\0' ? "\n" : "",
						   error.detail);
		return;
	}
	if (so_expression_warning(expression, &error))
	{
		finding.is_warning = true;
		finding.code = error.code;
		finding.hint = NULL;
		so_diagnostics_add(loader->findings, loader->findings_context, &finding, "%s: %s\n%s",
						   place->what, error.message, error.detail);
		finding.is_warning = false;
	}
	type = so_expression_type(expression);
	if (want_boolean && type != SO_TYPE_BOOL && type != SO_TYPE_NONE)
	{
		finding.code = SO_ERR_DOCUMENT_EXPRESSION_TYPE;
		so_diagnostics_add(loader->findings, loader->findings_context, &finding,
						   "%s: expected a Boolean, but it gives %s", place->what,
						   so_data_type_name(type));
	}
}

static void
check_property_expressions(Check *check, const SoPropertyExpression *list, int count)
{
	for (int i = 0; i < count; i++)
	{
		Place place = {list[i].pointer, list[i].line, list[i].column, NULL};

		place.what = talloc_asprintf(check->scratch, "expression of %s", list[i].property->name);
		check_expression(check, &place, list[i].text, false, false);
	}
}

static void
check_variable(Check *check, const SoObject *object, SoField *field)
{
	const char *name = field->value.as.text.bytes;
	char *whole = so_scope_qualify(check->scratch, &check->scope, name);

	if (whole == NULL)
	{
		so_loader_error_at(check->loader, object, field, SO_ERR_DOCUMENT_UNKNOWN_VARIABLE,
						   so_loader_hint(check->loader, NULL, suggest(check, name)),
						   "%s: there is no variable \"%s\" in scope", field->property->name, name);
		return;
	}
	if (strcmp(whole, name) != 0)
		field->value = so_value_string(object->fields, whole);
}

static void
check_connection(Check *check, const SoObject *object, const SoField *field)
{
	const char *name = field->value.as.text.bytes;
	const SoPackage *package = check->scope.package;
	const SoProject *project = check->scope.project;
	SoNearest nearest;

	if (package == NULL || so_package_connection(package, name) != NULL)
		return;
	so_nearest_begin(&nearest, name);
	for (int i = 0; i < package->connection_count; i++)
		so_nearest_offer(&nearest, package->connections[i]->name);
	for (int i = 0; i < project->connection_count; i++)
		so_nearest_offer(&nearest, project->connections[i]->name);
	so_loader_error_at(check->loader, object, field, SO_ERR_DOCUMENT_UNKNOWN_CONNECTION,
					   so_loader_hint(check->loader, NULL, nearest.name),
					   "%s: there is no connection manager \"%s\"", field->property->name, name);
}

/* Assigned by the loop, so it must be a variable that can change. */
static void
check_assignable(Check *check, const SoObject *object, SoField *field)
{
	const char *name = field->value.as.text.bytes;
	const SoVariable *variable = so_executable_variable(check->scope.executable, name);

	if (variable != NULL && !variable->read_only)
		return;
	if (variable == NULL && so_scope_declare(&check->scope, name) == SO_TYPE_NONE)
		return; /* reported as unknown */
	so_loader_error_at(check->loader, object, field, SO_ERR_DOCUMENT_INVALID_VALUE,
					   "Use a variable that is not read only.", "%s cannot be assigned", name);
}

static void check_object(Check *check, SoObject *object);

static void
check_field(Check *check, SoObject *object, SoField *field)
{
	Place place = {NULL, field->line, field->column, field->property->name};

	switch (field->property->kind)
	{
		case SO_PROPERTY_VARIABLE:
			check_variable(check, object, field);
			if (object->type == &so_object_type_variable_mapping)
				check_assignable(check, object, field);
			break;
		case SO_PROPERTY_CONNECTION:
			check_connection(check, object, field);
			break;
		case SO_PROPERTY_EXPRESSION:
			place.pointer =
				talloc_asprintf(check->scratch, "%s/%s", object->pointer, field->property->name);
			check_expression(check, &place, field->value.as.text.bytes,
							 (field->property->flags & SO_PROPERTY_ASSIGNMENT) != 0,
							 strcmp(field->property->name, "eval_expression") == 0 ||
								 object->type == &so_object_type_precedence_constraint);
			break;
		case SO_PROPERTY_OBJECT:
			if (field->object != NULL)
				check_object(check, field->object);
			break;
		case SO_PROPERTY_OBJECT_LIST:
			for (int i = 0; i < field->count; i++)
				check_object(check, field->objects[i]);
			break;
		default:
			break;
	}
}

/* Everything that object refers to, also in the objects inside it. */
static void
check_object(Check *check, SoObject *object)
{
	for (int i = 0; i < object->field_count; i++)
	{
		SoField *field = &object->fields[i];

		if (!field->is_set)
			continue;
		if (field->property->kind < SO_PROPERTY_OBJECT &&
			(field->property->kind == SO_PROPERTY_VARIABLE ||
			 field->property->kind == SO_PROPERTY_CONNECTION ||
			 field->property->kind == SO_PROPERTY_EXPRESSION) &&
			field->value.type != SO_TYPE_WSTR)
			continue; /* of the wrong kind; reported */
		check_field(check, object, field);
	}
}

/* ---- enumerators ---- */

static bool
is_given(const SoExecutable *loop, const char *name)
{
	if (so_object_is_set(loop->enumerator, name))
		return true;
	for (int i = 0; i < loop->enumerator_expression_count; i++)
	{
		if (strcmp(loop->enumerator_expressions[i].property->name, name) == 0)
			return true;
	}
	return false;
}

static void
require_member(Check *check, const SoExecutable *loop, const char *name, const char *why)
{
	if (!is_given(loop, name))
		so_loader_error_at(check->loader, loop->enumerator, NULL, SO_ERR_DOCUMENT_MISSING_PROPERTY,
						   NULL, "%s needs %s %s", loop->enumerator->type->title, name, why);
}

static void
check_enumerator(Check *check, const SoExecutable *loop)
{
	SoObject *enumerator = loop->enumerator;
	const char *type = enumerator->type->name;

	check_object(check, enumerator);
	check_property_expressions(check, loop->enumerator_expressions,
							   loop->enumerator_expression_count);
	if (strcmp(type, "node_list") == 0)
	{
		switch (so_object_enum(enumerator, "source_type"))
		{
			case SO_DOCUMENT_FILE_CONNECTION:
				require_member(check, loop, "connection", "when source_type is file_connection");
				break;
			case SO_DOCUMENT_VARIABLE:
				require_member(check, loop, "variable", "when source_type is variable");
				break;
			default:
				require_member(check, loop, "document", "when source_type is direct_input");
				break;
		}
	}
	else if (strcmp(type, "json_array") == 0 && is_given(loop, "variable") +
														is_given(loop, "document") +
														is_given(loop, "connection") !=
													1)
		so_loader_error_at(check->loader, enumerator, NULL, SO_ERR_DOCUMENT_MISSING_PROPERTY, NULL,
						   "JSON array enumerator needs one of variable, document and connection");
	else if (strcmp(type, "variable") == 0 || strcmp(type, "result_set") == 0)
	{
		const char *name = so_object_string(enumerator, "variable");
		const SoVariable *variable = name != NULL ? so_executable_variable(loop, name) : NULL;

		if (variable != NULL && variable->type != SO_TYPE_OBJECT)
			so_loader_error_at(check->loader, enumerator, so_object_field(enumerator, "variable"),
							   SO_ERR_DOCUMENT_INVALID_VALUE, "Give the variable type: object.",
							   "variable %s is of type %s and holds no list", name,
							   so_data_type_variable_name(variable->type));
	}
}

/* ---- executables ---- */

static void
check_variables(Check *check, const SoExecutable *executable)
{
	for (int i = 0; i < executable->variable_count; i++)
	{
		SoVariable *variable = executable->variables[i];
		SoField *field = so_object_field(variable->object, "expression");
		Place place = {NULL, field->line, field->column, NULL};

		if (!variable->evaluate_as_expression)
			continue; /* text that is not used may be anything */
		place.pointer = talloc_asprintf(check->scratch, "%s/expression", variable->object->pointer);
		place.what = talloc_asprintf(check->scratch, "expression of variable %s::%s",
									 variable->name_space, variable->name);
		check_expression(check, &place, variable->expression, false, false);
	}
}

static void
check_executable(SoLoader *loader, const SoPackage *package, SoExecutable *executable)
{
	Check check = {loader, {package->project, package, executable}, talloc_new(NULL)};

	check_object(&check, executable->object);
	check_property_expressions(&check, executable->expressions, executable->expression_count);
	check_variables(&check, executable);
	for (int i = 0; i < executable->constraint_count; i++)
		check_object(&check, executable->constraints[i]->object);
	if (executable->enumerator != NULL)
		check_enumerator(&check, executable);
	talloc_free(check.scratch);
}

static void
check_connections(SoLoader *loader, const SoScope *scope, SoConnectionManager **connections,
				  int count)
{
	for (int i = 0; i < count; i++)
	{
		Check check = {loader, *scope, talloc_new(NULL)};

		so_loader_check_secrets(loader, connections[i]->object);
		check_object(&check, connections[i]->object);
		check_property_expressions(&check, connections[i]->expressions,
								   connections[i]->expression_count);
		talloc_free(check.scratch);
	}
}

void
so_loader_check_package(SoLoader *loader, SoPackage *package)
{
	SoScope scope = {package->project, package, package->root};

	check_connections(loader, &scope, package->connections, package->connection_count);
	for (int i = 0; i < package->executable_count; i++)
		check_executable(loader, package, package->executables[i]);
}

void
so_loader_check_project(SoLoader *loader)
{
	SoScope scope = {loader->project, NULL, NULL};

	check_connections(loader, &scope, loader->project->connections,
					  loader->project->connection_count);
}
