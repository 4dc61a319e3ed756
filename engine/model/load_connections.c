/*
 * engine/model/load_connections.c
 *
 * Connection managers of packages and projects, and the warning about secrets
 * that stand in a document.
 *
 * Process: runner, client, loader.  First pass of a load; one owner.
 */
#include "engine/model/loader.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/nearest.h"

static const SoObjectType *
find_type(SoLoader *loader, const SoNode *node)
{
	const SoNode *type = so_node_member(node, "type");
	const SoObjectType *found;
	SoNearest nearest;

	if (type == NULL || type->kind != SO_NODE_STRING)
	{
		so_loader_error(loader, type != NULL ? type : node, SO_ERR_DOCUMENT_MISSING_PROPERTY,
						"Types are postgres, odbc, file, ftp, http and smtp.",
						"a connection manager needs type: the name of its type");
		return NULL;
	}
	found = so_connection_type_find(type->text);
	if (found != NULL)
		return found;
	so_nearest_begin(&nearest, type->text);
	for (const SoObjectType *const *known = so_connection_types(); *known != NULL; known++)
		so_nearest_offer(&nearest, (*known)->name);
	so_loader_error(
		loader, type, SO_ERR_DOCUMENT_UNKNOWN_TYPE,
		so_loader_hint(loader, "Types are postgres, odbc, file, ftp, http and smtp.", nearest.name),
		"there is no connection manager of type \"%s\"", type->text);
	return NULL;
}

/* Of unknown type: tasks shall find it all the same, so that only the type is reported. */
static SoObject *
stand_in(TALLOC_CTX *context, const SoNode *node)
{
	SoObject *object = so_object_new(context, &so_object_type_connection);
	const SoNode *name = so_node_member(node, "name");

	object->pointer = so_node_pointer(object, node);
	object->line = node->line;
	object->column = node->column;
	if (name != NULL && name->kind == SO_NODE_STRING)
		so_object_field(object, "name")->value = so_value_string(object, name->text);
	return object;
}

static SoConnectionManager *
read_connection(SoLoader *loader, const SoNode *node, TALLOC_CTX *owner, bool from_project)
{
	SoConnectionManager *connection;
	const SoObjectType *type;
	const SoNode *expressions = so_node_member(node, "expressions");
	const char *prefix = from_project ? "\\Project" : "\\Package";

	if (!so_loader_expect(loader, node, SO_NODE_MAPPING, "connection manager"))
		return NULL;
	type = find_type(loader, node);
	connection = talloc_zero(owner, SoConnectionManager);
	connection->type = type != NULL ? type : &so_object_type_connection;
	connection->from_project = from_project;
	if (type != NULL)
		connection->object = so_loader_read_object(
			loader, node, type, so_structure_names(SO_HOLDER_CONNECTION), expressions);
	else
		connection->object = stand_in(connection, node);
	connection->name = talloc_strdup(connection, so_object_string(connection->object, "name"));
	if (connection->name == NULL || connection->name[0] == '\0')
	{
		if (connection->name != NULL)
			so_loader_error(loader, node, SO_ERR_DOCUMENT_INVALID_VALUE,
							"Write the name by which tasks shall refer to it.",
							"the name of a connection manager cannot be empty");
		talloc_free(connection);
		return NULL;
	}
	connection->id = so_loader_identify(
		loader, connection->object,
		talloc_asprintf(connection, "%s.Connections[%s]", prefix, connection->name));
	if (type != NULL)
		so_loader_read_expressions(loader, expressions, type, connection, &connection->expressions,
								   &connection->expression_count);
	return connection;
}

void
so_loader_read_connections(SoLoader *loader, const SoNode *node, TALLOC_CTX *owner,
						   bool from_project, SoConnectionManager ***list, int *count)
{
	if (node == NULL || !so_loader_expect(loader, node, SO_NODE_SEQUENCE, "connections") ||
		so_loader_too_long(loader, node, SO_MAX_MEMBERS, "connections"))
		return;
	for (int i = 0; i < node->count; i++)
	{
		SoConnectionManager *connection =
			read_connection(loader, node->items[i], owner, from_project);
		char *path;

		if (connection == NULL)
			continue;
		path = talloc_asprintf(connection, ".Connections[%s]", connection->name);
		if (json_object_get(loader->paths, path) != NULL)
			so_loader_error(loader, node->items[i], SO_ERR_DOCUMENT_DUPLICATE_NAME, NULL,
							"there is a connection manager %s already", connection->name);
		else
			json_object_set_new(loader->paths, path, json_true());
		*list = so_loader_append(owner, *list, count, connection);
	}
}

/* ---- secrets ---- */

/* password=, pwd = ... at the start or behind a separator, with something behind it */
static bool
has_password_member(const char *text)
{
	static const char *const words[] = {"password", "pwd", "passwd", NULL};

	for (const char *at = text; *at != '\0'; at++)
	{
		if (at != text && strchr(";?& \t'\"", at[-1]) == NULL)
			continue;
		for (int i = 0; words[i] != NULL; i++)
		{
			const char *rest = at + strlen(words[i]);

			if (strncasecmp(at, words[i], strlen(words[i])) != 0)
				continue;
			rest += strspn(rest, " ");
			if (*rest == '=' && rest[1] != '\0' && strchr("; &", rest[1]) == NULL)
				return true;
		}
	}
	return false;
}

/* scheme://user:secret@host */
static bool
has_url_password(const char *text)
{
	const char *start = strstr(text, "://");
	const char *end;
	const char *at;
	const char *colon;

	if (start == NULL)
		return false;
	start += 3;
	end = start + strcspn(start, "/?# ");
	at = memchr(start, '@', (size_t) (end - start));
	colon = at != NULL ? memchr(start, ':', (size_t) (at - start)) : NULL;
	return colon != NULL && colon + 1 < at;
}

void
so_loader_check_secrets(SoLoader *loader, const SoObject *object)
{
	for (int i = 0; i < object->field_count; i++)
	{
		const SoField *field = &object->fields[i];
		const SoProperty *property = field->property;
		const char *text;

		if (!field->is_set || field->value.type != SO_TYPE_WSTR || field->value.is_null)
			continue;
		text = field->value.as.text.bytes;
		if ((property->flags & SO_PROPERTY_SECRET) && text[0] != '\0')
			so_loader_warning_at(loader, object, field, SO_ERR_DOCUMENT_SECRET, NULL,
								 "%s is a secret and stands in the document", property->name);
		else if (strcmp(property->name, "connection_string") == 0 &&
				 (has_password_member(text) || has_url_password(text)))
			so_loader_warning_at(loader, object, field, SO_ERR_DOCUMENT_SECRET, NULL,
								 "a password stands in the connection string");
	}
}
