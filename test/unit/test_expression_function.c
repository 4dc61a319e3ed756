/*
 * test/unit/test_expression_function.c
 *
 * Rows for every function: ordinary values, NULLs, limits, refusals.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/expression/function.h"
#include "test/unit/expression_table.h"

static void
test_rounding(void **state)
{
	static const SoTestRow rows[] = {
		{"ABS(-5)", "5 (DT_I4)"},
		{"ABS(5)", "5"},
		{"ABS(-5.25)", "5.25 (DT_NUMERIC)"},
		{"ABS(-2.5L)", "2.5 (DT_R8)"},
		{"ABS(5U)", "5 (DT_UI4)"},
		{"ABS(-2147483648)", "error SO707"},
		{"ABS((DT_I1) -128)", "error SO707"},
		{"ABS(-9223372036854775808L)", "error SO707"},
		{"ABS((DT_CY) -922337203685477.5808)", "error SO707"},
		{"ABS(NULL(DT_I4))", "NULL (DT_I4)"},
		{"ABS(\"5\")", "error SO704"},
		{"CEILING(123.74)", "124.00 (DT_NUMERIC)"},
		{"CEILING(-123.74)", "-123.00"},
		{"CEILING(2.1L)", "3 (DT_R8)"},
		{"CEILING(5)", "5 (DT_I4)"},
		{"CEILING(0.0)", "0.0"},
		{"CEILING(NULL(DT_R8))", "NULL (DT_R8)"},
		{"FLOOR(123.45)", "123.00 (DT_NUMERIC)"},
		{"FLOOR(-123.45)", "-124.00"},
		{"FLOOR(-2.1L)", "-3 (DT_R8)"},
		{"FLOOR((DT_CY) 1.5)", "1.0000 (DT_CY)"},
		{"ROUND(137.1574, 3)", "137.1570 (DT_NUMERIC)"},
		{"ROUND(137.1575, 3)", "137.1580"},
		{"ROUND(-137.1575, 3)", "-137.1580"},
		{"ROUND(137.5, 0)", "138.0"},
		{"ROUND(137.5, 99)", "137.5"},
		{"ROUND(2.5L, 0)", "3 (DT_R8)"},
		{"ROUND(-2.5L, 0)", "-3"},
		{"ROUND(1.005L, 2)", "1.01"},
		{"ROUND(1e300L, 2)", "1e+300"},
		{"ROUND(1.25F, 1)", "1.3 (DT_R4)"},
		{"ROUND(15, 1)", "15 (DT_I4)"},
		{"ROUND(1.5, -1)", "error SO705"},
		{"ROUND(1.5, 1.0)", "error SO704"},
		{"ROUND(NULL(DT_R8), 1)", "NULL (DT_R8)"},
		{"ROUND(1.5, NULL(DT_I4))", "NULL (DT_NUMERIC)"},
		{"SIGN(-12)", "-1 (DT_I4)"},
		{"SIGN(0)", "0"},
		{"SIGN(7U)", "1 (DT_UI4)"},
		{"SIGN(-0.5)", "-1 (DT_NUMERIC)"},
		{"SIGN(0.5L)", "1 (DT_R8)"},
		{"SIGN(NULL(DT_I8))", "NULL (DT_I8)"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_reals(void **state)
{
	static const SoTestRow rows[] = {
		{"EXP(0)", "1 (DT_R8)"},
		{"EXP(1)", "2.718281828459045"},
		{"EXP(1000)", "error SO707"},
		{"EXP(NULL(DT_I4))", "NULL (DT_R8)"},
		{"LN(1)", "0 (DT_R8)"},
		{"LN(0)", "error SO705"},
		{"LN(-1)", "error SO705"},
		{"LOG(1000)", "3 (DT_R8)"},
		{"LOG(0)", "error SO705"},
		{"POWER(2, 10)", "1024 (DT_R8)"},
		{"POWER(2, -1)", "0.5"},
		{"POWER(4, 0.5)", "2"},
		{"POWER(0, 0)", "1"},
		{"POWER(0, -1)", "error SO705"},
		{"POWER(-8, 0.5)", "error SO705"},
		{"POWER(-2, 3)", "-8"},
		{"POWER(10, 400)", "error SO707"},
		{"POWER(NULL(DT_I4), 2)", "NULL (DT_R8)"},
		{"POWER(2)", "error SO716"},
		{"SQUARE(12)", "144 (DT_R8)"},
		{"SQUARE(-1.5)", "2.25"},
		{"SQUARE(1e200L)", "error SO707"},
		{"SQRT(25)", "5 (DT_R8)"},
		{"SQRT(-1)", "error SO705"},
		{"SQRT(NULL(DT_R4))", "NULL (DT_R8)"},
		{"SQRT(\"4\")", "error SO704"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_hex(void **state)
{
	static const SoTestRow rows[] = {
		{"HEX(0)", "\"0\" (DT_WSTR)"},
		{"HEX(10)", "\"A\""},
		{"HEX(255)", "\"FF\""},
		{"HEX((DT_I1) -1)", "\"FF\""},
		{"HEX((DT_I2) -1)", "\"FFFF\""},
		{"HEX(-1)", "\"FFFFFFFF\""},
		{"HEX(-1L)", "\"FFFFFFFFFFFFFFFF\""},
		{"HEX(18446744073709551615UL)", "\"FFFFFFFFFFFFFFFF\""},
		{"HEX(-2147483648)", "\"80000000\""},
		{"HEX(1.0)", "error SO704"},
		{"HEX(NULL(DT_I4))", "NULL (DT_WSTR)"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_text_parts(void **state)
{
	static const SoTestRow rows[] = {
		{"LEN(\"abc\")", "3 (DT_I4)"},
		{"LEN(\"  a  \")", "5"},
		{"LEN(\"\")", "0"},
		{"LEN(\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\")", "3"},
		{"LEN(NULL(DT_WSTR, 3))", "NULL (DT_I4)"},
		{"LEN(5)", "error SO704"},
		{"LEFT(\"abc\", 2)", "\"ab\" (DT_WSTR)"},
		{"LEFT(\"abc\", 9)", "\"abc\""},
		{"LEFT(\"abc\", 0)", "\"\""},
		{"LEFT(\"abc\", -1)", "error SO705"},
		{"LEFT(\"\xC3\xA4\xE2\x82\xACx\", 2)", "\"\xC3\xA4\xE2\x82\xAC\""},
		{"LEFT(NULL(DT_WSTR, 3), 1)", "NULL (DT_WSTR)"},
		{"LEFT(\"abc\", 18446744073709551615UL)", "error SO707"},
		{"RIGHT(\"abc\", 2)", "\"bc\""},
		{"RIGHT(\"abc\", 9)", "\"abc\""},
		{"RIGHT(\"abc\", 0)", "\"\""},
		{"RIGHT(\"abc\", -1)", "error SO705"},
		{"RIGHT(\"x\xC3\xA4\xE2\x82\xAC\", 2)", "\"\xC3\xA4\xE2\x82\xAC\""},
		{"RIGHT(\"0\" + (DT_WSTR, 2) MONTH(@started), 2)", "\"03\""},
		{"SUBSTRING(\"abcdef\", 2, 3)", "\"bcd\""},
		{"SUBSTRING(\"abcdef\", 5, 99)", "\"ef\""},
		{"SUBSTRING(\"abcdef\", 9, 2)", "\"\""},
		{"SUBSTRING(\"abcdef\", 2, 0)", "\"\""},
		{"SUBSTRING(\"abcdef\", 0, 1)", "error SO705"},
		{"SUBSTRING(\"abcdef\", 1, -1)", "error SO705"},
		{"SUBSTRING(\"\xC3\xA4\xE2\x82\xAC\xC3\xBC\", 2, 1)", "\"\xE2\x82\xAC\""},
		{"SUBSTRING(\"abc\", 9223372036854775807L, 9223372036854775807L)", "\"\""},
		{"SUBSTRING(\"abc\", 1, NULL(DT_I4))", "NULL (DT_WSTR)"},
		{"SUBSTRING(\"abc\", 1.0, 1)", "error SO704"},
		{"SUBSTRING(@path, FINDSTRING(@path, \"_\", 1) + 1, 10)", "\"2026-03-01\""},
		{"LTRIM(\"  a \")", "\"a \""},
		{"RTRIM(\"  a \")", "\"  a\""},
		{"TRIM(\"  a \")", "\"a\""},
		{"TRIM(\"\\t a\")", "\"\\t a\""},
		{"TRIM(\"   \")", "\"\""},
		{"TRIM(NULL(DT_WSTR, 3))", "NULL (DT_WSTR)"},
		{"CODEPOINT(\"A\")", "65 (DT_UI2)"},
		{"CODEPOINT(\"\xE2\x82\xAC\")", "8364"},
		{"CODEPOINT(\"\xF0\x9F\x98\x80\")", "55357"},
		{"CODEPOINT(\"\")", "NULL (DT_UI2)"},
		{"CODEPOINT(NULL(DT_WSTR, 3))", "NULL (DT_UI2)"},
		{"LEN((DT_NTEXT) \"abc\")", "3"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_text_changes(void **state)
{
	static const SoTestRow rows[] = {
		{"UPPER(\"abc\xC3\xA4\")", "\"ABC\xC3\x84\""},
		{"UPPER(\"stra\xC3\x9F\x65\")", "\"STRA\xC3\x9F\x45\""},
		{"LOWER(\"ABC\xC3\x84\xCE\xA9\")", "\"abc\xC3\xA4\xCF\x89\""},
		{"LOWER(NULL(DT_WSTR, 3))", "NULL (DT_WSTR)"},
		{"REVERSE(\"abc\")", "\"cba\""},
		{"REVERSE(\"a\xC3\xA4\xE2\x82\xAC\")", "\"\xE2\x82\xAC\xC3\xA4\x61\""},
		{"REVERSE(\"\")", "\"\""},
		{"REPLICATE(\"ab\", 3)", "\"ababab\""},
		{"REPLICATE(\"ab\", 0)", "\"\""},
		{"REPLICATE(\"\", 2147483647)", "\"\""},
		{"REPLICATE(\"ab\", -1)", "error SO705"},
		{"REPLICATE(\"ab\", 9223372036854775807L)", "error SO715"},
		{"REPLICATE(\"ab\", 8388608) == \"\"", "False"},
		{"REPLICATE(\"ab\", 8388609)", "error SO715"},
		{"REPLICATE(@name, 8388609)", "error SO715"},
		{"REPLACE(\"a-b-c\", \"-\", \"+\")", "\"a+b+c\""},
		{"REPLACE(\"a-b\", \"-\", \"\")", "\"ab\""},
		{"REPLACE(\"aaa\", \"aa\", \"b\")", "\"ba\""},
		{"REPLACE(\"Abc\", \"a\", \"x\")", "\"Abc\""},
		{"REPLACE(\"abc\", \"\", \"x\")", "\"abc\""},
		{"REPLACE(\"\", \"a\", \"x\")", "\"\""},
		{"REPLACE(\"abc\", \"abc\", \"\")", "\"\""},
		{"REPLACE(\"abc\", NULL(DT_WSTR, 1), \"\")", "NULL (DT_WSTR)"},
		{"REPLACE(REPLICATE(\"x\", 10000), \"x\", REPLICATE(\"y\", 10000))", "error SO715"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_text_searches(void **state)
{
	static const SoTestRow rows[] = {
		{"FINDSTRING(\"New York, NY, NY\", \"NY\", 1)", "11 (DT_I4)"},
		{"FINDSTRING(\"New York, NY, NY\", \"NY\", 2)", "15"},
		{"FINDSTRING(\"New York, NY, NY\", \"NY\", 3)", "0"},
		{"FINDSTRING(\"abc\", \"B\", 1)", "0"},
		{"FINDSTRING(\"aaaa\", \"aa\", 2)", "2"},
		{"FINDSTRING(\"aaaa\", \"aa\", 4)", "0"},
		{"FINDSTRING(\"abababac\", \"ababac\", 1)", "3"},
		{"FINDSTRING(\"\xC3\xA4\xE2\x82\xACx\", \"x\", 1)", "3"},
		{"FINDSTRING(\"abc\", \"\", 1)", "0"},
		{"FINDSTRING(\"\", \"a\", 1)", "0"},
		{"FINDSTRING(\"ab\", \"abc\", 1)", "0"},
		{"FINDSTRING(\"abc\", \"a\", 0)", "error SO705"},
		{"FINDSTRING(\"abc\", \"a\", -1)", "error SO705"},
		{"FINDSTRING(NULL(DT_WSTR, 3), \"a\", 1)", "NULL (DT_I4)"},
		{"TOKEN(\"a little white dog\", \" \", 2)", "\"little\" (DT_WSTR)"},
		{"TOKEN(\"2026-03-01 04:05\", \"- :\", 4)", "\"04\""},
		{"TOKEN(\"a,b\", \",\", 3)", "\"\""},
		{"TOKEN(\",,a,,b,,\", \",\", 1)", "\"a\""},
		{"TOKEN(\",,a,,b,,\", \",\", 2)", "\"b\""},
		{"TOKEN(\",,a,,b,,\", \",\", 3)", "\"\""},
		{"TOKEN(\"abc\", \"\", 1)", "\"abc\""},
		{"TOKEN(\"\", \",\", 1)", "\"\""},
		{"TOKEN(\"x\xE2\x82\xACy\xC3\xA4z\", \"\xC3\xA4\xE2\x82\xAC\", 3)", "\"z\""},
		{"TOKEN(\"a,b\", \",\", 0)", "error SO705"},
		{"TOKEN(NULL(DT_WSTR, 3), \",\", 1)", "NULL (DT_WSTR)"},
		{"TOKEN(\"a\", NULL(DT_WSTR, 3), 1)", "NULL (DT_WSTR)"},
		{"TOKENCOUNT(\"a little white dog\", \" \")", "4 (DT_I4)"},
		{"TOKENCOUNT(\",,a,,b,,\", \",\")", "2"},
		{"TOKENCOUNT(\"\", \",\")", "0"},
		{"TOKENCOUNT(\",,\", \",\")", "0"},
		{"TOKENCOUNT(\"abc\", \"\")", "1"},
		{"TOKENCOUNT(NULL(DT_WSTR, 3), \",\")", "0"},
		{"TOKENCOUNT(\"a\", NULL(DT_WSTR, 3))", "0"},
		{"TOKEN(@path, \"/\", TOKENCOUNT(@path, \"/\"))", "\"sales_2026-03-01.csv\""},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_dateadd(void **state)
{
	static const SoTestRow rows[] = {
		{"DATEADD(\"Month\", 1, (DT_DBTIMESTAMP) \"2026-01-31\")",
		 "2026-02-28 00:00:00 (DT_DBTIMESTAMP)"},
		{"DATEADD(\"mm\", 1, (DT_DBDATE) \"2024-01-31\")", "2024-02-29 00:00:00 (DT_DBTIMESTAMP)"},
		{"DATEADD(\"m\", -1, (DT_DBDATE) \"2026-03-31\")", "2026-02-28 00:00:00"},
		{"DATEADD(\"m\", -13, (DT_DBDATE) \"2026-01-15\")", "2024-12-15 00:00:00"},
		{"DATEADD(\"yy\", 1, (DT_DBDATE) \"2024-02-29\")", "2025-02-28 00:00:00"},
		{"DATEADD(\"yyyy\", 4, (DT_DBDATE) \"2024-02-29\")", "2028-02-29 00:00:00"},
		{"DATEADD(\"Year\", -1, @started)", "2025-03-01 04:05:06"},
		{"DATEADD(\"q\", 1, (DT_DBDATE) \"2026-11-30\")", "2027-02-28 00:00:00"},
		{"DATEADD(\"Quarter\", -2, @started)", "2025-09-01 04:05:06"},
		{"DATEADD(\"dy\", 365, @started)", "2027-03-01 04:05:06"},
		{"DATEADD(\"dd\", -60, @started)", "2025-12-31 04:05:06"},
		{"DATEADD(\"d\", 1, (DT_DBDATE) \"2026-12-31\")", "2027-01-01 00:00:00"},
		{"DATEADD(\"wk\", 2, @started)", "2026-03-15 04:05:06"},
		{"DATEADD(\"weekday\", 1, @started)", "2026-03-02 04:05:06"},
		{"DATEADD(\"Hour\", -5, @started)", "2026-02-28 23:05:06"},
		{"DATEADD(\"hh\", 48, @started)", "2026-03-03 04:05:06"},
		{"DATEADD(\"mi\", 55, @started)", "2026-03-01 05:00:06"},
		{"DATEADD(\"n\", -1, @started)", "2026-03-01 04:04:06"},
		{"DATEADD(\"ss\", 54, @started)", "2026-03-01 04:06:00"},
		{"DATEADD(\"s\", -7, @started)", "2026-03-01 04:04:59"},
		{"DATEADD(\"ms\", 1500, @started)", "2026-03-01 04:05:07.500"},
		{"DATEADD(\"Millisecond\", -1, (DT_DBDATE) \"2026-01-01\")", "2025-12-31 23:59:59.999"},
		{"DATEADD(\"day\", -@count, @started)", "2026-02-22 04:05:06"},
		{"DATEADD(\"DAY\", 1, (DT_DBDATE) \"9999-12-31\")", "error SO707"},
		{"DATEADD(\"Year\", 8000, @started)", "error SO707"},
		{"DATEADD(\"Year\", 9223372036854775807L, @started)", "error SO707"},
		{"DATEADD(\"Week\", 9223372036854775807L, @started)", "error SO707"},
		{"DATEADD(\"ms\", -9223372036854775808L, @started)", "error SO707"},
		{"DATEADD(\"Month\", -24312, (DT_DBDATE) \"2026-12-01\")", "error SO707"},
		{"DATEADD(\"Month\", -24311, (DT_DBDATE) \"2026-12-01\")", "0001-01-01 00:00:00"},
		{"DATEADD(\"hh\", 1, (DT_DBTIME) \"23:30:00\")", "2026-03-02 00:30:00"},
		{"DATEADD(\"hh\", 1, (DT_DBTIMESTAMPOFFSET, 0) \"2026-03-01 12:00 +02:00\")",
		 "2026-03-01 11:00:00"},
		{"DATEADD(\"Day\", NULL(DT_I4), @started)", "NULL (DT_DBTIMESTAMP)"},
		{"DATEADD(\"Day\", 1, NULL(DT_DATE))", "NULL (DT_DBTIMESTAMP)"},
		{"DATEADD(\"Days\", 1, @started)", "error SO705"},
		{"DATEADD(@name, 1, @started)", "error SO705"},
		{"DATEADD(Day, 1, @started)", "error SO711"},
		{"DATEADD(\"Day\", 1.5, @started)", "error SO704"},
		{"DATEADD(\"Day\", 1, \"2026-03-01\")", "error SO704"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_datediff(void **state)
{
	static const SoTestRow rows[] = {
		{"DATEDIFF(\"Year\", (DT_DBDATE) \"2025-12-31\", (DT_DBDATE) \"2026-01-01\")", "1 (DT_I4)"},
		{"DATEDIFF(\"yy\", (DT_DBDATE) \"2026-01-01\", (DT_DBDATE) \"2026-12-31\")", "0"},
		{"DATEDIFF(\"qq\", (DT_DBDATE) \"2026-03-31\", (DT_DBDATE) \"2026-04-01\")", "1"},
		{"DATEDIFF(\"mm\", (DT_DBDATE) \"2026-01-31\", (DT_DBDATE) \"2026-02-01\")", "1"},
		{"DATEDIFF(\"mm\", (DT_DBDATE) \"2026-02-01\", (DT_DBDATE) \"2026-01-31\")", "-1"},
		{"DATEDIFF(\"dd\", (DT_DBTIMESTAMP) \"2026-03-01 23:59:59\", (DT_DBTIMESTAMP) \"2026-03-02 "
		 "00:00:00\")",
		 "1"},
		{"DATEDIFF(\"dd\", (DT_DBTIMESTAMP) \"2026-03-01 00:00:00\", (DT_DBTIMESTAMP) \"2026-03-01 "
		 "23:59:59\")",
		 "0"},
		{"DATEDIFF(\"dy\", (DT_DBDATE) \"2026-03-01\", (DT_DBDATE) \"2026-01-01\")", "-59"},
		{"DATEDIFF(\"wk\", (DT_DBDATE) \"2026-02-28\", (DT_DBDATE) \"2026-03-01\")", "1"},
		{"DATEDIFF(\"wk\", (DT_DBDATE) \"2026-03-01\", (DT_DBDATE) \"2026-03-07\")", "0"},
		{"DATEDIFF(\"wk\", (DT_DBDATE) \"1969-12-27\", (DT_DBDATE) \"1969-12-28\")", "1"},
		{"DATEDIFF(\"dw\", (DT_DBDATE) \"2026-03-01\", (DT_DBDATE) \"2026-03-07\")", "6"},
		{"DATEDIFF(\"hh\", (DT_DBTIMESTAMP) \"2026-03-01 04:59:59\", (DT_DBTIMESTAMP) \"2026-03-01 "
		 "05:00:00\")",
		 "1"},
		{"DATEDIFF(\"hh\", (DT_DBTIMESTAMP) \"1969-12-31 23:30\", (DT_DBTIMESTAMP) \"1970-01-01 "
		 "00:30\")",
		 "1"},
		{"DATEDIFF(\"mi\", (DT_DBTIMESTAMP) \"2026-03-01 00:00\", (DT_DBTIMESTAMP) \"2026-03-02 "
		 "00:00\")",
		 "1440"},
		{"DATEDIFF(\"ss\", (DT_DBTIMESTAMP) \"2026-03-01 00:00:00.999\", (DT_DBTIMESTAMP) "
		 "\"2026-03-01 00:00:01\")",
		 "1"},
		{"DATEDIFF(\"ms\", (DT_DBTIMESTAMP) \"2026-03-01 00:00:00\", (DT_DBTIMESTAMP) \"2026-03-01 "
		 "00:00:01.5\")",
		 "1500"},
		{"DATEDIFF(\"ms\", (DT_DBDATE) \"2026-03-01\", (DT_DBDATE) \"2026-04-01\")", "error SO707"},
		{"DATEDIFF(\"ss\", (DT_DBDATE) \"0001-01-01\", (DT_DBDATE) \"9999-12-31\")", "error SO707"},
		{"DATEDIFF(\"dd\", (DT_DBDATE) \"0001-01-01\", (DT_DBDATE) \"9999-12-31\")", "3652058"},
		{"DATEDIFF(\"mi\", (DT_DBTIME) \"10:00:00\", (DT_DBTIME) \"11:30:00\")", "90"},
		{"DATEDIFF(\"dd\", @[$Package::since], @started)", "59"},
		{"DATEDIFF(\"dd\", NULL(DT_DATE), @started)", "NULL (DT_I4)"},
		{"DATEDIFF(\"xx\", @started, @started)", "error SO705"},
		{"DATEDIFF(\"dd\", \"2026-03-01\", @started)", "error SO704"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_datepart(void **state)
{
	static const SoTestRow rows[] = {
		{"DATEPART(\"Year\", @started)", "2026 (DT_I4)"},
		{"DATEPART(\"yy\", @started)", "2026"},
		{"DATEPART(\"yyyy\", @started)", "2026"},
		{"DATEPART(\"Quarter\", @started)", "1"},
		{"DATEPART(\"qq\", (DT_DBDATE) \"2026-12-31\")", "4"},
		{"DATEPART(\"q\", (DT_DBDATE) \"2026-04-01\")", "2"},
		{"DATEPART(\"Month\", @started)", "3"},
		{"DATEPART(\"mm\", @started)", "3"},
		{"DATEPART(\"m\", @started)", "3"},
		{"DATEPART(\"Dayofyear\", @started)", "60"},
		{"DATEPART(\"dy\", (DT_DBDATE) \"2024-12-31\")", "366"},
		{"DATEPART(\"y\", (DT_DBDATE) \"2026-01-01\")", "1"},
		{"DATEPART(\"Day\", @started)", "1"},
		{"DATEPART(\"dd\", @started)", "1"},
		{"DATEPART(\"d\", @started)", "1"},
		{"DATEPART(\"Week\", (DT_DBDATE) \"2026-01-03\")", "1"},
		{"DATEPART(\"wk\", (DT_DBDATE) \"2026-01-04\")", "2"},
		{"DATEPART(\"ww\", (DT_DBDATE) \"2026-12-31\")", "53"},
		{"DATEPART(\"wk\", (DT_DBDATE) \"2028-12-31\")", "54"},
		{"DATEPART(\"Weekday\", @started)", "1"},
		{"DATEPART(\"dw\", (DT_DBDATE) \"2026-02-28\")", "7"},
		{"DATEPART(\"w\", (DT_DBDATE) \"1899-12-30\")", "7"},
		{"DATEPART(\"Hour\", @started)", "4"},
		{"DATEPART(\"hh\", GETDATE())", "13"},
		{"DATEPART(\"Minute\", @started)", "5"},
		{"DATEPART(\"mi\", @started)", "5"},
		{"DATEPART(\"n\", @started)", "5"},
		{"DATEPART(\"Second\", @started)", "6"},
		{"DATEPART(\"ss\", @started)", "6"},
		{"DATEPART(\"s\", @started)", "6"},
		{"DATEPART(\"Millisecond\", GETDATE())", "789"},
		{"DATEPART(\"ms\", GETDATE())", "789"},
		{"DATEPART(\"YEAR\", @started)", "2026"},
		{"DATEPART(\"hh\", (DT_DBTIMESTAMPOFFSET, 0) \"2026-03-01 12:00 +02:00\")", "12"},
		{"DATEPART(\"yy\", (DT_DBTIME) \"10:00:00\")", "2026"},
		{"DATEPART(\"yy\", NULL(DT_DATE))", "NULL (DT_I4)"},
		{"DATEPART(\"Fortnight\", @started)", "error SO705"},
		{"DATEPART(\"\", @started)", "error SO705"},
		{"DATEPART(\"yy\", \"2026-03-01\")", "error SO704"},
		{"YEAR(@started)", "2026 (DT_I4)"},
		{"MONTH(@started)", "3"},
		{"DAY(@started)", "1"},
		{"DAY(NULL(DT_DATE))", "NULL (DT_I4)"},
		{"YEAR(\"2026\")", "error SO704"},
		{"GETDATE()", "2026-03-01 13:34:56.789 (DT_DBTIMESTAMP)"},
		{"GETUTCDATE()", "2026-03-01 12:34:56.789 (DT_DBTIMESTAMP)"},
		{"GETDATE() == GETDATE()", "True"},
		{"GETDATE(1)", "error SO716"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_nulls(void **state)
{
	static const SoTestRow rows[] = {
		{"ISNULL(NULL(DT_I4))", "True (DT_BOOL)"},
		{"ISNULL(5)", "False"},
		{"ISNULL(@empty)", "False"},
		{"ISNULL(@rows)", "False"},
		{"ISNULL(1 + NULL(DT_I4))", "True"},
		{"ISNULL(1, 2)", "error SO716"},
		{"REPLACENULL(NULL(DT_I4), 5)", "5 (DT_I4)"},
		{"REPLACENULL(4, 5)", "4 (DT_I4)"},
		{"REPLACENULL(NULL(DT_I4), 5.9)", "5 (DT_I4)"},
		{"REPLACENULL(NULL(DT_I4), \"12\")", "12 (DT_I4)"},
		{"REPLACENULL(NULL(DT_I4), \"x\")", "error SO709"},
		{"REPLACENULL(NULL(DT_WSTR, 5), 12)", "\"12\" (DT_WSTR)"},
		{"REPLACENULL(4, NULL(DT_I4))", "4"},
		{"REPLACENULL(NULL(DT_I4), NULL(DT_I4))", "NULL (DT_I4)"},
		{"REPLACENULL(NULL(DT_NTEXT), \"x\")", "error SO704"},
		{"REPLACENULL(NULL(DT_GUID), 5)", "error SO704"},
		{"REPLACENULL(@rows, 5)", "error SO704"},
		{"REPLACENULL(NULL(DT_DBTIMESTAMP), @started)", "2026-03-01 04:05:06 (DT_DBTIMESTAMP)"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_names(void **state)
{
	static const SoTestRow rows[] = {
		{"upper(\"a\")", "\"A\""},
		{"Upper(\"a\")", "\"A\""},
		{"[UPPER](\"a\")", "\"A\""},
		{"UPPER (\"a\")", "\"A\""},
		{"UPER(\"a\")", "error SO702"},
		{"COALESCE(1, 2)", "error SO702"},
		{"UPPER()", "error SO716"},
		{"UPPER(\"a\", \"b\")", "error SO716"},
		{"UPPER(\"a\", \"b\", \"c\", \"d\", \"e\", \"f\")", "error SO716"},
		{"UPPER(\"a\"", "error SO701"},
		{"UPPER(,)", "error SO701"},
		{"UPPER", "error SO711"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

/* The table is in order, complete, and every function survives NULLs of fitting types. */
static void
test_table(void **state)
{
	const SoExpressionFunction *function;
	size_t count = 0;

	(void) state;
	for (; (function = so_expression_function_at(count)) != NULL; count++)
	{
		char expression[256];

		if (count > 0)
			assert_true(strcmp(so_expression_function_at(count - 1)->name, function->name) < 0);
		assert_ptr_equal(so_expression_function_find(function->name), function);
		assert_int_equal(strncmp(function->form, function->name, strlen(function->name)), 0);
		snprintf(expression, sizeof(expression), "%s(", function->name);
		for (int i = 0; i < function->count; i++)
		{
			SoExpressionArgument argument = function->arguments[i];

			strncat(expression, i > 0 ? ", " : "", sizeof(expression) - strlen(expression) - 1);
			strncat(expression,
					argument == SO_ARGUMENT_TEXT        ? "NULL(DT_WSTR, 1)"
					: argument == SO_ARGUMENT_DATE      ? "NULL(DT_DATE)"
					: argument == SO_ARGUMENT_DATE_PART ? "\"dd\""
														: "NULL(DT_I4)",
					sizeof(expression) - strlen(expression) - 1);
		}
		strncat(expression, ")", sizeof(expression) - strlen(expression) - 1);
		if (function->count > 0)
			assert_true(so_test_expression(expression,
										   strcmp(function->name, "ISNULL") == 0       ? "True"
										   : strcmp(function->name, "TOKENCOUNT") == 0 ? "0"
																					   : "NULL"));
	}
	assert_int_equal(count, 38);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rounding),     cmocka_unit_test(test_reals),
		cmocka_unit_test(test_hex),          cmocka_unit_test(test_text_parts),
		cmocka_unit_test(test_text_changes), cmocka_unit_test(test_text_searches),
		cmocka_unit_test(test_dateadd),      cmocka_unit_test(test_datediff),
		cmocka_unit_test(test_datepart),     cmocka_unit_test(test_nulls),
		cmocka_unit_test(test_names),        cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
