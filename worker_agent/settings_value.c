/*
 * worker_agent/settings_value.c
 *
 * Reads, compares, copies and writes the value of a setting by its kind.
 *
 * Process: agent; no state of its own: what it changes belongs to the settings that
 * are being made.
 */
#include "worker_agent/settings_value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/duration.h"
#include "common/thumbprint.h"
#include "common/uuid.h"
#include "worker_agent/endpoint.h"
#include "worker_agent/master_client.h"
#include "worker_agent/settings_line.h"

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
	SoError reason;
	int count;
	char what[sizeof(reason.message) + 100];

	if (so_thumbprint_parse_list(value, NULL, SO_PINS_MAX, &count, &reason))
		return true;
	snprintf(what, sizeof(what),
			 "A thumbprint has 64 hexadecimal digits; several are separated by commas: %s",
			 reason.message);
	return invalid_value(row, value, place, error, what);
}

/* Is value one of the words of a list "a, b, c"? */
static bool
is_choice(const char *choices, const char *value)
{
	size_t length = strlen(value);

	for (const char *at = choices;; at += strspn(at, ", "))
	{
		size_t part = strcspn(at, ",");

		if (part == length && strncmp(at, value, length) == 0)
			return length > 0;
		at += part;
		if (*at == '\0')
			return false;
	}
}

/* Is value a good one of the kind?  An empty one stands for none. */
static bool
check_text(const SoSettingRow *row, const char *value, const char *place, SoError *error)
{
	SoEndpointList list;
	SoError reason;
	SoUuid uuid;
	char what[200];

	if (row->kind == SO_SETTING_CHOICE && !is_choice(row->choices, value))
	{
		snprintf(what, sizeof(what), "It must be one of %s", row->choices);
		return invalid_value(row, value, place, error, what);
	}
	if (value[0] == '\0')
		return true;
	if (row->kind == SO_SETTING_UUID && !so_uuid_parse(value, &uuid))
		return invalid_value(row, value, place, error, "It must be a UUID");
	if (row->kind == SO_SETTING_THUMBPRINTS)
		return check_thumbprints(row, value, place, error);
	if (row->kind == SO_SETTING_ENDPOINTS && !so_endpoint_parse_list(value, &list, &reason))
		return invalid_value(row, value, place, error, reason.message);
	return true;
}

static bool
set_text(SoSettings *settings, const SoSettingRow *row, const char *value, const char *place,
		 SoError *error)
{
	char **to = field(settings, row);
	char canonical[SO_UUID_TEXT_SIZE];
	SoUuid uuid;

	if (!check_text(row, value, place, error))
		return false;
	if (row->kind == SO_SETTING_UUID && so_uuid_parse(value, &uuid))
		value = so_uuid_format(&uuid, canonical);
	talloc_free(*to);
	*to = talloc_strdup(settings, value);
	return true;
}

static bool
set_number(SoSettings *settings, const SoSettingRow *row, const char *value, const char *place,
		   SoError *error)
{
	bool whole = row->kind == SO_SETTING_INTEGER;
	double number;
	char *end;

	errno = 0;
	number = strtod(value, &end);
	if (end == value || *end != '\0' || errno != 0 || number - number != 0)
		return invalid_value(row, value, place, error, "It must be a number");
	if (whole && (number < -9e15 || number > 9e15 || number != (double) (int64_t) number))
		return invalid_value(row, value, place, error, "It must be a whole number");
	if (!check_range(row, number, value, place, error))
		return false;
	if (whole)
		*(int64_t *) field(settings, row) = (int64_t) number;
	else
		*(double *) field(settings, row) = number;
	return true;
}

static bool
set_duration(SoSettings *settings, const SoSettingRow *row, const char *value, const char *place,
			 SoError *error)
{
	int64_t milliseconds;

	if (!so_duration_parse(value, row->name, &milliseconds, NULL))
		return invalid_value(
			row, value, place, error,
			"Write hh:mm:ss, d.hh:mm:ss or a number with a unit, such as 30s or 5min");
	if (!check_range(row, (double) milliseconds, value, place, error))
		return false;
	*(int64_t *) field(settings, row) = milliseconds;
	return true;
}

static bool
set_value(SoSettings *settings, const SoSettingRow *row, const char *value, const char *place,
		  SoError *error)
{
	if (is_text(row))
		return set_text(settings, row, value, place, error);
	if (row->kind == SO_SETTING_DURATION)
		return set_duration(settings, row, value, place, error);
	if (row->kind != SO_SETTING_BOOLEAN)
		return set_number(settings, row, value, place, error);
	return parse_boolean(value, field(settings, row)) ||
		   invalid_value(row, value, place, error, "It must be true or false");
}

bool
so_setting_value_set(SoSettings *settings, const SoSettingRow *row, const char *text,
					 const char *place, SoError *error)
{
	if (text[0] == '\0' && (row->flags & SO_SETTING_REQUIRED))
		return invalid_value(row, text, place, error, "It must not be empty");
	return set_value(settings, row, text, place, error);
}

bool
so_setting_value_set_default(SoSettings *settings, const SoSettingRow *row, SoError *error)
{
	return set_value(settings, row, row->initial, "default", error);
}

bool
so_setting_value_same(const SoSettings *a, const SoSettings *b, const SoSettingRow *row)
{
	if (is_text(row))
		return strcmp(*(char **) field(a, row), *(char **) field(b, row)) == 0;
	if (row->kind == SO_SETTING_BOOLEAN)
		return *(bool *) field(a, row) == *(bool *) field(b, row);
	if (row->kind == SO_SETTING_NUMBER)
		return *(double *) field(a, row) == *(double *) field(b, row);
	return *(int64_t *) field(a, row) == *(int64_t *) field(b, row);
}

void
so_setting_value_copy(SoSettings *to, const SoSettings *from, const SoSettingRow *row)
{
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

void
so_setting_value_write(const SoSettings *settings, const SoSettingRow *row, FILE *to)
{
	char duration[40];

	if (is_text(row))
		so_setting_line_quote(to, *(char **) field(settings, row));
	else if (row->kind == SO_SETTING_BOOLEAN)
		fputs(*(bool *) field(settings, row) ? "true" : "false", to);
	else if (row->kind == SO_SETTING_NUMBER)
		fprintf(to, "%.15g", *(double *) field(settings, row));
	else if (row->kind == SO_SETTING_DURATION)
		fputs(so_duration_format(*(int64_t *) field(settings, row), duration, sizeof(duration)),
			  to);
	else
		fprintf(to, "%" PRId64, *(int64_t *) field(settings, row));
}
