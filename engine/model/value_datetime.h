/*
 * engine/model/value_datetime.h
 *
 * Dates and times: the calendar, and the changes that a conversion between two
 * date types makes.  Proleptic Gregorian calendar, years 1 to 9999.
 *
 * Process: runner, client, loader.
 */
#ifndef ENGINE_MODEL_VALUE_DATETIME_H
#define ENGINE_MODEL_VALUE_DATETIME_H

#include "engine/model/value.h"

#define SO_TICKS_PER_SECOND INT64_C(10000000)
#define SO_TICKS_PER_MINUTE (60 * SO_TICKS_PER_SECOND)
#define SO_TICKS_PER_HOUR   (60 * SO_TICKS_PER_MINUTE)
#define SO_TICKS_PER_DAY    (24 * SO_TICKS_PER_HOUR)

/* 1899-12-30, day 0 of DT_DATE, as days since 1970-01-01. */
#define SO_DATETIME_OLE_EPOCH (-25569)

/* Date types; those with a date, those with a time of day. */
extern bool so_datetime_is_type(SoDataType type);
extern bool so_datetime_has_date(SoDataType type);
extern bool so_datetime_has_time(SoDataType type);

/* Fractional digits that a type can hold (0, 3 or 7), and that it has when none are given. */
extern int so_datetime_max_scale(SoDataType type);

extern int so_datetime_days_in_month(int year, int month);

/* Days since 1970-01-01; the caller has checked year, month and day. */
extern int32_t so_datetime_days(int year, int month, int day);
extern void so_datetime_civil(int32_t days, int *year, int *month, int *day);

/* The day lies in the years 1 to 9999. */
extern bool so_datetime_in_range(int64_t days);

/* Microseconds since 1970 as UTC, and as the local time of this process (TZ). */
extern SoDateTime so_datetime_from_clock(int64_t microseconds);
extern SoDateTime so_datetime_from_clock_local(int64_t microseconds);

/* The same moment with offset 0; false when it leaves the range. */
extern bool so_datetime_to_utc(SoDateTime *datetime) SO_WARN_UNUSED;

/* Order by date, then time; offsets are ignored. */
extern int so_datetime_compare(const SoDateTime *left, const SoDateTime *right);

/* Cut the fraction of a second to scale digits. */
extern void so_datetime_cut(SoDateTime *datetime, int scale);

/*
 * Turn a value of type from into one of type to.  A time becomes a date or
 * timestamp of today (local, from now_microseconds).  false when the result
 * leaves the years 1 to 9999.
 */
extern bool so_datetime_adapt(SoDateTime *datetime, SoDataType from, SoDataType to, int scale,
							  int64_t now_microseconds) SO_WARN_UNUSED;

/* Day number as DT_DATE counts (1899-12-30 = 0), and back; false when out of range. */
extern double so_datetime_to_ole(const SoDateTime *datetime);
extern bool so_datetime_from_ole(double number, SoDateTime *result) SO_WARN_UNUSED;

#endif /* ENGINE_MODEL_VALUE_DATETIME_H */
