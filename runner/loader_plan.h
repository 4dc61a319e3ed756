/*
 * runner/loader_plan.h
 *
 * The restart plan of an execution, for catalog.restart_plan (docs in
 * loader_main.c).
 *
 * Process: scaleout-loader, child of a backend.
 */
#ifndef RUNNER_LOADER_PLAN_H
#define RUNNER_LOADER_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <talloc.h>

/*
 * question is the member "restart_plan" of the input.  A new reference to the
 * answer: {"plan": {...}} or {"error": {"code", "message", "detail", "hint"}}.
 */
extern json_t *so_loader_plan(TALLOC_CTX *context, json_t *question);

#endif /* RUNNER_LOADER_PLAN_H */
