/*
 * worker_agent/join.h
 *
 * scaleout-worker join: a new worker from an enrollment token, in one step.
 *
 * Process: a person's shell or a provisioning script.
 */
#ifndef WORKER_AGENT_JOIN_H
#define WORKER_AGENT_JOIN_H

#include "common/error.h"
#include "worker_agent/init.h"

/*
 * Make key and certificate in options->directory, let the master that the token
 * pins trust them, and write the settings.  options->master and ->thumbprint are
 * taken from the token.  false with *error; what was made stays only when the
 * master did not answer, and is used by the next call.
 */
extern bool so_join(const char *token, SoInitOptions *options, SoError *error) SO_WARN_UNUSED;

#endif /* WORKER_AGENT_JOIN_H */
