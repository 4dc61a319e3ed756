/*
 * test/unit/test_model_property.c
 *
 * Tables of properties: every one is sound, defaults can be read, values are
 * converted as property expressions and overrides need it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "engine/model/object_types.h"
#include "engine/tasks/task.h"

static const char *const colours[] = {"red", "green", NULL};

static const SoProperty all_kinds[] = {
	{"text", SO_PROPERTY_STRING, 0, "a", NULL, NULL, "", NULL},
	{"flag", SO_PROPERTY_BOOLEAN, 0, "true", NULL, NULL, "", NULL},
	{"small", SO_PROPERTY_INT32, 0, "7", NULL, NULL, "", NULL},
	{"large", SO_PROPERTY_INT64, 0, NULL, NULL, NULL, "", NULL},
	{"real", SO_PROPERTY_DOUBLE, 0, "0.5", NULL, NULL, "", NULL},
	{"wait", SO_PROPERTY_DURATION, 0, "90s", NULL, NULL, "", NULL},
	{"id", SO_PROPERTY_GUID, 0, NULL, NULL, NULL, "", NULL},
	{"colour", SO_PROPERTY_ENUM, 0, "green", colours, NULL, "", NULL},
	{"type", SO_PROPERTY_DATA_TYPE, 0, "int32", NULL, NULL, "", NULL},
	{"any", SO_PROPERTY_VALUE, 0, "3", NULL, NULL, "", NULL},
	{"list", SO_PROPERTY_STRING_LIST, 0, NULL, NULL, NULL, "", NULL},
	{NULL}};
static const SoObjectType base_type = {"base", "Base", "", all_kinds, NULL};
static const SoProperty own[] = {{"own", SO_PROPERTY_STRING, 0, NULL, NULL, NULL, "", NULL},
								 {NULL}};
static const SoObjectType derived_type = {"derived", "Derived", "", own, &base_type};

static SoObject *object;

static int
set_up(void **state)
{
	(void) state;
	object = so_object_new(NULL, &derived_type);
	return 0;
}

static int
tear_down(void **state)
{
	(void) state;
	talloc_free(object);
	return 0;
}

static void
test_defaults(void **state)
{
	(void) state;
	assert_int_equal(so_object_type_property_count(&derived_type), 12);
	assert_string_equal(so_object_type_property(&derived_type, 0)->name, "text");
	assert_string_equal(so_object_type_property(&derived_type, 11)->name, "own");
	assert_non_null(so_object_type_find(&derived_type, "flag"));
	assert_null(so_object_type_find(&derived_type, "none"));
	assert_string_equal(so_object_string(object, "text"), "a");
	assert_true(so_object_boolean(object, "flag"));
	assert_int_equal(so_object_integer(object, "small"), 7);
	assert_int_equal(so_object_integer(object, "large"), 0);
	assert_int_equal(so_object_integer(object, "wait"), 90000);
	assert_int_equal(so_object_enum(object, "colour"), 1);
	assert_string_equal(so_object_string(object, "colour"), "green");
	assert_null(so_object_string(object, "own"));
	assert_false(so_object_is_set(object, "text"));
}

typedef struct SetCase
{
	const char *property;
	const char *text;   /* given as a text */
	const char *result; /* canonical text; NULL = refused */
} SetCase;

static void
test_set_from_text(void **state)
{
	static const SetCase cases[] = {
		{"text", "", ""},
		{"text", "x", "x"},
		{"flag", "false", "false"},
		{"flag", "True", "true"},
		{"flag", "maybe", NULL},
		{"small", "12", "12"},
		{"small", "-1", "-1"},
		{"small", "4294967296", NULL},
		{"small", "x", NULL},
		{"large", "4294967296", "4294967296"},
		{"real", "1.5", "1.5"},
		{"real", "x", NULL},
		{"wait", "5min", "300000"},
		{"wait", "01:00:00", "3600000"},
		{"wait", "-5s", NULL},
		{"wait", "x", NULL},
		{"id", "0F1E7D2C-5A0B-4C55-9D5E-0D6F6F1C2A11", "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11"},
		{"id", "x", NULL},
		{"colour", "red", "0"},
		{"colour", "RED", "0"},
		{"colour", "1", "1"},
		{"colour", "2", NULL},
		{"colour", "blue", NULL},
		{"type", "DT_I8", "int64"},
		{"type", "int64", "int64"},
		{"type", "x", NULL},
		{"any", "x", "x"},
		{"list", "x", NULL},
		{"nothing", "x", NULL},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		SoObject *copy = so_object_copy(NULL, object);
		SoValue value = so_value_string(copy, cases[i].text);
		SoError error;
		bool fits = so_object_set(copy, cases[i].property, &value, &error);

		if (fits != (cases[i].result != NULL))
			fail_msg("%s = %s: %s", cases[i].property, cases[i].text,
					 fits ? "accepted" : error.message);
		if (fits)
		{
			SoField *field = so_object_field(copy, cases[i].property);

			assert_string_equal(so_value_to_text(copy, &field->value), cases[i].result);
			assert_true(field->is_set);
			/* the original is as it was */
			assert_false(so_object_field(object, cases[i].property)->is_set);
		}
		else
			assert_int_equal(error.code, SO_ERR_DOCUMENT_PROPERTY);
		talloc_free(copy);
	}
}

static void
test_set_from_values(void **state)
{
	SoValue value;
	SoError error;

	(void) state;
	value = so_value_integer(SO_TYPE_I4, 5);
	assert_true(so_object_set(object, "text", &value, &error));
	assert_string_equal(so_object_string(object, "text"), "5");
	assert_true(so_object_set(object, "wait", &value, &error));
	assert_int_equal(so_object_integer(object, "wait"), 5000);
	value = so_value_real(SO_TYPE_R8, 0.25);
	assert_true(so_object_set(object, "wait", &value, &error));
	assert_int_equal(so_object_integer(object, "wait"), 250);
	value = so_value_real(SO_TYPE_R8, 1e300);
	assert_false(so_object_set(object, "wait", &value, &error));
	value = so_value_boolean(false);
	assert_true(so_object_set(object, "flag", &value, &error));
	assert_false(so_object_boolean(object, "flag"));
	value = so_value_null(SO_TYPE_WSTR);
	assert_false(so_object_set(object, "text", &value, &error));
	assert_string_equal(so_object_string(object, "text"), "5");
}

/* SSIS's numbers of DTSForcedExecResult begin with -1. */
static void
test_forced_result_numbers(void **state)
{
	SoObject *sequence = so_object_new(NULL, &so_object_type_sequence);
	SoValue value;
	SoError error;

	(void) state;
	assert_int_equal(so_object_enum(sequence, "force_execution_result"), SO_FORCED_NONE);
	for (int number = -1; number <= 2; number++)
	{
		value = so_value_integer(SO_TYPE_I4, number);
		assert_true(so_object_set(sequence, "force_execution_result", &value, &error));
		assert_int_equal(so_object_enum(sequence, "force_execution_result"), number + 1);
	}
	value = so_value_integer(SO_TYPE_I4, 3);
	assert_false(so_object_set(sequence, "force_execution_result", &value, &error));
	talloc_free(sequence);
}

static void
check_table(const SoObjectType *type)
{
	int count = so_object_type_property_count(type);
	SoObject *fresh = so_object_new(NULL, type); /* reads every default */

	assert_non_null(type->title);
	assert_true(strlen(type->description) > 10);
	for (int i = 0; i < count; i++)
	{
		const SoProperty *property = so_object_type_property(type, i);

		if (strlen(property->description) < 5)
			fail_msg("%s.%s has no description", type->name, property->name);
		assert_int_equal(property->kind == SO_PROPERTY_ENUM, property->enum_names != NULL);
		assert_int_equal(property->kind == SO_PROPERTY_OBJECT ||
							 property->kind == SO_PROPERTY_OBJECT_LIST,
						 property->item_type != NULL);
		if (property->name[strspn(property->name, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
			fail_msg("%s.%s is not snake_case", type->name, property->name);
		for (int j = 0; j < i; j++)
		{
			if (strcmp(so_object_type_property(type, j)->name, property->name) == 0)
				fail_msg("%s.%s is there twice", type->name, property->name);
		}
		if (property->item_type != NULL)
			check_table(property->item_type);
	}
	talloc_free(fresh);
}

static void
test_tables(void **state)
{
	static const SoObjectType *const single[] = {
		&so_object_type_package,  &so_object_type_event_handler,
		&so_object_type_opaque,   &so_object_type_precedence_constraint,
		&so_object_type_variable, &so_object_type_parameter,
		&so_object_type_project,  NULL};

	(void) state;
	for (int i = 0; single[i] != NULL; i++)
		check_table(single[i]);
	for (const SoObjectType *const *type = so_container_types(); *type != NULL; type++)
		check_table(*type);
	for (const SoObjectType *const *type = so_connection_types(); *type != NULL; type++)
		check_table(*type);
	for (const SoObjectType *const *type = so_enumerator_types(); *type != NULL; type++)
		check_table(*type);
	for (const SoTaskType *const *task = so_task_types(); *task != NULL; task++)
	{
		check_table((*task)->object_type);
		if ((*task)->object_type->base != &so_object_type_executable)
			fail_msg("%s does not inherit the common properties", (*task)->object_type->name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_defaults, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_set_from_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_set_from_values, set_up, tear_down),
		cmocka_unit_test(test_forced_result_numbers),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests_name("engine/model/property", tests, NULL, NULL);
}
