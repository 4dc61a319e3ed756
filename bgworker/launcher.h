/*
 * bgworker/launcher.h
 *
 * The launcher finds the active catalog and keeps a master running for it.
 */
#ifndef BGWORKER_LAUNCHER_H
#define BGWORKER_LAUNCHER_H

#include "postgres_ext.h"

/* The provider of the security label that marks the database of the active catalog. */
#define SO_LABEL_PROVIDER "scaleout"

/*
 * The database whose catalog is marked active, or InvalidOid.  The setting
 * scaleout.database wins over the label.  Opens and ends a transaction of its
 * own; needs no connection to a database.
 */
extern Oid so_launcher_find_database(void);

#endif /* BGWORKER_LAUNCHER_H */
