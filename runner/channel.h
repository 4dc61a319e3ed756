/*
 * runner/channel.h
 *
 * The runner's end of the socket to the agent: a thread of its own reads and
 * writes frames, so that a busy control thread hears a cancel at once and a
 * slow agent does not stop the execution before the limit is reached.
 *
 * Process: runner.  A mutex protects the queue between the two threads.
 */
#ifndef RUNNER_CHANNEL_H
#define RUNNER_CHANNEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/protocol.h"

typedef struct SoChannel SoChannel;

/*
 * Take fd over, send HELLO, read the TASK frame.  *task is a new reference to
 * its JSON, or NULL with *error when it is no task; the channel can report that.
 * NULL with *error when the agent went away or nothing can be read from it.
 */
extern SoChannel *so_channel_open(int fd, json_t **task, SoError *error);

/* Readable once the agent has asked to cancel, or has gone. */
extern int so_channel_cancel_fd(const SoChannel *channel);

/*
 * Queue one report item (stolen) with the next sequence number.  Waits while
 * too much is unsent; drops the item when the agent has gone.
 */
extern void so_channel_item(SoChannel *channel, SoItemKind kind, json_t *item);

/* The same; the item's sequence, or 0 when the agent has gone or there is no memory. */
extern uint64_t so_channel_item_sequence(SoChannel *channel, SoItemKind kind, json_t *item);

/* Every item up to this sequence is committed. */
extern uint64_t so_channel_acknowledged(SoChannel *channel);

/* Has the agent gone? */
extern bool so_channel_gone(SoChannel *channel);

/*
 * An eventfd of the channel, readable after each acknowledgement or reply and
 * when the agent goes; so_channel_news_taken makes it unreadable.
 */
extern int so_channel_news_fd(const SoChannel *channel);
extern void so_channel_news_taken(SoChannel *channel);

/*
 * Wait for the catalog's reply to the item (a new reference).  NULL when the
 * agent has gone, or asked to cancel, or when the item was acknowledged
 * without a reply.
 */
extern json_t *so_channel_wait_reply(SoChannel *channel, uint64_t sequence);

/* The next reply that nobody waited for, with its sequence; NULL when there is none. */
extern json_t *so_channel_next_reply(SoChannel *channel, uint64_t *sequence);

/* Queue a log line. */
extern void so_channel_log(SoChannel *channel, int level, const char *line);

/* Wait until everything queued is acknowledged (true) or the agent has gone (false). */
extern bool so_channel_finish(SoChannel *channel);

/* Stop the thread and free everything; closes the socket. */
extern void so_channel_close(SoChannel *channel);

#endif /* RUNNER_CHANNEL_H */
