/*
 * engine/tasks/bulk_insert_statement.c
 *
 * The COPY statement of a Bulk Insert task.
 *
 * Process: runner and client, in a task's thread.  Pure functions.
 */
#include "engine/tasks/bulk_insert.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "engine/tasks/outcome.h"

char
so_bulk_insert_delimiter(const char *text)
{
	static const struct
	{
		const char *name;
		char character;
	} names[] = {{"tab", '\t'},      {"{t}", '\t'},         {"\\t", '\t'},  {"comma", ','},
				 {"semicolon", ';'}, {"vertical_bar", '|'}, {"space", ' '}, {NULL, 0}};

	if (text[0] != '\0' && text[1] == '\0')
		return text[0];
	for (int i = 0; names[i].name != NULL; i++)
	{
		if (strcasecmp(names[i].name, text) == 0)
			return names[i].character;
	}
	return 0;
}

/* A plain or quoted identifier at p; the position behind it, NULL when there is none. */
static const char *
skip_identifier(const char *p)
{
	if (*p == '"')
	{
		for (p++; *p != '\0'; p++)
		{
			if (*p == '"' && p[1] == '"')
				p++;
			else if (*p == '"')
				return p + 1;
		}
		return NULL;
	}
	if (!isalpha((unsigned char) *p) && *p != '_' && (unsigned char) *p < 0x80)
		return NULL;
	while (isalnum((unsigned char) *p) || *p == '_' || *p == '$' || (unsigned char) *p >= 0x80)
		p++;
	return p;
}

char *
so_bulk_insert_table(TALLOC_CTX *context, const char *table, SoError *error)
{
	const char *p = skip_identifier(table);

	for (int dots = 0; p != NULL && *p == '.' && dots < 2; dots++)
		p = skip_identifier(p + 1);
	if (p != NULL && *p == '\0')
		return talloc_strdup(context, table);
	so_error_set(error, SO_ERR_TASK_PROPERTY, "table", "\"%s\" is not the name of a table", table);
	so_error_hint(
		error,
		"Write name or schema.name; put double quotes around a part with capitals or blanks.");
	return NULL;
}

/* As in SQL when it is an identifier, quoted when it is not. */
static char *
append_column(char *sql, const char *column)
{
	const char *end = skip_identifier(column);

	if (end != NULL && *end == '\0')
		return talloc_strdup_append_buffer(sql, column);
	sql = talloc_strdup_append_buffer(sql, "\"");
	for (const char *p = column; *p != '\0'; p++)
		sql = talloc_strndup_append_buffer(sql, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
	return talloc_strdup_append_buffer(sql, "\"");
}

static char *
append_columns(char *sql, const SoField *columns)
{
	sql = talloc_strdup_append_buffer(sql, "(");
	for (int i = 0; i < columns->count; i++)
	{
		if (i > 0)
			sql = talloc_strdup_append_buffer(sql, ", ");
		sql = append_column(sql, columns->strings[i]);
	}
	return talloc_strdup_append_buffer(sql, ")");
}

static char *
append_literal(char *sql, const char *option, const char *value)
{
	sql = talloc_asprintf_append_buffer(sql, ", %s ", option);
	if (strchr(value, '\\') != NULL)
		sql = talloc_strdup_append_buffer(sql, "E");
	sql = talloc_strdup_append_buffer(sql, "'");
	for (const char *p = value; *p != '\0'; p++)
	{
		if (*p == '\'' || *p == '\\')
			sql = talloc_strndup_append_buffer(sql, p, 1);
		sql = talloc_strndup_append_buffer(sql, p, 1);
	}
	return talloc_strdup_append_buffer(sql, "'");
}

/* The options of one character: delimiter, quote, escape. */
static char *
append_character(char *sql, const SoObject *properties, const char *property, const char *option,
				 SoError *error)
{
	const char *text = so_object_string(properties, property);
	char character[2] = {0, 0};

	if (text == NULL || text[0] == '\0')
		return sql;
	character[0] = so_bulk_insert_delimiter(text);
	if (character[0] == '\0')
	{
		so_error_set(error, SO_ERR_TASK_PROPERTY, property,
					 "%s must be one character of one byte, not \"%s\"", property, text);
		return NULL;
	}
	return append_literal(sql, option, character);
}

static char *
append_options(char *sql, const SoObject *properties, bool send_header, SoError *error)
{
	int format = so_object_enum(properties, "format");

	if (format == SO_BULK_BINARY)
		return sql;
	sql = append_character(sql, properties, "delimiter", "DELIMITER", error);
	if (sql != NULL && format == SO_BULK_CSV)
		sql = append_character(sql, properties, "quote", "QUOTE", error);
	if (sql != NULL && format == SO_BULK_CSV)
		sql = append_character(sql, properties, "escape", "ESCAPE", error);
	if (sql == NULL)
		return NULL;
	if (so_object_is_set(properties, "null_string"))
		sql = append_literal(sql, "NULL", so_object_string(properties, "null_string"));
	if (send_header && so_object_boolean(properties, "header"))
		sql = talloc_strdup_append_buffer(sql, so_object_boolean(properties, "header_match")
												   ? ", HEADER MATCH"
												   : ", HEADER true");
	if (so_object_field(properties, "force_null")->count > 0)
		sql = append_columns(talloc_strdup_append_buffer(sql, ", FORCE_NULL "),
							 so_object_field(properties, "force_null"));
	if (so_object_field(properties, "force_not_null")->count > 0)
		sql = append_columns(talloc_strdup_append_buffer(sql, ", FORCE_NOT_NULL "),
							 so_object_field(properties, "force_not_null"));
	if (so_outcome_property(properties, "encoding") != NULL)
		sql = append_literal(sql, "ENCODING", so_object_string(properties, "encoding"));
	return sql;
}

char *
so_bulk_insert_statement(TALLOC_CTX *context, const SoObject *properties, bool send_header,
						 SoError *error)
{
	static const char *const formats[] = {"text", "csv", "binary"};
	char *table = so_bulk_insert_table(context, so_object_string(properties, "table"), error);
	char *sql;

	if (table == NULL)
		return NULL;
	sql = talloc_asprintf(context, "COPY %s ", table);
	if (so_object_field(properties, "columns")->count > 0)
		sql = talloc_strdup_append_buffer(
			append_columns(sql, so_object_field(properties, "columns")), " ");
	sql = talloc_asprintf_append_buffer(sql, "FROM STDIN WITH (FORMAT %s",
										formats[so_object_enum(properties, "format")]);
	sql = append_options(sql, properties, send_header, error);
	if (sql == NULL)
		return NULL;
	sql = talloc_strdup_append_buffer(sql, ")");
	if (so_outcome_property(properties, "where") != NULL)
		sql =
			talloc_asprintf_append_buffer(sql, " WHERE %s", so_object_string(properties, "where"));
	return sql;
}
