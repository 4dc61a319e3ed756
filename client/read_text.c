/*
 * client/read_text.c
 *
 * Whole text files in and out.
 *
 * Process: client.  A file is replaced by rename, so a crash leaves the old or
 * the new one and perhaps a file NAME.new.
 */
#include "client/read_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_BYTES (64 * 1024 * 1024)

char *
so_read_text(TALLOC_CTX *context, const char *path, size_t *length, SoError *error)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	char *text = talloc_size(context, 64 * 1024);
	size_t room = 64 * 1024;
	size_t used = 0;

	if (file == NULL)
	{
		so_error_set(error, SO_ERR_FILE_UNREADABLE, path, "cannot open \"%s\": %s", path,
					 strerror(errno));
		return NULL;
	}
	while (used <= MAX_BYTES)
	{
		size_t n = fread(text + used, 1, room - used - 1, file);

		used += n;
		if (n == 0)
			break;
		if (used == room - 1)
		{
			room *= 2;
			text = talloc_realloc_size(context, text, room);
		}
	}
	if (ferror(file) || used > MAX_BYTES)
	{
		so_error_set(error, SO_ERR_FILE_UNREADABLE, path, "cannot read \"%s\": %s", path,
					 used > MAX_BYTES ? "it is too large" : strerror(errno));
		text = NULL;
	}
	else
		text[used] = '\0';
	if (!is_stdin)
		fclose(file);
	*length = used;
	return text;
}

bool
so_write_text(const char *path, const char *text, SoError *error)
{
	char *fresh = talloc_asprintf(NULL, "%s.new", path);
	struct stat status;
	bool exists = stat(path, &status) == 0;
	FILE *file = fopen(fresh, "wxe");
	bool written;

	if (file == NULL)
	{
		so_error_set(error, SO_ERR_FILE_UNWRITABLE, path, "cannot create \"%s\": %s", fresh,
					 strerror(errno));
		talloc_free(fresh);
		return false;
	}
	written = fputs(text, file) >= 0 && fflush(file) == 0 &&
			  (!exists || fchmod(fileno(file), status.st_mode & 07777) == 0) &&
			  fsync(fileno(file)) == 0;
	written = fclose(file) == 0 && written;
	if (!written || rename(fresh, path) != 0)
	{
		so_error_set(error, SO_ERR_FILE_UNWRITABLE, path, "cannot write \"%s\": %s", path,
					 strerror(errno));
		unlink(fresh);
		talloc_free(fresh);
		return false;
	}
	talloc_free(fresh);
	return true;
}
