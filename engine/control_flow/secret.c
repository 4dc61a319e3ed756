/*
 * engine/control_flow/secret.c
 *
 * Keeps the secrets of a run and takes them out of texts.
 *
 * Process: runner and client, control thread only.  The list lives as long as
 * the run; it is never written anywhere.
 */
#include "engine/control_flow/secret.h"

#include <string.h>

void
so_secret_add_text(SoRun *run, const char *text)
{
	size_t length = strlen(text);
	int place = 0;

	if (length < SO_SECRET_SHORTEST)
		return;
	/* Longest first: one secret may be a part of another. */
	while (place < run->secret_count && strlen(run->secrets[place]) >= length)
	{
		if (strcmp(run->secrets[place++], text) == 0)
			return;
	}
	run->secrets = talloc_realloc(run, run->secrets, char *, run->secret_count + 1);
	memmove(run->secrets + place + 1, run->secrets + place,
			sizeof(char *) * (size_t) (run->secret_count - place));
	run->secrets[place] = talloc_strdup(run->secrets, text);
	run->secret_count++;
}

void
so_secret_add(SoRun *run, const SoValue *value)
{
	char *text;

	if (value->is_null)
		return;
	text = so_value_to_text(NULL, value);
	if (text != NULL)
		so_secret_add_text(run, text);
	talloc_free(text);
}

/* Where the first secret at or behind text begins, and how long it is; NULL when there is none. */
static const char *
find_first(const SoRun *run, const char *text, size_t *length)
{
	const char *first = NULL;

	for (int i = 0; i < run->secret_count; i++)
	{
		const char *found = strstr(text, run->secrets[i]);

		if (found != NULL && (first == NULL || found < first))
		{
			first = found;
			*length = strlen(run->secrets[i]);
		}
	}
	return first;
}

char *
so_secret_mask(TALLOC_CTX *context, const SoRun *run, const char *text)
{
	size_t length = 0;
	const char *found = find_first(run, text, &length);
	char *masked;

	if (found == NULL)
		return NULL;
	masked = talloc_strdup(context, "");
	while (found != NULL)
	{
		masked = talloc_strndup_append_buffer(masked, text, (size_t) (found - text));
		masked = talloc_strdup_append_buffer(masked, "***");
		text = found + length;
		found = find_first(run, text, &length);
	}
	return talloc_strdup_append_buffer(masked, text);
}
