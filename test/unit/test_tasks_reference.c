/*
 * test/unit/test_tasks_reference.c
 *
 * docs/tasks.md: its tables are those of the code, no task is missing, every
 * property has a description, and every YAML example loads without a finding.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/model/load.h"
#include "engine/model/reference.h"
#include "engine/tasks/task.h"
#include "test/unit/document_support.h"

static const char *const page = "docs/tasks.md";

static void
the_page_is_up_to_date(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);
	size_t length;
	char *text = document_read(context, page, &length);
	char *unknown = NULL;
	char *fresh = so_reference_refresh(context, text, &unknown);

	(void) state;
	if (fresh == NULL)
		fail_msg("%s: %s", page, unknown);
	if (strcmp(fresh, text) != 0)
		fail_msg("%s is out of date: scaleout schema --markdown %s", page, page);
	talloc_free(context);
}

static void
every_task_is_on_the_page(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);
	size_t length;
	char *text = document_read(context, page, &length);

	(void) state;
	for (const SoTaskType *const *type = so_task_types(); *type != NULL; type++)
	{
		const SoObjectType *object_type = (*type)->object_type;
		char *mark = talloc_asprintf(context, "<!-- generated: %s -->\n", object_type->name);

		if (strstr(text, mark) == NULL)
			fail_msg("%s lacks the task %s", page, object_type->name);
		assert_ptr_equal(so_task_type_find(object_type->name), *type);
		for (const SoProperty *property = object_type->properties; property->name != NULL;
			 property++)
		{
			if (property->description == NULL || property->example == NULL)
				fail_msg("%s.%s has no description or no example", object_type->name,
						 property->name);
		}
	}
	assert_null(so_task_type_find("no such task"));
	talloc_free(context);
}

static void
every_example_loads(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);
	size_t length;
	char *text = document_read(context, page, &length);
	int count = 0;

	(void) state;
	for (const char *at = text; (at = strstr(at, "```yaml\n")) != NULL; count++)
	{
		const char *begin = at + 8;
		const char *end = strstr(begin, "```\n");
		SoDiagnostics findings = {NULL, 0, 0};

		assert_non_null(end);
		if (so_load_package_text(context, begin, (size_t) (end - begin), page, NULL, &findings) ==
				NULL ||
			findings.count > 0)
			fail_msg("%s", so_diagnostics_to_text(context, &findings));
		at = end + 4;
	}
	assert_in_range(count, 10, 100);
	talloc_free(context);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_is_up_to_date),
		cmocka_unit_test(every_task_is_on_the_page),
		cmocka_unit_test(every_example_loads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
