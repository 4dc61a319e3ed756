/*
 * engine/tasks/process_arguments.c
 *
 * What a program is called with: finding it, and splitting one string into
 * arguments without a shell.
 *
 * Process: runner and client, in a task's thread.  No state.
 */
#include "engine/tasks/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

static char *
search_path(TALLOC_CTX *context, const char *name, SoError *error)
{
	const char *path = getenv("PATH");

	if (path == NULL || path[0] == '\0')
		path = "/usr/local/bin:/usr/bin:/bin";
	while (*path != '\0')
	{
		size_t length = strcspn(path, ":");
		char *candidate = talloc_asprintf(context, "%.*s/%s", (int) length, path, name);

		if (length > 0 && is_program(candidate))
			return candidate;
		talloc_free(candidate);
		path += length + (path[length] == ':');
	}
	so_error_set(error, SO_ERR_TASK_PROCESS_NOT_STARTED, NULL, "there is no program \"%s\" in PATH",
				 name);
	return NULL;
}

char *
so_process_find(TALLOC_CTX *context, const char *name, const char *working_directory,
				bool full_name_required, SoError *error)
{
	const char *checked = name;
	struct stat status;

	if (strchr(name, '/') == NULL && !full_name_required)
		return search_path(context, name, error);
	if (name[0] != '/' && working_directory != NULL)
		checked = talloc_asprintf(context, "%s/%s", working_directory, name);
	if (is_program(checked))
	{
		/* execve looks a name without slash up in the working directory as well. */
		return strchr(checked, '/') != NULL ? talloc_strdup(context, checked)
											: talloc_asprintf(context, "./%s", checked);
	}
	if (stat(checked, &status) != 0)
		so_error_set(error, SO_ERR_TASK_PROCESS_NOT_STARTED, NULL, "there is no program \"%s\": %s",
					 checked, strerrordesc_np(errno));
	else
		so_error_set(error, SO_ERR_TASK_PROCESS_NOT_STARTED, NULL,
					 "\"%s\" is not a program that this account may execute", checked);
	if (strchr(name, '/') == NULL)
		so_error_hint(error,
					  "Write the full path, or set require_full_file_name to false to look \"%s\" "
					  "up in PATH.",
					  name);
	return NULL;
}

/* One argument from *text, which is moved behind it. */
static char *
next_argument(TALLOC_CTX *context, const char **text)
{
	char *argument = talloc_strdup(context, "");
	const char *p = *text;
	bool quoted = false;

	for (; *p != '\0' && (quoted || strchr(" \t\r\n", *p) == NULL); p++)
	{
		size_t backslashes = strspn(p, "\\");

		if (backslashes > 0 && p[backslashes] == '"')
		{
			/* Pairs stand for one backslash each; an odd one makes the quote a character. */
			argument = talloc_strndup_append_buffer(argument, p, backslashes / 2);
			p += backslashes;
			if (backslashes % 2 == 1)
			{
				argument = talloc_strndup_append_buffer(argument, "\"", 1);
				continue;
			}
		}
		else if (backslashes > 0)
		{
			argument = talloc_strndup_append_buffer(argument, p, backslashes);
			p += backslashes - 1;
			continue;
		}
		if (*p == '"')
			quoted = !quoted;
		else
			argument = talloc_strndup_append_buffer(argument, p, 1);
	}
	*text = p;
	return argument;
}

char **
so_process_split_arguments(TALLOC_CTX *context, const char *text, int *count)
{
	char **arguments = talloc_array(context, char *, 1);

	*count = 0;
	for (;;)
	{
		text += strspn(text, " \t\r\n");
		if (*text == '\0')
			break;
		arguments = talloc_realloc(context, arguments, char *, *count + 2);
		arguments[(*count)++] = next_argument(arguments, &text);
	}
	arguments[*count] = NULL;
	return arguments;
}
