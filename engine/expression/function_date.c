/*
 * engine/expression/function_date.c
 *
 * Date functions.  Source: SSIS "DATEADD", "DATEDIFF", "DATEPART", "GETDATE".
 * Weeks begin on Sunday and week 1 is the one with January 1st, as on a US
 * English SQL Server.
 *
 * Process: runner, client, loader.  Works on the caller's evaluation only;
 * nothing is shared and nothing is left behind by a crash.
 */
#include "engine/expression/function_date.h"

#include <string.h>
#include <strings.h>

#include "common/nearest.h"
#include "engine/expression/function.h"
#include "engine/model/value_datetime.h"

static const struct
{
	const char *name;
	SoExpressionDatePart part;
} part_names[] = {
	{"Year", SO_DATE_PART_YEAR},       {"yy", SO_DATE_PART_YEAR},
	{"yyyy", SO_DATE_PART_YEAR},       {"Quarter", SO_DATE_PART_QUARTER},
	{"qq", SO_DATE_PART_QUARTER},      {"q", SO_DATE_PART_QUARTER},
	{"Month", SO_DATE_PART_MONTH},     {"mm", SO_DATE_PART_MONTH},
	{"m", SO_DATE_PART_MONTH},         {"Dayofyear", SO_DATE_PART_DAY_OF_YEAR},
	{"dy", SO_DATE_PART_DAY_OF_YEAR},  {"y", SO_DATE_PART_DAY_OF_YEAR},
	{"Day", SO_DATE_PART_DAY},         {"dd", SO_DATE_PART_DAY},
	{"d", SO_DATE_PART_DAY},           {"Week", SO_DATE_PART_WEEK},
	{"wk", SO_DATE_PART_WEEK},         {"ww", SO_DATE_PART_WEEK},
	{"Weekday", SO_DATE_PART_WEEKDAY}, {"dw", SO_DATE_PART_WEEKDAY},
	{"w", SO_DATE_PART_WEEKDAY},       {"Hour", SO_DATE_PART_HOUR},
	{"hh", SO_DATE_PART_HOUR},         {"Minute", SO_DATE_PART_MINUTE},
	{"mi", SO_DATE_PART_MINUTE},       {"n", SO_DATE_PART_MINUTE},
	{"Second", SO_DATE_PART_SECOND},   {"ss", SO_DATE_PART_SECOND},
	{"s", SO_DATE_PART_SECOND},        {"Millisecond", SO_DATE_PART_MILLISECOND},
	{"ms", SO_DATE_PART_MILLISECOND},
};

#define PART_NAME_COUNT (sizeof(part_names) / sizeof(part_names[0]))

SoExpressionDatePart
so_expression_function_date_part_from_name(const char *name)
{
	for (size_t i = 0; i < PART_NAME_COUNT; i++)
	{
		if (strcasecmp(name, part_names[i].name) == 0)
			return part_names[i].part;
	}
	return SO_DATE_PART_NONE;
}

const char *
so_expression_function_date_part_nearest(const char *name)
{
	SoNearest nearest;

	so_nearest_begin(&nearest, name);
	for (size_t i = 0; i < PART_NAME_COUNT; i++)
	{
		/* Abbreviations are near to everything short. */
		if (strlen(part_names[i].name) > 2)
			so_nearest_offer(&nearest, part_names[i].name);
	}
	return nearest.name;
}

static bool
out_of_calendar(SoExpressionState *state, const SoExpressionNode *node)
{
	return so_expression_evaluate_problem(state, node, SO_ERR_VALUE_OUT_OF_RANGE,
										  "the result of %s lies outside the years 1 to 9999",
										  node->function->name);
}

/* Any date type as a timestamp; a time of day is one of today. */
static bool
timestamp_of(SoExpressionState *state, const SoExpressionNode *node, const SoValue *value,
			 SoDateTime *result)
{
	*result = value->as.datetime;
	if (!so_datetime_adapt(result, value->type, SO_TYPE_DBTIMESTAMP, 3,
						   so_datetime_has_date(value->type) ? 0
															 : so_expression_evaluate_clock(state)))
		return out_of_calendar(state, node);
	return true;
}

/* ---- DATEADD ------------------------------------------------------------ */

/* The day is cut to the length of the month that it comes to lie in. */
static bool
add_months(SoDateTime *date, int64_t months)
{
	int year;
	int month;
	int day;
	int64_t total;
	int length;

	so_datetime_civil(date->days, &year, &month, &day);
	if (months < -120000 || months > 120000)
		return false;
	total = (int64_t) year * 12 + (month - 1) + months;
	if (total < 12 || total >= INT64_C(10000) * 12)
		return false;
	year = (int) (total / 12);
	month = (int) (total % 12) + 1;
	length = so_datetime_days_in_month(year, month);
	date->days = so_datetime_days(year, month, day < length ? day : length);
	return true;
}

/* count units of the given number of ticks (a divisor or a multiple of a day). */
static bool
add_ticks(SoDateTime *date, int64_t count, int64_t unit)
{
	__int128 ticks = (__int128) count * unit + date->ticks;
	__int128 days = ticks / SO_TICKS_PER_DAY;
	__int128 rest = ticks % SO_TICKS_PER_DAY;

	if (rest < 0)
	{
		rest += SO_TICKS_PER_DAY;
		days--;
	}
	days += date->days;
	if (days < INT32_MIN || days > INT32_MAX || !so_datetime_in_range((int64_t) days))
		return false;
	date->days = (int32_t) days;
	date->ticks = (int64_t) rest;
	return true;
}

/* Ticks of a part of constant length; 0 for months and longer ones. */
static int64_t
part_ticks(SoExpressionDatePart part)
{
	switch (part)
	{
		case SO_DATE_PART_WEEK:
			return 7 * SO_TICKS_PER_DAY;
		case SO_DATE_PART_DAY:
		case SO_DATE_PART_DAY_OF_YEAR:
		case SO_DATE_PART_WEEKDAY:
			return SO_TICKS_PER_DAY;
		case SO_DATE_PART_HOUR:
			return SO_TICKS_PER_HOUR;
		case SO_DATE_PART_MINUTE:
			return SO_TICKS_PER_MINUTE;
		case SO_DATE_PART_SECOND:
			return SO_TICKS_PER_SECOND;
		case SO_DATE_PART_MILLISECOND:
			return SO_TICKS_PER_SECOND / 1000;
		default:
			return 0;
	}
}

bool
so_expression_function_date_add(SoExpressionState *state, const SoExpressionNode *node,
								const SoValue *arguments, SoValue *result)
{
	int64_t count = arguments[1].as.integer;
	int64_t unit = part_ticks((SoExpressionDatePart) node->date_part);
	int64_t months = node->date_part == SO_DATE_PART_YEAR      ? 12
					 : node->date_part == SO_DATE_PART_QUARTER ? 3
															   : 1;
	SoDateTime date;
	bool fits;

	if (!timestamp_of(state, node, &arguments[2], &date))
		return false;
	if (unit != 0)
		fits = add_ticks(&date, count, unit);
	else
		fits = !__builtin_mul_overflow(count, months, &months) && add_months(&date, months);
	if (!fits)
		return out_of_calendar(state, node);
	*result = so_value_datetime(SO_TYPE_DBTIMESTAMP, &date, 3);
	return true;
}

/* ---- DATEDIFF ----------------------------------------------------------- */

static int64_t
floor_divide(int64_t value, int64_t divisor)
{
	int64_t quotient = value / divisor;

	return value % divisor < 0 ? quotient - 1 : quotient;
}

/* The number of the unit that a moment lies in, so that differences count boundaries. */
static int64_t
unit_number(SoExpressionDatePart part, const SoDateTime *date)
{
	int64_t unit = part_ticks(part);
	int year;
	int month;
	int day;

	if (part == SO_DATE_PART_WEEK)
		return floor_divide((int64_t) date->days + 4, 7); /* 1970-01-01 was a Thursday */
	if (unit == SO_TICKS_PER_DAY)
		return date->days;
	if (unit != 0)
		return date->days * (SO_TICKS_PER_DAY / unit) + date->ticks / unit;
	so_datetime_civil(date->days, &year, &month, &day);
	if (part == SO_DATE_PART_YEAR)
		return year;
	if (part == SO_DATE_PART_QUARTER)
		return (int64_t) year * 4 + (month - 1) / 3;
	return (int64_t) year * 12 + month;
}

bool
so_expression_function_date_difference(SoExpressionState *state, const SoExpressionNode *node,
									   const SoValue *arguments, SoValue *result)
{
	SoExpressionDatePart part = (SoExpressionDatePart) node->date_part;
	SoDateTime from;
	SoDateTime to;
	int64_t difference;

	if (!timestamp_of(state, node, &arguments[1], &from) ||
		!timestamp_of(state, node, &arguments[2], &to))
		return false;
	difference = unit_number(part, &to) - unit_number(part, &from);
	if (difference < INT32_MIN || difference > INT32_MAX)
	{
		so_expression_evaluate_problem(state, node, SO_ERR_VALUE_OUT_OF_RANGE,
									   "the difference does not fit into DT_I4");
		return so_error_hint(state->error, "Use a larger date part.");
	}
	*result = so_value_integer(SO_TYPE_I4, difference);
	return true;
}

/* ---- DATEPART ----------------------------------------------------------- */

static int
part_value(SoExpressionDatePart part, const SoDateTime *date)
{
	int year;
	int month;
	int day;
	int january;
	/* 0 is Sunday. */
	int weekday = (int) (floor_divide((int64_t) date->days + 4, 7) * -7 + date->days + 4);

	so_datetime_civil(date->days, &year, &month, &day);
	january = so_datetime_days(year, 1, 1);
	switch (part)
	{
		case SO_DATE_PART_YEAR:
			return year;
		case SO_DATE_PART_QUARTER:
			return (month + 2) / 3;
		case SO_DATE_PART_MONTH:
			return month;
		case SO_DATE_PART_DAY_OF_YEAR:
			return date->days - january + 1;
		case SO_DATE_PART_DAY:
			return day;
		case SO_DATE_PART_WEEK:
			return (int) (floor_divide((int64_t) date->days + 4, 7) -
						  floor_divide((int64_t) january + 4, 7)) +
				   1;
		case SO_DATE_PART_WEEKDAY:
			return weekday + 1;
		case SO_DATE_PART_HOUR:
			return (int) (date->ticks / SO_TICKS_PER_HOUR);
		case SO_DATE_PART_MINUTE:
			return (int) (date->ticks / SO_TICKS_PER_MINUTE % 60);
		case SO_DATE_PART_SECOND:
			return (int) (date->ticks / SO_TICKS_PER_SECOND % 60);
		default:
			return (int) (date->ticks / (SO_TICKS_PER_SECOND / 1000) % 1000);
	}
}

/* Of a value with an offset the fields are read as they are written. */
static bool
part_of_date(SoExpressionState *state, const SoExpressionNode *node, SoExpressionDatePart part,
			 const SoValue *value, SoValue *result)
{
	SoDateTime date = value->as.datetime;

	if (value->type != SO_TYPE_DBTIMESTAMPOFFSET && !timestamp_of(state, node, value, &date))
		return false;
	*result = so_value_integer(SO_TYPE_I4, part_value(part, &date));
	return true;
}

bool
so_expression_function_date_part(SoExpressionState *state, const SoExpressionNode *node,
								 const SoValue *arguments, SoValue *result)
{
	return part_of_date(state, node, (SoExpressionDatePart) node->date_part, &arguments[1], result);
}

bool
so_expression_function_date_day(SoExpressionState *state, const SoExpressionNode *node,
								const SoValue *arguments, SoValue *result)
{
	return part_of_date(state, node, SO_DATE_PART_DAY, &arguments[0], result);
}

bool
so_expression_function_date_month(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result)
{
	return part_of_date(state, node, SO_DATE_PART_MONTH, &arguments[0], result);
}

bool
so_expression_function_date_year(SoExpressionState *state, const SoExpressionNode *node,
								 const SoValue *arguments, SoValue *result)
{
	return part_of_date(state, node, SO_DATE_PART_YEAR, &arguments[0], result);
}

/* ---- clock -------------------------------------------------------------- */

bool
so_expression_function_date_getdate(SoExpressionState *state, const SoExpressionNode *node,
									const SoValue *arguments, SoValue *result)
{
	SoDateTime now = so_datetime_from_clock_local(so_expression_evaluate_clock(state));

	(void) node;
	(void) arguments;
	so_datetime_cut(&now, 3);
	*result = so_value_datetime(SO_TYPE_DBTIMESTAMP, &now, 3);
	return true;
}

bool
so_expression_function_date_getutcdate(SoExpressionState *state, const SoExpressionNode *node,
									   const SoValue *arguments, SoValue *result)
{
	SoDateTime now = so_datetime_from_clock(so_expression_evaluate_clock(state));

	(void) node;
	(void) arguments;
	so_datetime_cut(&now, 3);
	*result = so_value_datetime(SO_TYPE_DBTIMESTAMP, &now, 3);
	return true;
}
