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

#include <limits.h>

#include "common/certificate.h"
#include "common/error.h"
#include "common/uuid.h"

typedef struct SoInitOptions
{
	const char *directory;
	const char *master;       /* MasterEndpoint */
	const char *thumbprint;   /* MasterHttpsCertThumbprint */
	const char *display_name; /* NULL: none */
	const char *description;  /* NULL: none */
	const char *certificate; /* an existing certificate, with its chain behind it; NULL: make one */
	const char *key;         /* its private key */
} SoInitOptions;

/* What init makes, or was given. */
typedef struct SoInitIdentity
{
	char certificate_file[PATH_MAX];
	char key_file[PATH_MAX];
	char agent_id[SO_UUID_TEXT_SIZE];
	SoCertificateFacts facts;
	bool existing;  /* the files are somebody else's */
	bool found_key; /* the key was there before its certificate */
} SoInitIdentity;

/*
 * The steps of so_init, for join.  The folder: made when missing, its full name
 * into directory (PATH_MAX bytes); SO406 when it is a worker's already.
 */
extern bool
so_init_directory(const SoInitOptions *options, char *directory, SoError *error) SO_WARN_UNUSED;

/* Key and certificate: made, given, or with reuse those that are there already. */
extern bool so_init_identity(const SoInitOptions *options, const char *directory, bool reuse,
							 SoInitIdentity *identity, SoError *error) SO_WARN_UNUSED;

/* The settings file. */
extern bool so_init_settings(const SoInitOptions *options, const char *directory,
							 const SoInitIdentity *identity, SoError *error) SO_WARN_UNUSED;

/* Remove key and certificate, unless they were given. */
extern void so_init_remove(const SoInitIdentity *identity);

/*
 * Make everything in directory (created when missing).  false with *error; SO406
 * when the directory has a worker already: nothing is overwritten.  What a failed
 * call has made is removed again.
 */
extern bool so_init(const SoInitOptions *options, SoError *error) SO_WARN_UNUSED;

#endif /* WORKER_AGENT_INIT_H */
