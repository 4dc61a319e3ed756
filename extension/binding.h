/*
 * extension/binding.h
 *
 * The seat of the catalog outside of the database: the token file beside the
 * keys, and the security label that tells the launcher where to look.
 *
 * The token file has lines "name=value":
 *
 *   token=<uuid>                   equal to internal.binding.token
 *   system_identifier=<number>     of the cluster
 *   database_oid=<number>          of the database whose catalog is active
 *   data_directory=<path>          once per data directory that may use it
 *
 * Process: backends write it (enable_scaleout), the master reads it.
 */
#ifndef EXTENSION_BINDING_H
#define EXTENSION_BINDING_H

#include "common/error.h"

#define SO_BINDING_MAX_DIRECTORIES 8

typedef struct SoBinding
{
	char token[37]; /* UUID text, lower case */
	uint64 system_identifier;
	Oid database;
	int n_directories;
	char directories[SO_BINDING_MAX_DIRECTORIES][1024];
} SoBinding;

/* Registers the provider of the label; from _PG_init under preload. */
extern void so_binding_init(void);

/*
 * Read the token file.  false with SO134 when it is missing, open to others or
 * malformed.  Raises no PostgreSQL errors but those of memory.
 */
extern bool so_binding_read(SoBinding *binding, SoError *error) SO_WARN_UNUSED;

/*
 * May this server, with its data directory and system identifier, use the
 * binding?  false with *error saying why not.
 */
extern bool so_binding_is_ours(const SoBinding *binding, SoError *error) SO_WARN_UNUSED;

/*
 * The database whose catalog the token file binds to this server, InvalidOid
 * without a usable file.  Several databases may carry the label (a restored
 * copy brings it along); this one is meant.
 */
extern Oid so_binding_database(void);

#endif /* EXTENSION_BINDING_H */
