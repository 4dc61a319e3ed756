/*
 * engine/control_flow/lookup.h
 *
 * What a name means at a unit: variables from the inside out, system
 * variables, parameters.  A variable lives as long as its package runs: a
 * container in a loop finds the value that it left in the iteration before, as
 * in SSIS.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_LOOKUP_H
#define ENGINE_CONTROL_FLOW_LOOKUP_H

#include "engine/control_flow/unit.h"

/* A resolver for expressions at one unit; short-lived, on the stack of its user. */
typedef struct SoLookup
{
	SoUnit *unit;
	TALLOC_CTX *scratch; /* computed values live here */
	SoError error;       /* why a lookup failed, when it was more than an unknown name */
	SoExpressionResolver resolver;
} SoLookup;

extern void so_lookup_init(SoLookup *scope, SoUnit *unit, TALLOC_CTX *scratch);

/*
 * The value of name ("User::x", "x", "System::PackageName", "$Package::p");
 * valid until scope->scratch is freed or the variable is assigned.  NULL with
 * *error when there is none or its expression fails.
 */
extern const SoValue *so_lookup_value(SoLookup *scope, const char *name, SoError *error);

/* The type that name has here, SO_TYPE_NONE when it is unknown. */
extern SoDataType so_lookup_type(const SoUnit *unit, const char *name);

/*
 * Assign a variable, converted to its type; raises OnVariableValueChanged at
 * its owner when it wants that.  false with *error.
 */
extern bool so_lookup_assign(SoUnit *unit, const char *name, const SoValue *value,
							 SoError *error) SO_WARN_UNUSED;

/*
 * Compile text at unit into context.  place names it in errors; NULL with *error.
 */
extern SoExpression *so_lookup_compile(TALLOC_CTX *context, SoUnit *unit, const char *text,
									   bool allow_assignment, const char *place, SoError *error);

/*
 * The same before there is a unit for executable: with the names that it and
 * its parents declare in the package of root.
 */
extern SoExpression *
so_lookup_compile_at(TALLOC_CTX *context, SoUnit *root, const SoExecutable *executable,
					 const char *text, const char *place, SoError *error);

/* Evaluate; false with *error.  The result belongs to context. */
extern bool so_lookup_evaluate(SoUnit *unit, const SoExpression *expression, TALLOC_CTX *context,
							   SoValue *result, SoError *error) SO_WARN_UNUSED;

/*
 * Copy everything that is visible at unit into run, for its task.  Variables
 * with an expression are evaluated by the task when it asks for them.
 */
extern void so_lookup_snapshot(SoUnit *unit, SoTaskRun *run);

/* Iterate the variable states visible at unit, inner first; cursor starts zeroed. */
typedef struct SoLookupCursor
{
	const SoUnit *unit;
	int index;
} SoLookupCursor;

extern SoVariableState *so_lookup_next(SoLookupCursor *cursor);

#endif /* ENGINE_CONTROL_FLOW_LOOKUP_H */
