/*
 * runner/item.h
 *
 * Report items as JSON (docs/protocol.md, "report").  Texts that are not UTF-8
 * are repaired, long ones cut, so that no item is ever refused.
 *
 * Process: runner; control thread.
 */
#ifndef RUNNER_ITEM_H
#define RUNNER_ITEM_H

#include <jansson.h>

#include "engine/control_flow/run.h"

/* Each returns a new reference. */
extern json_t *so_item_started(void);
extern json_t *so_item_event(const SoEvent *event);
extern json_t *so_item_statistics(const SoStatistics *statistics);
extern json_t *so_item_result(const SoRunOutcome *outcome);
/* The event and the result of a task that could not begin. */
extern json_t *so_item_refusal_event(const SoError *error, const char *package_name);
extern json_t *so_item_refusal_result(const SoError *error);

/*
 * Executables of a package from *next on, as many as fit into one item (at least
 * one); *next moves behind them.
 */
extern json_t *so_item_executables(const SoPackage *package, int *next);

/*
 * A JSON string of text with U+FFFD for what is not UTF-8; NULL gives "".  It is
 * cut when its JSON would have more than 256 kB, and says so at its end.
 */
extern json_t *so_item_text(const char *text);

#endif /* RUNNER_ITEM_H */
