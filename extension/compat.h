/*
 * extension/compat.h
 *
 * What differs between the server versions 14 to 18; everything else is
 * written against 15.
 *
 * Process: none; compile time only.
 */
#ifndef EXTENSION_COMPAT_H
#define EXTENSION_COMPAT_H

#include "catalog/pg_database.h"
#include "utils/acl.h"
#include "utils/guc.h"

#if PG_VERSION_NUM < 140000
#error "scaleout needs PostgreSQL 14 or newer"
#endif

#if PG_VERSION_NUM < 150000
/* 14 can only warn about unknown names. */
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

#if PG_VERSION_NUM >= 160000
#include "catalog/pg_database_d.h"
#define so_owns_database(database, role) object_ownercheck(DatabaseRelationId, (database), (role))
#define so_owns_extension(extension, role)                                                         \
	object_ownercheck(ExtensionRelationId, (extension), (role))
#else
#define so_owns_database(database, role)   pg_database_ownercheck((database), (role))
#define so_owns_extension(extension, role) pg_extension_ownercheck((extension), (role))
#endif

/* Up to 17 it is an attribute that stands behind a declaration. */
#ifndef pg_noreturn
#define pg_noreturn __attribute__((noreturn))
#endif

/* Under hidden visibility a function must be exported to be callable from SQL. */
#define SO_SQL_FUNCTION(name)                                                                      \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                               \
	PG_FUNCTION_INFO_V1(name)

/* The time line is a variable up to 14, and wait sets belong to resource owners from 17 on. */
#if PG_VERSION_NUM >= 150000
#define so_insertion_timeline() GetWALInsertionTimeLine()
#else
#define so_insertion_timeline() ThisTimeLineID
#endif
#if PG_VERSION_NUM >= 170000
#define so_create_wait_event_set(n) CreateWaitEventSet(NULL, (n))
#else
#define so_create_wait_event_set(n) CreateWaitEventSet(TopMemoryContext, (n))
#endif

/* A name of its own for waits exists from 17 on. */
#if PG_VERSION_NUM >= 170000
#include "utils/wait_event.h"
/* Looking a name up takes a lock in shared memory: once per place and process. */
#define so_wait_event(name)                                                                        \
	({                                                                                             \
		static uint32 so_wait_event_known = 0;                                                     \
		if (so_wait_event_known == 0)                                                              \
			so_wait_event_known = WaitEventExtensionNew(name);                                     \
		so_wait_event_known;                                                                       \
	})
#else
#include "utils/wait_event.h"
#define so_wait_event(name) PG_WAIT_EXTENSION
#endif

/*
 * From 17 on transaction_timeout ends any process whose transaction takes longer, workers too, and
 * a sleep inside of a CALL belongs to a transaction.
 */
#if PG_VERSION_NUM >= 170000
#include "storage/proc.h"
#define so_lift_transaction_timeout()                                                              \
	SetConfigOption("transaction_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE)
#define so_sleep_in_transaction_ms(ms)                                                             \
	(TransactionTimeout > 0 ? Min((ms), Max(TransactionTimeout / 2, 1)) : (ms))
#else
#define so_lift_transaction_timeout()  ((void) 0)
#define so_sleep_in_transaction_ms(ms) (ms)
#endif

#endif /* EXTENSION_COMPAT_H */
