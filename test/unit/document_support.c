/*
 * test/unit/document_support.c
 *
 * Files, and a validator for the part of JSON Schema (draft 7) that our schemas
 * use; a keyword that it does not know fails the check.
 *
 * Process: unit tests.  No state.
 */
#include "test/unit/document_support.h"

#include <dirent.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/load.h"
#include "engine/model/loader.h"

char *
document_read(TALLOC_CTX *context, const char *path, size_t *length)
{
	FILE *file = fopen(path, "re");
	char *text = talloc_zero_size(context, 1024 * 1024);

	if (file == NULL)
	{
		fprintf(stderr, "cannot read %s\n", path);
		abort();
	}
	*length = fread(text, 1, 1024 * 1024 - 1, file);
	fclose(file);
	return text;
}

static int
compare(const void *left, const void *right)
{
	return strcmp(*(const char *const *) left, *(const char *const *) right);
}

char **
document_list(TALLOC_CTX *context, const char *folder, const char *ending)
{
	DIR *directory = opendir(folder);
	char **paths = talloc_zero_array(context, char *, 1000);
	struct dirent *entry;
	size_t count = 0;

	while (directory != NULL && (entry = readdir(directory)) != NULL && count < 999)
	{
		size_t length = strlen(entry->d_name);

		if (entry->d_name[0] != '.' && length > strlen(ending) &&
			strcmp(entry->d_name + length - strlen(ending), ending) == 0)
			paths[count++] = talloc_asprintf(paths, "%s/%s", folder, entry->d_name);
	}
	if (directory != NULL)
		closedir(directory);
	qsort(paths, count, sizeof(char *), compare);
	return paths;
}

json_t *
document_plain_json(const char *text, size_t length, const char *path)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoDiagnostics findings = {NULL, 0, 0};
	SoNode *node = so_loader_parse(context, text, length, path, &findings);
	json_t *json = node != NULL ? so_node_to_json(node) : NULL;

	talloc_free(context);
	return json;
}

/* ---- JSON Schema ---- */

static bool
has_type(const json_t *value, const char *type)
{
	if (strcmp(type, "string") == 0)
		return json_is_string(value);
	if (strcmp(type, "integer") == 0)
		return json_is_integer(value);
	if (strcmp(type, "number") == 0)
		return json_is_number(value);
	if (strcmp(type, "boolean") == 0)
		return json_is_boolean(value);
	if (strcmp(type, "object") == 0)
		return json_is_object(value);
	if (strcmp(type, "array") == 0)
		return json_is_array(value);
	return false;
}

static char *
check_type(TALLOC_CTX *context, const json_t *type, const json_t *value, const char *pointer)
{
	if (json_is_string(type) && has_type(value, json_string_value(type)))
		return NULL;
	for (size_t i = 0; i < json_array_size(type); i++)
	{
		if (has_type(value, json_string_value(json_array_get(type, i))))
			return NULL;
	}
	return talloc_asprintf(context, "%s: wrong type", pointer);
}

static char *
check_pattern(TALLOC_CTX *context, const char *pattern, const json_t *value, const char *pointer)
{
	regex_t regex;
	bool matches;

	if (!json_is_string(value))
		return NULL;
	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return talloc_asprintf(context, "%s: bad pattern", pointer);
	matches = regexec(&regex, json_string_value(value), 0, NULL, 0) == 0;
	regfree(&regex);
	return matches ? NULL : talloc_asprintf(context, "%s: does not match", pointer);
}

static char *
check_members(TALLOC_CTX *context, const json_t *root, const json_t *schema, const json_t *value,
			  const char *pointer)
{
	json_t *properties = json_object_get(schema, "properties");
	json_t *others = json_object_get(schema, "additionalProperties");
	json_t *members = json_copy((json_t *) (uintptr_t) value);
	char *problem = NULL;
	const char *key;
	json_t *member;

	json_object_foreach(members, key, member)
	{
		json_t *known = json_object_get(properties, key);
		char *inner = talloc_asprintf(context, "%s/%s", pointer, key);

		if (problem != NULL)
			continue;
		if (known != NULL)
			problem = document_check_schema(context, root, known, member, inner);
		else if (json_is_false(others))
			problem = talloc_asprintf(context, "%s: unknown", inner);
		else if (json_is_object(others))
			problem = document_check_schema(context, root, others, member, inner);
	}
	json_decref(members);
	return problem;
}

static char *
check_combination(TALLOC_CTX *context, const json_t *root, const char *keyword,
				  const json_t *argument, const json_t *value, const char *pointer)
{
	char *problem = NULL;

	for (size_t i = 0; i < json_array_size(argument); i++)
	{
		problem = document_check_schema(context, root, json_array_get(argument, i), value, pointer);
		if ((problem == NULL) == (strcmp(keyword, "anyOf") == 0))
			return problem; /* anyOf is satisfied, allOf is not */
	}
	return problem;
}

static char *
check_if(TALLOC_CTX *context, const json_t *root, const json_t *schema, const json_t *value,
		 const char *pointer)
{
	if (document_check_schema(context, root, json_object_get(schema, "if"), value, pointer) != NULL)
		return NULL;
	return document_check_schema(context, root, json_object_get(schema, "then"), value, pointer);
}

static char *
check_keyword(TALLOC_CTX *context, const json_t *root, const json_t *schema, const char *keyword,
			  const json_t *argument, const json_t *value, const char *pointer)
{
	static const char *const silent[] = {"$schema",     "title", "description",          "default",
										 "definitions", "then",  "additionalProperties", NULL};

	for (int i = 0; silent[i] != NULL; i++)
	{
		if (strcmp(silent[i], keyword) == 0)
			return NULL;
	}
	if (strcmp(keyword, "type") == 0)
		return check_type(context, argument, value, pointer);
	if (strcmp(keyword, "const") == 0)
		return json_equal(argument, value)
				   ? NULL
				   : talloc_asprintf(context, "%s: not the constant", pointer);
	if (strcmp(keyword, "enum") == 0)
	{
		for (size_t i = 0; i < json_array_size(argument); i++)
		{
			if (json_equal(json_array_get(argument, i), value))
				return NULL;
		}
		return talloc_asprintf(context, "%s: not in the list", pointer);
	}
	if (strcmp(keyword, "pattern") == 0)
		return check_pattern(context, json_string_value(argument), value, pointer);
	if (strcmp(keyword, "minimum") == 0 || strcmp(keyword, "maximum") == 0)
		return json_is_integer(value) &&
					   (keyword[1] == 'i') ==
						   (json_integer_value(value) < json_integer_value(argument)) &&
					   json_integer_value(value) != json_integer_value(argument)
				   ? talloc_asprintf(context, "%s: out of range", pointer)
				   : NULL;
	if (strcmp(keyword, "required") == 0)
	{
		for (size_t i = 0; json_is_object(value) && i < json_array_size(argument); i++)
		{
			if (json_object_get(value, json_string_value(json_array_get(argument, i))) == NULL)
				return talloc_asprintf(context, "%s: %s is missing", pointer,
									   json_string_value(json_array_get(argument, i)));
		}
		return NULL;
	}
	if (strcmp(keyword, "properties") == 0)
		return json_is_object(value) ? check_members(context, root, schema, value, pointer) : NULL;
	if (strcmp(keyword, "items") == 0)
	{
		char *problem = NULL;

		for (size_t i = 0; problem == NULL && i < json_array_size(value); i++)
			problem = document_check_schema(context, root, argument, json_array_get(value, i),
											talloc_asprintf(context, "%s/%zu", pointer, i));
		return problem;
	}
	if (strcmp(keyword, "allOf") == 0 || strcmp(keyword, "anyOf") == 0)
		return check_combination(context, root, keyword, argument, value, pointer);
	if (strcmp(keyword, "if") == 0)
		return check_if(context, root, schema, value, pointer);
	if (strcmp(keyword, "$ref") == 0)
	{
		const char *name = json_string_value(argument) + strlen("#/definitions/");
		json_t *target = json_object_get(json_object_get(root, "definitions"), name);

		return target != NULL ? document_check_schema(context, root, target, value, pointer)
							  : talloc_asprintf(context, "no definition %s", name);
	}
	return talloc_asprintf(context, "keyword %s is not known", keyword);
}

char *
document_check_schema(TALLOC_CTX *context, const json_t *root, const json_t *schema,
					  const json_t *value, const char *pointer)
{
	json_t *keywords = json_copy((json_t *) (uintptr_t) schema);
	char *problem = NULL;
	const char *keyword;
	json_t *argument;

	json_object_foreach(keywords, keyword, argument)
	{
		if (problem == NULL)
			problem = check_keyword(context, root, schema, keyword, argument, value, pointer);
	}
	/* properties is what looks at the members; a map has additionalProperties alone */
	if (problem == NULL && json_is_object(value) && json_object_get(schema, "properties") == NULL &&
		json_is_object(json_object_get(schema, "additionalProperties")))
		problem = check_members(context, root, schema, value, pointer);
	json_decref(keywords);
	return problem;
}
