/*
 * test/unit/test_client_exec_option_table.c
 *
 * The options of scaleout exec: every abbreviation means what dtexec means by it,
 * what an optional argument may be, and what is said of options that do not exist.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "client/exec_option_table.h"

/* No abbreviation that is long enough is taken for another option, and no shorter one is taken at all. */
static void
test_abbreviations(void **state)
{
	static const struct
	{
		const char *name;
		size_t shortest;
		SoExecOption option;
	} options[] = {
		{"set", 3, SO_EXEC_SET},
		{"connection", 4, SO_EXEC_CONNECTION},
		{"parameter", 3, SO_EXEC_PARAMETER},
		{"configfile", 4, SO_EXEC_CONFIG},
		{"commandfile", 3, SO_EXEC_COMMAND_FILE},
		{"package", 4, SO_EXEC_PACKAGE},
		{"file", 1, SO_EXEC_FILE},
		{"validate", 2, SO_EXEC_VALIDATE},
		{"warnaserror", 1, SO_EXEC_WARN_AS_ERROR},
		{"reporting", 3, SO_EXEC_REPORTING},
		{"maxconcurrent", 1, SO_EXEC_MAX_CONCURRENT},
		{"checkpointing", 6, SO_EXEC_CHECKPOINTING},
		{"checkpointkeyfile", 11, SO_EXEC_CHECKPOINT_KEY_FILE},
		{"checkfile", 6, SO_EXEC_CHECK_FILE},
		{"restart", 3, SO_EXEC_RESTART},
		{"restartplan", 8, SO_EXEC_RESTART_PLAN},
		{"consolelog", 4, SO_EXEC_CONSOLE_LOG},
		{"graph", 5, SO_EXEC_GRAPH},
		{"verifybuild", 7, SO_EXEC_VERIFY_BUILD},
		{"verifypackageid", 7, SO_EXEC_VERIFY_PACKAGE_ID},
		{"verifyversionid", 7, SO_EXEC_VERIFY_VERSION_ID},
		{"sum", 2, SO_EXEC_SUM},
		{"plain", 5, SO_EXEC_PLAIN},
		{"rem", 3, SO_EXEC_REM},
		{"help", 1, SO_EXEC_HELP},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
	{
		for (size_t length = 1; length <= strlen(options[i].name); length++)
		{
			const SoExecOptionRow *row;
			char name[32];

			snprintf(name, sizeof(name), "%.*s", (int) length, options[i].name);
			name[0] = (char) (name[0] - 'a' + 'A');
			row = so_exec_option_find(name);
			if (length >= options[i].shortest && (row == NULL || row->option != options[i].option))
				fail_msg("%s is %s", name, row != NULL ? row->name : "nothing");
			if (length < options[i].shortest && row != NULL && row->option == options[i].option)
				fail_msg("%s is too short for %s", name, row->name);
		}
	}
	assert_null(so_exec_option_find(""));
	assert_null(so_exec_option_find("setx"));
	assert_null(so_exec_option_find("helpme"));
}

static void
test_optional_arguments(void **state)
{
	static const struct
	{
		const char *option;
		const char *word;
		bool fits;
	} rows[] = {
		{"checkpointing", "on", true},
		{"checkpointing", "OFF", true},
		{"checkpointing", "o", false},
		{"checkpointing", "onoff", false},
		{"checkpointing", "on|off", false},
		{"checkpointing", "", false},
		{"restart", "ifPossible", true},
		{"restart", "IFPOSSIBLE", true},
		{"restart", "if", false},
		{"restartplan", "json", true},
		{"graph", "dot", true},
		{"graph", "load.yaml", false},
		{"consolelog", "NCO", true},
		{"consolelog", "ngt;I;load", true},
		{"consolelog", ";E;load", true},
		{"consolelog", "load.yaml", false},
		{"consolelog", "NCOz;I;load", false},
		{"consolelog", "", false},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		if (so_exec_option_fits(so_exec_option_find(rows[i].option), rows[i].word) != rows[i].fits)
			fail_msg("%s \"%s\"", rows[i].option, rows[i].word);
	}
}

static void
test_unknown(void **state)
{
	SoError error;

	(void) state;
	assert_false(so_exec_option_unknown("packge", "--packge", &error));
	assert_int_equal(error.code, SO_ERR_CLIENT_USAGE);
	assert_string_equal(error.message, "unknown option: --packge");
	assert_string_equal(error.hint, "Did you mean --package? Run scaleout exec --help.");
	assert_false(so_exec_option_unknown("zzzzzz", "--zzzzzz", &error));
	assert_string_equal(error.hint, "Run scaleout exec --help.");
	assert_false(so_exec_option_unknown("DumpOnError", "/DumpOnError", &error));
	assert_string_equal(error.message, "/DumpOnError of dtexec does not exist here");
	assert_non_null(strstr(error.hint, "--reporting V"));
	/* Too short for what dtexec has. */
	assert_false(so_exec_option_unknown("is", "/is", &error));
	assert_string_equal(error.message, "unknown option: /is");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_abbreviations),
		cmocka_unit_test(test_optional_arguments),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
