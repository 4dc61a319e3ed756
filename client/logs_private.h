/*
 * client/logs_private.h
 *
 * What the files of scaleout logs share; see logs.h.
 *
 * Process: client.
 */
#ifndef CLIENT_LOGS_PRIVATE_H
#define CLIENT_LOGS_PRIVATE_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "client/logs_messages.h"
#include "client/logs_task.h"
#include "common/error.h"

typedef struct SoLogs
{
	PGconn *connection;
	bool messages; /* show them */
	bool task_log;
	bool asked; /* for the task log by name: without it the command has failed */
	bool all_attempts;
	int attempt; /* 0: the last one */
	bool json;
	bool follow;
	int patience_s; /* with a server that is lost while following */
	bool headed;    /* something was printed that a heading must be set off from */
	SoMessageView view;
	SoTaskLogView task;
} SoLogs;

/* Print the error; returns the exit status for it. */
extern int so_logs_report(const SoError *error);

/*
 * Print the messages that are new.  missing: the error when there are none at all;
 * NULL: that is none.
 */
extern bool so_logs_messages(SoLogs *logs, const SoError *missing, SoError *error) SO_WARN_UNUSED;

/* Print a heading as tail(1) does with several files. */
extern void so_logs_heading(SoLogs *logs, int attempt, const char *worker);

/*
 * Say why there is no task log; by itself no failure unless the log was what was
 * asked for.  Returns the exit status.
 */
extern int so_logs_missing(const SoLogs *logs, int attempt, const SoError *error);

/*
 * Print messages and task log as they come until the execution has ended; a server
 * that restarts is waited for.  Returns the exit status.
 */
extern int so_logs_follow(SoLogs *logs);

#endif /* CLIENT_LOGS_PRIVATE_H */
