/*
 * test/unit/test_expression_cast.c
 *
 * Literals, casts and NULL(type): a row per conversion and odd corner.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test/unit/expression_table.h"

static void
test_number_literals(void **state)
{
	static const SoTestRow rows[] = {
		{"0", "0 (DT_I4)"},
		{"2147483647", "2147483647 (DT_I4)"},
		{"2147483648", "error SO713"},
		{"-2147483648", "-2147483648 (DT_I4)"},
		{"-2147483649", "error SO713"},
		{"2147483648L", "2147483648 (DT_I8)"},
		{"2147483648l", "2147483648 (DT_I8)"},
		{"9223372036854775807L", "9223372036854775807 (DT_I8)"},
		{"9223372036854775808L", "error SO713"},
		{"4294967295U", "4294967295 (DT_UI4)"},
		{"4294967296U", "error SO713"},
		{"4294967296UL", "4294967296 (DT_UI8)"},
		{"18446744073709551615ul", "18446744073709551615 (DT_UI8)"},
		{"18446744073709551616UL", "error SO713"},
		{"99999999999999999999999999", "error SO713"},
		{"0x0", "0 (DT_I4)"},
		{"0xff", "255 (DT_I4)"},
		{"0xFFU", "255 (DT_UI4)"},
		{"0xFFFFFFFF", "error SO713"},
		{"0xFFFFFFFFU", "4294967295 (DT_UI4)"},
		{"0xFFFFFFFFL", "4294967295 (DT_I8)"},
		{"0xFFFFFFFFFFFFFFFFUL", "18446744073709551615 (DT_UI8)"},
		{"0x1FFFFFFFFFFFFFFFFUL", "error SO713"},
		{"0x80000000", "error SO713"},
		{"-0x80000000", "error SO713"},
		{"0x", "error SO713"},
		{"0xG", "error SO713"},
		{"5.8", "5.8 (DT_NUMERIC)"},
		{".9", "0.9 (DT_NUMERIC)"},
		{"6.", "6 (DT_NUMERIC)"},
		{"5.8F", "5.8 (DT_R4)"},
		{"5.8L", "5.8 (DT_R8)"},
		{"5F", "5 (DT_R4)"},
		{"1e3L", "1000 (DT_R8)"},
		{"1.5E-3L", "0.0015 (DT_R8)"},
		{"2e+2F", "200 (DT_R4)"},
		{"1e3", "error SO713"},
		{"1e", "error SO713"},
		{"1e400L", "error SO713"},
		{"1e39F", "error SO713"},
		{"1e-400L", "0 (DT_R8)"},
		{"5.8U", "error SO713"},
		{"5LU", "error SO713"},
		{"5LL", "error SO713"},
		{"12abc", "error SO713"},
		{"1.2.3", "error SO701"},
		{"0.12345678901234567890123456789012345678", "0.12345678901234567890123456789012345678"},
		{"123456789012345678901234567890123456789.0", "error SO713"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_text_literals(void **state)
{
	static const SoTestRow rows[] = {
		{"\"\"", "\"\" (DT_WSTR)"},
		{"\"a b\"", "\"a b\""},
		{"\"\\a\\b\\f\\n\\r\\t\\v\\\"\\\\\"", "\"\\a\\b\\f\\n\\r\\t\\v\\\"\\\\\""},
		{"\"\\x0041\\x00e4\\x20AC\"", "\"A\xC3\xA4\xE2\x82\xAC\""},
		{"\"\\xD83D\\xDE00\"", "\"\xF0\x9F\x98\x80\""},
		{"\"\\xD83D\"", "error SO713"},
		{"\"\\xD83D\\x0041\"", "error SO713"},
		{"\"\\xDE00\"", "error SO713"},
		{"\"\\x0000\"", "error SO713"},
		{"\"\\x41\"", "error SO713"},
		{"\"\\q\"", "error SO713"},
		{"\"C:\\data\"", "error SO713"},
		{"\"C:\\\\data\"", "\"C:\\\\data\""},
		{"\"open", "error SO701"},
		{"\"open\\", "error SO701"},
		{"\"open\\\"", "error SO701"},
		{"\"two\nlines\"", "\"two\\nlines\""},
		{"'x'", "error SO701"},
		{"True", "True (DT_BOOL)"},
		{"FALSE", "False (DT_BOOL)"},
		{"tRuE", "True"},
		{"\"True\"", "\"True\" (DT_WSTR)"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_numbers(void **state)
{
	static const SoTestRow rows[] = {
		/* Boolean True is -1 */
		{"(DT_I4) True", "-1 (DT_I4)"},
		{"(DT_I4) False", "0 (DT_I4)"},
		{"(DT_I1) True", "-1 (DT_I1)"},
		{"(DT_R8) True", "-1 (DT_R8)"},
		{"(DT_NUMERIC, 5, 2) True", "-1.00 (DT_NUMERIC)"},
		{"(DT_CY) True", "-1.0000 (DT_CY)"},
		{"(DT_UI1) True", "error SO707"},
		{"(DT_UI8) False", "0 (DT_UI8)"},
		{"(DT_BOOL) 0", "False (DT_BOOL)"},
		{"(DT_BOOL) 1", "True"},
		{"(DT_BOOL) -5", "True"},
		{"(DT_BOOL) 0.0", "False"},
		{"(DT_BOOL) 0.001", "True"},
		{"(DT_BOOL) 1e-300L", "True"},
		{"(DT_BOOL) 1e300L", "True"},
		/* fractions are cut, integer parts must fit */
		{"(DT_I4) 3.57", "3 (DT_I4)"},
		{"(DT_I4) -3.57", "-3 (DT_I4)"},
		{"(DT_I4) 3.99L", "3 (DT_I4)"},
		{"(DT_I8) 1e18L", "1000000000000000000 (DT_I8)"},
		{"(DT_I8) 1e19L", "error SO707"},
		{"(DT_I4) 1e300L", "error SO707"},
		{"(DT_I1) 127", "127 (DT_I1)"},
		{"(DT_I1) 128", "error SO707"},
		{"(DT_I1) -128", "-128 (DT_I1)"},
		{"(DT_I1) -129", "error SO707"},
		{"(DT_UI1) 255", "255 (DT_UI1)"},
		{"(DT_UI1) 256", "error SO707"},
		{"(DT_UI1) -1", "error SO707"},
		{"(DT_UI1) -0.5", "0 (DT_UI1)"},
		{"(DT_I2) 32768", "error SO707"},
		{"(DT_UI2) 65535", "65535 (DT_UI2)"},
		{"(DT_UI2) 65536", "error SO707"},
		{"(DT_I4) 2147483648L", "error SO707"},
		{"(DT_UI4) 4294967295L", "4294967295 (DT_UI4)"},
		{"(DT_UI4) 4294967296L", "error SO707"},
		{"(DT_I8) 9223372036854775808UL", "error SO707"},
		{"(DT_UI8) -1", "error SO707"},
		{"(DT_UI8) 18446744073709551615UL", "18446744073709551615 (DT_UI8)"},
		{"(DT_R4) 0.1", "0.1 (DT_R4)"},
		{"(DT_R8) 0.1", "0.1 (DT_R8)"},
		{"(DT_R8) (DT_R4) 0.1 == 0.1L", "False"},
		{"(DT_R4) 1e300L", "error SO707"},
		{"(DT_R8) @huge", "1.8446744073709552e+19 (DT_R8)"},
		{"(DT_CY) 1.23456", "1.2345 (DT_CY)"},
		{"(DT_CY) 922337203685477.5807", "922337203685477.5807 (DT_CY)"},
		{"(DT_CY) 922337203685477.5808", "error SO707"},
		{"(DT_CY) -922337203685477.5808", "-922337203685477.5808 (DT_CY)"},
		{"-(DT_CY) -922337203685477.5808", "error SO707"},
		{"(DT_DECIMAL, 2) 500", "500.00 (DT_DECIMAL)"},
		{"(DT_DECIMAL, 2) 1.999", "1.99 (DT_DECIMAL)"},
		{"(DT_DECIMAL, 0) 99999999999999999999999999999.0",
		 "99999999999999999999999999999 (DT_DECIMAL)"},
		{"(DT_DECIMAL, 0) 100000000000000000000000000000.0", "error SO707"},
		{"(DT_DECIMAL, 28) 10", "error SO707"},
		{"(DT_NUMERIC, 7, 3) 4000", "4000.000 (DT_NUMERIC)"},
		{"(DT_NUMERIC, 7, 3) 10000", "error SO707"},
		{"(DT_NUMERIC, 5, 2) 999.999", "999.99 (DT_NUMERIC)"},
		{"(DT_NUMERIC, 5, 2) -999.999", "-999.99"},
		{"(DT_NUMERIC, 38, 0) 0.29L", "0"},
		{"(DT_NUMERIC, 10, 2) 0.29L", "0.29"},
		{"(DT_NUMERIC, 10, 2) 1e300L", "error SO707"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_texts(void **state)
{
	static const SoTestRow rows[] = {
		{"(DT_WSTR, 3) \"Cat\"", "\"Cat\" (DT_WSTR)"},
		{"(DT_WSTR, 2) \"Cat\"", "\"Ca\""},
		{"(DT_WSTR, 2) \"\xC3\xA4\xC3\xB6\xC3\xBC\"", "\"\xC3\xA4\xC3\xB6\""},
		{"(DT_WSTR, 0) \"Cat\"", "\"\""},
		{"(DT_STR, 1, 1252) 5", "\"5\" (DT_STR)"},
		{"(DT_STR, 2, 1252) \"abc\"", "\"ab\" (DT_STR)"},
		{"\"x\" + (DT_STR, 2, 1252) \"abc\"", "\"xab\" (DT_WSTR)"},
		{"True ? (DT_STR, 2, 1252) \"abc\" : \"x\"", "\"ab\" (DT_WSTR)"},
		{"(DT_WSTR, 2) (DT_STR, 3, 1252) \"abc\"", "\"ab\" (DT_WSTR)"},
		{"(DT_WSTR, 5) True", "\"True\""},
		{"(DT_WSTR, 5) False", "\"False\""},
		{"(DT_WSTR, 20) -12", "\"-12\""},
		{"(DT_WSTR, 20) 1.50", "\"1.50\""},
		{"(DT_WSTR, 20) 2.5L", "\"2.5\""},
		{"(DT_WSTR, 20) 100000.0L", "\"100000\""},
		{"(DT_WSTR, 20) 1e20L", "\"1e+20\""},
		{"(DT_WSTR, 20) (DT_CY) 1.5", "\"1.5000\""},
		{"(DT_WSTR, 2) 12345", "\"12\""},
		{"(DT_WSTR, 40) @started", "\"2026-03-01 04:05:06\""},
		{"(DT_WSTR, 10) @started", "\"2026-03-01\""},
		{"(DT_WSTR, 40) GETDATE()", "\"2026-03-01 13:34:56.789\""},
		{"(DT_WSTR, 38) (DT_GUID) \"0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11\"",
		 "\"{0F1E7D2C-5A0B-4C55-9D5E-0D6F6F1C2A11}\""},
		{"(DT_WSTR, 20) (DT_BYTES, 4) \"0x0aFF\"", "\"\\\\x0aff\""},
		{"(DT_NTEXT) \"long\"", "\"long\" (DT_NTEXT)"},
		{"(DT_TEXT, 1252) \"long\"", "\"long\" (DT_TEXT)"},
		{"(DT_WSTR, 10) (DT_NTEXT) \"long\"", "\"long\""},
		{"(DT_I4) \" 42 \"", "42 (DT_I4)"},
		{"(DT_I4) \"+42\"", "42"},
		{"(DT_I4) \"4.2\"", "error SO709"},
		{"(DT_I4) \"\"", "error SO709"},
		{"(DT_I4) \"abc\"", "error SO709"},
		{"(DT_I4) \"2147483648\"", "error SO707"},
		{"(DT_I4) @name", "error SO709"},
		{"(DT_UI1) \"-1\"", "error SO707"},
		{"(DT_R8) \"1e-3\"", "0.001"},
		{"(DT_R8) \"inf\"", "error SO709"},
		{"(DT_R8) \"nan\"", "error SO709"},
		{"(DT_R8) \"0x10\"", "error SO709"},
		{"(DT_R8) \"1e999\"", "error SO707"},
		{"(DT_NUMERIC, 10, 2) \"12.345\"", "12.34"},
		{"(DT_NUMERIC, 10, 2) \"1,5\"", "error SO709"},
		{"(DT_DECIMAL, 3) \"1e2\"", "100.000"},
		{"(DT_CY) \"12.5\"", "12.5000"},
		{"(DT_BOOL) \"True\"", "True"},
		{"(DT_BOOL) \"false\"", "False"},
		{"(DT_BOOL) \"1\"", "True"},
		{"(DT_BOOL) \"maybe\"", "error SO709"},
		{"(DT_GUID) \"{0F1E7D2C-5a0b-4c55-9d5e-0d6f6f1c2a11}\"",
		 "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11 (DT_GUID)"},
		{"(DT_GUID) \"0F1E7D2C5a0b4c559d5e0d6f6f1c2a11\"", "error SO709"},
		{"(DT_BYTES, 1) \"0x0a0b\"", "\\x0a (DT_BYTES)"},
		{"(DT_BYTES, 4) \"0x0a0\"", "error SO709"},
		{"(DT_BYTES, 4) \"text\"", "error SO709"},
		{"(DT_IMAGE) (DT_BYTES, 4) \"0x0a0b\"", "\\x0a0b (DT_IMAGE)"},
		{"(DT_BYTES, 16) (DT_GUID) \"0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11\"",
		 "\\x0f1e7d2c5a0b4c559d5e0d6f6f1c2a11"},
		{"(DT_GUID) (DT_BYTES, 16) \"0x0f1e7d2c5a0b4c559d5e0d6f6f1c2a11\"",
		 "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11"},
		{"(DT_GUID) (DT_BYTES, 2) \"0x0f1e\"", "error SO707"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_dates(void **state)
{
	static const SoTestRow rows[] = {
		{"(DT_DBDATE) \"2026-03-01\"", "2026-03-01 (DT_DBDATE)"},
		{"(DT_DBDATE) \"2026-3-1\"", "2026-03-01"},
		{"(DT_DBDATE) \"2026/03/01\"", "2026-03-01"},
		{"(DT_DBDATE) \"20260301\"", "2026-03-01"},
		{"(DT_DBDATE) \"2026-03-01 23:59:59\"", "2026-03-01"},
		{"(DT_DBDATE) \"2026-02-29\"", "error SO709"},
		{"(DT_DBDATE) \"2024-02-29\"", "2024-02-29"},
		{"(DT_DBDATE) \"1900-02-29\"", "error SO709"},
		{"(DT_DBDATE) \"2000-02-29\"", "2000-02-29"},
		{"(DT_DBDATE) \"0000-01-01\"", "error SO709"},
		{"(DT_DBDATE) \"0001-01-01\"", "0001-01-01"},
		{"(DT_DBDATE) \"9999-12-31\"", "9999-12-31"},
		{"(DT_DBDATE) \"3/1/2026\"", "error SO709"},
		{"(DT_DBDATE) \"\"", "error SO709"},
		{"(DT_DBDATE) \"12:00:00\"", "error SO709"},
		{"(DT_DBTIME) \"04:05:06.9\"", "04:05:06 (DT_DBTIME)"},
		{"(DT_DBTIME) \"04:05\"", "04:05:00"},
		{"(DT_DBTIME) \"24:00:00\"", "error SO709"},
		{"(DT_DBTIME) \"2026-03-01\"", "error SO709"},
		{"(DT_DBTIME) \"2026-03-01 04:05:06\"", "04:05:06"},
		{"(DT_DBTIME2, 3) \"04:05:06.1234567\"", "04:05:06.123 (DT_DBTIME2)"},
		{"(DT_DBTIME2, 0) \"04:05:06.9\"", "04:05:06"},
		{"(DT_DBTIMESTAMP) \"2026-03-01\"", "2026-03-01 00:00:00 (DT_DBTIMESTAMP)"},
		{"(DT_DBTIMESTAMP) \"2026-03-01T04:05:06.7899\"", "2026-03-01 04:05:06.789"},
		{"(DT_DBTIMESTAMP) \"2026-03-01 04:05:06Z\"", "2026-03-01 04:05:06"},
		{"(DT_DBTIMESTAMP) \"2026-03-01 04:05:06 +05:30\"", "2026-02-28 22:35:06"},
		{"(DT_DBTIMESTAMP) \"2026-03-01 04:05:06 +15:00\"", "error SO709"},
		{"(DT_DBTIMESTAMP) \"2026-03-01 04:05:60\"", "error SO709"},
		{"(DT_DBTIMESTAMP) \"2026-03-01 04:05:06 junk\"", "error SO709"},
		{"(DT_DBTIMESTAMP2, 7) \"2026-03-01 04:05:06.1234567\"",
		 "2026-03-01 04:05:06.1234567 (DT_DBTIMESTAMP2)"},
		{"(DT_DBTIMESTAMP2, 2) \"2026-03-01 04:05:06.1299\"", "2026-03-01 04:05:06.12"},
		{"(DT_DBTIMESTAMPOFFSET, 0) \"2026-03-01 04:05:06 -08:00\"",
		 "2026-03-01 04:05:06 -08:00 (DT_DBTIMESTAMPOFFSET)"},
		{"(DT_DBTIMESTAMPOFFSET, 0) \"2026-03-01 04:05:06\"", "2026-03-01 04:05:06 +00:00"},
		{"(DT_FILETIME) \"2026-03-01 04:05:06:789\"", "2026-03-01 04:05:06.789 (DT_FILETIME)"},
		{"(DT_WSTR, 30) (DT_FILETIME) \"2026-03-01 04:05:06:789\"", "\"2026-03-01 04:05:06:789\""},
		/* among each other */
		{"(DT_DBDATE) @started", "2026-03-01"},
		{"(DT_DBTIME) @started", "04:05:06"},
		{"(DT_DBTIMESTAMP) (DT_DBDATE) @started", "2026-03-01 00:00:00"},
		{"(DT_DBTIME) (DT_DBDATE) @started", "00:00:00"},
		{"(DT_DBTIMESTAMP) (DT_DBTIME) @started", "2026-03-01 04:05:06"},
		{"(DT_DBDATE) (DT_DBTIME2, 3) \"23:30:00\"", "2026-03-01"},
		{"(DT_DBTIMESTAMPOFFSET, 0) @started", "2026-03-01 04:05:06 +00:00"},
		{"(DT_DBTIMESTAMP) (DT_DBTIMESTAMPOFFSET, 0) \"2026-03-01 00:30 +01:00\"",
		 "2026-02-28 23:30:00"},
		{"(DT_DBDATE) (DT_DBTIMESTAMPOFFSET, 0) \"2026-03-01 00:30 +01:00\"", "2026-02-28"},
		{"(DT_DBTIMESTAMP) (DT_DBTIMESTAMPOFFSET, 0) \"0001-01-01 00:30 +01:00\"", "error SO707"},
		{"(DT_DBTIMESTAMP) (DT_DBTIMESTAMP2, 7) \"2026-03-01 04:05:06.1239999\"",
		 "2026-03-01 04:05:06.123"},
		/* DT_DATE is a day number */
		{"(DT_DATE) 0", "1899-12-30 00:00:00 (DT_DATE)"},
		{"(DT_DATE) 2.5", "1900-01-01 12:00:00"},
		{"(DT_DATE) -1.25", "1899-12-29 06:00:00"},
		{"(DT_R8) (DT_DATE) \"1900-01-01 12:00\"", "2.5"},
		{"(DT_I4) @started", "46082"},
		{"(DT_DATE) 3000000", "error SO707"},
		{"(DT_I4) (DT_DBTIMESTAMP) \"2026-03-01\"", "error SO708"},
		{"(DT_DBDATE) 5", "error SO708"},
		{"(DT_DATE) True", "error SO708"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_illegal(void **state)
{
	static const SoTestRow rows[] = {
		{"(DT_GUID) 5", "error SO708"},
		{"(DT_BYTES, 4) 5", "error SO708"},
		{"(DT_I4) (DT_GUID) \"0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11\"", "error SO708"},
		{"(DT_I4) (DT_BYTES, 2) \"0x01\"", "error SO708"},
		{"(DT_BOOL) @started", "error SO708"},
		{"(DT_OBJECT) 5", "error SO701"},
		{"(DT_I5) 5", "error SO701"},
		{"(DT_WSTR) \"a\"", "error SO701"},
		{"(DT_STR, 5) \"a\"", "error SO701"},
		{"(DT_WSTR, -1) \"a\"", "error SO701"},
		{"(DT_WSTR, @count) \"a\"", "error SO701"},
		{"(DT_I4, 5) 1", "error SO701"},
		{"(DT_NUMERIC, 39, 0) 1", "error SO701"},
		{"(DT_NUMERIC, 0, 0) 1", "error SO701"},
		{"(DT_NUMERIC, 5, 6) 1", "error SO701"},
		{"(DT_DECIMAL, 29) 1", "error SO701"},
		{"(DT_DBTIME2, 8) \"04:05:06\"", "error SO701"},
		{"(DT_DBTIMESTAMP2) \"2026-03-01\"", "error SO701"},
		{"(DT_I4)", "error SO701"},
		{"(DT_I4 5", "error SO701"},
		{"(dt_i4) 5.5", "5 (DT_I4)"},
		{"(DT_DECIMAl,2)500", "500.00 (DT_DECIMAL)"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_typed_nulls(void **state)
{
	static const SoTestRow rows[] = {
		{"NULL(DT_I4)", "NULL (DT_I4)"},
		{"NULL(DT_WSTR, 10)", "NULL (DT_WSTR)"},
		{"null(dt_numeric, 10, 2)", "NULL (DT_NUMERIC)"},
		{"NULL(DT_STR, 10, 1252)", "NULL (DT_STR)"},
		{"NULL(DT_STR, 10, 1252) + \"a\"", "error SO704"},
		{"(DT_STR, 10, 1252) NULL(DT_STR, 10, 1252)", "NULL (DT_STR)"},
		{"(DT_STR, 10, 1252) NULL(DT_STR, 10, 1252) + \"a\"", "NULL (DT_WSTR)"},
		{"(DT_I4) NULL(DT_WSTR, 10)", "NULL (DT_I4)"},
		{"NULL(DT_DBTIMESTAMP)", "NULL (DT_DBTIMESTAMP)"},
		{"NULL()", "error SO701"},
		{"NULL(5)", "error SO701"},
		{"NULL(DT_X)", "error SO701"},
		{"NULL", "error SO711"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number_literals), cmocka_unit_test(test_text_literals),
		cmocka_unit_test(test_numbers),         cmocka_unit_test(test_texts),
		cmocka_unit_test(test_dates),           cmocka_unit_test(test_illegal),
		cmocka_unit_test(test_typed_nulls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
