/*
 * engine/tasks/sql_text.c
 *
 * A scanner for SQL that knows just enough: what is quoted, what is a comment,
 * where a statement ends and where a parameter stands.
 *
 * Process: runner and client, in a task's thread.  No state, nothing shared.
 */
#include "engine/tasks/sql_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct Scanner
{
	TALLOC_CTX *context;
	const SoSqlMarkers *markers;
	const char *sql;
	const char *at;
	const char *statement; /* where the current one began */
	char *out;             /* the current one with markers rewritten */
	bool has_content;      /* more than blanks and comments */
	int parentheses;
	int words;    /* identifiers so far in this statement */
	bool creates; /* it began with CREATE */
	bool creates_routine;
	int begin_depth; /* inside BEGIN ATOMIC ... END */
	int *bindings;
	int binding_count;
	int question_marks;
	SoSqlText *statements;
	int count;
	SoError *error;
} Scanner;

static bool
is_identifier_start(char c)
{
	return isalpha((unsigned char) c) || c == '_' || (unsigned char) c >= 0x80;
}

static bool
is_identifier_part(char c)
{
	return is_identifier_start(c) || isdigit((unsigned char) c) || c == '$';
}

static void
copy_to(Scanner *scanner, const char *end)
{
	scanner->out =
		talloc_strndup_append_buffer(scanner->out, scanner->at, (size_t) (end - scanner->at));
	scanner->at = end;
}

static bool
unclosed(Scanner *scanner, const char *what)
{
	int line = 1;

	for (const char *p = scanner->sql; p < scanner->at; p++)
		line += *p == '\n';
	return so_error_set(scanner->error, SO_ERR_TASK_SQL_SYNTAX, NULL,
						"%s that begins in line %d of the SQL is not closed", what, line);
}

/* 'text', "name", `name`; a doubled quote is part of it, a backslash in E'...' escapes. */
static bool
scan_quoted(Scanner *scanner, char quote, bool backslash)
{
	const char *p = scanner->at + 1;

	for (; *p != '\0'; p++)
	{
		if (backslash && *p == '\\' && p[1] != '\0')
			p++;
		else if (*p == quote && p[1] == quote)
			p++;
		else if (*p == quote)
			break;
	}
	if (*p == '\0')
		return unclosed(scanner, "a quotation");
	copy_to(scanner, p + 1);
	return true;
}

static bool
scan_block_comment(Scanner *scanner)
{
	const char *p = scanner->at + 2;
	int depth = 1;

	for (; *p != '\0' && depth > 0; p++)
	{
		if (p[0] == '/' && p[1] == '*')
		{
			depth++;
			p++;
		}
		else if (p[0] == '*' && p[1] == '/')
		{
			depth--;
			p++;
		}
	}
	if (depth > 0)
		return unclosed(scanner, "a comment");
	copy_to(scanner, p);
	return true;
}

/* At a '$': $tag$ ... $tag$.  Returns 1 when it was one, 0 when not, -1 when unclosed. */
static int
scan_dollar_quoted(Scanner *scanner)
{
	const char *p = scanner->at + 1;
	size_t tag_length;
	const char *end;
	char *tag;

	if (isdigit((unsigned char) *p))
		return 0;
	while (is_identifier_part(*p) && *p != '$')
		p++;
	if (*p != '$')
		return 0;
	tag_length = (size_t) (p - scanner->at) + 1;
	tag = talloc_strndup(scanner->context, scanner->at, tag_length);
	end = strstr(p + 1, tag);
	talloc_free(tag);
	if (end == NULL)
	{
		unclosed(scanner, "a dollar quotation");
		return -1;
	}
	copy_to(scanner, end + tag_length);
	return 1;
}

/* Write the marker for binding; the input marker ends at end. */
static void
put_marker(Scanner *scanner, int binding, const char *end)
{
	int number = 0;

	if (scanner->markers->write_question_marks)
		scanner->out = talloc_strdup_append_buffer(scanner->out, "?");
	else
	{
		while (number < scanner->binding_count && scanner->bindings[number] != binding)
			number++;
		scanner->out = talloc_asprintf_append_buffer(scanner->out, "$%d", number + 1);
	}
	if (scanner->markers->write_question_marks || number == scanner->binding_count)
	{
		scanner->bindings =
			talloc_realloc(scanner->context, scanner->bindings, int, scanner->binding_count + 1);
		scanner->bindings[scanner->binding_count++] = binding;
	}
	scanner->has_content = true;
	scanner->at = end;
}

/* The n-th binding (1-based), an error when there are fewer. */
static bool
scan_positional(Scanner *scanner, long number, const char *end)
{
	if (number < 1 || number > scanner->markers->count)
		return so_error_set(scanner->error, SO_ERR_TASK_BINDING, "parameter_bindings",
							"the SQL uses parameter %ld, but there are %d parameter bindings",
							number, scanner->markers->count);
	put_marker(scanner, (int) number - 1, end);
	return true;
}

/* :name or @name of a binding; false = it is something else. */
static bool
scan_named(Scanner *scanner)
{
	const char *name = scanner->at + 1;
	const char *end = name;

	if (!is_identifier_start(*name) ||
		(scanner->at > scanner->sql && scanner->at[-1] == scanner->at[0]))
		return false;
	while (is_identifier_part(*end) && *end != '$')
		end++;
	for (int i = 0; i < scanner->markers->count; i++)
	{
		const char *candidate = scanner->markers->names[i];

		if (candidate != NULL && strlen(candidate) == (size_t) (end - name) &&
			strncmp(candidate, name, (size_t) (end - name)) == 0)
		{
			put_marker(scanner, i, end);
			return true;
		}
	}
	return false;
}

/* An identifier or key word; keeps track of CREATE FUNCTION ... BEGIN ATOMIC ... END. */
static bool
scan_word(Scanner *scanner)
{
	const char *end = scanner->at;
	size_t length;
	const char *word = scanner->at;

	while (is_identifier_part(*end))
		end++;
	length = (size_t) (end - word);
	if (length == 1 && (*word == 'E' || *word == 'e') && *end == '\'')
	{
		copy_to(scanner, end);
		return scan_quoted(scanner, '\'', true);
	}
	scanner->words++;
	if (scanner->words == 1)
		scanner->creates = length == 6 && strncasecmp(word, "create", 6) == 0;
	else if (scanner->creates && ((length == 8 && strncasecmp(word, "function", 8) == 0) ||
								  (length == 9 && strncasecmp(word, "procedure", 9) == 0)))
		scanner->creates_routine = true;
	if (scanner->creates_routine && scanner->parentheses == 0)
	{
		if (length == 5 && strncasecmp(word, "begin", 5) == 0)
			scanner->begin_depth++;
		else if (scanner->begin_depth > 0 && length == 4 && strncasecmp(word, "case", 4) == 0)
			scanner->begin_depth++;
		else if (scanner->begin_depth > 0 && length == 3 && strncasecmp(word, "end", 3) == 0)
			scanner->begin_depth--;
	}
	copy_to(scanner, end);
	return true;
}

static int
characters_before(const char *from, const char *to)
{
	int count = 0;

	for (; from < to; from++)
		count += ((unsigned char) *from & 0xC0) != 0x80;
	return count;
}

static void
end_statement(Scanner *scanner, const char *end)
{
	if (scanner->has_content)
	{
		SoSqlText *statement;

		scanner->statements =
			talloc_realloc(scanner->context, scanner->statements, SoSqlText, scanner->count + 1);
		statement = &scanner->statements[scanner->count++];
		statement->text = scanner->out;
		statement->display =
			talloc_asprintf(scanner->context, "%.*s%s", (int) (scanner->statement - scanner->sql),
							scanner->sql, scanner->out);
		statement->display_offset = characters_before(scanner->sql, scanner->statement);
		statement->bindings = scanner->bindings;
		statement->binding_count = scanner->binding_count;
	}
	scanner->out = talloc_strdup(scanner->context, "");
	scanner->bindings = NULL;
	scanner->binding_count = 0;
	scanner->has_content = false;
	scanner->parentheses = 0;
	scanner->words = 0;
	scanner->creates = scanner->creates_routine = false;
	scanner->begin_depth = 0;
	scanner->statement = end;
}

/* '$' and '?', outside quotations. */
static bool
scan_marker_character(Scanner *scanner)
{
	int quoted;

	if (*scanner->at == '?')
		return scan_positional(scanner, ++scanner->question_marks, scanner->at + 1);
	quoted = scan_dollar_quoted(scanner);
	if (quoted != 0)
		return quoted > 0;
	if (scanner->markers->dollar && isdigit((unsigned char) scanner->at[1]))
	{
		char *end;
		long number = strtol(scanner->at + 1, &end, 10);

		return scan_positional(scanner, number, end);
	}
	copy_to(scanner, scanner->at + 1);
	return true;
}

static bool
scan_token(Scanner *scanner)
{
	char c = *scanner->at;

	if (isspace((unsigned char) c))
	{
		copy_to(scanner, scanner->at + 1);
		return true;
	}
	if (c == '-' && scanner->at[1] == '-')
	{
		copy_to(scanner, scanner->at + strcspn(scanner->at, "\n"));
		return true;
	}
	if (c == '/' && scanner->at[1] == '*')
		return scan_block_comment(scanner);
	if (c == ';' && scanner->parentheses <= 0 && scanner->begin_depth == 0)
	{
		scanner->at++;
		end_statement(scanner, scanner->at);
		return true;
	}
	scanner->has_content = true;
	if (c == '\'' || c == '"' || c == '`')
		return scan_quoted(scanner, c, false);
	if (c == '$' || (c == '?' && scanner->markers->question_mark))
		return scan_marker_character(scanner);
	if ((c == ':' || c == '@') && scan_named(scanner))
		return true;
	if (is_identifier_start(c))
		return scan_word(scanner);
	if (isdigit((unsigned char) c))
	{
		const char *end = scanner->at;

		while (is_identifier_part(*end))
			end++;
		copy_to(scanner, end);
		return true;
	}
	scanner->parentheses += (c == '(') - (c == ')');
	copy_to(scanner, scanner->at + 1);
	return true;
}

bool
so_sql_text_split(TALLOC_CTX *context, const char *sql, const SoSqlMarkers *markers,
				  SoSqlText **statements, int *count, SoError *error)
{
	Scanner scanner = {.context = context,
					   .markers = markers,
					   .sql = sql,
					   .at = sql,
					   .statement = sql,
					   .error = error};

	scanner.out = talloc_strdup(context, "");
	while (*scanner.at != '\0')
	{
		if (!scan_token(&scanner))
			return false;
	}
	end_statement(&scanner, scanner.at);
	*statements = scanner.statements;
	*count = scanner.count;
	return true;
}
