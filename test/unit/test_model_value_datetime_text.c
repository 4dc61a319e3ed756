/*
 * test/unit/test_model_value_datetime_text.c
 *
 * Dates and times as texts: every form, every mistake, the edges of the calendar.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "engine/model/value_datetime.h"
#include "engine/model/value_datetime_text.h"

static void
test_parse(void **state)
{
	static const struct
	{
		SoDataType type;
		const char *text;
		const char *written; /* NULL: refused */
	} rows[] = {
		{SO_TYPE_DBDATE, "2026-03-01", "2026-03-01"},
		{SO_TYPE_DBDATE, "2026/3/1", "2026-03-01"},
		{SO_TYPE_DBDATE, "20260301", "2026-03-01"},
		{SO_TYPE_DBDATE, "  2026-03-01\t", "2026-03-01"},
		{SO_TYPE_DBDATE, "2026-03-01 23:59:59", "2026-03-01"},
		{SO_TYPE_DBDATE, "0001-01-01", "0001-01-01"},
		{SO_TYPE_DBDATE, "9999-12-31", "9999-12-31"},
		{SO_TYPE_DBDATE, "2024-02-29", "2024-02-29"},
		{SO_TYPE_DBDATE, "2000-02-29", "2000-02-29"},
		{SO_TYPE_DBDATE, "1900-02-29", NULL},
		{SO_TYPE_DBDATE, "2023-02-29", NULL},
		{SO_TYPE_DBDATE, "0000-01-01", NULL},
		{SO_TYPE_DBDATE, "10000-01-01", NULL},
		{SO_TYPE_DBDATE, "2026-13-01", NULL},
		{SO_TYPE_DBDATE, "2026-00-01", NULL},
		{SO_TYPE_DBDATE, "2026-04-31", NULL},
		{SO_TYPE_DBDATE, "2026-01-00", NULL},
		{SO_TYPE_DBDATE, "2026-03/01", NULL},
		{SO_TYPE_DBDATE, "2026-03-01x", NULL},
		{SO_TYPE_DBDATE, "2026-3", NULL},
		{SO_TYPE_DBDATE, "202603", NULL},
		{SO_TYPE_DBDATE, "04:05:06", NULL},
		{SO_TYPE_DBDATE, "", NULL},
		{SO_TYPE_DBDATE, "-", NULL},
		{SO_TYPE_DBTIME, "4:05", "04:05:00"},
		{SO_TYPE_DBTIME, "04:05:06.999", "04:05:06"},
		{SO_TYPE_DBTIME, "2026-03-01T04:05:06", "04:05:06"},
		{SO_TYPE_DBTIME, "2026-03-01", NULL},
		{SO_TYPE_DBTIME, "24:00:00", NULL},
		{SO_TYPE_DBTIME, "23:60:00", NULL},
		{SO_TYPE_DBTIME, "23:59:60", NULL},
		{SO_TYPE_DBTIME, "4:5", NULL},
		{SO_TYPE_DBTIME, "04:05:", NULL},
		{SO_TYPE_DBTIME, "04:05:06.", NULL},
		{SO_TYPE_DBTIME, "04:05:06.1234567890", NULL},
		{SO_TYPE_DBTIME, "04", NULL},
		{SO_TYPE_DBTIME2, "04:05:06.123456789", "04:05:06.1234567"},
		{SO_TYPE_DBTIME2, "04:05:06,5", "04:05:06.5000000"},
		{SO_TYPE_DBTIMESTAMP, "2026-03-01 04:05:06.1239", "2026-03-01 04:05:06.123"},
		{SO_TYPE_DBTIMESTAMP, "2026-03-01", "2026-03-01 00:00:00"},
		{SO_TYPE_DBTIMESTAMP, "2026-03-01t04:05", "2026-03-01 04:05:00"},
		{SO_TYPE_DBTIMESTAMP, "2026-03-01 04:05:06 +02:00", "2026-03-01 02:05:06"},
		{SO_TYPE_DBTIMESTAMP, "2026-03-01 23:30:00-01:00", "2026-03-02 00:30:00"},
		{SO_TYPE_DBTIMESTAMP, "9999-12-31 23:30:00-01:00", NULL},
		{SO_TYPE_DBTIMESTAMP, "0001-01-01 00:30:00+01:00", NULL},
		{SO_TYPE_DBTIMESTAMP, "2026-03-01 +02:00", NULL},
		{SO_TYPE_DBTIMESTAMP2, "2026-03-01 04:05:06Z", "2026-03-01 04:05:06.0000000"},
		{SO_TYPE_DBTIMESTAMPOFFSET, "2026-03-01 04:05:06 +02:00",
		 "2026-03-01 04:05:06.0000000 +02:00"},
		{SO_TYPE_DBTIMESTAMPOFFSET, "2026-03-01 04:05:06-0330",
		 "2026-03-01 04:05:06.0000000 -03:30"},
		{SO_TYPE_DBTIMESTAMPOFFSET, "2026-03-01 04:05:06+02", "2026-03-01 04:05:06.0000000 +02:00"},
		{SO_TYPE_DBTIMESTAMPOFFSET, "2026-03-01 04:05:06+14:00",
		 "2026-03-01 04:05:06.0000000 +14:00"},
		{SO_TYPE_DBTIMESTAMPOFFSET, "2026-03-01 04:05:06+14:01", NULL},
		{SO_TYPE_DBTIMESTAMPOFFSET, "2026-03-01 04:05:06+01:60", NULL},
		{SO_TYPE_DBTIMESTAMPOFFSET, "2026-03-01 04:05:06+2", NULL},
		{SO_TYPE_DBTIMESTAMPOFFSET, "2026-03-01 04:05:06+02:", NULL},
		{SO_TYPE_FILETIME, "2026-03-01 04:05:06:123", "2026-03-01 04:05:06.123"},
		{SO_TYPE_DATE, "2026-03-01 04:05:06.5", "2026-03-01 04:05:06.5"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoDateTime datetime;
		char text[SO_DATETIME_TEXT_SIZE] = "";
		bool good = so_datetime_parse(rows[i].type, rows[i].text, &datetime);

		if (good)
			so_datetime_format(rows[i].type, &datetime, so_datetime_max_scale(rows[i].type), text);
		if (good != (rows[i].written != NULL) || (good && strcmp(text, rows[i].written) != 0))
			fail_msg("row %zu, \"%s\": %s", i, rows[i].text, good ? text : "refused");
	}
}

/* The message about a wrong text shows a form that is read. */
static void
test_forms(void **state)
{
	(void) state;
	for (int type = SO_TYPE_NONE; type <= SO_TYPE_OBJECT; type++)
	{
		if (so_datetime_is_type((SoDataType) type))
			assert_int_equal(strncmp(so_datetime_form((SoDataType) type),
									 so_datetime_has_date((SoDataType) type) ? "yyyy" : "hh", 2),
							 0);
	}
	assert_string_equal(so_datetime_form(SO_TYPE_DBDATE), "yyyy-mm-dd");
}

/* What is written is read as the same. */
static void
test_round_trip(void **state)
{
	static const SoDateTime values[] = {
		{0, 0, 0},
		{-719162, 0, 0},
		{2932896, SO_TICKS_PER_DAY - 1, 0},
		{20000, 1, 840},
		{20000, SO_TICKS_PER_HOUR, -840},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
	{
		SoDateTime again;
		char text[SO_DATETIME_TEXT_SIZE];

		so_datetime_format(SO_TYPE_DBTIMESTAMPOFFSET, &values[i], 7, text);
		assert_true(so_datetime_parse(SO_TYPE_DBTIMESTAMPOFFSET, text, &again));
		assert_int_equal(again.days, values[i].days);
		assert_true(again.ticks == values[i].ticks);
		assert_int_equal(again.offset_minutes, values[i].offset_minutes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
