/*
 * worker_agent/rotation.h
 *
 * Replacing certificates while tasks run: the master's, by storing what it
 * announces, and this worker's own, by a new pair that the master trusts before
 * it is used.
 *
 * Process: agent, event loop thread.
 */
#ifndef WORKER_AGENT_ROTATION_H
#define WORKER_AGENT_ROTATION_H

#include <jansson.h>

#include "worker_agent/agent.h"

/* The command "rotate": store the thumbprints and register, which confirms them. */
extern void so_rotation_pins(SoAgent *agent, const json_t *command);

/* Make a new key and certificate and send the certificate with a registration. */
extern void so_rotation_start(SoAgent *agent);

/*
 * For another process than the agent's: put a pair that was made elsewhere where
 * so_rotation_start takes it up.  false with *error; SO318 when another one waits.
 */
extern bool so_rotation_offer(const SoSettings *settings, const char *certificate, const char *key,
							  SoError *error) SO_WARN_UNUSED;

/* Is there a pair that waits to be used? */
extern bool so_rotation_waits(const SoSettings *settings);

/* The master does not take the new certificate: forget it. */
extern void so_rotation_refused(SoAgent *agent, const SoError *error);

/* The master has answered a registration: use the new certificate when it was in it. */
extern void so_rotation_registered(SoAgent *agent);

/* Say once a day that the own certificate ends soon. */
extern void so_rotation_check_expiry(SoAgent *agent, int64_t now_ms);

/*
 * At the start: finish a change that a crash has interrupted between the two
 * renames.  false with *error.
 */
extern bool so_rotation_complete(const SoSettings *settings, SoError *error) SO_WARN_UNUSED;

/* Is this the thumbprint of a certificate that a rotation has put in place? */
extern bool so_rotation_installed(const SoSettings *settings, const SoThumbprint *thumbprint);

#endif /* WORKER_AGENT_ROTATION_H */
