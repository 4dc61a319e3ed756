/*
 * engine/control_flow/secret.h
 *
 * Values that must not come up in a log: those of sensitive parameters and what
 * overrides properties that hold secrets.  Packages use them freely in
 * expressions, SQL and arguments; so messages are searched before they leave.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_SECRET_H
#define ENGINE_CONTROL_FLOW_SECRET_H

#include "engine/control_flow/unit.h"

/*
 * Shorter values (in bytes) are not hidden: they are no secrets, and stars in
 * place of every "a" would make the log unreadable and tell the value anyway.
 */
#define SO_SECRET_SHORTEST 4

/* Hide value from now on; nothing happens when it is NULL or too short. */
extern void so_secret_add(SoRun *run, const SoValue *value);
extern void so_secret_add_text(SoRun *run, const char *text);

/* text with "***" in place of secrets, owned by context; NULL when there is none in it. */
extern char *so_secret_mask(TALLOC_CTX *context, const SoRun *run, const char *text);

#endif /* ENGINE_CONTROL_FLOW_SECRET_H */
