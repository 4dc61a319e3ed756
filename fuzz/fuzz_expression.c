/*
 * fuzz/fuzz_expression.c
 *
 * Any bytes as the text of an expression: compiled and evaluated, with and
 * without declared variable types.  Checked besides memory safety: the result
 * has the announced type, and its text and JSON read back as the same value.
 *
 * Process: the fuzzer (fuzz/run), and the unit test that replays the corpus.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/expression/expression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static SoDataType
fuzz_declare(void *context, const char *name)
{
	const char *last = strrchr(name, ':');

	(void) context;
	/* Variables are named by their type: @int32, @[User::string] ... */
	return so_data_type_from_name(last != NULL ? last + 1 : name);
}

static const SoValue *
fuzz_lookup(void *context, const char *name)
{
	SoDataType type = fuzz_declare(NULL, name);
	SoValue *value;
	SoError error;

	if (type == SO_TYPE_NONE)
		return NULL;
	value = talloc(context, SoValue);
	*value = so_value_default(context, type);
	if (so_data_type_is_number(type) && !so_value_from_text(context, type, "7", value, &error))
		abort();
	if (so_data_type_is_string(type))
		*value = so_value_string(context, "some text, with \xC3\xA4 and \xF0\x9F\x98\x80");
	return value;
}

static bool
fuzz_assign(void *context, const char *name, const SoValue *value, SoError *error)
{
	(void) context;
	(void) error;
	/* A declared target gets a value of its type. */
	if (fuzz_declare(NULL, name) != SO_TYPE_NONE && value->type != fuzz_declare(NULL, name))
		abort();
	return true;
}

static int64_t
fuzz_now(void *context)
{
	(void) context;
	return INT64_C(1772368496789000);
}

/* A result's text and JSON must read back as the result. */
static void
check_round_trip(TALLOC_CTX *context, const SoValue *value)
{
	SoValue back;
	SoError error;
	json_t *json;

	if (value->is_null)
		return;
	if (!so_value_from_text(context, value->type, so_value_to_text(context, value), &back,
							&error) ||
		!so_value_same(value, &back))
		abort();
	json = so_value_to_json(value);
	if (json == NULL || !so_value_from_json(context, value->type, json, &back, &error) ||
		!so_value_same(value, &back))
		abort();
	json_decref(json);
}

static void
compile_and_evaluate(const char *text, bool declared)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoExpressionResolver resolver = {
		context, declared ? fuzz_declare : NULL, NULL, fuzz_lookup, fuzz_assign, fuzz_now};
	SoExpression *expression;
	SoValue value;
	SoError error;

	so_error_clear(&error);
	expression = so_expression_compile(context, text, true, "fuzz", &resolver, &error);
	if (expression == NULL)
	{
		if (error.code == SO_OK)
			abort();
	}
	else if (!so_expression_evaluate(expression, context, &resolver, &value, &error))
	{
		if (error.code == SO_OK)
			abort();
	}
	else
	{
		if (so_expression_type(expression) != SO_TYPE_NONE &&
			so_expression_type(expression) != value.type)
			abort();
		check_round_trip(context, &value);
	}
	talloc_free(context);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	compile_and_evaluate(text, true);
	compile_and_evaluate(text, false);
	free(text);
	return 0;
}
