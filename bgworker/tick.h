/*
 * bgworker/tick.h
 *
 * The turn of the master: everything that waits is handled in one transaction
 * and answered after its commit.
 */
#ifndef BGWORKER_TICK_H
#define BGWORKER_TICK_H

#include "bgworker/gateway_frames.h"
#include "bgworker/leases.h"
#include "bgworker/master.h"
#include "nodes/pg_list.h"

/* An attempt that is sent again because the agent does not list it. */
typedef struct SoRedelivery
{
	pg_uuid_t task;
	uint32 attempt;
	pg_uuid_t agent_id;
} SoRedelivery;

/*
 * What one transaction is to do, and after it has run what came of it.  Lists
 * and outcomes live in the memory context of the turn.
 */
typedef struct SoBatch
{
	/* what to do */
	List *registers; /* of SoRequest */
	List *joins;     /* of SoRequest */
	List *reports;   /* of SoRequest */
	List *task_logs; /* of SoRequest: pieces of logs */
	int first_item;  /* of a single report: items from ... */
	int last_item;   /* ... to, counted from 1; 0: all */
	bool requests;   /* look into internal.request */
	int request_limit;
	List *expired; /* of SoLease */
	bool lease;    /* hand out ready tasks */
	int lease_limit;
	List *redeliveries; /* of SoRedelivery */
	bool online;
	bool listening;
	bool trust;
	bool identity;      /* certificates of the master */
	bool task_log_look; /* which logs workers are to send */
	bool log_copy;      /* news of the copying worker */

	/* what came of it: rows of the SQL functions */
	bool new_work; /* something has become ready in this transaction */
	List *joined;
	List *identities;
	List *registered;
	List *reported;
	List *logs_taken;
	List *logs_open;
	List *actions;
	List *ended;
	bool leasing;        /* agents were asked about */
	List *leased_agents; /* of SoAgent that were asked about */
	List *leased;
	List *redelivered;
	uint8 *thumbprints;
	uint32 n_thumbprints;
	bool enrollment_open;
	bool log_target; /* there is a log database */
	uint32 log_seen; /* of SoLogCopyNews, what was written down */
	uint32 log_seen_state;
	bool trust_changed; /* somebody is trusted, or not any more, since this transaction */
} SoBatch;

/* Add what is due by time and run the batch.  Called at every turn. */
extern void so_tick_run(SoMaster *master, SoBatch *batch);

/* What a transaction does; runs inside the bracket. */
typedef void (*SoTickWork)(SoMaster *master, SoBatch *batch, void *argument);

/*
 * Run the work in a transaction of its own.  Returns NULL when it is
 * committed, otherwise the error (in the context of the turn); the outcome of
 * the batch is then empty.  When the extension is gone the work is not run and
 * master->leave is set.
 */
extern ErrorData *
so_tick_transaction(SoMaster *master, SoBatch *batch, SoTickWork work, void *argument);

/* Run the batch: one transaction, or several when it fails; then the answers. */
extern void so_tick_batch(SoMaster *master, SoBatch *batch);

/* After the commit of the batch: memory, waiters, answers. */
extern void so_tick_done(SoMaster *master, SoBatch *batch);

/* When a turn is due even when nothing happens: monotonic ms. */
extern int64 so_tick_next_deadline(const SoMaster *master);

#endif /* BGWORKER_TICK_H */
