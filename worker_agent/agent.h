/*
 * worker_agent/agent.h
 *
 * The running agent: one event loop that holds everything together.  The parts
 * (registration, lease polls, reports, runners, nursery) are functions on this
 * one structure, each in a file of its own.
 *
 * Process: agent, event loop thread only.
 */
#ifndef WORKER_AGENT_AGENT_H
#define WORKER_AGENT_AGENT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

#include "worker_agent/backoff.h"
#include "worker_agent/capacity.h"
#include "worker_agent/held.h"
#include "worker_agent/identity.h"
#include "worker_agent/load.h"
#include "worker_agent/master_client.h"
#include "worker_agent/pins.h"
#include "worker_agent/settings.h"
#include "worker_agent/spool.h"

struct SoNurseryClient;
struct SoRunner;
struct SoLogSender;

typedef TAILQ_HEAD(SoRunnerList, SoRunner) SoRunnerList;

/* One open lease poll. */
typedef struct SoLeasePoll
{
	struct SoAgent *agent;
	SoChannel channel;
	uint64_t number; /* 0: not open */
	int capacity;
} SoLeasePoll;

typedef struct SoLeaseState
{
	SoLeasePoll polls[2];
	uint64_t newest;     /* number of the newest poll */
	struct event *grace; /* a poll without capacity waits a moment for a free slot */
	bool grace_over;
	struct event *retry;
	bool waiting;   /* for retry */
	bool withdrawn; /* draining, and the master knows */
	SoBackoff backoff;
} SoLeaseState;

typedef struct SoReportState
{
	uint64_t number;
	struct event *timer; /* next heartbeat, next batch or next try */
	bool waiting;        /* for the next try after a failure */
	int64_t last_sent_ms;
	int batch_items; /* items in the next report */
	int sent_items;  /* in the open one */
	bool told_unsettled;
	SoUuid replaced_task; /* the last item that was replaced because the master refused it */
	uint32_t replaced_attempt;
	uint64_t replaced_sequence;
	SoBackoff backoff;
} SoReportState;

typedef struct SoRegisterState
{
	bool open;
	struct event *retry;
	SoBackoff backoff;
	uint64_t number;
} SoRegisterState;

/* What systemd has been told; notify.h. */
typedef struct SoNotify
{
	bool ready;
	bool stopping;
	int64_t watchdog_ms; /* 0: it wants no signs of life */
	int64_t alive_ms;    /* when the last one was given */
	char status[500];
} SoNotify;

typedef struct SoAgent
{
	struct event_base *base;
	SoSettings *settings;
	SoIdentity identity;
	SoHeld *held;
	SoSpool *spool;
	SoMasterClient *client;
	struct SoNurseryClient *nursery;
	SoRunnerList runners;
	uint64_t next_token;
	SoLoad load;
	SoPins pins;            /* what the master has announced of its certificates */
	char *next_certificate; /* PEM of the own certificate that is to be used; NULL: none */
	bool next_sent;         /* in the open registration */
	int64_t expiry_checked_ms;

	/* what the master said */
	bool registered;
	bool enabled;
	bool told_disabled;
	uint64_t epoch; /* of the registration */
	int64_t lease_interval_ms;
	int64_t heartbeat_interval_ms;
	int64_t long_poll_ms;
	int64_t round_trip_ms; /* of the last report, the master's commit included; -1: not known */

	uint64_t request_number; /* of the last request of any kind */
	SoLeaseState lease;
	SoReportState report;
	SoRegisterState registration;
	struct SoLogSender *log_sender;
	SoNotify notify;

	bool draining;             /* take no more tasks */
	bool leaving;              /* and exit when everything has ended and is reported */
	int64_t leave_deadline_ms; /* then running tasks are killed; 0: no limit */
	int64_t flush_deadline_ms; /* then exit even if the master does not answer; 0: not yet */
	int exit_status;
	bool spool_blocked; /* the spool cannot be written; runners are not read */
	int64_t spool_blocked_since_ms;
	SoCapacity capacity; /* why no task is requested */

	struct event *tick;
	int64_t tick_due_ms; /* when the next tick should come */
	int64_t sampled_ms;  /* load */
	int64_t swept_ms;    /* old task folders; 0: not yet */
	struct event *signals[5];
	SoErrorCode complained; /* last failure of the connection that was logged */
	int64_t complained_ms;
} SoAgent;

/* Run until drained or stopped.  settings: talloc child of context.  Returns the exit status. */
extern int so_agent_run(TALLOC_CTX *context, SoSettings *settings);

/*
 * A request failed: log it (repetitions are not), turn to the next endpoint, and
 * return how long to wait before the next try, in ms.
 */
extern int64_t so_agent_request_failed(SoAgent *agent, const SoAnswer *answer, SoBackoff *backoff);

/* A request succeeded. */
extern void so_agent_request_succeeded(SoAgent *agent, SoBackoff *backoff);

/*
 * The answer of a request that names an epoch: itself, or, when it says success
 * without an epoch from 1 on, a failure in *refused, so that it is logged, and
 * asked again later like every other failure.
 */
extern const SoAnswer *
so_agent_judge_answer(const SoAgent *agent, const SoAnswer *answer, SoAnswer *refused);

/*
 * Look at the members "epoch", "enabled" of an answer.  false when its epoch is
 * not the one of the registration; a new registration has then been begun.
 */
extern bool so_agent_check_answer(SoAgent *agent, const SoAnswer *answer);

/*
 * No tick for a while before at_ms (monotonic): the process was stopped or
 * starved, and what came then may be old.
 */
extern bool so_agent_stalled(const SoAgent *agent, int64_t at_ms);

/* Kill runners whose lease has run out. */
extern void so_agent_expire_leases(SoAgent *agent);

/* Write the spool; a failure stops reading from runners until it works again. */
extern bool so_agent_flush_spool(SoAgent *agent);

/* Exit when leaving and nothing is left to do. */
extern void so_agent_check_leave(SoAgent *agent);

/* Leave the loop with a message (a failure that waiting does not cure). */
extern void so_agent_fail(SoAgent *agent, const SoError *error);

/* Arm a timer in ms. */
extern void so_agent_arm(struct event *timer, int64_t delay_ms);

#endif /* WORKER_AGENT_AGENT_H */
