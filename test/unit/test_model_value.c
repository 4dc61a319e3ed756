/*
 * test/unit/test_model_value.c
 *
 * Typed values: names, texts, JSON, copies, equality, conversions, decimals and
 * the calendar.  The cast rules have their rows in test_expression_cast.c.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/model/value.h"
#include "engine/model/value_datetime.h"
#include "engine/model/value_decimal.h"
#include "engine/model/value_decimal_text.h"

static void
test_names(void **state)
{
	static const struct
	{
		const char *name;
		SoDataType type;
	} rows[] = {
		{"DT_I4", SO_TYPE_I4},      {"dt_i4", SO_TYPE_I4},
		{"int32", SO_TYPE_I4},      {"Int32", SO_TYPE_I4},
		{"int", SO_TYPE_I4},        {"boolean", SO_TYPE_BOOL},
		{"bool", SO_TYPE_BOOL},     {"string", SO_TYPE_WSTR},
		{"datetime", SO_TYPE_DATE}, {"char", SO_TYPE_UI2},
		{"object", SO_TYPE_OBJECT}, {"DT_DBTIMESTAMPOFFSET", SO_TYPE_DBTIMESTAMPOFFSET},
		{"I4", SO_TYPE_NONE},       {"", SO_TYPE_NONE},
		{"DT_NONE", SO_TYPE_NONE},  {"int33", SO_TYPE_NONE},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(so_data_type_from_name(rows[i].name), rows[i].type);
	assert_int_equal(so_data_type_from_name(NULL), SO_TYPE_NONE);
	assert_string_equal(so_data_type_variable_name(SO_TYPE_I8), "int64");
	assert_null(so_data_type_variable_name(SO_TYPE_NUMERIC));
	for (int i = SO_TYPE_NONE + 1; i < SO_TYPE_COUNT; i++)
	{
		const char *variable = so_data_type_variable_name((SoDataType) i);

		assert_int_equal(so_data_type_from_name(so_data_type_name((SoDataType) i)), i);
		if (variable != NULL)
			assert_int_equal(so_data_type_from_name(variable), i);
	}
}

typedef struct TextRow
{
	const char *type;
	const char *text;
	const char *canonical; /* or "SO709" */
	const char *json;      /* NULL: not looked at */
} TextRow;

static const TextRow text_rows[] = {
	{"boolean", "TRUE", "true", "true"},
	{"boolean", "no", "false", "false"},
	{"boolean", "-1", "true", "true"},
	{"boolean", "2", "SO709", NULL},
	{"int32", " 42 ", "42", "42"},
	{"int32", "-2147483648", "-2147483648", "-2147483648"},
	{"int32", "2147483648", "SO707", NULL},
	{"int32", "99999999999999999999999999999999999999999999", "SO707", NULL},
	{"int32", "4 2", "SO709", NULL},
	{"int32", "4.0", "SO709", NULL},
	{"int32", "", "SO709", NULL},
	{"byte", "255", "255", "255"},
	{"byte", "256", "SO707", NULL},
	{"sbyte", "-128", "-128", "-128"},
	{"uint64", "18446744073709551615", "18446744073709551615", "\"18446744073709551615\""},
	{"uint64", "9223372036854775807", "9223372036854775807", "9223372036854775807"},
	{"uint64", "-1", "SO707", NULL},
	{"int64", "9223372036854775807", "9223372036854775807", "9223372036854775807"},
	{"single", "0.1", "0.1", NULL},
	{"double", "0.1", "0.1", NULL},
	{"double", "1e308", "1e+308", NULL},
	{"double", "1e309", "SO707", NULL},
	{"single", "1e39", "SO707", NULL},
	{"double", "0.30000000000000004", "0.30000000000000004", NULL},
	{"double", "5e-324", "4.94065645841247e-324", NULL},
	{"double", "-0", "-0", NULL},
	{"double", "abc", "SO709", NULL},
	{"double", "NaN", "SO709", NULL},
	{"double", "1e", "SO709", NULL},
	{"currency", "1.23456", "1.2345", "\"1.2345\""},
	{"currency", "-922337203685477.5808", "-922337203685477.5808", NULL},
	{"currency", "922337203685477.5808", "SO707", NULL},
	{"decimal", "-12.50", "-12.50", "\"-12.50\""},
	{"decimal", "79228162514264337593543950335", "79228162514264337593543950335", NULL},
	{"decimal", "0.0000000000000000000000000001", "0.0000000000000000000000000001", NULL},
	{"decimal", "100000000000000000000000000000", "SO707", NULL},
	{"DT_NUMERIC", "99999999999999999999999999999999999999",
	 "99999999999999999999999999999999999999", NULL},
	{"DT_NUMERIC", "100000000000000000000000000000000000000", "SO707", NULL},
	{"DT_NUMERIC", "1e3", "1000", NULL},
	{"DT_NUMERIC", "1.5e-2", "0.015", NULL},
	{"DT_NUMERIC", "-0.00", "0.00", NULL},
	{"DT_NUMERIC", ".", "SO709", NULL},
	{"DT_NUMERIC", "1.2.3", "SO709", NULL},
	{"datetime", "2026-03-01", "2026-03-01 00:00:00", "\"2026-03-01 00:00:00\""},
	{"datetime", "2026-03-01T04:05:06.1234567", "2026-03-01 04:05:06.1234567", NULL},
	{"datetime", "2026-03-01 04:05:06.12 +01:00", "2026-03-01 03:05:06.12", NULL},
	{"datetime", "2026-13-01", "SO709", NULL},
	{"datetime", "yesterday", "SO709", NULL},
	{"DT_DBDATE", "0001-01-01", "0001-01-01", NULL},
	{"DT_DBTIME", "23:59:59.9", "23:59:59", NULL},
	{"DT_DBTIME2", "23:59:59.9", "23:59:59.9000000", NULL},
	{"DT_DBTIMESTAMP", "2026-03-01 04:05:06.5", "2026-03-01 04:05:06.500", NULL},
	{"DT_DBTIMESTAMPOFFSET", "2026-03-01 04:05-0330", "2026-03-01 04:05:00.0000000 -03:30", NULL},
	{"DT_GUID", "{0F1E7D2C-5A0B-4C55-9D5E-0D6F6F1C2A11}", "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11",
	 "\"0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11\""},
	{"DT_GUID", "0F1E7D2C-5A0B-4C55-9D5E", "SO709", NULL},
	{"DT_BYTES", "\\x00ff", "\\x00ff", "\"\\\\x00ff\""},
	{"DT_BYTES", "\\x", "\\x", NULL},
	{"DT_BYTES", "00ff", "SO709", NULL},
	{"string", " as it is ", " as it is ", "\" as it is \""},
	{"string", "", "", "\"\""},
	{"DT_NTEXT", "\xC3\xA4", "\xC3\xA4", "\"\xC3\xA4\""},
	{"object", "{\"a\": [1, 2]}", "{\"a\":[1,2]}", "{\"a\":[1,2]}"},
	{"object", "5", "5", "5"},
	{"object", "{", "SO709", NULL},
};

static void
check_text_row(TALLOC_CTX *context, const TextRow *row)
{
	SoDataType type = so_data_type_from_name(row->type);
	SoValue value;
	SoValue back;
	SoError error;
	json_t *json;
	char *dumped;

	if (!so_value_from_text(context, type, row->text, &value, &error))
	{
		assert_string_equal(so_error_state(error.code), row->canonical);
		return;
	}
	assert_string_equal(so_value_to_text(context, &value), row->canonical);
	assert_true(so_value_from_text(context, type, row->canonical, &back, &error));
	assert_true(so_value_same(&value, &back));
	json = so_value_to_json(&value);
	dumped = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
	if (row->json != NULL)
		assert_string_equal(dumped, row->json);
	assert_true(so_value_from_json(context, type, json, &back, &error));
	assert_true(so_value_same(&value, &back));
	free(dumped);
	json_decref(json);
}

static void
test_texts(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);

	(void) state;
	for (size_t i = 0; i < sizeof(text_rows) / sizeof(text_rows[0]); i++)
		check_text_row(context, &text_rows[i]);
	talloc_free(context);
}

static void
test_defaults(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);

	(void) state;
	for (int i = SO_TYPE_NONE + 1; i < SO_TYPE_COUNT; i++)
	{
		SoValue value = so_value_default(context, (SoDataType) i);
		SoValue back;
		SoValue null = so_value_null((SoDataType) i);
		SoError error;

		assert_false(value.is_null);
		assert_true(so_value_from_text(context, (SoDataType) i, so_value_to_text(context, &value),
									   &back, &error));
		assert_true(so_value_same(&value, &back));
		back = so_value_copy(context, &value);
		assert_true(so_value_same(&value, &back));
		assert_false(so_value_same(&value, &null));
		assert_true(so_value_same(&null, &null));
		assert_string_equal(so_value_to_text(context, &null), "");
	}
	assert_string_equal(so_value_to_text(context, &(SoValue){.type = SO_TYPE_BOOL}), "false");
	{
		SoValue date = so_value_default(context, SO_TYPE_DATE);

		assert_string_equal(so_value_to_text(context, &date), "1899-12-30 00:00:00");
	}
	talloc_free(context);
}

/* Copies of texts and objects do not depend on the original. */
static void
test_copies(void **state)
{
	TALLOC_CTX *first = talloc_new(NULL);
	TALLOC_CTX *second = talloc_new(NULL);
	json_t *list = json_pack("[i,s]", 1, "a");
	SoValue text = so_value_string(first, "text");
	SoValue object = so_value_object(first, list);
	SoValue text_copy = so_value_copy(second, &text);
	SoValue object_copy = so_value_copy(second, &object);

	(void) state;
	json_decref(list);
	json_array_append_new(object.as.object, json_integer(2));
	assert_false(so_value_same(&object, &object_copy));
	talloc_free(first);
	assert_string_equal(text_copy.as.text.bytes, "text");
	assert_string_equal(so_value_to_text(second, &object_copy), "[1,\"a\"]");
	talloc_free(second);
}

/* What JSON documents may hold for a type, and what not. */
static void
test_json(void **state)
{
	static const struct
	{
		const char *type;
		const char *json;
		const char *text; /* or "SO709" */
	} rows[] = {
		{"int32", "5", "5"},
		{"int32", "\"5\"", "5"},
		{"int32", "5.0", "SO709"},
		{"int32", "true", "SO709"},
		{"int32", "5000000000", "SO707"},
		{"int32", "[5]", "SO709"},
		{"double", "5", "5"},
		{"double", "0.5", "0.5"},
		{"decimal", "0.5", "0.5"},
		{"decimal", "5", "5"},
		{"string", "5", "SO709"},
		{"string", "true", "SO709"},
		{"string", "\"x\"", "x"},
		{"boolean", "true", "true"},
		{"boolean", "1", "SO709"},
		{"boolean", "\"true\"", "true"},
		{"datetime", "5", "SO709"},
		{"datetime", "\"2026-03-01\"", "2026-03-01 00:00:00"},
		{"object", "[1,null]", "[1,null]"},
		{"object", "\"x\"", "\"x\""},
		{"int32", "null", ""},
	};
	TALLOC_CTX *context = talloc_new(NULL);

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		json_t *json = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);
		SoValue value;
		SoError error;

		if (so_value_from_json(context, so_data_type_from_name(rows[i].type), json, &value, &error))
			assert_string_equal(so_value_to_text(context, &value), rows[i].text);
		else
			assert_string_equal(so_error_state(error.code), rows[i].text);
		json_decref(json);
	}
	talloc_free(context);
}

static void
test_json_natural_types(void **state)
{
	static const struct
	{
		const char *json;
		SoDataType type;
	} rows[] = {
		{"5", SO_TYPE_I4},      {"5000000000", SO_TYPE_I8}, {"5.0", SO_TYPE_R8},
		{"true", SO_TYPE_BOOL}, {"\"5\"", SO_TYPE_WSTR},    {"[5]", SO_TYPE_OBJECT},
		{"{}", SO_TYPE_OBJECT},
	};
	TALLOC_CTX *context = talloc_new(NULL);
	SoValue broken = so_value_bytes(context, SO_TYPE_WSTR, "a\xFF\0b\xC3\xA4", 6);
	json_t *json = so_value_to_json(&broken);

	(void) state;
	/* What is not UTF-8, and zero bytes, cannot travel. */
	assert_string_equal(json_string_value(json), "a\xEF\xBF\xBD\xEF\xBF\xBD"
												 "b\xC3\xA4");
	json_decref(json);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoValue value;
		SoError error;

		json = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);
		assert_true(so_value_from_json(context, SO_TYPE_NONE, json, &value, &error));
		assert_int_equal(value.type, rows[i].type);
		json_decref(json);
	}
	talloc_free(context);
}

static void
test_objects(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);
	json_t *json = json_pack("{s:i}", "a", 1);
	SoValue object = so_value_object(context, json);
	SoValue number = so_value_integer(SO_TYPE_I4, 5);
	SoValue result;
	SoError error;

	(void) state;
	json_decref(json);
	assert_true(so_value_convert(context, &number, SO_TYPE_OBJECT, &result, &error));
	assert_string_equal(so_value_to_text(context, &result), "5");
	assert_true(so_value_convert(context, &result, SO_TYPE_I2, &result, &error));
	assert_int_equal(result.type, SO_TYPE_I2);
	assert_true(so_value_convert(context, &object, SO_TYPE_WSTR, &result, &error));
	assert_string_equal(result.as.text.bytes, "{\"a\":1}");
	assert_false(so_value_convert(context, &object, SO_TYPE_I4, &result, &error));
	talloc_free(context);
}

/* A result text of a decimal operation, or "overflow". */
static const char *
decimal_result(const char *left, char operation, const char *right,
			   char buffer[SO_DECIMAL_TEXT_SIZE])
{
	SoDecimal l;
	SoDecimal r;
	SoDecimal result;
	bool fits;

	assert_int_equal(so_decimal_parse(left, strlen(left), &l), 1);
	assert_int_equal(so_decimal_parse(right, strlen(right), &r), 1);
	fits = operation == '+'   ? so_decimal_add(&l, &r, &result)
		   : operation == '-' ? so_decimal_subtract(&l, &r, &result)
		   : operation == '*' ? so_decimal_multiply(&l, &r, &result)
							  : so_decimal_divide(&l, &r, &result);
	return fits ? so_decimal_format(&result, buffer) : "overflow";
}

static void
test_decimals(void **state)
{
	static const struct
	{
		const char *left;
		char operation;
		const char *right;
		const char *result;
	} rows[] = {
		{"1.5", '+', "2.25", "3.75"},
		{"1.5", '-', "2.25", "-0.75"},
		{"-1.5", '-', "-1.5", "0.0"},
		{"99999999999999999999999999999999999999", '+', "1", "overflow"},
		{"99999999999999999999999999999999999999", '-', "1",
		 "99999999999999999999999999999999999998"},
		{"99999999999999999999999999999999999999", '+', "0.5", "overflow"},
		{"99999999999999999999999999999999999999", '+', "0.4",
		 "99999999999999999999999999999999999999"},
		{"1", '+', "0.00000000000000000000000000000000000001",
		 "1.0000000000000000000000000000000000000"},
		{"12345678901234567890", '*', "12345678901234567890", "overflow"},
		{"1234567890123456789", '*', "1234567890123456789",
		 "1524157875323883675019051998750190521"},
		{"0.00000000000000000005", '*', "0.0000000000000000001",
		 "0.00000000000000000000000000000000000001"},
		{"-0.5", '*', "0.5", "-0.25"},
		{"1", '/', "3", "0.3333333333333333"},
		{"2", '/', "3", "0.6666666666666667"},
		{"1", '/', "99999999999999999999999999999999999999", "0"},
		{"99999999999999999999999999999999999999", '/', "1",
		 "99999999999999999999999999999999999999"},
		{"99999999999999999999999999999999999999", '/', "0.1", "overflow"},
		{"99999999999999999999999999999999999999", '/', "3",
		 "33333333333333333333333333333333333333"},
		{"0.00000000000000000000000000000000000001", '/',
		 "0.00000000000000000000000000000000000001", "1.0000000000000000000000000000000000000"},
		{"10.00", '/', "4", "2.50"},
		{"1e37", '/', "1e-37", "overflow"},
	};
	char buffer[SO_DECIMAL_TEXT_SIZE];

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		const char *result = decimal_result(rows[i].left, rows[i].operation, rows[i].right, buffer);

		if (strcmp(result, rows[i].result) != 0)
			fail_msg("%s %c %s gives %s, not %s", rows[i].left, rows[i].operation, rows[i].right,
					 result, rows[i].result);
	}
}

/* Multiplying and dividing back gives the number again, whatever the digits. */
static void
test_decimal_products(void **state)
{
	uint64_t seed = 42;

	(void) state;
	for (int i = 0; i < 20000; i++)
	{
		SoDecimal left;
		SoDecimal right;
		SoDecimal product;
		SoDecimal quotient;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		left = so_decimal_from_integer((int64_t) seed >> (seed % 60));
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		right = so_decimal_from_integer((int64_t) seed >> (seed % 60));
		left.scale = (uint8_t) (seed % 7);
		if (right.digits == 0 || !so_decimal_multiply(&left, &right, &product))
			continue;
		assert_true(so_decimal_divide(&product, &right, &quotient));
		assert_int_equal(so_decimal_compare(&quotient, &left), 0);
	}
}

static void
test_decimal_rounding(void **state)
{
	static const struct
	{
		const char *number;
		int scale;
		SoDecimalRounding rounding;
		const char *result;
	} rows[] = {
		{"2.5", 0, SO_DECIMAL_HALF_AWAY, "3"},
		{"-2.5", 0, SO_DECIMAL_HALF_AWAY, "-3"},
		{"2.4999", 0, SO_DECIMAL_HALF_AWAY, "2"},
		{"2.9", 0, SO_DECIMAL_TRUNCATE, "2"},
		{"-2.9", 0, SO_DECIMAL_TRUNCATE, "-2"},
		{"-2.1", 0, SO_DECIMAL_FLOOR, "-3"},
		{"2.9", 0, SO_DECIMAL_FLOOR, "2"},
		{"2.1", 0, SO_DECIMAL_CEILING, "3"},
		{"-2.9", 0, SO_DECIMAL_CEILING, "-2"},
		{"-0.4", 0, SO_DECIMAL_TRUNCATE, "0"},
		{"9.99", 1, SO_DECIMAL_HALF_AWAY, "10.0"},
		{"1", 3, SO_DECIMAL_TRUNCATE, "1.000"},
		{"99999999999999999999999999999999999.999", 0, SO_DECIMAL_HALF_AWAY,
		 "100000000000000000000000000000000000"},
	};
	char buffer[SO_DECIMAL_TEXT_SIZE];
	SoDecimal decimal;

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		assert_int_equal(so_decimal_parse(rows[i].number, strlen(rows[i].number), &decimal), 1);
		assert_true(so_decimal_rescale(&decimal, rows[i].scale, rows[i].rounding));
		assert_string_equal(so_decimal_format(&decimal, buffer), rows[i].result);
	}
	assert_int_equal(so_decimal_parse("99999999999999999999999999999999999999", 38, &decimal), 1);
	assert_false(so_decimal_rescale(&decimal, 1, SO_DECIMAL_TRUNCATE));
}

/* Every day of the calendar there and back. */
static void
test_calendar(void **state)
{
	int year;
	int month;
	int day;
	int32_t days = so_datetime_days(1, 1, 1);
	SoDateTime moment;

	(void) state;
	assert_int_equal(so_datetime_days(1970, 1, 1), 0);
	assert_int_equal(so_datetime_days(1899, 12, 30), SO_DATETIME_OLE_EPOCH);
	assert_int_equal(so_datetime_days(2026, 3, 1), 20513);
	for (int y = 1; y <= 9999; y++)
	{
		for (int m = 1; m <= 12; m++)
		{
			assert_int_equal(so_datetime_days(y, m, 1), days);
			so_datetime_civil(days, &year, &month, &day);
			assert_int_equal(year * 10000 + month * 100 + day, y * 10000 + m * 100 + 1);
			days += so_datetime_days_in_month(y, m);
			so_datetime_civil(days - 1, &year, &month, &day);
			assert_int_equal(year * 10000 + month * 100 + day,
							 y * 10000 + m * 100 + so_datetime_days_in_month(y, m));
		}
	}
	assert_true(so_datetime_in_range(days - 1));
	assert_false(so_datetime_in_range(days));
	moment = so_datetime_from_clock(-1);
	assert_int_equal(moment.days, -1);
	assert_int_equal(moment.ticks, SO_TICKS_PER_DAY - 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_natural_types),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_decimals),
		cmocka_unit_test(test_decimal_products),
		cmocka_unit_test(test_decimal_rounding),
		cmocka_unit_test(test_calendar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
