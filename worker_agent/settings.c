/*
 * worker_agent/settings.c
 *
 * Makes settings from a file, and compares those of a reload with those in use.
 * Lines are taken apart in settings_line.c, values read in settings_value.c, both
 * by the table in settings_table.c.
 *
 * Process: agent.  Settings are built as a whole and only used when nothing is
 * wrong with them, so a bad file at a reload changes nothing.
 */
#include "worker_agent/settings.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker_agent/settings_line.h"
#include "worker_agent/settings_table.h"
#include "worker_agent/settings_value.h"

#define MAX_FILE_SIZE (1024 * 1024)

/* The next error to fill; when there is no room the last one is overwritten. */
static SoError *
next_error(SoSettingsErrors *errors)
{
	int slot = errors->count++;

	return &errors->errors[slot < SO_SETTINGS_MAX_ERRORS ? slot : SO_SETTINGS_MAX_ERRORS - 1];
}

/* The setting of a line, or NULL and an error in errors. */
static const SoSettingRow *
find_row(const char *name, const char *place, SoSettingsErrors *errors)
{
	const SoSettingRow *row = so_setting_find(name);
	const char *nearest;
	SoError *unknown;

	if (row != NULL)
		return row;
	nearest = so_setting_nearest_name(name);
	unknown = next_error(errors);
	so_error_set(unknown, SO_ERR_AGENT_SETTING_UNKNOWN, place, "unknown setting \"%s\"", name);
	if (nearest != NULL)
		so_error_hint(unknown, "Perhaps you meant %s; correct this line, or remove it.", nearest);
	return NULL;
}

static void
set_by_name(SoSettings *settings, const char *name, const char *value, const char *place,
			bool *seen, SoSettingsErrors *errors)
{
	const SoSettingRow *row = find_row(name, place, errors);
	SoError error;

	if (row == NULL)
		return;
	if (seen[row - so_setting_rows])
		so_error_set(next_error(errors), SO_ERR_AGENT_SETTING_INVALID, place,
					 "%s is set more than once", row->name);
	else if (!so_setting_value_set(settings, row, value, place, &error))
		*next_error(errors) = error;
	seen[row - so_setting_rows] = true;
}

static void
parse_line(SoSettings *settings, char *line, const char *place, bool *seen,
		   SoSettingsErrors *errors)
{
	SoError *wrong;
	char *name;
	char *value;

	switch (so_setting_line_split(line, &name, &value))
	{
		case SO_SETTING_LINE_EMPTY:
			return;
		case SO_SETTING_LINE_SETTING:
			set_by_name(settings, name, value, place, seen, errors);
			return;
		case SO_SETTING_LINE_MALFORMED:
			so_error_set(next_error(errors), SO_ERR_AGENT_SETTING_SYNTAX, place,
						 "this line is not a setting");
			return;
		case SO_SETTING_LINE_NOT_UTF8:
			wrong = next_error(errors);
			so_error_set(wrong, SO_ERR_AGENT_SETTING_SYNTAX, place, "this line is not UTF-8");
			so_error_hint(wrong, "Save the file as UTF-8; iconv -f latin1 -t utf8 converts it.");
			return;
	}
}

static void
set_defaults(SoSettings *settings)
{
	for (size_t i = 0; i < so_setting_row_count; i++)
	{
		SoError error;

		if (!so_setting_value_set_default(settings, &so_setting_rows[i], &error))
			abort(); /* the table contradicts itself; the unit test would show it */
	}
}

/* An empty path becomes folder/name, a relative one is completed. */
static void
complete_path(SoSettings *settings, char **path, const char *folder, const char *name)
{
	char *complete;

	if ((*path)[0] == '/')
		return;
	if ((*path)[0] != '\0')
		complete = talloc_asprintf(settings, "%s/%s", folder, *path);
	else if (name[0] != '\0')
		complete = talloc_asprintf(settings, "%s/%s", folder, name);
	else
		complete = talloc_strdup(settings, folder);
	talloc_free(*path);
	*path = complete;
}

static void
complete_paths(SoSettings *settings)
{
	char *copy = talloc_strdup(settings, settings->file);
	const char *folder = dirname(copy);

	complete_path(settings, &settings->security_directory, folder, "");
	complete_path(settings, &settings->certificate_file, settings->security_directory,
				  "worker.crt");
	complete_path(settings, &settings->key_file, settings->security_directory, "worker.key");
	complete_path(settings, &settings->tasks_root_folder, folder, "tasks");
	complete_path(settings, &settings->spool_folder, folder, "spool");
	if (settings->runner_program[0] == '\0')
	{
		talloc_free(settings->runner_program);
		settings->runner_program = talloc_strdup(settings, SO_PROGRAM_DIRECTORY "/scaleout-runner");
	}
	complete_path(settings, &settings->runner_program, folder, "");
	talloc_free(copy);
}

SoSettings *
so_settings_parse(TALLOC_CTX *context, const char *text, const char *file, SoSettingsErrors *errors)
{
	SoSettings *settings = talloc_zero(context, SoSettings);
	/* Editors of other systems put a byte order mark in front. */
	char *copy = talloc_strdup(settings, strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text);
	char *rest = copy;
	bool *seen = talloc_zero_array(settings, bool, so_setting_row_count);
	char *line;

	errors->count = 0;
	settings->file = talloc_strdup(settings, file);
	set_defaults(settings);
	for (int number = 1; (line = strsep(&rest, "\n")) != NULL; number++)
	{
		char place[512];

		snprintf(place, sizeof(place), "%s:%d", file, number);
		parse_line(settings, line, place, seen, errors);
	}
	for (size_t i = 0; i < so_setting_row_count; i++)
	{
		const SoSettingRow *row = &so_setting_rows[i];

		if ((row->flags & SO_SETTING_REQUIRED) && !seen[i])
			so_error_set(next_error(errors), SO_ERR_AGENT_SETTING_MISSING, file, "%s is not set",
						 row->name);
	}
	if (errors->count > 0)
	{
		talloc_free(settings);
		return NULL;
	}
	talloc_free(copy);
	talloc_free(seen);
	complete_paths(settings);
	return settings;
}

static void
set_unreadable(const char *file, SoError *error)
{
	int reason = errno;

	so_error_set(error, SO_ERR_FILE_UNREADABLE, file, "the settings file cannot be read");
	so_error_detail(error, "%s.", strerror(reason));
	if (reason == EACCES)
		so_error_hint(error,
					  "The account that runs the worker must be able to read it: chown it to "
					  "that account, with mode 600; scaleout doctor says more.");
	else
		so_error_hint(error, "Make one with scaleout-worker join or init, or name its folder with "
							 "--directory.");
}

/* The contents of a file; NULL and an error when it cannot be read or is no text. */
static char *
read_text(TALLOC_CTX *context, const char *file, const char *absolute, SoSettingsErrors *errors)
{
	FILE *from = fopen(absolute, "re");
	SoError *error;
	char *text;
	size_t size;
	bool whole;

	if (from == NULL)
	{
		set_unreadable(file, next_error(errors));
		return NULL;
	}
	text = talloc_zero_array(context, char, MAX_FILE_SIZE + 1);
	size = fread(text, 1, MAX_FILE_SIZE, from);
	whole = getc(from) == EOF;
	if (whole && !ferror(from) && strlen(text) == size)
	{
		fclose(from);
		return text;
	}
	error = next_error(errors);
	if (ferror(from))
		set_unreadable(file, error); /* a folder, for example */
	else
	{
		so_error_set(error, SO_ERR_FILE_UNREADABLE, file, "this is not a settings file");
		if (whole)
		{
			so_error_detail(error,
							"It contains a zero byte, as text does that was saved as UTF-16.");
			so_error_hint(error, "Save it as UTF-8: iconv -f UTF-16 -t UTF-8 converts it.");
		}
		else
			so_error_detail(error, "It has more than %d bytes.", MAX_FILE_SIZE);
	}
	fclose(from);
	talloc_free(text);
	return NULL;
}

SoSettings *
so_settings_load(TALLOC_CTX *context, const char *file, SoSettingsErrors *errors)
{
	char absolute[PATH_MAX];
	char *text = NULL;
	SoSettings *settings;

	errors->count = 0;
	if (realpath(file, absolute) == NULL)
		set_unreadable(file, next_error(errors));
	else
		text = read_text(context, file, absolute, errors);
	if (text == NULL)
		return NULL;
	settings = so_settings_parse(context, text, absolute, errors);
	talloc_free(text);
	return settings;
}

int
so_settings_compare(const SoSettings *old, const SoSettings *new, char *needs_restart, size_t size)
{
	size_t used = 0;
	int changed = 0;

	needs_restart[0] = '\0';
	for (size_t i = 0; i < so_setting_row_count; i++)
	{
		const SoSettingRow *row = &so_setting_rows[i];

		if (so_setting_value_same(old, new, row))
			continue;
		changed++;
		if ((row->flags & (SO_SETTING_RELOAD | SO_SETTING_UNUSED)) == 0 && used < size)
			used += (size_t) snprintf(needs_restart + used, size - used, "%s%s",
									  used > 0 ? ", " : "", row->name);
	}
	return changed;
}

void
so_settings_apply_reloadable(SoSettings *to, const SoSettings *from)
{
	for (size_t i = 0; i < so_setting_row_count; i++)
	{
		const SoSettingRow *row = &so_setting_rows[i];

		if (row->flags & SO_SETTING_RELOAD)
			so_setting_value_copy(to, from, row);
	}
}
