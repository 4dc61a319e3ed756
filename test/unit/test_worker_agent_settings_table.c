/*
 * test/unit/test_worker_agent_settings_table.c
 *
 * The table of settings holds together: every row has a default that its own range
 * takes, a place of its own, and a description.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/duration.h"
#include "worker_agent/settings_table.h"

/* Names and aliases are compared without case, and each is there once. */
static void
test_names(void **state)
{
	(void) state;
	assert_true(so_setting_row_count > 20);
	for (size_t i = 0; i < so_setting_row_count; i++)
	{
		const SoSettingRow *row = &so_setting_rows[i];

		assert_int_equal(strspn(row->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
						 strlen(row->name));
		for (size_t j = 0; j < so_setting_row_count; j++)
		{
			const SoSettingRow *other = &so_setting_rows[j];

			if (i != j)
			{
				assert_int_not_equal(strcasecmp(row->name, other->name), 0);
				assert_int_not_equal(row->offset, other->offset);
			}
			if (row->alias != NULL)
				assert_int_not_equal(strcasecmp(row->alias, other->name), 0);
		}
	}
}

/* The settings of WorkerSettings.config, all of them. */
static void
test_documented_names(void **state)
{
	static const char *const names[] = {
		"AgentId",
		"DisplayName",
		"Description",
		"MasterEndpoint",
		"MasterHttpsCertThumbprint",
		"WorkerHttpsCertThumbprint",
		"StoreLocation",
		"StoreName",
		"AgentHeartbeatInterval",
		"TaskHeartbeatInterval",
		"HeartbeatErrorTollerance",
		"TaskRequestMaxCPU",
		"TaskRequestMinMemory",
		"MaxTaskCount",
		"LeaseInternval",
		"TasksRootFolder",
		"TaskLogLevel",
		"TaskLogSegment",
		"TaskLogEnabled",
		"ExecutionLogCacheFolder",
		"ExecutionLogMaxBufferLogCount",
		"ExecutionLogMaxInMemoryBufferCount",
		"ExecutionLogRetryCount",
		"ExecutionLogRetryTimeout",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		bool found = false;

		for (size_t j = 0; j < so_setting_row_count && !found; j++)
			found = strcmp(so_setting_rows[j].name, names[i]) == 0 ||
					(so_setting_rows[j].alias != NULL &&
					 strcmp(so_setting_rows[j].alias, names[i]) == 0);
		if (!found)
			fail_msg("%s is missing", names[i]);
	}
}

static void
test_defaults_are_in_range(void **state)
{
	(void) state;
	for (size_t i = 0; i < so_setting_row_count; i++)
	{
		const SoSettingRow *row = &so_setting_rows[i];
		int64_t milliseconds;
		double number = row->minimum;
		char *end;
		SoError error;

		assert_true(row->offset < sizeof(SoSettings));
		if (row->kind == SO_SETTING_DURATION)
		{
			assert_true(so_duration_parse(row->initial, row->name, &milliseconds, &error));
			number = (double) milliseconds;
		}
		else if (row->kind == SO_SETTING_INTEGER || row->kind == SO_SETTING_NUMBER)
		{
			number = strtod(row->initial, &end);
			assert_int_equal(*end, '\0');
		}
		else
		{
			assert_true(row->minimum == 0 && row->maximum == 0);
			continue;
		}
		assert_true(row->minimum < row->maximum);
		if (number < row->minimum || number > row->maximum)
			fail_msg("the default of %s is out of its range", row->name);
	}
}

/* A required setting has no default, and what is required has an effect. */
static void
test_flags(void **state)
{
	(void) state;
	assert_non_null(so_setting_rows[0].section);
	for (size_t i = 0; i < so_setting_row_count; i++)
	{
		const SoSettingRow *row = &so_setting_rows[i];
		size_t length = strlen(row->description);

		if ((row->flags & SO_SETTING_REQUIRED) != 0)
		{
			assert_string_equal(row->initial, "");
			assert_int_equal(row->flags & SO_SETTING_UNUSED, 0);
		}
		if ((row->flags & SO_SETTING_UNUSED) != 0)
			assert_int_equal(row->flags & SO_SETTING_RELOAD, 0);
		assert_true(length > 20);
		assert_int_equal(row->description[length - 1], '.');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_documented_names),
		cmocka_unit_test(test_defaults_are_in_range),
		cmocka_unit_test(test_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
