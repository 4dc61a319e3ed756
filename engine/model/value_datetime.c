/*
 * engine/model/value_datetime.c
 *
 * The calendar, and conversions between the date types.  Source: SSIS "Integration
 * Services Data Types", conversion between date types.
 *
 * Process: runner, client, loader.  Pure functions (the time zone is the
 * process's); nothing is shared and nothing is left behind by a crash.
 */
#include "engine/model/value_datetime.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* 0001-01-01 and 9999-12-31 as days since 1970-01-01. */
#define FIRST_DAY (-719162)
#define LAST_DAY  2932896

bool
so_datetime_is_type(SoDataType type)
{
	return type >= SO_TYPE_DATE && type <= SO_TYPE_FILETIME;
}

bool
so_datetime_has_date(SoDataType type)
{
	return so_datetime_is_type(type) && type != SO_TYPE_DBTIME && type != SO_TYPE_DBTIME2;
}

bool
so_datetime_has_time(SoDataType type)
{
	return so_datetime_is_type(type) && type != SO_TYPE_DBDATE;
}

int
so_datetime_max_scale(SoDataType type)
{
	switch (type)
	{
		case SO_TYPE_DBDATE:
		case SO_TYPE_DBTIME:
			return 0;
		case SO_TYPE_DBTIMESTAMP:
			return 3;
		default:
			return 7;
	}
}

static bool
is_leap_year(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int
so_datetime_days_in_month(int year, int month)
{
	static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

/* Years are counted from March, so that the leap day is a year's last. */
int32_t
so_datetime_days(int year, int month, int day)
{
	int shifted = month <= 2 ? year - 1 : year;
	int era = (shifted >= 0 ? shifted : shifted - 399) / 400;
	int year_of_era = shifted - era * 400;
	int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

void
so_datetime_civil(int32_t days, int *year, int *month, int *day)
{
	int shifted = days + 719468;
	int era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int day_of_era = shifted - era * 146097;
	int year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int march_month = (5 * day_of_year + 2) / 153;

	*day = day_of_year - (153 * march_month + 2) / 5 + 1;
	*month = march_month + (march_month < 10 ? 3 : -9);
	*year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

bool
so_datetime_in_range(int64_t days)
{
	return days >= FIRST_DAY && days <= LAST_DAY;
}

/* Split a count of ticks since 1970 into days and ticks of the day. */
static SoDateTime
from_ticks(int64_t ticks)
{
	SoDateTime result = {0, 0, 0};
	int64_t days = ticks / SO_TICKS_PER_DAY;
	int64_t rest = ticks % SO_TICKS_PER_DAY;

	if (rest < 0)
	{
		rest += SO_TICKS_PER_DAY;
		days--;
	}
	result.days = (int32_t) days;
	result.ticks = rest;
	return result;
}

SoDateTime
so_datetime_from_clock(int64_t microseconds)
{
	return from_ticks(microseconds * 10);
}

SoDateTime
so_datetime_from_clock_local(int64_t microseconds)
{
	SoDateTime utc = so_datetime_from_clock(microseconds);
	time_t seconds = (time_t) (microseconds / 1000000);
	struct tm local;

	if (microseconds % 1000000 < 0)
		seconds--;
	if (localtime_r(&seconds, &local) == NULL)
		return utc;
	return from_ticks(microseconds * 10 + local.tm_gmtoff * SO_TICKS_PER_SECOND);
}

bool
so_datetime_to_utc(SoDateTime *datetime)
{
	int64_t ticks = datetime->ticks - datetime->offset_minutes * SO_TICKS_PER_MINUTE;
	int64_t days = datetime->days;

	if (ticks < 0)
	{
		ticks += SO_TICKS_PER_DAY;
		days--;
	}
	else if (ticks >= SO_TICKS_PER_DAY)
	{
		ticks -= SO_TICKS_PER_DAY;
		days++;
	}
	if (!so_datetime_in_range(days))
		return false;
	datetime->days = (int32_t) days;
	datetime->ticks = ticks;
	datetime->offset_minutes = 0;
	return true;
}

int
so_datetime_compare(const SoDateTime *left, const SoDateTime *right)
{
	if (left->days != right->days)
		return left->days < right->days ? -1 : 1;
	if (left->ticks != right->ticks)
		return left->ticks < right->ticks ? -1 : 1;
	return 0;
}

void
so_datetime_cut(SoDateTime *datetime, int scale)
{
	int64_t unit = 1;

	for (int i = scale; i < 7; i++)
		unit *= 10;
	datetime->ticks -= datetime->ticks % unit;
}

/* ---- conversions ------------------------------------------------------- */

bool
so_datetime_adapt(SoDateTime *datetime, SoDataType from, SoDataType to, int scale,
				  int64_t now_microseconds)
{
	if (from == SO_TYPE_DBTIMESTAMPOFFSET && to != SO_TYPE_DBTIMESTAMPOFFSET)
	{
		if (!so_datetime_to_utc(datetime))
			return false;
	}
	if (so_datetime_has_date(to) && !so_datetime_has_date(from))
		datetime->days = so_datetime_from_clock_local(now_microseconds).days;
	if (!so_datetime_has_date(to))
		datetime->days = 0;
	if (!so_datetime_has_time(to))
		datetime->ticks = 0;
	if (to != SO_TYPE_DBTIMESTAMPOFFSET)
		datetime->offset_minutes = 0;
	so_datetime_cut(datetime,
					scale < so_datetime_max_scale(to) ? scale : so_datetime_max_scale(to));
	return so_datetime_in_range(datetime->days);
}

/* The fraction counts away from day 0 in both directions, as in OLE Automation. */
double
so_datetime_to_ole(const SoDateTime *datetime)
{
	double day = (double) datetime->days - SO_DATETIME_OLE_EPOCH;
	double fraction = (double) datetime->ticks / (double) SO_TICKS_PER_DAY;

	return day < 0 ? day - fraction : day + fraction;
}

bool
so_datetime_from_ole(double number, SoDateTime *result)
{
	double day;
	double fraction = fabs(modf(number, &day));
	int64_t microseconds;
	int64_t days;

	memset(result, 0, sizeof(*result));
	if (!isfinite(number) || fabs(day) > 4000000)
		return false;
	/* A double holds a day to about a microsecond. */
	microseconds = (int64_t) (fraction * 86400e6 + 0.5);
	days = (int64_t) day + SO_DATETIME_OLE_EPOCH;
	if (microseconds >= INT64_C(86400000000))
	{
		microseconds -= INT64_C(86400000000);
		days++;
	}
	if (!so_datetime_in_range(days))
		return false;
	result->days = (int32_t) days;
	result->ticks = microseconds * 10;
	return true;
}
