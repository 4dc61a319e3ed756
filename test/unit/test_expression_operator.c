/*
 * test/unit/test_expression_operator.c
 *
 * A row per operator and per rule about types, NULLs and evaluation order.
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
test_precedence(void **state)
{
	static const SoTestRow rows[] = {
		{"1 + 2 * 3", "7 (DT_I4)"},
		{"(1 + 2) * 3", "9"},
		{"10 - 4 - 3", "3"},
		{"100 / 10 / 5", "2"},
		{"7 - 6 % 4", "5"},
		{"-2 * -3", "6"},
		{"- - 5", "5"},
		{"!True == False", "True"},
		{"~5 & 3", "2"},
		{"(DT_WSTR, 5) 1 + \"2\"", "\"12\""},
		{"(DT_I8) 1 + 1", "2 (DT_I8)"},
		{"-(DT_I2) 3", "-3 (DT_I2)"},
		{"1 < 2 == True", "True"},
		{"1 == 1 != False", "True"},
		{"6 & 3 == 3 ? 1 : 2", "error SO704"},
		{"(6 & 3) == 2 ? 1 : 2", "1"},
		{"1 | 6 ^ 3 & 5", "7"},
		{"1 ^ 3 | 4", "6"},
		{"True || False && False", "True"},
		{"(True || False) && False", "False"},
		{"False ? 1 : True ? 2 : 3", "2"},
		{"True ? False ? 1 : 2 : 3", "2"},
		{"True ? 1 : 2 + 10", "1"},
		{"1 + 1 == 2 && 3 > 2 ? \"yes\" : \"no\"", "\"yes\""},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_integers(void **state)
{
	static const SoTestRow rows[] = {
		{"7 / 2", "3"},
		{"-7 / 2", "-3"},
		{"7 % 3", "1"},
		{"-7 % 3", "-1"},
		{"7 % -3", "1"},
		{"2147483647 + 1", "error SO707"},
		{"-2147483648 - 1", "error SO707"},
		{"2147483647L + 1", "2147483648 (DT_I8)"},
		{"65536 * 65536", "error SO707"},
		{"65536L * 65536", "4294967296 (DT_I8)"},
		{"9223372036854775807L + 1", "error SO707"},
		{"-9223372036854775808L", "-9223372036854775808 (DT_I8)"},
		{"-9223372036854775808L / -1", "error SO707"},
		{"-9223372036854775808L % -1", "0 (DT_I8)"},
		{"-(-9223372036854775808L)", "error SO707"},
		{"-2147483648 / -1", "error SO707"},
		{"-2147483648 % -1", "0"},
		{"5U - 6U", "error SO707"},
		{"5U + 6U", "11 (DT_UI4)"},
		{"5U / 2U", "2 (DT_UI4)"},
		{"5U % 3U", "2 (DT_UI4)"},
		{"4294967295U + 1U", "error SO707"},
		{"18446744073709551615UL + 1UL", "error SO707"},
		{"18446744073709551615UL / 2UL", "9223372036854775807 (DT_UI8)"},
		{"(DT_I1) 100 + (DT_I1) 100", "error SO707"},
		{"(DT_I2) 32767 + (DT_I2) 1", "error SO707"},
		{"-5U", "error SO704"},
		{"-@small", "error SO704"},
		{"@count + 1", "8 (DT_I4)"},
		{"@count * @total", "63000000000 (DT_I8)"},
		{"1.5 % 2", "error SO704"},
		{"\"5\" * 2", "error SO704"},
		{"True + 1", "error SO704"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_division_by_zero(void **state)
{
	static const SoTestRow rows[] = {
		{"1 / 0", "error SO706"},
		{"@count / 0", "error SO706"},
		{"@count % 0", "error SO706"},
		{"@count / (3 - 3)", "error SO706"},
		{"@count / 0.00", "error SO706"},
		{"@ratio / 0.0L", "error SO706"},
		{"@count / @zero", "error SO706"},
		{"@count % @zero", "error SO706"},
		{"@price / @zero", "error SO706"},
		{"@ratio / @zero", "error SO706"},
		{"@zero == 0 ? 0 : @count / @zero", "0"},
		{"NULL(DT_I4) / @zero", "NULL (DT_I4)"},
	};
	SoError error;

	(void) state;
	SO_TEST_ROWS(rows);
	/* A constant divisor is found when the expression is compiled, a variable one is not. */
	assert_null(so_expression_compile(NULL, "@count / 0", false, "test",
									  so_test_expression_resolver(), &error));
	talloc_free(so_expression_compile(NULL, "@count / @zero", false, "test",
									  so_test_expression_resolver(), &error));
}

static void
test_promotion(void **state)
{
	static const SoTestRow rows[] = {
		{"(DT_I1) 1 + (DT_I1) 1", "2 (DT_I1)"},
		{"(DT_I1) 1 + (DT_I2) 1", "2 (DT_I2)"},
		{"(DT_I2) 1 + (DT_I4) 1", "2 (DT_I4)"},
		{"(DT_UI1) 1 + (DT_UI1) 1", "2 (DT_UI1)"},
		{"(DT_UI1) 1 + (DT_UI2) 1", "2 (DT_UI2)"},
		{"(DT_UI2) 1 + (DT_UI4) 1", "2 (DT_UI4)"},
		{"(DT_UI4) 1 + (DT_UI8) 1", "2 (DT_UI8)"},
		{"(DT_UI1) 1 + (DT_I1) 1", "2 (DT_I2)"},
		{"(DT_UI1) 1 + (DT_I2) 1", "2 (DT_I2)"},
		{"(DT_UI2) 1 + (DT_I1) 1", "2 (DT_I4)"},
		{"(DT_UI2) 1 + (DT_I2) 1", "2 (DT_I4)"},
		{"(DT_UI2) 1 + (DT_I4) 1", "2 (DT_I4)"},
		{"(DT_UI4) 1 + (DT_I1) 1", "2 (DT_I8)"},
		{"(DT_UI4) 1 + (DT_I4) 1", "2 (DT_I8)"},
		{"(DT_UI4) 1 + (DT_I8) 1", "2 (DT_I8)"},
		{"@huge + @count", "error SO704"},
		{"@huge == @count", "error SO704"},
		{"@huge - 1", "18446744073709551614 (DT_UI8)"},
		{"@huge > 0", "True"},
		{"@huge + -1", "error SO704"},
		{"(DT_I8) 5UL + @count", "12 (DT_I8)"},
		{"@small + 100", "300 (DT_I4)"},
		{"(DT_R4) 1.5 + (DT_R4) 1", "2.5 (DT_R4)"},
		{"1.5F + (DT_I2) 1", "2.5 (DT_R4)"},
		{"1.5F + 1", "2.5 (DT_R8)"},
		{"1.5F + 1.5L", "3 (DT_R8)"},
		{"1.5L + 1.5", "3 (DT_R8)"},
		{"1.5F + 1.5", "3 (DT_R8)"},
		{"(DT_CY) 1 + (DT_CY) 2", "3.0000 (DT_CY)"},
		{"(DT_CY) 1 + 2", "3.0000 (DT_CY)"},
		{"(DT_CY) 1 + 2L", "3.0000 (DT_NUMERIC)"},
		{"(DT_CY) 1.5 * (DT_CY) 1.5", "2.25000000 (DT_NUMERIC)"},
		{"(DT_CY) 922337203685477L + (DT_CY) 1", "error SO707"},
		{"(DT_DECIMAL, 2) 1.25 + (DT_DECIMAL, 2) 1", "2.25 (DT_NUMERIC)"},
		{"@price + 1", "13.50 (DT_NUMERIC)"},
		{"@price == 12.5", "True"},
		{"1 + 0.5", "1.5 (DT_NUMERIC)"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_decimals(void **state)
{
	static const SoTestRow rows[] = {
		{"0.1 + 0.2 == 0.3", "True"},
		{"1.10 + 2.205", "3.305"},
		{"1.5 - 2.25", "-0.75"},
		{"1.5 * 1.50", "2.250"},
		{"-1.5 * 0", "0.0"},
		{"10.00 / 4", "2.50"},
		{"1 / 3.0", "0.3333333333333333"},
		{"2 / 3.0", "0.6666666666666667"},
		{"-2 / 3.0", "-0.6666666666666667"},
		{"1.0 / 8", "0.125"},
		{"99999999999999999999.0 * 10", "999999999999999999990.0"},
		{"9999999999999999999999999999999999999.0 * 10.0",
		 "99999999999999999999999999999999999990"},
		{"9999999999999999999999999999999999999.0 * 100.0", "error SO707"},
		{"0.00000000000000000001 * 0.00000000000000000001",
		 "0.00000000000000000000000000000000000000"},
		{"99999999999999999999999999999999999999.0 + 1", "error SO707"},
		{"9999999999999999999999999999999999999.9 + 0.1", "10000000000000000000000000000000000000"},
		{"9999999999999999999999999999999999999.9 * 9 + 9999999999999999999999999999999999999.9 * "
		 "9",
		 "error SO707"},
		{"1e10L * 1e300L", "error SO707"},
		{"1e200L * 1e200L", "error SO707"},
		{"1e38F * 10F", "error SO707"},
		{"0.1L + 0.2L", "0.30000000000000004"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_bits(void **state)
{
	static const SoTestRow rows[] = {
		{"6 & 3", "2"},
		{"6 | 3", "7"},
		{"6 ^ 3", "5"},
		{"~0", "-1"},
		{"~(DT_UI1) 1", "254 (DT_UI1)"},
		{"~0U", "4294967295 (DT_UI4)"},
		{"~0UL", "18446744073709551615 (DT_UI8)"},
		{"~(DT_I2) 5", "-6 (DT_I2)"},
		{"-1 & 255", "255"},
		{"0xFF & 0x0F", "15"},
		{"1.0 & 1", "error SO704"},
		{"True & False", "error SO704"},
		{"~True", "error SO704"},
		{"~1.5", "error SO704"},
		{"NULL(DT_I4) & 1", "NULL (DT_I4)"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_nulls(void **state)
{
	static const SoTestRow rows[] = {
		{"NULL(DT_I4) + 1", "NULL (DT_I4)"},
		{"1 - NULL(DT_I8)", "NULL (DT_I8)"},
		{"-NULL(DT_I4)", "NULL (DT_I4)"},
		{"~NULL(DT_I4)", "NULL (DT_I4)"},
		{"!NULL(DT_BOOL)", "NULL (DT_BOOL)"},
		{"\"a\" + NULL(DT_WSTR, 5)", "NULL (DT_WSTR)"},
		{"NULL(DT_I4) == NULL(DT_I4)", "NULL (DT_BOOL)"},
		{"NULL(DT_I4) != 1", "NULL (DT_BOOL)"},
		{"NULL(DT_I4) < 1", "NULL (DT_BOOL)"},
		/* the truth tables of && and || */
		{"True && True", "True"},
		{"True && False", "False"},
		{"False && True", "False"},
		{"True && NULL(DT_BOOL)", "NULL (DT_BOOL)"},
		{"NULL(DT_BOOL) && True", "NULL (DT_BOOL)"},
		{"False && NULL(DT_BOOL)", "False"},
		{"NULL(DT_BOOL) && False", "False"},
		{"NULL(DT_BOOL) && NULL(DT_BOOL)", "NULL (DT_BOOL)"},
		{"True || NULL(DT_BOOL)", "True"},
		{"NULL(DT_BOOL) || True", "True"},
		{"False || NULL(DT_BOOL)", "NULL (DT_BOOL)"},
		{"NULL(DT_BOOL) || False", "NULL (DT_BOOL)"},
		{"NULL(DT_BOOL) || NULL(DT_BOOL)", "NULL (DT_BOOL)"},
		{"False || False", "False"},
		{"NULL(DT_BOOL) ? 1 : 2", "NULL (DT_I4)"},
		{"True ? NULL(DT_I4) : 2", "NULL (DT_I4)"},
		{"False ? NULL(DT_I4) : 2", "2 (DT_I4)"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

/* What is not needed is not evaluated: the error on the right does not happen. */
static void
test_short_circuit(void **state)
{
	static const SoTestRow rows[] = {
		{"@zero != 0 && @count / @zero > 1", "False"},
		{"@zero == 0 || @count / @zero > 1", "True"},
		{"@count / @zero > 1 && @zero != 0", "error SO706"},
		{"@flag ? @count : @count / @zero", "7"},
		{"!@flag ? @count / @zero : @count", "7"},
		{"LEN(@empty) == 0 ? \"none\" : SUBSTRING(@empty, @zero, 1)", "\"none\""},
		{"NULL(DT_BOOL) && @count / @zero > 1", "error SO706"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_logic_types(void **state)
{
	static const SoTestRow rows[] = {
		{"1 && True", "error SO704"},
		{"True || 0", "error SO704"},
		{"!1", "error SO704"},
		{"@count ? 1 : 2", "error SO704"},
		{"True ? 1 : \"x\"", "error SO704"},
		{"@flag ? @count : @name", "error SO704"},
		{"@flag ? 1 : 2L", "1 (DT_I8)"},
		{"@flag ? 1 : 2.5", "1 (DT_NUMERIC)"},
		{"@flag ? @huge : 0", "18446744073709551615 (DT_UI8)"},
		{"@flag ? @started : GETDATE()", "2026-03-01 04:05:06 (DT_DBTIMESTAMP)"},
		{"@rows == @rows", "error SO704"},
		{"@rows", "[[1,\"a\"],[2,\"b\"]] (DT_OBJECT)"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_text_comparison(void **state)
{
	static const SoTestRow rows[] = {
		{"\"a\" == \"a\"", "True"},
		{"\"a\" == \"A\"", "False"},
		{"\"a\" == \"a \"", "False"},
		{"\"a\" < \"b\"", "True"},
		{"\"B\" < \"a\"", "True"},
		{"\"a\" < \"aa\"", "True"},
		{"\"\" < \"a\"", "True"},
		{"\"z\" < \"\\x00E4\"", "True"},
		{"\"\\xFFFF\" < \"\\xD83D\\xDE00\"", "True"},
		{"@name != \"anna\"", "True"},
		{"@name >= \"Anna\"", "True"},
		{"\"1\" == 1", "error SO704"},
		{"(DT_STR, 5, 1252) \"a\" == \"a\"", "True"},
		{"True == True", "True"},
		{"True != False", "True"},
		{"True < False", "error SO704"},
		{"True == 1", "error SO704"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_concatenation(void **state)
{
	static const SoTestRow rows[] = {
		{"\"a\" + \"b\" + \"c\"", "\"abc\" (DT_WSTR)"},
		{"@name + \" \" + @[User::My Name]", "\"Anna Berta\""},
		{"@name + (\"x\" + (\"y\" + @empty))", "\"Annaxy\""},
		{"@name + @name + @name + @name + @name + @name + @name + @name + @name + @name + @name + "
		 "@name + "
		 "@name + @name + @name + @name + @name + @name",
		 "\"AnnaAnnaAnnaAnnaAnnaAnnaAnnaAnnaAnnaAnnaAnnaAnnaAnnaAnna"
		 "AnnaAnnaAnnaAnna\""},
		{"\"a\" + 1", "error SO704"},
		{"1 + \"a\"", "error SO704"},
		{"\"at \" + GETDATE()", "error SO704"},
		{"\"n = \" + (DT_WSTR, 10) @count", "\"n = 7\""},
		{"(DT_STR, 5, 1252) \"a\" + (DT_STR, 5, 1252) \"b\"", "\"ab\" (DT_WSTR)"},
		{"(DT_NTEXT) \"a\" + \"b\"", "\"ab\" (DT_NTEXT)"},
		{"\"a\" + (DT_TEXT, 1252) \"b\"", "\"ab\" (DT_TEXT)"},
		{"(DT_NTEXT) \"a\" + (DT_TEXT, 1252) \"b\"", "error SO704"},
		{"\"a\" - \"b\"", "error SO704"},
		{"\"rows: \" + @rows", "error SO704"},
		{"\"rows: \" + (DT_WSTR, 4000) @rows", "\"rows: [[1,\\\"a\\\"],[2,\\\"b\\\"]]\""},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_date_comparison(void **state)
{
	static const SoTestRow rows[] = {
		{"(DT_DBDATE) \"2026-01-01\" < (DT_DBDATE) \"2026-01-02\"", "True"},
		{"(DT_DATE) \"2026-01-01\" == (DT_DBTIMESTAMP) \"2026-01-01\"", "True"},
		{"@started > @[$Package::since]", "True"},
		{"(DT_DBTIME) \"10:00:00\" < (DT_DBTIME) \"10:00:01\"", "True"},
		{"(DT_DBTIME) \"10:00:00\" == (DT_DBTIME2, 7) \"10:00:00.0000001\"", "False"},
		{"(DT_DBTIME) \"10:00:00\" == (DT_DBDATE) \"2026-01-01\"", "error SO704"},
		{"(DT_DBTIMESTAMP) \"2026-01-01 00:00:00.123\" == (DT_DBTIMESTAMP2, 7) \"2026-01-01 "
		 "00:00:00.1230001\"",
		 "False"},
		{"(DT_DBTIMESTAMPOFFSET, 7) \"2026-01-01 12:00:00 +02:00\" == (DT_DBTIMESTAMP) "
		 "\"2026-01-01 10:00:00\"",
		 "True"},
		{"(DT_DBTIMESTAMPOFFSET, 7) \"2026-01-01 12:00:00 +02:00\" == "
		 "(DT_DBTIMESTAMPOFFSET, 7) \"2026-01-01 05:00:00 -05:00\"",
		 "True"},
		{"(DT_DBTIMESTAMPOFFSET, 0) \"9999-12-31 23:00 -14:00\" > (DT_DBTIMESTAMPOFFSET, 0) "
		 "\"9999-12-31 22:00 -14:00\"",
		 "True"},
		{"(DT_FILETIME) \"2026-01-01 00:00:00:500\" > (DT_DBDATE) \"2026-01-01\"", "True"},
		{"GETDATE() == \"2026-01-01\"", "error SO704"},
		{"GETDATE() - 1", "error SO704"},
		{"(DT_GUID) \"0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11\" == (DT_GUID) "
		 "\"{0F1E7D2C-5A0B-4C55-9D5E-0D6F6F1C2A11}\"",
		 "True"},
		{"(DT_GUID) \"0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11\" == "
		 "\"0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11\"",
		 "error SO704"},
		{"(DT_BYTES, 4) \"0x0102\" < (DT_BYTES, 4) \"0x0103\"", "True"},
		{"(DT_BYTES, 4) \"0x0102\" == (DT_IMAGE) \"0x0102\"", "error SO704"},
		{"(DT_IMAGE) \"0x0102\" == (DT_IMAGE) \"0x0102\"", "True"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_division_by_zero),
		cmocka_unit_test(test_promotion),
		cmocka_unit_test(test_decimals),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_nulls),
		cmocka_unit_test(test_short_circuit),
		cmocka_unit_test(test_logic_types),
		cmocka_unit_test(test_text_comparison),
		cmocka_unit_test(test_concatenation),
		cmocka_unit_test(test_date_comparison),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
