/*
 * client/logs_messages.h
 *
 * The messages of an execution, for scaleout logs.
 */
#ifndef CLIENT_LOGS_MESSAGES_H
#define CLIENT_LOGS_MESSAGES_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "common/error.h"

typedef struct SoMessageView
{
	PGconn *connection;
	const char *execution_id;
	bool errors_only;
	char last_id[24]; /* highest message id that was shown */
} SoMessageView;

/*
 * Read the messages after last_id, in the order in which they happened, and move
 * last_id on.  The caller clears the result; NULL with *error.
 */
extern PGresult *so_messages_next(SoMessageView *view, SoError *error);

/* A line each. */
extern void so_messages_print(const PGresult *result);

/*
 * Print text that a program made: on a terminal, control characters other than
 * tab and newline are shown as \xNN, so that a log cannot play tricks there.
 */
extern void so_messages_print_text(const char *text);

#endif /* CLIENT_LOGS_MESSAGES_H */
