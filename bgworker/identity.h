/*
 * bgworker/identity.h
 *
 * The master's own certificates: which thumbprints workers must have, when the
 * next certificate takes its place, what ends soon.
 */
#ifndef BGWORKER_IDENTITY_H
#define BGWORKER_IDENTITY_H

#include "bgworker/agents.h"
#include "bgworker/tick.h"

/* In the transaction: what workers must have stored, and is it time to change? */
extern void so_identity_apply(SoMaster *master, SoBatch *batch);

/* After the commit: tell workers, put the next certificate in place, warn. */
extern void so_identity_done(SoMaster *master, SoBatch *batch);

/* Append the commands about certificates for the agent, each with a comma before it if needed. */
extern void so_identity_commands(SoMaster *master, StringInfo json, SoAgent *agent);

#endif /* BGWORKER_IDENTITY_H */
