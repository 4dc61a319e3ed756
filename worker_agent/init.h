/*
 * worker_agent/init.h
 *
 * scaleout-worker init: makes the identity of a new worker (id, key, self-signed
 * certificate) and its settings file, and says what to do on the master.
 *
 * Process: a person's shell or a provisioning script.
 */
#ifndef WORKER_AGENT_INIT_H
#define WORKER_AGENT_INIT_H

#include "common/error.h"

typedef struct SoInitOptions
{
	const char *directory;
	const char *master;       /* MasterEndpoint */
	const char *thumbprint;   /* MasterHttpsCertThumbprint */
	const char *display_name; /* NULL: none */
	const char *description;  /* NULL: none */
} SoInitOptions;

/*
 * Make everything in directory (created when missing).  false with *error; SO406
 * when the directory has a worker already: nothing is overwritten.  What a failed
 * call has made is removed again.
 */
extern bool so_init(const SoInitOptions *options, SoError *error) SO_WARN_UNUSED;

#endif /* WORKER_AGENT_INIT_H */
