/*
 * test/unit/test_model_scope.c
 *
 * What an executable sees: variables, parameters, system variables; ids derived from
 * paths; and the keys that build a package.
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

#include "common/uuid.h"
#include "engine/model/loader.h"
#include "engine/model/scope.h"
#include "engine/model/system_variables.h"

static const char document[] =
	"name: p\n"
	"parameters: [{name: since, type: datetime, value: 2026-01-01}]\n"
	"variables: [{name: rows, type: int64, value: 0}, {name: hidden, type: string}]\n"
	"executables:\n"
	"  - name: outer\n"
	"    type: sequence\n"
	"    variables: [{name: hidden, type: int32, value: 1}, {name: x, namespace: Other, type: "
	"boolean, value: true}]\n"
	"    executables:\n"
	"      - {name: inner, type: expression, expression: '@[User::rows] = 1'}\n"
	"    event_handlers:\n"
	"      on_error:\n"
	"        executables:\n"
	"          - {name: handle, type: expression, expression: '@[User::rows] = 2'}\n"
	"  - {name: beside, type: expression, expression: '@[User::rows] = 3'}\n";

static TALLOC_CTX *context;
static SoProject *project;
static SoPackage *package;

static int
setup(void **state)
{
	SoDiagnostics findings = {0};

	(void) state;
	context = talloc_new(NULL);
	project = so_load_package_text(context, document, strlen(document), "p.yaml", NULL, &findings);
	if (project == NULL)
	{
		fputs(so_diagnostics_to_text(context, &findings), stderr);
		return -1;
	}
	package = project->packages[0];
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	talloc_free(context);
	return 0;
}

/* The executable of that name. */
static SoExecutable *
named(const char *name)
{
	for (int i = 0; i < package->executable_count; i++)
	{
		if (strcmp(package->executables[i]->name, name) == 0)
			return package->executables[i];
	}
	fail_msg("there is no %s", name);
	return NULL;
}

static SoScope
scope_of(const char *name)
{
	return (SoScope){project, package, named(name)};
}

static void
test_declare(void **state)
{
	SoScope inner = scope_of("inner");
	SoScope beside = scope_of("beside");
	SoScope handle = scope_of("handle");
	SoScope nothing = {NULL, NULL, NULL};

	(void) state;
	assert_int_equal(so_scope_declare(&inner, "User::rows"), SO_TYPE_I8);
	assert_int_equal(so_scope_declare(&inner, "rows"), SO_TYPE_I8);
	/* The nearest one counts. */
	assert_int_equal(so_scope_declare(&inner, "User::hidden"), SO_TYPE_I4);
	assert_int_equal(so_scope_declare(&beside, "User::hidden"), SO_TYPE_WSTR);
	assert_int_equal(so_scope_declare(&inner, "Other::x"), SO_TYPE_BOOL);
	assert_int_equal(so_scope_declare(&inner, "x"), SO_TYPE_BOOL);
	assert_int_equal(so_scope_declare(&inner, "User::x"), SO_TYPE_NONE);
	assert_int_equal(so_scope_declare(&beside, "Other::x"), SO_TYPE_NONE);
	/* A handler belongs to its executable and sees what that sees. */
	assert_int_equal(so_scope_declare(&handle, "Other::x"), SO_TYPE_BOOL);
	assert_int_not_equal(so_scope_declare(&inner, "$Package::since"), SO_TYPE_NONE);
	assert_int_equal(so_scope_declare(&inner, "$Package::other"), SO_TYPE_NONE);
	assert_int_equal(so_scope_declare(&inner, "$Project::since"), SO_TYPE_NONE);
	assert_int_equal(so_scope_declare(&inner, "since"), SO_TYPE_NONE);
	assert_int_equal(so_scope_declare(&inner, "System::PackageName"), SO_TYPE_WSTR);
	assert_int_equal(so_scope_declare(&inner, "PackageName"), SO_TYPE_WSTR);
	assert_int_equal(so_scope_declare(&nothing, "User::rows"), SO_TYPE_NONE);
	assert_int_equal(so_scope_declare(&nothing, "$Package::since"), SO_TYPE_NONE);
}

/* What only exists while an event is handled is seen there only. */
static void
test_events(void **state)
{
	SoScope inner = scope_of("inner");
	SoScope handle = scope_of("handle");

	(void) state;
	assert_int_not_equal(so_scope_declare(&handle, "System::ErrorCode"), SO_TYPE_NONE);
	assert_int_equal(so_scope_declare(&inner, "System::ErrorCode"), SO_TYPE_NONE);
	assert_null(so_system_variable_find("ErrorCode", named("inner")));
	assert_null(so_system_variable_find("System::PackageName", named("inner")));
	assert_non_null(so_system_variable_find("TaskName", named("inner")));
	assert_null(so_system_variable_find("TaskName", package->root));
}

static void
test_qualify(void **state)
{
	SoScope inner = scope_of("inner");

	(void) state;
	assert_string_equal(so_scope_qualify(context, &inner, "rows"), "User::rows");
	assert_string_equal(so_scope_qualify(context, &inner, "x"), "Other::x");
	assert_string_equal(so_scope_qualify(context, &inner, "Other::x"), "Other::x");
	assert_string_equal(so_scope_qualify(context, &inner, "PackageName"), "System::PackageName");
	assert_string_equal(so_scope_qualify(context, &inner, "$Package::since"), "$Package::since");
	assert_null(so_scope_qualify(context, &inner, "nothing"));
	assert_null(so_scope_qualify(context, &inner, "User::nothing"));
}

static void
test_suggest(void **state)
{
	static const char *const rows[][2] = {
		{"User::row", "User::rows"},
		{"rosw", "User::rows"},
		{"Usr::rows", "User::rows"},
		{"$Package::sinze", "$Package::since"},
		{"System::PackagName", "System::PackageName"},
		{"User::x", "Other::x"},
	};
	SoScope inner = scope_of("inner");

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		char *got = so_scope_suggest(context, &inner, rows[i][0]);

		if (got == NULL)
			fail_msg("nothing for %s", rows[i][0]);
		assert_string_equal(got, rows[i][1]);
	}
	assert_null(so_scope_suggest(context, &inner, "User::zzzzzzzz"));
}

/* Version 5 of RFC 4122; the last two as other implementations compute them. */
static void
test_derived_ids(void **state)
{
	static const char dns[] = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
	SoUuid uuid;
	char *one = so_identity_derive(context, so_identity_root(), "\\p\\a");

	(void) state;
	assert_true(so_uuid_parse(one, &uuid));
	assert_int_equal(uuid.bytes[6] >> 4, 5);
	assert_int_equal(uuid.bytes[8] >> 6, 2);
	assert_string_equal(one, so_identity_derive(context, so_identity_root(), "\\p\\a"));
	assert_string_not_equal(one, so_identity_derive(context, so_identity_root(), "\\p\\b"));
	assert_string_not_equal(one, so_identity_derive(context, dns, "\\p\\a"));
	assert_string_equal(so_identity_derive(context, dns, "python.org"),
						"886313e1-3b8a-5372-9b90-0c9aee199e5d");
	assert_string_equal(
		so_identity_derive(context, "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "python.org"),
		"886313e1-3b8a-5372-9b90-0c9aee199e5d");
}

/* The same document has the same ids; ids of a package are all different. */
static void
test_ids_of_a_package(void **state)
{
	SoDiagnostics findings = {0};
	SoProject *again =
		so_load_package_text(context, document, strlen(document), "other.yaml", NULL, &findings);

	(void) state;
	assert_non_null(again);
	for (int i = 0; i < package->executable_count; i++)
	{
		assert_string_equal(package->executables[i]->id, again->packages[0]->executables[i]->id);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(package->executables[i]->id, package->executables[j]->id);
	}
	assert_string_equal(so_package_content_hash(context, package),
						so_package_content_hash(context, again->packages[0]));
	assert_int_equal(strlen(so_package_content_hash(context, package)), 64);
}

/* The list of a holder names exactly the keys that the table gives it, each described. */
static void
test_structure(void **state)
{
	static const unsigned holders[] = {
		SO_HOLDER_PACKAGE,       SO_HOLDER_CONTAINER, SO_HOLDER_FOREACH,    SO_HOLDER_TASK,
		SO_HOLDER_EVENT_HANDLER, SO_HOLDER_PROJECT,   SO_HOLDER_CONNECTION, SO_HOLDER_ENUMERATOR};

	(void) state;
	for (size_t i = 0; i < sizeof(holders) / sizeof(holders[0]); i++)
	{
		const char *const *names = so_structure_names(holders[i]);
		int in_list = 0;
		int in_table = 0;

		for (; names[in_list] != NULL; in_list++)
		{
			const SoStructureKey *key = so_structure_keys();

			while (key->name != NULL && strcmp(key->name, names[in_list]) != 0)
				key++;
			if (key->name == NULL || (key->holders & holders[i]) == 0)
				fail_msg("%s of holder %u is not in the table", names[in_list], holders[i]);
		}
		for (const SoStructureKey *key = so_structure_keys(); key->name != NULL; key++)
			in_table += (key->holders & holders[i]) != 0;
		assert_int_equal(in_list, in_table);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_declare),     cmocka_unit_test(test_events),
		cmocka_unit_test(test_qualify),     cmocka_unit_test(test_suggest),
		cmocka_unit_test(test_derived_ids), cmocka_unit_test(test_ids_of_a_package),
		cmocka_unit_test(test_structure),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
