/*
 * engine/checkpoint/exactly_once_check.c
 *
 * Where exactly_once can be used, and with which statements.
 *
 * Process: runner, client, loader.  Pure functions.
 */
#include "engine/checkpoint/exactly_once.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "engine/model/object_types.h"
#include "engine/tasks/sql_text.h"

/* Beginnings of statements; "TO" after ROLLBACK makes it harmless. */
static const char *const refused[] = {"VACUUM",
									  "CREATE DATABASE",
									  "DROP DATABASE",
									  "CREATE TABLESPACE",
									  "DROP TABLESPACE",
									  "ALTER SYSTEM",
									  "CREATE SUBSCRIPTION",
									  "DROP SUBSCRIPTION",
									  "ALTER SUBSCRIPTION",
									  "REINDEX DATABASE",
									  "REINDEX SYSTEM",
									  "REINDEX SCHEMA",
									  "DISCARD ALL",
									  "BEGIN",
									  "START TRANSACTION",
									  "COMMIT",
									  "END",
									  "ABORT",
									  "ROLLBACK",
									  "PREPARE TRANSACTION",
									  NULL};

/* Past blanks and comments. */
static const char *
skip_blanks(const char *text)
{
	for (;;)
	{
		int depth = 0;

		while (isspace((unsigned char) *text))
			text++;
		if (strncmp(text, "--", 2) == 0)
			text += strcspn(text, "\n");
		else if (strncmp(text, "/*", 2) == 0)
		{
			do
			{
				if (strncmp(text, "/*", 2) == 0 || strncmp(text, "*/", 2) == 0)
				{
					depth += *text == '/' ? 1 : -1;
					text++;
				}
				text++;
			} while (depth > 0 && *text != '\0');
		}
		else
			return text;
	}
}

/* The word at text, upper case, at most size - 1 characters; returns what follows. */
static const char *
next_word(const char *text, char *word, size_t size)
{
	size_t used = 0;

	text = skip_blanks(text);
	for (; isalpha((unsigned char) *text) || *text == '_'; text++)
	{
		if (used + 1 < size)
			word[used++] = (char) toupper((unsigned char) *text);
	}
	word[used] = '\0';
	/* Anything else is passed by, so that the walk goes on. */
	return used == 0 && *text != '\0' ? text + 1 : text;
}

static bool
begins_with(const char *statement, const char *beginning)
{
	char word[32];
	char wanted[32];

	while (*beginning != '\0')
	{
		beginning = next_word(beginning, wanted, sizeof(wanted));
		statement = next_word(statement, word, sizeof(word));
		if (strcmp(word, wanted) != 0)
			return false;
	}
	return true;
}

/* CREATE INDEX, DROP INDEX, REINDEX, ALTER TABLE ... DETACH with CONCURRENTLY, outside of quotations. */
static bool
is_concurrent(const char *statement)
{
	char word[32];

	if (!begins_with(statement, "CREATE") && !begins_with(statement, "DROP") &&
		!begins_with(statement, "REINDEX") && !begins_with(statement, "ALTER"))
		return false;
	while (*statement != '\0')
	{
		if (*statement == '\'' || *statement == '"')
		{
			const char *end = strchr(statement + 1, *statement);

			statement = end != NULL ? end + 1 : statement + strlen(statement);
			continue;
		}
		statement = next_word(statement, word, sizeof(word));
		if (strcmp(word, "CONCURRENTLY") == 0)
			return true;
	}
	return false;
}

static bool
can_run(const char *statement)
{
	char words[3][32];
	const char *rest = statement;

	for (int i = 0; i < 3; i++)
		rest = next_word(rest, words[i], sizeof(words[i]));
	if (strcmp(words[0], "ROLLBACK") == 0 &&
		(strcmp(words[1], "TO") == 0 || strcmp(words[2], "TO") == 0))
		return true;
	for (int i = 0; refused[i] != NULL; i++)
	{
		if (begins_with(statement, refused[i]))
			return false;
	}
	return !is_concurrent(statement);
}

bool
so_exactly_once_check(TALLOC_CTX *context, const char *sql, SoError *error)
{
	SoSqlMarkers markers = {.names = NULL};
	TALLOC_CTX *scratch = talloc_new(context);
	SoSqlText *statements = NULL;
	int count = 0;
	bool good = so_sql_text_split(scratch, sql, &markers, &statements, &count, error);

	for (int i = 0; i < count && good; i++)
	{
		if (can_run(statements[i].text))
			continue;
		good = so_error_set(error, SO_ERR_EXACTLY_ONCE_STATEMENT, "sql",
							"this statement cannot run in a transaction, which exactly_once needs");
		so_error_detail(error, "%.200s", skip_blanks(statements[i].text));
	}
	talloc_free(scratch);
	return good;
}

/* ---- validation ---- */

static void
finding(SoTaskValidation *validation, const char *property, const char *message)
{
	SoError error;

	so_error_set(&error, SO_ERR_EXACTLY_ONCE_USE, property, "%s", message);
	validation->report(validation, false, property, &error);
}

static const SoConnectionManager *
manager_of(const SoTaskValidation *validation)
{
	const SoField *field = so_object_field(validation->properties, "connection");

	if (field == NULL || !field->is_set || field->value.is_null || validation->executable == NULL)
		return NULL;
	return so_package_connection(validation->executable->package, field->value.as.text.bytes);
}

void
so_exactly_once_validate(SoTaskValidation *validation, const char *sql)
{
	const SoConnectionManager *manager = manager_of(validation);
	const SoField *batch = so_object_field(validation->properties, "batch_size");
	SoError error;

	if (!so_object_boolean(validation->properties, "exactly_once"))
		return;
	if (manager != NULL && strcmp(manager->type->name, "postgres") != 0)
		finding(validation, "exactly_once",
				"exactly_once needs a connection manager of type postgres");
	if (batch != NULL && so_object_integer(validation->properties, "batch_size") > 0)
		finding(validation, "batch_size",
				"with exactly_once the whole file is one transaction: remove batch_size");
	for (const SoExecutable *level = validation->executable; level != NULL; level = level->parent)
	{
		if (level->kind == SO_KIND_EVENT_HANDLER)
			finding(validation, "exactly_once",
					"a task of an event handler may run several times in one execution and cannot "
					"be exactly_once");
		else if (so_object_enum(level->object, "checkpoint") == SO_CHECKPOINT_ALWAYS_RERUN)
			finding(validation, "exactly_once",
					"exactly_once and checkpoint: always_rerun contradict each other");
	}
	if (sql != NULL && !so_exactly_once_check(validation->context, sql, &error))
		validation->report(validation, false, "sql", &error);
}
