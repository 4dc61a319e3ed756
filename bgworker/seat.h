/*
 * bgworker/seat.h
 *
 * May this process be the master of this catalog?
 */
#ifndef BGWORKER_SEAT_H
#define BGWORKER_SEAT_H

#include "bgworker/master.h"
#include "extension/compat.h"

/*
 * In a transaction: is the extension there, in a version that the library
 * speaks?  Holds a lock on it until the end of the transaction, so a DROP
 * waits.  false with *reason (static) otherwise.
 */
extern bool so_seat_extension(const char **reason);

/*
 * In a transaction, after so_seat_extension: does the binding of the catalog
 * name this cluster, this database and the token of the file?  Takes the next
 * epoch.  false with the reason, palloc'd in the given context.
 */
extern bool so_seat_take(SoMaster *master, MemoryContext context, char **reason);

/*
 * Say why the master does not serve, once for the same reason, and leave: exits
 * with status 0.
 */
pg_noreturn extern void so_seat_refuse(const char *database, const char *reason);

/* The master serves: a later refusal is news. */
extern void so_seat_taken(void);

#endif /* BGWORKER_SEAT_H */
