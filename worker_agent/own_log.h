/*
 * worker_agent/own_log.h
 *
 * Where the agent's own log goes: to LogFile, which rotates itself, to the
 * journal with fields, or to standard error (LogDestination).
 *
 * Process: agent; a mutex lets its threads share the file.
 */
#ifndef WORKER_AGENT_OWN_LOG_H
#define WORKER_AGENT_OWN_LOG_H

#include "common/error.h"
#include "common/log.h"
#include "worker_agent/settings.h"

typedef enum SoOwnLogDestination
{
	SO_OWN_LOG_STDERR,
	SO_OWN_LOG_FILE,
	SO_OWN_LOG_JOURNAL
} SoOwnLogDestination;

/*
 * Where it goes with these settings.  journal_stream is the environment variable
 * JOURNAL_STREAM ("device:inode" of a stream to the journal; NULL: not set), and
 * descriptor 2 is looked at.
 */
extern SoOwnLogDestination
so_own_log_destination(const SoSettings *settings, const char *journal_stream);

/*
 * Open the log that the settings name, again or for the first time, and send
 * the lines of this process there.  false with *error when the file cannot be
 * opened; lines then go where they went.
 */
extern bool so_own_log_open(const SoSettings *settings, SoError *error) SO_WARN_UNUSED;

/*
 * Send one event to the journal with its fields (docs/logs.md).  false when the
 * journal did not take it.
 */
extern bool so_own_log_send_journal(const SoLogRecord *record);

/* The syslog priority of a level, 0 to 7. */
extern int so_own_log_priority(SoLogLevel level);

#endif /* WORKER_AGENT_OWN_LOG_H */
