/*
 * engine/model/load_path.c
 *
 * Loads a package file or a project folder.  A project folder holds
 * project.yaml and, beside it, the packages (*.yaml, *.yml, *.json); folders
 * below are not searched, so SQL and data can lie there.
 *
 * Process: client (and runner by hand).  Reads files only.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/model/load.h"
#include "engine/model/loader.h"

/* One load of a path. */
typedef struct PathLoad
{
	TALLOC_CTX *context; /* of the result and the findings */
	TALLOC_CTX *scratch;
	SoDiagnostics *findings;
	SoProject *project;
	const char *folder;
} PathLoad;

static void SO_PRINTF(4, 5)
	report(PathLoad *load, SoErrorCode code, const char *file, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	so_diagnostics_add(load->findings, load->context, &(SoFinding){.code = code, .file = file},
					   "%s", talloc_vasprintf(load->scratch, format, arguments));
	va_end(arguments);
}

static char *
read_text(PathLoad *load, const char *path, size_t *length)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = SO_DOCUMENT_MAX_BYTES + 1;
	struct stat status;

	if (file == NULL || fstat(fileno(file), &status) != 0)
	{
		report(load, SO_ERR_FILE_UNREADABLE, path, "cannot open the file: %s", strerror(errno));
		if (file != NULL)
			fclose(file);
		return NULL;
	}
	if (S_ISREG(status.st_mode) && (size_t) status.st_size < room)
		room = (size_t) status.st_size + 1;
	text = talloc_size(load->scratch, room);
	*length = fread(text, 1, room, file);
	if (ferror(file))
	{
		report(load, SO_ERR_FILE_UNREADABLE, path, "cannot read the file: %s", strerror(errno));
		text = NULL;
	}
	fclose(file);
	return text;
}

/* A file's nodes; NULL after reporting. */
static SoNode *
read_nodes(PathLoad *load, const char *path, SoDiagnostics *findings)
{
	size_t length;
	char *text = read_text(load, path, &length);
	SoNode *node;

	if (text == NULL)
		return NULL;
	node = so_loader_parse(load->scratch, text, length, path, findings);
	so_diagnostics_adopt(findings, load->context);
	return node;
}

static void
load_package(PathLoad *load, const char *path, SoDiagnostics *findings)
{
	SoNode *node = read_nodes(load, path, findings);
	SoLoader loader;

	if (node == NULL)
		return;
	so_loader_begin(&loader, load->project, load->context, findings, path, load->folder);
	so_loader_load_package(&loader, node);
	so_loader_end(&loader);
}

/* A package beside the one that was asked for: when it is broken it is left out, with a warning. */
static void
load_sibling(PathLoad *load, const char *path)
{
	SoDiagnostics own = {NULL, 0, 0};
	int packages = load->project->package_count;

	load_package(load, path, &own);
	if (own.error_count == 0)
		return;
	load->project->package_count = packages;
	so_diagnostics_add(
		load->findings, load->context,
		&(SoFinding){.is_warning = true, .code = SO_ERR_DOCUMENT_SIBLING, .file = path},
		"this package of the same project is left out: %s",
		own.count > 0 ? own.items[0].message : "");
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool
has_ending(const char *name, const char *ending)
{
	size_t length = strlen(name);
	size_t ending_length = strlen(ending);

	return length > ending_length && strcmp(name + length - ending_length, ending) == 0;
}

static bool
is_project_file(const char *name)
{
	return strcmp(name, "project.yaml") == 0 || strcmp(name, "project.yml") == 0 ||
		   strcmp(name, "project.json") == 0;
}

static bool
is_package_file(const char *name)
{
	return name[0] != '.' && !is_project_file(name) &&
		   (has_ending(name, ".yaml") || has_ending(name, ".yml") ||
			(has_ending(name, ".json") && !has_ending(name, ".schema.json")));
}

static int
compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *) left, *(const char *const *) right);
}

/* Paths of the packages of the folder, sorted by name; *project_file is NULL when there is none. */
static char **
list_folder(PathLoad *load, int *count, char **project_file)
{
	DIR *directory = opendir(load->folder);
	char **paths = NULL;
	struct dirent *entry;

	*count = 0;
	*project_file = NULL;
	if (directory == NULL)
	{
		report(load, SO_ERR_FILE_UNREADABLE, load->folder, "cannot read the folder: %s",
			   strerror(errno));
		return NULL;
	}
	while ((entry = readdir(directory)) != NULL)
	{
		char *path = talloc_asprintf(load->scratch, "%s/%s", load->folder, entry->d_name);

		if (is_project_file(entry->d_name))
			*project_file = path;
		else if (is_package_file(entry->d_name))
			paths = so_loader_append(load->scratch, paths, count, path);
	}
	closedir(directory);
	if (*count > 1)
		qsort(paths, (size_t) *count, sizeof(char *), compare_names);
	return paths;
}

static void
load_project_file(PathLoad *load, const char *path)
{
	SoNode *node = read_nodes(load, path, load->findings);
	SoLoader loader;

	if (node == NULL)
		return;
	so_loader_begin(&loader, load->project, load->context, load->findings, path, load->folder);
	so_loader_read_project(&loader, node, NULL);
	so_loader_end(&loader);
}

static void
load_folder(PathLoad *load)
{
	char *project_file;
	int count;
	char **paths = list_folder(load, &count, &project_file);

	if (project_file == NULL)
	{
		if (load->findings->error_count == 0)
			report(load, SO_ERR_DOCUMENT_PROJECT, load->folder,
				   "there is no project.yaml in the folder");
		return;
	}
	load_project_file(load, project_file);
	for (int i = 0; i < count; i++)
		load_package(load, paths[i], load->findings);
	if (count == 0)
		report(load, SO_ERR_DOCUMENT_PROJECT, load->folder,
			   "there is no package beside project.yaml");
	so_loader_check_children(load->project, load->context, load->findings);
}

static void
load_file(PathLoad *load, const char *path)
{
	char *project_file;
	int count;
	char **paths;

	if (is_project_file(base_name(path)))
	{
		load_folder(load);
		return;
	}
	paths = list_folder(load, &count, &project_file);
	if (project_file != NULL)
		load_project_file(load, project_file);
	load_package(load, path, load->findings);
	for (int i = 0; project_file != NULL && i < count; i++)
	{
		if (strcmp(base_name(paths[i]), base_name(path)) != 0)
			load_sibling(load, paths[i]);
	}
	if (project_file != NULL)
		so_loader_check_children(load->project, load->context, load->findings);
}

SoProject *
so_load_path(TALLOC_CTX *context, const char *path, SoDiagnostics *findings)
{
	PathLoad load = {context, talloc_new(NULL), findings, talloc_zero(context, SoProject), NULL};
	const char *slash = strrchr(path, '/');
	SoProject *project = load.project;
	struct stat status;

	memset(findings, 0, sizeof(*findings));
	if (stat(path, &status) != 0)
		report(&load, SO_ERR_FILE_UNREADABLE, path, "cannot open it: %s", strerror(errno));
	else if (S_ISDIR(status.st_mode))
	{
		load.folder = path;
		load_folder(&load);
	}
	else
	{
		load.folder = slash == NULL   ? "."
					  : slash == path ? "/"
									  : talloc_strndup(load.scratch, path, (size_t) (slash - path));
		load_file(&load, path);
	}
	talloc_free(load.scratch);
	so_diagnostics_sort(findings);
	if (findings->error_count > 0 || project->package_count == 0)
	{
		talloc_free(project);
		return NULL;
	}
	if (project->name == NULL)
		project->name = talloc_strdup(project, project->packages[0]->name);
	return project;
}
