/*
 * client/exec_command_file.c
 *
 * Options in a file (dtexec /CommandFile): words as on the command line, over
 * as many lines as one likes. Double quotes hold blanks together, \" is a
 * quote inside them; no shell is involved.
 *
 * Process: client, before anything else happens.
 */
#include <string.h>

#include "client/exec_options.h"
#include "client/read_text.h"

static bool
is_blank(char letter)
{
	return letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n';
}

/* The word that begins at *rest, without its quotes; moves *rest behind it. */
static char *
next_word(TALLOC_CTX *context, const char **rest)
{
	const char *p = *rest;
	char *word = talloc_array(context, char, strlen(p) + 1);
	size_t used = 0;
	bool quoted = false;

	for (; *p != '\0' && (quoted || !is_blank(*p)); p++)
	{
		if (quoted && p[0] == '\\' && p[1] == '"')
			word[used++] = *++p;
		else if (*p == '"')
			quoted = !quoted;
		else
			word[used++] = *p;
	}
	word[used] = '\0';
	*rest = p;
	return quoted ? NULL : word;
}

bool
so_exec_command_file(TALLOC_CTX *context, const char *path, int *argc, char ***argv, SoError *error)
{
	size_t length;
	char *text = so_read_text(context, path, &length, error);
	const char *rest = text;

	*argc = 0;
	*argv = talloc_array(context, char *, 1);
	while (rest != NULL && *rest != '\0')
	{
		if (is_blank(*rest))
		{
			rest++;
			continue;
		}
		*argv = talloc_realloc(context, *argv, char *, *argc + 2);
		(*argv)[*argc] = next_word(context, &rest);
		if ((*argv)[(*argc)++] == NULL)
		{
			so_error_set(error, SO_ERR_CLIENT_USAGE, path,
						 "a double quote in command file \"%s\" is not closed", path);
			return so_error_hint(error, "Write \\\" for a quote inside quotes.");
		}
	}
	return text != NULL;
}
