/*
 * engine/control_flow/property_expression.h
 *
 * Properties of a unit: the document's, with overrides of this run (dtexec
 * /Set) and with property expressions applied.
 *
 * Process: runner and client; control thread only, unless said otherwise.
 */
#ifndef ENGINE_CONTROL_FLOW_PROPERTY_EXPRESSION_H
#define ENGINE_CONTROL_FLOW_PROPERTY_EXPRESSION_H

#include "engine/control_flow/unit.h"

/*
 * Evaluate the property expressions of unit into unit->properties.  On false
 * *error says which property; unit->properties is usable all the same.
 */
extern bool so_property_evaluate(SoUnit *unit, SoError *error) SO_WARN_UNUSED;

/*
 * The enumerator of a Foreach loop with its expressions applied, owned by
 * context; NULL with *error.
 */
extern const SoObject *so_property_enumerator(SoUnit *unit, TALLOC_CTX *context, SoError *error);

/*
 * A copy of object with expressions applied, evaluated by resolver; NULL with
 * *error.  Touches nothing else, so a task's thread may call it with a
 * resolver of its own.
 */
extern SoObject *
so_property_apply(TALLOC_CTX *context, const SoObject *object, const SoPropertyExpression *sources,
				  SoExpression *const *expressions, int count, const SoExpressionResolver *resolver,
				  const char *place, SoError *error);

/* Compile the expressions of a list; NULL with *error. */
extern SoExpression **
so_property_compile(TALLOC_CTX *context, SoUnit *unit, const SoPropertyExpression *sources,
					int count, const char *place, SoError *error);

/* Lenient getters: object may be NULL and need not have the property. */
extern bool so_property_boolean(const SoObject *object, const char *name, bool missing);
extern int64_t so_property_integer(const SoObject *object, const char *name, int64_t missing);
extern const char *so_property_text(const SoObject *object, const char *name);
/* The name of an enumerated property's value, NULL when there is none. */
extern const char *so_property_enum_name(const SoObject *object, const char *name);

#endif /* ENGINE_CONTROL_FLOW_PROPERTY_EXPRESSION_H */
