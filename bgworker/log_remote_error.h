/*
 * bgworker/log_remote_error.h
 *
 * What libpq and the log database say, as errors of ours with cause and cure.
 */
#ifndef BGWORKER_LOG_REMOTE_ERROR_H
#define BGWORKER_LOG_REMOTE_ERROR_H

#include "common/error.h"
#include "libpq-fe.h"

/* Why the connection could not be made, or was lost. */
extern void so_log_remote_error_connect(const PGconn *connection, SoError *error);

/* Why a statement failed; result may be NULL. */
extern void
so_log_remote_error_result(const PGconn *connection, const PGresult *result, SoError *error);

/* The hint for whom lacks tables or rights, with the name of the login. */
extern void so_log_remote_error_objects(const PGconn *connection, SoError *error);

#endif /* BGWORKER_LOG_REMOTE_ERROR_H */
