/*
 * test/unit/test_model_package.c
 *
 * What a loaded package says: paths, ids, lookups, scopes, constraints.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "engine/model/load.h"
#include "engine/model/loader.h"
#include "engine/model/scope.h"
#include "engine/model/system_variables.h"

static const char document[] =
	"name: p\n"
	"id: 0F1E7D2C-5A0B-4C55-9D5E-0D6F6F1C2A11\n"
	"parameters: [{name: since, type: datetime}]\n"
	"variables: [{name: v, type: int32, value: 1}, {name: w, type: string}]\n"
	"connections: [{name: c, type: file, connection_string: /a, id: "
	"11111111-2222-3333-4444-555555555555}]\n"
	"executables:\n"
	"  - name: box\n"
	"    type: sequence\n"
	"    variables: [{name: v, type: string}, {name: \"Own::v\", type: boolean}]\n"
	"    executables:\n"
	"      - {name: a, type: sequence}\n"
	"      - {name: b, type: sequence, after: {any: [{executable: a, on: failure}]}}\n"
	"    event_handlers:\n"
	"      on_error:\n"
	"        executables: [{name: h, type: sequence}]\n";

static TALLOC_CTX *context;
static SoProject *project;
static SoPackage *package;

static int
set_up(void **state)
{
	SoDiagnostics findings;

	(void) state;
	context = talloc_new(NULL);
	project = so_load_package_text(context, document, strlen(document), NULL, NULL, &findings);
	if (project == NULL)
		print_error("%s", so_diagnostics_to_text(context, &findings));
	package = project != NULL ? project->packages[0] : NULL;
	return package != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void) state;
	talloc_free(context);
	return 0;
}

static void
test_paths(void **state)
{
	static const char *const paths[] = {"\\Package",
										"\\Package\\box",
										"\\Package\\box\\a",
										"\\Package\\box\\b",
										"\\Package\\box.EventHandlers[OnError]",
										"\\Package\\box.EventHandlers[OnError]\\h"};

	(void) state;
	assert_int_equal(package->executable_count, 6);
	for (int i = 0; i < 6; i++)
	{
		assert_string_equal(package->executables[i]->path, paths[i]);
		assert_int_equal(package->executables[i]->index, i);
		assert_ptr_equal(so_package_executable(package, paths[i]), package->executables[i]);
	}
	assert_null(so_package_executable(package, "\\Package\\none"));
	assert_string_equal(package->id, "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11");
	assert_string_equal(package->root->id, package->id);
	assert_int_equal(strlen(package->executables[1]->id), 36);
}

static void
test_lookups(void **state)
{
	(void) state;
	assert_ptr_equal(so_project_package(project, "p"), package);
	assert_null(so_project_package(project, "q"));
	assert_non_null(so_package_connection(package, "c"));
	assert_ptr_equal(so_package_connection(package, "11111111-2222-3333-4444-555555555555"),
					 so_package_connection(package, "c"));
	assert_non_null(so_package_parameter(package, "since"));
	assert_null(so_package_parameter(package, "Since"));
	assert_false(so_executable_boolean(package->root, "disable"));
	assert_int_equal(so_executable_integer(package->root, "maximum_error_count"), 1);
}

static void
test_scope(void **state)
{
	SoScope at_root = {project, package, package->root};
	SoScope inside = {project, package, so_package_executable(package, "\\Package\\box\\a")};
	SoScope handler = {project, package,
					   so_package_executable(package, "\\Package\\box.EventHandlers[OnError]\\h")};

	(void) state;
	assert_int_equal(so_scope_declare(&at_root, "User::v"), SO_TYPE_I4);
	assert_int_equal(so_scope_declare(&inside, "User::v"), SO_TYPE_WSTR);
	assert_int_equal(so_scope_declare(&inside, "Own::v"), SO_TYPE_BOOL);
	assert_int_equal(so_scope_declare(&at_root, "Own::v"), SO_TYPE_NONE);
	assert_int_equal(so_scope_declare(&handler, "User::w"), SO_TYPE_WSTR);
	assert_int_equal(so_scope_declare(&at_root, "v"), SO_TYPE_I4);
	assert_int_equal(so_scope_declare(&at_root, "V"), SO_TYPE_NONE);
	assert_int_equal(so_scope_declare(&at_root, "PackageName"), SO_TYPE_WSTR);
	assert_int_equal(so_scope_declare(&at_root, "System::WorkFolder"), SO_TYPE_WSTR);
	assert_int_equal(so_scope_declare(&at_root, "$Package::since"), SO_TYPE_DATE);
	assert_int_equal(so_scope_declare(&at_root, "$Project::since"), SO_TYPE_NONE);
	assert_int_equal(so_scope_declare(&at_root, "System::ErrorCode"), SO_TYPE_NONE);
	assert_int_equal(so_scope_declare(&handler, "System::ErrorCode"), SO_TYPE_I4);
	assert_int_equal(so_scope_declare(&handler, "System::PercentComplete"), SO_TYPE_NONE);
	assert_string_equal(so_scope_qualify(context, &at_root, "w"), "User::w");
	assert_string_equal(so_scope_qualify(context, &at_root, "PackageName"), "System::PackageName");
	assert_null(so_scope_qualify(context, &at_root, "nothing"));
	assert_string_equal(so_scope_suggest(context, &at_root, "System::PakageName"),
						"System::PackageName");
	assert_string_equal(so_scope_suggest(context, &at_root, "User::since"), "$Package::since");
	assert_null(so_scope_suggest(context, &at_root, "User::entirely_different"));
}

static void
test_constraint(void **state)
{
	const SoExecutable *box = package->root->children[0];
	const SoPrecedenceConstraint *constraint;

	(void) state;
	assert_int_equal(box->constraint_count, 1);
	constraint = box->constraints[0];
	assert_string_equal(constraint->from->name, "a");
	assert_string_equal(constraint->to->name, "b");
	assert_int_equal(constraint->value, SO_RESULT_FAILURE);
	assert_int_equal(constraint->operation, SO_EVALUATE_CONSTRAINT);
	assert_false(constraint->logical_and);
	assert_null(constraint->expression);
}

/* RFC 4122 with the DNS namespace; the vector is Python's uuid.uuid5. */
static void
test_identity(void **state)
{
	(void) state;
	assert_string_equal(
		so_identity_derive(context, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com"),
		"2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

/* The same document has the same ids, whatever its place and its other tasks. */
static void
test_ids_are_stable(void **state)
{
	static const char one[] = "name: p\nexecutables: [{name: a, type: sequence}]\n";
	static const char two[] =
		"executables: [{name: z, type: sequence}, {name: a, type: sequence}]\nname: p\n";
	SoDiagnostics findings;
	SoProject *first = so_load_package_text(context, one, strlen(one), "x.yaml", NULL, &findings);
	SoProject *second = so_load_package_text(context, two, strlen(two), NULL, NULL, &findings);

	(void) state;
	assert_string_equal(first->packages[0]->id, second->packages[0]->id);
	assert_string_equal(so_package_executable(first->packages[0], "\\Package\\a")->id,
						so_package_executable(second->packages[0], "\\Package\\a")->id);
	assert_string_not_equal(so_package_content_hash(context, first->packages[0]),
							so_package_content_hash(context, second->packages[0]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_paths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lookups, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_scope, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_constraint, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_identity, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ids_are_stable, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("engine/model/package", tests, NULL, NULL);
}
