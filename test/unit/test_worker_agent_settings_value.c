/*
 * test/unit/test_worker_agent_settings_value.c
 *
 * The value of one setting by its kind: ranges, forms, what a wrong one leaves as it was.
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

#include "worker_agent/settings_value.h"

#define PRINT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static SoSettings *
defaults(void)
{
	SoSettings *settings = talloc_zero(NULL, SoSettings);
	SoError error;

	for (size_t i = 0; i < so_setting_row_count; i++)
		assert_true(so_setting_value_set_default(settings, &so_setting_rows[i], &error));
	return settings;
}

/* The value as a file would have it; the caller frees it. */
static char *
written(const SoSettings *settings, const SoSettingRow *row)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	so_setting_value_write(settings, row, to);
	fclose(to);
	return text;
}

static void
test_values(void **state)
{
	static const struct
	{
		const char *name;
		const char *text;
		const char *written; /* NULL: refused */
	} rows[] = {
		{"MaxTaskCount", "1", "1"},
		{"maxtaskcount", "1024", "1024"},
		{"MaxTaskCount", "1e2", "100"},
		{"MaxTaskCount", "0", NULL},
		{"MaxTaskCount", "-1", NULL},
		{"MaxTaskCount", "1025", NULL},
		{"MaxTaskCount", "1.5", NULL},
		{"MaxTaskCount", "1e300", NULL},
		{"MaxTaskCount", "inf", NULL},
		{"MaxTaskCount", "nan", NULL},
		{"MaxTaskCount", "", NULL},
		{"MaxTaskCount", "10 tasks", NULL},
		{"TaskRequestMaxCPU", "70.5", "70.5"},
		{"TaskRequestMaxCPU", "101", NULL},
		{"TaskRequestMaxCPU", "many", NULL},
		{"TaskLogEnabled", "OFF", "false"},
		{"TaskLogEnabled", "1", "true"},
		{"TaskLogEnabled", "2", NULL},
		{"TaskLogEnabled", "", NULL},
		{"LeaseInterval", "90s", "00:01:30"},
		{"LeaseInternval", "00:00:30", "00:00:30"},
		{"LeaseInterval", "90", NULL},
		{"LeaseInterval", "-1s", NULL},
		{"LeaseInterval", "9999d", NULL},
		{"AgentId", "0F1E7D2C-5A0B-4C55-9D5E-0D6F6F1C2A11", "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11"},
		{"AgentId", "", NULL},
		{"AgentId", "17", NULL},
		{"MasterEndpoint", "https://a:1,https://b", "'https://a:1,https://b'"},
		{"MasterEndpoint", "a:1", NULL},
		{"MasterEndpoint", "", NULL},
		{"MasterHttpsCertThumbprint", PRINT, PRINT},
		{"MasterHttpsCertThumbprint", PRINT "," PRINT, "'" PRINT "," PRINT "'"},
		{"MasterHttpsCertThumbprint", PRINT "0", NULL},
		{"MasterHttpsCertThumbprint", PRINT ",x", NULL},
		{"MasterHttpsCertThumbprint", ",", NULL},
		{"MasterHttpsCertThumbprint", "", NULL},
		{"WorkerHttpsCertThumbprint", "", "''"},
		{"LogDestination", "journal", "journal"},
		{"LogDestination", "journa", NULL},
		{"LogDestination", ",", NULL},
		{"LogDestination", "file, journal", NULL},
		{"LogDestination", "", NULL},
		{"DisplayName", "", "''"},
		{"DisplayName", "it's", "'it''s'"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		const SoSettingRow *row = so_setting_find(rows[i].name);
		SoSettings *settings = defaults();
		SoSettings *before = defaults();
		SoError error;
		char *text;
		bool good = so_setting_value_set(settings, row, rows[i].text, "here:1", &error);

		text = written(settings, row);
		if (good != (rows[i].written != NULL))
			fail_msg("%s = %s is %s", rows[i].name, rows[i].text, good ? text : "refused");
		if (good)
			assert_string_equal(text, rows[i].written);
		else
		{
			assert_int_equal(error.code, SO_ERR_AGENT_SETTING_INVALID);
			assert_string_equal(error.place, "here:1");
			assert_true(error.detail[0] != '\0');
			assert_true(so_setting_value_same(settings, before, row));
		}
		free(text);
		talloc_free(settings);
		talloc_free(before);
	}
}

/* As many as the agent can hold, and one more. */
static void
test_many_thumbprints(void **state)
{
	const SoSettingRow *row = so_setting_find("MasterHttpsCertThumbprint");
	SoSettings *settings = defaults();
	char *text = talloc_strdup(settings, PRINT);
	SoError error;

	(void) state;
	for (int i = 1; i < 16; i++)
		text = talloc_strdup_append(text, "," PRINT);
	assert_true(so_setting_value_set(settings, row, text, "here:1", &error));
	text = talloc_strdup_append(text, "," PRINT);
	assert_false(so_setting_value_set(settings, row, text, "here:1", &error));
	assert_non_null(strstr(error.detail, "there are more than 16 thumbprints."));
	talloc_free(settings);
}

/* Copies are equal and independent; one other value is seen, whichever it is. */
static void
test_copies(void **state)
{
	(void) state;
	for (size_t i = 0; i < so_setting_row_count; i++)
	{
		const SoSettingRow *row = &so_setting_rows[i];
		static const char *const others[] = {
			"no",          "yes", "7",    "90s",        "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11",
			"https://x:1", PRINT, "file", "/somewhere",
		};
		SoSettings *from = defaults();
		SoSettings *to = defaults();
		SoError error;
		bool changed = false;

		for (size_t j = 0; j < sizeof(others) / sizeof(others[0]) && !changed; j++)
			changed = so_setting_value_set(from, row, others[j], "", &error) &&
					  !so_setting_value_same(from, to, row);
		if (!changed)
			fail_msg("%s has no other value", row->name);
		for (size_t j = 0; j < so_setting_row_count; j++)
			assert_int_equal(so_setting_value_same(from, to, &so_setting_rows[j]), i != j);
		so_setting_value_copy(to, from, row);
		assert_true(so_setting_value_same(from, to, row));
		talloc_free(from);
		free(written(to, row));
		talloc_free(to);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_many_thumbprints),
		cmocka_unit_test(test_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
