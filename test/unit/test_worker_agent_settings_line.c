/*
 * test/unit/test_worker_agent_settings_line.c
 *
 * Lines of a settings file, taken apart and quoted.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker_agent/settings_line.h"

static void
test_split(void **state)
{
	static const struct
	{
		const char *line;
		SoSettingLine kind;
		const char *name;
		const char *value;
	} rows[] = {
		{"", SO_SETTING_LINE_EMPTY, NULL, NULL},
		{" \t\r", SO_SETTING_LINE_EMPTY, NULL, NULL},
		{"# a = b", SO_SETTING_LINE_EMPTY, NULL, NULL},
		{"  # \xFC", SO_SETTING_LINE_EMPTY, NULL, NULL},
		{"a=b", SO_SETTING_LINE_SETTING, "a", "b"},
		{"  a\t=  b c \t# d\r", SO_SETTING_LINE_SETTING, "a", "b c"},
		{"a =", SO_SETTING_LINE_SETTING, "a", ""},
		{"a = # b", SO_SETTING_LINE_SETTING, "a", ""},
		{"a = b=c", SO_SETTING_LINE_SETTING, "a", "b=c"},
		{"a_1 = ''", SO_SETTING_LINE_SETTING, "a_1", ""},
		{"a = ' b # '  # c", SO_SETTING_LINE_SETTING, "a", " b # "},
		{"a = 'it''s'", SO_SETTING_LINE_SETTING, "a", "it's"},
		{"a = ''''", SO_SETTING_LINE_SETTING, "a", "'"},
		{"a = it's", SO_SETTING_LINE_SETTING, "a", "it's"},
		{"a = '\xC3\xBC'", SO_SETTING_LINE_SETTING, "a", "\xC3\xBC"},
		{"a", SO_SETTING_LINE_MALFORMED, NULL, NULL},
		{"= b", SO_SETTING_LINE_MALFORMED, NULL, NULL},
		{"a b = c", SO_SETTING_LINE_MALFORMED, NULL, NULL},
		{"a-b = c", SO_SETTING_LINE_MALFORMED, NULL, NULL},
		{"a = 'b", SO_SETTING_LINE_MALFORMED, NULL, NULL},
		{"a = 'b''", SO_SETTING_LINE_MALFORMED, NULL, NULL},
		{"a = '", SO_SETTING_LINE_MALFORMED, NULL, NULL},
		{"a = 'b' c", SO_SETTING_LINE_MALFORMED, NULL, NULL},
		{"a = \xFC", SO_SETTING_LINE_NOT_UTF8, NULL, NULL},
		{"a = b # \xFC", SO_SETTING_LINE_NOT_UTF8, NULL, NULL},
		{"\xFC", SO_SETTING_LINE_NOT_UTF8, NULL, NULL},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		char *line = strdup(rows[i].line);
		char *name = NULL;
		char *value = NULL;
		SoSettingLine kind = so_setting_line_split(line, &name, &value);

		if (kind != rows[i].kind)
			fail_msg("\"%s\" is %d", rows[i].line, kind);
		if (kind == SO_SETTING_LINE_SETTING)
		{
			assert_string_equal(name, rows[i].name);
			assert_string_equal(value, rows[i].value);
		}
		free(line);
	}
}

/* Whatever is quoted is read as it was. */
static void
test_quote(void **state)
{
	static const char *const values[] = {
		"",    "plain", "/srv/a-b_c.d:1", "two words", "'",   "''",
		"a#b", "# all", " begin",         "end ",      "a=b", "B\xC3\xBCro",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
	{
		char *line = NULL;
		size_t size = 0;
		FILE *to = open_memstream(&line, &size);
		char *name;
		char *value;

		fputs("a = ", to);
		so_setting_line_quote(to, values[i]);
		fclose(to);
		assert_int_equal(so_setting_line_split(line, &name, &value), SO_SETTING_LINE_SETTING);
		assert_string_equal(value, values[i]);
		free(line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_quote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
