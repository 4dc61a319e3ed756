/*
 * engine/control_flow/loop_for.c
 *
 * The For loop: init_expression once, eval_expression before every iteration,
 * assign_expression after it.
 *
 * Process: runner and client, control thread only.
 */
#include <stdio.h>
#include <string.h>

#include "engine/control_flow/event.h"
#include "engine/control_flow/loop.h"
#include "engine/control_flow/property_expression.h"
#include "engine/control_flow/schedule.h"
#include "engine/control_flow/lookup.h"

struct SoLoop
{
	int iteration;
};

typedef enum LoopExpression
{
	LOOP_INIT,
	LOOP_EVALUATE,
	LOOP_ASSIGN
} LoopExpression;

static const char *const expression_names[] = {"init_expression", "eval_expression",
											   "assign_expression"};

static void iteration_begin(SoUnit *unit);

bool
so_loop_is_over(const SoUnit *unit, SoExecutionResult *result)
{
	int64_t maximum = so_unit_integer(unit, "maximum_error_count", 1);

	*result = SO_RESULT_SUCCESS;
	if (so_schedule_canceled(unit) || so_unit_canceled(unit))
		*result = SO_RESULT_CANCELED;
	else if (!unit->stopping && (maximum <= 0 || unit->error_count < maximum))
		return false;
	return true;
}

static SoExpression *
compiled(SoUnit *unit, LoopExpression which, const char *text, const char *place, SoError *error)
{
	SoExpression **slot = &unit->state->loop_expressions[which];

	/* A property expression may have changed the text since the last time. */
	if (*slot != NULL && strcmp(so_expression_text(*slot), text) != 0)
		TALLOC_FREE(*slot);
	if (*slot == NULL)
		*slot =
			so_lookup_compile(unit->package_run, unit, text, which != LOOP_EVALUATE, place, error);
	return *slot;
}

/* Evaluate one of the three; *holds is the Boolean of eval_expression.  false after raising an error. */
static bool
evaluate(SoUnit *unit, LoopExpression which, bool *holds)
{
	const char *text = so_property_text(unit->properties, expression_names[which]);
	SoExpression *expression;
	char place[1200];
	SoError cause = {0};
	SoError error;
	SoLookup scope;
	SoValue value;
	bool good = false;

	if (text == NULL || text[0] == '\0')
		return true;
	snprintf(place, sizeof(place), "%s.Properties[%s]", unit->executable->path,
			 expression_names[which]);
	so_lookup_init(&scope, unit, talloc_new(unit));
	expression = compiled(unit, which, text, place, &cause);
	if (expression != NULL && which == LOOP_EVALUATE)
		good = so_expression_evaluate_boolean(expression, scope.scratch, &scope.resolver, holds,
											  &cause);
	else if (expression != NULL)
		good = so_expression_evaluate(expression, scope.scratch, &scope.resolver, &value, &cause);
	if (!good && scope.error.code != SO_OK)
		cause = scope.error;
	talloc_free(scope.scratch);
	if (good)
		return true;
	so_error_set(&error, SO_ERR_RUN_LOOP_EXPRESSION, place, "the %s of \"%s\" failed: %s",
				 expression_names[which], unit->executable->name, cause.message);
	so_error_detail(&error, "%s", cause.detail[0] ? cause.detail : text);
	so_event_error(unit, &error);
	return false;
}

static void
iteration_end(SoUnit *unit)
{
	SoExecutionResult result;

	if (so_loop_is_over(unit, &result))
	{
		so_schedule_free(unit);
		so_unit_executed(unit, result);
		return;
	}
	so_schedule_free(unit);
	if (!evaluate(unit, LOOP_ASSIGN, NULL))
		so_unit_executed(unit, SO_RESULT_FAILURE);
	else
		so_unit_next(unit, iteration_begin);
}

static void
iteration_begin(SoUnit *unit)
{
	SoExecutionResult result;
	bool holds = false;

	if (so_loop_is_over(unit, &result))
		so_unit_executed(unit, result);
	else if (!evaluate(unit, LOOP_EVALUATE, &holds))
		so_unit_executed(unit, SO_RESULT_FAILURE);
	else if (!holds)
		so_unit_executed(unit, SO_RESULT_SUCCESS);
	else
	{
		unit->item_key = talloc_asprintf(unit->loop, "#%d", unit->loop->iteration + 1);
		so_schedule_start(unit, ++unit->loop->iteration, iteration_end);
	}
}

void
so_loop_for_start(SoUnit *unit)
{
	unit->loop = talloc_zero(unit, SoLoop);
	if (!evaluate(unit, LOOP_INIT, NULL))
		so_unit_executed(unit, SO_RESULT_FAILURE);
	else
		so_unit_next(unit, iteration_begin);
}
