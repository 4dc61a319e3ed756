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

#define SO_JOIN_TOKEN_SIZE 4096

/*
 * Take the token from the command line, where everybody on the machine could read
 * it as long as we run: argument is overwritten.  "-" stands for the first line of
 * standard input.  false with *error SO317 when there is none, or one too long.
 */
extern bool
so_join_token(char *argument, char token[SO_JOIN_TOKEN_SIZE], SoError *error) SO_WARN_UNUSED;

/*
 * Make key and certificate in options->directory, let the master that the token
 * pins trust them, and write the settings.  options->master and ->thumbprint are
 * taken from the token.  false with *error; what was made stays only when the
 * master did not answer, and is used by the next call.
 */
extern bool so_join(const char *token, SoInitOptions *options, SoError *error) SO_WARN_UNUSED;

#endif /* WORKER_AGENT_JOIN_H */
