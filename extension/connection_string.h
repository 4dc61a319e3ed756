/*
 * extension/connection_string.h
 *
 * The connection string of the log database: what it may say.
 *
 * Process: client backends (update_logdb_info) and the copying worker; no state.
 */
#ifndef EXTENSION_CONNECTION_STRING_H
#define EXTENSION_CONNECTION_STRING_H

#include "common/error.h"

/*
 * A file that does not exist, for options that would otherwise name one of the
 * server's account by default.
 */
#define SO_NO_SUCH_FILE "/dev/null/none"

/*
 * Can libpq read it, and may this caller use it?  Whoever is not a superuser of
 * this server must give a password and no option that reads files or takes the
 * identity of the server's account.  false with SO170, SO171 or SO172; no text
 * of the error repeats a part of the string that could be a secret.
 */
extern bool
so_connection_string_check(const char *text, bool by_superuser, SoError *error) SO_WARN_UNUSED;

#endif /* EXTENSION_CONNECTION_STRING_H */
