/*
 * extension/log_copy_news.h
 *
 * What the master and the worker that copies messages to the log database tell
 * each other through shared memory: that there is something to copy, that the
 * log database is another one, how far the copy has come and what is in its
 * way.  Nothing of it must survive: how far it has come stands in the log
 * database, and the rest is found out again.
 *
 * Process: master and copying worker.  Protected by SoShared.mutex.
 */
#ifndef EXTENSION_LOG_COPY_NEWS_H
#define EXTENSION_LOG_COPY_NEWS_H

#include "common/error.h"
#include "storage/latch.h"

typedef enum SoLogCopyState
{
	SO_LOG_COPY_UNKNOWN,
	SO_LOG_COPY_COPYING,
	SO_LOG_COPY_FAILING
} SoLogCopyState;

typedef struct SoLogCopyNews
{
	pid_t master;      /* all that follows was told to this one; another one must not believe it */
	pid_t pid;         /* of the copying worker; 0: none */
	Latch *latch;      /* of it; see SoShared about latches */
	uint32 generation; /* the master counts changes of the log database */
	uint32 told;       /* counts what the worker has told */
	uint32 told_state; /* counts changes of the state among these */
	int64 done_to; /* everything up to this number of the queue is committed there; 0: not known */
	uint32 state_generation; /* the log database that the state is about */
	SoLogCopyState state;
	SoErrorCode code; /* of FAILING */
	char message[512];
	char hint[512];
} SoLogCopyNews;

/*
 * The calling process becomes the copying worker until it exits; false when
 * there is another one.
 */
extern bool so_log_copy_news_claim(void);

/* Of the worker: copied up to this number; what stands in the way, or nothing (error NULL). */
extern void so_log_copy_news_done(int64 done_to);
extern void so_log_copy_news_state(uint32 generation, const SoError *error);

/* The number of the log database that is to be used now. */
extern uint32 so_log_copy_news_generation(void);

/* Is the master still there that the worker was started by, and nobody wants it to leave? */
extern bool so_log_copy_news_wanted(void);

/* Of the master: there is something to copy; another log database is set. */
extern void so_log_copy_news_wake(void);
extern void so_log_copy_news_changed(void);

/* A copy of the news; what was told to another master is left out, but not that there is a worker. */
extern SoLogCopyNews so_log_copy_news_read(void);

#endif /* EXTENSION_LOG_COPY_NEWS_H */
