/*
 * test/unit/test_tasks_bulk_insert_statement.c
 *
 * engine/tasks/bulk_insert_statement.c: options of COPY.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/tasks/bulk_insert.h"
#include "task_fake.h"

static void
writes_what_copy_offers(void **state)
{
	SoTaskRun *run = fake_run_new(&so_task_bulk_insert);
	SoError error;

	(void) state;
	fake_set(run, "table", "stage.sales");
	assert_string_equal(so_bulk_insert_statement(run->context, run->properties, true, &error),
						"COPY stage.sales FROM STDIN WITH (FORMAT text)");
	fake_set(run, "format", "csv");
	fake_set(run, "delimiter", "tab");
	fake_set(run, "quote", "'");
	fake_set(run, "escape", "\\");
	fake_set(run, "null_string", "N'A");
	fake_set(run, "header", "true");
	fake_set(run, "encoding", "LATIN1");
	fake_set(run, "where", "id > 1");
	fake_set_list(run, "columns", "id", "two words", NULL);
	fake_set_list(run, "force_null", "id", NULL);
	assert_string_equal(
		so_bulk_insert_statement(run->context, run->properties, true, &error),
		"COPY stage.sales (id, \"two words\") FROM STDIN WITH (FORMAT csv, DELIMITER '\t', "
		"QUOTE '''', ESCAPE E'\\\\', NULL 'N''A', HEADER true, FORCE_NULL (id), "
		"ENCODING 'LATIN1') WHERE id > 1");
	fake_set(run, "delimiter", "ab");
	assert_null(so_bulk_insert_statement(run->context, run->properties, true, &error));
	assert_int_equal(error.code, SO_ERR_TASK_PROPERTY);
	fake_run_free(run);
}

static void
tables_are_names(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoError error;

	(void) state;
	assert_non_null(so_bulk_insert_table(context, "a", &error));
	assert_non_null(so_bulk_insert_table(context, "\"A b\".\"c\"\"d\"", &error));
	assert_null(so_bulk_insert_table(context, "a; DROP TABLE b", &error));
	assert_null(so_bulk_insert_table(context, "a b", &error));
	assert_null(so_bulk_insert_table(context, "", &error));
	assert_null(so_bulk_insert_table(context, "\"a", &error));
	talloc_free(context);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_what_copy_offers),
		cmocka_unit_test(tables_are_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
