/*
 * common/duration.c
 *
 * Reads and writes durations; see duration.h.
 *
 * Process: all of them; no state.
 */
#include "common/duration.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS_PER_SECOND INT64_C(1000)
#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_HOUR   (60 * MS_PER_MINUTE)
#define MS_PER_DAY    (24 * MS_PER_HOUR)
#define MAX_DAYS      36500

/* Digits at *text, at most limit; moves *text past them. */
static bool
read_number(const char **text, int64_t limit, int64_t *value)
{
	int64_t result = 0;

	if (!isdigit((unsigned char) **text))
		return false;
	while (isdigit((unsigned char) **text))
	{
		result = result * 10 + (**text - '0');
		if (result > limit)
			return false;
		(*text)++;
	}
	*value = result;
	return true;
}

/* [d.]hh:mm:ss[.fff] */
static bool
parse_clock_form(const char *text, int64_t *milliseconds)
{
	int64_t days = 0;
	int64_t hours;
	int64_t minutes;
	int64_t seconds;
	int64_t fraction = 0;

	if (!read_number(&text, MAX_DAYS, &hours))
		return false;
	if (*text == '.')
	{
		days = hours;
		text++;
		if (!read_number(&text, 23, &hours))
			return false;
	}
	if (*text++ != ':' || !read_number(&text, 59, &minutes) || *text++ != ':' ||
		!read_number(&text, 59, &seconds))
		return false;
	if (*text == '.')
	{
		int64_t scale = 100;

		for (text++; isdigit((unsigned char) *text); text++, scale /= 10)
			fraction += (*text - '0') * scale;
	}
	if (*text != '\0' || (days == 0 && hours > 23 * 100))
		return false;
	*milliseconds = days * MS_PER_DAY + hours * MS_PER_HOUR + minutes * MS_PER_MINUTE +
					seconds * MS_PER_SECOND + fraction;
	return true;
}

static bool
parse_unit_form(const char *text, int64_t *milliseconds)
{
	static const struct
	{
		const char *unit;
		int64_t factor;
	} units[] = {
		{"ms", 1},          {"s", MS_PER_SECOND}, {"min", MS_PER_MINUTE},
		{"h", MS_PER_HOUR}, {"d", MS_PER_DAY},
	};
	int64_t number;

	if (!read_number(&text, INT64_C(1000) * MS_PER_DAY, &number))
		return false;
	while (*text == ' ')
		text++;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
	{
		if (strcmp(text, units[i].unit) == 0)
		{
			if (number > MAX_DAYS * MS_PER_DAY / units[i].factor)
				return false;
			*milliseconds = number * units[i].factor;
			return true;
		}
	}
	return false;
}

bool
so_duration_parse(const char *text, const char *what, int64_t *milliseconds, SoError *error)
{
	if (parse_clock_form(text, milliseconds) || parse_unit_form(text, milliseconds))
		return true;
	return so_error_set(error, SO_ERR_INVALID_DURATION, what, "\"%s\" is not a duration", text);
}

char *
so_duration_format(int64_t milliseconds, char *buffer, size_t size)
{
	int64_t days = milliseconds / MS_PER_DAY;
	int64_t rest = milliseconds % MS_PER_DAY;
	int64_t fraction = rest % MS_PER_SECOND;
	int used = 0;

	if (days > 0)
		used = snprintf(buffer, size, "%" PRId64 ".", days);
	used += snprintf(buffer + used, size - (size_t) used, "%02" PRId64 ":%02" PRId64 ":%02" PRId64,
					 rest / MS_PER_HOUR, rest % MS_PER_HOUR / MS_PER_MINUTE,
					 rest % MS_PER_MINUTE / MS_PER_SECOND);
	if (fraction > 0)
		snprintf(buffer + used, size - (size_t) used, ".%03" PRId64, fraction);
	return buffer;
}
