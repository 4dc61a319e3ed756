/*
 * client/database.h
 *
 * The client's connection to the catalog: libpq with psql's options and
 * environment, and errors in the client's own form.
 */
#ifndef CLIENT_DATABASE_H
#define CLIENT_DATABASE_H

#include <libpq-fe.h>

#include "client/options.h"
#include "common/error.h"

/*
 * Connect and make sure that the catalog is there.  NULL with *error.  The
 * caller closes the connection with PQfinish.
 */
extern PGconn *so_database_connect(const SoConnectionOptions *options, SoError *error);

/*
 * The settings of a connection that has just been made, or made again.  false when
 * the server does not answer: a pooler lets clients in also when its server is away.
 */
extern bool so_database_settle(PGconn *connection);

/*
 * Run one statement with count text parameters (NULL = SQL NULL).  Returns a
 * result that the caller clears, or NULL with *error: the server's SQLSTATE,
 * message, detail and hint, in our form.
 */
extern PGresult *so_database_query(PGconn *connection, const char *sql, int count,
								   const char *const *values, SoError *error);

/* A field as text, "" for NULL. */
extern const char *so_database_value(const PGresult *result, int row, const char *column);

/* Print the error to stderr as "scaleout: SOnnn: ..." on several lines. */
extern void so_database_print_error(const SoError *error);

#endif /* CLIENT_DATABASE_H */
