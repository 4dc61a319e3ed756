/*
 * test/unit/test_model_diagnostics.c
 *
 * Findings: order, limit, copies, and both forms of output.
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

#include "engine/model/diagnostics.h"
#include "engine/model/load.h"

static TALLOC_CTX *context;
static SoDiagnostics findings;

static int
begin(void **state)
{
	(void) state;
	context = talloc_new(NULL);
	memset(&findings, 0, sizeof(findings));
	return 0;
}

static int
end(void **state)
{
	(void) state;
	talloc_free(context);
	return 0;
}

static void
add(SoDiagnostics *list, bool is_warning, const char *file, int line, int column, int number)
{
	SoFinding finding = {.is_warning = is_warning,
						 .code = SO_ERR_DOCUMENT_DUPLICATE_ID,
						 .file = file,
						 .line = line,
						 .column = column,
						 .pointer = "/a/0"};

	so_diagnostics_add(list, context, &finding, "finding %d", number);
}

static void
test_add(void **state)
{
	char file[] = "a.yaml";
	SoFinding finding = {.code = SO_ERR_DOCUMENT_DUPLICATE_ID, .file = file, .hint = "Do this."};

	(void) state;
	add(&findings, true, NULL, 0, 0, 1);
	so_diagnostics_add(&findings, context, &finding, "%s", "text");
	file[0] = 'x'; /* it was copied */
	assert_int_equal(findings.count, 2);
	assert_int_equal(findings.error_count, 1);
	assert_true(findings.items[0].is_warning);
	assert_string_equal(findings.items[0].message, "finding 1");
	assert_string_equal(findings.items[0].hint,
						so_error_default_hint(SO_ERR_DOCUMENT_DUPLICATE_ID));
	assert_string_equal(findings.items[1].file, "a.yaml");
	assert_string_equal(findings.items[1].pointer, "");
	assert_string_equal(findings.items[1].hint, "Do this.");
}

/* The first 500 and one that says so; all errors are counted. */
static void
test_limit(void **state)
{
	(void) state;
	for (int i = 0; i < SO_MAX_FINDINGS + 100; i++)
		add(&findings, i % 2 == 0, NULL, 1, 1, i);
	assert_int_equal(findings.count, SO_MAX_FINDINGS + 1);
	assert_int_equal(findings.error_count, (SO_MAX_FINDINGS + 100) / 2);
	assert_string_equal(findings.items[SO_MAX_FINDINGS - 1].message, "finding 499");
	assert_string_equal(so_error_state(findings.items[SO_MAX_FINDINGS].code), "SO623");
}

static int
count_of(SoErrorCode code)
{
	int count = 0;

	for (int i = 0; i < findings.count; i++)
		count += findings.items[i].code == code;
	return count;
}

/* The same limit when lists are put together: it is said, and said once. */
static void
test_append_limit(void **state)
{
	SoDiagnostics other = {0};

	(void) state;
	for (int i = 0; i < 300; i++)
	{
		add(&findings, false, NULL, 0, 0, i);
		add(&other, false, NULL, 0, 0, 1000 + i);
	}
	so_diagnostics_append(&findings, context, &other);
	assert_int_equal(findings.count, SO_MAX_FINDINGS + 1);
	assert_int_equal(findings.error_count, 600);
	assert_string_equal(findings.items[300].message, "finding 1000");
	assert_int_equal(count_of(SO_ERR_DOCUMENT_TOO_MANY_FINDINGS), 1);
	assert_string_equal(so_error_state(findings.items[SO_MAX_FINDINGS].code), "SO623");

	so_diagnostics_append(&findings, context, &other);
	assert_int_equal(findings.count, SO_MAX_FINDINGS + 1);
	assert_int_equal(findings.error_count, 900);
}

/* A full list stays what it is when it is copied or appended to an empty one. */
static void
test_append_full(void **state)
{
	SoDiagnostics full = {0};

	(void) state;
	for (int i = 0; i < SO_MAX_FINDINGS + 100; i++)
		add(&full, false, NULL, 0, 0, i);
	so_diagnostics_append(&findings, context, &full);
	assert_int_equal(findings.count, SO_MAX_FINDINGS + 1);
	assert_int_equal(findings.error_count, SO_MAX_FINDINGS + 100);
	assert_int_equal(count_of(SO_ERR_DOCUMENT_TOO_MANY_FINDINGS), 1);
}

/* Texts live on when the context that they were made in is gone. */
static void
test_adopt(void **state)
{
	TALLOC_CTX *home = talloc_new(NULL);
	TALLOC_CTX *old = context;

	(void) state;
	context = talloc_new(NULL);
	add(&findings, false, "a.yaml", 3, 4, 7);
	add(&findings, true, NULL, 0, 0, 8);
	so_diagnostics_adopt(&findings, home);
	talloc_free(context);
	context = old;
	assert_int_equal(findings.count, 2);
	assert_int_equal(findings.error_count, 1);
	assert_string_equal(findings.items[0].file, "a.yaml");
	assert_string_equal(findings.items[0].message, "finding 7");
	assert_string_equal(findings.items[0].pointer, "/a/0");
	assert_null(findings.items[1].file);
	talloc_free(home);
}

/* By line and column within a file; equal places keep their order, files and placeless ones theirs. */
static void
test_sort(void **state)
{
	(void) state;
	add(&findings, false, "a", 9, 1, 0);
	add(&findings, false, "a", 2, 5, 1);
	add(&findings, false, "a", 2, 3, 2);
	add(&findings, false, "a", 2, 3, 3);
	add(&findings, false, "a", 0, 0, 4);
	add(&findings, false, "b", 1, 1, 5);
	add(&findings, false, "b", 1, 0, 6);
	so_diagnostics_sort(&findings);
	{
		static const int wanted[] = {2, 3, 1, 0, 4, 6, 5};

		for (int i = 0; i < 7; i++)
			assert_int_equal(atoi(findings.items[i].message + strlen("finding ")), wanted[i]);
	}
}

static void
test_text(void **state)
{
	SoFinding finding = {.code = SO_ERR_DOCUMENT_DUPLICATE_ID, .line = 3, .column = 7, .hint = ""};

	(void) state;
	assert_string_equal(so_diagnostics_to_text(context, &findings), "");
	add(&findings, true, "a.yaml", 12, 5, 1);
	findings.items[0].hint = talloc_strdup(context, "Try this.");
	so_diagnostics_add(&findings, context, &finding, "first\n  second");
	finding.line = 0;
	so_diagnostics_add(&findings, context, &finding, "nowhere");
	assert_string_equal(
		so_diagnostics_to_text(context, &findings),
		talloc_asprintf(context,
						"a.yaml:12:5: warning %s: finding 1\n    at /a/0\n    hint: Try this.\n"
						"3:7: error %s: first\n      second\n"
						"error %s: nowhere\n",
						so_error_state(SO_ERR_DOCUMENT_DUPLICATE_ID),
						so_error_state(SO_ERR_DOCUMENT_DUPLICATE_ID),
						so_error_state(SO_ERR_DOCUMENT_DUPLICATE_ID)));
}

static void
test_json(void **state)
{
	json_t *list;
	json_t *wanted;

	(void) state;
	add(&findings, true, "a.yaml", 12, 5, 1);
	add(&findings, false, NULL, 0, 0, 2);
	list = so_diagnostics_to_json(&findings);
	wanted = json_pack("[{s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:s}, {s:s, s:s, s:s, s:s, s:s}]",
					   "severity", "warning", "code", so_error_state(SO_ERR_DOCUMENT_DUPLICATE_ID),
					   "file", "a.yaml", "line", 12, "column", 5, "pointer", "/a/0", "message",
					   "finding 1", "hint", so_error_default_hint(SO_ERR_DOCUMENT_DUPLICATE_ID),
					   "severity", "error", "code", so_error_state(SO_ERR_DOCUMENT_DUPLICATE_ID),
					   "pointer", "/a/0", "message", "finding 2", "hint",
					   so_error_default_hint(SO_ERR_DOCUMENT_DUPLICATE_ID));
	assert_true(json_equal(list, wanted));
	json_decref(list);
	json_decref(wanted);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_add, begin, end),
		cmocka_unit_test_setup_teardown(test_limit, begin, end),
		cmocka_unit_test_setup_teardown(test_append_limit, begin, end),
		cmocka_unit_test_setup_teardown(test_append_full, begin, end),
		cmocka_unit_test_setup_teardown(test_adopt, begin, end),
		cmocka_unit_test_setup_teardown(test_sort, begin, end),
		cmocka_unit_test_setup_teardown(test_text, begin, end),
		cmocka_unit_test_setup_teardown(test_json, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
