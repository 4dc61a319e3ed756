/*
 * engine/control_flow/foreach_file.c
 *
 * Foreach File: the files of a folder whose names match a pattern, ordered by
 * path or by modification time.  Symbolic links to files count as files; links
 * to folders are not followed, so there are no circles.
 *
 * Process: runner and client, control thread only.
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/control_flow/enumeration.h"
#include "engine/control_flow/property_expression.h"
#include "engine/model/object_types.h"

typedef struct File
{
	char *path;
	const char *name;
	struct timespec modified;
} File;

typedef struct Search
{
	TALLOC_CTX *context;
	const char *pattern;
	bool recurse;
	File *files;
	int count;
	int capacity;
} Search;

static void
add_file(Search *search, char *path, const struct stat *status)
{
	if (search->count == search->capacity)
	{
		search->capacity = search->capacity == 0 ? 64 : search->capacity * 2;
		search->files = talloc_realloc(search->context, search->files, File, search->capacity);
	}
	search->files[search->count].path = path;
	search->files[search->count].name = strrchr(path, '/') + 1;
	search->files[search->count].modified = status->st_mtim;
	search->count++;
}

/* Returns 0, or errno with *where naming the folder. */
static int
search_folder(Search *search, const char *folder, const char **where)
{
	DIR *directory = opendir(folder);
	struct dirent *entry;
	size_t length = strlen(folder);
	int code = 0;

	*where = folder;
	if (directory == NULL)
		return errno;
	while (code == 0 && (entry = readdir(directory)) != NULL)
	{
		struct stat status;
		char *path;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		path = talloc_asprintf(search->context, "%s%s%s", folder,
							   length > 0 && folder[length - 1] == '/' ? "" : "/", entry->d_name);
		/* A file that vanishes between readdir and here was not there. */
		if (lstat(path, &status) != 0)
			continue;
		if (S_ISDIR(status.st_mode))
		{
			if (search->recurse)
				code = search_folder(search, path, where);
		}
		else if (fnmatch(search->pattern, entry->d_name, FNM_PERIOD) == 0 &&
				 stat(path, &status) == 0 && S_ISREG(status.st_mode))
			add_file(search, path, &status);
	}
	closedir(directory);
	return code;
}

static int
by_path(const void *left, const void *right)
{
	return strcmp(((const File *) left)->path, ((const File *) right)->path);
}

static int
by_time(const void *left, const void *right)
{
	const struct timespec *a = &((const File *) left)->modified;
	const struct timespec *b = &((const File *) right)->modified;

	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	if (a->tv_nsec != b->tv_nsec)
		return a->tv_nsec < b->tv_nsec ? -1 : 1;
	return by_path(left, right);
}

static bool
file_value(const SoEnumeration *enumeration, int64_t i, int index, const char *column,
		   TALLOC_CTX *context, SoValue *value, SoError *error)
{
	if (index != 0 || column != NULL)
		return so_error_set(error, SO_ERR_RUN_ENUMERATOR, NULL, "a file has only index 0");
	*value = so_value_string(context, enumeration->names[i]);
	return true;
}

static char *
name_form(TALLOC_CTX *context, const File *file, int64_t form)
{
	const char *dot = strrchr(file->name, '.');

	if (form == SO_FILE_NAME_FULLY_QUALIFIED)
		return talloc_strdup(context, file->path);
	if (form == SO_FILE_NAME_ONLY && dot != NULL && dot != file->name)
		return talloc_strndup(context, file->name, (size_t) (dot - file->name));
	return talloc_strdup(context, file->name);
}

SoEnumeration *
so_foreach_file(SoUnit *unit, const SoObject *properties, TALLOC_CTX *context, SoError *error)
{
	const char *folder = so_property_text(properties, "folder");
	const char *pattern = so_property_text(properties, "files");
	int64_t form =
		so_property_integer(properties, "retrieve_file_name", SO_FILE_NAME_FULLY_QUALIFIED);
	SoEnumeration *enumeration = talloc_zero(context, SoEnumeration);
	Search search = {.context = talloc_new(context),
					 .pattern = pattern != NULL ? pattern : "*",
					 .recurse = so_property_boolean(properties, "recurse", false)};
	const char *where = folder;
	char *absolute = folder != NULL && folder[0] != '\0' ? realpath(folder, NULL) : NULL;
	int code = absolute != NULL ? search_folder(&search, absolute, &where) : errno;

	if (code != 0)
	{
		so_error_set(error, SO_ERR_RUN_ENUMERATOR, unit->executable->path,
					 "folder \"%s\" cannot be read", where != NULL ? where : "");
		so_error_detail(error, "%s.", strerror(code));
		so_error_hint(error, "Check the folder and that this account may read it.");
		free(absolute);
		talloc_free(search.context);
		talloc_free(enumeration);
		return NULL;
	}
	free(absolute);
	if (search.count > 0)
		qsort(search.files, (size_t) search.count, sizeof(File),
			  so_property_integer(properties, "order", SO_FILE_ORDER_NAME) == SO_FILE_ORDER_MODIFIED
				  ? by_time
				  : by_path);
	enumeration->count = search.count;
	enumeration->value = file_value;
	enumeration->names = talloc_array(enumeration, char *, search.count + 1);
	for (int i = 0; i < search.count; i++)
		enumeration->names[i] = name_form(enumeration->names, &search.files[i], form);
	talloc_free(search.context);
	return enumeration;
}
