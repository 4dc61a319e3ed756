/*
 * worker_agent/settings.c
 *
 * Parses, compares and shows the settings of the agent by the table in
 * settings_table.c.
 *
 * Process: agent.  Settings are built as a whole and only used when nothing is
 * wrong with them, so a bad file at a reload changes nothing.
 */
#include "worker_agent/settings.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/duration.h"
#include "common/thumbprint.h"
#include "common/utf8.h"
#include "common/uuid.h"
#include "worker_agent/endpoint.h"
#include "worker_agent/settings_table.h"

#define MAX_FILE_SIZE (1024 * 1024)
#define MAX_NAME      64

static void *
field(const SoSettings *settings, const SoSettingRow *row)
{
	return (void *) ((uintptr_t) settings + row->offset);
}

static bool
is_text(const SoSettingRow *row)
{
	return row->kind <= SO_SETTING_THUMBPRINTS;
}

/* The next error to fill; when there is no room the last one is overwritten. */
static SoError *
next_error(SoSettingsErrors *errors)
{
	int slot = errors->count++;

	return &errors->errors[slot < SO_SETTINGS_MAX_ERRORS ? slot : SO_SETTINGS_MAX_ERRORS - 1];
}

/* ---- names -------------------------------------------------------------- */

static const SoSettingRow *
find_row(const char *name)
{
	for (size_t i = 0; i < so_setting_row_count; i++)
	{
		const SoSettingRow *row = &so_setting_rows[i];

		if (strcasecmp(row->name, name) == 0 ||
			(row->alias != NULL && strcasecmp(row->alias, name) == 0))
			return row;
	}
	return NULL;
}

/* Levenshtein distance without regard to case. */
static int
distance(const char *a, const char *b)
{
	int costs[MAX_NAME + 1];
	int length = (int) strlen(b);

	if (length > MAX_NAME)
		return INT_MAX;
	for (int j = 0; j <= length; j++)
		costs[j] = j;
	for (int i = 1; a[i - 1] != '\0'; i++)
	{
		int diagonal = costs[0];

		costs[0] = i;
		for (int j = 1; j <= length; j++)
		{
			int change =
				diagonal + (tolower((unsigned char) a[i - 1]) != tolower((unsigned char) b[j - 1]));
			int insert = costs[j - 1] + 1;
			int drop = costs[j] + 1;

			diagonal = costs[j];
			costs[j] = change < insert ? change : insert;
			if (drop < costs[j])
				costs[j] = drop;
		}
	}
	return costs[length];
}

static const char *
nearest_name(const char *name)
{
	const char *best = NULL;
	int best_distance = (int) strlen(name) / 2 + 1;

	for (size_t i = 0; i < so_setting_row_count; i++)
	{
		int d = distance(name, so_setting_rows[i].name);

		if (d < best_distance)
		{
			best_distance = d;
			best = so_setting_rows[i].name;
		}
	}
	return best;
}

/* ---- values ------------------------------------------------------------- */

static bool
invalid_value(const SoSettingRow *row, const char *value, const char *place, SoError *error,
			  const char *what)
{
	so_error_set(error, SO_ERR_AGENT_SETTING_INVALID, place, "\"%s\" is not valid for %s", value,
				 row->name);
	return so_error_detail(error, "%s.", what);
}

static bool
check_range(const SoSettingRow *row, double number, const char *value, const char *place,
			SoError *error)
{
	char what[160];
	char low[40];
	char high[40];

	if (number >= row->minimum && number <= row->maximum)
		return true;
	if (row->kind == SO_SETTING_DURATION)
		snprintf(what, sizeof(what), "It must be between %s and %s",
				 so_duration_format((int64_t) row->minimum, low, sizeof(low)),
				 so_duration_format((int64_t) row->maximum, high, sizeof(high)));
	else
		snprintf(what, sizeof(what), "It must be between %.15g and %.15g", row->minimum,
				 row->maximum);
	return invalid_value(row, value, place, error, what);
}

static bool
parse_boolean(const char *value, bool *result)
{
	static const char *const yes[] = {"true", "on", "yes", "1"};
	static const char *const no[] = {"false", "off", "no", "0"};

	for (int i = 0; i < 4; i++)
	{
		if (strcasecmp(value, yes[i]) == 0 || strcasecmp(value, no[i]) == 0)
		{
			*result = strcasecmp(value, yes[i]) == 0;
			return true;
		}
	}
	return false;
}

static bool
check_thumbprints(const SoSettingRow *row, const char *value, const char *place, SoError *error)
{
	char copy[4096];
	char *rest = NULL;

	snprintf(copy, sizeof(copy), "%s", value);
	for (char *part = strtok_r(copy, ",", &rest); part != NULL; part = strtok_r(NULL, ",", &rest))
	{
		SoThumbprint ignored;
		SoError reason;

		if (!so_thumbprint_parse(part, &ignored, &reason))
			return invalid_value(
				row, value, place, error,
				"A thumbprint has 64 hexadecimal digits; several are separated by commas");
	}
	return true;
}

/* Is value one of the words of a list "a, b, c"? */
static bool
is_choice(const char *choices, const char *value)
{
	size_t length = strlen(value);

	for (const char *at = choices; length > 0 && (at = strstr(at, value)) != NULL; at += length)
	{
		if ((at == choices || at[-1] == ' ') && (at[length] == '\0' || at[length] == ','))
			return true;
	}
	return false;
}

static bool
set_text(SoSettings *settings, const SoSettingRow *row, const char *value, const char *place,
		 SoError *error)
{
	char **to = field(settings, row);
	SoUuid uuid;

	if (value[0] == '\0' && (row->flags & SO_SETTING_REQUIRED) && strcmp(place, "default") != 0)
		return invalid_value(row, value, place, error, "It must not be empty");
	if (row->kind == SO_SETTING_CHOICE && !is_choice(row->choices, value))
	{
		char what[200];

		snprintf(what, sizeof(what), "It must be one of %s", row->choices);
		return invalid_value(row, value, place, error, what);
	}
	if (value[0] != '\0')
	{
		if (row->kind == SO_SETTING_UUID && !so_uuid_parse(value, &uuid))
			return invalid_value(row, value, place, error, "It must be a UUID");
		if (row->kind == SO_SETTING_THUMBPRINTS && !check_thumbprints(row, value, place, error))
			return false;
		if (row->kind == SO_SETTING_ENDPOINTS)
		{
			SoEndpointList list;
			SoError reason;

			if (!so_endpoint_parse_list(value, &list, &reason))
				return invalid_value(row, value, place, error, reason.message);
		}
	}
	talloc_free(*to);
	*to = talloc_strdup(settings, value);
	if (row->kind == SO_SETTING_UUID && value[0] != '\0')
	{
		char text[SO_UUID_TEXT_SIZE];

		*to = talloc_strdup(settings, so_uuid_format(&uuid, text));
	}
	return true;
}

static bool
set_value(SoSettings *settings, const SoSettingRow *row, const char *value, const char *place,
		  SoError *error)
{
	char *end;
	double number;
	int64_t milliseconds;

	switch (row->kind)
	{
		case SO_SETTING_BOOLEAN:
			if (!parse_boolean(value, field(settings, row)))
				return invalid_value(row, value, place, error, "It must be true or false");
			return true;
		case SO_SETTING_DURATION:
			if (!so_duration_parse(value, row->name, &milliseconds, NULL))
				return invalid_value(
					row, value, place, error,
					"Write hh:mm:ss, d.hh:mm:ss or a number with a unit, such as 30s or 5min");
			if (!check_range(row, (double) milliseconds, value, place, error))
				return false;
			*(int64_t *) field(settings, row) = milliseconds;
			return true;
		case SO_SETTING_INTEGER:
		case SO_SETTING_NUMBER:
			errno = 0;
			number = strtod(value, &end);
			if (end == value || *end != '\0' || errno != 0 || number - number != 0)
				return invalid_value(row, value, place, error, "It must be a number");
			if (row->kind == SO_SETTING_INTEGER &&
				(number < -9e15 || number > 9e15 || number != (double) (int64_t) number))
				return invalid_value(row, value, place, error, "It must be a whole number");
			if (!check_range(row, number, value, place, error))
				return false;
			if (row->kind == SO_SETTING_INTEGER)
				*(int64_t *) field(settings, row) = (int64_t) number;
			else
				*(double *) field(settings, row) = number;
			return true;
		default:
			return set_text(settings, row, value, place, error);
	}
}

/* ---- lines -------------------------------------------------------------- */

/*
 * Split "name = value # comment" in place.  A value in single quotes may hold
 * anything; a quote in it is doubled.  Returns 1 for a setting, 0 for an empty
 * line, -1 for neither.
 */
static int
split_line(char *line, char **name, char **value)
{
	char *to;

	while (isspace((unsigned char) *line))
		line++;
	if (*line == '\0' || *line == '#')
		return 0;
	*name = line;
	while (isalnum((unsigned char) *line) || *line == '_')
		line++;
	to = line;
	while (isspace((unsigned char) *line))
		line++;
	if (*line != '=' || to == *name)
		return -1;
	*to = '\0';
	line++;
	while (isspace((unsigned char) *line))
		line++;
	*value = line;
	if (*line == '\'')
	{
		to = line++;
		while (*line != '\0' && (*line != '\'' || line[1] == '\''))
		{
			if (*line == '\'')
				line++;
			*to++ = *line++;
		}
		if (*line++ != '\'')
			return -1;
		*to = '\0';
		while (isspace((unsigned char) *line))
			line++;
		return *line == '\0' || *line == '#' ? 1 : -1;
	}
	line += strcspn(line, "#");
	while (line > *value && isspace((unsigned char) line[-1]))
		line--;
	*line = '\0';
	return 1;
}

/* Values go to the master as JSON, and as paths to runners. */
static bool
is_utf8(const char *line)
{
	size_t left = strlen(line);
	size_t length;

	for (; left > 0; line += length, left -= length)
	{
		length = (unsigned char) *line < 0x80 ? 1 : so_utf8_length((const uint8_t *) line, left);
		if (length == 0)
			return false;
	}
	return true;
}

static void
parse_line(SoSettings *settings, char *line, const char *place, bool *seen,
		   SoSettingsErrors *errors)
{
	const SoSettingRow *row;
	char *name;
	char *value;
	bool is_text = is_utf8(line);
	int kind = split_line(line, &name, &value);
	SoError error;

	if (kind == 0)
		return;
	if (!is_text)
	{
		SoError *wrong = next_error(errors);

		so_error_set(wrong, SO_ERR_AGENT_SETTING_SYNTAX, place, "this line is not UTF-8");
		so_error_hint(wrong, "Save the file as UTF-8; iconv -f latin1 -t utf8 converts it.");
		return;
	}
	if (kind < 0)
	{
		so_error_set(next_error(errors), SO_ERR_AGENT_SETTING_SYNTAX, place,
					 "this line is not a setting");
		return;
	}
	row = find_row(name);
	if (row == NULL)
	{
		const char *nearest = nearest_name(name);
		SoError *unknown = next_error(errors);

		so_error_set(unknown, SO_ERR_AGENT_SETTING_UNKNOWN, place, "unknown setting \"%s\"", name);
		if (nearest != NULL)
			so_error_hint(unknown, "Perhaps you meant %s; correct this line, or remove it.",
						  nearest);
		return;
	}
	if (seen[row - so_setting_rows])
	{
		so_error_set(next_error(errors), SO_ERR_AGENT_SETTING_INVALID, place,
					 "%s is set more than once", row->name);
		return;
	}
	seen[row - so_setting_rows] = true;
	if (!set_value(settings, row, value, place, &error))
		*next_error(errors) = error;
}

static void
set_defaults(SoSettings *settings)
{
	for (size_t i = 0; i < so_setting_row_count; i++)
	{
		SoError error;

		if (!set_value(settings, &so_setting_rows[i], so_setting_rows[i].initial, "default",
					   &error))
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
	char *copy = talloc_strdup(settings, text);
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

SoSettings *
so_settings_load(TALLOC_CTX *context, const char *file, SoSettingsErrors *errors)
{
	char absolute[PATH_MAX];
	char *text;
	FILE *from = NULL;
	size_t size;
	SoSettings *settings;

	errors->count = 0;
	if (realpath(file, absolute) == NULL || (from = fopen(absolute, "re")) == NULL)
	{
		SoError *error = next_error(errors);

		so_error_set(error, SO_ERR_FILE_UNREADABLE, file, "the settings file cannot be read");
		so_error_detail(error, "%s.", strerror(errno));
		so_error_hint(error,
					  "Make one with scaleout-worker init, or name its folder with --directory.");
		return NULL;
	}
	text = talloc_zero_array(context, char, MAX_FILE_SIZE + 1);
	size = fread(text, 1, MAX_FILE_SIZE, from);
	text[size] = '\0';
	if (getc(from) != EOF || strlen(text) < size)
	{
		SoError *error = next_error(errors);

		so_error_set(error, SO_ERR_FILE_UNREADABLE, file, "this is not a settings file");
		if (size == MAX_FILE_SIZE)
			so_error_detail(error, "It has more than %d bytes.", MAX_FILE_SIZE);
		else
			so_error_detail(error, "It contains a zero byte.");
		fclose(from);
		talloc_free(text);
		return NULL;
	}
	fclose(from);
	settings = so_settings_parse(context, text, absolute, errors);
	talloc_free(text);
	return settings;
}

/* ---- comparing and showing ----------------------------------------------- */

static bool
same_value(const SoSettings *a, const SoSettings *b, const SoSettingRow *row)
{
	if (is_text(row))
		return strcmp(*(char **) field(a, row), *(char **) field(b, row)) == 0;
	if (row->kind == SO_SETTING_BOOLEAN)
		return *(bool *) field(a, row) == *(bool *) field(b, row);
	if (row->kind == SO_SETTING_NUMBER)
		return *(double *) field(a, row) == *(double *) field(b, row);
	return *(int64_t *) field(a, row) == *(int64_t *) field(b, row);
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

		if (same_value(old, new, row))
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

		if ((row->flags & SO_SETTING_RELOAD) == 0)
			continue;
		if (is_text(row))
		{
			char **text = field(to, row);

			talloc_free(*text);
			*text = talloc_strdup(to, *(char **) field(from, row));
		}
		else if (row->kind == SO_SETTING_BOOLEAN)
			*(bool *) field(to, row) = *(bool *) field(from, row);
		else if (row->kind == SO_SETTING_NUMBER)
			*(double *) field(to, row) = *(double *) field(from, row);
		else
			*(int64_t *) field(to, row) = *(int64_t *) field(from, row);
	}
}

void
so_settings_quote(FILE *to, const char *value)
{
	bool plain = value[0] != '\0';

	for (const char *at = value; *at != '\0'; at++)
	{
		if (!isalnum((unsigned char) *at) && strchr("._:/-", *at) == NULL)
			plain = false;
	}
	if (plain)
	{
		fputs(value, to);
		return;
	}
	fputc('\'', to);
	for (const char *at = value; *at != '\0'; at++)
	{
		if (*at == '\'')
			fputc('\'', to);
		fputc(*at, to);
	}
	fputc('\'', to);
}

/* The description as comment lines of at most 96 columns. */
static void
write_comment(FILE *to, const char *text)
{
	while (*text != '\0')
	{
		size_t length = strlen(text);

		if (length > 94)
		{
			length = 94;
			while (length > 0 && text[length] != ' ')
				length--;
		}
		fprintf(to, "# %.*s\n", (int) length, text);
		text += length;
		while (*text == ' ')
			text++;
	}
}

void
so_settings_write_sample(FILE *to)
{
	fputs(
		"# Settings of a scaleout worker agent (scaleout-worker).\n"
		"#\n"
		"# The names are those of WorkerSettings.config; Microsoft's spelling is accepted, too.\n"
		"# name = value, or name = 'value'; what stands behind a # is the default.\n"
		"# Durations: hh:mm:ss, d.hh:mm:ss, or a number with a unit (250ms, 30s, 5min, 12h, 7d).\n"
		"# \"Restart\": takes effect at the next start; everything else at SIGHUP.\n"
		"# scaleout-worker init writes a file with what is required.\n",
		to);
	for (size_t i = 0; i < so_setting_row_count; i++)
	{
		const SoSettingRow *row = &so_setting_rows[i];

		if (row->section != NULL)
			fprintf(to, "\n\n# ---- %s ----\n", row->section);
		fputc('\n', to);
		write_comment(to, row->description);
		if (row->alias != NULL)
			fprintf(to, "# Also spelled %s.\n", row->alias);
		if (row->flags & SO_SETTING_REQUIRED)
			fputs("# Required.\n", to);
		if (row->flags & SO_SETTING_UNUSED)
			fputs("# Accepted for compatibility, has no effect.\n", to);
		else if ((row->flags & SO_SETTING_RELOAD) == 0)
			fputs("# Restart.\n", to);
		fprintf(to, "#%s = ", row->name);
		so_settings_quote(to, row->initial);
		fputc('\n', to);
	}
}

void
so_settings_show(const SoSettings *settings, FILE *to)
{
	for (size_t i = 0; i < so_setting_row_count; i++)
	{
		const SoSettingRow *row = &so_setting_rows[i];
		char duration[40];

		fprintf(to, "%s = ", row->name);
		if (is_text(row))
			so_settings_quote(to, *(char **) field(settings, row));
		else if (row->kind == SO_SETTING_BOOLEAN)
			fputs(*(bool *) field(settings, row) ? "true" : "false", to);
		else if (row->kind == SO_SETTING_NUMBER)
			fprintf(to, "%.15g", *(double *) field(settings, row));
		else if (row->kind == SO_SETTING_DURATION)
			fputs(so_duration_format(*(int64_t *) field(settings, row), duration, sizeof(duration)),
				  to);
		else
			fprintf(to, "%" PRId64, *(int64_t *) field(settings, row));
		fputc('\n', to);
	}
}
