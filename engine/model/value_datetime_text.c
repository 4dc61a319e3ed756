/*
 * engine/model/value_datetime_text.c
 *
 * Reads and writes ISO texts of dates and times.  Source: SSIS "Integration Services
 * Data Types", conversion between strings and date types.
 *
 * Process: runner, client, loader.  Pure functions; nothing is shared and nothing
 * is left behind by a crash.
 */
#include "engine/model/value_datetime_text.h"

#include <stdio.h>
#include <string.h>

#include "engine/model/value_datetime.h"

/* ---- reading ----------------------------------------------------------- */

/* Exactly count digits; -1 when they are not there. */
static int
read_digits(const char **at, int count)
{
	int value = 0;

	for (int i = 0; i < count; i++)
	{
		if ((*at)[i] < '0' || (*at)[i] > '9')
			return -1;
		value = value * 10 + ((*at)[i] - '0');
	}
	*at += count;
	return value;
}

/* One or two digits. */
static int
read_short(const char **at)
{
	int first = read_digits(at, 1);

	if (first >= 0 && **at >= '0' && **at <= '9')
		return first * 10 + read_digits(at, 1);
	return first;
}

static bool
read_date(const char **at, SoDateTime *result)
{
	int year = read_digits(at, 4);
	char separator = **at;
	int month;
	int day;

	if (separator == '-' || separator == '/')
	{
		(*at)++;
		month = read_short(at);
		if (**at != separator)
			return false;
		(*at)++;
		day = read_short(at);
	}
	else
	{
		month = read_digits(at, 2);
		day = month < 0 ? -1 : read_digits(at, 2);
	}
	if (year < 1 || month < 1 || month > 12 || day < 1 ||
		day > so_datetime_days_in_month(year, month))
		return false;
	result->days = so_datetime_days(year, month, day);
	return true;
}

static bool
read_fraction(const char **at, int64_t *ticks)
{
	int64_t unit = SO_TICKS_PER_SECOND;
	int count = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++, count++)
	{
		unit /= 10;
		*ticks += (**at - '0') * unit;
	}
	return count >= 1 && count <= 9;
}

static bool
read_time(const char **at, SoDateTime *result)
{
	int hour = read_short(at);
	int minute;
	int second = 0;
	int64_t fraction = 0;

	if (hour < 0 || *(*at)++ != ':')
		return false;
	minute = read_digits(at, 2);
	if (minute < 0)
		return false;
	if (**at == ':')
	{
		(*at)++;
		second = read_digits(at, 2);
		/* The colon before the fraction is how FILETIME is written. */
		if (second >= 0 && (**at == '.' || **at == ',' || **at == ':'))
		{
			(*at)++;
			if (!read_fraction(at, &fraction))
				return false;
		}
	}
	if (hour > 23 || minute > 59 || second < 0 || second > 59)
		return false;
	result->ticks = hour * SO_TICKS_PER_HOUR + minute * SO_TICKS_PER_MINUTE +
					second * SO_TICKS_PER_SECOND + fraction;
	return true;
}

static bool
read_offset(const char **at, SoDateTime *result)
{
	bool negative = **at == '-';
	int hours;
	int minutes = 0;

	if (**at == 'Z' || **at == 'z')
	{
		(*at)++;
		return true;
	}
	(*at)++;
	hours = read_digits(at, 2);
	if (hours < 0)
		return false;
	if (**at == ':')
	{
		(*at)++;
		minutes = read_digits(at, 2);
	}
	else if (**at >= '0' && **at <= '9')
		minutes = read_digits(at, 2);
	if (minutes < 0 || minutes > 59 || hours * 60 + minutes > 14 * 60)
		return false;
	result->offset_minutes = (int16_t) ((hours * 60 + minutes) * (negative ? -1 : 1));
	return true;
}

static void
skip_blanks(const char **at)
{
	while (**at == ' ' || **at == '\t' || **at == '\n' || **at == '\r')
		(*at)++;
}

bool
so_datetime_parse(SoDataType type, const char *text, SoDateTime *result)
{
	const char *at = text;
	bool has_date;
	bool has_time = false;

	memset(result, 0, sizeof(*result));
	skip_blanks(&at);
	has_date = !(at[0] != '\0' && (at[1] == ':' || (at[1] != '\0' && at[2] == ':')));
	if (has_date)
	{
		if (!read_date(&at, result))
			return false;
		if ((*at == 'T' || *at == 't') && at[1] >= '0' && at[1] <= '9')
			at++;
		else
			skip_blanks(&at);
	}
	if (*at >= '0' && *at <= '9')
	{
		if (!read_time(&at, result))
			return false;
		has_time = true;
		skip_blanks(&at);
		if ((*at == '+' || *at == '-' || *at == 'Z' || *at == 'z') && !read_offset(&at, result))
			return false;
		skip_blanks(&at);
	}
	if (*at != '\0')
		return false;
	if ((so_datetime_has_date(type) && !has_date) || (!so_datetime_has_date(type) && !has_time))
		return false;
	if (type != SO_TYPE_DBTIMESTAMPOFFSET && result->offset_minutes != 0)
	{
		if (!so_datetime_to_utc(result))
			return false;
	}
	if (!so_datetime_has_date(type))
		result->days = 0;
	if (!so_datetime_has_time(type))
		result->ticks = 0;
	so_datetime_cut(result, so_datetime_max_scale(type));
	return true;
}

/* ---- writing ----------------------------------------------------------- */

const char *
so_datetime_form(SoDataType type)
{
	switch (type)
	{
		case SO_TYPE_DBDATE:
			return "yyyy-mm-dd";
		case SO_TYPE_DBTIME:
			return "hh:mm:ss";
		case SO_TYPE_DBTIME2:
			return "hh:mm:ss[.fffffff]";
		case SO_TYPE_DBTIMESTAMP:
			return "yyyy-mm-dd hh:mm:ss[.fff]";
		case SO_TYPE_DBTIMESTAMPOFFSET:
			return "yyyy-mm-dd hh:mm:ss[.fffffff] {+|-}hh:mm";
		default:
			return "yyyy-mm-dd hh:mm:ss[.fffffff]";
	}
}

/* Exactly digits fractional digits, or with digits < 0 as many as needed. */
static char *
write_fraction(char *out, int64_t fraction, int digits)
{
	char text[16];

	snprintf(text, sizeof(text), "%07d", (int) fraction);
	if (digits < 0)
	{
		digits = 7;
		while (digits > 0 && text[digits - 1] == '0')
			digits--;
	}
	if (digits == 0)
		return out;
	*out++ = '.';
	memcpy(out, text, (size_t) digits);
	return out + digits;
}

char *
so_datetime_format(SoDataType type, const SoDateTime *datetime, int scale,
				   char buffer[SO_DATETIME_TEXT_SIZE])
{
	char *out = buffer;
	char *end = buffer + SO_DATETIME_TEXT_SIZE;
	int64_t ticks = datetime->ticks;
	int year;
	int month;
	int day;

	if (so_datetime_has_date(type))
	{
		so_datetime_civil(datetime->days, &year, &month, &day);
		out += snprintf(out, (size_t) (end - out), "%04d-%02d-%02d", year, month, day);
		if (so_datetime_has_time(type))
			*out++ = ' ';
	}
	if (so_datetime_has_time(type))
	{
		bool fixed = type == SO_TYPE_DBTIME2 || type == SO_TYPE_DBTIMESTAMP2 ||
					 type == SO_TYPE_DBTIMESTAMPOFFSET;

		out += snprintf(out, (size_t) (end - out), "%02d:%02d:%02d",
						(int) (ticks / SO_TICKS_PER_HOUR), (int) (ticks / SO_TICKS_PER_MINUTE % 60),
						(int) (ticks / SO_TICKS_PER_SECOND % 60));
		if (type == SO_TYPE_DBTIMESTAMP)
		{
			fixed = true;
			scale = ticks % SO_TICKS_PER_SECOND != 0 ? 3 : 0;
		}
		out = write_fraction(out, ticks % SO_TICKS_PER_SECOND, fixed ? scale : -1);
	}
	if (type == SO_TYPE_DBTIMESTAMPOFFSET)
	{
		int offset = datetime->offset_minutes;
		int size = offset < 0 ? -offset : offset;

		out += snprintf(out, (size_t) (end - out), " %c%02d:%02d", offset < 0 ? '-' : '+',
						size / 60, size % 60);
	}
	*out = '\0';
	return buffer;
}
