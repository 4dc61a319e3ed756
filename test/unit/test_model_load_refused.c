/*
 * test/unit/test_model_load_refused.c
 *
 * Documents that are refused, one mistake each: with what words, and at which line
 * and column.  More of them, with several mistakes in a file, are in
 * test/fixtures/documents/invalid.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "engine/model/load.h"

#define TASK "executables: [{name: t, type: no_operation}]\n"

static TALLOC_CTX *context;

static int
begin(void **state)
{
	(void) state;
	context = talloc_new(NULL);
	return 0;
}

static int
end(void **state)
{
	(void) state;
	talloc_free(context);
	return 0;
}

/* All findings of a document as text, "" for none. */
static char *
findings_of(const char *text, size_t length)
{
	SoDiagnostics findings = {0};
	SoProject *project = so_load_package_text(context, text, length, "p.yaml", NULL, &findings);

	assert_int_equal(project == NULL, findings.error_count > 0);
	return so_diagnostics_to_text(context, &findings);
}

static void
test_refused(void **state)
{
	static const struct
	{
		const char *text;
		const char *says; /* the one finding begins with it */
	} rows[] = {
		/* connections */
		{"name: p\nconnections: [{name: c}]\n",
		 "p.yaml:2:15: error SO603: a connection manager needs type: the name of its type\n"},
		{"name: p\nconnections: [{name: c, type: postgers}]\n",
		 "p.yaml:2:31: error SO607: there is no connection manager of type \"postgers\"\n"},
		{"name: p\nconnections: [{name: '', type: file, connection_string: /x}]\n",
		 "p.yaml:2:15: error SO605: the name of a connection manager cannot be empty\n"},
		{"name: p\nconnections: {name: c, type: file}\n",
		 "p.yaml:2:14: error SO604: connections: expected a list, found an object\n"},
		{"name: p\nconnections:\n- {name: c, type: file, connection_string: /x}\n- {name: c, type: "
		 "file, connection_string: /y}\n",
		 "p.yaml:4:3: error SO608: there is a connection manager c already\n"},
		/* constraints */
		{"name: p\nexecutables:\n- {name: a, type: no_operation}\n- {name: b, type: no_operation, "
		 "after: {any: "
		 "maybe, executable: a}}\n",
		 "p.yaml:4:46: error SO604: any: expected true or false beside executable\n"},
		{"name: p\nexecutables:\n- {name: a, type: no_operation}\n- {name: b, type: no_operation, "
		 "after: {on: "
		 "completion}}\n",
		 "p.yaml:4:40: error SO603: after needs executable: the name of a sibling\n"},
		{"name: p\nexecutables:\n- {name: a, type: no_operation, after: a}\n",
		 "p.yaml:3:40: error SO613: \\Package\\a waits for itself\n"},
		{"name: p\nexecutables:\n- {name: a, type: no_operation, after: b}\n- {name: b, type: "
		 "no_operation, "
		 "after: a}\n",
		 "p.yaml:3:1: error SO613: the precedence constraints of \\Package form a cycle; among 2 "
		 "executables that could never start are \"a\", \"b\"\n"},
		{"name: p\nexecutables:\n- {name: a, type: no_operation, after: 7}\n",
		 "p.yaml:3:40: error SO604: after: expected the name of a sibling, an object, or a list of "
		 "these; found a whole number\n"},
		/* executables */
		{"name: p\nexecutables: [{name: t}]\n",
		 "p.yaml:2:15: error SO603: an executable needs type: the name of a task or container\n"},
		{"name: p\nexecutables: [{name: t, type: no_operations}]\n",
		 "p.yaml:2:31: error SO607: there is no task or container of type \"no_operations\"\n"},
		{"name: p\nexecutables: [{type: no_operation, name: \"a\\nb\"}]\n",
		 "p.yaml:2:42: error SO605: a name has 1 to 255 characters on one line\n"},
		{"name: p\nexecutables: [{type: no_operation, name: ''}]\n",
		 "p.yaml:2:42: error SO605: a name has 1 to 255 characters on one line\n"},
		{"name: p\nexecutables: 7\n",
		 "p.yaml:2:14: error SO604: executables: expected a list, found a whole number\n"},
		{"name: p\nexecutables: [7]\n",
		 "p.yaml:2:15: error SO604: executable: expected an object, found a whole number\n"},
		{"name: p\nexecutables: [{name: l, type: foreach_loop, enumerator: {}}]\n",
		 "p.yaml:2:57: error SO603: an enumerator needs type: the name of a kind of enumerator\n"},
		{"name: p\nmax_concurrent_executables: 0\n" TASK,
		 "p.yaml:2:29: error SO605: max_concurrent_executables is -1 or at least 1\n"},
		{"name: p\nmax_concurrent_executables: -2\n" TASK,
		 "p.yaml:2:29: error SO605: max_concurrent_executables is -1 or at least 1\n"},
		{"name: p\nmax_concurrent_executables: 4294967296\n" TASK,
		 "p.yaml:2:29: error SO605: max_concurrent_executables: 4294967296 does not fit in 32 "
		 "bits\n"},
		{"name: p\nfail_package_on_failure: true\n" TASK,
		 "p.yaml:2:26: error SO605: fail_package_on_failure is false on a package\n"},
		{"name: p\nexecutables: [{name: t, type: no_operation, expressions: {disable: [1]}}]\n",
		 "p.yaml:2:68: error SO604: expression of disable: expected a text, found a list\n"},
		/* event handlers */
		{"name: p\nevent_handlers: {on_eror: {}}\n",
		 "p.yaml:2:27: error SO602: there is no event \"on_eror\"\n"},
		{"name: p\nevent_handlers: {on_error: {name: other}}\n",
		 "p.yaml:2:35: error SO605: the name of an event handler is the event\n"},
		/* variables and parameters */
		{"name: p\nvariables: [{name: 'User::v', namespace: Mine, type: int32}]\n",
		 "p.yaml:2:20: error SO605: the namespace stands in name and in namespace\n"},
		{"name: p\nvariables: [{name: v, namespace: System, type: int32}]\n",
		 "p.yaml:2:34: error SO605: namespace System belongs to the engine\n"},
		{"name: p\nvariables: [{name: v, type: int32, value: 2147483648}]\n",
		 "p.yaml:2:43: error SO605: value: 2147483648 does not fit into DT_I4\n"},
		{"name: p\nvariables: [{name: v, type: int32, value: x}]\n",
		 "p.yaml:2:43: error SO604: value: expected a number, found a text\n"},
		{"name: p\nvariables: [{name: v, type: byte, value: 256}]\n",
		 "p.yaml:2:42: error SO605: value: 256 does not fit into DT_UI1\n"},
		{"name: p\nvariables: [{name: v, type: boolean, value: 2}]\n",
		 "p.yaml:2:45: error SO604: value: expected true or false, found a whole number\n"},
		{"name: p\nvariables: [{name: v, type: datetime, value: 2026-02-30}]\n",
		 "p.yaml:2:46: error SO605: value: \"2026-02-30\" is not a value of type DT_DATE; expected "
		 "yyyy-mm-dd hh:mm:ss[.fffffff]\n"},
		{"name: p\nvariables: [{name: v, type: intt32}]\n",
		 "p.yaml:2:29: error SO605: type: \"intt32\" is not a type\n"},
		{"name: p\nvariables: [{name: v, type: int32}, {name: v, type: int32}]\n",
		 "p.yaml:2:37: error SO608: "},
		{"name: p\nparameters: [{name: x, type: object}]\n",
		 "p.yaml:2:30: error SO605: a parameter cannot be of type object\n"},
		{"name: p\nparameters: [{name: x, type: string, sensitive: true, value: s3cret}]\n",
		 "p.yaml:2:62: warning SO616: the value of the sensitive parameter x stands in the "
		 "document\n"},
		{"name: p\nparameters: [{name: x, type: int32, required: yes please}]\n",
		 "p.yaml:2:47: error SO604: required: expected true or false, found a text\n"},
		/* documents */
		{"", "p.yaml:1:1: error SO601: the document is empty\n"},
		{"7\n", "p.yaml:1:1: error SO604: package: expected an object, found a whole number\n"},
		{"[]\n", "p.yaml:1:1: error SO604: package: expected an object, found a list\n"},
		{"name: p\nname: q\n", "p.yaml:2:1: error SO606: key \"name\" stands at line 1 already\n"},
		{"name: p\nformat_version: 2\n",
		 "p.yaml:2:17: error SO617: format_version: this version reads 1 only\n"},
		{"name: p\n\tx: 1\n", "p.yaml:2:1: error SO601: found a tab character that violates "
							  "indentation, while scanning a plain scalar that begins at line 1\n"},
		{"name: p\nx: *y\n", "p.yaml:2:4: error SO615: aliases (*name) are not supported\n"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		char *text = findings_of(rows[i].text, strlen(rows[i].text));

		if (strncmp(text, rows[i].says, strlen(rows[i].says)) != 0 ||
			strstr(text + 1, "\np.yaml:") != NULL)
			fail_msg("%s is told: %s", rows[i].text, text);
		assert_non_null(strstr(text, "\n    hint: "));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_refused, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
