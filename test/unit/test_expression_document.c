/*
 * test/unit/test_expression_document.c
 *
 * Runs every example of docs/expressions.md: lines "expression => result" in
 * blocks marked "expression".
 *
 * Process: the unit test itself; runs in the top folder.
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

#define DOCUMENT "docs/expressions.md"

/* " => " outside of the expression's texts: the last one on the line. */
static char *
find_arrow(char *line)
{
	char *arrow = NULL;

	for (char *at = strstr(line, " => "); at != NULL; at = strstr(at + 1, " => "))
		arrow = at;
	return arrow;
}

static void
test_examples(void **state)
{
	FILE *file = fopen(DOCUMENT, "r");
	char line[4096];
	bool inside = false;
	int count = 0;
	int wrong = 0;

	(void) state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
	{
		char *arrow;

		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "```", 3) == 0)
		{
			inside = strcmp(line, "```expression") == 0;
			continue;
		}
		if (!inside)
			continue;
		arrow = find_arrow(line);
		if (arrow == NULL)
			fail_msg("no result: %s", line);
		*arrow = '\0';
		count++;
		wrong += !so_test_expression(line, arrow + 4);
	}
	fclose(file);
	assert_true(count > 120);
	if (wrong > 0)
		fail_msg("%d of %d examples are wrong", wrong, count);
}

/* Every function stands in the document in the form that messages show. */
static void
test_functions_are_listed(void **state)
{
	FILE *file = fopen(DOCUMENT, "r");
	char text[65536];
	size_t size;

	(void) state;
	assert_non_null(file);
	size = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	assert_true(size < sizeof(text) - 1);
	text[size] = '\0';
	for (size_t i = 0; so_expression_function_at(i) != NULL; i++)
	{
		char quoted[128];

		snprintf(quoted, sizeof(quoted), "`%s`", so_expression_function_at(i)->form);
		if (strstr(text, quoted) == NULL)
			fail_msg("%s is not in %s", quoted, DOCUMENT);
	}
	for (int i = SO_TYPE_NONE + 1; i < SO_TYPE_OBJECT; i++)
		assert_non_null(strstr(text, so_data_type_name((SoDataType) i)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_functions_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
